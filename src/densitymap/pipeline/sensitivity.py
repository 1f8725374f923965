"""What a scenario's answer hangs on, on the lots of the last build."""

from __future__ import annotations

from typing import Any

from densitymap.pipeline.scenarios import load_ground, policy_of
from densitymap.pipeline.workspace import Workspace
from densitymap.scenarios.sensitivity import sobol, tornado


def detail(space: Workspace, name: str, *, n_draws: int | None = None) -> dict[str, Any]:
    """What a scenario's answer hangs on: tornado and Sobol indices.

    Returns
    -------
    dict
        ``tornado`` and ``sobol``, or ``not_computable`` with what is missing.

    Raises
    ------
    UsageError, ValidationError, MissingDataError
        See :func:`~densitymap.pipeline.scenarios.policy_of`.
    """
    loaded = load_ground(space, n_draws=n_draws)
    base = loaded.base
    one = loaded.outcome(policy_of(space, name, city=loaded.city))
    if one.counted is None or base.counted is None or loaded.situation is None:
        return {"not_computable": [f"needs {need}" for need in loaded.needs.expected]}
    return {
        "tornado": tornado(one.counted, base.counted, loaded.situation),
        "sobol": sobol(seed=loaded.situation.seed),
    }
