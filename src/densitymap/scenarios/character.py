"""Each building template on each lot beside the houses of its block face, under a policy."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import shapely

from densitymap.capacity.block_face import beside_neighbours, houses_on_lots, load_face_rules
from densitymap.capacity.character import MEASURES
from densitymap.capacity.rules import load_buildings
from densitymap.capacity.survey import Survey
from densitymap.geometry import require_same_crs
from densitymap.parcels.derived import LOT, roles_of
from densitymap.parcels.derived_rules import load_rules as load_derived_rules
from densitymap.scenarios.policy import Policy
from densitymap.zoning.standards import standards_for


def character(
    parcels: gpd.GeoDataFrame, surveyed: Survey, buildings: gpd.GeoDataFrame | None, policy: Policy
) -> pd.DataFrame:
    """Compare height, footprint, width and front yard of every template with the block face.

    Parameters
    ----------
    parcels
        Table ``parcels`` in the city's plane.
    surveyed
        Their survey, in the same order (``ground_of_parcels(...).survey``).
    buildings
        Layer ``buildings`` in the same plane, or None where it is not loaded: then all is unknown.
    policy
        Whose front yards a new building would stand at.

    Returns
    -------
    DataFrame [character]
        One row per lot and template. Measures, not a verdict: nothing is refused for it.

    Raises
    ------
    CRSError
        If lots and buildings are in different systems.
    """
    rules = load_face_rules()
    houses = houses_on_lots(parcels, surveyed, _mains(parcels, buildings), rules)
    standards = standards_for(parcels, policy, uses=("house",)).drop_duplicates("parcel_id")
    yard = standards.set_index("parcel_id")["setback_front_ft"].reindex(parcels["parcel_id"])
    lots = parcels[["parcel_id", "site_address"]].assign(setback_front_ft=yard.to_numpy())
    return beside_neighbours(pd.DataFrame(lots), houses, load_buildings(), rules)


def told(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Count the words of each measure, over all lots and templates."""
    counts = {measure: table[f"{measure}_beside_face"].value_counts() for measure in MEASURES}
    return {measure: {str(word): int(n) for word, n in found.items()} for measure, found in counts.items()}


def _mains(parcels: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame:
    """Main buildings near the lots: sheds, garages and parts of others left out."""
    if buildings is None:
        return gpd.GeoDataFrame({"storeys": []}, geometry=[], crs=parcels.crs)
    require_same_crs(parcels, buildings, where="character(parcels, buildings)")
    around = shapely.box(*parcels.total_bounds)
    return buildings[(roles_of(buildings, around, load_derived_rules()) == LOT).to_numpy()]
