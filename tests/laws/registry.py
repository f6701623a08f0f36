"""Every process of the house, found by walking its packages; nothing is listed by hand."""

import importlib
import pkgutil
from functools import cache, partial

from hypothesis import strategies as st

import landsink.models
from landsink.core.flow import flow, is_flow
from landsink.core.process import Parameter, Process
from landsink.core.quantity import quantity

DAY = 86400.0
STEPS = {"day": DAY, "month": 365.2425 * DAY / 12, "year": 365.2425 * DAY}


@cache
def processes() -> tuple[type[Process], ...]:
    """Each process class that a module of landsink.models defines, by name."""
    walk = pkgutil.walk_packages(landsink.models.__path__, "landsink.models.")
    modules = [importlib.import_module(found.name) for found in walk]
    classes = {
        thing
        for module in modules
        for thing in vars(module).values()
        if isinstance(thing, type) and issubclass(thing, Process) and thing.__module__ == module.__name__
    }
    return tuple(
        sorted(
            (c for c in classes if any("__call__" in vars(k) for k in c.__mro__)), key=lambda c: c.__name__
        )
    )


def span(name: str) -> tuple[float, float]:
    """What the vocabulary lets a quantity be; a row without a span fails the law that asked."""
    row = quantity(name)
    assert row.span, f"'{name}' has no span in the vocabulary: the laws cannot draw it"
    return row.span


@cache
def points(cls: type[Process]) -> st.SearchStrategy[tuple[dict[str, float], dict[str, float]]]:
    """Parameters within their bounds and inputs within their spans, the spans' ends among them."""
    process = cls()
    chosen = {p.name: st.floats(0.001, 0.999).map(partial(_between, p)) for p in process.parameters}
    # squares of numbers smaller than that fall below what a float can hold: no run comes there
    inputs = {
        n: st.floats(*span(n)).map(lambda x: x if abs(x) > 1e-60 else 0.0) for n in process.reads if n != "dt"
    }
    if "dt" in process.reads:
        inputs["dt"] = st.sampled_from(list(STEPS.values()))
    return st.tuples(st.fixed_dictionaries(chosen), st.fixed_dictionaries(inputs))


@cache
def donors(cls: type[Process], port: bool) -> dict[str, tuple[str, ...]]:
    """The pools (or the ports) that a process takes from, and the arrows by which it does."""
    arrows = [k for k in cls().gives if is_flow(k)]
    ends = sorted({flow(k).donor for k in arrows})
    chosen = [d for d in ends if (quantity(d).port if port else quantity(d).kind == "pool")]
    return {d: tuple(k for k in arrows if flow(k).donor == d) for d in chosen}


def _between(p: Parameter, share: float) -> float:
    return p.low * (p.high / p.low) ** share if p.logarithmic else p.low + (p.high - p.low) * share
