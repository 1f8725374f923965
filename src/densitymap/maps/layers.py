"""From the map's content to what travels in the page: packed sets and their manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from densitymap import params
from densitymap.errors import ValidationError
from densitymap.geometry import geometries
from densitymap.maps import change, difference, pack, raster, themes
from densitymap.maps.content import OPTIONAL, MapInput, policy_columns, unpublishable
from densitymap.maps.words import Words

EXPORT_CRS = "EPSG:4326"
VERSION = 1
"""Of the page's state in its address; a change of meaning takes the next number."""

_MAIN = ("area", "zones", "tracts", "neighborhoods", "lots")
_PER_GROUP = ("pays_homes__{policy}", "owner_homes__{policy}", "expected_homes__{policy}")
"""What may be known by block group, under each policy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Payload:
    """What the script of the page reads: the manifest, and all sets' bytes in its order."""

    manifest: dict[str, Any]
    body: bytes


def assemble(content: MapInput, words: Words, *, english: Sequence[str] = ()) -> Payload:
    """Pack all layers and describe them.

    Parameters
    ----------
    content
        Checked content, in EPSG:2240.
    words
        The reader's language.
    english
        Texts of the data nobody translated: the page marks them.

    Raises
    ------
    ValidationError
        If the catalogue would let out a column that is declared unpublishable.
    """
    frames = derived(content)
    packed = {name: _pack_set(name, frame, content) for name, frame in frames.items()}
    west, south, east, north = frames["area"].to_crs(EXPORT_CRS).total_bounds.tolist()
    manifest = {
        "version": VERSION,
        "bounds": [[south, west], [north, east]],
        "policies": [
            dict(zip(("name", "title", "question"), policy, strict=True)) for policy in content.policies
        ],
        "sets": [{"name": name, **result.meta} for name, result in packed.items()],
        "themes": themes_of(content, frames, words),
        "start": _start(content),
        "pair": difference.pair_of(content),
        "split": content.split,
        "rasters": [
            raster.layer(name, given, bits=params.load("layers", "sets")["coordinate_bits"], words=words)
            for name, given in content.rasters.items()
        ],
        "notes": [note for name, note in content.notes.items() if name not in content.frames],
        "overlays": _overlays(content, words),
        "marks": params.load("layers", "overlays")["marks"],
        "cards": _cards(frames, words),
        "synthetic": content.synthetic,
        "lock": content.lock_hash,
        "locale": words.number_locale,
        "language": words.language,
        "words": dict(words.phrases),
        "english": list(english),
    }
    return Payload(manifest=manifest, body=b"".join(result.body for result in packed.values()))


def themes_of(content: MapInput, frames: Mapping[str, gpd.GeoDataFrame], words: Words) -> list[themes.Theme]:
    """Give all themes the content holds data for."""
    return themes.available(
        frames,
        content.policies,
        words,
        definitions=content.definitions,
        pair=difference.pair_of(content),
    )


def _start(content: MapInput) -> dict[str, str]:
    """Theme each kind opens on: what was asked for, else the catalogue's."""
    return dict(params.load("layers", "themes")["start"]) | dict(content.start)


def derived(content: MapInput) -> dict[str, gpd.GeoDataFrame]:
    """Every frame by set name, in packing order, with the columns the map itself works out.

    ``zone_group`` (the family a district is coloured by), ``units_added__<policy>`` (homes over
    today's law), the difference of the pair, the changes between years, ``label_x`` and ``label_y``
    (steps; where a name is written).
    """
    main = {name: getattr(content, name) for name in _MAIN}
    main["zones"] = main["zones"].assign(zone_group=zone_groups(main["zones"]["zone_district"]))
    main["lots"] = _along_curve(main["lots"].assign(**_added(main["lots"], content)))
    if pair := difference.pair_of(content):
        found = difference.columns(main["lots"], *pair)
        if not difference.same_question(content, pair):
            found["pair_verdict"] = found["pair_verdict"].mask(found["pair_verdict"].notna())
        main["lots"] = main["lots"].assign(**found)
    main |= {name: getattr(content, name) for name in OPTIONAL if getattr(content, name) is not None}
    if "history" in main:
        main["history"] = main["history"].assign(**change.with_changes(main["history"]))
    if "block_groups" in main:
        main["block_groups"] = _with_unknown(main["block_groups"], content)
    frames = main | made(content) | dict(content.polygons) | dict(content.lines) | dict(content.points)
    sets = params.load("layers", "sets")
    styles = params.load("layers", "overlays")["layers"]
    for name, frame in frames.items():
        named = styles.get(name, {}).get("name_from")
        if named in frame and "name" not in frame:
            frames[name] = frame.assign(name=frame[named])
        if "label" in sets["sets"].get(name, {}):
            frames[name] = frame.assign(**_label_places(frame, content.area, sets["coordinate_bits"]))
    return frames


def corridors(content: MapInput) -> dict[str, gpd.GeoDataFrame]:
    """Ground within the catalogue's distance of a line, for each corridor whose line is loaded."""
    found = {}
    for record in params.load("layers", "overlays")["corridor"]:
        line = content.lines.get(record["of"])
        if line is not None and not line.empty:
            ground = shapely.buffer(shapely.union_all(geometries(line)), record["within_ft"])
            found[record["name"]] = gpd.GeoDataFrame(geometry=[ground], crs=line.crs)
    return found


def made(content: MapInput) -> dict[str, gpd.GeoDataFrame]:
    """Overlays the map makes of what it has: corridors, and zones of a group (historic districts)."""
    found = corridors(content)
    groups = zone_groups(content.zones["zone_district"])
    for record in params.load("layers", "overlays")["from_zones"]:
        own = content.zones[(groups == record["group"]).fillna(value=False).to_numpy(bool)]
        if len(own):
            found[record["name"]] = own.assign(name=own["zone_district"], kind=own.get("zone_name"))
    return found


def _with_unknown(groups: gpd.GeoDataFrame, content: MapInput) -> gpd.GeoDataFrame:
    """Give block groups every column a theme may read: missing where nothing computed it."""
    wanted = [column for pattern in _PER_GROUP for column in policy_columns(content.policies, pattern)]
    absent = [column for column in wanted if column not in groups]
    return groups.assign(**{column: pd.array([pd.NA] * len(groups), dtype="Float64") for column in absent})


def zone_groups(districts: pd.Series) -> pd.Series:
    """Find the group each district code is coloured by: the longest beginning that fits; else missing.

    Examples
    --------
    >>> zone_groups(pd.Series(["R-4A-C", "RG-3", "R-5", "XX-1", None])).tolist()
    ['one home a lot', 'apartments', 'two homes a lot', 'other', <NA>]
    """
    begins = {start: group["value"] for group in _groups() for start in group["begins"]}
    ordered = sorted(begins, key=len, reverse=True)
    known = districts.dropna().astype(str).unique()
    group_of = {code: next((begins[s] for s in ordered if _begins(code, s)), "other") for code in known}
    return districts.astype("string").map(group_of).astype("string")


def _groups() -> list[dict[str, Any]]:
    return list(params.load("layers", "zone_groups")["group"])


def _begins(code: str, start: str) -> bool:
    """Whether a code begins with the letters, up to a break: R-4 begins R-4-C but not R-4A."""
    return code.upper().startswith(start.upper()) and not code[len(start) : len(start) + 1].isalnum()


def _added(lots: gpd.GeoDataFrame, content: MapInput) -> dict[str, pd.Series]:
    columns = policy_columns(content.policies, "units_allowed__{policy}")
    today = pd.to_numeric(lots[columns[0]]).astype("Float64")
    added = {}
    for column in columns[1:]:
        then = pd.to_numeric(lots[column]).astype("Float64")
        both_unlimited = (np.isinf(then) & np.isinf(today)).fillna(value=False).astype(bool)
        added[column.replace("units_allowed__", "units_added__")] = (then - today).mask(both_unlimited, 0.0)
    return added


def _along_curve(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Neighbours near each other in the file: smaller, and quicker to draw. Ties keep their order."""
    drawable = frame.geometry.notna() & ~frame.geometry.is_empty
    if not drawable.any():
        return frame.reset_index(drop=True)
    places = (
        frame.geometry[drawable].hilbert_distance().reindex(frame.index, fill_value=np.iinfo(np.uint32).max)
    )
    order = np.argsort(places.to_numpy(), kind="stable")
    return frame.iloc[order].reset_index(drop=True)


def _label_places(frame: gpd.GeoDataFrame, area: gpd.GeoDataFrame, bits: int) -> dict[str, pd.Series]:
    """Find a point inside the part of each shape that lies in the area; missing where none does."""
    inside = shapely.intersection(geometries(frame), shapely.union_all(geometries(area)))
    points = gpd.GeoSeries(shapely.point_on_surface(inside), crs=frame.crs).to_crs(EXPORT_CRS)
    known = (points.notna() & ~points.is_empty).to_numpy()
    steps = pack.to_steps(shapely.get_coordinates(points.to_numpy()[known]), bits)
    places = {}
    for axis, name in enumerate(("label_x", "label_y")):
        values = np.full(len(frame), np.nan)
        values[known] = steps[:, axis]
        places[name] = pd.Series(values, index=frame.index)
    return places


def _pack_set(name: str, frame: gpd.GeoDataFrame, content: MapInput) -> pack.Packed:
    catalogue = params.load("layers", "sets")
    record = catalogue["sets"].get(name, catalogue["other"])
    wanted: dict[str, pack.Spec] = {}
    for pattern, spec in record["columns"].items():
        for column in policy_columns(content.policies, pattern):
            if column in frame:
                wanted[column] = pack.Spec(
                    kind=spec["as"], digits=spec.get("digits", 0), words=spec.get("words")
                )
    wanted |= {c: pack.Spec(kind="number") for c in frame if _is_derived(str(c)) and c not in wanted}
    wanted |= _definition_columns(name, content) | _change_columns(name, frame)
    if secret := unpublishable(list(wanted)):
        raise ValidationError(
            f"catalog/layers/sets.toml lets out what may not be published in {name}", faults=secret
        )
    shapes = shapely.simplify(geometries(frame), record["simplify_ft"], preserve_topology=True)
    slim = gpd.GeoDataFrame(pd.DataFrame(frame)[list(wanted)], geometry=shapes, crs=frame.crs)
    return pack.pack(slim.to_crs(EXPORT_CRS), _kind(name, content), wanted, bits=catalogue["coordinate_bits"])


def _definition_columns(name: str, content: MapInput) -> dict[str, pack.Spec]:
    own = [given for given in content.definitions if given.set_name == name]
    return {given.column: pack.Spec(kind="category") for given in own} | {
        given.stability: pack.Spec(kind="number", digits=2) for given in own
    }


def _change_columns(name: str, frame: gpd.GeoDataFrame) -> dict[str, pack.Spec]:
    """Changes and their margins, to a tenth of a point."""
    if name != change.record()["set"]:
        return {}
    both = [column for one in change.changes() for column in (one.column, one.moe)]
    return {column: pack.Spec(kind="number", digits=3) for column in both if column in frame}


def _is_derived(column: str) -> bool:
    return column.startswith(("label_x", "label_y", "units_added__"))


def _kind(name: str, content: MapInput) -> pack.Kind:
    if name in content.lines:
        return "line"
    return "point" if name in content.points else "polygon"


def _overlays(content: MapInput, words: Words) -> list[dict[str, Any]]:
    """Styles of the other layers, in drawing order: those of the catalogue, then the rest by name."""
    catalogue = params.load("layers", "overlays")
    given = [*made(content), *content.polygons, *content.lines, *content.points]
    known = [name for name in catalogue["layers"] if name in given]
    styled = []
    for name in known + sorted(set(given) - set(known)):
        kind = _kind(name, content)
        style = catalogue["default"][kind] | catalogue["layers"].get(name, {})
        label = words.get(f"layers.{name}", name.replace("_", " "))
        styled.append({"set": name, "kind": kind, "title": label, "note": content.notes.get(name), **style})
    return styled


def _cards(frames: Mapping[str, gpd.GeoDataFrame], words: Words) -> dict[str, list[dict[str, Any]]]:
    cards = {}
    for name, fields in params.load("layers", "cards").items():
        kept = [dict(field) for field in fields if name in frames and field["column"] in frames[name]]
        for field in kept:
            field["title"] = words(f"columns.{field['column']}")
        cards[name] = kept
    return cards
