"""`landsink.open`: lazy, by any name of a product, here and from a portal, with the catalogue's own numbers."""

import threading
import time

import numpy as np
import pytest
import uvicorn
import xarray as xr

import landsink
from landsink.catalogue import Catalogue, Metadata, Specification
from landsink.catalogue.releases import Releases
from landsink.core.errors import DataError, UnknownName
from landsink.portal import Context, Settings, create

SAID = {"title": "Stocks", "creators": ["Doe, Jane"], "licence": "CC-BY-4.0", "description": "Made up.",
        "method": "Cores."}  # fmt: skip
MONTHS = np.arange("2001-01", "2003-01", dtype="datetime64[M]").astype("datetime64[ns]")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A catalogue with a table (with a DOI), and a map with its spread that is published."""
    root = tmp_path_factory.mktemp("opening")
    catalogue = Catalogue(root / "home")
    (root / "stocks.csv").write_text(
        "plot,date,lat,lon,top [cm],bottom [cm],cSoil [g m-2]\nA,2019-06-01,51,13,0,30,8200\n"
    )
    soil = Metadata.of(SAID | {"doi": "10.1234/stocks"})
    table = catalogue.ingest(root / "stocks.csv", Specification.read("soil-stocks"), soil)
    values = np.random.default_rng(0).random((24, 3, 4)).astype("f4") * 1e-8
    rows = {
        n: (("time", "lat", "lon"), v, {"units": "kg m-2 s-1"})
        for n, v in {"gpp": values, "gpp_sd": 0.1 * values}.items()
    }
    ds = xr.Dataset(rows, {"time": MONTHS, "lat": [45.0, 46.0, 47.0], "lon": [5.0, 6.0, 7.0, 8.0]})
    ds.lat.attrs["units"], ds.lon.attrs["units"] = "degrees_north", "degrees_east"
    ds.to_netcdf(root / "gpp.nc")
    grid = catalogue.ingest(
        root / "gpp.nc", Specification.read("gridded-fluxes"), Metadata.of(SAID | {"title": "GPP"})
    )
    Releases(catalogue).publish(grid, ds)
    return catalogue, table.id, grid.id, ds


@pytest.fixture(scope="module")
def address(home):
    """Where a portal over that catalogue answers."""
    server = uvicorn.Server(uvicorn.Config(create(Context(home[0], Settings())), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def local(home, monkeypatch):
    monkeypatch.setenv("LANDSINK_HOME", str(home[0].root))
    monkeypatch.delenv("LANDSINK_PORTAL", raising=False)
    return home


@pytest.mark.parametrize("layout", ["series", "map"])
def test_a_map_is_opened_lazily_with_its_numbers(local, layout):
    _, _, name, ds = local
    found = landsink.open(name[:8], layout=layout)
    assert found.gpp.chunks is not None
    assert np.array_equal(found.gpp.to_numpy(), ds.gpp.to_numpy())
    assert np.array_equal(found.gpp_sd.sel(lat=46, lon=7).to_numpy(), ds.gpp_sd.sel(lat=46, lon=7).to_numpy())
    assert found.gpp.units == "kg m-2 s-1" and found.attrs["landsink_id"] == name


def test_a_table_is_opened_with_units_and_dates(local):
    for name in (local[1], "10.1234/stocks", "https://doi.org/10.1234/stocks"):
        found = landsink.open(name)
        assert found.cSoil.item() == 8200 and found.cSoil.units == "g m-2"
        assert found.date.to_numpy()[0] == np.datetime64("2019-06-01")


def test_a_portal_gives_the_same(local, address):
    _, table, name, _ = local
    for layout in ("series", "map"):
        there, here = landsink.open(name, portal=address, layout=layout), landsink.open(name, layout=layout)
        xr.testing.assert_equal(there, here)
        assert there.attrs["landsink_page"] == f"{address}/objects/{name}"
    page = landsink.open(f"{address}/objects/{table}")
    xr.testing.assert_equal(page, landsink.open(table))


def test_the_environment_names_a_portal(local, address, monkeypatch):
    monkeypatch.setenv("LANDSINK_PORTAL", address)
    assert landsink.open(local[2]).attrs["landsink_page"].startswith(address)


def test_what_cannot_be_opened_says_so(local, address):
    with pytest.raises(UnknownName):
        landsink.open("nobody-has-this")
    with pytest.raises(UnknownName, match="nobody-has-this"):
        landsink.open("nobody-has-this", portal=address)
    with pytest.raises(UnknownName, match="layouts"):
        landsink.open(local[2], layout="tiles")
    with pytest.raises(DataError, match="does not answer"):
        landsink.open(local[2], portal="http://127.0.0.1:9")
    with pytest.raises(DataError, match="no address of a portal"):
        landsink.open(local[2], portal="ftp://example.org")
    with pytest.raises(DataError, match="no landing page"):
        landsink.open("https://example.org/data.nc")


def test_bytes_that_are_not_the_named_ones_are_refused(local, address, monkeypatch, tmp_path):
    catalogue, table, _, _ = local
    held = catalogue.path(table)
    whole = held.read_bytes()
    monkeypatch.setenv("LANDSINK_HOME", str(tmp_path))
    held.chmod(0o644)
    held.write_bytes(whole.replace(b"8200", b"8300"))
    try:
        with pytest.raises(DataError, match="SHA-256"):
            landsink.open(table, portal=address)
        assert not [p for p in tmp_path.rglob("*") if p.is_file()]
    finally:
        held.write_bytes(whole)
