"""Daily site drivers: units, calendars, sites of different years."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landsink.core.errors import DataError, UnknownName
from landsink.core.quantity import quantity
from landsink.sources import Drivers
from landsink.sources.drivers import COLUMNS

GRAM = 1e-3 / 86400


@pytest.fixture
def tharandt(data) -> xr.Dataset:
    return Drivers(data / Drivers.path).open(sites=["DE-Tha"])


def site_file(folder, site: str, first: str, days: int, shift: int = 0) -> None:
    """A small driver file whose values are all 1, except for the calendar."""
    dates = pd.date_range(first, periods=days)
    columns = {c.theirs: ("time", np.ones(days)) for c in COLUMNS}
    columns["DOY"] = ("time", dates.day_of_year.to_numpy(float))
    columns["NBE"] = ("time", np.where(np.arange(days) == 1, -9999.0, 1.0))
    offsets = (dates - pd.Timestamp("2001-01-01")).days.to_numpy() + shift
    xr.Dataset(columns, {"time": ("time", offsets)}).to_netcdf(folder / f"{site}.nc")


@pytest.fixture
def folder(tmp_path):
    rows = [
        "SITE_ID,lon,lat,IGBP,start_year",
        "AA-One,1,50,ENF,2001",
        "BB-Two,2,60,GRA,2003",
        "CC-Not,3,61,GRA,2003",
    ]
    (tmp_path / "site_coords.csv").write_text("\n".join(rows))
    site_file(tmp_path, "AA-One", "2001-01-01", 5)
    site_file(tmp_path, "BB-Two", "2003-01-01", 3)
    return tmp_path


def test_first_day_at_tharandt_by_hand(tharandt):
    day = tharandt.isel(time=0, site=0)
    assert day.time.values == np.datetime64("2008-01-01") == day.date.values
    # T2M_MIN -3.669, T2M_MAX -0.381 degC; SSRD 1.103328 MJ; VPD 0.654 hPa; rain 1.8 mm; PA 98.052 kPa
    expected = {
        "tasmin": 269.481,
        "tasmax": 272.769,
        "tas": 271.125,
        "rsds": 12.77,
        "vpd": 65.4,
        "pr": 1.8 / 86400,
        "ps": 98052.0,
        "co2": 399.97995e-6,
        "gpp": 0.336831 * GRAM,
        "nee": 0.432713 * GRAM,
        "nee_sd": 0.145341 * GRAM,
        "reco": 0.774918 * GRAM,
        "evspsbl": 0.0774617 / 86400,
        "lai": 0.70332634,
    }
    for name, value in expected.items():
        assert float(day[name]) == pytest.approx(value, rel=2e-6), name
    assert float(day.lat) == pytest.approx(50.96256) and float(day.lon) == pytest.approx(13.56515)


def test_tharandt_takes_up_carbon_and_its_dates_are_its_own(tharandt):
    assert -700 < float(tharandt["nee"].mean()) * 86400 * 365e3 < -300
    assert tharandt.sizes == {"time": 3288, "site": 1}
    assert (tharandt["date"].isel(site=0) == tharandt["time"]).all()
    assert (tharandt["dayOfYear"].isel(site=0) == tharandt["time"].dt.dayofyear).all()
    assert int(tharandt["gpp"].isnull().sum()) == 105


def test_units_are_the_vocabularys(tharandt):
    for name in Drivers.gives:
        assert tharandt[name].attrs["units"] == quantity(name).unit
        assert tharandt[name].dims == ("time", "site")


def test_all_real_sites_keep_their_own_years(data):
    ds = Drivers(data / Drivers.path).open(["tas", "nee"])
    assert ds.sizes["site"] == 11 and ds.sizes["time"] == 3288
    first = dict(zip(ds.site.values, ds.date.isel(time=0).dt.year.values, strict=True))
    assert first["DE-Hai"] == 2001 and first["AU-Dry"] == 2011 and first["DE-Tha"] == 2008
    assert list(ds.data_vars) == ["tas", "nee", "nee_sd"]
    assert int(ds["date"].isnull().sum()) == int(ds["tas"].isnull().sum()) == 13


def test_missing_marks_become_nan_and_nothing_else(folder):
    nee = Drivers(folder).open(sites=["AA-One"])["nee"].values[:, 0]
    assert np.isnan(nee[1]) and np.isfinite(nee[[0, 2, 3, 4]]).all()


def test_sites_of_unequal_length_are_padded_or_trimmed(folder):
    long = Drivers(folder).open()
    assert long.sizes["time"] == 5 and np.isnan(long["tas"].values[3:, 1]).all()
    assert np.isnat(long["date"].values[3:, 1]).all()
    assert long["date"].values[0, 1] == np.datetime64("2003-01-01")
    short = Drivers(folder, length="shortest").open()
    assert short.sizes["time"] == 3 and np.isfinite(short["tas"]).all()
    with pytest.raises(UnknownName, match="Near: shortest"):
        Drivers(folder, length="short").open()


def test_inputs_are_the_table_and_the_sites(folder):
    assert [path.name for path in Drivers(folder).inputs()] == ["site_coords.csv", "AA-One.nc", "BB-Two.nc"]


def test_a_site_without_a_file_is_unknown_and_its_neighbours_are_named(folder):
    with pytest.raises(UnknownName, match="AA-One"):
        Drivers(folder).open(sites=["AA-Onne"])
    with pytest.raises(UnknownName, match="CC-Not"):
        Drivers(folder).open(sites=["CC-Not"])


def test_an_unknown_name_is_told_with_what_is_near(folder):
    with pytest.raises(UnknownName, match="gpp"):
        Drivers(folder).open(["gppp"])


@pytest.mark.parametrize(("shift", "message"), [(1, "begins on 2003-01-02"), (365, "begins on 2004-01-01")])
def test_a_shifted_calendar_is_refused(folder, shift, message):
    site_file(folder, "BB-Two", "2003-01-01", 3, shift)
    with pytest.raises(DataError, match=message):
        Drivers(folder).open()


def test_a_folder_without_its_table_is_told(tmp_path):
    with pytest.raises(DataError, match="LANDSINK_DATA"):
        Drivers(tmp_path).open()


def processed(folder, nee: float) -> None:
    """A FLUXNET table of three days of AA-One, the first without NEE."""
    rows = "TIMESTAMP,TA_F,NEE_VUT_REF,NEE_VUT_REF_RANDUNC,GPP_NT_VUT_REF\n"
    days = [f"200101{d:02d},5,{-9999 if d == 1 else nee},0.2,3" for d in (1, 2, 3)]
    (folder / "AA-One_FLUXNET_DD_2001-2001.csv").write_text(rows + "\n".join(days) + "\n")


def test_fluxes_of_other_tables_take_the_place_of_the_files(folder, tmp_path_factory):
    own = tmp_path_factory.mktemp("own")
    processed(own, -2.0)
    plain = Drivers(folder).open(sites=["AA-One"]).isel(site=0)
    ds = Drivers(folder, fluxes=str(own)).open(sites=["AA-One"]).isel(site=0)
    nan = np.nan
    np.testing.assert_allclose(ds["nee"], np.array([nan, -2, -2, nan, nan]) * GRAM)
    np.testing.assert_allclose(ds["nee_sd"], np.array([0.2, 0.2, 0.2, nan, nan]) * GRAM)
    np.testing.assert_allclose(ds["gpp"], np.array([3, 3, 3, nan, nan]) * GRAM)
    assert np.isnan(ds["gpp_sd"]).all()  # the tables have none, and the file's belongs to another product
    for name in ("tas", "pr", "evspsbl", "lai"):
        np.testing.assert_array_equal(ds[name], plain[name])
    assert "nee, gpp" in ds.attrs["comment"]
    assert own / "AA-One_FLUXNET_DD_2001-2001.csv" in Drivers(folder, fluxes=str(own)).inputs()


def test_tables_of_other_years_are_refused(folder, tmp_path_factory):
    own = tmp_path_factory.mktemp("own")
    processed(own, -2.0)
    path = own / "AA-One_FLUXNET_DD_2001-2001.csv"
    path.write_text(path.read_text().replace("200101", "199901"))
    with pytest.raises(DataError, match="2001-01-01 to 2001-01-05"):
        Drivers(folder, fluxes=str(own)).open(sites=["AA-One"])
