"""Formulas and conditions of the rule language as FEEL."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

from engine.declarations import LARGEST_NUMBER
from engine.language.nodes import (
    NEVER,
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

#: ``never`` as a number, since FEEL has no infinity: the largest that a case may hold, so that whoever reads the
#: model can give it, this program included.
NEVER_NUMBER = LARGEST_NUMBER
_OPERATORS = {"==": "="}


class NotInFeelError(ValueError):
    """An expression that FEEL cannot say; the message says what it holds."""


def feel_number(value: float) -> str:
    """A number without an exponent, which FEEL does not know."""
    value = NEVER_NUMBER if value == NEVER else value
    whole, _, fraction = f"{Decimal(repr(value)):f}".partition(".")
    return f"{whole}.{fraction}" if fraction.strip("0") else whole


def feel_string(text: str) -> str:
    """A text in quotes."""
    return json.dumps(text, ensure_ascii=False)


def feel(node: Node, called: Callable[[Name | State], str]) -> str:
    """The expression in FEEL.

    Args:
        node: as resolved.
        called: what a name, or the state of one, is called in the model.

    Raises:
        NotInFeelError: it reads a volume table, which FEEL has no notation for.
    """
    match node:
        case Number(value=value):
            return feel_number(value)
        case Never():
            return feel_number(NEVER)
        case Text(value=text):
            return feel_string(text)
        case Truth(value=truth):
            return "true" if truth else "false"
        case Unknown():
            return "null"
        case Name():
            return called(node)
        case State(negated=negated):
            return f"not({called(node)})" if negated else called(node)
        case Negative(operand=operand):
            return f"-{_part(operand, called)}"
        case Not(operand=operand):
            return f"not({feel(operand, called)})"
        case (
            Arithmetic(operator=operator, left=left, right=right)
            | Comparison(operator=operator, left=left, right=right)
        ):
            return f"{_part(left, called)} {_OPERATORS.get(operator, operator)} {_part(right, called)}"
        case Membership(item=item, options=options, negated=negated):
            inside = f"{_part(item, called)} in ({', '.join(feel(option, called) for option in options)})"
            return f"not({inside})" if negated else inside
        case And(parts=parts) | Or(parts=parts):
            return (" and " if isinstance(node, And) else " or ").join(_part(part, called) for part in parts)
        case Conditional(test=test, then=then, otherwise=otherwise):
            return f"if {feel(test, called)} then {feel(then, called)} else {feel(otherwise, called)}"
        case Call(function="min" | "max" as function, arguments=arguments):
            return f"{function}({', '.join(feel(argument, called) for argument in arguments)})"
        case Call(function="first_known", arguments=[first, *rest]):
            known = feel(first, called)
            if not rest:
                return known
            return f"if {known} != null then {known} else {feel(Call('first_known', tuple(rest)), called)}"
        case Call(function=function):
            raise NotInFeelError(f"it reads the table {function}, and FEEL has no tables of numbers")


def _part(node: Node, called: Callable[[Name | State], str]) -> str:
    """An operand, in parentheses where it is more than a name or a literal."""
    text = feel(node, called)
    return text if isinstance(node, Name | Number | Text | Truth | State | Never | Unknown) else f"({text})"
