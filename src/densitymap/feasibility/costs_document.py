"""The costs as a document: what the pro forma sums, and every input with its range and source."""

from __future__ import annotations

from collections.abc import Mapping

from densitymap.feasibility.costs import Cost, Costs

_MARKS = {"V": "two sources", "S": "one source", "M": "memory", "A": "assumption"}
_INTRODUCTION = """
# What pays, and what it is reckoned from

`RLV = (GDV (1 - sale cost - margin) / (1 + phi) - C) / (1 + acquisition)`: the most that can be paid for
a lot. GDV is the value when done (homes sold at the place's price by their size; homes let at net income
over the cap rate), C the cost without land and finance, phi finance as a share of cost:

`phi = loan to cost x (drawn x rate x months / 12 + points)`.

- **Decision value** = RLV - the greatest of the as-is value with the premium, what a builder would pay
  under today's law, and 0. An option *pays* where that is 0 or more: the best form legal today is its own
  alternative, and builders bid land up to it. A builder who lets also needs the cap rate and the spread
  as yield on cost.
- **What is unknown.** Where nobody says what a lot is worth as it stands, vacant or not, `densitymap
  proforma` gives no surplus and no verdict, and says what it needs; a form that leaves less than nothing
  for the land pays at no price. The build's counts set a vacant lot nobody valued against what a builder
  would pay under today's law. Nobody bids less than 0.
- **Who builds.** A developer buys with a premium, asks a margin and sells or lets. An owner keeps the
  land at its as-is value, asks no margin and borrows on the house. A nonprofit asks a fee, has a subsidy
  and sells or lets at affordable prices.
- **A bigger house competes**: a new house is as large as floor area, coverage and yards leave, up to what
  the market pays for.
- **What is supposed.** A house kept on a divided lot loses a share of its value. Each lot of a division
  holds the smallest template. A house is divided into halves that sell at a standing home's price. An
  accessory home that cannot be sold apart is worth its net income over the cap rate. Where nobody knows
  what stands on a lot, one house is supposed and must be torn down to build anew.
- **Shown, never kept.** One lot's sum is computed when asked for (`densitymap proforma`). Files hold
  counts by block group or coarser; where fewer than ten lots are judged, or one to four counted, what
  pays is hidden.

Dollars are of the year stated and are not carried to another year unless `--year` asks for it.
"""


def document(costs: Costs) -> str:
    """Write the document, in Markdown."""
    parts = [_INTRODUCTION, "## Inputs\n", *_table(costs.records)]
    parts += ["\n## Median sale of a house, where no model of prices is loaded\n", *_table(costs.places)]
    parts += ["\n## Index\n", *_table({costs.growth.name: costs.growth})]
    return "\n".join(parts) + "\n"


def _table(records: Mapping[str, Cost]) -> list[str]:
    head = [
        "| input | default | low to high | unit | year | sure | source |",
        "|---|---|---|---|---|---|---|",
    ]
    return head + [
        f"| `{name}` | {cost.value:,g} | {cost.low:,g} to {cost.high:,g} | {cost.unit} | {cost.year} "
        f"| {_MARKS[cost.mark]} | {cost.cite} |"
        for name, cost in records.items()
    ]
