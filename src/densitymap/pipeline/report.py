"""Briefs from the tables of the last build: one place, every place, and the check of a file made before."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from densitymap import __version__, params
from densitymap.errors import DensitymapError, MissingDataError, UsageError, ValidationError
from densitymap.maps.words import Words
from densitymap.pipeline import workspace
from densitymap.pipeline.brief import Shelf, gather, places
from densitymap.pipeline.workspace import Workspace
from densitymap.reports import index, page, pdf, phrases, seal
from densitymap.reports.brief import compose

FORMATS = ("html", "pdf")
FOLDER = "reports"
DIFFERENCES = {
    "lock": "the lock of its data",
    "version": "the version that made it",
    "content": "its content: it was edited, or other code or catalogue made it from the same data",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What is asked for: which scenarios beside today's rules, in which language, in which forms, where to.

    Where none is asked for, a plan of the last build stands beside today's, without what `compare` says.
    """

    scenarios: tuple[str, ...] = ()
    language: str = "en"
    formats: tuple[str, ...] = FORMATS
    folder: Path | None = None


def report(space: Workspace, place: str, order: Order) -> dict[str, Any]:
    """Write the brief of one place.

    Returns
    -------
    dict
        ``place``, ``files``, ``lots``, ``lang``, ``scenario`` (the first plan), ``scenarios``
        (today's rules first), ``lock_hash``.

    Raises
    ------
    UsageError
        If the place, the scenario, the language or a format is unknown: the nearest is suggested.
    MissingDataError
        If nothing was built, or the place lies outside the area built.
    """
    shelf, say = _ready(space, order)
    return _write(shelf, place, order, say)


def report_all(
    space: Workspace, order: Order, *, progress: Callable[..., None] = lambda *_: None
) -> dict[str, Any]:
    """Write the brief of every neighborhood and NPU of the area, and an index page.

    One that fails does not lose the others: it is told in the index and in the answer.

    Returns
    -------
    dict
        ``index``, ``briefs`` (each as :func:`report`) and ``failed`` (place and why).

    Raises
    ------
    UsageError
        If nobody has reviewed the translation: such a brief is made one by one, never in a batch.
    """
    shelf, say = _ready(space, order)
    if not say.reviewed:
        raise UsageError(
            f"The translation {order.language!r} has not been reviewed: it is not made in a batch",
            next_step=f"one place at a time: densitymap report PLACE --lang {order.language}",
        )
    found = places(shelf)
    made, failed, fonts = [], [], pdf.fonts() if "pdf" in order.formats else None
    for number, (name, text) in enumerate(found):
        progress(f"Brief of {name}")
        progress(number, len(found))
        try:
            made.append(_write(shelf, text, order, say, font_config=fonts))
        except DensitymapError as fault:
            failed.append({"place": name, "why": str(fault)})
        except Exception as fault:  # noqa: BLE001 (one brief's bug must not lose the others; it is told)
            failed.append({"place": name, "why": f"a bug in densitymap: {type(fault).__name__}: {fault}"})
    path = _folder(space, order) / "index.html"
    workspace.write_text(path, index.render(shelf.build["area"], made, failed, say))
    return {"index": str(path), "briefs": made, "failed": failed}


def _ready(space: Workspace, order: Order) -> tuple[Shelf, Words]:
    """Check what is asked before anything is read that takes time; take the plans from the shelf."""
    say = phrases.load(order.language)
    for form in order.formats:
        if form not in FORMATS:
            raise UsageError(
                f"There is no format {form!r}.{params.nearest(form, FORMATS)}",
                next_step=f"known: {', '.join(FORMATS)}",
            )
    if not order.formats:
        raise UsageError("No format was named", next_step="--format html,pdf")
    if "pdf" in order.formats:
        pdf.engine()
    shelf = Shelf(space)
    if order.scenarios:
        shelf.compare(order.scenarios)
    else:
        shelf.plans = (_scenario(shelf),)
    return shelf, say


def _scenario(shelf: Shelf) -> str:
    """The scenario set beside today where none is asked for: the first that is asked the same question."""
    built = shelf.build["policies"]
    today, *others = built
    same = (name for name in others if built[name]["question"] == built[today]["question"])
    return next(same, others[-1] if others else today)


def _folder(space: Workspace, order: Order) -> Path:
    return order.folder or space.maps / FOLDER


def slug(name: str) -> str:
    """A file name made of plain letters, whatever the place is called; two places never share one.

    Examples
    --------
    >>> slug("The Villages at East Lake"), slug("NPU N"), slug("../<b>")[:2]
    ('the-villages-at-east-lake', 'npu-n', 'b-')
    """
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    whole = plain and plain == name.lower().replace(" ", "-")
    return plain if whole else f"{plain or 'place'}-{workspace.hash_of(name)[:6]}"


def _write(shelf: Shelf, place: str, order: Order, say: Words, *, font_config: Any = None) -> dict[str, Any]:
    given = gather(shelf, place, say)
    content, mark = compose(given, say), seal.pack(_facts(shelf, place, order))
    chosen = ["-vs-".join(map(slug, shelf.plans))] if order.scenarios else []
    parts = [slug(given.place), *chosen, *_tail(order)]
    files = {}
    for form in order.formats:
        path = _folder(shelf.space, order) / ".".join([*parts, form])
        made = lay_out(content, say, mark, form=form, font_config=font_config)
        workspace.write_atomically(path, partial(Path.write_bytes, data=made))
        files[form] = str(path)
    return {
        "place": given.place,
        "kind": "npu" if given.place.startswith("NPU ") else "neighborhood",
        "files": files,
        "lots": len(given.lots),
        "lang": order.language,
        "scenario": given.plan.name,
        "scenarios": [policy.name for policy in given.policies],
        "lock_hash": given.lock_hash,
    }


def _tail(order: Order) -> list[str]:
    return [] if order.language == phrases.FALLBACK else [order.language]


def _facts(shelf: Shelf, place: str, order: Order) -> dict[str, str]:
    """What a brief is made from, all of it: the same facts give the same bytes."""
    return {
        "place": place,
        "scenarios": json.dumps(order.scenarios),
        "lang": order.language,
        "lock": shelf.build["lock_hash"],
        "version": __version__,
    }


def _ordered(facts: Mapping[str, str], form: str) -> Order:
    """The order that :func:`_facts` were told of."""
    return Order(scenarios=tuple(json.loads(facts["scenarios"])), language=facts["lang"], formats=(form,))


def lay_out(
    content: Mapping[str, Any], say: Words, mark: str, *, form: str, font_config: Any = None
) -> bytes:
    """One brief as the bytes of a web page or a PDF; ``mark`` is its seal."""
    if form == "pdf":
        return page.paper(content, say, seal=mark, font_config=font_config)
    return page.web_page(content, say, seal=mark).encode()


def check(space: Workspace, file: Path) -> dict[str, Any]:
    """Say whether a file made before still matches the workspace, by making it again.

    Returns
    -------
    dict
        ``file``, ``matches``, ``made_from`` (the seal) and ``differs``: each reason in words.

    Raises
    ------
    MissingDataError
        If the file is not there, or nothing was built.
    ValidationError
        If the file carries no seal of ours.
    """
    if not file.is_file():
        raise MissingDataError(f"{file} is not there", next_step="check the path")
    content = file.read_bytes()
    facts = seal.unpack(content)
    if facts is None or not set(seal.FIELDS) <= set(facts):
        raise ValidationError(
            f"{file.name} carries no seal of a report: it was not made by `densitymap report`",
            next_step="check a .html or .pdf that `densitymap report` wrote",
        )
    differs = _differences(space, facts, content)
    return {"file": str(file), "matches": not differs, "made_from": facts, "differs": differs}


def _differences(space: Workspace, facts: Mapping[str, str], content: bytes) -> list[str]:
    """Why a file is not what this workspace gives: older data, another version, or another content."""
    now = {"lock": Shelf(space).build["lock_hash"], "version": __version__}
    told = [
        f"{DIFFERENCES[name]}: {facts[name][:12]}, now {new[:12]}"
        for name, new in now.items()
        if facts[name] != new
    ]
    if told:
        return told
    form = "pdf" if content.startswith(b"%PDF") else "html"
    shelf, say = _ready(space, _ordered(facts, form))
    composed = compose(gather(shelf, facts["place"], say), say)
    again = lay_out(composed, say, seal.pack(facts), form=form)
    return [] if again == content else [DIFFERENCES["content"]]
