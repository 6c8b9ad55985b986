"""The command line: parses, calls the engine, prints; everything else is in ``engine``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engine import __version__

if TYPE_CHECKING:
    from engine.case import Case
    from engine.inference import EnginePool
    from engine.knowledge import Knowledge

_F = TypeVar("_F", bound=Callable[..., Any])
FORMATS = ("terminal", "markdown", "html", "json")
_SUFFIXES = {".html": "html", ".htm": "html", ".md": "markdown", ".markdown": "markdown", ".json": "json"}

RULES_OPTION = click.option(
    "--rules",
    "rules",
    metavar="DIR",
    envvar="BREAKEVEN_RULES",
    help="Knowledge base to decide with (or BREAKEVEN_RULES); the built-in one by default.",
)
FORMAT_OPTION = click.option(
    "--format", "report_format", type=click.Choice(FORMATS), help="Default: by the output file's name, else terminal."
)
OUTPUT_OPTION = click.option("-o", "--output", metavar="FILE", help="Write the report to FILE instead of printing it.")


def refuses_bad_input(command: _F) -> _F:
    """Turn the engine's errors into messages and exit statuses: 2 for bad input, 1 for a failed check."""

    @wraps(command)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        from engine.errors import BadInput, BreakevenError

        try:
            return command(*arguments, **options)
        except BadInput as error:
            for problem in error.problems:
                click.echo(str(problem), err=True)
            raise SystemExit(2) from None
        except BreakevenError as error:
            click.echo(f"Error: {error}", err=True)
            raise SystemExit(1) from None

    return wrapped  # type: ignore[return-value]  # the wrapper has the command's signature


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="breakeven")
def main() -> None:
    """Keep prompting, fine-tune with LoRA, fully fine-tune, or mix?

    Breakeven decides it for one use case and proves its answer: every rule that fired, every sum
    with its numbers, every assumption with its source.

    \b
    Examples:
      breakeven ask                                answer questions, get a recommendation
      breakeven recommend case.yaml                decide a case file
      breakeven recommend case.yaml -o report.html
      breakeven claims                             the source's own figures, recomputed
      breakeven rules show q1-low-volume           one rule in plain English

    \b
    Shell completion (bash; zsh and fish alike):
      eval "$(_BREAKEVEN_COMPLETE=bash_source breakeven)"
    """


@main.command()
@click.argument("case", metavar="CASE")
@FORMAT_OPTION
@OUTPUT_OPTION
@RULES_OPTION
@refuses_bad_input
def recommend(case: str, report_format: str | None, output: str | None, rules: str | None) -> None:
    """Decide the case file CASE (`-` reads standard input).

    A case file is YAML, one fact a line; what is not given is assumed with its source, or unknown:

    \b
      requests_per_month: 200_000
      has_ml_engineering: yes
      prompt_accuracy: {low: 0.80, likely: 0.82, high: 0.85}
      budget: unknown

    \b
    Examples:
      breakeven recommend examples/case-2-insurance-claims.yaml
      breakeven recommend case.yaml --format json | jq .recommendation
      breakeven recommend case.yaml -o report.html
    """
    from engine.case import read_case
    from engine.source import read_document

    knowledge = _knowledge(rules)
    _report(read_case(read_document(case), knowledge.facts), knowledge, report_format, output)


@main.command()
@click.option("--answers", metavar="FILE", help="Start from the answers in FILE (a case file).")
@click.option("--save", metavar="FILE", help="Keep the answers in FILE, as a case file to go on with.")
@FORMAT_OPTION
@OUTPUT_OPTION
@RULES_OPTION
@refuses_bad_input
def ask(
    answers: str | None, save: str | None, report_format: str | None, output: str | None, rules: str | None
) -> None:
    """Answer one question at a time and get the same report as from a case file.

    At every question: `?` explains it, `-` means don't know, `<` goes back, `.` decides now.
    It stops as soon as no open answer can change the recommendation. Ctrl-C keeps your answers.

    \b
    Examples:
      breakeven ask
      breakeven ask --save answers.yaml
      breakeven ask --answers answers.yaml -o report.html
    """
    from engine.conversation import Interrupted, converse

    from engine.case import read_case
    from engine.source import read_document

    knowledge = _knowledge(rules)
    started = read_case(read_document(answers), knowledge.facts) if answers else None
    try:
        case = converse(knowledge, _pool(knowledge), answers=started, save=Path(save) if save else None)
    except Interrupted as interrupted:
        click.echo(str(interrupted), err=True)
        raise SystemExit(130) from None
    _report(case, knowledge, report_format, output)


@main.command()
@click.option("--format", "report_format", type=click.Choice(("terminal", "markdown", "json")), default="terminal")
@click.option("--verdict", metavar="WORD", help="Only claims with this verdict, e.g. off.")
@RULES_OPTION
@refuses_bad_input
def claims(report_format: str, verdict: str | None, rules: str | None) -> None:
    """Recompute the source's numeric claims and say which of them hold.

    \b
    Examples:
      breakeven claims
      breakeven claims --verdict off
      breakeven claims --format json
    """
    from engine.listing import render_claims

    click.echo(render_claims(_knowledge(rules), report_format, verdict=verdict, **_terminal()), nl=False)


@main.group()
def rules() -> None:
    """Look into the knowledge base."""


def _complete_names(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from engine.catalogue import known_names
    from engine.knowledge import load_knowledge

    return [name for name in known_names(load_knowledge()) if name.startswith(incomplete)]


@rules.command()
@click.argument("name", required=False, metavar="[ID]", shell_complete=_complete_names)
@click.option("--format", "report_format", type=click.Choice(("terminal", "json")), default="terminal")
@RULES_OPTION
@refuses_bad_input
def show(name: str | None, report_format: str, rules: str | None) -> None:
    """Show one rule, decision, fact, figure, table or amount in plain English; without ID list them all.

    \b
    Examples:
      breakeven rules show
      breakeven rules show q1-low-volume
      breakeven rules show break_even_months
    """
    from engine.listing import render_catalogue

    click.echo(render_catalogue(_knowledge(rules), name, report_format), nl=False)


def _knowledge(directory: str | None) -> Knowledge:
    from engine.knowledge import load_knowledge
    from engine.soundness import require_sound

    knowledge = load_knowledge(directory)
    require_sound(knowledge)
    return knowledge


def _pool(knowledge: Knowledge) -> EnginePool:
    from engine.inference import EnginePool

    return EnginePool(knowledge)


def _terminal() -> dict[str, Any]:
    """How wide the output may be, and whether it may have colour."""
    to_person = sys.stdout.isatty()
    return {"width": None if to_person else 100, "colour": to_person and "NO_COLOR" not in os.environ}


def _report(case: Case, knowledge: Knowledge, report_format: str | None, output: str | None) -> None:
    """Decide and show: on standard output, or in a file that is written whole or not at all."""
    from engine.describe import decide
    from engine.report import render
    from engine.source import write_text_atomically

    chosen = report_format or _SUFFIXES.get(Path(output).suffix.lower() if output else "", "terminal")
    decision = decide(case, _pool(knowledge))
    options: dict[str, Any] = _terminal() if output is None else {"width": 100, "colour": False}
    text = render(decision, chosen, **options)  # type: ignore[arg-type]  # click checked the format
    if output is None:
        click.echo(text, nl=False)
    else:
        write_text_atomically(Path(output), text)


if __name__ == "__main__":
    main(prog_name="breakeven")
