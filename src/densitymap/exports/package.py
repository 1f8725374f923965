"""``datapackage.json`` (Frictionless): files, fields, licences, sources, provenance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from densitymap.exports.content import Bundle, Dataset

TYPES: Mapping[str, str] = {
    "text": "string", "integer": "integer", "number": "number", "boolean": "boolean",
}  # fmt: skip
MEDIA: Mapping[str, str] = {
    "gpkg": "application/geopackage+sqlite3",
    "parquet": "application/vnd.apache.parquet",
    "geojson": "application/geo+json",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def datapackage(bundle: Bundle, files: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Describe the files of an export.

    Parameters
    ----------
    bundle
        What was written.
    files
        ``path``, ``sha256``, ``bytes`` and the names of the ``datasets`` in each.
    """
    by_name = {dataset.name: dataset for dataset in (*bundle.datasets, *bundle.apart)}
    resources = [
        _resource(file, [by_name[name] for name in file["datasets"]])
        for file in sorted(files, key=lambda file: file["path"])
    ]
    return {
        "profile": "data-package",
        "name": "densitymap-export",
        "title": f"densitymap: {bundle.provenance['area']}",
        "description": "Estimates for areas, not predictions about any home or person.",
        "version": bundle.provenance["version"],
        "resources": resources,
        "sources": [
            {
                "title": f"{row['title']} ({row['vintage']})",
                "licence": row["licence"],
                "sha256": row["sha256"],
            }
            for row in bundle.sources.astype(object).to_dict("records")
        ],
        "left_out": dict(bundle.left_out),
        "provenance": dict(bundle.provenance),
    }


def _resource(file: Mapping[str, Any], datasets: list[Dataset]) -> dict[str, Any]:
    ending = file["path"].rsplit(".", 1)[-1]
    licences = sorted({dataset.licence for dataset in datasets})
    about: dict[str, Any] = {
        "name": file["path"].lower().replace(".", "-").replace("_", "-"),
        "path": file["path"],
        "title": "; ".join(dataset.title for dataset in datasets),
        "format": ending,
        "mediatype": MEDIA[ending],
        "bytes": file["bytes"],
        "hash": f"sha256:{file['sha256']}",
        "licenses": [{"name": licence, "title": licence} for licence in licences],
        "attribution": "; ".join(
            sorted({dataset.attribution for dataset in datasets if dataset.attribution})
        ),
    }
    if len(datasets) == 1:
        return about | {"schema": {"fields": _fields(datasets[0], csv=ending == "csv")}}
    return about | {"layers": {dataset.name: {"fields": _fields(dataset)} for dataset in datasets}}


def _fields(dataset: Dataset, *, csv: bool = False) -> list[dict[str, Any]]:
    fields = [
        {
            "name": one.name,
            "type": TYPES.get(one.dtype, "any"),
            "title": one.title,
            "description": one.meaning,
        }
        | ({"unit": one.unit} if one.unit else {})
        for one in dataset.fields
    ]
    if csv and dataset.has_shapes:
        fields += [
            {
                "name": name,
                "type": "number",
                "title": name,
                "description": "A point inside, EPSG:4326.",
                "unit": "degrees",
            }
            for name in ("longitude", "latitude")
        ]
    return fields
