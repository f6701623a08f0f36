"""The soil models as a family: any may stand in for any other, none loses carbon, each does what its paper says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from landsink.core.model import Model
from landsink.core.process import SECONDS
from landsink.core.quantity import quantity
from landsink.core.run import simulate, spinup
from landsink.core.step import Decay, Euler, Matrix
from landsink.core.windows import Windows
from landsink.models.soil import (
    Icbm,
    Inert,
    LitterSoil,
    Manure,
    RothC,
    RothCClimate,
    SoilClimate,
    Yasso15,
    Yasso15Annual,
)
from landsink.models.soil.rothc import inert_stock

DAY, MONTH, YEAR = 86400.0, SECONDS["yr"] / 12, SECONDS["yr"]
SOILS = (Icbm, LitterSoil, RothC, Yasso15)
PORTS = ("fVegLitterLeaf", "fVegLitterRoot", "fVegLitterWood")
WEATHER = {"tas": 285.0, "fSoilWet": 0.7, "pr": 800 / YEAR, "clay": 20.0}
LITTER = {"fVegLitterLeaf": 0.3 / YEAR, "fVegLitterRoot": 0.15 / YEAR, "fVegLitterWood": 0.1 / YEAR}


def forcing(model: Model, steps: int, dt: float, given: dict[str, float]) -> dict:
    """Steady forcing of one cell: (time, 1), constants (1,)."""
    names = {*model.forcing, "dt"}
    fill = {n: (given | {"dt": dt})[n] for n in names}
    return {n: jnp.full(1 if quantity(n).constant else (steps, 1), float(v)) for n, v in fill.items()}


def start(model: Model) -> dict:
    known = {"tsl": 283.0, "prYear": WEATHER["pr"], "mrsoDeficit": 0.0}
    return {name: jnp.full(1, known.get(name, 0.5)) for name in model.state}


@pytest.mark.parametrize("soil", SOILS)
def test_any_soil_stands_in_for_any_other(soil):
    model = Model.of(SoilClimate(), soil())
    assert set(PORTS) <= set(model.forcing)
    assert set(model.forcing) <= {*WEATHER, *LITTER, "dt"}
    assert model.offers("rh") and model.offers("cSoil")


@pytest.mark.parametrize(
    ("stepper", "dt"), [(Euler(), DAY), (Decay(), DAY), (Decay(), MONTH), (Matrix(), MONTH)]
)
@pytest.mark.parametrize("soil", SOILS)
def test_no_carbon_is_lost(soil, stepper, dt):
    model = Model.of(SoilClimate(), soil())
    steps = 12
    state = start(model)
    drive = forcing(model, steps, dt, WEATHER | LITTER)
    kept, end = jax.jit(
        lambda s: simulate(model, stepper, s, drive, ("rh",), Windows.blocks(steps, steps), "step")
    )(state)
    stored = sum(float((end[p] - state[p])[0]) for p in model.wiring.pools)
    respired = float(jnp.sum(kept["rh"])) * dt
    assert stored + respired == pytest.approx(sum(LITTER.values()) * dt * steps, rel=1e-11)
    assert all(float(end[p][0]) >= 0 for p in model.wiring.pools)


@pytest.mark.parametrize("soil", SOILS)
def test_rates_are_finite_and_forward_at_the_edges(soil):
    model = Model.of(SoilClimate(), soil())
    edges = [quantity(n).span for n in (*model.state, *model.forcing)]
    for side in (0, 1):
        values = {n: e[side] for n, e in zip((*model.state, *model.forcing), edges, strict=True)}

        def total(x: dict) -> jax.Array:
            out = model.rates({n: x[n] for n in model.state}, {n: x[n] for n in model.forcing})
            return sum(out[k] for k in model.wiring.flows)

        x = {n: jnp.asarray(float(v)) for n, v in values.items()}
        out = model.rates({n: x[n] for n in model.state}, {n: x[n] for n in model.forcing})
        assert all(out[k] >= 0 for k in model.wiring.flows)
        assert all(np.isfinite(v) for v in out.values())
        assert all(np.isfinite(v) for v in jax.jit(jax.grad(total))(x).values())


def test_climate_is_one_at_its_reference():
    out = SoilClimate()(tas=283.15, fSoilWet=1.0, tsl=283.15, dt=DAY)
    assert float(out["fEnvSoil"]) == pytest.approx(1.0)
    warm = SoilClimate()(tas=293.15, fSoilWet=1.0, tsl=293.15, dt=DAY)
    assert float(warm["fEnvSoil"]) == pytest.approx(2.0)
    assert float(SoilClimate()(283.15, 0.0, 283.15, DAY)["fEnvSoil"]) == pytest.approx(0.1)


def test_soil_temperature_lags_alike_by_days_and_by_months():
    memory = 270.0
    for _ in range(30):
        memory = SoilClimate()(tas=290.0, fSoilWet=0.5, tsl=memory, dt=DAY)["next tsl"]
    at_once = SoilClimate()(tas=290.0, fSoilWet=0.5, tsl=270.0, dt=30 * DAY)["next tsl"]
    assert float(memory) == pytest.approx(float(at_once), rel=1e-12)


def test_litter_soil_rests_where_income_meets_decay():
    model = Model.of(LitterSoil())
    drive = forcing(model, 1, YEAR, LITTER | {"fEnvSoil": 1.0})
    steady, _ = spinup(model, Matrix(), start(model), drive, Windows.blocks(1, 1))
    litter, wood = 0.45 / 1.0, 0.1 / 0.1
    young = 0.35 * (0.45 + 0.1) / 0.08
    expected = {"cLitter": litter, "cCwd": wood, "cSoilYoung": young, "cSoilOld": 0.12 * 0.08 * young / 0.004}
    assert {n: float(steady[n][0]) for n in expected} == pytest.approx(expected, rel=1e-9)


def test_rothc_keeps_more_carbon_in_clay():
    """Share of decay that is kept: 1/(x + 1), x = 1.67 (1.85 + 1.60 exp(-0.0786 clay)); 23 % clay gives 0.2207."""
    out = RothC()(1.0, 0.0, 0.0, 0.0, 23.0, 1.0, 0.0, 0.0, 0.0)
    kept = out["cSoilDpm -> cSoilBio"] + out["cSoilDpm -> cSoilHum"]
    x = 1.67 * (1.85 + 1.60 * np.exp(-0.0786 * 23.0))
    assert float(kept) * YEAR == pytest.approx(10.0 / (1 + x), rel=1e-12)
    assert float(out["cSoilDpm -> cSoilBio"] / kept) == pytest.approx(0.46)


@pytest.mark.parametrize(
    ("celsius", "rain", "evaporation", "cover", "deficit", "expected", "after"),
    [
        # a = 47.91/(1 + exp(106.06/(T + 18.27))); M = (20 + 1.3*20 - 0.01*400) = 42 mm for 23 cm and 20 % clay
        (10.0, 50.0, 20.0, 0.0, 0.0, 47.91 / (1 + np.exp(106.06 / 28.27)), 0.0),
        (10.0, 0.0, 100.0, 1.0, 0.0, 0.2 * 0.6 * 47.91 / (1 + np.exp(106.06 / 28.27)), 42.0),
        (
            10.0,
            0.0,
            100.0,
            0.0,
            0.0,
            (0.2 + 0.8 * 0.444 / 0.556) * 47.91 / (1 + np.exp(106.06 / 28.27)),
            0.556 * 42,
        ),
        (10.0, 0.0, 100.0, 0.0, 42.0, 0.2 * 47.91 / (1 + np.exp(106.06 / 28.27)), 42.0),
        (-6.0, 50.0, 20.0, 0.0, 0.0, 0.0, 0.0),
    ],
)
def test_rothc_climate(celsius, rain, evaporation, cover, deficit, expected, after):
    out = RothCClimate()(celsius + 273.15, rain / MONTH, evaporation / MONTH, cover, 20.0, deficit, MONTH)
    assert float(out["fEnvSoil"]) == pytest.approx(expected, rel=1e-9)
    assert float(out["next mrsoDeficit"]) == pytest.approx(after)


def test_manure_is_taken_on_in_full():
    flows = Manure()(fManure=1.0)
    assert {k: float(v) for k, v in flows.items()} == pytest.approx(
        {"litterManure -> cSoilDpm": 0.49, "litterManure -> cSoilRpm": 0.49, "litterManure -> cSoilHum": 0.02}
    )


def test_inert_carbon_counts_and_stays():
    model = Model.of(RothC(), Inert())
    drive = forcing(model, 24, MONTH, WEATHER | LITTER | {"fEnvSoil": 1.0})
    kept, end = simulate(model, Decay(), start(model), drive, ("cSoil",), Windows.blocks(24, 24), "step")
    assert float(end["cSoilInert"][0]) == 0.5
    active = sum(float(end[p][0]) for p in ("cSoilDpm", "cSoilRpm", "cSoilBio", "cSoilHum"))
    assert float(kept["cSoil"][-1, 0]) == pytest.approx(active + 0.5)


def test_inert_stock_of_the_rothc_example():
    # Rothamsted's example: 37.15 t/ha of soil carbon with 3.0041 t/ha inert, from 37.04 t/ha by Falloon's relation
    assert float(inert_stock(3.715)) == pytest.approx(0.1 * 0.049 * 37.15**1.139)
    assert float(inert_stock(3.715)) == pytest.approx(0.30041, rel=0.02)


def test_yasso_by_weather_is_yasso_by_years_where_nothing_changes():
    """Steady warmth and rain make the two schemes one."""
    months, years = Model.of(Yasso15()), Model.of(Yasso15Annual())
    given = WEATHER | LITTER | {"tasAmplitude": 0.0, "dt": MONTH}
    state = {pool: 0.1 * place for place, pool in enumerate(years.wiring.pools)}
    state["prYear"] = WEATHER["pr"]
    by_months, by_years = (model.rates(state, given) for model in (months, years))
    assert years.wiring.flows == months.wiring.flows
    for key in years.wiring.flows:
        assert float(by_months[key]) == pytest.approx(float(by_years[key]), rel=1e-12)


def test_yasso_thick_wood_lasts():
    thin, thick = (Yasso15Annual(diameter=d) for d in (0.0, 0.2))
    stocks = dict.fromkeys(("cSoilA", "cSoilW", "cSoilE", "cSoilN", "cSoilH", "cCwdW", "cCwdE", "cCwdN"), 0.0)
    given = stocks | {"cCwdA": 1.0, "tas": 280.0, "tasAmplitude": 9.0, "pr": 2e-5} | dict.fromkeys(PORTS, 0.0)
    fast, slow = (float(p(**given)["cCwdA -> cCwdW"]) for p in (thin, thick))
    assert slow / fast == pytest.approx((1 - 0.43892271 * 20 + 1.2674668 * 400) ** -0.25691424)
