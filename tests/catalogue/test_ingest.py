"""A trial tells every defect and keeps nothing; what passes is kept once, under the name of its content."""

import hashlib
import zipfile

import pytest

from landsink.catalogue import Rejected, Specification, checksum, short
from landsink.core.errors import DataError, UnknownName
from tests.catalogue.plots import GRID, HEAD, SOIL, cube, left, said, shelf, table


def defects(report) -> dict[str, str]:
    return {f"{d.where}: {d.found}": f"{d.expected} {d.remedy}" for d in report.defects}


def test_every_defect_of_a_table_is_told_at_once(tmp_path):
    path = tmp_path / "stocks.csv"
    path.write_text(
        "plot,date,lat,lon,top,bottom,cSoill\n"
        'A,01/06/2019,51.0,13.5,0,30,"8,2"\n'
        "B,2019-06-02,95.0,,0,-9999,7\n"
        "C,2019-06-02,50.0\n"
    )
    store = shelf(tmp_path)
    report = store.try_ingest(path, SOIL, said(licence="CC-BY", creators=[]))
    told = defects(report)
    assert not report.accepted
    assert "line 2 '01/06/2019'" in next(k for k in told if "date" in k)
    assert "-90 to 90" in told["column lat: has values that cannot be: line 3 '95.0'."]
    assert "column lon: has empty cells: line 3." in told
    assert "cm" in told["column bottom: has values that cannot be: line 2 '30'."]
    assert "Empty these cells" in told["column bottom: has fill values: line 3 '-9999'."]
    assert "Near: cSoill" in told["header: lacks 'cSoil'."]
    assert "text: 1 lines have not 7 cells: line 4." in told
    assert 'units = { top = "m" }' in told["column top: says no unit."]
    assert "description, creators: is missing." in told
    assert any("CC-BY-4.0" in k for k in told if k.startswith("description, licence"))
    assert left(tmp_path / "home") == []
    with pytest.raises(Rejected) as error:
        store.ingest(path, SOIL, said(licence="CC-BY", creators=[]))
    assert defects(error.value.report) == told
    assert left(tmp_path / "home") == []
    assert store.list() == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "holds no header"),
        (HEAD.encode(), "holds no line of data"),
        (HEAD.replace(",", ";").encode(), "separated by ';'"),
        (b"plot,date\n\xff\xfe,1\n", "no UTF-8"),
        (b'plot,date\n"A,1\n', "cannot be read as CSV"),
        (HEAD.replace("plot", "date").encode() + b"1,2,3,4,5,6,7\n", "names 'date' 2 times"),
        (HEAD.replace("g m-2", "degC").encode() + b"A,2019-06-01,51,13,0,30,1\n", "the unit is 'degC'"),
    ],
)
def test_a_broken_table_is_told_in_words(tmp_path, content, says):
    path = tmp_path / "stocks.csv"
    path.write_bytes(content)
    report = shelf(tmp_path).try_ingest(path, SOIL, said())
    assert says in str(report)
    assert all(d.expected and d.remedy for d in report.defects if d.where != "description, units")


def test_the_likely_unit_is_named(tmp_path):
    path = tmp_path / "stocks.csv"
    path.write_text(HEAD.replace("g m-2", "kg m-2") + "A,2019-06-01,51,13,0,30,8200\n")
    (defect,) = shelf(tmp_path).try_ingest(path, SOIL, said()).defects
    assert "'cSoil [g m-2]'" in defect.remedy


def test_what_passes_is_kept_under_its_content(tmp_path):
    store, path = shelf(tmp_path), table(tmp_path)
    report = store.try_ingest(path, SOIL, said())
    assert report.accepted, str(report)
    item = store.ingest(path, SOIL, said())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert item.id == report.id == short(digest)
    assert len(item.id) == 24
    assert store.path(item.id).read_bytes() == path.read_bytes()
    assert item.bbox == [13.5, 51.0, 13.6, 51.1]
    assert item.properties["start_datetime"] == "2019-06-01T00:00:00Z"
    assert item.properties["landsink:columns"]["cSoil"]["unit"] == "g m-2"
    for name in (item.id[:6], digest, digest[:9], digest.upper()):
        assert store.get(name).id == item.id
    assert left(tmp_path / "home") == sorted([f"items/{item.id}.json", f"objects/{item.id}/data.csv"])


def test_the_short_name_is_that_of_icos():
    # base64url of the first 18 bytes, here of the SHA-256 of 'abc' as NIST publishes it
    assert (
        short("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        == "ungWv48Bz-pBQUDeXa4iI7AD"
    )


def test_taking_in_twice_is_taking_in_once_and_a_better_description_replaces(tmp_path):
    store, path = shelf(tmp_path), table(tmp_path)
    first = store.ingest(path, SOIL, said())
    assert store.try_ingest(path, SOIL, said()).known
    again = store.ingest(path, SOIL, said(title="A better title"))
    assert again.id == first.id
    assert [i.properties["title"] for i in store.list()] == ["A better title"]
    assert store.get(first.id).properties["created"] == first.properties["created"]
    assert len(left(tmp_path / "home")) == 2


def test_bytes_are_held_to_the_checksum_that_was_promised(tmp_path):
    report = shelf(tmp_path).try_ingest(table(tmp_path), SOIL, said(sha256="0" * 64))
    assert "sha256" in str(report)


def test_a_cube_as_netcdf_as_zarr_and_zipped(tmp_path):
    store = shelf(tmp_path)
    cube(tmp_path).to_netcdf(tmp_path / "flux.nc")
    cube(tmp_path).to_zarr(tmp_path / "flux.zarr", consolidated=False)
    with zipfile.ZipFile(tmp_path / "flux.zip", "w") as packed:
        for file in sorted((tmp_path / "flux.zarr").rglob("*")):
            packed.write(file, file.relative_to(tmp_path))
    net, zarr, zipped = (store.ingest(tmp_path / f"flux.{e}", GRID, said()) for e in ("nc", "zarr", "zip"))
    assert net.bbox == zarr.bbox == [5.0, 45.0, 8.0, 47.0]
    assert zarr.properties["end_datetime"] == "2001-02-15T00:00:00Z"
    assert zarr.id == zipped.id != net.id
    assert zarr.properties["landsink:sha256"] == checksum(tmp_path / "flux.zarr")[4:]
    (tmp_path / "flux.zarr" / "nee" / "zarr.json").rename(tmp_path / "flux.zarr" / "nee.json")
    assert checksum(tmp_path / "flux.zarr")[4:] != zarr.properties["landsink:sha256"]


def test_defects_of_a_cube(tmp_path):
    store = shelf(tmp_path)
    cube(tmp_path, "K").drop_vars("lat").to_netcdf(tmp_path / "flux.nc")
    told = str(store.try_ingest(tmp_path / "flux.nc", GRID, said()))
    assert "lacks 'lat'" in told
    assert "variable nee: the unit is 'K'" in told
    (tmp_path / "noise.nc").write_bytes(b"\x89HDF\r\n\x1a\n" + b"\x00\xff" * 400)
    assert "cannot be read" in str(store.try_ingest(tmp_path / "noise.nc", GRID, said()))
    (tmp_path / "text.nc").write_text("no cube")
    assert "NetCDF-3 or NetCDF-4" in str(store.try_ingest(tmp_path / "text.nc", GRID, said()))
    (tmp_path / "empty.zarr").mkdir()
    assert "zarr.json" in str(store.try_ingest(tmp_path / "empty.zarr", GRID, said()))


def test_a_zarr_packed_with_what_nobody_has_read_stays_out(tmp_path):
    cube(tmp_path).to_zarr(tmp_path / "flux.zarr", consolidated=False)
    page = tmp_path / "flux.zarr" / "nee" / "zarr.json"
    page.write_text(page.read_text().replace('"zstd"', '"numcodecs.pickle"'))
    told = str(shelf(tmp_path).try_ingest(tmp_path / "flux.zarr", GRID, said()))
    assert "uses the codec 'numcodecs.pickle'" in told
    page.write_text(page.read_text().replace('"numcodecs.pickle"', '"zstd"').replace('"float64"', '"object"'))
    assert "neither numbers nor text" in str(shelf(tmp_path).try_ingest(tmp_path / "flux.zarr", GRID, said()))


def test_a_specification_of_your_own(tmp_path):
    page = tmp_path / "trees.toml"
    page.write_text(
        'title = "Trees"\nkind = "table"\nformats = ["csv"]\nothers = false\n'
        '[variable]\nheight = {unit = "m", span = [0.0, 120.0], complete = true}\n'
    )
    (tmp_path / "trees.csv").write_text("height [m],girth\n130,1\n")
    told = str(shelf(tmp_path).try_ingest(tmp_path / "trees.csv", Specification.read(page), said()))
    assert "has 'girth'" in told
    assert "0 to 120 m" in told
    page.write_text('title = "Trees"\nkind = "table"\nformats = ["xls"]\n')
    with pytest.raises(UnknownName, match="'xls'"):
        Specification.read(page)
    with pytest.raises(UnknownName, match="Near: soil-stocks"):
        Specification.read("soil-stock")


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"creators": [{"name": "Doe", "orcid": "0000-0002-1825-0098"}]}, "no ORCID"),
        ({"embargo": "soon"}, "no date"),
        ({"embargo": "0001-01-01T00:00:00+23:00"}, "no date"),
        ({"start": "2020-01-01", "end": "2019-01-01"}, "lies before"),
        ({"bbox": [10, 0, 5, 1]}, "no box"),
        ({"doi": "https://doi.org/10.1/x"}, "no DOI"),
        ({"licence": "other"}, "no words say"),
        ({"title": "a\x00b"}, "control characters"),
        ({"description": "x" * 30000}, "30000 characters"),
        ({"uses": ["nothing-of-ours"]}, "not in the catalogue"),
        ({"previous": "nothing-of-ours"}, "not one object"),
    ],
)
def test_defects_of_a_description(tmp_path, other, says):
    report = shelf(tmp_path).try_ingest(table(tmp_path), SOIL, said(**other))
    assert says in str(report)
    assert len(report.defects) == 1


def test_a_description_with_unknown_or_mistyped_fields():
    with pytest.raises(DataError, match="Near: licence"):
        said(license="CC0-1.0")
    with pytest.raises(DataError, match="'keywords' cannot be read"):
        said(keywords="soil")
