"""Bad luck in mid-write: a kill, a full disk. What was there before is whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import geopandas as gpd
import pandas as pd
import pytest

from commands import densitymap
from densitymap.errors import ValidationError
from densitymap.pipeline.workspace import write_atomically, write_text

LOTS = 4_000


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    assert densitymap("sample", "--lots", LOTS, "--workspace", folder).code == 0
    assert densitymap("build", "--workspace", folder).code == 0
    assert densitymap("map", "--workspace", folder).code == 0
    return folder


def _state(space):
    return {p: p.read_bytes() for p in sorted((space / "data").rglob("*.parquet")) if "1_raw" not in p.parts}


@pytest.mark.parametrize("delay", [0.8, 1.6, 2.4, 3.2, 4.0, 5.0, 6.5])
def test_kill_in_mid_build_leaves_whole_files(space, delay):
    parcels = space / "data/1_raw/parcels/taxparcel.parquet"
    frame = gpd.read_parquet(parcels)
    frame["SITEADDRESS"] = frame["SITEADDRESS"] + " "
    frame.sample(frac=1, random_state=int(delay * 10)).to_parquet(parcels)
    command = [sys.executable, "-m", "densitymap", "build", "--workspace", str(space)]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    time.sleep(delay)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    for path in _state(space):
        assert pd.read_parquet(path).columns.size  # every file opens: none is half
    again = densitymap("build", "--workspace", space, "--json")
    assert again.code == 0, again.err
    assert not list((space / "data").rglob("*.part"))


def test_full_disk_keeps_the_previous_file(tmp_path):
    path = tmp_path / "kept.txt"
    write_text(path, "before")

    def fill(part):
        with part.open("w") as stream:
            stream.write("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(ValidationError, match="No space left on device"):
        write_atomically(path, fill)
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["kept.txt"]


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="needs a small file system: Linux and root"
)
def test_full_disk_in_mid_build(space, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)], check=False)
    if mounted.returncode:
        pytest.skip("this machine lets no tmpfs be mounted")
    try:
        (small / "data").mkdir()
        ran = densitymap("build", "--source", space / "data/1_raw", "--workspace", small, "--json")
        assert ran.code == 5, ran.err
        assert "could not be written" in ran.document["error"]["message"]
        assert not list(small.rglob("*.part"))
    finally:
        subprocess.run(["umount", str(small)], check=False)
