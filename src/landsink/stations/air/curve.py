"""Trend and season of a mole fraction: a function fitted to all, and filters of what it leaves over.

The method of Thoning, Tans & Komhyr 1989 (10.1029/JD094iD06p08549), known as CCGCRV, written from the paper:

1. f(t) = a_0 + a_1 t + a_2 t² + Σ_k [s_k sin 2πkt + c_k cos 2πkt], k = 1 … 4, by least squares.
2. The residuals, put on a daily axis by linear interpolation over gaps, are filtered in the frequency domain with
   h(ν) = exp[-ln 2 (ν/ν_c)^6]: half of the amplitude passes at ν_c = 1/80 d (short) and at 1/667 d (long).
3. trend = polynomial + long-filtered residuals;  smooth = f + short-filtered residuals;  season = smooth - trend.

Beyond both ends, and before filtering, the line between the ends' means is taken off and zeros are set on.
Errors are drawn in `bootstrap.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
import xarray as xr
from jaxtyping import Float
from scipy.fft import irfft, next_fast_len, rfft

from landsink.core.errors import DataError
from landsink.stations.air.select import GOOD, gas_of, sound

YEAR = 365.2425  # days
SHORT = "a record below three years cannot part a turn of its trend from one odd season; compare Curve(polynomial=2)"


@dataclass(frozen=True)
class Curve:
    """What is fitted. `polynomial`: terms of the trend (3: quadratic); `harmonics` of a year; `short` and `long`: the
    filters' half-amplitude periods [d]; `steepness`: power of the frequency in the filter's exponent."""

    polynomial: int = 3
    harmonics: int = 4
    short: float = 80.0
    long: float = 667.0
    steepness: int = 6

    Ccgcrv: ClassVar["Curve"]


Curve.Ccgcrv = Curve()


def middle(ds: xr.Dataset) -> Float[np.ndarray, " time"]:
    """The middle of each interval (or the moment of each sample) in days since 1970-01-01 UTC."""
    time = ds["time"].values.astype("datetime64[ns]")
    interval = ds.attrs.get("interval", "")
    start = time.astype("int64") / 86400e9
    if interval in ("P1M", "P1Y"):
        step = "M" if interval == "P1M" else "Y"
        end = (time.astype(f"datetime64[{step}]") + 1).astype("datetime64[ns]").astype("int64") / 86400e9
        return (start + end) / 2
    lengths = {"": 0.0, "PT1H": 1 / 24, "PT1M": 1 / 1440, "P1D": 1.0}
    if interval not in lengths:
        raise DataError(
            f"The record's interval is '{interval}'.", f"One of {', '.join([*lengths, 'P1M', 'P1Y'])}."
        )
    return start + lengths[interval] / 2


def basis(t: Float[np.ndarray, " n"], curve: Curve, origin: float) -> Float[np.ndarray, "n p"]:
    """Columns of the function at days `t`: powers of (t - origin) in years, then sines and cosines of the year."""
    years = (t - origin) / YEAR
    powers = [years**k for k in range(curve.polynomial)]
    phase = [2 * np.pi * k * t / YEAR for k in range(1, curve.harmonics + 1)]
    return np.column_stack([*powers, *(wave(p) for p in phase for wave in (np.sin, np.cos))])


def lowpass(
    x: Float[np.ndarray, "m days"], period: float, steepness: int, reach: int
) -> Float[np.ndarray, "m days"]:
    """Rows filtered at `period` [d]. What lies beyond both ends is the line through the ends' means (over half a
    period), continued flat for `reach` days."""
    pad = min(reach, x.shape[1] - 1)
    edge = max(1, min(int(period / 2), x.shape[1] // 2))
    first, last = x[:, :edge].mean(1, keepdims=True), x[:, -edge:].mean(1, keepdims=True)
    ramp = np.linspace(0.0, 1.0, x.shape[1])
    line = first + (last - first) * ramp
    size = cast(int, next_fast_len(x.shape[1] + 2 * pad, real=True))
    flat = np.pad(x - line, ((0, 0), (pad, size - pad - x.shape[1])))
    frequency = np.fft.rfftfreq(size)
    passed = np.exp(-np.log(2.0) * (frequency * period) ** steepness)
    filtered = np.asarray(irfft(np.asarray(rfft(flat)) * passed, size))
    return filtered[:, pad : pad + x.shape[1]] + line


@dataclass(frozen=True)
class Design:
    """The parts of a fit that do not depend on the values: days of the observations and of the axis, and the bases."""

    curve: Curve
    t: np.ndarray
    axis: np.ndarray
    at_t: np.ndarray
    at_axis: np.ndarray

    @classmethod
    def of(cls, t: np.ndarray, curve: Curve) -> "Design":
        """From the observations' days `t` (n), ascending."""
        axis = np.arange(np.floor(t[0]), np.ceil(t[-1]) + 1)
        origin = float(t.mean())
        return cls(curve, t, axis, basis(t, curve, origin), basis(axis, curve, origin))

    def fit(self, y: Float[np.ndarray, "m n"]) -> dict[str, Float[np.ndarray, "m days"]]:
        """trend, season and smooth curve of each row, and the coefficients (m, p)."""
        curve = self.curve
        solved = np.linalg.lstsq(self.at_t, y.T, rcond=None)[0]
        over = y - (self.at_t @ solved).T
        daily = interpolate(self.axis, self.t, over)
        reach = int(2 * curve.long)
        long = lowpass(daily, curve.long, curve.steepness, reach)
        short = lowpass(daily, curve.short, curve.steepness, reach)
        trend = (self.at_axis[:, : curve.polynomial] @ solved[: curve.polynomial]).T + long
        smooth = (self.at_axis @ solved).T + short
        return {"trend": trend, "season": smooth - trend, "smooth": smooth, "coefficients": solved.T}

    def at_observations(self, daily: Float[np.ndarray, "m days"]) -> Float[np.ndarray, "m n"]:
        """Rows on the daily axis, read at the observations."""
        return interpolate(self.t, self.axis, daily)


def interpolate(x: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Rows of `values` (m, k) at `known` (k, ascending), read linearly at `x`; flat beyond the ends."""
    right = np.clip(np.searchsorted(known, x), 1, known.size - 1)
    span = known[right] - known[right - 1]
    share = np.clip((x - known[right - 1]) / np.where(span > 0, span, 1.0), 0.0, 1.0)
    return values[:, right - 1] * (1 - share) + values[:, right] * share


def observations(
    ds: xr.Dataset, gas: str, accept: Sequence[str] = GOOD
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Days and values of the sound observations; those within one day are averaged."""
    use = sound(ds, gas, accept)
    t, y = middle(ds)[use], ds[gas].values[use].astype(float)
    day, group = np.unique(np.floor(t), return_inverse=True)
    n = np.bincount(group, minlength=day.size)
    return np.bincount(group, t, day.size) / n, np.bincount(group, y, day.size) / n


def design(ds: xr.Dataset, gas: str, curve: Curve, accept: Sequence[str] = GOOD) -> tuple[Design, np.ndarray]:
    """The fit's fixed parts and its values (1, n). Raises DataError where the record is short or misses seasons."""
    t, y = observations(ds, gas, accept)
    free = curve.polynomial + 2 * curve.harmonics
    if t.size < 2 * free or t[-1] - t[0] < curve.long:
        days = t[-1] - t[0] if t.size else 0.0
        raise DataError(
            f"The record has {t.size} days with sound values of {gas} within {days:.0f} days.",
            f"At least {2 * free}, spread over {curve.long:.0f} days, for a trend and a season.",
            "Fit fewer harmonics, or wait for more data.",
        )
    made = Design.of(t, curve)
    if np.linalg.cond(made.at_t / np.abs(made.at_t).max(0)) > 1e4:
        raise DataError(
            f"The observations of {gas} do not tell the season from the trend (whole seasons are missing).",
            "Values in all seasons.",
            "Fit fewer harmonics.",
        )
    return made, y[None]


def gap(made: Design) -> np.ndarray:
    """Length [d] (days of the axis) of the stretch without observations in which each day lies."""
    right = np.clip(np.searchsorted(made.t, made.axis), 1, made.t.size - 1)
    return made.t[right] - made.t[right - 1]


def dates(axis: np.ndarray) -> np.ndarray:
    """Days since 1970 as datetime64[ns]."""
    return axis.astype(int).astype("datetime64[D]").astype("datetime64[ns]")


def fit(
    ds: xr.Dataset, gas: str | None = None, curve: Curve = Curve.Ccgcrv, accept: Sequence[str] = GOOD
) -> xr.Dataset:
    """Trend, season and smooth curve of a record on a daily axis.

    ds: an air record of any interval, gaps allowed (see sources.air). Returns a Dataset on `time` (days, at 0 h UTC):
    `trend`, `season`, `smooth` [the gas's unit], `growth` [that per year], `gap` [d], the length of the stretch
    without observations around each day: inside a gap longer than the short filter the curve is only a bridge. The
    record's attributes and scale go along. Raises DataError where the record cannot bear the fit.
    """
    gas = gas or gas_of(ds)
    made, y = design(ds, gas, curve, accept)
    found = made.fit(y)
    unit = ds[gas].attrs.get("units", "")
    variables = {
        name: ("time", found[name][0], {"units": unit, "long_name": f"{name} of {gas}"})
        for name in ("trend", "season", "smooth")
    }
    variables["growth"] = (
        "time",
        np.gradient(found["trend"][0]) * YEAR,
        {"units": f"{unit} yr-1", "long_name": f"slope of the trend of {gas}"},
    )
    variables["gap"] = (
        "time",
        gap(made),
        {"units": "d", "long_name": "length of the gap between observations"},
    )
    left = y[0] - made.at_observations(found["smooth"])[0]
    out = xr.Dataset(variables, coords={"time": dates(made.axis)}, attrs=dict(ds.attrs))
    out.attrs |= {
        "gas": gas,
        "interval": "",
        "time_stamp": "moment",
        "curve": str(curve),
        "observations": int(y.size),
        "caution": SHORT if made.t[-1] - made.t[0] < 3 * YEAR else "",
        "residual_sd": float(left.std(ddof=1)),
        "calibration_scale": ds[gas].attrs.get(
            "calibration_scale", ds.attrs.get("calibration_scale", "not stated")
        ),
        "method": "Thoning et al. 1989, 10.1029/JD094iD06p08549",
    }
    return out
