"""What the portal is asked, in SPARQL, and what it answers, as records.

Shapes: the public endpoint https://meta.icos-cp.eu/sparql answers a POST of `query` with SPARQL's JSON results. Names
of classes and properties: the portal's ontology, http://meta.icos-cp.eu/ontologies/cpmeta/.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from landsink.core.errors import DataError, LandsinkError, unknown

ONTOLOGY = "http://meta.icos-cp.eu/ontologies/cpmeta/"
SPECS = "http://meta.icos-cp.eu/resources/cpmeta/"
STATIONS = "http://meta.icos-cp.eu/resources/stations/"
OBJECTS = "https://meta.icos-cp.eu/objects/"
HANDLE = "11676"
PREFIXES = """PREFIX cpmeta: <http://meta.icos-cp.eu/ontologies/cpmeta/>
PREFIX prov: <http://www.w3.org/ns/prov#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
"""
THEMES = MappingProxyType({"ecosystem": "ES", "atmosphere": "AS", "ocean": "OS"})
# ICOS names a station ES_DE-Tha; towers that are no members hang under FLUXNET_.
PREFIX = re.compile(r"^(ES|AS|OS|FLUXNET)_(?=.)")
# 18 of the 32 bytes of an object's SHA-256 in base64url; the rest of the sum may follow.
ID = re.compile(r"(?:^|/)(?:11676/)?([A-Za-z0-9_-]{24})([A-Za-z0-9_-]{19}=?)?$")
PAGE = 5000

Row = Mapping[str, str]


@dataclass(frozen=True)
class Station:
    """A station: `id` without prefix (DE-Tha), `theme` ES, AS, OS or another class of the ontology.

    `latitude` [degrees north], `longitude` [degrees east], `elevation` [m], `utc_offset` [h]; None is not told.
    """

    uri: str
    id: str
    name: str
    theme: str
    country: str = ""
    latitude: float | None = None
    longitude: float | None = None
    elevation: float | None = None
    utc_offset: float | None = None
    ecosystem: str = ""
    grade: str = ""
    labelled: str = ""


@dataclass(frozen=True)
class Datatype:
    """A kind of data object: `name` is the last part of its address (etcL2Fluxnet), `level` 0 to 3."""

    uri: str
    name: str
    label: str
    level: int


@dataclass(frozen=True)
class DataObject:
    """A file that the portal keeps for ever: `id` names its bytes. `size` [bytes], `sha256` in hex or empty.

    `start` and `end` (UTC, ISO 8601) bound what it covers, `height` [m] is the inlet's; `previous` are the ids of what
    it replaces and `superseded` says that something replaces it.
    """

    id: str
    name: str
    datatype: str
    station: str
    size: int
    sha256: str
    submitted: str
    start: str
    end: str
    height: float | None = None
    citation: str = ""
    previous: tuple[str, ...] = ()
    superseded: bool = False

    @property
    def pid(self) -> str:
        """The persistent identifier, a handle."""
        return f"{HANDLE}/{self.id}"

    @property
    def url(self) -> str:
        """The landing page behind the handle."""
        return f"https://hdl.handle.net/{self.pid}"


def object_id(text: str) -> str:
    """The 24 characters that name an object, from an id, a PID, a handle's or a landing page's address."""
    found = ID.search(text.strip())
    if not found:
        raise LandsinkError(
            f"'{text}' names no data object.",
            "A PID such as 11676/ and 24 characters, its address, or the characters alone.",
        )
    return found[1]


def id_of(sha256: str) -> str:
    """The id that a SHA-256 (hex) gives: its first 18 bytes in base64url."""
    return base64.urlsafe_b64encode(bytes.fromhex(sha256)[:18]).decode()


def theme_class(theme: str) -> str:
    """ES, AS or OS of a theme's code or word. Raises UnknownName with near misses."""
    code = THEMES.get(theme.lower(), theme.upper())
    if code not in THEMES.values():
        raise unknown(theme, (*THEMES, *THEMES.values()), "the themes")
    return code


def stations_query(theme: str | None = None, members_only: bool = True) -> str:
    """Stations of one theme (ES, AS, OS), of all three, or with `members_only` off of every network."""
    codes = [theme] if theme else list(THEMES.values())
    if theme or members_only:
        kinds = f"VALUES ?type {{ {' '.join(f'cpmeta:{c}' for c in codes)} }}"
    else:
        kinds = "?type rdfs:subClassOf* cpmeta:Station ."
    optional = {
        "country": "countryCode", "lat": "hasLatitude", "lon": "hasLongitude", "elevation": "hasElevation",
        "offset": "hasTimeZoneOffset", "ecosystem": "hasEcosystemType", "grade": "hasStationClass",
        "labelled": "hasLabelingDate",
    }  # fmt: skip
    rest = "\n".join(f"  OPTIONAL {{ ?station cpmeta:{p} ?{v} }}" for v, p in optional.items())
    return (
        f"{PREFIXES}SELECT ?station ?type ?id ?name {' '.join('?' + v for v in optional)} WHERE {{\n  {kinds}\n"
        f"  ?station a ?type ; cpmeta:hasStationId ?id ; cpmeta:hasName ?name .\n{rest}\n}} ORDER BY ?station"
    )


def station_query(name: str) -> str:
    """Addresses of the stations that bear an id, whatever their network."""
    return (
        f"{PREFIXES}SELECT ?station WHERE {{ ?station cpmeta:hasStationId {_text(name)} }} ORDER BY ?station"
    )


def datatypes_query() -> str:
    """All kinds of data objects."""
    return (
        f"{PREFIXES}SELECT ?spec ?label ?level WHERE {{ ?spec cpmeta:hasDataLevel ?level ; rdfs:label ?label }} "
        "ORDER BY ?spec"
    )


def objects_query(
    stations: Sequence[str] = (), datatypes: Sequence[str] = (), ids: Sequence[str] = (), newest: bool = True
) -> str:
    """Data objects of stations and datatypes (addresses) or with given ids; `newest` leaves out what was replaced."""
    chosen = {"object": [OBJECTS + object_id(i) for i in ids], "spec": datatypes, "station": stations}
    values = "\n".join(f"  VALUES ?{n} {{ {' '.join(map(_uri, v))} }}" for n, v in chosen.items() if v)
    acquired = "?object cpmeta:wasAcquiredBy/prov:wasAssociatedWith ?station ."
    return f"""{PREFIXES}SELECT ?object ?spec ?station ?height ?name ?size ?sha256 ?submitted ?start ?end ?citation
  ?previous ?superseded WHERE {{
{values}
  ?object cpmeta:hasObjectSpec ?spec ; cpmeta:hasName ?name ; cpmeta:hasSizeInBytes ?size .
  ?object cpmeta:wasSubmittedBy/prov:endedAtTime ?submitted .
  ?object cpmeta:hasStartTime|(cpmeta:wasAcquiredBy/prov:startedAtTime) ?start .
  ?object cpmeta:hasEndTime|(cpmeta:wasAcquiredBy/prov:endedAtTime) ?end .
  {acquired if stations else f"OPTIONAL {{ {acquired} }}"}
  OPTIONAL {{ ?object cpmeta:wasAcquiredBy/cpmeta:hasSamplingHeight ?height }}
  OPTIONAL {{ ?object cpmeta:hasSha256sum ?sha256 }}
  OPTIONAL {{ ?object cpmeta:hasCitationString ?citation }}
  OPTIONAL {{ ?object cpmeta:isNextVersionOf ?previous }}
  BIND(EXISTS {{ [] cpmeta:isNextVersionOf ?object }} AS ?superseded)
  {"FILTER NOT EXISTS { [] cpmeta:isNextVersionOf ?object }" if newest else ""}
}} ORDER BY ?object ?previous ?station"""


def successors_query(key: str) -> str:
    """The newest versions, by however many steps, of what an id names."""
    return f"""{PREFIXES}SELECT ?object WHERE {{
  ?object cpmeta:isNextVersionOf+ {_uri(OBJECTS + object_id(key))} .
  FILTER NOT EXISTS {{ [] cpmeta:isNextVersionOf ?object }}
}} ORDER BY ?object"""


def rows(answer: bytes) -> list[Row]:
    """The rows of SPARQL's JSON results, values as text. Raises DataError where they are none."""
    try:
        found = json.loads(answer)["results"]["bindings"]
        return [{name: str(cell["value"]) for name, cell in row.items()} for row in found]
    except (ValueError, KeyError, TypeError, AttributeError):
        start = answer[:80].decode(errors="replace").strip()
        raise DataError(
            f"The portal's answer is no table of SPARQL results; it begins: {start!r}.",
            "JSON with results.bindings.",
            "Is the address of the metadata service right?",
        ) from None


def stations(table: Sequence[Row]) -> list[Station]:
    """Stations of an answer, one each, in its order."""
    found: dict[str, Station] = {}
    for row in table:
        uri = _need(row, "station")
        found.setdefault(
            uri,
            Station(
                uri, _need(row, "id"), _need(row, "name"), _last(row.get("type", "")), row.get("country", ""),
                _number(row, "lat"), _number(row, "lon"), _number(row, "elevation"), _number(row, "offset"),
                _last(row.get("ecosystem", "")), row.get("grade", ""), row.get("labelled", ""),
            ),
        )  # fmt: skip
    return list(found.values())


def datatypes(table: Sequence[Row]) -> list[Datatype]:
    """Datatypes of an answer."""
    return [
        Datatype(uri := _need(r, "spec"), _last(uri), _need(r, "label"), int(_number(r, "level") or 0))
        for r in table
    ]


def objects(table: Sequence[Row]) -> list[DataObject]:
    """Data objects of an answer, one each: an object that replaces several has a row for every one of them."""
    groups: dict[str, list[Row]] = {}
    for row in table:
        groups.setdefault(object_id(_need(row, "object")), []).append(row)
    return [_object(key, group) for key, group in groups.items()]


def instant(text: str) -> datetime:
    """A time (UTC) from ISO 8601 as the portal writes it."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _object(key: str, group: Sequence[Row]) -> DataObject:
    row = group[0]
    sha256 = _hex(row.get("sha256", ""))
    if sha256 and id_of(sha256) != key:
        raise DataError(
            f"The portal names {key} by another SHA-256: {sha256}.", "The id is its first 18 bytes."
        )
    return DataObject(
        key, _need(row, "name"), _last(_need(row, "spec")), _last(row.get("station", "")),
        int(_number(row, "size") or 0), sha256, _need(row, "submitted"), _need(row, "start"), _need(row, "end"),
        _number(row, "height"), row.get("citation", ""),
        tuple(dict.fromkeys(object_id(r["previous"]) for r in group if "previous" in r)),
        row.get("superseded", "false").lower() in ("true", "1"),
    )  # fmt: skip


def _hex(text: str) -> str:
    """A SHA-256 in hex, from hex or base64 of either alphabet; empty where there is none."""
    if not text or re.fullmatch(r"[0-9a-fA-F]{64}", text):
        return text.lower()
    try:
        plain = text.rstrip("=").replace("-", "+").replace("_", "/")
        raw = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != 32:
        raise DataError(f"'{text}' is no SHA-256.", "64 hexadecimal digits, or 32 bytes in base64.")
    return raw.hex()


def _need(row: Row, name: str) -> str:
    if not row.get(name):
        raise DataError(f"A row of the portal's answer has no '{name}': {dict(row)}.")
    return row[name]


def _number(row: Row, name: str) -> float | None:
    text = row.get(name)
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        raise DataError(f"'{name}' is '{text}' in the portal's answer.", "A number.") from None


def _last(uri: str) -> str:
    """The last part of an address; of an IGBP class the class alone."""
    return uri.rstrip("/").split("/")[-1].removeprefix("igbp_")


def _uri(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s<>\"{}|\\^`]+", text):
        raise LandsinkError(f"'{text}' is no address.", "One that begins with http and holds no blank.")
    return f"<{text}>"


def _text(word: str) -> str:
    return json.dumps(word, ensure_ascii=False)
