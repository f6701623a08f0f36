"""One record from three products: the archive first, Level 2 after its end, Warm Winter 2020 underneath."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from landsink.core.errors import DataError
from landsink.sources.icos import DataObject
from landsink.sources.icos.splice import Product, plan, product, splice

ARCHIVE, LEVEL_2, WINTER = Product.FLUXNET_ARCHIVE, Product.ETC_L2, Product.WARM_WINTER_2020


def item(name: str, datatype: str, start: int, end: int, **more) -> DataObject:
    """An object of the years from `start` up to, not with, `end`."""
    rest = {"station": "ES_DE-Tha", "size": 1, "sha256": "", "submitted": "2024-01-01T00:00:00Z"} | more
    first, last = (f"{year}-01-01T00:00:00Z" for year in (start, end))
    return DataObject(name.ljust(24, "x")[-24:], name, datatype, start=first, end=last, **rest)


archive = item("ICOSETC_DE-Tha_FLUXNET_1996-2019_v1.3_r1.zip", "miscFluxnetArchiveProduct", 1996, 2020)
level_2 = item("ICOSETC_DE-Tha_ARCHIVE_L2.zip", "etcArchiveProduct", 2018, 2024)
winter = item("FLX_DE-Tha_FLUXNET2015_FULLSET_1994-2020_beta-3.zip", "miscFluxnetArchiveProduct", 1994, 2021)


def years(objects) -> list[tuple[str, int, int]]:
    return [(p.product.name, p.start.year, p.end.year) for p in plan(objects).pieces]


@pytest.mark.parametrize(
    ("name", "datatype", "kind"),
    [
        (archive.name, "miscFluxnetArchiveProduct", ARCHIVE),
        ("AMF_US-Ha1_FLUXNET_1991-2020_v1.3_r1.zip", "miscFluxnetArchiveProduct", ARCHIVE),
        ("ICOSETC_DE-Tha_FLUXNET_FLUXMET_HH_2019-2023_v1.4_r1.zip", "etcL2Fluxnet", LEVEL_2),
        ("ICOSETC_DE-Tha_FLUXNET_HH_L2.csv", "etcL2Fluxnet", LEVEL_2),
        (winter.name, "miscFluxnetArchiveProduct", WINTER),
        ("FLX_DE-Tha_FLUXNET2015_FULLSET_HH_1996-2020_beta-3.csv", "miscFluxnetProduct", WINTER),
        ("ICOSETC_DE-Tha_FLUXES_INTERIM_L2.csv", "etcL2Fluxnet", None),
        ("ICOSETC_DE-Tha_FLUXES_L2.csv", "etcL2Fluxes", None),
        ("ICOS_ATC_L2_L2-2024.1_HTM_150.0_CTS.CO2", "atcCo2L2DataObject", None),
    ],
)
def test_which_product_a_file_is(name, datatype, kind):
    assert product(item(name, datatype, 2000, 2001)) is kind


def test_the_rule():
    assert years([winter, level_2, archive]) == [
        ("WARM_WINTER_2020", 1994, 1996),
        ("FLUXNET_ARCHIVE", 1996, 2020),
        ("ETC_L2", 2020, 2024),
    ]
    assert plan([winter, level_2, archive]).objects == (archive, level_2, winter)


def test_level_2_never_stands_before_the_archive():
    early = item("ICOSETC_DE-Tha_ARCHIVE_L2.zip", "etcArchiveProduct", 1990, 2024)
    assert years([archive, early]) == [("FLUXNET_ARCHIVE", 1996, 2020), ("ETC_L2", 2020, 2024)]


def test_warm_winter_lies_on_both_sides_and_between():
    short = item("ICOSETC_DE-Tha_FLUXNET_2000-2004_v1.3_r1.zip", "miscFluxnetArchiveProduct", 2000, 2005)
    assert years([winter, level_2, short]) == [
        ("WARM_WINTER_2020", 1994, 2000),
        ("FLUXNET_ARCHIVE", 2000, 2005),
        ("WARM_WINTER_2020", 2005, 2018),
        ("ETC_L2", 2018, 2024),
    ]


def test_what_is_not_needed_is_not_fetched_and_says_why():
    inner = item(
        "FLX_DE-Tha_FLUXNET2015_FULLSET_1998-2010_beta-3.zip", "miscFluxnetArchiveProduct", 1998, 2011
    )
    older = item("ICOSETC_DE-Tha_FLUXNET_1996-2016_v1.2_r1.zip", "miscFluxnetArchiveProduct", 1996, 2017)
    gone = item(
        "ICOSETC_DE-Tha_FLUXNET_1996-2022_v0_r0.zip", "miscFluxnetArchiveProduct", 1996, 2023, superseded=True
    )
    found = plan([archive, inner, older, gone])
    assert found.objects == (archive,)
    assert found.left_out == {
        inner.id: "other products cover all of it",
        older.id: f"{archive.name} reaches further or is newer",
        gone.id: "replaced by a newer version",
    }


def test_a_station_by_two_networks_is_one():
    extra = item(winter.name, winter.datatype, 1994, 2021, station="FLUXNET_DE-Tha")
    assert plan([archive, extra]).objects == (archive, extra)


def test_two_stations_are_not_one():
    with pytest.raises(DataError, match="2 stations: DE-Hai, DE-Tha"):
        plan([archive, item("x", "etcL2Fluxnet", 2000, 2001, station="ES_DE-Hai")])
    with pytest.raises(DataError, match="0 stations"):
        plan([])


def record(start: str, end: str, value: float, freq: str = "30min", **attrs) -> xr.Dataset:
    time = pd.date_range(start, end, freq=freq, inclusive="left")
    place = {"site": "DE-Tha", "latitude": 50.96, "longitude": 13.57, "utc_offset": 1.0}
    return xr.Dataset({"NEE": ("time", np.full(time.size, value))}, {"time": time}, place | attrs)


def values(ds: xr.Dataset, name: str = "NEE") -> dict[int, float]:
    """A variable's value by year, which must be one throughout."""
    groups = ds[name].groupby("time.year")
    assert (groups.max() - groups.min()).max() == 0
    return dict(zip(*(a.tolist() for a in (groups.mean()["year"].values, groups.mean().values)), strict=True))


def test_records_are_joined_by_the_rule():
    long = splice(
        {
            WINTER: record("2000-01-01", "2005-01-01", 3.0),
            LEVEL_2: record("2002-01-01", "2004-01-01", 2.0),
            ARCHIVE: record("2001-01-01", "2003-01-01", 1.0, latitude=50.9636),
        }
    )
    assert values(long) == {2000: 3, 2001: 1, 2002: 1, 2003: 2, 2004: 3}
    assert values(long, "product") == {2000: 3, 2001: 1, 2002: 1, 2003: 2, 2004: 3}
    assert long.attrs["latitude"] == 50.9636
    assert long.sizes["time"] == 48 * (5 * 365 + 2)


def test_a_gap_stays_a_gap_on_an_even_axis():
    long = splice(
        {ARCHIVE: record("2000-01-01", "2001-01-01", 1.0), LEVEL_2: record("2002-01-01", "2003-01-01", 2.0)}
    )
    hole = long.sel(time="2001")
    assert hole["NEE"].isnull().all()
    assert (hole["product"] == 0).all()
    assert (np.diff(long["time"].values) == np.timedelta64(30, "m")).all()


def test_an_empty_end_counts_for_nothing():
    padded = record("2000-01-01", "2002-01-01", 1.0)
    padded["NEE"][48 * 366 :] = np.nan
    long = splice({ARCHIVE: padded, LEVEL_2: record("2000-06-01", "2002-01-01", 2.0)})
    assert values(long) == {2000: 1, 2001: 2}


def test_no_moment_mixes_two_products():
    one, two = record("2000-01-01", "2001-01-01", 1.0), record("2000-01-01", "2002-01-01", 2.0)
    one["NEE"][100] = np.nan
    long = splice({ARCHIVE: one, LEVEL_2: two.assign(LE=two["NEE"])})
    assert np.isnan(long["NEE"].values[100])
    assert long["LE"].sel(time="2000").isnull().all()
    assert (long["LE"].sel(time="2001") == 2.0).all()


@pytest.mark.parametrize(
    ("other", "match"),
    [
        (record("2001-01-01", "2002-01-01", 2.0, freq="1h"), "time steps differ"),
        (record("2001-01-01 00:15", "2002-01-01", 2.0), "same minutes"),
        (record("2001-01-01", "2002-01-01", 2.0, site="DE-Hai"), "disagree about 'site'"),
        (record("2001-01-01", "2002-01-01", 2.0, utc_offset=0.0), "disagree about 'utc_offset'"),
    ],
)
def test_what_cannot_be_joined(other, match):
    with pytest.raises(DataError, match=match):
        splice({ARCHIVE: record("2000-01-01", "2001-01-01", 1.0), LEVEL_2: other})


def test_nothing_to_join():
    with pytest.raises(DataError, match="No product has a value"):
        splice({ARCHIVE: record("2000-01-01", "2000-02-01", np.nan)})


span = st.tuples(st.integers(0, 60), st.integers(1, 40))


@given(st.dictionaries(st.sampled_from(list(Product)), span, min_size=1))
def test_every_moment_follows_the_rule(spans):
    start = pd.Timestamp("2000-01-01")
    hours = {k: set(range(a, a + n + 1)) for k, (a, n) in spans.items()}
    records = {
        k: record(start + pd.Timedelta(hours=a), start + pd.Timedelta(hours=a + n + 1), float(k), "1h")
        for k, (a, n) in spans.items()
    }
    long = splice(records)
    when = ((pd.DatetimeIndex(long["time"].values) - start) / pd.Timedelta(hours=1)).astype(int)
    for hour, found in zip(when, long["product"].values, strict=True):
        held = [k for k in sorted(hours) if hour in hours[k]]
        after = LEVEL_2 not in held or ARCHIVE not in hours or hour > max(hours[ARCHIVE])
        allowed = [k for k in held if k is not LEVEL_2 or after]
        assert found == (allowed[0] if allowed else 0)
    given = long["product"].values > 0
    assert np.array_equal(long["NEE"].values[given], long["product"].values[given])
