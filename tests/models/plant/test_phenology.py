"""Phenology: hand-checked thresholds and exact relaxation."""

import jax.numpy as jnp
import pytest

from landsink.models.plant import Phenology

DAY = 86400.0
HOUR = 3600.0


def season(p: Phenology, **changes: float) -> dict[str, float]:
    """One step from a canopy at rest in a warm, light and wet season, with some things changed."""
    now = {
        "tas": 300.0,
        "daylength": 16.0 * HOUR,
        "fSoilWet": 1.5,
        "dt": DAY,
        "tasPhenology": 300.0,
        "tasLeafOn": 1.0,
    }
    return {k: float(v) for k, v in p(**({**now, "laiPotential": float(p.lai_max)} | changes)).items()}


def test_full_season_asks_for_the_full_canopy() -> None:
    p = Phenology()
    assert season(p)["laiTarget"] == pytest.approx(4.5, rel=2e-3)


def test_thresholds_halve_readiness() -> None:
    p = Phenology()
    long = {"dt": 1e4 * DAY, "laiPotential": 0.0}
    cold = season(p, tas=282.0, tasPhenology=282.0, tasLeafOn=0.5, **long)
    assert cold["next tasLeafOn"] == pytest.approx(0.5, abs=1e-3)
    dark = season(p, daylength=11.0 * HOUR, **long)
    assert dark["next tasLeafOn"] == pytest.approx(0.5, abs=1e-3)
    dry = season(p, fSoilWet=0.1, **long)
    assert dry["next laiPotential"] == pytest.approx(2.25, rel=1e-6)


def test_winter_leaves_the_evergreen_share() -> None:
    p = Phenology(evergreen=0.3)
    winter = season(p, tas=250.0, tasPhenology=250.0, tasLeafOn=0.0, dt=1e4 * DAY)
    assert winter["laiTarget"] == pytest.approx(0.3 * 4.5, rel=2e-3)


def test_memory_relaxes_exactly_whatever_the_step() -> None:
    p = Phenology()
    value = 280.0
    for _ in range(30):
        value = season(p, tas=290.0, tasPhenology=value)["next tasPhenology"]
    month = season(p, tas=290.0, tasPhenology=280.0, dt=30.0 * DAY)["next tasPhenology"]
    assert value == pytest.approx(month, rel=1e-12)
    assert month == pytest.approx(290.0 - 10.0 * float(jnp.exp(-30.0 / 14.0)), rel=1e-9)


def test_leaves_come_faster_than_they_go() -> None:
    p = Phenology(time_on=5.0 * DAY, time_off=50.0 * DAY)
    up = season(p, tasLeafOn=0.0)["next tasLeafOn"]
    down = 1.0 - season(p, tas=250.0, tasPhenology=250.0)["next tasLeafOn"]
    assert up == pytest.approx(1.0 - float(jnp.exp(-0.2)), rel=5e-3)
    assert down == pytest.approx(1.0 - float(jnp.exp(-0.02)), rel=1e-2)
