"""Parameters carried to other places."""

import numpy as np

from landsink.reanalyse import by_climate, by_type

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
