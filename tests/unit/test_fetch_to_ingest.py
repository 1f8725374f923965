"""Each ArcGIS source on record, served with the fields it is on record with, becomes a layer that ingest accepts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from arcgis_server import Layer
from densitymap.city import load_city
from densitymap.displacement.acs import measures
from densitymap.fetch import catalogue, features
from densitymap.fetch.http import Session
from densitymap.fetch.kept import Place
from densitymap.ingest import find, normalise
from loopback import serving

CITY = load_city()
SOURCES = {
    name: source
    for name, source in catalogue.sources().items()
    if source["kind"] == "arcgis" and source["layers"]
}
PLACE = Place(name="the city", bounds_deg=CITY.extent)
KINDS = {"point": "esriGeometryPoint", "polygon": "esriGeometryPolygon", "none": "esriGeometryPolygon"}


@dataclass
class Published(Layer):
    """Three rows whose fields all say the same, in degrees, east of downtown."""

    shape: str = "polygon"

    def rows(self) -> list[dict[str, Any]]:
        names = [name for name, _ in self.fields if name != "OBJECTID"]
        return [
            {"attributes": {"OBJECTID": row} | dict.fromkeys(names, f" {2010 + row} "), "geometry": at(row, self.shape)}
            for row in range(3)
        ]  # fmt: skip


def at(row: int, shape: str) -> dict[str, Any]:
    x, y, size = -84.35 + row * 0.01, 33.74, 0.002
    if shape == "point":
        return {"x": x, "y": y}
    return {"rings": [[[x, y], [x, y + size], [x + size, y + size], [x + size, y], [x, y]]]}


@pytest.mark.parametrize("name", SOURCES)
def test_what_is_fetched_is_read(name, tmp_path):
    source = SOURCES[name]
    layer = CITY.layers[source["layers"][0]]
    names = {"OBJECTID": None} | source.get("fields", {}) | source.get("fields_optional", {})
    fields = tuple((n, "esriFieldTypeOID" if n == "OBJECTID" else "esriFieldTypeString") for n in names)
    number = source.get("layer_id", source.get("layer_ids", [0])[0])
    published = Published(
        shape=layer.shape, fields=fields, name=source.get("layer", "Rows"), layer_id=number, page_rows=2,
        described={"geometryType": KINDS[layer.shape], "extent": {"spatialReference": {"wkid": 4326}}},
    )  # fmt: skip
    with serving(replace(published).reply) as server:
        session = Session(endpoints={"*": server.base}, retries=0, backoff_s=0)
        asked = {**source, "url": "https://gis.example.gov/rest/MapServer"}
        if "layer_ids" in source:
            asked["layer_ids"] = [number]
        result = features.fetch(asked, PLACE, session, tmp_path)
    found = find.find(layer, [tmp_path])
    assert found is not None
    assert found.path == result.files[0]
    frame, receipt = normalise.layer_from(found, layer, CITY, measures=measures)
    assert (receipt.rows_in, len(frame)) == (3, 3)
    empty = [c for c in frame if frame[c].isna().all() and c in (found.source or layer.sources[0]).columns]
    assert not empty
