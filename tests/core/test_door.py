"""What comes through the door, and what is turned away with a sentence that helps."""

import numpy as np
import pytest
import xarray as xr

from landsink.core import door
from landsink.core.errors import DataError

MONTHS = np.arange("2001-01", "2003-01", dtype="datetime64[M]").astype("datetime64[ns]")
DAYS = np.arange("2004-02-27", "2004-03-04", dtype="datetime64[D]").astype("datetime64[ns]")


def forcing(time=MONTHS, cells=3, tas=280.0, unit="K") -> xr.Dataset:
    """Temperature, rain, pressure and a constant, with places on the cells."""
    shape = (len(time), cells)
    warm = tas + np.arange(cells) + np.zeros(shape)
    columns = {
        "tas": (("time", "cell"), warm, {"units": unit}),
        "pr": (("time", "cell"), np.full(shape, 8.64), {"units": "mm d-1"}),
        "ps": (("time", "cell"), np.full(shape, 1000.0), {"units": "hPa"}),
        "clay": ("cell", np.full(cells, 20.0), {"units": "%"}),
    }
    places = {"lat": ("cell", 50.0 + np.arange(cells)), "lon": ("cell", 10.0 + np.arange(cells))}
    return xr.Dataset(columns, {"time": time, **places})


def refused(ds: xr.Dataset, *names: str, step: str = "month") -> str:
    """The one line with which a Dataset is refused."""
    with pytest.raises(DataError) as caught:
        door.enter(ds, names, step, "a file")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_units_become_canonical():
    entry = door.enter(forcing(tas=10.0, unit="degC"), ("tas", "pr", "ps", "clay"), "month")
    np.testing.assert_allclose(entry.arrays["tas"][0], [283.15, 284.15, 285.15])
    np.testing.assert_allclose(entry.arrays["pr"], 1e-4)
    np.testing.assert_allclose(entry.arrays["ps"], 1e5)
    assert entry.arrays["clay"].shape == (3,)
    assert entry.good.all()


def test_celsius_that_claim_to_be_kelvins_are_guessed():
    says = refused(forcing(tas=9.0), "tas")
    assert "Degrees Celsius?" in says
    assert "190 … 340 K" in says
    assert "a file" in says


@pytest.mark.parametrize(
    ("name", "value", "unit", "guess"),
    [
        ("ps", 1000.0, "Pa", "hPa?"),
        ("ps", 101.0, "Pa", "kPa?"),
        ("co2", 410.0, "mol mol-1", "ppm?"),
        ("pr", 3.0, "kg m-2 s-1", "mm per day?"),
        ("tas", 1e6, "K", "Check its units attribute."),
    ],
)
def test_the_usual_slips_of_units_are_guessed(name, value, unit, guess):
    ds = forcing()
    ds[name] = (("time", "cell"), np.full((24, 3), value), {"units": unit})
    assert guess in refused(ds, name)


def test_a_missing_variable_names_its_near_miss():
    assert "Near: tas" in refused(forcing().rename(tas="tass").assign(tas_=1.0), "tas").replace("tass", "tas")
    assert "holds no 'vpd'" in refused(forcing(), "vpd")


def test_units_must_be_stated_readable_and_of_the_right_kind():
    ds = forcing()
    del ds["tas"].attrs["units"]
    assert "no units attribute" in refused(ds, "tas")
    assert "'wobbles'" in refused(forcing(unit="wobbles"), "tas")
    assert "converts to 'K'" in refused(forcing(unit="Pa"), "tas")


def test_a_gap_in_time_is_named_by_its_edges():
    says = refused(forcing(np.delete(MONTHS, 5)), "tas")
    assert "after 2001-05-01 comes 2001-07-01" in says
    assert "One month" in says
    assert "2004-02-28" in refused(forcing(np.delete(DAYS, 2)), "tas", step="day")


def test_repeated_and_backward_times_are_gaps_too():
    refused(forcing(np.sort(np.r_[MONTHS, MONTHS[3:4]])), "tas")
    refused(forcing(MONTHS[::-1]), "tas")


@pytest.mark.parametrize("calendar", ["360_day", "noleap"])
def test_other_calendars_are_refused_with_a_remedy(calendar):
    time = xr.date_range("2001-01-01", periods=24, freq="MS", calendar=calendar, use_cftime=True)
    says = refused(forcing().assign_coords(time=time), "tas")
    assert f"'{calendar}'" in says
    assert "convert_calendar" in says


def test_a_standard_calendar_is_read_however_it_is_stored():
    time = xr.date_range("2001-01-01", periods=24, freq="MS", calendar="standard", use_cftime=True)
    entry = door.enter(forcing().assign_coords(time=time), ("tas",), "month")
    np.testing.assert_array_equal(entry.time, MONTHS)


def test_times_must_be_dates():
    assert "Dates" in refused(forcing().assign_coords(time=np.arange(24)), "tas")
    assert "'time'" in refused(forcing().isel(time=0, drop=True), "tas")


def test_one_cell_with_a_gap_is_flagged_and_its_neighbours_are_not():
    ds = forcing()
    ds["tas"][7, 1] = np.nan
    entry = door.enter(ds, ("tas", "pr"), "month")
    assert entry.flag.tolist() == [door.OK, door.MISSING, door.OK]
    assert all(np.isfinite(v).all() for v in entry.arrays.values())
    np.testing.assert_array_equal(entry.arrays["tas"][:, [0, 2]], forcing()["tas"][:, [0, 2]])


def test_one_insane_cell_is_flagged_and_stood_in_for():
    ds = forcing()
    ds["tas"][7, 2] = 900.0
    entry = door.enter(ds, ("tas",), "month")
    assert entry.flag.tolist() == [door.OK, door.OK, door.OUT_OF_SPAN]
    assert entry.arrays["tas"].max() < 300.0
    assert entry.good.tolist() == [True, True, False]


def test_both_faults_leave_both_marks():
    ds = forcing()
    ds["tas"][0, 0] = np.nan
    ds["pr"][0, 0] = 1e9
    assert door.enter(ds, ("tas", "pr"), "month").flag[0] == door.MISSING | door.OUT_OF_SPAN


def test_no_usable_cell_is_an_error():
    ds = forcing()
    ds["tas"][3] = np.nan
    assert "no cell can be used" in refused(ds, "tas")


def test_the_callers_data_stay_as_they_were():
    ds = forcing()
    ds["tas"][7, 1] = np.nan
    before = ds.copy(deep=True)
    door.enter(ds, ("tas", "clay"), "month")
    xr.testing.assert_identical(ds, before)


def test_a_grid_is_stacked_into_cells_that_know_their_place():
    grid = xr.Dataset(
        {"tas": (("time", "lat", "lon"), 280.0 + np.arange(24 * 6.0).reshape(24, 2, 3) / 10, {"units": "K"})},
        {"time": MONTHS, "lat": [50.0, 51.0], "lon": [5.0, 6.0, 7.0]},
    )
    entry = door.enter(grid, ("tas",), "month")
    assert entry.outer == "cell"
    assert entry.arrays["tas"].shape == (24, 6)
    for i in range(6):
        lat, lon = (float(entry.cells[k][i]) for k in ("lat", "lon"))
        np.testing.assert_array_equal(entry.arrays["tas"][:, i], grid["tas"].sel(lat=lat, lon=lon))


def test_a_single_place_and_a_swapped_order_of_dims():
    one = door.enter(forcing().isel(cell=0), ("tas",), "month")
    assert one.arrays["tas"].shape == (24, 1)
    swapped = door.enter(forcing().transpose("cell", "time"), ("tas",), "month")
    np.testing.assert_array_equal(swapped.arrays["tas"], forcing()["tas"])


def test_a_third_dimension_is_refused():
    ds = forcing()
    ds["clay"] = ds["clay"].expand_dims(time=MONTHS).assign_attrs(units="%")
    assert "has the dimension 'time'" in refused(ds, "clay")


def test_the_clock_follows_the_real_calendar():
    month = door.enter(forcing(), ("tas",), "month").arrays
    np.testing.assert_array_equal(month["dt"][:3, 0] / 86400.0, [31, 28, 31])
    assert month["dt"][:12].sum() == 365 * 86400.0
    assert month["dayOfYear"][0, 0] == 16.0
    day = door.enter(forcing(DAYS), ("tas",), "day").arrays
    assert (day["dt"] == 86400.0).all()
    np.testing.assert_array_equal(day["dayOfYear"][:4, 0], [58, 59, 60, 61])  # 2004 has a 29 February
    years = np.array(["2003", "2004", "2005"], "datetime64[Y]").astype("datetime64[ns]")
    year = door.enter(forcing(years), ("tas",), "year").arrays
    np.testing.assert_array_equal(year["dt"][:, 0] / 86400.0, [365, 366, 365])


def test_an_entry_is_cut_by_cells_and_by_steps():
    entry = door.enter(forcing(), ("tas", "clay"), "month")
    part = entry.cut(slice(1, 3)).when(slice(2, 5))
    assert part.arrays["tas"].shape == (3, 2)
    assert part.arrays["clay"].shape == (2,)
    assert part.arrays["dt"].shape == (3, 1)
    assert part.time[0] == MONTHS[2]
    assert part.cells["lat"].to_numpy().tolist() == [51.0, 52.0]


def test_observations_keep_their_gaps_and_change_their_units():
    ds = xr.Dataset({"gpp": (("site", "time"), [[8.64, np.nan]], {"units": "g m-2 d-1"})})
    seen = door.observed(ds, "gpp")
    assert seen.shape == (2, 1)
    assert seen[0, 0] == pytest.approx(1e-7)
    assert np.isnan(seen[1, 0])
    with pytest.raises(DataError, match="hold no 'gp'"):
        door.observed(ds, "gp")


def test_what_leaves_bears_its_conventions_and_comes_back():
    entry = door.enter(forcing(), ("tas",), "month")
    arrays = {
        "gpp": np.ones((24, 3)),
        "gpp_sd": np.ones((24, 3)),
        "gpp_p05": np.ones((24, 3)),
        "tas": entry.arrays["tas"],
    }
    ds = door.leave(arrays, entry.time, entry.cells)
    assert ds["gpp"].attrs["units"] == "kg m-2 s-1"
    assert ds["gpp"].attrs["standard_name"]
    assert ds["gpp"].attrs["cell_methods"] == "time: mean"
    assert ds["gpp"].attrs["ancillary_variables"] == "gpp_sd"
    assert ds["gpp_sd"].attrs["standard_name"].endswith("standard_error")
    assert "5th percentile" in ds["gpp_p05"].attrs["long_name"]
    again = door.enter(ds, ("tas",), "month")
    np.testing.assert_array_equal(again.arrays["tas"], entry.arrays["tas"])
    assert again.cells["lat"].to_numpy().tolist() == [50.0, 51.0, 52.0]


def test_months_are_numbered():
    labels = door.month_labels(DAYS)
    assert np.diff(labels).tolist() == [0, 0, 1, 0, 0]


def test_what_a_steady_state_repeats():
    ds = forcing()
    ds["tas"][12:] += 2.0
    entry = door.enter(ds, ("tas", "clay"), "month")
    first, mean = entry.cycle("month", 1), entry.cycle("month", 5)
    np.testing.assert_array_equal(first.arrays["tas"], ds["tas"][:12])
    np.testing.assert_allclose(mean.arrays["tas"], ds["tas"][:12] + 1.0)
    np.testing.assert_array_equal(mean.arrays["clay"], entry.arrays["clay"])
    days = door.enter(forcing(DAYS), ("tas",), "day")
    assert len(days.cycle("day", 3).time) == len(DAYS)  # shorter than a year: all there is
