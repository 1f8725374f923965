"""The code as a document people can read: one Markdown page, generated and never edited by hand."""

from __future__ import annotations

import math

import pandas as pd

from densitymap.zoning.code import District, ZoningCode, standards
from densitymap.zoning.explain import MARK_WORDS

_HEAD = """# {title}

Generated from `catalog/codes/{name}`; do not edit. Ordinance: <{url}>

Not legal advice: check zoning with the City. An absent value has not been read; "no maximum" is an answer.
"""


def markdown(code: ZoningCode) -> str:
    """Write a code of zoning as Markdown: marks, sources, then each district with its values.

    Districts that have been read come first, those of which nothing has been read last, with why.
    """
    grouped = dict(tuple(code.rows.groupby("district", sort=False)))
    parts = [_HEAD.format(title=code.title, name=code.name, url=code.url), _legend(code)]
    known = [code.districts[str(name)] for name in grouped]
    known.sort(key=lambda district: district.status != "read")
    parts += [_district(district, grouped[district.name]) for district in known]
    unread = [district for name, district in code.districts.items() if name not in grouped]
    parts.append(_unread(unread))
    return "\n".join(parts)


def _legend(code: ZoningCode) -> str:
    marks = [f"- **{mark}**: {words}" for mark, words in MARK_WORDS.items()]
    sources = [f"- **{name}**: {words}" for name, words in code.sources.items()]
    return "\n".join(["## How sure a value is", "", *marks, "", "## Sources", "", *sources, ""])


def _district(district: District, rows: pd.DataFrame) -> str:
    lines = [f"## {district.name}: {district.title}", ""]
    about = [f"Status: {district.status}{f' ({district.reason})' if district.reason else ''}."]
    about += [f"Where: {district.section}."] if district.section else []
    about += [f"[Ordinance]({district.url})."] if district.url else []
    about += [f"Note: {district.note}."] if district.note else []
    lines += [" ".join(about), "", "| use | standard | value | condition | mark | sources |"]
    lines += ["|---|---|---|---|---|---|", *_table(rows)]
    if district.unread:
        meaning = standards()
        lines += ["", "Unread:", ""]
        lines += [f"- {meaning[name].meaning.lower()}: {why}" for name, why in district.unread.items()]
    return "\n".join([*lines, ""])


def _table(rows: pd.DataFrame) -> list[str]:
    vocabulary = standards()
    columns = ("use", "standard", "value", "unit", "basis", "condition", "mark", "sources", "section")
    lines = []
    for use, standard, value, unit, basis, condition, mark, sources, section in zip(
        *(rows[name] for name in columns), strict=True
    ):
        told = "no maximum" if math.isinf(value) else f"{value:,g} {_unit(unit)}".strip()
        basis_text = f" ({basis} land)" if isinstance(basis, str) and basis != "unstated" else ""
        notes = [text for text in (condition, section if mark in "MA" else None) if isinstance(text, str)]
        cells = [
            use,
            vocabulary[standard].meaning,
            told + basis_text,
            "; ".join(notes),
            mark,
            ", ".join(sources),
        ]
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    return lines


def _unit(unit: str) -> str:
    return "" if unit in ("ratio", "flag") else unit.replace("ft2", "sq ft")


def _unread(districts: list[District]) -> str:
    lines = [
        "## Districts of which no value has been read",
        "",
        "| district | status | why |",
        "|---|---|---|",
    ]
    lines += [
        f"| {district.name}: {district.title} | {district.status} | {district.reason or ''} |"
        for district in districts
    ]
    return "\n".join([*lines, ""])
