"""The city's own layer and the published cases, string by string."""

import csv

import pyogrio
import pytest

from densitymap.zoning.code import load_code
from densitymap.zoning.parse import parse_zone, parse_zones


@pytest.fixture(scope="module")
def code():
    return load_code("atlanta")


def test_every_published_case_parses_as_expected(cases_dir, code):
    wrong = []
    with (cases_dir / "zoneclass_cases.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            parts = parse_zone(row["zoneclass"], code)
            first = parts[0]
            extra = " ".join([*([first.tag] if first.tag else []), *first.overlays])
            got = {
                "base": "|".join(str(part.base) for part in parts),
                "subarea": first.subarea or "",
                "conditional": "yes" if first.conditional else "no",
                "extra": extra,
            }
            if row["family"] != "text":  # staff reports: the column names the kind of source
                got["family"] = first.family
            wrong += [(row["zoneclass"], key) for key, value in got.items() if value != row[key]]
    assert wrong == []


def test_every_string_of_the_citywide_layer_is_read_unread_or_unresolved_with_its_reason(real_dir, code):
    layer = pyogrio.read_dataframe(
        real_dir / "coa_zoning" / "zoning_districts_citywide_epsg6447.gpkg",
        columns=["ZONECLASS"], read_geometry=False,
    )  # fmt: skip
    table = parse_zones(layer["ZONECLASS"], code)
    assert (table["zone_parts"] == 1).all()
    untold = table[(table["zone_status"] != "read") & table["zone_reason"].isna()]
    assert untold.empty
    unresolved = set(layer.loc[table["zone_status"] == "unresolved", "ZONECLASS"])
    assert unresolved == {"PD-H1", "PD-H2", "MR-4-C", "MR-3A-C", "MRC-4B-C", "SPI-22 TSA"}
