"""Day-time partitioning: its laws, FLUXNET2015, ONEFlux's and REddyProc's results, and records beyond help."""

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import curve_fit

from landsink.core.errors import DataError
from landsink.stations.flux import gaps
from landsink.stations.flux.daytime import AtLeast, Carried, DayTime, Origin, daytime, smooth
from landsink.stations.flux.lightresponse import Fate, Rung, fit_light
from tests.stations.flux import partitioned
from tests.stations.flux.partitioned import TRUTH, generated

CONVENTIONS = [DayTime.oneflux(), DayTime.reddyproc()]
EVERY = pytest.mark.parametrize("convention", CONVENTIONS, ids=["oneflux", "reddyproc"])
WIDE = np.array([10.0, 600.0, 50.0, 80.0])


def infinite(ds):
    return [n for n, v in ds.data_vars.items() if v.dtype.kind == "f" and np.isinf(v).any()]


def light_response(drivers, alpha, beta, k, rref):
    light, factor, dry = drivers
    top = beta * np.exp(-k * dry)
    return rref * factor - alpha * light * top / (alpha * light + top)


def rows(noise, count=150):
    draw = np.random.default_rng(1)
    drivers = np.array(
        [draw.uniform(10, 900, count), draw.uniform(0.5, 2, count), draw.uniform(0, 15, count)]
    )
    nee = light_response(drivers, 0.05, 25.0, 0.05, 3.0) + draw.normal(0, noise, count)
    return drivers, np.array([nee, np.ones(count), *drivers])


def test_a_light_response_and_its_covariance_are_scipys():
    drivers, data = rows(noise=1.0)
    start, mine = np.array([0.01, 20.0, 0.0, 2.0]), np.zeros((4, 4))
    found = fit_light(data, data.shape[1], start, np.ones(4, bool), WIDE * 1e6, mine)
    theirs, covariance = curve_fit(light_response, drivers, data[0], [0.05, 25, 0.05, 3])
    np.testing.assert_allclose(found, theirs, rtol=1e-3)
    np.testing.assert_allclose(np.sqrt(np.diag(mine)), np.sqrt(np.diag(covariance)), rtol=1e-2)


def test_a_held_parameter_stays_and_has_no_error():
    _, data = rows(noise=1.0)
    covariance = np.zeros((4, 4))
    free = np.array([False, True, False, True])
    found = fit_light(data, data.shape[1], np.array([0.07, 20.0, 0.0, 2.0]), free, WIDE, covariance)
    assert (found[0], found[2]) == (0.07, 0.0)
    assert (np.diag(covariance) > 0).tolist() == [False, True, False, True]


@EVERY
def test_it_finds_the_fluxes_that_nee_was_made_of(convention):
    out = daytime(generated(60, noise=0.05), convention)
    sound = (out.DT_FATE == Fate.SOUND).values
    assert sound.mean() > 0.9
    assert float(np.nanmedian(out.DT_ALPHA)) == pytest.approx(TRUTH["alpha"], rel=0.02)
    assert float(np.nanmedian(out.DT_BETA)) == pytest.approx(TRUTH["beta"], rel=0.02)
    assert float(np.nanmedian(out.DT_RREF)) == pytest.approx(TRUTH["rref"], rel=0.02)
    assert float(out.GPP_DT.sum() / out.GPP.sum()) == pytest.approx(1, abs=0.01)
    assert float(out.RECO_DT.sum() / out.RECO.sum()) == pytest.approx(1, abs=0.01)


def test_standard_errors_cover_the_truth():
    out = daytime(generated(60, noise=1.0))
    lit = (out.SW_IN > 100).values & (out.GPP_DT_SE.values > 0)
    off = (np.abs(out.GPP_DT - out.GPP) / out.GPP_DT_SE).values[lit]
    assert 0.85 < np.mean(off < 1.96) <= 1.0


@EVERY
def test_versions_do_not_know_of_each_other(convention):
    ds = generated(30, noise=0.5)
    odd = ds.NEE.where(ds.time.dt.hour % 2 > 0)
    both = daytime(ds.assign(NEE=xr.concat([ds.NEE, odd, odd * np.nan], "percentile")), convention)
    for k, one in enumerate((ds.NEE, odd)):
        alone = daytime(ds.assign(NEE=one), convention)
        for name in ("RECO_DT", "GPP_DT_SE", "DT_BETA", "DT_RUNG"):
            np.testing.assert_array_equal(both[name].isel(percentile=k), alone[name])
    assert both.GPP_DT.isel(percentile=2).isnull().all()


@EVERY
def test_without_vpd_it_says_that_no_window_has_its_effect(convention):
    out = daytime(generated(30, noise=0.3).drop_vars("VPD"), convention)
    assert out.GPP_DT.attrs["vpd"].startswith("absent")
    assert set(np.unique(out.DT_RUNG)) <= {
        Rung.NONE,
        Rung.WITHOUT_VPD,
        Rung.ALPHA_HELD_WITHOUT_VPD,
        Rung.RESPIRATION_ONLY,
    }
    assert (out.DT_K.fillna(0) == 0).all() and np.isfinite(out.GPP_DT).all()


def test_dryness_that_helps_photosynthesis_is_not_believed():
    ds = generated(30, noise=0.1)
    top = 25 * np.exp(0.05 * np.maximum(ds.VPD - 10, 0))
    gpp = 0.05 * ds.SW_IN * top / (0.05 * ds.SW_IN + top)
    out = daytime(ds.assign(NEE=ds.RECO - gpp))
    sound = out.DT_FATE == Fate.SOUND
    assert sound.sum() > 10
    assert out.DT_RUNG.where(sound, 1).isin([Rung.WITHOUT_VPD, Rung.ALPHA_HELD_WITHOUT_VPD]).all()
    assert (out.DT_K.where(sound, 0) == 0).all()


def test_a_canopy_that_only_breathes_has_no_gpp():
    ds = generated(30)
    out = daytime(
        ds.assign(NEE=ds.RECO + 0.002 * ds.SW_IN)
    )  # more with light: the opposite of photosynthesis
    assert (out.DT_RUNG == Rung.RESPIRATION_ONLY).any()
    assert float(out.GPP_DT.min()) >= 0 and float(out.GPP_DT.mean()) < 0.1


def test_e0_is_carried_from_the_last_window_that_had_one():
    e0 = np.array([[500.0, np.nan, 150.0, 20.0, np.nan, 220.0, np.nan]])
    group = np.array([0, 0, 0, 0, 0, 0, 1])
    value, _, origin = Carried()(e0, np.ones_like(e0), np.arange(7.0), group, 50.0, 400.0)
    np.testing.assert_array_equal(value[0], [400, 150, 150, 150, 150, 220, np.nan])
    other = Origin.OTHER_WINDOW
    own = Origin.OWN_NIGHTS
    assert origin[0].tolist() == [Origin.EDGE_OF_RANGE, other, own, other, other, own, Origin.NOWHERE]


def test_smoothing_follows_what_is_sure_and_forgets_what_is_not():
    x = np.arange(40.0)
    y, error = 200 + 50 * np.sin(x / 8), np.full(40, 5.0)
    y[20], error[20] = 390.0, 200.0
    mean, spread = smooth(x, y, error, x)
    assert abs(mean[20] - (200 + 50 * np.sin(20 / 8))) < 15
    assert (spread > 0).all() and np.abs(np.delete(mean - y, 20)).max() < 10


def test_missing_spreads_are_guessed_from_the_flux():
    nee, sampled = np.array([[-20.0, 1.0, 5.0]]), np.array([[np.nan, np.nan, 0.5]])
    np.testing.assert_allclose(AtLeast()(nee, sampled), [[4.0, 0.7, 0.5]])


@pytest.mark.parametrize("step", ["15min", "1h"])
@EVERY
def test_other_steps(step, convention):
    out = daytime(generated(30, step, noise=0.05), convention)
    assert float(out.GPP_DT.sum() / out.GPP.sum()) == pytest.approx(1, abs=0.02)


HARD = {
    "no spread of NEE": lambda ds: ds.drop_vars("NEE_HAT_SD"),
    "spread of nothing": lambda ds: ds.assign(NEE_HAT_SD=ds.NEE_HAT_SD * 0),
    "one temperature": lambda ds: ds.assign(TA=ds.TA * 0 + 10),
    "half a VPD": lambda ds: ds.assign(VPD=ds.VPD.where(ds.time.dt.day < 15)),
    "infinite fluxes": lambda ds: ds.assign(NEE=ds.NEE.where(ds.NEE < 6, np.inf)),
    "a few light nights": lambda ds: ds.assign(SW_IN=ds.SW_IN.where(ds.time.dt.day < 15, ds.SW_IN + 20)),
    "four days": lambda ds: ds.isel(time=slice(0, 192)),
}


@pytest.mark.parametrize("change", HARD.values(), ids=HARD)
@EVERY
def test_a_hard_record_gives_finite_numbers(change, convention):
    out = daytime(change(generated(30, noise=0.3)), convention)
    assert np.isfinite(out.GPP_DT).all() and np.isfinite(out.RECO_DT).all()
    assert not [n for n in infinite(out) if n != "NEE"]


HOPELESS = {
    "nothing measured": lambda ds: ds.assign(NEE=ds.NEE * np.nan),
    "no light": lambda ds: ds.drop_vars("SW_IN"),
    "no temperature": lambda ds: ds.assign(TA=ds.TA * np.nan),
    "no night": lambda ds: ds.assign(SW_IN=ds.SW_IN + 30).assign_attrs(latitude=78.0),
    "one day": lambda ds: ds.isel(time=slice(0, 48)),
    "too few": lambda ds: ds.assign(NEE=ds.NEE.where(ds.time.dt.hour == 12)),
}


@pytest.mark.parametrize("change", HOPELESS.values(), ids=HOPELESS)
@EVERY
def test_a_record_that_it_cannot_help_is_told_so(change, convention):
    with pytest.raises(DataError) as told:
        daytime(change(generated(30)), convention)
    assert told.value.expected


@pytest.mark.parametrize("site", ["DE-Geb", "DE-Tha"])
def test_it_is_fluxnet2015s_gpp(data, site):
    ds = partitioned.official(data, site)
    out = daytime(ds.assign(NEE_HAT_SD=gaps.filled(ds).NEE_HAT_SD))
    years = partitioned.alike(out, "GPP_DT", "OFFICIAL_DT")
    assert len(years) >= 14
    assert years.r.min() >= 0.97, years
    assert years["sum"].abs().max() <= 0.06, years
    assert np.isfinite(out.GPP_DT).all() and not infinite(out)
    assert float(out.GPP_DT.max()) < 80 and float(out.RECO_DT.max()) < 40


def test_it_is_what_oneflux_made_where_oneflux_left_its_first_guess(data):
    """In some windows ONEFlux returns alpha as it started, 0.01: there it found no optimum, and we cannot agree."""
    out = daytime(partitioned.oneflux(data, "DE-Geb", 2004))
    stuck = np.flatnonzero(np.isclose(out.THEIR_ALPHA, 0.01))
    assert 0 < stuck.size < 10
    near = np.zeros(out.sizes["time"], bool)
    for i in stuck:
        near[max(i - 96, 0) : i + 96] = True
    rest = out.assign(GPP_DT=out.GPP_DT.where(~xr.DataArray(near, dims="time")))
    years = partitioned.alike(rest, "GPP_DT", "THEIR_GPP_DT")
    assert years.r.min() > 0.999 and years["sum"].abs().max() < 0.01


@pytest.mark.parametrize("site", ["DE-Tha", "DE-Geb"])
def test_it_is_what_reddyproc_made_of_the_same_record(data, site):
    out = daytime(partitioned.reddyproc(data, site), DayTime.reddyproc())
    years = partitioned.alike(out, "GPP_DT", "THEIR_GPP_DT")
    assert years.r.min() > 0.97 and years["sum"].abs().max() < 0.06
