"""Plants: when they hold leaves, and where their carbon goes."""

from .dalec import Dalec as Dalec
from .dalec import LeafArea as LeafArea
from .phenology import Phenology as Phenology
