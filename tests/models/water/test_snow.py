"""Snow by hand: what falls, what melts, and nothing from bare ground."""

import pytest

from landsink.models.water import Snow

FALL, RAIN = "atmosphere -> snw : prsn", "atmosphere -> soilSurface : prra"
MELT, SUBLIME = "snw -> soilSurface : snm", "snw -> atmosphere : sbl"


def day(tas: float, snw: float = 100.0) -> dict[str, float]:
    return {k: float(v) for k, v in Snow()(tas=tas, pr=1e-4, snw=snw, evspsblpot=1e-5).items()}


def test_precipitation_is_shared_out() -> None:
    assert day(Snow().threshold)[FALL] == pytest.approx(0.5e-4)
    for tas in (250.0, 272.0, 274.0, 300.0):
        assert day(tas)[FALL] + day(tas)[RAIN] == pytest.approx(1e-4, rel=1e-12)
    assert day(260.0)[RAIN] < 1e-9
    assert day(283.0)[FALL] < 1e-8


def test_degree_day_melt() -> None:
    """Ten degrees above the melting point, ground well covered: 10 K times the degree-day factor."""
    assert day(283.15, snw=1e9)[MELT] == pytest.approx(10.0 * Snow().degree_day, rel=0.01)
    assert day(250.0)[MELT] < 0.01 * day(283.15)[MELT]


def test_bare_ground_gives_nothing() -> None:
    found = day(280.0, snw=0.0)
    assert found[MELT] == found[SUBLIME] == 0.0
