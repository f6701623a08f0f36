"""Sphinx configuration; the reference pages are written anew from the code at every build."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from generate import write_reference  # noqa: E402  (the line above makes it findable)

from landsink import __version__ as release  # noqa: E402

write_reference(HERE / "reference" / "generated")

project = "landsink"
author = "The landsink authors"
extensions = ["myst_parser"]
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"landsink {release}"
