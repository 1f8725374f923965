"""What protections cost: one rule for ledgers and frontier, held to sums done by hand."""

from __future__ import annotations

import numpy as np
import pytest

from densitymap.pipeline import scenarios
from densitymap.pipeline.frontier import ground_of
from densitymap.scenarios.beliefs import beliefs
from densitymap.scenarios.direct import direct, kept_by
from densitymap.scenarios.document import Scenario
from densitymap.scenarios.ledgers import ledgers, programme_costs
from densitymap.scenarios.market import avoided
from densitymap.scenarios.place_sums import place_sums
from densitymap.scenarios.policy import apply, load_policy
from densitymap.scenarios.programme import cost_words
from densitymap.scenarios.protections import kinds, protection_of
from known_homes import copied

DRAWS = 40


@pytest.fixture(scope="module")
def loaded(sample_space, tmp_path_factory):
    """The shared sample, copied, with homes known on every lot, so that everything can be computed."""
    folder = tmp_path_factory.mktemp("programme") / "space"
    return scenarios.load_ground(copied(sample_space, folder), n_draws=DRAWS)


def test_every_protection_has_a_price_or_somebody_who_pays():
    for kind in kinds():
        item = protection_of({"kind": kind})
        assert (item.costs is None) != (item.paid_by == ""), kind
        words = cost_words([item])[kind]
        assert "not priced" not in words
        assert item.costs is None or set(item.costs.times) <= set(item.parameters), kind


@pytest.mark.parametrize("kind", ["land_trust", "preservation_purchase"])
def test_what_is_said_of_rents_is_what_is_computed(kind):
    """Held homes stay in the stock of the market ledger; the catalogue says that held rents do not count."""
    item = protection_of({"kind": kind, "lots_share": 0.05})
    assert "counted in no ledger" in item.acts
    assert "out of the rent channel" in item.note


def test_held_homes_taken_out_of_the_stock_would_read_as_harm():
    """Why they stay in: the ledger tells relief alone, so a smaller stock means more moves, not fewer."""
    world = {name: np.array([one.default]) for name, one in beliefs().items()}
    net, gone, held = (np.array([value]) for value in (50.0, 10.0, 100.0))
    here = np.array([1_000.0])
    now, without = avoided(world, net, gone, here), avoided(world, net, gone + held, here)
    assert all(-without[name] > -now[name] for name in ("regional", "local"))


@pytest.mark.parametrize("kind", ["land_trust", "preservation_purchase"])
def test_a_protection_that_takes_no_lot_changes_no_byte_of_a_ledger(loaded, kind):
    plain, held = (under(loaded, *levers) for levers in ((), ({"kind": kind, "lots_share": 0},)))
    given = loaded.situation
    (one, other) = (avoided(given.beliefs, c.net, c.direct.total, given.low_income) for c in (plain, held))
    assert held.direct.total.tobytes() == plain.direct.total.tobytes()
    assert held.net.tobytes() == plain.net.tobytes()
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)
    assert (held.costs[kind] == 0).all()


HERE = {"where": {"neighborhood": ["Kirkwood"]}}
THERE = {"where": {"neighborhood": ["East Lake"]}}


def outcome(loaded, levers):
    """Protections on top of a shipped reform."""
    reform = apply("missing-middle-2021", load_policy("atlanta"))
    own = Scenario(
        name="drawn", title="Drawn", question="duplex", summary="s", source="s", mark="A", levers=levers
    )
    return loaded.outcome(apply(own, reform))


def under(loaded, *levers):
    return outcome(loaded, levers).counted


def priced(loaded, *levers, ground=None):
    """Costs by kind in the whole area, or by place of a frontier."""
    flow = outcome(loaded, levers).flow
    if ground is not None:
        return place_sums(flow, ground)
    result = loaded.situation.expected(flow, {})
    return programme_costs(flow.results, loaded.situation, result), result


@pytest.fixture(scope="module")
def places(loaded):
    """The neighbourhoods of a frontier."""
    assert loaded.base.counted is not None
    return ground_of(loaded, "neighborhood")


def test_a_frontier_prices_protections_as_the_ledgers_do(loaded, places):
    levers = [{"kind": kind, **HERE} for kind in ("tax_relief", "preservation_purchase", "land_trust")]
    whole, _ = priced(loaded, *levers)
    by_place = priced(loaded, *levers, ground=places)
    assert by_place.cost.sum(axis=1) == pytest.approx(sum(whole.values()))
    assert set(whole) == set(by_place.priced) == {lever["kind"] for lever in levers}
    elsewhere = [n for n, name in enumerate(places.names) if name != "Kirkwood"]
    assert (by_place.cost[:, elsewhere] == 0).all()


def test_a_frontier_displaces_as_the_ledgers_do_in_every_draw(loaded, places):
    """Places add up, and a package bound to some places is what it is asked everywhere, place by place."""
    everywhere = outcome(loaded, [{"kind": "tenure_protection"}])
    here = outcome(loaded, [{"kind": "tenure_protection", **HERE}])
    plain = outcome(loaded, [])
    whole, bound, without = (place_sums(one.flow, places).direct for one in (everywhere, here, plain))
    at = places.names.index("Kirkwood")
    for one, by_place in ((everywhere, whole), (here, bound), (plain, without)):
        assert by_place.sum(axis=1) == pytest.approx(one.counted.direct.total, rel=1e-9)
    assert bound[:, at] == pytest.approx(whole[:, at], rel=1e-9)
    assert np.delete(bound, at, axis=1) == pytest.approx(np.delete(without, at, axis=1), rel=1e-9)


def test_tax_relief_is_priced_by_the_award_where_levies_are_unread(loaded):
    """By hand: awards to the owners expected, over the whole term, whatever is known of levies."""
    assert loaded.situation.owner_needs
    lever = {"kind": "tax_relief", "take_up_share": 0.5, "cost_usd_per_award_year": 100, "term_years": 20}
    costs, _ = priced(loaded, lever)
    given = loaded.situation
    table = given.cells.table
    owners = (1 - given.let.renters) @ (table["homes"] * table["lots"]).to_numpy(float)
    assert costs["tax_relief"] == pytest.approx(0.5 * 100 * 20 * owners)


def test_tenure_protection_pays_for_the_households_it_keeps_itself(loaded):
    """By hand, and the same beside no net loss: what another protection keeps is none of its cost."""
    tenure = {"kind": "tenure_protection", "cost_usd_per_household_kept": 5000}
    costs, result = priced(loaded, tenure)
    given = loaded.situation
    lots, cells, size = loaded.base.results.lots, given.cells, given.size
    kept = kept_by(lots, cells, [protection_of(tenure)], size=size, seed=given.seed)
    went, stayed = (direct(result.changes, cells, given.let, given.beliefs, k).total for k in (None, kept))
    assert costs["tenure_protection"] == pytest.approx(5000 * (went - stayed))
    beside, slowed = priced(loaded, tenure, {"kind": "no_net_loss", "hazard_factor": 1.0})
    assert set(beside) == {"tenure_protection"}
    assert slowed.expected("gross") == pytest.approx(result.expected("gross"))
    assert beside["tenure_protection"] == pytest.approx(costs["tenure_protection"])


def test_two_of_a_kind_in_two_places_are_both_paid_for(loaded):
    """Exactly: what a lever does in one place moves no draw of another."""
    here, there = ([{"kind": kind, **where} for kind in ("tenure_protection", "land_trust")]
                   for where in (HERE, THERE))  # fmt: skip
    (one, _), (other, _), (both, _) = (priced(loaded, *each) for each in (here, there, [*here, *there]))
    for kind in ("tenure_protection", "land_trust"):
        assert both[kind] == pytest.approx(one[kind] + other[kind], rel=1e-9)
        assert both[kind].mean() > max(one[kind].mean(), other[kind].mean())


def test_a_grant_pays_for_accessory_homes_of_its_own_place_alone(loaded, places):
    grant = {"kind": "adu_grant", "grant_usd": 1000, **HERE}
    adu = priced(loaded, grant, ground=places)
    here = places.names.index("Kirkwood")
    assert adu.cost[:, here].sum() > 0
    assert np.delete(adu.cost, here, axis=1).sum() == 0
    assert priced(loaded, grant)[0]["adu_grant"].mean() == pytest.approx(
        adu.cost.sum(axis=1).mean(), rel=0.15
    )


def test_a_comparison_prices_what_the_frontier_prices_and_names_the_rest(loaded, places):
    """Every protection of a package: priced in both or in neither, with the same words."""
    policy = apply("triplex-any-lot-with-protections", load_policy("atlanta"))
    outcome = loaded.outcome(policy)
    said = ledgers(outcome.counted, loaded.base.counted, loaded.situation)
    by_place = place_sums(outcome.flow, places)
    assert said["protections_priced"] == by_place.priced
    assert set(said["programme_costs_usd"]) == {"tenure_protection", "tax_relief", "preservation_purchase"}
    assert "no cost to a programme" in said["protections_priced"]["no_net_loss"]
