"""Eddy-covariance towers: FLUXNET2015 and ICOS ETC files, and their daily parquet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
import xarray as xr

from landsink.core.errors import DataError
from landsink.sources import fluxnet_csv, fluxnet_parquet
from landsink.sources.column import label
from landsink.sources.selection import asked, option, pick, places, present


@dataclass(frozen=True)
class Fluxnet:
    """Days of weather and fluxes at towers [Pastorello2020], in local standard time.

    `root` is a file (CSV or zip) or a folder of them, named `…_SITE_…_DD_….csv` or `…_HH_…`, or a folder with
    `daily.parquet`. `gpp` chooses night-time or daytime partitioning. Days are made from half hours where there
    are no daily files, or where `half_hours` asks so; a day needs the `share` of its half hours, and a flux day
    the share `measured` of them measured or filled well (0 keeps all). `coordinates` gives (lat, lon) of sites for
    which no `sites.csv` or `…_SITEINFO_…` stands beside the files; without any, lat and lon are left out.
    Latent heat becomes water with the latent heat of vaporisation at air temperature.
    """

    root: Path
    gpp: Literal["night", "day"] = "night"
    half_hours: bool = False
    share: float = 0.8
    measured: float = 0.0
    coordinates: Mapping[str, tuple[float, float]] = field(default_factory=dict, hash=False)

    path: ClassVar[str] = "flux/fluxnet2015"
    gives: ClassVar[tuple[str, ...]] = (
        "tas", "tasmin", "tasmax", "rsds", "vpd", "pr", "ps", "co2", "nee", "gpp", "reco", "evspsbl",
    )  # fmt: skip
    licence: ClassVar[str] = "CC-BY-4.0"
    citation: ClassVar[str] = (
        "Pastorello, G. et al. (2020), The FLUXNET2015 dataset and the ONEFlux processing pipeline for eddy covariance"
        " data, Scientific Data 7, 225, doi:10.1038/s41597-020-0534-3."
    )
    generated: ClassVar[bool] = False

    def open(self, names: Sequence[str] | None = None, sites: Sequence[str] | None = None) -> xr.Dataset:
        """Variables (time, site) in canonical units on the union of the sites' days.

        Raises `UnknownName` for a name or site that is not there, `DataError` for a file without the column asked
        for, with repeated time stamps or with text among the numbers.
        """
        asked(names, self.gives, "Fluxnet")
        option(self.gpp, ("night", "day"), "Fluxnet.gpp")
        tables = self._parquet(sites) if self._is_parquet() else self._csv(sites)
        ds = xr.concat(
            [_site(name, table) for name, table in tables.items()], "site", join="outer", coords="minimal"
        )
        ds = ds.transpose("time", "site").assign_coords(site=np.array(list(tables), dtype=str))
        ds = ds.assign_coords(self._coordinates(list(tables)))
        provenance = {"title": "FLUXNET tower data", "licence": self.licence, "citation": self.citation}
        provenance |= {"comment": f"GPP by {self.gpp}-time partitioning; days in local standard time."}
        return pick(label(ds, provenance), names, self.gives, "Fluxnet")

    def inputs(self) -> list[Path]:
        """Every file that `open` may read."""
        present(self.root, "Fluxnet")
        if self._is_parquet():
            return fluxnet_parquet.files(self.root, self.half_hours)
        return sorted({file.path for file in fluxnet_csv.files(self.root)})

    def _is_parquet(self) -> bool:
        return (self.root / "daily.parquet").exists()

    def _parquet(self, sites: Sequence[str] | None) -> dict[str, pd.DataFrame]:
        known = fluxnet_parquet.sites(self.root, self.half_hours)
        chosen = places(sites, known, "Fluxnet")
        if not self.half_hours:
            return fluxnet_parquet.daily(self.root, chosen, self.gpp, self.measured)
        return {
            one: fluxnet_parquet.half_hourly(self.root, one, self.gpp, self.share, self.measured)
            for one in chosen
        }

    def _csv(self, sites: Sequence[str] | None) -> dict[str, pd.DataFrame]:
        best = fluxnet_csv.best(fluxnet_csv.files(self.root), self.half_hours)
        chosen = places(sites, sorted(best), "Fluxnet")
        return {one: fluxnet_csv.days(best[one], self.gpp, self.share, self.measured) for one in chosen}

    def _coordinates(self, sites: list[str]) -> dict[str, tuple[str, np.ndarray]]:
        """lat and lon (site), when they are known for every site."""
        folder = self.root if self.root.is_dir() else self.root.parent
        known = fluxnet_csv.coordinates(folder, self.root) | dict(self.coordinates)
        if not all(site in known for site in sites):
            return {}
        return {
            axis: ("site", np.array([known[site][i] for site in sites]))
            for i, axis in enumerate(("lat", "lon"))
        }


def _site(name: str, table: pd.DataFrame) -> xr.Dataset:
    """One site's days as a dataset (site, time)."""
    if table.empty:
        raise DataError(f"Fluxnet: {name} has no days.", "At least one row.")
    ds = xr.Dataset.from_dataframe(table.rename_axis("time"))
    return ds.assign_coords(time=ds["time"].astype("datetime64[ns]")).expand_dims(site=[name])
