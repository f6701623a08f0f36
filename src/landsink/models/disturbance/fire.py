"""Fire where the burnt area is known."""

from typing import ClassVar

from landsink.core.process import Process, Scalar, param


class Fire(Process):
    """What an imposed burnt area takes from the living: part burns, part dies and falls, the rest survives.

    Burnt: A C c; fallen to litter: A C (1 - c)(1 - survival), with A the share of the area that burns per second, C the
    pool and c its combustion completeness. Fine roots and the reserve burn as wood does. For burnt area that is known,
    say from satellites; it predicts no fire and does not see fuel or weather. Not for the litter on the ground:
    that is `LitterFire`, for soils that have such pools.
    """

    cite: ClassVar[str] = (
        "Bloom, A. A. et al. (2016), Proc. Natl. Acad. Sci. 113, 1285-1290, doi:10.1073/pnas.1515160113"
    )

    burnt_leaf: Scalar = param(0.9, bounds=(0.01, 0.99), doc="share of leaves in the burnt area that burns")
    burnt_wood: Scalar = param(0.15, bounds=(0.01, 0.99), doc="share of wood, roots and reserve that burns")
    survival: Scalar = param(0.5, bounds=(0.01, 0.99), doc="share of the unburnt that lives on, resilience")

    def __call__(self, burntFraction: Scalar, cLabile: Scalar, cLeaf: Scalar, cRoot: Scalar,
                 cWood: Scalar) -> dict[str, Scalar]:  # fmt: skip
        killed_leaf = (1.0 - self.burnt_leaf) * (1.0 - self.survival) * burntFraction
        killed_wood = (1.0 - self.burnt_wood) * (1.0 - self.survival) * burntFraction
        leaf, wood = self.burnt_leaf * burntFraction, self.burnt_wood * burntFraction
        return {
            "cLabile -> atmosphere : fFire": wood * cLabile,
            "cLeaf -> atmosphere : fFire": leaf * cLeaf,
            "cRoot -> atmosphere : fFire": wood * cRoot,
            "cWood -> atmosphere : fFire": wood * cWood,
            "cLabile -> litterLeaf : fVegLitterLeaf": killed_wood * cLabile,
            "cLeaf -> litterLeaf : fVegLitterLeaf": killed_leaf * cLeaf,
            "cRoot -> litterRoot : fVegLitterRoot": killed_wood * cRoot,
            "cWood -> litterWood : fVegLitterWood": killed_wood * cWood,
        }


class LitterFire(Process):
    """What an imposed burnt area takes from fine litter and coarse wood on the ground.

    Burnt: A C c, as in `Fire`. Only for soils with the pools cLitter and cCwd; soil carbon below does not burn here,
    as peat would.
    """

    cite: ClassVar[str] = Fire.cite

    burnt_litter: Scalar = param(0.525, bounds=(0.01, 0.99), doc="share of fine litter that burns")
    burnt_cwd: Scalar = param(0.15, bounds=(0.01, 0.99), doc="share of coarse dead wood that burns")

    def __call__(self, burntFraction: Scalar, cLitter: Scalar, cCwd: Scalar) -> dict[str, Scalar]:
        return {
            "cLitter -> atmosphere : fFire": self.burnt_litter * burntFraction * cLitter,
            "cCwd -> atmosphere : fFire": self.burnt_cwd * burntFraction * cCwd,
        }
