"""Engines: the same equations, run by XLA or as compiled C; chosen outside, by name."""

from typing import Any

import jax

from landsink.core.errors import EngineError, unknown
from landsink.core.model import Model

from .build import NoCompiler, compiler, say_once
from .compiled import Native
from .xla import Xla

__all__ = ["ENGINES", "Native", "NoCompiler", "Xla", "choose", "hindrance"]

ENGINES = ("native", "xla")


def choose(name: str, precision: str, model: Model, stepper: Any) -> Native | Xla:
    """The engine of that name, or XLA with one line of why, where this model or this machine cannot have it.

    Raises UnknownName for a name that is no engine.
    """
    if name not in ENGINES:
        raise unknown(name, ENGINES, "the engines")
    if name == "xla":
        return Xla()
    engine = Native(precision)
    why = hindrance(engine, model, stepper)
    if why:
        say_once(f"engine: xla instead of native, because {why}")
        return Xla()
    return engine


def hindrance(engine: Native, model: Model, stepper: Any) -> str:
    """Why this machine cannot run this model on the native engine; empty if it can."""
    device = jax.default_backend()
    if device != "cpu":
        return f"JAX computes on {device} here; JAX_PLATFORMS=cpu would have it on the processor"
    try:
        compiler()
    except NoCompiler as why:
        return f"no C compiler works here ({why}); install one, or `pip install 'landsink[native]'`"
    try:
        engine.check(model, stepper)
    except EngineError as why:
        return f"this step uses what cannot be written out in C: {why}"
    return ""
