"""Ledgers of scenarios on a built sample: relations that must hold, and nothing of one lot on disk."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from commands import densitymap
from densitymap.feasibility.priors import priors
from densitymap.pipeline import scenarios
from densitymap.scenarios.direct import MAY_BE_LET, lot_classes
from densitymap.scenarios.document import Scenario
from densitymap.scenarios.headline import headline
from densitymap.scenarios.policy import apply, load_policy
from densitymap.scenarios.record import record
from densitymap.scenarios.sensitivity import sobol, tornado
from known_homes import copied

DRAWS = 80


@pytest.fixture(scope="module")
def space(sample_space, tmp_path_factory):
    """The shared sample, copied, with homes known on every lot, so that everything can be computed."""
    folder = tmp_path_factory.mktemp("ledgers") / "space"
    return copied(sample_space, folder)


@pytest.fixture(scope="module")
def loaded(space):
    return scenarios.load_ground(space, n_draws=DRAWS)


def under(loaded, *levers, base="missing-middle-2021"):
    """Count a shipped reform with protections pulled on top of it."""
    reform = apply(base, load_policy("atlanta"))
    own = Scenario(
        name="drawn", title="Drawn", question="duplex", summary="s", source="s", mark="A", levers=levers
    )
    return loaded.outcome(apply(own, reform)).counted


@pytest.fixture(scope="module")
def reform(loaded):
    return under(loaded)


def test_what_is_told_of_no_change_has_no_difference(loaded):
    base = loaded.base
    said = record(base, base, loaded.needs, situation=loaded.situation)
    assert said["rho_star"] is None
    assert said["ledgers"]["signs"] is None
    assert said["ledgers"]["direct"]["difference"] is None


def test_how_often_building_pays_stands_beside_what_its_rate_supposes(loaded):
    base = loaded.base
    told = record(base, base, loaded.needs, situation=loaded.situation)["new_building"]
    pays = told["lots_that_pay"]
    assert 0 <= pays["p10"] <= pays["p50"] <= pays["p90"] <= told["lots_lawful"]
    assert told["lots_lawful"] <= len(base.results.lots)
    assert told["share_supposed"] == priors()["redevelop_paying_share"].default
    assert f"{told['lots_lawful']:,} lots" in headline([a_record(told)])[-1]


def a_record(new_building):
    ends = {"p10": 0, "p50": 1, "p90": 2}
    homes = dict.fromkeys(("allowed", "fits", "pays", "pays_owner"), 1)
    funnel = homes | {"expected": ends}
    more = {"maybe": homes, "net_homes": ends, "difference": None, "new_building": new_building}
    return {"name": "x", "funnel": funnel} | more


def test_an_empty_scenario_has_the_ledgers_of_no_change_to_the_digit(loaded):
    empty = Scenario(name="empty", title="t", question="duplex", summary="s", source="s", mark="A", levers=())
    outcome = loaded.outcome(apply(empty, load_policy("atlanta")))
    base = loaded.base
    one, was = (record(each, base, loaded.needs, situation=loaded.situation) for each in (outcome, base))
    assert one["ledgers"] == was["ledgers"]
    assert one["rho_star"] is None


@pytest.mark.parametrize(
    "lever",
    [
        {"kind": "no_net_loss"},
        {"kind": "tenure_protection"},
        {"kind": "tenure_protection", "where": {"neighborhood": ["Kirkwood", "East Lake"]}},
    ],
)
def test_a_protection_never_raises_direct_displacement_in_any_draw(loaded, reform, lever):
    kept = under(loaded, lever)
    assert (kept.direct.total <= reform.direct.total).all()
    assert kept.direct.total.sum() < reform.direct.total.sum()
    if "where" in lever:
        for name in set(reform.direct.by_neighborhood) - {"Kirkwood", "East Lake"}:
            same = np.allclose(kept.direct.by_neighborhood[name], reform.direct.by_neighborhood[name])
            assert same, name


def test_direct_displacement_adds_up_over_places_in_every_draw(loaded, reform):
    for counted in (reform, loaded.base.counted):
        assert sum(counted.direct.by_neighborhood.values()) == pytest.approx(counted.direct.total, rel=1e-12)


def test_a_purchase_program_pays_for_the_homes_it_is_for(loaded):
    """By hand: homes of low income on lots that may be let; every standing home where it is for any lot."""
    given, lots = loaded.situation, loaded.base.results.lots
    cost = 1e5
    own = [{"kind": kind, "lots_share": 0.05, "cost_usd_per_home": cost, "where": {"neighborhood": ["Kirkwood"]}}
           for kind in ("preservation_purchase", "land_trust")]  # fmt: skip
    costs = under(loaded, *own).costs
    here = (lots["neighborhood"] == "Kirkwood").to_numpy(bool, na_value=False)
    let = here & (lot_classes(lots) == MAY_BE_LET).to_numpy(bool) & (given.cells.code >= 0)
    homes = given.cells.table["homes"].to_numpy(float)
    low = (given.let.low_income * homes)[:, given.cells.code[let]].sum(axis=1)
    assert costs["preservation_purchase"] == pytest.approx(0.05 * cost * low)
    stands = here & (given.cells.code >= 0)
    every = homes[given.cells.code[stands]].sum() + (here & ~stands).sum()
    assert costs["land_trust"] == pytest.approx(np.full(DRAWS, 0.05 * cost * every))
    assert (low < let.sum()).all()


def test_a_changed_levy_file_asks_again(space):
    policy = scenarios.policy_of(space, "no-change")
    before = scenarios.manifest(space, policy, DRAWS)
    path = space.root / "tax" / "atlanta.toml"
    path.parent.mkdir()
    path.write_text("levy = []\n")
    after = scenarios.manifest(space, policy, DRAWS)
    shutil.rmtree(path.parent)
    assert (
        after["fingerprint"]
        != before["fingerprint"]
        == scenarios.manifest(space, policy, DRAWS)["fingerprint"]
    )


def test_parts_of_the_direct_ledger_are_the_whole(loaded):
    direct = loaded.base.counted.direct
    for parts in (direct.by_process, direct.by_class):
        assert sum(parts.values()) == pytest.approx(direct.total)
    assert (direct.total >= 0).all()


def test_the_document_keeps_ledgers_apart_and_says_where_each_stands(space):
    ran = densitymap("compare", "missing-middle-2021", "--draws", DRAWS, "--json", "--workspace", space.root)
    assert ran.code == 0, ran.err
    today, then = ran.document["scenarios"]
    assert today["name"] == "no-change"
    ledgers = then["ledgers"]
    assert [row["channel"] for row in ledgers["signs"]] == ["regional", "local", "adverse"]
    assert set(ledgers["market"]["difference"]) == {"regional", "local", "adverse"}
    for name in ("direct", "market", "owner_stress", "exclusion"):
        assert {"unit", "horizon_years", "population"} <= set(ledgers[name])
    assert ledgers["owner_stress"]["computable"] is False
    assert any("unread" in need for need in ledgers["owner_stress"]["needs"])
    assert "extrapolation" in ledgers["market"]["channels"]["local"]["extrapolation"]
    assert today["ledgers"]["demand"] == ledgers["demand"]
    assert set(ledgers["direct"]["difference_by_neighborhood"]) == set(ledgers["direct"]["by_neighborhood"])
    assert today["ledgers"]["direct"]["difference_by_neighborhood"] is None
    assert "never added" in ledgers["note"]
    text = json.dumps(then).casefold()
    assert not any(word in text for word in ("d+i", "d + i", "total_displac", "ledgers_total", "all_ledgers"))
    first = ran.err.splitlines()[0]
    assert "direct D, market I, owners T, exclusion E" in first
    assert "given the regional channel" in ran.err.splitlines()[1]


def test_nothing_of_one_lot_is_written(space):
    lots = gpd.read_parquet(space.parcels / "parcels.parquet")["parcel_id"]
    for path in Path(space.results / "scenarios").rglob("*"):
        if path.suffix == ".parquet":
            assert "parcel_id" not in pd.read_parquet(path).columns
        elif path.is_file():
            text = path.read_text()
            assert not any(f'"{name}"' in text for name in lots.iloc[::25])


def test_what_the_answer_hangs_on_is_told(loaded, reform):
    bars = tornado(reform, loaded.base.counted, loaded.situation)
    assert {"net_homes", "direct", "market, regional"} <= set(bars)
    for name, own in bars.items():
        widths = [bar["of_widest"] for bar in own]
        assert widths == sorted(widths, reverse=True)
        assert widths[0] == 1.0
        told = [bar[end] for bar in own for end in ("low", "high")]
        assert name == "net_homes" or all(v == "fewer than 5" or abs(v) >= 5 for v in told)
    assert "leave_convert" not in {bar["name"] for bar in bars["direct"]}  # drawn with leave_redevelop
    indices = sobol(seed=5)
    assert {row["name"] for row in indices["regional"]} == {
        "region_rent_elasticity", "rent_rise_behind", "excess_moves", "region_low_income_renter_share",
    }  # fmt: skip
    assert (
        indices["regional"][0]["name"] == "region_rent_elasticity"
    )  # reference 5.4: eta, then the rent rise
    assert indices["regional"][1]["name"] == "rent_rise_behind"
    assert sum(row["first"] for row in indices["regional"]) == pytest.approx(1.0, abs=0.1)
