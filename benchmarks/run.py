"""Measure the main jobs as a person runs them, each in a process of its own; write results.md.

    python benchmarks/run.py            every job
    python benchmarks/run.py build      only those whose name holds the word

Nothing here is asserted in a test: machines differ. The table says which machine it was.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REAL = Path(os.environ.get("DENSITYMAP_REAL", ROOT.parent / "shared" / "real"))


def measured(args: list[str]) -> tuple[float, float, int]:
    """Seconds, peak memory [GB] and exit code of one command."""
    start = time.perf_counter()
    running = subprocess.Popen(
        [sys.executable, "-m", "densitymap", *args, "--quiet"], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(running.pid, 0)
    return time.perf_counter() - start, usage.ru_maxrss / 1e6, os.waitstatus_to_exitcode(status)


def jobs(folder: Path) -> list[tuple[str, str, list[str]]]:
    """Name, target, and words of each job, in order: later ones rest on earlier ones."""
    real, sample = str(folder / "real"), str(folder / "sample")
    found = [
        ("sample 20,000 lots", "under 60 s", ["sample", "--lots", "20000", "-w", sample]),
        ("build the sample", "", ["build", "-w", sample]),
        ("map of the sample", "", ["map", "-w", sample]),
        ("build again, nothing changed", "", ["build", "-w", sample]),
    ]
    if REAL.is_dir():
        found += [
            ("build the real pack", "under 30 s and 1 GB", ["build", "--source", str(REAL), "-w", real]),
            ("map of the real pack", "", ["map", "-w", real]),
        ]
    return found


def printed(name: str, folder: Path) -> str:
    """What another benchmark of this folder prints; those of a built district are given the sample's."""
    command = [sys.executable, str(ROOT / "benchmarks" / name)]
    command += [str(folder / "sample")] if name in OF_A_DISTRICT else []
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


OTHERS = {
    "bench_capacity.py": "What fits, 200,000 drawn lots",
    "bench_feasibility.py": "What pays, drawn lots",
    "bench_uptake.py": "What is expected, drawn lots: 20,000 under 2 s, 200,000 under 20 s, under 2 GB",
    "bench_prices.py": "Prices",
    "bench_reports.py": "Reports",
}
"""Other benchmarks of this folder, and their headings."""
NEEDS_REAL = "bench_prices.py"
OF_A_DISTRICT = {"bench_scenarios.py": "Scenarios on the built sample, after load: 0.15, 3 and 5 s (issue 9)"}
"""Benchmarks that take a built workspace, and their headings."""


def main() -> None:
    """Run the jobs and write the table."""
    word = " ".join(sys.argv[1:])
    system = f"{platform.system()} {platform.machine()}"
    machine = f"{os.cpu_count()} cores, {system}, Python {platform.python_version()}"
    lines = [
        "# Benchmarks\n",
        "<!-- written by benchmarks/run.py (`make bench`) -->",
        f"{machine}. One run each, whole process, start-up included.\n",
        "| job | seconds | peak GB | target |",
        "|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for title, target, args in jobs(Path(folder)):
            if word and word not in title:
                continue
            seconds, memory, code = measured(args)
            row = f"| {title} | {seconds:.1f} | {memory:.2f} | {target} |"
            print(row if code == 0 else f"{title} ended with exit code {code}")
            lines.append(row)
        there = {name: title for name, title in OTHERS.items() if REAL.is_dir() or name != NEEDS_REAL}
        for name, heading in ({} if word else there | OF_A_DISTRICT).items():
            lines += ["", f"## {heading}", "", "```", printed(name, Path(folder)), "```"]
    if not word:
        (ROOT / "benchmarks" / "results.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
