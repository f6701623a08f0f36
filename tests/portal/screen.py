"""What is on the screen: pixels of the map, the camera that drew them, and the colours that numbers should have."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from landsink.portal import create
from tests.portal.gridded import LAT, LON

TABLES = json.loads((Path(create.__code__.co_filename).parent / "colours.json").read_text())

GROUND = "Number(/\\d+/.exec(getComputedStyle(document.querySelector('.legend')).backgroundColor)[0])"
# The contrast of every text on the page with what stands behind it (WCAG 2.2, 1.4.3), disabled controls excepted.
CONTRAST = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number)
  const light = ([r, g, b]) => [r, g, b]
    .map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0)
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const found = parse(getComputedStyle(at).backgroundColor)
      if (found.length === 3 || found[3] === 1) return found
    }
    return [255, 255, 255]
  }
  return [...document.querySelectorAll('p, span, label, button, a, th, td, h2, legend, strong, output')]
    .filter((node) => node.offsetParent && !node.closest('.unseen, :disabled, svg'))
    .filter((node) => [...node.childNodes].some((c) => c.nodeType === 3 && c.data.trim()))
    .map((node) => [light(parse(getComputedStyle(node).color)), light(ground(node))].sort((a, b) => b - a))
    .map(([a, b]) => (a + 0.05) / (b + 0.05))
}"""


def shown(page, name: str = "", step: int | None = None) -> None:
    """Waits until the picture of a variable and a step is on the screen."""
    wanted = f'main[data-shown*="/{name}"]' if step is None else f'main[data-shown$="/{name}/{step}"]'
    page.wait_for_selector(wanted)
    page.wait_for_selector(".host[data-still]")


def picture(page) -> np.ndarray:
    """The pixels of the map's part of the window, (height, width, 3)."""
    box = page.locator(".host").bounding_box()
    shot = page.screenshot(clip=box, animations="disabled")
    return np.asarray(Image.open(BytesIO(shot)).convert("RGB"))


def asks(page, words: str) -> None:
    """Waits until the address says something; a string to evaluate would be refused by the page's policy."""
    page.wait_for_url(re.compile(words))


Seen = tuple[float, float, float]


def camera(page) -> Seen:
    """Longitude, latitude and zoom as the address tells them."""
    asks(page, r"c=")
    found = re.search(r"c=([-\d.]+),([-\d.]+),([-\d.]+)", page.url)
    assert found
    return tuple(map(float, found.groups()))


def world(lon: float, lat: float) -> np.ndarray:
    """Web Mercator, the world from 0 to 1."""
    return np.array([lon / 360 + 0.5, 0.5 - math.asinh(math.tan(math.radians(lat))) / (2 * math.pi)])


def colour(seen: Seen, pixels: np.ndarray, lon: float, lat: float) -> tuple[int, ...] | None:
    """The commonest colour about a place, so that no coast line is taken for a cell; None out of sight."""
    *centre, zoom = seen
    height, width = pixels.shape[:2]
    away = (world(lon, lat) - world(*centre)) * 512 * 2**zoom
    x, y = np.round(away + [width / 2, height / 2]).astype(int)
    if not (8 <= x < width - 8 and 60 <= y < height - 200):
        return None
    patch = pixels[y - 3 : y + 4, x - 3 : x + 4].reshape(-1, 3)
    return tuple(int(c) for c in Counter(map(tuple, patch)).most_common(1)[0][0])


def in_sight(page) -> np.ndarray:
    """Cells whose centre lies in the map's part of the window, (lat, lon)."""
    lon, lat, zoom = camera(page)
    box = page.locator(".host").bounding_box()
    wide, high = (box[side] / 2 / (512 * 2**zoom) for side in ("width", "height"))
    middle = world(lon, lat)
    y = np.array([world(0, row)[1] for row in LAT])
    x = np.array([world(column, 0)[0] for column in LON])
    return (abs(y - middle[1]) <= high)[:, None] & (abs(x - middle[0]) <= wide)


def limits(page) -> tuple[float, float]:
    """The ends of the legend."""
    return tuple(float(page.locator(".legend input").nth(n).input_value()) for n in (0, 1))


def expected(value: float, ends: tuple[float, float], table: str) -> tuple[int, ...]:
    share = (value - ends[0]) / (ends[1] - ends[0])
    return tuple(TABLES[table][int(min(1, max(0, share)) * 255 + 0.5)])


def near(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Equal, but for one number of the table where float32 rounds the other way."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= 6


def cells(step: dict) -> Iterator[tuple[float, float, float | None]]:
    for lat, row in zip(step["lat"], step["value"], strict=True):
        yield from ((lon, lat, value) for lon, value in zip(step["lon"], row, strict=True))
