"""A raster as a small picture in the page: classed by steps, missing cells left clear."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from densitymap import params
from densitymap.errors import ValidationError
from densitymap.maps import pack
from densitymap.maps.content import Raster
from densitymap.maps.words import Words

_CLEAR = 0
"""Place in the palette of cells without a value."""


def layer(name: str, raster: Raster, *, bits: int, words: Words) -> dict[str, Any]:
    """Describe a raster for the page: its picture, where it lies, and its legend.

    Parameters
    ----------
    name
        Name of the layer.
    raster
        Values and bounds, in EPSG:4326.
    bits
        The world is ``2**bits`` steps wide, as for the packed layers.
    words
        The reader's language.

    Raises
    ------
    ValidationError
        If it holds no value, is not a table of numbers, or has more cells than the catalogue allows.
    """
    record = params.load("layers", "rasters")
    values = np.asarray(raster.values, float)
    known = np.isfinite(values)
    if values.ndim != 2 or not known.any() or values.size > record["cells_max"]:  # noqa: PLR2004 (rows, columns)
        raise ValidationError(
            f"raster {name}: {values.shape} cells, {int(known.sum()):,} with a value; expected rows and "
            f"columns, at least one value and at most {record['cells_max']:,} cells",
            next_step="cut it to the area, or give it a coarser cell",
        )
    colours = record["colours"]
    edges = raster.steps or even_steps(float(values[known].min()), float(values[known].max()), len(colours))
    places = np.where(known, np.digitize(values, edges[1:]) + 1, _CLEAR).astype(np.uint8)
    west, south, east, north = raster.bounds_deg
    corners = pack.to_steps(np.array([[west, north], [east, south]]), bits)
    uppers = [*edges[1:], None]
    return {
        "id": f"raster:{name}",
        "title": words.get(f"layers.{name}", raster.title),
        "box": corners.ravel().tolist(),
        "picture": f"data:image/png;base64,{base64.b64encode(png(places, colours)).decode('ascii')}",
        "note": raster.note,
        "classes": [
            {
                "colour": colour,
                "label": _label(low, high, raster.unit, words),
                "count": int((places == place).sum()),
            }
            for place, (colour, low, high) in enumerate(zip(colours, edges, uppers, strict=True), start=1)
        ],
        "missing": int((~known).sum()),
    }


def even_steps(low: float, high: float, count: int) -> list[float]:
    """Lower bounds of even steps on round numbers that reach from the least to the greatest value.

    Examples
    --------
    >>> even_steps(3, 97, 5)
    [0.0, 20.0, 40.0, 60.0, 80.0]
    >>> even_steps(2.0, 2.0, 5)[0]
    2.0
    """
    if high <= low:
        return [low + place for place in range(count)]
    raw = (high - low) / count
    size = 10.0 ** np.floor(np.log10(raw))
    for factor in (1, 2, 2.5, 5, 10, 20):
        step = float(size * factor)
        first = float(np.floor(low / step) * step)
        if first + step * count >= high:
            break
    return [round(first + step * place, 10) for place in range(count)]


def _label(low: float, high: float | None, unit: str, words: Words) -> str:
    if high is None:
        return f"{words('legend.or_more', **{'from': f'{low:,g}'})} {unit}".strip()
    return f"{words('legend.between', low=f'{low:,g}', high=f'{high:,g}')} {unit}".strip()


def png(places: npt.NDArray[np.uint8], colours: Sequence[str]) -> bytes:
    """Write an indexed PNG: place 0 is clear, place k the k-th colour (PNG 1.2: IHDR, PLTE, tRNS, IDAT)."""
    height, width = places.shape
    palette = b"\0\0\0" + b"".join(bytes.fromhex(colour[1:]) for colour in colours)
    rows = np.zeros((height, width + 1), np.uint8)
    rows[:, 1:] = places
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", palette),
        (b"tRNS", b"\0"),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
