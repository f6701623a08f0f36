"""The share of land: against polygons whose area is known by hand, and against islands that surveyors have measured."""

import json
from pathlib import Path

import numpy as np
import pytest

from landsink.core.errors import DataError
from landsink.reanalyse import cell_area
from landsink.sources.land import coastline, land_share

STEP = 0.1  # degrees a quantum of the test's topologies
COAST = "ref/regions/world-atlas/land-50m.json"


def topology(folder: Path, *rings: list[tuple[float, float]], flip: bool = False) -> Path:
    """A TopoJSON of rings (longitude, latitude), each an arc of differences as the format has it."""
    arcs = []
    for ring in rings:
        whole = np.rint(np.array([*ring, ring[0]]) / STEP).astype(int)
        arcs.append(np.vstack([whole[:1], np.diff(whole, axis=0)]).tolist())
    uses = [[[~i if flip else i]] for i in range(len(rings))]
    land = {"type": "GeometryCollection", "geometries": [{"type": "MultiPolygon", "arcs": uses}]}
    page = {"type": "Topology", "objects": {"land": land}, "arcs": arcs,
            "transform": {"scale": [STEP, STEP], "translate": [0.0, 0.0]}}  # fmt: skip
    path = folder / "land.json"
    path.write_text(json.dumps(page))
    return path


def share(path: Path, lat: float, lon: float, size: float = 1.0) -> float:
    return float(land_share(np.array([lat]), np.array([lon]), size, size, path)[0])


def square(west: float, south: float, east: float, north: float) -> list[tuple[float, float]]:
    return [(west, south), (east, south), (east, north), (west, north)]


@pytest.mark.parametrize("flip", [False, True])
def test_parts_of_cells_by_hand(tmp_path, flip):
    path = topology(tmp_path, square(10.0, 0.0, 11.5, 0.5), flip=flip)
    # half the height; half the height and half the width; nothing. At the equator both halves weigh alike.
    assert share(path, 0.5, 10.5) == pytest.approx(0.5, abs=1e-4)
    assert share(path, 0.5, 11.5) == pytest.approx(0.25, abs=1e-4)
    assert share(path, 0.5, 12.5) == 0.0
    assert share(path, -0.5, 10.5) == 0.0


def test_a_hole_is_sea_and_an_island_in_it_is_land(tmp_path):
    path = topology(tmp_path, square(0, 0, 10, 10), square(2, 2, 8, 8), square(4, 4, 6, 6))
    assert share(path, 1.0, 1.0) == 1.0
    assert share(path, 3.0, 3.0) == 0.0
    assert share(path, 5.0, 5.0) == 1.0
    # 100 - 36 + 4 square degrees; the whole lies near enough to the equator for the weights to differ little
    assert share(path, 5.0, 5.0, 10.0) == pytest.approx(0.68, abs=2e-3)


def test_area_counts_and_not_degrees(tmp_path):
    # the northern half of a cell from 50 to 70 N has (sin 70 - sin 60)/(sin 70 - sin 50) of its area
    path = topology(tmp_path, square(0, 60, 20, 70))
    north = np.sin(np.deg2rad([50.0, 60.0, 70.0]))
    assert share(path, 60.0, 10.0, 20.0) == pytest.approx(
        (north[2] - north[1]) / (north[2] - north[0]), abs=1e-3
    )


@pytest.mark.parametrize("lon", [179.5, -180.5, -179.5, 180.5, 539.5])
def test_land_across_the_date_line(tmp_path, lon):
    path = topology(tmp_path, [(178.0, 0.0), (-178.0, 0.0), (-178.0, 10.0), (178.0, 10.0)])
    assert share(path, 5.5, lon) == pytest.approx(1.0)
    assert share(path, 5.5, 0.5) == 0.0
    assert share(path, 5.5, 177.5) == 0.0


def test_land_that_ends_on_the_date_line(tmp_path):
    path = topology(tmp_path, square(170.0, 0.0, 180.0, 10.0), square(-180.0, 20.0, -170.0, 30.0))
    assert [share(path, 5.5, lon) for lon in (179.5, -179.5, 0.5)] == [1.0, 0.0, 0.0]
    assert [share(path, 25.5, lon) for lon in (179.5, -179.5, 0.5)] == [0.0, 1.0, 0.0]


def test_a_continent_around_the_south_pole(tmp_path):
    ring = [(-120.0, -70.0), (0.0, -70.0), (120.0, -70.0), (-180.0, -70.0)]
    path = topology(tmp_path, [(-180.0, -90.0), (-180.0, -70.0), *ring[:3], (180.0, -70.0), (180.0, -90.0)])
    for lon in (-179.5, -60.5, 0.5, 90.5, 179.5):
        assert share(path, -80.5, lon) == pytest.approx(1.0), lon
        assert share(path, -60.5, lon) == 0.0, lon
    open_ended = topology(tmp_path, ring)  # the same without its seam: it runs once around the globe
    assert share(open_ended, -80.5, 0.5) == pytest.approx(1.0)


@pytest.mark.parametrize("content", ["", "{}", '{"objects": {"sea": 1}}', "[1, 2]", "\x00"])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "land.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"land\.json is no TopoJSON of land"):
        coastline(path)


# Survey figures, km2: island groups whole, as national statistics count them (Sardinia and Cyprus with their islets).
@pytest.mark.parametrize(
    ("south", "north", "west", "east", "known"),
    [(38.75, 41.25, 8.0, 10.0, 24090), (63.0, 67.0, -25.0, -13.0, 102775), (34.5, 35.75, 32.0, 35.0, 9251),
     (-26.0, -11.5, 43.0, 51.0, 587041), (-19.0, -15.5, 176.5, 182.0, 18274)],
    ids=["Sardinia", "Iceland", "Cyprus", "Madagascar", "Fiji, across the date line"],
)  # fmt: skip
def test_islands_have_the_area_that_surveyors_found(data, south, north, west, east, known):
    if not (data / COAST).is_file():
        pytest.skip(f"no {COAST} below LANDSINK_DATA")
    size = 0.25
    lat, lon = (
        a.ravel()
        for a in np.meshgrid(
            np.arange(south, north, size) + size / 2, np.arange(west, east, size) + size / 2, indexing="ij"
        )
    )
    found = (land_share(lat, lon, size, size, data / COAST) * cell_area(lat, size, size)).sum() / 1e6
    assert found == pytest.approx(known, rel=0.025)  # the coastline is drawn at 1:50 million
