"""JSON Schemas of every file format: current, named by every shipped file, and what those files say is valid."""

from __future__ import annotations

import json
import re
import shutil
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from engine.knowledge import load_knowledge
from engine.schema import schemas
from engine.source import read_document
from tests.cases import ROOT, knowledge

GPU = ROOT / "examples" / "gpu-rent-or-buy"
SHIPPED = sorted(path for folder in ("rules", "examples") for path in (ROOT / folder).rglob("*.yaml"))
_NAMED = re.compile(r"# yaml-language-server: \$schema=(\S+)")


def schema_line(path: Path) -> str:
    """The schema that a file names in its first line."""
    named = _NAMED.fullmatch(path.read_text("utf-8").split("\n", 1)[0])
    assert named, f"{path} names no schema"
    return named[1]


@lru_cache(maxsize=32)
def schema_at(path: Path) -> jsonschema.Draft202012Validator:
    """A schema that is known to be one."""
    schema: dict[str, Any] = json.loads(path.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def kind_of(path: Path) -> str:
    """Which schema a file of a base or a case should name."""
    if path.parent.name == "tests":
        return "tests"
    if path.parent.name != "rules":
        return "case"
    return path.stem if path.stem in ("facts", "costs", "knowledge", "claims") else "decision"


def in_words(path: Path) -> str:
    """What a test of one file is called."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SHIPPED, ids=in_words)
def test_shipped_file_when_edited_names_a_schema_that_is_there_and_that_it_fits(path: Path) -> None:
    schema = (path.parent / schema_line(path)).resolve()
    assert schema.name == f"{kind_of(path)}.schema.json"
    validator = schema_at(schema)
    assert [error.message for error in validator.iter_errors(read_document(path).value)] == []
    # Editors read dates and words as YAML does, not as this program does.
    as_edited = json.loads(json.dumps(yaml.safe_load(path.read_text("utf-8")), default=str))
    assert [error.message for error in validator.iter_errors(as_edited)] == []


def test_committed_schemas_when_generated_again_are_the_same() -> None:
    current = {name: json.dumps(one, indent=2, ensure_ascii=False) + "\n" for name, one in schemas(knowledge()).items()}
    committed = {
        path.name.removesuffix(".schema.json"): path.read_text("utf-8")
        for path in (ROOT / "docs" / "schemas").glob("*.json")
    }
    assert committed == current


def test_schemas_of_the_second_base_when_generated_again_are_the_same() -> None:
    """To renew them: breakeven rules schema case (and tests) --rules examples/gpu-rent-or-buy/rules."""
    current = schemas(load_knowledge(GPU / "rules"))
    committed = {path.name: json.loads(path.read_text("utf-8")) for path in (GPU / "schemas").iterdir()}
    assert committed == {f"{name}.schema.json": current[name] for name in ("case", "tests")}


def test_schemas_when_made_for_two_bases_differ_only_where_their_names_do() -> None:
    first, second = schemas(knowledge()), schemas(load_knowledge(GPU / "rules"))
    assert first.keys() == second.keys()
    assert {name for name in first if first[name] != second[name]} == {"case", "tests"}


#: Changes that an editor should underline: the file, what is replaced and by what.
WRONG = {
    "an unknown field of a fact": ("facts.yaml", "    question:", "    qestion:"),
    "a type there is not": ("facts.yaml", "type: yes/no", "type: maybe"),
    "a hit policy there is not": ("method.yaml", "hit_policy: first", "hit_policy: best"),
    "a rule without its reason": ("method.yaml", "    because:", "    # because:"),
    "a unit without its scale's form": ("knowledge.yaml", "decimals: 2", "decimals: two"),
    "a fact there is not in a test": ("tests/scale.yaml", "requests_per_month", "request_per_month"),
    "a rule there is not in a test": ("tests/framework.yaml", "fired: [q1-low-volume]", "fired: [q1-low]"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_file_when_wrong_is_refused_by_the_schema_it_names(tmp_path: Path, wrong: str) -> None:
    name, old, new = WRONG[wrong]
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    shutil.copy(ROOT / "rules" / name, path)
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    value = yaml.safe_load(path.read_text("utf-8"))
    schema = ROOT / "docs" / "schemas" / f"{kind_of(ROOT / 'rules' / name)}.schema.json"
    assert not schema_at(schema).is_valid(json.loads(json.dumps(value, default=str)))
