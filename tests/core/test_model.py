"""A model: processes tied by the names they read and give, checked before anything runs."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import pytest

from landsink.core.errors import LandsinkError, UnknownName, WiringError
from landsink.core.model import Model
from landsink.core.process import Process, Scalar, param
from tests.core.toys import Chain, Input, Leaves, Uptake, WarmDecay, Warmth


def process(name: str, reads: str, *gives: str) -> Process:
    """A process with the given signature, whose every value is one."""
    space: dict[str, object] = {}
    body = ", ".join(f"{key!r}: 1.0" for key in gives)
    exec(f"def __call__(self, {reads}): return {{{body}}}", space)
    return type(name, (Process,), {"__call__": space["__call__"], "__doc__": "A toy."})()


@pytest.fixture
def warm() -> Model:
    """Given in the wrong order: the model finds the right one."""
    return Model.of(WarmDecay(), Input(), Warmth())


def test_wiring_follows_from_names(warm):
    assert warm.wiring.pools == ("cSoilYoung", "cSoilOld") or set(warm.wiring.pools) == {
        "cSoilYoung",
        "cSoilOld",
    }
    assert warm.forcing == ("tas",)
    assert warm.wiring.values == ("fEnvSoil",)
    titles = [p.title for p in warm.processes]
    assert titles.index("Warmth") < titles.index("WarmDecay")


def test_order_does_not_depend_on_how_it_was_written(warm):
    again = Model.of(Warmth(), WarmDecay(), Input())
    assert set(again.wiring.flows) == set(warm.wiring.flows)
    state, forcing = {"cSoilYoung": jnp.ones(()), "cSoilOld": jnp.ones(())}, {"tas": jnp.array(290.0)}
    one, two = warm.rates(state, forcing), again.rates(state, forcing)
    assert set(one) == set(two) and all(one[k] == two[k] for k in one)


def test_two_givers_are_named():
    with pytest.raises(WiringError, match=r"'fEnvSoil' is given by both .*(Warmth.*Rival|Rival.*Warmth)"):
        Model.of(Warmth(), process("Rival", "tas", "fEnvSoil"))


def test_two_givers_of_a_memory_are_named():
    one, two = (process(n, "tas", "next tsl") for n in ("One", "Two"))
    with pytest.raises(WiringError, match="'next tsl' is given by both"):
        Model.of(one, two)


def test_two_givers_of_one_arrow_add_up():
    model = Model.of(process("One", "tas", "cWood -> litterWood"), process("Two", "tas", "cWood -> litterWood"),
                     process("Soil", "tas", "litterWood -> cCwd"))  # fmt: skip
    assert model.rates({"cWood": 1.0, "cCwd": 1.0}, {"tas": 280.0})["cWood -> litterWood"] == 2.0


@pytest.mark.parametrize("pair", [(Chain(), Chain()), (Chain(), Chain(k_young=1e-8))])
def test_the_same_process_twice_is_refused(pair):
    with pytest.raises(WiringError, match="Chain.*twice"):
        Model.of(*pair)


def test_a_ring_is_drawn():
    one, two = process("One", "fSoilWet", "fEnvSoil"), process("Two", "fEnvSoil", "fSoilWet")
    with pytest.raises(WiringError, match=r"One -> Two -> One|Two -> One -> Two"):
        Model.of(one, two)


def test_a_ring_through_a_label_is_drawn():
    one = process("One", "rh", "fEnvSoil")
    two = process("Two", "fEnvSoil", "cSoilYoung -> atmosphere : rh")
    with pytest.raises(WiringError, match="wait for each other"):
        Model.of(one, two)


def test_a_process_that_waits_for_its_own_value_is_refused():
    with pytest.raises(WiringError, match="Loop -> Loop"):
        Model.of(process("Loop", "fEnvSoil", "fEnvSoil"))


def test_unknown_name_in_a_key_tells_what_is_near():
    with pytest.raises(UnknownName, match=r"'fEnvSoill'.*fEnvSoil"):
        Model.of(process("Typo", "tas", "fEnvSoill"))
    with pytest.raises(UnknownName, match=r"'atmosfere'.*atmosphere"):
        Model.of(process("Typo", "tas", "cWood -> atmosfere"))


@pytest.mark.parametrize("key", ["cWood -> mrsos", "cWood -> atmosphere : mrro", "mrsos -> cWood : tran"])
def test_an_arrow_joins_one_substance(key):
    with pytest.raises(WiringError, match=r"joins different substances .*carbon.*water|.*water.*carbon"):
        Model.of(process("Alchemy", "tas", key))


@pytest.mark.parametrize(
    "key", ["tas -> cWood", "cWood -> fEnvSoil", "cWood -> gpp", "cWood -> cVeg", "tsl -> cWood"]
)
def test_an_arrow_ends_in_a_pool_a_port_or_outside(key):
    with pytest.raises(WiringError, match="neither a pool"):
        Model.of(process("Wrong", "tas", key))


def test_a_label_is_a_rate():
    with pytest.raises(WiringError, match="'cLeaf' labels"):
        Model.of(process("Wrong", "tas", "cWood -> atmosphere : cLeaf"))


def test_only_a_memory_is_remembered():
    with pytest.raises(WiringError, match="'tas'.*memory"):
        Model.of(process("Wrong", "tas", "next tas"))


@pytest.mark.parametrize("key", ["cWood", "tsl"])
def test_a_pool_or_a_memory_is_never_given_as_a_value(key):
    with pytest.raises(WiringError, match=f"'{key}'"):
        Model.of(process("Wrong", "tas", key))


def test_a_memory_needs_a_giver():
    with pytest.raises(WiringError, match="'tsl' is read, but no process gives 'next tsl'"):
        Model.of(process("Reader", "tsl", "fEnvSoil"))


def test_a_port_needs_a_taker():
    with pytest.raises(WiringError, match=r"'litterLeaf' \(cLeaf -> litterLeaf : fVegLitterLeaf\)"):
        Model.of(Leaves())


def test_a_port_that_is_only_left_is_an_outside_source():
    model = Model.of(Uptake(), Chain())
    assert model.forcing == ("fVegLitterLeaf",) and model.wiring.ports == ()


def test_a_port_between_two_processes_needs_no_forcing():
    model = Model.of(Uptake(), Chain(), Leaves())
    assert model.forcing == ("tas", "dt") or set(model.forcing) == {"tas", "dt"}
    assert [p.name for p in model.wiring.ports] == ["litterLeaf"]
    assert model.wiring.counted == ("fVegLitterLeaf",)


def test_counted_rates_are_not_overruled_by_forcing_of_the_same_name():
    model = Model.of(Uptake(), Chain(), Leaves())
    state = {n: jnp.ones(()) for n in model.state} | {"tasPhenology": jnp.array(280.0)}
    forcing = {"tas": 280.0, "dt": 86400.0}
    plain = model.rates(state, forcing)
    assert model.rates(state, forcing | {"fVegLitterLeaf": 1.0}) == plain


def test_rates_without_a_forcing_name_it():
    model = Model.of(Uptake(), Chain())
    with pytest.raises(WiringError, match="fVegLitterLeaf"):
        model.rates({"cSoilYoung": 1.0, "cSoilOld": 1.0}, {})


def test_rates_without_a_state_name_it(warm):
    with pytest.raises(WiringError, match="cSoilOld"):
        warm.rates({"cSoilYoung": 1.0}, {"tas": 280.0})


class Counting:
    model = Model.of(
        process("A", "tas", "atmosphere -> cLabile : gpp", "cLabile -> atmosphere : raGrowth",
                "cWood -> atmosphere : raMaint", "cLeaf -> cSoilYoung : fVegLitterLeaf",
                "cRoot -> cSoilYoung : fVegLitterRoot", "cSoilYoung -> cSoilOld",
                "cSoilOld -> atmosphere : rh", "cSoilYoung -> atmosphere : rh", "lai"),
    )  # fmt: skip
    state: ClassVar = {n: float(i + 1) for i, n in enumerate(model.wiring.pools)}
    out = model.rates(state, {"tas": 280.0})

    @classmethod
    def count(cls, name: str) -> float:
        return float(cls.model.count(name, cls.state, cls.out))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("lai", 1.0), ("gpp", 1.0), ("rh", 2.0), ("ra", 2.0), ("raMaint", 1.0), ("fVegLitter", 2.0),
     ("nee", 3.0), ("reco", 4.0), ("npp", -1.0), ("nbp", -3.0), ("nbe", 3.0), ("fFire", 0.0)],
)  # fmt: skip
def test_rates_are_counted_from_arrows(name, expected):
    assert Counting.count(name) == expected


def test_places_are_sums_of_their_pools():
    state = Counting.state
    assert Counting.count("cSoil") == state["cSoilYoung"] + state["cSoilOld"]
    assert Counting.count("cVeg") == sum(state[n] for n in ("cLabile", "cWood", "cLeaf", "cRoot"))
    assert Counting.count("cLand") == sum(state.values())
    assert Counting.count("cWood") == state["cWood"]


def test_offers_what_it_can_count():
    offers = Counting.model.offers
    assert all(
        offers(n) for n in ("lai", "cWood", "cVeg", "cLand", "rh", "ra", "nee", "nbp", "nbe", "fVegLitter")
    )
    assert not any(offers(n) for n in ("tran", "mrso", "fapar", "cLitter", "mrro"))
    with pytest.raises(UnknownName):
        offers("gppp")


def test_nee_of_a_model_that_moves_no_carbon_is_not_offered():
    water = Model.of(process("Water", "pr", "atmosphere -> mrsos : prra", "mrsos -> river : mrro"))
    assert not any(water.offers(n) for n in ("nee", "nbp", "npp", "reco", "nbe"))
    assert water.offers("mrso") and water.offers("mrro") and water.offers("mrtws")


@pytest.mark.parametrize("name", ["fapar", "mrso", "tsl", "cLitter"])
def test_counting_what_the_model_does_not_know_is_refused(name):
    with pytest.raises(WiringError, match=f"does not compute '{name}'"):
        Counting.count(name)


def test_parameters_are_replaced_by_name():
    model = Model.of(Chain(), Input())
    young = model.parameters["Chain.k_young"]
    assert young.doc == "young turnover"
    changed = model.with_parameters({"Chain.k_young": 2.0 * young.default, "Input.rate": 0.0})
    assert changed.parameters["Chain.k_young"].default == 2.0 * young.default
    assert model.parameters["Chain.k_young"].default == young.default
    assert changed.parameters["Chain.k_old"] == model.parameters["Chain.k_old"]
    assert model.with_parameters({}) is model


def test_parameters_may_differ_between_cells():
    model = Model.of(Chain()).with_parameters({"Chain.k_old": jnp.array([0.0, 1e-9])})
    out = model.rates({"cSoilYoung": jnp.ones(2), "cSoilOld": jnp.ones(2)}, {})
    assert out["cSoilOld -> atmosphere : rh"].tolist() == [0.0, 1e-9]


def test_a_model_may_be_composed_of_processes_with_arrays():
    model = Model.of(Chain(k_old=jnp.array([0.0, 1e-9])), Input())
    assert model.rates({"cSoilYoung": 1.0, "cSoilOld": 1.0}, {})["cSoilOld -> atmosphere : rh"].shape == (2,)


@pytest.mark.parametrize("name", ["Chain.k_yung", "Chane.k_young", "k_young"])
def test_an_unknown_parameter_tells_what_is_near(name):
    with pytest.raises(LandsinkError, match=r"not a parameter.*Chain\.k_young"):
        Model.of(Chain()).with_parameters({name: 1.0})


def test_a_model_is_a_pytree_of_its_parameters():
    assert len(jax.tree.leaves(Model.of(Chain(), Input()))) == 4


def test_the_default_is_kept_where_a_parameter_has_its_own_value():
    class Fast(Process):
        """A default that an instance overrides."""

        k: Scalar = param(1.0, per="yr", bounds=(0.1, 10.0), doc="turnover")

        def __call__(self, cWood: Scalar) -> dict[str, Scalar]:
            return {"cWood -> atmosphere : rh": self.k * cWood}

    assert Model.of(Fast(k=5.0)).rates({"cWood": 1.0}, {})["cWood -> atmosphere : rh"] == 5.0
