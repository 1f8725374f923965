"""How large the map page is, and how fast it opens and pans: ours against folium's GeoJson layer.

Run ``python benchmarks/bench_maps.py [lots ...]`` (default 2000 15000 170000). Needs Chromium (``make
system``). Prints a table; asserts nothing. Folium's layer is left out above 20,000 lots: it does not
open in a minute.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import maps_scale as scale
from densitymap import maps

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
FOLIUM_MOST, RUNS = 20_000, 3


def main(counts: list[int]) -> None:
    print("| lots | layer | HTML MB | written s | open ms | pan ms |\n|---|---|---|---|---|---|")
    with sync_playwright() as play, tempfile.TemporaryDirectory() as folder:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for count in counts:
            made = scale.content(count)
            layers = {"densitymap": maps.render}
            if count <= FOLIUM_MOST:
                layers["folium.GeoJson"] = scale.folium_page
            for name, write in layers.items():
                path, start = Path(folder) / f"{name}-{count}.html", time.perf_counter()
                path.write_text(write(made), encoding="utf-8")
                seconds = time.perf_counter() - start
                runs = [scale.measure(browser, path, ours=name == "densitymap") for _ in range(RUNS)]
                opened, panned = (min(run[what] for run in runs) for what in ("opened_ms", "panned_ms"))
                size = path.stat().st_size / 1e6
                print(
                    f"| {count:,} | {name} | {size:.2f} | {seconds:.1f} | {opened:.0f} | {panned:.0f} |",
                    flush=True,
                )
        browser.close()


if __name__ == "__main__":
    main([int(count) for count in sys.argv[1:]] or [2_000, 15_000, 170_000])
