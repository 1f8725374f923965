"""docs/findings.md says what its figures say, and never mixes what was measured with what was made up."""

from __future__ import annotations

import copy
import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("findings", ROOT / "docs" / "findings.py")
findings = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(findings)


@pytest.fixture
def found():
    return json.loads(findings.FIGURES.read_text(encoding="utf-8"))


def sections(text):
    first, second = text.split(f"\n## {findings.ILLUSTRATION}\n")
    return first.split(f"\n## {findings.MEASURED}\n")[1], second


def test_the_page_is_what_its_figures_give(found):
    assert findings.PAGE.read_text(encoding="utf-8") == findings.page(found)


def test_the_page_has_two_sections_and_the_question(found):
    text = findings.page(found)
    heads = [line for line in text.splitlines() if line.startswith("## ")]
    assert heads == [f"## {findings.MEASURED}", f"## {findings.ILLUSTRATION}"]
    assert findings.QUESTION in text
    assert not found["measured"]["synthetic"]
    assert found["illustration"]["synthetic"]


@pytest.mark.parametrize(("half", "own"), [("measured", 0), ("illustration", 1)])
def test_each_section_reads_its_own_half_alone(found, half, own):
    changed = copy.deepcopy(found)
    changed[half]["scenarios"][0]["funnel"]["fits"] = 987_654
    before, after = sections(findings.page(found)), sections(findings.page(changed))
    assert before[own] != after[own]
    assert "987,654" in after[own]
    assert before[1 - own] == after[1 - own]


def test_real_lots_give_no_flow_where_homes_that_stand_are_unknown(found):
    measured, made_up = sections(findings.page(found))
    assert found["measured"]["scenarios"][0]["funnel"]["expected"] is None
    assert "not computable: expected, demolitions, net_homes: needs existing use" in measured
    assert "net homes more than no change" not in measured
    assert "made up" in made_up
    assert "made up" not in measured


def test_a_plan_marries_both_only_where_both_are_sure():
    sure = {"rho_star": {"delta_net_homes": {"p5": 1}}, "ledgers": {"direct": {"p95": 0}}}
    assert findings._marries(sure)
    assert not findings._marries(sure | {"ledgers": {"direct": {"p95": 0.1}}})
    assert not findings._marries(sure | {"rho_star": {"delta_net_homes": {"p5": 0}}})
    assert not findings._marries(sure | {"rho_star": None})
    words = {"p95": "fewer than 5", "sign": "-"}
    assert findings._marries(sure | {"ledgers": {"direct": words}})
    assert not findings._marries(sure | {"ledgers": {"direct": words | {"sign": "unclear"}}})


def test_shares_of_runs_stand_under_their_own_channel(found):
    one = found["illustration"]["scenarios"][-1]
    for share, name in zip((0.11, 0.22, 0.33), findings.CHANNELS, strict=True):
        one["rho_star"]["channels"][name]["share_of_runs_better"] = share
    assert "regional, local, adverse |" in findings.page(found)
    assert "| 11%, 22%, 33% |" in findings.page(found)
