"""A city in one page: 170,000 lots in at most 8 MB, open and usable."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

import maps_scale as scale
from densitymap import maps

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
LOTS, BYTES_MAX, OPEN_MS, PAN_MS = 170_000, 8_000_000, 20_000, 500


def test_170000_lots_open_and_pan(tmp_path):
    if not CHROMIUM.exists():
        pytest.skip("Chromium is absent: run `make system`")
    path = tmp_path / "city.html"
    path.write_text(maps.render(scale.content(LOTS)), encoding="utf-8")
    assert path.stat().st_size <= BYTES_MAX
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=str(CHROMIUM), args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        times = scale.measure(browser, path, ours=True)
        browser.close()
    print(f"{LOTS:,} lots: {path.stat().st_size / 1e6:.1f} MB, {times}")
    assert times["opened_ms"] <= OPEN_MS
    assert times["panned_ms"] <= PAN_MS
