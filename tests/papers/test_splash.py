"""Radiation and potential evaporation against SPLASH (pyrealm 2.0.0) over a year at San Francisco."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from landsink.models.light import Sun
from landsink.models.water import NetRadiation


def test_daytime_net_radiation_and_potential_evaporation(data: Path) -> None:
    """Ours has a simpler orbit and an arch for the sun's course: within 5 % each day, 1.5 % over the year."""
    folder = data / "da" / "reference" / "pyrealm"
    if not (folder / "splash_sf_example_data_details.nc").exists():
        pytest.skip("the SPLASH reference is not in the data folder")
    with xr.open_dataset(folder / "splash_sf_example_data_details.nc") as file:
        theirs = {name: file[name].values.ravel() for name in ("rn_d", "pet_d")}
    with xr.open_dataset(folder / "splash_sf_example_data.nc") as file:
        height, sunny = float(file.elev.values.ravel()[0]), file.sf.values.ravel()
        tas, lat = file.tmp.values.ravel() + 273.15, float(file.lat[0])
    sun = Sun()(lat=lat, dayOfYear=np.arange(1.0, 367.0))
    rsds = np.asarray(sun["rsdt"]) * (0.25 + 0.5 * sunny) * (1.0 + 2.67e-5 * height)
    model = NetRadiation(priestley_taylor=1.26, albedo=0.17, longwave_base=107.0)
    ours = model(tas=tas, rsds=rsds, rsdt=sun["rsdt"], ps=101325.0 * (1.0 - 2.25577e-5 * height) ** 5.25588,
                 daylength=sun["daylength"])  # fmt: skip
    for name, key in (("rnsDay", "rn_d"), ("evspsblpot", "pet_d")):
        ratio = np.asarray(ours[name]) * 86400.0 / theirs[key]
        assert abs(ratio.mean() - 1.0) < 0.015
        assert np.abs(ratio - 1.0).max() < 0.05
