"""The time columns of FLUXNET-like files."""

from typing import Literal

import numpy as np

from landsink.sources.tower import stamps
from landsink.sources.tower.table import Sheet


def interval(sheet: Sheet) -> tuple[np.ndarray, Literal["start", "end"], int]:
    """Times (row), which side of their interval they stand on, and its length [s] where both sides say it (else 0).

    A start that cannot be read is made from its end.
    """
    start, end = "TIMESTAMP_START", "TIMESTAMP_END"
    names = [name for name in (start, end) if name in sheet.names]
    read = {name: stamps.as_written(column) for name, column in sheet.written_columns(names).items()}
    if len(read) < 2:
        return (read[start], "start", 0) if start in read else (read[end], "end", 0)
    length = (read[end] - read[start])[~np.isnat(read[start]) & ~np.isnat(read[end])]
    lengths, counts = np.unique(length / np.timedelta64(1, "s"), return_counts=True)
    usable = (
        lengths.size and 0 < lengths[np.argmax(counts)] <= 3600 and 3600 % lengths[np.argmax(counts)] == 0
    )
    if not usable:
        return read[start], "start", 0
    seconds = int(lengths[np.argmax(counts)])
    lost = np.isnat(read[start]) & ~np.isnat(read[end])
    if lost.any():
        sheet.notes.append(f"{int(lost.sum())} unreadable starts taken from their ends.")
    return np.where(lost, read[end] - np.timedelta64(seconds, "s"), read[start]), "start", seconds
