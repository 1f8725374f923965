"""Scenarios are lists of levers; a lever gives a new code and leaves the old one alone."""

import inspect
import re
from pathlib import Path

import pandas as pd
import pytest

from densitymap import params
from densitymap.errors import UsageError, ValidationError
from densitymap.scenarios.lever_faults import faults
from densitymap.scenarios.levers import KINDS
from densitymap.scenarios.policy import Scenario, apply, load_policy, load_scenario, scenario_names
from densitymap.scenarios.protections import kinds
from densitymap.zoning.code import standards

DISTRICTS = ["R-4", "R-4A", "R-4B", "R-5"]


@pytest.fixture(scope="module")
def today():
    return load_policy("atlanta")


def scenario(*levers):
    return Scenario(
        name="drawn", title="Drawn", question="duplex", summary="", source="", mark="A", levers=levers
    )


def value(policy, district, standard, use="any"):
    rows = policy.code.rows
    found = rows[(rows["district"] == district) & (rows["standard"] == standard) & (rows["use"] == use)]
    return found["value"].item()


def test_the_empty_list_changes_nothing(today):
    after = apply("no-change", today)
    pd.testing.assert_frame_equal(after.code.rows, today.code.rows)
    assert (after.levers, after.notes) == ((), ())


@pytest.mark.parametrize("name", scenario_names())
def test_every_shipped_scenario_applies_and_reaches_what_it_names(today, name):
    before = today.code.rows.copy(deep=True)
    after = apply(name, today)
    pd.testing.assert_frame_equal(today.code.rows, before)
    assert after.name == name
    known = ("changes the code and no number here", "supposed paved whatever is required")
    assert all(any(words in note for words in known) for note in after.notes)
    assert after.code.rows.duplicated(["district", "use", "standard"]).sum() == 0


def test_s1_duplex_ratio_is_the_districts_or_sixty_percent(today):
    after = apply("duplex-by-right", today)
    assert [value(after, d, "far_max", "duplex") for d in DISTRICTS] == [0.60, 0.60, 0.75, 0.60]
    assert [value(after, d, "units_max", "duplex") for d in DISTRICTS] == [2, 2, 2, 2]
    assert [value(after, d, "units_max") for d in DISTRICTS] == [2, 2, 2, 2]


def test_s2_triplex_ratio_is_the_districts_plus_a_tenth_or_seventy_percent(today):
    after = apply("triplex-by-right", today)
    assert [value(after, d, "far_max", "triplex") for d in DISTRICTS] == pytest.approx([0.7, 0.7, 0.85, 0.7])
    assert [value(after, d, "far_max", "duplex") for d in DISTRICTS] == [0.60, 0.60, 0.75, 0.60]
    assert [value(after, d, "units_max") for d in DISTRICTS] == [3, 3, 3, 3]


def test_s3_lowers_minimums_but_those_of_r4b_and_keeps_two_homes(today):
    after = apply("missing-middle-2021", today)
    assert [value(after, d, "lot_area_min_ft2") for d in DISTRICTS] == [5000, 5000, 2800, 5000]
    assert [value(after, d, "lot_width_min_ft") for d in DISTRICTS] == [40, 40, 40, 40]
    assert [value(after, d, "units_max") for d in DISTRICTS] == [2, 2, 2, 2]
    assert [value(after, d, "units_max", "duplex") for d in DISTRICTS] == [0, 0, 0, 2]
    for standard, asked in (
        ("adu_floor_area_max_ft2", 1000),
        ("adu_setback_side_ft", 4),
        ("adu_setback_rear_ft", 4),
        ("adu_attached_floor_area_min_ft2", 300),
        ("adu_attached_floor_area_max_ft2", 1000),
        ("adu_attached_share_of_main_max", 0.5),
        ("splits_by_right", 1),
    ):
        assert [value(after, d, standard) for d in DISTRICTS] == [asked] * 4


def test_a_value_changed_by_a_lever_says_so(today):
    rows = apply("small-lots", today).code.rows
    changed = rows[(rows["district"] == "R-4") & (rows["standard"] == "lot_area_min_ft2")]
    assert changed["verified_by"].item() == "changed by a lever"
    assert changed["mark"].item() == "A"


def test_all_faults_of_all_levers_are_told_at_once(today):
    bad = scenario(
        {"kind": "alow_use", "districts": ["R-4"], "use": "duplex", "units": 2},
        {
            "kind": "set_standard",
            "districts": ["R-4X"],
            "standard": "far_maximum",
            "value": 1,
            "use": "duplx",
        },
        {"kind": "allow_use", "district": ["R-4"], "use": "duplex", "units": -1},
        {"kind": "set_at_least", "districts": "R-4", "standard": "far_max", "value": float("nan")},
        {"kind": "set_standard", "districts": ["R-4"], "standard": ["far_max"], "value": 1},
        {"kind": "allow_use", "districts": ["R-4"], "use": "duplex", "units": 1.5},
    )
    with pytest.raises(ValidationError) as told:
        apply(bad, today)
    message = str(told.value)
    for part in (
        "lever 1: unknown kind 'alow_use'. Did you mean 'allow_use'?",
        "lever 2: atlanta has no district 'R-4X'. Did you mean 'R-4'?",
        "lever 2: unknown standard 'far_maximum'. Did you mean 'far_max'?",
        "lever 2: unknown use 'duplx'. Did you mean 'duplex'?",
        "lever 3: allow_use takes no 'district'. Did you mean 'districts'?",
        "lever 3: allow_use needs 'districts'",
        "lever 3: units of allow_use must be a number",
        "lever 4: districts must be a list",
        "lever 4: value of set_at_least must be a number",
        "lever 5: unknown standard ['far_max']",
        "lever 6: units of allow_use must be whole homes, not 1.5",
    ):
        assert part in message


@pytest.mark.parametrize("name", ["..toml", "...toml"])
def test_a_file_without_a_name_names_no_scenario(tmp_path, name):
    (tmp_path / name).write_text("version = 2\n")
    with pytest.raises(UsageError, match="cannot name a scenario"):
        load_scenario(tmp_path / name)


def test_a_file_of_another_editor_reads_the_same(tmp_path):
    """A byte order mark and lines ended the other way."""
    path = tmp_path / "mine.toml"
    text = 'title = "Zwölf"\nquestion = "duplex"\nsummary = "s"\nsource = "s"\nmark = "A"\n'
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert load_scenario(path).title == "Zwölf"


def set_area(to):
    return {"kind": "set_standard", "districts": ["R-4"], "standard": "lot_area_min_ft2", "value": to}


@pytest.mark.parametrize(
    "levers",
    [
        (set_area(5000), set_area(4000)),
        (set_area(5000), set_area(6000)),
        (
            {"kind": "allow_use", "districts": ["R-4"], "use": "triplex", "units": 3},
            {"kind": "set_at_most", "districts": ["R-4"], "standard": "units_max", "use": "triplex", "value": 0},
        ),
    ],
)  # fmt: skip
def test_levers_that_contradict_one_another_are_refused(today, levers):
    with pytest.raises(ValidationError, match=r"lever 2 makes .* lever 1 made it"):
        apply(scenario(*levers), today)


def test_levers_that_agree_are_not_a_contradiction(today):
    after = apply(
        scenario(
            {"kind": "allow_use", "districts": ["R-4"], "use": "duplex", "units": 2},
            {"kind": "allow_use", "districts": ["R-4"], "use": "triplex", "units": 3},
            set_area(5000),
            set_area(5000),
        ),
        today,
    )
    assert value(after, "R-4", "units_max") == 3


def test_a_lever_that_reaches_nothing_says_so(today):
    lever = {"kind": "set_at_least", "standard": "coverage_max", "value": 0.9}
    alone = apply(scenario(lever | {"districts": ["PD-H"]}), today)
    assert "reaches no district" in alone.notes[0]
    some = apply(scenario(lever | {"districts": ["PD-H", "R-4"]}), today)
    assert "reaches not PD-H" in some.notes[0]
    assert value(some, "R-4", "coverage_max") == 0.9


def test_an_unknown_scenario_suggests_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'duplex-by-right'"):
        load_scenario("duplex-by-rigth")


def test_a_scenario_may_extend_others_but_not_itself(tmp_path):
    folder = tmp_path / "scenarios"
    folder.mkdir()
    head = 'title="T"\nquestion="duplex"\nsummary="s"\nsource="s"\nmark="A"\n'
    (folder / "a.toml").write_text(head + 'extends=["b"]\n')
    (folder / "b.toml").write_text(head + 'extends=["a"]\n')
    with pytest.raises(ValidationError, match="a > b > a"):
        load_scenario("a", extra=tmp_path)
    (folder / "c.toml").write_text('extend=["a"]\nquestion="what"\n')
    with pytest.raises(ValidationError) as told:
        load_scenario("c", extra=tmp_path)
    for part in ("title is missing", "unknown field 'extend'. Did you mean 'extends'?", "question must be"):
        assert part in str(told.value)


def test_a_scenario_that_two_others_extend_is_pulled_once(tmp_path):
    head = 'title = "t"\nquestion = "house"\nsummary = "s"\nsource = "s"\nmark = "A"\n'
    half = '[[lever]]\nkind = "scale_standard"\ndistricts = ["R-4"]\nstandard = "far_max"\nfactor = 0.5\n'
    folder = tmp_path / "scenarios"
    folder.mkdir()
    for name, more in {
        "half": half, "one": 'extends = ["half"]\n', "two": 'extends = ["half"]\n',
        "both": 'extends = ["one", "two"]\n' + half,
    }.items():  # fmt: skip
        (folder / f"{name}.toml").write_text(head + more)
    both = apply("both", load_policy("atlanta"), extra=tmp_path)
    assert len(both.levers) == 2
    assert value(both, "R-4", "far_max") == 0.125


def test_s2_holds_every_lever_of_s1():
    one, two = load_scenario("duplex-by-right"), load_scenario("triplex-by-right")
    assert two.levers[: len(one.levers)] == one.levers


def test_a_use_that_is_allowed_leaves_a_total_nobody_has_read_unread(today):
    after = apply(
        scenario({"kind": "allow_use", "districts": ["LW", "R-4B"], "use": "adu", "units": 1}), today
    )
    rows = after.code.rows.set_index(["district", "use", "standard"])["value"]
    assert ("LW", "any", "units_max") not in rows.index
    assert (rows["LW", "adu", "units_max"], rows["R-4B", "any", "units_max"]) == (1, 2)


def test_a_new_floor_area_ratio_is_of_the_land_the_districts_own_is_of(today):
    lever = {
        "kind": "derive_standard",
        "districts": ["RG-3", "LW", "R-4"],
        "standard": "far_max",
        "use": "duplex",
    }
    rows = apply(scenario(lever | {"plus": 0.1}), today).code.rows.query(
        "standard == 'far_max' and use == 'duplex'"
    )
    assert rows.set_index("district")["basis"][["RG-3", "LW", "R-4"]].tolist() == ["gross", "unstated", "net"]


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.8, ["lever 1 (set_at_least far_max) leaves duplex in R-5 as it is"]), (0.6, [])],
)
def test_a_lever_for_any_use_says_which_use_it_leaves(today, value, said):
    pulled = {"kind": "set_at_least", "districts": ["R-4", "R-5"], "standard": "far_max", "value": value}
    assert [note[: len(said[0])] for note in apply(scenario(pulled), today).notes] == said
    both = apply(scenario(pulled, {**pulled, "use": "duplex"}), today)
    assert both.notes == ()


@pytest.mark.parametrize(("units", "notes"), [(4, 0), (5, 1), (float("inf"), 1)])
def test_buildings_of_more_homes_than_are_counted_are_told(today, units, notes):
    pulled = lever("allow_use", use="multi", units=units)
    assert len(apply(scenario(pulled), today).notes) == notes


def test_a_lever_on_a_standard_nothing_judges_says_so(today):
    shops = {"kind": "set_standard", "districts": ["R-4"], "standard": "nonresidential_far_max", "value": 0}
    size = {**shops, "standard": "lot_area_min_ft2", "value": 5000}
    (note,) = apply(scenario(size, shops), today).notes
    assert note.startswith(
        "lever 2 (set_standard nonresidential_far_max) changes the code and no number here"
    )
    assert "lever 1" not in note


@pytest.mark.parametrize(("stalls", "notes"), [(0, 1), (1, 1), (2, 0)])
def test_less_parking_than_is_paved_anyway_is_told(today, stalls, notes):
    pulled = lever("set_standard", standard="parking_min_per_unit", value=stalls)
    said = [note for note in apply(scenario(pulled), today).notes if "whatever is required" in note]
    assert len(said) == notes


def test_the_standards_that_nothing_judges_are_those_no_code_names():
    """Whoever comes to judge one of them must take it off the list, and the other way about."""
    root = Path(params.__file__).parent
    parts = ("capacity", "feasibility", "scenarios", "zoning")
    code = " ".join(path.read_text() for part in parts for path in (root / part).rglob("*.py"))
    named = {name for name in standards() if re.search(rf"\b{name}\b", code)}
    assert {*params.load("levers", "no_effect")} == {*standards()} - named


def kept(share=None, where=None):
    lever = {"kind": "tenure_protection"} | ({} if share is None else {"kept_share": share})
    return lever | ({} if where is None else {"where": where})


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (kept(0.2), kept(0.6), "lever 2 gives tenure_protection everywhere kept_share 0.6, lever 1 0.2"),
        (kept(), kept(0.4), "kept_share 0.4, lever 1 0.4 (0.2 to 0.6)"),
        (kept(0.2), kept(0.2), "lever 2 repeats lever 1: tenure_protection everywhere; leave one out"),
        (kept(0.2, {"npu": ["N"]}), kept(0.6), "kept_share 0.6, lever 1 0.2 npu N"),
        (kept(0.2, {"npu": ["N", "O"]}), kept(0.6, {"npu": ["O", "W"]}), "kept_share 0.6, lever 1 0.2"),
    ],
)
def test_one_protection_twice_in_a_place_is_refused(today, one, other, said):
    with pytest.raises(ValidationError) as told:
        apply(scenario(one, other), today)
    assert said in str(told.value)


def test_one_protection_in_two_places_apart_and_two_protections_in_one_are_no_contradiction(today):
    here, there = kept(0.2, {"npu": ["N"]}), kept(0.6, {"npu": ["O"]})
    assert len(apply(scenario(here, there, {"kind": "no_net_loss"}), today).protections) == 3


def test_protections_whose_places_only_lots_can_tell_are_refused_on_the_lots(today):
    near, named = {"near": "rail_stations", "within_ft": 2640}, {"npu": ["N"]}
    policy = apply(scenario(kept(0.2, near), kept(0.6, named)), today)
    first, second = (place.key for place in policy.all_places)
    apart = pd.DataFrame({first: [True, False, pd.NA], second: [False, True, True]}, dtype="boolean")
    policy.refuse_repeated(apart)
    with pytest.raises(ValidationError, match=r"lever 1 0\.2 within 2,640 ft .* \(both bind on 1 lot\)"):
        policy.refuse_repeated(apart.assign(**{second: True}).iloc[:2])


def lever(kind, **fields):
    return {"kind": kind, "districts": ["R-4"], **fields}


@pytest.mark.parametrize(
    ("pulled", "said"),
    [
        (lever("set_standard", standard="splits_by_right", value=7), "splits_by_right is a yes or no and must be 1 or 0, not 7"),
        (lever("set_at_most", standard="saleable_apart", value=0.5), "saleable_apart is a yes or no"),
        (lever("scale_standard", standard="splits_by_right", factor=2), "splits_by_right is a yes or no: use set_standard"),
        (lever("allow_use", use="triplex", units=50), "one triplex holds at most 3 homes, not 50"),
        (lever("allow_use", use="house", units=2), "one house holds at most 1 home, not 2"),
        (lever("allow_use", use="adu", units=2), "one adu holds at most 1 home"),
        (lever("allow_use", use="duplex", units=0), "units of allow_use must be at least 2: forbid_use"),
        (lever("allow_use", use="duplex", units=1), "one duplex is at least 2 homes, not 1"),
        (lever("allow_use", use="cottage_court", units=2), "one cottage_court is at least 3 homes, not 2"),
        (lever("allow_use", use="duplex", units=float("inf")), "one duplex holds at most 2 homes, not inf"),
        (lever("set_standard", standard="units_max", use="triplex", value=50), "one triplex holds at most 3 homes"),
        (lever("set_standard", standard="units_max", value=2.5), "units_max must be whole homes, not 2.5"),
        (lever("allow_splits", unit="furlong"), "allow_splits takes no 'unit': it has no number"),
        (lever("forbid_use", use="house", unit="homes"), "forbid_use takes no 'unit'"),
        (lever("allow_use", use="duplex", units=2, unit="home"), "unit is 'home'; units of allow_use is in 'homes'. Did you mean 'homes'?"),
        (lever("scale_standard", standard="far_max", factor=2, unit="ft2"), "factor of scale_standard is in 'ratio'"),
        (lever("scale_standard", standard="far_max", factor=float("inf")), "factor of scale_standard must be a finite"),
        (lever("derive_standard", standard="coverage_max", use="duplex", plus=3), "plus of coverage_max is a share"),
        (lever("derive_standard", standard="lot_area_min_ft2", use="duplex", plus=-1), "plus of derive_standard must be a number of at least 0"),
        (lever("set_standard", standard="lot_area_min_ft2", value=float("inf")), "must be a finite number"),
        (lever("set_standard", standard="lot_area_min_ft2", value=10**400), "value is too large a number"),
        (lever("scale_standard", standard="lot_area_min_ft2", factor=1e308), "factor is too large a number"),
        (lever("set_standard", standard="lot_area_min_ft2", value="5000"), "must be a number of at least 0, not '5000'"),
        (lever("set_standard", standard="lot_area_min_ft2", value=True), "must be a number of at least 0, not True"),
        (lever("set_standard", standard="lot_area_min_ft2", value=5000, where={"near": "beltline", "within_ft": 10**400}), "within_ft is too large"),
        ({"kind": "tenure_protection", "kept_share": 10**400}, "kept_share is too large"),
        ({"kind": "allow_splits", "districts": [["R-4"]]}, "has no district ['R-4']"),
    ],
)  # fmt: skip
def test_values_and_units_that_mean_nothing_are_refused(today, pulled, said):
    with pytest.raises(ValidationError) as told:
        apply(scenario(pulled), today)
    assert said in str(told.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrong", [-1, float("nan"), "much", True, 10**400, [], {}, None])
def test_no_parameter_of_any_lever_takes_what_it_cannot_mean(today, kind, wrong):
    """Every kind, every parameter, one wrong value at a time: one clear refusal and never a traceback."""
    right = {
        "districts": ["R-4"], "standard": "lot_area_min_ft2", "use": "duplex", "from_use": "any", "value": 5000,
        "factor": 0.5, "plus": 10, "at_least": 10, "units": 2,
    }  # fmt: skip
    takes = [name for name in inspect.signature(KINDS[kind]).parameters if name != "code"]
    given = {name: right[name] for name in takes}
    assert not [*faults({"kind": kind, **given}, today.code)]
    for name in (*takes, "unit", "where"):
        assert [*faults({"kind": kind, **given, name: wrong}, today.code)], name


@pytest.mark.parametrize("kind", kinds())
def test_no_parameter_of_any_protection_takes_what_it_cannot_mean(today, kind):
    for name in (*kinds()[kind]["parameters"], "where", "not_a_parameter"):
        for wrong in (
            -1,
            float("nan"),
            float("inf"),
            "much",
            True,
            10**400,
            1e300,
            [],
            {},
            {"value": 1, "low": 2},
        ):
            assert [*faults({"kind": kind, name: wrong}, today.code)], (name, wrong)
    assert not [*faults({"kind": kind}, today.code)]


@pytest.mark.parametrize(
    "pulled",
    [
        lever("set_standard", standard="far_max", value=float("inf")),
        lever("set_standard", standard="splits_by_right", value=1, unit="flag"),
        lever("set_standard", standard="units_max", use="duplex", value=0),
        lever("allow_use", use="cottage_court", units=8, unit="homes"),
        lever("scale_standard", standard="lot_area_min_ft2", factor=3, unit="ratio"),
        lever("set_standard", standard="parking_min_per_unit", value=0, unit="spaces/home"),
    ],
)
def test_values_that_mean_something_are_taken(today, pulled):
    assert apply(scenario(pulled), today).levers == (pulled,)
