"""The floors of the architecture: who may import whom."""

from graphlib import CycleError, TopologicalSorter

import pytest

from tests.house import tree

COLUMNS = ("models", "sources", "stations", "eo", "observe", "assimilate", "evaluate", "account", "catalogue")
MAY_IMPORT = {
    "core": set(),
    **{column: {"core"} for column in COLUMNS},
    "reanalyse": {"core", "assimilate", "catalogue"},
    "portal": {"core", "account", "catalogue"},
    "bulletin": {"core", "account", "catalogue"},
    "case": {"core", *COLUMNS, "reanalyse", "portal", "bulletin"},
    "cli": {"core", *COLUMNS, "reanalyse", "portal", "bulletin", "case"},
    "__main__": {"cli"},
    "": set(),
}
OPTIONAL_EXTRAS = ("distributed", "dask.distributed")


def ours(module: str) -> list[tree.Import]:
    return [i for i in tree.imports(module) if i.target.split(".")[0] == "landsink"]


def test_module_stands_in_a_known_room():
    assert {m: tree.room(m) for m in tree.modules() if tree.room(m) not in MAY_IMPORT} == {}


def test_imports_keep_to_the_floors():
    wrong = [
        f"{m}, line {i.line}: {i.target}"
        for m in tree.modules()
        for i in ours(m)
        if tree.room(i.target) not in MAY_IMPORT.get(tree.room(m), set()) | {tree.room(m), ""}
    ]
    assert wrong == []


def test_imports_stand_at_the_top():
    every = ((m, i) for m in tree.modules() for i in tree.imports(m))
    inside = ((m, i) for m, i in every if i.inside_function and not i.target.startswith(OPTIONAL_EXTRAS))
    assert [f"{m}, line {i.line}: {i.target}" for m, i in inside] == []


def test_no_circles():
    graph = {
        name: {i.target for i in ours(name) if not i.inside_function and i.target != name}
        for name in tree.modules()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail("imports run in a circle: " + " -> ".join(circle.args[1]))


def test_the_reading_of_imports_sees_what_it_must(monkeypatch, tmp_path):
    text = """
import numpy, landsink.case
from . import flow
from ..models.soil import Icbm
lazy = lazy_loader.load("landsink.sources.era5")
late = Late("landsink.sources.air")
def f():
    from dask.distributed import Client
"""
    path = tmp_path / "process.py"
    path.write_text(text)
    monkeypatch.setattr(tree, "modules", lambda: {"landsink.core.process": path, "landsink.core.flow": path})
    tree.parsed.cache_clear()
    try:
        found = {(i.target, i.inside_function) for i in tree.imports("landsink.core.process")}
    finally:
        tree.parsed.cache_clear()
    assert found == {
        ("numpy", False),
        ("landsink.case", False),
        ("landsink.core.flow", False),
        ("landsink.models.soil", False),
        ("landsink.sources.era5", False),
        ("landsink.sources.air", False),
        ("dask.distributed", True),
    }
