"""The source tree as the house tests read it: modules, their imports and their functions, by parsing alone."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "landsink"

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Import(NamedTuple):
    """One imported module and where the import stands."""

    target: str
    line: int
    inside_function: bool


@cache
def modules() -> dict[str, Path]:
    """Every module of the house by its dotted name."""
    return {dotted(path): path for path in sorted(SOURCE.rglob("*.py"))}


def dotted(path: Path) -> str:
    """The dotted name of a source file."""
    parts = ("landsink", *path.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def parsed(module: str) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(modules()[module].read_text())


def room(module: str) -> str:
    """The room in which a module stands: 'core' for 'landsink.core.model', '' for the front door."""
    return (module.split(".") + [""])[1]


def functions(tree: ast.AST) -> Iterator[Function]:
    """Every function and method, nested ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def imports(module: str) -> list[Import]:
    """What a module imports, at its top or in a function, eagerly, late or by lazy_loader.load."""
    tree = parsed(module)
    inside = {id(node) for function in functions(tree) for node in ast.walk(function)}
    return [
        Import(target, node.lineno, id(node) in inside)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Call)
        for target in _targets(module, node)
    ]


def _targets(module: str, node: ast.Import | ast.ImportFrom | ast.Call) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        origin = _origin(module, node)
        inner = [f"{origin}.{alias.name}" for alias in node.names]
        return [name if name in modules() else origin for name in inner]
    return _named_in_call(node)


def _origin(module: str, node: ast.ImportFrom) -> str:
    """The package that `from … import` names, relative dots resolved."""
    if not node.level:
        return node.module or ""
    package = module.split(".")
    if modules()[module].name != "__init__.py":
        package = package[:-1]
    package = package[: len(package) - node.level + 1]
    return ".".join([*package, node.module] if node.module else package)


def _named_in_call(node: ast.Call) -> list[str]:
    """Modules of ours that a call loads by their name, as `lazy_loader.load`, `Late` and `import_module` do."""
    verb = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    first = node.args[0] if node.args else None
    if verb not in {"load", "Late", "import_module", "__import__"} or not isinstance(first, ast.Constant):
        return []
    return [first.value] if str(first.value).startswith("landsink") else []


@cache
def committed() -> tuple[Path, ...]:
    """Text files that are, or are about to be, in the repository."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, check=False)
    names = done.stdout.decode().split("\0") if done.returncode == 0 else _walked()
    paths = (ROOT / name for name in names if name)
    return tuple(path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:4096])


def _walked() -> list[str]:
    """The same without git (an unpacked source archive): everything outside hidden and built folders."""
    built = {"build", "dist", "out", "_build", "generated", "__pycache__"}
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return [str(p) for p in found if not any(part in built or part.startswith(".") for part in p.parts)]
