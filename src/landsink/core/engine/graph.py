"""A step as a flat list of scalar operations, traced once, simplified, split by what it depends on, and replayed.

A traced step is a nest of small jaxprs full of repeated subexpressions. Here it becomes one list in which every
expression stands once, so that a generator can write it out and JAX can differentiate it again.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core as jex

from landsink.core.errors import EngineError

Ref = int
CALLS = {"jit", "pjit", "closed_call", "core_call", "custom_jvp_call", "custom_vjp_call", "remat", "checkpoint",
         "custom_lin", "remat2"}  # fmt: skip
SAME = {"copy", "copy_p", "stop_gradient", "reshape", "squeeze", "broadcast_in_dim", "reduce_precision",
        "optimization_barrier"}  # fmt: skip
COMPARE = {"lt", "gt", "le", "ge", "eq", "ne"}
LOGIC = {"and", "or", "not", "xor", "is_finite"}


@dataclasses.dataclass(frozen=True)
class Node:
    """One scalar operation. `value` holds a constant or an input's number, `where` the line it came from."""

    op: str
    args: tuple[Ref, ...] = ()
    value: float | int | bool = 0
    boolean: bool = False
    where: str = ""


class Graph:
    """Operations in order, each once; `outputs` are those that are asked for."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.outputs: list[Ref] = []
        self._known: dict[tuple[Any, ...], Ref] = {}

    def input(self, position: int, boolean: bool = False) -> Ref:
        """The value that will be handed over at `position`."""
        return self._put(Node("input", (), position, boolean))

    def const(self, value: Any) -> Ref:
        """A literal number."""
        plain = np.asarray(value)
        return self._put(
            Node("const", (), bool(plain) if plain.dtype == bool else float(plain), plain.dtype == bool)
        )

    def add(self, op: str, args: Sequence[Ref], where: str = "", exponent: int = 0) -> Ref:
        """An operation, in its simplest equivalent form."""
        a = tuple(args)
        held = [self.nodes[i] for i in a]
        if all(n.op == "const" for n in held) and op in FOLD:
            return self.const(_fold(op, [n.value for n in held]))
        simple = SIMPLER.get(op)
        if simple is not None:
            found = simple(self, a, where, exponent)
            if found is not None:
                return found
        return self._put(Node(op, a, exponent, op in COMPARE or op in LOGIC or self._chooses(op, a), where))

    def _chooses(self, op: str, args: tuple[Ref, ...]) -> bool:
        return op == "select" and self.nodes[args[1]].boolean

    def _put(self, node: Node) -> Ref:
        key = (node.op, node.args, node.value, node.boolean, math.copysign(1.0, node.value))
        if key not in self._known:
            self._known[key] = len(self.nodes)
            self.nodes.append(node)
        return self._known[key]

    def number(self, ref: Ref) -> float | None:
        """A constant's value, None for anything else."""
        return float(self.nodes[ref].value) if self.nodes[ref].op == "const" else None

    def needed(self, outputs: Iterable[Ref]) -> set[Ref]:
        """Everything that the outputs depend on."""
        found: set[Ref] = set()
        todo = list(outputs)
        while todo:
            ref = todo.pop()
            if ref not in found:
                found.add(ref)
                todo.extend(self.nodes[ref].args)
        return found

    def depending(self, inputs: Iterable[Ref]) -> set[Ref]:
        """Everything that depends on one of the inputs."""
        found = set(inputs)
        for i, node in enumerate(self.nodes):
            if any(a in found for a in node.args):
                found.add(i)
        return found


def trace(function: Callable[..., Sequence[Any]], arguments: int) -> Graph:
    """The graph of a function of `arguments` scalars that gives a sequence of scalars.

    Raises EngineError, naming the operation and its line, for anything that is not elementwise.
    """
    scalar = jax.ShapeDtypeStruct((), jnp.float64)
    closed = jax.make_jaxpr(lambda *a: list(function(*a)))(*[scalar] * arguments)
    graph = Graph()
    inputs = [graph.input(i) for i in range(arguments)]
    graph.outputs = _inline(graph, closed.jaxpr, closed.consts, inputs)
    return graph


def _inline(graph: Graph, jaxpr: Any, consts: Sequence[Any], args: Sequence[Ref]) -> list[Ref]:
    held: dict[Any, Ref] = {}

    def read(atom: Any) -> Ref:
        return graph.const(atom.val) if isinstance(atom, jex.Literal) else held[atom]

    for var, value in zip(jaxpr.constvars, consts, strict=True):
        if np.ndim(value):
            raise EngineError(f"an array of shape {np.shape(value)} inside a step")
        held[var] = graph.const(value)
    held |= dict(zip(jaxpr.invars, args, strict=True))
    for eqn in jaxpr.eqns:
        given = [read(a) for a in eqn.invars]
        name = eqn.primitive.name
        inner = next((v for k, v in eqn.params.items() if k in ("jaxpr", "call_jaxpr", "fun_jaxpr")), None)
        if inner is not None and name in CALLS:
            body, bound = (inner.jaxpr, inner.consts) if hasattr(inner, "jaxpr") else (inner, [])
            results = _inline(graph, body, bound, given)
        else:
            results = [_translate(graph, eqn, name, given)]
        held |= dict(zip(eqn.outvars, results, strict=False))
    return [read(a) for a in jaxpr.outvars]


def _translate(graph: Graph, eqn: Any, name: str, given: list[Ref]) -> Ref:
    where = _line(eqn)
    if any(a.aval.shape for a in (*eqn.invars, *eqn.outvars)):
        raise EngineError(f"'{name}' on arrays ({where})")
    if name in SAME:
        return given[0]
    if name == "convert_element_type":
        if graph.nodes[given[0]].boolean and eqn.params["new_dtype"] != np.bool_:
            return graph.add("select", (given[0], graph.const(1.0), graph.const(0.0)), where)
        return given[0]
    if name == "select_n":
        if len(given) != 3:
            raise EngineError(f"'select_n' among {len(given) - 1} cases ({where})")
        return graph.add("select", (given[0], given[2], given[1]), where)
    if name == "clamp":
        return graph.add("min", (given[2], graph.add("max", (given[0], given[1]), where)), where)
    if name == "integer_pow":
        return graph.add("integer_pow", given, where, eqn.params["y"])
    name = {"add_any": "add"}.get(name, name)
    if name not in KNOWN:
        raise EngineError(f"'{name}' ({where})")
    return graph.add(name, given, where)


def _line(eqn: Any) -> str:
    """The line of a process that an operation came from."""
    traceback = eqn.source_info.traceback
    frames = traceback.frames if traceback is not None else []
    for frame in frames:
        if (
            frame.function_name == "__call__"
            and "landsink" in frame.file_name
            and "core" not in frame.file_name
        ):
            return f"{frame.file_name.rpartition('landsink/')[2]}:{frame.line_num}"
    ours = [f for f in frames if "site-packages" not in f.file_name]
    return f"{ours[0].file_name.rpartition('/')[2]}:{ours[0].line_num}" if ours else "unknown line"


def evaluate(graph: Graph, inputs: Sequence[Any], outputs: Sequence[Ref]) -> list[Any]:
    """The graph's outputs for inputs of any shapes that broadcast, in JAX: differentiable, and traceable anew."""
    wanted = graph.needed(outputs)
    held: dict[Ref, Any] = {}
    for i, node in enumerate(graph.nodes):
        if i in wanted:
            held[i] = _value(node, inputs, [held[a] for a in node.args])
    return [held[i] for i in outputs]


def _value(node: Node, inputs: Sequence[Any], args: list[Any]) -> Any:
    if node.op == "input":
        return inputs[int(node.value)]
    if node.op == "const":
        return node.value
    if node.op == "integer_pow":
        return jax.lax.integer_pow(args[0], int(node.value))
    return KNOWN[node.op](*args)


KNOWN: dict[str, Callable[..., Any]] = {
    "add": jnp.add, "sub": jnp.subtract, "mul": jnp.multiply, "div": jnp.divide, "neg": jnp.negative,
    "max": jnp.maximum, "min": jnp.minimum, "abs": jnp.abs, "sign": jnp.sign, "floor": jnp.floor,
    "exp": jnp.exp, "expm1": jnp.expm1, "log": jnp.log, "log1p": jnp.log1p, "sqrt": jnp.sqrt, "tanh": jnp.tanh,
    "pow": jnp.power, "sin": jnp.sin, "cos": jnp.cos, "tan": jnp.tan, "acos": jnp.arccos, "asin": jnp.arcsin,
    "recip": lambda x: 1.0 / x, "select": jnp.where, "logistic": jax.nn.sigmoid, "exp2": jnp.exp2,
    "square": jnp.square, "rsqrt": jax.lax.rsqrt, "integer_pow": jax.lax.integer_pow,
    "lt": jnp.less, "gt": jnp.greater, "le": jnp.less_equal, "ge": jnp.greater_equal, "eq": jnp.equal,
    "ne": jnp.not_equal, "and": jnp.logical_and, "or": jnp.logical_or, "not": jnp.logical_not,
    "xor": jnp.logical_xor, "is_finite": jnp.isfinite,
}  # fmt: skip

FOLD: dict[str, Callable[..., Any]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "neg": np.negative,
    "max": np.maximum, "min": np.minimum, "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "pow": np.power,
    "lt": np.less, "gt": np.greater, "le": np.less_equal, "ge": np.greater_equal, "eq": np.equal,
    "recip": np.reciprocal,
}  # fmt: skip


def _fold(op: str, values: Sequence[Any]) -> Any:
    with np.errstate(all="ignore"):
        return FOLD[op](*(v if isinstance(v, bool) else np.float64(v) for v in values))


def _simpler_add(g: Graph, a: tuple[Ref, ...], where: str, _: int) -> Ref | None:
    if g.number(a[0]) == 0.0:
        return a[1]
    if g.number(a[1]) == 0.0:
        return a[0]
    return g.add("sub", (a[0], g.nodes[a[1]].args[0]), where) if g.nodes[a[1]].op == "neg" else None


def _simpler_sub(g: Graph, a: tuple[Ref, ...], where: str, _: int) -> Ref | None:
    if g.number(a[1]) == 0.0:
        return a[0]
    return g.add("add", (a[0], g.nodes[a[1]].args[0]), where) if g.nodes[a[1]].op == "neg" else None


def _simpler_mul(g: Graph, a: tuple[Ref, ...], where: str, _: int) -> Ref | None:
    for one, other in (a, a[::-1]):
        number = g.number(one)
        if number == 1.0:
            return other
        if number == -1.0:
            return g.add("neg", (other,), where)
        node = g.nodes[one]
        # 1/y**2 overflows single precision where (x/y)/y does not
        if (
            node.op == "recip"
            and g.nodes[node.args[0]].op == "mul"
            and len(set(g.nodes[node.args[0]].args)) == 1
        ):
            inverse = g.add("recip", g.nodes[node.args[0]].args[:1], where)
            return g.add("mul", (g.add("mul", (other, inverse), where), inverse), where)
    return g.add("mul", a[::-1], where) if a[0] > a[1] else None


def _simpler_div(g: Graph, a: tuple[Ref, ...], where: str, _: int) -> Ref | None:
    number = g.number(a[1])
    if number is not None and number != 0.0 and math.isfinite(1.0 / number):
        return g.add("mul", (a[0], g.const(1.0 / number)), where)
    return g.add("recip", (a[1],), where) if g.number(a[0]) == 1.0 else None


def _simpler_neg(g: Graph, a: tuple[Ref, ...], where: str, _: int) -> Ref | None:
    node = g.nodes[a[0]]
    if node.op == "neg":
        return node.args[0]
    return g.add("sub", node.args[::-1], where) if node.op == "sub" else None


def _powers(g: Graph, a: tuple[Ref, ...], where: str, exponent: int) -> Ref:
    """A whole power by repeated squaring."""
    if exponent < 0:
        return g.add("recip", (_powers(g, a, where, -exponent),), where)
    if exponent == 0:
        return g.const(1.0)
    half = _powers(g, a, where, exponent // 2)
    whole = g.add("mul", (half, half), where)
    return g.add("mul", (whole, a[0]), where) if exponent % 2 else whole


def _simpler_select(g: Graph, a: tuple[Ref, ...], where: str, _: int) -> Ref | None:
    if g.nodes[a[0]].op == "const":
        return a[1] if g.nodes[a[0]].value else a[2]
    return a[1] if a[1] == a[2] else None


def _simpler_pow(g: Graph, a: tuple[Ref, ...], where: str, _: int) -> Ref | None:
    number = g.number(a[1])
    if number is not None and number in (0.5, 1.0, 2.0, 3.0):
        return g.add("sqrt", a[:1], where) if number == 0.5 else _powers(g, a[:1], where, int(number))
    return None


def _simpler_sin(g: Graph, a: tuple[Ref, ...], where: str, _: int) -> Ref | None:
    """sin(acos(x)), as of the sun at the horizon, is a root."""
    node = g.nodes[a[0]]
    if node.op != "acos":
        return None
    x, one = node.args[0], g.const(1.0)
    return g.add(
        "sqrt", (g.add("mul", (g.add("sub", (one, x), where), g.add("add", (one, x), where)), where),), where
    )


SIMPLER: dict[str, Callable[[Graph, tuple[Ref, ...], str, int], Ref | None]] = {
    "add": _simpler_add, "sub": _simpler_sub, "mul": _simpler_mul, "div": _simpler_div, "neg": _simpler_neg,
    "integer_pow": _powers, "select": _simpler_select, "pow": _simpler_pow, "sin": _simpler_sin,
    "square": lambda g, a, where, _: g.add("mul", (a[0], a[0]), where),
    "rsqrt": lambda g, a, where, _: g.add("recip", (g.add("sqrt", a, where),), where),
    "exp2": lambda g, a, where, _: g.add("exp", (g.add("mul", (a[0], g.const(math.log(2.0))), where),), where),
    "logistic": lambda g, a, where, _: g.add(
        "recip", (g.add("add", (g.const(1.0), g.add("exp", (g.add("neg", a, where),), where)), where),), where
    ),
}  # fmt: skip
