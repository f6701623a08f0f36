"""Water: net radiation, snow and soil."""

from .radiation import NetRadiation as NetRadiation
from .snow import Snow as Snow
from .soil import SoilMoisture as SoilMoisture
from .soil import SoilWater as SoilWater
