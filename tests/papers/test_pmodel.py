"""The P-model against pyrealm 2.0.0 on a grid of temperature, dryness, CO2 and pressure."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from landsink.models.light import pmodel as p

TOLERANCE = 1e-6
CARBON_GRAMS = 12.0107


@pytest.fixture(scope="module")
def grid(data: Path) -> pd.DataFrame:
    path = data / "da" / "reference" / "pyrealm" / "pmodel_grid_reference.csv"
    if not path.exists():
        pytest.skip(f"{path.name} is not in the data folder")
    return pd.read_csv(path)


def ours(g: pd.DataFrame, kind: str) -> dict[str, np.ndarray]:
    """Every column of the grid, from the published equations."""
    tas, ps = g.tc.to_numpy() + 273.15, g.patm.to_numpy()
    ca = 1e-6 * g.co2.to_numpy() * ps
    gamma, kmm, xi = p.gammastar(tas, ps), p.kmm(tas, ps), p.xi(tas, ps)
    chi = p.chi(xi, gamma, g.vpd.to_numpy(), ca)
    mj, mc = p.light_term(chi * ca, gamma), p.rubisco_term(chi * ca, gamma, kmm)
    limit = p.transport_limit(mj)
    kphio = p.phi0(tas) if kind == "temperature" else np.full_like(tas, 0.125)
    light = (g.fapar * g.ppfd).to_numpy()
    moles = kphio * light * mj * limit
    vcmax = moles / mc
    return {
        "ca": ca, "gammastar": gamma, "kmm": kmm, "ns_star": p.ns_star(tas, ps), f"xi_{kind}": xi, f"chi_{kind}": chi,
        f"mj_{kind}": mj, f"mc_{kind}": mc, f"kphio_{kind}": kphio, f"lue_{kind}": CARBON_GRAMS * kphio * mj * limit,
        f"gpp_{kind}": CARBON_GRAMS * moles, f"vcmax_{kind}": vcmax,
        f"vcmax25_{kind}": vcmax / p.arrhenius(tas, p.ENERGY_VCMAX),
        f"jmax_{kind}": p.jmax(kphio, light, limit), f"gs_{kind}": moles / (ca * (1.0 - chi)),
        f"iwue_{kind}": ca * (1.0 - chi) / p.DIFFUSION / (1e-6 * ps),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["temperature", "fixed"])
def test_every_column_of_the_grid(grid: pd.DataFrame, kind: str) -> None:
    found = ours(grid, kind)
    assert len(grid) == 288
    assert {c for c in grid if c.endswith(f"_{kind}")} <= set(found)
    worst = {name: float(np.max(np.abs(np.asarray(v) / grid[name] - 1.0))) for name, v in found.items()}
    assert max(worst.values()) <= TOLERANCE, worst
