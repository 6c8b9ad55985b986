"""The shapes an expression can have: a small closed set of frozen nodes, each knowing its column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

#: What ``x is …`` may ask of a fact: whether it is known, and where it came from.
STATES = ("unknown", "known", "given", "answered", "assumed", "measured", "computed")

#: A name declared as a number of months compares with this as "longer than any horizon".
NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Number:
    """A literal number; it takes the unit of what it is compared with or added to."""

    value: float
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Text:
    """A literal choice value, quoted or bare."""

    value: str
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Truth:
    """``true`` or ``false``."""

    value: bool
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Never:
    """A moment that does not come; greater than any number."""

    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """The value of a fact that nobody gave."""

    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A fact, figure, amount or conclusion by name."""

    name: str
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Negative:
    """``-x``."""

    operand: Node
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``left op right`` with op one of ``+ - * /``."""

    operator: str
    left: Node
    right: Node
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """``left op right`` with op one of ``== != < <= > >=``."""

    operator: str
    left: Node
    right: Node
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Membership:
    """``item in [a, b]`` over literals, or ``item not in [a, b]``."""

    item: Node
    options: tuple[Node, ...]
    negated: bool
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class State:
    """``name is unknown`` and its kind; always true or false, never unknown itself."""

    name: str
    state: str
    negated: bool
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """``not x``."""

    operand: Node
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """``a and b and …``."""

    parts: tuple[Node, ...]
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Or:
    """``a or b or …``."""

    parts: tuple[Node, ...]
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Conditional:
    """``then if test else otherwise``."""

    test: Node
    then: Node
    otherwise: Node
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A named function (``min``, ``max``, ``first_known``) or a volume table applied to arguments."""

    function: str
    arguments: tuple[Node, ...]
    column: int = field(default=0, compare=False)


Node = (
    Number
    | Text
    | Truth
    | Never
    | Unknown
    | Name
    | Negative
    | Arithmetic
    | Comparison
    | Membership
    | State
    | Not
    | And
    | Or
    | Conditional
    | Call
)

#: Each comparison and the one that holds exactly when it does not.
OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}

#: Each comparison read from its other side.
MIRRORED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly inside this one, left to right."""
    match node:
        case Negative(operand=operand) | Not(operand=operand):
            return (operand,)
        case Arithmetic(left=left, right=right) | Comparison(left=left, right=right):
            return (left, right)
        case Membership(item=item, options=options):
            return (item, *options)
        case And(parts=parts) | Or(parts=parts):
            return parts
        case Conditional(test=test, then=then, otherwise=otherwise):
            return (test, then, otherwise)
        case Call(arguments=arguments):
            return arguments
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """This node and everything below it, outermost first."""
    yield node
    for child in children(node):
        yield from walk(child)


def names_in(node: Node) -> frozenset[str]:
    """Every fact, figure, amount or conclusion the expression reads, states included."""
    return frozenset(part.name for part in walk(node) if isinstance(part, Name | State))


def valued_names_in(node: Node) -> frozenset[str]:
    """The names whose value (not only whose state) the expression reads."""
    return frozenset(part.name for part in walk(node) if isinstance(part, Name))


def functions_in(node: Node) -> frozenset[str]:
    """Every function or table the expression calls."""
    return frozenset(part.function for part in walk(node) if isinstance(part, Call))


#: The functions that choose one of their arguments; every other is a table, whose values are computed.
CHOOSING = ("min", "max", "first_known")


def computes(node: Node) -> bool:
    """Whether the value is a number that comes out of arithmetic or a table, not one only looked up or chosen."""
    match node:
        case Arithmetic():
            return True
        case Negative(operand=operand):
            return computes(operand)
        case Conditional(then=then, otherwise=otherwise):
            return computes(then) or computes(otherwise)
        case Call(function=function, arguments=arguments):
            return function not in CHOOSING or any(map(computes, arguments))
        case _:
            return False
