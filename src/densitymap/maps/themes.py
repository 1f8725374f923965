"""What the fills can show: themes of the catalogue, expanded for the policies and data at hand."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap import params
from densitymap.maps import change
from densitymap.maps.content import Definition, policy_columns
from densitymap.maps.fill import fill
from densitymap.maps.words import Words

Theme = dict[str, Any]
Policies = Sequence[tuple[str, str, str]]


def available(
    frames: Mapping[str, gpd.GeoDataFrame],
    policies: Policies,
    words: Words,
    *,
    definitions: Sequence[Definition] = (),
    pair: tuple[str, str] | None = None,
) -> list[Theme]:
    """Themes the frames hold data for, in catalogue order, ready for the page.

    Parameters
    ----------
    frames
        Frames by set name, with derived columns.
    policies
        Name, title and question of each, today's law first.
    words
        The reader's language.
    definitions
        The indices by tract; each becomes a theme.
    pair
        Policies whose difference is shown.

    Returns
    -------
    list of dict
        ``id, on, set, column, kind, title, group, format, sum`` and ``classes``: each with its
        ``value`` or ``from`` (``None`` for no limit), ``colour`` and ``label``; last comes the
        class of missing values, hatched. Themes of one ``family`` are told apart by ``variant``. A
        theme the catalogue wants shown though nothing was computed carries ``needs``.
    """
    catalogue = params.load("layers", "themes")
    found = []
    for record in _expanded(catalogue, definitions, words):
        for theme in _per_policy(record, policies, words, pair):
            values = frames[theme["set"]].get(theme["column"]) if theme["set"] in frames else None
            if values is None or not (values.notna().any() or _stays(record)):
                continue
            classes = _classes(record, values, catalogue, words)
            needs = {} if values.notna().any() else _needs(record, words)
            found.append(theme | needs | {"classes": classes})
    return found


def _stays(record: Mapping[str, Any]) -> bool:
    """Whether a theme is offered though it holds no value: it then says what it needs."""
    return bool(record.get("needs")) or record.get("per") == "pair"


def _needs(record: Mapping[str, Any], words: Words) -> Theme:
    needs = record.get("needs")
    return {"needs": words.get(f"needs.{needs}", words.translated(needs))} if needs else {}


def _expanded(
    catalogue: Mapping[str, Any], definitions: Sequence[Definition], words: Words
) -> Iterator[Mapping[str, Any]]:
    """Records of the catalogue; one that stands for many (changes, definitions) is written out."""
    for record in catalogue["theme"]:
        if record.get("per") == "change":
            yield from (_of_change(record, one, words) for one in change.changes())
        elif record.get("per") == "definition":
            yield from (_of_definition(record, one, words) for one in definitions)
        else:
            yield record


def _of_change(record: Mapping[str, Any], one: change.Change, words: Words) -> dict[str, Any]:
    listed = change.record()
    return dict(record) | {
        "id": f"change:{one.measure}:{one.old}-{one.new}",
        "column": one.column,
        "set": listed["set"],
        "classes": listed["steps"]["points" if one.unit == "points" else "percent"],
        "family": f"change:{one.measure}",
        "family_title": words(f"change.{one.measure}"),
        "variant": change.years(one, words),
        "title": change.title(one, words),
        "doubt": {"column": one.moe, "of": one.column, "above": 1.0},
        "format": change.form(one),
        "per": None,
    }


def _of_definition(record: Mapping[str, Any], one: Definition, words: Words) -> dict[str, Any]:
    colours = {kind: list(record["colours"][kind]) for kind in ("flagged", "other")}
    used = {"flagged": 0, "other": 0}
    classes = []
    for value, label, flagged in one.classes:
        kind = "flagged" if flagged else "other"
        colour = colours[kind][used[kind] % len(colours[kind])]
        used[kind] += 1
        spoken_label = words.translated(label)
        note = words("definition.flagged", label=spoken_label) if flagged else spoken_label
        classes.append({"value": value, "colour": colour, "label": note})
    years = words("definition.years", title=words.translated(one.title), years=one.years)
    return dict(record) | {
        "id": f"definition:{one.set_name}:{one.name}",
        "column": one.column,
        "set": one.set_name,
        "classes": classes,
        "family": "definition",
        "family_title": words("themes.definition"),
        "variant": years,
        "title": years,
        "doubt": dict(record["doubt"]) | {"column": one.stability},
        "needs": one.reason,
        "per": None,
    }


def classify(values: pd.Series, theme: Theme) -> pd.Series:
    """Place of each value in the theme's classes; the last class is for missing ones."""
    classes = theme["classes"]
    last = len(classes) - 1
    if theme["kind"] == "category":
        known_at = {known["value"]: place for place, known in enumerate(classes[:-1])}
        return values.astype("object").map(known_at).fillna(last).astype(int)
    lows = [_low(known["from"]) for known in classes[:-1]]
    numbers = pd.to_numeric(values).astype("Float64")
    raw = numbers.to_numpy(dtype=float, na_value=np.nan)
    places = np.full(len(raw), last)
    for place, low in enumerate(lows):
        places[raw >= low] = place
    return pd.Series(places, index=values.index)


def doubtful(frame: pd.DataFrame, theme: Theme) -> npt.NDArray[np.bool_] | None:
    """Which rows of a theme are too uncertain to lean on; None where no margin is known.

    Parameters
    ----------
    frame
        The theme's set.
    theme
        With ``doubt``: a ``column``, compared with ``above`` or ``below``, as a share of ``of`` where given.
    """
    rule = theme.get("doubt")
    if not rule or rule["column"] not in frame:
        return None
    value = pd.to_numeric(frame[rule["column"]]).astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    if "of" in rule:
        base = pd.to_numeric(frame[rule["of"]]).astype("Float64").to_numpy(dtype=float, na_value=np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.abs(value / base)
    if np.isnan(value).all():
        return None
    return np.asarray((value > rule.get("above", np.inf)) | (value < rule.get("below", -np.inf)))


def _low(bound: float | str | None) -> float:
    """Undo :func:`_bound`."""
    if isinstance(bound, str):
        return -math.inf
    return math.inf if bound is None else bound


def _per_policy(
    record: Mapping[str, Any], policies: Policies, words: Words, pair: tuple[str, str] | None
) -> list[Theme]:
    base = {key: record[key] for key in ("on", "set", "kind")}
    base["doubt"] = record.get("doubt")
    base |= {"format": record.get("format", "plain"), "sum": record.get("sum"), "base": record["id"]}
    base["group"] = _group(record)
    base |= {key: record[key] for key in ("family", "family_title", "variant") if key in record}
    base |= {"note": words(f"notes.{record['note']}")} if "note" in record else {}
    per = record.get("per")
    if per == "pair":
        return [_of_pair(record, base, policies, words, pair)] if pair else []
    if per is None:
        title = record.get("title") or words(f"themes.{record['id']}")
        return [base | {"id": record["id"], "column": record["column"], "title": title}]
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


def _of_pair(
    record: Mapping[str, Any], base: Theme, policies: Policies, words: Words, pair: tuple[str, str]
) -> Theme:
    titles = {name: title for name, title, _ in policies}
    title = words(f"themes.{record['id']}", before=titles[pair[0]], after=titles[pair[1]])
    return base | {"id": record["id"], "column": record["column"], "title": title, "pair": True}


def _group(record: Mapping[str, Any]) -> str:
    if "group" in record:
        return str(record["group"])
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
    told = {known["value"]: known["label"] for known in record["classes"] if "label" in known}
    return [
        {
            "value": value,
            "colour": colour,
            "label": told.get(value) or words.get(f"{section}.{value}", words.get(f"words.{value}", value)),
        }
        for value, colour in listed
    ]


def _step_classes(record: Mapping[str, Any], words: Words) -> list[dict[str, Any]]:
    steps = record["classes"]
    uppers = [step["from"] for step in steps[1:]] + [None]
    return [
        {
            "from": _bound(step["from"]),
            "colour": step["colour"],
            "label": _step_label(step, upper, record.get("format", "plain"), words),
        }
        for step, upper in zip(steps, uppers, strict=True)
    ]


def _bound(low: float) -> float | str | None:
    """A lower bound as the page reads it: ``None`` is no limit, ``least`` is anything below."""
    if math.isinf(low):
        return None if low > 0 else "least"
    return low


def _step_label(step: Mapping[str, Any], upper: float | None, form: str, words: Words) -> str:
    if "say" in step:
        return words(f"steps.{step['say']}")
    low = step["from"]
    if math.isinf(low):
        return words("legend.no_limit")
    whole = form in {"plain", "year"}
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
    scaled = value * 100 if form in {"share", "score", "change_points", "change_percent"} else value
    digits = 1 if form in {"acres", "tenths"} else 0
    phrase = words.get(f"format.{form}", "{n}")
    sign = "+" if form.startswith("change_") and scaled > 0 else ""
    return fill(phrase, {"n": f"{sign}{scaled:,.{digits}f}"})
