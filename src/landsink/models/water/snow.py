"""Snow on the ground: it falls, melts and sublimes."""

from typing import ClassVar

import jax.numpy as jnp
from jax.nn import sigmoid

from landsink.core.physics import FREEZING
from landsink.core.process import Process, Scalar, param


class Snow(Process):
    """One store of snow with degree-day melt.

    Snowfall is the share 1/(1 + exp((tas - threshold)/width)) of precipitation; melt is degree_day times the
    softened excess of tas over the melting point, times the snow-covered share snw/(snw + cover).
    At a monthly step the width stands for the weather within the month. No refreezing, no canopy store, no density.
    """

    cite: ClassVar[str] = "Hock 2003, Journal of Hydrology 282, 104-115"

    threshold: Scalar = param(
        273.0, "K", bounds=(270.0, 277.0), doc="temperature at which half falls as snow"
    )
    width: Scalar = param(1.0, "K", bounds=(0.3, 4.0), doc="width of the change from snow to rain")
    degree_day: Scalar = param(
        3.0, "kg m-2 K-1", per="d", bounds=(0.5, 10.0), doc="melt a degree above the melting point"
    )
    cover: Scalar = param(10.0, "kg m-2", bounds=(2.0, 50.0), doc="snow that covers half of the ground")
    sublimation: Scalar = param(
        0.3, bounds=(0.02, 1.0), doc="share of the potential evaporation that snow sublimes"
    )

    def __call__(self, tas: Scalar, pr: Scalar, snw: Scalar, evspsblpot: Scalar) -> dict[str, Scalar]:
        falls = sigmoid((self.threshold - tas) / self.width)
        lies = jnp.maximum(snw, 0.0)
        covered = lies / (lies + self.cover)
        excess = tas - FREEZING
        thaw = 0.5 * (excess + jnp.sqrt(excess**2 + 0.5))
        return {
            "atmosphere -> snw : prsn": falls * pr,
            "atmosphere -> soilSurface : prra": (1.0 - falls) * pr,
            "snw -> soilSurface : snm": self.degree_day * thaw * covered,
            "snw -> atmosphere : sbl": self.sublimation * evspsblpot * covered,
        }
