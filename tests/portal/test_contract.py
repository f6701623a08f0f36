"""The interface against its own document: no fault of ours, and no answer unlike what is told.

Somebody who may do everything asks every route over the small catalogue, with questions as the document has them and
with questions that break it.
"""

import pytest
import schemathesis
from argon2 import PasswordHasher
from hypothesis import HealthCheck, Phase, given, settings
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

from landsink.catalogue import Catalogue
from landsink.portal import Context, Settings, create
from landsink.portal.accounts import Accounts
from tests.portal.small import DAY, built, fill

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
TAGS = ["entrance", "objects", "accounts", "uploads", "stac"]


@pytest.fixture(scope="module")
def contract(tmp_path_factory):
    """The document of the whole application over a catalogue of its own."""
    root = tmp_path_factory.mktemp("contract")
    catalogue = Catalogue(root / "home", clock=lambda: DAY)
    fill(catalogue, root / "sources")
    context = Context(catalogue, Settings(page=built(root / "page")))
    context.__dict__["accounts"] = Accounts(catalogue.database, hasher=PasswordHasher(1, 8, 1))
    context.accounts.add("carl", "curator", "a few plain words")
    secret, _ = context.accounts.make_token("carl", "all", ("read", "write", "run", "curate"))
    app = create(context)
    made = schemathesis.openapi.from_asgi("/api/openapi.json", app, headers={"Host": "localhost"})
    return made, {"Authorization": f"Bearer {secret}", "Host": "localhost"}


SLOWLY = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda m: m.name.lower())
@pytest.mark.parametrize("tag", TAGS)
def test_answers_are_as_told(contract, tag, mode):
    schema, headers = contract
    found = [o.ok() for o in schema.include(tag=tag).get_all_operations()]
    wrong = [said for operation in found if (said := asked(operation, mode, headers))]
    assert found
    assert not wrong, "\n\n".join(wrong)


def asked(operation, mode, headers) -> str:
    """Asks an operation what a strategy makes up; what went wrong in words, or ''."""

    @SLOWLY
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case):
        case.call_and_validate(headers=headers, checks=CHECKS)

    try:
        ask()
    except Unsatisfiable:
        # Nothing breaks a question without parameters.
        return ""
    except (FailureGroup, AssertionError) as error:
        return f"{operation.label}: {str(error)[:1500]} {[str(e)[:1500] for e in getattr(error, 'exceptions', [])]}"
    return ""
