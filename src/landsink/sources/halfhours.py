"""Half hours to days, by FLUXNET's own reckoning of quality."""

import numpy as np
import pandas as pd

from landsink.core.errors import DataError

GOOD = "_good"  # share of the step that was measured, or filled with confidence
FLUX_QUALITY = {"nee": "nee", "gpp": "nee", "reco": "nee", "evspsbl": "evspsbl"}


def to_days(table: pd.DataFrame, seconds: float, share: float) -> pd.DataFrame:
    """Day means of a table indexed by each step's local start; a value needs `share` of the day's steps.

    Errors (`*_sd`) add in quadrature, as random errors do; `*_good` becomes the share of good steps in the whole day;
    `tasmin` and `tasmax` are the extremes of the steps. Units stay as they are.
    """
    steps = 86400.0 / seconds
    days = table.resample("D")
    counts = days.count()
    means = days.mean().where(counts >= share * steps)
    for name in [str(column) for column in table.columns]:
        if name.endswith("_sd"):
            summed = table[name].pow(2).resample("D").sum().pow(0.5) / counts[name].clip(lower=1)
            means[name] = summed.where(counts[name] >= share * steps)
        if name.endswith(GOOD):
            means[name] = table[name].resample("D").sum() / steps
    if "tas" in table:
        whole = means["tas"].notna()
        means["tasmin"] = table["tas"].resample("D").min().where(whole)
        means["tasmax"] = table["tas"].resample("D").max().where(whole)
    return means


def keep_measured(days: pd.DataFrame, measured: float) -> pd.DataFrame:
    """Days with the fluxes blanked where less than the share `measured` is good; the shares themselves go."""
    kept = days.copy()
    for name, judge in FLUX_QUALITY.items():
        if measured <= 0 or name not in kept:
            continue
        if judge + GOOD not in kept:
            raise DataError(
                f"Fluxnet: no quality flag for {name}.",
                "measured > 0 needs one.",
                "Set measured = 0, or use files with the _QC columns.",
            )
        for column in (name, f"{name}_sd"):
            if column in kept:
                kept[column] = kept[column].where(kept[judge + GOOD] >= measured)
    return kept.drop(columns=[column for column in kept if str(column).endswith(GOOD)])


def good(flags: np.ndarray) -> np.ndarray:
    """1.0 where a half hour is measured (0) or filled with confidence (1), else 0.0; flags of any shape."""
    return (np.round(flags) <= 1).astype(float)
