"""Open a product by its name: lazy, local or from a portal, with the numbers that the portal itself answers with."""

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import xarray as xr

from landsink.catalogue.releases import Releases
from landsink.catalogue.remote import Portal
from landsink.catalogue.store import Catalogue
from landsink.core.errors import DataError, UnknownName, unknown

LAYOUTS = ("map", "series", "members")
PAGE = re.compile(r"(?P<portal>https?://[^/]+)(?:/.*)?/objects/(?P<id>[A-Za-z0-9_-]+)")


def open(name: str, portal: str = "", layout: str = "series", token: str = "") -> xr.Dataset:
    """Open a product by identifier (or its beginning), DOI, or the address of its landing page.

    portal: where it is, as https://portal.example; LANDSINK_PORTAL if not given, else the catalogue of this machine.
    layout: of a gridded product, how the same numbers lie: 'series' (all steps of few cells at once), 'map' (all
    cells of a step) or 'members' (the ensemble). A table comes with its rows as the dimension `row`. Nothing of a
    gridded product is read before it is asked for. Units, signs and sources stand in the attributes.
    Raises UnknownName where there is no such product, DataError where it cannot be opened.
    """
    if layout not in LAYOUTS:
        raise unknown(layout, LAYOUTS, "the layouts of a release")
    portal, name = _placed(name, portal or os.environ.get("LANDSINK_PORTAL", ""))
    if portal:
        there = Portal(portal, token or os.environ.get("LANDSINK_TOKEN", ""))
        item = there.item(name)
        ds = there.release(item["id"], layout) if there.gridded(item["id"]) else _read(there.file(item), item)
        return ds.assign_attrs(landsink_id=item["id"], landsink_page=there.page(item))
    catalogue = Catalogue.configured()
    found = catalogue.get(name)
    item = found.to_dict(include_self_link=False, transform_hrefs=False)
    try:
        release = Releases(catalogue).get(found.id)
    except UnknownName:
        ds = _read(catalogue.path(found.id), item)
    else:
        ds = release.open(layout)
    return ds.assign_attrs(landsink_id=found.id)


def _placed(name: str, portal: str) -> tuple[str, str]:
    """Portal and identifier, where the name is the address of a landing page."""
    if found := PAGE.fullmatch(name):
        return found["portal"], found["id"]
    if "://" in name and urlsplit(name).hostname not in ("doi.org", "dx.doi.org"):
        raise DataError(
            f"'{name}' is no landing page.",
            "An identifier, a DOI, or an address as https://portal.example/objects/…",
        )
    return portal, name


def _read(path: Path, item: dict[str, Any]) -> xr.Dataset:
    if path.suffix == ".csv":
        return _table(path, item)
    if path.suffix == ".nc":
        return xr.open_dataset(path)
    if path.suffix == ".zarr":
        return xr.open_zarr(path)
    raise DataError(f"'{item['id']}' is a {path.suffix or 'folder'}.", "A table, NetCDF or Zarr.")


def _table(path: Path, item: dict[str, Any]) -> xr.Dataset:
    """A CSV object: columns by the names of their description, with units, along `row`."""
    columns: dict[str, dict[str, Any]] = item["properties"].get("landsink:columns", {})
    frame = pd.read_csv(path, encoding="utf-8-sig", skipinitialspace=True)
    frame.columns = [re.sub(r"\s*[\[(].*$", "", str(head)).strip() for head in frame.columns]
    frame.index.name = "row"
    for name, said in columns.items():
        if said.get("type") == "time" and name in frame:
            frame[name] = pd.to_datetime(frame[name], utc=True).dt.tz_localize(None)
    ds = frame.to_xarray()
    for name, said in columns.items():
        if name in ds.variables:
            known = {"units": said.get("unit", ""), "long_name": said.get("description", "")}
            ds[name].attrs = {key: value for key, value in known.items() if value}
    return ds
