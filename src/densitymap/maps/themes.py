"""What the fills can show: themes of the catalogue, expanded for the policies and data at hand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from densitymap import params
from densitymap.maps.content import policy_columns
from densitymap.maps.words import Words, fill

Theme = dict[str, Any]
Policies = Sequence[tuple[str, str, str]]


def available(frames: Mapping[str, gpd.GeoDataFrame], policies: Policies, words: Words) -> list[Theme]:
    """Themes the frames hold data for, in catalogue order, ready for the page.

    Parameters
    ----------
    frames
        Frames by set name, with derived columns.
    policies
        Name, title and question of each, today's law first.
    words
        The reader's language.

    Returns
    -------
    list of dict
        ``id, on, set, column, kind, title, group, format, sum`` and ``classes``: each with its
        ``value`` or ``from`` (``None`` for no limit), ``colour`` and ``label``; last comes the
        class of missing values, hatched.
    """
    catalogue = params.load("layers", "themes")
    found = []
    for record in catalogue["theme"]:
        for theme in _per_policy(record, policies, words):
            values = frames[theme["set"]].get(theme["column"])
            if values is not None and values.notna().any():
                theme["classes"] = _classes(record, values, catalogue, words)
                found.append(theme)
    return found


def classify(values: pd.Series, theme: Theme) -> pd.Series:
    """Place of each value in the theme's classes; the last class is for missing ones."""
    classes = theme["classes"]
    last = len(classes) - 1
    if theme["kind"] == "category":
        known_at = {known["value"]: place for place, known in enumerate(classes[:-1])}
        return values.astype("object").map(known_at).fillna(last).astype(int)
    lows = [math.inf if known["from"] is None else known["from"] for known in classes[:-1]]
    numbers = pd.to_numeric(values).astype("Float64")
    raw = numbers.to_numpy(dtype=float, na_value=np.nan)
    places = np.full(len(raw), last)
    for place, low in enumerate(lows):
        places[raw >= low] = place
    return pd.Series(places, index=values.index)


def _per_policy(record: Mapping[str, Any], policies: Policies, words: Words) -> list[Theme]:
    base = {key: record[key] for key in ("on", "set", "kind")}
    base["doubt"] = record.get("doubt")
    base |= {"format": record.get("format", "plain"), "sum": record.get("sum"), "base": record["id"]}
    base["group"] = _group(record)
    per = record.get("per")
    if per is None:
        return [
            base | {"id": record["id"], "column": record["column"], "title": words(f"themes.{record['id']}")}
        ]
    themes = []
    columns = policy_columns(policies, record["column"])
    for place, ((name, title, question), column) in enumerate(zip(policies, columns, strict=True)):
        if per == "reform" and place == 0:
            continue
        spoken = words(f"themes.{record['id']}", policy=title, question=question)
        themes.append(
            base | {"id": f"{record['id']}:{name}", "column": column, "title": spoken, "policy": name}
        )
    return themes


def _group(record: Mapping[str, Any]) -> str:
    if record["on"] == "areas":
        return str(record["set"])
    return str(record["id"]) if record.get("per") else "lot_facts"


def _classes(
    record: Mapping[str, Any], values: pd.Series, catalogue: Mapping[str, Any], words: Words
) -> list[dict[str, Any]]:
    lots = record["set"] == "lots" and record["kind"] == "category"
    label = words("legend.no_data_lots" if lots else "legend.no_data")
    missing = {"value": None, "label": label, **catalogue["missing"]}
    if record["kind"] == "category":
        return [*_word_classes(record, values, catalogue["spare"], words), missing]
    return [*_step_classes(record, words), missing]


def _word_classes(
    record: Mapping[str, Any], values: pd.Series, spare: Sequence[str], words: Words
) -> list[dict[str, Any]]:
    """List the known words that occur or could, then any other word found, in a spare colour."""
    listed = [(known["value"], known["colour"]) for known in record["classes"]]
    known = {value for value, _ in listed} | {record.get("missing_value")}
    others = sorted(set(values.dropna().astype(str)) - known)
    listed += [(value, spare[place % len(spare)]) for place, value in enumerate(others)]
    section = "verdict" if record["id"] == "verdict" else "classes"
    return [
        {
            "value": value,
            "colour": colour,
            "label": words.get(f"{section}.{value}", words.get(f"words.{value}", value)),
        }
        for value, colour in listed
    ]


def _step_classes(record: Mapping[str, Any], words: Words) -> list[dict[str, Any]]:
    steps = record["classes"]
    uppers = [step["from"] for step in steps[1:]] + [None]
    return [
        {
            "from": None if math.isinf(step["from"]) else step["from"],
            "colour": step["colour"],
            "label": _step_label(step["from"], upper, record.get("format", "plain"), words),
        }
        for step, upper in zip(steps, uppers, strict=True)
    ]


def _step_label(low: float, upper: float | None, form: str, words: Words) -> str:
    if math.isinf(low):
        return words("legend.no_limit")
    whole = form in {"plain", "year"}
    if low < 0 and upper is not None:
        return spoken(0, form, words)
    if upper is None or math.isinf(upper):
        return words("legend.or_more", **{"from": spoken(low, form, words)})
    if whole and upper - low == 1:
        return spoken(low, form, words)
    high = upper - 1 if whole else upper
    return words("legend.between", low=spoken(low, form, words), high=spoken(high, form, words))


def spoken(value: float, form: str, words: Words) -> str:
    """Say a number in the page's manner: ``share`` of 1 as percent, ``usd`` and so on.

    Missing is said as not known, ``inf`` as no limit: neither is ever a number.
    """
    if pd.isna(value):
        return words("card.not_known")
    if math.isinf(value):
        return words("card.no_limit")
    if form == "year":
        return f"{value:.0f}"
    scaled = value * 100 if form in {"share", "score"} else value
    digits = 1 if form in {"acres", "tenths"} else 0
    phrase = words.get(f"format.{form}", "{n}")
    return fill(phrase, {"n": f"{scaled:,.{digits}f}"})
