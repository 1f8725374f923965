"""Time the typology's draws and the back-test; with --write, write docs/backtest.md and the coefficients.

    python benchmarks/bench_displacement.py [--write]

Reads the real data pack (DENSITYMAP_REAL or ../shared/real).
"""

from __future__ import annotations

import argparse
import hashlib
import os
import time
from pathlib import Path
from typing import Any

import pandas as pd

from densitymap.displacement import backtest, forward
from densitymap.displacement.backtest_document import document
from densitymap.displacement.features import metros
from densitymap.displacement.typology_table import MODES, typology_stability

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/backtest.md and catalog/models")
    write = parser.parse_args().write
    real = Path(os.environ.get("DENSITYMAP_REAL", ROOT.parent / "shared" / "real"))
    time_draws(real.parent / "cases")
    source = real / "panel" / "tracts_1990_2018.csv.gz"
    panel = pd.read_csv(source, dtype={"GEOID": str})
    results = [timed(name, panel) for name in metros(panel)]
    if write:
        inside = [backtest.taught_inside(panel, name) for name in metros(panel)]
        (ROOT / "docs" / "backtest.md").write_text(document(results, inside), encoding="utf-8")
        sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
        place = ROOT / "src" / "densitymap" / "catalog" / "models" / f"{forward.MODEL}.toml"
        place.write_text(coefficients(forward.fit(panel), sha256), encoding="utf-8")


def time_draws(cases: Path) -> None:
    names = ("inputs", "brackets")
    inputs, brackets = (
        pd.read_csv(cases / f"udp_atlanta_{name}.csv", dtype={"GEOID": str}) for name in names
    )
    for mode in MODES:
        start = time.perf_counter()
        drawn = typology_stability(inputs, mode=mode, brackets=brackets)
        seconds = time.perf_counter() - start
        own = drawn.loc[drawn["is_own"], "draw_share"]
        print(f"{mode}: {len(inputs)} tracts x {drawn['n_draws'].iloc[0]} draws in {seconds:.1f} s")
        print(f"  mean share of draws in the own label {own.mean():.2f}, under .9: {(own < 0.9).mean():.0%}")


def timed(name: str, panel: pd.DataFrame) -> dict[str, Any]:
    start = time.perf_counter()
    result = backtest.run(panel, name)
    print(f"{name}: {time.perf_counter() - start:.1f} s; li_fell:")
    for known in backtest.FEATURE_SETS:
        for model, found in result["outcomes"]["li_fell"][known].items():
            print(f"  {known} {model}: AUC {found['auc']:.3f}, ECE {found['ece']:.3f}")
    return result


def coefficients(fitted: dict[str, Any], sha256: str) -> str:
    """Write the model as TOML."""
    lines = [
        "# Coefficients of the forecast li_fell on F00; written by bench_displacement.py --write.",
        'cite = "fitted on the UDP panel 1990-2018, median defect corrected (real/panel README)"',
        f'panel_sha256 = "{sha256}"',
        f"metros = {fitted['metros']!r}".replace("'", '"'),
        f"tracts = {fitted['tracts']}",
        f"base_rate = {fitted['base_rate']:.4f}",
        'horizon = "2014-18 to the mid-2030s (18 years, the span it was learnt on)"',
        "limit = " + f"{fitted['limit']:g}",
        f"intercept = {fitted['intercept']:.6g}",
        "names = [\n" + "".join(f'    "{name}",\n' for name in fitted["names"]) + "]",
    ]
    lines += [
        f"{key} = [\n" + "".join(f"    {value:.6g},\n" for value in fitted[key]) + "]"
        for key in ("center", "spread", "weights")
    ]
    lines += [
        "",
        "[years]",
        'cite = "real/panel README: 1990, 2000 and 2014-18"',
        'learnt_span = { value = 10.0, unit = "years" }',
        'new_span = { value = 18.0, unit = "years, from 2000" }',
    ]
    return "\n".join(lines).replace("e+", "e") + "\n"


if __name__ == "__main__":
    main()
