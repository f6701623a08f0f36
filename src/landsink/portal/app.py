"""The application: routers in their order, and nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import ModuleType

import anyio.to_thread
from fastapi import Depends, FastAPI

from landsink import __version__
from landsink.portal import (
    downloads,
    edr,
    entrance,
    job_pages,
    landing,
    objects,
    pages,
    problems,
    processes,
    products,
    raw,
    regions,
    retrieval,
    series,
    stac,
    stations,
    statistics,
    subset,
    tiles,
    uploads,
)
from landsink.portal.accounts import roles
from landsink.portal.accounts import routes as accounts
from landsink.portal.buckets import Buckets
from landsink.portal.context import Context
from landsink.portal.security import Guard, Packing

# Parts that are read by all. Stations come before the gridded collections, whose paths would take theirs.
READ: tuple[ModuleType, ...] = (
    entrance,
    objects,
    downloads,
    landing,
    stac,
    stations,
    products,
    series,
    regions,
    statistics,
    subset,
    tiles,
    raw,
    edr,
    retrieval,
)
# Parts that ask for a role themselves.
OWN: tuple[ModuleType, ...] = (accounts, uploads, processes, job_pages)


@asynccontextmanager
async def _order(app: FastAPI) -> AsyncIterator[None]:
    """Before the first answer: what a dead server left half-done goes."""
    context: Context = app.state.context
    await anyio.to_thread.run_sync(context.catalogue.sweep)
    await anyio.to_thread.run_sync(context.releases.sweep)
    await anyio.to_thread.run_sync(uploads.sweep, context)
    yield


def create(context: Context) -> FastAPI:
    """A FastAPI application that serves a catalogue."""
    app = FastAPI(
        title="landsink",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_order,
    )
    app.state.context = context
    # Six tries a minute for a name or an address, after a first ten.
    app.state.logins = Buckets(per_minute=6, size=10)
    app.state.conforms = list(
        dict.fromkeys(word for part in (*READ, *OWN) for word in getattr(part, "CONFORMS", ()))
    )
    problems.install(app)
    closed = [] if context.settings.open_reads else [Depends(roles.reading)]
    for part in READ:
        app.include_router(part.router, dependencies=closed)
    for part in (*OWN, pages):
        app.include_router(part.router)
    app.openapi = lambda: entrance.described(app)
    app.add_middleware(Packing)
    app.add_middleware(Guard, settings=context.settings)
    return app
