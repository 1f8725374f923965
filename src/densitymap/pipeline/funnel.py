"""Stage 4, feasibility: the funnel of every policy, written by area; never per lot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from densitymap import params, schema
from densitymap.capacity.rules import load_buildings
from densitymap.city import City
from densitymap.feasibility.costs import Costs, load_costs
from densitymap.feasibility.forms import Terms, terms
from densitymap.feasibility.funnel import STAGES, SUPPOSED, funnel, total_needs, totals, with_pays
from densitymap.feasibility.pays import (
    BOUNDS,
    Worth,
    at_bound,
    bids_today,
    is_residential,
    paying,
    priced,
    told_of,
    worth_of,
)
from densitymap.feasibility.publish import by_area
from densitymap.geometry import Floats
from densitymap.pipeline import workspace
from densitymap.pipeline.layers import Layers
from densitymap.pipeline.place_prices import TABLE, build_places, read_places, sales_marks
from densitymap.pipeline.workspace import Workspace

BASELINE = "no-change"
OUTPUTS = ("feasibility", TABLE)
STAMP = "funnel.json"
LEVELS = {
    "block_group": "block_group_geoid_2020",
    "neighborhood": "neighborhood",
    "npu": "npu",
    "council_district": "council_district",
    "zone_district": "zone_district",
}
"""Areas told of, and the column of the lots that names each."""
_LOT_COLUMNS = [
    "parcel_id", "lot_area_ft2", "existing_units", "existing_floor_area_ft2", "is_built", "digest_class",
    "year_built", "appraised_value_usd", "value_year", "owner_occupied", "county", *LEVELS.values(),
]  # fmt: skip
_FIT_COLUMNS = [
    "parcel_id", "policy", "fit_mode", "fit_type", "form", "units", "units_rent_only", "verdict",
    "binding_rule", "slack_floor_ft2", "slack_coverage_ft2", "slack_fit_ft",
]  # fmt: skip
_ALLOWED_COLUMNS = ["parcel_id", "policy", "units_allowed", "units_certain"]
WORDS = {
    "counts": "lots, and additional homes beyond those that stand; TRUE and MAYBE apart. What is surely "
    "lawful may only perhaps fit, so more may fit in doubt than are lawful in doubt: the sums never rise. "
    "Not a forecast.",
    "assumed": f"where the homes that stand are unknown, beyond one: {SUPPOSED}",
    "allowed": "the largest lawful count on the lot",
    "fits": "the largest count that fits",
    "pays_developer": "the count of the developer's option of the highest decision value, where any pays",
    "pays_owner": "the same for an owner or a nonprofit, whichever is worth more",
    "range": "from the unfavourable to the favourable end of prices, hard costs and what new homes sell for",
    "difference": "a policy's headline is its difference from no change",
}


@dataclass(frozen=True, kw_only=True)
class Market:
    """Prices, costs and today's bids at one end of the range."""

    costs: Costs
    worth: Worth
    today_usd: Floats


def build_funnel(space: Workspace, city: City, layers: Layers) -> list[str]:
    """Bring the funnel of every judged policy to its areas, unless nothing it rests on has changed."""
    judged = workspace.read_json(space.results / "results.json")
    mark = workspace.fingerprint([judged["fingerprint"], "funnel", sales_marks(city, layers)])
    stamp = space.results / STAMP
    if workspace.is_fresh(stamp, mark, [space.results / f"{name}.parquet" for name in OUTPUTS]):
        return []
    names = [BASELINE, *(name for name in judged["summary"]["policies"] if name != BASELINE)]
    if city.code in params.names("costs"):
        costs = load_costs(city.code)
        told_from = build_places(space, city, layers, elasticity=costs["price_size_elasticity"])
        lots = read_lots(space)
        table, told = _judged(space, names, lots, costs)
        told["prices"] |= {**told_from, "lots_by_source": _counts(told_of(lots, costs))}
    else:
        workspace.write_frame(space.results / f"{TABLE}.parquet", schema.conform(pd.DataFrame(), TABLE))
        table, told = schema.conform(pd.DataFrame(), "feasibility"), _without_costs(city.code)
    workspace.write_frame(space.results / "feasibility.parquet", table)
    workspace.write_json(stamp, {"fingerprint": mark, **told})
    return ["funnel"]


def _without_costs(code: str) -> dict[str, Any]:
    needs = not_computable([f"costs of {code}: catalog/costs/{code}.toml"])
    return {"baseline": BASELINE, "words": WORDS, "net_homes": needs, "demolished": needs, "policies": {}}


def _judged(
    space: Workspace, names: list[str], lots: pd.DataFrame, costs: Costs
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Judge every policy: the table by area, and what is told of it."""
    markets: dict[str, Market] = {}
    areas, told = [], {}
    for name in names:
        fits = read_policy(space, "fits", name)
        options = terms(fits, lots, costs, load_buildings())
        markets = markets or markets_of(options, lots, costs)
        stages = funnel(read_policy(space, "allowed", name), fits, lots)
        tables = _tables(stages, options, lots, markets)
        areas.append(
            by_area({bound: _every_level(table, lots) for bound, table in tables.items()}, policy=name)
        )
        told[name] = {bound: totals(table) for bound, table in tables.items()}
    table = pd.concat(areas, ignore_index=True)
    return table, document(told, table, lots, markets["value"])


def read_lots(space: Workspace) -> pd.DataFrame:
    """Read what feasibility asks of the lots, with what they are worth; shapes and addresses are left out."""
    path = space.parcels / "parcels.parquet"
    there = set(pq.read_schema(path).names)
    lots = pd.read_parquet(path, columns=[name for name in _LOT_COLUMNS if name in there])
    return with_prices(lots, space)


def with_prices(lots: pd.DataFrame, space: Workspace) -> pd.DataFrame:
    """Give lots what the prices of their neighbourhoods say of them, in memory.

    Where a neighbourhood has no price, the medians of the costs stand in, and the source says so.
    """
    return priced(lots, read_places(space), elasticity=load_costs()["price_size_elasticity"])


def read_policy(space: Workspace, table: str, policy: str) -> pd.DataFrame:
    """Read one policy's rows of ``fits`` or ``allowed``."""
    columns = _FIT_COLUMNS if table == "fits" else _ALLOWED_COLUMNS
    path = space.results / f"{table}.parquet"
    return pd.read_parquet(path, columns=columns, filters=[("policy", "==", policy)])


def markets_of(today: Terms, lots: pd.DataFrame, costs: Costs) -> dict[str, Market]:
    """Prices, costs and bids under today's law at each end of the range."""
    return {bound: market_of(today, lots, at_bound(costs, bound), bound=bound) for bound in BOUNDS}


def market_of(today: Terms, lots: pd.DataFrame, costs: Costs, *, bound: str = "value") -> Market:
    """Prices and bids at given costs."""
    worth = worth_of(lots, costs, bound=bound)
    return Market(costs=costs, worth=worth, today_usd=bids_today(today, worth, costs))


def _tables(
    stages: pd.DataFrame, options: Terms, lots: pd.DataFrame, markets: Mapping[str, Market]
) -> dict[str, pd.DataFrame]:
    """The funnel by lot at each end of the range; what is allowed and fits does not move with prices."""
    judged = {
        bound: paying(options, lots, market.worth, market.costs, today_usd=market.today_usd)
        for bound, market in markets.items()
    }
    return {bound: with_pays(stages, found.best) for bound, found in judged.items()}


def _every_level(table: pd.DataFrame, lots: pd.DataFrame) -> pd.DataFrame:
    """Totals of the areas of every level."""
    named = {level: lots[column].astype("object") for level, column in LEVELS.items()}
    parts = [
        totals(table, place.where(place.notna(), "no data")).assign(area_level=level)
        for level, place in named.items()
    ]
    return pd.concat(parts, ignore_index=True)


def document(
    told: Mapping[str, Mapping[str, pd.DataFrame]], areas: pd.DataFrame, lots: pd.DataFrame, market: Market
) -> dict[str, Any]:
    """Tell the funnel in JSON: totals where they can be made, rates by zone, and what is missing.

    Parameters
    ----------
    told
        Totals by policy and end of the range.
    areas
        Table ``feasibility``.
    lots
        Table ``parcels``.
    market
        Prices and costs at their defaults.
    """
    needs = total_needs(lots, is_residential(lots))
    needs_prices = (
        [] if (~pd.isna(market.worth.price_usd_per_ft2)).any() else ["a price of any of these places"]
    )
    policies = {
        name: {
            "total": _total(ends, told[BASELINE], needs, needs_prices),
            "by_zone": list(_rates(areas, name)),
        }
        for name, ends in told.items()
    }
    return {
        "baseline": BASELINE,
        "words": WORDS,
        "prices": {
            "source": market.worth.source,
            "lots_priced": int((~pd.isna(market.worth.as_is_usd)).sum()),
        },
        "net_homes": not_computable(needs),
        "demolished": not_computable(needs),
        "policies": policies,
    }


def _counts(told: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Lots by who says what a house sells for there, and what the lot is worth as it stands."""
    named = {"price": told["price_source"], "as_is": told["as_is_source"]}
    return {
        what: {str(source): int(count) for source, count in sources.fillna("no data").value_counts().items()}
        for what, sources in named.items()
    }


def not_computable(needs: list[str]) -> dict[str, Any]:
    """Say whether a figure can be made, and what it needs."""
    return {"computable": not needs, "needs": needs}


def _total(
    ends: Mapping[str, pd.DataFrame],
    base: Mapping[str, pd.DataFrame],
    needs: list[str],
    needs_prices: list[str],
) -> dict[str, Any]:
    if needs:
        return not_computable(needs)
    found: dict[str, Any] = {"computable": True, "needs": []}
    for stage in STAGES:
        if stage.startswith("pays") and needs_prices:
            found[stage] = not_computable(needs_prices)
            continue
        row, before = _row(ends["value"], stage), _row(base["value"], stage)
        low, high = (_most(_row(ends[end], stage)) for end in ("low", "high"))
        found[stage] = {"computable": True, **row, "homes_range": [low, high]}
        found[stage]["difference_from_no_change"] = {
            name: row[name] - before[name] for name in row if name.startswith(("lots_more", "homes_more"))
        }
    return found


def _row(table: pd.DataFrame, stage: str) -> dict[str, int]:
    row = table[table["stage"] == stage].iloc[0]
    return {str(name): int(value) for name, value in row.drop(["place", "stage"]).items()}


def _most(row: Mapping[str, int]) -> int:
    return row["homes_more_true"] + row["homes_more_maybe"]


def _rates(areas: pd.DataFrame, policy: str) -> Iterator[dict[str, Any]]:
    """Rates per sampled lot by district: what can be said where a total cannot."""
    rows = areas[(areas["policy"] == policy) & (areas["area_level"] == "zone_district")]
    for row in rows.sort_values("lots", ascending=False, kind="stable").to_dict("records"):
        if pd.isna(row["lots"]) or row["lots"] == 0:
            continue
        yield {
            "zone_district": row["area_name"],
            "stage": row["stage"],
            "lots": int(row["lots"]),
            "lots_unknown": int(row["lots_unknown"]),
            "label": SUPPOSED if row["lots_assumed"] else None,
            **{
                f"{name}_per_lot": None if pd.isna(row[name]) else round(row[name] / row["lots"], 4)
                for name in ("homes_more_true", "homes_more_maybe", "homes_more_low", "homes_more_high")
            },
        }
