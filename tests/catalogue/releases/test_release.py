"""Releases: every number is the product's, whichever way it is read, and however often it is written."""

import json
import shutil
import threading
import zlib

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from landsink.catalogue.checksums import sha256
from landsink.catalogue.releases import Releases, collection
from landsink.catalogue.releases.arrays import crc32c
from landsink.core.errors import DataError, UnknownName
from tests.catalogue.releases.cubes import catalogued, content, cube


def halves(lat, lon):
    """Two regions that part the globe at the equator, and one without land."""
    number = np.arange(len(lat) * len(lon))
    south = np.repeat(lat < 0, len(lon))
    return {
        "NOR": (number[~south], np.ones((~south).sum()), 1.0),
        "SOU": (number[south], np.full(south.sum(), 0.5), 0.25),
        "NIL": (number[:0], np.ones(0), 0.0),
    }


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    root = tmp_path_factory.mktemp("home")
    store, item = catalogued(root / "home", root / "run")
    ds = cube()
    return Releases(store), Releases(store).publish(item, ds, halves), ds


spans = st.tuples(st.integers(0, 25), st.integers(0, 19), st.integers(0, 35), *[st.integers(1, 30)] * 3)


@given(spans, st.sampled_from(["gpp", "gpp_sd", "nee"]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_box_is_the_products_to_the_bit(published, span, name):
    _, release, ds = published
    t, r, c, dt, dr, dc = span
    box = slice(t, t + dt), slice(r, r + dr), slice(c, c + dc)
    found = release.block(name, box[1], box[2], box[0])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, ds[name][box])
    if name == "gpp":
        want = ds["gpp_members"][box[0], :, box[1], box[2]]
        np.testing.assert_array_equal(release.members(name, box[1], box[2], box[0]), want)


def test_maps_and_series_are_the_products(published):
    _, release, ds = published
    for index in (0, 25):
        np.testing.assert_array_equal(release.step("gpp", index), ds["gpp"][index])
    for row, col in ((0, 0), (19, 35), (7, 16)):
        np.testing.assert_array_equal(release.series("gpp_sd", row, col), ds["gpp_sd"][:, row, col])
    np.testing.assert_array_equal(release.time, ds["time"])
    np.testing.assert_allclose(release.area(), np.nan_to_num(ds["areacella"] * ds["sftlf"] / 100), rtol=1e-14)


@pytest.mark.parametrize("layout", ["map", "series", "members"])
def test_any_reader_of_zarr_reads_the_same(published, layout):
    _, release, ds = published
    with release.open(layout) as back:
        name = "gpp_members" if layout == "members" else "gpp"
        np.testing.assert_array_equal(back["gpp"], ds[name])
        np.testing.assert_array_equal(back["time"], ds["time"])
        assert np.isnan(back["gpp"].encoding["_FillValue"])
        assert back["gpp"].attrs["units"] == "kg m-2 s-1"
        assert back.attrs["Conventions"].startswith("CF-")
        assert back.attrs["proj:code"] == "EPSG:4326"
        a, _, west, _, e, top = back.attrs["spatial:transform"]
        np.testing.assert_allclose(west + a * (np.arange(36) + 0.5), ds["lon"])
        np.testing.assert_allclose(top + e * (np.arange(20) + 0.5), ds["lat"])


def test_what_a_browser_reads_is_a_gzip_of_the_frame(published):
    _, release, ds = published
    meta = json.loads(release.raw("map/gpp/zarr.json"))
    sharding = meta["codecs"][0]["configuration"]
    assert sharding["chunk_shape"] == [1, 20, 36]
    assert [c["name"] for c in sharding["codecs"]] == ["bytes", "gzip"]
    # Small frames lie in one file, with their places at its end.
    together = release.raw("map/gpp/c/0/0/0")
    places = np.frombuffer(together[-16 * 26 - 4 : -4], "<u8").reshape(26, 2)
    start, size = (int(n) for n in places[3])
    frame = np.frombuffer(zlib.decompress(together[start : start + size], 31), "<f4").reshape(20, 36)
    np.testing.assert_array_equal(frame, ds["gpp"][3])


def test_large_frames_are_files_of_their_own(tmp_path):
    store, item = catalogued(tmp_path / "home", tmp_path / "run")
    ds = cube().interp(lat=np.linspace(-76, 76, 300), lon=np.linspace(-175, 175, 301))[["nee"]]
    release = Releases(store).publish(item, ds)
    meta = json.loads(release.raw("map/nee/zarr.json"))
    assert [c["name"] for c in meta["codecs"]] == ["bytes", "gzip"]
    assert meta["chunk_grid"]["configuration"]["chunk_shape"] == [1, 300, 301]
    frame = zlib.decompress(release.raw("map/nee/c/5/0/0"), 31)
    np.testing.assert_array_equal(np.frombuffer(frame, "<f4").reshape(300, 301), ds["nee"][5].astype("f4"))


def test_a_checksum_of_a_shard_is_that_of_the_standard():
    # RFC 3720, B.4: 32 bytes of zeros, of ones, and rising.
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


def test_the_manifest_tells_every_file(published):
    releases, release, _ = published
    folder = releases.catalogue.root / "releases" / release.id
    files = content(folder)
    assert set(files) == {*release.keys(), "release.json", "manifest.json"}
    for key in files.keys() - {"release.json", "manifest.json"}:
        assert release.size(key) == len(files[key])
        assert release.digest(key) == sha256(folder / key)
    assert release.facts()["digest"] == sha256(folder / "manifest.json")
    with pytest.raises(KeyError):
        release.raw("../secret")


def test_facts_say_what_it_is(published):
    _, release, ds = published
    gpp, nee = release.variables["gpp"], release.variables["nee"]
    assert (gpp.kind, gpp.sd, gpp.members, gpp.sign) == ("flux", "gpp_sd", True, "+ into the vegetation")
    assert (nee.sd, nee.members, nee.colours) == ("", False, "RdBu_r")
    assert nee.span[0] == -nee.span[1]
    inside = (ds["nee"] >= nee.span[0]) & (ds["nee"] <= nee.span[1])
    assert float(inside.mean()) >= 0.94
    assert release.generated
    assert release.family == release.id
    assert release.facts()["bbox"] == [-180.0, -80.0, 180.0, 80.0]


def test_regions_are_weighted_means_of_members(published):
    _, release, ds = published
    land = ds["areacella"] * ds["sftlf"] / 100
    for name, rows in (("NOR", ds["lat"] >= 0), ("SOU", ds["lat"] < 0)):
        found = release.region("gpp", name)
        want = ds["gpp_members"].where(rows).weighted(land).mean(("lat", "lon"))
        np.testing.assert_allclose(found.members, want, rtol=1e-6)
        bound = ds["gpp_sd"].where(rows).weighted(land).mean(("lat", "lon"))
        np.testing.assert_allclose(found.sd, bound, rtol=1e-6)
        part = 1.0 if name == "NOR" else 0.5
        np.testing.assert_allclose(
            found.area, part * land.where(rows & ds["gpp"].notnull()).sum(("lat", "lon"))
        )
        assert found.inside == (1.0 if name == "NOR" else 0.25)
    assert release.region("nee", "NOR").members.shape == (26, 1)
    assert np.isnan(release.region("nee", "NOR").sd).all()
    for unknown in ("NIL", "XXX"):
        with pytest.raises(KeyError):
            release.region("gpp", unknown)


def test_the_same_product_gives_the_same_bytes(published, tmp_path):
    releases, release, ds = published
    store, item = catalogued(tmp_path / "home", tmp_path / "run")
    Releases(store).publish(item, ds.chunk({"time": 7, "lat": 9}), halves)
    place = f"releases/{release.id}"
    assert content(tmp_path / "home" / place) == content(releases.catalogue.root / place)


def test_publishing_again_changes_nothing_and_other_content_takes_the_place(tmp_path):
    store, item = catalogued(tmp_path / "home", tmp_path / "run")
    releases, ds = Releases(store), cube(8, 9, 3)
    first = releases.publish(item, ds)
    facts = store.root / "releases" / item.id / "release.json"
    inode = facts.stat().st_ino
    assert releases.publish(item, ds) is first
    assert facts.stat().st_ino == inode
    second = releases.publish(item, ds + 1e-9)
    assert second is not first
    assert releases.get(item.id) is second
    np.testing.assert_array_equal(second.step("gpp", 1), (ds["gpp"] + 1e-9)[1])
    assert [p.name for p in (store.root / "releases").iterdir() if p.name != ".lock"] == [item.id]


def test_a_kill_leaves_no_half_release_and_the_next_writer_cleans_up(tmp_path, monkeypatch):
    store, item = catalogued(tmp_path / "home", tmp_path / "run")
    releases, ds = Releases(store), cube(8, 9, 3)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(collection.Releases, "_move", killed)
        # A killed process removes nothing behind itself.
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            releases.publish(item, ds)
    assert list((store.root / "releases").glob(".new-*"))
    assert releases.list() == []
    with pytest.raises(UnknownName):
        releases.get(item.id)
    releases.publish(item, ds)
    assert not list((store.root / "releases").glob(".new-*"))
    assert [r.id for r in releases.list()] == [item.id]


def test_two_writers_and_a_reader_at_once(tmp_path):
    store, item = catalogued(tmp_path / "home", tmp_path / "run")
    ds = cube(8, 9, 3)
    wrong: list[BaseException] = []

    def work() -> None:
        try:
            release = Releases(store).publish(item, ds)
            np.testing.assert_array_equal(release.series("gpp", 1, 2), ds["gpp"][:, 1, 2])
        except BaseException as error:
            wrong.append(error)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_a_grid_of_one_chunk_is_still_a_shard(tmp_path):
    store, item = catalogued(tmp_path / "home", tmp_path / "run")
    ds = cube(4, 4, 3)
    release = Releases(store).publish(item, ds)
    np.testing.assert_array_equal(release.series("gpp", 1, 2), ds["gpp"][:, 1, 2])
    every = slice(None)
    np.testing.assert_array_equal(release.members("gpp", every, every, every), ds["gpp_members"])


def test_dropping(tmp_path):
    store, item = catalogued(tmp_path / "home", tmp_path / "run")
    releases = Releases(store)
    releases.publish(item, cube(8, 9, 3))
    releases.drop(item.id)
    releases.drop(item.id)
    assert releases.list() == []
    with pytest.raises(UnknownName):
        releases.get(item.id)


@pytest.mark.parametrize("name", ["", "..", "../home", "a" * 65, ".published"])
def test_names_that_are_none(published, name):
    with pytest.raises(UnknownName):
        published[0].get(name)


def test_versions_are_a_family(tmp_path):
    store, item = catalogued(tmp_path / "home", tmp_path / "run")
    _, later = catalogued(tmp_path / "home", tmp_path / "run", "cd" * 32)
    later.properties["landsink:previous"] = item.id
    store.add(later)
    assert Releases(store).publish(later, cube(8, 9, 3)).family == item.id


def test_embargo_holds(tmp_path):
    store, item = catalogued(tmp_path / "home", tmp_path / "run")
    item.properties["landsink:embargo"] = "2999-01-01T00:00:00Z"
    with pytest.raises(DataError, match="embargo"):
        Releases(store).publish(item, cube(8, 9, 3))


@pytest.mark.parametrize(
    ("lat", "lon", "cell"),
    [
        (-76, -175, (0, 0)),
        (-79.9, 179.9, (0, 35)),
        (0.5, 190.0, (10, 1)),
        (76, 175, (19, 35)),
        (4.0, -180.0, (10, 0)),
    ],
)
def test_a_place_is_in_its_cell(published, lat, lon, cell):
    assert published[1].cell(lat, lon) == cell


def test_a_place_outside_is_told(published):
    with pytest.raises(DataError, match="outside"):
        published[1].cell(85.0, 0.0)


def test_what_is_not_there_is_told(published):
    _, release, _ = published
    with pytest.raises(UnknownName, match="gpp"):
        release.series("gp", 0, 0)
    with pytest.raises(UnknownName, match="members"):
        release.members("nee", slice(0, 1), slice(0, 1), slice(0, 1))
    with pytest.raises(DataError, match="step"):
        release.step("gpp", 26)
    with pytest.raises(DataError, match="cell"):
        release.series("gpp", 20, 0)
    with pytest.raises(DataError, match="holds nothing"):
        release.block("gpp", slice(3, 3), slice(0, 1), slice(0, 1))


def test_latitude_may_fall_and_longitude_go_round(tmp_path):
    store, item = catalogued(tmp_path / "home", tmp_path / "run")
    ds = cube(west=5.0).isel(lat=slice(None, None, -1)).rename(lat="latitude", lon="longitude")
    release = Releases(store).publish(item, ds, halves)
    assert release.lat[0] > release.lat[-1]
    assert release.lon[0] == -175.0
    row, col = release.cell(-76.0, -175.0)
    want = ds["gpp"].sel(latitude=-76.0, longitude=185.0)
    np.testing.assert_array_equal(release.series("gpp", row, col), want)
    assert release.area()[row, col] == pytest.approx(
        float((ds["areacella"] * ds["sftlf"] / 100).sel(latitude=-76.0, longitude=185.0))
    )


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda ds: ds.rename(lat="y").drop_vars("y"), "no latitude"),
        (lambda ds: ds.assign_coords(lat=ds["lat"].to_numpy() ** 3 / 5776), "uneven"),
        (lambda ds: ds.isel(time=0), "no time axis"),
        (lambda ds: ds.assign_coords(time=np.arange(26)), "no time axis"),
        (lambda ds: ds.isel(time=slice(None, None, -1)), "does not rise"),
        (lambda ds: ds.isel(lat=[0]), "has 1 values"),
        (lambda ds: ds.drop_vars(["gpp", "gpp_sd", "nee"]), "No variable"),
        (lambda ds: ds.assign_coords(lat=ds["lat"] + 40), "reaches"),
    ],
)
def test_what_cannot_be_published_says_why(tmp_path, spoil, reason):
    store, item = catalogued(tmp_path / "home", tmp_path / "run")
    ds = spoil(cube())
    with pytest.raises(DataError, match=reason):
        Releases(store).publish(item, ds)
    assert Releases(store).list() == []


def test_hours_are_kept(tmp_path):
    store, item = catalogued(tmp_path / "home", tmp_path / "run")
    time = np.datetime64("2001-01-01T00:00", "ns") + np.arange(26) * np.timedelta64(30, "m")
    release = Releases(store).publish(item, cube(8, 9).assign_coords(time=time))
    np.testing.assert_array_equal(release.time, time)
    with release.open("map") as back:
        np.testing.assert_array_equal(back["time"], time)


def test_a_cube_that_opens_from_netcdf_is_the_same(tmp_path):
    store, item = catalogued(tmp_path / "home", tmp_path / "run")
    cube().to_netcdf(tmp_path / "cube.nc")
    with xr.open_dataset(tmp_path / "cube.nc", chunks={}) as ds:
        release = Releases(store).publish(item, ds)
        np.testing.assert_array_equal(release.series("gpp", 3, 4), ds["gpp"][:, 3, 4])
