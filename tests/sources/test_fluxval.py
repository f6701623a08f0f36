"""Monthly site fluxes: calibration and withheld halves, the heat of August 2003, regions."""

import numpy as np
import pytest
import xarray as xr

from landsink.core.errors import DataError, UnknownName
from landsink.core.quantity import quantity
from landsink.sources import FluxVal
from landsink.sources.fluxval import CALIBRATION, ERRORS, VALIDATION, WEATHER

GRAM = 1e-3 / 86400


@pytest.fixture
def europe(data) -> xr.Dataset:
    return FluxVal(data / FluxVal.path, region="europe").open()


def small(folder, **columns) -> FluxVal:
    """A file of two sites (one in Europe) and three months, all ones unless told."""
    theirs = {c.theirs: np.ones((2, 3)) for c in (*WEATHER, *CALIBRATION)}
    theirs |= {c.theirs: np.full((2, 3), np.nan) for c in VALIDATION}
    ds = xr.Dataset({name: (("site", "time"), values) for name, values in (theirs | columns).items()})
    ds = ds.assign(lat=("site", [50.0, -10.0]), lon=("site", [10.0, 130.0]), igbp=("site", ["ENF", "SAV"]))
    ds = ds.assign_coords(
        site=["DE-Aaa", "AU-Bbb"], time=("time", [0, 31, 59], {"units": "days since 2001-01-01"})
    )
    ds.to_netcdf(folder / "fluxval_sites_monthly_2001_2016.nc")
    return FluxVal(folder)


def test_tharandt_by_hand(data):
    ds = FluxVal(data / FluxVal.path).open(sites=["DE-Tha"]).isel(site=0)
    august = ds.sel(time="2003-08-01")
    assert float(august["tasmax"]) == pytest.approx(25.704956 + 273.15, abs=1e-5)
    assert float(august["tas"]) == pytest.approx((25.704956 + 16.348696) / 2 + 273.15, abs=1e-5)
    assert float(ds["gpp"][0]) == pytest.approx(0.439438 * GRAM, rel=1e-6)
    assert float(ds["co2"][0]) == pytest.approx(370.59e-6, rel=1e-6)
    assert float(ds["cVeg"].max()) == pytest.approx(8.889643, rel=1e-6)
    assert int(ds["cVeg"].notnull().sum()) == 1
    assert str(ds.igbp.values) == "ENF"


def test_august_2003_was_the_hottest_in_western_europe(europe):
    west = europe["tas"].sel(site=(europe.lon < 12) & (europe.lat > 43) & (europe.lat < 53))
    august = west.sel(time=west.time.dt.month == 8).median("site")
    assert int(august.time[int(august.argmax("time"))].dt.year) == 2003


def test_withheld_months_are_a_half_and_stand_in_the_same_variable(europe):
    for name in ("gpp", "nee", "evspsbl"):
        withheld = europe[f"{name}_withheld"].values
        there = np.isfinite(europe[name].values)
        assert there[withheld].all()
        assert 0.4 < withheld.sum() / there.sum() < 0.6


def test_weather_is_whole_and_units_are_canonical(europe):
    for name in FluxVal.gives:
        assert europe[name].attrs["units"] == quantity(name).unit
    for name in ("tas", "rsds", "pr", "vpd", "co2", "ps", "dayOfYear", "burntFraction"):
        assert np.isfinite(europe[name]).all()
    assert float(europe["pr"].min()) >= 0 and float(europe["rsds"].min()) >= 0
    assert float(europe["burntFraction"].max()) == 0


def test_europe_holds_fifty_sites_and_fewer_with_many_months(data, europe):
    assert europe.sizes == {"time": 192, "site": 50}
    many = FluxVal(data / FluxVal.path, region="europe", least_months=24).open(["gpp"])
    assert 20 < many.sizes["site"] < 50
    assert ((np.isfinite(many["gpp"]) & ~many["gpp_withheld"]).sum("time") >= 24).all()


def test_errors_are_stated_and_can_be_set(tmp_path):
    source = small(tmp_path)
    relative, absolute = ERRORS["gpp"]
    ds = source.open()
    assert float(ds["gpp_sd"][0, 0]) == pytest.approx(np.hypot(relative * GRAM, absolute))
    changed = FluxVal(tmp_path, errors={"nee": (0.0, 2.0 * GRAM)}).open()
    assert float(changed["nee_sd"][0, 0]) == pytest.approx(2.0 * GRAM)
    assert "gpp_sd" not in changed


def test_withheld_values_are_merged(tmp_path):
    gpp, kept = np.full((2, 3), np.nan), np.full((2, 3), np.nan)
    gpp[0, 0], kept[0, 1] = 2.0, 3.0
    ds = small(tmp_path, GPP=gpp, VAL_GPP=kept).open(["gpp"], sites=["DE-Aaa"]).isel(site=0)
    assert ds["gpp"].values[:2] == pytest.approx([2 * GRAM, 3 * GRAM]) and np.isnan(ds["gpp"].values[2])
    assert ds["gpp_withheld"].values.tolist() == [False, True, False]


def test_dust_of_packing_is_swept_but_true_negatives_stay(tmp_path):
    rain = np.ones((2, 3))
    rain[0, 0], rain[0, 1] = -7e-15, -5.0
    pr = small(tmp_path, TOTAL_PREC=rain).open(["pr"])["pr"].values
    assert pr[0, 0] == 0.0 and pr[1, 0] < 0


def test_region_and_sites_are_checked(tmp_path):
    source = small(tmp_path)
    assert FluxVal(tmp_path, region="europe").open().site.values.tolist() == ["DE-Aaa"]
    with pytest.raises(UnknownName, match="DE-Aaa"):
        source.open(sites=["DE-Aab"])
    with pytest.raises(UnknownName):
        FluxVal(tmp_path, region="europe").open(sites=["AU-Bbb"])
    with pytest.raises(UnknownName, match="Near: europe"):
        FluxVal(tmp_path, region="eurpe").open()
    with pytest.raises(UnknownName, match="Near: gpp"):
        FluxVal(tmp_path, errors={"gppp": (0.1, 0.0)}).open()


def test_a_file_of_another_kind_is_told(tmp_path):
    xr.Dataset({"GPP": ("time", [1.0])}).to_netcdf(tmp_path / "fluxval_sites_monthly_2001_2016.nc")
    with pytest.raises(DataError, match="no column for T2M_MIN"):
        FluxVal(tmp_path).open()
