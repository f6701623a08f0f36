"""The hand-written yardsticks of the engine benchmark run the same model as `simulate`, cell by cell.

Forcing is generated (VirtualEurope, which says so) except in the last test, which runs a real site.
"""

import os
from pathlib import Path
from typing import Literal, NamedTuple

import jax
import numpy as np
import pytest

from benchmarks.reference import WANT, Inputs, gather, native, numpy_step
from benchmarks.reference.named import PROCESSES, Arrays
from landsink.case import compose
from landsink.case.page import ModelPage
from landsink.case.setup import first_guess
from landsink.core import door
from landsink.core.errors import DataError, LandsinkError, WiringError
from landsink.core.model import Model
from landsink.core.run import simulate
from landsink.core.step import Decay
from landsink.core.windows import Windows
from landsink.sources import Drivers, VirtualEurope
from tests.engine import runs

CELLS, YEARS = 21, (2001, 2004)
needs_compiler = pytest.mark.skipif(native.compiler() is None, reason="there is no C compiler here")


class Run(NamedTuple):
    """A run ready for all three: the model with its parameters, and what `simulate` takes and gives."""

    model: Model
    state: Arrays
    forcing: Arrays
    windows: Windows
    means: Arrays
    end: Arrays

    @property
    def inputs(self) -> Inputs:
        """The same, as the hand-written steps take it."""
        return gather(self.model, self.state, self.forcing, self.windows)


def scattered(seed: int, cells: int) -> Model:
    """The default model with every parameter drawn within its bounds, cell by cell."""
    model = compose.compose(ModelPage())
    return model.with_parameters(runs.scattered(model, cells, seed))


def spread_state(model: Model, seed: int, cells: int) -> Arrays:
    """A living start, the pools between a hundredth and twice the usual; one cell starts from bare ground."""
    random, guess = np.random.default_rng(seed), first_guess(model, {}, cells)
    for name in model.wiring.pools:
        guess[name] = guess[name] * random.uniform(0.01, 2.0, cells)
        guess[name][0] = 0.0
    guess["snw"] = random.uniform(0.0, 50.0, cells)
    return guess


def prepared(model: Model, state: Arrays, entry: door.Entry, step: str) -> Run:
    """Months of an entry by XLA in float64."""
    forcing, month = entry.arrays, entry.time.astype("datetime64[M]" if step == "day" else "datetime64[Y]")
    windows = Windows.of(month)
    means, end = jax.jit(lambda s, f: simulate(model, Decay(), s, f, WANT, windows))(state, forcing)
    plain = lambda named: {n: np.asarray(v) for n, v in named.items()}  # noqa: E731
    return Run(model, state, forcing, windows, plain(means), plain(end))


def virtual(step: Literal["day", "month"], cells: int, seed: int = 3) -> Run:
    """Some cells of the generated Europe, from the north to the south."""
    source = VirtualEurope(seed=5, resolution_degrees=4.0, first_year=YEARS[0], last_year=YEARS[1], step=step)
    chosen = np.linspace(0, source.climate.lat.size - 1, cells).astype(int)
    model = scattered(seed, cells)
    names = [n for n in model.forcing if n not in ("dt", "dayOfYear")]
    entry = door.enter(source.open(sites=[str(i) for i in chosen]), names, step)
    return prepared(model, spread_state(model, seed, cells), entry, step)


@pytest.fixture(scope="module")
def daily() -> Run:
    return virtual("day", CELLS)


def assert_same(found: tuple[Arrays, Arrays], run: Run) -> None:
    """Relative to 1e-9, with a floor of 1e-12 of the largest size of the number: in its cell, for states in all cells.

    The floor is for what is nearly nothing, since 1 + tanh(x), as the processes write it, has lost its digits there.
    """
    means, end = found
    for name in WANT:
        size = np.abs(run.means[name]).max(0)
        off = np.abs(means[name] - run.means[name]) / (1e-9 * np.abs(run.means[name]) + 1e-12 * size + 1e-300)
        assert off.max() <= 1.0, (
            f"{name}: {off.max() * 1e-9:.1e} at {np.unravel_index(off.argmax(), off.shape)}"
        )
    for name in run.model.state:
        floor = 1e-12 * np.abs(run.end[name]).max()
        np.testing.assert_allclose(end[name], run.end[name], rtol=1e-9, atol=floor, err_msg=name)


def test_the_case_is_alive(daily: Run) -> None:
    assert (daily.means["gpp"].max(0) > 1e-9).sum() > CELLS // 2
    assert np.ptp(daily.means["lai"], 0).max() > 1.0
    assert np.isfinite(np.stack(list(daily.means.values()))).all()


def test_numpy_runs_the_same_model(daily: Run) -> None:
    assert_same(numpy_step.simulate(daily.inputs), daily)


@needs_compiler
@pytest.mark.parametrize("threads", [1, 2])
def test_c_runs_the_same_model(daily: Run, threads: int) -> None:
    if threads > native.build("float64").threads:
        pytest.skip("the C reference has one thread here")
    assert_same(native.Native(daily.inputs).run(threads), daily)


@needs_compiler
def test_c_again_gives_the_same_again(daily: Run) -> None:
    ready = native.Native(daily.inputs)
    first = {n: v.copy() for n, v in ready.run()[0].items()}
    again, _ = ready.run()
    for name in WANT:
        assert np.array_equal(first[name], again[name])


@pytest.mark.slow
@needs_compiler
def test_c_in_single_precision(daily: Run) -> None:
    means, _ = native.Native(daily.inputs, "float32").run()
    for name in WANT:
        spread = daily.means[name].std(0)
        off = np.sqrt(((means[name] - daily.means[name]) ** 2).mean(0))
        off = np.where(spread > 0.0, off / np.where(spread > 0.0, spread, 1.0), np.sign(off))
        assert off.max() <= 1e-4, f"{name}: {off.max():.1e} of its sd in cell {off.argmax()}"


@needs_compiler
@pytest.mark.parametrize("cells", [1, 17, 130])
def test_c_fills_blocks_of_any_size(daily: Run, cells: int) -> None:
    over = lambda v: np.take(v, np.arange(cells) % CELLS, -1)  # noqa: E731
    given = daily.inputs
    series = {n: over(v[:200]) if v.shape[1] > 1 else v[:200] for n, v in given.series.items()}
    few = Inputs({n: over(v) for n, v in given.parameters.items()}, {n: over(v) for n, v in given.state.items()},
                 series, given.dt[:200], over(given.lat), np.array([31, 200]))  # fmt: skip
    means, _ = native.Native(few).run()
    whole, _ = numpy_step.simulate(few)
    for name in WANT:
        np.testing.assert_allclose(means[name], whole[name], rtol=1e-9, atol=1e-18)


@needs_compiler
def test_both_at_a_monthly_step_of_changing_length() -> None:
    monthly = virtual("month", 4)
    assert len(set(monthly.forcing["dt"][:, 0])) > 2
    assert_same(native.Native(monthly.inputs).run(), monthly)
    assert_same(numpy_step.simulate(monthly.inputs), monthly)


@needs_compiler
def test_both_at_a_real_site(data: Path) -> None:
    root = Path(data) / Drivers.path
    if not (root / "DE-Tha.nc").exists():
        pytest.skip("the daily site drivers are not in LANDSINK_DATA")
    ds = Drivers(root, length="shortest").open(sites=["DE-Tha"])
    model = compose.compose(ModelPage.model_validate({}))
    entry = door.enter(ds, [n for n in model.forcing if n not in ("dt", "dayOfYear")], "day")
    real = prepared(model, first_guess(model, {}, 1), entry, "day")
    assert_same(native.Native(real.inputs).run(), real)
    assert_same(numpy_step.simulate(real.inputs), real)


def test_another_model_is_refused(daily: Run) -> None:
    other = Model.of(*(kind() for kind in PROCESSES if kind.__name__ != "Snow"))
    with pytest.raises(WiringError, match="Snow"):
        gather(other, daily.state, daily.forcing, daily.windows)


def test_an_overdrawn_start_is_refused(daily: Run) -> None:
    with pytest.raises(DataError, match="snw start below nothing"):
        gather(daily.model, daily.state | {"snw": -np.ones(CELLS)}, daily.forcing, daily.windows)


def test_windows_that_skip_steps_are_refused(daily: Run) -> None:
    short = Windows.blocks(100, 10)
    with pytest.raises(DataError, match="leave out"):
        gather(daily.model, daily.state, daily.forcing, short)


def test_without_a_compiler_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "PATH", "")
    monkeypatch.delenv("CC", raising=False)
    native.build.cache_clear()
    try:
        with pytest.raises(LandsinkError, match="no C compiler"):
            native.build("float64")
    finally:
        native.build.cache_clear()
