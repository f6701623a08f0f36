"""The parquet edition of FLUXNET2015: days of all sites, and half hours in UTC of a few."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from landsink.core.errors import DataError
from landsink.sources.column import FREEZING, GRAM_PER_DAY, HECTOPASCAL, MICROMOLE_CARBON, Column
from landsink.sources.halfhours import GOOD, good, keep_measured, to_days
from landsink.sources.selection import present

HALF_HOUR = pd.Timedelta(minutes=30)
SUFFIX = "_hh_utc.parquet"


def _columns(carbon: float, gpp: Literal["night", "day"]) -> tuple[Column, ...]:
    return (
        Column("ta", "tas", offset=FREEZING),
        Column("sw_in", "rsds"),
        Column("vpd", "vpd", HECTOPASCAL),
        Column("nee", "nee", carbon),
        Column({"night": "gpp_nt", "day": "gpp_dt"}[gpp], "gpp", carbon),
    )


def files(root: Path, half_hours: bool) -> list[Path]:
    """The files that a reading needs."""
    tables = (
        sorted(root.glob("*" + SUFFIX)) + [root / "utc_offsets.csv"]
        if half_hours
        else [root / "daily.parquet"]
    )
    return [present(path, "Fluxnet") for path in [*tables, root / "sites.csv"]]


def sites(root: Path, half_hours: bool) -> list[str]:
    """Site names with days, or with half hours."""
    if half_hours:
        return sorted(path.name.removesuffix(SUFFIX) for path in root.glob("*" + SUFFIX))
    return pd.read_csv(present(root / "sites.csv", "Fluxnet"))["site"].tolist()


def daily(
    root: Path, chosen: Sequence[str], gpp: Literal["night", "day"], measured: float
) -> dict[str, pd.DataFrame]:
    """Days (rows, local standard time) of each site, in canonical units."""
    columns = _columns(GRAM_PER_DAY, gpp)
    read = ["date", "site", "nee_qc_frac", *(c.theirs for c in columns)]
    raw = pd.read_parquet(root / "daily.parquet", columns=read, filters=[("site", "in", list(chosen))])
    tables = {}
    for site in chosen:
        own = raw[raw["site"] == site].set_index("date").sort_index()
        table = pd.DataFrame({c.ours: c.convert(own[c.theirs].to_numpy()) for c in columns}, index=own.index)
        table["nee" + GOOD] = own["nee_qc_frac"].astype(float)
        tables[site] = keep_measured(table.asfreq("D"), measured)
    return tables


def half_hourly(
    root: Path, site: str, gpp: Literal["night", "day"], share: float, measured: float
) -> pd.DataFrame:
    """Days of one site made from its half hours, which end-stamped UTC moves to local standard time first."""
    raw = pd.read_parquet(root / f"{site}{SUFFIX}")
    offsets = pd.read_csv(present(root / "utc_offsets.csv", "Fluxnet")).set_index("site").iloc[:, 0]
    if site not in offsets.index:
        raise DataError(
            f"Fluxnet: utc_offsets.csv has no row for {site}.", "Its hours from UTC, to cut days."
        )
    start = raw.index + pd.Timedelta(hours=float(offsets[site])) - HALF_HOUR
    columns = _columns(MICROMOLE_CARBON, gpp)
    table = pd.DataFrame({c.ours: c.convert(raw[c.theirs].to_numpy()) for c in columns}, index=start)
    table["nee" + GOOD] = good(raw["nee_qc"].to_numpy())
    return keep_measured(to_days(table, HALF_HOUR.total_seconds(), share), measured)
