"""Spikes: outliers of the second difference, by day and by night, in blocks of days (Papale et al. 2006).

d_i = (x_i - x_{i-1}) - (x_{i+1} - x_i), where all three exist. Within a block, Md is the median of d and MAD the
median of |d - Md|; x_i is a spike of grade g where |d_i - Md| > z_g MAD / 0.6745 (doi:10.5194/bg-3-571-2006).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from landsink.stations.flux import checks, clock

FLUXES = ("NEE", "LE", "H")
NORMAL = 0.6745  # the median of |x| of a standard normal variable
STEPS: Mapping[str, float] = MappingProxyType({"NEE": 6.0, "FC": 6.0, "LE": 100.0, "H": 100.0})


@dataclass(frozen=True)
class Spikes:
    """A tool's habits. The defaults are ONEFlux's: grades 1, 2, 3 at z = 4, 5.5, 7, of which 2 and 3 are withdrawn;
    beside gaps, where d is undefined, a step wider than `beside_gap` is grade 1: noted, and kept."""

    z: tuple[float, ...] = (4.0, 5.5, 7.0)
    withdrawn_from: int = 2
    days: int = 13
    beside_gap: Mapping[str, float] = field(default_factory=lambda: STEPS, hash=False)

    @classmethod
    def oneflux(cls) -> "Spikes":
        """As the network's pipeline."""
        return cls()


def is_night(ds: xr.Dataset) -> Bool[np.ndarray, " time"]:
    """Night for despiking: potential radiation up to 12 W m-2; SW_IN below 12 W m-2, then PPFD_IN below 25 umol m-2
    s-1, override it where they are measured. A record that does not know its place is judged by those alone."""
    light = [(name, limit) for name, limit in (("SW_IN", 12.0), ("PPFD_IN", 25.0)) if name in ds]
    known = all(name in ds.attrs for name in ("latitude", "longitude", "utc_offset"))
    if known or not light:
        night = clock.potential_radiation(ds) <= 12.0
    else:
        night = np.zeros(ds.sizes["time"], bool)
    for name, limit in light:
        measured = ds[name].values
        night = np.where(np.isfinite(measured), measured < limit, night)
    return night


def grades(
    values: Float[np.ndarray, " time"], night: Bool[np.ndarray, " time"], z: Sequence[float], block: int
) -> Int[np.ndarray, " time"]:
    """The highest grade (1 … len(z), 0 none) of each value; `block` in steps, the last one takes what remains."""
    found = np.zeros(values.size, np.int8)
    for part in (night, ~night):
        near = part.copy()  # one step more on either side, so that dusk and dawn have neighbours
        near[1:] |= part[:-1]
        near[:-1] |= part[1:]
        kept = np.where(near, values, np.nan)
        count = max(1, values.size // block)
        for k in range(count):
            within = slice(k * block, (k + 1) * block if k < count - 1 else None)
            found[within] = np.maximum(found[within], _block_grades(kept[within], z))
    return found


def _block_grades(values: Float[np.ndarray, " step"], z: Sequence[float]) -> Int[np.ndarray, " step"]:
    bend = np.full(values.size, np.nan)
    bend[1:-1] = (values[1:-1] - values[:-2]) - (values[2:] - values[1:-1])
    if not np.isfinite(bend).any():
        return np.zeros(values.size, np.int8)
    far = np.abs(bend - np.nanmedian(bend))
    unit = np.nanmedian(far) / NORMAL
    return np.sum([far > factor * unit for factor in z], axis=0, dtype=np.int8)


def steps_beside_gaps(values: Float[np.ndarray, " time"], step: float) -> Bool[np.ndarray, " time"]:
    """Values that have a gap on one side and a jump wider than `step` on the other."""
    there = np.isfinite(values)
    jump = np.abs(np.diff(values)) > step  # False where either is missing
    wide = np.zeros(values.size, bool)
    wide[1:-1] = (jump[:-1] & ~there[2:]) | (jump[1:] & ~there[:-2])
    return wide & there


def despiked(ds: xr.Dataset, names: Sequence[str] = FLUXES, rule: Spikes = Spikes()) -> xr.Dataset:
    """The record with spikes in `names` withdrawn (`X_RAW` keeps them) and graded in `X_SPIKE`.

    `X_SPIKE` (time) is 0 (none), or the grade; CF flag attributes say which grade is what. Names that the record
    lacks are passed over. Raises DataError where the record's steps are uneven.
    """
    night, block = is_night(ds), rule.days * clock.per_day(ds)
    for name in [n for n in names if n in ds]:
        values = ds[name].values
        found = grades(values, night, rule.z, block)
        if name in rule.beside_gap:
            found = np.maximum(found, steps_beside_gaps(values, rule.beside_gap[name]).astype(np.int8))
        wrong = found >= rule.withdrawn_from
        ds = ds.assign({f"{name}_SPIKE": ("time", found, _attrs(name, rule))})
        ds = checks.set_aside(ds, name, wrong)
        share = wrong.sum() / max(1, np.isfinite(values).sum())
        ds = checks.note(ds, [f"{name}: {wrong.sum()} spikes ({share:.1%} of values) were withdrawn."])
    return ds


def _attrs(name: str, rule: Spikes) -> dict[str, object]:
    meanings = ["none", *(f"beyond_z_{z:g}".replace(".", "p") for z in rule.z)]
    return {
        "long_name": f"grade of spike in {name}; withdrawn from grade {rule.withdrawn_from}",
        "flag_values": np.arange(len(meanings), dtype=np.int8),
        "flag_meanings": " ".join(meanings),
        "references": "Papale et al. 2006, doi:10.5194/bg-3-571-2006",
    }
