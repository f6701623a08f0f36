"""The workers that a server starts: processes of their own, replaced when one dies, ended with the server."""

import logging
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

LOG = logging.getLogger("landsink.jobs")
LOOK_SECONDS = 0.5
# A worker that dies at its start must not be started a hundred times a second.
LEAST_SECONDS = 5.0
GRACE_SECONDS = 15.0


@dataclass
class Crew:
    """So many processes of one command line. Each sees the end of its standard input when this process is gone."""

    command: Sequence[str]
    size: int
    _held: list[tuple[subprocess.Popen, float]] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _watch: threading.Thread | None = None

    def __enter__(self) -> "Crew":
        self._held = [self._start() for _ in range(self.size)]
        self._watch = threading.Thread(target=self._look, name="crew", daemon=True)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._watch is not None:
            self._watch.join()
        for child, _ in self._held:
            child.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for child, _ in self._held:
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            if child.stdin is not None:
                child.stdin.close()

    @property
    def processes(self) -> Sequence[int]:
        """Numbers of the processes."""
        return [child.pid for child, _ in self._held]

    def _start(self) -> tuple[subprocess.Popen, float]:
        # A session of its own: Ctrl-C of the terminal reaches the server, which ends its workers in order.
        child = subprocess.Popen(self.command, stdin=subprocess.PIPE, start_new_session=True)
        return child, time.monotonic()

    def _look(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            for i, (child, since) in enumerate(self._held):
                if child.poll() is not None and time.monotonic() - since >= LEAST_SECONDS:
                    LOG.error("a worker ended (%s); another is started", child.returncode)
                    if child.stdin is not None:
                        child.stdin.close()
                    self._held[i] = self._start()
