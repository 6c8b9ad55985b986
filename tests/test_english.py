from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.language.english import affirmed, english, formula_in_words, joined, unit_of
from engine.language.evaluate import Value, compile_plain
from engine.language.nodes import (
    STATES,
    And,
    Arithmetic,
    Comparison,
    Conditional,
    Membership,
    Name,
    Node,
    Not,
    Number,
    Or,
    State,
    Text,
    Truth,
    walk,
)
from engine.language.parse import parse
from tests.sample_words import SCOPE, SampleWords, condition, formula

WORDS = SampleWords()

CONDITIONS = {
    # Comparisons
    "volume < 50_000": "requests a month is below 50,000 requests/month",
    "volume <= 1": "requests a month is at most 1 request/month",
    "budget > 0": "budget is above $0",
    "accuracy >= 0.85": "accuracy is at least 85 %",
    "payback == 12": "payback is 12 months",
    "payback != 12": "payback is not 12 months",
    "50_000 <= volume": "requests a month is at least 50,000 requests/month",
    "payback <= horizon": "payback is at most months counted",
    "volume > 2 * volume": "requests a month is above 2 × requests a month",
    "saved < 0.1 * (bill - 5)": "saved on requests is below 0.1 × (monthly bill − $5/month)",
    "bill - upkeep > 100": "monthly bill − upkeep, monitoring and hosting is above $100/month",
    "bill_at(volume) > 100": "the bill of the table at requests a month is above $100/month",
    "bill > bill_at(2 * volume)": "monthly bill is above the bill of the table at (2 × requests a month)",
    "payback < min(horizon, 24)": "payback is below the smaller of months counted and 24 months",
    "payback > -1": "payback is above −1 month",
    # A moment that does not come
    "payback == never": "payback is never reached",
    "payback >= never": "payback is never reached",
    "payback != never": "payback is reached at some point",
    "payback < never": "payback is reached at some point",
    "payback > horizon and payback != never": "payback is above months counted and is reached at some point",
    # Yes and no
    "critical": "“accuracy is critical” is yes",
    "not critical": "“accuracy is critical” is no",
    "critical == true": "“accuracy is critical” is yes",
    "critical != true": "“accuracy is critical” is no",
    "critical == false": "“accuracy is critical” is no",
    "critical == team": "“accuracy is critical” is the same as “in-house ML or data engineering”",
    "critical in [true]": "“accuracy is critical” is yes",
    "true": "there is no condition",
    "not true": "it can never hold",
    # Choices
    "method == lora": "“Which fine-tuning fits” is “LoRA”",
    "method != lora": "“Which fine-tuning fits” is not “LoRA”",
    "method == other_method": "“Which fine-tuning fits” is the same as “Which fine-tuning came second”",
    "method != other_method": "“Which fine-tuning fits” differs from “Which fine-tuning came second”",
    "method in [lora]": "“Which fine-tuning fits” is “LoRA”",
    "method not in [lora]": "“Which fine-tuning fits” is not “LoRA”",
    "method in [lora, mixed]": "“Which fine-tuning fits” is “LoRA” or “prompts and LoRA”",
    "method not in [lora, mixed]": "“Which fine-tuning fits” is neither “LoRA” nor “prompts and LoRA”",
    "task in [tagging, writing, other]": (
        "“task” is one of “attaching labels”, “writing text” or “something else, or nothing”"
    ),
    "task not in [tagging, writing, other]": (
        "“task” is none of “attaching labels”, “writing text” or “something else, or nothing”"
    ),
    "horizon in [12, 24, 36]": "months counted is one of 12 months, 24 months or 36 months",
    # States
    "budget is unknown": "budget is not known",
    "budget is not unknown": "budget is known",
    "budget is known": "budget is known",
    "not budget is known": "budget is not known",
    "price is given": "price of a request was given",
    "price is answered": "price of a request was answered",
    "price is not assumed": "price of a request was not assumed",
    "price is measured": "price of a request was measured",
    "critical is computed": "“accuracy is critical” was computed",
    # What is said of one thing is said together
    "0.80 <= accuracy <= 0.90": "accuracy is between 80 % and 90 %",
    "accuracy <= 0.90 and accuracy >= 0.80": "accuracy is between 80 % and 90 %",
    "3 <= horizon < 6": "months counted is at least 3 months and below 6 months",
    "horizon < 6 and horizon > 3": "months counted is above 3 months and below 6 months",
    "horizon < 3 or horizon > 6": "months counted is below 3 months or is above 6 months",
    "budget is unknown or budget >= 50_000": "budget is not known or is at least $50,000",
    "horizon > 3 and horizon != 6 and horizon != 9": (
        "months counted is above 3 months, is not 6 months and is not 9 months"
    ),
    "accuracy >= 0.80 and budget > 5 and accuracy <= 0.90": (
        "accuracy is at least 80 %, budget is above $5 and accuracy is at most 90 %"
    ),
    # Lists and groups
    "critical and team": "“accuracy is critical” is yes and “in-house ML or data engineering” is yes",
    "critical or budget > 5 or saved > 0": (
        "“accuracy is critical” is yes, budget is above $5 or saved on requests is above $0/month"
    ),
    "critical and budget > 5 or team": (
        "“accuracy is critical” is yes and budget is above $5, or “in-house ML or data engineering” is yes"
    ),
    "critical and budget > 5 and saved > 0 or team": (
        "“accuracy is critical” is yes, budget is above $5 and saved on requests is above $0/month; "
        "or “in-house ML or data engineering” is yes"
    ),
    "critical and budget > 5 or team and saved > 0 or payback < 6": (
        "“accuracy is critical” is yes and budget is above $5; "
        "“in-house ML or data engineering” is yes and saved on requests is above $0/month; "
        "or payback is below 6 months"
    ),
    "critical and (budget > 5 or team)": (
        "“accuracy is critical” is yes and (budget is above $5 or “in-house ML or data engineering” is yes)"
    ),
    "critical and (budget > 5 and (team and saved > 0))": (
        "“accuracy is critical” is yes, budget is above $5, “in-house ML or data engineering” is yes "
        "and saved on requests is above $0/month"
    ),
    "critical and 3 <= horizon < 6": (
        "“accuracy is critical” is yes, and months counted is at least 3 months and below 6 months"
    ),
    "upkeep > 5 and critical": ("upkeep, monitoring and hosting is above $5/month; and “accuracy is critical” is yes"),
    # Negation is said of the parts
    "not budget > 5": "budget is at most $5",
    "not (critical and budget > 5)": "“accuracy is critical” is no or budget is at most $5",
    "not (critical or method in [lora, mixed])": (
        "“accuracy is critical” is no, and “Which fine-tuning fits” is neither “LoRA” nor “prompts and LoRA”"
    ),
    "not (critical and (not team or budget is known))": (
        "“accuracy is critical” is no, or “in-house ML or data engineering” is yes and budget is not known"
    ),
    # Alternatives
    "team if critical else budget > 5": (
        "“in-house ML or data engineering” is yes if “accuracy is critical” is yes, otherwise budget is above $5"
    ),
    "saved > 0 and (team if critical or payback < 6 else budget > 5)": (
        "saved on requests is above $0/month and (“in-house ML or data engineering” is yes "
        "if (“accuracy is critical” is yes or payback is below 6 months), otherwise budget is above $5)"
    ),
    "first_known(critical, team)": (
        "the first known of “accuracy is critical” and “in-house ML or data engineering” is yes"
    ),
}


@pytest.mark.parametrize(("text", "expected"), CONDITIONS.items(), ids=CONDITIONS)
def test_condition_when_put_into_words_reads_as_meant(text: str, expected: str) -> None:
    assert english(condition(text), WORDS) == expected


FORMULAS = {
    ("(upfront - budget) / (bill - saved)", "payback"): "(upfront cost − budget) / (monthly bill − saved on requests)",
    ("upfront - (budget - 5)", "budget"): "upfront cost − (budget − $5)",
    ("upfront - budget + 5", "budget"): "upfront cost − budget + $5",
    ("upfront + (budget + 5)", "budget"): "upfront cost + budget + $5",
    ("budget / (2 * horizon)", "saved"): "budget / (2 × months counted)",
    ("volume * (1 - accuracy)", "volume"): "requests a month × (100 % − accuracy)",
    ("-budget", "budget"): "−budget",
    ("upfront - -budget", "budget"): "upfront cost − (−budget)",
    ("-(upfront - budget)", "budget"): "−(upfront cost − budget)",
    ("0 if saved <= 0 else never", "payback"): "0 months if saved on requests is at most $0/month; otherwise never",
    ("0 if critical and team else never if saved <= 0 else budget / saved", "payback"): (
        "0 months if (“accuracy is critical” is yes and “in-house ML or data engineering” is yes); "
        "never if saved on requests is at most $0/month; otherwise budget / saved on requests"
    ),
    ("(0 if team else 5) if critical else 7", "budget"): (
        "($0 if “in-house ML or data engineering” is yes; otherwise $5) if “accuracy is critical” is yes; otherwise $7"
    ),
    ("budget + (5 if team else 0)", "budget"): (
        "budget + ($5 if “in-house ML or data engineering” is yes; otherwise $0)"
    ),
    ("2 * max(budget, upfront, 5)", "budget"): "2 × (the largest of budget, upfront cost and $5)",
    ("bill_at(volume) - bill_at(volume - 5)", "saved"): (
        "(the bill of the table at requests a month) − (the bill of the table at (requests a month − 5 requests/month))"
    ),
    ("first_known(budget, unknown)", "budget"): "the first known of budget and unknown",
    ("lora", "method"): "LoRA",
    ("true", "critical"): "yes",
    ("budget >= 5", "critical"): "budget is at least $5",
    ("12", "horizon"): "12 months",
}


@pytest.mark.parametrize(("key", "expected"), FORMULAS.items(), ids=[text for text, _ in FORMULAS])
def test_formula_when_put_into_words_has_titles_for_names(key: tuple[str, str], expected: str) -> None:
    text, name = key
    assert formula_in_words(formula(text, name), WORDS, name=name) == expected


LISTS = {
    "one": (["a"], "a"),
    "two": (["a", "b"], "a or b"),
    "three": (["a", "b", "c"], "a, b or c"),
    "two with a word": (["a and b", "c"], "a and b, or c"),
    "three with a word": (["a and b", "c", "d"], "a and b; c; or d"),
    "two with a comma": (["a, b and c", "d"], "a, b and c; or d"),
    "a list of lists is grouped": (["a; b; and c", "d"], "(a; b; and c) or d"),
    "quotes hide what is in them": (["“a and b, c”", "d"], "“a and b, c” or d"),
    "parentheses hide what is in them": (["(a or (b; and c))", "d"], "(a or (b; and c)) or d"),
    "thousands are no list": (["1,000", "2,000"], "1,000 or 2,000"),
    "words inside words are none": (["brand", "order"], "brand or order"),
}


@pytest.mark.parametrize(("parts", "expected"), LISTS.values(), ids=LISTS)
def test_list_when_joined_reads_one_way(parts: list[str], expected: str) -> None:
    assert joined(parts, "or") == expected


UNITS_OF = {
    "budget": "USD",
    "-budget": "USD",
    "5 + budget": "USD",
    "2 * budget": "USD",
    "budget * accuracy": "USD",
    "accuracy * budget": "USD",
    "budget / 2": "USD",
    "2 / budget": None,
    "budget / horizon": None,
    "bill_at(volume)": "USD/month",
    "min(5, budget)": "USD",
    "0 if team else budget": "USD",
    "5": None,
    "critical": None,
}


@pytest.mark.parametrize(("text", "expected"), UNITS_OF.items(), ids=UNITS_OF)
def test_unit_when_it_is_that_of_a_part_is_found(text: str, expected: str | None) -> None:
    assert unit_of(parse(text), SCOPE) == expected


NUMBERS = ("budget", "upfront")
TRUTHS = ("critical", "team")


def _conditions() -> st.SearchStrategy[Node]:
    number = st.one_of(st.sampled_from(NUMBERS).map(Name), st.integers(-2, 2).map(lambda n: Number(float(n))))
    sums = st.builds(Arithmetic, st.sampled_from("+-*"), number, number)
    literal = st.one_of(
        st.sampled_from(TRUTHS).map(Name),
        st.booleans().map(Truth),
        st.builds(Comparison, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), st.one_of(number, sums), number),
        st.builds(
            Membership,
            st.just(Name("method")),
            st.lists(st.sampled_from(["lora", "mixed", "few_shot"]).map(Text), min_size=1, unique=True).map(tuple),
            st.booleans(),
        ),
        st.builds(State, st.sampled_from((*NUMBERS, *TRUTHS)), st.sampled_from(STATES), st.booleans()),
    )
    return st.recursive(
        literal,
        lambda inner: st.one_of(
            inner.map(Not),
            st.lists(inner, min_size=2, max_size=4).map(lambda parts: And(tuple(parts))),
            st.lists(inner, min_size=2, max_size=4).map(lambda parts: Or(tuple(parts))),
            st.builds(Conditional, inner, inner, inner),
        ),
        max_leaves=8,
    )


@given(
    _conditions(),
    st.booleans(),
    st.tuples(*[st.one_of(st.none(), st.integers(-2, 2).map(float))] * 2),
    st.tuples(*[st.one_of(st.none(), st.booleans())] * 2),
    st.sampled_from([None, "lora", "mixed"]),
)
def test_condition_when_affirmed_or_denied_keeps_its_truth(
    node: Node,
    holds: bool,
    numbers: tuple[float | None, ...],
    truths: tuple[bool | None, ...],
    method: str | None,
) -> None:
    values: dict[str, Value] = {
        **dict(zip(NUMBERS, numbers, strict=True)),
        **dict(zip(TRUTHS, truths, strict=True)),
        "method": method,
    }
    origins = {
        name: origin
        for (name, value), origin in zip(values.items(), itertools.cycle(["answered", "measured"]), strict=False)
        if value is not None
    }
    truth = compile_plain(node, {})(values, origins)
    expected = truth if holds or truth is None else not truth
    plain = affirmed(node, holds=holds)
    assert compile_plain(plain, {})(values, origins) == expected
    assert all(isinstance(part.operand, Name) for part in walk(plain) if isinstance(part, Not))


ATOMS = ("budget", "upfront", "saved", "bill", "payback")


def _trees(names: tuple[str, ...]) -> Iterator[Node]:
    """Every way to read the names with "and" and "or" between them."""
    if len(names) == 1:
        yield State(names[0], "known", negated=False)
    for cut in range(1, len(names)):
        for left, right in itertools.product(_trees(names[:cut]), list(_trees(names[cut:]))):
            yield And((left, right))
            yield Or((left, right))


def test_conditions_when_their_words_are_the_same_mean_the_same() -> None:
    cases = [
        {name: "answered" for name, known in zip(ATOMS, row, strict=True) if known}
        for row in itertools.product((False, True), repeat=len(ATOMS))
    ]
    meanings: dict[str, set[tuple[Value, ...]]] = {}
    for tree in _trees(ATOMS):
        evaluate = compile_plain(tree, {})
        meanings.setdefault(english(tree, WORDS), set()).add(tuple(evaluate({}, case) for case in cases))
    assert len(meanings) > 50
    assert [text for text, found in meanings.items() if len(found) > 1] == []


@given(_conditions())
def test_any_condition_when_put_into_words_closes_what_it_opens(node: Node) -> None:
    text = english(node, WORDS)
    assert text == " ".join(text.split())
    assert text.count("(") == text.count(")")
    assert text.count("“") == text.count("”")
    assert "()" not in text
