"""Problems whose posterior is known on paper: a straight line, and two pools in series."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from landsink.assimilate import Given, Problem
from landsink.core.model import Model
from landsink.core.prior import ParameterSpace, Prior
from landsink.core.process import Process, Scalar, param
from landsink.core.step import Decay
from landsink.core.windows import Windows
from landsink.observe import Observation
from tests.core.toys import Chain, Input, constant

STEPS = 12
WARMTH = np.linspace(-1.0, 1.0, STEPS)
# a prior so narrow that its bijection is a straight line: value = centre + WIDTH/4 SPREAD xi
WIDTH, SPREAD = 2000.0, 2e-3
SIZE = 0.25 * WIDTH * SPREAD


class Line(Process):
    """Growth is a straight line of temperature."""

    cite: ClassVar[str] = "a toy"
    level: Scalar = param(2.0, bounds=(-1000.0, 1004.0), doc="growth at 283.15 K")
    slope: Scalar = param(0.5, bounds=(-1000.0, 1001.0), doc="growth for one kelvin")

    def __call__(self, tas: Scalar, cSoilYoung: Scalar) -> dict[str, Scalar]:
        return {"atmosphere -> cSoilYoung : gpp": self.level + self.slope * (tas - 283.15) + 0.0 * cSoilYoung}


class Brittle(Process):
    """Growth that is a number only while its parameter is small."""

    cite: ClassVar[str] = "a toy"
    load: Scalar = param(0.3, bounds=(0.0, 1.0), doc="fails at 0.8")

    def __call__(self, cSoilYoung: Scalar) -> dict[str, Scalar]:
        return {
            "atmosphere -> cSoilYoung : gpp": self.load + 0.0 * jnp.sqrt(0.8 - self.load) + 0.0 * cSoilYoung
        }


def line_space() -> ParameterSpace:
    """Both numbers of a line, with a prior that is Gaussian to a millionth."""
    priors = tuple(Prior(c - WIDTH / 2, c + WIDTH / 2, c, SPREAD) for c in (2.0, 0.5))
    return ParameterSpace(("Line.level", "Line.slope"), priors)


def line(value: np.ndarray, sd: float = 0.3, group: np.ndarray | None = None) -> Problem:
    """Observe the growth of a line: (step, cell)."""
    cells = value.shape[1]
    forcing = {"tas": jnp.asarray(283.15 + WARMTH[:, None]), "dt": jnp.full((STEPS, 1), 86400.0)}
    return problem(Model.of(Line()), line_space(), (seen("gpp", value, sd),), forcing, cells, group)


def line_posterior(value: np.ndarray, sd: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the line's coordinates for values (k,) at WARMTH repeated: by normal equations."""
    warmth = np.tile(WARMTH, len(value) // STEPS)
    design = SIZE * np.stack([np.ones_like(warmth), warmth], 1) / sd
    covariance = np.linalg.inv(design.T @ design + np.eye(2))
    return covariance @ design.T @ ((value - 2.0 - 0.5 * warmth) / sd), covariance


def line_values(xi: np.ndarray, sd: float, seed: int) -> np.ndarray:
    """Observations of lines at coordinates (2, cell): (step, cell)."""
    right = (2.0 + SIZE * xi[0]) + (0.5 + SIZE * xi[1]) * WARMTH[:, None]
    return right + sd * np.random.default_rng(seed).standard_normal(right.shape)


def chain(cells: int, years: int = 4) -> tuple[Problem, tuple[str, ...]]:
    """Two pools in series by the season, nothing observed yet."""
    model = Model.of(Input(), Chain())
    names = ("Chain.k_young", "Chain.humified", "Input.rate")
    space = ParameterSpace.of(model, names, spread=0.7)
    forcing = constant(12 * years, 30.4 * 86400.0, cells)
    return problem(model, space, (), forcing, cells), names


def problem(model, space, terms, forcing, cells, group=None, start=0.5) -> Problem:
    """A problem that starts every pool at `start`."""
    group = np.arange(cells) if group is None else group
    steps = forcing["dt"].shape[0]
    origin = Given({p: jnp.full(cells, start) for p in model.state})
    return Problem(
        model,
        Decay(),
        space,
        terms,
        forcing,
        Windows.blocks(steps, 6),
        origin,
        jnp.asarray(group),
        int(group.max()) + 1,
    )


def seen(name: str, value: np.ndarray, sd: float | np.ndarray) -> Observation:
    """Values with a given error and no error model of their own."""
    return Observation.of(name, np.asarray(value), np.broadcast_to(sd, np.shape(value)))


def observed(bare: Problem, truth: np.ndarray, errors: dict[str, float], seed: int) -> Problem:
    """The same problem with values that `truth` (dim, group) would have given, each with its error."""
    out = bare.run(jnp.asarray(truth)[..., bare.group], tuple(errors)).out
    draw = np.random.default_rng(seed)
    terms = [
        seen(n, np.asarray(out[n]) + sd * draw.standard_normal(out[n].shape), sd) for n, sd in errors.items()
    ]
    return bare.with_terms(terms)


KEY = jax.random.PRNGKey(0)
