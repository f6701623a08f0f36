"""The chain's middle steps: weather and every version of NEE without gaps, how well they are known, GPP and RECO.

A version is NEE filtered by one u* threshold; all go through together, some at a time so that progress shows. Where
there is no threshold, NEE as it stands is the only version, and its `percentile` is NaN.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import xarray as xr

from landsink.core.errors import DataError
from landsink.stations.flux.boosting import boosted
from landsink.stations.flux.daytime import daytime
from landsink.stations.flux.gaps import DRIVERS, Driver, filled
from landsink.stations.flux.nighttime import nighttime
from landsink.stations.flux.preparation import MIDDLE
from landsink.stations.flux.reference import AGGREGATIONS, Reference, reference_version
from landsink.stations.flux.stage import Processed, Report, Settings, Skip
from landsink.stations.flux.uncertainty import random_uncertainty

AT_ONCE = 8  # versions between two reports of progress
WEATHER = ("TA", "SW_IN", "VPD", "LW_IN", "PA", "CO2", "TS", "SWC", "G")
MDS = ("CO2", "TS", "SWC", "G")  # what FLUXNET gives filled by MDS alone
ENERGY = ("LE", "H")
WINDOWS = ("nt_window", "nt_part", "nt_step", "dt_window")
FLUX = {"units": "umol m-2 s-1"}


def weather(known: Processed, settings: Settings, report: Report) -> tuple[Processed, str]:
    """TA_F, SW_IN_F … with their classes, and P_F, which is P: rain cannot be told from other days."""
    record, said = known.record, []
    there = [name for name in WEATHER if known.has(name)]
    for k, name in enumerate(there):
        report("weather", k / len(there))
        made = filled(record, name, convention=settings.convention.gaps, hats=False)
        marks = (f"{name}_F_MDS", f"{name}_F") if name not in MDS else (f"{name}_F_MDS",)
        for mark in marks:
            attrs = {k: v for k, v in made[f"{name}_F"].attrs.items() if v} | {
                "units": record[name].attrs.get("units", "1")
            }
            record = record.assign(
                {mark: made[f"{name}_F"].assign_attrs(attrs), f"{mark}_QC": made[f"{name}_F_QC"]}
            )
        said.append(f"{name} {np.isfinite(known.record[name].values).mean():.0%}")
    if known.has("P"):
        rain = record["P"].assign_attrs(comment="as measured: gaps of rain are not filled")
        quality = xr.where(np.isfinite(rain), 0.0, np.nan)
        record = record.assign(P_F=rain, P_F_QC=quality)
        said.append(f"P {np.isfinite(rain.values).mean():.0%} (its gaps stay)")
    if not said:
        raise Skip(f"No weather was measured, such as {', '.join(WEATHER[:3])}.")
    return replace(known, record=record), f"Measured before filling: {', '.join(said)}."


def of_nee(known: Processed) -> xr.DataArray:
    """Measured NEE (time, percentile) in every version."""
    if "NEE" in known.versions:
        return known.versions["NEE"].transpose("time", "percentile")
    return known.record["NEE"].expand_dims(percentile=[np.nan]).transpose("time", "percentile")


def by_parts(
    nee: xr.DataArray, name: str, report: Report, made: Callable[[xr.DataArray, slice], xr.Dataset]
) -> xr.Dataset:
    """What `made` gives for each few versions, joined on `percentile`; progress is reported as `name`."""
    parts, count = [], nee.sizes["percentile"]
    for first in range(0, count, AT_ONCE):
        report(name, first / count)
        some = slice(first, first + AT_ONCE)
        parts.append(made(nee.isel(percentile=some), some))
    return xr.concat(
        parts, "percentile", data_vars="minimal", coords="minimal", compat="override", join="override"
    )


def fill(known: Processed, settings: Settings, report: Report) -> tuple[Processed, str]:
    """Every version of NEE without gaps, and the spread of like records for the day-time weights."""
    gaps = settings.convention.gaps

    def made(nee: xr.DataArray, some: slice) -> xr.Dataset:
        ds = known.record.drop_vars("NEE").assign(NEE=nee)
        full = filled(ds, convention=gaps, hats=False)
        spread = filled(ds, convention=settings.convention.spread)["NEE_HAT_SD"]
        return xr.Dataset(
            {"NEE": nee, "NEE_VUT": full["NEE_F"], "NEE_VUT_QC": full["NEE_F_QC"], "NEE_HAT_SD": spread}
        )

    nee = of_nee(known)
    versions = by_parts(nee, "gap filling", report, made)
    versions["NEE_VUT"].attrs |= FLUX | {"comment": _filter_of(known)}
    measured = np.isfinite(nee.values).mean(axis=0)
    good = (versions["NEE_VUT_QC"].values <= 1).mean(axis=0)
    said = (
        f"{versions.sizes['percentile']} versions; measured {np.median(measured):.0%}, with good fills"
        f" {np.median(good):.0%} of the time (middle version). {_filter_of(known)}"
    )
    return replace(known, versions=versions), said


def _filter_of(known: Processed) -> str:
    step = known.step("u* filter")
    if step is not None and step.status == "done":
        return "Filtered by u*."
    return "No u* filter was applied: NEE as it stood."


def choose(known: Processed, settings: Settings, report: Report) -> tuple[Processed, str]:
    """The version that stands for all, by model efficiency, at each length of time."""
    versions = known.versions.isel(percentile=slices(known.versions, settings.percentiles))
    if versions.sizes["percentile"] == 1:
        only = Reference(float(versions["percentile"].values[0]), 0, np.ones(1))
        return replace(known, references=dict.fromkeys(AGGREGATIONS, only)), "One version stands for itself."
    said = ""
    try:
        found = reference_version(
            versions["NEE_VUT"], versions["NEE_VUT_QC"], long_gaps=settings.convention.long_gaps
        )
    except DataError as error:
        said = f" Long gaps take part: {error}"
        found = reference_version(versions["NEE_VUT"])
    at = known.versions["percentile"].values.tolist()
    placed = {mark: one._replace(index=at.index(one.label)) for mark, one in found.items()}
    labels = ", ".join(f"{mark} {one.label:g}" for mark, one in placed.items())
    return replace(known, references=placed), f"Percentile by length of time: {labels}.{said}"


def slices(versions: xr.Dataset, count: int) -> np.ndarray:
    """Places of the versions that stand for equal slices of the thresholds; the 50th percentile beside them is none."""
    at = versions["percentile"].values
    return np.arange(at.size) if at.size <= count else np.flatnonzero(at != MIDDLE)


def driven(ds: xr.Dataset) -> list[Driver]:
    """The drivers that were measured at all: chance is told from like weather as far as it is known."""
    found = [one for one in DRIVERS if one.name in ds and np.isfinite(ds[one.name].values).any()]
    if not found:
        raise DataError(
            "No weather tells which records are alike.", f"One of {', '.join(d.name for d in DRIVERS)}."
        )
    return found


def random(known: Processed, settings: Settings, report: Report) -> tuple[Processed, str]:
    """Random uncertainty of the versions that the products show: the references, and the 50th percentile."""
    at = known.versions["percentile"].values
    wanted = sorted(
        {one.index for one in known.references.values()} | set(np.flatnonzero(at == MIDDLE).tolist())
    )
    some = known.versions.isel(percentile=wanted)
    ds = known.record.drop_vars("NEE").assign(NEE=some["NEE"], NEE_F=some["NEE_VUT"])
    made = random_uncertainty(ds, drivers=driven(ds), convention=settings.convention.random)["NEE_RANDUNC"]
    values = np.full(known.versions["NEE_VUT"].shape, np.nan)
    values[:, wanted] = made.transpose("time", "percentile").values
    versions = known.versions.assign(NEE_VUT_RANDUNC=(("time", "percentile"), values, FLUX))
    middle = float(np.nanmedian(values[:, known.references["HH"].index]))
    return replace(
        known, versions=versions
    ), f"Half of all NEE is known to {middle:.2f} umol m-2 s-1 or better."


def _partition(
    known: Processed,
    settings: Settings,
    report: Report,
    name: str,
    how: Callable[[xr.Dataset], xr.Dataset],
    mark: str,
) -> Processed:
    """Every version's GPP and RECO by `how`, and the parameters of its windows."""
    drivers = [n for n in known.record.data_vars if str(n).split("_F")[0] in ("TA", "SW_IN", "VPD")]
    base = known.record[drivers].drop_dims([d for d in WINDOWS if d in known.record.dims])

    def made(nee: xr.DataArray, some: slice) -> xr.Dataset:
        own = known.versions.isel(percentile=some)
        ds = base.assign(NEE=nee, NEE_F=own["NEE_VUT"], NEE_HAT_SD=own["NEE_HAT_SD"])
        full = how(ds)
        keep = [n for n, v in full.data_vars.items() if str(n).startswith(f"{mark}_") or n in fluxes]
        return full[keep].transpose("percentile", ...)

    fluxes = {f"GPP_{mark}": f"GPP_{mark}_VUT", f"RECO_{mark}": f"RECO_{mark}_VUT"}
    full = by_parts(of_nee(known), name, report, made)
    if not np.isfinite(full[f"RECO_{mark}"].values).any():
        raise DataError("No version could be partitioned.", "Some nights with measured NEE and TA.")
    both = full[list(fluxes)].rename(fluxes).transpose("time", "percentile")
    windows = full.drop_vars([*fluxes, "time"])
    return replace(
        known,
        versions=known.versions.assign({n: both[n] for n in fluxes.values()}),
        windows=known.windows.assign(windows.data_vars).assign_coords(
            {c: windows[c] for c in windows.coords if c in WINDOWS or c == "percentile"}
        ),
    )


def by_night(known: Processed, settings: Settings, report: Report) -> tuple[Processed, str]:
    """Night-time partitioning of every version."""
    rule = settings.convention.night
    after = _partition(
        known, settings, report, "night-time partitioning", lambda ds: nighttime(ds, rule), "NT"
    )
    e0 = after.windows["NT_E0"].isel(percentile=after.references["HH"].index).values
    return after, f"E0 of the reference version: {', '.join(f'{v:.0f}' for v in e0)} K."


def by_day(known: Processed, settings: Settings, report: Report) -> tuple[Processed, str]:
    """Day-time partitioning of every version."""
    rule = settings.convention.day
    after = _partition(known, settings, report, "day-time partitioning", lambda ds: daytime(ds, rule), "DT")
    fate = after.windows["DT_FATE"].isel(percentile=after.references["HH"].index).values
    return after, f"{(fate == 0).mean():.0%} of the reference version's {fate.size} windows are sound."


def boost(known: Processed, settings: Settings, report: Report) -> tuple[Processed, str]:
    """The reference version's NEE filled by gradient-boosted trees as well: NEE_VUT_REF_GBT and its interval."""
    nee = of_nee(known).isel(percentile=known.references["HH"].index, drop=True)
    made = boosted(known.record.drop_vars("NEE").assign(NEE=nee), seed=settings.seed)
    names = {"NEE_F": "", "NEE_F_QC": "_QC", "NEE_HAT_LOW": "_LOW", "NEE_HAT_HIGH": "_HIGH"}
    record = known.record.assign(
        {f"NEE_GBT{end}": made[n].assign_attrs(FLUX if end != "_QC" else {}) for n, end in names.items()}
    )
    return replace(known, record=record), "NEE_GBT beside NEE_VUT_REF, with an interval of 90 %."


def energy(known: Processed, settings: Settings, report: Report) -> tuple[Processed, str]:
    """LE and H without gaps, with their random uncertainty."""
    record, said = known.record, []
    for name in [n for n in ENERGY if known.has(n)]:
        made = filled(record, name, convention=settings.convention.gaps, hats=False)
        watts = {"units": "W m-2"}
        record = record.assign(
            {f"{name}_F_MDS": made[f"{name}_F"].assign_attrs(watts), f"{name}_F_MDS_QC": made[f"{name}_F_QC"]}
        )
        said.append(f"{name} measured {np.isfinite(record[name].values).mean():.0%}")
        try:
            unsure = random_uncertainty(made, name, driven(made), settings.convention.random)[
                f"{name}_RANDUNC"
            ]
            record = record.assign({f"{name}_RANDUNC": unsure.assign_attrs(watts)})
        except DataError as error:  # the flux itself is good without it
            said.append(f"its random uncertainty is not known ({error})")
    if not said:
        raise Skip("Neither LE nor H was measured.")
    return replace(known, record=record), f"{', '.join(said)}."
