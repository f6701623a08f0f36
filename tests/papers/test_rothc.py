"""RothC-26.3 against Rothamsted's own program, month by month, and its equilibrium solved exactly."""

from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from landsink.core.model import Model, Named
from landsink.core.process import SECONDS
from landsink.core.run import simulate, spinup
from landsink.core.step import Decay
from landsink.core.windows import Windows
from landsink.models.soil import Manure, RothC, RothCClimate
from landsink.models.soil.rothc import inert_stock
from landsink.sources import Rothamsted

MONTH = SECONDS["yr"] / 12
TONNE = 0.1  # t ha-1 in kg m-2
POOLS = {"cSoilDpm": "DPM", "cSoilRpm": "RPM", "cSoilBio": "BIO", "cSoilHum": "HUM"}
STOPS = 1e-6  # t ha-1 a year: Rothamsted's spin-up ends when the soil changes by less


class Case(NamedTuple):
    """The program's example: 840 months of which the first year is the climate of the spin-up."""

    model: Model
    forcing: Named
    inert: float
    months: pd.DataFrame
    spun: pd.Series


@pytest.fixture(scope="module")
def case(data: Path) -> Case:
    folder = data / "ref/rothc"
    lines = (folder / "RothC_input.dat").read_text().splitlines()
    site = dict(zip(lines[3].split(), map(float, lines[4].split()), strict=True))
    rows = np.array([line.split() for line in lines[7:] if line.strip()], float)
    _, _, _, celsius, rain, pan, plants, manure, cover, ratio = rows.T
    assert len(rows) == site["nsteps"]
    assert set(ratio) == {1.44}
    series = {
        "tas": celsius + 273.15,
        "pr": rain / MONTH,
        "evspsblpot": 0.75 * pan / MONTH,
        "vegCover": cover,
    }
    series |= {"fVegLitterLeaf": plants * TONNE / MONTH, "fManure": manure * TONNE / MONTH}
    series |= {"fVegLitterRoot": 0 * plants, "fVegLitterWood": 0 * plants, "dt": np.full(len(rows), MONTH)}
    forcing = {name: jnp.asarray(v)[:, None] for name, v in series.items()} | {
        "clay": jnp.array([site["clay"]])
    }
    model = Model.of(RothC(), Manure(), RothCClimate(depth=site["depth"] / 100))
    months, years = (pd.read_csv(folder / f"{name}_results.csv") for name in ("month", "year"))
    return Case(model, forcing, site["iom"], months, years.iloc[0])


def run(case: Case, state: Named, months: slice) -> tuple[Named, Named]:
    """Pools after each month (time, 1), and the last state."""
    forcing = {n: v if n == "clay" else v[months] for n, v in case.forcing.items()}
    length = forcing["dt"].shape[0]
    return simulate(case.model, Decay(), state, forcing, tuple(POOLS), Windows.blocks(length, 12), "step")


@pytest.fixture(scope="module")
def spun(case: Case) -> tuple[Named, int]:
    """The soil after repeating the first year from nothing until it rests, and the number of months that took."""
    year = jax.jit(lambda state: run(case, state, slice(0, 12))[1])
    state = {name: jnp.zeros(1) for name in case.model.state}
    total, months = 0.0, 0
    for _ in range(5000):
        state, months = year(state), months + 12
        before, total = total, float(sum(state[p] for p in POOLS)[0]) / TONNE
        if abs(total - before) < STOPS:
            break
    return state, months


def test_spin_up_rests_in_the_same_month(case, spun):
    assert spun[1] == case.spun["Month"]
    for pool, theirs in POOLS.items():
        assert float(spun[0][pool][0]) / TONNE == pytest.approx(case.spun[f"{theirs}_t_C_ha"], abs=1e-9)


def test_every_month(case, spun):
    kept, _ = run(case, spun[0], slice(12, None))
    total = case.inert
    for pool, theirs in POOLS.items():
        ours = np.asarray(kept[pool])[:, 0] / TONNE
        total = total + ours
        np.testing.assert_allclose(ours, case.months[f"{theirs}_t_C_ha"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(total, case.months["SOC_t_C_ha"], rtol=0, atol=1e-9)


def test_equilibrium_solved_at_once(case):
    year = {n: v if n == "clay" else v[:12] for n, v in case.forcing.items()}
    empty = {name: jnp.zeros(1) for name in case.model.state}
    steady, change = spinup(case.model, Decay(), empty, year, Windows.blocks(12, 12))
    assert change[0] < 1e-10
    # the program stops a little before its equilibrium: the rest is its own
    for pool, theirs in POOLS.items():
        assert float(steady[pool][0]) / TONNE == pytest.approx(case.spun[f"{theirs}_t_C_ha"], abs=2e-4)


@pytest.mark.parametrize("experiment", ["hoosfield", "broadbalk"])
def test_plots_of_rothamsted(data, experiment):
    """Uncalibrated, from equilibrium with the first sampled stock: as good as a plain NumPy RothC on the same files."""
    ds = Rothamsted(data / Rothamsted.path, experiment).open()
    model = Model.of(RothC(), Manure(), RothCClimate())
    forcing = {name: jnp.asarray(ds[name].values) for name in model.forcing if name != "dt"}
    forcing["dt"] = jnp.asarray(ds["time"].dt.days_in_month.values * 86400.0)[:, None]
    begin = jnp.asarray(ds["cSoilStart"].values)
    inert = inert_stock(begin)
    first = {n: v if n == "clay" else v[:12] for n, v in forcing.items()}
    first["fManure"] = jnp.zeros_like(first["fManure"])
    guess = {name: jnp.full(len(begin), 0.1) for name in model.state}
    state, _ = spinup(model, Decay(), guess, first, Windows.blocks(12, 12))
    # equilibrium is proportional to the input: scaled so that it holds what was there, less what is inert
    scale = (begin - inert) / sum(state[pool] for pool in model.wiring.pools)
    state |= {pool: state[pool] * scale for pool in model.wiring.pools}
    months = Windows.blocks(ds.sizes["time"], 12)
    kept, _ = simulate(model, Decay(), state, forcing, ("cSoil",), months, "step")
    misfit = (ds["cSoil"].copy(data=np.asarray(kept["cSoil"] + inert)) - ds["cSoil"]) / TONNE
    ours = np.sqrt((misfit**2).mean("time"))
    theirs = pd.read_csv(data / "soil/reference/rothc_lte_baseline.csv", index_col="exp").loc[
        ds["site"].values
    ]
    # calendar months here, twelfths of a year there
    np.testing.assert_allclose(ours, theirs["rmse"], rtol=0, atol=0.1)
