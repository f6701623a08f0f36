"""Statements in short loops over the vectors of a strip.

One long chain of operations waits for itself at every step: a processor looks ahead a few hundred instructions, not
thousands. In short loops it finds the next vectors' operations while the first one's are under way. What a later loop
needs is kept in slots, which are used again as soon as nobody reads them any more. The statements of a run stand in
the order in which a processor could start them, those first on whom the longest chain waits; those of derivatives stay
as they were traced, since so many values wait there that moving them apart costs more than it gains.
"""

import dataclasses
import heapq
import sys
from collections.abc import Iterable, Sequence

from .emit import Statement

# cycles until a result can be used, and how many operations it takes, as usual for processors of this decade
LATENCY = {"v_exp": (45, 14), "v_expm1": (50, 20), "v_tanh": (75, 28), "v_log": (50, 30), "v_log1p": (60, 36),
           "v_pow": (110, 60), "v_sin": (50, 40), "v_cos": (50, 40), "v_tan": (60, 50), "v_acos": (60, 60),
           "v_asin": (60, 60), "v_sqrt": (14, 2), " / ": (11, 2)}  # fmt: skip
PLAIN = (4, 1)
AT_ONCE = 1.5  # operations that start in a cycle


@dataclasses.dataclass(frozen=True)
class Form:
    """Statements in one loop, and whether they are put into a processor's order."""

    chunk: int
    sort: bool


RUN, SLOPES = Form(40, True), Form(24, False)
STRAIGHT = Form(sys.maxsize, True)  # one vector: nothing to loop over


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


def ordered(statements: Sequence[Statement]) -> list[Statement]:
    """The statements as a processor with nothing in its way would start them: longest chain first."""
    made = {s.name: i for i, s in enumerate(statements) if s.name}
    price = [next((v for k, v in LATENCY.items() if k in s.text), PLAIN) for s in statements]
    readers: list[list[int]] = [[] for _ in statements]
    waits, chain, ready_at = [0] * len(statements), [0] * len(statements), [0.0] * len(statements)
    for i, s in enumerate(statements):
        for giver in {made[n] for n in s.reads if n in made}:
            readers[giver].append(i)
            waits[i] += 1
    for i in reversed(range(len(statements))):
        chain[i] = price[i][0] + max((chain[r] for r in readers[i]), default=0)
    coming = [(0.0, i) for i, n in enumerate(waits) if not n]
    ready: list[tuple[int, int]] = []
    order: list[Statement] = []
    now = 0.0
    while coming or ready:
        while coming and coming[0][0] <= now:
            i = heapq.heappop(coming)[1]
            heapq.heappush(ready, (-chain[i], i))
        if not ready:
            now = coming[0][0]
            continue
        i = heapq.heappop(ready)[1]
        order.append(statements[i])
        for r in readers[i]:
            waits[r] -= 1
            ready_at[r] = max(ready_at[r], now + price[i][0])
            if not waits[r]:
                heapq.heappush(coming, (ready_at[r], r))
        now += price[i][1] / AT_ONCE
    return order


def loops(
    statements: Sequence[Statement],
    slots: Slots,
    form: Form,
    known: Sequence[Statement] = (),
    pinned: Iterable[str] = (),
) -> list[str]:
    """C of all statements in loops; numbers that all columns share come first.

    known: statements of an earlier part whose values may be read; pinned: names that a later part will read.
    """
    scalars = [s for s in statements if s.type in ("R", "int")]
    vectors = [s for s in statements if s.type not in ("R", "int")]
    inputs = {s.name: s for s in (*known, *statements) if s.loaded}
    types = {s.name: s.type for s in (*known, *statements) if s.name}
    work = [s for s in vectors if not s.loaded]
    work = ordered(work) if form.sort else work
    chunks = [work[i : i + form.chunk] for i in range(0, len(work), form.chunk)]
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
