"""Several files of one site as one record: parts of a product follow each other, other products add what is absent."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from landsink.core.errors import DataError

# Of two products with the same variable the one of lower rank gives it.
RANK = {"FULLSET": 0, "FLUXMET": 0, "SUBSET": 1, "FLUXES": 3, "METEOSENS": 5, "METEO": 4}
OTHERS = 2  # FLUXNET without a word more, and other formats


def joined(records: Sequence[xr.Dataset]) -> xr.Dataset:
    """One record of several of the same site. Raises DataError where their steps differ or their offsets from UTC."""
    if len(records) == 1:
        return records[0]
    _same_clock(records)
    ordered = sorted(records, key=lambda ds: (_rank(ds), ds["time"].values[0]))
    frames: dict[str, pd.DataFrame] = {}
    notes: list[str] = []
    for ds in ordered:
        product = ds.attrs["source"].split(":")[0]
        frame = ds.to_dataframe()
        if product in frames:
            overlap = frames[product].index.intersection(frame.index)
            if len(overlap) and frames[product].loc[overlap].notna().any(axis=None):
                notes.append(
                    f"{ds.attrs['source']}: {len(overlap)} steps overlap an earlier file; the earlier stays."
                )
        frames[product] = frames[product].combine_first(frame) if product in frames else frame
    return _dataset(frames, ordered, notes)


def _dataset(frames: dict[str, pd.DataFrame], records: Sequence[xr.Dataset], notes: list[str]) -> xr.Dataset:
    axis = _axis(frames)
    columns: dict[str, np.ndarray] = {}
    for product, frame in frames.items():
        new = [str(name) for name in frame if name not in columns and _base(str(name)) not in columns]
        if columns and new:
            notes.append(f"From {product}: {', '.join(new)}.")
        columns |= {name: frame[name].reindex(axis).to_numpy(np.float64) for name in new}
    units = {str(name): ds[name].attrs for ds in reversed(records) for name in ds.data_vars}
    attrs: dict[str, object] = {}
    for ds in reversed(records):
        attrs |= {key: value for key, value in ds.attrs.items() if value not in ("", None)}
    attrs["source"] = "; ".join(ds.attrs["source"] for ds in records)
    said = [f"{ds.attrs['source'].split(': ')[-1]}: {note}" for ds in records for note in ds.attrs["notes"]]
    attrs["notes"] = said + notes
    data = {name: ("time", values, units[name]) for name, values in columns.items()}
    time = ("time", axis.to_numpy().astype("datetime64[ns]"), records[0]["time"].attrs)
    return xr.Dataset(data, coords={"time": time}, attrs=attrs)


def _base(name: str) -> str:
    """A flag belongs to the product that gave its variable."""
    for flag in ("_QC", "_SSITC_TEST"):
        if name.endswith(flag):
            return name.removesuffix(flag)
    return ""


def _axis(frames: dict[str, pd.DataFrame]) -> pd.DatetimeIndex:
    indices = [pd.DatetimeIndex(frame.index) for frame in frames.values()]
    step = indices[0][1] - indices[0][0]
    first, last = min(index[0] for index in indices), max(index[-1] for index in indices)
    return pd.date_range(first, last, freq=step)


def _same_clock(records: Sequence[xr.Dataset]) -> None:
    steps = {int((ds["time"].values[1] - ds["time"].values[0]) / np.timedelta64(1, "s")) for ds in records}
    if len(steps) > 1:
        raise DataError(
            f"Files with steps of {', '.join(str(step) for step in sorted(steps))} s.",
            "One step for a site.",
            "Read them one by one.",
        )
    offsets = {float(ds.attrs["utc_offset"]) for ds in records if "utc_offset" in ds.attrs}
    if len(offsets) > 1:
        raise DataError(
            f"Files of one site with offsets {sorted(offsets)} h from UTC.",
            "One local standard time.",
            "Give utc_offset=… or read them one by one.",
        )


def _rank(ds: xr.Dataset) -> int:
    source = ds.attrs["source"].split(":")[0]
    return next((rank for mark, rank in RANK.items() if mark in source), OTHERS)
