"""densitymap: where more homes can stand, and where displacement presses, for any block.

The public names, in the order of the story; each is loaded when it is first used::

    import densitymap as dm

    law = dm.load_policy("atlanta")              # the zoning code as it stands
    reform = dm.apply("triplex-by-right", law)   # a scenario's levers, pulled on it
    lots = dm.read_parcels("work")               # lots of a built workspace
    dm.allowed(lots, [law, reform])              # what each allows on every lot
    dm.render_map("work", scenario="triplex-by-right").save("map.html")
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "load_policy": "densitymap.scenarios.policy",
    "load_scenario": "densitymap.scenarios.policy",
    "scenario_names": "densitymap.scenarios.policy",
    "apply": "densitymap.scenarios.policy",
    "allowed": "densitymap.scenarios.answers",
    "read_parcels": "densitymap.pipeline.notebook",
    "read_tracts": "densitymap.pipeline.notebook",
    "render_map": "densitymap.pipeline.notebook",
    "MapInput": "densitymap.maps.content",
    "DensitymapError": "densitymap.errors",
}
"""Where each public name lives."""

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 (names of the table are text)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'densitymap' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
