"""The register of ICOS stations: filters, near misses, and the map's GeoJSON."""

import json

import pytest

from landsink.core.errors import DataError, UnknownName
from landsink.sources import registry

HEAD = "id,name,domain,country,lat,lon,elevation_m,site_type,class,labelling_date,climate_zone,pi,uri\n"


@pytest.fixture
def few(tmp_path):
    rows = (
        "DE-Tha,Tharandt,ES,DE,50.96,13.57,380,evergreen needleleaf forests,1,2020-11-17,,Mauder,u1\n"
        "HTM,Hyltemossa,AS,SE,56.1,13.42,115,tall tower,1,2018-05-30,,Heliasz,u2\n"
        "SHIP,Some Ship,OS,NO,,,,soop,2,,,Skjelvan,u3\n"
        "FJI,Fiji,OS,FJ,-17.0,179.5,0,coastal,2,,,Nobody,u4\n"
    )
    (tmp_path / registry.TABLE).write_text(HEAD + rows, encoding="utf-8")
    return tmp_path


def test_each_filter_by_hand(few):
    def found(**kw):
        return list(registry.stations(few, **kw)["id"])

    assert found() == ["DE-Tha", "HTM", "SHIP", "FJI"]
    assert found(theme="ecosystem") == ["DE-Tha"] and found(theme=["Ocean", "atmosphere"]) == [
        "HTM",
        "SHIP",
        "FJI",
    ]
    assert found(country="SE") == ["HTM"] and found(ecosystem="coastal") == ["FJI"]
    assert found(name="tharan") == ["DE-Tha"] and found(name="htm") == ["HTM"]
    assert found(bbox=(10, 50, 15, 60)) == ["DE-Tha", "HTM"] and found(bbox=(170, -30, -170, 0)) == ["FJI"]
    assert found(labelled=True) == ["DE-Tha", "HTM"] and found(station_class="2") == ["SHIP", "FJI"]
    assert found(theme="ocean", labelled=True) == []


def test_near_misses(few):
    with pytest.raises(UnknownName, match="Near: ecosystem"):
        registry.stations(few, theme="ecosytem")
    with pytest.raises(UnknownName, match="Near: Tharandt"):
        registry.stations(few, name="Tharand ")
    with pytest.raises(UnknownName, match="Near: DE-Tha"):
        registry.station(few, "DE-Tah")
    with pytest.raises(DataError, match="West, south, east, north"):
        registry.stations(few, bbox=(0, 60, 10, 50))
    assert registry.station(few, "HTM")["name"] == "Hyltemossa"


def test_geojson_is_strict_json_with_longitude_first(few):
    whole = json.loads(json.dumps(registry.geojson(registry.stations(few)), allow_nan=False))
    first, ship = whole["features"][0], whole["features"][2]
    assert whole["type"] == "FeatureCollection" and first["id"] == "DE-Tha"
    assert first["geometry"] == {"type": "Point", "coordinates": [13.57, 50.96]}
    assert first["properties"]["theme"] == "ecosystem" and ship["geometry"] is None
    assert ship["properties"]["labelled"] is None


def test_a_register_that_is_not_there_or_not_one(tmp_path):
    with pytest.raises(DataError, match="nothing at"):
        registry.stations(tmp_path)
    (tmp_path / registry.TABLE).write_text("id,name\nA,B\n")
    with pytest.raises(DataError, match="no column theme"):
        registry.stations(tmp_path)


def test_the_real_register(data):
    root = data / registry.PATH
    table = registry.stations(root)
    assert len(table) == 172 and table["id"].is_unique
    assert table["theme"].value_counts().to_dict() == {"ecosystem": 99, "atmosphere": 46, "ocean": 27}
    assert table["labelled"].notna().sum() == 124 and table["latitude"].notna().sum() == 158
    assert registry.station(root, "DE-Tha")["latitude"] == pytest.approx(50.9626, abs=1e-3)
    assert registry.inputs(root)[0].is_file()
    assert len(registry.geojson(table)["features"]) == 172
