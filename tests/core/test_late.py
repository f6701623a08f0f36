"""What takes long to load is loaded when it is asked for, whole, and JAX is told how the house wants it either way."""

import subprocess
import sys
import threading

import pytest

from landsink.core.late import Late

ASKED = "print(jax.config.jax_enable_x64, jax.config.jax_persistent_cache_min_compile_time_secs)"


def python(text: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.parametrize("order", ["import jax, landsink.core", "import landsink.core, jax"])
def test_jax_is_in_double_precision_whoever_loads_it_first(order):
    assert python(f"{order}; {ASKED}") == "True 0.0"


def test_errors_and_units_load_neither_jax_nor_pint():
    heavy = "[m for m in ('jax', 'pint', 'pandas') if m in sys.modules]"
    assert python(f"import sys, landsink.core.units; print({heavy})") == "[]"


def test_threads_that_ask_at_once_all_see_the_whole_module(tmp_path, monkeypatch):
    (tmp_path / "slow_to_load.py").write_text("first = 1\nimport time\ntime.sleep(0.3)\nlast = 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    late, found = Late("slow_to_load"), []
    asking = [threading.Thread(target=lambda: found.append(late.first + late.last)) for _ in range(8)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert found == [3] * 8


def test_what_is_not_there_is_said_by_name():
    with pytest.raises(AttributeError, match="nothing_of_it"):
        _ = Late("json").nothing_of_it
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        _ = Late("no_such_module").anything
