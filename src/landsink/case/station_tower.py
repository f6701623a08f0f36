"""A processed tower's sheet: its main fluxes and weather, days to years as the chain made them, coverage, numbers."""

from calendar import isleap
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from landsink.core.errors import DataError
from landsink.core.record import Record
from landsink.stations.flux import clock, products
from landsink.stations.flux.stage import Processed

from .station_record import listed
from .station_sheet import Headline, Sheet, flag_counts, write, yearly

MARKS = MappingProxyType({"DD": "day", "MM": "month", "YY": "year"})
UP, DOWN = "positive: to the atmosphere", "positive: to the ground"
# Ours: FLUXNET's quality of it, its sign.
SHOWN = MappingProxyType(
    {
        "nee": ("NEE_VUT_REF_QC", UP),
        "gpp_night": ("NEE_VUT_REF_QC", "positive: into the ecosystem"),
        "gpp_day": ("NEE_VUT_REF_QC", "positive: into the ecosystem"),
        "reco_night": ("NEE_VUT_REF_QC", UP),
        "reco_day": ("NEE_VUT_REF_QC", UP),
        "hfls": ("LE_F_MDS_QC", UP),
        "hfss": ("H_F_MDS_QC", UP),
        "tas": ("TA_F_QC", ""),
        "rsds": ("SW_IN_F_QC", DOWN),
        "vpd": ("VPD_F_QC", ""),
        "pr": ("P_F_QC", ""),
        "rns": ("", DOWN),
    }
)
PARTITIONED = ("GPP_NT_VUT", "GPP_DT_VUT", "RECO_NT_VUT", "RECO_DT_VUT")
JOINT = "1 sd: of chance and of the choice of the u* threshold, together"
CHANCE = "1 sd: of chance alone; the choice of the u* threshold is left out"
CHOICE = "1 sd: half of the 16th to 84th percentile over u* thresholds; chance is left out"
METHOD = "Pastorello et al. 2020, 10.1038/s41597-020-0534-3; Reichstein et al. 2005; Lasslop et al. 2010"
CARBON = MappingProxyType({"NEE": UP, "GPP": "positive: into the ecosystem", "RECO": UP})


def add_sheet(done: Processed, folder: Path, ds: xr.Dataset, record: Record, annual: pd.DataFrame) -> None:
    """`station.json` and `series.zarr` of a processed tower into its `folder`."""
    sheet = tower_sheet(done, ds, annual)
    steps = [{"name": s.name, "status": s.status, "says": s.says, "seconds": s.seconds} for s in done.steps]
    facts = {"record": record.hash, "label": sheet.station, "steps": steps, "products": listed(folder)}
    write(sheet, folder, facts)


def tower_sheet(done: Processed, ds: xr.Dataset, annual: pd.DataFrame) -> Sheet:
    """The sheet of a processed tower; without series where it does not say its place."""
    site = str(ds.attrs["site"])
    notes = [str(n) for n in (*ds.attrs.get("notes", ()), *done.record.attrs.get("findings", ()))]
    try:
        series = {"native": series_of(done.record, "native")}
        series |= {MARKS[m]: series_of(c, MARKS[m]) for m, c in done.coarse.items() if m in MARKS}
    except DataError as error:
        series, notes = {}, [*notes, f"There are no series: {error}"]
    return Sheet(
        station=site,
        name=str(ds.attrs.get("site_name") or site),
        domain="ecosystem",
        title=f"{site}: fluxes of an ecosystem by eddy covariance",
        place={
            ours: float(ds.attrs[theirs])
            for ours, theirs in (
                ("latitude", "latitude"),
                ("longitude", "longitude"),
                ("utc_offset", "utc_offset"),
            )
            if theirs in ds.attrs
        },
        series=series,
        coverage=_coverage(series.get("native"), done.record),
        quality=[row for n in series.get("native", ()) for row in flag_counts(series["native"], str(n))],
        headlines=_headlines(annual),
        notes=notes,
        interval=f"PT{clock.step_seconds(done.record) // 60}M",
        method=METHOD,
        source=str(ds.attrs.get("source", "")),
        licence=str(ds.attrs.get("licence", "")),
        citation=str(ds.attrs.get("citation", "")),
    )


def series_of(ds: xr.Dataset, resolution: str) -> xr.Dataset:
    """The variables shown of one length, as the CF product has them, with errors and quality beside."""
    whole = products.cf(ds)
    half = _halves(ds)
    made: dict[str, xr.DataArray] = {}
    for name in [n for n in SHOWN if n in whole and np.isfinite(whole[n].values).any()]:
        quality, sign = SHOWN[name]
        attrs = {
            k: whole[name].attrs[k] for k in ("units", "long_name", "standard_name") if k in whole[name].attrs
        }
        mark = products.mark(ds)
        attrs |= {"sign": sign, "product": f"{ds.attrs['site']}_{mark}.nc, {name}"}
        made[name] = whole[name].drop_vars(list(whole[name].coords)).assign_attrs(attrs)
        made[name].attrs = attrs
        error, told = _error(name, whole, half)
        if error is not None:
            made[f"{name}_sd"] = error.drop_vars(list(error.coords)).assign_attrs(units=attrs["units"])
            made[name].attrs["uncertainty"] = told
        if quality in whole:
            end = "flag" if resolution == "native" else "share"
            made[f"{name}_{end}"] = _quality(whole[quality].drop_vars(list(whole[quality].coords)), end)
    # Native times are UTC; a day, month or year bears its own date.
    time = whole["time"].values if resolution == "native" else ds["time"].values
    return xr.Dataset(made, coords={"time": time.astype("datetime64[ns]")})


def _halves(ds: xr.Dataset) -> xr.Dataset:
    """Half of the 16th to 84th percentile over u* thresholds, in the place of the fluxes: the same units come out."""
    known = {
        f"{f}_REF": ((ds[f"{f}_84"] - ds[f"{f}_16"]) / 2).assign_attrs(ds[f"{f}_REF"].attrs)
        for f in PARTITIONED
        if f"{f}_REF" in ds and f"{f}_16" in ds and f"{f}_84" in ds
    }
    if not known:
        return xr.Dataset()
    own = ("time", *(n for n in ds.coords if n != "time"))
    return products.cf(xr.Dataset(known, coords={n: ds[n] for n in own}, attrs=ds.attrs))


def _error(name: str, whole: xr.Dataset, half: xr.Dataset) -> tuple[xr.DataArray | None, str]:
    if name == "nee":
        for error, told in (("nee_joint_error", JOINT), ("nee_random_error", CHANCE)):
            if error in whole and np.isfinite(whole[error].values).any():
                return whole[error], told
    beside = {"hfls": "LE_RANDUNC", "hfss": "H_RANDUNC"}.get(name)
    if beside in whole:
        return whole[beside], "1 sd: of chance alone"
    return (half[name], CHOICE) if name in half else (None, "")


def _quality(values: xr.DataArray, end: str) -> xr.DataArray:
    if end == "share":
        attrs: Mapping[str, Any] = {"units": "1", "long_name": "share measured or filled well"}
        return values.astype(float).assign_attrs(attrs)
    codes = np.where(np.isfinite(values), values, -1).astype(np.int8)
    attrs = {
        "flag_values": np.arange(-1, 4).astype(np.int8).tolist(),
        "flag_meanings": "missing measured filled_well filled_fairly filled_poorly",
    }
    return xr.DataArray(codes, dims=values.dims, attrs=attrs)


def _coverage(native: xr.Dataset | None, record: xr.Dataset) -> list[dict[str, Any]]:
    """Of each year the steps that have a value, filled or not, and those that were measured and kept."""
    if native is None:
        return []
    years, steps = clock.year(record), clock.per_day(record)
    rows: list[dict[str, Any]] = []
    for name in [n for n in SHOWN if n in native]:
        there = np.isfinite(native[name].values)
        flag = native.get(f"{name}_flag")
        good = there if flag is None else there & (flag.values == 0)

        def expected(year: int) -> int:
            return (366 if isleap(year) else 365) * steps

        rows += yearly(name, years, there, good, expected)
    return rows


def _headlines(annual: pd.DataFrame) -> list[Headline]:
    """The carbon of the last year (or month) told."""
    if not len(annual):
        return []
    last = annual[annual["period"] == annual["period"].iloc[-1]]
    rows = []
    for row in last.to_dict("records"):
        sd = next((float(row[n]) for n in ("joint", "ustar", "random") if np.isfinite(row[n])), np.nan)
        told = (
            "of chance and u*"
            if np.isfinite(row["joint"])
            else "of the choice of u*"
            if np.isfinite(row["ustar"])
            else ""
        )
        sign = CARBON[str(row["flux"]).split("_")[0]]
        says = f"{row['product']}{f'; ± {told}' if told else ''}"
        rows.append(
            Headline(
                f"{row['flux']} in {row['period']}", float(row["value"]), sd, str(row["unit"]), sign, says
            )
        )
    return rows
