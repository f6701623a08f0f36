"""Pictures of the portal for the handbook: a real `landsink serve` over the finished demo, before a real Chromium.

    python -m docs.pictures [--only NAME]

They are drawn anew for every handbook and are no part of the repository. Where the demo, the built page, Chromium or
playwright is missing, that is said, nothing is drawn, and the handbook is built without.
"""

import argparse
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from docs import tower
from landsink import case
from landsink.catalogue import Catalogue
from landsink.catalogue.station_item import Terms, enter
from landsink.portal import Settings
from landsink.stations.flux.stage import Settings as Chain
from landsink.stations.flux.stage import quiet

try:
    from playwright.sync_api import Browser, Page, sync_playwright
except ImportError:
    sync_playwright = None

FOLDER = Path(__file__).parent / "_static" / "portal"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# No graphics card is needed, and colours are those that were asked for.
FLAGS = (
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--force-color-profile=srgb",
)
WINDOW = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", "color_scheme": "light"}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True}
COMMAND = "from landsink.cli.portal import app; app()"
START = 240.0  # seconds; the first start publishes the demo for the map
PATIENCE = 60_000  # milliseconds; a busy machine draws slowly without a graphics card


def settled(page: "Page") -> None:
    """Waits until the map is on the screen."""
    page.wait_for_selector('main[data-shown*="/"]')
    page.wait_for_selector(".host[data-still]")


def curve(page: "Page") -> None:
    """Waits until the map and the picture in its panel are there."""
    settled(page)
    page.locator("aside canvas").first.wait_for()


def area(page: "Page") -> None:
    """Waits until the map and the number of an area are there."""
    page.locator("[data-period]").wait_for()
    curve(page)


def compared(page: "Page") -> None:
    """Waits until the difference and its scatter are there."""
    page.wait_for_selector("[data-r]")
    settled(page)


def sliders(page: "Page") -> None:
    """Moves the first slider of the experiment up, and waits for what it would cost."""
    number = page.locator("aside .slider input[type=number]").first
    low, high = (float(number.get_attribute(end)) for end in ("min", "max"))
    number.fill(f"{low + 0.7 * (high - low):.3g}")
    number.press("Tab")
    page.wait_for_load_state("networkidle")
    settled(page)


def found(page: "Page") -> None:
    """Waits until the search has found something."""
    page.locator("article h3 a").first.wait_for()


def landed(page: "Page") -> None:
    """Waits until the page of an object says how to cite it."""
    page.wait_for_load_state("networkidle")
    page.locator("h1").wait_for()


def plotted(page: "Page") -> None:
    """Waits until the series of a station is drawn."""
    page.locator("figure.plot canvas").first.wait_for()
    page.wait_for_load_state("networkidle")


@dataclass(frozen=True)
class Scene:
    """One picture: name, address ({id}: the demo, {station}: a made-up tower), what is waited for, and the window."""

    name: str
    address: str
    ready: Callable[["Page"], None] = settled
    window: dict = field(default_factory=dict)


VIEW = "/?p={id}&t=2018-07"
RING = "-4+44,14+44,14+51,-4+51"
SCENES = (
    Scene("map", VIEW + "&v=gpp"),
    Scene("series", VIEW + "&v=cVeg&at=7,48&panel=point", curve),
    Scene("area", VIEW + f"&v=nee&poly={RING}&panel=place", area),
    Scene("difference", VIEW + "&v=gpp&m=difference&o={id}@2018-06&panel=compare", compared),
    Scene("uncertainty", VIEW + "&v=nee&u=hatch"),
    Scene("experiment", VIEW + "&v=gpp&panel=experiment", sliders),
    Scene("search", "/search?q=virtual", found),
    Scene("object", "/objects/{id}", landed),
    Scene("dark", VIEW + "&v=gpp", settled, {"color_scheme": "dark"}),
    Scene("station", "/stations/{station}", plotted, {"viewport": {"width": 1280, "height": 1000}}),
    Scene("phone", VIEW + "&v=gpp", settled, PHONE),
    Scene("phone-series", VIEW + "&v=gpp&at=13,51&panel=point", curve, PHONE),
)


def main() -> int:
    """Draws the pictures, or says why not; only a picture that should have come and did not is a failure."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--only", choices=[scene.name for scene in SCENES], help="one picture")
    only = ask.parse_args().only
    catalogue = Catalogue.configured()
    demo = next(filter(is_demo, catalogue.list()), None)
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    missing = {
        "the finished demo: landsink run demo": demo,
        "the built page: make page": (Settings().page / "index.html").exists(),
        "Chromium": chromium,
        "playwright: pip install playwright": sync_playwright,
    }
    if lacking := [name for name, there in missing.items() if not there]:
        print(f"no pictures of the portal in the handbook; missing: {'; '.join(lacking)}")
        return 0
    with tempfile.TemporaryDirectory(prefix="landsink-pictures-") as folder:
        # A catalogue of its own: nothing is written into the user's, and nothing of the user's is shown.
        catalogue = Catalogue(Path(folder))
        catalogue.add(demo)
        station = made_up(catalogue, Path(folder))
        with serving(Path(folder)) as url, sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium, args=list(FLAGS))
            for scene in SCENES:
                if only in (None, scene.name):
                    draw(browser, url + scene.address.format(id=demo.id, station=station), scene)
            browser.close()
    return 0


def is_demo(item) -> bool:
    """Whether an object is a run of the demo, no experiment, whose folder still stands."""
    product, about = item.assets.get("product"), item.properties
    return bool(
        about.get("landsink:kind") == "run"
        and about["title"].startswith("Virtual Europe")
        and "landsink:control" not in about
        and product
        and Path(product.href).is_dir()
    )


def made_up(catalogue: Catalogue, folder: Path) -> str:
    """Processes a tower that nobody measured, and enters it as generated; its identifier."""
    (given := folder / "made-up").mkdir()
    asked = case.StationFiles(tower.write(given), **tower.PLACE)
    found = case.station(asked, given / "products", Chain(draws=8, percentiles=8), quiet)
    item = enter(catalogue, found.folder, Terms("CC0-1.0"))
    item.properties["landsink:generated"] = True
    return catalogue.add(item).id


def draw(browser: "Browser", address: str, scene: Scene) -> None:
    """One picture into the folder."""
    window = browser.new_context(**(WINDOW | scene.window))
    page = window.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    scene.ready(page)
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=FOLDER / f"{scene.name}.png", animations="disabled")
    window.close()


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """The address of a `landsink serve` over a home; it is ended afterwards."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    asked = ("serve", "--port", str(port), "--no-browser", "--home", str(home))
    with tempfile.TemporaryFile("w+") as said:
        server = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *asked], stdout=said, stderr=subprocess.STDOUT
        )
        try:
            if not answers(f"http://127.0.0.1:{port}/api/health", server):
                said.seek(0)
                raise SystemExit(f"landsink serve does not answer:\n{said.read()[-2000:]}")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(60)


def answers(address: str, server: subprocess.Popen) -> bool:
    """Whether the server answers before it ends or the time is over."""
    until = time.monotonic() + START
    while time.monotonic() < until and server.poll() is None:
        try:
            with urlopen(address, timeout=5) as answer:
                return answer.status == 200
        except (URLError, OSError):
            time.sleep(0.2)
    return False


if __name__ == "__main__":
    sys.exit(main())
