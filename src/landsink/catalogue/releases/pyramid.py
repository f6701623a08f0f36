"""Coarser maps: means over two by two cells, weighted by the land that holds a value."""

import numpy as np


def halved(values: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(…, rows, columns) at half the resolution, NaN where no cell has a value, and its weight, both of float64.

    weight: (…, rows, columns), area of the land of each cell; the one that is given back is of the land that has a
    value, so that halving again keeps the mean of the whole. An odd last row or column stands alone.
    """
    valid = np.where(np.isfinite(values), weight, 0.0)
    total, area = _summed(np.where(valid > 0, values, 0.0) * valid), _summed(valid)
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / area, area


def halved_axis(centres: np.ndarray) -> np.ndarray:
    """Centres of the coarser cells; a lone last cell is told as wide as the others."""
    step = centres[1] - centres[0]
    return centres[0] + step / 2 + 2 * step * np.arange(-(-len(centres) // 2))


def _summed(values: np.ndarray) -> np.ndarray:
    rows, cols = values.shape[-2:]
    lead = [(0, 0)] * (values.ndim - 2)
    full = np.pad(values.astype(float), [*lead, (0, rows % 2), (0, cols % 2)])
    return full.reshape(*values.shape[:-2], -(-rows // 2), 2, -(-cols // 2), 2).sum((-3, -1))
