"""Stage 3 to 4 for tracts: every definition beside the others, with its sampling stability."""

from __future__ import annotations

from typing import Any

import pandas as pd

from densitymap import params, schema
from densitymap.displacement.agreement import agreement, published_labels
from densitymap.displacement.draws import approximate_margins
from densitymap.displacement.index import Judged, judge
from densitymap.pipeline import workspace
from densitymap.pipeline.profile import tracts_of
from densitymap.pipeline.workspace import Workspace

INDEX = "pressure"
"""The index the map opens on."""
TOLD = (
    "index_name", "index_years", "pressure_label", "is_flagged", "pressure_score", "class_draw_share",
    "entropy_bits", "n_draws", "moe_source", "pressure_reason",
)  # fmt: skip
"""What is said of a tract by each definition."""
PANEL_VINTAGE = 2010
"""Tract lines the panel stands on."""


def build_pressure(space: Workspace, names: list[str]) -> dict[str, int] | str:
    """Judge tracts by our indices and by the published definitions.

    Writes ``pressure_<vintage>`` (our pressure index), ``definitions`` (long: tract x index),
    ``definition_draws`` (share of draws per class), and ``agreement`` over the published ones.

    Parameters
    ----------
    names
        Tables ``tracts_<vintage>`` of stage 3.

    Returns
    -------
    dict or str
        Tracts each published definition flags, or why none could be asked.
    """
    ours = [judged for name in names for judged in _ours(space, name)]
    published = _published(space)
    everything = [*ours, *published]
    _write(space, "definitions", [judged.pressure for judged in everything], "pressure")
    _write(space, "definition_draws", [judged.draws for judged in everything], "pressure_draws")
    if not published:
        return "not classifiable: the layer tract_panel is not loaded"
    judged = pd.concat([judged.pressure for judged in published], ignore_index=True)
    workspace.write_frame(space.results / "agreement.parquet", agreement(judged))
    flagged = judged.groupby("index_name", sort=False)["is_flagged"].sum()
    return {str(name): int(count) for name, count in flagged.items()}


def _ours(space: Workspace, name: str) -> list[Judged]:
    """Our indices on one vintage of tracts; the first is what the map opens on."""
    tracts = pd.DataFrame(workspace.read_frame(space.parcels / f"{name}.parquet").drop(columns="geometry"))
    indices = [INDEX, *(index for index in _of_kind("ours") if index != INDEX)]
    judged = [judge(tracts, index) for index in indices]
    suffix = name.removeprefix("tracts_")
    workspace.write_frame(space.results / f"pressure_{suffix}.parquet", judged[0].pressure)
    return judged


def _published(space: Workspace) -> list[Judged]:
    """The published definitions, on the panel of tracts (1990 to 2018) where it is loaded."""
    panel = workspace.layer_or_none(space, "tract_panel")
    if panel is None:
        return []
    tracts = pd.DataFrame(panel).rename(columns={"GEOID": "tract_geoid"})
    tracts["tract_vintage"] = pd.array([PANEL_VINTAGE] * len(tracts), dtype="Int64")
    tracts = approximate_margins(tracts)
    judged = [judge(tracts, name) for name in _of_kind("published")]
    typology = workspace.layer_or_none(space, "udp_typology")
    if typology is not None:
        rows = published_labels(pd.DataFrame(typology))
        judged.append(Judged(pressure=rows, draws=judged[0].draws.iloc[:0], inputs=judged[0].inputs.iloc[:0]))
    return judged


def _of_kind(kind: str) -> list[str]:
    return [name for name in params.names("indices") if params.load("indices", name)["kind"] == kind]


def _write(space: Workspace, name: str, tables: list[pd.DataFrame], schema_name: str) -> None:
    whole = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    workspace.write_frame(space.results / f"{name}.parquet", schema.conform(whole, schema_name))


def pressure_of(space: Workspace, place: str) -> dict[str, Any]:
    """What every definition says of the tracts of a place.

    Returns
    -------
    dict
        ``place``, ``note`` and ``tracts``: each with the share of the place it covers, how many
        published definitions flag it among how many that could be asked, and every answer.

    Raises
    ------
    UsageError, MissingDataError
        If there is no such place, or nothing was built.
    """
    judged = workspace.read_frame(space.results / "definitions.parquet")
    name, shares = tracts_of(space, place)
    own = judged.merge(shares, on=["tract_geoid", "tract_vintage"], validate="many_to_one")
    tracts = [_tract(rows) for _, rows in own.groupby(["tract_vintage", "tract_geoid"], sort=True)]
    return {"place": name, "note": params.load("words", "doubts")["tracts"], "tracts": tracts}


def _tract(rows: pd.DataFrame) -> dict[str, Any]:
    published = rows[
        rows["index_name"].isin(_of_kind("published")) | rows["index_name"].str.startswith("udp_")
    ]
    first = rows.iloc[0]
    return {
        "tract_geoid": first["tract_geoid"],
        "tract_vintage": int(first["tract_vintage"]),
        "share_of_place": round(float(first["share_of_place"]), 4),
        "flagged": int(published["is_flagged"].sum()),
        "classifiable": int(published["is_classifiable"].sum()),
        "definitions": [{"title": _title(row["index_name"])} | row for row in _plain(rows[list(TOLD)])],
    }


def _title(name: str) -> str:
    """An index's title; the typology's labels carry their mode."""
    if name.startswith("udp_"):
        _, rules, mode = name.split("_", 2)
        return f"{params.load('typologies', f'udp_{rules}')['title']}, {mode.replace('_', ' ')}"
    return str(params.load("indices", name)["title"])


def _plain(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain records; missing is null."""
    ordered = rows.sort_values("index_name").astype(object)
    return [
        {str(key): value for key, value in row.items()}
        for row in ordered.where(ordered.notna(), None).to_dict("records")
    ]
