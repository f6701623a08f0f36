"""Questions and answers: identifiers, stations, objects and their versions, near misses."""

import pytest

from landsink.core.errors import DataError, LandsinkError, UnknownName
from landsink.sources.icos import OldAnswer, Unreachable, query
from tests.sources.icos.carbon_portal import Held

ARCHIVE = "miscFluxnetArchiveProduct"


def test_an_id_is_18_bytes_of_sha256():
    # published side by side: the Global Carbon Budget 2020 workbook's address on the portal, and its checksum
    sha256 = "e9094f8df9ffeeeb89b407ae186157b8fc339aa22662d7b514e85aa1553cfc81"
    assert query.id_of(sha256) == "6QlPjfn_7uuJtAeuGGFXuPwz"


@pytest.mark.parametrize(
    "text",
    [
        "6QlPjfn_7uuJtAeuGGFXuPwz",
        "11676/6QlPjfn_7uuJtAeuGGFXuPwz",
        "https://hdl.handle.net/11676/6QlPjfn_7uuJtAeuGGFXuPwz",
        "https://meta.icos-cp.eu/objects/6QlPjfn_7uuJtAeuGGFXuPwz",
        "6QlPjfn_7uuJtAeuGGFXuPwzmqImYte1FOhaoVU8_IE",
    ],
)
def test_an_object_goes_by_many_names(text):
    assert query.object_id(text) == "6QlPjfn_7uuJtAeuGGFXuPwz"


@pytest.mark.parametrize(
    "text", ["", "DE-Tha", "https://meta.icos-cp.eu/objects/", "a" * 25, "x> } DELETE {" + "a" * 24]
)
def test_what_names_no_object(text):
    with pytest.raises(LandsinkError, match="names no data object"):
        query.object_id(text)


def test_stations_by_theme(icos):
    assert [s.id for s in icos().stations("ecosystem")] == ["DE-Tha", "DE-Hai"]
    assert [s.id for s in icos().stations("AS")] == ["HTM"]
    assert len(icos().stations()) == 4
    tharandt = icos().stations("ES")[0]
    assert (tharandt.theme, tharandt.utc_offset, tharandt.ecosystem, tharandt.longitude) == (
        "ES",
        1.0,
        "ENF",
        None,
    )


def test_an_unknown_theme_names_the_near(icos):
    with pytest.raises(UnknownName, match="ecosystem"):
        icos().stations("ecosystems")


@pytest.mark.parametrize(
    "name", ["DE-Tha", "ES_DE-Tha", "http://meta.icos-cp.eu/resources/stations/ES_DE-Tha"]
)
def test_a_station_goes_by_many_names(portal, icos, name):
    portal.objects += [Held(b"one", "one.zip"), Held(b"two", "two.zip", station="ES_DE-Hai")]
    assert [o.name for o in icos().objects(station=name)] == ["one.zip"]


def test_a_station_of_two_networks_gives_what_both_hold(portal, icos):
    portal.stations.append(("FLUXNET_DE-Tha", "DE-Tha", "Tharandt"))
    portal.objects += [Held(b"one", "one.zip"), Held(b"two", "two.zip", station="FLUXNET_DE-Tha")]
    assert {o.name for o in icos().objects(station="DE-Tha")} == {"one.zip", "two.zip"}


@pytest.mark.parametrize("name", ["DE-Tah", "ES_DE-Tah"])
def test_an_unknown_station_names_the_near(icos, name):
    with pytest.raises(UnknownName, match="DE-Tha"):
        icos().objects(station=name)


def test_an_unknown_datatype_names_the_near(icos):
    with pytest.raises(UnknownName, match="etcL2Fluxnet"):
        icos().objects(station="DE-Tha", datatype="etcL2Fluxnets")


def test_a_station_without_such_objects_is_no_error(icos):
    assert icos().objects(station="DE-Hai", datatype="etcL2Fluxnet") == []


def test_not_everything_is_asked_for(icos):
    with pytest.raises(LandsinkError, match="Neither a station nor a datatype"):
        icos().objects()


def test_no_question_can_be_smuggled_in(icos):
    with pytest.raises(LandsinkError, match="is no address"):
        icos().objects(station="http://x> } ; DROP ALL #")
    with pytest.raises(UnknownName):
        icos().objects(station='x" } #')


def test_versions(portal, icos):
    first = Held(b"first", "v1.zip", spec=ARCHIVE)
    second = Held(b"second", "v2.zip", spec=ARCHIVE, previous=(first.id,))
    merged = Held(b"merged", "v3.zip", spec=ARCHIVE, previous=(second.id, Held(b"lost", "lost.zip").id))
    portal.objects += [first, second, merged]
    (newest,) = icos().objects(station="DE-Tha", datatype=ARCHIVE)
    assert newest.name == "v3.zip"
    assert set(newest.previous) == set(merged.previous)
    every = {o.name: o.superseded for o in icos().objects(station="DE-Tha", newest=False)}
    assert every == {"v1.zip": True, "v2.zip": True, "v3.zip": False}
    assert icos().object(first.id).superseded
    assert [o.name for o in icos().newest(first.id)] == ["v3.zip"]
    assert [o.name for o in icos().newest(newest)] == ["v3.zip"]


def test_long_answers_come_in_pages(portal, icos, monkeypatch):
    monkeypatch.setattr(query, "PAGE", 3)
    portal.objects += [Held(bytes([n]), f"{n}.zip") for n in range(8)]
    assert len(icos().objects(station="ES_DE-Tha")) == 8
    assert len(portal.requests) == 3


def test_an_object_that_there_is_not(icos):
    with pytest.raises(UnknownName, match="knows no data object"):
        icos().object("A" * 24)


@pytest.mark.parametrize(
    "answer", [b"", b"<html>", b"[]", b'{"results": {}}', b'{"results": {"bindings": [1]}}']
)
def test_an_answer_that_is_none(answer):
    with pytest.raises(DataError, match="no table of SPARQL results"):
        query.rows(answer)


def test_a_sum_that_contradicts_its_id_is_noticed():
    row = {"object": query.OBJECTS + "A" * 24, "sha256": "11" * 32}
    with pytest.raises(DataError, match="by another SHA-256"):
        query.objects([row])


def test_without_a_network_the_last_answer_stands_in(portal, icos):
    portal.objects.append(Held(b"one", "one.zip"))
    asked = icos().objects(station="ES_DE-Tha")
    portal.down = True
    with pytest.warns(OldAnswer, match="answer of 20"):
        assert icos().objects(station="ES_DE-Tha") == asked
    with pytest.raises(Unreachable, match="503"):
        icos().objects(station="ES_DE-Hai")


def test_offline_asks_nobody(portal, icos):
    icos().stations("ES")
    before = len(portal.requests)
    assert len(icos(offline=True).stations("ES")) == 2
    with pytest.raises(Unreachable, match="never asked"):
        icos(offline=True).stations("AS")
    assert len(portal.requests) == before
