"""Relief against direct displacement: the reference's table 5.4, lot by lot and channel by channel."""

from __future__ import annotations

import numpy as np
import pytest

from densitymap.scenarios.beliefs import drawn
from densitymap.scenarios.market import moves_avoided_per_home

DRAWS = drawn(20_000, 5)
PER_HOME = moves_avoided_per_home(DRAWS)

TABLE = [  # displacement reference 5.4: households directly displaced, net homes, regional share, local share
    ("vacant, accessory or owner's lot to triplex", 0.0, 2.0, 1.0, 1.0),
    ("house with a 10 % chance of low-income renters to duplex", 0.1, 1.0, 0.00, 0.98),
    ("the same to triplex", 0.1, 2.0, 0.08, 1.00),
    ("low-income rental house to duplex", 1.0, 1.0, 0.00, 0.15),
    ("low-income rental house to triplex", 1.0, 2.0, 0.00, 0.42),
    ("four low-income flats to six", 4.0, 2.0, 0.00, 0.03),
    ("four low-income flats to twelve", 4.0, 8.0, 0.00, 0.42),
    ("four low-income flats to forty", 4.0, 36.0, 0.00, 0.97),
]


@pytest.mark.parametrize(("lot", "direct", "net", "regional", "local"), TABLE)
def test_share_of_runs_in_which_relief_exceeds_direct_displacement(lot, direct, net, regional, local):
    for channel, expected in (("regional", regional), ("local", local)):
        share = float(np.mean(PER_HOME[channel] * net > direct))
        assert share == pytest.approx(expected, abs=0.03), (lot, channel)


@pytest.mark.parametrize(
    ("channel", "low", "middle", "high"), [("regional", 0.007, 0.022, 0.057), ("local", 0.13, 0.43, 1.6)]
)
def test_moves_avoided_per_home_are_those_of_the_reference(channel, low, middle, high):
    ends = np.quantile(PER_HOME[channel], [0.05, 0.5, 0.95])
    assert ends == pytest.approx([low, middle, high], rel=0.15)


def test_the_adverse_channel_never_relieves():
    assert (PER_HOME["adverse"] <= 0).all()
