"""RothC's own climate: temperature, the topsoil's water deficit, and plant cover."""

from typing import ClassVar

import jax.numpy as jnp

from landsink.core.physics import FREEZING
from landsink.core.process import Process, Scalar, param

from .rothc import CITE

# The wilting deficit is reached only under plants; bare soil dries to this part of it.
BARE = 0.556
# Decay runs at full rate while less than this part of the greatest deficit is lacking.
EASY = 0.444
STANDARD_DEPTH = 0.23  # m


class RothCClimate(Process):
    """Temperature, topsoil moisture and plant cover set the pace of RothC: fEnvSoil = a b c. Thinks in Celsius.

    a = 47.91/(1 + exp(106.06/(T + 18.27))), zero below -5; b falls from 1 to 0.2 as the deficit passes 0.444 of its
    greatest value, M = (20 + 1.3 clay - 0.01 clay^2) depth/0.23 m; c = 1 - 0.4 vegCover.

    The deficit gathers evaporation less rain, month by month: give months (days work, with a jumpier deficit). The
    evaporation is potential evapotranspiration, which is 0.75 of an open pan's. Not to be confused with
    `SoilClimate`, which reads the soil water of a water model. Cover between 0 and 1 blends the two cases of the guide.
    """

    depth: Scalar = param(23.0, "cm", bounds=(5.0, 100.0), doc="depth of the soil sampled")
    floor: Scalar = param(0.2, bounds=(0.0, 0.9), doc="share of decay left at the greatest deficit")

    cite: ClassVar[str] = CITE

    def __call__(
        self,
        tas: Scalar,
        pr: Scalar,
        evspsblpot: Scalar,
        vegCover: Scalar,
        clay: Scalar,
        mrsoDeficit: Scalar,
        dt: Scalar,
    ) -> dict[str, Scalar]:
        greatest = (20.0 + 1.3 * clay - 0.01 * clay**2) * self.depth / STANDARD_DEPTH
        # bare soil does not dry beyond its own limit, but keeps what plants have dried before
        limit = vegCover * greatest + (1.0 - vegCover) * jnp.maximum(BARE * greatest, mrsoDeficit)
        deficit = jnp.clip(mrsoDeficit + (evspsblpot - pr) * dt, 0.0, limit)
        slope = (greatest - deficit) / ((1.0 - EASY) * greatest)
        moisture = self.floor + (1.0 - self.floor) * jnp.clip(slope, 0.0, 1.0)
        cover = 1.0 - 0.4 * vegCover
        return {"fEnvSoil": _warmth(tas) * moisture * cover, "next mrsoDeficit": deficit}


def _warmth(tas: Scalar) -> Scalar:
    """RothC's temperature factor of an air temperature in K."""
    celsius = tas - FREEZING
    live = celsius >= -5.0
    return jnp.where(live, 47.91 / (1.0 + jnp.exp(106.06 / (jnp.where(live, celsius, 0.0) + 18.27))), 0.0)
