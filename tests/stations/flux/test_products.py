"""Products: FLUXNET tables that the FLUXNET reader opens, and CF files that say what they hold."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landsink.core.errors import DataError
from landsink.core.quantity import quantity
from landsink.core.units import parse
from landsink.sources import Fluxnet
from landsink.stations.flux import aggregate, products

PLACE = {"site": "DE-Tst", "latitude": 50.96, "longitude": 13.57, "utc_offset": 1.0}


@pytest.fixture
def record() -> xr.Dataset:
    """Two years of half-hours with every variable that a case reads, and some that it does not."""
    time = pd.date_range("2000-01-01", "2002-01-01", freq="30min", inclusive="left").values.astype(
        "datetime64[ns]"
    )
    rng = np.random.default_rng(0)
    whole = {
        "TA_F": 10.0, "SW_IN_F": 120.0, "VPD_F": 5.0, "P_F": 0.1, "PA_F": 97.0, "CO2_F_MDS": 370.0,
        "NEE_VUT_REF": -1.5, "NEE_VUT_REF_RANDUNC": 0.8, "NEE_VUT_16": -1.9, "NEE_VUT_84": -1.3,
        "GPP_NT_VUT_REF": 4.0, "GPP_DT_VUT_REF": 4.5, "RECO_NT_VUT_REF": 2.5, "RECO_DT_VUT_REF": 2.6,
        "GPP_NT_VUT_16": 3.5, "GPP_NT_VUT_84": 4.5, "LE_F_MDS": 60.0, "LE_RANDUNC": 5.0, "NEE_RAW": -1.5,
    }  # fmt: skip
    made = {k: ("time", v + 0.1 * rng.normal(size=time.size)) for k, v in whole.items()}
    classes = np.tile([0.0, 0.0, 1.0, 3.0], time.size // 4)
    made |= {"NEE_VUT_REF_QC": ("time", classes), "LE_F_MDS_QC": ("time", classes)}
    made["NEE_CHECK"] = (
        "time",
        np.zeros(time.size, np.int8),
        {"flag_values": np.int8([0]), "flag_meanings": "none"},
    )
    made["NEE_VUT"] = (("percentile", "time"), np.ones((2, time.size)))
    ds = xr.Dataset(made, {"time": time, "percentile": [16, 84]}, PLACE | {"findings": ["NEE: 3 spikes."]})
    return aggregate.joint(ds)


@pytest.fixture
def spring(record) -> xr.Dataset:
    """Its first sixty days."""
    return record.isel(time=slice(0, 60 * 48))


@pytest.mark.parametrize("half_hours", [False, True])
@pytest.mark.parametrize("gpp", ["night", "day"])
def test_a_case_opens_what_is_written(spring, tmp_path, half_hours, gpp):
    products.write_tables(spring, tmp_path)
    ds = Fluxnet(tmp_path, gpp=gpp, half_hours=half_hours).open().sel(site="DE-Tst")
    assert {"tas", "rsds", "vpd", "pr", "ps", "co2", "nee", "gpp", "reco", "evspsbl", "nee_sd"} <= set(
        ds.data_vars
    )
    assert ds.sizes["time"] == 60
    name = {"night": "GPP_NT_VUT_REF", "day": "GPP_DT_VUT_REF"}[gpp]
    expected = spring[name].values.reshape(60, 48).mean(axis=1) * 12.011e-9
    np.testing.assert_allclose(
        ds["gpp"], expected, rtol=1e-4
    )  # 12.0107 in tables of days, 12.011 in the reader
    np.testing.assert_allclose(
        ds["tas"], spring["TA_F"].values.reshape(60, 48).mean(axis=1) + 273.15, rtol=1e-7
    )
    np.testing.assert_allclose(ds["pr"], spring["P_F"].values.reshape(60, 48).sum(axis=1) / 86400, rtol=1e-5)


def test_the_reader_keeps_days_by_the_quality_we_write(spring, tmp_path):
    spring["NEE_VUT_REF_QC"].values[: 48 * 10] = 3.0
    products.write_tables(spring, tmp_path)
    nee = Fluxnet(tmp_path, measured=0.5).open(["nee"])["nee"].values[:, 0]
    assert np.isnan(nee[:10]).all() and np.isfinite(nee[10:]).all()


def test_stamps_and_missing_values(record, tmp_path):
    record["TA_F"].values[0] = np.nan
    paths = products.write_tables(record, tmp_path)
    assert [p.name for p in paths.values()] == [
        f"DE-Tst_FLUXNET_{m}_2000-2001.csv" for m in ("HH", "DD", "WW", "MM", "YY")
    ]
    text = {mark: pd.read_csv(path, dtype=str) for mark, path in paths.items()}
    assert text["HH"].iloc[0, :2].tolist() == ["200001010000", "200001010030"]
    assert text["HH"].iloc[-1, :2].tolist() == ["200112312330", "200201010000"]
    assert text["HH"]["TA_F"][0] == "-9999"
    assert text["DD"]["TIMESTAMP"].iloc[[0, -1]].tolist() == ["20000101", "20011231"]
    assert text["WW"].iloc[[0, 51, 52, 103], 1].tolist() == ["20000107", "20001231", "20010107", "20011231"]
    assert text["MM"]["TIMESTAMP"].iloc[[0, -1]].tolist() == ["200001", "200112"]
    assert text["YY"]["TIMESTAMP"].tolist() == ["2000", "2001"]
    assert not {"NEE_RAW", "NEE_CHECK", "NEE_VUT", "percentile"} & set(text["HH"])


def test_quality_of_half_hours_is_written_as_a_class(spring, tmp_path):
    path = products.write_table(spring, tmp_path)
    assert set(pd.read_csv(path, dtype=str)["NEE_VUT_REF_QC"]) == {"0", "1", "3"}


def test_hourly_records_bear_their_own_mark(record):
    assert products.mark(record.isel(time=slice(None, None, 2))) == "HR"
    with pytest.raises(DataError, match="coarsened"):
        products.mark(record.isel(time=slice(None, None, 3)))


def test_a_nameless_spring_says_so(spring, tmp_path):
    spring.attrs.pop("site")
    with pytest.raises(DataError, match="does not say its site"):
        products.write_table(spring, tmp_path)
    assert products.write_table(spring, tmp_path, "US-Tst").name.startswith("US-Tst_FLUXNET_HH")


@pytest.mark.parametrize("span", ["HH", "DD", "WW", "MM", "YY"])
def test_cf_rates_are_the_same_at_every_length(record, span):
    daily = aggregate.days(record)
    one = {
        "HH": record,
        "DD": daily,
        "WW": aggregate.weeks(daily),
        "MM": aggregate.months(daily),
        "YY": aggregate.years(daily),
    }
    made = products.cf(one[span])
    seconds = np.diff(made["time_bounds"], axis=1)[:, 0] / np.timedelta64(1, "s")
    assert seconds.sum() == 731 * 86400
    mean = {
        n: float((made[n] * seconds).sum() / seconds.sum()) for n in ("gpp_night", "pr", "tas", "ps", "vpd")
    }
    assert mean["gpp_night"] == pytest.approx(float(record["GPP_NT_VUT_REF"].mean()) * 12.0107e-9, rel=1e-9)
    assert mean["pr"] == pytest.approx(float(record["P_F"].mean()) / 1800, rel=1e-9)
    assert mean["tas"] == pytest.approx(float(record["TA_F"].mean()) + 273.15, rel=1e-9)
    assert mean["ps"] == pytest.approx(float(record["PA_F"].mean()) * 1000, rel=1e-9)


def test_cf_names_units_and_provenance(record):
    made = products.cf(record, {"references": "Pastorello et al. 2020", "source": "eddy covariance"})
    for name, row in (
        ("nee", "nee"),
        ("gpp_day", "gpp"),
        ("reco_night", "reco"),
        ("rsds", "rsds"),
        ("tas", "tas"),
    ):
        assert made[name].attrs["units"] == quantity(row).unit
    assert made["tas"].attrs["standard_name"] == "air_temperature"
    assert made["hfls"].attrs["standard_name"] == "surface_upward_latent_heat_flux"
    assert "to the atmosphere" in made["nee"].attrs["comment"]
    assert made["nee"].attrs["ancillary_variables"].split() == [
        "NEE_VUT_REF_QC",
        "nee_random_error",
        "nee_joint_error",
    ]
    assert made.attrs["comment"] == "NEE: 3 spikes." and made.attrs["source"] == "eddy covariance"
    assert made["NEE_VUT_REF_QC"].attrs["flag_meanings"].split()[0] == "measured"
    for name in made.data_vars:
        if "units" in made[name].attrs:
            parse(made[name].attrs["units"].replace("gC", "g"))
    assert made["time"].values[0] == np.datetime64("1999-12-31T23:00")  # UTC


def test_netcdf_and_zarr_read_back(spring, tmp_path):
    paths = products.write_netcdf(spring, tmp_path / "a.nc"), products.write_zarr(spring, tmp_path / "a.zarr")
    made = products.cf(spring)
    with xr.open_dataset(paths[0]) as nc, xr.open_zarr(paths[1], consolidated=False) as zarr:
        for back in (nc, zarr):
            np.testing.assert_array_equal(back["nee"], made["nee"])
            np.testing.assert_array_equal(back["time"], made["time"])
            assert back["NEE_VUT"].dims == ("percentile", "time")
            assert back.attrs["Conventions"] == "CF-1.11"


def test_a_placeless_record_has_no_cf_dataset(record):
    record.attrs.pop("utc_offset")
    with pytest.raises(DataError, match="utc_offset"):
        products.cf(record)


def test_official_half_hours_come_back_as_official_days(data, tmp_path):
    """FLUXNET2015's half-hours of DE-Tha through our tables are what the reader makes of FLUXNET2015's own days."""
    folder = data / "flux/fluxnet2015"
    if not (folder / "DE-Tha_hh_utc.parquet").exists():
        pytest.skip("no half-hours here")
    hh = pd.read_parquet(folder / "DE-Tha_hh_utc.parquet")
    hh.index += pd.Timedelta("30min")
    hh = hh.loc["1998"]
    names = {
        "NEE_VUT_REF": "nee",
        "GPP_NT_VUT_REF": "gpp_nt",
        "TA_F": "ta",
        "SW_IN_F": "sw_in",
        "VPD_F": "vpd",
    }
    made = {ours: ("time", hh[theirs].to_numpy(float)) for ours, theirs in names.items()}
    ds = xr.Dataset(made, {"time": hh.index.values.astype("datetime64[ns]")}, PLACE | {"site": "DE-Tha"})
    products.write_table(aggregate.days(ds), tmp_path)
    ours = Fluxnet(tmp_path).open()
    theirs = Fluxnet(folder).open(sites=["DE-Tha"]).sel(time=ours["time"])
    for name, tolerance in (("nee", 1.5e-3), ("gpp", 1.5e-3)):  # g C m-2 d-1, of their rounding
        np.testing.assert_allclose(ours[name], theirs[name], atol=tolerance * 1e-3 / 86400)
    np.testing.assert_allclose(ours["tas"], theirs["tas"], atol=1e-3)
