"""The C step (`step.c`): built by the system's compiler into a temporary folder, called through ctypes."""

import ctypes
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from landsink.core.errors import LandsinkError

from .named import Arrays, Inputs

HERE = Path(__file__).parent
Precision = Literal["float32", "float64"]
# -ffast-math only when compiling: at the link it would change how the whole process rounds tiny numbers. Its reordering
# of sums gains nothing here, and would take from 1 - exp(-x) the digits of a small x.
COMPILE = ("-std=gnu11", "-O3", "-march=native", "-ffast-math", "-fno-associative-math", "-fPIC")
# The first that the compiler takes. Divisions and roots run beside the rest here, so that exact ones cost less than
# approximations with Newton's steps (-mrecip, which x86's -ffast-math brings).
CHOICES = (
    (("-fopenmp", "-mno-recip"), ("-fopenmp",)),
    (("-fopenmp",), ("-fopenmp",)),
    (("-fopenmp-simd", "-DOPENMP_SIMD"), ()),
)
LISTS = ("parameters", "state", "series", "means")
LONG = ctypes.c_long
Pointers = ctypes.POINTER(ctypes.c_void_p)


class NoCompiler(LandsinkError):
    """There is no C compiler, or it cannot build the reference."""


class _Task(ctypes.Structure):
    """`struct task` of step.h, field by field."""

    _fields_ = (
        ("cells", LONG), ("steps", LONG), ("ends", ctypes.c_void_p), ("parameters", Pointers), ("start", Pointers),
        ("series", Pointers), ("columns", ctypes.c_void_p), ("lat", ctypes.c_void_p), ("dt", ctypes.c_void_p),
        ("day", ctypes.c_void_p), ("day_columns", LONG), ("means", Pointers), ("end", Pointers),
    )  # fmt: skip


@dataclass(frozen=True)
class Library:
    """The compiled step of one precision, and the names that it takes and gives."""

    code: ctypes.CDLL
    names: dict[str, list[str]]
    threads: int


def compiler() -> str | None:
    """The C compiler: `CC` where it is set, else the system's; None where there is none."""
    return shutil.which(os.environ.get("CC") or "cc") or shutil.which("gcc")


@cache
def build(precision: Precision) -> Library:
    """Compile and load; `NoCompiler` where that cannot be. Without OpenMP the library runs on one thread."""
    cc = compiler()
    if cc is None:
        raise NoCompiler("there is no C compiler.", "cc or gcc on PATH, or CC set to one.")
    single = ["-DSINGLE"] if precision == "float32" else []
    # the library stays loaded when its file is gone
    with tempfile.TemporaryDirectory(prefix="landsink-reference-") as folder:
        path = Path(folder) / "step.so"
        wrong = ""
        for flags, link in CHOICES:
            wrong = _compile(cc, path, (*single, *flags), link)
            if not wrong:
                break
        else:
            raise NoCompiler(f"{cc} cannot build the reference: {wrong}.", "A compiler that reads GNU C.")
        code = ctypes.CDLL(str(path))
    code.reference_names.restype = ctypes.c_char_p
    code.reference_run.argtypes = (ctypes.POINTER(_Task), ctypes.c_int)
    names = {kind: code.reference_names(i).decode().split() for i, kind in enumerate(LISTS)}
    return Library(code, names, max(code.reference_threads(), 1))


def _compile(cc: str, path: Path, flags: tuple[str, ...], link: tuple[str, ...]) -> str:
    """An empty string, or what the compiler complains of."""
    part = path.with_suffix(".o")
    for command in (
        [cc, *COMPILE, *flags, "-c", str(HERE / "step.c"), "-o", str(part)],
        [cc, "-shared", *link, str(part), "-o", str(path), "-lm"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return done.stderr.strip()[-500:]
    return ""


class Native:
    """A run made ready: arrays in the step's precision, laid out once, to be run and timed again and again."""

    def __init__(self, inputs: Inputs, precision: Precision = "float64") -> None:
        self.library = build(precision)
        self._kept: list[object] = []
        names, dtype = self.library.names, np.dtype(precision)
        windows, cells = inputs.ends.size, inputs.cells
        self.means = {n: np.zeros((windows, cells)) for n in names["means"]}
        self.end = {n: np.zeros(cells) for n in names["state"]}
        series = [np.ascontiguousarray(inputs.series[n], dtype) for n in names["series"]]
        day = np.ascontiguousarray(inputs.series["dayOfYear"], np.float64)
        columns = np.array([s.shape[1] for s in series], LONG)
        self.task = _Task(
            cells, inputs.steps, self._hold(inputs.ends.astype(LONG)),
            self._table([inputs.parameters[n].astype(dtype) for n in names["parameters"]]),
            self._table([inputs.state[n].astype(float) for n in names["state"]]),
            self._table(series), self._hold(columns), self._hold(inputs.lat.astype(dtype)),
            self._hold(inputs.dt.astype(dtype)), self._hold(day), day.shape[1],
            self._table(list(self.means.values())), self._table(list(self.end.values())),
        )  # fmt: skip

    def run(self, threads: int = 1) -> tuple[Arrays, Arrays]:
        """Means over windows (window, cell) and the state that is left (cell,), by name; overwritten by the next run.

        Raises `LandsinkError` where memory runs out or there are not so many threads.
        """
        if threads > 1 and self.library.threads == 1:
            raise LandsinkError(
                f"{threads} threads.", "One: the reference was built without OpenMP, or has one core."
            )
        if self.library.code.reference_run(ctypes.byref(self.task), threads):
            raise LandsinkError("memory ran out in the C reference.", remedy="Run fewer cells.")
        return self.means, self.end

    def _hold(self, array: np.ndarray) -> int:
        """The address of an array that lives as long as this run."""
        self._kept.append(array)
        return array.ctypes.data

    def _table(self, arrays: list[np.ndarray]) -> "ctypes.Array[ctypes.c_void_p]":
        return (ctypes.c_void_p * len(arrays))(*(self._hold(a) for a in arrays))
