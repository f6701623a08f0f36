"""The fit of a case: best points, errors as the training steps show them, and the ensemble."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from landsink.assimilate import Posterior
from landsink.assimilate.variational import descend
from landsink.observe import Observation

from . import compose
from .setup import Setup, predicted, problem, trained

Report = Callable[[str, float], None]
REFIT = 4  # iterations that a fit needs to forget a part of the years, from the best point of all


def solve(
    setup: Setup, seen: dict[str, Observation], report: Report
) -> tuple[Posterior, dict[str, Observation]]:
    """Fit; estimate from the training steps what the error models miss; fit again and draw the ensemble.

    The observations come back with the errors to expect in years that the fit has not seen.
    """
    page = setup.case.assimilate
    sense = compose.constraints(setup.case, setup.model)
    keep = {n: trained(setup, n) for n in seen}
    key = jax.random.PRNGKey(page.seed)
    method: Any = compose.method(page)
    terms = {n: o.only(keep[n]) for n, o in seen.items()}
    if not page.tune:
        return method.solve(problem(setup, (*terms.values(), *sense)), key, report), seen
    first = problem(setup, (*terms.values(), *sense))
    best = getattr(method, "best", method).solve(
        first, key, lambda what, share: report(f"first {what}", share)
    )
    shown = predicted(setup, best.best)
    tuned = {n: t.tuned(jnp.nan_to_num(jnp.asarray(shown[n], float))) for n, t in terms.items()}
    again = problem(setup, (*tuned.values(), *sense))
    # near the optimum already: half the iterations are enough
    closer = dataclasses.replace(getattr(method, "best", method), iterations=max(5, page.iterations // 2))
    method = dataclasses.replace(method, best=closer) if hasattr(method, "best") else closer
    posterior = method.solve(again, key, report, guess=best.best)
    factors = {n: t.factor for n, t in tuned.items()}
    if page.folds > 1:
        factors = _unseen(setup, tuned, sense, posterior.best, report)
    return posterior, {n: dataclasses.replace(o, factor=factors[n]) for n, o in seen.items()}


def _unseen(
    setup: Setup, terms: dict[str, Observation], sense: Any, best: Array, report: Report
) -> dict[str, Array]:
    """Error factors (cell,) of years that a fit has not seen: each part of the training steps left out in turn.

    Residuals of the years that a fit has seen flatter it. The larger of the two factors is kept, so that a lucky part
    narrows nothing.
    """
    folds = setup.case.assimilate.folds
    known = np.flatnonzero(np.any([np.asarray(t.seen).any(1) for t in terms.values()], axis=0))
    squares = {n: np.zeros(t.value.shape[-1]) for n, t in terms.items()}
    counts = {n: np.zeros(t.value.shape[-1]) for n, t in terms.items()}
    for i, block in enumerate(np.array_split(known, folds)):
        report("years left out", i / folds)
        out = np.zeros((len(setup.entry.time), 1), bool)
        out[block] = True
        rest = [t.only(jnp.asarray(~out)) for t in terms.values()]
        z, _ = descend(problem(setup, (*rest, *sense), int(known[-1]) + 1), jnp.asarray(best)[:, None], REFIT)
        shown = predicted(setup, np.asarray(z[:, 0]))
        for name, term in terms.items():
            departure = (shown[name] - np.asarray(term.value)) / np.asarray(term.sd)
            held = out & np.asarray(term.seen) & np.isfinite(departure)
            squares[name] += np.sum(np.where(held, departure, 0.0) ** 2, 0)
            counts[name] += held.sum(0)
    report("years left out", 1.0)
    return {
        n: jnp.maximum(t.factor, jnp.asarray(np.sqrt(squares[n] / np.maximum(counts[n], 1))))
        for n, t in terms.items()
    }
