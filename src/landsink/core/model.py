"""A model: processes tied together by the names they read and give."""

import dataclasses
from collections.abc import Callable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, Self, cast

import equinox as eqx
import jax.numpy as jnp

from .errors import WiringError, near
from .flow import flow, is_flow, is_memory, names_of, remembered
from .process import Parameter, Process, Scalar
from .quantity import quantity, vocabulary, within

Named = dict[str, Any]  # name -> scalar or array over cells
Given = tuple[Process, tuple[str, ...]]


@dataclasses.dataclass(frozen=True)
class Port:
    """A place that stores nothing: what the arrows `into` it bring, the arrows `out` of it carry on."""

    name: str
    into: tuple[str, ...]
    out: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Wiring:
    """What follows from the names: computed once when the model is composed."""

    flows: tuple[str, ...]
    values: tuple[str, ...]
    pools: tuple[str, ...]
    memories: tuple[str, ...]
    counted: tuple[str, ...]
    forcing: tuple[str, ...]
    ports: tuple[Port, ...]


class Model(eqx.Module):
    """A composition of processes; itself a pure function of state and forcing, and a pytree of parameters."""

    processes: tuple[Process, ...]
    wiring: Wiring = eqx.field(static=True)

    @classmethod
    def of(cls, *processes: Process) -> Self:
        """Check every name, put each process after those it reads from, and wire the arrows.

        Raises `UnknownName` for a name outside the vocabulary and `WiringError` for two givers of one
        value, processes that wait for each other, arrows that join different substances, and names that
        cannot stand where they do (a memory as an arrow's end).
        """
        gives: list[Given] = [(process, process.gives) for process in processes]
        titles = [process.title for process in processes]
        for process, keys in gives:
            if titles.count(process.title) > 1:
                raise WiringError(
                    f"{process.title} stands twice in the model.", remedy="Leave one of them out."
                )
            for name in (*process.reads, *(n for key in keys for n in names_of(key))):
                quantity(name)
            for key in keys:
                _check_key(key, process)
        giver = _givers(gives)
        ordered = _order(gives, giver)
        return cls(ordered, _wire(ordered, gives))

    @property
    def state(self) -> tuple[str, ...]:
        """Names that the model carries from step to step: pools, then memories."""
        return self.wiring.pools + self.wiring.memories

    @property
    def forcing(self) -> tuple[str, ...]:
        """Names that must come from outside."""
        return self.wiring.forcing

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Tunable numbers by 'Process.parameter'."""
        return {f"{p.title}.{q.name}": q for p in self.processes for q in p.parameters}

    def with_parameters(self, values: Mapping[str, Scalar]) -> Self:
        """The same model with some parameters replaced; values in SI, scalar or one per cell."""
        known = self.parameters
        for name in values:
            if name not in known:
                raise WiringError(f"'{name}' is not a parameter of this model.", remedy=near(name, known))
        names = list(values)

        def leaves(model: Model) -> list[Any]:
            titled = {p.title: p for p in model.processes}
            return [getattr(titled[n.partition(".")[0]], n.partition(".")[2]) for n in names]

        return eqx.tree_at(leaves, self, [values[n] for n in names]) if names else self

    def rates(self, state: Named, forcing: Named) -> Named:
        """All values, arrows and memories at one point, at one time: rates per second."""
        known = {n: forcing[n] for n in self.forcing if n in forcing} | {
            n: state[n] for n in self.state if n in state
        }
        out: Named = {}
        for name in (*self.forcing, *self.state):
            if name not in known:
                raise WiringError(f"the model reads '{name}', and no value of it was handed over.")
        for process in self.processes:
            read = {n: known[n] if n in known else _total(n, out) for n in process.reads}
            for key, value in cast(Callable[..., Named], process)(**read).items():
                if is_flow(key):
                    out[key] = out[key] + value if key in out else value
                else:
                    out[key] = known[key] = value
        return out

    def count(self, name: str, state: Named, out: Named) -> Scalar:
        """A quantity by name, from what a step left: given, stored, summed, or counted from arrows."""
        if name in out or name in state:
            return out[name] if name in out else state[name]
        row = quantity(name)
        if row.sum:
            return sum(w * self.count(n, state, out) for n, w in row.sum.items())  # type: ignore[return-value]
        if row.net:
            into, outside = row.net
            gain = [out[k] for k in self.wiring.flows if _crosses(k, outside, into)]
            loss = [-out[k] for k in self.wiring.flows if _crosses(k, into, outside)]
            return sum(gain + loss, jnp.zeros(()))
        stored = [state[p] for p in self.wiring.pools if within(p, name)]
        if not stored and row.kind != "rate":
            raise WiringError(f"this model does not compute '{name}'.", remedy=near(name, out))
        return sum(stored[1:], stored[0]) if stored else _total(name, out)

    def offers(self, name: str) -> bool:
        """True if `count` can answer for `name`."""
        w = self.wiring
        if name in w.values or name in self.state:
            return True
        row = quantity(name)
        if row.sum:
            found = [self.offers(n) for n in row.sum]
            return any(found) and all(o or _is_label(n) for o, n in zip(found, row.sum, strict=True))
        if row.net:
            return any(_crosses(k, *row.net) or _crosses(k, *reversed(row.net)) for k in w.flows)
        return any(within(p, name) for p in w.pools) or any(_bears(k, name) for k in w.flows)


def _is_label(name: str) -> bool:
    """Rates that no process of a model need give: without fire there is no fFire, and it counts as nothing."""
    return quantity(name).kind == "rate"


def _bears(key: str, label: str) -> bool:
    return bool(flow(key).label) and within(flow(key).label, label)


def _crosses(key: str, source: str, target: str) -> bool:
    return within(flow(key).donor, source) and within(flow(key).receiver, target)


def _total(label: str, out: Named) -> Scalar:
    """Sum of the arrows that bear `label`, or a label within it."""
    found = [value for key, value in out.items() if is_flow(key) and _bears(key, label)]
    return sum(found[1:], found[0]) if found else jnp.zeros(())


def _check_key(key: str, process: Process) -> None:
    """Every name of a key is of a kind that may stand there; an arrow joins one substance."""
    row = quantity(names_of(key)[0])
    if is_flow(key):
        _check_arrow(key, process)
    elif is_memory(key) != (row.kind == "memory") or row.kind in ("pool", "place"):
        raise WiringError(f"{process.title} gives '{key}', and '{row.name}' is a {row.kind}.",
                          "Pools change by arrows, a memory by 'next name'.")  # fmt: skip


def _check_arrow(key: str, process: Process) -> None:
    donor, receiver, label = flow(key)
    for end in map(quantity, (donor, receiver)):
        if end.kind != "pool" and not (end.kind == "place" and (end.port or not end.substance)):
            raise WiringError(
                f"{process.title}: '{end.name}' in '{key}' is neither a pool, a port nor outside."
            )
    if label and quantity(label).kind != "rate":
        raise WiringError(
            f"{process.title}: '{label}' labels '{key}', and is a {quantity(label).kind}, no rate."
        )
    rows = [quantity(name) for name in flow(key) if name]
    for aspect in ("substance", "unit"):
        found = {
            r.name: getattr(r, aspect)
            for r in rows
            if r.substance and not (aspect == "unit" and r.kind == "rate")
        }
        if len(set(found.values())) > 1:
            kinds = ", ".join(f"{name} is {value}" for name, value in found.items())
            raise WiringError(f"{process.title}: '{key}' joins different {aspect}s ({kinds}).",
                              "An arrow carries one substance, in one unit.")  # fmt: skip


def _givers(gives: list[Given]) -> dict[str, Process]:
    giver: dict[str, Process] = {}
    for process, keys in gives:
        for key in keys:
            if key in giver and not is_flow(key):
                raise WiringError(f"'{key}' is given by both {giver[key].title} and {process.title}.",
                                  remedy="Leave one of them out.")  # fmt: skip
            giver[key] = process
    return giver


def _order(gives: list[Given], giver: Mapping[str, Process]) -> tuple[Process, ...]:
    """Each process after those that give what it reads, by value or by label."""
    by_id = {id(process): process for process, _ in gives}
    after: dict[int, set[int]] = {}
    for process, _ in gives:
        waits: set[int] = set()
        for name in process.reads:
            if name in giver:
                waits.add(id(giver[name]))
            elif quantity(name).kind == "rate":
                bearers = {id(q) for q, keys in gives if any(is_flow(k) and _bears(k, name) for k in keys)}
                waits |= bearers - {id(process)}
        after[id(process)] = waits
    try:
        return tuple(by_id[i] for i in TopologicalSorter(after).static_order())
    except CycleError as error:
        ring = " -> ".join(by_id[i].title for i in error.args[1])
        raise WiringError(
            f"these wait for each other: {ring}.", remedy="Let one of them read a memory or a pool."
        ) from None


def _wire(ordered: tuple[Process, ...], gives: list[Given]) -> Wiring:
    by_id = {id(process): keys for process, keys in gives}
    keys = tuple(dict.fromkeys(key for process in ordered for key in by_id[id(process)]))
    flows = tuple(k for k in keys if is_flow(k))
    memories = tuple(remembered(k) for k in keys if is_memory(k))
    values = tuple(k for k in keys if not is_flow(k) and not is_memory(k))
    reads = tuple(dict.fromkeys(name for process in ordered for name in process.reads))
    ends = [end for k in flows for end in flow(k)[:2]]
    pools = tuple(n for n in dict.fromkeys((*ends, *reads)) if quantity(n).kind == "pool")
    counted = tuple(n for n in reads if n not in values and _counted(n, gives))
    for name in reads:
        if quantity(name).kind == "memory" and name not in memories:
            raise WiringError(
                f"'{name}' is read, but no process gives 'next {name}'.", remedy="Add its giver."
            )
    inner = {*values, *pools, *memories, *counted}
    forcing = tuple(n for n in reads if n not in inner)
    return Wiring(flows, values, pools, memories, counted, forcing, _ports(flows))


def _counted(name: str, gives: list[Given]) -> bool:
    """True if some process reads `name` as the total of arrows that other processes give."""
    readers = [p for p, _ in gives if name in p.reads]
    return any(
        is_flow(k) and _bears(k, name) for p in readers for q, keys in gives if q is not p for k in keys
    )


def _ports(flows: tuple[str, ...]) -> tuple[Port, ...]:
    """Ports that arrows both enter and leave; one that is only left is an outside source."""
    names = [n for n, row in vocabulary().items() if row.port]
    all_ports = (Port(n, tuple(k for k in flows if flow(k).receiver == n),
                      tuple(k for k in flows if flow(k).donor == n)) for n in names)  # fmt: skip
    ports = tuple(p for p in all_ports if p.into)
    for port in ports:
        if not port.out:
            raise WiringError(f"matter enters the port '{port.name}' ({port.into[0]}) and nothing takes it on.",
                              remedy="Add a soil model, or another process that reads from it.")  # fmt: skip
    return ports
