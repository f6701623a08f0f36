"""Raw Zarr: bytes that never change, in ranges, and nothing else of the disk."""

import gzip

import numpy as np
import pytest

from landsink.catalogue.releases import Release, Releases
from landsink.portal.problems import Refusal
from landsink.portal.raw import KEY, part
from tests.portal.gridded import shelf


@pytest.fixture(scope="module")
def at(tmp_path_factory):
    return shelf(tmp_path_factory.mktemp("raw"))


def asked(at, key, status=200, edition="", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    address = f"/zarr/{at.id}{edition and '@'}{edition}/{key}"
    answer = at.client.get(address, headers={"accept-encoding": "identity"} | named)
    assert answer.status_code == status, answer.text
    return answer


def edition(at):
    return at.get("").json()["edition"]


def test_a_chunk_of_the_map_holds_the_frames_of_the_product(at):
    answer = asked(at, "map/gpp/c/0/0/0")
    places = np.frombuffer(answer.content[-16 * 24 - 4 : -4], "<u8").reshape(24, 2).astype(int)
    for step, (start, size) in enumerate(places):
        values = np.frombuffer(gzip.decompress(answer.content[start : start + size]), "<f4").reshape(18, 36)
        np.testing.assert_array_equal(values, at.ds.gpp[step])
    assert answer.headers["accept-ranges"] == "bytes" and "content-encoding" not in answer.headers


def test_an_address_with_the_edition_is_kept_for_ever_and_the_plain_one_is_asked_anew(at):
    told = at.get("").json()
    assert told["zarr"] == f"/zarr/{at.id}@{told['edition']}"
    kept = asked(at, "map/gpp/c/0/0/0", edition=told["edition"])
    plain = asked(at, "map/gpp/c/0/0/0")
    assert kept.content == plain.content and kept.headers["etag"] == plain.headers["etag"]
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert plain.headers["cache-control"] == "public, no-cache"
    part = asked(at, "map/gpp/c/0/0/0", 206, told["edition"], range="bytes=3-5")
    assert part.content == plain.content[3:6]


@pytest.mark.parametrize("other", ["0" * 12, "f" * 12])
def test_an_edition_that_is_not_there_is_gone_and_says_which_is(at, other):
    answer = asked(at, "map/gpp/c/0/0/0", 410, other)
    assert answer.headers["content-type"] == "application/problem+json"
    assert other in answer.json()["found"] and edition(at) in answer.json()["expected"]
    assert f"/api/products/{at.id}" in answer.json()["remedy"]
    assert "immutable" not in answer.headers["cache-control"]


@pytest.mark.parametrize("wrong", ["5", "A" * 12, "0" * 13, "../etc", "0" * 11 + "g"])
def test_what_is_no_edition_is_a_fault_of_the_question(at, wrong):
    assert at.client.get(f"/zarr/{at.id}@{wrong}/map/zarr.json").status_code in (404, 422)


def test_a_run_made_anew_ends_the_old_addresses(tmp_path):
    at = shelf(tmp_path)
    before, old = edition(at), asked(at, "map/gpp/c/0/0/0")
    tile = at.get(f"@{before}/tiles/gpp/7/1/0/0.png?low=0&high=1e-7")
    plain = at.get("/tiles/gpp/7/1/0/0.png?low=0&high=1e-7")
    anew = at.ds.assign(gpp=at.ds.gpp * 0.5)
    Releases(at.catalogue).publish(at.catalogue.get(at.id), anew)
    after = edition(at)
    assert after != before
    asked(at, "map/gpp/c/0/0/0", 410, before)
    at.get(f"@{before}/tiles/gpp/7/1/0/0.png", 410)
    new = asked(at, "map/gpp/c/0/0/0", if_none_match=old.headers["etag"])
    assert new.content != old.content and new.content == asked(at, "map/gpp/c/0/0/0", edition=after).content
    asked(at, "map/gpp/c/0/0/0", 206, range="bytes=0-3", if_range=new.headers["etag"])
    assert (
        asked(at, "map/gpp/c/0/0/0", range="bytes=0-3", if_range=old.headers["etag"]).content == new.content
    )
    shown = at.get("/tiles/gpp/7/1/0/0.png?low=0&high=1e-7")
    assert shown.content != plain.content == tile.content and shown.headers["etag"] != plain.headers["etag"]


def test_bytes_that_are_replaced_while_they_are_read_are_not_sent(tmp_path, monkeypatch):
    at = shelf(tmp_path)
    before = edition(at)
    read = Release.raw

    def slow(release, *asked):
        monkeypatch.setattr(Release, "raw", read)
        Releases(at.catalogue).publish(at.catalogue.get(at.id), at.ds.assign(gpp=at.ds.gpp * 0.5))
        return release.raw(*asked)

    monkeypatch.setattr(Release, "raw", slow)
    asked(at, "map/gpp/c/0/0/0", 410, before)
    monkeypatch.setattr(Release, "raw", slow)
    Releases(at.catalogue).publish(at.catalogue.get(at.id), at.ds)
    assert asked(at, "map/gpp/c/0/0/0", 503).headers["retry-after"] == "1"


def test_a_chunk_that_is_lost_is_told_and_not_taken_for_nothing(tmp_path):
    at = shelf(tmp_path)
    folder = tmp_path / "home" / "releases" / at.id
    (folder / "map/gpp/c/0/0/0").unlink()
    assert "verify" in asked(at, "map/gpp/c/0/0/0", 503).json()["remedy"]
    assert at.get("/step?variable=gpp&time=2001-07", 503).json()["found"]


@pytest.mark.parametrize(
    ("header", "bytes_"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=20-", slice(20, None)),
        ("bytes=5-999999", slice(5, None)),
    ],
)
def test_ranges(at, header, bytes_):
    whole = asked(at, "map/gpp/c/0/0/0").content
    answer = asked(at, "map/gpp/c/0/0/0", 206, range=header)
    start = range(len(whole))[bytes_][0]
    assert answer.content == whole[bytes_]
    assert answer.headers["content-range"] == f"bytes {start}-{start + len(answer.content) - 1}/{len(whole)}"


def test_etag_saves_a_second_sending_and_keeps_ranges_of_one_version_together(at):
    answer = asked(at, "map/gpp/c/0/0/0")
    tag = answer.headers["etag"]
    assert asked(at, "map/gpp/c/0/0/0", 304, if_none_match=tag).content == b""
    assert asked(at, "map/gpp/c/0/0/0", 206, range="bytes=0-1", if_range=tag).content == answer.content[:2]
    assert asked(at, "map/gpp/c/0/0/0", 200, range="bytes=0-1", if_range='"other"').content == answer.content


def test_head_tells_size_and_tag_without_bytes(at):
    whole = asked(at, "map/zarr.json")
    head = at.client.head(f"/zarr/{at.id}/map/zarr.json", headers={"accept-encoding": "identity"})
    assert head.status_code == 200 and head.content == b""
    assert (
        int(head.headers["content-length"]) == len(whole.content)
        and head.headers["etag"] == whole.headers["etag"]
    )


@pytest.mark.parametrize(
    "key",
    ["map/gpp/c/999/0/0", "map/gpp/c/0/0", "map/nothing/zarr.json", ".zgroup", "map/gpp/.zarray", "release.json",
     "../index.sqlite", "..%2f..%2findex.sqlite", "%2e%2e/%2e%2e/index.sqlite", "map//gpp/zarr.json",
     "map/gpp/c/-1/0/0", "/etc/passwd", "map/gpp/c/0/0/0/", "map\\gpp\\zarr.json", "map/%00/zarr.json"],
)  # fmt: skip
def test_what_is_no_key_of_the_release_is_not_found(at, key):
    assert at.client.get(f"/zarr/{at.id}/{key}").status_code == 404


def test_bytes_beyond_the_end_are_refused_with_the_size(at):
    size = len(asked(at, "map/zarr.json").content)
    answer = asked(at, "map/zarr.json", 416, range=f"bytes={size}-")
    assert answer.headers["content-range"] == f"bytes */{size}"


@pytest.mark.parametrize(
    ("header", "found"),
    [("bytes=0-0", (0, 1)), ("bytes=-200", (0, 100)), ("bytes=99-", (99, 100)), ("bytes=5-2", None), ("bytes=-", None),
     ("bytes=0-1,5-6", None), ("lines=0-1", None), ("bytes=a-b", None)],
)  # fmt: skip
def test_part_reads_a_range_header(header, found):
    assert part(header, 100) == found


def test_no_part_of_nothing():
    for header in ("bytes=-0", "bytes=100-"):
        with pytest.raises(Refusal):
            part(header, 100)


def test_keys_are_those_of_zarr():
    for key in (
        "zarr.json",
        "map/zarr.json",
        "map/gpp/zarr.json",
        "map/gpp/c/0/0/0",
        "map/2/gpp/c/1/2/3",
        "map/1/zarr.json",
        "series/x/c",
    ):
        assert KEY.fullmatch(key)
    for key in (
        "",
        "c",
        "a/../zarr.json",
        "map/gpp/c/0/0/0/zarr",
        "map/gpp/c/00000000/0",
        "map/1/2/gpp/zarr.json",
        "é/zarr.json",
    ):
        assert not KEY.fullmatch(key) or key == "c"
