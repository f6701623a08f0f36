"""Errors of years that a fit has not seen are learnt by leaving years out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from landsink.case import load
from landsink.case.fit import solve
from landsink.case.setup import observations, prepare, with_twin
from tests.case.small import SMALL, TWIN


def quiet(what: str, share: float) -> None:
    """Report nothing."""


def fitted(folder: Path, folds: int, jump: float = 0.0) -> Any:
    """Error factors of the small twin's NEE; `jump` (in errors) shifts the middle third of what was observed."""
    path = folder / "case.toml"
    path.write_text(SMALL + TWIN)
    case = load(
        str(path),
        [f"assimilate.folds={folds}", "assimilate.tune=true", "assimilate.train=all", "assimilate.iterations=6",
         "assimilate.free=WarmDecay.*, Input.rate",
         "assimilate.starts=2", "assimilate.ensemble_iterations=1"],
    )  # fmt: skip
    setup, _ = with_twin(prepare(case, None))
    seen = observations(setup)
    term = seen["nee"]
    steps = np.arange(len(setup.entry.time)) * 3 // len(setup.entry.time)
    shift = jump * np.asarray(term.sd) * (steps == 1)[:, None]
    seen["nee"] = type(term).of("nee", np.asarray(term.value) + shift, np.asarray(term.measured))
    return np.asarray(solve(setup, seen, quiet)[1]["nee"].factor)


@pytest.mark.slow
def test_leaving_years_out_never_narrows(tmp_path: Path) -> None:
    inside, outside = fitted(tmp_path, 0), fitted(tmp_path, 3)
    assert np.all(outside >= inside)
    # where the model is right, years left out are predicted about as well as the others
    assert np.median(outside / inside) < 1.3


@pytest.mark.slow
def test_a_year_unlike_the_others_widens_what_is_expected_of_unseen_ones(tmp_path: Path) -> None:
    inside, outside = fitted(tmp_path, 0, jump=3.0), fitted(tmp_path, 3, jump=3.0)
    assert np.median(outside / inside) > 1.05


@pytest.mark.parametrize("folds", [-1, "many"])
def test_folds_are_a_number(tmp_path: Path, folds: Any) -> None:
    path = tmp_path / "case.toml"
    path.write_text(SMALL + TWIN)
    with pytest.raises(Exception, match=r"folds"):
        load(str(path), [f"assimilate.folds={folds}"])
