"""Calibration scales: a mole fraction means nothing without the gases that it was compared with.

The one conversion kept here is linear: X2019 = 1.00079 X2007 - 0.142 µmol mol-1 (Hall et al. 2021,
10.5194/amt-14-3015-2021), within the range 250-520 µmol mol-1 that the X2007 primary standards span.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from landsink.core.errors import DataError
from landsink.stations.air.select import gas_of


@dataclass(frozen=True)
class Conversion:
    """target = slope · origin + offset [the gas's unit], for origins from `lowest` to `highest`."""

    gas: str
    origin: str
    target: str
    slope: float
    offset: float
    lowest: float
    highest: float
    source: str


CONVERSIONS = (
    Conversion(
        "co2",
        "WMO-X2007",
        "WMO-X2019",
        1.00079,
        -0.142,
        250.0,
        520.0,
        "Hall et al. 2021, 10.5194/amt-14-3015-2021",
    ),
)


def scale_of(ds: xr.Dataset, gas: str) -> str:
    """The scale that a gas stands on, 'not stated' where nothing tells."""
    return str(ds[gas].attrs.get("calibration_scale", ds.attrs.get("calibration_scale", "not stated")))


def to_scale(ds: xr.Dataset, target: str, gas: str | None = None) -> xr.Dataset:
    """The record on the scale `target` (such as 'WMO-X2019'), its value, spreads and attributes converted.

    Raises DataError where no published relation leads from the record's scale to it (a record that mixes scales, or
    tells none, has none), or where values lie outside the relation's range.
    """
    gas = gas or gas_of(ds)
    here = scale_of(ds, gas)
    if here == target:
        return ds
    known = [
        c
        for c in CONVERSIONS
        if c.gas == gas and target in (c.origin, c.target) and here in (c.origin, c.target)
    ]
    if not known:
        ways = "; ".join(f"{c.gas} {c.origin} and {c.target}" for c in CONVERSIONS)
        raise DataError(
            f"The record of {gas} is on '{here}', asked is '{target}'.",
            f"Relations are known between: {ways}.",
            "Where you know the scale better than the file, set ds[gas].attrs['calibration_scale'].",
        )
    rule = known[0]
    forth = here == rule.origin
    value = ds[gas].values
    turned = rule.slope * value + rule.offset if forth else (value - rule.offset) / rule.slope
    origin = value if forth else turned
    outside = int(((origin < rule.lowest) | (origin > rule.highest)).sum())
    if outside:
        raise DataError(
            f"{outside} values of {gas} lie outside {rule.lowest:g}-{rule.highest:g} {ds[gas].attrs.get('units', '')}.",
            f"The range in which {rule.origin} was realised ({rule.source}).",
            "Remove them first.",
        )
    slope = rule.slope if forth else 1 / rule.slope
    changed = {gas: (ds[gas].dims, turned, {**ds[gas].attrs, "calibration_scale": target})}
    for name in str(ds[gas].attrs.get("ancillary_variables", "")).split():
        if name in ds and ds[name].attrs.get("units") == ds[gas].attrs.get("units"):
            changed[name] = (ds[name].dims, ds[name].values * slope, ds[name].attrs)
    out = ds.assign(changed)
    out.attrs |= {"calibration_scale": target, "scale_conversion": f"{here} to {target} after {rule.source}"}
    return out


def join(records: Sequence[xr.Dataset], gas: str | None = None) -> xr.Dataset:
    """Records of one station and height as one, by time; where two hold the same time the earlier in the list stands.

    Raises DataError where their scales, intervals or intake heights differ: convert with `to_scale` first.
    """
    if not records:
        raise DataError("No records to join.", "At least one.")
    gas = gas or gas_of(records[0])
    scales = list(dict.fromkeys(scale_of(ds, gas) for ds in records))
    if len(scales) > 1:
        raise DataError(
            f"The records stand on {' and '.join(scales)}.",
            "One scale.",
            "Convert with stations.air.to_scale.",
        )
    for key in ("interval", "intake_height", "station"):
        told = list(dict.fromkeys(ds.attrs[key] for ds in records if key in ds.attrs))
        if len(told) > 1:
            raise DataError(f"The records differ in {key}: {told}.", "One.", "Join only what is one series.")
    kept = [name for name in records[0].data_vars if all(name in ds for ds in records)]
    whole = xr.concat([ds[kept] for ds in records], "time", combine_attrs="override", join="outer")
    first = np.unique(whole["time"].values, return_index=True)[1]
    return whole.isel(time=first)
