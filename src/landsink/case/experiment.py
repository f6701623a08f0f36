"""An experiment: what a finished map would have been with other parameters or another process, on the same members."""

import dataclasses
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pystac
import xarray as xr
from pydantic import ValidationError

from landsink import catalogue, reanalyse
from landsink.core import door
from landsink.core import engine as engines
from landsink.core.errors import CaseError, DataError, LandsinkError
from landsink.core.record import Record
from landsink.portal.jobs.contract import Reporter
from landsink.reanalyse import Plan, TileStore
from landsink.reanalyse.runner import compute

from . import compose
from .changes import MOST_CELLS, Experiment, changed_case, changed_members
from .page import Case
from .pipeline import attributes, map_plan, months, stored_posterior
from .publication import publish
from .setup import Setup, opened
from .shelf import stored

OUTSIDE = -1  # the quality flag of what is not in the domain
# Between code versions a control may differ by so much of a variable's own spread before it is said.
ALIKE = 1e-3


@dataclasses.dataclass(frozen=True)
class Base:
    """A finished run with a map: its item, the folder on this machine, its record and case."""

    store: catalogue.Catalogue
    item: pystac.Item
    folder: Path
    record: Mapping[str, Any]
    case: Case

    @property
    def product(self) -> xr.Dataset:
        """Its map."""
        return xr.open_zarr(self._there("product"))

    @property
    def posterior(self) -> Path:
        """Where its posterior lies, if it has one."""
        return self._there("posterior") if "posterior" in self.item.assets else self.folder / "posterior.zarr"

    def _there(self, key: str) -> Path:
        path = self.store.asset(self.item, key)
        if not path.exists():
            raise DataError(
                f"The {key} of '{self.item.id}' is gone.",
                f"{path}, which its item names.",
                "Run the case again.",
            )
        return path


def base(store: catalogue.Catalogue, name: str) -> Base:
    """The run that an experiment starts from; DataError where it is none, or has no map."""
    item = store.get(name)
    if "record" not in item.assets or item.properties.get("landsink:kind", "run") != "run":
        raise DataError(f"'{item.id}' is no run.", "A finished run of a case with [map].")
    folder = store.asset(item, "record").parent
    record = stored(folder)
    if not isinstance(record.get("case"), dict):
        raise DataError(
            f"The record of '{item.id}' holds no case.", "A run of landsink.", "Run the case again."
        )
    if of := record["case"].get("experiment"):
        raise DataError(
            f"'{item.id}' is an experiment itself.",
            "A run.",
            f"Start from {of['base'][:12]} and give both changes.",
        )
    try:
        case = Case.model_validate(record["case"])
    except ValidationError:
        raise DataError(
            f"'{item.id}' was made by another landsink ({record.get('code', '')}), whose case is not read any more.",
            "A run of this version.",
            "Run the case again.",
        ) from None
    if case.map is None:
        raise DataError(f"'{item.id}' has no map.", "A run of a case with [map].", "Experiments run on maps.")
    return Base(store, item, folder, record, case)


# --- where and when


def chosen(page: Experiment, cells: xr.Dataset, flag: np.ndarray) -> np.ndarray:
    """Numbers of the cells that an experiment runs on; CaseError where there are none."""
    lat, lon = (cells[n].to_numpy().astype(float) for n in ("lat", "lon"))
    good = flag == door.OK
    if page.cell is not None:
        away = np.hypot(lat - page.cell.lat, (lon - page.cell.lon + 180) % 360 - 180)
        at = int(np.argmin(np.where(good, away, np.inf)))
        height, width = (np.diff(np.unique(x)).min(initial=np.inf) for x in (lat, lon))
        near = abs(lat[at] - page.cell.lat) <= height / 2 + 1e-9
        if not near or abs((lon[at] - page.cell.lon + 180) % 360 - 180) > width / 2 + 1e-9:
            raise CaseError(
                f"no cell of the map holds {page.cell.lat:g}, {page.cell.lon:g}.", _extent(lat, lon)
            )
        return np.array([at])
    if page.bbox is None:
        return np.flatnonzero(good)
    west, south, east, north = page.bbox
    if not (-90 <= south <= north <= 90 and -180 <= west <= 360 and -180 <= east <= 360):
        raise CaseError(f"{list(page.bbox)} is no box.", "West, south, east, north in degrees.")
    round_ = (lon - west) % 360 <= ((east - west) % 360 or 360.0 * (east != west))
    found = np.flatnonzero(good & round_ & (lat >= south) & (lat <= north))
    if not len(found):
        raise CaseError("no cell of the map lies in the box.", _extent(lat, lon))
    return found


def _extent(lat: np.ndarray, lon: np.ndarray) -> str:
    return f"The map reaches from {lon.min():g} to {lon.max():g}° east and {lat.min():g} to {lat.max():g}° north."


def span(page: Experiment, time: np.ndarray) -> tuple[np.datetime64, np.datetime64]:
    """First and last month of an experiment; CaseError where the run has none of them."""
    first, last = time.astype("datetime64[M]")[[0, -1]]
    start = np.datetime64(page.start[:7], "M") if page.start else first
    end = np.datetime64(page.end[:7], "M") if page.end else last
    if not first <= start <= end <= last:
        raise CaseError(f"{start} to {end} is not a part of the run.", f"Within {first} to {last}.")
    return start, end


# --- the run


@dataclasses.dataclass(frozen=True)
class Prepared:
    """An experiment made ready: its plan with the cells that count first, and what its product will say."""

    plan: Plan
    inside: int
    months: tuple[np.datetime64, np.datetime64]
    case: Case
    record: Record
    source: Any
    control: Callable[[], Plan]

    @property
    def id(self) -> str:
        """Identifier of its product."""
        return catalogue.identifier(self.record.hash)

    @property
    def tiles(self) -> list[slice]:
        """Equal tiles, so that one compilation serves all; the last may reach beyond the cells that count."""
        count = -(-self.inside // MOST_CELLS)
        size, total = -(-self.inside // count), len(self.plan.entry.flag)
        return [slice(i * size, min((i + 1) * size, total)) for i in range(count)]


def ready(page: Experiment, of: Base, data: Path | None, report: Reporter) -> Prepared:
    """Everything that an experiment needs before the first tile. Raises what a wrong request deserves."""
    report("the base run's members", 0.02)
    page = page.model_copy(update={"base": of.record["hash"]})
    case, told = changed_case(of.case, page)
    setup = opened(of.case, data)
    posterior = stored_posterior(setup, of.posterior)
    new = _changed(setup, case)
    members, said = changed_members(posterior, new.space, new.model, page, case.assimilate.seed)
    for line in [*told, *said]:
        report.say(line)
    report("forcing", 0.1)
    informed = dataclasses.replace(posterior, space=new.space, ensemble=jnp.asarray(members))
    plan, source = map_plan(new, informed, data)
    cells = chosen(page, plan.entry.cells, plan.entry.flag)
    period = span(page, plan.entry.time)
    record = Record.of(
        case.model_dump(mode="json") | {"experiment": page.model_dump(mode="json")},
        compose.inputs(setup.source, source),
    )
    first = np.concatenate([cells, np.setdiff1d(np.arange(len(plan.entry.flag)), cells)])

    def control() -> Plan:
        same = set(new.model.forcing) == set(setup.model.forcing)
        made, _ = map_plan(setup, posterior, data, (plan.entry, source) if same else None)
        return _cut(made, first, len(cells), period[1])

    return Prepared(
        _cut(plan, first, len(cells), period[1]), len(cells), period, case, record, source, control
    )


def _changed(setup: Setup, case: Case) -> Setup:
    """What a changed case stands on. The same model stays the same object, so that it is compiled once."""
    if case.model == setup.case.model:
        kept = case.assimilate == setup.case.assimilate
        return dataclasses.replace(
            setup, case=case, space=setup.space if kept else compose.space(setup.model, case)
        )
    model, stepper = compose.compose(case.model), compose.stepper(case.model)
    engine = engines.choose(case.model.engine, case.model.precision, model, stepper)
    space = compose.space(model, case)
    return dataclasses.replace(setup, case=case, model=model, stepper=stepper, space=space, engine=engine)


def _cut(plan: Plan, order: np.ndarray, inside: int, end: np.datetime64) -> Plan:
    """A plan with its cells in another order, of which only the first count, up to a month."""
    steps = plan.entry.time.astype("datetime64[M]") <= end
    entry = plan.entry.cut(order).when(steps)
    flag = np.where(np.arange(len(order)) < inside, entry.flag, OUTSIDE).astype(np.int8)
    return dataclasses.replace(
        plan,
        members=plan.members[..., order],
        entry=dataclasses.replace(entry, flag=flag),
        start={k: v[..., order] for k, v in plan.start.items()},
        cycle=plan.cycle and plan.cycle.cut(order),
        area=None if plan.area is None else plan.area[order],
    )


def differs(made: Prepared, of: Base) -> dict[str, float]:
    """How far this code's own control lies from the base product on the first tile, in shares of each variable's σ.

    The base product is the control; where another version of the code made it, that has to be checked.
    """
    tile = made.tiles[0]
    part = made.control().part(slice(tile.start, min(tile.stop, tile.start + MOST_CELLS)))
    out, product, found = compute(part), of.product, {}
    count = min(made.inside, len(part.entry.flag))
    lat, lon = (xr.DataArray(part.entry.cells[n].to_numpy()[:count], dims="cell") for n in ("lat", "lon"))
    for name in part.want:
        kept = product[name].sel(lat=lat, lon=lon, method="nearest").transpose("time", "cell").to_numpy()
        new = out[name][:, :count]
        kept = kept[: len(new)]
        found[name] = float(np.nanmax(np.abs(new - kept)) / (np.nanstd(kept) + 1e-30))
    return found


def run(
    page: Experiment,
    store: catalogue.Catalogue,
    folder: Path,
    data: Path | None,
    report: Reporter,
    scheduler: str = "",
) -> str:
    """Run an experiment in `folder`, go on from what lies there, and enter its product; its identifier.

    The product lies on the base's grid, empty outside the chosen cells, so that the two may be subtracted.
    """
    of = base(store, page.base)
    # A base whose map went while the job waited leaves nothing to compare with.
    of.product.close()
    made = ready(page, of, data, report)
    if (known := _known(store, made.id)) is not None:
        report.say("The same experiment is in the catalogue already.")
        return _published(known, store.asset(known, "product"), store, report)
    report.say(
        f"{made.inside} cells, {made.plan.members.shape[1]} members, {made.months[0]} to {made.months[1]}."
    )
    checked = _checked(made, of, report)
    tiles, work = made.tiles, TileStore(folder / "tiles", made.record.hash)
    label = f"map to {made.plan.entry.time[-1]}"
    reanalyse.run_tiles(
        made.plan, tiles, work, label, lambda _, share: report("map", 0.25 + 0.6 * share), scheduler
    )
    report("writing", 0.86)
    ds = _product(made, of, page, work, label).assign_attrs(control_check=checked)
    path = folder / "run"
    path.mkdir(parents=True, exist_ok=True)
    reanalyse.write(ds, path / "product.zarr")
    record = made.record.as_dict() | {"hash": made.record.hash}
    (path / "record.json").write_text(json.dumps(record, indent=1, default=str) + "\n")
    report("catalogue", 0.95)
    return _enter(made, of, page, path, ds, store, report)


def _known(store: catalogue.Catalogue, name: str) -> pystac.Item | None:
    try:
        return store.get(name)
    except LandsinkError:
        return None


def _checked(made: Prepared, of: Base, report: Reporter) -> str:
    """Whether the base's product may serve as the control, in words."""
    if of.record.get("code") == made.record.code:
        return "The base product is the control: made by the same code."
    report("control", 0.2)
    far = {n: x for n, x in differs(made, of).items() if not x <= ALIKE}
    if not far:
        said = "The base product is the control: this code gives the same, checked on the first tile."
    else:
        worst = ", ".join(f"{n} by {x:.2g} σ" for n, x in far.items())
        said = f"Another version of landsink made the base; its own control would differ: {worst}."
    report.say(said)
    return said


def _product(made: Prepared, of: Base, page: Experiment, work: TileStore, label: str) -> xr.Dataset:
    """Tiles put together on the base's grid; what was not run is empty."""
    tiles, total = made.tiles, len(made.plan.entry.flag)
    if tiles[-1].stop < total:
        rest = slice(tiles[-1].stop, total)
        work.save(rest, _empty(work.load(tiles[0], label), total - rest.start), label)
        tiles = [*tiles, rest]
    said = attributes(made.case, made.source, made.record) | {
        "title": title(page, of.case),
        "experiment": str(page),
        "control": of.item.id,
        "comment": "Each member is run from its own steady state of the changed model. Empty outside the experiment.",
    }
    ds = reanalyse.assemble(tiles, work, label, months(made.plan), made.plan.entry.cells, said)
    ds.attrs["last_step"] = str(made.plan.entry.time[-1])
    return ds.sel(time=slice(made.months[0].astype("datetime64[ns]"), None))


def _empty(like: Mapping[str, np.ndarray], cells: int) -> dict[str, np.ndarray]:
    """A tile of cells that were not run."""
    blank: dict[str, Any] = {"flag": np.full(cells, OUTSIDE, np.int8), "weight": 0.0}
    for name, values in like.items():
        if name.startswith("total/"):
            blank[name] = np.zeros_like(values)
        elif name.startswith("member/") or ("/" not in name and name not in blank):
            blank[name] = np.full((*values.shape[:-1], cells), np.nan, values.dtype)
    return blank


def title(page: Experiment, case: Case) -> str:
    """The title of an experiment's product."""
    return page.title or f"Experiment on {case.title}: {page}"


def _enter(
    made: Prepared,
    of: Base,
    page: Experiment,
    path: Path,
    ds: xr.Dataset,
    store: catalogue.Catalogue,
    report: Reporter,
) -> str:
    """Move a finished experiment to its place and describe it; only then is it in the catalogue."""
    place = store.root / "experiments" / made.id
    place.parent.mkdir(parents=True, exist_ok=True)
    # One who died between these lines left a folder that nobody describes.
    shutil.rmtree(place, ignore_errors=True)
    path.rename(place)
    cells = made.plan.entry.cells.isel({made.plan.entry.outer: slice(0, made.inside)})
    box = [
        float(f(cells[n])) for f, n in ((np.min, "lon"), (np.min, "lat"), (np.max, "lon"), (np.max, "lat"))
    ]
    item = catalogue.describe(
        place, record=made.record.hash, title=title(page, of.case), bbox=box, start=ds["time"].to_numpy()[0],
        end=ds["time"].to_numpy()[-1], variables=_variables(made, ds), licence=made.case.output.licence,
        citation=of.case.citation or str(ds.attrs.get("references", "")), inputs=[of.item.id, *made.record.inputs],
    )  # fmt: skip
    item.properties |= {"landsink:experiment": str(page), "landsink:control": of.item.id}
    name = _published(store.add(item), place / "product.zarr", store, report)
    if store.store:
        # The store holds its bytes now.
        shutil.rmtree(place, ignore_errors=True)
    return name


def _published(item: pystac.Item, path: Path, store: catalogue.Catalogue, report: Reporter) -> str:
    """Give a catalogued experiment its release, which is nothing to do where it has one."""
    with xr.open_zarr(path) as product:
        if reason := publish(store, item, product):
            report.say(f"It is not shown on the map: {reason}")
    return item.id


def _variables(made: Prepared, ds: xr.Dataset) -> Sequence[str]:
    return [v for v in made.case.output.variables if v in ds]
