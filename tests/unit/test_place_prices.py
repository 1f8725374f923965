"""Prices of neighbourhoods in a workspace: from its own sales, beside the shipped ones, and who says so."""

import json
import shutil
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import box

from commands import densitymap
from densitymap import params, schema
from densitymap.city import load_city
from densitymap.feasibility.adapter import lots_of
from densitymap.feasibility.as_is import ASSESSOR, BY_FLOOR, BY_MEDIAN
from densitymap.feasibility.costs import load_costs
from densitymap.feasibility.pays import BY_PLACE, PRICED, STANDS_IN, priced, told_of, worth_of
from densitymap.feasibility.prices import BY_MEAN, BY_SIZE, NOT_VALIDATED
from densitymap.feasibility.priors import TENTH
from densitymap.pipeline import workspace
from densitymap.pipeline.funnel import build_funnel
from densitymap.pipeline.layers import Layers, build_layers
from densitymap.pipeline.place_prices import (
    MEANS,
    SALES,
    SHIPPED,
    beside_shipped,
    build_places,
    read_places,
    shipped_places,
)
from densitymap.pipeline.workspace import Workspace

CITY, COSTS = load_city(), load_costs()
ELASTICITY = COSTS["price_size_elasticity"]
X, Y = 2_240_000.0, 1_360_000.0  # a place in the city, in its plane


def sales_layer(
    rate: float, count: int, *, x: float = X, named: bool = True, **changes: object
) -> gpd.GeoDataFrame:
    """Houses of 1,500 ft2 sold at a rate in mid 2023, each on its own point from `x` east."""
    table = gpd.GeoDataFrame(
        {
            "sale_date": pd.array(["2023-07-01"] * count, dtype="string"),
            "sale_price_stated_usd": 1_500.0 * rate, "sale_floor_area_ft2": 1_500.0,
            "sale_year_built": pd.array([1_940] * count, dtype="Int64"),
            "neighborhood": pd.array(["Edgewood" if named else None] * count, dtype="string"),
        },
        geometry=gpd.points_from_xy(x + 20.0 * np.arange(count), [Y] * count), crs=CITY.crs,
    )  # fmt: skip
    return table.assign(**changes)


def means_layer(levels: dict[str, float]) -> pd.DataFrame:
    rows = [(name, 2023, 40.0, 1_500 * rate, 1_450 * rate) for name, rate in levels.items()]
    columns = ["neighborhood", "sold_in_year", "sales_in_year", "sale_mean_usd", "sale_median_usd"]
    return pd.DataFrame(rows, columns=columns)


def told_from(tmp_path: Path, **tables: pd.DataFrame) -> tuple[pd.DataFrame, dict]:
    """The table and what is told of it, of a workspace that has these layers."""
    space, layers = Workspace(tmp_path), Layers(tmp_path / "data" / "2_layers")
    for name, table in tables.items():
        workspace.write_frame(layers.folder / f"{name}.parquet", table)
        layers.receipts[name] = {
            "layer": name, "title": name, "vintage": "2023", "licence": "none", "rows_out": len(table),
        }  # fmt: skip
    told = build_places(space, CITY, layers, elasticity=ELASTICITY)
    return read_places(space).set_index("neighborhood"), told


def test_a_workspace_without_sales_has_the_shipped_prices_marked(tmp_path):
    table, told = told_from(tmp_path)
    assert table["price_note"].str.startswith(SHIPPED).all()
    assert told["places_shipped"] == len(table) == len(shipped_places())
    assert told["layers"] == []
    assert told["sales_used"] is None


def test_own_sales_stand_before_the_shipped_ones(tmp_path):
    table, told = told_from(tmp_path, sales_with_size=sales_layer(123.0, 20))
    own = table.loc["Edgewood"]
    assert own["price_usd_per_ft2"] == pytest.approx(123.0)
    assert (own["price_source"], own["price_note"]) == (BY_SIZE, "")
    assert (own["median_sale_price_usd"], own["sales_count"]) == (pytest.approx(184_500.0), 20)
    assert told["places_shipped"] == len(table) - 1
    assert told["sales_used"] == 20


def test_sales_too_few_are_said_and_price_nothing(tmp_path):
    table, told = told_from(tmp_path, sales_with_size=sales_layer(123.0, 3))
    assert table.loc["Edgewood", "price_note"].startswith(SHIPPED)
    assert "No neighbourhood has sales enough" in told["fault"]


def test_bad_sales_are_dropped_with_their_reasons_and_stop_nothing(tmp_path):
    good = sales_layer(123.0, 20)
    bad = pd.concat(
        [
            sales_layer(123.0, 1, x=X - 500, sale_price_stated_usd=-5.0),
            sales_layer(123.0, 2, x=X - 900, sale_price_stated_usd=1.0),
            sales_layer(123.0, 1, x=X - 990, sale_floor_area_ft2=np.nan),
            sales_layer(123.0, 1, x=X - 999, sale_date="2099-01-01"),
        ]
    )
    table, told = told_from(tmp_path, sales_with_size=pd.concat([good, bad], ignore_index=True))
    assert table.loc["Edgewood", "price_usd_per_ft2"] == pytest.approx(123.0)
    assert {row["reason"].split(":")[0]: row["rows"] for row in told["sales_dropped"]} == {
        "price is under $10,000": 2, "price is zero or negative": 1, "square_ft is missing or not a number": 1,
        "sale_date lies in the future": 1,
    }  # fmt: skip


def test_a_sale_without_a_neighbourhood_takes_the_one_it_lies_in(tmp_path):
    shapes = gpd.GeoDataFrame(
        {"neighborhood": pd.array(["West", "East"], dtype="string")},
        geometry=[box(X - 10, Y - 50, X + 990, Y + 50), box(X + 990, Y - 50, X + 5_000, Y + 50)], crs=CITY.crs,
    )  # fmt: skip
    west, east = sales_layer(100.0, 20, named=False), sales_layer(200.0, 20, x=X + 1_000, named=False)
    both = pd.concat([west, east], ignore_index=True)
    table, _ = told_from(tmp_path, sales_with_size=both, neighborhoods=shapes)
    assert table.loc["West", "price_usd_per_ft2"] == pytest.approx(100.0)
    assert table.loc["East", "price_usd_per_ft2"] == pytest.approx(200.0)


def test_a_tower_gives_no_price_of_houses(tmp_path):
    tower = sales_layer(900.0, 30).set_geometry(gpd.points_from_xy([X - 400.0] * 30, [Y] * 30, crs=CITY.crs))
    both = pd.concat([tower, sales_layer(123.0, 20)], ignore_index=True)
    table, _ = told_from(tmp_path, sales_with_size=both)
    assert table.loc["Edgewood", "price_usd_per_ft2"] == pytest.approx(123.0)
    assert table.loc["Edgewood", "sales_count"] == 20


def test_means_price_the_places_whose_sales_have_no_size(tmp_path):
    rates = {f"N{number}": 200.0 + 20 * number for number in range(8)}
    sales = [
        sales_layer(rate, 20, x=X + 1_000 * at, neighborhood=name)
        for at, (name, rate) in enumerate(rates.items())
    ]
    tables = {SALES: pd.concat(sales, ignore_index=True), MEANS: means_layer({**rates, "Far": 290.0})}
    table, told = told_from(tmp_path, **tables)
    assert table.loc["Far", "price_usd_per_ft2"] == pytest.approx(290.0, rel=0.05)
    assert (table.loc["Far", "price_source"], table.loc["Far", "price_note"]) == (BY_MEAN, NOT_VALIDATED)
    assert [layer["layer"] for layer in told["layers"]] == [SALES, MEANS]


def test_no_prices_are_shipped_for_another_city():
    own = shipped_places().head(2)
    assert beside_shipped(own, "elsewhere")["neighborhood"].tolist() == own["neighborhood"].tolist()
    assert len(shipped_places("elsewhere")) == 0


@pytest.fixture(scope="module")
def space(sample_space, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("place_prices") / "space"
    return Path(shutil.copytree(sample_space, folder))


def test_a_build_keeps_prices_receipts_and_lock(space):
    table = pd.read_parquet(space / "data/4_results/place_prices.parquet")
    schema.check(table, "place_prices")
    lock = json.loads((space / "densitymap.lock").read_text())["layers"][SALES]
    assert lock["file"] == "sales/sales.csv"
    assert lock["licence"]
    told = json.loads((space / "data/4_results/funnel.json").read_text())["prices"]
    (layer,) = told["layers"]
    assert told["sales_used"] + sum(row["rows"] for row in told["sales_dropped"]) == layer["rows_out"]
    assert told["year"] == 2023
    lots = len(pd.read_parquet(space / "data/3_parcels/parcels.parquet", columns=["parcel_id"]))
    assert {sum(told["lots_by_source"][what].values()) for what in ("price", "as_is")} == {lots}


def test_another_price_of_one_sale_is_noticed_by_the_next_run(space):
    place = Workspace(space)
    file = place.raw / "sales" / "sales.csv"
    sales = pd.read_csv(file, dtype=str)
    was = read_places(place)
    layers = build_layers(place, CITY, [place.raw], progress=lambda _: None)
    build_funnel(place, CITY, layers)
    assert build_funnel(place, CITY, layers) == []
    dearer = pd.to_numeric(sales["sale_price"], errors="coerce") * 2
    sales.assign(sale_price=dearer.astype("Int64")).to_csv(file, index=False)
    layers = build_layers(place, CITY, [place.raw], progress=lambda _: None)
    assert layers.redone == [SALES]
    assert build_funnel(place, CITY, layers) == ["funnel"]
    now = read_places(place).set_index("neighborhood")
    own = was[~was["price_note"].str.startswith(SHIPPED)].set_index("neighborhood")
    assert len(own)
    ratio = now.loc[own.index, "price_usd_per_ft2"] / own["price_usd_per_ft2"]
    assert ratio.to_numpy(float) == pytest.approx(2.0, rel=0.03)


PLACES = schema.conform(
    pd.DataFrame(
        {
            "neighborhood": ["Edgewood", "Kirkwood"], "price_usd_per_ft2": [300.0, 250.0],
            "price_p10_usd_per_ft2": [270.0, 245.0], "price_p90_usd_per_ft2": [333.0, 255.0],
            "price_source": [BY_MEAN, BY_SIZE], "price_note": [NOT_VALIDATED, ""], "price_year": 2023,
            "median_sale_price_usd": [480_000.0, 400_000.0],
        }
    ),
    "place_prices",
)  # fmt: skip
LOTS = pd.DataFrame(
    {
        "neighborhood": pd.array(["Edgewood", "Kirkwood", "Lake Claire", "Nowhere"], dtype="string"),
        "digest_class": pd.array(["R3"] * 4, dtype="string"),
        "existing_units": pd.array([None] * 4, dtype="Int64"),
        "is_built": pd.array([None] * 4, dtype="boolean"),
        "existing_floor_area_ft2": pd.array([None] * 4, dtype="Float64"),
        "appraised_value_usd": pd.array([None, 510_000.0, None, None], dtype="Float64"),
        "value_year": pd.array([None, 2024, None, None], dtype="Int64"),
        "year_built": pd.array([None] * 4, dtype="Int64"),
        "owner_occupied": pd.array([None] * 4, dtype="boolean"),
    }
)


def test_each_lot_says_who_says_its_worth():
    lots = priced(LOTS, PLACES, elasticity=ELASTICITY)
    told = told_of(lots, COSTS)
    assert told["price_source"].tolist()[:3] == [BY_MEAN, BY_SIZE, BY_PLACE]
    assert told.iloc[3].isna().all()
    assert told["price_note"].tolist()[:3] == [NOT_VALIDATED, "", STANDS_IN]
    assert told["price_year"].tolist()[:2] == [2023, 2023]
    assert told["as_is_source"].tolist()[:3] == [BY_MEDIAN, ASSESSOR, BY_PLACE]
    assert told["as_is_year"].tolist()[:2] == [2023, 2024]
    known = told.iloc[:3]
    worth = worth_of(lots, COSTS)
    for name, value in (("price", worth.price_usd_per_ft2[:3]), ("as_is", worth.as_is_usd[:3])):
        assert (known[f"{name}_low"].to_numpy(float) < value).all()
        assert (known[f"{name}_high"].to_numpy(float) > value).all()


def test_prices_go_from_their_low_to_their_high_end():
    lots = priced(LOTS, PLACES, elasticity=ELASTICITY)
    low, high = (worth_of(lots, COSTS, bound=end).price_usd_per_ft2 for end in ("low", "high"))
    assert low[:2].tolist() == [270.0, 245.0]
    assert high[:2].tolist() == [333.0, 255.0]
    assert np.isnan(low[3])


def test_a_shop_has_the_price_of_its_place_and_no_value_of_a_house():
    lots = priced(LOTS.assign(digest_class="C3"), PLACES, elasticity=ELASTICITY)
    told = told_of(lots, COSTS)
    assert told["price_source"].iloc[0] == BY_MEAN
    assert told["as_is_source"].isna().tolist() == [True, False, True, True]  # the appraisal stays


def test_draws_move_each_place_by_its_own_interval():
    lots = priced(LOTS, PLACES, elasticity=ELASTICITY)
    _, places = lots_of(lots, worth_of(lots, COSTS), year=2025)
    found = dict(zip(places.names, places.price_sd, strict=True))
    assert found["Edgewood"] == pytest.approx(np.log(333 / 270) / (2 * TENTH))
    assert found["Kirkwood"] == pytest.approx(np.log(255 / 245) / (2 * TENTH))
    assert np.isnan(found["Lake Claire"])
    seen = np.std(places.luck(7, 4_000), axis=0)
    assert seen[list(places.names).index("Edgewood")] == pytest.approx(found["Edgewood"], rel=0.05)
    default = params.load("uptake", "choices")["place_price_sd"]["value"]
    assert seen[list(places.names).index("Lake Claire")] == pytest.approx(default, rel=0.05)


def test_lots_without_prices_take_the_catalogues_spread():
    _, places = lots_of(LOTS, worth_of(LOTS, COSTS), year=2025)
    assert np.isnan(places.price_sd).all()


def lines_of(*args: str, folder: Path) -> tuple[dict, dict]:
    lot = ["--lot", "POLYGON((0 0,50 0,50 150,0 150,0 0))", "--zone", "R-5", "--house", "8 30 42 70"]
    ran = densitymap("proforma", *lot, "--type", "duplex", *args, "--workspace", folder, "--json")
    assert ran.code == 0, ran.err
    return {line["name"]: line for line in ran.document["lines"]}, ran.document["prices"]


def test_a_pro_forma_names_source_year_and_interval_of_its_prices(tmp_path):
    lines, prices = lines_of("--place", "Kirkwood", "--floor", "1200", folder=tmp_path)
    shipped = shipped_places().set_index("neighborhood").loc["Kirkwood"]
    price = lines["place_price_usd_per_ft2"]
    assert price["source"] == f"{BY_MEAN}, 2023 dollars; {NOT_VALIDATED}"
    assert [price[part] for part in ("low", "value", "high")] == [shipped[PRICED[at]] for at in (1, 0, 2)]
    assert price["year"] == 2023
    as_is = lines["as_is_usd"]
    assert as_is["low"] < as_is["value"] < as_is["high"]
    assert as_is["source"].startswith(f"{BY_FLOOR}, 2023 dollars")
    assert as_is["value"] == pytest.approx(price["value"] * 1_200 * (1_200 / 1_500) ** ELASTICITY)
    assert (prices["source"], prices["as_is_source"]) == (price["source"], as_is["source"])


def test_a_place_without_a_price_takes_the_costs_median_and_says_so(tmp_path):
    workspace.write_frame(Workspace(tmp_path).results / "place_prices.parquet", shipped_places().head(1))
    lines, _ = lines_of("--place", "Kirkwood", folder=tmp_path)
    assert lines["place_price_usd_per_ft2"]["source"].endswith(STANDS_IN)
    assert lines["as_is_usd"]["source"].endswith(STANDS_IN)


def test_what_was_set_is_said_by_whoever_set_it(tmp_path):
    lines, _ = lines_of("--set", "place_price=410", "--set", "as_is=300000", folder=tmp_path)
    for name, value in (("place_price_usd_per_ft2", 410), ("as_is_usd", 300_000)):
        assert lines[name]["source"] == "given on the command line"
        assert (lines[name]["low"], lines[name]["value"], lines[name]["high"]) == (value, value, value)
