from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from engine.decision import Decision
from engine.describe import decide
from engine.report import render
from engine.source import read_document
from tests.cases import EXAMPLES, ROOT, example, knowledge, pool

#: Each example with its recommendation, how firm it is, and the rule that decided; None: nothing settles it.
EXPECTED: dict[str, tuple[str, str, str | None]] = {
    "case-1-support-tickets": ("prompt_engineering", "weak", "framework-prompting"),
    "case-2-insurance-claims": ("full_fine_tuning", "strong", "critical-full"),
    "case-3-code-generation-as-printed": ("few_shot", "weak", "arithmetic-overrules-framework-few-shot"),
    "case-3-code-generation-priced": ("hybrid", "weak", "hybrid"),
    "cheap-requests-at-high-volume": ("few_shot", "weak", "arithmetic-overrules-framework-few-shot"),
    "dear-errors-at-low-volume": ("lora", "weak", "arithmetic-overrules-volume-lora"),
    "much-unknown": ("prompt_engineering", "weak", None),
    "ranges": ("lora", "weak", "pays-lora"),
}


@lru_cache(maxsize=16)
def decision(name: str) -> Decision:
    """One example decided."""
    return decide(example(name), pool())


def schema(name: str) -> dict[str, Any]:
    """One of the published schemas, known to be one."""
    published: dict[str, Any] = json.loads((ROOT / "docs" / "schemas" / f"{name}.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(published)
    return published


def is_valid(value: object, name: str) -> bool:
    """Whether a published schema accepts the value."""
    return jsonschema.Draft202012Validator(schema(name)).is_valid(value)


def test_examples_when_listed_are_all_expected_to_decide_something() -> None:
    assert {path.stem for path in EXAMPLES} == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_example_when_decided_gets_the_recommendation_it_is_there_for(name: str) -> None:
    found = decision(name).recommendation
    assert found is not None
    assert (found.approach, found.strength, found.rule) == EXPECTED[name]
    assert found.settled == (found.rule is not None)


@pytest.mark.parametrize("name", EXPECTED)
def test_example_when_printed_as_json_fits_the_published_schema(name: str) -> None:
    printed = json.loads(render(decision(name), "json"))
    jsonschema.validate(printed, schema("report"), jsonschema.Draft202012Validator)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_when_read_by_this_program_or_an_editor_fits_the_published_schema(path: Path) -> None:
    as_read, as_edited = read_document(path).value, yaml.safe_load(path.read_text("utf-8"))
    jsonschema.validate(as_read, schema("case"), jsonschema.Draft202012Validator)
    jsonschema.validate(as_edited, schema("case"), jsonschema.Draft202012Validator)


NO_CASES: dict[str, object] = {
    "an unknown fact": {"request_per_month": 1},
    "a word for a number": {"requests_per_month": "lots"},
    "a number below its bound": {"requests_per_month": -1},
    "a share above 1": {"prompt_accuracy": 82},
    "half an example": {"labeled_examples": 1.5},
    "a horizon of nothing": {"horizon_months": 0},
    "an unknown choice": {"task": "cooking"},
    "a number for yes or no": {"is_prototype": 3},
    "a range of words": {"task": {"low": "tagging", "high": "other"}},
    "a range without its high": {"budget": {"low": 1}},
    "an unknown origin": {"budget": {"value": 1, "origin": "guessed"}},
    "an unknown detail": {"budget": {"value": 1, "unit": "USD"}},
    "a list": [{"budget": 1}],
}


@pytest.mark.parametrize("value", NO_CASES.values(), ids=NO_CASES)
def test_value_when_it_is_no_case_is_refused_by_the_published_schema(value: object) -> None:
    assert not is_valid(value, "case")


NO_REPORTS = {
    "a field is missing": {"recommendation": ...},
    "a field is too much": {"verdict": "lora"},
    "a figure is a word": {"figures": {"net_benefit": {"value": "much"}}},
    "a conclusion is a number": {"conclusions": {"scale": {}}},
}


@pytest.mark.parametrize("changes", NO_REPORTS.values(), ids=NO_REPORTS)
def test_value_when_it_is_no_report_is_refused_by_the_published_schema(changes: dict[str, object]) -> None:
    printed = json.loads(render(decision("case-1-support-tickets"), "json"))
    changed = {**printed, **changes}
    assert is_valid(printed, "report")
    assert not is_valid({name: value for name, value in changed.items() if value is not ...}, "report")


def test_case_schema_when_compared_with_the_vocabulary_knows_each_fact() -> None:
    assert schema("case")["properties"].keys() == knowledge().facts.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_example_when_reported_shows_what_the_design_promises(name: str) -> None:
    printed = json.loads(render(decision(name), "json"))
    promised = {"recommendation", "conclusions", "firings", "matched_not_decisive", "figures", "cautions", "unknown"}
    assert promised | {"knowledge_base", "case"} <= printed.keys()
    assert printed["conclusions"].keys() >= {"scale", "framework_verdict", "framework_reason", "method", "economics"}
    assert printed["knowledge_base"].keys() >= {"name", "version", "sha256"}
    for figure in printed["figures"].values():
        assert figure.keys() >= {"value", "unit", "formula", "substitution", "source"}
    for firing in printed["firings"]:
        assert firing.keys() >= {"rule", "decision", "conclusion", "facts", "source", "because"}


def test_figures_when_never_reached_are_the_word_never_in_json() -> None:
    printed = json.loads(render(decision("cheap-requests-at-high-volume"), "json"))
    assert printed["figures"]["payback_months"]["value"] == "never"


def test_figures_when_unknown_are_null_in_json() -> None:
    printed = json.loads(render(decision("much-unknown"), "json"))
    assert printed["figures"]["error_saving_per_month"]["value"] is None
    assert printed["conclusions"]["recommendation"] is None
    assert {fact["name"] for fact in printed["unknown"]} >= {"fine_tuned_accuracy", "has_labeled_data"}
