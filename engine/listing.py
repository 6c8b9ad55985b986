"""Lists of the command line: the knowledge base's entries and the recomputed claims."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING

from engine.catalogue import catalogue, entry
from engine.claims import claims_table, load_claims, recompute
from engine.errors import BadInput, Place, Problem, did_you_mean
from engine.escape import printable
from engine.json_text import json_document
from engine.knowledge import Knowledge
from engine.templating import environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.testing.rule_tests import RuleTest

#: Tests that merely touch an entry are counted rather than listed where there are more than these.
_FEW = 3
#: The most tests that are listed.
_MOST = 12

_HEADINGS = {
    "fact": "Facts",
    "figure": "Figures",
    "amount": "Amounts",
    "table": "Tables",
    "decision": "Decisions",
    "rule": "Rules",
}


def render_catalogue(knowledge: Knowledge, name: str | None, output_format: str) -> str:
    """One entry of the base with its tests, or all entries by kind, as text or JSON.

    Raises:
        BadInput: no entry has that name, or the tests cannot be read.
    """
    if name is not None:
        return _render_entry(knowledge, name, output_format)
    kinds = catalogue(knowledge)
    if output_format == "json":
        return json_document({kind: [dataclasses.asdict(one) for one in entries] for kind, entries in kinds.items()})
    manifest = knowledge.manifest
    return (
        environment(printable)
        .get_template("catalogue.txt.j2")
        .render(kinds=kinds, headings=_HEADINGS, title=manifest.title, name=manifest.name, version=manifest.version)
    )


def _render_entry(knowledge: Knowledge, name: str, output_format: str) -> str:
    from engine.testing.rule_tests import tests_about

    one = entry(knowledge, name)
    tests = tests_about(knowledge, name)
    if output_format == "json":
        told = [
            {"name": test.name, "file": test.place.file, "line": test.place.line, "how": test.how} for test in tests
        ]
        return json_document({**dataclasses.asdict(one), "tests": told})
    shown, more = _shown(tests)
    return environment(printable).get_template("entry.txt.j2").render(entry=one, tests=shown, more=more)


def _shown(tests: Sequence[RuleTest]) -> tuple[list[RuleTest], str]:
    """The tests to list for an entry, those that expect something of it first, and in words how many more there are."""
    expecting = [test for test in tests if test.how.startswith("expects")]
    touching = [test for test in tests if test not in expecting]
    shown = expecting[:_MOST] + (touching if len(touching) <= _FEW else [])
    left = [(expecting[_MOST:], "expect something of it")]
    if touching and touching[0] not in shown:
        left.append((touching, "fire it" if touching[0].how == "fires it" else "give it"))
    more = "more " if shown else ""
    return shown, ", ".join(f"{len(rest)} {more}{verb}" for rest, verb in left if rest)


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
        return json_document({"claims": [dataclasses.asdict(result) for result in results], "verdicts": dict(counts)})
    rows = claims_table(results)
    summary = ", ".join(f"{count} {word}" for word, count in counts.most_common())
    if output_format == "markdown":
        template = environment(printable).get_template("claims.md.j2")
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
