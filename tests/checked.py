"""The type checker that jaxtyping's import hook applies to landsink.core while tests run."""

from collections.abc import Callable
from typing import Any, Self, get_type_hints

from beartype import beartype


def check(thing: Callable[..., Any]) -> Callable[..., Any]:
    """beartype, but for functions inside functions, and for methods that speak of `Self`.

    The first are handed to jax and equinox, which call them with stand-ins; the second make no sense to
    beartype where the hook meets them, outside their class.
    """
    inner = "<locals>" in getattr(thing, "__qualname__", "")
    return thing if inner or _speaks_of_self(thing) else beartype(thing)


def _speaks_of_self(thing: Callable[..., Any]) -> bool:
    if isinstance(thing, type):
        return False
    try:
        return Self in get_type_hints(thing).values()
    except NameError:  # a class that names itself before it exists
        return True
