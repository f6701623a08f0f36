"""Yasso15: five chemical fractions of litter and soil, and wood that decays the slower the thicker it is."""

import math
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax.numpy as jnp

from landsink.core.physics import FREEZING
from landsink.core.process import SECONDS, Process, Scalar, param

FRACTIONS = ("A", "W", "E", "N")
YEAR = SECONDS["yr"]

# Of what leaves a fraction, the share that arrives in another: (donor, receiver, share). All donors give humus too.
# Figures here and below: the model's parameter table; small ones with the digits of Rprebasso, which the table rounds.
TRANSFERS = (
    ("W", "A", 0.43628932),
    ("E", "A", 0.24997402),
    ("N", "A", 0.91512685),
    ("A", "W", 0.99258227),
    ("E", "W", 0.083853738),
    ("N", "W", 0.011476783),
    ("A", "E", 0.000608315),
    ("W", "E", 0.0004761282),
    ("N", "E", 0.066037729),
    ("A", "N", 0.0007713417),
    ("W", "N", 0.10401742),
    ("E", "N", 0.64880756),
)

# Mean temperatures of the quarters of a sine, per kelvin of its amplitude.
SEASONS = tuple(
    sign * 4.0 / math.pi * part
    for sign in (-1.0, 1.0)
    for part in (1.0 / math.sqrt(2.0), 1.0 - 1.0 / math.sqrt(2.0))
)


class Pace(NamedTuple):
    """Climate modifiers of the three groups of fractions."""

    awe: Scalar
    n: Scalar
    h: Scalar


class _Yasso(Process):
    """What the two Yassos share: rates, transfers, responses to climate, chemistry of litter, thickness of wood."""

    k_a: Scalar = param(
        0.48971473, per="yr", bounds=(0.05, 3.0), doc="alpha_A, decay rate, hydrolysable in acid"
    )
    k_w: Scalar = param(4.9138734, per="yr", bounds=(0.5, 20.0), doc="alpha_W, decay rate, soluble in water")
    k_e: Scalar = param(
        0.24197346, per="yr", bounds=(0.02, 2.0), doc="alpha_E, decay rate, soluble in ethanol"
    )
    k_n: Scalar = param(0.094876416, per="yr", bounds=(0.005, 1.0), doc="alpha_N, decay rate, neither")
    k_h: Scalar = param(0.001302583, per="yr", bounds=(1e-4, 0.01), doc="alpha_H, decay rate of humus")
    humified: Scalar = param(0.004596472, bounds=(1e-4, 0.006), doc="p_H, share of decay that turns to humus")
    warmth_awe: Scalar = param(0.090598047, "K-1", bounds=(0.0, 0.2), doc="beta_1 of A, W and E")
    warmth_n: Scalar = param(0.048772465, "K-1", bounds=(0.0, 0.2), doc="beta_N1")
    warmth_h: Scalar = param(0.035185492, "K-1", bounds=(0.0, 0.2), doc="beta_H1")
    bend_awe: Scalar = param(-2.144096e-4, "K-2", bounds=(-0.005, 0.0), doc="beta_2 of A, W and E")
    bend_n: Scalar = param(-7.913602e-5, "K-2", bounds=(-0.005, 0.0), doc="beta_N2")
    bend_h: Scalar = param(-2.089906e-4, "K-2", bounds=(-0.005, 0.0), doc="beta_H2")
    rain_awe: Scalar = param(
        -1.8089202, bounds=(-20.0, -0.1), doc="gamma of A, W and E, per m of rain a year"
    )
    rain_n: Scalar = param(-1.1725473, bounds=(-20.0, -0.1), doc="gamma_N, per m of rain a year")
    rain_h: Scalar = param(-12.535951, bounds=(-40.0, -0.1), doc="gamma_H, per m of rain a year")
    size_1: Scalar = param(-0.43892271, "cm-1", bounds=(-3.0, 1.0), doc="phi_1 of the diameter of wood")
    size_2: Scalar = param(1.2674668, "cm-2", bounds=(0.1, 4.0), doc="phi_2 of the diameter of wood")
    size_r: Scalar = param(0.25691424, bounds=(0.01, 1.0), doc="r, how strongly thickness slows decay")
    diameter: Scalar = param(10.0, "cm", bounds=(0.0, 200.0), doc="d, diameter of woody litter")
    leaf_a: Scalar = param(0.47, bounds=(0.0, 1.0), doc="weight of A in leaf litter (weights are normalised)")
    leaf_w: Scalar = param(0.17, bounds=(0.0, 1.0), doc="weight of W in leaf litter")
    leaf_e: Scalar = param(0.08, bounds=(0.0, 1.0), doc="weight of E in leaf litter")
    leaf_n: Scalar = param(0.28, bounds=(0.001, 1.0), doc="weight of N in leaf litter")
    root_a: Scalar = param(0.52, bounds=(0.0, 1.0), doc="weight of A in root litter")
    root_w: Scalar = param(0.18, bounds=(0.0, 1.0), doc="weight of W in root litter")
    root_e: Scalar = param(0.08, bounds=(0.0, 1.0), doc="weight of E in root litter")
    root_n: Scalar = param(0.22, bounds=(0.001, 1.0), doc="weight of N in root litter")
    wood_a: Scalar = param(0.683, bounds=(0.0, 1.0), doc="weight of A in woody litter")
    wood_w: Scalar = param(0.018, bounds=(0.0, 1.0), doc="weight of W in woody litter")
    wood_e: Scalar = param(0.004, bounds=(0.0, 1.0), doc="weight of E in woody litter")
    wood_n: Scalar = param(0.295, bounds=(0.001, 1.0), doc="weight of N in woody litter")

    transfers: tuple[tuple[str, str, float], ...] = eqx.field(static=True, default=TRANSFERS)

    cite: ClassVar[str] = (
        "Jarvenpaa, M., Repo, A., Akujarvi, A., Kaasalainen, M. and Liski, J. (2015), Soil carbon model Yasso15;"
        " Tuomi, M. et al. (2011), Ecological Modelling 222, 709-718, doi:10.1016/j.ecolmodel.2010.10.025 (wood)."
    )

    def _warmth(self, celsius: Scalar) -> Pace:
        """Temperature responses, relative to zero Celsius."""
        pairs = ((self.warmth_awe, self.bend_awe), (self.warmth_n, self.bend_n), (self.warmth_h, self.bend_h))
        return Pace(*(jnp.exp(b1 * celsius + b2 * celsius**2) for b1, b2 in pairs))

    def _rain(self, pr: Scalar) -> Pace:
        """Responses to the mean precipitation, kg m-2 s-1."""
        metres = pr * YEAR / 1000.0
        return Pace(*(-jnp.expm1(gamma * metres) for gamma in (self.rain_awe, self.rain_n, self.rain_h)))

    def _fall(self, leaf: Scalar, root: Scalar, wood: Scalar) -> dict[str, Scalar]:
        """Litter taken from the ports, by its chemistry."""
        return {
            **_share("litterLeaf", "cSoil", leaf, (self.leaf_a, self.leaf_w, self.leaf_e, self.leaf_n)),
            **_share("litterRoot", "cSoil", root, (self.root_a, self.root_w, self.root_e, self.root_n)),
            **_share("litterWood", "cCwd", wood, (self.wood_a, self.wood_w, self.wood_e, self.wood_n)),
        }

    def _decay(
        self, soil: tuple[Scalar, ...], wood: tuple[Scalar, ...], humus: Scalar, pace: Pace
    ) -> dict[str, Scalar]:
        """Arrows of all pools."""
        slowed = (
            jnp.maximum(1.0 + self.size_1 * self.diameter + self.size_2 * self.diameter**2, 1.0)
            ** -self.size_r
        )
        rates = (self.k_a * pace.awe, self.k_w * pace.awe, self.k_e * pace.awe, self.k_n * pace.n)
        flows = self._cascade("cSoil", [k * x for k, x in zip(rates, soil, strict=True)])
        flows |= self._cascade("cCwd", [k * slowed * x for k, x in zip(rates, wood, strict=True)])
        return flows | {"cSoilH -> atmosphere : rh": self.k_h * pace.h * humus}

    def _cascade(self, place: str, lost: list[Scalar]) -> dict[str, Scalar]:
        """What the four fractions of a place lose: to each other, to humus, to the air."""
        leaving = dict(zip(FRACTIONS, lost, strict=True))
        flows = {f"{place}{d} -> {place}{r}": share * leaving[d] for d, r, share in self.transfers}
        for fraction, out in leaving.items():
            passed = sum(share for donor, _, share in self.transfers if donor == fraction)
            flows[f"{place}{fraction} -> cSoilH"] = self.humified * out
            flows[f"{place}{fraction} -> atmosphere : rh"] = (1.0 - passed - self.humified) * out
        return flows


def _share(port: str, place: str, rate: Scalar, weights: tuple[Scalar, ...]) -> dict[str, Scalar]:
    total = sum(weights[1:], weights[0])
    return {f"{port} -> {place}{f}": rate * w / total for f, w in zip(FRACTIONS, weights, strict=True)}


class Yasso15(_Yasso):
    """Litter passes between four chemical fractions and humus as fast as today's warmth and the year's rain allow.

    dx/dt = P K(T, R) x + b(t); k = alpha exp(beta_1 T + beta_2 T^2) (1 - exp(gamma R)); wood of diameter d decays
    (1 + phi_1 d + phi_2 d^2)^-r times as fast. Thinks in Celsius and metres a year.

    For steps of days to months, on soils that are not waterlogged; R is a running mean of `rain_memory`. Fitted to
    yearly means with a four-season cycle: `Yasso15Annual` is that scheme, and a month's own temperature comes close to
    it. It needs neither fEnvSoil nor soil water. Not to be confused with Yasso07 and Yasso20, of other parameters.
    """

    rain_memory: Scalar = param(
        365.0, "d", bounds=(30.0, 1500.0), doc="time over which precipitation is averaged"
    )

    def __call__(
        self,
        cSoilA: Scalar,
        cSoilW: Scalar,
        cSoilE: Scalar,
        cSoilN: Scalar,
        cSoilH: Scalar,
        cCwdA: Scalar,
        cCwdW: Scalar,
        cCwdE: Scalar,
        cCwdN: Scalar,
        tas: Scalar,
        pr: Scalar,
        prYear: Scalar,
        dt: Scalar,
        fVegLitterLeaf: Scalar,
        fVegLitterRoot: Scalar,
        fVegLitterWood: Scalar,
    ) -> dict[str, Scalar]:
        rain = pr + (prYear - pr) * jnp.exp(-dt / self.rain_memory)
        pace = Pace(*(t * r for t, r in zip(self._warmth(tas - FREEZING), self._rain(rain), strict=True)))
        soil, wood = (cSoilA, cSoilW, cSoilE, cSoilN), (cCwdA, cCwdW, cCwdE, cCwdN)
        flows = self._fall(fVegLitterLeaf, fVegLitterRoot, fVegLitterWood) | self._decay(
            soil, wood, cSoilH, pace
        )
        return flows | {"next prYear": rain}


class Yasso15Annual(_Yasso):
    """Litter passes between four chemical fractions and humus by yearly climate: Yasso15 as it was fitted.

    The temperature response is the mean of those at the quarters of a sine of amplitude A about the mean tas:
    T +- 4A/(sqrt(2) pi), T +- 4A/pi (1 - 1/sqrt(2)). Thinks in Celsius and metres a year.

    For steps of a year or more, where tas and pr are yearly means; with `Matrix` it is the paper's exact solution. Not
    to be confused with `Yasso15`, which reads the weather of each day or month.
    """

    def __call__(
        self,
        cSoilA: Scalar,
        cSoilW: Scalar,
        cSoilE: Scalar,
        cSoilN: Scalar,
        cSoilH: Scalar,
        cCwdA: Scalar,
        cCwdW: Scalar,
        cCwdE: Scalar,
        cCwdN: Scalar,
        tas: Scalar,
        tasAmplitude: Scalar,
        pr: Scalar,
        fVegLitterLeaf: Scalar,
        fVegLitterRoot: Scalar,
        fVegLitterWood: Scalar,
    ) -> dict[str, Scalar]:
        seasons = [self._warmth(tas - FREEZING + shift * tasAmplitude) for shift in SEASONS]
        warmth = [sum(group[1:], group[0]) / 4.0 for group in zip(*seasons, strict=True)]
        pace = Pace(*(t * r for t, r in zip(warmth, self._rain(pr), strict=True)))
        soil, wood = (cSoilA, cSoilW, cSoilE, cSoilN), (cCwdA, cCwdW, cCwdE, cCwdN)
        return self._fall(fVegLitterLeaf, fVegLitterRoot, fVegLitterWood) | self._decay(
            soil, wood, cSoilH, pace
        )
