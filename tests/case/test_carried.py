"""Parameters carried by climate: told early where they cannot be, tested at sites that lend themselves nothing."""

import dataclasses
import json
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from landsink.case import load, run
from landsink.case.carried import CLIMATE, left_out, map_members
from landsink.case.pipeline import map_plan, stored_posterior
from landsink.case.setup import prepare
from landsink.core.errors import CaseError
from landsink.core.process import Process, Scalar, param
from tests.case.small import SMALL, TWIN

CHANGES = (
    "map.carry=climate",
    "map.neighbours=2",
    "assimilate.group=site",
    "assimilate.free=Weather.q10, WarmDecay.k_young",
    "assimilate.iterations=4",
    "assimilate.starts=2",
    "assimilate.ensemble_iterations=2",
    "assimilate.train=all",
    "twin.spread=0.5",
)


class Weather(Process):
    """Decay that feels the whole weather, so that a model takes all that likeness of climate compares."""

    cite: ClassVar[str] = "a toy"
    q10: Scalar = param(2.0, bounds=(1.0, 4.0), doc="rise of decay per 10 K")

    def __call__(self, tas: Scalar, pr: Scalar, rsds: Scalar, vpd: Scalar) -> dict[str, Scalar]:
        moist = 1.0 + 0.0 * (pr + rsds + vpd)
        return {"fEnvSoil": self.q10 ** ((tas - 283.15) / 10.0) * moist}


def silent(what: str, share: float) -> None:
    """Report nothing."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A small run whose parameters, one set a site, were carried by climate."""
    folder = tmp_path_factory.mktemp("carried")
    page = folder / "small.toml"
    page.write_text(SMALL.replace("tests.core.toys:Warmth", "tests.case.test_carried:Weather") + TWIN)
    case = load(str(page), CHANGES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANDSINK_HOME", str(folder / "home"))
        result = run(case, folder / "out", None, silent)
    setup = prepare(case, None)
    return setup, stored_posterior(setup, folder / "out" / "posterior.zarr"), result


def test_a_forcing_that_cannot_be_compared_is_told_before_anything_is_solved(tmp_path):
    page = tmp_path / "small.toml"
    page.write_text(SMALL + TWIN)
    with pytest.raises(CaseError) as caught:
        run(load(str(page), ["map.carry=climate"]), tmp_path / "out", None, silent)
    says = str(caught.value)
    assert "takes no pr, rsds, vpd from VirtualEurope" in says and "map.carry = 'pft'" in says
    assert not (tmp_path / "out" / "posterior.zarr").exists()


@pytest.mark.slow
def test_the_scores_show_what_other_sites_parameters_say(finished):
    table = pd.read_csv(finished[2].folder / "scores.csv", dtype={"baseline": str})
    rows = table[(table["baseline"] == "carried") & (table["site"] == "pooled") & (table["score"] == "rmse")]
    assert len(rows) == 1 and np.isfinite(rows["value"]).all()
    own = table[table["baseline"].isna() & (table["site"] == "pooled") & (table["score"] == "rmse")]
    # observations were made from each site's own truth: parameters from elsewhere cannot do as well
    assert rows["value"].to_numpy()[0] > own["value"].to_numpy()[0]
    assert json.loads((finished[2].folder / "record.json").read_text())["hash"] == finished[2].record


@pytest.mark.slow
def test_what_is_left_out_leaves_no_trace(finished):
    setup, posterior, _ = finished
    first = left_out(setup, posterior, ["rh"], 0.0)
    assert first is not None
    changed = np.array(posterior.ensemble)
    changed[:, :, 2] += (
        3.0  # other parameters at one site: its own prediction may not move, its neighbours' must
    )
    again = left_out(setup, dataclasses.replace(posterior, ensemble=changed), ["rh"], 0.0)
    assert again is not None
    np.testing.assert_array_equal(first["rh"][:, 2], again["rh"][:, 2])
    assert not np.array_equal(first["rh"], again["rh"])


@pytest.mark.slow
def test_no_test_where_nobody_is_left_to_lend(finished):
    setup, posterior, _ = finished
    assert left_out(setup, posterior, ["rh"], 1e5) is None


@pytest.mark.slow
def test_the_map_takes_the_parameters_that_the_sites_learnt(finished):
    setup, posterior, _ = finished
    plan, _ = map_plan(setup, posterior, None)
    members = map_members(setup, posterior, plan.entry)
    np.testing.assert_array_equal(members, plan.members)
    learnt = np.asarray(posterior.ensemble)
    assert members.shape == (learnt.shape[0], 3, len(plan.entry.flag))
    assert np.isin(members[0], learnt[0]).all()
    assert set(CLIMATE) <= set(plan.entry.arrays)
