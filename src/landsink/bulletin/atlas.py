"""Draw a product: maps, σ, regional or site series, on one page that stands alone."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import matplotlib
import numpy as np
import pandas as pd
import xarray as xr

from landsink.bulletin.display import display
from landsink.bulletin.maps import map_figure
from landsink.bulletin.page import Section, write
from landsink.bulletin.region import regional
from landsink.bulletin.series import region_figure, site_figure
from landsink.bulletin.style import STYLE, save
from landsink.core.errors import DataError

COMPANIONS = ("_sd", "_p05", "_p95", "_regional", "_regional_sd", "_flag")
PLURAL = MappingProxyType({"lat": "latitudes", "lon": "longitudes", "site": "sites"})
MOST_SITES = 24
SITES_A_FIGURE = 6


def draw(folder: Path, out: Path | None = None) -> Path:
    """Draw the `product.zarr` (and scores.csv) of a run folder; returns the page.

    Writes `map.html`, which needs nothing outside itself, and its figures as PNG under `maps`, into `out` or the run
    folder. Sites beyond the 24th of a site product are left out, and the page says so.
    Raises DataError where there is no product, or one without a grid or sites.
    """
    folder = Path(folder)
    out = folder if out is None else Path(out)
    product = _open(folder)
    generated = str(product.attrs.get("generated", "false")).lower() == "true"
    draw_one = _grid_section if "lat" in product.dims else _site_section
    with matplotlib.rc_context(dict(STYLE)):
        sections = [draw_one(product, name, out / "maps", generated) for name in _variables(product)]
    return write(
        out / "map.html",
        title=str(product.attrs.get("title", folder.name)),
        facts=_facts(product),
        sections=sections,
        scores=_scores(folder),
        generated=generated,
    )


def _open(folder: Path) -> xr.Dataset:
    path = folder / "product.zarr"
    if not path.is_dir():
        raise DataError(f"{folder} holds no product.zarr.", "Expected the folder of a finished run.")
    product = xr.open_zarr(path, chunks=None)
    if "cell" in product.dims and {"lat", "lon"} <= set(product.coords):
        product = product.set_index(cell=("lat", "lon")).unstack("cell")
    if "time" not in product.dims or not ({"lat", "lon"} <= set(product.dims) or "site" in product.dims):
        raise DataError(
            f"The dims of {path} are {', '.join(map(str, product.dims))}.",
            "Expected (time, lat, lon) or (time, site).",
        )
    return product


def _variables(product: xr.Dataset) -> Iterator[str]:
    outer = {"lat", "lon"} if "lat" in product.dims else {"site"}
    for name in map(str, product.data_vars):
        numeric = product[name].dtype.kind == "f"
        if numeric and not name.endswith(COMPANIONS) and set(product[name].dims) == outer | {"time"}:
            yield name


def _grid_section(product: xr.Dataset, name: str, folder: Path, generated: bool) -> Section:
    shown = display(name, product[name])
    # One variable at a time in memory, however long the product.
    part = product[[v for v in product.data_vars if _belongs(str(v), name)]].load()
    if not bool(np.isfinite(part[name]).any()):
        return Section(name, shown.title, "The product holds no finite value of this variable.", [])
    figures = [
        (
            save(map_figure(part, shown, generated), folder / f"{name}.png"),
            f"Maps of {shown.title}: mean and σ",
        ),
        (
            save(region_figure(regional(part, name), shown, generated), folder / f"{name}_region.png"),
            f"Regional series of {shown.title}",
        ),
    ]
    return Section(name, shown.title, "", figures)


def _site_section(product: xr.Dataset, name: str, folder: Path, generated: bool) -> Section:
    shown = display(name, product[name])
    part = product[[v for v in product.data_vars if _belongs(str(v), name)]].load()
    known = [str(s) for s in part["site"].values[np.isfinite(part[name]).any("time").values]]
    drawn = known[:MOST_SITES]
    figures = []
    for start in range(0, len(drawn), SITES_A_FIGURE):
        group = drawn[start : start + SITES_A_FIGURE]
        path = folder / f"{name}_sites_{start // SITES_A_FIGURE + 1}.png"
        figures.append(
            (save(site_figure(part, shown, group, generated), path), f"{shown.title} at {', '.join(group)}")
        )
    left = len(part["site"]) - len(drawn)
    text = f"{len(drawn)} of {len(part['site'])} sites are drawn; all are in the product." if left else ""
    return Section(name, shown.title, text, figures)


def _belongs(variable: str, name: str) -> bool:
    return variable in (name, "areacella", "sftlf") or variable in {name + end for end in COMPANIONS}


def _facts(product: xr.Dataset) -> Mapping[str, str]:
    first, last = (str(product["time"].values[i])[:10] for i in (0, -1))
    extent = {d: int(product.sizes[d]) for d in product.dims if d != "time"}
    return {
        "Period": f"{first} to {last}, {product.sizes['time']} steps",
        "Extent": ", ".join(f"{n} {PLURAL.get(str(dim), dim)}" for dim, n in extent.items()),
        "Record": str(product.attrs.get("record", "")),
        "Licence": str(product.attrs.get("licence", "")),
        "References": str(product.attrs.get("references", "")),
        "History": str(product.attrs.get("history", "")),
        "Uncertainty": "σ is one standard deviation of the ensemble.",
    }


def _scores(folder: Path) -> pd.DataFrame | None:
    path = folder / "scores.csv"
    return pd.read_csv(path) if path.exists() else None
