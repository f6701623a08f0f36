"""Air files of every form: what they hold, the traps in each, and what happens to broken ones."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from landsink.core.errors import DataError, LandsinkError
from landsink.sources.air import open_air
from landsink.sources.air.record import FLAG, scale_name

# file: rows, rows with a value, gas, station, interval, scale
REAL = {
    "flux/atmosphere_co2/co2_cgo_surface-flask_1_ccgg_month.txt": (393, 393, "co2", "CGO", "P1M", "not stated"),
    "flux/atmosphere_co2/co2_mhd_surface-flask_1_ccgg_month.txt": (307, 307, "co2", "MHD", "P1M", "not stated"),
    "flux/atmosphere_co2/co2c13_cgo_surface-flask_1_sil_month.txt": (280, 280, "co2c13", "CGO", "P1M", "not stated"),
    "flux/atmosphere_co2/co2c13_mhd_surface-flask_1_sil_month.txt": (283, 283, "co2c13", "MHD", "P1M", "not stated"),
    "flux/atmosphere_co2/noaa_co2-annmean-gl.csv": (47, 47, "co2", "GL", "P1Y", "not stated"),
    "flux/atmosphere_co2/noaa_co2-annmean-mlo.csv": (67, 67, "co2", "MLO", "P1Y", "not stated"),
    "flux/atmosphere_co2/noaa_co2-gr-gl.csv": (67, 67, "co2_growth", "GL", "P1Y", "not stated"),
    "flux/atmosphere_co2/noaa_co2-gr-mlo.csv": (67, 67, "co2_growth", "MLO", "P1Y", "not stated"),
    "flux/atmosphere_co2/noaa_co2-mm-gl.csv": (568, 568, "co2", "GL", "P1M", "not stated"),
    "flux/atmosphere_co2/noaa_co2-mm-mlo.csv": (820, 820, "co2", "MLO", "P1M", "not stated"),
    "flux/atmosphere_co2/svb_co2.csv": (15640, 15640, "co2", "SVB", "PT1H", "not stated"),
    "flux/openghg_atm/ICOS_ATC_L2_L2-2024.1_RGL_90.0_CTS.CH4": (49, 13, "ch4", "RGL", "PT1H", "WMO-X2004A; unknown"),
    "flux/openghg_atm/ch4_esp_surface-flask_2_representative.nc": (109, 109, "ch4", "ESP", "", "WMO-X2004A"),
    "flux/openghg_atm/ch4_spf_surface-flask_1_ccgg_Event.nc": (410, 409, "ch4", "SPF", "", "NOAA-2004A"),
    "flux/openghg_atm/test_toh_co2_147m.nc": (30, 30, "co2", "TOH", "PT1H", "unknown"),
    "flux/icos_format_samples/ams137s00.lsce.as.cn.co2.nl.mo.dat": (
        360, 338, "co2", "AMS", "P1M", "WMO-X93; WMO-X2002",
    ),
    "flux/icos_format_samples/realatc.CO2": (24, 24, "co2", "GAT", "PT1H", "WMO-X2007"),
    "flux/icos_format_samples/co2_htm_tower-insitu_424_allvalid-150magl_small.nc": (
        100, 100, "co2", "HTM", "PT1H", "WMO-X2019",
    ),
    "flux/icos_format_samples/co2_ssl_tower-insitu_23_allvalid-12magl_small.nc": (
        94, 94, "co2", "SSL", "PT1H", "WMO-X2019",
    ),
}  # fmt: skip
FOLDERS = ("flux/atmosphere_co2", "flux/openghg_atm", "flux/icos_format_samples", "flux/ocean_pco2")
TEXTS = [name for name in REAL if not name.endswith(".nc")]
UNITS = {"co2": "umol mol-1", "ch4": "nmol mol-1", "co2c13": "permil", "co2_growth": "umol mol-1 yr-1"}

ATC = """# TITLE: CO2 and CH4
# STATION CODE: TST
# LATITUDE: 47.5 S
# LONGITUDE: 10.25 W
# ALTITUDE: 100 m asl
# SAMPLING HEIGHTS: 50 m agl
# TIME ZONE: UTC +1
# MEASUREMENT SCALE: WMO CO2 X2019
#Site;SamplingHeight;Year;Month;Day;Hour;Minute;co2;Stdev;NbPoints;Flag;InstrumentId;ch4;Stdev;NbPoints;Flag
TST;50;2020;01;01;00;00;410.5;0.2;55;O;7;1900.25;1.5;54;U
TST;50;2020;01;01;01;00;411.5;0.3;50;N;7;-999.990;-9.990;0;K
TST;50;2020;01;01;02;00;-999.99;-9.99;0;U;82;1901.25;1.5;54;Z
TST;50;2020;01;01;02;00;412.0;0.1;9;O;7;1902.0;1.0;9;O
"""


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "a file.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("name", REAL)
def test_real_files_open(data, name):
    rows, valued, gas, station, interval, scale = REAL[name]
    ds = open_air(data / name)
    assert ds.sizes["time"] == rows
    assert int(ds[gas].notnull().sum()) == valued
    assert (ds.attrs["station"], ds.attrs["interval"]) == (station, interval)
    assert ds.attrs["calibration_scale"] == ds[gas].attrs["calibration_scale"] == scale
    assert ds[gas].attrs["units"] == UNITS[gas]
    assert ds.indexes["time"].is_monotonic_increasing and ds.attrs["time_zone"] == "UTC"
    assert {"flag_values", "flag_meanings"} <= set(ds["flag"].attrs)
    assert not (ds["flag"].values[np.isnan(ds[gas].values)] == FLAG["correct_after_manual_control"]).any()


def test_every_other_real_file_says_what_is_wrong(data):
    files = [path for folder in FOLDERS for path in sorted((data / folder).iterdir())]
    others = [path for path in files if str(path.relative_to(data)) not in REAL]
    assert len(others) + len(REAL) == len(files)
    for path in others:
        with pytest.raises(DataError, match="air record|binary"):
            open_air(path)


def test_a_folder_and_an_absent_file_are_data_errors(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(DataError, match="cannot be read"):
            open_air(path)


def test_mauna_loa_columns_are_known_by_number_not_heading(data):
    ds = open_air(data / "flux/atmosphere_co2/noaa_co2-mm-mlo.csv")
    row = ds.sel(time="2026-06-01")
    assert [float(row[n]) for n in ("co2", "co2_deseasonalized", "n", "co2_sd")] == [
        431.44,
        429.06,
        19.0,
        0.35,
    ]
    interpolated = (
        ds["time"].values[ds["flag"].values == FLAG["interpolated"]].astype("datetime64[M]").astype(str)
    )
    assert list(interpolated) == [
        "1975-12",
        "1984-04",
    ]  # NOAA names these; 1958-74 is Scripps's, of unknown days


def test_obspack_times_are_starts_whatever_the_file_marks(data):
    path = data / "ref/icos/samples/co2_cbw_tower-insitu_445_allvalid-207magl.nc"
    if not path.exists():
        pytest.skip("the Cabauw record is not here")
    middle = open_air(path)
    assert str(middle["time"].values[0]) == "1992-10-23T13:00:00.000000000"  # the file says 13:30, the middle
    start = open_air(data / "flux/icos_format_samples/co2_htm_tower-insitu_424_allvalid-150magl_small.nc")
    assert (
        str(start["time"].values[0]) == "2016-12-13T00:00:00.000000000"
    )  # the file says 23:59:59 of the day before
    for ds in (middle, start):
        assert (ds["time"].dt.minute == 0).all()


def test_missing_spreads_do_not_pass_for_numbers(data):
    ds = open_air(data / "flux/icos_format_samples/co2_ssl_tower-insitu_23_allvalid-12magl_small.nc")
    assert np.isnan(ds["co2_sd"].values[3])  # -9.99e-6 mol mol-1 in the file
    assert float(ds["co2_sd"].min()) >= 0


def test_near_real_time_header_names_a_zone_that_does_not_hold(data):
    ds = open_air(data / "flux/icos_format_samples/realatc.CO2")
    assert str(ds["time"].values[0])[:16] == "2018-04-12T00:00"
    assert "UTC +1" in ds.attrs["time_zone_note"]
    assert (ds["flag"] == FLAG["correct_before_manual_control"]).all()
    assert (ds.attrs["latitude"], ds.attrs["longitude"], ds.attrs["intake_height"]) == (
        53.0657,
        11.4429,
        341.0,
    )


def test_two_gases_with_repeated_column_names(tmp_path):
    ds = open_air(write(tmp_path, ATC))
    assert (ds.attrs["latitude"], ds.attrs["longitude"]) == (-47.5, -10.25)
    np.testing.assert_array_equal(ds["co2"], [410.5, 411.5, np.nan])
    np.testing.assert_array_equal(
        ds["ch4"], [1900.25, np.nan, np.nan]
    )  # the dummy instrument measured nothing
    names = [["correct_after_manual_control", "incorrect_before_manual_control", "missing"]]
    names += [["correct_before_manual_control", "incorrect_after_manual_control", "unknown_flag"]]
    for flag, expected in zip(("flag", "ch4_flag"), names, strict=True):
        np.testing.assert_array_equal(ds[flag], [FLAG[name] for name in expected])
    assert ds["ch4"].attrs["ancillary_variables"].split() == ["ch4_flag", "ch4_sd", "ch4_n"]
    assert ds.attrs["repeated_times"] == 1


@pytest.mark.parametrize("end", ["\r", "\r\n"])
def test_line_ends_and_encodings(tmp_path, end):
    plain = open_air(write(tmp_path, ATC))
    odd = ATC.replace("# TITLE: CO2", "# TITLE: Hohenpeißenberg CO2").replace("\n", end).encode("latin-1")
    other = open_air(write(tmp_path, odd))
    assert other.attrs.pop("encoding") == "latin-1" and plain.attrs.pop("encoding") == "utf-8"
    assert plain.identical(other)


def test_flags_and_scale_survive_a_file(tmp_path, data):
    ds = open_air(data / "flux/openghg_atm/ch4_spf_surface-flask_1_ccgg_Event.nc")
    assert {int(v) for v in np.unique(ds["flag"])} >= {int(FLAG["correct_after_manual_control"])}
    assert float(ds["intake_height"].min()) < 0  # firn air: the intake lies below the snow
    ds.to_netcdf(tmp_path / "again.nc")
    again = xr.open_dataset(tmp_path / "again.nc")
    assert again["ch4"].attrs["calibration_scale"] == "NOAA-2004A"
    assert again["flag"].attrs["flag_meanings"] == ds["flag"].attrs["flag_meanings"]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("WMO CO2 X2019", "WMO-X2019"),
        ("WMOX2007", "WMO-X2007"),
        ("WMO-CO2-X2007", "WMO-X2007"),
        ("NOAA 2004A CH4", "NOAA-2004A"),
        ("530: Unknown; 115: WMO X2004A", "WMO-X2004A; unknown"),
        ("", "not stated"),
    ],
)
def test_scales_have_one_spelling(written, name):
    assert scale_name(written) == name


@st.composite
def mutation(draw):
    kind = draw(st.sampled_from(["cut", "flip", "drop", "double"]))
    return kind, draw(st.floats(0, 1)), draw(st.integers(1, 400)), draw(st.binary(min_size=1, max_size=8))


def mutate(raw: bytes, changes) -> bytes:
    for kind, share, length, noise in changes:
        at = int(share * max(len(raw) - 1, 0))
        if kind == "cut":
            raw = raw[:at]
        elif kind == "flip":
            raw = raw[:at] + noise + raw[at + len(noise) :]
        elif kind == "drop":
            raw = raw[:at] + raw[at + length :]
        else:
            raw = raw[: at + length] + raw[at:]
    return raw


@pytest.mark.parametrize("name", TEXTS)
@given(changes=st.lists(mutation(), min_size=1, max_size=6))
def test_broken_texts_open_or_say_why(tmp_path_factory, data, name, changes):
    raw = (data / name).read_bytes()[:12000]
    path = write(tmp_path_factory.mktemp("broken"), mutate(raw, changes))
    try:
        ds = open_air(path)
    except LandsinkError as error:
        assert str(error)
    else:
        assert ds.sizes["time"] > 0 and any(ds[name].notnull().any() for name in ds.data_vars)


@pytest.mark.parametrize("share", [0.001, 0.02, 0.3, 0.7, 0.95])
@pytest.mark.parametrize("name", [name for name in REAL if name.endswith(".nc")])
def test_netcdf_that_broke_off_says_so(tmp_path, data, name, share):
    raw = (data / name).read_bytes()
    with pytest.raises(DataError):
        open_air(write(tmp_path, raw[: max(8, int(share * len(raw)))]))


@pytest.mark.parametrize(
    "name",
    [
        "flux/icos_format_samples/co2_ssl_tower-insitu_23_allvalid-12magl_small.nc",  # classic format
        "flux/openghg_atm/test_toh_co2_147m.nc",  # HDF5
    ],
)
@given(changes=st.lists(mutation().filter(lambda change: change[0] != "cut"), min_size=1, max_size=6))
def test_broken_netcdf_opens_or_says_why(tmp_path_factory, data, name, changes):
    raw = (data / name).read_bytes()
    path = write(tmp_path_factory.mktemp("broken"), raw[:4] + mutate(raw[4:], changes))
    try:
        ds = open_air(path)
    except LandsinkError as error:
        assert str(error)
    else:
        assert ds.sizes["time"] > 0
