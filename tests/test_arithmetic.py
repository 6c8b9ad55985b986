from __future__ import annotations

import math
from fractions import Fraction
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.language.arithmetic import Known, open_names, reasons, substitution, worked
from engine.language.evaluate import Value, compile_plain
from engine.language.nodes import (
    And,
    Arithmetic,
    Call,
    Comparison,
    Conditional,
    Name,
    Negative,
    Node,
    Number,
    State,
    Truth,
    names_in,
    walk,
)
from tests.sample_words import SCOPE, TABLES, SampleWords, condition, formula

WORDS = SampleWords()
NEVER = math.inf


def _known(**values: Value) -> Known:
    everything: dict[str, Value] = {**dict.fromkeys(SCOPE.symbols), **values}
    return Known(everything, {name: "answered" for name, value in values.items() if value is not None}, TABLES)


def _shown(text: str, name: str, **values: Value) -> str:
    known = _known(**values)
    node = formula(text, name)
    return substitution(node, known, WORDS, name=name, value=known.value(node))


SHOWN: dict[str, tuple[str, str, dict[str, Value], str]] = {
    # Sums, products and what is grouped
    "a difference": (
        "upfront - budget",
        "budget",
        {"upfront": 80_000.0, "budget": 45_000.0},
        "$80,000 − $45,000 = $35,000",
    ),
    "a unit that a group shares is written once": (
        "(upfront - budget) / (bill - saved)",
        "payback",
        {"upfront": 80_000.0, "budget": 45_000.0, "bill": 1_200.0, "saved": 590.0},
        "($80,000 − $45,000) / ($1,200 − $590) per month = 57.4 months",
    ),
    "a sum of its own keeps every unit": (
        "bill - saved",
        "saved",
        {"bill": 1_200.0, "saved": 590.0},
        "$1,200/month − $590/month = $610/month",
    ),
    "a group with a product in it keeps every unit": (
        "(bill + saved * accuracy) * horizon",
        "budget",
        {"bill": 100.0, "saved": 50.0, "accuracy": 0.5, "horizon": 12.0},
        "($100/month + $50/month × 50 %) × 12 months = $1,500",
    ),
    "a group of shares keeps its percents": (
        "volume * (accuracy - 0.82)",
        "volume",
        {"volume": 200_000.0, "accuracy": 0.94},
        "200,000 requests/month × (94 % − 82 %) = 24,000 requests/month",
    ),
    "a literal takes the unit of what it is added to": (
        "volume * (1 - accuracy)",
        "volume",
        {"volume": 1_000.0, "accuracy": 0.75},
        "1,000 requests/month × (100 % − 75 %) = 250 requests/month",
    ),
    "a factor has no unit": (
        "budget / (2 * horizon)",
        "saved",
        {"budget": 1_200.0, "horizon": 12.0},
        "$1,200 / (2 × 12 months) = $50/month",
    ),
    "a divisor has no second stroke": (
        "budget / saved",
        "payback",
        {"budget": 35_000.0, "saved": 3_598_860.0},
        "$35,000 / $3,598,860 per month = 0.0097 months",
    ),
    "one as a divisor is still one": (
        "bill / volume",
        "price",
        {"bill": 3.0, "volume": 1.0},
        "$3/month / 1 request per month = $3/request",
    ),
    "a negative number after a sign is grouped": (
        "bill - saved",
        "saved",
        {"bill": 10.0, "saved": -15.0},
        "$10/month − (−$15/month) = $25/month",
    ),
    "a negative number in front is not": (
        "saved + bill",
        "saved",
        {"bill": 10.0, "saved": -15.0},
        "−$15/month + $10/month = −$5/month",
    ),
    "a negative number in a group is grouped once": (
        "(bill - saved) * horizon",
        "budget",
        {"bill": 10.0, "saved": -15.0, "horizon": 2.0},
        "($10 − (−$15)) per month × 2 months = $50",
    ),
    "a negative name": ("-budget", "budget", {"budget": 5.0}, "−budget = −$5"),
    "a negative of a negative": ("-budget", "budget", {"budget": -5.0}, "−budget = −(−$5) = $5"),
    "a negative sum": ("-(budget + 5)", "budget", {"budget": 5.0}, "−($5 + $5) = −$10"),
    "never in a group keeps it from being shortened": (
        "(payback - horizon) * saved",
        "budget",
        {"payback": NEVER, "horizon": 12.0, "saved": 5.0},
        "(never − 12 months) × $5/month = never",
    ),
    "parentheses that change nothing go": (
        "budget + (upfront + 5)",
        "budget",
        {"budget": 1.0, "upfront": 2.0},
        "$1 + $2 + $5 = $8",
    ),
    "parentheses that matter stay": (
        "budget - (upfront - 5)",
        "budget",
        {"budget": 1.0, "upfront": 2.0},
        "$1 − ($2 − $5) = $4",
    ),
    # Alternatives
    "a name is called by its title": (
        "upfront if team else budget",
        "budget",
        {"upfront": 5.0, "team": True},
        "upfront cost = $5",
    ),
    "the alternative that was taken is shown alone": (
        "budget + upfront if team else budget * 2",
        "budget",
        {"upfront": 5.0, "budget": 4.0, "team": False},
        "$4 × 2 = $8",
    ),
    "a constant says why": (
        "never if saved <= 0 else budget / saved",
        "payback",
        {"saved": -15.0, "budget": 5.0},
        "never (saved on requests is −$15/month, not above $0/month)",
    ),
    "a constant in a sum says why at the end": (
        "budget + (5 if critical else 0)",
        "budget",
        {"budget": 10.0, "critical": False},
        "$10 + $0 = $10 (“accuracy is critical” is no)",
    ),
    "a last resort says what failed": (
        "budget if critical else upfront if saved > 0 else 0",
        "budget",
        {"critical": False, "saved": -1.0},
        "$0 (“accuracy is critical” is no; and saved on requests is −$1/month, not above $0/month)",
    ),
    "an alternative that does not matter is not waited for": (
        "5 if team else 5",
        "budget",
        {},
        "$5",
    ),
    "a choice": (
        "lora if team else few_shot",
        "method",
        {"team": True},
        "LoRA (“in-house ML or data engineering” is yes)",
    ),
    "a choice that was taken over": (
        "other_method if team else few_shot",
        "method",
        {"team": True, "other_method": "mixed"},
        "“Which fine-tuning came second” = prompts and LoRA",
    ),
    "a truth": (
        "budget >= 100",
        "critical",
        {"budget": 90.0},
        "no (budget is $90, below $100)",
    ),
    "a truth without a reason": ("true or budget > 5", "critical", {}, "yes"),
    "a default that is a number": ("12", "horizon", {}, "12 months"),
    "a default that is unknown": ("unknown", "budget", {}, "unknown"),
    # Functions
    "the smaller": (
        "min(horizon, payback)",
        "horizon",
        {"horizon": 12.0, "payback": 6.0},
        "min(12 months, 6 months) = 6 months",
    ),
    "the larger of a sum and a number": (
        "max(budget - upfront, 0)",
        "budget",
        {"budget": 1.0, "upfront": 2.0},
        "max($1 − $2, $0) = $0",
    ),
    "the first known": (
        "first_known(budget, upfront + 1)",
        "budget",
        {"upfront": 2.0},
        "$2 + $1 = $3",
    ),
    # Tables
    "between rows": (
        "bill_at(volume)",
        "bill",
        {"volume": 1_500.0},
        (
            "the bill of the table at 1,500 requests/month"
            " = $100 + (1,500 − 1,000) / (2,000 − 1,000) × ($180 − $100) = $140/month"
        ),
    ),
    "at a row": (
        "bill_at(volume)",
        "bill",
        {"volume": 2_000.0},
        "the bill of the table at 2,000 requests/month = $180/month (a row of the table)",
    ),
    "below the rows in proportion": (
        "bill_at(volume)",
        "bill",
        {"volume": 500.0},
        (
            "the bill of the table at 500 requests/month = 500 / 1,000 × $100 = $50/month"
            " (below 1,000 requests/month in proportion to the first row)"
        ),
    ),
    "above the rows in proportion": (
        "bill_at(volume)",
        "bill",
        {"volume": 20_000.0},
        (
            "the bill of the table at 20,000 requests/month = 20,000 / 10,000 × $500 = $1,000/month"
            " (above 10,000 requests/month in proportion to the last row)"
        ),
    ),
    "below the rows held": (
        "toll_at(volume)",
        "budget",
        {"volume": 500.0},
        "the toll of the table at 500 requests/month = $45 (below 1,000 requests/month the first row holds)",
    ),
    "above the rows held": (
        "toll_at(volume)",
        "budget",
        {"volume": 5_000.0},
        "the toll of the table at 5,000 requests/month = $90 (above 2,000 requests/month the last row holds)",
    ),
    "falling below zero": (
        "fall_at(horizon)",
        "budget",
        {"horizon": 9.0},
        "the falling toll at 9 months = $50 + (9 − 6) / (12 − 6) × (−$10 − $50) = $20",
    ),
    "at a sum": (
        "bill_at(volume - 500)",
        "bill",
        {"volume": 1_500.0},
        (
            "the bill of the table at 1,000 requests/month (1,500 requests/month − 500 requests/month)"
            " = $100/month (a row of the table)"
        ),
    ),
    "inside a sum": (
        "bill - bill_at(volume)",
        "saved",
        {"volume": 1_000.0, "bill": 150.0},
        "$150/month − $100/month = $50/month ($100/month is the bill of the table at 1,000 requests/month)",
    ),
    # What has no value
    "one unknown": ("budget - upfront", "budget", {"budget": 5.0}, "waits for upfront cost"),
    "two unknown, each named once": (
        "(budget - upfront) / (budget - 5)",
        "horizon",
        {},
        "waits for budget, upfront cost",
    ),
    "an unknown condition": ("0 if critical else budget", "budget", {}, "waits for “accuracy is critical”"),
    "an unknown that was not reached is not waited for": (
        "budget if price is known else upfront",
        "budget",
        {},
        "waits for upfront cost",
    ),
    "a division by nothing": (
        "budget / (bill - saved)",
        "payback",
        {"budget": 5.0, "bill": 3.0, "saved": 3.0},
        "$5 / ($3 − $3) per month = unknown (nothing can be divided by 0)",
    ),
    "never less never": ("payback - payback", "payback", {"payback": NEVER}, "never − never = unknown"),
}


@pytest.mark.parametrize(("text", "name", "values", "expected"), SHOWN.values(), ids=SHOWN)
def test_formula_when_its_numbers_are_put_in_shows_how_it_was_computed(
    text: str, name: str, values: dict[str, Value], expected: str
) -> None:
    assert _shown(text, name, **values) == expected


REASONS: dict[str, tuple[str, bool, dict[str, Value], list[str]]] = {
    "below": ("saved < 0", True, {"saved": -1.0}, ["saved on requests is −$1/month, below $0/month"]),
    "not below": ("saved < 0", False, {"saved": 1.0}, ["saved on requests is $1/month, not below $0/month"]),
    "equal": ("saved == 0", True, {"saved": 0.0}, ["saved on requests is $0/month"]),
    "unequal": ("saved == 0", False, {"saved": 1.0}, ["saved on requests is $1/month, not $0/month"]),
    "from the other side": ("0 < saved", True, {"saved": 1.0}, ["saved on requests is $1/month, above $0/month"]),
    "against a name": (
        "payback > horizon",
        True,
        {"payback": NEVER, "horizon": 12.0},
        ["payback is never, above months counted (12 months)"],
    ),
    "the same as a name": (
        "payback == horizon",
        True,
        {"payback": 12.0, "horizon": 12.0},
        ["payback is 12 months, the same as months counted (12 months)"],
    ),
    "never": ("payback == never", True, {"payback": NEVER}, ["payback is never"]),
    "a choice": ("method == lora", False, {"method": "mixed"}, ["“Which fine-tuning fits” is “prompts and LoRA”"]),
    "membership": (
        "method in [lora, few_shot]",
        True,
        {"method": "lora"},
        ["“Which fine-tuning fits” is “LoRA”"],
    ),
    "a state": ("budget is known", False, {}, ["budget is not known"]),
    "all that hold": (
        "critical and not team",
        True,
        {"critical": True, "team": False},
        ["“accuracy is critical” is yes", "“in-house ML or data engineering” is no"],
    ),
    "the one that failed": (
        "critical and team",
        False,
        {"critical": True, "team": False},
        ["“in-house ML or data engineering” is no"],
    ),
    "what holds whatever else is unknown": (
        "critical or team",
        True,
        {"team": True},
        ["“in-house ML or data engineering” is yes"],
    ),
    "nothing to say of a bare truth": ("true", True, {}, []),
}


@pytest.mark.parametrize(("text", "holds", "values", "expected"), REASONS.values(), ids=REASONS)
def test_condition_when_its_truth_is_known_gives_the_reason(
    text: str, holds: bool, values: dict[str, Value], expected: list[str]
) -> None:
    assert reasons(condition(text), _known(**values), WORDS, holds=holds) == expected


OPEN: dict[str, tuple[str, dict[str, Value], tuple[str, ...]]] = {
    "nothing where the value is known": ("budget", {"budget": 1.0}, ()),
    "nothing where it cannot be": ("budget / 0", {"budget": 1.0}, ()),
    "all that is missing": ("budget - upfront", {}, ("budget", "upfront")),
    "only the branch that was taken": ("upfront if team else budget", {"team": True}, ("upfront",)),
    "the test before the branches": ("upfront if team else budget", {}, ("team",)),
    "only what is open of a test": ("1 if team and critical else 0", {"team": True}, ("critical",)),
    "every alternative of the first known": ("first_known(budget, upfront)", {}, ("budget", "upfront")),
}


@pytest.mark.parametrize(("text", "values", "expected"), OPEN.values(), ids=OPEN)
def test_unknown_names_when_they_keep_a_value_open_are_found(
    text: str, values: dict[str, Value], expected: tuple[str, ...]
) -> None:
    assert open_names(formula(text, "budget"), _known(**values)) == expected


# The shown arithmetic is right: written with every digit, it computes to the value.


class _ExactWords(SampleWords):
    """Every number with all its digits and no unit, so that the arithmetic can be computed again."""

    def show(self, value: Value, unit: str | None) -> str:
        if not isinstance(value, float):
            return super().show(value, unit)
        return f"−F({-value!r})" if value < 0 else f"F({value!r})"

    def bare(self, value: float, unit: str | None) -> str:
        return self.show(value, unit)

    def after_group(self, unit: str | None) -> str:
        # Not empty, so that groups are written as those with a unit of their own.
        return " " if unit else ""


def _computed(expression: str) -> Fraction:
    text = expression.replace("×", "*").replace("−", "-")
    return Fraction(eval(text, {"__builtins__": {}, "F": Fraction, "min": min, "max": max}))  # noqa: S307


def _exactly(node: Node) -> Node:
    """The same expression over fractions, which the plain evaluator computes without rounding."""
    match node:
        case Number(value=value):
            return Number(cast("float", Fraction(value)))
        case Negative(operand=operand):
            return Negative(_exactly(operand))
        case Arithmetic(operator=operator, left=left, right=right):
            return Arithmetic(operator, _exactly(left), _exactly(right))
        case Conditional(test=test, then=then, otherwise=otherwise):
            return Conditional(test, _exactly(then), _exactly(otherwise))
        case Call(function=function, arguments=arguments):
            return Call(function, tuple(_exactly(argument) for argument in arguments))
        case _:
            return node


MONEY = ("budget", "upfront")


def _numbers() -> st.SearchStrategy[Node]:
    literal = st.integers(-9, 9).map(lambda n: Number(float(n)))
    leaf = st.one_of(literal, st.sampled_from((*MONEY, "saved", "bill")).map(Name))
    test = st.one_of(
        st.builds(Comparison, st.sampled_from(["<", ">="]), st.sampled_from(MONEY).map(Name), literal),
        st.builds(State, st.sampled_from(MONEY), st.just("known"), st.booleans()),
        st.booleans().map(Truth),
    )
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            inner.map(Negative),
            st.builds(Arithmetic, st.sampled_from("+-*/"), inner, inner),
            st.builds(Conditional, st.one_of(test, st.builds(lambda a, b: And((a, b)), test, test)), inner, inner),
            st.builds(lambda f, a, b: Call(f, (a, b)), st.sampled_from(["min", "max", "first_known"]), inner, inner),
        ),
        max_leaves=10,
    )


@given(_numbers(), st.tuples(*[st.integers(-20, 20)] * 4))
def test_shown_expression_when_computed_again_gives_the_value(node: Node, numbers: tuple[int, ...]) -> None:
    names = (*MONEY, "saved", "bill")
    known = _known(**{name: float(number) for name, number in zip(names, numbers, strict=True)})
    fractions = {name: cast("float", Fraction(number)) for name, number in zip(names, numbers, strict=True)}
    exact = compile_plain(_exactly(node), {})({**known.values, **fractions}, known.origins)
    expression = worked(node, known, _ExactWords(), name="budget").expression
    if exact is None:
        with pytest.raises(ZeroDivisionError):
            _computed(expression)
    else:
        assert _computed(expression) == exact


@given(st.floats(0, 20_000), st.sampled_from(["bill_at", "toll_at"]))
def test_table_when_its_rows_are_shown_computes_to_its_value(at: float, table: str) -> None:
    node = Call(table, (Name("volume"),))
    known = _known(volume=at)
    expression = worked(node, known, _ExactWords(), name="budget").expression
    assert float(_computed(expression)) == pytest.approx(known.value(node), rel=1e-12, abs=1e-12)


@given(_numbers(), st.sets(st.sampled_from((*MONEY, "saved", "bill"))))
def test_unknown_names_when_made_known_let_the_value_be_computed(node: Node, given_names: set[str]) -> None:
    known = _known(**dict.fromkeys(sorted(given_names), 7.0))
    for _ in range(len(MONEY) + 3):
        missing = open_names(node, known)
        assert set(missing) <= names_in(node) - {name for name, value in known.values.items() if value is not None}
        if not missing:
            break
        known = _known(**{**{k: v for k, v in known.values.items() if v is not None}, **dict.fromkeys(missing, 7.0)})
    divides = any(isinstance(part, Arithmetic) and part.operator == "/" for part in walk(node))
    assert known.value(node) is not None or divides
