"""Run a case: observations to posterior to re-analysis to scores to catalogue to picture."""

import dataclasses
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
import xarray as xr

from landsink import bulletin, catalogue, evaluate, reanalyse
from landsink.assimilate import Posterior
from landsink.core import door
from landsink.core.errors import CaseError
from landsink.core.record import Record
from landsink.observe import Observation
from landsink.reanalyse.domain import Grid

from . import compose
from .carried import climate, left_out, map_entry, map_members
from .fit import solve
from .page import Case
from .publication import publish
from .setup import (
    Setup,
    first_guess,
    observations,
    predicted,
    prepare,
    site_plan,
    trained,
    with_twin,
)
from .shelf import goals_of

Report = Callable[[str, float], None]
SHOWN = {"kg m-2 s-1": {"carbon": "g m-2 d-1", "water": "kg m-2 d-1"}}


@dataclasses.dataclass(frozen=True)
class Result:
    """Where a run's products lie, what they scored, and which goals were met."""

    folder: Path
    record: str
    scores: pd.DataFrame
    goals: list[Any]
    picture: Path | None


def run(
    case: Case,
    out: Path,
    data: Path | None,
    report: Report,
    resume: bool = False,
    scheduler: str = "",
    place: Path | None = None,
) -> Result:
    """Run a case into `out`; with `resume`, go on from whatever the same record left there.

    place: where `out` is moved when it is whole, before the catalogue learns of it; it stays if not given.
    """
    _claim(out, resume)
    report("forcing", 0.0)
    setup, truth = with_twin(prepare(case, data))
    if case.map and case.map.carry == "climate":
        # a forcing that cannot be compared is told before the fit, not after
        climate(setup.entry, case.domain.source.kind)
    report("forcing", 1.0)
    record = _record(case, setup, data)
    _write_json(out / "record.json", record.as_dict() | {"hash": record.hash})
    seen = observations(setup)
    posterior, seen = _posterior(setup, seen, record, out, report)
    sites = _site_product(setup, posterior, seen, record, out, report)
    table = _scores(setup, posterior, sites, truth, report)
    product = _map_product(setup, posterior, record, out, data, report, scheduler) if case.map else sites
    table = pd.concat([table, _regional(product)], ignore_index=True) if case.map else table
    table.to_csv(out / "scores.csv", index=False)
    report("picture", 0.0)
    picture = bulletin.draw(out)
    report("picture", 1.0)
    if place is not None:
        out, picture = _moved(out, place), picture and place / Path(picture).name
        product = xr.open_zarr(out / "product.zarr")
    register(case, record, out, product, report)
    return Result(out, record.hash, table, goals_of(record.case, table), picture)


def _moved(out: Path, place: Path) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    # One who died between these lines left a folder that nobody describes, or the same run was made before.
    shutil.rmtree(place, ignore_errors=True)
    return out.rename(place)


def _claim(out: Path, resume: bool) -> None:
    if out.exists() and any(out.iterdir()) and not resume:
        raise CaseError(
            f"{out} is not empty.", remedy="Say --resume to go on, or name another folder with --out."
        )
    out.mkdir(parents=True, exist_ok=True)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, default=str) + "\n")


def _record(case: Case, setup: Setup, data: Path | None) -> Record:
    opened = [setup.source]
    if case.map:
        opened.append(compose.source(case.map.source, data, case.model.step))
    return Record.of(case.model_dump(mode="json"), compose.inputs(*opened))


def _posterior(
    setup: Setup, seen: dict[str, Observation], record: Record, out: Path, report: Report
) -> tuple[Posterior, dict[str, Observation]]:
    """Solve, or read what the same record solved before; observations come back with their errors tuned."""
    path = out / "posterior.zarr"
    if not setup.space.size or not seen:
        return _prior_alone(setup), seen
    if path.exists() and xr.open_zarr(path).attrs.get("record") == record.hash:
        stored = xr.open_zarr(path)
        factors = {
            n: dataclasses.replace(o, factor=stored[f"{n}_factor"].to_numpy()) for n, o in seen.items()
        }
        return Posterior.read(stored, setup.space), factors
    posterior, seen = solve(setup, seen, report)
    ds = posterior.dataset(setup.names).assign_attrs(
        record=record.hash, title=f"{setup.case.title}: posterior"
    )
    for name, term in seen.items():
        ds[f"{name}_factor"] = ("cell", np.asarray(term.factor))
    reanalyse.write(ds, path)
    return posterior, seen


def stored_posterior(setup: Setup, path: Path) -> Posterior:
    """The posterior of a finished run, which lies at `path`; the prior's draws where nothing was free or observed."""
    if not setup.space.size or not setup.case.observe:
        return _prior_alone(setup)
    return Posterior.read(xr.open_zarr(path), setup.space)


def _prior_alone(setup: Setup) -> Posterior:
    """Nothing free or nothing observed: the prior's draws, and no diagnostics."""
    size, groups = setup.space.size, len(setup.names)
    draws = jax.random.normal(
        jax.random.PRNGKey(setup.case.assimilate.seed), (size, setup.case.assimilate.members, groups)
    )
    blank = np.zeros((groups, size, size)) + np.eye(size)
    return Posterior(
        setup.space,
        np.zeros((size, groups)),
        draws,
        np.zeros(draws.shape[1:]),
        blank,
        np.zeros(groups),
        np.zeros(groups),
    )


def _site_product(
    setup: Setup,
    posterior: Posterior,
    seen: Mapping[str, Observation],
    record: Record,
    out: Path,
    report: Report,
) -> xr.Dataset:
    """The ensemble at the calibration sites, every step, with predictive intervals."""
    plan = site_plan(setup, np.asarray(posterior.ensemble), seen)
    store = reanalyse.TileStore(out / "tiles", record.hash)
    tiles = [slice(0, len(setup.entry.flag))]
    reanalyse.run_tiles(plan, tiles, store, "sites", lambda what, share: report("sites", share), "")
    ds = reanalyse.assemble(
        tiles,
        store,
        "sites",
        setup.entry.time,
        _as_sites(setup),
        attributes(setup.case, setup.source, record),
    )
    path = out / ("sites.zarr" if setup.case.map else "product.zarr")
    return xr.open_zarr(reanalyse.write(ds, path))


def _as_sites(setup: Setup) -> xr.Dataset:
    cells = setup.entry.cells
    cells = cells.rename({setup.entry.outer: "site"}) if setup.entry.outer != "site" else cells
    return (
        cells.assign_coords(site=[str(s) for s in cells["site"].to_numpy()])
        if "site" in cells.variables
        else cells
    )


def attributes(case: Case, source: Any, record: Record) -> dict[str, str]:
    """Global attributes of a product."""
    return {"title": case.title, "record": record.hash, "licence": case.output.licence, "citation": case.citation,
            "source": record.code, **compose.attributes(source)}  # fmt: skip


def _scores(
    setup: Setup, posterior: Posterior, sites: xr.Dataset, truth: np.ndarray | None, report: Report
) -> pd.DataFrame:
    """The model beside the prior, the mean seasonal cycle, the empirical benchmark and parameters of other sites."""
    report("scores", 0.0)
    names = list(setup.case.observe)
    if not names:
        report("scores", 1.0)
        return _recovery(posterior, truth) if truth is not None else evaluate.no_scores()
    observed = setup.data[names + [f"{n}_sd" for n in names if f"{n}_sd" in setup.data]]
    for name in names:
        observed[f"{name}_withheld"] = (("time", setup.entry.outer), ~trained(setup, name))
    observed = _site_named(observed, setup)
    sites = sites.drop_vars(
        [f"{n}_sd" for n in names]
    )  # the model's spread is no prediction of the instrument's
    baselines = evaluate.baselines(
        _site_named(setup.data, setup), observed, [n for n in names if "time" in observed[n].dims]
    )
    baselines["prior"] = _prior_run(setup, names)
    carried = left_out(setup, posterior, names)
    if carried is not None:
        baselines["carried"] = _site_named(carried, setup)
    units = {n: _shown_unit(n) for n in names}
    table = evaluate.score_table(sites, observed, units, baselines=baselines)
    report("scores", 1.0)
    return pd.concat([table, _recovery(posterior, truth)], ignore_index=True) if truth is not None else table


def _site_named(ds: xr.Dataset, setup: Setup) -> xr.Dataset:
    ds = ds.rename({setup.entry.outer: "site"}) if setup.entry.outer != "site" else ds
    return ds.assign_coords(site=[str(s) for s in ds["site"].to_numpy()])


def _prior_run(setup: Setup, names: list[str]) -> xr.Dataset:
    out = predicted(setup, np.zeros((setup.space.size, len(setup.names))))
    return door.leave({n: out[n] for n in names}, setup.entry.time, _as_sites(setup))


def _shown_unit(name: str) -> str:
    row = door.quantity(name)
    return SHOWN.get(row.unit, {}).get(row.substance, row.unit)


def _recovery(posterior: Posterior, truth: np.ndarray) -> pd.DataFrame:
    """Of a twin: how many true parameters that were informed lie inside their 90 % interval."""
    low, high = posterior.interval(0.9)
    inside = ((truth >= low) & (truth <= high))[posterior.informed]
    row = {"variable": "parameters", "site": "pooled", "period": "trained", "score": "coverage90", "unit": "1",
           "baseline": "", "value": float(inside.mean()) if inside.size else np.nan,
           "n": int(inside.size), "reason": ""}  # fmt: skip
    return pd.DataFrame([row])


def _regional(product: xr.Dataset) -> pd.DataFrame:
    """Annual sums of the map's region, for goals and people; nothing of them was trained on."""
    rows = []
    for name, pair in reanalyse.annual_totals(product).items():
        for score, value in zip(("annual_total", "annual_total_sd"), pair, strict=True):
            rows.append({"variable": name, "site": "region", "period": "withheld", "score": score, "value": value,
                         "unit": "Pg yr-1", "baseline": "", "n": product.sizes["time"], "reason": ""})  # fmt: skip
    return pd.DataFrame(rows)


def _map_product(
    setup: Setup,
    posterior: Posterior,
    record: Record,
    out: Path,
    data: Path | None,
    report: Report,
    scheduler: str,
) -> xr.Dataset:
    """Carry the posterior to the map's cells and run it there in tiles."""
    plan, source = map_plan(setup, posterior, data)
    store = reanalyse.TileStore(out / "tiles", record.hash)
    tiles = reanalyse.split(len(plan.entry.flag), setup.case.map.tile)  # type: ignore[union-attr]
    span = f"map to {plan.entry.time[-1]}"
    reanalyse.run_tiles(plan, tiles, store, span, lambda what, share: report("map", share), scheduler)
    ds = reanalyse.assemble(
        tiles, store, span, months(plan), plan.entry.cells, attributes(setup.case, source, record)
    )
    ds.attrs["last_step"] = str(plan.entry.time[-1])
    return xr.open_zarr(reanalyse.write(ds, out / "product.zarr"))


def months(plan: reanalyse.Plan) -> np.ndarray:
    """First days of the months that a plan covers."""
    return np.unique(plan.entry.time.astype("datetime64[M]")).astype("datetime64[ns]")


def map_plan(
    setup: Setup, posterior: Posterior, data: Path | None, opened: tuple[door.Entry, Any] | None = None
) -> tuple[reanalyse.Plan, Any]:
    """The plan of the map: its forcing, and members for every cell; `opened` is the forcing where it is at hand."""
    page = setup.case.map
    assert page is not None
    entry, source = opened or map_entry(setup, data)
    members = map_members(setup, posterior, entry)
    want = tuple(v for v in setup.case.output.variables if setup.model.offers(v))
    grid = Grid.of(entry.cells)
    start = first_guess(setup.model, setup.case.start.pools, len(entry.flag))
    cycle = entry.cycle(setup.case.model.step, page.cycle_years)
    return reanalyse.Plan(setup.model, setup.stepper, posterior.carried, members, entry, want, start, cycle,
                          area=grid.land(entry.cells) if grid else None, keep=bool(grid) and setup.case.output.members,
                          engine=setup.engine), source  # fmt: skip


def register(
    case: Case, record: Record, out: Path, product: xr.Dataset, report: Report, extends: str = ""
) -> None:
    """Enter a run into the catalogue; `extends` is the record of which it is the next version."""
    box = None
    if "lat" in product.variables and "lon" in product.variables:
        box = [
            float(f(product[n]))
            for f, n in ((np.min, "lon"), (np.min, "lat"), (np.max, "lon"), (np.max, "lat"))
        ]
    item = catalogue.describe(
        out, record=record.hash, title=case.title, bbox=box, start=product["time"].to_numpy()[0],
        end=product["time"].to_numpy()[-1],
        variables=[v for v in case.output.variables if v in product], licence=case.output.licence,
        citation=case.citation or str(product.attrs.get("references", "")), inputs=record.inputs,
    )  # fmt: skip
    if "generated" in product.attrs:
        item.properties["landsink:generated"] = str(product.attrs["generated"]).lower() == "true"
    store = catalogue.Catalogue.configured()
    older = [i.id for i in store.list() if extends and i.properties.get("landsink:record") == extends]
    if older and store.latest(older[0]).id == older[0] != item.id:
        item.properties["landsink:previous"] = older[0]
    store.add(item)
    if box and {"lat", "lon"} <= set(product.dims):
        publish(store, item, product, lambda share: report("release", share))
