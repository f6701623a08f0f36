"""The queue and its workers: each job runs once, in order; whatever is killed, it goes on or fails clearly."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from landsink.core.errors import DataError, UnknownName
from landsink.portal.jobs.bell import bell
from landsink.portal.jobs.contract import Order, Stopped
from landsink.portal.jobs.queue import Job, Limits, Queue
from landsink.portal.jobs.worker import Bounds, Telling, Worker
from tests.house import tree
from tests.portal.labour import command, labourer, queue

PATIENCE = 60.0


def order(steps: int = 1, **more: object) -> Order:
    """A request of so many steps."""
    return Order({"steps": steps} | more, f"{steps} steps", float(steps), 10.0)


def until(what: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.moment = 1e9

    def __call__(self) -> float:
        return self.moment


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def line(tmp_path: Path, clock: Clock) -> Queue:
    """An empty queue with a clock set by hand."""
    return Queue(queue(tmp_path).database, Limits(open_jobs=3, lines=5, silence=30.0), clock)


@pytest.fixture(autouse=True)
def paths(monkeypatch):
    """Processes of these tests find the sources."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tree.SOURCE.parent), str(tree.ROOT)]))


# --- the queue


def test_jobs_are_claimed_in_the_order_in_which_they_came(line):
    asked = [line.submit("toil", order(n), "")[0].id for n in (1, 2, 3)]
    assert [line.claim("w").id for _ in asked] == asked
    assert line.claim("w") is None


def test_no_job_is_claimed_twice_by_many_workers_at_once(tmp_path):
    held = queue(tmp_path, Limits(open_jobs=100))
    asked = {held.submit("toil", order(n), "")[0].id for n in range(24)}
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda i: queue(tmp_path).claim(f"w{i}"), range(40)))
    found = [job.id for job in taken if job]
    assert len(found) == len(set(found))
    assert set(found) == asked


def test_the_same_request_is_one_job(line):
    first, fresh = line.submit("toil", order(2), "jane")
    again, second = line.submit("toil", order(2), "joe")
    assert (fresh, second) == (True, False)
    assert again.id == first.id
    assert line.submit("toil", order(3), "jane")[0].id != first.id
    job = line.claim("w")
    line.finish(job, "product")
    assert line.submit("toil", order(2), "jane")[0].result == "product"
    line.forget(job.id)
    assert line.submit("toil", order(2), "jane")[1]


def test_what_failed_may_be_asked_again(line):
    line.submit("toil", order(2), "")
    line.fail(line.claim("w"), "no")
    assert line.submit("toil", order(2), "")[1]


def test_an_owner_has_so_many_open_jobs_and_no_more(line):
    for n in range(3):
        line.submit("toil", order(n), "jane")
    with pytest.raises(DataError, match="3 of your jobs"):
        line.submit("toil", order(9), "jane")
    assert line.submit("toil", order(9), "joe")[1]


def test_position_and_estimate_follow_the_queue(line, clock):
    jobs = [line.submit("toil", order(n), "")[0] for n in (1, 2, 3)]
    assert [line.position(job) for job in jobs] == [0, 1, 2]
    assert line.remaining(jobs[2]) == pytest.approx(30.0)
    line.claim("w")
    clock.moment += 4.0
    assert line.position(line.get(jobs[2].id)) == 2
    assert line.remaining(line.get(jobs[0].id)) == pytest.approx(6.0)
    assert line.remaining(jobs[2]) == pytest.approx(26.0)


def test_estimates_learn_from_what_like_jobs_took(line, clock):
    for n, seconds in ((100, 20.0), (200, 30.0)):
        line.submit("toil", order(n), "")
        job = line.claim("w")
        clock.moment += seconds
        line.finish(job, "x")
    assert line.submit("toil", order(110), "a")[0].estimate == pytest.approx(25.0, rel=0.3)
    # ten seconds for a hundred more, and what all need
    assert line.submit("toil", order(1000), "b")[0].estimate == pytest.approx(20.0 + 0.025 * 1000, rel=0.5)


def test_a_silent_worker_gives_its_job_back_once_and_then_it_fails(line, clock):
    name = line.submit("toil", order(), "")[0].id
    first = line.claim("w")
    clock.moment += 29.0
    assert line.recover() == 0
    assert line.beat(first)
    clock.moment += 31.0
    assert line.recover() == 1
    assert line.get(name).state == "accepted"
    assert not line.beat(first)
    with pytest.raises(Stopped):
        line.finish(first, "of the dead")
    line.claim("w")
    clock.moment += 31.0
    line.recover()
    ended = line.get(name)
    assert ended.state == "failed"
    assert "Its worker died. It happened 2 times" in ended.message


def test_who_lost_a_job_cannot_speak_for_it(line, clock):
    name = line.submit("toil", order(), "")[0].id
    lost = line.claim("w")
    clock.moment += 31.0
    line.recover()
    now = line.claim("w")
    with pytest.raises(Stopped):
        line.tell(lost, 0.5, "late")
    assert not line.fail(lost, "late")
    line.finish(now, "mine")
    assert line.get(name).result == "mine"


def test_a_dismissed_job_takes_nothing_any_more(line):
    name = line.submit("toil", order(), "")[0].id
    job = line.claim("w")
    assert line.dismiss(name).state == "dismissed"
    assert not line.beat(job)
    with pytest.raises(Stopped):
        line.finish(job, "late")
    assert line.get(name).result == ""
    assert line.dismiss(name).state == "dismissed"


def test_the_log_keeps_its_newest_lines(line):
    name = line.submit("toil", order(), "")[0].id
    job = line.claim("w")
    for n in range(12):
        line.tell(job, 0.1, "m", [f"line {n} " + "x" * 900])
    kept = [text[:7].strip() for _, text in line.log(name)]
    assert kept == [f"line {n}" for n in range(7, 12)]
    assert all(len(text) <= 500 for _, text in line.log(name))


def test_a_reporter_writes_not_more_often_than_people_read(line):
    line.submit("toil", order(), "")
    ticks = iter(x * 0.01 for x in range(10_000))
    telling = Telling(line, line.claim("w"), lambda: next(ticks))
    written = []

    class Counted:
        """Passes on what it is told, and counts."""

        def tell(self, job, share, what, lines=()):
            written.append(share)
            line.tell(job, share, what, lines)

    telling.queue = Counted()
    for n in range(200):
        telling("tiles", n / 200)
    assert 2 <= len(written) <= 10


def test_lists_are_pages(line):
    names = [line.submit("toil", order(n), str(n))[0].id for n in range(5)]
    total, page = line.list(limit=2, offset=1)
    assert total == 5
    assert [job.id for job in page] == [names[3], names[2]]
    assert line.list(states=["running"])[0] == 0
    with pytest.raises(UnknownName):
        line.get("0" * 32)


# --- workers


@pytest.fixture
def working(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts a worker in a thread of this process; it is stopped at the end."""
    started: list[tuple[Worker, threading.Thread]] = []

    def start(bounds: Bounds | None = None) -> Worker:
        worker = labourer(tmp_path, bounds)
        thread = threading.Thread(target=worker.run)
        thread.start()
        started.append((worker, thread))
        return worker

    yield start
    for worker, thread in started:
        worker.stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def ended(held: Queue, name: str) -> Job:
    """A job once it is over."""
    until(lambda: held.get(name).ended)
    return held.get(name)


def test_a_job_runs_and_leaves_its_product_and_nothing_else(tmp_path, working):
    held = queue(tmp_path)
    name = held.submit("toil", order(3), "")[0].id
    working()
    job = ended(held, name)
    assert (job.state, job.result, job.progress) == ("successful", "aaaabbbbcccc", 1.0)
    assert held.log(name)[0][1] == "begin at 0"
    until(lambda: not (tmp_path / "jobs" / name).exists())


@pytest.mark.parametrize(
    ("how", "said"),
    [("fail", "The soil is missing. A soil. Name one."), ("fault", "not yours: ZeroDivisionError: of ours")],
)
def test_what_goes_wrong_is_said(tmp_path, working, how, said):
    held = queue(tmp_path)
    name = held.submit("toil", order(3, how=how), "")[0].id
    working()
    job = ended(held, name)
    assert job.state == "failed"
    assert said in job.message


def test_a_job_whose_cluster_is_gone_is_tried_once_more_and_then_fails(tmp_path, working):
    held = queue(tmp_path)
    name = held.submit("toil", order(3, how="cut"), "")[0].id
    working()
    job = ended(held, name)
    assert (job.state, job.deaths) == ("failed", 1)
    assert job.message == "The cluster is gone. A cluster. It happened 2 times: it is not tried again."
    assert [text for _, text in held.log(name)] == [
        "begin at 0",
        "The cluster is gone. A cluster.",
        "begin at 0",
    ]


def test_a_job_killed_outright_goes_on_from_where_it_was(tmp_path, working):
    held = queue(tmp_path)
    name = held.submit("toil", order(6, how="die once"), "")[0].id
    working()
    assert ended(held, name).state == "successful"
    assert [text for _, text in held.log(name)] == [
        "begin at 0",
        "Its process was ended by SIGKILL (too little memory, perhaps).",
        "begin at 3",
    ]


def test_a_job_that_always_dies_fails_clearly(tmp_path, working):
    held = queue(tmp_path)
    name = held.submit("toil", order(6, how="die"), "")[0].id
    working()
    job = ended(held, name)
    assert job.state == "failed"
    assert "SIGKILL" in job.message
    assert "2 times" in job.message


def test_dismissal_ends_a_running_process(tmp_path, working):
    held = queue(tmp_path)
    name = held.submit("toil", order(900), "")[0].id
    working()
    until(lambda: held.get(name).progress > 0)
    held.dismiss(name)
    until(lambda: not (tmp_path / "jobs" / name).exists())
    assert held.get(name).state == "dismissed"
    assert not list((tmp_path / "jobs").glob("*.product"))


@pytest.mark.parametrize(
    ("bounds", "how", "said"),
    [
        (Bounds(seconds=1.0, poll=0.05, beat=0.2), "", "It ran longer than 1 s"),
        (Bounds(gigabytes=0.3, poll=0.05, beat=0.2), "hog", "GiB of memory; 0.3 is the most"),
    ],
)
def test_a_job_that_takes_too_much_is_ended(tmp_path, working, bounds, how, said):
    if how == "hog" and not Path("/proc/self/statm").exists():
        pytest.skip("this system does not say how much memory a process holds")
    held = queue(tmp_path)
    name = held.submit("toil", order(900, how=how), "")[0].id
    working(bounds)
    job = ended(held, name)
    assert job.state == "failed"
    assert said in job.message


# --- whoever is killed


def start(root: Path, what: str) -> subprocess.Popen:
    """A worker, or a server with one, as a process of its own."""
    return subprocess.Popen(command(root, what), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)


def children(process: int) -> list[int]:
    """Processes that a process started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[1]) == process and words[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def gone(process: int) -> bool:
    """Whether a process has ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc"
)


@needs_proc
def test_a_worker_killed_outright_takes_its_job_along_and_the_next_goes_on(tmp_path):
    held = queue(tmp_path)
    name = held.submit("toil", order(40), "")[0].id
    with start(tmp_path, "worker") as first:
        until(lambda: held.get(name).progress > 0)
        inner = children(first.pid)
        assert inner
        first.kill()
    until(lambda: all(map(gone, inner)))
    assert held.get(name).state == "running"
    with start(tmp_path, "worker") as second:
        assert ended(held, name).state == "successful"
        second.terminate()
    said = [text for _, text in held.log(name)]
    assert said[1] == "Its worker died."
    assert int(said[2].removeprefix("begin at ")) > 0


@needs_proc
def test_a_worker_that_is_asked_to_end_gives_its_job_back_unharmed(tmp_path):
    held = queue(tmp_path)
    name = held.submit("toil", order(900), "")[0].id
    with start(tmp_path, "worker") as worker:
        until(lambda: held.get(name).progress > 0)
        inner = children(worker.pid)
        worker.terminate()
        assert worker.wait(PATIENCE) == 0
    assert all(map(gone, inner))
    job = held.get(name)
    assert (job.state, job.deaths) == ("accepted", 0)


@needs_proc
@pytest.mark.parametrize("by", [signal.SIGKILL, None], ids=["killed", "in order"])
def test_the_workers_of_a_server_end_with_it(tmp_path, by):
    held = queue(tmp_path)
    name = held.submit("toil", order(900), "")[0].id
    with start(tmp_path, "server") as server:
        until(lambda: held.get(name).progress > 0)
        workers = children(server.pid)
        inner = [c for w in workers for c in children(w)]
        assert len(workers) == len(inner) == 1
        server.send_signal(by) if by else server.stdin.close()
        server.wait(PATIENCE)
    until(lambda: all(map(gone, workers + inner)))
    until(lambda: held.get(name).state == "accepted")
    assert held.get(name).deaths == 0


def test_a_bell_needs_postgresql(tmp_path, monkeypatch):
    holder = type("C", (), {"database": queue(tmp_path).database})()
    assert bell(holder) is None
    monkeypatch.setenv("LANDSINK_QUEUE", "procrastinate")
    with pytest.raises(DataError, match="needs PostgreSQL"):
        bell(holder)
    monkeypatch.setenv("LANDSINK_QUEUE", "carrier pigeon")
    with pytest.raises(DataError, match="carrier pigeon"):
        bell(holder)
