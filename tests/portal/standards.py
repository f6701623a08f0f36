"""What the standards that the portal claims ask for: the abstract tests of every claimed class, by their ids.

The ids are facts, from the annexes "Abstract Test Suite" as their editors keep them: OGC 17-069r4 (Features 1,
github.com/opengeospatial/ogcapi-features, core/standard/abstract_tests), OGC 19-086r6 (EDR 1.1,
github.com/opengeospatial/ogcapi-environmental-data-retrieval, standard/abstract_tests), OGC 19-072 (Common 1),
20-024 (Common 2, github.com/opengeospatial/ogcapi-common). EDR uses an id for several tests: they are numbered, and
what is asked of each query bears its name in front. Left out, since no collection offers them: the tests of the queries
radius, trajectory, corridor and instances. STAC API 1.0.0 has no abstract tests: stac-api-validator stands for them.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
import uvicorn
from fastapi import FastAPI

from tests.portal.everything import Everything, everything
from tests.portal.small import client

OGC = "http://www.opengis.net/spec"
FEATURES, EDR = f"{OGC}/ogcapi-features-1/1.0/conf", f"{OGC}/ogcapi-edr-1/1.1/conf"
COMMON, COLLECTIONS = f"{OGC}/ogcapi-common-1/1.0/conf", f"{OGC}/ogcapi-common-2/1.0/conf"
STAC = "https://api.stacspec.org/v1.0.0"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
JSON, GEOJSON, COVJSON = "application/json", "application/geo+json", "application/vnd.cov+json"
PROBLEM = "application/problem+json"
HELD: pytest.StashKey[Everything] = pytest.StashKey()


def _under(path: str, words: str) -> tuple[str, ...]:
    return tuple(f"{path}/{word}" for word in words.split())


WAY_IN = "root-op root-success api-definition-op api-definition-success conformance-op conformance-success"
EDR_WAY_IN = "root-op root-success api-definition api-definition-success conformance conformance-success"
COMMON_TIME = ("/conf/core/datetime-definition", "/conf/core/datetime-response")
# What every query of EDR is asked: its parameters as they are documented, and what they do.
COMMON_QUERY = (
    *COMMON_TIME, "/conf/collections/REQ_rc-parameter-name-definition", "/conf/edr/rc-parameter-name-response",
    "/conf/edr/REQ_rc-crs-definition", "/conf/edr/REQ_rc-crs-response", "/conf/edr/rc-f-definition",
    "/conf/collections/rc-f-response",
)  # fmt: skip
COORDS = ("/conf/edr/rc-coords-definition", "/conf/edr/rc-coords-response", "/conf/edr/rc-z-definition")
QUERIES: Mapping[str, tuple[str, ...]] = {
    "position": (*(f"/conf/position {n}" for n in "1234"), *COORDS, "/conf/edr/rc-z-response", *COMMON_QUERY),
    "area": (*(f"/conf/area {n}" for n in "1234"), *COORDS, "/conf/edr/rc-z-response", *COMMON_QUERY),
    "cube": (*(f"/conf/cube {n}" for n in "1234"), "/conf/core/rc-bbox-definition", "/conf/core/rc-bbox-response",
             "/conf/edr/rc-z-definition", "/conf/edr/rc-cube-z-response", *COMMON_QUERY),
    "locations": (*(f"/conf/locations {n}" for n in "123"), *COMMON_QUERY),
}  # fmt: skip
TESTS: Mapping[str, tuple[str, ...]] = {
    f"{COMMON}/core": _under(
        "/conf/core",
        "http query-param-name-unknown query-param-value-invalid query-param-capitalization query-param-list-delimiter"
        " query-param-list-escape query-param-list-empty query-param-value-boolean query-param-value-integer"
        " query-param-value-decimal query-param-value-double",
    ),
    f"{COMMON}/landing-page": _under("/conf/landing-page", WAY_IN),
    f"{COMMON}/json": _under("/conf/json", "definition content"),
    f"{COLLECTIONS}/collections": _under(
        "/conf/collections",
        "rc-md-op rc-md-success rc-md-links rc-md-timestamp rc-md-items src-md-op src-md-success"
        " rc-md-collection-content rc-md-items-links rc-md-extent",
    ),
    f"{FEATURES}/core": _under(
        "/conf/core",
        f"http crs84 {WAY_IN} fc-md-op fc-md-success fc-md-links fc-md-items fc-md-items-links fc-md-extent sfc-md-op"
        " sfc-md-success fc-op fc-bbox-definition fc-bbox-response fc-limit-definition fc-limit-response"
        " fc-time-definition fc-time-response query-param-invalid query-param-unknown fc-response fc-links"
        " fc-timeStamp fc-numberMatched fc-numberReturned f-op f-success f-links",
    ),
    f"{FEATURES}/geojson": _under("/conf/geojson", "definition content"),
    f"{EDR}/core": _under("/conf/core", f"http {EDR_WAY_IN}"),
    f"{EDR}/collections": (
        *_under("/conf/core", "crs rc-extent rc-collection-info-links"),
        *_under("/conf/collections", "rc-md-op src-md-op src-md-success"),
        "/conf/rc-md-success",
        *_under(
            "/conf/edr",
            "rc-collection-info rc-data-queries rc-common-query-type rc-common-variables rc-cube-variables"
            " rc-items-variables rc-md-query-links rc-parameters",
        ),
    ),
    f"{EDR}/json": _under("/conf/json", "definition content"),
    f"{EDR}/geojson": _under("/conf/geojson", "definition content"),
    f"{EDR}/covjson": _under("/conf/covjson", "definition content"),
    f"{EDR}/queries": tuple(f"{query}: {name}" for query, names in QUERIES.items() for name in names),
    **{f"{STAC}/{part}": (part,) for part in ("core", "collections", "ogcapi-features", "item-search")},
}


def shared(config: pytest.Config, factory: pytest.TempPathFactory) -> Everything:
    """One portal for all tests of standards: it takes a while to build, and nobody changes it."""
    if HELD not in config.stash:
        config.stash[HELD] = everything(factory.mktemp("standards"))
    return config.stash[HELD]


def asking(held: Everything):
    """A function that asks a path, and has the answer that is expected: of this status and type."""
    asked = client(held.app)

    def get(path: str, status: int = 200, media: str = JSON, accept: str = "*/*"):
        answer = asked.get(path, headers={"Accept": accept})
        assert answer.status_code == status, (path, answer.text[:500])
        assert answer.headers["content-type"].split(";")[0] == media, path
        return answer.json()

    return get


def rels(page: Mapping) -> dict[str, str]:
    """The addresses of a page's links by relation."""
    return {link["rel"]: link["href"] for link in page["links"]}


def parameter(document: Mapping, path: str, name: str) -> dict:
    """What an OpenAPI document says of a parameter of the GET at a path."""
    return next(p for p in document["paths"][path]["get"]["parameters"] if p["name"] == name)


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The application at an address of this machine, over HTTP/1.1."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
