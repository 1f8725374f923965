"""The frontier between net homes and direct displacement: which package in which place, exactly.

A choice gives each place one package or none. Where lots lie in one place each, net homes, direct
displacement and cost are sums over places, so the best choice is a mixed-integer programme: most net homes
while direct displacement stays within a bound (epsilon-constraint), then least displacement for as many
homes. Race enters neither objective nor constraint. Source: displacement reference, section 5.7; issue 9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from densitymap import params
from densitymap.errors import MissingDataError
from densitymap.geometry import Floats

Choice = npt.NDArray[np.intp]
NONE = 0
"""Package of a place where nothing changes."""
_SLACK = 1e-6
"""Relative slack of a bound, against rounding in the solver."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Values:
    """What each package adds to no change in each place; package :data:`NONE` is all zeros.

    Attributes
    ----------
    net, direct, cost
        Net homes, directly displaced low-income households, programme cost [USD], array [place, package].
    """

    net: Floats
    direct: Floats
    cost: Floats

    def of(self, choice: Choice) -> tuple[float, float, float]:
        """Net homes, direct displacement and cost of a choice."""
        at = (np.arange(len(choice)), choice)
        return float(self.net[at].sum()), float(self.direct[at].sum()), float(self.cost[at].sum())


def best(
    values: Values, *, direct_max: float = np.inf, budget_usd: float = np.inf, seconds: float | None = None
) -> Choice | None:
    """Choose for most net homes within bounds, and among those for least displacement, then least cost.

    Parameters
    ----------
    values
        Of each place and package.
    direct_max
        Most added direct displacement; below 0 where some must be avoided.
    budget_usd
        Most programme cost.
    seconds
        Longest search; the catalogue's if None.

    Returns
    -------
    array of int or None
        Package of each place; None where no choice keeps the bounds.

    Raises
    ------
    MissingDataError
        If SciPy is not installed, or the search ends unproven.

    Examples
    --------
    >>> values = Values(
    ...     net=np.array([[0.0, 5.0], [0.0, 4.0]]),
    ...     direct=np.array([[0.0, 3.0], [0.0, 1.0]]),
    ...     cost=np.zeros((2, 2)),
    ... )
    >>> best(values).tolist(), best(values, direct_max=2.0).tolist(), best(values, direct_max=-1.0)
    ([1, 1], [0, 1], None)
    """
    bounds = [(values.direct, direct_max), (values.cost, budget_usd)]
    found: Choice | None = None
    for aim in (-values.net, values.direct, values.cost):
        again = _solve(aim, bounds, seconds)
        if again is None:
            break
        found = again
        bounds.append((aim, _sum(aim, found)))
    return found


def _sum(measure: Floats, choice: Choice) -> float:
    return float(measure[np.arange(len(choice)), choice].sum())


def _solve(aim: Floats, bounds: Sequence[tuple[Floats, float]], seconds: float | None) -> Choice | None:
    """Least sum of ``aim`` with one package for each place and each bound kept; None where there is none."""
    try:
        from scipy import optimize, sparse  # noqa: PLC0415 - heavy, and needed here alone
    except ImportError as error:
        raise MissingDataError("The frontier needs SciPy", next_step="pip install scipy") from error
    places, packages = aim.shape
    rows = [sparse.kron(sparse.eye(places), np.ones((1, packages)))]
    lower, upper = [np.ones(places)], [np.ones(places)]
    for measure, most in bounds:
        if np.isfinite(most):
            rows.append(sparse.csr_matrix(measure.reshape(1, -1)))
            lower.append(np.array([-np.inf]))
            upper.append(np.array([most + _SLACK * max(1.0, abs(most))]))
    limit = float(record()["most_exact_seconds"]["value"]) if seconds is None else seconds
    found = optimize.milp(
        aim.ravel(),
        integrality=np.ones(aim.size),
        bounds=optimize.Bounds(0, 1),
        constraints=optimize.LinearConstraint(
            sparse.vstack(rows), np.concatenate(lower), np.concatenate(upper)
        ),
        options={"mip_rel_gap": 0.0, "time_limit": limit},
    )
    if found.status == 2:  # noqa: PLR2004 - SciPy's code of an infeasible programme
        return None
    if found.x is None or not found.success:
        raise MissingDataError(
            f"The search for the best choice did not end: {found.message}",
            next_step="name fewer --packages, or places by neighborhood",
        )
    return np.asarray(found.x.reshape(places, packages).argmax(axis=1), np.intp)


def record() -> dict[str, Any]:
    """Choices of the frontier, from ``catalog/frontier``."""
    return params.load("frontier", "choices")


def front(values: Values, *, points: int, budget_usd: float = np.inf) -> list[Choice]:
    """Trace the frontier: best choices at evenly spaced bounds on direct displacement.

    The bounds run from the least displacement any choice has to that of the most homes whatever the
    budget, so that fronts of two budgets share those questions; then over what the budget leaves; the last
    question has no bound.

    Returns
    -------
    list of array
        Choices, least displacement first, each adding homes to the one before.
    """
    least = float(values.direct.min(axis=1).sum())
    free = best(values)
    most = max(least, 0.0 if free is None else values.of(free)[1])
    found: list[Choice] = []
    steps = max(points, 2)
    asked = {*np.linspace(least, most, steps), *_within(values, budget_usd, steps), 0.0, np.inf}
    for bound in sorted(asked):
        choice = best(values, direct_max=float(bound), budget_usd=budget_usd)
        if choice is not None and not any((choice == other).all() for other in found):
            found.append(choice)
    kept = undominated(np.array([values.of(c)[0] for c in found]), np.array([values.of(c)[1] for c in found]))
    return [found[n] for n in kept]


def _within(values: Values, budget_usd: float, steps: int) -> Floats:
    """Bounds over the displacement that choices within the budget have."""
    fewest = _solve(values.direct, [(values.cost, budget_usd)], None)
    most = best(values, budget_usd=budget_usd)
    if np.isinf(budget_usd) or fewest is None or most is None:
        return np.zeros(0)
    return np.linspace(_sum(values.direct, fewest), values.of(most)[1], steps)


def undominated(net: Floats, direct: Floats) -> list[int]:
    """Rows that no other beats: as many homes with no more displacement, and better in one of the two.

    Returns
    -------
    list of int
        Sorted by displacement, then by homes; of equal rows the first.

    Examples
    --------
    >>> undominated(np.array([1.0, 5.0, 4.0]), np.array([0.0, 2.0, 3.0]))
    [0, 1]
    """
    order = np.lexsort((np.arange(len(net)), -net, direct))
    kept, top = [], -np.inf
    for row in order:
        if net[row] > top:
            kept.append(int(row))
            top = net[row]
    return kept
