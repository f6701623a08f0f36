"""Real tower records with the filled fluxes and uncertainties that independent chains made of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

PACKING_STEP = {"TA": 0.0015, "VPD": 0.0015, "SW_IN": 0.0205, "NEE": 0.0025}  # of the stored official records


def official(data: Path, site: str, unpack: bool = True) -> xr.Dataset:
    """FLUXNET2015's NEE (VUT_REF) and drivers with their quality, as local time at the start of each interval."""
    folder = data / "flux/fluxnet2015"
    table = pd.read_parquet(folder / f"{site}_hh_utc.parquet").astype(float)
    offset = float(pd.read_csv(folder / "utc_offsets.csv", index_col="site").iloc[:, 0][site])
    time = pd.DatetimeIndex(table.index) + pd.Timedelta(hours=offset) - pd.Timedelta(minutes=30)
    ds = xr.Dataset(coords={"time": time.to_numpy()}, attrs={"utc_offset": offset, "site": site})
    for name in ("NEE", "TA", "SW_IN", "VPD"):
        ds[name] = ("time", table[name.lower()].to_numpy())
        ds[f"{name}_QC"] = ("time", table[f"{name.lower()}_qc"].round().to_numpy())
    return ds.assign(TA=("time", unpacked(ds))) if unpack else ds


def unpacked(ds: xr.Dataset) -> np.ndarray:
    """Air temperature with the decimals that packing to 16 bits took.

    Many records meet or miss a tolerance of 2.5 K exactly, where temperature has two decimals or is a mean of three
    readings to 0.1 K; the packing's 0.0008 K would decide. In a year of which 99 % of the measured values lie on such
    a grid to within packing, they are put back on it; elsewhere nothing is done.
    """
    values, years = ds["TA"].values.copy(), ds["time"].dt.year.values
    for year in np.unique(years):
        here = (years == year) & (ds["TA_QC"].values == 0)
        for steps, rounding in ((100, 1e-4), (30, 6e-4)):  # thirds of 0.1 K were written with three decimals
            grid = np.round(values[here] * steps) / steps
            near = np.abs(values[here] - grid) <= PACKING_STEP["TA"] / 2 + rounding
            if near.mean() > 0.99:
                values[here] = np.where(near, np.round(grid, 3), values[here])
                break
    return values


def sampled_by_oneflux(data: Path) -> pd.DataFrame:
    """What ONEFlux's gap filling says of every record of DE-Tha 1996 … 2014."""
    return pd.read_csv(data / "flux/reference/oneflux/gf_mds/DE-Tha_1996-2014_gf_mds.csv.gz")


def reddyproc(data: Path, site: str) -> tuple[xr.Dataset, pd.DataFrame]:
    """What REddyProc filled, after its u* filter, and its table, both with the decimals of its input file."""
    table = pd.read_parquet(data / f"flux/reference/REddyProc/{site}.parquet")
    single = table.select_dtypes("float32").columns
    table[single] = table[single].astype(float).round(5).replace(-9999.0, np.nan)
    time = pd.to_datetime(table["DateTime"]) - pd.Timedelta(minutes=30)
    kept = table["NEE"].where(table["Ustar_uStar_fqc"] == 0)
    names = {"SW_IN": "Rg", "TA": "Tair", "VPD": "VPD"}
    columns = {"NEE": ("time", kept.to_numpy())} | {
        n: ("time", table[t].to_numpy()) for n, t in names.items()
    }
    return xr.Dataset(columns, {"time": time.to_numpy().astype("datetime64[ns]")}), table


def oneflux_versions(data: Path) -> tuple[xr.Dataset, pd.DataFrame]:
    """DE-Tha 1998 filtered by ONEFlux's own 41 thresholds of u* (percentile), and what ONEFlux made of it.

    Below the threshold, day and night, a record and the one after it are taken out.
    """
    folder = data / "flux/reference/oneflux/DE-Tha"
    table = pd.read_csv(folder / "DE-Tha_qca_nee_1998.csv.gz", skiprows=10, na_values=[-9999])
    thresholds = pd.read_csv(folder / "DE-Tha_USTAR_percentiles_y.csv").iloc[0, 1:]
    low = ~(table["USTAR"].to_numpy()[:, None] >= thresholds.to_numpy()[None, :])
    low[1:] |= low[:-1].copy()
    time = pd.to_datetime(table["TIMESTAMP_START"].astype(str), format="%Y%m%d%H%M")
    nee = np.where(low, np.nan, table["NEE"].to_numpy()[:, None])
    coords = {
        "time": time.to_numpy().astype("datetime64[ns]"),
        "percentile": thresholds.index.astype(float).to_numpy(),
    }
    ds = xr.Dataset({"NEE": (("time", "percentile"), nee)}, coords)
    for name in ("TA", "VPD", "SW_IN"):
        ds[name] = ("time", table[name].to_numpy(float))
    made = pd.read_parquet(folder / "DE-Tha_NEE_hh.parquet").replace(-9999, np.nan)
    return ds, made
