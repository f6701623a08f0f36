"""What a portal may run: experiments on finished maps, and the cases that come with landsink."""

import functools
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pystac
import xarray as xr
from pydantic import BaseModel

from landsink import __version__, catalogue
from landsink.catalogue.releases import Progress, Releases
from landsink.core import door
from landsink.core.errors import LandsinkError, unknown
from landsink.core.process import Parameter
from landsink.core.record import code_version, digest
from landsink.portal.jobs.contract import Description, Interrupted, Order, Reporter
from landsink.reanalyse import ClusterLost

from . import compose, experiment
from .changes import Experiment, alternatives, changed_case, read
from .inspect import check
from .orders import SECONDS, SECONDS_A_STEP, CaseOrder, ordered, size
from .page import load, shipped
from .pipeline import run as run_case
from .publication import UNPUBLISHED, publish, publish_object

# What everybody waits for, and a cell, member and month: measured on one core of a laptop, the demo's model.
START_SECONDS, SWAP_SECONDS, STEP_SECONDS = 20.0, 25.0, 3e-6
WARM = 4  # bases that are looked at before the first question
STAGES = ("forcing", "tuning", "assimilation", "ensemble", "sites", "scores", "map", "picture")


@dataclass(frozen=True)
class Processes:
    """The processes of a portal over a catalogue.

    `data` is the root of all data; `scheduler` the address of a dask.distributed one, '' for this machine.
    """

    store: catalogue.Catalogue
    data: Path | None = None
    scheduler: str = ""

    @classmethod
    def configured(cls, store: catalogue.Catalogue) -> "Processes":
        """As LANDSINK_DATA and LANDSINK_SCHEDULER say."""
        data = os.environ.get("LANDSINK_DATA")
        return cls(store, Path(data) if data else None, os.environ.get("LANDSINK_SCHEDULER", ""))

    def describe(self) -> Sequence[Description]:
        """Both processes, with their inputs as JSON Schema."""
        product = {
            "product": ("Product", "The product in the catalogue.", {"type": "string", "format": "uri"})
        }
        return (
            Description("experiment", "Experiment on a finished map", _plain(Experiment), __version__,
                        _inputs(Experiment), product),
            Description("case", "Run a case", _plain(CaseOrder), __version__, _inputs(CaseOrder, sorted(shipped())),
                        product, scope="write"),
        )  # fmt: skip

    def choices(self, process: str, base: str) -> Mapping[str, Any]:
        """What may be changed: of an experiment on one base run; without a base, the runs that may be one."""
        if process == "case":
            return {"cases": [{"name": n, "title": load(n).title} for n in sorted(shipped())]}
        if process != "experiment":
            raise unknown(process, ("experiment", "case"), "the processes")
        return _choices(self.store, self.store.get(base).id) if base else {"bases": self.bases()}

    def warm(self, report: Callable[[str, float], None]) -> None:
        """Find out what may be changed of the newest bases, so that the first who asks need not wait."""
        found = self.bases()[:WARM]
        for at, base in enumerate(found):
            report("experiments", at / len(found))
            _choices(self.store, base["id"])
        if found:
            report("experiments", 1.0)

    def bases(self) -> list[dict[str, Any]]:
        """Runs that an experiment may start from, the newest first."""
        found = []
        for item in self.store.list():
            if "record" not in item.assets or "product" not in item.assets:
                continue
            try:
                experiment.base(self.store, item.id)
            except LandsinkError:
                continue
            found.append({"id": item.id, "title": item.properties["title"]})
        return found

    def validate(self, process: str, inputs: Mapping[str, Any]) -> Order:
        """A request in full with its size; a LandsinkError where it would fail."""
        if process == "experiment":
            return self._experiment(inputs)
        if process != "case":
            raise unknown(process, ("experiment", "case"), "the processes")
        order, case = ordered(inputs, self.data)
        units = size(case, self.data, len(check(case, self.data).facts["free"]))
        title = f"{case.title} ({', '.join(order.changes)})" if order.changes else case.title
        seconds = SECONDS + SECONDS_A_STEP * units
        return Order(order.model_dump(exclude_defaults=True), title, units, seconds, code_version())

    def _experiment(self, inputs: Mapping[str, Any]) -> Order:
        page = read(inputs)
        of = experiment.base(self.store, page.base)
        page = page.model_copy(update={"base": of.item.id})
        case, told = changed_case(of.case, page)
        with of.product as product:
            time = product["time"].to_numpy()
            places, flag = _places(product)
        period = experiment.span(page, time)
        cells = len(experiment.chosen(page, places, flag))
        steps = int((time.astype("datetime64[M]") <= period[1]).sum())
        assert case.map is not None
        units = float(cells * case.map.members * steps)
        seconds = START_SECONDS + SWAP_SECONDS * bool(page.processes) + STEP_SECONDS * units
        title = experiment.title(page, of.case)
        return Order(page.model_dump(mode="json"), title, units, seconds, code_version(), told)

    def execute(self, process: str, inputs: Mapping[str, Any], folder: Path, report: Reporter) -> str:
        """Run a request; the identifier of its product, which entered the catalogue last of all."""
        if self.scheduler:
            report.say(f"Tiles of the map run on the dask cluster at {self.scheduler}.")
        try:
            if process == "experiment":
                return experiment.run(read(inputs), self.store, folder, self.data, report, self.scheduler)
            return self._run(inputs, folder, report)
        except ClusterLost as error:
            raise Interrupted(error.found, error.expected, error.remedy) from error

    def _run(self, inputs: Mapping[str, Any], folder: Path, report: Reporter) -> str:
        """A whole case, made in the job's folder and moved to its place when it is whole."""
        order, case = ordered(inputs, self.data)
        told = order.model_dump(exclude_defaults=True)
        place = self.store.root / "runs" / f"{order.name or 'case'}-{digest([told, code_version()])[:12]}"
        found = run_case(case, folder / "run", self.data, Staged(report), True, self.scheduler, place)
        for goal in found.goals:
            report.say(goal.says)
        if self.store.store:
            # The store holds its bytes now.
            shutil.rmtree(place, ignore_errors=True)
        return catalogue.identifier(found.record)


@dataclass(frozen=True)
class Staged:
    """A run's stages as shares of the whole."""

    report: Reporter

    def __call__(self, what: str, share: float) -> None:
        if what == "release":
            # The run is in the catalogue by then: whoever reports might be told to stop, too late.
            return
        at = STAGES.index(what) if what in STAGES else 1
        self.report(what, (at + min(max(share, 0.0), 1.0)) / (len(STAGES) + 1))


# --- before the first question


def publish_missing(store: catalogue.Catalogue, report: Callable[[str, float], None]) -> list[str]:
    """Publish what has no release yet, so that the map shows it; a line for each that cannot be."""
    shown = {release.id for release in Releases(store).list()}
    todo = [i for i in store.list() if i.id not in shown and UNPUBLISHED not in i.properties and _is_cube(i)]
    told = []
    for at, item in enumerate(todo):
        report("releases", at / len(todo))
        try:
            reason = _published(
                store, item, lambda share, at=at: report("releases", (at + share) / len(todo))
            )
        except (OSError, LandsinkError) as error:
            reason = str(error)
        if reason:
            told.append(f"{item.id} is not on the map: {reason}")
    if todo:
        report("releases", 1.0)
    return told


def _is_cube(item: pystac.Item) -> bool:
    return "product" in item.assets or item.properties.get("landsink:format") in ("netcdf", "zarr")


def _published(store: catalogue.Catalogue, item: pystac.Item, progress: Progress) -> str:
    if "product" not in item.assets:
        return publish_object(store, item, progress)
    with xr.open_zarr(store.asset(item, "product")) as product:
        gridded = {"lat", "lon", "time"} <= set(product.dims)
        return publish(store, item, product, progress) if gridded else ""


# --- what may be changed


@functools.lru_cache(maxsize=32)
def _choices(store: catalogue.Catalogue, name: str) -> dict[str, Any]:
    """What may be changed of a base; kept in a file, because trying all processes of all slots takes seconds."""
    path = store.root / "choices" / f"{name}-{digest(code_version())[:12]}.json"
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        found = _tried(store, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        json.dump(found, file)
    os.replace(file.name, path)
    return found


def _tried(store: catalogue.Catalogue, name: str) -> dict[str, Any]:
    of = experiment.base(store, name)
    with of.product as product:
        places, flag = _places(product)
        time = product["time"].to_numpy().astype("datetime64[M]").astype(str)
        lat, lon = (product[n].to_numpy().astype(float) for n in ("lat", "lon"))
        generated = product.attrs.get("generated") == "true"
        edges = [float(x) for x in (lon.min(), lat.min(), lon.max(), lat.max())]
    return {
        "base": {"id": of.item.id, "title": of.case.title, "generated": generated},
        "period": [time[0], time[-1]],
        "bbox": edges,
        "cells": int((flag == door.OK).sum()),
        "members": of.case.map.members if of.case.map else 0,
        "parameters": _parameters(of),
        "processes": _swaps(of),
        "sites": _sites(of),
    }


def _places(product: xr.Dataset) -> tuple[xr.Dataset, np.ndarray]:
    """Cells of a map as a list, and whether each holds values (0) or not (1)."""
    flat = product[["quality"]].stack(place=("lat", "lon"), create_index=False).compute()
    valued = (flat["quality"].to_numpy() & ~door.NOT_STEADY) == 0
    return flat, np.where(valued, door.OK, 1)


def _parameters(of: experiment.Base) -> list[dict[str, Any]]:
    """All parameters of a run's model, as their cards say, with what its posterior says of those that were free."""
    model = compose.compose(of.case.model)
    found = _posterior(of, model)
    return [_shown(name, p, found.get(name)) for name, p in model.parameters.items()]


def _posterior(of: experiment.Base, model: Any) -> dict[str, np.ndarray]:
    """Members of every free parameter, in SI, of all groups together."""
    path = of.posterior
    space = compose.space(model, of.case)
    if not path.is_dir() or not space.size:
        return {}
    with xr.open_zarr(path) as stored:
        values = space.values(jnp.asarray(stored["ensemble"].to_numpy()))
    return {n: np.asarray(v).ravel() for n, v in values.items()}


def _shown(name: str, p: Parameter, members: np.ndarray | None) -> dict[str, Any]:
    low, middle, high = (p.default,) * 3 if members is None else np.quantile(members, [0.05, 0.5, 0.95])
    return {
        "name": name,
        "process": name.partition(".")[0],
        "doc": p.doc,
        "unit": p.shown_unit,
        "low": _round(p.low / p.scale),
        "high": _round(p.high / p.scale),
        "default": _round(p.default / p.scale),
        "median": _round(middle / p.scale),
        "p05": _round(low / p.scale),
        "p95": _round(high / p.scale),
        "free": members is not None,
        "logarithmic": p.logarithmic,
    }


def _round(value: float) -> float:
    """Six digits: a slider shows no more."""
    return float(f"{value:.6g}")


def _swaps(of: experiment.Base) -> list[dict[str, Any]]:
    found = []
    for slot in compose.FAMILY:
        names = alternatives(of.case, slot)
        if len(names) > 1:
            options = [{"name": n, "doc": _doc(slot, n)} for n in names]
            found.append({"slot": slot, "now": names[0], "options": options})
    return found


def _doc(slot: str, name: str) -> str:
    """The first line of a process's card."""
    if not name:
        return "None."
    return (type(compose.process(compose.FAMILY[slot], name)).__doc__ or "").strip().split("\n")[0]


def _sites(of: experiment.Base) -> list[dict[str, Any]]:
    path = of.folder / "sites.zarr"
    if not path.is_dir():
        return []
    with xr.open_zarr(path) as sites:
        if not {"site", "lat", "lon"} <= set(sites.variables):
            return []
        rows = zip(*(sites[n].to_numpy().tolist() for n in ("site", "lat", "lon")), strict=True)
        return [{"name": str(n), "lat": float(a), "lon": float(o)} for n, a, o in rows]


# --- JSON Schema


def _plain(page: type[BaseModel]) -> str:
    return " ".join((page.__doc__ or "").split())


def _inputs(
    page: type[BaseModel], names: Sequence[str] = ()
) -> dict[str, tuple[str, str, dict[str, Any], bool]]:
    """The fields of a page as inputs of a process."""
    whole = page.model_json_schema()
    found = {}
    for name, schema in whole["properties"].items():
        inner = _inlined(schema, whole.get("$defs", {}))
        text = inner.pop("description", "")
        title = inner.pop("title", name)
        found[name] = (title, text, inner | ({"enum": list(names)} if names and name == "name" else {}),
                       name in whole.get("required", []))  # fmt: skip
    return found


def _inlined(schema: Any, known: Mapping[str, Any]) -> Any:
    """A schema that points nowhere outside itself."""
    if isinstance(schema, list):
        return [_inlined(part, known) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(known[schema["$ref"].rpartition("/")[2]], known)
    return {key: _inlined(part, known) for key, part in schema.items()}
