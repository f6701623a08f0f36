"""STAC API 1.0 over the catalogue: collections by kind, items, search.

Source: STAC API 1.0.0 (core, collections, ogcapi-features, item-search); STAC 1.1.
"""

import base64
import json
import re
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

import pystac
from fastapi import APIRouter, Depends, Path, Query
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from landsink import catalogue
from landsink.catalogue.metadata import instant
from landsink.core.errors import DataError, unknown
from landsink.portal.context import Address, Context, Here
from landsink.portal.extents import Bbox, extent
from landsink.portal.objects import box
from landsink.portal.problems import Refusal, answers, known_only
from landsink.portal.records import COLLECTIONS, Item, Link, Name, shown
from landsink.portal.stac_pages import (
    GEOJSON,
    Asked,
    Collection,
    Collections,
    Conformance,
    GeoJson,
    Items,
    Landing,
)

router = APIRouter(prefix="/api/stac", tags=["stac"])

STAC = "https://api.stacspec.org/v1.0.0"
CONFORMS = (
    f"{STAC}/core",
    f"{STAC}/collections",
    f"{STAC}/ogcapi-features",
    f"{STAC}/item-search",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
)
TITLES = {
    "runs": "Runs of landsink: gridded products and what made them",
    "cubes": "Gridded data that were taken in",
    "tables": "Tables that were taken in",
    "stations": "Stations: processed series and their quality",
    "collections": "Collections of data objects",
}
MOST, USUAL = 1000, 10
# Questions about items are those of OGC API Features.
STRICT = [Depends(known_only)]
# RFC 3339, which STAC asks for: a day alone, or a moment without its zone, is none.
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
# What an exact geometry is compared with at most; more than that must be narrowed by a box first.
MOST_COMPARED = 5000
MOST_VERTICES = 10_000

Limit = Annotated[
    int,
    Query(ge=1, json_schema_extra={"maximum": MOST}, description="Items of a page; more is taken as 1000."),
]
Datetime = Annotated[
    str,
    Query(
        max_length=80,
        description="A moment (RFC 3339) as 2001-01-01T00:00:00Z, or an interval a/b, a/.. or ../b of them.",
        examples=["2001-01-01T00:00:00Z/2002-12-31T00:00:00Z"],
    ),
]
Token = Annotated[str, Query(max_length=100, description="Where a page begins, as a 'next' link says.")]
Ids = Annotated[str, Query(max_length=4000, description="Identifiers with commas.")]
Shelves = Annotated[str, Query(max_length=400, description="Collections with commas.")]
Shelf = Annotated[str, Path(max_length=64, pattern=r"^[a-z0-9_-]+$", examples=["runs"])]


@router.get("", operation_id="stac", response_model_exclude_unset=True)
@router.get("/", include_in_schema=False, response_model_exclude_unset=True)
def landing(here: Here, base: Address) -> Landing:
    """The way into STAC."""
    own = f"{base}/api/stac"
    links = [
        _link("self", f"{own}/"),
        *_ways(base),
        _link("service-desc", f"{base}/api/openapi.json", "application/vnd.oai.openapi+json;version=3.1"),
        _link("service-doc", f"{base}/api/docs", "text/html"),
        _link("conformance", f"{own}/conformance"),
        _link("data", f"{own}/collections"),
        Link(rel="search", href=f"{own}/search", type=GEOJSON, method="GET", title="Search"),
        Link(rel="search", href=f"{own}/search", type=GEOJSON, method="POST", title="Search"),
        *(_link("child", f"{own}/collections/{name}", title=TITLES.get(name, name)) for name in _names(here)),
    ]
    return Landing(
        type="Catalog",
        stac_version=pystac.get_stac_version(),
        id="landsink",
        title="landsink",
        description="Data objects of a landsink catalogue: products, stations, tables, with provenance.",
        conforms=list(CONFORMS),
        links=links,
    )


@router.get("/conformance", operation_id="stac_conformance")
def conformance() -> Conformance:
    """What is conformed to."""
    return Conformance(conforms=list(CONFORMS))


@router.get("/collections", operation_id="stac_collections", response_model_exclude_unset=True)
def collections(here: Here, base: Address) -> Collections:
    """All collections; each holds one kind of object."""
    made = [_collection(here, base, name) for name in _names(here)]
    return Collections(collections=made, links=[*_ways(base), _link("self", f"{base}/api/stac/collections")])


@router.get(
    "/collections/{collection}",
    operation_id="stac_collection",
    response_model_exclude_unset=True,
    responses=answers(400, 404),
)
def collection(collection: Shelf, here: Here, base: Address) -> Collection:
    """A collection with its extent in space and time."""
    return _collection(here, base, _known(here, collection))


@router.get(
    "/collections/{collection}/items",
    operation_id="stac_items",
    dependencies=STRICT,
    response_class=GeoJson,
    response_model=Items,
    response_model_exclude_unset=True,
    responses=answers(400, 404),
)
def items(
    collection: Shelf,
    here: Here,
    base: Address,
    bbox: Bbox = None,
    datetime: Datetime = "",
    ids: Ids = "",
    collections: Shelves = "",
    limit: Limit = USUAL,
    token: Token = "",
) -> GeoJson:
    """Items of a collection, page by page. Where other collections are named, but not this one, there are none."""
    name = _known(here, collection)
    asked = Asked(
        bbox=_edges(bbox),
        datetime=datetime,
        ids=_split(ids),
        # Clients that search by pages of a collection name it twice.
        collections=[name] if name in (_split(collections) or [name]) else [],
        limit=limit,
        token=token,
    )
    own = f"{base}/api/stac/collections/{collection}/items"
    said = {"bbox": bbox, "datetime": datetime, "ids": ids, "collections": collections}
    return _page(here, base, asked, own, said | {"limit": limit})


@router.get(
    "/collections/{collection}/items/{id}",
    operation_id="stac_item",
    dependencies=STRICT,
    response_class=GeoJson,
    response_model=Item,
    response_model_exclude_unset=True,
    responses=answers(400, 404),
)
def item(collection: Shelf, id: Name, here: Here, base: Address) -> GeoJson:
    """An item of a collection."""
    page = shown(here, here.catalogue.get(id), base)
    if page["collection"] != _known(here, collection) or page["id"] != id:
        raise unknown(
            id, [page["id"]] if page["collection"] == collection else [], f"the collection '{collection}'"
        )
    return GeoJson(page)


@router.get(
    "/search",
    operation_id="stac_search",
    dependencies=STRICT,
    response_class=GeoJson,
    response_model=Items,
    response_model_exclude_unset=True,
    responses=answers(400, 404),
)
def search(
    here: Here,
    base: Address,
    bbox: Bbox = None,
    datetime: Datetime = "",
    ids: Ids = "",
    collections: Shelves = "",
    intersects: Annotated[str, Query(max_length=8000, description="A GeoJSON geometry.")] = "",
    limit: Limit = USUAL,
    token: Token = "",
) -> GeoJson:
    """Search items. All that is asked must hold."""
    if bbox and intersects:
        raise Refusal(400, "Both bbox and intersects are given.", "One of them.")
    try:
        geometry = json.loads(intersects) if intersects else None
    except (ValueError, RecursionError):
        raise Refusal(400, "'intersects' is no JSON.", "A GeoJSON geometry.") from None
    if geometry is not None and not isinstance(geometry, dict):
        raise Refusal(400, "'intersects' is no geometry.", "A GeoJSON geometry.")
    asked = Asked(
        bbox=_edges(bbox),
        datetime=datetime,
        ids=_split(ids),
        collections=_split(collections),
        intersects=geometry,
        limit=limit,
        token=token,
    )
    said = {
        "bbox": bbox,
        "datetime": datetime,
        "ids": ids,
        "collections": collections,
        "intersects": intersects,
    }
    return _page(here, base, asked, f"{base}/api/stac/search", said | {"limit": limit})


@router.post(
    "/search",
    operation_id="stac_search_json",
    response_class=GeoJson,
    response_model=Items,
    response_model_exclude_unset=True,
    responses=answers(400, 413),
)
def search_json(asked: Asked, here: Here, base: Address) -> GeoJson:
    """Search items by a question in JSON."""
    if asked.bbox and asked.intersects is not None:
        raise Refusal(400, "Both bbox and intersects are given.", "One of them.")
    return _page(here, base, asked, f"{base}/api/stac/search", None)


def _page(here: Context, base: str, asked: Asked, own: str, said: dict[str, Any] | None) -> GeoJson:
    """A page of items; `said` are the parameters of a GET, None for a POST."""
    asked = asked.model_copy(update={"limit": min(asked.limit, MOST)})
    offset = _offset(asked.token)
    try:
        # A collection's items are asked as OGC API Features has it, a search as STAC does.
        found, total = _find(here, asked, offset, loose=own.endswith("/items"))
    except DataError as error:
        raise Refusal(400, error.found, error.expected, error.remedy) from None
    words = {k: v for k, v in (said or {}).items() if v}
    now = {k: v for k, v in words.items() if (k, v) != ("limit", USUAL)}
    now |= {"token": asked.token} if said and asked.token else {}
    here_ = f"{own}?{urlencode(now)}" if now else own
    links = [_link("root", f"{base}/api/stac/"), _link("self", here_, GEOJSON)]
    if own.endswith("/items"):
        links.append(_link("collection", own.removesuffix("/items")))
    ends = [("next", offset + asked.limit)] if offset + len(found) < total else []
    ends += [("prev", max(offset - asked.limit, 0))] if offset else []
    for rel, at in ends:
        token = _token(at)
        if said is None:
            body = asked.model_dump(exclude_unset=True) | {"token": token}
            links.append(Link(rel=rel, href=own, type=GEOJSON, method="POST", body=body))
        else:
            href = f"{own}?{urlencode(words | {'token': token})}"
            links.append(Link(rel=rel, href=href, type=GEOJSON, method="GET"))
    page = Items(
        type="FeatureCollection",
        features=[Item(**shown(here, i, base)) for i in found],
        links=links,
        matched=total,
        returned=len(found),
    )
    return GeoJson(page.model_dump(by_alias=True, exclude_unset=True))


def _find(here: Context, asked: Asked, offset: int, loose: bool) -> tuple[Sequence[pystac.Item], int]:
    """Items of one page and how many there are in all."""
    geometry = _geometry(asked.intersects) if asked.intersects is not None else None
    edges = asked.bbox or (list(geometry.bounds) if geometry is not None else None)
    start, end = _interval(asked.datetime)
    if edges and (edges[1] > 90 or edges[len(edges) // 2 + 1] < -90):
        # A box beyond the poles is a box in which nothing lies.
        return (), 0
    query = catalogue.Query(
        bbox=box(",".join(map(repr, edges))) if edges else None,
        start=start,
        end=end,
        kinds=tuple(_kind(c) for c in asked.collections or ()),
        ids=tuple(asked.ids or ()),
        latest=False,
        loose=loose,
        limit=asked.limit if geometry is None else MOST,
        offset=offset if geometry is None else 0,
    )
    if asked.ids == [] or asked.collections == []:
        return (), 0
    page = here.catalogue.search(query)
    if geometry is None:
        return page.items, page.total
    if page.total > MOST_COMPARED:
        raise DataError(
            f"{page.total} items lie near that geometry.", f"At most {MOST_COMPARED}.", "Narrow the time."
        )
    near = list(page.items)
    for at in range(MOST, page.total, MOST):
        near += here.catalogue.search(_further(query, at)).items
    held = [i for i in near if i.geometry and shape(i.geometry).intersects(geometry)]
    return held[offset : offset + asked.limit], len(held)


def _further(query: catalogue.Query, offset: int) -> catalogue.Query:
    return catalogue.Query(
        bbox=query.bbox, start=query.start, end=query.end, kinds=query.kinds, ids=query.ids, latest=False,
        limit=query.limit, offset=offset,
    )  # fmt: skip


def _geometry(page: dict[str, Any]) -> BaseGeometry:
    try:
        made = shape(page)
        if made.is_empty or not made.is_valid:
            raise DataError("'intersects' is empty or crosses itself.", "A valid GeoJSON geometry.")
    except (
        ShapelyError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        IndexError,
        RecursionError,
    ) as error:
        raise DataError(f"'intersects' is no geometry ({str(error)[:100]}).", "A GeoJSON geometry.") from None
    if len(json.dumps(page)) > 40 * MOST_VERTICES:
        raise DataError("'intersects' has too many corners.", f"At most about {MOST_VERTICES}.")
    return made


def _interval(text: str) -> tuple[str, str]:
    """Start and end of a moment or an interval; '' for an open end. DataError where it is neither."""
    if not text:
        return "", ""
    parts = text.split("/")
    ends = ["" if p in ("", "..") else _moment(p) for p in (parts if len(parts) == 2 else parts * 2)]
    if len(parts) > 2 or not any(ends) or (all(ends) and ends[0] > ends[1]):
        raise DataError(
            f"'{text[:80]}' is no interval.", "A moment, or start/end in this order, one of them '..'."
        )
    return ends[0], ends[1]


def _moment(text: str) -> str:
    """A moment in UTC, as the index writes it."""
    found = instant(text.upper()) if MOMENT.fullmatch(text) else None
    if found is None:
        raise DataError(f"'{text[:40]}' is no moment.", "RFC 3339, as 2024-05-31T12:00:00Z.")
    return found.isoformat(timespec="seconds").replace("+00:00", "Z")


def _edges(text: str | None) -> list[float] | None:
    try:
        found = box(text or "")
    except DataError as error:
        raise Refusal(400, error.found, error.expected) from None
    return list(found) if found else None


def _split(text: str) -> list[str] | None:
    return [word for word in text.split(",") if word] if text else None


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(f"from {offset}".encode()).decode().rstrip("=")


def _offset(token: str) -> int:
    """The offset that a token means; it is opaque, so that a client follows links and counts nothing itself."""
    if not token:
        return 0
    try:
        word = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii")
        offset = int(word.removeprefix("from "))
    except (ValueError, UnicodeError):
        offset = -1
    if not 0 <= offset <= 1_000_000_000 or _token(offset) != token:
        raise Refusal(400, "That token was not made here.", "The token of a 'next' link.")
    return offset


def _names(here: Context) -> list[str]:
    kinds = here.catalogue.search(catalogue.Query(latest=False, limit=1)).facets["kind"]
    return list(dict.fromkeys([*COLLECTIONS.values(), *(COLLECTIONS.get(k, k) for k in sorted(kinds))]))


def _kind(name: str) -> str:
    """The kind of object that a collection holds."""
    return next((kind for kind, collection in COLLECTIONS.items() if collection == name), name)


def _known(here: Context, name: str) -> str:
    names = _names(here)
    if name not in names:
        raise unknown(name, names, "the collections")
    return name


def _collection(here: Context, base: str, name: str) -> Collection:
    own = f"{base}/api/stac/collections/{name}"
    return Collection(
        type="Collection",
        stac_version=pystac.get_stac_version(),
        id=name,
        title=TITLES.get(name, name),
        description=f"{TITLES.get(name, name)}. Each item bears its own licence.",
        license="other",
        extent=extent(here.catalogue, _kind(name)),
        links=[*_ways(base), _link("self", own), _link("items", f"{own}/items", GEOJSON)],
    )


def _ways(base: str) -> list[Link]:
    return [_link("root", f"{base}/api/stac/"), _link("parent", f"{base}/api/stac/")]


def _link(rel: str, href: str, media: str = "application/json", title: str = "") -> Link:
    return (
        Link(rel=rel, href=href, type=media, title=title) if title else Link(rel=rel, href=href, type=media)
    )
