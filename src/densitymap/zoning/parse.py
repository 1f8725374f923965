"""Read the zoning codes that a map or a document prints.

The grammar is the ordinance's own way of writing; which bases, subareas, tags and overlays exist is
data of the code. Nothing is inherited from a neighbour by prefix: a base matches exactly or is
unresolved, with its reason. Any text is answered, none raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import pandas as pd

from densitymap import params
from densitymap.zoning.code import District, Status, ZoningCode, open_families

OVERLAY_FAMILY = "overlay"
UNKNOWN_FAMILY = "?"
_LONGEST = 200
_SUBAREA = re.compile(
    r" ?(?:SA|SUBAREA)[ -]{0,2}(?P<number>\d+)(?P<letters>[A-Z]{0,2})(?P<conditional> ?-C)?(?= |$)"
)
_CODE_SHAPE = re.compile(r"(?P<base>[A-Z]{1,5}(?:-[A-Z0-9]+)+?)(?P<conditional>-C)?(?= |$)")
_COMPACT = re.compile(r"HC-?20([A-Z])(?:[ -]?SA(\d+))?")


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedZone:
    """What one zoning code says, and how far the catalogue knows its law."""

    text: str
    base: str | None
    family: str
    subarea: str | None
    conditional: bool
    tag: str | None
    overlays: tuple[str, ...]
    status: Status
    reason: str | None

    @property
    def key(self) -> str | None:
        """Name of the record that holds its law: the base, or the base and subarea."""
        return f"{self.base} SA{self.subarea}" if self.base and self.subarea else self.base


def parse_zone(text: object, code: ZoningCode) -> tuple[ParsedZone, ...]:
    """Parse one zoning code; a split zoning ("I-2,RG-2") gives one part for each district.

    Parameters
    ----------
    text
        As mapped or printed. Anything else than text, and empty text, is unresolved.
    code
        The code whose districts may be named.

    Examples
    --------
    >>> from densitymap.zoning.code import load_code
    >>> parse_zone("SPI-9-C SA1", load_code("atlanta"))[0].conditional
    True
    >>> [part.base for part in parse_zone("I-2,RG-2", load_code("atlanta"))]
    ['I-2', 'RG-2']
    """
    if not isinstance(text, str) or not text.strip():
        return (_unresolved("", "no zoning code is given"),)
    items = [" ".join(item.upper().split()) for item in text.split(",")]
    return tuple(_item(item, code) for item in items if item) or (
        _unresolved(text[:_LONGEST], "no zoning code is given"),
    )


def parse_zones(texts: pd.Series, code: ZoningCode) -> pd.DataFrame:
    """Parse a column of codes, each distinct text once.

    Parameters
    ----------
    texts
        Zoning codes, any index.
    code
        The code whose districts may be named.

    Returns
    -------
    DataFrame
        On the same index: ``zone_key`` (record of the law), ``zone_base``, ``zone_family``,
        ``zone_subarea``, ``is_conditional``, ``zone_tag``, ``zone_overlays`` (joined by "; "),
        ``zone_status``, ``zone_reason`` and ``zone_parts`` (districts named in the text). Where the
        text names several, the columns tell of the first and ``zone_parts`` is above one.
    """
    codes, distinct = pd.factorize(texts, use_na_sentinel=False)
    records = [_record(parse_zone(text, code)) for text in distinct]
    columns = zip(*records, strict=True) if records else ((),) * len(_COLUMNS)
    table = {
        name: pd.array(list(values), dtype=_TYPES.get(name, "string")).take(codes)
        for name, values in zip(_COLUMNS, columns, strict=True)
    }
    return pd.DataFrame(table, index=texts.index)


def describe(text: object, code: ZoningCode) -> dict[str, Any] | list[dict[str, Any]]:
    """Give what the command ``densitymap zone`` prints: one object, or an array when split."""
    answers = [_answer(part, code) for part in parse_zone(text, code)]
    return answers[0] if len(answers) == 1 else answers


_COLUMNS = (
    "zone_key", "zone_base", "zone_family", "zone_subarea", "is_conditional", "zone_tag", "zone_overlays",
    "zone_status", "zone_reason", "zone_parts",
)  # fmt: skip
_TYPES: Mapping[str, Any] = {"is_conditional": "bool", "zone_parts": "Int64"}


def _record(parts: tuple[ParsedZone, ...]) -> tuple[Any, ...]:
    first = parts[0]
    return (
        first.key,
        first.base,
        first.family,
        first.subarea,
        first.conditional,
        first.tag,
        "; ".join(first.overlays) or None,
        first.status,
        first.reason,
        len(parts),
    )


def _answer(part: ParsedZone, code: ZoningCode) -> dict[str, Any]:
    district = code.districts.get(part.key or "") or code.districts.get(part.base or "")
    return {
        "text": part.text,
        "base": part.base,
        "family": part.family,
        "subarea": part.subarea,
        "conditional": part.conditional,
        "tag": part.tag,
        "overlays": list(part.overlays),
        "status": part.status,
        "reason": part.reason,
        "title": district.title if district else None,
        "section": district.section if district else None,
        "url": district.url if district else None,
    }


def _unresolved(text: str, reason: str) -> ParsedZone:
    return ParsedZone(
        text=text,
        base=None,
        family=UNKNOWN_FAMILY,
        subarea=None,
        conditional=False,
        tag=None,
        overlays=(),
        status="unresolved",
        reason=reason,
    )


def _item(item: str, code: ZoningCode) -> ParsedZone:
    if len(item) > _LONGEST:
        return _unresolved(item[:_LONGEST], "longer than any zoning code")
    main, dash, label = item.partition(" - ")
    if dash and label == "C":
        return _district_item(f"{main}-C", code)
    if main in code.overlays:
        return _overlay(item, code.overlays[main], code)
    short = _spelled_out(item) != item
    return _overlay_item(item, main, code) if dash or short else _district_item(item, code)


def _overlay(item: str, name: str, code: ZoningCode) -> ParsedZone:
    return replace(
        _unresolved(item, code.overlay_reasons[name]), base=name, family=OVERLAY_FAMILY, status="unread"
    )


def _overlay_item(item: str, main: str, code: ZoningCode) -> ParsedZone:
    """Read the overlay layer's own spelling: a district, a dash, and a name in words."""
    parsed = _district_item(_spelled_out(main), code)
    known = parsed.base in code.districts or parsed.family != UNKNOWN_FAMILY
    return replace(parsed, text=item, family=OVERLAY_FAMILY if known else UNKNOWN_FAMILY)


def _spelled_out(text: str) -> str:
    """Give the overlay layer's short form ("HC20KSA1") as the ordinance writes it ("HC-20K SA1")."""
    compact = _COMPACT.fullmatch(text)
    if not compact:
        return text
    return f"HC-20{compact[1]}" + (f" SA{compact[2]}" if compact[2] else "")


def _district_item(item: str, code: ZoningCode) -> ParsedZone:
    main, *after = [part.strip() for part in item.split("/")]
    found = _base(main, code)
    if found is None:
        return _unresolved(item, "not the shape of any zoning code")
    base, family, conditional, rest = found
    subarea, glued, rest = _subarea(rest, code.districts.get(base))
    tag, overlays = _tail(rest, code)
    overlays += tuple(_overlay_name(part, code) for part in after if part)
    parsed = ParsedZone(
        text=item,
        base=base,
        family=family,
        subarea=subarea,
        conditional=conditional or glued,
        tag=tag,
        overlays=overlays,
        status="unresolved",
        reason=None,
    )
    status, reason = _status(parsed, code)
    return replace(parsed, status=status, reason=reason)


@lru_cache(maxsize=32)
def _base_patterns(bases: tuple[str, ...], families: tuple[str, ...]) -> list[re.Pattern[str]]:
    """Exact bases first (longest first), then the shapes of open families, then any code's shape."""
    tail = r"(?P<conditional> ?-C)?(?= |$|SA[ -]?\d)"
    open_tail = r"(?P<conditional> ?-C)?(?=$| ?SA[ -]?\d)"
    exact = "|".join(map(re.escape, sorted(bases, key=len, reverse=True)))
    patterns = [f"(?P<base>{exact}){tail}"] + [f"(?P<base>{pattern}){open_tail}" for pattern in families]
    return [*map(re.compile, patterns), _CODE_SHAPE]


def _base(main: str, code: ZoningCode) -> tuple[str, str, bool, str] | None:
    bases = tuple(name for name in code.districts if " SA" not in name)
    shapes = open_families(code)
    for pattern in _base_patterns(bases, tuple(shape.pattern for shape in shapes.values())):
        match = pattern.match(main)
        if match:
            base = match["base"]
            return base, _family(base, code), bool(match["conditional"]), main[match.end() :]
    return None


def _family(base: str, code: ZoningCode) -> str:
    if base in code.districts:
        return code.districts[base].family
    for family, shape in open_families(code).items():
        if shape.fullmatch(base):
            return family
    return UNKNOWN_FAMILY


def _subarea(rest: str, district: District | None) -> tuple[str | None, bool, str]:
    """Subarea, whether a ``-C`` or a glued ``C`` follows, and what is left.

    A glued ``C`` is a letter where that subarea has other lettered parts (2A, 2B, 2C), else a
    condition.
    """
    match = _SUBAREA.match(rest)
    if not match:
        return None, False, rest
    number, letters = match["number"], match["letters"]
    known = district.subareas if district else ()
    lettered = any(re.fullmatch(rf"{number}[ABD-Z]", name) for name in known)
    glued = letters.endswith("C") and not (letters == "C" and lettered)
    subarea = number + (letters[:-1] if glued else letters)
    return subarea, glued or bool(match["conditional"]), rest[match.end() :]


def _tail(rest: str, code: ZoningCode) -> tuple[str | None, tuple[str, ...]]:
    """Words after the subarea: overlays the code knows, the rest a tag."""
    rest = rest.strip()
    if not rest:
        return None, ()
    if rest in code.overlays or _COMPACT.fullmatch(rest):
        return None, (_overlay_name(rest, code),)
    *words, last = rest.split(" ")
    if words and last in code.overlays:
        return " ".join(words), (code.overlays[last],)
    return rest, ()


def _overlay_name(text: str, code: ZoningCode) -> str:
    return code.overlays.get(text, _spelled_out(text))


def _status(zone: ParsedZone, code: ZoningCode) -> tuple[Status, str | None]:
    district = code.districts.get(zone.base or "")
    if district is None:
        known = _bases(code.districts)
        return (
            "unresolved",
            f"{code.name} has no district {zone.base}.{params.nearest(str(zone.base), known)}",
        )
    if district.status == "unresolved":
        return "unresolved", district.reason
    doubt = next(_unclear(zone, district, code), None)
    if doubt:
        return "unresolved", doubt
    law = code.districts.get(zone.key or "", district)
    return law.status, law.reason


def _unclear(zone: ParsedZone, district: District, code: ZoningCode) -> Iterator[str]:
    """Everything after the base that leaves it open which law holds."""
    for name in zone.overlays:
        if name in code.districts and not _COMPACT.fullmatch(name):
            yield f"{name} is a district, not an overlay: which of the two holds is not said"
    if zone.subarea and zone.subarea not in district.subareas:
        yield f"{zone.base} has no subarea {zone.subarea} that the catalogue knows"
    if zone.tag and zone.tag not in district.tags:
        yield f"what {zone.tag!r} means after {zone.base} is unknown"
    if district.subareas and not zone.subarea:
        yield f"{zone.base} is divided into subareas and none is named"


def _bases(districts: Mapping[str, District]) -> Iterable[str]:
    return [name for name in districts if " SA" not in name]
