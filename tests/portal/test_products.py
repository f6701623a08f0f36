"""What there is, as the map needs to know it."""

import pytest

from landsink.portal import products
from tests.portal.gridded import LAT, LON, shelf


@pytest.fixture(scope="module")
def at(tmp_path_factory):
    return shelf(tmp_path_factory.mktemp("products"))


def test_list_tells_period_edges_and_variables(at):
    (row,) = at.client.get("/api/products").json()
    assert (row["id"], row["latest"], row["generated"], row["licence"]) == (at.id, at.id, True, "CC-BY-4.0")
    assert (row["period"], row["steps"]) == (["2001-01-01", "2002-12-01"], 24)
    assert (row["bbox"], row["resolution"]) == ([-180.0, -90.0, 180.0, 90.0], [10.0, 10.0])
    assert [v["name"] for v in row["variables"]] == ["cVeg", "gpp", "nee"]
    assert row["created"] and "time" not in row


def test_a_variable_comes_with_unit_sign_colours_and_a_readable_unit(at):
    wood, gpp, nee = at.get("").json()["variables"]
    assert (gpp["unit"], gpp["sign"], gpp["kind"], gpp["sd"]) == (
        "kg m-2 s-1", "+ into the vegetation", "flux", "gpp_sd"
    )  # fmt: skip
    # 1 kg m-2 s-1 is 86.4 million g m-2 d-1.
    assert gpp["shown"] == {"unit": "g C m⁻² d⁻¹", "factor": pytest.approx(8.64e7), "offset": 0.0}
    assert not gpp["diverging"] and nee["diverging"] and nee["span"][0] == -nee["span"][1]
    assert nee["colours"] in ("RdBu_r", "BrBG_r") and nee["standard_name"] == ""
    assert (wood["kind"], wood["sd"], wood["shown"]["unit"], wood["shown"]["factor"]) == (
        "stock",
        "",
        "kg C m⁻²",
        1.0,
    )


def test_detail_adds_the_axes(at):
    found = at.get("").json()
    assert found["lat"] == LAT.tolist() and found["lon"] == LON.tolist()
    assert found["time"][:2] == ["2001-01-01", "2001-02-01"] and found["levels"] == 0
    assert found["zarr"] == f"/zarr/{at.id}@{found['edition']}" and len(found["edition"]) == 12


def test_unknown_products_are_not_found(at):
    answer = at.client.get("/api/products/aaaaaaaaaaaa")
    assert answer.status_code == 404 and answer.headers["content-type"] == "application/problem+json"
    assert at.client.get("/api/products/a.b").status_code == 422


def test_no_number_leaves_while_an_embargo_lasts(tmp_path, monkeypatch):
    at = shelf(tmp_path)
    item = at.catalogue.get(at.id)
    item.properties["landsink:embargo"] = "2099-01-01"
    at.catalogue.add(item)
    monkeypatch.setattr(products, "_moment", lambda: -1)
    for path in (
        "",
        "/series?variable=gpp&lat=45&lon=5",
        "/step?variable=gpp",
        "/subset",
        "/tiles/gpp/0/0/0/0.png",
    ):
        assert "2099-01-01" in at.get(path, 403).json()["found"]
    assert at.client.get(f"/zarr/{at.id}/map/zarr.json").status_code == 403
    assert at.client.get(f"/api/collections/{at.id}/cube?bbox=0,40,10,50").status_code == 403
    assert at.client.get("/api/products").json() == []
