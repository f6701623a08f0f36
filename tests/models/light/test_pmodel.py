"""The acclimated P-model: it meets the published model at rest, and bends as it should."""

import jax
import numpy as np
import pytest

from landsink.core.physics import CARBON
from landsink.core.quantity import quantity
from landsink.models.light import PModel, pmodel

MIDSUMMER = {
    "tas": 293.15, "tasmin": 290.0, "tasmax": 293.15, "rsds": 250.0, "vpd": 1000.0, "co2": 400e-6, "ps": 101325.0,
    "daylength": 57600.0, "fapar": 0.8, "fSoilMoistGpp": 1.0, "dt": 86400.0, "tasAcclim": 293.15, "vpdAcclim": 1000.0,
    "ppfdAcclim": 8e-4,
}  # fmt: skip


def test_at_rest_it_is_the_published_model() -> None:
    """With ample Rubisco, no frost or heat, and today's light equal to the remembered one."""
    ppfd = 8e-4
    weather = MIDSUMMER | {"rsds": ppfd / pmodel.PHOTONS, "daylength": 86400.0, "vpd": 1e3, "vpdAcclim": 1e3}
    found = PModel(yield_scale=1.0, electron_scale=1.0, cost_ratio=146.0, rubisco_scale=1e4,
                   frost_temperature=150.0, waking_temperature=100.0, heat_temperature=450.0)(**weather)  # fmt: skip
    ca, star = 400e-6 * 101325.0, pmodel.gammastar(293.15, 101325.0)
    dry = np.hypot(1e3, 50.0)
    ci = ca * pmodel.chi(pmodel.xi(293.15, 101325.0), star, dry, ca)
    mj = pmodel.light_term(ci, star)
    moles = pmodel.phi0(293.15) * 0.8 * ppfd * mj * pmodel.transport_limit(mj)
    assert found["gpp"] == pytest.approx(float(CARBON * moles), rel=1e-3)
    # Fick: what the leaf takes up is the conductance to CO2 times the drop, in the same air
    assert found["gc"] / PModel().conductance_scale == pytest.approx(
        float(1.6 * found["gpp"] / CARBON * 8.3145 * 293.15 / (ca - ci)), rel=1e-9
    )


def test_it_bends() -> None:
    model = PModel()
    base = model(**MIDSUMMER)
    dim, bright = (model(**MIDSUMMER | {"rsds": rsds})["gpp"] for rsds in (100.0, 300.0))
    assert dim < bright < 3.0 * dim
    assert model(**MIDSUMMER | {"co2": 600e-6})["gpp"] > base["gpp"]
    assert model(**MIDSUMMER | {"vpd": 3000.0})["gc"] < base["gc"]
    assert model(**MIDSUMMER | {"tasmin": 262.0})["gpp"] < 0.1 * base["gpp"]
    assert model(**MIDSUMMER | {"fSoilMoistGpp": 0.5})["gc"] == pytest.approx(float(0.5 * base["gc"]))
    assert model(**MIDSUMMER | {"fapar": 0.0})["gpp"] == 0.0


def test_plausible_summer_day() -> None:
    found = PModel()(**MIDSUMMER)
    assert 4.0 < found["gpp"] * 8.64e7 < 16.0  # g C m-2 d-1
    assert 0.002 < found["gc"] < 0.02  # m s-1


@pytest.mark.parametrize("dt", [86400.0, 2.63e6])
def test_memory_moves_by_its_time_scale(dt: float) -> None:
    found = PModel(day_warmth=0.0001)(**MIDSUMMER | {"dt": dt, "tasAcclim": 283.15})
    assert found["next tasAcclim"] == pytest.approx(
        293.15 - 10.0 * np.exp(-dt / PModel().acclimation_time), abs=1e-2
    )


def test_finite_with_finite_slopes_over_the_spans() -> None:
    rng = np.random.default_rng(7)
    spans = {name: quantity(name).span for name in MIDSUMMER}
    # a third of the draws lie on a span's ends, where square roots and quotients have their edges
    spread = {n: np.clip(rng.uniform(-0.25, 1.25, 2000), 0.0, 1.0) for n in MIDSUMMER}
    weather = {n: low + (high - low) * spread[n] for n, (low, high) in spans.items()}

    def total(w: dict[str, jax.Array]) -> tuple[jax.Array, dict[str, jax.Array]]:
        found = PModel()(**w)
        return sum(found.values()), found

    slopes, found = jax.jit(jax.vmap(jax.grad(total, has_aux=True)))(weather)
    assert all(np.isfinite(v).all() for v in (*slopes.values(), *found.values()))
    assert (found["gpp"] >= 0.0).all() and (found["gc"] >= 0.0).all()
