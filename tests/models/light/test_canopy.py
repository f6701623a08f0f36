"""Absorbed light of leaf areas that can be worked out by hand."""

import numpy as np
import pytest

from landsink.models.light import Canopy


def test_values_by_hand() -> None:
    canopy = Canopy(extinction=0.5, clumping=1.0)
    assert canopy(lai=0.0)["fapar"] == 0.0
    assert canopy(lai=2.0)["fapar"] == pytest.approx(1.0 - np.exp(-1.0))
    assert canopy(lai=12.0)["fapar"] < 1.0


def test_clumped_leaves_absorb_less() -> None:
    assert Canopy(clumping=0.5)(lai=3.0)["fapar"] < Canopy(clumping=0.9)(lai=3.0)["fapar"]
