"""The queue: jobs in the catalogue's database, claimed by one worker each, whatever dies in between."""

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median
from typing import Any

import sqlalchemy as sa

from landsink.catalogue.database import Database
from landsink.core.errors import DataError, UnknownName
from landsink.portal.jobs.contract import Order, Stopped
from landsink.portal.jobs.tables import JOB, LINE, TABLES

ACCEPTED, RUNNING, SUCCESSFUL, FAILED, DISMISSED = "accepted", "running", "successful", "failed", "dismissed"
STATES = (ACCEPTED, RUNNING, SUCCESSFUL, FAILED, DISMISSED)
ENDED = (SUCCESSFUL, FAILED, DISMISSED)
# A job that is taken back so often has a fault of its own.
MOST_DEATHS = 2
# So many finished jobs of a process tell how long the next one takes.
LIKE = 20


@dataclass(frozen=True)
class Limits:
    """What one owner may ask: jobs that wait or run at once; and how much of each is kept.

    `silence`: seconds without a sign of life after which a worker is held dead.
    """

    open_jobs: int = 20
    lines: int = 1000
    silence: float = 30.0


@dataclass(frozen=True)
class Job:
    """A job as it stands. Moments are seconds since 1970; 0 for not yet. `holder` is its worker's word for it."""

    number: int
    id: str
    process: str
    title: str
    inputs: Mapping[str, Any]
    request: str
    owner: str
    state: str
    message: str
    progress: float
    result: str
    units: float
    estimate: float
    created: float
    started: float
    finished: float
    beat: float
    holder: str
    deaths: int

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in ENDED


def fingerprint(process: str, order: Order) -> str:
    """SHA-256 of a request: what is asked of which code, by whomever."""
    text = json.dumps([process, order.inputs, order.code], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Queue:
    """Jobs in `database`. `clock` gives the moment; `wake` is called after a job was put in."""

    database: Database
    limits: Limits = field(default_factory=Limits)
    clock: Callable[[], float] = time.time
    wake: Callable[[], None] = lambda: None

    @cached_property
    def _ready(self) -> Database:
        self.database.ensure(TABLES)
        return self.database

    # --- asking

    def submit(self, process: str, order: Order, owner: str) -> tuple[Job, bool]:
        """Put a request in; the job, and whether it is new.

        The same request that waits, runs or has succeeded is that job. DataError where the owner has too many open.
        """
        request = fingerprint(process, order)
        row = {
            "id": secrets.token_hex(16), "process": process, "title": order.title[:300], "inputs": dict(order.inputs),
            "request": request, "owner": owner, "state": ACCEPTED, "message": "", "progress": 0.0, "result": "",
            "units": order.units, "estimate": self._estimate(process, order), "created": self.clock(),
            "started": 0.0, "finished": 0.0, "beat": 0.0, "holder": "", "deaths": 0,
        }  # fmt: skip
        with self._ready.writing() as connection:
            same = sa.select(JOB).where(
                JOB.c.request == request, JOB.c.state.in_((ACCEPTED, RUNNING, SUCCESSFUL))
            )
            found = connection.execute(same.order_by(JOB.c.number.desc()).limit(1)).first()
            if found is not None:
                return _job(found), False
            mine = sa.select(sa.func.count()).where(
                JOB.c.owner == owner, JOB.c.state.in_((ACCEPTED, RUNNING))
            )
            if connection.scalar(mine) >= self.limits.open_jobs:
                raise DataError(
                    f"{self.limits.open_jobs} of your jobs wait or run.",
                    "Fewer at once.",
                    "Wait, or dismiss some.",
                )
            made = _job(connection.execute(sa.insert(JOB).values(row).returning(JOB)).one())
        self.wake()
        return made, True

    def forget(self, name: str) -> None:
        """Let a finished job's request be run again, because its result is there no more."""
        with self._ready.writing() as connection:
            connection.execute(sa.update(JOB).where(JOB.c.id == name).values(request=""))

    def get(self, name: str) -> Job:
        """A job by its identifier; UnknownName where there is none."""
        with self._ready.reading() as connection:
            row = connection.execute(sa.select(JOB).where(JOB.c.id == name)).first()
        if row is None:
            raise UnknownName(f"'{name[:40]}' is no job.", remedy="See /api/jobs.")
        return _job(row)

    def list(
        self, states: Sequence[str] = (), process: str = "", limit: int = 50, offset: int = 0
    ) -> tuple[int, Sequence[Job]]:
        """How many jobs there are of some states and process, all if none are named; a page, the newest first."""
        asked = [JOB.c.state.in_(states)] if states else []
        asked += [JOB.c.process == process] if process else []
        with self._ready.reading() as connection:
            total = connection.scalar(sa.select(sa.func.count()).select_from(JOB).where(*asked)) or 0
            page = sa.select(JOB).where(*asked).order_by(JOB.c.number.desc()).limit(limit).offset(offset)
            return total, [_job(row) for row in connection.execute(page)]

    def log(self, name: str) -> Sequence[tuple[float, str]]:
        """The lines of a job with their moments, the oldest first; the limit's newest are kept."""
        job = self.get(name)
        with self._ready.reading() as connection:
            asked = sa.select(LINE.c.moment, LINE.c.text).where(LINE.c.job == job.number)
            newest = connection.execute(asked.order_by(LINE.c.number.desc()).limit(self.limits.lines)).all()
        return [(moment, text) for moment, text in reversed(newest)]

    def position(self, job: Job) -> int:
        """How many jobs come before this one; 0 for what runs or has ended."""
        return len(self._before(job)) if job.state == ACCEPTED else 0

    def remaining(self, job: Job, workers: int = 1) -> float | None:
        """Seconds until a job has probably ended, from what like jobs took; None where it has ended."""
        if job.ended:
            return None
        moment = self.clock()
        if job.state == RUNNING:
            return _left(job, moment)
        ahead = sum(_left(other, moment) for other in self._before(job))
        return ahead / max(workers, 1) + job.estimate

    def dismiss(self, name: str) -> Job:
        """End a job that waits or runs; its worker sees it at its next beat. What has ended stays as it is."""
        job = self.get(name)
        with self._ready.writing() as connection:
            change = sa.update(JOB).where(JOB.c.id == name, JOB.c.state.in_((ACCEPTED, RUNNING)))
            values = {
                "state": DISMISSED,
                "finished": self.clock(),
                "message": "It was dismissed.",
                "holder": "",
            }
            connection.execute(change.values(values))
        return self.get(job.id)

    def _before(self, job: Job) -> Sequence[Job]:
        first = (JOB.c.state == RUNNING) | ((JOB.c.state == ACCEPTED) & (JOB.c.number < job.number))
        with self._ready.reading() as connection:
            return [_job(row) for row in connection.execute(sa.select(JOB).where(first))]

    def _estimate(self, process: str, order: Order) -> float:
        """Seconds: the order's own guess, stretched as much as the last jobs of this process were off theirs."""
        took = JOB.c.finished - JOB.c.started
        asked = sa.select(took, JOB.c.units).where(JOB.c.process == process, JOB.c.state == SUCCESSFUL)
        with self._ready.reading() as connection:
            rows = connection.execute(asked.order_by(JOB.c.number.desc()).limit(LIKE)).all()
        like = [t for t, units in rows if 0.5 <= (units + 1e-9) / (order.units + 1e-9) <= 2.0]
        if like:
            return float(median(like))
        # No job of this size yet: what the fastest needed is what any needs, the rest grows with the size.
        if len(rows) < 2:
            return order.seconds
        floor = min(t for t, _ in rows)
        rate = median((t - floor) / max(units, 1e-9) for t, units in rows)
        return float(floor + rate * order.units)

    # --- working

    def claim(self, worker: str) -> Job | None:
        """Take the oldest waiting job, or None; nobody else gets it."""
        holder = f"{worker}-{secrets.token_hex(6)}"[-64:]
        oldest = sa.select(JOB.c.number).where(JOB.c.state == ACCEPTED).order_by(JOB.c.number).limit(1)
        moment = self.clock()
        values = {
            "state": RUNNING,
            "holder": holder,
            "beat": moment,
            "started": moment,
            "message": "",
            "progress": 0.0,
        }
        with self._ready.reading() as connection:
            if connection.scalar(oldest) is None:
                return None
        with self._ready.writing() as connection:
            number = connection.scalar(oldest.with_for_update(skip_locked=True))
            change = sa.update(JOB).where(JOB.c.number == number, JOB.c.state == ACCEPTED).values(values)
            row = connection.execute(change.returning(JOB)).first()
        return None if row is None else _job(row)

    def beat(self, job: Job) -> bool:
        """A sign of life; False where the job is no longer this holder's."""
        return self._held(job, {"beat": self.clock()})

    def tell(self, job: Job, progress: float, message: str, lines: Sequence[str] = ()) -> None:
        """Progress (0–1), where it is, and lines for the log. Raises Stopped where the job is another's, or no more."""
        values = {"progress": min(max(progress, 0.0), 1.0), "message": message[:2000], "beat": self.clock()}
        with self._ready.writing() as connection:
            if not _changed(connection, job, values):
                raise Stopped(job.id)
            self._write(connection, job, lines)

    def finish(self, job: Job, result: str) -> None:
        """The job has made its product. Raises Stopped where it is no longer this holder's."""
        ended = {
            "state": SUCCESSFUL,
            "result": result,
            "progress": 1.0,
            "finished": self.clock(),
            "message": "",
        }
        if not self._held(job, ended):
            raise Stopped(job.id)

    def fail(self, job: Job, why: str) -> bool:
        """The job cannot be done; False where it is no longer this holder's."""
        return self._held(job, {"state": FAILED, "finished": self.clock(), "message": why[:2000]})

    def give_back(self, job: Job, why: str, died: bool) -> bool:
        """Back into the queue, at its old place; what died for the second time fails. False where it is another's."""
        deaths = job.deaths + died
        if deaths >= MOST_DEATHS:
            return self.fail(job, f"{why} It happened {deaths} times: it is not tried again.")
        values = {"state": ACCEPTED, "holder": "", "message": why[:2000], "deaths": deaths, "progress": 0.0}
        held = self._held(job, values | {"started": 0.0}, [why])
        if held:
            self.wake()
        return held

    def recover(self, dead: Callable[[Job], bool] = lambda job: False) -> int:
        """Take back jobs whose worker is dead, or silent too long: once into the queue, then they fail. How many."""
        with self._ready.reading() as connection:
            running = [_job(row) for row in connection.execute(sa.select(JOB).where(JOB.c.state == RUNNING))]
        oldest = self.clock() - self.limits.silence
        lost = [job for job in running if job.beat < oldest or dead(job)]
        return sum(self.give_back(job, "Its worker died.", died=True) for job in lost)

    def _held(self, job: Job, values: Mapping[str, Any], lines: Sequence[str] = ()) -> bool:
        with self._ready.writing() as connection:
            held = _changed(connection, job, values)
            if held:
                self._write(connection, job, lines)
        return held

    def _write(self, connection: sa.Connection, job: Job, lines: Sequence[str]) -> None:
        if not lines:
            return
        moment = self.clock()
        rows = [{"job": job.number, "moment": moment, "text": line[:500]} for line in lines]
        connection.execute(sa.insert(LINE), rows)
        mine = sa.select(LINE.c.number).where(LINE.c.job == job.number).order_by(LINE.c.number.desc())
        # The newest stay; a log that grows without end would fill the disk.
        last = connection.scalar(mine.offset(self.limits.lines).limit(1))
        if last is not None:
            connection.execute(sa.delete(LINE).where(LINE.c.job == job.number, LINE.c.number <= last))


def _changed(connection: sa.Connection, job: Job, values: Mapping[str, Any]) -> bool:
    held = sa.update(JOB).where(
        JOB.c.number == job.number, JOB.c.state == RUNNING, JOB.c.holder == job.holder
    )
    return connection.execute(held.values(dict(values))).rowcount == 1


def _left(job: Job, moment: float) -> float:
    """Seconds that a job has probably left: by its own progress once that says something."""
    if job.state != RUNNING:
        return job.estimate
    gone = moment - job.started
    if job.progress > 0.3:
        return gone / job.progress - gone
    # One that is late already takes a while longer, not no time at all.
    return max(job.estimate - gone, 0.2 * gone)


def _job(row: sa.Row) -> Job:
    return Job(**row._mapping)
