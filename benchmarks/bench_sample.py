"""Time, memory and size on disk of the built-in sample.

    python benchmarks/bench_sample.py [lots ...]

Each size runs in a process of its own, so that memory is its own peak.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from densitymap.sample.write import write_sample

SIZES = (500, 3_000, 20_000, 200_000)


def measure(n_lots: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        done = write_sample(Path(folder) / "sample", n_lots=n_lots)
        seconds = time.perf_counter() - start
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {
        "lots": n_lots,
        "records": done["parcels"],
        "seconds": round(seconds, 2),
        "peak_gb": round(peak, 2),
        "disk_mb": round(size / 1e6, 1),
    }


def main() -> None:
    sizes = [int(text) for text in sys.argv[1:]] or SIZES
    print("| lots | records | seconds | peak memory, GB | on disk, MB |\n|---|---|---|---|---|")
    for size in sizes:
        run = subprocess.run(
            [sys.executable, __file__, "--one", str(size)], capture_output=True, text=True, check=True
        )
        row = json.loads(run.stdout)
        cells = (f"{row['lots']:,}", f"{row['records']:,}", row["seconds"], row["peak_gb"], row["disk_mb"])
        print("|", " | ".join(map(str, cells)), "|")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(int(sys.argv[2]))))
    else:
        main()
