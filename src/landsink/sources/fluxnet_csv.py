"""FLUXNET2015 and ICOS ETC comma-separated files, bare or in their zip archives."""

import io
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from landsink.core.errors import DataError
from landsink.sources.column import (
    DAY,
    FREEZING,
    GRAM_PER_DAY,
    HECTOPASCAL,
    KILOPASCAL,
    MICROMOLE_CARBON,
    PPM,
    Column,
    blank,
)
from landsink.sources.halfhours import GOOD, good, keep_measured, to_days
from landsink.sources.selection import present

NAME = re.compile(r"_([A-Z]{2}-[A-Za-z0-9]{3})_.*?(DD|HH|HR)(?=[_.])")
# Downscaled reanalysis, auxiliary products and tables of metadata bear the same resolution marks.
NOT_DATA = re.compile(r"_(AUX\w*|ERA\w*|VARINFO|SITEINFO|BIF\w*)_")
PARTITION = {"night": "NT", "day": "DT"}


@dataclass(frozen=True)
class File:
    """A table of one site: where it lies (`member` inside a zip) and its resolution DD, HH or HR."""

    path: Path
    member: str
    site: str
    step: str

    @property
    def label(self) -> str:
        """The name by which errors call it."""
        return self.member or self.path.name

    def text(self) -> io.BytesIO:
        """The bytes of the table."""
        if not self.member:
            return io.BytesIO(self.path.read_bytes())
        with zipfile.ZipFile(self.path) as archive:
            return io.BytesIO(archive.read(self.member))


def files(root: Path) -> list[File]:
    """Every daily and half-hourly table in a folder, an archive or a single file."""
    present(root, "Fluxnet")
    paths = [root] if root.is_file() else sorted(p for p in root.iterdir() if p.suffix in (".csv", ".zip"))
    found = [file for path in paths for file in _within(path)]
    if not found:
        raise DataError(
            f"Fluxnet: no FLUXNET table in {root}.",
            "Names such as FLX_DE-Tha_FLUXNET2015_SUBSET_DD_1996-2014_1-4.csv, or a zip of them.",
        )
    return found


def _within(path: Path) -> list[File]:
    members = _csv_members(path) if path.suffix == ".zip" else [""]
    named = [(member, NAME.search("_" + Path(member or path.name).name)) for member in members]
    return [
        File(path, member, match[1], match[2])
        for member, match in named
        if match and not NOT_DATA.search(Path(member or path.name).name)
    ]


def _csv_members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return [member for member in archive.namelist() if member.endswith(".csv")]
    except zipfile.BadZipFile:
        raise DataError(f"Fluxnet: {path.name} is not a zip archive.", "", "Fetch it again.") from None


def best(found: Iterable[File], half_hours: bool) -> dict[str, File]:
    """For each site one file: the resolution asked for, FULLSET before SUBSET, the newest name last."""
    order = ("HH", "HR") if half_hours else ("DD", "HH", "HR")
    ranked = [file for file in found if file.step in order]
    ranked.sort(key=lambda file: (-order.index(file.step), "SUBSET" not in file.label, file.label))
    chosen = {file.site: file for file in ranked}
    if not chosen:
        raise DataError("Fluxnet: no half-hourly table here.", "A name with _HH_.", "Set half_hours = false.")
    return chosen


def days(file: File, gpp: Literal["night", "day"], share: float, measured: float) -> pd.DataFrame:
    """Days (rows) of one site in canonical units, from its daily or half-hourly table."""
    whole_day = file.step == "DD"
    raw, seconds = _read(file)
    table = _quantities(raw, seconds, gpp)
    for name, flag in (("nee", "NEE_VUT_REF_QC"), ("evspsbl", "LE_F_MDS_QC")):
        if flag in raw and name in table:
            # A daily flag is already a share; a half-hourly one is a class, 0 and 1 being good.
            table[name + GOOD] = raw[flag] if whole_day else good(raw[flag].to_numpy())
    averaged = table.asfreq("D") if whole_day else to_days(table, seconds, share)
    return keep_measured(averaged, measured)


def _read(file: File) -> tuple[pd.DataFrame, float]:
    """The numbers of a table indexed by each step's start, and the step's length in seconds."""
    raw = pd.read_csv(file.text(), encoding="utf-8-sig", dtype=str, skipinitialspace=True)
    raw.columns = [str(column).strip() for column in raw.columns]
    stamp = "TIMESTAMP" if file.step == "DD" else "TIMESTAMP_START"
    if stamp not in raw:
        raise DataError(
            f"{file.label}: no column {stamp}.",
            f"It begins with {', '.join(raw.columns[:4])}.",
            "Is it comma-separated?",
        )
    index = _times(raw[stamp], "%Y%m%d" if file.step == "DD" else "%Y%m%d%H%M", file)
    kept = [name for name in raw.columns if not name.startswith("TIMESTAMP")]
    numbers = pd.DataFrame({name: _numbers(raw[name], file) for name in kept if name in READ}, index=index)
    return numbers, {"DD": DAY, "HH": 1800.0, "HR": 3600.0}[file.step]


def _times(stamps: pd.Series, pattern: str, file: File) -> pd.DatetimeIndex:
    times = pd.DatetimeIndex(pd.to_datetime(stamps, format=pattern, errors="coerce"))
    if times.isna().any():
        wrong = stamps[times.isna()].iloc[0]
        raise DataError(f"{file.label}: '{wrong}' is not a time stamp.", f"Digits such as {pattern}.")
    if not times.is_monotonic_increasing or times.has_duplicates:
        raise DataError(f"{file.label}: time stamps repeat or run backward.", "Each step once, in order.")
    return times


def _numbers(column: pd.Series, file: File) -> np.ndarray:
    numbers = pd.to_numeric(column, errors="coerce")
    text = column[numbers.isna() & column.notna()]
    if len(text):
        raise DataError(
            f"{file.label}: {column.name} holds '{text.iloc[0]}'.",
            "Numbers, or -9999 where missing.",
            "Mend the file.",
        )
    return blank(numbers.to_numpy())


def _columns(seconds: float, gpp: Literal["night", "day"]) -> tuple[Column, ...]:
    """Units follow the step: days are grams of carbon and millimetres a day, half hours micromoles and millimetres."""
    carbon = GRAM_PER_DAY if seconds == DAY else MICROMOLE_CARBON
    way = PARTITION[gpp]
    # Half-hourly random errors average out over a day; the joint error holds the choice of u*, which does not.
    unsure = "NEE_VUT_REF_JOINTUNC" if seconds == DAY else "NEE_VUT_REF_RANDUNC"
    return (
        Column("TA_F", "tas", offset=FREEZING),
        Column("SW_IN_F", "rsds"),
        Column("VPD_F", "vpd", HECTOPASCAL),
        Column("P_F", "pr", 1.0 / seconds),
        Column("PA_F", "ps", KILOPASCAL),
        Column("CO2_F_MDS", "co2", PPM),
        Column("NEE_VUT_REF", "nee", carbon),
        Column(unsure, "nee_sd", carbon),
        Column(f"GPP_{way}_VUT_REF", "gpp", carbon),
        Column(f"RECO_{way}_VUT_REF", "reco", carbon),
    )


READ = {
    *(c.theirs for step in (DAY, 1800.0) for way in ("night", "day") for c in _columns(step, way)),
    *(f"GPP_{way}_VUT_{rank}" for way in ("NT", "DT") for rank in ("16", "84")),
    *("LE_F_MDS", "LE_RANDUNC", "NEE_VUT_REF_QC", "LE_F_MDS_QC", "NEE_VUT_REF_RANDUNC"),
}


def _quantities(raw: pd.DataFrame, seconds: float, gpp: Literal["night", "day"]) -> pd.DataFrame:
    """Columns under our names and units; those that the file lacks are left out."""
    columns = _columns(seconds, gpp)
    table = pd.DataFrame(
        {c.ours: c.convert(raw[c.theirs]) for c in columns if c.theirs in raw}, index=raw.index
    )
    carbon = next(c.factor for c in columns if c.ours == "nee")
    if "nee" in table and "nee_sd" not in table and "NEE_VUT_REF_RANDUNC" in raw:
        table["nee_sd"] = raw["NEE_VUT_REF_RANDUNC"] * carbon
    low, high = (f"GPP_{PARTITION[gpp]}_VUT_{rank}" for rank in ("16", "84"))
    if "gpp" in table and low in raw and high in raw:
        # The 16th to 84th percentile over u* thresholds spans two standard errors.
        table["gpp_sd"] = (raw[high] - raw[low]).abs() / 2 * carbon
    return _water(table, raw)


def _water(table: pd.DataFrame, raw: pd.DataFrame) -> pd.DataFrame:
    """Evapotranspiration [kg m-2 s-1] from latent heat [W m-2], by lambda = 2.501e6 - 2361 T[°C] J kg-1."""
    if "LE_F_MDS" in raw and "tas" in table:
        heat = 2.501e6 - 2361.0 * (table["tas"] - FREEZING)
        table["evspsbl"] = raw["LE_F_MDS"] / heat
        if "LE_RANDUNC" in raw:
            table["evspsbl_sd"] = raw["LE_RANDUNC"] / heat
    return table


def coordinates(folder: Path, root: Path) -> dict[str, tuple[float, float]]:
    """(lat, lon) of sites from `sites.csv`, and from the SITEINFO tables of ICOS."""
    known = {}
    if (folder / "sites.csv").exists():
        rows = pd.read_csv(folder / "sites.csv")
        known = {row.site: (float(row.lat), float(row.lon)) for row in rows.itertuples()}
    for archive in [root] if root.suffix == ".zip" else sorted(folder.glob("*.zip")):
        for member in _csv_members(archive):
            if "SITEINFO" in member:
                known |= _siteinfo(File(archive, member, "", ""))
    for path in folder.glob("*SITEINFO*.csv"):
        known |= _siteinfo(File(path, "", "", ""))
    return known


def _siteinfo(file: File) -> dict[str, tuple[float, float]]:
    """One site's (lat, lon) from an ICOS table of SITE_ID, GROUP_ID, VARIABLE, DATAVALUE."""
    rows = pd.read_csv(file.text(), encoding="utf-8-sig", dtype=str)
    if not {"SITE_ID", "VARIABLE", "DATAVALUE"} <= set(rows.columns):
        return {}
    values = rows.drop_duplicates("VARIABLE").set_index("VARIABLE")["DATAVALUE"]
    if not {"LOCATION_LAT", "LOCATION_LONG"} <= set(values.index):
        return {}
    return {str(rows["SITE_ID"].iloc[0]): (float(values["LOCATION_LAT"]), float(values["LOCATION_LONG"]))}
