"""Every process is held to every law; hypothesis draws inputs from the vocabulary's spans."""

import dataclasses
from collections.abc import Callable
from functools import cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.extend import core as jaxpr

from landsink.core.flow import flow, is_flow
from landsink.core.model import Model
from landsink.core.process import Process
from landsink.core.quantity import quantity
from tests.laws.registry import donors, points, processes

every = pytest.mark.parametrize("cls", processes(), ids=lambda c: c.__name__)

# What a compiler of scalar kernels can translate: arithmetic, elementary functions, choices; no arrays, no loops.
SCALAR = {
    "add", "add_any", "sub", "mul", "div", "neg", "abs", "sign", "min", "max", "clamp", "rem", "floor", "ceil",
    "round", "exp", "exp2", "expm1", "log", "log1p", "sqrt", "rsqrt", "cbrt", "square", "pow", "integer_pow", "tanh",
    "logistic", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "erf", "select_n", "gt", "lt",
    "ge", "le", "eq", "ne", "and", "or", "not", "is_finite", "convert_element_type", "stop_gradient", "copy",
}  # fmt: skip
NESTED = {"pjit", "jit", "custom_jvp_call", "custom_vjp_call", "closed_call"}


def _apply(cls: type[Process]) -> Callable[..., dict[str, Any]]:
    blank = cls()

    def at(parameters: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
        names = list(parameters)
        where = lambda p: [getattr(p, n) for n in names]  # noqa: E731
        process = eqx.tree_at(where, blank, list(parameters.values())) if names else blank
        return {k: jnp.asarray(v, float) for k, v in process(**inputs).items()}

    return at


@cache
def compiled(cls: type[Process]) -> Callable[..., dict[str, Any]]:
    """The values of a process, compiled once for a class."""
    at = jax.jit(_apply(cls))
    return lambda p, x: jax.device_get(at(p, x))


@cache
def slopes(cls: type[Process]) -> Callable[..., dict[str, Any]]:
    """Slopes of the sum of all values, by parameter and input: one that is not finite stays so in the sum."""
    at = _apply(cls)
    of_sum = jax.jit(jax.grad(lambda p, x: sum(at(p, x).values()), argnums=(0, 1)))

    def by_name(p: dict[str, Any], x: dict[str, Any]) -> dict[str, Any]:
        by_parameter, by_input = jax.device_get(of_sum(p, x))
        return by_parameter | by_input

    return by_name


@every
def test_it_says_what_it_is_and_whence(cls):
    assert cls.__doc__ and len(cls.__doc__.split()) > 3, "no docstring"
    assert cls.__doc__ != Process.__doc__
    assert cls.cite.strip(), "no citation"
    for f in dataclasses.fields(cls):
        fixed = f.metadata.get("static", False)  # a table of the paper's figures, that none may tune
        assert fixed or "bounds" in f.metadata, f"the field '{f.name}' is no parameter: use param(...)"
    for p in cls().parameters:
        assert p.doc.strip(), f"'{p.name}' has no doc"
        assert p.low < p.default < p.high, f"'{p.name}' is not within its bounds"


@every
def test_it_speaks_the_vocabulary(cls):
    process = cls()
    for name in process.reads:
        quantity(name)
    ports = {key: f"{flow(key).receiver}" for key in process.gives if is_flow(key)}
    assert len(process.gives) == len(set(process.gives)), "a key is given twice"
    assert process.gives
    # composing checks the kind of each name and the substance of each arrow
    try:
        Model.of(process)
    except Exception as error:
        alone = ("nothing takes it on" in str(error)) or ("no process gives 'next" in str(error))
        assert alone and (ports or process.reads), str(error)


@every
def test_an_arrow_s_donor_is_read(cls):
    process = cls()
    for key in filter(is_flow, process.gives):
        donor = flow(key).donor
        assert quantity(donor).kind != "pool" or donor in process.reads, f"'{key}' does not look at its donor"


@every
@given(data=st.data())
def test_values_and_gradients_are_finite_and_flows_never_run_backward(cls, data):
    parameters, inputs = data.draw(points(cls))
    for key, value in compiled(cls)(parameters, inputs).items():
        assert np.isfinite(value), f"{key} is {value}"
        if is_flow(key):
            assert value >= 0.0, f"{key} is {value}"
    for name, slope in slopes(cls)(parameters, inputs).items():
        assert np.isfinite(slope), f"the slope by {name} is {slope}"


@pytest.mark.parametrize("cls", [c for c in processes() if donors(c, port=False)], ids=lambda c: c.__name__)
@given(data=st.data())
def test_an_empty_pool_gives_nothing(cls, data):
    parameters, inputs = data.draw(points(cls))
    for donor, keys in donors(cls, port=False).items():
        given_ = compiled(cls)(parameters, inputs | {donor: 0.0})
        for key in keys:
            assert abs(given_[key]) < 1e-25, f"{key} is {given_[key]} from an empty {donor}"


@every
@settings(max_examples=2)
@given(data=st.data())
def test_many_at_once_equal_one_by_one_and_compiled_equals_eager(cls, data):
    drawn = [data.draw(points(cls)) for _ in range(4)]
    at = _apply(cls)
    together = jax.tree.map(lambda *v: jnp.array(v, float), *drawn)
    plain = at(*together)  # a process sees no outer dims: arrays in, arrays out
    lanes = jax.jit(jax.vmap(at))(*together)
    for i, (parameters, inputs) in enumerate(drawn):
        one = compiled(cls)(parameters, inputs)
        for key, value in one.items():
            # what is left of two large numbers differs by their rounding, not by its own
            atol = 1e-12 * float(jnp.abs(value)) + 1e-25
            assert np.allclose(lanes[key][i], value, rtol=1e-9, atol=atol), key
            alone = jnp.broadcast_to(plain[key], (4,))[i]
            assert np.allclose(alone, value, rtol=1e-9, atol=atol), key


@every
def test_only_scalar_operations(cls):
    process = cls()
    blank = {n: jnp.zeros(()) for n in process.reads}
    graph = jax.make_jaxpr(_apply(cls))({p.name: jnp.asarray(p.default) for p in process.parameters}, blank)
    assert _operations(graph.jaxpr) <= SCALAR, f"not scalar: {_operations(graph.jaxpr) - SCALAR}"


def _operations(graph: Any) -> set[str]:
    found: set[str] = set()
    for equation in graph.eqns:
        if equation.primitive.name in NESTED:
            inner = [v for v in equation.params.values() if isinstance(v, jaxpr.ClosedJaxpr | jaxpr.Jaxpr)]
            found |= set().union(*(_operations(getattr(v, "jaxpr", v)) for v in inner))
        else:
            found.add(equation.primitive.name)
    return found


@pytest.mark.parametrize("cls", [c for c in processes() if donors(c, port=True)], ids=lambda c: c.__name__)
@given(data=st.data())
def test_a_port_hands_on_what_is_read_of_it(cls, data):
    """A process that empties a port hands on all that the label it reads brought, no more and no less."""
    label = {
        "litterLeaf": ("fVegLitterLeaf",),
        "litterRoot": ("fVegLitterRoot",),
        "litterWood": ("fVegLitterWood",),
        "litterManure": ("fManure",),
        "soilSurface": ("prra", "snm"),
    }
    parameters, inputs = data.draw(points(cls))
    given_ = compiled(cls)(parameters, inputs)
    for port, keys in donors(cls, port=True).items():
        brought = sum(inputs[n] for n in label[port])
        assert float(sum(given_[k] for k in keys)) == pytest.approx(brought, rel=1e-9, abs=1e-18), port
