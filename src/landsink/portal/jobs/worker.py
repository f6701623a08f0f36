"""The worker: one job at a time, each in a process of its own that can be ended at any moment."""

import logging
import os
import shutil
import signal
import subprocess
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from landsink.core.errors import LandsinkError
from landsink.portal.jobs.contract import Interrupted, Processes, Stopped
from landsink.portal.jobs.queue import Job, Queue

LOG = logging.getLogger("landsink.jobs")
# Under this name a job's process is told the word by which it holds the job.
HOLDER = "LANDSINK_JOB_HOLDER"
# Progress is written at most so often: a tile may take a millisecond.
TELL_SECONDS = 0.5
LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Bounds:
    """What one job may take, and how often the worker looks: seconds of wall time, GiB of memory, seconds between
    beats, between questions for work, and of patience with a process that is asked to end."""

    seconds: float = 4 * 3600.0
    gigabytes: float = 16.0
    beat: float = 3.0
    poll: float = 1.0
    grace: float = 5.0


@dataclass
class Worker:
    """Runs jobs of `queue` one after another.

    `command` gives the command line of a job's process, which calls `perform`. A job's folder lies below `folder` for
    as long as the job is not over. `wait` sleeps until there may be work, at most so many seconds.
    """

    queue: Queue
    command: Callable[[Job], Sequence[str]]
    folder: Path
    bounds: Bounds = field(default_factory=Bounds)
    stop: threading.Event = field(default_factory=threading.Event)
    wait: Callable[[float], object] | None = None
    name: str = field(default_factory=lambda: f"{os.uname().nodename}-{os.getpid()}")
    _holding: str = ""

    def run(self) -> None:
        """Work until `stop` is set; the job at hand then goes back into the queue."""
        self._sweep()
        while not self.stop.is_set():
            if not self._turn():
                (self.wait or self.stop.wait)(self.bounds.poll)

    def _turn(self) -> bool:
        """One job, or none; a database that cannot be reached for a while ends no worker."""
        try:
            self.queue.recover(self._dead)
            job = self.queue.claim(self.name)
            if job is not None:
                self._work(job)
            return job is not None
        except LandsinkError as error:
            LOG.error("the queue cannot be used: %s", error)
            self.stop.wait(5 * self.bounds.poll)
            return False

    def _dead(self, job: Job) -> bool:
        """Whether the worker of a job is surely gone: known at once where all workers are of this machine."""
        machine, _, rest = job.holder.rpartition("-")[0].rpartition("-")
        if not self.queue.database.embedded or machine != os.uname().nodename or not rest.isdigit():
            return False
        try:
            os.kill(int(rest), 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return int(rest) == os.getpid() and job.holder != self._holding

    def _work(self, job: Job) -> None:
        self._holding = job.holder
        folder = self.folder / job.id
        folder.mkdir(parents=True, exist_ok=True)
        LOG.info("job %s: %s", job.id, job.title)
        with open(folder / "output", "wb") as output:
            # Its standard input is a pipe of ours: when this process dies, however, the job's process sees its end.
            child = subprocess.Popen(
                self.command(job),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | {HOLDER: job.holder},
                start_new_session=True,
            )
            try:
                why = self._watch(job, child)
            finally:
                self._end(child)
        self._settle(job, child.returncode, why, folder)
        if self.queue.get(job.id).ended:
            shutil.rmtree(folder, ignore_errors=True)

    def _watch(self, job: Job, child: subprocess.Popen) -> str:
        """Until the process has ended by itself (''), or a reason to end it."""
        begun = told = time.monotonic()
        while child.poll() is None:
            moment = time.monotonic()
            if self.stop.is_set():
                return "stopped"
            if moment - begun > self.bounds.seconds:
                return f"It ran longer than {self.bounds.seconds:.0f} s, which is the most a job may."
            if (held := resident(child.pid)) > self.bounds.gigabytes:
                return f"It took {held:.1f} GiB of memory; {self.bounds.gigabytes:g} is the most a job may."
            if moment - told >= self.bounds.beat:
                told = moment
                if not self.queue.beat(job):
                    return "dismissed"
            time.sleep(LOOK_SECONDS)
        return ""

    def _end(self, child: subprocess.Popen) -> None:
        """End a process: asked first, then killed."""
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(self.bounds.grace)
            except subprocess.TimeoutExpired:
                child.kill()
        child.wait()
        if child.stdin is not None:
            child.stdin.close()

    def _settle(self, job: Job, code: int, why: str, folder: Path) -> None:
        """What the end of a process means for its job; one that finished, failed or was dismissed is no longer held."""
        if why == "stopped":
            self.queue.give_back(job, "Its worker was stopped.", died=False)
        elif why and why != "dismissed":
            self.queue.fail(job, why)
        elif code < 0 and not why:
            said = f"Its process was ended by {signal.Signals(-code).name}"
            said += " (too little memory, perhaps)." if -code == signal.SIGKILL else "."
            self.queue.give_back(job, said, died=True)
        elif not why and self.queue.beat(job):
            self.queue.fail(job, f"Its process ended without a result ({code}): {_last(folder / 'output')}")

    def _sweep(self) -> None:
        """Remove folders of jobs that are over, or that nobody knows."""
        for folder in self.folder.glob("*") if self.folder.is_dir() else ():
            try:
                over = self.queue.get(folder.name).ended
            except LandsinkError:
                over = True
            if over:
                shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Telling:
    """A job's reporter: what is told goes into the database, not more often than people can read."""

    queue: Queue
    job: Job
    clock: Callable[[], float] = time.monotonic
    _lines: list[str] = field(default_factory=list)
    _what: str = ""
    _share: float = 0.0
    _told: float = -1e9

    def __call__(self, what: str, share: float) -> None:
        fresh, self._what, self._share = what != self._what, what, share
        if fresh or self.clock() - self._told >= TELL_SECONDS:
            self.flush()

    def say(self, line: str) -> None:
        """A line for the log."""
        self._lines.append(line)
        if self.clock() - self._told >= TELL_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what is held back. Raises Stopped where the job is no longer ours."""
        lines, self._lines = self._lines, []
        self._told = self.clock()
        self.queue.tell(self.job, self._share, self._what, lines)


def perform(queue: Queue, processes: Processes, name: str, folder: Path) -> bool:
    """Run one job in this process, which ends with its parent; whether it made its product."""
    threading.Thread(target=_with_parent, daemon=True).start()
    # The server beside it shall answer first.
    os.nice(5)
    job = replace(queue.get(name), holder=os.environ.get(HOLDER, ""))
    telling = Telling(queue, job)
    try:
        result = processes.execute(job.process, job.inputs, folder / job.id, telling)
        telling.flush()
        queue.finish(job, result)
        return True
    except Stopped:
        LOG.info("job %s is no longer this process's", job.id)
    except Interrupted as error:
        queue.give_back(job, str(error), died=True)
    except LandsinkError as error:
        queue.fail(job, str(error))
    except Exception as error:  # a fault of ours must not leave a job that runs for ever
        traceback.print_exc()
        queue.fail(job, f"A fault of landsink, not yours: {type(error).__name__}: {error}")
    return False


def orphaned() -> None:
    """Return as soon as the process that started this one, and holds the other end of its input, is gone."""
    # Not through sys.stdin: a thread that waits in it keeps the interpreter from ending.
    while os.read(0, 1024):
        pass


def _with_parent() -> None:
    orphaned()
    os._exit(75)


def resident(process: int) -> float:
    """GiB of memory that a process holds; 0 where the system does not say it as Linux does."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**30


def _last(path: Path, most: int = 300) -> str:
    """The end of what a process said."""
    try:
        return path.read_text("utf-8", "replace").strip()[-most:]
    except OSError:
        return ""
