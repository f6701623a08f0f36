"""Energy balance closure: the three methods against a plain second reading of them, laws, and real months."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landsink.core.errors import DataError
from landsink.stations.flux import aggregate, closure

COLUMNS = {
    "NETRAD": "Rn",
    "G": "G",
    "LE_F_MDS": "LE",
    "LE_F_MDS_QC": "LE_qc",
    "H_F_MDS": "H",
    "H_F_MDS_QC": "H_qc",
}


def month(data, name: str) -> xr.Dataset:
    path = data / f"flux/bigleaf_fluxnet_months/{name}.csv"
    if not path.exists():
        pytest.skip("no such month here")
    rows = pd.read_csv(path)
    start = pd.Timestamp(year=int(rows["year"].iloc[0]), month=1, day=1)
    time = start + pd.to_timedelta((rows["doy"] - 1) * 24 + rows["hour"], unit="h")
    made = {
        ours: ("time", rows[theirs].to_numpy(float)) for ours, theirs in COLUMNS.items() if theirs in rows
    }
    return xr.Dataset(made, {"time": time.to_numpy().astype("datetime64[ns]")})


def record(days: int, start: str = "2001-01-01", step: int = 1800, **columns) -> xr.Dataset:
    size = days * 86400 // step
    time = pd.date_range(start, periods=size, freq=f"{step}s").values.astype("datetime64[ns]")
    made = {k: ("time", np.broadcast_to(np.asarray(v, float), size).copy()) for k, v in columns.items()}
    return xr.Dataset(made, {"time": time})


def by_hand(ds: xr.Dataset, i: int) -> list[float]:
    """LE_CORR_25, LE_CORR and LE_CORR_75 of one step, read from the method's description, step by step."""
    frame = ds.to_dataframe()
    good = (frame["LE_F_MDS_QC"] <= 1) & (frame["H_F_MDS_QC"] <= 1)
    factor = ((frame["NETRAD"] - frame["G"]) / (frame["LE_F_MDS"] + frame["H_F_MDS"]))[good].dropna()
    ranked = sorted(factor)
    quarter = ranked[int(0.75 * len(ranked))] - ranked[int(0.25 * len(ranked))]
    factor = factor[(factor - factor.median()).abs() < 1.5 * quarter]
    end = frame.index[i] + pd.Timedelta("30min")
    ends = factor.index + pd.Timedelta("30min")
    near = (ends >= end - pd.Timedelta("15D30min")) & (
        ends <= end + pd.Timedelta("15D") - pd.Timedelta("30min")
    )
    hour = ends.hour + ends.minute / 60
    calm = (hour >= 22) | (hour <= 2.5) | ((hour >= 10) & (hour <= 14.5))
    fluxes = sorted(factor[near & calm] * frame["LE_F_MDS"].iloc[i])
    return [fluxes[int(p * len(fluxes))] for p in (0.25, 0.5, 0.75)]


@pytest.mark.parametrize("name", ["AT_Neu_Jul_2010", "DE_Tha_Jun_2014"])
def test_real_months_follow_the_description(data, name):
    ds = month(data, name)
    out = closure.closed(ds)
    for i in (0, 20, 700, 713, ds.sizes["time"] - 1):  # night and day, both ends
        ours = [out[f"LE_CORR{end}"].values[i] for end in ("_25", "", "_75")]
        np.testing.assert_allclose(ours, by_hand(ds, i), rtol=1e-12)
    assert (out["EBC_CF_METHOD"] == 1).all() and out["EBC_CF_N"].min() > 100


@pytest.mark.parametrize(("name", "ratio"), [("AT_Neu_Jul_2010", 0.76), ("DE_Tha_Jun_2014", 0.70)])
def test_real_months_close_better_afterwards(data, name, ratio):
    ds = month(data, name)
    assert closure.balance(ds)["ratio"] == pytest.approx(ratio, abs=0.01)
    days = closure.closed_days(aggregate.days(ds), ds)
    energy = aggregate.days(ds)["NETRAD"] - aggregate.days(ds)["G"]
    after = float((days["LE_CORR"] + days["H_CORR"]).sum() / energy.sum())
    # Medians of days' factors, each day weighing the same, do not make up for all: at Tharandt 0.70 becomes 0.90.
    assert abs(after - 1) < abs(ratio - 1) / 2


def test_a_month_without_soil_heat_flux_says_so(data):
    with pytest.raises(DataError, match="lacks G"):
        closure.closed(month(data, "FR_Pue_May_2012"))


def test_balance_is_a_straight_line():
    energy = np.tile(np.arange(48.0), 4)
    ds = record(4, NETRAD=energy + 10, G=10.0, LE=0.5 * energy + 3, H=0.25 * energy)
    found = closure.balance(ds)
    assert found["slope"] == pytest.approx(0.75) and found["intercept"] == pytest.approx(3.0)
    assert found["r2"] == pytest.approx(1.0) and found["n"] == 192
    assert found["ratio"] == pytest.approx((0.75 * energy + 3).sum() / energy.sum())


def test_a_factor_that_never_varies_is_no_outlier():
    out = closure.closed(record(40, NETRAD=110.0, G=10.0, LE=30.0, H=20.0))
    np.testing.assert_allclose(out["LE_CORR"], 60.0)
    np.testing.assert_allclose(out["H_CORR_25"], 40.0)


def noisy(days: int, seed: int = 0, **gone) -> xr.Dataset:
    """Fluxes that lack a fifth of the energy, give or take a tenth."""
    rng = np.random.default_rng(seed)
    le, h = 50 + 40 * rng.random(48 * days), 20 + 30 * rng.random(48 * days)
    return record(days, NETRAD=(le + h) * (1.25 + 0.1 * rng.normal(size=le.size)) + 5, G=5.0, LE=le, H=h)


def test_the_lack_is_made_up_for_at_an_unchanged_bowen_ratio():
    ds = noisy(40)
    out = closure.closed(ds)
    np.testing.assert_allclose(out["LE_CORR"] / ds["LE"], 1.25, rtol=0.02)
    np.testing.assert_allclose(out["LE_CORR"] / out["H_CORR"], ds["LE"] / ds["H"], rtol=1e-12)
    assert (out["LE_CORR_25"] < out["LE_CORR"]).all() and (out["LE_CORR"] < out["LE_CORR_75"]).all()


def test_negative_fluxes_keep_the_order_of_percentiles():
    ds = noisy(40)
    ds["H"].values[100] = -20.0
    out = closure.closed(ds)
    low, middle, high = (out[f"H_CORR{end}"].values[100] for end in ("_25", "", "_75"))
    assert low < middle < high < 0


def test_methods_two_and_three_and_none():
    ds = noisy(800)
    ds["NETRAD"].values[48 * 100 : 48 * 142] = (
        np.nan
    )  # 42 days: 15 on either side reach in, 5 more by method 2
    out = closure.closed(ds, closure.Closure(years=()))
    method = out["EBC_CF_METHOD"].values.reshape(-1, 48)[:, 24]
    assert (
        method[114] == 1 and method[116] == 2 and method[121] == 0 and method[125] == 2 and method[127] == 1
    )
    assert np.isnan(out["LE_CORR"].values.reshape(-1, 48)[121, 24])
    assert np.isnan(out["LE_CORR_25"].values.reshape(-1, 48)[116, 24])
    third = closure.closed(ds)
    assert third["EBC_CF_METHOD"].values.reshape(-1, 48)[121, 24] == 3
    assert third["LE_CORR"].values.reshape(-1, 48)[121, 24] == pytest.approx(
        1.25 * ds["LE"].values.reshape(-1, 48)[121, 24], rel=0.02
    )


def test_poorly_filled_fluxes_form_no_factor_but_are_corrected():
    ds = noisy(40).rename(LE="LE_F_MDS", H="H_F_MDS")
    quality = np.zeros(ds.sizes["time"])
    quality[500:600] = 3
    ds["LE_F_MDS"].values[500:600] *= 100
    out = closure.closed(ds.assign(LE_F_MDS_QC=("time", quality)))
    np.testing.assert_allclose(
        out["LE_CORR"].values[500:600] / ds["LE_F_MDS"].values[500:600], 1.25, rtol=0.02
    )


def test_a_missing_flux_stays_missing():
    ds = noisy(40)
    ds["LE"].values[50] = np.nan
    out = closure.closed(ds)
    assert np.isnan(out["LE_CORR"].values[50]) and np.isfinite(out["H_CORR"].values[50])


def test_never_all_four_at_once_says_so():
    ds = noisy(2)
    ds["LE"].values[::2], ds["H"].values[1::2] = np.nan, np.nan
    with pytest.raises(DataError, match="never there at once"):
        closure.closed(ds)
    with pytest.raises(DataError, match="Two different ones"):
        closure.balance(ds)


def test_hourly_records_close_too():
    ds = noisy(40).isel(time=slice(None, None, 2))
    np.testing.assert_allclose(closure.closed(ds)["H_CORR"] / ds["H"], 1.25, rtol=0.03)
