"""One question by browser, REST and Python, here and from afar: the same number, and that of a plain computation.

Between the ways the numbers are equal to the last bit of what is stored; the plain computation of the statistics sums
in another order and agrees to one in a million.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
import xarray as xr

import landsink
from landsink import account
from landsink.catalogue import Catalogue
from landsink.core.process import SECONDS
from landsink.portal import Settings
from tests.portal.browser import chromium, demo, serving, small
from tests.portal.screen import asks, shown

GRAMS = 1000 * SECONDS["d"]  # g m-2 d-1 of one kg m-2 s-1


@dataclass(frozen=True)
class Asked:
    """A portal, its product opened three ways, and the place that is asked about."""

    url: str
    id: str
    plain: xr.Dataset
    here: xr.Dataset
    there: xr.Dataset
    lat: float
    lon: float
    country: str
    ring: list[list[float]]
    regions: Path

    def get(self, path: str, **asked: object) -> dict:
        """The answer of the API."""
        answer = httpx.get(f"{self.url}/api/products/{self.id}{path}", params=asked, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()


RING = [[2.0, 42.0], [18.0, 42.0], [18.0, 58.0], [2.0, 58.0]]
GERMANY = [[6.0, 48.0], [14.0, 48.0], [14.0, 54.0], [6.0, 54.0]]


@pytest.fixture(scope="module", params=["small", pytest.param("demo", marks=pytest.mark.slow)])
def asked(request, tmp_path_factory) -> Iterator[Asked]:
    root = tmp_path_factory.mktemp("same")
    if request.param == "small":
        home, name = small(root)
        where = (45.0, 25.0, "FRA", RING, Settings().page / "regions.json")
    else:
        home, name = demo(root)
        where = (51.0, 13.0, "FRA", GERMANY, Settings().page / "regions.json")
    with serving(home) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANDSINK_HOME", str(home))
        catalogue = Catalogue.configured()
        source = catalogue.asset(catalogue.get(name), "product")
        with (
            xr.open_zarr(source, consolidated=False) as plain,
            landsink.open(name) as here,
            landsink.open(name, portal=url) as there,
        ):
            yield Asked(url, name, plain, here, there, *where)


def stored(values: list) -> np.ndarray:
    """Numbers of JSON as the release stores them; a missing one is NaN."""
    return np.array([np.nan if x is None else x for x in values], dtype="f4")


@pytest.mark.parametrize("name", ["gpp", "nee", "cVeg"])
def test_the_series_of_a_cell(asked, name):
    answer = asked.get("/series", variable=name, lat=asked.lat, lon=asked.lon)
    found = stored(answer["value"])
    for way in (asked.here, asked.there, asked.plain):
        line = way[name].sel(lat=asked.lat, lon=asked.lon).to_numpy()
        np.testing.assert_array_equal(found, line.astype("f4"))
    # The API prints each number so that reading it gives the very bits back.
    assert [float(np.float32(x)) if x is not None else None for x in answer["value"]] == pytest.approx(
        answer["value"], rel=1e-7, nan_ok=True
    )


def test_one_value_of_the_map(asked):
    month = str(asked.plain.time.to_numpy()[6])[:7]
    answer = asked.get("/step", variable="gpp", time=month)
    row, column = answer["lat"].index(asked.lat), answer["lon"].index(asked.lon)
    found = np.float32(answer["value"][row][column])
    at = {"lat": asked.lat, "lon": asked.lon}
    with (
        landsink.open(asked.id, layout="map") as here,
        landsink.open(asked.id, layout="map", portal=asked.url) as there,
    ):
        for way in (here, there, asked.plain):
            assert np.float32(way.gpp.isel(time=6).sel(at)) == found
    whole = stored([x for line in answer["value"] for x in line])
    np.testing.assert_array_equal(whole, asked.plain.gpp.isel(time=6).to_numpy().ravel().astype("f4"))


def land(asked: Asked, shares: np.ndarray) -> xr.DataArray:
    """Land of each cell within a border, m2."""
    ds = asked.plain
    return (ds.areacella * ds.sftlf / 100 * shares).fillna(0.0)


def members(asked: Asked) -> xr.DataArray:
    """The ensemble of gpp, g m-2 d-1."""
    return asked.plain.gpp_members.astype("f8") * GRAMS


def test_the_sum_of_a_country_and_its_deviation(asked):
    answer = asked.get("/statistics", region=asked.country, variable="gpp", aggregate="sum")
    border = account.read(asked.regions)[asked.country]
    share = account.share(border, asked.plain.lat.to_numpy(), asked.plain.lon.to_numpy())
    year = SECONDS["yr"] / SECONDS["d"]
    grams = {"Tg yr-1": 1e12, "Pg yr-1": 1e15}[answer["unit"]]
    each = (members(asked) * land(asked, share.field())).sum(("lat", "lon")) * year / grams
    np.testing.assert_allclose(answer["series"]["value"], each.mean("member"), rtol=1e-6)
    np.testing.assert_allclose(answer["series"]["sd"], each.std("member", ddof=1), rtol=1e-6)
    whole = each.weighted(asked.plain.time.dt.days_in_month).mean("time")
    assert answer["period"]["value"] == pytest.approx(float(whole.mean()), rel=1e-6)
    assert answer["period"]["sd"] == pytest.approx(float(whole.std(ddof=1)), rel=1e-6)


def test_the_mean_of_a_polygon(asked):
    """Whole cells in latitude and longitude, so that shares need no geometry but the overlap of intervals."""
    ring = [*asked.ring, asked.ring[0]]
    question = {"variable": "gpp", "aggregate": "mean", "polygon": {"type": "Polygon", "coordinates": [ring]}}
    answer = httpx.post(f"{asked.url}/api/products/{asked.id}/statistics", json=question, timeout=60).json()
    weight = land(asked, box_shares(asked.plain, asked.ring))
    each = members(asked).weighted(weight).mean(("lat", "lon"))
    np.testing.assert_allclose(answer["series"]["value"], each.mean("member"), rtol=1e-6)
    np.testing.assert_allclose(answer["series"]["sd"], each.std("member", ddof=1), rtol=1e-6)


def box_shares(ds: xr.Dataset, ring: list[list[float]]) -> np.ndarray:
    """The part of each cell's area on the sphere that lies within a box, (lat, lon)."""
    (west, east), (south, north) = ((min(x), max(x)) for x in zip(*ring, strict=True))
    lat, lon = ds.lat.to_numpy(), ds.lon.to_numpy()
    half = [abs(float(axis[1] - axis[0])) / 2 for axis in (lat, lon)]
    across = np.clip(np.minimum(lon + half[1], east) - np.maximum(lon - half[1], west), 0, None) / (
        2 * half[1]
    )
    sine = [np.sin(np.radians(np.clip(lat + way * half[0], south, north))) for way in (-1, 1)]
    full = [np.sin(np.radians(lat + way * half[0])) for way in (-1, 1)]
    return ((sine[1] - sine[0]) / (full[1] - full[0]))[:, None] * across


def test_the_browser_holds_the_number_of_the_api(asked):
    ring = [*asked.ring, asked.ring[0]]
    question = {"variable": "gpp", "aggregate": "mean", "polygon": {"type": "Polygon", "coordinates": [ring]}}
    answer = httpx.post(f"{asked.url}/api/products/{asked.id}/statistics", json=question, timeout=60).json()
    month = str(asked.plain.time.to_numpy()[6])[:7]
    corners = ", ".join(f"{lon:g} {lat:g}" for lon, lat in asked.ring)
    with chromium() as page:
        page.goto(f"{asked.url}/?p={asked.id}&v=gpp&t={month}&c=12,50,2.5")
        shown(page, "gpp", 6)
        page.get_by_label("Coordinates").fill(corners)
        page.get_by_label("Coordinates").press("Enter")
        told = page.locator("[data-period]")
        told.wait_for()
        asks(page, "poly=")
        # The very doubles: JavaScript and Python both write the shortest digits that give the number back.
        assert float(told.get_attribute("data-period")) == answer["period"]["value"]
        assert float(told.get_attribute("data-sd")) == answer["period"]["sd"]
