"""Conventions of whole processing chains: of every step the one that a known tool takes, in one object."""

from dataclasses import dataclass, field, replace

from landsink.stations.flux.changepoint import ChangePoint
from landsink.stations.flux.closure import Closure
from landsink.stations.flux.daytime import DayTime
from landsink.stations.flux.despike import Spikes
from landsink.stations.flux.filtering import Calm
from landsink.stations.flux.gaps import MarginalDistribution
from landsink.stations.flux.nighttime import NightTime
from landsink.stations.flux.reference import LongGaps
from landsink.stations.flux.threshold import MovingPoint
from landsink.stations.flux.uncertainty import RandomUncertainty


@dataclass(frozen=True)
class Convention:
    """What each step of the chain does where tools differ; its members are the steps' own conventions.

    `spikes` None keeps all spikes; `change` None takes u* thresholds by moving point alone. `like` [records] is how
    many like ones tell the spread of NEE by which day-time partitioning weighs. Compose your own with
    `dataclasses.replace(OneFlux(), gaps=MarginalDistribution.oneflux().symmetric())`.
    """

    name: str
    spikes: Spikes | None
    moving: MovingPoint
    change: ChangePoint | None
    calm: Calm
    gaps: MarginalDistribution
    like: int
    random: RandomUncertainty
    long_gaps: LongGaps | None
    night: NightTime
    day: DayTime
    closure: Closure

    @property
    def spread(self) -> MarginalDistribution:
        """How like records are sought for the spread of NEE."""
        return replace(self.gaps, samples=self.like)


@dataclass(frozen=True)
class OneFlux(Convention):
    """As the chain that made FLUXNET2015 and makes ICOS's products [Pastorello2020]."""

    name: str = "oneflux"
    spikes: Spikes | None = field(default_factory=Spikes.oneflux)
    moving: MovingPoint = field(default_factory=MovingPoint.oneflux)
    change: ChangePoint | None = field(default_factory=ChangePoint.oneflux)
    calm: Calm = field(default_factory=Calm.oneflux)
    gaps: MarginalDistribution = field(default_factory=MarginalDistribution.oneflux)
    like: int = 10
    random: RandomUncertainty = field(default_factory=RandomUncertainty.oneflux)
    long_gaps: LongGaps | None = field(default_factory=LongGaps)
    night: NightTime = field(default_factory=NightTime.oneflux)
    day: DayTime = field(default_factory=DayTime.oneflux)
    closure: Closure = field(default_factory=Closure)


@dataclass(frozen=True)
class REddyProc(Convention):
    """As REddyProc's defaults [Wutzler2018]: no despiking, u* by moving point, calm nights alone.

    What REddyProc has no counterpart of (the version that stands for all, energy closure) stays as in `OneFlux`.
    """

    name: str = "reddyproc"
    spikes: Spikes | None = None
    moving: MovingPoint = field(default_factory=MovingPoint.reddyproc)
    change: ChangePoint | None = None
    calm: Calm = field(default_factory=Calm.reddyproc)
    gaps: MarginalDistribution = field(default_factory=MarginalDistribution.reddyproc)
    like: int = 2
    random: RandomUncertainty = field(default_factory=RandomUncertainty.documented)
    long_gaps: LongGaps | None = None
    night: NightTime = field(default_factory=NightTime.reddyproc)
    day: DayTime = field(default_factory=DayTime.reddyproc)
    closure: Closure = field(default_factory=Closure)
