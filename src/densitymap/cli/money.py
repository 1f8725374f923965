"""Commands about money: ``price``, ``proforma``, ``calibrate``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from densitymap.cli.calibrate import calibrate
from densitymap.cli.console import SETTINGS
from densitymap.errors import UsageError
from densitymap.pipeline import prices as home_prices
from densitymap.pipeline import proforma as one_lot
from densitymap.pipeline import subject
from densitymap.pipeline.funnel import BASELINE
from densitymap.pipeline.proforma_inputs import Asked

_MANY = 1e5
"""From here on a number is told whole."""


def proforma(
    parcel_id: Annotated[
        str | None, typer.Argument(help="A lot of the last build: identifier or address.")
    ] = None,
    lot: Annotated[
        str | None, typer.Option("--lot", "--wkt", help="A lot you draw, in feet: WKT, or a file of it.")
    ] = None,
    *,
    zone_code: Annotated[str | None, typer.Option("--zone", help="Its zoning code.")] = None,
    house: Annotated[str, typer.Option(help="The house on it: x0 y0 x1 y1, in feet.")] = "",
    floor: Annotated[float | None, typer.Option(help="Floor area of the house, in ft2.")] = None,
    streets: Annotated[str, typer.Option(help="Its street edges, as WKT lines.")] = "",
    of_record: Annotated[str, typer.Option(help="Lot of record: yes, no or unknown.")] = "unknown",
    place: Annotated[str | None, typer.Option(help="Neighbourhood whose prices hold.")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="Type of home, such as duplex.")] = None,
    actor: Annotated[str | None, typer.Option(help="Who builds: developer, owner, nonprofit.")] = None,
    tenure: Annotated[str | None, typer.Option(help="Whether homes are for sale or rent.")] = None,
    scenario: Annotated[str, typer.Option(help="Policy it is judged under.")] = BASELINE,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=NUMBER", help="Change an input; may repeat.")
    ] = None,
    costs: Annotated[Path | None, typer.Option(help="A file of costs of your own.")] = None,
    year: Annotated[int | None, typer.Option(help="Carry money to dollars of this year.")] = None,
) -> None:
    """Work out one lot line by line: what it costs, what it brings, what could be paid for it.

    Example: densitymap proforma --lot "POLYGON((0 0,50 0,50 150,0 150,0 0))" --zone R-5 --type duplex
    """
    if (parcel_id is None) == (lot is None):
        raise UsageError("Name a lot of the last build, or draw one with --lot and --zone")
    asked = Asked(
        kind=kind, actor=actor, tenure=tenure, scenario=scenario, settings=_pairs(settings or []),
        year=year, costs_file=costs,
    )  # fmt: skip
    if lot is None:
        chosen = subject.of_parcel(SETTINGS.workspace, str(parcel_id), scenario=scenario)
    else:
        drawn = {"house": house, "house_floor_ft2": floor, "streets": streets, "of_record": of_record}
        shape = subject.read_lot(lot)
        chosen = subject.of_drawing(
            SETTINGS.workspace, shape, zone_code, scenario=scenario, place=place, **drawn
        )
    answer = one_lot.proforma(chosen, asked)
    _tell_proforma(answer)
    SETTINGS.answer(answer)


def _pairs(settings: list[str]) -> dict[str, str]:
    """Read NAME=NUMBER pairs; the number is read where its name is known."""
    pairs: dict[str, str] = {}
    for text in settings:
        name, found, value = text.partition("=")
        if not found or not name.strip():
            raise UsageError(f"--set {text!r} is not NAME=NUMBER", next_step="write --set margin_share=0.12")
        pairs[name.strip()] = value.strip()
    return pairs


def _tell_proforma(answer: dict[str, Any]) -> None:
    chosen = answer["selected"]
    if chosen is not None:
        SETTINGS.say(
            f"{chosen['form']} ({chosen['units_after']:g} homes), {chosen['actor']}, for {chosen['tenure']}: "
            f"{chosen['verdict'] or 'not judged'}. {chosen['reason'] or ''}"
        )
    for line in answer["lines"]:
        if line["low"] is None or line["value"] is None:
            SETTINGS.say(f"  {line['label']:<60} {_amount(line)}")
        else:
            value, low, high = (_number(line[part]) for part in ("value", "low", "high"))
            value = f"{value} {line['unit']} ({low} to {high})"
            SETTINGS.say(f"  {line['name']} = {value}, {line['year']}: {line['source']}")
    for one in answer["changed"]:
        was = "unknown" if one["before"] is None else _number(one["before"])
        SETTINGS.say(
            f"Set by {one['set_by']}: {one['name']} = {_number(one['value'])} {one['unit']} "
            f"({'as it was' if one['before'] == one['value'] else 'was ' + was})"
        )
    if chosen is not None:
        SETTINGS.say(f"{_verdict(chosen)} ({chosen['actor']}). Prices: {answer['prices']['source']}.")
    for doubt in answer["doubts"]:
        SETTINGS.say(f"Note: {doubt}")
    SETTINGS.say(f"Next: {_hint(answer['lines'])}")


def _number(value: float) -> str:
    """A number as a person may type it back, to six figures or a whole number.

    Examples
    --------
    >>> _number(9_000_000.4), _number(0.0575), _number(612_492.59)
    ('9000000', '0.0575', '612493')
    """
    return f"{value:.6g}" if abs(value) < _MANY else f"{value:.0f}"


def _verdict(chosen: dict[str, Any]) -> str:
    if not chosen["computable"]:
        return f"Whether it pays is not computable: needs {'; '.join(chosen['needs'])}"
    return "It pays" if chosen["pays"] else "It does not pay"


def _hint(lines: list[dict[str, Any]]) -> str:
    """Name one input in full that this sum rests on, and another value of its range."""
    given = [line for line in lines if line["low"] is not None and line["low"] < line["high"]]
    hard = [line for line in given if line["name"].startswith("hard_cost")]
    if not given:
        return "name another --type, --zone or --scenario"
    line = (hard or given)[0]
    other = line["high"] if line["value"] != line["high"] else line["low"]
    return f"change an input, for example --set {line['name']}={_number(other)}"


def _amount(line: dict[str, Any]) -> str:
    value, unit = line["value"], line["unit"]
    if value is None:
        return f"{'unknown':>12}: {line['source'].removeprefix('not computable: ')}"
    return f"{value:>12,.0f} {unit}" if unit == "USD" else f"{value:>12.4f} {unit}"


def price(
    file: Annotated[
        Path, typer.Argument(help="CSV with lat, lon, square_ft, sale_date; perhaps year_built.")
    ],
    *,
    out: Annotated[Path, typer.Option(help="CSV to write: the file's own columns, the price beside.")],
    sales: Annotated[
        Path | None, typer.Option(help="Fit to these sales; else the shipped model is used.")
    ] = None,
) -> None:
    """Price homes per square foot, with the range that eight of ten sales fall in.

    Example: densitymap price homes.csv --out priced.csv
    """
    told = home_prices.price_file(file, out, sales=sales)
    SETTINGS.say(f"Priced {told['priced']:,} of {told['rows']:,} homes: {out.name} ({told['model_version']})")
    for note, rows in told["notes"].items():
        SETTINGS.say(f"Note: {rows:,} rows {note}")
    if told["columns_left_out"]:
        SETTINGS.say(f"Note: not carried over, for they name people: {', '.join(told['columns_left_out'])}")
    for dropped in told["sales_dropped"] or []:
        SETTINGS.say(
            f"Sales not used: {dropped['rows']:,}: {dropped['reason']} (first: line {dropped['first_row']})"
        )
    SETTINGS.answer(told)


COMMANDS: dict[str, Callable[..., Any]] = {"price": price, "proforma": proforma, "calibrate": calibrate}
