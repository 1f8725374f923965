"""What is believed of uptake before any local permit: ``catalog/uptake/priors.toml``, drawn by name.

Each belief is a default with a 10 % and a 90 % point. A draw is two-piece: it spreads one way below the
default and another above. Its luck comes from the seed and the belief's *name* alone, so two scenarios,
or one run with a belief more, meet the same luck (common random numbers).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import numpy as np

from densitymap import params
from densitymap.errors import ValidationError
from densitymap.geometry import Floats

TENTH = 1.2815515655446004
"""Standard normal quantile of 90 %."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prior:
    """One belief: its default, its 10 % and 90 % points, its bounds, and where it comes from."""

    name: str
    label: str
    low: float
    default: float
    high: float
    scale: Literal["log", "linear"]
    bounds: tuple[float, float]
    unit: str
    cite: str
    mark: str
    process: str | None = None

    def at(self, z: Floats) -> Floats:
        """Value at standard normal quantiles: -1.28 gives ``low``, 0 the default, 1.28 ``high``.

        Examples
        --------
        >>> rate = priors()["adu_rate"]
        >>> rate.at(np.array([-TENTH, 0.0, TENTH])).round(6).tolist()
        [0.002, 0.004, 0.008]
        """
        middle, low, high = (self._scaled(value) for value in (self.default, self.low, self.high))
        spread = np.where(z < 0, middle - low, high - middle) / TENTH
        value = middle + spread * z
        value = np.exp(value) if self.scale == "log" else value
        return np.asarray(np.clip(value, *self.bounds), float)

    def _scaled(self, value: float) -> float:
        return float(np.log(value)) if self.scale == "log" else value


@cache
def priors() -> Mapping[str, Prior]:
    """Every belief by name, in the catalogue's order.

    Raises
    ------
    ValidationError
        Naming every belief without unit or citation, or whose points are not in order.
    """
    return read_priors(params.load("uptake", "priors"))


def read_priors(record: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Prior]:
    """Read beliefs from a record of the catalogue.

    Raises
    ------
    ValidationError
        With every fault of the record.
    """
    faults = [fault for name, fields in record.items() for fault in _faults(name, fields)]
    if faults:
        raise ValidationError("catalog/uptake/priors.toml is not consistent", faults=faults)
    return {
        name: Prior(name=name, **{**fields, "bounds": tuple(fields["bounds"])})
        for name, fields in record.items()
    }


def _faults(name: str, fields: Mapping[str, Any]) -> list[str]:
    known = set(Prior.__dataclass_fields__) - {"name"}
    absent = [f"{name}: has no {part}" for part in sorted(known - {"process"}) if part not in fields]
    strange = [f"{name}: unknown field {part}.{params.nearest(part, known)}" for part in set(fields) - known]
    if absent or strange:
        return absent + strange
    if fields["scale"] not in ("log", "linear"):
        return [f"{name}: scale must be log or linear"]
    points = [fields["bounds"][0], fields["low"], fields["default"], fields["high"], fields["bounds"][1]]
    if points != sorted(points) or (fields["scale"] == "log" and fields["low"] <= 0):
        return [f"{name}: bounds, low, default and high must be in order (and above 0 where log)"]
    return []


def luck(seed: int, name: str, size: int) -> Floats:
    """Standard normal numbers of a name: the first n are the same whatever the size.

    Examples
    --------
    >>> bool((luck(5, "adu_rate", 3) == luck(5, "adu_rate", 9)[:3]).all())
    True
    """
    return np.random.default_rng([seed, zlib.crc32(name.encode())]).standard_normal(size)


def chance(seed: int, name: str, size: int) -> Floats:
    """Numbers in [0, 1) of a name, independent of its :func:`luck`."""
    return np.random.default_rng([seed, zlib.crc32(name.encode()), 1]).random(size)


def with_posterior(posterior: Mapping[str, Mapping[str, float]] | None) -> Mapping[str, Prior]:
    """Beliefs after permits: a posterior's three points take the place of the prior's.

    Parameters
    ----------
    posterior
        ``low``, ``default`` and ``high`` by name, from :func:`densitymap.feasibility.calibrate.fit`;
        None leaves the priors.
    """
    known = dict(priors())
    for name, points in (posterior or {}).items():
        low, default, high = (float(points[part]) for part in ("low", "default", "high"))
        known[name] = replace(
            known[name], low=low, default=default, high=high, cite="fitted to local permits"
        )
    return known


@cache
def choice(name: str) -> Any:
    """Give a fixed choice of ``catalog/uptake/choices.toml``."""
    return params.load("uptake", "choices")[name]["value"]
