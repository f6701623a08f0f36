"""Releases: gridded products as they are published, immutable, laid out once for maps and once for series."""

from .collection import Releases as Releases
from .release import Regional as Regional
from .release import Release as Release
from .variable import Variable as Variable
from .writing import Progress as Progress
