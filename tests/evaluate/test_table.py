"""The tidy table, the goals and the scoreboard on a small made-up pair."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from rich.console import Console

from landsink.core.errors import CaseError, DataError
from landsink.evaluate import align, check_goals, page, score_table, terminal

TIME = pd.date_range("2001-01-01", periods=48, freq="MS")
UNIT = "kg m-2 s-1"


def observations(sites=("A", "B", "C")) -> xr.Dataset:
    rng = np.random.default_rng(1)
    season = np.sin(2 * np.pi * np.arange(48) / 12)[:, None]
    values = 1e-8 * (season * np.arange(1, len(sites) + 1) + 0.1 * rng.normal(size=(48, len(sites))))
    ds = xr.Dataset({"nee": (("time", "site"), values)}, coords={"time": TIME, "site": list(sites)})
    ds["nee"].attrs["units"] = UNIT
    ds["nee_withheld"] = (("time", "site"), np.repeat(np.arange(48) >= 24, len(sites)).reshape(48, -1))
    return ds


def prediction(obs: xr.Dataset) -> xr.Dataset:
    nee = (obs["nee"] + 0.2e-8).assign_attrs(units=UNIT)
    return xr.Dataset({"nee": nee, "nee_p05": nee - 0.3e-8, "nee_p95": nee + 0.1e-8}).assign_coords(
        obs.coords
    )


def pick(table, **keys):
    for key, value in keys.items():
        table = table[table[key] == value]
    return table["value"].item()


def test_rows_stand_per_site_pooled_and_median():
    obs = observations()
    table = score_table(prediction(obs), obs)
    assert set(table["site"]) == {"A", "B", "C", "median", "pooled"}
    assert set(table["period"]) == {"trained", "withheld"}
    for site in table["site"].unique():
        assert pick(table, site=site, score="bias", period="withheld", baseline="") == pytest.approx(2e-9)
    assert table[(table.site == "pooled") & (table.period == "withheld")]["n"].unique() == [72]
    assert (table["reason"] == "").all()


def test_units_are_converted_and_named():
    obs = observations()
    table = score_table(prediction(obs), obs, {"nee": "g m-2 d-1"})
    assert pick(table, site="pooled", score="bias", period="trained") == pytest.approx(2e-9 * 86400e3)
    assert table[table.score == "bias"]["unit"].unique() == ["g m-2 d-1"]
    assert table[table.score == "nse"]["unit"].unique() == ["1"]


def test_coverage_uses_the_interval_of_the_prediction():
    obs = observations()
    pred = prediction(obs)
    inside = ((obs.nee >= pred.nee_p05) & (obs.nee <= pred.nee_p95)).values[24:].mean()
    assert pick(
        score_table(pred, obs), site="pooled", score="coverage90", period="withheld"
    ) == pytest.approx(inside)


def test_baselines_are_scored_on_what_they_predict_or_on_common_pairs():
    obs = observations()
    late = obs[["nee"]].where(obs.time >= obs.time[30])
    table = score_table(prediction(obs), obs, baselines={"late": late})
    counts = table[(table.site == "A") & (table.period == "withheld")].groupby("baseline")["n"].first()
    assert counts.to_dict() == {"": 24, "late": 18}
    same = score_table(prediction(obs), obs, baselines={"late": late}, common=True)
    assert set(same[(same.site == "A") & (same.period == "withheld")]["n"]) == {18}


def test_a_site_with_too_few_values_says_so():
    obs = observations()
    obs["nee"][:, 0] = obs["nee"][:, 0].where(np.arange(48) < 4)
    table = score_table(prediction(obs), obs)
    row = table[(table.site == "A") & (table.score == "nse")].iloc[0]
    assert np.isnan(row["value"])
    assert row["reason"] == "4 pairs, 10 needed"
    assert (
        table[(table.site == "median") & (table.score == "nse") & (table.period == "trained")]["n"].item()
        == 2
    )


def test_align_keeps_the_common_places_and_explains_an_empty_overlap():
    obs = observations()
    first, second = align(prediction(obs).isel(site=[2, 0]), obs.isel(time=slice(3, 9)))
    assert list(first.site.values) == list(second.site.values)
    assert first.sizes == second.sizes == {"time": 6, "site": 2}
    with pytest.raises(DataError, match="2001-01-01 to 2004-12-01, 3 site"):
        align(prediction(obs), obs.assign_coords(time=TIME + pd.DateOffset(years=20)))
    with pytest.raises(DataError, match="in common"):
        score_table(prediction(obs), obs.rename(nee="gpp"))
    with pytest.raises(DataError, match="'time' dim"):
        align(prediction(obs).isel(time=0, drop=True), obs)
    with pytest.raises(DataError, match="same outer dim"):
        align(prediction(obs).rename(site="cell"), obs)


def test_a_single_series_is_one_site():
    obs = observations().isel(site=0, drop=True)
    table = score_table(prediction(obs), obs)
    assert set(table["site"]) == {"here", "pooled", "median"}


def test_goals_in_figures_and_relative_to_a_baseline():
    obs = observations()
    twice = (obs["nee"] + 0.4e-8).to_dataset(name="nee")
    table = score_table(prediction(obs), obs, baselines={"prior": twice})
    goals = [
        {"variable": "nee", "score": "nse", "at_least": 0.5, "site": "median"},
        {"variable": "nee", "score": "rmse", "at_most": 0.51, "of": "prior"},
        {"variable": "nee", "score": "rmse", "at_most": 0.49, "of": "prior"},
        {"variable": "gpp", "score": "nse", "at_least": 0.0},
    ]
    results = check_goals(table, goals)
    assert [r.passed for r in results] == [True, True, False, False]
    assert "no such score" in results[3].says
    assert "≤ 0.51 × prior" in results[1].says
    with pytest.raises(CaseError, match="at_least"):
        check_goals(table, [{"variable": "nee", "score": "nse", "at_leest": 1}])
    with pytest.raises(CaseError, match="cannot be checked"):
        check_goals(table, [{"variable": "nee", "score": "nse"}])


def test_goals_survive_a_table_read_back_from_csv(tmp_path):
    obs = observations()
    score_table(prediction(obs), obs).to_csv(tmp_path / "scores.csv", index=False)
    back = pd.read_csv(tmp_path / "scores.csv")
    assert check_goals(back, [{"variable": "nee", "score": "nse", "at_least": 0.5}])[0].passed


def test_scoreboard_shows_units_counts_baselines_and_verdicts():
    obs = observations()
    table = score_table(prediction(obs), obs, baselines={"seasonal-cycle": obs[["nee"]] * 0.5})
    goals = check_goals(table, [{"variable": "nee", "score": "nse", "at_least": 2.0}])
    console = Console(width=140, record=True, force_terminal=False)
    with console.capture() as shown:
        console.print(terminal(table, goals))
    for word in ("model", "seasonal-cycle", UNIT, "72", "pooled", "median", "missed"):
        assert word in shown.get()
    html = page(table, goals)
    assert "<strong>" in html and UNIT in html and "http" not in html


def test_the_scoreboard_is_whole_in_a_terminal_of_eighty():
    obs = observations()
    others = {name: obs[["nee"]] * 0.5 for name in ("carried", "prior", "regression", "seasonal-cycle")}
    table = score_table(prediction(obs), obs, baselines=others)
    console = Console(width=80, record=True, force_terminal=False)
    with console.capture() as shown:
        console.print(terminal(table))
    text = shown.get()
    assert "…" not in text
    for word in ("model", *others, f"[{UNIT}]", "seasonal correlation"):
        assert word in text
    pooled = table[(table["site"] == "pooled") & (table["period"] == "withheld") & (table["baseline"] == "")]
    value = pooled.loc[pooled["score"] == "rmse", "value"].iloc[0]
    assert f"{value:.3g}" in text
