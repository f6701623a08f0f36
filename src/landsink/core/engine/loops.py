"""Statements in short loops over the vectors of a strip.

One long chain of operations waits for itself at every step: a processor looks ahead a few hundred instructions, not
thousands. In short loops it finds the next vectors' operations while the first one's are under way. What a later loop
needs is kept in slots, which are used again as soon as nobody reads them any more.
"""

import dataclasses
from collections.abc import Iterable, Sequence

from .emit import Statement

CHUNK = 16


@dataclasses.dataclass
class Slots:
    """Places where values wait for a later loop, of either vector type."""

    prefix: str
    count: dict[str, int] = dataclasses.field(default_factory=lambda: {"V": 0, "VD": 0})
    free: dict[str, list[int]] = dataclasses.field(default_factory=lambda: {"V": [], "VD": []})
    held: dict[str, tuple[str, int]] = dataclasses.field(default_factory=dict[str, tuple[str, int]])

    def take(self, name: str, kind: str) -> None:
        """A place for a value; truth values wait as numbers."""
        kind = "VD" if kind == "VD" else "V"
        if not self.free[kind]:
            self.free[kind].append(self.count[kind])
            self.count[kind] += 1
        self.held[name] = (kind, self.free[kind].pop())

    def leave(self, name: str) -> None:
        """Nobody reads it any more."""
        kind, at = self.held[name]
        self.free[kind].append(at)

    def place(self, name: str) -> str:
        """Where it waits, in C."""
        kind, at = self.held[name]
        return f"{self.prefix}{'w' if kind == 'VD' else 'n'}[{at} * NB + j]"

    @property
    def declared(self) -> list[str]:
        """The arrays, in C."""
        kinds = (("V", "n"), ("VD", "w"))
        return [f"{k} {self.prefix}{s}[{self.count[k]} * NB];" for k, s in kinds if self.count[k]]


def loops(
    statements: Sequence[Statement], slots: Slots, known: Sequence[Statement] = (), pinned: Iterable[str] = ()
) -> list[str]:
    """C of all statements in loops of `CHUNK`; numbers that all columns share come first.

    known: statements of an earlier part whose values may be read; pinned: names that a later part will read.
    """
    scalars = [s for s in statements if s.type in ("R", "int")]
    vectors = [s for s in statements if s.type not in ("R", "int")]
    inputs = {s.name: s for s in (*known, *statements) if s.loaded}
    types = {s.name: s.type for s in (*known, *statements) if s.name}
    work = [s for s in vectors if not s.loaded]
    chunks = [work[i : i + CHUNK] for i in range(0, len(work), CHUNK)]
    kept = set(pinned)
    last = {n: at for at, chunk in enumerate(chunks) for s in chunk for n in s.reads}
    lines = [s.line for s in scalars]
    for at, chunk in enumerate(chunks):
        made = {s.name for s in chunk if s.name}
        read = list(
            dict.fromkeys(n for s in chunk for n in s.reads if n not in made and types[n] not in ("R", "int"))
        )
        lines.append("for (int j = 0; j < nb; j++) {")
        lines += [inputs[n].line if n in inputs else _fetched(n, types[n], slots) for n in read]
        for s in chunk:
            lines.append(s.line)
            if s.name and (last.get(s.name, at) > at or s.name in kept):
                slots.take(s.name, s.type)
                lines.append(f"{slots.place(s.name)} = {f'(V){s.name}' if s.type == 'VI' else s.name};")
        lines.append("}")
        for n in read:
            if n in slots.held and n not in kept and n not in {s.name for s in known} and last[n] == at:
                slots.leave(n)
    return lines


def _fetched(name: str, kind: str, slots: Slots) -> str:
    place = slots.place(name)
    return f"const {kind} {name} = {f'(VI){place}' if kind == 'VI' else place};"
