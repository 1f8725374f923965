"""The brief's charts as SVG: years with margins, the funnel, dumbbells; the same input gives the same bytes.

They read without colour: black, grey, hatch, open and filled dots. matplotlib is in the extra
``charts`` and loaded only here. Data text is never read as mathematics or markup.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from densitymap.errors import MissingDataError
from densitymap.maps.words import Words
from densitymap.reports.change import Point
from densitymap.reports.law import Counts
from densitymap.reports.phrases import outline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PATH = re.compile(r' d="[^"]*"')
_FINE = re.compile(r"(\.\d\d)\d+")
INK, GREY, PALE = "#111111", "#6d6d6d", "#d9d9d9"


@contextmanager
def figure(size: str) -> Iterator[tuple[Any, io.StringIO]]:
    """A figure of the catalogue's size, written as SVG into the buffer when the block ends.

    Raises
    ------
    MissingDataError
        If matplotlib is not installed.
    """
    try:
        from matplotlib import rc_context  # noqa: PLC0415 (an extra, loaded only when a chart is asked for)
        from matplotlib.figure import Figure  # noqa: PLC0415
        from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415
    except ModuleNotFoundError as fault:
        raise MissingDataError(
            "Charts need matplotlib, which is not installed", next_step="pip install densitymap[charts]"
        ) from fault
    style = outline()["chart"]
    settings: Any = {
        "svg.hashsalt": "densitymap",
        "svg.fonttype": "none",
        "hatch.linewidth": 0.5,
        "font.size": style["font_pt"],
        "font.family": "DejaVu Sans",
        "text.parse_math": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    held, raw = io.StringIO(), io.StringIO()
    with rc_context(settings):
        made = Figure(figsize=style["size_in"][size], layout=ConstrainedLayoutEngine(w_pad=style["pad_in"]))
        yield made, held
        made.savefig(raw, format="svg", metadata={"Date": None, "Creator": None})
    held.write(_lean(raw.getvalue()))


def _lean(svg: str) -> str:
    """Keep paths to a hundredth of a point: no printer shows more."""
    return _PATH.sub(lambda path: _FINE.sub(r"\1", path[0]), svg)


def image(svg: str, alt: str) -> dict[str, str]:
    """A picture inside the page; as an image it can run nothing."""
    return {"src": "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode(), "alt": alt}


def short(text: str) -> str:
    """Cut a name that would leave no room for its chart; the table beside it has the whole.

    Examples
    --------
    >>> short("Kirkwood"), short("x" * 99)[-3:], len(short("x" * 99))
    ('Kirkwood', 'xx…', 36)
    """
    plain = "".join(character for character in text if character.isprintable())
    most = outline()["chart"]["name_letters"]
    return plain if len(plain) <= most else plain[: most - 1] + "…"


def years(panels: Sequence[Mapping[str, Any]], say: Words) -> str:
    """Small charts over the years, one per measure, each figure with its margin.

    Parameters
    ----------
    panels
        ``id``, ``form`` (``share`` or ``count``) and ``points``, from :func:`~.change.panels`.
    say
        The reader's language.
    """
    with figure("years") as (made, held):
        all_axes = made.subplots(1, max(len(panels), 1), squeeze=False)[0]
        for axes, panel in zip(all_axes, panels, strict=False):
            _years(axes, panel["points"], scale=100 if panel["form"] == "share" else 1)
            axes.set_title(_wrapped(say(f"change.{panel['id']}")), loc="left", fontsize="small")
    return held.getvalue()


def _wrapped(text: str) -> str:
    """Break a title at its comma, so that narrow charts keep it."""
    return text.replace(", ", ",\n", 1) if ", " in text else text + "\n"


def _years(axes: Axes, points: Sequence[Point], *, scale: int) -> None:
    dated = [(point.middle, point) for point in points if point.middle is not None]
    for middle, point in dated:
        value = point.value * scale
        if point.margin:
            axes.errorbar(middle, value, yerr=point.margin * scale, color=INK, capsize=3, linewidth=1)
        known = point.margin is not None
        axes.plot(middle, value, "o", color=INK, markersize=5, markerfacecolor=INK if known else "#ffffff")
        if point in (dated[0][1], dated[-1][1]):
            axes.annotate(f"{value:,.0f}", (middle, value), **_beside(is_last=point is dated[-1][1]))
    top = max((point.value + (point.margin or 0)) * scale for _, point in dated) if dated else 1
    axes.set_ylim(0, top * 1.25)
    axes.set_xlim(1986, 2028)
    axes.set_xticks([1990, 2000, 2010, 2020])
    axes.tick_params(labelsize="small")


def _beside(*, is_last: bool) -> dict[str, Any]:
    """Where a figure stands: the first left of its dot, the last right of it, so that they never meet."""
    side, shift = ("left", 4) if is_last else ("right", -4)
    return {"textcoords": "offset points", "xytext": (shift, 5), "ha": side, "fontsize": "x-small"}


def funnel(bars: Sequence[tuple[str, Counts]], say: Words, *, size: str = "funnel") -> str:
    """Bars of lots, one per step and set of rules: black for yes, hatched for maybe.

    Parameters
    ----------
    bars
        Label and counts, top first.
    say
        The reader's language.
    size
        Name of the figure's size in the catalogue.
    """
    with figure(size) as (made, held):
        axes = made.subplots()
        places = range(len(bars))
        yes, maybe = [step.yes for _, step in bars], [step.maybe for _, step in bars]
        axes.barh(places, yes, color=INK, edgecolor=INK, label=say("funnel.yes"))
        axes.barh(
            places, maybe, left=yes, color="#ffffff", edgecolor=INK, hatch="////", label=say("funnel.maybe")
        )
        for place, (sure, open_) in enumerate(zip(yes, maybe, strict=True)):
            axes.annotate(
                f"{sure:,} + {open_:,}",
                (sure + open_, place),
                textcoords="offset points",
                xytext=(4, 0),
                va="center",
            )
        axes.set_yticks(list(places), [label for label, _ in bars])
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.set_xlabel(say("funnel.lots"))
        axes.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), fontsize="small")
    return held.getvalue()


def dumbbell(rows: Sequence[Mapping[str, Any]], say: Words) -> str:
    """A row per plan: open dot today, black dot under the plan, tick where the maybes end.

    Parameters
    ----------
    rows
        ``name``, ``today``, ``yes`` and ``maybe``, from :func:`~.law.plan_rows`.
    say
        The reader's language.
    """
    with figure("dumbbell") as (made, held):
        axes = made.subplots()
        for place, row in enumerate(rows):
            most = row["yes"] + row["maybe"]
            axes.plot([row["yes"], most], [place, place], color=GREY, linestyle=":", linewidth=1)
            axes.plot(most, place, "|", color=INK, markersize=8)
            axes.plot([row["today"], row["yes"]], [place, place], color=PALE, linewidth=4, zorder=0)
            axes.plot(row["today"], place, "o", color=INK, markerfacecolor="#ffffff", markersize=7)
            axes.plot(row["yes"], place, "o", color=INK, markersize=5)
        axes.set_yticks(range(len(rows)), [short(row["name"]) for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlim(left=min(0, axes.get_xlim()[0]))
        axes.set_xlabel(say("funnel.lots"))
    return held.getvalue()
