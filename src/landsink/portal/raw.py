"""Releases as they lie, for programs that read Zarr themselves: the map in the browser, xarray, QGIS."""

import re
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from landsink.catalogue.releases import Release
from landsink.portal.context import Here
from landsink.portal.problems import Refusal, answers
from landsink.portal.products import IMMUTABLE, Named, found

router = APIRouter(tags=["zarr"])
NAME = r"[A-Za-z][A-Za-z0-9_]{0,63}"
KEY = re.compile(rf"(?:{NAME}/){{0,4}}(?:zarr\.json|c(?:/\d{{1,7}}){{0,5}})")
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


def _chunk(here: Here, id: str, key: str) -> tuple[Release, int, str]:
    release = found(here, id)
    # The key is held to a strict form, then to the release's manifest: it never becomes a path by itself.
    if not KEY.fullmatch(key):
        raise Refusal(404, f"'{key[:80]}' is no key of Zarr.", "Such as map/gpp/c/0/0/0 or map/zarr.json.")
    try:
        return release, release.size(key), f'"{release.digest(key)[:32]}"'
    except KeyError:
        # Zarr takes a chunk that is not there as one of fill values.
        raise Refusal(404, f"The release '{id}' has no '{key}'.") from None


def _headers(key: str, tag: str) -> dict[str, str]:
    kind = "application/json" if key.endswith(".json") else "application/octet-stream"
    return {**IMMUTABLE, "ETag": tag, "Accept-Ranges": "bytes", "Content-Type": kind}


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
        **answers(403, 404, 416, 422),
    },
)
def zarr(request: Request, here: Here, id: Named, key: Key) -> Response:
    """A chunk, a shard or the metadata of a layout: `map`, `series`, `members`, `regions`.

    It never changes, and may be kept for ever. Answers Range with one range, as readers of shards ask.
    """
    release, size, tag = _chunk(here, id, key)
    headers = _headers(key, tag)
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    asked = request.headers.get("range", "") if request.headers.get("if-range", tag) == tag else ""
    wanted = part(asked, size) if asked else None
    if wanted is None:
        return Response(release.raw(key), headers=headers)
    headers["Content-Range"] = f"bytes {wanted[0]}-{wanted[1] - 1}/{size}"
    return Response(release.raw(key, *wanted), 206, headers=headers)


@router.head("/zarr/{id}/{key:path}", include_in_schema=False)
def zarr_head(here: Here, id: Named, key: Key) -> Response:
    """What GET would send, without the bytes."""
    _, size, tag = _chunk(here, id, key)
    return Response(headers={**_headers(key, tag), "Content-Length": str(size)})
