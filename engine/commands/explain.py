"""The commands that explain a decision: ``why``, ``why-not`` and ``what-if``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.commands.options import (
    ON_OPTION,
    OUTPUT_OPTION,
    RULES_OPTION,
    emit,
    refuses_bad_input,
    sound_knowledge,
    terminal,
)

if TYPE_CHECKING:
    from datetime import datetime

    from engine.case import Case
    from engine.knowledge import Knowledge
    from engine.report import Format

_FORMATS = ("terminal", "markdown", "html", "json")
_SUFFIXES = {".html": "html", ".htm": "html", ".md": "markdown", ".markdown": "markdown", ".json": "json"}
_FORMAT_OPTION = click.option(
    "--format", "report_format", type=click.Choice(_FORMATS), help="Default: by the output file's name, else terminal."
)


@click.command("why")
@click.argument("case", metavar="CASE")
@click.argument("name", metavar="[CONCLUSION|FIGURE|FACT]", required=False)
@click.option("--depth", type=click.IntRange(min=0), metavar="N", help="Show no more than N steps down. Default: all.")
@_FORMAT_OPTION
@OUTPUT_OPTION
@RULES_OPTION
@ON_OPTION
@refuses_bad_input
def why(
    case: str,
    name: str | None,
    depth: int | None,
    report_format: str | None,
    output: str | None,
    rules: str | None,
    on: datetime | None,
) -> None:
    """Justify the recommendation for CASE, or one conclusion, figure or fact, down to facts, tables and sources.

    \b
    Examples:
      breakeven why case.yaml
      breakeven why case.yaml break_even_months
      breakeven why case.yaml method --depth 2 -o why.html
    """  # noqa: D301 - click keeps the lines after \b
    from engine.explain.justification import justify
    from engine.explain.report import render_why
    from engine.inference import EnginePool
    from engine.pipeline import infer

    knowledge = sound_knowledge(rules, on)
    pool = EnginePool(knowledge)
    justification = justify(infer(_read(case, knowledge), pool), pool, name, depth=depth)
    emit(render_why(justification, _chosen(report_format, output), **_layout(output)), output)


@click.command("why-not")
@click.argument("case", metavar="CASE")
@click.argument("approach", metavar="APPROACH")
@_FORMAT_OPTION
@OUTPUT_OPTION
@RULES_OPTION
@ON_OPTION
@refuses_bad_input
def why_not(
    case: str, approach: str, report_format: str | None, output: str | None, rules: str | None, on: datetime | None
) -> None:
    """Say why CASE does not come to APPROACH: which rows would lead there, what failed, and the least that it takes.

    APPROACH is a value of the recommendation, or NAME=VALUE of any decision. The smallest sets of changes
    change the fewest facts; each set was decided by the engine before it is shown.

    \b
    Examples:
      breakeven why-not case.yaml lora
      breakeven why-not case.yaml economics=pays_back_at_once
      breakeven why-not case.yaml hybrid --format json | jq .smallest_changes
    """  # noqa: D301 - click keeps the lines after \b
    from engine.explain.report import render_why_not
    from engine.explain.whynot import wanted_in
    from engine.explain.whynot import why_not as explained
    from engine.inference import EnginePool
    from engine.pipeline import infer

    knowledge = sound_knowledge(rules, on)
    given = _read(case, knowledge)
    # Before anything is decided, for a wrong name is said at once.
    wanted_in(knowledge, approach)
    pool = EnginePool(knowledge)
    answer = explained(infer(given, pool), pool, approach)
    emit(render_why_not(answer, _chosen(report_format, output), **_layout(output)), output)


@click.command("what-if")
@click.argument("case", metavar="CASE")
@click.argument("assignments", metavar="FACT=VALUE...", nargs=-1)
@_FORMAT_OPTION
@OUTPUT_OPTION
@RULES_OPTION
@ON_OPTION
@refuses_bad_input
def what_if(
    case: str,
    assignments: tuple[str, ...],
    report_format: str | None,
    output: str | None,
    rules: str | None,
    on: datetime | None,
) -> None:
    """Decide CASE as it is and with facts given anew, side by side, and say what changed and why.

    Values are written as in a case file; `unknown` takes an answer back.

    \b
    Examples:
      breakeven what-if case.yaml budget=20_000
      breakeven what-if case.yaml prompt_accuracy=0.8..0.9 is_prototype=yes
      breakeven what-if case.yaml labeled_examples=unknown --format json | jq .changed
    """  # noqa: D301 - click keeps the lines after \b
    from engine.explain.report import render_what_if
    from engine.explain.whatif import what_if as compared
    from engine.inference import EnginePool

    knowledge = sound_knowledge(rules, on)
    answer = compared(_read(case, knowledge), EnginePool(knowledge), assignments)
    emit(render_what_if(answer, _chosen(report_format, output), **_layout(output)), output)


def _read(case: str, knowledge: Knowledge) -> Case:
    from engine.case import read_case
    from engine.source import read_document

    return read_case(read_document(case), knowledge.facts)


def _chosen(report_format: str | None, output: str | None) -> Format:
    """The format asked for, else that of the output file's name."""
    by_name = _SUFFIXES.get(Path(output).suffix.lower(), "terminal") if output else "terminal"
    return report_format or by_name  # type: ignore[return-value]  # click checked the format


def _layout(output: str | None) -> dict[str, Any]:
    return terminal() if output is None else {"width": 100, "colour": False}
