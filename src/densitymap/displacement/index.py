"""Judge tracts by a definition from the catalogue: score, class, reason and sampling stability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap import schema
from densitymap.census import one_vintage
from densitymap.displacement.definition import Index, Step, load_index
from densitymap.displacement.draws import Floats, draw, floats, has_margin
from densitymap.displacement.verbs import VERBS, Setting
from densitymap.errors import ValidationError

UNKNOWN = -1
"""Class code of a tract that is not classifiable."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """What a definition says of tracts."""

    pressure: pd.DataFrame
    """PRESSURE: one row per tract."""
    draws: pd.DataFrame
    """PRESSURE_DRAWS: share of draws per tract and class; empty where no margin is known."""
    inputs: pd.DataFrame
    """PRESSURE_INPUTS: contribution per tract and input; empty where the definition has no score."""


def score(
    tracts: pd.DataFrame,
    index: Index | str,
    *,
    reference: pd.Series | None = None,
    n_draws: int | None = None,
    seed: int | None = None,
) -> pd.DataFrame:
    """PRESSURE of tracts by one definition: the first table of :func:`judge`."""
    return judge(tracts, index, reference=reference, n_draws=n_draws, seed=seed).pressure


def judge(
    tracts: pd.DataFrame,
    index: Index | str,
    *,
    reference: pd.Series | None = None,
    neighbours: npt.NDArray[np.intp] | None = None,
    n_draws: int | None = None,
    seed: int | None = None,
) -> Judged:
    """Judge tracts by a definition.

    Parameters
    ----------
    tracts
        One row per tract, of one vintage and period: ``tract_geoid``, ``tract_vintage``,
        ``acs_period``, the definition's inputs and, where published, their ``_moe``.
    index
        A definition or its name.
    reference
        Which tracts form the reference set (a city's, say); all of them by default.
    neighbours
        Pairs of row positions (tract, neighbour), for definitions that look across borders.
    n_draws, seed
        Joint draws of sampling error; see :mod:`densitymap.displacement.draws`.

    Raises
    ------
    ValidationError
        If the tracts are of two vintages or periods, repeat, or are fewer than two.
    """
    spec = load_index(index) if isinstance(index, str) else index
    one_vintage(tracts, where=f"index {spec.name}")
    _check_tracts(tracts, spec)
    spec, left_out = _without_absent(spec, tracts)
    setting = Setting(
        reference=np.ones(len(tracts), bool) if reference is None else reference.to_numpy(dtype=bool),
        neighbours=np.empty((0, 2), np.intp) if neighbours is None else neighbours,
    )
    names = [entry.name for entry in spec.inputs]
    values = evaluate(spec, {name: floats(tracts, name) for name in names}, setting)
    codes = _codes(spec, values)
    drawn = _drawn_codes(spec, tracts, setting, n_draws=n_draws, seed=seed)
    inputs = _contributions(spec, tracts, values)
    pressure = _pressure(spec, tracts, values, codes, drawn)
    pressure = pressure.assign(
        inputs_left_out="; ".join(left_out),
        n_reference=int(setting.reference.sum()),
        pressure_reason=_reasons(spec, tracts, values, codes),
    )
    return Judged(
        pressure=schema.conform(pressure, "pressure"),
        draws=_draw_table(spec, tracts, drawn),
        inputs=inputs,
    )


def evaluate(spec: Index, inputs: Mapping[str, Floats], setting: Setting) -> dict[str, Floats]:
    """Values of every input and step; arrays of shape (tracts,) or (draws, tracts)."""
    values = dict(inputs)
    for step in spec.steps:
        parts = [values[name] for name in step.of]
        values[step.name] = VERBS[step.verb](parts if step.is_list else parts[0], setting, **step.options)
    return values


def _check_tracts(tracts: pd.DataFrame, spec: Index) -> None:
    faults = []
    periods: list[str] = list(tracts["acs_period"].dropna().unique()) if "acs_period" in tracts else []
    if len(periods) > 1:
        faults.append(f"periods {', '.join(map(str, periods))} are mixed")
    repeated = tracts["tract_geoid"].duplicated()
    if repeated.any():
        first = tracts.loc[repeated, "tract_geoid"].iloc[0]
        faults.append(f"{int(repeated.sum())} tracts repeat; first {first}")
    if len(tracts) < 2:  # noqa: PLR2004 - a place among others needs another
        faults.append(f"{len(tracts)} tract: a tract is judged against others")
    if faults:
        raise ValidationError(f"index {spec.name} cannot judge these tracts", faults=faults)


def _without_absent(spec: Index, tracts: pd.DataFrame) -> tuple[Index, list[str]]:
    """Leave out optional inputs the whole table lacks, and the steps that rest on nothing else."""
    absent = {
        entry.name for entry in spec.inputs if entry.optional and np.isnan(floats(tracts, entry.name)).all()
    }
    gone, steps = set(absent), []
    for step in spec.steps:
        rest = tuple(name for name in step.of if name not in gone)
        if not rest or (not step.is_list and len(rest) < len(step.of)):
            gone.add(step.name)
            continue
        steps.append(_replace_of(step, rest))
    inputs = tuple(entry for entry in spec.inputs if entry.name not in absent)
    fields = {name: getattr(spec, name) for name in spec.__dataclass_fields__}
    return Index(**(fields | {"inputs": inputs, "steps": tuple(steps)})), sorted(absent)


def _replace_of(step: Step, of: tuple[str, ...]) -> Step:
    options = dict(step.options)
    if "weights" in options:
        weight = dict(zip(step.of, options["weights"], strict=True))
        options["weights"] = [weight[name] for name in of]
    return Step(name=step.name, verb=step.verb, of=of, is_list=step.is_list, options=options)


def _codes(spec: Index, values: Mapping[str, Floats]) -> npt.NDArray[np.int64]:
    """Position of the first class that is true; past the end is `otherwise`; -1 is unknown.

    A tract that lacks a required input is unknown whatever the remaining ones say.
    """
    lacking = np.stack(np.broadcast_arrays(*(np.isnan(values[entry.name]) for entry in spec.inputs))).any(
        axis=0
    )
    code = np.full(lacking.shape, len(spec.classes))
    for position in range(len(spec.classes) - 1, -1, -1):
        truth = values[str(spec.classes[position].when)]
        code = np.where(np.isnan(truth), UNKNOWN, np.where(truth == 1, position, code))
    return np.where(lacking, UNKNOWN, code)


def _drawn_codes(
    spec: Index, tracts: pd.DataFrame, setting: Setting, *, n_draws: int | None, seed: int | None
) -> npt.NDArray[np.int64] | None:
    names = [entry.name for entry in spec.inputs]
    if not any(has_margin(tracts, name) for name in names) or n_draws == 0:
        return None
    drawn = draw(tracts, names, n_draws=n_draws, seed=seed)
    shape = np.broadcast_shapes(*(value.shape for value in drawn.values()))
    full = {name: np.broadcast_to(value, shape) for name, value in drawn.items()}
    return _codes(spec, evaluate(spec, full, setting))


def _classes(spec: Index) -> list[Any]:
    return [*spec.classes, spec.otherwise]


def _pick(spec: Index, codes: npt.NDArray[np.int64], attribute: str) -> npt.NDArray[np.object_]:
    choices = np.array([getattr(entry, attribute) for entry in _classes(spec)] + [pd.NA], dtype=object)
    return choices[codes]


def _pressure(
    spec: Index,
    tracts: pd.DataFrame,
    values: Mapping[str, Floats],
    codes: npt.NDArray[np.int64],
    drawn: npt.NDArray[np.int64] | None,
) -> pd.DataFrame:
    known = codes != UNKNOWN
    number = values[spec.score] if spec.score else np.full(len(tracts), np.nan)
    table = _keys(spec, tracts)
    table["acs_period"] = tracts.get("acs_period", default=pd.Series(pd.NA, tracts.index))
    table["index_years"] = spec.years or table["acs_period"]
    table["reference_set"] = spec.reference_set
    table["pressure_score"] = (
        pd.Series(number, tracts.index).astype("Float64").mask(~known | np.isnan(number))
    )
    table["pressure_class"] = _pick(spec, codes, "name")
    table["pressure_label"] = pd.Series(_pick(spec, codes, "label"), tracts.index).mask(
        ~known, "not classifiable"
    )
    table["is_flagged"] = _pick(spec, codes, "flagged")
    table["is_classifiable"] = known
    table["inputs_used"] = "; ".join(entry.name for entry in spec.inputs)
    table["inputs_missing"] = _missing(spec, values, len(tracts))
    table["moe_source"] = _moe_source(spec, tracts)
    return table.assign(**_stability(codes, drawn, len(spec.classes) + 1))


def _keys(spec: Index, tracts: pd.DataFrame) -> pd.DataFrame:
    return tracts[["tract_geoid", "tract_vintage"]].assign(index_name=spec.name)


def _missing(spec: Index, values: Mapping[str, Floats], rows: int) -> npt.NDArray[np.object_]:
    text = np.full(rows, "", dtype=object)
    for entry in spec.inputs:
        lacking = np.isnan(values[entry.name])
        joint = np.where(text == "", "", "; ")
        text = np.where(lacking, text + joint + entry.name, text)
    return text


def _moe_source(spec: Index, tracts: pd.DataFrame) -> npt.NDArray[np.object_]:
    text = np.full(len(tracts), "", dtype=object)
    for number, entry in enumerate(spec.inputs):
        known = ~np.isnan(floats(tracts, f"{entry.name}_moe"))
        named = f"{entry.name}_moe_source"
        origin = tracts[named].to_numpy(dtype=object) if named in tracts else "published"
        source = np.where(known, origin, "none, held fixed").astype(object)
        text = text + ("; " if number else "") + f"{entry.name}: " + source
    return text


def _stability(
    codes: npt.NDArray[np.int64], drawn: npt.NDArray[np.int64] | None, n_classes: int
) -> dict[str, Any]:
    if drawn is None:
        return {"n_draws": 0, "class_draw_share": pd.NA, "entropy_bits": pd.NA}
    shares = _class_shares(drawn, n_classes)
    own = np.take_along_axis(shares, np.maximum(codes, 0)[None, :], axis=0)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        bits = -np.nansum(np.where(shares > 0, shares * np.log2(shares), 0.0), axis=0)
    unknown = codes == UNKNOWN
    return {
        "n_draws": len(drawn),
        "class_draw_share": _masked(own, unknown),
        "entropy_bits": _masked(np.maximum(bits, 0.0), unknown),
    }


def _masked(values: Floats, unknown: npt.NDArray[np.bool_]) -> pd.arrays.FloatingArray:
    return pd.arrays.FloatingArray(np.where(unknown, 0.0, values), unknown.copy())


def _class_shares(drawn: npt.NDArray[np.int64], n_classes: int) -> Floats:
    """Share of draws per class (rows) and tract (columns)."""
    return np.stack([(drawn == code).mean(axis=0) for code in range(n_classes)])


def _draw_table(spec: Index, tracts: pd.DataFrame, drawn: npt.NDArray[np.int64] | None) -> pd.DataFrame:
    if drawn is None:
        return schema.conform(_keys(spec, tracts).iloc[:0], "pressure_draws")
    shares = _class_shares(drawn, len(spec.classes) + 1)
    parts = [
        _keys(spec, tracts).assign(pressure_class=entry.name, class_draw_share=share, n_draws=len(drawn))
        for entry, share in zip(_classes(spec), shares, strict=True)
    ]
    return schema.conform(pd.concat(parts, ignore_index=True), "pressure_draws")


def _parts(spec: Index) -> list[tuple[str, str, float]]:
    """Parts of the score: (input, step, weight); none if the score is no mean of single inputs."""
    steps = {step.name: step for step in spec.steps}
    top = steps.get(spec.score or "")
    if top is None or top.verb != "mean":
        return []
    weights = np.asarray(top.options.get("weights", [1.0] * len(top.of)), dtype=float)
    named = {entry.name for entry in spec.inputs}
    parts = []
    for name, weight in zip(top.of, weights / weights.sum(), strict=True):
        source = steps[name].of[0] if name in steps else name
        parts.append((source if source in named else name, name, float(weight)))
    return parts


def _contributions(spec: Index, tracts: pd.DataFrame, values: Mapping[str, Floats]) -> pd.DataFrame:
    parts = [
        _keys(spec, tracts).assign(
            input_name=source,
            input_value=values[source],
            input_moe=floats(tracts, f"{source}_moe"),
            input_place=values[step],
            input_weight=weight,
            input_contribution=weight * values[step],
        )
        for source, step, weight in _parts(spec)
    ]
    frame = pd.concat(parts, ignore_index=True) if parts else _keys(spec, tracts).iloc[:0]
    numbers = frame.select_dtypes("float").columns
    return schema.conform(
        frame.assign(**{name: frame[name].convert_dtypes() for name in numbers}), "pressure_inputs"
    )


def _reasons(
    spec: Index, tracts: pd.DataFrame, values: Mapping[str, Floats], codes: npt.NDArray[np.int64]
) -> npt.NDArray[np.object_]:
    """Say in words what is behind each class, input by input."""
    text = np.full(len(tracts), "", dtype=object)
    meaning = {entry.name: entry.meaning for entry in spec.inputs}
    for source, step, _weight in _parts(spec):
        place = np.char.mod("%.0f", 100 * np.where(np.isnan(values[step]), 0, values[step])).astype(object)
        lead = np.where(text == "", "Place from 0 to 100, 100 pressing most: ", "; ")
        text = text + lead + meaning.get(source, source) + " " + place
    if not _parts(spec):
        text = np.full(len(tracts), spec.formula, dtype=object)
    missing = _missing(spec, values, len(tracts))
    gap = np.where(missing == "", "a change or ratio cannot be formed", "input " + missing + " missing")
    return np.where(codes == UNKNOWN, "not classifiable: " + gap, text)
