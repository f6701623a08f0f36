"""Monthly European forcing at one degree, derived from a climatology and station-cell anomalies."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import xarray as xr

from landsink.sources.column import (
    FREEZING,
    HECTOPASCAL,
    MEGAJOULE_PER_DAY,
    MILLIMETRE_PER_DAY,
    PPM,
    STANDARD_PRESSURE,
    Column,
    attributes,
    blank,
    label,
)
from landsink.sources.land import CITATION, LICENCE, land_share
from landsink.sources.selection import absent, asked, cells, pick, present

COLUMNS = (
    Column("tas", "tas", offset=FREEZING),
    Column("tmin", "tasmin", offset=FREEZING),
    Column("tmax", "tasmax", offset=FREEZING),
    Column("pr", "pr", MILLIMETRE_PER_DAY),
    Column("ssrd", "rsds", MEGAJOULE_PER_DAY),
    Column("vpd", "vpd", HECTOPASCAL),
    Column("co2", "co2", PPM),
)

SOIL = ("whc_top", "whc_sub")  # mm of water per metre of soil
CELL = 1.0  # degree, the size of a cell both ways


@dataclass(frozen=True)
class EuropeForcing:
    """Monthly weather of 2001–2016 on 1501 one-degree cells (centres 34.5–70.5 N, 10.5 W–40.5 E).

    `root` is the folder of the file, `coast` a TopoJSON of the world's land, seen from there. It is not a reanalysis:
    a climatology plus interpolated anomalies, weak east of 25 E and in mountains. The file has no pressure: `ps` is
    the standard atmosphere at sea level. The coordinates `whc_top` and `whc_sub` are the water that a metre of soil
    holds (0–0.3 m, below), NaN in 268 and 310 cells.
    The coordinate `sftlf` (land area fraction, %) is the share within the coastlines; lakes count as land. Without
    that file it is 100 where the provider has a soil and 0 where it has none, so that coasts count whole, and its
    `comment` says so. What is built over or bare is not known here.
    """

    root: Path
    file: str = "europe_1deg_monthly_2001_2016_derived.nc"
    coast: str = "../../ref/regions/world-atlas/land-50m.json"

    path: ClassVar[str] = "da/europe_forcing_derived"
    gives: ClassVar[tuple[str, ...]] = ("tas", "tasmin", "tasmax", "pr", "rsds", "vpd", "co2", "ps")
    licence: ClassVar[str] = (
        f"CC-BY-4.0 (FLUXNET2015); climatology from the BIOME4 repository (GPL-3); {LICENCE}"
    )
    citation: ClassVar[str] = (
        "Derived from Kaplan et al. (2003), J. Geophys. Res. 108 D19, doi:10.1029/2002JD002559 (climatology) and"
        " CARDAMOM-FLUXVAL v1.0 (anomalies); Pastorello et al. (2020), doi:10.1038/s41597-020-0534-3."
        f" {CITATION}"
    )
    generated: ClassVar[bool] = False

    def open(self, names: Sequence[str] | None = None, sites: Sequence[str] | None = None) -> xr.Dataset:
        """Variables (time, cell) in canonical units; `sites` are cell numbers; months are stamped at day one."""
        asked(names, self.gives, "EuropeForcing")
        with xr.open_dataset(self.inputs()[0]) as raw:
            raw = raw.isel(cell=cells(sites, raw.sizes["cell"], "EuropeForcing")).load()
        absent([*(c.theirs for c in COLUMNS), *SOIL], [str(v) for v in raw.variables], "EuropeForcing")
        shape = (raw.sizes["time"], raw.sizes["cell"])
        columns = {c.ours: (("time", "cell"), c.convert(_spread(raw[c.theirs], shape))) for c in COLUMNS}
        columns["ps"] = (("time", "cell"), np.full(shape, STANDARD_PRESSURE))
        coords = {axis: ("cell", raw[axis].values.astype(float)) for axis in ("lat", "lon")}
        coords |= {soil: ("cell", blank(raw[soil].values), {"units": "kg m-3"}) for soil in SOIL}
        coords |= {"sftlf": ("cell", *self._land(raw, np.isfinite(coords["whc_top"][1])))}
        coords |= {"time": raw["time"].values.astype("datetime64[ns]"), "cell": raw["cell"].values}
        ds = label(xr.Dataset(columns, coords), self._provenance(raw))
        ds["ps"].attrs["comment"] = "Standard sea-level pressure: the provider gives none."
        return pick(ds, names, self.gives, "EuropeForcing")

    def inputs(self) -> list[Path]:
        """The files read: the weather and, where it is there, the coast."""
        weather = present(self.root / self.file, "EuropeForcing")
        return [weather, self.outline] if self.outline else [weather]

    @property
    def outline(self) -> Path | None:
        """The file of coastlines, None where there is none."""
        path = self.root / self.coast
        return path.resolve() if self.coast and path.is_file() else None

    def _land(self, raw: xr.Dataset, soil: np.ndarray) -> tuple[np.ndarray, dict[str, str]]:
        """sftlf (cell,) in % and its attributes, which say where it comes from."""
        if self.outline is None:
            whole = "No coastlines were found: a cell counts as land, whole, where the provider has a soil."
            return np.where(soil, 100.0, 0.0), attributes("sftlf") | {"comment": whole}
        centres = raw["lat"].values.astype(float), raw["lon"].values.astype(float)
        share = 100.0 * land_share(*centres, CELL, CELL, self.outline)
        return share, attributes("sftlf") | {"comment": f"{CITATION} Lakes count as land."}

    def _provenance(self, raw: xr.Dataset) -> dict[str, str]:
        told = {"title": raw.attrs.get("title", ""), "comment": raw.attrs.get("method", "")}
        return told | {"licence": self.licence, "citation": self.citation}


def _spread(values: xr.DataArray, shape: tuple[int, int]) -> np.ndarray:
    """Values as (time, cell): CO2 is stored for Europe as a whole."""
    ordered = values.transpose("time", "cell", missing_dims="ignore").values
    return np.broadcast_to(ordered if ordered.ndim == 2 else ordered[:, None], shape)
