"""A ledger: households or homes by one cause, in draws. Ledgers are never added, and cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from densitymap import params
from densitymap.geometry import Floats

NAMES = ("direct", "market", "owner_stress", "exclusion")
BY_NOTHING = ""
"""Channel of a ledger that hangs on none."""


def record() -> Mapping[str, Any]:
    """What the ledgers count, from ``catalog/evidence``."""
    return params.load("evidence", "ledgers")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Ledger:
    """One ledger of one scenario.

    Attributes
    ----------
    name
        One of :data:`NAMES`.
    level
        Ten-year count under the scenario by draw; None where only a difference can be told.
    difference
        Difference from no change by draw, by channel (:data:`BY_NOTHING` where it hangs on none).
    needs
        What is missing; the ledger is then not computable.
    more
        Further lines, ready for JSON.
    """

    name: str
    level: Floats | None = None
    difference: Mapping[str, Floats] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    def _refuse(self, _other: object) -> NoReturn:
        raise TypeError(
            "Ledgers count different people over different causes: they are never added. Tell them apart."
        )

    __add__ = __radd__ = __iadd__ = _refuse


def sign(values: Floats) -> str:
    """Direction of a difference: ``+``, ``-`` or ``0`` where its band excludes zero, else ``unclear``.

    Examples
    --------
    >>> sign(np.array([1.0, 2.0, 3.0])), sign(np.array([-1.0, 2.0, -3.0])), sign(np.zeros(3))
    ('+', 'unclear', '0')
    """
    low, _, high = np.quantile(values, record()["shown"]["band"])
    if low > 0:
        return "+"
    if high < 0:
        return "-"
    return "0" if low == high == 0 else "unclear"


def band(values: Floats) -> dict[str, float]:
    """Median and 90 % band, whole where large."""
    ends = np.quantile(values, record()["shown"]["band"])
    return {name: _rounded(float(value)) for name, value in zip(("p5", "p50", "p95"), ends, strict=True)}


def few(value: float) -> float | str:
    """A number of households as it may be told: whole, and words below five, whichever way it points.

    Examples
    --------
    >>> few(21.4), few(4.6), few(-0.2)
    (21.0, 'fewer than 5', 'fewer than 5')
    """
    shown = record()["shown"]
    return str(shown["words"]) if abs(value) < shown["fewest"] else float(round(value))


def count_band(values: Floats) -> dict[str, float | str] | str:
    """Median and 90 % band of a count, each end as :func:`few` tells it; words where the median is small.

    Examples
    --------
    >>> count_band(np.array([1.0, 2.0, 3.0]))
    'fewer than 5'
    >>> count_band(np.array([1.0, 21.0, 93.0]))["p5"]
    'fewer than 5'
    """
    middle = few(float(np.median(values)))
    return middle if isinstance(middle, str) else moved(values)


def moved(values: Floats) -> dict[str, float | str]:
    """Median and 90 % band of a difference in households, each end as :func:`few` tells it.

    Where no draw moves anybody it is 0, which tells of nobody.

    Examples
    --------
    >>> moved(np.zeros(3)), moved(np.array([-12.0, 1.0, 3.0]))["p95"]
    ({'p5': 0.0, 'p50': 0.0, 'p95': 0.0}, 'fewer than 5')
    """
    ends = np.quantile(values, record()["shown"]["band"])
    tell = few if np.any(values) else float
    return {name: tell(float(value)) for name, value in zip(("p5", "p50", "p95"), ends, strict=True)}


def households(values: Floats) -> dict[str, float | str]:
    """Mean, median and 90 % band of a difference in households, and its sign: small numbers are words.

    Examples
    --------
    >>> households(np.array([-1.0, 2.0, 3.0]))["mean"], households(np.zeros(3))["mean"]
    ('fewer than 5', 0.0)
    """
    mean = few(float(values.mean())) if np.any(values) else 0.0
    return {"mean": mean, **moved(values), "sign": sign(values)}


def _rounded(value: float) -> float:
    whole = 10.0
    return round(value) if abs(value) >= whole else round(value, 1) + 0.0


def _difference(values: Floats) -> dict[str, Any]:
    return moved(values) | {
        "sign": sign(values),
        "share_of_runs_lower": round(float(np.mean(values < 0)), 3),
    }


def told(ledger: Ledger) -> dict[str, Any]:
    """One ledger, ready for JSON: what it counts, of whom, over how long, and its numbers or needs."""
    about = record()[ledger.name]
    head: dict[str, Any] = {
        "letter": about["letter"],
        "title": about["title"],
        "unit": about["unit"],
        "horizon_years": record()["horizon_years"],
        "population": about["population"],
        "caveat": about["caveat"],
    }
    if ledger.needs:
        return head | {"computable": False, "needs": list(ledger.needs)}
    differences = {name: _difference(values) for name, values in ledger.difference.items()}
    plain = set(differences) == {BY_NOTHING}
    return head | {
        "computable": True,
        "level": None if ledger.level is None else count_band(ledger.level),
        "difference": differences[BY_NOTHING] if plain else (differences or None),
        **ledger.more,
    }
