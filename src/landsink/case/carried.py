"""Parameters at the places of a map, and the test of carrying them: at sites that lend nothing to themselves."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from landsink import reanalyse
from landsink.assimilate import Posterior
from landsink.core import door
from landsink.core.errors import CaseError
from landsink.reanalyse.runner import compute

from . import compose
from .page import MapPage
from .setup import Setup, completed, first_guess, forcing_names, site_plan

CLIMATE = ("tas", "pr", "rsds", "vpd")
REACH = 100.0  # km, about a cell of a continental map: sites so near share weather, soil and often their footprint


def map_entry(setup: Setup, data: Path | None) -> tuple[door.Entry, Any]:
    """The forcing of a map's cells, and the source that it came from."""
    page = _map_page(setup)
    source = compose.source(page.source, data, setup.case.model.step)
    given = completed(source.open(), setup.case.domain.constants)
    names = forcing_names(setup.model)
    return door.enter(given, names, setup.case.model.step, page.source.kind), source


def map_members(setup: Setup, posterior: Posterior, entry: door.Entry) -> np.ndarray:
    """Members of the carried parameters for every cell of a map: (dim, member, cell)."""
    page = _map_page(setup)
    if page.carry == "climate":
        return _by_climate(setup, posterior, climate(entry, page.source.kind))
    labels = compose.groups(setup.case.assimilate.model_copy(update={"group": "pft"}), entry.cells)
    return reanalyse.by_type(_carried(setup, posterior), setup.names, labels, page.members)


def climate(entry: door.Entry, source: str) -> np.ndarray:
    """Mean and seasonal range of temperature, rain, light and dryness: (cell, feature).

    Raises CaseError where the model's forcing lacks one of them.
    """
    arrays, cells = entry.arrays, len(entry.flag)
    lacking = [name for name in CLIMATE if name not in arrays]
    if lacking:
        raise CaseError(
            f"map.carry = 'climate' compares {', '.join(CLIMATE)}, and this model takes no {', '.join(lacking)}"
            f" from {source}.",
            "A model that is forced by all four.",
            "Say map.carry = 'pft', or compose processes that read them.",
        )
    full = {n: np.broadcast_to(arrays[n], (len(entry.time), cells)) for n in CLIMATE}
    features = [
        full["tas"].mean(0),
        full["tas"].std(0),
        np.sqrt(full["pr"].mean(0)),
        full["rsds"].mean(0),
        np.sqrt(full["vpd"].mean(0)),
    ]
    return np.stack(features, 1)


def left_out(
    setup: Setup, posterior: Posterior, names: list[str], kilometres: float = REACH
) -> xr.Dataset | None:
    """What the map's way of carrying says of each calibration site, from the other sites' parameters alone.

    A site takes nothing from its own group, nor from a site within `kilometres`; state and pools start as the map's
    do. Returns means of the members, (time, site), or None where the test cannot be made: parameters that are not
    carried by climate, or learnt in one group.
    """
    page = setup.case.map
    if page is None or page.carry != "climate":
        return None
    group, cells = setup.group, setup.entry.cells
    barred = group[:, None] == group
    if "lat" in cells and "lon" in cells:
        lat, lon = (cells[axis].to_numpy().astype(float) for axis in ("lat", "lon"))
        barred |= reanalyse.within_reach(lat, lon, kilometres)
    if barred.all(1).any():
        return None
    members = _by_climate(setup, posterior, climate(setup.entry, setup.case.domain.source.kind), barred)
    plan = dataclasses.replace(
        site_plan(setup, members, {}),
        space=posterior.carried,
        start=first_guess(setup.model, setup.case.start.pools, len(setup.entry.flag)),
        cycle=setup.entry.cycle(setup.case.model.step, page.cycle_years),
    )
    out = compute(plan)
    return door.leave({n: out[n] for n in names}, setup.entry.time, cells)


def _map_page(setup: Setup) -> MapPage:
    if setup.case.map is None:
        raise CaseError(f"the case '{setup.case.title}' has no [map].", remedy="Say where to carry it.")
    return setup.case.map


def _carried(setup: Setup, posterior: Posterior) -> np.ndarray:
    rows = [setup.space.names.index(n) for n in posterior.carried.names]
    return np.asarray(posterior.ensemble)[rows]


def _by_climate(
    setup: Setup, posterior: Posterior, there: np.ndarray, barred: np.ndarray | None = None
) -> np.ndarray:
    page = _map_page(setup)
    here = climate(setup.entry, setup.case.domain.source.kind)
    ensemble = _carried(setup, posterior)[..., setup.group]
    return reanalyse.by_climate(
        ensemble, here, there, page.neighbours, page.members, setup.case.assimilate.seed, barred
    )
