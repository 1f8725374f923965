"""The owners' ledger by hand: levies, caps, exemptions, what is unread, and files that cannot be."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from densitymap.errors import ValidationError
from densitymap.scenarios import tax
from ledger_lots import POINT, SIZE, income_table, lots

OWNERS = tax.Owners(
    value_usd=np.array([300_000.0]), households=np.array([10.0]), reached=np.array([0.0]),
    protected=np.array([0.0]), county=np.array(["DeKalb"]), tract=np.array(["13089020500"]),
)  # fmt: skip
STILL = POINT | {
    "value_growth": np.full(SIZE, 0.05), "reform_value_rise": np.zeros(SIZE), "owner_income_growth": np.zeros(SIZE),
}  # fmt: skip
"""Values grow, incomes stand still, and no reform."""
HEAD = (
    "assessment_share = { value = 0.4 }\nvalue_age_max_years = { value = 3 }\nstress_points = { value = 0.02 }\n"
    'passed_on_to_rents = "omitted"\n'
)


def row(name="city", county="X", exemption="homestead", **more):
    """One levy of a file."""
    fields = {"rate_mills": 10, "exempt_usd": 0, "growth_cap_share": "inf"} | more
    numbers = "".join(f"{key} = {value}\n" for key, value in fields.items())
    return f'[[levy]]\nname = "{name}"\ncounty = "{county}"\nexemption = "{exemption}"\ncite = "c"\n{numbers}'


def levies_of(tmp_path, text):
    """Read a workspace's own file."""
    (tmp_path / "tax").mkdir(exist_ok=True)
    (tmp_path / "tax" / "nowhere.toml").write_text(text)
    return tax.load_tax("nowhere", extra=tmp_path)


def read_levies(**changed):
    levy = {"name": "city", "county": "DeKalb", "exemption": "homestead", "cite": "test", "rate_mills": 10.0,
            "exempt_usd": 20_000.0, "growth_cap_share": 0.026}  # fmt: skip
    return tax.Tax(
        assessment_share=0.4, stress_points=0.02, value_age_max_years=3, passed_on_to_rents="omitted",
        levies=(tax.Levy(**(levy | changed)),),
    )  # fmt: skip


def test_owner_stress_by_hand():
    held = tax.stressed(read_levies(), OWNERS, income_table(), STILL)
    added = (120_000 * (1.026**10 - 1)) * 10 / 1000  # the cap binds, the exemption falls out
    limit = added / 0.02  # 17,566: nobody of the tract earns so little (30 of 40 between 25 and 35 thousand)
    assert limit == pytest.approx(17_560, rel=0.01)
    assert held[0] == pytest.approx(0.0)
    free = tax.stressed(read_levies(growth_cap_share=np.inf), OWNERS, income_table(), STILL)
    added = (120_000 * (1.05**10 - 1)) * 10 / 1000 / 0.02
    assert free[0] == pytest.approx(10 * 0.75 * min(1.0, max(0.0, (added - 25_000) / 10_000)), rel=0.01)
    assert free[0] > held[0]
    relief = tax.stressed(
        read_levies(growth_cap_share=np.inf),
        dataclasses.replace(OWNERS, protected=np.array([1.0])), income_table(), STILL, take_up=0.4,
    )  # fmt: skip
    assert relief[0] == pytest.approx(0.6 * free[0])


def test_unread_levies_and_old_values_stop_the_owners_ledger():
    shipped = tax.load_tax("atlanta")
    missing = tax.needs(shipped, lots(), income_table(), year=2026)
    assert any("city levy in DeKalb" in line and "unread" in line for line in missing)
    assert tax.needs(read_levies(), lots(), income_table(), year=2026) == ()
    old = tax.needs(read_levies(), lots(value_year=pd.array([2012, 2012, None, 2012], dtype="Int64")), income_table(), year=2026)  # fmt: skip
    assert any("market values of 3 years or less" in line for line in old)
    assert tax.needs(read_levies(), lots(), None, year=2026) == ("income by tenure (B25118)",)


def test_incomes_grow_as_taxes_do():
    """By hand: the tax of ten years on over the income of ten years on, less today's over today's."""
    growing = STILL | {"owner_income_growth": np.full(SIZE, 0.04)}
    free = read_levies(growth_cap_share=np.inf, rate_mills=20.0, exempt_usd=0.0)
    then, now = (120_000 * growth * 20 / 1000 for growth in (1.05**10, 1.0))
    limit = (then / 1.04**10 - now) / 0.02
    assert 5_000 < limit < 25_000  # nobody of the tract earns so little
    assert tax.stressed(free, OWNERS, income_table(), growing)[0] == pytest.approx(0.0)
    assert tax.stressed(free, OWNERS, income_table(), STILL)[0] > 0
    as_fast = STILL | {"owner_income_growth": np.full(SIZE, 0.05)}
    assert tax.stressed(free, OWNERS, income_table(), as_fast)[0] == 0


def test_owners_of_two_exemptions_pay_the_levies_of_their_own(tmp_path):
    """One in four is exempt of everything: three quarters of the stress, not the sum of two levies."""
    all_pay = levies_of(tmp_path, HEAD + row(county="DeKalb"))
    shared = levies_of(
        tmp_path,
        HEAD
        + row(county="DeKalb", owners_share=0.75)
        + row(county="DeKalb", exemption="senior", owners_share=0.25, exempt_usd="inf"),
    )
    whole, part = (tax.stressed(one, OWNERS, income_table(), STILL) for one in (all_pay, shared))
    assert whole[0] > 0
    assert part == pytest.approx(0.75 * whole)


def test_a_lot_of_no_county_pays_no_unknown_tax():
    missing = tax.needs(
        read_levies(), lots(county=["DeKalb", None, None, "DeKalb"]), income_table(), year=2026
    )
    assert missing == ("the county of every lot that may have an owner (1 have none)",)  # the other is vacant


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("levy = []\n", ["assessment_share must be", "stress_points must be", "passed_on_to_rents must be"]),
        (HEAD + "levy = 3\n", ["levy must be a list of [[levy]]"]),
        (HEAD + "levies = []\n", ["levy must be a list", "unknown field levies. Did you mean 'levy'?"]),
        (HEAD.replace("0.4", '"x"') + row(), ["assessment_share must be a record whose value is a number"]),
        (HEAD + row(rate_mills="nan"), ["levy 1: rate_mills must be a number of at least 0 or 'unread', not nan"]),
        (
            HEAD + row(rate_mills=-1).replace("growth_cap_share", "growth_cap"),
            ["rate_mills must be", "has no growth_cap_share", "Did you mean 'growth_cap_share'"],
        ),
        (HEAD + row() + row(), ["X, exemption homestead: needs one row for each of city"]),
        (HEAD + row() + row("schools", exemption="senior"), ["exemption senior: needs one row for each of city, schools"]),
        (HEAD + row() + row(exemption="senior"), ["owners_share must be one number for each", "come to 1"]),
        (HEAD + row(owners_share=0.5), ["come to 1"]),
    ],
)  # fmt: skip
def test_a_levy_file_tells_all_its_faults(tmp_path, text, words):
    with pytest.raises(ValidationError) as caught:
        levies_of(tmp_path, text)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_an_unread_levy_gives_no_number_instead_of_no_tax():
    for name in ("rate_mills", "exempt_usd", "growth_cap_share"):
        found = tax.stressed(read_levies(**{name: None}), OWNERS, income_table(), STILL)
        assert np.isnan(found).all(), name
