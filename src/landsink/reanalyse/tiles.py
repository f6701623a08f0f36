"""Tiles: the unit of work, of memory and of resumption. A finished tile is a file; it is never computed again."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from landsink.core.record import digest


def split(cells: int, size: int) -> list[slice]:
    """Slices of at most `size` cells, as even as can be."""
    count = max(1, -(-cells // size))
    edges = np.linspace(0, cells, count + 1).astype(int)
    return [slice(int(a), int(b)) for a, b in zip(edges[:-1], edges[1:], strict=True)]


@dataclasses.dataclass(frozen=True)
class TileStore:
    """Finished tiles of one record, as files named by what made them."""

    folder: Path
    record: str

    def path(self, tile: slice, span: str = "") -> Path:
        """The file of a tile and a span of time."""
        return self.folder / f"{tile.start:06d}-{digest([self.record, tile.start, tile.stop, span])[:16]}.npz"

    def has(self, tile: slice, span: str = "") -> bool:
        """True if the tile was finished."""
        return self.path(tile, span).exists()

    def save(self, tile: slice, arrays: Mapping[str, np.ndarray], span: str = "") -> None:
        """Write a tile; a kill at any moment leaves either no file or a whole one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.path(tile, span)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        with open(partial, "wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)

    def load(self, tile: slice, span: str = "") -> dict[str, np.ndarray]:
        """Read a tile back."""
        with np.load(self.path(tile, span)) as stored:
            return dict(stored)
