"""The commands: thin verbs over cases, runs, the catalogue and the portal."""

import gc

from landsink.cli import accounts, database, growing, portal, runs, shelf
from landsink.cli.page import app

# What is loaded stays: looking through it for rubbish every 700 objects, as Python does, takes a fifth of the start.
gc.set_threshold(50_000)

__all__ = ["accounts", "app", "database", "growing", "portal", "runs", "shelf"]
