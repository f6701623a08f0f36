"""What every answer of the portal stands on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

import pystac
from fastapi import Depends, Request

from landsink.catalogue import Catalogue
from landsink.catalogue.releases import Releases
from landsink.portal.accounts.store import Accounts
from landsink.portal.quarantine import Brought
from landsink.portal.settings import Settings
from landsink.portal.usage import Usage


@dataclass(frozen=True)
class Context:
    """The catalogue and its releases, and what the house above lends.

    `processes` may be run. `publish` makes a release of a cube that was taken in, and returns '' or, in words, why it
    cannot; it should read the cube in a process of its own.
    """

    catalogue: Catalogue
    settings: Settings = field(default_factory=Settings)
    processes: Any = None
    publish: Callable[[Catalogue, pystac.Item], str] | None = None

    @cached_property
    def accounts(self) -> Accounts:
        """Who may do what."""
        return Accounts(self.catalogue.database)

    @cached_property
    def releases(self) -> Releases:
        """The gridded products, as published."""
        return Releases(self.catalogue)

    @cached_property
    def usage(self) -> Usage:
        """How often what was asked for."""
        return Usage(self.catalogue.database)

    @cached_property
    def brought(self) -> Brought:
        """Who brought which object."""
        return Brought(self.catalogue.database)


def context(request: Request) -> Context:
    """The context of the application that answers."""
    return request.app.state.context


Here = Annotated[Context, Depends(context)]


def address(request: Request) -> str:
    """Where the portal is reached, without a slash at its end: as its owner says, or as it was asked."""
    said = request.app.state.context.settings.address
    return (said or str(request.base_url)).rstrip("/")


Address = Annotated[str, Depends(address)]
