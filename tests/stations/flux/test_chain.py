"""The whole chain: what a failing step costs, what the products owe each other, and records that lack something.

Odd records are made from a real one (DE-Tha 1998) by altering it; that is said where it is done.
"""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from landsink.core.errors import DataError
from landsink.sources.tower import open_tower
from landsink.stations.flux import clock
from landsink.stations.flux.bootstrap import PERCENTILES
from landsink.stations.flux.chain import STAGES, process
from landsink.stations.flux.convention import OneFlux, REddyProc
from landsink.stations.flux.preparation import percentiles
from landsink.stations.flux.stage import Processed, Settings, Skip, Stage, run
from tests.stations.flux.partitioned import generated

QUICK = Settings(draws=6, percentiles=4)


@pytest.fixture(scope="module")
def made_up() -> Processed:
    """A made-up summer whose GPP and RECO are known, through the chain."""
    return process(generated(noise=0.5).drop_vars(["NEE_HAT_SD"]), QUICK)


@pytest.fixture(scope="module")
def tharandt(data) -> xr.Dataset:
    file = data / "flux/reddyproc_de_tha_98/Example_DETha98.txt"
    return open_tower(file, "DE-Tha", latitude=50.96, longitude=13.57, utc_offset=1.0)


@pytest.fixture(scope="module")
def done(tharandt) -> Processed:
    return process(tharandt, QUICK)


def status(known: Processed) -> dict[str, str]:
    return {step.name: step.status for step in known.steps}


def doing(name: str, gives: str):
    """A stage's function that adds a variable of ones."""
    return lambda known, settings, report: (
        replace(known, record=known.record.assign({gives: xr.ones_like(known.record["TA"])})), name
    )  # fmt: skip


def failing(error: BaseException):
    def do(known, settings, report):
        raise error

    return do


@pytest.fixture
def small() -> Processed:
    return Processed(generated(days=5))


def test_a_failed_stage_costs_only_what_needs_it(small):
    stages = (
        Stage("broken", failing(DataError("No wind.", "Some.")), gives=("A",)),
        Stage("needs it", doing("b", "B"), needs=("A",), gives=("B",)),
        Stage("needs that", doing("c", "C"), needs=("B",)),
        Stage("does not", doing("d", "D"), needs=("TA",)),
    )
    after = run(small, stages, QUICK)
    assert status(after) == {
        "broken": "failed",
        "needs it": "skipped",
        "needs that": "skipped",
        "does not": "done",
    }
    assert after.step("broken").says == "No wind. Some."
    assert "'broken' failed" in after.step("needs it").says
    assert "'needs it' was skipped" in after.step("needs that").says
    assert "D" in after.record
    assert "B" not in after.record


def test_a_fault_of_ours_is_caught_named_and_kept_with_its_traceback(small):
    after = run(small, (Stage("bug", failing(ZeroDivisionError("by nought"))),), QUICK)
    assert after.step("bug").status == "failed"
    assert "ZeroDivisionError: by nought" in after.step("bug").says
    assert "Traceback" in after.step("bug").trace


def test_an_interruption_is_not_swallowed(small):
    with pytest.raises(KeyboardInterrupt):
        run(small, (Stage("long", failing(KeyboardInterrupt())),), QUICK)


def test_what_was_never_measured_is_named(small):
    after = run(small, (Stage("u*", doing("u", "U"), needs=("USTAR",)),), QUICK)
    assert after.step("u*").says == "Not possible: USTAR was never measured."


def test_a_stage_may_skip_itself_and_is_done_once(small):
    counted = []
    stages = (
        Stage("idle", failing(Skip("Nothing to do."))),
        Stage("count", lambda known, s, r: (counted.append(1), (known, ""))[1]),
        Stage("unwanted", failing(ValueError()), wanted=lambda s: s.boosting),
    )
    after = run(run(small, stages, QUICK), stages, QUICK)
    assert status(after) == {"idle": "skipped", "count": "done"}
    assert counted == [1]


def test_progress_begins_at_nought_and_ends_at_one(tmp_path):
    seen: dict[str, list[float]] = {}
    process(generated(days=20), QUICK, lambda what, share: seen.setdefault(what, []).append(share))
    for stage in ("gap filling", "night-time partitioning", "day-time partitioning"):
        assert seen[stage][0] == 0.0
        assert seen[stage][-1] == 1.0
        assert seen[stage] == sorted(seen[stage])


def test_forty_percentiles_are_fluxnets():
    assert np.array_equal(percentiles(40), PERCENTILES)
    assert percentiles(1).tolist() == [50.0]


def test_settings_refuse_what_cannot_be():
    with pytest.raises(DataError, match="percentiles"):
        Settings(percentiles=0)
    with pytest.raises(DataError, match="draws"):
        Settings(draws=0)


def test_conventions_differ_where_the_tools_do():
    ours, theirs = OneFlux(), REddyProc()
    for member in ("spikes", "moving", "change", "calm", "gaps", "night", "day"):
        assert getattr(ours, member) != getattr(theirs, member), member
    assert ours == OneFlux()
    assert hash(theirs.gaps.cascade)
    assert ours.spread.samples == 10


def test_known_fluxes_come_back(made_up):
    truth = generated(noise=0.5)
    for flux, mark in (("GPP", "NT"), ("GPP", "DT"), ("RECO", "NT"), ("RECO", "DT")):
        values = made_up.record[f"{flux}_{mark}_VUT_REF"].values
        clear = xr.corr(xr.DataArray(values), xr.DataArray(truth[flux].values)).item()
        assert clear > (0.97 if flux == "GPP" else 0.9), (flux, mark)
        assert values.mean() == pytest.approx(truth[flux].values.mean(), rel=0.04), (flux, mark)


def test_without_u_star_one_version_stands_and_that_is_said(made_up):
    assert status(made_up)["u* filter"] == "skipped"
    assert made_up.versions.sizes["percentile"] == 1
    assert "without a u* filter" in made_up.record["NEE_VUT_REF"].attrs["long_name"]
    names = set(map(str, made_up.record.data_vars))
    assert "NEE_VUT_REF" in names
    assert not names & {"NEE_VUT_USTAR50", "NEE_VUT_16", "NEE_VUT_REF_JOINTUNC"}
    assert np.isfinite(made_up.record["NEE_VUT_REF_RANDUNC"].values).mean() > 0.9


def test_products_of_others_are_not_taken_for_ours():
    ds = generated(days=20).rename(GPP="GPP_NT_VUT_REF").assign(TA=lambda d: d["TA"] * np.nan)
    known = process(ds, QUICK)
    assert "GPP_NT_VUT_REF" not in known.record
    assert "GPP_NT_VUT_REF" in known.step("measured values").says


def test_half_hours_obey_their_balance(done):
    ds = done.record
    reco, gpp, nee = (ds[f"{n}_VUT_REF"].values for n in ("RECO_NT", "GPP_NT", "NEE"))
    np.testing.assert_allclose(reco - gpp, nee, atol=1e-9)
    assert np.isfinite(nee).all()


def test_measured_values_pass_through(done, tharandt):
    kept = done.record["NEE_VUT_REF_QC"].values == 0
    assert 0.2 < kept.mean() < 0.6
    np.testing.assert_array_equal(done.record["NEE_VUT_REF"].values[kept], tharandt["NEE"].values[kept])


def test_uncertainties_are_put_together_at_each_length(done):
    for ds in (done.record, *done.coarse.values()):
        random, joint = ds["NEE_VUT_REF_RANDUNC"].values, ds["NEE_VUT_REF_JOINTUNC"].values
        spread = (ds["NEE_VUT_84"].values - ds["NEE_VUT_16"].values) / 2
        np.testing.assert_allclose(joint, np.hypot(random, spread), rtol=1e-9)


def test_years_are_taken_from_versions_that_were_summed_first(done):
    year = done.coarse["YY"]
    ranked = [float(year[f"NEE_VUT_{p:02d}"].values[0]) for p in (5, 16, 25, 50, 75, 84, 95)]
    assert ranked == sorted(ranked)
    version = done.versions["NEE_VUT"].isel(percentile=done.references["YY"].index)
    grams = float(version.mean()) * 12.0107e-6 * 86400 * 365
    assert float(year["NEE_VUT_REF"].values[0]) == pytest.approx(grams, rel=1e-9)


def test_every_window_of_every_version_is_exported(done):
    assert done.windows.sizes["percentile"] == done.versions.sizes["percentile"] == 5
    assert {"NT_E0", "NT_RREF", "DT_ALPHA", "DT_BETA", "DT_K", "DT_RREF", "DT_E0", "DT_FATE"} <= set(
        done.windows
    )
    assert done.windows["DT_ALPHA"].dims == ("percentile", "dt_window")


def test_equal_records_and_settings_give_equal_results(done, tharandt):
    again = process(tharandt, QUICK)
    xr.testing.assert_identical(again.record, done.record)
    xr.testing.assert_identical(again.thresholds, done.thresholds)


# --- records that lack something, made from DE-Tha 1998 by altering it ---


def summer_without_night(ds: xr.Dataset) -> xr.Dataset:
    """Six weeks as though at 78° N: never darker than 60 W m-2."""
    part = ds.sel(time=slice("1998-06-01", "1998-07-15"))
    return part.assign(SW_IN=part["SW_IN"] + 60).assign_attrs(latitude=78.0)


def quarters(ds: xr.Dataset) -> xr.Dataset:
    """Four months with each half-hour stated as two quarters."""
    part = ds.sel(time=slice("1998-05-01", "1998-08-31"))
    time = np.sort(np.concatenate([part["time"].values, part["time"].values + np.timedelta64(900, "s")]))
    return xr.Dataset({n: ("time", np.repeat(part[n].values, 2)) for n in part}, {"time": time}, part.attrs)


ODD = {
    "no u*": lambda ds: ds.drop_vars("USTAR"),
    "no night": summer_without_night,
    "quarters": quarters,
    "one month": lambda ds: ds.sel(time="1998-06"),
    "no VPD": lambda ds: ds.drop_vars(["VPD", "RH"]),
    "no NEE": lambda ds: ds.assign(NEE=ds["NEE"] * np.nan),
    "wrong zone": lambda ds: ds.assign_attrs(utc_offset=-5.0),
    "no place": lambda ds: ds.drop_attrs(deep=False).assign_attrs(site="DE-Tha"),
    "no light": lambda ds: ds.drop_vars("SW_IN"),
    "photons": lambda ds: ds.assign(PPFD_IN=2.0 * ds["SW_IN"]).drop_vars("SW_IN"),
    "hours": lambda ds: ds.isel(time=slice(0, None, 2)),
    "two days": lambda ds: ds.isel(time=slice(0, 96)),
    "rare": lambda ds: ds.assign(NEE=ds["NEE"].where(np.arange(ds.sizes["time"]) % 500 == 0)),
    "uneven": lambda ds: ds.isel(time=np.r_[0:100, 150:400]),
    "empty": lambda ds: ds.isel(time=slice(0, 0)),
    "temperature alone": lambda ds: ds[["TA"]],
    "no weather": lambda ds: ds[["NEE", "LE", "USTAR"]].sel(time="1998-07"),
}


@pytest.fixture(scope="module")
def odd(tharandt):
    found: dict[str, Processed] = {}

    def of(name: str) -> Processed:
        if name not in found:
            found[name] = process(ODD[name](tharandt), QUICK)
        return found[name]

    return of


@pytest.mark.parametrize("name", ODD)
def test_every_step_of_an_odd_record_has_an_end_and_a_reason(odd, name):
    known = odd(name)
    assert [s.name for s in known.steps] == [s.name for s in STAGES if s.wanted(QUICK)]
    assert not [s for s in known.steps if s.trace], [s.trace for s in known.steps if s.trace]
    assert all(s.says for s in known.steps)


def test_no_u_star(odd):
    known = odd("no u*")
    assert "USTAR was never measured" in known.step("u* moving point").says
    assert -800 < known.coarse["YY"]["NEE_VUT_REF"].item() < -500
    assert np.isfinite(known.record["GPP_NT_VUT_REF"].values).all()


def test_no_night(odd):
    known = odd("no night")
    assert "no night" in known.step("u* moving point").says
    assert "no night" in known.step("night-time partitioning").says
    assert "nights" in known.step("day-time partitioning").says
    assert np.isfinite(known.record["NEE_VUT_REF"].values).all()


def test_quarters_become_half_hours(odd, tharandt):
    known = odd("quarters")
    assert clock.step_seconds(known.record) == 1800
    assert "15 minutes" in known.step("time steps").says
    plain = process(tharandt.sel(time=slice("1998-05-01", "1998-08-31")), QUICK)
    np.testing.assert_allclose(
        known.coarse["MM"]["NEE_VUT_REF"].values, plain.coarse["MM"]["NEE_VUT_REF"].values, rtol=1e-9
    )


def test_one_month(odd):
    known = odd("one month")
    assert "night records" in known.step("u* moving point").says
    assert np.isnan(known.coarse["YY"]["NEE_VUT_REF"].item())
    assert -8 < known.coarse["MM"]["NEE_VUT_REF"].item() < 0
    assert 5 < known.coarse["MM"]["GPP_NT_VUT_REF"].item() < 15


def test_no_vpd(odd, done):
    known = odd("no VPD")
    for name, share in (("NEE_VUT_REF", 0.05), ("GPP_NT_VUT_REF", 0.05), ("GPP_DT_VUT_REF", 0.1)):
        assert known.coarse["YY"][name].item() == pytest.approx(done.coarse["YY"][name].item(), rel=share)
    assert set(np.unique(known.windows["DT_RUNG"])) <= {-1, 1, 3, 4}  # none of them has an effect of dryness


def test_all_of_nee_missing(odd):
    known = odd("no NEE")
    assert "neither NEE nor FC" in known.step("storage").says
    assert "'storage' failed" in known.step("gap filling").says
    assert np.isfinite(known.record["TA_F"].values).all()
    assert np.isfinite(known.coarse["YY"]["LE_F_MDS"].item())


def test_a_wrong_zone_is_stated_and_harms_no_flux(odd, done):
    known = odd("wrong zone")
    assert "is the clock UTC+1" in " ".join(known.record.attrs["findings"])
    assert known.coarse["YY"]["NEE_VUT_REF"].item() == pytest.approx(
        done.coarse["YY"]["NEE_VUT_REF"].item(), rel=0.05
    )
    assert known.record["SW_IN_F_QC"].values.mean() < 0.1


def test_no_place(odd):
    known = odd("no place")
    assert "latitude" in known.step("night-time partitioning").says
    assert np.isfinite(known.coarse["YY"]["GPP_DT_VUT_REF"].item())


def test_no_weather(odd):
    known = odd("no weather")
    assert known.step("random uncertainty").status == "failed"
    assert "No weather" in known.step("energy fluxes").says
    for name in ("NEE_VUT_REF", "LE_F_MDS"):  # by the time of day alone
        assert np.isfinite(known.record[name].values).all(), name


def test_light_from_photons(odd):
    known = odd("photons")
    assert "PPFD_IN" in known.step("measured values").says
    assert np.isfinite(known.coarse["YY"]["GPP_DT_VUT_REF"].item())


# --- the published tools on the same raw file: flux.md, section 3.1, gC m-2 yr-1 ---


@pytest.mark.slow
@pytest.mark.parametrize("convention", [OneFlux(), REddyProc()], ids=lambda c: c.name)
def test_raw_tharandt_lies_between_the_tools(tharandt, convention):
    year = process(tharandt, Settings(convention)).coarse["YY"]
    assert -684 <= year["NEE_VUT_REF"].item() <= -613  # ONEFlux … REddyProc
    assert 1870 <= year["GPP_NT_VUT_REF"].item() <= 2003  # FLUXNET2015 … diive
    assert 5 < (year["NEE_VUT_84"] - year["NEE_VUT_16"]).item() / 2 < 140  # ONEFlux's span is 277
