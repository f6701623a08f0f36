"""Rothamsted's plots: calendar, units, inputs of carbon, and what was sampled."""

import numpy as np
import pytest

from landsink.core.errors import DataError, UnknownName
from landsink.sources import Rothamsted


def source(data, experiment: str = "hoosfield") -> Rothamsted:
    return Rothamsted(data / Rothamsted.path, experiment)


def tonnes_a_year(flux) -> np.ndarray:
    """Mean input, t ha-1 a year."""
    seconds = flux["time"].dt.days_in_month * 86400
    return ((flux * seconds).sum("time") * 10 / (flux.sizes["time"] / 12)).values


def test_hoosfield(data):
    ds = source(data).open()
    assert dict(ds.sizes) == {"time": 1776, "site": 3}
    assert str(ds["time"].values[-1])[:7] == "1999-12"
    assert ds["cSoil"].attrs["units"] == "kg m-2"
    # manure: 3 t C ha-1 a year since 1852, and for the first twenty years only
    assert tonnes_a_year(ds["fManure"]) == pytest.approx([0.0, 3.0 * 20 / 148, 3.0])
    latest = ds["cSoil"].sel(site="hoos7_2").dropna("time")
    assert latest.values == pytest.approx([6.0, 7.5, 7.6, 8.7, 8.8, 8.2])
    assert latest["time"].dt.year.values.tolist() == [1883, 1912, 1945, 1976, 1981, 1986]
    assert (ds["cSoil_sd"].notnull() == ds["cSoil"].notnull()).all()


def test_broadbalk(data):
    ds = source(data, "broadbalk").open(["cSoil", "evspsblpot", "tas"], ["bb3", "bb22"])
    assert str(ds["time"].values[0])[:7] == "1843-10"
    assert set(ds.data_vars) == {"cSoil", "cSoil_sd", "evspsblpot", "tas"}
    # 34 mm from an open pan in October 1843 are 25.5 mm of potential evapotranspiration
    assert float(ds["evspsblpot"][0, 0]) == pytest.approx(0.75 * 34 / (31 * 86400))
    assert float(ds["tas"][0, 0]) == pytest.approx(283.35)
    assert np.isnan(ds["cSoil"][0]).all()
    assert ds["cSoilStart"].values == pytest.approx([2.8106, 2.8106])


def test_experiments_see_the_same_evaporation(data):
    """Pan and potential evaporation of the two file sets agree once the factor is applied."""
    rates = [
        source(data, name)
        .open(["evspsblpot"])["evspsblpot"]
        .isel(site=0)
        .sel(time=slice("1900", "1950"))
        .mean()
        for name in ("hoosfield", "broadbalk")
    ]
    assert float(rates[0] / rates[1]) == pytest.approx(1.0, abs=0.05)


def test_unknown_plot_names_the_near_ones(data):
    with pytest.raises(UnknownName, match="hoos7_1"):
        source(data).open(sites=["hoos71"])


def test_unknown_experiment(data):
    with pytest.raises(UnknownName, match="broadbalk"):
        source(data, "brodbalk").open()


def test_missing_folder(tmp_path):
    with pytest.raises(DataError, match="LANDSINK_DATA"):
        Rothamsted(tmp_path).open()
