"""Uploads: from a trial with its defects to an object in the catalogue; and every refusal leaves nothing behind."""

import base64
import hashlib
import http.client
import io
import json
import os
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import uvicorn
import xarray as xr

from landsink.catalogue import Catalogue, Limits
from landsink.portal import Context, Settings, create
from landsink.portal.uploads import sweep
from tests.catalogue.plots import DAY, SAID, table
from tests.portal.small import built, client, cube

WORDS = "a few plain words"


def tree(root: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes, but for databases and locks, which hold no upload."""
    files = (p for p in root.rglob("*") if p.is_file() and "sqlite" not in p.name and p.name != "lock")
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in files}


def known(context: Context, name: str = "jane", role: str = "contributor") -> dict[str, str]:
    """The headers of somebody with an account."""
    context.accounts.add(name, role, WORDS)
    secret, _ = context.accounts.make_token(
        name, "test", ("read", "write") if role != "reader" else ("read",)
    )
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def sent(fresh):
    """A client, its context, and somebody who may upload."""
    asked, context = fresh(keep_hours=1.0)
    return asked, context, known(context)


def place(asked, who, filename="stocks.csv", specification="soil-stocks", **metadata):
    """Makes a place for a file; returns its address."""
    body = {"filename": filename, "specification": specification, "metadata": SAID | metadata}
    answer = asked.post("/api/uploads", json=body, headers=who)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/uploads/{answer.json()['id']}"
    return answer.headers["location"]


def test_from_a_trial_to_an_object_that_is_found(sent, tmp_path):
    asked, context, who = sent
    data = table(tmp_path / "in").read_bytes()
    where = place(asked, who)
    held = asked.put(f"{where}/content", content=data, headers=who)
    assert held.json()["size"] == len(data) and held.json()["sha256"] == hashlib.sha256(data).hexdigest()
    report = asked.post(f"{where}/try", headers=who).json()
    assert report["accepted"] and not report["known"] and report["file"] == "stocks.csv"
    assert asked.get("/api/objects").json()["total"] == 0
    made = asked.post(f"{where}/ingest", headers=who)
    assert made.status_code == 201 and made.json()["id"] == report["id"]
    assert made.headers["location"].endswith(f"/objects/{report['id']}")
    found = asked.get("/api/objects", params={"q": "valley"}).json()["items"][0]
    assert found["properties"]["landsink:file"] == "stocks.csv"
    assert asked.get(f"/api/objects/{report['id']}/data").content == data
    assert not list((context.catalogue.root / "uploads").iterdir())
    assert asked.get(where, headers=who).status_code == 404


def test_a_cube_and_a_zipped_cube_are_taken_in(sent, tmp_path):
    asked, _, who = sent
    source = cube(tmp_path / "in")
    with xr.open_dataset(source) as ds:
        ds.to_zarr(tmp_path / "c.zarr", consolidated=False)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in sorted((tmp_path / "c.zarr").rglob("*")):
            archive.write(file, file.relative_to(tmp_path))
    for name, data in (("f.nc", source.read_bytes()), ("f.zarr.zip", packed.getvalue())):
        where = place(asked, who, name, "gridded-fluxes")
        asked.put(f"{where}/content", content=data, headers=who)
        assert asked.post(f"{where}/ingest", headers=who).status_code == 201


def test_every_defect_is_told_the_description_mended_and_nothing_sent_twice(sent, tmp_path):
    asked, _, who = sent
    where = place(asked, who, licence="CC-BY", title="")
    asked.put(f"{where}/content", content=table(tmp_path / "in").read_bytes(), headers=who)
    report = asked.post(f"{where}/try", headers=who).json()
    assert not report["accepted"]
    assert {d["where"] for d in report["defects"]} == {"description, licence", "description, title"}
    assert any("CC-BY-4.0" in d["found"] for d in report["defects"])
    mended = asked.put(where, json={"metadata": SAID}, headers=who)
    assert mended.status_code == 200
    assert asked.post(f"{where}/ingest", headers=who).status_code == 201


def test_a_rejected_file_leaves_nothing_behind(sent):
    asked, context, who = sent
    before = tree(context.catalogue.root)
    where = place(asked, who)
    asked.put(f"{where}/content", content=b"plot,date\nA,yesterday\n", headers=who)
    answer = asked.post(f"{where}/ingest", headers=who)
    assert answer.status_code == 422 and answer.headers["content-type"] == "application/problem+json"
    assert any("cSoil" in d["found"] for d in answer.json()["report"]["defects"])
    assert tree(context.catalogue.root) == before and asked.get(where, headers=who).status_code == 404


def bomb() -> bytes:
    """A zip that swells a thousandfold."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zarr.json", b"{}")
        archive.writestr("c/0", bytes(1 << 24))
    return packed.getvalue()


def climbing() -> bytes:
    """A zip whose member climbs out of its folder."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("zarr.json", b"{}")
        archive.writestr("../../../escaped.txt", b"out")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "word"),
    [
        ("a.zip", bomb(), "swells"),
        ("a.zip", climbing(), "names a member"),
        ("a.zip", b"no zip at all", "cannot be unpacked"),
        ("a.nc", b"CDF\x01" + os.urandom(4000), ""),
        ("a.nc", b"\x89HDF\r\n\x1a\n" + os.urandom(4000), ""),
    ],
)
def test_hostile_files_are_rejected_whole(sent, tmp_path, name, data, word):
    asked, context, who = sent
    before = tree(tmp_path)
    where = place(asked, who, name, "cube")
    assert asked.put(f"{where}/content", content=data, headers=who).status_code == 200
    answer = asked.post(f"{where}/ingest", headers=who)
    assert answer.status_code == 422 and word in str(answer.json()["report"]["defects"])
    assert tree(tmp_path) == before
    assert str(context.catalogue.root) not in answer.text


def test_too_long_too_short_and_another_digest_are_refused_whole(tmp_path):
    catalogue = Catalogue(tmp_path / "home", clock=lambda: DAY, limits=Limits(size=5000, table=500))
    context = Context(catalogue, Settings(page=built(tmp_path / "page")))
    asked, who = client(create(context)), known(context)
    before = tree(tmp_path)

    def chunks():
        for _ in range(100):
            yield bytes(100)

    other = "sha-256=:" + base64.b64encode(hashlib.sha256(b"other").digest()).decode() + ":"
    for body, more, status in (
        (bytes(501), {}, 413),
        (chunks(), {}, 413),
        (b"", {}, 422),
        (b"plot", {"Repr-Digest": other}, 422),
    ):
        where = place(asked, who)
        assert asked.put(f"{where}/content", content=body, headers=who | more).status_code == status
        assert tree(tmp_path) == before
    right = "sha-256=:" + base64.b64encode(hashlib.sha256(b"plot").digest()).decode() + ":"
    where = place(asked, who)
    assert (
        asked.put(f"{where}/content", content=b"plot", headers=who | {"Repr-Digest": right}).status_code
        == 200
    )
    assert asked.put(f"{where}/content", content=b"plot", headers=who).status_code == 409


def test_a_silent_and_a_trickling_sender_are_cut_off(fresh):
    asked, context = fresh(patience=0.3, slowest=1000)
    who = known(context)
    before = tree(context.catalogue.root)

    def silent():
        yield b"plot,"
        time.sleep(1.0)
        yield b"date"

    def trickling():
        for _ in range(200):
            time.sleep(0.05)
            yield b"x"

    for body in (silent(), trickling()):
        where = place(asked, who)
        answer = stream(context, where, who, body)
        assert answer == 408
        assert tree(context.catalogue.root) == before


def stream(context: Context, where: str, who: dict[str, str], parts) -> int:
    """Send a body part by part to a real server, since a client in the process hands over all at once."""
    server = uvicorn.Server(uvicorn.Config(create(context), port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        asked.putrequest("PUT", f"{where}/content")
        for name, value in (who | {"Transfer-Encoding": "chunked"}).items():
            asked.putheader(name, value)
        asked.endheaders()
        try:
            for part in parts:
                asked.send(b"%x\r\n%s\r\n" % (len(part), part))
            asked.send(b"0\r\n\r\n")
        except OSError:
            # The server has answered and closed; the answer is still to be read.
            pass
        return asked.getresponse().status
    finally:
        asked.close()
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a" * 300 + ".csv",
        "../a.csv",
        "/etc/passwd",
        "a\x00.csv",
        "a\u202e.csv",
        "C:\\a.csv",
        "a.exe",
        "a.zarr",
        "a",
    ],
)
def test_names_that_cannot_be_are_refused(sent, name):
    asked, context, who = sent
    before = tree(context.catalogue.root)
    answer = asked.post("/api/uploads", json={"filename": name, "metadata": SAID}, headers=who)
    assert answer.status_code == 422 and tree(context.catalogue.root) == before


def test_no_page_of_the_senders_is_opened_as_specification(sent, tmp_path):
    asked, _, who = sent
    page = tmp_path / "mine.toml"
    page.write_text('title = "x"\nkind = "table"\nformats = ["csv"]\n')
    body = {"filename": "a.csv", "specification": str(page), "metadata": SAID}
    assert asked.post("/api/uploads", json=body, headers=who).status_code in (404, 422)


def test_what_the_sender_calls_it_is_never_a_name_on_disk(sent):
    asked, context, who = sent
    where = place(asked, who, "curious name.csv")
    asked.put(f"{where}/content", content=b"plot\n", headers=who)
    names = {p.name for p in context.catalogue.root.rglob("*")}
    assert not [n for n in names if "curious" in n] and "content.csv" in names


def test_only_contributors_upload_and_only_their_own_is_theirs(fresh, tmp_path):
    asked, context = fresh()
    jane, john = known(context, "jane"), known(context, "john")
    reader, keeper = known(context, "rita", "reader"), known(context, "carl", "curator")
    body = {"filename": "a.csv", "metadata": SAID}
    assert asked.post("/api/uploads", json=body).status_code == 401
    assert asked.post("/api/uploads", json=body, headers=reader).status_code == 403
    where = place(asked, jane)
    for path, verb in (("", "get"), ("", "delete"), ("/try", "post"), ("/ingest", "post")):
        assert getattr(asked, verb)(where + path, headers=john).status_code == 404
    assert asked.put(f"{where}/content", content=b"x", headers=john).status_code == 404
    assert asked.get("/api/uploads", headers=john).json() == {"uploads": []}
    assert len(asked.get("/api/uploads", headers=jane).json()["uploads"]) == 1
    carl = context.accounts.make_token("carl", "all", ("read", "write", "curate"))[0]
    assert keeper and asked.delete(where, headers={"Authorization": f"Bearer {carl}"}).status_code == 204


def test_nobody_describes_anothers_object_anew_or_follows_it(fresh, tmp_path):
    asked, context = fresh()
    jane, john = known(context, "jane"), known(context, "john")

    def bring(who, path, **metadata):
        where = place(asked, who, **metadata)
        asked.put(f"{where}/content", content=path.read_bytes(), headers=who)
        answer = asked.post(f"{where}/ingest", headers=who)
        asked.delete(where, headers=who)
        return answer

    first = bring(jane, table(tmp_path / "a"))
    assert bring(john, table(tmp_path / "a"), title="Mine now").status_code == 403
    assert bring(john, table(tmp_path / "b", first=1), previous=first.json()["id"]).status_code == 403
    assert bring(jane, table(tmp_path / "a"), title="Mended").status_code == 201
    assert bring(jane, table(tmp_path / "b", first=1), previous=first.json()["id"]).status_code == 201
    page = asked.get(f"/api/objects/{first.json()['id']}").json()
    assert page["properties"]["title"] == "Mended" and len(page["properties"]["landsink:versions"]) == 2


def test_abandoned_uploads_go(sent):
    asked, context, who = sent
    where = place(asked, who)
    asked.put(f"{where}/content", content=b"plot\n", headers=who)
    state = next((context.catalogue.root / "uploads").glob("*/state.json"))
    page = json.loads(state.read_text())
    sweep(context)
    assert asked.get(where, headers=who).status_code == 200
    state.write_text(json.dumps(page | {"created": time.time() - 3700}))
    (context.catalogue.root / "uploads" / "stray").mkdir()
    assert sweep(context) == 1
    assert asked.get(where, headers=who).status_code == 404
    assert [p.name for p in (context.catalogue.root / "uploads").iterdir()] == ["stray"]


def test_so_many_may_wait_and_no_more(fresh):
    asked, context = fresh(uploads=2)
    who = known(context)
    place(asked, who)
    place(asked, who)
    answer = asked.post("/api/uploads", json={"filename": "a.csv", "metadata": SAID}, headers=who)
    assert answer.status_code == 409


def test_a_full_disk_is_told_and_keeps_nothing(sent, monkeypatch):
    asked, context, who = sent
    before = tree(context.catalogue.root)
    where = place(asked, who)

    def broken(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("landsink.portal.uploads._write", broken)
    answer = asked.put(f"{where}/content", content=b"plot\n", headers=who)
    assert answer.status_code == 507 and "No space" in answer.json()["detail"]
    assert tree(context.catalogue.root) == before


def test_an_unknown_field_of_a_description_is_told_with_near_misses(sent):
    asked, _, who = sent
    body = {"filename": "a.csv", "metadata": SAID | {"licens": "CC0-1.0"}}
    answer = asked.post("/api/uploads", json=body, headers=who)
    assert answer.status_code == 422 and "licence" in answer.json()["detail"]


def test_numbers_survive(sent, tmp_path):
    asked, context, who = sent
    where = place(asked, who, "f.nc", "gridded-fluxes")
    asked.put(f"{where}/content", content=cube(tmp_path / "in").read_bytes(), headers=who)
    made = asked.post(f"{where}/ingest", headers=who).json()
    with xr.open_dataset(context.catalogue.path(made["id"])) as ds:
        np.testing.assert_array_equal(ds["nee"].values.ravel(), np.linspace(-1e-7, 1e-7, 24))


def test_the_half_of_a_file_goes_with_the_server_that_died(sent):
    asked, context, who = sent
    where, other = place(asked, who), place(asked, who)
    asked.put(f"{other}/content", content=b"plot\n", headers=who)
    folder = context.catalogue.root / "uploads" / where.rpartition("/")[2]
    (folder / "content.csv").write_bytes(b"plot,da")
    assert sweep(context) == 0
    assert not (folder / "content.csv").exists()
    assert (folder.parent / other.rpartition("/")[2] / "content.csv").read_bytes() == b"plot\n"
    assert asked.put(f"{where}/content", content=b"plot,date\n", headers=who).status_code == 200


def test_an_object_whose_server_died_before_it_answered_is_still_its_bringers(sent, tmp_path, monkeypatch):
    asked, context, who = sent
    where = place(asked, who)
    asked.put(f"{where}/content", content=table(tmp_path / "in").read_bytes(), headers=who)

    def dies(*_):
        raise RuntimeError("It ends here.")

    with monkeypatch.context() as patch:
        patch.setattr("landsink.portal.uploads.Quarantine.remove", dies)
        assert asked.post(f"{where}/ingest", headers=who).status_code == 500
    (item,) = context.catalogue.list()
    assert context.brought.by(item.id) == "jane"
    again = asked.post(f"{where}/ingest", headers=who)
    assert again.status_code == 201 and again.json()["id"] == item.id


def test_who_failed_to_bring_an_object_does_not_keep_it_from_others(fresh, tmp_path):
    asked, context = fresh()
    jane, john = known(context, "jane"), known(context, "john")
    data = table(tmp_path / "in").read_bytes()
    for who, licence, status in ((jane, "no licence", 422), (john, "CC-BY-4.0", 201), (john, "CC0-1.0", 201)):
        where = place(asked, who, licence=licence)
        asked.put(f"{where}/content", content=data, headers=who)
        assert asked.post(f"{where}/ingest", headers=who).status_code == status
    assert context.brought.by(context.catalogue.list()[0].id) == "john"


def broken_zips() -> dict[str, bytes]:
    """Zips whose head is well and whose members are not."""
    made = {}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zarr.json", os.urandom(3000).hex())
    data = bytearray(packed.getvalue())
    data[60:400] = bytes(340)
    made["inflate"] = bytes(data)
    for name, kind in (("lzma", zipfile.ZIP_LZMA), ("bz2", zipfile.ZIP_BZIP2)):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", kind) as archive:
            archive.writestr("zarr.json", os.urandom(3000).hex())
        data = bytearray(packed.getvalue())
        data[60:400] = bytes(340)
        made[name] = bytes(data)
    clashes = {
        "file and folder": ["zarr.json", "a", "a/b"], "long": ["zarr.json", "n" * 300],
        "deep": ["zarr.json", "/".join(["d"] * 3000) + "/x"], "dot": ["zarr.json", "."],
        "letters": ["zarr.json", "\u202e\udcff"],
    }  # fmt: skip
    for word, names in clashes.items():
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name in names:
                archive.writestr(name.encode("utf-8", "replace").decode(), b"{}")
        made[word] = packed.getvalue()
    return made


@pytest.mark.parametrize("kind", broken_zips())
def test_zips_whose_members_are_broken_are_rejected_whole(sent, tmp_path, kind):
    asked, context, who = sent
    before = tree(tmp_path)
    where = place(asked, who, "a.zip", "cube")
    assert asked.put(f"{where}/content", content=broken_zips()[kind], headers=who).status_code == 200
    tried = asked.post(f"{where}/try", headers=who)
    assert tried.status_code == 200 and not tried.json()["accepted"], tried.text
    answer = asked.post(f"{where}/ingest", headers=who)
    assert answer.status_code == 422 and "report" in answer.json(), answer.text
    assert str(tmp_path) not in answer.text + tried.text
    assert tree(tmp_path) == before
