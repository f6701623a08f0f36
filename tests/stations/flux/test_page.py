"""The page of a station-year: what it says where data lack, that it stands alone, and that its numbers are right."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from landsink.core.errors import DataError
from landsink.sources.tower import open_tower
from landsink.stations.flux import aggregate, checks, despike, gaps, uncertainty
from landsink.stations.flux.page import PANELS, flags, page
from landsink.stations.flux.pictures import course, drift, energy, headline, suspicion, turbulence
from landsink.stations.flux.pictures.look import Picture, drawing, minus, percent
from landsink.stations.flux.pictures.stationyear import StationYear, ranks

PLACE = {"latitude": 50.96, "longitude": 13.57, "utc_offset": 1.0, "site": "XX-Gen"}
SECTIONS = ("numbers", *(panel.key for panel in PANELS), "days-to-look-at", "changes")
GRAMS = 12.0107e-6 * 86400


class Reader(HTMLParser):
    """What a page asks for, what it names, and the words beside its pictures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.asked: list[str] = []
        self.ids: list[str] = []
        self.labels: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.tags.append(tag)
        self.asked += [known[k] or "" for k in ("href", "xlink:href", "src") if k in known]
        self.ids += [known["id"] or ""] if "id" in known else []
        self.labels += [known.get("aria-label") or ""] if tag == "svg" else []


def generated(days: int = 20, start: str = "2005-06-01", **columns: object) -> xr.Dataset:
    """A made-up record of half-hours with the columns given, numbers or series."""
    time = pd.date_range(start, periods=48 * days, freq="30min").to_numpy()
    made = {n: ("time", np.broadcast_to(np.asarray(v, float), time.shape).copy()) for n, v in columns.items()}
    return xr.Dataset(made, {"time": time}, PLACE)


def year_of(ds: xr.Dataset, year: int = 2005, **more: object) -> StationYear:
    return StationYear.of(
        ds, more.get("coarse", {}), more.get("thresholds"), None, year, more.get("versions")
    )


@pytest.fixture(scope="module")
def tharandt(data: Path) -> xr.Dataset:
    """DE-Tha 1998, checked and despiked, NEE filled."""
    path = data / "flux/reddyproc_de_tha_98/Example_DETha98.txt"
    ds = open_tower(path, "DE-Tha", latitude=50.96, longitude=13.57, utc_offset=1.0)
    return gaps.filled(despike.despiked(checks.checked(ds)), hats=False)


def test_page_of_a_real_year_stands_alone(tharandt):
    steps = [
        ("gap filling", "done", "One version.", 0.1),
        ("energy closure", "skipped", "No G & NETRAD.", 0.0),
    ]
    text = page(tharandt, {}, None, None, steps, 1998)
    read = Reader(text)
    assert len(text.encode()) < 5e6
    assert not {"script", "link", "iframe", "object"} & set(read.tags)
    # Pictures within pictures are carried along; all else points into the page itself.
    assert all(asked.startswith(("#", "data:image/png")) for asked in read.asked)
    assert {asked[1:] for asked in read.asked if asked.startswith("#")} <= set(read.ids)
    assert not re.search(r"url\((?!#)|@import", text)
    assert len(read.ids) == len(set(read.ids))
    assert len(read.labels) >= 30 and all(len(label) > 20 for label in read.labels)
    assert [i for i in read.ids if i in SECTIONS] == list(SECTIONS)
    assert "No G &amp; NETRAD." in text and 'class="skipped"' in text
    assert "could not be drawn" not in text
    assert "NEE: 111 spikes" in text  # a finding of the checks


def test_nothing_measured_still_gives_every_panel_a_sentence():
    text = page(generated(NEE=np.nan), {}, None, None, [], 2005)
    read = Reader(text)
    assert [i for i in read.ids if i in SECTIONS] == list(SECTIONS)
    assert "could not be drawn" not in text and "svg" not in read.tags
    assert "No u* in this record: no threshold, no filtering." in text
    assert "no flux could be held against like weather" in text


def test_a_record_without_place_says_so():
    ds = generated(NEE=1.0, SW_IN=5.0).drop_attrs()
    text = page(ds, {}, None, None, [], 2005)
    assert "does not say where it stands" in text and "could not be drawn" not in text


def test_a_year_that_is_not_there_is_an_error():
    with pytest.raises(DataError, match="nothing of 1999"):
        page(generated(NEE=1.0), {}, None, None, [], 1999)


def test_names_of_others_are_escaped():
    ds = generated(NEE=np.nan).assign_attrs(site="<script>alert(1)</script>", notes=["<b>bold</b>"])
    read = Reader(page(ds, {}, None, None, [("<i>x</i>", "failed", "a < b", 0.0)], 2005))
    assert not {"script", "b", "i"} & (set(read.tags) - {"b"}) and read.tags.count("b") == len(
        headline.headlines(year_of(ds))
    )


def test_a_day_is_held_against_other_days():
    """Weather repeats itself each day; what the bad day measured must not enter what is expected of it."""
    hour = np.arange(960) % 48
    light, flux = 10.0 * hour, np.sin(hour) + np.where(np.arange(960) // 48 % 2, 0.5, -0.5)
    bad = np.arange(960) // 48 == 9
    at = year_of(generated(NEE=flux + 100 * bad, SW_IN=light, TA=0.1 * hour, VPD=1.0))
    plain = year_of(generated(NEE=flux, SW_IN=light, TA=0.1 * hour, VPD=1.0))
    (mean, spread), (same, near) = at.expected["NEE"], plain.expected["NEE"]
    np.testing.assert_array_equal(mean[bad], same[bad])
    np.testing.assert_array_equal(spread[bad], near[bad])
    np.testing.assert_array_equal(suspicion.outside(at, "NEE"), bad)


def test_without_five_like_records_nothing_is_expected():
    few = np.where(np.arange(960) < 4, 1.0 + np.arange(960), np.nan)
    mean, _ = year_of(generated(NEE=few)).expected["NEE"]
    assert np.isnan(mean).all()


def test_percentiles_over_versions_are_those_of_the_products():
    versions = np.random.default_rng(1).normal(size=(7, 40))
    for share in (5, 16, 84, 95):
        theirs = uncertainty.percentile(xr.DataArray(versions, dims=("time", "percentile")), share)
        np.testing.assert_array_equal(ranks(versions, (share,))[0], theirs.values)


def test_how_rare_a_day_is():
    where = np.repeat([False, True, True, True], 4) & (np.arange(16) % 4 < np.repeat([0, 3, 1, 1], 4))
    count, bits = suspicion.Doubt("NEE", "spike", where).by_day(np.repeat(np.arange(4), 4), 4)
    np.testing.assert_array_equal(count, [0, 3, 1, 1])
    np.testing.assert_allclose(bits, [0.0, 2.0 * 2.0, np.log2(4 / 3), np.log2(4 / 3)])


def test_a_bad_day_comes_first(tharandt):
    on = tharandt["time"].dt.strftime("%m-%d").values == "07-14"
    bad = tharandt.drop_vars(["NEE_F", "NEE_F_QC"]).assign(
        {
            n: tharandt[n] + xr.DataArray(np.where(on, by, 0.0), dims="time")
            for n, by in (("NEE", 60.0), ("H", 800.0))
        }
    )
    at = year_of(bad, 1998)
    days = suspicion.ranked(at, suspicion.doubts(at))
    assert str(days[0].date) == "1998-07-14" and "over 4 sd" in days[0].reasons
    assert days[0].score > 1.2 * days[1].score


@pytest.mark.parametrize("hours", [0, 2])
def test_a_clock_that_is_wrong_is_seen(tharandt, hours):
    moved = tharandt.assign_coords(time=tharandt["time"] + np.timedelta64(hours, "h"))
    with drawing():
        drawn = drift._clock(year_of(moved, 1998))
    assert isinstance(drawn, Picture) and f"median +{hours}.00 h" in drawn.caption


def test_closure_is_that_of_the_fluxes():
    rng = np.random.default_rng(2)
    net, ground = rng.uniform(50, 500, 960), rng.uniform(-20, 50, 960)
    heat = 0.8 * (net - ground) + 5
    at = year_of(generated(NETRAD=net, G=ground, H=0.25 * heat, LE=0.75 * heat))
    with drawing():
        scatter, monthly, said = energy.energy(at)
    assert "Slope 0.80, intercept 5 W m⁻², r² 1.00" in scatter.caption
    ratio = heat.sum() / (net - ground).sum()
    assert f"from {ratio:.2f} to {ratio:.2f}" in monthly.caption
    assert "not corrected" in said


def test_closure_names_what_it_lacks():
    assert "lacks G, LE" in energy.energy(year_of(generated(NETRAD=100.0, H=20.0)))[0]


def test_annual_sum_has_the_products_unit():
    ds = generated(365, "2005-01-01", NEE_VUT_REF=1.0, NEE_VUT_REF_QC=0.0, NEE_VUT_REF_RANDUNC=2.0)
    nee = headline.headlines(year_of(ds))[0]
    chance = 2.0 * GRAMS * 365 / np.sqrt(365 * 48)
    assert nee.value == f"{GRAMS * 365:.0f} ± {chance:.0f}"
    assert nee.unit == "gC m⁻² yr⁻¹, + to the air"
    yearly = aggregate.years(aggregate.days(ds))
    again = headline.headlines(year_of(ds, coarse={"YY": yearly}))[0]
    assert again.value == nee.value


def test_part_of_a_year_says_of_how_many_days():
    nee = headline.headlines(year_of(generated(20, NEE_F=-1.0, NEE_F_QC=0.0)))[0]
    assert nee.value == minus(f"{-GRAMS * 20:.0f}") and nee.unit.startswith("gC m⁻² in 20 days")


def test_band_is_that_of_versions():
    ds = generated(365, "2005-01-01", NEE_VUT_REF=1.0, NEE_VUT_REF_QC=0.0)
    shares = (np.arange(40) + 0.5) * 2.5
    every = xr.DataArray(
        np.ones((ds.sizes["time"], 40)) * np.linspace(0, 3.9, 40), dims=("time", "percentile")
    )
    versions = xr.Dataset({"NEE_VUT": every}, {"time": ds["time"], "percentile": shares})
    at = year_of(ds, versions=versions)
    low, high = turbulence.spread(at)
    year = GRAMS * 365
    np.testing.assert_allclose((low, high), (0.5 * year, 3.3 * year), rtol=1e-9)
    with drawing():
        assert f"{0.1 * year:.0f} to {3.7 * year:.0f}" in course.over_the_year(at)[0].caption


def test_thresholds_of_the_year_alone_are_drawn():
    draws = np.array([[0.1, 0.2, np.nan], [0.4, 0.5, 0.6]])
    found = xr.Dataset({"MOVING_POINT": (("year", "draw"), draws)}, {"year": [2004, 2005]})
    at = year_of(generated(USTAR=0.3, NEE=1.0), thresholds=found)
    ((method, values),) = turbulence.draws(at)
    assert method == "moving point"
    np.testing.assert_array_equal(values, [0.4, 0.5, 0.6])


def test_flags_are_counted():
    ds = generated(USTAR=np.where(np.arange(960) < 6, 9.0, 0.3), NEE=np.arange(960.0) % 7)
    rows = {(name, what): (count, share) for name, what, count, share in flags(year_of(checks.ranges(ds)))}
    assert rows == {("USTAR", "out of plausible range"): ("6", "0.6%")}


def test_days_of_a_leap_year():
    at = year_of(generated(366, "2004-01-01", TA=np.arange(366 * 48) // 48), 2004)
    grid = at.by_day(at.get("TA"))
    assert grid.shape == (366, 48)
    np.testing.assert_array_equal(grid[:, 0], np.arange(366))


def test_minus_signs_and_shares():
    assert minus("2001-02-03: -3.5 to -1, UTC-8, DE-Tha") == "2001-02-03: −3.5 to −1, UTC-8, DE-Tha"
    assert [percent(x) for x in (0.0, 0.001, 0.5, 0.999, 1.0)] == ["0%", "<1%", "50%", ">99%", "100%"]


def test_no_sum_of_less_than_half():
    half = np.where(np.arange(960) < 470, 1.0, np.nan)
    nee = headline.headlines(year_of(generated(NEE_F=half, NEE_F_QC=0.0)))[0]
    assert nee.value == "unknown" and "51.0%" in nee.says


def test_a_record_of_weeks_fills_its_own_axis():
    at = year_of(generated(20, TA=1.0))
    assert (str(at.days[0]), at.days.size) == ("2005-06-01", 20)
    assert year_of(generated(200, "2005-02-01", TA=1.0)).days.size == 365
