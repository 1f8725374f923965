"""The content in the reader's language: titles, sentences of the models, and what nobody translated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import geopandas as gpd

from densitymap import params
from densitymap.maps import translate
from densitymap.maps.content import OPTIONAL, REQUIRED, MapInput
from densitymap.maps.words import FALLBACK, Words


def spoken(content: MapInput, words: Words) -> tuple[MapInput, list[str]]:
    """Put the content into the reader's language as far as the catalogue can.

    Which columns hold sentences is in ``catalog/layers/sets.toml``. Text of third parties (addresses,
    names) is never touched.

    Returns
    -------
    The content, and the texts of the data nobody translated: a page marks them as English.
    """
    content = replace(content, policies=_policies(content, words))
    if words.language == FALLBACK:
        return content, []
    left: dict[str, None] = {}
    own = {
        name: _frame(getattr(content, name), words, left)
        for name in (*REQUIRED, *OPTIONAL)
        if getattr(content, name) is not None
    }
    groups = {name: _frames(getattr(content, name), words, left) for name in ("lines", "points", "polygons")}
    changes: dict[str, Any] = own | groups
    return replace(content, **changes), list(left)


def _policies(content: MapInput, words: Words) -> list[tuple[str, str, str]]:
    """Policies with their title and what was asked of them in the reader's language, where it has them."""
    return [
        (name, words.get(f"policies.{name}.title", words.translated(title)), words.translated(question))
        for name, title, question in content.policies
    ]


def _frames(
    frames: Mapping[str, gpd.GeoDataFrame], words: Words, left: dict[str, None]
) -> dict[str, gpd.GeoDataFrame]:
    return {name: _frame(frame, words, left) for name, frame in frames.items()}


def _frame(frame: gpd.GeoDataFrame, words: Words, left: dict[str, None]) -> gpd.GeoDataFrame:
    beginnings = tuple(params.load("layers", "sets")["sentences"])
    for column in [str(name) for name in frame.columns if str(name).startswith(beginnings)]:
        texts, untold = translate.column(frame[column], words.sentences)
        frame = frame.assign(**{column: texts})
        left.update(dict.fromkeys(untold))
    return frame
