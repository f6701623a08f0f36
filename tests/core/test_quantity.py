"""The vocabulary: its rows make sense, and a name that is not in it says what is near."""

import importlib

import pytest

from landsink.core import units
from landsink.core.errors import LandsinkError, UnknownName
from landsink.core.quantity import Quantity, quantity, vocabulary, within

# the package is read once per process; a fresh copy of the module reads a table of the test's own
module = importlib.import_module("landsink.core.quantity")


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Put a vocabulary of one's own in place of the house's, for one test."""

    def put(**texts: str) -> None:
        folder = tmp_path / "vocabulary"
        folder.mkdir()
        for name, text in texts.items():
            (folder / f"{name}.toml").write_text(text)
        monkeypatch.setattr(module, "files", lambda package: tmp_path)

    vocabulary.cache_clear()
    yield put
    monkeypatch.undo()
    vocabulary.cache_clear()


def test_unknown_name_tells_what_is_near():
    with pytest.raises(UnknownName) as caught:
        quantity("cSoilYuong")
    assert "'cSoilYuong' is not in the vocabulary." in str(caught.value)
    assert "cSoilYoung" in str(caught.value)


def test_unknown_name_far_from_all_says_so():
    with pytest.raises(UnknownName, match="Nothing is near"):
        quantity("zzzzqqqq")


def test_name_in_two_tables_is_refused(table):
    row = 'x = {unit = "K", kind = "forcing", long = "a thing"}\n'
    table(one=row, two=row)
    with pytest.raises(LandsinkError, match=r"'x' stands twice .* two\.toml"):
        vocabulary()


def test_unknown_kind_is_refused(table):
    table(one='x = {unit = "K", kind = "forcinge", long = "a thing"}\n')
    with pytest.raises(LandsinkError, match=r"'forcinge'.*forcing"):
        vocabulary()


def test_unknown_column_of_a_row_is_refused_with_its_name(table):
    table(one='x = {unit = "K", kind = "forcing", long = "a thing", spann = [0, 1]}\n')
    with pytest.raises(LandsinkError, match=r"'spann'.*span"):
        vocabulary()


def test_rows_are_read_only():
    with pytest.raises(TypeError):
        vocabulary()["tas"] = quantity("pr")  # type: ignore[index]


@pytest.mark.parametrize("row", vocabulary().values(), ids=lambda row: row.name)
def test_every_row_is_whole(row: Quantity):
    units.parse(row.unit)
    assert row.long and row.long == row.long.strip()
    if row.span:
        assert row.span[0] < row.span[1]
    if row.kind not in ("place",):
        assert row.span, f"'{row.name}' has no span: nothing can be checked or drawn"
    if row.kind == "rate":
        assert row.sign, f"'{row.name}' is a rate and does not say which way is positive"
    if row.kind == "pool":
        assert row.span and row.span[0] == 0.0, f"'{row.name}' is a pool: its span starts at zero"


@pytest.mark.parametrize("row", vocabulary().values(), ids=lambda row: row.name)
def test_names_in_a_row_are_in_the_vocabulary_and_of_its_unit(row: Quantity):
    chain, at = [row.name], row.parent
    while at:
        assert at not in chain, f"'{row.name}' is its own ancestor"
        assert quantity(at).unit == row.unit and quantity(at).substance == row.substance
        chain, at = [*chain, at], quantity(at).parent
    for name in row.sum:
        assert quantity(name).unit == row.unit
    for name in row.net or ():
        assert quantity(name).kind in ("place", "pool")


def test_within_follows_parents():
    assert within("cSoilYoung", "cSoil")
    assert within("cSoilYoung", "cLand")
    assert within("cSoil", "cSoil")
    assert not within("cSoil", "cSoilYoung")
    assert not within("atmosphere", "cLand")


def test_attributes_state_the_sign():
    attrs = quantity("nee").attrs
    assert attrs["units"] == "kg m-2 s-1"
    assert attrs["comment"] == "Sign: + to the atmosphere."
    assert quantity("tas").attrs["standard_name"] == "air_temperature"
    assert "comment" not in quantity("tas").attrs
