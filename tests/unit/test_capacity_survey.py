"""Fronts, sides and rears of drawn lots; feet, answers by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely

from densitymap.capacity import clean, envelope, kernel, survey
from densitymap.capacity.edges import ring_edges, shared
from densitymap.capacity.front import FRONT, REAR, ROLE_NAMES, SIDE, STREET_SIDE, THROUGH
from densitymap.capacity.rules import load_rules

RULES = load_rules()
YARDS = {"front": 30.0, "side": 7.0, "rear": 15.0, "street_side": 15.0}


def shapes(*wkt: str) -> np.ndarray:
    drawn = np.array([shapely.from_wkt(text) for text in wkt], dtype=object)
    return clean.clean(drawn, RULES, exact=True)[0]


def surveyed(lot: str, street: str | None = None, **more: object) -> survey.Survey:
    drawn = None if street is None else np.array([shapely.from_wkt(street)], dtype=object)
    return survey.survey(shapes(lot), RULES, drawn_streets=drawn, **more)


def roles(of: survey.Survey) -> list[str]:
    return [ROLE_NAMES[role] for role in of.edges["role"]]


def left(of: survey.Survey, **yards: float) -> float:
    frame = pd.DataFrame([YARDS | yards])
    area = envelope.envelope_areas(of, envelope.edge_yards(of, frame))
    exact = shapely.area(envelope.exact_envelopes(of, envelope.edge_yards(of, frame)))
    assert area[0] == pytest.approx(exact[0], rel=1e-6)
    return float(area[0])


LOT = "POLYGON((0 0,50 0,50 150,0 150,0 0))"


def test_interior_lot() -> None:
    lot = surveyed(LOT, "LINESTRING(0 0,50 0)")
    assert roles(lot) == ["front", "side", "rear", "side"]
    assert lot.lots.loc[0, "frontage_ft"] == 50
    assert lot.lots.loc[0, "lot_depth_ft"] == 150
    assert left(lot) == pytest.approx(36 * 105, abs=0.01)


def test_corner_takes_the_shorter_street_as_front_and_its_own_side_yard() -> None:
    lot = surveyed("POLYGON((0 0,60 0,60 130,0 130,0 0))", "MULTILINESTRING((0 0,60 0),(0 0,0 130))")
    assert sorted(roles(lot)) == ["front", "rear", "side", "street side"]
    assert lot.lots.loc[0, "is_corner"]
    assert lot.lots.loc[0, "frontage_ft"] == 60
    assert left(lot, rear=7) == pytest.approx(38 * 93, abs=0.01)


def test_through_lot_has_two_front_yards_and_no_rear() -> None:
    lot = surveyed(LOT, "MULTILINESTRING((0 0,50 0),(50 150,0 150))")
    assert sorted(roles(lot)) == ["front", "second front", "side", "side"]
    assert left(lot) == pytest.approx(36 * 90, abs=0.01)


def test_flag_lot_counts_its_body_and_measures_the_front_yard_from_the_mouth() -> None:
    lot = surveyed("POLYGON((0 0,15 0,15 120,80 120,80 210,0 210,0 0))", "LINESTRING(0 0,15 0)")
    assert lot.lots.loc[0, "is_flag"]
    assert lot.lots.loc[0, "frontage_ft"] == 15
    assert lot.lots.loc[0, "pole_area_ft2"] == pytest.approx(1800)
    assert lot.lots.loc[0, "lot_area_ft2"] == 9000
    assert left(lot) == pytest.approx(66 * 45, abs=0.01)


def test_narrow_rectangle_is_no_flag() -> None:
    lot = surveyed("POLYGON((0 0,18 0,18 100,0 100,0 0))", "LINESTRING(0 0,18 0)")
    assert not lot.lots.loc[0, "is_flag"]


def test_triangle_has_its_rear_line_where_it_is_ten_feet_wide() -> None:
    lot = surveyed("POLYGON((0 0,90 0,45 180,0 0))", "LINESTRING(0 0,90 0)")
    assert "rear" in roles(lot)
    line = lot.edges[lot.edges["ring"] < 0].iloc[0]
    assert -line["c"] == pytest.approx(160)  # 90 ft wide at 0, 0 at 180: 10 ft at 160
    slope = np.hypot(45, 180)
    half_at = [45 * (1 - y / 180) - 7 * slope / 180 for y in (30.0, 145.0)]
    assert left(lot) == pytest.approx((half_at[0] + half_at[1]) * 115, rel=1e-6)


def test_no_street_drawn_is_landlocked() -> None:
    lot = survey.survey(shapes(LOT), RULES, drawn_streets=np.array([None], dtype=object))
    assert lot.lots.loc[0, "is_landlocked"]
    assert lot.lots.loc[0, "front_source"] == "none"


def test_alone_and_without_streets_the_shape_decides_and_says_so() -> None:
    lot = surveyed(LOT)
    assert lot.lots.loc[0, "front_source"] == "proxy"
    assert lot.lots.loc[0, "frontage_ft"] == pytest.approx(50)
    assert left(lot) == pytest.approx(36 * 105, abs=0.01)


def test_neighbours_imply_the_street() -> None:
    # ┌──┬──┬──┐  three lots side by side, a fourth behind all; only the south is free
    # ├──┴──┴──┤
    row = [f"POLYGON(({x} 0,{x + 50} 0,{x + 50} 150,{x} 150,{x} 0))" for x in (0, 50, 100)]
    all_lots = survey.survey(shapes(*row, "POLYGON((0 150,150 150,150 300,0 300,0 150))"), RULES)
    middle = all_lots.lots.loc[1]
    assert middle["front_source"] == "implied"
    assert middle["frontage_ft"] == 50
    assert list(all_lots.edges.loc[all_lots.edges["lot"] == 1, "role"]) == [FRONT, SIDE, REAR, SIDE]


def test_lot_enclosed_by_neighbours_is_landlocked() -> None:
    inner = "POLYGON((50 50,100 50,100 100,50 100,50 50))"
    ring = "POLYGON((0 0,150 0,150 150,0 150,0 0),(50 50,50 100,100 100,100 50,50 50))"
    both = survey.survey(shapes(inner, ring), RULES)
    assert both.lots.loc[0, "is_landlocked"]
    assert both.lots.loc[0, "frontage_ft"] != both.lots.loc[0, "frontage_ft"]  # unknown, not 0


def test_hole_edges_are_sides_not_streets() -> None:
    lot = surveyed(
        "POLYGON((0 0,100 0,100 150,0 150,0 0),(70 90,90 90,90 120,70 120,70 90))", "LINESTRING(0 0,100 0)"
    )
    assert roles(lot).count("front") == 1
    assert not lot.lots.loc[0, "is_convex"]
    assert left(lot, front=30) == pytest.approx(86 * 105 - (93 - 63) * (127 - 83), abs=0.01)


def streets(**lines: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "geometry": np.array([shapely.from_wkt(line) for line in lines.values()], dtype=object),
            "name": list(lines),
            "kind": [
                "alley" if name == "alley" else "rail" if name == "rail" else "street" for name in lines
            ],
        }
    )


def test_centrelines_find_fronts_by_address_and_leave_rail_and_alley_out() -> None:
    lines = streets(
        Main="LINESTRING(-100 -25,200 -25)",
        Oak="LINESTRING(-25 -100,-25 300)",
        rail="LINESTRING(75 -100,75 300)",
        alley="LINESTRING(-100 158,200 158)",
    )
    lot = surveyed(LOT, streets=lines, address_street=pd.Series(["OAK"], dtype="string"))
    assert lot.lots.loc[0, "front_source"] == "street"
    assert lot.lots.loc[0, "frontage_ft"] == 150
    assert lot.lots.loc[0, "has_alley"]
    assert sorted(roles(lot)) == ["front", "rear", "side", "street side"]


def test_centreline_behind_a_neighbour_is_not_this_lots_street() -> None:
    front, behind = LOT, "POLYGON((0 150,50 150,50 190,0 190,0 150))"
    lines = streets(Main="LINESTRING(-100 205,200 205)")
    both = survey.survey(shapes(front, behind), RULES, streets=lines)
    assert both.lots["front_source"].tolist()[1] == "street"
    assert both.lots["front_source"].tolist()[0] != "street"


def test_a_correction_wins_over_the_shorter_street() -> None:
    corner = "MULTILINESTRING((0 0,50 0),(0 0,0 150))"
    asked = pd.DataFrame({"front_bearing_deg": [270.0]}, index=[0])
    assert surveyed(LOT, corner, overrides=asked).lots.loc[0, "frontage_ft"] == 150
    assert surveyed(LOT, corner).lots.loc[0, "frontage_ft"] == 50


def test_rounded_corner_is_two_streets_not_one_run() -> None:
    arc = [(60 * np.cos(t) + 60, 60 * np.sin(t) + 60) for t in np.radians(np.linspace(180, 270, 19))]
    points = [*arc, (120, 0), (120, 150), (0, 150)]
    street = shapely.LineString([(0, 150), *arc, (120, 0)])
    lot = surveyed(shapely.Polygon(points).wkt, street.wkt)
    assert lot.lots.loc[0, "n_fronts"] == 2
    assert lot.lots.loc[0, "is_corner"]


def test_edge_with_a_street_on_part_of_it_counts_that_part() -> None:
    lot = surveyed("POLYGON((0 0,100 0,100 150,0 150,0 0))", "LINESTRING(0 0,30 0)")
    assert lot.lots.loc[0, "frontage_ft"] == pytest.approx(30, abs=0.1)


def test_shared_looks_outside_only() -> None:
    pair = shapes(LOT, "POLYGON((50 0,100 0,100 150,50 150,50 0))")
    edges = ring_edges(pair)
    assert shared(edges, pair, RULES).sum() == 2


def test_clean_keeps_the_largest_part_and_says_why_not() -> None:
    drawn = np.array(
        [
            shapely.from_wkt("MULTIPOLYGON(((0 0,50 0,50 90,0 90,0 0)),((60 0,70 0,70 9,60 9,60 0)))"),
            shapely.from_wkt("POLYGON((0 0,5 0,5 5,0 5,0 0))"),
            None,
            shapely.from_wkt("POLYGON((0 0,50 90,50 0,0 90,0 0))"),
            shapely.from_wkt("POLYGON((0 0,9 0,18 0,0 0))"),
            shapely.Point(0, 0).buffer(100, quad_segs=1300),
        ],
        dtype=object,
    )
    cleaned, notes = clean.clean(drawn, RULES)
    assert shapely.area(cleaned[0]) == pytest.approx(4500)
    assert notes.fillna("").tolist()[:3] == ["largest part of several", "sliver", "no shape"]
    assert notes[4] in ("not a polygon", "sliver", "no shape")
    assert notes[5] == "too many vertices"
    assert [shape is None for shape in cleaned] == [False, True, True, False, True, True]


def test_drawing_noise_is_straightened_without_moving_the_area() -> None:
    noisy = shapely.from_wkt("POLYGON((0 0,25 0.1,50 0,50.1 75,50 150,0 150,-0.05 75,0 0))")
    cleaned, _ = clean.clean(np.array([noisy], dtype=object), RULES)
    assert shapely.get_num_coordinates(cleaned[0]) == 5
    assert shapely.area(cleaned[0]) == pytest.approx(shapely.area(noisy), rel=0.01)


def test_lots_without_a_shape_stay_without_answer() -> None:
    cleaned = np.array([None, *shapes(LOT)], dtype=object)
    lots = survey.survey(cleaned, RULES)
    yards = pd.DataFrame([YARDS, YARDS])
    area = envelope.envelope_areas(lots, envelope.edge_yards(lots, yards))
    assert np.isnan(area[0])
    assert area[1] == pytest.approx(36 * 105, abs=0.01)


def test_unread_yard_leaves_the_envelope_unknown() -> None:
    lot = surveyed(LOT, "LINESTRING(0 0,50 0)")
    yards = pd.DataFrame([YARDS | {"side": np.nan}])
    assert np.isnan(envelope.envelope_areas(lot, envelope.edge_yards(lot, yards))[0])


def test_roles_are_told_apart() -> None:
    assert len({FRONT, SIDE, REAR, STREET_SIDE, THROUGH}) == 5


def test_flat_caps_leave_the_sliver_that_mitred_strips_do_not() -> None:
    """Why the prototype's flat-capped strips and half-planes differed: obtuse corners, uneven yards."""
    lot = surveyed("POLYGON((0 0,60 0,90 60,60 150,0 150,-30 60,0 0))", "LINESTRING(0 0,60 0)")
    yards = envelope.edge_yards(lot, pd.DataFrame([YARDS]))
    exact = shapely.area(envelope.exact_envelopes(lot, yards))[0]
    planes, offsets, boxes = envelope.planes(lot)

    assert kernel.clip_areas(planes, yards, offsets, boxes)[0] == pytest.approx(exact, rel=1e-6)
    lines = [shapely.LineString(e) for e in lot.edges[["x0", "y0", "x1", "y1"]].to_numpy().reshape(-1, 2, 2)]
    flat = lot.shapes[0]
    for line, yard in zip(lines, yards, strict=True):
        flat = flat.difference(line.buffer(yard, cap_style="flat"))
    assert flat.area > exact * 1.005
