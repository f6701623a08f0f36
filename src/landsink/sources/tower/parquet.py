"""The parquet edition of FLUXNET2015: half-hours of one site, stamped in UTC at the end of the interval."""

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as arrow_parquet

from landsink.core.errors import DataError, near
from landsink.sources.tower.fluxnet import CITATION
from landsink.sources.tower.place import Place, site_named
from landsink.sources.tower.record import Reading
from landsink.sources.tower.request import Request
from landsink.sources.tower.table import missing

NAME = "FLUXNET2015 (parquet edition)"
HALF_HOUR = 1800
COLUMNS = {
    "nee": "NEE", "nee_qc": "NEE_QC", "gpp_nt": "GPP_NT_VUT_REF", "gpp_dt": "GPP_DT_VUT_REF",
    "ta": "TA", "ta_qc": "TA_QC", "sw_in": "SW_IN", "sw_in_qc": "SW_IN_QC", "vpd": "VPD", "vpd_qc": "VPD_QC",
}  # fmt: skip


def read(data: bytes, label: str, where: Place, request: Request) -> Reading:
    """One site. Raises DataError where the file is broken, has other columns, or its offset from UTC is not known."""
    try:
        table = arrow_parquet.read_table(io.BytesIO(data)).to_pandas()
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise DataError(
            f"{label}: not readable as parquet ({str(error)[:80]}).", "", "Fetch it again."
        ) from None
    if not isinstance(table.index, pd.DatetimeIndex) or "nee" not in table:
        raise DataError(
            f"{label}: a parquet file without UTC stamps and 'nee'.", f"Columns {', '.join(COLUMNS)}."
        )
    if not np.isfinite(where.utc_offset):
        raise DataError(
            f"{label}: stamped in UTC, and the site's offset is not known.", "", "Give utc_offset=…."
        )
    absent = [name for name in request.also if name not in table]
    if absent:
        raise DataError(f"{label}: no column {', '.join(absent)}.", "", near(absent[0], table.columns))
    stamps = table.index.tz_localize(None).to_numpy().astype("datetime64[s]")
    local = stamps + np.timedelta64(round(where.utc_offset * 3600), "s")
    columns = {
        ours: missing(table[theirs].to_numpy(np.float64))
        for theirs, ours in COLUMNS.items()
        if theirs in table
    }
    # Flags were stored in 16 bits with the rest and come back a little off.
    columns |= {name: np.round(values) for name, values in columns.items() if name.endswith("_QC")}
    columns |= {name: missing(table[name].to_numpy(np.float64)) for name in request.also}
    notes = [f"From UTC to local standard time (UTC {where.utc_offset:+g} h)."]
    return Reading(
        label, local, "end", columns, NAME, notes, HALF_HOUR, site_named(label), where.latitude, where.longitude,
        where.utc_offset, "CC-BY-4.0", CITATION,
    )  # fmt: skip
