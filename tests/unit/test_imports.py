"""The import rule of docs/architecture.md: imports point down only."""

from __future__ import annotations

import ast
from pathlib import Path

import densitymap

PACKAGE = Path(densitymap.__file__).parent

LEVELS = [
    {"cli"},
    {"pipeline"},
    {"reports", "exports"},
    {"maps"},
    {"scenarios"},
    {"ingest", "fetch", "parcels", "zoning", "capacity", "feasibility", "displacement", "sample"},
    {"city", "geometry", "census"},
    {"schema"},
    {"params"},
    {"errors", "atomic"},
]
LEVEL = {name: depth for depth, names in enumerate(LEVELS) for name in names}
SAME_LEVEL_ALLOWED = {"city", "geometry", "census"}
FORBIDDEN_IN_CORE = {"requests", "urllib", "socket", "time", "random", "subprocess", "rich", "typer"}
CORE = {
    "parcels", "zoning", "capacity", "feasibility", "displacement", "scenarios", "maps", "reports", "geometry",
    "census", "schema",
}  # fmt: skip


def _modules() -> list[tuple[Path, str]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[0] not in {"__init__", "__main__"}:
            found.append((path, parts[0]))
    return found


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            if node.module == "densitymap":
                names |= {f"densitymap.{alias.name}" for alias in node.names}
    return names


def _own(names: set[str]) -> set[str]:
    return {name.split(".")[1] for name in names if name.startswith("densitymap.")} & set(LEVEL)


def test_every_module_has_a_level():
    assert {part for _, part in _modules()} <= set(LEVEL)


def test_imports_point_down_only():
    wrong = []
    for path, part in _modules():
        for other in _own(_imports(path)) - {part}:
            same = LEVEL[other] == LEVEL[part]
            if LEVEL[other] < LEVEL[part] or (same and part not in SAME_LEVEL_ALLOWED):
                wrong.append(f"{path.relative_to(PACKAGE)} imports {other}")
    assert not wrong


def test_core_reads_no_clock_network_or_terminal():
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path, part in _modules()
        if part in CORE
        for name in {name.split(".")[0] for name in _imports(path)} & FORBIDDEN_IN_CORE
    ]
    assert not wrong


def test_core_does_not_print():
    wrong = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path, part in _modules()
        if part != "cli"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not wrong
