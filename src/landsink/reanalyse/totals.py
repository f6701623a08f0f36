"""What a gridded product adds up to over its region."""

import numpy as np
import xarray as xr

from landsink.core.door import NOT_STEADY

SECONDS_A_YEAR = 365.2425 * 86400.0


def annual_totals(product: xr.Dataset) -> dict[str, tuple[float, float]]:
    """Mean annual sum over the region of every flux and its standard deviation over members: Pg yr-1.

    Members err together over cells and years, as the ensemble itself says; months are weighted by their length. The
    area is the land (`areacella` times `sftlf`) of all cells that hold values; a spin-up that has not quite converged
    is flagged but holds some, and counts in the means by member.
    """
    if "areacella" not in product:
        return {}
    valued = (product["quality"] & ~NOT_STEADY) == 0
    area = float((product["areacella"] * product["sftlf"] / 100.0).where(valued).sum())
    days = product["time"].dt.days_in_month
    found = {}
    for name in [str(n) for n in product.data_vars if str(n).endswith("_regional_members")]:
        members = product[name]
        if members.attrs.get("units") != "kg m-2 s-1":
            continue
        rate = (members * days).sum("time") / days.sum()
        total = rate.to_numpy() * area * SECONDS_A_YEAR * 1e-12
        found[name.removesuffix("_regional_members")] = (float(total.mean()), float(np.std(total, ddof=1)))
    return found
