"""A product of more cells than a browser takes at once: every answer is its own, and the map draws means from afar."""

import io
import re
from dataclasses import dataclass, field

import numpy as np
import pytest
import xarray as xr
from PIL import Image

import landsink
from landsink.catalogue.releases import Releases
from landsink.portal.colours import picture as painted
from landsink.portal.tiles import level
from tests.catalogue.releases.cubes import fine
from tests.portal.browser import PATIENCE, WINDOW, driven, pixels, serving
from tests.portal.gridded import shelf
from tests.portal.screen import TABLES, asks, camera, expected, limits, near, shown

SHOWN = 8.64e7  # kg m-2 s-1 in the unit that people read, g m-2 d-1
GRID = (900, 1800, 3, -90.0, -180.0, 0.2)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("levels")


@pytest.fixture(scope="module")
def at(root):
    return shelf(root, fine(*GRID))


@pytest.fixture(scope="module")
def land(at):
    return at.ds.areacella * at.ds.sftlf / 100


def test_the_product_tells_its_levels_and_their_bytes_are_there(at):
    told = at.get("").json()
    assert told["levels"] == 2 and told["resolution"] == [0.2, 0.2]
    for key in ("map/1/zarr.json", "map/2/gpp/zarr.json", "map/2/gpp/c/0/0/0", "map/gpp/c/2/1/3"):
        assert at.client.get(f"{told['zarr']}/{key}").status_code == 200
    assert at.client.get(f"{told['zarr']}/map/3/gpp/c/0/0/0").status_code == 404


@pytest.mark.parametrize("layout", ["map", "series"])
def test_python_opens_it_with_the_products_numbers(at, root, monkeypatch, layout):
    monkeypatch.setenv("LANDSINK_HOME", str(root / "home"))
    box = {"lat": slice(50.05, 47.0), "lon": slice(-3.0, 3.0)}
    with landsink.open(at.id, layout=layout) as ds:
        assert ds.gpp.dims == ("time", "lat", "lon") and ds.gpp.shape == at.ds.gpp.shape
        np.testing.assert_array_equal(ds.gpp.sel(box), at.ds.gpp.sel(box))


@pytest.mark.parametrize(("lat", "lon"), [(47.31, 8.05), (-12.39, 179.99), (0.01, -179.99), (-51.1, -77.3)])
def test_a_series_is_that_of_its_cell(at, lat, lon):
    told = at.get(f"/series?variable=gpp&lat={lat}&lon={lon}").json()
    want = at.ds.gpp.sel(lat=lat, lon=lon, method="nearest")
    assert (told["cell"]["lat"], told["cell"]["lon"]) == (pytest.approx(want.lat), pytest.approx(want.lon))
    np.testing.assert_array_equal(np.array(told["value"], "f4"), want)


def test_statistics_of_a_box_and_of_a_country_are_those_of_xarray(at, land):
    told = at.get("/statistics?variable=gpp&bbox=-20,30,25,55&aggregate=mean").json()
    part = at.ds.gpp.where((at.ds.lat > 30) & (at.ds.lat < 55) & (at.ds.lon > -20) & (at.ds.lon < 25))
    np.testing.assert_allclose(
        told["series"]["value"], SHOWN * part.weighted(land).mean(("lat", "lon")), rtol=1e-6
    )
    told = at.get("/statistics?variable=gpp&region=AAA&aggregate=mean").json()
    part = at.ds.gpp.where((at.ds.lat > 40) & (at.ds.lat < 60) & (at.ds.lon > 0) & (at.ds.lon < 20))
    np.testing.assert_allclose(
        told["series"]["value"], SHOWN * part.weighted(land).mean(("lat", "lon")), rtol=1e-6
    )


def test_subset_and_cube_are_the_products_numbers(at, tmp_path):
    part = at.ds.gpp.sel(lat=slice(10, -4), lon=slice(10, 24))
    (tmp_path / "part.nc").write_bytes(at.get("/subset?variable=gpp&bbox=10,-4,24,10&f=netcdf").content)
    with xr.open_dataset(tmp_path / "part.nc") as back:
        np.testing.assert_array_equal(back.gpp.sortby("lat", ascending=False), part)
    asked = {"parameter-name": "gpp", "bbox": "10,-4,24,10", "datetime": "2001-02"}
    cube = at.client.get(f"/api/collections/{at.id}/cube", params=asked).json()["ranges"]["gpp"]
    values = np.array(cube["values"], "f4").reshape(cube["shape"])[0]
    rows = part.sel(time="2001-02").squeeze()
    np.testing.assert_array_equal(values, rows)
    place = {"parameter-name": "gpp", "coords": "POINT(12.5 3.1)"}
    told = at.client.get(f"/api/collections/{at.id}/position", params=place).json()["ranges"]["gpp"]["values"]
    np.testing.assert_array_equal(
        np.array(told, "f4"), at.ds.gpp.sel(lat=3.1, lon=12.5, method="nearest").to_numpy()
    )


def test_the_table_of_a_map_is_of_its_own_cells(at):
    told = at.get("/step?variable=gpp&time=2001-03&bbox=0,0,40,30&thin=7").json()
    part = at.ds.gpp[2].sel(lat=slice(30, 0), lon=slice(0, 40))
    np.testing.assert_array_equal(np.array(told["value"], "f4"), part[::7, ::7])
    assert told["maximum"] == pytest.approx(float(part.max()))


# --- tiles


def values(release, number):
    """The maps of a level, read with no code of the house but its bytes."""
    place = release.blobs.path(f"{release.place}/map")
    return xr.open_zarr(place / str(number) if number else place).gpp


def under(release, z, x, y):
    """Longitudes and latitudes of the middles of a tile's pixels."""
    across = (x + (np.arange(256) + 0.5) / 256) / 2**z
    down = (y + (np.arange(256) + 0.5) / 256) / 2**z
    return across * 360 - 180, np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * down))))


@pytest.mark.parametrize(
    ("place", "number"), [((0, 0, 0), 2), ((1, 1, 0), 1), ((2, 3, 1), 0), ((5, 17, 11), 0), ((3, 7, 3), 0)]
)
def test_a_tile_shows_means_from_afar_and_cells_from_near(at, place, number):
    release = Releases(at.catalogue).get(at.id)
    assert level(release, place[0]) == number
    lon, lat = under(release, *place)
    cells = values(release, number)[1]
    size = 0.2 * 2**number
    rows, cols = np.floor((90 - lat) / size).astype(int), np.floor((lon + 180) / size).astype(int)
    want = cells.to_numpy()[np.ix_(rows, cols)]
    content = at.get(f"/tiles/gpp/1/{'/'.join(map(str, place))}.png?low=0&high=1e-7&colours=viridis").content
    shown_, wanted = (
        np.array(Image.open(io.BytesIO(png)).convert("RGBA"))
        for png in (content, painted(want, 0.0, 1e-7, "viridis"))
    )
    # Where rounding of a place decides on the edge of two cells, either may stand.
    assert (shown_ == wanted).all(-1).mean() > 0.999
    assert 0.05 < np.isfinite(want).mean() < 0.95


def test_a_tile_reads_few_parts_of_a_map(at, monkeypatch):
    from_ = []
    monkeypatch.setattr(
        "landsink.portal.tiles.chunk",
        lambda release, *asked: (from_.append(asked), release.tile(*asked))[1],
    )
    for z, x, y in ((0, 0, 0), (1, 0, 0), (2, 1, 1), (4, 9, 5)):
        from_.clear()
        at.get(f"/tiles/gpp/0/{z}/{x}/{y}.png")
        assert 1 <= len(from_) <= 6, (z, from_)


# --- the map


@dataclass
class Eye:
    """A page that shows the product, and the bytes of maps that it fetched."""

    page: object
    asked: list = field(default_factory=list)

    def see(
        self, lon: float, lat: float, zoom: float, step: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pixels clear of panels, and the longitudes and latitudes of their middles."""
        shown(self.page, "gpp", step)
        found = camera(self.page)
        assert found == pytest.approx((lon, lat, zoom), abs=2e-4)
        # The map counts in whole pixels, and lies on whole pixels of the window.
        told, whole = self.page.locator(".host").bounding_box(), pixels(self.page.screenshot())
        box = {key: round(number) for key, number in told.items()}
        x = np.arange(box["x"] + 60, box["x"] + box["width"] - 60, 3)
        y = np.arange(box["y"] + 70, box["y"] + box["height"] - 210, 3)
        side = 512 * 2 ** found[2]
        middle = 0.5 - np.arcsinh(np.tan(np.radians(found[1]))) / (2 * np.pi)
        down = middle + (y + 0.5 - box["y"] - box["height"] / 2) / side
        across = found[0] + (x + 0.5 - box["x"] - box["width"] / 2) / side * 360
        return whole[np.ix_(y, x)], across, np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * down))))

    def bytes(self) -> int:
        """Of maps that came since it was asked last."""
        came = sum(int(r.headers["content-length"]) for r in self.asked if r.status == 200)
        self.asked.clear()
        return came


@pytest.fixture(scope="module")
def site(at, root):
    with serving(root / "home", "--no-worker") as address:
        yield address


@pytest.fixture
def eye(site):
    with driven() as browser:
        page = browser.new_context(**WINDOW).new_page()
        page.set_default_timeout(PATIENCE)
        seen = Eye(page)
        page.on("response", lambda r: seen.asked.append(r) if re.search(r"/map/.*/c/", r.url) else None)
        yield seen


def alike(drawn, cells, lat, lon, size, ends):
    """Share of pixels with a value that have the colour of their cell in `cells`, whose first row is in the north.

    Pixels that have no colour of the table, under coasts and borders, are left out; most must have one.
    """
    rows, cols = np.floor((90 - lat) / size).astype(int), np.floor((lon + 180) % 360 / size).astype(int)
    want = cells[np.ix_(rows, cols)]
    table = np.array(TABLES["YlGn"])
    away = np.abs(drawn[:, :, None].astype(int) - table).max(-1).min(-1)
    known = np.isfinite(want)
    places = np.argwhere(known & (away <= 2))
    assert len(places) > 900 and len(places) > 0.7 * known.sum(), (len(places), known.sum())
    hits = [
        near(tuple(drawn[i, j].astype(int)), expected(SHOWN * want[i, j], ends, "YlGn")) for i, j in places
    ]
    return np.mean(hits)


def weight(release, step):
    """Bytes of a whole map of the finest cells."""
    keys = release.keys()
    return sum(release.size(k) for k in keys if re.fullmatch(rf"map/gpp/c/{step}/\d+/\d+", k))


def opened(eye, site, at, lon, lat, zoom, more=""):
    eye.page.goto(f"{site}/?p={at.id}&v=gpp&t=2001-02-01&c={lon},{lat},{zoom}{more}")


@pytest.mark.slow
def test_from_afar_the_map_draws_means_and_says_so(at, site, eye):
    opened(eye, site, at, 0, 20, 0.7)
    drawn, lon, lat = eye.see(0, 20, 0.7, 1)
    assert eye.page.locator("main").get_attribute("data-cells") == "4"
    assert "means of 4 × 4 cells" in eye.page.locator(".legend .coarse").inner_text()
    release = Releases(at.catalogue).get(at.id)
    ends = limits(eye.page)
    coarse = alike(drawn, values(release, 2)[1].to_numpy(), lat, lon, 0.8, ends)
    single = alike(drawn, at.ds.gpp[1].to_numpy(), lat, lon, 0.2, ends)
    assert coarse > 0.97 and single < 0.4, (coarse, single)
    whole = weight(release, 1)
    first = eye.bytes()
    # Three steps of the whole Earth.
    assert 0 < first < 3 * whole / 10
    assert first / 3 < 400_000


@pytest.mark.slow
def test_from_near_every_cell_has_its_own_colour_and_few_tiles_are_fetched(at, site, eye):
    opened(eye, site, at, 140, 50, 5.5)
    drawn, lon, lat = eye.see(140, 50, 5.5, 1)
    assert eye.page.locator("main").get_attribute("data-cells") == "1"
    assert not eye.page.locator(".legend .coarse").count()
    assert alike(drawn, at.ds.gpp[1].to_numpy(), lat, lon, 0.2, limits(eye.page)) > 0.97
    eye.page.wait_for_load_state("networkidle")
    release = Releases(at.catalogue).get(at.id)
    tiles = {re.search(r"/c/(\d+/\d+/\d+)$", r.url)[1] for r in eye.asked if "/map/gpp/c/" in r.url}
    assert len(tiles) <= 3 * 2, tiles
    eye.bytes()
    eye.page.keyboard.press("ArrowRight")
    shown(eye.page, "gpp", 2)
    whole = weight(release, 2)
    assert eye.bytes() < whole / 4


@pytest.mark.slow
def test_zooming_brings_finer_maps_and_the_seam_is_closed(at, site, eye):
    opened(eye, site, at, 179, 58, 1.5)
    shown(eye.page, "gpp", 1)
    seen = [eye.page.locator("main").get_attribute("data-cells")]
    for zoom in (2.5, 4.5):
        opened(eye, site, at, 179, 58, zoom)
        drawn, lon, lat = eye.see(179, 58, zoom, 1)
        eye.page.wait_for_function("() => document.querySelector('.host').dataset.still === ''")
        seen.append(eye.page.locator("main").get_attribute("data-cells"))
        assert lon.min() < 180 < lon.max()
    assert [int(n) for n in seen] == sorted((int(n) for n in seen), reverse=True) and seen[-1] == "1"
    assert alike(drawn, at.ds.gpp[1].to_numpy(), lat, lon, 0.2, limits(eye.page)) > 0.97
    east = lon > 180
    assert alike(drawn[:, east], at.ds.gpp[1].to_numpy(), lat, lon[east], 0.2, limits(eye.page)) > 0.97


@pytest.mark.slow
def test_click_and_table_tell_the_products_own_cells_from_afar(at, site, eye):
    opened(eye, site, at, 0, 20, 0.7, "&panel=table")
    shown(eye.page, "gpp", 1)
    eye.page.wait_for_selector("aside tbody tr")
    rows = eye.page.locator("aside tbody tr").all_inner_texts()[:12]
    assert len(rows) == 12
    for row in rows:
        lat, lon, value = (float(part.replace("−", "-").replace(",", "")) for part in row.split("\t")[:3])
        cell = at.ds.gpp[1].sel(lat=lat, lon=lon, method="nearest")
        assert value == pytest.approx(float(cell) * SHOWN, rel=1e-3)
    opened(eye, site, at, 0, 20, 0.7)
    shown(eye.page, "gpp", 1)
    box = eye.page.locator(".host").bounding_box()
    with eye.page.expect_response(re.compile(r"/series\?")) as came:
        eye.page.mouse.click(box["x"] + box["width"] / 2 + 40, box["y"] + box["height"] / 2 - 60)
    told = came.value.json()
    cell = at.ds.gpp.sel(told["cell"], method="nearest")
    np.testing.assert_array_equal(np.array(told["value"], "f4"), cell)


@pytest.mark.slow
def test_a_product_made_anew_is_taken_up_by_the_page_that_shows_it(at, site, eye):
    opened(eye, site, at, 0, 20, 0.7)
    shown(eye.page, "gpp", 1)
    before = at.get("").json()["edition"]
    other = at.ds.assign(gpp=at.ds.gpp * np.float32(0.5))
    releases = Releases(at.catalogue)
    try:
        releases.publish(at.catalogue.get(at.id), other)
        after = releases.get(at.id).edition
        assert after != before
        # The map of the last month is on its way already; a nearer look is not.
        with eye.page.expect_response(lambda r: f"@{after}/map" in r.url and r.status == 200):
            for _ in range(5):
                eye.page.locator(".tools button").first.click()
        asks(eye.page, r"c=")
        eye.page.wait_for_selector('main[data-cells="1"]')
        assert not eye.page.locator(".failure").count()
    finally:
        releases.publish(at.catalogue.get(at.id), at.ds)
