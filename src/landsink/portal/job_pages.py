"""Jobs over HTTP: their state, place in the queue, log and result (OGC API – Processes 1.0)."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field

from landsink.core.errors import UnknownName
from landsink.portal.accounts.roles import Anyone, Runner, Visitor, reading
from landsink.portal.context import Address, Context, Here
from landsink.portal.jobs.queue import ACCEPTED, FAILED, RUNNING, STATES, SUCCESSFUL, Job, Queue
from landsink.portal.problems import Refusal, answers

router = APIRouter(prefix="/api/jobs", tags=["jobs"])
# Kinds of failures that OGC API – Processes names.
EXCEPTIONS = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0"

State = Literal["accepted", "running", "successful", "failed", "dismissed"]
JobId = Annotated[
    str, Path(pattern=r"^[0-9a-f]{32}$", description="Identifier of a job.", examples=["0" * 32])
]


class Link(BaseModel):
    """A link."""

    href: str
    rel: str
    type: str = "application/json"
    title: str = ""


class Status(BaseModel):
    """A job as it stands."""

    jobID: str = Field(examples=["3f1c…"])
    type: Literal["process"] = "process"
    processID: str = Field(examples=["experiment"])
    status: State
    title: str = Field(description="What is run.")
    message: str = Field(description="Where it is, or why it failed.")
    progress: int = Field(ge=0, le=100, description="Of a hundred.")
    position: int = Field(description="Jobs before this one; 0 for what runs or has ended.")
    estimate_s: float | None = Field(description="Seconds until it has probably ended; null where it has.")
    created: str = Field(examples=["2026-11-21T09:25:17Z"])
    started: str | None = None
    finished: str | None = None
    updated: str | None = None
    mine: bool = Field(description="Whether you may dismiss it.")
    result: str | None = Field(None, description="Identifier of the product.")
    inputs: dict = Field(description="What was asked.")
    links: list[Link]


class Jobs(BaseModel):
    """A page of jobs, the newest first."""

    jobs: list[Status]
    total: int
    offset: int
    links: list[Link]


class Line(BaseModel):
    """A line of a job's log."""

    time: str
    text: str


class Log(BaseModel):
    """What a job said, the oldest first."""

    lines: list[Line]


class Reference(BaseModel):
    """A result by reference."""

    href: str
    type: str = "application/json"
    title: str = ""


class Results(BaseModel):
    """The results of a job: one product."""

    product: Reference


def line(request: Request) -> Queue:
    """The queue of the application that answers."""
    here: Context = request.app.state.context
    held = getattr(request.app.state, "queue", None)
    return held or Queue(here.catalogue.database)


Waiting = Annotated[Queue, Depends(line)]
Known = [Depends(reading)]


@router.get("", operation_id="jobs", dependencies=Known, responses=answers(401, 422))
def jobs(
    here: Here,
    queue: Waiting,
    who: Anyone,
    where: Address,
    status: Annotated[list[State] | None, Query(description="Of these states only.")] = None,
    process: Annotated[
        str, Query(alias="processID", max_length=64, description="Of this process only.")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> Jobs:
    """All jobs, a page at a time."""
    total, page = queue.list([s for s in STATES if s in (status or ())], process, limit, offset)
    asked = "".join(f"&status={s}" for s in status or ()) + (f"&processID={process}" if process else "")
    links = [Link(href=f"{where}/api/jobs?limit={limit}&offset={offset}{asked}", rel="self")]
    if offset + limit < total:
        links.append(Link(href=f"{where}/api/jobs?limit={limit}&offset={offset + limit}{asked}", rel="next"))
    if offset:
        links.append(
            Link(href=f"{where}/api/jobs?limit={limit}&offset={max(0, offset - limit)}{asked}", rel="prev")
        )
    told = [told_of(job, here, queue, who, where) for job in page]
    return Jobs(jobs=told, total=total, offset=offset, links=links)


@router.get("/{id}", operation_id="job", dependencies=Known, responses=answers(401, 404, 422))
def job(id: JobId, here: Here, queue: Waiting, who: Anyone, where: Address) -> Status:
    """The state of a job."""
    return told_of(_held(queue, id), here, queue, who, where)


@router.get("/{id}/log", operation_id="job_log", dependencies=Known, responses=answers(401, 404, 422))
def log(id: JobId, queue: Waiting) -> Log:
    """What a job said while it ran."""
    _held(queue, id)
    return Log(lines=[Line(time=stamp(moment), text=text) for moment, text in queue.log(id)])


@router.get(
    "/{id}/results", operation_id="job_results", dependencies=Known, responses=answers(401, 404, 410, 422)
)
def results(id: JobId, here: Here, queue: Waiting, where: Address) -> Results:
    """The product of a job, by reference. 404 while there is none; 410 where there will be none."""
    found = _held(queue, id)
    if found.state == SUCCESSFUL:
        title = found.title
        return Results(product=Reference(href=f"{where}/api/objects/{found.result}", title=title))
    if found.state in (ACCEPTED, RUNNING):
        raise Refusal(
            404,
            "The job has no result yet.",
            "A job that was successful.",
            "Ask again later.",
            type=f"{EXCEPTIONS}/result-not-ready",
        )
    remedy = "Mend what it says and ask again." if found.state == FAILED else "Ask again."
    raise Refusal(410, f"The job was {found.state}: {found.message}".strip(), "", remedy)


@router.delete("/{id}", operation_id="dismiss_job", responses=answers(401, 403, 404, 409, 422))
def dismiss(id: JobId, here: Here, queue: Waiting, who: Runner, where: Address) -> Status:
    """Dismiss a job that waits or runs. Nothing of it enters the catalogue."""
    found = _held(queue, id)
    if not _may(found, who):
        raise Refusal(403, "This is another's job.", "Your own, or the role of a curator.")
    if found.ended and found.state != "dismissed":
        raise Refusal(409, f"The job was {found.state} already.", "A job that waits or runs.")
    return told_of(queue.dismiss(id), here, queue, who, where)


def told_of(job: Job, here: Context, queue: Queue, who: Visitor, where: str) -> Status:
    """A job as it is shown to a visitor."""
    here_ = f"{where}/api/jobs/{job.id}"
    links = [Link(href=here_, rel="self"), Link(href=f"{here_}/log", rel="log", title="What it said")]
    if job.state == SUCCESSFUL:
        rel = "http://www.opengis.net/def/rel/ogc/1.0/results"
        links.append(Link(href=f"{here_}/results", rel=rel))
        links.append(Link(href=f"{where}/objects/{job.result}", rel="alternate", type="text/html"))
    open_jobs = here.settings.open_jobs and here.settings.local and here.accounts.empty
    left = queue.remaining(job)
    return Status(
        jobID=job.id, processID=job.process, status=job.state, title=job.title, message=job.message,
        progress=int(100 * job.progress), position=queue.position(job),
        estimate_s=None if left is None else round(left, 1), created=stamp(job.created),
        started=stamp(job.started) if job.started else None, finished=stamp(job.finished) if job.finished else None,
        updated=stamp(max(job.beat, job.finished, job.created)), result=job.result or None, inputs=dict(job.inputs),
        mine=_may(job, who) and (who.may("run") or open_jobs), links=links,
    )  # fmt: skip


def _held(queue: Queue, name: str) -> Job:
    """A job; Refusal 404 of the kind that OGC API names where there is none."""
    try:
        return queue.get(name)
    except UnknownName as error:
        raise Refusal(
            404, error.found, error.expected, error.remedy, type=f"{EXCEPTIONS}/no-such-job"
        ) from None


def _may(job: Job, who: Visitor) -> bool:
    return job.owner == who.account or who.may("curate")


def stamp(moment: float) -> str:
    """A moment in ISO 8601, UTC, to the second."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def known(here: Context, name: str) -> bool:
    """Whether a product is still in the catalogue."""
    try:
        here.catalogue.get(name)
    except UnknownName:
        return False
    return True
