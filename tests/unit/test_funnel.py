"""Allowed, fits, pays: counted on drawn lots by hand, hidden where lots are few, told where they cannot be made."""

import json

import numpy as np
import pandas as pd
import pytest

from densitymap import schema
from densitymap.capacity.rules import load_buildings
from densitymap.feasibility.costs import load_costs
from densitymap.feasibility.decision import best_by_actor, best_today, decide, place_prices
from densitymap.feasibility.forms import ACTORS, PLANS, counted, terms
from densitymap.feasibility.funnel import PAYS, STAGES, funnel, standing_units, total_needs, totals
from densitymap.feasibility.pays import Worth, at_bound, bids_today, paying, worth_by_place
from densitymap.feasibility.proforma import Valued
from densitymap.feasibility.publish import by_area, hidden
from densitymap.pipeline.funnel import Market, document

COSTS, BUILDINGS = load_costs(), load_buildings()
NAN = float("nan")
ENDS = ("low", "value", "high")


def lots(units: list, built: list, **more) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "parcel_id": [f"lot {place}" for place in range(len(units))],
            "existing_units": pd.array(units, dtype="Int64"),
            "existing_floor_area_ft2": pd.array([None] * len(units), dtype="Float64"),
            "is_built": pd.array(built, dtype="boolean"),
            "lot_area_ft2": 7_500.0,
            **more,
        }
    )


def fits(*rows: tuple) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["parcel_id", "fit_mode", "fit_type", "form", "units", "verdict"])
    return table.assign(
        policy="now", binding_rule="coverage", units_rent_only=1,
        slack_floor_ft2=0.0, slack_coverage_ft2=0.0, slack_fit_ft=0.0,
    )  # fmt: skip


def allowed(units: list, certain: list) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "parcel_id": [f"lot {place}" for place in range(len(units))],
            "units_allowed": pd.array(units, dtype="Int64"),
            "units_certain": pd.array(certain, dtype="Int64"),
        }
    )


def test_additional_homes_are_beyond_those_that_stand():
    """One house; nobody knows; vacant by record; vacant by evidence; two homes."""
    ground = lots([1, None, 0, None, 2], [True, None, False, False, True])
    table = fits(*[(name, "new", "duplex", "DUP_STK", 2, "TRUE") for name in ground["parcel_id"]])
    found = funnel(allowed([3] * 5, [2] * 5), table, ground)
    assert found["fits_true"].tolist() == [1, 1, 2, 2, 0]
    assert found["allowed_may"].tolist() == [2, 2, 3, 3, 1]
    assert found["allowed_true"].tolist() == [1, 1, 2, 2, 0]
    assert found["existing_assumed"].tolist() == [False, True, False, False, False]
    assert found[[f"{stage}_may" for stage in PAYS]].isna().all(axis=None)
    assert standing_units(ground)[0].tolist() == [1, 1, 0, 0, 2]


def test_true_and_maybe_are_apart_and_unread_law_is_unknown():
    ground = lots([1, 1, 1], [True] * 3)
    table = fits(
        ("lot 0", "new", "duplex", "DUP_STK", 2, "TRUE"), ("lot 0", "new", "triplex", "TRI", 3, "MAYBE"),
        ("lot 1", "new", "triplex", "TRI", 3, "MAYBE"), ("lot 2", "new", "duplex", "DUP_STK", 2, "TRUE"),
    )  # fmt: skip
    table.loc[2, "binding_rule"] = "use"  # a home on which the law has not been read
    found = funnel(allowed([3, 2, None], [2, 2, None]), table, ground)
    row = totals(found).set_index("stage")
    assert row.loc["fits"].drop("place").to_dict() == {
        "lots": 2, "lots_unknown": 1, "lots_assumed": 0, "lots_more_true": 1, "lots_more_maybe": 0,
        "homes_more_true": 1, "homes_more_maybe": 1,
    }  # fmt: skip
    assert row.loc["allowed", "homes_more_true"] == 2
    assert row.loc["pays_owner", "lots_unknown"] == 3
    assert counted(table).tolist() == [True, True, False, True]


def decided(rlv: list[float], *, as_is: float, today: float, vacant: bool = False, mode: str = "new"):
    """One lot; one form per residual land value, all for a developer's sale."""
    form = {"new": ("duplex", "DUP_STK"), "keep": ("house_adu", "house+ADU_504")}[mode]
    table = fits(*[("lot 0", mode, *form, 2, "TRUE")] * len(rlv))
    ground = lots([0 if vacant else 1], [not vacant])
    built = terms(table, ground, COSTS, BUILDINGS)
    worth = np.full((len(rlv), len(PLANS)), NAN)
    worth[:, 0] = rlv
    valued = Valued(rlv_usd=worth, gdv_usd=worth, cost_usd=np.ones(len(rlv)), noi_usd=np.ones(len(rlv)))
    answer = decide(
        built, valued, as_is_usd=np.array([as_is]), best_today_usd=np.array([today]),
        is_vacant=np.array([vacant]), costs=COSTS,
    )  # fmt: skip
    return answer, best_by_actor(built, answer), built, valued


@pytest.mark.parametrize(
    ("rlv", "as_is", "today", "vacant", "decision", "pays"),
    [
        (500_000, 400_000, NAN, False, 40_000, True),  # 400,000 and the premium of 15 % are asked
        (450_000, 400_000, NAN, False, -10_000, False),
        (500_000, 400_000, 490_000, False, 10_000, True),  # today's law lets a builder pay 490,000
        (490_000, 400_000, 490_000, False, 0, True),  # its own alternative
        (50_000, NAN, NAN, True, 50_000, True),  # vacant, and nothing is legal today
        (-1, NAN, NAN, True, -1, False),  # nobody gives land away
        (500_000, NAN, 100_000, False, NAN, False),  # what stands there is not valued: unknown
    ],
)
def test_decision_value_by_hand(rlv, as_is, today, vacant, decision, pays):
    answer, best, _, _ = decided([rlv], as_is=as_is, today=today, vacant=vacant)
    assert answer.decision_value_usd[0, 0] == pytest.approx(decision, nan_ok=True)
    assert answer.pays[0, 0] == pays
    assert (best.entry[0, 0] == 0) == pays
    assert best.is_known[0, 0] == (not np.isnan(decision))


def test_the_option_of_the_highest_decision_value_is_taken_and_the_first_of_equals():
    _, best, _, _ = decided([500_000, 600_000, 600_000], as_is=400_000, today=NAN)
    assert best.entry[0, ACTORS.index("developer")] == 1
    assert best.decision_value_usd[0, 0] == pytest.approx(140_000)


def test_the_market_under_todays_law_is_the_best_builders_bid():
    _, _, built, valued = decided([100_000, 300_000], as_is=400_000, today=NAN)
    assert best_today(built, valued).tolist() == [300_000]


def test_a_builder_lets_only_at_the_yield_asked():
    """Homes whose income is 6.9 % of cost and land do not pay a builder who lets, whatever they are worth."""
    table = fits(("lot 0", "new", "duplex", "DUP_STK", 2, "TRUE"))
    built = terms(table, lots([0], [False]), COSTS, BUILDINGS)
    worth = np.full((1, len(PLANS)), NAN)
    worth[0, PLANS.index(("developer", "rent"))] = 1e6
    for income, pays in ((6_900.0, False), (7_100.0, True)):
        valued = Valued(rlv_usd=worth, gdv_usd=worth, cost_usd=np.array([1e5]), noi_usd=np.array([income]))
        answer = decide(
            built, valued, as_is_usd=np.array([NAN]), best_today_usd=np.array([NAN]), is_vacant=np.array([True]),
            costs=COSTS,
        )  # fmt: skip
        assert answer.pays.any() == pays


def test_a_house_grows_to_what_the_law_and_the_market_leave():
    table = fits(*[(f"lot {place}", "new", "house", "SFD", 1, "TRUE") for place in range(4)])
    table["slack_floor_ft2"] = [730.0, np.inf, 5_000.0, NAN]
    table["slack_coverage_ft2"], table["slack_fit_ft"] = (
        [900.0, np.inf, 100.0, 50.0],
        [40.0, np.inf, 40.0, 9.0],
    )
    built = terms(table, lots([1] * 4, [True] * 4), COSTS, BUILDINGS)
    assert built.of("house_ft2").tolist() == [3_700, 4_500, 3_200, 3_000]


def test_a_house_is_kept_only_where_one_home_may_stand():
    table = fits(*[(f"lot {place}", "keep", "house_adu", "house+ADU_504", 2, "MAYBE") for place in range(3)])
    built = terms(table, lots([1, 4, None], [True, True, None]), COSTS, BUILDINGS)
    assert built.lot.tolist() == [0, 2]
    assert built.assumed.tolist() == [False, True]
    assert (built.units_demolished == 0).all()


def test_prices_by_place_stand_to_one_listing():
    found = place_prices(pd.Series(["Edgewood", "Lake Claire", "Nowhere"]), COSTS)
    edgewood = 431 * (2_062 / 1_500) ** 0.2 / 1.15
    assert found["price_usd_per_ft2"][0] == pytest.approx(edgewood)
    assert found["price_usd_per_ft2"][1] == pytest.approx(edgewood * (798 / 462) ** 0.5)
    assert found["price_usd_per_ft2"].isna().tolist() == [False, False, True]
    assert (found["as_is_usd_low"] < found["as_is_usd"]).iloc[:2].all()


def test_a_median_house_is_no_value_of_a_shop_or_of_flats():
    ground = lots(
        [1, 1, 6, None],
        [True, True, True, False],
        neighborhood="Edgewood",
        digest_class=["R3", "C3", "R3", "R3"],
    )
    worth = worth_by_place(ground, COSTS)
    assert np.isnan(worth.as_is_usd).tolist() == [False, True, True, True]
    ground["existing_floor_area_ft2"] = pd.array([1_500.0, None, None, None], dtype="Float64")
    assert worth_by_place(ground, COSTS).as_is_usd[0] == pytest.approx(1_500 * worth.price_usd_per_ft2[0])


def test_the_ends_of_the_range_move_costs_against_values():
    low, high = at_bound(COSTS, "low"), at_bound(COSTS, "high")
    assert low["hard_cost_house_usd_per_ft2"] == 270
    assert high["hard_cost_house_usd_per_ft2"] == 160
    assert low["new_home_price_factor"] < COSTS["new_home_price_factor"] < high["new_home_price_factor"]


def test_few_lots_are_hidden_where_it_is_about_money_and_missing_is_not_zero():
    base = {
        "policy": "now",
        "area_level": "block_group",
        "area_name": "x",
        "lots_unknown": 0,
        "lots_assumed": 0,
    }
    counts = {"lots_more_true": 0, "lots_more_maybe": 4, "lots_more_low": 0, "lots_more_high": 9}
    homes = {name.replace("lots", "homes"): number * 2 for name, number in counts.items()}
    stages = [("fits", 9), *[(stage, 9) for stage in PAYS], (PAYS[0], 30)]
    rows = pd.DataFrame([base | counts | homes | {"stage": stage, "lots": lots} for stage, lots in stages])
    rows.loc[3, "area_level"] = "neighborhood"
    whole = rows.astype(dict.fromkeys(rows.select_dtypes("int64").columns, "Int64"))
    found = schema.conform(hidden(whole), "feasibility")
    assert found["is_hidden"].tolist() == [False, True, True, True]
    assert found.loc[0, "lots_more_maybe"] == 4
    assert found.loc[[1, 2], ["lots", "lots_more_true", "homes_more_high"]].isna().all(axis=None)
    last = found.loc[3]
    assert (last["lots"], last["lots_more_true"], last["lots_more_high"], last["homes_more_high"]) == (
        30,
        0,
        9,
        18,
    )
    assert pd.isna(last["lots_more_maybe"])
    assert pd.isna(last["homes_more_maybe"])


def test_where_one_area_is_hidden_alone_the_next_smallest_is_too():
    lots_more = [3, 40, 20, 0]
    rows = pd.DataFrame(
        {
            "policy": "now", "area_level": "npu", "area_name": ["a", "b", "c", "d"], "stage": PAYS[0],
            "lots": 60, "lots_unknown": 0, "lots_assumed": 0,
            **dict.fromkeys(("lots_more_true", "lots_more_low", "lots_more_high"), lots_more),
            **dict.fromkeys(("homes_more_true", "homes_more_low", "homes_more_high"), lots_more),
            "lots_more_maybe": 0, "homes_more_maybe": [0, 0, 0, 2],
        }
    )  # fmt: skip
    found = hidden(rows.astype(dict.fromkeys(rows.select_dtypes("int64").columns, "Int64")))
    assert found["homes_more_true"].isna().tolist() == [True, False, True, False]
    # homes that no lot is counted for are of few lots all the same
    assert found["homes_more_maybe"].isna().tolist()[3]
    assert found["homes_more_maybe"].isna().sum() == 2


def test_a_total_needs_existing_use_on_nine_tenths_of_the_land():
    ground = lots([None] * 10, [True] * 9 + [None])
    assert total_needs(ground, np.ones(10, dtype=bool)) == []
    ground.loc[9, "lot_area_ft2"] = 20_000
    (need,) = total_needs(ground, np.ones(10, dtype=bool))
    assert "90%" in need
    assert "77%" in need
    assert total_needs(ground, np.array([True] * 9 + [False])) == []
    assert total_needs(lots([], []), np.zeros(0, dtype=bool))


def test_nothing_fits_and_no_lots_are_no_trouble():
    for ground in (lots([], []), lots([1], [True])):
        built = terms(fits(), ground, COSTS, BUILDINGS)
        worth = Worth(
            price_usd_per_ft2=np.full(len(ground), 400.0), as_is_usd=np.full(len(ground), 4e5), source="drawn"
        )
        found = paying(built, ground, worth, COSTS, today_usd=bids_today(built, worth, COSTS))
        assert (found.best.entry == -1).all()
        count = len(ground)
        stages = funnel(allowed([1] * count, [1] * count), fits(), ground, best=found.best)
        assert totals(stages)["lots_more_maybe"].sum() == 0
        table = by_area(dict.fromkeys(ENDS, totals(stages).assign(area_level="all")), policy="now")
        assert len(table) == 4 * count


@pytest.fixture(scope="module")
def told(sample_space) -> dict:
    return json.loads((sample_space / "data/4_results/funnel.json").read_text())


@pytest.fixture(scope="module")
def areas(sample_space) -> pd.DataFrame:
    return pd.read_parquet(sample_space / "data/4_results/feasibility.parquet")


def test_the_build_writes_the_funnel_or_says_what_it_needs(told):
    assert next(iter(told["policies"])) == "no-change"
    assert "triplex-by-right" in told["policies"]
    for policy in told["policies"].values():
        total = policy["total"]
        assert total["computable"] == (not total["needs"]) == told["net_homes"]["computable"]
        rates = {(row["zone_district"], row["stage"]): row for row in policy["by_zone"]}
        for zone in {zone for zone, _ in rates}:
            allowed, placed = (rates[zone, stage] for stage in STAGES[:2])
            most = [
                row["homes_more_true_per_lot"] + row["homes_more_maybe_per_lot"] for row in (allowed, placed)
            ]
            assert most[0] >= most[1] - 1e-4
            assert allowed["label"] in (None, "if one house stands")


def documents(ground: pd.DataFrame, units: list[int]) -> dict:
    """The document of two policies: today 1 home fits; then as many as given."""
    market = Market(
        costs=COSTS, worth=Worth(price_usd_per_ft2=np.full(len(ground), 400.0), as_is_usd=np.full(len(ground), NAN),
        source="drawn"), today_usd=np.full(len(ground), NAN),
    )  # fmt: skip
    told = {}
    for name, homes in (("no-change", 1), ("then", 3)):
        rows = [(lot, "new", "triplex", "TRI", homes if name == "no-change" else most, "TRUE")
                for lot, most in zip(ground["parcel_id"], units, strict=True)]  # fmt: skip
        stages = funnel(allowed([3] * len(ground), [1] * len(ground)), fits(*rows), ground)
        told[name] = dict.fromkeys(ENDS, totals(stages).assign(area_level="zone_district"))
    areas = pd.concat([by_area(ends, policy=name) for name, ends in told.items()])
    told = {
        name: {end: table.drop(columns="area_level") for end, table in ends.items()}
        for name, ends in told.items()
    }
    return document(told, areas, ground, market)


def test_a_total_stands_beside_no_change_and_is_withheld_where_use_is_unknown():
    ground = lots([1, 1, 1], [True] * 3, digest_class="R3")
    found = documents(ground, [3, 2, 1])
    total = found["policies"]["then"]["total"]
    assert total["fits"]["homes_more_true"] == 2 + 1 + 0
    assert total["fits"]["difference_from_no_change"]["homes_more_true"] == 3
    assert total["pays_owner"]["lots_unknown"] == 3
    assert set(found["policies"]["no-change"]["total"]["fits"]["difference_from_no_change"].values()) == {0}
    unknown = documents(lots([None] * 3, [None] * 3, digest_class="R3"), [3, 2, 1])
    assert unknown["demolished"] == unknown["policies"]["then"]["total"]
    assert unknown["demolished"]["computable"] is False
    assert "known on 0%" in unknown["demolished"]["needs"][0]
    rates = unknown["policies"]["then"]["by_zone"]
    assert {row["label"] for row in rates} == {"if one house stands"}


def test_the_table_by_area_is_whole_and_holds_no_lot(areas):
    schema.check(areas, "feasibility")
    assert not {"parcel_id", "decision_value_usd", "rlv_usd"} & set(areas.columns)
    fits_by = areas[(areas["policy"] == "no-change") & (areas["stage"] == "fits")]
    sums = fits_by.groupby("area_level")[["lots", "homes_more_true", "homes_more_maybe"]].sum()
    assert len(sums.drop_duplicates()) == 1
    private = areas[areas["stage"].isin(PAYS)]
    assert not ((private["lots_more_true"] > 0) & (private["lots_more_true"] < 5)).any()
    assert not (private["lots"] < 10).any()
