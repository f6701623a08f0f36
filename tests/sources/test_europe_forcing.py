"""European forcing: units, shape, its missing soils."""

import numpy as np
import pytest

from landsink.core.errors import DataError
from landsink.core.quantity import quantity
from landsink.sources import EuropeForcing


def test_cells_months_and_units(data):
    ds = EuropeForcing(data / EuropeForcing.path).open()
    assert ds.sizes == {"time": 192, "cell": 1501}
    assert ds.time.values[[0, -1]].tolist() == [
        np.datetime64(d, "ns").astype(int) for d in ("2001-01-01", "2016-12-01")
    ]
    for name in EuropeForcing.gives:
        assert ds[name].dims == ("time", "cell") and ds[name].attrs["units"] == quantity(name).unit
        low, high = quantity(name).span
        assert low <= float(ds[name].min()) and float(ds[name].max()) <= high, name
    assert (ds["tasmin"] <= ds["tas"]).all() and (ds["tas"] <= ds["tasmax"]).all()


def test_means_by_hand(data):
    ds = EuropeForcing(data / EuropeForcing.path).open(["tas", "pr", "co2"])
    assert list(ds.data_vars) == ["tas", "pr", "co2"]
    # the file's own means: 9.193521 degC, 1.9154097 mm d-1; CO2 begins at 370.59 ppm everywhere
    assert float(ds["tas"].mean()) == pytest.approx(282.343521, abs=1e-4)
    assert float(ds["pr"].mean()) == pytest.approx(1.9154097 / 86400, rel=1e-6)
    assert np.allclose(ds["co2"].values[0], 370.59e-6, rtol=1e-6)


def test_missing_soils_stay_missing(data):
    ds = EuropeForcing(data / EuropeForcing.path).open(["tas"])
    assert int(ds["whc_top"].isnull().sum()) == 268
    assert int(ds["whc_sub"].isnull().sum()) == 310


def test_land_is_the_share_within_the_coast(data):
    source = EuropeForcing(data / EuropeForcing.path)
    if source.outline is None:
        pytest.skip("no coastlines below LANDSINK_DATA")
    ds = source.open(["tas"])
    at = {(a, o): s for a, o, s in zip(ds.lat.values, ds.lon.values, ds.sftlf.values, strict=True)}
    assert ds.sftlf.attrs["units"] == "%" and ds.sftlf.attrs["standard_name"] == "land_area_fraction"
    assert ds.sftlf.values.min() >= 0.0 and ds.sftlf.values.max() <= 100.0
    assert at[50.5, 10.5] == at[40.5, -3.5] == 100.0  # Thuringia, Castile
    assert at[56.5, 3.5] == 0.0  # the North Sea
    assert 20.0 < at[35.5, 25.5] < 45.0  # Crete
    assert source.outline in source.inputs()
    picked = source.open(["tas"], sites=["0", "46"])
    assert picked.sftlf.values.tolist() == ds.sftlf.values[[0, 46]].tolist()


def test_without_a_coast_cells_count_whole_and_it_is_said(data):
    source = EuropeForcing(data / EuropeForcing.path, coast="nowhere.json")
    ds = source.open(["tas"])
    assert np.unique(ds.sftlf).tolist() == [0.0, 100.0]
    assert ((ds.sftlf == 0.0) == ds.whc_top.isnull()).all()
    assert "whole" in ds.sftlf.attrs["comment"]
    assert source.inputs() == [data / EuropeForcing.path / source.file]


def test_cells_are_picked_by_number_in_the_order_asked(data):
    source = EuropeForcing(data / EuropeForcing.path)
    ds = source.open(["tas"], sites=["7", "3"])
    assert ds.cell.values.tolist() == [7, 3]
    assert (ds["tas"] == source.open(["tas"]).sel(cell=[7, 3])["tas"]).all()
    with pytest.raises(DataError, match="0 … 1500"):
        source.open(sites=["1501"])


def test_an_absent_file_is_told(tmp_path):
    with pytest.raises(DataError, match="europe_1deg"):
        EuropeForcing(tmp_path).open()
