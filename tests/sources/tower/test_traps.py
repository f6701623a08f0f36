"""Files as people leave them: every trap is either mended and said, or refused with a remedy."""

import numpy as np
import pandas as pd
import pytest

from landsink.core.errors import DataError
from landsink.sources.tower import open_tower
from landsink.sources.tower.variables import reckoned, scale, vapour_pressure_deficit

HEAD = "TIMESTAMP_START,TIMESTAMP_END"


def made(days: int = 2, step: str = "30min", start: str = "2019-05-01") -> pd.DataFrame:
    times = pd.date_range(start, periods=int(pd.Timedelta(days=days) / pd.Timedelta(step)), freq=step)
    hour = np.asarray(times.hour + times.minute / 60)
    table = pd.DataFrame(
        {
            "TIMESTAMP_START": times.strftime("%Y%m%d%H%M"),
            "TIMESTAMP_END": (times + pd.Timedelta(step)).strftime("%Y%m%d%H%M"),
            "NEE": np.round(-5 * np.sin(np.pi * (hour - 6) / 12) + 0.01 * np.arange(len(times)), 3),
            "TA": np.round(10 + 5 * np.sin(np.pi * (hour - 9) / 12), 2),
            "USTAR": np.round(0.3 + 0.1 * np.sin(hour), 3),
        }
    )
    return table


def opened(tmp_path, table, name="XX-Tst_HH.csv", **kw):
    path = tmp_path / name
    if isinstance(table, pd.DataFrame):
        table = table.to_csv(index=False)
    path.write_bytes(table if isinstance(table, bytes) else table.encode())
    return open_tower(path, **kw)


def said(ds, words: str) -> bool:
    return any(words in note for note in ds.attrs["notes"])


def test_a_clean_file_has_only_the_unknown_place_in_its_notes(tmp_path):
    ds = opened(tmp_path, made())
    assert ds.attrs["notes"] == ["The file does not say: latitude, longitude, utc_offset."]
    np.testing.assert_array_equal(ds["NEE"], made()["NEE"])


@pytest.mark.parametrize(
    ("step", "seconds"), [("15min", 900), ("20min", 1200), ("30min", 1800), ("60min", 3600)]
)
def test_steps_of_quarters_to_an_hour(tmp_path, step, seconds):
    ds = opened(tmp_path, made(3, step))
    assert ds.sizes["time"] == 3 * 86400 // seconds and np.isfinite(ds["NEE"]).all()


def test_a_day_by_day_file_is_refused(tmp_path):
    days = "TIMESTAMP_START,NEE\n20190101,1\n20190102,2\n20190103,2\n"
    with pytest.raises(DataError, match="24 h apart"):
        opened(tmp_path, days)


def test_every_spelling_of_the_missing_mark(tmp_path):
    table = made().astype({"NEE": object})
    marks = ["-9999", "-9999.0", "-9.999e3", "-9999.00000", "NA", "NaN", "", "-99990", "nan", "Inf"]
    table.loc[: len(marks) - 1, "NEE"] = marks
    ds = opened(tmp_path, table)
    assert (
        np.isnan(ds["NEE"].values[: len(marks)]).all() and np.isfinite(ds["NEE"].values[len(marks) :]).all()
    )


def test_missing_marks_that_went_through_arithmetic(tmp_path):
    table = made()
    table.loc[3, "NEE"] = (-9999 - 4.2) / 2
    table.loc[4, "NEE"] = -999.9
    table.loc[5, "TA"] = -9999 + 273.15
    table.loc[6, "USTAR"] = -9.999
    table.loc[7, "USTAR"] = -0.2  # a sign gone wrong is not a missing mark: plausibility's business
    ds = opened(tmp_path, table)
    assert (
        np.isnan(ds["NEE"].values[[3, 4]]).all()
        and np.isnan(ds["TA"].values[5])
        and np.isnan(ds["USTAR"].values[6])
    )
    assert ds["USTAR"].values[7] == -0.2
    assert said(ds, "NEE: 2 values come of reckoning")


def test_a_measured_value_near_a_missing_marks_digits_stays():
    values = np.array([-9.999, -9.9991, -99.99, 0.0])
    np.testing.assert_array_equal(reckoned("NEE", values, []), values)
    assert np.isnan(reckoned("VPD", values, [])[[0, 2]]).all() and reckoned("VPD", values, [])[1] == -9.9991


def test_rows_stated_again_and_with_other_values(tmp_path):
    table = made()
    again = table.iloc[[10]].copy()
    other = table.iloc[[20]].assign(NEE=99.0)
    gap = table.iloc[[30]].copy()
    table.loc[30, "NEE"] = -9999
    ds = opened(tmp_path, pd.concat([table.iloc[:50], again, other, gap, table.iloc[50:]]))
    assert said(ds, "3 rows repeat a time")
    assert ds["NEE"].values[20] == table["NEE"][20]
    assert ds["NEE"].values[30] == gap["NEE"].iloc[0]  # the first had none


def test_shuffled_rows_come_out_in_order(tmp_path):
    table = made()
    ds = opened(tmp_path, table.sample(frac=1, random_state=1))
    np.testing.assert_array_equal(ds["NEE"], table["NEE"])
    assert said(ds, "Time ran backward")


def test_gaps_become_missing_steps(tmp_path):
    ds = opened(tmp_path, made(3).drop(index=range(40, 60)))
    assert ds.sizes["time"] == 144 and np.isnan(ds["NEE"].values[40:60]).all()
    assert said(ds, "20 steps are absent")


def test_a_record_that_begins_and_ends_within_days_is_filled_to_whole_days(tmp_path):
    ds = opened(tmp_path, made().iloc[10:90])
    assert (
        ds.sizes["time"] == 96 and np.isnan(ds["NEE"].values[:10]).all() and np.isfinite(ds["NEE"].values[10])
    )


def test_one_stamp_out_of_line_is_set_between_its_neighbours(tmp_path):
    table = made()
    table.loc[17, ["TIMESTAMP_START", "TIMESTAMP_END"]] = ["203905010830", "203905010900"]
    ds = opened(tmp_path, table)
    assert ds.sizes["time"] == 96 and ds["NEE"].values[17] == table["NEE"][17]
    assert said(ds, "out of line")


def test_scattered_stamps_are_refused_not_spread_over_a_century(tmp_path):
    table = made()
    table.loc[95, ["TIMESTAMP_START", "TIMESTAMP_END"]] = ["209905010830", "209905010900"]
    with pytest.raises(DataError, match="scattered"):
        opened(tmp_path, table)


def test_summer_time_is_put_back(tmp_path):
    """A year stamped by a clock on the wall: forward on 31 March, back on 27 October 2019."""
    table = made(365, start="2019-01-01")
    true = pd.to_datetime(table["TIMESTAMP_START"], format="%Y%m%d%H%M")
    summer = (true >= "2019-03-31 02:00") & (true < "2019-10-27 02:00")
    wall = true + pd.to_timedelta(summer.astype(int), unit="h")
    wrong = table.assign(TIMESTAMP_START=wall.dt.strftime("%Y%m%d%H%M")).drop(columns="TIMESTAMP_END")
    ds = opened(tmp_path, wrong)
    np.testing.assert_array_equal(ds["NEE"], table["NEE"])
    assert said(ds, "summer time")
    # A season that begins in summer time and ends in winter
    ds = opened(tmp_path, wrong.iloc[48 * 150 :])
    np.testing.assert_array_equal(ds["NEE"], table["NEE"].iloc[48 * 150 :])


def test_a_gap_of_an_hour_on_a_spring_sunday_is_no_summer_time(tmp_path):
    table = made(365, start="2019-01-01")
    row = table.index[table["TIMESTAMP_START"] == "201903310200"][0]
    ds = opened(tmp_path, table.drop(index=[row, row + 1]))
    assert (
        ds["NEE"].values[row + 2] == table["NEE"][row + 2]
        and np.isnan(ds["NEE"].values[[row, row + 1]]).all()
    )


def test_hours_stated_twice_are_noticed_and_real_half_hours_are_not(tmp_path):
    hourly = made(4, "60min")
    twice = made(4).assign(NEE=np.repeat(hourly["NEE"], 2).to_numpy(), TA=np.repeat(hourly["TA"], 2).to_numpy(),
                           USTAR=np.repeat(hourly["USTAR"], 2).to_numpy())  # fmt: skip
    assert said(opened(tmp_path, twice), "stated twice")
    assert not said(opened(tmp_path, made(4)), "stated twice")


def test_encodings(tmp_path):
    table = made()
    text = table.to_csv(index=False)
    plain = opened(tmp_path, text)
    bom = opened(tmp_path, b"\xef\xbb\xbf" + text.encode())
    wide = opened(tmp_path, text.encode("utf-16"))
    broken = opened(tmp_path, text.replace("USTAR\n", "USTAR\n").encode() + b"20190503 \xff\xb5,,,,\n")
    windows = opened(tmp_path, text.replace("\n", "\r\n").encode())
    for ds in (bom, wide, broken, windows):
        assert ds.equals(plain)
    assert said(broken, "not UTF-8") and said(broken, "1 rows have no readable time stamp")


def test_decimal_commas_and_semicolons(tmp_path):
    ds = opened(tmp_path, made().to_csv(index=False, sep=";", decimal=","))
    np.testing.assert_array_equal(ds["NEE"], made()["NEE"])
    assert said(ds, "Decimal commas")


def test_text_among_numbers_and_rows_of_another_width(tmp_path):
    table = made().astype({"TA": object})
    table.loc[4, "TA"] = "broken"
    text = table.to_csv(index=False) + "201905030000,201905030030,1\n"
    ds = opened(tmp_path, text)
    assert np.isnan(ds["TA"].values[4]) and said(ds, "TA: 1 cells are no numbers ('broken')")
    assert said(ds, "1 rows had another number of columns") and ds.sizes["time"] == 96


def test_an_empty_column_is_left_out_and_named_and_the_next_wish_counts(tmp_path):
    ds = opened(tmp_path, made().assign(LE=-9999, NEE_VUT_REF=-9999, NEE_CUT_REF=1.5))
    assert "LE" not in ds and said(ds, "left out: LE")
    assert float(ds["NEE"][0]) == 1.5


def test_delimiters_at_line_ends(tmp_path):
    lines = made().to_csv(index=False).splitlines()
    rows = opened(tmp_path, "\n".join([lines[0], *(line + "," for line in lines[1:])]))
    head = opened(tmp_path, "\n".join([lines[0] + ",", *lines[1:]]))
    assert rows.equals(head) and rows.equals(opened(tmp_path, made()))


def test_stamps_of_the_middle_and_a_clock_some_seconds_off(tmp_path):
    table = made()
    times = pd.to_datetime(table["TIMESTAMP_START"], format="%Y%m%d%H%M")
    middle = table.drop(columns="TIMESTAMP_END").assign(
        TIMESTAMP_START=(times + pd.Timedelta("15min")).dt.strftime("%Y%m%d%H%M")
    )
    off = table.drop(columns="TIMESTAMP_END").assign(
        TIMESTAMP_START=(times + pd.Timedelta("1s")).dt.strftime("%Y-%m-%d %H:%M:%S")
    )
    for ds, words in ((opened(tmp_path, middle), "middle"), (opened(tmp_path, off), "up to a minute off")):
        np.testing.assert_array_equal(ds["NEE"], table["NEE"])
        assert said(ds, words)


def test_units_betrayed_by_size(tmp_path):
    table = made().assign(RH=60.0, PA=98.5)
    right = opened(tmp_path, table)
    vpd = np.round(right["VPD"].values, 4)
    wrong = table.assign(TA=table["TA"] + 273.15, PA=98500, RH=0.6, VPD=vpd / 10)
    ds = opened(tmp_path, wrong)
    for name in ("TA", "PA", "RH", "VPD"):
        np.testing.assert_allclose(ds[name], right[name], rtol=2e-3, err_msg=name)
    assert said(ds, "TA: values are of the size of kelvin") and said(ds, "VPD: values are of the size of kPa")


def test_replicates_the_topmost_and_the_fullest(tmp_path):
    table = made().drop(columns="TA")
    table["TA_1_1_1"] = -9999
    table["TA_1_2_1"] = [1.0] * 10 + [-9999] * 86
    table["TA_1_2_2"] = 2.0
    table["TA_1_3_1"] = 3.0
    text = "# Site: US-Tst\n# Version: 1-5\n" + table.to_csv(index=False)
    ds = opened(tmp_path, text, "AMF_US-Tst_BASE_HH_1-5.csv", utc_offset=-6, latitude=40, longitude=-90)
    assert (ds["TA"].values == 2.0).all() and said(ds, "TA: TA_1_2_2 of 4 positions")
    assert ds.attrs["source"].startswith("AmeriFlux BASE") and ds.attrs["site"] == "US-Tst"
    assert ds.attrs["utc_offset"] == -6.0


def test_eddypro_full_output(tmp_path):
    times = pd.date_range("2020-06-01 00:30", periods=48, freq="30min")
    rows = [
        f"f.ghg,{t:%Y-%m-%d},{t:%H:%M},153.0,0,36000,36000,{-0.1 * i:.1f},1,{20 + i},0,0.5,290.15,98000,55.5,950,0.33\n"
        for i, t in enumerate(times)
    ]
    head = (
        "file_info,,,,,,,corrected_fluxes_and_quality_flags,,,,storage_fluxes,air_properties,,,,\n"
        "filename,date,time,DOY,daytime,file_records,used_records,co2_flux,qc_co2_flux,H,qc_H,co2_strg,"
        "air_temperature,air_pressure,RH,VPD,u*\n"
        ",[yyyy-mm-dd],[HH:MM],[ddd.ddd],[1=daytime],[#],[#],[\u00b5mol+1s-1m-2],[#],[W+1m-2],[#],[\u00b5mol+1s-1m-2],"
        "[K],[Pa],[%],[Pa],[m+1s-1]\n"
    )
    ds = opened(tmp_path, head + "".join(rows), "eddypro_XX-Tst_full_output_exp.csv")
    assert ds.sizes["time"] == 48 and ds["time"].values[0] == np.datetime64("2020-06-01")
    hand = {"FC": -0.1, "H": 21.0, "SC": 0.5, "TA": 17.0, "PA": 98.0, "RH": 55.5, "VPD": 9.5, "USTAR": 0.33}
    assert {name: round(float(ds[name][1]), 9) for name in hand} == hand
    assert (ds["FC_SSITC_TEST"] == 1).all()
    assert not any("not understood" in note for note in ds.attrs["notes"])


def test_units_by_hand():
    assert scale("TA", "[K]") == (1.0, -273.15) and scale("VPD", "kPa") == (10.0, 0.0)
    assert scale("FC", "\u00b5mol m-2 s-1") == scale("FC", "umolm-2s-1\ufffd\ufffd") == (1.0, 0.0)
    assert scale("FC", "mgCO2 m-2 s-1")[0] == pytest.approx(22.7223, abs=1e-4)
    assert scale("SWC", "[m+3m-3]") == (100.0, 0.0) and scale("LE", "W.meter-2") == (1.0, 0.0)
    assert scale("CO2", "[\u00b5mol+1mol_d-1]") == (1.0, 0.0) and scale("FC", "furlongs") is None


def test_vapour_pressure_deficit_by_hand():
    # Saturation at 20 degC is 23.39 hPa in the tables (Smithsonian), 6.112 at 0 degC.
    assert vapour_pressure_deficit(np.array([20.0]), np.array([0.0]))[0] == pytest.approx(23.37, rel=0.003)
    assert vapour_pressure_deficit(np.array([0.0]), np.array([50.0]))[0] == pytest.approx(3.056, rel=0.003)
    assert vapour_pressure_deficit(np.array([20.0]), np.array([103.0]))[0] == 0.0
    assert np.isnan(vapour_pressure_deficit(np.array([np.nan, 5.0]), np.array([50.0, np.nan]))).all()


def test_twelve_hour_clocks_and_text_stamps_in_many_hands(tmp_path):
    table = made().drop(columns="TIMESTAMP_END")
    times = pd.to_datetime(table["TIMESTAMP_START"], format="%Y%m%d%H%M")
    for pattern in (
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M:%S",
        "%Y%m%d%H%M%S",
        "%d/%m/%Y %H:%M",
        "%Y/%m/%d %H:%M",
        "%d.%m.%Y %H:%M",
    ):
        ds = opened(tmp_path, table.assign(TIMESTAMP_START=times.dt.strftime(pattern)))
        np.testing.assert_array_equal(ds["NEE"], table["NEE"], err_msg=pattern)
    as_float = opened(tmp_path, table.assign(TIMESTAMP_START=table["TIMESTAMP_START"] + ".0"))
    np.testing.assert_array_equal(as_float["NEE"], table["NEE"])


def test_short_steps_become_half_hours_by_hand(tmp_path):
    times = pd.date_range("2021-07-01 00:10", periods=144, freq="10min")
    table = pd.DataFrame({"TIMESTAMP": times.strftime("%Y-%m-%d %H:%M"), "TA": 10.0, "P": 0.2, "WD": 350.0})
    table.loc[:2, "TA"] = [9.0, 10.0, 14.0]
    table.loc[:2, "WD"] = [340.0, 0.0, 20.0]
    table.loc[3:4, "TA"] = -9999  # one of three left in the second half-hour
    ds = opened(tmp_path, table, "XX-Tst_logger.csv")
    assert ds.sizes["time"] == 48 and float(ds["TA"][0]) == pytest.approx(11.0) and np.isnan(ds["TA"][1])
    assert float(ds["P"][0]) == pytest.approx(0.6) and ds["P"].attrs["units"] == "mm"
    assert float(ds["WD"][0]) == pytest.approx(0.0, abs=1e-6) or float(ds["WD"][0]) == pytest.approx(360.0)
    assert float(ds["WD"][5]) == pytest.approx(350.0)


def test_a_start_that_cannot_be_read_comes_from_its_end(tmp_path):
    table = made()
    table.loc[[0, 95], "TIMESTAMP_START"] = "nonsense"
    ds = opened(tmp_path, table)
    np.testing.assert_array_equal(ds["NEE"], table["NEE"])
    assert said(ds, "2 unreadable starts")


def test_the_users_word_on_stamps_and_place_goes_first(tmp_path):
    table = made()
    times = pd.to_datetime(table["TIMESTAMP_START"], format="%Y%m%d%H%M")
    middle = table.drop(columns=["TIMESTAMP_START", "TIMESTAMP_END"])
    middle.insert(0, "TIMESTAMP", (times + pd.Timedelta("15min")).dt.strftime("%Y%m%d%H%M"))
    ds = opened(tmp_path, middle, "XX-Tst_logger.csv", side="middle")
    np.testing.assert_array_equal(ds["NEE"], table["NEE"])
    block = "site,XX-Tst\nlat,50\nlon,10\ntimezone,201901010030,1\n"
    ds = opened(tmp_path, block + table.to_csv(index=False), utc_offset=2, latitude=51)
    assert (ds.attrs["latitude"], ds.attrs["longitude"], ds.attrs["utc_offset"]) == (51.0, 10.0, 2.0)
    assert said(ds, "utc_offset 2 h as given, where the file says 1 h")


def test_a_mean_of_replicates_goes_before_one_as_full(tmp_path):
    table = made().drop(columns="TA").assign(TA_1_1_1=1.0, TA_1_1_2=3.0, TA_1_1_A=2.0)
    assert (opened(tmp_path, table)["TA"].values == 2.0).all()
