"""A small ArcGIS service for tests: one layer, honest unless told otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from loopback import Answer, Asked

Fault = Callable[["Layer", dict[str, str], list[dict[str, Any]]], Answer | None]


@dataclass
class Layer:
    """Rows with object ids, and what is wrong with the server."""

    count: int = 50
    page_rows: int = 10
    by_offset: bool = True
    name: str = "Lots"
    layer_id: int = 0
    fault: Fault | None = None
    pages: list[dict[str, str]] = field(default_factory=list)
    fields: tuple[tuple[str, str], ...] = (
        ("OBJECTID", "esriFieldTypeOID"),
        ("PARCELID", "esriFieldTypeString"),
        ("SHAPE.AREA", "esriFieldTypeDouble"),
        ("LASTUPDATE", "esriFieldTypeDate"),
    )
    described: dict[str, Any] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        return [
            {
                "attributes": {
                    "OBJECTID": 3 * row + 1, "PARCELID": f"14 {row:04d}  LL ",
                    "SHAPE.AREA": 100.25, "LASTUPDATE": 1354060800000 + 86_400_000 * row,
                },
                "geometry": {"rings": [[[row, 0], [row, 9], [row + 0.9, 9], [row, 0]]]},
            }
            for row in range(self.count)
        ]  # fmt: skip

    def reply(self, asked: Asked) -> Answer:
        query = {name: values[0] for name, values in (asked.query | parse_qs(asked.body.decode())).items()}
        if asked.path.endswith("/query"):
            return self._query(query)
        if asked.path.endswith("/MapServer"):
            layers = [{"id": self.layer_id, "name": self.name}, {"id": 99, "name": "Other"}]
            return _json({"layers": layers, "copyrightText": "Free to <b>all</b>"})
        if asked.path.endswith(f"/{self.layer_id}"):
            return _json(self._description())
        return Answer("not here", status=404)

    def _description(self) -> dict[str, Any]:
        plain = {
            "id": self.layer_id, "name": self.name, "objectIdField": "OBJECTID",
            "geometryType": "esriGeometryPolygon", "maxRecordCount": self.page_rows,
            "advancedQueryCapabilities": {"supportsPagination": self.by_offset},
            "extent": {"spatialReference": {"wkid": 103028, "latestWkid": 6447}},
            "fields": [{"name": name, "type": kind} for name, kind in self.fields],
        }  # fmt: skip
        return plain | self.described

    def _query(self, query: dict[str, str]) -> Answer:
        rows = self.rows()
        if query.get("returnCountOnly") == "true":
            return _json({"count": len(rows)})
        if query.get("returnIdsOnly") == "true":
            return _json({"objectIds": [row["attributes"]["OBJECTID"] for row in reversed(rows)]})
        self.pages.append(query)
        if "objectIds" in query:
            wanted = {int(number) for number in query["objectIds"].split(",")}
            page = [row for row in rows if row["attributes"]["OBJECTID"] in wanted]
        else:
            first = int(query["resultOffset"])
            page = rows[first : first + min(int(query["resultRecordCount"]), self.page_rows)]
        answer = self.fault(self, query, page) if self.fault else None
        return answer or _json({"features": page, "exceededTransferLimit": len(page) < len(rows)})


def _json(document: dict[str, Any]) -> Answer:
    return Answer(json.dumps(document))
