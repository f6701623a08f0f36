"""Full models, composed in every way, are held to the laws of mass, of time and of places apart."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landsink.core.flow import flow
from landsink.core.quantity import quantity
from landsink.core.run import simulate, spinup
from landsink.core.step import Euler
from landsink.core.windows import Windows
from tests.laws.compose import STEPPERS, Choice, again, forcing, lights, model, result, soils, start, stock

ANY = st.builds(
    Choice, st.sampled_from(soils()), st.sampled_from(lights()), st.booleans(), st.sampled_from(STEPPERS)
)
# Every soil, both lights, with fire and without, every stepper; the slow tests draw from all combinations.
SURE = [Choice(s, lights()[i % len(lights())], i % 2 == 0, STEPPERS[i % 3]) for i, s in enumerate(soils())]
surely = pytest.mark.parametrize(
    "choice", SURE, ids=lambda c: f"{c.soil}-{c.light}-{c.stepper}-fire={c.fire}"
)
explicit = [c for c in SURE if c.stepper != "Matrix"]


@surely
def test_what_enters_less_what_leaves_is_what_is_gained(choice):
    closes(choice)


@surely
def test_no_pool_falls_below_nothing(choice):
    never_negative(choice)


@pytest.mark.slow
@settings(max_examples=12)
@given(ANY)
def test_the_books_close_however_a_model_is_composed(choice):
    closes(choice)
    never_negative(choice)


@pytest.mark.slow
@pytest.mark.parametrize("stepper", STEPPERS)
def test_the_books_close_in_daily_runs_too(stepper):
    choice = Choice(soils()[0], lights()[0], True, stepper, "day")
    closes(choice)
    never_negative(choice)


def closes(choice: Choice) -> None:
    """Carbon against the counted nbp, water against rain, evaporation and runoff: 1e-10 over thirty years."""
    made, first, out = result(choice)
    drive = forcing(made, choice.step)
    dt = np.asarray(drive["dt"])
    for substance, net in (
        ("carbon", out["nbp"]),
        ("water", np.asarray(drive["pr"]) - out["evspsbl"] - out["mrro"]),
    ):
        held = stock(out, made.wiring.pools, substance)
        gained = held[-1] - stock(first, made.wiring.pools, substance)
        turnover = np.abs(net * dt).sum(0) + held.max(0)
        assert np.isfinite(held).all()
        assert (np.abs(gained - (net * dt).sum(0)) <= 1e-10 * turnover).all(), f"{substance} of {choice}"


def never_negative(choice: Choice) -> None:
    """No pool below zero by more than rounding."""
    made, _, out = result(choice)
    for pool in made.wiring.pools:
        worst = out[pool].min()
        assert worst >= -1e-12 * max(1.0, out[pool].max()), f"{pool} falls to {worst} with {choice}"


@surely
def test_a_restart_is_no_restart(choice):
    made, _, out = result(choice)
    drive, half = forcing(made, choice.step), 150
    turned = {k: v if quantity(k).constant else jnp.roll(v, -half, 0) for k, v in drive.items()}
    rest, _ = again(choice, made, {n: out[n][half - 1] for n in made.state}, turned)
    for name in out:
        assert (rest[name][:-half] == out[name][half:]).all(), f"{name} of {choice}"


@pytest.mark.parametrize("choice", SURE[:3])
def test_places_know_nothing_of_each_other(choice):
    made, first, out = result(choice)
    drive = {k: v if k == "dt" else v[..., ::-1] for k, v in forcing(made, choice.step).items()}
    drive = {k: v if k == "dt" else v.at[..., 0].set(jnp.nan) for k, v in drive.items()}
    turned, _ = again(choice, made, {k: v[::-1] for k, v in first.items()}, drive)
    for name in out:
        assert np.allclose(turned[name][:, 1:], out[name][:, ::-1][:, 1:], rtol=1e-9, atol=1e-15), name


@pytest.mark.parametrize("choice", explicit[:2])
def test_one_step_compiled_is_one_step_eager_is_one_cell_at_a_time(choice):
    made = model(choice.soil, choice.light, choice.fire)
    drive = {k: v if quantity(k).constant else v[6] for k, v in forcing(made, choice.step).items()}
    eager, _ = choice.stepping(made, start(made), drive)
    quick, _ = jax.jit(lambda s, d: choice.stepping(made, s, d))(start(made), drive)
    flat = {k: jnp.broadcast_to(v, 4) for k, v in drive.items()}
    lanes, _ = jax.jit(jax.vmap(lambda s, d: choice.stepping(made, s, d)))(start(made), flat)
    for name in eager:
        assert np.allclose(quick[name], eager[name], rtol=1e-11, atol=1e-11), name
        assert np.allclose(lanes[name], eager[name], rtol=1e-11, atol=1e-11), name


# The step of the exponential takes long to compile.
@pytest.mark.parametrize(
    "choice", [pytest.param(c, marks=pytest.mark.slow if c.stepper == "Matrix" else ()) for c in SURE]
)
def test_ports_hand_on_all_they_receive(choice):
    made = model(choice.soil, choice.light, choice.fire)
    drive = {k: v if quantity(k).constant else v[6] for k, v in forcing(made, choice.step).items()}
    _, out = jax.jit(lambda s, d: choice.stepping(made, s, d))(start(made), drive)
    assert made.wiring.ports
    for port in made.wiring.ports:
        into, away = (sum(np.asarray(out[k]) for k in keys) for keys in (port.into, port.out))
        assert away == pytest.approx(into, rel=1e-11, abs=1e-22), port.name
        assert all(flow(k).donor == port.name for k in port.out)


@pytest.mark.slow
@pytest.mark.parametrize("choice", explicit)
def test_gradients_of_a_run_are_finite(choice):
    made = model(choice.soil, choice.light, choice.fire)
    drive = {k: v if quantity(k).constant else v[:24] for k, v in forcing(made, choice.step).items()}
    names, begin = list(made.parameters), start(made)

    @jax.jit
    @jax.grad
    def slope(share, begin):
        changed = made.with_parameters(
            {n: s * made.parameters[n].default for n, s in zip(names, share, strict=True)}
        )
        out, end = simulate(
            changed, choice.stepping, begin, drive, ("nbp", "evspsbl"), Windows.blocks(24, 12)
        )
        return sum(jnp.sum(v) for v in (*out.values(), *end.values()))

    for begun in (begin, {k: 0.0 * v if k in made.wiring.pools else v for k, v in begin.items()}):
        found = np.asarray(slope(jnp.ones((len(names), 4)), begun))
        assert np.isfinite(found).all(), [
            n for n, row in zip(names, found, strict=True) if not np.isfinite(row).all()
        ]


@pytest.mark.slow
@pytest.mark.parametrize("stepper", STEPPERS)
def test_spin_up_returns_to_itself(stepper):
    choice = Choice(soils()[0], lights()[-1], False, stepper)
    made = model(choice.soil, choice.light, choice.fire)
    drive = {k: v if quantity(k).constant else v[:12] for k, v in forcing(made, choice.step).items()}
    found, change = jax.jit(
        lambda s, d: spinup(made, choice.stepping, s, d, Windows.blocks(12, 12), rounds=8, warm=30)
    )(start(made), drive)
    assert all(np.isfinite(v).all() and (np.asarray(v) >= -1e-12).all() for k, v in found.items())
    assert (change < 1e-4).all(), change


@pytest.mark.slow
def test_thirty_years_of_days_in_a_thousand_cells_with_gradient_stay_under_a_gigabyte():
    """A full model, compiled and not run: what the compiler says that it needs beside its arguments."""
    made, days, cells = model("LitterSoil", lights()[-1], True), 10957, 1000
    shapes = {n: (cells,) if quantity(n).constant else (days, 1 if n in ("dt", "dayOfYear", "co2") else cells)
              for n in (*made.forcing, "dt")}  # fmt: skip
    drive = {n: jax.ShapeDtypeStruct(shape, jnp.float64) for n, shape in shapes.items()}
    begin = {n: jax.ShapeDtypeStruct((cells,), jnp.float64) for n in made.state}
    windows, names = Windows.of(np.arange(days) // 30), list(made.parameters)

    def cost(share, begin, drive, windows):
        values = {n: s * made.parameters[n].default for n, s in zip(names, share, strict=True)}
        out, _ = simulate(
            made.with_parameters(values), Euler(), begin, drive, ("nee", "gpp", "evspsbl", "lai"), windows
        )
        return sum(jnp.sum(v**2) for v in out.values())

    share = jax.ShapeDtypeStruct((len(names), cells), jnp.float64)
    compiled = jax.jit(jax.grad(cost)).lower(share, begin, drive, windows).compile()
    size = compiled.memory_analysis().temp_size_in_bytes
    assert size < 1e9, size
