"""Connections that never finish asking: they end after a while, whatever they trickle."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Bytes that a question may take before its headers end.
LONGEST = 64 << 10


class Patient(HttpToolsProtocol):
    """HTTP as uvicorn speaks it; but the headers of a question come within `seconds`, and within 64 KiB.

    Time runs from the connection, or from the first byte behind an answer: what trickles behind one that was refused
    is no question, and holds nothing open.
    """

    seconds = 30.0
    _ends: asyncio.TimerHandle | None = None
    _seen = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        if self._idle:
            if self._ends is None:
                self._wait()
            if self._seen > LONGEST:
                self._over()
                return
            self._seen += len(data)
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._asked()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._asked()
        super().connection_lost(exc)

    @property
    def _idle(self) -> bool:
        """Whether no question is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _wait(self) -> None:
        self._seen = 0
        self._ends = asyncio.get_running_loop().call_later(self.seconds, self._over)

    def _asked(self) -> None:
        if self._ends is not None:
            self._ends.cancel()
            self._ends = None

    def _over(self) -> None:
        self._ends = None
        if self._idle and not self.transport.is_closing():
            self.transport.close()


def patient(seconds: float) -> type[Patient]:
    """The protocol with another patience."""
    return type("Patient", (Patient,), {"seconds": seconds})
