"""What the portal asks of those who compute: it knows no case and no model itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from landsink.core.errors import LandsinkError


@dataclass(frozen=True)
class Description:
    """A process as it is offered. `inputs`: name -> (title, description, JSON Schema, whether it must be given)."""

    id: str
    title: str
    text: str
    version: str
    inputs: Mapping[str, tuple[str, str, Mapping[str, Any], bool]]
    outputs: Mapping[str, tuple[str, str, Mapping[str, Any]]]
    scope: str = "run"


@dataclass(frozen=True)
class Order:
    """A request that may run: inputs in full, its size in units of work, seconds that such a size usually takes.

    `code` is the version of what computes: the same inputs to another version are another request.
    """

    inputs: Mapping[str, Any]
    title: str
    units: float
    seconds: float
    code: str = ""
    notes: Sequence[str] = field(default_factory=tuple)


class Stopped(BaseException):
    """A job is to end now: somebody dismissed it, or it is another worker's. No failure, hence no Exception."""


class Interrupted(LandsinkError):
    """What a job needs elsewhere is gone for now: it is tried once more, from what lies in its folder."""


class Reporter(Protocol):
    """Takes progress and lines from who computes."""

    def __call__(self, what: str, share: float) -> None:
        """`share` of the whole is done, now at `what`; raises Stopped where the job was dismissed."""
        ...

    def say(self, line: str) -> None:
        """A line for the log."""
        ...


class Processes(Protocol):
    """What may be run."""

    def describe(self) -> Sequence[Description]:
        """All processes."""
        ...

    def choices(self, process: str, base: str) -> Mapping[str, Any]:
        """What may be changed of one base product; UnknownName for no such thing."""
        ...

    def validate(self, process: str, inputs: Mapping[str, Any]) -> Order:
        """The request in full, or a LandsinkError that says what is wrong with it."""
        ...

    def execute(self, process: str, inputs: Mapping[str, Any], folder: Path, report: Reporter) -> str:
        """Run it; the identifier of the product, which enters the catalogue as the very last step.

        `folder` is the job's own and outlives a killed process: what lies there is gone on from.
        """
        ...
