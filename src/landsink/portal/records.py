"""Descriptions as the portal shows them: STAC items without places on a disk, with links that can be followed."""

import json
from typing import Annotated, Any

import pystac
from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from landsink.catalogue import cite
from landsink.core.errors import UnknownName
from landsink.portal.context import Context

Name = Annotated[
    str,
    Path(
        max_length=64,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="An identifier, or the beginning of one, of a SHA-256 or of a record.",
        examples=["a32a8b785439"],
    ),
]
# Collections of the STAC interface by the kind of what they hold.
COLLECTIONS = {
    "run": "runs",
    "cube": "cubes",
    "table": "tables",
    "station": "stations",
    "collection": "collections",
}


class Link(BaseModel):
    """A link of a description."""

    model_config = ConfigDict(extra="allow")
    rel: str
    href: str
    type: str | None = None
    title: str | None = None


class Item(BaseModel):
    """A STAC 1.1 item (a GeoJSON feature)."""

    model_config = ConfigDict(extra="allow")
    type: str = Field("Feature", examples=["Feature"])
    stac_version: str = Field(examples=["1.1.0"])
    stac_extensions: list[str] = []
    id: str = Field(examples=["a32a8b785439"])
    geometry: dict[str, Any] | None = Field(description="GeoJSON; null for what has no place.")
    bbox: list[float] | None = Field(None, description="West, south, east, north in degrees.")
    properties: dict[str, Any]
    links: list[Link]
    assets: dict[str, dict[str, Any]]
    collection: str | None = None


def collection_of(item: pystac.Item) -> str:
    """The STAC collection of an item."""
    kind = item.properties.get("landsink:kind", "run")
    return COLLECTIONS.get(kind, kind)


def shown(here: Context, item: pystac.Item, base: str) -> dict[str, Any]:
    """A description for the world: assets lead to the portal, sources to their own pages, embargo takes bytes away."""
    page = item.to_dict(include_self_link=False, transform_hrefs=False)
    until = here.catalogue.embargoed(item)
    page["properties"]["landsink:embargoed"] = until.isoformat().replace("+00:00", "Z") if until else None
    if page["properties"].get("landsink:format") is None and "landsink:generated" not in page["properties"]:
        page["properties"] |= _generated(here, item)
    if page.get("bbox") is None:
        page.pop("bbox", None)
    own = f"{base}/api/objects/{item.id}"
    assets = {} if until else page["assets"]
    page["assets"] = {key: facts | {"href": f"{own}/data?asset={key}"} for key, facts in assets.items()}
    if "data" in page["assets"]:
        page["assets"]["data"]["href"] = f"{own}/data"
    sources = [link for link in page["links"] if link["rel"] == "derived_from"]
    if sources:
        page["properties"]["landsink:derived_from"] = [s.get("title") or s["href"] for s in sources]
    page["collection"] = collection_of(item)
    page["links"] = _links(item, base)
    return page


def whole(here: Context, item: pystac.Item, base: str) -> dict[str, Any]:
    """The same with versions and sources, each of which is looked for."""
    page = shown(here, item, base)
    versions = here.catalogue.versions(item.id)
    line = [v.id for v in versions]
    page["properties"]["landsink:latest"] = line[-1]
    page["properties"]["landsink:versions"] = [
        {"id": v.id, "title": v.properties.get("title", ""), "created": v.properties.get("created", "")}
        for v in versions
    ]
    page["properties"]["landsink:citation"] = cite(item, "text").strip()
    at = line.index(item.id)
    near = {
        "predecessor-version": line[at - 1 : at] if at else [],
        "successor-version": line[at + 1 : at + 2],
    }
    near["latest-version"] = line[-1:]
    for rel, names in near.items():
        page["links"] += [_link(rel, f"{base}/api/objects/{name}", "application/geo+json") for name in names]
    for name in page["properties"].get("landsink:derived_from", []):
        if (found := _held(here, name)) is not None:
            href = f"{base}/api/objects/{found.id}"
            page["links"].append(_link("derived_from", href, "application/geo+json") | {"title": name})
    return page


def json_ld(here: Context, item: pystac.Item, base: str) -> dict[str, Any]:
    """schema.org's Dataset with the addresses that this portal knows."""
    page = json.loads(cite(item, "jsonld"))
    page["url"] = f"{base}/objects/{item.id}"
    free = here.catalogue.embargoed(item) is None
    if not free:
        page.pop("distribution", None)
    for key, part in zip(item.assets, page.get("distribution", []), strict=False):
        part["contentUrl"] = f"{base}/api/objects/{item.id}/data?asset={key}"
    page["isAccessibleForFree"] = free
    return page


def licence_address(item: pystac.Item) -> str:
    """Where the words of an item's licence are; '' where only the item says them."""
    name = item.properties.get("license", "other")
    return f"https://spdx.org/licenses/{name}.html" if name not in ("other", "") else ""


def _generated(here: Context, item: pystac.Item) -> dict[str, bool]:
    """Whether a run's numbers are made up, as its release tells; nothing where it has none."""
    if item.properties.get("landsink:kind", "run") != "run":
        return {}
    try:
        return {"landsink:generated": here.releases.get(item.id).generated}
    except UnknownName:
        return {}


def _held(here: Context, name: str) -> pystac.Item | None:
    try:
        return here.catalogue.get(name)
    except UnknownName:
        return None


def _links(item: pystac.Item, base: str) -> list[dict[str, Any]]:
    own, stac = f"{base}/api/objects/{item.id}", f"{base}/api/stac"
    shelf = f"{stac}/collections/{collection_of(item)}"
    made = [
        _link("self", f"{shelf}/items/{item.id}", "application/geo+json"),
        _link("root", f"{stac}/", "application/json"),
        _link("parent", shelf, "application/json"),
        _link("collection", shelf, "application/json"),
        _link("canonical", own, "application/geo+json"),
        _link("alternate", f"{base}/objects/{item.id}", "text/html"),
        _link("describedby", f"{own}/citation?form=datacite", "application/vnd.datacite.datacite+json"),
        _link("cite-as", _cited(item, base), "text/html"),
    ]
    if licence := licence_address(item):
        made.append(_link("license", licence, "text/html"))
    return made


def _cited(item: pystac.Item, base: str) -> str:
    doi = item.properties.get("sci:doi")
    return f"https://doi.org/{doi}" if doi else f"{base}/objects/{item.id}"


def _link(rel: str, href: str, media: str) -> dict[str, Any]:
    return {"rel": rel, "href": href, "type": media}
