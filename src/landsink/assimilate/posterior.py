"""What a method leaves: the best point, an ensemble, and how far the observations informed each parameter."""

import dataclasses
from typing import Any, Self

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from landsink.core.prior import START, ParameterSpace

from .convergence import Convergence

INFORMED = 0.7  # a parameter is informed when its spread fell below this share of the prior's


@dataclasses.dataclass(frozen=True)
class Posterior:
    """Points in standard normal coordinates: best (dim, group), ensemble (dim, member, group).

    cost (member, group); covariance (group, dim, dim) of Gauss and Newton at the best point; chi2 (group,), mean
    squared whitened residual; signal (group,), degrees of freedom that the observations determine; chains, whether a
    sampler's chains have converged, None for other methods.
    """

    space: ParameterSpace
    best: Float[Array, "dim group"]
    ensemble: Float[Array, "dim member group"]
    cost: Float[Array, "member group"]
    covariance: Float[Array, "group dim dim"]
    chi2: Float[Array, " group"]
    signal: Float[Array, " group"]
    chains: Convergence | None = None

    @property
    def spread(self) -> Float[Array, "dim group"]:
        """Standard deviation as a share of the prior's."""
        if self.ensemble.shape[1] > 2:
            return jnp.std(self.ensemble, axis=1, ddof=1)
        return jnp.sqrt(jnp.diagonal(self.covariance, axis1=-2, axis2=-1)).T

    @property
    def informed(self) -> np.ndarray:
        """True where the observations told something of a parameter: (dim, group)."""
        return np.asarray(self.spread < INFORMED)

    def interval(self, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
        """Central interval of every parameter, in its coordinate: two (dim, group).

        Quantiles at rank q (n + 1), which hold their level for any ensemble size.
        """
        tail = 0.5 * (1.0 - level)
        low, high = np.quantile(np.asarray(self.ensemble), [tail, 1.0 - tail], axis=1, method="weibull")
        return low, high

    def dataset(self, groups: list[str]) -> xr.Dataset:
        """Parameters by name: best, ensemble mean and spread in SI, share of the prior's spread, and diagnostics."""
        best = self.space.values(self.best)
        members = self.space.values(self.ensemble)
        names = list(self.space.names)

        def stack(values: dict[str, Any], reduce: Any) -> np.ndarray:
            return np.stack([np.asarray(reduce(values[n])) for n in names])

        dims = ("parameter", "group")
        data = {
            "best": (dims, stack(best, lambda v: v)), "mean": (dims, stack(members, lambda v: v.mean(0))),
            "sd": (dims, stack(members, lambda v: v.std(0))), "spread": (dims, np.asarray(self.spread)),
            "ensemble": (("parameter", "member", "group"), np.asarray(self.ensemble)),
            "best_xi": (dims, np.asarray(self.best)),
            "cost": (("member", "group"), np.asarray(self.cost)), "chi2": ("group", np.asarray(self.chi2)),
            "signal": ("group", np.asarray(self.signal)),
            "covariance": (("group", "parameter", "other"), np.asarray(self.covariance)),
        }  # fmt: skip
        told = self.chains.dataset() if self.chains else xr.Dataset()
        return (
            xr.Dataset(data, coords={"parameter": names, "group": groups})
            .merge(told)
            .assign_attrs(told.attrs)
        )

    @classmethod
    def read(cls, ds: xr.Dataset, space: ParameterSpace) -> Self:
        """Back from `dataset`."""
        names = ("best_xi", "ensemble", "cost", "covariance", "chi2", "signal")
        told = Convergence.read(ds, space.names) if "rhat" in ds else None
        return cls(space, *(jnp.asarray(ds[n].to_numpy()) for n in names), chains=told)

    @property
    def carried(self) -> ParameterSpace:
        """The parameters proper, without factors on starting pools: what may be carried to other places."""
        kept = [i for i, n in enumerate(self.space.names) if not n.startswith(START)]
        return ParameterSpace(
            tuple(self.space.names[i] for i in kept), tuple(self.space.priors[i] for i in kept)
        )
