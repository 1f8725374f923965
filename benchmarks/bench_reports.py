"""How long the briefs of a sample take: the batch as a person runs it, and where the time goes.

    python benchmarks/bench_reports.py [--write]

Draws and builds 3,000 synthetic lots, writes every brief (web page and PDF), then times the parts of one.
With --write the table goes to benchmarks/reports.md. Asserts nothing: machines differ.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from densitymap.pipeline.brief import Shelf, gather
from densitymap.pipeline.workspace import Workspace
from densitymap.reports import page, pdf, phrases
from densitymap.reports.brief import compose

LOTS, ASKED, TARGET_S = 3_000, 12, 60
PLACE, SCENARIO = "Kirkwood", "missing-middle-2021"


def densitymap(*args: object) -> tuple[float, float]:
    """Seconds by the clock, and of the processor: on a busy machine only the second says something."""
    start, used = time.perf_counter(), os.times()
    command = [sys.executable, "-m", "densitymap", *map(str, args), "--quiet"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    now = os.times()
    busy = now.children_user + now.children_system - used.children_user - used.children_system
    return time.perf_counter() - start, busy


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def parts(space: Workspace) -> dict[str, float]:
    """Seconds of each part of one brief, read and fonts already warm."""
    say, shelf, fonts = phrases.load("en"), Shelf(space), pdf.fonts()
    gather(shelf, "Edgewood", SCENARIO, say)
    given, gathered = timed(lambda: gather(shelf, PLACE, SCENARIO, say))
    content, composed = timed(lambda: compose(given, say))
    _, web = timed(lambda: page.web_page(content, say, seal=""))
    _, paper = timed(lambda: page.paper(content, say, seal="", font_config=fonts))
    return {"gather": gathered, "compose, charts drawn": composed, "web page": web, "PDF/UA": paper}


def table(space: Path, seconds: float, busy: float) -> list[str]:
    """What was measured, as a list in Markdown."""
    count = len(list(space.glob("maps/reports/*.pdf")))
    sizes = {
        form: sum(path.stat().st_size for path in space.glob(f"maps/reports/*.{form}")) / count / 1e3
        for form in ("html", "pdf")
    }
    share = seconds / count * ASKED
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    return [
        "# Briefs\n",
        "<!-- written by benchmarks/bench_reports.py --write -->",
        f"{machine}, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}.",
        f"Sample of {LOTS:,} lots, start-up included, one process; target {TARGET_S} s for {ASKED}.\n",
        f"- `report --all`: {count} briefs in {seconds:.1f} s: {ASKED} in {share:.1f} s",
        f"- processor time of the same: {busy:.1f} s: {ASKED} in {busy / count * ASKED:.1f} s, one core",
        f"- mean size: web page {sizes['html']:.0f} kB, PDF {sizes['pdf']:.0f} kB",
        *(f"- one brief, {what}: {took:.2f} s" for what, took in parts(Workspace(space)).items()),
    ]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        space = Path(name)
        densitymap("sample", "--lots", LOTS, "-w", space)
        densitymap("build", "-w", space)
        lines = table(space, *densitymap("report", "--all", "-w", space))
    print("\n".join(lines))
    if "--write" in sys.argv:
        (Path(__file__).parent / "reports.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
