"""Night-time partitioning: its laws, FLUXNET2015, ONEFlux's and REddyProc's results, and records beyond help."""

import numpy as np
import pytest
import xarray as xr

from landsink.core.errors import DataError
from landsink.stations.flux import clock
from landsink.stations.flux.darkness import LightAndSun, LightAndSunset
from landsink.stations.flux.nighttime import NightTime, Origin, nighttime
from landsink.stations.flux.respiration import Fate
from tests.stations.flux import partitioned
from tests.stations.flux.partitioned import TRUTH, generated

CONVENTIONS = [NightTime.oneflux(), NightTime.reddyproc()]
EVERY = pytest.mark.parametrize("convention", CONVENTIONS, ids=["oneflux", "reddyproc"])


def infinite(ds):
    return [n for n, v in ds.data_vars.items() if v.dtype.kind == "f" and np.isinf(v).any()]


@EVERY
def test_it_finds_the_respiration_that_nee_was_made_of(convention):
    out = nighttime(generated(), convention)
    assert out.NT_E0.values == pytest.approx(TRUTH["e0"], rel=1e-3)
    np.testing.assert_allclose(out.RECO_NT, out.RECO, rtol=1e-3)
    np.testing.assert_allclose(out.GPP_NT, out.GPP, atol=0.02)


def test_gpp_is_respiration_less_filled_nee():
    ds = generated(noise=0.5)
    ds["NEE_F"], ds["NEE"] = ds.NEE, ds.NEE.where(ds.time.dt.day % 3 > 0)
    out = nighttime(ds)
    np.testing.assert_allclose(out.GPP_NT, out.RECO_NT - ds.NEE_F, atol=1e-12)
    assert float(out.GPP_NT.min()) < 0  # noise is not clipped


def test_gaps_in_a_single_variable_with_quality_are_not_learnt_from():
    ds = generated(noise=0.5)
    poor = ds.assign(
        NEE=ds.NEE.where(ds.time.dt.day % 3 > 0, 50.0), NEE_QC=xr.where(ds.time.dt.day % 3 > 0, 0.0, 1.0)
    )
    gone = ds.assign(NEE=ds.NEE.where(ds.time.dt.day % 3 > 0))
    np.testing.assert_array_equal(nighttime(poor).RECO_NT, nighttime(gone).RECO_NT)


@EVERY
def test_versions_do_not_know_of_each_other(convention):
    ds = generated(60, noise=0.5)
    odd = ds.NEE.where(ds.time.dt.day % 2 > 0)
    both = nighttime(ds.assign(NEE=xr.concat([ds.NEE, odd, odd * np.nan], "percentile")), convention)
    for k, one in enumerate((ds.NEE, odd)):
        alone = nighttime(ds.assign(NEE=one), convention)
        for name in ("RECO_NT", "GPP_NT", "NT_E0", "NT_RREF", "NT_WINDOW_FATE"):
            np.testing.assert_array_equal(both[name].isel(percentile=k), alone[name])
    assert both.RECO_NT.isel(percentile=2).isnull().all()
    assert both.NT_E0_ORIGIN.isel(percentile=2).values == Origin.NOWHERE


def test_three_windows_are_chosen_and_counted():
    out = nighttime(generated(noise=0.5))
    chosen = out.NT_WINDOW_FATE == Fate.CHOSEN
    assert int(chosen.sum()) == 3
    assert float(out.NT_E0[0]) == pytest.approx(float(out.NT_WINDOW_E0.where(chosen).mean()))
    rest = out.NT_WINDOW_E0_SE.where(out.NT_WINDOW_FATE == Fate.SOUND)
    assert float(out.NT_WINDOW_E0_SE.where(chosen).max()) <= float(rest.min())


def test_a_year_that_tells_no_warmth_takes_other_years():
    first, second = generated(60), generated(10)
    second = second.assign(TA=second.TA * 0 + 12.0).assign_coords(time=second.time + np.timedelta64(365, "D"))
    out = nighttime(clock.regular(xr.concat([first, second], "time"), 1800))
    assert out.NT_E0_ORIGIN.values.tolist() == [Origin.WINDOWS, Origin.OTHER_YEARS]
    assert float(out.NT_E0[1]) == float(out.NT_E0[0])


@pytest.mark.parametrize("step", ["15min", "1h"])
@EVERY
def test_other_steps(step, convention):
    out = nighttime(generated(60, step), convention)
    np.testing.assert_allclose(out.RECO_NT, out.RECO, rtol=2e-3)


@EVERY
def test_one_month_is_enough(convention):
    out = nighttime(generated(30, noise=0.5), convention)
    assert np.isfinite(out.GPP_NT).all() and not infinite(out)


HOPELESS = {
    "nothing measured": lambda ds: ds.assign(NEE=ds.NEE * np.nan),
    "no temperature": lambda ds: ds.assign(TA=ds.TA * np.nan),
    "one temperature": lambda ds: ds.assign(TA=ds.TA * 0 + 10),
    "no night": lambda ds: ds.sel(time="2005-06").assign(SW_IN=ds.SW_IN + 30).assign_attrs(latitude=78.0),
    "three days": lambda ds: ds.isel(time=slice(0, 6)),
    "no place": lambda ds: ds.drop_attrs(),
    "beyond cold": lambda ds: ds.assign(TA=ds.TA - 80),
}


@pytest.mark.parametrize("change", HOPELESS.values(), ids=HOPELESS)
@EVERY
def test_a_record_that_it_cannot_help_is_told_so(change, convention):
    with pytest.raises(DataError) as told:
        nighttime(change(generated(60)), convention)
    assert told.value.expected


def test_a_summer_without_nights_leaves_the_rest():
    ds = generated(120, noise=0.3)
    june = ds.time.dt.month == 6
    out = nighttime(ds.assign(SW_IN=ds.SW_IN + 30 * june))
    assert np.isfinite(out.RECO_NT).all() and not infinite(out)
    assert (out.NT_WINDOW_FATE == Fate.FEW_RECORDS).any()


def test_noon_by_the_clock_misplaces_twilight():
    """Five degrees west of the meridian the sun sets 20 min later than the clock's symmetry has it."""
    ds = generated(3).assign_attrs(longitude=10.0)
    by_clock, by_sun = LightAndSunset()(ds).night, LightAndSun()(ds).night
    evening = (ds.time.dt.hour >= 12).values
    assert (by_clock & ~by_sun)[evening].any() and not (by_sun & ~by_clock)[evening].any()
    assert (by_sun & ~by_clock)[~evening].any() and not (by_clock & ~by_sun)[~evening].any()
    assert not (by_sun & (ds.SW_IN.values > 10)).any()


@pytest.mark.parametrize(("site", "r"), [("DE-Geb", 0.999), ("CH-Dav", 0.999), ("DE-Tha", 0.998)])
def test_it_is_fluxnet2015s_gpp(data, site, r):
    years = partitioned.alike(nighttime(partitioned.official(data, site)), "GPP_NT", "OFFICIAL_NT")
    assert len(years) >= 14
    assert years.r.min() >= r, years
    assert years["sum"].abs().max() <= 0.01, years


@pytest.mark.parametrize(("site", "year"), [("DE-Tha", 1998), ("DE-Geb", 2004)])
def test_it_is_what_oneflux_made_of_the_same_record(data, site, year):
    ds = partitioned.oneflux(data, site, year)
    night = LightAndSunset()(ds).night & np.isfinite(ds.NEE)
    assert (night == np.isfinite(ds.THEIR_NIGHT)).all()
    years = partitioned.alike(nighttime(ds), "GPP_NT", "THEIR_GPP_NT")
    assert years.r.min() > 0.9999 and years["sum"].abs().max() < 0.01


@pytest.mark.parametrize("site", ["DE-Tha", "DE-Geb"])
def test_it_is_what_reddyproc_made_of_the_same_record(data, site):
    out = nighttime(partitioned.reddyproc(data, site), NightTime.reddyproc())
    assert float(out.NT_E0[0]) == pytest.approx(float(out.THEIR_E0.mean()), rel=0.005)
    years = partitioned.alike(out, "GPP_NT", "THEIR_GPP_NT")
    assert years.r.min() > 0.9999 and years["sum"].abs().max() < 0.005
