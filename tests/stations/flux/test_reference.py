"""The version that stands for all: its rules by hand, and ONEFlux's own choice at DE-Tha 1998."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landsink.core.errors import DataError
from landsink.stations.flux.gaps import filled
from landsink.stations.flux.reference import LongGaps, averaged, efficiencies, groups, reference_version
from tests.stations.flux import towers


def versions(columns, start="2001-01-01"):
    values = np.stack(columns, axis=1)
    axis = pd.date_range(start, periods=values.shape[0], freq="30min")
    return xr.DataArray(
        values, {"time": axis, "percentile": np.arange(values.shape[1]) * 10.0}, ("time", "percentile")
    )


def test_efficiency_by_hand():
    matrix = efficiencies(np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 2.0]]))
    np.testing.assert_allclose(matrix, [[1, 1 - 6 / 8], [1 - 6 / 2, 1]])


def test_the_version_between_the_others_is_chosen_and_the_first_of_equals():
    wave = np.sin(np.arange(96 * 40) / 7.6)
    low, middle, high = wave - 0.3, wave, wave + 0.3
    chosen = reference_version(versions([low, middle, middle, high]))
    assert {r.index for r in chosen.values()} == {1}
    assert chosen["HH"].label == 10.0 and chosen["HH"].scores[1] == chosen["HH"].scores[2]


def test_one_year_takes_the_choice_of_months():
    chosen = reference_version(
        versions([np.arange(48.0 * 90), np.arange(48.0 * 90) * 1.1, np.zeros(48 * 90)])
    )
    assert chosen["YY"] is chosen["MM"]


def test_a_version_that_does_not_vary_is_never_chosen():
    assert reference_version(versions([np.zeros(96), np.arange(96.0), np.arange(96.0) + 1]))["HH"].index == 1
    with pytest.raises(DataError, match="different values"):
        reference_version(versions([np.zeros(96), np.ones(96)]))


def test_weeks_are_52_a_year_and_the_last_is_longer():
    axis = versions([np.zeros(48 * 366)], "2004-01-01").time
    labels, count = np.unique(groups(axis, "WW"), return_counts=True)
    assert labels.size == 52 and count[0] == 7 * 48 and count[-1] == 9 * 48
    with pytest.raises(DataError, match="no aggregation"):
        groups(axis, "hourly")


def test_means_of_groups():
    np.testing.assert_allclose(averaged(np.array([[1.0], [3.0], [5.0]]), np.array([4, 4, 9])), [[2.0], [5.0]])


def test_long_gaps_join_across_short_islands_only():
    quality = np.zeros(48 * 60)
    quality[: 48 * 10] = quality[48 * 12 : 48 * 20] = 3  # two days of better records between
    quality[48 * 40 : 48 * 54] = 3  # a fortnight
    inside = LongGaps()(quality, 48)
    assert inside[: 48 * 20].all() and not inside[48 * 20 :].any()


def test_steps_within_long_gaps_take_no_part():
    truth = np.sin(np.arange(48 * 60) / 7.6)
    gap = np.arange(48 * 60) < 48 * 20
    near, far = np.where(gap, -truth, truth + 0.02), truth + np.where(gap, 0, 0.4)
    ds = versions([near, far, truth + 0.01, truth + 0.015])
    quality = ds.copy(data=np.where(gap[:, None], 3.0, 0.0) * np.ones(4))
    assert reference_version(ds)["HH"].index != 0
    assert reference_version(ds, quality, long_gaps=LongGaps())["HH"].index == 0
    with pytest.raises(DataError, match="told by quality"):
        reference_version(ds, long_gaps=LongGaps())
    with pytest.raises(DataError, match="filled in all"):
        reference_version(ds.where(False))


def test_oneflux_chooses_the_same_at_every_aggregation(data):
    ds, made = towers.oneflux_versions(data)
    forty = filled(ds, hats=False).NEE_F.isel(percentile=slice(0, 40))
    chosen = reference_version(forty)
    half_hours = forty.sel(percentile=chosen["HH"].label)
    assert chosen["HH"].label == 48.75  # as ONEFlux's description of its output says
    np.testing.assert_allclose(half_hours, made["NEE_ref_y"], atol=1e-4)
    for file, aggregation, days in (("dd", "DD", 1), ("mm", "MM", 1), ("yy", "YY", 365)):
        theirs = pd.read_csv(data / f"flux/reference/oneflux/DE-Tha/DE-Tha_NEE_{file}.csv", na_values=[-9999])
        column = forty.sel(percentile=[chosen[aggregation].label]).values
        ours = averaged(column, groups(forty.time, aggregation))[:, 0] * 1.03775 * days
        np.testing.assert_allclose(ours, theirs["NEE_ref_y"], rtol=1e-4, atol=1e-3)
