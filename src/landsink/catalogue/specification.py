"""Specifications: what a kind of data object must hold, as TOML pages."""

import tomllib
from dataclasses import dataclass, field, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from landsink.core.errors import DataError, unknown
from landsink.core.quantity import vocabulary

FORMATS = ("csv", "netcdf", "zarr")
TYPES = ("number", "text", "time")
# What a description may require beyond what every object needs.
METADATA = (
    "description",
    "keywords",
    "station",
    "method",
    "bbox",
    "start",
    "end",
    "contact",
    "funding",
    "doi",
)


@dataclass(frozen=True)
class Variable:
    """A column or a gridded variable.

    `quantity` names a row of the vocabulary, whose unit and span then hold. `unit` is the unit asked for;
    any that converts to it is accepted where the file or its description says it.
    """

    name: str
    type: str = "number"
    unit: str = ""
    quantity: str = ""
    span: tuple[float, float] | None = None
    required: bool = True
    complete: bool = False
    doc: str = ""

    @property
    def canonical(self) -> str:
        """The unit in which the span is counted."""
        return vocabulary()[self.quantity].unit if self.quantity else self.unit

    @property
    def sane(self) -> tuple[float, float] | None:
        """The values that may stand, in the canonical unit."""
        return self.span or (vocabulary()[self.quantity].span if self.quantity else None)


@dataclass(frozen=True)
class Specification:
    """A kind of data object: its formats, variables and the metadata that it needs.

    `place` and `time` say that the object must have a place or a time, from the file or its description.
    `others` allows variables that the specification does not name.
    """

    name: str
    title: str
    kind: str
    formats: tuple[str, ...]
    variables: tuple[Variable, ...] = ()
    metadata: tuple[str, ...] = ()
    place: bool = False
    time: bool = False
    others: bool = True
    doc: str = field(default="", repr=False)

    @classmethod
    def read(cls, name: str | Path) -> "Specification":
        """A specification that comes with landsink, by its name, or one from a TOML page of your own.

        UnknownName with near misses where there is none; DataError where the page cannot be understood.
        """
        if str(name).endswith(".toml"):
            path = Path(name)
            if not path.is_file():
                raise DataError(f"Nothing lies at {path}.", "Expected a specification as a TOML page.")
            return _specification(path.stem, path.read_text("utf-8"))
        pages = shipped()
        if str(name) not in pages:
            raise unknown(str(name), pages, "the specifications")
        return pages[str(name)]


@cache
def shipped() -> dict[str, Specification]:
    """The specifications that come with landsink."""
    pages = (
        p for p in (files("landsink.catalogue") / "specifications").iterdir() if p.name.endswith(".toml")
    )
    found = (_specification(p.name[: -len(".toml")], p.read_text("utf-8")) for p in pages)
    return {s.name: s for s in sorted(found, key=lambda s: s.name)}


def _specification(name: str, text: str) -> Specification:
    try:
        page = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"The specification '{name}' is no TOML ({error}).") from None
    rows = page.pop("variable", {})
    _known(page, Specification, {"name", "variables"}, f"the fields of a specification ('{name}')")
    variables = tuple(_variable(n, row) for n, row in rows.items())
    lists: dict[str, Any] = {k: tuple(page[k]) for k in ("formats", "metadata") if k in page}
    try:
        made = Specification(name=name, variables=variables, **(page | lists))
    except TypeError as error:
        raise DataError(f"The specification '{name}' lacks a field ({error}).") from None
    for words, known, where in ((made.formats, FORMATS, "formats"), (made.metadata, METADATA, "metadata")):
        for word in words:
            if word not in known:
                raise unknown(word, known, f"the {where} that a specification may name ('{name}')")
    return made


def _variable(name: str, row: dict[str, Any]) -> Variable:
    _known(row, Variable, {"name"}, f"the fields of a variable ('{name}')")
    made = Variable(name=name, **(row | ({"span": tuple(row["span"])} if "span" in row else {})))
    if made.type not in TYPES:
        raise unknown(made.type, TYPES, f"the types of a variable ('{name}')")
    if made.quantity and made.quantity not in vocabulary():
        raise unknown(made.quantity, vocabulary(), "the vocabulary")
    return made


def _known(row: dict[str, Any], cls: type, given: set[str], where: str) -> None:
    names = {f.name for f in fields(cls)} - given
    for key in row:
        if key not in names:
            raise unknown(key, names, where)
