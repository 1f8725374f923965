"""An ArcGIS service as it describes itself: the layer that is meant, its fields, its limits, its licence."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from densitymap import params
from densitymap.errors import NetworkError, ValidationError
from densitymap.fetch.answers import ask
from densitymap.fetch.http import BrokenAnswerError

_ITEMS = "https://www.arcgis.com/sharing/rest/content/items"
_LONGEST_LICENCE = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """One layer of a service, as the server describes it on this day."""

    name: str
    url: str
    layer_id: int
    fields: Mapping[str, str]
    id_field: str
    page_rows: int
    by_offset: bool
    crs: str | None
    shape: str | None
    edited_ms: int | None
    terms: tuple[str, ...]
    terms_page: str
    notes: tuple[str, ...] = ()


def described(source: Mapping[str, Any], session: Any, *, layer_id: int | None = None) -> Service:
    """Find the layer a source means, and check that it has the source's fields.

    Parameters
    ----------
    source
        A record of ``catalog/sources`` of kind ``arcgis``: ``url`` of the service, ``layer`` (its name, or
        a word of it), ``layer_id`` (a hint: ids drift), ``fields`` it must have.
    session
        Where to ask.
    layer_id
        Hint that takes the place of the source's, where it means several layers.

    Raises
    ------
    NetworkError
        If the service does not answer.
    ValidationError
        If no layer is the one meant, or fields are gone: names the nearest that are there.
    """
    title, base = source["title"], source["url"].rstrip("/")
    service = asked_again(session, base, {}, where=title)
    hint = source.get("layer_id") if layer_id is None else layer_id
    entry, notes = _chosen(service, source.get("layer"), hint, title)
    url = f"{base}/{entry['id']}"
    layer = asked_again(session, url, {}, where=title)
    fields = {str(field["name"]): str(field["type"]) for field in layer.get("fields") or ()}
    _require(fields, source, layer.get("name"))
    item = service.get("serviceItemId") or layer.get("serviceItemId")
    return Service(
        name=str(layer.get("name") or entry.get("name")),
        url=url,
        layer_id=int(entry["id"]),
        fields=fields,
        id_field=_id_field(layer, fields, title),
        page_rows=min(int(layer.get("maxRecordCount") or _page_most()), _page_most()),
        by_offset=_pages_by_offset(layer),
        crs=_system(layer, service),
        shape=layer.get("geometryType"),
        edited_ms=(layer.get("editingInfo") or {}).get("lastEditDate"),
        terms=tuple(filter(None, (layer.get("copyrightText"), service.get("copyrightText")))),
        terms_page=f"{_ITEMS}/{item}" if item else f"{base}/info/iteminfo",
        notes=notes,
    )


def row_count(service: Service, session: Any, *, where: str = "1=1") -> int:
    """Rows of the layer, as the server counts them.

    Raises
    ------
    NetworkError
        If it does not say.
    """
    question = {"where": where, "returnCountOnly": "true"}
    count = asked_again(session, f"{service.url}/query", question, where=service.name).get("count")
    if not isinstance(count, int):
        raise NetworkError(f"{service.name}: the server gives no count")
    return count


def asked_again(session: Any, url: str, question: Mapping[str, str], *, where: str) -> dict[str, Any]:
    """Ask, and again after a broken answer; the last fault is raised."""
    for attempt in range(session.retries):
        try:
            return ask(session, url, question, where=where)
        except BrokenAnswerError:
            session.wait(attempt)
    return ask(session, url, question, where=where)


def licence_of(service: Service, session: Any) -> str | None:
    """What the server says of its licence, in its own words; None where it says nothing."""
    texts: list[Any] = list(service.terms)
    try:
        told = ask(session, service.terms_page, {}, where="licence")
        texts += [told.get("licenseInfo"), told.get("accessInformation")]
    except NetworkError:
        pass  # many servers have no such page; the layer is not refused for it
    plain = [_plain_text(text) for text in texts if isinstance(text, str)]
    return " | ".join(dict.fromkeys(filter(None, plain)))[:_LONGEST_LICENCE] or None


def _chosen(
    service: Mapping[str, Any], name: str | None, hint: int | None, title: str
) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    entries = [*(service.get("layers") or ()), *(service.get("tables") or ())]
    by_id = next((entry for entry in entries if entry.get("id") == hint), None)
    if name is None:
        if by_id is None:
            raise ValidationError(
                f"{title}: the service has no layer {hint}",
                faults=[f"it has {_told(entries)}"],
                next_step="correct `layer_id` in its record of catalog/sources",
            )
        return by_id, (f"taken by its number {hint}: no name of the layer is on record",)
    named = _named(entries, name)
    if len(named) > 1 and by_id is not None and by_id in named:
        named = [by_id]
    if len(named) != 1:
        near = params.nearest(name, [str(entry.get("name")) for entry in entries])
        raise ValidationError(
            f"{title}: {len(named)} layers of the service are named {name!r}.{near}",
            faults=[f"it has {_told(entries)}"],
            next_step="correct `layer` in its record of catalog/sources",
        )
    moved = () if named[0] is by_id else (f"layer {name!r} moved from {hint} to {named[0]['id']}",)
    return named[0], moved


def _told(entries: Iterable[Mapping[str, Any]]) -> str:
    return ", ".join(f"{entry.get('id')} {entry.get('name')!r}" for entry in entries) or "no layers"


def _named(entries: Iterable[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    """Layers of exactly this name; failing that, those whose name holds it."""
    plain = [(_plain_text(str(entry.get("name"))).casefold(), entry) for entry in entries]
    wanted = name.casefold()
    exact = [entry for told, entry in plain if told == wanted]
    return exact or [entry for told, entry in plain if wanted in told]


def _require(fields: Mapping[str, str], source: Mapping[str, Any], name: Any) -> None:
    absent = [field for field in source.get("fields", {}) if field not in fields]
    if absent:
        raise ValidationError(
            f"{source['title']}: the layer {name!r} has changed",
            faults=[f"no field {field!r}.{params.nearest(field, fields)}" for field in absent],
            next_step="correct its record of catalog/sources, and its column map in catalog/cities",
        )


def _id_field(layer: Mapping[str, Any], fields: Mapping[str, str], title: str) -> str:
    named = layer.get("objectIdField")
    typed = [field for field, kind in fields.items() if kind == "esriFieldTypeOID"]
    if named in fields:
        return str(named)
    if typed:
        return typed[0]
    raise ValidationError(f"{title}: the layer has no object id, so its completeness cannot be proved")


def _pages_by_offset(layer: Mapping[str, Any]) -> bool:
    return bool((layer.get("advancedQueryCapabilities") or {}).get("supportsPagination", False))


def _system(layer: Mapping[str, Any], service: Mapping[str, Any]) -> str | None:
    extent = layer.get("extent") or {}
    for holder in (layer.get("sourceSpatialReference"), extent.get("spatialReference"),
                   service.get("spatialReference")):  # fmt: skip
        wkid = (holder or {}).get("latestWkid") or (holder or {}).get("wkid")
        if wkid:
            return f"{'ESRI' if wkid > _LAST_EPSG else 'EPSG'}:{wkid}"
    return None


_LAST_EPSG = 32_767
"""Greatest EPSG code; Esri's own start at 37001 (EPSG's Web Mercator has Esri's number 102100)."""


def _plain_text(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def _page_most() -> int:
    return int(params.choice("arcgis_page_rows", group="http"))
