"""Lists of the command line: the knowledge base's entries and the recomputed claims."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from engine.catalogue import catalogue, entry
from engine.claims import claims_table, load_claims, recompute
from engine.errors import BadInput, Place, Problem, did_you_mean
from engine.knowledge import Knowledge
from engine.resources import templates_directory

if TYPE_CHECKING:
    from jinja2 import Environment

_HEADINGS = {
    "fact": "Facts",
    "figure": "Figures",
    "amount": "Amounts",
    "table": "Tables",
    "decision": "Decisions",
    "rule": "Rules",
}


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(  # noqa: S701 - plain text for a terminal
        loader=FileSystemLoader(templates_directory()),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render_catalogue(knowledge: Knowledge, name: str | None, output_format: str) -> str:
    """One entry of the base, or all of them by kind, as text or JSON.

    Raises:
        BadInput: no entry has that name.
    """
    if name is not None:
        one = entry(knowledge, name)
        if output_format == "json":
            return _json(dataclasses.asdict(one))
        return _environment().get_template("entry.txt.j2").render(entry=one)
    kinds = catalogue(knowledge)
    if output_format == "json":
        return _json({kind: [dataclasses.asdict(one) for one in entries] for kind, entries in kinds.items()})
    manifest = knowledge.manifest
    return (
        _environment()
        .get_template("catalogue.txt.j2")
        .render(kinds=kinds, headings=_HEADINGS, title=manifest.title, name=manifest.name, version=manifest.version)
    )


def render_claims(
    knowledge: Knowledge,
    output_format: str,
    *,
    verdict: str | None = None,
    width: int | None = None,
    colour: bool = False,
) -> str:
    """The source's claims recomputed from the knowledge base, as a table or JSON.

    Args:
        knowledge: the base whose claims and cost tables are read.
        output_format: "terminal", "markdown" or "json".
        verdict: only claims with this verdict, such as ``off``.
        width: columns of the terminal table.
        colour: whether the terminal table may use bold type.

    Raises:
        BadInput: claims.yaml is missing or does not fit the base, or no claim can have that verdict.
    """
    results = recompute(load_claims(knowledge.directory / "claims.yaml"), knowledge)
    counts: Counter[str] = Counter(result.verdict for result in results)
    if verdict is not None:
        _require_verdict(verdict, counts)
        results = [result for result in results if result.verdict == verdict]
    if output_format == "json":
        return _json({"claims": [dataclasses.asdict(result) for result in results], "verdicts": dict(counts)})
    rows = claims_table(results)
    summary = ", ".join(f"{count} {word}" for word, count in counts.most_common())
    if output_format == "markdown":
        template = _environment().get_template("claims.md.j2")
        return template.render(rows=[{key: _cell(text) for key, text in row.items()} for row in rows], summary=summary)
    return _claims_for_terminal(rows, summary, width, colour=colour)


_VERDICTS = ("holds", "partly", "off", "contradicts", "not checkable")


def _require_verdict(verdict: str, counts: Counter[str]) -> None:
    if verdict not in (*_VERDICTS, *counts):
        hint = did_you_mean(verdict, _VERDICTS) or f"Verdicts are {', '.join(_VERDICTS)}"
        raise BadInput([Problem(Place("--verdict"), f"no claim has the verdict '{verdict}'", hint=hint)])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


_COLUMNS = {"id": "Claim", "quote": "The source says", "printed": "Printed", "computed": "Computed", "unit": "Unit",
            "factor": "Factor", "verdict": "Verdict"}  # fmt: skip
_NUMERIC = ("printed", "factor")


def _claims_for_terminal(rows: list[dict[str, str]], summary: str, width: int | None, *, colour: bool) -> str:
    import io

    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for key, title in _COLUMNS.items():
        justify = "right" if key in _NUMERIC else "left"
        table.add_column(title, justify=justify, overflow="fold", no_wrap=key in ("id", "verdict"))  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*(Text(row[key]) for key in _COLUMNS))
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colour,
        no_color=not colour,
        highlight=False,
        legacy_windows=False,
    )
    with console.capture() as captured:
        console.print(table)
        console.print(Text(f"{summary}. Factor: printed over computed or the reverse, whichever exceeds 1."))
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
