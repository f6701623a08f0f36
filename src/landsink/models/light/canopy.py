"""The canopy as a turbid layer: from leaf area to absorbed light."""

from typing import ClassVar

import jax.numpy as jnp

from landsink.core.process import Process, Scalar, param


class Canopy(Process):
    """Share of the photosynthetically active radiation that green leaves absorb.

    fapar = 1 - exp(-k Omega lai). A daily mean for leaves of random angle, gathered in clumps; wood is not counted.
    It does not know sun height or diffuse light. Not the share that is intercepted by all plant matter (fIPAR).
    """

    cite: ClassVar[str] = "Monsi and Saeki 1953, Japanese Journal of Botany 14, 22-52; Chen and Black 1992"

    extinction: Scalar = param(0.5, bounds=(0.3, 0.8), doc="extinction coefficient k")
    clumping: Scalar = param(
        0.8, bounds=(0.35, 1.0), doc="clumping index Omega, 1 where leaves are spread at random"
    )

    def __call__(self, lai: Scalar) -> dict[str, Scalar]:
        return {"fapar": -jnp.expm1(-self.extinction * self.clumping * jnp.maximum(lai, 0.0))}
