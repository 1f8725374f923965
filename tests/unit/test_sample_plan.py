"""Blocks, zones, places and lots of the plan."""

import numpy as np
import pytest
import shapely

from densitymap.errors import UsageError
from densitymap.geometry import rectangle_sides
from densitymap.sample import settings
from densitymap.sample.areas import block_shapes, boundaries, census_areas, dissolve, zoning
from densitymap.sample.grid import bend
from densitymap.sample.lots import count_lots, face_widths
from densitymap.sample.plan import draw_plan, lot_chunks
from densitymap.sample.write import draw_lots, with_degrees


@pytest.fixture(scope="module")
def plan():
    return with_degrees(draw_plan(4000, 5))


@pytest.fixture(scope="module")
def drawn(plan):
    (chunk,) = lot_chunks(plan, lots_at_once=10_000)
    return draw_lots(plan, chunk)


@pytest.mark.parametrize("n_lots", [499, 2_000_001, 0, -1])
def test_sizes_out_of_bounds_are_refused(n_lots):
    with pytest.raises(UsageError, match=r"500 to 2,000,000"):
        draw_plan(n_lots, 5)


def test_a_negative_seed_is_refused():
    with pytest.raises(UsageError, match="seed"):
        draw_plan(500, -1)


def test_neighborhoods_tile_the_district():
    areas = settings.load()["places.neighborhoods"]
    boxes = [shapely.box(a["west"], a["south"], a["east"], a["north"]) for a in areas]
    assert shapely.union_all(boxes).area == pytest.approx(1.0)
    assert sum(box.area for box in boxes) == pytest.approx(1.0)


@pytest.mark.parametrize(("n_lots", "seed"), [(500, 5), (500, 1), (1500, 2)])
def test_even_small_samples_hold_reynoldstown_and_both_counties(n_lots, seed):
    cells = draw_plan(n_lots, seed).cells
    held = cells[cells["lots"] > 0]
    assert held["lots"].sum() == n_lots
    assert {"Reynoldstown", "Kirkwood", "Edgewood", "East Atlanta"} <= set(held["neighborhood"].dropna())
    assert set(held["county"]) == {"Fulton", "DeKalb"}
    assert held["tract_2020"].nunique() >= 8


def test_zones_hold_their_shares_of_acres(plan):
    part = plan.cells[plan.cells["in_district"]]
    shares = part.groupby("zone")["acres"].sum() / part["acres"].sum()
    for zone, share in (
        ("R-4", 0.43),
        ("R-4A", 0.14),
        ("R-5", 0.07),
        ("MRC-3-C", 0.03),
        ("HC-20A SA3", 0.015),
    ):
        assert shares[zone] == pytest.approx(share, abs=0.015), zone
    assert part["zone"].isna().any()  # the zoning has a hole


def test_the_bend_keeps_areas_and_shared_lines(plan):
    rng = np.random.default_rng(1)
    u, v = rng.uniform(-9000, 9000, (2, 400))
    step = 1.0
    x0, y0 = bend(plan.settings, u, v)
    xu, yu = bend(plan.settings, u + step, v)
    xv, yv = bend(plan.settings, u, v + step)
    cross = (xu - x0) * (yv - y0) - (yu - y0) * (xv - x0)
    np.testing.assert_allclose(cross, 1.0, atol=1e-3)
    blocks = block_shapes(plan)
    assert shapely.coverage_is_valid(blocks)


def test_lots_fill_their_faces(plan):
    cells = plan.cells.head(50)
    widths, counts = face_widths(plan, cells)
    length = (cells["u1"] - cells["u0"]).to_numpy()
    np.testing.assert_allclose(widths.sum(axis=2), np.repeat(length[:, None], 2, axis=1))
    assert (count_lots(plan, cells) >= counts.sum(axis=1)).all()


def test_lots_lie_inside_their_block_and_do_not_overlap(plan, drawn):
    lots, shapes, _ = drawn
    sound = shapely.is_valid(shapes)
    block = block_shapes(plan)[lots["cell"]]
    outside = shapely.area(shapely.difference(shapes[sound], block[sound]))
    assert outside.max() < 1.0
    tree = shapely.STRtree(shapes[sound])
    left, right = tree.query(shapes[sound], predicate="intersects")
    pair = left < right
    shared = shapely.area(shapely.intersection(shapes[sound][left[pair]], shapes[sound][right[pair]]))
    odd = (lots["shape"] != "plain").to_numpy()[sound]
    odd_pair = odd[left[pair]] | odd[right[pair]]
    assert shared[~odd_pair].max() < 20.0  # slivers at bent rear lines, not overlaps
    assert shared.max() < 100.0


def test_every_kind_of_lot_occurs(plan, drawn):
    lots, shapes, _ = drawn
    kinds = {"plain", "front", "flag", "loses corner", "gains corner", "hole", "part", "bowtie"}
    assert kinds <= set(lots["shape"])
    assert lots["is_corner"].any()
    cells = plan.cells.loc[lots["cell"]]
    assert cells["has_alley"].any()
    assert (cells["is_through"] & cells["fabric"].isin(["R-4", "R-4A", "R-5"]).to_numpy()).any()
    invalid = ~shapely.is_valid(shapes)
    assert (invalid == lots["shape"].eq("bowtie").to_numpy()).all()
    flags = shapes[lots["shape"].eq("flag").to_numpy()]
    assert (shapely.area(flags) < shapely.area(shapely.convex_hull(flags)) - 100).all()  # concave
    holes = shapes[lots["shape"].eq("hole").to_numpy()]
    assert (shapely.get_num_interior_rings(holes) == 1).all()


def test_lots_are_as_wide_and_large_as_the_facts_say(plan, drawn):
    lots, shapes, _ = drawn
    area, (width, _) = shapely.area(shapes), rectangle_sides(shapes)
    fabric = plan.cells["fabric"].loc[lots["cell"]].to_numpy()
    assert np.median(area) == pytest.approx(8350, rel=0.08)
    assert np.median(width) == pytest.approx(52, abs=2)
    for name, least_area, least_width, share in (
        ("R-4", 9000, 70, 0.22),
        ("R-4A", 7500, 50, 0.53),
        ("R-5", 7500, 50, 0.5),
    ):
        own = fabric == name
        meets = (area[own] >= least_area) & (width[own] >= least_width)
        assert meets.mean() == pytest.approx(share, abs=0.09), name


def test_homes_agree_with_uses(drawn):
    lots, _, _ = drawn
    assert (lots.loc[lots["use"].isin(["vacant", "park", "shop", "works"]), "homes"] == 0).all()
    assert (lots.loc[lots["use"].eq("vacant"), "floor_ft2"] == 0).all()
    assert (lots.loc[lots["use"].eq("duplex"), "homes"] == 2).all()
    assert (lots.loc[lots["use"].eq("condo"), "homes"] >= 4).all()
    built = lots[lots["floor_ft2"] > 0]
    assert ((built["year_built"] == 0) | built["year_built"].between(1890, 2025)).all()


def test_chunks_change_nothing(plan, drawn):
    whole = drawn[0]
    parts = list(lot_chunks(plan, lots_at_once=137))
    assert len(parts) > 10
    keys = np.concatenate([part["key"].to_numpy() for part in parts])
    ends = np.concatenate([part["s1"].to_numpy() for part in parts])
    np.testing.assert_array_equal(keys, whole["key"])
    np.testing.assert_array_equal(ends, whole["s1"])


def test_places_cover_the_plan_once(plan):
    blocks = block_shapes(plan)
    total = shapely.area(blocks).sum()
    layers = boundaries(plan, blocks) | census_areas(plan, blocks)
    for name in ("tracts_2000", "tracts_2010", "tracts_2020", "block_groups_2020", "counties"):
        assert layers[name].is_valid.all()
        assert layers[name].area.sum() == pytest.approx(total), name
    inside = shapely.area(blocks[plan.cells["in_city"].to_numpy()]).sum()
    for name in (
        "neighborhoods",
        "npus",
        "council_districts_2022",
        "council_districts_former",
        "city_limits",
    ):
        assert layers[name].area.sum() == pytest.approx(inside), name


def test_census_geography_nests(plan):
    cells = plan.cells
    assert cells["block"].is_unique
    assert cells["block"].str.fullmatch(r"13(121|089)7\d{9}").all()
    groups = cells.groupby("block_group")
    assert (groups["tract_2020"].nunique() == 1).all()
    assert (groups["tract_2010"].nunique() == 1).all()
    assert (groups["tract_2000"].nunique() == 1).all()
    assert cells.groupby("tract_2000")["tract_2010"].nunique().max() > 1  # some were split by 2010
    assert (cells["block_group"].str[:11] == cells["tract_2020"]).all()
    assert not set(cells["tract_2010"]) >= set(cells["tract_2020"])  # some tracts were split


def test_zoning_is_off_by_a_foot_or_two_and_splits_some_blocks(plan):
    blocks = block_shapes(plan)
    zones = zoning(plan, blocks)
    assert zones.is_valid.all()
    straight = dissolve(plan.cells["zone"].where(plan.cells["in_city"]).rename("zone"), blocks)
    outlines = [max(shapely.get_parts(z.union_all()), key=shapely.area).exterior for z in (zones, straight)]
    drift = shapely.hausdorff_distance(*outlines)
    assert 0.5 < drift < 3.0
    assert set(zones["ZONECLASS"]) == set(plan.cells["zone"].dropna())
    assert (zones["HEIGHT"] == 0).all()
    assert (zones["SUNSET"] < 1.7e12).any()
