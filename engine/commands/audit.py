"""The commands that look into the decision records: ``breakeven audit …``."""

# ruff: noqa: D301 - \b is click's mark for lines to keep

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engine.commands.options import (
    ON_OPTION,
    OUTPUT_OPTION,
    STORE_OPTION,
    WHO_OPTION,
    emit,
    refuses_bad_input,
    terminal,
)

if TYPE_CHECKING:
    from datetime import datetime

    from engine.records.bases import Bases
    from engine.records.pages import Look
    from engine.records.reading import Filters, Record
    from engine.records.settings import Settings
    from engine.records.store import Damaged, Store

_F = TypeVar("_F", bound=Callable[..., Any])

_TEXT_OR_JSON = click.option(
    "--format", "output_format", type=click.Choice(("text", "json")), default="text", help="How to print it."
)
#: Damaged records that are named before the others are counted.
_MOST_DAMAGED = 20
_ID = click.argument("id", metavar="ID")
#: The options that say which decisions are meant, in the order that help shows them.
_FILTERS = (
    click.option("--since", metavar="DATE", help="Recorded on this day or later, e.g. 2026-05-01 (UTC)."),
    click.option("--until", metavar="DATE", help="Recorded on this day or earlier; a time means before it (UTC)."),
    click.option("--approach", metavar="WORD", help="That recommended this."),
    click.option("--rule", metavar="ID", help="In which this rule fired."),
    click.option("--knowledge-base", metavar="HASH|VERSION", help="Decided by this base: the hash may be cut short."),
    click.option("--who", metavar="TEXT", help="Decided by whoever has this in their name."),
    click.option("--limit", type=click.IntRange(1, sys.maxsize), metavar="N", help="At most so many, the newest."),
)


def _filtered(command: _F) -> _F:
    """The options that say which decisions are meant, handed over as ``filters``."""

    @wraps(command)
    def with_filters(*arguments: Any, **options: Any) -> Any:
        named = ("since", "until", "approach", "rule", "knowledge_base", "who", "limit")
        said = {name: options.pop(name) for name in named}
        return command(*arguments, said=said, **options)

    found: Any = with_filters
    for option in reversed(_FILTERS):
        found = option(found)
    return found  # type: ignore[no-any-return]  # the wrapper has the command's signature but for the filters


@dataclass(frozen=True, slots=True)
class _Opened:
    """The records while a command looks at them.

    Args:
        damaged: records that the command came upon and left out, as they cannot be trusted.
    """

    store: Store
    bases: Bases
    settings: Settings
    damaged: list[Damaged] = field(default_factory=list)


@contextmanager
def _opened(store: str | None, who: str | None = None) -> Iterator[_Opened]:
    """The records; what was left out of them for being damaged is said at the end, with exit status 1."""
    from engine.records.bases import bases_of
    from engine.records.recording import opened_records
    from engine.records.settings import read_settings

    settings = read_settings(store=store, who=who, required=True)
    with opened_records(settings) as found, bases_of(found) as bases:
        opened = _Opened(found, bases, settings)
        yield opened
    if opened.damaged:
        for sentence in _left_out(opened.damaged):
            click.echo(sentence, err=True)
        raise SystemExit(1)


def _left_out(damaged: Sequence[Damaged]) -> Iterator[str]:
    """What is said of damaged records, each once."""
    found = {(one.sequence or 0, one.id): one for one in damaged}
    for _, one in sorted(found.items(), key=lambda item: item[0])[:_MOST_DAMAGED]:
        yield f"left out: {one.sentence}."
    if (more := len(found) - _MOST_DAMAGED) > 0:
        yield f"left out: {more} more that cannot be trusted."
    yield "`breakeven audit verify` finds everything that is wrong with the records."


def _filters(said: dict[str, Any], *, limited: bool = True) -> Filters:
    """Which decisions the options mean.

    Raises:
        BadInput: a day is none.
    """
    from engine.records.reading import Filters, moment

    return Filters(
        since=moment(said["since"], "--since") if said["since"] is not None else None,
        until=moment(said["until"], "--until", end=True) if said["until"] is not None else None,
        approach=said["approach"],
        rule=said["rule"],
        knowledge_base=said["knowledge_base"],
        who=said["who"],
        limit=said["limit"] if limited else None,
    )


def _refuse_filters(said: Mapping[str, object]) -> None:
    """Refuse filters where an ID says already which decision is meant.

    Raises:
        BadInput: there are some.
    """
    from engine.errors import refuse_one

    for name, value in said.items():
        if value is not None:
            option, hint = f"--{name.replace('_', '-')}", "Leave one of the two out"
            refuse_one(option, "is of no use beside an ID, which means one decision", hint)


def _meant(opened: _Opened, said: dict[str, Any]) -> Iterator[Record]:
    """The decisions that the options mean, in the order of the chain; of a limited number the newest."""
    from engine.records.reading import decisions

    filters = _filters(said)
    if filters.limit is None:
        return decisions(opened.store, filters, damaged=opened.damaged)
    return reversed(list(decisions(opened.store, filters, newest_first=True, damaged=opened.damaged)))


def _named(file: str, option: str) -> str:
    """The name of a file; an empty one, such as of a variable that is not set, must not pass for no option.

    Raises:
        BadInput: it is empty.
    """
    from engine.errors import refuse_one

    if not file:
        refuse_one(option, "no file is named", "Write the name of a file")
    return file


def _say_strangers(opened: _Opened, said: dict[str, Any], found: Sequence[object]) -> None:
    """Where nothing was found, say aside which rule or approach no recorded base has."""
    from engine.records.search import strangers

    for sentence in () if found else strangers(opened.store, opened.bases, _filters(said)):
        click.echo(sentence, err=True)


def _look() -> Look:
    from engine.records.pages import Look

    return Look(**terminal())


@click.group()
def audit() -> None:
    """Look into recorded decisions: find, check, decide again, compare with what happened.

    Decisions are recorded by `recommend --record` and `ask --record`, or always, where the settings
    file or BREAKEVEN_RECORD says so.

    A command that reads many records leaves out those that cannot be trusted, names them on standard error
    and ends with exit status 1.

    \b
    Examples:
      breakeven audit list --since 2026-05-01
      breakeven audit show 3f2a
      breakeven audit verify
    """


@audit.command("list")
@_filtered
@_TEXT_OR_JSON
@STORE_OPTION
@refuses_bad_input
def list_records(said: dict[str, Any], output_format: str, store: str | None) -> None:
    """List recorded decisions, the newest first.

    \b
    Examples:
      breakeven audit list
      breakeven audit list --since 2026-05-01 --approach lora
      breakeven audit list --rule q1-low-volume --format json
    """
    from engine.records.pages import render_list
    from engine.records.reading import decisions

    with _opened(store) as opened:
        found = list(decisions(opened.store, _filters(said), newest_first=True, damaged=opened.damaged))
        emit(render_list(found, opened.bases, output_format, _look()))
        _say_strangers(opened, said, found)


@audit.command()
@click.argument("conditions", nargs=-1, required=True, metavar="CONDITION...")
@_filtered
@_TEXT_OR_JSON
@STORE_OPTION
@refuses_bad_input
def search(conditions: Sequence[str], said: dict[str, Any], output_format: str, store: str | None) -> None:
    """Find decisions by the facts and figures they rested on; every CONDITION has to hold.

    A CONDITION is a name, one of = != < <= > >=, and a value; A..B is a range, ends included.
    Quotes keep the shell from reading < and >.

    \b
    Examples:
      breakeven audit search 'requests_per_month>=100000'
      breakeven audit search prompt_accuracy=0.8..0.9 has_ml_engineering=no
      breakeven audit search 'break_even_months<=6' --since 2026-01-01
    """
    from engine.records.pages import render_list
    from engine.records.reading import decisions
    from engine.records.search import parse_condition
    from engine.records.search import search as searched

    asked = [parse_condition(text) for text in conditions]
    with _opened(store) as opened:
        filters = _filters(said, limited=False)
        records = decisions(opened.store, filters, newest_first=True, damaged=opened.damaged)
        found = searched(records, asked, opened.bases, opened.settings, said["limit"])
        emit(render_list(found.records, opened.bases, output_format, _look(), withheld=found.withheld))
        _say_strangers(opened, said, found.records)


@audit.command()
@_ID
@_TEXT_OR_JSON
@STORE_OPTION
@refuses_bad_input
def show(id: str, output_format: str, store: str | None) -> None:
    """Show one recorded decision whole: rules as of then, facts and their sources, sums, place in the chain.

    ID may be cut short, as long as it is the only one that begins so.

    \b
    Examples:
      breakeven audit show 3f2a
      breakeven audit show 3f2a --format json
    """
    from engine.records.pages import render_record
    from engine.records.reading import decision

    with _opened(store) as opened:
        record = decision(opened.store, id)
        emit(render_record(opened.store, record, opened.bases, output_format, _look()))


@audit.command()
@click.option("--checkpoint", "checkpoints", multiple=True, metavar="FILE", help="Hold it against this checkpoint too.")
@click.option("--public-key", metavar="FILE", help="Accept only checkpoints that are signed by this key (PEM).")
@_TEXT_OR_JSON
@STORE_OPTION
@refuses_bad_input
def verify(checkpoints: Sequence[str], public_key: str | None, output_format: str, store: str | None) -> None:
    """Find every record that was edited, removed, inserted, reordered or cut off.

    Whoever may write to the database could rewrite the end of the chain; a checkpoint that is kept
    elsewhere catches that. Exit status 1 where something is found.

    \b
    Examples:
      breakeven audit verify
      breakeven audit verify --checkpoint may.json --public-key audit-key.pub
    """
    from engine.records import checkpoints as checking
    from engine.records.database import DamagedRecords
    from engine.records.pages import render_verification
    from engine.records.verify import verification_of_damage
    from engine.records.verify import verify as verified
    from engine.source import read_text

    held = [checking.read(_named(path, "--checkpoint")) for path in checkpoints]
    key = None if public_key is None else read_text(_named(public_key, "--public-key"))
    try:
        with _opened(store) as opened:
            shown = opened.store.shown
            found = verified(opened.store, held, key, **({} if public_key is None else {"shown": public_key}))
    except DamagedRecords as error:
        # That is no wrong usage: what was to be found out is found.
        shown, found = str(error.problems[0].place), verification_of_damage(error)
    emit(render_verification(found, output_format, _look(), shown_store=shown))
    if not found.whole:
        raise SystemExit(1)


@audit.command()
@click.option("--sign-with", metavar="KEY", help="Sign it with this private key (PEM; breakeven audit keys makes one).")
@click.option("--record", "recorded", is_flag=True, help="Append it to the records as well, to show who vouched when.")
@OUTPUT_OPTION
@STORE_OPTION
@refuses_bad_input
def checkpoint(sign_with: str | None, recorded: bool, output: str | None, store: str | None) -> None:
    """Write down what the newest record is, to be kept elsewhere: on paper, in a mail, with a notary.

    \b
    Examples:
      breakeven audit checkpoint
      breakeven audit checkpoint --sign-with audit-key.pem -o may.json
    """
    from engine.records import checkpoints as checking
    from engine.source import read_text

    key = None if sign_with is None else read_text(_named(sign_with, "--sign-with"))
    with _opened(store) as opened:
        made = checking.make(opened.store)
        if key is not None and sign_with is not None:
            made = checking.sign(made, key, shown=sign_with)
        if recorded:
            checking.record(opened.store, made)
    emit(checking.to_text(made), output)


@audit.command()
@click.argument("file", metavar="FILE")
@refuses_bad_input
def keys(file: str) -> None:
    """Make a key pair to sign checkpoints with: FILE for you alone, and a public key for those who check.

    The public key is called as FILE is, with .pub in place of .pem: audit-key.pub of audit-key.pem. A FILE
    without .pem gets .pub after its whole name.

    \b
    Examples:
      breakeven audit keys audit-key.pem
    """
    from engine.records.checkpoints import write_key_pair

    _named(file, "FILE")
    public = Path(f"{file.removesuffix('.pem')}.pub")
    write_key_pair(Path(file), public)
    click.echo(f"{file} signs checkpoints; keep it to yourself. {public} checks them; hand it out.")


@audit.command()
@_ID
@click.option("--reason", required=True, metavar="TEXT", help="Why; it stays for good, so it must name no person.")
@STORE_OPTION
@refuses_bad_input
def erase(id: str, reason: str, store: str | None) -> None:
    """Erase who decided, the case and every value of a record, and what is known to have come of it.

    The key that they were encrypted with is destroyed, so they are gone for good. The record itself,
    which rules fired and what was recommended stay, and the chain still verifies. The erasure is recorded.

    \b
    Examples:
      breakeven audit erase 3f2a --reason "request under article 17"
    """
    from engine.records.erasing import erase_decision

    with _opened(store) as opened:
        done = erase_decision(opened.store, id, reason)
        for entry in done.entries:
            click.echo(f"erased {entry.public['erased']}, recorded as {entry.id}")
        for note in (*done.notes, *getattr(opened.store, "notes", ())):
            click.echo(f"note: {note}", err=True)


@audit.command()
@click.argument("id", metavar="[ID]", required=False)
@_filtered
@_TEXT_OR_JSON
@STORE_OPTION
@refuses_bad_input
def replay(id: str | None, said: dict[str, Any], output_format: str, store: str | None) -> None:
    """Decide recorded decisions once more, by the rules and the day of then, and report any difference.

    Exit status 1 where something comes out otherwise, or cannot be decided because a key or a knowledge base
    is lost or edited. Records that were erased, or withhold sensitive facts, are named; asked for by its ID,
    such a record ends with exit status 1 too.

    \b
    Examples:
      breakeven audit replay
      breakeven audit replay 3f2a
      breakeven audit replay --since 2026-05-01 --format json
    """
    from engine.records.pages import render_replay
    from engine.records.reading import decision
    from engine.records.replay import replay as replayed

    if id is not None:
        _refuse_filters(said)
    with _opened(store) as opened:
        records = [decision(opened.store, id)] if id is not None else _meant(opened, said)
        found = replayed(records, opened.bases)
        emit(render_replay(found, output_format, _look()))
        if id is None:
            _say_strangers(opened, said, range(found.total))
    raise SystemExit(1 if id is not None and found.not_replayed else found.exit_status)


@audit.command()
@click.option(
    "--rules", metavar="BASE", required=True, help="The base that is to be: a folder, a git revision, a wheel."
)
@_filtered
@_TEXT_OR_JSON
@STORE_OPTION
@ON_OPTION
@refuses_bad_input
def impact(rules: str, said: dict[str, Any], output_format: str, store: str | None, on: datetime | None) -> None:
    """Which past decisions would come out otherwise under other rules, and which rows make the difference.

    Each is decided as of its own day, unless --on names one. Exit status 1 where a decision would change,
    the base would refuse the case, or nobody can tell because a key is lost.

    \b
    Examples:
      breakeven audit impact --rules my-rules
      breakeven audit impact --rules my-rules --since 2026-01-01 --format json
    """
    from engine.comparing.rule_sources import opened as opened_rules
    from engine.records.impact import impact as impact_of
    from engine.records.pages import render_impact

    with opened_rules(rules) as source, _opened(store) as opened:
        found = impact_of(_meant(opened, said), opened.bases, source, on=on.date() if on else None)
        emit(render_impact(found, output_format, _look()))
        _say_strangers(opened, said, range(found.total))
    raise SystemExit(found.exit_status)


@audit.command()
@click.option("-o", "--output", metavar="FILE", required=True, help="The file to write; - is standard output.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(("jsonl", "csv", "parquet")),
    help="Default: by the file's name, else jsonl.",
)
@_filtered
@STORE_OPTION
@refuses_bad_input
def export(output: str, output_format: str | None, said: dict[str, Any], store: str | None) -> None:
    """Write recorded decisions as a table for other programs, one row each.

    `breakeven rules schema records` prints the JSON Schema of a row.

    \b
    Examples:
      breakeven audit export -o decisions.csv
      breakeven audit export -o decisions.parquet --since 2026-01-01
    """
    from engine.records.export import STANDARD_OUTPUT, SUFFIXES
    from engine.records.export import export as exported

    chosen = output_format or SUFFIXES.get(Path(output).suffix.lower(), "jsonl")
    with _opened(store) as opened:
        rows = exported(opened.store, lambda: _meant(opened, said), Path(output), chosen, opened.damaged)  # type: ignore[arg-type]  # click checked it
        _say_strangers(opened, said, range(rows))
        where = "standard output" if Path(output) == STANDARD_OUTPUT else output
        click.echo(f"{rows} {'decision' if rows == 1 else 'decisions'} in {where}", err=True)


@audit.command()
@_filtered
@click.option(
    "--format", "output_format", type=click.Choice(("text", "json", "html")), help="Default: by the file's name."
)
@OUTPUT_OPTION
@STORE_OPTION
@refuses_bad_input
def stats(said: dict[str, Any], output_format: str | None, output: str | None, store: str | None) -> None:
    """Count which rules fire and never fire, and how often one voice overrules another, over time.

    \b
    Examples:
      breakeven audit stats
      breakeven audit stats --since 2026-01-01 -o decisions.html
    """
    from engine.records.pages import Look, render_statistics
    from engine.records.statistics import statistics

    suffixes = {".html": "html", ".htm": "html", ".json": "json"}
    chosen = output_format or suffixes.get(Path(output).suffix.lower() if output else "", "text")
    with _opened(store) as opened:
        found = statistics(_meant(opened, said), opened.bases)
        emit(render_statistics(found, chosen, _look() if output is None else Look()), output)
        _say_strangers(opened, said, range(found.decisions))


@audit.command()
@_ID
@click.option("--fact", "facts", multiple=True, metavar="NAME=VALUE", help="A fact as it really was.")
@click.option("--figure", "figures", multiple=True, metavar="NAME=NUMBER", help="A figure as it really was.")
@click.option("--saving", metavar="NUMBER", help="What was really saved: the figure that the base calls its saving.")
@click.option("--note", metavar="TEXT", help="Anything else, in free text.")
@WHO_OPTION
@STORE_OPTION
@refuses_bad_input
def outcome(
    id: str,
    facts: Sequence[str],
    figures: Sequence[str],
    saving: str | None,
    note: str | None,
    who: str | None,
    store: str | None,
) -> None:
    """Record what really came of a decision; the latest counts where something is said again.

    \b
    Examples:
      breakeven audit outcome 3f2a --fact prompt_accuracy=0.91 --saving 1_200
      breakeven audit outcome 3f2a --figure break_even_months=7.5 --note "three weeks late"
    """
    from engine.records.outcomes import Happened, outcome_draft
    from engine.records.reading import decision
    from engine.records.sensitive import without_effect

    with _opened(store, who) as opened:
        record = decision(opened.store, id)
        happened = Happened(facts, figures, saving, note)
        knowledge = opened.bases.of(record)
        draft = outcome_draft(record, knowledge, happened, opened.settings)
        click.echo(f"recorded as {opened.store.append(draft).id}", err=True)
        for sentence in without_effect(knowledge, opened.settings) if facts else ():
            click.echo(f"note: {sentence}", err=True)


@audit.command()
@_filtered
@_TEXT_OR_JSON
@STORE_OPTION
@refuses_bad_input
def calibration(said: dict[str, Any], output_format: str, store: str | None) -> None:
    """Compare what was predicted with what happened, for each fact and figure of which anything is known.

    \b
    Examples:
      breakeven audit calibration
      breakeven audit calibration --since 2026-01-01 --format json
    """
    from engine.records.outcomes import calibrate
    from engine.records.pages import render_calibration

    with _opened(store) as opened:
        found = calibrate(opened.store, _meant(opened, said), opened.bases, opened.damaged)
        emit(render_calibration(found, output_format, _look()))
