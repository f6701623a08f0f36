"""Water of the soil in two layers, and what evaporates from it."""

from typing import ClassVar

import jax.numpy as jnp

from landsink.core.physics import (
    CP_AIR,
    FREEZING,
    GAS,
    latent_heat,
    psychrometer,
    saturation_slope,
    smooth_minimum,
)
from landsink.core.process import Process, Scalar, param

DRY_AIR = 0.028963  # kg mol-1, molar mass
ADVECTED = 2e-6  # kg m-2 s-1, transpiration that warm dry air may drive without sunshine


class SoilMoisture(Process):
    """How wet two soil layers are, and what drought leaves of photosynthesis.

    fSoilMoistGpp = 1 above `drought_onset` of the root-weighted wetness W, below it the parabola
    1 - (1 - drought_floor) (1 - W/drought_onset)^2. Wetness counts from the wilting point to field capacity.
    Not a matric potential; capillary rise and frozen soil are left out.
    """

    cite: ClassVar[str] = "Stocker et al. 2020, Geoscientific Model Development 13, 1545-1581, eqs 20-22"

    capacity_top: Scalar = param(
        50.0, "kg m-2", bounds=(15.0, 150.0), doc="plant-available water of the upper layer"
    )
    capacity_root: Scalar = param(
        190.0, "kg m-2", bounds=(30.0, 500.0), doc="plant-available water of the lower layer"
    )
    roots_top: Scalar = param(0.27, bounds=(0.05, 0.9), doc="share of root uptake in the upper layer")
    drought_onset: Scalar = param(0.7, bounds=(0.1, 0.95), doc="wetness below which drought is felt, theta*")
    drought_floor: Scalar = param(
        0.08, bounds=(0.001, 0.9), doc="what is left of photosynthesis in a dry soil, beta0"
    )

    def __call__(self, mrsos: Scalar, mrsoRoot: Scalar) -> dict[str, Scalar]:
        top, root = (
            jnp.maximum(mrsos, 0.0) / self.capacity_top,
            jnp.maximum(mrsoRoot, 0.0) / self.capacity_root,
        )
        felt = self.roots_top * top + (1.0 - self.roots_top) * root
        lack = jnp.maximum(1.0 - felt / self.drought_onset, 0.0)
        return {
            "mrsosfc": self.capacity_top,
            "mrsoRootfc": self.capacity_root,
            "fSoilWetTop": top,
            "fSoilWet": (self.capacity_top * top + self.capacity_root * root)
            / (self.capacity_top + self.capacity_root),
            "fSoilRootTop": self.roots_top * top / (felt + 1e-9),
            "fSoilMoistGpp": 1.0 - (1.0 - self.drought_floor) * lack**2,
        }


class SoilWater(Process):
    """Interception, transpiration, soil evaporation, infiltration, percolation and runoff of two layers.

    Transpiration is Penman-Monteith's (s H + rho cp D ga)/(lambda (s + gamma (1 + ga/gc))) with the canopy's share
    fapar of the daytime surplus of radiation H, held below twice the potential. Demand is met first from rain and
    melt that arrive within the step, then from the layers, so that a day and a month both work; what a layer cannot
    hold goes on to the next, and to the river. No flow between cells, no capillary rise, no ground water, no frozen
    soil. Not for `Matrix` at a monthly step, where drying and melt are too far from linear.
    """

    cite: ClassVar[str] = "Monteith 1965, Symposia of the Society for Experimental Biology 19, 205-234"

    interception: Scalar = param(
        0.08, bounds=(0.005, 0.5), doc="share of rain that a closed canopy holds and evaporates"
    )
    aerodynamic: Scalar = param(0.02, "m", per="s", bounds=(0.003, 0.3), doc="aerodynamic conductance ga")
    soil_share: Scalar = param(
        0.65, bounds=(0.05, 1.5), doc="evaporation of wet bare soil over the potential"
    )
    percolation: Scalar = param(0.03, per="d", bounds=(0.002, 0.8), doc="drainage of a full upper layer")
    drainage: Scalar = param(
        0.01, per="d", bounds=(0.0005, 0.2), doc="drainage of a full lower layer to the river"
    )
    quickflow: Scalar = param(0.1, bounds=(0.005, 0.6), doc="share of arriving water that a wet soil sheds")

    def __call__(self, tas: Scalar, vpd: Scalar, ps: Scalar, rnsDay: Scalar, evspsblpot: Scalar, fapar: Scalar,
                 gc: Scalar, prra: Scalar, snm: Scalar, mrsos: Scalar, mrsoRoot: Scalar, mrsosfc: Scalar,
                 mrsoRootfc: Scalar, fSoilRootTop: Scalar, dt: Scalar) -> dict[str, Scalar]:  # fmt: skip
        # A stepper that extrapolates may pass a store slightly below zero; such a store gives nothing.
        upper, lower = jnp.maximum(mrsos, 0.0), jnp.maximum(mrsoRoot, 0.0)
        wet_top, wet_root = upper / mrsosfc, lower / mrsoRootfc
        held = _least(self.interception * fapar * prra, 1.5 * evspsblpot)
        arrives = prra + snm - held
        plants = _least(
            self._transpiration(tas, vpd, ps, rnsDay * fapar, gc), fapar * (2.0 * evspsblpot + ADVECTED)
        )
        soil = self.soil_share * evspsblpot * (1.0 - fapar)
        demand = plants + soil
        fresh = _least(demand, arrives) / jnp.maximum(demand, 1e-15)
        left = jnp.maximum(arrives - fresh * demand, 0.0)
        enters = left * (1.0 - self.quickflow * jnp.clip(0.5 * (wet_top + wet_root), 0.0, 1.0) ** 2)
        top = _least(enters, jnp.maximum(mrsosfc - upper, 0.0) / dt)
        root = _least(jnp.maximum(enters - top, 0.0), jnp.maximum(mrsoRootfc - lower, 0.0) / dt)
        dry = (1.0 - fresh) * plants
        return {
            "soilSurface -> atmosphere : evspsblveg": held,
            "soilSurface -> atmosphere : tran": fresh * plants,
            "soilSurface -> atmosphere : evspsblsoi": fresh * soil,
            "soilSurface -> mrsos": top,
            "soilSurface -> mrsoRoot": root,
            "soilSurface -> river : mrro": jnp.maximum(left - top - root, 0.0),
            "mrsos -> atmosphere : tran": dry * fSoilRootTop * _reach(upper, mrsosfc),
            "mrsoRoot -> atmosphere : tran": dry * (1.0 - fSoilRootTop) * _reach(lower, mrsoRootfc),
            "mrsos -> atmosphere : evspsblsoi": (1.0 - fresh) * soil * jnp.clip(wet_top, 0.0, 1.0) ** 2,
            "mrsos -> mrsoRoot": self.percolation * upper * jnp.clip(wet_top, 0.0, 1.5) ** 3,
            "mrsoRoot -> river : mrro": self.drainage * lower * jnp.clip(wet_root, 0.0, 1.5) ** 3,
        }

    def _transpiration(self, tas: Scalar, vpd: Scalar, ps: Scalar, energy: Scalar, gc: Scalar) -> Scalar:
        """Penman-Monteith, kg m-2 s-1, of a canopy that absorbs `energy` W m-2."""
        warm = jnp.clip(tas, FREEZING - 60.0, FREEZING + 60.0)
        slope, gamma = saturation_slope(warm), psychrometer(ps, warm)
        heat = CP_AIR * ps * DRY_AIR / (GAS * warm)  # J m-3 K-1
        pull = slope * energy + heat * vpd * self.aerodynamic
        # Multiplied through by gc, so that closed stomata simply give nothing.
        return gc * pull / (latent_heat(warm) * (gc * (slope + gamma) + gamma * self.aerodynamic))


def _least(one: Scalar, other: Scalar) -> Scalar:
    """The lesser of two amounts of water, its corner a little rounded."""
    return smooth_minimum(one, other, 0.98)


def _reach(store: Scalar, most: Scalar) -> Scalar:
    """What roots still reach as a layer runs dry: half at 3 % of its capacity, nothing from an empty one."""
    return store / (store + 0.03 * most)
