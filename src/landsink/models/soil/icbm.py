"""The introductory carbon balance model: two pools of soil carbon."""

from typing import ClassVar

from landsink.core.process import Process, Scalar, param


class Icbm(Process):
    """All litter is young soil carbon; a share of what decays grows old, the rest is respired.

    dY/dt = i - k1 r Y;  dO/dt = h k1 r Y - k2 r O, with r = fEnvSoil

    Linear, made for years and topsoil; r is one in the Ultuna plot with straw and nitrogen (mean 5.5 degrees Celsius).
    One humified share serves all litter: the paper raises it to 0.25 for manure and 0.34 for sewage sludge. Not to be
    confused with `LitterSoil`, which keeps fine litter and wood apart.
    """

    k_young: Scalar = param(0.8, per="yr", bounds=(0.05, 4.0), doc="k1, decay rate of young carbon")
    k_old: Scalar = param(0.00605, per="yr", bounds=(0.0005, 0.05), doc="k2, decay rate of old carbon")
    humified: Scalar = param(0.125, bounds=(0.02, 0.6), doc="h, share of decayed young carbon that grows old")

    cite: ClassVar[str] = (
        "Andren, O. and Katterer, T. (1997), Ecological Applications 7, 1226-1236,"
        " doi:10.1890/1051-0761(1997)007[1226:ITICBM]2.0.CO;2."
    )

    def __call__(
        self,
        cSoilYoung: Scalar,
        cSoilOld: Scalar,
        fEnvSoil: Scalar,
        fVegLitterLeaf: Scalar,
        fVegLitterRoot: Scalar,
        fVegLitterWood: Scalar,
    ) -> dict[str, Scalar]:
        young = self.k_young * fEnvSoil * cSoilYoung
        return {
            "litterLeaf -> cSoilYoung": fVegLitterLeaf,
            "litterRoot -> cSoilYoung": fVegLitterRoot,
            "litterWood -> cSoilYoung": fVegLitterWood,
            "cSoilYoung -> cSoilOld": self.humified * young,
            "cSoilYoung -> atmosphere : rh": (1.0 - self.humified) * young,
            "cSoilOld -> atmosphere : rh": self.k_old * fEnvSoil * cSoilOld,
        }
