"""Years of a record, as they are or drawn anew: what both threshold methods share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from landsink.core.errors import DataError
from landsink.stations.flux import clock
from landsink.stations.flux.gaps import measured

NIGHT_BELOW = 10.0  # W m-2 of incoming shortwave
LIGHT_PER_WATT = 2.24  # umol of photons a joule of sunlight, where only PPFD_IN is measured


@dataclass(frozen=True)
class Year:
    """One year's records (n): fluxes and drivers, the season of each, its time, and the steps of a day."""

    nee: Float[np.ndarray, " n"]
    ta: Float[np.ndarray, " n"]
    ustar: Float[np.ndarray, " n"]
    radiation: Float[np.ndarray, " n"]
    season: Int[np.ndarray, " n"]
    time: np.ndarray
    per_day: int

    def night(self, below: float) -> np.ndarray:
        """True (n) where NEE, TA and u* are there and it is darker than `below` [W m-2]."""
        return np.isfinite(self.nee + self.ta + self.ustar) & (self.radiation < below)


class Method(Protocol):
    """A way to a threshold: MovingPoint or ChangePoint. `needs` says what a year must have for it."""

    needs: str

    def label(self, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(year that a record counts for, season) of each time (n)."""
        ...

    def strata(self, season: np.ndarray) -> np.ndarray:
        """Groups (n) whose size a bootstrap keeps."""
        ...

    def evaluate(self, year: Year, drawn: np.ndarray) -> xr.Dataset:
        """Thresholds (draw) of one year from records `drawn` (draw, n)."""
        ...


Draw = Callable[[np.ndarray], np.ndarray]


def as_they_are(strata: np.ndarray) -> np.ndarray:
    """Each record once: one draw (1, n)."""
    return np.arange(strata.size, dtype=np.int64)[None]


def radiation(ds: xr.Dataset) -> Float[np.ndarray, " time"]:
    """Incoming shortwave [W m-2], from photons where it is not measured. Raises DataError where neither is."""
    known = np.full(ds.sizes["time"], np.nan)
    for name, scale in (("SW_IN", 1.0), ("PPFD_IN", 1 / LIGHT_PER_WATT)):
        if name in ds:
            known = np.where(np.isfinite(known), known, ds[name].values * scale)
    if not np.isfinite(known).any():
        raise DataError(
            "The record has no SW_IN and no PPFD_IN.",
            "One of them: a u* threshold is sought at night.",
            "Add potential radiation as SW_IN if nothing is measured.",
        )
    return known


def drivers(ds: xr.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(NEE, TA, USTAR) as measured, each (time). Raises DataError where one is absent or empty."""
    found = []
    for name in ("NEE", "TA", "USTAR"):
        found.append(measured(ds, name).values.astype(float) if name in ds else np.empty(0))
        if not np.isfinite(found[-1]).any():
            raise DataError(
                f"{name} {'has no measured value' if name in ds else 'is absent'}.",
                "A u* threshold needs NEE, TA and USTAR.",
                "Skip the u* filter for this record, and say so.",
            )
    return found[0], found[1], found[2]


def years(ds: xr.Dataset, method: Method, draw: Draw) -> xr.Dataset:
    """`method` on each year of `ds`, its records chosen by `draw`, joined on `year`. Raises DataError."""
    nee, ta, ustar = drivers(ds)
    light = radiation(ds)
    if not (light < NIGHT_BELOW).any():
        raise DataError(
            f"The record has no night: its darkest record has {np.nanmin(light):.0f} W m-2.",
            f"Records with less than {NIGHT_BELOW:.0f} W m-2, where NEE is respiration alone.",
            "A record of an Arctic summer gives no u* threshold; take one of the site's other seasons.",
        )
    if not (np.isfinite(nee + ta + ustar) & (light < NIGHT_BELOW)).any():
        raise DataError("No record of the night has NEE, TA and USTAR together.", "Some hundreds of them.")
    label, season = method.label(ds["time"].values)
    per_day = clock.per_day(ds)
    found: list[xr.Dataset] = []
    for y in np.unique(label):
        rows = np.flatnonzero(label == y)
        time = ds["time"].values[rows]
        year = Year(nee[rows], ta[rows], ustar[rows], light[rows], season[rows], time, per_day)
        found.append(method.evaluate(year, draw(method.strata(season[rows]))).expand_dims(year=[int(y)]))
    result = xr.concat(found, "year")
    if not np.isfinite(result["USTAR_THRESHOLD"].values).any():
        said = " ".join(
            f"{y}: {s}" for y, s in zip(result["year"].values, result["STATEMENT"].values, strict=True)
        )
        raise DataError(
            f"No year gives a u* threshold. {said}",
            f"{method.needs}.",
            "Take a longer record, or a threshold known from other years.",
        )
    for name in ("USTAR_THRESHOLD", "USTAR_THRESHOLD_SEASON", "USTAR_THRESHOLD_CLASS"):
        if name in result:
            result[name].attrs = {"units": "m s-1", "long_name": "threshold of friction velocity"}
    return result


def bootstrapped(ds: xr.Dataset, method: Method, draws: int = 100, seed: int = 0) -> xr.Dataset:
    """Thresholds of u* [m s-1] of `draws` bootstraps of each year of `ds`, by `method`.

    The records of a year, missing ones too, are drawn with replacement as often as there are; a record keeps its
    season, so that seasons vary in size unless the method keeps it.

    Gives USTAR_THRESHOLD (year, draw), NaN where a draw found none, beside what the method says of its seasons, and
    STATEMENT (year). Raises DataError as `moving_point` and `change_point` do.
    """
    rng = np.random.default_rng(seed)

    def draw(strata: np.ndarray) -> np.ndarray:
        chosen = np.empty((draws, strata.size), np.int64)
        for s in np.unique(strata):
            members = np.flatnonzero(strata == s)
            chosen[:, members] = members[rng.integers(0, members.size, (draws, members.size))]
        return chosen

    result = years(ds, method, draw)
    result.attrs = {"draws": draws, "seed": seed, "method": str(method)}
    return result


PERCENTILES = np.sort(
    np.append(np.arange(1.25, 100, 2.5), 50.0)
)  # 40 equal slices of the distribution, and its middle


def nearest_rank(values: np.ndarray, percentiles: np.ndarray) -> Float[np.ndarray, " percentile"]:
    """The member of `values` (n, NaN left out) nearest in rank to each of `percentiles`; NaN where none is left."""
    ranked = np.sort(values[np.isfinite(values)])
    if not ranked.size:
        return np.full(percentiles.size, np.nan)
    rank = np.floor(percentiles / 100 * ranked.size + 0.5).astype(int) - 1
    return ranked[np.clip(rank, 0, ranked.size - 1)]


def pooled(*thresholds: xr.Dataset, percentiles: np.ndarray = PERCENTILES) -> xr.Dataset:
    """Percentiles of u* thresholds [m s-1] over draws, and over methods where more than one is given.

    thresholds: what `bootstrapped` gave, each with USTAR_THRESHOLD (year, draw).

    Gives VUT (percentile, year), a threshold that varies from year to year, from the draws of a year and its two
    neighbours; CUT (percentile), one for all years, from all draws, where there are more than two years; and
    DRAWS (year), the draws behind VUT. Raises DataError where no draw of any year gave a threshold.
    Source: Pastorello et al. 2020, 10.1038/s41597-020-0534-3.
    """
    every = sorted({int(y) for t in thresholds for y in t["year"].values})
    of: dict[int, list[np.ndarray]] = {y: [] for y in every}
    for t in thresholds:
        for y in t["year"].values:
            of[int(y)].append(np.atleast_1d(t["USTAR_THRESHOLD"].sel(year=y).values))
    drawn = {y: np.concatenate(parts) for y, parts in of.items()}
    if not thresholds or not any(np.isfinite(d).any() for d in drawn.values()):
        raise DataError("No u* threshold to pool.", "Some draws with a threshold.")
    around = [np.concatenate([drawn[n] for n in (y - 1, y, y + 1) if n in drawn]) for y in every]
    attrs = {"units": "m s-1", "long_name": "threshold of friction velocity"}
    varying = np.stack([nearest_rank(a, percentiles) for a in around], axis=1)
    result = xr.Dataset(
        {
            "VUT": (("percentile", "year"), varying, attrs),
            "DRAWS": ("year", [int(np.isfinite(a).sum()) for a in around]),
        },
        coords={"percentile": percentiles, "year": every},
    )
    if len(every) > 2:
        constant = nearest_rank(np.concatenate(list(drawn.values())), percentiles)
        result["CUT"] = ("percentile", constant, attrs)
    return result
