"""The grammar of zoning codes: what a string says, and what nobody can say of it."""

import pandas as pd
import pytest

from densitymap.zoning.code import load_code
from densitymap.zoning.parse import describe, parse_zone, parse_zones


@pytest.fixture(scope="module")
def code():
    return load_code("atlanta")


@pytest.mark.parametrize(
    ("text", "base", "subarea", "conditional"),
    [
        ("R-LC", "R-LC", None, False),
        ("R-LC-C", "R-LC", None, True),
        ("  r-4a  ", "R-4A", None, False),
        ("I-Mix-C", "I-MIX", None, True),
        ("R-4 -C", "R-4", None, True),
        ("R-4 - C", "R-4", None, True),
        ("SPI-9-C SA1", "SPI-9", "1", True),
        ("SPI-22 SA-1", "SPI-22", "1", False),
        ("SPI-4 SA 11", "SPI-4", "11", False),
        ("SPI-22 SA4-C", "SPI-22", "4", True),
        ("SPI-7 SA2C", "SPI-7", "2C", False),
        ("SPI-7 SA2CC", "SPI-7", "2C", True),
        ("SPI-7 SA2B-C", "SPI-7", "2B", True),
        ("SPI-7 SA3C", "SPI-7", "3", True),
        ("SPI-16 SA1C", "SPI-16", "1", True),
        ("HC-20A  SA4-C", "HC-20A", "4", True),
        ("LD Pratt- Pullman", "LD PRATT- PULLMAN", None, False),
        ("LD Mean Street-C", "LD MEAN STREET", None, True),
        ("Poncey-Highland SA5", "PONCEY-HIGHLAND", "5", False),
    ],
)
def test_base_subarea_and_condition(code, text, base, subarea, conditional):
    (zone,) = parse_zone(text, code)
    assert (zone.base, zone.subarea, zone.conditional) == (base, subarea, conditional)
    assert zone.status in ("read", "unread")


@pytest.mark.parametrize(
    ("text", "base", "overlays"),
    [
        ("R-4A/BL", "R-4A", ("BELTLINE",)),
        ("R-5-C BL", "R-5", ("BELTLINE",)),
        ("C-2-C/BL", "C-2", ("BELTLINE",)),
        ("R-5/HC-20K SA1", "R-5", ("HC-20K SA1",)),
        ("R-4 HC-20L", "R-4", ("HC-20L",)),
        ("R-4/BL/HC-20K SA1", "R-4", ("BELTLINE", "HC-20K SA1")),
    ],
)
def test_overlays_written_after_the_district(code, text, base, overlays):
    (zone,) = parse_zone(text, code)
    assert (zone.base, zone.overlays) == (base, overlays)


@pytest.mark.parametrize(
    ("text", "base", "subarea"),
    [
        ("Beltline", "BELTLINE", None),
        ("Intown South Commercial Corridor", "INTOWN-SOUTH", None),
        ("SPI-21 SA2 - Sign Overlay", "SPI-21", "2"),
        ("HC20KSA1 - Grant Park", "HC-20K", "1"),
        ("HC20NSA1 - Castleberry Hill", "HC-20N", "1"),
        ("HC20GSA3 - West End", "HC-20G", "3"),
        ("HC20L", "HC-20L", None),
    ],
)
def test_the_overlay_layer_spells_otherwise(code, text, base, subarea):
    (zone,) = parse_zone(text, code)
    assert (zone.base, zone.family, zone.subarea) == (base, "overlay", subarea)


@pytest.mark.parametrize("text", ["MR-3A-C", "MR-4-C", "MRC-4B-C", "PD-H1", "PD-H2"])
def test_mapped_codes_without_a_chapter_inherit_nothing(code, text):
    (zone,) = parse_zone(text, code)
    assert (zone.status, zone.family) == ("unresolved", "?")
    assert "no chapter" in zone.reason


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("R-4X", "no district R-4X. Did you mean"),
        ("R-4AC", "no district R-4AC"),
        ("SPI-99 SA1", "no district SPI-99"),
        ("NC-77", "no district NC-77"),
        ("SPI-22 SA9", "no subarea 9"),
        ("SPI-22", "none is named"),
        ("SPI-22 TSA", "what 'TSA' means"),
        ("R-4 XYZ", "what 'XYZ' means"),
        ("R-4/R-5", "which of the two holds"),
    ],
)
def test_what_is_not_known_is_unresolved_with_its_reason(code, text, says):
    (zone,) = parse_zone(text, code)
    assert zone.status == "unresolved"
    assert says in zone.reason


def test_an_unlisted_number_of_an_open_family_keeps_its_family_only(code):
    (zone,) = parse_zone("SPI-99 SA1-C", code)
    assert (zone.base, zone.family, zone.subarea, zone.conditional) == ("SPI-99", "SPI", "1", True)


@pytest.mark.parametrize(
    "junk",
    [None, 4, float("nan"), "", "   ", ",", "/", "-C", "<img src=x onerror=alert(1)>", "${alert(1)}",
     "=cmd|' /C calc'!A0", "R" * 100_000, "R-4\x00", "SA1"],
)  # fmt: skip
def test_junk_is_answered_never_raised(code, junk):
    for zone in parse_zone(junk, code):
        assert zone.status == "unresolved"
        assert zone.reason
        assert len(zone.text) <= 200


def test_split_zoning_gives_each_part(code):
    parts = describe("I-2,RG-2-C", code)
    assert [(part["base"], part["conditional"]) for part in parts] == [("I-2", False), ("RG-2", True)]


def test_describe_is_one_json_object_with_the_published_keys(code):
    answer = describe("SPI-9-C SA1", code)
    assert list(answer)[:9] == [
        "text", "base", "family", "subarea", "conditional", "tag", "overlays", "status", "reason",
    ]  # fmt: skip
    assert answer["overlays"] == []
    assert answer["url"].startswith("https://library.municode.com/")


def test_a_column_is_parsed_on_its_own_index(code):
    texts = pd.Series(["R-4", None, "I-2,RG-2", "R-4"], index=[7, 3, 5, 1])
    table = parse_zones(texts, code)
    assert table.index.tolist() == [7, 3, 5, 1]
    assert table["zone_key"].tolist() == ["R-4", pd.NA, "I-2", "R-4"]
    assert table["zone_parts"].tolist() == [1, 1, 2, 1]
    assert table["zone_status"].tolist() == ["read", "unresolved", "unread", "read"]
