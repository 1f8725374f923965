from __future__ import annotations

import shutil

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box

from densitymap.city import load_city
from densitymap.displacement.acs import measures
from densitymap.errors import CRSError, MissingDataError, ValidationError
from densitymap.ingest import find, lots, normalise, owners, shapes
from densitymap.ingest.columns import _inputs
from densitymap.ingest.receipt import Receipt

CITY = load_city("atlanta")
X, Y = 2_230_000.0, 1_360_000.0  # a place in District 5, in the city's plane
BOWTIE = Polygon([(X, Y), (X + 100, Y + 100), (X + 100, Y), (X, Y + 100)])


def receipt():
    return Receipt(
        layer="x", source="x", title="x", file="x.geojson", sha256="0", publisher="x", licence="x",
        attribution="x", vintage="x",
    )  # fmt: skip


def at(dx, dy, width=50, depth=150):
    return box(X + dx, Y + dy, X + dx + width, Y + dy + depth)


def parcels(**changes):
    frame = gpd.GeoDataFrame(
        {
            "PARCELID": ["14 0001  LL0020 ", "15 2", "15 2", "15 4", "NO ID", None],
            "SITEADDRESS": [
                "93 OAK ST SE  ",
                "1 ELM ST",
                "1 ELM ST",
                " ",
                "0 SE",
                "<img src=x onerror=alert(1)>",
            ],
            "CLASSDSCRP": ["R3"] * 6,
            "LIVUNITS": [None, "1", "1", "x", None, None],
            "OWNERNME1": ["ADA LOVELACE", "OAK LLC", "OAK LLC", "CITY OF ATLANTA", " ", "GRACE CHURCH"],
            "OWNERNME2": [None] * 6,
            "PSTLADDRESS": ["93 Oak Street", "PO BOX 7", "PO BOX 7", "55 TRINITY AVE", None, "9 FAR AWAY RD"],
        },
        geometry=[at(0, 0), at(50, 0), at(100, 0), at(150, 0), at(200, 0), at(250, 0)],
        crs=CITY.crs,
    )
    return frame.assign(**changes)


def ingest(tmp_path, frame, name="taxparcel.gpkg", layer="parcels", **options):
    path = tmp_path / name
    if isinstance(frame, gpd.GeoDataFrame):
        if name.endswith(".parquet"):
            frame.to_parquet(path)
        elif name.endswith(".shp"):
            frame.to_file(path)
        else:
            frame.to_file(path, layer="x") if name.endswith(".gpkg") else frame.to_file(path)
    found = find.Found(path, tmp_path, CITY.layers[layer].sources[0])
    return normalise.layer_from(found, CITY.layers[layer], CITY, measures=measures, **options)


def test_lots_keep_inner_blanks_and_lose_owners(tmp_path):
    frame, told = ingest(tmp_path, parcels())
    assert "14 0001  LL0020" in set(frame["parcel_id"])
    text = frame.drop(columns="geometry").to_csv()
    for name in ("LOVELACE", "OAK LLC", "TRINITY", "PO BOX"):
        assert name not in text
    by_id = frame.set_index("parcel_id")
    assert by_id.loc["14 0001  LL0020", "owner_type"] == "person"
    assert bool(by_id.loc["14 0001  LL0020", "owner_occupied"])
    assert by_id.loc["15 4", "owner_type"] == "public"
    assert pd.isna(by_id.loc["15 4", "assessor_units"])
    assert told.changed["assessor_units: not a number, made missing"] == 1


def test_repeated_ids_join_and_no_ids_stay_apart(tmp_path):
    frame, told = ingest(tmp_path, parcels())
    by_id = frame.set_index("parcel_id")
    assert by_id.loc["15 2", "n_records"] == 2
    assert by_id.loc["15 2", "lot_area_ft2"] == pytest.approx(15_000)
    assert by_id.loc["15 2", "assessor_units"] == 2
    assert sum(by_id.index.str.startswith(lots.UNIDENTIFIED)) == 2
    assert told.changed["no parcel id: kept apart under an id of its own"] == 2
    assert told.changed["records repeating a parcel id joined into one lot"] == 1
    assert (told.rows_in, told.rows_out) == (6, 5)


def test_stacked_records_become_one_lot_with_the_count(tmp_path):
    stack = parcels().iloc[:4].set_geometry([at(0, 0)] * 3 + [at(150, 0)], crs=CITY.crs)
    stack["PARCELID"] = ["14 1 A", "14 1 B", "14 1 C", "15 4"]
    stack["OWNERNME1"] = ["ADA LOVELACE", "OAK LLC", "ELM LLC", "X LLC"]
    frame, told = ingest(tmp_path, stack)
    merged = frame.set_index("parcel_id").loc["14 1 A"]
    assert merged["n_records"] == 3
    assert merged["lot_area_ft2"] == pytest.approx(7_500)
    assert pd.isna(merged["owner_type"])
    assert pd.isna(merged["assessor_units"])  # one of the three is unknown
    assert told.changed["stacked records merged into one lot"] == 2


def test_same_shape_from_another_vertex_is_the_same():
    one = box(0, 0, 10, 20)
    other = Polygon([(10, 20), (0, 20), (0, 0), (10, 0), (10, 20)])
    keys = shapes.outline_keys(np.array([one, other, box(0, 0, 10, 21)], dtype=object))
    assert keys[0] == keys[1] != keys[2]


def test_bad_shapes_are_repaired_or_left_out_and_counted(tmp_path):
    frame = parcels().set_geometry([at(0, 0), None, Polygon(), BOWTIE, at(200, 0), at(250, 0)], crs=CITY.crs)
    frame["PARCELID"] = list("abcdef")
    result, told = ingest(tmp_path, frame)
    assert told.left_out == {"null or empty shape": 2}
    assert told.changed["invalid shape repaired (self-crossing)"] == 1
    assert told.listed["null or empty shape"] == ["b", "c"]
    assert result.geometry.is_valid.all()
    assert result.set_index("parcel_id").loc["d", "lot_area_ft2"] == pytest.approx(5_000)


def test_third_dimension_is_dropped(tmp_path):
    frame = parcels()
    frame["geometry"] = shapely.force_3d(frame.geometry.to_numpy(), 7.0)
    result, told = ingest(tmp_path, frame)
    assert not result.geometry.has_z.any()
    assert told.changed["third dimension dropped"] == 6


def test_mixed_kinds_are_refused_naming_the_first_row(tmp_path):
    frame = parcels(PARCELID=list("abcdef")).set_geometry(
        [at(0, 0), Point(X, Y), LineString([(X, Y), (X + 1, Y)]), at(1, 0), at(2, 0), at(3, 0)], crs=CITY.crs
    )
    with pytest.raises(ValidationError, match="points; first b") as told:
        ingest(tmp_path, frame, name="mixed.fgb")
    assert len(told.value.faults) == 2


def test_no_reference_system_is_refused_and_can_be_declared(tmp_path):
    zones().to_file(tmp_path / "x.shp")
    (tmp_path / "x.prj").unlink()
    with pytest.raises(CRSError, match="no coordinate reference system"):
        ingest(tmp_path, None, name="x.shp", layer="zoning")
    result, told = ingest(tmp_path, None, name="x.shp", layer="zoning", crs="EPSG:2240")
    assert result.crs == CITY.crs
    assert told.changed == {"reference system declared as EPSG:2240": 1}


def test_wrong_reference_system_is_refused(tmp_path):
    with pytest.raises(CRSError, match="declared as EPSG:4326"):
        ingest(tmp_path, parcels().set_crs("EPSG:4326", allow_override=True), name="x.parquet")


def test_missing_column_names_ours_and_theirs(tmp_path):
    with pytest.raises(
        ValidationError, match=r"parcel_id: the file has no column 'PARCELID'.*Did you mean 'PARCEL_ID'"
    ):
        ingest(tmp_path, parcels().rename(columns={"PARCELID": "PARCEL_ID"}))


def test_empty_missing_and_damaged_files(tmp_path):
    with pytest.raises(ValidationError, match="the layer is empty"):
        ingest(tmp_path, parcels().iloc[:0])
    with pytest.raises(MissingDataError, match="no such file"):
        ingest(tmp_path, None, name="nowhere.gpkg")
    (tmp_path / "bad.gpkg").write_text("not a database")
    with pytest.raises(ValidationError, match="cannot be read"):
        ingest(tmp_path, None, name="bad.gpkg")


def zones():
    return gpd.GeoDataFrame(
        {"GLOBALID": ["{A}", "{B}"], "ZONECLASS": ["R-4", "SPI-9-C SA1"]},
        geometry=[at(0, 0), at(50, 0)],
        crs=CITY.crs,
    )


@pytest.mark.parametrize("name", ["a.geojson", "a.gpkg", "a.parquet", "a.fgb", "a.shp", "a.zip"])
def test_every_format_gives_the_same_layer(tmp_path, name):
    frame = zones().to_crs("EPSG:4326") if name.endswith(".geojson") else zones()
    if name.endswith(".zip"):
        (tmp_path / "shape").mkdir()
        frame.to_file(tmp_path / "shape" / "a.shp")
        shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path / "shape")
        frame = None
    result, _ = ingest(tmp_path, frame, name=name, layer="zoning")
    assert result["zone_district"].tolist() == ["R-4", "SPI-9-C SA1"]
    assert result.geometry.area.tolist() == pytest.approx([7_500, 7_500], rel=1e-5)


def test_a_table_with_coordinates_gives_points(tmp_path):
    table = pd.DataFrame(
        {"GEOCODE": ["130890201001000", "130890201001001"], "POP100": ["5", "6"], "HU100": ["1", "2"],
         "OCCUPIED": ["1", "2"], "WHITE": ["1", "2"], "BLACK": ["1", "2"], "HISPANIC": ["1", "2"],
         "INTPTLAT": ["33.75", ""], "INTPTLON": ["-84.33", "-84.33"]}
    )  # fmt: skip
    table.to_csv(tmp_path / "blocks.csv", index=False)
    frame, told = ingest(tmp_path, None, name="blocks.csv", layer="blocks_2020")
    assert frame["population_2020"].tolist() == [5]
    assert told.left_out == {"null or empty shape": 1}


def test_census_codes_become_missing_and_keep_their_kind(tmp_path):
    columns = CITY.layers["acs_2019"].sources[0].columns
    raw = {name: "12" for entry in columns.values() for name in _inputs(entry)}
    raw |= {
        "TractFIPS": "13121003100",
        "housing_pc_renteroccupied": "-666666666",
        "medhhinc_all": "-666666666",
    }
    pd.DataFrame([raw]).to_csv(tmp_path / "acs.csv", index=False)
    frame, told = ingest(tmp_path, None, name="acs.csv", layer="acs_2019")
    row = frame.iloc[0]
    assert pd.isna(row["renter_share"])
    assert row["renter_share_kind"] == "no_estimate"
    assert row["vacant_share"] == pytest.approx(0.12)
    assert row["rent_burdened_30_share"] == pytest.approx(0.24)
    assert told.changed["median_household_income_usd: Census code, no_estimate"] == 1


def test_multipart_lots_survive(tmp_path):
    frame = parcels(PARCELID=list("abcdef"))
    frame.loc[0, "geometry"] = MultiPolygon([at(0, 0), at(400, 0)])
    result, _ = ingest(tmp_path, frame)
    assert result.set_index("parcel_id").loc["a", "lot_area_ft2"] == pytest.approx(15_000)


def test_owner_words():
    types = [{"name": "public", "words": ["CITY OF"]}, {"name": "company", "words": ["LLC", "CO"]}]
    names = [pd.Series(["City of Atlanta LLC", "COLE PORTER", "COLE CO.", ""]), pd.Series([None] * 4)]
    assert owners.owner_type(names, types).tolist() == ["public", "person", "company", "unknown"]


def test_two_files_of_one_source_compete(tmp_path):
    (tmp_path / "parcels").mkdir()
    for name in ("taxparcel.gpkg", "taxparcel.fgb"):
        (tmp_path / "parcels" / name).touch()
    with pytest.raises(ValidationError, match="2 files compete"):
        find.find(CITY.layers["parcels"], [tmp_path])


def test_a_file_of_lower_order_is_listed_as_unused(tmp_path):
    folder = tmp_path / "coa_zoning"
    folder.mkdir()
    for name in ("zoning_districts_citywide_epsg6447.gpkg", "zoning_districts_eastside.geojson"):
        (folder / name).touch()
    found = find.find(CITY.layers["zoning"], [tmp_path])
    assert found.relative == "coa_zoning/zoning_districts_citywide_epsg6447.gpkg"
    assert [path.name for path in found.unused] == ["zoning_districts_eastside.geojson"]


def test_fixtures_are_never_found(tmp_path):
    (tmp_path / "fixtures" / "coa_parcels").mkdir(parents=True)
    (tmp_path / "fixtures" / "coa_parcels" / "parcels_x.geojson").touch()
    assert find.find(CITY.layers["parcels"], [tmp_path]) is None
