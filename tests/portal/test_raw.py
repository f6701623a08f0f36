"""Raw Zarr: bytes that never change, in ranges, and nothing else of the disk."""

import gzip

import numpy as np
import pytest

from landsink.portal.problems import Refusal
from landsink.portal.raw import KEY, part
from tests.portal.gridded import shelf


@pytest.fixture(scope="module")
def at(tmp_path_factory):
    return shelf(tmp_path_factory.mktemp("raw"))


def asked(at, key, status=200, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = at.client.get(f"/zarr/{at.id}/{key}", headers={"accept-encoding": "identity"} | named)
    assert answer.status_code == status, answer.text
    return answer


def test_a_chunk_of_the_map_is_one_frame_of_the_product(at):
    answer = asked(at, "map/gpp/c/6/0/0")
    values = np.frombuffer(gzip.decompress(answer.content), "<f4").reshape(18, 36)
    np.testing.assert_array_equal(values, at.ds.gpp[6])
    assert "immutable" in answer.headers["cache-control"] and answer.headers["accept-ranges"] == "bytes"
    assert "content-encoding" not in answer.headers


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
    whole = asked(at, "map/gpp/c/6/0/0").content
    answer = asked(at, "map/gpp/c/6/0/0", 206, range=header)
    start = range(len(whole))[bytes_][0]
    assert answer.content == whole[bytes_]
    assert answer.headers["content-range"] == f"bytes {start}-{start + len(answer.content) - 1}/{len(whole)}"


def test_etag_saves_a_second_sending_and_keeps_ranges_of_one_version_together(at):
    answer = asked(at, "map/gpp/c/6/0/0")
    tag = answer.headers["etag"]
    assert asked(at, "map/gpp/c/6/0/0", 304, if_none_match=tag).content == b""
    assert asked(at, "map/gpp/c/6/0/0", 206, range="bytes=0-1", if_range=tag).content == answer.content[:2]
    assert asked(at, "map/gpp/c/6/0/0", 200, range="bytes=0-1", if_range='"other"').content == answer.content


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
    ["map/gpp/c/999/0/0", "map/gpp/c/6/0", "map/nothing/zarr.json", ".zgroup", "map/gpp/.zarray", "release.json",
     "../index.sqlite", "..%2f..%2findex.sqlite", "%2e%2e/%2e%2e/index.sqlite", "map//gpp/zarr.json",
     "map/gpp/c/-1/0/0", "/etc/passwd", "map/gpp/c/6/0/0/", "map\\gpp\\zarr.json", "map/%00/zarr.json"],
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
        "map/level1/gpp/c/1/2/3",
        "series/x/c",
    ):
        assert KEY.fullmatch(key)
    for key in ("", "c", "a/../zarr.json", "map/gpp/c/0/0/0/zarr", "map/gpp/c/00000000/0", "é/zarr.json"):
        assert not KEY.fullmatch(key) or key == "c"
