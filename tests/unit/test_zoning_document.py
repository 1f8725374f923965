"""The page of the code is current, and the chain from law to value is whole and safe."""

import json
from pathlib import Path

from densitymap.scenarios.policy import apply, load_policy
from densitymap.zoning.document import markdown
from densitymap.zoning.explain import explain

PAGE = Path(__file__).resolve().parents[2] / "docs" / "zoning_atlanta.md"


def test_the_committed_page_is_current():
    current = markdown(load_policy("atlanta").code)
    assert PAGE.read_text(encoding="utf-8") == current, (
        "docs/zoning_atlanta.md is stale: write densitymap.zoning.document.markdown(code) to it"
    )


def test_every_district_and_mark_is_on_the_page():
    code = load_policy("atlanta").code
    page = PAGE.read_text(encoding="utf-8")
    for name, district in code.districts.items():
        assert f"{name}: {district.title}" in page


def test_explain_gives_each_value_with_its_source_as_json():
    answer = json.loads(json.dumps(explain("R-5-C/BL", load_policy("atlanta")), allow_nan=False))
    (zone,) = answer["zones"]
    duplex = [rule for rule in zone["rules"] if (rule["use"], rule["standard"]) == ("duplex", "far_max")]
    assert duplex[0]["value"] == 0.6
    assert duplex[0]["mark_meaning"] == "two independent sources agree"
    assert all(rule["sources"] and rule["section"] for rule in zone["rules"])
    assert "Sec. 16-02.003" in zone["doubts"][0]
    assert "BELTLINE" in zone["doubts"][1]


def test_explain_shows_what_a_lever_changed():
    zone = explain("R-4", apply("small-lots", load_policy("atlanta")))["zones"][0]
    area = next(rule for rule in zone["rules"] if rule["standard"] == "lot_area_min_ft2")
    assert (area["value"], area["verified_by"]) == (5000, "changed by a lever")


def test_explain_says_no_maximum_and_what_is_unread():
    zone = explain("C-1", load_policy("atlanta"))["zones"][0]
    height = next(rule for rule in zone["rules"] if rule["standard"] == "height_max_ft")
    assert height["value"] == "no maximum"
    assert {"standard": "units_max", "why": "permitted dwellings unread"} in zone["unread"]


def test_explain_answers_split_and_unresolved_zoning():
    today = load_policy("atlanta")
    assert [zone["base"] for zone in explain("I-2,RG-2", today)["zones"]] == ["I-2", "RG-2"]
    (zone,) = explain("MR-4-C", today)["zones"]
    assert zone["rules"] == []
    assert "unresolved: mapped by the city but no chapter in Part 16" in zone["doubts"]
