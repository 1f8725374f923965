"""Rents, by channel: how many low-income moves an added home avoids, and how far rents and reach move.

Three accounts of one mechanism that the literature does not reconcile: regional, local, adverse. Each is a
scenario of its own, never averaged with another. Vacancy chains are the other view of the regional one
and are not computed beside it. Source: the project's displacement reference, sections 4 and 5.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from densitymap.geometry import Floats
from densitymap.scenarios.ledger import record

CHANNELS = ("regional", "local", "adverse")
_MEAN_OF_LINEAR = 1 / 3
"""Mean over a disc of an effect that falls linearly from its centre to none at its edge."""


def moves_avoided_per_home(drawn: Mapping[str, Floats]) -> dict[str, Floats]:
    """Low-income renter moves avoided in ten years per net home, by channel and draw (rho).

    ``regional = s (x / r) eta``: the share of low-income renters, times excess moves per log rent, times
    the region's rent response; the size of the region falls out. ``local = theta/3 R d0 10 / n``: the
    relief next to a project of ``n`` homes, averaged over the disc, of the displacement of ten years.
    ``adverse = - (x / r) ln(1 + b) R a / n``.

    Examples
    --------
    >>> from densitymap.scenarios.beliefs import beliefs
    >>> point = {name: np.array([belief.default]) for name, belief in beliefs().items()}
    >>> {name: round(float(value[0]), 3) for name, value in moves_avoided_per_home(point).items()}
    {'regional': 0.022, 'local': 0.439, 'adverse': -0.003}
    """
    per_rent = drawn["excess_moves"] / drawn["rent_rise_behind"]
    near, project = drawn["local_low_income_renters"], drawn["local_homes_per_project"]
    years = float(record()["horizon_years"])
    local = (
        drawn["local_displacement_effect"] * _MEAN_OF_LINEAR * near * drawn["local_displacement_rate"] * years
    )
    adverse = per_rent * np.log1p(drawn["adverse_rent_rise"]) * near * drawn["adverse_reach_share"]
    return {
        "regional": drawn["region_low_income_renter_share"] * per_rent * drawn["region_rent_elasticity"],
        "local": local / project,
        "adverse": -adverse / project,
    }


def exposed(drawn: Mapping[str, Floats], here: Floats) -> dict[str, Floats]:
    """Low-income renter households each channel's stock is a part of, before the direct ledger's are out.

    Regional: those of the region. Local and adverse: ``here``, those of the area, as the households within
    1.5 km of a project are taken to be displaced as often as the area's.
    """
    region = drawn["region_low_income_renter_share"] * drawn["region_homes"]
    return {"regional": region, "local": here, "adverse": here}


def avoided(drawn: Mapping[str, Floats], net: Floats, direct: Floats, here: Floats) -> dict[str, Floats]:
    """Moves avoided by net homes, by channel: the direct ledger's households are out of the stock first.

    The share of the stock that is out hangs on no size of area: a city's direct displacement is set against
    the city's low-income renters, not against those around one project.

    Homes that a land trust or a purchase holds stay in the stock: of what rents do there only the relief of
    added homes is told here, so that to take them out would count held rents as a harm (fewer moves avoided).
    The rise they are held against comes of demand, which is equal in all scenarios; it is not counted.

    Parameters
    ----------
    drawn
        Beliefs by draw.
    net, direct
        Net homes and directly displaced households by draw.
    here
        Low-income renter households of the area on lots such as the direct ledger counts, by draw.
    """
    per_home, stock = moves_avoided_per_home(drawn), exposed(drawn, here)
    return {
        name: per_home[name] * net * np.clip(1 - direct / np.maximum(stock[name], 1.0), 0.0, 1.0)
        for name in CHANNELS
    }


def demand_moves(drawn: Mapping[str, Floats]) -> Floats:
    """Moves that the region's unmet demand brings by rents, whatever is built here."""
    per_home = moves_avoided_per_home(drawn)["regional"]
    return np.asarray(per_home * drawn["region_unmet_demand"])


def log_rent_per_home(drawn: Mapping[str, Floats]) -> dict[str, Floats]:
    """Mean change of log rent of the area's rented homes per net home, by channel.

    The region's stock is set against homes of the whole region; a project reaches the homes near it only.
    """
    region = -drawn["region_rent_elasticity"] / drawn["region_homes"]
    near = drawn["homes_within_reach"] / drawn["local_homes_per_project"]
    return {
        "regional": region,
        "local": -drawn["local_rent_effect"] * _MEAN_OF_LINEAR * near,
        "adverse": np.log1p(drawn["adverse_rent_rise"]) * drawn["adverse_reach_share"] * near,
    }


def out_of_reach(
    drawn: Mapping[str, Floats], net: Floats, rented: Floats, taken: Mapping[str, Floats]
) -> dict[str, Floats]:
    """Lettings of ten years that go out of reach (or come back, below 0) by net homes, by channel.

    Parameters
    ----------
    drawn
        Beliefs by draw.
    net
        Net homes by draw.
    rented
        Rented homes on lots of one to four homes in the area, by draw.
    taken
        Homes of the direct and market ledgers by channel: their turnover is not counted again.
    """
    years = float(record()["horizon_years"])
    change = log_rent_per_home(drawn)
    per_rent = drawn["renter_move_rate"] * years * drawn["reach_lost_per_rent"]
    return {name: per_rent * np.maximum(rented - taken[name], 0.0) * change[name] * net for name in CHANNELS}


def demand_out_of_reach(drawn: Mapping[str, Floats], rented: Floats) -> Floats:
    """Lettings out of reach by the region's unmet demand: equal in all scenarios."""
    years = float(record()["horizon_years"])
    rise = drawn["region_rent_elasticity"] * drawn["region_unmet_demand"] / drawn["region_homes"]
    return np.asarray(drawn["renter_move_rate"] * years * drawn["reach_lost_per_rent"] * rented * rise)
