"""Records: what is written comes back, nothing else can be written, and verify finds what was tampered with."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from engine.commands.audit import audit
from engine.errors import BadInput
from engine.records import checkpoints, erasing
from engine.records.canonical import NotCanonical, canonical, examine, parse, sha256
from engine.records.checkpoints import Checkpoint
from engine.records.database import open_database
from engine.records.store import NO_HASH, Damaged, Draft, KnowledgeContent, Store, content_of, open_store
from engine.records.tables import METADATA, SQLITE_TRIGGERS, VERSION_TABLE, VERSIONS
from engine.records.verify import Verification, verify
from engine.records.where import VARIABLE, locate
from tests.records import as_nobody, open_for_nobody
from tests.tampering import BASE, OTHER_BASE, decision, fill, outcome, store_in, unprotected, without_its_keys


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with store_in(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def ten_entries(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The file of a filled store, and the ids of its entries."""
    folder = tmp_path_factory.mktemp("filled")
    with store_in(folder) as opened:
        ids = fill(opened)
    return folder / "records.db", ids


@dataclass(frozen=True, slots=True)
class Filled:
    """A store of ten entries, and their ids in order."""

    store: Store
    ids: list[str]
    file: Path


@pytest.fixture
def filled(ten_entries: tuple[Path, list[str]], tmp_path: Path) -> Iterator[Filled]:
    file, ids = ten_entries
    shutil.copy(file, tmp_path / "filled.db")
    with open_store(f"sqlite:///{tmp_path / 'filled.db'}") as opened:
        yield Filled(opened, ids, tmp_path / "filled.db")


def message_of(action: Callable[[], object]) -> str:
    """The one problem that an action is refused with."""
    with pytest.raises(BadInput) as refused:
        action()
    assert len(refused.value.problems) == 1
    return str(refused.value)


def file_of(store: Store) -> Path:
    assert store.database.location.file is not None
    return store.database.location.file


# Canonical JSON

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)

#: From RFC 8785, section 3.2.
RFC_VALUE = {
    "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": '€$\x0f\nA\'B"\\\\"/',
    "literals": [None, True, False],
}
RFC_TEXT = (
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
    '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
)


def test_canonical_when_given_the_example_of_the_standard_writes_what_it_says() -> None:
    assert canonical(RFC_VALUE) == RFC_TEXT


@given(JSON)
def test_canonical_text_when_examined_is_found_canonical_and_means_the_same(value: Any) -> None:
    text = canonical(value)
    assert examine(text) == (value, True)
    assert canonical(parse(text)) == text


@given(JSON, st.booleans(), st.sampled_from([None, 1]))
def test_any_json_when_examined_is_canonical_only_where_it_is_the_canonical_text(
    value: Any, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent, sort_keys=ascii_only)
    with suppress(NotCanonical):  # a lone surrogate has no canonical text
        assert examine(text) == (value, text == canonical(value))


NOT_CANONICAL = {
    "a space": '{"a": 1}',
    "another order": '{"b":1,"a":2}',
    "a name given twice": '{"a":1,"a":1}',
    "a fraction of nothing": "1.0",
    "a needless exponent": "1e2",
    "a large number with exponent": "1e+16",
    "a small number with two digits of exponent": "1e-07",
    "a plus sign's absence": "1e30",
    "minus nothing": "-0",
    "minus nothing as fraction": "-0.0",
    "too many digits": "0.30000000000000000001",
    "an integer that is not exact": "9007199254740993",
    "an escape that is not needed": '"\\u0041"',
    "an escape in large letters": '"\\u001F"',
    "an escaped slash": '"\\/"',
    "order by code point where UTF-16 has another": '{"\uff00":1,"\U00010000":2}',
    "a new line at the end": "1\n",
}


@pytest.mark.parametrize("text", NOT_CANONICAL.values(), ids=NOT_CANONICAL)
def test_json_when_it_is_written_otherwise_is_not_canonical(text: str) -> None:
    assert not examine(text)[1]


def test_names_when_they_are_beyond_the_basic_plane_are_in_the_order_of_utf_16() -> None:
    text = canonical({"\uff00": 1, "\U00010000": 2})
    assert text == '{"\U00010000":2,"\uff00":1}'
    assert examine(text)[1]


@pytest.mark.parametrize("number", [1e16, 1e20, 2.0**53, 2.0**60, -1e17], ids=str)
def test_large_number_when_written_as_digits_is_read_back_and_canonical(number: float) -> None:
    text = canonical(number)
    assert examine(text) == (number, True)
    assert isinstance(parse(text), float)


DEEP: list[Any] = []
for _ in range(100_000):
    DEEP = [DEEP]
UNWRITABLE = {
    "not a number": math.nan,
    "endless": {"a": [math.inf]},
    "an integer that is not exact": 2**53,
    "half a character": "\ud800",
    "half a character in a name": {"\ud800": 1},
    "a name that is no text": {1: 2},
    "a set": {1, 2},
    "bytes": b"x",
    "nested without end": DEEP,
}


@pytest.mark.parametrize("value", UNWRITABLE.values(), ids=UNWRITABLE)
def test_value_when_it_is_no_json_is_refused(value: object) -> None:
    with pytest.raises(NotCanonical):
        canonical(value)


@pytest.mark.parametrize("text", ["", "{", "NaN", "[1,]", "[" * 100_000, "Infinity", "1" * 5_000 + "x"])
def test_text_when_it_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(NotCanonical):
        parse(text)
    with pytest.raises(NotCanonical):
        examine(text)


# Where the records are


def test_place_when_nothing_is_said_is_the_users_data_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with open_store() as store:
        assert file_of(store) == tmp_path / "data" / "breakeven" / "records.db"
        assert stat.S_IMODE(file_of(store).parent.stat().st_mode) == 0o700
        assert store.append(decision()).sequence == 1


def test_place_when_the_environment_names_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"sqlite:///{tmp_path / 'a.db'}")
    assert locate().shown == str(tmp_path / "a.db")
    assert locate("sqlite:///b.db").shown == "b.db"


def test_environment_when_its_url_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "records.db")
    assert message_of(open_store).startswith("BREAKEVEN_STORE: expected the URL of a database, got 'records.db'.")
    assert message_of(lambda: open_store("records.db")).startswith("BREAKEVEN_STORE: ")
    assert message_of(lambda: open_store("x.db", named="config.yaml")).startswith("config.yaml: ")


WRONG_URLS = {
    "a file": ("records.db", "--store: expected the URL of a database, got 'records.db'. For a file write sqlite:///"),
    "nothing": ("", "--store: no URL is given. Write sqlite:///records.db"),
    "no scheme": ("user:geheim@host/db", "--store: expected the URL of a database. Write sqlite:///records.db"),
    "another database": ("mysql://u:geheim@h/d", "--store: records are kept in SQLite or PostgreSQL, not in 'mysql'."),
    "another driver": ("postgresql+asyncpg://u:geheim@h/d", "not in 'postgresql+asyncpg'."),
    "an old name": ("postgres://u:geheim@h/d", "not in 'postgres'. Write postgresql://"),
    "memory": ("sqlite://", "--store: records need a file that stays. Write sqlite:///records.db."),
    "memory by name": ("sqlite:///:memory:", "--store: records need a file that stays."),
    "two slashes": ("sqlite://records.db", "a SQLite URL names a file and no host. Write three slashes"),
    "options": ("sqlite:///r.db?mode=ro", "--store: a SQLite URL takes no options after '?'. Write sqlite:///r.db."),
    "an @ in the password": (
        "postgresql://u:geh@eim@h/d",
        "there are two '@' in this URL. Within a password write %40",
    ),
    "no port": ("postgresql://u:geheim@h:p/d", "--store: this postgresql URL cannot be read."),
}


@pytest.mark.parametrize(("url", "message"), WRONG_URLS.values(), ids=WRONG_URLS)
def test_url_when_it_is_wrong_is_refused_with_the_way_out_and_without_its_password(url: str, message: str) -> None:
    said = message_of(lambda: open_store(url))
    assert message in said
    assert not re.search("geh|eim", said)


def test_password_when_a_url_is_shown_is_not_in_it() -> None:
    location = locate("postgresql://u:geheim@h/d?sslpassword=versteckt&password=noch%20eins&sslmode=require")
    assert location.shown == "postgresql://u:***@h/d?password=%2A%2A%2A&sslmode=require&sslpassword=%2A%2A%2A"
    assert location.without_secrets("geheim versteckt noch eins") == "*** *** ***"
    assert not re.search("geheim|versteckt|noch", repr(location))


def test_driver_when_it_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.records.where.find_spec", lambda _: None)
    said = message_of(lambda: open_store("postgresql://h/d"))
    assert said == "--store: records in PostgreSQL need psycopg. Install it with: pip install 'breakeven[postgresql]'."


# What a store refuses to open


def test_file_when_it_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("Dear diary, this is no database. " * 100, encoding="utf-8")
    said = message_of(lambda: open_store(f"sqlite:///{tmp_path / 'x.db'}"))
    assert said.startswith(f"{tmp_path / 'x.db'}: the file is not a SQLite database. Name another file")
    assert (tmp_path / "x.db").read_text(encoding="utf-8").startswith("Dear diary")


def test_database_when_it_is_somebody_elses_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE bookmarks (url TEXT)")
    before = file.read_bytes()
    said = message_of(lambda: open_store(f"sqlite:///{file}"))
    assert "has tables that are not Breakeven's, such as bookmarks. Name another file." in said
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", ["a b.db", "100%.db", "ä.db", "a#b.db", "\udcff.db", "it's.db", "a&b=c.db"])
def test_file_when_its_name_is_odd_is_that_file(tmp_path: Path, name: str) -> None:
    with open_store(f"sqlite:///{tmp_path}/{name}") as store:
        store.append(decision())
        assert "\udcff" not in store.shown
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_folder_when_it_is_missing_or_given_as_file_is_named(tmp_path: Path) -> None:
    assert "there is no folder" in message_of(lambda: open_store(f"sqlite:///{tmp_path}/none/x.db"))
    assert "a folder, where the file" in message_of(lambda: open_store(f"sqlite:///{tmp_path}"))
    (tmp_path / "file").touch()
    assert f"there is no folder {tmp_path}/file" in message_of(lambda: open_store(f"sqlite:///{tmp_path}/file/x.db"))


NAME_TOO_LONG = "x" * 300


@pytest.mark.parametrize("create", [True, False], ids=["to write", "to look"])
def test_file_when_its_name_is_too_long_is_named(tmp_path: Path, create: bool) -> None:
    said = message_of(lambda: open_store(f"sqlite:///{tmp_path}/{NAME_TOO_LONG}.db", create=create))
    assert f"{NAME_TOO_LONG}.db: it cannot be looked at: file name too long. Name another file." in said


@pytest.mark.parametrize("create", [True, False], ids=["to write", "to look"])
@pytest.mark.parametrize("link", [False, True], ids=["itself", "by a link"])
def test_folder_when_nobody_may_enter_it_is_named(tmp_path: Path, create: bool, link: bool) -> None:
    open_for_nobody(tmp_path)
    inner = tmp_path / "locked" / "inner"
    inner.mkdir(parents=True)
    store_in(inner).close()
    (tmp_path / "linked.db").symlink_to(inner / "records.db")
    (tmp_path / "locked").chmod(0)
    url = f"sqlite:///{tmp_path / 'linked.db' if link else inner / 'records.db'}"
    said = as_nobody(lambda: message_of(lambda: open_store(url, create=create)))
    (tmp_path / "locked").chmod(0o700)
    assert f": the folder {tmp_path}/locked may not be entered. Change who may enter it, or name another" in said


def test_folder_when_nobody_may_write_there_is_named(tmp_path: Path) -> None:
    open_for_nobody(tmp_path)
    tmp_path.chmod(0o555)
    said = as_nobody(lambda: message_of(lambda: open_store(f"sqlite:///{tmp_path}/x.db")))
    assert "x.db: the file cannot be made: permission denied. Choose another folder" in said


def test_file_when_only_its_owner_may_read_it_is_closed_to_others(tmp_path: Path) -> None:
    open_for_nobody(tmp_path)
    with store_in(tmp_path) as store:
        store.append(decision())
        assert stat.S_IMODE(file_of(store).stat().st_mode) == 0o600
    if os.geteuid() == 0:
        said = as_nobody(lambda: message_of(lambda: store_in(tmp_path)))
        assert "records.db: the file cannot be opened. See that its folder is there" in said


def test_store_when_it_may_only_be_read_says_so(tmp_path: Path) -> None:
    open_for_nobody(tmp_path)
    with store_in(tmp_path) as store:
        store.append(decision())
    (tmp_path / "records.db").chmod(0o444)
    tmp_path.chmod(0o555)
    said = as_nobody(lambda: message_of(lambda: store_in(tmp_path).append(decision())))
    assert "cannot be" in said
    assert said.endswith(("or take a copy to another folder.", "that you may write to both."))


@pytest.mark.parametrize("name", ["records.db", "100% b#c ä.db"])
@pytest.mark.parametrize(("of_file", "of_folder"), [(0o444, 0o555), (0o666, 0o555), (0o444, 0o755)])
def test_copy_when_it_may_only_be_read_is_read_and_not_written_to(
    ten_entries: tuple[Path, list[str]], tmp_path: Path, of_file: int, of_folder: int, name: str
) -> None:
    open_for_nobody(tmp_path)
    file, ids = ten_entries
    copy = tmp_path / name
    shutil.copy(file, copy)
    url = f"sqlite:///{copy}"
    copy.chmod(of_file)
    tmp_path.chmod(of_folder)

    def look() -> str:
        with open_store(url, create=False) as store:
            found = verify(store)
            said = message_of(lambda: store.append(decision()))
            said += message_of(lambda: store.erase(ids[0], "asked to"))
            return f"{found.whole} {found.entries} {len(list(store.entries()))} {store.entry(ids[0]).id} {said}"

    said = as_nobody(look)
    assert said.startswith(f"True 10 10 {ids[0]} {copy}: the file or its folder cannot be written to; nothing was")
    assert said.count("cannot be written to; nothing was recorded. Change who may write there") == 2
    assert [found.name for found in tmp_path.iterdir()] == [copy.name]


def test_store_when_it_is_to_be_written_to_and_may_not_be_is_refused_at_once(tmp_path: Path) -> None:
    open_for_nobody(tmp_path)
    store_in(tmp_path).close()
    (tmp_path / "records.db").chmod(0o444)
    said = as_nobody(lambda: message_of(lambda: store_in(tmp_path)))
    assert "records.db: the file or its folder cannot be written to. Change who may write there" in said


def test_store_when_there_is_none_and_none_is_to_be_made_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    assert "x.db: there are no records here. Record with" in message_of(lambda: open_store(url, create=False))
    assert not (tmp_path / "x.db").exists()
    (tmp_path / "x.db").touch()
    assert "x.db: there are no records here. Record with" in message_of(lambda: open_store(url, create=False))


def test_store_when_a_newer_version_wrote_it_is_refused(tmp_path: Path) -> None:
    with store_in(tmp_path) as store:
        store.append(decision())
    with closing(sqlite3.connect(tmp_path / "records.db", isolation_level=None)) as newer:
        newer.execute("UPDATE records_version SET version_num = '0999'")
    said = message_of(lambda: store_in(tmp_path))
    assert "the records are of version 0999, and this program knows 0001 at most. Install the newer version" in said


def test_tables_when_the_migrations_have_made_them_are_those_that_queries_see(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store.database.reading() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), METADATA) == []


def test_versions_when_the_migrations_are_listed_are_those_that_the_program_knows() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    import engine.records.migrations

    config = Config()
    config.set_main_option("script_location", str(Path(str(engine.records.migrations.__file__)).parent))
    scripts = ScriptDirectory.from_config(config).walk_revisions()
    assert tuple(script.revision for script in scripts)[::-1] == VERSIONS


def test_store_when_it_is_closed_leaves_no_file_open(tmp_path: Path) -> None:
    with store_in(tmp_path) as store:
        fill(store)
        list(store.entries())
    open_files = [os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]  # noqa: PTH208 - one of them is the folder's own
    assert not [name for name in open_files if name.startswith(str(tmp_path))]
    assert [file.name for file in tmp_path.iterdir()] == ["records.db"]


# Writing and reading


def test_entry_when_it_was_appended_comes_back_as_it_was(store: Store) -> None:
    written = store.append(decision(who="Žofie 🦊"))
    read = store.entry(written.id)
    assert read == written
    assert read.sealed == {"who": "Žofie 🦊", "case": {"requests": 50_000, "price": 1e-7}}
    assert (read.sequence, read.previous, read.erased) == (1, NO_HASH, False)


@pytest.fixture(scope="module")
def long_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """201 entries."""
    with store_in(tmp_path_factory.mktemp("long")) as opened:
        for _ in range(201):
            opened.append(outcome("x"))
        yield opened


@pytest.fixture(scope="module")
def any_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that many examples write to."""
    with store_in(tmp_path_factory.mktemp("any")) as opened:
        yield opened


@given(public=st.dictionaries(st.text(), JSON, max_size=4), sealed=st.none() | st.dictionaries(st.text(), JSON))
def test_any_json_when_it_was_appended_comes_back_and_the_store_is_whole(
    any_store: Store, public: dict[str, Any], sealed: dict[str, Any] | None
) -> None:
    public.pop("knowledge_base", None)
    entry = any_store.entry(any_store.append(Draft("outcome", public, sealed)).id)
    assert (entry.public, entry.sealed) == (public, sealed)
    assert verify(any_store).whole


def test_entries_when_several_are_appended_form_a_chain(filled: Filled) -> None:
    store = filled.store
    entries = list(store.entries())
    assert [entry.sequence for entry in entries] == list(range(1, 11))
    assert all(later.previous == earlier.hash for earlier, later in pairwise(entries))
    assert store.head() == (10, entries[-1].hash)
    assert (store.count(), store.count("decision"), store.count("erasure")) == (10, 7, 2)


def test_body_when_it_is_stored_is_the_canonical_text_that_was_hashed(store: Store) -> None:
    entry = store.append(decision())
    with closing(sqlite3.connect(file_of(store))) as plain:
        body, hash_ = plain.execute("SELECT body, hash FROM entries").fetchone()
    assert sha256(body) == hash_ == entry.hash
    assert examine(body)[1]
    assert "Lovelace" not in body


def test_entry_when_the_beginning_of_its_id_is_given_is_found(store: Store) -> None:
    entry = store.append(decision())
    assert store.entry(entry.id[:6]) == store.entry(entry.id.upper()) == entry


def test_entry_when_several_begin_so_is_not_guessed(store: Store) -> None:
    ids = [store.append(outcome("x")).id for _ in range(17)]
    beginning = next(id_[0] for id_ in ids if sum(other[0] == id_[0] for other in ids) > 1)
    said = message_of(lambda: store.entry(beginning))
    assert f"'{beginning}' is the beginning of several records: " in said
    assert said.endswith("Write more of it.")


def test_entry_when_there_is_none_says_which_is_near(store: Store) -> None:
    id_ = store.append(decision()).id
    assert f"Did you mean '{id_}'?" in message_of(lambda: store.entry(id_[:-1] + "x"))
    for wanted in ("zzz", "", "%", "_"):
        assert "there is no record" in message_of(partial(store.entry, wanted))
    assert "what is asked for is not Unicode text" in message_of(lambda: store.entry("\udcff"))
    assert "what is asked for is not Unicode text" in message_of(lambda: list(store.entries(approach="\udcff")))


def ticking(*seconds: float) -> Callable[[], datetime]:
    """A clock that shows these seconds of one minute, one after the other."""
    left = iter(seconds)
    return lambda: datetime(2026, 3, 1, 12, 0, tzinfo=UTC) + timedelta(seconds=next(left))


@pytest.fixture
def dated(tmp_path: Path) -> Iterator[Store]:
    """Four entries, a second apart."""
    with open_store(f"sqlite:///{tmp_path / 'dated.db'}", clock=ticking(0, 1, 2, 3)) as store:
        store.append(decision("lora"))
        store.append(decision("prompting", base=OTHER_BASE))
        store.append(decision("lora", base=OTHER_BASE))
        store.append(outcome("x"))
        yield store


NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SEARCHES: dict[str, tuple[dict[str, Any], list[int]]] = {
    "all": ({}, [1, 2, 3, 4]),
    "a kind": ({"kind": "outcome"}, [4]),
    "an approach": ({"approach": "lora"}, [1, 3]),
    "a knowledge base": ({"knowledge_base": OTHER_BASE.sha256}, [2, 3]),
    "the beginning of a base": ({"knowledge_base": BASE.sha256[:4].upper()}, [1]),
    "since": ({"since": NOON + timedelta(seconds=2)}, [3, 4]),
    "until, which is left out": ({"until": NOON + timedelta(seconds=2)}, [1, 2]),
    "since ever": ({"since": datetime.min, "until": datetime.max}, [1, 2, 3, 4]),  # noqa: DTZ901
    "in another time zone": ({"since": datetime(2026, 3, 1, 14, 0, 2, tzinfo=timezone(timedelta(hours=2)))}, [3, 4]),
    "without a time zone": ({"since": datetime(2026, 3, 1, 12, 0, 3)}, [4]),  # noqa: DTZ001 - what is tested
    "the newest": ({"newest_first": True, "limit": 2}, [4, 3]),
    "the oldest": ({"limit": 1}, [1]),
    "none": ({"limit": 0}, []),
    "together": ({"approach": "lora", "since": NOON + timedelta(seconds=1), "kind": "decision"}, [3]),
}


@pytest.mark.parametrize(("search", "expected"), SEARCHES.values(), ids=SEARCHES)
def test_entries_when_searched_for_are_those_that_fit(
    dated: Store, search: dict[str, Any], expected: list[int]
) -> None:
    assert [entry.sequence for entry in dated.entries(**search)] == expected


@pytest.mark.parametrize("newest_first", [False, True], ids=["oldest first", "newest first"])
@pytest.mark.parametrize("limit", [None, 99, 100, 101, 250])
def test_entries_when_there_are_pages_of_them_all_come_once(
    long_store: Store, newest_first: bool, limit: int | None
) -> None:
    found = [entry.sequence for entry in long_store.entries(newest_first=newest_first, limit=limit)]
    order = range(201, 0, -1) if newest_first else range(1, 202)
    assert found == list(order)[:limit]


def test_entries_when_more_are_appended_meanwhile_end_where_they_would_have(filled: Filled) -> None:
    store = filled.store
    found = []
    for entry in store.entries():
        store.append(outcome(entry.id))
        found.append(entry.sequence)
    assert found == list(range(1, 11))


def test_knowledge_base_when_many_records_name_it_is_kept_once(store: Store) -> None:
    for _ in range(3):
        store.append(decision())
    store.append(decision(base=OTHER_BASE))
    assert store.knowledge(BASE.sha256) == BASE
    assert store.knowledge(OTHER_BASE.sha256) == OTHER_BASE
    assert verify(store).knowledge_bases == 2


def test_knowledge_base_when_it_is_kept_already_need_not_be_handed_over(tmp_path: Path) -> None:
    with store_in(tmp_path) as store:
        store.append(decision())
    with store_in(tmp_path) as store:
        store.append(Draft("decision", decision().public))
        assert verify(store).whole


def test_knowledge_base_when_it_is_not_kept_is_asked_for(store: Store) -> None:
    draft = Draft("decision", decision().public, knowledge=OTHER_BASE)
    assert f"the knowledge base {BASE.sha256[:12]} is not kept here" in message_of(lambda: store.append(draft))
    assert "is not kept here" in message_of(lambda: store.knowledge("ef" * 32))
    assert store.count() == 0


@pytest.mark.parametrize("value", UNWRITABLE.values(), ids=UNWRITABLE)
def test_draft_when_it_is_no_json_is_refused_and_nothing_is_written(store: Store, value: object) -> None:
    for draft in (Draft("outcome", {"a": value}), Draft("outcome", {}, {"a": value})):
        assert "this cannot be recorded: " in message_of(partial(store.append, draft))
    assert store.head() == (0, NO_HASH)


def plant(file: Path, found: KnowledgeContent, files: Mapping[str, str], content_hash: str | None = None) -> None:
    """Keep other files under the hash of a knowledge base, as whoever may only add rows can."""
    content = content_of(KnowledgeContent(found.sha256, found.name, found.version, files))
    row = (found.sha256, found.name, found.version, content, content_hash or sha256(content))
    with closing(sqlite3.connect(file, isolation_level=None)) as plain:
        insert(plain, "knowledge_bases", row)


PLANTED = {
    "a file with other text": {**BASE.files, "facts.yaml": "facts: {planted: 1}\n"},
    "a file more": {**BASE.files, "more.yaml": ""},
    "a file less": {"facts.yaml": BASE.files["facts.yaml"]},
    "no file": {},
}


@pytest.mark.parametrize("files", PLANTED.values(), ids=PLANTED)
def test_knowledge_base_when_other_files_are_kept_under_its_hash_decides_nothing_that_is_recorded(
    store: Store, files: dict[str, str]
) -> None:
    store.append(decision(base=OTHER_BASE))
    plant(file_of(store), BASE, files)
    for _ in range(2):
        said = message_of(lambda: store.append(decision()))
        assert f"the knowledge base {BASE.sha256[:12]} is not kept here as its hash says; nothing was recorded" in said
    assert store.append(decision(base=OTHER_BASE)).sequence == 2
    named = f"the knowledge base 'household' ('{BASE.sha256[:12]}…)"
    assert [str(one) for one in verify(store).findings] == [
        f"{named}: no record names it",
        f"{named}: its files are not those that its hash was made of",
    ]


def test_knowledge_base_when_planted_with_the_hash_of_the_content_that_is_due_is_found(store: Store) -> None:
    plant(file_of(store), BASE, PLANTED["a file more"], sha256(content_of(BASE)))
    assert "nothing was recorded" in message_of(lambda: store.append(decision()))
    assert store.count() == 0
    assert [one.fault for one in verify(store).findings] == ["knowledge"] * 2


def test_knowledge_base_when_its_line_ends_alone_are_others_is_the_same(store: Store) -> None:
    plant(file_of(store), BASE, {name: text.replace("\n", "\r\n") for name, text in BASE.files.items()})
    assert store.append(decision()).sequence == 1
    assert verify(store).whole


def test_knowledge_base_when_its_files_do_not_fit_its_hash_is_not_kept(store: Store) -> None:
    wrong = KnowledgeContent(BASE.sha256, BASE.name, BASE.version, OTHER_BASE.files)
    said = message_of(lambda: store.append(decision(base=wrong)))
    assert f"the files of the knowledge base {BASE.sha256[:12]} are not those that its hash was made of" in said
    assert store.count() == 0


def odd_content(**changes: Any) -> str:
    return canonical(parse(content_of(BASE)) | changes)


ODD_FILES = {
    "a list": odd_content(files=["facts.yaml"]),
    "no text": odd_content(files={"facts.yaml": 1}),
    "nothing": odd_content(files=None),
    "no mapping": "[]",
    "no JSON": "{",
}


@pytest.mark.parametrize("content", ODD_FILES.values(), ids=ODD_FILES)
def test_knowledge_base_when_its_files_are_none_is_found_and_not_stumbled_over(store: Store, content: str) -> None:
    with closing(sqlite3.connect(file_of(store), isolation_level=None)) as plain:
        insert(plain, "knowledge_bases", (BASE.sha256, BASE.name, BASE.version, content, sha256(content)))
    assert "is not kept here as its hash says" in message_of(lambda: store.append(decision()))
    assert [one.fault for one in verify(store).findings] == ["knowledge"] * 2


def test_erasure_when_it_is_appended_by_hand_is_refused(store: Store) -> None:
    said = message_of(lambda: store.append(Draft("erasure", {"erased": "x", "reason": "y"})))
    assert "an erasure is not appended by itself. Use erase" in said


def test_draft_when_its_kind_is_unknown_is_refused(store: Store) -> None:
    draft = Draft("wish", {})  # type: ignore[arg-type]  # what is tested
    assert "there is no kind of record called 'wish'. Use one of decision, " in message_of(lambda: store.append(draft))


def test_store_when_threads_share_it_takes_all_they_write(store: Store) -> None:
    def work() -> None:
        for _ in range(20):
            store.append(decision())
            next(store.entries(newest_first=True, limit=1))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.count() == 160
    assert verify(store).whole


def test_clock_when_it_goes_back_is_recorded_and_noted_and_nothing_is_wrong(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path / 'x.db'}", clock=ticking(50, 10, 20)) as store:
        entries = [store.append(outcome("x")) for _ in range(3)]
        assert [entry.time.second for entry in entries] == [50, 10, 20]
        assert [entry.sequence for entry in store.entries()] == [1, 2, 3]
        found = verify(store)
    assert found.whole
    (note,) = found.notes
    assert note.startswith(f"The clock went back before record 2 ({entries[1].id}): ")
    assert note.endswith(": 2026-03-01T12:00:10.000000Z follows 2026-03-01T12:00:50.000000Z.")


# Only ever added

NEW = "INSERT INTO entries (id, kind, time, body, hash) VALUES ('x', '', '', '', '')"
SAME_BASE = "REPLACE INTO knowledge_bases SELECT sha256, '', '', '', '' FROM knowledge_bases"
COPY = (
    "INSERT OR REPLACE INTO entries"
    " SELECT {}, {}, kind, time, approach, knowledge_base, body, {} FROM entries WHERE sequence = 3"
)
REFUSED = {
    "an entry changed": "UPDATE entries SET kind = 'outcome'",
    "an entry removed": "DELETE FROM entries WHERE sequence = 3",
    "an entry put in place of another": COPY.format(11, "id", "'h'"),
    "an entry with the hash of another": COPY.format(11, "'x'", "hash"),
    "an entry at a taken place": COPY.format(3, "'x'", "'h'"),
    "an entry beyond the next": COPY.format(12, "'x'", "'h'"),
    "an entry without a place": NEW,
    "the head set back": "UPDATE head SET sequence = 9",
    "the head moved to no entry": "UPDATE head SET sequence = 11",
    "the head given another hash": "UPDATE head SET hash = 'x'",
    "the head given another name": "UPDATE head SET only = 2",
    "the head removed": "DELETE FROM head",
    "a second head": "INSERT INTO head VALUES (2, 10, 'x')",
    "the head put in place of itself": "REPLACE INTO head VALUES (1, 9, 'x')",
    "a knowledge base changed": "UPDATE knowledge_bases SET content = 'x'",
    "a knowledge base removed": "DELETE FROM knowledge_bases",
    "a knowledge base put in place of another": SAME_BASE,
    "a key changed": "UPDATE entry_keys SET key = x'00'",
    "a key put in place of another": "REPLACE INTO entry_keys SELECT sequence, id, x'00' FROM entry_keys LIMIT 1",
    "the store given another name": "UPDATE store SET id = 'x'",
    "the store without a name": "DELETE FROM store",
    "a second name": "INSERT INTO store VALUES ('x')",
}


@pytest.mark.parametrize("statement", REFUSED.values(), ids=REFUSED)
def test_database_when_a_record_is_to_be_changed_refuses(filled: Filled, statement: str) -> None:
    store = filled.store
    refused = pytest.raises(sqlite3.IntegrityError, match="records are only ever added")
    with closing(sqlite3.connect(filled.file, isolation_level=None)) as other, refused:
        other.execute(statement)
    assert verify(store).whole


@pytest.mark.parametrize("name", SQLITE_TRIGGERS)
def test_trigger_when_it_is_missing_or_another_is_found(filled: Filled, name: str) -> None:
    store = filled.store
    with closing(sqlite3.connect(filled.file, isolation_level=None)) as other:
        other.execute(f"DROP TRIGGER {name}")
        assert [str(found) for found in verify(store).findings] == [
            f"the database no longer refuses every change: its trigger {name} is missing"
        ]
        other.execute(f"CREATE TRIGGER {name} BEFORE UPDATE ON entries BEGIN SELECT 1; END")
    assert [found.message[-25:] for found in verify(store).findings] == ["was changed or turned off"]


#: Triggers that swallow or undo what is written, and what each does it to.
FOREIGN_TRIGGERS = {
    "every record": ("entries", "BEFORE INSERT ON entries BEGIN SELECT RAISE(IGNORE); END"),
    "every move of the head": ("head", "BEFORE UPDATE ON head BEGIN SELECT RAISE(IGNORE); END"),
    "every key": ("entry_keys", "BEFORE INSERT ON entry_keys BEGIN SELECT RAISE(IGNORE); END"),
    "every key, afterwards": ("entry_keys", "AFTER INSERT ON entry_keys BEGIN DELETE FROM entry_keys; END"),
    "every knowledge base": ("knowledge_bases", "BEFORE INSERT ON Knowledge_Bases BEGIN SELECT RAISE(IGNORE); END"),
}


@pytest.mark.parametrize(("table", "trigger"), FOREIGN_TRIGGERS.values(), ids=FOREIGN_TRIGGERS)
def test_trigger_when_it_swallows_what_is_written_is_found_and_nothing_is_said_to_be_recorded(
    store: Store, table: str, trigger: str
) -> None:
    store.append(decision())
    with closing(sqlite3.connect(file_of(store), isolation_level=None)) as other:
        other.execute(f"CREATE TRIGGER swallow {trigger}")
    assert "nothing was recorded" in message_of(lambda: store.append(decision(base=OTHER_BASE)))
    found = verify(store)
    assert [str(finding) for finding in found.findings] == [
        f"the database has a trigger that is not of the records, on the table {table}: 'swallow'"
    ]
    assert (found.entries, found.sequence, store.count()) == (1, 1, 1)


def test_trigger_when_it_swallows_records_and_moves_of_the_head_is_found_out(store: Store) -> None:
    with closing(sqlite3.connect(file_of(store), isolation_level=None)) as other:
        for name, (_, trigger) in list(FOREIGN_TRIGGERS.items())[:3]:
            other.execute(f"CREATE TRIGGER 'swallow {name}' {trigger}")
    said = message_of(lambda: store.append(Draft("decision", {})))
    assert "the database did not keep what was written; nothing was recorded. Run 'breakeven audit verify'" in said
    assert [found.fault for found in verify(store).findings] == ["protection"] * 3


@pytest.mark.parametrize(
    "trigger",
    [
        "BEFORE DELETE ON entry_keys BEGIN SELECT RAISE(IGNORE); END",
        "AFTER DELETE ON entry_keys BEGIN INSERT INTO entry_keys VALUES (OLD.sequence, OLD.id, OLD.key); END",
    ],
    ids=["keeps it", "puts it back"],
)
def test_key_when_a_trigger_keeps_it_is_not_said_to_be_erased(store: Store, trigger: str) -> None:
    id_ = store.append(decision()).id
    with closing(sqlite3.connect(file_of(store), isolation_level=None)) as other:
        other.execute(f"CREATE TRIGGER keep {trigger}")
    assert "the database did not let go of the key; nothing was" in message_of(lambda: store.erase(id_, "asked to"))
    assert (store.count(), store.entry(id_).erased) == (1, False)


def test_table_when_a_view_is_in_its_place_is_found(filled: Filled) -> None:
    with closing(sqlite3.connect(filled.file, isolation_level=None)) as other:
        other.execute("ALTER TABLE store RENAME TO store_")
        other.execute("CREATE VIEW store AS SELECT * FROM store_")
    assert "where the table store was, the database has a view" in map(str, verify(filled.store).findings)


# Erasing


def test_person_when_erased_is_gone_and_the_chain_still_holds(store: Store) -> None:
    entry = store.append(decision(who="Ada Lovelace"))
    other = store.append(decision(who="Charles Babbage"))
    erasure = store.erase(entry.id[:8], "asked to on 2026-03-01")
    assert erasure.public == {"erased": entry.id, "reason": "asked to on 2026-03-01"}
    found = store.entry(entry.id)
    assert (found.sealed, found.erased, found.public, found.hash) == (None, True, entry.public, entry.hash)
    assert store.entry(other.id).sealed == other.sealed
    verification = verify(store)
    assert (verification.whole, verification.erased, verification.counted["erasure"]) == (True, 1, 1)


def everything_in(folder: Path) -> bytes:
    """All bytes of all files of a folder."""
    return b"".join(file.read_bytes() for file in sorted(folder.iterdir()))


def keys_of(store: Store) -> dict[str, bytes]:
    with closing(sqlite3.connect(file_of(store))) as plain:
        return dict(plain.execute("SELECT id, key FROM entry_keys"))


def test_key_when_erased_is_nowhere_in_the_files(store: Store, tmp_path: Path) -> None:
    ids = [store.append(decision()).id for _ in range(150)]
    keys = keys_of(store)
    assert all(key in everything_in(tmp_path) for key in keys.values())
    erased = ids[5:100:3]
    for id_ in erased:
        store.erase(id_, "asked to")
        assert store.notes == ()
        assert keys[id_] not in everything_in(tmp_path)
    left = everything_in(tmp_path)
    assert [id_ for id_ in ids if keys[id_] not in left] == erased


def test_key_when_erased_while_others_read_is_gone_once_they_have_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.records.database.FORGETTING_S", 0.1)
    with store_in(tmp_path) as store, closing(sqlite3.connect(file_of(store), isolation_level=None)) as reader:
        id_ = store.append(decision()).id
        key = keys_of(store)[id_]
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM entry_keys").fetchone() == (1,)
        store.erase(id_, "asked to")
        assert "A copy of the erased key is in the log file beside the records" in store.notes[0]
        assert key in everything_in(tmp_path)
        store.append(decision())
        assert len(store.notes) == 1
        reader.execute("COMMIT")
        store.append(decision())
        assert not store.notes
        assert key not in everything_in(tmp_path)


def test_key_when_others_kept_it_is_gone_once_the_records_are_next_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.records.database.FORGETTING_S", 0.1)
    with closing(sqlite3.connect(tmp_path / "records.db", isolation_level=None)) as reader:
        with store_in(tmp_path) as store:
            id_ = store.append(decision()).id
            key = keys_of(store)[id_]
            reader.execute("BEGIN")
            assert reader.execute("SELECT count(*) FROM entry_keys").fetchone() == (1,)
            store.erase(id_, "asked to")
        reader.execute("COMMIT")
        assert key in everything_in(tmp_path)
        store_in(tmp_path).close()
        assert key not in everything_in(tmp_path)


def test_erasure_when_it_cannot_be_says_why_and_changes_nothing(filled: Filled) -> None:
    store, ids = filled.store, filled.ids
    store.erase(ids[0], "asked to")
    head = store.head()
    with unprotected(filled.file) as other:
        other.execute("DELETE FROM entry_keys WHERE sequence = 2")
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert f"{ids[0]} was erased before, on {today}. Record " in message_of(lambda: store.erase(ids[0], "again"))
    assert f"the key of record {ids[1]} is lost." in message_of(lambda: store.erase(ids[1], "asked to"))
    assert f"record {ids[3]} holds nothing that can be erased." in message_of(lambda: store.erase(ids[3], "asked to"))
    assert "there is no record 'nobody'" in message_of(lambda: store.erase("nobody", "asked to"))
    assert "an erasure needs a reason" in message_of(lambda: store.erase(ids[8], " "))
    assert store.head() == head


def test_person_when_the_record_was_tampered_with_can_still_be_erased(filled: Filled) -> None:
    with unprotected(filled.file) as plain:
        plain.execute("UPDATE entries SET body = body || ' ' WHERE sequence = 1")
        plain.execute("UPDATE entry_keys SET key = zeroblob(32) WHERE sequence = 2")
    for id_ in filled.ids[:2]:
        assert filled.store.erase(id_, "asked to").public["erased"] == id_
    with closing(sqlite3.connect(filled.file)) as plain:
        assert not plain.execute("SELECT * FROM entry_keys WHERE sequence < 3").fetchall()


def test_erasures_when_threads_race_for_one_record_only_one_succeeds(store: Store) -> None:
    id_ = store.append(decision()).id
    outcomes: list[str] = []

    def work() -> None:
        try:
            store.erase(id_, "asked to")
            outcomes.append("erased")
        except BadInput as error:
            outcomes.append("before" if "was erased before" in str(error) else str(error))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["before"] * 3 + ["erased"]
    assert verify(store).whole


# What verify finds


def rewritten(body: str, **changes: Any) -> tuple[str, str]:
    """A body that says something else, and its hash."""
    text = canonical(parse(body) | changes)
    return text, sha256(text)


def replace_body(plain: sqlite3.Connection, sequence: int, **changes: Any) -> None:
    """Let a record say something else, with a hash that fits."""
    (body,) = plain.execute("SELECT body FROM entries WHERE sequence = ?", (sequence,)).fetchone()
    plain.execute("UPDATE entries SET body = ?, hash = ? WHERE sequence = ?", (*rewritten(body, **changes), sequence))


def reseal(plain: sqlite3.Connection, text: str) -> None:
    """Let the newest record have sealed this text, as a faulty writer might."""
    from engine.records.sealing import seal

    id_, key = plain.execute("SELECT id, key FROM entry_keys WHERE sequence = 10").fetchone()
    replace_body(plain, 10, sealed=seal(text, key, id_))
    plain.execute("UPDATE head SET hash = (SELECT hash FROM entries WHERE sequence = 10)")


def insert_copy(plain: sqlite3.Connection, sequence: int) -> None:
    """Put a copy of the second record at another place, with a body that fits the place."""
    (body,) = plain.execute("SELECT body FROM entries WHERE sequence = 2").fetchone()
    plain.execute(
        "INSERT INTO entries SELECT ?, 'x', kind, time, approach, knowledge_base, ?, ? FROM entries WHERE sequence = 2",
        (sequence, *rewritten(body, sequence=sequence, id="x", sealed=None)),
    )


def insert_between(plain: sqlite3.Connection) -> None:
    plain.execute("UPDATE entry_keys SET sequence = sequence + 100 WHERE sequence > 4")
    plain.execute("UPDATE entries SET sequence = sequence + 100 WHERE sequence > 4")
    plain.execute("UPDATE entries SET sequence = sequence - 99 WHERE sequence > 100")
    plain.execute("UPDATE entry_keys SET sequence = sequence - 99 WHERE sequence > 100")
    insert_copy(plain, 5)


def swap(plain: sqlite3.Connection) -> None:
    for old, new in ((1, 100), (2, 1), (100, 2)):
        plain.execute("UPDATE entries SET sequence = ? WHERE sequence = ?", (new, old))
        plain.execute("UPDATE entry_keys SET sequence = ? WHERE sequence = ?", (new, old))


def cut(plain: sqlite3.Connection) -> None:
    plain.execute("DELETE FROM entry_keys WHERE sequence > 8")
    plain.execute("DELETE FROM entries WHERE sequence > 8")


def sql(*statements: str) -> Callable[[sqlite3.Connection], None]:
    def tamper(plain: sqlite3.Connection) -> None:
        for statement in statements:
            plain.execute(statement)

    return tamper


Tampering = tuple[Callable[[sqlite3.Connection], None], list[tuple[str, int | None]]]
TAMPERED: dict[str, Tampering] = {
    "a body": (sql("UPDATE entries SET body = replace(body, 'lora', 'full') WHERE sequence = 2"), [("edited", 2)]),
    "the newest body": (sql("UPDATE entries SET body = body || ' ' WHERE sequence = 10"), [("edited", 10)]),
    "a body that is no text": (sql("UPDATE entries SET body = x'ff00' WHERE sequence = 2"), [("edited", 2)]),
    "a body that is no UTF-8": (
        sql("UPDATE entries SET body = CAST(x'7bff7d' AS TEXT) WHERE sequence = 2"),
        [("edited", 2)],
    ),
    "a hash": (sql("UPDATE entries SET hash = upper(hash) WHERE sequence = 2"), [("edited", 2)]),
    "a body with its hash": (lambda plain: replace_body(plain, 2, public={"approach": "full"}), [("chain", 2)]),
    "the newest body with its hash": (lambda plain: replace_body(plain, 10, time="x"), [("chain", 10)]),
    "the first body's link": (lambda plain: replace_body(plain, 1, previous="1" * 64), [("chain", 1)]),
    "a body that is not canonical": (
        sql("UPDATE entries SET body = ' ' || body WHERE sequence = 4"),
        [("edited", 4)],
    ),
    "an unknown form": (lambda plain: replace_body(plain, 4, format=2), [("form", 4)]),
    "an unknown kind": (lambda plain: replace_body(plain, 4, kind="wish"), [("form", 4)]),
    "a field too many": (lambda plain: replace_body(plain, 4, more=1), [("form", 4)]),
    "a field of another type": (lambda plain: replace_body(plain, 4, public=[]), [("form", 4)]),
    "another store's record": (lambda plain: replace_body(plain, 4, store="x"), [("inserted", 4)]),
    "sealed text that is not canonical": (lambda plain: reseal(plain, '{"a": 1}'), [("form", 10)]),
    "sealed text that is no JSON": (lambda plain: reseal(plain, "{"), [("key", 10)]),
    "sealed text that is no mapping": (lambda plain: reseal(plain, "[]"), [("form", 10)]),
    "the column sequence": (sql("UPDATE entries SET sequence = 11 WHERE sequence = 10"), [("reordered", 11)]),
    "the column id": (sql("UPDATE entries SET id = 'x' WHERE sequence = 4"), [("column", 4)]),
    "the column kind": (sql("UPDATE entries SET kind = 'outcome' WHERE sequence = 2"), [("column", 2)]),
    "the column time": (sql("UPDATE entries SET time = '2020' WHERE sequence = 2"), [("column", 2)]),
    "the column approach": (sql("UPDATE entries SET approach = 'x' WHERE sequence = 2"), [("column", 2)]),
    "no approach": (sql("UPDATE entries SET approach = NULL WHERE sequence = 2"), [("column", 2)]),
    "the column knowledge_base": (
        sql(f"UPDATE entries SET knowledge_base = '{OTHER_BASE.sha256}' WHERE sequence = 2"),  # noqa: S608
        [("column", 2)],
    ),
    "a record removed": (sql("DELETE FROM entries WHERE sequence = 4"), [("missing", 4)]),
    "the first record removed": (sql("DELETE FROM entries WHERE sequence = 1"), [("missing", 1), ("key", 1)]),
    "two records removed": (sql("DELETE FROM entries WHERE sequence IN (3, 4)"), [("missing", 3), ("erasure", 7)]),
    "all records removed": (sql("DELETE FROM entry_keys", "DELETE FROM entries"), [("missing", 1)]),
    "a record inserted": (insert_between, [("inserted", 11)]),
    "a record inserted at the end": (lambda plain: insert_copy(plain, 11), [("inserted", 11)]),
    "a record inserted before the first": (lambda plain: insert_copy(plain, 0), [("inserted", 0)]),
    "two records swapped": (swap, [("reordered", 1), ("reordered", 2)]),
    "the end cut off": (cut, [("missing", 9)]),
    "the head set back": (sql("UPDATE head SET sequence = 9"), [("inserted", 10)]),
    "the head moved on": (sql("UPDATE head SET sequence = 11"), [("missing", 11)]),
    "the head's hash": (sql("UPDATE head SET hash = printf('%064d', 0)"), [("chain", 10)]),
    "the head's name": (sql("UPDATE head SET only = 2"), [("head", None)]),
    "no head": (sql("DELETE FROM head"), [("head", None)]),
    "a head that is no number": (sql("UPDATE head SET sequence = 'x'"), [("head", None)]),
    "a second head": (sql("INSERT INTO head VALUES (2, 10, 'x')"), [("head", None)]),
    "the store's name": (sql("UPDATE store SET id = 'x'"), [("store", None)]),
    "no name of the store": (sql("DELETE FROM store"), [("store", None)]),
    "a second name of the store": (sql("INSERT INTO store VALUES ('zz')"), [("store", None)]),
    "a key": (sql("UPDATE entry_keys SET key = zeroblob(32) WHERE sequence = 2"), [("key", 2)]),
    "a key that is none": (sql("UPDATE entry_keys SET key = 'x' WHERE sequence = 2"), [("key", 2)]),
    "a key's name": (sql("UPDATE entry_keys SET id = 'x' WHERE sequence = 2"), [("key", 2)]),
    "a key of another record": (sql("UPDATE entry_keys SET sequence = 3 WHERE sequence = 2"), [("key", 2)]),
    "a key lost": (sql("DELETE FROM entry_keys WHERE sequence = 2"), [("key", 2)]),
    "a key too many": (sql("INSERT INTO entry_keys VALUES (4, 'x', zeroblob(32))"), [("key", 4)]),
    "a key of no record": (sql("INSERT INTO entry_keys VALUES (99, 'x', zeroblob(32))"), [("key", 99)]),
    "a key of an erased record": (
        sql("INSERT INTO entry_keys SELECT 3, id, zeroblob(32) FROM entries WHERE sequence = 3"),
        [("key", 3), ("erasure", 3)],
    ),
    "an erasure of nobody": (
        lambda plain: replace_body(plain, 7, public={"erased": "x", "reason": ""}),
        [("key", 3), ("erasure", 7)],
    ),
    "an erasure of an outcome": (
        lambda plain: replace_body(
            plain, 7, public={"erased": plain.execute("SELECT id FROM entries WHERE sequence = 4").fetchone()[0]}
        ),
        [("key", 3), ("erasure", 7)],
    ),
    "an erasure once more": (
        lambda plain: replace_body(
            plain, 8, public={"erased": plain.execute("SELECT id FROM entries WHERE sequence = 3").fetchone()[0]}
        ),
        [("key", 5), ("erasure", 8)],
    ),
    "a knowledge base": (
        sql("UPDATE knowledge_bases SET content = replace(content, 'none', 'some')"),
        [("knowledge", None)],
    ),
    "a knowledge base that is no text": (sql("UPDATE knowledge_bases SET content = 1"), [("knowledge", None)]),
    "a knowledge base's hash": (sql("UPDATE knowledge_bases SET content_hash = 'x'"), [("knowledge", None)]),
    "a knowledge base's name": (sql("UPDATE knowledge_bases SET name = 'x'"), [("knowledge", None)]),
    "a knowledge base's version": (sql("UPDATE knowledge_bases SET version = 'x'"), [("knowledge", None)]),
    "a knowledge base lost": (
        sql("DELETE FROM knowledge_bases WHERE name = 'household'"),
        [("knowledge", None)],
    ),
    "a knowledge base too many": (
        sql("INSERT INTO knowledge_bases VALUES ('x', '', '', '', '')"),
        [("knowledge", None)],
    ),
    "another content by one record": (lambda plain: replace_body(plain, 2, knowledge="x"), [("knowledge", 2)]),
    "no content by one record": (lambda plain: replace_body(plain, 2, knowledge=None), [("form", 2)]),
}


@pytest.mark.parametrize(("tamper", "expected"), TAMPERED.values(), ids=TAMPERED)
def test_store_when_tampered_with_is_found_out_and_the_record_named(
    filled: Filled, tamper: Callable[[sqlite3.Connection], None], expected: list[tuple[str, int | None]]
) -> None:
    store, ids = filled.store, filled.ids
    with unprotected(filled.file) as plain:
        tamper(plain)
    found = verify(store)
    assert not found.whole
    assert not found.more
    assert {*expected} <= {(finding.fault, finding.sequence) for finding in found.findings}
    assert all(finding.id for finding in found.findings if finding.sequence and finding.fault != "missing")
    if not {"reordered", "inserted"} & {finding.fault for finding in found.findings}:
        named = [(finding.sequence, finding.id) for finding in found.findings if finding.id in ids]
        assert all(sequence and ids[sequence - 1] == id_ for sequence, id_ in named)
    assert all(re.fullmatch(r"[^\n]+", str(finding)) for finding in found.findings)


def forged(plain: sqlite3.Connection, sequence: int) -> list[object]:
    """The row of a record that says something else, with a hash that fits."""
    row = list(plain.execute("SELECT * FROM entries WHERE sequence = ?", (sequence,)).fetchone())
    row[4] = "full_fine_tuning"
    row[6:8] = rewritten(row[6], public=parse(row[6])["public"] | {"approach": row[4]})
    return row


def insert(plain: sqlite3.Connection, table: str, row: Sequence[object]) -> None:
    plain.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608


@pytest.mark.parametrize("sequence", [1, 3, 10])
@pytest.mark.parametrize("order", ["rowid", "rowid DESC"], ids=["behind the real one", "before the real one"])
def test_record_when_another_is_inserted_at_its_place_is_named_also_beside_a_checkpoint(
    filled: Filled, sequence: int, order: str
) -> None:
    key = checkpoints.new_key_pair()
    signed_before = checkpoints.sign(checkpoints.make(filled.store), key[0])
    with unprotected(filled.file) as plain:
        row = forged(plain, sequence)
        without_its_keys(plain, "entries")
        insert(plain, "entries", row)
        without_its_keys(plain, "entries", order)
    found = verify(filled.store, [signed_before], key[1])
    assert [str(one) for one in found.findings if one.fault not in {"protection", "checkpoint"}] == [
        f"record {sequence} ({filled.ids[sequence - 1]}): is not alone at its place: one of them was inserted"
    ]


KEPT_APART = {
    "entries": {"sequence", "id", "hash"},
    "entry_keys": {"sequence", "id"},
    "knowledge_bases": {"sha256"},
    "head": {"only"},
    "store": {"id"},
}


@pytest.mark.parametrize(("table", "columns"), KEPT_APART.items(), ids=KEPT_APART)
def test_table_when_it_takes_the_same_row_twice_is_found(filled: Filled, table: str, columns: set[str]) -> None:
    with unprotected(filled.file) as plain:
        without_its_keys(plain, table, min(columns))
    messages = [str(one) for one in verify(filled.store).findings]
    assert {f"the table {table} no longer refuses a second row with the same {name}" for name in columns} <= {*messages}
    assert f"the table {table} no longer refuses a row without {min(columns)}" in messages
    assert all(message.startswith(f"the table {table} no longer refuses a ") for message in messages)


def test_column_when_its_values_differ_only_together_with_another_is_found(filled: Filled) -> None:
    with unprotected(filled.file) as plain:
        without_its_keys(plain, "entry_keys")
        plain.execute("CREATE UNIQUE INDEX one ON entry_keys (sequence, id)")
        plain.execute("CREATE UNIQUE INDEX two ON entry_keys (id) WHERE id <> 'x'")
        plain.execute("CREATE UNIQUE INDEX three ON entry_keys (sequence)")
    said = [str(one) for one in verify(filled.store).findings if "second row" in str(one)]
    assert said == ["the table entry_keys no longer refuses a second row with the same id"]


@pytest.mark.parametrize("copy", ["sequence, id, key", "sequence, id, zeroblob(32)"], ids=["the same", "another"])
def test_key_when_there_are_two_is_found(filled: Filled, copy: str) -> None:
    with unprotected(filled.file) as plain:
        without_its_keys(plain, "entry_keys")
        plain.execute(f"INSERT INTO entry_keys SELECT {copy} FROM entry_keys WHERE sequence = 2")  # noqa: S608
    found = [str(one) for one in verify(filled.store).findings if one.fault != "protection"]
    assert found[0] == f"record 2 ({filled.ids[1]}): there are 2 keys for it"
    assert all(one.startswith(f"record 2 ({filled.ids[1]}): ") for one in found)


def test_knowledge_base_when_it_is_kept_twice_is_found(filled: Filled) -> None:
    with unprotected(filled.file) as plain:
        without_its_keys(plain, "knowledge_bases", "sha256")
        plain.execute("INSERT INTO knowledge_bases SELECT * FROM knowledge_bases WHERE name = 'office'")
    found = [str(one) for one in verify(filled.store).findings if one.fault != "protection"]
    assert found == [f"the knowledge base 'office' ('{OTHER_BASE.sha256[:12]}…): it is kept twice"]


NO_NUMBERS = {"NULL": "nothing", "'x'": "'x'", "x'33'": "'b'3''", "3.5": "'3.5'"}


@pytest.mark.parametrize(("number", "shown"), NO_NUMBERS.items(), ids=NO_NUMBERS)
@pytest.mark.parametrize("table", ["entries", "entry_keys", "head"])
def test_number_when_it_is_none_is_found(filled: Filled, table: str, number: str, shown: str) -> None:
    made = checkpoints.make(filled.store)
    with unprotected(filled.file) as plain:
        without_its_keys(plain, table)
        plain.execute(f"UPDATE {table} SET sequence = {number} WHERE sequence IN (2, 10)")  # noqa: S608
    found = [one for one in verify(filled.store, [made]).findings if one.fault != "protection"]
    if table == "entries":
        wrong = f"is at no place of the chain: its number is {shown}"
        told = [str(one) for one in found if one.fault == "inserted"]
        assert told == [f"record {filled.ids[place - 1]}: {wrong}" for place in (2, 10)]
        assert {one.sequence for one in found if one.fault == "missing"} == {2, 10}
    elif table == "entry_keys":
        assert {("key", 2), ("key", None)} <= {(one.fault, one.sequence) for one in found}
    else:
        assert ("head", None) in {(one.fault, one.sequence) for one in found}


def test_body_when_its_hash_was_made_to_fit_names_the_replaced_record_alone(filled: Filled) -> None:
    store, ids = filled.store, filled.ids
    with unprotected(filled.file) as plain:
        replace_body(plain, 6, sealed=None)
        plain.execute("DELETE FROM entry_keys WHERE sequence = 6")
    assert [str(found) for found in verify(store).findings] == [
        f"record 6 ({ids[5]}): record 7 ({ids[6]}) was written after another one: this one was replaced"
    ]


def test_findings_when_there_are_very_many_are_counted(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    with unprotected(filled.file) as plain:
        plain.execute("UPDATE entries SET hash = lower(hex(randomblob(32)))")
    monkeypatch.setattr("engine.records.verify.MOST_FINDINGS", 7)
    found = verify(filled.store)
    assert (len(found.findings), found.more) == (7, 5)


def test_record_when_it_was_edited_is_not_shown_as_if_nothing_were(filled: Filled) -> None:
    store, ids = filled.store, filled.ids
    with unprotected(filled.file) as plain:
        plain.execute("UPDATE entries SET body = replace(body, 'lora', 'full') WHERE sequence = 1")
        plain.execute("UPDATE entry_keys SET key = zeroblob(32) WHERE sequence = 2")
        plain.execute("UPDATE knowledge_bases SET content = content || ' '")
    said = message_of(lambda: store.entry(ids[0]))
    assert f"record {ids[0]} (number 1) cannot be trusted: it was changed after it was written." in said
    assert said.endswith("Run 'breakeven audit verify'.")
    assert "(number 2) cannot be trusted: what it sealed does not open" in message_of(lambda: store.entry(ids[1]))
    assert "cannot be trusted" in message_of(lambda: list(store.entries()))
    assert "is not as it was recorded" in message_of(lambda: store.knowledge(BASE.sha256))


def test_record_when_its_text_is_made_bytes_is_not_trusted_either(filled: Filled) -> None:
    with unprotected(filled.file) as plain:
        plain.execute("UPDATE entries SET body = x'00ff' WHERE sequence = 1")
    said = message_of(lambda: filled.store.entry(filled.ids[0]))
    assert "(number 1) cannot be trusted: it was changed after it was written." in said
    assert verify(filled.store).findings


@pytest.mark.parametrize("newest_first", [False, True], ids=["oldest first", "newest first"])
def test_records_when_some_are_damaged_come_without_those_for_whoever_wants_to_know_them(
    filled: Filled, newest_first: bool
) -> None:
    with unprotected(filled.file) as plain:
        plain.execute("UPDATE entries SET body = body || ' ' WHERE sequence = 1")
        plain.execute("UPDATE entry_keys SET key = zeroblob(32) WHERE sequence = 6")
    assert "cannot be trusted" in message_of(lambda: list(filled.store.entries()))
    damaged: list[Damaged] = []
    found = [entry.sequence for entry in filled.store.entries(damaged=damaged, newest_first=newest_first)]
    order = slice(None, None, -1 if newest_first else 1)
    assert found == [2, 3, 4, 5, 7, 8, 9, 10][order]
    assert [(one.sequence, one.id) for one in damaged] == [(1, filled.ids[0]), (6, filled.ids[5])][order]
    assert {one.sequence: one.why for one in damaged}[1] == "it was changed after it was written"
    limited = filled.store.entries(damaged=damaged, newest_first=newest_first, limit=5)
    assert [entry.sequence for entry in limited] == found[:5]


@pytest.mark.parametrize("number", ["NULL", "'x'"])
def test_record_when_it_has_no_number_is_not_passed_over_in_silence(filled: Filled, number: str) -> None:
    with unprotected(filled.file) as plain:
        without_its_keys(plain, "entries")
        plain.execute(f"UPDATE entries SET sequence = {number} WHERE sequence = 2")  # noqa: S608
    damaged: list[Damaged] = []
    found = [entry.sequence for entry in filled.store.entries(kind="decision", damaged=damaged, limit=3)]
    assert found == [1, 3, 5]
    shown = "None" if number == "NULL" else "x"
    why = f"the column sequence has '{shown}', and the record itself says '2'"
    assert [(one.sequence, one.id, one.why) for one in damaged] == [(None, filled.ids[1], why)]
    said = f"record {filled.ids[1]} (number none) cannot be trusted: {why}"
    assert said in message_of(lambda: next(filled.store.entries()))
    assert said in message_of(lambda: filled.store.entry(filled.ids[1]))
    assert list(filled.store.entries(kind="outcome", damaged=damaged)) != []
    assert len(damaged) == 1
    listed = CliRunner().invoke(audit, ["list", "--store", f"sqlite:///{filled.file}"])
    assert listed.exit_code == 1
    assert said in listed.stderr


@pytest.mark.parametrize("number", ["NULL", "'x'"])
def test_person_when_the_record_has_no_number_any_more_can_still_be_erased_and_nobody_else_is(
    filled: Filled, number: str
) -> None:
    with unprotected(filled.file) as plain:
        # The program has foreign keys enforced, and these need what they refer to to be unique.
        without_its_keys(plain, "entry_keys")
        without_its_keys(plain, "entries")
        plain.execute(f"UPDATE entries SET sequence = {number} WHERE sequence = 2")  # noqa: S608
        plain.execute("UPDATE entry_keys SET sequence = NULL WHERE sequence = 1")
    before = keys_of(filled.store)
    assert erasing.erase_decision(filled.store, filled.ids[1], "asked to").notes == ()
    assert before.keys() - keys_of(filled.store).keys() == {filled.ids[1]}


@pytest.mark.parametrize("number", ["NULL", "'x'"])
def test_head_when_it_is_no_number_stops_writing_with_a_clear_message(filled: Filled, number: str) -> None:
    made = checkpoints.make(filled.store)
    with unprotected(filled.file) as plain:
        without_its_keys(plain, "head")
        plain.execute(f"UPDATE head SET sequence = {number}")  # noqa: S608
    for action in (lambda: filled.store.append(decision()), filled.store.head, lambda: list(filled.store.entries())):
        assert "the head of the chain is not as it was written" in message_of(action)
    assert "damaged" in {one.fault for one in verify(filled.store, [made]).findings}


FILTERED: dict[str, tuple[str, dict[str, Any]]] = {
    "approach": ("approach = 'full'", {"approach": "full"}),
    "kind": ("kind = 'outcome'", {"kind": "outcome"}),
    "time": ("time = '1999-12-31T00:00:00.000000Z'", {"until": datetime(2000, 1, 1, tzinfo=UTC)}),
    "knowledge_base": (f"knowledge_base = '{OTHER_BASE.sha256}'", {"knowledge_base": OTHER_BASE.sha256[:8]}),
    "id": ("id = 'x'", {}),
}


@pytest.mark.parametrize("column", FILTERED)
def test_record_when_the_column_it_is_found_by_says_something_else_is_not_trusted(filled: Filled, column: str) -> None:
    edit, search = FILTERED[column]
    with unprotected(filled.file) as plain:
        plain.execute(f"UPDATE entries SET {edit} WHERE sequence = 2")  # noqa: S608 - our own
    said = message_of(lambda: list(filled.store.entries(**search)))
    assert f"(number 2) cannot be trusted: the column {column} has " in said
    damaged: list[Damaged] = []
    assert 2 not in [entry.sequence for entry in filled.store.entries(**search, damaged=damaged)]
    assert [one.sequence for one in damaged] == [2]


def test_record_when_it_was_moved_is_not_trusted(filled: Filled) -> None:
    with unprotected(filled.file) as plain:
        swap(plain)
    damaged: list[Damaged] = []
    found = [entry.sequence for entry in filled.store.entries(damaged=damaged)]
    assert len(found) + len(damaged) == 10
    assert len(damaged) == 2
    assert all("the column sequence has" in one.why for one in damaged)


def test_head_when_it_is_lost_stops_writing_with_a_clear_message(filled: Filled) -> None:
    store = filled.store
    with unprotected(filled.file) as plain:
        plain.execute("DELETE FROM head")
    for action in (lambda: store.append(decision()), store.head, lambda: list(store.entries())):
        assert "the head of the chain is missing. Run 'breakeven audit verify'." in message_of(action)


def test_file_when_any_page_of_it_is_overwritten_is_found_damaged(filled: Filled) -> None:
    filled.store.close()
    content, size = filled.file.read_bytes(), 4096
    assert len(content) > 15 * size
    for start in range(0, len(content), size):
        filled.file.write_bytes(content[:start] + b"\xa5" * size + content[start + size :])
        assert re.search("damaged|not a SQLite database|not Breakeven's", found_at(filled.file)), start // size


def found_at(file: Path) -> str:
    """What verify finds in a file, or why it cannot be opened."""
    try:
        with open_store(f"sqlite:///{file}") as store:
            return "\n".join(map(str, verify(store).findings))
    except BadInput as error:
        return str(error)


def garble(content: bytes, start: int, length: int) -> bytes:
    return content[:start] + b"\xa5" * length + content[start + length :]


GARBLED: dict[str, Callable[[bytes], bytes]] = {
    "cut in the middle": lambda content: content[: len(content) // 2],
    "cut after its first page": lambda content: content[:4096],
    "cut within its first page": lambda content: content[:1000],
    "its header overwritten": lambda content: garble(content, 0, 16),
    "its first hundred bytes overwritten": lambda content: garble(content, 0, 100),
    "its list of tables overwritten": lambda content: garble(content, 100, 40),
}


@pytest.mark.parametrize("damage", GARBLED.values(), ids=GARBLED)
def test_file_when_it_can_no_longer_be_read_is_a_finding_of_the_command(
    filled: Filled, damage: Callable[[bytes], bytes]
) -> None:
    checkpoint = checkpoints.make(filled.store)
    filled.store.close()
    kept = filled.file.with_name("kept.json")
    kept.write_text(checkpoints.to_text(checkpoint), encoding="utf-8")
    filled.file.write_bytes(damage(filled.file.read_bytes()))
    command = ["verify", "--store", f"sqlite:///{filled.file}", "--format", "json", "--checkpoint", str(kept)]
    done = CliRunner().invoke(audit, command)
    assert (done.exit_code, done.stderr) == (1, "")
    said = json.loads(done.stdout)
    assert not said["whole"]
    assert {found["fault"] for found in said["findings"]} & {"damaged", "missing"}


WRONG_VERSIONS = {
    "no row": "DELETE FROM records_version",
    "two rows": "INSERT INTO records_version VALUES ('0002')",
    "no text": "UPDATE records_version SET version_num = x'00'",
    "a word": "UPDATE records_version SET version_num = 'newest'",
    "an older one than the first": "UPDATE records_version SET version_num = '0000'",
    "nothing but spaces": "UPDATE records_version SET version_num = ' '",
    "another column": "ALTER TABLE records_version RENAME COLUMN version_num TO number",
    "one column more": "ALTER TABLE records_version ADD COLUMN more text",
    "no table": "DROP TABLE records_version",
}


@pytest.mark.parametrize("statement", WRONG_VERSIONS.values(), ids=WRONG_VERSIONS)
@pytest.mark.parametrize("create", [True, False], ids=["to write", "to look"])
def test_version_when_it_was_edited_is_a_finding_of_the_command_and_nothing_is_recorded(
    filled: Filled, create: bool, statement: str
) -> None:
    filled.store.close()
    with closing(sqlite3.connect(filled.file, isolation_level=None)) as plain:
        plain.execute(statement)
    url = f"sqlite:///{filled.file}"
    said = message_of(lambda: open_store(url, create=create))
    assert "the table records_version, which says how the others are to be read, is" in said
    done = CliRunner().invoke(audit, ["verify", "--store", url, "--format", "json"])
    assert (done.exit_code, done.stderr) == (1, "")
    assert [found["fault"] for found in json.loads(done.stdout)["findings"]] == ["damaged"]


def test_file_when_it_never_held_records_is_no_finding_of_the_command(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("Dear diary, this is no database. " * 100, encoding="utf-8")
    done = CliRunner().invoke(audit, ["verify", "--store", f"sqlite:///{tmp_path / 'x.db'}"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "the file is not a SQLite database" in done.stderr


def test_store_when_it_is_empty_is_whole(store: Store) -> None:
    found = verify(store)
    assert (found.whole, found.entries, found.sequence, found.hash) == (True, 0, 0, NO_HASH)


def test_store_when_others_write_meanwhile_is_still_whole(store: Store) -> None:
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            store.append(decision())

    thread = threading.Thread(target=work)
    thread.start()
    try:
        found = [verify(store) for _ in range(10)]
    finally:
        done.set()
        thread.join()
    assert all(each.whole for each in found)


# Checkpoints

PRIVATE, PUBLIC = checkpoints.new_key_pair()


def signed(store: Store) -> Checkpoint:
    return checkpoints.sign(checkpoints.make(store), PRIVATE)


def messages(found: Verification) -> list[str]:
    return [re.sub(r"^the checkpoint of [-0-9 :]+: ", "", finding.message) for finding in found.findings]


def test_checkpoint_when_the_chain_went_on_still_holds(store: Store) -> None:
    at_first = signed(store)
    fill(store)
    later = signed(store)
    fill(store)
    found = verify(store, [at_first, later], PUBLIC)
    assert (found.whole, found.checkpoints) == (True, 2)
    assert (at_first.sequence, later.sequence) == (0, 10)


def rewrite_end(plain: sqlite3.Connection) -> None:
    """Rewrite the newest record together with the head, which nothing in the database can show."""
    replace_body(plain, 10, time="2026-01-01T00:00:00.000000Z")
    plain.execute("UPDATE entries SET time = '2026-01-01T00:00:00.000000Z' WHERE sequence = 10")
    plain.execute("UPDATE head SET hash = (SELECT hash FROM entries WHERE sequence = 10)")


def cut_with_head(plain: sqlite3.Connection) -> None:
    cut(plain)
    plain.execute("UPDATE head SET sequence = 8, hash = (SELECT hash FROM entries WHERE sequence = 8)")


ENDS = {
    "rewritten": (rewrite_end, "it knows another record at this place: the chain was rewritten up to here or further"),
    "cut off": (cut_with_head, "it knows 10 records, and there are 8: the end of the chain was cut off"),
}


@pytest.mark.parametrize(("tamper", "message"), ENDS.values(), ids=ENDS)
def test_end_when_it_changed_together_with_the_head_is_found_by_a_checkpoint_alone(
    filled: Filled, tamper: Callable[[sqlite3.Connection], None], message: str
) -> None:
    store = filled.store
    checkpoint = checkpoints.make(store)
    with unprotected(filled.file) as plain:
        tamper(plain)
    assert verify(store).whole
    found = verify(store, [checkpoint])
    assert messages(found) == [message]
    assert found.findings[0].sequence == 10


def test_checkpoint_when_the_store_is_another_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with store_in(tmp_path / "other") as other:
        found = verify(other, [signed(store)], PUBLIC)
        assert messages(found) == [f"it is of another store, {store.id}; this one is {other.id}"]


def altered(checkpoint: Checkpoint, **changes: Any) -> Checkpoint:
    return checkpoints.from_mapping(checkpoint.as_mapping() | changes)


OTHER_PRIVATE, OTHER_PUBLIC = checkpoints.new_key_pair()
SIGNATURES: dict[str, tuple[Callable[[Checkpoint], Checkpoint], str | None, list[str]]] = {
    "none": (lambda c: checkpoints.from_mapping(c.as_mapping() | {"signature": None}), PUBLIC, ["it is not signed"]),
    "none, and none asked for": (lambda c: altered(c, signature=None, public_key=None), None, []),
    "right": (lambda c: c, PUBLIC, []),
    "right, with no key to trust": (lambda c: c, None, []),
    "of another": (
        lambda c: checkpoints.sign(c, OTHER_PRIVATE),
        PUBLIC,
        ["it is signed by another key than the one given"],
    ),
    "of nothing": (
        lambda c: altered(c, signature=""),
        PUBLIC,
        ["its signature is wrong: it was changed after it was signed"],
    ),
    "no base64": (
        lambda c: altered(c, signature="é"),
        None,
        ["its signature is wrong: it was changed after it was signed"],
    ),
    "of another time": (
        lambda c: altered(c, time="2020-01-01T00:00:00.000000Z"),
        PUBLIC,
        ["its signature is wrong: it was changed after it was signed"],
    ),
    "with a key that is none": (
        lambda c: altered(c, public_key="AAAA"),
        None,
        ["its signature is wrong: it was changed after it was signed"],
    ),
}


@pytest.mark.parametrize(("change", "key", "expected"), SIGNATURES.values(), ids=SIGNATURES)
def test_signature_when_it_is_checked_is_what_it_is(
    filled: Filled, change: Callable[[Checkpoint], Checkpoint], key: str | None, expected: list[str]
) -> None:
    store = filled.store
    assert messages(verify(store, [change(signed(store))], key)) == expected


def test_checkpoint_when_written_and_read_is_the_same_and_fits_on_paper(store: Store, tmp_path: Path) -> None:
    checkpoint = signed(store)
    checkpoints.write(checkpoint, tmp_path / "c.json")
    text = (tmp_path / "c.json").read_text(encoding="utf-8")
    assert checkpoints.read(tmp_path / "c.json") == checkpoint
    assert len(text.splitlines()) == 9
    assert max(map(len, text.splitlines())) <= 110


def test_checkpoint_when_recorded_in_the_chain_is_held_against_it(filled: Filled) -> None:
    store = filled.store
    right = checkpoints.record(store, signed(store))
    assert verify(store).counted["checkpoint"] == 1
    assert verify(store).whole
    wrong = checkpoints.record(store, altered(checkpoints.make(store), hash="0" * 64))
    assert [(found.fault, found.id) for found in verify(store).findings] == [("checkpoint", wrong.id)]
    assert right.id != wrong.id


def test_checkpoint_when_the_newest_record_is_not_as_written_is_not_made(filled: Filled) -> None:
    store = filled.store
    with unprotected(filled.file) as plain:
        plain.execute("UPDATE entries SET body = body || ' ' WHERE sequence = 10")
    assert "the newest record, number 10, is not what was written" in message_of(lambda: checkpoints.make(store))


NO_CHECKPOINTS = {
    "no JSON": ("{", "the checkpoint: not JSON: "),
    "a list": ("[]", "the checkpoint: expected a JSON mapping."),
    "a later form": ('{"checkpoint": 2}', "the checkpoint: checkpoint: this is no checkpoint of form 1."),
    "no store": ('{"checkpoint": 1}', "the checkpoint: store: expected text."),
    "a number below 0": (
        '{"checkpoint":1,"store":"x","hash":"x","time":"x","sequence":-1}',
        "the checkpoint: sequence: expected a whole number, 0 or more.",
    ),
    "a truth for a number": (
        '{"checkpoint":1,"store":"x","hash":"x","time":"x","sequence":true}',
        "the checkpoint: sequence: expected a whole number, 0 or more.",
    ),
    "a signature that is no text": (
        '{"checkpoint":1,"store":"x","hash":"x","time":"x","sequence":1,"signature":1}',
        "the checkpoint: signature: expected text in base64.",
    ),
    "a field too many": (
        '{"checkpoint":1,"store":"x","hash":"x","time":"x","sequence":1,"sig":"x"}',
        "the checkpoint: sig: a checkpoint has no such field. Leave it out.",
    ),
}


@pytest.mark.parametrize(("text", "message"), NO_CHECKPOINTS.values(), ids=NO_CHECKPOINTS)
def test_text_when_it_is_no_checkpoint_is_refused_by_field(text: str, message: str) -> None:
    assert message_of(lambda: checkpoints.parse(text)).startswith(message)


def test_keys_when_written_are_the_owners_alone_and_never_replaced(tmp_path: Path, store: Store) -> None:
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    checkpoints.write_key_pair(private, public)
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    checkpoint = checkpoints.sign(checkpoints.make(store), private.read_text(encoding="utf-8"))
    assert verify(store, [checkpoint], public.read_text(encoding="utf-8")).whole
    before = private.read_bytes()
    said = message_of(lambda: checkpoints.write_key_pair(private, tmp_path / "new.pem"))
    assert said == f"{private}: there is such a file, and a key is never replaced. Name another file."
    assert message_of(lambda: checkpoints.write_key_pair(tmp_path / "new.pem", public)).startswith(f"{public}: ")
    assert "cannot be written: no such file" in message_of(
        lambda: checkpoints.write_key_pair(tmp_path / "none" / "a", tmp_path / "b")
    )
    assert private.read_bytes() == before
    assert not (tmp_path / "new.pem").exists()


def ed448_private_key() -> str:
    from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed448PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    "pem",
    ["", "secret", PUBLIC, PRIVATE[:60], ed448_private_key()],
    # The keys are made anew each time, and processes that share the tests out must call them the same.
    ids=["nothing", "a word", "a public key", "half of one", "one of another kind"],
)
def test_private_key_when_it_is_none_is_refused_and_not_shown(store: Store, pem: str) -> None:
    said = message_of(lambda: checkpoints.sign(checkpoints.make(store), pem, shown="private.pem"))
    assert said.startswith("private.pem: expected ")
    assert "secret" not in said


def test_public_key_when_there_is_no_checkpoint_is_said_to_be_of_no_use(filled: Filled) -> None:
    found = verify(filled.store, public_key=PUBLIC)
    assert (found.whole, found.notes) == (True, ("The public key was not used, since no checkpoint was given.",))
    said = message_of(lambda: verify(filled.store, public_key="x", shown="public.pem"))
    assert said.startswith("public.pem: expected a public key as PEM.")


@pytest.mark.parametrize("pem", ["", "x", PRIVATE])
def test_public_key_when_it_is_none_is_refused(store: Store, pem: str) -> None:
    said = message_of(lambda: verify(store, [signed(store)], pem, shown="public.pem"))
    assert said.startswith("public.pem: expected a public key as PEM.")


def test_knowledge_content_when_files_come_in_another_order_is_the_same(store: Store) -> None:
    store.append(decision())
    turned = KnowledgeContent(BASE.sha256, BASE.name, BASE.version, dict(sorted(BASE.files.items(), reverse=True)))
    store.append(decision(base=turned))
    assert verify(store).whole


def test_database_when_opened_by_itself_can_be_closed(tmp_path: Path) -> None:
    database = open_database(locate(f"sqlite:///{tmp_path / 'x.db'}"), create=True)
    database.close()
    assert [file.name for file in tmp_path.iterdir()] == ["x.db"]
