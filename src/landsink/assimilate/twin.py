"""Twins: observations that a known truth would have given, to test whether a method finds it again."""

from collections.abc import Mapping, Sequence

import equinox as eqx
import jax
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from landsink.core.quantity import quantity

from .problem import Problem


def observe_truth(
    problem: Problem, truth: Float[Array, "dim group"], errors: Mapping[str, tuple[float, float]],
    key: Array, time: np.ndarray, names: Sequence[str],
) -> xr.Dataset:  # fmt: skip
    """Run the model at `truth` and observe it with Gaussian errors.

    errors: name -> (relative, absolute in canonical units). Returns name, name_sd and name_true, (time, site).
    """
    seen = eqx.filter_jit(problem.run)(truth[..., problem.group], tuple(names))
    data = {}
    for name, subkey in zip(names, jax.random.split(key, len(names)), strict=True):
        true = np.asarray(seen.out[name])
        relative, absolute = errors[name]
        sd = np.hypot(relative * np.abs(true).mean(0), absolute) * np.ones_like(true)
        noisy = true + sd * np.asarray(jax.random.normal(subkey, true.shape))
        attrs = {"units": quantity(name).unit, "comment": "GENERATED, not observed"}
        data |= {k: (("time", "site"), v, attrs) for k, v in ((name, noisy), (f"{name}_sd", sd), (f"{name}_true", true))}
    return xr.Dataset(data, coords={"time": time}, attrs={"generated": "true"})
