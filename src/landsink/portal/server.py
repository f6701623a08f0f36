"""The server: a socket of one's own choice, the application on it, and the workers beside it."""

import contextlib
import errno
import socket
from collections.abc import Callable, Sequence

import uvicorn

from landsink.core.errors import DataError
from landsink.portal.app import create
from landsink.portal.context import Context
from landsink.portal.jobs.bell import bell, queue
from landsink.portal.jobs.crew import Crew
from landsink.portal.patience import patient
from landsink.portal.settings import Settings

BACKLOG = 512


def bind(settings: Settings) -> socket.socket:
    """A socket that listens where the settings say. DataError where that cannot be, with what to do."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    made = socket.socket(family)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((settings.host, settings.port))
        made.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        made.close()
        said = getattr(error, "strerror", None) or str(error)
        taken = getattr(error, "errno", None) == errno.EADDRINUSE
        remedy = f"Another server runs there, perhaps this one: say --port {settings.port + 1}, or end it."
        raise DataError(
            f"Port {settings.port} of {settings.host} cannot be used ({said}).",
            "A free port of an address of this machine.",
            remedy if taken else "Name another with --host and --port.",
        ) from error
    return made


def address(settings: Settings, bound: socket.socket) -> str:
    """Where a browser of this machine finds the server."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}"


def serve(
    context: Context, bound: socket.socket, command: Sequence[str], workers: int, ready: Callable[[], None]
) -> None:
    """Serve until the process is asked to end; `ready` is called when the first question can be answered."""
    app = create(context)
    ringing = bell(context.catalogue)
    app.state.queue = queue(context.catalogue, ring=ringing.ring if ringing else None)
    asked = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=30,
        proxy_headers=bool(context.settings.proxies),
        forwarded_allow_ips=list(context.settings.proxies),
        http=patient(context.settings.patience),
    )
    server = _Server(asked, ready)
    with bound, Crew(command, workers), contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[bound])


class _Server(uvicorn.Server):
    """A server that says when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._ready()
