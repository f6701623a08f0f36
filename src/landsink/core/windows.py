"""Windows: runs of steps over which means are taken, and beyond which memory is not kept."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array


class Windows(NamedTuple):
    """Steps gathered into windows of equal length: `index` (windows, length), `real` False where padded."""

    index: Array  # pyright: ignore[reportIncompatibleMethodOverride]
    real: Array

    @classmethod
    def of(cls, labels: np.ndarray) -> "Windows":
        """One window per run of equal `labels` (time,), say the month of every day."""
        edges = np.flatnonzero(np.r_[True, labels[1:] != labels[:-1], True])
        length = int(np.diff(edges).max())
        index = edges[:-1, None] + np.arange(length)
        return cls(jnp.asarray(np.minimum(index, edges[1:, None] - 1)), jnp.asarray(index < edges[1:, None]))

    @classmethod
    def blocks(cls, steps: int, length: int) -> "Windows":
        """Windows of `length` steps, only for saving memory: results are kept step by step."""
        return cls.of(np.arange(steps) // length)
