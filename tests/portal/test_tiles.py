"""Tiles: the colour of a pixel is that of the cell below it."""

import io

import numpy as np
import pytest
from PIL import Image

from landsink.portal.colours import picture, table, tables
from tests.portal.gridded import shelf


@pytest.fixture(scope="module")
def at(tmp_path_factory):
    return shelf(tmp_path_factory.mktemp("tiles"))


def pixels(content):
    return np.array(Image.open(io.BytesIO(content)).convert("RGBA"))


def pixel(lat, lon, z=1):
    """Tile and pixel of a place in Web Mercator, by the formula of the XYZ scheme."""
    across = (lon + 180) / 360 * 2**z * 256
    down = (1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * 2**z * 256
    return int(across // 256), int(down // 256), int(down % 256), int(across % 256)


@pytest.mark.parametrize(
    ("lat", "lon"), [(47.0, 8.0), (-33.0, 151.0), (62.0, -153.0), (5.0, 179.5), (5.0, -179.5)]
)
def test_a_pixel_has_the_colour_of_its_cell(at, lat, lon):
    x, y, row, column = pixel(lat, lon)
    value = float(at.ds.gpp[7].sel(lat=lat, lon=lon, method="nearest"))
    shown = pixels(at.get(f"/tiles/gpp/7/1/{x}/{y}.png?low=0&high=1e-7&colours=viridis").content)
    expected = table("viridis")[round(round(value / 1e-7 * 254) * 255 / 254)]
    assert shown.shape == (256, 256, 4) and shown[row, column].tolist() == [*expected.tolist(), 255]


def test_the_sea_is_transparent(at):
    x, y, row, column = pixel(45.0, -15.0)
    shown = pixels(at.get(f"/tiles/gpp/7/1/{x}/{y}.png").content)
    assert shown[row, column, 3] == 0 and (shown[..., 3] == 255).any()


def test_a_tile_may_be_kept_and_takes_the_colours_of_its_product(at):
    told = at.get("").json()
    assert told["tiles"] == f"/api/products/{at.id}@{told['edition']}/tiles"
    answer = at.client.get(f"{told['tiles']}/nee/0/0/0/0.png")
    assert answer.headers["content-type"] == "image/png" and "immutable" in answer.headers["cache-control"]
    plain = at.get("/tiles/nee/0/0/0/0.png")
    assert plain.content == answer.content and plain.headers["cache-control"] == "public, no-cache"
    tag = {"if-none-match": plain.headers["etag"]}
    address = f"/api/products/{at.id}/tiles/nee"
    assert at.client.get(f"{address}/0/0/0/0.png", headers=tag).status_code == 304
    assert at.client.get(f"{address}/1/0/0/0.png", headers=tag).status_code == 200
    row = next(v for v in told["variables"] if v["name"] == "nee")
    low, high = row["span"]
    again = at.get(f"/tiles/nee/0/0/0/0.png?low={low}&high={high}&colours={row['colours']}")
    assert again.content == answer.content


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("gpp/7/1/2/0", 404),
        ("gpp/24/0/0/0", 404),
        ("gpp/7/15/0/0", 422),
        ("gp/7/0/0/0", 404),
        ("gpp/-1/0/0/0", 422),
        ("gpp/7/0/0/0.png?low=2&high=1&x=", 422),
        ("gpp/7/0/0/0.png?colours=rainbow&x=", 404),
    ],
)
def test_what_is_not_there_is_not_drawn(at, path, status):
    assert at.get(f"/tiles/{path}.png", status).json()["found"]


def test_colour_tables_are_those_of_matplotlib():
    assert set(tables()) == {"viridis", "cividis", "YlGn", "RdBu", "RdBu_r", "BrBG", "BrBG_r", "grey"}
    assert all(rows.shape == (256, 3) for rows in tables().values())
    # Ends and middle as Matplotlib publishes them.
    assert table("viridis")[[0, 255]].tolist() == [[68, 1, 84], [253, 231, 37]]
    assert table("cividis")[[0, 255]].tolist() == [[0, 34, 78], [254, 232, 56]]
    assert (table("RdBu_r") == table("RdBu")[::-1]).all() and (table("BrBG_r") == table("BrBG")[::-1]).all()
    assert (np.abs(table("RdBu")[127].astype(int) - table("RdBu")[128]) <= 3).all()


@pytest.mark.parametrize(
    ("low", "high", "colours"),
    [
        (-1.7e308, 1.7e308, [128] * 5),
        (-6.5e237, 1.0, [255] * 5),
        (0.0, 6.5e237, [0] * 5),
        (0.0, 5e-324, [0, 0, 255, 255, 255]),
        (-1e38, 1e38, [0, 128, 128, 128, 255]),
    ],
)
def test_bounds_may_be_any_numbers(low, high, colours):
    values = np.array([[-1e38, 0.0, 1e-7, 5.0, 1e38]], np.float32)
    shown = pixels(picture(values, low, high, "grey"))[0]
    assert (shown[:, 3] == 255).all()
    assert np.abs(shown[:, 0].astype(int) - colours).max() <= 2


def test_picture_ends_and_nothing():
    shown = pixels(picture(np.array([[-1.0, 0.0, 1.0, 2.0, np.nan, np.inf]]), 0.0, 1.0, "grey"))
    assert shown[0, :, 0].tolist()[:4] == [0, 0, 255, 255] and shown[0, :, 3].tolist() == [255] * 4 + [0, 0]
