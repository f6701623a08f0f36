"""Building kernels where things go wrong: every run ends with the right numbers and at most one line about why."""

# a full disk and a compiler that is counted stand in for inner functions
# pyright: reportPrivateUsage=false

import errno
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from landsink.core import engine as engines
from landsink.core.engine import Native, Xla, build, native
from landsink.core.errors import EngineError
from landsink.core.model import Model
from landsink.core.process import Process, Scalar, param
from landsink.core.run import simulate
from landsink.core.step import Euler
from landsink.core.windows import Windows
from tests.house import tree

CC = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
pytestmark = pytest.mark.skipif(CC is None, reason="there is no C compiler here")
SOURCE = "double answer(double x) { return 2.0 * x + %d; }\n"
PATIENCE = 60.0


class Soil(Process):
    """One stock; `odd` makes its C text, and so its kernels, differ from test to test."""

    rate: Scalar = param(0.1, per="yr", bounds=(0.01, 1.0), doc="decay rate")
    odd: int = eqx.field(static=True, default=0)

    def __call__(self, cSoilYoung: Scalar, tas: Scalar) -> dict[str, Scalar]:
        pace = self.rate * jnp.exp(0.07 * (tas - 283.0 - 0.001 * self.odd))
        return {"cSoilYoung -> atmosphere : rh": pace * cSoilYoung}


class Turned(Process):
    """A step with an operation that no kernel knows."""

    def __call__(self, cSoilYoung: Scalar, tas: Scalar) -> dict[str, Scalar]:
        return {"cSoilYoung -> atmosphere : rh": 1e-9 * jnp.arctan2(tas, 280.0) * cSoilYoung}


class Summed(Process):
    """A step that is not made of single numbers."""

    def __call__(self, cSoilYoung: Scalar, tas: Scalar) -> dict[str, Scalar]:
        parts = jnp.cumsum(jnp.stack([1e-9 * tas / 280.0, 1e-9 * tas / 290.0]))
        return {"cSoilYoung -> atmosphere : rh": parts[1] * cSoilYoung}


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A cache of the test's own, and an engine that has met nothing yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(native, "_targets", {})
    monkeypatch.setattr(native, "_refused", [])
    forget()
    yield
    forget()


def forget() -> None:
    """What is known of compilers, and what has been said."""
    build.compiler.cache_clear()
    build.say_once.cache_clear()


def results(engine: Any, odd: int) -> list[np.ndarray]:
    """What a run gives, its gradient, and its slope."""
    model, days, cells = Model.of(Soil(odd=odd)), 60, 11
    forcing = {
        "tas": jnp.linspace(270.0, 290.0, days * cells).reshape(days, cells),
        "dt": jnp.full((days, 1), 86400.0),
    }
    windows, start = Windows.blocks(days, 30), {"cSoilYoung": jnp.full(cells, 5.0)}

    def rh(rate: Any) -> Any:
        made = model.with_parameters({"Soil.rate": rate})
        return simulate(made, Euler(), start, forcing, ("rh",), windows, engine=engine)[0]["rh"]

    rate = jnp.full(cells, 3e-9)
    back = jax.jit(jax.grad(lambda r: 1e9 * jnp.sum(rh(r) ** 2)))
    slope = jax.jit(lambda r: jax.jvp(rh, (r,), (r,))[1])
    return [np.asarray(f(rate)) for f in (jax.jit(rh), back, slope)]


def agree(odd: int) -> None:
    """Native gives what XLA gives, forward and backward."""
    for found, expected in zip(results(Native("float64"), odd), results(Xla(), odd), strict=True):
        assert np.max(np.abs(found - expected)) <= 1e-10 * np.max(np.abs(expected))


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name == "landsink"]


def answer(number: int) -> float:
    """What a small library gives, built or found."""
    function = build.library(SOURCE % number)[0].answer
    function.argtypes, function.restype = (build.ctypes.c_double,), build.ctypes.c_double
    return function(20.0) - 40.0


def kept() -> list[Path]:
    """Libraries in the cache, but for the one that tries the compiler."""
    trial = [
        build._sound(p) and b"landsink_trial" in p.read_bytes() for p in sorted(build.folder().glob("*.so"))
    ]
    return [p for p, t in zip(sorted(build.folder().glob("*.so")), trial, strict=True) if not t]


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The C texts that were compiled, as they come."""
    seen: list[str] = []
    before = build._compile

    def counted(made_by: Any, source: str, private: Path) -> Path:
        seen.append(source)
        return before(made_by, source, private)

    monkeypatch.setattr(build, "_compile", counted)
    return seen


def wrapper(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A compiler that does what the script says first; `$text` is the C file, `$made` what is to be made."""
    made = folder / "odd-cc"
    find = 'for w; do case "$w" in *.c) text="$w";; *.so) made="$w";; esac; done\n'
    made.write_text(f'#!/bin/sh\n{find}{script}\nexec {CC} "$@"\n')
    made.chmod(0o755)
    monkeypatch.setenv("CC", str(made))
    monkeypatch.setattr(build, "_candidates", lambda: [(str(made),)])


# --- the cache -------------------------------------------------------------------------------------------------


def test_what_was_built_is_found_again(compilations: list[str]) -> None:
    assert answer(1) == 1.0
    assert len(compilations) == 2  # the compiler's trial, and the library
    forget()
    assert answer(1) == 1.0
    assert len(compilations) == 2


def other_system(path: Path) -> None:
    """Whole and sound, and nothing that loads here."""
    path.unlink()
    path.write_bytes(b"made elsewhere")
    path.with_suffix(".sha256").write_text(build.hashlib.sha256(b"made elsewhere").hexdigest())


def rewritten(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        held = path.read_bytes()
        path.unlink()  # what a process has loaded must not change under it
        path.write_bytes(change(held))

    return damage


DAMAGES: dict[str, Callable[[Path], object]] = {
    "truncated": rewritten(lambda held: held[: len(held) // 2]),
    "empty": rewritten(lambda held: b""),
    "one byte changed": rewritten(lambda held: held[:5000] + bytes([held[5000] ^ 255]) + held[5001:]),
    "no checksum": lambda path: path.with_suffix(".sha256").unlink(),
    "a checksum that is no text": lambda path: path.with_suffix(".sha256").write_bytes(b"\xff\xfe"),
    "of another system": other_system,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_copy_is_built_anew(damage: str, compilations: list[str]) -> None:
    assert answer(2) == 2.0
    (path,) = kept()
    DAMAGES[damage](path)
    compilations.clear()
    assert answer(2) == 2.0
    assert len(compilations) == 1
    assert build._sound(path)


def folder_that_is_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))


def folder_without_leave(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = build.folder()
    place.mkdir(parents=True)
    place.chmod(0o500)
    if os.access(place, os.W_OK):
        pytest.skip("this user may write everywhere")


def full_when_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(build.os, "replace", full)


def full_when_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = os.fdopen

    def half(handle: int, *mode: Any, **more: Any) -> Any:
        os.close(handle)
        return before(os.open("/dev/full", os.O_WRONLY), *mode, **more)

    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    put = build._put

    def on_a_full_disk(path: Path, data: bytes) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(build.os, "fdopen", half)
            put(path, data)

    monkeypatch.setattr(build, "_put", on_a_full_disk)


@pytest.mark.parametrize(
    "hinder",
    [
        folder_that_is_a_file,
        *(pytest.param(h, marks=pytest.mark.slow) for h in (folder_without_leave, full_when_named)),
        full_when_written,
    ],
)
def test_without_a_cache_the_numbers_are_right_and_one_line_says_so(
    hinder: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:  # fmt: skip
    hinder(monkeypatch, tmp_path)
    agree(100 + len(hinder.__name__))
    (said,) = lines(caplog)
    assert "cannot be kept" in said
    assert str(build.folder()) in said
    held = list(build.folder().iterdir()) if build.folder().is_dir() else []
    assert not held, "a half file was left behind"


def test_no_room_for_temporary_files_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(build.tempfile, "TemporaryDirectory", full)
    assert isinstance(engines.choose("native", "float64", Model.of(Soil()), Euler()), Xla)
    (said,) = lines(caplog)
    assert "No space left" in said
    assert "TMPDIR" in said


# --- several at once, and killed ----------------------------------------------------------------------------------

BUILDER = """
import sys, time
from pathlib import Path
from landsink.core.engine import build
from tests.engine.test_build import answer
folder, number = Path(sys.argv[1]), int(sys.argv[2])
(folder / f"ready{sys.argv[3]}").write_text("")
while not (folder / "go").exists():
    time.sleep(0.001)
print(answer(number))
"""


def builder(folder: Path, number: int, name: str) -> subprocess.Popen[str]:
    """A process that builds a library when it is told to."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(tree.SOURCE.parent), str(tree.ROOT)])}
    words = [sys.executable, "-c", BUILDER, str(folder), str(number), name]
    pipe = subprocess.PIPE
    return subprocess.Popen(words, env=env, cwd=tree.ROOT, stdout=pipe, stderr=pipe, text=True)


def wait_for(there: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.02)


@pytest.mark.slow
def test_two_processes_build_the_same_at_once(tmp_path: Path, compilations: list[str]) -> None:
    both = [builder(tmp_path, 3, name) for name in "ab"]
    wait_for(lambda: all((tmp_path / f"ready{name}").exists() for name in "ab"))
    (tmp_path / "go").write_text("")
    said = [p.communicate(timeout=PATIENCE) for p in both]
    assert [out.strip() for out, _ in said] == ["3.0", "3.0"], said
    names = {p.name for p in build.folder().iterdir()}
    assert {n.partition(".")[2] for n in names} == {"so", "sha256"}, "parts were left behind"
    assert answer(3) == 3.0
    assert not compilations, "what the two left is found again"


def test_a_process_killed_while_it_builds_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, pid = tmp_path / "part", tmp_path / "pid"
    stall = f"head -c 5000 {CC} > $made; echo $$ > {part}; mv {part} {pid}; sleep 600"
    wrapper(tmp_path, monkeypatch, f'if grep -q "+ 4;" "$text" 2>/dev/null; then {stall}; fi')
    one = builder(tmp_path, 4, "a")
    (tmp_path / "go").write_text("")
    wait_for(lambda: (tmp_path / "pid").exists())
    one.kill()
    os.killpg(
        int((tmp_path / "pid").read_text()), signal.SIGKILL
    )  # the stalled compiler, which outlived its master
    one.communicate()
    assert one.returncode == -signal.SIGKILL
    assert not kept()
    assert all(build._sound(p) for p in build.folder().glob("*.so"))
    (tmp_path / "odd-cc").write_text(f'#!/bin/sh\nexec {CC} "$@"\n')
    assert answer(4) == 4.0


def test_a_compiler_that_takes_too_long_is_ended_with_all_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stall = f"sleep 600 & echo $! > {tmp_path}/pid; wait"
    wrapper(tmp_path, monkeypatch, f'if grep -q "+ 5;" "$text" 2>/dev/null; then {stall}; fi')
    build.compiler()
    monkeypatch.setattr(build, "PATIENCE", 1.0)
    with pytest.raises(EngineError, match=r"more than 1 seconds.*landsink doctor"):
        answer(5)
    child = Path("/proc") / (tmp_path / "pid").read_text().strip() / "stat"

    def ended() -> bool:  # gone, or dead and not yet fetched by its new parent
        try:
            return child.read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            return True

    wait_for(ended)


# --- compilers that fail or are not there ------------------------------------------------------------------------


def chosen_twice(model: Model) -> None:
    for _ in range(2):
        assert isinstance(engines.choose("native", "float32", model, Euler()), Xla)


def test_without_any_compiler_it_is_xla_and_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda name: None)
    chosen_twice(Model.of(Soil()))
    (said,) = lines(caplog)
    assert "xla instead of native" in said
    assert "neither cc on PATH nor the ziglang wheel" in said
    assert "pip install" in said


@pytest.mark.parametrize("when", ["$w", "-shared"], ids=["always", "only when it should build"])
def test_a_compiler_that_fails_is_no_compiler(
    when: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fail = f'for w; do [ "$w" = "{when}" ] && {{ echo "fatal error: no licence" >&2; exit 1; }}; done'
    wrapper(tmp_path, monkeypatch, fail)
    chosen_twice(Model.of(Soil()))
    (said,) = lines(caplog)
    assert "no licence" in said
    assert "odd-cc" in said


def test_a_broken_compiler_gives_way_to_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert CC is not None
    monkeypatch.setattr(build, "_candidates", lambda: [("false",), (CC,)])
    assert build.compiler().command == (CC,)


def test_a_compiler_that_does_not_know_this_processor_is_asked_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse = 'for w; do case "$w" in -march=*|-mcpu=*) echo "error: $w unsupported" >&2; exit 1;; esac; done'
    wrapper(tmp_path, monkeypatch, refuse)
    assert build.compiler().target == ()
    agree(200)


def test_on_another_device_it_is_xla(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    chosen_twice(Model.of(Soil()))
    (said,) = lines(caplog)
    assert "computes on gpu" in said


@pytest.mark.parametrize(("process", "operation"), [(Turned(), "atan2"), (Summed(), "on arrays")])
def test_an_unknown_operation_is_named_with_its_line(
    process: Process, operation: str, caplog: pytest.LogCaptureFixture
) -> None:
    chosen_twice(Model.of(process))
    (said,) = lines(caplog)
    assert operation in said
    text = Path(__file__).read_text().splitlines()
    at = int(said.rpartition("test_build.py:")[2].partition(")")[0])
    assert f"jnp.{'arctan2' if operation == 'atan2' else ''}" in text[at - 1]


@pytest.mark.parametrize("failure", ["crashes", "is killed"])
def test_a_compiler_that_fails_later_leaves_the_run_to_xla(
    failure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:  # fmt: skip
    end = {"crashes": 'echo "internal compiler error" >&2; exit 4', "is killed": "kill -9 $$"}[failure]
    note = f"echo once >> {tmp_path}/asked"
    wrapper(tmp_path, monkeypatch, f'if grep -q landsink_call "$text" 2>/dev/null; then {note}; {end}; fi')
    engine = engines.choose("native", "float64", Model.of(Soil()), Euler())
    assert isinstance(engine, Native)
    agree(300 + len(failure))
    (said,) = lines(caplog)
    assert "xla for what is not compiled yet" in said
    assert "odd-cc" in said
    assert "landsink doctor" in said
    assert (tmp_path / "asked").read_text().split() == ["once"], "it was asked again"


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="the ziglang wheel is not installed")
def test_ziglang_builds_what_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    zig = (sys.executable, "-m", "ziglang", "cc")
    monkeypatch.setattr(build, "_candidates", lambda: [zig])
    assert build.compiler().command == zig
    agree(400)
