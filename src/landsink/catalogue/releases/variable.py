"""What a published variable is: its name, unit, sign and kind, and how people may look at it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np

from landsink.core.quantity import Quantity, vocabulary

Kind = Literal["flux", "stock", "state"]
KINDS: Mapping[str, Kind] = {
    "kg m-2 s-1": "flux",
    "mol m-2 s-1": "flux",
    "kg m-2": "stock",
    "mol m-2": "stock",
}
ACROSS_ZERO = 0.05  # share of the larger end that the smaller must reach on the other side of zero


@dataclass(frozen=True)
class Variable:
    """One variable of a release.

    unit: of all numbers. sign: which way is positive, or ''. standard_name: of CF, or ''. kind: 'flux' (a rate for
    area, summed over time), 'stock' (an amount for area) or 'state' (neither; it has no sum). sd: name of the variable
    with its standard deviation, or ''. members: whether every cell keeps its ensemble. span: ends for colours, between
    which lie 96 of 100 values; even about zero where the values lie on both sides of it. colours: a colour table.
    """

    name: str
    title: str
    unit: str
    sign: str
    standard_name: str
    kind: Kind
    sd: str
    members: bool
    span: tuple[float, float]
    colours: str

    @classmethod
    def of(
        cls, name: str, attrs: Mapping[str, Any], sd: str, members: bool, quantiles: tuple[float, float]
    ) -> Self:
        """A variable by its CF attributes, and by the vocabulary where it knows the name."""
        row = vocabulary().get(name)
        unit = str(attrs.get("units", row.unit if row else "1"))
        said = str(attrs.get("comment", ""))
        sign = (
            row.sign if row else said.removeprefix("Sign: ").removesuffix(".") if said[:5] == "Sign:" else ""
        )
        title = str(attrs.get("long_name", "")) or (row.long if row else name)
        standard = str(attrs.get("standard_name", "")) or (row.standard_name if row else "")
        span, colours = _look(quantiles, sign, row)
        return cls(name, title, unit, sign, standard, KINDS.get(unit, "state"), sd, members, span, colours)

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> Self:
        """A variable as `facts` told it."""
        return cls(**{**facts, "span": tuple(facts["span"])})

    def facts(self) -> dict[str, Any]:
        """The variable as plain data for JSON."""
        return asdict(self) | {"span": list(self.span)}


def _look(quantiles: tuple[float, float], sign: str, row: Quantity | None) -> tuple[tuple[float, float], str]:
    low, high = quantiles
    if not np.isfinite([low, high]).all():
        return (0.0, 1.0), "viridis"
    if low < 0 < high and min(-low, high) > ACROSS_ZERO * max(-low, high):
        end = max(-low, high)
        return (-end, end), "RdBu_r" if "to the atmosphere" in sign else "RdBu"
    if low == high:
        high = low + (abs(low) or 1.0)
    leaves = row is not None and row.name in ("gpp", "npp", "lai", "fapar", "cVeg")
    return (low, high), "YlGn" if leaves else "cividis" if row and row.substance == "water" else "viridis"
