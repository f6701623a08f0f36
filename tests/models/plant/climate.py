"""A made-up temperate climate, light use and water for running a plant alone: generated, for tests only."""

from typing import ClassVar

import jax.numpy as jnp
import numpy as np

from landsink.core.model import Model
from landsink.core.process import Process, Scalar, param
from landsink.models.plant import Dalec, LeafArea, Phenology

DAY = 86400.0
MONTH = 365.0 * DAY / 12.0
START = {"cLabile": 0.1, "cLeaf": 0.05, "cRoot": 0.2, "cWood": 5.0, "cLitter": 0.5}
START |= {"tasPhenology": 276.0, "tasLeafOn": 0.1, "laiPotential": 4.0}


class SimpleLight(Process):
    """Light use of a leaf area, 1.2 g C for each MJ of absorbed photosynthetic light, with a cold limit."""

    cite: ClassVar[str] = "a stand-in for tests"
    efficiency: Scalar = param(1.2, bounds=(0.1, 3.0), doc="light use, g MJ-1")

    def __call__(self, lai: Scalar, rsds: Scalar, tas: Scalar) -> dict[str, Scalar]:
        warm = 1.0 / (1.0 + jnp.exp((278.0 - tas) / 3.0))
        return {"gpp": self.efficiency * 1e-9 * 0.5 * rsds * warm * (1.0 - jnp.exp(-0.5 * lai))}


class Ground(Process):
    """Gathers litter and lets it decay within a year."""

    cite: ClassVar[str] = "a stand-in for tests"
    life: Scalar = param(1.0, "yr", bounds=(0.1, 10.0), doc="life of litter")

    def __call__(self, cLitter: Scalar, fVegLitterLeaf: Scalar, fVegLitterRoot: Scalar,
                 fVegLitterWood: Scalar) -> dict[str, Scalar]:  # fmt: skip
        return {
            "litterLeaf -> cLitter": fVegLitterLeaf,
            "litterRoot -> cLitter": fVegLitterRoot,
            "litterWood -> cLitter": fVegLitterWood,
            "cLitter -> atmosphere : rh": cLitter / self.life,
        }


def plant(*others: Process) -> Model:
    """Phenology and plant with their stand-ins."""
    return Model.of(Phenology(), LeafArea(), SimpleLight(), Dalec(), Ground(), *others)


def weather(years: int, dt: float = DAY) -> dict[str, jnp.ndarray]:
    """Sunny seasons, the same every year: (time, 1)."""
    steps = round(365.0 * DAY / dt)
    year = (np.arange(steps) + 0.5) / steps
    wave = -np.cos(2.0 * np.pi * (year - 0.03))
    one = {"tas": 282.0 + 10.0 * -np.cos(2.0 * np.pi * (year - 0.06)), "rsds": 140.0 + 110.0 * wave}
    one |= {
        "daylength": (12.0 + 4.0 * wave) * 3600.0,
        "fSoilWet": np.full(steps, 0.8),
        "dt": np.full(steps, dt),
    }
    return {name: jnp.asarray(np.tile(values, years)[:, None]) for name, values in one.items()}
