"""A model's step, cut in two: what is fixed in time, worked out once by JAX, and what moves, written out in C."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax

from landsink.core.model import Model, Named

from .graph import Graph, Ref, evaluate, trace
from .source import Step

# what a value differs along, or hangs on
TIME, PLACE, LANE, TUNED, STATE = 1, 2, 4, 8, 16


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """`before` works out in JAX what needs no state: fixed values and series; `step` is the rest."""

    before: Graph
    fixed: tuple[Ref, ...]
    series: tuple[Ref, ...]
    step: Step

    def ahead(self, inputs: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """Fixed values and series, each in the shape that its own inputs have."""
        found = evaluate(self.before, inputs, self.fixed + self.series)
        return found[: len(self.fixed)], found[len(self.fixed) :]


@dataclasses.dataclass(frozen=True)
class Names:
    """The names of a step's inputs and outputs, in order."""

    constants: tuple[str, ...]
    series: tuple[str, ...]
    states: tuple[str, ...]
    wants: tuple[str, ...]
    packed: tuple[str, ...] = ()


def dynamic(model: Model) -> tuple[list[Any], Any]:
    """The model's numbers that a run may change, parameters and arrays, and the model without them."""
    marks = jax.tree.map(lambda _: False, model)
    names = [(i, q.name) for i, p in enumerate(model.processes) for q in p.parameters]
    if names:
        marks = eqx.tree_at(
            lambda m: [getattr(m.processes[i], n) for i, n in names], marks, [True] * len(names)
        )
    marks = jax.tree.map(lambda mark, leaf: mark or eqx.is_inexact_array(leaf), marks, model)
    moving, rest = eqx.partition(model, marks)
    leaves, tree = jax.tree.flatten(moving)
    return leaves, (tree, rest)


def step_of(rest: Any, numbers: int, stepper: Any, names: Names) -> Graph:
    """Trace one step: inputs are the model's numbers, constants, scale and offset of each packed series, series,
    states; outputs are new states, then wants.

    Raises EngineError, naming operation and line, where a step is not made of scalar operations.
    """
    tree, static = rest

    def step(*given: Any) -> list[Any]:
        leaves, values = list(given[:numbers]), list(given[numbers:])
        model = eqx.combine(jax.tree.unflatten(tree, leaves), static)
        packing = [f"{n} {part}" for n in names.packed for part in ("scale", "offset")]
        known = dict(zip((*names.constants, *packing, *names.series, *names.states), values, strict=True))
        for n in names.packed:
            known[n] = known[n] * known[f"{n} scale"] + known[f"{n} offset"]
        state: Named = {n: known[n] for n in names.states}
        drive: Named = {n: known[n] for n in (*names.constants, *names.series)}
        new, out = stepper(model, state, drive)
        return [new[n] for n in names.states] + [model.count(n, new, out) for n in names.wants]

    sizes = (len(names.constants), 2 * len(names.packed), len(names.series), len(names.states))
    return trace(step, numbers + sum(sizes))


def cut(graph: Graph, reach: Sequence[int], places_ahead: bool) -> Split:
    """Cut a step by what each input differs along (`reach`, one mask each).

    What hangs on no time is fixed. What hangs on time alone is a series, worked out once for all columns; so is what
    hangs on time and place if `places_ahead`, which pays where many lanes share a place. Nothing tuned becomes a
    series, since gradients do not run through them.
    """
    graph = _reciprocals(graph, reach)
    masks = _masks(graph, reach)
    early = TIME | PLACE if places_ahead else TIME

    def stays(ref: Ref) -> bool:
        mask, is_input = masks[ref], graph.nodes[ref].op == "input"
        return bool(mask & STATE) or bool(mask & TIME and mask & ~early and not is_input)

    needed = graph.needed(graph.outputs)
    late = {r for r in needed if stays(r)}
    for ref in sorted(needed, reverse=True):  # a truth value is worked out where it is used
        if ref in late:
            late |= {a for a in graph.nodes[ref].args if graph.nodes[a].boolean}
    read = {a for r in late for a in graph.nodes[r].args if a not in late} | {
        r for r in graph.outputs if r not in late
    }
    read = {r for r in read if graph.nodes[r].op != "const"}
    fixed = tuple(r for r in sorted(read) if not masks[r] & TIME)
    series = tuple(r for r in sorted(read) if masks[r] & TIME)
    states = [i for i, m in enumerate(reach) if m & STATE]
    after = Graph()
    copied = {r: after.input(i) for i, r in enumerate(fixed + series)}
    for i in range(len(states)):
        after.input(len(copied) + i)
    for ref in sorted(late | {r for r in needed if graph.nodes[r].op == "const"}):
        node = graph.nodes[ref]
        if node.op == "const":
            copied[ref] = after.const(node.value)
        elif node.op == "input":
            copied[ref] = after.input(states.index(int(node.value)) + len(fixed) + len(series))
        else:
            copied[ref] = after.add(node.op, [copied[a] for a in node.args], node.where, int(node.value))
    after.outputs = [copied[r] for r in graph.outputs]
    return Split(graph, fixed, series, Step(after, len(fixed), len(series), len(states)))


def _masks(graph: Graph, reach: Sequence[int]) -> list[int]:
    masks: list[int] = []
    for node in graph.nodes:
        mask = reach[int(node.value)] if node.op == "input" else 0
        for a in node.args:
            mask |= masks[a]
        masks.append(mask)
    return masks


def _reciprocals(graph: Graph, reach: Sequence[int]) -> Graph:
    """Divide once: by a fixed value, or by one that divides more than once, a quotient becomes a product."""
    masks = _masks(graph, reach)
    needed = graph.needed(graph.outputs)
    divisors = [graph.nodes[r].args[1] for r in needed if graph.nodes[r].op == "div"]
    often = {d for d in divisors if not masks[d] & (TIME | STATE) or divisors.count(d) > 1}
    new = Graph()
    copied: dict[Ref, Ref] = {}
    for ref, node in enumerate(graph.nodes):
        if node.op == "input":
            copied[ref] = new.input(int(node.value), node.boolean)
        elif ref not in needed:
            continue
        elif node.op == "const":
            copied[ref] = new.const(node.value)
        elif node.op == "div" and node.args[1] in often:
            inverse = new.add("recip", (copied[node.args[1]],), node.where)
            copied[ref] = new.add("mul", (copied[node.args[0]], inverse), node.where)
        else:
            copied[ref] = new.add(node.op, [copied[a] for a in node.args], node.where, int(node.value))
    new.outputs = [copied[r] for r in graph.outputs]
    return new
