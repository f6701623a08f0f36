from landsink.core.home import home


def test_home_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("LANDSINK_HOME", str(tmp_path))
    assert home() == tmp_path
    monkeypatch.delenv("LANDSINK_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert home() == tmp_path / "landsink"
