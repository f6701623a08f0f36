"""Small processes with known answers, and the forcing that drives them."""

from typing import ClassVar

import jax.numpy as jnp
import numpy as np

from landsink.core.process import Process, Scalar, param

DAY = 86400.0
YEAR = 365.2425 * DAY


class Input(Process):
    """Carbon enters the young soil at a constant rate."""

    cite: ClassVar[str] = "a toy"
    rate: Scalar = param(0.3, "kg m-2", per="yr", bounds=(0.0, 2.0), doc="carbon input")

    def __call__(self, cSoilYoung: Scalar) -> dict[str, Scalar]:
        return {"atmosphere -> cSoilYoung : gpp": self.rate + 0.0 * cSoilYoung}


class Chain(Process):
    """Two pools in series, each losing a constant share a second."""

    cite: ClassVar[str] = "a toy"
    k_young: Scalar = param(0.8, per="yr", bounds=(0.1, 4.0), doc="young turnover")
    k_old: Scalar = param(0.05, per="yr", bounds=(0.001, 1.0), doc="old turnover")
    humified: Scalar = param(0.2, bounds=(0.05, 0.4), doc="share of young decay that grows old")

    def __call__(self, cSoilYoung: Scalar, cSoilOld: Scalar) -> dict[str, Scalar]:
        young = self.k_young * cSoilYoung
        return {
            "cSoilYoung -> cSoilOld": self.humified * young,
            "cSoilYoung -> atmosphere : rh": (1.0 - self.humified) * young,
            "cSoilOld -> atmosphere : rh": self.k_old * cSoilOld,
        }


class Warmth(Process):
    """Decay quickens with temperature."""

    cite: ClassVar[str] = "a toy"
    q10: Scalar = param(2.0, bounds=(1.0, 4.0), doc="rise of decay per 10 K")

    def __call__(self, tas: Scalar) -> dict[str, Scalar]:
        return {"fEnvSoil": self.q10 ** ((tas - 283.15) / 10.0)}


class WarmDecay(Process):
    """The chain, at the pace that the climate modifier sets."""

    cite: ClassVar[str] = "a toy"
    k_young: Scalar = param(0.8, per="yr", bounds=(0.1, 4.0), doc="young turnover")
    k_old: Scalar = param(0.05, per="yr", bounds=(0.001, 1.0), doc="old turnover")

    def __call__(self, cSoilYoung: Scalar, cSoilOld: Scalar, fEnvSoil: Scalar) -> dict[str, Scalar]:
        young = self.k_young * fEnvSoil * cSoilYoung
        return {
            "cSoilYoung -> cSoilOld": 0.2 * young,
            "cSoilYoung -> atmosphere : rh": 0.8 * young,
            "cSoilOld -> atmosphere : rh": self.k_old * fEnvSoil * cSoilOld,
        }


class Leaves(Process):
    """Leaves grow from the air, fall onto the port, and remember the warmth."""

    cite: ClassVar[str] = "a toy"
    fall: Scalar = param(1.0, per="yr", bounds=(0.1, 10.0), doc="leaf turnover")

    def __call__(self, cLeaf: Scalar, tas: Scalar, tasPhenology: Scalar, dt: Scalar) -> dict[str, Scalar]:
        pull = 1.0 - jnp.exp(-dt / (10.0 * DAY))
        return {
            "next tasPhenology": tasPhenology + pull * (tas - tasPhenology),
            "atmosphere -> cLeaf : gpp": 1e-8 * jnp.exp((tasPhenology - 283.15) / 20.0),
            "cLeaf -> litterLeaf : fVegLitterLeaf": self.fall * cLeaf,
        }


class Uptake(Process):
    """The soil takes leaf litter on, a fifth of it straight into the old pool."""

    cite: ClassVar[str] = "a toy"
    old: Scalar = param(0.2, bounds=(0.01, 0.5), doc="share that goes to the old pool")

    def __call__(self, fVegLitterLeaf: Scalar) -> dict[str, Scalar]:
        return {
            "litterLeaf -> cSoilYoung": (1.0 - self.old) * fVegLitterLeaf,
            "litterLeaf -> cSoilOld": self.old * fVegLitterLeaf,
        }


class Greedy(Process):
    """A constant demand that knows nothing of what is left."""

    cite: ClassVar[str] = "a toy"
    demand: Scalar = param(1.0, "kg m-2", per="d", bounds=(0.1, 10.0), doc="what it asks for")

    def __call__(self, cSoilYoung: Scalar) -> dict[str, Scalar]:
        return {
            "cSoilYoung -> atmosphere : rh": self.demand + 0.0 * cSoilYoung,
            "cSoilYoung -> cSoilOld": 3.0 * self.demand + 0.0 * cSoilYoung,
        }


def constant(steps: int, dt: float, cells: int = 1, **named: float) -> dict[str, jnp.ndarray]:
    """Forcing that never changes: (steps, cells) for each name, with `dt`."""
    return {n: jnp.full((steps, cells), v) for n, v in (named | {"dt": dt}).items()}


def seasons(years: int, cells: int = 1, months: int = 12) -> dict[str, jnp.ndarray]:
    """Monthly temperature with a season, a little warmer in each cell: (12 years, cells), with `dt`."""
    month = np.arange(years * months)
    tas = 283.15 + 10.0 * np.sin(2 * np.pi * month / months)[:, None] + np.arange(cells)
    return {"tas": jnp.asarray(tas), "dt": jnp.full((years * months, 1), YEAR / months)}
