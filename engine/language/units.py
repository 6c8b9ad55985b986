"""Proof that the quantities of an expression fit together, by pint's registry over the base's own units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.language.nodes import (
    And,
    Arithmetic,
    Call,
    Comparison,
    Conditional,
    Membership,
    Name,
    Negative,
    Node,
    Not,
    Or,
    children,
)
from engine.language.parse import ExpressionError
from engine.language.scope import NumberType, Scope

#: Units that count nothing: a share or a plain number.
DIMENSIONLESS = ("fraction", "1")


class Units:
    """The units of one knowledge base.

    Args:
        base: units that are not made of others.
        derived: further units, each with its definition, such as ``{"quarter": "3 * month"}``.
    """

    def __init__(self, base: Iterable[str], derived: Mapping[str, str]) -> None:
        import pint  # 0.1 s, needed only where a base has changed

        self._registry: Any = pint.UnitRegistry(None)
        for name in base:
            self._registry.define(f"{name} = [{name}]")
        for name, definition in derived.items():
            self._registry.define(f"{name} = {definition}")
        for name in derived:
            self._require_defined(name, derived[name])

    def _require_defined(self, name: str, definition: str) -> None:
        try:
            _ = (1 * self._registry.Unit(name)).to_base_units()
        except Exception as error:  # pint raises many kinds, a circle among them
            raise ValueError(f"the unit {name!r} cannot be defined as {definition!r}") from error

    def parse(self, text: str) -> Any:
        """The unit a declaration names (pint types units by registry, so it is not said here).

        Raises:
            ValueError: a unit that the base does not define.
        """
        if text in DIMENSIONLESS:
            return self._registry.dimensionless
        try:
            return self._registry.Unit(text.replace("1/", "dimensionless/", 1) if text.startswith("1/") else text)
        except Exception as error:  # pint raises many kinds; to the rule editor they are one
            raise ValueError(f"the unit {text!r} is not defined in knowledge.yaml") from error

    def same(self, one: Any, other: Any) -> bool:
        """True where the units measure the same thing on the same scale."""
        return bool(one.dimensionality == other.dimensionality and (1 * one).to(other).magnitude == 1)

    def check(self, node: Node, scope: Scope, *, expects: str | None = None) -> None:
        """Prove that the expression's quantities fit, and that it yields the expected unit.

        Raises:
            ExpressionError: two quantities of different units are compared, added or alternatives.
        """
        found = _Walker(self, scope).unit(node)
        if expects is not None and found is not None and not self.same(found, self.parse(expects)):
            raise ExpressionError(f"expected {expects}, the expression gives {_shown(found)}", node.column)


def _shown(unit: Any) -> str:
    text = f"{unit:~C}" if str(unit) != "dimensionless" else "a plain number"
    return text.replace("**", "^").replace("*", "·")


class _Walker:
    def __init__(self, units: Units, scope: Scope) -> None:
        self.units = units
        self.scope = scope

    def unit(self, node: Node) -> Any:
        """The unit of a numeric expression; None for a literal, which takes any unit, and for conditions."""
        match node:
            case Name(name=name):
                kind = self.scope.symbols[name].type
                return self.units.parse(kind.unit) if isinstance(kind, NumberType) and kind.unit else None
            case Negative(operand=operand):
                return self.unit(operand)
            case Arithmetic(operator="+" | "-", left=left, right=right):
                return self.common(node, (left, right), "add" if node.operator == "+" else "subtract")
            case Arithmetic(operator=operator, left=left, right=right):
                return self.product(left, right, operator)
            case Comparison(left=left, right=right):
                self.common(node, (left, right), "compare")
            case Membership(item=item):
                self.unit(item)
            case And() | Or() | Not():
                for part in children(node):
                    self.unit(part)
            case Conditional(test=test, then=then, otherwise=otherwise):
                self.unit(test)
                return self.common(node, (then, otherwise), "choose between")
            case Call():
                return self.call(node)
        return None

    def common(self, node: Node, parts: tuple[Node, ...], verb: str) -> Any:
        found = [unit for part in parts if (unit := self.unit(part)) is not None]
        for other in found[1:]:
            if not self.units.same(found[0], other):
                raise ExpressionError(
                    f"cannot {verb} {_shown(found[0])} and {_shown(other)}",
                    node.column,
                    "Convert one of them, or compare quantities of one kind",
                )
        return found[0] if found else None

    def product(self, left: Node, right: Node, operator: str) -> Any:
        one, other = self.unit(left), self.unit(right)
        if one is None and other is None:
            return None
        plain = self.units.parse("1")
        one = plain if one is None else one
        other = plain if other is None else other
        return one * other if operator == "*" else one / other

    def call(self, node: Call) -> Any:
        if node.function not in self.scope.tables:
            return self.common(node, node.arguments, "choose between")
        table = self.scope.tables[node.function]
        given = self.unit(node.arguments[0])
        if given is not None and not self.units.same(given, self.units.parse(table.takes)):
            raise ExpressionError(f"the table {node.function} takes {table.takes}, got {_shown(given)}", node.column)
        return self.units.parse(table.gives)
