"""The three kinds of key that a process may return: a name, an arrow, a memory."""

from functools import cache
from typing import NamedTuple

from .errors import WiringError


class Flow(NamedTuple):
    """Matter on its way: 'cWood -> atmosphere : fFire'."""

    donor: str
    receiver: str
    label: str


def is_flow(key: str) -> bool:
    """True for an arrow."""
    return "->" in key


def is_memory(key: str) -> bool:
    """True for a memory variable's new value, 'next tasAcclim'."""
    return key.startswith("next ")


@cache
def flow(key: str) -> Flow:
    """Read an arrow; `WiringError` for one that lacks an end or a label after its colon."""
    ends, colon, label = (part.strip() for part in key.partition(":"))
    donor, _, receiver = (part.strip() for part in ends.partition("->"))
    if not donor or not receiver or "->" in receiver or ":" in label or bool(colon) != bool(label):
        raise WiringError(
            f"'{key}' is not an arrow.", "Expected 'donor -> receiver' or 'donor -> receiver : label'."
        )
    return Flow(donor, receiver, label)


def remembered(key: str) -> str:
    """The memory variable of 'next tasAcclim'."""
    return key.removeprefix("next ").strip()


def names_of(key: str) -> tuple[str, ...]:
    """Every vocabulary name in a key."""
    if is_flow(key):
        return tuple(name for name in flow(key) if name)
    return (remembered(key),)
