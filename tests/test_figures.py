from __future__ import annotations

import inspect
import math
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from engine.costs import WorkingMemory, working_memory
from engine.language.evaluate import Value
from tests.cases import Answers, answers, case, decided, knowledge
from tests.reference_costs import NEVER, CloseCall, Costs, Exact

#: Facts that cost formulas read and whose default is a formula or table row of its own.
COMPUTED_FACTS = (
    *("prompt_upfront", "fine_tuning_upfront", "hybrid_upfront", "hosting_per_month", "prompt_monitoring_per_month"),
    *("fine_tuned_monitoring_per_month", "retraining_per_cycle", "retraining_cycles_per_year"),
)
OF_THE_METHOD = (
    *("method_net_benefit", "method_investment", "method_payback_months", "method_evidenced_net_benefit"),
)
slow = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def figures_of(**values: object) -> dict[str, Value]:
    """Every figure of a case of the built-in base, the method's included."""
    return decided(case(**values)).memory.values


def agrees(found: Value, expected: Exact | float | None) -> bool:
    """Whether a figure of the engine is that of the reference, as nearly as rounding lets it be."""
    if expected is None or found is None:
        return found is expected
    assert isinstance(found, float)
    if not isinstance(expected, Exact):
        return found == expected
    return math.isfinite(found) and abs(Fraction(found) - expected.value) <= expected.slack + expected.size / 10**15


def differing(costs: Costs, memory: WorkingMemory, names: tuple[str, ...]) -> list[str]:
    """The figures that differ from the reference; those on the edge of two outcomes are left out."""
    found: list[str] = []
    for name in names:
        try:
            expected = costs.figure(name)
        except CloseCall:
            continue
        if not agrees(memory.values[name], expected):
            found.append(f"{name}: the engine has {memory.values[name]}, the reference {_shown(expected)}")
    return found


def _shown(expected: Exact | float | None) -> str:
    return str(float(expected.value)) if isinstance(expected, Exact) else str(expected)


def test_reference_when_compared_with_the_base_knows_every_figure() -> None:
    methods = {name for name, _ in inspect.getmembers(Costs, inspect.isfunction)}
    assert set(knowledge().figures) <= methods


@slow
@given(answers(complete=False))
def test_figures_when_facts_are_given_at_random_are_those_of_the_reference(drawn: Answers) -> None:
    memory = working_memory(knowledge(), drawn.case)
    names = tuple(name for name in (*COMPUTED_FACTS, *knowledge().figures) if name not in OF_THE_METHOD)
    assert differing(Costs(drawn.values, drawn.evidenced), memory, names) == []


@slow
@given(answers(complete=True))
def test_figures_when_every_question_is_answered_are_those_of_the_reference(drawn: Answers) -> None:
    memory = working_memory(knowledge(), drawn.case)
    names = tuple(name for name in (*COMPUTED_FACTS, *knowledge().figures) if name not in OF_THE_METHOD)
    assert differing(Costs(drawn.values, drawn.evidenced), memory, names) == []


@slow
@given(answers(complete=True))
def test_figures_of_the_method_when_it_is_concluded_are_those_of_the_reference(drawn: Answers) -> None:
    memory = decided(drawn.case).memory
    method = memory.values["method"]
    assert isinstance(method, str)
    assert differing(Costs(drawn.values, drawn.evidenced, method), memory, OF_THE_METHOD) == []
