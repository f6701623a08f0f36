"""Real tower records with what independent tools partitioned them into, and generated ones whose truth is known."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from landsink.stations.flux import clock
from landsink.stations.flux.respiration import lloyd_taylor
from tests.stations.flux import towers


def _placed(ds: xr.Dataset, data: Path, site: str) -> xr.Dataset:
    sites = pd.read_csv(data / "flux/fluxnet2015/sites.csv", index_col="site")
    return ds.assign_attrs(latitude=float(sites.lat[site]), longitude=float(sites.lon[site]), utc_offset=1.0)


def official(data: Path, site: str) -> xr.Dataset:
    """FLUXNET2015's record with its own GPP as OFFICIAL_NT and OFFICIAL_DT."""
    table = pd.read_parquet(data / f"flux/fluxnet2015/{site}_hh_utc.parquet").astype(float)
    ds = _placed(towers.official(data, site), data, site)
    return ds.assign({f"OFFICIAL_{m}": ("time", table[f"gpp_{m.lower()}"].to_numpy()) for m in ("NT", "DT")})


def _record(table: pd.DataFrame, names: dict[str, str], start: str) -> xr.Dataset:
    time = pd.date_range(start, periods=len(table), freq="30min")
    columns = {ours: ("time", table[theirs].to_numpy(float)) for ours, theirs in names.items()}
    return xr.Dataset(columns, {"time": time.to_numpy()})


def oneflux(data: Path, site: str, year: int) -> xr.Dataset:
    """What ONEFlux's partitioning read, with the spread of like NEE, and its results under THEIR_ names."""
    folder = data / f"flux/reference/oneflux/{site}"
    night, day = (pd.read_parquet(folder / f"{n}_nee_y_50_{site}_{year}.parquet") for n in (10, 11))
    table = night.assign(sd=day.nee_fs_unc, gpp_dt=day.gpp_hblr, alpha=day.alpha, beta=day.beta).replace(
        -9999, np.nan
    )
    names = {
        "NEE": "nee", "NEE_F": "nee_f", "TA": "tair", "TA_F": "tair_f", "SW_IN": "rg", "SW_IN_F": "rg_f", "VPD": "vpd",
        "NEE_HAT_SD": "sd", "THEIR_NIGHT": "neenight", "THEIR_GPP_NT": "gpp_2", "THEIR_RREF": "rrefoptord",
        "THEIR_E0": "e0_2_from_tair", "THEIR_GPP_DT": "gpp_dt", "THEIR_ALPHA": "alpha", "THEIR_BETA": "beta",
    }  # fmt: skip
    return _placed(_record(table, names, f"{year}-01-01"), data, site)


def reddyproc(data: Path, site: str) -> xr.Dataset:
    """What REddyProc's partitioning read, with its results under THEIR_ names."""
    table = pd.read_parquet(data / f"flux/reference/REddyProc/{site}.parquet").replace(-9999.0, np.nan)
    table["kept"] = table["NEE"].where(table["Ustar_uStar_fqc"] == 0)
    names = {
        "NEE": "kept", "NEE_F": "NEE_uStar_f", "TA": "Tair", "TA_F": "Tair_f", "SW_IN": "Rg", "SW_IN_F": "Rg_f",
        "VPD": "VPD", "VPD_F": "VPD_f", "NEE_HAT_SD": "NEE_uStar_fsd", "THEIR_GPP_NT": "GPP_uStar_f",
        "THEIR_E0": "E_0_uStar", "THEIR_GPP_DT": "GPP_DT_uStar",
    }  # fmt: skip
    return _placed(_record(table, names, f"{str(table['DateTime'][0])[:4]}-01-01"), data, site)


def alike(ds: xr.Dataset, mine: str, theirs: str) -> pd.DataFrame:
    """By calendar year: correlation of half-hours, and the relative difference of the sums [1]."""
    both = ds[[mine, theirs]].where(np.isfinite(ds[mine]) & np.isfinite(ds[theirs]))
    rows = {
        int(y): (float(xr.corr(g[mine], g[theirs])), float(g[mine].sum() / g[theirs].sum() - 1))
        for y, g in both.groupby("time.year")
        if int(g[mine].count()) > 1000
    }
    return pd.DataFrame(rows, index=["r", "sum"]).T


TRUTH = {"alpha": 0.05, "beta": 25.0, "k": 0.08, "rref": 3.0, "e0": 200.0}


def generated(days: int = 120, step: str = "30min", noise: float = 0.0, seed: int = 0) -> xr.Dataset:
    """A made-up tower at 51 N from May on, whose NEE follows the models of both methods with the parameters TRUTH."""
    draw = np.random.default_rng(seed)
    count = int(days * pd.Timedelta("1D") / pd.Timedelta(step))
    time = pd.date_range("2005-05-01", periods=count, freq=step)
    ds = xr.Dataset(
        coords={"time": time.to_numpy()}, attrs={"latitude": 51.0, "longitude": 15.0, "utc_offset": 1.0}
    )
    day = np.arange(count) / (count / days)
    cloud = 0.25 + 0.5 * np.repeat(draw.random(days), count // days)
    light = clock.potential_radiation(ds) * cloud
    light[light < 12] = 0.0  # so that no light acts in what a convention may call night
    warmth = 14 + 4 * np.sin(day / 3) + 6 * np.sin(2 * np.pi * (day - 0.4)) + draw.normal(0, 0.5, count)
    vpd = np.maximum(1.2 * warmth - 8 + 4 * np.sin(day / 5), 0)
    top = TRUTH["beta"] * np.exp(-TRUTH["k"] * np.maximum(vpd - 10, 0))
    gpp = TRUTH["alpha"] * light * top / (TRUTH["alpha"] * light + top)
    reco = lloyd_taylor(warmth, TRUTH["rref"], TRUTH["e0"])
    series = {"TA": warmth, "SW_IN": light, "VPD": vpd, "GPP": gpp, "RECO": reco}
    series |= {
        "NEE": reco - gpp + draw.normal(0, noise, count),
        "NEE_HAT_SD": np.full(count, max(noise, 0.1)),
    }
    return ds.assign({n: ("time", v) for n, v in series.items()})
