"""The whole knowledge base as one document to read: every decision, figure, table and fact with its source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine.catalogue import Entry, catalogue
from engine.escape import for_markdown, printable
from engine.knowledge import DecisionTable, Knowledge
from engine.templating import environment
from engine.wording import condition_in_english, label

if TYPE_CHECKING:
    pass

HandbookFormat = Literal["html", "markdown"]
_SECTIONS = {"figure": "Figures", "table": "Tables", "amount": "Amounts", "fact": "Facts"}


@dataclass(frozen=True, slots=True)
class Link:
    """A name, and the anchor of the place that explains it; None where nothing in the document does."""

    name: str
    anchor: str | None


@dataclass(frozen=True, slots=True)
class _Row:
    entry: Entry
    anchor: str
    when: str
    then: str
    because: str


@dataclass(frozen=True, slots=True)
class _Decision:
    table: DecisionTable
    entry: Entry
    anchor: str
    lines: tuple[str, ...]
    #: Its outputs; the anchor is None for the one that the decision's own anchor is named after.
    outputs: tuple[Link, ...]
    rows: tuple[_Row, ...]
    inputs: tuple[Link, ...]
    readers: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class _Article:
    entry: Entry
    anchor: str
    inputs: tuple[Link, ...]
    readers: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class _Section:
    title: str
    anchor: str
    articles: tuple[_Article, ...]


def render_handbook(knowledge: Knowledge, handbook_format: HandbookFormat) -> str:
    """The document, as one self-contained HTML page or as Markdown; its links lead to places within it."""
    entries = catalogue(knowledge)
    links = _Links(knowledge, entries)
    by_name = {one.name: one for one in entries.get("decision", ())}
    by_rule = {one.name: one for one in entries.get("rule", ())}
    tables = (knowledge.decisions[name] for name in knowledge.order if name in knowledge.decisions)
    decisions = [_decision(knowledge, table, by_name, by_rule, links) for table in tables]
    sections = [
        _Section(title, f"section-{kind}", tuple(_article(one, links) for one in entries.get(kind, ())))
        for kind, title in _SECTIONS.items()
    ]
    suffix = "html" if handbook_format == "html" else "md"
    return (
        environment(printable if handbook_format == "html" else for_markdown, markup=handbook_format == "html")
        .get_template(f"handbook.{suffix}.j2")
        .render(manifest=knowledge.manifest, sha256=knowledge.sha256, decisions=decisions, sections=sections)
    )


class _Links:
    """Where in the document each name is explained."""

    def __init__(self, knowledge: Knowledge, entries: dict[str, tuple[Entry, ...]]) -> None:
        self._rules = {one.name for one in entries.get("rule", ())}
        named = (one.name for kind, found in entries.items() if kind != "rule" for one in found)
        self._names = {*named, *knowledge.decisions}

    def to(self, names: Iterable[str]) -> tuple[Link, ...]:
        """Links to where the names are explained; a name that a rule has too means what is not a rule."""
        return tuple(Link(name, self._anchor(name)) for name in names)

    def _anchor(self, name: str) -> str | None:
        if name in self._names:
            return anchor_of(name)
        return rule_anchor(name) if name in self._rules else None


def anchor_of(name: str) -> str:
    """The anchor of a decision, output, figure, table, amount or fact."""
    return f"name-{name.replace('_', '-')}"


def rule_anchor(rule: str) -> str:
    """The anchor of a rule."""
    return f"rule-{rule}"


def _article(entry: Entry, links: _Links) -> _Article:
    return _Article(entry, anchor_of(entry.name), links.to(entry.inputs), links.to(entry.readers))


def _decision(
    knowledge: Knowledge, table: DecisionTable, by_name: dict[str, Entry], by_rule: dict[str, Entry], links: _Links
) -> _Decision:
    entry = by_name[table.name]
    # A name of its own that outputs are concluded under has an entry that tells of all of them.
    others = [by_name[output] for output in table.outputs if output != table.name and table.name in table.outputs]
    lines = (*entry.lines, *(f"{other.title}: {other.lines[0]}" for other in others))
    rows = tuple(
        _Row(
            entry=by_rule[row.id],
            anchor=rule_anchor(row.id),
            when=condition_in_english(knowledge, row.when),
            then="; ".join(label(knowledge, output, value) for output, value in row.then.items()),
            because=row.declaration.because,
        )
        for row in table.rows
    )
    outputs = tuple(Link(output, None if output == table.name else anchor_of(output)) for output in table.outputs)
    inputs, readers = links.to(entry.inputs), links.to(entry.readers)
    return _Decision(table, entry, anchor_of(table.name), lines, outputs, rows, inputs, readers)
