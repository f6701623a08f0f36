"""One long record from the portal's ecosystem products.

The full record of a tower lies in the FLUXNET archive product; the thematic centre's Level 2 begins only when ICOS
labelled the station, but is ahead at the newer end; Warm Winter 2020 (1989–2020, closed in 2022) has towers and years
that neither has. So: the archive first, Level 2 appended after its end, Warm Winter 2020 underneath, where there is
nothing else. A moment comes from one product, whole: fluxes of one and weather of another are never mixed in a record.

Products differ in u* thresholds and processing version: a step where one ends may be theirs and not the forest's. The
variable `product` says where each moment comes from.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

import numpy as np
import pandas as pd
import xarray as xr

from landsink.core.errors import DataError
from landsink.sources.icos.query import DataObject, instant

LEVEL_2 = frozenset({"etcL2Fluxnet", "etcArchiveProduct", "etcFluxnetProduct"})
ARCHIVES = frozenset({"miscFluxnetArchiveProduct", "miscFluxnetProduct"})
# FLX_DE-Tha_FLUXNET2015_FULLSET_1996-2020_beta-3.zip, and its half-hourly file with HH in its name.
WINTER_NAME = re.compile(r"^FLX_[^_]+_FLUXNET2015_.*beta-\d+")
PASSING = re.compile(r"(?:^|_)(NRT|INTERIM)(?:_|\.|$)", re.IGNORECASE)
PLACE = ("site", "latitude", "longitude", "utc_offset")
NOWHERE = 0


class Product(IntEnum):
    """Where a moment of a spliced record comes from; 0 is nowhere."""

    FLUXNET_ARCHIVE = 1
    ETC_L2 = 2
    WARM_WINTER_2020 = 3


@dataclass(frozen=True)
class Piece:
    """A stretch of a record, from `start` up to `end` (UTC), that one object gives."""

    object: DataObject
    product: Product
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Plan:
    """Pieces in their order in time, and why other objects are not needed (by object id)."""

    pieces: tuple[Piece, ...]
    left_out: Mapping[str, str]

    @property
    def objects(self) -> tuple[DataObject, ...]:
        """What to fetch, each once, the archive first."""
        ordered = sorted(self.pieces, key=lambda p: (p.product, p.start))
        return tuple(dict.fromkeys(p.object for p in ordered))


def product(item: DataObject) -> Product | None:
    """Which of the three an object is, by its datatype and then its name; None for any other.

    The name alone would not tell: since version 1.3 a file of the archive and one of Level 2 may be named alike.
    """
    if PASSING.search(item.name):
        return None
    if item.datatype in LEVEL_2:
        return Product.ETC_L2
    if item.datatype in ARCHIVES:
        return Product.WARM_WINTER_2020 if WINTER_NAME.match(item.name) else Product.FLUXNET_ARCHIVE
    return None


def plan(objects: Iterable[DataObject]) -> Plan:
    """Which objects of one station to fetch, and what of each will stand in the long record.

    Of several versions or forms of one product the one that reaches furthest stands, then the one submitted last.
    Raises DataError where the objects are of several stations, or none is an ecosystem product.
    """
    known = list(objects)
    left_out = {o.id: "no final ecosystem product" for o in known if product(o) is None}
    left_out |= {o.id: "replaced by a newer version" for o in known if o.superseded}
    usable = [o for o in known if o.id not in left_out]
    sites = sorted({o.station.split("_", 1)[-1] for o in usable})
    if len(sites) != 1:
        raise DataError(
            f"The objects are of {len(sites)} stations{': ' if sites else ''}{', '.join(sites)}.",
            "FLUXNET archive, ETC Level 2 or Warm Winter 2020 products of one.",
        )
    chosen: dict[Product, DataObject] = {}
    for item in sorted(usable, key=lambda o: (instant(o.end), instant(o.submitted))):
        if (before := chosen.get(product(item))) is not None:
            left_out[before.id] = f"{item.name} reaches further or is newer"
        chosen[product(item)] = item
    spans = {kind: (instant(o.start), instant(o.end)) for kind, o in chosen.items()}
    pieces = [Piece(chosen[k], k, a, b) for k, parts in _shares(spans).items() for a, b in parts]
    for kind in chosen.keys() - {p.product for p in pieces}:
        left_out[chosen[kind].id] = "other products cover all of it"
    return Plan(tuple(sorted(pieces, key=lambda p: p.start)), left_out)


def splice(records: Mapping[Product, xr.Dataset]) -> xr.Dataset:
    """One record from those of several products, each a Dataset on `time` (interval start, local standard time).

    A product counts from its first to its last moment with any value. Gaps between products are NaN; `product` (time)
    is a Product or 0. Raises DataError where steps or places differ, or nothing has a value.
    """
    trimmed = {Product(kind): _trimmed(ds) for kind, ds in sorted(records.items())}
    trimmed = {kind: ds for kind, ds in trimmed.items() if ds.sizes["time"]}
    if not trimmed:
        raise DataError("No product has a value.", "At least one record.")
    step = _one_step(trimmed)
    _one_place(trimmed)
    spans = {k: (_time(ds)[0], _time(ds)[-1] + step) for k, ds in trimmed.items()}
    parts = [
        trimmed[kind]
        .isel(time=(_time(trimmed[kind]) >= start) & (_time(trimmed[kind]) < end))
        .assign(product=("time", np.full(_count(trimmed[kind], start, end), int(kind), np.int8)))
        for kind, shares in _shares(spans).items()
        for start, end in shares
    ]
    long = xr.concat(parts, "time", data_vars="minimal", coords="minimal", compat="override", join="outer",
                     combine_attrs="drop_conflicts").sortby("time")  # fmt: skip
    axis = pd.date_range(long["time"].values[0], long["time"].values[-1], freq=step)
    source = long["product"].reindex(time=axis, fill_value=NOWHERE)
    long = long.drop_vars("product").reindex(time=axis).assign(product=source.astype(np.int8))
    long.attrs = {**long.attrs, **next(iter(trimmed.values())).attrs}
    long["product"].attrs = {
        "long_name": "product that each moment comes from",
        "flag_values": np.array([NOWHERE, *Product], np.int8),
        "flag_meanings": " ".join(("none", *(p.name.lower() for p in Product))),
    }
    return long


def _shares(spans: Mapping[Product, tuple]) -> dict[Product, list[tuple]]:
    """What of each product's span stands in the record: half-open stretches that do not overlap.

    Level 2 counts only after the archive's end, even where it begins before the archive does.
    """
    shares: dict[Product, list[tuple]] = {}
    taken: list[tuple] = []
    for kind in sorted(spans):
        start, end = spans[kind]
        if kind is Product.ETC_L2 and Product.FLUXNET_ARCHIVE in spans:
            start = max(start, spans[Product.FLUXNET_ARCHIVE][1])
        shares[kind] = _without((start, end), taken)
        taken = sorted(taken + shares[kind])
    return shares


def _without(span: tuple, taken: list[tuple]) -> list[tuple]:
    """The stretches of `span` outside `taken` (in order, not overlapping)."""
    free, (start, end) = [], span
    for a, b in taken:
        if start < min(a, end):
            free.append((start, min(a, end)))
        start = max(start, b)
    return [*free, (start, end)] if start < end else free


def _time(ds: xr.Dataset) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(ds["time"].values)


def _count(ds: xr.Dataset, start: pd.Timestamp, end: pd.Timestamp) -> int:
    return int(((_time(ds) >= start) & (_time(ds) < end)).sum())


def _trimmed(ds: xr.Dataset) -> xr.Dataset:
    """The record from its first to its last moment with any value."""
    on_time = [v for v in ds.data_vars.values() if v.dims == ("time",)]
    some = np.zeros(ds.sizes["time"], bool)
    for variable in on_time:
        some |= variable.notnull().values
    where = np.flatnonzero(some)
    return ds.isel(time=slice(where[0], where[-1] + 1) if where.size else slice(0, 0))


def _one_step(records: Mapping[Product, xr.Dataset]) -> pd.Timedelta:
    steps = {k: np.unique(np.diff(ds["time"].values)) for k, ds in records.items() if ds.sizes["time"] > 1}
    found = {int(s) for several in steps.values() for s in several.astype("timedelta64[s]").astype(int)}
    if len(found) != 1 or min(found) <= 0:
        told = "; ".join(
            f"{k.name}: {[int(s) for s in v.astype('timedelta64[s]').astype(int)[:3]]}"
            for k, v in steps.items()
        )
        raise DataError(
            f"The products' time steps differ or are uneven [s]: {told or 'too few moments to tell'}.",
            "One step throughout, half-hours or hours.",
            "Bring the finer one to the coarser step, or ask for files of one resolution.",
        )
    step = pd.Timedelta(seconds=found.pop())
    phases = {k.name: str(_time(ds)[0] - _time(ds)[0].floor(step)) for k, ds in records.items()}
    if len(set(phases.values())) != 1:
        raise DataError(f"The products' intervals do not begin at the same minutes: {phases}.", "One clock.")
    return step


def _one_place(records: Mapping[Product, xr.Dataset]) -> None:
    for name in PLACE:
        told = {k.name: ds.attrs[name] for k, ds in records.items() if name in ds.attrs}
        values = list(told.values())
        # coordinates are written with more or fewer digits: 0.01 degree is a kilometre
        same = all(v == values[0] if isinstance(v, str) else abs(v - values[0]) <= 0.01 for v in values)
        if not same:
            raise DataError(f"The products disagree about '{name}': {told}.", "One station.")
