"""A real `landsink serve` and a real Chromium before it: what tests of the screen start and end for themselves."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI
from PIL import Image

from landsink.catalogue import Catalogue
from landsink.portal import Settings
from tests.house import tree
from tests.portal.gridded import shelf

CHROMIUM = next((p for p in map(Path, ("/usr/bin/chromium", "/usr/bin/google-chrome")) if p.exists()), None)
FLAGS = (
    # No graphics card is needed, and colours are those that were asked for.
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--force-color-profile=srgb",
)
WINDOW = {"viewport": {"width": 1100, "height": 720}, "locale": "en-GB", "color_scheme": "light"}
PATIENCE = 60_000  # milliseconds; a busy machine draws slowly without a graphics card
START = 240.0  # seconds; a first start publishes what the map does not show yet
COMMAND = "from landsink.cli.portal import app; app()"


@contextmanager
def driven() -> Iterator["object"]:
    """A Chromium whose windows the test opens; skips where there is none, or no built page."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    if not (Settings().page / "index.html").exists():
        pytest.skip("the page is not built: make page")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        try:
            yield opened
        finally:
            opened.close()


@contextmanager
def chromium(**options: object) -> Iterator["object"]:
    """One page in a Chromium of its own; options are those of a Playwright context."""
    with driven() as opened:
        page = opened.new_context(**(WINDOW | options)).new_page()
        page.set_default_timeout(PATIENCE)
        yield page


@contextmanager
def answering(app: FastAPI) -> Iterator[str]:
    """The address of an application that answers from a thread of this process."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


def free_port() -> int:
    """A port of this machine at which nobody listens now."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


@contextmanager
def serving(home: Path, *options: str) -> Iterator[str]:
    """The address of a real `landsink serve` over a home, with one worker; it is ended with all it started."""
    port = free_port()
    paths = os.pathsep.join([str(tree.SOURCE.parent), str(tree.ROOT)])
    asked = ("serve", "--port", str(port), "--no-browser", "--home", str(home), *options)
    with tempfile.TemporaryFile("w+") as said:
        server = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *asked],
            env=os.environ | {"PYTHONPATH": paths, "COLUMNS": "200", "PYTHONWARNINGS": ""},
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _await(f"http://127.0.0.1:{port}", server, said)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait(10)


def _await(address: str, server: "subprocess.Popen", said) -> None:
    """Waits until the server answers; what it said, where it ends or stays silent."""
    until = time.monotonic() + START
    while time.monotonic() < until and server.poll() is None:
        try:
            if httpx.get(f"{address}/api/health", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    said.seek(0)
    raise AssertionError(f"no answer from {address}:\n{said.read()[-3000:]}")


def pixels(shot: bytes) -> np.ndarray:
    """A screenshot as numbers, (height, width, 3)."""
    return np.asarray(Image.open(BytesIO(shot)).convert("RGB"))


def inked(page, selector: str) -> bool:
    """Whether a canvas or a drawing under the selector bears more than its ground; waits for it to be there."""
    drawn = page.locator(f"{selector} canvas, {selector} svg, canvas{selector}, svg{selector}").first
    drawn.wait_for()
    drawn.scroll_into_view_if_needed()
    until = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < until:
        seen = pixels(drawn.screenshot(animations="disabled")).reshape(-1, 3)
        colours, counts = np.unique(seen, axis=0, return_counts=True)
        # A line or an axis is some pixels of another colour than the ground; a blank sheet has one colour.
        if len(colours) > 2 and counts.sum() - counts.max() > 0.002 * counts.sum():
            return True
        time.sleep(0.2)
    return False


def small(root: Path) -> tuple[Path, str]:
    """A home in `root` with the small made-up product, and its identifier."""
    made = shelf(root)
    # A record without a case: nothing that starts from a case may stumble over it.
    (root / "run" / "record.json").write_text("{}")
    return root / "home", made.id


TITLE = "Virtual Europe"  # how the title of the demo begins


def demo(root: Path) -> tuple[Path, str]:
    """A home in `root` with the finished demo, and the demo's identifier.

    What `make run` left in the user's catalogue is entered anew there, so that no test writes into it; where there is
    none, the demo is run.
    """
    catalogue = Catalogue(root / "home")
    try:
        item = next(found for found in Catalogue.configured().list() if _is_demo(found))
    except StopIteration:
        _run(root)
        item = next(found for found in catalogue.list() if _is_demo(found))
    else:
        catalogue.add(item)
    return root / "home", item.id


def _is_demo(item) -> bool:
    """Whether an object is a run of the demo whose folder still stands."""
    product = item.assets.get("product")
    return bool(
        item.properties.get("landsink:kind") == "run"
        and item.properties["title"].startswith(TITLE)
        and "landsink:control" not in item.properties
        and product
        and Path(product.href).is_dir()
    )


def _run(root: Path) -> None:
    """Makes the demo; a minute and a half."""
    where = os.environ | {"LANDSINK_HOME": str(root / "home"), "PYTHONPATH": str(tree.SOURCE.parent)}
    asked = ("run", "demo", "--out", str(root / "demo"))
    program = "from landsink.cli import app; app()"
    done = subprocess.run(
        [sys.executable, "-c", program, *asked], env=where, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
