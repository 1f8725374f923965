"""Read a page back: what it carries, as frames. For tests, and for whoever doubts a page."""

from __future__ import annotations

import json
import re

import geopandas as gpd

from densitymap.errors import ValidationError
from densitymap.maps.pack import loosen, unpack


def sets_of(html: str) -> dict[str, gpd.GeoDataFrame]:
    """Give every packed set of a page by name, in EPSG:4326.

    Raises
    ------
    ValidationError
        If the text is not a page that :func:`densitymap.maps.render` wrote.
    """
    manifest = re.search(r'id="dm-manifest">(.*?)</script>', html, re.DOTALL)
    data = re.search(r'id="dm-data">(.*?)</script>', html, re.DOTALL)
    if manifest is None or data is None:
        raise ValidationError("This is not a page of densitymap: it carries no packed layers")
    body, at, found = loosen(data[1]), 0, {}
    for meta in json.loads(manifest[1])["sets"]:
        found[meta["name"]] = unpack(meta, body[at : at + meta["bytes"]])
        at += meta["bytes"]
    return found
