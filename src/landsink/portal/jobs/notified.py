"""Procrastinate as the bell between portal and workers: PostgreSQL notifies, and nobody asks in between.

The queue itself stays in our own tables, which are the same with and without it.
"""

import threading
from dataclasses import dataclass, field
from typing import Any

from landsink.catalogue.database import Database, address
from landsink.core.errors import DataError

try:
    import procrastinate
    import psycopg
    from procrastinate.exceptions import ConnectorException
except ModuleNotFoundError:
    # An extra: who never asks for a bell needs none.
    procrastinate = None

NAME = "landsink"


@dataclass
class Bell:
    """Rings at every job that is put in; `wait` sleeps until it does. Both on one PostgreSQL, from any machine."""

    database: Database
    _rung: threading.Event = field(default_factory=threading.Event)

    def ring(self) -> None:
        """Tell the workers that there is work."""
        with self._application(
            procrastinate.SyncPsycopgConnector(conninfo=self._where)
        ).open() as application:
            application.configure_task(NAME, queue=NAME, lock=NAME).defer()

    def wait(self, seconds: float) -> bool:
        """Sleep until the bell rings, at most so long; whether it rang."""
        rung = self._rung.wait(seconds)
        self._rung.clear()
        return rung

    def prepare(self) -> None:
        """Make procrastinate's own tables where there are none."""
        application = self._application(procrastinate.SyncPsycopgConnector(conninfo=self._where))
        try:
            with application.open():
                if not application.check_connection():
                    application.schema_manager.apply_schema()
        except (ConnectorException, psycopg.Error) as error:
            raise DataError(
                f"The database {self.database.name} gives no bell ({error}).",
                "A PostgreSQL that procrastinate can use.",
                "Unset LANDSINK_QUEUE to do without.",
            ) from error

    def listen(self) -> threading.Thread:
        """Listen in a thread of its own, for as long as this process lives."""
        thread = threading.Thread(target=self._listen, name="bell", daemon=True)
        thread.start()
        return thread

    def _listen(self) -> None:
        application = self._application(procrastinate.PsycopgConnector(conninfo=self._where))
        application.run_worker(queues=[NAME], listen_notify=True, install_signal_handlers=False,
                               delete_jobs="always")  # fmt: skip

    def _application(self, connector: Any) -> Any:
        application = procrastinate.App(connector=connector)
        application.task(name=NAME, queue=NAME)(self._rung.set)
        return application

    @property
    def _where(self) -> str:
        url = address(self.database.url)
        parts = {"host": url.host, "port": url.port, "user": url.username, "password": url.password,
                 "dbname": url.database}  # fmt: skip
        return psycopg.conninfo.make_conninfo(**{k: v for k, v in parts.items() if v})
