"""Daily drivers and fluxes of tower sites, as DifferLand was run with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
import xarray as xr

from landsink.core.errors import DataError
from landsink.sources.column import (
    FREEZING,
    GRAM_PER_DAY,
    HECTOPASCAL,
    KILOPASCAL,
    MEGAJOULE_PER_DAY,
    MILLIMETRE_PER_DAY,
    PPM,
    Column,
    label,
)
from landsink.sources.fluxnet import Fluxnet
from landsink.sources.selection import asked, option, pick, places, present

COLUMNS = (
    Column("T2M_MIN", "tasmin", offset=FREEZING),
    Column("T2M_MAX", "tasmax", offset=FREEZING),
    Column("SSRD", "rsds", MEGAJOULE_PER_DAY),
    Column("VPD", "vpd", HECTOPASCAL),
    Column("TOTAL_PREC", "pr", MILLIMETRE_PER_DAY),
    Column("CO2", "co2", PPM),
    Column("PA", "ps", KILOPASCAL),
    Column("DOY", "dayOfYear"),
    Column("GPP", "gpp", GRAM_PER_DAY),
    Column("GPPunc", "gpp_sd", GRAM_PER_DAY),
    # The file says NBE, but a tower sees no fire: it is NEE.
    Column("NBE", "nee", GRAM_PER_DAY),
    Column("NBEunc", "nee_sd", GRAM_PER_DAY),
    Column("RECO", "reco", GRAM_PER_DAY),
    Column("RECOunc", "reco_sd", GRAM_PER_DAY),
    Column("ET", "evspsbl", MILLIMETRE_PER_DAY),
    Column("ETunc", "evspsbl_sd", MILLIMETRE_PER_DAY),
    Column("LAI", "lai"),
    Column("LAIunc", "lai_sd"),
)
FLUXES = ("nee", "gpp", "reco", "evspsbl")


@dataclass(frozen=True)
class Drivers:
    """Nine years of daily weather and fluxes at tower sites [Fang2024].

    `root` is the folder of `SITE.nc` and `site_coords.csv`. Sites have different years: `time` is the position on
    the axis (dated by the first site) and the coordinate `date` (time, site) holds the true days. Periods differ by
    up to two days in length: `length = "longest"` pads with NaN and NaT, `"shortest"` ends all together.
    `tas` is the mean of the daily extremes; errors are the provider's and are NaN where it gives none. `fluxes`, a
    folder of FLUXNET tables such as `landsink station` writes, takes the place of the provider's fluxes: what it has
    of nee, gpp, reco and evspsbl, by date, with its own errors or none.
    """

    root: Path
    length: Literal["longest", "shortest"] = "longest"
    fluxes: str = ""

    path: ClassVar[str] = "da/differland_sites"
    gives: ClassVar[tuple[str, ...]] = (
        "tas", "tasmin", "tasmax", "rsds", "vpd", "pr", "co2", "ps", "dayOfYear",
        "gpp", "nee", "reco", "evspsbl", "lai",
    )  # fmt: skip
    licence: ClassVar[str] = "CC-BY-4.0 (FLUXNET2015); MIT (DifferLand)"
    citation: ClassVar[str] = (
        "Fang, J. and Gentine, P. (2024), DifferLand v1.0, drivers; Pastorello et al. (2020), Scientific Data 7, 225,"
        " doi:10.1038/s41597-020-0534-3; leaf area: MODIS."
    )
    generated: ClassVar[bool] = False

    def open(self, names: Sequence[str] | None = None, sites: Sequence[str] | None = None) -> xr.Dataset:
        """Variables (time, site) in canonical units; `LandsinkError` for unknown names, sites or a shifted calendar."""
        asked(names, self.gives, "Drivers")
        option(self.length, ("longest", "shortest"), "Drivers.length")
        table = self._table()
        chosen = places(sites, self._sites(table), "Drivers")
        records = [self._read(site, table.loc[site]) for site in chosen]
        ds = self._join(chosen, records).assign_coords(
            lat=("site", table.loc[chosen, "lat"].to_numpy(float)),
            lon=("site", table.loc[chosen, "lon"].to_numpy(float)),
            igbp=("site", table.loc[chosen, "IGBP"].to_numpy(str)),
        )
        provenance = {"title": "Daily site drivers of DifferLand v1.0", "licence": self.licence}
        provenance |= {"citation": self.citation, "comment": "tas is the mean of tasmin and tasmax."}
        if self.fluxes:
            ds, said = _with_fluxes(ds, Fluxnet(Path(self.fluxes)).open(sites=chosen))
            provenance["comment"] += said
        return pick(label(ds, provenance), names, self.gives, "Drivers")

    def inputs(self) -> list[Path]:
        """Every file that `open` may read."""
        own = Fluxnet(Path(self.fluxes)).inputs() if self.fluxes else []
        return [self._coords(), *sorted(self.root.glob("*.nc")), *own]

    def _coords(self) -> Path:
        return present(self.root / "site_coords.csv", "Drivers")

    def _table(self) -> pd.DataFrame:
        return pd.read_csv(self._coords()).set_index("SITE_ID")

    def _sites(self, table: pd.DataFrame) -> list[str]:
        """Sites with both a file and a row: the table also lists sites whose file may be absent."""
        return [path.stem for path in sorted(self.root.glob("*.nc")) if path.stem in table.index]

    def _read(self, site: str, row: pd.Series) -> pd.DataFrame:
        """One site's days (rows) in canonical units."""
        with xr.open_dataset(self.root / f"{site}.nc", decode_times=False) as raw:
            raw.load()
        lacking = [column.theirs for column in COLUMNS if column.theirs not in raw]
        if lacking:
            raise DataError(
                f"{site}.nc has no {', '.join(lacking)}.", "A DifferLand driver file has all of them."
            )
        dates = _dates(site, raw, int(row["start_year"]))
        frame = pd.DataFrame({c.ours: c.convert(raw[c.theirs].values) for c in COLUMNS}, index=dates)
        frame["tas"] = (frame["tasmin"] + frame["tasmax"]) / 2
        return frame

    def _join(self, sites: list[str], records: list[pd.DataFrame]) -> xr.Dataset:
        """Sites side by side by position, each with its own dates."""
        lengths = [len(record) for record in records]
        days = min(lengths) if self.length == "shortest" else max(lengths)
        filled = [record.reset_index(names="date").reindex(range(days)) for record in records]
        dates = np.stack([one["date"].to_numpy("datetime64[ns]") for one in filled], axis=1)
        time = records[0].index[0] + pd.to_timedelta(np.arange(days), unit="D")
        columns = {
            name: (("time", "site"), np.stack([one[name].to_numpy(float) for one in filled], axis=1))
            for name in records[0].columns
        }
        coords = {"time": time.to_numpy("datetime64[ns]"), "site": np.array(sites, dtype=str)}
        return xr.Dataset(columns, coords).assign_coords(date=(("time", "site"), dates))


def _with_fluxes(ds: xr.Dataset, own: xr.Dataset) -> tuple[xr.Dataset, str]:
    """The record with the fluxes of another source on its own days, and a sentence. Raises DataError if none meet."""
    taken = [name for name in FLUXES if name in own]
    made = {}
    for name in taken:
        for one in [n for n in (name, f"{name}_sd") if n in ds]:
            values = np.full(ds[one].shape, np.nan)
            for k, site in enumerate(ds["site"].values if one in own else ()):
                days = own[one].sel(site=site).to_pandas()
                values[:, k] = days.reindex(pd.DatetimeIndex(ds["date"].values[:, k])).to_numpy()
            made[one] = (ds[one].dims, values)
    if not any(np.isfinite(values).any() for _, values in made.values()):
        raise DataError(
            "Drivers: the tables of 'fluxes' have no flux on any of its days.",
            f"Such as NEE_VUT_REF from {str(ds['time'].values[0])[:10]} to {str(ds['time'].values[-1])[:10]}.",
        )
    return ds.assign(made), f" {', '.join(taken)} from the tables of 'fluxes'."


def _dates(site: str, raw: xr.Dataset, first_year: int) -> pd.DatetimeIndex:
    """Days since 2001-01-01 as dates, held against the table's first year and the file's own day of year."""
    offsets = raw["time"].values
    dates = pd.DatetimeIndex(np.datetime64("2001-01-01", "ns") + offsets.astype("timedelta64[D]"))
    if dates[0] != pd.Timestamp(first_year, 1, 1):
        raise DataError(
            f"{site}: the time axis begins on {dates[0].date()}.",
            f"site_coords.csv says {first_year}-01-01.",
            "The axis counts days since 2001-01-01; mend the file or the table.",
        )
    if (np.diff(offsets) != 1).any() or (dates.day_of_year != raw["DOY"].values).any():
        raise DataError(
            f"{site}: the dates do not agree with the file's day of year (DOY).", "One row for each day."
        )
    return dates
