"""The door between labelled Datasets and named arrays: names, units, dims, calendars, spans and gaps, settled once."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from . import units
from .errors import DataError, near
from .quantity import Quantity, quantity

STEP_DAYS = {"day": (1, 1), "month": (28, 31), "year": (365, 366)}
STEPS_A_YEAR = {"day": 365, "month": 12, "year": 1}
OK, MISSING, OUT_OF_SPAN, NOT_FINITE, NOT_STEADY, NOT_LAND = 0, 1, 2, 4, 8, 16
FLAGS = {OK: "good", MISSING: "missing_forcing", OUT_OF_SPAN: "forcing_out_of_span",
         NOT_FINITE: "numerical_failure", NOT_STEADY: "spinup_not_converged",
         NOT_LAND: "not_land"}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Entry:
    """What came in: arrays by name, (time, cell) or (cell,), in canonical units, and a flag per cell.

    A flagged cell holds stand-in values so that its neighbours can be computed; its results are masked.
    """

    arrays: dict[str, np.ndarray]
    time: np.ndarray
    cells: xr.Dataset
    flag: np.ndarray

    @property
    def good(self) -> np.ndarray:
        """True where a cell may be computed: (cell,)."""
        return self.flag == OK

    def cut(self, cells: np.ndarray | slice) -> "Entry":
        """The same entry for some cells only."""
        arrays = {k: v[..., cells] if v.shape[-1] > 1 or v.ndim == 1 else v for k, v in self.arrays.items()}
        return Entry(arrays, self.time, self.cells.isel({self.outer: cells}), self.flag[cells])

    def when(self, steps: np.ndarray | slice) -> "Entry":
        """The same entry for some steps only."""
        arrays = {k: v if quantity(k).constant else v[steps] for k, v in self.arrays.items()}
        return Entry(arrays, self.time[steps], self.cells, self.flag)

    def cycle(self, step: str, years: int) -> "Entry":
        """Forcing to be repeated until nothing changes: the leading years, or for months their mean year.

        A mean year costs a spin-up `years` times less; daily weather has no such mean, and is repeated as it was.
        """
        length = STEPS_A_YEAR[step]
        steps = min(len(self.time), years * length) if length <= len(self.time) else len(self.time)
        if step != "month" or steps < 2 * length:
            return self.when(slice(0, steps))
        whole = steps // length * length
        arrays = {
            k: v if quantity(k).constant else v[:whole].reshape(-1, length, v.shape[-1]).mean(0)
            for k, v in self.arrays.items()
        }
        return Entry(arrays, self.time[:length], self.cells, self.flag)

    @property
    def outer(self) -> str:
        """Name of the outer dimension, 'site' or 'cell'."""
        return str(next(iter(self.cells.dims)))


def enter(ds: xr.Dataset, names: Iterable[str], step: str, source: str = "the forcing") -> Entry:
    """Read `names` from a Dataset, or say in one line what is wrong with it.

    step: 'day', 'month' or 'year'. `dt` and `dayOfYear` follow from the time axis. Raises `DataError` for a missing
    variable, an unreadable or wrong unit, a calendar or a gap that cannot be stepped over, and for values that are
    mostly outside the vocabulary's span. A cell with missing or insane values of its own is flagged instead.
    """
    time = _times(ds, step, source)
    ds = _one_outer(ds)
    outer = next(str(d) for d in ds.dims if d != "time")
    flag = np.zeros(ds.sizes[outer], np.int8)
    arrays = _clock(ds, time, step)
    for name in names:
        if name in arrays:
            continue
        arrays[name], wrong = _read(ds, quantity(name), outer, source)
        flag |= wrong
    if flag.all():
        raise DataError(f"{source}: no cell can be used (flags {sorted(set(flag.tolist()))}).",
                        "At least one cell without gaps.")  # fmt: skip
    cells = ds[[c for c in ds.coords if ds[c].dims == (outer,)]].reset_coords()
    if "sftlf" in cells:
        flag |= np.where(cells["sftlf"].to_numpy() > 0, OK, NOT_LAND).astype(np.int8)
    return Entry(_stand_in(arrays, flag), time, cells, flag)


def observed(ds: xr.Dataset, name: str, source: str = "the observations") -> np.ndarray:
    """An observed variable in canonical units, NaN where there is none: (time, cell) or (cell,)."""
    if name not in ds:
        raise DataError(f"{source} hold no '{name}'.", remedy=near(name, (str(v) for v in ds.data_vars)))
    row = quantity(name.removesuffix("_sd"))
    values = ds[name].transpose("time", ...) if "time" in ds[name].dims else ds[name]
    unit = values.attrs.get("units", row.unit)
    return np.asarray(
        units.convert(values.to_numpy().astype(float), unit, row.unit, row.substance == "water")
    )


def leave(
    arrays: Mapping[str, np.ndarray],
    time: np.ndarray,
    cells: xr.Dataset,
    suffixes: tuple[str, ...] = ("_sd", "_p05", "_p95"),
) -> xr.Dataset:
    """A CF Dataset (time, outer) from arrays by name; '<name>_sd' and quantiles take their quantity's attributes."""
    outer = str(next(iter(cells.dims)))
    data = {}
    for name, values in arrays.items():
        suffix = next((s for s in suffixes if name.endswith(s)), "")
        attrs = dict(quantity(name.removesuffix(suffix)).attrs) if suffix else dict(quantity(name).attrs)
        attrs |= _suffix_attrs(suffix, attrs)
        data[name] = (("time", outer)[-values.ndim :], values, attrs)
    ds = xr.Dataset(data, coords={"time": time}).assign_coords(dict(cells.variables.items()))
    for name in arrays:
        if f"{name}_sd" in ds:
            ds[name].attrs["ancillary_variables"] = f"{name}_sd"
    return ds


def _suffix_attrs(suffix: str, attrs: Mapping[str, str]) -> dict[str, str]:
    long, standard = attrs.get("long_name", ""), attrs.get("standard_name", "")
    if suffix == "_sd":
        return {
            "long_name": f"{long}, standard deviation of the ensemble",
            "standard_name": f"{standard} standard_error".strip(),
        }
    if suffix:
        return {"long_name": f"{long}, {suffix[2:]}th percentile with observation error", "standard_name": ""}
    return {"cell_methods": "time: mean"}


def month_labels(time: np.ndarray) -> np.ndarray:
    """The month of every step, as a running number: (time,)."""
    return time.astype("datetime64[M]").astype(int)


def _times(ds: xr.Dataset, step: str, source: str) -> np.ndarray:
    if "time" not in ds.dims or "time" not in ds.coords:
        raise DataError(
            f"{source} has dimensions {tuple(map(str, ds.dims))}.", "A 'time' dimension with dates."
        )
    values = ds["time"].to_numpy()
    if values.dtype == object:
        calendar = getattr(values[0], "calendar", "unknown")
        if calendar not in ("standard", "gregorian", "proleptic_gregorian"):
            raise DataError(f"{source} uses the calendar '{calendar}'.", "A standard (Gregorian) calendar.",
                            "Convert it with ds.convert_calendar('standard', use_cftime=False, "
                            "align_on='date').")  # fmt: skip
        dates: Any = ds.indexes["time"]  # a CFTimeIndex
        values = dates.to_datetimeindex(time_unit="ns").to_numpy()
    if not np.issubdtype(values.dtype, np.datetime64):
        raise DataError(
            f"{source} has times of type {values.dtype}.", "Dates (CF units such as 'days since 2001-01-01')."
        )
    _regular(values, step, source)
    return values.astype("datetime64[ns]")


def _regular(values: np.ndarray, step: str, source: str) -> None:
    days = np.diff(values).astype("timedelta64[h]").astype(float) / 24.0
    low, high = STEP_DAYS[step]
    wrong = np.flatnonzero((days < low - 0.01) | (days > high + 0.01))
    if len(wrong):
        at = wrong[0]
        stamps = [np.datetime_as_string(values[i], "D") for i in (at, at + 1)]
        raise DataError(f"{source}: after {stamps[0]} comes {stamps[1]} ({days[at]:g} days).",
                        f"One {step} from step to step, without gaps.",
                        "Fill or cut the gap, or set the case's step.")  # fmt: skip


def _one_outer(ds: xr.Dataset) -> xr.Dataset:
    outer = [str(d) for d in ds.dims if d != "time"]
    if len(outer) == 1:
        return ds
    if not outer:
        return ds.expand_dims("cell")
    return ds.stack(cell=outer, create_index=False)


def _clock(ds: xr.Dataset, time: np.ndarray, step: str) -> dict[str, np.ndarray]:
    start = pd.DatetimeIndex(time)
    length = {"day": pd.Series(1.0, start), "month": pd.Series(start.days_in_month, start),
              "year": pd.Series(np.where(start.is_leap_year, 366.0, 365.0), start)}[step].to_numpy(float)  # fmt: skip
    middle = start.day_of_year.to_numpy() + 0.5 * (length - 1.0)
    if "date" in ds.coords and ds["date"].ndim == 2:  # sites whose years differ share positions, not dates
        dates = ds["date"].transpose("time", ...).to_numpy()
        middle = np.stack([pd.DatetimeIndex(c).day_of_year.to_numpy() for c in dates.T], 1) + 0.5 * (
            length[:, None] - 1.0
        )
    return {"dt": length[:, None] * 86400.0, "dayOfYear": middle if middle.ndim == 2 else middle[:, None]}


def _read(ds: xr.Dataset, row: Quantity, outer: str, source: str) -> tuple[np.ndarray, np.ndarray]:
    if row.name not in ds:
        known = [str(n) for n in ds.variables]
        raise DataError(f"{source} holds no '{row.name}' ({row.long}, {row.unit}).", f"It holds {', '.join(known)}.",
                        near(row.name, known))  # fmt: skip
    array = ds[row.name]
    if "units" not in array.attrs:
        raise DataError(
            f"{source}: '{row.name}' has no units attribute.", f"Units that convert to '{row.unit}'."
        )
    dims = (outer,) if row.constant else ("time", outer)
    values = _full(array, dims, ds)
    try:
        values = np.asarray(
            units.convert(values, array.attrs["units"], row.unit, row.substance == "water"), float
        )
    except DataError as error:
        raise DataError(f"{source}: '{row.name}': {error}") from None
    return values, _flags(values, row, array.attrs["units"], source)


def _full(array: xr.DataArray, dims: tuple[str, ...], ds: xr.Dataset) -> np.ndarray:
    missing = {d: ds.sizes[d] for d in dims if d not in array.dims}
    extra = [d for d in array.dims if d not in dims]
    if extra:
        raise DataError(f"'{array.name}' has the dimension '{extra[0]}'.", f"Only {', '.join(dims)}.")
    return array.expand_dims(missing).transpose(*dims).to_numpy().astype(float)


def _flags(values: np.ndarray, row: Quantity, unit: str, source: str) -> np.ndarray:
    wrong = np.zeros(values.shape[-1], np.int8)
    gaps = ~np.isfinite(values)
    wrong |= np.where(gaps.reshape(-1, values.shape[-1]).any(0), MISSING, OK).astype(np.int8)
    if row.span is None:
        return wrong
    low, high = row.span
    slack = 1e-9 * max(abs(low), abs(high))
    insane = ~gaps & ((values < low - slack) | (values > high + slack))
    cells = insane.reshape(-1, values.shape[-1]).any(0)
    if cells.mean() > 0.5:
        raise DataError(f"{source}: '{row.name}' spans {np.nanmin(values):.4g} … {np.nanmax(values):.4g} {row.unit} "
                        f"(from '{unit}');", f"the vocabulary expects {low:g} … {high:g} {row.unit}.",
                        _guess(values, row, low, high))  # fmt: skip
    return wrong | np.where(cells, OUT_OF_SPAN, OK).astype(np.int8)


def _guess(values: np.ndarray, row: Quantity, low: float, high: float) -> str:
    """Name the usual slip that would explain values outside a span."""
    tries = {"Degrees Celsius?": lambda v: v + 273.15, "hPa?": lambda v: v * 100.0, "kPa?": lambda v: v * 1000.0,
             "ppm?": lambda v: v * 1e-6, "mm per day?": lambda v: v / 86400.0, "MJ per day?": lambda v: v / 0.0864,
             "g instead of kg, per day?": lambda v: v / 8.64e7}  # fmt: skip
    fits = {"K": "Deg", "Pa": "hk", "mol mol-1": "p", "kg m-2 s-1": "mg", "W m-2": "M"}.get(row.unit, "")
    for words, change in tries.items():
        inside = change(values)
        if words[0] in fits and np.nanmin(inside) >= low and np.nanmax(inside) <= high:
            return words
    return "Check its units attribute."


def _stand_in(arrays: dict[str, np.ndarray], flag: np.ndarray) -> dict[str, np.ndarray]:
    """Give flagged cells the first good cell's values: they are computed along, and masked on the way out."""
    donor, bad = int(np.flatnonzero(flag == OK)[0]), flag != OK
    for values in arrays.values():
        if bad.any() and values.shape[-1] == len(flag):
            values[..., bad] = values[..., [donor]]
    return arrays
