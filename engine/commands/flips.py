"""The command that says what would change a recommendation: ``flips``."""

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


#: Maps that are shown where none are asked for.
_USUAL_PAIRS = {"terminal": 1, "markdown": 1, "html": 2, "json": 0}


@click.command("flips")
@click.argument("case", metavar="CASE")
@click.option("--pair", "chosen", nargs=2, multiple=True, metavar="X Y", help="Map the two facts X and Y together.")
@click.option(
    "--pairs", type=click.IntRange(min=0, max=20), metavar="N", help="Map the N pairs with the nearest flips."
)
@FORMAT_OPTION
@OUTPUT_OPTION
@RULES_OPTION
@ON_OPTION
@refuses_bad_input
def flips(
    case: str,
    chosen: tuple[tuple[str, str], ...],
    pairs: int | None,
    report_format: str | None,
    output: str | None,
    rules: str | None,
    on: datetime | None,
) -> None:
    """Say at which value of each fact, varied alone, the recommendation for CASE changes, nearest first.

    The values are exact, found by proof and not by stepping, and each is tried on both sides by the engine.

    \b
    Examples:
      breakeven flips case.yaml
      breakeven flips case.yaml --pair requests_per_month cost_per_error -o flips.html
      breakeven flips case.yaml --format json | jq '.flips[0]'
    """  # noqa: D301 - click keeps the lines after \b
    from engine.explain.flip_pairs import check_pair, likely_pairs, map_pair
    from engine.explain.flips import find_flips, require_recommendation
    from engine.explain.flips_report import render_flips
    from engine.inference import EnginePool

    knowledge = sound_knowledge(rules, on)
    require_recommendation(knowledge)
    for pair in chosen:
        check_pair(knowledge, pair)
    shape = chosen_format(report_format, output)
    found = find_flips(read_case_file(case, knowledge), EnginePool(knowledge))
    count = pairs if pairs is not None else 0 if chosen else _USUAL_PAIRS[shape]
    mapped = dict.fromkeys((*chosen, *likely_pairs(found, count)))
    maps = [map_pair(found, x, y) for x, y in mapped]
    emit(render_flips(found, maps, shape, **layout(output)), output)
