"""Starting and keeping a knowledge base of one's own: a copy, scaffolds for new parts, one canonical layout."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import yaml

from engine.errors import BadInput, Place, Problem, did_you_mean
from engine.knowledge import OTHERWISE, DecisionTable, Knowledge
from engine.language.parse import WORDS
from engine.resources import rules_directory
from engine.schema import schemas
from engine.source import Document, quote, read_text, read_text_document, write_text_atomically
from engine.testing.rule_tests import FOLDER, files_of_tests

Part = Literal["fact", "decision", "rule"]
#: Where a base of one's own keeps the schemas its files name in their first line.
SCHEMA_FOLDER = "schemas"
_SCHEMA_LINE = re.compile(
    r"^# yaml-language-server: \$schema=(?P<folder>(?:\S*/)?)(?P<name>[a-z-]+)\.schema\.json", re.MULTILINE
)
#: What YAML does not take for text.
_YAML_WORDS = ("yes", "no", "on", "off", "true", "false", "null")
#: Files of a base that are no decisions, and so no decision may be called by their names.
_OTHER_FILES = ("facts", "costs", "claims", "knowledge")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,79}")
_RULE_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
#: Lines are left as long as their writer made them.
_WIDEST = 99_999
#: How often a text is laid out until it stays as it is.
_MOST_PASSES = 4
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*")
_LINE_END = re.compile("\r\n?")


def start_base(directory: Path | str, knowledge: Knowledge) -> list[str]:
    """Write a copy of the built-in base to own: rules, their tests, and the schemas editors complete from.

    Returns:
        The files written, relative to the directory.

    Raises:
        BadInput: the directory has no name, exists and is not empty, or cannot be written.
    """
    directory = named_directory(directory)
    if _is_taken(directory):
        hint = "Name a new directory, or an empty one"
        raise BadInput([Problem(Place(str(directory)), "is already there and not empty", hint=hint)])
    files: dict[str, str] = {}
    source = rules_directory()
    for path in sorted(source.rglob("*.yaml")):
        inside = path.relative_to(source)
        up = "../" * (len(inside.parts) - 1)
        line = rf"# yaml-language-server: $schema={up}{SCHEMA_FOLDER}/\g<name>.schema.json"
        files[inside.as_posix()] = _SCHEMA_LINE.sub(line, path.read_text(encoding="utf-8"))
    for name, schema in schemas(knowledge).items():
        files[f"{SCHEMA_FOLDER}/{name}.schema.json"] = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    write_files(directory, files)
    return list(files)


def named_directory(directory: Path | str) -> Path:
    """The directory of this name, where it is one: no name at all would mean the current directory.

    Raises:
        BadInput: the name is empty.
    """
    if str(directory).strip():
        return Path(directory)
    hint = "Name a new directory, or an empty one"
    raise BadInput([Problem(Place('""'), "is not the name of a directory", hint=hint)])


def _is_taken(directory: Path) -> bool:
    try:
        return directory.is_symlink() or (directory.exists() and any(directory.iterdir()))
    except NotADirectoryError:
        return True
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput([Problem(Place(str(directory)), f"cannot be read ({reason.lower()})")]) from error


def write_files(directory: Path, files: Mapping[str, str]) -> None:
    """Write files below a directory, making folders as needed.

    Raises:
        BadInput: one of them cannot be written.
    """
    for name, text in files.items():
        path = directory / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise BadInput([Problem(Place(str(path.parent)), f"cannot be made ({reason.lower()})")]) from error
        write_text_atomically(path, text)


def _write_all(files: Mapping[Path, str]) -> None:
    """Write files, all of them or none.

    Raises:
        BadInput: one of them cannot be written; those before it are then as they were.
    """
    before: dict[Path, str | None] = {}
    try:
        for path, text in files.items():
            was = read_text(path) if path.exists() else None
            write_files(path.parent, {path.name: text})
            before[path] = was
    except BadInput:
        for path, was in before.items():
            with suppress(BadInput, OSError):
                path.unlink() if was is None else write_text_atomically(path, was)
        raise


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """While it lasts, no other process adds to the base in the directory; one that wants to waits.

    Raises:
        BadInput: the directory cannot be read or locked.
    """
    import fcntl
    import os

    try:
        # The directory itself, since its files are replaced as they are written.
        opened = os.open(directory, os.O_RDONLY)
    except (OSError, ValueError) as error:
        raise _not_locked(directory, error) from error
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX)
        except OSError as error:
            raise _not_locked(directory, error) from error
        yield
    finally:
        os.close(opened)


def _not_locked(directory: Path, error: Exception) -> BadInput:
    reason = getattr(error, "strerror", None) or str(error)
    return BadInput([Problem(Place(str(directory)), f"cannot be locked against other changes ({reason.lower()})")])


# -- new parts -----------------------------------------------------------------------------------------


def add_part(
    directory: Path, load: Callable[[], Knowledge], part: Part, name: str, decision: str | None = None
) -> list[Path]:
    """Scaffold a new part in the files of a base; whoever else adds to it at the same time does so before or after.

    Args:
        directory: the base.
        load: reads the base; called once nobody else adds to it.
        part: what to add.
        name: its name, of a rule its id.
        decision: for a rule, the output or decision it belongs to.

    Returns:
        The files written: all of them or none.

    Raises:
        BadInput: as ``new_part`` and ``load`` do, or a file cannot be written.
    """
    if not directory.is_dir():
        # Reading it says what is wrong with it.
        load()
    with _alone(directory):
        files = new_part(load(), part, name, decision)
        _write_all(files)
    return list(files)


def new_part(knowledge: Knowledge, part: Part, name: str, decision: str | None = None) -> dict[Path, str]:
    """The scaffold of a new fact, decision or rule with a test of it: each file with its new text.

    Args:
        knowledge: the base it is for.
        part: what to add.
        name: its name, of a rule its id.
        decision: for a rule, the output or decision it belongs to.

    Raises:
        BadInput: the name is taken or not a name, the decision does not exist, or a file does not have the
            layout that something can be added to.
    """
    _require_new(knowledge, part, name)
    makers = {"fact": _new_fact, "decision": _new_decision, "rule": _new_rule}
    files = makers[part](knowledge, name, decision)
    for path, text in files.items():
        # What is added must not break what is there, however it is laid out.
        try:
            read_text_document(text, str(path))
        except BadInput as error:
            hint = "Bring the file into the canonical layout first: breakeven rules fmt"
            raise BadInput([Problem(Place(str(path)), f"the new {part} does not fit its layout", hint=hint)]) from error
    return files


def to_fill_in(part: Part) -> str:
    """What is left to do once a part has been scaffolded, in a sentence."""
    return _TO_FILL_IN[part]


_TO_FILL_IN: Mapping[Part, str] = {
    "fact": "Fill in its texts, let a rule read it, and say in its test what it changes; until then the test is open",
    "decision": "Fill in its values, conditions and texts; its test passes as it stands",
    "rule": "Fill in when, then, because and source; until then it never fires, and its test fails",
}


def _require_new(knowledge: Knowledge, part: Part, name: str) -> None:
    place = Place(f"rules new {part}")
    pattern = _RULE_ID if part == "rule" else _NAME
    if not pattern.fullmatch(name):
        letters = "lower-case letters, digits and -" if part == "rule" else "a letter, then letters, digits and _"
        hint = f"Write {letters}, all lower case, at most 80 characters"
        raise BadInput([Problem(place, f"{quote(name)} cannot be a name", hint=hint)])
    if part != "rule" and name in WORDS:
        message = f"'{name}' is a word of the rule language and cannot name anything"
        raise BadInput([Problem(place, message, hint="Choose another name")])
    rules = {rule.id for table in knowledge.decisions.values() for rule in table.declaration.rules}
    names = {*knowledge.scope.symbols, *knowledge.scope.tables, *knowledge.decisions}
    if name in names | rules:
        raise BadInput([Problem(place, f"'{name}' is already there", hint="Choose another name")])
    files = [knowledge.directory / FOLDER / f"{name}.yaml"]
    if part == "decision":
        files.append(knowledge.directory / f"{name}.yaml")
    for path in files:
        if path.exists() or (path.parent == knowledge.directory and name in _OTHER_FILES):
            message = f"'{name}' would take the file {path}, which is there for something else"
            raise BadInput([Problem(place, message, hint="Choose another name")])


def _new_fact(knowledge: Knowledge, name: str, _decision: str | None) -> dict[Path, str]:
    title = name.replace("_", " ")
    document = knowledge.documents["facts.yaml"]
    first = document.place(("facts", next(iter(knowledge.facts), "")), key=True)
    block = f"""\
{name}:
  title: {_plain(title)}
  type: yes/no
  default: "no"
  default_source: "ours: say why this is assumed where nobody answers"
  question: {title.capitalize()}?
  why: Say what hangs on it.
  help: Say what counts as a yes.
  example: "yes"
  source: "ours: say where the fact comes from"
"""
    text = _with_block(document, "facts", block, (first.column or 1) - 1)
    test = _test_file(knowledge, f"{title.capitalize()} makes a difference", {name: "yes"}, ["expect: confirm"])
    return {knowledge.directory / "facts.yaml": text, knowledge.directory / FOLDER / f"{name}.yaml": test}


def _new_decision(knowledge: Knowledge, name: str, _decision: str | None) -> dict[Path, str]:
    title = name.replace("_", " ").capitalize()
    condition, given = _a_condition(knowledge)
    stem = name.replace("_", "-")
    text = f"""{_schema_line(knowledge, "decision")}decides: {_plain(name)}
title: {_plain(title)}
source: "ours: say where the decision comes from"
hit_policy: first
values:
  applies: applies
  does_not_apply: does not apply
rules:
  - id: {stem}-applies
    when: {condition}
    then: applies
    because: Say in a sentence why this row concludes what it does.
    source: "ours: say where the rule comes from"
  - id: {stem}-otherwise
    when: "true"
    then: does_not_apply
    because: Say what holds where no row above does.
    source: "ours: say where the rule comes from"
"""
    expected = [f"conclusions: {{{name}: applies}}", f"fired: [{stem}-applies]"]
    test = _test_file(knowledge, f"{title} applies where it should", given, expected)
    return {knowledge.directory / f"{name}.yaml": text, knowledge.directory / FOLDER / f"{name}.yaml": test}


def _a_condition(knowledge: Knowledge) -> tuple[str, dict[str, str]]:
    """A condition that some cases meet and some do not, and facts that meet it."""
    yes_or_no = (name for name, fact in knowledge.facts.items() if fact.type == "yes/no")
    without_default = (name for name, fact in knowledge.facts.items() if fact.default is None)
    if (name := next(yes_or_no, None)) is not None:
        return name, {name: "yes"}
    if (name := next(without_default, None)) is not None:
        return f"{name} is unknown", {name: "unknown"}
    if (name := next(iter(knowledge.facts), None)) is not None:
        return f"{name} is assumed", {}
    hint = "Add one first: breakeven rules new fact NAME"
    raise BadInput([Problem(Place("rules new decision"), "the base has no facts to decide on", hint=hint)])


def _new_rule(knowledge: Knowledge, name: str, decision: str | None) -> dict[Path, str]:
    owner = knowledge.decision_of.get(decision or "", decision or "")
    if owner not in knowledge.decisions:
        known = list(dict.fromkeys((*knowledge.decisions, *knowledge.decision_of)))
        message = f"there is no decision '{decision}'" if decision else "a rule needs its decision"
        hint = (did_you_mean(decision, known) if decision else None) or f"Name one of {', '.join(known)}"
        raise BadInput([Problem(Place("rules new rule"), message, field="--decision", hint=hint)])
    table = knowledge.decisions[owner]
    document = knowledge.documents[Path(table.file).name]
    block = f"""\
- id: {name}
  when: "false"
  then: {_a_conclusion(table)}
  because: Say in a sentence why this row concludes what it does.
  source: "ours: say where the rule comes from"
"""
    test = _test_file(
        knowledge, f"{name.replace('-', ' ').capitalize()} fires where it should", {}, [f"fired: [{name}]"]
    )
    return {
        knowledge.directory / Path(table.file).name: _with_row(document, table, block),
        knowledge.directory / FOLDER / f"{name}.yaml": test,
    }


def _a_conclusion(table: DecisionTable) -> str:
    """The first value of each output, as a row writes it."""
    declared = table.declaration
    first = {
        declared.keys[output]: _written(next(iter(values)), declared.kinds[output])
        for output, values in table.outputs.items()
    }
    if len(first) == 1:
        return next(iter(first.values()))
    return "{" + ", ".join(f"{output}: {value}" for output, value in first.items()) + "}"


def _written(word: str, kind: str) -> str:
    """A value as YAML has it."""
    if kind != "choice":
        return word
    return _plain(word) if _NAME.fullmatch(word) else json.dumps(word, ensure_ascii=False)


def _plain(text: str) -> str:
    """Text as YAML has it: in quotes where YAML would take it for yes, no or nothing."""
    return f'"{text}"' if text.lower() in _YAML_WORDS else text


def _with_row(document: Document, table: DecisionTable, block: str) -> str:
    """The decision's file with a new row: the last one, but before a row for all that is left."""
    rules = table.declaration.rules
    places = [document.place(("rules", index)) for index in range(len(rules))]
    dash = (document.place(("rules",)).column or 1) - 1
    catches_all = rules[-1].when in ("true", OTHERWISE) and table.policy != "collect"
    if not catches_all:
        return _with_block(document, "rules", block, dash)
    return _inserted(document, _above_comments(document, places[-1].line or 1), block, dash, blank=False)


def _with_block(document: Document, section: str, block: str, indent: int) -> str:
    """The file with a block at the end of one of its sections."""
    start = document.place((section,), key=True).line or 1
    sections = document.value if isinstance(document.value, dict) else {}
    lines = [document.place((name,), key=True).line or 1 for name in sections]
    after = min((line for line in lines if line > start), default=len(document.lines) + 1)
    end = _above_comments(document, after)
    while end > 1 and not document.lines[end - 2].strip():
        end -= 1
    return _inserted(document, end, block, indent, blank=_has_blanks(document, start, end))


def _has_blanks(document: Document, start: int, end: int) -> bool:
    """Whether the entries between two lines stand apart from each other."""
    return any(not line.strip() for line in document.lines[start : end - 1])


def _above_comments(document: Document, line: int) -> int:
    """The line, or the first of the comments that stand right above it."""
    while line > 1 and line <= len(document.lines) and document.lines[line - 2].lstrip().startswith("#"):
        line -= 1
    return line


def _inserted(document: Document, line: int, block: str, indent: int, *, blank: bool) -> str:
    """The file with a block, as deep as its neighbours, before a line."""
    before, after = document.lines[: line - 1], document.lines[line - 1 :]
    added = [f"{' ' * indent}{one}" for one in block.splitlines()]
    lines = [*before, *([""] if blank else []), *added, *after]
    return "\n".join(lines).rstrip("\n") + "\n"


def _test_file(knowledge: Knowledge, sentence: str, facts: Mapping[str, str], expected: Iterable[str]) -> str:
    inline = "{" + ", ".join(f"{key}: {value}" for key, value in facts.items()) + "}"
    given = [f"    facts: {inline}"] if facts else []
    lines = ["tests:", f"  - name: {sentence}", *given, *(f"    {line}" for line in expected)]
    return _schema_line(knowledge, "tests", "../") + "\n".join(lines) + "\n"


def _schema_line(knowledge: Knowledge, name: str, up: str = "") -> str:
    """The line that tells editors a new file's schema, as the other files of the base do; none where they do not."""
    for document in knowledge.documents.values():
        found = _SCHEMA_LINE.search("\n".join(document.lines[:1]))
        if found:
            folder = found["folder"]
            is_relative = ":" not in folder and not folder.startswith("/")
            return f"# yaml-language-server: $schema={up if is_relative else ''}{folder}{name}.schema.json\n"
    return ""


# -- layout --------------------------------------------------------------------------------------------


def files_of_base(knowledge: Knowledge) -> list[Path]:
    """The YAML files of a base, as they are read: those of its directory, then its tests."""
    tests = (path for path, _ in files_of_tests(knowledge))
    return [*sorted(knowledge.directory.glob("*.yaml")), *tests]


def formatted(text: str, shown: str = "the text") -> str:
    """The text of a rules file in the canonical layout: every value as it is written, comments and order kept.

    Args:
        text: the file's text.
        shown: the file's name in messages.

    Raises:
        BadInput: the text is not YAML, a comment stands where it cannot be kept, or the package that keeps
            comments is not installed.
    """
    read_text_document(text, shown)
    # A comment would keep the end of its line as it is, beside values that do not.
    text = _LINE_END.sub("\n", text)
    laid_out = _settled(text, shown)
    if not _says_the_same(laid_out, text):
        message = "the canonical layout would change what the file says"
        raise BadInput([Problem(Place(shown), message, hint="Leave it as it is, or write long values in quotes")])
    kept = _comments(laid_out)
    for line, comment in _comments(text):
        if not kept or kept.pop(0)[1] != comment:
            hint = "Move it to a line of its own, outside of brackets and braces"
            raise BadInput([Problem(Place(shown, line), f"the comment {quote(comment)} would be lost", hint=hint)])
    return laid_out


def unformatted(paths: Iterable[Path]) -> dict[Path, str]:
    """Of some files those not in the canonical layout, each with the text it should have.

    Raises:
        BadInput: a file cannot be read or formatted, every such file; or the package that keeps comments is
            not installed.
    """
    found: dict[Path, str] = {}
    problems: list[Problem] = []
    for path in paths:
        try:
            text = read_text(path)
            wanted = formatted(text, str(path))
        except BadInput as error:
            problems.extend(error.problems)
            continue
        if wanted.encode() != path.read_bytes():
            found[path] = wanted
    if problems:
        raise BadInput(problems)
    return found


def _settled(text: str, shown: str) -> str:
    """The layout of the text that laying it out again does not change."""
    from ruamel.yaml.error import YAMLError

    try:
        laid_out = _laid_out(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = Place(shown, mark.line + 1 if mark else None)
        raise BadInput([Problem(place, f"cannot be laid out: {_first_line(error)}")]) from None
    # What moves a comment may move it once more; nothing was found to move it a third time.
    for _ in range(_MOST_PASSES):
        before = laid_out
        # What does not say the same is refused, and need not settle.
        laid_out = _laid_out(before) if _says_the_same(before, text) else before
        if laid_out == before:
            break
    return laid_out


def _first_line(error: Exception) -> str:
    lines = str(getattr(error, "problem", None) or error).splitlines()
    return lines[0] if lines else type(error).__name__


def _laid_out(text: str) -> str:
    import io

    round_trip = _round_trip()
    document = round_trip.load(text)
    stream = io.StringIO()
    round_trip.dump(document, stream)
    written = stream.getvalue()
    stripped = "".join(f"{line.rstrip(' ')}\n" for line in written.rstrip("\n").split("\n"))
    # Spaces at the end of a line are part of a block of text.
    return stripped if _says_the_same(stripped, written) else written


def _says_the_same(one: str, other: str) -> bool:
    """Whether two texts have the same structure and the same values, each written the same way."""
    try:
        return _events(one) == _events(other)
    except yaml.YAMLError:
        return False


def _events(text: str) -> list[tuple[object, ...]]:
    """What a text says: its structure, and each value as written with whether it is quoted."""
    return [
        (
            type(event),
            getattr(event, "value", None),
            getattr(event, "style", None) is not None,
            getattr(event, "anchor", None),
            getattr(event, "tag", None) is not None,
        )
        for event in yaml.parse(text, Loader=_LOADER)
        if not isinstance(event, yaml.StreamStartEvent | yaml.StreamEndEvent)
    ]


def _comments(text: str) -> list[tuple[int, str]]:
    """Every comment of a text in order, each with its line."""
    masked = list(text)
    for token in yaml.scan(text, Loader=_LOADER):
        if isinstance(token, yaml.ScalarToken):
            start, end = token.start_mark.index, token.end_mark.index
            if token.style in ("|", ">"):
                # A comment may stand beside the mark that begins the block.
                start = text.find("\n", start, end) if "\n" in text[start:end] else end
            masked[start:end] = ("\n" if character == "\n" else "x" for character in text[start:end])
    lines = "".join(masked).split("\n")
    found = ((number, _COMMENT.search(line)) for number, line in enumerate(lines, 1))
    return [(number, comment[0].rstrip()) for number, comment in found if comment]


def _round_trip() -> Any:
    try:
        from ruamel.yaml import YAML
        from ruamel.yaml.nodes import ScalarNode
        from ruamel.yaml.resolver import VersionedResolver
    except ImportError:
        hint = "Install it with: pip install 'breakeven[edit]'"
        raise BadInput([Problem(Place("rules fmt"), "keeping comments needs ruamel.yaml", hint=hint)]) from None

    class AsWritten(VersionedResolver):
        """Takes every plain value for text, so that 41_717.5, 0x1F and yes are written as they were read."""

        def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
            is_plain = kind is ScalarNode and implicit[0] and value
            return super().resolve(kind, "text" if is_plain else value, implicit)

    round_trip = YAML()
    round_trip.Resolver = AsWritten
    round_trip.preserve_quotes = True
    round_trip.width = _WIDEST
    round_trip.indent(mapping=2, sequence=4, offset=2)
    return round_trip
