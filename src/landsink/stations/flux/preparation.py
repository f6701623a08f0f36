"""The chain's first steps: from a record as it was read to NEE in as many versions as there are u* thresholds."""

from dataclasses import replace

import numpy as np
import xarray as xr

from landsink.core.errors import DataError
from landsink.stations.flux import aggregate, clock
from landsink.stations.flux.bootstrap import LIGHT_PER_WATT, Method, bootstrapped, pooled
from landsink.stations.flux.checks import CHECKS, note, set_aside
from landsink.stations.flux.despike import despiked
from landsink.stations.flux.filtering import without_turbulence
from landsink.stations.flux.gaps import measured
from landsink.stations.flux.names import UNITS
from landsink.stations.flux.stage import Processed, Report, Settings, Skip
from landsink.stations.flux.storage import net_exchange

BAD_TURBULENCE = 2  # of Foken's classes 0, 1, 2, as EddyPro and ICOS write them
LONGEST = 3600  # s of a step, beyond which a day does not show
SHORTEST = 1800
MIDDLE = 50.0
PLACE = ("latitude", "longitude", "utc_offset")


def told(known: Processed, before: Processed) -> str:
    """The findings that a step added, as one text."""
    old = len(before.record.attrs.get("findings", []))
    return " ".join(known.record.attrs.get("findings", [])[old:])


def steps(known: Processed, settings: Settings, report: Report) -> tuple[Processed, str]:
    """Puts steps shorter than half an hour on half-hours. Raises DataError where they are longer than an hour."""
    unknown = [n for n in PLACE if not np.isfinite(known.record.attrs.get(n, np.nan))]
    record = known.record.copy()
    record.attrs = {n: v for n, v in record.attrs.items() if n not in unknown}
    known = replace(known, record=record)
    seconds = clock.step_seconds(known.record)
    if seconds > LONGEST:
        raise DataError(f"The record's steps are {seconds / 3600:g} h.", "An hour at most.")
    if seconds >= SHORTEST:
        return known, f"Steps of {seconds // 60} minutes."
    record = aggregate.coarsened(known.record, SHORTEST)
    return replace(known, record=record), f"Steps of {seconds // 60} minutes, averaged to half-hours."


def values(known: Processed, settings: Settings, report: Report) -> tuple[Processed, str]:
    """What is measured: not what a flag calls filled, nor what the turbulence test calls bad; SW_IN from photons."""
    record, said = _ours(known.record)
    for flag in [str(n) for n in record.data_vars if str(n).endswith("_SSITC_TEST")]:
        name = flag.removesuffix("_SSITC_TEST")
        if name in record:
            bad = (record[flag].values >= BAD_TURBULENCE) & np.isfinite(record[name].values)
            record = set_aside(record, name, bad)
            said.append(f"{name}: {bad.sum()} values failed the turbulence test.")
    for flag in [str(n) for n in record.data_vars if str(n).endswith("_QC")]:
        name = flag.removesuffix("_QC")
        if name in record:
            filled = int((np.isfinite(record[name].values) & (record[flag].values > 0)).sum())
            record = record.assign({name: measured(record, name).assign_attrs(record[name].attrs)})
            said += [f"{name}: {filled} values that were filled before were taken out."] if filled else []
        record = record.drop_vars(flag)
    if "SW_IN" not in record and "PPFD_IN" in record:
        light = record["PPFD_IN"] / LIGHT_PER_WATT
        record = record.assign(SW_IN=light.assign_attrs(units="W m-2"))
        said.append(f"SW_IN: not measured; PPFD_IN / {LIGHT_PER_WATT} in its place.")
    after = replace(known, record=note(record, said))
    return after, told(after, known) or "All values are taken as measured."


def _ours(record: xr.Dataset) -> tuple[xr.Dataset, list[str]]:
    """The record without what others made of it (GPP, RECO …): under one name two makers' products must not meet."""
    flags = ("_QC", "_SSITC_TEST")
    theirs = [str(n) for n in record.data_vars if str(n) not in UNITS and not str(n).endswith(flags)]
    return record.drop_vars(theirs), [f"Left out as made by others: {', '.join(theirs)}."] if theirs else []


def checks(known: Processed, settings: Settings, report: Report) -> tuple[Processed, str]:
    """Every check of `checks.CHECKS`; one that cannot be made says why and keeps no other from its work."""
    record = known.record
    for check in CHECKS:
        try:
            record = check(record)
        except DataError as error:
            record = note(record, [f"Not checked ({check.__name__.replace('_', ' ')}): {error}"])
    after = replace(known, record=record)
    return after, told(after, known) or "Nothing was found."


def storage(known: Processed, settings: Settings, report: Report) -> tuple[Processed, str]:
    """NEE = FC + SC."""
    if known.has("NEE"):
        return known, "NEE is in the record; storage is not added to it."
    record = known.record.drop_vars("NEE", errors="ignore")
    after = replace(known, record=net_exchange(record, settings.height, settings.negligible))
    if not after.has("NEE"):
        raise DataError("FC and storage are never there at once.", "NEE, or FC and SC.")
    return after, told(after, known)


def spikes(known: Processed, settings: Settings, report: Report) -> tuple[Processed, str]:
    """Spikes of NEE, LE and H."""
    rule = settings.convention.spikes
    if rule is None:
        raise Skip(f"The convention '{settings.convention.name}' keeps all values.")
    after = replace(known, record=despiked(known.record, rule=rule))
    return after, told(after, known) or "No flux to look at."


def _drawn(known: Processed, settings: Settings, method: Method, name: str) -> tuple[Processed, str]:
    """Bootstrapped thresholds by one method, as `name` (year, draw) among the thresholds."""
    found = bootstrapped(known.record, method, settings.draws, settings.seed)
    drawn = found["USTAR_THRESHOLD"].assign_coords(draw=np.arange(settings.draws))
    made = {name: drawn, f"{name}_STATEMENT": found["STATEMENT"]}
    if "USTAR_THRESHOLD_SEASON" in found:
        season = found["USTAR_THRESHOLD_SEASON"].assign_coords(draw=np.arange(settings.draws))
        made[f"{name}_SEASON"] = season
    thresholds = xr.merge([known.thresholds, xr.Dataset(made)], join="outer", combine_attrs="drop_conflicts")
    said = [
        f"{y}: {np.nanmedian(drawn.sel(year=y).values):.2f} m s-1 (median), {s}"
        if np.isfinite(drawn.sel(year=y).values).any()
        else f"{y}: {s}"
        for y, s in zip(found["year"].values.tolist(), found["STATEMENT"].values.tolist(), strict=True)
    ]
    return replace(known, thresholds=thresholds), " ".join(said)


def moving_point(known: Processed, settings: Settings, report: Report) -> tuple[Processed, str]:
    """u* thresholds by moving point."""
    return _drawn(known, settings, settings.convention.moving, "MOVING_POINT")


def change_point(known: Processed, settings: Settings, report: Report) -> tuple[Processed, str]:
    """u* thresholds by change point."""
    if settings.convention.change is None:
        raise Skip(f"The convention '{settings.convention.name}' takes the moving point alone.")
    return _drawn(known, settings, settings.convention.change, "CHANGE_POINT")


def percentiles(count: int) -> np.ndarray:
    """`count` middles of equal slices of a distribution [%], and 50."""
    return np.unique(np.append((np.arange(count) + 0.5) * 100 / count, MIDDLE))


def pool(known: Processed, settings: Settings, report: Report) -> tuple[Processed, str]:
    """Percentiles of the thresholds over draws of both methods: VUT by year, CUT for all years.

    A year that no draw tells of takes the percentiles of all years' draws.
    """
    parts = [
        known.thresholds[name].rename("USTAR_THRESHOLD").to_dataset()
        for name in ("MOVING_POINT", "CHANGE_POINT")
        if name in known.thresholds
    ]
    if not parts:
        raise Skip("No method gave a u* threshold: NEE stays as it is, calm nights in it.")
    wanted = percentiles(settings.percentiles)
    found = pooled(*parts, percentiles=wanted)
    silent = [int(y) for y in found["year"].values if not np.isfinite(found["VUT"].sel(year=y)).any()]
    if silent:
        every = [part.stack(all=("year", "draw")).reset_index("all", drop=True) for part in parts]
        one = [p.rename({"all": "draw"}).expand_dims(year=[0]) for p in every]
        found["VUT"] = found["VUT"].fillna(pooled(*one, percentiles=wanted)["VUT"].isel(year=0, drop=True))
    thresholds = known.thresholds.merge(found, join="outer", combine_attrs="drop_conflicts")
    low, middle, high = (
        float(np.nanmedian(found["VUT"].sel(percentile=p, method="nearest"))) for p in (5, MIDDLE, 95)
    )
    said = f"Threshold {middle:.2f} m s-1 (5 … 95 %: {low:.2f} … {high:.2f}), the median of years."
    said += f" None of their own: {', '.join(map(str, silent))}; they take all years'." if silent else ""
    return replace(known, thresholds=thresholds), said


def calm(known: Processed, settings: Settings, report: Report) -> tuple[Processed, str]:
    """NEE without calm records, one version for each percentile of VUT."""
    filtered = without_turbulence(known.record, known.thresholds["VUT"], settings.convention.calm)["NEE"]
    had = int(np.isfinite(known.record["NEE"].values).sum())
    kept = np.isfinite(filtered.values).sum(axis=0)
    said = (
        f"Of {had} values, {np.median(kept):.0f} are left at the middle threshold ({kept.max()} at the lowest,"
        f" {kept.min()} at the highest)."
    )
    if not kept.min():
        raise DataError("Nothing is left of NEE above the highest threshold.", "Some windy records.")
    return replace(known, versions=xr.Dataset({"NEE": filtered})), said
