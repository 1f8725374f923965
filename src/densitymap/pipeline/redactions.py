"""What somebody asked to be left out of every output, read from the workspace."""

from __future__ import annotations

import pandas as pd

from densitymap.parcels import redact
from densitymap.pipeline.tables import read_text_table
from densitymap.pipeline.workspace import Workspace


def redactions(space: Workspace) -> pd.DataFrame | None:
    """What somebody asked to be left out (``data/corrections/redact.csv``), if there is a list."""
    path = space.root / "data" / "corrections" / "redact.csv"
    return (
        redact.check(read_text_table(path), where="data/corrections/redact.csv") if path.is_file() else None
    )
