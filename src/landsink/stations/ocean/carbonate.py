"""Carbon dioxide in air over water: dry mole fraction, partial pressure, fugacity, and its change with temperature.

pCO2 = x (P - pH2O)      moist air that stands in balance with the water
fCO2 = pCO2 exp[P (B + 2 (1 - x)² δ) / (R T)]      B, δ: virial coefficients of Weiss 1974
Pressures are in atm inside; records bring hPa (1 atm = 1013.25 hPa). Partial pressures and fugacities are in µatm.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import xarray as xr

from landsink.core.errors import DataError

FREEZING = 273.15
ATMOSPHERE = 1013.25  # hPa
GAS_CONSTANT = 82.05746  # cm3 atm mol-1 K-1


def vapour_pressure(temperature: np.ndarray, salinity: np.ndarray) -> np.ndarray:
    """Saturation pressure of water over sea water [atm] at `temperature` [degC]; Weiss & Price 1980, equation 10."""
    t = (np.asarray(temperature, float) + FREEZING) / 100
    return np.exp(24.4543 - 67.4509 / t - 4.8489 * np.log(t) - 0.000544 * np.asarray(salinity))


def virial(temperature: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(B, δ) [cm3 mol-1]: of CO2 with itself and with air at `temperature` [degC]; Weiss 1974, equations 6 and 11."""
    t = np.asarray(temperature, float) + FREEZING
    own = -1636.75 + 12.0408 * t - 3.27957e-2 * t**2 + 3.16528e-5 * t**3
    return own, 57.7 - 0.118 * t


def fugacity_factor(temperature: np.ndarray, pressure: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """fCO2 / pCO2 at `temperature` [degC], total `pressure` [atm], dry mole `fraction` [mol mol-1]."""
    own, cross = virial(temperature)
    t = np.asarray(temperature, float) + FREEZING
    return np.exp(
        np.asarray(pressure) * (own + 2 * (1 - np.asarray(fraction)) ** 2 * cross) / (GAS_CONSTANT * t)
    )


def pco2_from_xco2(
    xco2: np.ndarray, pressure: np.ndarray, temperature: np.ndarray, salinity: np.ndarray
) -> np.ndarray:
    """Partial pressure [µatm] of dry mole fraction `xco2` [µmol mol-1] in air of `pressure` [hPa] over sea water."""
    return np.asarray(xco2) * (np.asarray(pressure) / ATMOSPHERE - vapour_pressure(temperature, salinity))


def xco2_from_pco2(
    pco2: np.ndarray, pressure: np.ndarray, temperature: np.ndarray, salinity: np.ndarray
) -> np.ndarray:
    """Dry mole fraction [µmol mol-1] of partial pressure `pco2` [µatm]; the inverse of `pco2_from_xco2`."""
    return np.asarray(pco2) / (np.asarray(pressure) / ATMOSPHERE - vapour_pressure(temperature, salinity))


def fco2_from_pco2(
    pco2: np.ndarray, pressure: np.ndarray, temperature: np.ndarray, xco2: np.ndarray | float = 400.0
) -> np.ndarray:
    """Fugacity [µatm] of partial pressure `pco2` [µatm] at total `pressure` [hPa] and `temperature` [degC].

    `xco2` [µmol mol-1] enters only as (1 - x)², so that its value hardly matters (1e-5 of fCO2 at most).
    """
    return np.asarray(pco2) * fugacity_factor(
        temperature, np.asarray(pressure) / ATMOSPHERE, np.asarray(xco2) * 1e-6
    )


def fco2_from_xco2(
    xco2: np.ndarray, pressure: np.ndarray, temperature: np.ndarray, salinity: np.ndarray
) -> np.ndarray:
    """Fugacity [µatm] of dry mole fraction `xco2` [µmol mol-1] in moist air of `pressure` [hPa] over sea water."""
    pco2 = pco2_from_xco2(xco2, pressure, temperature, salinity)
    return fco2_from_pco2(pco2, pressure, temperature, xco2)


class Warming(Protocol):
    """How fCO2 (or pCO2) of a closed parcel of water changes with temperature."""

    def __call__(self, fco2: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Fugacity [µatm] `after` from that `before`, both temperatures in degC."""
        ...


@dataclass(frozen=True)
class Takahashi:
    """d ln pCO2 / dT = linear - 2 · curved · T at constant alkalinity and total carbon.

    1993 (10.1029/93GB02263): 0.0423 K-1, what SOCAT uses. 2009 (10.1016/j.dsr2.2008.12.009): 0.0433 - 8.7e-5 T.
    """

    linear: float = 0.0423
    curved: float = 0.0

    Of1993: ClassVar["Takahashi"]
    Of2009: ClassVar["Takahashi"]

    def __call__(self, fco2: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Fugacity [µatm] at temperature `after` [degC] of water that had `fco2` at `before` [degC]."""
        before, after = np.asarray(before, float), np.asarray(after, float)
        return np.asarray(fco2) * np.exp(
            self.linear * (after - before) - self.curved * (after**2 - before**2)
        )


Takahashi.Of1993 = Takahashi()
Takahashi.Of2009 = Takahashi(0.0433, 4.35e-5)

NEEDED = ("xco2_water_equ", "p_equ", "t_equ", "sst", "salinity")


def fco2_at_sea(ds: xr.Dataset, warming: Warming = Takahashi.Of1993) -> xr.DataArray:
    """Fugacity of sea water at its surface temperature (time) [µatm] from what the equilibrator gave.

    As SOCAT recomputes it (Pfeil et al. 2013, 10.5194/essd-5-125-2013, case 1): dry mole fraction to moist partial
    pressure at the equilibrator's pressure and temperature, to fugacity there, then to the sea's temperature.
    ds: a record with xco2_water_equ [µmol mol-1], p_equ [hPa], t_equ, sst [degC], salinity. Raises DataError where a
    variable is absent or no sample has all of them.
    """
    absent = [name for name in NEEDED if name not in ds]
    if absent:
        raise DataError(
            f"The record has no {', '.join(absent)}.", f"{', '.join(NEEDED)}.", "Name or compute them first."
        )
    x, p, t, sst, salinity = (ds[name].values.astype(float) for name in NEEDED)
    fco2 = warming(fco2_from_xco2(x, p, t, salinity), t, sst)
    if not np.isfinite(fco2).any():
        raise DataError(f"No sample has all of {', '.join(NEEDED)}.", "At least one whole sample.")
    attrs = {
        "units": "uatm",
        "long_name": "fugacity of CO2 in sea water at its surface temperature",
        "warming": str(warming),
    }
    return xr.DataArray(fco2, ds["sst"].coords, ds["sst"].dims, "fco2", attrs)
