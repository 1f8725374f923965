"""Pack shapes and columns into few bytes, and unpack them again.

A set of features becomes one run of bytes: rings per feature, vertices per ring, then vertices as
whole steps of a Web Mercator grid, each told as the difference from the one before; then its columns.
Numbers are split into byte planes, which deflate shrinks well. Holes, many parts, any count of
vertices and any text survive; ``maps/assets/unpack.js`` reads the same bytes in the browser.

Method: ``PackedParcels`` of the project's performance notes, with rings and text added.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from densitymap.errors import CRSError, ValidationError
from densitymap.geometry import geometries

Ints = npt.NDArray[np.int64]
Kind = Literal["polygon", "line", "point"]

MISSING, UNLIMITED, FIRST = 0, 1, 2
"""Codes of a number column: nobody knows; no limit; the smallest value present."""

_PART_TYPES: Mapping[str, tuple[int, ...]] = {"polygon": (3,), "line": (1, 2), "point": (0,)}
_BYTE = 256
_WIDEST = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """How one column travels: ``number`` with decimals kept, ``category`` (few words) or ``text``.

    Category columns that name the same ``words`` share one list of them.
    """

    kind: Literal["number", "category", "text"]
    digits: int = 0
    words: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """One set of features: what a reader must know, and the bytes."""

    meta: dict[str, Any]
    body: bytes


def pack(frame: gpd.GeoDataFrame, kind: Kind, columns: Mapping[str, Spec], *, bits: int) -> Packed:
    """Pack a frame of features.

    Parameters
    ----------
    frame
        Features in EPSG:4326; a missing or empty shape keeps its row.
    kind
        What is drawn: other kinds of parts (a line in a collection of polygons) are left out.
    columns
        Columns to carry, in order; every one must be in the frame.
    bits
        The world is ``2**bits`` steps wide (28 is 0.12 m in Atlanta).

    Raises
    ------
    CRSError
        If the frame is not in EPSG:4326.
    ValidationError
        If a column is absent, or a number does not fit 32 bits at the digits asked for.
    """
    if frame.crs is None or frame.crs != "EPSG:4326":
        raise CRSError(f"pack: shapes are in {frame.crs or 'no reference system'}, expected EPSG:4326")
    absent = [name for name in columns if name not in frame]
    if absent:
        raise ValidationError("pack: columns are absent", faults=absent)
    shapes, origin, counts = _pack_shapes(geometries(frame), kind, bits)
    body, described = [shapes], []
    lists = _shared_words(frame, columns)
    first: dict[str, str] = {}
    for name, spec in columns.items():
        if spec.words is None:
            meta, data = _pack_column(frame[name], spec)
        else:
            of = first.setdefault(spec.words, name)
            meta, data = _pack_shared(frame[name], lists[spec.words], of=None if of == name else of)
        described.append({"name": name, **meta})
        body.append(data)
    meta = {
        "kind": kind,
        "n": len(frame),
        "bytes": sum(map(len, body)),
        "bits": bits,
        "origin": origin,
        **counts,
        "columns": described,
    }
    return Packed(meta=meta, body=b"".join(body))


def squeeze(body: bytes) -> str:
    """Deflate (raw) and write as base64, for a script element."""
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.b64encode(squeezer.compress(body) + squeezer.flush()).decode("ascii")


def loosen(text: str) -> bytes:
    """Undo :func:`squeeze`.

    Examples
    --------
    >>> loosen(squeeze(b"abc"))
    b'abc'
    """
    return zlib.decompress(base64.b64decode(text), -15)


def unpack(meta: Mapping[str, Any], body: bytes) -> gpd.GeoDataFrame:
    """Read a packed set back: shapes (to one step) and columns, in EPSG:4326."""
    reader = _Reader(body)
    shapes = _unpack_shapes(meta, reader)
    values: dict[str, pd.Series] = {}
    lists: dict[str, pd.Series] = {}
    for spec in meta["columns"]:
        values[spec["name"]] = _unpack_column(spec, meta["n"], reader, lists)
    return gpd.GeoDataFrame(values, geometry=shapes, crs="EPSG:4326")


def to_steps(degrees: npt.NDArray[np.float64], bits: int) -> Ints:
    """Longitude and latitude to whole steps east and south of the world's north-west corner."""
    east = (degrees[:, 0] + 180.0) / 360.0
    south = 0.5 - np.arcsinh(np.tan(np.radians(degrees[:, 1]))) / (2 * np.pi)
    return np.rint(np.column_stack([east, south]) * 2.0**bits).astype(np.int64)


def to_degrees(steps: Ints, bits: int) -> npt.NDArray[np.float64]:
    """Undo :func:`to_steps`, to half a step."""
    world = steps / 2.0**bits
    lat = np.degrees(np.arctan(np.sinh((0.5 - world[:, 1]) * 2 * np.pi)))
    return np.column_stack([world[:, 0] * 360.0 - 180.0, lat])


def _pack_shapes(shapes: npt.NDArray[np.object_], kind: Kind, bits: int) -> tuple[bytes, Any, dict[str, Any]]:
    coordinates, ring_of, owner = _rings(shapes, kind)
    steps = to_steps(coordinates, bits)
    steps, ring_of = _drop_repeats(steps, ring_of, closed=kind == "polygon")
    origin = steps.min(axis=0) if len(steps) else np.zeros(2, np.int64)
    starts = np.flatnonzero(np.diff(ring_of, prepend=-1))
    firsts = np.diff(steps[starts], axis=0, prepend=origin[None, :])
    later = np.ones(len(steps), bool)
    later[starts] = False
    moves = np.diff(steps, axis=0, prepend=steps[:1])[later]
    rings = np.bincount(owner, minlength=len(shapes))
    vertices = np.bincount(ring_of, minlength=len(owner))
    streams = [rings, vertices, *_zigzag(firsts).T, *_zigzag(moves).T]
    widths = [width_of(stream) for stream in streams]
    body = b"".join(planes(stream, width) for stream, width in zip(streams, widths, strict=True))
    counts = {"rings": len(owner), "vertices": len(steps), "widths": widths}
    return body, origin.tolist(), counts


def _rings(shapes: npt.NDArray[np.object_], kind: Kind) -> tuple[npt.NDArray[np.float64], Ints, Ints]:
    """Coordinates, the ring each belongs to, and the feature each ring belongs to."""
    parts, owner = _parts(shapes, kind)
    if kind == "polygon":
        rings, part = shapely.get_rings(shapely.orient_polygons(parts), return_index=True)
        parts, owner = rings, owner[part]
    coordinates, ring_of = shapely.get_coordinates(parts, return_index=True)
    return coordinates, ring_of.astype(np.int64), owner


def _parts(shapes: npt.NDArray[np.object_], kind: Kind) -> tuple[npt.NDArray[np.object_], Ints]:
    parts, owner = shapely.get_parts(shapes, return_index=True)
    nested, inner = shapely.get_parts(parts, return_index=True)
    owner = owner[inner]
    kept = np.isin(shapely.get_type_id(nested), _PART_TYPES[kind]) & ~shapely.is_empty(nested)
    return nested[kept], owner[kept].astype(np.int64)


def _drop_repeats(steps: Ints, ring_of: Ints, *, closed: bool) -> tuple[Ints, Ints]:
    """Leave out a polygon's closing vertex, and vertices that fell on the one before."""
    start = np.diff(ring_of, prepend=-1) != 0
    same = np.zeros(len(steps), bool)
    same[1:] = (steps[1:] == steps[:-1]).all(axis=1)
    keep = start | ~same
    if closed and len(steps):
        keep &= start | np.append(ring_of[1:] == ring_of[:-1], False)
    return steps[keep], ring_of[keep]


def _zigzag(values: Ints) -> Ints:
    return (values << 1) ^ (values >> 63)


def _unzigzag(values: Ints) -> Ints:
    return (values >> 1) ^ -(values & 1)


def width_of(values: Ints) -> int:
    """Bytes the largest value needs, 1 to 4.

    Raises
    ------
    ValidationError
        If a value does not fit 32 bits.
    """
    top = int(values.max(initial=0))
    width = max(1, (top.bit_length() + 7) // 8)
    if width > _WIDEST:
        raise ValidationError(f"pack: {top:,} does not fit 32 bits", next_step="keep fewer digits")
    return width


def planes(values: Ints, width: int) -> bytes:
    """All lowest bytes, then all next ones: like bytes together shrink better."""
    table = values.astype("<u4").view(np.uint8).reshape(-1, _WIDEST)
    return np.ascontiguousarray(table[:, :width].T).tobytes()


def _pack_column(values: pd.Series, spec: Spec) -> tuple[dict[str, Any], bytes]:
    if spec.kind == "number":
        return _pack_number(values, spec.digits)
    texts = values.astype("string")
    return _pack_category(texts) if spec.kind == "category" else _pack_text(texts)


def _pack_number(values: pd.Series, digits: int) -> tuple[dict[str, Any], bytes]:
    numbers = pd.to_numeric(values).astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    finite, unlimited = np.isfinite(numbers), np.isposinf(numbers)
    scaled = np.rint(numbers[finite] * 10.0**digits).astype(np.int64)
    low = int(scaled.min()) if len(scaled) else 0
    codes = np.where(unlimited, UNLIMITED, MISSING).astype(np.int64)
    codes[finite] = scaled - low + FIRST
    width = width_of(codes)
    return {"kind": "number", "digits": digits, "low": low, "width": width}, planes(codes, width)


def _pack_category(texts: pd.Series) -> tuple[dict[str, Any], bytes]:
    found, words = pd.factorize(texts, use_na_sentinel=True)
    codes = found.astype(np.int64) + 1
    width = width_of(codes)
    inner, listed = _pack_text(pd.Series(words, dtype="string"))
    meta = {"kind": "category", "width": width, "words": {"n": len(words), **inner}}
    return meta, planes(codes, width) + listed


def _shared_words(frame: pd.DataFrame, columns: Mapping[str, Spec]) -> dict[str, pd.Index]:
    """Words of each shared list, in the order they first appear."""
    groups: dict[str, list[pd.Series]] = {}
    for name, spec in columns.items():
        if spec.words is not None:
            groups.setdefault(spec.words, []).append(frame[name].astype("string"))
    return {key: pd.Index(pd.concat(texts).dropna().unique()) for key, texts in groups.items()}


def _pack_shared(texts: pd.Series, words: pd.Index, *, of: str | None) -> tuple[dict[str, Any], bytes]:
    """Pack codes into a shared list; its words travel with the first column, others name that one."""
    codes = words.get_indexer(pd.Index(texts.astype("string"))).astype(np.int64) + 1
    width = width_of(np.array([len(words)]))
    if of is not None:
        return {"kind": "category", "width": width, "of": of}, planes(codes, width)
    inner, listed = _pack_text(pd.Series(words, dtype="string"))
    meta = {"kind": "category", "width": width, "words": {"n": len(words), **inner}}
    return meta, planes(codes, width) + listed


def _pack_text(texts: pd.Series) -> tuple[dict[str, Any], bytes]:
    encoded = [
        b"" if missing else str(text).encode() for text, missing in zip(texts, texts.isna(), strict=True)
    ]
    lengths = np.array([len(text) for text in encoded], np.int64) + 1
    lengths[texts.isna().to_numpy()] = MISSING
    width = width_of(lengths)
    joined = b"".join(encoded)
    return {"kind": "text", "width": width, "bytes": len(joined)}, planes(lengths, width) + joined


class _Reader:
    """Takes runs of numbers off the front of the bytes."""

    def __init__(self, body: bytes) -> None:
        self._body, self._at = body, 0

    def take(self, count: int, width: int) -> Ints:
        data = np.frombuffer(self.raw(count * width), np.uint8).reshape(width, count)
        weights: Ints = _BYTE ** np.arange(width, dtype=np.int64)
        return np.asarray(weights @ data.astype(np.int64), np.int64)

    def raw(self, count: int) -> bytes:
        self._at += count
        return self._body[self._at - count : self._at]


def _unpack_shapes(meta: Mapping[str, Any], reader: _Reader) -> npt.NDArray[np.object_]:
    n, rings, total, widths = meta["n"], meta["rings"], meta["vertices"], meta["widths"]
    per_feature, per_ring = reader.take(n, widths[0]), reader.take(rings, widths[1])
    firsts = np.column_stack([_unzigzag(reader.take(rings, width)) for width in widths[2:4]])
    moves = np.column_stack([_unzigzag(reader.take(total - rings, width)) for width in widths[4:6]])
    ring_of = np.repeat(np.arange(rings), per_ring)
    starts = np.cumsum(per_ring) - per_ring
    jumps = np.zeros((total, 2), np.int64)
    later = np.ones(total, bool)
    later[starts] = False
    jumps[later] = moves
    walked = np.cumsum(jumps, axis=0)
    first = np.cumsum(firsts, axis=0) + meta["origin"]
    steps = walked - walked[starts][ring_of] + first[ring_of]
    coordinates = to_degrees(steps, meta["bits"])
    owner = np.repeat(np.arange(n), per_feature)
    return _build(coordinates, ring_of, owner, meta)


def _build(
    coordinates: npt.NDArray[np.float64], ring_of: Ints, owner: Ints, meta: Mapping[str, Any]
) -> npt.NDArray[np.object_]:
    shapes = np.full(meta["n"], None, dtype=object)
    parts = list(_parts_of(coordinates, ring_of, owner, meta["kind"]))
    collect = {"polygon": shapely.MultiPolygon, "line": shapely.MultiLineString, "point": shapely.MultiPoint}
    for feature, group in groupby(parts, key=itemgetter(0)):
        members = [part for _, part in group]
        shapes[feature] = members[0] if len(members) == 1 else collect[meta["kind"]](members)
    return shapes


def _parts_of(
    coordinates: npt.NDArray[np.float64], ring_of: Ints, owner: Ints, kind: str
) -> Iterator[tuple[int, Any]]:
    """Parts with their feature; a hole (clockwise) belongs to the outer ring before it."""
    bounds = np.flatnonzero(np.diff(ring_of, prepend=-1))
    rings: Sequence[npt.NDArray[np.float64]] = np.split(coordinates, bounds[1:]) if len(bounds) else []
    if kind != "polygon":
        make = shapely.LineString if kind == "line" else shapely.Point
        yield from (
            (int(o), make(ring if kind == "line" else ring[0])) for o, ring in zip(owner, rings, strict=True)
        )
        return
    pending: tuple[int, npt.NDArray[np.float64], list[Any]] | None = None
    for feature, ring in zip(owner, rings, strict=True):
        outer = pending is None or pending[0] != feature or _is_outer(ring)
        if outer and pending:
            yield pending[0], shapely.Polygon(pending[1], pending[2])
        if outer:
            pending = (int(feature), _closed(ring), [])
        elif pending:
            pending[2].append(_closed(ring))
    if pending:
        yield pending[0], shapely.Polygon(pending[1], pending[2])


def _closed(ring: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Close a ring to at least four vertices; one that shrank is drawn back on itself."""
    return np.concatenate([ring, np.repeat(ring[:1], max(1, 4 - len(ring)), axis=0)])


def _is_outer(ring: npt.NDArray[np.float64]) -> bool:
    x, y = ring[:, 0] - ring[0, 0], ring[:, 1] - ring[0, 1]
    return bool((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() >= 0)


def _unpack_column(
    spec: Mapping[str, Any], n: int, reader: _Reader, lists: dict[str, pd.Series]
) -> pd.Series:
    """Read one column; ``lists`` keeps the words of each category column for those that share them."""
    if spec["kind"] == "text":
        return _unpack_text(spec, n, reader)
    codes = reader.take(n, spec["width"])
    if spec["kind"] == "category":
        if "words" in spec:
            lists[spec["name"]] = _unpack_text(spec["words"], spec["words"]["n"], reader)
        words = lists[spec.get("of", spec["name"])]
        return pd.Series(words.array.take(codes - 1, allow_fill=True), dtype="string")
    numbers = (codes - FIRST + spec["low"]) / 10.0 ** spec["digits"]
    numbers[codes == UNLIMITED] = np.inf
    return pd.Series(numbers, dtype="Float64").mask(codes == MISSING)


def _unpack_text(spec: Mapping[str, Any], n: int, reader: _Reader) -> pd.Series:
    lengths = reader.take(n, spec["width"])
    ends = np.cumsum(np.maximum(lengths - 1, 0)).tolist()
    joined = reader.raw(spec["bytes"])
    texts = (
        [joined[start:end].decode() for start, end in zip([0, *ends[:-1]], ends, strict=True)] if n else []
    )
    return pd.Series(texts, dtype="string").mask(lengths == MISSING)
