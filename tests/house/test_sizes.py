"""Small files, small functions, docstrings, and the names that the house forbids."""

import ast
from statistics import median

from tests.house import tree

FORBIDDEN = {
    "util",
    "utils",
    "helper",
    "helpers",
    "common",
    "misc",
    "manager",
    "handler",
    "handlers",
    "tools",
}
UNFINISHED = ("TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error")


def length(function: tree.Function) -> int:
    return function.end_lineno - function.lineno + 1


def lines(module: str) -> int:
    return len(tree.modules()[module].read_text().splitlines())


def test_file_has_at_most_450_lines():
    assert {m: lines(m) for m in tree.modules() if lines(m) > 450} == {}


def test_the_model_stays_small():
    assert lines("landsink.core.model") <= 300


def test_function_has_at_most_60_lines():
    every = ((m, f) for m in tree.modules() for f in tree.functions(tree.parsed(m)))
    assert {f"{m}.{f.name}": length(f) for m, f in every if length(f) > 60} == {}


def test_median_function_is_under_12_lines():
    lengths = [length(f) for module in tree.modules() for f in tree.functions(tree.parsed(module))]
    assert median(lengths) < 12


def test_module_is_named_for_what_it_holds():
    assert [m for m in tree.modules() if FORBIDDEN & set(m.split("."))] == []


def test_no_function_hides_its_options():
    """A ** argument hides what may be asked."""
    every = ((m, f) for m in tree.modules() for f in tree.functions(tree.parsed(m)))
    assert [f"{m}.{f.name}, line {f.lineno}" for m, f in every if f.args.kwarg] == []


def test_no_module_keeps_changing_state():
    every = ((m, n) for m in tree.modules() for n in ast.walk(tree.parsed(m)))
    assert [f"{m}, line {n.lineno}" for m, n in every if isinstance(n, ast.Global)] == []


def test_nothing_is_left_unfinished():
    every = ((m, path.read_text()) for m, path in tree.modules().items())
    assert [f"{m}: {word}" for m, text in every for word in UNFINISHED if word in text] == []


def test_public_things_say_what_they_are():
    assert [m for m in tree.modules() if not ast.get_docstring(tree.parsed(m))] == []
    every = ((m, n) for m in tree.modules() for n in tree.parsed(m).body)
    public = ((m, n) for m, n in every if isinstance(n, tree.Function | ast.ClassDef) and n.name[0] != "_")
    assert [f"{m}.{n.name}" for m, n in public if not ast.get_docstring(n)] == []
