"""What instruments, and common sense, would say of a model."""

from .direct import Biomass as Biomass
from .direct import Evapotranspiration as Evapotranspiration
from .direct import LeafArea as LeafArea
from .direct import Observation as Observation
from .direct import SoilCarbon as SoilCarbon
from .direct import TowerFlux as TowerFlux
from .sense import Bounded as Bounded
from .sense import NearSteady as NearSteady
from .sense import Order as Order
from .sense import Ratio as Ratio
