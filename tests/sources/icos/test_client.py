"""The HTTP client: patience with what passes, none with what does not, and cookies that stay at home."""

import socket
import time

import pytest

from landsink.core.errors import DataError
from landsink.sources.icos.client import Client, Refused, Unreachable, _check_move
from tests.sources.icos.carbon_portal import CarbonPortal, Held, Move, Status, serving

CLIENT = Client(timeout=5.0, tries=3, pause=0.01)
SECRET = {"cpauthToken": "secret"}


@pytest.fixture
def held(portal) -> str:
    portal.objects.append(Held(b"content", "a.zip"))
    return f"{portal.url}/objects/{portal.objects[0].id}"


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_what_passes_is_waited_for(portal, held, code):
    portal.troubles += [Status(code), Status(code)]
    assert CLIENT.read(held, SECRET)[1] == b"content"
    assert len(portal.requests) == 3


def test_a_host_that_stays_busy_is_given_up(portal, held):
    portal.troubles += [Status(503)] * 3
    with pytest.raises(Unreachable, match="503 3 times"):
        CLIENT.read(held, SECRET)


def test_the_pause_that_a_server_names_is_kept(portal, held):
    portal.troubles.append(Status(429, (("Retry-After", "1"),)))
    start = time.monotonic()
    CLIENT.read(held, SECRET)
    assert time.monotonic() - start >= 1.0


@pytest.mark.parametrize(
    ("code", "kind"), [(401, Refused), (403, Refused), (404, DataError), (410, DataError)]
)
def test_what_does_not_pass_is_said_at_once(portal, held, code, kind):
    portal.troubles.append(Status(code))
    with pytest.raises(kind, match=str(code)):
        CLIENT.open(held, SECRET)
    assert len(portal.requests) == 1


def test_a_host_that_is_not_there():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Unreachable, match="cannot be reached"):
        CLIENT.open(f"http://127.0.0.1:{port}/")


def test_a_host_that_says_nothing():
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        with pytest.raises(Unreachable, match="no answer in time"):
            Client(timeout=0.2, tries=1).open(f"http://127.0.0.1:{deaf.getsockname()[1]}/")


def test_a_token_stays_with_its_host(portal, held):
    with serving(CarbonPortal(objects=portal.objects)) as other:
        # 127.0.0.1 with another port is another origin; it is sent on without the token, and without consent
        portal.troubles.append(Move(held.replace(portal.url, other.url)))
        answer, _ = CLIENT.read(held, SECRET)
        assert answer.url.startswith(other.url)
        assert "Cookie" in portal.requests[0][2]
        assert [headers.get("Cookie") for _, _, headers in other.requests] == [None, None]


def test_cookies_that_a_host_sets_are_sent_back_to_it(portal, held):
    key = held.rsplit("/", 1)[-1]
    answer, body = CLIENT.read(f"{portal.url}/licence_accept?ids=%5B%22{key}%22%5D")
    assert body == b"content"
    assert answer.cookies == {"CpLicenseAcceptedFor": key}


def test_redirects_without_end(portal, held):
    portal.troubles += [Move(held)] * 20
    with pytest.raises(DataError, match="redirected"):
        CLIENT.open(held, SECRET)


def test_no_redirect_leads_to_a_file_of_this_machine(portal, held):
    portal.troubles.append(Move("file:///etc/hostname"))
    with pytest.raises(DataError, match="file://"):
        CLIENT.open(held, SECRET)


def test_a_form_follows_no_redirect(portal, monkeypatch):
    with serving(CarbonPortal()) as other:
        moved = {"Location": f"{other.url}/licence"}
        monkeypatch.setattr(
            "tests.sources.icos.carbon_portal._Desk.do_POST", lambda d: d._answer(307, b"", moved)
        )
        CLIENT.read(f"{portal.url}/password/login", form={"password": "secret"})
        assert [(verb, path) for verb, path, _ in other.requests] == [("GET", "/licence")]


@pytest.mark.parametrize("url", ["portal", "ftp://127.0.0.1/", "http://127.0.0.1:x/", "http://a b/"])
def test_what_is_no_address(url):
    with pytest.raises((DataError, Unreachable), match="cannot be"):
        Client(tries=1).open(url)


def test_nothing_goes_from_a_safe_connection_to_an_open_one():
    with pytest.raises(DataError, match="https throughout"):
        _check_move("https://data.icos-cp.eu/objects/x", "http://data.icos-cp.eu/objects/x")
