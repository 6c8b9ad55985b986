"""The commands that explain a decision: ``why``, ``why-not`` and ``what-if``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from engine.commands.options import (
    FORMAT_OPTION,
    ON_OPTION,
    OUTPUT_OPTION,
    RULES_OPTION,
    chosen_format,
    emit,
    layout,
    read_case_file,
    refuses_bad_input,
    sound_knowledge,
)

if TYPE_CHECKING:
    from datetime import datetime


@click.command("why")
@click.argument("case", metavar="CASE")
@click.argument("name", metavar="[CONCLUSION|FIGURE|FACT]", required=False)
@click.option("--depth", type=click.IntRange(min=0), metavar="N", help="Show no more than N steps down. Default: all.")
@FORMAT_OPTION
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
    justification = justify(infer(read_case_file(case, knowledge), pool), pool, name, depth=depth)
    emit(render_why(justification, chosen_format(report_format, output), **layout(output)), output)


@click.command("why-not")
@click.argument("case", metavar="CASE")
@click.argument("approach", metavar="APPROACH")
@FORMAT_OPTION
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
    given = read_case_file(case, knowledge)
    # Before anything is decided, for a wrong name is said at once.
    wanted_in(knowledge, approach)
    pool = EnginePool(knowledge)
    answer = explained(infer(given, pool), pool, approach)
    emit(render_why_not(answer, chosen_format(report_format, output), **layout(output)), output)


@click.command("what-if")
@click.argument("case", metavar="CASE")
@click.argument("assignments", metavar="FACT=VALUE...", nargs=-1)
@FORMAT_OPTION
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
    answer = compared(read_case_file(case, knowledge), EnginePool(knowledge), assignments)
    emit(render_what_if(answer, chosen_format(report_format, output), **layout(output)), output)
