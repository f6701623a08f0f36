"""Chains draw from posteriors known on paper, and say when they have not."""

import dataclasses
import logging
from pathlib import Path
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from landsink.assimilate import (
    Convergence,
    Posterior,
    Problem,
    RandomisedMaximumLikelihood,
    Sampler,
    Variational,
    agreement,
    lanes,
    moves,
)
from landsink.assimilate.compare import YEAR
from landsink.case import compose, load
from landsink.case.setup import observations, prepare, trained, with_twin
from landsink.case.setup import problem as posed
from landsink.core import engine as engines
from landsink.core.errors import CaseError, UnknownName
from landsink.core.model import Model
from landsink.core.prior import ParameterSpace, Prior
from landsink.core.process import Process, Scalar, param
from landsink.core.step import Decay
from landsink.reanalyse import write
from tests.core.toys import constant
from tests.twins.lines import (
    KEY,
    SIZE,
    STEPS,
    WARMTH,
    Brittle,
    line,
    line_posterior,
    line_values,
    problem,
    seen,
)

FIT = Variational(iterations=20, starts=3)
ALL = 10**6  # members: every draw kept
DEMC = Sampler("demc", chains=16, draws=200, members=ALL, best=FIT)
HMC = Sampler("hmc", chains=16, warmup=60, draws=60, members=ALL, best=FIT)


class Rotated(Problem):
    """A linear problem of many numbers, its residuals written out: exact posterior, correlations of every size."""

    design: jax.Array = eqx.field(default_factory=lambda: jnp.zeros((1, 1)))

    def residuals(self, z: jax.Array) -> jax.Array:
        """Design times numbers, less ones: (k, *lane, cell)."""
        right = jnp.einsum("kd,d...->k...", self.design, z)[..., self.group]
        return right - 1.0

    def noise(self, key: jax.Array, lanes: int) -> jax.Array:
        """Standard normal."""
        return jax.random.normal(key, (self.design.shape[0], lanes, self.group.shape[0]))


def rotated(dim: int, informed: int, groups: int = 2) -> tuple[Problem, np.ndarray, np.ndarray]:
    """The problem, and its posterior's mean and covariance by normal equations."""
    base = line(np.full((STEPS, groups), 2.0))
    axes, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((dim, dim)))
    design = np.sqrt(np.geomspace(2.0, 300.0, informed))[:, None] * axes[:informed]
    space = ParameterSpace(tuple(f"p{i}" for i in range(dim)), (Prior(0.0, 1.0, 0.5),) * dim)
    fields: dict[str, Any] = {f.name: getattr(base, f.name) for f in dataclasses.fields(base)}
    fields["space"] = space
    covariance = np.linalg.inv(design.T @ design + np.eye(dim))
    return Rotated(**fields, design=jnp.asarray(design)), covariance @ design.sum(0), covariance


def chains_of(found: Posterior) -> Convergence:
    """What the chains said."""
    assert found.chains is not None
    return found.chains


def holds(
    found: Posterior, group: int, mean: np.ndarray, covariance: np.ndarray, errors: float = 5.0
) -> None:
    """Mean and covariance of a group's draws are right within so many standard errors of as many draws as ESS says."""
    draws, sd = np.asarray(found.ensemble)[..., group], np.sqrt(np.diag(covariance))
    few = chains_of(found).ess[:, group].min()
    np.testing.assert_array_less(np.abs(draws.mean(1) - mean) / sd, errors / np.sqrt(few))
    np.testing.assert_array_less(
        np.abs(np.cov(draws) - covariance) / np.outer(sd, sd), errors * np.sqrt(2.0 / few)
    )


@pytest.mark.slow
@pytest.mark.parametrize("sampler", [DEMC, HMC], ids=["demc", "hmc"])
def test_lines_have_their_analytic_posterior(sampler: Sampler):
    values = line_values(np.array([[0.7, -0.2], [-1.1, 0.4]]), 0.6, seed=4)
    found = sampler.solve(line(values, 0.6), KEY)
    assert chains_of(found).reached.all(), str(chains_of(found))
    for g in range(2):
        holds(found, g, *line_posterior(values[:, g], 0.6))
    assert found.cost.shape == found.ensemble.shape[1:]
    np.testing.assert_allclose(found.cost, line(values, 0.6).cost(found.ensemble), rtol=1e-9)


@pytest.mark.parametrize("sampler", [pytest.param(DEMC, marks=pytest.mark.slow), HMC], ids=["demc", "hmc"])
def test_correlated_numbers_have_their_analytic_posterior(sampler: Sampler):
    task, mean, covariance = rotated(dim=6, informed=4)
    found = dataclasses.replace(sampler, draws=200, ess=2000.0).solve(task, KEY)
    assert chains_of(found).reached.all(), str(chains_of(found))
    for g in range(2):
        holds(found, g, mean, covariance)


@pytest.mark.slow
def test_groups_of_several_cells_accept_each_for_itself():
    values = line_values(np.zeros((2, 3)), 0.6, seed=1)
    found = DEMC.solve(line(values, 0.6, group=np.array([0, 0, 1])), KEY)
    for g, cells in ((0, [0, 1]), (1, [2])):
        holds(found, g, *line_posterior(values[:, cells].T.ravel(), 0.6))


def test_no_u_turns_find_the_analytic_posterior():
    pytest.importorskip("blackjax")
    values = line_values(np.array([[0.7], [-1.1]]), 0.6, seed=4)
    found = dataclasses.replace(HMC, kind="nuts").solve(line(values, 0.6), KEY)
    assert chains_of(found).reached.all(), str(chains_of(found))
    holds(found, 0, *line_posterior(values[:, 0], 0.6))


class Square(Process):
    """Growth that cannot tell a number from its negative."""

    cite: ClassVar[str] = "a toy"
    level: Scalar = param(0.0, bounds=(-4.0, 4.0), doc="its square is the growth")

    def __call__(self, cSoilYoung: Scalar) -> dict[str, Scalar]:
        return {"atmosphere -> cSoilYoung : gpp": self.level**2 + 0.0 * cSoilYoung}


def two_hills() -> Problem:
    """A growth of one, so that the level is one or minus one."""
    model = Model.of(Square())
    space = ParameterSpace.of(model, ["Square.*"], spread=1.0)
    return problem(model, space, (seen("gpp", np.ones((4, 1)), 0.1),), constant(4, 86400.0, 1), 1)


@pytest.mark.slow
def test_chains_caught_on_two_hills_say_so(caplog: pytest.LogCaptureFixture):
    told: list[str] = []
    with caplog.at_level(logging.WARNING):
        found = dataclasses.replace(HMC, rounds=3).solve(
            two_hills(), KEY, lambda what, share: told.append(what)
        )
    assert not chains_of(found).reached.any()
    assert chains_of(found).rhat[0, 0] > 1.5
    assert "NOT CONVERGED: 1 of 1 groups" in told[-1]
    assert "Square.level" in told[-1]
    assert told[-1] in caplog.text


class Uneven(Process):
    """Growth with two tops, one a little lower."""

    cite: ClassVar[str] = "a toy"
    level: Scalar = param(0.0, bounds=(-4.0, 4.0), doc="the tops are near one and minus one")

    def __call__(self, cSoilYoung: Scalar) -> dict[str, Scalar]:
        x = self.level
        return {"atmosphere -> cSoilYoung : gpp": 2 * x**2 - x**4 + 0.137 * x + 0.0 * cSoilYoung}


@pytest.mark.slow
def test_no_chain_starts_on_a_hill_without_mass():
    model = Model.of(Uneven())
    space = ParameterSpace.of(model, ["Uneven.*"], spread=1.0)
    # the lower top misses by 0.27, four times: e^-15 of the mass
    task = problem(model, space, (seen("gpp", np.full((4, 1), 1.137), 0.1),), constant(4, 86400.0, 1), 1)
    found = HMC.solve(task, KEY)
    assert chains_of(found).reached.all(), str(chains_of(found))
    level = np.asarray(space.values(found.ensemble)["Uneven.level"])
    assert (level > 0.0).all()


@pytest.mark.slow
def test_differences_leap_between_hills():
    found = DEMC.solve(two_hills(), KEY)
    assert chains_of(found).reached.all(), str(chains_of(found))
    right = np.asarray(found.ensemble[0, :, 0]) > 0
    # both hills weigh the same: four standard errors of a share of so many draws
    assert abs(right.mean() - 0.5) < 4 * 0.5 / np.sqrt(chains_of(found).ess[0, 0])


@pytest.mark.slow
def test_chains_that_were_stopped_early_say_so(caplog: pytest.LogCaptureFixture):
    task, _, _ = rotated(dim=20, informed=10)
    found = Sampler("demc", chains=8, warmup=0, draws=50, rounds=1, best=FIT).solve(task, KEY)
    assert not chains_of(found).reached.any()
    assert "NOT CONVERGED: 2 of 2 groups" in caplog.text


@pytest.mark.slow
def test_a_failing_run_is_never_accepted():
    space = ParameterSpace.of(Model.of(Brittle()), ["Brittle.*"], spread=1.0)
    terms = (seen("gpp", np.full((4, 2), 0.75), 0.2),)  # close to 0.8, where it fails
    task = problem(Model.of(Brittle()), space, terms, constant(4, 86400.0, 2), 2)
    for sampler in (DEMC, HMC):
        found = dataclasses.replace(sampler, rounds=3).solve(task, KEY)
        load = np.asarray(space.values(found.ensemble)["Brittle.load"])
        assert np.isfinite(found.cost).all()
        assert (load < 0.8).all()
        assert load.max() > 0.78


def test_lanes_in_parts_are_the_lanes_together():
    task = line(line_values(np.zeros((2, 3)), 0.6, seed=1), 0.6)

    @eqx.filter_jit
    def both(task: Problem, z: jax.Array) -> tuple:
        together = task.cost(z), -jax.grad(lambda x: task.logp(x).sum())(z)
        return together, (lanes.costs(task, z, 3), *lanes.slopes(task, z, 3))

    (cost, slope), (first, second, third) = both(task, task.draw(KEY, 7))
    np.testing.assert_allclose(first, cost, rtol=1e-12)
    np.testing.assert_allclose(second, cost, rtol=1e-12)
    np.testing.assert_allclose(third, slope, rtol=1e-9, atol=1e-12)


def test_compiled_c_takes_all_lanes_that_fit(monkeypatch: pytest.MonkeyPatch):
    task = line(line_values(np.zeros((2, 100)), 0.6, seed=1), 0.6)
    native = dataclasses.replace(task, engine=engines.Native())
    assert lanes.width(task, 64, slope=True) == lanes.LEAST
    assert lanes.width(native, 64, slope=True) == 64
    monkeypatch.setattr(lanes, "BYTES", 30 * 8.0 * lanes.COPIES[True] * 12 * 100)
    assert lanes.width(native, 64, slope=True) == 22  # room for 30 is three equal parts


class Tiny(Process):
    """Growth by way of a number so small that single precision can only just hold it."""

    cite: ClassVar[str] = "a toy"
    level: Scalar = param(1.0, bounds=(0.0, 2.0), doc="growth in 1e-9 kg m-2 s-1")

    def __call__(self, cSoilYoung: Scalar) -> dict[str, Scalar]:
        # the pool is there so that a step works this out, and not once and for all before it
        tiny = (self.level + 0.0 * cSoilYoung) * 1e-37
        return {"atmosphere -> cSoilYoung : gpp": tiny * 1e28}


def test_slopes_do_not_overflow_in_single_precision():
    model = Model.of(Tiny())
    engine = engines.choose("native", "float32", model, Decay())
    if not isinstance(engine, engines.Native):
        pytest.skip("there is no C compiler")
    space = ParameterSpace.of(model, ["Tiny.*"], spread=1.0)
    terms = (seen("gpp", np.full((4, 1), 1.5e-9), 1e-11),)
    double = problem(model, space, terms, constant(4, 86400.0, 1), 1)
    single = dataclasses.replace(double, engine=engine)
    z = jnp.linspace(-1.0, 1.0, 5).reshape(1, 5, 1)
    (_, right), (_, found) = (jax.jit(lambda z, t=t: lanes.slopes(t, z, 5))(z) for t in (double, single))
    assert np.abs(right).min() > 1.0
    np.testing.assert_allclose(found, right, rtol=1e-4)


def test_the_same_key_gives_the_same_draws():
    task, _, _ = rotated(dim=6, informed=4)
    short = dataclasses.replace(DEMC, rounds=1, draws=20, warmup=20, members=30, ess=100.0)
    first, again = short.solve(task, KEY), short.solve(task, KEY)
    assert first.ensemble.shape == (6, 30, 2)
    np.testing.assert_array_equal(first.ensemble, again.ensemble)
    assert not np.array_equal(first.ensemble, short.solve(task, jax.random.PRNGKey(5)).ensemble)


def test_what_chains_said_survives_its_file(tmp_path: Path):
    task, _, _ = rotated(dim=6, informed=4)
    found = dataclasses.replace(DEMC, rounds=1, draws=20, warmup=20, members=30, ess=100.0).solve(task, KEY)
    write(found.dataset(["a", "b"]), tmp_path / "p.zarr")
    with xr.open_zarr(tmp_path / "p.zarr") as ds:
        again = Posterior.read(ds.load(), task.space)
    assert str(chains_of(again)) == str(chains_of(found))
    np.testing.assert_array_equal(chains_of(again).reached, chains_of(found).reached)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "gibbs"}, "gibbs"),
        ({"chains": 2}, "chains"),
        ({"draws": 10}, "cannot be worth"),
        ({"kind": "nuts"}, "one group"),
    ],
)
def test_settings_that_cannot_work_are_refused(change: dict[str, Any], says: str):
    if change.get("kind") == "nuts":
        pytest.importorskip("blackjax")
    with pytest.raises(CaseError, match=says):
        dataclasses.replace(DEMC, **change).solve(rotated(6, 4)[0], KEY)


def test_without_blackjax_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    def absent(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(moves, "import_module", absent)
    with pytest.raises(CaseError, match=r"landsink\[sample\]"):
        dataclasses.replace(DEMC, kind="nuts").solve(line(np.full((STEPS, 1), 2.0)), KEY)


def test_a_case_names_its_sampler():
    case = load("demo", ["assimilate.method=Sampler", "assimilate.sampler.kind=hmc", "assimilate.members=50"])
    made = compose.method(case.assimilate)
    assert isinstance(made, Sampler)
    assert (made.kind, made.members, made.best.starts) == ("hmc", 50, case.assimilate.starts)


@pytest.mark.slow
def test_agreement_is_of_annual_sums():
    values = line_values(np.array([[0.7, -0.2], [-1.1, 0.4]]), 0.6, seed=4)
    task = line(values, 0.6)
    dt = 86400.0 * np.arange(1.0, STEPS + 1.0)  # steps of unequal length, so that weights tell
    task = dataclasses.replace(task, forcing=task.forcing | {"dt": jnp.asarray(dt[:, None])})
    first, second = (RandomisedMaximumLikelihood(n, 3, FIT).solve(task, KEY) for n in (40, 30))
    found = agreement(task, first, second, "gpp", ["a", "b"])
    assert (found.unit, found.members) == ("kg m-2 yr-1", (40, 30))
    warmth = np.average(WARMTH, weights=dt)
    for g, row in enumerate(found.rows):
        for posterior, mean, sd in (
            (first, row.first_mean, row.first_sd),
            (second, row.second_mean, row.second_sd),
        ):
            xi = np.asarray(posterior.ensemble)[..., g]
            sums = YEAR * (2.0 + SIZE * xi[0] + (0.5 + SIZE * xi[1]) * warmth)
            assert mean == pytest.approx(sums.mean(), rel=1e-5)
            assert sd == pytest.approx(sums.std(ddof=1), rel=1e-3)
        assert row.shift == pytest.approx(row.first_mean / row.second_mean - 1.0)
        assert row.within(abs(row.shift) + 1e-9, abs(row.ratio - 1.0) + 1e-9)
        assert not row.within(0.5 * abs(row.shift), 1.0)
    assert str(found).splitlines()[2].startswith("a ")
    with pytest.raises(UnknownName):
        agreement(task, first, second, "gppp")


@pytest.mark.slow
def test_a_land_model_is_sampled_and_the_ensemble_agrees():
    """Two generated towers of the whole monthly model, five numbers each."""
    free = "light.yield_scale,soil.k_young,phenology.lai_max,plant.growth_yield,climate.q10"
    changes = ["domain.towers=2", "assimilate.group=site", "domain.source.options.first_year=2011",
               f"assimilate.free={free}", "assimilate.fixed="]  # fmt: skip
    setup, truth = with_twin(prepare(load("demo", changes), None))
    task = posed(setup, tuple(o.only(jnp.asarray(trained(setup, n))) for n, o in observations(setup).items()))
    fit = Variational(15, 4)
    found = Sampler("demc", chains=16, best=fit).solve(task, KEY)
    assert chains_of(found).reached.all(), str(chains_of(found))
    draws = np.asarray(found.ensemble)
    assert (np.abs(draws.mean(1) - truth) / draws.std(1)).max() < 4.0
    near = RandomisedMaximumLikelihood(200, 8, fit).solve(task, KEY)
    for row in agreement(task, near, found, "nee").rows:
        assert abs(row.shift_in_sd) < 0.5
        assert 0.7 < row.ratio < 1.4
