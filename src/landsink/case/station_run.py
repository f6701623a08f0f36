"""One station: its files through the chain to a folder of products. Here sources and stations meet."""

import contextlib
import dataclasses
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from rich.table import Table

from landsink.catalogue import Catalogue
from landsink.catalogue.station_item import Terms, enter
from landsink.core.errors import DataError, LandsinkError, unknown
from landsink.core.record import Input, Record
from landsink.sources.air import open_air
from landsink.sources.ocean import open_ocean
from landsink.sources.tower import open_tower
from landsink.sources.tower.files import within
from landsink.stations.flux.chain import process
from landsink.stations.flux.convention import Convention, OneFlux, REddyProc
from landsink.stations.flux.stage import Processed, Report, Settings, Step

from . import station_record
from .station_folder import drafted, free, log, site_name, write
from .station_record import Observed, observed
from .station_request import StationFiles
from .station_tower import add_sheet

StationSettings = Settings
CONVENTIONS: Mapping[str, type[Convention]] = {"oneflux": OneFlux, "reddyproc": REddyProc}
BESIDE = ("sites.csv", "utc_offsets.csv")
SHOWN = ("NEE_VUT", "GPP_NT_VUT", "GPP_DT_VUT", "RECO_NT_VUT", "RECO_DT_VUT")
DOMAINS = ("ecosystem", "atmosphere", "ocean")
OPENERS = {"atmosphere": open_air, "ocean": open_ocean}
SIGN = "NEE and RECO: + to the atmosphere; GPP: + into the ecosystem"
SPANS = {"YY": ("gC m-2 yr-1", "%Y"), "MM": ("gC m-2 d-1", "%Y-%m")}


@dataclass(frozen=True)
class Station:
    """Where a station's products lie, what made them, and what they say of its years."""

    folder: Path
    site: str
    record: str
    done: Processed
    annual: pd.DataFrame
    domain: str = "ecosystem"

    @property
    def empty(self) -> bool:
        """Whether nothing is told of the carbon."""
        return not len(self.annual)

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
) -> Station | Observed:
    """Process a station's files into `out` (`out/<site>` if None): a tower's, an air record or a surface-ocean record.

    Products are written beside it and take its name when they are whole, so that an interruption leaves nothing
    half-written. Raises LandsinkError where the files give no record, the site has no name, or the folder is taken.
    """
    report("reading", 0.0)
    found = _opened(asked)
    if isinstance(found, str):
        return observed(asked, found, out, report, overwrite, pages)
    ds = found.assign_attrs(site=_site(asked, found))
    folder = out or Path("out") / ds.attrs["site"]
    free(folder, overwrite)
    record = Record.of({"station": _case(asked, ds, settings)}, _inputs(asked, ds))
    report("reading", 1.0)
    begun = time.time()
    done = process(ds, settings, report)
    with drafted(folder) as draft:
        done = write(done, draft, ds, record, settings, report, pages)
        (draft / "log.txt").write_text(log(done, ds, record, begun))
        add_sheet(done, draft, ds, record, annual(done))
    return Station(folder, ds.attrs["site"], record.hash, done, annual(done))


def enter_station(folder: Path, licence: str = "", rights: str = "") -> Any:
    """Enter a finished station's folder into the catalogue; returns its item."""
    store = Catalogue.configured()
    store.sweep()
    return enter(store, folder, Terms(licence, rights))


def check_terms(licence: str, rights: str) -> None:
    """Raises DataError where a licence is not known, before hours of processing rather than after."""
    Terms(licence, rights).checked()


def station_facts(found: Station | Observed, item: Any) -> dict[str, Any]:
    """What became of a station as plain data, for JSON."""
    said = {"folder": str(found.folder), "site": found.site, "domain": found.domain, "record": found.record}
    steps = [{"name": s.name, "status": s.status, "says": s.says} for s in found.steps]
    carbon = found.annual if isinstance(found, Station) else station_record.table(found)
    rows = json.loads(carbon.to_json(orient="records"))
    return said | {"steps": steps, "carbon": rows, "item": item.id if item is not None else None}


def _opened(asked: StationFiles) -> xr.Dataset | str:
    """The tower's record; the name of its domain where the file is of another."""
    if asked.domain is not None and asked.domain not in DOMAINS:
        raise unknown(asked.domain, DOMAINS, f"the domains ({', '.join(DOMAINS)})")
    if asked.domain in OPENERS:
        return asked.domain
    try:
        return open_tower(
            asked.path, asked.site, latitude=asked.latitude, longitude=asked.longitude,
            utc_offset=asked.utc_offset, year=asked.year,
        )  # fmt: skip
    except DataError:
        elsewhere = "" if asked.domain else _elsewhere(asked.path)
        if not elsewhere:
            raise
        return elsewhere


def _elsewhere(path: Path) -> str:
    """The domain of a file that is no tower's; nothing where no reader knows it."""
    if path.is_file():
        for domain, opener in OPENERS.items():
            with contextlib.suppress(LandsinkError):
                opener(path)
                return domain
    return ""


def _site(asked: StationFiles, ds: xr.Dataset) -> str:
    site = asked.site or str(ds.attrs.get("site", ""))
    if not site:
        raise DataError("The files do not name their site.", "A code such as DE-Tha.", "Say --site XX-Abc.")
    return site_name(site)


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


def statement(found: Station | Observed) -> Table:
    """The carbon of each year as a table for a terminal: values, uncertainties, unit, sign, source."""
    if isinstance(found, Observed):
        return station_record.statement(found)
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
