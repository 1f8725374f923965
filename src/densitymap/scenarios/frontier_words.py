"""A frontier in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from densitymap.scenarios.beliefs import channels as recorded

Point = Mapping[str, Any]


def lines(told: Mapping[str, Any]) -> list[str]:
    """Tell a frontier in lines: signs by channel, what can be told apart, points in groups, rules, notes.

    Parameters
    ----------
    told
        As `densitymap frontier --json` gives it.
    """
    points = next(iter(told["channels"].values()))
    groups = [[points[number - 1] for number in group] for group in told["groups"]]
    found = [*_signs(told["channels"]), opening(groups), *(_group(group) for group in groups)]
    for channel, rows in told["channels"].items():
        shares = "; ".join(
            f"{_names(group)}: {_span([rows[p['point'] - 1]['share_of_runs_better'] for p in group], '.0%')}"
            for group in groups
        )
        if groups:
            found.append(f"Share of model runs better than no change, given the {channel} channel: {shares}")
    found += _per_move(told["channels"]) if points else []
    found += _beside(told["baselines"])
    found += _priced(told["protections_priced"])
    found += [f"Left out {text}" for text in told["left_out"]]
    if told["fell_behind"]:
        found.append(f"{told['fell_behind']} more points fell behind on fresh model runs.")
    if told["lots_in_no_place"]:
        found.append(f"{told['lots_in_no_place']:,} lots lie in no place and never change.")
    found += told["notes"]
    return [*found, _next(points)] if points else found


def _signs(channels: Mapping[str, Sequence[Point]]) -> list[str]:
    """The first lines of any answer: direction of each ledger beside no change, channel by channel."""
    if not any(channels.values()):
        return []
    head = "Against no change: direct D, market I, exclusion E (+ more, - fewer households)"
    return [f"{head}; owners T: `scenario run` tells it of a point"] + [
        f"  given the {channel} channel{' (extrapolated)' * recorded()[channel]['is_extrapolated']}: "
        + "; ".join(f"{letter} {_along(rows, sign)}" for letter, sign in _SIGNS.items())
        for channel, rows in channels.items()
    ]


_SIGNS: Mapping[str, Callable[[Point], str]] = {
    "D": lambda point: str(point["scored"]["direct"]["sign"]),
    "I": lambda point: str(point["market"]["sign"]),
    "E": lambda point: str(point["exclusion"]["sign"]),
}


def _along(points: Sequence[Point], sign: Callable[[Point], str]) -> str:
    """A direction along the points: once where they share it, else with the points that have it."""
    by_sign: dict[str, list[Point]] = {}
    for point in points:
        by_sign.setdefault(sign(point), []).append(point)
    if len(by_sign) == 1:
        return next(iter(by_sign))
    return ", ".join(f"{told} at {_names(those).lower()}" for told, those in by_sign.items())


def opening(groups: Sequence[Sequence[Point]]) -> str:
    """Say first what model runs can tell apart: no point from another, some from others, or from no change.

    Parameters
    ----------
    groups
        Points, those that tie with one another together.
    """
    points = [point for group in groups for point in group]
    if not points:
        return "No choice keeps the budget."
    if len(points) == 1:
        said = "There is one point only"
    elif len(groups) == 1:
        said = (
            f"No point can be told from another: for every pair of the {len(points)} points the 90 % bands "
            "of their difference in net homes and in direct displacement hold 0"
        )
    else:
        said = (
            f"{len(points)} points in {len(groups)} groups: within a group no point can be told from "
            "another, and points of neighbouring groups may tie too"
        )
    return f"{said}. {_beside_no_change(points)}"


def _beside_no_change(points: Sequence[Point]) -> str:
    alike = [point for point in points if point["ties_with_no_change"]]
    if not alike:
        return "Every point can be told from no change."
    if len(alike) == len(points):
        return (
            "None can be told from no change either."
            if len(points) > 1
            else "It cannot be told from no change."
        )
    return f"{_names(alike)} cannot be told from no change."


def _names(points: Sequence[Point]) -> str:
    """Name points by number: ``Point 3``, ``Points 1 to 4``, ``Points 1, 3 to 5``."""
    runs: list[list[int]] = []
    for number in (int(point["point"]) for point in points):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    told = ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
    return f"Point{'s' if len(points) > 1 else ''} {told}"


def _group(points: Sequence[Point]) -> str:
    """Points that cannot be told apart, in one line."""
    homes, direct, cost = ([point["scored"][name] for point in points]
                           for name in ("net_homes", "direct", "programme_cost_usd"))  # fmt: skip
    promised = [point["promised"]["net_homes"]["mean"] for point in points]
    parts = [
        f"{_span([len(point['chosen']) for point in points])} places change",
        f"net homes {_bands(homes)}, mean {_means(homes)} against {_span(promised)} promised",
        f"direct displacement {_bands(direct)}",
        f"programme cost, mean {_means(cost)} USD (90 % band {_ends(cost)})",
        _over(points),
        _alike(points),
    ]
    return f"{_names(points)}: {'; '.join(part for part in parts if part)}"


def _over(points: Sequence[Point]) -> str:
    """How often fresh runs break the budget, and which points do so on average; empty where there is none."""
    shares = [point["share_of_runs_over_budget"] for point in points]
    if None in shares:
        return ""
    over = [point for point in points if point["over_budget"]]
    told = f"over the budget in {_span(shares, '.0%')} of fresh runs"
    return told + (f", and on average: {_names(over).lower()}" if over else "")


def _alike(points: Sequence[Point]) -> str:
    """What all points of a group choose; empty where they share nothing."""
    shared = [
        pair for pair in points[0]["chosen"].items() if all(pair in p["chosen"].items() for p in points)
    ]
    by_package: dict[str, list[str]] = {}
    for place, package in shared:
        by_package.setdefault(package, []).append(place)
    told = "; ".join(f"{package} in {', '.join(places)}" for package, places in by_package.items())
    return f"{'all choose ' if len(points) > 1 else ''}{told}" if told else ""


def _span(values: Sequence[float | str], form: str = ",") -> str:
    """The least and the most, or the one value they share; words stand for a few, about 0."""
    ends = (least(values, key=lambda v: 0.0 if isinstance(v, str) else v) for least in (min, max))
    low, high = (end if isinstance(end, str) else _number(end, form) for end in ends)
    return low if low == high else f"{low} to {high}"


def _number(value: float, form: str) -> str:
    return format(int(value) if form == "," and value == int(value) else value, form)


def _means(rows: Sequence[Mapping[str, Any]]) -> str:
    return _span([row["mean"] for row in rows])


def _ends(rows: Sequence[Mapping[str, Any]]) -> str:
    return _span([row[end] for row in rows for end in ("p5", "p95")])


def _bands(rows: Sequence[Mapping[str, Any]]) -> str:
    """Medians, and the widest reach of the bands; once where both are the same words."""
    middle, ends = _span([row["p50"] for row in rows]), _ends(rows)
    return middle if middle == ends else f"{middle} ({ends})"


def _per_move(channels: Mapping[str, Sequence[Point]]) -> list[str]:
    """What a programme pays for each move avoided, direct and by channel, where some surely are."""
    direct = next(iter(channels.values()))
    asked = [("household not directly displaced", direct, "direct")] + [
        (f"modelled low-income move avoided (borrowed effect, range), {channel} channel", rows, "market")
        for channel, rows in channels.items()
    ]
    return [
        f"Programme cost per {what}: {_ratio(rows, f'programme_cost_usd_per_{kind}_move_avoided')}"
        for what, rows, kind in asked
    ]


def _ratio(points: Sequence[Point], key: str) -> str:
    told = [point for point in points if isinstance(point[key], Mapping)]
    if not told:
        return str(points[0][key])
    others = [point for point in points if point not in told]
    rest = f"; {_names(others).lower()}: {others[0][key]}" if others else ""
    return f"{_names(told).lower()}: {_bands([point[key] for point in told])} USD{rest}"


def _beside(baselines: Mapping[str, Any]) -> list[str]:
    """The choice of most homes by each simple rule."""
    found = []
    for name, rows in baselines.items():
        if isinstance(rows, Mapping):
            found.append(f"Rule {name}: not computable: needs {', '.join(rows['needs'])}")
            continue
        most = max(rows, key=lambda row: row["net_homes"]["mean"])
        package = f" ({most['package']})" if most["package"] else ""
        found.append(
            f"Rule {name}{package}: net homes {_bands([most['net_homes']])}; "
            f"direct displacement {_bands([most['direct']])}"
            + ("; over the budget" if most["over_budget"] else "")
        )
    return found


def _priced(by_package: Mapping[str, Mapping[str, str]]) -> list[str]:
    """How each protection is priced, or who pays it, each once."""
    words = {kind: text for kinds in by_package.values() for kind, text in kinds.items()}
    return [f"Cost of {kind.replace('_', ' ')}: {text}" for kind, text in words.items()]


def _next(points: Sequence[Point]) -> str:
    first = next((point for point in points if not point["over_budget"]), points[0])
    last = points[-1]["scenario"]
    names = points[0]["scenario"] if len(points) == 1 else f"{points[0]['scenario']} to {last}"
    return f"Each point is a scenario: {names}.\nNext: densitymap scenario run {first['scenario']}"


def summary(point: Point, n_places: int) -> str:
    """Tell a point in the two sentences its scenario file carries."""
    homes, direct = point["scored"]["net_homes"], point["scored"]["direct"]
    return (
        f"{len(point['chosen'])} of {n_places} places change. Fresh runs: {_bands([homes])} net homes and "
        f"{_bands([direct])} low-income renter households directly displaced, beyond no change."
    )
