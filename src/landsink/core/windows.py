"""Time axes as runs take them: windows of steps, and forcing packed into small integers."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .errors import DataError


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


class Packed(NamedTuple):
    """Forcing as small integers, (time, cell): values = integers * scale + offset, as NetCDF packs them.

    A quarter of the memory of double precision; the native engine unpacks it in the kernel.
    """

    integers: Array
    scale: Array
    offset: Array

    @classmethod
    def of(cls, values: np.ndarray) -> "Packed":
        """Pack to 16 bits over the range of the values; off by at most 1/131068 of it. No value may be missing."""
        low, high = float(np.min(values)), float(np.max(values))
        if not np.isfinite(high - low):
            raise DataError(
                "forcing with gaps or infinities cannot be packed.", "Finite values.", "Fill it first."
            )
        scale = (high - low) / 65534.0 or 1.0
        offset = (high + low) / 2.0
        integers = np.round((np.asarray(values) - offset) / scale).astype(np.int16)
        return cls(jnp.asarray(integers), jnp.asarray(scale), jnp.asarray(offset))

    @property
    def shape(self) -> tuple[int, ...]:
        """(time, cell)."""
        return self.integers.shape

    @property
    def values(self) -> Array:
        """Unpacked."""
        return self.integers * self.scale + self.offset
