"""What drives the difference between two scenarios: by lever, by place, by class of lot, in sentences.

A lever is tried twice: alone on the scenario one starts from, and left out of the one one ends at. The two
differ where levers work together; neither is *the* share of a lever, so both are told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from densitymap.geometry import Floats
from densitymap.scenarios.ledger import band, few, moved, record
from densitymap.scenarios.places import place_of
from densitymap.scenarios.record import Outcome

Lever = Mapping[str, Any]
MEASURES = {
    "allowed": "homes allowed",
    "fits": "homes that fit",
    "net_homes": "net homes expected in ten years",
    "direct": "low-income renter households directly displaced in ten years",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One lever that the two scenarios do not share, and what they are without or with it.

    Attributes
    ----------
    lever
        The lever.
    added
        Whether the scenario explained has it (else the other one does).
    alone
        Levers of the scenario one starts from, with this one step taken.
    left_out
        Levers of the scenario explained, with this one step not taken.
    """

    lever: Lever
    added: bool
    alone: tuple[Lever, ...]
    left_out: tuple[Lever, ...]


def steps(start: Sequence[Lever], end: Sequence[Lever]) -> list[Step]:
    """List the levers two scenarios do not share.

    Examples
    --------
    >>> [step.alone for step in steps([], [{"kind": "a"}, {"kind": "b"}])]
    [({'kind': 'a'},), ({'kind': 'b'},)]
    >>> [(step.added, step.alone, step.left_out) for step in steps([{"kind": "a"}], [])]
    [(False, (), ({'kind': 'a'},))]
    """
    added = [lever for lever in end if lever not in start]
    removed = [lever for lever in start if lever not in end]
    return [
        Step(lever=one, added=True, alone=(*start, one), left_out=_without(end, one)) for one in added
    ] + [Step(lever=one, added=False, alone=_without(start, one), left_out=(*end, one)) for one in removed]


def _without(pulled: Sequence[Lever], one: Lever) -> tuple[Lever, ...]:
    return tuple(lever for lever in pulled if lever != one)


def measured(outcome: Outcome) -> dict[str, float | None]:
    """Give what is explained of a scenario: counts, and means of the draws; None where not computable."""
    stages, counted = outcome.results.stages, outcome.counted
    return {
        "allowed": float(stages["allowed_true"].sum()),
        "fits": float(stages["fits_true"].sum()),
        "net_homes": None if counted is None else float(counted.net.mean()),
        "direct": None if counted is None else float(counted.direct.total.mean()),
    }


def differences(end: Outcome, start: Outcome) -> dict[str, dict[str, Any]]:
    """Tell the difference of each measure; draws give their band, the same luck on both sides."""
    after, before = measured(end), measured(start)
    told: dict[str, dict[str, Any]] = {}
    for name, title in MEASURES.items():
        told[name] = {"title": title, "value": _less(name, after[name], before[name])}
    if end.counted is not None and start.counted is not None:
        told["net_homes"]["band"] = band(end.counted.net - start.counted.net)
        told["direct"]["band"] = moved(end.counted.direct.total - start.counted.direct.total)
    return told


def _less(name: str, after: float | None, before: float | None) -> float | str | None:
    if after is None or before is None:
        return None
    return _households(after - before) if name == "direct" else round(after - before, 1) + 0.0


def _households(difference: float) -> float | str:
    """A difference of households: whole, words where it is small, 0 where nobody is moved."""
    return few(difference) if difference else 0.0


def lever_effects(
    found: Sequence[Step], end: Outcome, start: Outcome, asked: Callable[[tuple[Lever, ...]], Outcome | str]
) -> list[dict[str, Any]]:
    """Tell what each step does alone, and what is lost when it alone is not taken.

    Parameters
    ----------
    found
        From :func:`steps`.
    end, start
        The scenario explained, and the one it is set beside.
    asked
        Evaluates levers; words where they cannot stand by themselves.
    """
    after, before = measured(end), measured(start)
    told = []
    for step in found:
        alone, left = asked(step.alone), asked(step.left_out)
        told.append(
            {
                "lever": dict(step.lever),
                "added": step.added,
                "alone": alone if isinstance(alone, str) else _all_less(measured(alone), before),
                "left_out": left if isinstance(left, str) else _all_less(after, measured(left)),
            }
        )
    return told


def _all_less(
    after: Mapping[str, float | None], before: Mapping[str, float | None]
) -> dict[str, float | str | None]:
    return {name: _less(name, after[name], before[name]) for name in MEASURES}


def by_place(end: Outcome, start: Outcome) -> list[dict[str, Any]]:
    """Tell the difference by neighbourhood, the largest first; small places are not told apart.

    Counts are of the lots whose zoning is read, as in the whole; the record counts the others.
    """
    lots = end.results.lots
    place = lots["neighborhood"].astype("string").fillna("no data").reset_index(drop=True)
    counts = place.value_counts()
    unread = {"allowed": None, "fits": None}
    told: dict[str, dict[str, Any]] = {str(name): dict(unread) for name in counts.index}
    for measure in ("allowed", "fits"):
        column = f"{measure}_true"
        less = end.results.stages[column].to_numpy(float) - start.results.stages[column].to_numpy(float)
        read = ~np.isnan(less)
        for name, value in zip(*_summed(place.to_numpy(object)[read], less[read]), strict=True):
            told[str(name)][measure] = round(float(value), 1) + 0.0
    _expected_by_place(told, end, start)
    shown = record()["shown"]["fewest"]
    rows = [{"place": name, **values} for name, values in told.items() if counts[name] >= shown]
    key = "fits" if end.counted is None else "net_homes"
    return sorted(rows, key=lambda row: (-abs(row.get(key) or 0.0), row["place"]))


def _summed(names: Any, values: Floats) -> tuple[Any, Floats]:
    found, code = np.unique(names, return_inverse=True)
    return found, np.asarray(np.bincount(code.ravel(), values), float)


def _expected_by_place(told: Mapping[str, dict[str, Any]], end: Outcome, start: Outcome) -> None:
    if end.counted is None or start.counted is None or end.uptake is None or start.uptake is None:
        return
    after, before = (_net_by_name(one) for one in (end, start))
    nobody = np.zeros(len(end.counted.net))
    moved_here = (end.counted.direct.by_neighborhood, start.counted.direct.by_neighborhood)
    for name, row in told.items():
        row["net_homes"] = _mean(after.get(name, nobody) - before.get(name, nobody))
        one, other = (own.get(name, nobody) for own in moved_here)
        row["direct"] = _households(float((one - other).mean()))


def _net_by_name(one: Outcome) -> dict[str, Floats]:
    result = one.uptake
    if result is None:
        return {}
    net = result.net
    pairs = zip(result.levels, result.names, strict=True)
    return {name: net[:, n] for n, (level, name) in enumerate(pairs) if level == "neighborhood"}


def _mean(values: Floats) -> float:
    return round(float(values.mean()), 1) + 0.0


def by_class(end: Outcome, start: Outcome) -> list[dict[str, Any]]:
    """Tell the difference by class of lot; empty where nothing is expected."""
    if end.counted is None or start.counted is None:
        return []
    return [
        {
            "lot_class": name,
            "net_homes": _mean(values - start.counted.net_by_class[name]),
            "direct": _households(
                float((end.counted.direct.by_class[name] - start.counted.direct.by_class[name]).mean())
            ),
        }
        for name, values in end.counted.net_by_class.items()
    ]


def sentences(names: tuple[str, str], told: Mapping[str, Any]) -> list[str]:
    """Say it, with numbers.

    Parameters
    ----------
    names
        The scenario explained, and the one it is set beside.
    told
        ``difference``, ``by_lever``, ``by_place``, ``by_lot_class``.
    """
    end, start = names
    said = [_whole(end, start, part) for part in told["difference"].values()]
    key = "net_homes" if told["difference"]["net_homes"]["value"] is not None else "fits"
    title = MEASURES[key]
    said += [_lever_sentence(row, key, title, end) for row in told["by_lever"]]
    if not told["by_lever"]:
        said.append(f"{end} and {start} pull the same levers.")
    top = [row for row in told["by_place"] if row.get(key)][:3]
    if top:
        said.append(
            "Most of it falls in " + ", ".join(f"{r['place']} ({r[key]:+,g} {title})" for r in top) + "."
        )
    said += [
        f"On lots of class {row['lot_class']}: {row['net_homes']:+,g} net homes, "
        f"{_signed(row['direct'])} households directly displaced."
        for row in told["by_lot_class"]
        if row["net_homes"] or row["direct"]
    ]
    return said


def _whole(end: str, start: str, part: Mapping[str, Any]) -> str:
    if part["value"] is None:
        return f"Not computable: {part['title']}."
    ends = part.get("band")
    low, high = (_signed(ends[name]) for name in ("p5", "p95")) if ends else ("", "")
    between = low if low == high else f"{low} to {high}"
    spread = f" (90 % of model runs: {between})" if ends else ""
    return f"{end} beside {start}: {_signed(part['value'])} {part['title']}{spread}."


def _signed(value: float | str) -> str:
    """A difference with its sign; words where a number of households is small."""
    return value if isinstance(value, str) else f"{value:+,g}"


def _lever_sentence(row: Mapping[str, Any], key: str, title: str, end: str) -> str:
    lever = row["lever"]
    rest = [str(lever[name]) for name in ("use", "standard") if name in lever]
    rest += ["in " + ", ".join(lever["districts"])] if "districts" in lever else []
    rest += [f"({place_of(lever['where']).words})"] if "where" in lever else []
    name = " ".join([str(lever["kind"]), *rest])
    taken = "" if row["added"] else "Without "
    alone = _effect(row["alone"], key, f" {title}", "alone")
    left = _effect(row["left_out"], key, "", f"as the last step to {end}")
    return f"{taken}{name}: {alone}; {left}."


def _effect(found: Mapping[str, Any] | str, key: str, title: str, when: str) -> str:
    """What a lever does to homes and, where it is known, to households; words where it cannot be pulled."""
    if isinstance(found, str):
        return found
    moved_out = (
        "" if found["direct"] is None else f" and {_signed(found['direct'])} households directly displaced"
    )
    return f"{found[key]:+,g}{title}{moved_out} {when}"
