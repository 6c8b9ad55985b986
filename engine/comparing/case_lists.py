"""Many cases at once: a YAML file with a list of them or with a name for each, a directory of case files, JSONL, CSV.

What a case says is kept as it was written until a vocabulary is there to read it with; two bases may read it
differently.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from engine.case import Case, case_from_mapping, read_case
from engine.declarations import FactDeclaration
from engine.errors import BadInput, Place, Problem, refuse_one
from engine.source import Document, printable, read_document, read_text, shorten

#: The most bytes of one file of cases that are read.
MOST_BYTES = 50_000_000
#: The field that names a case, where there is no fact of this name.
_NAME = "name"
_HINT = "Write a list of cases, a name for each, JSON Lines or CSV with a header of fact names"
Vocabulary = Mapping[str, FactDeclaration]


@dataclass(frozen=True, slots=True)
class WrittenCase:
    """One case as it was written.

    Args:
        name: what it is called: its own name, that of its file, or its number.
        said: facts with their values as in a case file.
        place: where it stands.
        document: the same with the place of each value; None where a line holds the whole case.
    """

    name: str
    said: Mapping[str, object]
    place: Place
    document: Document | None = None

    def read(self, vocabulary: Vocabulary, others: frozenset[str] = frozenset()) -> Case:
        """The case as the vocabulary reads it.

        Args:
            vocabulary: the facts it may give.
            others: facts that it may give as well, and that are left out.

        Raises:
            BadInput: every unknown fact, wrong type and value out of bounds.
        """
        said = {name: value for name, value in self.said.items() if name in vocabulary or name not in others}
        if self.document is not None:
            return replace(read_case(replace(self.document, value=said), vocabulary), name=self.name)
        try:
            return case_from_mapping(said, vocabulary, self.name)
        except BadInput as error:
            raise BadInput([replace(problem, place=self.place) for problem in error.problems]) from None


def read_case_list(path: str, facts: frozenset[str]) -> tuple[WrittenCase, ...]:
    """Every case of a file, or of a directory of case files.

    Args:
        path: the file or directory; ``-`` is standard input, read as YAML.
        facts: the names of all facts, which tell a case from a list of named cases.

    Raises:
        BadInput: it cannot be read, or holds no cases.
    """
    suffix = Path(path).suffix.lower()
    if Path(path).is_dir():
        found = list(_in_directory(path))
    elif suffix == ".csv":
        found = list(_in_csv(path, facts))
    elif suffix in (".jsonl", ".ndjson"):
        found = list(_in_json_lines(path, facts))
    else:
        found = list(_in_yaml(read_document(path, limit_bytes=MOST_BYTES), facts))
    if not found:
        refuse_one(Place(printable(path)), "no cases", _HINT)
    return tuple(found)


def _in_directory(path: str) -> Iterator[WrittenCase]:
    paths = sorted(one for pattern in ("*.yaml", "*.yml") for one in Path(path).glob(pattern))
    if not paths:
        refuse_one(Place(printable(path)), "no case files: no .yaml file in it", "Name a directory of case files")
    problems: list[Problem] = []
    for file in paths:
        try:
            document = read_document(file)
            yield WrittenCase(file.stem, _mapping(document), document.place(()), document)
        except BadInput as error:
            problems += error.problems
    if problems:
        raise BadInput(problems)


def _in_yaml(document: Document, facts: frozenset[str]) -> Iterator[WrittenCase]:
    if isinstance(document.value, list):
        for index in range(len(document.value)):
            yield _entry(document.part((index,)), f"case {index + 1}", facts)
        return
    said = _mapping(document)
    are_cases = said and all(isinstance(value, Mapping) for value in said.values()) and not facts & said.keys()
    if not are_cases:
        yield WrittenCase(Path(document.file).stem, said, document.place(()), document)
        return
    for name in said:
        part = document.part((name,))
        yield WrittenCase(name, _mapping(part), document.place((name,), key=True), part)


def _entry(part: Document, number: str, facts: frozenset[str]) -> WrittenCase:
    """A case of a list, which may have its name beside its facts."""
    name, said = _named(_mapping(part), number, facts)
    return WrittenCase(name, said, part.place(()), part)


def _mapping(document: Document) -> Mapping[str, object]:
    if not isinstance(document.value, Mapping):
        refuse_one(document.place(()), "expected a case, a mapping of facts to values", _HINT)
    return document.value


def _named(said: Mapping[str, object], number: str, facts: frozenset[str]) -> tuple[str, Mapping[str, object]]:
    """The name that stands beside the facts, and the facts alone."""
    if _NAME in facts or _NAME not in said:
        return number, said
    return printable(str(said[_NAME])), {key: value for key, value in said.items() if key != _NAME}


def _in_json_lines(path: str, facts: frozenset[str]) -> Iterator[WrittenCase]:
    text = read_text(path, limit_bytes=MOST_BYTES)
    # Text in JSON may hold what else ends a line, such as U+2028.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        place = Place(printable(path), number)
        try:
            said = json.loads(line, parse_constant=_no_number, object_pairs_hook=_mapping_of)
        except (ValueError, RecursionError) as error:
            refuse_one(place, f"not JSON: {shorten(str(error))}", "Write one case a line, as a JSON object")
        if not isinstance(said, dict):
            refuse_one(place, "expected a JSON object of facts to values", "Write one case a line")
        yield WrittenCase(*_named(said, f"line {number}", facts), place)


def _mapping_of(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    said = dict(pairs)
    if len(said) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"'{twice}' is there twice")
    return said


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a finite number")


def _in_csv(path: str, facts: frozenset[str]) -> Iterator[WrittenCase]:
    """Rows below a header of fact names; an empty cell says nothing."""
    reader = csv.reader(io.StringIO(read_text(path, limit_bytes=MOST_BYTES), newline=""), strict=True)
    shown = printable(path)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        if not any(header):
            refuse_one(Place(shown, 1), "there is no header", "Write the names of facts into the first line")
        twice = sorted({name for name in header if header.count(name) > 1})
        if twice:
            refuse_one(Place(shown, 1), f"the column '{shorten(twice[0])}' is there twice", "Keep one of the two")
        for row in reader:
            if any(cell.strip() for cell in row):
                yield _row(header, row, Place(shown, reader.line_num), facts)
    except csv.Error as error:
        refuse_one(Place(shown, reader.line_num), f"not CSV: {shorten(str(error))}", "Check the quotes of this line")


def _row(header: Sequence[str], row: Sequence[str], place: Place, facts: frozenset[str]) -> WrittenCase:
    if len(row) > len(header):
        refuse_one(place, f"{len(row)} cells, and the header has {len(header)}", "Put quotes around a cell with commas")
    said = {name: cell for name, cell in zip(header, row, strict=False) if cell.strip()}
    return WrittenCase(*_named(said, f"line {place.line}", facts), place)
