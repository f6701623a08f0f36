"""Releases as they lie, for programs that read Zarr themselves: the map in the browser, xarray, QGIS.

An address with the edition (/zarr/{id}@{edition}/…) names bytes that never change: the map asks there, and asks once.
The plain one is what people write down; it goes on with the product, and its ETag tells when that was made anew. The
edition stands in the part of the identifier, since what follows is Zarr's own.
"""

import re
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from landsink.catalogue.releases import Release
from landsink.core.errors import DataError
from landsink.portal.context import Here
from landsink.portal.problems import Refusal, answers
from landsink.portal.products import Editions, edition, present

router = APIRouter(tags=["zarr"])
NAME = r"[A-Za-z][A-Za-z0-9_]{0,63}"
KEY = re.compile(rf"(?:{NAME}/)?(?:\d{{1,2}}/)?(?:{NAME}/){{0,3}}(?:zarr\.json|c(?:/\d{{1,7}}){{0,5}})")
Key = Annotated[
    str, Path(max_length=300, description="Key of Zarr.", examples=["map/gpp/c/0/0/0", "map/zarr.json"])
]
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def part(header: str, size: int) -> tuple[int, int] | None:
    """The bytes [start, end) that a Range header asks for; None is the whole, also for what is not understood.

    Refusal 416 where there are no such bytes. Source: RFC 9110, 14.
    """
    asked = RANGE.fullmatch(header.strip())
    if not asked or asked.groups() == ("", ""):
        return None
    first, last = asked.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if first and last and int(last) < start:
        return None
    if start >= end:
        headers = {"Content-Range": f"bytes */{size}"}
        raise Refusal(
            416, f"There are no bytes '{header[:60]}'.", f"The chunk has {size} bytes.", headers=headers
        )
    return start, end


def _chunk(release: Release, kept: Mapping[str, str], key: str) -> tuple[int, dict[str, str]]:
    """How many bytes a key has, and the headers of an answer. Refusal 404 where there is no such key."""
    # The key is held to a strict form, then to the release's manifest: it never becomes a path by itself.
    if not KEY.fullmatch(key):
        raise Refusal(404, f"'{key[:80]}' is no key of Zarr.", "Such as map/gpp/c/0/0/0 or map/zarr.json.")
    try:
        return release.size(key), _headers(key, f'"{release.digest(key)[:32]}"', kept)
    except KeyError:
        # Zarr takes a chunk that is not there as one of fill values.
        raise Refusal(404, f"The release '{release.id}' has no '{key}'.", headers=dict(kept)) from None


def _headers(key: str, tag: str, kept: Mapping[str, str]) -> dict[str, str]:
    kind = "application/json" if key.endswith(".json") else "application/octet-stream"
    return {**kept, "ETag": tag, "Accept-Ranges": "bytes", "Content-Type": kind}


def _read(here: Here, release: Release, key: str, kept: Mapping[str, str], *span: int) -> bytes:
    """Bytes of a release, all of one edition. DataError where a file is gone from the disk."""
    try:
        content = release.raw(key, *span)
    except FileNotFoundError as error:
        present(here, release, kept)
        raise DataError(
            f"'{release.id}' lacks {key}.", "A whole release.", "See `landsink verify`."
        ) from error
    present(here, release, kept)
    return content


@router.get(
    "/zarr/{id}/{key:path}",
    operation_id="zarr",
    summary="Bytes of a release, as Zarr",
    response_class=Response,
    responses={
        200: {
            "description": "The bytes.",
            "content": {"application/octet-stream": {}, "application/json": {}},
        },
        206: {"description": "The part that Range asks for.", "content": {"application/octet-stream": {}}},
        304: {"description": "If-None-Match names what is there: nothing is sent again."},
        **answers(403, 404, 410, 416, 422, 503),
    },
)
def zarr(request: Request, here: Here, id: Editions, key: Key) -> Response:
    """A chunk, a shard or the metadata of a layout: `map`, `series`, `members`, `regions`.

    With the edition behind the identifier ({id}@{edition}) it never changes, and may be kept for ever; 410 says that
    the product was made anew. Without it, what is there now; ETag tells whether it is another. Answers Range with one
    range, as readers of shards ask.
    """
    release, kept = edition(here, id)
    size, headers = _chunk(release, kept, key)
    tag = headers["ETag"]
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    asked = request.headers.get("range", "") if request.headers.get("if-range", tag) == tag else ""
    wanted = part(asked, size) if asked else None
    if wanted is None:
        return Response(_read(here, release, key, kept), headers=headers)
    headers["Content-Range"] = f"bytes {wanted[0]}-{wanted[1] - 1}/{size}"
    return Response(_read(here, release, key, kept, *wanted), 206, headers=headers)


@router.head("/zarr/{id}/{key:path}", include_in_schema=False)
def zarr_head(here: Here, id: Editions, key: Key) -> Response:
    """What GET would send, without the bytes."""
    size, headers = _chunk(*edition(here, id), key)
    return Response(headers={**headers, "Content-Length": str(size)})
