"""What a run's catalogue entry says of itself without its release."""

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from landsink.case import pipeline
from landsink.catalogue import Catalogue


@pytest.mark.parametrize(("said", "wanted"), [("true", True), ("false", False), (None, None)])
def test_an_item_says_whether_its_numbers_are_generated(tmp_path, monkeypatch, said, wanted):
    monkeypatch.setenv("LANDSINK_HOME", str(tmp_path / "home"))
    out = tmp_path / "run"
    out.mkdir()
    (out / "record.json").write_text("{}")
    time = np.array(["2001-01-01", "2001-02-01"], "datetime64[ns]")
    attrs = {} if said is None else {"generated": said}
    product = xr.Dataset({"gpp": ("time", [1.0, 2.0])}, {"time": time}, attrs)
    output = SimpleNamespace(variables=["gpp"], licence="CC-BY-4.0")
    case = SimpleNamespace(title="A site", output=output, citation="Nobody.")
    pipeline.register(
        case, SimpleNamespace(hash="ab" * 32, inputs=()), out, product, lambda what, share: None
    )
    item = Catalogue(tmp_path / "home").get("ab" * 6)
    assert item.properties.get("landsink:generated") is wanted
