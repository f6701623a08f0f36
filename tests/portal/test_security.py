"""What a stranger can try: paths, names, methods, hosts, sizes, speed; and what every answer bears."""

import asyncio
import gzip
import math
import re

import pytest
from fastapi import APIRouter
from starlette.testclient import TestClient

from landsink.core.errors import CaseError, DataError, UnknownName
from landsink.portal import create
from landsink.portal.entrance import operations
from tests.portal.gridded import shelf as gridded_shelf
from tests.portal.small import BASE, client

SECRET = "the keeper's own words"
CLIMBS = (
    "..", "../..", "..%2f..%2fsecret.txt", "%2e%2e%2f%2e%2e%2fsecret.txt", "..%5c..%5csecret.txt", "....//secret.txt",
    "%252e%252e%252fsecret.txt", "..%00/secret.txt", "%2fetc%2fpasswd", "file:%2f%2f%2fetc%2fpasswd", "~root", "-rf",
    "%c0%ae%c0%ae/secret.txt", "secret.txt%00.json", "' or 1=1 --", "*", "%25", "\u202e", "A" * 5000,
)  # fmt: skip


@pytest.fixture(scope="module")
def document(portal):
    """The OpenAPI document."""
    return portal.get("/api/openapi.json").json()


def addresses(document):
    """Every path with every one of its parameters as it might be put, the others harmless."""
    for name, _ in operations(document):
        method, path = name.split(" ", 1)
        for slot in re.findall(r"\{([^}]+)\}", path):
            yield method, path, slot


@pytest.mark.parametrize("climb", CLIMBS)
def test_no_path_parameter_leads_out(portal, shelf, ids, document, climb):
    (shelf[0].root.parent / "secret.txt").write_text(SECRET)
    (shelf[0].root / "secret.txt").write_text(SECRET)
    tried = 0
    for method, path, slot in addresses(document):
        address = path.replace("{" + slot + "}", climb)
        for other in re.findall(r"\{([^}]+)\}", address):
            address = address.replace("{" + other + "}", ids.run if other == "id" else "1")
        answer = portal.request(method, address, headers={"Accept": "application/json"})
        assert answer.status_code < 500, (method, address, answer.text)
        assert SECRET not in answer.text and "root:x:" not in answer.text
        tried += 1
    assert tried > 10


@pytest.mark.parametrize("climb", CLIMBS)
def test_static_files_lead_nowhere_else(portal, climb):
    for root in ("/", "/assets/", "/objects/", "/stations/", "/api/", "/zarr/"):
        answer = portal.get(root + climb)
        assert answer.status_code < 500 and "root:x:" not in answer.text
        assert "SQLite format" not in answer.text


def test_no_parameter_takes_an_address(document):
    names = {p["name"].lower() for _, o in operations(document) for p in o.get("parameters", [])}
    fields = {n.lower() for s in document["components"]["schemas"].values() for n in s.get("properties", {})}
    bodies = {
        ref.rsplit("/", 1)[-1]
        for _, o in operations(document)
        for ref in re.findall(r"#/components/schemas/\w+", str(o.get("requestBody", "")))
    }
    sent = {n.lower() for b in bodies for n in document["components"]["schemas"][b].get("properties", {})}
    forbidden = {"url", "uri", "href", "src", "link", "callback", "redirect", "webhook", "path", "dest"}
    assert names and fields and sent
    assert not forbidden & (names | sent)


def test_every_answer_bears_the_headers(portal, ids):
    for path in ("/", "/api", "/api/objects", f"/objects/{ids.run}", "/nowhere", "/api/nowhere", "/api/docs"):
        headers = portal.get(path).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'"
        assert policy["frame-ancestors"] == "'self'" and policy["base-uri"] == "'none'"
        assert (
            "unsafe" not in headers["content-security-policy"]
            and "http" not in headers["content-security-policy"]
        )
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert "cross-origin-resource-policy" in headers and "server" not in headers


def test_other_sites_may_read_what_is_public_and_nothing_else(portal):
    origin = {"Origin": "https://elsewhere.example"}
    public = portal.get("/api/objects", headers=origin).headers
    assert public["access-control-allow-origin"] == "*" and "access-control-allow-credentials" not in public
    for path in ("/", "/api/session", "/api/tokens", "/api/uploads"):
        assert "access-control-allow-origin" not in portal.get(path, headers=origin).headers
    asked = origin | {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "range"}
    before = portal.options("/api/objects", headers=asked)
    assert before.status_code == 204 and before.headers["access-control-allow-origin"] == "*"
    for path, method in (("/api/objects", "POST"), ("/api/session", "GET"), ("/api/uploads", "PUT")):
        answer = portal.options(path, headers=asked | {"Access-Control-Request-Method": method})
        assert answer.status_code == 403 and "access-control-allow-methods" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://127.0.0.1:9999"},
    ],
)  # fmt: skip
def test_another_sites_page_writes_nothing(portal, headers):
    body = {"name": "jane", "password": "x" * 20}
    assert portal.post("/api/session", json=body, headers=headers).status_code == 403
    assert portal.post("/api/session", json=body, headers={"Origin": BASE}).status_code == 401


@pytest.mark.parametrize(
    "host", ["elsewhere.example", "127.0.0.1.elsewhere.example", "", "[", "a@127.0.0.1:80:80"]
)
def test_a_portal_of_this_machine_answers_to_its_own_names(portal, host):
    assert portal.get("/api", headers={"Host": host}).status_code == 400
    for name in ("localhost", "127.0.0.1:1234", "[::1]:8350", "LOCALHOST"):
        assert portal.get("/api", headers={"Host": name}).status_code == 200


def test_names_of_a_public_portal_are_as_its_owner_says(fresh):
    asked, _ = fresh(host="0.0.0.0", hosts=("carbon.example.org",), address="https://carbon.example.org/")
    assert asked.get("/api").status_code == 400
    page = asked.get("/api", headers={"Host": "carbon.example.org"}).json()
    assert page["links"][0]["href"] == "https://carbon.example.org/api"


def test_so_many_questions_and_no_more(fresh):
    asked, _ = fresh(per_minute=30)
    answers = [asked.get("/api/conformance") for _ in range(12)]
    assert [a.status_code for a in answers] == [200] * 10 + [429] * 2
    assert answers[-1].headers["retry-after"] == "2" and answers[-1].json()["title"] == "Too Many Requests"
    other = TestClient(asked.app, base_url=BASE, client=("192.0.2.1", 1))
    assert other.get("/api/conformance").status_code == 200


def test_a_long_question_is_refused_before_it_is_read(fresh):
    asked, _ = fresh(body=1000)
    long = {"Content-Type": "application/json"}
    assert asked.post("/api/stac/search", content=b"[" * 1001, headers=long).status_code == 413

    def chunks():
        for _ in range(20):
            yield b"[" * 100

    assert asked.post("/api/stac/search", content=chunks(), headers=long).status_code == 413
    assert asked.post("/api/stac/search", json={"limit": 1}).status_code == 200


def test_a_slow_question_is_cut_off(fresh):
    asked, _ = fresh(patience=0.2)
    sent = []

    async def receive():
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def send(message):
        sent.append(message)

    headers = [
        (b"host", b"127.0.0.1"),
        (b"content-type", b"application/json"),
        (b"content-length", b"100000"),
    ]
    scope = {
        "type": "http", "method": "POST", "path": "/api/stac/search", "raw_path": b"/api/stac/search",
        "query_string": b"", "headers": headers, "client": ("127.0.0.1", 1), "scheme": "http", "http_version": "1.1",
        "server": ("127.0.0.1", 8350), "root_path": "",
    }  # fmt: skip
    asyncio.run(asked.app(scope, receive, send))
    assert sent[0]["status"] == 408


def test_deep_json_does_not_break_the_server(portal):
    headers = {"Content-Type": "application/json"}
    for body in (
        b"[" * 100_000,
        b'{"intersects":' * 5000,
        b"\xff\xfe",
        b'{"limit": 1e999}',
        b'{"limit": NaN}',
    ):
        assert portal.post("/api/stac/search", content=body, headers=headers).status_code in (400, 413)


class Fault:
    """Stands in for a part of the portal that fails as it is told."""

    def __init__(self, error):
        self.router = APIRouter()
        self.router.add_api_route("/api/fault", self._fail, methods=["GET"])
        self.error = error

    def _fail(self):
        raise self.error


def failing(fresh, error):
    """The answer of a portal one of whose routes fails."""
    asked, context = fresh()
    app = create(context)
    app.router.routes.insert(0, Fault(error).router.routes[0])
    return client(app).get("/api/fault")


def test_a_fault_of_ours_tells_nothing_of_the_inside(fresh, caplog):
    answer = failing(fresh, RuntimeError("the password is swordfish"))
    assert answer.status_code == 500 and answer.headers["content-type"] == "application/problem+json"
    assert "swordfish" not in answer.text and "Traceback" not in answer.text
    assert answer.json()["id"] in answer.json()["remedy"]
    assert answer.json()["id"] in caplog.text and "swordfish" in caplog.text
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UnknownName("'a' is not here.", "", "Near: b."), 404),
        (DataError("Found.", "Expected.", "Remedy."), 422),
        (CaseError("Found."), 422),
    ],
)
def test_failures_that_a_user_can_mend_are_told_in_full(fresh, error, status):
    answer = failing(fresh, error)
    page = answer.json()
    assert answer.status_code == status == page["status"]
    assert (page["found"], page["expected"], page["remedy"]) == (error.found, error.expected, error.remedy)


def test_a_store_that_fails_is_not_the_askers_fault(fresh):
    full, lost = DataError("No room."), DataError("No database.")
    full.__cause__, lost.__cause__ = OSError(28, "No space left on device"), OSError(5, "I/O error")
    assert failing(fresh, full).status_code == 507 and failing(fresh, lost).status_code == 503


def test_failures_of_routing_are_problems_too(portal):
    for method, path, status in (
        ("GET", "/api/nowhere", 404),
        ("DELETE", "/api/objects", 405),
        ("POST", "/", 405),
    ):
        answer = portal.request(method, path)
        assert answer.status_code == status, (method, path)
        if status != 404 or path.startswith("/api"):
            assert answer.headers["content-type"] == "application/problem+json"


# --- the page


def test_the_page_is_served_for_its_own_addresses(portal):
    for path in ("/", "/search", "/stations", "/stations/DE-Tha", "/jobs", "/jobs/abc", "/about"):
        answer = portal.get(path)
        assert answer.status_code == 200
        assert "id='app'" in answer.text
        assert answer.headers["cache-control"] == "no-cache"
    assert portal.get("/nowhere").status_code == 404


def test_hashed_parts_are_kept_forever_and_others_asked_for_again(portal):
    script = portal.get("/assets/index-B4x9Qz1a.js")
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert script.headers["content-type"].startswith("text/javascript")
    plain = portal.get("/regions.json")
    assert plain.headers["cache-control"] == "no-cache" and plain.json()["type"] == "FeatureCollection"
    assert portal.get("/regions.json", headers={"If-None-Match": plain.headers["etag"]}).status_code == 304
    assert portal.get("/assets/other-B4x9Qz1a.js").status_code == 404


def test_parts_are_packed_where_that_helps(portal):
    packed = portal.get("/assets/index-B4x9Qz1a.js", headers={"Accept-Encoding": "gzip"})
    plain = portal.get("/assets/index-B4x9Qz1a.js", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert packed.content == plain.content and packed.headers["vary"] == "Accept-Encoding"
    assert int(packed.headers["content-length"]) < len(plain.content) / 5
    assert len(gzip.compress(plain.content)) > 0


def test_bytes_of_objects_are_never_packed(portal, ids):
    answer = portal.get(f"/api/objects/{ids.cube}/data", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers
    listed = portal.get("/api/objects", headers={"Accept-Encoding": "gzip"})
    assert listed.headers["content-encoding"] == "gzip"


def test_without_a_built_map_a_plain_page_says_what_to_do(fresh, tmp_path):
    asked, _ = fresh(page=tmp_path / "nothing")
    answer = asked.get("/")
    assert answer.status_code == 503 and "npm run build" in answer.text and "/api/docs" in answer.text
    assert asked.get("/api").status_code == 200 and asked.get("/assets/x.js").status_code == 404


# --- the document


def test_the_document_tells_every_route_its_failures_and_its_name(document):
    names = [o.get("operationId") for _, o in operations(document)]
    assert None not in names and len(set(names)) == len(names)
    for name, operation in operations(document):
        assert operation.get("tags"), name
        assert operation.get("description") or operation.get("summary"), name
        assert {"400", "429"} <= set(operation["responses"]) and "default" not in operation["responses"], name
        assert name.startswith("GET ") or "403" in operation["responses"]
        good = [r for s, r in operation["responses"].items() if s[0] in "23"]
        assert good, name
    assert "HTTPValidationError" not in str(document)


def test_the_way_in_leads_on(portal):
    page = portal.get("/api").json()
    for link in page["links"]:
        assert portal.get(link["href"]).status_code == 200, link
    words = portal.get("/api/conformance").json()["conformsTo"]
    assert "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core" in words
    assert "https://api.stacspec.org/v1.0.0/core" in words and len(set(words)) == len(words)
    health = portal.get("/api/health").json()
    assert health["status"] == "ok" and health["items"] == 6
    assert "/api/objects/{id}/citation" in portal.get("/api/docs").text


def test_a_closed_portal_tells_strangers_nothing(fresh):
    asked, context = fresh(open_reads=False)
    for path in ("/api/objects", "/api/stac", "/api/stac/search", "/objects/whatever12", "/api/products"):
        assert asked.get(path, headers={"Accept": "application/json"}).status_code == 401, path
    context.accounts.add("jane", "reader", "a few plain words")
    secret, _ = context.accounts.make_token("jane", "t", ["read"])
    assert asked.get("/api/objects", headers={"Authorization": f"Bearer {secret}"}).status_code == 200


# --- what is under embargo, and what would break a reader


def test_a_cube_under_embargo_is_given_by_no_door(tmp_path):
    """A product that was published, and then put under embargo: bytes, release, tiles, queries all refuse."""
    at = gridded_shelf(tmp_path)
    item = at.catalogue.get(at.id)
    item.properties["landsink:embargo"] = "2099-01-01"
    at.catalogue.add(item)
    for path in (
        f"/api/objects/{at.id}/data", f"/zarr/{at.id}/map/gpp/c/0/0/0", f"/zarr/{at.id}/map/zarr.json",
        f"/api/products/{at.id}", f"/api/products/{at.id}/series?variable=gpp&lat=45&lon=5",
        f"/api/products/{at.id}/step?variable=gpp&time=2001-01", f"/api/products/{at.id}/tiles/gpp/0/0/0/0.png",
        f"/api/products/{at.id}/statistics?variable=gpp&region=AAA", f"/api/products/{at.id}/subset?variable=gpp",
        f"/api/collections/{at.id}/position?coords=POINT(5 45)", f"/api/collections/{at.id}/locations/AAA",
        f"/api/collections/{at.id}/cube?bbox=0,40,20,60", f"/api/collections/{at.id}/locations",
    ):  # fmt: skip
        answer = at.client.get(path)
        assert answer.status_code == 403, (path, answer.status_code)
        assert "embargo" in answer.json()["detail"]
    assert at.id not in at.client.get("/api/products").text
    assert at.client.head(f"/zarr/{at.id}/map/gpp/c/0/0/0").status_code == 403


HUGE = [
    "q=" + "a" * 50_000,
    "&".join(f"p{n}=1" for n in range(6_000)),
    "bbox=" + "1," * 25_000,
    "q=%00%ff%fe",
]


@pytest.mark.parametrize("query", HUGE, ids=["long", "many", "list", "bytes"])
@pytest.mark.parametrize(
    "path", ["/api/objects", "/api/stac/search", "/api/stations", "/api/collections/stations/items"]
)
def test_huge_questions_are_no_fault_of_ours(portal, path, query):
    assert portal.get(f"{path}?{query}").status_code < 500


def ring(count):
    """A polygon of so many corners."""
    angles = [2 * math.pi * n / count for n in range(count)]
    points = [[10 * math.cos(a), 10 * math.sin(a)] for a in angles]
    return {"type": "Polygon", "coordinates": [[*points, points[0]]]}


@pytest.mark.parametrize(
    "shape",
    [
        ring(60_000), {"type": "GeometryCollection", "geometries": [ring(4)] * 5000},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[[1e308, 1e308], [-1e308, 0], [0, 0], [1e308, 1e308]]]},
        {"type": "MultiPolygon", "coordinates": [[[[0, 0], [1, 0], [1, 1], [0, 0]]]] * 3000},
        {"type": "Point", "coordinates": ["a", None]}, {"type": "LineString", "coordinates": [[0, 0]] * 2},
    ],
    ids=["corners", "collection", "empty", "infinite", "same", "words", "nowhere"],
)  # fmt: skip
def test_geometries_that_would_break_a_reader_are_refused(portal, ids, shape):
    for path, body in (
        ("/api/stac/search", {"intersects": shape}),
        (f"/api/products/{ids.run}/statistics", {"variable": "gpp", "polygon": shape}),
    ):
        answer = portal.post(path, json=body)
        assert answer.status_code in (200, 400, 404, 413, 422), (path, answer.text[:300])


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(portal, ids, number):
    headers = {"Content-Type": "application/json"}
    for body in (f'{{"bbox": [{number}, 0, 1, 1]}}', f'{{"limit": {number}}}'):
        assert portal.post("/api/stac/search", content=body.encode(), headers=headers).status_code == 400
    for query in (f"lat={number}&lon=5", f"lat=45&lon={number}"):
        assert portal.get(f"/api/stations/near?{query}").status_code == 422
    assert portal.get(f"/api/objects?bbox={number},0,1,1").status_code == 422


def test_a_session_is_never_one_that_the_visitor_brought(fresh):
    asked, context = fresh()
    context.accounts.add("jane", "contributor", "a few plain words")
    asked.cookies.set("landsink", "fixed" * 8)
    asked.cookies.set("session", "fixed" * 8)
    body = {"name": "jane", "password": "a few plain words"}
    answer = asked.post("/api/session", json=body, headers={"Origin": BASE})
    assert answer.status_code == 200
    given = answer.headers["set-cookie"]
    assert "fixed" not in given and "httponly" in given.lower() and "samesite=lax" in given.lower()
