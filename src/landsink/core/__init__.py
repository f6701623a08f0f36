"""The grammar of the house: names, processes, models, time stepping, and the door to labelled data."""

import os
from pathlib import Path

import jax
from jaxlib import version as jaxlib

# Measured on jaxlib 0.10: without these emitters a daily step compiles twice as fast and runs 1.5 times as fast on a
# CPU. An unknown flag aborts the process, so it is set only for the versions that were measured.
if jaxlib.__version__.startswith("0.10.") and "XLA_FLAGS" not in os.environ:
    os.environ["XLA_FLAGS"] = "--xla_cpu_use_fusion_emitters=false"

# Decades of small increments and mass closure to 1e-10 need double precision; JAX offers it
# only as a process-wide switch that must be set before the first array exists.
jax.config.update("jax_enable_x64", True)

# Compiling a full model takes longer than running it once: keep what was compiled in the user's cache folder. Where
# that cannot be written, JAX would complain at every compilation.
_cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "landsink" / "xla"
_there = next(p for p in (_cache, *_cache.parents) if os.path.exists(p))
if os.path.isdir(_there) and os.access(_there, os.W_OK):
    jax.config.update("jax_compilation_cache_dir", str(_cache))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
