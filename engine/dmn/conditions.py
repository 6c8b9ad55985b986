"""Tests of a decision table as conditions of the rule language."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from engine.dmn.feel import (
    Against,
    Between,
    Calculation,
    Compared,
    Constant,
    Kind,
    NotTakenError,
    Opposite,
    Reference,
    Term,
    Test,
    Tests,
)

_EQUALITY = {"=": "==", "!=": "!="}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the names of a model are called in conditions, and what their values are."""

    names: Mapping[str, str]
    kinds: Mapping[str, Kind]

    def kind_of(self, term: Term) -> Kind:
        """What the term's value is."""
        match term:
            case Constant():
                return term.kind
            case Reference(name=name):
                return self.kinds[name]
            case Compared():
                return "boolean"
            case _:
                return "number"

    # -- terms -------------------------------------------------------------------------------------

    def text_of(self, term: Term) -> str:
        """The term in the rule language."""
        match term:
            case Constant(value=bool() as value):
                return "true" if value else "false"
            case Constant(value=str() as value):
                return json.dumps(value, ensure_ascii=False)
            case Constant(written=written):
                return written
            case Reference(name=name):
                return self.names[name]
            case Opposite(term=inner):
                return f"-{self._number(inner)}"
            case Calculation(operator=operator, left=left, right=right):
                return f"{self._number(left)} {operator} {self._number(right)}"
            case Compared(operator=operator, left=left, right=right):
                return self._comparison(self.operand(left), operator, right, self.kind_of(left))

    def _number(self, term: Term) -> str:
        """An operand of a calculation."""
        if self.kind_of(term) != "number":
            raise NotTakenError(f"calculates with {self.text_of(term)}, which is no number")
        return self.operand(term)

    def operand(self, term: Term) -> str:
        """The term, in parentheses where it is more than a name or a constant."""
        text = self.text_of(term)
        return text if isinstance(term, Constant | Reference) else f"({text})"

    def _comparison(self, subject: str, operator: str, term: Term, kind: Kind) -> str:
        text = self.operand(term)
        if self.kind_of(term) != kind:
            raise NotTakenError(f"compares {subject}, {_ARTICLES[kind]}, with {text}")
        if operator not in _EQUALITY and kind != "number":
            raise NotTakenError(f"asks whether {subject}, {_ARTICLES[kind]}, is {operator} {text}")
        if isinstance(term, Constant) and subject == term.value:
            # Beside a choice of its own name, a bare name would be read as that choice.
            return f"{subject} {'not in' if operator == '!=' else 'in'} [{text}]"
        return f"{subject} {_EQUALITY.get(operator, operator)} {text}"

    # -- tests -------------------------------------------------------------------------------------

    def condition(self, subject: Term, tests: Tests) -> str:
        """The condition that the subject passes the tests; empty where anything does.

        Raises:
            NotTakenError: a test that does not fit the subject's values.
        """
        if not tests.tests:
            return ""
        kind, text = self.kind_of(subject), self.operand(subject)
        constants = [constant for test in tests.tests if (constant := _equal_to(test)) is not None]
        if kind == "boolean" and len(tests.tests) == 1 and constants:
            return self._truth(text, constants[0], negated=tests.negated)
        if len(constants) == len(tests.tests) > 1:
            for constant in constants:
                self._comparison(text, "=", constant, kind)
            listed = ", ".join(self.text_of(constant) for constant in constants)
            return f"{text} {'not in' if tests.negated else 'in'} [{listed}]"
        alternatives = [self.test(text, test, kind) for test in tests.tests]
        joined = " or ".join(alternatives)
        if tests.negated:
            return f"not ({joined})"
        return f"({joined})" if len(alternatives) > 1 else joined

    def _truth(self, text: str, constant: Constant, *, negated: bool) -> str:
        if constant.kind != "boolean":
            raise NotTakenError(f"compares {text}, {_ARTICLES['boolean']}, with {self.text_of(constant)}")
        return text if bool(constant.value) != negated else f"not {text}"

    def test(self, subject: str, test: Test, kind: Kind) -> str:
        """The condition that a subject of this kind passes one test.

        Raises:
            NotTakenError: the test does not fit the subject's values.
        """
        if isinstance(test, Against):
            if kind == "boolean" and test.operator == "=" and isinstance(test.term, Constant):
                return self._truth(subject, test.term, negated=False)
            return self._comparison(subject, test.operator, test.term, kind)
        for end in (test.low, test.high):
            self._comparison(subject, "<", end, kind)
        below, above = "<=" if test.with_low else "<", "<=" if test.with_high else "<"
        return f"{self.operand(test.low)} {below} {subject} {above} {self.operand(test.high)}"


def _equal_to(test: Test) -> Constant | None:
    """The constant that the test is for, and nothing else."""
    match test:
        case Against(operator="=", term=Constant() as constant):
            return constant
    return None


def bounds_of(tests: Tests) -> dict[str, float] | None:
    """The bounds of a fact that may be whatever passes the tests; None where that is not one range.

    Ranges that lie next to each other are one: some models list those that their rules tell apart.
    """
    ranges = [_range_of(test) for test in tests.tests]
    if tests.negated or None in ranges:
        return None
    merged: list[_Range] = []
    for found in sorted((one for one in ranges if one is not None), key=lambda one: (one[0], not one[1])):
        if merged and _touch(merged[-1], found):
            merged[-1] = (*merged[-1][:2], *max(merged[-1][2:], found[2:]))
        else:
            merged.append(found)
    if len(merged) != 1:
        return None
    low, with_low, high, with_high = merged[0]
    bounds = {} if low == -math.inf else {"min" if with_low else "above": low}
    # Bounds from above include their end; the nearest number below it is the same bound.
    return bounds if high == math.inf else {**bounds, "max": high if with_high else math.nextafter(high, -math.inf)}


#: Low, whether it is included, high, whether it is included.
_Range = tuple[float, bool, float, bool]


def _range_of(test: Test) -> _Range | None:
    match test:
        case Between(low=Constant(value=float() as low), high=Constant(value=float() as high)):
            return low, test.with_low, high, test.with_high
        case Against(operator=">=" | ">", term=Constant(value=float() as value)):
            return value, test.operator == ">=", math.inf, False
        case Against(operator="<=" | "<", term=Constant(value=float() as value)):
            return -math.inf, False, value, test.operator == "<="
        case Against(operator="=", term=Constant(value=float() as value)):
            return value, True, value, True
    return None


def _touch(one: _Range, later: _Range) -> bool:
    """Whether no number lies between two ranges."""
    return later[0] < one[2] or (later[0] == one[2] and (later[1] or one[3]))


_ARTICLES: Mapping[Kind, str] = {"number": "a number", "text": "a text", "boolean": "true or false"}
