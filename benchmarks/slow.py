"""Run the heavier tests (`make test-slow`) and write their result table, slow.md."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def rows_of(report: Path) -> list[str]:
    """One row per test: name, result, seconds."""
    rows = []
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest's own file
        result = next((child.tag for child in case if child.tag in {"failure", "error", "skipped"}), "passed")
        rows.append(f"| {case.get('name')} | {result} | {float(case.get('time', 0)):.1f} |")
    return sorted(rows)


def main() -> int:
    """Run and write; return what pytest returned."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "slow.xml"
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-m", "slow", "-q", f"--junitxml={report}"],
            cwd=ROOT,
            check=False,
        )
        rows = rows_of(report)
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    head = f"# Slow tests\n\n<!-- written by benchmarks/slow.py (`make test-slow`) -->\n{machine}.\n"
    table = "\n".join([head, "| test | result | seconds |", "|---|---|---|", *rows])
    (ROOT / "benchmarks" / "slow.md").write_text(table + "\n", encoding="utf-8")
    return ran.returncode


if __name__ == "__main__":
    sys.exit(main())
