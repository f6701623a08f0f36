"""Askers in a hurry, askers who take their time, and askers who say that they are others."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.testclient import TestClient

from landsink.core.errors import DataError
from landsink.portal import Context, Settings, server
from landsink.portal.buckets import asker
from landsink.portal.patience import LONGEST
from tests.portal.small import BASE

FORGED = (
    {"X-Forwarded-For": "192.0.2.{}"}, {"X-Forwarded-For": "192.0.2.{}, 127.0.0.1"}, {"X-Real-IP": "192.0.2.{}"},
    {"Forwarded": "for=192.0.2.{}"}, {"X-Client-IP": "192.0.2.{}"}, {"CF-Connecting-IP": "192.0.2.{}"},
    {"True-Client-IP": "192.0.2.{}"}, {"X-Forwarded-Host": "h{}.example"},
)  # fmt: skip


@contextlib.contextmanager
def served(context: Context) -> Iterator[int]:
    """The port of a real server, made as `landsink serve` makes it, in a thread of this process."""
    made: list[uvicorn.Server] = []

    class Quiet(server._Server):
        def install_signal_handlers(self) -> None: ...

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            made.append(self)
            yield

    ready = threading.Event()
    bound = server.bind(Settings(port=0))
    port = bound.getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "_Server", Quiet)
        thread = threading.Thread(target=server.serve, args=(context, bound, ("true",), 0, ready.set))
        thread.start()
        assert ready.wait(30)
        try:
            yield port
        finally:
            made[0].should_exit = True
            thread.join(30)


def closed_after(port: int, *parts: bytes, pause: float = 0.1, most: float = 10.0) -> tuple[float, bytes]:
    """Seconds until the server closed a connection over which these parts trickle, and what it said before."""
    begun, heard, waiting = time.monotonic(), b"", list(parts)
    with socket.create_connection(("127.0.0.1", port)) as asked:
        asked.settimeout(pause)
        while time.monotonic() - begun < most:
            with contextlib.suppress(TimeoutError):
                try:
                    if waiting:
                        asked.sendall(waiting.pop(0))
                    data = asked.recv(65536)
                except (ConnectionResetError, BrokenPipeError):
                    return time.monotonic() - begun, heard
                if not data:
                    return time.monotonic() - begun, heard
                heard += data
    return most, heard


@pytest.fixture
def port(fresh) -> Iterator[int]:
    _, context = fresh(patience=1.0, port=0)
    with served(context) as found:
        yield found


HEAD = b"GET /api/conformance HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "parts",
    [(), (b"G",), (HEAD,), (HEAD, *(b"X-%d: y\r\n" % n for n in range(100)))],
    ids=["nothing", "a letter", "half a head", "trickling"],
)
def test_who_never_finishes_a_question_is_let_go(port, parts):
    seconds, heard = closed_after(port, *parts)
    assert 0.8 < seconds < 8 and b"200 OK" not in heard


def test_who_trickles_behind_an_answer_is_let_go(port):
    """The rest of a body that was refused unread."""
    head = (
        b"PUT /api/uploads/"
        + b"A" * 32
        + b"/content HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
    )
    seconds, heard = closed_after(port, head, *(b"x" for _ in range(100)))
    assert b"401 Unauthorized" in heard and seconds < 8


def test_a_head_without_an_end_is_cut_off(port):
    block = b"X-Long: " + b"y" * 8000 + b"\r\n"
    seconds, _ = closed_after(port, HEAD, *([block] * (LONGEST // len(block) + 40)), pause=0.001)
    assert seconds < 0.9


def test_a_crowd_of_the_slow_keeps_nobody_out(port):
    crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
    for one in crowd:
        one.sendall(HEAD)
    seconds, heard = closed_after(port, HEAD + b"Connection: close\r\n\r\n")
    assert b"200 OK" in heard and seconds < 5
    for one in crowd:
        one.close()


def test_who_asks_again_in_time_keeps_the_connection(port):
    with socket.create_connection(("127.0.0.1", port)) as asked:
        asked.settimeout(5)
        for _ in range(4):
            asked.sendall(HEAD)
            time.sleep(0.4)
            asked.sendall(b"\r\n")
            heard = b""
            while b"conformsTo" not in heard:
                data = asked.recv(65536)
                assert data
                heard += data
            time.sleep(0.3)


# --- counted by address


@pytest.mark.parametrize("forged", FORGED, ids=lambda f: "/".join(f))
def test_who_says_to_be_another_is_counted_as_himself(fresh, forged):
    asked, _ = fresh(per_minute=30)
    for turn in range(12):
        headers = {name: value.format(turn) for name, value in forged.items()}
        found = asked.get("/api/conformance", headers=headers).status_code
        assert found == (200 if turn < 10 else 429)


@pytest.mark.parametrize("forged", FORGED[:4], ids=lambda f: "/".join(f))
def test_who_guesses_passwords_under_other_names_is_slowed(fresh, forged):
    asked, context = fresh()
    context.accounts.add("jane", "reader", "a few plain words")
    found = []
    for turn in range(12):
        headers = {name: value.format(turn) for name, value in forged.items()}
        body = {"name": f"name{turn}", "password": "wrong words here"}
        found.append(asked.post("/api/session", json=body, headers=headers).status_code)
    assert found == [401] * 10 + [429] * 2


def test_the_server_itself_believes_no_header_of_a_proxy(fresh):
    """Not only the application: what uvicorn makes of the headers comes before it."""
    _, context = fresh(per_minute=30, port=0)
    with served(context) as port:
        heard = [
            closed_after(port, HEAD + b"X-Forwarded-For: 192.0.2.%d\r\nConnection: close\r\n\r\n" % turn)[1]
            for turn in range(12)
        ]
    assert [h.split()[1] for h in heard] == [b"200"] * 10 + [b"429"] * 2


@pytest.mark.parametrize("proxies", [("127.0.0.1",), ("127.0.0.0/8", "192.0.2.200")])
def test_a_named_proxy_is_believed_and_what_its_visitor_says_before_it_is_not(fresh, proxies):
    """Each visitor behind the proxy has a rate of his own; the last address that is no proxy's is his."""
    _, context = fresh(per_minute=30, port=0, proxies=proxies)

    def asked(port: int, forwarded: str) -> bytes:
        line = f"X-Forwarded-For: {forwarded}\r\nConnection: close\r\n\r\n"
        return closed_after(port, HEAD + line.encode())[1].split()[1]

    with served(context) as port:
        assert {asked(port, f"192.0.2.{turn}") for turn in range(12)} == {b"200"}
        own = [asked(port, f"198.51.100.{turn}, 192.0.2.99") for turn in range(12)]
    assert own == [b"200"] * 10 + [b"429"] * 2


def test_another_than_the_named_proxy_is_not_believed(fresh):
    _, context = fresh(per_minute=30, port=0, proxies=("192.0.2.1",))
    line = b"X-Forwarded-For: 198.51.100.%d\r\nConnection: close\r\n\r\n"
    with served(context) as port:
        heard = [closed_after(port, HEAD + line % turn)[1].split()[1] for turn in range(12)]
    assert heard == [b"200"] * 10 + [b"429"] * 2


@pytest.mark.parametrize("said", ["*", "0.0.0.0/0", "0.0.0.0/99", "carbon.example.org", "10.0.0.1/8"])
def test_what_is_no_address_of_a_proxy_is_refused(said):
    with pytest.raises(DataError, match="is no address of a proxy"):
        Settings(proxies=(said,))


@pytest.mark.parametrize(
    ("said", "local", "names"),
    [
        ({}, True, {"127.0.0.1", "localhost", "::1"}),
        ({"hosts": ("localhost",)}, True, {"localhost"}),
        ({"hosts": ("carbon.example.org", "localhost")}, False, {"carbon.example.org", "localhost"}),
        ({"proxies": ("127.0.0.1",)}, False, {"127.0.0.1", "localhost", "::1"}),
        (
            {"address": "https://carbon.example.org"},
            False,
            {"127.0.0.1", "localhost", "::1", "carbon.example.org"},
        ),
        ({"hosts": ("localhost",), "address": "https://carbon.example.org"}, False, {"localhost"}),
        ({"hosts": ("localhost",), "address": "http://localhost:8350"}, True, {"localhost"}),
        ({"host": "0.0.0.0"}, False, set()),
        ({"host": "0.0.0.0", "hosts": ("localhost",)}, False, {"localhost"}),
    ],
)
def test_a_portal_behind_a_proxy_is_not_ones_own_machine(said, local, names):
    """Who is brought by a proxy of the same machine comes from 127.0.0.1, and may still run no jobs unasked."""
    assert Settings(**said).local is local
    assert set(Settings(**said).names) == names


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"), ("testclient", "testclient"), ("", ""),
    ],
)  # fmt: skip
def test_neighbours_in_one_network_are_one(host, key):
    assert asker({"client": (host, 1)}) == key
    assert asker({"client": None}) == asker({}) == ""


def test_an_owner_of_many_addresses_is_counted_once(fresh):
    asked, _ = fresh(per_minute=30)
    found = [
        TestClient(asked.app, base_url=BASE, client=(f"2001:db8::{n:x}", 1))
        .get("/api/conformance")
        .status_code
        for n in range(1, 13)
    ]
    assert found == [200] * 10 + [429] * 2
