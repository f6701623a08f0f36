"""Surface-ocean files: what they hold, the traps in each, and what happens to broken ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landsink.core.errors import DataError, LandsinkError
from landsink.sources.ocean import open_ocean
from landsink.sources.ocean.record import UNITS

CRUISE = "flux/ocean_pco2/26NA20050107_CO2_underway_SOCATv3.tab"
FLAGGED = "flux/icos_format_samples/otc_quality_flags.csv"
UNFLAGGED = "flux/icos_format_samples/otc_no_quality_flags.csv"
FOLDERS = ("flux/atmosphere_co2", "flux/openghg_atm", "flux/icos_format_samples", "flux/ocean_pco2")


def test_a_socat_cruise(data):
    ds = open_ocean(data / CRUISE)
    assert ds.sizes["time"] == 526 and (ds["flag"] == 2).all()
    first = {name: float(ds[name][0]) for name in ("sst", "t_equ", "p_equ", "salinity", "p_air", "xco2_air")}
    assert first == {
        "sst": 2.44,
        "t_equ": 3.08,
        "p_equ": 977.8,
        "salinity": 34.736,
        "p_air": 980.0,
        "xco2_air": 382.479,
    }
    assert float(ds["xco2_water_equ"][0]) == 365.363 and float(ds["fco2"][0]) == 339.106
    assert (ds.attrs["expocode"], ds.attrs["cruise_flag"]) == ("26NA20050107", "C")
    assert ds.attrs["interpolated"].split() == ["salinity", "p_air", "bottom_depth", "xco2_air"]
    assert all(ds[name].attrs["units"] == UNITS[name] for name in ds.data_vars if name in UNITS)


@pytest.mark.parametrize("name", [FLAGGED, UNFLAGGED])
def test_otc_keeps_samples_of_one_moment(data, name):
    ds = open_ocean(data / name)
    assert ds.sizes["time"] == 8 and ds.attrs["repeated_times"] == 2
    assert "fco2" in ds.attrs["empty_variables"].split()
    assert "Equilibrator Pressure" in ds.attrs["unit_notes"]


def test_otc_flags_stand_beside_their_variables(data):
    ds = open_ocean(data / FLAGGED)
    assert ds["latitude"].attrs["ancillary_variables"] == "latitude_flag"
    np.testing.assert_array_equal(ds["latitude_flag"], [2, 2, 2, 2, 4, 4, 2, 2])
    assert "latitude_flag" not in open_ocean(data / UNFLAGGED)


def test_every_other_real_file_says_what_is_wrong(data):
    files = [path for folder in FOLDERS for path in sorted((data / folder).iterdir())]
    others = [path for path in files if str(path.relative_to(data)) not in (CRUISE, FLAGGED, UNFLAGGED)]
    assert len(others) == len(files) - 3
    for path in others:
        with pytest.raises(DataError, match="ocean record|binary"):
            open_ocean(path)


def test_a_pressure_in_another_unit_is_refused(data, tmp_path):
    text = (data / CRUISE).read_text().replace("Pequ [hPa]\t", "Pequ [atm]\t")
    (tmp_path / "cruise.tab").write_text(text)
    with pytest.raises(DataError, match="atm"):
        open_ocean(tmp_path / "cruise.tab")


@pytest.mark.parametrize("name", [CRUISE, FLAGGED])
@given(
    at=st.lists(st.floats(0, 1), min_size=1, max_size=8),
    noise=st.binary(min_size=0, max_size=6),
    cut=st.floats(0.01, 1),
)
def test_broken_texts_open_or_say_why(tmp_path_factory, data, name, at, noise, cut):
    raw = (data / name).read_bytes()[:9000]
    for share in at:
        i = int(share * len(raw))
        raw = raw[:i] + noise + raw[i + 3 :]
    path = tmp_path_factory.mktemp("broken") / "file"
    path.write_bytes(raw[: int(cut * len(raw))])
    try:
        ds = open_ocean(path)
    except LandsinkError as error:
        assert str(error)
    else:
        assert ds.sizes["time"] > 0 and ds["latitude"].notnull().all()
