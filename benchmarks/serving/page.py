"""How soon a map is on the screen: `landsink serve` before a real Chromium, on one machine, without a graphics card.

    python -m benchmarks.serving.page [--cube DIR] [--steps 60]

The product is the newest map of the user's catalogue (LANDSINK_HOME), or with `--cube` the GENERATED cube of 0.25
degrees. A time runs from the navigation, or from the key, to the frame after the one in which the browser was given
the new colours, by the page's own clock. Prefetched steps go from month to month; the others jump a year, which no
prefetch has reached. Bytes are those on the wire, headers included.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.serving.cube import publish
from benchmarks.serving.load import server

PORT = 8454
FLAGS = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-sandbox", "--disable-dev-shm-usage")
VIEWPORT = {"width": 1280, "height": 800}
# Notes when a key was pressed, and when two frames have passed since the map told of a new picture.
CLOCK = """(() => {
  window.noted = { key: 0, shown: [] }
  addEventListener('keydown', () => { noted.key = performance.now() }, true)
  const seen = (mark) => requestAnimationFrame(() => requestAnimationFrame(() =>
    noted.shown.push({ mark, took: performance.now() - noted.key })))
  new MutationObserver((rows) => rows.forEach(({ target }) =>
    target.dataset?.shown && target.dataset.shown !== noted.last && seen(noted.last = target.dataset.shown)))
    .observe(document, { subtree: true, childList: true, attributeFilter: ['data-shown'] })
  const begun = setInterval(() => {
    const found = document.querySelector('main[data-shown*="/"]')
    if (!found) return
    clearInterval(begun)
    if (!noted.last) seen(noted.last = found.dataset.shown)
  }, 1)
})()"""


def opened(browser: Browser) -> tuple[Page, list[int]]:
    """A page with nothing in its cache, and the bytes that it will have taken."""
    page, taken = browser.new_context(viewport=VIEWPORT).new_page(), [0]
    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.on(
        "Network.loadingFinished", lambda said: taken.__setitem__(0, taken[0] + said["encodedDataLength"])
    )
    page.add_init_script(CLOCK)
    return page, taken


def arrival(page: Page, count: int) -> float:
    """Milliseconds of the picture number `count`, waited for."""
    for _ in range(6000):
        if page.evaluate("noted.shown.length") >= count:
            return page.evaluate(f"noted.shown[{count - 1}].took")
        page.wait_for_timeout(10)
    raise SystemExit(f"picture {count} did not come within a minute")


def first(browser: Browser, address: str, times: int) -> tuple[list[float], list[int]]:
    """Milliseconds from the navigation to the first colours, and bytes, each time with an empty cache."""
    clock, size = [], []
    for _ in range(times):
        page, taken = opened(browser)
        page.goto(address)
        clock.append(arrival(page, 1))
        page.wait_for_selector(".host[data-still]")
        size.append(taken[0])
        page.context.close()
    return clock, size


def stepped(browser: Browser, address: str, key: str, steps: int) -> list[float]:
    """Milliseconds of each of so many steps, the map left in peace for as long as a reader looks at it."""
    page, _ = opened(browser)
    page.goto(address)
    arrival(page, 1)
    clock = []
    for n in range(steps):
        page.wait_for_timeout(400)
        page.keyboard.press(key)
        clock.append(arrival(page, n + 2))
    page.context.close()
    return clock


def told(what: str, clock: Sequence[float]) -> None:
    """One line: median, 95th percentile, and of how many."""
    middle, late = np.percentile(clock, [50, 95])
    print(f"{what:28s} {middle:8.0f} ms median {late:8.0f} ms p95 (of {len(clock)})", flush=True)


def main() -> int:
    """Measure and print; returns 1 where there is no browser."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--cube", type=Path, help="folder of the generated cube, made where it is not there")
    ask.add_argument("--steps", type=int, default=60)
    said = ask.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if chromium is None:
        print("no Chromium on this machine")
        return 1
    home = {"LANDSINK_HOME": str(said.cube)} if said.cube else {}
    if said.cube:
        publish(said.cube, 360)
    program = "from landsink.cli import app; app()"
    command = [sys.executable, "-c", program, "serve", "--port", str(PORT), "--no-worker", "--no-browser"]
    with server(command, PORT, "/api/health", sorted(os.sched_getaffinity(0))[0], home):
        measured(chromium, said.steps)
    return 0


def measured(chromium: str, steps: int) -> None:
    """The newest map of the server: first colours, steps from month to month, steps of a year."""
    url = f"http://127.0.0.1:{PORT}"
    product = httpx.get(f"{url}/api/products", timeout=60).json()[0]
    detail = httpx.get(f"{url}/api/products/{product['id']}", timeout=60).json()
    rows, cols = len(detail["lat"]), len(detail["lon"])
    print(f"{product['title']}: {product['steps']} steps of {rows}x{cols} cells")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; drawn without a graphics card")
    name = next((row["name"] for row in product["variables"] if row["name"] == "gpp"), "")
    start = f"{url}/?p={product['id']}&v={name}&t={detail['time'][0][:7]}"
    jumps = max(1, min(steps, product["steps"] // 12 - 1))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=list(FLAGS))
        clock, size = first(browser, start, 5)
        told("first map", clock)
        print(f"{'bytes until it stands':28s} {np.median(size) / 1e3:8.0f} kB on the wire")
        told("step, prefetched", stepped(browser, start, "ArrowRight", min(steps, product["steps"] - 1)))
        told("step of a year, not at hand", stepped(browser, start, "Shift+ArrowRight", jumps))
        browser.close()
    print(f"load average {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    sys.exit(main())
