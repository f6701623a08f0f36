"""Net radiation, and the evaporation that it can drive."""

from typing import ClassVar

import jax.numpy as jnp

from landsink.core.physics import FREEZING, latent_heat, psychrometer, saturation_slope
from landsink.core.process import Process, Scalar, param


class NetRadiation(Process):
    """Net radiation from sunshine and temperature, and Priestley-Taylor evaporation from its positive part.

    rns = (1 - albedo) rsds - (b + (1 - b) n)(A - t), t in degrees Celsius, n the share of sunshine, from
    rsds/rsdt = c + d n; evspsblpot = alpha s/(s + gamma) H/lambda, H the part of the day's course in which the sun
    brings more than is lost (the sun's course is a parabola-like arch over the day length).
    Snow's own albedo, ground heat and horizontal advection are left out. Not what evaporates, which needs water.
    """

    cite: ClassVar[str] = (
        "Davis et al. 2017, Geoscientific Model Development 10, 689-708 (SPLASH);"
        " Priestley and Taylor 1972, Monthly Weather Review 100, 81-92"
    )

    albedo: Scalar = param(0.17, bounds=(0.05, 0.35), doc="shortwave albedo")
    priestley_taylor: Scalar = param(1.26, bounds=(0.7, 1.6), doc="Priestley-Taylor coefficient alpha")
    longwave_base: Scalar = param(
        107.0, "W m-2", bounds=(60.0, 160.0), doc="net longwave loss A under a clear sky at 0 degC"
    )

    def __call__(
        self, tas: Scalar, rsds: Scalar, rsdt: Scalar, ps: Scalar, daylength: Scalar
    ) -> dict[str, Scalar]:
        clear = jnp.clip((rsds / jnp.maximum(rsdt, 1.0) - 0.25) / 0.5, 0.0, 1.0)
        loss = (0.2 + 0.8 * clear) * jnp.maximum(self.longwave_base - (tas - FREEZING), 20.0)
        gain = (1.0 - self.albedo) * jnp.maximum(rsds, 0.0)
        warm = jnp.clip(tas, FREEZING - 60.0, FREEZING + 60.0)
        slope = saturation_slope(warm)
        drive = slope / (slope + psychrometer(ps, warm)) / latent_heat(warm)
        surplus = daytime_surplus(gain, loss, daylength / 86400.0)
        return {
            "rns": gain - loss,
            "rnsDay": surplus,
            "evspsblpot": self.priestley_taylor * drive * surplus,
        }


def daytime_surplus(gain: Scalar, loss: Scalar, lit: Scalar) -> Scalar:
    """Mean over 24 h of the positive part of (gain - loss), W m-2.

    The gain (24 h mean `gain`) follows a half sine over the share `lit` of the day; the loss is steady.
    Integral of P sin(x) - L where it is positive: 2 lit/pi (P sqrt(1 - r^2) - L acos(r)), r = L/P.
    """
    lit = jnp.maximum(lit, 1.0 / 24.0)
    peak = 0.5 * jnp.pi * gain / lit
    above = peak > loss * (1.0 + 1e-6)
    ratio = jnp.where(above, loss / jnp.where(above, peak, 1.0), 0.5)
    return jnp.where(
        above, lit / (0.5 * jnp.pi) * (peak * jnp.sqrt(1.0 - ratio**2) - loss * jnp.arccos(ratio)), 0.0
    )
