"""The commands: thin verbs over cases, runs, the catalogue and the portal."""

from landsink.cli import runs, shelf
from landsink.cli.page import app

__all__ = ["app", "runs", "shelf"]
