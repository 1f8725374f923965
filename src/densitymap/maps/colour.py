"""Whether the classes of a palette can be told apart: by every kind of eye, and in black and white."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from densitymap import params

Floats = npt.NDArray[np.float64]

_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
"""Linear sRGB to CIE XYZ, white D65 (IEC 61966-2-1)."""

_WHITE = _TO_XYZ.sum(axis=1)
_SRGB_KNEE, _LAB_KNEE = 0.04045, 216 / 24389


def linear_rgb(colours: Sequence[str]) -> Floats:
    """Hex colours (``#rrggbb``) as linear light, one row each, 0 to 1."""
    coded = np.array([[int(colour[k : k + 2], 16) for k in (1, 3, 5)] for colour in colours]) / 255
    return np.where(coded <= _SRGB_KNEE, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)


def lab(linear: Floats) -> Floats:
    """Linear sRGB to CIELAB.

    Examples
    --------
    >>> lab(linear_rgb(["#ffffff"])).round(1).tolist()
    [[100.0, 0.0, 0.0]]
    """
    xyz = linear @ _TO_XYZ.T / _WHITE
    bent = np.where(xyz > _LAB_KNEE, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = bent.T
    return np.column_stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def seen_as(colours: Sequence[str]) -> Mapping[str, Floats]:
    """CIELAB of the colours as seen by common eyes and by protan, deutan and tritan ones."""
    light = linear_rgb(colours)
    severe = params.load("layers", "colour_vision")["severe"]
    eyes = {name: np.array(matrix) for name, matrix in severe.items() if name != "cite"}
    views = {"common": lab(light)}
    views |= {name: lab(np.clip(light @ matrix.T, 0, 1)) for name, matrix in eyes.items()}
    return views


def closest(colours: Sequence[str]) -> tuple[float, str, str, str]:
    """Find the two colours nearest each other in any view: CIE76 distance, view, first, second."""
    answers = [
        (float(np.linalg.norm(view[i] - view[j])), name, colours[i], colours[j])
        for name, view in seen_as(colours).items()
        for i, j in combinations(range(len(colours)), 2)
    ]
    return min(answers)


def faults(colours: Sequence[str], *, sequential: bool = False) -> list[str]:
    """Say what is wrong with a palette; empty if its classes can be told apart.

    Parameters
    ----------
    colours
        Hex colours of the classes, in legend order.
    sequential
        Whether the classes are steps of one quantity: then lightness must go one way, by enough
        at each step to survive a black and white print.
    """
    apart = params.load("layers", "colour_vision")["apart"]
    told = []
    if len(colours) > 1:
        distance, view, first, second = closest(colours)
        if distance < apart["delta_e_min"]:
            told.append(f"{first} and {second} are {distance:.1f} apart to {view} eyes")
    if sequential:
        steps = np.diff(lab(linear_rgb(colours))[:, 0])
        if not ((steps > 0).all() or (steps < 0).all()):
            told.append("lightness does not go one way")
        if (np.abs(steps) < apart["greyscale_lightness_min"]).any():
            told.append("two steps look alike in black and white")
    return told


def over_white(colours: Sequence[str], alpha: float) -> list[str]:
    """Colours as they look when laid thinly over white.

    Examples
    --------
    >>> over_white(["#000000"], 0.8)
    ['#333333']
    """
    coded = np.array([[int(colour[k : k + 2], 16) for k in (1, 3, 5)] for colour in colours])
    mixed = np.rint(alpha * coded + (1 - alpha) * 255).astype(int)
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in mixed.tolist()]


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.1, relative luminance)."""
    luminance = linear_rgb([first, second]) @ _TO_XYZ[1]
    return float((luminance.max() + 0.05) / (luminance.min() + 0.05))
