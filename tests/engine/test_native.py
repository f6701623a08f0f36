"""The native engine gives what XLA gives, for every model, forward and backward; batches and directions obey laws."""

import os
import subprocess
import sys
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from landsink.case import page
from landsink.core.engine import Native, Xla, build
from landsink.core.errors import DataError, EngineError
from landsink.core.run import spinup
from landsink.core.step import Decay, Euler
from landsink.core.windows import Packed
from tests.engine.runs import Run, case_run, run_of
from tests.laws.compose import lights, model, soils


def _there_is_a_compiler() -> bool:
    try:
        return bool(build.compiler())
    except build.NoCompiler:
        return False


pytestmark = pytest.mark.skipif(not _there_is_a_compiler(), reason="there is no C compiler here")
DOUBLE = Native("float64")
# cases whose model pages are alike have one model
CASES = sorted({page.load(n).model.model_dump_json(): n for n in page.shipped()}.values())


def agree(run: Run, every: str = "window") -> None:
    """Both engines give the same to 1e-10 of each quantity's largest value in the run."""
    out, end = run.on(DOUBLE, every)
    reference, last = run.on(Xla(), every)
    assert furthest(out, reference) < 1e-10
    size = {k: max(np.max(np.abs(reference[k])), np.max(np.abs(run.state[k]))) for k in last}
    assert max(np.max(np.abs(end[k] - last[k])) / size[k] for k in last if size[k] > 0) < 1e-10


def furthest(found: dict[str, Any], expected: dict[str, Any], scale: str = "max") -> float:
    """Largest departure, in the size of what is expected."""

    def one(a: Any, b: Any) -> float:
        size = np.std(b) if scale == "sd" else np.max(np.abs(b))
        return float(np.max(np.abs(np.asarray(a) - b)) / max(size, 1e-12))

    return max(one(found[k], np.asarray(expected[k])) for k in expected)


# a month is too long for Euler: it empties pools to their last rounding error, and what grows from that is noise
HOW = ((Decay(), "day"), (Decay(), "month"), (Euler(), "day"))
# every example is a compilation: a failure is shown as found, not shrunk for minutes
ONCE = settings(max_examples=6, phases=[Phase.explicit, Phase.reuse, Phase.generate])


@cache
def default() -> Run:
    """The default daily model for two years at five places."""
    return case_run("tharandt", 720)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n != "rothamsted" else ()) for n in CASES]
)
def test_forward_is_that_of_xla_for_every_shipped_case(name: str) -> None:
    run = case_run(name, 720 if page.load(name).model.step == "day" else 120)
    for every in ("window", "step"):
        agree(run, every)


@pytest.mark.slow
@ONCE
@given(
    soil=st.sampled_from(soils()), light=st.sampled_from(lights()), fire=st.booleans(),
    how=st.sampled_from(HOW), seed=st.integers(0, 99),
)  # fmt: skip
def test_forward_is_that_of_xla_for_every_composition(
    soil: str, light: str, fire: bool, how: tuple[Any, str], seed: int
) -> None:
    stepper, step = how
    run = run_of(model(soil, light, fire), stepper, step, 90, 5, seed)
    agree(run)


@pytest.mark.parametrize("name", [pytest.param("tharandt", marks=pytest.mark.slow), "rothamsted"])
def test_gradient_is_that_of_xla(name: str) -> None:
    run = case_run(name, 150)
    native, xla = (
        jax.jit(jax.grad(lambda t, s, e=e: run.score(e, t, s), argnums=(0, 1)))(run.tuned, run.state)
        for e in (DOUBLE, Xla())
    )
    for found, expected in zip(native, xla, strict=True):
        largest = max(float(np.max(np.abs(v))) for v in expected.values())
        for k, v in expected.items():
            assert np.max(np.abs(found[k] - v)) <= 1e-9 * max(np.max(np.abs(v)), 1e-6 * largest), k


@pytest.mark.slow
@ONCE
@given(
    soil=st.sampled_from(soils()), light=st.sampled_from(lights()), fire=st.booleans(),
    how=st.sampled_from(HOW), seed=st.integers(0, 99),
)  # fmt: skip
def test_gradient_is_that_of_xla_for_every_composition(
    soil: str, light: str, fire: bool, how: tuple[Any, str], seed: int
) -> None:
    run = run_of(model(soil, light, fire), *how, 36, 4, seed)
    native, xla = (
        jax.jit(jax.grad(lambda t, e=e: run.score(e, t, run.state)))(run.tuned) for e in (DOUBLE, Xla())
    )
    largest = max(float(np.max(np.abs(v))) for v in xla.values())
    for k, v in xla.items():
        assert np.max(np.abs(native[k] - v)) <= 1e-9 * max(np.max(np.abs(v)), 1e-6 * largest), k


@pytest.mark.parametrize("name", CASES)
def test_single_precision_stays_close_for_thirty_years(name: str) -> None:
    run = case_run(name, 10950 if page.load(name).model.step == "day" else 360)
    out, _ = run.on(Native("float32"))
    reference, _ = run.on(DOUBLE)
    still = sorted(k for k, v in reference.items() if np.std(v) < 1e-9 * np.max(np.abs(v)))
    moving = {k: v for k, v in reference.items() if k not in still}
    assert furthest(out, moving, "sd") < 1e-4
    for quantity in still:  # what never moves has no spread to be compared with
        np.testing.assert_allclose(out[quantity], reference[quantity], rtol=1e-6)


@pytest.mark.slow
def test_single_precision_gradient() -> None:
    run = default()
    single, double = (
        jax.jit(jax.grad(lambda t, e=e: run.score(e, t, run.state)))(run.tuned) for e in (Native(), DOUBLE)
    )
    found, expected = (np.concatenate([np.ravel(g[k]) for k in double]) for g in (single, double))
    assert np.linalg.norm(found - expected) < 1e-3 * np.linalg.norm(expected)


@pytest.mark.slow
def test_single_precision_gradient_of_a_steep_cost() -> None:
    run = case_run("tharandt", 360)
    steep, plain = (
        jax.jit(jax.grad(lambda t, k=k: k * run.score(Native(), t, run.state)))(run.tuned)
        for k in (1e25, 1.0)
    )
    for k, v in plain.items():
        np.testing.assert_allclose(steep[k] / 1e25, v, rtol=1e-3, atol=1e-3 * np.max(np.abs(v)) + 1e-12)


@pytest.mark.slow
def test_tangents_and_adjoint_are_each_others_transpose() -> None:
    run, random = default(), np.random.default_rng(3)

    def f(t: Any) -> Any:
        return run.with_(DOUBLE, "window", t, run.state)

    along = {k: 0.1 * v * random.standard_normal(v.shape) for k, v in run.tuned.items()}
    _, slopes = jax.jit(lambda t, d: jax.jvp(f, (t,), (d,)))(run.tuned, along)
    weights = jax.tree.map(lambda v: v * random.standard_normal(v.shape), slopes)
    _, pull = jax.vjp(f, run.tuned)
    back = pull(weights)[0]
    one = sum(
        float(jnp.sum(a * b)) for a, b in zip(jax.tree.leaves(slopes), jax.tree.leaves(weights), strict=True)
    )
    other = sum(float(jnp.sum(along[k] * back[k])) for k in along)
    assert one == pytest.approx(other, rel=1e-9)


def test_tangents_are_what_a_small_step_gives() -> None:
    run = default()
    name, h = "SoilWater.percolation", 1e-5
    if name not in run.tuned:
        name = next(iter(run.tuned))
    value = run.tuned[name]

    def f(x: Any) -> Any:
        return run.with_(DOUBLE, "window", run.tuned | {name: x}, run.state)[0]

    _, slope = jax.jvp(f, (value,), (value,))
    up, down = f(value * (1 + h)), f(value * (1 - h))
    differences = {k: (up[k] - down[k]) / (2 * h) for k in up}
    changed = {k: v for k, v in differences.items() if np.max(np.abs(v)) > 0}
    assert changed
    assert furthest({k: slope[k] for k in changed}, changed) < 1e-5


@pytest.mark.parametrize(("lanes", "cells"), [(1, 1), (3, 1), (9, 1), (1, 9), (4, 3), (17, 9)])
def test_lanes_are_the_runs_one_by_one(lanes: int, cells: int) -> None:
    run = case_run("tharandt", 60, cells)
    factor = np.random.default_rng(1).uniform(0.9, 1.1, (lanes, 1))
    many = {k: v * factor for k, v in run.tuned.items() if v.min() > 0}
    together, end = jax.jit(lambda t: run.with_(DOUBLE, "step", run.tuned | t, run.state))(many)
    for lane in range(lanes):
        alone, last = run.with_(DOUBLE, "step", run.tuned | {k: v[lane] for k, v in many.items()}, run.state)
        assert furthest({k: v[:, lane] for k, v in together.items()}, alone) < 1e-12
        assert furthest({k: v[lane] for k, v in end.items()}, last) < 1e-12


@pytest.mark.parametrize(
    "what", ["value", *(pytest.param(w, marks=pytest.mark.slow) for w in ("gradient", "slope", "jacobian"))]
)
def test_vmap_of_everything(what: str) -> None:
    run = case_run("tharandt", 60, 3)
    name = next(iter(run.tuned))
    some = run.tuned[name] * np.linspace(0.95, 1.05, 4)[:, None]

    def value(x: Any) -> Any:
        return run.score(DOUBLE, run.tuned | {name: x}, run.state)

    function = {
        "value": value,
        "gradient": jax.grad(value),
        "slope": lambda x: jax.jvp(value, (x,), (x,))[1],
        "jacobian": lambda x: jax.jacfwd(value)(x),
    }[what]
    together = jax.jit(jax.vmap(function))(some)
    apart = jnp.stack([function(x) for x in some])
    np.testing.assert_allclose(together, apart, rtol=1e-9, atol=1e-12 * np.max(np.abs(apart)))


@pytest.mark.slow
def test_a_shared_parameter_has_the_sum_of_the_gradients() -> None:
    run = case_run("tharandt", 60, 3)
    name = next(iter(run.tuned))
    one = run.tuned[name][0]

    def shared(x: Any) -> Any:
        return run.score(DOUBLE, run.tuned | {name: x}, run.state)

    def spread(x: Any) -> Any:
        return run.score(DOUBLE, run.tuned | {name: x}, run.state)

    assert float(jax.grad(shared)(one)) == pytest.approx(
        float(jnp.sum(jax.grad(spread)(jnp.full(3, one)))), rel=1e-9
    )


@pytest.mark.slow
def test_spinup_finds_the_same_steady_state() -> None:
    run = case_run("europe", 24, 4)
    states = [
        spinup(run.model, run.stepper, run.state, run.forcing, run.windows, rounds=6, warm=10, engine=e)[0]
        for e in (DOUBLE, Xla())
    ]
    assert furthest(states[0], states[1]) < 1e-8


@pytest.mark.slow
def test_forcing_may_be_kept_in_small_types_and_differ_by_lane() -> None:
    run = case_run("tharandt", 60, 9)
    narrow = run._replace(
        forcing={k: v.astype(jnp.float32) if k == "tas" else v for k, v in run.forcing.items()}
    )
    wide = run._replace(forcing={k: v.astype(jnp.float32).astype(float) if k == "tas" else v
                                 for k, v in run.forcing.items()})  # fmt: skip
    assert furthest(narrow.on(DOUBLE)[0], wide.on(DOUBLE)[0]) == 0.0
    by_lane = run._replace(forcing=run.forcing | {"tas": run.forcing["tas"][:, None] + jnp.zeros((2, 1))})
    out = by_lane.on(DOUBLE)[0]
    assert furthest({k: v[:, 1] for k, v in out.items()}, run.on(DOUBLE)[0]) < 1e-12


@pytest.mark.slow
def test_packed_forcing_is_unpacked_on_the_way() -> None:
    run = case_run("tharandt", 60, 9)
    packed = {k: Packed.of(np.asarray(run.forcing[k])) for k in ("tas", "rsds", "pr")}
    small = run._replace(forcing=run.forcing | packed)
    loose = run._replace(forcing=run.forcing | {k: v.values for k, v in packed.items()})
    assert furthest(small.on(DOUBLE)[0], loose.on(DOUBLE)[0]) < 1e-12
    assert furthest(small.on(Xla())[0], loose.on(DOUBLE)[0]) < 1e-10
    for k, v in packed.items():
        whole = np.asarray(run.forcing[k])
        assert np.max(np.abs(np.asarray(v.values) - whole)) <= 0.51 * np.ptp(whole) / 65534
    with pytest.raises(DataError, match="gaps"):
        Packed.of(np.array([[1.0, np.nan]]))


def test_no_derivative_by_the_forcing_is_said() -> None:
    run = case_run("tharandt", 30, 2)

    def warmer(by: Any) -> Any:
        drive = run.forcing | {"tas": run.forcing["tas"] + by}
        return run._replace(forcing=drive).score(DOUBLE, run.tuned, run.state)

    with pytest.raises(EngineError, match=r"derivative by the forcing.*xla"):
        jax.grad(warmer)(0.0)


def test_a_cell_that_is_no_number_spoils_no_other() -> None:
    run = case_run("tharandt", 60, 9)
    tas = run.forcing["tas"].at[30:, 4].set(jnp.nan)
    spoilt = run._replace(forcing=run.forcing | {"tas": tas}).on(Native())[0]
    whole = run.on(Native())[0]
    others = np.arange(9) != 4
    assert not np.isfinite(spoilt["gpp"][-1, 4])
    for k, v in whole.items():
        np.testing.assert_array_equal(spoilt[k][:, others], v[:, others])


@pytest.mark.slow
def test_results_do_not_hang_on_the_number_of_threads() -> None:
    script = (
        "import hashlib, numpy as np\n"
        "from landsink.core.engine import Native, native\n"
        "from tests.engine.runs import case_run\n"
        "out = case_run('rothamsted', 60, 300).on(Native())[0]\n"
        "sums = [hashlib.sha256(np.asarray(out[k]).tobytes()).hexdigest() for k in sorted(out)]\n"
        "print(native.threads(), sums)\n"
    )
    said, paths = [], os.pathsep.join(["", *sys.path])
    for threads in ("1", "3"):
        env = os.environ | {"LANDSINK_THREADS": threads, "PYTHONPATH": paths}
        done = subprocess.run([sys.executable, "-c", script], env=env,
                              capture_output=True, text=True, check=True, timeout=300)  # fmt: skip
        used, _, sums = done.stdout.partition(" ")
        assert used == threads
        said.append(sums)
    assert said[0] == said[1]
