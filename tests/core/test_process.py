"""A process: its signature is what it reads, its keys are what it gives, its fields are parameters."""

import dataclasses
from typing import ClassVar

import jax.numpy as jnp
import pytest

from landsink.core.errors import UnknownName
from landsink.core.process import Process, Scalar, param
from tests.core.toys import DAY, YEAR, Chain, Leaves


class Odd(Process):
    """Parameters in every manner of unit."""

    cite: ClassVar[str] = "a toy"
    plain: Scalar = param(0.5, bounds=(0.1, 0.9), doc="a share")
    mass: Scalar = param(50.0, "g m-2", bounds=(10.0, 100.0), doc="a stock")
    turnover: Scalar = param(0.8, per="yr", bounds=(0.1, 2.0), doc="a turnover")
    melt: Scalar = param(3.0, "kg m-2 K-1", per="d", bounds=(1.0, 8.0), doc="a degree-day factor")

    def __call__(self, tas: Scalar) -> dict[str, Scalar]:
        return {"fEnvSoil": self.plain * tas, "cSoilYoung -> atmosphere : rh": self.mass * self.turnover}


def test_reads_are_the_arguments_in_order():
    assert Chain().reads == ("cSoilYoung", "cSoilOld")
    assert Leaves().reads == ("cLeaf", "tas", "tasPhenology", "dt")


def test_gives_are_the_keys_as_written():
    assert Chain().gives == (
        "cSoilYoung -> cSoilOld",
        "cSoilYoung -> atmosphere : rh",
        "cSoilOld -> atmosphere : rh",
    )
    assert Leaves().gives[0] == "next tasPhenology"
    assert Odd().gives == ("fEnvSoil", "cSoilYoung -> atmosphere : rh")


def test_gives_of_a_process_whose_parameters_are_arrays():
    assert Chain(k_young=jnp.array([1e-8, 2e-8])).gives == Chain().gives


def test_parameters_are_stored_in_si():
    odd = Odd()
    assert odd.plain == 0.5
    assert odd.mass == pytest.approx(0.05)
    assert odd.turnover == pytest.approx(0.8 / YEAR)
    assert odd.melt == pytest.approx(3.0 / DAY)


def test_parameters_are_described():
    rows = {p.name: p for p in Odd().parameters}
    assert list(rows) == ["plain", "mass", "turnover", "melt"]
    assert rows["turnover"].default == pytest.approx(0.8 / YEAR)
    assert (rows["turnover"].low, rows["turnover"].high) == pytest.approx((0.1 / YEAR, 2.0 / YEAR))
    assert [p.shown_unit for p in rows.values()] == ["1", "g m-2", "yr-1", "kg m-2 K-1 d-1"]
    assert rows["turnover"].default / rows["turnover"].scale == pytest.approx(0.8)
    assert rows["melt"].doc == "a degree-day factor"


def test_default_is_the_instance_s_own_value():
    assert Odd(plain=0.3).parameters[0].default == 0.3


def test_scale_of_the_prior_follows_the_bounds():
    rows = {p.name: p for p in Odd().parameters}
    assert rows["turnover"].logarithmic
    assert not rows["plain"].logarithmic or rows["plain"].high >= 4 * rows["plain"].low


@pytest.mark.parametrize("value", [0.1, 2.0, -1.0, 3.0])
def test_a_default_outside_its_bounds_is_refused(value):
    with pytest.raises(ValueError, match="not inside its bounds"):
        param(value, bounds=(0.1, 2.0), doc="a share")


def test_a_misspelt_argument_tells_what_is_near():
    class Typo(Process):
        """Reads what nobody knows."""

        def __call__(self, tass: Scalar) -> dict[str, Scalar]:
            return {"fEnvSoil": tass}

    with pytest.raises(UnknownName, match=r"'tass'.*tas"):
        _ = Typo().gives


def test_a_process_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Odd().plain = 0.2  # type: ignore[misc]
