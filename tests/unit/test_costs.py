"""Costs: read with unit, year and range, refused otherwise; set by hand; carried to another year."""

import pytest

from densitymap.errors import UsageError, ValidationError
from densitymap.feasibility.costs import changed, load_costs, named_inputs, plain_number, read_records

GOOD = {
    "value": 195.0,
    "low": 160.0,
    "high": 270.0,
    "unit": "USD/ft2",
    "year": 2024,
    "cite": "assumption",
    "mark": "A",
}


def test_shipped_costs_hold_the_reference_table():
    costs = load_costs()
    expected = {
        "hard_cost_house_usd_per_ft2": 195, "hard_cost_duplex_usd_per_ft2": 205, "hard_cost_triplex_usd_per_ft2": 225,
        "soft_cost_share": 0.12, "contingency_share": 0.07, "margin_share": 0.15, "loan_to_cost_share": 0.7,
        "sale_cost_share": 0.06, "acquisition_cost_share": 0.02, "acquisition_premium_share": 0.15,
        "demolition_usd": 20_000, "site_work_usd_per_home": 15_000, "impact_fee_usd_per_home": 4_900,
        "tree_recompense_usd_per_inch": 140, "new_attached_price_usd_per_ft2": 431, "cap_rate_share": 0.0575,
        "vacancy_share": 0.06, "operating_share_adu": 0.28, "operating_share": 0.35, "condo_discount_share": 0.05,
        "adu_turnkey_usd": 120_000, "adu_turnkey_usd_per_ft2": 160, "yield_spread_share": 0.0125,
    }  # fmt: skip
    assert {name: costs[name] for name in expected} == expected
    assert costs.places["Lake Claire"].value == 798_000
    assert len(costs.places) == 8


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ({key: value for key, value in GOOD.items() if key != "unit"}, "no unit"),
        ({key: value for key, value in GOOD.items() if key != "year"}, "no year"),
        ({key: value for key, value in GOOD.items() if key != "cite"}, "no cite"),
        (GOOD | {"value": "$100,000.00"}, "is text, not a number"),
        (GOOD | {"value": True}, "not a number"),
        (GOOD | {"value": float("nan")}, "not finite"),
        (GOOD | {"value": -1.0}, "below 0"),
        (GOOD | {"low": 300.0}, "not in order"),
        (GOOD | {"unit": "share of cost"}, "15 % is 0.15"),
        (GOOD | {"year": "2024"}, "is not a year"),
        (GOOD | {"cites": "x"}, "Did you mean 'cite'"),
        (195, "a table of"),
    ],
)
def test_a_value_nobody_can_check_is_refused(entry, fault):
    with pytest.raises(ValidationError) as refused:
        read_records({"hard_cost": entry, "fine": GOOD}, "mine.toml")
    assert refused.value.faults[0].startswith("hard_cost: ")
    assert any(fault in one for one in refused.value.faults)
    assert not any(one.startswith("fine") for one in refused.value.faults)


def test_all_faults_are_told_at_once():
    bad = {"a": {"value": "1,000"}, "b": GOOD | {"mark": "Z"}}
    with pytest.raises(ValidationError) as refused:
        read_records(bad, "mine.toml")
    assert {one[0] for one in refused.value.faults} == {"a", "b"}


@pytest.mark.parametrize("text", ["$100,000.00", "100,000", "15%", "1_000", "nan", "inf", "", "ten"])
def test_only_plain_numbers_are_read(text):
    with pytest.raises(ValidationError):
        plain_number(text, what="hard_cost")


def test_the_message_says_what_to_write():
    with pytest.raises(ValidationError) as refused:
        plain_number("$100,000.00", what="hard_cost")
    assert refused.value.next_step == "write 100000"


def test_a_short_name_means_all_inputs_of_one_unit():
    assert len(named_inputs("hard_cost", load_costs())) == 3
    with pytest.raises(UsageError, match="may mean"):
        named_inputs("loan", load_costs())
    with pytest.raises(UsageError, match="Did you mean 'margin_share'"):
        named_inputs("margin_shar", load_costs())


def test_a_set_input_says_who_set_it_and_leaves_the_others():
    before = load_costs()
    after = changed(before, {"hard_cost": "250", "margin_share": "0.12"})
    assert after["hard_cost_duplex_usd_per_ft2"] == 250
    assert after["margin_share"] == 0.12
    assert after.records["margin_share"].cite == "given on the command line"
    assert after["demolition_usd"] == before["demolition_usd"]
    assert before["margin_share"] == 0.15


def test_money_is_carried_by_the_stated_index_and_shares_are_not():
    costs = load_costs()
    later = load_costs(year=2026)
    assert later["demolition_usd"] == pytest.approx(20_000 * 1.03**2)
    assert later["rent_1br_usd_per_month"] == 1_731  # of 2026 already
    assert later["margin_share"] == costs["margin_share"]
    assert later.records["demolition_usd"].year == 2026
    assert "1.061" in later.records["demolition_usd"].cite
    assert costs.in_year(2026).in_year(2024)["demolition_usd"] == pytest.approx(20_000)
