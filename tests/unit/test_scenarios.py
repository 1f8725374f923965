"""Scenarios evaluated on a built sample: relations between them, what is kept, what is refused."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from commands import densitymap
from densitymap.cli import scenario as cli
from densitymap.cli.console import SETTINGS
from densitymap.errors import (
    DensitymapError,
    DensitymapWarning,
    MissingDataError,
    UsageError,
    ValidationError,
)
from densitymap.pipeline import ordinance as papers
from densitymap.pipeline import scenario_files, scenarios
from densitymap.pipeline.workspace import Workspace
from densitymap.scenarios.document import Scenario, scenario_toml
from densitymap.scenarios.evaluate import evaluate
from densitymap.scenarios.ordinance import schedule, screen
from densitymap.scenarios.ordinance_read import scenario_from
from densitymap.scenarios.policy import apply, load_policy, load_scenario, scenario_names
from densitymap.scenarios.record import Needs, Outcome, record
from densitymap.zoning.standards import law_table
from known_homes import copied

DRAWS = 20
WHERE = {"neighborhood": ["Kirkwood"]}


@pytest.fixture(scope="module")
def space(sample_space, tmp_path_factory):
    """The shared sample, copied, with homes known on every lot, so that everything can be computed."""
    folder = tmp_path_factory.mktemp("scenarios") / "space"
    return copied(sample_space, folder)


@pytest.fixture(scope="module")
def loaded(space):
    return scenarios.load_ground(space, n_draws=DRAWS)


@pytest.fixture(scope="module")
def today():
    return load_policy("atlanta")


@pytest.fixture(scope="module")
def outcomes(loaded, today):
    """Outcomes by name, each evaluated once."""
    kept = {"no-change": loaded.base}

    def of(name):
        if name not in kept:
            kept[name] = loaded.outcome(apply(name, today))
        return kept[name]

    return of


def drawn(*levers, name="drawn", **more):
    return Scenario(
        name=name, title="Drawn", question="duplex", summary="s", source="s", mark="A", levers=levers, **more
    )


def told(loaded, outcome):
    return record(outcome, loaded.base, loaded.needs, makeup=loaded.people)


def numbers(said):
    return {
        key: value for key, value in said.items() if key not in ("name", "title", "summary", "difference")
    }


def test_the_empty_scenario_is_no_change_to_the_digit(loaded, today):
    empty = told(loaded, loaded.outcome(apply(drawn(name="empty"), today)))
    assert numbers(empty) == numbers(told(loaded, loaded.base))


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ("no-change", "duplex-by-right"),
        ("duplex-by-right", "duplex-any-lot-of-record"),
        ("duplex-by-right", "triplex-by-right"),
        ("triplex-by-right", "triplex-any-lot-of-record"),
        ("triplex-near-rail", "triplex-any-lot-of-record"),
        ("no-change", "memorial-drive-corridor"),
    ],
)
def test_loosening_never_lowers_what_is_allowed_or_fits_on_any_lot(outcomes, less, more):
    one, other = outcomes(less).results.stages, outcomes(more).results.stages
    for column in ("allowed_true", "allowed_may", "fits_true", "fits_may"):
        before, after = (table[column].to_numpy(float, na_value=np.nan) for table in (one, other))
        assert not (after < before).any(), column


def test_a_stage_never_exceeds_the_one_before(outcomes):
    stages = outcomes("triplex-near-rail").stages
    for ending in ("true", "may"):
        columns = [f"{stage}_{ending}" for stage in ("allowed", "fits", "pays_developer")]
        table = stages[columns].astype(float).dropna()
        assert (table.diff(axis=1).iloc[:, 1:] <= 0).to_numpy().all()


def test_places_add_up_to_the_whole(loaded, outcomes):
    said = told(loaded, outcomes("triplex-near-rail"))
    for level in ("neighborhood", "npu", "zone_district"):
        rows = said[f"by_{level}"]
        assert sum(row["lots"] for row in rows) == said["lots"]
        for stage in ("allowed", "fits"):
            for part in ("funnel", "maybe"):
                assert sum(row[part][stage] for row in rows) == said[part][stage]


def test_a_scenario_of_a_place_changes_nothing_outside_it(loaded, outcomes, today):
    lever = {"kind": "allow_use", "districts": ["R-4", "R-4A"], "use": "triplex", "units": 3, "where": WHERE}
    waive = {"kind": "waive_minimums", "districts": ["R-4", "R-4A"], "use": "triplex", "where": WHERE}
    found = loaded.outcome(apply(drawn(lever, waive), today)).results
    outside = (found.lots["neighborhood"] != "Kirkwood").to_numpy(bool, na_value=True)
    pd.testing.assert_frame_equal(found.stages[outside], loaded.base.results.stages[outside])
    assert (found.stages["allowed_may"] > loaded.base.results.stages["allowed_may"]).sum() > 0
    assert found.reached == (int((~outside & found.lots["zone_district"].isin(["R-4", "R-4A", "R-4-C", "R-4A-C"])).sum()),) * 2  # fmt: skip


def test_the_order_of_lots_does_not_matter(loaded, today):
    policy = apply("triplex-by-right", today)
    turn = np.arange(len(loaded.scene.lots))[::-1]
    from densitymap.scenarios.ground import part_of  # noqa: PLC0415 (only this test turns the ground)

    turned = replace(
        loaded.scene,
        lots=loaded.scene.lots.iloc[turn].reset_index(drop=True),
        ground=part_of(loaded.scene.ground, turn),
    )
    one, other = evaluate(loaded.scene, policy).stages, evaluate(turned, policy).stages
    pd.testing.assert_frame_equal(one, other.iloc[::-1].reset_index(drop=True))


@pytest.mark.parametrize("name", scenario_names())
def test_every_shipped_scenario_reads_back_from_what_is_written(name, tmp_path):
    scenario = load_scenario(name)
    path = tmp_path / f"{name}.toml"
    path.write_text(scenario_toml(scenario))
    assert load_scenario(path) == scenario


def test_hostile_texts_read_back_the_same(tmp_path):
    evil = 'a"b\\c\n<img onerror=x>${y}\t\x7f\x00é\u2028=cmd'
    scenario = replace(drawn({"kind": "allow_use", evil: [evil, 1.5, float("inf"), True]}), title=evil)
    path = tmp_path / "drawn.toml"
    path.write_text(scenario_toml(scenario), encoding="utf-8")
    assert load_scenario(path) == scenario


@pytest.mark.parametrize("name", ["missing-middle-2021-with-protections", "memorial-drive-corridor"])
def test_a_schedule_reads_back_as_the_same_law(loaded, outcomes, today, name):
    outcome = outcomes(name)
    paper = schedule(outcome.results, loaded.base.results)
    again = apply(scenario_from(json.loads(json.dumps(paper))), today)
    policy = outcome.results.policy
    for held in ([False] * len(policy.places), [True] * len(policy.places)):
        one, other = (law_table(p.inside(held).code, today.code.uses[1:]) for p in (policy, again))
        pd.testing.assert_frame_equal(one, other)
    assert again.protections == policy.protections


def test_a_fourplex_is_told_beside_the_other_forms_and_counted_in_the_schedule(loaded, today):
    lever = {"kind": "allow_use", "districts": ["R-4"], "use": "multi", "units": 4}
    waive = {"kind": "waive_minimums", "districts": ["R-4"], "use": "multi"}
    outcome = loaded.outcome(apply(drawn(lever, waive), today))
    found = {row["form"]: row for row in told(loaded, outcome)["homes_by_form"]}
    lots = outcome.results.lots
    large = lots["zone_district"].isin(["R-4", "R-4-C"]) & (lots["lot_area_ft2"] > 3264 / 0.5 * 1.03)
    assert found["multi"]["lots_reached"] >= large.sum() > 0
    assert found["multi"]["homes_saleable_max"] == 4 * found["multi"]["lots_reached"]
    assert found["duplex"]["lots_reached"] == 0
    (row,) = [
        row
        for row in schedule(outcome.results, loaded.base.results)["rows"]
        if (row["use"], row["standard"]) == ("multi", "units_max")
    ]
    assert (
        large.sum() <= row["lots_newly_lawful"] <= found["multi"]["lots_reached"]
    )  # of split lots the main district
    assert row["value_now"] == 0


def test_a_schedule_of_places_that_overlap_reads_back(loaded, today):
    npu = loaded.scene.lots.loc[loaded.scene.lots["neighborhood"] == "Kirkwood", "npu"].dropna().iloc[0]
    lever = {"kind": "set_at_most", "districts": ["R-4", "R-4A"], "standard": "lot_area_min_ft2"}
    levers = [lever | {"value": 5000, "where": {"npu": [npu]}}, lever | {"value": 4000, "where": WHERE}]
    everywhere = {"kind": "set_at_most", "districts": ["R-4A"], "standard": "lot_area_min_ft2", "value": 7000}
    found = loaded.outcome(apply(drawn(everywhere, *levers), today)).results
    paper = schedule(found, loaded.base.results)
    again = loaded.outcome(apply(scenario_from(json.loads(json.dumps(paper))), today)).results
    pd.testing.assert_frame_equal(again.allowed.drop(columns="policy"), found.allowed.drop(columns="policy"))


def test_a_schedule_tells_the_value_in_force_now_and_leaves_out_what_stays(loaded, outcomes):
    paper = schedule(outcomes("duplex-by-right").results, loaded.base.results)
    found = {(row["district"], row["use"], row["standard"]): row for row in paper["rows"]}
    told = {cell: (row["value_now"], row["value_proposed"]) for cell, row in found.items()}
    assert told == {
        ("R-4", "duplex", "far_max"): (0.5, 0.6),  # what any use has now
        ("R-4", "duplex", "units_max"): (0, 2),
        ("R-4A", "duplex", "far_max"): (0.5, 0.6),
        ("R-4A", "duplex", "units_max"): (0, 2),
        ("R-4B", "duplex", "units_max"): (0, 2),  # 0.75 stays as it is for any use
        ("R-4B", "any", "units_max"): (1, 2),
    }  # R-5 allows duplexes already


def test_a_schedule_on_screen_tells_every_change_under_its_district(loaded, outcomes):
    found = schedule(outcomes("triplex-near-rail").results, loaded.base.results)
    said = [*screen(found)]
    assert sum(" now, " in line for line in said) == len(found["rows"]) > 10
    row = next(row for row in found["rows"] if row["district"] == "R-5" and row["standard"] == "far_max")
    at = said.index(f"R-5, within 2,640 ft of rail stations: {row['lots_affected']:,} lots")
    (told,) = [line for line in said[at:] if line.startswith(f"  {row['use']}, largest floor area")]
    assert "[ratio]: 0.5 now, 0.7 proposed" in told
    assert f"{row['lots_newly_lawful']:,} newly lawful" in told
    assert "section unread" in told
    flags = [line for line in said if "whatever its size" in line]
    assert flags
    assert all("no now, yes proposed" in line for line in flags)


def test_a_scenario_is_shown_in_words_not_in_signs_of_its_format(space, tmp_path, monkeypatch, capsys):
    path = tmp_path / "drawn.toml"
    path.write_text(
        HEAD
        + '[[lever]]\nkind = "set_standard"\ndistricts = ["R-4", "R-5"]\nstandard = "far_max"\nvalue = inf\n'
        + 'where = { near = "rail_stations", within_ft = 2640 }\n'
        + "[[lever]]\nkind = 'tenure_protection'\nkept_share = { value = 0.5, low = 0.2, high = 0.6 }\n"
    )
    monkeypatch.setattr(SETTINGS, "workspace", space)
    cli.scenario("show", str(path))
    said = capsys.readouterr().err
    assert (
        "1. set_standard: districts R-4, R-5; standard far_max; value no limit; within 2,640 ft of rail"
        in said
    )
    assert "2. tenure_protection: kept_share value 0.5, low 0.2, high 0.6" in said
    cli.scenario("show", "no-change")
    assert "Source: catalog/codes/atlanta.toml (S)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (
            {"district": "R-44"},
            ValidationError,
            "lever 1: atlanta has no district 'R-44'. Did you mean 'R-4'",
        ),
        ({"value_proposed": "-2"}, ValidationError, "must be a number of at least 0, not -2"),
        ({"scenario_title": ""}, ValidationError, "title is empty"),
        ({"scenario_question": "duplx"}, ValidationError, "Did you mean 'duplex'"),
        ({"scenario_name": "../../x"}, UsageError, "cannot name a file"),
    ],
)
def test_a_schedule_that_says_no_scenario_is_refused_and_nothing_is_written(
    loaded, outcomes, tmp_path, change, error, said
):
    paper = tmp_path / "paper.csv"
    papers.write(schedule(outcomes("duplex-by-right").results, loaded.base.results), paper)
    table = pd.read_csv(paper, dtype=str, keep_default_na=False)
    table.assign(**change).iloc[:1].to_csv(paper, index=False)
    with pytest.raises(error, match=re.escape(said)):
        papers.scenario_from(paper, None)
    assert [path.name for path in tmp_path.iterdir()] == ["paper.csv"]


def test_a_schedule_too_deep_to_read_is_no_schedule(tmp_path):
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(ValidationError, match=r"deep\.json is not JSON"):
        papers.scenario_from(tmp_path / "deep.json", None)


def test_a_schedule_of_no_change_reads_back_too(loaded, today, tmp_path):
    base = loaded.base.results
    for ending in (".csv", ".json"):
        papers.write(schedule(base, base), tmp_path / f"none{ending}")
        papers.scenario_from(tmp_path / f"none{ending}", tmp_path / "back.toml")
        assert apply(tmp_path / "back.toml", today).levers == ()


def test_a_schedule_counts_lots_of_each_row(loaded, outcomes):
    paper = schedule(outcomes("small-lots").results, loaded.base.results)
    rows = {(row["district"], row["standard"]): row for row in paper["rows"]}
    row = rows["R-4", "lot_area_min_ft2"]
    lots = loaded.scene.lots
    mine = lots[lots["zone_district"].isin(["R-4", "R-4-C"])]
    assert (row["value_now"], row["value_proposed"], row["unit"]) == (9000, 5000, "ft2")
    assert row["lots_meeting_now"] == int((mine["lot_area_ft2"] >= 9000).sum())
    assert row["lots_meeting_proposed"] == int((mine["lot_area_ft2"] >= 5000).sum())
    assert row["lots_affected"] >= row["lots_newly_lawful"] >= 0
    assert row["is_section_unread"]
    assert "not legal text" in paper["note"]


def test_compare_answers_as_the_issue_asks_and_keeps_what_it_said(space):
    run = ("compare", "duplex-by-right", "triplex-near-rail", "--draws", DRAWS, "-w", space.root, "--json")
    first = densitymap(*run)
    assert first.code == 0, first.err
    again = scenarios.compare(space, ["duplex-by-right", "triplex-near-rail"], n_draws=DRAWS)
    assert json.loads(first.out) == json.loads(json.dumps(again))
    said = json.loads(first.out)["scenarios"]
    assert [one["name"] for one in said] == ["no-change", "duplex-by-right", "triplex-near-rail"]
    for one in said:
        assert {"funnel", "maybe", "demolitions", "net_homes", "ledgers", "rho_star", "difference"} <= {*one}
        assert isinstance(one["funnel"]["allowed"], int)
        assert set(one["funnel"]["expected"]) == {"p10", "p50", "p90"}
    assert said[0]["difference"] is None
    assert said[2]["difference"]["fits"] == said[2]["funnel"]["fits"] - said[0]["funnel"]["fits"]
    kept = json.loads((space.results / "scenarios" / "triplex-near-rail" / "run.json").read_text())
    assert kept["record"] | {"what_happened_here": said[2]["what_happened_here"]} == said[2]
    assert {"parcels", "code_and_catalogue", "seed", "draws", "levers_hash"} <= {*kept["manifest"]}
    places = pd.read_parquet(space.results / "scenarios" / "triplex-near-rail" / "places.parquet")
    assert "parcel_id" not in places
    assert places.loc[places["level"] == "npu", "allowed"].sum() == said[2]["funnel"]["allowed"]


def test_people_of_places_are_told_and_no_household_is(loaded, outcomes):
    falls = told(loaded, outcomes("triplex-near-rail-with-protections"))["where_it_falls"]
    assert {"everybody", "homes_that_fit", "homes_expected", "demolitions"} <= {*falls}
    assert "protection: Tenure protection and relocation help" in falls
    people = loaded.people
    share = people["black"].sum() / people["population"].sum()
    assert falls["everybody"]["black"] == pytest.approx(share, abs=0.001)
    assert all(
        0 <= value <= 1 for group in falls.values() if isinstance(group, dict) for value in group.values()
    )


def test_a_scenario_that_makes_houses_unlawful_is_counted(loaded, today):
    larger = {"kind": "scale_standard", "districts": ["R-4"], "standard": "lot_area_min_ft2", "factor": 100}
    none = {"kind": "set_standard", "districts": ["R-4"], "standard": "lot_of_record_exempt", "use": "house", "value": 0}  # fmt: skip
    said = told(loaded, loaded.outcome(apply(drawn(larger, none), today)))
    assert 0 < said["houses_made_unlawful"] <= said["levers"][0]["lots_reached"]


FORBID = {"kind": "forbid_use", "districts": ["R-4", "R-5"], "use": "house"}
TRIPLE = {"kind": "scale_standard", "districts": ["R-4"], "standard": "lot_area_min_ft2", "factor": 3}


@pytest.mark.parametrize("lever", [FORBID, TRIPLE])
def test_validate_warns_in_the_words_and_counts_of_the_run_and_of_the_schedule(
    space, loaded, tmp_path, lever
):
    path = tmp_path / "drawn.toml"
    path.write_text(scenario_toml(drawn(lever)))
    with pytest.warns(DensitymapWarning, match=r"makes a house unlawful|fall below"):
        checked = scenario_files.validate(space, str(path))
    outcome = loaded.outcome(apply(drawn(lever), load_policy(loaded.city.code)))
    said = told(loaded, outcome)
    assert checked["warnings"] == said["warnings"]
    paper = schedule(outcome.results, loaded.base.results)
    assert f"{said['warnings'][0][1:]}." in paper["unlawful"][0]
    assert paper["unlawful"][0] in "\n".join(papers.lines(paper))
    counted = sum(row["lots_newly_nonconforming"] for row in paper["rows"])
    assert counted == said["houses_unlawful"]["lots_newly_nonconforming"]
    below = said["lots_below_minimum"]
    assert below["lots_proposed"] == below["lots_now"] + below["lots_newly"]
    assert (below["lots_newly"] > 0) == (lever is TRIPLE)


def _drawn(coordinates, kind="Polygon"):
    shape = {"type": kind, "coordinates": coordinates if kind == "Point" else [coordinates]}
    feature = {"type": "Feature", "properties": {}, "geometry": shape}
    return json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()


HEAD = 'title = "T"\nquestion = "duplex"\nsummary = "s"\nsource = "s"\nmark = "A"\n'
LEVER = '[[lever]]\nkind = "allow_use"\ndistricts = ["R-4"]\nuse = "duplex"\nunits = 2\n'


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (HEAD + LEVER + 'where = { neighborhood = ["Kirkwod"] }\n', 5, "Did you mean 'Kirkwood'"),
        (HEAD + LEVER.replace('"R-4"', '"R-1"'), 5, "lever 1 (allow_use in R-1) reaches no lot"),
        (HEAD + LEVER + 'where = { near = "rail_stations", within_ft = 0 }\n', 5, "reaches no lot"),
        (HEAD + LEVER.replace("allow_use", "alow_use"), 5, "Did you mean 'allow_use'"),
        ("version = 3\n" + HEAD, 5, "newer than this densitymap"),
        ("version = 0\n" + HEAD, 5, "older than any"),
        (HEAD + '[[lever]]\nkind = "tenure_protection"\nkept_share = 1.5\n', 5, "between 0 and 1"),
        (HEAD + '[[lever]]\nkind = "tenure_protection"\nkept_shar = 0.5\n', 5, "Did you mean 'kept_share'"),
        (HEAD + '[[lever]]\nkind = "set_standard"\ndistricts = ["R-4"]\nstandard = "lot_area_min_ft2"\nvalue = 1\nunit = "acres"\n', 5, "is in 'ft2'"),
        (HEAD + 'extends = ["triplex-near-rial", "../../x"]\n', 5, "named 'triplex-near-rial'. Did you mean 'triplex-near-rail'?\n  extends: there is no scenario named '../../x'"),
        (HEAD.replace('"T"', '" "').replace('"A"', '"Z"').replace('"duplex"', '"duplx"'), 5, "title is empty\n  question must be one of second_home, house, adu, duplex, triplex, not 'duplx'. Did you mean 'duplex'?\n  mark must be one of V, S, M, A"),
        (HEAD + LEVER + 'where = { neighborhood = ["Kirkwod", "East Lke"] }\n' + LEVER + 'where = { area = "Reynoldstwn" }\n', 5, "bad, lever 1: where: no lot here lies in neighborhood 'Kirkwod'. Did you mean 'Kirkwood'?\n  bad, lever 1: where: no lot here lies in neighborhood 'East Lke'. Did you mean 'East Lake'?\n  bad, lever 2: where: There is no area named 'Reynoldstwn'. Did you mean 'Reynoldstown'"),
        (HEAD + LEVER + 'where = { area = "nowhere.geojson" }\n', 3, "bad, lever 1: where: nowhere.geojson: no such file"),
        (HEAD + LEVER + 'where = { polygon = "POLYGON((-84.36 33.74,-84.34 33.76,-84.34 33.74,-84.36 33.755,-84.36 33.74))" }\n', 5, "Self-intersection"),
        (HEAD + '[[lever]]\nkind = "set_standard"\ndistricts = ["R-4"]\nstandard = "coverage_max"\nvalue = 55\n', 5, "between 0 and 1"),
        ("lever = 5\n" + HEAD, 5, "[[lever]] tables"),
        ("title = [", 5, "not valid TOML"),
        ("", 5, "title is missing"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_ends_in_one_clear_error(space, tmp_path, text, code, said):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(DensitymapError) as fault:
        scenario_files.validate(space, str(path))
    assert fault.value.exit_code == code
    assert said in str(fault.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"type": "Feature', "cannot be read"),
        (b"\x00\xff" * 50, "cannot be read"),
        (
            _drawn([[2230000, 1360000], [2240000, 1360000], [2240000, 1370000], [2230000, 1360000]]),
            "lie outside",
        ),
        (_drawn([[10, 50], [11, 50], [11, 51], [10, 50]]), "lie outside"),
        (_drawn([-84.3, 33.7], "Point"), "holds no polygon"),
        (b'{"type": "FeatureCollection", "features": []}', "holds no polygon"),
    ],
)
def test_a_file_of_shapes_that_is_no_area_is_refused_with_its_lever(space, tmp_path, content, said):
    (tmp_path / "drawn.geojson").write_bytes(content)
    path = tmp_path / "bad.toml"
    path.write_text(HEAD + LEVER + f'where = {{ area = "{tmp_path}/drawn.geojson" }}\n')
    with pytest.raises(ValidationError, match=rf"bad, lever 1: where: .*drawn.*{said}"):
        scenario_files.validate(space, str(path))


def test_a_file_of_bytes_is_no_scenario(space, tmp_path):
    path = tmp_path / "bad.toml"
    path.write_bytes((HEAD + LEVER).encode("utf-16"))
    with pytest.raises(ValidationError, match="no text in UTF-8"):
        scenario_files.validate(space, str(path))


def test_a_scenario_that_cannot_be_used_hides_no_other(space, monkeypatch, capsys):
    folder = space.root / "scenarios"
    folder.mkdir(exist_ok=True)
    broken = folder / "broken.toml"
    broken.write_text(HEAD + LEVER.replace("allow_use", "alow_use"))
    monkeypatch.setattr(SETTINGS, "workspace", space)
    cli.scenario("list")
    broken.unlink()
    said = capsys.readouterr().err
    assert "broken cannot be used: Scenario broken has 1 fault" in said
    assert "triplex-plus-small-lots: " in said


def test_a_title_cannot_command_the_terminal(space, tmp_path, monkeypatch, capsys):
    path = tmp_path / "red.toml"
    path.write_text(
        HEAD.replace('"T"', r'"\u001b[31mred\u0007 \u009b2J \u202etxt"') + LEVER, encoding="utf-8"
    )
    monkeypatch.setattr(SETTINGS, "workspace", space)
    monkeypatch.setattr(SETTINGS, "as_json", True)
    cli.scenario("show", str(path))
    out, err = capsys.readouterr()
    assert not set("\x1b\x07\x9b\u202e") & {*out, *err}
    assert json.loads(out)["title"] == "\x1b[31mred\x07 \x9b2J \u202etxt"
    assert "\\u001b[31mred" in err


def test_a_lever_that_reaches_no_lot_may_be_allowed(space, tmp_path):
    path = tmp_path / "empty.toml"
    path.write_text(HEAD + LEVER.replace('"R-4"', '"R-1"'))
    with pytest.raises(ValidationError, match=r"lever 1 .*R-1\) reaches no lot"):
        scenarios.run(space, str(path), n_draws=DRAWS)
    with pytest.warns(DensitymapWarning, match="reaches no lot"):
        said = scenarios.run(space, str(path), allow_empty=True, n_draws=DRAWS)
    assert said["difference"]["allowed"] == 0


def test_an_older_file_is_read_with_a_note(tmp_path):
    path = tmp_path / "old.toml"
    path.write_text("version = 1\n" + HEAD + LEVER)
    assert "version 1 and was read as version 2" in load_scenario(path).notes[0]


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("compare", "duplex-by-rigth"), 2, "Did you mean 'duplex-by-right'"),
        (("compare", "absent.toml"), 3, "no scenario file"),
        (("scenario", "go"), 2, "list, show, run"),
        (("scenario", "run"), 2, "needs a name"),
        (("scenario", "new", "../evil"), 2, "cannot name a scenario"),
        (("scenario", "new", "small-lots"), 2, "already"),
        (("ordinance",), 2, "Name a scenario"),
        (("ordinance", "small-lots", "--out", "x.pdf"), 2, "cannot be written"),
        (("ordinance", "--from", "absent.csv"), 3, "not there"),
    ],
)
def test_what_cannot_be_asked_is_told(space, monkeypatch, args, code, said):
    monkeypatch.setattr(SETTINGS, "workspace", space)
    command, first, *rest = *args, None
    options = {"out": Path(rest[1])} if len(rest) > 1 and rest[0] == "--out" else {}
    if first == "--from":
        first, options = None, {"given": Path(rest[0])}
    with pytest.raises(DensitymapError) as fault:
        _asked(command, first, rest[0] if command == "scenario" and rest else None, options)
    assert fault.value.exit_code == code
    assert said in str(fault.value)


def _asked(command, first, name, options):
    if command == "compare":
        return cli.compare([first])
    return cli.scenario(first, name) if command == "scenario" else cli.ordinance(first, **options)


def test_compare_before_any_build_says_so(tmp_path):
    with pytest.raises(MissingDataError, match="densitymap build"):
        scenarios.compare(Workspace(tmp_path), ["duplex-by-right"])


def test_without_known_homes_nothing_expected_is_told(loaded):
    needs = Needs(total=("existing use on 90% of the residential land (known on 0%)",))
    bare = Outcome(results=loaded.base.results, flow=loaded.base.flow)
    said = record(bare, bare, needs)
    assert (said["funnel"]["expected"], said["net_homes"], said["demolitions"]) == (None, None, None)
    assert any("existing use on 90%" in line for line in said["not_computable"])
    without = record(Outcome(results=loaded.base.results), bare, Needs(pays=("costs",)))
    assert without["funnel"]["pays"] is None
    assert any(line == "pays: needs costs" for line in without["not_computable"])


def test_a_new_scenario_is_valid_and_found_by_name(space):
    assert scenario_files.new(space, "mine") == space.root / "scenarios" / "mine.toml"
    assert scenario_files.validate(space, "mine")["built"]
    names = scenarios.names_of(space)
    assert names[0] == "no-change"
    assert "mine" in names


@pytest.mark.parametrize("ending", ["csv", "json", "md", "docx"])
def test_a_schedule_is_written_and_read_back(loaded, outcomes, tmp_path, ending):
    path = tmp_path / f"paper.{ending}"
    paper = schedule(outcomes("triplex-near-rail-with-protections").results, loaded.base.results)
    papers.write(paper, path)
    assert path.stat().st_size > 500
    if ending in ("csv", "json"):
        papers.scenario_from(path, tmp_path / "back.toml")
        back, direct = load_scenario(tmp_path / "back.toml"), scenario_from(paper)
        assert back.levers == direct.levers
        assert (back.title, back.allow_empty) == (direct.title, direct.allow_empty)


@pytest.mark.parametrize("levers", [(), ({"kind": "tenure_protection", "kept_share": 0.3},)])
def test_a_schedule_that_changes_no_standard_is_read_back_too(loaded, tmp_path, levers):
    own = Scenario(
        name="kept", title="=Kept", question="duplex", summary="s", source="s", mark="A", levers=levers
    )
    outcome = loaded.outcome(apply(own, load_policy("atlanta")))
    path = tmp_path / "paper.csv"
    papers.write(schedule(outcome.results, loaded.base.results), path)
    papers.scenario_from(path, tmp_path / "back.toml")
    back = load_scenario(tmp_path / "back.toml")
    assert (back.title, back.levers) == ("=Kept", levers)
