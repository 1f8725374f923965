"""Prices of places on the real pack: the workspace's own sales give what is shipped, to its rounding."""

import pandas as pd
import pytest

from densitymap.city import load_city
from densitymap.displacement.acs import measures
from densitymap.feasibility.costs import load_costs
from densitymap.ingest.find import find
from densitymap.ingest.normalise import layer_from
from densitymap.pipeline import workspace
from densitymap.pipeline.layers import Layers
from densitymap.pipeline.place_prices import MEANS, SALES, build_places, read_places, shipped_places
from densitymap.pipeline.workspace import Workspace

CITY = load_city()
ROUNDED = ("price_usd_per_ft2", "price_p10_usd_per_ft2", "price_p90_usd_per_ft2", "median_sale_price_usd")
HALF_A_DIGIT = 0.0501


@pytest.fixture(scope="module")
def built(real_dir, tmp_path_factory):
    space = Workspace(tmp_path_factory.mktemp("prices"))
    layers = Layers(space.layers)
    for name in (SALES, MEANS, "sales_with_year_built"):
        found = find(CITY.layers[name], [real_dir])
        frame, receipt = layer_from(found, CITY.layers[name], CITY, measures=measures)
        workspace.write_frame(layers.folder / f"{name}.parquet", frame)
        layers.receipts[name] = receipt.as_dict()
    told = build_places(space, CITY, layers, elasticity=load_costs()["price_size_elasticity"])
    return read_places(space), told, layers


def test_own_sales_give_what_is_shipped(built):
    table, told, _ = built
    shipped = shipped_places()
    assert told["places_shipped"] == 0
    for name in ROUNDED:
        assert (table[name] - shipped[name]).abs().max() <= HALF_A_DIGIT
    same = ["neighborhood", "price_source", "price_year", "sales_count"]
    pd.testing.assert_frame_equal(table[same], shipped[same])
    assert (table["price_note"] == shipped["price_note"].fillna("")).all()


def test_every_row_is_on_a_receipt_and_used_or_dropped_with_its_reason(built):
    _, told, layers = built
    rows = {name: (receipt["rows_in"], receipt["rows_out"]) for name, receipt in layers.receipts.items()}
    assert rows == {SALES: (9_133, 9_133), MEANS: (2_232, 2_232), "sales_with_year_built": (2_506, 2_504)}
    assert told["sales_used"] + sum(row["rows"] for row in told["sales_dropped"]) == 9_133
    for receipt in layers.receipts.values():
        assert receipt["licence"]
        assert receipt["vintage"]


def test_no_address_of_a_sale_is_kept(built):
    *_, layers = built
    for name in layers.receipts:
        assert not {"address", "site_address", "council_2022"} & set(layers.read(name).columns)
