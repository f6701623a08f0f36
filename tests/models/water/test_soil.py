"""Soil water by hand, and water that closes over thirty years with every stepper and step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from landsink.core.flow import flow
from landsink.core.model import Model
from landsink.core.physics import latent_heat, psychrometer, saturation_slope, smooth_minimum
from landsink.core.process import Process
from landsink.core.run import simulate
from landsink.core.step import Decay, Euler, Matrix, Stepper
from landsink.core.windows import Windows
from landsink.models.light import Canopy, LightUse, PModel, Sun
from landsink.models.water import NetRadiation, Snow, SoilMoisture, SoilWater
from landsink.models.water.radiation import daytime_surplus

SUMMER = {
    "tas": 293.15, "vpd": 1000.0, "ps": 101325.0, "rnsDay": 150.0, "evspsblpot": 5e-5, "fapar": 0.7, "gc": 0.008,
    "prra": 0.0, "snm": 0.0, "mrsos": 30.0, "mrsoRoot": 100.0, "mrsosfc": 50.0, "mrsoRootfc": 190.0,
    "fSoilRootTop": 0.3, "dt": 86400.0,
}  # fmt: skip


def test_penman_monteith_by_hand() -> None:
    """The textbook form, with the resistances written out."""
    soil, t, p = SoilWater(), 293.15, 101325.0
    slope, gamma = saturation_slope(t), psychrometer(p, t)
    air = 1004.67 * p * 0.028963 / (8.3145 * t)
    top = slope * 150.0 + air * 1000.0 * soil.aerodynamic
    expected = top / (slope + gamma * (1.0 + soil.aerodynamic / 0.008)) / latent_heat(t)
    assert soil._transpiration(t, 1000.0, p, 150.0, 0.008) == pytest.approx(float(expected), rel=1e-12)


def test_what_arrives_goes_on() -> None:
    soil = SoilWater()
    for rain, dt in ((1e-7, 86400.0), (5e-5, 86400.0), (1e-3, 86400.0), (3e-5, 2.63e6)):
        found = soil(**SUMMER | {"prra": rain, "snm": 0.2 * rain, "dt": dt})
        out = sum(v for k, v in found.items() if flow(k).donor == "soilSurface")
        assert float(out) == pytest.approx(1.2 * rain, rel=1e-12)


def test_a_dry_soil_gives_nothing_and_a_full_one_takes_nothing() -> None:
    dry = SoilWater()(**SUMMER | {"mrsos": 0.0, "mrsoRoot": 0.0})
    assert all(v == 0.0 for k, v in dry.items() if flow(k).donor in ("mrsos", "mrsoRoot"))
    full = SoilWater()(**SUMMER | {"mrsos": 50.0, "mrsoRoot": 190.0, "prra": 1e-3})
    assert full["soilSurface -> mrsos"] == full["soilSurface -> mrsoRoot"] == 0.0
    assert full["soilSurface -> river : mrro"] > 8e-4


def test_a_months_demand_is_met_from_a_months_rain() -> None:
    """Eighty millimetres of rain and as much demand: most is met although the upper layer holds only fifty."""
    found = SoilWater()(**SUMMER | {"prra": 80.0 / 2.63e6, "dt": 2.63e6, "mrsos": 5.0, "mrsoRoot": 20.0})
    assert float(found["soilSurface -> atmosphere : tran"]) * 2.63e6 > 30.0


def test_drought_onset() -> None:
    soil = SoilMoisture(drought_onset=0.5, drought_floor=0.1, capacity_top=50.0, capacity_root=100.0)
    assert soil(mrsos=50.0, mrsoRoot=100.0)["fSoilMoistGpp"] == 1.0
    assert soil(mrsos=0.0, mrsoRoot=0.0)["fSoilMoistGpp"] == pytest.approx(0.1)
    assert soil(mrsos=12.5, mrsoRoot=25.0)["fSoilMoistGpp"] == pytest.approx(1.0 - 0.9 * 0.25)
    assert soil(mrsos=25.0, mrsoRoot=50.0)["fSoilWet"] == pytest.approx(0.5)


def test_smooth_minimum_stays_below_both() -> None:
    one, other = jnp.logspace(-18, 3, 200)[:, None], jnp.logspace(-18, 3, 200)[None, :]
    found = np.asarray(smooth_minimum(one, other, 0.98))
    assert (found <= np.minimum(one, other) * (1.0 + 1e-15)).all()
    assert (found >= 0.87 * np.minimum(one, other)).all()
    assert smooth_minimum(0.0, 0.0, 0.98) == 0.0 == smooth_minimum(0.0, 3.0, 0.98)


def test_daytime_surplus_against_quadrature() -> None:
    hours = (np.arange(20000) + 0.5) / 20000
    for gain, loss, lit in ((150.0, 60.0, 0.5), (40.0, 70.0, 0.33), (250.0, 90.0, 0.66), (5.0, 90.0, 0.4)):
        course = np.where(hours < lit, 0.5 * np.pi * gain / lit * np.sin(np.pi * hours / lit), 0.0)
        assert daytime_surplus(gain, loss, lit) == pytest.approx(
            np.maximum(course - loss, 0.0).mean(), rel=1e-4, abs=1e-6
        )


def climate(steps: int, dt: float) -> dict[str, jax.Array]:
    """Weather of four cells: oceanic, cold, dry and hot, with made-up noise."""
    rng = np.random.default_rng(1)
    day = (np.arange(steps)[:, None] * dt / 86400.0) % 365.0 + 1.0
    season = -np.cos(2.0 * np.pi * (day - 20.0) / 365.0)
    tas = np.array([283.0, 272.0, 288.0, 297.0]) + np.array([7.0, 18.0, 9.0, 5.0]) * season
    tas = tas + rng.normal(0.0, 3.0, tas.shape)
    series = {
        "tas": tas, "tasmin": tas - 5.0, "tasmax": tas + 5.0, "rsds": 150.0 + 110.0 * season + 0.0 * tas,
        "vpd": np.maximum(60.0 * (tas - 268.0), 20.0), "ps": 0.0 * tas + 1e5, "co2": 0.0 * tas + 4e-4,
        "pr": np.array([3e-5, 2e-5, 5e-6, 4e-5]) * rng.gamma(0.5, 2.0, tas.shape),
        "lai": 2.5 + 1.5 * season + 0.0 * tas,
        "dayOfYear": day, "dt": np.full((steps, 1), dt), "lat": np.array([50.0, 62.0, 40.0, 30.0]),
    }  # fmt: skip
    return {k: jnp.asarray(v) for k, v in series.items()}


@pytest.mark.parametrize("light", [PModel(), LightUse()], ids=lambda p: p.title)
@pytest.mark.parametrize(
    "stepper",
    [Euler(), Decay(), pytest.param(Matrix(), marks=pytest.mark.slow)],
    ids=lambda s: type(s).__name__,
)
@pytest.mark.parametrize(("steps", "dt"), [(360, 2.63e6), (730, 86400.0)], ids=["monthly", "daily"])
def test_water_closes(light: Process, stepper: Stepper, steps: int, dt: float) -> None:
    model = Model.of(Sun(), Canopy(), light, NetRadiation(), Snow(), SoilMoisture(), SoilWater())
    forcing = {k: v for k, v in climate(steps, dt).items() if k in (*model.forcing, "dt")}
    start = {
        "mrsos": 20.0,
        "mrsoRoot": 80.0,
        "snw": 5.0,
        "tasAcclim": 280.0,
        "vpdAcclim": 500.0,
        "ppfdAcclim": 3e-4,
    }
    state = {k: jnp.full(4, start[k]) for k in model.state}
    want = ("prra", "prsn", "evspsbl", "mrro", "mrtws", "gpp")
    kept, end = jax.jit(lambda s, f: simulate(model, stepper, s, f, want, Windows.blocks(steps, 120)))(
        state, forcing
    )
    lengths = np.diff(np.r_[np.arange(0, steps, 120), steps])[:, None] * dt
    total = {k: np.sum(np.asarray(v) * lengths, 0) for k, v in kept.items()}
    gained = sum(np.asarray(end[p] - state[p]) for p in ("mrsos", "mrsoRoot", "snw"))
    brought = total["prra"] + total["prsn"]
    assert np.allclose(
        brought - total["evspsbl"] - total["mrro"], gained, rtol=0.0, atol=1e-10 * brought.max()
    )
    if not isinstance(stepper, Matrix):  # which extrapolates, and may overdraw a store in a long step
        assert all(float(end[p].min()) >= 0.0 for p in ("mrsos", "mrsoRoot", "snw"))
    assert np.isfinite(total["gpp"]).all() and (total["gpp"] >= 0.0).all()
    assert (total["evspsbl"] <= brought + 200.0).all()
