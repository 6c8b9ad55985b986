from __future__ import annotations

import io
import json
import math
import os
import resource
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from engine import source
from engine.errors import BadInput, Place, Problem
from engine.source import (
    DEEPEST,
    MOST_BYTES,
    MOST_PROBLEMS,
    MOST_VALUES,
    Document,
    read_document,
    read_text,
    read_text_document,
    write_text_atomically,
)

LOADERS = [pytest.param("CBaseLoader", id="libyaml"), pytest.param("BaseLoader", id="pure python")]


@contextmanager
def loader(name: str) -> Iterator[None]:
    """Read with one of PyYAML's two readers; the second serves where libyaml is missing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "_LOADER", getattr(yaml, name))
        yield


def read(text: str) -> Document:
    return read_text_document(text, "case.yaml")


def problems_of(text: str) -> tuple[Problem, ...]:
    with pytest.raises(BadInput) as caught:
        read(text)
    return caught.value.problems


def refused(path: Path | str, limit_bytes: int = MOST_BYTES) -> Problem:
    with pytest.raises(BadInput) as caught:
        read_document(path, limit_bytes=limit_bytes)
    (problem,) = caught.value.problems
    return problem


# Values


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("null", None),
        ("Null", None),
        ("~", None),
        ("yes", True),
        ("YES", True),
        ("on", True),
        ("True", True),
        ("no", False),
        ("Off", False),
        ("false", False),
        ("y", "y"),
        ("n", "n"),
        ("0", 0),
        ("-0", 0),
        ("200_000", 200_000),
        ("+5", 5),
        ("-5", -5),
        ("010", 10),
        ("9007199254740991", 2**53 - 1),
        ("9007199254740992", float(2**53)),
        ("1" + "0" * 300, 1e300),
        ("0" * 5_000 + "7", 7),
        ("1.0", 1.0),
        ("0.0556", 0.0556),
        ("1_000.5", 1000.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("1e-3", 0.001),
        ("-1.5E+2", -150.0),
        ("1__000", "1__000"),
        ("_1", "_1"),
        ("1,000", "1,000"),
        ("0x10", "0x10"),
        ("0o17", "0o17"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("1.2.3", "1.2.3"),
        ("٣", "٣"),
        ("45k", "45k"),
        ("-", None),
        ("information", "information"),
        ("'5'", "5"),
        ('"yes"', "yes"),
        ("''", ""),
        ('"null"', "null"),
        ("'.nan'", ".nan"),
        ("|\n  1\n  2", "1\n2"),
        (">\n  1\n  2", "1 2"),
    ],
)
def test_reader_gives_a_scalar_the_value_it_is_written_as(name: str, written: str, value: object) -> None:
    with loader(name):
        if written == "-":
            assert read("a:\n  -").value == {"a": [value]}
            return
        found = read(f"a: {written}").value
    assert found == {"a": value}
    assert isinstance(found, dict)
    assert type(found["a"]) is type(value)


def test_reader_keeps_names_as_they_are_written() -> None:
    assert read("yes: 1\n10: 2\n'': 3\n~: 4\non: 5\n'<<': 6").value == {
        "yes": 1,
        "10": 2,
        "": 3,
        "~": 4,
        "on": 5,
        "<<": 6,
    }


@pytest.mark.parametrize(
    "text",
    ["a:\n  - 1\n  - b: [2, {c: 3}]\n", "a:\r\n  - 1\r\n  - b: [2, {c: 3}]\r\n", "\ufeff{a: [1, {b: [2, {c: 3}]}]}"],
    ids=["block", "windows line ends", "flow behind a byte order mark"],
)
def test_reader_reads_nested_mappings_and_lists(text: str) -> None:
    assert read(text).value == {"a": [1, {"b": [2, {"c": 3}]}]}


plain_text = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=40)
finite = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | finite | plain_text
structures = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(plain_text, inner, max_size=4), max_leaves=15
)


@given(structures)
def test_reader_reads_json_as_json_means_it(value: object) -> None:
    assert read(json.dumps(value, ensure_ascii=False)).value == value


# Places

PLACES = read("first: 1\nsecond:\n  third: [a, 'b']\n  fourth:\n    - x: |\n        text\n    -\nempty:\n")


@pytest.mark.parametrize(
    ("path", "at", "key_at"),
    [
        ((), (1, 1), (1, 1)),
        (("first",), (1, 8), (1, 1)),
        (("second",), (3, 3), (2, 1)),
        (("second", "third"), (3, 10), (3, 3)),
        (("second", "third", 1), (3, 14), (3, 14)),
        (("second", "fourth", 0, "x"), (5, 10), (5, 7)),
        (("empty",), (8, 7), (8, 1)),
        (("missing",), (1, 1), (1, 1)),
        (("second", "missing", "deeper"), (3, 3), (2, 1)),
        (("second", "third", 7), (3, 10), (3, 3)),
        (("first", "below a scalar"), (1, 8), (1, 1)),
    ],
)
def test_place_is_that_of_the_value_or_its_nearest_parent(
    path: tuple[str | int, ...], at: tuple[int, int], key_at: tuple[int, int]
) -> None:
    assert PLACES.place(path) == Place("case.yaml", *at)
    assert PLACES.place(path, key=True) == Place("case.yaml", *key_at)


def test_document_tells_quoted_scalars_and_their_text_apart() -> None:
    assert not PLACES.quoted(("second", "third", 0))
    assert PLACES.quoted(("second", "third", 1))
    assert PLACES.quoted(("second", "fourth", 0, "x"))
    assert PLACES.text(("first",)) == "1"
    assert PLACES.text(("second", "third", 1)) == "b"
    assert PLACES.text(("second",)) is None
    assert PLACES.text(("missing",)) is None
    assert not PLACES.quoted(("missing",))
    assert PLACES.lines[2] == "  third: [a, 'b']"


# What is refused


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize(
    ("text", "line", "field", "message", "hint"),
    [
        ("", None, None, "the file is empty", None),
        ("# nothing but this\n\n", None, None, "the file is empty", None),
        ("---\n", None, None, "the file is empty", None),
        ("a: 1\n---\nb: 2", 2, None, "a second document", "file of its own"),
        ("a: 1\nb: 2\n\na: 3", 4, "a", "given on line 1 and again on line 4", "Keep one"),
        ("a: {b: 1, b: 2}", 1, "b", "given twice on line 1", "Keep one"),
        ("a: {low: 1,000, high: 2,000}", 1, "000", "given twice", "1_000"),
        ("a: &x 1", 1, "a", "'&x' names a value", "Write the value out"),
        ("a: *x", 1, "a", "'*x' refers to another value", "quotes"),
        ("a: {<<: {b: 1}}", 1, "a", "'<<' takes over", "Write the value out"),
        (
            "a: !!python/object:os.system x",
            1,
            "a",
            "the tag '!!python/object:os.system' is not allowed",
            "Leave it out",
        ),
        ("a: !x {b: 1}", 1, "a", "the tag '!x' is not allowed", "Leave it out"),
        ("a: !!str 5", 1, "a", "the tag '!!str' is not allowed", "Leave it out"),
        ("? [a]\n: 1", 1, None, "a name before ':' must be text", "without brackets"),
        ("{a: b}: 1", 1, None, "a name before ':' must be text", "without brackets"),
        ("a: 1\n: 2", 2, None, "there is no name before ':'", "Write name: value"),
        ("? \n: 1", 1, None, "there is no name before ':'", "Write name: value"),
        ("a: .nan", 1, "a", "expected a finite number, got .nan", "quotes"),
        ("a: NaN", 1, "a", "expected a finite number, got NaN", "quotes"),
        ("a:\n  b: [1, -.inf]", 2, "b", "expected a finite number, got -.inf", "quotes"),
        ("a: Infinity", 1, "a", "expected a finite number, got Infinity", "quotes"),
        ("a: 1e400", 1, "a", "expected a finite number, got 1e400", "below 1e308"),
        ("a: -1e400", 1, "a", "expected a finite number, got -1e400", "below 1e308"),
        ("a: " + "9" * 5_000, 1, "a", "expected a finite number, got 999", "below 1e308"),
        ("a: 1\nb: \x1b[31m", 2, None, "a control character, U+001B, in column 4", "Delete it"),
        ("a: 1\nb: x\ufeff", 2, None, "a control character, U+FEFF, in column 5", "Delete it"),
        ("a: \ud800", 1, None, "a control character, U+D800", "Delete it"),
        ('a: "\\e[31m"', 1, "a", "a control character, U+001B, in quotes", "Leave it out"),
        ("a: b: c", 1, None, "column 5: a second ':' in one line", "Put quotes"),
        ("a: 1\n b: 2", 2, None, "this line does not fit the line above it", "Indent it"),
        ("a 1\nb: 2", 2, None, "this line does not fit the line above it", "reads name: value"),
        ("a: 1\nb 2\nc: 3", 2, None, "there is no ':' after the name", "a space after the colon"),
        ("a:\n\tb: 1", 2, None, "column 1: a tab is used to indent", "Indent with spaces"),
        ("a: 1\n\tb: 2", 2, None, "column 1: a tab is used to indent", "Indent with spaces"),
        ("a: [1, 2\nb: 3", 1, None, "column 4: the bracket that opens here is not closed before line 2", "Close it"),
        ("a: {b: 1", 1, None, "column 4: the bracket that opens here is not closed", "Close it"),
        ("a: [\n", 1, None, "a value is missing", "close the bracket"),
        ("a: ]", 1, None, "column 4: a value cannot begin with ']'", "Put quotes"),
        ("a: [1]]", 1, None, "text goes on after the closing bracket", "Put quotes"),
        ("a: 'x\nb: 2", 1, None, "column 4: the quote that opens here is never closed", "Close it"),
        ("a: 'it's'", 1, None, "text goes on after the closing quote", "write '' for '"),
        ('a: "\\q"', 1, None, "an unknown escape in double quotes", "single quotes"),
        ("a: @b", 1, None, "column 4: a value cannot begin with '@'", "Put quotes"),
        ("a: %b", 1, None, "column 4: a value cannot begin with '%'", "Put quotes"),
        ("a: * b", 1, None, "a value cannot begin with '&', '*' or '!'", "Put quotes"),
        ("a: - b", 1, None, "a list cannot begin here", "on the next line"),
        ("- a\nb: 1", 2, None, "a name, where a list entry is expected", "'- '"),
        ("a: 1\n- b", 2, None, "a list entry, where a name is expected", "Indent it"),
        ("a: |b\n  c", 1, None, "text after '|' or '>'", "next line"),
        ("%YAML 3.0\n---\na: 1", 1, None, "a line cannot begin with '%'", "Leave the line out"),
        ("a: 1\n...\nb", 3, None, "something follows the end", "name: value"),
    ],
)
def test_reader_refuses_with_line_field_problem_and_way_out(
    name: str, text: str, line: int | None, field: str | None, message: str, hint: str | None
) -> None:
    with loader(name):
        problem = problems_of(text)[0]
    assert (problem.place.file, problem.place.line, problem.field) == ("case.yaml", line, field)
    assert message in problem.message
    assert (hint is None) == (problem.hint is None)
    assert hint is None or hint in (problem.hint or "")


def test_reader_reports_every_problem_up_to_a_syntax_error_in_the_order_of_lines() -> None:
    text = "a: &x 1\nb: *x\nc: .nan\na: 2\nd: !t 3\ne: [1\nf: 2\n"
    assert [(problem.place.line, problem.field) for problem in problems_of(text)] == [
        (1, "a"),
        (2, "b"),
        (3, "c"),
        (4, "a"),
        (5, "d"),
        (6, None),
    ]


def test_reader_counts_problems_past_the_most_that_are_listed() -> None:
    found = problems_of("".join(f"fact_{number}: .nan\n" for number in range(MOST_PROBLEMS + 7)))
    assert len(found) == MOST_PROBLEMS + 1
    assert found[-1].message == "7 more problems from here on"
    assert found[-1].place.line == MOST_PROBLEMS + 1


def nested(levels: int) -> str:
    return "".join(f"{' ' * level}a:\n" for level in range(levels))


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * DEEPEST + "]" * DEEPEST, id="lists in brackets"),
        pytest.param("{a: " * DEEPEST + "1" + "}" * DEEPEST, id="mappings in brackets"),
        pytest.param("- " * DEEPEST + "1", id="lists"),
        pytest.param(nested(DEEPEST), id="mappings"),
    ],
)
def test_reader_reads_as_deep_as_allowed(name: str, text: str) -> None:
    with loader(name):
        assert read(text).value


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), id="one level too deep"),
        pytest.param("[" * 100_000, id="100,000 brackets"),
        pytest.param("[" * 100_000 + "]" * 100_000, id="100,000 pairs of brackets"),
        pytest.param("{a: " * 100_000, id="100,000 braces"),
        pytest.param("- " * 100_000, id="100,000 dashes"),
        pytest.param("? " * 100_000, id="100,000 question marks"),
        pytest.param("- ? " * 100_000, id="100,000 dashes and question marks"),
        pytest.param(nested(1_900), id="1,900 mappings"),
    ],
)
def test_reader_refuses_deeper_nesting_at_once(name: str, text: str) -> None:
    started = time.process_time()
    with loader(name):
        found = problems_of(text)
    assert time.process_time() - started < 5
    assert any("nested deeper than 50 levels" in problem.message for problem in found)


def test_reader_refuses_ten_thousand_nested_mappings_where_the_limit_lets_them_in() -> None:
    text = nested(10_000)
    started = time.process_time()
    with pytest.raises(BadInput, match="nested deeper than 50 levels"):
        read_text_document(text, "case.yaml", limit_bytes=len(text))
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" + "a," * MOST_VALUES + "]", id="too many values"),
        pytest.param("a: 1\n" * 200_000, id="duplicates"),
        pytest.param("\x01\n" * 900_000, id="control characters"),
        pytest.param("a: '" + "x" * 1_900_000, id="an open quote"),
        pytest.param("a: " + "9" * 1_900_000, id="a long number"),
        pytest.param("---\n" * 400_000, id="documents"),
        pytest.param("[" + "&a b," * 90_000, id="anchors"),
        pytest.param("x" * 2_000_001, id="too long"),
    ],
)
def test_reader_refuses_large_input_quickly_and_with_few_words(text: str) -> None:
    started = time.process_time()
    found = problems_of(text)
    assert time.process_time() - started < 5
    assert len(found) <= MOST_PROBLEMS + 1
    assert all(len(str(problem)) < 400 for problem in found)


yamlish = st.text(st.sampled_from("ab1 0-:?,[]{}#&*!|>'\"%@`~<.=_\n\t\r\\e\ufeff\x85\u2028\x00é"), max_size=60)


@pytest.mark.parametrize("name", LOADERS)
@given(text=st.text(max_size=200) | yamlish | st.lists(yamlish, max_size=6).map("\n".join))
@example(text="\ud800")
@example(text="a: {")
@example(text='"\\ud800"')
@example(text="a: 1\x85b: [\u2028")
def test_reader_reads_or_refuses_any_text(name: str, text: str) -> None:
    with loader(name):
        try:
            document = read(text)
        except BadInput as refusal:
            for problem in refusal.problems:
                assert problem.message
                assert not problem.message.endswith(".")
                assert str(problem).isprintable()
                assert problem.place.line is None or 1 <= problem.place.line <= len(text) + 1
            return
    assert_plain(document.value)


def assert_plain(value: object) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            assert isinstance(key, str)
            assert_plain(inner)
    elif isinstance(value, list):
        for inner in value:
            assert_plain(inner)
    else:
        assert value is None or isinstance(value, str | bool | int | float)
        assert not isinstance(value, float) or math.isfinite(value)


# Files


def test_file_is_shown_as_the_user_gave_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "case.yaml").write_text("a: 1", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert read_document("case.yaml").file == "case.yaml"
    assert read_document(Path("./case.yaml")).file == "case.yaml"
    assert read_document("case.yaml", shown="the case").place(("a",)) == Place("the case", 1, 4)


def test_missing_file_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "claims.yaml").touch()
    problem = refused(tmp_path / "claim.yaml")
    assert problem.message == "no such file"
    assert problem.hint == f"The nearest name there is '{tmp_path / 'claims.yaml'}'"


def test_file_in_a_missing_folder_is_refused_with_the_folder(tmp_path: Path) -> None:
    problem = refused(tmp_path / "cases" / "claims.yaml")
    assert problem.message == "no such file"
    assert problem.hint == f"The folder {tmp_path / 'cases'} does not exist either"


def test_file_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cases").touch()
    assert refused(tmp_path / "cases" / "claims.yaml").message == "cannot be read: not a directory"


def test_folder_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path).message == "a folder, where a file is expected"


def test_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    problem = refused(tmp_path / "pipe")
    assert (problem.message, problem.hint) == ("not a regular file", "Write - to read standard input")


def test_endless_device_is_refused() -> None:
    assert refused("/dev/zero").message == "not a regular file"


def test_file_of_100_megabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as opened:
        opened.truncate(100_000_000)
    started = time.process_time()
    assert refused(path).message == "too large: 100,000,000 bytes, and at most 2,000,000 are read"
    assert time.process_time() - started < 1


def test_file_is_read_up_to_the_limit_and_refused_past_it(tmp_path: Path) -> None:
    (tmp_path / "case.yaml").write_bytes(b"a: 1 # x")
    assert read_document(tmp_path / "case.yaml", limit_bytes=8).value == {"a": 1}
    assert "too large: 8 bytes" in refused(tmp_path / "case.yaml", limit_bytes=7).message


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        pytest.param(b"a: 1\nb: \x00\x01", 2, "not text: a zero byte at byte 8", id="binary"),
        pytest.param(b"a: 1\nb: caf\xe9\n", 2, "not UTF-8 text: byte 11 is 0xe9", id="latin-1"),
        pytest.param(b"\xef\xbb\xbfa: \xff", 1, "not UTF-8 text: byte 6 is 0xff", id="behind a byte order mark"),
        pytest.param("a: 1".encode("utf-16"), None, "text in UTF-16, where UTF-8 is expected", id="utf-16"),
        pytest.param(b"\x7fELF\x02\x01\x01\x00", 1, "not text: a zero byte at byte 7", id="a program"),
        pytest.param(b"", None, "the file is empty", id="empty"),
    ],
)
def test_file_that_is_no_text_is_refused_with_its_place(
    tmp_path: Path, content: bytes, line: int | None, message: str
) -> None:
    path = tmp_path / "case.yaml"
    path.write_bytes(content)
    problem = refused(path)
    assert (problem.place.line, problem.message) == (line, message)


def test_byte_order_mark_before_the_text_is_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1")
    assert read_document(path).value == {"a": 1}
    assert read_text(path) == "a: 1"


@pytest.mark.parametrize(
    ("path", "message"),
    [("a\0b", "cannot be read: embedded null byte"), ("x" * 5_000, "cannot be read: file name too long")],
    ids=["a zero byte", "too long"],
)
def test_impossible_file_name_is_refused(path: str, message: str) -> None:
    problem = refused(path)
    assert problem.message == message
    assert str(problem).isprintable()


@contextmanager
def standard_input(content: bytes) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))
        yield


def test_dash_reads_standard_input_and_names_it() -> None:
    with standard_input(b"a: 1"):
        document = read_document("-")
    assert (document.value, document.file) == ({"a": 1}, "standard input")


def test_standard_input_is_refused_past_the_limit() -> None:
    with standard_input(b"a: 1 # x"):
        assert "too large: more than 7 bytes" in refused("-", limit_bytes=7).message


def test_closed_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert refused("-").message == "standard input is closed"


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that an account without privileges can enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def without_privileges() -> Iterator[None]:
    """Permissions mean nothing to root, so step down where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_unreadable_file_is_refused(public_folder: Path) -> None:
    path = public_folder / "case.yaml"
    path.write_text("a: 1", encoding="utf-8")
    path.chmod(0)
    with without_privileges():
        assert refused(path).message == "cannot be read: permission denied"


# Writing


def not_written(path: Path | str, text: str = "new") -> Problem:
    with pytest.raises(BadInput) as caught:
        write_text_atomically(path, text)
    (problem,) = caught.value.problems
    return problem


def test_writing_makes_a_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    write_text_atomically(tmp_path / "report.md", "été ≥ 5\r\n")
    assert [path.name for path in tmp_path.iterdir()] == ["report.md"]
    assert (tmp_path / "report.md").read_bytes() == "été ≥ 5\r\n".encode()


def test_writing_respects_the_creation_mask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text_atomically(tmp_path / "report.md", "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "report.md").stat().st_mode) == 0o640


def test_writing_replaces_a_file_and_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_text("old and longer", encoding="utf-8")
    path.chmod(0o604)
    write_text_atomically(str(path), "new")
    assert path.read_text(encoding="utf-8") == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


def test_writing_through_a_link_keeps_the_link(tmp_path: Path) -> None:
    (tmp_path / "link.md").symlink_to(tmp_path / "report.md")
    write_text_atomically(tmp_path / "link.md", "new")
    assert (tmp_path / "link.md").is_symlink()
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == "new"


def test_writing_to_a_device_leaves_it_a_device() -> None:
    write_text_atomically("/dev/null", "new")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_writing_on_a_full_disk_is_refused() -> None:
    assert not_written("/dev/full").message == "cannot be written: no space left on device"


def test_writing_that_breaks_off_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_text("old", encoding="utf-8")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, limits[1]))
    try:
        problem = not_written(path, "new" * 1_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert problem.message == "cannot be written: file too large"
    assert [(entry.name, entry.read_text(encoding="utf-8")) for entry in tmp_path.iterdir()] == [("report.md", "old")]


def test_writing_to_a_folder_is_refused(tmp_path: Path) -> None:
    assert not_written(tmp_path).message == "a folder, where a file to write is expected"


@pytest.mark.parametrize("parent", ["missing", "file"])
def test_writing_below_what_is_no_folder_is_refused(tmp_path: Path, parent: str) -> None:
    (tmp_path / "file").touch()
    problem = not_written(tmp_path / parent / "report.md")
    assert problem.message == f"cannot be written: there is no folder {tmp_path / parent}"


def test_writing_in_an_unwritable_folder_is_refused(public_folder: Path) -> None:
    public_folder.chmod(0o555)
    with without_privileges():
        assert not_written(public_folder / "report.md").message == "cannot be written: permission denied"
    assert not list(public_folder.iterdir())


def test_writing_over_a_write_protected_file_is_refused(public_folder: Path) -> None:
    path = public_folder / "report.md"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o444)
    public_folder.chmod(0o777)
    with without_privileges():
        assert not_written(path).message == "cannot be written: permission denied"
    assert path.read_text(encoding="utf-8") == "old"


def test_writing_under_an_impossible_name_is_refused(tmp_path: Path) -> None:
    assert not_written(f"{tmp_path}/a\0b").message == "cannot be written: embedded null byte"
