"""Where the records are kept: named by option, environment or configuration, else in the user's data directory."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import BadInput, Place, Problem
from engine.source import printable, shorten

if TYPE_CHECKING:
    from sqlalchemy import URL

OPTION = "--store"
VARIABLE = "BREAKEVEN_STORE"

_EXAMPLES = "Write sqlite:///records.db, sqlite:////var/lib/breakeven/records.db or postgresql://user@host/database"
_POSTGRESQL = ("postgresql", "postgresql+psycopg")
_SQLITE = ("sqlite", "sqlite+pysqlite")
#: What may stand in the query of a PostgreSQL URL and must not be shown.
_SECRETS = ("password", "sslpassword")


@dataclass(frozen=True, slots=True)
class Location:
    """Where records are kept.

    Args:
        url: for SQLAlchemy, with its driver; it may hold a password.
        shown: the same for people: the file of SQLite, or the URL without its password.
        file: SQLite's file; None for PostgreSQL.
        secrets: what no message may show.
        own: True for the file in the user's data directory, whose folder is made where it is missing.
    """

    url: URL = field(repr=False)
    shown: str
    file: Path | None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    own: bool = False

    def without_secrets(self, text: str) -> str:
        """The text with stars in place of the password."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def locate(url: str | None = None, *, named: str = OPTION) -> Location:
    """Where the records are: at the URL given, else at that of BREAKEVEN_STORE, else in the user's own file.

    Args:
        url: what the option ``--store`` or the settings file says.
        named: what the URL comes from, for messages.

    Raises:
        BadInput: the URL is none, of a kind that is not supported, or its driver is not installed.
    """
    from_environment = os.environ.get(VARIABLE)
    if url is None and not from_environment:
        return _own_file()
    if url is None or url == from_environment:
        return _location(str(from_environment), VARIABLE)
    return _location(url, named)


def why_unseen(path: Path, instead: str = "name another file") -> tuple[str, str] | None:
    """Why a path cannot even be looked at, and what to do; None where it can, whether or not there is something.

    Args:
        path: of a file or folder.
        instead: what else would do, for the hint.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        above = [*reversed(path.absolute().parents), *reversed(Path(os.path.realpath(path)).parents)]
        folder = next((one for one in above if not os.access(one, os.X_OK)), path.parent)
        return f"the folder {printable(str(folder))} may not be entered", f"Change who may enter it, or {instead}"
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or error).lower()
        return f"it cannot be looked at: {reason}", f"{instead[:1].upper()}{instead[1:]}"
    return None


def _own_file() -> Location:
    import platformdirs
    from sqlalchemy import URL

    file = Path(platformdirs.user_data_dir("breakeven", appauthor=False)) / "records.db"
    return Location(URL.create("sqlite+pysqlite", database=str(file)), printable(str(file)), file, own=True)


def _location(text: str, named: str) -> Location:
    url = _parsed(text.strip(), named)
    if url.drivername in _SQLITE:
        return _sqlite(url, named)
    if url.drivername in _POSTGRESQL:
        return _postgresql(url, named)
    hint = "Write postgresql://…" if url.drivername == "postgres" else _EXAMPLES
    raise _wrong(named, f"records are kept in SQLite or PostgreSQL, not in '{shorten(url.drivername)}'", hint)


def _parsed(text: str, named: str) -> URL:
    """The parts of a URL; a message never quotes text that may hold a password."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    if "://" not in text:
        if not text:
            raise _wrong(named, "no URL is given", _EXAMPLES)
        found = "" if "@" in text else f", got '{shorten(text)}'"
        hint = f"For a file write sqlite:///{shorten(text)}" if "@" not in text else _EXAMPLES
        raise _wrong(named, f"expected the URL of a database{found}", hint)
    try:
        return make_url(text)
    except (ArgumentError, ValueError):
        scheme = shorten(text.partition("://")[0])
        # Not "from error": it quotes the URL, password and all.
        raise _wrong(named, f"this {scheme} URL cannot be read", f"{_EXAMPLES}; the port is a number") from None


def _sqlite(url: URL, named: str) -> Location:
    if url.host or url.username:
        raise _wrong(named, "a SQLite URL names a file and no host", "Write three slashes: sqlite:///records.db")
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise _wrong(named, "records need a file that stays", "Write sqlite:///records.db")
    if url.query:
        raise _wrong(named, "a SQLite URL takes no options after '?'", f"Write sqlite:///{shorten(url.database)}")
    file = Path(url.database)
    return Location(url.set(drivername="sqlite+pysqlite"), printable(str(file)), file)


def _postgresql(url: URL, named: str) -> Location:
    # An '@' in a password ends it too early, and the rest of it is then taken for the host.
    if "@" in (url.host or ""):
        raise _wrong(
            named, "there are two '@' in this URL", "Within a password write %40 for @, %2F for / and %3A for :"
        )
    if find_spec("psycopg") is None:
        raise _wrong(
            named, "records in PostgreSQL need psycopg", "Install it with: pip install 'breakeven[postgresql]'"
        )
    query = {name: "***" if name in _SECRETS else value for name, value in url.query.items()}
    hidden = [url.query[name] for name in _SECRETS if name in url.query]
    secrets = [url.password, *(value for found in hidden for value in ([found] if isinstance(found, str) else found))]
    shown = url.set(drivername="postgresql", query=query).render_as_string(hide_password=True)
    return Location(
        url.set(drivername="postgresql+psycopg"),
        printable(shown),
        None,
        tuple(filter(None, map(str, filter(None, secrets)))),
    )


def _wrong(named: str, message: str, hint: str) -> BadInput:
    return BadInput([Problem(Place(named), message, hint=hint)])
