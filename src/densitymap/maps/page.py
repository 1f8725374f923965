"""The page: our own folium map, in one file that asks nothing of any network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from html import escape
from importlib import metadata
from pathlib import Path

import folium
from branca.element import CssLink, Element, JavascriptLink, MacroElement
from jinja2 import Environment, Template
from markupsafe import Markup

from densitymap import params
from densitymap.errors import ValidationError
from densitymap.maps import assets, difference, layers, pack, speak, static, words
from densitymap.maps.content import MapInput, check

METHOD = ("law", "maybe", "fits", "pressure", "definitions", "no_person", "privacy")
"""What the page says of how it was made, in order."""

SCRIPTS = ("unpack.js", "canvas.js", "symbols.js", "find.js", "app.js", "card.js", "tools.js")

_FIGURE = Template(assets.own("figure.html"))


class OfflineMap(folium.Map):  # type: ignore[misc]
    """A folium map whose page holds everything it needs.

    Children of folium's own (a circle, a line) can be added before :meth:`to_html`. Text given to
    folium popups, tooltips and names can run as script in folium 0.20: this map uses none of them.

    Parameters
    ----------
    title
        Title of the page.
    say
        The reader's language.
    label
        What a screen reader says of the map.
    body
        HTML of the page, with ``<!--map-->`` where the map goes; text in it is already escaped.
    """

    default_js: list[tuple[str, str]] = []  # noqa: RUF012 (folium's own attribute)
    default_css: list[tuple[str, str]] = []  # noqa: RUF012
    _template = Template(assets.own("map.html"))

    def __init__(self, *, title: str, say: words.Words, label: str, body: str = "<!--map-->") -> None:
        super().__init__(tiles=None)
        self.body = body
        self._written: str | None = None
        self.zoom_titles = {"zoomInTitle": say("map.zoom_in"), "zoomOutTitle": say("map.zoom_out")}
        leaflet = assets.leaflet()
        self.styles = leaflet["css"] + assets.own("page.css")
        self.library = (
            _script(leaflet["js"]) + "\n" + "\n".join(_script(assets.own(name)) for name in SCRIPTS)
        )
        self.label = label
        figure = self.get_root()
        figure.title, figure.language, figure.direction = title, say.language, say.direction
        figure._template = _FIGURE  # noqa: SLF001 (branca offers no other way to own the page)

    def to_html(self) -> str:
        """Write the page; what was added to the map until the first time is in it.

        Raises
        ------
        ValidationError
            If a child asks for a script or style from a network: each address is named.
        """
        if self._written is None:
            figure = self.get_root()
            for child in list(figure._children.values()):  # noqa: SLF001
                child.render()
            _refuse_links(figure)
            _place(next(iter(figure.html._children.values())), self.body)  # noqa: SLF001
            drawn = figure._template.render(this=figure, kwargs={})  # noqa: SLF001
            self._written = _seal(_fix_names(drawn, figure))
        return self._written

    def save(self, outfile: str | Path, **_: object) -> None:
        """Write the page to a file."""
        Path(outfile).write_text(self.to_html(), encoding="utf-8")

    def _repr_html_(self, **_: object) -> str:
        """Show the page in a notebook, in a frame of its own."""
        return Html(self.to_html())._repr_html_()


class PackedLayer(MacroElement):  # type: ignore[misc]
    """All of the map's own layers as one packed child of the map."""

    _template = Template(assets.own("packed.html"))

    def __init__(self, payload: layers.Payload) -> None:
        super().__init__()
        self._name = "PackedLayer"
        self.manifest = _json(payload.manifest)
        self.data = pack.squeeze(payload.body)


def render(content: MapInput, *, language: str = "en", catalog: Path | None = None) -> Html:
    """Give the map of the content as one HTML page: :func:`build_map`, written out.

    Returns
    -------
    str
        The page (a notebook shows it); the same input gives the same bytes.
    """
    return Html(build_map(content, language=language, catalog=catalog).to_html())


def build_map(content: MapInput, *, language: str = "en", catalog: Path | None = None) -> OfflineMap:
    """Give the map of the content as a folium map whose page holds everything it needs.

    Parameters
    ----------
    content
        What to show, in EPSG:2240.
    language
        A file of ``catalog/languages``.
    catalog
        A user's own catalogue, searched first: a language is one file in its ``languages`` folder.

    Returns
    -------
    OfflineMap
        It shows itself in a notebook, and ``save(path)`` writes it; folium layers can be added first.

    Raises
    ------
    ValidationError
        If the content is not complete, telling all that is missing.
    UsageError
        If the language is not known.
    """
    check(content)
    say = words.load(language, extra=catalog)
    content, english = speak.spoken(content, say)
    payload = layers.assemble(content, say, english=english)
    page = OfflineMap(
        title=f"{say('page.synthetic_mark')}: {content.title}" if content.synthetic else content.title,
        say=say,
        label=say("page.map_label", area=content.area_name),
        body=_body(content, payload, say),
    )
    page.add_child(PackedLayer(payload))
    return page


class Html(str):
    """A page as text that a notebook shows by itself, in a frame of its own."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return f'<iframe srcdoc="{escape(self)}" title="map" width="100%" height="700"></iframe>'


def _body(content: MapInput, payload: layers.Payload, say: words.Words) -> str:
    theme = next((theme for theme in payload.manifest["themes"] if theme["id"] == "zoning"), None)
    zones = content.zones.assign(zone_group=layers.zone_groups(content.zones["zone_district"]))
    template = Environment(autoescape=True, trim_blocks=True).from_string(assets.own("body.html"))
    return template.render(
        say=say,
        language=say.language,
        title=content.title,
        area=content.area_name,
        synthetic=content.synthetic,
        reviewed=say.reviewed,
        coverage=content.coverage_sentence,
        credits=static.credits_of(content),
        picture=Markup(static.picture(content, zones, theme, say)),  # noqa: S704 (every text in it is escaped)
        key=theme["classes"] if theme else [],
        difference=difference.sentences(content, say) if content.pair else [],
        method=[say(f"method.{point}") for point in METHOD],
        method_url=_method_url(),
        tables=static.tables(content, say),
        sources=static.sources(content, say),
        doubts=content.doubts,
        lock_hash=content.lock_hash,
        software=params.load("assets", "leaflet")["attribution"],
    )


def _method_url() -> str | None:
    """Where the method is written up: under the documentation the package names; None where it names none."""
    try:
        urls = metadata.metadata("densitymap").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return None
    named = dict(url.split(", ", 1) for url in urls)
    return f"{named['Documentation']}/method.md" if "Documentation" in named else None


def _json(value: object) -> str:
    """JSON that can stand inside a script element, whatever text it holds."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _script(code: str) -> str:
    return code.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _refuse_links(figure: Element) -> None:
    links = [child.url for child in _walk(figure.header) if isinstance(child, (JavascriptLink, CssLink))]
    if links:
        raise ValidationError(
            "A layer added to the map asks for files from a network",
            faults=links,
            next_step="leave it out, or pin the package that holds them in catalog/assets",
        )


class _Placed(Element):  # type: ignore[misc]
    """A finished piece of HTML, never read as a template."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self._html = html

    def render(self, **_: object) -> str:
        return self._html


def _place(part: Element, body: str) -> None:
    """Put the map's own element inside the page's body."""
    parent = part._parent  # noqa: SLF001
    name = next(key for key, child in parent._children.items() if child is part)  # noqa: SLF001
    before, _, after = body.partition("<!--map-->")
    parent._children[name] = _Placed(before + part.render() + after)  # noqa: SLF001


def _walk(element: Element) -> Iterator[Element]:
    yield element
    for child in element._children.values():  # noqa: SLF001
        yield from _walk(child)


def _fix_names(text: str, figure: Element) -> str:
    """Count folium's random identifiers instead, so that the same input gives the same bytes."""
    parts = [*_walk(figure), *_walk(figure.header), *_walk(figure.html), *_walk(figure.script)]
    for place, identifier in enumerate(dict.fromkeys(part._id for part in parts)):  # noqa: SLF001
        text = text.replace(identifier, f"{place:04d}")
    return text


def _seal(text: str) -> str:
    """Allow only the scripts and styles that are in the page, by their hash."""

    def hashes(pattern: str) -> str:
        found = re.findall(pattern, text, re.DOTALL)
        digests = (base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() for code in found)
        return " ".join(dict.fromkeys(f"'sha256-{digest}'" for digest in digests))

    policy = (
        f"default-src 'none'; script-src {hashes('<script>(.*?)</script>')}; "
        f"style-src {hashes('<style>(.*?)</style>')}; img-src data:; base-uri 'none'; form-action 'none'"
    )
    return text.replace("<!--csp-->", f'<meta http-equiv="Content-Security-Policy" content="{policy}">', 1)
