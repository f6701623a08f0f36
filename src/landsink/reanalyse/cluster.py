"""Tiles on a dask.distributed cluster: each is sent, computed there and brought back; workers need no folder."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from landsink.core.errors import DataError
from landsink.core.late import Late

dask = Late("dask")

# A scheduler that does not answer in this time is not there.
ANSWER_SECONDS = 10.0
# A cluster may have no worker for so long, as while its workers are started anew.
PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 1.0
PAUSE_SECONDS = 0.02
# A tile with its forcing is large, and meant to be.
LARGE = {"distributed.admin.large-graph-warning-threshold": "10GB"}

Tile = dict[str, np.ndarray]


class ClusterLost(DataError):
    """The cluster cannot be reached, or no more. What it had brought back is kept: the work may go on later."""


def computed(
    address: str,
    compute: Callable[[Any], Tile],
    part: Callable[[slice], Any],
    tiles: Sequence[slice],
    patience: float = PATIENCE_SECONDS,
) -> Iterator[tuple[slice, Tile]]:
    """Tiles as the workers of the scheduler at `address` finish them, in any order.

    Two tiles a worker are under way, so that memory does not grow with the map. A tile whose worker dies is given to
    another. Raises ClusterLost where the scheduler is gone, or has had no worker for `patience` seconds.
    """
    client, waiting, begun = _client(address), deque(tiles), {}
    try:
        watch = Watch(client, address, patience)
        while waiting or begun:
            count = watch.workers()
            while waiting and len(begun) < 2 * count:
                tile = waiting.popleft()
                with dask.config.set(LARGE):
                    begun[client.submit(compute, part(tile), pure=False)] = tile
            done = [future for future in begun if future.done()]
            for future in done:
                yield begun.pop(future), _result(future, address)
            if not done:
                time.sleep(PAUSE_SECONDS)
    finally:
        # What was begun and is wanted no more is taken back with the client.
        client.close(ANSWER_SECONDS)


def _client(address: str) -> Any:
    try:
        from distributed import Client  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError:
        raise DataError(
            f"Tiles shall run at {address}, and dask.distributed is not installed.",
            "It, for a cluster.",
            "pip install 'landsink[cluster]', or name no scheduler.",
        ) from None
    try:
        return Client(address, timeout=ANSWER_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise _lost(address) from error


def _lost(address: str) -> ClusterLost:
    return ClusterLost(
        f"The dask scheduler at {address} does not answer.", "A scheduler, as 'dask scheduler' starts it."
    )


@dataclass
class Watch:
    """Looks now and then whether a cluster is still there."""

    client: Any
    address: str
    patience: float
    _count: int = 0
    _looked: float = float("-inf")
    _seen: float = field(default_factory=time.monotonic)

    def workers(self) -> int:
        """Workers at hand; ClusterLost where the scheduler is gone, or has had none for too long."""
        if self.client.status != "running":
            raise _lost(self.address)
        moment = time.monotonic()
        if moment - self._looked < LOOK_SECONDS and self._count:
            return self._count
        try:
            self._count, self._looked = len(self.client.nthreads()), moment
        except (OSError, RuntimeError) as error:
            raise _lost(self.address) from error
        if self._count:
            self._seen = moment
        elif moment - self._seen > self.patience:
            raise ClusterLost(
                f"The dask scheduler at {self.address} has had no worker for {self.patience:.0f} s.",
                "At least one, as 'dask worker' starts it.",
            )
        return self._count


def _result(future: Any, address: str) -> Tile:
    from distributed import CancelledError, KilledWorker  # noqa: PLC0415 - an optional extra

    try:
        return future.result(ANSWER_SECONDS)
    except KilledWorker as error:
        raise DataError(
            f"Every worker of {address} that took a tile died of it.",
            "Memory for a tile on each worker.",
            "Give workers more memory, or make 'map.tile' smaller.",
        ) from error
    except ModuleNotFoundError as error:
        raise DataError(
            f"The workers of {address} lack '{error.name}'.",
            "The same landsink as here.",
            "Install it there.",
        ) from error
    except (CancelledError, OSError) as error:
        raise _lost(address) from error
