"""What goes into the page comes out of it: shapes to one step, values exactly."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import GeometryCollection, LineString, MultiPolygon, Point, Polygon, box

from densitymap.errors import CRSError, ValidationError
from densitymap.maps import pack

STEP_DEG = 360 / 2**28
AT = (-84.35, 33.75)


def there_and_back(frame, kind, columns):
    packed = pack.pack(frame, kind, columns, bits=28)
    return pack.unpack(packed.meta, pack.loosen(pack.squeeze(packed.body)))


def near(x0, y0, x1, y1):
    return box(AT[0] + x0 / 1000, AT[1] + y0 / 1000, AT[0] + x1 / 1000, AT[1] + y1 / 1000)


def frame(shapes, **columns):
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326")


SHAPES = {
    "hole": near(0, 0, 4, 4).difference(near(1, 1, 2, 2)),
    "two holes": near(0, 0, 9, 9).difference(near(1, 1, 2, 2)).difference(near(4, 4, 6, 6)),
    "parts": MultiPolygon([near(0, 0, 1, 1), near(3, 3, 5, 5).difference(near(3.5, 3.5, 4, 4))]),
    "island in a hole": MultiPolygon([near(0, 0, 9, 9).difference(near(1, 1, 8, 8)), near(3, 3, 5, 5)]),
    "300 vertices": Point(*AT).buffer(0.002, quad_segs=75),
    "far": near(60_000, 10_000, 60_001, 10_001),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_survive(name):
    shape = SHAPES[name]
    found = there_and_back(frame([near(5, 5, 6, 6), shape]), "polygon", {}).geometry.iloc[1]
    assert found.is_valid
    assert shapely.get_num_geometries(found) == shapely.get_num_geometries(shape)
    holes = [shapely.get_num_interior_rings(shapely.get_parts(s)).sum() for s in (shape, found)]
    assert holes[0] == holes[1]
    assert shapely.hausdorff_distance(found, shape) < 2 * STEP_DEG


def test_an_absent_or_empty_shape_keeps_its_row():
    found = there_and_back(
        frame([None, Polygon(), near(0, 0, 1, 1)], n=[1, 2, 3]), "polygon", {"n": pack.Spec(kind="number")}
    )
    assert found.geometry.isna().tolist() == [True, True, False]
    assert found["n"].tolist() == [1, 2, 3]


def test_lines_left_by_a_repair_are_not_drawn_as_polygons():
    mixed = GeometryCollection([near(0, 0, 1, 1), LineString([AT, (AT[0] + 1, AT[1])])])
    found = there_and_back(frame([mixed]), "polygon", {}).geometry.iloc[0]
    assert found.geom_type == "Polygon"


def test_lines_and_points():
    line = LineString([AT, (AT[0] + 0.01, AT[1]), (AT[0] + 0.01, AT[1] + 0.02)])
    assert (
        shapely.hausdorff_distance(there_and_back(frame([line]), "line", {}).geometry.iloc[0], line)
        < 2 * STEP_DEG
    )
    assert there_and_back(frame([Point(*AT)]), "point", {}).geometry.iloc[0].distance(Point(*AT)) < STEP_DEG


def test_a_sliver_below_a_step_keeps_its_place():
    sliver = box(AT[0], AT[1], AT[0] + STEP_DEG / 50, AT[1] + STEP_DEG / 50)
    found = there_and_back(frame([sliver]), "polygon", {}).geometry.iloc[0]
    assert found.distance(Point(*AT)) < 2 * STEP_DEG


def test_unknown_no_limit_and_zero_stay_apart():
    values = pd.array([0.0, np.inf, pd.NA, 2.0], dtype="Float64")
    found = there_and_back(
        frame([Point(*AT)] * 4, units=values), "point", {"units": pack.Spec(kind="number")}
    )["units"]
    assert found.isna().tolist() == [False, False, True, False]
    assert found.dropna().tolist() == [0.0, np.inf, 2.0]


TEXT = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
NUMBER = st.one_of(st.none(), st.just(float("inf")), st.integers(-10_000, 2_000_000).map(lambda n: n / 10))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT, NUMBER), max_size=12))
def test_any_text_and_number_survive(rows):
    texts = pd.array([row[0] for row in rows], dtype="string")
    words = pd.array([row[1] for row in rows], dtype="string")
    numbers = pd.array([row[2] for row in rows], dtype="Float64")
    columns = {
        "text": pack.Spec(kind="text"),
        "word": pack.Spec(kind="category"),
        "n": pack.Spec(kind="number", digits=1),
    }
    found = there_and_back(
        frame([Point(*AT)] * len(rows), text=texts, word=words, n=numbers), "point", columns
    )
    for name, given_values in (("text", texts), ("word", words), ("n", numbers)):
        pd.testing.assert_series_equal(found[name], pd.Series(given_values, name=name), check_exact=True)


def test_refuses_feet_absent_columns_and_numbers_too_wide():
    feet = frame([Point(*AT)]).set_crs("EPSG:2240", allow_override=True)
    with pytest.raises(CRSError, match="EPSG:4326"):
        pack.pack(feet, "point", {}, bits=28)
    with pytest.raises(ValidationError, match="owner"):
        pack.pack(frame([Point(*AT)]), "point", {"owner": pack.Spec(kind="text")}, bits=28)
    wide = frame([Point(*AT)] * 2, n=[0.0, 1e12])
    with pytest.raises(ValidationError, match="32 bits"):
        pack.pack(wide, "point", {"n": pack.Spec(kind="number", digits=2)}, bits=28)


def test_columns_that_share_words_carry_them_once():
    texts = [f"reason {k % 40} of the law" for k in range(200)]
    given = frame(
        [near(0, 0, 1, 1)] * 200,
        a=pd.array(texts, dtype="string"),
        b=pd.array([pd.NA, "only here", *reversed(texts[2:])], dtype="string"),
        c=pd.array(texts, dtype="string"),
    )
    shared = {name: pack.Spec(kind="category", words="reasons") for name in "abc"}
    alone = {name: pack.Spec(kind="category") for name in "abc"}
    found = there_and_back(given, "polygon", shared)
    for name in "abc":
        assert found[name].astype("object").where(found[name].notna(), None).tolist() == [
            None if pd.isna(text) else text for text in given[name]
        ]
    sizes = [len(pack.pack(given, "polygon", specs, bits=28).body) for specs in (shared, alone)]
    assert sizes[0] < sizes[1] - 2 * 40 * 15
