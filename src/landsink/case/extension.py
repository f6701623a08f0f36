"""Extend a map in time from where it ended: old years stay as they are, byte for byte."""

import dataclasses
from pathlib import Path

import numpy as np
import xarray as xr

from landsink import reanalyse
from landsink.core.errors import CaseError, DataError
from landsink.core.record import Record

from . import compose
from .page import Case, changed
from .pipeline import Report, attributes, map_plan, months, register, stored_posterior
from .setup import prepare
from .shelf import stored


def update(folder: Path, changes: list[str], data: Path | None, report: Report) -> str:
    """Run the months that the forcing has gained since `folder` was made, from the stored end of every member.

    changes: keys of the case to change, usually where the longer forcing lies. Returns what changed, in words.
    """
    old = stored(folder)
    if "experiment" in old["case"]:
        raise CaseError(
            f"{folder} holds an experiment.", "The folder of a run.", "Update its base, and ask for it again."
        )
    case = Case.model_validate(changed(old["case"], changes))
    if case.map is None:
        raise CaseError(
            f"{folder} holds no map.", "A run of a case with [map].", "Site products are run anew."
        )
    product = xr.open_zarr(folder / "product.zarr")
    setup = prepare(case, data)
    posterior = stored_posterior(setup, folder / "posterior.zarr")
    plan, source = map_plan(setup, posterior, data)
    last = product["time"].to_numpy()[-1]
    fresh = plan.entry.time.astype("datetime64[M]") > last.astype("datetime64[M]")
    if not fresh.any():
        return f"nothing to do: the forcing ends at {plan.entry.time[-1]:.10}, and so does the product."
    old_store = reanalyse.TileStore(
        folder / "tiles", str(product.attrs["record"])
    )  # of its last extension, if any
    tiles = reanalyse.split(len(plan.entry.flag), case.map.tile)
    before = str(product.attrs["record"])
    plan = dataclasses.replace(
        plan, entry=plan.entry.when(fresh), cycle=None, start=_ends(old_store, tiles, plan, product),
        # What was begun without members goes on without.
        keep=any({"member", "lat"} <= set(v.dims) for v in product.data_vars.values()),
    )  # fmt: skip
    record = Record.of(case.model_dump(mode="json"), compose.inputs(setup.source, source))
    store, span = reanalyse.TileStore(folder / "tiles", record.hash), f"map to {plan.entry.time[-1]}"
    reanalyse.run_tiles(plan, tiles, store, span, report, "")
    ds = reanalyse.assemble(
        tiles, store, span, months(plan), plan.entry.cells, attributes(case, source, record)
    )
    ds.attrs["last_step"] = str(plan.entry.time[-1])
    reanalyse.append(ds, folder / "product.zarr", f"extended by record {record.hash[:12]}")
    with xr.open_zarr(folder / "product.zarr") as whole:
        register(case, record, folder, whole, report, extends=before)
    return _words(product, ds, record)


def _ends(
    store: reanalyse.TileStore, tiles: list[slice], plan: reanalyse.Plan, product: xr.Dataset
) -> dict[str, np.ndarray]:
    """The state in which every member ended: name -> (member, cell)."""
    span = f"map to {np.datetime64(str(product.attrs['last_step']))}"
    missing = [t for t in tiles if not store.has(t, span)]
    if missing:
        raise DataError(
            f"{len(missing)} tiles of the product's end are gone.",
            "The 'tiles' folder of the run.",
            "Run the case anew.",
        )
    loaded = [store.load(t, span) for t in tiles]
    return {n: np.concatenate([part[f"end/{n}"] for part in loaded], -1) for n in plan.model.state}


def _words(old: xr.Dataset, new: xr.Dataset, record: Record) -> str:
    def mean(ds: xr.Dataset, name: str) -> float:
        return float(ds[name].mean())

    names = [str(n) for n in new.data_vars if f"{n}_sd" in new.data_vars]
    lines = [
        f"{n}: mean {mean(old, n):.4g} before, {mean(new, n):.4g} in the new months [{new[n].attrs['units']}]"
        for n in names
    ]
    first, last = (
        np.datetime_as_string(t, "M") for t in (new["time"].to_numpy()[0], new["time"].to_numpy()[-1])
    )
    return "\n".join(
        [
            f"added {new.sizes['time']} months, {first} to {last}; older months untouched; record {record.hash[:12]}",
            *lines,
        ]
    )
