from __future__ import annotations

import geopandas as gpd
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from densitymap.geometry import overlaps
from densitymap.parcels.join import zones_of

CRS = "EPSG:2240"
corner = st.integers(0, 40)
rectangles = st.lists(
    st.tuples(corner, corner, st.integers(1, 15), st.integers(1, 15)), min_size=1, max_size=12
)


def _frame(rows):
    return gpd.GeoDataFrame(
        {
            "parcel_id": [f"p{i}" for i in range(len(rows))],
            "zone_district": [f"Z{i % 3}" for i in range(len(rows))],
        },
        geometry=[box(x, y, x + w, y + h) for x, y, w, h in rows],
        crs=CRS,
    )


@settings(max_examples=40, deadline=None)
@given(rectangles, rectangles)
def test_overlaps_agree_with_geopandas_overlay(zones, lots):
    zone, lot = _frame(zones), _frame(lots)
    ours = overlaps(zone, lot).set_index(["target", "source"])["area_ft2"].sort_index()
    theirs = gpd.overlay(
        lot.assign(target=range(len(lot)))[["target", "geometry"]],
        zone.assign(source=range(len(zone)))[["source", "geometry"]],
        keep_geom_type=False,
    )
    theirs = theirs.assign(area=theirs.area).set_index(["target", "source"])["area"].sort_index()
    theirs = theirs[theirs > 0]
    assert ours.index.tolist() == theirs.index.tolist()
    assert np.allclose(ours, theirs)


@settings(max_examples=40, deadline=None)
@given(rectangles, rectangles, st.randoms(use_true_random=False))
def test_row_order_does_not_matter(zones, lots, random):
    zone, lot = _frame(zones), _frame(lots)
    order = list(range(len(lot)))
    random.shuffle(order)
    limits = {"sliver_share": 0.05, "sliver_area_ft2": 4.0}
    straight = zones_of(lot, zone, **limits).sort_values(["parcel_id", "zone_code"])
    mixed = zones_of(lot.iloc[order].reset_index(drop=True), zone, **limits).sort_values(
        ["parcel_id", "zone_code"]
    )
    assert straight.to_dict("records") == mixed.to_dict("records")
