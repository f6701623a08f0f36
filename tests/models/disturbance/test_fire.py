"""Fire: hand-checked flows, and a run in which matter closes."""

import jax.numpy as jnp
import numpy as np
import pytest

from landsink.core.run import simulate
from landsink.core.step import Decay
from landsink.core.windows import Windows
from landsink.models.disturbance import Fire, LitterFire
from tests.models.plant.climate import START, plant, weather

POOLS = {"cLabile": 0.1, "cLeaf": 0.2, "cRoot": 0.3, "cWood": 10.0}


def test_shares_by_hand() -> None:
    given = Fire()(burntFraction=1e-8, **POOLS)
    assert float(given["cLeaf -> atmosphere : fFire"]) == pytest.approx(0.9e-8 * 0.2)
    assert float(given["cLeaf -> litterLeaf : fVegLitterLeaf"]) == pytest.approx(0.1 * 0.5 * 1e-8 * 0.2)
    assert float(given["cWood -> atmosphere : fFire"]) == pytest.approx(0.15e-8 * 10.0)
    assert float(given["cWood -> litterWood : fVegLitterWood"]) == pytest.approx(0.85 * 0.5 * 1e-8 * 10.0)


def test_litter_by_hand() -> None:
    given = LitterFire()(burntFraction=1e-8, cLitter=0.4, cCwd=2.0)
    assert float(given["cLitter -> atmosphere : fFire"]) == pytest.approx(0.525e-8 * 0.4)
    assert float(given["cCwd -> atmosphere : fFire"]) == pytest.approx(0.15e-8 * 2.0)


def test_no_fire_and_nothing_to_burn() -> None:
    assert all(float(v) == 0.0 for v in Fire()(burntFraction=0.0, **POOLS).values())
    assert all(float(v) == 0.0 for v in Fire()(burntFraction=1e-6, **dict.fromkeys(POOLS, 0.0)).values())
    assert all(float(v) == 0.0 for v in LitterFire()(burntFraction=1e-6, cLitter=0.0, cCwd=0.0).values())


def test_a_burning_land_closes_and_counts_its_fire() -> None:
    forcing = weather(1)
    forcing["burntFraction"] = jnp.where(jnp.arange(365)[:, None] == 200, 0.5 / 86400.0, 0.0)
    state = {name: jnp.full(1, value) for name, value in START.items()}
    model = plant(Fire())
    want = ("nbp", "nee", "fFire", "fVegLitterWood")
    out, end = simulate(model, Decay(), state, forcing, want, Windows.blocks(365, 73), every="step")
    days = {name: np.asarray(values)[:, 0] * 86400.0 for name, values in out.items()}
    gained = sum(float(end[p][0] - state[p][0]) for p in state if p.startswith("c"))
    assert days["nbp"].sum() == pytest.approx(gained, abs=1e-10)
    assert np.allclose(days["nbp"], -days["nee"] - days["fFire"], atol=1e-14)
    assert days["fFire"].argmax() == 200
    assert days["fFire"][:200].max() == 0.0
    assert 0.2 < days["fFire"][200] < 0.5 * 0.2 * 5.5
