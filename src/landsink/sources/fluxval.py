"""Monthly weather and fluxes at tower sites, half of the fluxes withheld: CARDAMOM-FLUXVAL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Literal

import numpy as np
import xarray as xr

from landsink.sources.column import (
    FREEZING,
    GRAM_PER_DAY,
    HECTOPASCAL,
    MEGAJOULE_PER_DAY,
    MILLIMETRE_PER_DAY,
    PPM,
    STANDARD_PRESSURE,
    Column,
    error,
    label,
)
from landsink.sources.selection import absent, asked, option, pick, places, present

WEATHER = (
    Column("T2M_MIN", "tasmin", offset=FREEZING),
    Column("T2M_MAX", "tasmax", offset=FREEZING),
    Column("SSRD", "rsds", MEGAJOULE_PER_DAY),
    Column("VPD", "vpd", HECTOPASCAL),
    Column("TOTAL_PREC", "pr", MILLIMETRE_PER_DAY),
    Column("CO2", "co2", PPM),
    Column("DOY", "dayOfYear"),
)
# NBE of the file is tower NEE, and so is VAL_NEE; ABGB counts wood above and below ground.
CALIBRATION = (
    Column("GPP", "gpp", GRAM_PER_DAY),
    Column("NBE", "nee", GRAM_PER_DAY),
    Column("ET", "evspsbl", MILLIMETRE_PER_DAY),
    Column("LAI", "lai"),
    Column("ABGB", "cVeg", 1e-3),
)
VALIDATION = (
    Column("VAL_GPP", "gpp", GRAM_PER_DAY),
    Column("VAL_NEE", "nee", GRAM_PER_DAY),
    Column("VAL_ET", "evspsbl", MILLIMETRE_PER_DAY),
)
# Relative and absolute (canonical unit) parts of the 1-sigma error of a monthly mean: our assumption, not the file's.
ERRORS = MappingProxyType(
    {
        "gpp": (0.15, 0.3 * GRAM_PER_DAY),
        "nee": (0.10, 0.3 * GRAM_PER_DAY),
        "evspsbl": (0.15, 0.1 * MILLIMETRE_PER_DAY),
        "lai": (0.20, 0.2),
        "cVeg": (0.30, 0.5),
    }
)
REGIONS = MappingProxyType({"world": (-90.0, 90.0, -180.0, 180.0), "europe": (34.0, 72.0, -12.0, 42.0)})
# Packing left values such as -7e-15 where rain or light is zero.
DUST = 1e-9


@dataclass(frozen=True)
class FluxVal:
    """Months of 2001–2016 at 150 FLUXNET2015 sites, weather of the 0.5° reanalysis cell around each.

    `root` is the folder of the file; `region` keeps the sites within its box; `least_months` drops sites with fewer
    calibration months of GPP. The fluxes kept for validation stand in the same variables, marked by `v_withheld`.
    The file gives no errors: `errors` maps a variable to the relative and the absolute part of ours. Its burned
    area is zero everywhere, and it has no pressure: `ps` is the standard atmosphere at sea level.
    """

    root: Path
    region: Literal["world", "europe"] = "world"
    least_months: int = 0
    errors: Mapping[str, tuple[float, float]] = field(default_factory=lambda: ERRORS, hash=False)
    file: str = "fluxval_sites_monthly_2001_2016.nc"

    path: ClassVar[str] = "da/cardamom_fluxval"
    gives: ClassVar[tuple[str, ...]] = (
        "tas", "tasmin", "tasmax", "rsds", "vpd", "pr", "co2", "ps", "dayOfYear", "burntFraction",
        "gpp", "nee", "evspsbl", "lai", "cVeg",
    )  # fmt: skip
    licence: ClassVar[str] = "CC-BY-4.0 (FLUXNET2015); Apache-2.0 (CARDAMOM)"
    citation: ClassVar[str] = (
        "CARDAMOM-FLUXVAL v1.0, CARDAMOM framework; Pastorello et al. (2020), Scientific Data 7, 225,"
        " doi:10.1038/s41597-020-0534-3."
    )
    generated: ClassVar[bool] = False

    def open(self, names: Sequence[str] | None = None, sites: Sequence[str] | None = None) -> xr.Dataset:
        """Variables (time, site) in canonical units, months stamped at day one, with coords lat, lon, igbp (site)."""
        asked(names, self.gives, "FluxVal")
        option(self.region, tuple(REGIONS), "FluxVal.region")
        for name in self.errors:
            option(name, [c.ours for c in CALIBRATION], "a key of FluxVal.errors")
        with xr.open_dataset(self.inputs()[0]) as raw:
            raw = raw.load().transpose("time", "site", missing_dims="ignore")
        absent([c.theirs for c in (*WEATHER, *CALIBRATION, *VALIDATION)], list(raw.variables), "FluxVal")
        raw = self._within(raw, sites)
        columns = {name: (("time", "site"), values) for name, values in self._columns(raw).items()}
        coords = {axis: ("site", raw[axis].values.astype(float)) for axis in ("lat", "lon")}
        coords |= {"igbp": ("site", raw["igbp"].values.astype(str)), "site": raw["site"].values.astype(str)}
        coords |= {"time": raw["time"].values.astype("datetime64[ns]")}
        provenance = {"title": "CARDAMOM-FLUXVAL v1.0", "licence": self.licence, "citation": self.citation}
        provenance |= {"comment": "Errors (*_sd) and standard pressure are assumed; the provider gives none."}
        return pick(label(xr.Dataset(columns, coords), provenance), names, self.gives, "FluxVal")

    def inputs(self) -> list[Path]:
        """The file read."""
        return [present(self.root / self.file, "FluxVal")]

    def _within(self, raw: xr.Dataset, sites: Sequence[str] | None) -> xr.Dataset:
        """The sites of the region, or those asked for."""
        south, north, west, east = REGIONS[self.region]
        inside = (raw.lat >= south) & (raw.lat <= north) & (raw.lon >= west) & (raw.lon <= east)
        enough = np.isfinite(raw["GPP"]).sum("time") >= self.least_months
        known = raw["site"].values[(inside & enough).values].astype(str).tolist()
        return raw.sel(site=places(sites, known, f"FluxVal in {self.region}"))

    def _columns(self, raw: xr.Dataset) -> dict[str, np.ndarray]:
        columns = {c.ours: c.convert(raw[c.theirs].values) for c in (*WEATHER, *CALIBRATION)}
        for name in ("rsds", "pr"):
            columns[name] = _dusted(columns[name])
        columns["tas"] = (columns["tasmin"] + columns["tasmax"]) / 2
        columns["ps"] = np.full_like(columns["tas"], STANDARD_PRESSURE)
        columns["burntFraction"] = np.zeros_like(columns["tas"])
        for c in VALIDATION:
            kept = c.convert(raw[c.theirs].values)
            columns[f"{c.ours}_withheld"] = np.isfinite(kept)
            columns[c.ours] = np.where(np.isfinite(kept), kept, columns[c.ours])
        observed = [c.ours for c in CALIBRATION if c.ours in self.errors]
        return columns | {f"{name}_sd": error(columns[name], *self.errors[name]) for name in observed}


def _dusted(values: np.ndarray) -> np.ndarray:
    """Values (any shape) with negatives no larger than rounding set to zero; true negatives stay to be seen."""
    return np.where((values < 0) & (values > -DUST), 0.0, values)
