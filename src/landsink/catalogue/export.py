"""The whole catalogue as static STAC: a folder that any web server can offer and any STAC client reads."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pystac

from landsink.catalogue.store import Catalogue
from landsink.core.errors import DataError

TITLES = {
    "run": "Runs of landsink",
    "table": "Tables",
    "cube": "Cubes",
    "station": "Stations",
    "collection": "Collections",
}


def write_stac(catalogue: Catalogue, folder: Path, data: bool = False) -> int:
    """Write a self-contained STAC catalogue into `folder`, new or empty; returns how many items it has.

    Each kind of object is a STAC collection. With `data` the bytes are copied beside their items, but for what is
    under embargo; without, items point to where the bytes lie here. Source: STAC 1.1, self-contained catalogues.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder} is not empty.", "A new folder.", "Choose another.")
    root = pystac.Catalog("landsink", "Data objects of a landsink catalogue", title="landsink")
    items = catalogue.list()
    kinds = sorted({i.properties.get("landsink:kind", "run") for i in items})
    for kind in kinds:
        own = [_opened(catalogue, i) for i in items if i.properties.get("landsink:kind", "run") == kind]
        shelf = pystac.Collection(
            kind, f"Data objects of the kind '{kind}'", _extent(own), title=TITLES.get(kind, kind)
        )
        # Each item bears its own licence.
        shelf.license = "other"
        shelf.add_items(own)
        root.add_child(shelf)
    root.normalize_hrefs(str(folder.absolute()))
    for item in root.get_items(recursive=True):
        _bytes(item, data)
    root.save(pystac.CatalogType.SELF_CONTAINED)
    return len(items)


def _opened(catalogue: Catalogue, item: pystac.Item) -> pystac.Item:
    """The item with places that hold outside the catalogue, and links as STAC knows them."""
    made = item.clone()
    embargoed = catalogue.embargoed(item)
    if embargoed:
        made.assets = {}
    else:
        for key in item.assets:
            made.assets[key].href = str(catalogue.asset(item, key))
    made.clear_links("derived_from")
    made.clear_links("predecessor-version")
    sources = [str(s.target) for s in item.links if s.rel == "derived_from"]
    if sources:
        made.properties["landsink:derived_from"] = sources
    return made


def _bytes(item: pystac.Item, data: bool) -> None:
    for asset in item.assets.values():
        source = Path(asset.href)
        if not data:
            asset.href = str(source.absolute())
            continue
        place = Path(item.get_self_href() or "").parent
        place.mkdir(parents=True, exist_ok=True)
        if not source.exists():
            raise DataError(
                f"{source} of '{item.id}' is gone.", "The bytes of the object.", "See 'landsink verify'."
            )
        if source.is_dir():
            shutil.copytree(source, place / source.name)
        else:
            shutil.copy(source, place / source.name)
        asset.href = f"./{source.name}"


def _extent(items: list[pystac.Item]) -> pystac.Extent:
    boxes = [i.bbox for i in items if i.bbox] or [[-180.0, -90.0, 180.0, 90.0]]
    box = [
        min(b[0] for b in boxes),
        min(b[1] for b in boxes),
        max(b[2] for b in boxes),
        max(b[3] for b in boxes),
    ]
    starts = [_moment(i.properties["start_datetime"]) for i in items if i.properties.get("start_datetime")]
    ends = [_moment(i.properties["end_datetime"]) for i in items if i.properties.get("end_datetime")]
    span = [min(starts) if starts else None, max(ends) if ends else None]
    return pystac.Extent(pystac.SpatialExtent([box]), pystac.TemporalExtent([span]))


def _moment(word: str) -> datetime:
    return datetime.fromisoformat(word.replace("Z", "+00:00")).astimezone(UTC)
