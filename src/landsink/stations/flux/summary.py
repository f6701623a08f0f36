"""The chain's last steps: energy closure, days to years, and FLUXNET's names for what the versions hold."""

from dataclasses import replace

import numpy as np
import xarray as xr

from landsink.core.errors import DataError
from landsink.stations.flux import aggregate, clock
from landsink.stations.flux.closure import balance, closed, closed_days
from landsink.stations.flux.preparation import MIDDLE
from landsink.stations.flux.reference import Reference
from landsink.stations.flux.stage import Processed, Report, Settings
from landsink.stations.flux.uncertainty import percentile
from landsink.stations.flux.versions import slices

FAMILIES = ("NEE_VUT", "RECO_NT_VUT", "GPP_NT_VUT", "RECO_DT_VUT", "GPP_DT_VUT")
SHARES = (5, 16, 25, 50, 75, 84, 95)
SIGNS = {
    "NEE": "Sign: + to the atmosphere.",
    "GPP": "Sign: + into the ecosystem.",
    "RECO": "Sign: + to the atmosphere.",
}
WITHIN = ("NEE", "NEE_HAT_SD")  # what versions hold and no product shows


def close(known: Processed, settings: Settings, report: Report) -> tuple[Processed, str]:
    """LE and H corrected for the energy balance."""
    told = balance(known.record)
    after = replace(known, record=closed(known.record, settings.convention.closure))
    return (
        after,
        f"H + LE is {told['ratio']:.2f} of NETRAD - G ({told['n']:.0f} steps; slope {told['slope']:.2f}).",
    )


def sun(record: xr.Dataset) -> xr.Dataset:
    """The record with SW_IN_POT [W m-2] and NIGHT (1: between sunset and sunrise), where its place is known."""
    try:
        light, night = clock.potential_radiation(record), clock.sun_is_down(record)
    except DataError:
        return record
    return record.assign(
        SW_IN_POT=("time", light, {"units": "W m-2", "long_name": "sunlight above the air"}),
        NIGHT=("time", night.astype(np.int8), {"long_name": "sun below the horizon"}),
    )


def sums(known: Processed, settings: Settings, report: Report) -> tuple[Processed, str]:
    """Days, weeks, months, years; at each length, as at half-hours, FLUXNET's products of the versions."""
    versions = known.versions.drop_vars(WITHIN, errors="ignore")
    record = sun(known.record)
    daily = aggregate.days(record.merge(versions) if versions.data_vars else record)
    if "EBC_CF_METHOD" in record:
        daily = _closed(daily, record)
    report("days to years", 0.5)
    lengths = {
        "DD": daily,
        "WW": aggregate.weeks(daily),
        "MM": aggregate.months(daily),
        "YY": aggregate.years(daily),
    }
    coarse = {mark: named(ds, versions, known, settings, mark) for mark, ds in lengths.items()}
    whole = record.merge(versions) if versions.data_vars else record
    record = named(whole, versions, known, settings, "HH")
    made = {mark: ds.sizes["time"] for mark, ds in coarse.items()}
    said = ", ".join(
        f"{n} {w}" for n, w in zip(made.values(), ("days", "weeks", "months", "years"), strict=True)
    )
    return replace(known, record=record, coarse=coarse), f"{said}."


def _closed(daily: xr.Dataset, record: xr.Dataset) -> xr.Dataset:
    try:
        return aggregate.joint(closed_days(daily, record))
    except DataError:  # too few whole days: the means of half-hourly corrections stay
        return daily


def named(
    ds: xr.Dataset, versions: xr.Dataset, known: Processed, settings: Settings, mark: str
) -> xr.Dataset:
    """A record of one length with, in the place of its versions (time, percentile), FLUXNET's products of them."""
    own = [str(n) for n in versions.data_vars if n in ds]
    bare = ds.drop_vars(own).drop_vars("percentile", errors="ignore")
    if not own or mark not in known.references:
        return bare
    at = ds["percentile"].values
    even, middle = slices(ds, settings.percentiles), np.flatnonzero(at == MIDDLE)
    made: dict[str, xr.DataArray] = {}
    for family in [f for f in FAMILIES if f in ds]:
        made |= _family(ds, family, known.references[mark], even, middle)
    return aggregate.joint(bare.assign(made))


def _family(
    ds: xr.Dataset, family: str, reference: Reference, even: np.ndarray, middle: np.ndarray
) -> dict[str, xr.DataArray]:
    """REF, USTAR50 and percentiles of one flux."""
    all_ = ds[family].transpose("time", "percentile")
    picked = {"REF": reference.index} | ({"USTAR50": int(middle[0])} if middle.size else {})
    sign = {"comment": SIGNS[family.split("_")[0]]}
    made = {}
    for end, index in picked.items():
        label = float(ds["percentile"].values[index])
        which = (
            f"at the {label:g}th percentile of u* thresholds" if np.isfinite(label) else "without a u* filter"
        )
        for part in [p for p in ("", "_QC", "_RANDUNC") if f"{family}{p}" in ds]:
            one = ds[f"{family}{part}"].isel(percentile=index, drop=True)
            notes = {"long_name": f"{family.split('_')[0]}{part.replace('_', ', ')} {which}"}
            made[f"{family}_{end}{part}"] = one.assign_attrs(one.attrs | notes | ({} if part else sign))
    if even.size > 1:
        some = all_.isel(percentile=even)
        for share in SHARES:
            attrs = (
                all_.attrs | sign | {"long_name": f"{share}th percentile over u* thresholds, step by step"}
            )
            made[f"{family}_{share:02d}"] = percentile(some, share).assign_attrs(attrs)
        made[f"{family}_MEAN"] = some.mean("percentile").assign_attrs(all_.attrs | sign)
    return made


def tabled(ds: xr.Dataset) -> xr.Dataset:
    """What a FLUXNET table shows: not what was measured where it stands filled beside (there with a `_QC` of 0)."""
    doubled = [str(n) for n in ds.data_vars if n == "NEE" or f"{n}_F" in ds or f"{n}_F_MDS" in ds]
    return ds.drop_vars(doubled)
