"""Surface ocean: partial pressures, solubility, and the exchange of carbon dioxide with the air."""

from landsink.stations.ocean.carbonate import (
    Takahashi,
    fco2_at_sea,
    fco2_from_pco2,
    fco2_from_xco2,
    pco2_from_xco2,
)
from landsink.stations.ocean.exchange import Errors, budget, exchange
from landsink.stations.ocean.solubility import Solubility
from landsink.stations.ocean.transfer import Schmidt, Transfer

__all__ = [
    "Errors",
    "Schmidt",
    "Solubility",
    "Takahashi",
    "Transfer",
    "budget",
    "exchange",
    "fco2_at_sea",
    "fco2_from_pco2",
    "fco2_from_xco2",
    "pco2_from_xco2",
]
