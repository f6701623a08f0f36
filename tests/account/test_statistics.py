"""Regional numbers: they are the weighted means of the members, and their spread is that of the members' means."""

import numpy as np
import pytest
import shapely

from landsink.account import account, box, share
from landsink.account.statistics import lengths
from landsink.core.errors import DataError
from tests.account.grids import LAT, LON, Grid, grid

AREA = share(shapely.Polygon([(-42, -28), (37, -22), (22, 33), (-17, 19)]), LAT, LON)
YEAR = 365.2425 * 86400
MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # of 2003


def test_the_mean_is_that_of_xarray():
    source = grid()
    found = account(source, "x", AREA)
    direct = source.direct(AREA.field() * source.land) * 86400e3
    assert found.unit == "g m-2 d-1"
    assert found.uncertainty == "ensemble"
    assert found.members == 12
    np.testing.assert_allclose(found.value, direct.mean("member"), rtol=1e-10)
    np.testing.assert_allclose(found.sd, direct.std("member", ddof=1), rtol=1e-10)
    days = direct["time"].dt.days_in_month
    period = direct.weighted(days).mean("time")
    assert found.period == pytest.approx((float(period.mean()), float(period.std(ddof=1))), rel=1e-10)
    for year in found.annual:
        part = direct.sel(time=str(year.year))
        mean = part.weighted(part["time"].dt.days_in_month).mean("time")
        assert (year.value, year.sd) == pytest.approx(
            (float(mean.mean()), float(mean.std(ddof=1))), rel=1e-10
        )
    assert [(y.year, y.whole) for y in found.annual] == [(2003, True), (2004, True), (2005, False)]


def test_the_sum_is_the_mean_times_the_land_that_has_a_value():
    source = grid()
    mean, total = account(source, "x", AREA), account(source, "x", AREA, aggregate="sum")
    assert total.unit == "Pg yr-1"
    factor = total.area * YEAR * 1e-12 / 86400e3
    np.testing.assert_allclose(total.value, mean.value * factor, rtol=1e-10)
    assert total.period == pytest.approx((mean.period[0] * factor, mean.period[1] * factor), rel=1e-10)


def test_cells_without_a_value_are_left_out_and_told():
    source = grid()
    land = AREA.field() * source.land
    valued = np.isfinite(source.each[0, 0])
    found = account(source, "x", AREA)
    assert found.coverage == pytest.approx(land[valued].sum() / land.sum(), rel=1e-12)
    assert found.area == pytest.approx(land[valued].sum(), rel=1e-12)
    assert found.coverage < 1
    assert found.cells == len(AREA.cells)


def test_a_value_that_comes_and_goes_weighs_when_it_is_there():
    source = grid()
    source.each[5, :, 3, 5] = np.nan
    found = account(source, "x", AREA)
    direct = source.direct(AREA.field() * source.land) * 86400e3
    np.testing.assert_allclose(found.value, direct.mean("member"), rtol=1e-10)


def test_steps_without_any_value_are_nan_and_no_part_of_the_period():
    source = grid()
    source.each[2] = np.nan
    found = account(source, "x", AREA)
    assert np.isnan(found.value[2])
    assert np.isfinite(found.period).all()
    source.each[:] = np.nan
    assert np.isnan(account(source, "x", AREA).period).all()
    assert account(source, "x", AREA, aggregate="sum").coverage == 0


def test_errors_that_all_cells_share_stay():
    """Members that differ by a factor everywhere: the spread of the mean is the mean of the spreads."""
    base = grid(members=1).each
    source = grid()
    source.each = base * np.linspace(0.7, 1.3, 9)[None, :, None, None]
    exact, bound = account(source, "x", AREA), account(Grid(source.each, source.land, kept=False), "x", AREA)
    np.testing.assert_allclose(exact.sd, bound.sd, rtol=1e-9)
    assert exact.period[1] == pytest.approx(bound.period[1], rel=1e-9)
    assert (bound.uncertainty, bound.members) == ("bound", 0)


@pytest.mark.parametrize("side", [2, 4, 8])
def test_errors_that_no_cells_share_shrink_as_the_root_of_their_number(side):
    draw = np.random.default_rng(side)
    lat, lon = np.linspace(-1, 1, side), np.linspace(-1, 1, side)
    source = Grid(1e-8 * draw.normal(5, 1, (1, 4000, side, side)), np.ones((side, side)))
    found = account(source, "x", share(box(-90, -80, 90, 80), lat, lon))
    assert found.sd[0] == pytest.approx(0.864 / side, rel=0.06)


def test_the_bound_bounds():
    source = grid()
    bound = account(Grid(source.each, source.land, kept=False), "x", AREA)
    exact = account(source, "x", AREA)
    assert (exact.sd <= bound.sd * (1 + 1e-9)).all()
    np.testing.assert_allclose(exact.value, bound.value, rtol=1e-10)


def test_without_uncertainty_none_is_told():
    source = grid(kept=False, told=False)
    found = account(source, "x", AREA)
    assert found.uncertainty == "none"
    assert np.isnan(found.sd).all()
    assert np.isfinite(found.value).all()


def test_a_part_of_the_time():
    source = grid()
    whole, part = account(source, "x", AREA), account(source, "x", AREA, slice(3, 9))
    np.testing.assert_allclose(part.value, whole.value[3:9], rtol=1e-12)
    np.testing.assert_array_equal(part.time, source.time[3:9])


@pytest.mark.parametrize(
    ("unit", "size", "aggregate", "expected"),
    [
        ("kg m-2 s-1", 1.0, "sum", "Pg yr-1"),
        ("kg m-2 s-1", 1e-3, "sum", "Tg yr-1"),
        ("kg m-2 s-1", 1e-9, "sum", "Gg yr-1"),
        ("kg m-2", 1e8, "sum", "Pg"),
        ("kg m-2", 1e8, "mean", "kg m-2"),
        ("K", 1.0, "mean", "K"),
    ],
)
def test_units_are_those_of_people(unit, size, aggregate, expected):
    source = grid(unit=unit)
    source.each = source.each * size
    assert account(source, "x", AREA, aggregate=aggregate).unit == expected


def test_a_small_net_flux_is_told_in_a_small_unit():
    """Seasons of a petagram that all but cancel: the year's number stands in gigagrams, its steps too."""
    season = np.tile([1.0, -1.0], 6)[:, None, None, None]
    flux = 1e12 / 96 / YEAR / 1e11 * (season / np.array(MONTHS)[:, None, None, None] * 30 + 3e-6)
    each = flux * np.array([0.99999, 1.0, 1.00001])[None, :, None, None] * np.ones((12, 3, 8, 12))
    found = account(
        Grid(each, np.full((8, 12), 1e11)), "x", share(box(-60, -40, 60, 40), LAT, LON), aggregate="sum"
    )
    assert found.unit == "Gg yr-1"
    assert found.period[0] == pytest.approx(3.0, rel=1e-6)
    assert found.annual[0].value == pytest.approx(3.0, rel=1e-6)
    assert np.abs(found.value).max() == pytest.approx(1e6, rel=0.1)
    # An error that is large beside the value asks for its own unit.
    wide = each + 1e-9 * np.array([-1.0, 0.0, 1.0])[None, :, None, None]
    sure = account(
        Grid(wide, np.full((8, 12), 1e11)), "x", share(box(-60, -40, 60, 40), LAT, LON), aggregate="sum"
    )
    assert sure.unit == "Pg yr-1"
    assert sure.period[1] > 0.1


def test_one_petagram_is_one_petagram():
    source = Grid(np.full((12, 3, 8, 12), 1e12 / 96 / YEAR / 1e11), np.full((8, 12), 1e11))
    found = account(source, "x", share(box(-60, -40, 60, 40), LAT, LON), aggregate="sum")
    assert (found.period[0], found.unit) == (pytest.approx(1.0, rel=1e-12), "Pg yr-1")
    assert found.period[1] == pytest.approx(0.0, abs=1e-12)


def test_what_has_no_sum_says_so():
    with pytest.raises(DataError, match="no sum"):
        account(grid(unit="K"), "x", AREA, aggregate="sum")
    with pytest.raises(DataError, match="no land"):
        account(grid(), "x", share(box(100, 0, 110, 10), LAT, LON))
    with pytest.raises(DataError, match="no step"):
        account(grid(), "x", AREA, slice(40, 50))
    with pytest.raises(KeyError):
        account(grid(), "x", "FRA")


def test_steps_weigh_as_long_as_they_last():
    months = (np.datetime64("2004-01") + np.arange(3)).astype("datetime64[ns]")
    assert lengths(months).tolist() == [31, 29, 31]
    years = (np.datetime64("2003") + np.arange(2)).astype("datetime64[ns]")
    assert lengths(years).tolist() == [365, 366]
    assert lengths(np.array(["2003-01-01", "2003-01-09"], "datetime64[ns]")).tolist() == [8, 8]
    assert lengths(np.array(["2003-01-09T06"], "datetime64[ns]")).tolist() == [1]
