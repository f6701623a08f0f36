"""The cases that come with landsink reach the scores that they state."""

from pathlib import Path

import pytest

from landsink.case import load, run


def silent(what: str, share: float) -> None:
    """Report nothing."""


def finished(name: str, out: Path, data: Path | None, monkeypatch) -> list:
    monkeypatch.setenv("LANDSINK_HOME", str(out / "home"))
    return run(load(name), out / name, data, silent).goals


@pytest.mark.slow
def test_rothamsted_reaches_its_goals(tmp_path, data, monkeypatch):
    goals = finished("rothamsted", tmp_path, data, monkeypatch)
    assert goals
    assert all(g.passed for g in goals), [g.says for g in goals]


@pytest.mark.slow
def test_the_demo_reaches_its_goals(tmp_path, monkeypatch):
    goals = finished("demo", tmp_path, None, monkeypatch)
    assert goals
    assert all(g.passed for g in goals), [g.says for g in goals]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tharandt", "towers"])
def test_a_case_on_real_towers_reaches_its_goals(name, tmp_path, data, monkeypatch):
    goals = finished(name, tmp_path, data, monkeypatch)
    assert goals
    assert all(g.passed for g in goals), [g.says for g in goals]


@pytest.mark.slow
def test_europe_reaches_its_goals_at_sites(tmp_path, data, monkeypatch):
    goals = finished("europe", tmp_path, data, monkeypatch)
    at_sites = [g for g in goals if g.goal["site"] != "region"]
    assert at_sites
    assert all(g.passed for g in at_sites), [g.says for g in at_sites]
