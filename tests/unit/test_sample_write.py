"""The written sample: schemas, quirks, faults, bytes."""

import hashlib
import tomllib

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio

from densitymap.errors import UsageError, ValidationError
from densitymap.sample import files, write

LAYERS = {
    "assessor/dekalb_assessment.gpkg": "EPSG:2240",
    "assessor/fulton_structures.gpkg": "EPSG:2240",
    "assessor/fulton_tax_parcels_2025.gpkg": "EPSG:2240",
    "assisted/hud_assisted_housing.geojson": "EPSG:4326",
    "beltline/beltline_loop.geojson": "EPSG:4326",
    "boundaries/city_limits.fgb": "EPSG:4326",
    "boundaries/council_districts_2022.geojson": "EPSG:4326",
    "boundaries/council_districts_former.geojson": "EPSG:4326",
    "boundaries/counties.geojson": "EPSG:4326",
    "boundaries/neighborhoods.fgb": "EPSG:4326",
    "boundaries/npus.geojson": "EPSG:4326",
    "buildings/buildings.gpkg": "EPSG:2240",
    "census/block_groups_2020.zip": "EPSG:4269",
    "census/tracts_2000.zip": "EPSG:4269",
    "census/tracts_2010.zip": "EPSG:4269",
    "census/tracts_2020.zip": "EPSG:4269",
    "flood/flood_hazard_zones.fgb": "EPSG:4269",
    "parks/greenspace.fgb": "EPSG:4326",
    "streets/streets.gpkg": "EPSG:2240",
    "transit/marta_rail_lines.geojson": "EPSG:4326",
    "transit/marta_stations.geojson": "EPSG:4326",
    "zoning/zoning.gpkg": "EPSG:6447",
}
N_LOTS = 900


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("sample") / "district5"
    write.write_sample(place, n_lots=N_LOTS, seed=5)
    return place


@pytest.fixture(scope="module")
def parcels(folder):
    return gpd.read_parquet(folder / "parcels" / "taxparcel.parquet")


def acs(folder, name):
    return pd.read_csv(folder / "census" / f"{name}.csv", dtype=str, keep_default_na=False)


def cells(table, name, first, last):
    return [table[f"{name}_{k:03d}E"].astype(int) for k in range(first, last + 1)]


def test_the_pack_says_it_is_synthetic(folder):
    pack = tomllib.loads((folder / "pack.toml").read_text())
    assert pack == {
        "title": "SYNTHETIC SAMPLE",
        "synthetic": True,
        "seed": 5,
        "n_lots": N_LOTS,
        "generator": "4",
    }


@pytest.mark.parametrize(("path", "crs"), LAYERS.items())
def test_each_layer_reads_back_over_the_district(folder, path, crs):
    layer = pyogrio.read_dataframe(folder / path)
    assert layer.crs == crs
    assert len(layer)
    west, south, east, north = layer.to_crs("EPSG:4326").total_bounds
    assert -84.40 < west <= east < -84.27
    assert 33.71 < south <= north < 33.78


def test_the_list_of_files_is_whole(tmp_path):
    told = []
    done = write.write_sample(tmp_path / "s", n_lots=500, progress=lambda now, end: told.append((now, end)))
    assert set(LAYERS) < set(done["files"])
    assert {"parcels/taxparcel.parquet", "assessor/dekalb_iasworld.parquet", "sales/sales.csv"} < set(
        done["files"]
    )
    assert told == [(500, 500)]


def test_parcels_have_the_city_s_fields(parcels, real_dir):
    real = pyogrio.read_info(real_dir / "coa_parcels" / "parcels_d5_pseudonymised.geojson")["fields"]
    assert parcels.columns.drop("geometry").tolist() == list(real)


def test_zoning_has_the_city_s_fields(folder, real_dir):
    real = pyogrio.read_info(real_dir / "coa_zoning" / "zoning_districts_citywide_epsg6447.gpkg")["fields"]
    ours = set(pyogrio.read_info(folder / "zoning" / "zoning.gpkg")["fields"])
    unpublished = {"CREATEDATE", "EDITTED", "LANDUSE_INTERP"}
    assert set(real) - unpublished <= ours


def test_blocks_have_the_count_s_columns(folder, real_dir):
    with (real_dir / "census" / "blocks_2020_pl94171_atlanta.csv").open() as stream:
        real = stream.readline().strip().split(",")
    blocks = pd.read_csv(folder / "census" / "blocks_2020_pl94171.csv", dtype={"GEOCODE": str})
    assert list(blocks.columns) == real
    groups = ["WHITE", "BLACK", "NATIVE", "ASIAN", "PACISL", "OTHER", "MULTINH", "HISPANIC"]
    assert (blocks[groups].sum(axis=1) == blocks["POP100"]).all()
    assert (blocks["OCCUPIED"] + blocks["VACANT"] == blocks["HU100"]).all()
    assert blocks["HU100"].sum() > N_LOTS / 2


def test_every_lot_is_a_record_once(parcels):
    number = (parcels["OBJECTID"] - 1) // 32  # 32 numbers are set aside for each lot's records
    assert sorted(number.unique()) == list(range(N_LOTS))
    single = parcels[parcels["BUILDING"].eq(" ") & ~number.duplicated(keep=False)]
    assert len(single) > 0.8 * N_LOTS


def test_identifiers_keep_each_county_s_form(parcels):
    ids = parcels.loc[parcels["PARCELID"] != "NO ID", "PARCELID"]
    fulton = ids[ids.str.startswith("14")]
    dekalb = ids[~ids.str.startswith("14")]
    assert fulton.str.fullmatch(r"14 \d{12}|14 \d{4}  LL\d{4}").all()
    assert fulton.str.contains("  ").any()
    assert dekalb.str.fullmatch(r"(15|18) \d{3} \d\d \d{3}").all()
    assert (dekalb.str[3:6].astype(int) >= 400).all()  # land lots no real parcel of the district has


def test_the_layer_has_its_faults(parcels):
    named = parcels[parcels["PARCELID"] != "NO ID"]
    again = named[named["PARCELID"].duplicated(keep=False)]
    shapes = again.groupby("PARCELID")["geometry"].agg(lambda some: len({s.wkb for s in some}))
    assert {1, 2} <= set(shapes)  # a record printed twice, and an identifier on two lots
    assert (parcels["PARCELID"] == "NO ID").sum() >= 2
    assert parcels.geometry.isna().sum() >= 1
    assert parcels["NEIGHBORHOOD"].isna().any()
    assert (~parcels.geometry.dropna().is_valid).sum() >= 1
    assert (parcels.geom_type == "MultiPolygon").any()
    assert parcels["SITEADDRESS"].str.endswith(" ").all()
    assert parcels["OBJECTID"].is_unique
    assert parcels["GLOBALID"].is_unique


def test_condominiums_share_a_shape(parcels):
    stacked = parcels[parcels["BUILDING"].eq("UNIT") & ~parcels["PARCELID"].duplicated(keep=False)]
    stacks = stacked.groupby("LOWPARCELID")
    assert stacks.ngroups >= 2
    assert (stacks["PARCELID"].nunique() == stacks.size()).all()
    assert stacks["geometry"].agg(lambda shapes: len({s.wkb for s in shapes})).eq(1).all()


def test_dekalb_has_a_hole_where_the_city_s_layer_has_one(parcels):
    fulton = parcels["CVTTXCD"].eq("05")
    for field in ("LIVUNITS", "TOT_APPR", "IMPR_APPR", "LANDAPPR", "LANDASSESS", "IMPRASSESS"):
        assert parcels.loc[~fulton, field].isna().all(), field
        assert parcels.loc[fulton, field].notna().all(), field
    assert (parcels.loc[~fulton, "LNDVALUE"] == 0).all()
    assert (parcels["LASTUPDATE"] > 1e12).all()  # epoch milliseconds
    area = parcels.geometry[parcels.is_valid & parcels.geometry.notna()]
    np.testing.assert_allclose(area.area, parcels.loc[area.index, "SHAPE.AREA"], rtol=1e-6)


def test_owners_are_invented_and_some_live_at_the_property(parcels):
    assert parcels["OWNERNME1"].str.fullmatch(r"SAMPLE OWNER \d{5}( [A-Z ]+)?").all()
    assert parcels["OWNERNME2"].str.fullmatch(r"SAMPLE OWNER \d{5}| ").all()
    assert {"LLC", "TRUST"} <= set(parcels["OWNERNME1"].str.split().str[3].dropna())
    number = parcels["SITEADDRESS"].str.extract(r"(\d+) \D+$")[0]
    home = parcels["PSTLADDRESS"].str.split().str[0].eq(number) & ~parcels["PSTLADDRESS"].str.contains(
        "SAMPLE MAIL"
    )
    assert 0.3 < home.mean() < 0.7


def test_hostile_text_is_there_to_be_disarmed(parcels):
    for text in ("<img src=x onerror=alert(1)>", "${alert(1)}", "`alert(1)`", "=cmd|' /C calc'!A0"):
        assert parcels["SITEADDRESS"].str.startswith(text).any(), text


def test_assessors_fill_each_other_s_gaps(folder, parcels):
    fulton = pyogrio.read_dataframe(folder / "assessor" / "fulton_tax_parcels_2025.gpkg")
    homes = {"101": 1, "102": 2, "103": 3, "104": 4, "100": 0}
    known = fulton[fulton["LUCode"].isin(homes)]
    assert (known["LivUnits"] == known["LUCode"].map(homes)).all()
    np.testing.assert_allclose(fulton["TotAppr"], fulton["LandAppr"] + fulton["ImprAppr"], atol=1)
    dekalb = gpd.read_parquet(folder / "assessor" / "dekalb_iasworld.parquet")
    values = pyogrio.read_dataframe(folder / "assessor" / "dekalb_assessment.gpkg")
    assert set(values["PARCELID"]) == set(dekalb["PARCELID"])
    assert "LIVUNITS" not in dekalb
    assert dekalb["RESYRBLT"].isna().any()
    built = dekalb.loc[dekalb["RESYRBLT"] > 0, "RESYRBLT"]
    assert built.between(1890, 2025).all()
    ids = set(fulton["ParcelID"]) | set(dekalb["PARCELID"])
    assert set(parcels["PARCELID"]) - ids == {"NO ID"}
    years = pyogrio.read_dataframe(folder / "assessor" / "fulton_structures.gpkg")["YearBuilt"]
    assert years.str.fullmatch(r"\d{4}| ").all()


@pytest.mark.parametrize("table", ["B25032", "B25118"])
def test_tenure_tables_are_the_cells_of_the_whole_one(folder, table):
    whole, part = acs(folder, "acs5_2024_tracts"), acs(folder, f"{table.lower()}_2024_tracts")
    cells = {name for name in whole if name.startswith(table)}
    assert len(cells) == {"B25032": 46, "B25118": 50}[table]
    assert set(part) - cells == {"GEO_ID", "NAME", "state", "county", "tract"}
    pd.testing.assert_frame_equal(part, whole[list(part)])


@pytest.mark.parametrize("name", ["acs5_2019_tracts", "acs5_2024_tracts", "acs5_2024_block_groups"])
def test_census_tables_agree_with_themselves(folder, name):
    table = acs(folder, name)
    parts = {
        "B03002": (3, 9, 12), "B15003": (2, 25), "B19001": (2, 17), "B25002": (2, 3), "B25003": (2, 3),
        "B25024": (2, 11), "B25034": (2, 11), "B25070": (2, 11), "C17002": (2, 8),
    }  # fmt: skip
    for cell, (first, last, *more) in parts.items():
        total = sum(cells(table, cell, first, last)) + sum(
            table[f"{cell}_{k:03d}E"].astype(int) for k in more
        )
        assert (total == table[f"{cell}_001E"].astype(int)).all(), cell
    for cell, owner, renter, last in (("B25007", 2, 12, 21), ("B25032", 2, 13, 23), ("B25044", 2, 9, 15)):
        for start, end in ((owner, renter - 1), (renter, last)):
            head, *rest = cells(table, cell, start, end)
            assert (head == sum(rest)).all(), (cell, start)
    households = table["B25003_001E"].astype(int)
    for cell in ("B19001_001E", "B25007_001E", "B25032_001E", "B25044_001E", "B25002_002E"):
        assert (table[cell].astype(int) == households).all(), cell
    assert (table["B25070_001E"] == table["B25003_003E"]).all()
    assert (table["B25024_001E"] == table["B25002_001E"]).all()


def test_tracts_are_the_sums_of_their_block_groups(folder):
    tracts, groups = acs(folder, "acs5_2024_tracts"), acs(folder, "acs5_2024_block_groups")
    key = groups["GEO_ID"].str[9:20]
    for cell in ("B01003_001E", "B25003_003E", "B19001_011E", "B15003_022E"):
        total = groups[cell].astype(int).groupby(key).sum()
        assert (total == tracts.set_index(tracts["GEO_ID"].str[9:])[cell].astype(int)).all(), cell
    assert "B25118_001E" in tracts
    assert "B25118_001E" not in groups
    owned = sum(cells(tracts, "B25118", 3, 13))
    assert (owned == tracts["B25118_002E"].astype(int)).all()
    assert (sum(cells(tracts, "B25118", 15, 25)) == tracts["B25003_003E"].astype(int)).all()


def test_tables_join_their_own_vintage(folder):
    for name, shapes in (
        ("acs5_2019_tracts", "tracts_2010"),
        ("acs5_2024_tracts", "tracts_2020"),
        ("acs5_2024_block_groups", "block_groups_2020"),
    ):
        geoid = set(pyogrio.read_dataframe(folder / "census" / f"{shapes}.zip", read_geometry=False)["GEOID"])
        table = acs(folder, name)
        assert set(table["GEO_ID"].str[9:]) == geoid, name
        assert (table["GEO_ID"].str[9:11] == table["state"]).all()


def test_margins_grow_with_the_estimate_and_sentinels_occur(folder):
    groups = acs(folder, "acs5_2024_block_groups")
    estimate, margin = groups["B25003_001E"].astype(int), groups["B25003_001M"].astype(int)
    assert (margin.iloc[np.argsort(estimate)].diff().dropna() >= 0).all()
    assert margin.min() >= 12
    assert "-555555555" in set(groups["B01003_001M"])
    income = groups["B19013_001E"].astype(int)
    few = groups["B25003_001E"].astype(int) < 15
    assert (income[few] == -666666666).all()
    assert (groups.loc[few, "B19013_001M"] == "-222222222").all()
    assert income[~few].between(2_500, 250_001).all()


def test_sales_are_spoilt_in_the_ways_real_ones_are(tmp_path):
    write.write_sample(tmp_path / "s", n_lots=4000, seed=5)
    sales = pd.read_csv(tmp_path / "s" / "sales" / "sales.csv", dtype=str, keep_default_na=False)
    assert list(sales.columns) == [
        "sale_date",
        "sale_price",
        "square_ft",
        "year_built",
        "lat",
        "lon",
        "neighborhood",
    ]
    for price in ("1", "0"):
        assert (sales["sale_price"] == price).any(), price
    assert sales["sale_price"].str.startswith("-").any()
    assert sales["sale_price"].str.startswith("$").any()
    assert (sales["square_ft"] == "").any()
    assert (sales["sale_date"] > "2030").any()
    assert sales.duplicated(["lat", "lon"]).any()  # condominiums share a point
    sound = sales[sales["sale_price"].str.fullmatch(r"\d{5,}") & sales["square_ft"].ne("")]
    assert len(sound) / len(sales) > 0.98
    rate = sound["sale_price"].astype(float) / sound["square_ft"].astype(float)
    assert 150 < rate.median() < 450


def test_permits_name_their_place_but_for_some(folder, parcels):
    permits = pd.read_csv(folder / "permits" / "permits.csv")
    columns = ["record_id", "address", "record_type", "date_opened", "latitude", "longitude"]
    assert list(permits.columns) == columns
    assert permits["record_id"].is_unique
    middle = parcels.geometry.envelope.centroid.to_crs("EPSG:4326")
    place = pd.DataFrame(
        {"address": parcels["SITEADDRESS"].str.rstrip(), "x": middle.x, "y": middle.y}
    ).drop_duplicates("address")
    both = permits.merge(place, on="address")
    off = np.hypot(both["x"] - both["longitude"], both["y"] - both["latitude"])
    assert (off < 1e-6).mean() > 0.9
    assert (off > 1e-4).any()


def test_streets_have_names_and_alleys(folder):
    streets = pyogrio.read_dataframe(folder / "streets" / "streets.gpkg")
    names = set(streets["name"].dropna())
    assert {"Memorial Drive Southeast", "Moreland Avenue Southeast", "DeKalb Avenue Northeast"} <= names
    assert (streets["service"] == "alley").any()
    memorial = streets[streets["name"].eq("Memorial Drive Southeast")]
    west, south, east, north = memorial.total_bounds
    assert east - west > 10 * (north - south)


def test_rasters_are_in_metres_and_percent_with_no_data_beyond(folder):
    for name, low, high, nodata in (("dem_10m", 200, 400, -999999.0), ("canopy_10m", 0, 100, 255)):
        with rasterio.open(folder / "rasters" / f"{name}.tif") as raster:
            values = raster.read(1, masked=True)
            assert raster.crs == "EPSG:26916"
            assert raster.res == (10.0, 10.0)
            assert raster.nodata == nodata
            assert raster.tags()["TITLE"] == "SYNTHETIC SAMPLE"
        assert 0.005 < values.mask.mean() < 0.5
        assert low < values.min() < values.max() < high


def test_the_same_seed_gives_the_same_bytes_in_any_chunks(folder, tmp_path, monkeypatch):
    def sums(place):
        return {
            str(f.relative_to(place)): hashlib.sha256(f.read_bytes()).hexdigest()
            for f in place.rglob("*")
            if f.is_file()
        }

    write.write_sample(tmp_path / "again", n_lots=N_LOTS, seed=5)
    assert sums(tmp_path / "again") == sums(folder)
    write.write_sample(tmp_path / "other", n_lots=N_LOTS, seed=6)
    assert sums(tmp_path / "other")["parcels/taxparcel.parquet"] != sums(folder)["parcels/taxparcel.parquet"]
    monkeypatch.setattr(write, "LOTS_AT_ONCE", 150)
    write.write_sample(tmp_path / "chunks", n_lots=N_LOTS, seed=5)
    for name in ("sales/sales.csv", "census/acs5_2024_tracts.csv"):
        assert sums(tmp_path / "chunks")[name] == sums(folder)[name], name
    chunked = gpd.read_parquet(tmp_path / "chunks" / "parcels" / "taxparcel.parquet").sort_values(
        "OBJECTID", ignore_index=True
    )
    whole = gpd.read_parquet(folder / "parcels" / "taxparcel.parquet").sort_values(
        "OBJECTID", ignore_index=True
    )
    pd.testing.assert_frame_equal(
        pd.DataFrame(chunked).drop(columns="geometry"), pd.DataFrame(whole).drop(columns="geometry")
    )


def test_a_failure_keeps_the_sample_that_was_there(tmp_path, monkeypatch):
    place = tmp_path / "s"
    write.write_sample(place, n_lots=500)
    before = (place / "parcels" / "taxparcel.parquet").read_bytes()

    def full_disk(grid, folder):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write, "write_rasters", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write.write_sample(place, n_lots=600)
    assert (place / "parcels" / "taxparcel.parquet").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_a_folder_that_is_not_a_sample_is_never_replaced(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="left alone"):
        write.write_sample(tmp_path / "mine", n_lots=500)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_an_empty_folder_may_be_filled(tmp_path):
    (tmp_path / "new").mkdir()
    with files.replacing(tmp_path / "new") as fresh:
        (fresh / files.MARK).write_text("synthetic = true\n")
    assert (tmp_path / "new" / files.MARK).is_file()
    assert len(list(tmp_path.iterdir())) == 1


def test_the_clock_setting_is_put_back():
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    with files.steady_bytes():
        assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") == before


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    target = tmp_path / "file" / "pack"
    with pytest.raises(ValidationError, match="pack could not be written"), files.replacing(target):
        raise AssertionError
