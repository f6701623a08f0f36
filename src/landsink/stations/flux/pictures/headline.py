"""The year in numbers, each with its uncertainty, unit and sign."""

from typing import NamedTuple

import numpy as np

from landsink.stations.flux.aggregate import GRAMS_PER_DAY
from landsink.stations.flux.pictures import energy, turbulence
from landsink.stations.flux.pictures.look import minus, percent
from landsink.stations.flux.pictures.stationyear import StationYear

UNIT = "gC m⁻² yr⁻¹"


class Number(NamedTuple):
    """A name, a value, its unit with the sign's meaning, and a line on where it comes from."""

    name: str
    value: str
    unit: str
    says: str


def headlines(at: StationYear) -> list[Number]:
    """Annual NEE, GPP and RECO, coverage, threshold, closure."""
    parts = [_partitioned(at, flux, method) for flux in ("GPP", "RECO") for method in ("NT", "DT")]
    return [_nee(at), *[p for p in parts if p is not None], _coverage(at), _threshold(at), _closure(at)]


def _unit(at: StationYear) -> str:
    days = at.time.size / at.steps
    return UNIT if days >= at.days_of_year - 1 else f"gC m⁻² in {days:.0f} days"


def _hole(values: np.ndarray) -> str:
    share = np.mean(~np.isfinite(values))
    return f" {share:.1%} of steps have none and count as the mean of the rest." if share else ""


def random_sum(at: StationYear) -> float:
    """Random uncertainty of the sum [gC m-2], one standard deviation; NaN where it is not known."""
    if at.random is None:
        return np.nan
    known = np.isfinite(at.random)
    # Steps of unknown chance are taken to be as uncertain as the rest.
    whole = np.sqrt(np.mean(at.random[known] ** 2) * at.time.size)
    return float(whole * GRAMS_PER_DAY / at.steps)


def _of_year(at: StationYear, name: str, values: np.ndarray) -> tuple[float, str]:
    """The yearly product, else the sum of the steps at hand; and a word where the two are not one."""
    product, own = at.yearly(name), float(at.sum(values))
    if not np.isfinite(product):
        # The products' own rule: no sum of less than half.
        return (own if np.isfinite(values).mean() > 0.5 else np.nan), _hole(values)
    apart = "" if abs(product - own) < 1 else f" The half-hours' own reference version sums to {own:.0f}."
    return product, apart


def _nee(at: StationYear) -> Number:
    sign = f"{_unit(at)}, + to the air"
    if at.filled is None or at.filled_name is None:
        return Number("NEE", "unknown", "", "NEE was not filled; the steps below say why.")
    chance, ends = random_sum(at), turbulence.spread(at)
    system = (ends[1] - ends[0]) / 2 if ends else np.nan
    both = np.sqrt(np.nansum([chance**2, system**2]))
    parts = (("chance", chance), ("u* threshold", system))
    known = [f"{text} ± {value:.0f}" for text, value in parts if np.isfinite(value)]
    said = f"One standard deviation: {', '.join(known)}." if known else "Its uncertainty is not known."
    wide = turbulence.spread(at, shares=(5, 95))
    said += f" 5th to 95th percentile over u* thresholds: {wide[0]:.0f} to {wide[1]:.0f}." if wide else ""
    value, apart = _of_year(at, at.filled_name, at.filled)
    if not np.isfinite(value):
        return Number("NEE", "unknown", "", f"Too little for a sum:{apart}")
    plus = f" ± {both:.0f}" if known else ""
    return Number("NEE", minus(f"{value:.0f}{plus}"), sign, minus(f"{at.filled_name}. {said}{apart}"))


def _partitioned(at: StationYear, flux: str, method: str) -> Number | None:
    values = at.partitioned(flux, method)
    if values is None:
        return None
    way = "+ into the land" if flux == "GPP" else "+ to the air"
    text = {"NT": "Night-time", "DT": "Day-time"}[method]
    ends = turbulence.spread(at, f"{flux}_{method}_VUT")
    spread = " ± is half of its 16th to 84th percentile over u* thresholds." if ends else ""
    plus = f" ± {(ends[1] - ends[0]) / 2:.0f}" if ends else ""
    value, apart = _of_year(at, f"{flux}_{method}_VUT_REF", values)
    if not np.isfinite(value):
        return None
    return Number(
        f"{flux}, {text.lower()} method",
        f"{value:.0f}{plus}",
        f"{_unit(at)}, {way}",
        f"{spread}{apart}".strip(),
    )


def _coverage(at: StationYear) -> Number:
    came = at.get("NEE_RAW") if at.get("NEE_RAW") is not None else at.measured("NEE")
    if came is None:
        return Number("Coverage of NEE", "0 %", "", "No NEE was measured.")
    share = np.isfinite(came).mean()
    if at.quality is None:
        return Number("Coverage of NEE", percent(share), "measured", "Nothing was filled.")
    classes = np.where(np.isfinite(at.filled), at.quality, 4)
    words = ("kept as measured", "filled well", "filled fairly", "filled poorly", "missing")
    parts = [f"{w} {percent((classes == c).mean())}" for c, w in enumerate(words) if (classes == c).any()]
    return Number("Coverage of NEE", percent(share), "measured", f"Of all steps: {', '.join(parts)}.")


def _threshold(at: StationYear) -> Number:
    values = turbulence.percentiles(at)
    if at.measured("USTAR") is None:
        return Number("u* threshold", "none", "", turbulence.NONE)
    if values is None:
        return Number("u* threshold", "none", "", f"None was found for {at.year}; NEE is not filtered.")
    low, middle, high = (turbulence.at_share(values, share) for share in (5, 50, 95))
    return Number(
        "u* threshold", f"{middle:.2f}", "m s⁻¹, median", f"5th to 95th percentile {low:.2f} to {high:.2f}."
    )


def _closure(at: StationYear) -> Number:
    found = energy.balance(at)
    if isinstance(found, str):
        return Number("Energy closure", "unknown", "", found)
    says = f"H + LE on NETRAD − G, r² {found['r2']:.2f}; ratio of sums {found['ratio']:.2f}."
    return Number("Energy closure", f"{found['slope']:.2f}", "slope", says)
