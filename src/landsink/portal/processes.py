"""What may be run, and asking for it, in the shape of OGC API – Processes 1.0 (OGC 18-062r2).

No conformance is claimed. Its core asks for inputs by reference (/req/core/job-creation-input-ref), and a server that
fetches addresses which strangers name is a danger to its neighbours; and it asks for raw results without a body where
'response' is not given, and the class of job lists for filters by time and duration, which are not there.
"""

import json
import math
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from landsink.core.errors import UnknownName
from landsink.portal.accounts.roles import Runner, Visitor
from landsink.portal.context import Address, Context, Here
from landsink.portal.job_pages import EXCEPTIONS, Known, Link, Status, Waiting, known, told_of
from landsink.portal.jobs.contract import Description, Order, Processes
from landsink.portal.jobs.queue import SUCCESSFUL
from landsink.portal.problems import Refusal, answers

router = APIRouter(prefix="/api/processes", tags=["jobs"])

# Deeper JSON is no request of ours, and costs more to read than it says.
MOST_BYTES = 100_000

Name = Annotated[
    str, Path(pattern=r"^[a-z][a-z0-9-]{0,63}$", description="A process.", examples=["experiment"])
]


class Summary(BaseModel):
    """A process in short."""

    id: str = Field(examples=["experiment"])
    title: str
    description: str
    version: str
    jobControlOptions: list[str] = ["async-execute", "dismiss"]
    outputTransmission: list[str] = ["reference"]
    links: list[Link]


class Input(BaseModel):
    """An input of a process."""

    model_config = ConfigDict(populate_by_name=True)
    title: str
    description: str = ""
    minOccurs: int = 0
    maxOccurs: int = 1
    json_schema: dict[str, Any] = Field(alias="schema", description="JSON Schema of its value.")


class Output(BaseModel):
    """An output of a process."""

    title: str
    description: str = ""
    json_schema: dict[str, Any] = Field(alias="schema")


class Process(Summary):
    """A process with its inputs."""

    inputs: dict[str, Input]
    outputs: dict[str, Output]


class List(BaseModel):
    """All processes."""

    processes: list[Summary]
    links: list[Link]


class Execute(BaseModel):
    """A request to run. The answer comes later, by reference: outputs and response say nothing else."""

    inputs: dict[str, Any] = Field(
        {},
        max_length=40,
        examples=[{"base": "a32a8b785439", "bbox": [-5, 42, 16, 52], "processes": {"soil": "RothC"}}],
    )
    outputs: dict[str, Any] = Field({}, max_length=10)
    response: Literal["raw", "document"] = "document"


class Parameter(BaseModel):
    """A parameter as its card says, in its card's unit, and what the run's posterior says of it."""

    name: str = Field(examples=["PModel.yield_scale"])
    process: str
    doc: str
    unit: str
    low: float = Field(description="Lower bound.")
    high: float = Field(description="Upper bound.")
    default: float
    median: float = Field(
        description="Of the posterior's members, all groups together; the default if not free."
    )
    p05: float
    p95: float
    free: bool = Field(description="Whether the run learnt it.")
    logarithmic: bool = Field(description="Whether a slider should be logarithmic.")


class Option(BaseModel):
    """A process of the model that may stand in a slot; '' stands for none."""

    name: str
    doc: str


class Swap(BaseModel):
    """A slot of the model with what may stand there."""

    slot: str = Field(examples=["soil"])
    now: str = Field(examples=["LitterSoil"])
    options: list[Option]


class Site(BaseModel):
    """A place where the run was calibrated."""

    name: str
    lat: float
    lon: float


class Base(BaseModel):
    """A run that may be started from."""

    id: str
    title: str
    generated: bool | None = None


class Case(BaseModel):
    """A case that comes with landsink."""

    name: str
    title: str


class Choices(BaseModel):
    """What may be changed of one base run; without one, which runs there are."""

    base: Base | None = None
    bases: list[Base] = []
    cases: list[Case] = []
    period: tuple[str, str] | None = Field(None, description="First and last month.")
    bbox: tuple[float, float, float, float] | None = Field(None, description="Centres of the outer cells.")
    cells: int = 0
    members: int = 0
    parameters: list[Parameter] = []
    processes: list[Swap] = []
    sites: list[Site] = []


class Estimate(BaseModel):
    """What a request would be."""

    title: str
    seconds: float = Field(description="Of work, the queue before it not counted.")
    notes: list[str]
    inputs: dict[str, Any] = Field(description="The request in full.")


@router.get("", operation_id="processes", dependencies=Known, responses=answers(401, 422))
def processes(
    here: Here,
    where: Address,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 100,
) -> List:
    """What may be run here."""
    offered = here.processes.describe() if here.processes else ()
    found = [_summary(d, where) for d in offered[:limit]]
    return List(processes=found, links=[Link(href=f"{where}/api/processes", rel="self")])


@router.get("/{id}", operation_id="process", dependencies=Known, responses=answers(401, 404, 422))
def process(id: Name, here: Here, where: Address) -> Process:
    """A process with its inputs as JSON Schema."""
    said = _described(here, id)
    inputs = {
        name: Input(title=title, description=text, minOccurs=int(must), schema=dict(schema))
        for name, (title, text, schema, must) in said.inputs.items()
    }
    outputs = {
        name: Output(title=title, description=text, schema=dict(schema))
        for name, (title, text, schema) in said.outputs.items()
    }
    return Process(**_summary(said, where).model_dump(), inputs=inputs, outputs=outputs)


@router.get(
    "/{id}/inputs", operation_id="process_inputs", dependencies=Known, responses=answers(401, 404, 422)
)
def inputs(
    id: Name,
    here: Here,
    base: Annotated[
        str, Query(pattern=r"^[A-Za-z0-9_-]{0,64}$", description="A run; without one, all that may be one.")
    ] = "",
) -> Choices:
    """What may be changed: parameters with bounds and posterior, processes to swap, region, months, sites."""
    _described(here, id)
    return Choices.model_validate(_runs(here).choices(id, base))


@router.post("/{id}/estimate", operation_id="estimate", responses=answers(401, 403, 404, 413, 422))
def estimate(id: Name, asked: Execute, here: Here, who: Runner) -> Estimate:
    """What a request would take. Nothing is run."""
    order = _order(here, id, asked, who)
    return Estimate(
        title=order.title, seconds=order.seconds, notes=list(order.notes), inputs=dict(order.inputs)
    )


@router.post(
    "/{id}/execution",
    operation_id="execute",
    status_code=201,
    responses=answers(401, 403, 404, 413, 422, 429),
)
def execute(
    id: Name, asked: Execute, here: Here, queue: Waiting, who: Runner, where: Address, response: Response
) -> Status:
    """Ask for a run. The same request that waits, runs or was successful is answered with its own job."""
    order = _order(here, id, asked, who)
    job, fresh = queue.submit(id, order, who.account)
    if not fresh and job.state == SUCCESSFUL and not known(here, job.result):
        queue.forget(job.id)
        job, fresh = queue.submit(id, order, who.account)
    response.headers["Location"] = f"{where}/api/jobs/{job.id}"
    response.headers["Preference-Applied"] = "respond-async"
    return told_of(job, here, queue, who, where)


def _order(here: Context, name: str, asked: Execute, who: Visitor) -> Order:
    said = _described(here, name)
    if said.scope != "run" and not who.may(said.scope):
        raise Refusal(
            403, f"'{name}' is for contributors.", f"The scope '{said.scope}'.", "Log in, or use a token."
        )
    try:
        text = json.dumps(asked.inputs, allow_nan=False)
    except (ValueError, RecursionError):
        raise Refusal(422, "The inputs hold what is no number, or are too deep.", "Plain JSON.") from None
    if len(text) > MOST_BYTES:
        raise Refusal(413, f"The inputs take {len(text)} bytes.", f"At most {MOST_BYTES}.")
    try:
        order = _runs(here).validate(name, asked.inputs)
    except UnknownName as error:
        # The process is known: what is not is in the question.
        raise Refusal(422, error.found, error.expected, error.remedy) from error
    assert math.isfinite(order.units)
    return order


def _runs(here: Context) -> Processes:
    if here.processes is None:
        raise Refusal(404, "Nothing can be run here.", "", "'landsink serve' starts a portal that can.")
    return here.processes


def _described(here: Context, name: str) -> Description:
    found = {d.id: d for d in (here.processes.describe() if here.processes else ())}
    if name not in found:
        raise Refusal(
            404,
            f"'{name}' is no process.",
            f"{', '.join(found) or 'none'}.",
            "See /api/processes.",
            type=f"{EXCEPTIONS}/no-such-process",
        )
    return found[name]


def _summary(said: Description, where: str) -> Summary:
    here = f"{where}/api/processes/{said.id}"
    links = [
        Link(href=here, rel="self"),
        Link(href=f"{here}/execution", rel="http://www.opengis.net/def/rel/ogc/1.0/execute"),
        Link(href=f"{here}/inputs", rel="related", title="What may be changed"),
    ]
    return Summary(id=said.id, title=said.title, description=said.text, version=said.version, links=links)
