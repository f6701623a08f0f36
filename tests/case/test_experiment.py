"""Experiments: without a change they are the base, and each change does what its words say."""

import dataclasses
import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from jsonschema import Draft202012Validator

from landsink.case import changes, experiment, load, run, serving, update
from landsink.case.changes import Change, read
from landsink.case.serving import Processes
from landsink.catalogue import Catalogue
from landsink.catalogue.releases import Releases
from landsink.core import engine as engines
from landsink.core.errors import CaseError, DataError, LandsinkError
from landsink.core.prior import Prior
from landsink.reanalyse import Grid
from landsink.reanalyse.runner import compute
from tests.case.small import TWIN, page

MORE = TWIN.replace("[observe.nee]", "[observe.nee]\nsmooth = 1")
# Rates of float32 differ by some 15 of its last digits between a cell that is run alone and one in a row of them, as
# tiles of another size have it. The logic is held to 1e-6 with float64, of which only the storing is float32.
FREE = ("model.precision=float64", "assimilate.free=WarmDecay.*", "assimilate.iterations=2",
        "assimilate.ensemble_iterations=1", "assimilate.starts=1", "assimilate.tune=false",
        "assimilate.folds=0")  # fmt: skip
BOX = (0.0, 40.0, 20.0, 56.0)


class Told:
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.shares: list[float] = []

    def __call__(self, what: str, share: float) -> None:
        self.shares.append(share)

    def say(self, line: str) -> None:
        self.lines.append(line)


class Base:
    """A finished run of the small case in a catalogue of its own."""

    def __init__(self, root: Path) -> None:
        self.root, self.store = root, Catalogue(root / "home")
        made = run(load(str(page(root, MORE)), FREE), root / "out", None, lambda what, share: None)
        self.product = xr.open_zarr(root / "out" / "product.zarr").load()
        self.id = self.store.get(made.record).id

    def run(self, told: Told | None = None, **inputs: object) -> xr.Dataset:
        """An experiment's product."""
        asked = read({"base": self.id} | inputs)
        name = experiment.run(asked, self.store, self.root / "work", None, told or Told())
        return xr.open_zarr(self.store.get(name).assets["product"].href).load()


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Base:
    root = tmp_path_factory.mktemp("experiment")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANDSINK_HOME", str(root / "home"))
        return Base(root)


@pytest.fixture(scope="module")
def unchanged(base) -> xr.Dataset:
    """Nothing changed, in a box."""
    return base.run(bbox=BOX)


@pytest.fixture(scope="module")
def faster(base) -> tuple[xr.Dataset, Told]:
    """Young soil that decays faster by half, in the same box."""
    told = Told()
    return base.run(told, bbox=BOX, parameters={"WarmDecay.k_young": {"factor": 1.5}}), told


def inside(ds: xr.Dataset) -> xr.DataArray:
    return (ds.lat >= BOX[1]) & (ds.lat <= BOX[3]) & (ds.lon >= BOX[0]) & (ds.lon <= BOX[2])


def test_without_a_change_it_is_the_base_and_empty_elsewhere(base, unchanged):
    there = inside(base.product)
    assert (
        2
        <= int(unchanged["nee"].isel(time=0).notnull().sum())
        < int(base.product["nee"].isel(time=0).notnull().sum())
    )
    for name in ("nee", "nee_sd", "rh", "cSoil", "cSoil_sd"):
        want = base.product[name].where(there)
        xr.testing.assert_allclose(unchanged[name], want, rtol=1e-6, atol=1e-6 * float(abs(want).max()))


def test_it_lies_on_the_grid_of_its_base(base, unchanged):
    xr.testing.assert_equal(unchanged["areacella"], base.product["areacella"])
    assert (unchanged["quality"].where(~inside(unchanged)).isin([-1]) | inside(unchanged)).all()


def test_a_faster_turnover_leaves_less_carbon_and_respires_as_much(base, unchanged, faster):
    product, _ = faster
    assert float(product["cSoil"].mean()) < 0.95 * float(unchanged["cSoil"].mean())
    # at steady state what enters is respired, however fast
    assert float(product["rh"].mean()) == pytest.approx(float(unchanged["rh"].mean()), rel=0.05)
    assert (product["cSoil_sd"].isel(time=0) > 0).any()


def test_it_is_catalogued_with_its_base_and_shown_on_the_map(base, faster):
    product, told = faster
    item = base.store.get(product.attrs["record"])
    assert item.properties["title"].startswith("Experiment on A small soil")
    assert "WarmDecay.k_young × 1.5" in item.properties["landsink:experiment"]
    assert item.properties["landsink:control"] == base.id
    assert "landsink:previous" not in item.properties
    assert base.id in [str(link.target) for link in item.links if link.rel == "derived_from"]
    assert product.attrs["generated"] == "true"
    release = Releases(base.store).get(item.id)
    assert release.generated
    record = json.loads(Path(item.assets["record"].href).read_text())
    assert record["case"]["experiment"]["parameters"] == {"WarmDecay.k_young": {"value": None, "factor": 1.5}}
    assert told.shares == sorted(told.shares)


def test_the_same_experiment_is_not_made_twice(base, faster):
    told = Told()
    again = base.run(told, bbox=BOX, parameters={"WarmDecay.k_young": {"factor": 1.5}})
    assert again.attrs["record"] == faster[0].attrs["record"]
    assert any("in the catalogue already" in line for line in told.lines)


def test_one_cell_and_a_part_of_the_time(base):
    good = base.product["nee"].isel(time=0).stack(cell=("lat", "lon")).dropna("cell").isel(cell=0)
    lat, lon = float(good.lat), float(good.lon)
    product = base.run(cell={"lat": lat + 0.4, "lon": lon - 0.4}, start="2002-03", end="2002-08")
    kept = base.product.sel(time=slice("2002-03", "2002-08"))
    assert product.sizes["time"] == 6
    assert int(product["nee"].isel(time=0).notnull().sum()) == 1
    here = {"lat": lat, "lon": lon}
    size = float(abs(kept["nee"]).max())
    np.testing.assert_allclose(product["nee"].sel(here), kept["nee"].sel(here), rtol=1e-6, atol=1e-6 * size)


def test_members_at_a_value_differ_no_more_by_it(base):
    asked = read({"base": base.id, "parameters": {"WarmDecay.k_young": {"value": 1.2}}})
    of = experiment.base(base.store, base.id)
    made = experiment.ready(asked, of, None, Told())
    values = made.plan.space.values(jnp.asarray(made.plan.members))["WarmDecay.k_young"]
    shown = values / made.plan.model.parameters["WarmDecay.k_young"].scale
    np.testing.assert_allclose(shown, 1.2, rtol=1e-5)


def test_a_parameter_that_was_not_free_changes_in_the_case(base):
    of = experiment.base(base.store, base.id)
    asked = read({"base": base.id, "parameters": {"Warmth.q10": {"factor": 1.5}}})
    case, _ = changes.changed_case(of.case, asked)
    assert case.model.parameters["Warmth.q10"] == pytest.approx(3.0)


@pytest.mark.parametrize("logarithmic", [False, True])
def test_a_factor_multiplies_every_member(logarithmic):
    prior = Prior(0.1, 4.0, 0.8, 0.7, logarithmic)
    xi = np.linspace(-1.0, 1.0, 7)[:, None]
    moved, said = changes._moved(prior, xi, Change(factor=1.3), 1.0)
    np.testing.assert_allclose(prior.value(jnp.asarray(moved)), 1.3 * prior.value(jnp.asarray(xi)), rtol=1e-5)
    assert not said
    held, said = changes._moved(prior, xi, Change(factor=50.0), 1.0)
    assert "7 of 7 members reached the bounds" in said
    assert (np.asarray(prior.value(jnp.asarray(held))) <= 4.0).all()


WRONG = [
    ({"bbox": [100, -40, 120, -30]}, "no cell of the map lies in the box"),
    ({"bbox": [0, 50, 10, 40]}, "is no box"),
    ({"cell": {"lat": -60, "lon": 100}}, "no cell of the map holds"),
    ({"start": "1950-01"}, "is not a part of the run"),
    ({"start": "2003-05", "end": "2002-05"}, "is not a part of the run"),
    ({"parameters": {"WarmDecay.k_yong": {"factor": 2}}}, "Near: WarmDecay.k_young"),
    ({"parameters": {"WarmDecay.k_young": {"value": 99}}}, "Within 0.1 … 4"),
    ({"parameters": {"Warmth.q10": {"factor": 9}}}, "Within 1 … 4"),
    ({"parameters": {"Warmth.q10": {"factor": 2, "value": 1}}}, "either 'value' or 'factor'"),
    ({"parameters": {"Warmth.q10": {"factor": -2}}}, "greater than 0"),
    ({"processes": {"soil": "os:path"}}, "may stand for soil"),
    ({"processes": {"soill": "RothC"}}, "Near: soil"),
    ({"colour": "red"}, "colour"),
]


@pytest.mark.parametrize(("inputs", "said"), WRONG)
def test_a_wrong_request_is_refused_before_it_runs(base, inputs, said):
    with pytest.raises(LandsinkError, match=said):
        Processes(base.store).validate("experiment", {"base": base.id} | inputs)


@pytest.mark.slow
def test_tiles_of_the_same_cells_give_the_base_to_the_last_digit_and_others_the_rounding_of_rates(base):
    of = experiment.base(base.store, base.id)
    plan = experiment.ready(read({"base": base.id}), of, None, Told()).control()
    single = dataclasses.replace(plan, engine=engines.choose("native", "float32", plan.model, plan.stepper))
    grid, count = Grid.of(plan.entry.cells), len(plan.entry.flag)
    assert grid is not None
    # The base has one cell a tile.
    alone = [compute(plan.part(slice(i, i + 1))) for i in range(count)]
    apart, row = [compute(single.part(slice(i, i + 1))) for i in range(8)], compute(single.part(slice(0, 8)))
    for name in plan.want:
        cells = np.concatenate([part[name] for part in alone], -1)
        np.testing.assert_array_equal(grid.lay(cells), base.product[name].to_numpy(), err_msg=name)
        cells = np.concatenate([part[name] for part in apart], -1)
        assert np.nanmax(np.abs(row[name] - cells)) <= 32 * np.finfo("f4").eps * np.nanmax(np.abs(cells)), (
            name
        )


def test_a_base_that_is_gone_is_told_when_asked_and_when_it_runs(base):
    processes, asked = Processes(base.store), {"base": base.id, "bbox": BOX, "start": "2002-01"}
    order = processes.validate("experiment", asked)
    away = base.root / "away.zarr"
    (base.root / "out" / "product.zarr").rename(away)
    try:
        with pytest.raises(DataError, match=r"The product of .* is gone.*Run the case again"):
            processes.validate("experiment", asked)
        with pytest.raises(DataError, match="is gone"):
            processes.execute("experiment", order.inputs, base.root / "job", Told())
    finally:
        away.rename(base.root / "out" / "product.zarr")


def test_an_experiment_is_no_base(base, faster):
    name = base.store.get(faster[0].attrs["record"]).id
    with pytest.raises(DataError, match="give both changes"):
        Processes(base.store).validate("experiment", {"base": name})
    assert [row["id"] for row in Processes(base.store).choices("experiment", "")["bases"]] == [base.id]


def test_choices_tell_bounds_posterior_and_place(base):
    found = Processes(base.store).choices("experiment", base.id)
    rows = {p["name"]: p for p in found["parameters"]}
    young, warm = rows["WarmDecay.k_young"], rows["Warmth.q10"]
    assert (young["low"], young["high"], young["default"], young["unit"]) == (0.1, 4.0, 0.8, "yr-1")
    assert young["free"]
    assert young["low"] < young["p05"] <= young["median"] <= young["p95"] < young["high"]
    assert not warm["free"]
    assert warm["median"] == warm["default"] == 2.0
    assert found["period"] == ["2001-01", "2003-12"]
    assert found["base"]["generated"]
    assert len(found["sites"]) == 6


def test_validation_gives_the_request_in_full_with_its_size(base):
    order = Processes(base.store).validate("experiment", {"base": base.id[:8], "bbox": BOX, "end": "2001-12"})
    assert order.inputs["base"] == base.id
    cells = int((base.product["nee"].isel(time=0).notnull() & inside(base.product)).sum())
    assert order.units == cells * 3 * 12
    assert order.seconds > 0


def test_inputs_are_json_schema_that_takes_what_is_taken(base):
    experiment_, case = Processes(base.store).describe()
    schema = {"type": "object", "properties": {n: s for n, (_, _, s, _) in experiment_.inputs.items()}}
    Draft202012Validator.check_schema(schema)
    check = Draft202012Validator(schema)
    check.validate({"base": base.id, "bbox": list(BOX), "parameters": {"A.b": {"factor": 2}}})
    assert not check.is_valid({"base": base.id, "bbox": [1, 2]})
    assert "demo" in case.inputs["name"][2]["enum"]


def test_the_demo_may_swap_its_soil_its_light_and_its_fire():
    case = load("demo")
    assert changes.alternatives(case, "soil") == ["LitterSoil", "Icbm", "RothC", "Yasso15"]
    assert changes.alternatives(case, "light") == ["PModel", "LightUse"]
    with pytest.raises(CaseError, match="either"):
        read({"base": "aaaa", "parameters": {"A.b": {}}})


def test_what_may_be_changed_is_kept_in_a_file(base, monkeypatch):
    processes = Processes(base.store)
    processes.warm(lambda what, share: None)
    kept = [path.name for path in (base.root / "home" / "choices").iterdir()]
    assert [name.partition("-")[0] for name in kept] == [base.id]
    found = processes.choices("experiment", base.id)
    serving._choices.cache_clear()
    monkeypatch.setattr(serving, "_tried", lambda *_: pytest.fail("it was tried again"))
    assert processes.choices("experiment", base.id[:6]) == found
    assert {p["name"] for p in found["parameters"]} >= {"WarmDecay.k_young"}


def test_the_folder_of_an_experiment_is_not_updated(base, faster):
    item = base.store.get(faster[0].attrs["record"])
    with pytest.raises(CaseError, match="holds an experiment"):
        update(Path(item.assets["record"].href).parent, [], None, lambda what, share: None)
