"""Air: mole fractions measured at stations, from every form in which they are handed out, in one form (`record.py`)."""

import re
from pathlib import Path

import xarray as xr

from landsink.core.errors import DataError
from landsink.sources.air import table
from landsink.sources.air.atc import read_atc, read_atc_csv
from landsink.sources.air.noaa import read_noaa_flask, read_noaa_table
from landsink.sources.air.obspack import read_obspack
from landsink.sources.air.wdcgg import read_wdcgg

FORMS = "ATC (.CO2, csv), ObsPack or OpenGHG NetCDF, NOAA months, years or flasks, WDCGG .dat"
NETCDF = (b"CDF\x01", b"CDF\x02", b"CDF\x05", b"\x89HDF")


def open_air(path: Path | str) -> xr.Dataset:
    """The air record in a file of any known form, told from its content, not its name.

    Returns a Dataset on `time` as `record.py` says. Raises DataError where the file is of no known form or broken.
    """
    path = Path(path)
    raw = table.content(path)
    if raw[:4] in NETCDF:
        return read_obspack(path)
    lines, encoding = table.lines(raw)
    reader = recognise(lines)
    if reader is None:
        raise DataError(f"'{path}' is no air record that is known here.", f"One of: {FORMS}.")
    ds = reader(path, lines)
    ds.attrs["encoding"] = encoding
    return ds


def recognise(lines: list[str]):
    """Which reader fits the lines of a text, or None."""
    head = [line for line in lines[:200] if line.strip()]
    if any(line.startswith("#") and ";Year;Month;" in line for line in head):
        return read_atc
    if any(line.startswith("# data_fields:") for line in head):
        return read_noaa_flask
    if head[0].startswith("C01 "):
        return read_wdcgg
    if head[0].startswith("DateTime,"):
        return read_atc_csv
    data = next((line for line in head if re.match(r"\s*\d{4}\b", line)), "")
    heading = " ".join(line for line in head if not re.match(r"\s*\d", line)).lower()
    dated = re.match(r"\s*\d{4}(-\d{2}\s*,|\s*,|\s+)", data)
    if dated and (
        re.search(r"\baverage\b|\bannual increase\b|\bann inc\b", heading) or re.match(r"year,mean,", heading)
    ):
        return read_noaa_table
    return None


__all__ = [
    "open_air",
    "read_atc",
    "read_atc_csv",
    "read_noaa_flask",
    "read_noaa_table",
    "read_obspack",
    "read_wdcgg",
]
