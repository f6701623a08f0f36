"""A surface-ocean record through its recomputation and errors to a sheet."""

from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr

from landsink.core.errors import DataError
from landsink.stations.flux.stage import Report, Step
from landsink.stations.ocean import fco2_at_sea, fco2_from_xco2
from landsink.stations.ocean.carbonate import NEEDED

from .station_air import Course
from .station_sheet import Headline, Sheet, flag_counts, yearly

# What SOCAT asks of its cruises by their flag (Wanninkhof et al. 2013; Bakker et al. 2016, 10.5194/essd-8-383-2016).
ACCURACY = MappingProxyType({"A": 2.0, "B": 2.0, "C": 5.0, "D": 5.0, "E": 10.0})
GOOD = ("good", "not_flagged")
TITLES = MappingProxyType(
    {
        "fco2": "fugacity of CO2 in surface water at its own temperature",
        "pco2": "partial pressure of CO2 in surface water",
        "fco2_recomputed": "fugacity of CO2 in surface water, recomputed from the equilibrator",
        "fco2_air": "fugacity of CO2 in the air above",
        "dfco2": "fugacity of CO2, water less air",
        "sst": "temperature of the surface water",
        "salinity": "practical salinity of the surface water",
        "xco2_air": "dry mole fraction of CO2 in the air above",
    }
)
SIGN = "positive: the water holds more than the air, and would give CO2 to it"
METHOD = (
    "fCO2 as in Pfeil et al. 2013, 10.5194/essd-5-125-2013: Weiss 1974, Weiss & Price 1980, Takahashi 1993"
)


def process(
    ds: xr.Dataset, error: float | None, report: Report
) -> tuple[Sheet, dict[str, xr.Dataset], tuple[Step, ...]]:
    """The sheet of a surface-ocean record, its products by name, and what became of each step.

    error: one standard deviation of fCO2 [µatm]; what SOCAT asks of the cruise's flag if not given, else unknown.
    Raises DataError where the record has neither fCO2 nor pCO2 nor what they are computed from.
    """
    course = Course(report)
    recomputed = course.attempt("fCO2 from the equilibrator", lambda: _recomputed(ds))
    air = course.attempt("fCO2 of the air", lambda: _air(ds))
    sd, told = accuracy(ds, error)
    made = _variables(ds, recomputed, air, sd, told)
    main = next((n for n in ("fco2", "pco2", "fco2_recomputed") if n in made), None)
    if main is None:
        raise DataError(
            f"None of the {ds.sizes['time']} samples has fCO2, pCO2, or all of {', '.join(NEEDED)}.",
            "At least one whole sample.",
            "See which columns of the file are filled.",
        )
    native = xr.Dataset(made, coords={"time": ds["time"]})
    track = list(zip(*(ds[n].values.round(5).tolist() for n in ("longitude", "latitude")), strict=True))
    code, ship = str(ds.attrs["station"]), str(ds.attrs.get("ship", ""))
    sheet = Sheet(
        station=code,
        name=ship or code,
        domain="ocean",
        title=f"{ship or 'Station'}{f' {code}' if ship else f' {code}'}: CO2 in surface water",
        place=_fixed(ds),
        series={"native": native},
        coverage=[row for n in made if n in ("fco2", "pco2") for row in _coverage(native, n)],
        quality=[row for n in made if n in ds for row in flag_counts(native, n)],
        headlines=_headlines(native, main, sd, told),
        notes=[str(ds.attrs[n]) for n in ("unit_notes",) if ds.attrs.get(n)] + _interpolated(ds),
        track=[] if _fixed(ds) else track,
        method=METHOD,
        source=str(ds.attrs.get("source", "")),
        licence=str(ds.attrs.get("licence", "")),
        citation=str(ds.attrs.get("citation", "")),
        attrs={n: ds.attrs[n] for n in ("cruise_flag", "expocode", "ship") if n in ds.attrs},
    )
    whole = ds.drop_vars([n for n in ds.data_vars if n in made]).merge(native)
    return sheet, {"native": whole}, tuple(course.steps)


def accuracy(ds: xr.Dataset, error: float | None) -> tuple[float, str]:
    """One standard deviation of fCO2 [µatm] and whose word it is; NaN where nobody says."""
    if error is not None:
        if not (np.isfinite(error) and error > 0):
            raise DataError(f"An error of {error} µatm.", "More than nought.", "Say --fco2-error 2.")
        return float(error), "1 sd: as the operator states it"
    flag = str(ds.attrs.get("cruise_flag", ""))
    if flag in ACCURACY:
        return ACCURACY[flag], f"1 sd: what SOCAT asks of cruises flagged {flag}, 10.5194/essd-8-383-2016"
    return np.nan, ""


def _recomputed(ds: xr.Dataset) -> tuple[xr.DataArray, str]:
    made = fco2_at_sea(ds)
    if "fco2" not in ds or not ds["fco2"].notnull().any():
        return made, f"{int(made.notnull().sum())} samples."
    apart = (made - ds["fco2"]).values
    there = apart[np.isfinite(apart)]
    return made, (
        f"{int(made.notnull().sum())} samples; less the provider's: mean {there.mean():+.2f},"
        f" spread {there.std():.2f} µatm."
    )


def _air(ds: xr.Dataset) -> tuple[xr.DataArray, str]:
    if "fco2_air" in ds and ds["fco2_air"].notnull().any():
        return ds["fco2_air"], "as the file has it."
    needed = ("xco2_air", "p_air", "sst", "salinity")
    absent = [n for n in needed if n not in ds or not ds[n].notnull().any()]
    if absent:
        raise DataError(f"The record has no {', '.join(absent)}.", f"{', '.join(needed)}.")
    x, p, t, s = (ds[n].values.astype(float) for n in needed)
    made = xr.DataArray(fco2_from_xco2(x, p, t, s), dims="time", attrs={"units": "uatm"})
    guessed = [n for n in needed if n in str(ds.attrs.get("interpolated", "")).split()]
    beside = f" Interpolated, not measured: {', '.join(guessed)}." if guessed else ""
    return made, f"from the dry fraction, {int(made.notnull().sum())} samples.{beside}"


def _variables(
    ds: xr.Dataset, recomputed: xr.DataArray | None, air: xr.DataArray | None, sd: float, told: str
) -> dict[str, xr.DataArray]:
    """The variables shown, those without any value left out, each with its flag and error."""
    pool = {n: ds[n] for n in ("fco2", "pco2", "sst", "salinity", "xco2_air") if n in ds}
    pool |= {n: v for n, v in (("fco2_recomputed", recomputed), ("fco2_air", air)) if v is not None}
    if "fco2" in ds and air is not None:
        pool["dfco2"] = (ds["fco2"] - air).assign_attrs(units="uatm", sign=SIGN)
    made: dict[str, xr.DataArray] = {}
    for name, values in pool.items():
        if not values.notnull().any():
            continue
        kept = {k: v for k, v in values.attrs.items() if k != "ancillary_variables"}
        made[name] = values.reset_coords(drop=True).drop_vars("time", errors="ignore")
        made[name].attrs = kept | {"long_name": TITLES[name], "product": "as read" if name in ds else METHOD}
        if np.isfinite(sd) and name in ("fco2", "pco2", "fco2_recomputed"):
            made[name].attrs["uncertainty"] = told
            made[f"{name}_sd"] = xr.full_like(made[name], sd).where(made[name].notnull())
            made[f"{name}_sd"].attrs = {"units": "uatm"}
        flag = "flag" if name == "fco2" else f"{name}_flag"
        if flag in ds and name in ds:
            made[f"{name}_flag"] = ds[flag].drop_vars("time", errors="ignore")
    return made


def _fixed(ds: xr.Dataset) -> dict[str, float]:
    """The place of what does not move (a buoy, a pier): within a hundredth of a degree; empty for a ship."""
    lat, lon = ds["latitude"].values, ds["longitude"].values
    if np.ptp(lat) > 0.01 or np.ptp(lon) > 0.01:
        return {}
    return {"latitude": float(np.median(lat)), "longitude": float((np.median(lon) + 180) % 360 - 180)}


def _good(ds: xr.Dataset, name: str) -> np.ndarray:
    there = np.isfinite(ds[name].values)
    flag = ds.get(f"{name}_flag")
    if flag is None:
        return there
    codes = dict(
        zip(str(flag.attrs["flag_meanings"]).split(), np.ravel(flag.attrs["flag_values"]), strict=True)
    )
    return there & np.isin(flag.values, [codes[g] for g in GOOD if g in codes])


def _coverage(ds: xr.Dataset, name: str) -> list[dict[str, Any]]:
    years = ds["time"].values.astype("datetime64[Y]").astype(int) + 1970
    return yearly(name, years, np.isfinite(ds[name].values), _good(ds, name), lambda year: None)


def _headlines(ds: xr.Dataset, main: str, sd: float, told: str) -> list[Headline]:
    """Means over the good samples. The error of a sample is taken as shared by all: it does not average out."""
    rows = []
    for name in [n for n in (main, "dfco2") if n in ds]:
        good = _good(ds, main) & np.isfinite(ds[name].values)
        if good.any():
            low, high = np.percentile(ds[name].values[good], (5, 95))
            says = f"mean of {int(good.sum())} good samples; 5th to 95th percentile {low:.0f} to {high:.0f}"
            if np.isfinite(sd):
                says += "; the error of a sample, taken as shared by all"
                says += ", that of the air left out" if name == "dfco2" else ""
            value = float(ds[name].values[good].mean())
            rows.append(Headline(TITLES[name], value, sd, "uatm", SIGN if name == "dfco2" else "", says))
    return rows


def _interpolated(ds: xr.Dataset) -> list[str]:
    names = str(ds.attrs.get("interpolated", ""))
    return [f"Interpolated from climatology or reanalysis, not measured: {names}."] if names else []
