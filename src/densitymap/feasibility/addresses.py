"""House number, street, quadrant and ZIP code of addresses, so that two spellings of a street meet."""

from __future__ import annotations

from functools import cache

import pandas as pd

from densitymap import params

QUADRANTS = ("NE", "NW", "SE", "SW")
_NUMBER = r"(?:^|\s)(\d{1,6})(?:-\d+)?[A-Z]?\s+"
_STREET = _NUMBER + r"([A-Z0-9][A-Z0-9'.\- ]*?)\s*(?:,|#|\(|$|\s(?:APT|UNIT|STE|SUITE|BLDG|LOT)\b)"


@cache
def _suffixes() -> dict[str, str]:
    record = dict(params.load("uptake", "permits")["suffixes"])
    record.pop("cite")
    return {word.upper(): short for word, short in record.items()}


def parts(address: pd.Series) -> pd.DataFrame:
    """Take addresses apart.

    Parameters
    ----------
    address
        Addresses as a permit system or an assessor writes them.

    Returns
    -------
    DataFrame on the same index
        ``number`` (Float64), ``street`` (suffix abbreviated, with quadrant), ``quadrant``, ``zip``;
        missing where the text does not say.

    Examples
    --------
    >>> found = parts(pd.Series(["102 Kirkwood Road NE, ATLANTA, GA 30317", "102 KIRKWOOD RD NE"]))
    >>> found["street"].tolist(), found["zip"].tolist()
    (['KIRKWOOD RD NE', 'KIRKWOOD RD NE'], ['30317', <NA>])
    """
    text = address.astype("string").str.upper().str.strip()
    found = text.str.extract(_STREET)
    street = found[1].str.replace(r"[.']", "", regex=True).str.replace(r"\s+", " ", regex=True).str.strip()
    for word, short in _suffixes().items():
        street = street.str.replace(rf"\b{word}\b", short, regex=True)
    number = pd.to_numeric(found[0], errors="coerce").astype("Float64")
    number = number.mask(number == 0)  # assessors write 0 where a lot has no number
    street = street.mask(street.isin(QUADRANTS) | number.isna())
    quadrant = street.str.extract(rf"\b({'|'.join(QUADRANTS)})$")[0]
    return pd.DataFrame(
        {
            "number": number,
            "street": street,
            "quadrant": quadrant,
            "zip": text.str.extract(r"\b(\d{5})(?:-\d{4})?\s*$")[0],
        },
        index=address.index,
    )
