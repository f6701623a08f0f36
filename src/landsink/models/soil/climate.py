"""How warmth and water pace decay in the soil."""

from typing import ClassVar

import jax.numpy as jnp

from landsink.core.process import Process, Scalar, param


class SoilClimate(Process):
    """Decay quickens with soil temperature, and slows where the soil is dry or waterlogged.

    fEnvSoil = q10^((tsl - t_ref)/10 K) f(w), f(w) = dry + (1 - dry) (1 + half) w/(half + w) exp(-(max(w - 1, 0)/wet)^2)

    where w is the relative water of the root zone and tsl follows the air temperature with the delay tau. It equals
    one at t_ref and field capacity. For days and months: within a step of many months the delay has no meaning.
    A constant q10 exaggerates warming below freezing. Not to be confused with `RothCClimate`, which is one bare, moist
    and at 9.3 degrees Celsius.
    """

    q10: Scalar = param(2.0, bounds=(1.0, 5.0), doc="factor of decay for ten kelvins")
    t_ref: Scalar = param(
        283.15, "K", bounds=(273.15, 303.15), doc="soil temperature at which fEnvSoil is one"
    )
    tau: Scalar = param(5.0, "d", bounds=(0.5, 60.0), doc="delay of the soil temperature behind the air's")
    half: Scalar = param(0.4, bounds=(0.02, 5.0), doc="relative soil water of half the saturating response")
    dry: Scalar = param(0.1, bounds=(0.0, 0.6), doc="share of decay left in dry soil")
    wet: Scalar = param(1.0, bounds=(0.2, 5.0), doc="relative water above capacity that stifles decay")

    cite: ClassVar[str] = (
        "Bloom, A. A. and Williams, M. (2015), Biogeosciences 12, 1299-1315, doi:10.5194/bg-12-1299-2015 (temperature);"
        " Moyano, F. E. et al. (2013), Soil Biol. Biochem. 59, 72-85, doi:10.1016/j.soilbio.2013.01.002 (water)."
    )

    def __call__(self, tas: Scalar, fSoilWet: Scalar, tsl: Scalar, dt: Scalar) -> dict[str, Scalar]:
        soil = tas + (tsl - tas) * jnp.exp(-dt / self.tau)
        warmth = jnp.exp(jnp.log(self.q10) * (soil - self.t_ref) / 10.0)
        supply = (1.0 + self.half) * fSoilWet / (self.half + fSoilWet)
        air = jnp.exp(-((jnp.maximum(fSoilWet - 1.0, 0.0) / self.wet) ** 2))
        return {"fEnvSoil": warmth * (self.dry + (1.0 - self.dry) * supply * air), "next tsl": soil}
