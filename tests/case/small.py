"""A case small enough to run in seconds: two pools of soil in a coarse virtual Europe."""

import dataclasses
from pathlib import Path
from typing import ClassVar

from landsink.core.process import Process, Scalar, param

SMALL = """
title = "A small soil"
about = "GENERATED"

[model]
step = "month"
sun = ""
canopy = ""
light = ""
radiation = ""
snow = ""
moisture = ""
water = ""
phenology = ""
leaf_area = ""
plant = "tests.core.toys:Input"
climate = "tests.core.toys:Warmth"
soil = "tests.core.toys:WarmDecay"

[domain]
towers = 6

[domain.source]
kind = "VirtualEurope"
options = { seed = 1, resolution_degrees = 5.0, first_year = 2001, last_year = 2003 }

[start]
cycle_years = 1

[assimilate]
group = "pft"
members = 4

[map]
carry = "pft"
members = 3
cycle_years = 1
tile = 1

[map.source]
kind = "VirtualEurope"
options = { seed = 1, resolution_degrees = 5.0, first_year = 2001, last_year = 2003 }

[output]
variables = ["rh", "nee", "cSoil"]
"""

TWIN = """
[twin]
spread = 0.5

[observe.nee]
kind = "Observation"

[[goal]]
variable = "nee"
score = "rmse"
at_most = 1000.0
"""


def page(folder: Path, more: str = "", name: str = "small") -> Path:
    """The small case as a file."""
    path = folder / f"{name}.toml"
    path.write_text(SMALL + more)
    return path


class Clash(Process):
    """Carbon that would turn into water."""

    cite: ClassVar[str] = "a mistake"
    rate: Scalar = param(1.0, per="yr", bounds=(0.1, 2.0), doc="a rate")

    def __call__(self, cSoilYoung: Scalar) -> dict[str, Scalar]:
        return {"cSoilYoung -> mrsos": self.rate * cSoilYoung}


class Misspelt(Process):
    """A process that gives what the vocabulary does not hold."""

    cite: ClassVar[str] = "a mistake"

    def __call__(self, tas: Scalar) -> dict[str, Scalar]:
        return {"fEnvSoill": tas}


class Secret(Process):
    """A process that needs what no source gives."""

    cite: ClassVar[str] = "a mistake"

    def __call__(self, vegCover: Scalar) -> dict[str, Scalar]:
        return {"fSoilWet": vegCover}


@dataclasses.dataclass
class NotAProcess:
    """A class that is no process."""
