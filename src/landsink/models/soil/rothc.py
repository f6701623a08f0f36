"""The Rothamsted carbon model, RothC-26.3: four active pools, manure and inert carbon."""

from typing import ClassVar

import jax.numpy as jnp

from landsink.core.process import Process, Scalar, param

# Of what is kept, the part that turns to microbes; the rest is humified.
TO_BIOMASS = 0.46

CITE = (
    "Coleman, K. and Jenkinson, D. S. (1996), RothC-26.3, in: Evaluation of Soil Organic Matter Models, NATO ASI I 38,"
    " 237-246, doi:10.1007/978-3-642-61094-3_17."
)


class RothC(Process):
    """Plant matter and microbes decay; clay decides how much of that is kept, as new microbes and humus.

    CO2 : kept = x : 1, x = 1.67 (1.85 + 1.60 exp(-0.0786 clay)); 46 % of what is kept is microbes, 54 % humus

    Microbes and humus hand matter to themselves too: written as arrows that end where they begin, so that `Decay` with
    a monthly step is the model's own scheme (a month's input does not decay in that month). For topsoils that are not
    waterlogged; it knows no depth, no nitrogen. It needs fEnvSoil, of `RothCClimate` for its own climate. Inert
    carbon is apart, `Inert`. Not to be confused with the CENTURY family, whose humus is slow and passive.
    """

    k_dpm: Scalar = param(10.0, per="yr", bounds=(2.0, 40.0), doc="decay rate of decomposable plant material")
    k_rpm: Scalar = param(0.3, per="yr", bounds=(0.05, 1.5), doc="decay rate of resistant plant material")
    k_bio: Scalar = param(0.66, per="yr", bounds=(0.1, 3.0), doc="decay rate of microbial biomass")
    k_hum: Scalar = param(0.02, per="yr", bounds=(0.002, 0.1), doc="decay rate of humus")
    dpm_rpm: Scalar = param(
        1.44, bounds=(0.1, 4.0), doc="DPM/RPM of leaf and root litter: crops 1.44, scrub 0.67"
    )
    dpm_rpm_wood: Scalar = param(0.25, bounds=(0.02, 2.0), doc="DPM/RPM of woody litter")

    cite: ClassVar[str] = CITE

    def __call__(
        self,
        cSoilDpm: Scalar,
        cSoilRpm: Scalar,
        cSoilBio: Scalar,
        cSoilHum: Scalar,
        clay: Scalar,
        fEnvSoil: Scalar,
        fVegLitterLeaf: Scalar,
        fVegLitterRoot: Scalar,
        fVegLitterWood: Scalar,
    ) -> dict[str, Scalar]:
        kept = 1.0 / (1.67 * (1.85 + 1.60 * jnp.exp(-0.0786 * clay)) + 1.0)
        pools = {"cSoilDpm": cSoilDpm, "cSoilRpm": cSoilRpm, "cSoilBio": cSoilBio, "cSoilHum": cSoilHum}
        rates = (self.k_dpm, self.k_rpm, self.k_bio, self.k_hum)
        flows: dict[str, Scalar] = {}
        for (name, stock), k in zip(pools.items(), rates, strict=True):
            lost = k * fEnvSoil * stock
            flows[f"{name} -> cSoilBio"] = TO_BIOMASS * kept * lost
            flows[f"{name} -> cSoilHum"] = (1.0 - TO_BIOMASS) * kept * lost
            flows[f"{name} -> atmosphere : rh"] = (1.0 - kept) * lost
        flows |= _split("litterLeaf", fVegLitterLeaf, self.dpm_rpm)
        flows |= _split("litterRoot", fVegLitterRoot, self.dpm_rpm)
        return flows | _split("litterWood", fVegLitterWood, self.dpm_rpm_wood)


def _split(port: str, rate: Scalar, ratio: Scalar) -> dict[str, Scalar]:
    share = ratio / (1.0 + ratio)
    return {f"{port} -> cSoilDpm": share * rate, f"{port} -> cSoilRpm": (1.0 - share) * rate}


class Manure(Process):
    """Farmyard manure joins RothC's pools: it is more decayed than fresh plant matter, and partly humus.

    DPM : RPM : HUM = 0.49 : 0.49 : 0.02

    For farmyard manure of cattle; slurry, compost and sewage sludge have other shares. Compose it with `RothC` where
    `fManure` is given. Not to be confused with plant litter, which brings no humus.
    """

    humus: Scalar = param(0.02, bounds=(0.0, 0.5), doc="share of manure that is humus already")
    dpm_rpm: Scalar = param(1.0, bounds=(0.1, 4.0), doc="DPM/RPM of the rest of the manure")

    cite: ClassVar[str] = CITE

    def __call__(self, fManure: Scalar) -> dict[str, Scalar]:
        fresh = (1.0 - self.humus) * fManure
        return _split("litterManure", fresh, self.dpm_rpm) | {
            "litterManure -> cSoilHum": self.humus * fManure
        }


class Inert(Process):
    """Inert organic matter counts in the soil's carbon, and takes no part in anything.

    d cSoilInert/dt = 0

    Its stock is an initial state, by `inert_stock` where nothing better is known (radiocarbon is). Not to be confused
    with old or passive pools, which decay.
    """

    cite: ClassVar[str] = CITE

    def __call__(self, cSoilInert: Scalar) -> dict[str, Scalar]:
        return {"cSoilInert -> cSoilInert": 0.0 * cSoilInert}


def inert_stock(soil: Scalar) -> Scalar:
    """Inert carbon, kg m-2, of a soil that holds `soil` kg m-2 of carbon in all.

    IOM = 0.049 SOC^1.139 in t C ha-1, fitted to topsoils with radiocarbon; its 95 % interval is wide
    [Falloon et al. 1998, doi:10.1016/S0038-0717(97)00256-3].
    """
    return 0.1 * 0.049 * (10.0 * soil) ** 1.139
