"""Commands that ask the publishers' servers, and compare what they said: ``fetch``, ``diff``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from densitymap.cli.console import SETTINGS
from densitymap.pipeline import diff as editions

_SHOWN = 10


def diff(
    lock_a: Annotated[Path, typer.Argument(help="Earlier densitymap.lock, or its workspace.")],
    lock_b: Annotated[Path, typer.Argument(help="Later densitymap.lock, or its workspace.")],
    data_a: Annotated[Path | None, typer.Option(help="Workspace with the earlier layers.")] = None,
    data_b: Annotated[Path | None, typer.Option(help="Workspace with the later layers.")] = None,
) -> None:
    """Tell what changed in the world between two locks: layers, lots split or merged, ground rezoned.

    Lots and zoning are compared where each lock lies in the workspace that was built with it, or
    --data-a and --data-b name those workspaces.

    Example: densitymap diff march/densitymap.lock june/densitymap.lock
    """
    before, after = editions.open_edition(lock_a, data_a), editions.open_edition(lock_b, data_b)
    found = editions.compare(before, after)
    for line in _told_of_change(found):
        SETTINGS.say(line)
    SETTINGS.answer(found)


def _told_of_change(found: dict[str, Any]) -> Iterator[str]:
    for entry in found["layers"]:
        rows = entry.get("rows_in")
        told = f" ({rows['before']:,} rows before, {rows['after']:,} now)" if isinstance(rows, dict) else ""
        yield f"{entry['layer']}: {entry['change']}{told}"
    yield f"{found['unchanged']} layers are unchanged."
    for name, what in (("parcels", "events"), ("zoning", "ground")):
        if "not_compared" in found[name]:
            yield f"{name} not compared: {found[name]['not_compared']}"
            yield "  Next: keep the workspace of each lock, and name it with --data-a or --data-b"
        else:
            yield from _told_of(name, found[name][what])


def _told_of(name: str, rows: list[dict[str, Any]]) -> Iterator[str]:
    yield f"{name}: {len(rows) or 'no'} changes"
    for row in rows[:_SHOWN]:
        if name == "parcels":
            yield f"  {row['change']}: {row['before'] or 'nothing'} -> {row['after'] or 'nothing'}"
        else:
            yield f"  {row['from'] or 'no zoning'} -> {row['to'] or 'no zoning'}: {row['acres']:,.2f} acres"
    if len(rows) > _SHOWN:
        yield f"  … {len(rows) - _SHOWN:,} more with --json"


COMMANDS: dict[str, Callable[..., Any]] = {"diff": diff}
