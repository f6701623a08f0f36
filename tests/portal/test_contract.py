"""The interface against its own document: no fault of ours, and no answer unlike what is told.

Somebody who may do everything asks every route of a portal that holds one of everything, with questions as the
document has them and with questions that break it; some of them about what the portal holds.
"""

from dataclasses import dataclass, field

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.portal.everything import Everything, everything

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
TAGS = [
    "entrance", "objects", "stac", "stations", "features", "products", "regions", "statistics", "subset", "tiles",
    "zarr", "edr", "accounts", "uploads", "jobs",
]  # fmt: skip
COORDS = {"position": "POINT(8 45)", "area": "POLYGON((0 40,20 40,20 60,0 60,0 40))"}
# What a question about something that is there would say.
SENSE = {
    "variable": "gpp", "parameter-name": "gpp", "lat": 45, "lon": 8, "bbox": "0,40,20,60", "time": "2001-03",
    "from": "2001-03", "to": "2001-05", "datetime": "2001-03-01/2001-05-01", "region": "AAA", "place": "AAA",
    "step": 3, "z": 0, "x": 0, "y": 0, "key": "map/gpp/c/0/0/0", "collection": "runs", "columns": "plot",
}  # fmt: skip


@dataclass
class Ground:
    """The document of the whole application, and how many questions were asked of it."""

    held: Everything
    asked: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.schema = schemathesis.openapi.from_asgi(
            "/api/openapi.json", self.held.app, headers={"Host": "localhost"}
        )
        self.headers = {"Authorization": f"Bearer {self.held.token}", "Host": "localhost"}

    def sense(self, label: str) -> dict[str, object]:
        """Values for the parameters of an operation that ask for something that is there."""
        held = self.held
        rooms = {
            "/api/stations": held.stations[0], "/api/collections/stations": held.stations[1],
            "/api/objects": held.names.table, "/objects": held.names.table, "/api/jobs": held.jobs[1],
            "/api/processes": "toil", "/api/regions": "AAA", "/api/stac": held.names.run, "/api/uploads": "A" * 32,
        }  # fmt: skip
        path = label.split(" ", 1)[1]
        name = next((n for room, n in rooms.items() if path.startswith(room)), held.product)
        coords = next((text for word, text in COORDS.items() if path.endswith(word)), "")
        # OGC API and STAC write a box as a list; elsewhere it is a text.
        sides = [float(side) for side in str(SENSE["bbox"]).split(",")]
        box = {"bbox": sides} if path.startswith(("/api/collections", "/api/stac")) else {}
        return {**SENSE, **box, "coords": coords, "id": name}


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    return Ground(everything(tmp_path_factory.mktemp("contract")))


def test_no_route_is_left_out(ground):
    asked = [o.ok().label for tag in TAGS for o in ground.schema.include(tag=tag).get_all_operations()]
    every = [o.ok().label for o in ground.schema.get_all_operations()]
    assert sorted(asked) == sorted(every) and len(every) > 70


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda m: m.name.lower())
@pytest.mark.parametrize("tag", TAGS)
def test_answers_are_as_told(ground, tag, mode):
    found = wrong(ground, tag, mode, 3)
    assert not found, "\n\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda m: m.name.lower())
@pytest.mark.parametrize("tag", TAGS)
def test_many_answers_are_as_told(ground, tag, mode):
    found = wrong(ground, tag, mode, 60)
    print(f"{tag} {mode.name.lower()}: {sum(ground.asked.values())} questions so far, {ground.asked}")
    assert not found, "\n\n".join(found)


def wrong(ground: Ground, tag: str, mode: GenerationMode, most: int) -> list[str]:
    """What was answered otherwise than told to the operations of a tag, each asked `most` questions."""
    operations = [o.ok() for o in ground.schema.include(tag=tag).get_all_operations()]
    assert operations
    return [said for operation in operations if (said := asked(ground, operation, mode, most))]


def asked(ground: Ground, operation, mode: GenerationMode, most: int) -> str:
    """Asks an operation what a strategy makes up; what went wrong in words, or ''."""
    sense = ground.sense(operation.label)

    @settings(
        max_examples=most,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode), st.integers(0, 2), st.randoms(use_true_random=False))
    def ask(case, real, chance):
        for place in (case.path_parameters, case.query):
            for name in [n for n in place or () if n in sense]:
                # Two questions in three are about what is there: all of it, or all but one part.
                if real == 2 or (real == 1 and chance.random() < 0.8):
                    place[name] = sense[name]
        answer = case.call_and_validate(headers=ground.headers, checks=CHECKS)
        ground.asked[answer.status_code] = ground.asked.get(answer.status_code, 0) + 1

    try:
        ask()
    except Unsatisfiable:
        # Nothing breaks a question without parameters.
        return ""
    except (FailureGroup, AssertionError) as error:
        return f"{operation.label}: {str(error)[:1500]} {[str(e)[:1500] for e in getattr(error, 'exceptions', [])]}"
    return ""
