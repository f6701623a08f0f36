"""What an owner of a portal may set."""

from dataclasses import dataclass, field
from importlib.resources import files
from ipaddress import ip_address
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """How a portal behaves.

    `open_jobs`: anybody may submit runs, as on one's own machine; it holds only where the portal listens on this
    machine alone and nobody has an account. `open_reads`: anybody may read. `page`: the built map. `per_minute`:
    requests of one address; 0 for no limit. `hosts`: names under which the portal may be asked; none given means those
    of this machine where it listens there alone, and any elsewhere. `address`: where others reach it, as
    https://carbon.example.org, for links; the address that was asked if not given. `body`: most bytes of a
    question. `patience`: seconds that a sender may be silent; `slowest`: least bytes a second of an upload.
    `keep_hours`: how long an upload that nobody finishes is kept; `uploads`: most of them at once for an account.
    """

    host: str = "127.0.0.1"
    port: int = 8350
    open_jobs: bool = True
    open_reads: bool = True
    per_minute: int = 0
    page: Path = field(default_factory=lambda: Path(str(files("landsink.portal") / "page")))
    hosts: tuple[str, ...] = ()
    address: str = ""
    body: int = 2 << 20
    patience: float = 30.0
    slowest: int = 1024
    keep_hours: float = 24.0
    uploads: int = 10

    @property
    def local(self) -> bool:
        """Whether only this machine can ask."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"
