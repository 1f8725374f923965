"""Relations of the pro forma that hold for any input."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densitymap.capacity.rules import load_buildings
from densitymap.feasibility.costs import load_costs
from densitymap.feasibility.decision import best_by_actor, decide
from densitymap.feasibility.forms import PLANS, terms
from densitymap.feasibility.funnel import funnel, totals
from densitymap.feasibility.pays import Worth, bids_today, paying
from densitymap.feasibility.proforma import coefficients, residual_land_value, value_options

COSTS, BUILDINGS = load_costs(), load_buildings()
FORMS = [
    ("keep", "house", "house", 1), ("keep", "house_adu", "house+ADU_504", 2),
    ("keep", "house_attached_adu", "house+internal ADU", 2), ("keep", "convert", "house->2", 2),
    ("new", "house", "SFD", 1), ("new", "house_adu", "SFD_N+ADU_750", 2), ("new", "duplex", "DUP_STK", 2),
    ("new", "triplex", "TRI", 3), ("new", "multi", "FOUR", 4), ("new", "cottage_court", "COTTAGE_COURT", 3),
    ("split", "split", "two lots", 3), ("split", "split_keep", "two lots, house kept on one", 2),
]  # fmt: skip
LOTS = pd.DataFrame(
    {
        "parcel_id": list("abcd"),
        "existing_units": pd.array([1, None, 0, 2], dtype="Int64"),
        "existing_floor_area_ft2": pd.array([1_700.0, None, None, 2_400.0], dtype="Float64"),
        "is_built": pd.array([True, None, False, True], dtype="boolean"),
    }
)
COST_NAMES = sorted(
    name for name, cost in COSTS.records.items()
    if name.startswith(("hard_cost", "soft", "contingency", "site", "impact", "demolition", "tree", "adu_turnkey",
                        "conversion", "attached_adu_u", "attached_adu_n", "split_usd", "loan", "heloc", "build_time",
                        "sale_cost", "margin")) and cost.value > 0
)  # fmt: skip


def table(verdicts: list[str]) -> pd.DataFrame:
    """Every form on every lot, with the verdicts given, in their order."""
    rows = [(lot, *form) for lot in LOTS["parcel_id"] for form in FORMS]
    fits = pd.DataFrame(rows, columns=["parcel_id", "fit_mode", "fit_type", "form", "units"])
    return fits.assign(
        policy="now", verdict=verdicts, binding_rule="coverage", units_rent_only=0,
        slack_floor_ft2=300.0, slack_coverage_ft2=500.0, slack_fit_ft=4.0,
    )  # fmt: skip


VERDICTS = st.lists(
    st.sampled_from(["TRUE", "MAYBE", "FALSE", "NO DATA"]), min_size=len(FORMS) * 4, max_size=len(FORMS) * 4
)
EVERY = table(["TRUE"] * len(FORMS) * 4)
BUILT = terms(EVERY, LOTS, COSTS, BUILDINGS)
PRICES = st.floats(150, 900)
VALUES = st.floats(20_000, 2_000_000)


@given(PRICES, PRICES, VALUES)
@settings(deadline=None)
def test_a_higher_price_never_lowers_the_residual_land_value(one, other, as_is):
    built = BUILT
    low, high = (
        value_options(built, np.full(4, price), np.full(4, as_is), COSTS).rlv_usd
        for price in sorted([one, other])
    )
    carved = built.of("carved_kept_ft2") > 0  # a house that gives up floor area loses it at the place's price
    known = ~np.isnan(low) & ~carved[:, None]
    assert known.any()
    assert (high[known] >= low[known] - 1e-6).all()


@given(st.sampled_from(COST_NAMES), st.floats(1.0, 1.6), PRICES)
@settings(deadline=None)
def test_a_higher_cost_never_raises_the_residual_land_value(name, factor, price):
    built = BUILT
    dear = COSTS.with_values({name: COSTS[name] * factor})
    before, after = (
        value_options(built, np.full(4, price), np.full(4, 3e5), costs).rlv_usd for costs in (COSTS, dear)
    )
    known = ~np.isnan(before)
    assert (after[known] <= before[known] + 1e-6).all()


@given(st.floats(1e4, 5e6), st.floats(0, 3e6), st.floats(0.0, 0.1), st.floats(0.0, 0.3), st.floats(0.0, 0.2))
def test_the_residual_pays_for_everything(gdv, cost, sale, margin, phi):
    """What is paid for the land, to build, to finance, to sell and as margin is the value when done."""
    land = residual_land_value(gdv, cost, sale_cost=sale, margin=margin, phi=phi, acquisition=0.02)
    spent = (land * 1.02 + cost) * (1 + phi) + gdv * (sale + margin)
    assert spent == pytest.approx(gdv)


@given(VERDICTS, PRICES, VALUES, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_pays_only_where_it_fits_and_the_funnel_narrows(verdicts, price, as_is, random):
    fits = table(verdicts)
    worth = Worth(price_usd_per_ft2=np.full(4, price), as_is_usd=np.array([as_is] * 4), source="drawn")
    built = terms(fits, LOTS, COSTS, BUILDINGS)
    found = paying(built, LOTS, worth, COSTS, today_usd=bids_today(built, worth, COSTS))
    rows = fits["verdict"].to_numpy()[built.row]
    assert set(rows) <= {"TRUE", "MAYBE"}
    placed = found.best.entry >= 0
    lots = np.broadcast_to(np.arange(4)[:, None], placed.shape)
    assert (built.lot[found.best.entry[placed]] == lots[placed]).all()
    units = fits.groupby("parcel_id")["units"].max()
    allowed = pd.DataFrame({"parcel_id": units.index, "units_allowed": units.array, "units_certain": 1})
    stages = funnel(allowed, fits, LOTS, best=found.best)
    for ending in ("true", "may"):
        steps = [stages[f"{stage}_{ending}"].to_numpy(float) for stage in ("allowed", "fits")]
        assert (steps[0] >= steps[1]).all()
        for stage in ("pays_developer", "pays_owner"):
            paid = stages[f"{stage}_{ending}"].to_numpy(float, na_value=np.nan)
            assert (np.isnan(paid) | (steps[1] >= paid)).all()
    order = list(range(len(fits)))
    random.shuffle(order)
    again = terms(fits.iloc[order], LOTS, COSTS, BUILDINGS)
    shuffled = paying(again, LOTS, worth, COSTS, today_usd=bids_today(again, worth, COSTS))
    assert np.array_equal(found.best.decision_value_usd, shuffled.best.decision_value_usd, equal_nan=True)


@given(VERDICTS)
@settings(max_examples=30, deadline=None)
def test_places_add_up_to_the_whole(verdicts):
    fits = table(verdicts)
    units = fits.groupby("parcel_id")["units"].max()
    allowed = pd.DataFrame({"parcel_id": units.index, "units_allowed": units.array, "units_certain": 1})
    stages = funnel(allowed, fits, LOTS)
    whole = totals(stages).set_index("stage").drop(columns="place")
    parts = totals(stages, pd.Series(["x", "y", "x", "z"])).groupby("stage").sum(numeric_only=True)
    assert (whole.loc[parts.index] == parts).all(axis=None)


@given(st.floats(0.7, 1.4), st.floats(0.7, 1.4))
@settings(deadline=None)
def test_draws_are_the_same_sum_with_one_more_axis(hard, sale):
    built = BUILT
    name, other = "hard_cost_house_usd_per_ft2", "new_home_price_factor"
    drawn = COSTS.at("value") | {name: COSTS[name] * np.array([1.0, hard]), other: np.array([1.0, sale])}
    many = coefficients(built.kinds[:, :, None], built.applies[:, :, None], drawn)
    one = coefficients(built.kinds, built.applies, COSTS.with_values({name: COSTS[name] * hard, other: sale}))
    for part in ("price", "constant", "as_is"):
        assert np.allclose(getattr(many, part)[:, :, 1], getattr(one, part), equal_nan=True, rtol=1e-12)


@given(PRICES, VALUES)
@settings(deadline=None)
def test_under_todays_law_builders_bid_land_up_to_its_best_use(price, as_is):
    """No change: the best a builder can do is worth exactly what the market would pay, or it does not pay."""
    built = BUILT
    worth = Worth(price_usd_per_ft2=np.full(4, price), as_is_usd=np.full(4, as_is), source="drawn")
    valued = value_options(built, worth.price_usd_per_ft2, worth.as_is_usd, COSTS)
    decided = decide(
        built, valued, as_is_usd=worth.as_is_usd, best_today_usd=bids_today(built, worth, COSTS),
        is_vacant=np.zeros(4, dtype=bool), costs=COSTS,
    )  # fmt: skip
    builders = [at for at, (actor, _) in enumerate(PLANS) if actor == "developer"]
    assert np.nanmax(decided.decision_value_usd[:, builders]) <= 1e-6
    best = best_by_actor(built, decided)
    paid = best.decision_value_usd[:, 0]
    assert (np.isnan(paid) | (np.abs(paid) <= 0.01)).all()
