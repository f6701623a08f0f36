"""Means over regions by member, summed once when a release is published."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from .grid import Gridded

AT_ONCE = 16_000_000  # numbers of one variable that are held together


@dataclass(frozen=True)
class Means:
    """One variable over all regions: members (region, time, member), sd and area (region, time)."""

    members: np.ndarray
    sd: np.ndarray
    area: np.ndarray


class Weights:
    """The land of every region in every cell; regions without land in the grid are left out."""

    def __init__(self, regions: Mapping[str, tuple[np.ndarray, np.ndarray, float]], land: np.ndarray) -> None:
        flat = land.ravel()
        rows = {name: (cells, share * flat[cells]) for name, (cells, share, _) in sorted(regions.items())}
        self.rows = {name: (c[w > 0], w[w > 0]) for name, (c, w) in rows.items() if (w > 0).any()}
        self.names = list(self.rows)
        self.cells = np.array([len(c) for c, _ in self.rows.values()], np.int32)
        self.inside = np.array([regions[name][2] for name in self.rows])
        self.land = np.array([w.sum() for _, w in self.rows.values()])

    def summed(self, values: np.ndarray) -> np.ndarray:
        """(…, lat, lon) without NaN -> (region, …), weighted by land."""
        flat = values.reshape(-1, values.shape[-2] * values.shape[-1])
        found = [flat[:, cells].astype(float) @ weight for cells, weight in self.rows.values()]
        return np.stack(found).reshape(len(self.rows), *values.shape[:-2])


def means(grid: Gridded, name: str, weights: Weights) -> Means:
    """The regional means of one variable; those of its members where it keeps them, else of the mean alone."""
    parts = [_part(grid, name, weights, times) for times in _portions(grid, name)]
    return Means(*(np.concatenate(column, 1) for column in zip(*parts, strict=True)))


def _part(
    grid: Gridded, name: str, weights: Weights, times: slice
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    mean = _values(grid, name, times)
    valid = np.isfinite(mean)
    area = weights.summed(valid)
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.full_like(area, np.nan)
        if name in grid.sd:
            sd = weights.summed(np.where(valid, _values(grid, grid.sd[name], times), 0.0)) / area
        if name in grid.members:
            each = (
                grid.ds[grid.members[name]]
                .isel(time=times)
                .transpose("time", "member", "lat", "lon")
                .to_numpy()
            )
            members = weights.summed(np.where(valid[:, None], each, 0.0)) / area[:, :, None]
        else:
            members = (weights.summed(np.where(valid, mean, 0.0)) / area)[:, :, None]
    return members, sd, area


def _values(grid: Gridded, name: str, times: slice) -> np.ndarray:
    return grid.ds[name].isel(time=times).transpose("time", "lat", "lon").to_numpy()


def _portions(grid: Gridded, name: str) -> Iterator[slice]:
    sizes = grid.ds.sizes
    each = sizes["lat"] * sizes["lon"] * (sizes["member"] if name in grid.members else 1)
    step = max(1, AT_ONCE // each)
    for start in range(0, sizes["time"], step):
        yield slice(start, min(start + step, sizes["time"]))
