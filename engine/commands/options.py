"""What the command line's groups of commands share: options, exit statuses, where results go."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from datetime import datetime

    from engine.case import Case
    from engine.knowledge import Knowledge

_F = TypeVar("_F", bound=Callable[..., Any])

RULES_OPTION = click.option(
    "--rules",
    "rules",
    metavar="DIR",
    envvar="BREAKEVEN_RULES",
    help="Knowledge base to decide with (or BREAKEVEN_RULES); the built-in one by default.",
)
ON_OPTION = click.option(
    "--on",
    "on",
    type=click.DateTime(("%Y-%m-%d",)),
    metavar="DATE",
    help="Decide as of this day, e.g. 2026-05-01; dated values and rules follow. Default: today.",
)
FORMATS = ("terminal", "markdown", "html", "json")
SUFFIXES = {".html": "html", ".htm": "html", ".md": "markdown", ".markdown": "markdown", ".json": "json"}
FORMAT_OPTION = click.option(
    "--format", "report_format", type=click.Choice(FORMATS), help="Default: by the output file's name, else terminal."
)
OUTPUT_OPTION = click.option("-o", "--output", metavar="FILE", help="Write the report to FILE instead of printing it.")
STORE_OPTION = click.option(
    "--store",
    "store",
    metavar="URL",
    help="Where the decision records are (or BREAKEVEN_STORE), as an SQLAlchemy URL such as "
    "sqlite:////srv/records.db; by default in your own data folder.",
)
RECORD_OPTION = click.option(
    "--record/--no-record",
    "record",
    default=None,
    help="Keep a record of the decision (or BREAKEVEN_RECORD=always, or `record: always` in the settings file).",
)
WHO_OPTION = click.option("--who", metavar="TEXT", help="Who decides, for the record (or BREAKEVEN_WHO).")


def recording_options(command: _F) -> _F:
    """The options of a command whose decision can be recorded: ``record``, ``who`` and ``store``."""
    return RECORD_OPTION(WHO_OPTION(STORE_OPTION(command)))


def refuses_bad_input(command: _F) -> _F:
    """Turn the engine's errors into messages and exit statuses: 2 for bad input, 1 for a failed check."""

    @wraps(command)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        from engine.errors import BadInput, BreakevenError
        from engine.source import printable

        try:
            return command(*arguments, **options)
        except BadInput as error:
            for problem in error.problems:
                click.echo(str(problem), err=True)
            raise SystemExit(2) from None
        except BreakevenError as error:
            click.echo(f"Error: {error}", err=True)
            raise SystemExit(1) from None
        except OSError as error:
            if error.errno == errno.EPIPE:
                # Whoever reads has enough; click ends quietly.
                raise
            if error.filename is not None:
                # What is written to standard output has no name.
                click.echo(f"{printable(str(error.filename))}: cannot be used: {str(error.strerror).lower()}", err=True)
                raise SystemExit(2) from None
            click.echo(f"standard output: cannot be written: {str(error.strerror).lower()}", err=True)
            # What is still in its buffer would be tried again at the end.
            sys.stdout = None
            raise SystemExit(2) from None

    return wrapped  # type: ignore[return-value]  # the wrapper has the command's signature


def emit(text: str, output: str | None = None) -> None:
    """Print, or write to a file whole or not at all; ``-`` is standard output.

    Raises:
        BadInput: the file cannot be written.
    """
    from engine.source import write_text_atomically

    if output in (None, "-"):
        click.echo(text, nl=False)
    else:
        write_text_atomically(Path(output), text)


def sound_knowledge(directory: str | None, on: datetime | None = None) -> Knowledge:
    """The knowledge base in a directory, by default the built-in one, known to be sound.

    Raises:
        BadInput: with every problem of it.
    """
    from engine.knowledge import load_knowledge
    from engine.soundness import require_sound

    knowledge = load_knowledge(directory, on.date() if on else None)
    require_sound(knowledge)
    return knowledge


def terminal() -> dict[str, Any]:
    """How wide the output may be, and whether it may have colour."""
    to_person = sys.stdout is not None and sys.stdout.isatty()
    return {"width": None if to_person else 100, "colour": to_person and "NO_COLOR" not in os.environ}


def chosen_format(named: str | None, output: str | None, usual: str = "terminal") -> Any:
    """The format that an option names, else that of the output file's name, else the usual one."""
    return named or SUFFIXES.get(Path(output).suffix.lower() if output else "", usual)


def layout(output: str | None) -> dict[str, Any]:
    """How wide a report may be, and whether it may have colour: as the terminal has it, plain in a file."""
    return terminal() if output is None else {"width": 100, "colour": False}


def read_case_file(path: str, knowledge: Knowledge) -> Case:
    """The case in a file, ``-`` being standard input, as typed facts of the base.

    Raises:
        BadInput: with every problem of it.
    """
    from engine.case import read_case
    from engine.source import read_document

    return read_case(read_document(path), knowledge.facts)
