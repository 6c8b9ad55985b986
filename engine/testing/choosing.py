"""Which tests are meant by an expression such as ``volume and not team``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from engine.errors import BadInput, Place, Problem
from engine.testing.rule_tests import DecisionTest

_SYNTAX = re.compile(r"""("[^"]*"|'[^']*'|\(|\)|\b(?:and|or|not)\b)""", re.IGNORECASE)
_WORDS = ("and", "or", "not", "(", ")")
#: An expression that a person types is shorter.
LONGEST = 500


def chosen(tests: Iterable[DecisionTest], expression: str) -> tuple[DecisionTest, ...]:
    """The tests whose name, file or expected rules hold the words of the expression, in any case of letters.

    Args:
        tests: all tests.
        expression: words, joined by ``and``, ``or``, ``not`` and parentheses; quotes keep such a word a word.

    Raises:
        BadInput: the expression cannot be read, or no test is meant.
    """
    choice = _Choice(expression)
    found = tuple(test for test in tests if choice.means(test))
    if not found:
        hint = "breakeven rules test --format json lists their names"
        raise BadInput([Problem(Place("-k"), f"no test is meant by '{expression}'", hint=hint)])
    return found


class _Choice:
    def __init__(self, expression: str) -> None:
        self._phrases: list[str] = []
        parts = [self._placed(part.strip()) for part in _SYNTAX.split(expression[:LONGEST]) if part.strip()]
        try:
            self._tree = ast.parse(" ".join(parts), mode="eval").body
        except (SyntaxError, RecursionError, MemoryError):
            hint = "Write e.g. -k 'volume and not (team or data)'"
            message = f"'{expression}' is not readable as a choice of tests"
            raise BadInput([Problem(Place("-k"), message, hint=hint)]) from None

    def _placed(self, part: str) -> str:
        """The part as Python knows it: a word of the syntax as it is, a phrase as a name that stands for it."""
        if part.lower() in _WORDS:
            return part.lower()
        self._phrases.append(part.strip("\"'").lower())
        return f"_{len(self._phrases) - 1}"

    def means(self, test: DecisionTest) -> bool:
        expects = test.expects
        text = "\n".join((test.name, test.place.file, *expects.fired, *expects.not_fired)).lower()
        return self._holds(self._tree, text)

    def _holds(self, tree: ast.expr, text: str) -> bool:
        match tree:
            case ast.BoolOp(op=ast.And(), values=values):
                return all(self._holds(value, text) for value in values)
            case ast.BoolOp(values=values):
                return any(self._holds(value, text) for value in values)
            case ast.UnaryOp(operand=operand):
                return not self._holds(operand, text)
            case ast.Name(id=name):
                return self._phrases[int(name[1:])] in text
        return False
