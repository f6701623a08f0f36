"""A drawn page stands alone and says what it shows."""

import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landsink.bulletin import draw
from landsink.core.errors import DataError

TIME = pd.date_range("2001-01-01", periods=24, freq="MS")
UNIT = {"units": "kg m-2 s-1"}


def store(ds: xr.Dataset, folder: Path) -> Path:
    with warnings.catch_warnings():
        # Zarr warns that consolidated metadata are its own addition to version 3; products are written so.
        warnings.filterwarnings("ignore", message="Consolidated metadata")
        ds.to_zarr(folder / "product.zarr", zarr_format=3, consolidated=True)
    return folder


def gridded(generated="true") -> xr.Dataset:
    rng = np.random.default_rng(0)
    dims, shape = ("time", "lat", "lon"), (24, 6, 8)
    nee = 1e-8 * rng.normal(size=shape)
    nee[:, 0, :3] = np.nan
    empty = np.full(shape, np.nan)
    return xr.Dataset(
        {
            "nee": (dims, nee, UNIT),
            "nee_sd": (dims, np.abs(nee), UNIT),
            "cSoil": (dims, empty, {"units": "kg m-2"}),
        },
        coords={"time": TIME, "lat": np.arange(45.5, 51), "lon": np.arange(5.5, 13)},
        attrs={
            "title": "A <small> product",
            "generated": generated,
            "record": "0123456789abcdef",
            "licence": "CC0-1.0",
        },
    )


def towers(n: int) -> xr.Dataset:
    values = 1e-8 * np.random.default_rng(0).normal(size=(24, n))
    series = {
        f"gpp{end}": (("time", "site"), values + s, UNIT)
        for end, s in (("", 0), ("_p05", -1e-8), ("_p95", 1e-8))
    }
    coords = {"time": TIME, "site": np.array([f"S{i:02d}" for i in range(n)], dtype=object)}
    return xr.Dataset(series, coords=coords, attrs={"title": "Towers", "generated": "false"})


def test_a_grid_is_drawn_on_a_page_that_asks_for_nothing(tmp_path):
    page = draw(store(gridded(), tmp_path))
    html = page.read_text("utf-8")
    assert page == tmp_path / "map.html"
    assert {p.name for p in (tmp_path / "maps").iterdir()} == {"nee.png", "nee_region.png"}
    assert not re.search(r"https?://|<script|<link|url\(|@import", html)
    assert html.count('src="data:image/png;base64,') == html.count("<img") == 2
    assert "GENERATED DATA" in html
    assert "+ to the atmosphere" in html
    assert "A &lt;small&gt; product" in html and "0123456789abcdef" in html
    assert "no finite value" in html


def test_observed_data_bear_no_mark(tmp_path):
    html = draw(store(gridded("false"), tmp_path), tmp_path / "elsewhere").read_text("utf-8")
    assert "GENERATED DATA" not in html
    assert not (tmp_path / "maps").exists()


def test_sites_are_drawn_with_their_scores_and_a_limit_that_is_said(tmp_path):
    folder = store(towers(26), tmp_path)
    row = ("gpp", "pooled", "withheld", "nse", 0.8123, "1")
    rows = [(*row, "", 40, ""), (*row[:4], 0.7, "1", "regression", 40, "")]
    columns = ["variable", "site", "period", "score", "value", "unit", "baseline", "n", "reason"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "scores.csv", index=False)
    html = draw(folder).read_text("utf-8")
    assert "24 of 26 sites are drawn" in html
    assert html.count("<img") == 4
    assert "0.812" in html and "regression" in html


def test_cells_that_know_their_place_become_a_map(tmp_path):
    cells = gridded().stack(cell=("lat", "lon")).reset_index("cell").drop_vars("cSoil")
    assert "<img" in draw(store(cells, tmp_path)).read_text("utf-8")


def test_what_cannot_be_drawn_says_why(tmp_path):
    with pytest.raises(DataError, match="no product.zarr"):
        draw(tmp_path)
    with pytest.raises(DataError, match="Expected"):
        draw(store(gridded().isel(lat=0, lon=0, drop=True), tmp_path))
