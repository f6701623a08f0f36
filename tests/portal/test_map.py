"""The map in a real browser: what is on the screen is what the API says, to the pixel and to the digit."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import numpy as np
import pytest

from landsink.portal import Context, Settings, create
from tests.portal.browser import PATIENCE, WINDOW, answering, driven
from tests.portal.gridded import LAT, LON, shelf
from tests.portal.screen import (
    CONTRAST,
    GROUND,
    TABLES,
    asks,
    camera,
    cells,
    colour,
    expected,
    in_sight,
    limits,
    near,
    picture,
    shown,
)

VIEW = "c=20,45,2.2"


@dataclass(frozen=True)
class Site:
    """A portal that listens, and the product that it shows."""

    url: str
    id: str

    def get(self, path: str, **asked: object) -> dict:
        """The answer to a question about the product."""
        answer = httpx.get(f"{self.url}/api/products/{self.id}{path}", params=asked, timeout=PATIENCE / 1000)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    made = shelf(tmp_path_factory.mktemp("map"))
    with answering(create(Context(made.catalogue, Settings()))) as url:
        yield Site(url, made.id)


@pytest.fixture(scope="module")
def browser() -> Iterator["object"]:
    with driven() as opened:
        yield opened


Open = Callable[..., "object"]


@pytest.fixture(scope="module")
def window(browser) -> "object":
    """What tests share that need no window of their own: the browser keeps the compiled page there."""
    return browser.new_context(**WINDOW)


@pytest.fixture
def visit(browser, window, site) -> Iterator[Open]:
    """Opens the map; at the end nothing may have been asked of another host, refused by the policy or thrown."""
    wrong: list[str] = []
    opened: list[object] = []

    def to(path: str = "/", **options: object) -> "object":
        page = (browser.new_context(**(WINDOW | options)) if options else window).new_page()
        opened.append(page)
        page.set_default_timeout(PATIENCE)
        page.on(
            "request", lambda r: wrong.append(r.url) if not r.url.startswith((site.url, "blob:")) else None
        )
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda m: wrong.append(m.text) if "Content Security Policy" in m.text else None)
        page.goto(site.url + path)
        return page

    yield to
    for page in opened:
        page.close()
    assert not wrong


def told(site: Site, name: str) -> dict:
    return next(row for row in site.get("")["variables"] if row["name"] == name)


def assert_painted(page, site, step: dict, row: dict, table: str) -> int:
    """Every cell in sight bears the colour of the API's number; gives how many there were."""
    pixels, ends, seen, count = picture(page), limits(page), camera(page), 0
    for lon, lat, value in cells(step):
        found = colour(seen, pixels, lon, lat)
        if found is None:
            continue
        if value is None:
            assert not any(near(found, tuple(rgb)) for rgb in TABLES[table][::64]) or found[0] > 220
            continue
        wanted = expected(value * row["shown"]["factor"] + row["shown"]["offset"], ends, table)
        assert near(found, wanted), (lon, lat, value, found, wanted)
        count += 1
    return count


@pytest.mark.parametrize("name", ["gpp", "nee", "cVeg"])
def test_every_cell_in_sight_has_the_colour_of_its_number(visit, site, name):
    page = visit(f"/?v={name}&t=2001-07&{VIEW}")
    shown(page, name, 6)
    row = told(site, name)
    step = site.get("/step", variable=name, time="2001-07")
    assert assert_painted(page, site, step, row, row["colours"]) > 12


def test_keys_move_in_time_and_the_picture_follows(visit, site):
    page = visit(f"/?v=gpp&t=2001-07&{VIEW}")
    shown(page, "gpp", 6)
    before = picture(page)
    page.keyboard.press("ArrowRight")
    shown(page, "gpp", 7)
    assert (picture(page) != before).any(-1).mean() > 0.05
    for key, step in (("Shift+ArrowRight", 19), ("Home", 0), ("End", 23), ("ArrowLeft", 22)):
        page.keyboard.press(key)
        shown(page, "gpp", step)
    assert page.locator(".now").inner_text() == "November 2002"


def test_the_frames_beside_are_fetched_before_they_are_asked_for(visit):
    page = visit(f"/?v=gpp&t=2001-05&{VIEW}")
    shown(page, "gpp", 4)
    page.wait_for_load_state("networkidle")
    fetched: list[str] = []
    page.on("request", lambda r: fetched.append(r.url.rpartition("/map/")[2]) if "/c/" in r.url else None)
    page.keyboard.press("ArrowRight")
    shown(page, "gpp", 5)
    took = float(page.locator("main").get_attribute("data-took"))
    page.wait_for_load_state("networkidle")
    # Three to each side were there: the step fetched nothing for itself, only the next one's neighbour.
    assert set(fetched) <= {"gpp/c/8/0/0", "gpp_sd/c/8/0/0"} and took < 1000


def test_the_reader_sets_the_ends_of_the_colours(visit, site):
    page = visit(f"/?v=gpp&t=2001-07&{VIEW}")
    shown(page, "gpp", 6)
    low, high = page.locator(".legend input").all()
    low.fill("2")
    low.press("Tab")
    high.fill("8")
    high.press("Tab")
    row = told(site, "gpp")
    asks(page, r"r=2,8")
    ticks = [float(x) for x in page.locator(".ticks span").all_inner_texts()]
    assert (ticks[0], ticks[-1]) == (2, 8) == limits(page)
    step = site.get("/step", variable="gpp", time="2001-07")
    assert assert_painted(page, site, step, row, row["colours"]) > 12


def test_the_difference_of_two_months_is_painted_and_counted(visit, site):
    page = visit(f"/?v=nee&t=2001-07&m=difference&o=@2001-01&panel=compare&{VIEW}")
    shown(page, "nee", 6)
    page.wait_for_selector("[data-r]")
    row = told(site, "nee")
    one, other = (site.get("/step", variable="nee", time=t) for t in ("2001-07", "2001-01"))
    first, second = (np.array(m["value"], dtype=float) for m in (one, other))
    table = row["colours"] if row["diverging"] else "RdBu_r"
    apart = np.where(np.isfinite(first - second), first - second, None)
    assert assert_painted(page, site, one | {"value": apart.tolist()}, row, table) > 12
    weight = np.cos(np.radians(LAT))[:, None] * np.ones((len(LAT), len(LON)))
    inside = np.isfinite(first - second) & in_sight(page)
    x, y, w = first[inside], second[inside], weight[inside]
    cov = np.cov(x, y, aweights=w)
    r, slope = cov[0, 1] / math.sqrt(cov[0, 0] * cov[1, 1]), cov[0, 1] / cov[0, 0]
    for name, wanted in (
        ("r", r),
        ("slope", slope),
        ("bias", np.average(x - y, weights=w) * row["shown"]["factor"]),
    ):
        assert float(page.locator(f"[data-{name}]").get_attribute(f"data-{name}")) == pytest.approx(
            wanted, rel=1e-4, abs=1e-6
        )


def test_cells_below_their_uncertainty_can_be_left_out(visit, site):
    # nee_sd is |nee| and a little: every cell is below two of them.
    page = visit(f"/?v=nee&t=2001-07&{VIEW}")
    shown(page, "nee", 6)
    full = picture(page)
    page.get_by_label("Show cells").select_option(label="|x| ≥ 2 σ")
    asks(page, r"k=2")
    masked = picture(page)
    row, ends, seen = told(site, "nee"), limits(page), camera(page)
    for lon, lat, value in cells(site.get("/step", variable="nee", time="2001-07")):
        if value is not None and (found := colour(seen, full, lon, lat)):
            assert near(found, expected(value * row["shown"]["factor"], ends, row["colours"]))
            assert colour(seen, masked, lon, lat) in {(228, 234, 238), (246, 245, 240)}


def test_a_click_shows_the_series_of_the_cell(visit, site):
    page = visit(f"/?v=gpp&t=2001-07&{VIEW}")
    shown(page, "gpp", 6)
    box = page.locator(".host").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2 + 12, box["y"] + box["height"] / 2)
    told_value = page.locator("[data-value]").inner_text()
    series = site.get("/series", variable="gpp", lat=45, lon=21)
    factor = told(site, "gpp")["shown"]["factor"]
    value, sd = (float(x.replace("\u2212", "-")) for x in told_value.split(" g")[0].split(" ± "))
    assert value == pytest.approx(series["value"][6] * factor, rel=0.02)
    assert sd == pytest.approx(series["sd"][6] * factor, rel=0.06)
    asks(page, "panel=point")


def test_what_was_clicked_stays_where_it_was(visit, site):
    page = visit(f"/?v=gpp&t=2001-07&{VIEW}")
    shown(page, "gpp", 6)
    box = page.locator(".host").bounding_box()
    lon, lat, zoom = camera(page)

    def place(seen: tuple[float, float, float], wide: float) -> float:
        # Longitude at a place 100 pixels from the map's left edge.
        return seen[0] + (100 - wide / 2) * 360 / (512 * 2 ** seen[2])

    page.mouse.click(box["x"] + 100, box["y"] + 200)
    page.locator("[data-value]").wait_for()
    asks(page, "panel=point")
    narrow = page.locator(".host").bounding_box()
    assert narrow["width"] < box["width"] - 200
    assert place(camera(page), narrow["width"]) == pytest.approx(
        place((lon, lat, zoom), box["width"]), abs=0.1
    )


def test_the_band_is_that_of_the_members_and_else_one_standard_deviation(visit, site):
    page = visit(f"/?v=gpp&t=2001-07&{VIEW}&at=21,45&panel=point")
    band = site.get("/series", variable="gpp", lat=45, lon=21, band=0.9)["band"]
    factor = told(site, "gpp")["shown"]["factor"]
    ends, says = page.locator("[data-band]").inner_text().split(": ")
    assert says == f"5–95 % of {band['members']} members"
    wanted = (band["low"][6] * factor, band["high"][6] * factor)
    assert [float(x) for x in ends.split(" to ")] == pytest.approx(wanted, rel=1e-3)
    page.get_by_text(f"band: {says}").wait_for()
    page.locator("aside details summary").click()
    july = page.locator("aside tbody tr").nth(6).locator("td").all_inner_texts()
    assert [float(x) for x in july[1:3]] == pytest.approx(wanted, rel=1e-5)
    page.goto(f"{site.url}/?v=nee&t=2001-07&{VIEW}&at=21,45&panel=point")
    page.get_by_text("band: ± 1 standard deviation").wait_for()
    assert page.locator("[data-band]").count() == 0


@pytest.mark.parametrize(
    ("unit", "factor"), [("kg m-2 s-1", 1.0), ("g m-2 d-1", 86_400_000.0), ("m s-1", None)]
)
def test_a_tower_stands_beside_the_cell_in_the_unit_of_the_map(visit, site, unit, factor):
    page = visit("/about")
    near = {"id": "tower1", "name": "A tower", "distance_km": 12.3, "variables": [{"name": "gpp_night"}]}
    values = [1e-8 * (k + 1) for k in range(12)]
    label = told(site, "gpp")["shown"]["unit"]
    shown_as = {"unit": label, "factor": 86_400_000.0 / (factor or 1), "offset": 0.0}
    series = {
        "unit": unit,
        "shown": shown_as if factor else {"unit": unit, "factor": 1.0, "offset": 0.0},
        "sign": "positive: into the ecosystem",
        "time": [f"2001-{k + 1:02d}-01" for k in range(12)],
        "value": [x * (factor or 1) for x in values],
        "sd": None,
    }
    page.route("**/api/stations/near*", lambda route: route.fulfill(json={"stations": [near]}))
    page.route("**/api/stations/tower1/series*", lambda route: route.fulfill(json=series))
    page.goto(f"{site.url}/?v=gpp&t=2001-07&{VIEW}&at=21,45&panel=point")
    page.get_by_role("link", name="A tower").wait_for()
    assert "12.3 km" in page.locator("aside").inner_text()
    page.locator("aside details summary").click()
    if factor is None:
        page.wait_for_load_state("networkidle")
        assert page.locator("aside thead th", has_text="A tower").count() == 0
        return
    page.locator("aside thead th", has_text="A tower").wait_for()
    july = page.locator("aside tbody tr").nth(6).locator("td").all_inner_texts()
    assert float(july[-1]) == pytest.approx(values[6] * 86_400_000, rel=1e-5)


@pytest.mark.parametrize("aggregate", ["mean", "sum"])
def test_the_numbers_of_a_typed_polygon_are_those_of_the_api(visit, site, aggregate):
    page = visit(f"/?v=gpp&{VIEW}")
    shown(page, "gpp")
    page.get_by_label("Coordinates").fill("1 41, 19 41, 19 59, 1 59")
    page.get_by_label("Coordinates").press("Enter")
    page.get_by_role("button", name=aggregate.capitalize(), exact=True).click()
    ring = [[1, 41], [19, 41], [19, 59], [1, 59], [1, 41]]
    asked = {"variable": "gpp", "aggregate": aggregate, "polygon": {"type": "Polygon", "coordinates": [ring]}}
    answer = httpx.post(
        f"{site.url}/api/products/{site.id}/statistics", json=asked, timeout=PATIENCE / 1000
    ).json()
    total = page.locator(f'[data-period="{answer["period"]["value"]!r}"]')
    total.wait_for()
    assert float(total.get_attribute("data-sd")) == answer["period"]["sd"]
    assert answer["label"] in total.inner_text() and "±" in total.inner_text()
    assert f"{answer['members']} members" in page.locator("aside").inner_text()


def test_a_country_is_chosen_by_its_name_in_the_readers_language(visit, site):
    page = visit(f"/?v=gpp&lang=de&{VIEW}")
    shown(page, "gpp")
    page.get_by_label("Land", exact=True).select_option(label="Frankreich")
    answer = site.get("/statistics", region="FRA", variable="gpp")
    page.locator(f'[data-period="{answer["period"]["value"]!r}"]').wait_for()
    assert page.locator("html").get_attribute("lang") == "de"
    asks(page, r"in=FRA")


def test_a_link_restores_the_view_and_back_goes_back(visit, site):
    page = visit(f"/?v=nee&t=2002-03&{VIEW}&u=hatch&g=1&at=15,45")
    shown(page, "nee", 14)
    page.keyboard.press("ArrowRight")
    shown(page, "nee", 15)
    asks(page, "t=2002-04")
    address = page.url.removeprefix(site.url)
    assert site.id in address and "u=hatch" in address and "g=1" in address
    again = visit(address)
    shown(again, "nee", 15)
    # Two of 255: a line drawn on the globe rounds its edge now and then the other way.
    np.testing.assert_allclose(picture(page).astype(int), picture(again).astype(int), atol=2)
    page.get_by_role("button", name="Table", exact=True).click()
    asks(page, "panel=table")
    page.go_back()
    page.wait_for_selector("aside", state="detached")
    assert "t=2002-04" in page.url


def test_dark_and_light_differ_and_both_can_be_read(visit):
    for scheme, dark in (("light", False), ("dark", True)):
        page = visit(f"/?v=gpp&{VIEW}&panel=table", color_scheme=scheme)
        shown(page, "gpp")
        assert (page.evaluate(GROUND) < 100) is dark
        assert all(ratio >= 4.5 for ratio in page.evaluate(CONTRAST))
        page.get_by_role("button", name="theme").click()
        page.locator(f'html[data-theme="{"light" if dark else "dark"}"]').wait_for()
        assert all(ratio >= 4.5 for ratio in page.evaluate(CONTRAST))


def test_all_by_keyboard(visit, site):
    page = visit(f"/?v=gpp&t=2001-07&{VIEW}")
    shown(page, "gpp", 6)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(40):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.matches(':focus-visible')")
        if page.evaluate("document.activeElement.matches('.host canvas')"):
            break
    page.keyboard.press("c")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.locator("[data-value]").wait_for()
    asks(page, "at=[23]5,55")
    assert page.evaluate("document.activeElement.id") == "panel-title"
    page.keyboard.press("Escape")
    page.wait_for_selector("aside", state="detached")
    live = page.locator("[aria-live]").inner_text()
    page.keyboard.press("ArrowRight")
    shown(page, "gpp", 7)
    assert page.locator("[aria-live]").inner_text() != live


def test_the_table_holds_the_numbers_of_the_map(visit, site):
    page = visit(f"/?v=cVeg&t=2001-07&{VIEW}&panel=table")
    shown(page, "cVeg", 6)
    rows = [r.split("\t") for r in page.locator("aside tbody tr").all_inner_texts()]
    numbers = {
        (lon, lat): value for lon, lat, value in cells(site.get("/step", variable="cVeg", time="2001-07"))
    }
    assert len(rows) > 30
    for lat, lon, value, _ in rows:
        assert float(value) == pytest.approx(numbers[float(lon), float(lat)], rel=1e-3)
    page.get_by_role("button", name="cVeg [").click()
    values = [float(r.split("\t")[2]) for r in page.locator("aside tbody tr").all_inner_texts()]
    assert values == sorted(values, reverse=True)


def test_what_is_always_in_sight(visit):
    page = visit(f"/?v=gpp&t=2001-07&{VIEW}", viewport={"width": 390, "height": 844})
    shown(page, "gpp", 6)
    legend = page.locator(".legend").inner_text()
    for word in (
        "GENERATED",
        "gross primary production",
        "July 2001",
        "g C m⁻² d⁻¹",
        "+ into the vegetation",
    ):
        assert word in legend
    assert "Made up for tests · CC-BY-4.0" in page.locator(".source").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_globe_is_painted(visit):
    page = visit("/?v=gpp&t=2001-07&g=1&c=40,80,1.2")
    shown(page, "gpp", 6)
    pixels = picture(page)
    middle = pixels[
        pixels.shape[0] // 2 - 60 : pixels.shape[0] // 2 + 60,
        pixels.shape[1] // 2 - 60 : pixels.shape[1] // 2 + 60,
    ]
    known = {tuple(rgb) for rgb in TABLES["YlGn"] + TABLES["viridis"]}
    assert np.mean([tuple(int(c) for c in p) in known for p in middle.reshape(-1, 3)]) > 0.6


def test_a_link_to_what_is_not_there_says_so(visit):
    page = visit("/?p=nowhere00000")
    page.get_by_role("alert").wait_for()
    assert "nowhere00000" in page.get_by_role("alert").inner_text()
