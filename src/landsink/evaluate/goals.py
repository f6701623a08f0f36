"""Goals: what a table of scores must reach, and whether it did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from landsink.core.errors import CaseError, near

KEYS = ("variable", "score", "period", "site", "at_least", "at_most", "of")


@dataclass(frozen=True)
class GoalResult:
    """One goal, the value found (NaN where there is none), whether it is reached, and a sentence."""

    goal: Mapping[str, Any]
    value: float
    passed: bool
    says: str


def check_goals(table: pd.DataFrame, goals: Sequence[Mapping[str, Any]]) -> list[GoalResult]:
    """Hold a score table to its goals.

    A goal has `variable`, `score`, `at_least` and/or `at_most`, and may have `period` (default withheld),
    `site` (a name, `median` or `pooled`, the default) and `of` (a baseline: the bounds are then multiples of its
    score). A goal whose score is absent is not reached. Raises CaseError on a key that no goal has.
    """
    return [_check(table, dict(goal)) for goal in goals]


def baseline_names(table: pd.DataFrame) -> pd.Series:
    """The baseline column as text; a table read back from CSV has NaN where the model itself stands."""
    return table["baseline"].astype(object).where(table["baseline"].notna(), "")


def _check(table: pd.DataFrame, goal: dict[str, Any]) -> GoalResult:
    for key in goal:
        if key not in KEYS:
            raise CaseError(f"A goal has no key '{key}'.", remedy=near(key, KEYS))
    if not {"variable", "score"} <= goal.keys() or not {"at_least", "at_most"} & goal.keys():
        raise CaseError(
            f"The goal {goal} cannot be checked.", "Expected variable, score, and at_least or at_most."
        )
    asked = {"period": "withheld", "site": "pooled"} | goal
    value = _value(table, asked, "")
    reference = _value(table, asked, asked["of"]) if "of" in asked else 1.0
    low = asked.get("at_least", float("-inf")) * reference
    high = asked.get("at_most", float("inf")) * reference
    return GoalResult(asked, value, bool(low <= value <= high), _sentence(asked, value, reference))


def _value(table: pd.DataFrame, asked: Mapping[str, Any], baseline: str) -> float:
    same = baseline_names(table) == baseline
    for key in ("variable", "site", "period", "score"):
        same &= table[key] == asked[key]
    found = table.loc[same, "value"]
    return float(found.iloc[0]) if len(found) else float("nan")


def _sentence(asked: Mapping[str, Any], value: float, reference: float) -> str:
    what = f"{asked['variable']} {asked['score']}, {asked['period']}, {asked['site']}"
    signs = {"at_least": "≥", "at_most": "≤"}
    of = f" × {asked['of']} ({reference:.3g})" if "of" in asked else ""
    bounds = " and ".join(f"{signs[k]} {asked[k]:g}{of}" for k in signs if k in asked)
    return (
        f"{what}: {value:.3g}, wanted {bounds}"
        if value == value
        else f"{what}: no such score, wanted {bounds}"
    )
