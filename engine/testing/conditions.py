"""The atomic conditions a rule's condition is made of, and how each of them bears on the whole.

Atomic is what holds no ``and``, ``or`` or ``not``: a comparison, a membership, a state, a yes/no name.
A condition that stands twice in a rule is one: it has one truth.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping
from functools import lru_cache

from engine.knowledge import Knowledge, Row
from engine.language.evaluate import Evaluate, Values, compile_plain
from engine.language.nodes import (
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

#: What each atomic condition of a rule was found to be; None: unknown.
Truths = Mapping[Node, bool | None]


def atoms(node: Node) -> tuple[Node, ...]:
    """The atomic conditions of a resolved condition, left to right, each once; constants are none."""
    return tuple(dict.fromkeys(_atoms(node)))


def _atoms(node: Node) -> Iterator[Node]:
    match node:
        case And(parts=parts) | Or(parts=parts):
            for part in parts:
                yield from _atoms(part)
        case Not(operand=operand):
            yield from _atoms(operand)
        case Truth():
            return
        case _:
            yield node


def combined(node: Node, truths: Truths) -> bool | None:
    """The truth of a condition, given that of its atomic conditions, after Kleene."""
    match node:
        case And(parts=parts):
            found = [combined(part, truths) for part in parts]
            return False if False in found else None if None in found else True
        case Or(parts=parts):
            found = [combined(part, truths) for part in parts]
            return True if True in found else None if None in found else False
        case Not(operand=operand):
            truth = combined(operand, truths)
            return None if truth is None else not truth
        case Truth(value=value):
            return value
        case _:
            return truths[node]


def matters(node: Node, atom: Node, truths: Truths) -> bool:
    """Whether a known condition would be the opposite if the one atomic condition were, all others as they are.

    That it would be unknown does not count: what the others would make of it is not seen then.
    """
    truth, outcome = truths[atom], combined(node, truths)
    if truth is None or outcome is None:
        return False
    return combined(node, {**truths, atom: not truth}) is (not outcome)


def truths_of(knowledge: Knowledge, row: Row, values: Values, origins: Mapping[str, str]) -> dict[Node, bool | None]:
    """What each atomic condition of a rule is for the values of a case."""
    found = ((atom, evaluate(values, origins)) for atom, evaluate in _evaluators(knowledge)[row.id])
    return {atom: truth if isinstance(truth, bool) else None for atom, truth in found}


@lru_cache(maxsize=16)
def _evaluators(knowledge: Knowledge) -> Mapping[str, tuple[tuple[Node, Evaluate], ...]]:
    return {
        row.id: tuple((atom, compile_plain(atom, knowledge.tables)) for atom in atoms(row.when))
        for table in knowledge.decisions.values()
        for row in table.rows
    }


# -- as the rule language writes it ------------------------------------------------------------------

#: How tightly each kind of expression binds; an operand that binds less is put in parentheses.
_IF, _OR, _AND, _NOT, _COMPARED, _SUM, _PRODUCT, _SIGN, _LITERAL = range(9)
_BINDS = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT}
_LARGEST_INTEGER = 1e15
#: Words that mean something else in an expression, so that as a choice they stand in quotes.
_RESERVED = frozenset({*keyword.kwlist, "true", "false", "yes", "no", "never", "unknown"})


def written(node: Node) -> str:
    """A resolved expression in the rule language; read again and resolved, it is the same."""
    return _written(node)[0]


def _written(node: Node) -> tuple[str, int]:
    """The text of an expression and how tightly it binds."""
    match node:
        case Number(value=value):
            return write_number(value), _LITERAL if value >= 0 else _SIGN
        case Text(value=value):
            return value if value.isidentifier() and value not in _RESERVED else repr(value), _LITERAL
        case Truth(value=value):
            return str(value).lower(), _LITERAL
        case Never():
            return "never", _LITERAL
        case Unknown():
            return "unknown", _LITERAL
        case Name(name=name):
            return name, _LITERAL
        case Negative(operand=operand):
            return f"-{_inside(operand, _SIGN)}", _SIGN
        case Arithmetic(operator=operator, left=left, right=right):
            binds = _BINDS[operator]
            return f"{_inside(left, binds)} {operator} {_inside(right, binds + 1)}", binds
        case Comparison(operator=operator, left=left, right=right):
            return f"{_inside(left, _SUM)} {operator} {_inside(right, _SUM)}", _COMPARED
        case Membership(item=item, options=options, negated=negated):
            listed = ", ".join(written(option) for option in options)
            return f"{_inside(item, _SUM)} {'not in' if negated else 'in'} [{listed}]", _COMPARED
        case State(name=name, state=state, negated=negated):
            return f"{name} is {'not ' if negated else ''}{state}", _COMPARED
        case Not(operand=operand):
            return f"not {_inside(operand, _NOT)}", _NOT
        case And(parts=parts):
            return " and ".join(_inside(part, _NOT) for part in parts), _AND
        case Or(parts=parts):
            return " or ".join(_inside(part, _AND) for part in parts), _OR
        case Conditional(test=test, then=then, otherwise=otherwise):
            return f"{_inside(then, _OR)} if {_inside(test, _OR)} else {written(otherwise)}", _IF
        case Call(function=function, arguments=arguments):
            return f"{function}({', '.join(written(argument) for argument in arguments)})", _LITERAL


def _inside(node: Node, least: int) -> str:
    text, binds = _written(node)
    return text if binds >= least else f"({text})"


def write_number(value: float) -> str:
    """A number as one would write it in YAML or an expression: ``50_000``, ``0.85``."""
    if value.is_integer() and abs(value) < _LARGEST_INTEGER:
        return f"{int(value):_}"
    return repr(value)
