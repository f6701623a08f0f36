"""Parameters carried to other places."""

import numpy as np
import pytest

from landsink.core.errors import DataError
from landsink.reanalyse import by_climate, by_type, within_reach

DIM, LEARNT, SITES = 2, 40, 6


def ensemble(groups: int) -> np.ndarray:
    """Members whose hundreds tell their group and whose units tell their number."""
    one = 100.0 * np.arange(groups) + np.arange(LEARNT)[:, None]
    return np.stack([one, -one])


def test_a_type_takes_its_own_members():
    carried = by_type(ensemble(3), ["ENF", "DBF", "GRA"], ["GRA", "ENF", "GRA"], 8)
    assert carried.shape == (DIM, 8, 3)
    assert (carried[0] // 100).T.tolist() == [[2] * 8, [0] * 8, [2] * 8]
    assert len(np.unique(carried[0, :, 0])) == 8
    np.testing.assert_array_equal(carried[1], -carried[0])  # a member stays whole


def test_a_type_never_learnt_takes_some_of_all():
    carried = by_type(ensemble(3), ["ENF", "DBF", "GRA"], ["SHR"], 9)
    assert np.unique(carried[0, :, 0] // 100, return_counts=True)[1].tolist() == [3, 3, 3]


def climate() -> tuple[np.ndarray, np.ndarray]:
    """Sites on a line, one measure large and one small, and cells upon them."""
    here = np.stack([np.arange(SITES) * 1000.0, np.zeros(SITES)], 1)
    return here, np.array([[0.0, 0.0], [5000.0, 0.0], [2400.0, 0.0]])


def test_the_likeness_of_climate_decides():
    here, there = climate()
    carried = by_climate(ensemble(SITES), here, there, neighbours=2, members=16, seed=3)
    donors = (carried[0] // 100).astype(int)
    assert carried.shape == (DIM, 16, 3)
    assert set(donors[:, 0]) <= {0, 1}
    assert set(donors[:, 1]) <= {4, 5}
    assert set(donors[:, 2]) == {2, 3}
    assert np.sum(donors[:, 0] == 0) > 8
    np.testing.assert_array_equal(carried[1], -carried[0])


def test_one_neighbour_is_the_nearest_itself():
    here, there = climate()
    donors = by_climate(ensemble(SITES), here, there, 1, 5, 0)[0] // 100
    assert donors.T.tolist() == [[0] * 5, [5] * 5, [2] * 5]


def test_cells_alike_take_the_same_members_so_that_maps_are_coherent():
    here, there = climate()
    carried = by_climate(ensemble(SITES), here, np.repeat(there[2:], 2, 0), 3, 16, 1)
    np.testing.assert_array_equal(carried[..., 0], carried[..., 1])


def test_the_seed_alone_decides_the_draw():
    here, there = climate()
    first, again, other = (by_climate(ensemble(SITES), here, there, 3, 16, s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_more_members_than_were_learnt():
    here, there = climate()
    assert by_climate(ensemble(SITES), here, there, 2, 3 * LEARNT, 0).shape == (DIM, 3 * LEARNT, 3)


def test_a_barred_site_lends_nothing_and_the_others_fill_its_place():
    here, _ = climate()
    barred = np.eye(SITES, dtype=bool)
    donors = (by_climate(ensemble(SITES), here, here, 2, 16, 0, barred)[0] // 100).astype(int)
    for site in range(SITES):
        left = np.delete(np.arange(SITES), site)
        alone = by_climate(ensemble(SITES)[..., left], here[left], here[[site]], 2, 16, 0)[0, :, 0] // 100
        assert site not in donors[:, site]
        # whether a site is barred or was never there makes no difference but for the spread that scales distance
        assert set(donors[:, site]) == set(alone.astype(int))


def test_more_neighbours_than_sites_that_may_lend():
    here, _ = climate()
    barred = np.ones((1, SITES), bool)
    barred[0, [1, 4]] = False
    donors = by_climate(ensemble(SITES), here, here[:1], SITES, 64, 0, barred)[0, :, 0] // 100
    assert set(donors.astype(int)) == {1, 4}
    assert np.sum(donors == 1) > np.sum(donors == 4)  # the nearer one more often


def test_a_cell_without_any_donor_is_told():
    here, there = climate()
    barred = np.zeros((3, SITES), bool)
    barred[1] = True
    with pytest.raises(DataError, match="1 of 3 cells"):
        by_climate(ensemble(SITES), here, there, 2, 4, 0, barred)


def test_places_within_reach_along_the_sphere():
    lat, lon = np.array([50.0, 50.0, 51.0, 50.0]), np.array([10.0, 11.0, 10.0, -170.0])
    # a degree of latitude is 111.2 km, one of longitude at 50 N 71.5 km
    assert within_reach(lat, lon, 72.0)[0].tolist() == [True, True, False, False]
    assert within_reach(lat, lon, 112.0)[0].tolist() == [True, True, True, False]
    assert within_reach(lat, lon, 0.0).tolist() == np.eye(4, dtype=bool).tolist()
    # over the pole: 80 degrees of the sphere
    assert within_reach(lat, lon, 8896.0)[0, 3] and not within_reach(lat, lon, 8895.0)[0, 3]
    across = within_reach(np.zeros(2), np.array([179.9, -179.9]), 23.0)
    assert across.all()
