"""Sphinx configuration; the reference pages are written anew from the code at every build."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from docutils import nodes  # noqa: E402
from docutils.parsers.rst.directives.images import Figure  # noqa: E402
from generate import write_reference  # noqa: E402  (the line above makes it findable)
from sphinx.util.docutils import SphinxDirective  # noqa: E402

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


class Picture(Figure, SphinxDirective):
    """A picture of the portal by its name, or its words where docs/pictures.py did not draw it."""

    def run(self) -> list[nodes.Node]:
        """The figure, or a note."""
        drawn = HERE / "_static" / "portal" / f"{self.arguments[0]}.png"
        if drawn.exists():
            self.arguments[0] = f"/{drawn.relative_to(HERE)}"
            return super().run()
        words = f"{self.options['alt']} (This picture was not drawn in this build.)"
        return [nodes.note("", nodes.paragraph(words, words))]


def setup(app) -> None:
    """Adds the pictures to what a page may hold."""
    app.add_directive("picture", Picture)
    # Pictures come and go between builds: their page is read at every one.
    app.connect("env-get-outdated", lambda *_: ["how-to/use-the-map"])
