"""Which names and which places were asked for; what is not there is said with its near misses."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import xarray as xr

from landsink.core.errors import DataError, near, unknown
from landsink.sources.column import COMPANIONS


def asked(names: Sequence[str] | None, gives: Collection[str], source: str) -> tuple[str, ...]:
    """The names asked for (all when None); `UnknownName` for one that the source never gives."""
    for name in names or ():
        if name not in gives:
            raise unknown(name, gives, f"what {source} gives ({', '.join(gives)})")
    return tuple(gives if names is None else names)


def pick(ds: xr.Dataset, names: Sequence[str] | None, gives: Collection[str], source: str) -> xr.Dataset:
    """The variables asked for, each with its error and withheld flag where there are any.

    Raises `UnknownName` for a name that the source never gives and `DataError` for one that these files lack.
    """
    wanted = asked(names, gives, source)
    if names is not None:
        absent(wanted, [str(name) for name in ds.variables], source)
    present = [name for name in wanted if name in ds.data_vars]
    extra = [name + mark for name in present for mark in COMPANIONS if name + mark in ds.data_vars]
    return ds[present + extra]


def absent(wanted: Iterable[str], known: Collection[str], source: str) -> None:
    """Raise `DataError` when one of the names asked for has no column in these files."""
    lacking = [name for name in wanted if name not in known]
    if lacking:
        raise DataError(
            f"{source}: no column for {', '.join(lacking)} in these files.",
            f"They hold {', '.join(sorted(known))}.",
            "Ask for fewer names, name another source for these, or read half hours (tasmin, tasmax of towers).",
        )


def places(wanted: Sequence[str] | None, known: Sequence[str], source: str) -> list[str]:
    """The sites asked for, in the order asked; all known ones when None."""
    for name in wanted or ():
        if name not in known:
            raise unknown(name, known, f"the {len(known)} sites of {source}")
    return list(known if wanted is None else wanted)


def cells(wanted: Sequence[str] | None, known: int, source: str) -> list[int]:
    """The cell numbers asked for ('0' … 'known - 1'); all when None."""
    if wanted is None:
        return list(range(known))
    strange = [str(cell) for cell in wanted if not str(cell).isdecimal() or int(cell) >= known]
    if strange:
        raise DataError(
            f"{source}: no cell {', '.join(strange)}.",
            f"Cells are numbered 0 … {known - 1}.",
        )
    return [int(cell) for cell in wanted]


def option(value: str, allowed: Collection[str], setting: str) -> None:
    """Raise `UnknownName` unless a source's setting has one of the values that it may have."""
    if value not in allowed:
        raise unknown(value, allowed, f"what {setting} may be ({', '.join(allowed)})")


def present(path: Path, source: str) -> Path:
    """The path, if something is there; otherwise `DataError` with what lies beside it."""
    if path.exists():
        return path
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    raise DataError(
        f"{source}: nothing at {path}.",
        near(path.name, beside),
        "Set LANDSINK_DATA or --data to the folder that holds the data.",
    )
