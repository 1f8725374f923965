"""The schedule a drafter works from: every standard a scenario changes, by district, use and place.

A working paper, not legal text. The schedule reads back as a scenario that changes the same cells.
"""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap.capacity.legal import COUNTED
from densitymap.scenarios.evaluate import Results
from densitymap.scenarios.levers import changes, is_law
from densitymap.scenarios.places import Place
from densitymap.scenarios.policy import Policy
from densitymap.scenarios.unlawful import MINIMUMS, newly_nonconforming, unlawful
from densitymap.zoning.code import ZoningCode, standards
from densitymap.zoning.parse import parse_zones

Flags = npt.NDArray[np.bool_]
Cell = tuple[str, str, str]
"""District, use and standard."""

NOTE = "Working paper, not legal text. Check every section with the City's law department."
NO_LIMIT = "no limit"
UNREAD = "section unread"
_KEYS = ("district", "use", "standard", "where")
_UNDER_ALL = (
    "Newly lawful: the use was refused there and no longer is, surely or perhaps. Newly nonconforming: what "
    "stands is more than could be built, or of a form no longer lawful. Both are under the whole scenario, "
    "not under one row. Now: the value in force, of the use itself or else of any use."
)
_TITLES = (
    "district", "use", "standard", "where", "section", "now", "proposed", "lots", "newly lawful",
    "newly nonconforming",
)  # fmt: skip
HEAD = ("name", "title", "question", "summary", "source", "mark")


def schedule(results: Results, base: Results) -> dict[str, Any]:
    """Lay out what a scenario changes.

    Parameters
    ----------
    results, base
        The scenario and no change, evaluated on the same lots.

    Returns
    -------
    dict
        ``note``, the scenario's own texts, ``rows`` (one per district, use, standard and place), the
        ``protections`` as levers, ``conflicts`` and what becomes ``unlawful`` in words, ``districts``
        affected and ``unread``.
    """
    policy = results.policy
    about = _AboutLots(results, base)
    rows = [
        _row(cell, values, where, policy, about)
        for where, (before, after) in _codes(policy).items()
        for cell, values in _changed(before, after)
    ]
    rows.sort(key=lambda row: (row["district"], row["use"], row["standard"], row["where"] or ""))
    return {
        "note": NOTE,
        **{field: getattr(policy, field) for field in HEAD},
        "allow_empty": policy.allow_empty,
        "districts": sorted({row["district"] for row in rows}),
        "rows": rows,
        "protections": [dict(lever) for lever in policy.levers if not is_law(lever)],
        "conflicts": list(_conflicts(rows)),
        "unlawful": _unlawful(results, base, rows),
        "unread": sorted({row["district"] for row in rows if row["is_section_unread"]}),
    }


def _codes(policy: Policy) -> dict[Place | None, tuple[ZoningCode, ZoningCode]]:
    """The code before and after: everywhere, and in each place beyond that."""
    found: dict[Place | None, tuple[ZoningCode, ZoningCode]] = {None: (policy.base, policy.code)}
    for place in policy.places:
        held = [other == place for other in policy.places]
        found[place] = (policy.code, policy.inside(held).code)
    return found


def _changed(before: ZoningCode, after: ZoningCode) -> Iterator[tuple[Cell, tuple[float, float]]]:
    """Cells whose value changes, with the value in force now: a use's own, else the one for any use.

    A new value of a use that says what any use has, before and after, is no change.
    """
    general, then = (_of_any_use(code) for code in (before, after))
    for cell, (old, new) in changes(before, after).items():
        district, _, standard = cell
        shared = math.nan if standard == "units_max" else general.get((district, standard), math.nan)
        if not (math.isnan(old) and new == shared == then.get((district, standard))):
            yield cell, (shared if math.isnan(old) else old, new)


def _of_any_use(code: ZoningCode) -> dict[Hashable, float]:
    rows = code.rows[code.rows["use"] == "any"].set_index(["district", "standard"])
    return dict(rows["value"].items())


class _AboutLots:
    """What is counted of the lots of a district, looked up once."""

    def __init__(self, results: Results, base: Results) -> None:
        lots = results.lots
        zones = parse_zones(lots["zone_district"], results.policy.base)
        self.lots = lots
        self.key = zones["zone_key"].astype("string").fillna("").to_numpy(object)
        self.conditional = zones["is_conditional"].to_numpy(bool, na_value=False)
        self.overlay = zones["zone_overlays"].notna().to_numpy(bool)
        forms = [form for form in COUNTED if f"is_allowed_{form}" in results.allowed]
        self.newly_lawful = {form: _newly(base, results, form) for form in forms}
        self.newly_nonconforming = newly_nonconforming(lots, base.allowed, results.allowed)

    def lawful_now(self, use: str) -> Flags:
        """Tell lots where a use that was refused no longer is; any form, where the use is none of them."""
        if use in self.newly_lawful:
            return self.newly_lawful[use]
        return np.logical_or.reduce(list(self.newly_lawful.values()))

    def of(self, district: str, place: Place | None) -> Flags:
        """Tell lots whose main district it is, in the place."""
        found = np.asarray(self.key == district, dtype=bool)
        if place is not None:
            found = found & self.lots[place.key].to_numpy(bool, na_value=False)
        return found


def _newly(base: Results, results: Results, form: str) -> Flags:
    name = f"is_allowed_{form}"
    refused = pd.Series(False, index=base.allowed.index, dtype="boolean")  # a larger form no code gives
    was, now = (one.allowed.get(name, refused).to_numpy(bool, na_value=True) for one in (base, results))
    return np.asarray(~was & now, dtype=bool)


def _row(
    cell: Cell,
    values: tuple[float, float],
    place: Place | None,
    policy: Policy,
    about: _AboutLots,
) -> dict[str, Any]:
    district, use, standard = cell
    here = about.of(district, place)
    section, unread = _section(policy.base, cell)
    vocabulary = standards()[standard]
    counts = {
        "lots_affected": here,
        "lots_newly_lawful": here & about.lawful_now(use),
        "lots_newly_nonconforming": here & about.newly_nonconforming,
        "lots_with_condition": here & about.conditional,
        "lots_with_overlay": here & about.overlay,
    }
    return {
        "district": district,
        "use": use,
        "standard": standard,
        "meaning": vocabulary.meaning,
        "unit": vocabulary.unit,
        "where": place.key if place else None,
        "where_words": place.words if place else "everywhere",
        "section": section,
        "is_section_unread": unread,
        "url": policy.base.districts[district].url or policy.base.url,
        "value_now": _told(values[0]),
        "value_proposed": _told(values[1]),
        **{name: int(flags.sum()) for name, flags in counts.items()},
        **_minimum(standard, values, about.lots[here]),
    }


def _minimum(standard: str, values: tuple[float, float], lots: pd.DataFrame) -> dict[str, int | None]:
    """How many lots reach a minimum now and as proposed, and fall below it; for minimums of the lot alone."""
    names = ("lots_meeting_now", "lots_meeting_proposed")
    if standard not in MINIMUMS:
        return dict.fromkeys((*names, "lots_newly_below"))
    measure = lots[MINIMUMS[standard]].to_numpy(float, na_value=np.nan)
    now, proposed = values
    return {"lots_newly_below": int(((measure < proposed) & ~(measure < now)).sum())} | {
        name: None if math.isnan(value) else int((measure >= value).sum())
        for name, value in zip(names, values, strict=True)
    }


def _section(code: ZoningCode, cell: Cell) -> tuple[str, bool]:
    """Where the code says it now; else the district's own section, and whether it has been read."""
    district, use, standard = cell
    rows = code.rows[(code.rows["district"] == district) & (code.rows["standard"] == standard)]
    own = rows[rows["use"] == use]
    found = (own if len(own) else rows[rows["use"] == "any"])["section"].dropna().tolist()
    record = code.districts[district]
    section = found[0] if found else record.section
    unread = not section or "unread" in section.lower() or record.status != "read" or not found
    return section or UNREAD, unread


def _told(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return NO_LIMIT if math.isinf(value) else value


def _conflicts(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    seen: dict[str, tuple[int, int]] = {}
    for row in rows:
        before = seen.get(row["district"], (0, 0))
        counts = (row["lots_with_condition"], row["lots_with_overlay"])
        seen[row["district"]] = (max(before[0], counts[0]), max(before[1], counts[1]))
    for district, (conditional, overlaid) in seen.items():
        if conditional:
            yield (
                f"{district}: {conditional:,} lots carry a council condition (-C) that no data set holds; it "
                "may allow less than this schedule"
            )
        if overlaid:
            yield f"{district}: {overlaid:,} lots lie under an overlay, which wins where it is stricter"


def _unlawful(results: Results, base: Results, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What becomes unlawful under the whole scenario, and lots below each new minimum, in words."""
    said = unlawful(results.lots, base.allowed, results.allowed, base=base.policy, policy=results.policy)[
        "warnings"
    ]
    each = [_below_words(row) for row in rows if row["lots_newly_below"]]
    return [*(f"{text[0].upper()}{text[1:]}." for text in said), *each]


def _below_words(row: Mapping[str, Any]) -> str:
    what = f"{row['district']}, {row['meaning'].lower()} ({row['where_words']})"
    asked = f"{amount(row['value_proposed'])} {row['unit']}"
    lots = f"{row['lots_newly_below']:,} lots that met it fall below {asked}"
    return f"{what}: {lots}, whatever else they lack; the use is lawful there only as on a lot of record"


def lines(told: Mapping[str, Any]) -> Iterator[str]:
    """The schedule as Markdown, line by line."""
    yield f"# Schedule of changes: {_cell(told['title'])}"
    yield from ("", f"**{NOTE}**", "", _cell(told["summary"]), "", f"Source: {_cell(told['source'])}", "")
    yield "| " + " | ".join(_TITLES) + " |"
    yield "|---" * len(_TITLES) + "|"
    for row in told["rows"]:
        section = _cited(row)
        cells = [
            row["district"], row["use"], f"{row['meaning']} [{row['unit']}]", row["where_words"], section,
            amount(row["value_now"]), amount(row["value_proposed"]), f"{row['lots_affected']:,}",
            f"{row['lots_newly_lawful']:,}", f"{row['lots_newly_nonconforming']:,}",
        ]  # fmt: skip
        yield "| " + " | ".join(map(_cell, cells)) + " |"
    if not told["rows"]:
        yield "No standard is changed."
    yield from _rest(told)


def screen(told: Mapping[str, Any]) -> Iterator[str]:
    """The schedule for a terminal, too narrow for a table: change by change under its district."""
    yield from (f"Schedule of changes: {told['title']}", NOTE, told["summary"], f"Source: {told['source']}")
    above = None
    for row in told["rows"]:
        under = f"{row['district']}, {row['where_words']}: {row['lots_affected']:,} lots"
        if under != above:
            yield under
        above = under
        yield f"  {row['use']}, {_change(row)}{_effects(row)}. {_cited(row)}"
    if not told["rows"]:
        yield "No standard is changed."
    for title, items in _parts(told).items():
        if items:
            yield f"{title}:"
            yield from (f"  {item}" for item in items)
    yield _UNDER_ALL


def _cited(row: Mapping[str, Any]) -> str:
    says_so = not row["is_section_unread"] or UNREAD in row["section"]
    return str(row["section"]) if says_so else f"{row['section']} ({UNREAD})"


def _change(row: Mapping[str, Any]) -> str:
    """What changes from what to what, in the first words of the standard's meaning."""
    meaning = row["meaning"].split(" (")[0].split(";")[0]
    now, then = (_short(row[name], row["unit"]) for name in ("value_now", "value_proposed"))
    unit = "" if row["unit"] == "flag" else f" [{row['unit']}]"
    return f"{meaning[0].lower()}{meaning[1:]}{unit}: {now} now, {then} proposed"


def _short(value: float | str | None, unit: str) -> str:
    return {"0": "no", "1": "yes"}.get(amount(value), "not set") if unit == "flag" else amount(value)


def _effects(row: Mapping[str, Any]) -> str:
    told = [
        f"{row[f'lots_newly_{name}']:,} newly {name}"
        for name in ("lawful", "nonconforming")
        if row[f"lots_newly_{name}"]
    ]
    return f" ({', '.join(told)})" if told else ""


def _rest(told: Mapping[str, Any]) -> Iterator[str]:
    for title, items in _parts(told).items():
        if items:
            yield from ("", f"## {title}", "", *(f"- {_cell(item)}" for item in items))
    yield from ("", _UNDER_ALL)


def _parts(told: Mapping[str, Any]) -> dict[str, list[str]]:
    """What stands under the rows, by title."""
    return {
        "What becomes unlawful": told.get("unlawful", []),
        "Conflicts": told["conflicts"],
        "Sections nobody has read": told["unread"],
        "Protections, which change no zoning": [
            lever["kind"].replace("_", " ") for lever in told["protections"]
        ],
    }


def amount(value: float | str | None) -> str:
    """A value as a drafter reads it.

    Examples
    --------
    >>> [amount(5000.0), amount(0.6), amount(None), amount("no limit")]
    ['5,000', '0.6', 'not set', 'no limit']
    """
    if value is None:
        return "not set"
    return value if isinstance(value, str) else f"{value:,g}" if abs(value) < 1e6 else f"{value:,.0f}"  # noqa: PLR2004 (where %g turns to powers)


def _cell(text: object) -> str:
    plain = " ".join(str(text).split())
    for sign, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "\\|")):
        plain = plain.replace(sign, safe)
    return plain


_READ_BACK = ("district", "use", "standard", "value_proposed")
"""Columns a schedule is read back by; there even where a scenario changes no standard."""


def table(told: Mapping[str, Any]) -> pd.DataFrame:
    """The schedule as one table; protections are rows without a district, and the texts stand on each row."""
    rows = [dict(row) for row in told["rows"]]
    rows += [{"protection": json.dumps(lever, sort_keys=True)} for lever in told["protections"]]
    rows = rows or [{}]
    head = {f"scenario_{field}": told[field] for field in HEAD}
    found = pd.DataFrame(rows).assign(**head, note=NOTE)
    found = found.reindex(columns=[*dict.fromkeys((*found, *_READ_BACK))])
    return found.assign(scenario_allow_empty=bool(told["allow_empty"]))
