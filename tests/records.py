"""Decision records for tests: a store of one's own, decisions put into it, and the command that looks at them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli import main
from engine.case import Case
from engine.describe import describe
from engine.inference import EnginePool
from engine.knowledge import Knowledge
from engine.pipeline import infer
from engine.records.content import draft_of
from engine.records.reading import Record, decision
from engine.records.settings import Settings
from engine.records.store import Store, open_store

#: When the first of several decisions is made; the others follow day by day.
FIRST_DAY = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def url_of(folder: Path) -> str:
    """A store in a folder."""
    return f"sqlite:///{folder / 'records.db'}"


def alone(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let nothing but the folder be read or written: no settings, caches or records of whoever runs the tests."""
    for name in ("CONFIG", "RECORD", "STORE", "WHO", "RULES"):
        patch.delenv(f"BREAKEVEN_{name}", raising=False)
    patch.setenv("BREAKEVEN_CACHE", str(folder / "cache"))
    for name in ("CONFIG", "DATA"):
        patch.setenv(f"XDG_{name}_HOME", str(folder / name.lower()))


class Clock:
    """A clock that goes one day on at each look."""

    def __init__(self, now: datetime = FIRST_DAY) -> None:
        self.now = now

    def __call__(self) -> datetime:
        now = self.now
        self.now += timedelta(days=1)
        return now


@contextmanager
def opened(folder: Path) -> Iterator[Store]:
    """A store in a folder, with a clock of its own."""
    with open_store(url_of(folder), clock=Clock()) as store:
        yield store


def put(store: Store, case: Case, pool: EnginePool, settings: Settings | None = None) -> Record:
    """A decision into the store, and out again."""
    outcome = infer(case, pool)
    entry = store.append(draft_of(outcome, describe(outcome), settings or Settings()))
    return decision(store, entry.id)


def run(*arguments: str | Path, store: Path | None = None, **options: str | Mapping[str, str]) -> Result:
    """What a command does in this process, with the store in a folder."""
    named = [] if store is None else ["--store", url_of(store)]
    words = [*map(str, arguments), *named]
    return CliRunner().invoke(main, words, prog_name="breakeven", **options)  # type: ignore[arg-type]  # as click has it


def found(*arguments: str | Path, store: Path, status: int = 0) -> Any:
    """What a command says as JSON."""
    done = run(*arguments, "--format", "json", store=store)
    assert done.exit_code == status, done.stderr
    return json.loads(done.stdout)


def base_in(folder: Path, knowledge: Knowledge, *changes: tuple[str, str, str]) -> Path:
    """A copy of a base in a new folder, with places of its files changed."""
    folder.mkdir(parents=True)
    for path in knowledge.directory.glob("*.yaml"):
        text = path.read_text("utf-8")
        for file, old, new in changes:
            if file == path.name:
                assert text.count(old) >= 1, (file, old)
                text = text.replace(old, new)
        (folder / path.name).write_text(text, "utf-8")
    return folder


def as_nobody(action: Callable[[], str]) -> str:
    """What an action says in a process without the rights of root."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        with suppress(BaseException):
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            os.write(writer, action().encode())
            status = 0
        os._exit(status)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as said:
        text = said.read()
    assert os.waitpid(child, 0)[1] == 0
    return text


def open_for_nobody(folder: Path) -> None:
    """Let everybody come as far as this folder."""
    for above in (folder, *folder.parents):
        if above.stat().st_uid == os.geteuid() and above.name.startswith(("pytest", "popen", "test_")):
            above.chmod(0o755)
