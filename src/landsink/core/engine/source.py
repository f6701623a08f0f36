"""The C text of a kernel: a step, its tangents or its adjoint, between the shared header and the loops in time."""

import dataclasses
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files

import jax
import jax.numpy as jnp

from .emit import SCALAR, VECTOR, WIDE, Statement, Writer
from .graph import Graph, Ref, evaluate, trace
from .loops import RUN, SLOPES, STRAIGHT, Form, Slots, loops

F64, F32, I16 = "f64", "f32", "i16"
STRIP = 8  # vectors in a strip
C_TYPE = {F64: "double", F32: "float", I16: "int16_t"}


@dataclasses.dataclass(frozen=True)
class Layout:
    """What a kernel is written for, beside the step.

    fixed: per fixed value, True if all columns share it. series: per forcing its storage type, and True if all cells
    share it. lanes: strips run over lanes of one cell instead of over cells of one lane. every: outputs step by step.
    narrow: so few columns that a strip is one vector.
    """

    fixed: tuple[bool, ...]
    series: tuple[tuple[str, bool], ...]
    lanes: bool
    every: bool
    single: bool
    narrow: bool = False

    def form(self, usual: Form) -> Form:
        """How statements stand in loops over a strip's vectors."""
        return STRAIGHT if self.narrow else usual


@dataclasses.dataclass(frozen=True, eq=False)
class Step:
    """A traced step: graph inputs are fixed values, then series, then states; outputs are new states, then wants."""

    graph: Graph
    fixed: int
    series: int
    states: int

    @property
    def wants(self) -> int:
        """How many outputs are asked for."""
        return len(self.graph.outputs) - self.states

    def apply(self, inputs: Sequence[jax.Array]) -> list[jax.Array]:
        """The step in JAX."""
        return [jnp.asarray(v, float) for v in evaluate(self.graph, inputs, self.graph.outputs)]

    def by(self, moving: Sequence[int], inputs: Sequence[jax.Array]) -> Callable[..., list[jax.Array]]:
        """The step as a function of the inputs at `moving`, the others held."""

        def of(*some: jax.Array) -> list[jax.Array]:
            full = list(inputs)
            for at, value in zip(moving, some, strict=True):
                full[at] = value
            return self.apply(full)

        return of

    @property
    def state_inputs(self) -> range:
        """Positions of the states among the inputs."""
        return range(self.fixed + self.series, self.fixed + self.series + self.states)


def forward(step: Step, layout: Layout) -> str:
    """C of the plain run."""
    body = _plain(step, layout, step.wants)
    return _text(step, layout, 0, "FORWARD", [_function("step", "const VD *s, VD *n, V *o", body)])


def _plain(step: Step, layout: Layout, wants: int) -> list[str]:
    """Body of a step: new states, and the first `wants` outputs."""
    writer = Writer(step.graph, _inputs(step, layout), layout.single)
    outputs = step.graph.outputs[: step.states + wants]
    lines = writer.write(step.graph.needed(outputs))
    _store_states(writer, step, outputs, lines)
    for i, ref in enumerate(outputs[step.states :]):
        writer.store(f"o[{i} * NB + j]", ref, VECTOR, lines)
    slots = Slots("t")
    body = loops(lines, slots, layout.form(RUN))
    return slots.declared + body


def _store_states(writer: Writer, step: Step, outputs: Sequence[Ref], lines: list[Statement]) -> None:
    for i, ref in enumerate(outputs[: step.states]):
        writer.store(f"n[{i} * NB + j]", ref, WIDE, lines)


def tangent(step: Step, layout: Layout, active: tuple[int, ...]) -> str:
    """C of the tangents of states and wants with respect to the active fixed values and all states."""
    moving = (*active, *step.state_inputs)
    plain = step.fixed + step.series + step.states

    def both(*given: jax.Array) -> list[jax.Array]:
        inputs, tangents = given[:plain], given[plain:]
        values, slopes = jax.jvp(step.by(moving, inputs), tuple(inputs[i] for i in moving), tuple(tangents))
        return values[: step.states] + slopes

    graph = trace(both, plain + len(moving))
    names = _inputs(step, layout)
    for i in range(len(active)):
        names[plain + i] = (f"dh[(d * NA + {i}) * NB + j]", VECTOR)
    for i in range(step.states):
        names[plain + len(active) + i] = (f"ds[(d * NS + {i}) * NB + j]", VECTOR)
    writer = Writer(graph, names, layout.single)
    needed = graph.needed(graph.outputs)
    inputs = {r for r in needed if graph.nodes[r].op == "input" and int(graph.nodes[r].value) >= plain}
    inner = graph.depending(inputs) & needed
    shared = writer.write(needed - inner)
    _store_states(writer, step, graph.outputs, shared)
    along = writer.write(inner)
    for i, ref in enumerate(graph.outputs[step.states : 2 * step.states]):
        writer.store(f"dn[(d * NS + {i}) * NB + j]", ref, VECTOR, along)
    for i, ref in enumerate(graph.outputs[2 * step.states :]):
        writer.store(f"dout[(d * NO + {i}) * NB + j]", ref, VECTOR, along)
    slots = Slots("t")
    read = {n for s in along for n in s.reads}
    first = loops(shared, slots, layout.form(SLOPES), pinned=read)
    second = loops(along, slots, layout.form(SLOPES), known=shared)
    body = [*slots.declared, *first, "for (int64_t d = 0; d < directions; d++) {", *second, "}"]
    signature = "const VD *s, VD *n, int64_t directions, const V *dh, const V *ds, V *dn, V *dout"
    return _text(step, layout, len(active), "TANGENT", [_function("step", signature, body)])


def adjoint(step: Step, layout: Layout, active: tuple[int, ...]) -> str:
    """C of the gradient with respect to the active fixed values and all starts."""
    moving = (*active, *step.state_inputs)
    plain = step.fixed + step.series + step.states

    def back(*given: jax.Array) -> list[jax.Array]:
        inputs, pulls = given[:plain], given[plain:]
        _, pull = jax.vjp(step.by(moving, inputs), *(inputs[i] for i in moving))
        return list(pull(list(pulls)))

    graph = trace(back, plain + step.states + step.wants)
    names = _inputs(step, layout)
    for i, at in enumerate(step.state_inputs):
        names[at] = (f"s[{i} * NB + j]", VECTOR)
        names[plain + i] = (f"cs[{i} * NB + j]", VECTOR)
    for i in range(step.wants):
        names[plain + step.states + i] = (f"co[{i} * NB + j]", VECTOR)
    writer = Writer(graph, names, layout.single)
    lines = writer.write(graph.needed(graph.outputs))
    for i, ref in enumerate(graph.outputs):
        if i < len(active):
            writer.store(f"gradient[{i} * NB + j]", ref, VECTOR, lines, "+=")
        else:
            writer.store(f"cn[{i - len(active)} * NB + j]", ref, VECTOR, lines)
    slots = Slots("t")
    body = loops(lines, slots, layout.form(SLOPES))
    signature = "const V *s, const V *cs, V *cn, const V *co, V *gradient"
    functions = [
        _function("step", "const VD *s, VD *n", _plain(step, layout, 0)),
        _function("pull", signature, slots.declared + body),
    ]
    return _text(step, layout, len(active), "ADJOINT", functions)


def _inputs(step: Step, layout: Layout) -> dict[int, tuple[str, str]]:
    names: dict[int, tuple[str, str]] = {}
    for i, shared in enumerate(layout.fixed):
        names[i] = (f"u[{i}]", SCALAR) if shared else (f"h[{i} * NB + j]", VECTOR)
    for i, (_, shared) in enumerate(layout.series):
        scalar = shared or layout.lanes
        names[step.fixed + i] = (f"fs[{i}]", SCALAR) if scalar else (f"fv[{i} * NB + j]", VECTOR)
    for i, at in enumerate(step.state_inputs):
        names[at] = (f"s[{i} * NB + j]", WIDE if layout.single else VECTOR)
    return names


def _function(name: str, signature: str, body: Sequence[str]) -> str:
    given = "int nb, const R *u, const V *h, const R *fs, const V *fv"
    signature = f"{given}, {signature}".replace("*", "*restrict ")
    lines = "\n  ".join(body)
    return f"static __attribute__((noinline)) void {name}({signature}) {{\n  {lines}\n}}\n"


def _text(step: Step, layout: Layout, active: int, what: str, functions: Sequence[str]) -> str:
    shared = ", ".join("1" if s else "0" for s in (*layout.fixed, False))
    counts = {"FORWARD": 1, "TANGENT": 2, "ADJOINT": 3, "WHAT": what, "NF": step.series, "NH": step.fixed,
              "NS": step.states, "NO": step.wants, "NA": active, "LANES": int(layout.lanes),
              "EVERY": int(layout.every)}  # fmt: skip
    head = ("#define SINGLE\n" if layout.single else "") + f"#define NB {1 if layout.narrow else STRIP}\n"
    defines = "".join(f"#define {k} {v}\n" for k, v in counts.items())
    loads: list[str] = []
    for i, (kind, same) in enumerate(layout.series):
        where = "t" if same else "t * k->cells + p->cell[0]"
        if same or layout.lanes:
            loads.append(f"fs[{i}] = (R)((const {C_TYPE[kind]} *)k->forcing[{i}])[{where}];")
        else:
            loads.append(
                f"for (int j = 0; j < p->vectors; j++)"
                f" fv[{i} * NB + j] = load_{kind}(k->forcing[{i}], t * k->cells + p->cell[j], k->cells);"
            )
    load = "\n  ".join(["(void)p, (void)fs, (void)fv, (void)t;", *loads])
    return "\n".join([
        head + resource("vector.h"), defines, f"static const char SHARED[] = {{{shared}}};", *functions,
        resource("kernel.h"),
        f"static void load_forcing(const Call *k, const Place *p, int64_t t, R *fs, V *fv) {{\n  {load}\n}}\n",
    ])  # fmt: skip


@cache
def resource(name: str) -> str:
    """A file that stands beside this one."""
    return files("landsink.core.engine").joinpath(name).read_text(encoding="utf-8")
