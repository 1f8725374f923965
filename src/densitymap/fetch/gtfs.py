"""Rail stations and lines from a transit feed (GTFS): what the feed's trips really serve.

The format: https://gtfs.org/documentation/schedule/reference/ (routes, trips, stop_times, stops, shapes).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from densitymap import params
from densitymap.errors import ValidationError

Feed = Mapping[str, pd.DataFrame]
_FILES: dict[str, tuple[str, ...]] = {
    "routes": ("route_id", "route_type"),
    "trips": ("trip_id", "route_id"),
    "stops": ("stop_id", "stop_name", "stop_lat", "stop_lon"),
    "stop_times": ("trip_id", "stop_id"),
}
_OPTIONAL: dict[str, tuple[str, ...]] = {
    "shapes": ("shape_id", "shape_pt_lat", "shape_pt_lon"),
    "calendar": ("service_id", "start_date", "end_date"),
}


def read_feed(body: bytes, *, where: str) -> dict[str, pd.DataFrame]:
    """Read the tables of a feed that stations and lines need, every cell as text.

    Parameters
    ----------
    body
        The ZIP as downloaded.
    where
        How messages name it.

    Raises
    ------
    ValidationError
        If it is no ZIP, or lacks files or columns: all are told at once.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(body))
        names = {name.rsplit("/", 1)[-1]: name for name in archive.namelist()}
        found = {
            table: _table(archive.read(names[f"{table}.txt"]))
            for table in (*_FILES, *_OPTIONAL)
            if f"{table}.txt" in names
        }
    except (zipfile.BadZipFile, zipfile.LargeZipFile, ValueError, OSError) as fault:
        raise ValidationError(
            f"{where}: the feed is no whole ZIP of tables: {fault}", next_step="fetch it again"
        ) from fault
    faults = [f"{table}.txt is not there" for table in _FILES if table not in found]
    for table, columns in (_FILES | _OPTIONAL).items():
        absent = [name for name in columns if table in found and name not in found[table]]
        faults += [
            f"{table}.txt has no column {name}.{params.nearest(name, map(str, found[table]))}"
            for name in absent
        ]
    if faults:
        raise ValidationError(f"{where} is no GTFS feed", faults=faults)
    return found


def _table(content: bytes) -> pd.DataFrame:
    table = pd.read_csv(
        io.BytesIO(content),
        dtype="string",
        encoding="utf-8-sig",
        skipinitialspace=True,
        keep_default_na=False,
        na_values=[""],
    )
    return table.rename(columns=str.strip)


def stations(feed: Feed, *, route_type: str, where: str) -> dict[str, Any]:
    """Stations that trips of a kind of route stop at, as GeoJSON points, sorted by name.

    Platforms are told by the station they belong to (``parent_station``), each station once.

    Parameters
    ----------
    feed
        As :func:`read_feed` gave it.
    route_type
        ``1`` is subway or metro.
    where
        How messages name the feed.

    Raises
    ------
    ValidationError
        If no such trip stops anywhere, a stop is unknown, or a station has no place.
    """
    trips = _trips(feed, route_type, where)
    called_at = (
        feed["stop_times"].loc[feed["stop_times"]["trip_id"].isin(trips["trip_id"]), "stop_id"].unique()
    )
    stops = feed["stops"].drop_duplicates("stop_id").set_index("stop_id")
    strangers = sorted(set(called_at) - set(stops.index))
    if strangers:
        raise ValidationError(f"{where}: trips stop where no stop is", faults=strangers[:10])
    served = stops.loc[called_at]
    parents = served.get("parent_station", pd.Series("", index=served.index))
    own = parents.fillna("").eq("") | ~parents.isin(stops.index)
    chosen = pd.Index(parents.mask(own, served.index.to_series())).unique()
    places = stops.loc[chosen].sort_values("stop_name")
    lon, lat = (pd.to_numeric(places[name], errors="coerce") for name in ("stop_lon", "stop_lat"))
    nowhere = places.index[lon.isna() | lat.isna()]
    if len(nowhere):
        raise ValidationError(f"{where}: stations without a place", faults=list(nowhere)[:10])
    return _collection(
        (
            {"stop_id": stop, "stop_name": name},
            {"type": "Point", "coordinates": [float(x), float(y)]},
        )
        for stop, name, x, y in zip(places.index, places["stop_name"], lon, lat, strict=True)
    )


def lines(feed: Feed, *, route_type: str, where: str) -> dict[str, Any]:
    """Lines of a kind of route: for each, its longest shape, as GeoJSON.

    Raises
    ------
    ValidationError
        If the feed gives such routes no shapes.
    """
    trips = _trips(feed, route_type, where)
    if "shapes" not in feed or "shape_id" not in trips:
        raise ValidationError(f"{where}: the feed gives its routes no shapes")
    points = feed["shapes"][feed["shapes"]["shape_id"].isin(trips["shape_id"])].copy()
    order = points["shape_pt_sequence"] if "shape_pt_sequence" in points else pd.Series(range(len(points)))
    points["order"] = pd.to_numeric(order.to_numpy())
    runs = {
        shape: run.sort_values("order")[["shape_pt_lon", "shape_pt_lat"]].astype(float).to_numpy().tolist()
        for shape, run in points.groupby("shape_id")
    }
    routes = feed["routes"].set_index("route_id")
    features = []
    for route, own in trips.groupby("route_id"):
        drawn = [runs[shape] for shape in own["shape_id"].unique() if len(runs.get(shape, ())) > 1]
        if drawn:
            name = routes.loc[route].get("route_long_name") or routes.loc[route].get("route_short_name")
            longest = max(drawn, key=len)
            features.append(
                ({"route_id": route, "route_name": name}, {"type": "LineString", "coordinates": longest})
            )
    if not features:
        raise ValidationError(f"{where}: no route of type {route_type} has a shape")
    return _collection(iter(features))


def valid(feed: Feed) -> str:
    """Tell the days a feed's schedule is for, from its calendar."""
    if "calendar" not in feed or feed["calendar"].empty:
        return "not stated"
    return f"{feed['calendar']['start_date'].min()} to {feed['calendar']['end_date'].max()}"


def _trips(feed: Feed, route_type: str, where: str) -> pd.DataFrame:
    routes = feed["routes"].loc[feed["routes"]["route_type"] == route_type, "route_id"]
    trips = feed["trips"][feed["trips"]["route_id"].isin(routes)]
    if trips.empty:
        kinds = ", ".join(sorted(feed["routes"]["route_type"].dropna().unique()))
        raise ValidationError(
            f"{where}: no trip of route type {route_type}; the feed has types {kinds or 'none'}",
            next_step="the feed may be of another agency: check its address in catalog/cities",
        )
    return trips


def _collection(features: Iterator[tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
    return {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": properties, "geometry": geometry}
            for properties, geometry in features
        ],
    }
