"""15,000 lots in one small file that opens and pans faster than folium's own layer."""

from __future__ import annotations

import maps_scale as scale
from densitymap import maps

LOTS, BYTES_MAX, FASTER = 15_000, 1_500_000, 2.0


def test_15000_lots_are_small_and_fast(browser, tmp_path):
    made = scale.content(LOTS)
    ours, theirs = tmp_path / "ours.html", tmp_path / "folium.html"
    ours.write_text(maps.render(made), encoding="utf-8")
    assert ours.stat().st_size <= BYTES_MAX
    theirs.write_text(scale.folium_page(made), encoding="utf-8")
    times = {
        path.stem: [scale.measure(browser, path, ours=path is ours) for _ in range(2)]
        for path in (ours, theirs)
    }
    for what in ("opened_ms", "panned_ms"):
        best = {name: min(run[what] for run in runs) for name, runs in times.items()}
        assert best["folium"] >= FASTER * best["ours"], (what, times)
