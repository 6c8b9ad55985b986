"""Text in Python's own notation -> nodes, by the standard library's ``ast`` and a whitelist."""

from __future__ import annotations

import ast
import keyword
import math
import re
import warnings
from functools import lru_cache

from engine.language.nodes import (
    STATES,
    And,
    Arithmetic,
    Call,
    Comparison,
    Conditional,
    Membership,
    Name,
    Negative,
    Never,
    Node,
    Not,
    Number,
    Or,
    State,
    Text,
    Truth,
    Unknown,
)

LONGEST_EXPRESSION = 2_000
DEEPEST_EXPRESSION = 40

_ARITHMETIC: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_WORDS: dict[str, type[Never | Unknown]] = {"never": Never, "unknown": Unknown}
_TRUTHS = {"true": True, "false": False, "yes": True, "no": False}
#: Names that nothing can have, because they mean something in an expression.
WORDS = frozenset({*keyword.kwlist, *_WORDS, *_TRUTHS, "min", "max", "first_known"})
_ALLOWED = (
    "comparisons, and/or/not, in, + - * /, parentheses, numbers, choice values, true/false, "
    "`x if condition else y`, `is unknown` and the named functions"
)


class ExpressionError(ValueError):
    """An expression that is not in the language.

    Args:
        message: what is wrong, one sentence without a final period.
        column: where, counted from 0 in the text.
        hint: what would be right.
    """

    def __init__(self, message: str, column: int = 0, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.column = column
        self.hint = hint


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """The tree of an expression such as ``requests_per_month < 50_000 and not is_prototype``.

    Raises:
        ExpressionError: the text is longer than 2,000 characters, nested deeper than 40, not
            Python's notation, or uses more of it than the language allows.
    """
    if len(text) > LONGEST_EXPRESSION:
        raise ExpressionError(f"an expression of {len(text):,} characters; at most {LONGEST_EXPRESSION:,} are read")
    _refuse_brackets(text)
    # The parentheses let an editor break a long condition over lines, as Python itself would.
    # A carriage return counts as a line to Python, but not to whoever counts columns.
    wrapped = f"({text}\n)".replace("\r", " ")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = ast.parse(wrapped, mode="eval")
    except (SyntaxError, SyntaxWarning) as error:
        message, hint = _syntax_problem(text, error)
        raise ExpressionError(message, _place_of(error, wrapped), hint) from None
    except (ValueError, MemoryError, RecursionError):
        raise ExpressionError("an expression that is too deep or holds unreadable characters") from None
    if isinstance(tree.body, ast.Tuple) and not tree.body.elts and "(" not in text:
        raise ExpressionError("an empty expression")
    return _Converter(wrapped).convert(tree.body, 1)


def _place_of(error: Exception, wrapped: str) -> int:
    if not isinstance(error, SyntaxError) or not error.lineno or not error.offset:
        return 0
    line, offset = error.lineno, error.offset
    start = sum(len(earlier) + 1 for earlier in wrapped.split("\n")[: line - 1])
    return min(max(start + offset - 2, 0), max(len(wrapped) - 3, 0))


def _syntax_problem(text: str, error: Exception) -> tuple[str, str | None]:
    """What Python says of the text, and what was probably meant."""
    message = error.msg if isinstance(error, SyntaxError) and error.msg else str(error)
    hint = next((hint for pattern, hint in _MEANT if re.search(pattern, text)), None)
    return f"not readable as an expression ({message})", hint


#: What people write out of habit, and what this language wants.
_MEANT = (
    (r"&&|\|\|", "Write `and` and `or`, not && and ||"),
    (r"\d[\d_]*\s*[kKmM]\b", "Write 50_000, not 50k"),
    (r"(?<![=!<>:])=(?![=<>])", "Write == to compare"),
    (r"=>|=<", "Write >= or <="),
    (r"<>", "Write != for unequal"),
)


def _refuse_brackets(text: str) -> None:
    """Refuse brackets nested too deep, and a closing one before its opening one, which would escape the wrapping."""
    depth, quote = 0, ""
    for column, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "([{":
            depth += 1
            if depth > DEEPEST_EXPRESSION:
                raise ExpressionError(f"parentheses nested deeper than {DEEPEST_EXPRESSION}", column)
        elif character in ")]}":
            depth -= 1
            if depth < 0:
                raise ExpressionError(f"not readable as an expression (unmatched '{character}')", column)


class _Converter:
    """Turns the syntax tree of one text into nodes."""

    def __init__(self, wrapped: str) -> None:
        self._lines = wrapped.split("\n")

    def _column(self, tree: ast.expr) -> int:
        """Where the tree stands in the text, in characters; the syntax tree counts bytes of a line."""
        before = sum(len(line) + 1 for line in self._lines[: tree.lineno - 1])
        own = self._lines[tree.lineno - 1].encode()[: tree.col_offset].decode(errors="ignore")
        return max(before + len(own) - 1, 0)

    def convert(self, tree: ast.expr, depth: int) -> Node:
        """The node of a syntax tree, its column counted in the text as written."""
        column = self._column(tree)
        if depth > DEEPEST_EXPRESSION:
            raise ExpressionError(f"nested deeper than {DEEPEST_EXPRESSION}", column)
        below = depth + 1
        match tree:
            case ast.Constant(value=value):
                return _constant(value, column)
            case ast.Name(id=word):
                return _word(word, column)
            case ast.BoolOp(op=operator, values=values):
                parts = tuple(self.convert(value, below) for value in values)
                return And(parts, column) if isinstance(operator, ast.And) else Or(parts, column)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Not(self.convert(operand, below), column)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _negative(self.convert(operand, below), column)
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _ARITHMETIC:
                return Arithmetic(
                    _ARITHMETIC[type(operator)], self.convert(left, below), self.convert(right, below), column
                )
            case ast.Compare():
                return self._comparison(tree, below, column)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return Conditional(
                    self.convert(test, below), self.convert(body, below), self.convert(orelse, below), column
                )
            case ast.Call(func=ast.Name(id=function), args=arguments, keywords=[]):
                return Call(function, tuple(self.convert(argument, below) for argument in arguments), column)
        if isinstance(tree, ast.Tuple):
            raise ExpressionError(f"{_describe(tree)} is not part of the language", column, "Write 50_000 for 50,000")
        raise ExpressionError(f"{_describe(tree)} is not part of the language", column, f"Allowed are {_ALLOWED}")

    def _comparison(self, tree: ast.Compare, depth: int, column: int) -> Node:
        """One comparison, or a chain such as ``0.80 <= prompt_accuracy <= 0.90`` as their conjunction."""
        parts: list[Node] = []
        left = tree.left
        for operator, right in zip(tree.ops, tree.comparators, strict=True):
            parts.append(self._one_comparison(left, operator, right, depth, column))
            left = right
        return parts[0] if len(parts) == 1 else And(tuple(parts), column)

    def _one_comparison(self, left: ast.expr, operator: ast.cmpop, right: ast.expr, depth: int, column: int) -> Node:
        if isinstance(operator, ast.Is | ast.IsNot):
            return _state(left, operator, right, column)
        if isinstance(operator, ast.In | ast.NotIn):
            if not isinstance(right, ast.List | ast.Tuple) or not right.elts:
                raise ExpressionError("`in` needs a list of values", column, "Write e.g. colour in [red, blue]")
            options = tuple(self.convert(option, depth) for option in right.elts)
            return Membership(self.convert(left, depth), options, isinstance(operator, ast.NotIn), column)
        return Comparison(_COMPARISONS[type(operator)], self.convert(left, depth), self.convert(right, depth), column)


def _describe(tree: ast.expr) -> str:
    described = {
        ast.Attribute: "a dot after a name",
        ast.Call: "calling anything but a named function",
        ast.Subscript: "an index in brackets",
        ast.Lambda: "a lambda",
        ast.NamedExpr: "an assignment",
        ast.JoinedStr: "a formatted string",
        ast.Starred: "a star",
        ast.List: "a list outside `in [...]`",
        ast.Tuple: "a comma outside `in [...]`",
        ast.Set: "a set",
        ast.Dict: "a mapping",
    }
    if isinstance(tree, ast.BinOp):
        return "an operator other than + - * /"
    return described.get(type(tree), f"{type(tree).__name__}")


def _constant(value: object, column: int) -> Node:
    if isinstance(value, bool):
        return Truth(value, column)
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise ExpressionError("a number too large to compute with", column)
        return Number(number, column)
    if isinstance(value, str):
        return Text(value, column)
    raise ExpressionError(f"the literal {value!r:.40} is not part of the language", column, f"Allowed are {_ALLOWED}")


def _word(word: str, column: int) -> Node:
    if word in _TRUTHS:
        return Truth(_TRUTHS[word], column)
    if word in _WORDS:
        return _WORDS[word](column)
    return Name(word, column)


def _negative(operand: Node, column: int) -> Node:
    if isinstance(operand, Number):
        return Number(-operand.value, column)
    return Negative(operand, column)


def _state(left: ast.expr, operator: ast.cmpop, right: ast.expr, column: int) -> Node:
    name = left.id if isinstance(left, ast.Name) else "NAME"
    hint = f"Write e.g. {name} is unknown; the states are {', '.join(STATES)}"
    if not isinstance(left, ast.Name):
        raise ExpressionError("`is` asks for the state of one name", column, hint)
    negated = isinstance(operator, ast.IsNot)
    # `x is not known` parses as IsNot; `x is (not known)` is refused below.
    if not isinstance(right, ast.Name) or right.id not in STATES:
        raise ExpressionError("`is` must be followed by a state", column, hint)
    return State(left.id, right.id, negated, column)
