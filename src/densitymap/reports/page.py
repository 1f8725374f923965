"""A brief laid out: one template, filled for a phone or for paper, and let through the gate."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from densitymap import params
from densitymap.maps.words import Words
from densitymap.reports import audit, pdf

ASSETS = files("densitymap.reports") / "assets"
FITS = (0, 1, 2)
"""Sizes of type on paper, largest first."""


def web_page(content: Mapping[str, Any], say: Words, *, seal: str) -> str:
    """Write a brief as one page that asks nothing of any network, nor any script.

    Parameters
    ----------
    content
        From :func:`densitymap.reports.brief.compose`.
    say
        The reader's language.
    seal
        From :func:`densitymap.reports.seal.pack`.

    Raises
    ------
    ValidationError
        If the page lacks a title, an alternative text or a table's headers.
    """
    return _page(content, say, seal=seal, printed=False, fit=0)


def paper(content: Mapping[str, Any], say: Words, *, seal: str, font_config: Any = None) -> bytes:
    """Write a brief as PDF/UA on three sheets at most, in smaller type where there is much to say.

    Parameters
    ----------
    content, say, seal
        As for :func:`web_page`.
    font_config
        From :func:`densitymap.reports.pdf.fonts`.

    Raises
    ------
    MissingDataError
        If WeasyPrint is not installed.
    ValidationError
        As for :func:`web_page`.
    """
    most = params.choice("pages_most", group="reports")
    for fit in FITS:
        page = _page(content, say, seal=seal, printed=True, fit=fit)
        document = pdf.lay_out(page, font_config=font_config)
        if len(document.pages) <= most:
            break
    return pdf.write(document, name=page)


def _page(content: Mapping[str, Any], say: Words, **settings: Any) -> str:
    """Fill the template and let it through the gate."""
    return finished("brief.html", name=content["place"], say=say, **content, **settings)


def finished(asset: str, *, name: str, **blanks: Any) -> str:
    """Fill a template of ours, allow only what is in it, and refuse it if not everyone could read it.

    Raises
    ------
    ValidationError
        Naming every fault of the page.
    """
    filled = template(asset).render(style=Markup(style()), **blanks)  # noqa: S704 (our own file)
    page = sealed(filled)
    audit.check(page, name=name)
    return page


@cache
def template(name: str) -> Template:
    """A template of ours: text put into it is escaped, a missing blank is an error."""
    environment = Environment(autoescape=True, trim_blocks=True, undefined=StrictUndefined)
    return environment.from_string((ASSETS / name).read_text(encoding="utf-8"))


@cache
def style() -> str:
    """The style sheet of web page and paper."""
    return (ASSETS / "brief.css").read_text(encoding="utf-8")


def sealed(page: str) -> str:
    """Allow only our own style sheet and pictures inside the page: nothing else can run or load."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    return page.replace("<!--csp-->", f'<meta http-equiv="Content-Security-Policy" content="{policy}">', 1)
