"""A web page of ours as PDF/UA: tagged, titled, in one language, the same bytes each time."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from densitymap.errors import MissingDataError

VARIANT = "pdf/ua-1"


def engine() -> Any:
    """WeasyPrint, or a word on how to get it.

    Raises
    ------
    MissingDataError
        If WeasyPrint, or the Pango library it needs, is not installed.
    """
    try:
        import weasyprint  # noqa: PLC0415 (an extra, loaded only when a PDF is asked for)
    except ModuleNotFoundError as fault:
        raise MissingDataError(
            "PDF needs WeasyPrint, which is not installed",
            next_step="pip install densitymap[reports], or use --format html",
        ) from fault
    except OSError as fault:
        raise MissingDataError(
            "PDF needs the Pango library, which is not installed",
            next_step="run `make system`, or use --format html",
        ) from fault
    return weasyprint


def fonts() -> Any:
    """A font configuration; making one is slow, so that a batch makes it once."""
    engine()
    from weasyprint.text.fonts import FontConfiguration  # noqa: PLC0415

    return FontConfiguration()


def lay_out(html: str, *, font_config: Any = None) -> Any:
    """Lay out a page as sheets of paper: WeasyPrint's document, whose ``pages`` can be counted.

    Parameters
    ----------
    html
        A page that passed :func:`densitymap.reports.audit.check`; a file outside it is an error.
    font_config
        From :func:`fonts`.

    Raises
    ------
    MissingDataError
        If WeasyPrint is not installed.
    """
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    inside_only = engine().urls.URLFetcher(allowed_protocols={"data"}, fail_on_errors=True)
    page = engine().HTML(string=html, url_fetcher=inside_only)
    return page.render(font_config=font_config, pdf_variant=VARIANT)


def write(document: Any, *, name: str) -> bytes:
    """Write laid-out sheets as PDF/UA.

    Parameters
    ----------
    document
        From :func:`lay_out`.
    name
        Text the file's identifier is drawn from: the same text, the same identifier.
    """
    identifier = hashlib.sha256(name.encode()).digest()[:16]
    return bytes(
        document.write_pdf(
            pdf_variant=VARIANT, pdf_identifier=identifier, pdf_tags=True, custom_metadata=True
        )
    )
