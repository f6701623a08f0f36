"""FLUXNET tables: units, gaps, days from half hours, archives, the parquet edition."""

import zipfile

import numpy as np
import pandas as pd
import pytest

from landsink.core.errors import DataError, UnknownName
from landsink.core.quantity import quantity
from landsink.sources import Fluxnet

GRAM = 1e-3 / 86400
DAILY = "FLX_DE-Tst_FLUXNET2015_SUBSET_DD_2001-2001_1-4.csv"
HALF = "FLX_DE-Tst_FLUXNET2015_FULLSET_HH_2001-2001_1-4.csv"


def daily_table(**changed) -> pd.DataFrame:
    columns = {
        "TIMESTAMP": [20010101, 20010102, 20010104],
        "TA_F": [10.0, -9999, 20.0],
        "SW_IN_F": [100.0, 100.0, 100.0],
        "VPD_F": [5.0, 5.0, 5.0],
        "P_F": [8.64, 0.0, 0.0],
        "PA_F": [98.0, 98.0, 98.0],
        "CO2_F_MDS": [370.0, 370.0, -9999],
        "NEE_VUT_REF": [-2.0, 1.0, -9999],
        "NEE_VUT_REF_QC": [1.0, 0.2, 0.0],
        "NEE_VUT_REF_JOINTUNC": [0.5, 0.4, -9999],
        "GPP_NT_VUT_REF": [3.0, 1.0, 2.0],
        "GPP_DT_VUT_REF": [3.5, 1.5, 2.5],
        "GPP_NT_VUT_16": [2.5, 0.5, 1.5],
        "GPP_NT_VUT_84": [3.5, 1.5, 2.5],
        "RECO_NT_VUT_REF": [1.0, 2.0, 1.0],
        "LE_F_MDS": [247.739, 100.0, -9999],
        "LE_F_MDS_QC": [1.0, 0.6, 0.0],
    }
    return pd.DataFrame(columns | changed)


@pytest.fixture
def daily(tmp_path) -> Fluxnet:
    daily_table().to_csv(tmp_path / DAILY, index=False, encoding="utf-8-sig")  # with a byte-order mark
    return Fluxnet(tmp_path)


def half_hours(days: int) -> pd.DataFrame:
    start = pd.date_range("2001-01-01", periods=48 * days, freq="30min")
    stamps = {
        "TIMESTAMP_START": start.strftime("%Y%m%d%H%M"),
        "TIMESTAMP_END": (start + pd.Timedelta("30min")).strftime("%Y%m%d%H%M"),
    }
    hour = np.asarray(start.hour + start.minute / 60)
    columns = {
        "TA_F": 10 + 5 * np.sin(2 * np.pi * (hour - 9) / 24),
        "P_F": np.full(len(start), 0.5),
        "NEE_VUT_REF": np.full(len(start), -1.0),
        "NEE_VUT_REF_QC": np.where(np.arange(len(start)) % 4 == 0, 3, 0),
        "NEE_VUT_REF_RANDUNC": np.full(len(start), 0.48),
    }
    return pd.DataFrame(stamps | columns)


def test_daily_units_by_hand(daily):
    ds = daily.open()
    day = ds.isel(time=0, site=0)
    assert ds.site.values.tolist() == ["DE-Tst"] and day.time.values == np.datetime64("2001-01-01")
    expected = {
        "tas": 283.15,
        "rsds": 100.0,
        "vpd": 500.0,
        "pr": 1e-4,
        "ps": 98000.0,
        "co2": 370e-6,
        "nee": -2 * GRAM,
        "nee_sd": 0.5 * GRAM,
        "gpp": 3 * GRAM,
        "gpp_sd": 0.5 * GRAM,
        "reco": GRAM,
        # 2.501e6 - 2361 * 10 = 2477390 J kg-1
        "evspsbl": 1e-4,
    }
    for name, value in expected.items():
        assert float(day[name]) == pytest.approx(value, rel=1e-9), name
        assert ds[name].attrs["units"] == quantity(name.removesuffix("_sd")).unit


def test_missing_marks_and_missing_days_are_nan(daily):
    ds = daily.open().isel(site=0)
    assert ds.sizes["time"] == 4
    assert np.isnan(ds["tas"].values[1]) and np.isnan(ds["evspsbl"].values[1])
    assert np.isnan(ds["nee"].values[[2, 3]]).all() and np.isnan(ds["tas"].values[2])
    assert "lat" not in ds.coords


def test_daytime_partitioning_and_measured_share(daily):
    assert float(Fluxnet(daily.root, gpp="day").open(["gpp"])["gpp"][0, 0]) == pytest.approx(3.5 * GRAM)
    strict = Fluxnet(daily.root, measured=0.5).open(["nee", "tas"]).isel(site=0)
    assert np.isfinite(strict["nee"].values[0]) and np.isnan(strict["nee"].values[1])
    assert np.isnan(strict["nee_sd"].values[1])


def test_a_measured_share_needs_flags(tmp_path):
    daily_table().drop(columns="LE_F_MDS_QC").to_csv(tmp_path / DAILY, index=False)
    with pytest.raises(DataError, match="no quality flag for evspsbl"):
        Fluxnet(tmp_path, measured=0.5).open()


def test_coordinates_come_from_the_case_or_from_a_table(daily):
    ds = Fluxnet(daily.root, coordinates={"DE-Tst": (50.0, 13.0)}).open()
    assert float(ds.lat[0]) == 50.0 and ds.lat.attrs["units"] == "degrees_north"
    (daily.root / "sites.csv").write_text("site,lat,lon\nDE-Tst,51.0,14.0\n")
    assert float(daily.open().lon[0]) == 14.0


def test_a_missing_column_is_told_when_asked_for(tmp_path):
    daily_table().drop(columns="NEE_VUT_REF").to_csv(tmp_path / DAILY, index=False)
    assert "nee" not in Fluxnet(tmp_path).open()
    with pytest.raises(DataError, match="no column for nee"):
        Fluxnet(tmp_path).open(["nee"])


def test_daily_tables_have_no_extremes(daily):
    with pytest.raises(DataError, match="half hours"):
        daily.open(["tasmin"])


def test_text_among_the_numbers_is_told(tmp_path):
    daily_table(TA_F=[10.0, "ten", 20.0]).to_csv(tmp_path / DAILY, index=False)
    with pytest.raises(DataError, match="TA_F holds 'ten'"):
        Fluxnet(tmp_path).open()


@pytest.mark.parametrize("stamps", [[20010101, 20010101, 20010102], [20010103, 20010102, 20010104]])
def test_repeated_or_reversed_stamps_are_refused(tmp_path, stamps):
    daily_table(TIMESTAMP=stamps).to_csv(tmp_path / DAILY, index=False)
    with pytest.raises(DataError, match="repeat or run backward"):
        Fluxnet(tmp_path).open()


def test_a_stamp_that_is_no_date_is_told(tmp_path):
    daily_table(TIMESTAMP=[20010101, 20011302, 20010104]).to_csv(tmp_path / DAILY, index=False)
    with pytest.raises(DataError, match="20011302"):
        Fluxnet(tmp_path).open()


def test_a_semicolon_table_is_told(tmp_path):
    daily_table().to_csv(tmp_path / DAILY, index=False, sep=";")
    with pytest.raises(DataError, match="comma"):
        Fluxnet(tmp_path).open()


def test_days_from_half_hours(tmp_path):
    half_hours(2).to_csv(tmp_path / HALF, index=False)
    ds = Fluxnet(tmp_path).open().isel(site=0)
    assert ds.sizes["time"] == 2
    assert float(ds["nee"][0]) == pytest.approx(-12.011e-9)
    # 48 independent errors of 0.48 leave 0.48 / sqrt(48)
    assert float(ds["nee_sd"][0]) == pytest.approx(0.48 / np.sqrt(48) * 12.011e-9)
    assert float(ds["pr"][0]) == pytest.approx(0.5 / 1800)
    assert float(ds["tas"][0]) == pytest.approx(283.15)
    assert float(ds["tasmin"][0]) == pytest.approx(278.15) and float(ds["tasmax"][0]) == pytest.approx(288.15)


def test_a_day_needs_its_share_of_half_hours(tmp_path):
    table = half_hours(2)
    table.loc[:8, "NEE_VUT_REF"] = -9999  # 9 of 48: 81 % remain
    table.loc[48:57, "NEE_VUT_REF"] = -9999  # 10 of 48: 79 % remain
    table.to_csv(tmp_path / HALF, index=False)
    nee = Fluxnet(tmp_path).open(["nee"])["nee"].values[:, 0]
    assert np.isfinite(nee[0]) and np.isnan(nee[1])
    assert np.isnan(Fluxnet(tmp_path, measured=0.8).open(["nee"])["nee"].values).all()  # 75 % measured
    assert np.isfinite(Fluxnet(tmp_path, measured=0.7).open(["nee"])["nee"].values[0, 0])


def test_daily_tables_come_before_half_hourly_ones_unless_asked(tmp_path):
    daily_table().to_csv(tmp_path / DAILY, index=False)
    half_hours(2).to_csv(tmp_path / HALF, index=False)
    assert Fluxnet(tmp_path).open().sizes["time"] == 4
    assert Fluxnet(tmp_path, half_hours=True).open().sizes["time"] == 2


def test_an_archive_with_its_place(tmp_path):
    info = "SITE_ID,GROUP_ID,VARIABLE,DATAVALUE\nBE-Tst,1,LOCATION_LAT,51.3\nBE-Tst,1,LOCATION_LONG,4.52\n"
    with zipfile.ZipFile(tmp_path / "ICOSETC_BE-Tst_ARCHIVE_L2.zip", "w") as archive:
        archive.writestr("ICOSETC_BE-Tst_FLUXNET_DD_L2.csv", daily_table().to_csv(index=False))
        archive.writestr("ICOSETC_BE-Tst_FLUXNET_DD_VARINFO_L2.csv", "a,b\n1,2\n")
        archive.writestr("ICOSETC_BE-Tst_SITEINFO_L2.csv", info)
    source = Fluxnet(tmp_path / "ICOSETC_BE-Tst_ARCHIVE_L2.zip")
    ds = source.open()
    assert ds.site.values.tolist() == ["BE-Tst"] and float(ds.lat[0]) == pytest.approx(51.3)
    assert [path.name for path in source.inputs()] == ["ICOSETC_BE-Tst_ARCHIVE_L2.zip"]


def test_a_broken_archive_and_an_empty_folder_are_told(tmp_path):
    with pytest.raises(DataError, match="no FLUXNET table"):
        Fluxnet(tmp_path).open()
    (tmp_path / "FLX_DE-Tst_X_DD_1.zip").write_text("no archive")
    with pytest.raises(DataError, match="not a zip"):
        Fluxnet(tmp_path).open()


def test_unknown_sites_and_absent_roots_are_told(daily, tmp_path):
    with pytest.raises(UnknownName, match="DE-Tst"):
        daily.open(sites=["DE-Tsr"])
    with pytest.raises(UnknownName, match="night, day"):
        Fluxnet(daily.root, gpp="noon").open()
    with pytest.raises(DataError, match="nothing at"):
        Fluxnet(tmp_path / "nowhere").open()


def test_real_parquet_days_by_hand(data):
    source = Fluxnet(data / Fluxnet.path)
    ds = source.open(sites=["DE-Tha"]).isel(site=0)
    day = ds.sel(time="2003-08-10")
    assert float(day["nee"]) == pytest.approx(-0.27 * GRAM, rel=1e-3)
    assert float(day["rsds"]) == pytest.approx(289.67, abs=0.01)
    assert float(day["vpd"]) == pytest.approx(1826.4, abs=0.1)
    assert ds.sizes["time"] == 6940 and float(ds.lat) == pytest.approx(50.963, abs=2e-3)
    assert [path.name for path in source.inputs()] == ["daily.parquet", "sites.csv"]


def test_real_half_hours_in_utc_give_the_same_local_days(data):
    root = data / Fluxnet.path
    daily = Fluxnet(root).open(sites=["DE-Tha"]).isel(site=0)
    made = Fluxnet(root, half_hours=True).open(sites=["DE-Tha"]).isel(site=0)
    for name in ("nee", "gpp", "tas", "rsds", "vpd"):
        difference = np.abs(made[name] - daily[name]).max() / np.abs(daily[name]).max()
        assert float(difference) < 1e-4, name
    assert float(made["tasmax"].max()) == pytest.approx(36.3006 + 273.15, abs=1e-3)
    with pytest.raises(UnknownName, match="CH-Dav"):
        Fluxnet(root, half_hours=True).open(sites=["CH-Dvv"])


def test_real_icos_table(data):
    name = "exampledata_FLUXNET-FULLSET-HH-CSV-30MIN_FLX_CH-Cha_FLUXNET2015_FULLSET_HH_2005-2020_beta-3.csv"
    source = Fluxnet(data / "flux/icos_format_samples" / name, coordinates={"CH-Cha": (47.2102, 8.4104)})
    ds = source.open().isel(site=0)
    assert str(ds.time.values[0])[:10] == "2005-01-01"
    assert np.isfinite(ds["tas"].values[:2]).all() and np.isnan(ds["tas"].values[2])
    assert 270 < float(ds["tas"][0]) < 285 and float(ds["pr"][0]) > 0
