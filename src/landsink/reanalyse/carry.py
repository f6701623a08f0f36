"""Parameters carried from where they were learnt to where they are needed."""

import numpy as np

from landsink.core.errors import DataError

from .domain import EARTH_RADIUS


def by_type(ensemble: np.ndarray, learnt: list[str], wanted: list[str], members: int) -> np.ndarray:
    """Members of the group of the same name: (dim, member, group) -> (dim, members, cell).

    A type that was never learnt takes the members of all types, dealt in turn, so that its spread is honest.
    """
    take = np.linspace(0, ensemble.shape[1] - 1, members).astype(int)
    dealt = np.arange(members) % len(learnt)
    columns = [np.full(members, learnt.index(w)) if w in learnt else dealt for w in wanted]
    return np.stack([ensemble[:, take, c] for c in columns], -1)


def by_climate(
    ensemble: np.ndarray,
    here: np.ndarray,
    there: np.ndarray,
    neighbours: int,
    members: int,
    seed: int,
    barred: np.ndarray | None = None,
) -> np.ndarray:
    """Members of the sites most alike in climate, as hydrology carries parameters to ungauged basins.

    ensemble (dim, member, site); here (site, feature), there (cell, feature): climate, any unit. Each member of a
    cell comes from one of its `neighbours` nearest sites (distance in units of the sites' spread), nearer ones more
    often, so that the spread holds both the fit's error and that of the likeness [Parajka et al. 2005,
    doi:10.5194/hess-9-157-2005]. `barred` (cell, site) is true where a site may lend nothing to a cell, which is how
    the carrying is tested at the sites themselves. Returns (dim, members, cell); raises DataError where every site is
    barred.
    """
    barred = np.zeros((len(there), len(here)), bool) if barred is None else barred
    if barred.all(1).any():
        raise DataError(
            f"{int(barred.all(1).sum())} of {len(there)} cells may borrow parameters from no site.",
            "At least one site that is not barred for each cell.",
            "Calibrate at more sites, or bar fewer.",
        )
    scale = here.std(0) + 1e-12
    distance = np.linalg.norm((there[:, None] - here[None]) / scale, axis=-1)
    distance = np.where(barred, np.inf, distance)
    nearest = np.argsort(distance, 1)[:, :neighbours]
    near = np.take_along_axis(distance, nearest, 1)
    weight = 1.0 / (near + 0.25) ** 2
    share = np.cumsum(weight / weight.sum(1, keepdims=True), 1)
    draw = np.random.default_rng(seed)
    # one stratified draw for all cells: a member keeps its rank everywhere, so that maps are coherent
    rank = (draw.permutation(members) + 0.5) / members
    # sums of shares may end a rounding below one, and a barred site comes last with no share at all
    place = np.minimum((rank[None] > share[:, :, None]).sum(1), np.isfinite(near).sum(1)[:, None] - 1)
    donor = np.take_along_axis(nearest, place, 1)
    member = draw.permutation(ensemble.shape[1])[np.arange(members) % ensemble.shape[1]]
    return np.moveaxis(ensemble[:, member[None], donor], -1, 1)


def within_reach(lat: np.ndarray, lon: np.ndarray, kilometres: float) -> np.ndarray:
    """True for pairs of places no further apart than that along the sphere: (site, site); lat, lon in degrees."""
    phi, turn = np.deg2rad(lat), np.deg2rad(lon)
    half = (
        np.sin(0.5 * (phi[:, None] - phi)) ** 2
        + np.cos(phi[:, None]) * np.cos(phi) * np.sin(0.5 * (turn[:, None] - turn)) ** 2
    )
    return 2.0 * EARTH_RADIUS * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0))) <= 1e3 * kilometres
