"""What DMN does with null, said in the rule language, in which what has no value is unknown.

A decision of which no rule holds gives null, and so does a division by zero. Null equals null and nothing else; any
other comparison with it is null itself, and so is ``not`` of that: neither lets a rule hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.dmn.conditions import Vocabulary
from engine.dmn.feel import Against, Calculation, Compared, Constant, Kind, Opposite, Reference, Term, Test, Tests


@dataclass(frozen=True, slots=True)
class Nulls:
    """Input entries as conditions that know of null.

    Args:
        vocabulary: what the names are called.
        given: for each name that may be null though every input is there a condition under which it is not.
    """

    vocabulary: Vocabulary
    given: Mapping[str, str]

    def condition(self, subject: Term, tests: Tests) -> str:
        """The condition that the subject passes the tests, of which there is at least one.

        Raises:
            NotTakenError: a test that does not fit the subject's values.
        """
        text = self._text(subject)
        if tests.negated:
            return " and ".join(self._fails(subject, text, test) for test in tests.tests)
        joined = " or ".join(self._holds(subject, text, test) for test in tests.tests)
        return f"({joined})" if len(tests.tests) > 1 else joined

    def has_value(self, term: Term) -> list[str]:
        """Conditions under which a term is not null, all of which have to hold; none where it never is."""
        match term:
            case Reference(name=name):
                return [self.given[name]] if name in self.given else []
            case Opposite(term=inner):
                return self.has_value(inner)
            case Compared(operator="=" | "!="):
                # Whether null equals something is never null.
                return []
            case Calculation(left=left, right=right) | Compared(left=left, right=right):
                found = [*self.has_value(left), *self.has_value(right)]
                if isinstance(term, Calculation) and term.operator == "/":
                    found += self._is_not_zero(right)
                return list(dict.fromkeys(found))
        return []

    def _is_not_zero(self, divisor: Term) -> list[str]:
        if isinstance(divisor, Constant):
            return [] if divisor.value else ["false"]
        return [f"{self.vocabulary.operand(divisor)} != 0"]

    def _text(self, subject: Term) -> str:
        if isinstance(subject, Compared) and subject.operator in ("=", "!="):
            equal = self._equal(subject.left, self.vocabulary.operand(subject.left), subject.right)
            return f"({equal})" if subject.operator == "=" else f"(not ({equal}))"
        return self.vocabulary.operand(subject)

    def _holds(self, subject: Term, text: str, test: Test) -> str:
        if isinstance(test, Against) and test.operator in ("=", "!="):
            equal = self._equal(subject, text, test.term)
            return f"({equal})" if test.operator == "=" else f"not ({equal})"
        return f"({_both(self._needed(subject, test), self.vocabulary.test(text, test, self._kind(subject)))})"

    def _fails(self, subject: Term, text: str, test: Test) -> str:
        """That a test is false, and not null."""
        if isinstance(test, Against) and test.operator in ("=", "!="):
            equal = self._equal(subject, text, test.term)
            return f"not ({equal})" if test.operator == "=" else f"({equal})"
        passes = self.vocabulary.test(text, test, self._kind(subject))
        return f"({_both(self._needed(subject, test), f'not ({passes})')})"

    def _kind(self, subject: Term) -> Kind:
        return self.vocabulary.kind_of(subject)

    def _needed(self, subject: Term, test: Test) -> list[str]:
        terms = (test.term,) if isinstance(test, Against) else (test.low, test.high)
        return [*self.has_value(subject), *(needed for term in terms for needed in self.has_value(term))]

    def _equal(self, one: Term, text: str, other: Term) -> str:
        """That two terms are equal; never null."""
        mine, others = self.has_value(one), self.has_value(other)
        both = _both([*mine, *others], self.vocabulary.test(text, Against("=", other), self._kind(one)))
        if not mine or not others:
            return both
        return f"({both}) or (not ({' and '.join(mine)}) and not ({' and '.join(others)}))"


def divides(term: Term) -> bool:
    """Whether a term divides by anything."""
    match term:
        case Opposite(term=inner):
            return divides(inner)
        case Calculation(operator=operator, left=left, right=right):
            return operator == "/" or divides(left) or divides(right)
        case Compared(left=left, right=right):
            return divides(left) or divides(right)
    return False


def _both(needed: list[str], condition: str) -> str:
    return " and ".join([*dict.fromkeys(needed), condition])
