"""Windows as files: NetCDF by CF, and CSV; both say where the numbers come from."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import netCDF4
import numpy as np

from landsink import __version__
from landsink.catalogue.releases import Release
from landsink.portal.numbers import stamps
from landsink.portal.products import variable_of
from landsink.portal.window import Window

PORTION = 2_000_000  # numbers of one variable in memory at once
ROW_BYTES = 13  # of CSV: a number with its comma
HDF5 = threading.Lock()  # the library is not safe for several threads


def attributes(release: Release, name: str) -> dict[str, str]:
    """CF attributes of a variable or of its standard deviation."""
    row = variable_of(release, name)
    if name == row.sd:
        named = f"{row.standard_name} standard_error" if row.standard_name else ""
        told = {"long_name": f"{row.title}, standard deviation", "standard_name": named}
    else:
        sign = f"Sign: {row.sign}." if row.sign else ""
        spread = {"ancillary_variables": row.sd} if row.sd else {}
        told = {"long_name": row.title, "standard_name": row.standard_name, "comment": sign, **spread}
    return {key: value for key, value in {"units": row.unit, **told}.items() if value}


def facts(release: Release, asked: str) -> dict[str, str]:
    """Global attributes: title, licence, the object's identifier, and how this file came about.

    Not when: what is asked twice of one release is the same file, so that its checksum can be told and compared.
    """
    told = {
        "Conventions": "CF-1.11",
        "title": release.title,
        "source": f"landsink object {release.id}",
        "landsink_id": release.id,
        "license": release.licence,
        "history": f"subset by landsink {__version__}: {asked}",
    }
    return told | (
        {"comment": "GENERATED DATA, not observed", "generated": "true"} if release.generated else {}
    )


def netcdf(part: Window, names: Sequence[str], path: Path, asked: str) -> Path:
    """Write a window as NetCDF-4, portion by portion; float32 values stay as they are."""
    with HDF5:
        file = netCDF4.Dataset(path, "w", format="NETCDF4")
        _head(file, part, names, asked)
    try:
        for name in names:
            for times in part.parts(PORTION):
                values, start = part.values(name, times), times.start - part.times.start
                with HDF5:
                    file[name][start : start + len(values)] = values
    finally:
        with HDF5:
            file.close()
    return path


def _head(file: netCDF4.Dataset, part: Window, names: Sequence[str], asked: str) -> None:
    file.setncatts(facts(part.release, asked))
    _axes(file, part)
    for name in names:
        row = file.createVariable(
            name, "f4", ("time", "lat", "lon"), zlib=True, complevel=1, shuffle=True, fill_value=np.nan
        )
        row.setncatts({**attributes(part.release, name), "cell_measures": "area: land_area"})


def _axes(file: netCDF4.Dataset, part: Window) -> None:
    for name, size in zip(("time", "lat", "lon"), part.shape, strict=True):
        file.createDimension(name, size)
    seconds = part.time.astype("datetime64[s]").astype(np.int64)
    daily = not (seconds % 86400).any()
    unit = f"{'days' if daily else 'seconds'} since 1970-01-01"
    time = file.createVariable("time", "f8", ("time",))
    time.setncatts({"units": unit, "calendar": "standard", "standard_name": "time", "axis": "T"})
    time[:] = seconds // 86400 if daily else seconds
    for name, word, unit, axis in (
        ("lat", "latitude", "degrees_north", "Y"),
        ("lon", "longitude", "degrees_east", "X"),
    ):
        row = file.createVariable(name, "f8", (name,))
        row.setncatts({"units": unit, "standard_name": word, "axis": axis})
        row[:] = getattr(part, name)
    area = file.createVariable("land_area", "f8", ("lat", "lon"), zlib=True)
    area.setncatts({"units": "m2", "long_name": "area of land in the cell"})
    area[:] = part.field(part.release.area())


def csv(part: Window, names: Sequence[str], asked: str) -> Iterator[bytes]:
    """A window as CSV, portion by portion: time, lat, lon and the variables, with comments on top.

    A row without any value is left out.
    """
    release = part.release
    units = "; ".join(f"{n} in {variable_of(release, n).unit}" for n in names)
    signs = "; ".join(f"{v.name}: {v.sign}" for v in map(release.variables.get, names) if v and v.sign)
    said = [*(f"{key}: {value}" for key, value in facts(release, asked).items()), f"units: {units}"]
    said += [f"sign: {signs}"] if signs else []
    head = "".join(f"# {row}\n" for row in said)
    yield (head + ",".join(["time", "lat", "lon", *names]) + "\n").encode()
    for times in part.parts(max(1, PORTION // (20 * len(names)))):
        yield _rows(part, names, times)


def _rows(part: Window, names: Sequence[str], times: slice) -> bytes:
    columns = np.stack([part.values(name, times) for name in names])
    step, row, col = np.nonzero(np.isfinite(columns).any(0))
    when = np.array(stamps(part.release.time[times]))[step].tolist()
    place = [np.array([f"{v:.10g}" for v in axis.tolist()]) for axis in (part.lat, part.lon)]
    numbers = [_texts(column[step, row, col]) for column in columns]
    rows = zip(when, place[0][row].tolist(), place[1][col].tolist(), *numbers, strict=True)
    return "".join(f"{','.join(fields)}\n" for fields in rows).encode()


def _texts(values: np.ndarray) -> list[str]:
    return ["" if v != v else f"{v:.9g}" for v in values.tolist()]
