"""Day length and radiation at the top of the atmosphere, against FAO 56 and the calendar."""

import jax
import numpy as np
import pytest

from landsink.models.light import Sun


def test_the_published_example_of_september_in_the_south() -> None:
    """FAO 56, examples 8 and 9: 3 September, 20 degrees south: Ra 32.2 MJ m-2 d-1, 11.7 h."""
    given = Sun()(lat=-20.0, dayOfYear=246.0)
    assert given["rsdt"] * 0.0864 == pytest.approx(32.2, abs=0.3)
    assert given["daylength"] / 3600.0 == pytest.approx(11.7, abs=0.1)


def test_the_equator_has_twelve_hours() -> None:
    days = Sun()(lat=0.0, dayOfYear=np.arange(1.0, 366.0))["daylength"]
    assert np.allclose(days, 43200.0)


@pytest.mark.parametrize(
    ("lat", "day", "hours"), [(80.0, 172.0, 24.0), (80.0, 355.0, 0.0), (-80.0, 172.0, 0.0)]
)
def test_poles(lat: float, day: float, hours: float) -> None:
    given = Sun()(lat=lat, dayOfYear=day)
    assert given["daylength"] / 3600.0 == pytest.approx(hours, abs=0.01)
    assert (given["rsdt"] > 400.0) if hours else (given["rsdt"] == pytest.approx(0.0, abs=0.1))


@pytest.mark.parametrize("lat", [-90.0, -66.6, 0.0, 51.0, 66.6, 90.0])
def test_slopes_are_finite_everywhere(lat: float) -> None:
    slopes = jax.jit(
        jax.vmap(jax.jacfwd(lambda at, day: Sun()(lat=at, dayOfYear=day), argnums=(0, 1)), (None, 0))
    )
    found = slopes(lat, np.linspace(0.0, 367.0, 400))
    assert all(np.isfinite(s).all() for pair in found.values() for s in pair)
