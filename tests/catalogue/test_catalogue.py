"""Items say what they are; the store survives repetition, crowds and a lost index."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from landsink.catalogue import checksum, describe, identifier
from landsink.core.errors import DataError, UnknownName
from tests.catalogue import plots


def record(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


def run_folder(root: Path, word: str = "one") -> Path:
    folder = root / word
    (folder / "product.zarr" / "nee").mkdir(parents=True)
    (folder / "product.zarr" / "zarr.json").write_text("{}")
    (folder / "product.zarr" / "nee" / "c0").write_bytes(b"\x01\x02")
    (folder / "scores.csv").write_text("variable,score\n")
    return folder


def item(root: Path, word: str = "one"):
    return described(run_folder(root, word), word)


def described(folder: Path, word: str = "one"):
    return describe(
        folder,
        record=record(word),
        title=f"Product {word}",
        bbox=[-10, 35, 30, 70],
        start="2001-01-01",
        end=np.datetime64("2016-12-31"),
        variables=["nee", "gpp"],
        licence="CC-BY-4.0",
        citation="Someone et al. 2020",
        inputs=["0123456789ab", folder.parent / "forcing.nc"],
    )


def test_an_item_says_what_it_is(tmp_path):
    made = item(tmp_path)
    assert made.id == identifier(record("one")) == record("one")[:12]
    assert made.properties["landsink:variables"] == ["gpp", "nee"]
    assert made.properties["start_datetime"] == "2001-01-01T00:00:00Z"
    assert made.properties["end_datetime"] == "2016-12-31T00:00:00Z"
    assert set(made.assets) == {"product", "scores"}
    assert [link.title for link in made.links if link.rel == "derived_from"] == ["0123456789ab", "forcing.nc"]
    assert json.dumps(made.to_dict(transform_hrefs=False))


def test_checksums_are_multihashes_of_content_not_place(tmp_path):
    file = tmp_path / "a.txt"
    file.write_bytes(b"abc")
    assert checksum(file) == "1220ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    one, two = run_folder(tmp_path, "one"), run_folder(tmp_path, "two")
    assert checksum(one / "product.zarr") == checksum(two / "product.zarr")
    (two / "product.zarr" / "nee" / "c0").rename(two / "product.zarr" / "nee" / "c1")
    assert checksum(one / "product.zarr") != checksum(two / "product.zarr")
    with pytest.raises(DataError, match="Nothing lies"):
        checksum(tmp_path / "absent")


def test_a_single_file_and_no_place_are_fine_nonsense_is_not(tmp_path):
    file = tmp_path / "forcing.nc"
    file.write_bytes(b"abc")
    facts = {"title": "", "start": "2001-01-01", "end": "2001-12-31"}
    facts |= {"variables": [], "licence": "other", "citation": ""}
    assert set(describe(file, record=record("x"), bbox=None, **facts).assets) == {"data"}
    with pytest.raises(DataError, match="not a record's hash"):
        describe(file, record="no hash here", bbox=None, **facts)
    with pytest.raises(DataError, match="bounding box"):
        describe(file, record=record("x"), bbox=[35, -10, 30, 70], **facts)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="nothing to catalogue"):
        describe(tmp_path / "empty", record=record("x"), bbox=None, **facts)


def test_adding_twice_is_adding_once(tmp_path):
    store = plots.store(tmp_path / "store")
    assert store.list() == []
    first = item(tmp_path)
    first.properties["created"] = "2020-01-01T00:00:00Z"
    store.add(first)
    again = first.clone()
    again.properties["created"] = "2021-01-01T00:00:00Z"
    store.add(again)
    assert [i.id for i in store.list()] == [first.id]
    assert store.get(first.id).properties["created"] == "2020-01-01T00:00:00Z"
    assert (
        store.get(first.id).to_dict(transform_hrefs=False)["assets"]
        == first.to_dict(transform_hrefs=False)["assets"]
    )


def test_get_takes_a_prefix_and_the_whole_hash_and_names_near_misses(tmp_path):
    store = plots.store(tmp_path / "store")
    made = store.add(item(tmp_path))
    assert store.get(made.id[:5]).id == store.get(record("one")).id == made.id
    with pytest.raises(UnknownName, match=f"Near: {made.id}"):
        store.get(made.id[:-1] + ("0" if made.id[-1] != "0" else "1"))
    with pytest.raises(UnknownName):
        store.get("")
    twin = made.clone()
    twin.id = made.id[:6] + "ffffff"
    store.add(twin)
    with pytest.raises(UnknownName, match="begins 2"):
        store.get(made.id[:6])


def test_a_hash_that_only_shares_its_start_is_not_found(tmp_path):
    store = plots.store(tmp_path / "store")
    made = store.add(item(tmp_path))
    with pytest.raises(UnknownName):
        store.get(made.id + "0" * 52)


def test_a_lost_index_is_made_again(tmp_path):
    store = plots.store(tmp_path / "store")
    ids = {store.add(item(tmp_path, word)).id for word in ("one", "two", "three")}
    for file in (tmp_path / "store").glob("index.sqlite*"):
        file.unlink()
    assert {i.id for i in store.list()} == ids
    assert store.reindex() == 3
    assert {i.id for i in store.list()} == ids


ROOT = Path(__file__).resolve().parents[2]
CROWD = """
import hashlib, sys
from pathlib import Path
from landsink.catalogue import describe
from tests.catalogue.plots import store
root, who = Path(sys.argv[1]), int(sys.argv[2])
for n in range(8):
    word = f"{n if n < 4 else (who, n)}"
    store(root / "store").add(
        describe(root / "f.txt", record=hashlib.sha256(word.encode()).hexdigest(), title=word, bbox=None,
                 start="2001-01-01", end="2001-01-02", variables=[], licence="other", citation="")
    )
"""


def test_a_crowd_of_processes_leaves_whole_items(tmp_path):
    (tmp_path / "f.txt").write_text("x")
    env = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(ROOT)])}
    crowd = [
        subprocess.Popen([sys.executable, "-c", CROWD, str(tmp_path), str(i)], env=env) for i in range(3)
    ]
    assert [p.wait(120) for p in crowd] == [0, 0, 0]
    store = plots.store(tmp_path / "store")
    assert len(store.list()) == 4 + 3 * 4 == len(list((tmp_path / "store/items").glob("*.json")))
    assert not list((tmp_path / "store/items").glob(".new-*"))
    assert store.reindex() == 16
