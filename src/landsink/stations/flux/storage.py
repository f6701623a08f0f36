"""Storage: what enters or leaves the air below the sensor between the start and the end of an interval; NEE = FC +
SC.

From a profile: SC = rho_d sum_k dz_k (c_k(end) - c_k(start)) / (end - start), with c_k the dry mole fraction at level
k, dz_k the layer that it stands for and rho_d the molar density of dry air. One analyser visits the levels in turn,
so c_k at an instant is the mean of the last seconds of the visit nearest to it, when the tube has been flushed: the
ICOS standard for sequential sampling (Montagnani et al. 2018, doi:10.1515/intag-2017-0037; 15 s at most, 5 s at
least).

From one point: SC = (c_i - c_{i-1}) / dt h / V, with V = R T / P the molar volume of air and h the height of the
sensor. That stands for the column only where the air below is well mixed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float, Int

from landsink.core.errors import DataError
from landsink.stations.flux import checks, clock

GAS = 8.314462618  # J mol-1 K-1
FREEZING = 273.15
LOW, HIGH = -80.0, 50.0  # NEE beyond these is rejected, as ONEFlux does
SOURCES = {"none": 0, "profile": 1, "single_point": 2, "negligible": 3}


@dataclass(frozen=True)
class Profile:
    """A profile of inlets that one analyser visits in turn.

    `heights` [m] by level number, as they stand in the data. `tube` [m] and `bore` [mm] are of the tube between the
    valves and the analyser; with the flow they give the time to flush it. `seconds` at the end of a visit are
    averaged, `least` are needed; a visit further than `reach` [s] from the instant does not count.
    """

    heights: Mapping[int, float]
    tube: float = 0.0
    bore: float = 0.0
    seconds: int = 15
    least: int = 5
    reach: float = 330.0

    @classmethod
    def of(cls, scmd: pd.DataFrame, top: float = np.inf) -> "Profile":
        """A profile from an ICOS SCMD table (STO_PROF_LEVEL, STO_PROF_HEIGHT, STO_GA_TUBE_LENGTH, STO_GA_TUBE_DIAM),
        up to the level nearest to `top`, the height of the eddy-covariance system [m]."""
        need = ["STO_PROF_LEVEL", "STO_PROF_HEIGHT"]
        absent = [name for name in need if name not in scmd]
        if absent:
            raise DataError(f"The table of storage lacks {', '.join(absent)}.", "An ICOS SCMD table.")
        rows = scmd[need].apply(pd.to_numeric, errors="coerce").dropna()
        if rows.empty:
            raise DataError(
                "The table of storage names no level.", "STO_PROF_LEVEL and STO_PROF_HEIGHT of each inlet."
            )
        nearest = rows["STO_PROF_HEIGHT"].iloc[(rows["STO_PROF_HEIGHT"] - min(top, 1e4)).abs().argmin()]
        used = rows[rows["STO_PROF_HEIGHT"] <= nearest]
        heights = {
            int(k): float(z) for k, z in zip(used["STO_PROF_LEVEL"], used["STO_PROF_HEIGHT"], strict=True)
        }
        tube, bore = (_first(scmd, name) for name in ("STO_GA_TUBE_LENGTH", "STO_GA_TUBE_DIAM"))
        return cls(heights, tube, bore)

    def layers(self) -> dict[int, float]:
        """Depth of each level's layer [m]: bounds half-way between levels, ground below, top inlet above."""
        order = sorted(self.heights, key=lambda level: self.heights[level])
        z = np.array([self.heights[level] for level in order])
        bounds = np.r_[0.0, (z[1:] + z[:-1]) / 2, z[-1]]
        return dict(zip(order, np.diff(bounds), strict=True))

    def flushing(self, flow: float) -> float:
        """Seconds to flush the tube once at `flow` [L min-1]; 0 where it is not known."""
        volume = np.pi * (self.bore * 1e-3 / 2) ** 2 * self.tube
        return volume / (flow * 1e-3 / 60) if flow > 0 else 0.0


def _first(table: pd.DataFrame, name: str) -> float:
    values = pd.to_numeric(table[name], errors="coerce").dropna() if name in table else pd.Series(dtype=float)
    return float(values.iloc[0]) if len(values) else 0.0


def visits(fast: xr.Dataset, profile: Profile) -> pd.DataFrame:
    """Each visit of the analyser to a level, a row: level, first, last (times), mean and sd [umol mol-1 of dry air],
    n.

    `fast` has CO2 [umol mol-1] and LEVEL on `time`, a value a second, and may have H2O [mmol mol-1], by which CO2 is
    made dry, and FLOW_VOLRATE [L min-1]. Seconds within the flushing time of a visit's start are left out.
    """
    absent = [name for name in ("CO2", "LEVEL") if name not in fast]
    if absent:
        raise DataError(f"The profile lacks {', '.join(absent)}.", "CO2 and LEVEL at each second.")
    time, level = fast["time"].values, fast["LEVEL"].values
    dry = fast["CO2"].values / (1 - fast["H2O"].values * 1e-3) if "H2O" in fast else fast["CO2"].values
    flow = float(fast["FLOW_VOLRATE"].median()) if "FLOW_VOLRATE" in fast else 0.0
    flush = np.timedelta64(int(np.ceil(profile.flushing(flow))), "s")
    broken = (level[1:] != level[:-1]) | (np.diff(time) > np.timedelta64(5, "s"))
    first = np.flatnonzero(np.r_[True, broken])
    last = np.r_[first[1:], level.size] - 1
    rows = []
    for a, b in zip(first, last, strict=True):
        if not np.isfinite(level[a]) or int(level[a]) not in profile.heights:
            continue
        begin = max(time[a] + flush, time[b] - np.timedelta64(profile.seconds - 1, "s"))
        values = dry[a : b + 1][time[a : b + 1] >= begin]
        values = values[np.isfinite(values)]
        if values.size >= profile.least:
            rows.append((int(level[a]), time[a], time[b], values.mean(), values.std(ddof=1), values.size))
    return pd.DataFrame(rows, columns=["level", "first", "last", "mean", "sd", "n"])


def profile_at(
    met: pd.DataFrame, instants: np.ndarray, profile: Profile
) -> tuple[Float[np.ndarray, "instant level"], Float[np.ndarray, "instant level"]]:
    """(mean, sd) [umol mol-1] at each instant and level (order of `profile.layers()`), from `visits`; NaN where no
    visit is near enough."""
    levels = list(profile.layers())
    mean, sd = np.full((2, len(instants), len(levels)), np.nan)
    for k, level in enumerate(levels):
        own = met[met["level"] == level]
        if own.empty:
            continue
        begin, end = own["first"].to_numpy(), own["last"].to_numpy()
        away = np.maximum(begin[None] - instants[:, None], instants[:, None] - end[None]) / np.timedelta64(
            1, "s"
        )
        nearest = np.argmin(away, axis=1)
        near = away[np.arange(len(instants)), nearest] <= profile.reach
        mean[near, k] = own["mean"].to_numpy()[nearest[near]]
        sd[near, k] = own["sd"].to_numpy()[nearest[near]]
    return mean, sd


def with_profile(ds: xr.Dataset, fast: xr.Dataset, profile: Profile) -> xr.Dataset:
    """The record with SC and SC_UNC [umol m-2 s-1] from a profile measured second by second.

    Both clocks are local standard time. Needs TA [degC] and PA [kPa] of the air below the sensor in `ds`; H2O [mmol
    mol-1] is taken from `fast`. SC is NaN where a level was not visited near the start or the end of an interval.
    SC_UNC is what the scatter of the averaged seconds amounts to. Raises DataError where no interval has both
    profiles.
    """
    absent = [name for name in ("TA", "PA") if name not in ds]
    if absent:
        raise DataError(f"The record has no {', '.join(absent)}.", "TA and PA, for the density of the air.")
    step = np.timedelta64(clock.step_seconds(ds), "s")
    instants = np.r_[ds["time"].values, ds["time"].values[-1:] + step].astype("datetime64[ns]")
    mean, sd = profile_at(_thinned(visits(fast, profile), instants, profile), instants, profile)
    depth = np.array(list(profile.layers().values()))
    seconds = float(clock.step_seconds(ds))
    density = dry_density(ds["TA"].values, ds["PA"].values, _vapour(fast, instants))
    change = np.diff(mean, axis=0) @ depth / seconds
    if not np.isfinite(change).any():
        raise DataError(
            "No interval has a whole profile at its start and its end.",
            "Each level visited within some minutes.",
        )
    noise = np.sqrt((sd[1:] ** 2 + sd[:-1] ** 2) @ depth**2) / seconds
    attrs = {"units": "umol m-2 s-1", "long_name": "CO2 stored below the sensor, from the profile"}
    made = {
        "SC": ("time", density * change, attrs),
        "SC_UNC": ("time", density * noise, {"units": "umol m-2 s-1", "long_name": "standard error of SC"}),
    }
    return ds.assign(made)


def _thinned(met: pd.DataFrame, instants: np.ndarray, profile: Profile) -> pd.DataFrame:
    """Visits within reach of an instant: a year of them against all instants would not fit into memory otherwise."""
    reach = np.timedelta64(int(profile.reach), "s")
    place = np.searchsorted(instants, met["first"].to_numpy())
    after = instants[np.minimum(place, len(instants) - 1)] - met["last"].to_numpy() <= reach
    before = met["first"].to_numpy() - instants[np.maximum(place - 1, 0)] <= reach
    return met[after | before]


def _vapour(fast: xr.Dataset, instants: np.ndarray) -> Float[np.ndarray, " interval"]:
    """Mean water vapour [mmol mol-1] over each interval; 0 where it is not measured."""
    if "H2O" not in fast:
        return np.zeros(len(instants) - 1)
    span = np.searchsorted(instants, fast["time"].values, side="right") - 1
    inside = (span >= 0) & (span < len(instants) - 1)
    means = pd.Series(fast["H2O"].values[inside]).groupby(span[inside]).mean()
    return means.reindex(range(len(instants) - 1)).to_numpy()


def dry_density(celsius: np.ndarray, kilopascal: np.ndarray, vapour: np.ndarray | float = 0.0) -> np.ndarray:
    """Molar density of dry air [mol m-3] at a temperature [degC], pressure [kPa] and water vapour [mmol mol-1]."""
    return kilopascal * 1e3 * (1 - vapour * 1e-3) / (GAS * (celsius + FREEZING))


def single_point(ds: xr.Dataset, height: float) -> xr.Dataset:
    """The record with SC_SINGLE [umol m-2 s-1], from CO2 [umol mol-1] at the sensor's `height` [m], TA and PA.

    Raises DataError where one of them is not in the record or the height is none.
    """
    absent = [name for name in ("CO2", "TA", "PA") if name not in ds]
    if absent or not height > 0:
        raise DataError(
            f"Storage from one point lacks {', '.join(absent) or 'a height above 0 m'}.",
            "CO2, TA, PA and the height of the sensor.",
            "State that storage is negligible, if it is.",
        )
    rise = np.diff(ds["CO2"].values, prepend=np.nan) / clock.step_seconds(ds)
    values = rise * height * dry_density(ds["TA"].values, ds["PA"].values)
    attrs = {
        "units": "umol m-2 s-1",
        "long_name": f"CO2 stored below the sensor, from one point at {height:g} m",
    }
    return ds.assign(SC_SINGLE=("time", values, attrs))


def net_exchange(ds: xr.Dataset, height: float | None = None, negligible: bool = False) -> xr.Dataset:
    """The record with NEE = FC + SC and SC_SOURCE, which says where each SC came from.

    SC (a profile, or the team's own) comes first, then one point at `height`, then nothing where storage is stated to
    be `negligible`. A record that has NEE already keeps it. NEE outside -80 … 50 is withdrawn. Raises DataError where
    there is neither NEE nor FC, or no way to storage.
    """
    if "NEE" in ds:
        return ds
    if "FC" not in ds:
        raise DataError("The record has neither NEE nor FC.", "One of them.")
    if "SC_SINGLE" not in ds and height is not None and all(name in ds for name in ("CO2", "TA", "PA")):
        ds = single_point(ds, height)
    storage, source = _storage(ds, negligible)
    if not (source > 0).any():
        raise DataError(
            "FC is there, but nothing tells storage.",
            "SC, or CO2, TA, PA and a height.",
            "Or negligible = True.",
        )
    attrs = {
        "units": "umol m-2 s-1",
        "long_name": "net ecosystem exchange, FC + SC",
        "comment": "Sign: + to the atmosphere.",
    }
    flags = {
        "long_name": "where storage came from",
        "flag_values": np.array(list(SOURCES.values()), np.int8),
        "flag_meanings": " ".join(SOURCES),
    }
    ds = ds.assign(NEE=("time", ds["FC"].values + storage, attrs), SC_SOURCE=("time", source, flags))
    beyond = (ds["NEE"].values < LOW) | (ds["NEE"].values > HIGH)
    said = [
        f"NEE = FC + SC; storage by {name}: {(source == k).mean():.1%} of steps."
        for name, k in SOURCES.items()
        if (source == k).any()
    ]
    if beyond.any():
        said.append(f"NEE: {beyond.sum()} values outside {LOW:g} … {HIGH:g} umol m-2 s-1 were withdrawn.")
    return checks.note(checks.set_aside(ds, "NEE", beyond), said)


def _storage(ds: xr.Dataset, negligible: bool) -> tuple[Float[np.ndarray, " time"], Int[np.ndarray, " time"]]:
    """(SC, where it came from) at each step, the best that is there."""
    storage = np.full(ds.sizes["time"], np.nan)
    source = np.zeros(ds.sizes["time"], np.int8)
    for name, kind in (("SC", "profile"), ("SC_SINGLE", "single_point")):
        if name in ds:
            new = np.isnan(storage) & np.isfinite(ds[name].values)
            storage[new], source[new] = ds[name].values[new], SOURCES[kind]
    if negligible:
        new = np.isnan(storage)
        storage[new], source[new] = 0.0, SOURCES["negligible"]
    return storage, source
