"""Publish what the catalogue holds: the release that maps and series are served from, with its regions."""

from functools import partial
from importlib.resources import files
from pathlib import Path

import pystac
import xarray as xr

from landsink import account, catalogue
from landsink.catalogue.releases import Releases
from landsink.core.errors import DataError

UNPUBLISHED = "landsink:unpublished"
OPENED = {"netcdf": "netcdf4", "zarr": "zarr"}


def regions() -> Path | None:
    """The outlines of countries that come with the built page; None where it is not built."""
    path = Path(str(files("landsink"))) / "portal" / "page" / "regions.json"
    return path if path.is_file() else None


def publish(store: catalogue.Catalogue, item: pystac.Item, ds: xr.Dataset) -> str:
    """Publish a catalogued product; returns '' or, in words, why it cannot be, which its item then tells as well."""
    outlines = regions()
    shares = partial(account.shares, account.read(outlines)) if outlines else None
    try:
        Releases(store).publish(item, ds, shares)
    except DataError as error:
        reason = str(error)
    else:
        reason = ""
    if reason != item.properties.get(UNPUBLISHED, ""):
        item.properties.pop(UNPUBLISHED, None)
        item.properties.update({UNPUBLISHED: reason} if reason else {})
        store.add(item)
    return reason


def publish_object(store: catalogue.Catalogue, item: pystac.Item) -> str:
    """Publish a cube that was taken in; '' also for what is no cube, else why it cannot be published."""
    form = item.properties.get("landsink:format", "")
    if form not in OPENED:
        return ""
    if until := store.embargoed(item):
        return f"It is under embargo until {until:%Y-%m-%d}."
    with xr.open_dataset(store.path(item.id), engine=OPENED[form], chunks={}) as ds:
        return publish(store, item, ds)
