"""JSON Schemas of every file format, generated from the models that read and write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from engine.claims_file import ClaimsFile
from engine.declarations import CostsFile, DecisionFile, FactDeclaration, FactsFile, KnowledgeFile, value_of
from engine.knowledge import Knowledge
from engine.language.scope import NumberType
from engine.records.settings import SettingsFile
from engine.report import decision_schema
from engine.testing.rule_tests import DecisionTestsFile

#: Editors that follow YAML 1.2 take 50_000, 45k, $45,000 and 82% for text; case files may use them all.
_NUMBER_AS_TEXT = r"^[-+]?\$?[0-9][0-9_,]*(\.[0-9_]+)?([eE][-+]?[0-9]+)?[kKM%]?$"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_FILES: dict[str, tuple[type[BaseModel], str]] = {
    "facts": (FactsFile, "Breakeven facts"),
    "costs": (CostsFile, "Breakeven costs"),
    "decision": (DecisionFile, "Breakeven decision table"),
    "knowledge": (KnowledgeFile, "Breakeven knowledge base"),
    "claims": (ClaimsFile, "Breakeven claims"),
}


def schemas(knowledge: Knowledge) -> dict[str, dict[str, Any]]:
    """Every schema by the stem of its file name; the case schema follows the base's vocabulary."""
    from engine.records.export import export_schema

    found = {
        name: {"$schema": _DIALECT, **model.model_json_schema(by_alias=True), "title": title}
        for name, (model, title) in _FILES.items()
    }
    found["tests"] = tests_schema(knowledge)
    found["case"] = case_schema(knowledge.facts)
    found["report"] = decision_schema()
    found["records"] = export_schema()
    found["settings"] = {"$schema": _DIALECT, **SettingsFile.model_json_schema(), "title": "Breakeven settings"}
    return found


def tests_schema(knowledge: Knowledge) -> dict[str, Any]:
    """The schema of files of decision tests over a base: its facts, conclusions, figures and rules."""
    schema: dict[str, Any] = DecisionTestsFile.model_json_schema(by_alias=True)
    facts = {"type": "object", "additionalProperties": False, "properties": case_schema(knowledge.facts)["properties"]}
    names = (name for name, symbol in knowledge.scope.symbols.items() if isinstance(symbol.type, NumberType))
    rules = {"type": "array", "items": {"enum": [row.id for one in knowledge.decisions.values() for row in one.rows]}}
    test = schema["$defs"]["DecisionTestDeclaration"]["properties"]
    for properties, name, one in (
        (schema["properties"], "given", {"$ref": "#/$defs/Facts"}),
        (test, "facts", {"$ref": "#/$defs/Facts"}),
        (
            test,
            "conclusions",
            _mapping({name: _conclusion_schema(knowledge, name) for name in knowledge.decision_of}, []),
        ),
        (test, "figures", _mapping({name: {"$ref": "#/$defs/Figure"} for name in names}, [])),
        (test, "fired", rules),
        (test, "not_fired", rules),
    ):
        properties[name] = {**one, "description": properties[name]["description"]}
    number = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": _NUMBER_AS_TEXT}]}
    words = {"enum": ["never", "unknown"]}
    figure = {
        "anyOf": [number, words, _mapping({"value": {"anyOf": [number, words]}, "within": number}, ["value", "within"])]
    }
    schema["$defs"] |= {"Facts": facts, "Figure": figure}
    return {"$schema": _DIALECT, **schema, "title": "Breakeven decision tests"}


def _conclusion_schema(knowledge: Knowledge, output: str) -> dict[str, Any]:
    table = knowledge.decisions[knowledge.decision_of[output]]
    if table.declaration.aggregate:
        return {"$ref": "#/$defs/Figure"}
    kind = table.declaration.kinds[output]
    values = [value_of(word, kind) for word in table.outputs[output]]
    if table.policy == "collect":
        return {"type": "array", "items": {"enum": values}}
    return {"enum": [*values, "unknown"]}


def case_schema(vocabulary: Mapping[str, FactDeclaration]) -> dict[str, Any]:
    """The schema of case files over a vocabulary."""
    return {
        "$schema": _DIALECT,
        "title": "Breakeven case",
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _fact_schema(fact) for name, fact in vocabulary.items()},
    }


def _fact_schema(fact: FactDeclaration) -> dict[str, Any]:
    value = _value_schema(fact)
    provenance = {
        "origin": {"enum": ["answered", "assumed", "measured"]},
        "source": {"type": "string"},
    }
    forms: list[dict[str, Any]] = [value, {"const": "unknown"}, _mapping({"value": value, **provenance}, ["value"])]
    if fact.type in ("number", "integer"):
        ends = {"low": value, "likely": value, "high": value, **provenance}
        forms.append(_mapping(ends, ["low", "high"]))
    return {"title": fact.title, "description": fact.question or fact.title, "anyOf": forms}


def _mapping(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": required}


def _value_schema(fact: FactDeclaration) -> dict[str, Any]:
    if fact.type == "yes/no":
        return {"enum": [True, False, "yes", "no"]}
    if fact.choices is not None:
        return {"type": "string", "minLength": 1} if fact.open else {"enum": list(fact.choices)}
    bounds = {"minimum": fact.min, "maximum": fact.max, "exclusiveMinimum": fact.above}
    number = {"type": fact.type, **{key: bound for key, bound in bounds.items() if bound is not None}}
    return {"anyOf": [number, {"type": "string", "pattern": _NUMBER_AS_TEXT}]}
