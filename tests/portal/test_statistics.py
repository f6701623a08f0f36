"""Means and sums of countries, boxes and polygons, against a plain computation with xarray."""

import numpy as np
import pytest

from tests.portal.gridded import COUNTRIES, MEMBERS, polygon, product, shelf

GRAMS_A_DAY = 8.64e7  # of one kg m-2 s-1
YEAR = 365.2425 * 86400


@pytest.fixture(scope="module")
def at(tmp_path_factory):
    return shelf(tmp_path_factory.mktemp("statistics"))


def posted(at, border, status=200, **asked):
    question = {"polygon": border, "variable": "gpp"} | asked
    answer = at.client.post(f"/api/products/{at.id}/statistics", json=question)
    assert answer.status_code == status, answer.text
    return answer.json()


def land(at, weights):
    """Land of each cell in m2, for weights {(lat, lon): share}."""
    field = at.ds.areacella * 0.0
    for (lat, lon), share in weights.items():
        field.loc[lat, lon] = share
    return field * at.ds.areacella * at.ds.sftlf / 100


ALAND = {(lat, lon): 1.0 for lat in (45, 55) for lon in (5, 15)}


def test_mean_of_a_country_is_that_of_xarray_with_the_spread_of_its_members(at):
    found = at.get("/statistics?region=AAA&variable=gpp").json()
    weight = land(at, ALAND)
    each = at.ds.gpp_members.astype(float).weighted(weight).mean(("lat", "lon")) * GRAMS_A_DAY
    np.testing.assert_allclose(found["series"]["value"], each.mean("member"), rtol=1e-6)
    np.testing.assert_allclose(found["series"]["sd"], each.std("member", ddof=1), rtol=1e-6)
    days = at.ds.time.dt.days_in_month
    whole = each.weighted(days).mean("time")
    assert found["period"]["value"] == pytest.approx(float(whole.mean()), rel=1e-6)
    assert found["period"]["sd"] == pytest.approx(float(whole.std(ddof=1)), rel=1e-6)
    assert (found["uncertainty"], found["members"], found["cells"]) == ("ensemble", MEMBERS, 4)
    assert found["area_m2"] == pytest.approx(float(weight.sum()), rel=1e-9) and found[
        "coverage"
    ] == pytest.approx(1)
    assert (found["unit"], found["label"], found["area"]) == ("g m-2 d-1", "g C m⁻² d⁻¹", "Aland")
    assert [row["year"] for row in found["annual"]] == [2001, 2002] and all(
        row["whole"] for row in found["annual"]
    )
    assert found["text"].startswith("GENERATED") and "±" in found["text"] and found["source"]["id"] == at.id


def test_a_region_beyond_the_product_is_told(tmp_path, at):
    """A product that ends at 10 degrees east, in the middle of the country: half of it is told, and said to be half."""
    half = shelf(tmp_path, product().sel(lat=slice(40, 60), lon=slice(-10, 10)))
    found = half.get("/statistics?region=AAA&variable=gpp&aggregate=sum").json()
    assert found["inside"] == pytest.approx(0.5, rel=1e-6)
    assert "only 50% of it lies within the product" in found["text"]
    assert found["cells"] == 2
    whole = at.get("/statistics?region=AAA&variable=gpp&aggregate=sum").json()
    assert whole["inside"] == pytest.approx(1.0)
    assert "within the product" not in whole["text"]


def test_country_box_and_polygon_agree(at):
    country = at.get("/statistics?region=AAA&variable=gpp&from=2001-03&to=2002-02").json()
    box = at.get("/statistics?bbox=0,40,20,60&variable=gpp&from=2001-03&to=2002-02").json()
    drawn = posted(at, COUNTRIES["AAA"][1], **{"from": "2001-03", "to": "2002-02"})
    for other in (box, drawn):
        np.testing.assert_allclose(other["series"]["value"], country["series"]["value"], rtol=1e-6)
        np.testing.assert_allclose(other["series"]["sd"], country["series"]["sd"], rtol=1e-6)
        assert other["period"]["value"] == pytest.approx(country["period"]["value"], rel=1e-6)
        assert other["cells"] == 4
    assert [row["whole"] for row in box["annual"]] == [False, False] and len(box["series"]["time"]) == 12


def test_a_polygon_about_one_cell_is_its_series(at):
    series = at.get("/series?variable=nee&lat=45&lon=5").json()
    found = posted(at, polygon((0, 40, 10, 50)), variable="nee")
    np.testing.assert_allclose(found["series"]["value"], np.array(series["value"]) * GRAMS_A_DAY, rtol=1e-6)
    np.testing.assert_allclose(found["series"]["sd"], np.array(series["sd"]) * GRAMS_A_DAY, rtol=1e-6)
    assert (found["uncertainty"], found["members"]) == ("bound", 0)


def test_mean_of_all_is_that_of_the_map(at):
    step = at.get("/step?variable=nee&time=2001-07").json()
    found = at.get("/statistics?variable=nee&from=2001-07&to=2001-07").json()
    assert found["series"]["value"] == [pytest.approx(step["mean"] * GRAMS_A_DAY, rel=1e-6)]
    assert found["area_m2"] == pytest.approx(step["land_m2"], rel=1e-9)


def test_sea_and_parts_of_cells_count_by_their_land(at):
    found = at.get("/statistics?region=BBB&variable=cVeg").json()
    part = at.ds.cVeg.sel(lat=45, lon=5).astype(float)
    np.testing.assert_allclose(found["series"]["value"], part, rtol=1e-6)
    assert (found["uncertainty"], found["series"]["sd"], found["period"]["sd"]) == ("none", None, None)
    assert found["area_m2"] == pytest.approx(float(land(at, {(45, 5): 0.4}).sum()), rel=1e-9)


def test_the_180th_meridian_is_no_border(at):
    country = at.get("/statistics?region=CCC&variable=nee").json()
    box = at.get("/statistics?bbox=160,-20,-160,0&variable=nee").json()
    beyond = posted(at, polygon((160, -20, 200, 0)), variable="nee")
    cells = {(lat, lon): 1.0 for lat in (-15, -5) for lon in (165, 175, -175, -165)}
    mean = at.ds.nee.astype(float).weighted(land(at, cells)).mean(("lat", "lon")) * GRAMS_A_DAY
    for found in (country, box, beyond):
        np.testing.assert_allclose(found["series"]["value"], mean, rtol=1e-6, atol=1e-9)
        assert found["cells"] == 8


def test_sum_is_the_mean_times_the_land_by_the_year(at):
    mean = at.get("/statistics?region=AAA&variable=gpp").json()
    total = at.get("/statistics?region=AAA&variable=gpp&aggregate=sum").json()
    factor = {"Pg yr-1": 1e-12, "Tg yr-1": 1e-9, "Gg yr-1": 1e-6}[total["unit"]] * YEAR / GRAMS_A_DAY
    expected = np.array(mean["series"]["value"]) * mean["area_m2"] * factor
    np.testing.assert_allclose(total["series"]["value"], expected, rtol=1e-6)
    assert total["label"] == f"{total['unit'][:2]} C yr⁻¹"


@pytest.mark.parametrize(
    ("question", "status"),
    [("region=FRA&variable=gpp", 404), ("region=AAA&variable=gpp_sd", 404), ("region=AAA", 422),
     ("region=AAA&bbox=0,0,1,1&variable=gpp", 422), ("bbox=-29,0,-1,10&variable=gpp", 422),
     ("bbox=5,5,5,5&variable=gpp", 422), ("region=AAA&variable=gpp&from=2020", 422),
     ("region=AAA&variable=gpp&aggregate=median", 422)],
)  # fmt: skip
def test_wrong_questions_are_refused(at, question, status):
    assert at.get(f"/statistics?{question}", status).json()["found"]


BOW = {"type": "Polygon", "coordinates": [[[0, 0], [10, 10], [0, 10], [10, 0], [0, 0]]]}


@pytest.mark.parametrize(
    "border",
    [
        BOW,
        {"type": "Point", "coordinates": [1, 1]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]},
        {"type": "Polygon", "coordinates": [[["a", "b"], [1, 1], [2, 0], ["a", "b"]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [0, 100], [10, 0], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [0, 10, 5, 5], [10, 0], [0, 0]]]},
        {"type": "Polygon"},
        {"type": ["Polygon"], "coordinates": 3},
        {},
    ],
)
def test_what_is_no_area_is_refused_with_what_to_do(at, border):
    said = posted(at, border, 422)
    assert said["found"] and said["expected"]


def test_too_many_vertices_and_too_many_numbers_are_refused_with_their_cost(at, monkeypatch):
    turn = np.linspace(0, 2 * np.pi, 10_002)
    ring = np.stack([10 * np.cos(turn), 10 * np.sin(turn)], 1)
    ring[-1] = ring[0]
    said = posted(at, {"type": "Polygon", "coordinates": [ring.tolist()]}, 413)
    assert "10002 vertices" in said["found"] and "Simplify" in said["remedy"]
    fine = posted(at, {"type": "Polygon", "coordinates": [[*ring[:-3].tolist(), ring[0].tolist()]]})
    assert fine["coverage"] == pytest.approx(1.0)
    monkeypatch.setattr("landsink.portal.statistics.MOST", 100)
    said = posted(at, polygon((0, 40, 20, 60)), 413)
    assert "4 cells, 24 steps and 5 members are 576 numbers" in said["found"]


def test_regions_are_listed_with_their_border(at):
    listed = at.client.get("/api/regions").json()
    assert [row["id"] for row in listed] == list(COUNTRIES) and listed[0]["name"] == "Aland"
    one = at.client.get("/api/regions/aaa").json()
    assert one["geometry"]["type"] == "MultiPolygon" and one["properties"]["bbox"] == [0, 40, 20, 60]
    assert at.client.get("/api/regions/AAB").json()["remedy"].startswith("Near: ")
