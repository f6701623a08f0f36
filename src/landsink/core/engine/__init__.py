"""Engines: the same equations, run by XLA or as compiled C; chosen outside, by name."""

import logging
from functools import cache
from typing import Any

from landsink.core.errors import EngineError, unknown
from landsink.core.model import Model

from .build import NoCompiler, compiler
from .compiled import Native
from .xla import Xla

__all__ = ["ENGINES", "Native", "NoCompiler", "Xla", "choose"]

ENGINES = ("native", "xla")
_log = logging.getLogger("landsink")


def choose(name: str, precision: str, model: Model, stepper: Any) -> Native | Xla:
    """The engine of that name, or XLA with one line of why, where this model or this machine cannot have it.

    Raises UnknownName for a name that is no engine.
    """
    if name not in ENGINES:
        raise unknown(name, ENGINES, "the engines")
    if name == "xla":
        return Xla()
    engine = Native(precision)
    try:
        compiler()
        engine.check(model, stepper)
    except (NoCompiler, EngineError) as why:
        _say_once(f"engine: xla instead of native, because {_reason(why)}")
        return Xla()
    return engine


def _reason(why: Exception) -> str:
    if isinstance(why, NoCompiler):
        return f"there is no C compiler here ({why}); install one, or `pip install ziglang`"
    return f"this step uses what cannot be written out in C: {why}"


@cache
def _say_once(line: str) -> None:
    _log.warning(line)
