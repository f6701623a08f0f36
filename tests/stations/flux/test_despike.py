"""Despiking: the definition, its laws, and the very records that ONEFlux's own run took out."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landsink.stations.flux import despike
from landsink.stations.flux.despike import Spikes, despiked, grades, steps_beside_gaps

FOLDER = "flux/reddyproc_de_tha_98"
REFERENCE = "flux/reference/oneflux/DE-Tha"
PLACE = {"latitude": 50.9626, "longitude": 13.5651, "utc_offset": 1.0, "site": "DE-Tha"}
OURS = {"NEE": "NEE", "LE": "LE", "H": "H", "SW_IN": "Rg", "USTAR": "Ustar"}


@pytest.fixture(scope="module")
def tharandt(data) -> xr.Dataset:
    path = data / FOLDER / "Example_DETha98_lf.txt"
    if not path.exists():
        pytest.skip("no raw file of 1998 here")
    raw = pd.read_csv(path, sep="\t", skiprows=[1], na_values=[-9999])
    time = pd.date_range("1998-01-01", periods=len(raw), freq="30min").values.astype("datetime64[ns]")
    return xr.Dataset({n: ("time", raw[o].to_numpy(float)) for n, o in OURS.items()}, {"time": time}, PLACE)


def test_spikes_at_tharandt_are_those_of_oneflux(tharandt, data):
    """Every record that qc_auto removed, and no other: 140 of NEE, 427 of LE, 200 of H."""
    nee = pd.read_csv(data / REFERENCE / "DE-Tha_qca_nee_1998.csv.gz", skiprows=10, na_values=[-9999])["NEE"]
    heat = pd.read_csv(data / REFERENCE / "DE-Tha_energy_hh.csv.gz", na_values=[-9999])
    theirs = {"NEE": nee, "LE": heat["LE"].where(heat["LE_qc"] == 0), "H": heat["H"].where(heat["H_qc"] == 0)}
    out = despiked(tharandt)
    for name, count in {"NEE": 140, "LE": 427, "H": 200}.items():
        lost = np.isfinite(tharandt[name].values) & np.isnan(theirs[name].to_numpy())
        ours = np.isfinite(tharandt[name].values) & np.isnan(out[name].values)
        assert lost.sum() == count
        np.testing.assert_array_equal(ours, lost)


def test_what_is_withdrawn_stays_raw_and_is_graded(tharandt):
    out = despiked(tharandt, ("NEE",))
    np.testing.assert_array_equal(out["NEE_RAW"].values, tharandt["NEE"].values)
    grade = out["NEE_SPIKE"]
    assert set(np.unique(grade)) <= set(grade.attrs["flag_values"])
    assert len(grade.attrs["flag_meanings"].split()) == 4
    np.testing.assert_array_equal(
        np.isnan(out["NEE"].values), np.isnan(tharandt["NEE"].values) | (grade.values >= 2)
    )
    assert out.attrs["findings"] == ["NEE: 140 spikes (1.2% of values) were withdrawn."]


def test_one_spike_is_found_by_hand():
    values = np.tile([0.0, 1.0, 0.0, -1.0], 20)
    values[41] = 30.0
    # d is 2, -2 or 0 elsewhere: median 0, MAD 2 within a block; the spike's own d is 60, its neighbours' are -30.
    found = grades(values, np.ones(80, bool), (4.0, 5.5, 7.0), 80)
    assert found[41] == 3 and not found[:39].any() and not found[43:].any()


def test_a_constant_and_a_straight_line_have_no_spike():
    night = np.arange(2000) % 48 < 24
    for values in (np.ones(2000), np.arange(2000.0)):
        assert not grades(values, night, (4.0,), 624).any()


def test_short_and_empty_records_have_no_spike():
    for size in (0, 1, 2, 3):
        assert grades(np.zeros(size), np.zeros(size, bool), (4.0,), 624).tolist() == [0] * size
    assert not grades(np.full(100, np.nan), np.zeros(100, bool), (4.0,), 624).any()


def test_the_last_block_takes_what_remains():
    rng = np.random.default_rng(0)
    values = rng.normal(size=100)
    whole = grades(values, np.ones(100, bool), (1.5,), 100)
    np.testing.assert_array_equal(grades(values, np.ones(100, bool), (1.5,), 51), whole)


def test_steps_beside_gaps():
    values = np.array([np.nan, 10.0, 1.0, 1.0, 9.0, np.nan, 2.0, np.nan])
    assert steps_beside_gaps(values, 6.0).tolist() == [False, True, False, False, True, False, False, False]


def test_a_step_beside_a_gap_is_noted_and_kept():
    time = pd.date_range("2001-06-01", periods=96, freq="30min").values.astype("datetime64[ns]")
    values = np.sin(np.arange(96.0))
    values[50] = 9.0
    values[51] = np.nan
    ds = xr.Dataset({"NEE": ("time", values), "SW_IN": ("time", np.full(96, 500.0))}, {"time": time})
    out = despiked(ds, rule=Spikes(z=(1e3, 1e4, 1e5)))
    assert out["NEE_SPIKE"].values[50] == 1 and out["NEE"].values[50] == 9.0
    assert np.isnan(despiked(ds, rule=Spikes(z=(1e3,), withdrawn_from=1))["NEE"].values[50])


def test_measured_light_overrides_the_sun():
    time = pd.date_range("2001-06-01", periods=48, freq="30min").values.astype("datetime64[ns]")
    ds = xr.Dataset({"SW_IN": ("time", np.full(48, np.nan))}, {"time": time}, PLACE)
    sun = despike.is_night(ds)
    assert sun[0] and not sun[24]
    dark = despike.is_night(ds.assign(SW_IN=("time", np.zeros(48))))
    assert dark.all()
    lit = despike.is_night(ds.assign(SW_IN=("time", np.zeros(48)), PPFD_IN=("time", np.full(48, 100.0))))
    assert not lit.any()
