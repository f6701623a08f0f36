"""The bytes of objects: files by ranges, folders and crates as zips that are written while they are sent."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import pystac
from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response, StreamingResponse

from landsink.catalogue.crate import pages
from landsink.core.errors import unknown
from landsink.portal.context import Context, Here
from landsink.portal.problems import Refusal, answers
from landsink.portal.records import Name
from landsink.portal.security import asked_by

router = APIRouter(prefix="/api", tags=["objects"])

BYTES = {"schema": {"type": "string", "format": "binary"}}
# Of the form that the object's description says, whatever that is; a folder comes as a zip.
ANY = {"application/octet-stream": BYTES, "application/zip": BYTES, "*/*": BYTES}
BLOCK = 1 << 18
# Shown where a page of ours is asked for, never run there.
APART = {"Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff"}
Part = Annotated[
    str,
    Query(
        alias="asset", max_length=64, description="Which part; the data if not given.", examples=["product"]
    ),
]


@router.get(
    "/objects/{id}/data",
    operation_id="data",
    response_class=Response,
    responses=answers(403, 404, 410, 416, 422)
    | {
        200: {
            "description": "All bytes; a folder comes as a zip.",
            "content": ANY,
        },
        206: {"description": "A part of the bytes.", "content": ANY},
        304: {"description": "They are what If-None-Match named."},
    },
)
def data(id: Name, here: Here, request: Request, part: Part = "") -> Response:
    """The bytes of an object. Files can be asked for by Range; their ETag is the SHA-256 of the content."""
    item = here.catalogue.get(id)
    key = part or _main(item)
    where = place(here, item, key)
    asset = item.assets[key]
    digest = asset.extra_fields.get("file:checksum", "")[4:]
    # The whole name of what was taken in never means other bytes; a beginning of it may, one day.
    fixed = id == item.id and "landsink:format" in item.properties
    headers = APART | {"Cache-Control": "public, max-age=31536000, immutable" if fixed else "no-cache"}
    if digest:
        headers["ETag"] = f'"{digest}"'
        if f'"{digest}"' in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
    if request.method == "GET" and request.headers.get("range", "bytes=0-").startswith("bytes=0-"):
        here.usage.count(item.id, "download", asked_by(request), request.headers.get("user-agent", ""))
    name = item.properties.get("landsink:file") or f"{item.id}-{where.name}"
    if where.is_dir():
        return _zip(_folder(where), f"{Path(name).stem}.zarr.zip", headers)
    return FileResponse(where, headers=headers, media_type=asset.media_type, filename=name)


router.add_api_route("/objects/{id}/data", data, methods=["HEAD"], include_in_schema=False)


@router.get(
    "/objects/{id}/crate",
    operation_id="crate",
    response_class=Response,
    responses=answers(404, 410, 422)
    | {200: {"description": "An RO-Crate as a zip.", "content": {"application/zip": BYTES}}},
)
def crate(id: Name, here: Here, request: Request) -> Response:
    """An object with its provenance (W3C PROV), its citations and, unless under embargo, its bytes: an RO-Crate."""
    item = here.catalogue.get(id)
    texts, parts = pages(here.catalogue, item.id)
    here.usage.count(item.id, "download", asked_by(request), request.headers.get("user-agent", ""))
    return _zip(_crate(texts, parts), f"{item.id}-crate.zip", APART)


def place(here: Context, item: pystac.Item, key: str) -> Path:
    """Where a part of an object lies. Refusal (403) while its embargo lasts, (410) where it is gone; UnknownName."""
    if until := here.catalogue.embargoed(item):
        raise Refusal(
            403,
            f"'{item.id}' is under embargo until {until:%Y-%m-%d}.",
            "",
            "Its description is free; wait for that day.",
        )
    if key not in item.assets:
        raise unknown(key, item.assets, f"the parts of '{item.id}'")
    where = here.catalogue.asset(item, key)
    if not where.exists():
        raise Refusal(
            410, f"The bytes of '{item.id}' are gone.", "", "'landsink verify' tells its keeper more."
        )
    return where


def _main(item: pystac.Item) -> str:
    """The part that is the data; UnknownName where an object has no bytes of its own."""
    parts = [key for key, asset in item.assets.items() if "data" in (asset.roles or [])]
    if not parts:
        raise unknown("data", item.assets, f"the parts of '{item.id}', which has no bytes of its own")
    return parts[0]


def _folder(where: Path) -> Iterator[tuple[str, Path | str]]:
    """Files of a folder under its own name, in order; links are passed over."""
    for file in sorted(where.rglob("*")):
        if file.is_file() and not file.is_symlink():
            yield f"{where.name}/{file.relative_to(where).as_posix()}", file


def _crate(texts: dict[str, str], parts: dict[str, Path]) -> Iterator[tuple[str, Path | str]]:
    """What a crate holds, its own page last: bytes where they lie, and texts."""
    for name, where in parts.items():
        if where.is_dir():
            yield from ((f"{name}/{inner.split('/', 1)[1]}", file) for inner, file in _folder(where))
        else:
            yield name, where
    yield from texts.items()


class _Pipe(io.RawIOBase):
    """What a zip is written to, and read from again."""

    def __init__(self) -> None:
        self.held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.held += data
        return len(data)

    def taken(self) -> bytes:
        taken, self.held = bytes(self.held), bytearray()
        return taken


def _zip(files: Iterator[tuple[str, Path | str]], name: str, headers: dict[str, str]) -> Response:
    """A zip that is never whole in memory or on disk. Nothing is packed: what is in it is packed already."""

    def parts() -> Iterator[bytes]:
        pipe = _Pipe()
        with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as packed:
            for inner, file in files:
                # One date for all, so that the same object gives the same zip.
                facts = zipfile.ZipInfo(inner, (1980, 1, 1, 0, 0, 0))
                facts.external_attr = 0o100644 << 16
                with _opened(file) as source, packed.open(facts, "w", force_zip64=True) as out:
                    while block := source.read(BLOCK):
                        out.write(block)
                        yield pipe.taken()
        yield pipe.taken()

    said = {"Content-Disposition": f'attachment; filename="{_plain(name)}"', "Accept-Ranges": "none"}
    return StreamingResponse(parts(), headers=headers | said, media_type="application/zip")


def _opened(what: Path | str) -> BinaryIO:
    return io.BytesIO(what.encode()) if isinstance(what, str) else what.open("rb")


def _plain(name: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
