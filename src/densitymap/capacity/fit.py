"""Which buildings fit behind the yards, and where: the part of capacity that depends on geometry.

``Places`` hold all that budgets and verdicts need. They depend on the lots, the yards and the
templates only, so a change of rules that leaves the yards alone reuses them (:func:`place`, ``reuse``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely

from densitymap.capacity import envelope, exact, kernel
from densitymap.capacity.edges import Flags
from densitymap.capacity.envelope import Slow
from densitymap.capacity.rules import Rules
from densitymap.capacity.survey import Survey
from densitymap.geometry import Floats, Geometries

HOUSE = "HOUSE"
"""The lot's own house, rebuilt: its footprint taken as a template."""

MAIN_USES = ("house", "duplex", "triplex", "multi", "cottage_court")


@dataclass(frozen=True, kw_only=True, slots=True)
class House:
    """The house standing on each lot; NaN where there is none or nobody knows.

    All arrays have one value per lot, in the lot's frame: ``width_ft``, ``depth_ft`` (its bounds),
    ``back_ft`` (its line farthest from the front), ``left_ft``, ``right_ft``, ``floor_ft2``,
    ``footprint_ft2``; ``stands`` is 1, 0 or NaN (unknown).
    """

    stands: Floats
    width_ft: Floats
    depth_ft: Floats
    front_ft: Floats
    back_ft: Floats
    left_ft: Floats
    right_ft: Floats
    footprint_ft2: Floats
    floor_ft2: Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Where each template fits on each lot (see :func:`kernel.fit_ranges`); NaN where a yard is unread."""

    envelope_ft2: Floats
    width_ft: Floats
    main: dict[str, Floats]
    adu: dict[str, Floats]
    counted: dict[str, int]
    yards: pd.DataFrame
    adu_yards: pd.DataFrame


def no_house(count: int, *, stands: float = np.nan) -> House:
    """Lots of which no house is known: ``stands`` 0 for vacant, NaN for unknown."""
    unknown = np.full(count, np.nan)
    return House(
        stands=np.full(count, stands),
        width_ft=unknown,
        depth_ft=unknown,
        front_ft=unknown,
        back_ft=unknown,
        left_ft=unknown,
        right_ft=unknown,
        footprint_ft2=unknown,
        floor_ft2=unknown,
    )


def house_of(shapes: Geometries, floor_ft2: Floats, stands: Floats) -> House:
    """Read houses from their shapes, one per lot, in the lot's frame; None where unknown or vacant."""
    bounds = shapely.bounds(shapes)
    area = np.where(shapely.is_missing(shapes), np.nan, shapely.area(shapes))
    return House(
        stands=stands,
        width_ft=bounds[:, 2] - bounds[:, 0],
        depth_ft=bounds[:, 3] - bounds[:, 1],
        front_ft=bounds[:, 1],
        back_ft=bounds[:, 3],
        left_ft=bounds[:, 0],
        right_ft=bounds[:, 2],
        footprint_ft2=area,
        floor_ft2=floor_ft2,
    )


def place(
    survey: Survey,
    yards: pd.DataFrame,
    adu_yards: pd.DataFrame,
    buildings: pd.DataFrame,
    house: House,
    *,
    blocked: Geometries | None = None,
    reuse: Places | None = None,
) -> Places:
    """Try every template on every lot.

    Parameters
    ----------
    survey
        The lots.
    yards, adu_yards
        ``front side rear street_side`` [ft], one row per lot, for main buildings and for accessory
        dwellings; missing where unread.
    buildings
        Templates (:func:`~densitymap.capacity.rules.load_buildings`).
    house
        Houses that stand; a known one is tried as a template of its own, ``HOUSE``.
    blocked
        See :func:`~densitymap.capacity.envelope.exact_envelopes`.
    reuse
        Places of the same lots, houses and templates under other rules: whatever part has the same
        yards is taken from it, not computed again.
    """
    same = reuse is not None and yards.equals(reuse.yards)
    same_adu = reuse is not None and adu_yards.equals(reuse.adu_yards)
    if reuse is not None and same and same_adu:
        return reuse
    dwellings = buildings[buildings["is_dwelling"]]
    adu = dwellings[dwellings["use"] == "adu"]
    main = dwellings[dwellings["use"].isin(MAIN_USES)]
    by_edge = envelope.edge_yards(survey, yards)
    if reuse is not None and same:
        area, width, ranges = reuse.envelope_ft2, reuse.width_ft, reuse.main
    else:
        slow = envelope.slow_envelopes(survey, by_edge, blocked)
        area = envelope.areas_of(survey, by_edge, slow, blocked)
        width = envelope.width_at_front_yard(survey, yards["front"].to_numpy(float))
        own = np.stack([house.width_ft, house.depth_ft], axis=1)[:, None, :]
        ranges = _named(survey, by_edge, main, slow, own=own, blocked=blocked)
    if reuse is not None and same_adu:
        behind = reuse.adu
    else:
        by_edge = envelope.edge_yards(survey, adu_yards)
        slow = envelope.slow_envelopes(survey, by_edge, blocked)
        behind = _named(survey, by_edge, adu, slow, blocked=blocked)
    fast = int(envelope.takes_kernel(survey, blocked).sum())
    lots = int((~shapely.is_missing(survey.shapes)).sum())
    counted = {"kernel": fast, "exact": lots - fast, "no shape": len(survey.lots) - lots}
    return Places(
        envelope_ft2=area,
        width_ft=width,
        main=ranges,
        adu=behind,
        counted=counted,
        yards=yards,
        adu_yards=adu_yards,
    )


def _named(
    survey: Survey,
    yards: Floats,
    templates: pd.DataFrame,
    slow: Slow,
    *,
    own: Floats | None = None,
    blocked: Geometries | None = None,
) -> dict[str, Floats]:
    count = len(survey.lots)
    sizes = np.broadcast_to(templates[["width_ft", "depth_ft"]].to_numpy(float), (count, len(templates), 2))
    names = list(templates.index)
    if own is not None:
        sizes, names = np.concatenate([sizes, own], axis=1), [*names, HOUSE]
    out = fit_ranges(survey, yards, np.ascontiguousarray(sizes), blocked=blocked, slow=slow)
    return {name: np.asfortranarray(out[:, k]) for k, name in enumerate(names)}


def fit_ranges(
    survey: Survey,
    yards: Floats,
    sizes: Floats,
    *,
    blocked: Geometries | None = None,
    slow: Slow | None = None,
) -> Floats:
    """Where rectangles fit: by the kernel on convex lots, by GEOS on the rest; NaN where a yard is unread.

    Parameters
    ----------
    survey
        The lots.
    yards
        Yard [ft] of each edge.
    sizes : (N, K, 2)
        Width and depth [ft] of K rectangles.
    blocked
        Ground on which nothing may stand, or None.
    slow
        Envelopes of the lots of the exact path, where they were cut already.
    """
    fast = envelope.takes_kernel(survey, blocked) & envelope.known_yards(survey, yards)
    lines, offsets, boxes = envelope.planes(survey)
    skew = survey.lots["skew_rad"].to_numpy(float)
    out = np.full((len(fast), sizes.shape[1], 3), np.nan)
    if fast.any():
        tried = np.where(fast[:, None, None], sizes, np.nan)
        found = kernel.fit_ranges(
            lines, np.nan_to_num(yards), offsets, np.nan_to_num(boxes), tried, skew=skew
        )
        out[fast] = found[fast]
    slow = slow or envelope.slow_envelopes(survey, yards, blocked)
    if len(slow.rows):
        out[slow.rows] = exact.fit_ranges(slow.shapes, sizes[slow.rows], skew=skew[slow.rows])
    return out


def has_side_path(survey: Survey, house: House, rules: Rules) -> Flags:
    """Whether a path leads past each known house to the ground behind it.

    Beside the house there must be ``side_path_ft`` to the lot line on one side; a second street or
    an alley does as well.
    """
    edges = survey.edges[survey.edges["ring"] >= 0]
    lot = edges["lot"].to_numpy()
    left = np.full(len(survey.lots), np.inf)
    right = np.full(len(survey.lots), np.inf)
    middle = (house.left_ft + house.right_ft) / 2
    inset = 1e-6
    for y in (house.front_ft + inset, house.back_ft - inset):
        x = _crossings(edges, y[lot])
        low, high = np.full(len(left), -np.inf), np.full(len(left), np.inf)
        on_left = x <= middle[lot]
        np.maximum.at(low, lot[on_left], x[on_left])
        np.minimum.at(high, lot[x > middle[lot]], x[x > middle[lot]])
        left, right = np.fmin(left, house.left_ft - low), np.fmin(right, high - house.right_ft)
    beside = np.fmax(left, right) >= rules["side_path_ft"] - inset
    other = survey.lots[["is_corner", "is_through", "has_alley"]].to_numpy(bool).any(axis=1)
    return np.asarray(beside | other, dtype=bool)


def _crossings(edges: pd.DataFrame, y: Floats) -> Floats:
    """Where each edge crosses the height, NaN where it does not."""
    low, high = edges["y0"].to_numpy(), edges["y1"].to_numpy()
    crosses = ((low <= y) & (high > y)) | ((high <= y) & (low > y))
    t = np.divide(y - low, high - low, out=np.full(len(edges), np.nan), where=crosses)
    return np.asarray(edges["x0"].to_numpy() + t * (edges["x1"] - edges["x0"]).to_numpy(), dtype=float)
