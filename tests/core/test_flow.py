"""The three kinds of key."""

import pytest

from landsink.core.errors import WiringError
from landsink.core.flow import Flow, flow, is_flow, is_memory, names_of, remembered


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("cWood -> atmosphere : fFire", Flow("cWood", "atmosphere", "fFire")),
        ("cSoilYoung -> cSoilOld", Flow("cSoilYoung", "cSoilOld", "")),
        ("a->b:c", Flow("a", "b", "c")),
    ],
)
def test_arrow_is_read(key, expected):
    assert is_flow(key) and not is_memory(key)
    assert flow(key) == expected


def test_memory_is_read():
    assert is_memory("next tasAcclim") and not is_flow("next tasAcclim")
    assert remembered("next tasAcclim") == "tasAcclim"
    assert names_of("next tasAcclim") == ("tasAcclim",)


def test_names_of_each_kind():
    assert names_of("gpp") == ("gpp",)
    assert names_of("cWood -> atmosphere : fFire") == ("cWood", "atmosphere", "fFire")
    assert names_of("cSoilYoung -> cSoilOld") == ("cSoilYoung", "cSoilOld")


@pytest.mark.parametrize(
    "key",
    ["cLeaf -> ", " -> cLeaf", "cLeaf -> cWood -> cRoot", "cLeaf -> cRoot : rh : ra", "cLeaf -> cRoot :"],
)
def test_an_arrow_that_is_not_one_is_refused(key):
    with pytest.raises(WiringError, match="donor -> receiver"):
        flow(key)
