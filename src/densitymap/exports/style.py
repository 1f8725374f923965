"""A QGIS style (QML): one class per word, missing included, aliases on the fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

_KINDS = {"Point": ("marker", "SimpleMarker"), "LineString": ("line", "SimpleLine")}


def qml(style: Mapping[str, Any], kind: str, aliases: Mapping[str, str]) -> str:
    """Write the style of a layer.

    Parameters
    ----------
    style
        ``column`` and ``classes`` (word -> colour) from ``catalog/exports``.
    kind
        Shape of the layer: ``Polygon``, ``LineString``, ``Point`` or their multiples.
    aliases
        Title of each field.
    """
    symbol, layer = _KINDS.get(kind.removeprefix("Multi"), ("fill", "SimpleFill"))
    root = ET.Element("qgis", {"version": "3.22.0", "styleCategories": "Symbology|Fields"})
    renderer = ET.SubElement(
        root, "renderer-v2", {"type": "categorizedSymbol", "attr": style["column"], "enableorderby": "0"}
    )
    categories, symbols = ET.SubElement(renderer, "categories"), ET.SubElement(renderer, "symbols")
    for number, (word, colour) in enumerate([*style["classes"].items(), ("", "#ffffff")]):
        ET.SubElement(
            categories,
            "category",
            {"value": word, "label": word or "no data", "symbol": str(number), "render": "true"},
        )
        one = ET.SubElement(symbols, "symbol", {"type": symbol, "name": str(number), "alpha": "1"})
        drawn = ET.SubElement(one, "layer", {"class": layer, "enabled": "1", "pass": "0"})
        options = ET.SubElement(drawn, "Option", {"type": "Map"})
        for name, value in _options(symbol, colour, missing=not word).items():
            ET.SubElement(options, "Option", {"name": name, "type": "QString", "value": value})
    named = ET.SubElement(root, "aliases")
    for number, (field, title) in enumerate(aliases.items()):
        ET.SubElement(named, "alias", {"field": field, "index": str(number), "name": title})
    return ET.tostring(root, encoding="unicode")


def _options(symbol: str, colour: str, *, missing: bool) -> dict[str, str]:
    rgba = ",".join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5)) + ",255"
    outline = {"outline_color": "90,90,90,255", "outline_width": "0.1", "outline_style": "solid"}
    if symbol == "line":
        return {"line_color": rgba, "line_width": "0.4"}
    if symbol == "marker":
        return {"name": "circle", "size": "1.6", "color": rgba} | outline
    return {"color": rgba, "style": "f_diagonal" if missing else "solid"} | outline
