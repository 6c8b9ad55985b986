"""A decision as people and programs read it: terminal text, Markdown, one HTML page or JSON.

The words and their order are in ``templates/report.*.j2``. What is here only sorts the firings that the
recommendation rests on from the others, sees to it that every value is escaped, and lays text out.
"""

from __future__ import annotations

import functools
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, assert_never, cast

from engine import escape
from engine.decision import Decision, Figure, Firing, Reading, Value
from engine.declarations import word_of
from engine.json_text import json_document
from engine.templating import environment

if TYPE_CHECKING:
    from jinja2 import Environment
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

Format = Literal["terminal", "markdown", "html", "json"]

#: Longer lines are hard to read, however wide the terminal.
_WIDEST = 100
#: Numbers from here on are shown without a fraction.
_LARGE = 1_000


def render(decision: Decision, format: Format, *, width: int | None = None, colour: bool = False) -> str:
    """The report of a decision, ending with a newline.

    Args:
        decision: what was decided; every value in it may be hostile text and is escaped.
        format: "terminal", "markdown", "html" (one self-contained page) or "json".
        width: columns of the terminal report; by default the terminal's own, at most 100.
        colour: whether the terminal report may use colours and bold type.
    """
    match format:
        case "json":
            return json_document(decision.model_dump(mode="json"))
        case "html":
            return _html(decision)
        case "markdown":
            return rendered("report", "markdown", **_context(decision))
        case "terminal":
            return rendered("report", "terminal", width=width, colour=colour, **_context(decision))
        case _:
            assert_never(format)


def decision_schema() -> dict[str, Any]:
    """The JSON Schema of a decision as the JSON report prints it."""
    schema = Decision.model_json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Breakeven decision",
    }


def deciding_chain(decision: Decision) -> tuple[Firing, ...]:
    """The firings the recommendation rests on: the one that made it, then those whose conclusions that read, and so on.

    Empty where no rule made the recommendation.
    """
    chain: list[Firing] = []
    approach = decision.recommendation.approach if decision.recommendation else None
    waiting = [firing for firing in decision.firings if approach in _concluded(firing).values()]
    # A method and a recommendation can have the same value; the recommendation is made last.
    waiting = waiting[-1:]
    while waiting:
        firing = waiting.pop(0)
        if firing not in chain:
            chain.append(firing)
            read = {reading.name for reading in firing.facts if reading.origin == "concluded"}
            waiting += [other for other in decision.firings if read & _concluded(other).keys()]
    return tuple(chain)


def _concluded(firing: Firing) -> dict[str, str]:
    """What the firing concludes, by output, as the rules write it."""
    values = firing.conclusion if isinstance(firing.conclusion, dict) else {firing.decision: firing.conclusion}
    return {name: word_of(value) for name, value in values.items() if value is not None}


def _html(decision: Decision) -> str:
    from markupsafe import Markup

    from engine.chart import cost_table, cumulative_cost_svg

    drawn = cumulative_cost_svg(decision)
    chart = None if drawn is None else Markup(drawn)  # noqa: S704 (the chart escapes its own text)
    return rendered("report", "html", **_context(decision), chart=chart, cost_table=cost_table(decision))


def _context(decision: Decision) -> dict[str, Any]:
    chain = deciding_chain(decision)
    shown_elsewhere = {caution.rule for caution in decision.cautions} | {firing.rule for firing in chain}
    return {
        "decision": decision,
        "chain": chain,
        "other_firings": [firing for firing in decision.firings if firing.rule not in shown_elsewhere],
        "given": [reading for reading in decision.case.values() if reading.origin in ("answered", "measured")],
        "title_of": functools.partial(_title_of, decision),
        "concluded": _concluded,
    }


def _title_of(decision: Decision, name: Value) -> str:
    """The title people know a name by, or the name in words where the decision holds no title."""
    titles = {standing.conclusion: standing.title for standing in decision.standing}
    titles |= {str(standing.value): standing.shown for standing in decision.standing}
    titles |= {row.option: row.title for row in decision.options}
    titles |= {fact.name: fact.title for fact in decision.unknown}
    titles |= {reading.name: reading.title for firing in decision.firings for reading in firing.facts}
    titles |= {name: figure.title for name, figure in decision.figures.items()}
    titles |= {name: reading.title for name, reading in decision.case.items()}
    text = str(name)
    return titles.get(text) or f"{text[:1].upper()}{text[1:]}".replace("_", " ")


def _range(ranged: Figure | Reading) -> str | None:
    """Both ends of a range with their unit, or None where the value is not a range."""
    if ranged.shown_range is not None or ranged.low is None or ranged.high is None:
        return ranged.shown_range
    low, high = _number(ranged.low, ranged.unit), _number(ranged.high, ranged.unit)
    return f"{low} to {high} {'%' if ranged.unit == 'fraction' else ranged.unit or ''}".rstrip()


def _number(value: float | str, unit: str | None) -> str:
    if isinstance(value, str):
        return value
    if unit == "fraction":
        value *= 100
    return (f"{value:,.0f}" if abs(value) >= _LARGE else f"{value:.4g}").replace("-", "−")


# Templates.

#: Each environment applies its escape to every value that a template prints, so that none can forget to.
_ESCAPES: dict[str, Callable[[object], str]] = {
    "markdown": escape.for_markdown,
    "terminal": escape.for_terminal,
    "html": escape.printable,  # Jinja itself does the rest
}


def rendered(name: str, format: Format, *, width: int | None = None, colour: bool = False, **context: Any) -> str:
    """A page in one of the formats that have templates, ending with a newline.

    Args:
        name: of the template, whose file name ends with the format.
        format: any but JSON.
        width: columns of the terminal text; by default the terminal's own, at most 100.
        colour: whether the terminal text may use colours and bold type.
        context: what the template shows.
    """
    suffix = "md" if format == "markdown" else format
    text = environment_for(format).get_template(f"{name}.{suffix}.j2").render(context)
    if format == "terminal":
        return laid_out(text, width or min(shutil.get_terminal_size().columns, _WIDEST), colour=colour)
    return without_gaps(text)


@functools.cache
def environment_for(format: str) -> Environment:
    """Jinja2 for the templates of a format."""
    from markupsafe import Markup

    found = environment(_ESCAPES[format], markup=format == "html", cached_as=format, trailing_newline=False)
    found.filters["range"] = _range
    found.filters["code"] = lambda value: Markup(escape.markdown_code(value))  # noqa: S704
    return found


def without_gaps(text: str) -> str:
    """The text with no more than one empty line at a time, and one line end at its end."""
    return re.sub(r"\n(?:[ \t]*\n){2,}", "\n\n", text).strip() + "\n"


# Terminal layout. The template's lines are paragraphs in rich's markup; their indentation is kept
# where they wrap, and lines with cells that follow each other at one indentation form a table.


def laid_out(marked: str, width: int, *, colour: bool) -> str:
    """What a terminal shows of a template's lines: paragraphs wrapped within the width, rows set as tables."""
    from rich.text import Text

    shown: list[str] = []
    for indent, block in _blocks(without_gaps(marked), width):
        if isinstance(block, Text) and not colour:
            # The lines that a console would print; to load one and let it print them takes far longer.
            shown += [f"{' ' * indent}{line.plain}" for line in _wrapped(block, width - indent)]
        else:
            shown += _printed(block, indent, console(width, colour=colour))
    return "".join(f"{line.rstrip()}\n" for line in "\n".join(shown).splitlines())


def _wrapped(text: Text, width: int) -> Iterable[Text]:
    if text.cell_len <= width and "\t" not in text.plain:
        return [text]
    # A console is asked only how to justify, and this text is not justified.
    return text.wrap(cast("Console", None), width)


def _printed(block: Text | Table, indent: int, console: Console) -> list[str]:
    from rich.padding import Padding

    with console.capture() as captured:
        console.print(Padding(block, (0, 0, 0, indent)))
    return captured.get().splitlines()


@functools.lru_cache(maxsize=8)
def console(width: int | None, *, colour: bool) -> Console:
    """A console that prints nowhere, to capture what it lays out; without a width as wide as the terminal."""
    import io

    from rich.console import Console
    from rich.theme import Theme

    return Console(
        file=io.StringIO(),
        width=width,
        height=25,
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,
        legacy_windows=False,
        highlight=False,
        emoji=False,
        theme=Theme({"strong": "bold green", "moderate": "bold yellow", "weak": "bold red"}),
    )


def _blocks(marked: str, width: int) -> Iterator[tuple[int, Text | Table]]:
    lines = [(len(line) - len(line.lstrip(" ")), line.strip(" ")) for line in marked.splitlines()]
    for (indent, is_row), group in groupby(lines, key=lambda line: (line[0], escape.CELL_END in line[1])):
        texts = [text for _, text in group]
        if not is_row:
            yield from ((indent, _text(text)) for text in texts)
            continue
        rows = [[_text(cell) for cell in text.split(escape.CELL_END)] for text in texts]
        aligned = _aligned(rows, width - indent)
        yield from ((indent, line) for line in aligned)
        if not aligned:
            yield indent, _table(rows)


#: Columns between two cells.
_GAP = 2


def _aligned(rows: list[list[Text]], width: int) -> list[Text]:
    """The rows as lines whose cells stand below each other; none where they are too wide for that."""
    from rich.text import Text

    columns = [max(row[column].cell_len for row in rows if column < len(row)) for column in range(max(map(len, rows)))]
    if sum(columns) + _GAP * (len(columns) - 1) > width or any("\t" in cell.plain for row in rows for cell in row):
        return []
    lines: list[Text] = []
    for row in rows:
        line, gap = Text(), 0
        for cell, column in zip(row, columns, strict=False):
            space = column - cell.cell_len
            before, after = (space, 0) if cell.justify == "right" else (0, space)
            line.append(" " * (gap + before)).append_text(cell)
            gap = after + _GAP
        lines.append(line)
    return lines


def _table(rows: list[list[Text]]) -> Table:
    from rich.table import Table

    table = Table.grid(padding=(0, _GAP, 0, 0))
    for _ in range(max(map(len, rows))):
        table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _text(marked: str) -> Text:
    """Markup as text; a cell that begins with two spaces is set to the right."""
    from rich.text import Text

    text = Text.from_markup(marked.strip(" "), emoji=False, overflow="fold")
    text.plain = escape.from_terminal(text.plain)
    if marked.startswith("  "):
        text.justify = "right"
    return text
