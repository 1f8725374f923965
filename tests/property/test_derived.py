"""What must hold of derived lots for any drawing of houses along a street."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from densitymap.parcels import derived
from densitymap.parcels.derived_rules import load_rules

CRS = "EPSG:2240"
RULES = load_rules()
EAST, NORTH = 2_237_000.0, 1_362_000.0
AREA = shapely.box(EAST, NORTH, EAST + 600, NORTH + 400)
TOUCH_FT2 = 0.01


@st.composite
def drawings(draw):
    """Houses in cells of 100 ft (apart or touching, turned or not), a street across at any height."""
    cells = draw(st.lists(st.integers(0, 23), min_size=1, max_size=10, unique=True))
    turn = draw(st.sampled_from([0.0, 17.3, 33.0]))
    shapes = []
    for cell in cells:
        wide, deep = draw(st.integers(12, 100)), draw(st.integers(22, 100))
        x, y = EAST + 100 * (cell % 6), NORTH + 100 * (cell // 6)
        shapes.append(shapely.box(x, y, x + wide, y + deep))
    if turn:
        shapes = [shapely.affinity.rotate(shape, turn) for shape in shapes]
    at = NORTH + draw(st.integers(50, 350))
    line = shapely.LineString([(EAST - 50, at), (EAST + 650, at + draw(st.integers(-40, 40)))])
    order = draw(st.permutations(range(len(shapes))))
    return shapes, line, list(order)


def frames(shapes, line):
    buildings = gpd.GeoDataFrame(
        {
            "feature_id": pd.array([f"way/{i}" for i in range(len(shapes))], dtype="string"),
            "feature_class": pd.array(["house"] * len(shapes), dtype="string"),
            "storeys": pd.array([None] * len(shapes), dtype="Float64"),
            "homes": pd.array([None] * len(shapes), dtype="Float64"),
        },
        geometry=shapes,
        crs=CRS,
    )
    streets = gpd.GeoDataFrame({"feature_class": ["residential"]}, geometry=[line], crs=CRS)
    return buildings, streets


@settings(max_examples=25, deadline=None)
@given(drawings())
def test_lots_lie_in_the_area_apart_and_whatever_the_order(drawing):
    shapes, line, order = drawing
    buildings, streets = frames(shapes, line)
    lots = derived.derive_lots(buildings, streets, AREA, RULES)
    roles = derived.roles_of(buildings, AREA, RULES)
    assert len(lots) == (roles == derived.LOT).sum()
    cells = np.array(lots.geometry, dtype=object)
    assert shapely.is_valid(cells).all()
    assert shapely.area(shapely.difference(cells, AREA)).max(initial=0) < TOUCH_FT2
    one, other = shapely.STRtree(cells).query(cells, predicate="intersects")
    apart = one < other
    shared = shapely.area(shapely.intersection(cells[one[apart]], cells[other[apart]]))
    assert shared.max(initial=0) < TOUCH_FT2
    again = derived.derive_lots(buildings.iloc[order], streets, AREA, RULES)
    pd.testing.assert_frame_equal(pd.DataFrame(lots), pd.DataFrame(again))


@settings(max_examples=15, deadline=None)
@given(drawings())
def test_no_lot_lies_in_two_blocks(drawing):
    shapes, line, _ = drawing
    buildings, streets = frames(shapes, line)
    lots = derived.derive_lots(buildings, streets, AREA, RULES)
    assert not shapely.crosses(line, shapely.buffer(np.array(lots.geometry, dtype=object), -1.0)).any()
