"""What this machine has for engines, and a small run that proves it."""

import contextlib
import dataclasses
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxlib import version as jaxlib

from landsink.core.errors import LandsinkError
from landsink.core.model import Model
from landsink.core.process import Process, Scalar, param
from landsink.core.run import Engine, simulate
from landsink.core.step import Decay
from landsink.core.windows import Windows

from . import build, hindrance, native
from .compiled import Native
from .xla import Xla

# what a generated step can make use of, among all that a processor says of itself
FEATURES = ("avx512f", "avx512dq", "avx2", "fma", "avx", "sse4_2", "asimd", "sve")
DAYS, CELLS = 365, 100
AGREE = 1e-10  # of the largest value: what double precision promises


class _Soil(Process):
    """One stock that decays, faster where it is warm: enough of a model to try an engine on."""

    rate: Scalar = param(0.1, per="yr", bounds=(0.01, 1.0), doc="decay rate at 10 degrees Celsius")

    def __call__(self, cSoilYoung: Scalar, tas: Scalar) -> dict[str, Scalar]:
        pace = self.rate * jnp.exp(0.07 * (tas - 283.15))
        return {"cSoilYoung -> atmosphere : rh": pace * cSoilYoung}


@dataclasses.dataclass(frozen=True)
class Health:
    """What was found: `facts` for machines, `card` for people; `engine` is what a case would use."""

    facts: dict[str, Any]

    @property
    def engine(self) -> str:
        """'native' or 'xla'."""
        return self.facts["engine"]

    @property
    def card(self) -> str:
        """A line for each thing that was found."""
        f = self.facts
        compiler, cpu, cache, jax_, trial = (f[k] for k in ("compiler", "cpu", "cache", "jax", "trial"))
        width = f"{8 * cpu['vector_bytes']} bit vectors" if cpu["vector_bytes"] else "vector width not known"
        held = f"{cache['kernels']} kernels, {cache['megabytes']:.1f} MB"
        rows = [
            ("engine", f"{f['engine']}: {f['why']}"),
            ("compiler", f"{compiler['command']}, {compiler['version']}" if compiler else "none that works"),
            ("processor", f"{cpu['model']}, {width}, {' '.join(cpu['features']) or cpu['machine']}"),
            ("threads", f"{f['threads']} (LANDSINK_THREADS changes it)"),
            ("kernels", f"{cache['folder']}: {held}, {'writable' if cache['writable'] else 'NOT writable'}"),
            ("jax", f"{jax_['jax']}, jaxlib {jax_['jaxlib']}, computes on {', '.join(jax_['devices'])}"),
            ("trial", trial["says"]),
        ]
        if f["remedy"]:
            rows.append(("remedy", f["remedy"]))
        return "\n".join(f"{name:<10} {text}" for name, text in rows)


def examine() -> Health:
    """Look at compiler, processor, cache and devices, and run a small model on the engine that would be used."""
    model = Model.of(_Soil())
    why = hindrance(Native(), model, Decay())
    trial = {} if why else _native(model)
    if trial and not trial["passed"]:
        why = trial["says"]
    if why:
        trial = _tried("xla", model, Xla())[0]
    facts = {
        "engine": "xla" if why else "native",
        "why": why or "a C compiler works here, and JAX computes on the processor",
        "remedy": _remedy(),
        "compiler": _compiler(),
        "cpu": _processor(),
        "threads": native.threads(),
        "cache": _cache(),
        "jax": {"jax": jax.__version__, "jaxlib": jaxlib.__version__, "backend": jax.default_backend(),
                "devices": [str(d) for d in jax.devices()], "xla_flags": os.environ.get("XLA_FLAGS", "")},
        "trial": trial,
    }  # fmt: skip
    return Health(facts)


def _remedy() -> str:
    """What a user can do to have the faster engine; empty where nothing is wanting."""
    if not _compiler() and jax.default_backend() == "cpu":
        return build.REMEDY.partition(";")[0] + "."
    if not _cache()["writable"]:
        return "Set XDG_CACHE_HOME to a folder that can be written; until then every process compiles anew."
    return ""


def _compiler() -> dict[str, str] | None:
    try:
        found = build.compiler()
    except build.NoCompiler:
        return None
    return {"command": " ".join(found.command), "version": found.version, "target": " ".join(found.target)}


def _processor() -> dict[str, Any]:
    said, width = build.processor(), 0
    with contextlib.suppress(build.NoCompiler):
        width = build.compiler().vector
    flags = said.get("flags", said.get("Features", "")).split()
    return {
        "model": said.get("model name", "a processor without a name"),
        "machine": os.uname().machine,
        "features": [f for f in FEATURES if f in flags],
        "vector_bytes": width,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
    }


def _cache() -> dict[str, Any]:
    place = build.folder()
    kernels = [p for p in place.glob("*.so") if p.is_file()]
    held = sum(p.stat().st_size for p in place.glob("*") if p.is_file())
    facts = {"folder": str(place), "kernels": len(kernels), "megabytes": held / 1e6}
    return facts | {"writable": _writable(place)}


def _writable(place: Path) -> bool:
    """Tried, not asked: what a file system allows is more than its permissions."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place) as probe:
            probe.write(bytes(1 << 17))  # as much as a kernel takes: a full disk still makes empty files
        return True
    except OSError:
        return False


def _native(model: Model) -> dict[str, Any]:
    """The native engine, compiled anew in a folder of its own, beside XLA."""
    with tempfile.TemporaryDirectory(prefix="landsink-doctor-") as place, build.kept_in(Path(place)):
        tried, found = _tried("native", model, Native("float64"))
    if native.refusal():
        return tried | {"passed": False, "says": f"the compiler failed: {native.refusal()}"}
    if not tried["passed"]:
        return tried
    _, expected = _tried("xla", model, Xla())
    apart = float(np.max(np.abs(found - expected)) / np.max(np.abs(expected)))
    says = f"departs from xla by {apart:.0e} of the largest value"
    if not apart <= AGREE:
        return tried | {"passed": False, "apart": apart, "says": f"native {says}"}
    return tried | {"apart": apart, "says": f"{tried['says']}; {says}"}


def _tried(name: str, model: Model, engine: Engine) -> tuple[dict[str, Any], np.ndarray]:
    """A year of a small model on an engine: whether it ran, seconds of compiling and of running; its respiration."""
    tas = 283.0 + 10.0 * np.sin(np.arange(DAYS) / 58.0)[:, None] + np.linspace(-5.0, 5.0, CELLS)
    forcing = {"tas": jnp.asarray(tas), "dt": jnp.full((DAYS, 1), 86400.0)}
    start, windows = {"cSoilYoung": jnp.full(CELLS, 5.0)}, Windows.blocks(DAYS, 30)
    run = jax.jit(lambda s: simulate(model, Decay(), s, forcing, ("rh",), windows, engine=engine)[0]["rh"])
    begin = time.perf_counter()
    try:
        program = run.lower(start).compile()
        middle = time.perf_counter()
        result = np.asarray(program(start))
    except (LandsinkError, RuntimeError, OSError) as why:
        return {"passed": False, "says": f"{name} failed: {why}"}, np.full(1, np.nan)
    built, ran = middle - begin, time.perf_counter() - middle
    says = f"{name} compiled a small model in {built:.2f} s and ran it in {1e3 * ran:.1f} ms"
    return {"passed": bool(np.isfinite(result).all()), "compile_s": built, "run_s": ran, "says": says}, result
