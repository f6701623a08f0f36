"""The sun: what reaches the top of the atmosphere, and how long the day is."""

from typing import ClassVar

import jax.numpy as jnp

from landsink.core.process import Process, Scalar

SOLAR_CONSTANT = 1366.7  # W m-2, 0.0820 MJ m-2 min-1 [Allen1998]
TILT = 0.40840704  # rad, 23.4 degrees


def declination(dayOfYear: Scalar) -> Scalar:
    """Angle of the sun above the equator, rad, positive in the northern summer [Jones2013]."""
    return -TILT * jnp.cos(2.0 * jnp.pi * (dayOfYear + 10.0) / 365.0)


def sunset(lat: Scalar, dec: Scalar) -> Scalar:
    """Hour angle at sunset, rad, 0 in the polar night and pi in the polar day; latitude and declination in rad."""
    # The rim of acos has no finite slope; a day of a few seconds is as good as none.
    rim = 1.0 - 1e-7
    return jnp.arccos(jnp.clip(-jnp.tan(lat) * jnp.tan(dec), -rim, rim))


class Sun(Process):
    """Daily mean radiation at the top of the atmosphere, and day length, from latitude and date.

    rsdt = S0 r / pi (w sin(lat) sin(dec) + cos(lat) cos(dec) sin(w)),
    w the sunset angle, r = 1 + 0.033 cos(2 pi day/365).
    A level horizon without refraction; the declination is a cosine of the date, within half a degree of the true one.
    At a monthly step `dayOfYear` is the middle of the month. Not the radiation at the ground, which is `rsds`.
    """

    cite: ClassVar[str] = "Allen et al. 1998, FAO Irrigation and Drainage Paper 56, eqs 21-34"

    def __call__(self, lat: Scalar, dayOfYear: Scalar) -> dict[str, Scalar]:
        angle = jnp.clip(lat, -89.9, 89.9) * (jnp.pi / 180.0)
        dec = declination(dayOfYear)
        set_ = sunset(angle, dec)
        near = 1.0 + 0.033 * jnp.cos(2.0 * jnp.pi * dayOfYear / 365.0)
        high = set_ * jnp.sin(angle) * jnp.sin(dec) + jnp.cos(angle) * jnp.cos(dec) * jnp.sin(set_)
        return {
            "rsdt": SOLAR_CONSTANT / jnp.pi * near * jnp.maximum(high, 0.0),
            "daylength": 86400.0 / jnp.pi * set_,
        }
