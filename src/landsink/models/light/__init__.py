"""Light, leaves and photosynthesis."""

from .canopy import Canopy as Canopy
from .light_use import LightUse as LightUse
from .pmodel import PModel as PModel
from .sun import Sun as Sun
