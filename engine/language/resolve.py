"""What the names of an expression mean: every name known, every type fitting, bare choice words told from names."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from engine.errors import did_you_mean
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
from engine.language.parse import ExpressionError
from engine.language.scope import ChoiceType, NumberType, Scope, SetType, TruthType, Type

FUNCTIONS = {"min": (2, 20), "max": (2, 20), "first_known": (2, 20)}


def resolve(node: Node, scope: Scope, *, expects: Type) -> Node:
    """The expression with its bare choice words made literal, known to have the expected type.

    Units are not looked at here: ``check_units`` does that.

    Raises:
        ExpressionError: an unknown name, function or choice, or operands whose types do not fit.
    """
    resolver = _Resolver(scope)
    resolved, found = resolver.typed(node, expects)
    if not _fits(found, expects):
        _refuse(f"expected {describe(expects)}, got {describe(found)}", node)
    return resolved


def describe(found: Type | None) -> str:
    """A type in words for a message."""
    match found:
        case NumberType(unit=None):
            return "a number"
        case NumberType(unit=unit):
            return f"a number of {unit}"
        case TruthType():
            return "a condition (yes or no)"
        case ChoiceType(values=values):
            return f"one of {', '.join(values)}"
        case SetType():
            return "a collection"
        case _:
            return "a value"


def _fits(found: Type | None, expects: Type) -> bool:
    if found is None:
        return True
    if isinstance(found, ChoiceType) and isinstance(expects, ChoiceType):
        return set(found.values) <= set(expects.values)
    return type(found) is type(expects)


def _refuse(message: str, node: Node, hint: str | None = None) -> NoReturn:
    raise ExpressionError(message, node.column, hint)


def _either(one: Type | None, other: Type | None) -> Type | None:
    """The type of a value that is one of two: of two choices every word of both."""
    if isinstance(one, ChoiceType) and isinstance(other, ChoiceType):
        return ChoiceType(tuple(dict.fromkeys((*one.values, *other.values))))
    return one or other


class _Resolver:
    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def typed(self, node: Node, wanted: Type | None = None) -> tuple[Node, Type | None]:
        """The resolved node and its type; None is the type of a literal ``unknown``, which fits any."""
        match node:
            case Number():
                return node, NumberType(None)
            case Never():
                return node, NumberType(None)
            case Truth():
                return node, TruthType()
            case Unknown():
                return node, None
            case Text(value=value):
                if isinstance(wanted, ChoiceType) and value not in wanted.values:
                    near = did_you_mean(value, wanted.values)
                    _refuse(f"'{value}' is not one of {', '.join(wanted.values)}", node, near)
                return node, ChoiceType((value,))
            case Name():
                return self.name(node, wanted)
            case Negative(operand=operand):
                return replace(node, operand=self.number(operand)), NumberType(None)
            case Arithmetic(left=left, right=right):
                return replace(node, left=self.number(left), right=self.number(right)), NumberType(None)
            case Comparison():
                return self.comparison(node), TruthType()
            case Membership():
                return self.membership(node), TruthType()
            case State():
                return self.state(node), TruthType()
            case Not(operand=operand):
                return replace(node, operand=self.truth(operand)), TruthType()
            case And(parts=parts) | Or(parts=parts):
                return replace(node, parts=tuple(self.truth(part) for part in parts)), TruthType()
            case Conditional():
                return self.conditional(node, wanted)
            case Call():
                return self.call(node, wanted)

    def name(self, node: Name, wanted: Type | None) -> tuple[Node, Type]:
        symbol = self.scope.symbols.get(node.name)
        if isinstance(wanted, ChoiceType) and node.name in wanted.values:
            return Text(node.name, node.column), wanted
        if symbol is None:
            known = [*self.scope.symbols, *(wanted.values if isinstance(wanted, ChoiceType) else ())]
            what = f"'{node.name}' is not a known name"
            if isinstance(wanted, ChoiceType):
                what = f"'{node.name}' is neither a known name nor one of {', '.join(wanted.values)}"
            _refuse(what, node, did_you_mean(node.name, known))
        if node.name in self.scope.readings:
            node = replace(node, name=self.scope.readings[node.name])
            return node, self.scope.symbols[node.name].type
        if isinstance(symbol.type, SetType):
            _refuse(f"'{node.name}' collects several values and cannot be compared", node)
        return node, symbol.type

    def number(self, node: Node) -> Node:
        resolved, found = self.typed(node)
        if found is not None and not isinstance(found, NumberType):
            _refuse(f"expected a number, got {describe(found)}", node)
        return resolved

    def truth(self, node: Node) -> Node:
        resolved, found = self.typed(node)
        if found is not None and not isinstance(found, TruthType):
            hint = "Compare it with something, e.g. x > 0" if isinstance(found, NumberType) else None
            _refuse(f"expected a condition (yes or no), got {describe(found)}", node, hint)
        return resolved

    def comparison(self, node: Comparison) -> Comparison:
        left, right, found = self.pair(node.left, node.right)
        if node.operator not in ("==", "!=") and found is not None and not isinstance(found, NumberType):
            _refuse(f"`{node.operator}` compares numbers, not {describe(found)}", node, "Use == or !=")
        for side in (left, right):
            if isinstance(side, Unknown):
                _refuse("nothing equals `unknown`", side, "Write `is unknown`")
        return replace(node, left=left, right=right)

    def pair(self, left: Node, right: Node) -> tuple[Node, Node, Type | None]:
        """Both sides resolved, each in the light of the other's type, and the type they share."""
        left_hint = self.known_type(left)
        new_right, right_type = self.typed(right, left_hint)
        new_left, left_type = self.typed(left, right_type)
        if left_type is None or right_type is None:
            return new_left, new_right, left_type or right_type
        if isinstance(left_type, ChoiceType) and isinstance(right_type, ChoiceType):
            self.fit_choices(new_left, left_type, new_right, right_type)
        elif type(left_type) is not type(right_type):
            _refuse(f"cannot compare {describe(left_type)} with {describe(right_type)}", right)
        return new_left, new_right, left_type

    def fit_choices(self, left: Node, left_type: ChoiceType, right: Node, right_type: ChoiceType) -> None:
        for literal, allowed in ((left, right_type), (right, left_type)):
            if isinstance(literal, Text) and literal.value not in allowed.values:
                near = did_you_mean(literal.value, allowed.values)
                _refuse(f"'{literal.value}' is not one of {', '.join(allowed.values)}", literal, near)

    def known_type(self, node: Node) -> Type | None:
        if isinstance(node, Name) and node.name in self.scope.symbols:
            return self.scope.symbols[self.scope.readings.get(node.name, node.name)].type
        if isinstance(node, Conditional):
            return _either(self.known_type(node.then), self.known_type(node.otherwise))
        if isinstance(node, Call) and node.function == "first_known":
            found: Type | None = None
            for argument in node.arguments:
                found = _either(found, self.known_type(argument))
            return found
        return None

    def membership(self, node: Membership) -> Membership:
        item, item_type = self.typed(node.item)
        options: list[Node] = []
        for option in node.options:
            resolved, found = self.typed(option, item_type)
            if not isinstance(resolved, Number | Text | Truth):
                _refuse("`in [...]` takes literal values only", option)
            if item_type is not None and type(found) is not type(item_type):
                _refuse(f"cannot compare {describe(item_type)} with {describe(found)}", option)
            if isinstance(item_type, ChoiceType) and isinstance(found, ChoiceType):
                self.fit_choices(item, item_type, resolved, found)
            options.append(resolved)
        return replace(node, item=item, options=tuple(options))

    def state(self, node: State) -> State:
        symbol = self.scope.symbols.get(node.name)
        if symbol is None:
            _refuse(f"'{node.name}' is not a known name", node, did_you_mean(node.name, self.scope.symbols))
        if symbol.kind == "amount":
            _refuse(f"`is {node.state}` asks about '{node.name}', an amount, which is always known", node)
        if symbol.kind == "conclusion" or symbol.concluded:
            _refuse(
                f"`is {node.state}` asks about '{node.name}', which is only known once rules have fired",
                node,
                "Ask about the facts it depends on",
            )
        return node

    def conditional(self, node: Conditional, wanted: Type | None) -> tuple[Node, Type | None]:
        hint = wanted or self.known_type(node.then) or self.known_type(node.otherwise)
        then, then_type = self.typed(node.then, hint)
        otherwise, other_type = self.typed(node.otherwise, hint)
        if then_type is not None and other_type is not None and type(then_type) is not type(other_type):
            _refuse(f"both sides of `if` must agree: {describe(then_type)} and {describe(other_type)}", node)
        found = then_type or other_type
        if isinstance(then_type, ChoiceType) and isinstance(other_type, ChoiceType):
            found = ChoiceType(tuple(dict.fromkeys((*then_type.values, *other_type.values))))
        return replace(node, test=self.truth(node.test), then=then, otherwise=otherwise), found

    def call(self, node: Call, wanted: Type | None) -> tuple[Node, Type | None]:
        if node.function in self.scope.tables:
            if len(node.arguments) != 1:
                _refuse(f"the table {node.function} takes one quantity, got {len(node.arguments)}", node)
            return replace(node, arguments=(self.number(node.arguments[0]),)), NumberType(None)
        if node.function not in FUNCTIONS:
            known = [*FUNCTIONS, *self.scope.tables]
            _refuse(f"'{node.function}' is not a known function or table", node, did_you_mean(node.function, known))
        fewest, most = FUNCTIONS[node.function]
        if not fewest <= len(node.arguments) <= most:
            _refuse(f"{node.function} takes {fewest} to {most} arguments, got {len(node.arguments)}", node)
        if node.function == "first_known":
            return self.first_known(node, wanted)
        return replace(node, arguments=tuple(self.number(argument) for argument in node.arguments)), NumberType(None)

    def first_known(self, node: Call, wanted: Type | None) -> tuple[Node, Type | None]:
        resolved = [self.typed(argument, wanted or self.known_type(node)) for argument in node.arguments]
        found = [kind for _, kind in resolved if kind is not None]
        if any(type(kind) is not type(found[0]) for kind in found):
            _refuse("first_known chooses among values of one type", node)
        return replace(node, arguments=tuple(part for part, _ in resolved)), found[0] if found else None
