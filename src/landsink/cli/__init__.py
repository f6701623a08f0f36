"""The commands: thin verbs over cases, runs, the catalogue and the portal."""

from landsink.cli import accounts, database, growing, portal, runs, shelf
from landsink.cli.page import app

__all__ = ["accounts", "app", "database", "growing", "portal", "runs", "shelf"]
