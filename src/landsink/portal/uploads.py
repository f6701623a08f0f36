"""Uploads: a place is made, the bytes are sent, they are tried, and they are taken in; or nothing of them stays."""

import asyncio
import base64
import hashlib
import re
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from pathlib import Path as Place
from typing import Annotated, Any, BinaryIO

import anyio.to_thread
import pystac
from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import ClientDisconnect

from landsink.catalogue import Metadata, Rejected, Report, sha256, short
from landsink.catalogue.limits import unpack
from landsink.core.errors import DataError, LandsinkError, UnknownName
from landsink.portal import quarantine
from landsink.portal.accounts.roles import Contributor, Visitor
from landsink.portal.context import Address, Context, Here
from landsink.portal.problems import LOG, Problem, Refusal, answers, status_of
from landsink.portal.quarantine import Quarantine, Upload
from landsink.portal.records import Item, whole

router = APIRouter(prefix="/api", tags=["uploads"])

UploadId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{32}$", examples=["A" * 32])]
BLOCK = 1 << 20
# The house's own names of a file that waits, wherever that is, as a parser's complaint may tell them.
OURS = re.compile(r"(?:/[^\s'\"]*/)?(?:content|data)\.(?:csv|nc|zip|zarr)\b(?:/[^\s'\"]*)?")
DIGEST = re.compile(r"(?:^|,\s*)sha-256=:([A-Za-z0-9+/=]{44}):")


class Asked(BaseModel):
    """What is to be sent, and what is said of it."""

    model_config = ConfigDict(extra="forbid")
    filename: str = Field(
        max_length=200, examples=["stocks.csv"], description="It never becomes a name on disk."
    )
    specification: str = Field(
        "", max_length=64, examples=["soil-stocks"], description="table or cube if not given."
    )
    metadata: dict[str, Any] = Field(
        {}, description="title, creators, licence …, as in a description's TOML."
    )


class Described(BaseModel):
    """Another description of what was sent."""

    model_config = ConfigDict(extra="forbid")
    specification: str = Field("", max_length=64)
    metadata: dict[str, Any]


class UploadShown(BaseModel):
    """An upload that waits."""

    id: str
    filename: str
    specification: str
    metadata: dict[str, Any]
    size: int = Field(description="Bytes that have come; 0 until all have.")
    sha256: str = Field(description="Of the bytes that have come, hexadecimal; empty until all have.")
    ends: float = Field(description="When it goes if nobody finishes it, in seconds since 1970.")


class Uploads(BaseModel):
    """Uploads that wait."""

    uploads: list[UploadShown]


class DefectShown(BaseModel):
    """One thing that keeps a file out."""

    where: str
    found: str
    expected: str
    remedy: str


class ReportShown(BaseModel):
    """The outcome of a trial."""

    file: str
    specification: str
    accepted: bool
    id: str = Field(description="The identifier that it would bear.")
    sha256: str
    size: int
    known: bool = Field(description="Whether the catalogue holds it already.")
    facts: dict[str, Any]
    defects: list[DefectShown]


class Rejection(Problem):
    """A file that was not taken in, with every defect."""

    report: ReportShown


@router.post(
    "/uploads",
    operation_id="create_upload",
    status_code=201,
    responses=answers(401, 403, 404, 409, 413, 422, 507),
)
def create(asked: Asked, here: Here, who: Contributor, response: Response) -> UploadShown:
    """Make a place for a file."""
    sweep(here)
    made = _waiting(here).create(
        who.account, asked.filename, asked.specification, asked.metadata, here.settings.uploads
    )
    response.headers["Location"] = f"/api/uploads/{made.id}"
    return _shown(here, made)


@router.get("/uploads", operation_id="uploads", responses=answers(401, 403))
def uploads(here: Here, who: Contributor) -> Uploads:
    """One's own uploads that wait."""
    return Uploads(uploads=[_shown(here, u) for u in _waiting(here).list(who.account)])


@router.get("/uploads/{id}", operation_id="upload", responses=answers(401, 403, 404, 422))
def upload(id: UploadId, here: Here, who: Contributor) -> UploadShown:
    """An upload that waits."""
    return _shown(here, _own(here, who, id))


@router.put(
    "/uploads/{id}", operation_id="describe_upload", responses=answers(401, 403, 404, 409, 413, 422, 507)
)
def describe(id: UploadId, asked: Described, here: Here, who: Contributor) -> UploadShown:
    """Describe an upload anew; its bytes stay."""
    waiting = _waiting(here)
    with waiting.held(_own(here, who, id)) as known:
        made = quarantine.described(known, asked.specification, asked.metadata)
        try:
            waiting.write(made)
        except OSError as error:
            raise quarantine.full(error) from error
    return _shown(here, made)


@router.delete(
    "/uploads/{id}", operation_id="remove_upload", status_code=204, responses=answers(401, 403, 404, 409, 422)
)
def remove(id: UploadId, here: Here, who: Contributor) -> None:
    """Let go of an upload and its bytes."""
    waiting = _waiting(here)
    with waiting.held(_own(here, who, id)) as known:
        waiting.remove(known)


RAW = {
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    "required": True,
}


@router.put(
    "/uploads/{id}/content",
    operation_id="send_content",
    openapi_extra={"requestBody": RAW},
    responses=answers(400, 401, 403, 404, 408, 409, 413, 422, 507),
)
async def content(id: UploadId, request: Request, here: Here, who: Contributor) -> UploadShown:
    """Send the bytes, as they are. Repr-Digest (sha-256) is compared with what came; what is refused leaves nothing."""
    waiting = _waiting(here)
    known = await anyio.to_thread.run_sync(_own, here, who, id)
    with waiting.held(known) as upload:
        if upload.sha256:
            raise Refusal(409, "The bytes have come already.", "", "DELETE the upload to send others.")
        try:
            made = await _received(request, here, waiting, upload)
            await anyio.to_thread.run_sync(waiting.write, made)
        except ClientDisconnect:
            # Not refused but broken off: the place stays for another try, the half goes.
            waiting.place(upload).unlink(missing_ok=True)
            raise Refusal(400, "The connection broke off.", "", "Send the bytes again.") from None
        except OSError as error:
            waiting.remove(upload)
            raise quarantine.full(error) from error
        except BaseException:
            waiting.remove(upload)
            raise
    return _shown(here, made)


@router.post("/uploads/{id}/try", operation_id="try_upload", responses=answers(401, 403, 404, 409, 422, 507))
def attempt(id: UploadId, here: Here, who: Contributor) -> ReportShown:
    """Try what was sent: every defect, with what was expected and what to do. Nothing is taken in."""
    waiting = _waiting(here)
    with waiting.held(_own(here, who, id)) as known:
        return _told(_trial(here, waiting.received(known), known), known)


@router.post(
    "/uploads/{id}/ingest",
    operation_id="ingest_upload",
    status_code=201,
    response_model_exclude_unset=True,
    response_model=Item,
    responses=answers(401, 403, 404, 409, 422, 507),
)
def ingest(id: UploadId, here: Here, who: Contributor, base: Address, response: Response) -> Any:
    """Take what was sent into the catalogue. Taken in or refused, nothing of the upload stays.

    What is rejected is answered 422 with every defect in `report`, formed as the answer to a trial. Only where the
    server fails (5xx) what was sent stays for another try.
    """
    waiting = _waiting(here)
    with waiting.held(_own(here, who, id)) as known:
        path = waiting.received(known)
        try:
            name = _name_of(here, known, path)
            _allowed(here, who, known, name)
            item = _taken(here, who, known, name)
        except LandsinkError as error:
            if status_of(error) < 500:
                waiting.remove(known)
            if isinstance(error, Rejected):
                return _rejection(error, known)
            raise
        waiting.remove(known)
    item = _published(here, item)
    response.headers["Location"] = f"{base}/objects/{item.id}"
    return whole(here, item, base)


def sweep(here: Context) -> int:
    """Let go of uploads that nobody finished; returns how many."""
    return _waiting(here).sweep(here.settings.keep_hours)


def _waiting(here: Context) -> Quarantine:
    return Quarantine(here.catalogue.root / "uploads")


def _own(here: Context, who: Visitor, id: str) -> Upload:
    """An upload of one's own; a curator sees all. Another's is as if it were not there."""
    return _waiting(here).get(id, "" if who.may("curate") else who.account)


def _shown(here: Context, upload: Upload) -> UploadShown:
    facts = asdict(upload) | {"ends": upload.created + 3600 * here.settings.keep_hours}
    return UploadShown(**{name: facts[name] for name in UploadShown.model_fields})


def _trial(here: Context, path: Place, known: Upload) -> Report:
    metadata, specification = Metadata.of(known.metadata), quarantine.specified(known.specification)
    return here.catalogue.try_ingest(path, specification, metadata)


def _taken(here: Context, who: Visitor, known: Upload, name: str) -> pystac.Item:
    """The object that an upload becomes under `name`, and whose it is; Rejected where it has defects."""
    metadata, specification = Metadata.of(known.metadata), quarantine.specified(known.specification)
    path, fresh = _waiting(here).place(known), bool(name) and _held(here, name) is None
    if fresh:
        here.brought.note(name, who.account)
    try:
        return here.catalogue.ingest_reported(path, specification, metadata, known.filename)[1]
    except BaseException:
        if fresh:
            here.brought.forget(name)
        raise


def _published(here: Context, item: pystac.Item) -> pystac.Item:
    """The object with a release for the map; what keeps it from that keeps it from nothing else."""
    if here.publish is None or item.properties.get("landsink:format") == "csv":
        return item
    try:
        here.publish(here.catalogue, item)
    except Exception as error:
        LOG.warning("'%s' was taken in and could not be published", item.id, exc_info=error)
    return here.catalogue.get(item.id)


def _told(report: Report, known: Upload) -> ReportShown:
    """A report in which the file bears its sender's name; where it waits on our disk is nobody's business."""
    page = report.as_dict() | {"file": known.filename}
    page["defects"] = [
        {k: OURS.sub(lambda _: known.filename, v) for k, v in d.items()} for d in page["defects"]
    ]
    return ReportShown(**page)


def _rejection(error: Rejected, known: Upload) -> Response:
    page = Rejection(
        title="Unprocessable Content",
        status=422,
        detail=f"{known.filename} has {len(error.report.defects)} defects; nothing was kept.",
        found=f"{len(error.report.defects)} defects.",
        remedy="Mend what the report names, and send the file again.",
        report=_told(error.report, known),
    )
    return JSONResponse(page.model_dump(), 422, media_type="application/problem+json")


def _allowed(here: Context, who: Visitor, known: Upload, held: str) -> None:
    """Refusal (403) where an object of another's would be described anew, or followed by a newer version."""
    if who.may("curate"):
        return
    for name, what in ((held, "describe it anew"), (str(known.metadata.get("previous", "")), "follow it")):
        found = _held(here, name) if name else None
        if found is not None and here.brought.by(found.id) != who.account:
            raise Refusal(403, f"'{found.id}' was brought by another.", "", f"A curator may {what}.")


def _held(here: Context, name: str) -> pystac.Item | None:
    try:
        return here.catalogue.get(name)
    except UnknownName:
        return None


def _name_of(here: Context, known: Upload, path: Place) -> str:
    """The identifier that an upload would bear; '' for a zip that cannot be unpacked, which the trial tells better."""
    if known.kind != "zip":
        return short(known.sha256)
    with here.catalogue.objects.staging() as folder:
        try:
            return short(sha256(unpack(path, folder / "unpacked", here.catalogue.limits)))
        except DataError:
            return ""


async def _received(request: Request, here: Context, waiting: Quarantine, upload: Upload) -> Upload:
    """Write what comes, counted and hashed; Refusal for what is too long, too slow, empty or not what was said."""
    limits = here.catalogue.limits
    most = limits.table if upload.kind == "csv" else limits.size
    said = request.headers.get("content-length", "")
    if said.isdigit() and int(said) > most:
        raise _large(most)
    digest, size = hashlib.sha256(), 0
    with waiting.place(upload).open("wb") as out:
        async for block in _blocks(request, here):
            size += len(block)
            if size > most:
                raise _large(most)
            await anyio.to_thread.run_sync(_write, out, digest, block)
    wanted = DIGEST.search(request.headers.get("repr-digest", request.headers.get("content-digest", "")))
    if wanted and base64.b64encode(digest.digest()).decode() != wanted[1]:
        raise Refusal(
            422,
            f"The bytes have the SHA-256 {digest.hexdigest()}.",
            "The digest that was sent.",
            "Send again.",
        )
    if not size:
        raise Refusal(422, "No bytes came.", "The bytes of the file as the body.")
    return replace(upload, size=size, sha256=digest.hexdigest())


async def _blocks(request: Request, here: Context) -> AsyncIterator[bytes]:
    """The body in blocks; Refusal (408) where the sender is silent or slower than the settings allow."""
    patience, slowest = here.settings.patience, here.settings.slowest
    stream, begun, count, held = request.stream(), time.monotonic(), 0, bytearray()
    while True:
        try:
            async with asyncio.timeout(patience):
                part = await anext(stream)
        except StopAsyncIteration:
            break
        except TimeoutError:
            raise _slow(f"Nothing came for {patience:g} s.") from None
        held += part
        count += len(part)
        passed = time.monotonic() - begun
        if passed > patience and count < slowest * passed:
            raise _slow(f"{count} bytes came in {passed:.0f} s.")
        if len(held) >= BLOCK:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


def _write(out: BinaryIO, digest: Any, block: bytes) -> None:
    digest.update(block)
    out.write(block)


def _slow(found: str) -> Refusal:
    return Refusal(
        408, found, "A steady stream.", "Nothing was kept; send it again.", {"Connection": "close"}
    )


def _large(most: int) -> Refusal:
    return Refusal(
        413, "The file is too long.", f"At most {most} bytes.", "Nothing was kept.", {"Connection": "close"}
    )
