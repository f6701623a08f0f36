"""A portal with one of everything: a table, a cube, a run, a gridded release, a station, a collection, a job."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher
from fastapi import FastAPI

from landsink import case
from landsink.catalogue import Catalogue
from landsink.catalogue.station_item import Terms, enter
from landsink.portal import Context, Settings, create
from landsink.portal.accounts import Accounts
from landsink.portal.jobs.queue import Limits, Queue
from landsink.stations.flux.stage import Settings as Chain
from landsink.stations.flux.stage import quiet
from tests.case import station_files
from tests.catalogue.plots import DAY
from tests.portal import gridded, small
from tests.portal.labour import Toil

SCOPES = ("read", "write", "run", "curate")


@dataclass(frozen=True)
class Everything:
    """The application, its context, who may do all, and identifiers of what it holds."""

    app: FastAPI
    context: Context
    token: str
    names: small.Ids
    product: str
    stations: Sequence[str]
    jobs: Sequence[str]


def everything(root: Path) -> Everything:
    """Build it in an empty folder."""
    catalogue, page = Catalogue(root / "home", clock=lambda: DAY), small.built(root / "page")
    names = small.fill(catalogue, root / "sources")
    (root / "grid").mkdir()
    product, _ = gridded.publish(catalogue, root / "grid", page, gridded.product())
    context = Context(catalogue, Settings(page=page), Toil())
    # Passwords that cost nothing to check: the real ones take 64 MiB and a while each.
    context.__dict__["accounts"] = Accounts(catalogue.database, hasher=PasswordHasher(1, 8, 1))
    context.accounts.add("carl", "curator", "a few plain words")
    token, _ = context.accounts.make_token("carl", "all", SCOPES)
    app = create(context)
    app.state.queue = Queue(catalogue.database, Limits(open_jobs=10_000))
    return Everything(app, context, token, names, product, _stations(catalogue, root), _jobs(app))


def _stations(catalogue: Catalogue, root: Path) -> list[str]:
    """An air station and a ship's way."""
    asked = (
        (station_files.months, "air", {}),
        (station_files.cruise, "ship", {"site": "AA2019"}),
    )
    found = []
    for write, name, more in asked:
        files = case.StationFiles(write(root), **more)
        one = case.station(files, root / name, Chain(draws=2, percentiles=2), quiet)
        found.append(enter(catalogue, one.folder, Terms("CC-BY-4.0")).id)
    return found


def _jobs(app: FastAPI) -> list[str]:
    """A job that waits, one that is done, one that failed."""
    queue, toil = app.state.queue, Toil()
    orders = [toil.validate("toil", {"steps": steps}) for steps in (1, 2, 3)]
    jobs = [queue.submit("toil", order, "carl")[0].id for order in orders]
    queue.finish(queue.claim("w"), "aaaabbbbcccc")
    queue.fail(queue.claim("w"), "The soil is missing.")
    return jobs
