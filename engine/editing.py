"""Starting and keeping a knowledge base of one's own: a copy, scaffolds for new parts, one canonical layout."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from engine.errors import BadInput, Place, Problem
from engine.knowledge import Knowledge
from engine.resources import rules_directory
from engine.schema import schemas
from engine.source import write_text_atomically

Part = Literal["fact", "decision", "rule"]
#: Where a base of one's own keeps the schemas its files name in their first line.
SCHEMA_FOLDER = "schemas"
_SCHEMA_LINE = re.compile(r"^# yaml-language-server: \$schema=\S*?(?P<name>[a-z-]+)\.schema\.json", re.MULTILINE)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,79}")
_RULE_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
#: Lines are left as long as their writer made them.
_WIDEST = 10_000


def start_base(directory: Path, knowledge: Knowledge) -> list[str]:
    """Write a copy of the built-in base to own: rules, their tests, and the schemas editors complete from.

    Returns:
        The files written, relative to the directory.

    Raises:
        BadInput: the directory exists and is not empty, or cannot be written.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        hint = "Name a new directory, or an empty one"
        raise BadInput([Problem(Place(str(directory)), "is already there and not empty", hint=hint)])
    files: dict[str, str] = {}
    source = rules_directory()
    for path in sorted(source.rglob("*.yaml")):
        inside = path.relative_to(source)
        up = "../" * (len(inside.parts) - 1)
        line = rf"# yaml-language-server: $schema={up}{SCHEMA_FOLDER}/\g<name>.schema.json"
        files[str(inside)] = _SCHEMA_LINE.sub(line, path.read_text(encoding="utf-8"))
    for name, schema in schemas(knowledge).items():
        files[f"{SCHEMA_FOLDER}/{name}.schema.json"] = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    write_files(directory, files)
    return list(files)


def write_files(directory: Path, files: Mapping[str, str]) -> None:
    """Write files below a directory, making folders as needed.

    Raises:
        BadInput: one of them cannot be written.
    """
    for name, text in files.items():
        path = directory / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput([Problem(Place(str(path.parent)), f"cannot be made ({error.strerror})")]) from error
        write_text_atomically(path, text)


def new_part(knowledge: Knowledge, part: Part, name: str, decision: str | None = None) -> dict[Path, str]:
    """The scaffold of a new fact, decision or rule with a test of it: each file with its new text.

    Args:
        knowledge: the base it is for.
        part: what to add.
        name: its name, of a rule its id.
        decision: for a rule, the output or decision it belongs to.

    Raises:
        BadInput: the name is taken or not a name, or the decision does not exist.
    """
    pattern = _RULE_ID if part == "rule" else _NAME
    place = Place(f"rules new {part}")
    if not pattern.fullmatch(name):
        letters = "lower-case letters, digits and -" if part == "rule" else "lower-case letters, digits and _"
        raise BadInput([Problem(place, f"'{name}' is not a name: {letters}, a letter first", hint=None)])
    ids = {row.id for table in knowledge.decisions.values() for row in table.rows}
    if name in knowledge.scope.symbols or name in ids:
        raise BadInput([Problem(place, f"'{name}' is already there", hint="Choose another name")])
    makers = {"fact": _new_fact, "decision": _new_decision, "rule": _new_rule}
    return makers[part](knowledge, name, decision)


def _new_fact(knowledge: Knowledge, name: str, _decision: str | None) -> dict[Path, str]:
    title = name.replace("_", " ")
    block = f"""
  {name}:
    title: {title}
    type: yes/no
    default: "no"
    default_source: "ours: say why this is assumed where nobody answers"
    question: {title.capitalize()}?
    why: Say what hangs on it.
    help: Say what counts as a yes.
    example: "yes"
    source: "ours: say where the fact comes from"
"""
    path = knowledge.directory / "facts.yaml"
    return {path: path.read_text(encoding="utf-8").rstrip("\n") + "\n" + block.lstrip("\n")}


def _new_decision(knowledge: Knowledge, name: str, _decision: str | None) -> dict[Path, str]:
    title = name.replace("_", " ").capitalize()
    first_fact = next(name for name, fact in knowledge.facts.items() if fact.type == "yes/no")
    stem = name.replace("_", "-")
    text = f"""# yaml-language-server: $schema={SCHEMA_FOLDER}/decision.schema.json
decides: {name}
title: {title}
source: "ours: say where the decision comes from"
hit_policy: first
values:
  applies: applies
  does_not_apply: does not apply
rules:
  - id: {stem}-applies
    when: {first_fact}
    then: applies
    because: Say in a sentence why this row concludes what it does.
    source: "ours: say where the rule comes from"
  - id: {stem}-otherwise
    when: "true"
    then: does_not_apply
    because: Say what holds where no row above does.
    source: "ours: say where the rule comes from"
"""
    test = _test_file(f"{title} applies where it should", {first_fact: "yes"}, {name: "applies"}, f"{stem}-applies")
    return {
        knowledge.directory / f"{name}.yaml": text,
        knowledge.directory / "tests" / f"{name}.yaml": test,
    }


def _new_rule(knowledge: Knowledge, name: str, decision: str | None) -> dict[Path, str]:
    owner = knowledge.decision_of.get(decision or "", decision or "")
    if owner not in knowledge.decisions:
        known = ", ".join(knowledge.decisions)
        problem = Problem(Place("rules new rule"), "a rule needs its decision", hint=f"Name one of {known}")
        raise BadInput([problem])
    table = knowledge.decisions[owner]
    concluded = {output: next(iter(values)) for output, values in table.outputs.items()}
    then = next(iter(concluded.values()))
    if len(concluded) > 1:
        then = "{" + ", ".join(f"{output}: {value}" for output, value in concluded.items()) + "}"
    path = knowledge.directory / Path(table.file).name
    block = f"""  - id: {name}
    when: "false"
    then: {then}
    because: Say in a sentence why this row concludes what it does.
    source: "ours: say where the rule comes from"
"""
    first = next((fact for fact, declared in knowledge.facts.items() if declared.type == "yes/no"), None)
    test = _test_file(f"{name.replace('-', ' ')} fires where it should", {first: "yes"} if first else {}, {}, name)
    return {
        path: path.read_text(encoding="utf-8").rstrip("\n") + "\n" + block,
        knowledge.directory / "tests" / f"{name}.yaml": test,
    }


def _test_file(sentence: str, facts: Mapping[str, str], conclusions: Mapping[str, str], rule: str) -> str:
    def inline(mapping: Mapping[str, str]) -> str:
        return "{" + ", ".join(f"{key}: {value}" for key, value in mapping.items()) + "}"

    lines = ["tests:", f"  - name: {sentence}", f"    facts: {inline(facts)}"]
    if conclusions:
        lines.append(f"    conclusions: {inline(conclusions)}")
    return "\n".join([*lines, f"    fired: [{rule}]"]) + "\n"


def formatted(text: str) -> str:
    """The text of a rules file in the canonical layout, its comments and order kept.

    Raises:
        BadInput: the package that keeps comments is not installed.
    """
    import io

    yaml = _round_trip()
    document = yaml.load(text)
    stream = io.StringIO()
    yaml.dump(document, stream)
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


def unformatted(paths: Iterable[Path]) -> dict[Path, str]:
    """Of some files those not in the canonical layout, each with the text it should have.

    Raises:
        BadInput: the package that keeps comments is not installed.
    """
    found: dict[Path, str] = {}
    for path in paths:
        text = path.read_text(encoding="utf-8")
        wanted = formatted(text)
        if wanted != text:
            found[path] = wanted
    return found


def _round_trip() -> Any:
    try:
        from ruamel.yaml import YAML
    except ImportError:
        hint = "Install it with: pip install 'breakeven[edit]'"
        raise BadInput([Problem(Place("rules fmt"), "keeping comments needs ruamel.yaml", hint=hint)]) from None
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _WIDEST
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml
