"""What the folder of a station holds: tables, CF datasets, parameters, thresholds, pages, log, record."""

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import xarray as xr

from landsink.core.errors import CaseError, DataError
from landsink.core.record import Record, code_version
from landsink.stations.flux import clock, products
from landsink.stations.flux.page import page
from landsink.stations.flux.stage import Processed, Report, Settings, Skip, Stage, Step, run
from landsink.stations.flux.summary import tabled

REFERENCES = (
    "Pastorello et al. 2020, doi:10.1038/s41597-020-0534-3; Reichstein et al. 2005; Lasslop et al. 2010"
)
NAME = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")


def site_name(site: str) -> str:
    """The name, where it can name files. Raises DataError otherwise."""
    if not NAME.fullmatch(site):
        raise DataError(
            f"'{site}' cannot name a site.", "Letters, digits and hyphens, as DE-Tha.", "Say --site."
        )
    return site


def free(folder: Path, overwrite: bool) -> None:
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


@contextmanager
def drafted(folder: Path) -> Iterator[Path]:
    """A draft beside `folder` that takes its name when it is whole; an interruption leaves nothing half-written."""
    draft = folder.parent / f".{folder.name}.unfinished"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        yield draft
        if folder.exists():
            shutil.rmtree(folder)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def store(folder: Path, record: Record, steps: Sequence[Step]) -> None:
    """The record, its hash and what became of each step as record.json."""
    said = [{"name": s.name, "status": s.status, "says": s.says} for s in steps]
    content = record.as_dict() | {"hash": record.hash, "steps": said}
    (folder / "record.json").write_text(json.dumps(content, indent=1, default=str) + "\n")


def write(
    done: Processed,
    folder: Path,
    ds: xr.Dataset,
    record: Record,
    settings: Settings,
    report: Report,
    pages: bool = True,
) -> Processed:
    """Every product into `folder`, each a step of its own: one that cannot be written does not keep the others."""
    source = {
        "record": record.hash,
        "source": f"{code_version()}; {ds.attrs.get('source', '')}",
        "references": REFERENCES,
        "licence": str(ds.attrs.get("licence", "as the input's")),
    }
    writers: dict[str, Callable[[Processed], str]] = {
        "FLUXNET tables": lambda known: _tables(known, folder),
        "CF NetCDF": lambda known: _netcdf(known, folder, source),
        "parameters of windows": lambda known: _windows(known, folder, source),
        "u* thresholds": lambda known: _thresholds(known, folder, source),
        "pages": lambda known: _pages(known, folder, report),
    }
    stages = [Stage(name, _writing(w)) for name, w in writers.items() if pages or name != "pages"]
    done = run(done, stages, settings, report)
    store(folder, record, done.steps)
    return done


def _writing(write: Callable[[Processed], str]) -> Callable[..., tuple[Processed, str]]:
    """A writer as what a stage does."""
    return lambda known, settings, report: (known, write(known))


def _tables(done: Processed, folder: Path) -> str:
    """FLUXNET tables, and one that says where the site stands."""
    made = [products.write_table(tabled(ds), folder).name for ds in (done.record, *done.coarse.values())]
    site, attrs = done.record.attrs["site"], done.record.attrs
    rows = {"LOCATION_LAT": "latitude", "LOCATION_LONG": "longitude", "UTC_OFFSET": "utc_offset"}
    info = [
        {"SITE_ID": site, "GROUP_ID": k + 1, "VARIABLE": theirs, "DATAVALUE": attrs[ours]}
        for k, (theirs, ours) in enumerate(rows.items())
        if ours in attrs
    ]
    if info:
        pd.DataFrame(info).to_csv(folder / f"{site}_SITEINFO.csv", index=False)
    return ", ".join(made)


def _netcdf(done: Processed, folder: Path, source: Mapping[str, str]) -> str:
    site = done.record.attrs["site"]
    made = [
        products.write_netcdf(ds, folder / f"{site}_{products.mark(ds)}.nc", source).name
        for ds in (done.record, *done.coarse.values())
    ]
    return ", ".join(made)


def _windows(done: Processed, folder: Path, source: Mapping[str, str]) -> str:
    """All versions' windows as NetCDF; the reference version's as a table for each kind of window."""
    if not done.windows.data_vars:
        raise Skip("No partitioning has parameters to write.")
    site = done.record.attrs["site"]
    path = folder / f"{site}_windows.nc"
    done.windows.assign_attrs({**source, "site": site}).to_netcdf(path)
    made = [path.name]
    reference = _shown(done)
    for own in [str(d) for d in reference.dims]:
        rows = reference[[n for n, v in reference.data_vars.items() if v.dims == (own,)]]
        path = folder / f"{site}_{own}.csv"
        rows.to_dataframe().to_csv(path, float_format="%.7g", lineterminator="\n")
        made.append(path.name)
    return ", ".join(made)


def _thresholds(done: Processed, folder: Path, source: Mapping[str, str]) -> str:
    if not done.thresholds.data_vars:
        raise Skip("There are no thresholds to write.")
    path = folder / f"{done.record.attrs['site']}_ustar.nc"
    done.thresholds.assign_attrs({**source, "units": "m s-1"}).to_netcdf(path)
    if "VUT" not in done.thresholds:
        return path.name
    table = path.with_suffix(".csv")
    done.thresholds["VUT"].to_pandas().to_csv(table, float_format="%.5g", lineterminator="\n")
    return f"{path.name}, {table.name}"


def _pages(done: Processed, folder: Path, report: Report) -> str:
    """A page for each year."""
    steps = [(s.name, s.status, s.says, s.seconds) for s in done.steps]
    years = sorted(set(clock.year(done.record).tolist()))
    versions = done.versions if done.versions.data_vars else None
    made = []
    for k, year in enumerate(years):
        report("pages", k / len(years))
        text = page(
            done.record, done.coarse, _or_none(done.thresholds), _or_none(_shown(done)), steps, year, versions
        )
        path = folder / f"{done.record.attrs['site']}_{year}.html"
        path.write_text(text, encoding="utf-8")
        made.append(path.name)
    report("pages", 1.0)
    return ", ".join(made)


def _shown(done: Processed) -> xr.Dataset:
    """Windows of the reference version."""
    if "percentile" not in done.windows.dims:
        return done.windows
    return done.windows.isel(percentile=done.references["HH"].index, drop=True)


def _or_none(ds: xr.Dataset) -> xr.Dataset | None:
    return ds if ds.data_vars else None


def log(done: Processed, ds: xr.Dataset, record: Record, begun: float) -> str:
    """What was read, found and done, in plain words; tracebacks of what is landsink's own fault."""
    lines = [
        f"landsink station {ds.attrs['site']}",
        time.strftime("begun %Y-%m-%d %H:%M:%S UTC", time.gmtime(begun)),
        f"record {record.hash}",
        f"code {record.code}",
        *(f"input {i.name} sha256 {i.sha256}" for i in record.inputs),
        "", "reading", *(f"  {n}" for n in ds.attrs.get("notes", [])),
        "", "findings", *(f"  {n}" for n in done.record.attrs.get("findings", [])),
        "", "steps",
    ]  # fmt: skip
    for step in done.steps:
        lines.append(f"  {step.status:8}{step.name:26}{step.seconds:8.2f} s  {step.says}")
        lines += [f"          {line}" for line in step.trace.splitlines()]
    return "\n".join(lines) + "\n"
