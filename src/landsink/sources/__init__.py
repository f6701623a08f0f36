"""Where data come from: one provider a file, each a class with `gives`, `open` and `inputs`."""

from landsink.sources.drivers import Drivers
from landsink.sources.europe import EuropeForcing
from landsink.sources.fluxnet import Fluxnet
from landsink.sources.fluxval import FluxVal
from landsink.sources.rothamsted import Rothamsted
from landsink.sources.virtual import VirtualEurope

__all__ = ["Drivers", "EuropeForcing", "FluxVal", "Fluxnet", "Rothamsted", "VirtualEurope"]
