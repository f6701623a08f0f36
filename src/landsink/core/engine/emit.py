"""Operations to C: every node becomes one statement, scalar where all columns share it, a vector where they differ."""

import dataclasses
import re
from collections.abc import Iterable, Mapping

import numpy as np

from landsink.core.errors import EngineError

from .graph import COMPARE, Graph, Node, Ref

# kinds of a value: one number, a vector in the working precision, a vector in double precision
SCALAR, VECTOR, WIDE = "s", "v", "w"
INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
SIGN = {"lt": "<", "gt": ">", "le": "<=", "ge": ">=", "eq": "==", "ne": "!="}
LOGICAL = {"and": "&", "or": "|", "xor": "^"}
CALLED = {"exp", "expm1", "log", "log1p", "tanh", "pow", "sin", "cos", "tan", "acos", "asin", "sqrt", "abs", "sign",
          "floor"}  # fmt: skip
# what the header gives two forms: v_exp on vectors, s_exp on numbers
EMITTED = {*INFIX, *SIGN, *LOGICAL, *CALLED, "neg", "recip", "max", "min", "select", "not", "is_finite"}


def unknown_ops(graph: Graph) -> None:
    """Raise EngineError for the first operation that cannot be written in C."""
    for ref in sorted(graph.needed(graph.outputs)):
        node = graph.nodes[ref]
        if node.op not in EMITTED and node.op not in ("input", "const"):
            raise EngineError(f"'{node.op}' ({node.where})")


@dataclasses.dataclass(frozen=True)
class Statement:
    """One line of C: `type name = text`, or a bare `text` without a name; `reads` are the names in it.

    An input's value can be `loaded` again wherever it is read; others have to be kept.
    """

    name: str
    type: str
    text: str
    reads: tuple[str, ...]
    loaded: bool = False

    @property
    def line(self) -> str:
        """As it stands in C."""
        return f"const {self.type} {self.name} = {self.text};" if self.name else f"{self.text};"


@dataclasses.dataclass
class Writer:
    """Writes one graph's nodes as C. `inputs` gives each input's C expression and kind."""

    graph: Graph
    inputs: Mapping[int, tuple[str, str]]
    single: bool
    kind: dict[Ref, str] = dataclasses.field(default_factory=dict[Ref, str])
    name: dict[Ref, str] = dataclasses.field(default_factory=dict[Ref, str])
    narrowed: set[str] = dataclasses.field(default_factory=set[str])
    growth: dict[Ref, str] = dataclasses.field(default_factory=dict[Ref, str])

    def write(self, refs: Iterable[Ref]) -> list[Statement]:
        """Statements for these nodes, in order; what they read must have been written before."""
        lines: list[Statement] = []
        for ref in sorted(refs):
            node = self.graph.nodes[ref]
            if node.op == "const":
                self.kind[ref], self.name[ref] = SCALAR, literal(node.value)
            elif node.op == "input":
                text, kind = self.inputs[int(node.value)]
                self.kind[ref], self.name[ref] = kind, f"v{ref}"
                lines.append(Statement(f"v{ref}", _type(kind, False), text, (), kind != SCALAR))
            else:
                self._operation(ref, lines)
        return lines

    def _operation(self, ref: Ref, lines: list[Statement]) -> None:
        node = self.graph.nodes[ref]
        if node.op not in EMITTED:
            raise EngineError(f"'{node.op}' ({node.where})")
        kinds = [self.kind[a] for a in node.args]
        if self._grows(node, kinds):
            self._grow(ref, lines)
            return
        if all(k == SCALAR for k in kinds):
            kind, text = SCALAR, self._scalar(node.op, [self.name[a] for a in node.args])
        else:
            kind, text = VECTOR, self._vector(ref, lines)
        self.kind[ref], self.name[ref] = kind, f"v{ref}"
        lines.append(Statement(f"v{ref}", _type(kind, node.boolean), text, _names(text)))

    def _grows(self, node: Node, kinds: list[str]) -> bool:
        """True for a stock to which something is added, or from which something is taken."""
        if node.op == "add":
            return kinds.count(WIDE) == 1
        return node.op == "sub" and kinds[0] == WIDE and kinds[1] != WIDE

    def _grow(self, ref: Ref, lines: list[Statement]) -> None:
        """A stock and what it grew by are kept apart until it is written back: small increments over decades are
        added up with twice the digits, all of a step's at once."""
        node = self.graph.nodes[ref]
        stock, change = node.args if self.kind[node.args[0]] == WIDE else node.args[::-1]
        before, step = self.growth.get(stock, ""), self._full(change, lines)
        if before:
            text = f"{before} {INFIX[node.op]} {step}"
        else:
            text = step if node.op == "add" else f"-{step}"
        self.kind[ref], self.name[ref], self.growth[ref] = WIDE, self.name[stock], f"v{ref}"
        lines.append(Statement(f"v{ref}", "V", text, _names(text)))

    def _scalar(self, op: str, a: list[str]) -> str:
        if op in INFIX or op in SIGN or op in LOGICAL:
            return f"{a[0]} {(INFIX | SIGN | LOGICAL)[op]} {a[1]}"
        plain = {"neg": "-{0}", "recip": "(R)1 / {0}", "not": "!{0}", "select": "{0} ? {1} : {2}",
                 "max": "s_max({0}, {1})", "min": "s_min({0}, {1})", "is_finite": "({0} - {0} == (R)0)"}  # fmt: skip
        return plain[op].format(*a) if op in plain else f"s_{op}({', '.join(a)})"

    def _vector(self, ref: Ref, lines: list[Statement]) -> str:
        node = self.graph.nodes[ref]
        op, args = node.op, node.args
        if op in INFIX:
            return f"{self._narrow(args[0], lines)} {INFIX[op]} {self._narrow(args[1], lines)}"
        if op == "neg":
            return f"-{self._narrow(args[0], lines)}"
        if op == "recip":
            return f"(R)1 / {self._narrow(args[0], lines)}"
        if op in LOGICAL:
            return f"{self._mask(args[0])} {LOGICAL[op]} {self._mask(args[1])}"
        if op == "not":
            return f"~{self._mask(args[0])}"
        if op == "select":
            if node.boolean:
                m, a, b = (self._mask(x) for x in args)
                return f"({m} & {a}) | (~{m} & {b})"
            return (
                f"SELECT({self._mask(args[0])}, {self._full(args[1], lines)}, {self._full(args[2], lines)})"
            )
        if op in ("max", "min"):
            # the second operand wins where one is not a number: put the one that can be such there
            a, b = sorted(args, key=lambda x: self.kind[x] != SCALAR)
            both = self.kind[a] != SCALAR
            return f"{op.upper()}{'N' if both else ''}({self._full(a, lines)}, {self._full(b, lines)})"
        if op in COMPARE:
            return f"{self._full(args[0], lines)} {SIGN[op]} {self._full(args[1], lines)}"
        if op == "is_finite":
            a = self._full(args[0], lines)
            return f"({a} - {a}) == ZERO"
        return f"v_{op}({', '.join(self._full(a, lines) for a in args)})"

    def _narrow(self, ref: Ref, lines: list[Statement]) -> str:
        """In the working precision; converted once."""
        if self.kind[ref] != WIDE:
            return self.name[ref]
        stock = f"n{self.name[ref][1:]}"
        if stock not in self.narrowed:
            self.narrowed.add(stock)
            lines.append(Statement(stock, "V", f"NARROW({self.name[ref]})", (self.name[ref],)))
        if ref not in self.growth:
            return stock
        whole = f"m{ref}"
        if whole not in self.narrowed:
            self.narrowed.add(whole)
            grown = self.growth[ref]
            lines.append(Statement(whole, "V", f"{stock} + {grown}", (stock, grown)))
        return whole

    def _full(self, ref: Ref, lines: list[Statement]) -> str:
        return f"SPLAT({self.name[ref]})" if self.kind[ref] == SCALAR else self._narrow(ref, lines)

    def _mask(self, ref: Ref) -> str:
        return f"MASK({self.name[ref]})" if self.kind[ref] == SCALAR else self.name[ref]

    def store(self, target: str, ref: Ref, kind: str, lines: list[Statement], sign: str = "=") -> None:
        """Write an output into `target` as a vector of `kind`."""
        if kind == WIDE and self.kind[ref] == WIDE:
            grown = self.growth.get(ref)
            value = f"GROWN({self.name[ref]}, {grown})" if grown else self.name[ref]
        else:
            value = self._full(ref, lines)
            value = f"WIDEN({value})" if kind == WIDE else value
        lines.append(Statement("", "", f"{target} {sign} {value}", _names(value)))


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(re.findall(r"\b[vnm]\d+\b", text)))


def _type(kind: str, boolean: bool) -> str:
    if boolean:
        return "int" if kind == SCALAR else "VI"
    return {SCALAR: "R", VECTOR: "V", WIDE: "VD"}[kind]


def literal(value: float | int | bool) -> str:
    """A number as C reads it back exactly."""
    if isinstance(value, (bool, np.bool_)):
        return "1" if value else "0"
    number = float(value)
    if number != number:
        return "((R)NAN)"
    if number in (float("inf"), float("-inf")):
        return "((R)INFINITY)" if number > 0 else "(-(R)INFINITY)"
    return f"((R){number!r})"
