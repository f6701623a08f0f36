"""Read a CSV table against its specification, line by line, and tell every defect with its lines."""

import csv
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from landsink.catalogue.metadata import Metadata, instant
from landsink.catalogue.report import Defect, Facts
from landsink.catalogue.specification import Specification, Variable
from landsink.core.errors import DataError, near
from landsink.core.units import convert

# Columns that give any table its place and time.
KNOWN = {
    "lat": Variable("lat", unit="degrees_north", span=(-90.0, 90.0), doc="latitude"),
    "lon": Variable("lon", unit="degrees_east", span=(-360.0, 360.0), doc="longitude"),
    "date": Variable("date", "time", doc="day"),
    "time": Variable("time", "time", doc="time"),
}
MISSING = {"", "NA", "NaN", "nan", "NAN"}
FILLS = (-9999.0, -999.0, -99.0, -99999.0, 9999.0)
HEAD = re.compile(r"^\s*(?P<name>[^\[(]*?)\s*(?:[\[(](?P<unit>[^\])]*)[\])])?\s*$")
SHOWN = 3
# Units in which people give the same numbers; named where the values would fit as such.
OFTEN = {
    "kg m-2": ("g m-2", "Mg ha-1", "g cm-2", "kg ha-1"),
    "m": ("cm", "mm"),
    "K": ("degC",),
    "kg m-2 s-1": ("g m-2 d-1", "g m-2 yr-1"),
    "kg m-3": ("g cm-3",),
    "%": ("1",),
}


def read_table(path: Path, specification: Specification, metadata: Metadata) -> tuple[Facts, list[Defect]]:
    """What a table says of itself, and its defects: text, separators, columns, units, cells, place and time.

    Lines are counted as an editor counts them, the header being line 1.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return _read(stream, specification, metadata)
    except UnicodeDecodeError as error:
        return Facts(), [
            Defect("text", f"byte {error.start} is no UTF-8.", "Text in UTF-8.", "Save it as 'CSV UTF-8'.")
        ]
    except csv.Error as error:
        return Facts(), [
            Defect("text", f"cannot be read as CSV ({error}).", "Comma-separated text.", "Save it as CSV.")
        ]


@dataclass
class _Column:
    """What was seen of a column as its lines went by."""

    variable: Variable
    unit: str
    defects: dict[str, list[str]] = field(default_factory=dict)
    seen: int = 0
    low: float = math.inf
    high: float = -math.inf
    first: str = ""
    last: str = ""

    def feed(self, line: int, text: str) -> None:
        if text in MISSING:
            if self.variable.complete:
                self._note("empty", line, "")
            return
        self.seen += 1
        if self.variable.type == "number":
            self._number(line, text)
        elif self.variable.type == "time":
            moment = instant(text)
            if moment is None:
                self._note("time", line, text)
            else:
                day = moment.isoformat(timespec="seconds").replace("+00:00", "Z")
                self.first, self.last = min(self.first or day, day), max(self.last, day)

    def _number(self, line: int, text: str) -> None:
        try:
            value = float(text)
        except ValueError:
            self._note("comma" if re.fullmatch(r"-?\d+,\d+", text) else "number", line, text)
            return
        if not math.isfinite(value):
            self._note("number", line, text)
        elif value in FILLS and not self._sane(value):
            self._note("fill", line, text)
        else:
            self.low, self.high = min(self.low, value), max(self.high, value)
            if not self._sane(value):
                self._note("span", line, text)

    def _sane(self, value: float, unit: str = "") -> bool:
        span = self.variable.sane
        if span is None:
            return True
        try:
            found = convert(value, unit or self.unit or self.variable.canonical, self.variable.canonical)
        except DataError:
            return True
        slack = 1e-9 * max(abs(span[0]), abs(span[1]))
        return bool(span[0] - slack <= float(found) <= span[1] + slack)

    def _note(self, what: str, line: int, text: str) -> None:
        self.defects.setdefault(what, []).append(f"line {line}" + (f" '{text[:30]}'" if text else ""))

    def told(self) -> Iterable[Defect]:
        where, v = f"column {self.variable.name}", self.variable
        span = v.sane or (0.0, 0.0)
        words = {
            "empty": ("empty cells", "A value in every line.", "Fill them, or leave the lines out."),
            "number": ("no numbers", "Numbers as 1.25, or nothing where one is missing.", "Mend the cells."),
            "comma": ("decimal commas", "Decimal points.", "Replace the commas in numbers by points."),
            "fill": ("fill values", "An empty cell where a number is missing.", "Empty these cells."),
            "time": ("no dates", "ISO 8601 as 2019-06-01.", "Write year, month and day in this order."),
            "span": ("values that cannot be", f"{span[0]:g} to {span[1]:g} {v.canonical}.", self._likely()),
        }
        for what, rows in self.defects.items():
            found, expected, remedy = words[what]
            more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
            yield Defect(
                where, f"has {found}: {', '.join(rows[:SHOWN])}{more}.", f"Expected: {expected}", remedy
            )

    def _likely(self) -> str:
        said = self.unit or self.variable.canonical
        fits = [
            u
            for u in OFTEN.get(self.variable.canonical, ())
            if u != said and self._sane(self.low, u) and self._sane(self.high, u)
        ]
        if fits:
            head = f"{self.variable.name} [{fits[0]}]"
            return f"They would fit in {' or '.join(fits)}: say so in the header, '{head}', or in units."
        return "Look at these lines."


def _read(stream: Iterable[str], spec: Specification, metadata: Metadata) -> tuple[Facts, list[Defect]]:
    rows = csv.reader(stream, strict=True)
    head = next(rows, [])
    if not any(head):
        return Facts(), [Defect("text", "holds no header.", "Names of columns in line 1.", "Add them.")]
    if len(head) == 1 and (mark := next((m for m in (";", "\t", "|") if m in head[0]), "")):
        return Facts(), [
            Defect("text", f"is separated by {mark!r}.", "Commas.", "Save it with commas and decimal points.")
        ]
    named = [HEAD.match(h) for h in head]
    names = [m["name"] if m else h for m, h in zip(named, head, strict=True)]
    units = {
        n: (m["unit"] if m and m["unit"] is not None else metadata.units.get(n, ""))
        for n, m in zip(names, named, strict=True)
    }
    defects = [*_heads(names, spec), *_units(names, units, spec, metadata)]
    known = KNOWN | {v.name: v for v in spec.variables}
    columns = [_Column(known.get(n, Variable(n, "text")), units[n]) for n in names]
    ragged, count = [], 0
    for row in rows:
        if not row:
            continue
        count += 1
        if len(row) != len(head):
            ragged.append(rows.line_num)
            continue
        for column, text in zip(columns, row, strict=True):
            column.feed(rows.line_num, text.strip())
    if ragged:
        shown = ", ".join(f"line {n}" for n in islice(ragged, SHOWN))
        defects.append(
            Defect(
                "text",
                f"{len(ragged)} lines have not {len(head)} cells: {shown}.",
                "As many cells as the header.",
                "Quote cells that hold commas.",
            )
        )
    if not count:
        defects.append(Defect("text", "holds no line of data.", "At least one.", "Add the data."))
    for column in columns:
        defects += column.told()
    return _facts(columns, count), defects


def _heads(names: list[str], spec: Specification) -> list[Defect]:
    found = [
        Defect("header", f"names '{n}' {names.count(n)} times.", "Every column once.", "Rename one.")
        for n in dict.fromkeys(names)
        if names.count(n) > 1
    ]
    if "" in names:
        found.append(
            Defect("header", "has a column without a name.", "A name for each.", "Name or remove it.")
        )
    for v in spec.variables:
        if v.required and v.name not in names:
            hint = near(v.name, [n for n in names if n not in {w.name for w in spec.variables}])
            found.append(
                Defect(
                    "header", f"lacks '{v.name}'.", f"Expected: {v.doc}.", f"Add or rename the column. {hint}"
                )
            )
    if not spec.others:
        extra = [n for n in names if n and n not in {v.name for v in spec.variables}]
        found += [
            Defect("header", f"has '{n}'.", f"Only columns of '{spec.name}'.", "Remove it.") for n in extra
        ]
    return found


def _units(names: list[str], units: dict[str, str], spec: Specification, metadata: Metadata) -> list[Defect]:
    found = [
        Defect("description, units", f"'{n}' is no column.", "Names of columns.", near(n, names))
        for n in metadata.units
        if n not in names
    ]
    for v in spec.variables:
        if v.type != "number" or v.name not in names or v.unit.startswith("degrees_"):
            continue
        if not units[v.name]:
            found.append(
                Defect(
                    f"column {v.name}",
                    "says no unit.",
                    f"Expected: one that converts to {v.canonical}.",
                    f"Write '{v.name} [{v.unit}]' in the header, or units = {{ {v.name} = \"{v.unit}\" }}.",
                )
            )
            continue
        try:
            convert(1.0, units[v.name], v.canonical)
        except DataError as error:
            found.append(Defect(f"column {v.name}", str(error.found), error.expected, "Mend the unit."))
    return found


def _facts(columns: list[_Column], count: int) -> Facts:
    by = {c.variable.name: c for c in columns}
    told = {
        c.variable.name: {
            "unit": c.unit or (c.variable.unit if c.variable.unit.startswith("degrees_") else ""),
            "description": c.variable.doc,
            "type": c.variable.type,
        }
        for c in columns
    }
    lat, lon = by.get("lat"), by.get("lon")
    box = None
    if lat and lon and all(math.isfinite(x) for x in (lat.low, lat.high, lon.low, lon.high)):
        box = (lon.low, lat.low, lon.high, lat.high)
    times = [c for c in columns if c.variable.type == "time" and c.first]
    start = min((c.first for c in times), default=None)
    end = max((c.last for c in times), default=None)
    return Facts(told, box, start, end, {"rows": count, "columns": len(columns)})
