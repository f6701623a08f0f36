"""The native engine: a traced step runs as compiled C inside JAX, with tangents, gradients and batches of its own.

Three primitives stand for one run: the run, its tangents, and its adjoint. The tangents are linear in their directions
and their transpose is the adjoint, so that jit, jvp, grad and vmap all end in a compiled kernel: batching the run adds
lanes, batching only the directions adds directions, which share the run that they linearise.

Operands of a run: index (window, length) int32 with -1 where padded; weight (window, length); one array per forcing,
(time, cell) or (time, 1); one per fixed value, () or (lane, cell); one per state, (lane, cell).
"""

import dataclasses
import os
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from landsink.core.errors import EngineError

from . import build, plain, source
from .source import F32, F64, I16, Layout, Step

STORAGE = {"float64": F64, "float32": F32, "int16": I16}
VECTOR = 8  # columns of a vector, near enough for choosing a layout


@dataclasses.dataclass(frozen=True, eq=False)
class Kernel:
    """A step and how to run it; `wants` outputs, kept for every window or every step."""

    step: Step
    every: bool
    single: bool
    rows: int

    @property
    def dtype(self) -> Any:
        """Type of the outputs."""
        return jnp.float32 if self.single else jnp.float64

    def layout(self, operands: Sequence[Any]) -> Layout:
        """What the operands' shapes ask for."""
        series, fixed, states = self.parts(operands)
        lanes, cells = states[0].shape
        kinds = tuple((STORAGE[str(s.dtype)], s.shape[1] == 1) for s in series)
        over_cells = lanes * -(-cells // VECTOR) if cells >= VECTOR else np.inf
        over_lanes = bool(cells * -(-lanes // VECTOR) <= over_cells)
        narrow = (lanes if over_lanes else cells) <= VECTOR
        return Layout(tuple(f.ndim == 0 for f in fixed), kinds, over_lanes, self.every, self.single, narrow)

    def parts(self, operands: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
        """Series, fixed values and states among the operands."""
        a, b = 2 + self.step.series, 2 + self.step.series + self.step.fixed
        return operands[2:a], operands[a:b], operands[b : b + self.step.states]

    @property
    def plain(self) -> int:
        """Number of a run's operands."""
        return 2 + self.step.series + self.step.fixed + self.step.states


_lock = threading.Lock()
_targets: dict[Any, str] = {}
# why the compiler gave up; it is not asked again, since it may take minutes to say so
_refused: list[EngineError] = []


def target(what: str, kernel: Kernel, layout: Layout, active: tuple[int, ...] = ()) -> str:
    """The name under which XLA calls this kernel; written, compiled and registered when first asked for.

    Raises EngineError if it cannot be compiled.
    """
    key = (what, kernel.step, layout, active)
    with _lock:
        if key not in _targets:
            if _refused:
                raise _refused[0]
            writers: dict[str, Callable[[], str]] = {
                "run": lambda: source.forward(kernel.step, layout),
                "tangents": lambda: source.tangent(kernel.step, layout, active),
                "adjoint": lambda: source.adjoint(kernel.step, layout, active),
            }
            text = writers[what]()
            try:
                library, name = build.library(text)
            except EngineError as why:
                _refused[:] = [why]
                raise
            library.landsink_threads_set(threads())
            if name not in _targets.values():
                jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(library.landsink_call), platform="cpu")
            _targets[key] = name
        return _targets[key]


def refusal() -> str:
    """Why the compiler, which worked when it was tried, failed later; empty if it did not."""
    return str(_refused[0]) if _refused else ""


def threads() -> int:
    """How many threads a kernel uses: LANDSINK_THREADS, else what this process may run on."""
    given = os.environ.get("LANDSINK_THREADS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


run_p, tangents_p, adjoint_p = (Primitive(f"landsink_{n}") for n in ("run", "tangents", "adjoint"))
for _p in (run_p, tangents_p, adjoint_p):
    _p.multiple_results = True


def _shapes(kernel: Kernel, states: Sequence[Any], front: tuple[int, ...] = ()) -> list[Any]:
    grid = states[0].shape
    outs = [ShapedArray((*front, kernel.rows, *grid), kernel.dtype)] * kernel.step.wants
    return outs + [ShapedArray((*front, *grid), jnp.dtype("float64"))] * kernel.step.states


@run_p.def_abstract_eval
def _run_shapes(*operands: Any, kernel: Kernel) -> list[Any]:
    return _shapes(kernel, kernel.parts(operands)[2])


@tangents_p.def_abstract_eval
def _tangent_shapes(*operands: Any, kernel: Kernel, active: tuple[int, ...]) -> list[Any]:
    return _shapes(kernel, kernel.parts(operands)[2], operands[kernel.plain].shape[:1])


@adjoint_p.def_abstract_eval
def _adjoint_shapes(*operands: Any, kernel: Kernel, active: tuple[int, ...]) -> list[Any]:
    grid = kernel.parts(operands)[2][0].shape
    return [ShapedArray(grid, jnp.dtype("float64"))] * (len(active) + kernel.step.states)


def _lower(what: str) -> Callable[..., Any]:
    written_out = {"run": plain.run, "tangents": plain.tangents, "adjoint": plain.adjoint}[what]

    def rule(ctx: Any, *operands: Any, kernel: Kernel, active: tuple[int, ...] = ()) -> Any:
        try:
            name = target(what, kernel, kernel.layout(ctx.avals_in), active)
        except EngineError as why:
            build.say_once(f"engine: xla for what is not compiled yet, because {why}")
            known = {"kernel": kernel} if what == "run" else {"kernel": kernel, "active": active}
            return mlir.lower_fun(partial(written_out, **known), multiple_results=True)(ctx, *operands)
        return jax.ffi.ffi_lowering(name)(ctx, *operands)

    return rule


for _what, _p in (("run", run_p), ("tangents", tangents_p), ("adjoint", adjoint_p)):
    _p.def_impl(jax.jit(_p.bind, static_argnames=("kernel", "active")) if _what != "run"
                else jax.jit(_p.bind, static_argnames=("kernel",)))  # fmt: skip
    mlir.register_lowering(_p, _lower(_what), platform="cpu")


def _differentiate(primals: Sequence[Any], tangents: Sequence[Any], *, kernel: Kernel) -> tuple[Any, Any]:
    """The run, and its tangents in one direction."""
    before = 2 + kernel.step.series
    if any(not isinstance(t, ad.Zero) for t in tangents[2:before]):
        raise EngineError("the native engine gives no derivative by the forcing; use engine = 'xla' for it")
    outs = run_p.bind(*primals, kernel=kernel)
    grid = kernel.parts(primals)[2][0].shape
    given = tangents[before : before + kernel.step.fixed]
    active = tuple(i for i, t in enumerate(given) if not isinstance(t, ad.Zero))
    operands = list(primals)
    for i in active:  # a number that all columns share varies with each of them once it is differentiated
        operands[before + i] = jnp.broadcast_to(operands[before + i], grid)
    along = [jnp.broadcast_to(given[i], grid)[None] for i in active]
    along += [
        (jnp.zeros(grid) if isinstance(t, ad.Zero) else t)[None]
        for t in tangents[before + kernel.step.fixed :]
    ]
    slopes = tangents_p.bind(*operands, *along, kernel=kernel, active=active)
    return outs, [s[0] for s in slopes]


ad.primitive_jvps[run_p] = _differentiate


def _of_order_one(pulls: Sequence[Any]) -> tuple[list[Any], Any]:
    """Cotangents over a power of two near the largest, and that power.

    By a flux in kg m-2 s-1 a cost changes by 1e10 and more, and the adjoint's products of such numbers leave the range
    of single precision; gradients are linear in them.
    """
    largest = jnp.max(jnp.stack([jnp.max(jnp.abs(p)).astype(float) for p in pulls]))
    known = jnp.isfinite(largest) & (largest > 0.0)
    size = jnp.where(known, jnp.exp2(jnp.floor(jnp.log2(jnp.where(known, largest, 1.0)))), 1.0)
    return [(p / size).astype(p.dtype) for p in pulls], size


def _transpose(pulls: Sequence[Any], *operands: Any, kernel: Kernel, active: tuple[int, ...]) -> list[Any]:
    plain, linear = operands[: kernel.plain], operands[kernel.plain :]
    directions = next(x.aval.shape[0] for x in linear if ad.is_undefined_primal(x))
    grid = kernel.parts(plain)[2][0].shape
    shapes = _shapes(kernel, kernel.parts(plain)[2], (directions,))
    pulls = [
        jnp.zeros(s.shape, s.dtype) if isinstance(p, ad.Zero) else p
        for p, s in zip(pulls, shapes, strict=True)
    ]
    pulls, size = _of_order_one(pulls) if kernel.single else (pulls, 1.0)
    if directions == 1:
        found = adjoint_p.bind(*plain, *(p[0] for p in pulls), kernel=kernel, active=active)
        found = [f[None] for f in found]
    else:
        lanes = [
            _repeat(p, directions) if i >= 2 + kernel.step.series and np.ndim(p) else p
            for i, p in enumerate(plain)
        ]
        folded = [jnp.moveaxis(p, 0, -3).reshape(*p.shape[1:-2], -1, grid[1]) for p in pulls]
        found = adjoint_p.bind(*lanes, *folded, kernel=kernel, active=active)
        found = [f.reshape(directions, *grid) for f in found]
    found = [f * size for f in found]
    return [None] * len(plain) + [
        f if ad.is_undefined_primal(x) else None for f, x in zip(found, linear, strict=True)
    ]


ad.primitive_transposes[tangents_p] = _transpose


def _repeat(x: Any, times: int) -> Any:
    """More lanes of the same."""
    return jnp.broadcast_to(x, (times, *x.shape)).reshape(times * x.shape[0], *x.shape[1:])


def _lanes(kernel: Kernel, operands: Sequence[Any], dims: Sequence[Any], size: int) -> list[Any]:
    """A batch as more lanes; forcing that differs within the batch is refused."""
    made: list[Any] = []
    before = 2 + kernel.step.series
    for i, (x, d) in enumerate(zip(operands, dims, strict=True)):
        if i < before:
            if d is not None:
                raise EngineError("the native engine shares forcing and windows among lanes; "
                                          "stand sites side by side as cells instead")  # fmt: skip
            made.append(x)
        elif d is None:
            made.append(x if np.ndim(x) == 0 else _repeat(x, size) if i < kernel.plain else x)
        else:
            x = jnp.moveaxis(x, d, 0)
            if x.ndim == 1:  # a shared number that differs within the batch
                grid = next(o for o in kernel.parts(operands)[2])
                cells = grid.shape[-1]
                lanes = _lanes_of(kernel, operands, dims)
                x = jnp.broadcast_to(x[:, None, None], (size, lanes, cells))
            made.append(x.reshape(-1, x.shape[-1]) if i < kernel.plain else x)
    return made


def _lanes_of(kernel: Kernel, operands: Sequence[Any], dims: Sequence[Any]) -> int:
    at = 2 + kernel.step.series + kernel.step.fixed
    x, d = operands[at], dims[at]
    shape = list(x.shape)
    if d is not None:
        del shape[d]
    return shape[0]


def _size(operands: Sequence[Any], dims: Sequence[Any]) -> int:
    return next(x.shape[d] for x, d in zip(operands, dims, strict=True) if d is not None)


def _unfold(x: Any, size: int, axis: int) -> Any:
    """(.., size * lane, cell) with the batch in front of `axis`."""
    shape = x.shape
    return x.reshape(*shape[:axis], size, shape[axis] // size, *shape[axis + 1 :])


def _batch_run(operands: Sequence[Any], dims: Sequence[Any], *, kernel: Kernel) -> tuple[Any, Any]:
    size = _size(operands, dims)
    outs = run_p.bind(*_lanes(kernel, operands, dims, size), kernel=kernel)
    return [_unfold(o, size, o.ndim - 2) for o in outs], [o.ndim - 2 for o in outs]


batching.primitive_batchers[run_p] = _batch_run


def _batch_tangents(
    operands: Sequence[Any], dims: Sequence[Any], *, kernel: Kernel, active: tuple[int, ...]
) -> tuple[Any, Any]:
    size, n = _size(operands, dims), kernel.plain
    linear = [
        jnp.broadcast_to(x, (size, *x.shape)) if d is None else jnp.moveaxis(x, d, 0)
        for x, d in zip(operands[n:], dims[n:], strict=True)
    ]
    if all(d is None for d in dims[:n]):
        folded = [x.reshape(-1, *x.shape[2:]) for x in linear]
        outs = tangents_p.bind(*operands[:n], *folded, kernel=kernel, active=active)
        return [_unfold(o, size, 0) for o in outs], [0] * len(outs)
    plain = _lanes(kernel, operands[:n], dims[:n], size)
    spread = [jnp.moveaxis(x, 0, 1) for x in linear]
    spread = [x.reshape(x.shape[0], -1, x.shape[-1]) for x in spread]
    outs = tangents_p.bind(*plain, *spread, kernel=kernel, active=active)
    return [_unfold(o, size, o.ndim - 2) for o in outs], [o.ndim - 2 for o in outs]


batching.primitive_batchers[tangents_p] = _batch_tangents


def _batch_adjoint(
    operands: Sequence[Any], dims: Sequence[Any], *, kernel: Kernel, active: tuple[int, ...]
) -> tuple[Any, Any]:
    size, n = _size(operands, dims), kernel.plain
    plain = _lanes(kernel, operands[:n], dims[:n], size)
    pulls = []
    for x, d in zip(operands[n:], dims[n:], strict=True):
        x = jnp.broadcast_to(x, (size, *x.shape)) if d is None else jnp.moveaxis(x, d, 0)
        x = jnp.moveaxis(x, 0, -3)
        pulls.append(x.reshape(*x.shape[:-3], -1, x.shape[-1]))
    outs = adjoint_p.bind(*plain, *pulls, kernel=kernel, active=active)
    return [_unfold(o, size, 0) for o in outs], [0] * len(outs)


batching.primitive_batchers[adjoint_p] = _batch_adjoint
