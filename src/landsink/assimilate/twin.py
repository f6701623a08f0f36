"""Twins: observations that a known truth would have given, to test whether a method finds it again."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from jaxtyping import Float

from landsink.core.quantity import quantity


def observe_truth(
    true: Mapping[str, Float[np.ndarray, "time cell"]],
    errors: Mapping[str, tuple[float, float]],
    time: np.ndarray,
    outer: str,
    seed: int,
) -> xr.Dataset:
    """What instruments with Gaussian errors would have seen of the truth.

    errors: name -> (relative to the cell's mean size, absolute in canonical units). Returns name, name_sd and
    name_true, (time, outer).
    """
    data, draw = {}, np.random.default_rng(seed)
    for name, values in true.items():
        relative, absolute = errors[name]
        sd = np.hypot(relative * np.abs(values).mean(0), absolute) * np.ones_like(values)
        noisy = values + sd * draw.standard_normal(values.shape)
        attrs = {"units": quantity(name).unit, "comment": "GENERATED, not observed"}
        data |= {
            k: (("time", outer), v, attrs)
            for k, v in ((name, noisy), (f"{name}_sd", sd), (f"{name}_true", values))
        }
    return xr.Dataset(data, coords={"time": time}, attrs={"generated": "true"})
