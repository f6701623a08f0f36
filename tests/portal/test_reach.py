"""The page is for everybody: no serious fault by axe in any panel or shade, all by keyboard, at twice the size."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from landsink.portal import Context, Settings, create
from tests.house import tree
from tests.portal.browser import PATIENCE, answering, driven
from tests.portal.everything import Everything, everything
from tests.portal.labour import Toil
from tests.portal.screen import shown

playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
AXE = tree.ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
VIEW = "v=gpp&t=2001-07&c=20,45,2.2"

pytestmark = pytest.mark.slow
audited = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: npm ci in web/")


@dataclass(frozen=True)
class Site:
    """A portal that listens, and what it holds."""

    url: str
    held: Everything


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    held = everything(tmp_path_factory.mktemp("reach"))
    with answering(create(Context(held.context.catalogue, Settings(), Toil()))) as url:
        yield Site(url, held)


@pytest.fixture(scope="module")
def browser() -> Iterator["object"]:
    with driven() as opened:
        yield opened


@pytest.fixture(scope="module")
def window(browser) -> "object":
    made = browser.new_context(viewport={"width": 1200, "height": 800}, locale="en-GB", color_scheme="light")
    made.set_default_timeout(PATIENCE)
    return made


@pytest.fixture
def page(window) -> Iterator["object"]:
    made = window.new_page()
    yield made
    made.close()


def assert_sound(page) -> None:
    """No serious or critical fault in light, nor in dark."""
    # The policy lets no script in by its text, but a driver may evaluate one.
    page.evaluate(AXE.read_text() + "; undefined")
    for shade in ("light", "dark"):
        page.emulate_media(color_scheme=shade)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations'], iframes: false})")
        bad = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
        told = [(shade, v["id"], [n["html"][:160] for n in v["nodes"]][:3]) for v in bad]
        assert not told, json.dumps(told, indent=1)


PATHS = [
    "/search",
    "/objects/{newer}",
    "/objects/{run}",
    "/objects/{collection}",
    "/stations",
    "/stations/{station}",
    "/jobs",
    "/about",
]


@audited
@pytest.mark.parametrize("path", PATHS)
def test_axe_finds_no_serious_fault_on_a_page(page, site, path):
    names = vars(site.held.names) | {"station": site.held.stations[0]}
    page.goto(site.url + path.format(**names))
    page.get_by_role("heading", level=1).wait_for()
    page.wait_for_load_state("networkidle")
    if path == "/search":
        page.get_by_role("button", name="Put your own data in").click()
        page.get_by_label("Password").wait_for()
    assert_sound(page)


@audited
def test_axe_finds_no_serious_fault_in_any_panel_of_the_map(page, site):
    page.goto(f"{site.url}/?p={site.held.product}&{VIEW}&at=15,55&panel=point")
    shown(page, "gpp", 6)
    page.locator("[data-value]").wait_for()
    assert_sound(page)
    for name in ("Table", "Experiment", "Download", "Cite"):
        page.get_by_role("button", name=name, exact=True).click()
        page.get_by_role("heading", name=name, exact=True).wait_for()
        page.wait_for_load_state("networkidle")
        assert_sound(page)
    page.get_by_label("Compare", exact=True).last.select_option("difference")
    page.locator("[data-r]").wait_for()
    assert_sound(page)


def test_every_panel_opens_and_closes_by_keyboard(page, site):
    page.goto(f"{site.url}/?p={site.held.product}&{VIEW}")
    shown(page, "gpp", 6)
    for name in ("Table", "Experiment", "Download", "Cite"):
        button = page.get_by_role("button", name=name, exact=True)
        button.focus()
        page.keyboard.press("Enter")
        page.get_by_role("heading", name=name, exact=True).wait_for()
        # The heading has the focus, so that the next Tab is in the panel.
        playwright.expect(page.locator("#panel-title")).to_be_focused()
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('aside') !== null")
        page.keyboard.press("Escape")
        page.wait_for_selector("aside", state="detached")


def test_at_twice_the_size_nothing_is_lost_and_nothing_moves_that_need_not(browser, site):
    # 1280 by 800 at 200 % is a window of 640 by 400 (WCAG 2.2, 1.4.4 and 1.4.10).
    context = browser.new_context(
        viewport={"width": 640, "height": 400}, locale="en-GB", reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{site.url}/?p={site.held.product}&{VIEW}&at=15,55&panel=point")
    shown(page, "gpp", 6)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for found in (page.locator("[data-value]"), page.locator(".legend .title"), page.locator(".now").first):
        found.scroll_into_view_if_needed()
        playwright.expect(found).to_be_in_viewport()
    links = page.locator("header nav a").all()
    assert len(links) == 5
    page.evaluate("scrollTo(0, 0)")
    for link in links:
        playwright.expect(link).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.getAnimations().length") == 0
    page.goto(f"{site.url}/stations/{site.held.stations[0]}")
    page.get_by_role("heading", level=1).wait_for()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


def test_the_jobs_page_has_content(page, site):
    page.goto(f"{site.url}/jobs")
    page.get_by_role("heading", level=1).wait_for()
    playwright.expect(page.get_by_text(re.compile("The soil is missing")).first).to_be_visible()
