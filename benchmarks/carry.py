"""How well parameters are carried to where nothing was measured, from a finished run with a map.

    python benchmarks/carry.py out/europe --data DIR

Prints gross primary production (or --variable) at the calibration sites with their own parameters and with those of
sites ever further away; at towers that were never used, by wetness; and the map's mean by latitude and by wetness.
Wetness is rain over the water that half of the sunshine could evaporate.
"""

import argparse
import dataclasses
import os
from pathlib import Path

import numpy as np
import xarray as xr

from landsink.case.carried import climate, left_out, map_entry, map_members
from landsink.case.page import Case
from landsink.case.pipeline import stored_posterior
from landsink.case.setup import Setup, completed, first_guess, forcing_names, prepare, site_plan, trained
from landsink.case.shelf import stored
from landsink.core import door
from landsink.evaluate.score import r2
from landsink.reanalyse import Plan
from landsink.reanalyse.runner import compute
from landsink.sources import FluxVal

YEAR = 365.2425 * 86400.0
LATENT = 2.45e6  # J kg-1
WETNESS = (0.0, 0.2, 0.4, 0.65, 1.0, 1.5, np.inf)
BANDS = np.arange(30.0, 76.0, 5.0)
REACHES = (0.0, 100.0, 300.0, 1000.0)  # km


def wetness(entry: door.Entry) -> np.ndarray:
    """Rain over the water that half of the sunshine could evaporate: (cell,)."""
    rain, light = (
        np.broadcast_to(entry.arrays[n], (len(entry.time), len(entry.flag))) for n in ("pr", "rsds")
    )
    return rain.mean(0) * LATENT / (0.5 * light.mean(0))


def row(label: str, observed: np.ndarray, predicted: np.ndarray) -> str:
    """Scores of (time, site) in kg m-2 s-1; annual means in g m-2 yr-1, means in g m-2 d-1."""
    known = np.isfinite(observed) & np.isfinite(predicted)
    obs, pred = observed[known], predicted[known]
    single = [r2(observed[:, i : i + 1], predicted[:, i : i + 1], 12) for i in range(observed.shape[1])]
    bias = 8.64e7 * (pred - obs).mean()
    return (
        f"{label:<34} {known.any(0).sum():>5} {known.sum():>7} {r2(observed, predicted, 12):>7.3f}"
        f" {np.nanmedian(single):>7.3f} {bias:>8.2f} {8.64e7 * obs.mean():>8.2f}"
    )


def at_sites(setup: Setup, folder: Path, name: str) -> None:
    """Own parameters beside those of other sites, on the months kept for validation."""
    posterior = stored_posterior(setup, folder / "posterior.zarr")
    withheld = ~trained(setup, name)
    observed = np.where(withheld if withheld.any() else True, door.observed(setup.data, name), np.nan)
    print(
        f"{'at the calibration sites':<34} {'sites':>5} {'months':>7} {'r2':>7} {'median':>7} {'bias':>8} {'mean':>8}"
    )
    own = compute(site_plan(setup, np.asarray(posterior.ensemble), {}))[name]
    print(row("own parameters", observed, own))
    for reach in REACHES:
        carried = left_out(setup, posterior, [name], reach)
        label = f"others', more than {reach:g} km away"
        print(f"{label:<34} no donor" if carried is None else row(label, observed, carried[name].to_numpy()))


def at_strangers(setup: Setup, folder: Path, cells: door.Entry, name: str) -> None:
    """Towers that were not calibrated, of climates no stranger than the map's cells."""
    source = dataclasses.replace(setup.source, region="world", least_months=0)
    ds = source.open()
    ds = ds.sel(site=[s for s in ds["site"].to_numpy() if str(s) not in setup.names])
    whole = (ds[name].groupby("time.month").count("time") > 0).all("month")
    ds = ds.isel(site=np.flatnonzero(whole))
    entry = door.enter(
        completed(ds, setup.case.domain.constants),
        forcing_names(setup.model),
        setup.case.model.step,
        "FluxVal",
    )
    here, there, mapped = (climate(e, "the forcing") for e in (setup.entry, entry, cells))
    like = nearest(here, there) <= np.quantile(nearest(here, mapped[cells.good]), 0.95)
    predicted = carried_to(setup, folder, entry, name)
    observed, wet = door.observed(ds, name), wetness(entry)
    print(f"\n{'at towers never used, by wetness':<34} of {like.sum()} whose climate the map has")
    for low, high in zip(WETNESS[:-1], WETNESS[1:], strict=True):
        chosen = like & (wet >= low) & (wet < high)
        if chosen.any():
            print(row(f"{low:g} to {high:g}", observed[:, chosen], predicted[:, chosen]))
    print(row("all", observed[:, like], predicted[:, like]))


def nearest(here: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Distance to the nearest site in units of the sites' spread: (cell,)."""
    return np.linalg.norm((there[:, None] - here[None]) / here.std(0), axis=-1).min(1)


def carried_to(setup: Setup, folder: Path, entry: door.Entry, name: str) -> np.ndarray:
    """Mean of the carried members, as the map makes it: (time, cell)."""
    posterior, page = stored_posterior(setup, folder / "posterior.zarr"), setup.case.map
    assert page is not None
    start = first_guess(setup.model, setup.case.start.pools, len(entry.flag))
    cycle = entry.cycle(setup.case.model.step, page.cycle_years)
    members = map_members(setup, posterior, entry)
    plan = Plan(setup.model, setup.stepper, posterior.carried, members, entry, (name,), start, cycle)
    return compute(plan)[name]


def over_the_map(product: xr.Dataset, cells: door.Entry, name: str) -> None:
    """Land-area-weighted mean and sum of the map by latitude and by wetness."""
    days = product["time"].dt.days_in_month
    rate = (product[name] * days).sum("time", skipna=False) / days.sum()
    land = (product["areacella"] * product["sftlf"] / 100.0).where(rate.notnull())
    places = {
        axis: xr.DataArray(cells.cells[axis].to_numpy().astype(float), dims="cell") for axis in ("lat", "lon")
    }
    flux, area = (a.sel(places, method="nearest").to_numpy() for a in (rate, land))
    known = np.isfinite(flux)
    print(f"\n{'the map':<34} {'cells':>5} {'Mkm2':>7} {'g m-2 yr-1':>10} {'Pg yr-1':>8}")
    for title, values, edges in (
        ("latitude", places["lat"].to_numpy(), BANDS),
        ("wetness", wetness(cells), WETNESS),
    ):
        for low, high in zip(edges[:-1], edges[1:], strict=True):
            part = known & (values >= low) & (values < high)
            if part.any():
                print(_band(f"{title} {low:g} to {high:g}", flux[part], area[part]))
    print(_band("all", flux[known], area[known]))


def _band(label: str, flux: np.ndarray, area: np.ndarray) -> str:
    total = float((flux * area).sum())
    return (
        f"{label:<34} {len(flux):>5} {area.sum() / 1e12:>7.3f} {1e3 * YEAR * total / area.sum():>10.0f}"
        f" {1e-12 * YEAR * total:>8.2f}"
    )


def main() -> None:
    """Read the run, then print the three tables."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("folder", type=Path, help="the folder of a finished run with a map carried by climate")
    words.add_argument("--data", type=Path, default=os.environ.get("LANDSINK_DATA"), help="root of the data")
    words.add_argument("--variable", default="gpp")
    asked = words.parse_args()
    case = Case.model_validate(stored(asked.folder)["case"])
    setup = prepare(case, asked.data)
    cells, _ = map_entry(setup, asked.data)
    at_sites(setup, asked.folder, asked.variable)
    if isinstance(setup.source, FluxVal):
        at_strangers(setup, asked.folder, cells, asked.variable)
    over_the_map(xr.open_zarr(asked.folder / "product.zarr"), cells, asked.variable)


if __name__ == "__main__":
    main()
