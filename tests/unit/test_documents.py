"""Generated documents are committed and current; the catalogue is consistent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from densitymap import params
from densitymap.city import load_city

ROOT = Path(__file__).resolve().parents[2]


def test_generated_documents_are_current():
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_layer_says_what_fills_it_and_under_which_licence():
    for layer in load_city("atlanta").layers.values():
        assert layer.fill
        assert layer.sources
        for source in layer.sources:
            assert source.files
            assert source.licence
            assert source.vintage
            assert source.publisher


def test_every_choice_has_a_unit_and_a_citation():
    for group in params.names("choices"):
        for name, record in params.load("choices", group).items():
            assert record["unit"], name
            assert record["cite"], name


def test_nothing_of_this_machine_is_committed():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        return  # not a checkout: nothing is committed
    for name in tracked.stdout.split():
        text = (ROOT / name).read_text(encoding="utf-8", errors="ignore")
        assert "/work/" + "main" not in text, name
        assert "/opt/" + "pypi" not in text, name


def test_lock_names_no_index():
    text = (ROOT / "requirements.lock").read_text()
    assert "--index-url" not in text
    assert "http" not in text
    assert text.count("--hash=sha256:") > 100
