"""A station's files to one record."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from landsink.core.errors import DataError, unknown
from landsink.sources.tower import netcdf, parquet
from landsink.sources.tower.files import File, is_record, within
from landsink.sources.tower.joined import joined
from landsink.sources.tower.place import Place, asked, beside, from_info
from landsink.sources.tower.record import Reading, record
from landsink.sources.tower.request import Request
from landsink.sources.tower.sniff import recognised
from landsink.sources.tower.table import sheet
from landsink.sources.tower.variables import FLAGS


def open_tower(
    path: Path | str | Sequence[Path | str],
    site: str | None = None,
    *,
    latitude: float | None = None,
    longitude: float | None = None,
    utc_offset: float | None = None,
    year: int | None = None,
    side: Literal["start", "end", "middle"] | None = None,
    also: Sequence[str] = (),
) -> xr.Dataset:
    """A tower's record (time) from its files, whatever their format.

    `path` is a file, a zip archive, a folder, or several of these; of a folder with many sites `site` chooses one.
    `time` is the start of each interval in local standard time, on whole days without a step missing; variables bear
    FLUXNET names and units, `<X>_QC` is 0 where measured and 1 to 3 where filled, `<X>_SSITC_TEST` judges turbulence;
    NaN is missing. Attributes: site, latitude [degrees north], longitude [degrees east], utc_offset [h], where they are
    known or given here; source, licence, citation; `notes`, the sentences that say what was mended. `also` takes
    further columns as they are, `year` is of a file that counts days only, `side` says which side of its interval a
    single stamp marks where the file does not.

    Raises DataError where the files cannot be understood or give no even record, UnknownName for a site not there.
    """
    given = asked(latitude, longitude, utc_offset)
    paths = [path] if isinstance(path, str | Path) else list(path)
    every = [file for one in paths for file in within(Path(one))]
    files = _of_site([file for file in every if is_record(file)], site)
    if not files:
        raise DataError(
            "No half-hourly record among the files.", "Such as …_HH_….csv.", "Ask for another folder."
        )
    info = _told(every)
    request = Request(tuple(also), year, side)
    records, refused = _records(files, site or "", given, info, request)
    if not records:
        raise refused[0]
    whole = joined(records)
    whole.attrs["notes"] = whole.attrs["notes"] + [f"Passed over: {error}" for error in refused]
    return whole


def measured(ds: xr.Dataset) -> xr.Dataset:
    """The record with everything that its `_QC` flags call filled (above 0) as NaN; variables without a flag stay."""
    kept = {
        str(name): ds[name].where(ds[f"{name}_QC"] == 0)
        for name in ds.data_vars
        if not str(name).endswith(FLAGS) and f"{name}_QC" in ds
    }
    return ds.assign(kept)


def _of_site(files: list[File], site: str | None) -> list[File]:
    """The files of one site; those that name none belong to it where they are all there is."""
    sites = sorted({file.site for file in files if file.site})
    if site is None:
        if len(sites) > 1:
            raise DataError(
                f"Files of {len(sites)} sites: {', '.join(sites[:8])}.",
                "Those of one.",
                f"Say site='{sites[0]}'.",
            )
        return files
    # A single file is the user's word, whatever it is called.
    if len(files) == 1 or not sites:
        return files
    if site not in sites:
        raise unknown(site, sites, f"the {len(sites)} sites of these files")
    return [file for file in files if file.site == site]


def _records(
    files: list[File], site: str, given: Place, info: dict[str, Place], request: Request
) -> tuple[list[xr.Dataset], list[DataError]]:
    """A record of each file that gives one, and why others do not."""
    records, refused = [], []
    for file in files:
        try:
            records.append(record(_reading(file, site, given, info, request)))
        except DataError as error:
            refused.append(error)
    return records, refused


def _reading(file: File, site: str, given: Place, info: dict[str, Place], request: Request) -> Reading:
    data = file.read()
    name = site or file.site
    known = given.over(info.get(name, Place())).over(beside(file.path.parent, name))
    if data[:4] == b"PAR1":
        reading = parquet.read(data, file.label, known, request)
    elif data[:3] == b"CDF":
        reading = netcdf.read(data, file.label, request)
    else:
        page = sheet(data, file.label)
        reading = recognised(page).read(page, request)
    name = site or reading.site or file.site
    # The user's word goes before the file's own, and that before tables beside it.
    own = Place(reading.latitude, reading.longitude, reading.utc_offset)
    known = given.over(own).over(info.get(name, Place())).over(beside(file.path.parent, name))
    if np.isfinite(own.utc_offset) and known.utc_offset != own.utc_offset:
        reading.notes.append(
            f"utc_offset {known.utc_offset:g} h as given, where the file says {own.utc_offset:g} h."
        )
    if request.side is not None:
        reading.side = request.side
    reading.site = name
    reading.latitude, reading.longitude, reading.utc_offset = (
        known.latitude,
        known.longitude,
        known.utc_offset,
    )
    return reading


def _told(files: list[File]) -> dict[str, Place]:
    """Places by site from the tables of metadata among the files."""
    found: dict[str, Place] = {}
    for file in files:
        if not file.told:
            continue
        try:
            rows = pd.read_csv(
                io.BytesIO(file.read()), dtype=str, encoding="utf-8-sig", encoding_errors="replace"
            )
        except (ValueError, DataError):  # without it the place is said to be unknown
            continue
        found |= from_info(rows)
    return found
