"""New buildings beside the houses of their block face."""

from __future__ import annotations

import numpy as np
import pandas as pd

from densitymap.capacity import character
from densitymap.capacity.rules import load_buildings, load_rules

RULES = load_rules()


def houses(count: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "block_face": "north side",
            "height_ft": 20.0,
            "footprint_ft2": 1200.0,
            "width_ft": 30.0,
            "front_yard_ft": [30.0] * (count - 1) + [np.nan],
        }
    )


def test_measures_are_compared_one_by_one() -> None:
    medians = character.block_face_medians(houses(4), RULES)
    triplex = character.template_measures(load_buildings().loc[["TRI"]], 30.0, RULES)
    beside = character.beside_block_face(triplex.assign(block_face="north side"), medians, RULES).iloc[0]
    assert beside["height_ft_beside_face"] == "larger"  # 33 ft beside 20
    assert beside["footprint_ft2_beside_face"] == "similar"  # 1,144 beside 1,200
    assert beside["width_ft_beside_face"] == "similar"  # 26 beside 30
    assert beside["front_yard_ft_beside_face"] == "similar"
    assert beside["height_ft_of_face"] == 33 / 20


def test_too_few_houses_or_an_unknown_face_are_unknown() -> None:
    medians = character.block_face_medians(houses(3), RULES)
    assert np.isnan(medians.loc["north side", "front_yard_ft"])
    triplex = character.template_measures(load_buildings().loc[["TRI"]], 30.0, RULES)
    elsewhere = character.beside_block_face(triplex.assign(block_face="nowhere"), medians, RULES).iloc[0]
    assert set(elsewhere.filter(like="_beside_face")) == {"unknown"}


def test_a_much_smaller_building_is_said_to_be_smaller() -> None:
    medians = character.block_face_medians(houses(4), RULES)
    tiny = character.template_measures(load_buildings().loc[["TINY"]], 30.0, RULES)
    beside = character.beside_block_face(tiny.assign(block_face="north side"), medians, RULES).iloc[0]
    assert beside["footprint_ft2_beside_face"] == "smaller"
