"""The vocabulary: every number in the house bears one of these names."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from .errors import LandsinkError, unknown

KINDS = ("forcing", "pool", "rate", "diagnostic", "memory", "place")


@dataclass(frozen=True)
class Quantity:
    """One row of the vocabulary.

    `span` bounds what a sane file or model may hold, in `unit`. `sign` says which way is positive.
    `sum` makes the quantity a weighted sum of others; `net` the balance of arrows (into, out of) a place.
    """

    name: str
    unit: str
    kind: str
    long: str
    standard_name: str = ""
    substance: str = ""
    parent: str = ""
    dims: tuple[str, ...] = ()
    span: tuple[float, float] | None = None
    sign: str = ""
    constant: bool = False
    port: bool = False
    sum: Mapping[str, float] = field(default_factory=dict)
    net: tuple[str, str] | None = None

    @property
    def attrs(self) -> dict[str, str]:
        """CF attributes."""
        rows = {"units": self.unit, "long_name": self.long, "standard_name": self.standard_name}
        rows["comment"] = f"Sign: {self.sign}." if self.sign else ""
        return {key: value for key, value in rows.items() if value}


def _row(name: str, row: dict[str, Any]) -> Quantity:
    columns = [column.name for column in fields(Quantity)]
    for key in row:
        if key not in columns:
            raise unknown(key, columns, f"the columns of the vocabulary (row '{name}')")
    pairs: dict[str, Any] = {key: tuple(row[key]) for key in ("dims", "span", "net") if key in row}
    quantity = Quantity(name=name, **(row | pairs))
    if quantity.kind not in KINDS:
        raise LandsinkError(f"'{name}' is of kind '{quantity.kind}'.", f"Kinds are {', '.join(KINDS)}.")
    return quantity


@cache
def vocabulary() -> Mapping[str, Quantity]:
    """All rows, by name; a name may stand in one table only."""
    rows: dict[str, Quantity] = {}
    tables = [t for t in (files("landsink.core") / "vocabulary").iterdir() if t.name.endswith(".toml")]
    for table in sorted(tables, key=lambda t: t.name):
        for name, row in tomllib.loads(table.read_text()).items():
            if name in rows:
                raise LandsinkError(f"'{name}' stands twice in the vocabulary (again in {table.name}).")
            rows[name] = _row(name, row)
    return MappingProxyType(rows)


def quantity(name: str) -> Quantity:
    """Look a name up, or raise `UnknownName` with the near misses."""
    rows = vocabulary()
    if name not in rows:
        raise unknown(name, rows, "the vocabulary")
    return rows[name]


def within(name: str, ancestor: str) -> bool:
    """True if `name` is `ancestor` or lies inside it (cSoilYoung is within cSoil)."""
    while name and name != ancestor:
        name = quantity(name).parent
    return bool(name)
