"""Products that grow: the next state from a file, and a release frozen from one state of them."""

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import xarray as xr
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from landsink import catalogue, reanalyse
from landsink.catalogue.growing import Growing, State
from landsink.core.errors import DataError

from .publication import publish_object

# What a frozen object tells of the product and the snapshot that it came from.
NAME, SNAPSHOT = "landsink:growing", "landsink:snapshot"


def grow(name: str, path: Path, message: str) -> State:
    """Enter a file, or a run's product, as the next state of a growing product."""
    growing = Growing(catalogue.Catalogue.configured(), name)
    try:
        ds = xr.open_zarr(path, consolidated=False) if path.is_dir() else xr.open_dataset(path, chunks={})
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}).", "A NetCDF file or a Zarr folder.") from None
    with ds:
        return growing.update(ds, message)


def tag(name: str, word: str, at: str) -> State:
    """Name a state of a growing product for ever."""
    return Growing(catalogue.Catalogue.configured(), name).tag(word, at)


def states(name: str) -> list[State]:
    """The history of a growing product, the newest first."""
    return list(Growing(catalogue.Catalogue.configured(), name).history())


def history(found: list[State]) -> RenderableType:
    """A history as a table."""
    table = Table(box=None)
    for head in ("snapshot", "made", "tags", "message"):
        table.add_column(head, no_wrap=head != "message")
    for state in found:
        table.add_row(
            state.id, f"{state.moment:%Y-%m-%d %H:%M}", ", ".join(state.tags), escape(state.message)
        )
    return table


def freeze(name: str, at: str, about: Path) -> Any:
    """Publish one state of a growing product as an object of its own, which never changes; its item.

    Its identity is its content, as of every object: the same state frozen again is the same. It is the next version of
    what was frozen of this product before, unless its description names another.
    """
    store = catalogue.Catalogue.configured()
    growing = Growing(store, name)
    state, metadata = growing.state(at), catalogue.Metadata.read(about)
    before = [i for i in store.list() if i.properties.get(NAME) == name]
    again = next((i for i in before if i.properties[SNAPSHOT] == state.id), None)
    if before and not metadata.previous:
        previous = again.properties.get("landsink:previous", "") if again else store.latest(before[0].id).id
        metadata = dataclasses.replace(metadata, previous=previous)
    store.root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=store.root, prefix=".frozen-") as folder:
        path = reanalyse.write(growing.open(state.id).drop_encoding(), Path(folder) / f"{name}.zarr")
        item = store.ingest(path, catalogue.Specification.read("cube"), metadata)
    item.properties |= {NAME: name, SNAPSHOT: state.id}
    item = store.add(item)
    publish_object(store, item)
    return item
