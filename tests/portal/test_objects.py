"""Data objects by HTTP: found, described, cited, downloaded, counted; and their landing pages."""

import csv
import hashlib
import io
import json
import re
import zipfile

import pytest

from landsink.catalogue import FORMS, Specification, cite
from tests.catalogue.plots import said, table
from tests.portal.small import RECORD

ROBOT = "Mozilla/5.0 (compatible; Googlebot/2.1)"
PERSON = "Mozilla/5.0 (X11; Linux) Firefox/140.0"


def test_search_finds_what_the_catalogue_finds(portal, ids):
    found = portal.get("/api/objects", params={"q": "soil vall"}).json()
    assert {i["id"] for i in found["items"]} == {ids.newer, ids.held, ids.collection}
    assert found["total"] == 3 and found["facets"]["kind"] == {"table": 2, "collection": 1}
    old = portal.get("/api/objects", params={"q": "soil", "old": True}).json()
    assert ids.table in {i["id"] for i in old["items"]}


@pytest.mark.parametrize(
    ("asked", "who"),
    [
        ({"bbox": "4,44,9,48"}, {"cube", "run", "collection"}),
        ({"bbox": "170,-50,-170,-30"}, set()),
        ({"from": "2019-01-01"}, {"newer", "held", "collection"}),
        ({"to": "2002-12-31", "from": "2002-06-01"}, {"run", "collection"}),
        ({"variable": "gpp"}, {"run"}),
        ({"kind": ["cube", "run"]}, {"cube", "run"}),
        ({"licence": "CC0-1.0"}, set()),
        ({"specification": "gridded-fluxes"}, {"cube"}),
        ({"specification": ["gridded-fluxes", "nothing"], "kind": "run"}, set()),
        ({"licence": ["CC0-1.0", "CC-BY-4.0"], "kind": "cube"}, {"cube"}),
    ],
)
def test_search_by_place_time_variable_kind_licence(portal, ids, asked, who):
    found = portal.get("/api/objects", params=asked).json()
    assert {i["id"] for i in found["items"]} == {getattr(ids, name) for name in who}
    assert found["total"] == len(who)


def test_pages_of_a_search_hold_everything_once(portal):
    seen = [portal.get("/api/objects", params={"limit": 1, "offset": n}).json() for n in range(5)]
    names = [page["items"][0]["id"] for page in seen]
    assert len(set(names)) == 5 == seen[0]["total"]
    assert portal.get("/api/objects", params={"offset": 5}).json()["items"] == []


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ({"bbox": "1,2,3"}, "no box"),
        ({"bbox": "1,2,3,nan"}, "no box"),
        ({"bbox": "0,50,10,40"}, "no box"),
        ({"from": "yesterday"}, "no date"),
        ({"from": "0001-01-01T00:00:00+23:00"}, "no date"),
        ({"limit": 0}, "limit"),
        ({"offset": -1}, "offset"),
    ],
)
def test_a_bad_question_is_told(portal, asked, word):
    answer = portal.get("/api/objects", params=asked)
    assert answer.status_code == 422 and answer.headers["content-type"] == "application/problem+json"
    assert word in answer.json()["detail"] and answer.json()["status"] == 422


def test_a_description_leads_on(portal, ids):
    page = portal.get(f"/api/objects/{ids.newer}").json()
    facts = page["properties"]
    assert page["id"] == ids.newer and facts["landsink:latest"] == ids.newer
    assert [v["id"] for v in facts["landsink:versions"]] == [ids.table, ids.newer]
    assert facts["landsink:embargoed"] is None
    links = {link["rel"]: link["href"] for link in page["links"]}
    assert links["predecessor-version"].endswith(ids.table) and "successor-version" not in links
    for link in page["links"]:
        if link["href"].startswith(str(portal.base_url)):
            assert portal.get(link["href"]).status_code == 200, link
    old = portal.get(f"/api/objects/{ids.table}").json()
    assert old["properties"]["landsink:latest"] == ids.newer
    run = portal.get(f"/api/objects/{ids.run}").json()
    assert run["properties"]["landsink:derived_from"] == [ids.cube, "weather.nc"]
    assert [link["title"] for link in run["links"] if link["rel"] == "derived_from"] == [ids.cube]


def test_no_place_on_the_disk_is_told(portal, ids, shelf):
    for name in vars(ids).values():
        for path in ("", "/lineage", "/usage", "/citation?form=jsonld", "/citation?form=datacite"):
            assert str(shelf[0].root.parent) not in portal.get(f"/api/objects/{name}{path}").text


def test_the_beginning_of_a_name_is_enough_and_near_misses_are_told(portal, ids):
    assert portal.get(f"/api/objects/{ids.run[:6]}").json()["id"] == ids.run
    assert portal.get(f"/api/objects/{RECORD}").json()["id"] == ids.run
    answer = portal.get(f"/api/objects/{ids.run[:-1]}z")
    assert answer.status_code == 404 and ids.run in answer.json()["remedy"]


@pytest.mark.parametrize("form", FORMS)
def test_citations_are_the_catalogues(portal, shelf, ids, form):
    answer = portal.get(f"/api/objects/{ids.newer}/citation", params={"form": form})
    assert answer.status_code == 200
    if form != "jsonld":
        assert answer.text == cite(shelf[0].get(ids.newer), form)
    else:
        page = answer.json()
        assert (
            page["name"] == "Soil stocks, mended" and page["url"] == f"{portal.base_url}/objects/{ids.newer}"
        )
        assert portal.get(page["distribution"][0]["contentUrl"]).status_code == 200


def test_lineage_goes_down_to_raw_files(portal, ids):
    page = portal.get(f"/api/objects/{ids.run}/lineage").json()
    assert [(u["id"], u["name"]) for u in page["uses"]] == [(ids.cube, None), (None, "weather.nc")]


def test_rows_come_with_units(portal, ids, shelf):
    page = portal.get(f"/api/objects/{ids.newer}/table").json()
    assert [(c["name"], c["unit"]) for c in page["columns"]][-1] == ("cSoil", "g m-2")
    assert page["total"] == 2 and page["rows"][0] == ["A", "2019-06-01", 51.0, 13.5, 0.0, 30.0, 8300.0]
    assert page["rows"][1][-1] is None
    part = portal.get(
        f"/api/objects/{ids.newer}/table", params={"columns": ["cSoil", "plot"], "offset": 1}
    ).json()
    assert part["rows"] == [[None, "B"]]
    lost = portal.get(f"/api/objects/{ids.newer}/table", params={"columns": "csoil"})
    assert lost.status_code == 404 and "cSoil" in lost.json()["remedy"]
    assert portal.get(f"/api/objects/{ids.cube}/table").status_code == 409


def test_bytes_are_what_was_taken_in(portal, ids, shelf):
    answer = portal.get(f"/api/objects/{ids.newer}/data")
    kept = shelf[0].path(ids.newer).read_bytes()
    assert answer.content == kept and answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["etag"] == f'"{hashlib.sha256(kept).hexdigest()}"'
    assert 'filename="stocks.csv"' in answer.headers["content-disposition"]
    assert "immutable" in answer.headers["cache-control"] and "content-encoding" not in answer.headers
    assert len(list(csv.reader(io.StringIO(answer.text)))) == 3


def test_bytes_by_range(portal, ids, shelf):
    kept = shelf[0].path(ids.cube).read_bytes()
    path = f"/api/objects/{ids.cube}/data"
    part = portal.get(path, headers={"Range": "bytes=10-19"})
    assert part.status_code == 206 and part.content == kept[10:20]
    assert part.headers["content-range"] == f"bytes 10-19/{len(kept)}"
    assert portal.get(path, headers={"Range": f"bytes={len(kept)}-"}).status_code == 416
    head = portal.head(path)
    assert head.headers["content-length"] == str(len(kept)) and head.content == b""
    again = portal.get(path, headers={"If-None-Match": head.headers["etag"]})
    assert again.status_code == 304 and again.content == b""
    other = portal.get(path, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert other.status_code == 200 and len(other.content) == len(kept)


def test_a_run_comes_as_a_zip_of_its_product_or_by_parts(portal, ids, shelf):
    whole = zipfile.ZipFile(io.BytesIO(portal.get(f"/api/objects/{ids.run}/data").content))
    assert whole.testzip() is None and "product.zarr/zarr.json" in whole.namelist()
    scores = portal.get(f"/api/objects/{ids.run}/data", params={"asset": "scores"})
    assert scores.text == "variable,score\nnee,0.5\n"
    page = portal.get(f"/api/objects/{ids.run}/data", params={"asset": "map"})
    assert page.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in page.headers["content-security-policy"]
    assert portal.get(f"/api/objects/{ids.run}/data", params={"asset": "../../lock"}).status_code == 404
    assert portal.get(f"/api/objects/{ids.collection}/data").status_code == 404


def test_an_embargo_holds_the_bytes_everywhere(portal, ids):
    page = portal.get(f"/api/objects/{ids.held}").json()
    assert page["assets"] == {} and page["properties"]["landsink:embargoed"] == "2099-01-01T00:00:00Z"
    for path in ("data", "data?asset=data", "table"):
        answer = portal.get(f"/api/objects/{ids.held}/{path}")
        assert answer.status_code == 403 and "2099-01-01" in answer.json()["detail"]
    assert "distribution" not in portal.get(f"/api/objects/{ids.held}/citation?form=jsonld").json()
    crate = zipfile.ZipFile(io.BytesIO(portal.get(f"/api/objects/{ids.held}/crate").content))
    assert not [n for n in crate.namelist() if n.endswith(".csv")]


def test_a_crate_is_whole(portal, ids):
    answer = portal.get(f"/api/objects/{ids.run}/crate")
    crate = zipfile.ZipFile(io.BytesIO(answer.content))
    names = set(crate.namelist())
    assert {"ro-crate-metadata.json", "prov.json", "citation.bib", "product.zarr/zarr.json"} <= names
    graph = json.loads(crate.read("ro-crate-metadata.json"))["@graph"]
    root = next(part for part in graph if part["@id"] == "./")
    for part in root["hasPart"]:
        assert any(n == part["@id"] or n.startswith(part["@id"]) for n in names)
    assert answer.content == portal.get(f"/api/objects/{ids.run}/crate").content


ACCEPTED = {
    "application/json": "application/json",
    "application/ld+json": "application/ld+json",
    "application/x-bibtex": "application/x-bibtex",
    "application/x-research-info-systems": "application/x-research-info-systems",
    "application/vnd.citationstyles.csl+json": "application/vnd.citationstyles.csl+json",
    "application/vnd.datacite.datacite+json": "application/vnd.datacite.datacite+json",
    "text/plain": "text/plain; charset=utf-8",
    "*/*": "text/html; charset=utf-8",
    "text/html,application/xhtml+xml,*/*;q=0.8": "text/html; charset=utf-8",
    "text/html;q=0.1, application/json": "application/json",
    "text/html;q=0, */*;q=0.5": "application/json",
    "application/*;q=0.5, text/*;q=0.2": "application/json",
}


@pytest.mark.parametrize(("accept", "given"), ACCEPTED.items())
def test_a_landing_page_speaks_what_is_accepted(portal, ids, accept, given):
    answer = portal.get(f"/objects/{ids.newer}", headers={"Accept": accept})
    assert answer.status_code == 200 and answer.headers["content-type"] == given
    assert "Accept" in answer.headers["vary"]


def test_what_cannot_be_given_is_not_guessed(portal, ids):
    assert portal.get(f"/objects/{ids.newer}", headers={"Accept": "image/png"}).status_code == 406


def test_a_landing_page_tells_search_engines_and_points_the_way(portal, ids):
    answer = portal.get(f"/objects/{ids.newer}")
    data = re.search(r'<script type="application/ld\+json">(.*?)</script>', answer.text, re.DOTALL)
    page = json.loads(data[1])
    assert page["@type"] == "Dataset" and page["name"] == "Soil stocks, mended"
    assert "<title>Soil stocks, mended – landsink</title>" in answer.text
    links = dict(re.findall(r'<([^>]+)>; rel="([^"]+)"', answer.headers["link"]))
    assert set(links.values()) == {"cite-as", "type", "describedby", "item", "license", "author"}
    for href in links:
        if href.startswith(str(portal.base_url)):
            assert portal.get(href).status_code == 200
    lost = portal.get("/objects/nowhereatall")
    assert lost.status_code == 404 and lost.headers["content-type"].startswith("text/html")
    assert portal.get("/objects/nowhereatall", headers={"Accept": "application/json"}).status_code == 404


def test_no_word_of_a_description_becomes_a_script(fresh, tmp_path):
    from_a_stranger = "</script><script>alert(1)</script>"
    asked, context = fresh()
    made = context.catalogue.ingest(*small_table(tmp_path, from_a_stranger))
    page = asked.get(f"/objects/{made.id}").text
    assert "<script>alert" not in page and page.count("<script") == 1
    data = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert json.loads(data[1])["name"] == from_a_stranger


def small_table(folder, title):
    return table(folder / "in"), Specification.read("soil-stocks"), said(title=title, description=title)


def test_specifications_say_what_is_asked_for(portal):
    pages = {s["name"]: s for s in portal.get("/api/specifications").json()}
    assert {"soil-stocks", "table", "cube", "gridded-fluxes"} <= set(pages)
    assert "cSoil" in {v["name"] for v in pages["soil-stocks"]["variables"]}


def test_use_is_counted_once_and_robots_never(fresh, tmp_path):
    asked, context = fresh()
    made = context.catalogue.ingest(*small_table(tmp_path, "Counted"))
    for agent in (PERSON, PERSON, ROBOT, "python-httpx/0.28", ""):
        asked.get(f"/api/objects/{made.id}/data", headers={"User-Agent": agent})
        asked.get(f"/objects/{made.id}", headers={"User-Agent": agent})
    asked.head(f"/api/objects/{made.id}/data", headers={"User-Agent": "other/1.0"})
    page = asked.get(f"/api/objects/{made.id}/usage").json()
    assert (page["views"], page["downloads"]) == (2, 2)
    assert {(d["kind"], d["method"], d["total"]) for d in page["days"]} == {
        ("view", "person", 1), ("view", "machine", 1), ("download", "person", 1), ("download", "machine", 1)
    }  # fmt: skip
    assert b"127.0.0.1" not in (context.catalogue.root / "portal.sqlite").read_bytes()
