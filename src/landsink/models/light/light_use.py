"""Light-use efficiency: production in proportion to absorbed light, bent by the weather."""

from typing import ClassVar

import jax.numpy as jnp
from jax.nn import sigmoid

from landsink.core.physics import CARBON, FREEZING, GAS, WATER
from landsink.core.process import Process, Scalar, param

PHOTONS = 2.04e-6  # mol of photons (400-700 nm) a joule of shortwave [Meek1984]
CO2_PRESENT = 380e-6  # mol mol-1, at which the efficiency is quoted


class LightUse(Process):
    """Gross primary production as absorbed light times an efficiency, and the conductance that goes with it.

    gpp = eps I fapar f(light) f(warmth) f(vpd) f(co2) fSoilMoistGpp, with f(light) = 1/(1 + gamma I) in daylight,
    f(warmth) a ramp of the delayed temperature `tasAcclim`, f(vpd) = exp(-kappa D), f(co2) = 1 + c ln(co2/380 ppm).
    Water follows carbon by the underlying water-use efficiency u: gc = gpp R T/(u m sqrt(D)), m of water.
    Holds within the climate that it was fitted in; it knows no capacities and no leaf temperature.
    Not the P-model, whose efficiency follows from costs.
    """

    cite: ClassVar[str] = (
        "Mäkelä et al. 2008, Global Change Biology 14, 92-108 (PRELES); Running et al. 2004, BioScience 54, 547-560;"
        " Zhou et al. 2014, Water Resources Research 50, 5052-5063"
    )

    efficiency: Scalar = param(
        0.078, bounds=(0.01, 0.15), doc="mol C a mol of absorbed photons in dim light, eps"
    )
    saturation: Scalar = param(
        0.022, "m2 d mol-1", bounds=(0.001, 0.3), doc="fall of efficiency with light, gamma"
    )
    warm_temperature: Scalar = param(
        290.0, "K", bounds=(280.0, 305.0), doc="delayed temperature that is warm enough"
    )
    cold_temperature: Scalar = param(
        269.0, "K", bounds=(258.0, 278.0), doc="delayed temperature that still stops leaves"
    )
    acclimation_time: Scalar = param(9.0, "d", bounds=(1.0, 40.0), doc="delay of the temperature")
    dryness: Scalar = param(2e-4, "Pa-1", bounds=(1e-5, 2e-3), doc="fall of efficiency with dry air, kappa")
    fertilisation: Scalar = param(0.5, bounds=(0.05, 1.2), doc="gain of efficiency a natural-log unit of CO2")
    water_use: Scalar = param(
        13.0, "g hPa^0.5 kg-1", bounds=(2.0, 25.0), doc="underlying water-use efficiency u"
    )

    def __call__(self, tas: Scalar, rsds: Scalar, vpd: Scalar, co2: Scalar, daylength: Scalar, fapar: Scalar,
                 fSoilMoistGpp: Scalar, dt: Scalar, tasAcclim: Scalar) -> dict[str, Scalar]:  # fmt: skip
        ppfd = PHOTONS * jnp.maximum(rsds, 0.0)
        intense = ppfd / jnp.maximum(daylength / 86400.0, 1.0 / 24.0)
        reach = jnp.maximum(self.warm_temperature - self.cold_temperature, 1.0)
        warmth = _ramp((tasAcclim - self.cold_temperature) / reach)
        dry = jnp.exp(-self.dryness * vpd)
        rich = jnp.maximum(1.0 + self.fertilisation * jnp.log(co2 / CO2_PRESENT), 0.05)
        moles = (
            self.efficiency
            * fapar
            * ppfd
            / (1.0 + self.saturation * intense)
            * warmth
            * dry
            * rich
            * fSoilMoistGpp
        )
        keep = jnp.exp(-dt / self.acclimation_time)
        return {
            "ppfd": ppfd,
            "gpp": CARBON * moles,
            "gc": self._conductance(CARBON * moles, tas, vpd),
            "next tasAcclim": keep * tasAcclim + (1.0 - keep) * tas,
        }

    def _conductance(self, gpp: Scalar, tas: Scalar, vpd: Scalar) -> Scalar:
        """E = gpp sqrt(D)/u as a conductance, m s-1: E over the vapour density of the deficit."""
        humid = jnp.sqrt(vpd**2 + 50.0**2)
        return gpp / self.water_use / jnp.sqrt(humid) * GAS * jnp.maximum(tas, FREEZING - 60.0) / WATER


def _ramp(x: Scalar) -> Scalar:
    """From 0 to 1 with soft shoulders, as a logistic function whose slope in the middle is one and a half."""
    return sigmoid(6.0 * (x - 0.5))
