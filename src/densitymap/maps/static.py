"""What a reader without a script sees: a picture and the same facts as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from densitymap import params
from densitymap.geometry import geometries
from densitymap.maps import change
from densitymap.maps.content import VERDICTS, Definition, MapInput, policy_columns
from densitymap.maps.ranges import heads_and_cells
from densitymap.maps.themes import Theme, classify, spoken
from densitymap.maps.words import Words

Scalar = Any
"""A cell of a frame: text, number, or missing in one of pandas' ways."""

_WIDTH_PX = 900


def picture(content: MapInput, zones: gpd.GeoDataFrame, theme: Theme | None, words: Words) -> str:
    """Draw an SVG of the zoning in the area, no larger than the catalogue's limit.

    Parameters
    ----------
    content
        The map's content.
    zones
        Zones with the theme's column.
    theme
        How zones are coloured; plain where there is none.
    words
        The reader's language.
    """
    record = params.load("layers", "static")
    for tolerance in record["simplify_ft"]:
        drawn = _svg(content, zones, theme, words, tolerance)
        if len(drawn.encode()) <= record["bytes_max"]:
            return drawn
    return _svg(content, zones.iloc[:0], theme, words, record["simplify_ft"][-1])


def _svg(
    content: MapInput, zones: gpd.GeoDataFrame, theme: Theme | None, words: Words, tolerance_ft: float
) -> str:
    area = shapely.union_all(geometries(content.area))
    west, south, east, north = area.bounds
    scale = _WIDTH_PX / (east - west)
    height = round((north - south) * scale)
    frame = (west, north, scale)
    label = words("page.picture", area=content.area_name, coverage=content.coverage_sentence)
    cut = shapely.intersection(shapely.make_valid(geometries(zones)), area)
    shapes = shapely.simplify(cut, tolerance_ft, preserve_topology=False)
    parts = [f'<g stroke="#555" stroke-width=".4">{"".join(_zone_paths(shapes, zones, theme, frame))}</g>']
    edge = _path([shapely.simplify(area, tolerance_ft)], frame)
    hoods = shapely.simplify(
        shapely.intersection(shapely.make_valid(geometries(content.neighborhoods)), area), tolerance_ft
    )
    parts.append(
        f'<path d="{_path(hoods, frame)}" fill="none" stroke="#333" stroke-width="1" stroke-dasharray="6 3"/>'
    )
    parts.append(f'<path d="{edge}" fill="none" stroke="#111" stroke-width="2.5"/>')
    parts += _names(hoods, content.neighborhoods["neighborhood"], frame)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH_PX} {height}" role="img" '
        f'aria-label="{escape(label)}" font-family="sans-serif">{"".join(parts)}</svg>'
    )


def _zone_paths(
    shapes: Sequence[Any], zones: gpd.GeoDataFrame, theme: Theme | None, frame: tuple[float, float, float]
) -> Iterable[str]:
    if theme is None:
        yield f'<path d="{_path(shapes, frame)}" fill="#eeeeee"/>'
        return
    places = classify(zones[theme["column"]], theme).to_numpy()
    for place, known in enumerate(theme["classes"]):
        members = np.asarray(shapes, dtype=object)[places == place]
        if len(members):
            name = escape(known["label"])
            yield f'<path d="{_path(members, frame)}" fill="{known["colour"]}"><title>{name}</title></path>'


def _path(shapes: Sequence[Any], frame: tuple[float, float, float]) -> str:
    """Path data of polygons' rings, in whole tenths of a pixel, each step from the one before."""
    west, north, scale = frame
    parts = shapely.get_parts(shapely.get_parts(np.asarray(shapes, dtype=object)))
    rings = shapely.get_rings(parts[shapely.get_type_id(parts) == 3])  # noqa: PLR2004 (3 is Polygon)
    told = []
    for ring in rings:
        xy = np.rint((shapely.get_coordinates(ring)[:-1] - (west, north)) * (scale, -scale) * 10).astype(int)
        moves = np.diff(xy, axis=0)
        steps = " ".join(f"{x / 10:g} {y / 10:g}" for x, y in moves[np.any(moves != 0, axis=1)])
        told.append(f"M{xy[0, 0] / 10:g} {xy[0, 1] / 10:g}l{steps}z" if steps else "")
    return "".join(told)


def _names(shapes: Sequence[Any], names: pd.Series, frame: tuple[float, float, float]) -> list[str]:
    west, north, scale = frame
    points = shapely.point_on_surface(shapes)
    large = shapely.area(shapes) * scale**2 > params.load("layers", "static")["label_px2"]
    return [
        f'<text x="{(point.x - west) * scale:.0f}" y="{(north - point.y) * scale:.0f}" font-size="13" '
        f'text-anchor="middle" stroke="#fff" stroke-width="3" paint-order="stroke">{escape(str(name))}</text>'
        for point, name in zip(np.asarray(points)[large], names[large], strict=True)
        if not point.is_empty
    ]


def tables(content: MapInput, words: Words) -> list[dict[str, Any]]:
    """Tables by neighbourhood, block group, zoning district and tract (past and definitions too), as text."""
    return [
        _neighborhoods(content, words),
        _block_groups(content, words),
        _zones(content, words),
        _tracts(content, words),
        *_history(content, words),
        *_definitions(content, words),
    ]


def sources(content: MapInput, words: Words) -> dict[str, Any]:
    """Give the table of sources: what, which file, which year, whose, how many rows, and its hash."""
    names = ("layer", "title", "file", "vintage", "licence", "attribution", "rows", "sha256")
    heads = ("layer", "what", "file", "vintage", "licence", "attribution", "rows", "hash")
    texts = (
        content.sources[list(names)]
        .astype("object")
        .where(content.sources[list(names)].notna(), words("card.not_known"))
    )
    return {
        "heads": [words(f"sources.{head}") for head in heads],
        "rows": texts.astype(str).to_numpy().tolist(),
    }


def credits_of(content: MapInput) -> list[str]:
    """Credits in the form licences ask for on the map itself (``©``), each once; the table has all."""
    shown = content.sources["attribution"].dropna().astype(str)
    return list(dict.fromkeys(text for text in shown if text.startswith("©")))


def verdict_counts(lots: pd.DataFrame, key: str, policies: Sequence[tuple[str, str, str]]) -> pd.DataFrame:
    """Count lots by area: one row per value of the key; ``lots``, and a column per reform and verdict."""
    groups = lots.groupby(lots[key].astype("string"), dropna=False, sort=True)
    counted: dict[str, pd.Series] = {"lots": groups.size()}
    for column in policy_columns(policies, "verdict__{policy}")[1:]:
        said = lots[column].astype("string").fillna("NO DATA")
        for verdict in VERDICTS:
            counted[f"{column}={verdict}"] = (
                (said == verdict).groupby(lots[key].astype("string"), dropna=False).sum()
            )
    return pd.DataFrame(counted)


def _verdict_heads(content: MapInput, words: Words) -> list[str]:
    return [
        f"{title}: {words(f'verdict.{verdict}').lower()}"
        for _, title, _ in content.policies[1:]
        for verdict in VERDICTS
    ]


def _table(
    name: str, words: Words, heads: Sequence[str], rows: list[list[str]], **more: object
) -> dict[str, Any]:
    numeric = range(more.pop("numeric_from", 1), len(heads))  # type: ignore[call-overload]
    table = {
        "id": name,
        "title": words(f"tables.{name}"),
        "heads": heads,
        "rows": rows,
        "numeric": list(numeric),
    }
    return table | {"total": None, "empty": words("card.not_known")} | more


def _counts(frame: pd.DataFrame) -> list[list[str]]:
    return [[f"{int(value):,}" for value in row] for row in frame.to_numpy()]


def _neighborhoods(content: MapInput, words: Words) -> dict[str, Any]:
    frame = content.neighborhoods.sort_values("neighborhood", kind="stable")
    counts = verdict_counts(content.lots, "neighborhood", content.policies)
    rows = _neighborhood_rows(frame, counts, words)
    outside = counts.drop(index=frame["neighborhood"].astype("string"), errors="ignore")
    if len(outside):
        rows.append(_hood_row([words("card.not_known"), ""], "", _sums(outside), "", ""))
    acres = spoken(frame["acres_in_area"].sum(), "tenths", words)
    foot = _hood_row([words("tables.total"), ""], acres, _sums(counts), "", "")
    heads = [words(f"tables.{name}") for name in ("neighborhood", "npu", "acres", "lots", "lot_share")]
    heads += [*_verdict_heads(content, words), words("tables.missing")]
    table = _table("neighborhoods", words, heads, rows, numeric_from=2, total=foot)
    return table | {"numeric": table["numeric"][:-1]}


def _neighborhood_rows(frame: pd.DataFrame, counts: pd.DataFrame, words: Words) -> list[list[str]]:
    """One row each; where no parcel layer reaches, verdicts are no data, never nought."""
    cells = _counts(counts.reindex(frame["neighborhood"].astype("string"), fill_value=0))
    bare = [words("legend.no_data")] * (len(counts.columns) - 1)
    names = [
        [str(name), _text(npu, words)] for name, npu in zip(frame["neighborhood"], frame["npu"], strict=True)
    ]
    acres = [spoken(value, "tenths", words) for value in frame["acres_in_area"]]
    shares = [spoken(share, "share", words) for share in _column(frame, "lot_share_of_area")]
    told = [
        known if has else [known[0], *bare] for known, has in zip(cells, frame["has_parcels"], strict=True)
    ]
    notes = frame["missing_note"].astype("string").fillna("")
    return [_hood_row(*parts) for parts in zip(names, acres, told, shares, notes, strict=True)]


def _hood_row(names: list[str], acres: str, cells: list[str], share: str, note: str) -> list[str]:
    return [*names, acres, cells[0], share, *cells[1:], note]


def _sums(counts: pd.DataFrame) -> list[str]:
    return _counts(counts.sum().to_frame().T)[0]


def _block_groups(content: MapInput, words: Words) -> dict[str, Any]:
    key = "block_group_geoid_2020"
    heads = [words("tables.block_group"), words("tables.lots"), *_verdict_heads(content, words)]
    if key not in content.lots or content.lots[key].isna().all():
        return _table("block_groups", words, heads, [], empty=words("tables.no_block_groups"))
    counts = verdict_counts(content.lots, key, content.policies)
    more, ranges = heads_and_cells(content, [str(name) for name in counts.index], words)
    rows = [
        [_text(name, words), *cells, *own]
        for name, cells, own in zip(counts.index, _counts(counts), ranges, strict=True)
    ]
    total = [words("tables.total"), *_sums(counts), *[""] * len(more)]
    return _table("block_groups", words, heads + more, rows, total=total)


def _zones(content: MapInput, words: Words) -> dict[str, Any]:
    allowed = policy_columns(content.policies, "allowed_{today}")
    groups = content.zones.groupby(content.zones["zone_district"].astype("string"), dropna=False, sort=True)
    acres, polygons, firsts = groups["acres_in_area"].sum(), groups.size(), groups[allowed].first()
    heads = [words(f"tables.{name}") for name in ("district", "polygons", "acres")]
    heads += [title for _, title, _ in content.policies]
    rows = [
        [
            _text(name, words),
            f"{count:,}",
            spoken(acre, "tenths", words),
            *(_text(cell, words) for cell in cells),
        ]
        for name, count, acre, cells in zip(polygons.index, polygons, acres, firsts.to_numpy(), strict=True)
    ]
    total = [
        words("tables.total"),
        f"{polygons.sum():,}",
        spoken(acres.sum(), "tenths", words),
        *[""] * len(allowed),
    ]
    table = _table("zones", words, heads, rows, total=total)
    return table | {"numeric": [1, 2]}


def _tracts(content: MapInput, words: Words) -> dict[str, Any]:
    frame = content.tracts.sort_values("tract_geoid", kind="stable")
    measures = (
        ("renters", "renter_share", "share"),
        ("income", "median_household_income_usd", "usd"),
        ("burden", "rent_burdened_30_share", "share"),
    )
    heads = [
        words("tables.tract"),
        words("tables.pressure"),
        *(words(f"tables.{name}") for name, _, _ in measures),
    ]
    columns = [
        [
            _with_moe(v, m, form, words)
            for v, m in zip(_column(frame, name), _column(frame, f"{name}_moe"), strict=True)
        ]
        for _, name, form in measures
    ]
    said = [words.get(f"words.{value}", _text(value, words)) for value in frame["pressure_class"]]
    rows = [list(row) for row in zip(frame["tract_geoid"].astype(str), said, *columns, strict=True)]
    return _table("tracts", words, heads, rows, numeric_from=2)


def _history(content: MapInput, words: Words) -> list[dict[str, Any]]:
    """Change of each measure by tract over its first pair of years, with margin; none without a panel."""
    if content.history is None:
        return []
    frame = content.history.assign(**change.with_changes(content.history)).sort_values("tract_geoid")
    firsts: dict[str, change.Change] = {}
    for one in change.changes():
        if one.column in frame:
            firsts.setdefault(one.measure, one)
    shown = list(firsts.values())
    heads = [words("tables.tract"), *(change.title(one, words) for one in shown)]
    columns = [
        [
            _with_moe(value, moe, change.form(one), words)
            for value, moe in zip(frame[one.column], frame[one.moe], strict=True)
        ]
        for one in shown
    ]
    rows = [list(row) for row in zip(frame["tract_geoid"].astype(str), *columns, strict=True)]
    return [_table("history", words, heads, rows)]


def _definitions(content: MapInput, words: Words) -> list[dict[str, Any]]:
    """What each definition says of each tract; one table per set of tract lines."""
    made = []
    for name in dict.fromkeys(one.set_name for one in content.definitions):
        own = [one for one in content.definitions if one.set_name == name]
        frame = getattr(content, name).sort_values("tract_geoid")
        heads = [words("tables.tract")]
        heads += [
            words("definition.years", title=words.translated(one.title), years=one.years) for one in own
        ]
        columns = [_labels(one, frame, words) for one in own]
        rows = [list(row) for row in zip(frame["tract_geoid"].astype(str), *columns, strict=True)]
        table = _table(f"definitions_{name}", words, heads, rows)
        made.append(table | {"numeric": []})
    return made


def _labels(one: Definition, frame: pd.DataFrame, words: Words) -> list[str]:
    told = {value: words.translated(label) for value, label, _ in one.classes}
    unknown = words.translated(one.reason) if one.reason else words("legend.no_data")
    return [unknown if pd.isna(value) else told.get(value, str(value)) for value in frame[one.column]]


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    return frame[name] if name in frame else pd.Series(pd.NA, index=frame.index, dtype="Float64")


def _with_moe(value: Scalar, moe: Scalar, form: str, words: Words) -> str:
    said = spoken(value, form, words)
    if pd.isna(value):
        return said
    margin = (
        words("card.no_moe") if pd.isna(moe) else words("card.moe", moe=spoken(moe, form, words).lstrip("+"))
    )
    return f"{said} ({margin})"


def _text(value: Scalar, words: Words) -> str:
    return words("card.not_known") if pd.isna(value) else str(value)
