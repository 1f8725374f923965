"""One lot's pro forma as a person asks for it: every line, every input, every refusal."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from commands import densitymap
from densitymap.capacity.rules import load_buildings
from densitymap.cli.app import app
from densitymap.errors import ValidationError
from densitymap.feasibility.costs import load_costs
from densitymap.feasibility.decision import options_table
from densitymap.feasibility.forms import PLANS, terms
from densitymap.feasibility.pays import Worth, bids_today, paying
from densitymap.feasibility.statement import inputs, lines
from densitymap.pipeline import proforma as one_lot
from densitymap.pipeline.proforma_inputs import Asked
from densitymap.pipeline.subject import Subject, of_drawing
from densitymap.pipeline.workspace import Workspace

LOT = "POLYGON((0 0,50 0,50 150,0 150,0 0))"
HOUSE = ["--house", "8 30 42 70", "--floor", "1200"]
DRAWN = ["--lot", LOT, "--zone", "R-5", "--streets", "LINESTRING(0 0,50 0)"]


@pytest.fixture(autouse=True)
def _nowhere(tmp_path, monkeypatch):
    """Prices of a workspace that happens to be where the tests run are none of a drawn lot's."""
    monkeypatch.chdir(tmp_path)


def asked(*args: str) -> tuple[int, dict]:
    ran = CliRunner().invoke(app, ["proforma", *args, "--json", "--quiet"])
    return ran.exit_code, json.loads(ran.stdout)


def value(answer: dict, name: str):
    (line,) = [line for line in answer["lines"] if line["name"] == name]
    return line["value"]


@pytest.fixture(scope="module")
def duplex() -> dict:
    code, answer = asked(*DRAWN, *HOUSE, "--type", "duplex", "--set", "price=425", "--set", "as_is=100000")
    assert code == 0
    return answer


def test_a_duplex_on_a_drawn_lot_is_the_reference_check_value(duplex):
    assert duplex["selected"]["form"] == "DUP_SBS"
    assert (duplex["selected"]["actor"], duplex["selected"]["tenure"]) == ("developer", "sale")
    assert round(value(duplex, "rlv_usd"), -3) == 139_000
    assert value(duplex, "gdv_usd") == pytest.approx(2 * 1_360 * 425)


def test_every_line_has_its_unit_year_and_source(duplex):
    assert len({line["name"] for line in duplex["lines"]}) == len(duplex["lines"])
    for line in duplex["lines"]:
        assert line["unit"]
        assert line["source"]
        assert 2000 < line["year"] < 2100


def test_the_lines_add_up(duplex):
    items = ("hard_cost", "soft_cost", "contingency", "site_work", "impact_fees", "demolition", "trees")
    assert sum(value(duplex, name) for name in items) == pytest.approx(value(duplex, "cost_usd"))
    spent = value(duplex, "rlv_usd") + value(duplex, "acquisition_usd") + value(duplex, "cost_usd")
    kept = value(duplex, "gdv_usd") - value(duplex, "sale_cost_usd") - value(duplex, "margin_usd")
    assert spent * (1 + value(duplex, "finance_share")) == pytest.approx(kept)
    assert spent == pytest.approx(value(duplex, "net_value_usd"))
    assert value(duplex, "asked_usd") == pytest.approx(115_000)


def test_a_bigger_house_competes(duplex):
    """R-5 lets the lot hold a house of 3,750 ft2: worth more to a builder than the duplex, which does not pay."""
    assert value(duplex, "best_legal_today_usd") > value(duplex, "rlv_usd")
    alternative = max(value(duplex, "asked_usd"), value(duplex, "best_legal_today_usd"))
    assert value(duplex, "decision_value_usd") == pytest.approx(value(duplex, "rlv_usd") - alternative)
    assert duplex["selected"]["pays"] is False


def test_a_changed_input_reruns_the_sum(duplex):
    _, dearer = asked(
        *DRAWN,
        *HOUSE,
        "--type",
        "duplex",
        "--set",
        "price=425",
        "--set",
        "as_is=100000",
        "--set",
        "hard_cost=250",
    )
    more = 2 * 1_360 * (250 - 205) * 1.19 / 1.02
    assert value(duplex, "rlv_usd") - value(dearer, "rlv_usd") == pytest.approx(more)
    (line,) = [line for line in dearer["lines"] if line["name"] == "hard_cost_duplex_usd_per_ft2"]
    assert (line["value"], line["source"]) == (250, "given on the command line")


def test_a_vacant_lot_tears_nothing_down_and_owes_no_premium():
    _, vacant = asked(*DRAWN, "--type", "duplex", "--set", "price=425")
    assert "demolition" not in {line["name"] for line in vacant["lines"]}
    assert round(value(vacant, "rlv_usd") - 20_000 / 1.02, -3) == 139_000
    assert vacant["selected"]["units_demolished"] == 0


def test_an_accessory_home_pays_the_owner_of_the_house():
    _, answer = asked(*DRAWN, *HOUSE, "--type", "house_adu", "--place", "Kirkwood")
    chosen = answer["selected"]
    assert (chosen["fit_mode"], chosen["actor"], chosen["tenure"]) == ("keep", "owner", "rent")
    assert round(chosen["yield_on_cost"], 3) == 0.071
    assert chosen["units_added"] == 1
    assert chosen["units_demolished"] == 0


AS_IS = "the value of the lot as it stands (--set as_is=NUMBER)"


@pytest.mark.parametrize("house", [[], HOUSE])
def test_an_unknown_value_of_the_lot_is_not_nothing(house):
    """Whether anything stands there or not: no surplus, no verdict, and the reason; the sums above it stand."""
    unpriced = ["--place", "Kirkwood", "--type", "duplex", *house]
    known, unknown = (
        one_lot.proforma(subject, Asked(kind="duplex", settings={}))
        for subject in (_drawn(*unpriced), _unvalued(_drawn(*unpriced)))
    )
    assert value(unknown, "rlv_usd") == value(known, "rlv_usd") > 0
    for name in ("as_is_usd", "asked_usd", "surplus_usd", "decision_value_usd"):
        (line,) = [line for line in unknown["lines"] if line["name"] == name]
        assert line["value"] is None
        assert AS_IS in line["source"]
    chosen = unknown["selected"]
    assert chosen["surplus_usd"] is chosen["decision_value_usd"] is chosen["pays"] is None
    assert (chosen["computable"], chosen["needs"]) == (False, [AS_IS])
    assert {row["surplus_usd"] for row in unknown["options"]} == {None}
    assert True not in {row["pays"] for row in unknown["options"]}


def test_what_is_said_of_a_lot_nobody_valued():
    ran = densitymap("proforma", *DRAWN, "--type", "duplex", "--set", "hard_cost=205")
    assert ran.code == 0
    assert f"Whether it pays is not computable: needs {AS_IS}" in ran.err
    assert "It pays" not in ran.err
    assert "It does not pay" not in ran.err
    (line,) = [line for line in ran.err.splitlines() if "Over what its owner asks" in line]
    assert "unknown: needs the value of the lot" in line
    code, answer = asked(*DRAWN, "--type", "duplex", "--set", "as_is=20000")
    assert code == 0
    assert answer["selected"]["computable"] is True
    assert value(answer, "surplus_usd") == pytest.approx(value(answer, "rlv_usd") - 23_000)


def test_a_form_that_falls_short_pays_at_no_price_of_the_lot():
    _, answer = asked(*DRAWN, "--type", "duplex", "--set", "hard_cost=300")
    assert value(answer, "rlv_usd") < 0
    assert (answer["selected"]["pays"], answer["selected"]["computable"]) == (False, True)
    assert value(answer, "best_legal_today_usd") == 0
    assert value(answer, "acquisition_usd") == 0
    labels = {line["name"]: line["label"] for line in answer["lines"]}
    assert labels["best_legal_today_usd"].endswith("nobody bids")
    assert labels["rlv_usd"].endswith("nobody bids")
    assert value(answer, "net_value_usd") - value(answer, "cost_usd") == pytest.approx(
        value(answer, "shortfall_usd")
    )
    assert value(answer, "rlv_usd") == pytest.approx(value(answer, "shortfall_usd") / 1.02)


def test_every_input_that_a_word_sets_is_listed():
    code, answer = asked(*DRAWN, "--type", "duplex", "--set", "hard_cost=205", "--set", "as_is=30000",
                         "--set", "price=425")  # fmt: skip
    assert code == 0
    found = {one["name"]: (one["set_by"], one["before"], one["value"]) for one in answer["changed"]}
    assert found["hard_cost_house_usd_per_ft2"] == ("hard_cost", 195, 205)
    assert found["hard_cost_duplex_usd_per_ft2"] == ("hard_cost", 205, 205)
    assert found["hard_cost_triplex_usd_per_ft2"] == ("hard_cost", 225, 205)
    assert found["as_is_usd"] == ("as_is", None, 30_000)
    by, before, after = found["place_price_usd_per_ft2"]
    assert by == "price"
    assert after == pytest.approx(answer["prices"]["price_usd_per_ft2"], abs=1e-4)
    assert before != after
    assert len(answer["changed"]) == 5
    assert asked(*DRAWN, "--type", "duplex")[1]["changed"] == []


def test_what_a_word_sets_is_printed_and_the_hint_names_one_input_in_full():
    ran = densitymap("proforma", *DRAWN, "--type", "duplex", "--set", "hard_cost=205")
    assert "Set by hard_cost: hard_cost_house_usd_per_ft2 = 205 USD/ft2 (was 195)" in ran.err
    assert "Set by hard_cost: hard_cost_duplex_usd_per_ft2 = 205 USD/ft2 (as it was)" in ran.err
    hint = ran.err.strip().splitlines()[-1]
    name, _, number = hint.partition("--set ")[2].partition("=")
    code, answer = asked(*DRAWN, "--type", "duplex", "--set", f"{name}={number}")
    assert code == 0
    assert [(one["name"], one["value"]) for one in answer["changed"]] == [(name, float(number))]
    assert answer["changed"][0]["before"] != float(number)


def _drawn(*args: str) -> Subject:
    place = args[args.index("--place") + 1]
    house = {"house": HOUSE[1], "house_floor_ft2": 1_200.0} if "--house" in args else {}
    return of_drawing(Workspace(Path()), LOT, "R-5", scenario="no-change", place=place,
                      streets=DRAWN[-1], **house)  # fmt: skip


def _unvalued(subject: Subject) -> Subject:
    """The same lot, the price of homes there known, what it is worth as it stands not."""
    names = [name for name in subject.lots.columns if name.startswith("as_is_value")]
    lots = subject.lots.assign(**dict.fromkeys(names, None), existing_units=2)
    return replace(subject, lots=lots)


def test_what_may_not_stand_is_shown_and_does_not_pay():
    _, answer = asked(*DRAWN, "--type", "triplex", "--set", "price=2000", "--set", "as_is=100000")
    assert answer["selected"]["verdict"] == "FALSE"
    assert answer["selected"]["decision_value_usd"] > 0
    assert answer["selected"]["pays"] is False
    assert any("may not stand" in doubt for doubt in answer["doubts"])


def test_without_a_zone_nothing_is_said_of_the_law():
    code, answer = asked("--lot", LOT, "--type", "triplex")
    assert code == 0
    assert answer["selected"]["verdict"] is None
    assert answer["selected"]["pays"] is None
    assert value(answer, "cost_usd") > 0


def test_a_lot_may_come_from_a_file(tmp_path):
    wkt, geojson = tmp_path / "lot.wkt", tmp_path / "lot.geojson"
    wkt.write_text(LOT)
    ring = [[0, 0], [50, 0], [50, 150], [0, 150], [0, 0]]
    geojson.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    found = [asked("--lot", str(file), "--type", "duplex")[1] for file in (wkt, geojson)]
    assert found[0]["lines"] == found[1]["lines"] == asked("--lot", LOT, "--type", "duplex")[1]["lines"]


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["--set", "hard_cost=$100,000.00"], 5, "write 100000"),
        (["--set", "margin_share=15"], 5, "15 % is 0.15"),
        (["--set", "price=0"], 5, "not above 0"),
        (["--set", "as_is=-5"], 5, "not above 0"),
        (["--set", "hard_cots=1"], 2, "Did you mean"),
        (["--set", "loan=1"], 2, "may mean"),
        (["--set", "hard_cost"], 2, "NAME=NUMBER"),
        (["--type", "duplx"], 2, "Did you mean 'duplex'"),
        (["--actor", "develper"], 2, "Did you mean 'developer'"),
        (["--tenure", "lease"], 2, "known: sale, rent"),
        (["--place", "Kirkwod"], 2, "Did you mean 'Kirkwood'"),
        (["--scenario", "triplex"], 2, "scenarios"),
        (["--costs", "nowhere.toml"], 2, "no file"),
        (["--year", "99999"], 2, "is not a year"),
        (["--set", "cap_rate_share=0"], 5, "divides by it"),
        (["--set", "hard_cost=1e300"], 5, "beyond any lot"),
        (["--house", "8 30 42 70", "--floor", "-3"], 5, "above 0"),
    ],
)
def test_refusals_are_one_clear_message(args, code, words):
    found, answer = asked(*DRAWN, *args)
    assert found == code
    assert words in answer["error"]["message"]


@pytest.mark.parametrize(
    "lot", ["", "POLYGON((0 0,1", "<img src=x onerror=alert(1)>", "=cmd|calc", "POINT(0 0)"]
)
def test_a_lot_that_is_none_is_refused(lot):
    code, answer = asked("--lot", lot)
    assert code == 5
    assert answer["error"]["next"]


def test_costs_of_ones_own_are_held_to_the_same_rules(tmp_path):
    file = tmp_path / "mine.toml"
    entry = 'value = 260.0\nlow = 250.0\nhigh = 270.0\nunit = "USD/ft2"\nyear = 2026\ncite = "a bid"\nmark = "S"\n'
    file.write_text(f"[hard_cost_duplex_usd_per_ft2]\n{entry}")
    _, answer = asked(*DRAWN, "--type", "duplex", "--costs", str(file))
    assert [line["source"] for line in answer["lines"] if line["name"] == "hard_cost_duplex_usd_per_ft2"] == [
        "a bid"
    ]
    file.write_text(
        f"[hard_cost_duplex_usd_per_ft2]\n{entry}".replace("year = 2026\n", "").replace("260.0", '"$260"')
    )
    code, answer = asked(*DRAWN, "--costs", str(file))
    assert code == 5
    assert "no year" in answer["error"]["message"]
    assert "is text, not a number" in answer["error"]["message"]


def test_a_parcel_of_the_build_and_words_for_a_person(sample_space):
    lots = pd.read_parquet(
        sample_space / "data/3_parcels/parcels.parquet", columns=["parcel_id", "zone_district"]
    )
    name = lots.loc[lots["zone_district"] == "R-4A", "parcel_id"].iloc[0]
    ran = densitymap("proforma", name, "--type", "house_adu", "--workspace", sample_space)
    assert ran.code == 0
    assert "Most that can be paid for the lot" in ran.err
    assert "Next:" in ran.err
    assert not list((sample_space / "data/4_results").glob("*proforma*"))


def test_every_plan_of_every_form_tells_the_vectorised_sum():
    """The statement's items add up to the value and the cost of the columns, whatever the plan."""
    forms = [
        ("keep", "house_adu", "house+ADU_504", 2, 1), ("keep", "house_attached_adu", "house+internal ADU", 2, 1),
        ("keep", "convert", "house->2", 2, 0), ("new", "house_attached_adu", "SFD+internal ADU", 2, 1),
        ("new", "duplex_adu", "DUP_SBS+ADU_504", 3, 0), ("new", "multi", "FOUR", 4, 0),
        ("split", "split", "two lots", 4, 0), ("split", "split_keep", "two lots, house kept on one", 3, 0),
    ]  # fmt: skip
    fits = pd.DataFrame(forms, columns=["fit_mode", "fit_type", "form", "units", "units_rent_only"]).assign(
        parcel_id="a", policy="now", verdict="TRUE", binding_rule="coverage", slack_floor_ft2=np.inf,
        slack_coverage_ft2=900.0, slack_fit_ft=3.0,
    )  # fmt: skip
    lots = pd.DataFrame({"parcel_id": ["a"], "existing_units": [1], "existing_floor_area_ft2": [1_800.0]})
    lots["is_built"] = pd.array([True], dtype="boolean")
    costs, worth = load_costs(), Worth(
        price_usd_per_ft2=np.array([380.0]), as_is_usd=np.array([4.5e5]), source="drawn"
    )  # fmt: skip
    built = terms(fits, lots, costs, load_buildings())
    found = paying(built, lots, worth, costs, today_usd=bids_today(built, worth, costs))
    for entry, plan in np.argwhere(built.applies[built.kind]):
        told = lines(
            built,
            entry,
            plan,
            costs=costs,
            valued=found.valued,
            decided=found.decided,
            price_usd_per_ft2=380.0,
        )
        at = {line.name: place for place, line in enumerate(told)}
        gdv = sum(line.value for line in told[: at["gdv_usd"]])
        cost = sum(line.value for line in told[at["gdv_usd"] + 1 : at["cost_usd"]])
        assert gdv == pytest.approx(found.valued.gdv_usd[entry, plan])
        assert cost == pytest.approx(found.valued.cost_usd[entry])
        given = [line.name for line in inputs(built, entry, plan, costs)]
        assert len(set(given)) == len(given)
    table = options_table(built, fits, found.valued, found.decided)
    assert set(zip(table["actor"], table["tenure"], strict=True)) == set(PLANS)


def test_every_input_told_matters_and_every_input_that_matters_is_told():
    """Moving an input that is not told changes nothing; moving one that is told changes the sum or the test."""
    fits = pd.DataFrame(
        [("keep", "house_adu", "house+ADU_504", 2, 1), ("new", "duplex", "DUP_SBS", 2, 0), ("new", "multi", "FOUR", 4, 0)],
        columns=["fit_mode", "fit_type", "form", "units", "units_rent_only"],
    ).assign(
        parcel_id="a", policy="now", verdict="TRUE", binding_rule="coverage", slack_floor_ft2=0.0,
        slack_coverage_ft2=0.0, slack_fit_ft=0.0,
    )  # fmt: skip
    lots = pd.DataFrame({"parcel_id": ["a"], "existing_units": [1], "existing_floor_area_ft2": [1_800.0]})
    lots["is_built"] = pd.array([True], dtype="boolean")
    worth = Worth(price_usd_per_ft2=np.array([380.0]), as_is_usd=np.array([4.5e5]), source="drawn")

    def residuals(costs):
        built = terms(fits, lots, costs, load_buildings())
        return built, paying(built, lots, worth, costs, today_usd=np.array([0.0]))

    elsewhere = {  # in what is asked, in the yield, or only where homes are attached or condominiums
        "acquisition_premium_share", "yield_spread_share", "attached_price_factor", "condo_discount_share",
        "operating_share", "new_home_price_factor", "price_size_elasticity",
    }  # fmt: skip
    costs = load_costs()
    built, before = residuals(costs)
    for name, cost in costs.records.items():
        if name in ("price_size_reference_ft2", "size_step_ft2") or cost.value == 0:
            continue
        _, after = residuals(costs.with_values({name: cost.value * 0.97}))
        for entry, plan in np.argwhere(built.applies[built.kind]):
            told = name in {line.name for line in inputs(built, entry, plan, costs)}
            moved = before.valued.rlv_usd[entry, plan] != after.valued.rlv_usd[entry, plan]
            assert told or not moved, (name, PLANS[plan])
            assert moved or not told or name in elsewhere, (name, PLANS[plan])


def test_a_form_no_template_describes_is_refused():
    fits = pd.DataFrame(
        {
            "parcel_id": ["a"], "policy": "now", "fit_mode": "new", "fit_type": "duplex", "form": "YURT", "units": 1,
            "units_rent_only": 0, "verdict": "TRUE", "binding_rule": "use", "slack_floor_ft2": 0.0,
            "slack_coverage_ft2": 0.0, "slack_fit_ft": 0.0,
        }
    )  # fmt: skip
    lots = pd.DataFrame(
        {"parcel_id": ["a"], "existing_units": [1], "existing_floor_area_ft2": [1.0], "is_built": [True]}
    )
    with pytest.raises(ValidationError, match="YURT"):
        terms(fits, lots, load_costs(), load_buildings())
