"""Errors of a trend and a season: residuals drawn again in blocks of time, and the whole fit done anew each time.

What is left over is taken from the trend and the mean season (the harmonics), not from the smooth curve: that follows
its own noise down to the short filter, so that residuals from it hold none of the slow noise which moves a trend.
Counting a year's odd season as noise errs on the careful side. Weather keeps a mole fraction high or low for days to
weeks, so single residuals are not independent; blocks keep their company (Künsch 1989, 10.1214/aos/1176347265).

The trend has still taken the slowest noise with it. Blocks of length L show at low frequency what residuals hold within
about 1/L of it, and of that band the long filter has emptied the share 2 A L, A being the area under it; residuals are
therefore widened by sqrt(1 / (1 - 2 A L)), and by sqrt(n / (n - p)) for the function's p coefficients.

In the drawn world the truth is known: trend and mean season. The spread of the members there, about their own mean,
is the error told here. It holds no bias: a filter of 667 days spreads a fast year over its neighbours, by design.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import gamma, log, sqrt
from typing import ClassVar

import numpy as np
import xarray as xr
from jaxtyping import Float

from landsink.core.errors import DataError
from landsink.stations.air.curve import Curve, Design, design, fit
from landsink.stations.air.growth import yearly
from landsink.stations.air.select import GOOD, gas_of

CHUNK = 20_000_000  # numbers that one lot of members may hold


@dataclass(frozen=True)
class Bootstrap:
    """`members` draws of residuals in blocks of `block` days from `seed`; `level` of the intervals told."""

    members: int = 200
    block: float = 90.0
    level: float = 0.9
    seed: int = 0

    Default: ClassVar["Bootstrap"]


Bootstrap.Default = Bootstrap()


def widening(made: Design, block: float) -> float:
    """What makes residuals as wide as the noise. Raises DataError where nothing is left over."""
    curve, n = made.curve, made.t.size
    area = gamma(1 + 1 / curve.steepness) / log(2) ** (1 / curve.steepness) / curve.long
    hidden = 2 * area * block
    p = curve.polynomial + 2 * curve.harmonics
    if hidden > 0.9 or n - p < 2:
        raise DataError(
            f"Blocks of {block:g} days and {n} observations leave no error to be told.",
            f"Blocks below {0.45 / area:.0f} days and more than {p + 1} observations.",
        )
    return sqrt(n / (n - p) / (1 - hidden))


def drawn(left: Float[np.ndarray, " n"], length: int, members: int, seed: int) -> Float[np.ndarray, "m n"]:
    """Residuals drawn again: blocks of `length` in their order, beginning anywhere, the end joined to the beginning."""
    random = np.random.default_rng(seed)
    blocks = -(-left.size // length)
    start = random.integers(0, left.size, (members, blocks, 1))
    index = (start + np.arange(length)) % left.size
    return left[index.reshape(members, -1)[:, : left.size]]


def intervals(name: str, estimate: np.ndarray, errors: np.ndarray, level: float, unit: str) -> dict:
    """`<name>`, `<name>_sd`, `<name>_low`, `<name>_high` (year) of an estimate and its errors (m, year)."""
    low, high = np.quantile(errors - errors.mean(axis=0), [(1 - level) / 2, (1 + level) / 2], axis=0)
    attrs = {"units": unit}
    share = f"end of the {100 * level:.0f} % interval"
    return {
        name: ("year", estimate, attrs),
        f"{name}_sd": ("year", errors.std(axis=0, ddof=1), attrs),
        f"{name}_low": ("year", estimate - high, {**attrs, "long_name": f"lower {share}"}),
        f"{name}_high": ("year", estimate - low, {**attrs, "long_name": f"upper {share}"}),
    }


def fit_with_errors(
    ds: xr.Dataset,
    gas: str | None = None,
    curve: Curve = Curve.Ccgcrv,
    draws: Bootstrap = Bootstrap.Default,
    accept: Sequence[str] = GOOD,
) -> xr.Dataset:
    """`curve.fit` with errors, and each whole year's growth and amplitude.

    Adds on `time`: `trend_sd`, `season_sd`, `smooth_sd`; on `year`: `growth_rate` (trend, 1 January to 1 January),
    `amplitude` (highest less lowest season) with `_sd`, `_low`, `_high`, and `longest_gap` [d]; NaN in years that a
    gap hides (`unknown_years`). What is told is the noise's share: a record of two or three years cannot part a slow
    turn of the trend from one odd season, and no draw of its residuals shows that. Raises DataError where the record
    cannot bear the fit.
    """
    gas = gas or gas_of(ds)
    out = fit(ds, gas, curve, accept)
    made, y = design(ds, gas, curve, accept)
    world = mean_world(made, y)
    seen = made.at_observations(world["smooth"])
    left = (y - seen)[0] * widening(made, draws.block)
    length = max(1, round(draws.block / float(np.median(np.diff(made.t)))))
    noise = drawn(left - left.mean(), min(length, left.size), draws.members, draws.seed)
    spread, growth, swing = errors_of(made, seen + noise, world)
    years, rate, amplitude = yearly(made.axis, out["trend"].values[None], out["season"].values[None])
    unit = ds[gas].attrs.get("units", "")
    added = {f"{k}_sd": ("time", v, {"units": unit}) for k, v in spread.items()}
    if years.size:
        bridged, unseen = unknown_years(out, years, curve)
        rate, growth = (np.where(bridged, np.nan, x) for x in (rate[0], growth))
        amplitude, swing = (np.where(unseen, np.nan, x) for x in (amplitude[0], swing))
        added |= intervals("growth_rate", rate, growth, draws.level, f"{unit} yr-1")
        added |= intervals("amplitude", amplitude, swing, draws.level, unit)
        worst = out["gap"].groupby("time.year").max()
        added["longest_gap"] = ("year", worst.sel(year=years).values, {"units": "d"})
    return out.assign(added).assign_coords(year=years).assign_attrs(bootstrap=str(draws))


def mean_world(made: Design, y: Float[np.ndarray, "1 n"]) -> dict[str, Float[np.ndarray, "1 days"]]:
    """The world that the draws are made in: the fitted trend, and the harmonics alone as its season."""
    found, first = made.fit(y), made.curve.polynomial
    waves = made.at_axis[:, first:] @ found["coefficients"][0, first:]
    return {"trend": found["trend"], "season": waves[None], "smooth": found["trend"] + waves}


def unknown_years(out: xr.Dataset, years: np.ndarray, curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """(growth, amplitude) that a gap hides (year): a 1 January lies in a gap longer than half the long filter, so that
    the trend there is a bridge; a gap in the year is longer than the short filter, so that the season is guessed."""
    gap = out["gap"]
    ends = [gap.sel(time=[f"{y}-01-01" for y in years + shift]).values for shift in (0, 1)]
    longest = gap.groupby("time.year").max().sel(year=years).values
    return np.maximum(*ends) > curve.long / 2, longest > curve.short


def errors_of(
    made: Design, values: Float[np.ndarray, "m n"], world: dict[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Standard errors (time) of trend, season and smooth; errors (m, year) of growth and amplitude, all members."""
    names = ("trend", "season", "smooth")
    square = {n: np.zeros(made.axis.size) for n in names}
    growth, swing = [], []
    _, true_growth, true_swing = yearly(made.axis, world["trend"], world["season"])
    lot = max(1, CHUNK // (8 * (made.axis.size + made.t.size)))
    for some in np.array_split(values, -(-values.shape[0] // lot)):
        found = made.fit(some)
        for n in names:
            square[n] += ((found[n] - world[n]) ** 2).sum(0)
        _, rate, amplitude = yearly(made.axis, found["trend"], found["season"])
        growth.append(rate - true_growth)
        swing.append(amplitude - true_swing)
    spread = {n: np.sqrt(square[n] / values.shape[0]) for n in names}
    return spread, np.concatenate(growth), np.concatenate(swing)
