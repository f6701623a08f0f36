"""A reader's visit, from the first map to the result of an experiment: `landsink serve` as typed, in a real Chromium.

Once over a small made-up product, and once over the finished demo, which is slow where it has to be run first.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.portal.browser import PATIENCE, WINDOW, demo, driven, inked, pixels, serving, small
from tests.portal.screen import (
    CONTRAST,
    GROUND,
    TABLES,
    asks,
    camera,
    cells,
    colour,
    expected,
    limits,
    near,
    picture,
    shown,
)

LONGEST = 400_000  # milliseconds; an experiment over the whole demo on a machine that does other things too


# The normal suite has the same ground in test_map and test_pages, on one server each.
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Site:
    """A portal that listens, its product, and what of it is looked at."""

    url: str
    id: str
    month: str
    step: int
    view: str
    corners: tuple[tuple[float, float], ...]
    hits: str

    def get(self, path: str, **asked: object) -> dict:
        """The answer to a question about the product."""
        return self.ask(f"/api/products/{self.id}{path}", **asked).json()

    def ask(self, path: str, **asked: object) -> httpx.Response:
        """The answer to any question."""
        answer = httpx.get(f"{self.url}{path}", params=asked or None, timeout=PATIENCE / 1000)
        assert answer.status_code == 200, answer.text
        return answer

    def row(self, name: str) -> dict:
        """What the product says about a variable."""
        return next(row for row in self.get("")["variables"] if row["name"] == name)

    def address(self, name: str, **more: str) -> str:
        """A link to the map of a variable."""
        extra = "".join(f"&{key}={value}" for key, value in more.items())
        return f"/?p={self.id}&v={name}&t={self.month}&c={self.view}{extra}"


@pytest.fixture(scope="module", params=["small", "demo"])
def site(request, tmp_path_factory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("visit")
    if request.param == "small":
        asked = ("2001-07", 6, "20,45,2.2", ((2, 42), (18, 42), (18, 58), (2, 58)), "made up")
        home, name = small(root)
    else:
        home, name = demo(root)
        asked = ("2018-07", 330, "11,50,3.1", ((-4, 44), (14, 44), (14, 52), (-4, 52)), "virtual")
    with serving(home) as url:
        yield Site(url, name, *asked)


@pytest.fixture(scope="module")
def browser() -> Iterator["object"]:
    with driven() as opened:
        yield opened


Open = Callable[..., "object"]


@pytest.fixture
def visit(browser, site) -> Iterator[Open]:
    """Opens a page in a window of its own; at the end nothing may have gone elsewhere, been refused or thrown."""
    wrong: list[str] = []
    windows = []

    def to(path: str, **options: object) -> "object":
        window = browser.new_context(**(WINDOW | options))
        windows.append(window)
        page = window.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda r: r.url.startswith((site.url, "blob:")) or wrong.append(r.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda m: wrong.append(m.text) if "Content Security Policy" in m.text else None)
        page.goto(site.url + path)
        return page

    yield to
    for window in windows:
        window.close()
    assert not wrong


def painted(page, field: dict, row: dict, table: str) -> int:
    """How many cells in sight bear the colour of their number; fails at the first that does not."""
    screen, ends, seen, count = picture(page), limits(page), camera(page), 0
    for lon, lat, value in cells(field):
        found = None if value is None else colour(seen, screen, lon, lat)
        if found is None:
            continue
        wanted = expected(value * row["shown"]["factor"] + row["shown"]["offset"], ends, table)
        assert near(found, wanted), (lon, lat, value, found, wanted)
        count += 1
    return count


def apart(one: dict, other: dict) -> dict:
    """The difference of two maps as the API would answer it."""
    first, second = (np.array(field["value"], dtype=float) for field in (one, other))
    left = first - second
    return one | {"value": np.where(np.isfinite(left), left, None).tolist()}


def shown_number(text: str) -> tuple[float, float, float, float]:
    """Value and deviation as read, with half the last digit of each."""
    value, sd = re.findall(r"[\d.,]+", text.replace("\u2212", "-"))[:2]
    sign = -1 if text.strip().startswith(("\u2212", "-")) else 1
    half = [0.5 * 10 ** -len(x.partition(".")[2]) for x in (value, sd)]
    return sign * float(value.replace(",", "")), float(sd.replace(",", "")), *half


def test_steps_in_time_paint_the_numbers_of_their_month(visit, site):
    page, row = visit(site.address("gpp")), site.row("gpp")
    shown(page, "gpp", site.step)
    months = site.get("")["time"]
    for key, step in (("ArrowRight", 1), ("Shift+ArrowRight", 13), ("ArrowLeft", 12)):
        page.keyboard.press(key)
        shown(page, "gpp", site.step + step)
        field = site.get("/step", variable="gpp", time=months[site.step + step][:7])
        assert painted(page, field, row, row["colours"]) > 12


def test_a_click_tells_the_number_of_the_series(visit, site):
    page = visit(site.address("gpp"))
    shown(page, "gpp", site.step)
    lon, lat, _ = camera(page)
    box = page.locator(".host").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2 + 9, box["y"] + box["height"] / 2 + 9)
    told = page.locator("[data-value]").inner_text()
    asks(page, r"at=")
    lon, lat = map(float, re.search(r"at=([-\d.]+),([-\d.]+)", page.url).groups())
    series, factor = site.get("/series", variable="gpp", lat=lat, lon=lon), site.row("gpp")["shown"]["factor"]
    value, sd, coarse, fine = shown_number(told)
    assert value == pytest.approx(series["value"][site.step] * factor, abs=coarse * 1.01)
    assert sd == pytest.approx(series["sd"][site.step] * factor, abs=fine * 1.01)
    assert inked(page, "aside")


def polygon_of(page) -> list[list[float]]:
    asks(page, r"poly=")
    pairs = httpx.URL(page.url).params["poly"].split(",")
    ring = [[float(x) for x in pair.split()] for pair in pairs]
    return [*ring, ring[0]]


def answer_for(site: Site, ring: list[list[float]]) -> dict:
    asked = {"variable": "gpp", "aggregate": "mean", "polygon": {"type": "Polygon", "coordinates": [ring]}}
    return httpx.post(f"{site.url}/api/products/{site.id}/statistics", json=asked, timeout=60).json()


def test_a_polygon_drawn_with_the_mouse_has_the_statistics_of_the_api(visit, site):
    page = visit(site.address("gpp"))
    shown(page, "gpp", site.step)
    page.get_by_role("button", name="Draw a polygon").click()
    box = page.locator(".host").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for across, down in ((-120, -90), (130, -80), (110, 70), (-100, 60)):
        page.mouse.click(x + across, y + down)
        # Two clicks in one place within a moment would be a double click.
        page.wait_for_timeout(350)
    page.locator(".map, .canvas, main").get_by_role("button", name="Close", exact=True).first.click()
    ring = polygon_of(page)
    assert len(ring) == 5
    told = page.locator("[data-period]")
    told.wait_for()
    answer = answer_for(site, ring)
    # The link holds corners to four digits; the drawn ones have more.
    assert float(told.get_attribute("data-period")) == pytest.approx(answer["period"]["value"], rel=1e-4)
    assert float(told.get_attribute("data-sd")) == pytest.approx(answer["period"]["sd"], rel=1e-4)
    value, sd, coarse, fine = shown_number(told.inner_text())
    assert value == pytest.approx(answer["period"]["value"], abs=coarse * 1.01)
    assert sd == pytest.approx(answer["period"]["sd"], abs=fine * 1.01)


def test_a_typed_polygon_has_exactly_the_statistics_of_the_api(visit, site):
    page = visit(site.address("gpp"))
    shown(page, "gpp", site.step)
    page.get_by_label("Coordinates").fill(", ".join(f"{lon} {lat}" for lon, lat in site.corners))
    page.get_by_label("Coordinates").press("Enter")
    answer = answer_for(site, [list(corner) for corner in (*site.corners, site.corners[0])])
    told = page.locator(f'[data-period="{answer["period"]["value"]!r}"]')
    told.wait_for()
    assert float(told.get_attribute("data-sd")) == answer["period"]["sd"] > 0


def test_the_swipe_has_one_month_on_each_side(visit, site):
    other = f"{site.month[:4]}-01"
    page = visit(site.address("gpp", m="swipe", o=f"@{other}", s="0.5"))
    shown(page, "gpp", site.step)
    page.locator(".handle").wait_for()
    row, screen, seen, ends = site.row("gpp"), picture(page), camera(page), limits(page)
    sides = [site.get("/step", variable="gpp", time=t) for t in (site.month, other)]
    middle, counts = seen[0], [0, 0]
    for side, field in enumerate(sides):
        for lon, lat, value in cells(field):
            # A cell that the handle cuts belongs to both.
            if value is None or abs(lon - middle) < 6 or (lon > middle) != bool(side):
                continue
            if found := colour(seen, screen, lon, lat):
                wanted = expected(value * row["shown"]["factor"], ends, row["colours"])
                assert near(found, wanted), (side, lon, lat, found, wanted)
                counts[side] += 1
    assert min(counts) > 5


def test_the_difference_is_painted_and_its_scatter_drawn(visit, site):
    other = f"{site.month[:4]}-01"
    page, row = visit(site.address("gpp", m="difference", o=f"@{other}", panel="compare")), site.row("gpp")
    shown(page, "gpp", site.step)
    page.wait_for_selector("[data-r]")
    one, two = (site.get("/step", variable="gpp", time=t) for t in (site.month, other))
    assert painted(page, apart(one, two), row, row["colours"] if row["diverging"] else "RdBu_r") > 12
    assert inked(page, "aside")


def test_an_experiment_runs_to_its_end_and_its_change_is_painted(visit, site):
    if site.hits == "made up":
        pytest.skip("the small product has no model to run")
    page, row = visit(site.address("gpp", panel="experiment")), site.row("gpp")
    slider = page.locator("aside .slider").first
    slider.wait_for()
    number = slider.locator("input[type=number]")
    low, high = (float(number.get_attribute(end)) for end in ("min", "max"))
    number.fill(f"{low + 0.8 * (high - low):.4g}")
    number.press("Tab")
    page.get_by_role("button", name="Run the experiment").click()
    page.get_by_role("button", name="Show the change on the map").click(timeout=LONGEST)
    asks(page, "m=difference")
    result = re.search(r"p=(\w+)", page.url)[1]
    assert result != site.id and f"o={site.id}" in page.url
    page.wait_for_selector(f'main[data-shown="{result}/gpp/{site.step}"]')
    page.wait_for_selector(".host[data-still]")
    asked = {"variable": "gpp", "time": site.month}
    changed = site.ask(f"/api/products/{result}/step", **asked).json()
    left = apart(changed, site.get("/step", **asked))
    assert max(abs(x) for line in left["value"] for x in line if x is not None) > 0
    assert painted(page, left, row, "RdBu_r") > 12


def test_a_search_leads_to_the_landing_page_and_its_citation(visit, site):
    page = visit(f"/search?q={site.hits.replace(' ', '+')}")
    title = site.get("")["title"]
    page.locator("article h3 a", has_text=title).first.click()
    asks(page, f"/objects/{site.id}")
    page.locator("h1", has_text=title).wait_for()
    cited = site.ask(f"/api/objects/{site.id}/citation", form="text").text
    page.get_by_text(cited.strip()[:60]).first.wait_for()


def test_the_file_taken_is_the_file_of_the_api_and_no_larger_than_told(visit, site):
    page = visit(site.address("gpp", panel="download"))
    shown(page, "gpp", site.step)
    page.get_by_label("Format").select_option("csv")
    link = page.get_by_role("link", name="Download the file")
    page.locator('a.take[href*="f=csv"]').wait_for()
    path = link.get_attribute("href")
    with page.expect_download() as taken:
        link.click()
    body = Path(taken.value.path()).read_bytes()
    assert body == site.ask(path).content
    told = site.ask(path.replace("/subset?", "/subset/size?")).json()
    assert 0.2 * told["bytes"] < len(body) <= told["bytes"]


def test_a_permalink_gives_a_stranger_the_same_pixels(visit, site):
    page = visit(site.address("gpp", u="hatch"))
    shown(page, "gpp", site.step)
    page.keyboard.press("ArrowRight")
    shown(page, "gpp", site.step + 1)
    asks(page, f"t={site.month[:5]}08")
    again = visit(page.url.removeprefix(site.url))
    shown(again, "gpp", site.step + 1)
    np.testing.assert_allclose(picture(page).astype(int), picture(again).astype(int), atol=2)


def test_the_page_speaks_four_languages(visit, site):
    for language, word in (("en", "July"), ("fr", "juillet"), ("de", "Juli"), ("fi", "heinäkuu")):
        page = visit(site.address("gpp", lang=language))
        shown(page, "gpp", site.step)
        assert page.locator("html").get_attribute("lang") == language
        assert f"{word} {site.month[:4]}" in page.locator(".now").first.inner_text()


def test_the_dark_map_keeps_its_colours_and_can_be_read(visit, site):
    page, row = visit(site.address("gpp"), color_scheme="dark"), site.row("gpp")
    shown(page, "gpp", site.step)
    assert page.evaluate(GROUND) < 100 and all(ratio >= 4.5 for ratio in page.evaluate(CONTRAST))
    assert painted(page, site.get("/step", variable="gpp", time=site.month), row, row["colours"]) > 12


def test_a_reader_without_a_mouse_reaches_the_number(visit, site):
    page = visit(site.address("gpp"))
    shown(page, "gpp", site.step)
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.host canvas')"):
            break
    page.keyboard.press("c")
    for key in ("ArrowRight", "Enter"):
        page.keyboard.press(key)
    told = page.locator("[data-value]").inner_text()
    asks(page, r"at=")
    lon, lat = map(float, re.search(r"at=([-\d.]+),([-\d.]+)", page.url).groups())
    series, factor = site.get("/series", variable="gpp", lat=lat, lon=lon), site.row("gpp")["shown"]["factor"]
    value, _, coarse, _ = shown_number(told)
    assert value == pytest.approx(series["value"][site.step] * factor, abs=coarse * 1.01)


def test_the_legend_is_drawn_in_the_colours_of_the_table(visit, site):
    page, row = visit(site.address("gpp")), site.row("gpp")
    shown(page, "gpp", site.step)
    drawn = pixels(page.locator(".legend").screenshot(animations="disabled")).reshape(-1, 3)
    found = {tuple(int(c) for c in rgb) for rgb in np.unique(drawn, axis=0)}
    assert sum(tuple(rgb) in found for rgb in TABLES[row["colours"]]) > 100
