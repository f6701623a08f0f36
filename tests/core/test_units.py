"""Units as CF writes them."""

import numpy as np
import pytest

from landsink.core.errors import DataError
from landsink.core.units import convert, factor, parse


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("g m-2", 1e-3), ("kg m-2 s-1", 1.0), ("hPa", 100.0), ("1", 1.0), ("%", 0.01), ("ppm", 1e-6),
     ("mm d-1", 1e-3 / 86400.0), ("g m-2 d-1", 1e-3 / 86400.0), ("MJ m-2 d-1", 1e6 / 86400.0),
     ("mol mol-1", 1.0), ("umol mol-1", 1e-6), ("", 1.0), ("Mg ha-1", 0.1), ("kg m^-2", 1.0), ("m3 m-3", 1.0)],
)  # fmt: skip
def test_factor_to_si(unit, expected):
    assert factor(unit) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("celsius", ["degC", "°C", "celsius", "degree_Celsius", "deg C"])
def test_celsius_has_an_offset(celsius):
    assert convert(np.array([0.0, 25.0]), celsius, "K") == pytest.approx([273.15, 298.15])
    assert convert(np.array([273.15]), "K", celsius) == pytest.approx([0.0], abs=1e-10)


def test_same_unit_is_the_same_array():
    values = np.arange(3.0)
    assert convert(values, "K", "K") is values


def test_conversion_keeps_gaps():
    assert np.isnan(convert(np.array([np.nan]), "hPa", "Pa")[0])


def test_flux_of_grams_a_day():
    assert convert(86400e3, "g m-2 d-1", "kg m-2 s-1") == pytest.approx(1.0)


def test_other_things_do_not_convert():
    with pytest.raises(DataError, match=r"'hPa'.*'K'"):
        convert(np.zeros(1), "hPa", "K")


@pytest.mark.parametrize("unit", ["blah", "kg m-2 s-", "5 apples", "K K K)"])
def test_unreadable_unit_is_named(unit):
    with pytest.raises(DataError, match="is not a unit that can be read"):
        parse(unit)


@pytest.mark.parametrize(
    "unit", ["degrees_north", "degrees_east", "W m-2", "s-1", "mol m-2 s-1", "m s-1", "%"]
)
def test_units_of_the_vocabulary_are_read(unit):
    parse(unit)


def test_a_depth_of_water_is_a_mass_only_where_water_is_meant():
    assert convert(86400.0, "mm d-1", "kg m-2 s-1", water=True) == pytest.approx(1.0)
    assert convert(2.0, "cm", "kg m-2", water=True) == pytest.approx(20.0)
    assert convert(1.0, "kg m-2 d-1", "kg m-2 s-1", water=True) == pytest.approx(1 / 86400.0)
    with pytest.raises(DataError):
        convert(1.0, "mm d-1", "kg m-2 s-1")
