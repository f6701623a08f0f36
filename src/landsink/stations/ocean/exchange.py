"""Carbon dioxide between sea and air, F = k K0 (fCO2 water - fCO2 air) (1 - ice), with its error taken apart.

Positive to the atmosphere. Errors are propagated to first order: each input is moved by its standard error, the flux's
change is that input's part of the budget, with its sign. Parts of one sample are added in quadrature; in a mean over a
cruise each input's error is taken as shared by all samples (a drift of the instrument, a relation that is wrong), which
is the careful end: only then are the inputs added in quadrature.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
import xarray as xr

from landsink.core.errors import DataError
from landsink.stations.ocean.carbonate import fco2_from_xco2
from landsink.stations.ocean.solubility import Solubility
from landsink.stations.ocean.transfer import Transfer

HOURS = 8766.0  # in a year of 365.25 days
LITRES = 1000.0  # in a cubic metre


@dataclass(frozen=True)
class Errors:
    """Standard errors of what goes in. fCO2 of water: 2 µatm is what SOCAT asks of its best cruises (flags A, B), 5 of
    others (C, D). Solubility: Weiss 1974 states 0.2 %. The wind's is the user's, and so is that of the dry fraction."""

    fco2_water: float = 2.0  # µatm
    xco2_air: float = 0.2  # µmol mol-1
    pressure: float = 0.5  # hPa
    temperature: float = 0.05  # K
    salinity: float = 0.1
    wind: float = 0.5  # m s-1
    solubility: float = 0.002  # relative


@dataclass(frozen=True)
class Inputs:
    """What a flux is made of, each (n): µatm, µmol mol-1, hPa, degC, -, m s-1, m2 s-2, 0-1; the last two relative."""

    fco2_water: np.ndarray
    xco2_air: np.ndarray
    pressure: np.ndarray
    temperature: np.ndarray
    salinity: np.ndarray
    wind: np.ndarray
    variance: np.ndarray
    ice: np.ndarray
    solubility: float = 1.0
    transfer: float = 1.0

    def moved(self, name: str, step: float) -> "Inputs":
        """The same with one input larger by `step`."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        return Inputs(**{**parts, name: parts[name] + step})


def parts(x: Inputs, transfer: Transfer, solubility: Solubility) -> dict[str, np.ndarray]:
    """Transfer velocity [cm h-1], solubility [mol L-1 atm-1], fCO2 of air [µatm] and flux [mol m-2 yr-1]."""
    k = x.transfer * transfer(x.wind, x.temperature, x.variance)
    k0 = x.solubility * solubility(x.temperature, x.salinity)
    air = fco2_from_xco2(x.xco2_air, x.pressure, x.temperature, x.salinity)
    flux = 0.01 * HOURS * k * LITRES * k0 * 1e-6 * (x.fco2_water - air) * (1 - x.ice)
    return {"k": k, "k0": k0, "fco2_air": air, "flux": flux}


def components(
    f: Callable[[Inputs], np.ndarray], x: Inputs, errors: dict[str, float]
) -> dict[str, np.ndarray]:
    """Change of `f` (n) for each input moved by its error: half the difference of a step up and a step down."""
    return {name: (f(x.moved(name, sd)) - f(x.moved(name, -sd))) / 2 for name, sd in errors.items()}


def column(ds: xr.Dataset, name: str, remedy: str) -> np.ndarray:
    """A variable's values. Raises DataError where it is absent."""
    if name not in ds:
        raise DataError(f"The record has no {name}.", "It stands in the flux's equation.", remedy)
    return ds[name].values.astype(float)


def exchange(
    ds: xr.Dataset,
    wind: xr.DataArray | float,
    variance: xr.DataArray | float = 0.0,
    ice: xr.DataArray | float = 0.0,
    transfer: Transfer = Transfer.Wanninkhof2014,
    errors: Errors = Errors(),
    fco2: str = "fco2",
) -> xr.Dataset:
    """Flux of CO2 from sea to air (time) with its budget of errors.

    ds: a surface-ocean record with `fco2` [µatm] (or the variable named), `xco2_air` [µmol mol-1], `p_air` [hPa],
    `sst` [degC], `salinity`. wind [m s-1 at 10 m] and its variance [m2 s-2] come from elsewhere; a ship's file has
    none. ice: the share of the sea that is covered [0-1].
    Returns `flux` [mol m-2 yr-1, + to the atmosphere], `flux_sd`, `k`, `k0`, `fco2_air`, and `part_<input>` [mol m-2
    yr-1], the signed error that each input brings. Raises DataError where an input is absent or no sample is whole.
    """
    shape = ds["sst"].shape if "sst" in ds else ()

    def spread(value: xr.DataArray | float) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, float), shape)

    x = Inputs(
        column(ds, fco2, "Compute it with stations.ocean.fco2_at_sea."),
        column(ds, "xco2_air", "Take it from an air record or a marine boundary layer product."),
        column(ds, "p_air", "Take it from a reanalysis."),
        column(ds, "sst", "Measured."),
        column(ds, "salinity", "Measured, or a climatology."),
        spread(wind),
        spread(variance),
        spread(ice),
    )
    found = parts(x, transfer, Solubility.Weiss1974)
    if not np.isfinite(found["flux"]).any():
        raise DataError(
            "No sample has all that the flux needs.", "fCO2, air, pressure, temperature, salinity and wind."
        )
    moves = {field.name: getattr(errors, field.name) for field in fields(errors)} | {
        "transfer": transfer.relative
    }
    budget = components(lambda moved: parts(moved, transfer, Solubility.Weiss1974)["flux"], x, moves)
    units = {"k": "cm h-1", "k0": "mol L-1 atm-1", "fco2_air": "uatm", "flux": "mol m-2 yr-1"}
    dims = ds["sst"].dims
    variables = {name: (dims, value, {"units": units[name]}) for name, value in found.items()}
    variables["flux_sd"] = (dims, np.sqrt(sum(p**2 for p in budget.values())), {"units": "mol m-2 yr-1"})
    for name, part in budget.items():
        attrs = {"units": "mol m-2 yr-1", "long_name": f"error of the flux by {name} ({moves[name]:g})"}
        variables[f"part_{name}"] = (dims, part, attrs)
    out = xr.Dataset(variables, coords=ds["sst"].coords, attrs=dict(ds.attrs))
    out["flux"].attrs |= {"long_name": "flux of CO2 from sea to air", "sign": "positive to the atmosphere"}
    return out.assign_attrs(transfer=transfer.source, errors=str(errors))


def budget(flux: xr.Dataset) -> pd.DataFrame:
    """The mean flux's errors [mol m-2 yr-1] by input, the largest first, and their `share` of the variance.

    The row 'total' is their sum in quadrature; `of_flux` is relative to the mean flux.
    """
    mean = float(flux["flux"].mean())
    named = {str(n)[5:]: abs(float(flux[n].mean())) for n in flux.data_vars if str(n).startswith("part_")}
    table = pd.Series(named, name="error").sort_values(ascending=False).to_frame()
    total = float(np.sqrt((table["error"] ** 2).sum()))
    table["share"] = table["error"] ** 2 / total**2 if total else np.nan
    table.loc["total"] = [total, 1.0]
    table["of_flux"] = table["error"] / abs(mean) if mean else np.nan
    return table
