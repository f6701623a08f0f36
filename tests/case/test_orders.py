"""What of a case a stranger may ask for: all that reads no file and loads no code, up to a size that is told."""

import json
import re

import pytest

from landsink.case import compose, load
from landsink.case.orders import MOST_STEPS, ordered, size
from landsink.case.serving import Processes
from landsink.catalogue import Catalogue
from landsink.core.errors import LandsinkError
from tests.case.little import SOURCE, case
from tests.house import tree


def source(**options: object) -> dict:
    """The generated source with other options."""
    return SOURCE | {"options": SOURCE["options"] | options}


def on(**page: object) -> dict:
    """A domain on another source."""
    return {"domain": {"towers": 6, "source": page}}


def set_in(table: str, **keys: object) -> dict:
    """A table of the case with other keys."""
    return {table: case().get(table, {}) | keys}


WRONG = [
    # files of the server
    (on(kind="Fluxnet", path="/etc"), "'Fluxnet' with path '/etc'"),
    (
        on(kind="Drivers", options={"length": "shortest", "fluxes": "/etc/passwd"}),
        "may not be read from here",
    ),
    (on(kind="VirtualEurope", path="../secrets"), "with path '../secrets'"),
    (on(kind="os"), "Nothing is near"),
    (on(kind="VirtualEurop"), "Near: VirtualEurope"),
    # code of the server
    (set_in("model", soil="os:path"), "'model.soil' is 'os:path'"),
    (set_in("model", also=["os.path:join"]), "'model.also' is 'os.path:join'"),
    (set_in("model", also=["tests.case.small:Clash"]), "not landsink's own"),
    ({"observe": {"gpp": {"kind": "os:path"}}}, "'observe.gpp' is 'os:path'"),
    # what does not exist
    (set_in("model", soil="Rothc"), "Near: RothC"),
    (set_in("model", soul="RothC"), "'model.soul' is no key of a case. Near: soil"),
    ({"colour": "red"}, "'colour' is no key of a case"),
    (set_in("assimilate", free=["PModel.yeld_scale"]), "yeld_scale"),
    (set_in("output", variables=["gpp", "gold"]), "'gold'"),
    (set_in("map", members="many"), "'map.members'"),
    # what is too large, or no number
    (on(**source(resolution_degrees=0.01)), "Between 0.25 and 5"),
    (on(**source(resolution_degrees="fine")), "A number"),
    (on(**source(last_year=99999)), "In order, within"),
    (on(**source(errors={"gpp": [0, 0]})), "A number"),
    (set_in("map", members=10**9), "At most 2e[+]10 here"),
    (set_in("map", source=source(resolution_degrees=0.25), members=2000), "The map would hold"),
    (set_in("map", cycle_years=10**12), "At most"),
    (set_in("assimilate", iterations=10**15), "At most 2e[+]10 here"),
    (set_in("assimilate", method="Sampler", sampler={"rounds": 10**9}), "At most"),
    ({"title": "x" * 1000}, "'title' has 1000 characters. 1 to 300"),
]


@pytest.mark.parametrize(("more", "said"), WRONG)
def test_a_wrong_or_hostile_case_is_refused_before_it_is_queued(tmp_path, more, said):
    with pytest.raises(LandsinkError, match=said) as told:
        Processes(Catalogue(tmp_path)).validate("case", {"case": case(**more)})
    assert told.value.expected or told.value.remedy
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"name": "demi"}, "Near: demo"),
        ({"name": "/etc/passwd"}, "is not in the cases"),
        ({"name": "demo", "case": {}}, "Either, not both"),
        ({}, "is not in the cases"),
        ({"name": "demo", "changes": ["model.soil=os:path"]}, "'model.soil' is 'os:path'"),
        ({"name": "demo", "changes": ["map.source.path=/etc"]}, "may not be changed from here"),
        ({"name": "demo", "changes": ["domain.source.options.resolution_degrees=0.3"]}, "in full"),
        ({"name": "demo", "changes": ["model.soil=Rothc"]}, "Near: RothC"),
        ({"name": "demo", "changes": ["map.members=1000000"]}, "At most 2e[+]10 here"),
        ({"name": "demo", "out": "/tmp"}, "out"),
        ({"name": "demo", "case": "demo"}, "'case'"),
    ],
)
def test_a_case_of_ours_is_changed_only_where_it_may(tmp_path, inputs, said):
    with pytest.raises(LandsinkError, match=said):
        Processes(Catalogue(tmp_path)).validate("case", inputs)


def test_a_case_that_may_run_is_an_order_with_its_size(tmp_path):
    processes = Processes(Catalogue(tmp_path))
    order = processes.validate("case", {"case": case()})
    assert order.title == "A little Europe"
    assert order.inputs == {"case": case()}
    assert 0 < order.units < 1e6
    more = processes.validate("case", {"case": case(**set_in("assimilate", iterations=200))})
    assert more.units > 2 * order.units
    assert more.seconds > order.seconds


def test_a_source_as_a_case_of_ours_has_it_may_be_named(data):
    rothamsted = load("rothamsted").model_dump(mode="json")
    ordered({"case": rothamsted}, data)
    rothamsted["domain"]["source"]["path"] = "rothamsted"
    with pytest.raises(LandsinkError, match="with path 'rothamsted'"):
        ordered({"case": rothamsted}, data)


def test_every_case_of_ours_may_be_asked_for(data):
    for name in ("demo", "europe", "rothamsted", "tharandt", "towers"):
        _, found = ordered({"name": name}, data)
        free = compose.space(compose.compose(found.model), found).size
        assert 0 < size(found, data, free) <= MOST_STEPS


def test_the_cases_of_the_handbook_may_be_asked_for(tmp_path):
    text = (
        (tree.ROOT / "docs" / "how-to" / "run-an-experiment.md")
        .read_text("utf-8")
        .partition("## Whole cases")[2]
    )
    asked = [json.loads(block)["inputs"] for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    assert [set(inputs) for inputs in asked] == [{"name", "changes"}, {"case"}]
    for inputs in asked:
        assert Processes(Catalogue(tmp_path)).validate("case", inputs).units > 0
