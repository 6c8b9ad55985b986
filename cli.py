"""The command line: parses, calls the engine, prints; everything else is in ``engine``."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine import __version__
from engine.commands.audit import audit
from engine.commands.explain import what_if, why, why_not
from engine.commands.flips import flips
from engine.commands.options import (
    FORMAT_OPTION,
    ON_OPTION,
    OUTPUT_OPTION,
    RULES_OPTION,
    chosen_format,
    emit,
    layout,
    read_case_file,
    recording_options,
    refuses_bad_input,
    sound_knowledge,
    terminal,
)

if TYPE_CHECKING:
    from datetime import datetime

    from engine.case import Case
    from engine.inference import EnginePool
    from engine.knowledge import Knowledge
    from engine.records.settings import Settings

_HANDBOOK_SUFFIXES = {".html": "html", ".htm": "html", ".md": "markdown", ".markdown": "markdown"}
_GRAPH_SUFFIXES = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid", ".dot": "dot", ".gv": "dot"}


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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Better a question mark than no report where a terminal has no ≥ or “.
            stream.reconfigure(errors="replace")


@main.command()
@click.argument("case", metavar="CASE")
@FORMAT_OPTION
@OUTPUT_OPTION
@RULES_OPTION
@ON_OPTION
@recording_options
@refuses_bad_input
def recommend(
    case: str,
    report_format: str | None,
    output: str | None,
    rules: str | None,
    on: datetime | None,
    record: bool | None,
    who: str | None,
    store: str | None,
) -> None:
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
      breakeven recommend case.yaml --record --who "A. Meyer, procurement"
    """
    from engine.records.settings import read_settings

    settings = read_settings(record=record, store=store, who=who)
    _say_unrecorded(settings, record, store, who)
    knowledge = sound_knowledge(rules, on)
    _report(read_case_file(case, knowledge), knowledge, settings, report_format, output)


@main.command()
@click.option("--answers", metavar="FILE", help="Start from the answers in FILE (a case file).")
@click.option("--save", metavar="FILE", help="Keep the answers in FILE, as a case file to go on with.")
@FORMAT_OPTION
@OUTPUT_OPTION
@RULES_OPTION
@ON_OPTION
@recording_options
@refuses_bad_input
def ask(
    answers: str | None,
    save: str | None,
    report_format: str | None,
    output: str | None,
    rules: str | None,
    on: datetime | None,
    record: bool | None,
    who: str | None,
    store: str | None,
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
    from engine.records.recording import require_records
    from engine.records.settings import read_settings

    settings = read_settings(record=record, store=store, who=who)
    require_records(settings)
    _say_unrecorded(settings, record, store, who)
    knowledge = sound_knowledge(rules, on)
    started = read_case_file(answers, knowledge) if answers else None
    try:
        case = converse(knowledge, _pool(knowledge), answers=started, save=Path(save) if save else None)
    except Interrupted as interrupted:
        click.echo(str(interrupted), err=True)
        raise SystemExit(130) from None
    _report(case, knowledge, settings, report_format, output)


@main.command()
@click.option(
    "--format",
    "report_format",
    type=click.Choice(("terminal", "markdown", "json")),
    default="terminal",
    help="How to print them.",
)
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

    click.echo(render_claims(sound_knowledge(rules), report_format, verdict=verdict, **terminal()), nl=False)


main.add_command(why)
main.add_command(why_not)
main.add_command(what_if)
main.add_command(flips)
main.add_command(audit)


@main.group()
def rules() -> None:
    """Look into the knowledge base."""


def _complete_names(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from engine.catalogue import known_names
    from engine.knowledge import load_knowledge

    return [name for name in known_names(load_knowledge()) if name.startswith(incomplete)]


@rules.command()
@click.argument("name", required=False, metavar="[ID]", shell_complete=_complete_names)
@click.option(
    "--format", "report_format", type=click.Choice(("terminal", "json")), default="terminal", help="How to print it."
)
@RULES_OPTION
@ON_OPTION
@refuses_bad_input
def show(name: str | None, report_format: str, rules: str | None, on: datetime | None) -> None:
    """Show one rule, decision, fact, figure, table or amount in plain English; without ID list them all.

    \b
    Examples:
      breakeven rules show
      breakeven rules show q1-low-volume
      breakeven rules show break_even_months
    """
    from engine.listing import render_catalogue

    click.echo(render_catalogue(sound_knowledge(rules, on), name, report_format), nl=False)


@rules.command()
@click.argument("name", required=False, metavar="[ID]", shell_complete=_complete_names)
@click.option(
    "--format",
    "graph_format",
    type=click.Choice(("svg", "mermaid", "dot")),
    help="Default: by the file's name, else mermaid; dot is for Graphviz.",
)
@click.option("--decisions-only", is_flag=True, help="Leave out figures, amounts and tables.")
@OUTPUT_OPTION
@RULES_OPTION
@ON_OPTION
@refuses_bad_input
def graph(
    name: str | None,
    graph_format: str | None,
    decisions_only: bool,
    output: str | None,
    rules: str | None,
    on: datetime | None,
) -> None:
    """Draw which facts and figures feed which decisions; with ID only what that one depends on.

    \b
    Examples:
      breakeven rules graph --decisions-only
      breakeven rules graph break_even_months -o graph.svg
    """
    from engine.graph import draw, requirements

    chosen = graph_format or _by_name(output, _GRAPH_SUFFIXES, "mermaid")
    required = requirements(sound_knowledge(rules, on), name, decisions_only=decisions_only)
    emit(draw(required, chosen), output)  # type: ignore[arg-type]  # click checked the format


@rules.command("docs")
@click.option(
    "--format", "handbook_format", type=click.Choice(("html", "markdown")), help="Default: by the file's name."
)
@OUTPUT_OPTION
@RULES_OPTION
@ON_OPTION
@refuses_bad_input
def handbook(handbook_format: str | None, output: str | None, rules: str | None, on: datetime | None) -> None:
    """Write the whole knowledge base as one document to browse.

    \b
    Examples:
      breakeven rules docs -o rules.html
      breakeven rules docs --format markdown
    """
    from engine.handbook import render_handbook

    chosen = handbook_format or _by_name(output, _HANDBOOK_SUFFIXES, "markdown")
    emit(render_handbook(sound_knowledge(rules, on), "html" if chosen == "html" else "markdown"), output)


@rules.command("init")
@click.argument("directory", metavar="DIR")
@refuses_bad_input
def init(directory: str) -> None:
    """Copy the built-in knowledge base into the new directory DIR, to own and edit.

    \b
    Examples:
      breakeven rules init my-rules
      breakeven recommend case.yaml --rules my-rules
    """
    from engine.editing import start_base

    written = start_base(directory, sound_knowledge(None))
    click.echo(f"{len(written)} files in {directory}. Decide with them: breakeven recommend CASE --rules {directory}")


@rules.command("new")
@click.argument("part", type=click.Choice(("fact", "decision", "rule")))
@click.argument("name", metavar="NAME")
@click.option("--decision", metavar="NAME", help="For a rule: the decision it belongs to.")
@click.option("--rules", "rules", metavar="DIR", envvar="BREAKEVEN_RULES", required=True, help="The base to add it to.")
@refuses_bad_input
def new(part: str, name: str, decision: str | None, rules: str) -> None:
    """Scaffold a new fact, decision or rule with a test of it, ready to be edited.

    \b
    Examples:
      breakeven rules new fact vendor_is_approved --rules my-rules
      breakeven rules new decision procurement --rules my-rules
      breakeven rules new rule method-tiny --decision method --rules my-rules
    """
    from engine.editing import add_part, to_fill_in

    if decision is not None and part != "rule":
        raise click.UsageError(f"A {part} belongs to no decision: leave --decision out, or add a rule.")
    files = add_part(Path(rules), lambda: sound_knowledge(rules), part, name, decision)  # type: ignore[arg-type]
    for path in files:
        click.echo(f"{path}")
    click.echo(f"{to_fill_in(part)}.")  # type: ignore[arg-type]  # click checked the part


@rules.command("fmt")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a file would change.")
@click.option("--rules", "rules", metavar="DIR", envvar="BREAKEVEN_RULES", required=True, help="The base to format.")
@refuses_bad_input
def fmt(check: bool, rules: str) -> None:
    """Bring every file of a base into the canonical layout; comments and order stay.

    \b
    Examples:
      breakeven rules fmt --rules my-rules
      breakeven rules fmt --rules my-rules --check
    """
    from engine.editing import files_of_base, unformatted
    from engine.source import write_text_atomically

    changed = unformatted(files_of_base(sound_knowledge(rules)))
    for path, text in changed.items():
        if not check:
            write_text_atomically(path, text)
        click.echo(f"{'would change' if check else 'formatted'}: {path}")
    if check and changed:
        raise SystemExit(1)


@rules.command("check")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(("text", "json", "sarif", "github")),
    default="text",
    help="How to print the findings; github annotates a pull request.",
)
@OUTPUT_OPTION
@RULES_OPTION
@ON_OPTION
@refuses_bad_input
def check_rules(output_format: str, output: str | None, rules: str | None, on: datetime | None) -> None:
    """Find everything that is wrong with a base: broken, uncovered, contradictory, unreachable or idle.

    Exit status 1 where something was found, 2 where a file could not be read.

    \b
    Examples:
      breakeven rules check
      breakeven rules check --rules my-rules
      breakeven rules check --rules my-rules --format sarif -o findings.sarif
    """
    from engine.checking.check import check
    from engine.checking.findings import render_findings

    report = check(rules, on=on.date() if on else None)
    emit(render_findings(report, output_format), output)
    raise SystemExit(report.exit_status)


@rules.command("test")
@click.option(
    "--format", "output_format", type=click.Choice(("text", "json", "junit")), default="text", help="How to print them."
)
@click.option("-k", "choice", metavar="EXPRESSION", help="Only tests whose name fits, e.g. 'volume and not team'.")
@click.option("--watch", "watching", is_flag=True, help="Run again whenever a file of the base changes.")
@click.option("--suggest", "suggesting", is_flag=True, help="Write the missing boundary cases, to be confirmed.")
@OUTPUT_OPTION
@RULES_OPTION
@ON_OPTION
@refuses_bad_input
def test_rules(
    output_format: str,
    choice: str | None,
    watching: bool,
    suggesting: bool,
    output: str | None,
    rules: str | None,
    on: datetime | None,
) -> None:
    """Run the decision tests that stand beside the rules, in the folder tests.

    Exit status 1 where a test fails.

    \b
    Examples:
      breakeven rules test
      breakeven rules test --rules my-rules -k volume
      breakeven rules test --rules my-rules --watch
      breakeven rules test --rules my-rules --suggest -o my-rules/tests/suggested.yaml
    """
    from engine.testing.rule_commands import run_decision_tests, suggest_tests, watch_tests

    if watching and (suggesting or output is not None or output_format != "text"):
        raise click.UsageError("--watch prints text to the terminal: leave out --suggest, --format and -o.")
    if suggesting and (choice is not None or output_format != "text"):
        raise click.UsageError("--suggest writes a file of tests: leave out -k and --format; -o FILE says where.")
    if watching:
        from engine.resources import rules_directory

        watch_tests(
            Path(rules) if rules else rules_directory(),
            lambda: sound_knowledge(rules, on),
            lambda text: click.echo(text, nl=False),
            choice=choice,
            **terminal(),
        )
        return
    knowledge = sound_knowledge(rules, on)
    if suggesting:
        finished = suggest_tests(knowledge, Path(output) if output else None)
    else:
        finished = run_decision_tests(knowledge, output_format, choice=choice, **terminal())  # type: ignore[arg-type]
    emit(finished.text, output)
    raise SystemExit(finished.exit_status)


@rules.command("coverage")
@click.option(
    "--format", "output_format", type=click.Choice(("text", "json", "html")), help="Default: by the file's name."
)
@click.option("--fail-under", type=click.FloatRange(0, 100), metavar="PERCENT", help="Exit 1 below this coverage.")
@OUTPUT_OPTION
@RULES_OPTION
@ON_OPTION
@refuses_bad_input
def cover_rules(
    output_format: str | None, fail_under: float | None, output: str | None, rules: str | None, on: datetime | None
) -> None:
    """Measure what the decision tests exercise: rows, both sides of conditions, MC/DC and values.

    \b
    Examples:
      breakeven rules coverage
      breakeven rules coverage --rules my-rules --fail-under 100
      breakeven rules coverage -o coverage.html
    """
    from engine.testing.rule_commands import run_coverage

    chosen = chosen_format(output_format, output, "text")
    finished = run_coverage(sound_knowledge(rules, on), chosen, fail_under=fail_under, **terminal())
    emit(finished.text, output)
    raise SystemExit(finished.exit_status)


@rules.command("diff")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="[NEW]", required=False)
@click.option("--cases", metavar="FILE", help="Cases to decide with both: a folder, or YAML, JSON lines or CSV.")
@click.option(
    "--format", "output_format", type=click.Choice(("text", "json")), default="text", help="How to print what differs."
)
@OUTPUT_OPTION
@RULES_OPTION
@ON_OPTION
@refuses_bad_input
def diff_rules(
    old: str,
    new: str | None,
    cases: str | None,
    output_format: str,
    output: str | None,
    rules: str | None,
    on: datetime | None,
) -> None:
    """Compare what two bases say and decide: OLD with NEW, by default with the base of --rules.

    Each is a folder, a git revision such as HEAD~1 or v1.0:rules, a wheel, or the word built-in. For every decision
    that changed there is a case that shows it, or a proof that it decides as before.

    Exit status 1 where something that decides differs, or was not proved to be the same.

    \b
    Examples:
      breakeven rules diff built-in my-rules
      breakeven rules diff HEAD~1 my-rules --cases cases/
      breakeven rules diff breakeven-1.0-py3-none-any.whl my-rules --format json
    """
    from engine.comparing.comparison import compare
    from engine.comparing.comparison_report import render_comparison
    from engine.comparing.rule_sources import BUILT_IN

    comparison = compare(old, new or rules or BUILT_IN, cases, on=on.date() if on else None)
    emit(render_comparison(comparison, output_format), output)
    raise SystemExit(comparison.exit_status)


@rules.command("export")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(("dmn", "dmn-tables")),
    default="dmn",
    help="One DMN 1.3 file of all decisions, or with dmn-tables one file for each into a directory.",
)
@click.option("-o", "--output", metavar="FILE", help="Write to FILE instead of printing; of dmn-tables the directory.")
@RULES_OPTION
@ON_OPTION
@refuses_bad_input
def export(output_format: str, output: str | None, rules: str | None, on: datetime | None) -> None:
    """Write the decision tables as DMN 1.3, for other engines.

    \b
    Examples:
      breakeven rules export -o rules.dmn
      breakeven rules export --format dmn-tables -o tables
    """
    from engine.dmn import export_dmn, export_dmn_tables
    from engine.editing import named_directory, write_files

    if output_format == "dmn":
        emit(export_dmn(sound_knowledge(rules, on)), output)
        return
    if output is None:
        raise click.UsageError("Several files need a directory: add -o DIR.")
    directory = named_directory(output)
    tables = export_dmn_tables(sound_knowledge(rules, on))
    write_files(directory, tables)
    click.echo(f"{len(tables)} files in {output}.")


@rules.command("import")
@click.argument("file", metavar="FILE.dmn")
@click.option("-o", "--output", metavar="DIR", required=True, help="The new directory of the base.")
@refuses_bad_input
def import_rules(file: str, output: str) -> None:
    """Make a knowledge base of the decision tables of a DMN 1.1 to 1.5 file.

    \b
    Examples:
      breakeven rules import loan.dmn -o loan-rules
      breakeven recommend case.yaml --rules loan-rules --format json
    """
    from engine.dmn import import_model, write_base

    imported = import_model(file)
    write_base(output, imported.files)
    count = len(imported.files)
    click.echo(f"{count} files in {output}. Decide with them: breakeven recommend CASE --rules {output}")
    for note in imported.notes:
        click.echo(f"{note}.")


@rules.command()
@click.argument("name", required=False, metavar="[NAME]")
@click.option("-o", "--output", metavar="DIR", help="Write every schema into DIR.")
@RULES_OPTION
@refuses_bad_input
def schema(name: str | None, output: str | None, rules: str | None) -> None:
    """Print the JSON Schema NAME, or write them all.

    There is one for each kind of file (facts, costs, decision, knowledge, claims, tests, case, settings), for the
    report and for exported records.

    \b
    Examples:
      breakeven rules schema case
      breakeven rules schema -o schemas
    """
    import json

    from engine.editing import write_files
    from engine.schema import schemas

    texts = {
        key: json.dumps(one, indent=2, ensure_ascii=False) + "\n"
        for key, one in schemas(sound_knowledge(rules)).items()
    }
    if output is not None:
        write_files(Path(output), {f"{key}.schema.json": text for key, text in texts.items()})
    elif name in texts:
        click.echo(texts[name], nl=False)
    else:
        raise click.UsageError(f"Name one of {', '.join(texts)}, or write them all with -o DIR.")


def _by_name(output: str | None, suffixes: dict[str, str], default: str) -> str:
    """The format that the name of an output file asks for; the default where it has no suffix.

    Raises:
        click.UsageError: there is no format of that suffix.
    """
    suffix = Path(output).suffix.lower() if output else ""
    if suffix and suffix not in suffixes:
        message = f"There is no format for {suffix}: name FILE with {', '.join(suffixes)}, or add --format."
        raise click.UsageError(message)
    return suffixes.get(suffix, default)


def _pool(knowledge: Knowledge) -> EnginePool:
    from engine.inference import EnginePool

    return EnginePool(knowledge)


def _say_unrecorded(settings: Settings, record: bool | None, store: str | None, who: str | None) -> None:
    """Say aside that nothing is recorded, to whoever says where or by whom, and neither asks for it nor against it.

    Settings that could not be looked at might have asked for it.
    """
    if settings.unread is not None and record is None:
        click.echo(f"not recorded: {settings.unread}", err=True)
        return
    if not settings.record and record is None and (store is not None or who is not None):
        click.echo("not recorded: add --record", err=True)


def _report(
    case: Case, knowledge: Knowledge, settings: Settings, report_format: str | None, output: str | None
) -> None:
    """Decide, record where that is wanted, and show: on standard output, or in a file written whole or not at all."""
    from engine.describe import describe
    from engine.pipeline import infer
    from engine.report import render

    chosen = chosen_format(report_format, output)
    outcome = infer(case, _pool(knowledge))
    decision = describe(outcome)
    if settings.record:
        from engine.records.recording import recorded
        from engine.records.sensitive import without_effect

        decision = recorded(outcome, decision, settings)
        click.echo(f"recorded as {decision.record}", err=True)
        for sentence in without_effect(knowledge, settings):
            click.echo(f"note: {sentence}", err=True)
    emit(render(decision, chosen, **layout(output)), output)


def run() -> None:
    """The command as installed.

    Deciding one case ends before its garbage would matter, and collecting it takes a fifth of the time.
    """
    if sys.argv[1:2] == ["recommend"]:
        import atexit
        import gc

        gc.disable()
        atexit.register(gc.freeze)
    main(prog_name="breakeven")


if __name__ == "__main__":
    run()
