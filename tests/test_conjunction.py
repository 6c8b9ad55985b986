from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.language.conjunction import Conjunction, Word, asked, conjoined, literals, product, simplified
from engine.language.evaluate import COMPARE, Value
from engine.language.normal import Native

DOMAINS: dict[str, frozenset[Word]] = {
    "kind": frozenset({"red", "green", "blue"}),
    "size": frozenset({"small", "large"}),
    "ready": frozenset({True, False}),
}
NUMBERS = ("x", "y")
LIMITS = (-math.inf, -1.0, 0.0, 0.5, 3.0, math.inf)
VALUES = (-math.inf, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 4.0, math.inf)


def holds(literal: Native, values: Mapping[str, Value]) -> bool | None:
    """The literal by definition."""
    value = values[literal.name]
    return None if value is None else COMPARE[literal.operator](value, literal.constant)  # type: ignore[arg-type]


def every(part: Sequence[Native], values: Mapping[str, Value]) -> bool:
    """Whether all are known to hold."""
    return all(holds(literal, values) is True for literal in part)


def is_met(conjunction: Conjunction, values: Mapping[str, Value]) -> bool:
    """Whether the comparisons that a conjunction is written as are all known to hold."""
    return every([one for name, allowed in conjunction.items() for one in literals(name, allowed)], values)


def folded(part: Sequence[Native]) -> list[Conjunction]:
    """The conjunction of the literals; none where they exclude each other."""
    found: Conjunction | None = {}
    for literal in part:
        allowed = asked(literal, DOMAINS.get(literal.name))
        found = None if found is None or allowed is None else conjoined(found, {literal.name: allowed})
    return [] if found is None else [found]


WORDS = st.sampled_from(sorted(DOMAINS)).flatmap(
    lambda name: st.builds(Native, st.just(name), st.sampled_from(("==", "!=")), st.sampled_from(sorted(DOMAINS[name])))
)
LITERALS = WORDS | st.builds(
    Native, st.sampled_from(NUMBERS), st.sampled_from(sorted(COMPARE)), st.sampled_from(LIMITS)
)
PARTS = st.lists(LITERALS, max_size=4)
POINTS = st.fixed_dictionaries(
    {name: st.sampled_from([None, *sorted(domain)]) for name, domain in DOMAINS.items()}
    | {name: st.sampled_from([None, *VALUES]) for name in NUMBERS}
)


@given(PARTS, POINTS)
def test_conjunction_when_folded_is_known_to_hold_exactly_where_its_literals_are(
    part: list[Native], values: dict[str, Value]
) -> None:
    assert any(is_met(conjunction, values) for conjunction in folded(part)) == every(part, values)


@given(st.lists(PARTS, max_size=5), POINTS)
def test_alternatives_when_simplified_hold_exactly_where_one_of_them_does(
    parts: list[list[Native]], values: dict[str, Value]
) -> None:
    found = simplified([conjunction for part in parts for conjunction in folded(part)])
    assert any(is_met(conjunction, values) for conjunction in found) == any(every(part, values) for part in parts)


@given(st.lists(PARTS, max_size=3), st.lists(PARTS, max_size=3), POINTS)
def test_product_when_both_sides_hold_holds(
    one: list[list[Native]], other: list[list[Native]], values: dict[str, Value]
) -> None:
    left, right = ([conjunction for part in parts for conjunction in folded(part)] for parts in (one, other))
    expected = any(every(part, values) for part in one) and any(every(part, values) for part in other)
    assert any(is_met(conjunction, values) for conjunction in product(left, right)) == expected


EXCLUDING = {
    "two words of one name": [Native("kind", "==", "red"), Native("kind", "==", "green")],
    "every word excluded": [Native("size", "!=", "small"), Native("size", "!=", "large")],
    "a truth both ways": [Native("ready", "==", True), Native("ready", "==", False)],
    "below and above": [Native("x", "<", 1.0), Native("x", ">", 1.0)],
    "an end that is excluded": [Native("x", ">=", 1.0), Native("x", "<=", 1.0), Native("x", "!=", 1.0)],
    "more than never": [Native("x", ">", math.inf)],
}


@pytest.mark.parametrize("part", EXCLUDING.values(), ids=EXCLUDING)
def test_conjunction_when_its_literals_exclude_each_other_is_none(part: list[Native]) -> None:
    assert folded(part) == []


def test_alternatives_when_they_differ_in_one_word_become_one_comparison() -> None:
    either = simplified([*folded([Native("kind", "==", "red")]), *folded([Native("kind", "==", "blue")])])
    assert [literals("kind", conjunction["kind"]) for conjunction in either] == [[Native("kind", "!=", "green")]]


def test_alternative_when_another_covers_it_is_left_out() -> None:
    wide, narrow = [Native("x", ">", 0.0)], [Native("x", ">", 3.0), Native("ready", "==", True)]
    assert simplified([*folded(narrow), *folded(wide)]) == folded(wide)


def test_name_when_it_may_be_anything_is_still_asked_to_be_known() -> None:
    anything = [Native("size", "==", "small"), Native("size", "==", "large")]
    (either,) = simplified([conjunction for literal in anything for conjunction in folded([literal])])
    assert is_met(either, {"size": "small"})
    assert not is_met(either, {"size": None})
