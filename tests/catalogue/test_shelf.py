"""Versions, collections, embargo, lineage, search, citation and export of a catalogue."""

import hashlib
import json
import re
from datetime import timedelta

import pystac
import pytest

from landsink.catalogue import FORMS, Extent, Query, cite, describe, verify, write_crate, write_stac
from landsink.core.errors import DataError, UnknownName
from landsink.core.record import Input
from tests.catalogue.plots import DAY, GRID, SOIL, cube, said, shelf, table


@pytest.fixture
def store(tmp_path):
    return shelf(tmp_path)


def taken(store, root, first: int, **other: object) -> str:
    return store.ingest(table(root, first=first), SOIL, said(**other)).id


def test_versions_follow_one_another(store, tmp_path):
    one = taken(store, tmp_path, 1)
    two = taken(store, tmp_path, 2, previous=one)
    three = taken(store, tmp_path, 3, previous=two[:8])
    for name in (one, two, three):
        assert [i.id for i in store.versions(name)] == [one, two, three]
        assert store.latest(name).id == three
    with pytest.raises(DataError, match=f"newer version, {two}"):
        taken(store, tmp_path, 4, previous=one)
    with pytest.raises(DataError, match="follow itself"):
        taken(store, tmp_path, 1, previous=three)
    assert len(store.list()) == 3
    assert [i.id for i in store.search(Query("valley")).items] == [three]
    assert store.search(Query("valley", latest=False)).total == 3


def test_a_collection_is_named_by_its_members_whatever_their_order(store, tmp_path):
    one, two = taken(store, tmp_path, 1), taken(store, tmp_path, 2)
    made = store.collect([two, one, one], said(title="Both"))
    assert store.collect([one, two], said(title="Both")).id == made.id
    digests = sorted(bytes.fromhex(store.get(n).properties["landsink:sha256"]) for n in (one, two))
    assert made.properties["landsink:sha256"] == hashlib.sha256(b"".join(digests)).hexdigest()
    assert made.properties["landsink:members"] == sorted([one, two])
    assert made.bbox == [13.5, 51.0, 13.6, 51.1]
    assert not verify(store).faults
    with pytest.raises(DataError, match="no bytes of its own"):
        store.path(made.id)
    with pytest.raises(UnknownName):
        store.collect(["nothing"], said())
    with pytest.raises(DataError, match="nothing"):
        store.collect([], said())


def test_the_clock_lifts_an_embargo(tmp_path):
    name = taken(shelf(tmp_path), tmp_path, 1, embargo="2025-01-01")
    eve, day = DAY.replace(2024, 12, 31), DAY.replace(2025, 1, 1, 0)
    early, late = shelf(tmp_path, eve), shelf(tmp_path, day)
    with pytest.raises(DataError, match="embargo until 2025-01-01"):
        early.path(name)
    with pytest.raises(DataError, match="embargo"):
        shelf(tmp_path, day - timedelta(seconds=1)).path(name)
    assert late.path(name).is_file()
    write_stac(early, tmp_path / "early", data=True)
    write_crate(early, name, tmp_path / "crate")
    write_stac(late, tmp_path / "late", data=True)
    assert not list((tmp_path / "early").rglob("*.csv"))
    assert not list((tmp_path / "crate").rglob("*.csv"))
    assert "embargo" in (tmp_path / "crate" / "ro-crate-metadata.json").read_text()
    assert list((tmp_path / "late").rglob("*.csv"))
    assert cite(early.get(name), "text").startswith("Doe, Jane (2025)")


def run(store, root, raw):
    """A run that read `raw` and a file that nobody took in."""
    folder = root / "run"
    (folder / "product.zarr").mkdir(parents=True)
    (folder / "product.zarr" / "zarr.json").write_text("{}")
    record = hashlib.sha256(b"run").hexdigest()
    page = {"case": {"title": "A run"}, "code": "landsink 0", "inputs": [], "hash": record}
    (folder / "record.json").write_text(json.dumps(page))
    inputs = [Input.of(raw, "CC-BY-4.0"), Input("weather.nc", "f" * 64)]
    return store.add(
        describe(folder, record=record, title="A run", bbox=[-10, 35, 30, 70], start="2001-01-01",
                 end="2001-12-31", variables=["nee"], licence="CC-BY-4.0", citation="", inputs=inputs)
    )  # fmt: skip


def test_lineage_reaches_from_a_product_to_raw_files(store, tmp_path):
    raw = taken(store, tmp_path, 1)
    made = run(store, tmp_path, tmp_path / "stocks.csv")
    cube(tmp_path).to_netcdf(tmp_path / "flux.nc")
    product = store.ingest(tmp_path / "flux.nc", GRID, said(uses=[made.id]))
    tree = store.lineage(product.id)
    assert [n["id"] for n in tree["uses"]] == [made.id]
    below = tree["uses"][0]["uses"]
    assert below[0]["id"] == raw
    assert below[1] == {"name": "weather.nc", "sha256": "f" * 64}


def test_a_circle_of_sources_ends(store, tmp_path):
    one = taken(store, tmp_path, 1)
    two = taken(store, tmp_path, 2, uses=[one])
    taken(store, tmp_path, 1, uses=[two])
    assert store.lineage(two)["uses"][0]["uses"] == [{"name": two, "sha256": ""}]


def test_search_by_words_place_time_variable_and_kind(store, tmp_path):
    soil = taken(store, tmp_path, 1)
    cube(tmp_path).to_netcdf(tmp_path / "flux.nc")
    flux = store.ingest(tmp_path / "flux.nc", GRID, said(title="Échange net", keywords=["flux"])).id

    def found(words="", **other):
        return {i.id for i in store.search(Query(words, **other)).items}

    assert found() == {soil, flux}
    assert found("vall stock") == found("JANE valley") == {soil}
    assert found("echange") == {flux}
    assert found("soil nothing") == set()
    assert found(bbox=(13, 51, 14, 52)) == found(bbox=(373 - 360, 51, 13.5, 51)) == {soil}
    assert found(bbox=(5.5, 45.5, 5.6, 45.6)) == {flux}
    assert found(bbox=(13.6001, 51, 14, 52)) == set()
    assert found(start="2010-01-01") == found(start="2019-06-02", end="2019-06-02") == {soil}
    assert found(end="2001-01-31") == {flux}
    assert found(variables=("nee", "gpp")) == {flux}
    assert found(kinds=("table",)) == {soil}
    assert found(specifications=("gridded-fluxes",)) == {flux}
    assert found(specifications=("gridded-fluxes", "soil-stocks")) == {soil, flux}
    assert found(specifications=("gridded-fluxes",), kinds=("table",)) == set()
    assert found("valley", bbox=(5, 45, 6, 46)) == set()
    page = store.search(Query())
    assert page.facets["kind"] == {"cube": 1, "table": 1}
    assert page.facets["variable"]["lat"] == 2
    ones = [store.search(Query(limit=1, offset=n)) for n in range(3)]
    assert {i.id for p in ones for i in p.items} == {soil, flux}
    assert [p.total for p in ones] == [2, 2, 2]
    for bad in ({"limit": 0}, {"offset": -1}, {"bbox": (10, 0, 5, 1)}, {"start": "soon"}):
        with pytest.raises(DataError):
            store.search(Query(**bad))


@pytest.mark.parametrize(
    "words", ['"', "zebra OR valley", "title:x", "x* NEAR y", "'; drop table object; --", "(", "!!!"]
)
def test_no_word_commands_the_search(store, tmp_path, words):
    name = taken(store, tmp_path, 1)
    assert store.search(Query(words)).total == 0
    assert store.get(name).id == name


def test_search_by_the_domain_of_stations(store, tmp_path):
    soil = store.get(taken(store, tmp_path, 1))
    for name, domain in (("tower", "ecosystem"), ("ship", "ocean")):
        station = soil.clone()
        station.id = f"{name}-0123456789"
        station.properties |= {"landsink:kind": "station", "landsink:domain": domain}
        store.add(station)
    for asked, names in (
        (("ocean",), {"ship"}),
        (("ocean", "ecosystem"), {"ship", "tower"}),
        (("sea",), set()),
    ):
        found = {i.id.split("-")[0] for i in store.search(Query(domains=asked)).items}
        assert found == names, asked
    assert store.search(Query()).total == 3
    with pytest.raises(DataError, match="no name may hold"):
        store.search(Query(domains=("\x00",)))


def test_how_far_objects_reach(store, tmp_path):
    assert store.extent() == Extent(None, "", "")
    first = taken(store, tmp_path, 1)
    cube(tmp_path).to_netcdf(tmp_path / "flux.nc")
    flux = store.ingest(tmp_path / "flux.nc", GRID, said(title="Exchange"))
    soil = Extent((13.5, 51.0, 13.6, 51.1), "2019-06-01T00:00:00Z", "2019-06-02T00:00:00Z")
    assert store.extent(("table",)) == soil
    assert store.extent(("cube",)) == Extent(
        tuple(flux.bbox), flux.properties["start_datetime"], flux.properties["end_datetime"]
    )
    both = (flux.bbox[0], flux.bbox[1], 13.6, 51.1)
    assert store.extent() == store.extent(("cube", "table")) == Extent(both, "2001-01-16T00:00:00Z", soil.end)
    assert store.extent(("run",)) == Extent(None, "", "")
    # An old version counts, and over the date line it is the whole way round.
    taken(store, tmp_path, 2, previous=first, bbox=[170, -50, 190, -30])
    assert store.extent(("table",)).bbox == (-180.0, -50.0, 180.0, 51.1)


def test_near_misses_share_the_first_letters(store, tmp_path):
    soil = store.get(taken(store, tmp_path, 1))
    for n in range(60):
        other = soil.clone()
        other.id = f"{n:02d}a0a0a0a0a0"
        store.add(other)
    with pytest.raises(UnknownName, match=r"61 items.*Near: 31a0a0a0a0a0") as told:
        store.get("31a0a0a0a0ax")
    assert "Near: 00" not in str(told.value)
    for name in ("\ud800" * 12, "é", "~" * 500):
        with pytest.raises(UnknownName):
            store.get(name)


def test_a_place_across_the_date_line(store, tmp_path):
    name = taken(store, tmp_path, 1, bbox=[170, -50, 190, -30])
    for box, hit in (((175, -45, 176, -44), 1), ((-175, -45, -174, -44), 1), ((185, -45, 186, -44), 1),
                     ((160, -45, 200, -44), 1), ((0, -45, 1, -44), 0), ((-180, -90, 180, 90), 1)):  # fmt: skip
        assert store.search(Query(bbox=box)).total == hit, box
    assert store.get(name).bbox == [170, -50, 190, -30]


def test_citations(store, tmp_path):
    other = {"title": "Stocks & flows: 100% of {soil}_x", "doi": "10.1234/abc"}
    old = taken(store, tmp_path, 2)
    item = store.get(taken(store, tmp_path, 1, previous=old, **other))
    text = cite(item, "text")
    assert (
        text == "Doe, Jane (2024): Stocks & flows: 100% of {soil}_x. landsink. https://doi.org/10.1234/abc.\n"
    )
    tex = cite(item, "bibtex")
    assert r"title = {{Stocks \& flows: 100\% of \{soil\}\_x}}" in tex
    assert tex.replace(r"\{", "").replace(r"\}", "").count("{") == tex.replace(r"\{", "").replace(
        r"\}", ""
    ).count("}")
    lines = cite(item, "ris").split("\r\n")
    assert lines[0] == "TY  - DATA"
    assert lines[-2] == "ER  - "
    assert all(re.match(r"[A-Z][A-Z0-9]  - ", line) for line in lines[:-1])
    (csl,) = json.loads(cite(item, "csl"))
    assert csl["author"] == [{"family": "Doe", "given": "Jane"}]
    assert csl["issued"] == {"date-parts": [[2024]]}
    made = json.loads(cite(item, "datacite"))
    assert made["doi"] == "10.1234/abc"
    assert made["types"]["resourceTypeGeneral"] == "Dataset"
    assert made["creators"][0]["nameIdentifiers"][0]["nameIdentifier"].endswith("0000-0002-1825-0097")
    assert made["relatedIdentifiers"] == [
        {
            "relatedIdentifier": f"urn:landsink:{old}",
            "relatedIdentifierType": "URN",
            "relationType": "IsNewVersionOf",
        }
    ]
    page = json.loads(cite(item, "jsonld"))
    assert page["@type"] == "Dataset"
    assert page["distribution"][0]["sha256"] == item.properties["landsink:sha256"]
    assert page["spatialCoverage"]["geo"]["box"] == "51 13.5 51.1 13.6"
    with pytest.raises(UnknownName, match="Near: bibtex"):
        cite(item, "bibtext")


def test_every_kind_is_cited_in_every_form(store, tmp_path):
    one = taken(store, tmp_path, 1)
    run(store, tmp_path, tmp_path / "stocks.csv")
    store.collect([one], said(title="One"))
    for item in store.list():
        for form in FORMS:
            assert item.properties["title"] in cite(item, form)


def test_a_run_as_a_crate_with_its_provenance(store, tmp_path):
    raw = taken(store, tmp_path, 1)
    made = run(store, tmp_path, tmp_path / "stocks.csv")
    page = json.loads(write_crate(store, made.id, tmp_path / "crate").read_text())
    graph = {e["@id"]: e for e in page["@graph"]}
    assert len(graph) == len(page["@graph"])
    assert graph["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    action = graph["#run"]
    assert action["@type"] == "CreateAction"
    refs = [r["@id"] for k in ("object", "result") for r in action[k]] + [
        p["@id"] for p in graph["./"]["hasPart"]
    ]
    assert set(refs) <= set(graph)
    for part in graph["./"]["hasPart"]:
        assert (tmp_path / "crate" / part["@id"]).exists()
    prov = json.loads((tmp_path / "crate" / "prov.json").read_text())
    names = set(prov["entity"]) | set(prov["activity"]) | set(prov["agent"])
    for relation in ("wasDerivedFrom", "used", "wasGeneratedBy", "wasAssociatedWith"):
        for row in prov[relation].values():
            assert set(row.values()) <= names
    assert f"landsink:{raw}" in prov["entity"]
    assert f"sha256:{'f' * 64}" in prov["entity"]
    with pytest.raises(DataError, match="not empty"):
        write_crate(store, made.id, tmp_path / "crate")


def test_a_static_export_is_valid_stac_and_stands_alone(store, tmp_path):
    one = taken(store, tmp_path, 1)
    run(store, tmp_path, tmp_path / "stocks.csv")
    store.collect([one], said(title="One"))
    assert write_stac(store, tmp_path / "stac", data=True) == 3
    (tmp_path / "home").rename(tmp_path / "gone")
    root = pystac.Catalog.from_file(str(tmp_path / "stac" / "catalog.json"))
    items = {i.id: i for i in root.get_items(recursive=True)}
    assert len(items) == 3
    assert {c.id for c in root.get_children()} == {"collection", "run", "table"}
    assert (tmp_path / "stac" / "table" / one / "data.csv").is_file()
    for item in items.values():
        for asset in item.assets.values():
            assert asset.href.startswith("./")
            assert (tmp_path / "stac" / "x").parent.exists()
    pytest.importorskip("jsonschema")
    for thing in (root, *root.get_children(), *items.values()):
        plain = thing.clone()
        # Extensions' schemas lie in the net; the core's come with pystac.
        plain.stac_extensions = []
        plain.validate()
