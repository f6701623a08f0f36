"""The ecosystem chain: from a tower's record as it was read to fluxes with their uncertainty.

    from landsink.stations.flux.chain import process
    done = process(ds)             # ds: what sources.tower.open_tower gave
    done.coarse["YY"]["NEE_VUT_REF"], done.steps

No step takes the others down: see `stage`. How to run it on files: docs/how-to/process-a-station.md.
"""

import xarray as xr

from landsink.stations.flux import preparation, summary, versions
from landsink.stations.flux.stage import Processed, Report, Settings, Stage, Step, quiet, run

NEE = ("NEE",)
WHOLE = ("NEE_VUT",)

STAGES = (
    Stage("time steps", preparation.steps),
    Stage("measured values", preparation.values),
    Stage("checks", preparation.checks),
    Stage("storage", preparation.storage, gives=NEE),
    Stage("spikes", preparation.spikes),
    Stage("u* moving point", preparation.moving_point, ("NEE", "USTAR", "TA"), ("MOVING_POINT",)),
    Stage("u* change point", preparation.change_point, ("NEE", "USTAR", "TA"), ("CHANGE_POINT",)),
    Stage("u* percentiles", preparation.pool, ("NEE", "USTAR"), ("VUT",)),
    Stage("u* filter", preparation.calm, ("NEE", "VUT")),
    Stage("weather", versions.weather, gives=("TA_F", "SW_IN_F")),
    Stage("gap filling", versions.fill, NEE, WHOLE),
    Stage("reference version", versions.choose, WHOLE),
    Stage("random uncertainty", versions.random, WHOLE),
    Stage("night-time partitioning", versions.by_night, (*WHOLE, "TA_F")),
    Stage("day-time partitioning", versions.by_day, (*WHOLE, "TA_F", "SW_IN_F")),
    Stage("boosted trees", versions.boost, WHOLE, wanted=lambda settings: settings.boosting),
    Stage("energy fluxes", versions.energy),
    Stage("energy closure", summary.close, ("LE", "H", "NETRAD", "G")),
    Stage("days to years", summary.sums),
)


def process(ds: xr.Dataset, settings: Settings | None = None, report: Report = quiet) -> Processed:
    """A record through the whole chain.

    ds: a record (see `clock`), as `sources.tower.open_tower` gives it: FLUXNET names and units on `time`, `<X>_QC`
    where values may be filled, attributes latitude, longitude, utc_offset, site. Never raises for what the data lack:
    each step's fate is in `Processed.steps`. Equal records and settings give equal results.
    """
    return run(Processed(ds), STAGES, settings or Settings(), report)


__all__ = ["STAGES", "Processed", "Settings", "Stage", "Step", "process"]
