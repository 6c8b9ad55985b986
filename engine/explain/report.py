"""Justifications, contrasts and comparisons as terminal text, Markdown, one HTML page or JSON.

The words and their order are in ``templates/why*.j2``, ``why_not*.j2`` and ``what_if*.j2``.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.explain.common import ShownCondition
from engine.explain.justification import Justification, Step, steps_of
from engine.explain.whatif import WhatIf
from engine.explain.whynot import Failed, Row, WhyNot
from engine.json_text import json_document
from engine.report import Format, rendered

#: Steps below each other that are still set further to the right.
_DEEPEST_INDENT = 16


@dataclass(frozen=True, slots=True)
class Tried:
    """Rules that were tried in vain for one reason."""

    rules: tuple[str, ...]
    conditions: tuple[ShownCondition, ...]


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step of a tree and how far to the right it stands."""

    indent: int
    depth: int
    step: Step

    @property
    def tried(self) -> tuple[Tried, ...]:
        """The rules that were tried in vain, those that failed alike together."""
        found: dict[tuple[ShownCondition, ...], list[str]] = {}
        for rule in self.step.not_held:
            found.setdefault(rule.conditions, []).append(rule.rule)
        return tuple(Tried(tuple(rules), conditions) for conditions, rules in found.items())

    @property
    def has_details(self) -> bool:
        """Whether there is more to say than the value."""
        step = self.step
        said = (step.because, step.rules, step.not_held, step.whatever, step.substitution, step.rows, step.waits_for)
        return not step.as_above and any((*said, step.source, step.place))


@dataclass(frozen=True, slots=True)
class RowLine:
    """One row that would lead to what is wanted, how far to the right it stands, and what it is needed for."""

    indent: int
    row: Row
    needed_for: Failed | None


def render_why(justification: Justification, format: Format, *, width: int | None = None, colour: bool = False) -> str:
    """A justification, ending with a newline; see ``engine.report.render``."""
    lines = [StepLine(_indent(depth, format), depth, step) for depth, step in steps_of(justification.why)]
    titles = {**justification.titles, **{step.name: step.title for _, step in steps_of(justification.why)}}
    return _rendered(
        "why",
        justification,
        format,
        width,
        colour=colour,
        lines=lines,
        line_of=functools.partial(StepLine, 0, 0),
        title_of=lambda name: titles.get(name, name),
    )


def render_why_not(answer: WhyNot, format: Format, *, width: int | None = None, colour: bool = False) -> str:
    """An answer to why not, ending with a newline; see ``engine.report.render``."""
    lines = list(_rows(answer.rows, 0, None, format))
    return _rendered("why_not", answer, format, width, colour=colour, lines=lines)


def render_what_if(answer: WhatIf, format: Format, *, width: int | None = None, colour: bool = False) -> str:
    """Two decisions side by side, ending with a newline; see ``engine.report.render``."""
    return _rendered("what_if", answer, format, width, colour=colour)


def _rows(rows: tuple[Row, ...], depth: int, needed_for: Failed | None, format: Format) -> Iterator[RowLine]:
    for row in rows:
        yield RowLine(_indent(depth, format), row, needed_for)
        for failed in row.failed:
            yield from _rows(failed.rows, depth + 1, failed, format)


def _indent(depth: int, format: Format) -> int:
    """Columns from the left; Markdown has no limit, for there the indentation is what makes the tree."""
    if format == "markdown":
        return 2 * depth
    return 2 * min(depth, _DEEPEST_INDENT)


def _rendered(
    name: str,
    answer: Justification | WhyNot | WhatIf,
    format: Format,
    width: int | None,
    *,
    colour: bool,
    **context: Any,
) -> str:
    if format == "json":
        return json_document(answer.model_dump(mode="json", by_alias=True))
    return rendered(name, format, width=width, colour=colour, answer=answer, **context)
