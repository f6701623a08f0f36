"""A replayed Carbon Portal, and a connector to it, for every test of this folder."""

from collections.abc import Callable
from pathlib import Path

import pytest

from landsink.sources.icos import Client, Icos
from tests.sources.icos.carbon_portal import CarbonPortal, serving

QUICK = Client(timeout=5.0, tries=3, pause=0.01)


@pytest.fixture(autouse=True)
def plain(monkeypatch) -> None:
    """No proxy and no token of whoever runs the tests."""
    for name in (
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "ICOS_TOKEN",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def portal():
    with serving(CarbonPortal()) as running:
        yield running


@pytest.fixture
def icos(portal, tmp_path) -> Callable[..., Icos]:
    """Makes a connector to the replayed portal, by default with the licence accepted."""

    def make(accept_licence: bool = True, client: Client = QUICK, home: Path | None = None, **more) -> Icos:
        return Icos(
            accept_licence=accept_licence,
            client=client,
            home=home or tmp_path / "shelf",
            meta=portal.url,
            data=portal.url,
            **more,
        )

    return make
