"""Coarser maps of large grids: weighted means that keep the whole, where the metadata say they are."""

import hashlib

import numpy as np
import pytest
import zarr

from landsink.catalogue.releases import Releases, arrays, layout, writing
from tests.catalogue.releases.cubes import catalogued, content, fine

# The globe in 0.2 degrees, and a region whose rows and columns are odd at every level.
GRIDS = {"globe": (900, 1800, 3, -90.0, -180.0, 0.2), "region": (947, 1301, 2, 40.0, -8.0, 0.01)}


@pytest.fixture(scope="module", params=GRIDS)
def published(request, tmp_path_factory):
    root = tmp_path_factory.mktemp(request.param)
    store, item = catalogued(root / "home", root / "run")
    ds = fine(*GRIDS[request.param])
    return Releases(store), Releases(store).publish(item, ds), ds


def level(release, name, number):
    """A coarser map as any reader of Zarr sees it."""
    group = zarr.open_group(release.blobs.path(f"{release.place}/map"), mode="r")
    return group[f"{number}/{name}" if number else name][:]


def coarser(values, weight, times):
    """Means over blocks of 2**times cells, cell by cell in the plainest way."""
    size = 2**times
    rows, cols = (-(-n // size) for n in values.shape[-2:])
    out = np.full((*values.shape[:-2], rows, cols), np.nan)
    for i in range(rows):
        for j in range(cols):
            box = np.s_[..., i * size : (i + 1) * size, j * size : (j + 1) * size]
            part, share = values[box].astype(float), np.broadcast_to(weight[box[1:]], values[box].shape)
            share = np.where(np.isfinite(part), share, 0.0)
            with np.errstate(invalid="ignore"):
                out[..., i, j] = (np.nan_to_num(part) * share).sum((-2, -1)) / share.sum((-2, -1))
    return out


def coarse(area):
    """Sums over two by two cells."""
    rows, cols = area.shape
    return np.add.reduceat(np.add.reduceat(area, range(0, rows, 2), 0), range(0, cols, 2), 1)


def test_two_or_more_levels_are_told_and_there(published):
    _, release, ds = published
    assert release.levels == 2
    rows, cols = ds.sizes["lat"], ds.sizes["lon"]
    for number in range(3):
        size = 2**number
        assert level(release, "gpp", number).shape[1:] == (-(-rows // size), -(-cols // size))
        assert release.tiling("gpp", number) == ((-(-rows // size), -(-cols // size)), (512, 512))
    with pytest.raises(KeyError):
        release.tiling("gpp", 3)


@pytest.mark.parametrize("name", ["gpp", "gpp_sd"])
def test_a_coarser_cell_is_the_mean_of_its_cells_weighted_by_land(published, name):
    _, release, ds = published
    land = (ds.areacella * ds.sftlf / 100).to_numpy()
    # The corner where odd rows and columns end, a coast, and the first cells.
    rows, cols, seen = ds.sizes["lat"], ds.sizes["lon"], []
    for number in (1, 2):
        size = 2**number
        for top, left in ((0, 0), (400, 640), ((rows - 1) // 8 * 8 - 40, (cols - 1) // 8 * 8 - 40)):
            box = np.s_[top : top + 120, left : left + 120]
            want = coarser(ds[name].to_numpy()[:, *box], land[box], number)
            i, j = top // size, left // size
            found = level(release, name, number)[:, i : i + want.shape[1], j : j + want.shape[2]]
            np.testing.assert_allclose(found, want, rtol=1e-6)
            seen.append(np.isnan(found).ravel())
    assert 0.05 < np.concatenate(seen).mean() < 0.95


def test_the_mean_of_the_whole_is_kept_at_every_level(published):
    _, release, ds = published
    land = (ds.areacella * ds.sftlf / 100).to_numpy()
    for step in range(ds.sizes["time"]):
        values = ds.gpp[step].to_numpy()
        weight = np.where(np.isfinite(values), land, 0.0)
        want = np.nansum(values * weight) / weight.sum()
        for number in (1, 2):
            weight = coarse(weight)
            found = level(release, "gpp", number)[step]
            assert ((weight > 0) == np.isfinite(found)).all()
            assert np.nansum(found * weight) / weight.sum() == pytest.approx(want, rel=1e-6)


def test_metadata_lead_from_the_finest_map_to_the_coarsest(published):
    _, release, ds = published
    group = zarr.open_group(release.blobs.path(f"{release.place}/map"), mode="r")
    names = {row["name"] for row in group.attrs["zarr_conventions"]}
    assert names == {"proj", "spatial", "multiscales"}
    rows = group.attrs["multiscales"]["layout"]
    assert [row["asset"] for row in rows] == [".", "1", "2"]
    assert [row.get("derived_from") for row in rows] == [None, ".", "1"]
    finer = group
    for row in rows[1:]:
        coarse = group[row["asset"]]
        scale = row["transform"]["scale"]
        one, two = (g.attrs["spatial:transform"] for g in (finer, coarse))
        np.testing.assert_allclose([two[0], two[4]], [one[0] * scale[1], one[4] * scale[0]])
        np.testing.assert_allclose([two[2], two[5]], [one[2], one[5]])
        assert coarse.attrs["spatial:shape"] == list(coarse["gpp"].shape[1:])
        # Centres are where the transform puts them.
        np.testing.assert_allclose(coarse["lon"][:3], two[2] + two[0] * (np.arange(3) + 0.5))
        np.testing.assert_allclose(coarse["lat"][:3], two[5] + two[4] * (np.arange(3) + 0.5))
        assert "weighted by land" in coarse["gpp"].attrs["long_name"]
        finer = coarse


def test_every_layout_holds_the_product_to_the_bit(published):
    _, release, ds = published
    for kind in ("map", "series"):
        with release.open(kind) as back:
            assert back.gpp.dims == ("time", "lat", "lon") and back.sizes == ds.sizes
            # Of series, a reader of Zarr unpacks thousands of chunks: two bands that cross shards are enough.
            part = {} if kind == "map" else {"lat": slice(240, 272), "lon": slice(500, 700)}
            np.testing.assert_array_equal(back.gpp.isel(part), ds.gpp.isel(part))
            np.testing.assert_array_equal(back.gpp_sd.isel(part), ds.gpp_sd.isel(part))
    every = slice(None)
    np.testing.assert_array_equal(
        release._array("series", "gpp").read(*release._box(every, every, every)), ds.gpp
    )
    np.testing.assert_array_equal(release.step("gpp", 1), ds.gpp[1])
    for row, col in ((0, 0), (511, 512), (ds.sizes["lat"] - 1, ds.sizes["lon"] - 1)):
        np.testing.assert_array_equal(release.series("gpp", row, col), ds.gpp[:, row, col])
    box = np.s_[500:530, 1000:1030]
    np.testing.assert_array_equal(release.block("gpp", *box, slice(0, 2)), ds.gpp[:2, *box])


@pytest.mark.parametrize("size", [(1000, 1000), (1101, 1000), (3600, 7200), (21600, 43200)])
def test_the_coarsest_map_fits_a_screen(size):
    count = layout.levels(*size)
    assert (count == 0) == (size[0] * size[1] <= layout.FRAME)
    assert not count or max(size) / 2**count <= 2 * layout.TILE


def test_a_killed_writer_is_gone_on_with_and_gives_the_same_bytes(tmp_path, monkeypatch):
    ds = fine(600, 620, 3, -60.0, 0.0, 0.1)
    ways = {}
    for way in ("whole", "killed"):
        (tmp_path / way).mkdir()
        store, item = catalogued(tmp_path / way / "home", tmp_path / way / "run")
        ways[way] = Releases(store), item
    monkeypatch.setattr(layout, "FRAME", 100_000)
    monkeypatch.setattr(writing, "AT_ONCE", 400_000)
    ways["whole"][0].publish(ways["whole"][1], ds)
    releases, item = ways["killed"]
    put, left = arrays.Tree.put, [50]

    def dies(tree, key, said):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        put(tree, key, said)

    with monkeypatch.context() as patch:
        patch.setattr(arrays.Tree, "put", dies)
        with pytest.raises(KeyboardInterrupt):
            releases.publish(item, ds)
    assert releases.list() == [] and releases.sweep() == 0
    written, taken = [], []
    monkeypatch.setattr(arrays.Tree, "put", lambda t, key, said: (written.append(key), put(t, key, said))[1])
    part = arrays.Tree.part
    monkeypatch.setattr(arrays.Tree, "part", lambda t, *a: (taken.append(t), part(t, *a))[1])
    done = []
    release = releases.publish(item, ds, progress=done.append)
    assert taken[0].taken >= 1 and done == sorted(done) and done[-1] == 1.0
    first = "map/gpp/c/0/0/0"
    assert first not in written and release.size(first)
    place = f"releases/{item.id}"
    whole = ways["whole"][0].catalogue.root / place
    assert content(releases.catalogue.root / place) == content(whole)


def test_what_a_dead_writer_left_of_other_numbers_is_not_taken(tmp_path, monkeypatch):
    ds = fine(600, 620, 2, -60.0, 0.0, 0.1)
    monkeypatch.setattr(layout, "FRAME", 100_000)
    store, item = catalogued(tmp_path / "home", tmp_path / "run")
    releases = Releases(store)
    with monkeypatch.context() as patch:
        patch.setattr(writing, "_series", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            releases.publish(item, ds)
    other = ds.assign(gpp=ds.gpp.where(ds.time != ds.time[1], ds.gpp * 2))
    release = releases.publish(item, other)
    np.testing.assert_array_equal(release.step("gpp", 1), other.gpp[1])
    assert release.digest("map/gpp/c/1/0/0") == hashlib.sha256(release.raw("map/gpp/c/1/0/0")).hexdigest()
