"""When leaves are held: temperature, day length and soil water, remembered and seen through smooth thresholds."""

from typing import ClassVar

import jax.numpy as jnp
from jax.nn import sigmoid

from landsink.core.process import Process, Scalar, param

# How far readiness must run ahead of the canopy, or behind, for the time of growth, or of fall, to rule.
SWITCH = 0.03


def _relax(old: Scalar, goal: Scalar, dt: Scalar, time: Scalar) -> tuple[Scalar, Scalar]:
    """Exact relaxation towards `goal`: the value at the step's end and the step's mean, for days and months."""
    steps = dt / time
    return goal + (old - goal) * jnp.exp(-steps), goal - (old - goal) * jnp.expm1(-steps) / steps


class Phenology(Process):
    """Leaf area that the season asks for, from remembered temperature, day length and soil water.

    ready = S((T - temperature_on)/temperature_width) S((daylength - day_on)/day_width), T an exponential mean of `tas`
    d tasLeafOn/dt = (ready - tasLeafOn)/time, time_on while it rises and time_off while it falls
    d laiPotential/dt = (lai_max S((fSoilWet - wet_on)/wet_width) - laiPotential)/time_water
    laiTarget = laiPotential (evergreen + (1 - evergreen) tasLeafOn), with S the logistic function; means over the step.
    Smooth thresholds on temperature and day length and a remembered water limit follow Knorr et al. (2010); the product
    of limits follows the growing season index. One set of equations serves every plant type, by parameters alone:
    deciduous (evergreen near 0), needle-leaved (its satellite leaf area still has a strong cycle), savanna and grass
    (temperature_on low, wet_on high). Not for crops that are sown and harvested by a calendar, nor for leaf age;
    `laiTarget` is what the season asks for: the leaves that the plant could pay for are `lai`.
    """

    cite: ClassVar[str] = (
        "Knorr, W. et al. (2010), J. Geophys. Res. 115, G04017, doi:10.1029/2009JG001119; Jolly, W. M., Nemani, R. and"
        " Running, S. W. (2005), Glob. Change Biol. 11, 619-632, doi:10.1111/j.1365-2486.2005.00930.x"
    )

    lai_max: Scalar = param(
        4.5, bounds=(0.3, 9.0), doc="leaf area index of a full canopy, warm, light and wet"
    )
    evergreen: Scalar = param(
        0.15, bounds=(0.01, 0.95), doc="share of leaf area kept through cold and short days"
    )
    temperature_on: Scalar = param(
        282.0, "K", bounds=(268.0, 298.0), doc="temperature of half a canopy, T_phi"
    )
    temperature_width: Scalar = param(2.5, "K", bounds=(0.5, 8.0), doc="spread of that threshold, T_r")
    day_on: Scalar = param(11.0, "h", bounds=(6.0, 16.5), doc="day length of half a canopy, t_c")
    day_width: Scalar = param(0.7, "h", bounds=(0.1, 4.0), doc="spread of that threshold, t_r")
    wet_on: Scalar = param(0.1, bounds=(-0.2, 0.8), doc="relative soil water of half a canopy")
    wet_width: Scalar = param(0.1, bounds=(0.02, 0.5), doc="spread of that threshold")
    memory: Scalar = param(14.0, "d", bounds=(2.0, 60.0), doc="over which temperature is remembered, tau_m")
    time_on: Scalar = param(8.0, "d", bounds=(1.0, 60.0), doc="in which the canopy follows a better season")
    time_off: Scalar = param(
        20.0, "d", bounds=(1.0, 120.0), doc="in which the canopy follows a worse season, tau_L"
    )
    time_water: Scalar = param(
        30.0, "d", bounds=(3.0, 180.0), doc="in which leaf area follows soil water, tau_s"
    )

    def __call__(self, tas: Scalar, daylength: Scalar, fSoilWet: Scalar, dt: Scalar, tasPhenology: Scalar,
                 tasLeafOn: Scalar, laiPotential: Scalar) -> dict[str, Scalar]:  # fmt: skip
        end, temperature = _relax(tasPhenology, tas, dt, self.memory)
        warm = sigmoid((temperature - self.temperature_on) / self.temperature_width)
        light = sigmoid((daylength - self.day_on) / self.day_width)
        ready = warm * light
        time = self.time_off + (self.time_on - self.time_off) * sigmoid((ready - tasLeafOn) / SWITCH)
        leaf_on_end, leaf_on = _relax(tasLeafOn, ready, dt, time)
        wet = self.lai_max * sigmoid((fSoilWet - self.wet_on) / self.wet_width)
        potential_end, potential = _relax(laiPotential, wet, dt, self.time_water)
        return {
            "next tasPhenology": end,
            "next tasLeafOn": leaf_on_end,
            "next laiPotential": potential_end,
            "laiTarget": potential * (self.evergreen + (1.0 - self.evergreen) * leaf_on),
        }
