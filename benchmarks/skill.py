"""Skill at every site, beside what two other systems reached at the same places on the same kind of split.

Usage: `python -m benchmarks.skill DAILY EUROPE TOWERS`, the folders of `landsink run tharandt --set domain.sites=`,
`landsink run europe` and `landsink run towers`. The others are read from LANDSINK_DATA: DifferLand
(`da/reference/differland`, NSE of daily values, second half withheld) and CARDAMOM's chains (`da/reference/cardamom`,
R2 of monthly values, the same withheld half). Coverage is that of the 90 % predictive interval.
"""

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd

SUMMED = ("median", "pooled", "region")
DAILY = {"gpp": ("GPP", 0.76), "evspsbl": ("ET", 0.72), "lai": ("LAI", 0.83)}
MONTHLY = {"gpp": ("GPP", 0.89), "nee": ("NBE", 0.66), "evspsbl": ("ET", 0.85)}
COVER = (0.85, 0.95)


def ours(folder: Path, score: str) -> pd.DataFrame:
    """(site, variable) of a run's own score over withheld values."""
    table = pd.read_csv(folder / "scores.csv", low_memory=False)
    mine = table[table.baseline.isna() & (table.period == "withheld") & (table.score == score)]
    return mine.pivot_table(index="site", columns="variable", values="value")


def differland(data: Path) -> pd.DataFrame:
    """(site, variable) of DifferLand's physical configuration, `default`."""
    table = pd.read_csv(data / "da/reference/differland/skill_16sites.csv")
    table = table[table.cfg == "default"].set_index("site")
    return table[[f"{n}_val_nse" for n, _ in DAILY.values()]].set_axis(list(DAILY), axis=1)


def cardamom(data: Path) -> pd.DataFrame:
    """(site, variable) of CARDAMOM's chains."""
    table = pd.read_csv(data / "da/reference/cardamom/fluxval_mcmc_skill.csv").set_index("site")
    return table[[f"{n}_val_r2" for n, _ in MONTHLY.values()]].set_axis(list(MONTHLY), axis=1)


def beside(mine: pd.DataFrame, theirs: pd.DataFrame, goals: dict[str, tuple[str, float]]) -> None:
    """Print every site of ours, the other system's figure in brackets, and medians against the goals."""
    sites = [s for s in mine.index if s not in SUMMED]
    for site in sites:
        cells = []
        for name, (label, _) in goals.items():
            other = theirs[name].get(site, np.nan)
            cells.append(f"{label} {mine.at[site, name]:6.2f} ({other:5.2f})")
        print(f"{site:8s} " + "  ".join(cells))
    shared = [s for s in sites if s in theirs.index]
    print(f"{len(sites)} sites, {len(shared)} of them in the other table")
    for name, (label, goal) in goals.items():
        all_sites, both = mine.loc[sites, name].median(), mine.loc[shared, name].median()
        better = (mine.loc[shared, name] > theirs.loc[shared, name]).sum()
        word = "reached" if all_sites >= goal else "missed"
        other = theirs.loc[shared, name].median()
        print(f"{label}: median {all_sites:.3f}, wanted {goal}: {word}")
        print(f"  at shared sites {both:.3f} against {other:.3f}, better at {better} of {len(shared)}")


def coverage(folder: Path, what: str) -> None:
    """Print how much of the withheld values the 90 % intervals hold, pooled and at the median site."""
    table = ours(folder, "coverage90")
    for name in ("gpp", "nee", "evspsbl"):
        pooled, median = table.at["pooled", name], table.drop(index=[*SUMMED], errors="ignore")[name].median()
        word = "reached" if COVER[0] <= pooled <= COVER[1] else "missed"
        print(f"{what} {name}: 90 % intervals cover {pooled:.3f} of withheld values, {median:.3f} at the median site; "
              f"wanted {COVER[0]}-{COVER[1]}: {word}")  # fmt: skip


def main() -> None:
    """Print both tables."""
    daily, europe, towers = (Path(a) for a in sys.argv[1:4])
    data = Path(os.environ.get("LANDSINK_DATA", ""))
    print("daily, NSE of the withheld half, landsink (DifferLand, physical)")
    beside(ours(daily, "nse"), differland(data), DAILY)
    print("\nmonthly, R2 of the withheld half, landsink (CARDAMOM)")
    beside(ours(europe, "r2"), cardamom(data), MONTHLY)
    print()
    coverage(daily, "daily")
    coverage(towers, "monthly")


if __name__ == "__main__":
    main()
