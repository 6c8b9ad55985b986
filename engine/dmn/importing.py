"""DMN read as rules: the files of a knowledge base that decides as the tables of a DMN file do.

Input data become facts, decisions become decisions, and a rule becomes a rule whose condition is the conjunction
of its input entries. Names become snake_case, and the model's own names stay as titles.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.dmn.conditions import Vocabulary, bounds_of
from engine.dmn.feel import Constant, NotTakenError
from engine.dmn.markup import describe, read_model
from engine.dmn.naming import snake_case
from engine.dmn.nulls import Nulls
from engine.dmn.plan import Column, Decision, Output, Plan, Source, plan
from engine.dmn.yaml_text import yaml_text
from engine.editing import named_directory
from engine.errors import BadInput, BreakevenError, Place, Problem
from engine.language.parse import LONGEST_EXPRESSION
from engine.source import MOST_BYTES, printable, refuse, write_text_atomically

#: Files of a base that are not decisions; no decision may take their names.
_OWN_FILES = ("facts", "costs", "claims", "knowledge")
#: Sentences are cut off before they are too long for a rule file.
_LONGEST_SENTENCE = 2_000
#: What says whether a decision gives something is repeated in each rule that reads it; what is longer becomes a
#: figure.
_LONGEST_GUARD = 300
#: What the conditions of one figure take together, some room for the rest of its formula left.
_LONGEST_FORMULA = LONGEST_EXPRESSION - 50


@dataclass(frozen=True, slots=True)
class Imported:
    """What a model becomes.

    Args:
        files: the files of a base, by name.
        notes: what is otherwise than in the model, each in a sentence without its period: every name.
    """

    files: Mapping[str, str]
    notes: tuple[str, ...]


def import_dmn(path: Path | str) -> dict[str, str]:
    """The files of a knowledge base that decides as the model does, by name.

    Raises:
        BadInput: the file cannot be read, or holds what is not taken: every problem with its line and element.
    """
    return dict(import_model(path).files)


def import_model(path: Path | str) -> Imported:
    """A knowledge base that decides as the model does, with what is otherwise in it.

    Raises:
        BadInput: as ``import_dmn`` does.
    """
    planned = plan(read_model(path))
    files = _files(planned, _Rules(planned))
    if planned.problems:
        refuse(planned.problems)
    _require_whole(files, planned)
    return Imported(files, tuple(_renamed(planned)))


def _renamed(planned: Plan) -> Iterator[str]:
    for source in planned.facts:
        if source.name != source.title:
            yield _is_now(describe("input", source.title), source.name)
    for decision in planned.decisions:
        if decision.name != decision.element.name:
            yield _is_now(decision.owner, decision.name)
        for output in decision.outputs if len(decision.outputs) > 1 else ():
            if output.key != output.source.title:
                yield _is_now(f"{decision.owner}, output '{output.source.title}'", f"{decision.name}.{output.key}")


def _is_now(owner: str, name: str) -> str:
    return f"{printable(owner)} is now {name}"


def write_base(directory: Path | str, files: Mapping[str, str]) -> None:
    """Write the files of a knowledge base into a new directory, or an empty one: all of them or none.

    Raises:
        BadInput: the directory has no name, is there and not empty, or cannot be written.
    """
    target, place = named_directory(directory), Place(str(directory))
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            refuse([Problem(place, "is already there and not empty", hint="Name a new directory, or an empty one")])
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{target.name[:100]}.", dir=target.parent))
    except OSError as error:
        raise BadInput([Problem(place, f"cannot be made ({error.strerror})")]) from error
    try:
        for name, text in files.items():
            write_text_atomically(beside / name, text)
        # A temporary directory is its owner's alone; a new one is as open as any other.
        beside.chmod(0o777 & ~_umask())
        beside.replace(target)
    except OSError as error:
        raise BadInput([Problem(place, f"cannot be written ({error.strerror})")]) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def _require_whole(files: Mapping[str, str], planned: Plan) -> None:
    """Refuse a base that would not load, or that the inference engine cannot hold."""
    from engine.inference import Program
    from engine.knowledge import load_knowledge
    from engine.soundness import unsound

    with tempfile.TemporaryDirectory() as directory:
        for name, text in files.items():
            (Path(directory) / name).write_text(text, encoding="utf-8")
        try:
            knowledge = load_knowledge(directory)
            problems = tuple(unsound(knowledge))
            if not problems:
                Program(knowledge)
        except BadInput as error:
            problems = error.problems
        except BreakevenError as error:
            rule = str(error).partition(":")[0]
            problems = (Problem(Place(""), f"is more than the inference engine holds: {error}", rule),)
    if problems:
        file = planned.model.file
        refuse(replace(one, place=Place(file, _line_of(one, planned))) for one in problems)


def _line_of(problem: Problem, planned: Plan) -> int | None:
    """The line of the model that a problem of the base comes from: the rule's, or else its decision's."""
    for decision in planned.decisions:
        for number, row in enumerate(decision.element.table.rows, 1):
            if problem.field == f"{_id(decision)}-{number}":
                return row.line
    file = Path(problem.place.file).name
    return next((one.element.line for one in planned.decisions if _file_of(one) == file), None)


def _files(planned: Plan, rules: _Rules) -> dict[str, str]:
    model = planned.model
    manifest = {
        "name": snake_case(model.name, "imported"),
        "version": "1.0.0",
        "title": model.name,
        "base_units": [],
    }
    facts = {source.name: _fact(planned, source) for source in planned.facts}
    files = {
        "knowledge.yaml": yaml_text(manifest, f"Made from {Path(model.file).name}, DMN {model.version}."),
        "facts.yaml": yaml_text({"facts": facts}, "The inputs of the model."),
    }
    for decision in planned.decisions:
        text = files[_file_of(decision)] = _decision(planned, decision, rules)
        if (size := len(text.encode("utf-8", "replace"))) > MOST_BYTES:
            message = f"would make a file of {size:,} bytes, and at most {MOST_BYTES:,} are read"
            planned.note(decision.element.table.line, decision.owner, message, "Split the table")
    costs = {"amounts": {}, "figures": rules.figures} if rules.figures else {"amounts": {}}
    said = "Whether decisions give something" if rules.figures else "Amounts, tables and figures: the model has none"
    files["costs.yaml"] = yaml_text(costs, f"{said}.")
    return files


def _file_of(decision: Decision) -> str:
    name = f"decision_{decision.name}" if decision.name in _OWN_FILES else decision.name
    return f"{name}.yaml"


def _source(planned: Plan, line: int) -> str:
    return f"{Path(planned.model.file).name}, line {line}"


# -- facts -------------------------------------------------------------------------------------------


def _fact(planned: Plan, source: Source) -> dict[str, Any]:
    entry: dict[str, Any] = {"title": source.title}
    if source.kind == "number":
        entry |= {"type": "number", "unit": "1", **_bounds(planned, source)}
    elif source.kind == "boolean":
        entry["type"] = "yes/no"
    else:
        entry |= {"type": "choice", "choices": {word: word for word in source.words}}
        if source.allowed is None:
            entry["open"] = True
    entry["question"] = _shortened(source.description or f"{source.title}?")
    entry["source"] = _source(planned, source.line)
    return entry


def _bounds(planned: Plan, source: Source) -> dict[str, float]:
    bounds = {} if source.allowed is None else bounds_of(source.allowed)
    if bounds is None:
        owner = describe("input", source.title)
        planned.note(source.line, owner, "allows numbers that are not one range", "Allow one range, such as [0..100]")
    return bounds or {}


# -- decisions -----------------------------------------------------------------------------------------


def _decision(planned: Plan, decision: Decision, rules: _Rules) -> str:
    element, several = decision.element, len(decision.outputs) > 1
    entry: dict[str, Any] = {}
    if several:
        entry["name"] = decision.name
        entry["decides"] = {output.key: _values(output) for output in decision.outputs}
        entry["titles"] = {output.key: output.source.title for output in decision.outputs}
    else:
        entry["decides"] = decision.name
        entry["values"] = _values(decision.outputs[0]) if decision.outputs else []
    entry["title"] = element.name
    entry["source"] = _source(planned, element.line)
    entry["hit_policy"] = _hit_policy(decision)
    if decision.aggregate:
        entry["aggregate"] = decision.aggregate
    entry["rules"] = [*rules.of(decision), *_default_rule(planned, decision)]
    if not entry["rules"]:
        planned.note(element.table.line, decision.owner, "has no rules")
    return yaml_text(entry, element.description or element.name)


def _values(output: Output) -> list[str | float | bool]:
    """What the output may be: every text it is also tested for, every number or truth that a rule gives."""
    if output.source.kind == "text":
        return list(output.source.words)
    return list(dict.fromkeys(constant.value for constant in output.source.concluded or ()))


def _hit_policy(decision: Decision) -> str:
    """``rule order`` for a list in which a value may stand twice, since ``collect`` names each once."""
    if decision.policy != "collect" or decision.aggregate:
        return decision.policy
    rows = list(zip(*(output.constants for output in decision.outputs), strict=True))
    return "collect" if len(set(rows)) == len(rows) else "rule order"


class _Rules:
    """The rules of the base's decisions.

    Args:
        planned: the model.
    """

    def __init__(self, planned: Plan) -> None:
        self._planned = planned
        #: Figures that tell whether a decision gives something, where that takes too long to say in each rule.
        self.figures: dict[str, dict[str, str]] = {}
        self._vocabularies: dict[str, Vocabulary] = {}
        self._gaps: dict[str, dict[str, Decision]] = {}
        self._given: dict[str, str] = {}
        self._nulls: dict[str, Nulls] = {}

    def of(self, decision: Decision) -> Iterator[dict[str, Any]]:
        """A rule for each of the decision's, its problems noted."""
        for index, row in enumerate(decision.element.table.rows):
            owner = f"{decision.owner}, rule {index + 1}"
            when, problems = self._when(decision, index)
            for column, error in problems:
                self._planned.note(row.inputs[column.position].line, f"{owner}, {column.owner}", error)
            if len(when) > LONGEST_EXPRESSION:
                message = f"its condition takes {len(when):,} characters, and at most {LONGEST_EXPRESSION:,} are read"
                self._planned.note(row.line, owner, message, "Split the rule")
            yield {
                "id": f"{_id(decision)}-{index + 1}",
                "when": when,
                "then": _then(decision, [output.constants[index] for output in decision.outputs]),
                "because": _sentence(row.remark or f"Rule {index + 1} of “{decision.element.name}” holds."),
                "source": _source(self._planned, row.line),
            }

    def _when(self, decision: Decision, index: int) -> tuple[str, list[tuple[Column, str]]]:
        """A rule's condition, with what keeps columns from being part of it."""
        vocabulary = self._vocabulary_of(decision)
        parts: dict[str, None] = {}
        problems: list[tuple[Column, str]] = []
        for column in decision.columns:
            tests = column.tests[index]
            try:
                condition = vocabulary.condition(column.subject, tests)
            except NotTakenError as error:
                problems.append((column, str(error)))
                continue
            if condition:
                parts.update(dict.fromkeys(self._nulls_of(decision).despite(condition, column.subject, tests)))
        return " and ".join(parts) or "true", problems

    def _vocabulary_of(self, decision: Decision) -> Vocabulary:
        if decision.name not in self._vocabularies:
            names = {name: source.name for name, source in decision.sources.items()}
            kinds = {name: source.kind or "text" for name, source in decision.sources.items()}
            self._vocabularies[decision.name] = Vocabulary(names, kinds)
        return self._vocabularies[decision.name]

    def _gaps_of(self, decision: Decision) -> dict[str, Decision]:
        if decision.name not in self._gaps:
            self._gaps[decision.name] = self._planned.gaps_of(decision)
        return self._gaps[decision.name]

    def _nulls_of(self, decision: Decision) -> Nulls:
        if decision.name not in self._nulls:
            given = {name: self._given_by(gap) for name, gap in self._gaps_of(decision).items()}
            self._nulls[decision.name] = Nulls(self._vocabulary_of(decision), given)
        return self._nulls[decision.name]

    def _given_by(self, decision: Decision) -> str:
        """A condition that holds where the decision gives something, and waits as it does."""
        waiting = [decision]
        while decision.name not in self._given:
            named = {one.name for one in waiting}
            gaps = self._gaps_of(waiting[-1]).values()
            before = next((one for one in gaps if one.name not in self._given and one.name not in named), None)
            if before is not None:
                waiting.append(before)
                continue
            top = waiting.pop()
            for one in gaps:
                # A decision that reads itself is refused later; until then it must not be followed for ever.
                self._given.setdefault(one.name, "true")
            self._given[top.name] = self._guard(top)
        return self._given[decision.name]

    def _guard(self, decision: Decision) -> str:
        rows = range(len(decision.element.table.rows))
        conditions = list(dict.fromkeys(self._when(decision, index)[0] for index in rows))
        text = f"({' or '.join(conditions)})"
        return text if len(text) <= _LONGEST_GUARD else self._figure_of(decision, conditions)

    def _figure_of(self, decision: Decision, conditions: Sequence[str]) -> str:
        """A condition that reads a figure, 1 where one of the conditions holds; of many several figures, and one."""
        name = self._planned.names.unused(f"{decision.name}_given")
        told = self._chunks(conditions)
        if len(told) > 1:
            parts = [self._figure_of(decision, chunk) for chunk in told]
            return self._figure_of(decision, parts)
        formula = f"1 if {' or '.join(told[0])} else 0"
        if len(formula) > LONGEST_EXPRESSION:
            message = f"others ask whether a rule of it holds that takes nearly {LONGEST_EXPRESSION:,} characters"
            self._planned.note(decision.element.table.line, decision.owner, message, "Split the rule")
        self.figures[name] = {
            "title": _shortened(f"{decision.element.name}: whether a rule holds"),
            "unit": "1",
            "formula": formula,
            "source": _source(self._planned, decision.element.line),
        }
        return f"{name} == 1"

    def _chunks(self, conditions: Sequence[str]) -> list[list[str]]:
        """The conditions in groups, each short enough for one formula; each by itself where that is too long."""
        found: list[list[str]] = [[]]
        length = 0
        for one in conditions:
            needed = len(f"({one}) or ")
            if found[-1] and length + needed > _LONGEST_FORMULA:
                found.append([])
                length = 0
            found[-1].append(f"({one})")
            length += needed
        return found


def _default_rule(planned: Plan, decision: Decision) -> Iterator[dict[str, Any]]:
    defaults = [output.default for output in decision.outputs]
    if decision.outputs and None not in defaults:
        yield {
            "id": f"{_id(decision)}-default",
            "when": "true" if decision.policy == "first" else "otherwise",
            "then": _then(decision, defaults),
            "because": _sentence(f"No rule of “{decision.element.name}” holds, so its default output does."),
            "source": _source(planned, decision.outputs[0].column.line),
        }


def _id(decision: Decision) -> str:
    return re.sub("_+", "-", decision.name).strip("-")


def _then(decision: Decision, constants: list[Constant | None]) -> Any:
    values = [None if constant is None else constant.value for constant in constants]
    if len(decision.outputs) == 1:
        return values[0]
    return {output.key: value for output, value in zip(decision.outputs, values, strict=True)}


def _sentence(text: str) -> str:
    """The text as a sentence of a rule file, where doubled braces would fill something in."""
    return re.sub(r"\{(?=[{%#])", "{{ '{' }}", _shortened(text))


def _shortened(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _LONGEST_SENTENCE else f"{words[: _LONGEST_SENTENCE - 1]}…"
