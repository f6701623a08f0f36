"""A part of a product as a file: NetCDF or CSV, with its size told before."""

import os
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, Field
from starlette.background import BackgroundTask

from landsink.catalogue.releases import Release
from landsink.portal import window, writing
from landsink.portal.context import Here
from landsink.portal.problems import Refusal, answers
from landsink.portal.products import Bbox, Begin, End, Named, found, names_of
from landsink.portal.window import Window

router = APIRouter(tags=["subset"])
MOST = {"netcdf": 200_000_000, "csv": 20_000_000}  # numbers in one file
MEDIA = {"netcdf": "application/netcdf", "csv": "text/csv; charset=utf-8"}
NETCDF_HEAD = 40_000  # bytes of a NetCDF file without any data, at most
CSV_PLACE = 24  # bytes of time, latitude and longitude in a row of CSV

Form = Literal["netcdf", "csv"]


class Size(BaseModel):
    """What a subset would be, told before it is made."""

    steps: int
    rows: int
    columns: int
    variables: list[str]
    numbers: int = Field(description="Steps × rows × columns × variables.")
    bytes: int = Field(description="At most; NetCDF is compressed, and CSV leaves out cells without a value.")
    limit: int = Field(description="Most numbers in one file.")
    allowed: bool


class Wanted:
    """Which part of a product: variables, box and time."""

    def __init__(
        self,
        variable: Annotated[
            str,
            Query(
                max_length=2000, description="Names with commas between; all if not given.", examples=["gpp"]
            ),
        ] = "",
        bbox: Bbox = "",
        begin: Begin = "",
        end: End = "",
    ) -> None:
        self.variable, self.bbox, self.begin, self.end = variable, bbox, begin, end

    def of(self, release: Release) -> tuple[Window, Sequence[str]]:
        """The window and the names of the variables. Raises DataError or UnknownName."""
        names = names_of(release, self.variable)
        steps = window.steps(release.time, self.begin, self.end)
        return window.window(release, window.box(self.bbox), steps), names


Part = Annotated[Wanted, Depends()]


def size(part: Window, names: Sequence[str], form: Form) -> Size:
    """What a file would hold, and at most how many bytes."""
    steps, rows, columns = part.shape
    numbers = steps * rows * columns * len(names)
    if form == "netcdf":
        count = NETCDF_HEAD + 4 * numbers + 8 * (steps + rows + columns + rows * columns)
    else:
        count = 4_000 + steps * rows * columns * (CSV_PLACE + 21 + writing.ROW_BYTES * len(names))
    return Size(
        steps=steps,
        rows=rows,
        columns=columns,
        variables=list(names),
        numbers=numbers,
        bytes=count,
        limit=MOST[form],
        allowed=numbers <= MOST[form],
    )


def sent(part: Window, names: Sequence[str], form: Form, asked: str) -> Response:
    """A window as a file to keep. Refusal 413 where it is too large."""
    told = size(part, names, form)
    if not told.allowed:
        raise Refusal(
            413,
            f"The file would hold {told.numbers} numbers, up to {told.bytes / 1e6:.0f} MB.",
            f"{told.limit} numbers at most as {form}.",
            "Ask for less time, fewer variables or a smaller box; ask /subset/size before. "
            f"The whole lies as Zarr at /zarr/{part.release.id}.",
        )
    name = f"{part.release.id}_{'_'.join(names)[:80]}.{'nc' if form == 'netcdf' else 'csv'}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if form == "csv":
        return StreamingResponse(writing.csv(part, names, asked), media_type=MEDIA[form], headers=headers)
    handle, place = tempfile.mkstemp(prefix="landsink-subset-", suffix=".nc")
    os.close(handle)
    path = Path(place)
    try:
        writing.netcdf(part, names, path, asked)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    away = BackgroundTask(partial(path.unlink, missing_ok=True))
    return FileResponse(path, media_type=MEDIA[form], headers=headers, background=away)


@router.get(
    "/api/products/{id}/subset",
    operation_id="subset",
    summary="A part of a product as NetCDF or CSV",
    response_class=Response,
    responses={
        200: {"description": "The file.", "content": {"application/netcdf": {}, "text/csv": {}}},
        **answers(403, 404, 413, 422),
    },
)
def subset(
    request: Request,
    here: Here,
    id: Named,
    wanted: Part,
    f: Annotated[Form, Query(description="Form of the file.")] = "netcdf",
) -> Response:
    """The cells whose centre lies in the box, with CF attributes, licence and the object's identifier."""
    part, names = wanted.of(found(here, id))
    return sent(part, names, f, f"{request.url.path}?{request.url.query}")


@router.get(
    "/api/products/{id}/subset/size",
    operation_id="subset-size",
    summary="How large a subset would be",
    response_model=Size,
    responses=answers(403, 404, 422),
)
def subset_size(
    here: Here,
    id: Named,
    wanted: Part,
    f: Annotated[Form, Query(description="Form of the file.")] = "netcdf",
) -> Size:
    """Numbers and bytes of the file, and whether it is within the limit."""
    part, names = wanted.of(found(here, id))
    return size(part, names, f)
