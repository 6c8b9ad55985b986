"""What DMN does with null, said in the rule language, in which what has no value is unknown.

A decision of which no rule holds gives null, and so does a division by zero. Null equals null and nothing else; any
other comparison with it is null itself, and so is ``not`` of that: neither lets a rule hold.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from engine.dmn.conditions import Vocabulary
from engine.dmn.feel import (
    Against,
    Calculation,
    Compared,
    Constant,
    Kind,
    Opposite,
    Reference,
    Term,
    Test,
    Tests,
    references,
    terms_of,
)

_EQUALITIES = frozenset({"=", "!="})


@dataclass(frozen=True, slots=True)
class Nulls:
    """Input entries as conditions that know of null.

    Args:
        vocabulary: what the names are called.
        given: for each name that may be null though every input is there a condition under which it is not.
    """

    vocabulary: Vocabulary
    given: Mapping[str, str]

    def despite(self, condition: str, subject: Term, tests: Tests) -> list[str]:
        """A condition that also says what DMN does where something it reads is null, in parts joined by ``and``.

        Args:
            condition: that the subject passes the tests, of which there is at least one, where nothing is null.
            subject: what is tested.
            tests: what it is tested for.

        Raises:
            NotTakenError: a test that does not fit the subject's values.
        """
        terms = [subject, *(term for test in tests.tests for term in terms_of(test))]
        is_divided = any(map(_divides, terms))
        known = [self.given[name] for term in terms for name in references(term) if name in self.given]
        if not known and not is_divided:
            return [condition]
        passes = None if is_divided else _passes_null(subject, tests, self.given)
        if passes is None:
            return [self._part_by_part(subject, tests)]
        known = list(dict.fromkeys(known))
        return [f"(not ({' and '.join(known)}) or {condition})"] if passes else [*known, condition]

    def _part_by_part(self, subject: Term, tests: Tests) -> str:
        """The condition that the subject passes the tests, said of each of them."""
        text = self._text(subject)
        if tests.negated:
            return " and ".join(self._fails(subject, text, test) for test in tests.tests)
        joined = " or ".join(self._holds(subject, text, test) for test in tests.tests)
        return f"({joined})" if len(tests.tests) > 1 else joined

    def _has_value(self, term: Term) -> list[str]:
        """Conditions under which a term is not null, all of which have to hold; none where it never is."""
        match term:
            case Reference(name=name):
                return [self.given[name]] if name in self.given else []
            case Opposite(term=inner):
                return self._has_value(inner)
            case Compared(operator="=" | "!="):
                # Whether null equals something is never null.
                return []
            case Calculation(left=left, right=right) | Compared(left=left, right=right):
                found = [*self._has_value(left), *self._has_value(right)]
                if isinstance(term, Calculation) and term.operator == "/":
                    found += self._is_not_zero(right)
                return list(dict.fromkeys(found))
        return []

    def _is_not_zero(self, divisor: Term) -> list[str]:
        if isinstance(divisor, Constant):
            return [] if divisor.value else ["false"]
        return [f"{self.vocabulary.operand(divisor)} != 0"]

    def _text(self, subject: Term) -> str:
        if isinstance(subject, Compared) and subject.operator in _EQUALITIES:
            equal = self._equal(subject.left, self.vocabulary.operand(subject.left), subject.right)
            return f"({equal})" if subject.operator == "=" else f"(not ({equal}))"
        return self.vocabulary.operand(subject)

    def _holds(self, subject: Term, text: str, test: Test) -> str:
        if isinstance(test, Against) and test.operator in _EQUALITIES:
            equal = self._equal(subject, text, test.term)
            return f"({equal})" if test.operator == "=" else f"not ({equal})"
        return f"({_both(self._needed(subject, test), self.vocabulary.test(text, test, self._kind(subject)))})"

    def _fails(self, subject: Term, text: str, test: Test) -> str:
        """That a test is false, and not null."""
        if isinstance(test, Against) and test.operator in _EQUALITIES:
            equal = self._equal(subject, text, test.term)
            return f"not ({equal})" if test.operator == "=" else f"({equal})"
        passes = self.vocabulary.test(text, test, self._kind(subject))
        return f"({_both(self._needed(subject, test), f'not ({passes})')})"

    def _kind(self, subject: Term) -> Kind:
        return self.vocabulary.kind_of(subject)

    def _needed(self, subject: Term, test: Test) -> list[str]:
        return [needed for term in (subject, *terms_of(test)) for needed in self._has_value(term)]

    def _equal(self, one: Term, text: str, other: Term) -> str:
        """That two terms are equal; never null."""
        mine, others = self._has_value(one), self._has_value(other)
        both = _both([*mine, *others], self.vocabulary.test(text, Against("=", other), self._kind(one)))
        if not mine or not others:
            return both
        return f"({both}) or (not ({' and '.join(mine)}) and not ({' and '.join(others)}))"


def _passes_null(subject: Term, tests: Tests, nullable: Collection[str]) -> bool | None:
    """Whether an input entry holds where what it reads is null: None where that hangs on more.

    Null is less or greater than nothing, equal to no constant, and ``not`` of a comparison with it is null again.

    Args:
        subject: what the entry tests.
        tests: the entry.
        nullable: the names that may be null, at least one of which the subject or a test reads.
    """
    read_by_tests = [name for test in tests.tests for name in references(test) if name in nullable]
    if not any(name in nullable for name in references(subject)):
        return False if len(tests.tests) == 1 and not tests.negated and not _is_unequal(tests.tests[0]) else None
    if read_by_tests:
        return None
    if isinstance(subject, Compared) and subject.operator in _EQUALITIES:
        # Whether null equals something is a truth of its own, unlike whether it is less.
        return None if _both_nullable(subject, nullable) else tests.admits(Constant(subject.operator == "!="))
    passed = [_null_passes(test) for test in tests.tests]
    outcome = True if True in passed else None if None in passed else False
    return outcome is not None and outcome != tests.negated


def _is_unequal(test: Test) -> bool:
    return isinstance(test, Against) and test.operator == "!="


def _both_nullable(subject: Compared, nullable: Collection[str]) -> bool:
    return all(any(name in nullable for name in references(side)) for side in (subject.left, subject.right))


def _null_passes(test: Test) -> bool | None:
    """What a test says of null: true, false, or null itself."""
    if isinstance(test, Against) and test.operator in _EQUALITIES:
        return test.operator == "!="
    return None


def _divides(term: Term) -> bool:
    """Whether a term divides by anything."""
    match term:
        case Opposite(term=inner):
            return _divides(inner)
        case Calculation(operator=operator, left=left, right=right):
            return operator == "/" or _divides(left) or _divides(right)
        case Compared(left=left, right=right):
            return _divides(left) or _divides(right)
    return False


def _both(needed: list[str], condition: str) -> str:
    return " and ".join([*dict.fromkeys(needed), condition])
