"""What protections do to the rates of building: relations that hold of any options and any lots."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import uptake_lots as t
from densitymap.feasibility.draws import draw_parameters
from densitymap.feasibility.hazard import ACTORS, with_investors
from densitymap.feasibility.uptake import uptake
from densitymap.scenarios.beliefs import beliefs, drawn, drawn_with
from densitymap.scenarios.direct import MAY_BE_LET, OWNED, direct, kept_by, lot_classes
from densitymap.scenarios.places import place_of
from densitymap.scenarios.protections import faults, protection_of
from densitymap.scenarios.rates import effect, rated
from densitymap.scenarios.tenure import cells_of, let_homes

N, DRAWS = 40, 5
HERE = {"neighborhood": ["Kirkwood"]}
QUICK = settings(max_examples=8, deadline=None)
SEEDS = st.integers(0, 10_000)


def lots_of(seed):
    """Vacant, owned and let lots, some unknown; half of them in the place."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "is_built": pd.array(rng.choice([True, True, False, None], N), dtype="boolean"),
            "existing_units": pd.array(rng.choice([1, 2, None], N), dtype="Float64"),
            "owner_occupied": pd.array(rng.choice([True, False, None], N), dtype="boolean"),
            place_of(HERE).key: rng.random(N) < 0.5,
            "neighborhood": rng.choice(["Kirkwood", "East Lake"], N),
            "tract_geoid_2020": rng.choice(["13089020500", "13089020600"], N),
        }
    )


def run(seed, *levers, table=None, n_draws=DRAWS):
    """Uptake with some protections, with what they did."""
    options, known, _ = t.drawn(N, seed)
    lots = lots_of(seed) if table is None else table
    whole = with_investors(options, has_home=np.ones(N, bool))
    draws = draw_parameters(t.places(), n_draws=n_draws)
    items = [protection_of(lever) for lever in levers]
    found = rated(whole, lots, items, size=n_draws, seed=draws.seed)
    classes, small = {"class": lot_classes(lots)}, cells_of(lots).labels()
    result = uptake(found.options, known, dataclasses.replace(draws, rate=found.rate), classes, small=small)
    return result, found


def displaced(seed, *levers):
    """Direct displacement with some protections, in many draws."""
    size, lots, cells = 200, lots_of(seed), cells_of(lots_of(seed))
    result, _ = run(seed, *levers, n_draws=size)
    world = drawn(size, seed=5)
    let = let_homes(cells, None, None, world, low_income_usd=np.nan, seed=5)
    kept = kept_by(lots, cells, [protection_of(lever) for lever in levers], size=size, seed=5)
    return direct(result.changes, cells, let, world, kept)


def at(result, name, part):
    """A sum on lots of one class, by draw; nothing where there are none."""
    return result.expected(part)[:, result.names.index(name)] if name in result.names else np.zeros(DRAWS)


@QUICK
@given(SEEDS, st.booleans())
def test_no_net_loss_never_raises_demolitions_and_slows_only_lots_that_may_be_let(seed, everywhere):
    lever = {"kind": "no_net_loss"} | ({} if everywhere else {"where": HERE})
    was, now = run(seed)[0], run(seed, lever)[0]
    assert (now.expected("torn") <= was.expected("torn") + 1e-12).all()
    assert now.expected("torn").sum() < was.expected("torn").sum()
    for name in set(was.names) - {MAY_BE_LET, "all"}:
        np.testing.assert_array_equal(at(now, name, "lots"), at(was, name, "lots"))


SHARES = st.floats(0, 1)


@QUICK
@given(SEEDS, st.booleans(), st.none() | SHARES, st.none() | SHARES)
def test_no_net_loss_never_raises_direct_displacement_in_any_draw(seed, everywhere, replaced, factor):
    """Exactly, in all and in each neighborhood: nothing that is not torn down is made up for by purchases."""
    given_ = {"replaced_share": replaced, "hazard_factor": factor}
    lever = {"kind": "no_net_loss"} | {name: value for name, value in given_.items() if value is not None}
    was, now = displaced(seed), displaced(seed, lever | ({} if everywhere else {"where": HERE}))
    assert (now.total <= was.total).all()
    for name, before in was.by_neighborhood.items():
        assert (now.by_neighborhood[name] <= before).all()
    if replaced is None:
        assert now.total.sum() < was.total.sum()


@pytest.mark.parametrize(("factor", "refused"), [(0.0, False), (1.0, False), (1.01, True), (3, True)])
def test_no_net_loss_may_slow_what_it_binds_and_never_speed_it(factor, refused):
    """A factor above 1 would let a protection raise direct displacement."""
    said = list(faults({"kind": "no_net_loss", "hazard_factor": factor}))
    assert ["hazard_factor of no_net_loss" in line and "between 0 and 1" in line for line in said] == [
        True
    ] * refused


def test_a_purchase_never_moves_more_than_dividing_nor_that_more_than_tearing_down():
    """Else a lot that a protection leaves standing, and an investor then buys, would displace more."""
    assert set(drawn_with().values()) <= set(beliefs())
    ends = {f"leave_{name}": beliefs()[f"leave_{name}"] for name in ("purchase", "convert", "redevelop")}
    assert len({(one.low, one.default, one.high) for one in ends.values()}) == len(ends)
    purchase, convert, redevelop = (drawn(20_000, seed=5)[name] for name in ends)
    assert (purchase <= convert).all()
    assert (convert <= redevelop).all()


@QUICK
@given(SEEDS, st.sampled_from(["land_trust", "preservation_purchase"]))
def test_lots_taken_out_change_less_in_every_way(seed, kind):
    was, now = run(seed)[0], run(seed, {"kind": kind})[0]
    for part in ("lots", "gross", "torn"):
        assert (now.expected(part) <= was.expected(part) + 1e-12).all()
    assert now.expected("lots").sum() < was.expected("lots").sum()


@QUICK
@given(SEEDS)
def test_a_grant_adds_accessory_homes_of_owners_where_owners_live_and_nowhere_else(seed):
    (was, _), (now, found) = run(seed), run(seed, {"kind": "adu_grant"})
    assert set(found.options.process[found.options.rate_group > 0]) <= {0}
    assert set(found.options.actor[found.options.rate_group > 0]) <= {ACTORS.index("owner")}
    assert (at(now, OWNED, "lots") >= at(was, OWNED, "lots") - 1e-12).all()
    np.testing.assert_array_equal(at(now, MAY_BE_LET, "gross"), at(was, MAY_BE_LET, "gross"))


@QUICK
@given(SEEDS, st.sampled_from(["no_net_loss", "land_trust", "preservation_purchase", "adu_grant"]))
def test_a_protection_that_reaches_no_lot_changes_no_byte(seed, kind):
    table = lots_of(seed).assign(**{place_of(HERE).key: False})
    was, now = run(seed, table=table)[0], run(seed, {"kind": kind, "where": HERE}, table=table)[0]
    assert now.sums.tobytes() == was.sums.tobytes()
    assert now.projects.tobytes() == was.projects.tobytes()


@QUICK
@given(SEEDS)
def test_protections_multiply_and_their_order_does_not_matter(seed):
    pair = [{"kind": "no_net_loss", "where": HERE}, {"kind": "land_trust", "lots_share": 0.25}]
    (one, found), (other, _) = run(seed, *pair), run(seed, *pair[::-1])
    np.testing.assert_allclose(one.sums, other.sums, rtol=1e-12)
    each = [run(seed, lever)[1] for lever in pair]
    by_option = [part.rate[:, part.options.rate_group] for part in (found, *each)]
    np.testing.assert_allclose(by_option[0], by_option[1] * by_option[2], rtol=1e-12)
    assert len({tuple(column) for column in found.rate.T}) == found.rate.shape[1]


def test_the_factor_is_drawn_alike_in_every_scenario_and_within_its_range():
    (_, one), (_, other) = run(3, {"kind": "no_net_loss"}), run(8, {"kind": "no_net_loss", "where": HERE})
    np.testing.assert_array_equal(one.rate[:, 1], other.rate[:, 1])
    assert ((one.rate[:, 1] >= 0.25) & (one.rate[:, 1] <= 1.0)).all()
    assert len(set(one.rate[:, 1])) > 1


def test_what_acts_on_no_rate_says_so():
    (_, found) = run(3, {"kind": "inclusionary"}, {"kind": "tenure_protection"})
    assert found.lots == (None, None)
    assert (found.options.rate_group == 0).all()
    told = {
        least: effect(
            protection_of({"kind": "inclusionary", "project_size_min_homes": least, "homes_share": share}),
            None,
            largest_project_homes=4,
        )
        for least, share in ((10, 0.1), (3, 0.1), (2, 0.5))
    }
    assert "projects of 10 or more homes" in told[10]
    assert "less than one" in told[3]
    assert "Not computed: needs" in told[2]
