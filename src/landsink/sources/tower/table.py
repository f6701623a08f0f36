"""A table of numbers in a text file, however it was saved: bytes to columns, with what was mended on the way.

A `Sheet` is what a format looks at to know itself: the lines before the table, the column names, the row of units.
Its numbers are read only when a format has said which columns it wants.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv

from landsink.core.errors import DataError
from landsink.sources.column import MISSING_BELOW

# A table's first line bears one of these sets of names, in any case.
CLOCKS: tuple[frozenset[str], ...] = tuple(
    frozenset(names.split())
    for names in (
        "timestamp_start", "timestamp_end", "timestamp", "date time", "year doy hour", "day hour", "datetime",
        "date/time",
    )
)  # fmt: skip
CLOCK_NAMES = frozenset().union(*CLOCKS)
HEAD_LINES = 200  # a header longer than this is no tower file's
EMPTY = [
    "",
    "NA",
    "N/A",
    "NaN",
    "nan",
    "NAN",
    "NULL",
    "null",
    "None",
    "-",
    "--",
    "#N/A",
    "Inf",
    "-Inf",
    "inf",
    "-inf",
]
DECIMAL_COMMA = re.compile(r"^\s*[-+]?\d+,\d+\s*$")
LARGEST = 2**31 - 2  # bytes of one block of the parser


@dataclass
class Sheet:
    """A text table: `before` are the lines above the names, `units` the row under them where there is one."""

    label: str
    before: tuple[str, ...]
    names: tuple[str, ...]
    units: tuple[str, ...]
    delimiter: str
    body: bytes
    notes: list[str] = field(default_factory=list)

    def has(self, *names: str) -> bool:
        """True where every one of the names is a column."""
        return set(names) <= set(self.names)

    def unit(self, name: str) -> str:
        """The unit written under a column, '' where there is none."""
        return self.units[self.names.index(name)] if self.units else ""

    def number_columns(self, columns: Sequence[str]) -> dict[str, np.ndarray]:
        """The columns as float64 (row), NaN where missing; a cell of text is missing too, and is noted."""
        return {name: self._numbers(name, values) for name, values in self._read(columns, ()).items()}

    def text_columns(self, columns: Sequence[str]) -> dict[str, pd.Series]:
        """The columns as text (row), '' where empty."""
        return {
            name: pd.Series(values.to_numpy(zero_copy_only=False), dtype=object).fillna("").astype(str)
            for name, values in self._read(columns, columns).items()
        }

    def written_columns(self, columns: Sequence[str]) -> dict[str, np.ndarray | pd.Series]:
        """The columns as whole numbers (int64) where all of a column's cells are such, as text otherwise."""
        out: dict[str, np.ndarray | pd.Series] = {}
        for name, values in self._read(columns, ()).items():
            if pa.types.is_integer(values.type) and not values.null_count:
                out[name] = values.to_numpy()
            else:
                out |= self.text_columns([name])
        return out

    def _read(self, columns: Sequence[str], text: Sequence[str]) -> dict[str, pa.ChunkedArray]:
        skipped: list[int] = []

        def skip(row: arrow_csv.InvalidRow) -> str:
            skipped.append(row.actual_columns)
            return "skip"

        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(self.body),
                # One block: a column's type is then judged on all its rows.
                arrow_csv.ReadOptions(
                    use_threads=True,
                    block_size=min(len(self.body) + 1, LARGEST),
                    column_names=list(self.names),
                ),
                arrow_csv.ParseOptions(delimiter=self.delimiter, invalid_row_handler=skip),
                arrow_csv.ConvertOptions(
                    include_columns=list(columns),
                    column_types=dict.fromkeys(text, pa.string()),
                    null_values=EMPTY,
                    strings_can_be_null=True,
                    timestamp_parsers=[],
                ),
            )
        except (pa.ArrowException, ValueError) as error:
            raise DataError(
                f"{self.label}: not a table ({str(error).splitlines()[0][:120]}).",
                f"{len(self.names)} columns in every row.",
            ) from None
        said = (
            f"{len(skipped)} rows had another number of columns than the {len(self.names)} named; left out."
        )
        if skipped and said not in self.notes:
            self.notes.append(said)
        if not table.num_rows:
            raise DataError(
                f"{self.label}: no row has the {len(self.names)} columns that are named.", "At least one."
            )
        return dict(zip(table.column_names, table.columns, strict=True))

    def _numbers(self, name: str, values: pa.ChunkedArray) -> np.ndarray:
        if pa.types.is_floating(values.type) or pa.types.is_integer(values.type):
            return missing(values.cast(pa.float64()).to_numpy())
        cells = pd.Series(values.to_numpy(zero_copy_only=False), dtype=object)
        numbers = pd.to_numeric(cells.astype(str).where(cells.notna()), errors="coerce").to_numpy(np.float64)
        strange = cells[np.isnan(numbers) & cells.notna().to_numpy()]
        if len(strange):
            self.notes.append(
                f"{name}: {len(strange)} cells are no numbers ('{str(strange.iloc[0])[:20]}'); taken as missing."
            )
        return missing(numbers)


def missing(numbers: np.ndarray) -> np.ndarray:
    """Numbers (any shape) with the marks -9999 and below, and infinities, as NaN."""
    with np.errstate(invalid="ignore"):
        return np.where((numbers <= MISSING_BELOW) | ~np.isfinite(numbers), np.nan, numbers)


def unpacked(data: bytes, label: str) -> bytes:
    """The bytes themselves, out of gzip where they are in it. Raises DataError where the archive is broken."""
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        raise DataError(f"{label}: its gzip archive is broken.", "A whole file.", "Fetch it again.") from None


def sheet(data: bytes, label: str) -> Sheet:
    """The table in a file's bytes.

    Byte-order marks, old line ends, other encodings, a semicolon or tab between columns, decimal commas and a row of
    units are recognised. Raises DataError where there is no text or no line that names a time.
    """
    notes: list[str] = []
    text = _lines(_decoded(unpacked(data, label), label, notes), notes)
    at, delimiter, names, end = _header(text, label)
    before = tuple(text[:at].split("\n")[:-1])
    first, after = _line(text, end)
    units: tuple[str, ...] = ()
    if first.strip() and _is_units(cells := _cells(first, delimiter), names):
        units, end = tuple(cells), after
        first, after = _line(text, end)
    names = _fitted(names, len(_cells(first, delimiter)) if first.strip() else len(names), notes)
    units = tuple((*units, *[""] * len(names))[: len(names)]) if units else ()
    body = text[end:]
    if delimiter in ";\t" and any(DECIMAL_COMMA.match(cell) for cell in _cells(first, delimiter)):
        notes.append("Decimal commas; read as points.")
        body = body.replace(",", ".")
    if not body.strip():
        raise DataError(f"{label}: the table has names but no rows.", "At least one row.")
    return Sheet(label, before, names, units, delimiter, body.encode(), notes)


def _decoded(data: bytes, label: str, notes: list[str]) -> str:
    if not data.strip():
        raise DataError(f"{label}: the file is empty.", "A table.")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        notes.append("Text in UTF-16.")
        return data.decode("utf-16", errors="replace")
    if b"\x00" in data[:100_000]:
        raise DataError(f"{label}: not a text file.", "Columns of numbers as text.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        notes.append(f"Byte {error.start} is not UTF-8; read as Latin-1.")
        return data.decode("latin-1").removeprefix("\xef\xbb\xbf")


def _lines(text: str, notes: list[str]) -> str:
    """The text with line feeds alone as line ends."""
    if "\r" not in text:
        return text
    mended = text.replace("\r\n", "\n")
    if "\r" in mended:
        notes.append("Lines ended in carriage returns alone; mended.")
    return mended.replace("\r", "\n")


def _line(text: str, start: int) -> tuple[str, int]:
    """The line that begins at `start`, and where the next begins."""
    end = text.find("\n", start)
    return (text[start:], len(text)) if end < 0 else (text[start:end], end + 1)


def _header(text: str, label: str) -> tuple[int, str, tuple[str, ...], int]:
    """Where the line of names begins, what parts its columns, the names, and where the next line begins."""
    start = 0
    for _ in range(HEAD_LINES):
        line, after = _line(text, start)
        delimiter = max("\t;,", key=line.count)
        names = tuple(_cells(line, delimiter)) if delimiter in line else ()
        lower = {name.lower() for name in names}
        if any(clock <= lower for clock in CLOCKS):
            return start, delimiter, _unique(names), after
        if after >= len(text):
            break
        start = after
    raise DataError(
        f"{label}: no line names a time, such as TIMESTAMP_START, 'date' and 'time', or Year, DoY and Hour.",
        f"It begins '{text[:60].splitlines()[0]}'." if text.strip() else "",
        "Is it a tower's file of half-hours?",
    )


def _cells(line: str, delimiter: str) -> list[str]:
    # csv refuses a bare quote in few cases; such a line is split plainly.
    try:
        return [cell.strip() for cell in next(csv.reader(io.StringIO(line), delimiter=delimiter), [])]
    except csv.Error:
        return [cell.strip().strip('"') for cell in line.split(delimiter)]


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """Names with a number after those that repeat or are empty."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        base = name or "unnamed"
        seen[base] = seen.get(base, 0) + 1
        unique.append(base if name and seen[base] == 1 else f"{base}#{seen[base]}")
    return tuple(unique)


def _fitted(names: tuple[str, ...], cells: int, notes: list[str]) -> tuple[str, ...]:
    """Names for as many cells as the first row has, where a delimiter ends only the names or only the rows."""
    if cells == len(names) + 1:
        notes.append("Rows end in a delimiter that the line of names lacks.")
        return (*names, "unnamed#0")
    if cells == len(names) - 1 and names[-1].startswith("unnamed#"):
        notes.append("The line of names ends in a delimiter that the rows lack.")
        return names[:-1]
    return names


def _is_units(cells: list[str], names: tuple[str, ...]) -> bool:
    """True for a row whose times are no times: none of the clock's cells begins with a number."""
    clock = [cell for name, cell in zip(names, cells, strict=False) if name.lower() in CLOCK_NAMES]
    return bool(clock) and not any(re.match(r"\s*[-+]?\d", cell) for cell in clock)
