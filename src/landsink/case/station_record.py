"""An air or ocean record to a folder of products: CF NetCDF, CSV, series, page, log, record."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from rich.table import Table

from landsink.core.errors import CaseError, DataError
from landsink.core.record import Input, Record, code_version
from landsink.sources.air import open_air
from landsink.sources.ocean import open_ocean
from landsink.stations.flux.stage import Report, Step

from . import station_air, station_ocean, station_sheet
from .station_folder import drafted, free, site_name, store
from .station_page import page
from .station_request import StationFiles
from .station_sheet import Sheet

MEDIA = {".nc": "application/netcdf", ".csv": "text/csv", ".html": "text/html", ".json": "application/json"}
ABSENT = {
    "station": "Such as CBW, or a ship's expocode.",
    "latitude": "Degrees north.",
    "longitude": "Degrees east.",
}


@dataclass(frozen=True)
class Observed:
    """Where the products of an air or ocean record lie, what made them, and what they say."""

    folder: Path
    site: str
    record: str
    sheet: Sheet
    steps: tuple[Step, ...]

    @property
    def domain(self) -> str:
        """atmosphere or ocean."""
        return self.sheet.domain

    @property
    def warnings(self) -> list[str]:
        """What a user must hear: steps that came to nothing."""
        return [f"{s.status:8}{s.name}: {s.says}" for s in self.steps if s.status != "done"]

    @property
    def empty(self) -> bool:
        """Whether nothing is told of the carbon: no value, or none that is sound."""
        return not any(row["good"] for row in self.sheet.coverage)


def observed(
    asked: StationFiles, domain: str, out: Path | None, report: Report, overwrite: bool, pages: bool
) -> Observed:
    """Process an air or ocean file into `out` (`out/<label>` if None), whole or not at all.

    Raises LandsinkError where the file gives no record, the station has no name, or the folder is taken.
    """
    report("reading", 0.0)
    if not asked.path.is_file():
        raise CaseError(
            f"{asked.path} is no file.", f"One file of an {domain} station.", "Process each file by itself."
        )
    ds = _named(asked, open_air(asked.path) if domain == "atmosphere" else open_ocean(asked.path), domain)
    label = site_name(
        station_air.label(ds, ds.attrs["station"]) if domain == "atmosphere" else ds.attrs["station"]
    )
    folder = out or Path("out") / label
    free(folder, overwrite)
    record = Record.of({"station": _case(asked, ds, domain)}, _inputs(asked, ds))
    report("reading", 1.0)
    begun = time.time()
    if domain == "atmosphere":
        sheet, products, steps = station_air.process(ds, station_air.hours(asked.hours), report)
    else:
        sheet, products, steps = station_ocean.process(ds, asked.fco2_error, report)
    with drafted(folder) as draft:
        steps += (_written(sheet, products, draft, label, record),)
        if pages:
            (draft / f"{label}.html").write_text(page(sheet, steps, record.hash), "utf-8")
        (draft / "log.txt").write_text(_log(sheet, steps, record, ds, begun), "utf-8")
        facts = {
            "record": record.hash,
            "label": label,
            "steps": [vars(s) for s in steps],
            "products": listed(draft),
        }
        store(draft, record, steps)
        station_sheet.write(sheet, draft, facts)
    return Observed(folder, label, record.hash, sheet, steps)


def listed(folder: Path) -> list[dict[str, Any]]:
    """The products of a folder: name, what it is, media type."""
    words = {".nc": "CF NetCDF", ".csv": "table", ".html": "quality page"}
    return [
        {"name": p.name, "title": words[p.suffix], "media": MEDIA[p.suffix]}
        for p in sorted(folder.iterdir())
        if p.suffix in words
    ]


def _named(asked: StationFiles, ds: xr.Dataset, domain: str) -> xr.Dataset:
    """The record with what the user says of it where the file does not."""
    code = asked.site or str(ds.attrs.get("station") or ds.attrs.get("expocode") or "")
    if not code:
        raise DataError(
            "The file does not name its station.", "A code such as CBW, or an expocode.", "Say --site NAME."
        )
    site_name(code)
    said = {"station": code}
    for name, value, limit in (("latitude", asked.latitude, 90), ("longitude", asked.longitude, 360)):
        if value is not None and not abs(value) <= limit:
            raise DataError(f"A {name} of {value:g}.", f"Within ±{limit} degrees.")
        if value is not None and domain == "atmosphere":
            said[name] = value
    if asked.height is not None and "intake_height" not in ds.attrs:
        said["intake_height"] = asked.height
    return ds.assign_attrs(said)


def _case(asked: StationFiles, ds: xr.Dataset, domain: str) -> dict[str, Any]:
    names = ("station", "latitude", "longitude", "elevation", "intake_height")
    own = {"hours": asked.hours} if domain == "atmosphere" else {"fco2_error": asked.fco2_error}
    return {"domain": domain} | {n: ds.attrs.get(n) for n in names} | own


def _inputs(asked: StationFiles, ds: xr.Dataset) -> list[Input]:
    return [Input.of(asked.path, str(ds.attrs.get("licence", "")), str(ds.attrs.get("citation", "")))]


def _written(
    sheet: Sheet, products: Mapping[str, xr.Dataset], folder: Path, label: str, record: Record
) -> Step:
    begun, made = time.perf_counter(), []
    for resolution, ds in products.items():
        whole = _cf(sheet, ds, resolution, record)
        path = folder / f"{label}_{resolution}.nc"
        packed = {
            str(n): {"zlib": True, "complevel": 4} for n, v in whole.data_vars.items() if v.dims == ("time",)
        }
        whole.to_netcdf(path, encoding=packed | {"time": station_sheet.CLOCK})
        made += [path.name, station_sheet.write_table(ds, path.with_suffix(".csv")).name]
    return Step("CF NetCDF and tables", "done", ", ".join(made), time.perf_counter() - begun)


def _cf(sheet: Sheet, ds: xr.Dataset, resolution: str, record: Record) -> xr.Dataset:
    """The product as CF 1.11: a time series at a place, or a trajectory."""
    moving = bool(sheet.track)
    out = ds.copy()
    for name in station_sheet.shown(ds):
        beside = [f"{name}{end}" for end in station_sheet.BELONGING if f"{name}{end}" in ds]
        if beside:
            out[name].attrs["ancillary_variables"] = " ".join(beside)
        if f"{name}_sd" in ds:
            out[f"{name}_sd"].attrs["long_name"] = str(
                ds[name].attrs.get("uncertainty", "standard deviation")
            )
    out["time"].attrs = {
        "standard_name": "time",
        "long_name": f"{resolution}, UTC, start of the interval or moment",
    }
    places = {"latitude": ("lat", "degrees_north"), "longitude": ("lon", "degrees_east")}
    for name, (short, unit) in places.items():
        if not moving and name in sheet.place:
            out = out.assign_coords({short: ((), sheet.place[name], {"standard_name": name, "units": unit})})
    role = "trajectory_id" if moving else "timeseries_id"
    out = out.assign_coords(station=((), sheet.station, {"cf_role": role}))
    out.attrs = {
        "Conventions": "CF-1.11",
        "featureType": "trajectory" if moving else "timeSeries",
        "title": sheet.title,
        "record": record.hash,
        "source": f"{code_version()}; {sheet.source}",
        "references": sheet.method,
        "licence": sheet.licence or "as the input's",
        "comment": "\n".join(sheet.notes),
    } | {k: v for k, v in sheet.attrs.items() if isinstance(v, str | int | float)}
    return out


def _log(sheet: Sheet, steps: tuple[Step, ...], record: Record, ds: xr.Dataset, begun: float) -> str:
    counts = ("lines_without_time", "rows_without_time_or_place", "repeated_times", "odd_lines")
    lines = [
        f"landsink station {sheet.station}, {sheet.domain}",
        time.strftime("begun %Y-%m-%d %H:%M:%S UTC", time.gmtime(begun)),
        f"record {record.hash}",
        f"code {record.code}",
        *(f"input {i.name} sha256 {i.sha256}" for i in record.inputs),
        "", "reading", f"  {ds.sizes['time']} rows", *(f"  {n}: {ds.attrs[n]}" for n in counts if ds.attrs.get(n)),
        *(f"  {n}" for n in sheet.notes),
        "", "steps",
        *(f"  {s.status:8}{s.name:30}  {s.says}" for s in steps),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def table(found: Observed) -> pd.DataFrame:
    """The numbers that say most, a row each: name, value, sd, unit, sign, says."""
    return pd.DataFrame([vars(h) for h in found.sheet.headlines])


def statement(found: Observed) -> Table:
    """What the record says, as a table for a terminal: values, uncertainties, unit, sign, source."""
    table = Table(
        title=found.sheet.title, caption="± one standard deviation.", title_justify="left", box=None
    )
    for head in ("what", "value", "unit", "says"):
        table.add_column(head, justify="right" if head == "value" else "left")
    for one in found.sheet.headlines:
        spread = f" ± {one.sd:.2f}" if np.isfinite(one.sd) else " (uncertainty not known)"
        table.add_row(
            one.name, f"{one.value:.2f}{spread}", one.unit, "; ".join(w for w in (one.sign, one.says) if w)
        )
    rows = pd.DataFrame(found.sheet.coverage)
    for name, some in rows.groupby("variable") if len(rows) else ():
        table.add_row(
            f"{name}, sound values", str(int(some["good"].sum())), "1", f"of {int(some['present'].sum())}"
        )
    return table
