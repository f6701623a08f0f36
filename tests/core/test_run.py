"""Time: each stepper against its closed form, windows, and gradients through checkpoints."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from landsink.core.errors import LandsinkError, WiringError
from landsink.core.model import Model
from landsink.core.run import simulate
from landsink.core.step import Decay, Euler, Matrix
from landsink.core.windows import Windows
from tests.core.toys import (
    DAY,
    YEAR,
    Chain,
    Greedy,
    Input,
    Leaves,
    Uptake,
    WarmDecay,
    Warmth,
    constant,
    seasons,
)

STEPPERS = [Euler(), Decay(), Matrix()]
# Its derivative takes long to compile.
DEAR = [Euler(), Decay(), pytest.param(Matrix(), marks=pytest.mark.slow)]
START = {"cSoilYoung": jnp.array(2.0), "cSoilOld": jnp.array(5.0)}


def names(stepper: object) -> str:
    return type(stepper).__name__


def test_decay_is_the_closed_form_of_each_pool():
    chain, dt = Chain(), YEAR / 12
    state, out = Decay()(Model.of(chain), START, {"dt": jnp.array(dt)})
    young = 2.0 * np.exp(-chain.k_young * dt)
    lost = 2.0 - young
    old = 5.0 * np.exp(-chain.k_old * dt) + chain.humified * lost
    assert state["cSoilYoung"] == pytest.approx(young, rel=1e-14)
    assert state["cSoilOld"] == pytest.approx(old, rel=1e-14)
    assert out["cSoilYoung -> atmosphere : rh"] * dt == pytest.approx(0.8 * lost, rel=1e-13)


def test_decay_feeds_a_pool_that_returns_to_itself_as_rothc_does():
    class Microbes(Chain):
        """A pool that feeds itself: what decays is shared between the air and the pool."""

        def __call__(self, cSoilBio):
            decay = self.k_young * cSoilBio
            return {"cSoilBio -> atmosphere : rh": 0.6 * decay, "cSoilBio -> cSoilBio": 0.4 * decay}

    chain = Microbes()
    state, _ = Decay()(Model.of(chain), {"cSoilBio": jnp.array(1.0)}, {"dt": jnp.array(YEAR / 12)})
    stays = np.exp(-chain.k_young * YEAR / 12)
    assert state["cSoilBio"] == pytest.approx(stays + 0.4 * (1.0 - stays), rel=1e-14)


@pytest.mark.parametrize("dt", [DAY, YEAR / 12, YEAR, 100 * YEAR])
def test_matrix_is_the_matrix_exponential(dt):
    chain, inflow = Chain(), Input()
    model = Model.of(chain, inflow)
    generator = np.array([[-chain.k_young, 0.0], [chain.humified * chain.k_young, -chain.k_old]])
    steady = np.linalg.solve(generator, [-inflow.rate, 0.0])
    expected = steady + scipy.linalg.expm(generator * dt) @ (np.array([2.0, 5.0]) - steady)
    state, out = Matrix()(model, START, {"dt": jnp.array(dt)})
    assert [state["cSoilYoung"], state["cSoilOld"]] == pytest.approx(list(expected), rel=1e-11)
    gained = sum(state.values()) - 7.0
    lost = sum(v for k, v in out.items() if "rh" in k) * dt
    assert gained + lost == pytest.approx(inflow.rate * dt, rel=1e-11)


def test_matrix_in_every_cell():
    model, dt = Model.of(Chain()).with_parameters({"Chain.k_old": jnp.array([1e-9, 5e-9])}), jnp.array(YEAR)
    both, _ = Matrix()(model, {k: jnp.broadcast_to(v, 2) for k, v in START.items()}, {"dt": dt})
    for i, k in enumerate((1e-9, 5e-9)):
        one, _ = Matrix()(Model.of(Chain(k_old=k)), START, {"dt": dt})
        assert both["cSoilOld"][i] == pytest.approx(float(one["cSoilOld"]), rel=1e-13)


def test_euler_of_a_small_step_is_the_rate_times_the_step():
    chain = Chain()
    state, _ = Euler()(Model.of(chain), START, {"dt": jnp.array(DAY)})
    assert state["cSoilYoung"] == pytest.approx(2.0 * (1 - chain.k_young * DAY), rel=1e-14)


def test_euler_shares_out_what_is_left():
    state, out = Euler()(Model.of(Greedy()), START, {"dt": jnp.array(DAY)})
    assert state["cSoilYoung"] == pytest.approx(0.0, abs=1e-15)
    assert out["cSoilYoung -> atmosphere : rh"] * DAY == pytest.approx(0.5)
    assert state["cSoilOld"] == pytest.approx(5.0 + 1.5)


@pytest.mark.parametrize("stepper", STEPPERS, ids=names)
@pytest.mark.parametrize("held", [0.0, 1e-6, 1.0, 500.0])
def test_a_loss_that_saturates_never_overdraws(stepper, held):
    class Melt(Greedy):
        """Melt that hardly knows how much snow is left: its tangent takes far more than there is."""

        def __call__(self, snw):
            return {"snw -> mrsos : snm": 100.0 * self.demand * snw / (snw + 5.0)}

    state = {"snw": jnp.array([held]), "mrsos": jnp.zeros(1)}
    new, out = stepper(Model.of(Melt()), state, {"dt": jnp.array([30 * DAY])})
    assert -1e-12 <= new["snw"][0] <= held
    assert new["snw"][0] + new["mrsos"][0] == pytest.approx(held, rel=1e-13)
    assert out["snw -> mrsos : snm"][0] * 30 * DAY == pytest.approx(float(new["mrsos"][0]), rel=1e-12)


@pytest.mark.parametrize("stepper", [Euler(), Decay()], ids=names)
def test_an_empty_pool_gives_nothing(stepper):
    state, out = stepper(Model.of(Greedy()), {k: 0.0 * v for k, v in START.items()}, {"dt": jnp.array(DAY)})
    # Decay divides by the stock, floored far below a molecule
    assert all(abs(v) < 1e-29 for v in (*state.values(), *out.values()))


@pytest.mark.parametrize("stepper", [Euler(), Decay()], ids=names)
def test_gradients_stay_finite_where_a_pool_is_empty(stepper):
    def left(stock):
        return sum(
            stepper(Model.of(Greedy(), Input()), dict.fromkeys(START, stock), {"dt": jnp.array(DAY)})[
                0
            ].values()
        )

    assert jnp.isfinite(jax.grad(left)(0.0)) and jnp.isfinite(jax.grad(left)(1e-20))


@pytest.mark.parametrize("stepper", STEPPERS, ids=names)
def test_a_port_passes_on_what_it_receives(stepper):
    model = Model.of(Leaves(fall=5e-7), Uptake(), Chain())
    state = {n: jnp.array(0.1) for n in model.state} | {"tasPhenology": jnp.array(283.0)}
    new, out = stepper(model, state, {"tas": jnp.array(290.0), "dt": jnp.array(40 * DAY)})
    fell = out["cLeaf -> litterLeaf : fVegLitterLeaf"]
    assert out["litterLeaf -> cSoilYoung"] + out["litterLeaf -> cSoilOld"] == pytest.approx(
        float(fell), rel=1e-12
    )
    gain = model.count("cLand", new, out) - model.count("cLand", state, out)
    assert gain == pytest.approx(float(model.count("nbp", new, out)) * 40 * DAY, rel=1e-11)


def test_matrix_remembers_as_the_others_do():
    model = Model.of(Leaves(), Uptake(), Chain())
    state = {n: jnp.array(0.1) for n in model.state} | {"tasPhenology": jnp.array(283.0)}
    ends = [
        s(model, state, {"tas": jnp.array(290.0), "dt": jnp.array(DAY)})[0]["tasPhenology"] for s in STEPPERS
    ]
    assert ends[0] == ends[1] == ends[2] == pytest.approx(283.0 + 7.0 * (1 - np.exp(-0.1)))


# --- simulation


def test_windows_of_months():
    days = np.repeat([1, 2, 3], [31, 28, 31])
    windows = Windows.of(days)
    assert windows.index.shape == (3, 31)
    assert windows.real.sum(1).tolist() == [31, 28, 31]
    assert windows.index.max() == 89 and windows.index[1, 30] == 58


def test_means_over_unequal_months_are_weighted_by_their_steps():
    model = Model.of(Warmth(), WarmDecay(), Input())
    tas = jnp.asarray(280.0 + np.random.default_rng(1).normal(size=(59, 2)))
    dt = jnp.asarray(np.where(np.arange(59) % 2, DAY, 3 * DAY))[:, None]
    forcing, windows = {"tas": tas, "dt": dt}, Windows.of(np.repeat([1, 2], [31, 28]))
    means, end = simulate(model, Decay(), START, forcing, ("rh", "cSoil"), windows)
    steps, again = simulate(model, Decay(), START, forcing, ("rh", "cSoil"), windows, every="step")
    assert steps["rh"].shape == (59, 2) and means["rh"].shape == (2, 2)
    for name in means:
        for window, part in enumerate((slice(0, 31), slice(31, 59))):
            expected = np.average(steps[name][part], axis=0, weights=dt[part, 0])
            assert means[name][window] == pytest.approx(expected, rel=1e-13)
    assert all((end[k] == again[k]).all() for k in end)


@pytest.mark.parametrize("stepper", STEPPERS, ids=names)
@pytest.mark.parametrize("length", [1, 7, 100])
def test_how_time_is_cut_changes_nothing(stepper, length):
    model, forcing = Model.of(Warmth(), WarmDecay(), Input()), seasons(2)
    whole, end = simulate(model, stepper, START, forcing, ("rh",), Windows.blocks(24, 24), every="step")
    parts, other = simulate(model, stepper, START, forcing, ("rh",), Windows.blocks(24, length), every="step")
    # the compiler may fuse a window of one step otherwise: equal to the last bits
    assert np.allclose(whole["rh"], parts["rh"], rtol=1e-14, atol=0.0)
    assert all(np.allclose(end[k], other[k], rtol=1e-14, atol=0.0) for k in end)


def test_steps_come_back_under_jit_too():
    model, forcing, windows = Model.of(Warmth(), WarmDecay(), Input()), seasons(1), Windows.blocks(12, 5)
    plain, _ = simulate(model, Decay(), START, forcing, ("rh",), windows, every="step")
    quick, _ = eqx.filter_jit(simulate)(model, Decay(), START, forcing, ("rh",), windows, every="step")
    assert quick["rh"].shape == plain["rh"].shape == (12, 1)
    assert quick["rh"] == pytest.approx(np.asarray(plain["rh"]), rel=1e-13)


def test_closed_over_years_equals_hand_written_loop():
    model, forcing = Model.of(Warmth(), WarmDecay(), Input()), seasons(1)
    _, end = simulate(model, Decay(), START, forcing, (), Windows.blocks(12, 5))
    state, step = START, eqx.filter_jit(Decay())
    for i in range(12):
        state, _ = step(model, state, {k: v[i] for k, v in forcing.items()})
    assert all(np.allclose(end[k], state[k], rtol=1e-13) for k in end)


@pytest.mark.parametrize("stepper", DEAR, ids=names)
def test_gradient_through_checkpoints_is_the_plain_gradient(stepper):
    model, forcing = (
        Model.of(Warmth(), WarmDecay(), Input()),
        {k: v[:4] for k, v in seasons(1, cells=2).items()},
    )

    def cost(model):
        out, end = simulate(model, stepper, START, forcing, ("rh",), Windows.blocks(4, 2))
        return 1e9 * out["rh"].sum() + end["cSoilOld"].sum()

    def plain(model):
        state, total = {k: jnp.broadcast_to(v, 2) for k, v in START.items()}, 0.0
        for i in range(4):
            state, out = stepper(model, state, {k: v[i] for k, v in forcing.items()})
            total = total + model.count("rh", state, out).sum() / 2
        return 1e9 * total + state["cSoilOld"].sum()

    live = jax.tree.map(jnp.asarray, model)
    found, expected = jax.jit(jax.grad(cost))(live), jax.jit(jax.grad(plain))(live)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert one == pytest.approx(float(other), rel=1e-10)


@pytest.mark.parametrize("stepper", DEAR, ids=names)
def test_gradient_is_the_slope(stepper):
    model, forcing = Model.of(Warmth(), WarmDecay(), Input()), seasons(2)

    def whole(k):
        changed = model.with_parameters({"WarmDecay.k_young": k})
        return 1e9 * simulate(changed, stepper, START, forcing, ("rh",), Windows.blocks(24, 6))[0]["rh"].sum()

    k, cost = 0.8 / YEAR, jax.jit(whole)
    slope = (cost(k * (1 + 1e-5)) - cost(k * (1 - 1e-5))) / (2e-5 * k)
    assert float(jax.grad(cost)(k)) == pytest.approx(float(slope), rel=1e-7)


def test_simulating_refuses_what_it_cannot_compute():
    model, forcing, windows = Model.of(Warmth(), WarmDecay(), Input()), seasons(1), Windows.blocks(12, 12)
    with pytest.raises(WiringError, match=r"does not compute 'fapar'"):
        simulate(model, Decay(), START, forcing, ("fapar",), windows)
    with pytest.raises(LandsinkError, match=r"'tas'"):
        simulate(model, Decay(), START, {"dt": forcing["dt"]}, ("rh",), windows)
    with pytest.raises(LandsinkError, match=r"'dt'"):
        simulate(model, Decay(), START, {"tas": forcing["tas"]}, ("rh",), windows)
    with pytest.raises(LandsinkError, match=r"'cSoilOld'"):
        simulate(model, Decay(), {"cSoilYoung": START["cSoilYoung"]}, forcing, ("rh",), windows)


def test_windows_that_reach_beyond_the_forcing_are_refused():
    model = Model.of(Warmth(), WarmDecay(), Input())
    with pytest.raises(LandsinkError, match="steps"):
        simulate(model, Decay(), START, seasons(1), ("rh",), Windows.blocks(24, 12))


def test_a_broken_cell_stays_alone():
    model, forcing = Model.of(Warmth(), WarmDecay(), Input()), seasons(1, cells=3)
    forcing["tas"] = forcing["tas"].at[4, 1].set(jnp.nan)
    out, _ = simulate(model, Matrix(), START, forcing, ("rh",), Windows.blocks(12, 12))
    assert np.isfinite(out["rh"]).tolist() == [[True, False, True]]


def test_thirty_years_of_days_in_a_thousand_cells_with_gradient_stay_under_a_gigabyte():
    model = Model.of(Warmth(), WarmDecay(), Input(), Leaves(), Uptake())
    days, cells = 10957, 1000
    shapes = {"tas": (days, cells), "dt": (days, 1)}
    forcing = {k: jax.ShapeDtypeStruct(s, jnp.float64) for k, s in shapes.items()}
    windows = Windows.of(np.arange(days) // 30)
    start = {n: jnp.ones(cells) for n in model.state}

    def cost(xi, forcing, windows):
        changed = model.with_parameters({"WarmDecay.k_young": xi})
        out, _ = simulate(changed, Euler(), start, forcing, ("nee", "cSoil"), windows)
        return sum(jnp.sum(v**2) for v in out.values())

    lowered = jax.jit(jax.grad(cost)).lower(jax.ShapeDtypeStruct((cells,), jnp.float64), forcing, windows)
    assert lowered.compile().memory_analysis().temp_size_in_bytes < 1e9


def test_forcing_that_does_not_change_is_given_once():
    assert constant(3, DAY, tas=280.0)["tas"].shape == (3, 1)
