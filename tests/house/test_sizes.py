"""Small files, small functions, docstrings, and the names that the house forbids."""

import ast
from statistics import median

import pytest

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


@pytest.mark.parametrize("module", tree.modules())
def test_file_has_at_most_450_lines(module):
    assert lines(module) <= 450


def test_the_model_stays_small():
    assert lines("landsink.core.model") <= 300


@pytest.mark.parametrize("module", tree.modules())
def test_function_has_at_most_60_lines(module):
    long = {f.name: length(f) for f in tree.functions(tree.parsed(module)) if length(f) > 60}
    assert not long, f"{module}: {long}"


def test_median_function_is_under_12_lines():
    lengths = [length(f) for module in tree.modules() for f in tree.functions(tree.parsed(module))]
    assert median(lengths) < 12


@pytest.mark.parametrize("module", tree.modules())
def test_module_is_named_for_what_it_holds(module):
    assert not FORBIDDEN & set(module.split("."))


@pytest.mark.parametrize("module", tree.modules())
def test_no_function_hides_its_options(module):
    hiding = [f"{f.name} (line {f.lineno})" for f in tree.functions(tree.parsed(module)) if f.args.kwarg]
    assert not hiding, f"{module}: a ** argument hides what may be asked: {hiding}"


@pytest.mark.parametrize("module", tree.modules())
def test_no_module_keeps_changing_state(module):
    stated = [n.lineno for n in ast.walk(tree.parsed(module)) if isinstance(n, ast.Global)]
    assert not stated, f"{module}: `global` in lines {stated}"


@pytest.mark.parametrize("module", tree.modules())
def test_nothing_is_left_unfinished(module):
    text = tree.modules()[module].read_text()
    assert not [word for word in UNFINISHED if word in text]


@pytest.mark.parametrize("module", tree.modules())
def test_public_things_say_what_they_are(module):
    page = tree.parsed(module)
    public = [n for n in page.body if isinstance(n, tree.Function | ast.ClassDef) and n.name[0] != "_"]
    silent = [n.name for n in public if not ast.get_docstring(n)]
    assert ast.get_docstring(page), f"{module} has no docstring"
    assert not silent, f"{module}: no docstring on {silent}"
