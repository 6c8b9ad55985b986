"""The cumulative cost of each approach over time, as an inline SVG and as a table of the same lines."""

from __future__ import annotations

import html
import importlib.util
import io
import re
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine import escape
from engine.decision import ChartLine, Decision

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from engine.explain.flip_pairs import Axis, PairMap

#: Okabe and Ito's colours, told apart with every kind of colour vision, darkened where white needs it; the page
#: replaces each by a lighter one on a dark ground. Each line has its own dashes besides.
_COLOURS = ("#0072b2", "#b35900", "#00805f", "#a8487f", "#6b6b00", "#56738c")
_DASHES: tuple[tuple[float, ...], ...] = (
    (6, 2),
    (2, 1.5),
    (7, 2, 1.5, 2),
    (4, 1.5, 1.5, 1.5, 1.5, 1.5),
    (10, 3),
    (1, 1),
)
#: Stands for the colour of the page's text while matplotlib draws.
_INK = "#010203"
_SIZE_INCHES = (7.6, 4.0)
#: matplotlib's settings and Python's warning filters belong to the process, so charts are drawn in turn.
_DRAWING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where two lines meet: the month and the cumulative cost in USD."""

    month: float
    cost: float
    others_title: str


@dataclass(frozen=True, slots=True)
class CostRow:
    """One approach's cumulative costs at the months of the table, formatted for people."""

    title: str
    chosen: bool
    costs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CostTable:
    """The chart's lines as a table, and its break-even point in words where it has one."""

    months: tuple[str, ...]
    rows: tuple[CostRow, ...]
    crossing: str | None
    drawable: bool


def cumulative_cost_svg(decision: Decision) -> str | None:
    """The chart as an SVG element for an HTML page, the same text for the same decision.

    None where the decision has no chart or matplotlib is not installed. Colours are the page's:
    text takes ``currentColor``, line n takes the CSS variable ``--line-n`` where it is set.
    """
    if not decision.chart or not decision.chart_months or not _can_draw():
        return None
    drawn = _drawn(lambda: _draw(decision.chart, decision.chart_months or 0), "breakeven")
    return _for_page(drawn, decision)


def _drawn(draw: Callable[[], Figure], salt: str) -> str:
    """What matplotlib makes of a figure, the same for the same figure; the salt tells its ids from another's."""
    import matplotlib

    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": salt,
        "font.family": "sans-serif",
        "font.size": 10.5,
        "text.parse_math": False,
        "text.color": _INK,
        "axes.labelcolor": _INK,
        "axes.edgecolor": _INK,
        "xtick.color": _INK,
        "ytick.color": _INK,
    }
    with _DRAWING, matplotlib.rc_context(settings), warnings.catch_warnings():
        # The reader's browser has its own fonts; which letters matplotlib's lacks does not matter.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = draw()
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return drawn.getvalue()


def cost_table(decision: Decision) -> CostTable | None:
    """The chart's numbers at five evenly spaced months, or None where the decision has no chart."""
    if not decision.chart or not decision.chart_months:
        return None
    months = [decision.chart_months * quarter / 4 for quarter in range(5)]
    crossing = break_even_point(decision.chart, decision.chart_months)
    return CostTable(
        months=tuple(f"{month:g}" for month in months),
        rows=tuple(
            CostRow(line.title, line.chosen, tuple(_usd(_cost(line, month)) for month in months))
            for line in decision.chart
        ),
        crossing=None if crossing is None else _in_words(decision.chart, crossing),
        drawable=_can_draw(),
    )


def break_even_point(lines: Sequence[ChartLine], months: float) -> Crossing | None:
    """Where the chosen line first meets the baseline within the months shown.

    The baseline is the first line, which is prompting. Where that one is chosen itself, the
    earliest line to meet it counts.
    """
    chosen = next((line for line in lines if line.chosen), None)
    if chosen is None:
        return None
    others = lines[1:] if chosen is lines[0] else lines[:1]
    found = [crossing for other in others if (crossing := _crossing(chosen, other)) and crossing.month <= months]
    return min(found, key=lambda crossing: crossing.month, default=None)


def _crossing(chosen: ChartLine, other: ChartLine) -> Crossing | None:
    gap, saving = chosen.upfront - other.upfront, other.monthly - chosen.monthly
    if saving == 0 or gap / saving <= 0:
        return None
    month = gap / saving
    return Crossing(month, _cost(chosen, month), other.title)


def _cost(line: ChartLine, month: float) -> float:
    return line.upfront + line.monthly * month


def _usd(amount: float) -> str:
    return f"{'−' if amount < 0 else ''}${abs(amount):,.0f}"


def _in_words(lines: Sequence[ChartLine], crossing: Crossing) -> str:
    chosen = next(line.title for line in lines if line.chosen)
    same = f"{chosen} and {crossing.others_title} have cost the same"
    return f"{same}, {_usd(crossing.cost)}, after {crossing.month:.1f} months."


def _can_draw() -> bool:
    return importlib.util.find_spec("matplotlib") is not None


def _draw(lines: Sequence[ChartLine], months: float) -> Figure:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    for number, line in enumerate(lines):
        axes.plot(
            [0, months],
            [line.upfront, _cost(line, months)],
            color=_COLOURS[number % len(_COLOURS)],
            dashes=() if line.chosen else _DASHES[number % len(_DASHES)],
            linewidth=3 if line.chosen else 1.8,
            label=escape.printable(f"{line.title} (chosen)" if line.chosen else line.title),
            zorder=3 if line.chosen else 2,
        )
    _mark(axes, break_even_point(lines, months), months)
    _dress(axes, months)
    figure.legend(loc="outside lower left", ncols=2, frameon=False, handlelength=3.4, borderaxespad=0.8)
    return figure


def _mark(axes: Axes, crossing: Crossing | None, months: float) -> None:
    if crossing is None:
        return
    axes.plot(crossing.month, crossing.cost, "o", color=_INK, markersize=7, zorder=4)
    axes.plot([crossing.month] * 2, [0, crossing.cost], color=_INK, linewidth=0.8, dashes=(2, 2), zorder=1)
    late = crossing.month > months / 2
    axes.annotate(
        f"break-even after {crossing.month:.1f} months",
        (crossing.month, 0),
        xytext=(-7 if late else 7, 8),
        textcoords="offset points",
        horizontalalignment="right" if late else "left",
        fontweight="bold",
    )


def _dress(axes: Axes, months: float) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_xlim(0, months)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("Months")
    axes.set_title("USD", loc="left", fontsize="medium", pad=10)
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 1.2, 2, 2.4, 3, 6, 10], integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _usd(value)))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=_INK, alpha=0.14, linewidth=0.8)
    axes.tick_params(length=0, pad=6)


def _for_page(svg: str, decision: Decision) -> str:
    return _titled(svg, "chart", "Cumulative cost by month", _description(decision))


def _titled(svg: str, name: str, title: str, description: str) -> str:
    """The bare SVG element: scalable, titled, in the page's own colours and fonts; names start with ``name``."""
    element = svg[svg.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    # matplotlib's style rule is meant for a file of its own; in a page it would hold for every element.
    element = re.sub(r"<style[^>]*>.*?</style>", "", element, flags=re.DOTALL)
    element = element.replace(" xlink:href=", " href=")
    element = re.sub(r'style="[^"]*"', lambda style: _restyled(style[0]), element)
    width, height = (72 * inches for inches in _SIZE_INCHES)  # matplotlib draws 72 points an inch
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-labelledby="{name}-title {name}-description" class="chart">'
        f'<title id="{name}-title">{html.escape(escape.printable(title))}</title>'
        f'<desc id="{name}-description">{html.escape(escape.printable(description))}</desc>'
    )
    return head + element[element.index(">") + 1 :].strip()


def _restyled(style: str) -> str:
    style = re.sub(r"'DejaVu Sans'[^;\"]*", "inherit", style).replace(_INK, "currentColor")
    for number, colour in enumerate(_COLOURS, start=1):
        style = style.replace(colour, f"var(--line-{number}, {colour})")
    return style


def _description(decision: Decision) -> str:
    lines = "; ".join(
        f"{line.title}: {_usd(line.upfront)} upfront and {_usd(line.monthly)} a month" for line in decision.chart
    )
    crossing = break_even_point(decision.chart, decision.chart_months or 0)
    return f"{lines}. {_in_words(decision.chart, crossing) if crossing else ''}".strip()


# Two facts varied together.

_HATCHES = ("", "//", "..", "\\\\\\\\", "xx", "--")
_FILL = 0.38


@dataclass(frozen=True, slots=True)
class PairWords:
    """The words of a map of two facts.

    Args:
        x: the title of the fact from left to right.
        y: the title of the fact from bottom to top.
        labels: the title of each recommendation that occurs, in the order of the legend.
        show_x: a value of the first fact for people.
        show_y: a value of the second.
        description: the map in a sentence.
    """

    x: str
    y: str
    labels: Mapping[str, str]
    show_x: Callable[[float], str]
    show_y: Callable[[float], str]
    description: str


def pair_svg(found: PairMap, words: PairWords, name: str) -> str | None:
    """A map of two facts as an SVG element for an HTML page; None where matplotlib is not installed.

    Args:
        found: the map.
        words: what its parts are called.
        name: what the ids in the element start with, another for each map of a page.
    """
    if not _can_draw():
        return None
    drawn = _drawn(lambda: _draw_pair(found, words), f"breakeven {name}")
    # Several maps may stand on one page, and matplotlib names the parts of each alike.
    own = re.sub(r'( id="|url\(#|href="#)', lambda found: f"{found[0]}{name}-", drawn)
    return _titled(own, name, f"{words.x} and {words.y}", words.description)


def _draw_pair(found: PairMap, words: PairWords) -> Figure:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch, Rectangle

    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    styles: dict[str, dict[str, Any]] = {
        value: {"facecolor": _COLOURS[number % len(_COLOURS)], "hatch": _HATCHES[number % len(_HATCHES)]}
        for number, value in enumerate(words.labels)
    }
    for box in found.regions:
        size = (box.x_high - box.x_low, box.y_high - box.y_low)
        style = styles[box.middle]
        axes.add_patch(
            Rectangle((box.x_low, box.y_low), *size, alpha=_FILL, edgecolor=style["facecolor"], linewidth=0, **style)
        )
    for axis, side in ((found.x, axes.xaxis), (found.y, axes.yaxis)):
        _dress_side(axes, axis, words.show_x if side is axes.xaxis else words.show_y, across=side is axes.xaxis)
    if found.x.current is not None and found.y.current is not None:
        axes.plot(found.x.current, found.y.current, "o", color=_INK, markersize=8, zorder=4)
        axes.annotate(
            "today", (found.x.current, found.y.current), xytext=(8, 8), textcoords="offset points", fontweight="bold"
        )
    axes.set_xlabel(escape.printable(words.x))
    axes.set_title(escape.printable(words.y), loc="left", fontsize="medium", pad=10)
    axes.tick_params(length=3, pad=5)
    keys = [
        Patch(label=escape.printable(words.labels[value]), alpha=_FILL, edgecolor=style["facecolor"], **style)
        for value, style in styles.items()
    ]
    figure.legend(handles=keys, loc="outside lower left", ncols=3, frameon=False, borderaxespad=0.8)
    return figure


def _dress_side(axes: Axes, axis: Axis, show: Callable[[float], str], *, across: bool) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    if axis.logarithmic:
        (axes.set_xscale if across else axes.set_yscale)("log")
    (axes.set_xlim if across else axes.set_ylim)(axis.low, axis.high)
    side = axes.xaxis if across else axes.yaxis
    side.set_major_locator(LogLocator(numticks=5) if axis.logarithmic else MaxNLocator(4))
    side.set_minor_locator(NullLocator())
    side.set_major_formatter(FuncFormatter(lambda value, _: escape.printable(show(value))))
