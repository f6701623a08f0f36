"""The commands: what they print, and one line with exit code 2 where something is wrong."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from typer.testing import CliRunner

from landsink.cli import app
from tests.case.small import TWIN, page
from tests.stations.flux.partitioned import generated

FREE = 'assimilate.free=["WarmDecay.k_young","Warmth.q10"]'
QUICK = [f"--set={s}" for s in (FREE, "assimilate.tune=false", "assimilate.starts=2", "assimilate.iterations=4",
                                "assimilate.ensemble_iterations=2", "map.tile=30")]  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A catalogue of the test's own, and no data."""
    monkeypatch.setenv("LANDSINK_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LANDSINK_DATA", raising=False)
    return tmp_path / "home"


def call(*words: object, code: int = 0):
    """Run a command in this process and hold it to its exit code."""
    result = CliRunner().invoke(app, [str(w) for w in words])
    assert result.exit_code == code, result.output + str(result.exception)
    return result


def refusal(*words: object) -> str:
    """The line on stderr of a command that cannot be done."""
    said = call(*words, code=2).stderr.strip()
    assert said.startswith("error ")
    assert "\n" not in said
    assert "Traceback" not in said
    return said


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run of the small twin, with the catalogue that holds it."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANDSINK_HOME", str(folder / "home"))
        result = call("run", page(folder, TWIN), "--out", folder / "out", "--json", *QUICK)
    return folder, json.loads(result.stdout)


def test_a_run_says_what_it_made(finished):
    folder, said = finished
    assert said["folder"] == str(folder / "out")
    assert len(said["record"]) == 64
    assert said["goals"][0]["passed"] is True
    assert {r["score"] for r in said["scores"]} >= {"rmse", "bias"}
    for part in ("product.zarr", "posterior.zarr", "sites.zarr", "scores.csv", "record.json"):
        assert (folder / "out" / part).exists(), part
    with xr.open_zarr(folder / "out" / "product.zarr") as ds:
        assert ds.attrs["generated"] == "true"
        assert ds.attrs["record"] == said["record"]


def test_generated_data_are_announced(finished, tmp_path):
    result = call("run", page(tmp_path, TWIN), "--out", finished[0] / "out", code=2)
    assert "GENERATED" in result.stderr
    assert "not empty" in result.stderr
    assert "--resume" in result.stderr


def test_scores_and_the_page_of_a_run(finished, tmp_path):
    folder, said = finished
    again = json.loads(call("score", folder / "out", "--json").stdout)
    assert [r | {"value": None} for r in again["scores"]] == [r | {"value": None} for r in said["scores"]]
    for now, then in zip(again["scores"], said["scores"], strict=True):
        assert now["value"] == then["value"] or now["value"] == pytest.approx(then["value"], rel=1e-12)
    assert "rmse" in call("score", folder / "out").stdout
    where = call("map", folder / "out", "--out", tmp_path / "page").stdout.strip()
    assert "GENERATED" in (tmp_path / "page" / "map.html").read_text()
    assert where.startswith(str(tmp_path))


def test_the_catalogue_of_a_run(finished, monkeypatch):
    folder, said = finished
    monkeypatch.setenv("LANDSINK_HOME", str(folder / "home"))
    listed = json.loads(call("list", "--json").stdout)
    assert [i["properties"]["landsink:record"] for i in listed] == [said["record"]]
    assert "A small soil" in call("list").stdout
    assert json.loads(call("show", said["record"][:6], "--json").stdout)["id"] == said["record"][:12]
    assert "sha256" in call("show", said["record"][:6]).stdout
    assert "1 items" in refusal("show", "zzz")


def test_a_map_is_extended_by_a_later_forcing(finished, monkeypatch):
    folder, said = finished
    monkeypatch.setenv("LANDSINK_HOME", str(folder / "home"))
    with xr.open_zarr(folder / "out" / "product.zarr") as ds:
        old = ds["rh"].load()
    same = call("update", folder / "out").stdout
    assert "nothing to do" in same
    later = ("--set", "map.source.options.last_year=2004")
    assert "12 months" in call("update", folder / "out", *later).stdout
    with xr.open_zarr(folder / "out" / "product.zarr") as ds:
        assert ds.sizes["time"] == old.sizes["time"] + 12
        xr.testing.assert_equal(ds["rh"][: old.sizes["time"]].load(), old)
        assert ds.attrs["generated"] == "true"
    last = ("--set", "map.source.options.last_year=2005")
    assert "2005-01 to 2005-12" in call("update", folder / "out", *last).stdout
    with xr.open_zarr(folder / "out" / "product.zarr") as ds:
        xr.testing.assert_equal(ds["rh"][: old.sizes["time"]].load(), old)
        assert np.isfinite(ds["rh_regional"]).all()
    # The catalogue knows three versions, of which the last one is found, and whose bytes are as described.
    runs = json.loads(call("list", "--json").stdout)
    links = {i["id"]: i["properties"].get("landsink:previous") for i in runs}
    assert len(links) == 3
    first = said["record"][:12]
    (found,) = json.loads(call("search", "small", "--json").stdout)["items"]
    assert links[links[found["id"]]] == first
    assert "0 faults" in call("verify").stdout


def test_a_goal_that_is_missed_is_exit_code_three(tmp_path):
    goal = (
        '[[goal]]\nvariable = "nee"\nscore = "rmse"\nat_most = 1.0\n'  # nothing is observed, nothing scored
    )
    call("run", page(tmp_path, goal), "--out", tmp_path / "out", "--set", "map.tile=30", code=3)


def test_an_empty_catalogue_says_how_to_fill_it():
    assert "landsink run demo" in call("list").stdout
    assert json.loads(call("list", "--json").stdout) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gpp", ("kg m-2 s-1", "PModel")),
        ("RothC", ("cSoilHum", "doi")),
        ("Drivers", ("gives", "licence")),
        ("VirtualEurope", ("not observed",)),
    ],
)
def test_explain(name, words):
    said = call("explain", name).stdout
    for word in words:
        assert word in said


def test_check_as_a_card_and_for_machines(tmp_path):
    small = page(tmp_path)
    facts = json.loads(call("check", small, "--json").stdout)
    assert facts["pools"] == ["cSoilYoung", "cSoilOld"]
    card = call("check", small).stdout
    assert "Arrows" in card
    assert "A small soil" in card


def test_the_doctor_names_the_engine_and_proves_it():
    facts = json.loads(call("doctor", "--json").stdout)
    assert facts["engine"] == ("native" if facts["compiler"] else "xla")
    assert facts["trial"]["passed"] is True
    card = call("doctor").stdout
    for word in (facts["engine"], facts["cache"]["folder"], facts["jax"]["jax"], "threads", "trial"):
        assert word in card


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("explain", "gpq"), "Near:"),
        (("check", "demoo"), "Near: demo"),
        (("run", "demoo"), "Near: demo"),
        (("check", "tharandt"), "LANDSINK_DATA"),
        (("check", "tharandt", "--data", "/nowhere"), "nothing at"),
        (("check", "demo", "--set", "model.soil=RotC"), "Near: RothC"),
        (("check", "demo", "--set", "model.soill=RothC"), "Near: soil"),
        (("check", "demo", "--set", "modelsoil"), "no '='"),
        (("score", "/nowhere"), "record.json"),
        (("map", "/nowhere"), "record.json"),
        (("update", "/nowhere"), "record.json"),
        (("show", "abc"), "0 items"),
        (("station", "/nowhere"), "nothing"),
        (("station", "README.md", "--convention", "redyproc"), "Near: reddyproc"),
        (("station", "README.md", "--percentiles", "0"), "percentiles"),
        (("station", "README.md", "--lat", "91"), "latitude"),
    ],
)
def test_what_cannot_be_done_is_one_line(words, says):
    assert says in refusal(*words)


def test_brackets_in_a_message_are_shown(finished, tmp_path):
    sites = page(tmp_path, "\n").read_text().split("[map]")[0]
    (tmp_path / "sites.toml").write_text(sites + '[output]\nvariables = ["rh"]\n')
    call("run", tmp_path / "sites.toml", "--out", tmp_path / "out")
    assert "[map]" in refusal("update", tmp_path / "out")
    assert json.loads(call("score", tmp_path / "out", "--json").stdout) == {"scores": [], "goals": []}


def test_a_run_without_observations_scores_no_site(tmp_path):
    call("run", page(tmp_path), "--out", tmp_path / "out", "--set", "map.tile=30")
    board = json.loads(call("score", tmp_path / "out", "--json").stdout)
    assert board["goals"] == []
    assert {r["site"] for r in board["scores"]} == {"region"}  # the map's own sums, and no site's scores
    later = ("--set", "map.source.options.last_year=2004")
    assert "12 months" in call("update", tmp_path / "out", *later).stdout


def tower(folder):
    """A made-up tower's file."""
    ds = generated(days=40, noise=0.5)
    start = pd.DatetimeIndex(ds["time"].values)
    rows = pd.DataFrame({name: ds[name].values for name in ("NEE", "TA", "SW_IN", "VPD")})
    rows.insert(0, "TIMESTAMP_START", start.strftime("%Y%m%d%H%M"))
    path = folder / "AA-Aaa_HH.csv"
    rows.to_csv(path, index=False)
    return path


def test_a_station_is_processed(tmp_path):
    place = ("--lat", 51, "--lon", 15, "--utc-offset", 1, "--no-pages")
    quick = ("--draws", 4, "--percentiles", 4)
    result = call("station", tower(tmp_path), "--out", tmp_path / "out", *place, *quick)
    for word in (
        "skipped u* moving point",
        "USTAR was never measured",
        "GPP_NT",
        "gC m-2",
        "NO u* FILTER",
        "record",
    ):
        assert word in result.stderr, word
    assert "Traceback" not in result.stderr
    assert "not empty" in refusal("station", tmp_path / "AA-Aaa_HH.csv", "--out", tmp_path / "out", *place)
    again = (
        "station",
        tmp_path / "AA-Aaa_HH.csv",
        "--out",
        tmp_path / "out",
        "--overwrite",
        "--json",
        *place,
        *quick,
    )
    said = json.loads(call(*again).stdout)
    assert said["site"] == "AA-Aaa"
    assert len(said["record"]) == 64
    assert {r["status"] for r in said["steps"]} == {"done", "skipped"}
    assert {r["unit"] for r in said["carbon"]} == {"gC m-2 d-1"}


def test_a_station_without_carbon_is_exit_code_three(tmp_path):
    path = tower(tmp_path)
    rows = pd.read_csv(path).drop(columns="NEE")
    rows.to_csv(path, index=False)
    result = call("station", path, "--out", tmp_path / "out", "--no-pages", code=3)
    assert "neither NEE nor FC" in result.stderr
    assert (tmp_path / "out" / "log.txt").exists()


def test_help_names_every_command():
    said = call("--help").stdout
    first = ("run", "station", "check", "doctor", "explain", "score", "list", "show", "map", "update")
    for name in (*first, "ingest", "search", "cite", "verify", "export"):
        assert name in said
