"""Real records whose u* thresholds independent tools have computed, and what those tools found."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

SITE_YEARS = (("DE-Tha", 1998), ("DE-Geb", 2004), ("DE-Geb", 2005), ("DE-Geb", 2006))


def _record(table: pd.DataFrame, time: pd.DatetimeIndex, names: dict[str, str]) -> xr.Dataset:
    columns = {ours: ("time", table[theirs].to_numpy(float)) for ours, theirs in names.items()}
    return xr.Dataset(columns, {"time": time.to_numpy()})


def oneflux_csv(path: Path) -> xr.Dataset:
    """A file that ONEFlux's first step wrote, header lines and all."""
    table = pd.read_csv(path, skiprows=_header(path), na_values=[-9999])
    time = pd.DatetimeIndex(pd.to_datetime(table["TIMESTAMP_START"].astype(str), format="%Y%m%d%H%M"))
    names = [n for n in ("NEE", "TA", "USTAR", "SW_IN", "PPFD_IN") if n in table]
    return _record(table, time, dict(zip(names, names, strict=True)))


def _header(path: Path) -> int:
    lines = pd.read_csv(path, sep="\0", header=None, engine="python")[0]
    return int(np.flatnonzero(lines.str.startswith("TIMESTAMP"))[0])


def oneflux(data: Path, site: str, year: int) -> xr.Dataset:
    """What ONEFlux's moving point read."""
    return oneflux_csv(data / f"flux/reference/oneflux/{site}/{site}_qca_nee_{year}.csv.gz")


def reddyproc(data: Path, site: str) -> xr.Dataset:
    """What REddyProc read: DE-Tha 1998 or DE-Geb 2004 to 2006."""
    if site == "DE-Tha":
        path = data / "flux/reddyproc_de_tha_98/Example_DETha98_lf.txt"
        table = pd.read_csv(path, sep="\t", skiprows=[1], na_values=[-9999])
        time = pd.date_range("1998-01-01", periods=len(table), freq="30min")
    else:
        table = pd.read_csv(data / "flux/reddyproc_de_geb/DEGebExample.csv.gz")
        time = pd.DatetimeIndex(table["DateTime"]) - pd.Timedelta(minutes=30)
    return _record(table, time, {"NEE": "NEE", "TA": "Tair", "USTAR": "Ustar", "SW_IN": "Rg"})


def oneflux_draws(data: Path, site: str, year: int) -> np.ndarray:
    """Seasonal thresholds of ONEFlux's own bootstraps (draw, season) [m s-1]."""
    text = (data / f"flux/reference/oneflux/{site}/{site}_usmp_{year}.txt").read_text()
    part = text.split("-- bootstrapping")[1].split("-- percentiles")[0]
    lines = [row.split()[:4] for row in part.splitlines() if row.endswith("forward mode 2")]
    rows = np.array([row for row in lines if row[0] != "forward"], float)
    return np.where(rows < 0, np.nan, rows)
