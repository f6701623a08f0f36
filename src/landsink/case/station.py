"""One station: its files through the chain to a folder of products. Here sources and stations meet."""

import contextlib
import dataclasses
import json
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from rich.table import Table

from landsink.core.errors import CaseError, DataError, LandsinkError, unknown
from landsink.core.record import Input, Record
from landsink.sources.air import open_air
from landsink.sources.ocean import open_ocean
from landsink.sources.tower import open_tower
from landsink.sources.tower.files import within
from landsink.stations.flux.chain import process
from landsink.stations.flux.convention import Convention, OneFlux, REddyProc
from landsink.stations.flux.stage import Processed, Report, Settings, Step

from .station_folder import log, write

StationSettings = Settings
CONVENTIONS: Mapping[str, type[Convention]] = {"oneflux": OneFlux, "reddyproc": REddyProc}
BESIDE = ("sites.csv", "utc_offsets.csv")
NAME = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")
SHOWN = ("NEE_VUT", "GPP_NT_VUT", "GPP_DT_VUT", "RECO_NT_VUT", "RECO_DT_VUT")
OTHER_DOMAINS = {
    "atmosphere": (open_air, "In Python: landsink.stations.air.fit(landsink.sources.air.open_air(path))."),
    "ocean": (
        open_ocean,
        "In Python: landsink.stations.ocean.exchange(landsink.sources.ocean.open_ocean(path), …).",
    ),
}
SIGN = "NEE and RECO: + to the atmosphere; GPP: + into the ecosystem"
SPANS = {"YY": ("gC m-2 yr-1", "%Y"), "MM": ("gC m-2 d-1", "%Y-%m")}


@dataclass(frozen=True)
class StationFiles:
    """What a user asks for: files, and what they do not say of themselves; None where they do."""

    path: Path
    site: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    utc_offset: float | None = None
    year: int | None = None


@dataclass(frozen=True)
class Station:
    """Where a station's products lie, what made them, and what they say of its years."""

    folder: Path
    site: str
    record: str
    done: Processed
    annual: pd.DataFrame

    @property
    def steps(self) -> tuple[Step, ...]:
        """What became of each step, the writing of products included."""
        return self.done.steps

    @property
    def warnings(self) -> list[str]:
        """What a user must hear: steps that came to nothing, and a clock that seems wrong."""
        said = [f"{s.status:8}{s.name}: {s.says}" for s in self.steps if s.status != "done"]
        return said + [f for f in self.done.record.attrs.get("findings", []) if f.startswith("Time:")]


def convention(name: str) -> Convention:
    """A convention by the name that the command takes."""
    if name not in CONVENTIONS:
        raise unknown(name, CONVENTIONS, f"the conventions ({', '.join(CONVENTIONS)})")
    return CONVENTIONS[name]()


def station(
    asked: StationFiles,
    out: Path | None,
    settings: Settings,
    report: Report,
    overwrite: bool = False,
    pages: bool = True,
) -> Station:
    """Process a station's files into `out` (`out/<site>` if None).

    Products are written beside it and take its name when they are whole, so that an interruption leaves nothing
    half-written. Raises LandsinkError where the files give no record, the site has no name, or the folder is taken.
    """
    report("reading", 0.0)
    ds = _opened(asked)
    ds = ds.assign_attrs(site=_site(asked, ds))
    folder = out or Path("out") / ds.attrs["site"]
    _free(folder, overwrite)
    record = Record.of({"station": _case(asked, ds, settings)}, _inputs(asked, ds))
    report("reading", 1.0)
    begun = time.time()
    done = process(ds, settings, report)
    draft = folder.parent / f".{folder.name}.unfinished"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        done = write(done, draft, ds, record, settings, report, pages)
        (draft / "log.txt").write_text(log(done, ds, record, begun))
        if folder.exists():
            shutil.rmtree(folder)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Station(folder, ds.attrs["site"], record.hash, done, annual(done))


def _opened(asked: StationFiles) -> xr.Dataset:
    """The tower's record; a file of another domain is said to be one, with what reads it."""
    try:
        return open_tower(
            asked.path, asked.site, latitude=asked.latitude, longitude=asked.longitude,
            utc_offset=asked.utc_offset, year=asked.year,
        )  # fmt: skip
    except DataError as not_a_tower:
        raise _elsewhere(asked.path) or not_a_tower from None


def _elsewhere(path: Path) -> CaseError | None:
    """Where a file belongs that is no tower's; None if nowhere."""
    for domain, (opener, what) in OTHER_DOMAINS.items():
        with contextlib.suppress(LandsinkError):
            opener(path)
            return CaseError(f"{path.name} is a file of an {domain} station.", "A flux tower's.", what)
    return None


def _site(asked: StationFiles, ds: xr.Dataset) -> str:
    site = asked.site or str(ds.attrs.get("site", ""))
    if not site:
        raise DataError("The files do not name their site.", "A code such as DE-Tha.", "Say --site XX-Abc.")
    if not NAME.fullmatch(site):
        raise DataError(f"'{site}' cannot name a site.", "Letters, digits and hyphens, as DE-Tha.")
    return site


def _free(folder: Path, overwrite: bool) -> None:
    """Raises CaseError where `folder` holds something, unless that is a station's products and may go."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise CaseError(f"{folder} is a file.", remedy="Name a folder with --out.")
    if not any(folder.iterdir()):
        return
    if not overwrite:
        raise CaseError(
            f"{folder} is not empty.", remedy="Say --overwrite, or name another folder with --out."
        )
    try:
        ours = "station" in json.loads((folder / "record.json").read_text())["case"]
    except (OSError, ValueError, KeyError, TypeError):
        ours = False
    if not ours:
        raise CaseError(
            f"{folder} holds other things than a station's products.", remedy="Name another folder."
        )


def _case(asked: StationFiles, ds: xr.Dataset, settings: Settings) -> dict[str, Any]:
    place = {n: ds.attrs.get(n) for n in ("site", "latitude", "longitude", "utc_offset")}
    chosen = {f.name: getattr(settings, f.name) for f in dataclasses.fields(settings)}
    return place | {"year": asked.year} | chosen | {"convention": str(settings.convention)}


def _inputs(asked: StationFiles, ds: xr.Dataset) -> list[Input]:
    """The site's files, hashed, and the tables beside them that may say where it stands."""
    files = {f.path for f in within(asked.path) if f.site in ("", ds.attrs["site"]) or asked.path.is_file()}
    beside = {path.parent / name for path in files for name in BESIDE}
    licence, citation = (str(ds.attrs.get(n, "")) for n in ("licence", "citation"))
    return [Input.of(p, licence, citation) for p in sorted(files | {p for p in beside if p.is_file()})]


def annual(done: Processed) -> pd.DataFrame:
    """Carbon of each year, a row a flux: its value, random and u* uncertainty, both, unit and the product's name.

    Where no year is whole, of each month. `ustar` is half the distance of the 84th from the 16th percentile over u*
    thresholds, NaN where there is one version alone.
    """
    rows: list[dict[str, Any]] = []
    for mark, (unit, form) in SPANS.items():
        ds = done.coarse.get(mark, xr.Dataset())
        for family in [f for f in SHOWN if f"{f}_REF" in ds]:
            for k, when in enumerate(pd.DatetimeIndex(ds["time"].values)):
                found = {
                    n: _at(ds, f"{family}_{n}", k) for n in ("REF", "16", "84", "REF_RANDUNC", "REF_JOINTUNC")
                }
                row = {
                    "period": when.strftime(form),
                    "flux": family.removesuffix("_VUT"),
                    "value": found["REF"],
                }
                row |= {"random": found["REF_RANDUNC"], "ustar": (found["84"] - found["16"]) / 2}
                rows.append(row | {"joint": found["REF_JOINTUNC"], "unit": unit, "product": f"{family}_REF"})
        rows = [row for row in rows if np.isfinite(row["value"])]
        if rows:
            break
    columns = ("period", "flux", "value", "random", "ustar", "joint", "unit", "product")
    return pd.DataFrame(rows, columns=columns).sort_values("period", kind="stable", ignore_index=True)


def _at(ds: xr.Dataset, name: str, k: int) -> float:
    return float(ds[name].values[k]) if name in ds else np.nan


def statement(found: Station) -> Table:
    """The carbon of each year as a table for a terminal: values, uncertainties, unit, sign, source."""
    unit = found.annual["unit"].iloc[0] if len(found.annual) else ""
    filtered = found.done.step("u* filter")
    by = "" if filtered is not None and filtered.status == "done" else "; NO u* FILTER WAS APPLIED"
    fluxes = list(dict.fromkeys(found.annual["flux"]))
    table = Table(
        title=f"{found.site}: carbon, {unit}{by}",
        caption=f"± one standard deviation: of NEE by chance, then by choice of u*; of GPP and RECO by choice of u*."
        f" {SIGN}. Product: {', '.join(found.annual['product'].unique())}.",
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("period")
    for flux in fluxes:
        table.add_column(flux, justify="right", no_wrap=True)
    for period, rows in found.annual.groupby("period"):
        cells = {
            row["flux"]: _cell(row, 0 if unit.endswith("yr-1") else 2) for row in rows.to_dict("records")
        }
        table.add_row(str(period), *(cells.get(flux, "–") for flux in fluxes))
    return table


def _cell(row: Mapping[str, Any], digits: int) -> str:
    known = [row[n] for n in ("random", "ustar") if np.isfinite(row[n])]
    return " ± ".join(f"{x:.{digits}f}" for x in (row["value"], *known))
