"""A frontier in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def lines(told: Mapping[str, Any]) -> list[str]:
    """Tell a frontier in lines: its points, what each channel says, what was left out, what to bear in mind.

    Parameters
    ----------
    told
        As `densitymap frontier --json` gives it.
    """
    points = next(iter(told["channels"].values()))
    found = [_line(point) for point in points] or ["No choice keeps the budget."]
    for channel, rows in told["channels"].items():
        shares = ", ".join(f"{row['point']}: {row['share_of_runs_better']:.0%}" for row in rows)
        found.append(
            f"Share of model runs better than no change, given the {channel} channel, by point: {shares}"
        )
    found += _beside(told["baselines"])
    found += [f"Left out {text}" for text in told["left_out"]]
    if told["fell_behind"]:
        found.append(f"{told['fell_behind']} more points fell behind on fresh model runs.")
    if told["lots_in_no_place"]:
        found.append(f"{told['lots_in_no_place']:,} lots lie in no place and never change.")
    found += told["notes"]
    return [*found, f"Next: densitymap scenario run {points[0]['file']}"] if points else found


def _line(point: Mapping[str, Any]) -> str:
    homes, direct = point["scored"]["net_homes"], point["scored"]["direct"]
    promised, cost = point["promised"]["net_homes"], point["scored"]["programme_cost_usd"]
    alike = ", ".join(str(number) for number in point["ties_with"])
    parts = [
        f"{len(point['chosen'])} places change",
        f"net homes {_range(homes)}, mean {homes['mean']:,} against {promised['mean']:,} promised",
        f"direct displacement {_range(direct)}",
        f"programme cost {cost['mean']:,} USD",
        *([f"model runs cannot tell it from {alike}"] if alike else []),
    ]
    return f"Point {point['point']}: {'; '.join(parts)}"


def _range(told: Mapping[str, Any]) -> str:
    return f"{told['p50']:,} ({told['p5']:,} to {told['p95']:,})"


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
            f"Rule {name}{package}: net homes {_range(most['net_homes'])}; "
            f"direct displacement {_range(most['direct'])}"
            + ("; over the budget" if most["over_budget"] else "")
        )
    return found


def summary(point: Mapping[str, Any], n_places: int) -> str:
    """Tell a point in the two sentences its scenario file carries."""
    homes, direct = point["scored"]["net_homes"], point["scored"]["direct"]
    return (
        f"{len(point['chosen'])} of {n_places} places change. Fresh runs: {_range(homes)} net homes and "
        f"{_range(direct)} low-income renter households directly displaced, beyond no change."
    )
