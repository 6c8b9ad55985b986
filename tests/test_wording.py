from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.case import case_from_mapping
from engine.costs import WorkingMemory, working_memory
from engine.declarations import FactDeclaration
from engine.knowledge import load_knowledge
from engine.language.arithmetic import Known, worked
from engine.language.evaluate import Value
from engine.language.scope import ChoiceType, TruthType
from engine.wording import (
    _KnowledgeWords,
    condition_in_english,
    formula_in_english,
    label,
    show_figure,
    show_name,
    waits_for,
)

KNOWLEDGE = load_knowledge()
ROWS = [row for table in KNOWLEDGE.decisions.values() for row in table.rows]


def _memory(facts: dict[str, object], conclusions: dict[str, Value] | None = None) -> WorkingMemory:
    memory = working_memory(KNOWLEDGE, case_from_mapping(facts, KNOWLEDGE.facts, "case"))
    for name, value in (conclusions or {}).items():
        memory.conclude(name, value)
    return memory


CLAIMS = _memory(
    {
        "requests_per_month": 200_000,
        "prompt_upfront": 45_000,
        "fine_tuning_upfront": 80_000,
        "prompt_accuracy": 0.82,
        "fine_tuned_accuracy": 0.94,
        "cost_per_error": 150,
        "domain_changes_often": False,
    },
    {"method": "lora"},
)

SUBSTITUTIONS = {
    "prompt_monthly": (
        "the monthly bill of prompting at 200,000 requests/month"
        " = $600 + (200,000 − 100,000) / (500,000 − 100,000) × ($3,000 − $600) = $1,200/month"
    ),
    "fine_tuned_monthly": (
        "the monthly bill of the fine-tuned model at 200,000 requests/month"
        " = $320 + (200,000 − 100,000) / (500,000 − 100,000) × ($1,400 − $320) = $590/month"
    ),
    "request_saving_per_month": "$1,200/month − $590/month = $610/month",
    "errors_avoided_per_month": "200,000 requests/month × (94 % − 82 %) × 1 error/request = 24,000 errors/month",
    "error_saving_per_month": "24,000 errors/month × $150/error = $3,600,000/month",
    "break_even_months": "($80,000 − $45,000) / ($1,200 − $590) per month = 57.4 months",
    "overtaken_after_months": "never (upfront gap is $35,000, not below $0)",
    "hybrid_upfront": "$32,500 + $10,000 + $0 = $42,500 (“latency is critical” is no)",
    "hosting_per_month": "$0/month (“self-hosted model” is no)",
    "requests_per_month_in_12_months": "requests a month today = 200,000 requests/month",
    "prompt_upfront": "$45,000",
    "method_investment": "investment in LoRA = $35,000",
}


@pytest.mark.parametrize(("name", "expected"), SUBSTITUTIONS.items(), ids=SUBSTITUTIONS)
def test_figure_when_shown_has_the_numbers_of_the_case(name: str, expected: str) -> None:
    formula, substitution = show_figure(KNOWLEDGE, CLAIMS, name)
    assert substitution == expected
    assert formula == KNOWLEDGE.quantities[name].text


UNKNOWN: dict[str, tuple[dict[str, object], str, str]] = {
    "a fact": (
        {"requests_per_month": 5},
        "errors_avoided_per_month",
        "accuracy after fine-tuning, accuracy with prompts",
    ),
    "a fact behind other figures": ({}, "payback_months", "requests a month today"),
    "a fact behind a conclusion": (
        {"requests_per_month": 200_000, "is_prototype": False, "labeled_examples": 2_000},
        "method_investment",
        "“accuracy is critical”",
    ),
    "nothing that another price makes needless": (
        {"prompt_cost_per_request": 0.006},
        "prompt_monthly",
        "requests a month today",
    ),
}


@pytest.mark.parametrize(("facts", "name", "expected"), UNKNOWN.values(), ids=UNKNOWN)
def test_figure_when_unknown_says_what_it_waits_for(facts: dict[str, object], name: str, expected: str) -> None:
    assert show_figure(KNOWLEDGE, _memory(facts), name)[1] == f"waits for {expected}"


def test_figure_when_it_divides_by_nothing_says_so() -> None:
    memory = _memory({"requests_per_month": 0})
    assert waits_for(memory, "prompt_price_per_request") == ()
    shown = show_figure(KNOWLEDGE, memory, "prompt_price_per_request")[1]
    assert shown == "$0/month / 0 requests per month = unknown (nothing can be divided by 0)"


@pytest.mark.parametrize("name", ["prompt_accuracy", "payback_months", "method"])
def test_known_name_when_asked_waits_for_nothing(name: str) -> None:
    assert waits_for(CLAIMS, name) == ()


NAMES: dict[str, tuple[str, Any, str]] = {
    "a quantity": ("requests_per_month", 200_000.0, "200,000 requests/month"),
    "an amount": ("lora_row", 32_500.0, "$32,500"),
    "a figure that is never reached": ("payback_months", math.inf, "never"),
    "a fact nobody gave": ("budget", None, "unknown"),
    "yes or no": ("is_prototype", False, "no"),
    "a choice by its label": ("task", "classification", "sorting inputs into classes"),
    "a conclusion by its label": ("recommendation", "lora", "LoRA"),
    "a second conclusion of a decision": ("framework_reason", "team", "the team (question 2)"),
    "several conclusions": (
        "cautions",
        ("thin_margin", "table_price"),
        "the margin is thin, prices are the source's, not yours",
    ),
    "no conclusions": ("cautions", (), "none"),
}


@pytest.mark.parametrize(("name", "value", "expected"), NAMES.values(), ids=NAMES)
def test_value_of_a_name_when_shown_has_its_unit_or_label(name: str, value: Any, expected: str) -> None:
    assert show_name(KNOWLEDGE, name, value) == expected


def test_choice_when_it_has_no_label_is_shown_in_words() -> None:
    assert label(KNOWLEDGE, "no_such_name", "some_thing") == "some thing"


CONDITIONS = {
    "q1-low-volume": "requests a month within 12 months is below 50,000 requests/month",
    "q2-no-team": "“in-house ML or data engineering” is no",
    "scale-from-50k": (
        "requests a month within 12 months is at least 50,000 requests/month and below 100,000 requests/month"
    ),
    "economics-never": "payback of the fine-tuning that fits is never reached",
}


@pytest.mark.parametrize(("rule", "expected"), CONDITIONS.items(), ids=CONDITIONS)
def test_condition_of_a_rule_when_put_into_english_reads_as_written(rule: str, expected: str) -> None:
    row = next(row for row in ROWS if row.id == rule)
    assert condition_in_english(KNOWLEDGE, row.when) == expected


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_condition_of_any_rule_when_put_into_english_has_no_code_in_it(row: Any) -> None:
    text = condition_in_english(KNOWLEDGE, row.when)
    assert not re.search(r"[_=<>]|\b(None|True|False)\b", text)
    assert text.count("(") == text.count(")")


@pytest.mark.parametrize("name", KNOWLEDGE.quantities)
def test_any_formula_when_put_into_english_has_no_code_in_it(name: str) -> None:
    assert not re.search(r"[_=<>*]|\b(None|True|False|first_known)\b", formula_in_english(KNOWLEDGE, name))


# Any case.


def _values(fact: FactDeclaration) -> st.SearchStrategy[object]:
    if fact.type == "yes/no":
        return st.booleans()
    if fact.choices is not None:
        return st.sampled_from(list(fact.choices))
    if fact.unit == "fraction":
        return st.integers(0, 100).map(lambda percent: percent / 100)
    if fact.unit == "USD/request":
        return st.integers(0, 1_000).map(lambda mills: mills / 1_000)
    least = 1 if fact.above is not None else 0
    most = {"month": 60, "week": 60, "cycle/year": 12, "example": 5_000, "request/month": 2_000_000}
    return st.integers(least, most.get(fact.unit or "", 200_000))


def _given(fact: FactDeclaration) -> st.SearchStrategy[object]:
    origins = st.sampled_from(["answered", "measured", "assumed"])
    return st.builds(lambda value, origin: {"value": value, "origin": origin}, _values(fact), origins)


def _conclusions() -> st.SearchStrategy[dict[str, Value]]:
    options: dict[str, st.SearchStrategy[Value]] = {}
    for name, symbol in KNOWLEDGE.scope.symbols.items():
        if symbol.kind == "conclusion" and isinstance(symbol.type, ChoiceType):
            options[name] = st.sampled_from(symbol.type.values)
        elif symbol.kind == "conclusion" and isinstance(symbol.type, TruthType):
            options[name] = st.booleans()
    return st.fixed_dictionaries({}, optional=options)


CASES = st.builds(
    _memory,
    st.fixed_dictionaries({}, optional={name: _given(fact) for name, fact in KNOWLEDGE.facts.items()}),
    _conclusions(),
)


class _ExactWords(_KnowledgeWords):
    """Every number with all its digits and no unit, so that the arithmetic can be computed again."""

    def show(self, value: Value, unit: str | None) -> str:
        if not isinstance(value, float):
            return super().show(value, unit)
        if math.isinf(value):
            return "never"
        return f"−F({-value!r})" if value < 0 else f"F({value!r})"

    def bare(self, value: float, unit: str | None) -> str:
        return self.show(value, unit)

    def after_group(self, unit: str | None) -> str:
        # Not empty where the real one is not, so that the same terms are grouped.
        return " " if super().after_group(unit) else ""


def _computed(expression: str) -> float:
    text = expression.replace("×", "*").replace("−", "-")
    names = {"__builtins__": {}, "F": Fraction, "min": min, "max": max, "never": math.inf}
    return float(eval(text, names))  # noqa: S307


@settings(max_examples=200, deadline=None)
@given(CASES)
def test_every_figure_of_any_case_when_computed_from_what_is_shown_gives_its_value(memory: WorkingMemory) -> None:
    known = Known(memory.values, memory.origins, KNOWLEDGE.tables)
    for name in KNOWLEDGE.figures:
        value = memory.values[name]
        if isinstance(value, float):
            formula = KNOWLEDGE.quantities[name].formula
            expression = worked(formula, known, _ExactWords(KNOWLEDGE), name=name).expression
            assert _computed(expression) == pytest.approx(value, rel=1e-6, abs=1e-6), (name, expression)


@settings(max_examples=200, deadline=None)
@given(CASES)
def test_every_quantity_of_any_case_when_shown_ends_in_its_value_or_says_what_it_waits_for(
    memory: WorkingMemory,
) -> None:
    for name in KNOWLEDGE.quantities:
        value, shown = memory.values[name], show_figure(KNOWLEDGE, memory, name)[1]
        result = show_name(KNOWLEDGE, name, value)
        if value is not None:
            assert re.sub(r" \([^=]*\)$", "", shown).rpartition(" = ")[2] == result, name
        elif waits_for(memory, name):
            assert shown.startswith("waits for "), name
        else:
            assert shown.endswith("= unknown (nothing can be divided by 0)"), name


@settings(max_examples=100, deadline=None)
@given(CASES)
def test_what_any_figure_waits_for_when_it_is_a_fact_is_unknown_and_upstream_of_it(memory: WorkingMemory) -> None:
    for name in KNOWLEDGE.figures:
        for waited in waits_for(memory, name):
            assert memory.values[waited] is None
            assert waited not in KNOWLEDGE.facts or waited in KNOWLEDGE.upstream(name)
