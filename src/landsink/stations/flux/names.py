"""FLUXNET's names of what a tower measures, with their units and the range that a value may have."""

from typing import NamedTuple


class Measured(NamedTuple):
    """unit, and lowest and highest plausible half-hourly value [unit]."""

    unit: str
    low: float
    high: float


UNITS: dict[str, Measured] = {
    "FC": Measured("umol m-2 s-1", -100.0, 100.0),  # turbulent flux of CO2
    "SC": Measured("umol m-2 s-1", -80.0, 50.0),  # change of CO2 stored below the sensor
    "NEE": Measured("umol m-2 s-1", -100.0, 100.0),  # FC + SC, positive to the atmosphere
    "H": Measured("W m-2", -450.0, 900.0),
    "LE": Measured("W m-2", -450.0, 900.0),
    "USTAR": Measured("m s-1", 0.0, 8.0),
    "TA": Measured("degC", -50.0, 50.0),
    "TS": Measured("degC", -40.0, 65.0),
    "VPD": Measured("hPa", 0.0, 80.0),
    "RH": Measured("%", 0.0, 100.0),
    "PA": Measured("kPa", 60.0, 110.0),
    "P": Measured("mm", 0.0, 100.0),  # sum over the interval
    "SW_IN": Measured("W m-2", -50.0, 1400.0),
    "SW_IN_POT": Measured("W m-2", 0.0, 1450.0),
    "SW_OUT": Measured("W m-2", -50.0, 1000.0),
    "LW_IN": Measured("W m-2", 50.0, 700.0),
    "LW_OUT": Measured("W m-2", 100.0, 800.0),
    "PPFD_IN": Measured("umol m-2 s-1", -50.0, 2600.0),
    "NETRAD": Measured("W m-2", -280.0, 1100.0),
    "G": Measured("W m-2", -250.0, 400.0),
    "WS": Measured("m s-1", 0.0, 60.0),
    "WD": Measured("degree", 0.0, 360.0),
    "SWC": Measured("%", 0.0, 100.0),
    "CO2": Measured("umol mol-1", 300.0, 1200.0),
}
