"""A portal in this process over a small real catalogue: a table, a cube and a gridded run, all made up.

`portal` is a client of the whole application; `shelf` the catalogue behind it with its identifiers; `ids` those alone.
Every test module has a catalogue of its own; a test that changes it asks for `fresh`, which makes an empty one.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from starlette.testclient import TestClient

from landsink.catalogue import Catalogue
from landsink.portal import Context, Settings, create
from landsink.portal.accounts import Accounts
from tests.catalogue.plots import DAY
from tests.portal.small import Ids, built, client, fill


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> tuple[Catalogue, Ids]:
    """A small catalogue and its identifiers; read it only."""
    root = tmp_path_factory.mktemp("shelf")
    catalogue = Catalogue(root / "home", clock=lambda: DAY)
    return catalogue, fill(catalogue, root / "sources")


@pytest.fixture(scope="module")
def ids(shelf: tuple[Catalogue, Ids]) -> Ids:
    """The identifiers of the small catalogue."""
    return shelf[1]


@pytest.fixture(scope="module")
def portal(shelf: tuple[Catalogue, Ids], tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of the whole application over the small catalogue; read it only."""
    page = tmp_path_factory.mktemp("page")
    with client(create(Context(shelf[0], Settings(page=built(page))))) as asked:
        yield asked


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[..., tuple[TestClient, Context]]:
    """Makes a client over an empty catalogue of its own, with settings as given; its context beside it."""

    def make(**settings: object) -> tuple[TestClient, Context]:
        catalogue = Catalogue(tmp_path / "home", clock=lambda: DAY)
        context = Context(catalogue, Settings(**({"page": built(tmp_path / "page")} | settings)))
        # Passwords that cost nothing to check: the real ones take 64 MiB and a while each.
        context.__dict__["accounts"] = Accounts(catalogue.database, hasher=PasswordHasher(1, 8, 1))
        return client(create(context)), context

    return make
