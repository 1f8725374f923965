"""A workspace: ``data/`` in four stages, ``maps/``, and writes that never leave half a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from densitymap.atomic import PART, put
from densitymap.errors import MissingDataError, ValidationError

PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder that holds ``data/`` and ``maps/``."""

    root: Path

    @property
    def raw(self) -> Path:
        """Published files, as they came."""
        return self.root / "data" / "1_raw"

    @property
    def layers(self) -> Path:
        """One clean file per layer, with its receipt."""
        return self.root / "data" / "2_layers"

    @property
    def parcels(self) -> Path:
        """The joined tables."""
        return self.root / "data" / "3_parcels"

    @property
    def results(self) -> Path:
        """What the models say."""
        return self.root / "data" / "4_results"

    @property
    def maps(self) -> Path:
        """Generated HTML."""
        return self.root / "maps"

    @property
    def lock(self) -> Path:
        """What the last build was made from."""
        return self.root / "densitymap.lock"


def write_atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file beside its place, then put it there in one step.

    Whatever happens in between (a kill, a full disk), the previous file stays whole.

    Raises
    ------
    ValidationError
        If the disk refuses the write: names the file and what the system said.
    """
    try:
        put(path, write)
    except OSError as fault:
        raise ValidationError(
            f"{path} could not be written ({fault.strerror or fault}); what was there before is kept",
            next_step="free some space, or choose another folder",
        ) from fault


def sweep(space: Workspace) -> None:
    """Remove half-written files that a killed run left beside whole ones."""
    for folder in (space.layers, space.parcels, space.results, space.maps):
        for part in folder.glob(f".*{PART}"):
            part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write text atomically, in UTF-8."""
    write_atomically(path, lambda part: part.write_text(text, encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically; the order of keys means something (no change comes first)."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_frame(path: Path, frame: pd.DataFrame) -> None:
    """Write a table as (Geo)Parquet atomically."""
    write_atomically(path, lambda part: frame.to_parquet(part, index=False, compression="zstd"))


def write_parts(path: Path, parts: Iterable[pd.DataFrame]) -> None:
    """Write a table whose parts are made one by one, each let go once it is written; atomically.

    Parts have the columns and dtypes of the first; each becomes a row group, so that one can be read alone.
    """

    def write(part: Path) -> None:
        rest = iter(parts)
        first = pa.Table.from_pandas(next(rest), preserve_index=False)
        with pq.ParquetWriter(part, first.schema, compression="zstd") as writer:
            writer.write_table(first)
            del first
            for frame in rest:
                writer.write_table(pa.Table.from_pandas(frame, schema=writer.schema, preserve_index=False))

    write_atomically(path, write)


def read_frame(path: Path) -> Any:
    """Read a (Geo)Parquet table of an earlier stage.

    Raises
    ------
    MissingDataError
        If the stage has not been run.
    """
    if not path.is_file():
        raise MissingDataError(
            f"{path.name} is not there: the stage {path.parent.name} has not been built",
            next_step="run `densitymap build`",
        )
    if b"geo" in (pq.read_schema(path).metadata or {}):
        return gpd.read_parquet(path)
    return pd.read_parquet(path)


def layer_or_none(space: Workspace, name: str) -> Any:
    """Read a layer of the workspace, or None where it is not loaded."""
    path = space.layers / f"{name}.parquet"
    return read_frame(path) if path.is_file() else None


def read_json(path: Path) -> Any:
    """Read JSON, or None if the file is not there or is damaged (it is then made again)."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


@cache
def code_fingerprint() -> str:
    """Hash of the package's code and catalogue: a change of either makes every stage anew."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*")):
        if path.suffix in (".py", ".toml", ".js", ".css", ".html"):
            digest.update(path.relative_to(PACKAGE).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def hash_of(parts: Any) -> str:
    """Hash of plain values; the order of keys does not matter."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def fingerprint(parts: Iterable[Any]) -> str:
    """Hash of plain values and of the code."""
    return hash_of([code_fingerprint(), *parts])


def is_fresh(stamp: Path, mark: str, outputs: Iterable[Path]) -> bool:
    """Whether a stage's stamp carries this fingerprint and all its outputs are there."""
    found = read_json(stamp)
    return bool(found) and found.get("fingerprint") == mark and all(path.is_file() for path in outputs)
