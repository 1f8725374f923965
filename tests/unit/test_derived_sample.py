"""On the synthetic sample both lots and buildings are known: proxies can be held against the truth."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from densitymap import schema
from densitymap.city import load_city
from densitymap.displacement import acs
from densitymap.geometry import geometries, locate
from densitymap.ingest import find, normalise
from densitymap.parcels import derived, join
from densitymap.parcels.derived_rules import load_rules
from densitymap.parcels.potential import derived_potential
from densitymap.sample import write
from densitymap.scenarios.character import character, told
from densitymap.scenarios.ground import ground_of_parcels
from densitymap.scenarios.policy import load_policy

LAYERS = ("parcels", "buildings", "streets", "neighborhoods", "zoning")
MINIMUMS = ((9_000.0, 70.0), (7_500.0, 50.0), (5_000.0, 40.0))


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    write.write_sample(folder, n_lots=900, seed=5)
    city = load_city("atlanta")

    def read(name):
        layer = city.layers[name]
        found = find.find(layer, [folder])
        return normalise.layer_from(found, layer, city, measures=acs.measures, crs=None)[0]

    return {name: read(name) for name in LAYERS}


@pytest.fixture(scope="module")
def proxies(layers):
    """Derived lots as if no parcel were published, and the real lot under each."""
    area = shapely.union_all(geometries(layers["neighborhoods"]))
    lots = derived.derive_lots(layers["buildings"], layers["streets"], area, load_rules())
    houses = layers["buildings"].assign(derived_lot_id="derived:" + layers["buildings"]["feature_id"])
    houses = houses.set_index("derived_lot_id").loc[lots["derived_lot_id"]]
    real = join.measured(layers["parcels"])
    under = locate(shapely.point_on_surface(geometries(houses)), real)
    return lots, real.iloc[under[under >= 0]].reset_index(drop=True), under >= 0


def test_every_main_building_has_a_proxy_and_nearly_every_one_its_own_lot(layers, proxies):
    lots, real, on_lot = proxies
    area = shapely.union_all(geometries(layers["neighborhoods"]))
    assert len(lots) == (derived.roles_of(layers["buildings"], area, load_rules()) == derived.LOT).sum()
    assert on_lot.mean() > 0.99
    assert real["parcel_id"].duplicated().mean() < 0.02


def test_the_range_of_shares_holds_the_true_share(proxies):
    lots, real, on_lot = proxies
    lots = pd.DataFrame(lots[on_lot]).assign(neighborhood="sample", zone_district="R")
    for area, width in MINIMUMS:
        law = pd.DataFrame({"zone_district": ["R"], "minimum_area_ft2": [area], "minimum_width_ft": [width]})
        row = derived_potential(lots, law, proxy_error_share=load_rules().proxy_error_share).iloc[0]
        true = ((real["lot_area_ft2"] >= area) & (real["lot_width_ft"] >= width)).mean()
        assert row["meets_minimums_share_low"] <= true <= row["meets_minimums_share_high"]


def test_proxies_are_right_in_the_middle_and_rough_one_by_one(proxies):
    lots, real, on_lot = proxies
    area = lots.loc[on_lot, "lot_area_ft2"].to_numpy(float) / real["lot_area_ft2"].to_numpy(float)
    width = lots.loc[on_lot, "lot_width_ft"].to_numpy(float) / real["lot_width_ft"].to_numpy(float)
    assert np.median(area) == pytest.approx(1.0, abs=0.15)
    assert np.median(width) == pytest.approx(1.0, abs=0.15)
    assert (np.abs(area - 1) < 0.25).mean() < 0.6  # so no lot's own figure is ever published as a right


def test_no_lot_is_derived_where_one_is_published(layers):
    area = shapely.union_all(geometries(layers["neighborhoods"]))
    roles = derived.roles_of(layers["buildings"], area, load_rules(), existing=layers["parcels"])
    assert (roles == derived.LOT).mean() < 0.01


def test_block_faces_of_the_sample_can_be_compared(layers):
    parcels = join.measured(layers["parcels"])
    pieces = join.zones_of(parcels, layers["zoning"], sliver_share=0.05, sliver_area_ft2=400.0)
    parcels = schema.conform(join.with_dominant_zone(parcels, pieces), "parcels")
    streets = layers["streets"]
    drivable = streets["feature_class"].isin(load_rules().street_right_of_way_ft)
    lines = pd.DataFrame(
        {
            "geometry": geometries(streets),
            "name": streets["feature_name"],
            "kind": drivable.map({True: "street", False: "path"}),
        }
    )
    surveyed = ground_of_parcels(gpd.GeoDataFrame(parcels), streets=lines).survey
    counts = told(character(parcels, surveyed, layers["buildings"], load_policy("atlanta")))
    for measure in ("height_ft", "footprint_ft2", "width_ft"):
        known = sum(count for word, count in counts[measure].items() if word != "unknown")
        assert known > 0.8 * sum(counts[measure].values())
        assert {"similar", "larger", "smaller"} <= set(counts[measure])
