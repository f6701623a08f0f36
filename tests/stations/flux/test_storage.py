"""Storage: a published single-point value, the profile method on real seconds of a pine forest, and its laws."""

import io

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landsink.core.errors import DataError
from landsink.stations.flux import storage

# The last 15 s (CO2, umol mol-1 of moist air) of the visits to nine inlets nearest to 00:30 and to 01:00 on 1 June
# 2020 at FI-Hyy: level, begin and end of the visit, values. ICOS ETC, STORAGE-Flux, BSD-3-Clause.
VISITS = """
7 00:29:55 00:30:28 412.728 412.398 412.839 412.802 412.697 413.05 412.886 413.118 412.957 412.888 412.582 413.302 412.868 413.096 412.9
8 00:29:21 00:29:54 416.872 416.65 417.213 417.308 417.031 417.245 417.037 416.946 417.253 417.044 417.674 417.067 416.784 416.958 417.048
9 00:28:45 00:29:20 422.903 422.893 423.289 422.777 423.064 422.819 423.368 423.026 422.877 422.909 423.07 423.115 422.716 423.233 423.107
1 00:28:11 00:28:44 408.619 408.673 408.315 408.307 408.005 408.483 408.608 408.643 408.453 408.391 408.687 408.601 408.542 408.664 408.494
2 00:27:38 00:28:10 408.262 408.235 408.378 408.686 408.592 408.801 408.576 408.877 408.831 408.603 408.696 408.886 408.749 408.731 408.926
3 00:32:10 00:32:42 408.805 409.085 409.231 408.861 409.012 408.994 409.115 408.852 408.946 408.861 409.157 409.222 408.945 409.14 408.822
4 00:31:36 00:32:09 409.419 409.352 409.482 409.031 409.559 409.523 409.701 409.366 409.422 409.633 409.359 409.228 409.424 409.528 409.439
5 00:31:03 00:31:35 409.675 409.704 410.368 409.988 409.947 410.063 410.002 410.001 410.431 410.669 410.117 410.179 410.097 410.034 409.907
6 00:30:29 00:31:02 410.77 410.56 410.833 410.67 410.756 410.818 410.769 410.993 410.863 411.187 410.952 411.461 411.201 411.214 411.063
8 00:59:53 01:00:26 425.047 425.1 424.833 425.04 424.719 424.624 425.264 424.942 425.165 425.499 425.425 425.072 425.298 425.416 425.269
9 00:59:18 00:59:52 435.441 435.937 435.866 436.092 435.998 436.298 436.594 436.412 436.777 436.682 436.759 436.4 436.802 436.443 436.509
1 00:58:44 00:59:17 409.174 409.646 409.387 409.226 409.186 409.115 409.347 409.272 409.409 409.634 409.604 409.348 409.932 409.438 409.728
2 00:58:11 00:58:43 409.327 409.654 409.519 409.801 409.431 409.456 409.656 409.437 409.812 409.327 409.652 409.646 409.862 409.768 409.706
3 00:57:37 00:58:10 409.481 409.316 409.714 409.237 410.089 409.923 409.512 409.406 409.848 409.779 410.081 410.187 410.049 409.887 410.04
4 01:02:09 01:02:41 409.733 409.79 410.089 410.059 410.127 410.439 410.325 410.186 410.23 409.803 410.097 410.042 409.982 410.143 410.274
5 01:01:35 01:02:08 410.072 410.129 410.151 410.271 410.133 410.418 410.221 410.155 410.376 410.37 410.498 410.301 410.38 410.121 410.409
6 01:01:02 01:01:34 410.988 411.036 411.208 411.45 411.161 411.17 411.002 411.025 410.923 411.24 410.696 411.106 411.131 410.837 411.236
7 01:00:27 01:01:01 415.297 415.177 415.234 415.31 415.017 415.34 415.067 415.268 415.536 415.426 415.565 415.416 415.253 415.351 415.437
"""  # noqa: E501
HEIGHTS = {9: 0.4, 8: 1.5, 7: 3.3, 6: 5.8, 5: 8.8, 4: 12.5, 3: 16.8, 2: 21.6, 1: 27.0}
VAPOUR = 9.3  # mmol mol-1, at all levels within 0.2


def seconds() -> xr.Dataset:
    """The seconds of those visits; those that flush the tube are missing."""
    rows = []
    for line in VISITS.split("\n")[1:-1]:
        level, first, last, *values = line.split()
        time = pd.date_range(f"2020-06-01 {first}", f"2020-06-01 {last}", freq="s")
        rows.append(pd.DataFrame({"time": time, "LEVEL": float(level), "CO2": np.nan}))
        rows[-1].loc[len(time) - 15 :, "CO2"] = [float(v) for v in values]
    return xr.Dataset.from_dataframe(pd.concat(rows).sort_values("time").set_index("time")).assign(
        H2O=lambda ds: xr.full_like(ds["CO2"], VAPOUR)
    )


def record(**columns) -> xr.Dataset:
    size = len(next(iter(columns.values())))
    time = pd.date_range("2020-06-01 00:30", periods=size, freq="30min").values.astype("datetime64[ns]")
    return xr.Dataset({k: ("time", np.asarray(v, float)) for k, v in columns.items()}, coords={"time": time})


def test_one_point_gives_what_eddypro_wrote():
    # CH-Fru, 12 March 2023 15:30, sensor at 2.5 m: SC_SINGLE = -0.486137 from CO2 438.810 -> 429.693 umol mol-1.
    # AIR_MV = 0.026047 m3 mol-1 rounds to five digits, and TA, PA are EddyPro's 10.0279 degC and 90.3869 kPa.
    ds = storage.single_point(
        record(CO2=[438.810, 429.693], TA=[8.08656, 10.0279], PA=[90.4011, 90.3869]), 2.5
    )
    assert np.isnan(ds["SC_SINGLE"].values[0])
    assert ds["SC_SINGLE"].values[1] == pytest.approx(-0.486137, rel=2e-4)


def test_a_summer_night_stores_about_what_the_forest_breathes():
    profile = storage.Profile(HEIGHTS, tube=1.6, bore=4.0)
    ds = storage.with_profile(record(TA=[13.2, 13.2], PA=[100.2, 100.2]), seconds(), profile)
    assert np.isnan(ds["SC"].values[1])  # nothing was measured at 01:30
    # By hand: the rise at each level times its layer, dry air at 13.2 degC and 100.2 kPa with 9.3 mmol mol-1 of vapour:
    # 42.09 mol m-3 * 0.99 * 44.4 umol mol-1 m / 1800 s. One point at 27 m would have said 0.59.
    assert ds["SC"].values[0] == pytest.approx(1.03, abs=0.01)
    assert 0 < ds["SC_UNC"].values[0] < 0.1


def test_rise_is_largest_at_the_ground():
    profile = storage.Profile(HEIGHTS)
    instants = pd.to_datetime(["2020-06-01 00:30", "2020-06-01 01:00"]).values.astype("datetime64[ns]")
    mean, _ = storage.profile_at(storage.visits(seconds(), profile), instants, profile)
    rise = np.diff(mean, axis=0)[0]
    assert list(profile.layers()) == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert np.all(rise[:2] > rise[2]) and np.all(rise[2] > rise[3:])


def test_layers_fill_the_column():
    layers = storage.Profile(HEIGHTS).layers()
    assert sum(layers.values()) == pytest.approx(27.0)
    assert layers[9] == pytest.approx(0.95) and layers[1] == pytest.approx(2.7)


def test_the_tube_is_flushed_in_its_own_volume():
    # 1.6 m of 4 mm bore hold 20.1 mL; 2.07 L min-1 flush it in 0.58 s.
    assert storage.Profile(HEIGHTS, 1.6, 4.0).flushing(2.07) == pytest.approx(0.583, abs=1e-3)


def test_uniform_rise_stores_density_times_height():
    time = pd.date_range("2020-06-01 00:20", "2020-06-01 01:10", freq="s").values.astype("datetime64[ns]")
    level = np.arange(time.size) // 30 % 3 + 1.0
    rate = 2e-3  # umol mol-1 s-1; each visit is centred elsewhere, which shifts both ends alike
    fast = xr.Dataset(
        {"LEVEL": ("time", level), "CO2": ("time", 400 + rate * np.arange(time.size))}, {"time": time}
    )
    ds = storage.with_profile(
        record(TA=[10.0, 10.0], PA=[100.0, 100.0]), fast, storage.Profile({1: 1.0, 2: 5.0, 3: 10.0})
    )
    assert ds["SC"].values[0] == pytest.approx(rate * 10 * storage.dry_density(10.0, 100.0), rel=1e-9)


def test_scmd_table_gives_the_profile():
    text = (
        "STO_PROF_LEVEL,STO_PROF_HEIGHT,STO_GA_TUBE_LENGTH,STO_GA_TUBE_DIAM\n"
        "3,0.4,NA,NA\n2,10,NA,NA\n1,27,NA,NA\n4,40,NA,NA\nNA,NA,1.6,4\n"
    )
    profile = storage.Profile.of(pd.read_csv(io.StringIO(text)), top=26.0)
    assert profile.heights == {3: 0.4, 2: 10.0, 1: 27.0}
    assert (profile.tube, profile.bore) == (1.6, 4.0)


def test_the_station_table_of_hyytiala_is_read(data):
    path = data / "flux/icos_storage_fi_hyy/FI-Hyy_SCMD_CO2.csv"
    if not path.exists():
        pytest.skip("no profile tables here")
    assert storage.Profile.of(pd.read_csv(path), top=27.0).heights == HEIGHTS


def test_profile_comes_before_one_point_and_that_before_nothing():
    ds = record(
        FC=[1.0, 1.0, 1.0],
        SC=[0.5, np.nan, np.nan],
        CO2=[400.0, np.nan, 400.0],
        TA=[10.0] * 3,
        PA=[100.0] * 3,
    )
    ds["SC_SINGLE"] = ("time", [9.0, -0.25, np.nan])
    out = storage.net_exchange(ds, negligible=True)
    assert out["NEE"].values.tolist() == [1.5, 0.75, 1.0]
    assert out["SC_SOURCE"].values.tolist() == [1, 2, 3]
    assert "profile" in " ".join(out.attrs["findings"])


def test_exchange_beyond_reason_is_withdrawn_and_kept_raw():
    out = storage.net_exchange(record(FC=[10.0, 30.0], SC=[0.0, 30.0]))
    assert np.isnan(out["NEE"].values[1]) and out["NEE_RAW"].values[1] == 60.0


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"TA": [1.0, 1.0]}, "neither NEE nor FC"),
        ({"FC": [1.0, 1.0]}, "nothing tells storage"),
    ],
)
def test_without_a_way_to_storage_it_says_so(columns, says):
    with pytest.raises(DataError, match=says):
        storage.net_exchange(record(**columns))


def test_a_profile_without_levels_says_so():
    with pytest.raises(DataError, match="LEVEL"):
        storage.visits(seconds().drop_vars("LEVEL"), storage.Profile(HEIGHTS))
