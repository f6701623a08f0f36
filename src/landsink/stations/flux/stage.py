"""What a chain is made of: stages, none of which takes the others down.

A `Stage` is what it needs, and a function from what is known to what is known after it. A stage that fails is said to
have failed and why; what it would have given is absent, and stages that need it are skipped, with the reason. The rest
go on.
"""

import time as clocks
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import xarray as xr

from landsink.core.errors import DataError, LandsinkError
from landsink.stations.flux.convention import Convention, OneFlux
from landsink.stations.flux.reference import Reference

Report = Callable[[str, float], None]


@dataclass(frozen=True)
class Step:
    """What became of one step, in a sentence or two; `trace` is a traceback where the failure is landsink's own."""

    name: str
    status: Literal["done", "skipped", "failed"]
    says: str
    seconds: float = 0.0
    trace: str = ""


@dataclass(frozen=True)
class Settings:
    """What a user chooses: the convention, the seed of all chance, bootstrap `draws` of u*, and how many `percentiles`.

    `height` [m] of the sensor lets storage be told from one point where it was not measured; `negligible` says that
    there is none to speak of. `boosting` fills NEE by gradient-boosted trees as well.
    """

    convention: Convention = field(default_factory=OneFlux)
    seed: int = 0
    draws: int = 100
    percentiles: int = 40
    height: float | None = None
    negligible: bool = False
    boosting: bool = False

    def __post_init__(self) -> None:
        if self.draws < 1 or not 1 <= self.percentiles <= 200:
            raise DataError(
                f"{self.draws} draws and {self.percentiles} percentiles.",
                "One draw or more, and from 1 to 200 percentiles.",
            )


@dataclass(frozen=True)
class Processed:
    """A record and what has been made of it.

    record: (time) half-hours or hours, at the end with all products. versions: (time, percentile), one version for each
    u* threshold. thresholds: u* by year, draw and percentile. windows: fitted parameters of all windows and versions.
    references: the version that stands for all, by HH, DD, WW, MM, YY. coarse: days, weeks, months, years by mark.
    steps: what became of each step, in order.
    """

    record: xr.Dataset
    versions: xr.Dataset = field(default_factory=xr.Dataset)
    thresholds: xr.Dataset = field(default_factory=xr.Dataset)
    windows: xr.Dataset = field(default_factory=xr.Dataset)
    references: dict[str, Reference] = field(default_factory=dict)
    coarse: dict[str, xr.Dataset] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()

    def has(self, name: str) -> bool:
        """Whether a variable is there with at least one number, among the record, the versions or the thresholds."""
        return any(
            name in pool and np.isfinite(pool[name].values).any()
            for pool in (self.record, self.versions, self.thresholds)
        )

    def step(self, name: str) -> Step | None:
        """What became of a step."""
        return next((s for s in self.steps if s.name == name), None)


Doing = Callable[[Processed, Settings, Report], tuple[Processed, str]]


@dataclass(frozen=True)
class Stage:
    """A step of the chain. `needs` are variables; `gives`, those that are absent where it does not succeed.

    `wanted` may leave a stage out that the settings do not ask for; it then is not mentioned.
    """

    name: str
    do: Doing
    needs: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    wanted: Callable[[Settings], bool] = lambda _: True


class Skip(LandsinkError):
    """A stage finds by itself that there is nothing for it to do."""


def quiet(what: str, share: float) -> None:
    """A report to nobody."""


def run(known: Processed, stages: Sequence[Stage], settings: Settings, report: Report = quiet) -> Processed:
    """`known` through `stages`; the steps already in it are not done again.

    A failure of the data (LandsinkError), and any other exception, becomes a failed step; only an interruption by the
    user ends the chain.
    """
    for stage in stages:
        if known.step(stage.name) is None and stage.wanted(settings):
            known = _one(known, stage, stages, settings, report)
    return known


def _one(
    known: Processed, stage: Stage, stages: Sequence[Stage], settings: Settings, report: Report
) -> Processed:
    absent = [name for name in stage.needs if not known.has(name)]
    if absent:
        return _noted(known, Step(stage.name, "skipped", _reason(known, absent, stages)))
    begin = clocks.perf_counter()
    report(stage.name, 0.0)
    try:
        after, says = stage.do(known, settings, report)
        step = Step(stage.name, "done", says, clocks.perf_counter() - begin)
    except Skip as reason:
        after, step = known, Step(stage.name, "skipped", str(reason), clocks.perf_counter() - begin)
    except LandsinkError as error:
        after, step = known, Step(stage.name, "failed", str(error), clocks.perf_counter() - begin)
    except Exception as error:  # one step must not take the site down; the log keeps the traceback
        says = f"{type(error).__name__}: {error}. This is a fault of landsink: the log has its traceback."
        after = known
        step = Step(stage.name, "failed", says, clocks.perf_counter() - begin, traceback.format_exc())
    report(stage.name, 1.0)
    return _noted(after, step)


def _reason(known: Processed, absent: Sequence[str], stages: Sequence[Stage]) -> str:
    """Why a stage is skipped: what it needs is not measured, or the step that gives it came to nothing."""
    of = {name: stage.name for stage in stages for name in stage.gives}
    ways = []
    for name in absent:
        before = known.step(of.get(name, ""))
        if before is None or before.status == "done":
            ways.append(f"{name} was never measured")
        else:
            ways.append(f"{name} is not there ('{before.name}' {_was(before)})")
    return f"Not possible: {', '.join(ways)}."


def _was(step: Step) -> str:
    return "failed" if step.status == "failed" else "was skipped"


def _noted(known: Processed, step: Step) -> Processed:
    return replace(known, steps=(*known.steps, step))
