"""A server or a worker as processes of their own, with something small to run: `python -m tests.portal.two_servers`."""

import hashlib
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from landsink.catalogue import Catalogue, describe
from landsink.core.errors import DataError
from landsink.portal import Context, Settings, server
from landsink.portal.jobs.bell import queue
from landsink.portal.jobs.contract import Description, Order, Reporter
from landsink.portal.jobs.worker import Bounds, Worker, perform


@dataclass(frozen=True)
class Notes:
    """One process, 'note': it enters a product that tells on which machine's folder it was made."""

    store: Catalogue

    def describe(self) -> Sequence[Description]:
        """The one process."""
        inputs = {"text": ("Text", "What it says.", {"type": "string"}, True)}
        product = {"product": ("Product", "The product.", {"type": "string", "format": "uri"})}
        return [Description("note", "Write a note", "Made up for tests.", "1", inputs, product)]

    def choices(self, process: str, base: str) -> Mapping[str, Any]:
        """None."""
        return {}

    def validate(self, process: str, inputs: Mapping[str, Any]) -> Order:
        """A text that is not empty."""
        if not inputs.get("text"):
            raise DataError("The note is empty.", "A text.")
        return Order(dict(inputs), "A note", 1.0, 1.0)

    def execute(self, process: str, inputs: Mapping[str, Any], folder: Path, report: Reporter) -> str:
        """Write it, enter it, and let the folder go."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "note.txt").write_text(f"{inputs['text']}\n{self.store.root.parent.name}\n")
        report("writing", 0.5)
        record = hashlib.sha256(repr(dict(inputs)).encode()).hexdigest()
        span = {"start": "2001-01-01", "end": "2001-12-31", "variables": [], "licence": "CC0-1.0"}
        made = describe(folder / "note.txt", record=record, title=f"Note {inputs['text']}", bbox=None, citation="",
                        **span)  # fmt: skip
        return self.store.add(made).id


def serve() -> None:
    """Serve at a free port, and say which."""
    store = Catalogue.configured()
    settings = Settings(port=0)
    bound = server.bind(settings)
    where = server.address(settings, bound)
    server.serve(Context(store, settings, Notes(store)), bound, (), 0, lambda: print(where, flush=True))


def work(job: str) -> None:
    """Run jobs until killed; or `job`, in this process."""
    store = Catalogue.configured()
    folder = store.root / "jobs"
    if job:
        perform(queue(store), Notes(store), job, folder)
        return
    command = (sys.executable, "-m", "tests.portal.two_servers", "work")
    worker = Worker(queue(store), lambda found: (*command, found.id), folder, Bounds(poll=0.2))
    threading.Thread(target=worker.run, daemon=True).start()
    print("working", flush=True)
    while True:
        time.sleep(60)


if __name__ == "__main__":
    serve() if sys.argv[1] == "serve" else work(sys.argv[2] if len(sys.argv) > 2 else "")
