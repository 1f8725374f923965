"""The brief's parts on places drawn by hand: counts, words, charts, the gate, the grade, the seal."""

from __future__ import annotations

import base64
import re
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point, box

from densitymap import params
from densitymap.errors import UsageError, ValidationError
from densitymap.reports import (
    audit,
    change,
    charts,
    compared,
    funnel,
    grade,
    keep,
    law,
    page,
    phrases,
    pressure,
    seal,
)
from densitymap.reports.brief import compose
from densitymap.reports.change import Point as Figure
from densitymap.reports.given import BriefInput, Policy

EN = phrases.load("en")
HOSTILE = "<img src=x onerror=alert(1)>${alert(1)} =cmd $x_1$ {{7*7}} \\frac{1}{2}"
TODAY = Policy(name="no-change", title="The code as it stands", question="second_home")
PLAN = Policy(name="duplex-by-right", title="Duplex by right", question="duplex")
SHAPE = box(2_230_000, 1_360_000, 2_234_000, 1_363_000)
CRS = "EPSG:2240"


def lots(n=12, **columns):
    base = {
        "parcel_id": [f"L{k}" for k in range(n)],
        "neighborhood": ["Here"] * n,
        "lot_area_ft2": [5_000.0] * n,
        "canopy_share": [0.5] * n,
        "owner_type": (["company"] * 3 + ["person"] * n)[:n],
        "owner_occupied": pd.array(([False] * 6 + [True] * n)[:n], dtype="boolean"),
    }
    return pd.DataFrame(base | columns)


def allowed(names, verdicts, *, duplex=None, rule="lot_width"):
    n = len(names)
    rows = []
    for policy, question in ((TODAY.name, "second_home"), (PLAN.name, "duplex")):
        said = verdicts[policy]
        rows.append(
            pd.DataFrame(
                {
                    "parcel_id": names,
                    "policy": policy,
                    "question": question,
                    "verdict": said,
                    "binding_rule": [rule if word == "MAYBE" else None for word in said],
                    "is_allowed_duplex": pd.array(duplex or [False] * n, dtype="boolean"),
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def fits(names, verdicts):
    rows = [
        {
            "parcel_id": name,
            "policy": policy,
            "fit_mode": "new",
            "fit_type": kind,
            "units": units,
            "verdict": word,
        }
        for policy in (TODAY.name, PLAN.name)
        for name, word in zip(names, verdicts[policy], strict=True)
        for kind, units in (("house", 1), ("duplex", 2))
    ]
    return pd.DataFrame(rows)


def profile(**more):
    return {
        "place_history": "not in this data",
        "census_2020": "not in this data",
        "estimates": [],
        "land_price_per_acre": "not in this data",
    } | more


def zones(names=("R-4", "C-1")):
    west, south, east, north = SHAPE.bounds
    cuts = np.linspace(west, east, len(names) + 1)
    shapes = [box(a, south, b, north) for a, b in pairwise(cuts)]
    groups = ["one home a lot"] * len(names)
    frame = {
        "zone_district": list(names),
        "zone_group": groups,
        "acres": [10.0 + k for k in range(len(names))][::-1],
    }
    return gpd.GeoDataFrame(frame, geometry=shapes, crs=CRS)


def answers(**units):
    rows = [
        {"policy": policy.name, "zone_district": name.replace("_", "-"), "units": count}
        for name, pair in units.items()
        for policy, count in zip((TODAY, PLAN), pair, strict=True)
    ]
    return pd.DataFrame(rows).astype({"units": "Int64"})


def given(n=12, **changes):
    names = [f"L{k}" for k in range(n)]
    today = (["TRUE"] * 2 + ["MAYBE"] * n)[:n]
    plan = (["TRUE"] * 5 + ["MAYBE"] * n)[:n]
    said = {TODAY.name: today, PLAN.name: plan}
    base = {
        "place": "Here",
        "npus": ["N"],
        "shape": SHAPE,
        "area_name": "District 5",
        "share_in_area": 1.0,
        "land_share": 0.8,
        "synthetic": False,
        "sampled": False,
        "today": TODAY,
        "plan": PLAN,
        "reforms": [PLAN],
        "lots": lots(n),
        "allowed": allowed(names, said),
        "fits": fits(names, said),
        "zones": zones(),
        "zone_answers": answers(R_4=(1, 2), C_1=(None, None)),
        "lines": {},
        "stations": None,
        "assisted": None,
        "assisted_in_file": 0,
        "counties": ["DeKalb"],
        "tracts": pd.DataFrame({"share_of_place": [], "pressure_class": []}),
        "profile": profile(),
        "derived": None,
        "sources": pd.DataFrame(columns=["layer", "title", "vintage", "attribution", "licence"]),
        "lock_hash": "a" * 64,
        "version": "0.1.0",
        "seed": 5,
        "map_link": "index.html#ll=33.7,-84.3",
    }
    return BriefInput(**(base | changes))


def html(made, language="en"):
    say = phrases.load(language)
    return page.web_page(compose(made, say), say, seal=seal.pack({"place": made.place}))


# --- counts ------------------------------------------------------------------------------------------


def test_the_plan_is_set_beside_today_asked_the_same():
    names = ["a", "b", "c", "d"]
    said = {
        TODAY.name: ["TRUE", "TRUE", "FALSE", "NO DATA"],
        PLAN.name: ["TRUE", "MAYBE", "FALSE", "NO DATA"],
    }
    table = allowed(names, said, duplex=[None, False, False, None])
    today = law.allowed_verdicts(table, TODAY.name, "duplex")  # asked about a second home when judged
    assert today.to_dict() == {"a": "MAYBE", "b": "FALSE", "c": "FALSE", "d": "NO DATA"}
    assert law.allowed_verdicts(table, PLAN.name, "duplex").tolist() == said[PLAN.name]
    unasked = law.allowed_verdicts(table, PLAN.name, "second_home")
    assert set(unasked) == {"NO DATA"}  # never guessed from another question


def test_fits_is_the_best_of_the_types_asked_for():
    table = pd.DataFrame(
        {
            "parcel_id": ["a", "a", "b", "c", "d"],
            "policy": PLAN.name,
            "fit_mode": "new",
            "fit_type": ["house", "duplex", "triplex", "house", "duplex"],
            "units": [1, 2, 3, 1, 0],
            "verdict": ["TRUE", "MAYBE", "TRUE", "TRUE", "NO DATA"],
        }
    )
    assert law.fit_verdicts(table, PLAN.name, "duplex").to_dict() == {
        "a": "MAYBE", "b": "FALSE", "c": "FALSE", "d": "NO DATA",
    }  # fmt: skip
    assert law.fit_verdicts(table, PLAN.name, "second_home")["b"] == "TRUE"
    assert law.fit_verdicts(table, PLAN.name, "second_home")["c"] == "FALSE"  # one house is no second home


def test_no_step_is_wider_than_the_one_above():
    made = given()
    for policy in made.policies:
        found = law.steps(made, policy)
        assert found["fits"].yes <= found["allowed"].yes
        assert found["fits"].yes + found["fits"].maybe <= found["allowed"].yes + found["allowed"].maybe


def test_the_main_reason_is_told_only_of_maybes():
    assert law.main_reason(given().allowed, TODAY.name) == "lot_width"
    sure = allowed(["a"], {TODAY.name: ["TRUE"], PLAN.name: ["FALSE"]})
    assert law.main_reason(sure, TODAY.name) is None


def test_every_maybe_rule_of_the_law_has_words():
    rules = (
        "lot_of_record",
        "lot_width",
        "lot_area",
        "unread",
        "split_zoning",
        "council_condition",
        "coverage",
    )
    names = [f"L{k}" for k in range(12)]
    for rule in rules:
        maybes = allowed(names, {TODAY.name: ["MAYBE"] * 12, PLAN.name: ["MAYBE"] * 12}, rule=rule)
        today, plan = law.street_lines(given(allowed=maybes), EN)[:2]
        assert EN(f"why.{rule}") in plan
        assert "maybe”" not in today  # today was asked about a second home: its reasons are of that


def test_zones_by_land_and_an_unread_zone_is_never_a_number():
    rows = law.zone_rows(given(), EN)
    assert [row["district"] for row in rows] == ["R-4", "C-1"]
    assert [row["share"] for row in rows] == ["52 %", "48 %"]
    assert rows[0]["cells"] == ["1 home", "2 homes"]
    assert rows[1]["cells"] == ["rules not read yet"] * 2


def test_many_zones_are_one_row_but_one_more_is_named():
    five = law.zone_rows(given(zones=zones([f"Z{k}" for k in range(5)])), EN)
    assert len(five) == 5
    seven = law.zone_rows(given(zones=zones([f"Z{k}" for k in range(7)])), EN)
    assert [row["district"] for row in seven][-1] == "3 other zones"


def test_rows_of_neighborhoods_add_up_to_the_place():
    split = lots(12, neighborhood=["East"] * 5 + ["West"] * 7)
    rows = law.hood_rows(given(lots=split))
    assert [row["name"] for row in rows] == ["East", "West"]
    assert sum(row["yes"] for row in rows) == law.plan_rows(given(lots=split))[0]["yes"]


# --- the funnel --------------------------------------------------------------------------------------


def funnel_rows(**stages):
    names = ["lots_unknown", "lots_assumed", "homes_more_true", "homes_more_maybe"]
    names += ["lots_more_low", "lots_more_high", "homes_more_low", "homes_more_high"]
    rows = [
        {"policy": policy.name, "stage": stage} | dict(zip(names, values, strict=True))
        for stage, values in stages.items()
        for policy in (TODAY, PLAN)
    ]
    return pd.DataFrame(rows).astype(dict.fromkeys(names, "Int64"))


def test_a_stage_that_nobody_computed_names_what_it_needs():
    rows = {row["name"]: row["cells"] for row in funnel.section(given(), EN)["rows"]}
    assert rows["3a. It pays a builder"] == ["Not computed yet. It needs prices and costs for this place."]
    assert "an unknown number of homes" in rows["1. The rules allow it"][0]


def test_computed_stages_are_told_with_their_range_and_hidden_ones_say_so():
    table = funnel_rows(
        allowed=[3, 7, 4, 9, 0, 0, 0, 0],
        fits=[3, 7, 2, 9, 0, 0, 0, 0],
        pays_developer=[0, 0, 0, 0, None, 6, None, 7],
        pays_owner=[0, 0, 0, 0, 8, 2, 9, 3],
    )
    made = given(funnel=table)
    told = funnel.section(made, EN)
    rows = {row["name"]: row["cells"] for row in told["rows"]}
    assert rows["1. The rules allow it"][0] == "0 lots yes, 0 maybe; 4 to 13 homes more"
    assert rows["1. The rules allow it"][1] == "5 lots yes, 7 maybe; 4 to 13 homes more"
    assert rows["3a. It pays a builder"] == ["Too few lots to show."] * 2
    assert rows["3b. It pays an owner or nonprofit"][0] == "2 to 8 lots; 3 to 9 homes more"
    assert "For 3 lots no number" in told["note"]
    assert "On 7 lots" in told["note"]
    assert keep.known_lines(made, EN)[2] == EN("known.cost_money")


def test_a_plan_nobody_costed_is_not_called_hidden():
    table = funnel_rows(pays_owner=[0, 0, 0, 0, 8, 9, 8, 9])
    made = given(funnel=table[table["policy"] == TODAY.name])
    rows = {row["name"]: row["cells"] for row in funnel.section(made, EN)["rows"]}
    assert rows["3b. It pays an owner or nonprofit"] == [
        "8 to 9 lots; 8 to 9 homes more",
        EN("funnel.not_computable", needs=EN("funnel.needs_pays_owner")),
    ]


def test_what_is_expected_is_told_by_draws():
    rows = [
        {
            "policy": policy.name,
            "uptake_measure": measure,
            "horizon_year": year,
            "uptake_p10": low,
            "uptake_p90": high,
        }
        for policy in (TODAY, PLAN)
        for measure, year, low, high in (
            ("gross", 5, 0.1, 1.0),
            ("gross", 10, 0.6, 3.4),
            ("net", 10, None, None),
        )
    ]
    made = given(uptake=pd.DataFrame(rows))
    told = {row["name"]: row["cells"] for row in funnel.section(made, EN)["rows"]}
    assert told["4. We expect it in 10 years"] == ["1 to 3 homes more, in 8 of 10 draws"] * 2
    assert told["5. Net gain in homes"] == ["Too few lots to show."] * 2


def test_a_place_without_lots_says_so_and_draws_no_bars():
    made = given(0)
    told = funnel.section(made, EN)
    assert told["chart"] is None
    assert all("needs" in row["cells"][0] for row in told["rows"])
    first = law.street_lines(made, EN)[0]
    assert "no lot lines" in first
    assert "does not mean zero" in first


# --- people, years, homes to keep ----------------------------------------------------------------------


def estimate(name, value, margin, period="2020-2024", **base):
    figures = {name: {"value": value, "margin": margin}} | {
        k: {"value": v, "margin": 1.0} for k, v in base.items()
    }
    return {"acs_period": period, "measures": figures}


def test_margins_are_said_in_words_and_rough_or_thin_figures_are_marked():
    firm = given(profile=profile(estimates=[estimate("renter_share", 0.62, 0.05, households=900.0)]))
    assert pressure.people_lines(firm, EN)[0] == (
        "About 62 in 100 households rent their home (2020-2024). The true number is likely from 57 to 67."
    )
    rough = given(profile=profile(estimates=[estimate("renter_share", 0.95, 0.12, households=900.0)]))
    assert pressure.people_lines(rough, EN)[0].endswith("likely from 83 to 100. That is a rough figure.")
    thin = given(profile=profile(estimates=[estimate("renter_share", 0.62, 0.05, households=49.0)]))
    assert "Too few households" in pressure.people_lines(thin, EN)[0]
    silent = given(
        profile=profile(estimates=[estimate("renter_share", 0.62, "not published", households=900.0)])
    )
    assert "No margin was published" in pressure.people_lines(silent, EN)[0]
    assert "not in our data" in pressure.people_lines(given(), EN)[0]


def test_the_newest_figure_wins_and_unstated_years_never_do():
    made = profile(
        place_history={"2014-2018": {"renter_share": {"value": 0.4, "margin": "not published"}}},
        estimates=[
            estimate("renter_share", 0.5, 0.02, "2015-2019"),
            estimate("renter_share", 0.9, 0.02, "end year not stated"),
        ],
    )
    points = change.series(made, {"history": "renter_share", "estimates": "renter_share"})
    assert [point.years for point in points] == ["2014-2018", "2015-2019", "end year not stated"]
    assert change.newest(points).value == 0.5


def test_figures_over_the_years_stand_in_a_table_with_margins():
    made = profile(
        place_history={"1990": {"population": {"value": 100.0, "margin": "not published"}}},
        census_2020={"population_2020": {"value": 120.0, "margin": "a full count"}},
        estimates=[estimate("population", 130.0, 15.0)],
    )
    panels = change.panels(made)
    table = change.table(panels, EN)
    assert table["years"] == ["1990", "2020", "2020-2024"]
    assert table["rows"][0]["cells"] == ["100", "120", "130 ± 15"]
    assert "1990: 100" in change.alt(panels, EN)


def test_many_tracts_are_counted_and_the_largest_named():
    frame = pd.DataFrame(
        {
            "tract_geoid": [f"1312100{k:02d}00" for k in range(6)],
            "share_of_place": [0.3, 0.2, 0.2, 0.1, 0.1, 0.1],
            "pressure_class": ["higher", "lower", "middle", None, "higher", "lower"],
            "class_draw_share": [0.9, 0.5, None, None, 0.9, 0.9],
            "acs_period": "2020-2024",
        }
    )
    lines = pressure.tract_lines(given(tracts=frame), EN)
    assert lines[0].startswith(
        "Of 6 tracts here, 2 show more pressure than most, 1 about as much, and 2 less."
    )
    assert "For 1 we cannot tell." in lines[0]
    assert "In 90 of 100 test draws" in lines[1]
    assert "In only 50 of 100" in lines[2]
    assert "no margins" in lines[3]
    assert "we cannot tell" in lines[4]
    assert len(lines) == 5


def test_owner_shares_need_ten_lots_and_never_name_anyone():
    assert keep.owner_lines(lots(10), EN) == [
        EN("keep.company", share="30 %", lots="10"),
        EN("keep.away", share="60 %", lots="10"),
    ]
    assert keep.owner_lines(lots(9), EN) == [EN("keep.few_lots", least=10)]
    unknown = lots(
        20,
        owner_type=["unknown"] * 12 + ["company"] * 8,
        owner_occupied=pd.array([None] * 20, dtype="boolean"),
    )
    assert keep.owner_lines(unknown, EN) == [EN("keep.few_lots", least=10)]


def test_aided_homes_with_and_without_numbers():
    point = Point(SHAPE.centroid)
    plain = gpd.GeoDataFrame({"feature_name": ["B", "A"]}, geometry=[point, point], crs=CRS)
    made = given(assisted=plain, assisted_in_file=2)
    assert [row["name"] for row in keep.assisted_rows(made, EN)] == ["A", "B"]
    assert EN("keep.no_units") in keep.assisted_lines(made, EN)
    full = plain.assign(assisted_units=[120, None], subsidy_end_year=[2031, None])
    rows = keep.assisted_rows(given(assisted=full), EN)
    assert rows[1] == {"name": "B", "homes": "120", "ends": "2031"}
    assert rows[0]["homes"] == "not known"
    assert keep.assisted_lines(given(assisted=plain.iloc[:0], assisted_in_file=218), EN) == [
        EN("keep.none", place="Here", count="218")
    ]
    assert keep.assisted_lines(given(), EN) == [EN("keep.no_layer")]


def test_evictions_are_told_by_county():
    assert keep.eviction_lines(given(), EN) == [EN("keep.evictions_none", county="DeKalb")]
    both = keep.eviction_lines(given(counties=["Fulton", "DeKalb"]), EN)
    assert "not loaded here" in both[0]
    assert keep.eviction_lines(given(counties=[]), EN) == [EN("keep.evictions_unknown")]


def test_a_phone_number_stands_only_with_the_page_it_was_read_on():
    for entry in params.load("reports", "contacts")["contact"]:
        assert entry["phone"] == "look up" or entry["cite"].startswith("http"), entry
    shown = keep.contacts(EN, [{"id": "npu", "phone": "404-555-0100", "cite": "https://example.org/npu"}])
    assert "https://example.org/npu" in shown[0]["phone"]


# --- plans side by side ------------------------------------------------------------------------------

FEW = dict.fromkeys(("p5", "p50", "p95"), "fewer than 5")
OTHER = Policy(name="small-lots", title="Small lots", question="duplex")


def ledger(difference, level=None, *, computable=True):
    return {"computable": computable, "level": level, "difference": difference}


def by_channel(*ends):
    return dict(zip(compared.CHANNELS, ends, strict=True))


def record(name, fits, *, moves=None, place="Here"):
    """What `compare` says of a policy, as far as a brief reads it."""
    drawn = {"p10": 0.0, "p50": 3.0, "p90": 1_204.4}
    funnel_of = {"allowed": 40, "fits": fits, "pays": 0, "pays_owner": 7, "expected": drawn}
    maybe = {"allowed": 0, "fits": 9, "pays": None, "pays_owner": 0}
    row = {"name": place, "funnel": funnel_of, "maybe": maybe, "net_homes": None}
    difference = None if name == TODAY.name else {"net_homes": drawn}
    places = {"by_neighborhood": [row], "by_npu": []}
    return {"name": name, **places, **row, "net_homes": drawn, "difference": difference, "ledgers": moves}


def moved(**changes):
    up = {"p5": 5.0, "p50": 12.0, "p95": 1_040.0, "sign": "+"}
    unclear = {"p5": -31.0, "p50": "fewer than 5", "p95": 8.0, "sign": "unclear"}
    return {
        "direct": ledger(up, level={"p5": 9.0, "p50": 20.0, "p95": 80.0}),
        "market": ledger(by_channel({**FEW, "sign": "-"}, unclear, {**FEW, "sign": "0"})),
        "owner_stress": ledger(None, computable=False),
        "exclusion": ledger(by_channel(up, up, up)),
    } | changes


def side(**changes):
    names = [f"L{k}" for k in range(12)]
    said = {TODAY.name: ["TRUE"] * 2 + ["MAYBE"] * 10, PLAN.name: ["TRUE"] * 12}
    more = [
        frame.query("policy == @PLAN.name").assign(policy=OTHER.name)
        for frame in (allowed(names, said), fits(names, said))
    ]
    records = [
        record(TODAY.name, 3, moves=moved()),
        *(record(plan.name, 1_500, moves=moved()) for plan in (PLAN, OTHER)),
    ]
    base = {
        "others": [OTHER],
        "records": records,
        "allowed": pd.concat([allowed(names, said), more[0]]),
        "fits": pd.concat([fits(names, said), more[1]]),
    }
    return given(**(base | changes))


def rows_of(table):
    return {row["name"]: row["cells"] for row in table["rows"]}


def test_plans_stand_in_columns_and_no_change_is_the_first():
    told = compared.section(side(), EN)
    assert told["heads"] == ["Today", "Duplex by right", "Small lots"]
    rows = rows_of(told)
    assert rows["More homes that fit"] == ["3 sure, 9 maybe", "1,500 sure, 9 maybe", "1,500 sure, 9 maybe"]
    assert rows["More homes that the rules allow"] == ["40 sure"] * 3
    assert rows["Homes built in 10 years"] == ["0 to 1,204 homes"] * 3
    assert {len(cells) for cells in rows.values()} == {3}


def test_a_hidden_part_hides_its_cell_and_what_nobody_computed_is_not_known():
    rows = rows_of(compared.section(side(), EN))
    assert rows["More homes that pay a builder"] == ["too few lots to show"] * 3
    assert rows["Net gain in homes in 10 years"] == ["too few lots to show"] * 3
    unknown = side().records
    for one in unknown:
        one["funnel"] |= {"pays": None, "expected": None}
        one["net_homes"] = None
    rows = rows_of(compared.section(side(records=unknown), EN))
    for name in ("More homes that pay a builder", "Homes built in 10 years", "Net gain in homes in 10 years"):
        assert rows[name] == ["not known"] * 3, name


def test_a_place_the_records_do_not_tell_of_keeps_its_lots_and_says_so():
    told = compared.section(side(place="Elsewhere"), EN)
    assert [row["name"] for row in told["rows"]] == [
        "Lots where the rules allow a duplex",
        "Lots where it also fits",
    ]
    assert EN("compare.no_place") in told["note"]


def test_ledgers_stand_apart_by_channel_with_their_signs():
    told = compared.moves(side(), EN)
    assert told["heads"][1:] == ["Duplex by right", "Small lots"]
    groups = {group["name"]: rows_of(group) for group in told["groups"]}
    anyhow, regional, local, adverse = groups.values()
    assert anyhow[EN("compare.direct")] == ["up: +12 (+5 to +1,040)"] * 2
    assert anyhow[EN("compare.owner_stress")] == ["not known"] * 2
    assert regional[EN("compare.market")] == ["down: fewer than 5"] * 2
    assert local[EN("compare.market")] == ["unclear: fewer than 5 (-31 to +8)"] * 2
    assert adverse[EN("compare.market")] == ["the same"] * 2
    assert EN("compare.needs_owner_stress") in told["notes"]


def test_ledgers_that_cannot_be_computed_keep_their_table_and_say_what_they_need():
    records = [record(name, 3) for name in (TODAY.name, PLAN.name, OTHER.name)]
    told = compared.moves(side(records=records), EN)
    assert {cell for group in told["groups"] for row in group["rows"] for cell in row["cells"]} == {
        "not known"
    }
    assert told["notes"] == [EN("compare.needs_ledgers")]
    assert compared.scale(side(records=records), EN) is None


def test_a_comparison_is_plain_and_fit_for_everyone():
    made = side(today=TODAY, synthetic=True)
    assert grade.flesch_kincaid(grade.prose(html(made))) <= params.choice("grade_max", group="reports")
    assert grade.szigriszt(grade.prose(html(made, "es"))) >= params.choice("szigriszt_min", group="reports")
    assert "Duplex by right; Small lots" in html(made)


# --- words -------------------------------------------------------------------------------------------


def test_the_english_brief_is_at_most_grade_8():
    most = params.choice("grade_max", group="reports")
    rich = given(
        tracts=pd.DataFrame(
            {
                "tract_geoid": ["13121003100"],
                "share_of_place": [1.0],
                "pressure_class": ["higher"],
                "class_draw_share": [0.5],
                "acs_period": ["2020-2024"],
            }
        ),
        profile=profile(estimates=[estimate("renter_share", 0.62, 0.15, households=900.0)]),
        sampled=True,
        share_in_area=0.4,
    )
    for made in (rich, given(), given(0)):
        assert grade.flesch_kincaid(grade.prose(html(made))) <= most
    every = " ".join(
        f"{text}."
        for key, text in EN.phrases.items()
        if text and not key.startswith(("zones.", "change.", "funnel.plan_"))
    )
    assert grade.flesch_kincaid(every) <= most


def test_the_grade_tells_plain_from_hard():
    hard = "Notwithstanding jurisdictional considerations, municipalities occasionally necessitate reclassification."
    assert grade.flesch_kincaid(hard) > 20
    assert grade.flesch_kincaid("We have no lots here. That is a gap.") < 3


def test_the_spanish_brief_is_plain_by_a_spanish_formula():
    assert grade.szigriszt(grade.prose(html(given(), "es"))) >= params.choice(
        "szigriszt_min", group="reports"
    )


def test_every_language_has_every_sentence_with_the_same_blanks():
    for language in phrases.languages():
        other = phrases.load(language)
        for key, text in EN.phrases.items():
            blanks = set(re.findall(r"\{(\w+)\}", text))
            assert set(re.findall(r"\{(\w+)\}", other.phrases[key])) == blanks, (language, key)


def test_an_unknown_language_suggests_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'es'"):
        phrases.load("ess")


def test_an_unreviewed_translation_says_so():
    assert phrases.load("es")("head.unreviewed") in html(given(), "es")
    assert EN("head.synthetic") in html(given(synthetic=True))


# --- the gate, hostile text, pictures -------------------------------------------------------------------


def test_hostile_text_in_every_field_stays_text():
    evil = HOSTILE
    assisted = gpd.GeoDataFrame({"feature_name": [evil]}, geometry=[SHAPE.centroid], crs=CRS)
    sources = pd.DataFrame(
        [{"layer": "parcels", "title": evil, "vintage": evil, "attribution": "© " + evil, "licence": evil}]
    )
    tracts = pd.DataFrame(
        {
            "tract_geoid": [evil],
            "share_of_place": [1.0],
            "pressure_class": ["higher"],
            "class_draw_share": [0.9],
            "acs_period": [evil],
        }
    )
    made = given(
        place=evil, npus=[evil], area_name=evil, share_in_area=0.5, counties=[evil], version=evil, lock_hash=evil,
        plan=Policy(name=PLAN.name, title=evil, question="duplex"), lots=lots(neighborhood=[evil, "b"] * 6),
        zones=zones((evil, "C-1")), assisted=assisted, sources=sources, tracts=tracts, map_link=f"x#{evil}",
        profile=profile(estimates=[estimate("renter_share", 0.5, 0.1, evil, households=90.0)]),
    )  # fmt: skip
    text = html(made)
    assert "<img src=x" not in text
    assert "{{7*7}}" in re.findall(r"<h1[^>]*>(.*?)</h1>", text)[0]
    assert audit.faults(text) == []
    for svg in re.findall(r"svg\+xml;base64,([A-Za-z0-9+/=]+)", text):
        assert b"<img" not in base64.b64decode(svg)


def test_pages_fetch_and_run_nothing():
    text = html(given())
    assert "<script" not in text
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', text)
    assert "default-src 'none'" in text


GOOD = '<html lang="en"><title>T</title><h1>T</h1>{}</html>'


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<img src="data:image/png,">', "no alternative text"),
        ('<img src="data:image/png," alt=" ">', "no alternative text"),
        ('<img src="http://x/y.png" alt="a">', "outside the page"),
        ('<table><tr><th scope="col">a</th></tr></table>', "no caption"),
        ("<table><caption>c</caption><tr><td>a</td></tr></table>", "no th"),
        ("<table><caption>c</caption><tr><th>a</th></tr></table>", "no scope"),
        ("<h3>deep</h3>", "a level is left out"),
        ("<h1>two</h1>", "not one"),
        ("<script>1</script>", "runs or fetches"),
        ("<p onclick='x'>a</p>", "would run"),
        ('<a href=" JavaScript:x">a</a>', "href would run"),
        ("<svg></svg>", "no label"),
    ],
)
def test_the_gate_names_each_fault(body, fault):
    found = audit.faults(GOOD.format(body))
    assert len(found) == 1, found
    assert fault in found[0]


def test_the_gate_wants_a_title_and_a_language_and_tells_all_at_once():
    with pytest.raises(ValidationError) as told:
        audit.check("<html><h1>T</h1><title> </title><img src='data:image/png,'></html>", name="page")
    assert len(told.value.faults) == 3


def test_charts_are_the_same_bytes_and_mathematics_stays_text():
    rows = [{"name": "$\\alpha_1$ <b>", "today": 1, "yes": 4, "maybe": 3}]
    first, second = charts.dumbbell(rows, EN), charts.dumbbell(rows, EN)
    assert first == second
    assert "$\\alpha_1$ &lt;b&gt;" in first
    points = [Figure(years="1990", value=0.5, margin=None), Figure(years="2020-2024", value=0.4, margin=0.1)]
    drawn = charts.years([{"id": "renters", "form": "share", "points": points}], EN)
    assert "Renters" in drawn
    assert "50" in drawn


def test_the_seal_is_read_back_and_damage_is_told():
    facts = {"place": 'a"b', "lock": "1"}
    word = seal.pack(facts)
    assert seal.unpack(f'<meta name="densitymap" content="{word}">'.encode()) == facts
    assert seal.unpack(b"<html></html>") is None
    with pytest.raises(ValidationError, match="damaged"):
        seal.unpack(b'<meta name="densitymap" content="AAAA">')
