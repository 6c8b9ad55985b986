"""YAML files as plain values that know their place, and text files written whole or not at all.

Only the part of YAML that people write by hand is read: mappings, lists and scalars. Anchors, aliases,
merge keys, tags and several documents in one file are refused with the way out, as is whatever would
make a reader slow: a large file, deep nesting. libyaml delivers the events; values are made here, so
that ``010`` is ten, ``12:30`` is text and a number is always finite.
"""

from __future__ import annotations

import difflib
import math
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NoReturn

import yaml

from engine.errors import BadInput, Place, Problem

#: The most bytes of a file that are read, unless the caller says otherwise.
MOST_BYTES = 2_000_000
#: How deep mappings and lists may nest.
DEEPEST = 50
#: The most values, names of mappings included, that one file may hold.
MOST_VALUES = 100_000
#: The most problems of one file that are listed; the rest are counted.
MOST_PROBLEMS = 100
#: The code of a problem with a name that one mapping gives twice.
DUPLICATE = "duplicate-key"
#: The file name that stands for standard input.
STANDARD_INPUT = "-"

#: The way out where ``{low: 1,000}`` was read as a low of 1 and something named 000.
COMMA_IN_BRACES = "Within braces a comma ends a value; write 1_000 for a thousand"

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_DIGITS = "[0-9]+(?:_[0-9]+)*"
_INTEGER = re.compile(rf"[-+]?{_DIGITS}")
_NUMBER = re.compile(rf"[-+]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][-+]?[0-9]+)?")
#: What begins a number, or a word for one.
_NUMBER_STARTS = frozenset("0123456789+-.nNiI")
_NOT_FINITE = re.compile(r"[-+]?\.?(?:nan|inf|infinity)", re.IGNORECASE)
_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "yes": True,
    "on": True,
    "true": True,
    "no": False,
    "off": False,
    "false": False,
}
_LONGEST_WORD = max(map(len, _WORDS))
#: Integers below this are exact as floating-point numbers too.
_EXACT_BELOW = 2**53
#: Characters no YAML file may hold, and the byte order mark where it is not the first.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
#: How much of a file's text a message quotes at most.
_LONGEST_QUOTE = 60


@dataclass(slots=True)
class _Node:
    """One value of a file as its text has it."""

    line: int
    column: int
    value: object = None
    text: str | None = None
    quoted: bool = False
    children: dict[str | int, _Node] = field(default_factory=dict)
    key: _Node | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, as plain values, and where it says it.

    ``value`` holds dict, list, str, float, int, bool and None; every key is text as written. ``file``
    is the name shown to people. ``lines`` are the file's lines without their ends, line 1 first.
    """

    value: object
    file: str
    lines: tuple[str, ...]
    _root: _Node = field(repr=False, compare=False)

    def place(self, path: Iterable[str | int], *, key: bool = False) -> Place:
        """Where the value at ``path`` begins, or its nearest parent where there is none.

        Args:
            path: names and list positions from the outermost mapping or list inwards.
            key: the place of the value's name rather than its own.
        """
        node, _ = self._nearest(path)
        if key and node.key is not None:
            node = node.key
        return Place(self.file, node.line, node.column)

    def part(self, path: Iterable[str | int]) -> Document:
        """The value at ``path`` as a document of its own, its places those of this file; None where there is none."""
        node, found = self._nearest(path)
        return Document(node.value if found else None, self.file, self.lines, node)

    def quoted(self, path: Iterable[str | int]) -> bool:
        """True where the value at ``path`` is text in quotes or a block of text."""
        node, found = self._nearest(path)
        return found and node.quoted

    def text(self, path: Iterable[str | int]) -> str | None:
        """The scalar at ``path`` as written, without its quotes; None for all else."""
        node, found = self._nearest(path)
        return node.text if found else None

    def _nearest(self, path: Iterable[str | int]) -> tuple[_Node, bool]:
        node = self._root
        for step in path:
            child = node.children.get(step)
            if child is None:
                return node, False
            node = child
        return node, True


def read_document(path: Path | str, *, shown: str | None = None, limit_bytes: int = MOST_BYTES) -> Document:
    """The document in a YAML file; ``-`` is standard input.

    Args:
        path: the file.
        shown: its name in messages; the path as given where absent.
        limit_bytes: a larger file is refused before it is read.

    Raises:
        BadInput: the file cannot be read or is not the YAML described above; every problem found.
    """
    file = printable(os.fspath(path)) if shown is None else shown
    if shown is None and file == STANDARD_INPUT:
        file = "standard input"
    return read_text_document(read_text(path, shown=file, limit_bytes=limit_bytes), file, limit_bytes=limit_bytes)


def read_text_document(text: str, shown: str, *, limit_bytes: int = MOST_BYTES) -> Document:
    """The document in a YAML text; ``shown`` is its name in messages.

    Raises:
        BadInput: the text is not the YAML described above; every problem found.
    """
    document, problems = read_despite_duplicates(text, shown, limit_bytes=limit_bytes)
    if problems:
        raise BadInput(problems)
    return document


def read_despite_duplicates(
    text: str, shown: str, *, limit_bytes: int = MOST_BYTES
) -> tuple[Document, Sequence[Problem]]:
    """As ``read_text_document``, but names given twice are handed back as problems, the first of each being kept.

    Raises:
        BadInput: the text has problems of another kind; every problem found.
    """
    if len(text) > limit_bytes:
        refuse([_too_large(shown, f"{len(text):,} characters", limit_bytes)])
    text = text.removeprefix("\ufeff")
    lines = tuple(_LINE_BREAK.split(text))
    _refuse_forbidden_characters(lines, shown)
    root, problems = _Builder(shown, lines).build(text)
    return Document(root.value, shown, lines, root), problems


def read_text(path: Path | str, *, shown: str | None = None, limit_bytes: int = MOST_BYTES) -> str:
    """The text of a UTF-8 file; ``-`` is standard input.

    Raises:
        BadInput: it is missing, a folder, a device or pipe, unreadable, too large or not UTF-8 text.
    """
    file = printable(os.fspath(path)) if shown is None else shown
    return _decoded(read_bytes(path, shown=file, limit_bytes=limit_bytes), file)


def read_bytes(path: Path | str, *, shown: str, limit_bytes: int) -> bytes:
    """The bytes of a file; ``-`` is standard input.

    Raises:
        BadInput: it is missing, a folder, a device or pipe, unreadable or too large.
    """
    try:
        content = _content(path, shown, limit_bytes)
    except (OSError, ValueError) as error:
        refuse([_cannot_read(path, shown, error)])
    if len(content) > limit_bytes:
        refuse([_too_large(shown, f"more than {limit_bytes:,} bytes", limit_bytes)])
    return content


def write_text_atomically(path: Path | str, text: str) -> None:
    """Write a UTF-8 file so that it is there as a whole, or as it was before.

    The text goes to a file beside it, which then takes its name; a link keeps pointing to the file that
    is replaced. What is not a file, such as ``/dev/stdout``, is written to directly.

    Raises:
        BadInput: the folder is missing or not writable, the target is a folder, the disk is full.
    """
    file = printable(os.fspath(path))
    content = text.encode("utf-8", "backslashreplace")
    try:
        _write(Path(os.path.realpath(path)), content)
    except (OSError, ValueError) as error:
        refuse([_cannot_write(path, file, error)])


def refuse(problems: Iterable[Problem]) -> NoReturn:
    """Raise the problems of one file in the order of its lines; past MOST_PROBLEMS they are counted only.

    Raises:
        BadInput: always.
    """
    raise BadInput(_listed(problems))


def _listed(problems: Iterable[Problem]) -> list[Problem]:
    ordered = sorted(problems, key=lambda problem: (problem.place.line or 0, problem.place.column or 0))
    unlisted = ordered[MOST_PROBLEMS:]
    if unlisted:
        ordered[MOST_PROBLEMS:] = [Problem(unlisted[0].place, f"{len(unlisted):,} more problems from here on")]
    return ordered


def printable(text: str) -> str:
    """The text with ``?`` for each character that would not show, such as those that steer a terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def quote(text: str) -> str:
    """The text in double quotes, on one line and shortened, as messages show what they found."""
    return f'"{shorten(text)}"'


def shorten(text: str) -> str:
    """The text on one line, its end cut off where it is long."""
    short = text if len(text) <= _LONGEST_QUOTE else f"{text[: _LONGEST_QUOTE - 1]}…"
    return printable(" ".join(short.split()))


# Reading and writing files


def _content(path: Path | str, file: str, limit_bytes: int) -> bytes:
    """At most one byte more than the limit; never waits for a pipe, a device or an endless file."""
    if os.fspath(path) == STANDARD_INPUT:
        return _standard_input(file, limit_bytes)
    facts = Path(path).stat()
    if stat.S_ISDIR(facts.st_mode):
        raise IsADirectoryError
    if not stat.S_ISREG(facts.st_mode):
        refuse([Problem(Place(file), "not a regular file", hint="Write - to read standard input")])
    if facts.st_size > limit_bytes:
        refuse([_too_large(file, f"{facts.st_size:,} bytes", limit_bytes)])
    with Path(path).open("rb") as opened:
        return opened.read(limit_bytes + 1)


def _standard_input(file: str, limit_bytes: int) -> bytes:
    if sys.stdin is None:
        refuse([Problem(Place(file), "standard input is closed", hint="Name a file instead")])
    return sys.stdin.buffer.read(limit_bytes + 1)


def _too_large(file: str, size: str, limit_bytes: int) -> Problem:
    hint = "Check that this is the file you mean"
    return Problem(Place(file), f"too large: {size}, and at most {limit_bytes:,} are read", hint=hint)


def _cannot_read(path: Path | str, file: str, error: OSError | ValueError) -> Problem:
    place = Place(file)
    match error:
        case IsADirectoryError():
            return Problem(place, "a folder, where a file is expected", hint="Name a file in it")
        case FileNotFoundError():
            return Problem(place, "no such file", hint=_nearest_file(Path(path)))
        case PermissionError():
            return Problem(place, "cannot be read: permission denied", hint="Check who may read it")
        case _:
            return Problem(place, f"cannot be read: {_reason(error)}")


def _nearest_file(path: Path) -> str | None:
    """Where a path leads nowhere: the folder that is missing, or the file with the nearest name."""
    if not path.parent.is_dir():
        return f"The folder {printable(str(path.parent))} does not exist either"
    with suppress(OSError), os.scandir(path.parent) as entries:
        names = [entry.name for entry in islice(entries, 1_000)]
        if near := difflib.get_close_matches(path.name[:255], names, n=1):
            return f"The nearest name there is '{printable(str(path.with_name(near[0])))}'"
    return None


def _reason(error: OSError | ValueError) -> str:
    """The system's reason in its own words, without error number and path."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return reason[:1].lower() + reason[1:]


def _decoded(content: bytes, file: str) -> str:
    """The text of UTF-8 bytes without byte order mark."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        refuse([Problem(Place(file), "text in UTF-16, where UTF-8 is expected", hint="Save the file as UTF-8")])
    if (at := content.find(b"\0")) >= 0:
        place = Place(file, content.count(b"\n", 0, at) + 1)
        refuse([Problem(place, f"not text: a zero byte at byte {at:,}", hint="Check that this is the file you mean")])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The decoder counts from behind the mark where there is one.
        at = error.start + (3 if content.startswith(b"\xef\xbb\xbf") else 0)
        place = Place(file, content.count(b"\n", 0, at) + 1)
        message = f"not UTF-8 text: byte {at:,} is 0x{content[at]:02x}"
        refuse([Problem(place, message, hint="Save the file as UTF-8")])


def _refuse_forbidden_characters(lines: Sequence[str], file: str) -> None:
    # A line of printable characters alone needs no closer look.
    found = ((number, _FORBIDDEN.search(line)) for number, line in enumerate(lines, 1) if not line.isprintable())
    problems = (
        Problem(
            Place(file, number, match.start() + 1),
            f"a control character, U+{ord(match[0]):04X}, in column {match.start() + 1}",
            hint="Delete it; it may not show in the editor",
        )
        for number, match in found
        if match
    )
    if first := list(islice(problems, MOST_PROBLEMS)):
        refuse(first)


def _write(target: Path, content: bytes) -> None:
    mode = _mode(target)
    if mode is not None and not stat.S_ISREG(mode):
        # A device or pipe cannot be replaced by a file; a folder refuses.
        with target.open("wb") as opened:
            opened.write(content)
        return
    if mode is not None and not os.access(target, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError
    beside = target.with_name(f".{target.name[:100]}.{os.urandom(4).hex()}.part")
    try:
        with beside.open("xb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        if mode is not None:
            beside.chmod(stat.S_IMODE(mode))
        beside.replace(target)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def _mode(target: Path) -> int | None:
    try:
        return target.stat().st_mode
    except FileNotFoundError:
        return None


def _cannot_write(path: Path | str, file: str, error: OSError | ValueError) -> Problem:
    place = Place(file)
    match error:
        case IsADirectoryError():
            return Problem(place, "a folder, where a file to write is expected", hint="Add a file name")
        case FileNotFoundError() | NotADirectoryError():
            folder = printable(str(Path(path).parent))
            return Problem(place, f"cannot be written: there is no folder {folder}", hint="Create it first")
        case PermissionError():
            hint = "Choose another folder, or change who may write there"
            return Problem(place, "cannot be written: permission denied", hint=hint)
        case _:
            return Problem(place, f"cannot be written: {_reason(error)}")


# From YAML events to values


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come yet, and the name whose value comes next."""

    node: _Node
    key: _Node | None = None


class _Builder:
    """Makes one document's nodes from libyaml's events.

    The events are taken one by one and nothing recurses, so that nesting is cut off at DEEPEST, however
    deep it goes on.
    """

    def __init__(self, file: str, lines: Sequence[str]) -> None:
        self._file = file
        self._lines = lines
        self._problems: list[Problem] = []
        self._open: list[_Open] = []
        self._root: _Node | None = None
        self._values = 0

    def build(self, text: str) -> tuple[_Node, list[Problem]]:
        """The outermost node, and the names that were given twice.

        Raises:
            BadInput: with every problem up to the end, or up to the first that leaves no way to go on.
        """
        try:
            for event in self._events(text):
                self._take(event)
        except yaml.YAMLError as error:
            self._problems.append(_syntax_problem(error, self._file, self._lines))
        if any(problem.code != DUPLICATE for problem in self._problems):
            refuse(self._problems)
        if self._root is None or (self._root.text == "" and not self._root.quoted):
            refuse([Problem(Place(self._file), "the file is empty")])
        return self._root, _listed(self._problems)

    @staticmethod
    def _events(text: str) -> Iterator[yaml.Event]:
        events: Iterator[yaml.Event] = yaml.parse(text, Loader=_LOADER)
        return events

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._put(self._scalar(event))
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.AliasEvent):
            node = _node(event)
            self._add(node, f"'*{shorten(event.anchor or '')}' refers to another value", _WRITE_OUT)
            self._put(node)
        elif isinstance(event, yaml.DocumentStartEvent) and self._root is not None:
            self._stop(_node(event), "a second document begins with '---'", "Put it in a file of its own")

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        node = _node(event)
        node.value = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._check_properties(event, node)
        if len(self._open) >= DEEPEST:
            self._stop(node, *_TOO_DEEP)
        self._put(node)
        self._open.append(_Open(node))

    def _scalar(self, event: yaml.ScalarEvent) -> _Node:
        node = _node(event)
        node.text = text = event.value
        node.quoted = bool(event.style)
        if event.anchor is not None or event.tag is not None:
            self._check_properties(event, node)
        if event.style == '"' and (found := _FORBIDDEN.search(text)):
            self._add(node, f"a control character, U+{ord(found[0]):04X}, in quotes", "Leave it out")
        if node.quoted or self._name_comes_next():
            node.value = text
            return node
        node.value = plain_value(text)
        if isinstance(node.value, float) and not math.isfinite(node.value):
            hint = "Write a number below 1e308, or put quotes around it where it is text"
            self._add(node, f"expected a finite number, got {shorten(text)}", hint)
        return node

    def _name_comes_next(self) -> bool:
        return bool(self._open) and self._open[-1].key is None and isinstance(self._open[-1].node.value, dict)

    def _put(self, node: _Node) -> None:
        """Make a node the root, the next name or value of a mapping, or the next entry of a list."""
        self._values += 1
        if self._values > MOST_VALUES:
            hint = "Check that this is the file you mean"
            self._stop(node, f"more than {MOST_VALUES:,} values, the most that are read", hint)
        if not self._open:
            self._root = node
            return
        parent = self._open[-1]
        values = parent.node.value
        if isinstance(values, list):
            parent.node.children[len(values)] = node
            values.append(node.value)
        elif parent.key is None:
            parent.key = self._name(node, parent.node)
        elif isinstance(values, dict):
            node.key, parent.key = parent.key, None
            if node.key.text is not None:
                parent.node.children[node.key.text] = node
                values[node.key.text] = node.value

    def _name(self, key: _Node, mapping: _Node) -> _Node:
        """The node as a name; its text is None where it cannot be one, and its value is then dropped."""
        earlier = mapping.children.get(key.text) if key.text is not None else None
        if key.text is None:
            self._add(key, "a name before ':' must be text", "Write it without brackets or '*'")
        elif key.text == "" and not key.quoted:
            self._add(key, *_NO_NAME)
            key.text = None
        elif key.text == "<<" and not key.quoted:
            self._add(key, "'<<' takes over another mapping's values", _WRITE_OUT)
            key.text = None
        elif earlier is not None:
            first = earlier.key.line if earlier.key else earlier.line
            where = f"twice on line {first}" if first == key.line else f"on line {first} and again on line {key.line}"
            hint = COMMA_IN_BRACES if key.text.isdigit() else "Keep one of the two"
            self._add(key, f"given {where}", hint, named=key.text, code=DUPLICATE)
            key.text = None
        return key

    def _check_properties(self, event: yaml.NodeEvent, node: _Node) -> None:
        tag: str | None = getattr(event, "tag", None)
        if event.anchor is not None:
            self._add(node, f"'&{shorten(event.anchor)}' names a value to be referred to", _WRITE_OUT)
        if tag is not None:
            written = tag.replace("tag:yaml.org,2002:", "!!")
            hint = "Leave it out, or put quotes around the whole where it is text"
            self._add(node, f"the tag '{shorten(written)}' is not allowed", hint)

    def _add(self, node: _Node, message: str, hint: str, *, named: str | None = None, code: str = "yaml") -> None:
        name = shorten(named or self._innermost_name()) or None
        self._problems.append(Problem(Place(self._file, node.line, node.column), message, name, hint, code))

    def _innermost_name(self) -> str:
        for level in reversed(self._open):
            for key in (level.key, level.node.key):
                if key is not None and key.text:
                    return key.text
        return ""

    def _stop(self, node: _Node, message: str, hint: str) -> NoReturn:
        self._add(node, message, hint)
        refuse(self._problems)


_WRITE_OUT = "Write the value out, or put quotes around it where it is text"
_NO_NAME = ("there is no name before ':'", "Write name: value")
_TOO_DEEP = (f"nested deeper than {DEEPEST} levels", "Check for brackets or indentation gone astray")


def _node(event: yaml.Event) -> _Node:
    mark = event.start_mark
    return _Node(1, 1) if mark is None else _Node(mark.line + 1, mark.column + 1)


def plain_value(text: str) -> str | float | int | bool | None:
    """What text without quotes means: nothing, yes or no, a number, or itself.

    Integers below 2**53 are int, other numbers float, which may be infinite or not a number: the caller
    refuses those.
    """
    if len(text) <= _LONGEST_WORD and (word := text.lower()) in _WORDS:
        return _WORDS[word]
    if text[0] not in _NUMBER_STARTS:
        return text
    if not _NUMBER.fullmatch(text):
        return math.nan if _NOT_FINITE.fullmatch(text) else text
    number = float(text)
    return int(number) if abs(number) < _EXACT_BELOW and _INTEGER.fullmatch(text) else number


# What libyaml's errors mean


@dataclass(frozen=True, slots=True)
class _Failure:
    """A syntax error: libyaml's words, the line they are about, and the line where the matter began."""

    said: str
    line: str
    number: int
    column: int
    began: int

    @property
    def before(self) -> str:
        return self.line[: self.column].rstrip()

    @property
    def character(self) -> str:
        return printable(self.line[self.column : self.column + 1])


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a syntax error means in plain words, what to do, and whether to point to where it began."""

    message: str
    hint: str
    at_beginning: bool = False


def _syntax_problem(error: yaml.YAMLError, file: str, lines: Sequence[str]) -> Problem:
    """The error in plain words, at the line that has to change."""
    said = printable(str(getattr(error, "problem", None) or error).splitlines()[0])
    mark: yaml.Mark | None = getattr(error, "problem_mark", None)
    if mark is None:
        return Problem(Place(file), f"not valid YAML: {said}")
    beginning: yaml.Mark = getattr(error, "context_mark", None) or mark
    number, column = _noticed_at(mark, lines)
    meaning = _meaning(_Failure(said, lines[number], number + 1, column, beginning.line + 1))
    if meaning.at_beginning:
        number, column = beginning.line, beginning.column
    place = Place(file, number + 1, column + 1)
    return Problem(place, f"not valid YAML in column {place.column}: {meaning.message}", hint=meaning.hint)


def _noticed_at(mark: yaml.Mark, lines: Sequence[str]) -> tuple[int, int]:
    """Line and column from 0; behind the last text where the file ended too soon."""
    if mark.line < len(lines) and any(line.strip() for line in lines[mark.line :]):
        return mark.line, mark.column
    last = max((number for number, line in enumerate(lines[: mark.line + 1]) if line.strip()), default=0)
    return last, len(lines[last])


def _meaning(failure: _Failure) -> _Meaning:
    indent = failure.line[: len(failure.line) - len(failure.line.lstrip())]
    if "\t" in indent or "tab character" in failure.said:
        return _Meaning("a tab is used to indent", "Indent with spaces; YAML allows no tabs there")
    for pattern, meaning in _MEANINGS:
        if re.search(pattern, failure.said):
            return meaning if isinstance(meaning, _Meaning) else meaning(failure)
    return _Meaning(failure.said, "Look at this line and the one above it")


def _wrong_start(failure: _Failure) -> _Meaning:
    if not failure.character:
        return _Meaning("a value is missing", "Write it, or close the bracket")
    return _Meaning(f"a value cannot begin with '{failure.character}'", "Put quotes around the value")


def _second_colon(failure: _Failure) -> _Meaning:
    if ": " in failure.before:
        return _Meaning("a second ':' in one line", "Put quotes around a value that has ': ' in it")
    hint = "Indent it like its neighbours, and check that the line above reads name: value"
    return _Meaning("this line does not fit the line above it", hint)


def _open_bracket(failure: _Failure) -> _Meaning:
    message = f"the bracket that opens here is not closed before line {failure.number}"
    if failure.number == failure.began:
        message = "the bracket that opens here is not closed, or a comma is missing after an entry"
    return _Meaning(message, "Close it, and set its entries apart by commas", at_beginning=True)


def _not_a_name(failure: _Failure) -> _Meaning:
    if failure.before.endswith(("'", '"')):
        hint = "Put quotes around the whole value; inside single quotes write '' for '"
        return _Meaning("text goes on after the closing quote", hint)
    if failure.before.endswith(("]", "}")):
        hint = "Put quotes around a value that begins with a bracket"
        return _Meaning("text goes on after the closing bracket", hint)
    if failure.line.lstrip().startswith("- "):
        return _Meaning("a list entry, where a name is expected", "Indent it like its neighbours")
    if failure.line.lstrip().startswith(":"):
        return _Meaning(*_NO_NAME)
    hint = "Indent it like its neighbours"
    return _Meaning(f"this does not fit the mapping that begins on line {failure.began}", hint)


#: The words of libyaml, or of PyYAML's own scanner where libyaml is missing, with their meaning.
_MEANINGS: tuple[tuple[str, _Meaning | Callable[[_Failure], _Meaning]], ...] = (
    ("nesting depth", _Meaning(*_TOO_DEEP)),
    ("cannot start any token|expected (the )?node content", _wrong_start),
    ("mapping values are not allowed", _second_colon),
    (r"expected ',' or '[\]}]'", _open_bracket),
    (
        "could not find expected ':'",
        _Meaning("there is no ':' after the name", "Write name: value, with a space after the colon", True),
    ),
    (
        "unexpected end of stream|unexpected document",
        _Meaning("the quote that opens here is never closed", "Close it, or use the other kind of quotes", True),
    ),
    (
        "'-' indicator|<block end>, but found '?\\?",
        _Meaning("a name, where a list entry is expected", "Begin each entry with '- ' at the same indentation"),
    ),
    ("expected key|<block end>", _not_a_name),
    (
        "sequence entries are not allowed",
        _Meaning("a list cannot begin here", "Begin it on the next line, or write [first, second]"),
    ),
    (
        "alphabetic or numeric|tag|URI",
        _Meaning("a value cannot begin with '&', '*' or '!'", "Put quotes around the value", True),
    ),
    (
        "escape|hexa?decimal",
        _Meaning("an unknown escape in double quotes", "Write \\\\ for a backslash, or use single quotes"),
    ),
    (
        "comment or line break|indentation indicator",
        _Meaning("text after '|' or '>'", "Begin the text on the next line, or put quotes around it"),
    ),
    ("directive|YAML document", _Meaning("a line cannot begin with '%'", "Leave the line out")),
    (
        "document start",
        _Meaning("something follows the end of the value", "Indent it like its neighbours, and write name: value"),
    ),
)
