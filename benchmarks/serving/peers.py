"""The other servers, each in an environment of its own: titiler.xarray and xpublish over the same Zarr stores.

    python peers.py titiler|xpublish PORT STORE

This page imports nothing of landsink: it is run by the peers' own interpreter.
"""

import sys

import uvicorn
import xarray as xr


def titiler():
    """Tiles, points and statistics by titiler.xarray."""
    from fastapi import FastAPI  # noqa: PLC0415 - present only in the peers' environment
    from titiler.xarray.factory import TilerFactory  # noqa: PLC0415

    app = FastAPI()
    factory = TilerFactory(router_prefix="/md")
    app.include_router(factory.router, prefix="/md")
    return app


def xpublish(store: str):
    """Raw chunks and EDR positions by xpublish."""
    import xpublish as library  # noqa: PLC0415 - present only in the peers' environment; finds xpublish_edr by itself

    stores = {layout: xr.open_zarr(f"{store}/{layout}") for layout in ("map", "series")}
    return library.Rest(stores).app


if __name__ == "__main__":
    which, port, store = sys.argv[1:4]
    uvicorn.run(titiler() if which == "titiler" else xpublish(store), port=int(port), log_level="error")
