"""A generated Europe: same seed same world, seasons and trends as said, months that are means of days."""

import time

import numpy as np
import pytest

from landsink.core.errors import DataError, LandsinkError, UnknownName
from landsink.core.quantity import quantity
from landsink.sources import VirtualEurope
from landsink.sources.coastline import is_land
from landsink.sources.weather import co2, correlation_root, persist, sunlight

COARSE = 4.0


@pytest.fixture(scope="module")
def months():
    return VirtualEurope(step="month").open()


def test_thirty_years_of_months_within_time_and_spans(months):
    began = time.perf_counter()
    again = VirtualEurope(step="month").open()
    assert time.perf_counter() - began < 30  # 2.5 s on a quiet core
    assert again.identical(months)
    assert months.sizes["time"] == 360 and 220 < months.sizes["cell"] < 340
    for name in VirtualEurope.gives:
        low, high = quantity(name).span
        values = months[name].values
        assert np.isfinite(values).all() and low <= values.min() and values.max() <= high, name
        assert months[name].attrs["units"] == quantity(name).unit


def test_it_says_everywhere_that_it_is_generated(months):
    assert VirtualEurope.generated
    assert "GENERATED" in months.attrs["title"] and "GENERATED" in months.attrs["comment"]
    assert all("GENERATED" in months[name].attrs["comment"] for name in months.data_vars)
    assert VirtualEurope().inputs() == []


def test_climate_has_latitude_continent_seasons_and_warming(months):
    tas = months["tas"]
    mean = tas.mean("time")
    assert np.corrcoef(mean, months.lat)[0, 1] < -0.8
    swing = tas.groupby("time.month").mean()
    swing = swing.sel(month=7) - swing.sel(month=1)
    assert np.corrcoef(swing, months.lon)[0, 1] > 0.8 and float(swing.min()) > 5
    years = tas.mean("cell").resample(time="YS").mean().values
    trend = np.polyfit(np.arange(years.size), years, 1)[0] * 10
    assert 0.2 < trend < 0.5
    rain = months["pr"].groupby("time.month").mean()
    south = months.lat < 40
    assert float(rain.sel(month=7)[south].mean()) < 0.6 * float(rain.sel(month=1)[south].mean())


def test_carbon_dioxide_follows_the_observed_years(months):
    yearly = months["co2"].mean("cell").resample(time="YS").mean().values * 1e6
    assert yearly[0] == pytest.approx(355.40, abs=0.5) and yearly[-1] == pytest.approx(412.44, abs=0.5)


def test_months_are_means_of_the_same_days():
    world = VirtualEurope(resolution_degrees=COARSE, first_year=2004, last_year=2005)
    days = world.open(["tas", "pr"])
    monthly = VirtualEurope(resolution_degrees=COARSE, first_year=2004, last_year=2005, step="month").open(
        ["tas", "pr"]
    )
    assert days.sizes["time"] == 731 and monthly.sizes["time"] == 24
    for name in ("tas", "pr"):
        assert np.allclose(days[name].resample(time="MS").mean(), monthly[name], rtol=1e-12)


def test_later_years_leave_earlier_ones_untouched():
    short = VirtualEurope(resolution_degrees=COARSE, first_year=2001, last_year=2002).open(["tas", "pr"])
    long = VirtualEurope(resolution_degrees=COARSE, first_year=2001, last_year=2003).open(["tas", "pr"])
    assert short.identical(long.isel(time=slice(0, 730)))


def test_seeds_differ_and_cells_are_picked():
    one, two = (
        VirtualEurope(seed=s, resolution_degrees=COARSE, first_year=2000, last_year=2000) for s in (1, 2)
    )
    assert not np.allclose(one.open(["tas"])["tas"], two.open(["tas"])["tas"])
    picked = one.open(["tas"], sites=["5", "2"])
    assert picked.cell.values.tolist() == [5, 2]
    assert (picked["tas"] == one.open(["tas"]).sel(cell=[5, 2])["tas"]).all()


def test_days_are_in_order_and_weather_reaches_its_neighbours():
    ds = VirtualEurope(first_year=2000, last_year=2001).open(["tas", "tasmin", "tasmax", "vpd", "pr", "rsds"])
    assert (ds["tasmin"] < ds["tas"]).all() and (ds["tas"] < ds["tasmax"]).all() and (ds["vpd"] > 0).all()
    wet = (ds["pr"] > 0).mean("time")
    assert float(wet.min()) > 0.03 and float(wet.max()) < 0.7
    anomaly = (ds["tas"] - ds["tas"].groupby("time.month").mean().sel(month=ds.time.dt.month)).values
    near = np.corrcoef(anomaly[:, 100], anomaly[:, 101])[0, 1]
    far = np.corrcoef(anomaly[:, 0], anomaly[:, -1])[0, 1]
    assert near > 0.75 and abs(far) < 0.4
    assert np.corrcoef(anomaly[:-1, 100], anomaly[1:, 100])[0, 1] > 0.6


def test_towers_cover_the_land_covers():
    world = VirtualEurope()
    towers = world.towers(12)
    assert len(set(towers)) == 12 and towers == VirtualEurope().towers(12)
    assert set(world.pft[towers]) == {"ENF", "DBF", "MF", "GRA", "CRO", "SHR"}
    assert sorted(world.towers(world.pft.size)) == list(range(world.pft.size))
    with pytest.raises(DataError, match="number of cells"):
        world.towers(10_000)


def test_truth_hangs_on_name_and_group_alone():
    world = VirtualEurope()
    all_ = world.truth(["a", "b", "c"], ["ENF", "GRA"])
    assert all_.shape == (3, 2)
    assert world.truth(["c"], ["GRA", "ENF"])[0].tolist() == all_[2, ::-1].tolist()
    assert not np.allclose(VirtualEurope(seed=1).truth(["a", "b", "c"], ["ENF", "GRA"]), all_)
    many = world.truth([f"p{i}" for i in range(200)], ["x", "y"])
    assert abs(many.mean()) < 0.15 and 0.9 < many.std() < 1.1
    assert world.truth([], ["x"]).shape == (0, 1)


def test_errors_are_stated_and_can_be_set():
    assert set(VirtualEurope().errors) == {"nee", "gpp", "evspsbl", "lai", "cVegAbove"}
    assert VirtualEurope(errors={"lai": (0.1, 0.2)}).errors["lai"] == (0.1, 0.2)
    assert hash(VirtualEurope()) == hash(VirtualEurope())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"first_year": 1950}, "carbon dioxide"),
        ({"first_year": 2010, "last_year": 2009}, "In order"),
        ({"step": "week"}, "day, month"),
        ({"resolution_degrees": 20.0}, "Between"),
    ],
)
def test_settings_out_of_reach_are_told(settings, message):
    with pytest.raises(LandsinkError, match=message):
        VirtualEurope(**settings).open()


def test_unknown_names_are_told():
    with pytest.raises(UnknownName, match="tas"):
        VirtualEurope().open(["taz"])


def test_cities_are_on_land_and_seas_are_not():
    cities = [
        (48.9, 2.3),
        (52.5, 13.4),
        (40.4, -3.7),
        (41.9, 12.9),
        (55.75, 37.6),
        (61.5, 24.0),
        (52.5, -1.5),
        (53.3, -7.5),
    ]
    seas = [
        (56.0, 3.0),
        (43.0, 34.0),
        (40.0, 6.0),
        (60.0, -10.0),
        (45.5, -6.0),
        (62.5, 19.3),
        (43.0, 15.2),
        (58.0, 20.0),
    ]
    assert is_land(*np.array(cities).T).all()
    assert not is_land(*np.array(seas).T).any()


def test_sunlight_above_the_atmosphere_by_hand():
    # Equator at the March equinox: 1361 / pi = 433 W m-2 (and the sun 0.2 % nearer in mid March); polar night is dark.
    assert sunlight(np.array([0.0]), np.array([80.0]))[0, 0] == pytest.approx(433.2, rel=0.01)
    assert sunlight(np.array([80.0]), np.array([355.0]))[0, 0] == 0.0
    # FAO 56, example 8: 20 S on 3 September has 32.2 MJ m-2 d-1
    assert sunlight(np.array([-20.0]), np.array([246.0]))[0, 0] * 0.0864 == pytest.approx(32.2, rel=0.01)


def test_noise_has_unit_variance_and_its_memory():
    random = np.random.default_rng(0)
    days = persist(random.standard_normal((20000, 2)), 0.8, random.standard_normal(2))
    assert days.std() == pytest.approx(1.0, abs=0.05)
    assert np.corrcoef(days[:-1, 0], days[1:, 0])[0, 1] == pytest.approx(0.8, abs=0.02)


def test_correlation_falls_with_distance():
    root = correlation_root(np.array([50.0, 50.0, 60.0]), np.array([10.0, 12.0, 10.0]))
    across = root @ root.T
    assert across[0, 0] == pytest.approx(1.0, abs=1e-6)
    # two degrees of longitude at 50 N are 143 km, ten of latitude 1112 km
    assert across[0, 1] == pytest.approx(np.exp(-143 / 900), abs=0.01)
    assert across[0, 2] == pytest.approx(np.exp(-1112 / 900), abs=0.01)


def test_carbon_dioxide_season():
    year = co2(2000, np.arange(1, 367)) * 1e6
    assert year.argmax() < 140 and 8 < np.ptp(year) < 11
