"""Shares of cells: they are shares, they add up, and it does not matter how a polygon is written down."""

import json

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from landsink.account import box, read, share, shares
from landsink.core.errors import DataError

LAT, LON = np.arange(-85.0, 90, 10), np.arange(-175.0, 180, 10)
EARTH = 6371007.2


def area(lat=LAT, step=10.0):
    """Cells of the sphere, by hand: (lat, 1) in m2."""
    return (
        EARTH**2
        * np.deg2rad(step)
        * (np.sin(np.deg2rad(lat + step / 2)) - np.sin(np.deg2rad(lat - step / 2)))[:, None]
    )


@st.composite
def polygons(draw):
    """Stars about a centre: simple polygons of any shape."""
    count = draw(st.integers(3, 12))
    angle = np.sort(draw(st.lists(st.floats(0, 6.28), min_size=count, max_size=count, unique=True)))
    reach = np.array(draw(st.lists(st.floats(2, 40), min_size=count, max_size=count)))
    x, y = draw(st.floats(-130, 130)), draw(st.floats(-45, 45))
    found = shapely.Polygon(np.column_stack([x + reach * np.cos(angle), y + reach * np.sin(angle)]))
    return found if shapely.is_valid(found) and found.area > 1 else box(x, y, x + 5, y + 5)


@given(polygons())
@settings(max_examples=40, deadline=None)
def test_shares_are_shares_and_their_area_is_the_polygons(polygon):
    found = share(polygon, LAT, LON)
    assert ((found.part > 0) & (found.part <= 1)).all()
    assert (np.diff(found.cells) > 0).all()
    # The sine of latitude makes area flat; edges become curves there, which short pieces follow.
    fine = shapely.segmentize(polygon, 0.02)
    flat = shapely.transform(
        fine, lambda p: np.column_stack([np.deg2rad(p[:, 0]), np.sin(np.deg2rad(p[:, 1]))])
    )
    assert (found.field() * area()).sum() == pytest.approx(EARTH**2 * flat.area, rel=1e-5)
    assert found.inside == pytest.approx(1.0, rel=1e-9)


@given(polygons(), st.floats(-150, 150), st.floats(-60, 60))
@settings(max_examples=25, deadline=None)
def test_a_partition_adds_up_to_the_whole(polygon, x, y):
    whole = share(polygon, LAT, LON).field()
    corners = [box(-180, -90, x, y), box(x, -90, 180, y), box(-180, y, x, 90), box(x, y, 180, 90)]
    pieces = [shapely.get_parts(shapely.intersection(polygon, c)) for c in corners]
    # Where a corner only touches the polygon there are lines and points as well.
    parts = [p for row in pieces for p in row]
    found = sum(
        share(p, LAT, LON).field() for p in parts if p.geom_type in ("Polygon", "MultiPolygon") and p.area > 0
    )
    np.testing.assert_allclose(found, whole, atol=1e-9)


@given(polygons(), st.integers(0, 11), st.booleans(), st.sampled_from([-360.0, 0.0, 360.0]))
@settings(max_examples=25, deadline=None)
def test_where_a_ring_begins_which_way_it_runs_and_which_turn_it_is_on_do_not_show(
    polygon, start, back, turn
):
    points = shapely.get_coordinates(polygon)[:-1]
    points = np.roll(points, start, 0) + [turn, 0.0]
    other = shapely.Polygon(points[::-1] if back else points)
    np.testing.assert_allclose(share(other, LAT, LON).field(), share(polygon, LAT, LON).field(), atol=1e-9)


def test_the_world_is_all_cells():
    found = share(box(-180, -90, 180, 90), LAT, LON)
    assert len(found.cells) == len(LAT) * len(LON)
    assert (found.part == 1.0).all()


def test_rows_may_fall():
    polygon = shapely.Polygon([(0, 10), (47, 13), (31, 62)])
    np.testing.assert_allclose(
        share(polygon, LAT[::-1], LON).field()[::-1], share(polygon, LAT, LON).field(), atol=1e-12
    )


def test_a_box_across_the_date_line_is_its_two_halves():
    both = share(box(165, -20, -155, 30), LAT, LON).field()
    halves = (
        share(box(165, -20, 180, 30), LAT, LON).field() + share(box(-180, -20, -155, 30), LAT, LON).field()
    )
    np.testing.assert_allclose(both, halves, atol=1e-12)
    assert both[:, 18].max() == 0
    assert both[9, 35] == pytest.approx(1.0)


def test_a_cell_that_stands_across_the_date_line():
    lon = np.arange(-180.0, 180, 10)
    found = share(box(175, 0, 185, 10), LAT, lon).field()
    assert found[9, 0] == pytest.approx(1.0)
    assert found.sum() == pytest.approx(1.0)


def test_poles_end_the_last_cells():
    lat = np.arange(-90.0, 91, 10)
    assert share(box(-180, 85, 180, 90), lat, LON).field()[-1] == pytest.approx(1.0)


def test_a_hole_is_no_land():
    ring = box(0, 0, 30, 30).difference(box(10, 10, 20, 20))
    found = share(ring, LAT, LON).field()
    assert found[10, 19] == 0
    assert found.sum() == pytest.approx(8.0)


def test_half_a_cell_by_latitude_is_not_half_its_area():
    found = share(box(0, 70, 10, 75), LAT, LON).part[0]
    sin = np.sin(np.deg2rad([70, 75, 80]))
    assert found == pytest.approx((sin[1] - sin[0]) / (sin[2] - sin[0]), rel=1e-12)


def test_what_lies_outside_the_grid_is_told():
    lat, lon = LAT[9:], LON[18:]
    found = share(box(-10, 0, 10, 10), lat, lon)
    assert found.inside == pytest.approx(0.5)
    assert len(share(box(-40, -40, -20, -20), lat, lon).cells) == 0


def test_a_crossed_ring_is_told():
    with pytest.raises(DataError, match="valid"):
        share(shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)]), LAT, LON)
    with pytest.raises(DataError, match="valid"):
        share(shapely.Point(0, 0), LAT, LON)


def test_outlines_are_read_and_mended(tmp_path):
    rows = {
        "AAA": [[0, 0], [20, 0], [20, 20], [0, 20], [0, 0]],
        # A spike out and back, such as rounding leaves behind.
        "BBB": [[20, 0], [40, 0], [40, 10], [45, 10], [40, 10], [40, 20], [20, 20], [20, 0]],
    }
    features = [
        {"type": "Feature", "properties": {"id": n}, "geometry": {"type": "Polygon", "coordinates": [r]}}
        for n, r in rows.items()
    ]
    path = tmp_path / "regions.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    found = shares(read(path) | {"CCC": box(-40, -40, -39, -39)}, LAT[9:], LON[18:])
    assert set(found) == {"AAA", "BBB"}
    assert found["AAA"][1].sum() == pytest.approx(4.0)
    assert found["BBB"][1].sum() == pytest.approx(4.0)
    assert found["AAA"][2] == pytest.approx(1.0)
    path.write_text("{}")
    with pytest.raises(DataError, match="no regions"):
        read(path)
