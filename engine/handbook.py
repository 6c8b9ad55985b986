"""The whole knowledge base as one document to read: every decision, figure, table and fact with its source."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from engine.catalogue import catalogue
from engine.escape import for_markdown, printable
from engine.knowledge import Knowledge
from engine.resources import templates_directory
from engine.wording import condition_in_english, label

if TYPE_CHECKING:
    from jinja2 import Environment

HandbookFormat = Literal["html", "markdown"]


def render_handbook(knowledge: Knowledge, handbook_format: HandbookFormat) -> str:
    """The document, as one self-contained HTML page or as Markdown."""
    entries = catalogue(knowledge)
    by_rule = {entry.name: entry for entry in entries.get("rule", ())}
    decisions = [
        {
            "name": name,
            "table": table,
            "rows": [
                {
                    "entry": by_rule[row.id],
                    "when": condition_in_english(knowledge, row.when),
                    "then": "; ".join(label(knowledge, output, value) for output, value in row.then.items()),
                    "because": row.declaration.because,
                }
                for row in table.rows
            ],
        }
        for name, table in (
            (name, knowledge.decisions[name]) for name in knowledge.order if name in knowledge.decisions
        )
    ]
    suffix = "html" if handbook_format == "html" else "md"
    return (
        _environment(handbook_format)
        .get_template(f"handbook.{suffix}.j2")
        .render(manifest=knowledge.manifest, sha256=knowledge.sha256, decisions=decisions, entries=entries)
    )


def _environment(handbook_format: HandbookFormat) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    escape: Callable[[object], str] = printable if handbook_format == "html" else for_markdown

    def finalize(value: object) -> object:
        escaped = escape(value)
        return escaped if handbook_format == "html" else Markup(escaped)  # noqa: S704 - escaped for Markdown just now

    return Environment(
        loader=FileSystemLoader(templates_directory()),
        undefined=StrictUndefined,
        autoescape=True,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
