"""DMN read as rules: the files of a knowledge base that decides as the tables of a DMN file do.

Input data become facts, decisions become decisions, and a rule becomes a rule whose condition is the conjunction
of its input entries. Names become snake_case, and the model's own names stay as titles.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.dmn.conditions import Vocabulary, bounds_of
from engine.dmn.feel import Constant, NotTakenError
from engine.dmn.markup import describe, read_model
from engine.dmn.naming import snake_case
from engine.dmn.plan import Decision, Output, Plan, Source, plan
from engine.dmn.yaml_text import yaml_text
from engine.errors import BadInput, BreakevenError, Place, Problem
from engine.language.parse import LONGEST_EXPRESSION
from engine.source import refuse, write_text_atomically

#: Files of a base that are not decisions; no decision may take their names.
_OWN_FILES = ("facts", "costs", "claims", "knowledge")
#: Sentences are cut off before they are too long for a rule file.
_LONGEST_SENTENCE = 2_000


def import_dmn(path: Path | str) -> dict[str, str]:
    """The files of a knowledge base that decides as the model does, by name.

    Raises:
        BadInput: the file cannot be read, or holds what is not taken: every problem with its line and element.
    """
    planned = plan(read_model(path))
    files = _files(planned)
    if planned.problems:
        refuse(planned.problems)
    _require_whole(files, planned)
    return files


def write_base(directory: Path | str, files: Mapping[str, str]) -> None:
    """Write the files of a knowledge base into a new directory, or an empty one: all of them or none.

    Raises:
        BadInput: the directory is there and not empty, or cannot be written.
    """
    target, place = Path(directory), Place(str(directory))
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
        rows = {f"{_id(one)}-{n}": row for one in planned.decisions for n, row in enumerate(one.element.table.rows, 1)}
        lines = {rule: row.line for rule, row in rows.items()}
        file = planned.model.file
        refuse(replace(one, place=Place(file, lines.get(one.field or ""))) for one in problems)


def _files(planned: Plan) -> dict[str, str]:
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
        "costs.yaml": yaml_text({"amounts": {}}, "Amounts, tables and figures: the model has none."),
    }
    for decision in planned.decisions:
        name = f"decision_{decision.name}" if decision.name in _OWN_FILES else decision.name
        files[f"{name}.yaml"] = _decision(planned, decision)
    return files


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


def _decision(planned: Plan, decision: Decision) -> str:
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
    entry["rules"] = [*_rules(planned, decision), *_default_rule(planned, decision)]
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


def _rules(planned: Plan, decision: Decision) -> Iterator[dict[str, Any]]:
    names = {name: source.name for name, source in decision.sources.items()}
    kinds = {name: source.kind or "text" for name, source in decision.sources.items()}
    vocabulary = Vocabulary(names, kinds)
    for index, row in enumerate(decision.element.table.rows):
        owner = f"{decision.owner}, rule {index + 1}"
        parts = []
        for column in decision.columns:
            try:
                parts.append(vocabulary.condition(column.subject, column.tests[index]))
            except NotTakenError as error:
                planned.note(row.inputs[column.position].line, f"{owner}, {column.owner}", str(error))
        when = " and ".join(part for part in parts if part) or "true"
        if len(when) > LONGEST_EXPRESSION:
            message = f"its condition takes {len(when):,} characters, and at most {LONGEST_EXPRESSION:,} are read"
            planned.note(row.line, owner, message, "Split the rule")
        yield {
            "id": f"{_id(decision)}-{index + 1}",
            "when": when,
            "then": _then(decision, [output.constants[index] for output in decision.outputs]),
            "because": _sentence(row.remark or f"Rule {index + 1} of “{decision.element.name}” holds."),
            "source": _source(planned, row.line),
        }


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
