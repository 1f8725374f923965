"""The main job on the real pack: District 5, from published files to a map."""

from __future__ import annotations

import json
import re
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from commands import densitymap
from densitymap.maps.unpack import sets_of

FREE_TEXT = 5
"""Shorter strings (`GA`, a ZIP's digits) occur in any text."""


@pytest.fixture(scope="module")
def built(real_dir, tmp_path_factory):
    space = tmp_path_factory.mktemp("real")
    ran = densitymap("build", "--source", real_dir, "--area", "district-5", "--workspace", space, "--json")
    assert ran.code == 0, ran.err
    drawn = densitymap("map", "--workspace", space)
    assert drawn.code == 0, drawn.err
    return space, ran.document


def test_records_are_counted_before_merging(built):
    _, report = built
    assert report["parcels_read"] == 2000
    assert report["parcels_in_area"] == 1379
    assert report["stacked_merged"] == 23  # 43 records share 20 shapes
    assert report["duplicates"] == 0  # the ten repeats of `NO ID` are not one parcel
    assert report["without_id"] == 11
    assert sum(report["parcels_by_neighbourhood"].values()) == 1379


def test_unzoned_records_are_listed_never_filled(built):
    space, report = built
    assert report["zoned_share"] == pytest.approx(0.9884, abs=5e-5)
    assert report["unmatched"]["zoning"]["count"] == 16
    lots = gpd.read_parquet(space / "data/3_parcels/parcels.parquet").set_index("parcel_id")
    unzoned = lots.loc[report["unmatched"]["zoning"]["rows"]]
    assert unzoned["zone_district"].isna().all()
    for counts in report["verdicts"].values():
        assert counts["NO DATA"] == 16
        assert sum(counts.values()) == report["lots"]


def test_the_sample_is_seven_percent_of_the_land(built):
    _, report = built
    assert report["area_acres"] == pytest.approx(5056, abs=1)
    assert report["area_covered_share"] == pytest.approx(0.0735, abs=0.0005)


def test_layers_carry_rows_system_vintage_and_hash(built):
    _, report = built
    zoning = report["layers"]["zoning"]
    assert (zoning["rows"], zoning["crs"]) == (2825, "EPSG:6447")
    assert zoning["unused_files"] == ["zoning_districts_eastside.geojson"]
    assert zoning["changed"]["invalid shape repaired (self-crossing)"] == 14
    for entry in report["layers"].values():
        assert re.fullmatch(r"[0-9a-f]{64}", entry["sha256"])
        assert entry["vintage"]
        assert entry["licence"]
        assert not Path(entry["file"]).is_absolute()


def test_nothing_standing_is_assumed(built):
    space, report = built
    lots = gpd.read_parquet(space / "data/3_parcels/parcels.parquet")
    assert report["existing_units_known_on"] == 0
    for column in ("existing_units", "existing_floor_area_ft2", "is_built", "appraised_value_usd"):
        assert lots[column].isna().all()


def test_redistricting_can_be_asked(built):
    space, _ = built
    lots = gpd.read_parquet(space / "data/3_parcels/parcels.parquet")
    assert set(lots["council_district"].dropna()) == {"5"}
    assert "5" in set(lots["council_district_former"].dropna())


def test_tract_vintages_are_not_mixed(built):
    space, _ = built
    for vintage, period in (("2010", "2015-2019"), ("2020", None)):
        tracts = gpd.read_parquet(space / f"data/3_parcels/tracts_{vintage}.parquet")
        assert set(tracts["tract_vintage"]) == {int(vintage)}
        if period:
            assert set(tracts["acs_period"]) == {period}
        pressure = pd.read_parquet(space / f"data/4_results/pressure_{vintage}.parquet")
        assert set(pressure["tract_vintage"]) == {int(vintage)}


def test_pressure_never_uses_race(built):
    space, _ = built
    pressure = pd.read_parquet(space / "data/4_results/pressure_2010.parquet")
    used = " ".join(pressure["inputs_used"].dropna().unique())
    assert "renter_share" in used
    assert not re.search("white|black|asian|hispanic|race", used)
    assert pressure["pressure_score"].notna().sum() > 300


def test_no_result_for_a_lot_speaks_of_pressure(built):
    space, _ = built
    for path in (space / "data/4_results").glob("*.parquet"):
        frame = pd.read_parquet(path)
        if "parcel_id" in frame:
            assert not [name for name in frame if re.search("pressure|displace|tenure|profit", name)]


def _private_strings(real_dir: Path) -> set[str]:
    raw = json.loads(next((real_dir / "coa_parcels").glob("*.geojson")).read_text())
    rows = [feature["properties"] for feature in raw["features"]]
    sites = {" ".join(str(row["SITEADDRESS"]).split()) for row in rows}
    found = set()
    for row in rows:
        for name in ("OWNERNME1", "OWNERNME2", "PSTLADDRESS", "PSTLADDRESS2"):
            text = " ".join(str(row[name] or "").split())
            if len(text) >= FREE_TEXT and not any(text in site for site in sites):
                found.add(text)
    return found


def _texts(frame: pd.DataFrame) -> str:
    plain = pd.DataFrame(frame.drop(columns="geometry", errors="ignore"))
    return plain.to_csv(index=False)


def test_no_owner_and_no_mailing_address_anywhere(built, real_dir):
    space, _ = built
    private = _private_strings(real_dir)
    assert len(private) > 1500
    texts = {}
    for path in space.rglob("*"):
        if path.suffix == ".parquet":
            texts[path.name] = _texts(pd.read_parquet(path))
        elif path.is_file():
            texts[path.name] = path.read_text(encoding="utf-8")
    html = (space / "maps/index.html").read_text(encoding="utf-8")
    for name, frame in sets_of(html).items():
        texts[f"map set {name}"] = _texts(frame)
    leaked = {(name, text) for name, whole in texts.items() for text in private if text in whole}
    assert not leaked


def test_the_map_says_what_is_missing(built):
    space, _ = built
    html = (space / "maps/index.html").read_text(encoding="utf-8")
    assert "1,375 lots are loaded, 7% of the 5,056 acres of District 5" in html
    assert "no parcel layer here yet" in html
    assert "© OpenStreetMap contributors, ODbL" in html
    assert "Memorial Drive is drawn where its line is loaded" in html
    drawn = sets_of(html)
    assert len(drawn["lots"]) == 1375
    assert len(drawn["buildings"]) > 1_000


def test_a_second_build_redoes_nothing(built, real_dir):
    space, report = built
    again = densitymap("build", "--source", real_dir, "--area", "district-5", "--json", "-w", space).document
    assert again["redone"] == []
    same = ("parcels_in_area", "verdicts", "unmatched", "lock_hash")
    assert {key: again[key] for key in same} == {key: report[key] for key in same}


def test_locked_builds_hold_and_two_maps_are_one(built, real_dir):
    space, _ = built
    first = (space / "maps/index.html").read_bytes()
    held = densitymap("build", "--source", real_dir, "--locked", "--workspace", space)
    assert held.code == 0
    assert densitymap("map", "--workspace", space).code == 0
    assert (space / "maps/index.html").read_bytes() == first


def test_reynoldstown_alone_has_no_lots_and_says_so(real_dir, tmp_path):
    ran = densitymap(
        "build", "--source", real_dir, "--area", "Reynoldstown", "--workspace", tmp_path, "--json"
    )
    assert ran.code == 0, ran.err
    assert ran.document["lots"] == 0
    assert ran.document["zoned_share"] is None
    assert densitymap("map", "--workspace", tmp_path).code == 0
    html = (tmp_path / "maps/index.html").read_text(encoding="utf-8")
    assert "Reynoldstown has no parcel layer here yet" in html
    assert len(sets_of(html)["buildings"]) > 1_000


def test_reynoldstown_gets_derived_lots_and_no_claim(built):
    space, report = built
    derived = report["derived_lots"]
    assert derived["lots_by_neighbourhood"] == {"Reynoldstown": derived["lots"]}
    assert 1_137 <= derived["lots"] <= 1_446  # every house has one; sheds have none
    assert derived["licence"] == "ODbL"
    lots = gpd.read_parquet(space / "data/3_parcels/derived_lots.parquet")
    assert set(lots["lot_source"]) == {"derived"}
    assert not set(lots["derived_lot_id"]) & set(
        pd.read_parquet(space / "data/4_results/allowed.parquet")["parcel_id"]
    )
    assert len(sets_of((space / "maps/index.html").read_text(encoding="utf-8"))["derived_lots"]) == len(lots)


def test_definitions_are_counted_on_the_metro_alone(built):
    _, report = built
    assert report["definitions"]["governing_2015"] == 54  # reference/displacement.md section 2
    assert report["definitions"]["ncrc_2019"] == 31
    assert report["layers"]["tract_panel"]["rows"] == 738


def test_r4_lots_meet_their_minimums_as_measured_before(built):
    _, report = built
    r4 = next(row for row in report["minimums"] if row["zone_district"] == "R-4")
    assert r4["both"] == pytest.approx(r4["reference_both"], abs=0.01)


def test_every_policy_is_told_by_rule_and_district(built):
    _, report = built
    assert len(report["verdicts"]) == 6
    for policy, counts in report["verdicts"].items():
        assert sum(row["lots"] for row in report["verdicts_by_rule"][policy]) == sum(counts.values())
        assert report["fits"][policy]["new"]["duplex"]


def test_profile_tells_tract_and_place_apart(built):
    space, _ = built
    ran = densitymap("profile", "Reynoldstown", "--workspace", space, "--json")
    assert ran.code == 0, ran.err
    assert "Tract 13121003100 (2010 lines): 53% of the place" in ran.err
    told = ran.document
    own = next(tract for tract in told["tracts"] if tract["tract_geoid"] == "13121003100")
    shares = [own["history"][year]["nonwhite_share"]["value"] for year in ("1990", "2000", "2014-2018")]
    assert shares == pytest.approx([0.95, 0.89, 0.38], abs=0.005)
    assert own["share_of_place"] == pytest.approx(0.53, abs=0.01)
    assert told["census_2020"]["people_of_color_2020"]["value"] == pytest.approx(1_464, rel=0.01)
    assert told["census_2020"]["population_2020"]["value"] == pytest.approx(3_630, rel=0.01)


def test_a_lot_is_explained_from_law_to_verdict(built):
    space, _ = built
    ran = densitymap("lot", "93 dearborn", "--workspace", space, "--json")
    assert ran.code == 0, ran.err
    assert ran.document["parcel_id"] == "15 206 03 037"
    assert {row["policy"] for row in ran.document["allowed"]} >= {"no-change", "triplex-by-right"}
    assert ran.document["law"][0]["zones"][0]["rules"]
    assert "owner_type" not in ran.document["lot"]
