"""The P-model: photosynthesis of leaves that have settled at their best balance of water and carbon costs.

The functions are the published equations, one each. `PModel` lets them acclimate over days and work daily.
"""

from typing import ClassVar

import jax.numpy as jnp
from jax.nn import sigmoid

from landsink.core.physics import CARBON, FREEZING, GAS, P0, smooth_minimum
from landsink.core.process import Process, Scalar, param

T25 = 298.15  # K, reference temperature of the kinetics
OXYGEN = 0.209476  # mol mol-1
COST_JMAX = 0.41  # c*, cost of electron transport [Wang2017]
ENERGY_VCMAX = 65330.0  # J mol-1 [Bernacchi2001]
ENERGY_JMAX = 43900.0  # J mol-1 [Bernacchi2003]
PHOTONS = 2.04e-6  # mol of photons (400-700 nm) a joule of shortwave [Meek1984]
DIFFUSION = 1.6  # water vapour diffuses faster than carbon dioxide by this factor

# Viscosity of water, table 2 of Huber et al. 2009: rows by power of (density - 1), columns by power of (1/T - 1).
HUBER = (
    (0.520094, 0.0850895, -1.08374, -0.289555, 0.0, 0.0),
    (0.222531, 0.999115, 1.88797, 1.26613, 0.0, 0.120573),
    (-0.281378, -0.906851, -0.772479, -0.489837, -0.257040, 0.0),
    (0.161913, 0.257399, 0.0, 0.0, 0.0, 0.0),
    (-0.0325372, 0.0, 0.0, 0.0698452, 0.0, 0.0),
    (0.0, 0.0, 0.0, 0.0, 0.00872102, 0.0),
    (0.0, 0.0, 0.0, -0.00435673, 0.0, -0.000593264),
)
# Density of water [FisherDial1975]: polynomials in degrees Celsius, lowest power first.
FISHER_LAMBDA = (1788.316, 21.55053, -0.4695911, 3.096363e-3, -7.341182e-6)
FISHER_P0 = (5918.499, 58.05267, -1.1253317, 6.6123869e-3, -1.4661625e-5)
FISHER_V = (0.6980547, -7.435626e-4, 3.704258e-5, -6.315724e-7, 9.829576e-9, -1.197269e-10, 1.005461e-12,
            -5.437898e-15, 1.69946e-17, -2.295063e-20)  # fmt: skip


def arrhenius(tas: Scalar, energy: float) -> Scalar:
    """Rate at `tas` (K) over the rate at 25 degrees Celsius, for an activation energy in J mol-1."""
    return jnp.exp(energy * (tas - T25) / (T25 * GAS * tas))


def gammastar(tas: Scalar, ps: Scalar) -> Scalar:
    """Photorespiratory compensation point, Pa [Bernacchi2001]."""
    return 4.332 * ps / P0 * arrhenius(tas, 37830.0)


def kmm(tas: Scalar, ps: Scalar) -> Scalar:
    """Effective Michaelis-Menten coefficient of Rubisco-limited assimilation, Pa [Bernacchi2001]."""
    carboxylation = 39.97 * arrhenius(tas, 79430.0)
    oxygenation = 27480.0 * arrhenius(tas, 36380.0)
    return carboxylation * (1.0 + OXYGEN * ps / oxygenation)


def _polynomial(coefficients: tuple[float, ...], x: Scalar) -> Scalar:
    total: Scalar = 0.0
    for coefficient in reversed(coefficients):
        total = total * x + coefficient
    return total


def water_density(tas: Scalar, ps: Scalar) -> Scalar:
    """Density of water, kg m-3 [FisherDial1975]."""
    celsius = tas - FREEZING
    volume = _polynomial(FISHER_V, celsius)
    volume = volume + _polynomial(FISHER_LAMBDA, celsius) / (_polynomial(FISHER_P0, celsius) + 1e-5 * ps)
    return 1e3 / volume


def viscosity(tas: Scalar, ps: Scalar) -> Scalar:
    """Dynamic viscosity of water, Pa s [Huber2009], without the critical enhancement."""
    t = tas / 647.096
    rho = water_density(tas, ps) / 322.0
    thin = 1e2 * jnp.sqrt(t) / (1.67752 + 2.20462 / t + 0.6366564 / t**2 - 0.241605 / t**3)
    rows = tuple(_polynomial(row, 1.0 / t - 1.0) for row in HUBER)
    return 1e-6 * thin * jnp.exp(rho * _polynomial(rows, rho - 1.0))


def ns_star(tas: Scalar, ps: Scalar) -> Scalar:
    """Viscosity of water over that at 25 degrees Celsius and sea level."""
    return viscosity(tas, ps) / viscosity(T25, P0)


def phi0(tas: Scalar) -> Scalar:
    """Intrinsic quantum yield, mol C a mol of absorbed photons, as its temperature rules [Bernacchi2003]."""
    celsius = tas - FREEZING
    return 0.125 * (0.352 + 0.022 * celsius - 0.00034 * celsius**2)


def xi(tas: Scalar, ps: Scalar, beta: Scalar = 146.0) -> Scalar:
    """How strongly the best chi answers to dry air, Pa^0.5 [Prentice2014]; beta is the ratio of the two costs."""
    return jnp.sqrt(beta * (kmm(tas, ps) + gammastar(tas, ps)) / (DIFFUSION * ns_star(tas, ps)))


def chi(xi: Scalar, gammastar: Scalar, vpd: Scalar, ca: Scalar) -> Scalar:
    """Best ratio of leaf-internal to ambient CO2 [Prentice2014]; all pressures in Pa."""
    return gammastar / ca + (1.0 - gammastar / ca) * xi / (xi + jnp.sqrt(vpd))


def light_term(ci: Scalar, gammastar: Scalar) -> Scalar:
    """mj: what CO2 leaves of light-limited assimilation."""
    return (ci - gammastar) / (ci + 2.0 * gammastar)


def rubisco_term(ci: Scalar, gammastar: Scalar, kmm: Scalar) -> Scalar:
    """mc: what CO2 leaves of Rubisco-limited assimilation."""
    return (ci - gammastar) / (ci + kmm)


def transport_limit(mj: Scalar) -> Scalar:
    """What the cost of electron transport leaves of light-limited assimilation [Wang2017]; 0 where none pays."""
    ratio = COST_JMAX / jnp.maximum(mj, 1e-3)
    pays = ratio < 1.0 - 1e-6
    return jnp.where(pays, jnp.sqrt(1.0 - jnp.where(pays, ratio, 0.5) ** (2.0 / 3.0)), 0.0)


def jmax(kphio: Scalar, light: Scalar, limit: Scalar) -> Scalar:
    """Electron transport capacity that `limit` implies; in the unit of the absorbed light."""
    return 4.0 * kphio * light * limit / jnp.sqrt(1.0 - limit**2)


class PModel(Process):
    """Gross primary production and canopy conductance of leaves that acclimate over days.

    Capacities (Jmax, Vcmax) and xi are those that are best in the remembered midday climate; today's light,
    warmth, dryness and CO2 then act on them: A = min(J/4 mj, Vcmax mc), J = 4 phi0 I / sqrt(1 + (4 phi0 I/Jmax)^2).
    Soil drought (`fSoilMoistGpp`), frost and heat scale it; gc = 1.6 A R T / (ca - ci), in the units of Fick's law.
    A big leaf of C3 plants at a daily or monthly step; C4 grasses, sun and shade leaves are not told apart.
    With memories at rest, `electron_scale` 1 and no limits it is the published P-model at midday. Not net of
    leaf respiration.
    """

    cite: ClassVar[str] = (
        "Stocker et al. 2020, Geoscientific Model Development 13, 1545-1581;"
        " Wang et al. 2017, Nature Plants 3, 734-741;"
        " Mengoli et al. 2022, Journal of Advances in Modeling Earth Systems 14, e2021MS002767"
    )

    yield_scale: Scalar = param(0.77, bounds=(0.3, 1.6), doc="factor on the quantum yield phi0(T)")
    electron_scale: Scalar = param(
        1.35, bounds=(0.2, 5.0), doc="factor on Jmax: smaller saturates at less light"
    )
    rubisco_scale: Scalar = param(
        1.25, bounds=(0.4, 5.0), doc="factor on Vcmax against its coordination with light"
    )
    cost_ratio: Scalar = param(
        80.0, bounds=(20.0, 700.0), doc="cost of carboxylation over that of transpiration, beta"
    )
    conductance_scale: Scalar = param(1.1, bounds=(0.3, 3.0), doc="factor on the canopy conductance")
    acclimation_time: Scalar = param(30.0, "d", bounds=(3.0, 90.0), doc="time over which leaves acclimate")
    day_warmth: Scalar = param(
        0.55, bounds=(0.0, 1.0), doc="daytime temperature between mean (0) and maximum (1)"
    )
    frost_temperature: Scalar = param(
        269.0, "K", bounds=(258.0, 283.0), doc="minimum temperature that halves gpp"
    )
    frost_width: Scalar = param(2.0, "K", bounds=(0.5, 6.0), doc="width of the step at the frost temperature")
    waking_temperature: Scalar = param(
        270.0, "K", bounds=(258.0, 290.0), doc="remembered temperature that half wakes leaves"
    )
    waking_width: Scalar = param(
        4.0, "K", bounds=(1.0, 12.0), doc="width of the step at the waking temperature"
    )
    heat_temperature: Scalar = param(
        305.0, "K", bounds=(297.0, 322.0), doc="maximum temperature that halves gpp"
    )

    def __call__(self, tas: Scalar, tasmin: Scalar, tasmax: Scalar, rsds: Scalar, vpd: Scalar, co2: Scalar, ps: Scalar,
                 daylength: Scalar, fapar: Scalar, fSoilMoistGpp: Scalar, dt: Scalar,
                 tasAcclim: Scalar, vpdAcclim: Scalar, ppfdAcclim: Scalar) -> dict[str, Scalar]:  # fmt: skip
        day = _liquid(tas + self.day_warmth * (tasmax - tas))
        lit = jnp.maximum(daylength, 3600.0) / 86400.0
        ppfd = PHOTONS * jnp.maximum(rsds, 0.0)
        settled = self._settled(_liquid(tasAcclim), vpdAcclim, ppfdAcclim, co2, ps)
        rate, drop = self._today(settled, day, vpd, ppfd / lit, co2, ps)
        limits = (
            fSoilMoistGpp * self._frost(tasmin, tasAcclim) * sigmoid((self.heat_temperature - tasmax) * 0.3)
        )
        moles = rate * lit * fapar * limits
        keep = jnp.exp(-dt / self.acclimation_time)
        return {
            "ppfd": ppfd,
            "gpp": CARBON * moles,
            "gc": self.conductance_scale * DIFFUSION * moles * GAS * day / drop,
            "next tasAcclim": keep * tasAcclim + (1.0 - keep) * day,
            "next vpdAcclim": keep * vpdAcclim + (1.0 - keep) * vpd,
            "next ppfdAcclim": keep * ppfdAcclim + (1.0 - keep) * ppfd / lit * (jnp.pi / 2.0),
        }

    def _settled(
        self, tas: Scalar, vpd: Scalar, light: Scalar, co2: Scalar, ps: Scalar
    ) -> tuple[Scalar, Scalar, Scalar]:
        """xi, and Jmax and Vcmax at 25 degrees for full absorption, best in the remembered climate."""
        best, star, k = xi(tas, ps, self.cost_ratio), gammastar(tas, ps), kmm(tas, ps)
        ci = co2 * ps * chi(best, star, _humid(vpd), co2 * ps)
        mj, mc = light_term(ci, star), rubisco_term(ci, star, k)
        kphio, limit = self._yield(tas), jnp.minimum(transport_limit(mj), 0.99)
        light = jnp.maximum(light, 1e-6)
        electrons = self.electron_scale * jmax(kphio, light, limit) / arrhenius(tas, ENERGY_JMAX)
        rubisco = self.rubisco_scale * kphio * light * limit * mj / mc / arrhenius(tas, ENERGY_VCMAX)
        return best, electrons, rubisco

    def _today(self, settled: tuple[Scalar, Scalar, Scalar], tas: Scalar, vpd: Scalar, light: Scalar, co2: Scalar,
               ps: Scalar) -> tuple[Scalar, Scalar]:  # fmt: skip
        """Assimilation in the light, mol m-2 s-1 for full absorption, and the drop of CO2 into the leaf, Pa."""
        best, electrons, rubisco = settled
        ca, star = co2 * ps, gammastar(tas, ps)
        ci = ca * chi(best, star, _humid(vpd), ca)
        asked = 4.0 * self._yield(tas) * light
        most = electrons * arrhenius(tas, ENERGY_JMAX) + 1e-12
        by_light = 0.25 * asked / jnp.sqrt(1.0 + (asked / most) ** 2) * jnp.maximum(light_term(ci, star), 0.0)
        by_rubisco = (
            rubisco * arrhenius(tas, ENERGY_VCMAX) * jnp.maximum(rubisco_term(ci, star, kmm(tas, ps)), 0.0)
        )
        return smooth_minimum(by_light, by_rubisco, 0.95), ca - ci

    def _yield(self, tas: Scalar) -> Scalar:
        """phi0, held above zero where its parabola dives below."""
        value = phi0(tas)
        return self.yield_scale * 0.5 * (value + jnp.sqrt(value**2 + 1e-6))

    def _frost(self, tasmin: Scalar, tasAcclim: Scalar) -> Scalar:
        """Frosty nights slow photosynthesis; after a cold spell it wakes up slowly."""
        return sigmoid((tasmin - self.frost_temperature) / self.frost_width) * sigmoid(
            (tasAcclim - self.waking_temperature) / self.waking_width
        )


def _liquid(tas: Scalar) -> Scalar:
    """Temperature held to where the kinetics and the viscosity of water are known."""
    return jnp.clip(tas, FREEZING - 25.0, FREEZING + 60.0)


def _humid(vpd: Scalar) -> Scalar:
    """Vapour pressure deficit at the leaf, which is never quite saturated, Pa."""
    return jnp.sqrt(vpd**2 + 50.0**2)
