"""The page of a case: what it refuses, how it is changed, and that ours are in order."""

import pytest

from landsink.case import Case, load
from landsink.case.inspect import check
from landsink.case.page import changed, shipped
from landsink.core.errors import CaseError
from tests.case.small import SMALL, TWIN, page


def refusal(tmp_path, *changes: str, more: str = "") -> str:
    """The line with which a changed small case is refused."""
    with pytest.raises(CaseError) as caught:
        load(str(page(tmp_path, more)), changes)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("more", "key", "near"),
    [
        ("[outptu]\nvariables = []\n", "'outptu'", "output"),
        ("[observe.gpp]\nkind = 'TowerFlux'\nsmoth = 3\n", "'observe.gpp.smoth'", "smooth"),
        ("[[goal]]\nvariable = 'gpp'\nscore = 'nse'\natleast = 0.5\n", "atleast", "at_least"),
        ("[[constraint]]\nkindd = 'Order'\n", "kindd", "kind"),
    ],
)
def test_unknown_keys_name_their_near_misses(tmp_path, more, key, near):
    says = refusal(tmp_path, more=more)
    assert key.strip("'") in says
    assert near in says.split("Near:")[1]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ("model.step=week", "model.step"),
        ("map.tile=0", "map.tile"),
        ("map.tile=many", "map.tile"),
        ("assimilate.members=2", "assimilate.members"),
        ("assimilate.method=Guess", "assimilate.method"),
        ("assimilate.spread=-1", "assimilate.spread"),
    ],
)
def test_wrong_types_and_values_name_their_key_and_what_was_found(tmp_path, change, key):
    says = refusal(tmp_path, change)
    assert f"'{key}'" in says
    assert "found" in says


def test_all_that_is_wrong_is_said_at_once(tmp_path):
    says = refusal(tmp_path, "map.tile=0", "model.soill=RothC")
    assert "map.tile" in says
    assert "model.soill" in says


@pytest.mark.parametrize(
    ("change", "read"),
    [
        ("model.soil=RothC", lambda c: c.model.soil == "RothC"),
        ("model.fire=", lambda c: c.model.fire == ""),
        ("map.tile=7", lambda c: c.map.tile == 7),
        ("start.each=true", lambda c: c.start.each is True),
        ("output.variables=rh, nee", lambda c: c.output.variables == ("rh", "nee")),
        ('output.variables=["rh"]', lambda c: c.output.variables == ("rh",)),
        ("model.parameters.Warmth.q10=3.0", lambda c: c.model.parameters == {"Warmth.q10": 3.0}),
        ("domain.source.options.seed=9", lambda c: c.domain.source.options["seed"] == 9),
        (
            "assimilate.priors.Warmth.q10={centre=1.5}",
            lambda c: c.assimilate.priors == {"Warmth.q10": {"centre": 1.5}},
        ),
        ("title=Another = title", lambda c: c.title == "Another = title"),
    ],
)
def test_set_reaches_every_kind_of_key(tmp_path, change, read):
    assert read(load(str(page(tmp_path)), [change]))


def test_later_changes_win_and_the_table_is_not_touched():
    table = {"model": {"soil": "Icbm"}}
    assert changed(table, ["model.soil=RothC", "model.soil=Yasso15"])["model"]["soil"] == "Yasso15"
    assert table == {"model": {"soil": "Icbm"}}


def test_changes_that_cannot_be_read(tmp_path):
    assert "no '='" in refusal(tmp_path, "model.soil")
    assert "not a table" in refusal(tmp_path, "title.soil=RothC")


def test_a_case_that_is_not_there_names_ours(tmp_path):
    with pytest.raises(CaseError, match="Near: demo"):
        load("dem")
    (tmp_path / "odd.toml").write_text("[model\n")
    with pytest.raises(CaseError, match="is not TOML"):
        load(str(tmp_path / "odd.toml"))


def test_a_path_and_its_page(tmp_path):
    case = load(str(page(tmp_path, TWIN)))
    assert case.twin.spread == 0.5
    assert case.goal[0].period == "withheld"
    assert Case.model_validate(case.model_dump(mode="json")) == case
    assert "towers = 6" in SMALL


def test_there_are_cases_of_ours():
    assert {"demo", "tharandt", "europe", "rothamsted"} <= set(shipped())


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_case_of_ours_is_in_order(name, data):
    case = load(name)
    assert case.title
    found = check(case, data)
    assert found.facts["free"]
    for source in [case.domain.source] + ([case.map.source] if case.map else []):
        assert source.kind == "VirtualEurope" or "GENERATED" not in case.about
