"""Hours to days and months; calibration scales."""

import numpy as np
import pytest
import xarray as xr

from landsink.core.errors import DataError
from landsink.sources.air import open_air
from landsink.stations.air import Hours, daily, join, monthly, to_scale

MEANINGS = "missing correct_before_manual_control correct_after_manual_control incorrect_after_manual_control"


def hours(
    n: int = 48, longitude: float = 0.0, scale: str = "WMO-X2007", first: str = "2020-01-01"
) -> xr.Dataset:
    """Hours whose value is the hour of the UTC day plus 400, all correct after manual control."""
    time = np.datetime64(first, "ns") + np.arange(n) * np.timedelta64(1, "h")
    flag = {"flag_values": np.arange(4, dtype=np.int8), "flag_meanings": MEANINGS}
    gas = {"units": "umol mol-1", "ancillary_variables": "flag co2_sd", "calibration_scale": scale}
    ds = xr.Dataset(
        {
            "co2": ("time", 400 + np.arange(n) % 24.0, gas),
            "co2_sd": ("time", np.full(n, 0.5), {"units": "umol mol-1"}),
            "flag": ("time", np.full(n, 2, np.int8), flag),
        },
        {"time": time},
    )
    return ds.assign_attrs(interval="PT1H", longitude=longitude, calibration_scale=scale, station="TST")


def test_afternoon_hours_of_local_solar_time():
    east = daily(hours(72, longitude=90.0))  # six hours ahead: local 12-16 is 6-10 UTC
    np.testing.assert_allclose(
        east["co2"].sel(time=slice("2020-01-01", "2020-01-03")), 400 + np.mean([6, 7, 8, 9])
    )
    assert (east["n"] == 4)[:3].all() and east["co2_sd"][0] == pytest.approx(np.std([6, 7, 8, 9], ddof=1))
    assert east.attrs["interval"] == "P1D" and "12-16" in east.attrs["selection"]


def test_a_window_past_midnight():
    assert list(np.flatnonzero(Hours(22, 4).within(np.arange(24)))) == [0, 1, 2, 3, 22, 23]
    assert Hours.WholeDay.within(np.arange(24)).all() and Hours(22, 4).length == 6


def test_bad_hours_do_not_count_and_the_least_trusted_flag_goes_along():
    ds = hours(24)
    ds["flag"][12] = 3
    ds["flag"][13] = 1
    day = daily(ds)
    assert float(day["co2"][0]) == 400 + np.mean([13, 14, 15]) and int(day["n"][0]) == 3
    assert int(day["flag"][0]) == 1 and day["flag"].attrs["flag_meanings"] == MEANINGS
    ds["flag"][13:16] = 3
    with pytest.raises(DataError, match="No day has 50 %"):
        daily(ds)
    two = daily(xr.concat([ds, hours(24, first="2020-01-02")], "time", combine_attrs="override"))
    assert np.isnan(two["co2"][0]) and int(two["flag"][0]) == 0 and int(two["flag"][1]) == 2


def test_months_are_means_of_days_with_their_scale():
    month = monthly(daily(hours(24 * 40)))
    assert month.attrs["interval"] == "P1M" and month["co2"].attrs["calibration_scale"] == "WMO-X2007"
    np.testing.assert_allclose(month["co2"].isel(time=0), 413.5)
    assert int(month["n"][0]) == 31 and np.isnan(month["co2"][1])  # nine days of February are too few
    with pytest.raises(DataError, match="Days"):
        monthly(hours())


def test_scales_convert_and_return():
    new = to_scale(hours(), "WMO-X2019")
    np.testing.assert_allclose(new["co2"], 1.00079 * hours()["co2"] - 0.142)
    assert float(new["co2"][0] - hours()["co2"][0]) == pytest.approx(
        0.174, abs=1e-9
    )  # 0.18 at 400, as the paper says
    np.testing.assert_allclose(new["co2_sd"], 0.5 * 1.00079)
    assert new.attrs["calibration_scale"] == new["co2"].attrs["calibration_scale"] == "WMO-X2019"
    assert "Hall" in new.attrs["scale_conversion"]
    np.testing.assert_allclose(to_scale(new, "WMO-X2007")["co2"], hours()["co2"])


def test_mixed_scales_are_refused():
    later = hours(first="2020-01-03", scale="WMO-X2019")
    with pytest.raises(DataError, match="WMO-X2007 and WMO-X2019"):
        join([hours(), later])
    whole = join([to_scale(hours(), "WMO-X2019"), later])
    assert whole.sizes["time"] == 96 and whole["flag"].attrs["flag_meanings"] == MEANINGS
    assert join([later, later]).sizes["time"] == 48


@pytest.mark.parametrize("scale", ["not stated", "WMO-X93; WMO-X2002", "unknown"])
def test_unknown_and_mixed_scales_do_not_convert(scale):
    with pytest.raises(DataError, match="Relations are known"):
        to_scale(hours(scale=scale), "WMO-X2019")


def test_values_beyond_the_standards_do_not_convert():
    ds = hours()
    with pytest.raises(DataError, match="lie outside 250-520"):
        to_scale(ds.assign(co2=ds["co2"] + 200), "WMO-X2019")


def test_amsterdam_island_mixes_scales_and_says_so(data):
    ds = open_air(data / "flux/icos_format_samples/ams137s00.lsce.as.cn.co2.nl.mo.dat")
    with pytest.raises(DataError, match="WMO-X93; WMO-X2002"):
        to_scale(ds, "WMO-X2019")
