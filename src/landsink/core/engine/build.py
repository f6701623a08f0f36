"""From C text to a loaded library: which compiler, with which flags, kept in the user's cache folder.

Nothing here may stop a run: a compiler counts only once it has built something that runs, a kernel that cannot be
kept is used all the same, and one that cannot be built is an EngineError, for which `native` has another way.
"""

import contextlib
import ctypes
import dataclasses
import hashlib
import importlib.util
import logging
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from pathlib import Path

import jax

from landsink.core.errors import EngineError

FLAGS = (
    "-O2", "-std=gnu11", "-fPIC", "-shared", "-pthread", "-fwrapv", "-fno-math-errno", "-fno-trapping-math",
    "-fno-signed-zeros", "-ffp-contract=fast", "-Wno-psabi", "-Wno-unused-function", "-Wno-unused-variable",
)  # fmt: skip
# some compilers know this processor by the one name, some by the other, some by none
TARGETS = (("-march=native",), ("-mcpu=native",), ())
PATIENCE = 600.0  # seconds that a compiler may take
REMEDY = "Install a C compiler, or `pip install 'landsink[native]'`; `landsink doctor` tells more."
_log = logging.getLogger("landsink")
_elsewhere: ContextVar[Path | None] = ContextVar("landsink kernels", default=None)


class NoCompiler(EngineError):
    """There is nothing here that turns C into code."""


@dataclasses.dataclass(frozen=True)
class Compiler:
    """A C compiler, what it calls itself, how it is told of this processor, and how wide its vectors are (bytes)."""

    command: tuple[str, ...]
    version: str
    target: tuple[str, ...]
    vector: int = 0

    @property
    def name(self) -> str:
        """How people know it."""
        return f"{' '.join(self.command)} ({self.version})"


@cache
def say_once(line: str) -> None:
    """One line in the log, however often it is met."""
    _log.warning(line)


@cache
def compiler() -> Compiler:
    """`CC`, the system's compiler or the `ziglang` wheel: the first that builds what runs here.

    Raises NoCompiler with what each of them said.
    """
    tried: list[str] = []
    for command in _candidates():
        try:
            said = _call([*command, "--version"], 60.0)
        except (OSError, subprocess.SubprocessError, EngineError) as error:
            tried.append(f"{' '.join(command)}: {error}")
            continue
        version = (said.strip().splitlines() or ["of no version"])[0]
        failure = ""
        for target in TARGETS:
            try:
                one = Compiler(command, version, target)
                return dataclasses.replace(one, vector=_trial(one))
            except (OSError, EngineError) as error:
                failure = failure or str(error)  # the first is about the best choice
        tried.append(failure)
    raise NoCompiler("; ".join(tried) or "neither cc on PATH nor the ziglang wheel")


def _candidates() -> list[tuple[str, ...]]:
    chosen = os.environ.get("CC", "").split()
    found = [tuple(chosen)] if chosen and shutil.which(chosen[0]) else []
    found += [(name,) for name in ("cc", "gcc", "clang") if shutil.which(name)]
    if importlib.util.find_spec("ziglang"):
        found.append((sys.executable, "-m", "ziglang", "cc"))
    return list(dict.fromkeys(found))


def _trial(one: Compiler) -> int:
    """Bytes of its vectors, from a library that it built of the header that every kernel begins with."""
    header = files("landsink.core.engine").joinpath("vector.h").read_text(encoding="utf-8")
    source = (
        f'{header}\n#include "xla/ffi/api/c_api.h"\n'
        "int landsink_trial(double x) { const V v = v_exp(SPLAT(x)); return v[0] == (R)1 ? BYTES : 0; }\n"
    )
    trial = _library(one, source)[0].landsink_trial
    trial.argtypes = (ctypes.c_double,)
    vector = int(trial(0.0))
    if not vector:
        raise EngineError(f"{one.name} builds what does not compute.")
    return vector


@cache
def cpu() -> str:
    """The processor and what it can do, as one line: code built for one is not run on another."""
    keys = processor()
    name, features = keys.get("model name", platform.processor()), keys.get("flags", keys.get("Features", ""))
    return f"{platform.machine()} {name} {features}"


@cache
def processor() -> dict[str, str]:
    """What the system says of its first processor; empty where it says nothing."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return {line.partition(":")[0].strip(): line.partition(":")[2].strip() for line in reversed(lines)}


def folder() -> Path:
    """Where compiled kernels are kept."""
    base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return _elsewhere.get() or base / "landsink" / "native"


@contextlib.contextmanager
def kept_in(place: Path) -> Generator[None]:
    """Kernels are looked for and kept in another folder."""
    before = _elsewhere.set(place)
    try:
        yield
    finally:
        _elsewhere.reset(before)


def library(source: str) -> tuple[ctypes.CDLL, str]:
    """The loaded library of a C text, and its name; compiled if the cache has no sound copy.

    Raises NoCompiler where there is none, and EngineError with the compiler's first complaint if it fails.
    """
    return _library(compiler(), source)


def _library(made_by: Compiler, source: str) -> tuple[ctypes.CDLL, str]:
    parts = [source, made_by.version, *made_by.command, *made_by.target, *FLAGS, cpu(), jax.__version__]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    name = f"landsink_{key[:24]}"
    path = folder() / f"{name}.so"
    if _sound(path):
        # a copy from a system with another C library does not load here
        with contextlib.suppress(OSError):
            return ctypes.CDLL(str(path)), name
    try:
        return _build(made_by, source, path), name
    except OSError as error:
        raise EngineError(
            f"a kernel could not be built: {error}.",
            remedy="Make room for temporary files, or set TMPDIR to a folder that has some.",
        ) from error


def _sound(path: Path) -> bool:
    """True if the library's bytes are those that were written: a torn file may crash a process that loads it."""
    try:
        held = path.read_bytes()
        return path.with_suffix(".sha256").read_text(encoding="utf-8") == hashlib.sha256(held).hexdigest()
    except (OSError, UnicodeDecodeError):
        return False


def _build(made_by: Compiler, source: str, path: Path) -> ctypes.CDLL:
    """Compile in a private folder and keep the result, so that others never see half a file.

    Raises OSError where there is no room for the private folder, and EngineError if the compiler fails.
    """
    with tempfile.TemporaryDirectory(prefix="landsink-build-") as private:
        made = _compile(made_by, source, Path(private))
        _keep(made, path)
        try:
            return ctypes.CDLL(str(made))  # which stays loaded when its file is gone
        except OSError:
            return ctypes.CDLL(str(path))  # temporary files may not be run here


def _keep(made: Path, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = made.read_bytes()
        _put(path, held)
        _put(path.with_suffix(".sha256"), hashlib.sha256(held).hexdigest().encode())
    except OSError as why:
        say_once(
            f"engine: compiled code cannot be kept in {path.parent} ({why.strerror or why});"
            " every process compiles for itself"
        )


def _compile(made_by: Compiler, source: str, private: Path) -> Path:
    text, made = private / "kernel.c", private / "kernel.so"
    text.write_text(source, encoding="utf-8")
    command = [*made_by.command, *made_by.target, *FLAGS, "-I", jax.ffi.include_dir()]
    command += [str(text), "-o", str(made), "-lm"]
    try:
        _call(command, PATIENCE)
    except subprocess.TimeoutExpired:
        raise EngineError(f"{made_by.name} took more than {PATIENCE:g} seconds.", remedy=REMEDY) from None
    except EngineError as error:
        raise EngineError(f"{made_by.name} failed: {error}", remedy=REMEDY) from None
    return made


def _call(command: Sequence[str], patience: float) -> str:
    """What a command prints. Raises EngineError with its first complaint, and TimeoutExpired.

    A compiler is several processes; if it takes too long or we are interrupted, none of them is left behind.
    """
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        errors="replace", start_new_session=True,
    ) as process:  # fmt: skip
        try:
            out, complaint = process.communicate(timeout=patience)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode:
        lines = complaint.strip().splitlines() or [f"exit code {process.returncode}"]
        raise EngineError(next((s for s in lines if "error" in s.lower()), lines[0])[:300])
    return out


def _put(path: Path, data: bytes) -> None:
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
