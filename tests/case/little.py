"""A case of landsink's own processes, small enough to be posted, fitted and carried to a map in half a minute."""

from typing import Any

SOURCE = {
    "kind": "VirtualEurope",
    "options": {"seed": 3, "resolution_degrees": 5.0, "first_year": 2001, "last_year": 2003},
}


def case(**more: Any) -> dict[str, Any]:
    """The case as plain data, with tables put in place of its own."""
    return {
        "title": "A little Europe",
        "about": "GENERATED",
        "model": {"step": "month"},
        "domain": {"towers": 6, "source": SOURCE},
        "start": {"cycle_years": 1},
        "twin": {"spread": 0.5},
        "observe": {"gpp": {"kind": "Observation"}},
        "assimilate": {
            "free": ["light.yield_scale"], "group": "all", "members": 4, "starts": 1, "iterations": 2,
            "ensemble_iterations": 1, "folds": 0, "tune": False,
        },
        "map": {"carry": "pft", "members": 3, "cycle_years": 1, "tile": 20, "source": SOURCE},
        "output": {"variables": ["gpp", "nee", "cSoil"]},
        "goal": [{"variable": "gpp", "score": "nse", "at_least": 0.5}],
    } | more  # fmt: skip
