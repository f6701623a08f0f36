"""Constants and relations of physics that several processes share; elementwise, SI units."""

import jax.numpy as jnp

from .process import Scalar

GAS = 8.3145  # J mol-1 K-1
CARBON = 0.0120107  # kg mol-1
WATER = 0.018015  # kg mol-1
FREEZING = 273.15  # K
CP_AIR = 1004.67  # J kg-1 K-1
P0 = 101325.0  # Pa
EPSILON = 0.622  # molar mass of water over that of dry air


def saturation_pressure(tas: Scalar) -> Scalar:
    """Saturation vapour pressure over water, Pa, of a temperature in K [Allen et al. 1998, FAO 56, eq. 11]."""
    celsius = tas - FREEZING
    return 610.8 * jnp.exp(17.27 * celsius / (celsius + 237.3))


def saturation_slope(tas: Scalar) -> Scalar:
    """Slope of the saturation vapour pressure, Pa K-1 [Allen et al. 1998, FAO 56, eq. 13]."""
    celsius = tas - FREEZING
    return 4098.0 * saturation_pressure(tas) / (celsius + 237.3) ** 2


def latent_heat(tas: Scalar) -> Scalar:
    """Latent heat of vaporisation, J kg-1, of a temperature in K [Henderson-Sellers 1984, linear form]."""
    return 2.501e6 - 2361.0 * (tas - FREEZING)


def psychrometer(ps: Scalar, tas: Scalar) -> Scalar:
    """Psychrometric constant, Pa K-1."""
    return CP_AIR * ps / (EPSILON * latent_heat(tas))


def smooth_minimum(one: Scalar, other: Scalar, sharpness: float) -> Scalar:
    """Smooth minimum of two amounts >= 0, never above either: a root of sharpness x^2 - (one + other) x + one other."""
    total = one + other
    some = total > 1e-20
    share = jnp.where(some, other / jnp.where(some, total, 1.0), 0.5)
    # The root in the form that keeps its digits when one amount is far smaller than the other.
    return 2.0 * one * share / (1.0 + jnp.sqrt(1.0 - 4.0 * sharpness * share * (1.0 - share)))
