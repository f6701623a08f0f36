"""The handbook keeps up with the code: every command and process is named, links lead somewhere, examples run."""

import ast
import re
from pathlib import Path

import pytest

from docs import generate
from landsink.cli import app
from landsink.core.quantity import vocabulary
from tests.house import tree

DOCS = tree.ROOT / "docs"
PAGES = [
    tree.ROOT / "README.md",
    *sorted(p for p in DOCS.rglob("*.md") if "generated" not in p.parts and "_build" not in p.parts),
]
EXAMPLES = [page for page in PAGES[1:] if "```python" in page.read_text()]


def named(path: Path) -> str:
    return str(path.relative_to(tree.ROOT))


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    generate.write_reference(folder)
    return folder


def process_names() -> list[str]:
    """Public subclasses of Process in landsink.models, by parsing: the generator must find the same ones."""
    trees = (tree.parsed(module) for module in tree.modules() if tree.room(module) == "models")
    classes = [node for page in trees for node in page.body if isinstance(node, ast.ClassDef)]
    return [
        c.name
        for c in classes
        if c.name[0] != "_" and any(ast.unparse(b).endswith("Process") for b in c.bases)
    ]


def commands() -> list[str]:
    return [c.name or c.callback.__name__ for c in app.registered_commands]


def test_every_command_is_explained_and_shown(reference):
    page = (reference / "command-line.md").read_text()
    prose = "\n".join(p.read_text() for p in PAGES)
    for command in commands():
        assert f"## landsink {command}\n" in page
        assert f"landsink {command}" in prose, f"no page of the handbook shows `landsink {command}`"


def test_every_process_has_its_card(reference):
    page = (reference / "processes.md").read_text()
    missing = [name for name in process_names() if f"### {name}\n" not in page]
    assert process_names()
    assert not missing


def test_every_process_names_its_paper():
    silent = [cls.__name__ for cls in generate.process_classes() if not cls.cite]
    assert not silent


def test_every_quantity_is_listed(reference):
    page = (reference / "vocabulary.md").read_text()
    assert not [name for name in vocabulary() if f"| `{name}` |" not in page]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)", page.read_text())
    local = [link for link in links if "://" not in link and "generated/" not in link]
    assert not [link for link in local if not (page.parent / link).exists()]


@pytest.mark.parametrize("page", EXAMPLES, ids=named)
def test_examples_run(page, monkeypatch, tmp_path):
    # A catalogue of the page's own, whatever the page sets.
    monkeypatch.setenv("LANDSINK_HOME", str(tmp_path))
    space = {"__name__": "example"}
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"{page.name} example {number}", "exec"), space)
