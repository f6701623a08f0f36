"""The change point: against the authors' program where its numbers are known, and against plain least squares."""

import json

import numpy as np
import pytest
from scipy.stats import t as student

from landsink.core.errors import DataError
from landsink.stations.flux.bootstrap import bootstrapped
from landsink.stations.flux.changepoint import (
    FLAT_CHANCE,
    FLAT_F,
    SLOPING_CHANCE,
    SLOPING_F,
    ChangePoint,
    bin_means,
    chance,
    change_point,
    change_points,
)
from tests.stations.flux.nights import SITE_YEARS, oneflux, oneflux_csv

# points, highest F and p as MATLAB gives them for strata of CA-Cbo 2007, from the public tests of ONEFlux (BSD)
FLAT = [
    (54, 65.097931038958691, 1.84297022087776e-14),
    (54, 29.522557035416281, 1.0476058687203249e-8),
    (54, 13.456371681026049, 8.8562239061840131e-5),
    (54, 9.11435429814284, 0.017964593612225882),
    (54, 7.4432455913756872, 0.04051415388415866),
    (54, 2.6541482583740845, 0.43616019880270884),
    (54, 1.8548296999641587, 0.74177679370596072),
    (54, 1.4221576994520124, 0.97920278675237382),
    (53, 1.3861728051392674, 1.0),
]
SLOPING = [
    (54, 7.4105186754512751, 0.193399668207898),
    (54, 4.8772867427969908, 0.47208676769494229),
    (53, 5.2953938412723165, 0.40710626906219161),
    (54, 15.02914021521585, 0.010144653397737416),
    (20, 5.0, 0.4393355161666135),
    (1000, 30.0, 2.7278340575698223e-05),
    (100, 11.5, 0.0432111321429921),
]


@pytest.mark.parametrize(
    ("table", "known", "golden"), [(FLAT_F, FLAT_CHANCE, FLAT), (SLOPING_F, SLOPING_CHANCE, SLOPING)]
)
def test_chance_is_what_matlab_gives(table, known, golden):
    points, highest, p = (np.array(column, float) for column in zip(*golden, strict=True))
    # MATLAB takes p from one: what is left below 1e-15 is its rounding
    np.testing.assert_allclose(chance(highest, points, table, known), p, rtol=1e-12, atol=3e-16)


def test_chance_of_nothing_is_nothing():
    found = chance(np.array([np.nan, 10.0]), np.array([50.0, 9.0]), FLAT_F, FLAT_CHANCE)
    assert np.isnan(found).all()


def test_change_points_of_the_authors_example():
    x = np.linspace(0, 10, 101)
    y = np.piecewise(
        x, [x < 3, (x >= 3) & (x < 7), x >= 7], [lambda v: 2 * v + 1, lambda v: 10 - v, lambda v: v / 2 - 0.5]
    )
    n, cp = change_points(x, y)[:, 0], change_points(x, y)[:, 1]
    assert n.tolist() == [101, 101]
    np.testing.assert_allclose(cp, [1.8, 2.6], rtol=1e-12)


def _least_squares(columns, y):
    b, *_ = np.linalg.lstsq(columns, y, rcond=None)
    rest = y - columns @ b
    return b, rest @ rest


def _plainly(x, y):
    """Both models by general least squares, every bend tried: (Cp, Fmax, b, half width) of each."""
    one, n = np.ones_like(x), x.size
    level, straight = _least_squares(one[:, None], y)[1], _least_squares(np.column_stack([one, x]), y)[1]

    def flat(i):
        return np.column_stack([one, np.where(np.arange(n) > i, x[i], x)])

    def sloping(i):
        return np.column_stack([one, x, np.where(np.arange(n) > i, x - x[i], 0)])

    out = []
    for design, base, df in ((flat, level, 2), (sloping, straight, 3)):
        f = [(base - s) / s * (n - df) for s in (_least_squares(design(i), y)[1] for i in range(1, n - 1))]
        at = 1 + int(np.argmax(f))
        b, rest = _least_squares(design(at), y)
        error = np.sqrt(np.diag(np.linalg.inv(design(at).T @ design(at))) * rest / (n - df))
        out.append((x[at], max(f), b, error))
    return out


@pytest.mark.parametrize("site_year", SITE_YEARS[:2])
def test_fits_are_least_squares(data, site_year):
    ds = oneflux(data, *site_year)
    night = (ds["SW_IN"] < 5) & np.isfinite(ds["NEE"] + ds["USTAR"] + ds["TA"])
    ustar, nee = ds["USTAR"].values[night], ds["NEE"].values[night]
    compared = 0
    for part in range(12):
        x, y = bin_means(ustar[part * 300 : part * 300 + 260], nee[part * 300 : part * 300 + 260], 5)
        found = change_points(x, y)
        if found[0, 0] != x.size:
            continue  # outliers were taken out
        for model, (cp, highest, b, error) in enumerate(_plainly(x, y)):
            if np.isfinite(found[model, 1]):
                assert found[model, 1] == cp
                np.testing.assert_allclose(found[model, 2], highest, rtol=1e-8)
                np.testing.assert_allclose(found[model, 3 : 3 + b.size], b, rtol=1e-8)
                np.testing.assert_allclose(found[model, 6 : 6 + b.size], error, rtol=1e-8)
                compared += 1
    assert compared > 10


def test_bins_are_cut_by_percentiles_and_share_their_bounds(data):
    ds = oneflux(data, "DE-Tha", 1998)
    night = (ds["SW_IN"] < 5) & np.isfinite(ds["NEE"] + ds["USTAR"] + ds["TA"])
    u, f = ds["USTAR"].values[night][:263], ds["NEE"].values[night][:263]
    x, y = bin_means(u, f, 5)
    bounds = np.percentile(u, np.arange(53) * 100 / 52, method="hazen")
    inside = [(u >= low) & (u <= high) for low, high in zip(bounds[:-1], bounds[1:], strict=True)]
    inside = [i for i in inside if i.sum() >= 5]
    assert sum(i.sum() for i in inside) > u.size  # two decimals of u*: bounds are often shared
    np.testing.assert_allclose(x, [u[i].mean() for i in inside], rtol=1e-12)
    np.testing.assert_allclose(y, [f[i].mean() for i in inside], rtol=1e-12)


def test_the_fixture_of_the_authors_program_has_too_few_nights(data):
    """MATLAB's own run of a year at US-ARc: 3482 of 4000 records, every statistic missing. Ours counts the same."""
    folder = data / "flux/oneflux_ustar_cp_us_arc"
    case = folder / "cpdBootstrapUStarTh4Season20100901_artifacts/Testcase_1"
    assert int((case / "ntNee.csv").read_text()) == 3482 and int((case / "ntN.csv").read_text()) == 4000
    theirs = json.loads((case / "Stats2_json.json").read_text())
    assert all(
        v is None for season in theirs for stratum in season for draw in stratum for v in draw.values()
    )
    assert np.isnan(np.loadtxt(case / "Cp2.csv", delimiter=",")).all()
    ds = oneflux_csv(folder / "US_ARc_sample/05_ustar_cp/input/US-ARc_qca_ustar_2005.csv")
    with pytest.raises(DataError, match="0 of at least 400; 3482 night records .* 4000 are needed"):
        bootstrapped(ds, ChangePoint.oneflux(), 100)


@pytest.mark.parametrize("year", [2005, 2006])
def test_us_arc_fails_as_it_does_in_oneflux(data, year):
    folder = data / "flux/oneflux_ustar_cp_us_arc/US_ARc_sample/05_ustar_cp"
    (report,) = folder.glob("report_*.txt")
    assert f"US-ARc_qca_ustar_{year}.csv...Too few selected change points: 0/400" in report.read_text()
    ds = oneflux_csv(folder / f"input/US-ARc_qca_ustar_{year}.csv")
    with pytest.raises(DataError, match="too few selected change points: 0 of at least 400"):
        bootstrapped(ds, ChangePoint.oneflux(), 100)


@pytest.mark.parametrize("convention", [ChangePoint.oneflux(), ChangePoint.barr()])
def test_a_year_with_turbulence_has_a_threshold(data, convention):
    ds = oneflux(data, "DE-Tha", 1998)
    found = bootstrapped(ds, convention, 20, seed=3).isel(year=0)
    as_is = change_point(ds, convention).isel(year=0)
    assert found["USTAR_THRESHOLD"].min() < as_is["USTAR_THRESHOLD"] < found["USTAR_THRESHOLD"].max()
    kept = found["KEPT"]
    flat = found.sel(model="flat above")
    assert kept.sum() >= 80
    assert ((flat["p"] <= 0.05) & (flat["b1"] >= 0)).where(kept, True).all()
    mean = flat["Cp"].where(kept).mean(("season", "stratum"))
    np.testing.assert_allclose(found["USTAR_THRESHOLD"], mean, rtol=1e-12)
    half = student.ppf(0.975, flat["n"] - 2) * flat["se1"]
    assert (half.where(kept) > 0).sum() == kept.sum()


def test_flux_without_turbulence_in_it_has_no_threshold(data):
    ds = oneflux(data, "DE-Tha", 1998)
    mixed = np.random.default_rng(0).permutation(ds["NEE"].values[np.isfinite(ds["NEE"].values)])
    noise = ds["NEE"].values.copy()
    noise[np.isfinite(noise)] = mixed
    with pytest.raises(DataError, match="less than 10 %|too few"):
        bootstrapped(ds.assign(NEE=("time", noise)), ChangePoint.oneflux(), 20)
