"""One provider's column as one of our quantities: name, unit, missing values."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from landsink.core.quantity import quantity

DAY = 86400.0
GRAM_PER_DAY = 1e-3 / DAY  # g m-2 d-1 -> kg m-2 s-1
MILLIMETRE_PER_DAY = 1.0 / DAY  # mm d-1 -> kg m-2 s-1
MEGAJOULE_PER_DAY = 1e6 / DAY  # MJ m-2 d-1 -> W m-2
MICROMOLE_CARBON = 12.011e-9  # umol CO2 m-2 s-1 -> kg C m-2 s-1
HECTOPASCAL = 100.0
KILOPASCAL = 1000.0
PPM = 1e-6
FREEZING = 273.15
STANDARD_PRESSURE = 101325.0

# FLUXNET, CARDAMOM and BIOME4 all write -9999; a margin catches what float32 or averaging made of it.
MISSING_BELOW = -9990.0

COMPANIONS = ("_sd", "_withheld")


@dataclass(frozen=True)
class Column:
    """`ours` = `theirs` * factor + offset, in the vocabulary's unit."""

    theirs: str
    ours: str
    factor: float = 1.0
    offset: float = 0.0

    def convert(self, values: np.ndarray) -> np.ndarray:
        """Values (any shape) in canonical units, float64; the provider's missing mark becomes NaN."""
        return blank(values) * self.factor + self.offset


def blank(values: np.ndarray) -> np.ndarray:
    """Values (any shape) as float64 with the mark -9999 as NaN."""
    numbers = np.asarray(values, dtype=np.float64)
    return np.where(numbers <= MISSING_BELOW, np.nan, numbers)


def attributes(name: str) -> dict[str, str]:
    """CF attributes of a quantity, or of its companion (`nee_sd`, `nee_withheld`)."""
    if name.endswith("_withheld"):
        parent = name.removesuffix("_withheld")
        return {"long_name": f"true where the provider keeps {parent} for validation"}
    if name.endswith("_sd"):
        row = quantity(name.removesuffix("_sd"))
        return {"units": row.unit, "long_name": f"1-sigma error of {row.long}"}
    return dict(quantity(name).attrs)


def label(ds: xr.Dataset, provenance: Mapping[str, str]) -> xr.Dataset:
    """The dataset with units and names from the vocabulary, and with where it comes from."""
    coords = {
        axis: ds[axis].assign_attrs(units=units, long_name=axis)
        for axis, units in (("lat", "degrees_north"), ("lon", "degrees_east"))
        if axis in ds.coords
    }
    labelled = {name: ds[name].assign_attrs(attributes(str(name)) | ds[name].attrs) for name in ds.data_vars}
    return ds.assign(labelled).assign_coords(coords).assign_attrs(provenance)


def error(values: np.ndarray, relative: float, absolute: float) -> np.ndarray:
    """1-sigma error (unit and shape of `values`): a relative and an absolute part, independent."""
    return np.hypot(relative * values, absolute)
