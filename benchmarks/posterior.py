"""Is the ensemble right? Randomised maximum likelihood against a converged sampler, pixel by pixel, in annual NEE.

    python benchmarks/posterior.py FOLDER --data DIR [--only demo DE-Tha]

Twenty pixels of the demo case, each with parameters of its own, and five real daily sites under the Tharandt case. For
each, the case's own free numbers, errors (tuned as the case tunes them) and engine. What was found lies in FOLDER, so
that a run that was stopped goes on. Set LANDSINK_THREADS to the cores that it may use; expect a quarter of an hour.
A mean of n members is known to sd/sqrt(n), a spread to a share 1/sqrt(2n): chance alone carries some rows over a limit.
"""

import argparse
import dataclasses
import os
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from scipy.stats import norm

from landsink.assimilate import (
    Convergence,
    Posterior,
    Problem,
    RandomisedMaximumLikelihood,
    Sampler,
    Variational,
    agreement,
)
from landsink.assimilate.compare import Row
from landsink.assimilate.convergence import ESS, RHAT
from landsink.case import compose
from landsink.case.page import load
from landsink.case.setup import Setup, observations, predicted, prepare, problem, trained, with_twin
from landsink.reanalyse import write

MEAN, SD = 0.10, 0.15  # shares within which mean and standard deviation should agree
SITES = ("DE-Tha", "DE-Hai", "US-MMS", "US-Ton", "RU-Fyo")
# what stands for each part: a case with changes, and members of its ensemble, so many that chance decides little
DEMO = {"demo": ("demo", ("domain.towers=20", "assimilate.group=site"), 256)}
REAL = {site: ("tharandt", (f"domain.sites={site}",), 64) for site in SITES}
PARTS = DEMO | REAL
GRAMS = 1000.0
TUNED = ("factor", "dilution")  # what tuning changes of an observation


@dataclasses.dataclass(frozen=True)
class Line:
    """One pixel: both posteriors in annual NEE (kg m-2 yr-1), and what the chains say of themselves."""

    pixel: str
    row: Row
    few: float
    rhat: float
    ess: float
    acceptance: float
    members: int

    @property
    def converged(self) -> bool:
        """Whether the sampler may be believed here."""
        return self.rhat < RHAT and self.ess >= ESS

    @property
    def held(self) -> bool:
        """Whether the ensemble is right here, as far as a converged sampler can tell."""
        return self.converged and self.row.within(MEAN, SD)

    @property
    def by_chance(self) -> float:
        """Probability that exact draws, as many as these, would miss a limit, were the posterior Gaussian."""
        share = 1.0 / self.members + 1.0 / self.ess
        mean = MEAN * abs(self.row.second_mean) / (self.row.second_sd * np.sqrt(share))
        return float(1.0 - (1.0 - 2.0 * norm.sf(mean)) * (1.0 - 2.0 * norm.sf(SD / np.sqrt(0.5 * share))))

    def __str__(self) -> str:
        r = self.row
        first, second, sd, other = (GRAMS * v for v in (r.first_mean, r.second_mean, r.first_sd, r.second_sd))
        said = "yes" if self.held else "no" if self.converged else "unknown"
        return (
            f"{self.pixel:<8}{first:>9.1f}{second:>9.1f}{r.shift:>8.1%}{r.shift_in_sd:>7.2f}{sd:>8.2f}{other:>8.2f}"
            f"{r.ratio:>7.2f}{self.few:>7.2f}{self.rhat:>7.3f}{self.ess:>6.0f}{self.acceptance:>6.2f}"
            f"{self.by_chance:>7.2f}  {said}"
        )


HEAD = (
    f"{'':<8}{'mean, g m-2 yr-1':>18}{'shift':>8}{'in sd':>7}{'sd, g m-2 yr-1':>16}{'ratio':>7}{'of few':>7}"
    f"{'R-hat':>7}{'ESS':>6}{'acc.':>6}{'chance':>7}  within {MEAN:.0%} and {SD:.0%}\n"
    f"{'':<8}{'RML':>9}{'sampler':>9}{'':>15}{'RML':>8}{'sampler':>8}"
)


def tell(what: str, share: float) -> None:
    """Progress, on lines of its own."""
    print(f"  {what} {share:.0%}", flush=True)


def made(name: str, data: Path | None) -> Setup:
    """The case of one part, made ready."""
    case, changes, _ = PARTS[name]
    return with_twin(prepare(load(case, changes), data))[0]


def posed(setup: Setup, path: Path) -> tuple[Problem, Posterior]:
    """The problem as the case poses it, its errors tuned, and its best point; read from `path` where found before."""
    page, sense = setup.case.assimilate, compose.constraints(setup.case, setup.model)
    terms = {n: o.only(jnp.asarray(trained(setup, n))) for n, o in observations(setup).items()}
    if not path.exists():
        key = jax.random.PRNGKey(page.seed)
        search = Variational(page.iterations, page.starts)
        found = search.solve(problem(setup, (*terms.values(), *sense)), key, tell)
        if page.tune:
            shown = predicted(setup, np.asarray(found.best))
            terms = {n: t.tuned(jnp.nan_to_num(jnp.asarray(shown[n], float))) for n, t in terms.items()}
            again = problem(setup, (*terms.values(), *sense))
            closer = dataclasses.replace(search, iterations=max(5, page.iterations // 2))
            found = closer.solve(again, key, tell, guess=found.best)
        ds = found.dataset(setup.names)
        for name, term in terms.items():
            for field in TUNED:
                ds[f"{name}_{field}"] = ("cell", np.asarray(getattr(term, field)))
        write(ds, path)
    with xr.open_zarr(path) as ds:
        told = ds.load()
    for name in terms:
        tuned = {field: jnp.asarray(told[f"{name}_{field}"].to_numpy()) for field in TUNED}
        terms[name] = dataclasses.replace(terms[name], **tuned)
    return problem(setup, (*terms.values(), *sense)), Posterior.read(told, setup.space)


def solved(task: Problem, solve: Callable[[], Posterior], path: Path) -> tuple[Posterior, float]:
    """What `solve` gives, or what lies at `path`; with the seconds that it took."""
    if not path.exists():
        begin = time.perf_counter()
        ds = solve().dataset([str(g) for g in range(task.groups)])
        write(ds.assign_attrs(ds.attrs | {"seconds": time.perf_counter() - begin}), path)
    with xr.open_zarr(path) as ds:
        told = ds.load()
    return Posterior.read(told, task.space), float(told.attrs["seconds"])


def compared(name: str, data: Path | None, folder: Path, sampler: Sampler) -> list[Line]:
    """Both methods on one part."""
    folder.mkdir(parents=True, exist_ok=True)
    setup = made(name, data)
    print(f"{name}: {setup.space.size} unknowns of {len(setup.names)} pixels", flush=True)
    task, best = posed(setup, folder / "best.zarr")
    page = setup.case.assimilate
    members = PARTS[name][2]
    names = setup.names if len(setup.names) > 1 else [name]
    ensemble = RandomisedMaximumLikelihood(members, page.ensemble_iterations)
    keys = jax.random.split(jax.random.PRNGKey(page.seed + 1))
    fast, quick = solved(task, lambda: ensemble.spread(task, best, keys[0], tell), folder / "ensemble.zarr")
    slow, long = solved(
        task, lambda: sampler.solve(task, keys[1], tell, guess=best.best), folder / "sampler.zarr"
    )
    print(f"{name}: ensemble {quick:.0f} s, sampler {long:.0f} s; {slow.chains}", flush=True)
    few = dataclasses.replace(fast, ensemble=fast.ensemble[:, : page.members])
    rows = agreement(task, fast, slow, "nee", names).rows
    less = agreement(task, few, slow, "nee", names).rows
    assert slow.chains is not None
    return [
        Line(r.cell, r, f.ratio, *_said(slow.chains, r.group), members)
        for r, f in zip(rows, less, strict=True)
    ]


def _said(chains: Convergence, group: int) -> tuple[float, float, float]:
    """Worst R-hat, least effective sample size, and acceptance of one group; a NaN stays one."""
    return (
        float(np.max(chains.rhat[:, group])),
        float(np.min(chains.ess[:, group])),
        float(chains.acceptance[group]),
    )


def totals(lines: list[Line]) -> str:
    """How many pixels held, and how many would by chance alone have missed."""
    known = [line for line in lines if line.converged]
    chance = sum(line.by_chance for line in known)
    mean = sum(abs(line.row.shift) <= MEAN for line in known)
    spread = sum(abs(line.row.ratio - 1.0) <= SD for line in known)
    return (
        f"{len(known)} of {len(lines)} pixels have converged chains. Of these {sum(x.held for x in known)} agree: "
        f"{mean} in the mean, {spread} in the standard deviation; exact draws as many as these would miss {chance:.1f}."
    )


def main() -> None:
    """Run or read every part, then print the table."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("folder", type=Path, nargs="?", help="where results are kept")
    words.add_argument("--data", type=Path, default=os.environ.get("LANDSINK_DATA"), help="root of the data")
    words.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    words.add_argument("--chains", type=int, default=16)
    words.add_argument("--draws", type=int, default=100)
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--leapfrogs", type=int, default=12)
    words.add_argument("--kind", choices=("hmc", "demc"), default="hmc")
    asked = words.parse_args()
    if asked.folder is None:
        print("posterior.py: not run, since it takes a quarter of an hour; name a folder to run it.")
        return
    sampler = Sampler(
        asked.kind, asked.chains, asked.draws, asked.draws, asked.rounds, asked.chains * asked.draws,
        asked.leapfrogs, best=Variational(1, 1),
    )  # fmt: skip
    lines: list[Line] = []
    for name in asked.only:
        lines += compared(name, asked.data, asked.folder / name, sampler)
    print(HEAD)
    print(*lines, sep="\n")
    print(totals(lines))


if __name__ == "__main__":
    main()
