"""Surface ocean: what ships and buoys measure of carbon dioxide, from every form of file, in one form (`record.py`)."""

from pathlib import Path

import xarray as xr

from landsink.core.errors import DataError
from landsink.sources.air import table
from landsink.sources.ocean.otc import read_otc
from landsink.sources.ocean.socat import read_socat


def open_ocean(path: Path | str) -> xr.Dataset:
    """The surface-ocean record in a file of any known form, told from its content, not its name.

    Returns a Dataset on `time` as `record.py` says. Raises DataError where the file is of no known form or broken.
    """
    path = Path(path)
    lines, encoding = table.lines(table.content(path))
    head = next(line for line in lines if line.strip())
    if head.startswith("/*"):
        ds = read_socat(path, lines)
    elif head.startswith("Date/Time,"):
        ds = read_otc(path, lines)
    else:
        raise DataError(
            f"'{path}' is no ocean record that is known here.", "One of: SOCAT .tab of PANGAEA, OTC csv."
        )
    ds.attrs["encoding"] = encoding
    return ds


__all__ = ["open_ocean", "read_otc", "read_socat"]
