"""Tokens: read, ended, asked for, and never shown."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from landsink.core.errors import LandsinkError
from landsink.sources.icos import Icos, Refused, log_in
from landsink.sources.icos.login import token
from tests.sources.icos import carbon_portal
from tests.sources.icos.carbon_portal import MAIL, PASSWORD


def test_a_token_tells_who_and_until_when():
    known = token(carbon_portal.token(lives=1000))
    assert known.user == MAIL
    left = known.expires - datetime.now(UTC)
    assert timedelta(seconds=990) < left <= timedelta(seconds=1000)
    known.check()


def test_a_token_may_come_bare_and_unpadded():
    text = carbon_portal.token()
    bare = text.removeprefix("cpauthToken=").rstrip("=")
    assert token(bare).expires == token(text).expires
    assert token(f"{text}; Path=/").value == token(text).value


def test_a_token_is_never_shown():
    text = carbon_portal.token()
    known = token(text)
    for shown in (repr(known), repr(Icos(token=text)), repr(Icos(token=known))):
        assert known.value not in shown


def test_the_environment_may_hold_it(monkeypatch):
    assert token(None) is None
    monkeypatch.setenv("ICOS_TOKEN", carbon_portal.token())
    assert token(None).user == MAIL


def test_one_that_ended():
    with pytest.raises(Refused, match="ended on .* Get a fresh one"):
        token(carbon_portal.token(lives=-60)).check()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cpauthToken=",
        "not base64!",
        base64.b64encode(b"[1, 2]").decode(),
        base64.b64encode(b"{}\x1e").decode(),
    ],
)
def test_what_is_no_token(text):
    with pytest.raises(LandsinkError, match="cannot be read"):
        token(text)


def test_logging_in(portal):
    known = log_in(MAIL, PASSWORD, auth=portal.url)
    known.check()
    assert known.user == MAIL


def test_a_wrong_password_is_not_repeated_in_the_error(portal):
    with pytest.raises(Refused, match=MAIL) as err:
        log_in(MAIL, "hunter2", auth=portal.url)
    assert "hunter2" not in str(err.value)
