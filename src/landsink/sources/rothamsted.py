"""Long-term field experiments at Rothamsted, month by month: weather, inputs of carbon, and the soil sampled."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from landsink.core.errors import DataError
from landsink.sources.column import DAY, FREEZING, error, label
from landsink.sources.selection import absent, asked, pick, places, present

TONNE_PER_HECTARE = 0.1  # kg m-2
# RothC's farmyard manure: the part that the files book as humus ("mac"), by which manure is told from plant matter.
MANURE_HUMUS = 0.02
COLUMNS = (
    "time",
    "temp",
    "precip",
    "pet",
    "cover",
    "added.spm",
    "added.ipm",
    "added.mb",
    "added.mac",
    "measured.soc",
)


class Experiment(NamedTuple):
    """First month, factor from the file's evaporation to potential evapotranspiration, and the plots."""

    start: str
    evaporation: float
    plots: MappingProxyType[str, str]


EXPERIMENTS = MappingProxyType(
    {
        # the files of Hoosfield hold open-pan evaporation times 0.75 already; those of Broadbalk the pan's own
        "hoosfield": Experiment("1852-01", 1.0, MappingProxyType({
            "hoos6": "spring barley, unmanured", "hoos7_1": "manured 1852-1871 only", "hoos7_2": "manured since 1852",
        })),
        "broadbalk": Experiment("1843-10", 0.75, MappingProxyType({
            "bb21": "winter wheat, manured since 1885", "bb22": "manured since 1843", "bb3": "no fertiliser",
            "bb5": "phosphorus and potassium", "bb8": "nitrogen, phosphorus and potassium",
        })),
    }
)  # fmt: skip


@dataclass(frozen=True)
class Rothamsted:
    """Monthly forcing and sampled topsoil carbon (0–23 cm) of plots under barley (1852–1999) or wheat (1843–2008).

    `root` is the folder of the plots' files and of `experiment_constants.csv`. All plots of an experiment share their
    months; the files count months, and the calendar is inferred from season and length. The weather is one mean year,
    repeated. What plants bring is one number, given as `fVegLitterLeaf`; root and wood litter are zero. The estimated
    carbon of the first year is the coordinate `cSoilStart` and not an observation. The files give no error: `relative`
    and `absolute` (kg m-2) are the parts of ours.
    """

    root: Path
    experiment: Literal["hoosfield", "broadbalk"] = "hoosfield"
    relative: float = 0.05
    absolute: float = 0.1

    path: ClassVar[str] = "soil/somic_lte"
    gives: ClassVar[tuple[str, ...]] = (
        "tas", "pr", "evspsblpot", "vegCover", "fVegLitterLeaf", "fVegLitterRoot", "fVegLitterWood", "fManure",
        "clay", "cSoil",
    )  # fmt: skip
    licence: ClassVar[str] = "GPL-2.0-or-later (SOMic repository); measurements CC-BY-4.0 (e-RA)"
    citation: ClassVar[str] = (
        "Woolf, D. and Lehmann, J. (2019), Scientific Reports 9, 6522, doi:10.1038/s41598-019-43026-8; Rothamsted"
        " Research (e-RA), doi:10.23637/KeyRefOABKsoc-02 (Broadbalk), doi:10.23637/KeyRefOAHBsoc (Hoosfield)."
    )
    generated: ClassVar[bool] = False

    def open(self, names: Sequence[str] | None = None, sites: Sequence[str] | None = None) -> xr.Dataset:
        """Variables (time, site) in canonical units, `clay` (site,); months are stamped at day one.

        Raises `LandsinkError` for an unknown name, plot or experiment, and for a file with gaps in its weather.
        """
        asked(names, self.gives, "Rothamsted")
        known = places([self.experiment], list(EXPERIMENTS), "Rothamsted's experiments")[0]
        trial = EXPERIMENTS[known]
        chosen = places(sites, list(trial.plots), f"Rothamsted ({known})")
        records = [_read(self._file(plot), trial) for plot in chosen]
        months = [len(record) for record in records]
        if len(set(months)) > 1:
            raise DataError(f"{known}: the plots have {months} months.", "All plots share one calendar.")
        columns = {
            n: (("time", "site"), np.stack([r[n] for r in records], axis=1)) for n in records[0].columns
        }
        ds = xr.Dataset(
            columns, {"time": records[0].index.to_numpy("datetime64[ns]"), "site": np.array(chosen)}
        )
        ds = self._constants(ds).assign_coords(
            treatment=("site", [trial.plots[plot] for plot in chosen]),
            cSoilStart=("site", ds["cSoil"].values[0]),
        )
        ds["cSoil"] = ds["cSoil"].where(ds["time"] > ds["time"][0])
        ds["cSoil_sd"] = ds["cSoil"].dims, error(ds["cSoil"].values, self.relative, self.absolute)
        return pick(label(ds, self._provenance()), names, self.gives, "Rothamsted")

    def inputs(self) -> list[Path]:
        """Every file that `open` may read."""
        return [self._table(), *(self._file(plot) for plot in EXPERIMENTS[self.experiment].plots)]

    def _table(self) -> Path:
        return present(self.root / "experiment_constants.csv", "Rothamsted")

    def _file(self, plot: str) -> Path:
        ending = "socdata" if plot.startswith("bb") else "socdat"
        return present(self.root / f"{plot}.{ending}", "Rothamsted")

    def _constants(self, ds: xr.Dataset) -> xr.Dataset:
        """Clay, and where the plots lie."""
        table = pd.read_csv(self._table(), index_col="exp")
        absent(ds["site"].values.tolist(), table.index.tolist(), "Rothamsted")
        rows = table.loc[ds["site"].values]
        coords = {
            axis: ("site", rows[column].to_numpy(float)) for axis, column in (("lat", "lat"), ("lon", "long"))
        }
        return ds.assign(clay=("site", rows["clay"].to_numpy(float))).assign_coords(coords)

    def _provenance(self) -> dict[str, str]:
        comment = (
            "Weather is one mean year, repeated; plant input as a whole is fVegLitterLeaf; cSoil_sd is an assumption,"
            " the provider gives no error."
        )
        title = f"Long-term experiment {self.experiment.capitalize()}, Rothamsted"
        return {"title": title, "licence": self.licence, "citation": self.citation, "comment": comment}


def _read(path: Path, trial: Experiment) -> pd.DataFrame:
    """One plot's months (rows) in canonical units."""
    raw = pd.read_csv(path)
    absent(COLUMNS, raw.columns.tolist(), path.name)
    index = pd.date_range(trial.start, periods=len(raw), freq="MS")
    gaps = [name for name in ("temp", "precip", "pet", "cover") if raw[name].isna().any()]
    if gaps or (raw["time"] != np.arange(1, len(raw) + 1)).any():
        raise DataError(f"{path.name}: {', '.join(gaps) or 'time'} has gaps.", "One complete row a month.")
    seconds = index.days_in_month.to_numpy() * DAY
    parts = {name: raw[f"added.{name}"].fillna(0.0).to_numpy(float) for name in ("spm", "ipm", "mb", "mac")}
    manure = parts["mac"] / MANURE_HUMUS
    plants = sum(parts.values()) - manure
    columns = {
        "tas": raw["temp"].to_numpy(float) + FREEZING,
        "pr": raw["precip"].to_numpy(float) / seconds,
        "evspsblpot": trial.evaporation * raw["pet"].to_numpy(float) / seconds,
        "vegCover": raw["cover"].to_numpy(float),
        "fVegLitterLeaf": np.maximum(plants, 0.0) * TONNE_PER_HECTARE / seconds,
        "fVegLitterRoot": np.zeros(len(raw)),
        "fVegLitterWood": np.zeros(len(raw)),
        "fManure": manure * TONNE_PER_HECTARE / seconds,
        "cSoil": raw["measured.soc"].to_numpy(float) * TONNE_PER_HECTARE,
    }
    return pd.DataFrame(columns, index=index)
