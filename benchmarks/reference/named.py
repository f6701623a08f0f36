"""What the hand-written steps need of a landsink model, by name, as plain arrays."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from landsink.core.errors import DataError, WiringError
from landsink.core.model import Model
from landsink.core.process import Process
from landsink.core.quantity import quantity
from landsink.core.windows import Windows
from landsink.models.light import Canopy, PModel, Sun
from landsink.models.plant import Dalec, LeafArea, Phenology
from landsink.models.soil import LitterSoil, SoilClimate
from landsink.models.water import NetRadiation, Snow, SoilMoisture, SoilWater

PROCESSES: tuple[type[Process], ...] = (
    Sun, Canopy, PModel, NetRadiation, Snow, SoilMoisture, SoilWater,
    Phenology, LeafArea, Dalec, SoilClimate, LitterSoil,
)  # fmt: skip
WANT = ("gpp", "nee", "evspsbl", "lai", "cVeg", "cSoil")

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Inputs:
    """A run as plain float64 arrays, by name.

    parameters, state: (cell,). series: (step, cell), or (step, 1) where all cells share it; `dt` is (step,), seconds.
    lat: (cell,), degrees. ends: (window,), the step after each window's last.
    """

    parameters: Arrays
    state: Arrays
    series: Arrays
    dt: np.ndarray
    lat: np.ndarray
    ends: np.ndarray

    @property
    def cells(self) -> int:
        """Number of cells."""
        return self.lat.size

    @property
    def steps(self) -> int:
        """Number of steps."""
        return self.dt.size


def gather(model: Model, state: Mapping[str, Any], forcing: Mapping[str, Any], windows: Windows) -> Inputs:
    """The arrays that `landsink.core.run.simulate` would take for a run with `Decay`, as plain arrays by name.

    Raises `WiringError` for another composition than the default one, and `DataError` for steps that differ between
    cells, windows that leave out or reorder steps, and a pool that starts below nothing.
    """
    _check_processes(model)
    values = {f"{p.title}.{q.name}": getattr(p, q.name) for p in model.processes for q in p.parameters}
    series = {n: np.asarray(forcing[n], float) for n in model.forcing if not quantity(n).constant}
    dt = np.asarray(forcing["dt"], float)
    if (dt != dt[:, :1]).any():
        raise DataError("dt differs between cells.", "One length of each step.")
    del series["dt"]
    places = [np.shape(v) for v in (*values.values(), *state.values(), forcing["lat"])]
    cells = np.broadcast_shapes((1,), *places, *(v.shape[1:] for v in series.values()))
    state = {n: _over(state[n], cells) for n in model.state}
    low = [n for n in model.wiring.pools if (state[n] < 0).any()]
    if low:
        raise DataError(f"{', '.join(low)} start below nothing.", "Stocks of nought or more.")
    return Inputs(
        {n: _over(v, cells) for n, v in values.items()}, state, series,
        dt[:, 0].copy(), _over(forcing["lat"], cells), _ends(windows, dt.shape[0]),
    )  # fmt: skip


def _check_processes(model: Model) -> None:
    found, expected = {type(p) for p in model.processes}, set(PROCESSES)
    if found != expected:
        odd = sorted(kind.__name__ for kind in found ^ expected)
        raise WiringError(
            f"the hand-written step is of one composition, and this model differs in {', '.join(odd)}.",
            f"Exactly {', '.join(kind.__name__ for kind in PROCESSES)}.",
        )
    if any(np.ndim(leaf) > 1 for leaf in jax.tree.leaves(model)):
        raise WiringError("the hand-written step knows no lanes.", "Parameters that are numbers or (cell,).")


def _over(value: Any, cells: tuple[int, ...]) -> np.ndarray:
    return np.ascontiguousarray(np.broadcast_to(np.asarray(value, float), cells))


def _ends(windows: Windows, steps: int) -> np.ndarray:
    """The step after each window's last; the windows must follow each other without gaps."""
    real, index = np.asarray(windows.real), np.asarray(windows.index)
    if not np.array_equal(index[real], np.arange(steps)):
        raise DataError("the windows leave out or reorder steps.", "Windows that follow one another.")
    return np.cumsum(real.sum(1))
