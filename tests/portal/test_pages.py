"""The pages in a real browser against a real server: what is read on them is what the catalogue and the API say."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import xarray as xr

from landsink.catalogue import Catalogue
from landsink.portal import Context, Settings
from tests.house import tree
from tests.portal.browser import driven, serving
from tests.portal.small import Ids, fill

playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")

PASSWORD = "a few plain words"
PATIENCE = 30_000  # milliseconds


@dataclass(frozen=True)
class Site:
    """A server that listens, and what its catalogue holds."""

    url: str
    ids: Ids

    def get(self, path: str) -> httpx.Response:
        """The answer to a question."""
        answer = httpx.get(self.url + path, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    """`landsink serve` over a small catalogue, with an account that may write."""
    root = tmp_path_factory.mktemp("pages")
    catalogue = Catalogue(root / "home")
    ids = fill(catalogue, root / "sources")
    Context(catalogue, Settings()).accounts.add("jane", "contributor", PASSWORD)
    with serving(root / "home", "--no-worker") as url:
        yield Site(url, ids)


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright.Browser"]:
    with driven() as opened:
        yield opened


Open = Callable[..., "playwright.Page"]


@pytest.fixture
def visit(browser, site) -> Iterator[Open]:
    """Opens a page; at the end nothing may have been asked of another host, refused by the policy or thrown."""
    wrong: list[str] = []
    contexts = []

    def opened(path: str, **options: object) -> "playwright.Page":
        settings = {"viewport": {"width": 1200, "height": 900}, "locale": "en-GB", "color_scheme": "light"}
        context = browser.new_context(**(settings | options))
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


def hits(page, count: str) -> list[str]:
    """Titles of the objects that a search shows, once it shows so many."""
    page.get_by_role("heading", name=count, exact=True).wait_for()
    return page.locator("article h3 a").all_inner_texts()


# --- search


def test_words_a_variable_and_a_box_find_what_the_api_finds(visit, site):
    page = visit("/search")
    everything = site.get("/api/objects").json()
    assert len(hits(page, f"{everything['total']} data objects")) == everything["total"]
    page.get_by_label("Words").fill("mend")
    page.keyboard.press("Enter")
    assert hits(page, "1 data object") == ["Soil stocks, mended"]
    assert "q=mend" in page.url
    page.get_by_role("link", name="Clear all").click()
    page.get_by_label("Box (W, S, E, N)").fill("5 45 8 47")
    page.get_by_role("button", name="Search", exact=True).click()
    asked = site.get("/api/objects?bbox=5,45,8,47").json()
    assert 0 < asked["total"] < everything["total"]
    found = hits(page, f"{asked['total']} data objects")
    assert sorted(found) == sorted(i["properties"]["title"] for i in asked["items"])
    page.get_by_role("button", name=re.compile(r"^gpp")).click()
    assert hits(page, "1 data object") == ["A small run"]
    page.go_back()
    assert hits(page, f"{asked['total']} data objects") == found


def test_a_search_stands_in_its_address_with_its_old_versions(visit, site):
    page = visit("/search?q=soil&old=true")
    total = site.get("/api/objects?q=soil&old=true").json()["total"]
    assert total > site.get("/api/objects?q=soil").json()["total"]
    assert "Soil stocks of a valley" in hits(page, f"{total} data objects")
    assert page.get_by_label("Show old versions too").is_checked()


def test_what_is_no_box_is_said_and_what_finds_nothing_says_what_to_do(visit):
    page = visit("/search?q=xylophone")
    page.get_by_text("Nothing fits all that is asked.").wait_for()
    assert page.get_by_text("Try fewer words, or only their beginnings.").is_visible()
    page.get_by_label("Box (W, S, E, N)").fill("1, 2, 3")
    page.keyboard.press("Enter")
    assert "This is no box" in page.get_by_role("alert").inner_text()


# --- landing pages


def test_a_landing_page_tells_hash_licence_versions_and_the_citation_of_the_api(visit, site):
    page = visit(f"/objects/{site.ids.newer}")
    page.get_by_role("heading", name="Soil stocks, mended", level=1).wait_for()
    data = site.get(f"/api/objects/{site.ids.newer}/data").content
    assert page.get_by_test_id("sha256").inner_text() == hashlib.sha256(data).hexdigest()
    assert (
        page.get_by_role("link", name="CC-BY-4.0")
        .get_attribute("href")
        .startswith("https://creativecommons.org")
    )
    for button, form in (("Text", "text"), ("BibTeX", "bibtex"), ("DataCite", "datacite")):
        page.get_by_role("button", name=button, exact=True).click()
        said = site.get(f"/api/objects/{site.ids.newer}/citation?form={form}").text
        shown = page.get_by_role("region", name=button, exact=True)
        playwright.expect(shown).to_have_text(said)
    page.get_by_role("link", name="previous version").click()
    page.get_by_role("heading", name="Soil stocks of a valley", level=1).wait_for()
    assert page.get_by_role("note").inner_text().startswith("This is not the latest version.")
    page.get_by_role("link", name="Go to the latest version").click()
    page.wait_for_url(f"**/objects/{site.ids.newer}")


def test_a_table_is_shown_with_its_units_and_drawn(visit, site):
    page = visit(f"/objects/{site.ids.newer}")
    rows = site.get(f"/api/objects/{site.ids.newer}/table").json()
    preview = page.get_by_role("region", name="Rows of the table")
    preview.wait_for()
    heads = preview.locator("thead th").all_inner_texts()
    assert [h.split("\n")[0] for h in heads] == [c["name"] for c in rows["columns"]]
    assert heads[-1].split("\n")[-1] == "g m⁻²"
    assert float(preview.locator("tbody tr").first.locator("td").last.inner_text()) == rows["rows"][0][-1]
    plot = page.get_by_test_id("table-plot")
    assert plot.locator("path.point").count() == len(rows["rows"])
    assert "8300" in plot.locator("path.point title").first.text_content().replace(",", "")


def test_a_product_is_drawn_and_its_mean_is_the_apis(visit, site):
    page = visit(f"/objects/{site.ids.run}")
    page.get_by_role("combobox", name=re.compile("^Variable")).first.select_option("gpp")
    facts = site.get(f"/api/products/{site.ids.run}").json()
    box = ",".join(map(str, facts["bbox"]))
    told = site.get(f"/api/products/{site.ids.run}/statistics?variable=gpp&bbox={box}&aggregate=mean").json()
    mean = page.get_by_text("Mean over the whole period:").locator("strong")
    playwright.expect(mean).to_contain_text(re.compile(r"^[\d.]"))
    page.get_by_text(told["label"]).first.wait_for()
    shown = float(mean.inner_text().split(" ± ")[0].replace(",", ""))
    assert shown == pytest.approx(told["period"]["value"], rel=1e-3)
    page.locator("figure.plot summary").first.click()
    assert page.locator("figure.plot tbody tr").count() == facts["steps"]
    drawn = page.locator("figure.plot canvas").first.evaluate(
        "c => new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size"
    )
    assert drawn > 20
    assert page.get_by_text("GENERATED").first.is_visible()
    assert (
        page.get_by_role("link", name="Open on the map").get_attribute("href") == f"/?p={site.ids.run}&v=gpp"
    )


def test_the_size_of_a_part_is_told_before_and_the_file_is_that_part(visit, site):
    page = visit(f"/objects/{site.ids.run}")
    form = page.get_by_role("form", name="Take a part")
    form.get_by_label("Variable").select_option("nee")
    form.get_by_label("To").fill("2001-06-30")
    form.get_by_label("Format").select_option("csv")
    page.get_by_text(re.compile(r"6 steps, 3 × 4 cells")).wait_for()
    with page.expect_download() as taken:
        page.get_by_role("link", name="Download the file").click()
    text = Path(taken.value.path()).read_text()
    assert "nee" in text and "2001-06" in text and "2001-07" not in text


def test_the_code_that_takes_a_part_runs_and_takes_that_part(visit, site, tmp_path):
    page = visit(f"/objects/{site.ids.run}")
    form = page.get_by_role("form", name="Take a part")
    form.get_by_label("Variable").select_option("nee")
    form.get_by_label("To").fill("2001-06-30")
    page.get_by_text(re.compile(r"6 steps, 3 × 4 cells")).wait_for()
    code = {}
    for name in ("Python", "Python (xarray)", "curl"):
        page.get_by_role("button", name=name, exact=True).last.click()
        shown = page.get_by_role("region", name=name, exact=True).last
        code[name] = shown.inner_text()
        assert site.url in code[name]
    paths = os.environ | {"PYTHONPATH": str(tree.SOURCE.parent), "PYTHONWARNINGS": "ignore"}
    for name in ("Python", "Python (xarray)"):
        (tmp_path / "typed.py").write_text(code[name] + "\nprint(part.sizes['time'], part.mean().values)\n")
        done = subprocess.run(
            [sys.executable, "typed.py"], cwd=tmp_path, env=paths, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        steps, mean = done.stdout.splitlines()[-1].split()
        assert steps == "6"
        code[name] = mean
    subprocess.run(["sh", "-c", code["curl"]], cwd=tmp_path, capture_output=True, check=True)
    with xr.open_dataset(tmp_path / "nee.nc") as taken:
        assert taken["nee"].sizes == {"time": 6, "lat": 3, "lon": 4}
        wanted = float(taken["nee"].mean())
    assert [float(code[n]) for n in ("Python", "Python (xarray)")] == pytest.approx([wanted] * 2, rel=1e-5)


def test_an_embargo_is_said_and_nothing_is_offered_to_download(visit, site):
    page = visit(f"/objects/{site.ids.held}")
    page.get_by_role("note").wait_for()
    assert "under embargo" in page.get_by_role("note").inner_text()
    assert page.get_by_role("link", name="The data as they were taken in").count() == 0


def test_what_is_not_there_is_said_with_the_way_to_the_search(visit):
    page = visit("/objects/nothing-of-that-name")
    page.get_by_role("alert").wait_for()
    assert "nothing-of-that-name" in page.get_by_role("alert").inner_text()
    assert page.get_by_role("link", name="To the search").get_attribute("href") == "/search"


@pytest.mark.parametrize(
    ("language", "months"),
    [
        ("en", "January 2001 – December 2002"),
        ("fr", "janvier 2001 – décembre 2002"),
        ("de", "Januar 2001 – Dezember 2002"),
        ("fi", "tammikuu 2001 – joulukuu 2002"),
    ],
)
def test_a_period_of_months_is_told_in_months(visit, site, language, months):
    page = visit(f"/objects/{site.ids.run}?lang={language}")
    page.locator("dd", has_text=months).first.wait_for()
    page.goto(f"{site.url}/search?q=run&lang={language}")
    page.locator("article", has_text=months).first.wait_for()


def test_english_days_are_written_day_month_year(visit, site):
    page = visit(f"/objects/{site.ids.held}", locale="en-US")
    page.get_by_text("The data become free on 1 Jan 2099.").wait_for()


def test_a_page_that_is_not_there_is_said_in_the_readers_language(visit, site):
    assert httpx.get(f"{site.url}/nowhere/at/all", headers={"Accept": "text/html"}).status_code == 404
    page = visit("/nowhere/at/all?lang=de")
    page.get_by_role("heading", name="Keine solche Seite", level=1).wait_for()
    page.get_by_role("link", name="Suche").last.click()
    page.wait_for_url("**/search")
    assert "no such page" in httpx.get(f"{site.url}/assets/none.js").text


# --- upload


def test_a_file_goes_from_its_defects_to_its_landing_page(visit, site, tmp_path):
    bad = tmp_path / "field.csv"
    bad.write_text("plot,date,lat,lon,top,bottom,csoil\nA,01/06/2019,51.02,13.51,0,30,8200\n")
    page = visit("/search")
    page.get_by_role("button", name="Put your own data in").click()
    page.get_by_label("Name", exact=True).fill("jane")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.locator("input[type=file]").set_input_files(bad)
    page.get_by_label("Held to the specification").select_option("soil-stocks")
    page.locator("input[name=title]").fill("Stocks of a browser")
    page.locator("textarea[name=description]").fill("Made up for a test.")
    page.locator("textarea[name=method]").fill("Cores.")
    page.get_by_label("Name (Family, Given)").fill("Doe, Jane")
    page.get_by_role("button", name="Try it").click()
    page.get_by_role("heading", name=re.compile(r"\d+ defects keep the file out")).wait_for()
    told = page.locator("ol.defects").inner_text()
    assert "lacks 'cSoil'" in told and "01/06/2019" in told and "What to do:" in told
    good = tmp_path / "mended.csv"
    good.write_text(
        "plot,date,lat,lon,top [cm],bottom [cm],cSoil [g m-2]\n"
        "A,2019-06-01,51.02,13.51,0,30,8200\nB,2019-06-02,51.06,13.58,0,30,9100\n"
    )
    page.locator("input[type=file]").set_input_files(good)
    page.get_by_role("button", name="Try it").click()
    page.get_by_role("button", name="Take it into the catalogue").click()
    page.get_by_role("heading", name="Stocks of a browser", level=1).wait_for()
    held = page.get_by_test_id("sha256").inner_text()
    assert held == hashlib.sha256(good.read_bytes()).hexdigest()
    playwright.expect(page.get_by_test_id("table-plot").locator("path.point")).to_have_count(2)
    page.goto(f"{site.url}/search?q=browser")
    assert hits(page, "1 data object") == ["Stocks of a browser"]


# --- languages, keyboard, shades


@pytest.mark.parametrize(
    ("language", "name", "count"),
    [
        ("fr", "Français", "objets de données"),
        ("de", "Deutsch", "Datenobjekte"),
        ("fi", "Suomi", "aineistoa"),
    ],
)
def test_the_language_changes_all_words_and_stays(visit, language, name, count):
    page = visit("/search")
    page.locator("header select").select_option(label=name)
    page.get_by_role("heading", name=re.compile(count)).wait_for()
    assert page.locator("html").get_attribute("lang") == language
    page.reload()
    page.get_by_role("heading", name=re.compile(count)).wait_for()


def test_a_search_and_its_landing_page_need_no_mouse(visit):
    page = visit("/search")
    page.get_by_role("heading", name=re.compile("data objects")).wait_for()

    def reach(label: str) -> None:
        for _ in range(80):
            page.keyboard.press("Tab")
            found = page.evaluate(
                "document.activeElement.labels?.[0]?.innerText ?? document.activeElement.innerText"
            )
            if (found or "").strip().startswith(label):
                return
        raise AssertionError(f"{label} was not reached")

    reach("Words")
    page.keyboard.type("mended")
    page.keyboard.press("Enter")
    hits(page, "1 data object")
    reach("Soil stocks, mended")
    seen = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert seen != "none"
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Soil stocks, mended", level=1).wait_for()
