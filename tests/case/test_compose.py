"""From words to objects, and one line where the words do not fit."""

import pytest

from landsink import observe
from landsink.assimilate import Laplace, RandomisedMaximumLikelihood, Variational
from landsink.case import compose, load
from landsink.case.inspect import check
from landsink.case.page import ModelPage, SourcePage
from landsink.core.errors import CaseError, LandsinkError
from tests.case.small import page

WEATHER = {"tas", "tasmin", "tasmax", "rsds", "vpd", "pr", "co2", "ps"}


@pytest.fixture
def small(tmp_path):
    """The small case, with changes and more lines."""

    def made(*changes: str, more: str = ""):
        return load(str(page(tmp_path, more)), changes)

    return made


def refusal(case) -> str:
    """The one line with which a look at a case ends."""
    with pytest.raises(LandsinkError) as caught:
        check(case, None)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_default_page_is_a_whole_model():
    model = compose.compose(ModelPage())
    assert {"PModel", "Dalec", "LitterSoil"} <= {p.title for p in model.processes}


def test_a_process_of_ones_own_takes_its_place(small):
    found = check(small(), None).facts
    assert set(found["order"]) == {"Input", "Warmth", "WarmDecay"}
    assert found["forcing"] == {"tas": "K"}
    assert found["pools"] == ["cSoilYoung", "cSoilOld"]
    assert "Warmth.q10" in found["fixed"]
    assert "map" in found["estimate"]


def test_further_processes(small):
    assert "Sun" in check(small('model.also=["light:Sun"]'), None).facts["order"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("model.soil=Icbn", ("'Icbn'", "landsink.models.soil", "Near: Icbm")),
        ("model.soil=tests.core.toys:WarmDecai", ("'WarmDecai'", "Near: WarmDecay")),
        ("model.soil=tests.nowhere:Soil", ("no module 'tests.nowhere'",)),
        ("model.soil=tests.case.small:NotAProcess", ("'NotAProcess'",)),
        ("model.parameters.Warmth.q11=2.0", ("'Warmth.q11'", "Near: Warmth.q10")),
        ("model.parameters.Warmth.q10=9.0", ("Warmth.q10 = 9", "1 … 4")),
        ("model.parameters.WarmDecay.k_young=9.0", ("k_young = 9 yr-1", "0.1 … 4")),
        ("domain.source.kind=VirtualEurop", ("'VirtualEurop'", "Near: VirtualEurope")),
        ("domain.source.options.sed=2", ("'sed'", "Near: seed")),
        ("domain.source.kind=Drivers", ("option",)),
        ('output.variables=["cSoill"]', ("'cSoill'", "cSoil")),
        ('output.variables=["gpq"]', ("'gpq'", "gpp")),
        ('output.variables=["lai"]', ("'lai'", "what this model computes")),
        ('assimilate.free=["Warmht.*"]', ("'Warmht.*'", "Near: Warmth")),
        ('assimilate.priors={"Warmth.q11"={centre=2.0}}', ("'Warmth.q11'", "Near: Warmth.q10")),
        ("model.climate=", ("'fEnvSoil'", "VirtualEurope gives tas")),
        ("model.climate=SoilClimate", ("'fSoilWet'", "Add a process that gives it")),
        ('model.also=["tests.case.small:Secret"]', ("'vegCover'",)),
        ('model.also=["tests.case.small:Clash"]', ("different substances", "cSoilYoung is carbon")),
        ('model.also=["tests.case.small:Misspelt"]', ("'fEnvSoill'", "Near: fEnvSoil")),
        ('model.also=["soil:SoilClimate"]', ("'fEnvSoil' is given by both",)),
    ],
)
def test_each_mistake_is_one_line_that_helps(small, change, words):
    says = refusal(small(change))
    for word in words:
        assert word in says, says


def test_a_wrong_observation_or_constraint(small):
    assert "'TowerFluxx'" in refusal(small(more="[observe.rh]\nkind = 'TowerFluxx'\n"))
    assert "'gppp'" in refusal(small(more="[observe.gppp]\nkind = 'TowerFlux'\n"))
    order = "[[constraint]]\nkind = 'Order'\noptions = {{ fast = '{}', slow = 'WarmDecay.k_old' }}\n"
    assert check(small(more=order.format("WarmDecay.k_young")), None)
    assert "Near: WarmDecay.k_young" in refusal(small(more=order.format("WarmDecay.k_yong")))
    steady = "[[constraint]]\nkind = 'NearSteady'\noptions = { pool = 'cWood' }\n"
    assert "'cWood'" in refusal(small(more=steady))


def test_options_of_a_constraint_are_checked(small):
    wrong = (
        "[[constraint]]\nkind = 'Order'\noptions = { fast = 'WarmDecay.k_young', slaw = 'WarmDecay.k_old' }\n"
    )
    assert "Near: slow" in refusal(small(more=wrong))
    assert "lacks slow" in refusal(small(more=wrong.replace(", slaw = 'WarmDecay.k_old'", "")))


def test_a_start_of_a_pool_that_is_not_there(small):
    assert "Near: cSoilOld" in refusal(small("start.pools.cSoilOd=3.0"))


def test_real_data_need_a_place(tmp_path):
    with pytest.raises(CaseError, match="LANDSINK_DATA"):
        compose.source(SourcePage(kind="FluxVal"), None, "month")
    with pytest.raises(CaseError, match="nothing at"):
        compose.source(SourcePage(kind="FluxVal"), tmp_path, "month")


def test_parameters_are_said_in_the_units_of_their_cards(small):
    model = compose.compose(small("model.parameters.WarmDecay.k_young=1.5").model)
    assert model.parameters["WarmDecay.k_young"].default == pytest.approx(1.5 / (365.2425 * 86400.0))


def test_priors_are_said_in_the_units_of_their_cards(small):
    case = small('assimilate.free=["WarmDecay.*"]', 'assimilate.fixed=["*.k_old"]',
                 "assimilate.priors.WarmDecay.k_young={centre=1.5, spread=0.3}")  # fmt: skip
    space = compose.space(compose.compose(case.model), case)
    assert space.names == ("WarmDecay.k_young",)
    assert space.priors[0].centre == pytest.approx(1.5 / (365.2425 * 86400.0))
    assert space.priors[0].spread == 0.3


@pytest.mark.parametrize("change", ["soil=RothC", "soil=Icbm", "soil=Yasso15", "light=LightUse"])
def test_a_process_is_swapped_without_any_other_change(change):
    slot, name = change.split("=")
    for shipped in ("demo", "tharandt", "europe"):
        case = load(shipped, [f"model.{change}"])
        model = compose.compose(case.model)
        space = compose.space(model, case)
        assert any(n.startswith(f"{name}.") for n in space.names), (slot, space.names)
        lacking = set(model.forcing) - {"dt", "dayOfYear", "lat", *case.domain.constants, *WEATHER}
        assert (
            not lacking or shipped == "demo" and lacking == {"clay"}
        )  # the virtual Europe has clay of its own


@pytest.mark.parametrize("kind", [Variational, Laplace, RandomisedMaximumLikelihood])
def test_methods_by_name(small, kind):
    case = small(f"assimilate.method={kind.__name__}", "assimilate.starts=3")
    made = compose.method(case.assimilate)
    assert isinstance(made, kind)
    assert getattr(made, "best", made).starts == 3


def test_observations_by_name():
    assert compose.observation("Biomass") is observe.Biomass
    with pytest.raises(LandsinkError, match="'Order'"):
        compose.observation("Order")
