"""No address and no path that a visitor or a sender writes is ever opened: by the source, and by asking every route."""

import ast
import json
import re
import socket
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from starlette.testclient import TestClient

from landsink import case
from landsink.portal import create
from landsink.portal.entrance import operations
from tests.catalogue.plots import HEAD, SAID
from tests.house import tree
from tests.portal import hdf5, hostile
from tests.portal.everything import Everything, everything
from tests.portal.openers import openers
from tests.portal.small import client, cube

# --- by the source

ROOMS = ("portal", "account", "catalogue", "core")
KEEPERS = "what the keeper configured: LANDSINK_STORE, LANDSINK_DATABASE or LANDSINK_HOME, and keys of ours below it"
OURS = "a program of the house's own on a file of a name of its own; its command line holds no word of a sender's"
CLIENT = "the side of a user's own machine (landsink.open); no module of a server imports it"
ALLOWED = {
    ("catalogue.blobs", "obstore"): KEEPERS,
    ("catalogue.database", "sqlalchemy.create_engine"): KEEPERS,
    ("catalogue.database", "sqlalchemy.engine"): KEEPERS,
    ("catalogue.database", "sqlite3.connect"): KEEPERS,
    ("catalogue.releases.release", "xarray.open_zarr"): KEEPERS,
    ("catalogue.releases.release", "zarr.storage"): KEEPERS,
    ("catalogue.growing", "icechunk"): KEEPERS,
    ("catalogue.growing", "importlib.util"): "looks whether Icechunk is installed; loads nothing",
    ("catalogue.growing", "xarray.open_zarr"): KEEPERS,
    ("catalogue.growing", "zarr.open_group"): KEEPERS,
    ("portal.jobs.notified", "procrastinate"): KEEPERS,
    ("portal.jobs.notified", "psycopg"): KEEPERS,
    (
        "portal.station_series",
        "zarr.open_group",
    ): "a station's folder, which its item says; only a keeper enters one",
    ("catalogue.containment", "subprocess"): OURS,
    ("catalogue.cube", "subprocess"): OURS,
    ("portal.jobs.crew", "subprocess"): OURS,
    ("portal.jobs.worker", "subprocess"): OURS,
    ("core.late", "importlib.import_module"): "modules that the house names; the list sees through it",
    ("core.engine.build", "subprocess"): "the compiler of this machine, on source that the house generates",
    ("core.engine.build", "ctypes"): "the library that it made",
    ("core.engine.build", "importlib.util"): "looks whether a compiler is installed; loads nothing",
    ("catalogue.cube_reader", "xarray.open_dataset"): "the staged file, once it was seen to name no other",
    ("catalogue.hdf5_reader", "netCDF4"): "the staged file, where no second one can be opened",
    ("catalogue.hdf5_reader", "ctypes"): "a function of netCDF4's own library",
    ("portal.writing", "netCDF4"): "writes an answer, as a new file in memory or in a folder of ours",
    ("portal.server", "socket"): "listens",
    ("catalogue.opening", "pandas.read_csv"): CLIENT,
    ("catalogue.opening", "xarray.open_dataset"): CLIENT,
    ("catalogue.opening", "xarray.open_zarr"): CLIENT,
    ("catalogue.remote", "httpx"): CLIENT,
    ("catalogue.remote", "obstore"): CLIENT,
    ("catalogue.remote", "xarray.open_zarr"): CLIENT,
    ("catalogue.remote", "zarr.storage"): CLIENT,
}


def test_what_can_open_an_address_is_on_a_short_list():
    rooms = [m for m in tree.modules() if tree.room(m) in ROOMS]
    found = {(m.removeprefix("landsink."), name) for m in rooms for name in openers(tree.parsed(m))}
    assert len(rooms) > 80
    assert found == set(ALLOWED), (found - set(ALLOWED), set(ALLOWED) - found)


def test_no_module_of_the_server_opens_as_a_client_does():
    for module in tree.modules():
        if tree.room(module) in ("portal", "account") or module.startswith("landsink.case"):
            named = {i.target for i in tree.imports(module)}
            assert not named & {"landsink.catalogue.opening", "landsink.catalogue.remote"}, module
            assert not re.search(r"\b(landsink|catalogue)\.open\(", tree.modules()[module].read_text()), (
                module
            )


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("import httpx as h\nh.get(x)", "httpx"), ("from urllib.request import urlopen as u\nu(x)", "urllib.request"),
        ("import xarray as xr\nf = xr.open_mfdataset", "xarray.open_mfdataset"), ("import os\nos.popen(x)", "os.popen"),
        ("import pystac\npystac.Item.from_file(x)", ".from_file"), ("eval(x)", "builtins.eval"),
        ("import lazy_loader\nr = lazy_loader.load('requests')\nr.get(x)", "requests"),
        ("s.store.from_url(x)", ".from_url"),
        ("import asyncio\nasyncio.open_connection(x)", "asyncio.open_connection"),
    ],
)  # fmt: skip
def test_the_list_sees_what_it_must(line, found):
    assert found in set(openers(ast.parse(line)))


@pytest.mark.parametrize(
    "line", ["from urllib.parse import quote\nquote(x)", "import os\nos.path.join(x)", "a.get(x)"]
)
def test_the_list_sees_no_more(line):
    assert not set(openers(ast.parse(line)))


# --- by asking

CANARY = "canary-7f3d-in-a-file-of-the-server"
# What Python opened and where it connected to, while it is looked at.
SEEN: list[str] = []


def _seen(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect":
        SEEN.append(f"{event} {arguments[1]!r}")
    if event in ("open", "os.listdir", "os.scandir") and "canary" in str(arguments[0]):
        SEEN.append(f"{event} {arguments[0]!r}")


sys.addaudithook(_seen)


@dataclass
class Trap:
    """A listening socket, and a file that nobody may read."""

    folder: Path
    touched: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.canary = self.folder / "canary.txt"
        self.canary.write_text(CANARY * 20)
        self.bound = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        while True:
            try:
                asked, where = self.bound.accept()
            except OSError:
                return
            asked.close()
            self.touched.append(where)

    @property
    def addresses(self) -> list[str]:
        port, path = self.bound.getsockname()[1], self.canary
        host = f"127.0.0.1:{port}"
        return [
            f"http://{host}/x", f"https://{host}/x.nc", f"//{host}/x", f"\\\\{host}\\x", f"gopher://{host}/x",
            f"ftp://{host}/x", f"s3://{host}/x", f"dap2://{host}/x", f"http://{host}/x.zarr#mode=zarr,s3",
            str(path), f"file://{path}", f"file:{path}", f"../../../../../../../..{path}", f"reference://{path}",
        ]  # fmt: skip


@dataclass(frozen=True)
class Ground:
    """A portal with one of everything and objects full of addresses; `told` are all answers to what brought them."""

    held: Everything
    trap: Trap
    ask: TestClient
    brought: list[str]
    headers: dict[str, str]
    told: list[bytes]


@pytest.fixture(scope="module")
def ground(tmp_path_factory) -> Iterator[Ground]:
    trap = Trap(tmp_path_factory.mktemp("trap"))
    held = everything(tmp_path_factory.mktemp("addresses"))
    context = replace(held.context, publish=case.publish_object)
    context.__dict__["accounts"] = held.context.accounts
    app = create(context)
    app.state.queue = held.app.state.queue
    headers = {"Authorization": f"Bearer {held.token}"}
    made = Ground(replace(held, app=app, context=context), trap, client(app), [], headers, [])
    SEEN.clear()
    for name, specification, data in sent(trap, tmp_path_factory.mktemp("sent")):
        bring(made, name, specification, data)
    yield made
    trap.bound.close()


def said(trap: Trap) -> dict[str, object]:
    """A description all of whose words are addresses."""
    words = trap.addresses
    people = [{"name": w, "affiliation": w} for w in words]
    texts = {
        n: " ".join(words)
        for n in ("title", "description", "method", "contact", "funding", "publisher", "station")
    }
    return SAID | texts | {"keywords": words, "creators": people, "doi": f"10.1234/{words[0]}"}


def sent(trap: Trap, folder: Path) -> Iterator[tuple[str, str, bytes]]:
    """A table, a NetCDF file and a Zarr whose cells and attributes are addresses."""
    rows = "".join(f'"{w}",2019-06-01,51.0,13.5,0,30,{n}\n' for n, w in enumerate(trap.addresses))
    yield "stocks.csv", "soil-stocks", (HEAD + rows).encode()
    with xr.open_dataset(cube(folder)) as ds:
        ds = ds.load()
    names = (
        "source",
        "references",
        "history",
        "title",
        "url",
        "external_variables",
        "featureType",
        "license",
    )
    ds.attrs |= dict(zip(names, trap.addresses, strict=False)) | {
        "_NCProperties": "x",
        "DODS": trap.addresses[0],
    }
    more = (
        "long_name",
        "comment",
        "cell_measures",
        "grid_mapping",
        "ancillary_variables",
        "formula_terms",
        "flag_meanings",
    )
    ds["nee"].attrs |= dict(zip(more, trap.addresses, strict=False))
    ds = ds.assign(place=("site", np.array(trap.addresses, object)))
    ds.attrs.pop("_NCProperties")
    ds.to_netcdf(folder / "attributes.nc")
    yield "attributes.nc", "gridded-fluxes", (folder / "attributes.nc").read_bytes()
    with warnings.catch_warnings(action="ignore"):
        # Zarr warns of consolidated metadata in version 3, which many write.
        ds.to_zarr(folder / "a.zarr", consolidated=True, zarr_format=3)
    files = {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in (folder / "a.zarr").rglob("*")
        if p.is_file()
    }
    record = {
        "case": {"title": "x", "domain": {"source": str(trap.canary)}},
        "inputs": trap.addresses,
        "hash": "0" * 64,
    }
    yield (
        "a.zip",
        "gridded-fluxes",
        hostile.packed(files | {"a.zarr/record.json": json.dumps(record).encode()}),
    )


def bring(g: Ground, name: str, specification: str, data: bytes) -> None:
    body = {"filename": name, "specification": specification, "metadata": said(g.trap)}
    where = g.ask.post("/api/uploads", json=body, headers=g.headers).headers["location"]
    answers = [
        g.ask.put(f"{where}/content", content=data, headers=g.headers),
        g.ask.post(f"{where}/try", headers=g.headers),
        g.ask.post(f"{where}/ingest", headers=g.headers),
    ]
    g.told.extend(a.content for a in answers)
    assert answers[-1].status_code == 201, answers[-1].text
    g.brought.append(answers[-1].json()["id"])


def untouched(g: Ground, answers: list[bytes]) -> None:
    """Nobody came to the listening socket, Python opened and asked nothing, and no answer tells of the canary."""
    assert not g.trap.touched and not SEEN, (g.trap.touched, SEEN)
    assert not [a[:200] for a in answers if CANARY.encode() in a]


SENSE = {
    "variable": "nee", "parameter-name": "nee", "lat": "46", "lon": "6", "bbox": "0,40,20,60", "time": "2001-01",
    "coords": "POINT(6 46)", "region": "AAA", "place": "AAA", "step": "0", "z": "0", "x": "0", "y": "0",
    "key": "map/zarr.json", "collection": "cubes", "columns": "plot", "f": "", "asset": "", "form": "datacite",
}  # fmt: skip


def questions(g: Ground, name: str) -> Iterator[tuple[str, str, dict[str, str], list[str]]]:
    """Every operation with this identifier: method, address, the query that it needs, and what else it may be asked."""
    for label, told in operations(g.ask.get("/api/openapi.json").json()):
        method, path = label.split(" ", 1)
        rows = [p for p in told.get("parameters", []) if p["in"] == "query"]
        for slot in re.findall(r"\{([^}]+)\}", path):
            path = path.replace("{" + slot + "}", name if slot == "id" else SENSE.get(slot, name))
        needed = {p["name"]: SENSE.get(p["name"], "1") for p in rows if p.get("required")}
        yield method, path, needed, [p["name"] for p in rows]


@pytest.mark.parametrize(
    "which", [slice(1, 2), pytest.param(slice(None), marks=pytest.mark.slow)], ids=["some", "all"]
)
def test_no_route_reads_what_an_object_names(ground, which):
    answers, good = list(ground.told), set()
    for name in [
        *ground.brought[which],
        ground.held.names.run,
        ground.held.names.table,
        *ground.held.stations,
    ]:
        for method, path, query, _ in questions(ground, name):
            if method == "DELETE":
                continue
            asked = ground.ask.request(method, path, params=query, headers=ground.headers)
            assert asked.status_code < 500, (method, path, asked.text[:500])
            answers.append(asked.content)
            good |= {path.replace(name, "{}")} if asked.status_code == 200 else set()
    for form in ("data", "lineage", "crate", "table"):
        assert f"/api/objects/{{}}/{form}" in good
    assert {"/objects/{}", "/api/products/{}", "/api/stac/collections/cubes/items/{}"} <= good, good
    untouched(ground, answers)


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.slow)], ids=["some", "all"])
def test_no_question_is_an_address(ground, every):
    answers, asked = [], 0
    for word in ground.trap.addresses[::every]:
        for method, path, needed, names in questions(ground, ground.brought[1]):
            if method not in ("GET", "POST"):
                continue
            for name in names:
                answer = ground.ask.request(
                    method, path, params=needed | {name: word}, headers=ground.headers
                )
                assert answer.status_code < 500, (path, name, word, answer.text[:300])
                answers.append(answer.content)
                asked += 1
    assert asked > 250
    untouched(ground, answers)


def test_no_body_is_an_address(ground):
    answers = []
    for word in ground.trap.addresses:
        link = [{"rel": "next", "href": word}]
        for path, body in (
            ("/api/stac/search", {"links": link, "limit": 1}),
            ("/api/stac/search", {"ids": [word], "collections": [word]}),
            ("/api/stac/search", {"intersects": {"type": "Point", "coordinates": [5, 45], "href": word}}),
            ("/api/stac/search", {"intersects": {"$ref": word}}),
            ("/api/uploads", {"filename": "a.csv", "metadata": SAID | {"assets": {"data": {"href": word}}}}),
            ("/api/uploads", {"filename": word, "metadata": SAID}),
            ("/api/uploads", {"filename": "a.csv", "specification": word}),
            ("/api/uploads", {"filename": "a.csv", "metadata": SAID, "url": word}),
            (
                "/api/processes/toil/execution",
                {"inputs": {"base": word, "how": word}, "subscriber": {"successUri": word}},
            ),
            (
                "/api/processes/toil/execution",
                {"inputs": {"base": {"href": word}}, "outputs": {"product": {"href": word}}},
            ),
            (f"/api/products/{ground.brought[1]}/statistics", {"variable": "nee", "polygon": {"$ref": word}}),
            ("/api/tokens", {"name": word, "scopes": ["read"]}), ("/api/session", {"name": word, "password": word}),
        ):  # fmt: skip
            answer = ground.ask.post(path, json=body, headers=ground.headers)
            assert answer.status_code < 500, (path, body, answer.text[:300])
            answers.append(answer.content)
            ground.ask.delete(answer.headers.get("location", "/api/uploads/none"), headers=ground.headers)
    untouched(ground, answers)


def test_every_page_and_every_failure_bears_the_policy(ground):
    """What a browser may load, on whatever answer it shows: pages, stations' pages, failures of every kind."""
    html, statuses = set(), set()
    for name in (ground.held.names.table, ground.brought[1], ground.held.stations[0], "nobody-is-called-so"):
        for method, path, query, _ in questions(ground, name):
            answer = ground.ask.request(method, path, params=query, headers={"Accept": "text/html,*/*"})
            policy = answer.headers["content-security-policy"]
            rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))
            assert rules["default-src"] == "'none'", path
            assert "unsafe-eval" not in policy and "unsafe-inline" not in rules.get("script-src", ""), path
            assert "sandbox" in rules or rules["frame-ancestors"] == "'self'", path
            assert (
                not re.search(r"https?:|\*", policy) and answer.headers["x-content-type-options"] == "nosniff"
            )
            statuses.add(answer.status_code)
            if answer.headers.get("content-type", "").startswith("text/html"):
                html.add(path.replace(name, "{}"))
    assert {"/objects/{}", "/api/docs", "/api/stations/{}/page"} <= html, html
    assert {200, 401, 404, 422} <= statuses
    for answer in (
        ground.ask.get("/nowhere"), ground.ask.post("/"), ground.ask.get("/", headers={"Host": "else.example"}),
        ground.ask.post("/api/stac/search", content=b"[" * (3 << 20)),
    ):  # fmt: skip
        assert answer.status_code >= 400 and "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("way", hdf5.WAYS)
def test_a_file_that_lies_in_another_is_refused_unread(ground, tmp_path, way):
    path, other = cube(tmp_path / "in"), cube(tmp_path / "canary")
    hdf5.outward(path, way, ground.trap.canary if way == "external" else other)
    with xr.open_dataset(path) as ds:
        # So it is read where nobody looks: with values that its sender never had.
        first = CANARY.encode()[0] if way == "external" else -1e-7
        assert ds["nee"].values.ravel()[0] == pytest.approx(first)
    SEEN.clear()
    body = {"filename": "a.nc", "specification": "cube", "metadata": SAID}
    where = ground.ask.post("/api/uploads", json=body, headers=ground.headers).headers["location"]
    ground.ask.put(f"{where}/content", content=path.read_bytes(), headers=ground.headers)
    answer = ground.ask.post(f"{where}/ingest", headers=ground.headers)
    (defect,) = answer.json()["report"]["defects"]
    assert answer.status_code == 422 and "cannot be read by itself" in defect["found"]
    assert answer.json()["report"]["facts"] == {} or not answer.json()["report"]["facts"].get("columns")
    untouched(ground, [answer.content])


def orders(words: list[str], uploaded: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Requests to run what names a path, an address, or code."""
    for word in words:
        yield "experiment", {"base": word[:64]}
        yield "experiment", {"base": uploaded, "processes": {"soil": word}}
        yield "experiment", {"base": uploaded, "record": word}
        yield "case", {"name": word[:64]}
        yield "case", {"name": "demo", "record": word}
        for key in (
            "domain.source.options.path", "domain.source", "domain.sites", "output.folder", "output.variables",
            "model.soil", "model.parameters", "model.engine", "start.pools", "start.file", "assimilate.posterior",
            "assimilate.priors", "assimilate.method", "map.source", "map.members", "map.carry", "experiment.base",
        ):  # fmt: skip
            yield "case", {"name": "demo", "changes": [f"{key}={word}"]}
            yield "case", {"name": "demo", "changes": [f'{key}="{word}"']}
            yield "case", {"name": "demo", "changes": [f'{key}={{file = "{word}"}}']}
    for code in ("os:system", "model.soil=subprocess:run", "landsink.cli:app"):
        yield "case", {"name": "demo", "changes": [f"model.soil={code}"]}


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.slow)], ids=["some", "all"])
def test_no_run_names_a_path(ground, tmp_path, every):
    """A case or experiment that names a file, an address or code is refused, and reads nothing of it."""
    context = replace(ground.held.context, processes=case.Processes(ground.held.context.catalogue, tmp_path))
    context.__dict__["accounts"] = ground.held.context.accounts
    app = create(context)
    app.state.queue = ground.held.app.state.queue
    asked, answers = client(app), []
    for process, inputs in orders([*ground.trap.addresses[::every], ground.brought[2]], ground.brought[2]):
        answer = asked.post(
            f"/api/processes/{process}/execution", json={"inputs": inputs}, headers=ground.headers
        )
        assert answer.status_code in (400, 404, 422), (process, inputs, answer.status_code, answer.text[:300])
        answers.append(answer.content)
    for name in ground.brought:
        assert asked.get(f"/api/processes/experiment/choices?base={name}").status_code in (404, 422)
    assert len(answers) > 100
    untouched(ground, answers)
