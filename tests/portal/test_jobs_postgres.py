"""The queue on a real PostgreSQL: claims hold among connections, and procrastinate's notice wakes a worker."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from landsink.catalogue.database import Database
from landsink.portal.jobs.bell import bell
from landsink.portal.jobs.contract import Order
from landsink.portal.jobs.queue import Limits, Queue
from tests.portal.postgres import postgres, postgres_server

__all__ = ["postgres", "postgres_server"]


def order(steps: int) -> Order:
    """A request of so many steps."""
    return Order({"steps": steps}, f"{steps} steps", float(steps), 10.0)


def test_no_job_is_claimed_twice(postgres):
    held = Queue(Database(postgres), Limits(open_jobs=100))
    asked = {held.submit("toil", order(n), "")[0].id for n in range(20)}
    with ThreadPoolExecutor(6) as pool:
        taken = [job.id for job in pool.map(lambda i: held.claim(f"w{i}"), range(30)) if job]
    assert len(taken) == len(set(taken))
    assert set(taken) == asked


def test_a_job_lives_on_postgresql_as_it_does_embedded(postgres):
    held = Queue(Database(postgres), Limits(lines=3))
    name = held.submit("toil", order(1), "jane")[0].id
    assert not held.submit("toil", order(1), "joe")[1]
    job = held.claim("w")
    held.tell(job, 0.5, "half", [f"line {n}" for n in range(9)])
    assert [text for _, text in held.log(name)] == ["line 6", "line 7", "line 8"]
    held.finish(job, "product")
    assert held.get(name).inputs == {"steps": 1}
    assert held.list(["successful"])[0] == 1


def test_procrastinate_wakes_a_worker_that_sleeps(postgres, monkeypatch):
    pytest.importorskip("procrastinate", reason="the extra 'queue' is not installed")
    monkeypatch.setenv("LANDSINK_QUEUE", "procrastinate")
    holder = type("C", (), {"database": Database(postgres)})()
    server, worker = bell(holder), bell(holder)
    worker.listen()
    held = Queue(Database(postgres), wake=server.ring)
    # Until the listener listens, and what was rung before is through.
    deadline = time.monotonic() + 30
    server.ring()
    assert worker.wait(deadline - time.monotonic())
    woken = threading.Event()
    sleeper = threading.Thread(target=lambda: woken.set() if worker.wait(60) else None)
    sleeper.start()
    begun = time.monotonic()
    held.submit("toil", order(1), "")
    sleeper.join(60)
    assert woken.is_set()
    assert time.monotonic() - begun < 20
    assert held.claim("w") is not None
