"""OGC API – Environmental Data Retrieval 1.1 (OGC 19-086r6): the abstract tests of the claimed classes, by their ids.

Every product answers position, area, cube and locations; the stations answer items.
"""

import csv
import json

import pytest
import shapely
import xarray as xr
from covjson_pydantic.coverage import Coverage
from edr_pydantic.collections import Collection
from geojson_pydantic import Feature, FeatureCollection

from tests.portal import standards
from tests.portal.small import client
from tests.portal.standards import COVJSON, CRS84, EDR, GEOJSON, PROBLEM, parameter, rels

ALSO = "application/prs.coverage+json"
ROUTES = {
    "position": "/position", "area": "/area", "cube": "/cube", "locations": "/locations/{place}"
}  # fmt: skip
GOOD = {
    "position": "position?coords=POINT(8 45)", "area": "area?coords=POLYGON((0 40,20 40,20 60,0 60,0 40))",
    "cube": "cube?bbox=0,40,20,60", "locations": "locations/AAA?",
}  # fmt: skip
# Where the cells of an answer may have their centres: west, south, east, north.
WITHIN = {
    "position": (0, 40, 20, 60),
    "area": (0, 40, 20, 60),
    "cube": (0, 40, 20, 60),
    "locations": (0, 40, 20, 60),
}


@pytest.fixture(scope="module")
def held(pytestconfig, tmp_path_factory):
    return standards.shared(pytestconfig, tmp_path_factory)


@pytest.fixture(scope="module")
def ask(held):
    return standards.asking(held)


@pytest.fixture(scope="module", params=GOOD)
def query(request):
    return request.param


@pytest.fixture
def root(held):
    return f"/api/collections/{held.product}"


def known(page):
    """A coverage without the member of our own name, which CoverageJSON allows and its strict model does not."""
    return {k: v for k, v in page.items() if not k.startswith("landsink:")}


def collections(ask):
    """All collections, as they are listed."""
    return ask("/api/collections")["collections"]


# --- Collections


def test_no_other_system_of_coordinates(ask, root):
    """/conf/core/crs: nothing said, places are in the system that the extent names."""
    for one in collections(ask):
        assert one["extent"]["spatial"]["crs"] == CRS84 == one["crs"][0]
    system = ask(f"{root}/{GOOD['cube']}", media=COVJSON)["domain"]["referencing"][0]["system"]
    assert system == {"type": "GeographicCRS", "id": CRS84}


def test_collections(ask, held):
    """/conf/collections/rc-md-op, /conf/rc-md-success, /conf/edr/rc-collection-info, /conf/edr/rc-md-query-links."""
    page = ask("/api/collections")
    assert rels(page)["self"].endswith("/api/collections")
    assert {c["id"] for c in page["collections"]} == {"stations", held.product}
    for one in page["collections"]:
        # 'itemType' is a member of Features, which EDR's model does not know.
        Collection.model_validate_json(json.dumps({k: v for k, v in one.items() if k != "itemType"}))
        assert one["title"] and one["description"] and one["data_queries"] and one["output_formats"]
        assert one["parameter_names"] and one["extent"]["spatial"] and one["extent"]["temporal"]
        assert all(link["rel"] and link["type"] for link in one["links"])


def test_links_of_a_collection(ask):
    """/conf/core/rc-collection-info-links: itself, its page for people, and its queries as 'data'."""
    for one in collections(ask):
        found = rels(one)
        assert found["self"].endswith(f"/api/collections/{one['id']}") and found["alternate"]
        asked = {q["link"]["href"] for q in one["data_queries"].values()}
        assert asked <= {link["href"] for link in one["links"] if link["rel"] == "data"}


def test_collection(ask, held):
    """/conf/collections/src-md-op, src-md-success."""
    for one in collections(ask):
        assert ask(f"/api/collections/{one['id']}") == one
    ask("/api/collections/nosuchcollection", 404, PROBLEM)
    ask("/api/collections/aaaaaaaaaaaa", 404, PROBLEM)


def test_extent(ask, held, root):
    """/conf/core/rc-extent: it holds all cells and steps; there are no levels."""
    reach = ask(root)["extent"]
    west, south, east, north = reach["spatial"]["bbox"][0]
    axes = ask(f"{root}/cube?bbox=-180,-90,180,90&parameter-name=gpp", media=COVJSON)["domain"]["axes"]
    assert west <= min(axes["x"]["values"]) and max(axes["x"]["values"]) <= east
    assert south <= min(axes["y"]["values"]) and max(axes["y"]["values"]) <= north
    assert reach["temporal"]["interval"] == [[axes["t"]["values"][0], axes["t"]["values"][-1]]]
    assert reach["temporal"]["values"] == axes["t"]["values"]
    assert all("vertical" not in one["extent"] for one in collections(ask))


def test_queries_are_described(ask):
    """/conf/edr/rc-data-queries, rc-common-query-type, rc-common-variables, rc-cube-variables, rc-items-variables."""
    seen = set()
    for one in collections(ask):
        for name, asked in one["data_queries"].items():
            link, said = asked["link"], asked["link"]["variables"]
            assert link["href"].endswith(f"/api/collections/{one['id']}/{name}") and link["rel"] == "data"
            assert said["query_type"] == name and said["default_output_format"] in said["output_formats"]
            assert all(isinstance(word, str) for word in said["output_formats"])
            assert all(row["crs"] in (CRS84, "CRS84") and row["wkt"] for row in said["crs_details"])
            assert name != "cube" or said["height_units"] == []
            seen.add(name)
    assert seen == {*GOOD, "items"}


def test_parameters(ask):
    """/conf/edr/rc-parameters."""
    for one in collections(ask):
        for name, said in one["parameter_names"].items():
            assert (said["type"], said["id"]) == ("Parameter", name)
            assert said["observedProperty"]["id"] and isinstance(said["observedProperty"]["label"], str)
            assert said["unit"]["symbol"]["value"] and said["unit"]["symbol"]["type"].startswith("http://")


# --- Queries


@pytest.mark.parametrize(
    "question",
    ["position", "position?parameter-name=gpp", "position?coords=POINT(8)", "position?coords=LINESTRING(0 0,1 1)",
     "area", "area?parameter-name=gpp", "area?coords=POLYGON((0 0))", "area?coords=POINT(8 45)",
     "cube", "cube?parameter-name=gpp", "cube?bbox=1,2,3", "cube?bbox=a,b,c,d"],
)  # fmt: skip
def test_a_question_without_its_place_is_refused(ask, root, question):
    """/conf/position 1-3, /conf/area 1-3, /conf/cube 1-3: nothing said, no place said, a place that is none."""
    ask(f"{root}/{question}", 400, PROBLEM)


def test_places_are_told(ask, root):
    """/conf/locations 1 and 2: all places as features; an unknown one is not found."""
    page = ask(f"{root}/locations", media=GEOJSON)
    FeatureCollection[Feature].model_validate(page)
    assert {f["id"] for f in page["features"]} == {"AAA", "BBB", "CCC"}
    assert all(f["geometry"]["type"] == "Point" and f["properties"]["name"] for f in page["features"])
    ask(f"{root}/locations/ZZZ", 404, PROBLEM)


def test_all_is_answered_together(ask, root, query):
    """/conf/position 4, /conf/area 4, /conf/cube 4, /conf/locations 3: only what all parameters say together."""
    more = "parameter-name=gpp&datetime=2001-03-01T00:00:00Z/2001-05-01T00:00:00Z&crs=CRS84&f=CoverageJSON"
    page = ask(f"{root}/{GOOD[query]}&{more}", media=COVJSON)
    Coverage.model_validate_json(json.dumps(known(page)))
    axes = page["domain"]["axes"]
    assert set(page["ranges"]) == {"gpp"} and [t[:7] for t in axes["t"]["values"]] == [
        "2001-03", "2001-04", "2001-05",
    ]  # fmt: skip
    west, south, east, north = WITHIN[query]
    assert all(west <= x <= east for x in axes["x"]["values"])
    assert all(south <= y <= north for y in axes["y"]["values"])


DEFINED = {"coords": True, "datetime": False, "parameter-name": False, "crs": False, "f": False}


@pytest.mark.parametrize("name", DEFINED)
def test_parameters_are_documented_as_the_standard_has_them(ask, query, name):
    """/conf/edr/rc-coords-definition, /conf/core/datetime-definition, REQ_rc-parameter-name-definition,
    REQ_rc-crs-definition, rc-f-definition."""
    if name == "coords" and query in ("cube", "locations"):
        name = "f"
    said = parameter(ask("/api/openapi.json"), f"/api/collections/{{id}}{ROUTES[query]}", name)
    assert (said["in"], said.get("required", False)) == ("query", DEFINED[name])
    assert (said["schema"]["type"], said["style"], said["explode"]) == ("string", "form", False)


def test_the_box_is_documented_as_the_standard_has_it(ask):
    """/conf/core/rc-bbox-definition: four numbers, or six."""
    said = parameter(ask("/api/openapi.json"), "/api/collections/{id}/cube", "bbox")
    assert (said["in"], said["style"], said["explode"]) == ("query", "form", False)
    sides = {"type": "array", "items": {"type": "number"}}
    assert said["schema"]["oneOf"] == [{**sides, "minItems": n, "maxItems": n} for n in (4, 6)]


def test_there_are_no_levels(ask, root, query):
    """/conf/edr/rc-z-definition, rc-z-response, rc-cube-z-response: no collection has levels, none is offered, and
    who asks for one gets no numbers of another."""
    document = ask("/api/openapi.json")["paths"][f"/api/collections/{{id}}{ROUTES[query]}"]["get"]
    assert "z" not in {p["name"] for p in document["parameters"]}
    for level in ("850", "100/550", "10,80,200", "R20/100/50"):
        ask(f"{root}/{GOOD[query]}&z={level}", 400, PROBLEM)


def numbers(page):
    """The numbers of 'nee' of one step by place: (longitude, latitude) -> value."""
    axes = page["domain"]["axes"]
    places = ((x, y) for y in axes["y"]["values"] for x in axes["x"]["values"])
    return dict(zip(places, page["ranges"]["nee"]["values"], strict=True))


def test_the_place_chooses_the_cells(ask, root):
    """/conf/edr/rc-coords-response, /conf/core/rc-bbox-response: what the place meets, and nothing else."""
    whole = ask(f"{root}/cube?bbox=-180,-90,180,90&parameter-name=nee&datetime=2001-01", media=COVJSON)
    axes = whole["domain"]["axes"]
    triangle = shapely.from_wkt("POLYGON((0 30,41 30,41 71,0 30))")
    part = ask(f"{root}/area?coords={triangle.wkt}&parameter-name=nee&datetime=2001-01", media=COVJSON)
    cells = numbers(whole)
    want = {place: v for place, v in cells.items() if triangle.intersects(shapely.Point(place))}
    found = numbers(part)
    assert len(want) > 5 and {k: found[k] for k in want} == want
    assert all(v is None for k, v in found.items() if k not in want)
    point = ask(f"{root}/position?coords=POINT(8 45)&parameter-name=nee&datetime=2001-01", media=COVJSON)
    assert point["ranges"]["nee"]["values"] == [cells[5.0, 45.0]]
    box = ask(f"{root}/cube?bbox=0,40,20,60&parameter-name=nee&datetime=2001-01", media=COVJSON)["domain"][
        "axes"
    ]
    assert [x for x in axes["x"]["values"] if 0 <= x <= 20] == box["x"]["values"]
    assert [y for y in axes["y"]["values"] if 40 <= y <= 60] == box["y"]["values"]


@pytest.mark.parametrize(
    ("when", "steps"),
    [("2001-03-01T00:00:00Z", 1), ("2001-03-01T00:00:00Z/2001-05-01T00:00:00Z", 3), ("../2001-02-01T00:00:00Z", 2),
     ("2002-11-01T00:00:00Z/..", 2), ("2001-03-01T02:00:00%2B02:00/2001-05-01T00:00:00Z", 3)],
)  # fmt: skip
def test_time_chooses_the_steps(ask, root, query, when, steps):
    """/conf/core/datetime-response."""
    page = ask(f"{root}/{GOOD[query]}&parameter-name=gpp&datetime={when}", media=COVJSON)
    assert len(page["domain"]["axes"]["t"]["values"]) == steps
    for wrong in ("2001-13", "x", "2001-05-01/2001-03-01", "1999-01-01T00:00:00Z"):
        ask(f"{root}/{GOOD[query]}&datetime={wrong}", 400, PROBLEM)


def test_names_choose_the_parameters(ask, root, query):
    """/conf/edr/rc-parameter-name-response."""
    for names in ("gpp", "gpp,nee", "nee_sd"):
        page = ask(f"{root}/{GOOD[query]}&parameter-name={names}&datetime=2001-01", media=COVJSON)
        assert set(page["ranges"]) == set(page["parameters"]) == set(names.split(","))
    whole = ask(f"{root}/{GOOD[query]}&datetime=2001-01", media=COVJSON)
    assert set(whole["ranges"]) == set(ask(root)["parameter_names"])
    ask(f"{root}/{GOOD[query]}&parameter-name=nosuch", 400, PROBLEM)


def test_systems_of_coordinates(ask, root, query):
    """/conf/edr/REQ_rc-crs-response: those that the collection names are known, others are refused."""
    plain = ask(f"{root}/{GOOD[query]}&datetime=2001-01", media=COVJSON)
    for system in ask(root)["crs"]:
        page = ask(f"{root}/{GOOD[query]}&datetime=2001-01&crs={system}", media=COVJSON)
        assert page["ranges"] == plain["ranges"]
    for system in ("EPSG:3857", "nosuch"):
        ask(f"{root}/{GOOD[query]}&crs={system}", 400, PROBLEM)


def test_formats(held, ask, root, query, tmp_path):
    """/conf/collections/rc-f-response: those that the collection names are given, others are refused."""
    asked, seen = client(held.app), []
    for name in ask(root)["output_formats"]:
        answer = asked.get(f"{root}/{GOOD[query]}&parameter-name=gpp&datetime=2001-01&f={name}")
        assert answer.status_code == 200
        media = answer.headers["content-type"].split(";")[0]
        if name == "CoverageJSON":
            assert media == COVJSON and len(answer.json()["ranges"]["gpp"]["values"]) >= 1
        elif name == "NetCDF":
            assert media == "application/netcdf"
            (tmp_path / "part.nc").write_bytes(answer.content)
            with xr.open_dataset(tmp_path / "part.nc") as ds:
                assert ds.gpp.size >= 1
        else:
            assert media == "text/csv"
            rows = list(csv.reader(line for line in answer.text.splitlines() if not line.startswith("#")))
            assert "gpp" in rows[0] and len(rows) > 1
        seen.append(name)
    assert seen == ["CoverageJSON", "NetCDF", "CSV"]
    ask(f"{root}/{GOOD[query]}&f=GRIB", 400, PROBLEM)


# --- Encodings


def test_coverages_are_given_under_every_name(held, root, query):
    """/conf/covjson/definition, /conf/json/definition: as it is accepted; f before Accept."""
    asked, path = client(held.app), f"{root}/{GOOD[query]}&parameter-name=gpp&datetime=2001-01"
    plain = asked.get(path)
    assert plain.headers["content-type"] == COVJSON and "Accept" in plain.headers["vary"]
    for media in (COVJSON, ALSO, "application/json"):
        answer = asked.get(path, headers={"Accept": f"{media}, */*;q=0.1"})
        assert answer.headers["content-type"] == media and answer.json() == plain.json()
    answer = asked.get(f"{path}&f=CoverageJSON", headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == COVJSON
    assert asked.get(path, headers={"Accept": "text/csv"}).headers["content-type"].startswith("text/csv")


def test_coverages_are_valid(ask, root, query):
    """/conf/covjson/content: read by a model that forbids what CoverageJSON does not know."""
    page = ask(f"{root}/{GOOD[query]}&datetime=2001", media=COVJSON)
    whole = Coverage.model_validate_json(json.dumps(known(page)))
    assert set(whole.ranges) == set(whole.parameters.root)


def test_json_is_valid(ask):
    """/conf/json/content: the models of EDR read the collections."""
    for one in collections(ask):
        Collection.model_validate_json(json.dumps({k: v for k, v in one.items() if k != "itemType"}))


def test_features_are_valid(ask, root):
    """/conf/geojson/definition, /conf/geojson/content: places and stations are GeoJSON, all else JSON."""
    for path in (f"{root}/locations", "/api/collections/stations/items"):
        FeatureCollection[Feature].model_validate(ask(path, media=GEOJSON, accept=GEOJSON))
    for path in ("/api", "/api/conformance", "/api/collections", root):
        ask(path, accept="application/json")


PLACED = ("position", "area", "cube")
ANSWERED = {
    "/conf/edr/rc-coords-definition": test_parameters_are_documented_as_the_standard_has_them,
    "/conf/edr/rc-coords-response": test_the_place_chooses_the_cells,
    "/conf/edr/rc-z-definition": test_there_are_no_levels,
    "/conf/edr/rc-z-response": test_there_are_no_levels,
    "/conf/edr/rc-cube-z-response": test_there_are_no_levels,
    "/conf/core/rc-bbox-definition": test_the_box_is_documented_as_the_standard_has_it,
    "/conf/core/rc-bbox-response": test_the_place_chooses_the_cells,
    "/conf/core/datetime-definition": test_parameters_are_documented_as_the_standard_has_them,
    "/conf/core/datetime-response": test_time_chooses_the_steps,
    "/conf/collections/REQ_rc-parameter-name-definition": test_parameters_are_documented_as_the_standard_has_them,
    "/conf/edr/rc-parameter-name-response": test_names_choose_the_parameters,
    "/conf/edr/REQ_rc-crs-definition": test_parameters_are_documented_as_the_standard_has_them,
    "/conf/edr/REQ_rc-crs-response": test_systems_of_coordinates,
    "/conf/edr/rc-f-definition": test_parameters_are_documented_as_the_standard_has_them,
    "/conf/collections/rc-f-response": test_formats,
    **{f"/conf/{q} {n}": test_a_question_without_its_place_is_refused for q in PLACED for n in "123"},
    **{f"/conf/{q} 4": test_all_is_answered_together for q in PLACED},
    "/conf/locations 1": test_places_are_told, "/conf/locations 2": test_places_are_told,
    "/conf/locations 3": test_all_is_answered_together,
}  # fmt: skip
COVERS = {
    f"{EDR}/collections": {
        "/conf/core/crs": test_no_other_system_of_coordinates,
        "/conf/core/rc-extent": test_extent,
        "/conf/core/rc-collection-info-links": test_links_of_a_collection,
        "/conf/collections/rc-md-op": test_collections,
        "/conf/collections/src-md-op": test_collection,
        "/conf/collections/src-md-success": test_collection,
        "/conf/rc-md-success": test_collections,
        "/conf/edr/rc-collection-info": test_collections,
        "/conf/edr/rc-md-query-links": test_collections,
        **dict.fromkeys(
            [
                f"/conf/edr/rc-{x}"
                for x in ("data-queries", "common-query-type", "common-variables", "cube-variables")
            ],
            test_queries_are_described,
        ),
        "/conf/edr/rc-items-variables": test_queries_are_described,
        "/conf/edr/rc-parameters": test_parameters,
    },
    f"{EDR}/json": {
        "/conf/json/definition": test_coverages_are_given_under_every_name,
        "/conf/json/content": test_json_is_valid,
    },
    f"{EDR}/geojson": dict.fromkeys(
        ["/conf/geojson/definition", "/conf/geojson/content"], test_features_are_valid
    ),
    f"{EDR}/covjson": {
        "/conf/covjson/definition": test_coverages_are_given_under_every_name,
        "/conf/covjson/content": test_coverages_are_valid,
    },
    f"{EDR}/queries": {
        f"{asked}: {name}": ANSWERED[name] for asked, names in standards.QUERIES.items() for name in names
    },
}
