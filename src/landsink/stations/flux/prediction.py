"""GPP and RECO at every record from the parameters of the windows around it, with standard errors."""

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def _one(light, cold, dry, p, e0, covariance, out):
    """GPP, RECO and their variances at one record by one window's parameters."""
    fade, warm = np.exp(-p[2] * dry), np.exp(e0 * cold)
    b = p[1] * fade
    below = p[0] * light + b
    out[1], out[3] = p[3] * warm, covariance[3, 3] * warm * warm
    out[0], out[2] = 0.0, 0.0
    if below > 0 and light > 0:
        by_b = (p[0] * light / below) ** 2
        slopes = (light * (b / below) ** 2, by_b * fade, -by_b * b * dry)
        out[0] = p[0] * light * b / below
        for a in range(3):
            for c in range(3):
                out[2] += slopes[a] * covariance[a, c] * slopes[c]


@njit(cache=True, error_model="numpy")
def predict(light, cold, dry, first, last, place, parameters, e0, covariance, out):
    """GPP, RECO and their SE (4, time) of records first … last-1 by one version's sound windows at `place`.

    Between two windows their predictions are weighed by nearness; before the first and after the last one stands alone.
    """
    near, far = np.empty(4), np.empty(4)
    after = 0
    for i in range(first, last):
        while after < place.size and place[after] <= i:
            after += 1
        a, b = max(after - 1, 0), min(after, place.size - 1)
        share = (i - place[a]) / (place[b] - place[a]) if b > a else 0.0
        share = min(max(share, 0.0), 1.0)
        _one(light[i], cold[i], dry[i], parameters[a], e0[a], covariance[a], near)
        _one(light[i], cold[i], dry[i], parameters[b], e0[b], covariance[b], far)
        for k in range(2):
            out[k, i] = near[k] * (1 - share) + far[k] * share
            out[k + 2, i] = np.sqrt(near[k + 2] * (1 - share) ** 2 + far[k + 2] * share**2)
