"""The expressions of a base parsed and resolved, every unknown name of them found, and none of them twice.

A name whose own declaration is broken stands for anything, so that it is not reported again wherever it is used.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

from engine.errors import Place, Problem
from engine.language.nodes import Call, Comparison, Membership, Name, Node, State, Text, children, walk
from engine.language.parse import ExpressionError, parse
from engine.language.resolve import FUNCTIONS, resolve
from engine.language.scope import ChoiceType, Scope, Symbol, TableSignature, Type
from engine.pinpoint import pinpoint
from engine.source import MOST_PROBLEMS, shorten

#: The type of a name whose declaration is broken: resolving lets it stand for anything.
_ANYTHING = cast("Type", None)
_WORD = re.compile(r"[a-z_][a-z0-9_]*")
#: Unknown names of one expression that are looked for.
_MOST_NAMES = 20
#: Each unknown name is compared with all known ones, which has to end within a moment.
_MOST_COMPARISONS = 20_000
_FEWEST_PROBLEMS = 5


def words_in(text: str) -> frozenset[str]:
    """Everything in a text that could be a name."""
    return frozenset(_WORD.findall(text))


def stand_in(name: str) -> Symbol:
    """The symbol of a name whose declaration is broken."""
    return Symbol(name, _ANYTHING, "fact")


def is_stand_in(symbol: Symbol) -> bool:
    """Whether the symbol stands for a name whose declaration is broken."""
    return symbol.type is _ANYTHING


class Expressions:
    """Resolves the expressions of one base and collects what is wrong with them.

    Args:
        symbols: every name that is declared; names that stand in for broken declarations are added to it.
        tables: every table that is declared.
        suspected: words of what could not be read: an unknown name among them may be declared there. None:
            any name may be.
        lines: the lines of each file by its shown name.
        readings: see ``engine.language.scope.Scope``.
    """

    def __init__(
        self,
        symbols: dict[str, Symbol],
        tables: Mapping[str, TableSignature],
        suspected: frozenset[str] | None,
        lines: Mapping[str, Sequence[str]],
        readings: Mapping[str, str],
    ) -> None:
        self.symbols = symbols
        self.tables = tables
        self.readings = readings
        self.problems: list[Problem] = []
        #: Words of the expressions that were left out: what they name is used after all.
        self.unread: set[str] = set()
        self._suspected = suspected
        self._lines = lines
        self._passed_over: list[Place] = []
        self._most = max(_FEWEST_PROBLEMS, min(MOST_PROBLEMS, _MOST_COMPARISONS // (len(symbols) + 1)))

    def resolved(self, text: str, expects: Type, place: Place, owner: str) -> Node | None:
        """The resolved expression; None where it has a problem, which is noted, or cannot be judged."""
        if len(self.problems) >= self._most:
            self._passed_over.append(place)
            self._leave_out(text)
            return None
        try:
            node = parse(text)
        except ExpressionError as error:
            self._note(error, place, owner, text, "syntax")
            self._leave_out(text)
            return None
        found = self._resolved(node, expects, place, owner, text)
        if found is None:
            self._leave_out(text)
        return found

    def passed_over(self) -> Iterator[Problem]:
        """That there are expressions which were not looked at, because there are problems enough."""
        if self._passed_over:
            count = len(self._passed_over)
            message = f"{count:,} more expressions from here on were not looked at"
            yield Problem(self._passed_over[0], message, hint="Correct the others first", code="more")

    def _resolved(self, node: Node, expects: Type, place: Place, owner: str, text: str) -> Node | None:
        known = len(self.problems)
        scope = Scope(self.symbols, self.tables, self.readings)
        for _ in range(_MOST_NAMES):
            try:
                found = resolve(node, scope, expects=expects)
            except ExpressionError as error:
                unknown = _unknown_at(node, error.column, scope)
                if unknown is None:
                    if not self._is_suspected_function(node, error.column):
                        self._note(error, place, owner, text, _code(node, error, scope))
                    break
                if _may_be_choice(node, unknown, scope):
                    node = _replaced(node, unknown, Text(unknown.name, unknown.column))
                    continue
                if self._suspected is None or unknown.name in self._suspected:
                    self.symbols[unknown.name] = stand_in(unknown.name)
                else:
                    self._note(error, place, owner, text, _code(node, error, scope))
                scope = Scope({**scope.symbols, unknown.name: stand_in(unknown.name)}, self.tables, self.readings)
            else:
                return found if len(self.problems) == known else None
        return None

    def _is_suspected_function(self, node: Node, column: int) -> bool:
        return any(
            self._suspected is None or part.function in self._suspected
            for part in walk(node)
            if isinstance(part, Call) and part.column == column
            if part.function not in FUNCTIONS and part.function not in self.tables
        )

    def _note(self, error: ExpressionError, place: Place, owner: str, text: str, code: str) -> None:
        exactly = pinpoint(self._lines.get(place.file, ()), place, text, error.column)
        self.problems.append(Problem(exactly, f"{error.message}, in `{shorten(text)}`", owner, error.hint, code))

    def _leave_out(self, text: str) -> None:
        self.unread |= words_in(text)


def stands_in(node: Node, symbols: Mapping[str, Symbol]) -> bool:
    """Whether the expression reads a name whose declaration is broken."""
    return any(_is_anything(part, Scope(symbols)) for part in walk(node))


def _is_anything(node: Node, scope: Scope) -> bool:
    symbol = scope.symbols.get(node.name) if isinstance(node, Name | State) else None
    return symbol is not None and is_stand_in(symbol)


def _unknown_at(node: Node, column: int, scope: Scope) -> Name | State | None:
    for part in walk(node):
        if isinstance(part, Name | State) and part.column == column and part.name not in scope.symbols:
            return part
    return None


def _may_be_choice(node: Node, word: Name | State, scope: Scope) -> bool:
    """Whether an unknown word may be a choice of a name of which nothing is known."""

    def is_open(other: Node) -> bool:
        return isinstance(other, Name) and (other.name not in scope.symbols or _is_anything(other, scope))

    for part in walk(node):
        if isinstance(part, Membership) and any(option is word for option in part.options):
            return is_open(part.item)
        if isinstance(part, Comparison) and part.operator in ("==", "!="):
            if part.right is word:
                return is_open(part.left)
            if part.left is word:
                return _is_anything(part.right, scope)
    return False


def _replaced(node: Node, part: Node, by: Node) -> Node:
    """The expression with one of its parts exchanged."""
    if node is part:
        return by
    changed: dict[str, object] = {}
    for field in dataclasses.fields(node):
        value = getattr(node, field.name)
        if isinstance(value, tuple):
            changed[field.name] = tuple(_replaced(one, part, by) for one in value)
        elif dataclasses.is_dataclass(value):
            changed[field.name] = _replaced(value, part, by)  # type: ignore[arg-type]  # a node holds nodes
    return dataclasses.replace(node, **changed) if changed else node  # type: ignore[arg-type]  # as they were


def _beside(node: Node, name: Node) -> Iterable[Node]:
    """What a name is directly compared with."""
    for part in walk(node):
        if isinstance(part, Comparison | Membership) and any(child is name for child in children(part)):
            yield from (child for child in children(part) if child is not name)


def _code(node: Node, error: ExpressionError, scope: Scope) -> str:
    """What kind of problem an expression has."""
    unknown = _unknown_at(node, error.column, scope)
    if unknown is not None:
        beside_choice = any(_is_choice(other, scope) for other in _beside(node, unknown))
        return "unknown-value" if beside_choice else "unknown-name"
    at = [part for part in walk(node) if getattr(part, "column", None) == error.column]
    if any(isinstance(part, Call) and part.function not in {*FUNCTIONS, *scope.tables} for part in at):
        return "unknown-name"
    return "unknown-value" if "is not one of" in error.message else "types"


def _is_choice(node: Node, scope: Scope) -> bool:
    symbol = scope.symbols.get(node.name) if isinstance(node, Name) else None
    return symbol is not None and isinstance(symbol.type, ChoiceType)
