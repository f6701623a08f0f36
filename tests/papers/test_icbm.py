"""ICBM against its closed solution and against SoilR, for the treatments of the paper's table 1."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from landsink.core.model import Model
from landsink.core.process import SECONDS
from landsink.core.run import simulate
from landsink.core.step import Matrix
from landsink.core.windows import Windows
from landsink.models.soil import Icbm

YEAR = SECONDS["yr"]
K_YOUNG, K_OLD, YOUNG = 0.8, 0.00605, 0.3

# Table 1 of Andren and Katterer (1997): h, r, old carbon (kg m-2), input (kg m-2 a year), as SoilR's example prints it
TREATMENTS = {
    "bare": (0.13, 1.32, 3.96, 0.0),
    "nitrogen and straw": (0.125, 1.0, 4.11, 0.285),
    "straw": (0.125, 1.22, 4.05, 0.248),
    "nothing": (0.125, 1.17, 3.99, 0.057),
    "nitrogen": (0.125, 1.07, 4.02, 0.091),
    "manure": (0.25, 1.1, 3.99, 0.272),
    "sludge": (0.34, 0.97, 4.14, 0.296),
}


def run(h, r, old, given, young, steps: int, length: float) -> tuple[np.ndarray, np.ndarray]:
    """Young and old carbon (steps, treatments) after every step of `length` years."""
    model = Model.of(Icbm()).with_parameters({"Icbm.humified": jnp.asarray(h)})
    cells = jnp.zeros((steps, len(h)))
    forcing = {"fEnvSoil": cells + jnp.asarray(r), "fVegLitterLeaf": cells + jnp.asarray(given) / YEAR}
    forcing |= {"fVegLitterRoot": cells, "fVegLitterWood": cells, "dt": cells + length * YEAR}
    state = {"cSoilYoung": jnp.asarray(young), "cSoilOld": jnp.asarray(old)}
    pools = ("cSoilYoung", "cSoilOld")
    windows = Windows.blocks(steps, steps)
    kept, _ = simulate(model, Matrix(), state, forcing, pools, windows, "step")
    return np.asarray(kept["cSoilYoung"]), np.asarray(kept["cSoilOld"])


def closed(h, r, old, given, years) -> tuple[np.ndarray, np.ndarray]:
    """The paper's solution, of two exponentials."""
    rest_young, rest_old = given / (K_YOUNG * r), h * given / (K_OLD * r)
    mixed = h * (K_YOUNG * r * YOUNG - given) / (r * (K_OLD - K_YOUNG))
    fast, slow = np.exp(-K_YOUNG * r * years), np.exp(-K_OLD * r * years)
    return rest_young + (YOUNG - rest_young) * fast, rest_old + (old - rest_old - mixed) * slow + mixed * fast


def test_closed_solution():
    h, r, old, given = np.array(list(TREATMENTS.values())).T
    years = np.arange(1.0, 101.0)[:, None]
    ours = run(h, r, old, given, np.full(len(h), YOUNG), 100, 1.0)
    for mine, exact in zip(ours, closed(h, r, old, given, years), strict=True):
        np.testing.assert_allclose(mine, exact, rtol=0, atol=1e-9)


def test_soilr(data):
    table = pd.read_csv(data / "soil/reference/soilr/icbm_treatments.csv")
    first = table[table["t"] == 0]
    later = table[table["t"] > 0]
    steps = len(later) // len(first)
    ours = run(*(first[c].to_numpy() for c in ("h", "r", "O0", "In", "Y0")), steps, 0.5)
    for mine, column in zip(ours, ("Y", "O"), strict=True):
        theirs = later[column].to_numpy().reshape(len(first), steps).T
        # SoilR integrates with lsoda, which is good to about two millionths here
        assert mine == pytest.approx(theirs, abs=5e-6)
