"""What looks wrong in a tower's record: each check flags, says in plain words what it found, and deletes nothing
silently.

Every check is a function Dataset -> Dataset. Its verdict on variable `X` goes into `X_CHECK` (integers with CF
`flag_values` and `flag_meanings`; the first verdict on a value stays), its sentences into `ds.attrs["findings"]`.
Where a value is withdrawn, `X` becomes NaN there and the value as it came stays in `X_RAW`. A clock that is wrong is
stated, with the hours, and never moved unasked.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Bool, Float

from landsink.core.errors import DataError
from landsink.stations.flux import clock
from landsink.stations.flux.names import UNITS

VERDICTS: Mapping[str, int] = MappingProxyType(
    {
        "nothing_found": 0,
        "out_of_plausible_range": 1,
        "stuck": 2,
        "above_potential_radiation": 3,
        "humidity_disagrees": 4,
        "net_radiation_disagrees": 5,
    }
)

# Hours for which a value may stay the same to the last digit. Turbulence never repeats itself; weather does for
# a while, and soil, slower and written with few digits, for days. Rain, wind direction and damp air are left alone.
STUCK_HOURS: Mapping[str, float] = MappingProxyType(
    {
        **dict.fromkeys(("FC", "SC", "NEE", "H", "LE", "USTAR", "CO2", "WS"), 3.0),
        **dict.fromkeys(("SW_IN", "SW_OUT", "PPFD_IN", "NETRAD", "LW_IN", "LW_OUT"), 3.0),
        **dict.fromkeys(("TA", "VPD", "RH"), 12.0),
        "PA": 24.0,
        "G": 24.0,
        "TS": 72.0,
    }
)
SUNLIT = ("SW_IN", "SW_OUT", "PPFD_IN")  # darkness lasts, and is written as one number
TWIN_SHARE = 0.95  # of the hours hold one value twice: hourly data on a half-hourly axis
HUMIDITY_TOLERANCE = 5.0  # hPa: from here on gap filling takes two records for different weather
# Hours by which the brightest sun of a block may move by itself: mountains hide it of a morning, clouds after noon.
BY_ITSELF = 0.75
COARSEST = 8  # steps a day, fewer of which do not show the sun's path
# Net radiation against its components: what a good net radiometer is allowed (ISO 9060), and its offsets.
NET_OFFSET, NET_SHARE = 50.0, 0.1  # W m-2 and of the value


def note(ds: xr.Dataset, sentences: Iterable[str]) -> xr.Dataset:
    """The record with `sentences` added to what was found in it (`attrs["findings"]`, a list)."""
    return ds.assign_attrs(findings=[*ds.attrs.get("findings", []), *sentences])


def set_aside(ds: xr.Dataset, name: str, wrong: Bool[np.ndarray, " time"]) -> xr.Dataset:
    """The record with `name` NaN where `wrong`; `<name>_RAW` keeps the values as they first came."""
    if not wrong.any():
        return ds
    kept = {} if f"{name}_RAW" in ds else {f"{name}_RAW": _raw(ds[name], name)}
    return ds.assign(kept | {name: ds[name].where(xr.DataArray(~wrong, dims="time"))})


def _raw(values: xr.DataArray, name: str) -> xr.DataArray:
    return values.assign_attrs(values.attrs | {"long_name": f"{name} as it came, before any check"})


def judge(ds: xr.Dataset, name: str, wrong: Bool[np.ndarray, " time"], verdict: str) -> xr.Dataset:
    """The record with `verdict` in `<name>_CHECK` where `wrong` and where no earlier check had one."""
    known = f"{name}_CHECK"
    before = ds[known].values if known in ds else np.zeros(ds.sizes["time"], np.int8)
    codes = np.where(wrong & (before == 0), VERDICTS[verdict], before).astype(np.int8)
    attrs = {
        "long_name": f"what the checks found in {name}",
        "flag_values": np.array(list(VERDICTS.values()), np.int8),
        "flag_meanings": " ".join(VERDICTS),
    }
    return ds.assign({known: ("time", codes, attrs)})


def ranges(ds: xr.Dataset) -> xr.Dataset:
    """Values outside `names.UNITS` withdrawn, for each variable that the table knows; infinite ones too."""
    said = []
    for name in [n for n in UNITS if n in ds]:
        values, allowed = ds[name].values, UNITS[name]
        wrong = (values < allowed.low) | (values > allowed.high) | np.isinf(values)
        ds = judge(ds, name, wrong, "out_of_plausible_range")
        if wrong.any():
            ds = set_aside(ds, name, wrong)
            said.append(
                f"{name}: {wrong.sum()} values outside {allowed.low:g} … {allowed.high:g} {allowed.unit} were"
                f" withdrawn, the furthest being {_furthest(values[wrong], allowed.low, allowed.high):g}."
            )
            if wrong.sum() > 0.5 * np.isfinite(values).sum():
                said.append(f"{name}: most values lie outside its range: is the unit {allowed.unit}?")
    return note(ds, said)


def _furthest(values: np.ndarray, low: float, high: float) -> float:
    return float(values[np.argmax(np.maximum(low - values, values - high))])


def stuck(ds: xr.Dataset, hours: Mapping[str, float] = STUCK_HOURS) -> xr.Dataset:
    """Runs of one value, to the last digit, for longer than `hours` withdrawn, whole runs.

    Darkness (potential radiation below 20 W m-2; no light at all where the clock is wrong) is not judged for light, nor
    damp air (RH from 95 %, VPD up to 1 hPa) for humidity. Gaps end a run.
    """
    step = clock.step_seconds(ds) / 3600
    said = []
    for name in [n for n in hours if n in ds]:
        values = np.where(_may_rest(ds, name), np.nan, ds[name].values)
        wrong = runs(values) * step > hours[name]
        ds = judge(ds, name, wrong, "stuck")
        if wrong.any():
            ds = set_aside(ds, name, wrong)
            said.append(
                f"{name}: stuck at one value for more than {hours[name]:g} h, {_spells(wrong)}"
                f" ({wrong.sum()} values withdrawn)."
            )
    return note(ds, said)


def _may_rest(ds: xr.Dataset, name: str) -> Bool[np.ndarray, " time"]:
    """Where one value may rightly stay."""
    if name in SUNLIT:
        sun = _placed(ds) and ds.attrs.get("time_shift", 0.0) == 0.0
        return clock.potential_radiation(ds) < 20.0 if sun else ds[name].values <= 0
    if name == "RH":
        return ds[name].values >= 95.0
    if name == "VPD":
        return ds[name].values <= 1.0
    return np.zeros(ds.sizes["time"], bool)


def _placed(ds: xr.Dataset) -> bool:
    return all(np.isfinite(ds.attrs.get(n, np.nan)) for n in ("latitude", "longitude", "utc_offset"))


def runs(values: Float[np.ndarray, " time"]) -> np.ndarray:
    """For each value (time) the length, in steps, of the run of equal values in which it lies; 0 where missing."""
    starts = np.r_[True, values[1:] != values[:-1]]  # NaN differs from itself: each gap is a run of its own
    label = np.cumsum(starts) - 1
    return np.where(np.isfinite(values), np.bincount(label)[label], 0)


def _spells(wrong: Bool[np.ndarray, " time"]) -> str:
    count = int(wrong[0]) + int((wrong[1:] & ~wrong[:-1]).sum())
    return "once" if count == 1 else f"{count} times"


def twins(ds: xr.Dataset) -> xr.Dataset:
    """Says which variables of a half-hourly record hold every hourly value twice; `attrs["hourly"]` names them.

    Nothing is changed. Such a record holds half as many independent values as it seems, which uncertainties need to
    know.
    """
    if clock.step_seconds(ds) != 1800:
        return ds
    doubled = [n for n in UNITS if n in ds and _doubled(ds[n].values)]
    said = (
        [f"{', '.join(doubled)}: hourly values, each written twice on the half-hourly axis."]
        if doubled
        else []
    )
    return note(ds.assign_attrs(hourly=" ".join(doubled)), said)


def _doubled(values: Float[np.ndarray, " time"]) -> bool:
    """Within nearly all clock hours both halves are equal, while from one hour to the next they mostly differ."""
    first, second, following = values[:-2:2], values[1:-1:2], values[2::2]
    moved = np.isfinite(first) & np.isfinite(second) & np.isfinite(following) & (second != following)
    # Only hours that change into the next tell anything: nights without light and days without rain do not.
    return bool(moved.sum() >= 24 and (first[moved] == second[moved]).mean() >= TWIN_SHARE)


def radiation(ds: xr.Dataset, dark: float = 50.0, bright: float = 200.0, excess: float = 0.15) -> xr.Dataset:
    """Sunlight above what the sun can give withdrawn: more than `dark` [W m-2] below the horizon, or more than
    (1 + `excess`) of potential radiation where that is above `bright` [W m-2].

    Where `time_shift` has stated a wrong clock the flags are set, but nothing is withdrawn: the clock is at fault.
    """
    if "SW_IN" not in ds:
        return note(ds, ["SW_IN: not measured; it could not be held against potential radiation."])
    light, limit = ds["SW_IN"].values, clock.potential_radiation(ds)
    wrong = ((limit <= 0) & (light > dark)) | ((limit > bright) & (light > (1 + excess) * limit))
    ds = judge(ds, "SW_IN", wrong, "above_potential_radiation")
    if not wrong.any():
        return ds
    text = f"SW_IN: {wrong.sum()} values lie above what the sun can give at the clock's time"
    if ds.attrs.get("time_shift", 0.0) != 0.0:
        return note(ds, [f"{text}; they stay, since the clock itself seems wrong."])
    return note(set_aside(ds, "SW_IN", wrong), [f"{text}; they were withdrawn."])


def saturation(celsius: np.ndarray) -> np.ndarray:
    """Saturation vapour pressure over water [hPa] at `celsius` [degC] (any shape); Sonntag 1990's Magnus form."""
    return 6.112 * np.exp(17.62 * celsius / (243.12 + celsius))


def humidity(ds: xr.Dataset) -> xr.Dataset:
    """VPD held against RH and TA; where VPD is not there it is derived from them.

    Values more than 5 hPa apart are flagged in VPD and RH, and stay: which one is wrong cannot be told. A ratio of
    ten between them, the sign of a wrong unit, is stated.
    """
    if "RH" not in ds or "TA" not in ds:
        return ds
    expected = saturation(ds["TA"].values) * (1 - np.clip(ds["RH"].values, 0, 100) / 100)
    if "VPD" not in ds:
        attrs = {"units": "hPa", "long_name": "vapour pressure deficit from TA and RH"}
        return note(ds.assign(VPD=("time", expected, attrs)), ["VPD: not measured; derived from TA and RH."])
    apart = np.abs(ds["VPD"].values - expected)
    wrong = apart > HUMIDITY_TOLERANCE
    for name in ("VPD", "RH"):
        ds = judge(ds, name, wrong, "humidity_disagrees")
    said = (
        [f"VPD and RH: {wrong.sum()} values disagree by more than 5 hPa; they stay, flagged."]
        if wrong.any()
        else []
    )
    return note(ds, [*said, *_unit_of_vpd(ds["VPD"].values, expected)])


def _unit_of_vpd(vpd: np.ndarray, expected: np.ndarray) -> list[str]:
    """A sentence where VPD is about ten or a tenth of what RH and TA tell."""
    dry = np.isfinite(vpd) & (expected > 2.0)
    if dry.sum() < 48:
        return []
    ratio = float(np.median(vpd[dry] / expected[dry]))
    for factor, unit in ((0.1, "kPa"), (10.0, "tenths of hPa"), (100.0, "Pa")):
        if 0.8 < ratio / factor < 1.25:
            return [f"VPD: {ratio:.2g} times what TA and RH tell. Is it in {unit}? hPa is expected."]
    return []


def net_radiation(ds: xr.Dataset) -> xr.Dataset:
    """NETRAD held against SW_IN - SW_OUT + LW_IN - LW_OUT: flags where they differ by more than 50 W m-2 + 10 %.

    The median difference is stated. Nothing is withdrawn.
    """
    parts = ("NETRAD", "SW_IN", "SW_OUT", "LW_IN", "LW_OUT")
    if not all(part in ds for part in parts):
        return ds
    net, down, up, sky, ground = (ds[part].values for part in parts)
    gap = net - (down - up + sky - ground)
    if not np.isfinite(gap).any():
        return ds
    wrong = np.abs(gap) > NET_OFFSET + NET_SHARE * np.abs(net)
    share = wrong.sum() / np.isfinite(gap).sum()
    text = f"NETRAD: {np.nanmedian(gap):+.1f} W m-2 from the sum of its components (median)"
    return note(
        judge(ds, "NETRAD", wrong, "net_radiation_disagrees"),
        [f"{text}; {share:.1%} of values further apart than 50 W m-2 + 10 %."],
    )


def shifts(ds: xr.Dataset, days: int = 15) -> pd.DataFrame:
    """How far a record's clock is from the sun, a row for each block of `days`: start, hours, likeness.

    At each clock time the bright days of a block (their 90th percentile of SW_IN, so that clouds hardly count) are
    correlated with potential radiation moved by -12 … 12 h in quarters of an hour; `hours` is the shift of the best
    correlation, positive where light comes later by the clock than it should, `likeness` that correlation.
    Blocks in which the sun hardly changes over the day (polar night, a summer at the pole), which miss more than a
    third of the day, or whose best likeness is below 0.9 tell nothing: NaN. Steps longer
    than three hours give no row at all.
    """
    if "SW_IN" not in ds:
        raise DataError("The record has no SW_IN.", "Sunlight, to hold the clock against the sun.")
    steps = clock.per_day(ds)
    day = ((ds["time"].values - ds["time"].values[0].astype("datetime64[D]")) / clock.DAY).astype(int)
    hour = clock.hour(ds)
    slot = (hour * steps / 24).astype(int)
    begin = float(hour[0] % (24 / steps))  # where the steps do not begin on the hour
    rows = []
    for first in range(0, int(day[-1]) + 1, days) if steps >= COARSEST else ():
        within = slice(*np.searchsorted(day, (first, first + days)))
        if within.stop - within.start >= steps:
            by_day = np.full((days, steps), np.nan)
            by_day[day[within] - first, slot[within]] = ds["SW_IN"].values[within]
            middle = ds["time"].values[(within.start + within.stop) // 2].astype("datetime64[D]")
            rows.append((ds["time"].values[within.start], *_shift(by_day, begin, middle, ds.attrs)))
    return pd.DataFrame(rows, columns=["start", "hours", "likeness"])


def _shift(
    light: Float[np.ndarray, "day slot"], begin: float, middle: np.datetime64, place: dict
) -> tuple[float, float]:
    """(hours, likeness) of one block about the day `middle`; NaN where it cannot tell."""
    seen = np.isfinite(light).any(axis=0)
    if seen.mean() < 2 / 3:
        return np.nan, np.nan
    ranked = np.sort(light[:, seen], axis=0)  # missing days come last
    bright = ranked[np.rint(0.9 * (np.isfinite(ranked).sum(axis=0) - 1)).astype(int), np.arange(seen.sum())]
    tried = np.arange(-48, 49) / 4
    sun = _moved_sun(middle, light.shape[1], tried - begin, place)
    if np.ptp(sun[48]) < 100.0 or np.ptp(bright) < 20.0:
        return np.nan, np.nan
    moves = sun[:, seen] - sun[:, seen].mean(axis=1, keepdims=True)
    alike = (
        moves @ (bright - bright.mean()) / (np.linalg.norm(moves, axis=1) * bright.std() * bright.size**0.5)
    )
    best = int(np.argmax(alike))
    return (float(tried[best]), float(alike[best])) if alike[best] > 0.9 else (np.nan, float(alike[best]))


def _moved_sun(
    day: np.datetime64, steps: int, hours: Float[np.ndarray, " try"], place: dict
) -> Float[np.ndarray, "try slot"]:
    """Potential radiation [W m-2] of a day by clocks that are `hours` ahead of their zone."""
    fine = day.astype("datetime64[ns]") - np.timedelta64(12, "h") + np.arange(577) * np.timedelta64(300, "s")
    grid = xr.Dataset(coords={"time": fine}, attrs=place)
    sum_before = np.r_[0.0, np.cumsum(clock.potential_radiation(grid, 1))]
    width = max(1, round(288 / steps))
    # A day's sun returns nearly the same the day after, so the time asked for may be wrapped into the two days at hand.
    start = (np.arange(steps) * 288 / steps - hours[:, None] * 12).round().astype(int) % 288 + 144
    return (sum_before[start + width] - sum_before[start]) / width


def time_shift(ds: xr.Dataset, days: int = 15) -> xr.Dataset:
    """Holds the clock against the sun and states what is wrong; nothing is moved.

    `attrs["time_shift"]` [h] is the median shift over blocks (see `shifts`) where three quarters of them agree with
    it and it reaches one averaging interval (as when ends of intervals were taken for starts), else 0. Spells of two
    blocks or more that are off from the rest by three quarters of an hour or more (summer time, a reset logger) are
    stated with their dates.
    """
    if "SW_IN" not in ds or not _placed(ds):
        text = (
            "The clock could not be held against the sun: it needs SW_IN, latitude, longitude and utc_offset."
        )
        return note(ds, [text])
    table = shifts(ds, days).dropna()
    if table.empty:
        return note(ds, ["The clock could not be held against the sun: no block of days tells its shift."])
    middle = float(table["hours"].median())
    # A clock that is wrong throughout is wrong in most blocks alike; else each spell is held against the sun itself.
    rest = middle if (np.abs(table["hours"] - middle) < BY_ITSELF).mean() >= 0.75 else 0.0
    whole = rest if abs(rest) >= max(clock.step_seconds(ds) / 3600, 0.5) else 0.0
    said = [_clock_sentence(ds, whole)] if whole else []
    said += _odd_spells(table, (np.abs(table["hours"] - rest) >= BY_ITSELF).to_numpy(), days, rest)
    return note(ds.assign_attrs(time_shift=whole), said)


def _clock_sentence(ds: xr.Dataset, hours: float) -> str:
    way = "later" if hours > 0 else "earlier"
    zone = ds.attrs["utc_offset"] + hours
    return (
        f"Time: the sun comes {abs(hours):g} h {way} by this clock than it should at {ds.attrs['longitude']:.2f}°E and"
        f" UTC{ds.attrs['utc_offset']:+g}; is the clock UTC{zone:+g}, or were ends of intervals taken for starts?"
    )


def _odd_spells(table: pd.DataFrame, off: Bool[np.ndarray, " block"], days: int, rest: float) -> list[str]:
    """Sentences on runs of two or more blocks whose shift differs from the `rest`; a single block may be weather."""
    run = np.cumsum(np.r_[True, off[1:] != off[:-1]])
    said = []
    for _, spell in table[off].groupby(run[off]):
        if len(spell) >= 2:
            last = spell["start"].iloc[-1] + pd.Timedelta(days=days - 1)
            said.append(
                f"Time: from about {spell['start'].iloc[0]:%Y-%m-%d} to {last:%Y-%m-%d} the clock is"
                f" {spell['hours'].median():+g} h off the sun, unlike the rest ({rest:+g} h). Summer time?"
            )
    return said


def moved(ds: xr.Dataset, hours: float) -> xr.Dataset:
    """The record with its clock set back by `hours`: what `time_shift` stated, mended at the user's word."""
    back = ds.assign_coords(time=ds["time"] - np.timedelta64(round(hours * 3600), "s"))
    return note(
        back.assign_attrs(time_shift=0.0), [f"Time: the clock was set back by {hours:g} h, as asked."]
    )


# The clock first: darkness by a wrong clock looks like a dead sensor by day.
CHECKS = (ranges, twins, time_shift, stuck, radiation, humidity, net_radiation)


def checked(ds: xr.Dataset, checks: Sequence = CHECKS) -> xr.Dataset:
    """The record through every check in order."""
    for check in checks:
        ds = check(ds)
    return ds
