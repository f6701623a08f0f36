"""Processes that compute nothing, for the tests of jobs: they wait, fail, die or take memory, and say so."""

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from landsink.catalogue.database import Database
from landsink.core.errors import CaseError, UnknownName
from landsink.portal.jobs.contract import Description, Interrupted, Order, Reporter
from landsink.portal.jobs.crew import Crew
from landsink.portal.jobs.queue import Job, Limits, Queue
from landsink.portal.jobs.worker import Bounds, Worker, perform

STEP = 0.05


class Toil:
    """Takes `steps` of a twentieth of a second; goes on from the step that a killed process had done."""

    def describe(self) -> Sequence[Description]:
        """Two processes: one for those who may run, one for contributors."""
        inputs = {
            "steps": ("Steps", "how many", {"type": "integer"}, True),
            "how": ("How", "", {"type": "string"}, False),
        }
        outputs = {"product": ("Product", "", {"type": "string"})}
        return (
            Description("toil", "Toil", "Waits.", "1", inputs, outputs),
            Description("case", "Case", "Waits.", "1", inputs, outputs, scope="write"),
        )

    def choices(self, process: str, base: str) -> Mapping[str, Any]:
        """One base."""
        if base and base != "aaaabbbbcccc":
            raise UnknownName(f"'{base}' is no run.")
        known = {"id": "aaaabbbbcccc", "title": "A run", "generated": True}
        return {"base": known} if base else {"bases": [known]}

    def validate(self, process: str, inputs: Mapping[str, Any]) -> Order:
        """Steps above 1000 are too many."""
        steps = inputs.get("steps", 1)
        if not isinstance(steps, int) or steps > 1000:
            raise CaseError(f"steps = {steps!r}.", "A number of at most 1000.")
        if inputs.get("base") == "nobody":
            raise UnknownName("'nobody' is no run.")
        return Order(dict(inputs), f"{steps} steps", float(steps), steps * STEP)

    def execute(self, process: str, inputs: Mapping[str, Any], folder: Path, report: Reporter) -> str:
        """Step by step, each kept."""
        kept, how, steps = folder / "done", inputs.get("how", ""), int(inputs.get("steps", 1))
        done = int(kept.read_text()) if kept.exists() else 0
        report.say(f"begin at {done}")
        if how == "fail":
            raise CaseError("The soil is missing.", "A soil.", "Name one.")
        if how == "cut":
            raise Interrupted("The cluster is gone.", "A cluster.")
        if how == "fault":
            raise ZeroDivisionError("of ours")
        held = bytearray(400 << 20) if how == "hog" else b""
        for step in range(done, steps):
            time.sleep(STEP)
            kept.write_text(str(step + 1))
            report("toil", (step + 1) / steps)
            if how == "die" or (how == "die once" and done == 0 and step == 2):
                os.kill(os.getpid(), signal.SIGKILL)
        (folder.parent / f"{folder.name}.product").write_text(f"{done} {len(held)}")
        return "aaaabbbbcccc"


def queue(root: Path, limits: Limits | None = None) -> Queue:
    """The queue of a folder."""
    return Queue(Database.file(root / "portal.sqlite"), limits or Limits())


def command(root: Path, *words: str) -> list[str]:
    """The command line of a process of these tests."""
    said = "import sys; from tests.portal import labour; labour.main(*sys.argv[1:])"
    return [sys.executable, "-c", said, str(root), *words]


def labourer(root: Path, bounds: Bounds | None = None) -> Worker:
    """A worker over a folder's queue, quick to look."""
    quick = bounds or Bounds(poll=0.05, beat=0.2, grace=2.0)

    def asked(job: Job) -> list[str]:
        return command(root, "job", job.id)

    return Worker(queue(root), asked, root / "jobs", quick)


def main(root: str, what: str, name: str = "") -> None:
    """A job's process, a worker, or a server with a crew of one worker."""
    where = Path(root)
    if what == "job":
        perform(queue(where), Toil(), name, where / "jobs")
    elif what == "worker":
        made = labourer(where)
        signal.signal(signal.SIGTERM, lambda *_: made.stop.set())
        threading.Thread(target=lambda: (os.read(0, 1), made.stop.set()), daemon=True).start()
        made.run()
    else:
        with Crew(command(where, "worker"), 1):
            os.read(0, 1)
