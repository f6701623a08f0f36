"""What an owner of a portal may set."""

from dataclasses import dataclass, field
from importlib.resources import files
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from landsink.core.errors import DataError

HOME = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Settings:
    """How a portal behaves.

    `open_jobs`: anybody may submit runs, as on one's own machine; it holds only where the portal listens on this
    machine alone, no proxy brings others to it, and nobody has an account. `open_reads`: anybody may read. `page`: the
    built map. `per_minute`: requests of one address; 0 for no limit. `proxies`: addresses and networks of the proxies
    before it, whose word on who asks is believed; nobody else's is. `hosts`: names under which the portal may be
    asked; none given means those of this machine where it listens there alone, and any elsewhere. `address`: where
    others reach it, as https://carbon.example.org, for links; the address that was asked if not given. `body`: most
    bytes of a question. `patience`: seconds that a sender may be silent; `slowest`: least bytes a second of an upload.
    `keep_hours`: how long an upload that nobody finishes is kept; `uploads`: most of them at once for an account.
    """

    host: str = "127.0.0.1"
    port: int = 8350
    open_jobs: bool = True
    open_reads: bool = True
    per_minute: int = 0
    page: Path = field(default_factory=lambda: Path(str(files("landsink.portal") / "page")))
    hosts: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    address: str = ""
    body: int = 2 << 20
    patience: float = 30.0
    slowest: int = 1024
    keep_hours: float = 24.0
    uploads: int = 10

    def __post_init__(self) -> None:
        for said in self.proxies:
            try:
                if not ip_network(said).prefixlen:
                    raise ValueError("it is all the world")
            except ValueError as error:
                raise DataError(
                    f"'{said}' is no address of a proxy ({error}).",
                    "Addresses or networks, as 10.0.0.2 or 10.0.0.0/24, parted by commas.",
                    "Name the proxies by address with --proxies, not by name.",
                ) from None

    @property
    def loopback(self) -> bool:
        """Whether it listens on this machine alone."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def local(self) -> bool:
        """Whether only this machine can ask: no proxy, and no name of the world's, brings others to it."""
        named = {*self.names, urlsplit(self.address).hostname or self.host}
        return self.loopback and not self.proxies and named <= {*HOME, self.host}

    @property
    def names(self) -> tuple[str, ...]:
        """Names under which it may be asked; none for any."""
        if self.hosts or not self.loopback:
            return self.hosts
        public = urlsplit(self.address).hostname
        return (*HOME, self.host, *((public,) if public else ()))
