"""What the repository must not hold: paths of one machine, hosts of registries, large files."""

import re
import tomllib

from tests.house import tree

# written apart, so that this page does not find itself
PLACES = "(?:" + "|".join(("home", "root", "tmp", "work", "Users")) + ")"
MACHINE_PATH = re.compile(rf"(?:^|[^A-Za-z0-9_.~-])/{PLACES}/[A-Za-z]", re.MULTILINE)
REGISTRY = re.compile("|".join(("py" + r"pi\.org", "python" + r"hosted\.org", "npm" + r"js\.org")))


def names(path):
    return str(path.relative_to(tree.ROOT))


def test_no_path_of_one_machine_and_no_registry_host():
    found = [
        f"{names(path)}: {m.group().strip()}"
        for path in tree.committed()
        for pattern in (MACHINE_PATH, REGISTRY)
        for m in pattern.finditer(path.read_text(errors="replace"))
    ]
    assert found == []


def test_no_large_file():
    assert {names(p): p.stat().st_size for p in tree.committed() if p.stat().st_size >= 2_000_000} == {}


def test_constraints_are_names_and_versions_only():
    rows = (tree.ROOT / "constraints.txt").read_text().splitlines()
    odd = [row for row in rows if not re.fullmatch(r"#.*|[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", row)]
    assert not odd


def test_every_dependency_is_constrained():
    project = tomllib.loads((tree.ROOT / "pyproject.toml").read_text())["project"]
    extras = (row for rows in project["optional-dependencies"].values() for row in rows)
    needed = {plain(row) for row in (*project["dependencies"], *extras)}
    held = {plain(row) for row in (tree.ROOT / "constraints.txt").read_text().splitlines()}
    assert needed <= held, f"not in constraints.txt: {needed - held}"


def plain(requirement: str) -> str:
    """The normalised name of a requirement line."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", requirement)[0]).lower()
