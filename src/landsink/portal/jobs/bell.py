"""How workers learn of new jobs: by asking now and then, or by PostgreSQL's notice through procrastinate."""

import os
from collections.abc import Callable
from typing import Any

from landsink.catalogue import Catalogue
from landsink.core.errors import DataError
from landsink.core.late import Late
from landsink.portal.jobs.queue import Limits, Queue

# Loaded where it is asked for: what it stands on takes a second.
notified = Late("landsink.portal.jobs.notified")
SETTING = "LANDSINK_QUEUE"


def bell(catalogue: Catalogue) -> Any:
    """The bell that LANDSINK_QUEUE=procrastinate asks for, ready to ring; None where workers ask by themselves."""
    named = os.environ.get(SETTING, "")
    if not named:
        return None
    if named != "procrastinate":
        raise DataError(f"{SETTING} is '{named}'.", "procrastinate, or nothing.")
    database = catalogue.database
    if database.embedded:
        raise DataError(
            f"{SETTING}=procrastinate needs PostgreSQL, and the jobs lie in {database.name}.",
            "LANDSINK_DATABASE=postgresql://…",
            f"Unset {SETTING}: workers then ask by themselves.",
        )
    if notified.procrastinate is None:
        raise DataError("procrastinate is not installed.", "It, for a bell.", "pip install 'landsink[queue]'")
    made = notified.Bell(database)
    made.prepare()
    return made


def queue(
    catalogue: Catalogue, limits: Limits | None = None, ring: Callable[[], None] | None = None
) -> Queue:
    """The queue of a catalogue; `ring` is called after a job was put in."""
    return Queue(catalogue.database, limits or Limits(), wake=ring or _silence)


def _silence() -> None:
    """Nobody waits for a bell."""
