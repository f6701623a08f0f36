"""Which columns of a file stand for which quantity, the first that is there; flags and replicates go with them."""

from collections.abc import Mapping, Sequence

import numpy as np

from landsink.core.errors import DataError, near
from landsink.sources.tower import variables
from landsink.sources.tower.table import Sheet

# Our flags, and how files write them after a name.
WRITTEN = {"_QC": ("_QC", "_qc"), "_SSITC_TEST": ("_SSITC_TEST",)}
Wishes = Mapping[str, Sequence[str]]


def fulfilled(sheet: Sheet, wishes: Wishes, also: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Columns (row) under our names in FLUXNET units, with `<name>_QC` and `<name>_SSITC_TEST` where the file has them.

    A wish is met by the column of that name, or by one of its positions (`TA_1_1_1`, `TS_F_MDS_1`). The columns of
    `also` come as they are. Raises DataError where `also` names a column that is not there.
    """
    absent = [name for name in also if name not in sheet.names]
    if absent:
        raise DataError(f"{sheet.label}: no column {', '.join(absent)}.", "", near(absent[0], sheet.names))
    stems = {stem for names in wishes.values() for stem in names}
    placed = variables.positions(sheet.names, stems)
    there = {
        base: [stem for stem in names if stem in sheet.names or stem in placed]
        for base, names in wishes.items()
    }
    wanted = {name for names in there.values() for stem in names for name in _columns(sheet, stem, placed)}
    flags = {name + flag for name in wanted for written in WRITTEN.values() for flag in written}
    read = sheet.number_columns(sorted((wanted | flags | set(also)) & set(sheet.names)))
    out: dict[str, np.ndarray] = {}
    for base, names in there.items():
        if not names:
            continue
        # A column may be there and empty; then the next wish counts.
        full = [
            stem
            for stem in names
            if any(np.isfinite(read[c]).any() for c in _columns(sheet, stem, placed) if c in read)
        ]
        stem = (full or names)[0]
        name = stem if stem in sheet.names else variables.chosen(base, read, placed[stem], sheet.notes)
        out[base] = variables.to_fluxnet(base, read[name], sheet.unit(name), sheet.notes)
        for flag, written in WRITTEN.items():
            own = next(
                (column + mark for column in (name, stem) for mark in written if column + mark in read), ""
            )
            if own:
                out[base + flag] = read[own]
    return out | {name: read[name] for name in also}


def _columns(sheet: Sheet, stem: str, placed: Mapping[str, list[tuple[int, int, str, str]]]) -> list[str]:
    """The columns to read for a stem; the flag of a position may also bear the bare name."""
    if stem in sheet.names:
        return [stem]
    return [stem, *(name for *_, name in placed[stem])]
