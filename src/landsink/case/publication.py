"""Publish what the catalogue holds: the release that maps and series are served from, with its regions."""

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path

import pystac
import xarray as xr

from landsink import account, catalogue
from landsink.catalogue.releases import Progress, Releases
from landsink.core.errors import DataError
from landsink.portal.jobs.worker import resident

LOOK_SECONDS = 0.1
UNPUBLISHED = "landsink:unpublished"
OPENED = {"netcdf": "netcdf4", "zarr": "zarr"}


def regions() -> Path | None:
    """The outlines of countries that come with the built page; None where it is not built."""
    path = Path(str(files("landsink"))) / "portal" / "page" / "regions.json"
    return path if path.is_file() else None


def publish(
    store: catalogue.Catalogue, item: pystac.Item, ds: xr.Dataset, progress: Progress = lambda share: None
) -> str:
    """Publish a catalogued product; returns '' or, in words, why it cannot be, which its item then tells as well.

    progress: is told the share that is done.
    """
    outlines = regions()
    shares = partial(account.shares, account.read(outlines)) if outlines else None
    try:
        Releases(store).publish(item, ds, shares, progress)
    except DataError as error:
        reason = str(error)
    else:
        reason = ""
    return _told(store, item, reason)


def _told(store: catalogue.Catalogue, item: pystac.Item, reason: str) -> str:
    """Let an item tell why it has no release, or no longer tell it."""
    if reason != item.properties.get(UNPUBLISHED, ""):
        item.properties.pop(UNPUBLISHED, None)
        item.properties.update({UNPUBLISHED: reason} if reason else {})
        store.add(item)
    return reason


def publish_object(
    store: catalogue.Catalogue, item: pystac.Item, progress: Progress = lambda share: None
) -> str:
    """Publish a cube that was taken in; '' also for what is no cube, else why it cannot be published."""
    form = item.properties.get("landsink:format", "")
    if form not in OPENED:
        return ""
    if until := store.embargoed(item):
        return f"It is under embargo until {until:%Y-%m-%d}."
    with xr.open_dataset(store.path(item.id), engine=OPENED[form], chunks={}) as ds:
        return publish(store, item, ds, progress)


@dataclass(frozen=True)
class Apart:
    """Publishes what was taken in by a process of its own: a cube that breaks its reader breaks no server.

    `command` gets the identifier behind it. It may take so many seconds, and GiB of memory where the system says them.
    """

    command: Sequence[str]
    seconds: float = 900.0
    gigabytes: float = 8.0

    def __call__(self, store: catalogue.Catalogue, item: pystac.Item) -> str:
        if item.properties.get("landsink:format", "") not in OPENED:
            return ""
        if reason := self._run(item.id):
            return _told(store, store.get(item.id), reason)
        return store.get(item.id).properties.get(UNPUBLISHED, "")

    def _run(self, name: str) -> str:
        """'' or, in words, why the process came to no end of its own."""
        child = subprocess.Popen([*self.command, name], stdin=subprocess.DEVNULL, start_new_session=True)
        until = time.monotonic() + self.seconds
        try:
            while child.poll() is None:
                if time.monotonic() > until:
                    return f"Publishing took longer than {self.seconds:.0f} s."
                if resident(child.pid) > self.gigabytes:
                    return f"Publishing took more than {self.gigabytes:g} GiB of memory."
                time.sleep(LOOK_SECONDS)
        finally:
            if child.poll() is None:
                child.kill()
            child.wait()
        return "Its reader broke down." if child.returncode else ""
