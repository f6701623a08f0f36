"""The plain chain of dead carbon: litter, coarse wood, young and old soil carbon."""

from typing import ClassVar

from landsink.core.process import Process, Scalar, param


class LitterSoil(Process):
    """Leaves and roots fall to litter and wood to woody debris; each stage hands a share to a slower one.

    d cX/dt = input - k_X fEnvSoil cX; of what leaves litter, wood and young soil, the humified share moves on

    and the rest is respired. Linear in its pools, for any step. The pools are operational, not measurable fractions:
    only their sum compares with a soil core. Not to be confused with `Icbm`, which has no litter of its own.
    """

    k_litter: Scalar = param(1.0, per="yr", bounds=(0.05, 20.0), doc="decay rate of fine litter")
    k_wood: Scalar = param(0.1, per="yr", bounds=(0.005, 2.0), doc="decay rate of coarse woody debris")
    k_young: Scalar = param(0.08, per="yr", bounds=(0.01, 2.0), doc="decay rate of young soil carbon")
    k_old: Scalar = param(0.004, per="yr", bounds=(0.0002, 0.05), doc="decay rate of old soil carbon")
    litter_humified: Scalar = param(
        0.35, bounds=(0.05, 0.9), doc="share of decayed litter that turns to young soil carbon"
    )
    wood_humified: Scalar = param(
        0.35, bounds=(0.05, 0.9), doc="share of decayed wood that turns to young soil carbon"
    )
    young_humified: Scalar = param(
        0.12, bounds=(0.005, 0.6), doc="share of decayed young carbon that turns to old"
    )

    cite: ClassVar[str] = (
        "Bloom, A. A. and Williams, M. (2015), Biogeosciences 12, 1299-1315, doi:10.5194/bg-12-1299-2015;"
        " Parton, W. J. et al. (1987), Soil Sci. Soc. Am. J. 51, 1173-1179,"
        " doi:10.2136/sssaj1987.03615995005100050015x."
    )

    def __call__(
        self,
        cLitter: Scalar,
        cCwd: Scalar,
        cSoilYoung: Scalar,
        cSoilOld: Scalar,
        fEnvSoil: Scalar,
        fVegLitterLeaf: Scalar,
        fVegLitterRoot: Scalar,
        fVegLitterWood: Scalar,
    ) -> dict[str, Scalar]:
        litter = self.k_litter * fEnvSoil * cLitter
        wood = self.k_wood * fEnvSoil * cCwd
        young = self.k_young * fEnvSoil * cSoilYoung
        return {
            "litterLeaf -> cLitter": fVegLitterLeaf,
            "litterRoot -> cLitter": fVegLitterRoot,
            "litterWood -> cCwd": fVegLitterWood,
            "cLitter -> cSoilYoung": self.litter_humified * litter,
            "cLitter -> atmosphere : rh": (1.0 - self.litter_humified) * litter,
            "cCwd -> cSoilYoung": self.wood_humified * wood,
            "cCwd -> atmosphere : rh": (1.0 - self.wood_humified) * wood,
            "cSoilYoung -> cSoilOld": self.young_humified * young,
            "cSoilYoung -> atmosphere : rh": (1.0 - self.young_humified) * young,
            "cSoilOld -> atmosphere : rh": self.k_old * fEnvSoil * cSoilOld,
        }
