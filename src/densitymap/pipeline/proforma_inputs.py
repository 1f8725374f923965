"""What is asked of a lot's pro forma: inputs that are set, each with what it was before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from densitymap import params
from densitymap.city import load_city
from densitymap.errors import UsageError, ValidationError
from densitymap.feasibility.costs import (
    Change,
    Costs,
    changed,
    changes,
    load_costs,
    named_inputs,
    plain_number,
    read_records,
)
from densitymap.feasibility.pays import Worth
from densitymap.pipeline.funnel import BASELINE

OF_LOT = ("price_usd_per_ft2", "place_price_usd_per_ft2", "as_is_usd")
"""Inputs of the lot that may be set beside the costs: what its finished homes sell for by the ft2, what a
standing house of the reference size sells for there, and what the lot is worth as it stands."""
GIVEN = "given on the command line"
SHORT = {"price": OF_LOT[0], "place_price": OF_LOT[1], "as_is": OF_LOT[2]}
SET_BY = {"price": OF_LOT[:2], "as_is": OF_LOT[2:]}
WORTH = {"price": "price_usd_per_ft2", "as_is": "as_is_usd"}
"""Inputs that set the price or the worth of the lot, and where :class:`Worth` holds it."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked of a lot.

    Attributes
    ----------
    kind, actor, tenure
        Type of home, who builds, sold or let; the best where not given.
    scenario
        Policy to judge under.
    settings
        Inputs set, as texts by name.
    year
        Carry money to dollars of this year.
    costs_file
        A file of costs that stand before the catalogue's.
    """

    kind: str | None = None
    actor: str | None = None
    tenure: str | None = None
    scenario: str = BASELINE
    settings: Mapping[str, str]
    year: int | None = None
    costs_file: Path | None = None


def costs_as_asked(asked: Asked) -> tuple[Costs, list[dict[str, Any]]]:
    """Costs as asked, and every one of them that was set."""
    costs = before = load_costs(load_city().code, year=asked.year)
    set_by: dict[str, str] = {}
    if asked.costs_file is not None:
        if not asked.costs_file.is_file():
            raise UsageError(f"There is no file {asked.costs_file}")
        own = read_records(params.read_toml(asked.costs_file), str(asked.costs_file))
        unknown = [name for name in own if name not in costs.records]
        if unknown:
            faults = [f"{name}: no such input.{params.nearest(name, costs.records)}" for name in unknown]
            raise ValidationError(f"{asked.costs_file} holds unknown inputs", faults=faults)
        costs = costs.with_records(own)
        set_by |= dict.fromkeys(own, asked.costs_file.name)
    named = {name: text for name, text in asked.settings.items() if SHORT.get(name, name) not in OF_LOT}
    set_by |= {name: key for key in named for name in named_inputs(key, costs)}
    costs = changed(costs, named)
    return costs, [asdict(one) for one in changes(before, costs, set_by)]


def changed_worth(asked: Asked, known: Worth, worth: Worth) -> list[dict[str, Any]]:
    """What was set of the lot itself: the price of its place, what it is worth as it stands."""
    found = []
    for key in asked.settings:
        name = SHORT.get(key, key)
        if name in OF_LOT:
            part = "as_is" if name in SET_BY["as_is"] else "price"
            before, value = (float(getattr(one, WORTH[part])[0]) for one in (known, worth))
            full, unit = ("as_is_usd", "USD") if part == "as_is" else ("place_price_usd_per_ft2", "USD/ft2")
            change = Change(
                name=full, before=None if np.isnan(before) else before, value=value, unit=unit, set_by=key
            )
            found.append(asdict(change))
    return found


def own_settings(asked: Asked) -> dict[str, float]:
    """Read inputs of the lot; a price is above 0."""
    named = {SHORT.get(name, name): text for name, text in asked.settings.items()}
    found = {name: plain_number(named[name], what=name) for name in OF_LOT if name in named}
    faults = [f"{name}: {value:g} is not above 0" for name, value in found.items() if value <= 0]
    if faults:
        raise ValidationError("Some inputs cannot be used", faults=faults)
    return found
