"""Terms: the summands of a log-probability, each as whitened residuals."""

from typing import NamedTuple, Protocol

from jaxtyping import Array, Float

from .model import Named


class Seen(NamedTuple):
    """What a run shows to its observers.

    out: name -> (step, ..., cell); parameters: 'Process.parameter' -> (..., cell), SI; start and end:
    state -> (..., cell).
    """

    out: Named
    parameters: Named
    start: Named
    end: Named


class Term(Protocol):
    """One summand: log p = -0.5 sum of squared residuals.

    `needs` names the outputs it looks at. `shared` says that it speaks of parameters alone, so that cells
    that share parameters must not count it once each.
    """

    needs: tuple[str, ...]
    shared: bool

    def residual(self, seen: Seen) -> Float[Array, "..."]:
        """Whitened residuals (k, ..., cell); zero where nothing was observed."""
        ...

    @property
    def observed(self) -> Float[Array, "..."]:
        """How many values there are, per cell; 0 for a constraint."""
        ...

    def noise(self, key: Array, shape: tuple[int, ...]) -> Float[Array, "..."]:
        """Draws of the observation's whitened errors (k, *shape); zeros for a constraint."""
        ...
