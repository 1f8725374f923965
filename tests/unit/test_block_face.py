"""Lots along one side of a street, their houses, and new buildings beside them.

Five lots of 50 by 150 ft lie north of a street; each house is 30 ft wide and 40 deep and stands 25 ft
from the street, but the third, which is 40 by 50 and stands 35 ft from it::

    y 150 +----+----+----+----+----+
          | h  | h  | H  | h  |    |      the fifth lot is vacant
    y   0 +----+----+----+----+----+
          ======== Oakview Rd ======     y = -25
"""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import LineString, box

from densitymap import schema
from densitymap.capacity import block_face
from densitymap.capacity.rules import load_buildings
from densitymap.errors import CRSError
from densitymap.scenarios.character import character, told
from densitymap.scenarios.ground import ground_of_parcels
from densitymap.scenarios.policy import load_policy

CRS = "EPSG:2240"
RULES = block_face.load_face_rules()
ADDRESSES = ["1200 OAKVIEW RD SE", "1204 OAKVIEW RD SE", "1208 OAKVIEW RD SE", "1212 OAKVIEW RD SE"]


def lots(addresses=(*ADDRESSES, "1216 OAKVIEW RD SE")):
    frame = gpd.GeoDataFrame(
        {
            "parcel_id": pd.array([f"p{i}" for i in range(5)], dtype="string"),
            "site_address": pd.array(list(addresses), dtype="string"),
            "zone_district": pd.array(["R-4A"] * 5, dtype="string"),
        },
        geometry=[box(50 * i, 0, 50 * i + 50, 150) for i in range(5)],
        crs=CRS,
    )
    return schema.conform(frame.assign(lot_area_ft2=7_500.0, zone_share=1.0, zone_count=1), "parcels")


def houses(storeys=(1.0, 1.0, 2.0, 1.0)):
    shapes = [box(50 * i + 10, 25, 50 * i + 40, 65) for i in (0, 1, 3)]
    shapes.insert(2, box(105, 35, 145, 85))
    shed = box(0, 140, 8, 148)
    return gpd.GeoDataFrame(
        {
            "feature_id": pd.array([f"way/{i}" for i in range(5)], dtype="string"),
            "feature_class": pd.array(["house"] * 4 + ["shed"], dtype="string"),
            "storeys": pd.array([*storeys, 1.0], dtype="Float64"),
            "homes": pd.array([None] * 5, dtype="Float64"),
        },
        geometry=[*shapes, shed],
        crs=CRS,
    )


def surveyed(parcels):
    streets = pd.DataFrame(
        {"geometry": [LineString([(-500, -25), (800, -25)])], "name": ["OAKVIEW RD SE"], "kind": ["street"]}
    )
    return ground_of_parcels(parcels, streets=streets).survey


def compared(parcels, buildings):
    table = character(parcels, surveyed(parcels), buildings, load_policy("atlanta"))
    return table.set_index(["parcel_id", "template"])


def test_houses_are_measured_in_the_frame_of_their_lot():
    parcels = lots()
    measured = block_face.houses_on_lots(parcels, surveyed(parcels), houses(), RULES)
    assert measured["footprint_ft2"].tolist()[:4] == pytest.approx([1200, 1200, 2000, 1200])
    assert measured["width_ft"].tolist()[:4] == pytest.approx([30, 30, 40, 30])
    assert measured["front_yard_ft"].tolist()[:4] == pytest.approx([25, 25, 35, 25])
    assert measured["height_ft"].tolist()[:4] == pytest.approx([11, 11, 22, 11])
    assert measured.iloc[4].isna().all()


def test_a_triplex_beside_its_block_face():
    table = compared(lots(), houses())
    # On the vacant lot the four houses are the others: medians 11 ft, 1,200 ft2, 30 ft and 25 ft.
    row = table.loc[("p4", "TRI")]
    assert row["block_face"] == "OAKVIEW RD SE 1200 even"
    assert row["height_ft_houses"] == 4
    assert row["height_ft_of_face"] == pytest.approx(3.0)
    assert row["height_ft_beside_face"] == "larger"
    assert row["footprint_ft2_of_face"] == pytest.approx(26 * 44 / 1200)
    assert row["footprint_ft2_beside_face"] == "similar"
    assert row["width_ft_of_face"] == pytest.approx(26 / 30)
    assert row["front_yard_ft_of_face"] == pytest.approx(30 / 25)  # R-4A asks for 30 ft
    # The large house does not count among its own neighbours, and counts among the others'.
    assert table.loc[("p2", "SFD"), "height_ft_houses"] == 3
    assert table.loc[("p2", "SFD"), "footprint_ft2_of_face"] == pytest.approx(1500 / 1200)


def test_fewer_than_three_known_houses_are_unknown():
    table = compared(lots(), houses(storeys=(1.0, None, None, 1.0)))
    row = table.loc[("p4", "TRI")]
    assert row["height_ft_houses"] == 2
    assert row["height_ft_beside_face"] == "unknown"
    assert pd.isna(row["height_ft_of_face"])
    assert row["footprint_ft2_beside_face"] == "similar"


def test_the_other_side_of_the_street_is_another_face():
    parcels = lots(
        addresses=("1201 OAKVIEW RD SE", "1205 OAKVIEW RD SE", *ADDRESSES[2:], "1216 OAKVIEW RD SE")
    )
    row = compared(parcels, houses()).loc[("p4", "TRI")]
    assert row["footprint_ft2_houses"] == 2
    assert row["footprint_ft2_beside_face"] == "unknown"


def test_without_buildings_everything_is_unknown():
    table = compared(lots(), None).reset_index()
    assert len(table) == 5 * len(load_buildings())
    counts = told(table)
    assert counts == {measure: {"unknown": len(table)} for measure in counts}
    assert table.filter(like="_of_face").isna().all(axis=None)


def test_an_accessory_home_stands_behind_and_has_no_front_yard_to_compare():
    row = compared(lots(), houses()).loc[("p4", "ADU_750")]
    assert row["front_yard_ft_beside_face"] == "unknown"
    assert row["footprint_ft2_beside_face"] == "smaller"


def test_a_front_that_is_only_a_proxy_gives_no_width_and_no_yard():
    parcels = lots()
    alone = ground_of_parcels(parcels).survey  # no streets: the middle lots' ends are implied
    found = alone.lots["front_source"].isin(block_face.FRONT_KNOWN).to_numpy()
    measured = block_face.houses_on_lots(parcels, alone, houses(), RULES)
    built = measured["footprint_ft2"].notna().to_numpy()
    assert measured["width_ft"].notna().tolist() == (found & built).tolist()
    assert measured["front_yard_ft"].notna().tolist() == (found & built).tolist()


def test_layers_in_two_systems_are_refused():
    with pytest.raises(CRSError):
        compared(lots(), houses().to_crs("EPSG:4326"))


@pytest.mark.parametrize(
    ("address", "face"),
    [
        ("1204 Oakview Rd SE", "OAKVIEW RD SE 1200 even"),
        ("  1299  OAKVIEW   RD. SE", "OAKVIEW RD SE 1200 odd"),
        ("17A 2ND AVE", "2ND AVE 0 odd"),
        ("1204-1206 OAKVIEW RD SE UNIT 4", "OAKVIEW RD SE 1200 even"),
        ("1204 1/2 OAKVIEW RD SE", "OAKVIEW RD SE 1200 even"),
        ("0 OAKVIEW RD SE", None),
        ("OAKVIEW RD SE", None),
        ("1204", None),
        ("1204 #4", None),
        ("", None),
        (None, None),
        ("<img onerror=alert(1)> 12 MAIN ST", None),
        ("12 <b>MAIN</b> ST", None),
        ("12 ${x} ST", None),
    ],
)
def test_addresses(address, face):
    told_face = block_face.block_faces(pd.Series([address], dtype="string"), RULES)[0]
    assert pd.isna(told_face) if face is None else told_face == face
