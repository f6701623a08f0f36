"""A plant of four pools: reserve, leaves, fine roots and wood."""

from typing import ClassVar

import jax.numpy as jnp

from landsink.core.physics import FREEZING
from landsink.core.process import Process, Scalar, param

REFERENCE = FREEZING + 15.0  # K, at which rates of respiration and growth are stated
HOLD = 10.0 * 86400.0  # s, for which a reserve must last at full maintenance before maintenance is cut back
# s, in which leaves grow or fall to the wanted area; the season's own pace lies in that area
LEAF_TIME = 5.0 * 86400.0
CORNER = 0.1  # rounding of the gap between leaves wanted and leaves held, as a share of the leaves
SPARE = 0.6  # of the reserve can turn into leaves, the least growth yield
TINY = 1e-12  # kg m-2


class LeafArea(Process):
    """Leaf area of the leaves' carbon, and how leaves grow and fall towards the area that the season asks for.

    d = leaf_mass laiTarget - cLeaf; growth g s/(g + s) with g = d/tau, d > 0, and s = 0.6 cLabile/tau, so that a short
    reserve slows it smoothly; fall -d/tau, d < 0; tau is five days, and d/tau is relaxed exactly over a longer step.
    lai = (cLeaf and the mean of what grows or falls within the step)/leaf_mass, so that days and months agree; in a
    month a scant reserve is taken to be filled again by the month's own photosynthesis.
    One leaf mass per area for the canopy and the year: sun and shade leaves, and young and old ones, are not told
    apart. `leaf_mass` counts carbon, not dry mass (which is about twice as much).
    """

    cite: ClassVar[str] = (
        "Williams, M. et al. (2005), Glob. Change Biol. 11, 89-105, doi:10.1111/j.1365-2486.2004.00891.x"
    )

    leaf_mass: Scalar = param(50.0, "g m-2", bounds=(15.0, 200.0), doc="leaf carbon per leaf area, LCMA")

    def __call__(self, cLeaf: Scalar, cLabile: Scalar, laiTarget: Scalar, dt: Scalar) -> dict[str, Scalar]:
        wanted = self.leaf_mass * laiTarget - cLeaf
        pace = -jnp.expm1(-dt / LEAF_TIME) / dt
        lacks, supply = pace * _above(wanted, CORNER * cLeaf), SPARE / LEAF_TIME
        growth = lacks * supply / (lacks + supply * cLabile + TINY / LEAF_TIME)
        held = jnp.where(cLeaf > 0.0, cLeaf, 1.0)
        fall = pace * _above(-wanted, CORNER * cLeaf) / held
        moved = (growth * cLabile - fall * cLeaf) * (1.0 / pace - LEAF_TIME)
        return {"lai": (cLeaf + moved) / self.leaf_mass, "leafGrowthRate": growth, "leafFallRate": fall}


class Dalec(Process):
    """Carbon of a plant: photosynthesis feeds a reserve, from which respiration and all growth are paid.

    Maintenance: M = f(T) (m_leaf cLeaf + m_root cRoot + m_wood cWood), f = q10^((T - 15 degC)/10), cut back where the
    reserve would not last ten days: M cLabile/(cLabile + M 10 d). Leaves grow and fall as `LeafArea` says, and age.
    Roots and wood get what is left, at the pace f(T)/growth_time cLabile/(cLabile + reserve), which keeps back the next
    canopy; left is cLabile/(1 + x), x the share of the reserve that the step's maintenance and leaves cost.
    Of all that is spent on growth 1 - growth_yield is respired.
    Growth from a seed to old forest needs no switch. Not modelled: nitrogen, mortality by drought or age, reproduction,
    harvest. The reserve is not DALEC2's leaf bud pool with a calendar: the season acts through the wanted leaf area.
    """

    cite: ClassVar[str] = (
        "Williams, M. et al. (2005), Glob. Change Biol. 11, 89-105, doi:10.1111/j.1365-2486.2004.00891.x; Bloom, A. A."
        " and Williams, M. (2015), Biogeosciences 12, 1299-1315, doi:10.5194/bg-12-1299-2015"
    )

    maint_leaf: Scalar = param(8e-3, per="d", bounds=(2e-3, 4e-2), doc="maintenance of leaves at 15 degC")
    maint_root: Scalar = param(3e-3, per="d", bounds=(5e-4, 1e-2), doc="maintenance of roots at 15 degC, K_r")
    maint_wood: Scalar = param(3e-5, per="d", bounds=(2e-6, 2e-4), doc="maintenance of wood at 15 degC, K_w")
    q10: Scalar = param(2.0, bounds=(1.1, 4.0), doc="growth of maintenance and of growth with 10 K, Q10")
    growth_yield: Scalar = param(0.77, bounds=(0.6, 0.9), doc="carbon grown of carbon spent on growth, Y_g")
    growth_time: Scalar = param(
        8.0, "d", bounds=(2.0, 60.0), doc="in which a full reserve grows roots and wood"
    )
    reserve: Scalar = param(
        100.0, "g m-2", bounds=(5.0, 600.0), doc="reserve at which that growth has half its speed"
    )
    root_share: Scalar = param(0.4, bounds=(0.02, 0.98), doc="share of roots in growth of roots and wood")
    leaf_life: Scalar = param(2.5, "yr", bounds=(0.3, 8.0), doc="life of a leaf that no season fells")
    root_life: Scalar = param(1.2, "yr", bounds=(0.2, 8.0), doc="life of a fine root")
    wood_life: Scalar = param(40.0, "yr", bounds=(3.0, 200.0), doc="life of wood, death of trees included")
    wood_above: Scalar = param(0.79, bounds=(0.5, 0.95), doc="share of wood above ground")

    def __call__(self, gpp: Scalar, tas: Scalar, leafGrowthRate: Scalar, leafFallRate: Scalar, dt: Scalar,
                 cLabile: Scalar, cLeaf: Scalar, cRoot: Scalar, cWood: Scalar) -> dict[str, Scalar]:  # fmt: skip
        warm = self.q10 ** ((tas - REFERENCE) / 10.0)
        asked = warm * (self.maint_leaf * cLeaf + self.maint_root * cRoot + self.maint_wood * cWood)
        maintenance = asked * cLabile / (cLabile + asked * HOLD + TINY)
        leaves = leafGrowthRate * cLabile
        first = (maintenance + leaves / self.growth_yield) * dt
        spare = cLabile * cLabile / (cLabile + first + TINY)
        pace = warm / self.growth_time * cLabile / (cLabile + self.reserve)
        growth = -jnp.expm1(-pace * dt) / dt * spare
        return {
            "atmosphere -> cLabile : gpp": gpp,
            "cLabile -> atmosphere : raMaint": maintenance,
            "cLabile -> atmosphere : raGrowth": (1.0 - self.growth_yield)
            * (leaves / self.growth_yield + growth),
            "cLabile -> cLeaf": leaves,
            "cLabile -> cRoot": self.growth_yield * self.root_share * growth,
            "cLabile -> cWood": self.growth_yield * (1.0 - self.root_share) * growth,
            "cLeaf -> litterLeaf : fVegLitterLeaf": (leafFallRate + 1.0 / self.leaf_life) * cLeaf,
            "cRoot -> litterRoot : fVegLitterRoot": cRoot / self.root_life,
            "cWood -> litterWood : fVegLitterWood": cWood / self.wood_life,
            "cVegAbove": cLeaf + self.wood_above * cWood,
        }


def _above(gap: Scalar, corner: Scalar) -> Scalar:
    """The positive part of a gap, rounded by a parabola within `corner` of nought; nought where both are nought."""
    safe = jnp.where(corner > 0.0, corner, 1.0)
    return jnp.where(gap >= corner, gap, jnp.maximum(gap + corner, 0.0) ** 2 / (4.0 * safe))
