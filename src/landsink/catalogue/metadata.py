"""What a person says of a data object: who made it, under which licence, from what."""

import dataclasses
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from landsink.catalogue.report import Defect
from landsink.catalogue.specification import Specification
from landsink.core.errors import DataError, near

# SPDX names under which scientific data are given away; 'other' needs words in `rights`.
LICENCES = (
    "CC0-1.0",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC-BY-SA-4.0",
    "CC-BY-NC-4.0",
    "CC-BY-NC-SA-4.0",
    "CC-BY-ND-4.0",
    "ODbL-1.0",
    "ODC-By-1.0",
    "PDDL-1.0",
    "etalab-2.0",
    "OGL-UK-3.0",
    "other",
)
ORCID = re.compile(r"\d{4}-\d{4}-\d{4}-\d{3}[\dX]")
DOI = re.compile(r"10\.\d{4,9}/\S+")
LONGEST = 20_000
TEXTS = (
    "title",
    "licence",
    "description",
    "rights",
    "station",
    "method",
    "contact",
    "funding",
    "doi",
    "publisher",
    "previous",
    "sha256",
    "embargo",
    "start",
    "end",
)


@dataclass(frozen=True)
class Creator:
    """A person or a group who made the data, as 'Family, Given', with an ORCID where there is one."""

    name: str
    orcid: str = ""
    affiliation: str = ""


@dataclass(frozen=True)
class Metadata:
    """The description of a data object, beyond what its bytes say.

    `licence` is an SPDX name. `embargo` is the day on which the bytes become free. `units` gives units to columns.
    `uses` are identifiers of what it was made from. `previous` is the object that it replaces. `sha256`, where
    given, is what the sender counted, and the bytes are held to it.
    """

    title: str = ""
    creators: tuple[Creator, ...] = ()
    licence: str = ""
    description: str = ""
    rights: str = ""
    keywords: tuple[str, ...] = ()
    station: str = ""
    method: str = ""
    contact: str = ""
    funding: str = ""
    doi: str = ""
    publisher: str = ""
    start: str = ""
    end: str = ""
    bbox: tuple[float, ...] = ()
    embargo: str = ""
    units: Mapping[str, str] = field(default_factory=dict)
    uses: tuple[str, ...] = ()
    previous: str = ""
    sha256: str = ""

    @classmethod
    def read(cls, path: Path) -> "Metadata":
        """A description from a TOML page. DataError where it is absent or no TOML."""
        if not path.is_file():
            raise DataError(
                f"Nothing lies at {path}.",
                "Expected the data's description as a TOML page: title, creators, licence …",
                "See the handbook: how to put your own file into the catalogue.",
            )
        try:
            return cls.of(tomllib.loads(path.read_text("utf-8")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise DataError(f"{path} is no TOML ({error}).", 'Text like title = "…".') from None

    @classmethod
    def of(cls, page: Mapping[str, Any]) -> "Metadata":
        """A description from plain data. DataError names every field that is unknown or of the wrong type."""
        names = {f.name for f in dataclasses.fields(cls)}
        wrong = [f"'{k}' is no field of a description. {near(k, names)}" for k in page if k not in names]
        rows: dict[str, Any] = {}
        for key in names & set(page):
            try:
                rows[key] = _typed(key, page[key])
            except (TypeError, ValueError) as error:
                wrong.append(f"'{key}' cannot be read: {error}.")
        if wrong:
            raise DataError(" ".join(sorted(wrong)), f"Fields are {', '.join(sorted(names))}.")
        return cls(**rows)

    def defects(self, specification: Specification) -> list[Defect]:
        """What is missing or wrong in the description for this kind of object."""
        found = [*self._missing(specification), *self._people(), *self._licence(), *self._texts()]
        for name in ("start", "end", "embargo"):
            if (word := getattr(self, name)) and instant(word) is None:
                found.append(_wrong(name, f"'{word}' is no date", "A day as 2024-05-31."))
        start, end = instant(self.start), instant(self.end)
        if start and end and start > end:
            found.append(_wrong("end", f"{self.end} lies before {self.start}", "The end after the start."))
        if self.bbox and not _is_box(self.bbox):
            found.append(
                _wrong("bbox", f"{list(self.bbox)} is no box", "west, south, east, north in degrees.")
            )
        if self.doi and not DOI.fullmatch(self.doi):
            found.append(_wrong("doi", f"'{self.doi}' is no DOI", "A DOI as 10.1234/abcd, without https."))
        if self.sha256 and not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            found.append(_wrong("sha256", f"'{self.sha256}' is no SHA-256", "64 hexadecimal digits, small."))
        return found

    def _missing(self, specification: Specification) -> list[Defect]:
        needed = ("title", "creators", "licence", *specification.metadata)
        return [
            Defect(f"description, {n}", "is missing.", f"'{specification.name}' needs it.", f"Say {n} = …")
            for n in needed
            if not getattr(self, n)
        ]

    def _people(self) -> list[Defect]:
        return [
            _wrong(
                "creators",
                f"'{c.orcid}' is no ORCID of {c.name}",
                "Four groups of four, whose last digit checks.",
            )
            for c in self.creators
            if c.orcid and not is_orcid(c.orcid)
        ] + [
            _wrong("creators", "one has no name", 'name = "Family, Given".')
            for c in self.creators
            if not c.name.strip()
        ]

    def _licence(self) -> list[Defect]:
        if self.licence and self.licence not in LICENCES:
            return [
                _wrong(
                    "licence",
                    f"'{self.licence}' is no SPDX name known here. {near(self.licence, LICENCES)}",
                    f"One of {', '.join(LICENCES)}.",
                )
            ]
        if self.licence == "other" and not self.rights:
            return [
                _wrong("rights", "the licence is 'other', and no words say what may be done", "A sentence.")
            ]
        return []

    def _texts(self) -> list[Defect]:
        rows = {n: getattr(self, n) for n in TEXTS}
        long = [
            _wrong(n, f"has {len(t)} characters", f"At most {LONGEST}.")
            for n, t in rows.items()
            if len(t) > LONGEST
        ]
        odd = [
            _wrong(n, "holds control characters", "Plain text.")
            for n, t in rows.items()
            if any(ord(c) < 32 and c not in "\n\t" for c in t)
        ]
        return long + odd


def instant(word: str) -> datetime | None:
    """A day or a moment in UTC from ISO 8601; None where it is none."""
    try:
        moment = datetime.fromisoformat(word.replace("Z", "+00:00"))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        # In UTC it may lie before the first year, or after the last.
        return None


def is_orcid(word: str) -> bool:
    """Whether the last digit of an ORCID checks (ISO 7064, modulus 11-2)."""
    if not ORCID.fullmatch(word):
        return False
    total = 0
    digits = word.replace("-", "")
    for digit in digits[:-1]:
        total = (total + int(digit)) * 2
    rest = (12 - total % 11) % 11
    return digits[-1] == ("X" if rest == 10 else str(rest))


def _typed(key: str, value: Any) -> Any:
    if key in TEXTS:
        if not isinstance(value, str | date | datetime):
            raise TypeError(f"{value!r} is no text")
        return value if isinstance(value, str) else value.isoformat()
    if key == "creators":
        return tuple(Creator(**c) if isinstance(c, Mapping) else Creator(str(c)) for c in _sequence(value))
    if key == "bbox":
        return tuple(float(x) for x in _sequence(value))
    if key == "units":
        if not isinstance(value, Mapping):
            raise TypeError(f"{value!r} is no table of column = unit")
        return {str(k): str(v) for k, v in value.items()}
    return tuple(str(x) for x in _sequence(value))


def _sequence(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise TypeError(f"{value!r} is no list")
    return list(value)


def _is_box(box: tuple[float, ...]) -> bool:
    if len(box) != 4:
        return False
    west, south, east, north = box
    return -360 <= west <= east <= 360 and -90 <= south <= north <= 90


def _wrong(name: str, found: str, expected: str) -> Defect:
    return Defect(f"description, {name}", f"{found.rstrip('.')}.", f"Expected: {expected}", f"Mend '{name}'.")
