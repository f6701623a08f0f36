"""Soil carbon: climate of decay, and four models of what becomes of litter."""

from .climate import SoilClimate as SoilClimate
from .icbm import Icbm as Icbm
from .litter import LitterSoil as LitterSoil
from .rothc import Inert as Inert
from .rothc import Manure as Manure
from .rothc import RothC as RothC
from .rothc_climate import RothCClimate as RothCClimate
from .yasso import Yasso15 as Yasso15
from .yasso import Yasso15Annual as Yasso15Annual
