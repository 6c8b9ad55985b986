"""The command that says what would change a recommendation: ``flips``."""

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

    from engine.report import Format

_FORMATS = ("terminal", "markdown", "html", "json")
_SUFFIXES = {".html": "html", ".htm": "html", ".md": "markdown", ".markdown": "markdown", ".json": "json"}
#: Maps that are shown where none are asked for.
_USUAL_PAIRS = {"terminal": 1, "markdown": 1, "html": 2, "json": 0}


@click.command("flips")
@click.argument("case", metavar="CASE")
@click.option("--pair", "chosen", nargs=2, multiple=True, metavar="X Y", help="Map the two facts X and Y together.")
@click.option(
    "--pairs", type=click.IntRange(min=0, max=20), metavar="N", help="Map the N pairs with the nearest flips."
)
@click.option(
    "--format", "report_format", type=click.Choice(_FORMATS), help="Default: by the output file's name, else terminal."
)
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
    from engine.case import read_case
    from engine.explain.flip_pairs import check_pair, likely_pairs, map_pair
    from engine.explain.flips import find_flips, require_recommendation
    from engine.explain.flips_report import render_flips
    from engine.inference import EnginePool
    from engine.source import read_document

    knowledge = sound_knowledge(rules, on)
    require_recommendation(knowledge)
    for pair in chosen:
        check_pair(knowledge, pair)
    chosen_format = _chosen(report_format, output)
    found = find_flips(read_case(read_document(case), knowledge.facts), EnginePool(knowledge))
    count = pairs if pairs is not None else 0 if chosen else _USUAL_PAIRS[chosen_format]
    mapped = dict.fromkeys((*chosen, *likely_pairs(found, count)))
    maps = [map_pair(found, x, y) for x, y in mapped]
    layout: dict[str, Any] = terminal() if output is None else {"width": 100, "colour": False}
    emit(render_flips(found, maps, chosen_format, **layout), output)


def _chosen(report_format: str | None, output: str | None) -> Format:
    """The format asked for, else that of the output file's name."""
    by_name = _SUFFIXES.get(Path(output).suffix.lower(), "terminal") if output else "terminal"
    return report_format or by_name  # type: ignore[return-value]  # click checked the format
