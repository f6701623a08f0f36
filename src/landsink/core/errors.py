"""Errors that say what was found, what was expected, and what to do."""

import difflib
from collections.abc import Iterable


class LandsinkError(Exception):
    """A failure that a user can mend: what was found, what was expected, and the remedy."""

    def __init__(self, found: str, expected: str = "", remedy: str = "") -> None:
        self.found, self.expected, self.remedy = found, expected, remedy
        super().__init__(" ".join(part for part in (found, expected, remedy) if part))

    def __str__(self) -> str:
        return " ".join(part for part in (self.found, self.expected, self.remedy) if part)


class UnknownName(LandsinkError):
    """A name that the house does not know; it names the near misses."""


class WiringError(LandsinkError):
    """Processes that do not fit together."""


class DataError(LandsinkError):
    """Data that are not what their names promise."""


class CaseError(LandsinkError):
    """A case that cannot be read as written."""


class EngineError(LandsinkError):
    """Something that an engine cannot do."""


def near(name: str, known: Iterable[str]) -> str:
    """The known names most like `name`, as a sentence."""
    found = difflib.get_close_matches(name, list(known), 3, 0.5)
    return f"Near: {', '.join(found)}." if found else "Nothing is near."


def unknown(name: str, known: Iterable[str], where: str) -> UnknownName:
    """An error for a `name` absent from `known`, a collection that `where` describes."""
    return UnknownName(f"'{name}' is not in {where}.", remedy=near(name, known))
