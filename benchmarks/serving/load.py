"""Ask a server, one question after another or by many users at once, and count seconds and processor time."""

import asyncio
import os
import random
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp
import httpx
import numpy as np
import psutil
from yarl import URL

Ask = tuple[str, str, dict | None]  # method, path, JSON body


@dataclass(frozen=True)
class Answer:
    """What a kind of question costs: processor ms of the server and ms by the clock, and bytes."""

    processor: float
    clock: float
    size: float


@contextmanager
def server(
    command: Sequence[str], port: int, ready: str, core: int, environment: dict[str, str]
) -> Iterator[psutil.Process]:
    """A server as a process of its own on one core, stopped at the end."""
    held = subprocess.Popen(command, env=os.environ | environment, start_new_session=True,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # fmt: skip
    process = psutil.Process(held.pid)
    process.cpu_affinity([core])
    try:
        _wait(f"http://127.0.0.1:{port}{ready}", held)
        yield process
    finally:
        for child in process.children(recursive=True):
            child.kill()
        held.terminate()
        held.wait(20)


def _wait(address: str, held: subprocess.Popen, most: float = 120.0) -> None:
    end = time.monotonic() + most
    while time.monotonic() < end:
        if held.poll() is not None:
            raise RuntimeError(
                f"the server ended: {held.stderr.read().decode()[-2000:] if held.stderr else ''}"
            )
        try:
            httpx.get(address, timeout=5.0)
            return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise RuntimeError(f"{address} did not answer within {most} s.")


def seconds(process: psutil.Process) -> float:
    """Processor time of a server and its children."""
    rows = [process, *process.children(recursive=True)]
    return sum(sum(r.cpu_times()[:2]) for r in rows)


def cost(process: psutil.Process, port: int, asks: Sequence[Sequence[Ask]]) -> Answer:
    """Cost of a question, which may be several requests, such as the tiles of a view; the first is not counted."""
    times, size = [], 0
    with httpx.Client(
        base_url=f"http://127.0.0.1:{port}", timeout=120.0, headers={"accept-encoding": "identity"}
    ) as client:
        for ask in asks[0]:
            _checked(client.request(ask[0], ask[1], json=ask[2]))
        spent = seconds(process)
        for question in asks[1:]:
            begin = time.perf_counter()
            for method, path, body in question:
                size += len(_checked(client.request(method, path, json=body)).content)
            times.append(time.perf_counter() - begin)
        spent = seconds(process) - spent
    return Answer(1e3 * spent / len(times), 1e3 * float(np.median(times)), size / len(times))


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.status_code != 200:
        raise RuntimeError(f"{answer.request.url}: {answer.status_code} {answer.text[:300]}")
    return answer


@dataclass(frozen=True)
class Crowd:
    """What many users at once saw."""

    requests: int
    errors: int
    median: float
    p95: float
    worst: float
    rate: float


def crowd(port: int, asks: Sequence[Ask], users: int, lasting: float, pause: float, seed: int = 0) -> Crowd:
    """`users` ask for `lasting` seconds, each waiting `pause` s on average between questions; 0 for without a pause."""
    return asyncio.run(_crowd(port, asks, users, lasting, pause, seed))


async def _crowd(
    port: int, asks: Sequence[Ask], users: int, lasting: float, pause: float, seed: int
) -> Crowd:
    times: list[float] = []
    failed = 0
    end = time.perf_counter() + lasting

    async def user(draw: random.Random, client: aiohttp.ClientSession) -> None:
        nonlocal failed
        while time.perf_counter() < end:
            await asyncio.sleep(draw.expovariate(1 / pause) if pause else 0.0)
            method, path, body = draw.choice(asks)
            begin = time.perf_counter()
            try:
                async with client.request(method, URL(path, encoded=True), json=body) as answer:
                    await answer.read()
                    failed += answer.status >= 400
            except (aiohttp.ClientError, TimeoutError):
                failed += 1
            times.append(1e3 * (time.perf_counter() - begin))

    # Its parser is written in C: one that is not would itself be what 50 users wait for.
    pool = aiohttp.TCPConnector(limit=users)
    patience = aiohttp.ClientTimeout(total=60.0)
    base = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession(
        base, connector=pool, timeout=patience, read_bufsize=2**20, auto_decompress=False
    ) as client:
        await asyncio.gather(*(user(random.Random(seed + i), client) for i in range(users)))
    return Crowd(
        len(times), failed, *(float(np.quantile(times, q)) for q in (0.5, 0.95, 1.0)), len(times) / lasting
    )
