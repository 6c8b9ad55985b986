"""JSON Schemas of every file format, generated from the models that read and write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from engine.claims_file import ClaimsFile
from engine.declarations import CostsFile, DecisionFile, FactDeclaration, FactsFile, KnowledgeFile
from engine.knowledge import Knowledge
from engine.report import decision_schema

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
    found = {
        name: {"$schema": _DIALECT, **model.model_json_schema(by_alias=True), "title": title}
        for name, (model, title) in _FILES.items()
    }
    found["case"] = case_schema(knowledge.facts)
    found["report"] = decision_schema()
    return found


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
