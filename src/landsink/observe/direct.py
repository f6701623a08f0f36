"""Observations of a quantity that the model computes by the same name, each with its error model."""

import dataclasses
import warnings
from typing import ClassVar, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from landsink.core.model import Named
from landsink.core.term import Seen


class Observation(eqx.Module):
    """Values of one quantity, (step, cell), with the standard deviation expected between them and a right model.

    `sd` is that of one value, instrument and representativeness together. `factor` (cell,) multiplies it by what the
    training years showed of it (structural error included). `dilution` (cell,) >= 1 further
    lowers the weight of values whose errors hang together in time, in the fit only, never in an interval shown.
    """

    name: str = eqx.field(static=True)
    value: Array
    sd: Array
    measured: Array
    factor: Array
    dilution: Array
    # error model, in canonical units: sd² = measured² + floor² + (relative |typical value|)²
    floor: ClassVar[float] = 0.0
    relative: ClassVar[float] = 0.0
    cite: ClassVar[str] = ""

    @classmethod
    def of(cls, name: str, value: np.ndarray, measured_sd: np.ndarray | None = None, smooth: int = 1) -> Self:
        """An observation with its class's error model; NaN where nothing was observed: (step, cell).

        smooth: steps over which |value| is averaged for the relative error, so that chance does not set the weights.
        """
        measured = np.zeros_like(value) if measured_sd is None else _filled(measured_sd)
        typical = _running_mean(np.abs(value), smooth)
        sd = np.sqrt(measured**2 + cls.floor**2 + (cls.relative * typical) ** 2)
        usable = np.isfinite(value) & np.isfinite(sd) & (sd > 0)
        one = jnp.ones(value.shape[-1])
        values, spread = np.where(usable, value, np.nan), np.where(usable, sd, 1.0)
        return cls(name, jnp.asarray(values), jnp.asarray(spread), jnp.asarray(measured), one, one)

    @property
    def needs(self) -> tuple[str, ...]:
        """The quantity observed."""
        return (self.name,)

    @property
    def shared(self) -> bool:
        """Every cell has its own values."""
        return False

    @property
    def seen(self) -> Array:
        """True where there is a value."""
        return jnp.isfinite(self.value)

    @property
    def observed(self) -> Array:
        """Number of values of each cell."""
        return jnp.sum(self.seen, 0)

    def predict(self, out: Named) -> Float[Array, "step *lane cell"]:
        """What a perfect instrument would have seen of the model."""
        return out[self.name]

    def residual(self, seen: Seen) -> Float[Array, "step *lane cell"]:
        """(model - value)/sd, zero where nothing was observed."""
        model = self.predict(seen.out)
        value, scale, mask = (
            _lanes(a, model.ndim) for a in (self.value, self.sd * self.factor * self.dilution, self.seen)
        )
        return jnp.where(mask, (model - jnp.where(mask, value, 0.0)) / scale, 0.0)

    def noise(self, key: Array, shape: tuple[int, ...]) -> Float[Array, "step *lane cell"]:
        """Standard normal draws where there are values."""
        draws = jax.random.normal(key, (self.value.shape[0], *shape))
        return jnp.where(_lanes(self.seen, draws.ndim), draws, 0.0)

    def spread(self, predicted: Float[Array, "step cell"]) -> Float[Array, "step cell"]:
        """Standard deviation to expect of a value about the model: for intervals, from the prediction alone."""
        variance = self.measured**2 + self.floor**2 + (self.relative * predicted) ** 2
        return jnp.sqrt(variance) * self.factor

    def tuned(self, predicted: Float[Array, "step cell"], pooled: bool = False) -> Self:
        """Estimate what the error model misses from training residuals: their size, and how they hang together.

        factor² = mean squared residual over the expected, whether errors were under- or overstated. dilution² =
        (1 + r)/(1 - r), the loss of independent values at lag-one correlation r, taken up to 0.9 [Bayley & Hammersley
        1946]. pooled: one number for all cells.
        """
        r = jnp.where(self.seen, (predicted - jnp.nan_to_num(self.value)) / self.sd, 0.0)
        pair = self.seen[1:] & self.seen[:-1]
        axis = (0, 1) if pooled else 0
        size = jnp.sum(r**2, axis) / jnp.maximum(jnp.sum(self.seen, axis), 1)
        product = jnp.sum(jnp.where(pair, r[1:] * r[:-1], 0.0), axis) / jnp.maximum(jnp.sum(pair, axis), 1)
        lag = jnp.clip(product / jnp.maximum(size, 1e-12), 0.0, 0.9)
        cells = self.value.shape[-1]
        factor = jnp.broadcast_to(jnp.where(size > 0.0, jnp.sqrt(jnp.maximum(size, 0.01)), 1.0), (cells,))
        dilution = jnp.broadcast_to(jnp.sqrt((1.0 + lag) / (1.0 - lag)), (cells,))
        return dataclasses.replace(self, factor=factor, dilution=dilution)

    def until(self, last: int) -> Self:
        """The leading steps alone."""
        cut = {n: getattr(self, n)[:last] for n in ("value", "sd", "measured")}
        return dataclasses.replace(self, **cut)

    def only(self, keep: Array) -> Self:
        """Without the values where `keep` (step, cell) is False."""
        return dataclasses.replace(self, value=jnp.where(keep, self.value, jnp.nan))


class TowerFlux(Observation):
    """A flux from an eddy-covariance tower: random error grows with the flux [Hollinger & Richardson 2005]."""

    floor: ClassVar[float] = 0.3 / 8.64e7
    relative: ClassVar[float] = 0.15
    cite: ClassVar[str] = "Hollinger & Richardson 2005, doi:10.1093/treephys/25.7.873"


class Evapotranspiration(Observation):
    """Water flux from an eddy-covariance tower, energy-balance gap included [Wilson et al. 2002]."""

    floor: ClassVar[float] = 0.2 / 86400.0
    relative: ClassVar[float] = 0.15
    cite: ClassVar[str] = "Wilson et al. 2002, doi:10.1016/S0168-1923(02)00109-0"


class LeafArea(Observation):
    """Leaf area index seen by a satellite."""

    floor: ClassVar[float] = 0.2
    relative: ClassVar[float] = 0.15
    cite: ClassVar[str] = "Yan et al. 2016, doi:10.3390/rs8050359"


class Biomass(Observation):
    """Carbon of the vegetation from inventory or radar."""

    floor: ClassVar[float] = 0.2
    relative: ClassVar[float] = 0.3
    cite: ClassVar[str] = "Santoro et al. 2021, doi:10.5194/essd-13-3927-2021"


class SoilCarbon(Observation):
    """Carbon stock of a soil from cores and bulk density."""

    floor: ClassVar[float] = 0.1
    relative: ClassVar[float] = 0.06
    cite: ClassVar[str] = "Poeplau & Don 2013, doi:10.1016/j.geoderma.2012.08.003"


def _lanes(array: Array, ndim: int) -> Array:
    """(step, cell) seen as (step, 1…, cell)."""
    return array.reshape(array.shape[0], *(1,) * (ndim - array.ndim), *array.shape[1:])


def _filled(sd: np.ndarray) -> np.ndarray:
    """Gaps take the median error of their cell, 0 where a cell has none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a cell without any error is an empty slice
        usual = np.nan_to_num(np.nanmedian(sd, axis=0))
    return np.where(np.isfinite(sd), sd, usual)


def _running_mean(values: np.ndarray, width: int) -> np.ndarray:
    """Mean over `width` steps around each, of the finite values; NaN where there is none."""
    kernel = np.ones(width)
    known = np.isfinite(values)
    columns = [
        np.convolve(np.where(k, v, 0.0), kernel, "same") for v, k in zip(values.T, known.T, strict=True)
    ]
    counts = [np.convolve(k.astype(float), kernel, "same") for k in known.T]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.array(counts) > 0, np.array(columns) / np.array(counts), np.nan).T
