"""The staff memo: alternatives side by side, no change first, with ranges, ledgers, doubts and sources.

Pure: scenarios as told by :func:`densitymap.scenarios.record.record` in, blocks of a Word file out. Every
number is one of theirs; what they could not compute is said in words. The recommendation stays blank.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from densitymap import params
from densitymap.reports.word import Block, Heading, Table, Text
from densitymap.scenarios.ledger import NAMES

Record = Mapping[str, Any]
COUNTED = ("allowed", "fits", "pays", "pays_owner")
DRAWN = ("expected", "demolitions", "net_homes")
_PLAIN = 100
"""From this size on numbers are told whole."""
_SHOWN_BARS = 6
_BAR = ("low", "high", "of_widest")
_LEVER_HEAD = ("kind", "lots_reached")


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoInput:
    """Everything a memo says.

    Attributes
    ----------
    records
        The scenarios, no change first.
    tornadoes
        By scenario: result and its bars (:func:`~densitymap.scenarios.sensitivity.tornado`); none where
        nothing is expected.
    parameters
        Rows of name, value, range, unit, source, mark.
    marks
        Names and hashes of what the memo was made from.
    sources
        By scenario: who proposed it, and its mark.
    """

    records: Sequence[Record]
    area: str
    synthetic: bool
    lock_hash: str
    version: str
    seed: int
    draws: int
    parameters: Sequence[Sequence[str]]
    marks: Sequence[tuple[str, str]]
    local: Sequence[str] = ()
    tornadoes: Mapping[str, Mapping[str, Sequence[Record]]] = field(default_factory=dict)
    sources: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@cache
def template() -> Mapping[str, Any]:
    """Its sentences: ``catalog/reports/memo.toml``."""
    return params.load("reports", "memo")


def say(key: str, **values: object) -> str:
    """One sentence of the template, filled in; values are never read as a template.

    Examples
    --------
    >>> say("text.break_even", status="{nothing}")
    'Break-even: {nothing}'
    """
    section, name = key.split(".")
    return str(template()[section][name]).format(**values)


def title(given: MemoInput) -> str:
    """The memo's title: its alternatives."""
    return say("head.title", names="; ".join(str(one["title"]) for one in given.records[1:]))


def compose(given: MemoInput) -> list[Block]:
    """Everything the memo shows, in order."""
    parts: dict[str, list[Block]] = {
        "purpose": [Text(say("text.purpose", count=len(given.records)))],
        "recommendation": [Text(say("text.recommendation")), Text(say("text.blank"))],
        "background": list(_background(given)),
        "alternatives": list(_alternatives(given)),
        "funnel": list(_funnel(given)),
        "ledgers": list(_ledgers(given)),
        "fiscal": list(_fiscal(given)),
        "equity": list(_equity(given)),
        "sensitivity": list(_sensitivity(given)),
        "local": [Text(line) for line in given.local],
        "method": [Text(say("text.method")), Text(say("text.cannot"))],
        "appendix": list(_appendix(given)),
    }
    made = say(
        "head.made", area=given.area, version=given.version, lock=given.lock_hash, seed=given.seed,
        draws=f"{given.draws:,}",
    )  # fmt: skip
    blocks: list[Block] = [Text(say("head.synthetic"))] if given.synthetic else []
    blocks += [Text(say("head.working")), Text(made)]
    for name, part in parts.items():
        blocks.append(Heading(say(f"section.{name}")))
        blocks.extend(part)
    return blocks


def _background(given: MemoInput) -> Iterator[Block]:
    for one in given.records:
        yield Heading(str(one["title"]), 2)
        yield Text(str(one["summary"]))
        if one["name"] in given.sources:
            source, mark = given.sources[one["name"]]
            yield Text(say("text.source", source=source, mark=mark))
        if not one["levers"]:
            yield Text(say("text.no_levers"), is_item=True)
        for lever in one["levers"]:
            yield Text(_lever(lever), is_item=True)
        yield from (Text(str(note), is_item=True) for note in one["notes"])


def _lever(lever: Record) -> str:
    rest = ", ".join(f"{key} {_value(item)}" for key, item in lever.items() if key not in _LEVER_HEAD)
    return say(
        "text.lever",
        kind=str(lever["kind"]).replace("_", " "),
        rest=rest or say("text.none"),
        lots=f"{lever['lots_reached']:,}",
    )


def _value(item: object) -> str:
    if isinstance(item, Mapping):
        return " ".join(f"{key} {_value(part)}" for key, part in item.items())
    if isinstance(item, list | tuple):
        return ", ".join(_value(part) for part in item)
    return str(item).replace("_", " ")


def _alternatives(given: MemoInput) -> Iterator[Block]:
    head = [say("column.measure"), *(str(one["title"]) for one in given.records)]
    yield Text(say("text.alternatives"))
    yield Table(say("table.alternatives"), head, list(_measures(given.records)))
    first = given.records[0]
    yield Text(say("text.lots", lots=f"{first['lots']:,}", unread=f"{first['lots_unread']:,}"))
    if any(one["label"] for one in given.records):
        yield Text(say("text.supposed"))
    lines = list(dict.fromkeys(line for one in given.records for line in one["not_computable"]))
    if lines:
        yield Heading(say("text.stops"), 2)
        yield from (Text(say("text.not_computable", needs=line), is_item=True) for line in lines)


def _measures(records: Sequence[Record]) -> Iterator[list[str]]:
    """Rows of the table of alternatives: each measure, and how much more than under no change."""
    for name in COUNTED:
        for level in ("sure", "perhaps"):
            found = [(one["funnel"] if level == "sure" else one["maybe"])[name] for one in records]
            cells = [_count(value, one) for value, one in zip(found, records, strict=True)]
            yield [f"{say(f'column.{name}')}, {say(f'column.{level}')}", *cells]
        yield [
            _more(f"{say(f'column.{name}')}, {say('column.sure')}"),
            *(_difference(one, name) for one in records),
        ]
    for name in DRAWN:
        found = [one["funnel"]["expected"] if name == "expected" else one[name] for one in records]
        yield [say(f"column.{name}"), *(_drawn(ends, one) for ends, one in zip(found, records, strict=True))]
        yield [_more(say(f"column.{name}")), *(_difference(one, name) for one in records)]


def _more(measure: str) -> str:
    return f"{measure}, {say('column.more')}"


def _count(value: int | None, one: Record) -> str:
    return _stops(one, "pays") if value is None else f"{value:,}"


def _drawn(ends: Record | None, one: Record) -> str:
    return _stops(one, "expected") if ends is None else spread(ends)


def _difference(one: Record, name: str) -> str:
    if one["difference"] is None:
        return "-"
    value = one["difference"][name]
    if value is None:
        return _stops(one, name if name in COUNTED else "expected")
    return f"{value:+,}" if isinstance(value, int) else spread(value)


def _stops(one: Record, name: str) -> str:
    """What a figure needs, as the scenario itself says."""
    found = [line for line in one["not_computable"] if name in line.split(":")[0].split(", ")]
    needs = "; ".join(line.split(": ", 1)[1] for line in found)
    return say("text.not_computable", needs=needs) if needs else say("text.no_data")


def spread(ends: Mapping[str, Any] | str | None) -> str:
    """A median with its range, as far as it is known.

    Examples
    --------
    >>> spread({"p10": 1.0, "p50": 18.2, "p90": 1044.7}), spread(dict.fromkeys(("p5", "p50", "p95"), "few"))
    ('18.2 [1 to 1,045]', 'few')
    """
    if ends is None:
        return say("text.no_data")
    if isinstance(ends, str):
        return ends
    low, middle, high = (number(ends[name]) for name in (("p5", "p50", "p95") if "p5" in ends else _TENTHS))
    return middle if low == middle == high else f"{middle} [{low} to {high}]"


_TENTHS = ("p10", "p50", "p90")


def number(value: float | str) -> str:
    """A number as people read it: whole from a hundred on, else three digits; words as they are."""
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= _PLAIN else f"{value + 0.0:,.3g}"


def _funnel(given: MemoInput) -> Iterator[Block]:
    yield Text(say("text.funnel"))
    names = ("allowed", "fits", "pays", "pays_owner", "expected", "net_homes")
    head = [say(f"column.{name}") for name in ("neighbourhood", "lots", *names)]
    for one in given.records:
        rows = [_place(row, one) for row in one["by_neighborhood"]]
        yield Table(say("table.by_place", title=one["title"]), head, rows)


def _place(row: Record, one: Record) -> list[str]:
    counted = [_two(row["funnel"][name], row["maybe"][name], one) for name in COUNTED]
    drawn = [row["funnel"]["expected"], row["net_homes"]]
    absent = _stops(one, "expected") if one["funnel"]["expected"] is None else say("text.hidden")
    return [
        str(row["name"]),
        f"{row['lots']:,}",
        *counted,
        *(absent if ends is None else spread(ends) for ends in drawn),
    ]


def _two(sure: int | None, perhaps: int | None, one: Record) -> str:
    """Homes surely and perhaps; hidden where the scenario computed them and does not tell them here."""
    if sure is None and perhaps is None:
        return _stops(one, "pays") if one["funnel"]["pays"] is None else say("text.hidden")
    told = [say("text.hidden") if value is None else f"{value:,}" for value in (sure, perhaps)]
    return " + ".join(told)


def _ledgers(given: MemoInput) -> Iterator[Block]:
    yield Text(say("text.ledgers"))
    for one in given.records[1:]:
        kept = one["ledgers"]
        if kept is None:
            yield Text(f"{one['title']}: {_stops(one, 'ledgers')}")
            continue
        yield _signs(one)
        yield _each_ledger(one)
        yield from _break_even(one)
        yield Text(str(kept["note"]))


def _signs(one: Record) -> Table:
    rows = [[_channel(row), *(str(row[name]) for name in NAMES)] for row in one["ledgers"]["signs"]]
    head = [say("column.channel"), *(say(f"column.{name}") for name in NAMES)]
    return Table(say("table.signs", title=one["title"]), head, rows)


def _channel(row: Record) -> str:
    """A channel, marked where its evidence is of other buildings than these."""
    name = str(row["channel"])
    return say("text.extrapolated", channel=name) if row["is_extrapolated"] else name


def _each_ledger(one: Record) -> Table:
    rows = [row for name in NAMES for row in _ledger_rows(one["ledgers"][name])]
    head = [say(f"column.{name}") for name in ("ledger", "counts", "difference")]
    return Table(say("table.ledger", title=one["title"]), head, rows)


def _ledger_rows(ledger: Record) -> Iterator[list[str]]:
    """One row a ledger, or one for each channel: channels stay apart."""
    unit = f"{ledger['unit']}: {ledger['population']}. {ledger['caveat']}"
    if not ledger["computable"]:
        needs = "needs " + "; ".join(ledger["needs"])
        yield [str(ledger["title"]), unit, say("text.not_computable", needs=needs)]
        return
    found = ledger["difference"]
    if not found or "sign" in found:
        yield [str(ledger["title"]), unit, spread(found or None)]
        return
    for channel, ends in found.items():
        yield [f"{ledger['title']}. {say('text.channel', channel=channel)}", unit, spread(ends)]


def _break_even(one: Record) -> Iterator[Block]:
    found = one["rho_star"]
    if not found:
        return
    told = spread(found["rho_star"]) if found["rho_star"] else str(found["status"])
    yield Text(say("text.break_even", status=told))
    if found["channels"]:
        rows = [
            [name, f"{line['share_of_runs_better']:.0%}", spread(line["moves_avoided_per_net_home"])]
            for name, line in found["channels"].items()
        ]
        head = [say(f"column.{name}") for name in ("channel", "runs", "avoided")]
        yield Table(say("table.market", title=one["title"]), head, rows)
        yield Text(str(found["note"]))


def _fiscal(given: MemoInput) -> Iterator[Block]:
    told = [(one, one["ledgers"]) for one in given.records if one["ledgers"]]
    rows = [
        [str(one["title"]), name.replace("_", " "), spread(ledgers["programme_costs_usd"].get(name)), basis]
        for one, ledgers in told
        for name, basis in ledgers["protections_priced"].items()
    ]
    if rows:
        head = [say(f"column.{name}") for name in ("alternative", "protection", "cost", "basis")]
        yield Table(say("text.programmes"), head, rows)
    else:
        yield Text(say("text.no_programmes"))
    yield Text(say("text.revenue"))


def _equity(given: MemoInput) -> Iterator[Block]:
    for one in given.records:
        found = one["where_it_falls"]
        if found is None:
            yield Text(f"{one['title']}: {_stops(one, 'where_it_falls')}")
            continue
        lines = {name: shares for name, shares in found.items() if isinstance(shares, Mapping)}
        groups = sorted({group for shares in lines.values() for group in shares})
        rows = [
            [name.replace("_", " "), *(_share(shares.get(group)) for group in groups)]
            for name, shares in lines.items()
        ]
        head = [say("column.where"), *(group.replace("_", " ") for group in groups)]
        yield Table(say("table.makeup", title=one["title"]), head, rows)
        yield Text(str(found["note"]))


def _share(value: float | None) -> str:
    return say("text.no_data") if value is None else f"{value:.0%}"


def _sensitivity(given: MemoInput) -> Iterator[Block]:
    yield Text(say("text.sensitivity"))
    for one in given.records[1:]:
        found = given.tornadoes.get(one["name"])
        if found is None:
            yield Text(f"{one['title']}: {_stops(one, 'expected')}")
            continue
        for result, bars in found.items():
            caption = say("text.tornado", title=one["title"], result=result.replace("_", " "))
            rows = [[str(bar["label"]), *(number(bar[name]) for name in _BAR)] for bar in bars[:_SHOWN_BARS]]
            head = [say(f"column.{name}") for name in ("belief", *_BAR)]
            yield Table(caption, head, rows) if rows else Text(f"{caption}: {say('text.none')}")


def _appendix(given: MemoInput) -> Iterator[Block]:
    yield Text(say("text.parameters"))
    names = ("name", "value", "range", "unit", "cite", "mark")
    yield Table(say("table.parameters"), [say(f"column.{name}") for name in names], given.parameters)
    yield Text(say("text.marks"))
    yield Table(say("table.marks"), [say("column.name"), say("column.hash")], given.marks)


def parameter_rows(records: Iterable[Any]) -> list[list[str]]:
    """Rows of the appendix from costs, priors or beliefs: their default, range, unit and source."""
    return [
        [
            one.name,
            _figure(getattr(one, "value", None) if hasattr(one, "value") else one.default),
            f"{_figure(one.low)} to {_figure(one.high)}",
            f"{one.unit}, {one.year}" if getattr(one, "year", None) else one.unit,
            one.cite,
            one.mark,
        ]
        for one in records
    ]


def _figure(value: object) -> str:
    return f"{value:,.6g}" if isinstance(value, int | float) else say("text.no_data")
