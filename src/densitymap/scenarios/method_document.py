"""The method and the model card as documents: prose that stands still, tables from the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from densitymap import params
from densitymap.feasibility.priors import Prior
from densitymap.scenarios import protections
from densitymap.scenarios.beliefs import beliefs, channels, extrapolated
from densitymap.scenarios.ledger import NAMES
from densitymap.scenarios.ledger import record as ledgers

_MARKS = {
    "C": "confirmed",
    "R": "computed",
    "V": "two sources",
    "S": "one source",
    "M": "memory",
    "A": "assumed",
}
_METHOD = """# Method

What is reckoned, in the order it is reckoned. Symbols stand in section 7; every number that is a choice
stands in the catalogue with unit and source, and the tables below are printed from it.
`docs/costs_atlanta.md` and `docs/uptake.md` have the costs and the rates.

## 1 What the law allows, and what fits

A scenario is a list of levers on the code; a lever gives a new code and changes none in place. On each
lot the main district's standards bind, and each question has TRUE, MAYBE or FALSE for answer with the
rule that decides: unknown is an answer of its own. *Allowed* asks the law; *fits* asks also whether a
building of a real size stands within yards, coverage, floor area and parking.

## 2 What pays

`RLV = (GDV (1 - c_s - margin) / (1 + phi) - C) / (1 + acquisition)`, and `Delta = RLV - max(V (1 +
premium), B, 0)`, by lot, form, actor and tenure. A form pays where `Delta >= 0`; one let by a developer
needs a yield on cost besides.

## 3 What is expected

Each lot has a yearly rate per process (accessory home, new building, conversion, division, purchase)
that is above zero only where a form pays, rises with the surplus over as-is value, and is shared among
the forms that pay. Under no change the rates of a rebuilt house and of purchases stay. Over ten years
risks compete, so a lot is used once. Given the parameters a draw's expectation is exact; projects around
it are drawn as Poisson numbers by place. `net = homes finished - homes torn down for them`.

## 4 The four ledgers

They count different people over different causes, and are never added.

- `D = sum_i changes_i n_i q_i w (1 - kept)`: changes of lots alike, homes on each, chance that one
  holds a low-income renter household, share who must go by kind of change, share whom protections keep
  where lots are built on (nothing is kept where a house is bought to flip or let). `q / (1 - q) =
  e^beta r l / (1 - r l)`: renters a home `r`, of whom a share `l` is of low income (B25118 of the
  tract), and change may fall on such homes more or less than on others (`beta`, a range that holds 0).
  On a lot of h homes `r = 1 - P / h`; `P = p m_o / (p m_o + (1 - p) m_r)` is the chance that an owner
  lives there, with the bill's address as evidence (Bayes' rule; 1 - m where the bill goes elsewhere, p
  alone where nobody knows); `p = min(1, h o)`, and `o` is the share of owners among homes in such
  structures of the tract (B25032); every standing home counts as lived in. A draw's D is what its
  beliefs lead one to expect: the luck of single projects is in homes alone, so D of the places adds up
  to D of the whole. `w` of a purchase is never above that of a division, nor that above a teardown's
  (drawn together), so no net loss never raises D in any draw.
- `I_c = -rho_c net (1 - D / S_c)`: moves as rents change, channel by channel; D's households are out of
  the stock first, in the share they are of the region's low-income renters or (local, adverse) of the area's.
- `T = sum owners F(((tax_10 / y^10) - tax_0) / 0.02)`: owners whose yearly tax rises by more than two points
  of income, `F` being the tract's owners by income (B25118); `tax_t = sum over levies max(A_t - exempt, 0)
  mills / 1000`; `A_10 = min(A_0 v^10 (1 + u), A_0 (1 + cap)^10)`, `u` on lots that the reform reaches; exits
  apart.
- `E_c = m 10 b (R - taken_c) dlnR_c net`: lettings out of reach, on turnover other than that of D and I.
  `dlnR_regional = -eta / H`; `dlnR_local = -(lambda / 3) k / n_p`; `dlnR_adverse = ln(1 + b_low) a k / n_p`.

`rho_regional = s (x / r) eta`; `rho_local = (theta / 3) R_n d_0 10 / n_p`; `rho_adverse = -(x / r) ln(1
+ b_low) R_n a / n_p`. Vacancy chains are another view of the regional channel and are not computed
beside it.

## 5 Break-even

`rho* = Delta D / Delta net`, told as the set of draws and only where the 90 % band of `Delta net` lies
above 0; never a mean of ratios. `Delta D <= 0` with more homes needs none, and so does each draw in which
that holds: their share is told. "Share of model runs better, given channel c" is the share of draws with
`-Delta I_c > Delta D` (relief above added direct displacement): no probability, never pooled over channels.

## 6 Frontier and explanation

A choice `x_pk` in {0, 1} gives each place p one package k or none: `sum_k x_pk = 1`. Levers bound to a
place change its lots alone, so `N(x) = sum x_pk N_pk`, and likewise D and cost. For each bound e:

`max N(x)  subject to  D(x) <= e,  cost(x) <= budget`, then `min D(x)` for as many homes, then `min
cost(x)`,

exactly (mixed-integer programme, HiGHS, no gap). `N_pk`, `D_pk` are means over the runs places are
chosen on. Choosing the best of many flatters it (the winner's curse), so every point is scored on as
many fresh runs; both are told, points that fresh runs show beaten are dropped, and points whose 90 %
band of the paired difference holds 0 in homes and in displacement are ties. Race enters nowhere. Homes
and D hang on no channel, so channels share their choices and differ in ledgers I and E, shares of runs
and costs per move. `programme cost per modelled low-income move avoided` is the set of draws of `cost /
moves`, where moves avoided lie above 0 in 95 % of runs; borrowed effect, a range. What is not additive
stays outside: owner stress and projects that compete across places. By zone, a lot counts in the
district of its largest part. Fresh runs share the model: they cure choosing on luck, not a wrong model.

An explanation tries each lever twice, alone on the scenario one starts from and left out of the one one
ends at; where the two differ, levers work together, and neither is the lever's share.

## 7 Symbols

| symbol | meaning |
|---|---|
| RLV, GDV, C | residual land value; value when done; cost without land [USD] |
| V, B | as-is value; best bid under today's law [USD] |
| c_s, phi | sale cost; finance as a share of cost |
| N, net | homes beyond no change; homes finished less torn down |
| D, I, T, E | the ledgers: direct, market, owner stress, exclusion |
| n, q, w | homes on a lot; chance of a low-income renter household; share who must go |
| m_o, m_r, beta | chance of a bill sent home where the owner lives there, and where not; log odds of change |
| A, v, u, y | assessed value; its factor of growth a year; the reform's own effect on it; that of incomes |
| rho_c, rho* | low-income moves avoided per net home by channel; the break-even |
| s, x / r, eta | low-income renter share of the region; excess moves per log rent; rent response to stock |
| theta, R_n, d_0, n_p | local effect; low-income renters near; their displacement a year; homes per project |
| S_c, R, m, b | low-income renters of region or area; rented homes; moves a year; reach lost per log rent |
| b_low, a | rise of bottom rents near new buildings; share of the area it reaches |
| H, lambda, k | homes of the region; local effect on log rent; share of rented homes near a new building |
"""
_CARD = """# Model card

## What it is for

Setting scenarios of zoning and protection side by side for an area, with ranges. It is not for judging a
household, an owner or one lot's future: no tenure, profit or displacement score of a lot is ever
written.

## What is data

Lots, zoning, buildings, streets, sales and permits where loaded; ACS tables B25032 and B25118 with their
margins; 2020 blocks; tracts of 1990 to 2018 for the back-test. What is not loaded is named under
`not_computable`, never made up.

## What it cannot say

- Who is displaced. A falling count of low-income households mixes moves out, rising incomes and blocked
  entry; persons need address histories.
- Which rent channel holds. Three accounts are told apart; the data here cannot choose among them.
- What happens beyond ten years, or if the region's demand changes: demand is equal in all scenarios.
- Whether triplexes do to rents what large buildings were seen to do: that is extrapolation, marked so.
- Whether legal text says what a catalogue record says where its section is unread.
- How displacement tends at the centre: see `docs/backtest.md`, where distance to downtown alone does
  nearly as well.
"""


def method() -> str:
    """The method, in Markdown."""
    parts = [_METHOD, "\n## 8 Beliefs of the ledgers\n", *_beliefs(beliefs().values())]
    parts += ["\n## 9 Protections\n", *_protections(), "\n## 10 Choices of the frontier\n", *_choices()]
    return "\n".join(parts) + "\n"


def model_card() -> str:
    """The model card, in Markdown."""
    assumed = [one for one in beliefs().values() if one.mark in ("A", "M")]
    borrowed = [one for one in beliefs().values() if one.mark not in ("A", "M")]
    parts = [_CARD, "\n## What each ledger counts\n", *_ledgers(), "\n## Channels\n", *_channels()]
    parts += ["\n## What is borrowed\n", *_beliefs(borrowed), "\n## What is assumed or from memory\n"]
    parts += [*_beliefs(assumed), "\n## Borrowed from other buildings\n", *_extrapolated()]
    return "\n".join(parts) + "\n"


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> list[str]:
    return [_row(*head), "|" + "---|" * len(head), *(_row(*row) for row in rows)]


def _beliefs(chosen: Iterable[Prior]) -> list[str]:
    head = ("belief", "default", "10 % to 90 %", "unit", "sure", "source")
    return _table(
        head,
        [
            (f"`{one.name}`", f"{one.default:,g}", f"{one.low:,g} to {one.high:,g}", one.unit,
             _MARKS.get(one.mark, one.mark), one.cite)
            for one in chosen
        ],
    )  # fmt: skip


def _protections() -> list[str]:
    return _table(
        ("protection", "number", "default", "low to high", "unit", "sure", "source"),
        [
            (record["title"], f"`{name}`", f"{one['value']:,g}", f"{one['low']:,g} to {one['high']:,g}",
             one["unit"], _MARKS.get(one["mark"], one["mark"]), one["cite"])
            for record in protections.kinds().values()
            for name, one in record["parameters"].items()
        ],
    )  # fmt: skip


def _choices() -> list[str]:
    record: Mapping[str, Any] = params.load("frontier", "choices")
    chosen = {name: one for name, one in record.items() if isinstance(one, Mapping) and "value" in one}
    return _table(
        ("choice", "value", "unit", "source"),
        [(f"`{name}`", f"{one['value']:,g}", one["unit"], one["cite"]) for name, one in chosen.items()],
    )


def _ledgers() -> list[str]:
    return _table(
        ("ledger", "unit", "of whom", "bear in mind"),
        [
            (one["title"], one["unit"], one["population"], one["caveat"])
            for one in (ledgers()[n] for n in NAMES)
        ],
    )


def _channels() -> list[str]:
    return _table(
        ("channel", "in words", "reads", "sign", "evidence"),
        [
            (name, *(one[key] for key in ("title", "reads", "sign", "extrapolation")))
            for name, one in channels().items()
        ],
    )


def _extrapolated() -> list[str]:
    return [f"- `{name}`: seen on {text}" for name, text in extrapolated().items()]
