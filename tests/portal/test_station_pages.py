"""Pages of stations in a real browser, in three domains: their list, their map, their numbers, and beside a product."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import numpy as np
import pytest

from landsink.catalogue import Catalogue
from landsink.catalogue.station_item import Terms, enter
from landsink.portal import Context, Settings, create
from tests.portal import towers
from tests.portal.browser import PATIENCE, WINDOW, answering, driven, inked
from tests.portal.gridded import MONTHS, product, publish

# The normal suite asks the API the same in test_stations, and the map for a tower beside a cell in test_map.
pytestmark = pytest.mark.slow

playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
expect = playwright.expect

# What is read first on each page: the variable, its resolution, the heading of its quality page.
FIRST = {"tower": ("nee", "day"), "air": ("co2", "native"), "ship": ("fco2", "native")}
DOMAINS = {"tower": "ecosystem", "air": "atmosphere", "ship": "ocean"}


@dataclass(frozen=True)
class Site:
    """A portal, the identifiers of its stations by name, and of its gridded product."""

    url: str
    ids: dict[str, str]
    product: str

    def get(self, path: str) -> dict:
        """The API's answer."""
        answer = httpx.get(self.url + path, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    """A portal over made-up stations that say so, and a made-up product of the years in which the tower measured."""
    root = tmp_path_factory.mktemp("station-pages")
    catalogue = Catalogue(root / "home")
    ids = towers.fill(catalogue, root / "files")
    for name in ids.values():
        item = catalogue.get(name)
        item.properties["landsink:generated"] = True
        catalogue.add(item)
    (root / "page").mkdir()
    later = product().assign_coords(time=MONTHS.astype("datetime64[M]").astype("datetime64[ns]") + _years(4))
    made, _ = publish(catalogue, root, root / "page", later)
    with answering(create(Context(catalogue, Settings()))) as url:
        yield Site(url, ids, made)


def _years(count: int) -> np.timedelta64:
    return np.datetime64(f"{2001 + count}-01-01") - np.datetime64("2001-01-01")


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright.Browser"]:
    with driven() as opened:
        yield opened


@pytest.fixture
def visit(browser, site):
    """Opens a page; at the end nothing may have been asked of another host, refused by the policy or thrown."""
    wrong: list[str] = []
    contexts = []

    def opened(path: str, **options: object) -> "playwright.Page":
        context = browser.new_context(**(WINDOW | options))
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda r: None if r.url.startswith(site.url) else wrong.append(r.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda m: wrong.append(m.text) if "Content Security Policy" in m.text else None)
        page.goto(site.url + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not wrong


def listed(page) -> set[str]:
    """Identifiers of the stations in the list."""
    return {row.get_attribute("data-station") for row in page.locator("tr[data-station]").all()}


# --- the list


def test_the_list_is_the_apis_and_facets_narrow_it(visit, site):
    page = visit("/stations")
    row = page.locator("tr[data-station]")
    told = site.get("/api/stations")
    expect(row).to_have_count(told["total"])
    assert listed(page) == {s["id"] for s in told["stations"]}
    assert page.get_by_text("GENERATED").count() == 3
    page.get_by_role("button", name="Ocean (1)").click()
    expect(row).to_have_count(1)
    assert listed(page) == {site.ids["ship"]}
    assert "domain=ocean" in page.url
    page.go_back()
    expect(row).to_have_count(3)
    page.get_by_label("Variable").select_option("co2_trend")
    expect(row).to_have_count(1)
    assert listed(page) == {s["id"] for s in site.get("/api/stations?variable=co2_trend")["stations"]}
    page.get_by_label("Variable").select_option("")
    page.get_by_label("Find").fill("aa-aaa exchange")
    expect(row).to_have_count(1)
    assert listed(page) == {site.ids["tower"]}
    page.reload()
    expect(row).to_have_count(1)
    page.get_by_label("Find").fill("xylophone")
    page.get_by_text("No station fits all that is asked.").wait_for()
    page.get_by_role("button", name="Clear all").click()
    expect(row).to_have_count(3)


def test_coverage_in_the_list_is_the_apis(visit, site):
    page = visit("/stations")
    tower = page.locator(f'tr[data-station="{site.ids["tower"]}"]')
    tower.wait_for()
    nee = next(
        c for c in site.get(f"/api/stations/{site.ids['tower']}")["coverage"] if c["variable"] == "nee"
    )
    share = round(100 * nee["good"] / nee["expected"])
    assert f"{share}%" in tower.locator(".cover", has_text="nee").first.inner_text()
    bar = tower.locator(".cover .bar").first
    full, part = (bar.bounding_box()["width"], bar.locator("span").bounding_box()["width"])
    assert part / full == pytest.approx(nee["good"] / nee["expected"], abs=0.03)
    ship = page.locator(f'tr[data-station="{site.ids["ship"]}"]')
    assert "54 samples" in ship.inner_text()


def test_the_map_shows_each_station_where_it_stands(visit, site):
    page = visit("/stations")
    marks = page.locator(".locator svg a")
    expect(marks).to_have_count(3)
    assert inked(page, ".locator")
    boxes = {a.get_attribute("href").split("/")[-1]: a.bounding_box() for a in marks.all()}
    middle = {name: boxes[id]["x"] + boxes[id]["width"] / 2 for name, id in site.ids.items() if id in boxes}
    places = {s["id"]: s for s in site.get("/api/stations")["stations"]}
    ship = sum(places[site.ids["ship"]]["bbox"][::2]) / 2
    air, tower = (places[site.ids[name]]["place"]["longitude"] for name in ("air", "tower"))
    share = (ship - air) / (tower - air)
    assert middle["ship"] == pytest.approx(middle["air"] + share * (middle["tower"] - middle["air"]), abs=2)
    page.locator(f'.locator a[href="/stations/{site.ids["tower"]}"]').click()
    page.wait_for_url(f"**/stations/{site.ids['tower']}")


# --- the pages


@pytest.mark.parametrize("name", FIRST)
def test_a_page_draws_the_series_of_the_api_with_unit_sign_and_uncertainty(visit, site, name):
    page = visit(f"/stations/{site.ids[name]}")
    told = site.get(f"/api/stations/{site.ids[name]}")
    page.get_by_role("heading", name=told["title"], level=1).wait_for()
    assert page.get_by_text("GENERATED").first.is_visible()
    variable, resolution = FIRST[name]
    series = site.get(f"/api/stations/{site.ids[name]}/series?variable={variable}&resolution={resolution}")
    assert inked(page, "figure.plot .canvas")
    caption = page.locator("figure.plot figcaption").inner_text()
    assert series["title"] in caption
    assert re.sub(r"^u(?=mol|atm)", "µ", series["shown"]["unit"]) in caption
    if series["sign"]:
        assert f"sign: {series['sign']}" in caption
    assert ("± 1 standard deviation" in caption) == (series["sd"] is not None)
    assert series["uncertainty"] in page.locator("figure.plot .note").first.inner_text()
    page.locator("figure.plot summary").click()
    cells = page.locator("figure.plot tbody tr td").all_inner_texts()
    per = 1 + (series["sd"] is not None)
    factor, offset = series["shown"]["factor"], series["shown"]["offset"]
    rows = len(series["value"])
    assert len(cells) == per * rows
    assert read(cells[::per]) == pytest.approx(
        [number(v, factor, offset) for v in series["value"]], rel=1e-5, nan_ok=True
    )
    if per == 2:
        assert read(cells[1::2]) == pytest.approx(
            [number(v, factor, 0) for v in series["sd"]], rel=1e-2, nan_ok=True
        )


def number(value: float | None, factor: float, offset: float) -> float:
    return np.nan if value is None else value * factor + offset


def read(cells: list[str]) -> list[float]:
    """Numbers as the page writes them in English: 1,234.5, 1.2 × 10⁻⁴, or – for none."""
    plain = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789", ",")
    return [np.nan if c == "–" else float(re.sub(r" × 10(-?\d+)", r"e\1", c.translate(plain))) for c in cells]


@pytest.mark.parametrize("name", FIRST)
def test_a_page_shows_results_coverage_flags_and_its_quality_page(visit, site, name):
    page = visit(f"/stations/{site.ids[name]}")
    told = site.get(f"/api/stations/{site.ids[name]}")
    variable, _ = FIRST[name]
    results = page.get_by_role("region", name="Results")
    results.wait_for()
    first = told["headlines"][0]
    said = results.locator("tbody tr").first.locator("td").first.inner_text()
    assert float(said.split(" ± ")[0].replace(",", "")) == pytest.approx(first["value"], abs=first["sd"] / 10)
    assert " ± " in said
    years = [row for row in told["coverage_by_year"] if row["variable"] == variable]
    drawing = page.get_by_role("img", name=re.compile(f"^Coverage by year, {variable}"))
    drawing.scroll_into_view_if_needed()
    assert drawing.locator("rect.good").count() == len(years)
    flags = {
        row["flag"].replace("_", " "): row["count"] for row in told["quality"] if row["variable"] == variable
    }
    text = page.locator("[data-flags]").inner_text()
    assert all(f"{flag} {count:,}" in text for flag, count in flags.items() if count)
    frame = page.frame_locator("iframe")
    own = httpx.get(site.url + told["page"], timeout=60).text
    heading = re.sub(r"<[^>]+>", "", re.search(r"<h1.*?</h1>", own, re.S)[0]).strip()
    page.locator("iframe").scroll_into_view_if_needed()
    assert " ".join(frame.locator("h1").inner_text().split()) == " ".join(heading.split())
    assert frame.locator("svg, img").count() > 0


@pytest.mark.parametrize("name", FIRST)
def test_a_page_says_how_to_cite_and_gives_its_files(visit, site, name):
    page = visit(f"/stations/{site.ids[name]}")
    told = site.get(f"/api/stations/{site.ids[name]}")
    playwright.expect(page.get_by_role("region", name="Text", exact=True)).to_have_text(
        httpx.get(f"{site.url}/api/objects/{site.ids[name]}/citation?form=text").text
    )
    file = next(p for p in told["products"] if p["name"].endswith(".nc"))
    with page.expect_download() as taken:
        page.get_by_role("link", name=file["name"]).click()
    assert taken.value.path().stat().st_size == file["size"]


def test_another_variable_and_resolution_are_drawn_anew(visit, site):
    page = visit(f"/stations/{site.ids['tower']}")
    canvas = page.locator("figure.plot canvas").first
    assert inked(page, "figure.plot .canvas")
    before = canvas.evaluate("c => c.toDataURL()")
    page.get_by_label("Variable").select_option("tas")
    page.get_by_label("Resolution").select_option("month")
    page.locator("figure.plot figcaption", has_text="°C").wait_for()
    told = site.get(f"/api/stations/{site.ids['tower']}/series?variable=tas&resolution=month")
    page.locator("figure.plot summary").click()
    rows = page.locator("figure.plot tbody tr")
    expect(rows).to_have_count(len(told["time"]))
    may = told["time"].index("2005-05-01")
    cell = rows.nth(may).locator("td").first.inner_text()
    assert read([cell])[0] == pytest.approx(told["value"][may] - 273.15, rel=1e-5)
    assert canvas.evaluate("c => c.toDataURL()") != before


def test_an_older_version_leads_to_the_newest(visit, site):
    page = visit(f"/stations/{site.ids['old']}")
    page.locator(".banner a").click()
    page.wait_for_url(f"**/stations/{site.ids['ship']}")
    page.locator("h1").wait_for()
    assert page.locator(".banner").count() == 0


@pytest.mark.parametrize(
    ("language", "series", "period"),
    [
        ("en", "Series", "January 2010 – December 2017"),
        ("fr", "Séries", "janvier 2010 – décembre 2017"),
        ("de", "Reihen", "Januar 2010 – Dezember 2017"),
        ("fi", "Aikasarjat", "tammikuu 2010 – joulukuu 2017"),
    ],
)
def test_the_words_and_the_months_are_the_readers(visit, site, language, series, period):
    page = visit(f"/stations/{site.ids['air']}?lang={language}")
    page.get_by_role("heading", name=re.compile(f"^{series}"), level=2).first.wait_for()
    assert page.locator("html").get_attribute("lang") == language
    assert page.locator("dd", has_text=period).count() == 1
    page.goto(f"{site.url}/stations?lang={language}")
    page.locator("tr[data-station]").first.wait_for()
    assert page.get_by_role("cell", name=period, exact=True).count() == 1


def test_the_way_from_the_list_to_a_series_needs_no_mouse(visit, site):
    page = visit("/stations")
    page.locator("tr[data-station]").first.wait_for()

    def reach(script: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(script):
                return
        raise AssertionError(f"never reached: {script}")

    reach(f"document.activeElement.matches('th a[href=\"/stations/{site.ids['tower']}\"]')")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=1).wait_for()
    page.locator("figure.plot canvas").first.wait_for()
    reach("document.activeElement.tagName === 'SELECT' && document.activeElement.closest('main') !== null")
    before = page.locator("figure.plot figcaption strong").inner_text()
    page.keyboard.press("ArrowDown")
    expect(page.locator("figure.plot figcaption strong")).not_to_have_text(before)


@pytest.mark.parametrize("path", ["/stations", "tower", "air", "ship"])
def test_a_phone_shows_all_without_scrolling_sideways(visit, site, path):
    where = path if path.startswith("/") else f"/stations/{site.ids[path]}"
    page = visit(where, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.locator("h1").wait_for()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


# --- beside a product


def test_the_clicks_panel_shows_what_the_nearest_station_observed(visit, site):
    page = visit(f"/?p={site.product}&v=gpp&t=2005-05&at=15,51&panel=point")
    tower, path = (
        site.ids["tower"],
        f"/api/products/{site.product}/series?variable=gpp&lat=51&lon=15&band=0.9",
    )
    observed = site.get(f"/api/stations/{tower}/series?variable=gpp_night&resolution=month")
    cell, row = (
        site.get(path),
        next(v for v in site.get(f"/api/products/{site.product}")["variables"] if v["name"] == "gpp"),
    )
    factor = row["shown"]["factor"]
    panel = page.locator("aside")
    panel.get_by_text("AA-Aaa, observed").first.wait_for()
    assert inked(page, "aside figure.plot .canvas")
    caption = panel.locator("figcaption").inner_text()
    assert row["shown"]["unit"] in caption and f"sign: {row['sign']}" in caption
    assert "5–95 % of 5 members" in caption and "GENERATED" in caption
    assert panel.get_by_role("link", name="AA-Aaa").get_attribute("href") == f"/stations/{tower}"
    panel.locator("details summary").first.click()
    may = panel.locator("tbody tr", has_text="2005-05-01").first.locator("td").all_inner_texts()
    n, m = cell["time"].index("2005-05-01"), observed["time"].index("2005-05-01")
    wanted = [
        cell["value"][n],
        cell["band"]["low"][n],
        cell["band"]["high"][n],
        cell["sd"][n],
        observed["value"][m],
    ]
    assert read(may)[:5] == pytest.approx([x * factor for x in wanted], rel=1e-2)
    assert read([may[0], *may[4:5]]) == pytest.approx([x * factor for x in (wanted[0], wanted[4])], rel=1e-5)
    seen = dict(zip(observed["time"], observed["value"], strict=True))
    both = [k for k, t in enumerate(cell["time"]) if seen.get(t) is not None]
    said = panel.locator("[data-agree]").inner_text()
    assert f"{len(both)} steps" in said
    mean = float(said.split(": ")[1].split(" ± ")[0].replace(",", ""))
    assert mean == pytest.approx(np.mean([cell["value"][k] for k in both]) * factor, rel=2e-2)
    rows = panel.locator("tbody tr").count()
    panel.get_by_label(re.compile("Only while the station observed")).check()
    expect(panel.locator("figure.plot tbody tr")).not_to_have_count(rows)


def test_a_touch_on_a_phone_brings_the_number_into_sight(visit, site):
    page = visit(
        f"/?p={site.product}&v=gpp", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page.wait_for_selector(".host[data-still]")
    box = page.locator(".host").bounding_box()
    page.touchscreen.tap(box["x"] + 0.6 * box["width"], box["y"] + 0.45 * box["height"])
    expect(page.locator("[data-value]")).to_be_in_viewport(timeout=PATIENCE)
    expect(page.locator("aside figure.plot canvas").first).to_be_in_viewport(timeout=PATIENCE)


def test_over_the_sea_nothing_is_drawn(visit, site):
    page = visit(f"/?p={site.product}&v=gpp&at=-15,5&panel=point")
    page.locator("[data-value]", has_text="no value here").wait_for()
    assert page.locator("aside figure.plot").count() == 0


# --- over real data


def test_a_real_record_from_its_file_to_its_page(data, browser, tmp_path):
    file = data / "flux" / "atmosphere_co2" / "noaa_co2-mm-mlo.csv"
    if not file.exists():
        pytest.skip(f"{file.name} is not among the data")
    catalogue = Catalogue(tmp_path / "home")
    name = enter(catalogue, towers.process(file, tmp_path / "mlo").folder, Terms()).id
    with answering(create(Context(catalogue, Settings()))) as url:
        context = browser.new_context(**WINDOW)
        page = context.new_page()
        page.goto(f"{url}/stations/{name}")
        assert inked(page, "figure.plot .canvas")
        told = httpx.get(
            f"{url}/api/stations/{name}/series?variable=co2&resolution=native", timeout=60
        ).json()
        assert page.get_by_text("GENERATED").count() == 0
        page.locator("figure.plot summary").click()
        first = page.locator("figure.plot tbody tr").first
        assert read(first.locator("td").all_inner_texts()[:1])[0] == pytest.approx(told["value"][0], rel=1e-5)
        # The first value that anybody measured at Mauna Loa, March 1958, as its file has it.
        lines = (row.split(",") for row in file.read_text().splitlines() if row.startswith("1958-03"))
        assert told["value"][0] == pytest.approx(float(next(lines)[2]), abs=0.005)
        context.close()
