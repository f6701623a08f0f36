"""A product that grows, kept as an Icechunk repository: each update is one commit, seen whole or not at all."""

import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.errors import GroupNotFoundError

from landsink.catalogue.store import Catalogue
from landsink.core.errors import DataError, unknown
from landsink.core.late import Late

# An extra: who keeps no such product needs none.
icechunk = Late("icechunk")

FOLDER, BRANCH = "growing", "main"
WORD = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
MONTHS_A_CHUNK = 12
TIME = {"units": "days since 1850-01-01", "calendar": "proleptic_gregorian", "dtype": "float64"}


@dataclass(frozen=True)
class State:
    """What a product was after one update: the snapshot, when it was made, what was said of it, and its tags."""

    id: str
    moment: datetime
    message: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Growing:
    """A growing product by its name, at <home>/growing/<name> or below the catalogue's store.

    Every update is one commit: whoever reads meanwhile keeps the state that he opened, and one that dies leaves the
    old. Of two who update at once one is refused. Needs the extra `icechunk`.
    """

    catalogue: Catalogue
    name: str

    def __post_init__(self) -> None:
        if not WORD.fullmatch(self.name):
            raise DataError(f"'{self.name[:80]}' is no name.", "Small letters, digits, - and _, at most 64.")
        if find_spec("icechunk") is None:
            raise DataError(
                "Icechunk is not installed.", "It, for growing products.", "pip install 'landsink[icechunk]'"
            )

    def update(self, ds: xr.Dataset, message: str = "") -> State:
        """Enter the next state: later steps are appended, steps that are there already take the values of `ds`.

        `ds` holds variables over (time, lat, lon), the same on the same grid at every update; the first makes the
        repository. `message` is kept in the history. Raises DataError where `ds` does not fit, nothing would change, or
        another update came between; nothing is changed then.
        """
        ds = _checked(ds)
        with self._alone():
            session = self._repository(make=True).writable_session(BRANCH)
            said = self._grown(ds, session) if _begun(session) else _begin(ds, session)
            try:
                session.commit(message or said, metadata={"change": said})
            except icechunk.ConflictError:
                raise self._refused() from None
        return self.history()[0]

    def open(self, at: str = "") -> xr.Dataset:
        """The product as it is now, or at a tag or snapshot; what comes later does not show in it."""
        session = self._session(at)
        if not _begun(session):
            raise DataError(f"'{self.name}' holds nothing yet.", "A first state.", "Update it.")
        return xr.open_zarr(session.store, consolidated=False)

    def history(self) -> Sequence[State]:
        """All states, the newest first."""
        repository = self._repository()
        tags: dict[str, list[str]] = {}
        for tag in sorted(repository.list_tags()):
            tags.setdefault(repository.lookup_tag(tag), []).append(tag)
        return [
            State(s.id, s.written_at, s.message, tuple(tags.get(s.id, ())))
            for s in repository.ancestry(branch=BRANCH)
            if s.parent_id
        ]

    def state(self, at: str = "") -> State:
        """One state by its tag or snapshot, the newest if not named; UnknownName where there is none."""
        states = self.history()
        for state in states:
            if at in ("", state.id, *state.tags):
                return state
        raise unknown(
            at, [w for s in states for w in (*s.tags, s.id)], f"the tags and snapshots of '{self.name}'"
        )

    def tag(self, word: str, at: str = "") -> State:
        """Give a state a name for ever. DataError where the name is given away already."""
        if not WORD.fullmatch(word):
            raise DataError(f"'{word[:80]}' is no tag.", "Small letters, digits, ., - and _, at most 64.")
        state = self.state(at)
        try:
            self._repository().create_tag(word, snapshot_id=state.id)
        except icechunk.IcechunkError:
            raise DataError(
                f"The tag '{word}' of '{self.name}' is given away.", "Another: tags never move."
            ) from None
        return self.state(word)

    # --- within

    def _grown(self, ds: xr.Dataset, session: Any) -> str:
        """Write what is new or different into a session; says what that was."""
        old = xr.open_zarr(session.store, consolidated=False)
        _fits(ds, old)
        known, time = old["time"].to_numpy(), ds["time"].to_numpy()
        later = time > known[-1]
        if lost := [str(t)[:10] for t in time[~later & ~np.isin(time, known)]]:
            raise DataError(f"{lost[0]} is not among the steps of '{self.name}'.",
                            f"Its own, {str(known[0])[:10]} to {str(known[-1])[:10]}, or later ones.")  # fmt: skip
        moving = ds[[n for n in ds.data_vars if "time" in ds[n].dims]]
        fresh, seen = moving.isel(time=later).load(), moving.isel(time=~later).load()
        changed = _different(seen, old.sel(time=seen["time"]))
        for run in np.split(changed, np.flatnonzero(np.diff(changed) > 1) + 1):
            if run.size:
                part = seen.isel(time=run)
                at = int(np.searchsorted(known, part["time"].to_numpy()[0]))
                only = part.drop_vars([n for n in part.coords if "time" not in part[n].dims])
                only.to_zarr(session.store, region={"time": slice(at, at + run.size)}, consolidated=False)
        if fresh.sizes["time"]:
            fresh.to_zarr(session.store, append_dim="time", consolidated=False)
        if not changed.size and not fresh.sizes["time"]:
            raise DataError(f"'{self.name}' holds all of this already.", "New steps, or other values.")
        return f"{fresh.sizes['time']} steps added, {changed.size} revised"

    def _session(self, at: str) -> Any:
        repository = self._repository()
        if not at:
            return repository.readonly_session(BRANCH)
        return repository.readonly_session(snapshot_id=self.state(at).id)

    def _repository(self, make: bool = False) -> Any:
        # Its warning of commits at once to a folder: here a lock keeps them apart.
        icechunk.set_logs_filter("error")
        place = self._place(make)
        try:
            return icechunk.Repository.open_or_create(place) if make else icechunk.Repository.open(place)
        except icechunk.IcechunkError as error:
            if "doesn't exist" not in str(error):
                raise DataError(
                    f"'{self.name}' cannot be opened ({str(error).splitlines()[0][:300]})."
                ) from error
            raise unknown(self.name, self._names(), "the growing products") from None

    def _place(self, make: bool) -> Any:
        if self.catalogue.store:
            bucket, _, prefix = self.catalogue.store.removeprefix("s3://").strip("/").partition("/")
            end = os.environ.get("AWS_ENDPOINT_URL", os.environ.get("AWS_ENDPOINT"))
            return icechunk.s3_storage(
                bucket=bucket, prefix="/".join(p for p in (prefix, FOLDER, self.name) if p), from_env=True,
                region=os.environ.get("AWS_REGION"), endpoint_url=end, force_path_style=end is not None,
                allow_http=bool(end and end.startswith("http://")),
            )  # fmt: skip
        path = self.catalogue.root / FOLDER / self.name
        if not make and not path.is_dir():
            raise unknown(self.name, self._names(), "the growing products")
        return icechunk.local_filesystem_storage(str(path))

    def _names(self) -> Sequence[str]:
        folder = self.catalogue.root / FOLDER
        return sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The one writer of a folder; a store sees to it itself, by conditional writes."""
        if self.catalogue.store:
            yield
            return
        folder = self.catalogue.root / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / f"{self.name}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise self._refused() from None
        finally:
            os.close(lock)

    def _refused(self) -> DataError:
        return DataError(f"Another update of '{self.name}' runs, or came between.", "One update at a time.",
                         "Nothing was changed: look at its history, and do it again.")  # fmt: skip


def _begun(session: Any) -> bool:
    """Whether anything was ever entered."""
    try:
        zarr.open_group(session.store, mode="r")
    except GroupNotFoundError:
        return False
    return True


def _begin(ds: xr.Dataset, session: Any) -> str:
    """Write the first state into a session."""
    steps = {"time": min(MONTHS_A_CHUNK, ds.sizes["time"])}
    chunks = {
        n: tuple(steps.get(str(d), ds.sizes[d]) for d in v.dims) for n, v in ds.data_vars.items() if v.dims
    }
    encoding: dict[Any, Any] = {n: {"chunks": c} for n, c in chunks.items()}
    ds.chunk(steps).to_zarr(session.store, mode="w", zarr_format=3, consolidated=False,
                            encoding=encoding | {"time": TIME})  # fmt: skip
    return f"{ds.sizes['time']} steps begun"


def _checked(ds: xr.Dataset) -> xr.Dataset:
    """A state as it may be entered, without what its file said of packing."""
    lacking = {"time", "lat", "lon"} - set(ds.coords)
    if lacking or not any({"time", "lat", "lon"} <= set(v.dims) for v in ds.data_vars.values()):
        raise DataError(f"It holds no variable over time, lat and lon ({', '.join(sorted(lacking)) or 'none'} lacks).",
                        "A cube on a grid.")  # fmt: skip
    time = ds["time"].to_numpy()
    if time.dtype.kind != "M" or len(time) == 0 or (np.diff(time) <= np.timedelta64(0)).any():
        raise DataError("Its time does not go forward, or is no time.", "Steps in order, each once.")
    return ds.drop_encoding()


def _fits(ds: xr.Dataset, old: xr.Dataset) -> None:
    """DataError where a next state differs from the old in more than its steps and values."""
    for what, new, known in (("variables", set(ds.variables), set(old.variables)),
                             ("units", _units(ds), _units(old))):  # fmt: skip
        if new != known:
            apart = ", ".join(sorted(map(str, new ^ known)))
            raise DataError(
                f"The {what} differ: {apart}.",
                "Those that it began with.",
                "Another name for another product.",
            )
    for name in old.variables:
        if old[name].dtype != ds[name].dtype or old[name].dims != ds[name].dims:
            raise DataError(f"'{name}' is {ds[name].dtype} over {ds[name].dims}.",
                            f"{old[name].dtype} over {old[name].dims}, as it began.")  # fmt: skip
        if "time" not in old[name].dims and not old[name].variable.equals(ds[name].variable):
            raise DataError(f"'{name}' has other values than it began with.", "The same grid and fixed fields.",
                            "Another name for another product.")  # fmt: skip


def _units(ds: xr.Dataset) -> set[tuple[str, str]]:
    return {(str(n), str(v.attrs.get("units", ""))) for n, v in ds.data_vars.items()}


def _different(new: xr.Dataset, old: xr.Dataset) -> np.ndarray:
    """Numbers of the steps at which any variable has other values."""
    found = np.zeros(new.sizes["time"], bool)
    for name, values in new.data_vars.items():
        a, b = (v.transpose("time", ...).to_numpy() for v in (values, old[name]))
        same = (a == b) | ((a != a) & (b != b))
        found |= ~same.all(tuple(range(1, same.ndim)))
    return np.flatnonzero(found)
