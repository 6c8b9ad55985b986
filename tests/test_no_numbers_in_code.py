"""Nothing a rule editor might want to change lives in Python: neither its numbers nor its names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.knowledge import Knowledge, load_knowledge

ROOT = Path(__file__).resolve().parent.parent
SOURCES = [ROOT / "cli.py", *sorted((ROOT / "engine").rglob("*.py"))]
KNOWLEDGE = load_knowledge()

#: Numbers of the base that mean something else in code, each with what it means there.
ELSEWHERE = {
    0.0: "nothing",
    1.0: "one",
    2.0: "two",
    3.0: "three",
    4.0: "four",
    5.0: "a few",
    6.0: "a few",
    8.0: "a few",
    9.0: "a digit",
    10.0: "the base of decimal numbers",
    12.0: "digits of a rounded figure",
    13.0: "pixels of a line",
    15.0: "pixels of a line",
    30.0: "characters of a line",
    40.0: "how deep an expression may nest, and tests a name of the engine",
    60.0: "pixels of an indent",
    100.0: "per cent, and the columns of a terminal",
    150.0: "a limit of messages",
    180.0: "pixels",
    300.0: "pixels",
    500.0: "a limit of a search",
    1_000.0: "a thousand of anything",
    2_000.0: "characters of an expression",
    4_000.0: "characters of a sentence",
    10_000.0: "a limit of steps",
}
#: Files with numbers that happen to stand in the base too, each with what they measure there.
COINCIDENCES = {
    "chart.py": "shares of the picture",
    "claims.py": "from which size on a number is shown without decimals",
    "contrast.py": "limits of a search",
    "divergence.py": "limits of a search",
    "prospect.py": "how much an answer settles",
    "source.py": "values a file may hold",
    "trials.py": "shares of a span that are tried",
    "witness.py": "limits of a search",
}
#: Words of the base that are ordinary English, or Python's own.
ORDINARY = {"any", "first", "horizon", "investment", "legal", "medical", "method", "none", "other", "scale", "task",
            "volume", "team", "data", "change", "stable", "strong", "moderate", "weak", "viable", "budget", "strength",
            "recommendation", "recommended", "cautions", "accuracy", "tagging", "mandatory"}  # fmt: skip


def _numbers_of(text: str) -> Iterator[float]:
    for line in text.splitlines():
        bare = re.sub(r'"[^"]*"|#.*|\b(?:because|source|title|help|why|question|quote|note|reading): .*', "", line)
        for found in re.findall(r"(?<![\w.])\d[\d_]*(?:\.\d+)?(?![\w.])", bare):
            yield float(found.replace("_", ""))


def _base_numbers() -> set[float]:
    files = [path for path in KNOWLEDGE.directory.glob("*.yaml") if path.name not in ("claims.yaml", "knowledge.yaml")]
    return {number for path in files for number in _numbers_of(path.read_text(encoding="utf-8"))}


def _base_names(knowledge: Knowledge) -> set[str]:
    rows = {row.id for table in knowledge.decisions.values() for row in table.rows}
    values = {value for table in knowledge.decisions.values() for each in table.outputs.values() for value in each}
    choices = {choice for fact in knowledge.facts.values() for choice in fact.choices or ()}
    return {*knowledge.scope.symbols, *knowledge.tables, *rows, *values, *choices} - ORDINARY


def _docstrings(tree: ast.AST) -> set[int]:
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, owners) and node.body and isinstance(node.body[0], ast.Expr)
    }


def _trees() -> list[tuple[Path, ast.Module]]:
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in SOURCES]


def _as_number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def test_the_base_when_read_has_the_numbers_that_are_looked_for() -> None:
    assert {50_000.0, 100_000.0, 500_000.0, 0.85, 0.2, 45.0, 600.0, 3_000.0, 0.3} <= _base_numbers()


@pytest.mark.parametrize(("path", "tree"), _trees(), ids=lambda value: value.name if isinstance(value, Path) else "")
def test_numbers_of_the_base_when_searched_for_are_not_in_code(path: Path, tree: ast.Module) -> None:
    distinctive = _base_numbers() - ELSEWHERE.keys()
    if path.name in COINCIDENCES:
        distinctive -= {0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.8, 1_200.0, 3_000.0, 100_000.0}
    found = [
        f"{path.name}:{node.lineno}: {node.value!r}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and _as_number(node.value) in distinctive
    ]
    assert found == []


@pytest.mark.parametrize(("path", "tree"), _trees(), ids=lambda value: value.name if isinstance(value, Path) else "")
def test_names_of_the_base_when_searched_for_are_not_in_code(path: Path, tree: ast.Module) -> None:
    names, documentation = _base_names(KNOWLEDGE), _docstrings(tree)
    found = [
        f"{path.name}:{node.lineno}: {node.value!r}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in names and id(node) not in documentation
    ]
    assert found == []


def _words(node: ast.AST) -> list[str]:
    """The names that a node of code uses or declares, and those that stand within its text."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
            return [name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.alias(name=name, asname=other):
            return [*name.split("."), *filter(None, [other])]
        case ast.Constant(value=str(text)):
            return re.findall(r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*", text)
    return []


@pytest.mark.parametrize(("path", "tree"), _trees(), ids=lambda value: value.name if isinstance(value, Path) else "")
def test_names_of_the_base_when_searched_for_within_text_and_among_identifiers_are_not_in_code(
    path: Path, tree: ast.Module
) -> None:
    # A single word is ordinary English inside of a sentence; of several words it is a name.
    names, documentation = {name for name in _base_names(KNOWLEDGE) if re.search("[_-]", name)}, _docstrings(tree)
    found = [
        f"{path.name}:{node.lineno}: {word}"
        for node in ast.walk(tree)
        if isinstance(node, ast.expr | ast.stmt | ast.arg | ast.keyword | ast.alias) and id(node) not in documentation
        for word in _words(node)
        if word in names
    ]
    assert found == []
