"""Maps as PNG tiles in Web Mercator, for programs that cannot read Zarr, such as QGIS.

Where a pixel holds several cells, a coarser map of the release is drawn, if it has one: what a tile costs is bounded.
"""

import hashlib
import math
from functools import lru_cache
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Path, Query, Request, Response

from landsink.catalogue.releases import Release
from landsink.portal.colours import picture, table
from landsink.portal.context import Here
from landsink.portal.problems import Refusal, answers
from landsink.portal.products import Editions, Variables, edition, present, variable_of

router = APIRouter(tags=["tiles"])
SIZE = 256
DEEPEST = 14


@lru_cache(maxsize=24)
def chunk(release: Release, variable: str, step: int, level: int, at: tuple[int, int]) -> np.ndarray | None:
    """A part of a map, kept for the next tiles of the same view."""
    return release.tile(variable, step, level, at)


def level(release: Release, z: int) -> int:
    """The coarsest map whose cells are no larger than a pixel; 0, the finest, where a cell is larger."""
    cells = 360.0 / (SIZE * 2**z) / abs(float(release.lon[1] - release.lon[0]))
    return min(release.levels, max(0, math.floor(math.log2(cells))))


@lru_cache(maxsize=512)
def cells(release: Release, z: int, x: int, y: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the cells under a tile's pixels; -1 outside the release. Source: EPSG:3857, XYZ scheme."""
    lon = (x + (np.arange(SIZE) + 0.5) / SIZE) / 2**z * 360.0 - 180.0
    mercator = np.pi * (1.0 - 2.0 * (y + (np.arange(SIZE) + 0.5) / SIZE) / 2**z)
    return _nearest(release.lat, np.degrees(np.arctan(np.sinh(mercator)))), _nearest(
        release.lon, lon, turn=360.0
    )


def _nearest(centres: np.ndarray, asked: np.ndarray, turn: float = 0.0) -> np.ndarray:
    width = float(centres[1] - centres[0]) if len(centres) > 1 else 1.0
    past = asked - (centres[0] - width / 2)
    if turn:
        past = past % turn
    at = np.floor(past / width).astype(int)
    return np.where((at >= 0) & (at < len(centres)), at, -1)


def drawn(release: Release, variable: str, step: int, place: tuple[int, int, int]) -> np.ndarray:
    """The values under the pixels of a tile (z, x, y), NaN outside the release."""
    at = level(release, place[0])
    # A cell of a coarser map holds so many of the finest one.
    rows, cols = (np.where(found < 0, -1, found >> at) for found in cells(release, *place))
    _, (tall, wide) = release.tiling(variable, at)
    out = np.full((SIZE, SIZE), np.nan, np.float32)
    for i in np.unique(rows[rows >= 0] // tall):
        for j in np.unique(cols[cols >= 0] // wide):
            part = chunk(release, variable, step, at, (int(i), int(j)))
            down, across = np.flatnonzero(rows // tall == i), np.flatnonzero(cols // wide == j)
            if part is not None:
                inside = np.ix_(rows[down] - i * tall, cols[across] - j * wide)
                out[np.ix_(down, across)] = part.reshape(tall, wide)[inside]
    return out


Zoom = Annotated[int, Path(ge=0, le=DEEPEST, description="Zoom; 0 is the globe in one tile.", examples=[3])]
Column = Annotated[int, Path(ge=0, lt=2**DEEPEST, description="Column from the west.", examples=[4])]
Row = Annotated[int, Path(ge=0, lt=2**DEEPEST, description="Row from the north.", examples=[2])]
Step = Annotated[int, Path(ge=0, lt=10**7, description="Number of the step, from 0.", examples=[6])]
Bound = Annotated[
    float | None,
    Query(allow_inf_nan=False, description="Value of the first (last) colour, in the variable's unit."),
]


@router.get(
    "/api/products/{id}/tiles/{variable}/{step}/{z}/{x}/{y}.png",
    operation_id="tile",
    summary="One tile of a map as PNG",
    response_class=Response,
    responses={
        200: {
            "description": "256 × 256 pixels, transparent where there is no value.",
            "content": {"image/png": {}},
        },
        304: {"description": "If-None-Match names what is there: nothing is sent again."},
        **answers(403, 404, 410, 422, 503),
    },
)
def tile(
    request: Request,
    here: Here,
    id: Editions,
    variable: Variables,
    step: Step,
    z: Zoom,
    x: Column,
    y: Row,
    low: Bound = None,
    high: Bound = None,
    colours: Annotated[str, Query(max_length=20, description="Colour table.", examples=["viridis"])] = "",
) -> Response:
    """A tile of 256 × 256 pixels in EPSG:3857, XYZ scheme, the cell under the middle of each pixel.

    Where a pixel is wider than a cell of a large product, a mean of cells weighted by land. With the edition behind
    the identifier ({id}@{edition}) a tile never changes; without it, ETag tells when the product was made anew.
    Without `low`, `high` and `colours` the product's own are taken, as its description tells them.
    """
    release, kept = edition(here, id)
    row = variable_of(release, variable)
    if step >= len(release.time) or max(x, y) >= 2**z:
        raise Refusal(
            404,
            f"There is no tile {z}/{x}/{y} of step {step}.",
            f"Steps 0…{len(release.time) - 1}; at zoom {z} columns and rows 0…{2**z - 1}.",
        )
    bottom, top = (
        row.span[0] if low is None else low,
        row.span[1] if high is None else high,
    )
    if not bottom < top:
        raise Refusal(422, f"The colours run from {bottom:g} to {top:g}.", "low is less than high.")
    name = colours or row.colours
    table(name)
    said = f"{release.told['digest']} {variable} {step} {z} {x} {y} {bottom!r} {top!r} {name}"
    headers = {**kept, "ETag": f'"{hashlib.sha256(said.encode()).hexdigest()[:32]}"'}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    content = picture(drawn(release, variable, step, (z, x, y)), bottom, top, name)
    present(here, release, kept)
    return Response(content, media_type="image/png", headers=headers)
