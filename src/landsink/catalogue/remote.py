"""A portal elsewhere: its items, its releases as lazy Datasets, its files with their checksum held to."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from obstore.store import HTTPStore
from zarr.storage import ObjectStore

from landsink.core.errors import DataError, UnknownName
from landsink.core.home import home
from landsink.core.late import Late

# Half of what a server answers needs no labelled arrays, and they take a second to load.
xr = Late("xarray")

ENDINGS = {"csv": ".csv", "netcdf": ".nc"}
PATIENCE = httpx.Timeout(30.0, read=120.0)


@dataclass(frozen=True)
class Portal:
    """A portal by its address, as https://portal.example; `token` opens what is not free to all."""

    address: str
    token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise DataError(f"'{self.address}' is no address of a portal.", "One as https://portal.example.")

    def item(self, name: str) -> dict[str, Any]:
        """The item of an identifier, the beginning of one, or a DOI. UnknownName where the portal has none."""
        answer = self._ask(f"/api/objects/{quote(name, safe='')}")
        return answer.json()

    def gridded(self, name: str) -> bool:
        """Whether an object is a gridded product, whose values can be read by part."""
        try:
            self._ask(f"/api/products/{quote(name, safe='')}")
        except UnknownName:
            return False
        return True

    def release(self, name: str, layout: str) -> xr.Dataset:
        """A layout of a gridded product; nothing but its metadata is read before values are asked for."""
        address = f"{self.address.rstrip('/')}/zarr/{quote(name, safe='')}/{layout}"
        options: dict[str, Any] = {"allow_http": True}
        if self.token:
            options["default_headers"] = {"authorization": f"Bearer {self.token}"}
        return xr.open_zarr(ObjectStore(HTTPStore.from_url(address, client_options=options), read_only=True))

    def file(self, item: dict[str, Any]) -> Path:
        """The bytes of an object, kept below LANDSINK_HOME under their SHA-256, and held to it."""
        wanted = item["properties"].get("landsink:sha256", "")
        ending = ENDINGS.get(item["properties"].get("landsink:format", ""), "")
        if not wanted or not ending:
            raise DataError(
                f"'{item['id']}' is no single file.",
                "A table or a NetCDF file.",
                f"See its page: {self.page(item)}",
            )
        place = home() / "fetched" / f"{wanted}{ending}"
        if not place.exists():
            self._fetch(item["id"], place, wanted)
        return place

    def page(self, item: dict[str, Any]) -> str:
        """Where an object's landing page stands."""
        return f"{self.address.rstrip('/')}/objects/{item['id']}"

    def _fetch(self, name: str, place: Path, wanted: str) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        count = hashlib.sha256()
        handle, made = tempfile.mkstemp(dir=place.parent, prefix=".new-")
        try:
            way = f"/api/objects/{name}/data"
            with (
                os.fdopen(handle, "wb") as out,
                self._client() as client,
                client.stream("GET", way) as answer,
            ):
                self._checked(answer)
                for block in answer.iter_bytes():
                    count.update(block)
                    out.write(block)
            if count.hexdigest() != wanted:
                raise DataError(
                    f"The bytes of '{name}' came with the SHA-256 {count.hexdigest()}.",
                    f"{wanted}.",
                    "Fetch it again.",
                )
            os.replace(made, place)
        finally:
            Path(made).unlink(missing_ok=True)

    def _client(self) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        return httpx.Client(base_url=self.address, timeout=PATIENCE, headers=headers, follow_redirects=False)

    def _ask(self, path: str) -> httpx.Response:
        try:
            with self._client() as client:
                answer = client.get(path, headers={"accept": "application/json"})
        except httpx.HTTPError as error:
            raise DataError(
                f"{self.address} does not answer ({error or type(error).__name__}).",
                "A portal of landsink.",
                "Look at the address and the network.",
            ) from error
        self._checked(answer)
        return answer

    def _checked(self, answer: httpx.Response) -> None:
        if answer.status_code == 200:
            return
        answer.read()
        try:
            said = json.loads(answer.text)
            words = [str(said.get(key, "")) for key in ("found", "expected", "remedy")]
        except (ValueError, AttributeError):
            said, words = {}, ["", "", ""]
        found = (
            words[0] or str(said.get("detail", "")) or f"{answer.request.url} answers {answer.status_code}."
        )
        raise (UnknownName if answer.status_code == 404 else DataError)(found, words[1], words[2])
