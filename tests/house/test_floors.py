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


@pytest.mark.parametrize("module", tree.modules())
def test_module_stands_in_a_known_room(module):
    assert tree.room(module) in MAY_IMPORT, f"{module}: the architecture knows no room '{tree.room(module)}'"


@pytest.mark.parametrize("module", tree.modules())
def test_imports_keep_to_the_floors(module):
    room = tree.room(module)
    reachable = MAY_IMPORT.get(room, set()) | {room, ""}
    wrong = [f"line {i.line}: {i.target}" for i in ours(module) if tree.room(i.target) not in reachable]
    assert not wrong, f"{module} may import only {sorted(reachable - {''})}, found {wrong}"


@pytest.mark.parametrize("module", tree.modules())
def test_imports_stand_at_the_top(module):
    wrong = [
        f"line {i.line}: {i.target}"
        for i in tree.imports(module)
        if i.inside_function and not i.target.startswith(OPTIONAL_EXTRAS)
    ]
    assert not wrong, f"{module} imports inside a function: {wrong}"


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
        ("dask.distributed", True),
    }
