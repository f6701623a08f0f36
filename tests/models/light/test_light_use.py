"""Light-use efficiency: in proportion to light and leaves, with water in step."""

import numpy as np
import pytest

from landsink.core.physics import CARBON, GAS, WATER
from landsink.models.light import LightUse

DAY = {"tas": 293.15, "rsds": 200.0, "vpd": 1000.0, "co2": 380e-6, "daylength": 57600.0, "fapar": 0.8,
       "fSoilMoistGpp": 1.0, "dt": 86400.0, "tasAcclim": 330.0}  # fmt: skip


def test_by_hand() -> None:
    """Warm, dry air left out, light that does not saturate: gpp = eps fapar PPFD."""
    model = LightUse(saturation=0.0, dryness=0.0, efficiency=0.05)
    assert model(**DAY)["gpp"] == pytest.approx(CARBON * 0.05 * 0.8 * 2.04e-6 * 200.0, rel=1e-6)


def test_conductance_carries_the_water_that_the_efficiency_costs() -> None:
    model = LightUse()
    found = model(**DAY)
    vapour = found["gc"] * WATER * 1000.0 / (GAS * 293.15)
    assert vapour == pytest.approx(float(found["gpp"] * np.sqrt(1000.0) / model.water_use), rel=2e-3)


def test_it_bends() -> None:
    model, base = LightUse(), LightUse()(**DAY)["gpp"]
    assert model(**DAY | {"vpd": 3000.0})["gpp"] < base < model(**DAY | {"co2": 500e-6})["gpp"]
    assert model(**DAY | {"tasAcclim": 260.0})["gpp"] < 0.05 * base
    assert model(**DAY | {"rsds": 400.0})["gpp"] < 2.0 * base
