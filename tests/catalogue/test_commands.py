"""The catalogue's commands: try, take in, search, cite, verify, export, and their exit codes."""

import json

import pytest
from typer.testing import CliRunner

from landsink.cli import app
from tests.catalogue.plots import table

ABOUT = """
specification = "soil-stocks"
title = "Soil [stocks] of a valley"
licence = "CC-BY-4.0"
description = "Made up."
method = "Cores."
creators = ["Doe, Jane"]
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A table with its description, and a catalogue of the test's own."""
    monkeypatch.setenv("LANDSINK_HOME", str(tmp_path / "home"))
    (tmp_path / "stocks.toml").write_text(ABOUT)
    return table(tmp_path)


def call(*words: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(w) for w in words])
    assert result.exit_code == code, result.output + str(result.exception)
    return result.stdout if code != 2 else result.stderr


def test_from_trial_to_citation(file, tmp_path):
    assert "nothing keeps it out" in call("ingest", file, "--try")
    assert json.loads(call("list", "--json")) == []
    said = json.loads(call("ingest", file, "--json"))
    name = said[0]["id"]
    assert said[0]["ingested"]
    assert name in call("list")
    assert "Soil [stocks] of a valley" in call("show", name[:8])
    assert json.loads(call("search", "soil", "vall", "--box=13,51,14,52", "--json"))["total"] == 1
    found = call("search", "valley", "--variable", "cSoil", "--kind", "table", "--from", "2019-01-01")
    assert "1 to 1 of 1" in found
    assert "kind: table 1" in found
    assert "Nothing is found" in call("search", "nowhere")
    assert call("cite", name, "--as", "bibtex").startswith("@misc{landsink-" + name)
    assert "1 objects" in call("verify")
    assert "catalog.json (1 items)" in call("export", tmp_path / "stac")
    assert "ro-crate-metadata.json" in call("export", tmp_path / "crate", "--id", name)


def test_defects_are_exit_code_three_and_nothing_is_kept(file, tmp_path):
    file.write_text(file.read_text().replace("2019-06-01", "yesterday"))
    assert "line 2 'yesterday'" in call("ingest", file, "--try", code=3)
    report = json.loads(call("ingest", file, "--json", code=3))[0]
    assert not report["ingested"]
    assert report["defects"][0]["remedy"]
    assert json.loads(call("list", "--json")) == []


def test_a_corrupt_object_is_exit_code_three(file, tmp_path):
    name = json.loads(call("ingest", file, "--json"))[0]["id"]
    path = tmp_path / "home" / "objects" / name / "data.csv"
    path.chmod(0o644)
    path.write_text("rotten")
    assert name in call("verify", code=3)
    assert json.loads(call("verify", "--json", code=3))["faults"][0]["id"] == name


def test_what_cannot_be_done_is_said(file, tmp_path):
    assert "--about" in call("ingest", tmp_path / "other.csv", code=2)
    assert "Near: soil-stocks" in call("ingest", file, "--as", "soil-stock", code=2)
    assert "0 items" in call("cite", "abc", code=2)
    assert "no box" in call("search", "--box=1,2", code=2)
    assert "not empty" in call("export", tmp_path, code=2)
    call("ingest", file)
    name = json.loads(call("list", "--json"))[0]["id"]
    assert "Near: bibtex" in call("cite", name, "--as", "bibtext", code=2)
    # An identifier may begin with a minus sign.
    assert "'-abc' is not in" in call("show", "-abc", code=2)
