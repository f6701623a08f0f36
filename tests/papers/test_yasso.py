"""Yasso15 against two independent programs: the authors' R code, and the Fortran inside Rprebasso."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from landsink.core.flow import flow
from landsink.core.model import Model
from landsink.core.process import SECONDS
from landsink.core.run import simulate
from landsink.core.step import Matrix
from landsink.core.windows import Windows
from landsink.models.soil import Yasso15Annual, yasso

YEAR = SECONDS["yr"]
GRAM = 1e-3
FRACTIONS = ("A", "W", "E", "N")
RATES = ("k_a", "k_w", "k_e", "k_n")
CLIMATE = (
    "warmth_awe",
    "bend_awe",
    "warmth_n",
    "bend_n",
    "warmth_h",
    "bend_h",
    "rain_awe",
    "rain_n",
    "rain_h",
)
TAIL = ("humified", "k_h", "size_1", "size_2", "size_r")


def model(table: np.ndarray) -> Model:
    """Yasso15 with the 35 numbers of a parameter table, in the order in which the programs write them.

    The peers print fewer digits than they were fitted with, each its own number of them: they are taken as they are.
    """
    transfers = [(d, r, float(p)) for (d, r, _), p in zip(yasso.TRANSFERS, table[4:16], strict=True)]
    figures = dict(zip((*RATES, *CLIMATE, *TAIL), (*table[:4], *table[21:]), strict=True))
    scales = {p.name: p.scale for p in Yasso15Annual().parameters}
    values = {f"Yasso15Annual.{name}": float(v) * scales[name] for name, v in figures.items()}
    return Model.of(Yasso15Annual(transfers=tuple(transfers))).with_parameters(values)


def cases(model: Model, table: pd.DataFrame) -> tuple[Model, dict, dict]:
    """Model, state and forcing of a table of cases: all litter is wood of the case's own thickness and chemistry."""
    column = {name: jnp.asarray(table[name].to_numpy(float)) for name in table.select_dtypes("number")}
    own = {f"Yasso15Annual.wood_{f.lower()}": column[f"in_{f}"] for f in FRACTIONS}
    own["Yasso15Annual.diameter"] = column["size_cm"] / 100
    zero = jnp.zeros(len(table))
    state = {f"cSoil{f}": zero for f in FRACTIONS} | {
        f"cCwd{f}": GRAM * column[f"init_{f}"] for f in FRACTIONS
    }
    state["cSoilH"] = GRAM * column["init_H"]
    forcing = {"tas": column["Tmean"] + 273.15, "tasAmplitude": column["Tamp"], "pr": column["Precip"] / YEAR}
    forcing |= {"fVegLitterLeaf": zero, "fVegLitterRoot": zero, "dt": column["time"] * YEAR}
    forcing["fVegLitterWood"] = GRAM * sum(column[f"in_{f}"] for f in FRACTIONS) / YEAR
    return model.with_parameters(own), state, forcing


def transient_error(model: Model, table: pd.DataFrame) -> float:
    """Largest relative error of a pool after one step of each case's length."""
    ours, _ = jax.jit(Matrix())(*cases(model, table))
    return _error(ours, table)


def steady_error(model: Model, table: pd.DataFrame) -> float:
    """Largest relative error of a pool at the state where the rates of each case cancel: one linear solve."""
    model, state, forcing = cases(model, table.assign(time=1.0))
    pools = tuple(state)

    def net(x: jax.Array) -> jax.Array:
        out = model.rates(dict(zip(pools, x, strict=True)), forcing)
        gain = {pool: jnp.zeros(len(table)) for pool in pools}
        for key in model.wiring.flows:
            donor, receiver, _ = flow(key)
            gain |= {donor: gain[donor] - out[key]} if donor in gain else {}
            gain |= {receiver: gain[receiver] + out[key]} if receiver in gain else {}
        return jnp.stack([gain[pool] for pool in pools])

    empty = jnp.zeros((len(pools), len(table)))
    basis = jnp.broadcast_to(jnp.eye(len(pools))[:, :, None], (len(pools), *empty.shape))
    income, slope = jax.vmap(lambda t: jax.jvp(net, (empty,), (t,)), out_axes=(None, 0))(basis)
    rest = np.linalg.solve(np.moveaxis(slope, (0, 1, 2), (2, 1, 0)), -np.asarray(income).T[..., None])[..., 0]
    return _error(dict(zip(pools, rest.T, strict=True)), table)


def _error(ours: dict, table: pd.DataFrame) -> float:
    pools = ("cCwdA", "cCwdW", "cCwdE", "cCwdN", "cSoilH")
    pairs = zip(pools, (*FRACTIONS, "H"), strict=True)
    return max(
        float(np.max(np.abs(np.asarray(ours[p]) / GRAM / table[f"out_{f}"].to_numpy() - 1))) for p, f in pairs
    )


def single_precision() -> tuple[float, ...]:
    """The four seasons as Rprebasso has them: its pi and square root are single-precision literals."""
    pi, inverse = float(np.float32(math.pi)), float(np.float32(1) / np.sqrt(np.float32(2)))
    far, near = 4 / (float(np.sqrt(np.float32(2))) * pi), 4 / pi * (1 - inverse)
    return (-far, -near, near, far)


@pytest.fixture
def rprebasso(data, monkeypatch) -> tuple[Model, pd.DataFrame]:
    """400 drawn cases: -1 to 22 degrees, wood of 0 to 20 cm, a month to 50 years."""
    monkeypatch.setattr(yasso, "SEASONS", single_precision())
    figures = pd.read_csv(data / "forest/reference/prebas_v100/par_yasso15.csv")["pYAS"].to_numpy()
    return model(figures), pd.read_csv(data / "forest/reference/yasso15/mod5c_cases.csv")


@pytest.mark.slow
def test_rprebasso_transient(rprebasso):
    ours, table = rprebasso
    assert transient_error(ours, table[table["steady"] == 0]) < 1e-8


def test_rprebasso_steady(rprebasso):
    ours, table = rprebasso
    assert steady_error(ours, table[table["steady"] == 1]) < 1e-8


@pytest.fixture
def authors(data):
    """Model, and a function that reads the R program's cases from one of its two files."""
    folder = data / "soil/reference/yasso"
    figures = pd.read_csv(folder / "parameters.csv")["yasso15"].to_numpy()
    litter = pd.read_csv(folder / "litter_init.csv", index_col="pool")

    def read(name: str) -> pd.DataFrame:
        table = pd.read_csv(folder / name).query("model == 'yasso15'")
        renamed = table.rename(columns={f: f"out_{f}" for f in (*FRACTIONS, "H")})
        renamed = renamed.rename(
            columns={"woodsize": "size_cm", "prec": "Precip", "MT": "Tmean", "TA": "Tamp"}
        )
        fixed = {f"in_{f}": litter["litter"][f] for f in FRACTIONS}
        fixed |= {f"init_{f}": litter["init"][f] for f in (*FRACTIONS, "H")}
        return renamed.assign(**fixed)

    return model(figures), read


@pytest.mark.slow
def test_authors_transient(authors):
    ours, read = authors
    table = read("yasso15_20_transient.csv")
    model, state, forcing = cases(ours, table[table["time"] == 1])
    years = {name: jnp.broadcast_to(v, (1000, *v.shape)) for name, v in forcing.items()}
    pools = ("cCwdA", "cCwdW", "cCwdE", "cCwdN", "cSoilH")
    kept, _ = simulate(model, Matrix(), state, years, pools, Windows.blocks(1000, 100), "step")
    for time, rows in table.groupby("time"):
        assert _error({name: v[int(time) - 1] for name, v in kept.items()}, rows) < 1e-8


def test_authors_steady(authors):
    ours, read = authors
    climate = read("yasso15_20_transient.csv")[["Tmean", "Tamp"]].iloc[0].to_dict()
    assert steady_error(ours, read("yasso15_20_steady.csv").assign(**climate)) < 1e-8


def test_defaults_are_the_published_table(data):
    """To three parts in a thousand: the table gives the small figures with three digits."""
    table = pd.read_csv(data / "soil/reference/yasso/parameters.csv")["yasso15"].to_numpy()
    figures = dict(zip((*RATES, *CLIMATE, *TAIL), (*table[:4], *table[21:]), strict=True))
    shown = {p.name: p.default / p.scale for p in Yasso15Annual().parameters}
    assert all(shown[name] == pytest.approx(v, rel=3e-3) for name, v in figures.items())
    shares = [share for _, _, share in yasso.TRANSFERS]
    assert shares == pytest.approx(table[4:16].tolist(), rel=3e-3)
