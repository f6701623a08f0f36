"""One published release: its facts, and fast reading of maps, series, members and regions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
from zarr.storage import ObjectStore

from landsink.catalogue.blobs import Blobs
from landsink.core.errors import DataError, unknown
from landsink.core.late import Late

from .chunks import Chunked
from .grid import cell_area
from .variable import Variable

# Half of what a server answers needs no labelled arrays, and they take a second to load.
xr = Late("xarray")

FACTS, MANIFEST = "release.json", "manifest.json"
EDITION = 12  # digits of the manifest's SHA-256 by which an edition is known


@dataclass(frozen=True)
class Regional:
    """What was summed over one region when the release was published.

    members: (time, member) area-weighted mean of each member; (time, 1) of the mean where no members are kept.
    sd: (time,) area-weighted mean of the standard deviation, which is the bound for errors that are fully correlated;
    NaN where the variable has no sd. area: (time,) m2 of land with a value. land: m2 of land of the region within the
    grid. cells: how many cells with land have part in it. inside: share of its area that lies within the grid.
    """

    members: np.ndarray
    sd: np.ndarray
    area: np.ndarray
    land: float
    cells: int
    inside: float


@dataclass(frozen=True, eq=False)
class Release:
    """A gridded product as it was published. Numbers are float32, as the product holds them.

    A run that is made anew takes the place of the release under the same identifier: `edition` tells the two apart.

    variables: by name. time: (time,) datetime64[ns], begins of the steps. lat, lon: (lat,), (lon,) centres in degrees;
    latitude may rise or fall, longitude rises within -180…180. generated: data that nobody observed. family: the
    identifier of the first version. A `variable` below may also be the name of a standard deviation.
    """

    id: str
    title: str
    variables: Mapping[str, Variable]
    time: np.ndarray
    lat: np.ndarray
    lon: np.ndarray
    generated: bool
    licence: str
    family: str
    told: Mapping[str, Any] = field(repr=False)
    blobs: Blobs = field(repr=False)
    place: str = field(repr=False)
    arrays: dict[str, Chunked] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, blobs: Blobs, place: str) -> Self:
        """The release whose files lie below the key `place`; FileNotFoundError where there is none."""
        told = json.loads(blobs.get(f"{place}/{FACTS}"))
        rows = {row["name"]: Variable.read(row) for row in told["variables"]}
        axes = {
            n: _whole(Chunked.open(blobs.get, blobs.size, f"{place}/series/{n}"))
            for n in ("time", "lat", "lon")
        }
        part = "D" if told["time"]["unit"] == "days" else "s"
        time = (np.datetime64(told["time"]["since"], part) + axes["time"]).astype("datetime64[ns]")
        for values in (time, axes["lat"], axes["lon"]):
            values.flags.writeable = False
        words = {n: told[n] for n in ("id", "title", "generated", "licence", "family")}
        return cls(
            **words,
            variables=rows,
            time=time,
            lat=axes["lat"],
            lon=axes["lon"],
            told=told,
            blobs=blobs,
            place=place,
        )

    def open(self, layout: str = "series") -> xr.Dataset:
        """The whole as a lazy Dataset; nothing is read before it is asked for.

        layout: how the same numbers lie: 'series' (all steps of few cells), 'map' (all cells of a step), 'members'
        (the ensemble) or 'regions'. UnknownName where the release has no such layout.
        """
        known = [
            "series",
            "map",
            *(["members"] if self.told["members"] else []),
            *(["regions"] if self.regions else []),
        ]
        if layout not in known:
            raise unknown(layout, known, f"the layouts of '{self.id}' ({', '.join(known)})")
        store = ObjectStore(self.blobs.store(f"{self.place}/{layout}"), read_only=True)
        return xr.open_zarr(store, consolidated=True)

    @cached_property
    def edition(self) -> str:
        """The beginning of the manifest's SHA-256: all of the content, to the bit."""
        return str(self.told["digest"])[:EDITION]

    @property
    def levels(self) -> int:
        """How many coarser maps there are, each half as fine as the one before."""
        return int(self.told["levels"])

    def facts(self) -> dict[str, Any]:
        """release.json: id, title, family, licence, generated, created, shape, variables, levels, regions, digest."""
        return dict(self.told)

    def step(self, variable: str, index: int) -> np.ndarray:
        """One map, (lat, lon). UnknownName for a variable, DataError for a step that the release lacks."""
        if not 0 <= index < len(self.time):
            raise DataError(f"There is no step {index}.", f"0 to {len(self.time) - 1}.")
        rows, cols = slice(0, len(self.lat)), slice(0, len(self.lon))
        return self._array("map", variable).read(slice(index, index + 1), rows, cols)[0]

    def tile(self, variable: str, index: int, level: int, at: tuple[int, int]) -> np.ndarray | None:
        """One chunk of a map at a level, 0 the finest, whole also where it reaches beyond the map; None: nothing there.

        KeyError for a level that there is not.
        """
        return self._map(variable, level).chunk((index, *at))

    def tiling(self, variable: str, level: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Rows and columns of a map at a level, and of its chunks. KeyError for a level that there is not."""
        array = self._map(variable, level)
        return (array.shape[1], array.shape[2]), (array.inner[1], array.inner[2])

    def series(self, variable: str, row: int, col: int) -> np.ndarray:
        """All steps of one cell, (time,). DataError for a cell outside the grid."""
        if not (0 <= row < len(self.lat) and 0 <= col < len(self.lon)):
            raise DataError(f"There is no cell {row}, {col}.", f"Below {len(self.lat)}, {len(self.lon)}.")
        array = self._array("series", variable)
        return array.read(slice(0, len(self.time)), slice(row, row + 1), slice(col, col + 1))[:, 0, 0]

    def block(self, variable: str, rows: slice, cols: slice, times: slice) -> np.ndarray:
        """A box of steps and cells, (time, rows, columns), from the layout that costs less to read."""
        where = self._box(times, rows, cols)
        choice = [self._array(kind, variable) for kind in ("map", "series")]
        return min(choice, key=lambda array: array.volume(*where)).read(*where)

    def members(self, variable: str, rows: slice, cols: slice, times: slice) -> np.ndarray:
        """The ensemble of a box, (time, member, rows, columns); UnknownName where the variable keeps none."""
        kept = [v.name for v in self.variables.values() if v.members]
        if variable not in kept:
            raise unknown(
                variable, kept, f"the variables of '{self.id}' that keep members ({', '.join(kept)})"
            )
        t, r, c = self._box(times, rows, cols)
        array = self._array("members", variable)
        return array.read(t, slice(0, array.shape[1]), r, c)

    def area(self) -> np.ndarray:
        """Land of every cell in m2, (lat, lon) of float64: areacella times sftlf; 0 where there is none."""
        return self._land

    @cached_property
    def regions(self) -> Mapping[str, int]:
        """Regions whose means were written, with their place."""
        return {name: i for i, name in enumerate(self.told["regions"])}

    def region(self, variable: str, region: str) -> Regional:
        """What was summed over a region when published; KeyError where it was not."""
        if variable not in self.variables:
            raise KeyError(variable)
        at = slice(self.regions[region], self.regions[region] + 1)
        every = slice(0, len(self.time))
        array = self._open(f"regions/{variable}")
        bound, area = (self._open(f"regions/{variable}_{n}").read(at, every)[0] for n in ("bound", "area"))
        land, cells, inside = (self._open(f"regions/{n}").read(at)[0] for n in ("land", "cells", "inside"))
        members = array.read(at, every, slice(0, array.shape[2]))[0]
        return Regional(members, bound, area, float(land), int(cells), float(inside))

    def cell(self, lat: float, lon: float) -> tuple[int, int]:
        """Row and column of the cell that holds a place (degrees; 190 is -170); DataError outside the grid."""
        row = _nearest(lat, self.lat)
        col = next(
            (c for turn in (0.0, 360.0, -360.0) if (c := _nearest(lon + turn, self.lon)) is not None), None
        )
        if row is None or col is None:
            south, north = sorted((self.lat[0], self.lat[-1]))
            raise DataError(
                f"The place {lat:g}, {lon:g} lies outside '{self.id}'.",
                f"Latitude {south:g} to {north:g}, longitude {self.lon[0]:g} to {self.lon[-1]:g}, and half a cell.",
            )
        return row, col

    def raw(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """Bytes [start, end) of a file of the release, such as 'map/gpp/c/0/0/0'; KeyError where there is none."""
        self._known(key)
        return self.blobs.get(f"{self.place}/{key}", start, end)

    def size(self, key: str) -> int:
        """Bytes of a file, as the manifest knows; KeyError where there is none."""
        return self._known(key)[0]

    def digest(self, key: str) -> str:
        """SHA-256 of a file in hex, as for an ETag; KeyError where there is none."""
        return self._known(key)[1]

    def keys(self) -> list[str]:
        """All files of the release, without its manifest."""
        return list(self._files)

    def _known(self, key: str) -> tuple[int, str]:
        size, digest = self._files[key]
        return size, digest

    def _get(self, key: str, start: int, end: int | None) -> bytes:
        with self._there(key):
            return self.blobs.get(key, start, end)

    def _size(self, key: str) -> int:
        with self._there(key):
            return self.blobs.size(key)

    @contextmanager
    def _there(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            # What was never written holds nothing; what was written and is gone must not be read as nothing.
            if key.removeprefix(f"{self.place}/") in self._files:
                raise DataError(
                    f"'{self.id}' lacks {key}.", "A whole release.", "Ask again; see `landsink verify`."
                ) from error
            raise

    @cached_property
    def _files(self) -> Mapping[str, tuple[int, str]]:
        return json.loads(self.blobs.get(f"{self.place}/{MANIFEST}"))

    @cached_property
    def _land(self) -> np.ndarray:
        names = self.told["fields"]
        area, share = (
            _whole(self._open(f"series/{n}")) if n in names else None for n in ("areacella", "sftlf")
        )
        if area is None:
            area = np.repeat(cell_area(self.lat, self.lon)[:, None], len(self.lon), 1)
        found = np.nan_to_num(area * (share * self.told["share"] if share is not None else 1.0))
        found.flags.writeable = False
        return found

    def _box(self, times: slice, rows: slice, cols: slice) -> tuple[slice, slice, slice]:
        sizes = (len(self.time), len(self.lat), len(self.lon))
        t, r, c = (slice(*s.indices(n)[:2]) for s, n in zip((times, rows, cols), sizes, strict=True))
        if min(t.stop - t.start, r.stop - r.start, c.stop - c.start) <= 0:
            raise DataError("The box holds nothing.", "At least one step and one cell.")
        return t, r, c

    def _map(self, variable: str, level: int) -> Chunked:
        if not 0 <= level <= self.levels:
            raise KeyError(level)
        return self._array(f"map/{level}" if level else "map", variable)

    def _array(self, kind: str, variable: str) -> Chunked:
        key = f"{kind}/{variable}"
        if key not in self.arrays:
            known = [n for v in self.variables.values() for n in (v.name, v.sd) if n]
            if variable not in known:
                raise unknown(variable, known, f"the variables of '{self.id}' ({', '.join(self.variables)})")
        return self._open(key)

    def _open(self, key: str) -> Chunked:
        if key not in self.arrays:
            try:
                self.arrays[key] = Chunked.open(self._get, self._size, f"{self.place}/{key}")
            except FileNotFoundError:
                raise DataError(f"'{self.id}' lacks {key}.", "A whole release.", "Publish it anew.") from None
        return self.arrays[key]


def _whole(array: Chunked) -> np.ndarray:
    return array.read(*(slice(0, n) for n in array.shape))


def _nearest(value: float, centres: np.ndarray) -> int | None:
    # A place on the border of two cells belongs to the one that comes later on the axis.
    at = int(np.floor((value - centres[0]) / (centres[1] - centres[0]) + 0.5 + 1e-9))
    if at == len(centres) and abs(value - centres[-1]) <= abs(centres[1] - centres[0]) / 2 * (1 + 1e-6):
        at -= 1
    return at if 0 <= at < len(centres) else None
