"""The part of FEEL, DMN's expression language, that decision tables are mostly written in.

Input entries: ``-``, comparisons, ranges, lists of either, and ``not(...)`` of a list. Input expressions: names,
arithmetic, one comparison. Output entries: numbers, texts, ``true`` and ``false``. Names may hold spaces, so they
are only recognised where the model declares them.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Literal as OneOf
from typing import TypeVar

from engine.source import shorten

Kind = OneOf["number", "text", "boolean"]
_T = TypeVar("_T")

#: Longer expressions are refused before they are read.
LONGEST_TEXT = 20_000
#: Longer names are refused, those of elements before any expression is read.
LONGEST_NAME = 500
#: Digits before or behind the point of a number, at most.
_MOST_DIGITS = 300
#: How deep parentheses may nest, and how many operations one expression may have.
_DEEPEST = 40
_MOST_OPERATIONS = 200
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NUMBER = re.compile(r"(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?")
_WORD = re.compile(r"[^\W\d][\w'’]*")
_SYMBOL = re.compile(r"\.\.|\*\*|<=|>=|!=|[-+*/<>=()\[\],.?]")
_SPACE = re.compile(r"\s+")
#: Spaces, and the texts in quotes, closed or not, whose spaces are their own.
_SPACE_OR_STRING = re.compile(r'\s+|"(?:[^"\\]|\\.)*"?', re.DOTALL)
_GOES_ON = re.compile(r"[\w'’]")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{6}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "'": "'", "\\": "\\"}
_COMPARISONS = ("<=", ">=", "!=", "<", ">", "=")
#: Words that begin what is not taken.
_RESERVED = frozenset(
    {"if", "then", "else", "for", "some", "every", "function", "instance", "between", "in", "and", "or", "return"}
)
_NO_NAMES = _RESERVED | {"true", "false", "null", "not"}


class NotTakenError(ValueError):
    """An expression outside the part of FEEL that is taken; the message says what it holds."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, text or truth; ``written`` is a number's digits, exactly as many as it has."""

    value: float | str | bool
    written: str = ""

    @property
    def kind(self) -> Kind:
        """What it is."""
        if isinstance(self.value, bool):
            return "boolean"
        return "text" if isinstance(self.value, str) else "number"


@dataclass(frozen=True, slots=True)
class Reference:
    """An input or another decision, by its name in the model."""

    name: str


@dataclass(frozen=True, slots=True)
class Calculation:
    """``left operator right`` with ``+ - * /``."""

    operator: str
    left: Term
    right: Term


@dataclass(frozen=True, slots=True)
class Opposite:
    """``-term``."""

    term: Term


@dataclass(frozen=True, slots=True)
class Compared:
    """``left operator right``, which is true or false."""

    operator: str
    left: Term
    right: Term


Term = Constant | Reference | Calculation | Opposite | Compared


@dataclass(frozen=True, slots=True)
class Against:
    """The input compared with a term: ``< 5``; a term alone is compared by ``=``."""

    operator: str
    term: Term


@dataclass(frozen=True, slots=True)
class Between:
    """The input within a range; an end may be left out of it."""

    low: Term
    high: Term
    with_low: bool
    with_high: bool


Test = Against | Between


@dataclass(frozen=True, slots=True)
class Tests:
    """An input entry: one of the tests holds, or with ``negated`` none of them; without tests anything goes."""

    tests: tuple[Test, ...] = ()
    negated: bool = False

    def admits(self, constant: Constant) -> bool | None:
        """Whether a constant passes; None where that hangs on an input."""
        if not self.tests:
            return True
        found = [_admits(test, constant) for test in self.tests]
        outcome = True if True in found else None if None in found else False
        return outcome if outcome is None else outcome != self.negated


def read_tests(text: str, names: Collection[str]) -> Tests:
    """The tests of an input entry, or the allowed values of a type.

    Raises:
        NotTakenError: it holds anything else.
    """
    if text.strip() in ("", "-"):
        return Tests()
    return _Reader(text, names).whole(_Reader.entry)


def read_term(text: str, names: Collection[str]) -> Term:
    """An input expression.

    Raises:
        NotTakenError: it is none of the shapes that are taken.
    """
    return _Reader(text, names).whole(_Reader.expression)


def read_constant(text: str) -> Constant:
    """An output entry.

    Raises:
        NotTakenError: it is not one number, text or truth.
    """
    if not text.strip():
        raise NotTakenError("nothing")
    found = _Reader(text, ()).whole(_Reader.expression)
    if not isinstance(found, Constant):
        raise NotTakenError("an expression that has to be calculated")
    return found


def normalized(name: str) -> str:
    """A name with single spaces, as names are compared."""
    return _SPACE.sub(" ", name.strip())


def is_name(text: str) -> bool:
    """Whether a text that the model does not declare can only be a name: words, with dots or spaces between."""
    words = text.replace(".", " ").split(" ") if len(text) <= LONGEST_NAME else ()
    return bool(words) and all(_WORD.fullmatch(word) and word not in _NO_NAMES for word in words)


def terms_of(test: Test) -> tuple[Term, ...]:
    """What the input is compared with."""
    return (test.term,) if isinstance(test, Against) else (test.low, test.high)


def references(term: Term | Test) -> Iterator[str]:
    """The names a term or test reads."""
    match term:
        case Reference(name=name):
            yield name
        case Calculation(left=left, right=right) | Compared(left=left, right=right):
            yield from (*references(left), *references(right))
        case Opposite(term=inner) | Against(term=inner):
            yield from references(inner)
        case Between(low=low, high=high):
            yield from (*references(low), *references(high))


def _admits(test: Test, constant: Constant) -> bool | None:
    match test:
        case Against(operator=operator, term=Constant() as other):
            return _compare(operator, constant, other)
        case Between(low=Constant() as low, high=Constant() as high):
            above = _compare(">=" if test.with_low else ">", constant, low)
            return above and _compare("<=" if test.with_high else "<", constant, high)
    return None


def _compare(operator: str, one: Constant, other: Constant) -> bool:
    if one.kind != other.kind:
        return False
    if operator in ("=", "!="):
        return (one.value == other.value) == (operator == "=")
    left, right = one.value, other.value
    if isinstance(left, str) or isinstance(right, str):
        return False
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: OneOf["string", "number", "word", "name", "symbol", "end"]
    text: str

    @property
    def shown(self) -> str:
        """The token as messages show it."""
        return f"“{shorten(self.text)}”" if self.text else "the end"


class _Reader:
    """Reads one text from left to right."""

    def __init__(self, text: str, names: Collection[str]) -> None:
        if len(text) > LONGEST_TEXT:
            raise NotTakenError(f"{len(text):,} characters, and at most {LONGEST_TEXT:,} are read")
        self._text = _SPACE_OR_STRING.sub(lambda found: found[0] if found[0][0] == '"' else " ", text)
        self._names = _declared(tuple(names))
        # Each is read when it is needed, so that what is refused early takes little time, however much follows it.
        self._waiting = self._split()
        self._tokens: list[_Token] = []
        self._at = 0
        self._depth = 0
        self._operations = 0

    def whole(self, read: Callable[[_Reader], _T]) -> _T:
        """What is read, where nothing is left over."""
        found = read(self)
        if self._next.kind != "end":
            raise NotTakenError(f"{self._next.shown} where it should end")
        return found

    # -- tokens ------------------------------------------------------------------------------------

    def _split(self) -> Iterator[_Token]:
        at, text = 0, self._text
        while at < len(text):
            if text[at] == " ":
                at += 1
                continue
            token, at = self._token(at)
            yield token
        while True:
            yield _Token("end", "")

    def _token(self, at: int) -> tuple[_Token, int]:
        text = self._text
        named = self._names.at(text, at)
        if named is not None:
            name, end = named
            return _Token("name", name), end
        for kind, pattern in (("string", _STRING), ("number", _NUMBER), ("word", _WORD), ("symbol", _SYMBOL)):
            found = pattern.match(text, at)
            if found:
                return _Token(kind, found[0]), found.end()  # type: ignore[arg-type]  # one of the four above
        if text[at] == '"':
            raise NotTakenError("a text without a closing quote")
        raise NotTakenError(f"the character “{text[at]}”")

    @property
    def _next(self) -> _Token:
        return self._ahead(0)

    def _ahead(self, more: int) -> _Token:
        """The token so many behind the next one."""
        while len(self._tokens) <= self._at + more:
            self._tokens.append(next(self._waiting))
        return self._tokens[self._at + more]

    def _take(self, *symbols: str) -> str | None:
        """The next token where it is one of these symbols or words."""
        token = self._next
        if token.kind in ("symbol", "word") and token.text in symbols:
            self._at += 1
            return token.text
        return None

    def _expect(self, symbol: str) -> None:
        if self._take(symbol) is None:
            raise NotTakenError(f"{self._next.shown} where “{symbol}” should be")

    # -- input entries -----------------------------------------------------------------------------

    def entry(self) -> Tests:
        """``not(tests)`` or tests."""
        begins_with_not = self._next == _Token("word", "not") and self._ahead(1).text == "("
        if not begins_with_not:
            return Tests(self._list())
        self._at += 2
        tests = self._list()
        self._expect(")")
        return Tests(tests, negated=True)

    def _list(self) -> tuple[Test, ...]:
        tests = [self._test()]
        while self._take(","):
            tests.append(self._test())
        return tuple(tests)

    def _test(self) -> Test:
        operator = self._take(*_COMPARISONS)
        if operator is not None:
            return Against(operator, self._sum())
        mark = self._at
        opening = self._take("[", "]", "(")
        if opening is not None:
            found = self._between(opening)
            if found is not None:
                return found
            self._at = mark
        if self._next.text == "?":
            raise NotTakenError("“?”, a test written as a whole expression")
        return Against("=", self._sum())

    def _between(self, opening: str) -> Between | None:
        """The range that begins here; None where the bracket was only a parenthesis."""
        low = self._sum()
        if self._take("..") is None:
            if opening == "(":
                return None
            raise NotTakenError("a list in brackets")
        high = self._sum()
        closing = self._take("]", ")", "[")
        if closing is None:
            raise NotTakenError("a range without its closing bracket")
        return Between(low, high, with_low=opening == "[", with_high=closing == "]")

    # -- expressions -------------------------------------------------------------------------------

    def expression(self) -> Term:
        """Arithmetic, or one comparison of it."""
        left = self._sum()
        operator = self._take(*_COMPARISONS)
        return left if operator is None else Compared(operator, left, self._sum())

    def _sum(self) -> Term:
        found = self._product()
        while operator := self._operator("+", "-"):
            found = Calculation(operator, found, self._product())
        return found

    def _product(self) -> Term:
        found = self._signed()
        while operator := self._operator("*", "/"):
            found = Calculation(operator, found, self._signed())
        return found

    def _operator(self, *symbols: str) -> str | None:
        taken = self._take(*symbols)
        self._operations += taken is not None
        if self._operations > _MOST_OPERATIONS:
            raise NotTakenError(f"more than {_MOST_OPERATIONS} operations")
        return taken

    def _signed(self) -> Term:
        if self._operator("-"):
            term = self._signed()
            if isinstance(term, Constant) and term.kind == "number":
                assert not isinstance(term.value, str)  # noqa: S101 - the kind says so
                return Constant(-term.value, f"-{term.written}".removeprefix("--"))
            return Opposite(term)
        return self._atom()

    def _atom(self) -> Term:
        token = self._next
        self._at += 1
        match token.kind:
            case "number":
                return _number(token.text)
            case "string":
                return Constant(_unescaped(token.text[1:-1]))
            case "name":
                return Reference(token.text)
            case "word":
                return self._from_word(token)
            case "symbol" if token.text == "(":
                return self._in_parentheses()
        raise NotTakenError(f"{token.shown} where a value should be")

    def _in_parentheses(self) -> Term:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NotTakenError(f"parentheses nested deeper than {_DEEPEST}")
        found = self._sum()
        self._expect(")")
        self._depth -= 1
        return found

    def _from_word(self, token: _Token) -> Term:
        word = token.text
        if word in ("true", "false"):
            return Constant(word == "true")
        if word == "null":
            raise NotTakenError("null")
        if word in _RESERVED or self._next.text == "(":
            raise NotTakenError(f"{token.shown}, which begins an expression of its own kind")
        raise NotTakenError(f"the name {token.shown}, which the model does not declare")


class _Declared:
    """Names in order, among which the one that a text goes on with is found without trying them all.

    Names that a text begins with begin each other, so they stand one behind the other; the last of them that is not
    behind the text tells of all of them.
    """

    def __init__(self, names: Collection[str]) -> None:
        self._by_text = {normalized(name): name for name in names if name.strip()}
        self._ordered = sorted(self._by_text)
        self._letters = frozenset(name[0] for name in self._ordered)
        self._longest = max(map(len, self._ordered), default=0)
        #: For each name the lengths of those that it begins with, where they end as a word of it does.
        self._within: list[tuple[int, ...]] = []
        begun: list[int] = []
        for index, name in enumerate(self._ordered):
            while begun and not name.startswith(self._ordered[begun[-1]]):
                begun.pop()
            self._within.append(self._lengths_within(name, begun[-1]) if begun else ())
            begun.append(index)

    def _lengths_within(self, name: str, index: int) -> tuple[int, ...]:
        length = len(self._ordered[index])
        return self._within[index] if _GOES_ON.match(name, length) else (*self._within[index], length)

    def at(self, text: str, at: int) -> tuple[str, int] | None:
        """The longest name that the text goes on with, and where it ends.

        Where both "age" and "age group" are declared, "age group" is meant.
        """
        if text[at] not in self._letters:
            return None
        part = text[at : at + self._longest]
        index = bisect_right(self._ordered, part) - 1
        if index < 0:
            return None
        shared = _shared(self._ordered[index], part)
        found = part[:shared]
        if found not in self._by_text or _GOES_ON.match(text, at + shared):
            shorter = self._within[index]
            position = bisect_left(shorter, shared)
            if position == 0:
                return None
            found = part[: shorter[position - 1]]
        return self._by_text[found], at + len(found)


@lru_cache(maxsize=64)
def _declared(names: tuple[str, ...]) -> _Declared:
    return _Declared(names)


def _shared(one: str, other: str) -> int:
    """How many letters two texts begin with alike."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _number(text: str) -> Constant:
    try:
        exact = Decimal(text)
    except InvalidOperation:
        exact = None
    if exact is None or abs(exact.adjusted()) > _MOST_DIGITS:
        raise NotTakenError("a number too large or too small to compute with")
    return Constant(float(exact), f"{exact:f}")


def _unescaped(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        escape = found[1]
        if escape[0] in "uU" and len(escape) > 1 and int(escape[1:], 16) <= sys.maxunicode:
            return chr(int(escape[1:], 16))
        if escape not in _ESCAPES:
            raise NotTakenError(f"the escape \\{escape}")
        return _ESCAPES[escape]

    return _ESCAPE.sub(one, text)
