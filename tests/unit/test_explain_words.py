"""An explanation tells households in the words of the ledgers: whole, and never fewer than five."""

from types import SimpleNamespace

import numpy as np
import pytest

from densitymap.scenarios.explain import by_class, differences, sentences


def outcome(direct, net):
    """What is explained of a scenario, all of it on lots of one class."""
    draws = {"owner-occupied": np.full(4, float(direct))}
    stages = {"allowed_true": np.array([1.0]), "fits_true": np.array([1.0])}
    counted = SimpleNamespace(
        net=np.full(4, float(net)),
        net_by_class={"owner-occupied": np.full(4, float(net))},
        direct=SimpleNamespace(total=np.full(4, float(direct)), by_class=draws),
    )
    return SimpleNamespace(results=SimpleNamespace(stages=stages), counted=counted, uptake=None)


@pytest.mark.parametrize(
    ("more", "words"),
    [(-0.2, "fewer than 5"), (4.9, "fewer than 5"), (0, "+0"), (12.3, "+12"), (-7.6, "-8")],
)
def test_a_class_of_lots_and_the_whole_use_the_words_of_the_ledgers(more, words):
    end, start = outcome(20 + more, 30), outcome(20, 10)
    told = {"difference": differences(end, start), "by_lever": [], "by_place": [], "by_lot_class": by_class(end, start)}  # fmt: skip
    said = sentences(("then", "now"), told)
    assert f"On lots of class owner-occupied: +20 net homes, {words} households directly displaced." in said
    assert any(line.startswith(f"then beside now: {words} low-income renter households") for line in said)
    assert "-0.2" not in " ".join(said)


def test_a_lever_is_told_with_the_households_it_moves():
    """A protection adds no home: what it drives is direct displacement."""
    step = {"allowed": 0.0, "fits": 0.0, "net_homes": 0.0, "direct": -12.0}
    row = {"lever": {"kind": "tenure_protection"}, "added": True, "alone": step, "left_out": "refused"}
    told = {"difference": differences(outcome(8, 10), outcome(20, 10)), "by_lever": [row], "by_place": [], "by_lot_class": []}  # fmt: skip
    said = sentences(("then", "now"), told)[-1]
    assert said == (
        "tenure_protection: +0 net homes expected in ten years and -12 households directly displaced alone; refused."
    )
    bound = {"lever": {"kind": "x", "where": {"near": "rail_stations", "within_ft": 2640}}} | {
        "added": True,
        "alone": "no",
        "left_out": "no",
    }
    assert (
        sentences(("then", "now"), told | {"by_lever": [bound]})[-1]
        == "x (within 2,640 ft of rail stations): no; no."
    )
    bare = {"lever": {"kind": "x"}, "added": True, "alone": step | {"direct": None}, "left_out": "refused"}
    assert "displaced" not in sentences(("then", "now"), told | {"by_lever": [bare]})[-1]
