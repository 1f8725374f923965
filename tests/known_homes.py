"""A copy of the shared sample in which the homes of every lot are known, so that everything can be computed."""

from __future__ import annotations

import shutil
from pathlib import Path

import geopandas as gpd

from densitymap.pipeline.workspace import Workspace


def copied(sample_space: Path, folder: Path) -> Workspace:
    shutil.copytree(sample_space, folder)
    path = Workspace(folder).parcels / "parcels.parquet"
    lots = gpd.read_parquet(path)
    lots.assign(existing_units=lots["existing_units"].fillna(1)).to_parquet(path)
    shutil.rmtree(Workspace(folder).results / "scenarios", ignore_errors=True)  # said of other homes
    return Workspace(folder)
