"""Where a user's own things lie."""

import os
from pathlib import Path


def home() -> Path:
    """The user's folder of landsink: LANDSINK_HOME, or `landsink` in the user's data folder."""
    if folder := os.environ.get("LANDSINK_HOME"):
        return Path(folder)
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "landsink"
