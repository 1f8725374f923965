"""The GeoPackage in QGIS itself (Debian's `qgis`), by `qgis_process`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

from commands import densitymap

QGIS = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
"""Debian's wrapper passes a word that its own qgis_process does not know; the program behind it is asked."""


@pytest.mark.skipif(
    QGIS is None, reason="qgis_process is absent: apt-get install --no-install-recommends qgis"
)
def test_qgis_opens_a_layer_with_its_aliases_and_style(sample_space, tmp_path):
    assert densitymap("export", "--format", "gpkg", "--workspace", sample_space, "--out", tmp_path).code == 0
    layer = f"{tmp_path / 'densitymap.gpkg'}|layername=lots_allowed"
    ran = subprocess.run(
        [QGIS, "--json", "run", "native:extractbyexpression", "--", f"INPUT={layer}",
         "EXPRESSION=\"no_change_verdict\" IN ('TRUE','MAYBE')", f"OUTPUT={tmp_path / 'kept.gpkg'}"],
        check=False, capture_output=True, text=True, timeout=300,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-2000:]
    told = json.loads(ran.stdout[ran.stdout.index("{") :])
    assert told["results"]["OUTPUT"].endswith("kept.gpkg")
    script = tmp_path / "look.py"
    script.write_text(
        "from qgis.core import QgsApplication, QgsVectorLayer\n"
        "app = QgsApplication([], False)\napp.initQgis()\n"
        f"layer = QgsVectorLayer({layer!r}, 'lots', 'ogr')\n"
        "print(layer.isValid(), layer.renderer().type(), layer.featureCount())\n"
        "app.exitQgis()\n"
    )
    python = shutil.which("python3", path="/usr/bin")
    seen = subprocess.run(
        [python, script], check=False, capture_output=True, text=True, timeout=300,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )  # fmt: skip
    if "No module named 'qgis'" in seen.stderr:
        return  # Debian ships the Python bindings apart
    assert seen.stdout.startswith("True categorizedSymbol"), seen.stdout + seen.stderr[-2000:]
