"""A real PostgreSQL for tests: one server a session in a folder of its own, and a database for each test."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pg8000.dbapi
import pytest

from landsink.catalogue import Database
from landsink.catalogue.schema import upgrade

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60")


def binaries() -> Path | None:
    """Where the server's programs lie; None where there are none."""
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else BINARIES[0].parent if BINARIES else None


def _owner() -> str | None:
    """The server refuses to be root."""
    return "nobody" if os.geteuid() == 0 else None


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _initialised(tools: Path, folder: Path) -> Path:
    data = folder / "data"
    command = [tools / "initdb", "-D", data, "-U", "landsink", "-A", "trust", "-E", "UTF8", "--no-sync"]
    # A language whose order of letters is not the computer's: ours must not depend on it.
    for locale in (["--locale-provider=icu", "--icu-locale=en", "--locale=C.UTF-8"], ["--locale=C"]):
        made = subprocess.run([*command, *locale], user=_owner(), capture_output=True, cwd=folder, text=True)
        if made.returncode == 0:
            return data
        shutil.rmtree(data, ignore_errors=True)
    raise RuntimeError(made.stderr)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a running server, without the name of a database."""
    tools = binaries()
    if tools is None:
        pytest.skip("PostgreSQL's server is not installed (postgresql of the system's packages)")
    folder = Path(tempfile.mkdtemp(prefix="landsink-pg-"))
    if owner := _owner():
        shutil.chown(folder, owner)
    data, port = _initialised(tools, folder), _free()
    options = [part for setting in FAST for part in ("-c", setting)]
    command = [tools / "postgres", "-D", data, "-k", folder, "-h", "127.0.0.1", "-p", str(port), *options]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(command, user=owner, cwd=folder, stdout=quiet, stderr=quiet)
    try:
        url = f"postgresql://landsink@127.0.0.1:{port}"
        _patiently(lambda: _said(url, "select 1"))
        _said(url, "create database pattern")
        _pattern(f"{url}/pattern")
        yield url
    finally:
        # Not patient with those who are still connected.
        server.send_signal(signal.SIGINT)
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(postgres_server: str) -> Iterator[str]:
    """The URL of a database with landsink's tables, and nothing in them."""
    yield from _database(postgres_server, "template pattern")


@pytest.fixture
def bare_postgres(postgres_server: str) -> Iterator[str]:
    """The URL of a database with nothing in it."""
    yield from _database(postgres_server, "")


def _database(server: str, pattern: str) -> Iterator[str]:
    name = f"test_{secrets.token_hex(6)}"
    _said(server, f"create database {name} {pattern}")
    yield f"{server}/{name}"
    Database(f"{server}/{name}").engine().dispose()
    _said(server, f"drop database {name} with (force)")


def _pattern(url: str) -> None:
    try:
        upgrade(Database(url))
    finally:
        Database(url).engine().dispose()


def _said(url: str, statement: str) -> None:
    port = int(url.rsplit(":", 1)[1])
    with pg8000.dbapi.connect("landsink", "127.0.0.1", "postgres", port) as connection:
        connection.autocommit = True
        connection.cursor().execute(statement)


def _patiently(work: Callable[[], None]) -> None:
    for _ in range(200):
        try:
            return work()
        except (pg8000.dbapi.InterfaceError, pg8000.dbapi.DatabaseError):
            time.sleep(0.05)
    return work()
