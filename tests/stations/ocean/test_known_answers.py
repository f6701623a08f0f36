"""Sea water and carbon dioxide against the numbers printed in the papers, and against a cruise."""

import numpy as np
import pytest
import xarray as xr

from landsink.core.errors import DataError
from landsink.sources.ocean import open_ocean
from landsink.stations.ocean import (
    Errors,
    Schmidt,
    Solubility,
    Takahashi,
    Transfer,
    budget,
    exchange,
    fco2_at_sea,
)
from landsink.stations.ocean import carbonate as c

CRUISE = "flux/ocean_pco2/26NA20050107_CO2_underway_SOCATv3.tab"


def test_solubility_weiss_1974():
    assert float(np.log(Solubility.Weiss1974PerMass(25.0, 35.0))) == pytest.approx(
        -3.5617, abs=5e-5
    )  # DOE 1994, ch. 5
    assert float(Solubility.Weiss1974(0.0, 0.0)) == pytest.approx(7.758e-2, abs=5e-6)  # table 2
    assert float(Solubility.Weiss1974(20.0, 35.0)) == pytest.approx(3.322e-2, abs=5e-6)
    assert float(Solubility.Weiss1974PerMass(20.0, 35.0)) == pytest.approx(3.241e-2, abs=5e-6)


def test_litre_and_kilogram_differ_by_the_density_of_sea_water():
    ratio = Solubility.Weiss1974(20.0, 35.0) / Solubility.Weiss1974PerMass(20.0, 35.0)
    assert float(ratio) == pytest.approx(1.0248, abs=5e-4)  # kg L-1 at 20 degC, S = 35


@pytest.mark.parametrize("temperature", [0.0, 10.0, 20.0, 30.0, 40.0])
@pytest.mark.parametrize("salinity", [0.0, 20.0, 35.0])
def test_weiss_and_price_1980_agrees_with_what_it_was_made_of(temperature, salinity):
    """F = K0 (1 - pH2O) exp[(B + 2 δ) / RT] at 1 atm; the paper's fit of F stands by itself."""
    made = Solubility.Weiss1974(temperature, salinity) * (1 - c.vapour_pressure(temperature, salinity))
    made = made * c.fugacity_factor(temperature, 1.0, 0.0)
    assert float(made / Solubility.WeissPrice1980(temperature, salinity)) == pytest.approx(1.0, abs=1.5e-3)


def test_vapour_pressure():
    assert float(c.vapour_pressure(25.0, 0.0)) * 101.325 == pytest.approx(
        3.1690, abs=0.005
    )  # kPa, pure water
    assert float(c.vapour_pressure(25.0, 35.0)) * 101.325 == pytest.approx(
        3.1106, abs=0.005
    )  # Dickson et al. 2007
    assert float(c.vapour_pressure(100.0, 0.0)) == pytest.approx(
        1.0, abs=0.03
    )  # boils, far beyond the fit's range


def test_virial_coefficients_at_25_degrees():
    own, cross = c.virial(25.0)
    assert (float(own), float(cross)) == (pytest.approx(-123.2, abs=0.05), pytest.approx(22.52, abs=0.01))


def test_fugacity_is_some_three_parts_in_a_thousand_below_the_pressure():
    assert float(c.fugacity_factor(25.0, 1.0, 350e-6)) == pytest.approx(
        0.99681, abs=2e-5
    )  # exp[(B + 2 δ) / RT]
    np.testing.assert_allclose(
        c.xco2_from_pco2(c.pco2_from_xco2(380.0, 1000.0, 10.0, 35.0), 1000.0, 10.0, 35.0), 380.0
    )


def test_warming_by_one_degree_is_four_percent():
    assert float(Takahashi.Of1993(100.0, 10.0, 11.0)) == pytest.approx(104.32, abs=0.01)
    there = Takahashi.Of2009(350.0, 4.0, 17.0)
    assert float(Takahashi.Of2009(there, 17.0, 4.0)) == pytest.approx(350.0)


@pytest.mark.parametrize(
    ("schmidt", "expected"), [(Schmidt.SeaWater, 668), (Schmidt.FreshWater, 600), (Schmidt.SeaWater1992, 666)]
)
def test_schmidt_numbers_at_20_degrees(schmidt, expected):
    assert round(float(schmidt(20.0))) == expected
    assert np.isnan(schmidt(60.0))


@pytest.mark.parametrize(
    ("relation", "expected"),
    [
        (Transfer.Wanninkhof2014, 0.251 * 49),
        (Transfer.Wanninkhof1992, 0.31 * 49),
        (Transfer.Sweeney2007, 0.27 * 49),
        (Transfer.WanninkhofMcGillis1999, 0.0283 * 343),
        (Transfer.Nightingale2000, 0.222 * 49 + 0.333 * 7),
        (Transfer.Ho2006, 0.266 * 49),
    ],
)
def test_transfer_velocities_at_7_metres_a_second(relation, expected):
    """Each as printed where the Schmidt number is the one that it was written for."""
    t = np.linspace(15, 30, 15001)
    at = t[np.argmin(np.abs(relation.schmidt(t) - relation.reference))]
    assert float(relation(7.0, at)) == pytest.approx(expected, rel=1e-4)
    assert relation.source and 0 < relation.relative < 1


def test_gusts_count():
    wind = np.random.default_rng(0).normal(8.0, 2.0, 200_000)
    for relation in (Transfer.Wanninkhof2014, Transfer.WanninkhofMcGillis1999, Transfer.Nightingale2000):
        assert float(relation(8.0, 20.0, 4.0)) == pytest.approx(relation(wind, 20.0).mean(), rel=5e-3)


def test_a_cruise_is_recomputed(data):
    ds = open_ocean(data / CRUISE)
    away = (fco2_at_sea(ds) - ds["fco2"]).values
    assert away.size == 526 and np.abs(away).max() < 0.07  # µatm
    # What is left is one choice: the provider's virial correction takes 1 atm, not the equilibrator's pressure.
    x, p, t, sst, salinity = (ds[name].values for name in c.NEEDED)
    theirs = c.pco2_from_xco2(x, p, t, salinity) * c.fugacity_factor(t, 1.0, x * 1e-6)
    assert np.abs(Takahashi.Of1993(theirs, t, sst) - ds["fco2"].values).max() < 0.003
    assert (
        ds["fco2_water_equ"] == ds["fco2_water_sst"]
    ).all()  # the file's trap: 'equ' holds the value at the surface


def sea(**changes) -> xr.Dataset:
    values = {"fco2": 400.0, "xco2_air": 380.0, "p_air": 1013.25, "sst": 20.0, "salinity": 35.0} | changes
    return xr.Dataset({k: ("time", np.atleast_1d(v)) for k, v in values.items()}, {"time": np.arange(1)})


def test_flux_by_hand():
    air = 380 * (1 - float(c.vapour_pressure(20.0, 35.0))) * float(c.fugacity_factor(20.0, 1.0, 380e-6))
    k = 0.251 * 49 * (668.344 / 660) ** -0.5
    expected = k * 0.01 * 8766 * 0.0332152 * 1000 * (400 - air) * 1e-6
    found = exchange(sea(), wind=7.0)
    assert float(found["flux"][0]) == pytest.approx(expected, rel=1e-5)
    assert found["flux"].attrs["sign"] == "positive to the atmosphere"
    assert float(exchange(sea(), 7.0, ice=0.25)["flux"][0]) == pytest.approx(0.75 * expected, rel=1e-5)
    assert float(exchange(sea(fco2=air), 7.0)["flux"][0]) == pytest.approx(0.0, abs=1e-9)
    assert float(exchange(sea(fco2=300.0), 7.0)["flux"][0]) < 0


def test_the_budget_is_that_of_many_draws():
    errors, random, n = Errors(), np.random.default_rng(1), 100_000
    drawn = xr.Dataset(
        {
            "fco2": ("time", random.normal(400, errors.fco2_water, n)),
            "xco2_air": ("time", random.normal(380, errors.xco2_air, n)),
            "p_air": ("time", random.normal(1013.25, errors.pressure, n)),
            "sst": ("time", random.normal(20, errors.temperature, n)),
            "salinity": ("time", random.normal(35, errors.salinity, n)),
        },
        {"time": np.arange(n)},
    )
    one = exchange(sea(), 7.0)
    flux = exchange(drawn, xr.DataArray(random.normal(7, errors.wind, n), dims="time"))["flux"].values
    flux = flux * random.normal(1, 0.2, n) * random.normal(1, errors.solubility, n)
    assert float(one["flux_sd"][0]) == pytest.approx(flux.std(), rel=0.03)


def test_the_budget_of_a_cruise(data):
    ds = open_ocean(data / CRUISE)
    flux = exchange(ds.where(ds["flag"] == 2), wind=10.0, errors=Errors(fco2_water=5.0))  # cruise flag C
    table = budget(flux)
    assert table.index[0] in ("transfer", "fco2_water") and table.index[-1] == "total"
    assert table["share"].drop("total").sum() == pytest.approx(1.0)
    assert table.loc["transfer", "of_flux"] == pytest.approx(0.2, rel=1e-6)
    assert float(flux["flux"].isnull().sum()) == 0


@pytest.mark.parametrize("name", ["fco2", "xco2_air", "p_air", "sst", "salinity"])
def test_what_is_absent_is_named(name):
    with pytest.raises(DataError, match=name):
        exchange(sea().drop_vars(name), wind=7.0)
    with pytest.raises(DataError, match="No sample"):
        exchange(sea(**{name: np.nan}), wind=7.0)


def test_samples_without_an_equilibrator_say_so(data):
    with pytest.raises(DataError, match="No sample has all"):
        fco2_at_sea(open_ocean(data / "flux/icos_format_samples/otc_quality_flags.csv"))
    with pytest.raises(DataError, match="p_equ"):
        fco2_at_sea(sea())
