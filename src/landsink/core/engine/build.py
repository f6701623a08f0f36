"""From C text to a loaded library: which compiler, with which flags, kept in the user's cache folder."""

import ctypes
import dataclasses
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import jax

FLAGS = ("-O2", "-std=gnu11", "-fPIC", "-shared", "-pthread", "-fwrapv", "-fno-math-errno", "-fno-trapping-math",
         "-fno-signed-zeros", "-ffp-contract=fast", "-Wno-psabi", "-Wno-unused-function", "-Wno-unused-variable")  # fmt: skip
PATIENCE = 600  # seconds that a compiler may take


class NoCompiler(Exception):
    """There is nothing here that turns C into code."""


@dataclasses.dataclass(frozen=True)
class Compiler:
    """A C compiler and what it calls itself."""

    command: tuple[str, ...]
    version: str
    target: tuple[str, ...]

    @property
    def name(self) -> str:
        """How people know it."""
        return f"{' '.join(self.command)} ({self.version})"


@cache
def compiler() -> Compiler:
    """The system's `cc`, else the `ziglang` wheel. Raises NoCompiler with the reason if neither works."""
    tried: list[str] = []
    for command in _candidates():
        try:
            said = subprocess.run(
                [*command, "--version"], capture_output=True, text=True, timeout=60, check=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            tried.append(f"{' '.join(command)}: {error}")
            continue
        return Compiler(command, said.stdout.strip().splitlines()[0], ("-march=native",))
    raise NoCompiler("; ".join(tried) or "neither cc on PATH nor the ziglang wheel")


def _candidates() -> list[tuple[str, ...]]:
    chosen = os.environ.get("CC", "").split()
    found = [tuple(chosen)] if chosen and shutil.which(chosen[0]) else []
    found += [(name,) for name in ("cc", "gcc", "clang") if shutil.which(name)][:1]
    if importlib.util.find_spec("ziglang"):
        found.append((sys.executable, "-m", "ziglang", "cc"))
    return found


@cache
def cpu() -> str:
    """The processor and what it can do, as one line: code built for one is not run on another."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    keys = {line.partition(":")[0].strip(): line.partition(":")[2].strip() for line in reversed(lines)}
    return f"{platform.machine()} {keys.get('model name', '')} {keys.get('flags', keys.get('Features', ''))}"


def folder() -> Path:
    """Where compiled kernels are kept."""
    base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return base / "landsink" / "native"


def library(source: str) -> tuple[ctypes.CDLL, str]:
    """The loaded library of a C text, and its name; compiled if the cache has no sound copy.

    Raises NoCompiler where there is none, and RuntimeError with the compiler's first complaint if it fails.
    """
    made_by = compiler()
    key = hashlib.sha256(
        "\n".join([source, made_by.version, *made_by.command, *FLAGS, cpu(), jax.__version__]).encode()
    )
    name = f"landsink_{key.hexdigest()[:24]}"
    try:
        place = folder()
        place.mkdir(parents=True, exist_ok=True)
        probe = tempfile.TemporaryFile(dir=place)
        probe.close()
    except OSError:
        # a read-only or missing home: this process compiles for itself
        place = _own_folder()
    path = place / f"{name}.so"
    if _sound(path):
        try:
            return ctypes.CDLL(str(path)), name
        except OSError:
            pass  # cut short or foreign: build it anew
    try:
        _compile(made_by, source, path)
    except OSError:
        path = _own_folder() / f"{name}.so"
        _compile(made_by, source, path)
    return ctypes.CDLL(str(path)), name


@cache
def _own_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="landsink-native-"))


def _sound(path: Path) -> bool:
    """True if the library's bytes are those that were written: a torn file may crash a process that loads it."""
    try:
        held = path.read_bytes()
        return path.with_suffix(".sha256").read_text(encoding="utf-8") == hashlib.sha256(held).hexdigest()
    except (OSError, UnicodeDecodeError):
        return False


def _compile(made_by: Compiler, source: str, path: Path) -> None:
    """Compile into a private folder, then move the parts into place at once, so that others never see half a file."""
    with tempfile.TemporaryDirectory(prefix="landsink-build-") as private:
        text, made = Path(private) / "kernel.c", Path(private) / "kernel.so"
        text.write_text(source, encoding="utf-8")
        command = [
            *made_by.command,
            *made_by.target,
            *FLAGS,
            "-I",
            jax.ffi.include_dir(),
            str(text),
            "-o",
            str(made),
            "-lm",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        if done.returncode:
            first = next((s for s in done.stderr.splitlines() if "error" in s), done.stderr[:300])
            raise RuntimeError(f"{made_by.name} failed: {first}")
        held = made.read_bytes()
        _put(path, held)
        _put(path.with_suffix(".sha256"), hashlib.sha256(held).hexdigest().encode())


def _put(path: Path, data: bytes) -> None:
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
        os.replace(partial, path)
    except OSError:
        Path(partial).unlink(missing_ok=True)
        raise
