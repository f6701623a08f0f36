"""Products: a record as FLUXNET tables (CSV) and as a CF dataset (NetCDF, Zarr).

A FLUXNET table has FLUXNET's names, units, time stamps in local standard time, and -9999 where a value is missing.
The CF dataset has the names and canonical units of the vocabulary for the quantities that bear one, FLUXNET names for
all else, time in UTC with bounds, and says where it stands, what was found and how it was made.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from landsink.core.errors import DataError
from landsink.core.quantity import quantity
from landsink.stations.flux import aggregate, clock

MISSING = -9999
HALF_HOURS = {1800: "HH", 3600: "HR"}
INTERNAL = ("_RAW", "_CHECK", "_SPIKE")  # these go into the CF dataset; a FLUXNET table has no such columns
GRAM = 1e-3
ATOMIC_MASS = 12.0107e-9  # umol CO2 -> kg C


@dataclass(frozen=True)
class Column:
    """`theirs` (FLUXNET) as `ours`, a variant of the vocabulary's `row`: value * factor + offset in its unit."""

    theirs: str
    ours: str
    row: str
    factor: float = 1.0
    offset: float = 0.0


# Carbon and rain have factors that depend on the length of a step: see `_factor`.
COLUMNS = (
    Column("TA_F", "tas", "tas", offset=273.15),
    Column("SW_IN_F", "rsds", "rsds"),
    Column("VPD_F", "vpd", "vpd", 100.0),
    Column("PA_F", "ps", "ps", 1000.0),
    Column("P_F", "pr", "pr"),
    Column("CO2_F_MDS", "co2", "co2", 1e-6),
    Column("NETRAD", "rns", "rns"),
    Column("NEE_VUT_REF", "nee", "nee"),
    Column("NEE_VUT_REF_RANDUNC", "nee_random_error", "nee"),
    Column("NEE_VUT_REF_JOINTUNC", "nee_joint_error", "nee"),
    Column("GPP_NT_VUT_REF", "gpp_night", "gpp"),
    Column("GPP_DT_VUT_REF", "gpp_day", "gpp"),
    Column("RECO_NT_VUT_REF", "reco_night", "reco"),
    Column("RECO_DT_VUT_REF", "reco_day", "reco"),
)
ERRORS = ("NEE_VUT_REF_RANDUNC", "NEE_VUT_REF_JOINTUNC")
HEAT = {
    "LE": ("hfls", "surface_upward_latent_heat_flux", "turbulent latent heat flux"),
    "H": ("hfss", "surface_upward_sensible_heat_flux", "turbulent sensible heat flux"),
}


def mark(ds: xr.Dataset) -> str:
    """FLUXNET's mark of a record's resolution: HH, HR, or what `aggregate` wrote into it (DD, WW, MM, YY)."""
    known = ds.attrs.get("resolution")
    if known in aggregate.LENGTHS:
        return known
    seconds = clock.step_seconds(ds)
    if seconds not in HALF_HOURS:
        raise DataError(
            f"FLUXNET tables have no resolution of {seconds} s.",
            "Half-hours, hours, days, weeks, months or years.",
            "Put the record on half-hours with stations.flux.aggregate.coarsened.",
        )
    return HALF_HOURS[seconds]


def table(ds: xr.Dataset) -> pd.DataFrame:
    """The record as FLUXNET rows: time stamps, then every variable on `time` alone; -9999 where missing.

    Variables with further dimensions (versions by u* percentile) do not fit a table and are left out.
    """
    length = mark(ds)
    columns = {
        str(name): values.values
        for name, values in ds.data_vars.items()
        if values.dims == ("time",) and values.dtype.kind in "iufb" and not str(name).endswith(INTERNAL)
    }
    rows = pd.DataFrame(columns).replace([np.inf, -np.inf], np.nan).fillna(MISSING)
    return pd.concat([_stamps(ds, length), rows], axis=1)


def _stamps(ds: xr.Dataset, length: str) -> pd.DataFrame:
    """Time stamps as FLUXNET writes them; of weeks and half-hours start and end."""
    start = pd.DatetimeIndex(ds["time"].values)
    if length in HALF_HOURS.values():
        end = start + pd.Timedelta(seconds=clock.step_seconds(ds))
        form = "%Y%m%d%H%M"
        return pd.DataFrame({"TIMESTAMP_START": start.strftime(form), "TIMESTAMP_END": end.strftime(form)})
    if length == "WW":
        end = _ends(start, length) - pd.Timedelta(days=1)  # the last day that belongs to the week
        return pd.DataFrame(
            {"TIMESTAMP_START": start.strftime("%Y%m%d"), "TIMESTAMP_END": end.strftime("%Y%m%d")}
        )
    return pd.DataFrame({"TIMESTAMP": start.strftime({"DD": "%Y%m%d", "MM": "%Y%m", "YY": "%Y"}[length])})


def _ends(start: pd.DatetimeIndex, length: str) -> pd.DatetimeIndex:
    """Where each span of days, weeks, months or years ends."""
    if length == "WW":
        following = pd.DatetimeIndex([pd.Timestamp(year=y + 1, month=1, day=1) for y in start.year])
        last = start.day_of_year > 51 * 7
        return pd.DatetimeIndex(np.where(last, following, start + pd.Timedelta(days=7)))
    step: Mapping[str, pd.DateOffset] = {
        "DD": pd.DateOffset(days=1), "MM": pd.DateOffset(months=1), "YY": pd.DateOffset(years=1),
    }  # fmt: skip
    return start + step[length]


def write_table(ds: xr.Dataset, folder: Path, site: str | None = None) -> Path:
    """Writes SITE_FLUXNET_HH_1998-1998.csv (or HR, DD, WW, MM, YY) into `folder`; returns its path.

    `site` such as "DE-Tha" is taken from `ds.attrs["site"]` if not given. Values have seven significant digits.
    """
    name = site or ds.attrs.get("site")
    if not name:
        raise DataError(
            "The record does not say its site.", "A code such as DE-Tha.", "Set ds.attrs['site']."
        )
    first, last = (pd.Timestamp(ds["time"].values[i]).year for i in (0, -1))
    path = Path(folder) / f"{name}_FLUXNET_{mark(ds)}_{first}-{last}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    table(ds).to_csv(path, index=False, float_format="%.7g", lineterminator="\n")
    return path


def write_tables(ds: xr.Dataset, folder: Path, site: str | None = None) -> dict[str, Path]:
    """Writes a half-hourly (or hourly) record and its days, weeks, months and years; paths by mark."""
    daily = aggregate.days(ds)
    lengths = [ds, daily, aggregate.weeks(daily), aggregate.months(daily), aggregate.years(daily)]
    return {mark(one): write_table(one, folder, site) for one in lengths}


def cf(ds: xr.Dataset, provenance: Mapping[str, str] | None = None) -> xr.Dataset:
    """The record as a CF dataset: vocabulary names and canonical units, UTC time with bounds, latitude and longitude.

    `provenance` (source, licence, references, identifier …) becomes attributes; what the checks found stands in
    `comment`. Raises DataError where the record does not say its place.
    """
    latitude, longitude, offset = clock.place(ds)
    length = mark(ds)
    renamed = {c.theirs: c for c in COLUMNS if c.theirs in ds}
    made = {}
    for name, values in ds.drop_vars(
        "time"
    ).data_vars.items():  # their local time must not be aligned with UTC
        if name in renamed:
            made[renamed[str(name)].ours] = _converted(
                values, renamed[str(name)], _factor(ds, str(name), length)
            )
        else:
            made[_heat_name(str(name))] = _kept(values, str(name))
    for name in made:
        _link(made, name, renamed)
    zone = np.timedelta64(round(offset * 60), "m")
    start = pd.DatetimeIndex(ds["time"].values)
    end = (
        start + pd.Timedelta(seconds=clock.step_seconds(ds))
        if length in HALF_HOURS.values()
        else _ends(start, length)
    )
    bounds = np.stack([start.values - zone, end.values - zone], axis=1)
    coords = {k: v for k, v in ds.coords.items() if "time" not in v.dims} | {
        "time": (
            "time",
            bounds[:, 0],
            {"standard_name": "time", "bounds": "time_bounds", "comment": "start, UTC"},
        ),
        "lat": ((), latitude, {"standard_name": "latitude", "units": "degrees_north"}),
        "lon": ((), longitude, {"standard_name": "longitude", "units": "degrees_east"}),
        "station": ((), str(ds.attrs.get("site", "unnamed")), {"cf_role": "timeseries_id"}),
    }
    out = xr.Dataset(made | {"time_bounds": (("time", "nv"), bounds)}, coords=coords)
    return out.assign_attrs(_described(ds, length, provenance or {}))


def _factor(ds: xr.Dataset, name: str, length: str) -> Callable[[xr.DataArray], xr.DataArray]:
    """What makes FLUXNET's unit of this resolution the vocabulary's: rates per second."""
    start = pd.DatetimeIndex(ds["time"].values)
    span = (
        (_ends(start, length) - start).total_seconds().to_numpy()
        if length not in HALF_HOURS.values()
        else None
    )
    if aggregate.is_carbon(name):
        if span is None:
            return lambda x: x * ATOMIC_MASS
        return lambda x: x * GRAM / xr.DataArray(span if length == "YY" else 86400.0 + 0 * span, dims="time")
    if name in aggregate.RAIN:
        seconds = clock.step_seconds(ds) if span is None else 86400.0
        return lambda x: x / (xr.DataArray(span, dims="time") if length == "YY" else seconds)
    return lambda x: x


def _converted(
    values: xr.DataArray, column: Column, rate: Callable[[xr.DataArray], xr.DataArray]
) -> xr.DataArray:
    attrs = dict(quantity(column.row).attrs) | {"fluxnet_name": column.theirs}
    if column.theirs in ERRORS:
        kind = "random" if column.theirs.endswith("RANDUNC") else "random and u* threshold"
        attrs = {
            "units": attrs["units"],
            "long_name": f"standard error ({kind}) of nee",
            "fluxnet_name": column.theirs,
        }
    elif column.ours.endswith(("_night", "_day")):
        attrs["long_name"] += f", {column.ours.rsplit('_', 1)[1]}-time partitioning"
    return (rate(values) * column.factor + column.offset).astype(float).assign_attrs(attrs)


def _heat_name(name: str) -> str:
    """hfls and hfss for filled LE and H; else the name itself."""
    return next((ours for flux, (ours, _, _) in HEAT.items() if name == f"{flux}_F_MDS"), name)


def _kept(values: xr.DataArray, name: str) -> xr.DataArray:
    """A variable under its FLUXNET name with the unit that FLUXNET gives it, in words that UDUNITS reads."""
    attrs = {k: v for k, v in values.attrs.items() if v is not None}
    known = aggregate.UNITS.get(aggregate.base(name))
    if "units" not in attrs and known and not name.endswith(("_QC", "_CHECK", "_SPIKE", "_METHOD", "_N")):
        attrs["units"] = known.unit
    for flux, (_, standard, long) in HEAT.items():
        if name == f"{flux}_F_MDS":
            attrs |= {"standard_name": standard, "long_name": long, "units": "W m-2", "fluxnet_name": name}
    return values.assign_attrs(attrs | _class_attrs(values, name))


def _class_attrs(values: xr.DataArray, name: str) -> dict[str, object]:
    """CF flag attributes of a half-hourly quality class."""
    if not name.endswith("_QC") or values.attrs.get("units") == "1":
        return {}
    return {
        "flag_values": np.arange(4, dtype=values.dtype),
        "flag_meanings": "measured filled_well filled_fairly filled_poorly",
    }


def _link(made: dict[str, xr.DataArray], name: str, renamed: Mapping[str, Column]) -> None:
    """`ancillary_variables` of `name`: its quality and errors, by the names that they now bear."""
    theirs = made[name].attrs.get("fluxnet_name", name)
    near = [f"{theirs}{end}" for end in ("_QC", "_CHECK", "_SPIKE", "_RANDUNC", "_JOINTUNC")]
    there = [renamed[n].ours if n in renamed else n for n in near]
    there = [n for n in there if n in made and n != name]
    if there:
        made[name] = made[name].assign_attrs(ancillary_variables=" ".join(there))


def _described(ds: xr.Dataset, length: str, provenance: Mapping[str, str]) -> dict[str, object]:
    site = str(ds.attrs.get("site", "unnamed tower"))
    found = ds.attrs.get("findings", [])
    own = {
        "Conventions": "CF-1.11",
        "featureType": "timeSeries",
        "title": f"Eddy-covariance fluxes at {site}, {length}",
        "site": site,
        "utc_offset": float(ds.attrs["utc_offset"]),
        "comment": "\n".join(found) if found else "The checks found nothing.",
    }
    plain = {k: v for k, v in ds.attrs.items() if isinstance(v, str | int | float) and k not in own}
    return plain | own | dict(provenance)


def write_netcdf(ds: xr.Dataset, path: Path, provenance: Mapping[str, str] | None = None) -> Path:
    """Writes the record as CF NetCDF to `path`; returns it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = cf(ds, provenance)
    packed = {str(n): {"zlib": True, "complevel": 4} for n, v in made.data_vars.items() if v.dims}
    made.to_netcdf(path, encoding=packed | _clock_encoding())
    return path


def write_zarr(ds: xr.Dataset, path: Path, provenance: Mapping[str, str] | None = None) -> Path:
    """Writes the record as a CF Zarr store at `path`, anew; returns it."""
    # Zarr has no settled type for a string of fixed length; the site stands among the attributes as well.
    cf(ds, provenance).drop_vars("station").to_zarr(
        path, mode="w", encoding=_clock_encoding(), consolidated=False
    )
    return path


def _clock_encoding() -> dict[str, dict[str, str]]:
    unit = {"units": "minutes since 1970-01-01 00:00:00", "calendar": "standard", "dtype": "int64"}
    return {"time": unit, "time_bounds": unit}
