"""Finished stations in the catalogue: what an item says, versions, bytes that stay, licence, and the verbs."""

import json
import shutil

import pystac
import pytest

from landsink import case
from landsink.catalogue import Catalogue, Query, cite, verify
from landsink.catalogue.station_item import Terms, enter, folder_of
from landsink.core.errors import DataError
from landsink.stations.flux.stage import Settings, quiet
from tests.case import station_files as made


def process(path, out, overwrite=True, **asked):
    return case.station(case.StationFiles(path, **asked), out, Settings(), quiet, overwrite, False)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A cruise's folder, twice: as it is, and with the operator's error."""
    folder = tmp_path_factory.mktemp("finished")
    path = made.cruise(folder)
    return (
        process(path, folder / "first", site="AA2019"),
        process(path, folder / "second", site="AA2019", fco2_error=2.0),
    )


@pytest.fixture
def catalogue(tmp_path):
    return Catalogue(tmp_path / "home")


def test_an_item_says_where_when_what_from_what_and_on_which_terms(catalogue, finished):
    item = enter(catalogue, finished[0].folder, Terms("CC-BY-4.0"))
    p = item.properties
    assert item.id == finished[0].record[:12]
    assert item.geometry["type"] == "LineString"
    assert item.bbox == pytest.approx([-20.0, 50.0, -17.05, 50.59])
    assert (p["start_datetime"], p["end_datetime"]) == ("2019-12-31T20:00:00Z", "2020-01-01T05:50:00Z")
    assert (p["landsink:kind"], p["landsink:station"], p["landsink:domain"]) == ("station", "AA2019", "ocean")
    assert p["license"] == "CC-BY-4.0"
    assert "name no licence" in p["landsink:rights"]  # the terms of the input are not hidden
    source = json.loads((finished[0].folder / "record.json").read_text())["inputs"][0]
    link = next(link for link in item.links if link.rel == "derived_from")
    assert (link.target, link.extra_fields["landsink:sha256"]) == ("cruise.csv", source["sha256"])
    assert catalogue.lineage(item.id)["uses"] == [{"name": "cruise.csv", "sha256": source["sha256"]}]
    assert {"series", "facts", "record", "AA2019_native.nc", "AA2019_native.csv"} <= set(item.assets)
    assert p["landsink:columns"]["fco2"]["unit"] == "uatm"
    assert p["landsink:coverage"] == [{"variable": "fco2", "expected": None, "present": 60, "good": 54}]
    assert pystac.Item.from_dict(item.to_dict()).id == item.id


def test_it_is_found_cited_and_verified(catalogue, finished):
    item = enter(catalogue, finished[0].folder, Terms())
    for query in (
        Query(kinds=("station",)),
        Query("aa2019"),
        Query(bbox=(-19, 49, -18, 51)),
        Query(variables=("dfco2",), start="2020-01-01", end="2020-01-01"),
    ):
        assert [i.id for i in catalogue.search(query).items] == [item.id]
    assert catalogue.search(Query(bbox=(0, 49, 5, 51))).total == 0
    assert item.id in cite(item, "text")
    assert json.loads(cite(item, "datacite"))["geoLocations"]
    assert not verify(catalogue).faults
    victim = folder_of(catalogue, item.id) / "AA2019_native.csv"
    victim.unlink()  # a link: the folder's own file must stay
    victim.write_text("other")
    assert [f.where for f in verify(catalogue).faults] == ["AA2019_native.csv"]
    assert (finished[0].folder / "AA2019_native.csv").read_text() != "other"


def test_the_same_record_replaces_itself_and_keeps_its_date(catalogue, finished):
    first = enter(catalogue, finished[0].folder, Terms())
    created = first.properties["created"]
    again = enter(catalogue, finished[0].folder, Terms("CC0-1.0"))
    assert (again.id, again.properties["created"]) == (first.id, created)
    assert "landsink:previous" not in again.properties
    assert catalogue.get(first.id).properties["license"] == "CC0-1.0"
    assert len(catalogue.list()) == 1


def test_another_processing_is_the_next_version_and_the_old_keeps_its_bytes(catalogue, finished, tmp_path):
    folder = tmp_path / "work"
    shutil.copytree(finished[0].folder, folder)
    old = enter(catalogue, folder, Terms())
    shutil.rmtree(folder)
    shutil.copytree(finished[1].folder, folder)
    new = enter(catalogue, folder, Terms())
    assert [v.id for v in catalogue.versions(old.id)] == [old.id, new.id]
    assert new.properties["landsink:previous"] == old.id
    assert catalogue.search(Query(kinds=("station",))).total == 1
    assert not verify(catalogue).faults
    # the old one done again stays the old one
    assert enter(catalogue, finished[0].folder, Terms()).id == old.id
    assert [v.id for v in catalogue.versions(new.id)] == [old.id, new.id]


def test_another_station_is_no_version(catalogue, finished, tmp_path):
    enter(catalogue, finished[0].folder, Terms())
    other = process(made.cruise(tmp_path), tmp_path / "other", site="BB2019")
    assert "landsink:previous" not in enter(catalogue, other.folder, Terms()).properties


def test_a_way_over_the_date_line_has_a_small_box(catalogue, tmp_path):
    found = process(made.cruise(tmp_path, west=179.0), tmp_path / "out", site="CC2019")
    item = enter(catalogue, found.folder, Terms())
    assert item.bbox == pytest.approx([179.0, 50.0, 181.95, 50.59])
    assert catalogue.search(Query(bbox=(-180, 49, -179, 51))).total == 1
    assert catalogue.search(Query(bbox=(0, 49, 10, 51))).total == 0


@pytest.mark.parametrize(
    ("said", "licence"),
    [
        ("Creative Commons Attribution 3.0 Unported (CC-BY)", "CC-BY-3.0"),
        ("CC BY 4.0", "CC-BY-4.0"),
        ("CC-BY-4.0", "CC-BY-4.0"),
        ("CC BY-NC 4.0", "other"),
        ("ask the owner", "other"),
        ("", "other"),
    ],
)
def test_the_datas_own_licence_stands_where_nobody_says_another(catalogue, finished, tmp_path, said, licence):
    folder = tmp_path / "folder"
    shutil.copytree(finished[0].folder, folder)
    page = json.loads((folder / "station.json").read_text())
    (folder / "station.json").write_text(json.dumps(page | {"licence": said}))
    p = enter(catalogue, folder, Terms()).properties
    assert p["license"] == licence
    assert said in p.get("landsink:rights", said)


def test_unfinished_folders_and_unknown_licences_are_refused_in_words(catalogue, finished, tmp_path):
    with pytest.raises(DataError, match="station.json"):
        enter(catalogue, tmp_path, Terms())
    with pytest.raises(DataError, match="Near: CC-BY"):
        enter(catalogue, finished[0].folder, Terms("CC-BY-4"))
    with pytest.raises(DataError, match="Words"):
        enter(catalogue, finished[0].folder, Terms("other"))
    (tmp_path / "station.json").write_text('{"station": "X"}')
    with pytest.raises(DataError, match="domain"):
        enter(catalogue, tmp_path, Terms())
    assert catalogue.list() == []
    assert not (catalogue.root / "stations").exists()


def test_a_full_disk_enters_nothing(catalogue, finished, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("landsink.catalogue.station_item._link", full)
    with pytest.raises(DataError, match="No space left"):
        enter(catalogue, finished[0].folder, Terms())
    assert catalogue.list() == []
    assert not list((catalogue.root / "stations").iterdir())


def test_an_item_that_cannot_be_entered_leaves_no_bytes(catalogue, finished, monkeypatch):
    def refuse(*_):
        raise DataError("No.")

    monkeypatch.setattr(Catalogue, "add", refuse)
    with pytest.raises(DataError, match="No"):
        enter(catalogue, finished[0].folder, Terms())
    assert not list((catalogue.root / "stations").iterdir())
