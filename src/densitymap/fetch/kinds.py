"""Which function fetches which kind of source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from densitymap.fetch import census_api, features, files, overpass, overture, rasters, tiger
from densitymap.fetch.kept import Fetched, Place


def none_published(source: Mapping[str, Any], place: Place, session: Any, folder: Path) -> Fetched:
    """Say that nobody publishes it: that is known, and is not the same as zero."""
    del place, session, folder
    return Fetched(files=(), url="", vintage="none published", notes=(source["note"],))


KINDS: Mapping[str, Callable[..., Fetched]] = {
    "arcgis": features.fetch,
    "census": census_api.fetch,
    "gtfs": files.fetch_gtfs,
    "none": none_published,
    "overpass": overpass.fetch,
    "overture": overture.fetch,
    "raster": rasters.fetch,
    "relationship": tiger.fetch,
    "socrata": files.fetch_socrata,
    "table": files.fetch_table,
    "tiger": tiger.fetch,
}
"""By the ``kind`` of a record of ``catalog/sources``."""
