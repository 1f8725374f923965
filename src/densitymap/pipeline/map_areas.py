"""Tracts and block groups of a map: pressure, every definition, past years, what results stand by group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from densitymap import params
from densitymap.displacement.draws import approximate_margins
from densitymap.errors import MissingDataError
from densitymap.geometry import geometries
from densitymap.maps.content import Definition
from densitymap.pipeline import workspace
from densitymap.pipeline.workspace import Workspace

PANEL_SHAPES = "tracts_2010"
"""Tract lines the panel of past years stands on."""
GROUPS = "block_groups_2020"
LEVEL = "block_group"
OF_STAGE = {"pays_developer": "pays_homes", "pays_owner": "owner_homes"}
"""Stages of the funnel by block group, and the columns a map shows them as."""
OF_DRAWS = {"expected_homes": "uptake_p50", "expected_low": "uptake_p10", "expected_high": "uptake_p90"}
"""Columns a map shows of what is expected, and the points of the draws they are."""
ENDS = {"low": "homes_more_low", "high": "homes_more_high"}
"""Ends of the range of prices and costs."""


def tracts(space: Workspace, area: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Tracts that reach into the area, of the vintage whose pressure can be told for most of them.

    Raises
    ------
    MissingDataError
        If no tracts were loaded.
    """
    best: gpd.GeoDataFrame | None = None
    for path in sorted(space.results.glob("pressure_*.parquet")):
        shapes = workspace.read_frame(space.parcels / f"tracts_{path.stem.removeprefix('pressure_')}.parquet")
        judged = workspace.read_frame(path)
        judged = judged[judged.columns.difference(shapes.columns).union(["tract_geoid"])]
        found = reaching(shapes.merge(judged, on="tract_geoid", validate="one_to_one"), area)
        if best is None or _known(found) >= _known(best):
            best = found
    if best is None:
        raise MissingDataError(
            "No census tracts were loaded", next_step="`densitymap add FILE --as tracts_2020` and its table"
        )
    return best


def reaching(frame: gpd.GeoDataFrame, area: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Rows whose shape shares more than a sliver of ground with the area."""
    here = area.geometry.iloc[0]
    near = frame[shapely.intersects(here, geometries(frame))]
    share = shapely.area(shapely.intersection(geometries(near), here)) / shapely.area(geometries(near))
    return near[share > params.choice("tract_sliver_share", group="map")].reset_index(drop=True)


def _known(found: gpd.GeoDataFrame) -> float:
    return float(found["pressure_score"].notna().mean()) if len(found) else 0.0


def history(space: Workspace, area: gpd.GeoDataFrame) -> gpd.GeoDataFrame | None:
    """Tracts of the panel of past years that reach into the area, with how many definitions flag each.

    None where the panel or its tract lines are not loaded.
    """
    panel, shapes = (workspace.layer_or_none(space, name) for name in ("tract_panel", PANEL_SHAPES))
    if panel is None or shapes is None:
        return None
    measures = approximate_margins(pd.DataFrame(panel).rename(columns={"GEOID": "tract_geoid"}))
    found = reaching(shapes, area).merge(measures, on="tract_geoid", how="left", validate="one_to_one")
    found["tract_vintage"] = PANEL_SHAPES.removeprefix("tracts_")
    path = space.results / "agreement.parquet"
    if path.is_file():
        own = workspace.read_frame(path).set_index("tract_geoid")
        columns = ("n_flagged", "n_classifiable")
        found = found.assign(**{name: found["tract_geoid"].map(own[name]).array for name in columns})
    return found


def with_definitions(
    space: Workspace, frames: Mapping[str, gpd.GeoDataFrame | None]
) -> tuple[dict[str, gpd.GeoDataFrame], list[Definition]]:
    """Add every definition's class and stability to the set of tracts on its lines.

    Parameters
    ----------
    space
        Where the definitions were judged.
    frames
        Sets by name (``tracts``, ``history``); None where there is none.

    Returns
    -------
    The sets with columns ``class__<index>`` and ``stability__<index>``, and the definitions shown.
    """
    path = space.results / "definitions.parquet"
    judged = workspace.read_frame(path) if path.is_file() else None
    sets = {name: frame for name, frame in frames.items() if frame is not None}
    shown: list[Definition] = []
    if judged is None:
        return sets, shown
    for name, frame in sets.items():
        vintage = str(frame["tract_vintage"].iloc[0]) if len(frame) else ""
        own = judged[(judged["tract_vintage"].astype("string") == vintage).fillna(value=False)]
        for index, rows in own.groupby("index_name", sort=True):
            found = rows.set_index("tract_geoid").reindex(sets[name]["tract_geoid"])
            columns = (f"class__{index}", f"stability__{index}")
            sets[name] = sets[name].assign(
                **{
                    columns[0]: found["pressure_class"].astype("string").array,
                    columns[1]: found["class_draw_share"].astype("Float64").array,
                }
            )
            shown.append(_definition(str(index), name, found, columns))
    return sets, shown


def _definition(index: str, set_name: str, found: pd.DataFrame, columns: tuple[str, str]) -> Definition:
    """Give a definition's title, years and classes, from its own record."""
    years = found["index_years"].dropna()
    title, classes = _record_of(index, found)
    return Definition(
        name=index,
        title=title,
        years=str(years.iloc[0]) if len(years) else "",
        set_name=set_name,
        column=columns[0],
        classes=classes,
        stability=columns[1],
        reason="" if found["pressure_class"].notna().any() else _why_not(found),
    )


def _why_not(found: pd.DataFrame) -> str:
    """Why a definition judges no tract here: its commonest reason."""
    reasons = found["pressure_reason"].dropna().mode()
    return str(reasons.iloc[0]) if len(reasons) else ""


def _record_of(index: str, found: pd.DataFrame) -> tuple[str, list[tuple[str, str, bool]]]:
    if index.startswith("udp_"):
        _, rules, mode = index.split("_", 2)
        record = params.load("typologies", f"udp_{rules}")
        present = sorted(set(found["pressure_class"].dropna()))
        flags = dict(zip(found["pressure_class"], found["is_flagged"], strict=True))
        labels = dict(zip(found["pressure_class"], found["pressure_label"], strict=True))
        title = f"{record['title'].split(',')[0]}, {mode.replace('_', ' ')}"
        return title, [(word, str(labels[word]), bool(flags[word])) for word in present]
    record = params.load("indices", index)
    classes = [(one["name"], one["label"], bool(one.get("flagged"))) for one in record["class"]]
    rest = record["otherwise"]
    return str(record["title"]), [*classes, (rest["name"], rest["label"], False)]


def block_groups(space: Workspace, area: gpd.GeoDataFrame, lots: pd.DataFrame) -> gpd.GeoDataFrame | None:
    """Block groups that reach into the area: their lots, and what results stand by group.

    None where their lines are not loaded.
    """
    shapes = workspace.layer_or_none(space, GROUPS)
    if shapes is None:
        return None
    found = reaching(shapes.rename(columns={"block_group_geoid_2020": "block_group_geoid"}), area)
    counts = lots["block_group_geoid_2020"].value_counts().reindex(found["block_group_geoid"], fill_value=0)
    found["lots"] = pd.array(counts.to_numpy(), dtype="Int64")
    return found.assign(
        **_paying(space, found["block_group_geoid"]), **_expected(space, found["block_group_geoid"])
    )


def _paying(space: Workspace, groups: pd.Series) -> dict[str, Any]:
    """Additional homes that pay, by policy: sure and perhaps together, missing where few lots hide them."""
    path = space.results / "feasibility.parquet"
    if not path.is_file():
        return {}
    table = workspace.read_frame(path)
    table = table[(table["area_level"] == LEVEL) & ~table["is_hidden"].fillna(value=True)]
    homes = table["homes_more_true"] + table["homes_more_maybe"]
    columns: dict[str, Any] = {}
    for (policy, stage), own in homes.groupby([table["policy"], table["stage"]], sort=False):
        if stage in OF_STAGE:
            by_group = own.set_axis(table.loc[own.index, "area_name"])
            columns[f"{OF_STAGE[stage]}__{policy}"] = groups.map(by_group).astype("Float64").array
            for end, name in ENDS.items():
                ends = table.loc[own.index, name].set_axis(table.loc[own.index, "area_name"])
                columns[f"{OF_STAGE[stage]}_{end}__{policy}"] = groups.map(ends).astype("Float64").array
    return columns


def _expected(space: Workspace, groups: pd.Series) -> dict[str, Any]:
    """Homes expected at the horizon, by policy of the build: middle and ends, missing where few lots hide it.

    A policy that was not drawn by block group has no column: it is said to be not computable.
    """
    path = space.results / "uptake.parquet"
    if not path.is_file():
        return {}
    table = workspace.read_frame(path)
    table = table[(table["area_level"] == LEVEL) & (table["uptake_measure"] == "gross")]
    table = table[table["horizon_year"] == table["horizon_year"].max()]
    table = table[~table["is_hidden"].fillna(value=True).astype(bool)]
    columns: dict[str, Any] = {}
    for policy, own in table.groupby("policy", sort=False):
        by_group = own.set_index("area_name")
        for part, point in OF_DRAWS.items():
            columns[f"{part}__{policy}"] = groups.map(by_group[point]).astype("Float64").array
    return columns
