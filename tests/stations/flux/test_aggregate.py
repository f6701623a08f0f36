"""Aggregation: ONEFlux's own days, months and year from its half-hours, FLUXNET2015's days, and the laws."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landsink.core.errors import DataError
from landsink.stations.flux import aggregate

REFERENCE = "flux/reference/oneflux/DE-Tha/DE-Tha_NEE_"
ENDS = {"": "", "_QC": "_qc", "_RANDUNC": "_randUnc"}


def record(days: int, start: str = "2001-01-01", step: int = 1800, **columns) -> xr.Dataset:
    size = days * 86400 // step
    time = pd.date_range(start, periods=size, freq=f"{step}s").values.astype("datetime64[ns]")
    made = {k: ("time", np.broadcast_to(np.asarray(v, float), size).copy()) for k, v in columns.items()}
    return xr.Dataset(made, {"time": time})


@pytest.fixture(scope="module")
def tharandt(data) -> tuple[xr.Dataset, dict[str, pd.DataFrame]]:
    """ONEFlux's half-hours of 1998 at the reference and at the median u* threshold, and its tables of longer steps."""
    path = data / f"{REFERENCE}hh.parquet"
    if not path.exists():
        pytest.skip("no reference run here")
    hh = pd.read_parquet(path).replace(-9999, np.nan)
    columns = {
        f"NEE_VUT_{ours}{end}": hh[f"NEE_{theirs}{mark}_y"]
        for ours, theirs in (("REF", "ref"), ("USTAR50", "ust50"))
        for end, mark in ENDS.items()
    }
    tables = {t: pd.read_csv(data / f"{REFERENCE}{t}.csv").replace(-9999, np.nan) for t in ("dd", "mm", "yy")}
    return record(365, "1998-01-01", **columns), tables


@pytest.mark.parametrize(("ours", "theirs"), [("REF", "ref"), ("USTAR50", "ust50")])
def test_days_are_those_of_oneflux(tharandt, ours, theirs):
    ds, tables = tharandt
    daily = aggregate.days(ds)
    for end, mark in ENDS.items():  # six digits are printed
        expected = tables["dd"][f"NEE_{theirs}{mark}_y"]
        np.testing.assert_allclose(daily[f"NEE_VUT_{ours}{end}"], expected, rtol=6e-6, atol=1e-6)


def test_months_and_the_year_are_those_of_oneflux(tharandt):
    """At a given threshold; the reference threshold is chosen anew for each length and so is not the same series."""
    ds, tables = tharandt
    daily = aggregate.days(ds)
    for mark, span in (("mm", aggregate.months(daily)), ("yy", aggregate.years(daily))):
        for end in ("", "_QC"):
            expected = tables[mark][f"NEE_ust50{ENDS[end]}_y"]
            np.testing.assert_allclose(span[f"NEE_VUT_USTAR50{end}"], expected, rtol=6e-6)
        # ONEFlux goes from half-hours, we from days; 109 half-hours without an error make the difference.
        expected = tables[mark]["NEE_ust50_randUnc_y"]
        np.testing.assert_allclose(span["NEE_VUT_USTAR50_RANDUNC"], expected, rtol=3e-3)


def test_joint_errors_are_those_of_oneflux(tharandt):
    ds, tables = tharandt
    daily = aggregate.days(ds)
    for rank in ("16", "84"):
        daily[f"NEE_VUT_{rank}"] = ("time", tables["dd"][f"NEE_{rank}_y"].to_numpy())
    expected = tables["dd"]["NEE_ref_joinUnc_y"]
    np.testing.assert_allclose(aggregate.joint(daily)["NEE_VUT_REF_JOINTUNC"], expected, rtol=1.2e-5)


def test_days_and_months_are_those_of_fluxnet(data):
    folder = data / "flux/fluxnet2015"
    if not (folder / "DE-Tha_hh_utc.parquet").exists():
        pytest.skip("no half-hours here")
    hh = pd.read_parquet(folder / "DE-Tha_hh_utc.parquet")
    hh.index += pd.Timedelta("30min")  # ends in UTC -> starts in UTC+1
    hh = hh.loc["1998":"1999"]
    ds = record(730, "1998-01-01", NEE_VUT_REF=hh["nee"], NEE_VUT_REF_QC=hh["nee_qc"].round(), TA_F=hh["ta"])
    daily = aggregate.days(ds)
    official = (
        pd.read_parquet(folder / "daily.parquet")
        .query("site == 'DE-Tha'")
        .set_index("date")
        .loc["1998":"1999"]
    )
    # Their half-hours were stored in steps of 0.0025 umol m-2 s-1, the days in thousandths.
    np.testing.assert_allclose(daily["NEE_VUT_REF"], official["nee"], atol=1.5e-3)
    np.testing.assert_allclose(daily["NEE_VUT_REF_QC"], official["nee_qc_frac"], atol=6e-4)
    np.testing.assert_allclose(daily["TA_F"], official["ta"], atol=1e-3)
    months = (
        pd.read_csv(folder / "monthly.csv")
        .query("site == 'DE-Tha'")
        .set_index("month")
        .loc["1998-01":"1999-12"]
    )
    np.testing.assert_allclose(aggregate.months(daily)["NEE_VUT_REF"], months["nee"], atol=1.5e-3)


def test_units_by_hand():
    daily = aggregate.days(record(365, NEE_VUT_REF=1.0, GPP_NT_VUT_REF=2.0, P_F=0.1, TA_F=10.0))
    assert daily["NEE_VUT_REF"].values[0] == pytest.approx(
        1.0377, abs=1e-4
    )  # 12.0107 g mol-1 * 86400 s * 1e-6
    assert daily["P_F"].values[0] == pytest.approx(4.8)
    yearly = aggregate.years(daily)
    assert yearly["GPP_NT_VUT_REF"].values[0] == pytest.approx(2 * 1.03772448 * 365)
    assert yearly["P_F"].values[0] == pytest.approx(4.8 * 365)
    assert yearly["TA_F"].values[0] == pytest.approx(10.0)
    assert daily["NEE_VUT_REF"].attrs["units"] == "gC m-2 d-1" and yearly["P_F"].attrs["units"] == "mm yr-1"
    assert aggregate.months(daily)["P_F"].attrs["units"] == "mm d-1"


def test_quality_turns_round():
    quality = np.repeat([0.0, 1.0, 2.0, 3.0], 12)
    daily = aggregate.days(record(1, NEE_VUT_REF_QC=quality))
    assert daily["NEE_VUT_REF_QC"].values.tolist() == [0.5]
    ds = record(10, NEE_VUT_REF_QC=3.0)
    assert aggregate.years(aggregate.days(ds), share=0.0)["NEE_VUT_REF_QC"].values.tolist() == [0.0]


def test_weeks_are_52_and_the_last_is_longer():
    day = aggregate.days(record(366 + 365, "2004-01-01", TA_F=np.repeat(np.arange(731.0), 48)))
    weekly = aggregate.weeks(day)
    assert weekly.sizes["time"] == 104
    first = weekly["time"].dt.strftime("%m-%d").values
    assert first[0] == first[52] == "01-01" and first[51] == "12-23" and first[103] == "12-24"
    assert weekly["TA_F"].values[[0, 51, 103]].tolist() == [3.0, 361.0, 726.5]


def test_half_a_day_is_too_little():
    values = np.where(np.arange(96) % 48 < 24, 5.0, np.nan)
    values[48 + 24] = 5.0
    daily = aggregate.days(record(2, TA_F=values))
    assert np.isnan(daily["TA_F"].values[0]) and daily["TA_F"].values[1] == 5.0
    assert aggregate.days(record(2, TA_F=values), share=0.4)["TA_F"].values.tolist() == [5.0, 5.0]


def test_random_errors_average_out():
    daily = aggregate.days(record(31, NEE_VUT_REF_RANDUNC=2.0))
    assert daily["NEE_VUT_REF_RANDUNC"].values[0] == pytest.approx(2 * 1.03772448 / 48**0.5)
    month = aggregate.months(daily)["NEE_VUT_REF_RANDUNC"].values[0]
    assert month == pytest.approx(2 * 1.03772448 / (48 * 31) ** 0.5)


def test_what_hangs_on_the_threshold_does_not():
    ds = record(31, NEE_VUT_REF_RANDUNC=0.0, NEE_VUT_16=-2.0, NEE_VUT_84=2.0, NEE_VUT_REF_JOINTUNC=0.0)
    monthly = aggregate.months(aggregate.days(ds))
    assert monthly["NEE_VUT_REF_JOINTUNC"].values[0] == pytest.approx(2 * 1.03772448)
    lone = aggregate.days(ds.drop_vars(["NEE_VUT_16"]))
    assert "NEE_VUT_REF_JOINTUNC" not in lone


def test_versions_are_kept_beside_time():
    values = np.arange(3.0)[:, None] * np.ones(96)
    ds = (
        record(2, TA_F=1.0)
        .assign(NEE_VUT=(("percentile", "time"), values))
        .assign_coords(percentile=[16, 50, 84])
    )
    daily = aggregate.days(ds)
    assert daily["NEE_VUT"].dims == ("time", "percentile")
    np.testing.assert_allclose(daily["NEE_VUT"].values, np.tile(np.arange(3) * 1.03772448, (2, 1)))


def test_the_mean_of_days_is_the_mean_of_half_hours():
    rng = np.random.default_rng(3)
    values = rng.normal(size=48 * 365)
    yearly = aggregate.years(aggregate.days(record(365, H_F_MDS=values)))
    assert yearly["H_F_MDS"].values[0] == pytest.approx(values.mean())


@pytest.mark.parametrize("step", [900, 1800, 3600])
def test_any_step_gives_the_same_days(step):
    daily = aggregate.days(record(3, step=step, NEE_VUT_REF=1.0, P_F=step / 3600))
    np.testing.assert_allclose(daily["NEE_VUT_REF"], 1.03772448)
    np.testing.assert_allclose(daily["P_F"], 24.0)


def test_quarters_become_half_hours():
    ds = aggregate.coarsened(record(1, step=900, NEE=np.arange(96.0), P=0.5))
    assert ds["NEE"].values[:2].tolist() == [0.5, 2.5] and ds["P"].values[0] == 1.0
    missing = record(1, step=900, NEE=np.tile([1.0, np.nan], 48), P=np.tile([1.0, np.nan], 48))
    half = aggregate.coarsened(missing)
    assert half["NEE"].values[0] == 1.0 and np.isnan(half["P"].values[0])
    with pytest.raises(DataError, match="do not fit"):
        aggregate.coarsened(record(1, NEE=1.0), 2700)


def test_nothing_measured_gives_nothing():
    yearly = aggregate.years(aggregate.days(record(365, NEE_VUT_REF=np.nan, NEE_VUT_REF_QC=np.nan)))
    assert np.isnan(yearly["NEE_VUT_REF"]).all() and np.isnan(yearly["NEE_VUT_REF_QC"]).all()
