"""Atmospheric mole fractions: selection of hours, trend, season and growth."""

from landsink.stations.air.bootstrap import Bootstrap, fit_with_errors
from landsink.stations.air.curve import Curve, fit
from landsink.stations.air.growth import NewYear, annual_increase, deseasonalise
from landsink.stations.air.scale import join, to_scale
from landsink.stations.air.select import Hours, daily, monthly

__all__ = [
    "Bootstrap",
    "Curve",
    "Hours",
    "NewYear",
    "annual_increase",
    "daily",
    "deseasonalise",
    "fit",
    "fit_with_errors",
    "join",
    "monthly",
    "to_scale",
]
