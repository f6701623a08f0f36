"""A product's hash: the same for the same making, another for any other."""

import dataclasses
import hashlib

import pytest

from landsink.core import record
from landsink.core.record import Input, Record, digest

CASE = {"title": "a case", "model": {"soil": "Icbm", "step": "month"}, "seed": 3}
FILES = (Input("b.nc", "22"), Input("a.nc", "11", "CC0-1.0", "Somebody (2001)"))


def test_the_order_of_keys_and_of_inputs_does_not_matter():
    turned = {"seed": 3, "model": {"step": "month", "soil": "Icbm"}, "title": "a case"}
    assert Record.of(CASE, FILES).hash == Record.of(turned, FILES[::-1]).hash
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})


@pytest.mark.parametrize(
    "other",
    [
        Record.of(CASE | {"seed": 4}, FILES),
        Record.of(CASE | {"model": {"soil": "RothC", "step": "month"}}, FILES),
        Record.of(CASE, FILES[:1]),
        Record.of(CASE, (FILES[0], dataclasses.replace(FILES[1], sha256="12"))),
        dataclasses.replace(Record.of(CASE, FILES), code="landsink of tomorrow"),
    ],
    ids=["a number", "a process", "an input fewer", "another content", "other code"],
)
def test_any_other_making_has_another_hash(other):
    assert other.hash != Record.of(CASE, FILES).hash


def test_a_hash_is_sha256_in_hex_and_repeats():
    first = Record.of(CASE, FILES).hash
    assert first == Record.of(CASE, FILES).hash
    assert len(first) == 64
    int(first, 16)


def test_a_file_is_known_by_its_content_not_by_its_place(tmp_path):
    (tmp_path / "there").mkdir()
    for folder in (tmp_path, tmp_path / "there"):
        (folder / "x.csv").write_bytes(b"1,2\n")
    here, there = Input.of(tmp_path / "x.csv"), Input.of(tmp_path / "there" / "x.csv")
    assert here == there == Input("x.csv", hashlib.sha256(b"1,2\n").hexdigest())


def test_a_file_that_changed_is_hashed_anew(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"1,2\n")
    before = Input.of(path)
    path.write_bytes(b"1,2,3\n")
    assert Input.of(path).sha256 != before.sha256


def test_the_code_names_itself_and_what_computes():
    words = record.code_version()
    assert words.startswith("landsink ")
    assert "jax" in words
    assert "numpy" in words


def test_as_plain_data():
    plain = Record.of(CASE, FILES).as_dict()
    assert plain["case"] == CASE
    assert [i["name"] for i in plain["inputs"]] == ["a.nc", "b.nc"]
