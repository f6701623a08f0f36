"""The grammar of the house: names, processes, models, time stepping, and the door to labelled data."""

import os
import sys
from pathlib import Path

from jaxlib import version as jaxlib


def _configured() -> dict[str, bool | float | str]:
    """How the house wants JAX. Told by the environment, since half of what stands on this room needs no JAX, and
    loading it takes a second; it reads them when it is loaded.
    """
    # Decades of small increments and mass closure to 1e-10 need double precision; JAX offers it
    # only as a process-wide switch that must be set before the first array exists.
    said: dict[str, bool | float | str] = {"jax_enable_x64": True}
    # Compiling a full model takes longer than running it once: keep what was compiled in the user's cache folder, the
    # many small pieces too, which together take as long (a second fit of a small problem: 35 s for 81).
    # Where that cannot be written, JAX would complain at every compilation.
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "landsink" / "xla"
    there = next(p for p in (cache, *cache.parents) if os.path.exists(p))
    if os.path.isdir(there) and os.access(there, os.W_OK):
        said |= {"jax_compilation_cache_dir": str(cache), "jax_persistent_cache_min_compile_time_secs": 0.0}
    return said


# Measured on jaxlib 0.10: without these emitters a daily step compiles twice as fast and runs 1.5 times as fast on a
# CPU. An unknown flag aborts the process, so it is set only for the versions that were measured.
if jaxlib.__version__.startswith("0.10.") and "XLA_FLAGS" not in os.environ:
    os.environ["XLA_FLAGS"] = "--xla_cpu_use_fusion_emitters=false"

if "jax" not in sys.modules:
    os.environ |= {name.upper(): str(value) for name, value in _configured().items()}
else:
    for _name, _value in _configured().items():
        sys.modules["jax"].config.update(_name, _value)
