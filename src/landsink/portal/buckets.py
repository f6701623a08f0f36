"""Token buckets: how often one address, or one name, may ask."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any

# So many addresses are remembered; the one that was silent longest is forgotten first.
MOST = 20_000


def asker(scope: Mapping[str, Any]) -> str:
    """Whose questions are counted together: an address as the system sees it, whatever headers say.

    Of IPv6 the first 64 bits, since whoever has one such address has all of them.
    """
    said = str((scope.get("client") or ("",))[0])
    try:
        found = ip_address(said.partition("%")[0])
    except ValueError:
        return said
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or IPv6Network((int(found), 64), strict=False))


@dataclass
class Buckets:
    """A bucket for each key holds `size` questions and fills with `per_minute`. Safe for threads."""

    per_minute: float
    size: float
    clock: Callable[[], float] = time.monotonic
    _held: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, key: str) -> float:
        """Take one question; 0 where it is there, else the seconds until it would be."""
        moment = self.clock()
        with self._lock:
            left, since = self._held.pop(key, (self.size, moment))
            left = min(self.size, left + (moment - since) * self.per_minute / 60)
            wait = 0.0 if left >= 1 else (1 - left) * 60 / self.per_minute
            self._held[key] = (left - 1 if left >= 1 else left, moment)
            while len(self._held) > MOST:
                self._held.popitem(last=False)
        return wait
