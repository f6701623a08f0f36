"""How a quantity is shown to people: its title, its sign convention, and readable units."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from landsink.core.display import pretty
from landsink.core.errors import UnknownName
from landsink.core.quantity import quantity
from landsink.core.units import convert

DAYS_PER_YEAR = 365.25
FLUX, STOCK = "kg m-2 s-1", "kg m-2"


@dataclass(frozen=True)
class Display:
    """One quantity in words: `unit` converts its values for a series, `map_unit` for a map."""

    name: str
    long: str
    sign: str
    substance: str
    source: str
    unit: str
    map_unit: str

    @property
    def title(self) -> str:
        """Long name, short name and sign convention in one line."""
        head = f"{self.long[:1].upper()}{self.long[1:]} ({self.name})"
        return f"{head}, {self.sign}" if self.sign else head

    @property
    def is_flux(self) -> bool:
        """True for a mass a square metre a second, which a year and a region can be summed over."""
        return self.source == FLUX and self.substance in ("carbon", "water")

    def values(self, array: np.ndarray | xr.DataArray, *, on_map: bool = False) -> np.ndarray | xr.DataArray:
        """Values in the unit of the series or of the map."""
        data = convert(np.asarray(array, dtype=float), self.source, self.map_unit if on_map else self.unit)
        return array.copy(data=data) if isinstance(array, xr.DataArray) else data

    def spread(self, array: np.ndarray | xr.DataArray, *, on_map: bool = False) -> np.ndarray | xr.DataArray:
        """A standard deviation in the same unit: scaled, never shifted (5 K of error are not -268 °C)."""
        return self.values(array, on_map=on_map) - self.values(np.zeros(()), on_map=on_map)

    def label(self, *, on_map: bool = False) -> str:
        """The unit as people write it, with the element where it is carbon: 'g C m⁻² d⁻¹'."""
        return pretty(self.map_unit if on_map else self.unit, self.substance)


def display(name: str, values: xr.DataArray) -> Display:
    """How to show a variable of a product; a name outside the vocabulary is shown as its file describes it."""
    attrs = values.attrs
    try:
        row = quantity(name)
        long, sign, substance, unit = row.long, row.sign, row.substance, row.unit
    except UnknownName:
        long, sign, substance, unit = str(attrs.get("long_name", name)), "", "", "1"
    source = str(attrs.get("units", unit))
    shown, mapped = _units(source, substance)
    return Display(name, long, sign, substance, source, shown, mapped)


def _units(source: str, substance: str) -> tuple[str, str]:
    # 1 kg of water on 1 m2 stands 1 mm high; the mass unit is kept and only its label says mm.
    if source == FLUX and substance == "carbon":
        return "g m-2 d-1", "g m-2 yr-1"
    if source == FLUX and substance == "water":
        return "kg m-2 d-1", "kg m-2 yr-1"
    return ("degC", "degC") if source == "K" else (source, source)
