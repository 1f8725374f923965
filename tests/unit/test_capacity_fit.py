"""Rectangles behind yards, rules one by one, and what they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely

from densitymap.capacity import clean, envelope, exact, fit, kernel, survey, verdict
from densitymap.capacity.modes import options
from densitymap.capacity.rules import load_buildings, load_rules, numbers
from densitymap.capacity.verdict import FALSE, MAYBE, TRUE, Margins, cap, judge, unjudged
from densitymap.errors import ValidationError

RULES = load_rules()
LOT = "POLYGON((0 0,50 0,50 150,0 150,0 0))"
YARDS = {"front": 30.0, "side": 7.0, "rear": 15.0, "street_side": 15.0}
NO_MARGIN = Margins(length_ft=0, share=0)


def surveyed(lot: str, street: str = "LINESTRING(0 0,50 0)") -> survey.Survey:
    shape, _ = clean.clean(np.array([shapely.from_wkt(lot)], dtype=object), RULES, exact=True)
    return survey.survey(shape, RULES, drawn_streets=np.array([shapely.from_wkt(street)], dtype=object))


def ranges(lot: survey.Survey, width: float, depth: float, **yards: float) -> list[float]:
    by_edge = envelope.edge_yards(lot, pd.DataFrame([YARDS | yards]))
    return fit.fit_ranges(lot, by_edge, np.array([[[width, depth]]]))[0, 0].tolist()


def test_a_rectangle_stands_as_near_and_as_far_as_the_yards_let_it() -> None:
    back, line, slack = ranges(surveyed(LOT), 30, 50)
    assert back == pytest.approx(80, abs=1e-4)
    assert line == pytest.approx(85, abs=1e-4)
    assert slack == pytest.approx(6, abs=1e-4)


def test_exactly_as_wide_as_the_envelope_fits_and_a_hair_more_does_not() -> None:
    assert np.isfinite(ranges(surveyed(LOT), 36, 105)[0])
    assert ranges(surveyed(LOT), 36.01, 105)[0] == np.inf
    assert ranges(surveyed(LOT), 36, 105.01)[0] == np.inf


def test_both_turns_are_tried() -> None:
    assert np.isfinite(ranges(surveyed(LOT), 90, 20)[0])


def test_on_a_leaning_lot_the_long_side_gives_a_third_angle() -> None:
    lean = surveyed("POLYGON((0 0,40 0,130 150,90 150,0 0))", "LINESTRING(0 0,40 0)")
    assert not np.isnan(lean.lots.loc[0, "skew_rad"])
    square = survey.survey(
        lean.shapes, RULES, drawn_streets=np.array([shapely.LineString([(0, 0), (40, 0)])])
    )
    square.lots["skew_rad"] = np.nan
    long_home = (18.0, 80.0)
    assert np.isfinite(ranges(lean, *long_home)[0])
    assert ranges(square, *long_home)[0] == np.inf


@pytest.mark.parametrize("lot", [LOT, "POLYGON((0 0,60 0,60 90,100 90,100 150,0 150,0 0))"])
def test_compiled_sweep_and_geos_agree(lot: str) -> None:
    shape = np.array([shapely.orient_polygons(shapely.from_wkt(lot))] * 4, dtype=object)
    sizes = np.array([[30.0, 50.0], [90.0, 20.0], [61.0, 80.0], [45.0, 100.0]])
    skew = np.full(4, np.nan)
    slow = exact.swept_ranges_geos(shape, sizes, skew)
    fast = exact.fit_ranges(shape, sizes[:, None, :], skew=skew)[:, 0]
    np.testing.assert_allclose(fast, slow, atol=0.01)


def test_concave_lot_is_tried_beyond_the_half_planes() -> None:
    ell = surveyed("POLYGON((0 0,60 0,60 90,140 90,140 190,0 190,0 0))", "LINESTRING(0 0,60 0)")
    assert not ell.lots.loc[0, "is_convex"]
    assert np.isfinite(ranges(ell, 110, 70)[0])  # only in the wide rear part
    assert ranges(ell, 110, 90)[0] == np.inf


def test_numpy_and_compiled_kernels_agree() -> None:
    if not kernel.HAS_NUMBA:
        pytest.skip("numba is not installed: there is one kernel only")
    lots = [surveyed(LOT), surveyed("POLYGON((0 0,90 0,45 180,0 0))", "LINESTRING(0 0,90 0)")]
    for lot in lots:
        planes, offsets, boxes = envelope.planes(lot)
        yards = envelope.edge_yards(lot, pd.DataFrame([YARDS]))
        sizes = np.array([[[30.0, 50.0], [26.0, 44.0], [np.nan, np.nan], [200.0, 9.0]]])
        skew = np.array([0.3])
        both = (
            kernel.fit_ranges(planes, yards, offsets, boxes, sizes, skew=skew),
            kernel.fit_ranges_numpy(planes, yards, offsets, boxes, sizes, skew=skew),
        )
        np.testing.assert_allclose(*both, atol=1e-9)
        np.testing.assert_allclose(
            kernel.clip_areas(planes, yards, offsets, boxes),
            kernel.clip_areas_numpy(planes, yards, offsets, boxes),
        )


def test_side_path_needs_five_feet_on_one_side() -> None:
    lot = surveyed(LOT)
    for box, open_ in ((shapely.box(4, 30, 45, 70), True), (shapely.box(4, 30, 46, 70), False)):
        house = fit.house_of(np.array([box], dtype=object), np.array([1000.0]), np.array([1.0]))
        assert fit.has_side_path(lot, house, RULES)[0] == open_


def test_same_yards_are_not_tried_again() -> None:
    lot, buildings = surveyed(LOT), load_buildings()
    yards, house = pd.DataFrame([YARDS]), fit.no_house(1)
    first = fit.place(lot, yards, yards, buildings, house)
    assert fit.place(lot, yards.copy(), yards.copy(), buildings, house, reuse=first) is first
    wider = yards.assign(rear=4.0)
    second = fit.place(lot, yards, wider, buildings, house, reuse=first)
    assert second.main is first.main
    assert second.adu is not first.adu


def judged(
    rule: str, have: list[float], need: list[float], margins: Margins = NO_MARGIN
) -> verdict.Judgement:
    """One rule asked of lots nothing was said of."""
    found = unjudged(len(have))
    judge(found, rule, np.array(have), np.array(need), margins=margins)
    return found


def test_least_level_wins_and_the_largest_shortfall_binds() -> None:
    have, need = np.array([50.0]), np.array([70.0])
    found = judged("lot_area", [8000.0], [9000.0])
    judge(found, "lot_width", have, need, margins=NO_MARGIN)
    judge(found, "floor_area", np.array([np.nan]), need, margins=NO_MARGIN)
    assert found.level[0] == FALSE
    assert verdict.RULES[found.rule[0]] == "lot_width"


def test_unknown_is_maybe_and_no_limit_is_met() -> None:
    assert judged("coverage", [np.nan], [1.0]).level[0] == MAYBE
    assert judged("floor_area", [np.inf], [1.0]).level[0] == TRUE


def test_slack_within_the_measurement_is_maybe_on_both_sides() -> None:
    margins = Margins(length_ft=2.0, share=0.03)
    level = judged("lot_width", [67.0, 69.0, 71.0, 73.0], [70.0] * 4, margins).level
    assert level.tolist() == [FALSE, MAYBE, MAYBE, TRUE]


def test_a_doubt_lowers_but_never_raises() -> None:
    doubt = np.array([MAYBE], dtype=np.int8)
    refused, met = judged("use", [0.0], [2.0]), unjudged(1)
    cap(refused, "condition", doubt)
    cap(met, "condition", doubt)
    assert refused.level[0] == FALSE
    assert met.level[0] == MAYBE


def test_sentences_say_what_binds() -> None:
    fits = pd.DataFrame(
        {
            "verdict": ["FALSE", "MAYBE", "TRUE", "FALSE", "NO DATA"],
            "binding_rule": ["lot_width", "use", "floor_area", "floor_area", None],
            "have": [50.0, np.nan, 10.0, 1234.4, np.nan],
            "need": [70.0, 2.0, 5.0, 2720.0, np.nan],
        }
    )
    place = pd.Series(["R-4", "MR-3", "R-5", "<img onerror=x>", None])
    said = verdict.sentences(fits, place=place).tolist()
    assert said[0] == "The lot is 50 ft wide at the street; R-4 asks for 70."
    assert said[1] == "Whether MR-3 permits this kind of home has not been read."
    assert said[2].startswith("It fits")
    assert said[3] == "<img onerror=x> leaves 1,234 square feet of floor; this needs 2,720."
    assert "known" in said[4]


def test_every_rule_has_a_sentence() -> None:
    frame = pd.DataFrame({"verdict": "FALSE", "binding_rule": verdict.RULES, "have": 1.0, "need": 2.0})
    said = verdict.sentences(frame)
    assert said.notna().all()
    assert not said.str.contains("[{}]", regex=True).any()


def test_templates_are_whole_and_a_home_on_wheels_is_none() -> None:
    buildings = load_buildings()
    tried = {option.main for option in options(buildings)} | {option.adu for option in options(buildings)}
    assert "TINY" in tried
    assert "TINY_ON_WHEELS" not in tried
    assert buildings.loc["TINY_ON_WHEELS", "units"] == 0
    assert "COTTAGE_COURT" in tried
    court = buildings.loc["COTTAGE_COURT"]
    green = court["width_ft"] * court["depth_ft"] - court["footprint_ft2"]
    assert green > court["units"] * court["common_open_space_ft2_per_unit"]
    area = buildings["footprint_ft2"] * buildings["storeys"]
    np.testing.assert_allclose(buildings["floor_area_ft2"], area, rtol=1e-3)
    assert buildings["source"].str.len().gt(10).all()


def test_a_rule_without_citation_is_refused_with_all_its_faults() -> None:
    with pytest.raises(ValidationError) as caught:
        numbers({"gap": {"value": 1.0, "mark": "Z"}}, "x.toml")
    assert len(caught.value.faults) == 3
