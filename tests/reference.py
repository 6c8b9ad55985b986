"""Decisions worked out as docs/writing-rules.md describes them, slowly and on demand: a third opinion for the tests.

Nothing here is shared with the engine but the shapes of its expressions. A name's value is looked up
when it is asked for, and whatever it depends on is worked out first, so no order has to be right.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal
from itertools import pairwise, product

from engine.case import Case
from engine.declarations import RangeOf
from engine.knowledge import Knowledge
from engine.language import nodes

Value = float | bool | str | None
T, F, U = True, False, None

#: Kleene's tables: false decides a conjunction, true an alternative, whatever the other may be.
NOT = {T: F, F: T, U: U}
AND = {
    (T, T): T, (T, F): F, (T, U): U,
    (F, T): F, (F, F): F, (F, U): F,
    (U, T): U, (U, F): F, (U, U): U,
}  # fmt: skip
OR = {
    (T, T): T, (T, F): T, (T, U): T,
    (F, T): T, (F, F): F, (F, U): U,
    (U, T): T, (U, F): U, (U, U): U,
}  # fmt: skip

#: What each state asks of where a value comes from.
STATES = {
    "answered": {"answered"},
    "measured": {"measured"},
    "assumed": {"assumed by the case", "default"},
    "given": {"answered", "measured", "assumed by the case"},
    "computed": {"computed"},
    "known": {"answered", "measured", "assumed by the case", "default", "computed"},
    "unknown": {"nowhere"},
}


class Contradiction(Exception):
    """Two rows hold at once that must not."""


@dataclass(slots=True)
class Reference:
    """One case of one base.

    Args:
        knowledge: the base; only its declarations and the shapes of its expressions are read.
        case: the case.
        told: what is known besides, by name, such as whether something could turn the recommendation.
    """

    knowledge: Knowledge
    case: Case
    told: Mapping[str, Value] = field(default_factory=dict)
    _values: dict[str, tuple[Value, str]] = field(default_factory=dict)
    _decided: dict[str, tuple[int, ...]] = field(default_factory=dict)

    # -- names ---------------------------------------------------------------------------------

    def value(self, name: str) -> Value:
        """The value of a fact, amount, figure or conclusion; None where unknown.

        Raises:
            Contradiction: it depends on rows that contradict each other.
        """
        return self._known(name)[0]

    def _known(self, name: str) -> tuple[Value, str]:
        if name not in self._values:
            self._values[name] = self._look_up(name)
        return self._values[name]

    def _look_up(self, name: str) -> tuple[Value, str]:
        knowledge = self.knowledge
        if name in self.told:
            return self.told[name], "computed"
        if name in knowledge.amounts:
            declared = knowledge.amounts[name].value
            assert not isinstance(declared, list), "of dated values one is in force"
            if not isinstance(declared, RangeOf):
                return declared, "computed"
            return (declared.low + declared.high) / 2 if declared.likely is None else declared.likely, "computed"
        if name in knowledge.facts:
            given = self.case.given.get(name)
            if given is not None and given.value is not None:
                return given.value, "assumed by the case" if given.origin == "assumed" else given.origin
        for decision, table in knowledge.decisions.items():
            if name in table.outputs and table.policy != "collect":
                rows = self.decisive(decision)
                return table.rows[rows[0]].then[name] if rows else None, "computed"
            for output in table.outputs:
                if knowledge.scope.readings.get(output) == name:
                    return self._read(decision, output), "computed"
            if name == f"no other row of {decision}":
                others = [truth(self.evaluate(row.when)) for row in table.rows[:-1]]
                return F if T in others else U if U in others else T, "computed"
        if name in knowledge.quantities:
            value = self.evaluate(knowledge.quantities[name].formula)
            if name in knowledge.facts:
                return value, "nowhere" if value is None else "default"
            return twelve_digits(value), "nowhere" if value is None else "computed"
        return None, "nowhere"

    def _read(self, decision: str, output: str) -> Value:
        """What conditions read of an output that is a number or a truth."""
        table = self.knowledge.decisions[decision]
        if table.declaration.aggregate is not None:
            return self._aggregated(decision, output)
        word = self.value(output)
        if word is None:
            return None
        return float(str(word)) if table.declaration.kinds[output] == "number" else word == "true"

    def _aggregated(self, decision: str, output: str) -> Value:
        """The number that all rows make together, where it is the same however the unknown rows turn out."""
        table = self.knowledge.decisions[decision]
        holds = [truth(self.evaluate(row.when)) for row in table.rows]
        possible: set[float | None] = set()
        for filled in product(*((T, F) if one is U else (one,) for one in holds)):
            words = [row.then[output] for row, one in zip(table.rows, filled, strict=True) if one]
            match table.declaration.aggregate:
                case "count":
                    possible.add(float(len(words)))
                case "sum":
                    # A sum of rows is rounded as a figure is.
                    possible.add(as_number(twelve_digits(math.fsum(map(float, words)))) if words else None)
                case "min":
                    possible.add(min(map(float, words), default=None))
                case _:
                    possible.add(max(map(float, words), default=None))
        return possible.pop() if len(possible) == 1 else None

    # -- decisions -----------------------------------------------------------------------------

    def decisive(self, decision: str) -> tuple[int, ...]:
        """The rows that decide.

        Raises:
            Contradiction: two rows hold under ``unique``, or disagree under ``any``.
        """
        if decision not in self._decided:
            self._decided[decision] = self._decide(decision)
        return self._decided[decision]

    def _decide(self, decision: str) -> tuple[int, ...]:
        table = self.knowledge.decisions[decision]
        holds = [self.evaluate(row.when) for row in table.rows]
        if table.policy == "first":
            failing = 0
            while failing < len(holds) and holds[failing] is F:
                failing += 1
            return (failing,) if failing < len(holds) and holds[failing] is T else ()
        rows = tuple(index for index, truth in enumerate(holds) if truth is T)
        if table.policy == "unique" and len(rows) > 1:
            raise Contradiction(decision)
        if table.policy == "any" and len({tuple(sorted(table.rows[row].then.items())) for row in rows}) > 1:
            raise Contradiction(decision)
        return rows

    # -- expressions ---------------------------------------------------------------------------

    def evaluate(self, node: nodes.Node) -> Value:
        """The value of an expression; None where unknown."""
        match node:
            case nodes.Number() | nodes.Text() | nodes.Truth():
                return node.value
            case nodes.Never():
                return math.inf
            case nodes.Unknown():
                return None
            case nodes.Name():
                return self.value(node.name)
            case nodes.State():
                asked = self._known(node.name)[1] in STATES[node.state]
                return not asked if node.negated else asked
            case nodes.Not():
                return NOT[truth(self.evaluate(node.operand))]
            case nodes.And() | nodes.Or():
                outcome: Value = isinstance(node, nodes.And)
                kleene = AND if outcome else OR
                for part in node.parts:
                    outcome = kleene[truth(outcome), truth(self.evaluate(part))]
                return outcome
            case nodes.Conditional():
                return self._conditional(node)
            case nodes.Membership():
                item = self.evaluate(node.item)
                if item is None:
                    return None
                options = [self.evaluate(option) for option in node.options]
                if worked_out(node.item):
                    item, options = twelve_digits(item), [twelve_digits(option) for option in options]
                among = any(item == option for option in options)
                return not among if node.negated else among
            case nodes.Comparison():
                left, right = self.evaluate(node.left), self.evaluate(node.right)
                if worked_out(node.left) or worked_out(node.right):
                    left, right = twelve_digits(left), twelve_digits(right)
                return compared(node.operator, left, right)
            case nodes.Negative():
                return calculated("-", 0.0, self.evaluate(node.operand))
            case nodes.Arithmetic():
                return calculated(node.operator, self.evaluate(node.left), self.evaluate(node.right))
            case nodes.Call():
                return self._call(node)

    def _conditional(self, node: nodes.Conditional) -> Value:
        test = truth(self.evaluate(node.test))
        one, other = self.evaluate(node.then), self.evaluate(node.otherwise)
        if test is U:
            return one if one == other else None
        return one if test is T else other

    def _call(self, node: nodes.Call) -> Value:
        arguments = [self.evaluate(argument) for argument in node.arguments]
        if node.function == "first_known":
            known = [argument for argument in arguments if argument is not None]
            return known[0] if known else None
        if None in arguments:
            return None
        numbers = [as_number(argument) for argument in arguments]
        if node.function in ("min", "max"):
            return sorted(numbers)[0 if node.function == "min" else -1]
        return self._at(node.function, numbers[0])

    def _at(self, name: str, at: float) -> Value:
        """A table at a point: linear between its rows, outside them held or proportional as declared."""
        table = self.knowledge.tables[name]
        rows = list(zip(table.firsts, table.seconds, strict=True))
        first, last = rows[0], rows[-1]
        if at <= first[0]:
            return calculated("*", at, first[1] / first[0]) if table.below_proportional else first[1]
        if at >= last[0]:
            return calculated("*", at, last[1] / last[0]) if table.above_proportional else last[1]
        for (left, low), (right, high) in pairwise(rows):
            if left <= at < right:
                return low + (at - left) / (right - left) * (high - low)
        raise AssertionError(f"{at} lies between no two rows of {name}")


def worked_out(node: nodes.Node) -> bool:
    """Whether a number is worked out by a sum or a table, however it is chosen then; a name or literal is not."""
    if isinstance(node, nodes.Conditional):
        return worked_out(node.then) or worked_out(node.otherwise)
    if isinstance(node, nodes.Negative) or (
        isinstance(node, nodes.Call) and node.function in ("min", "max", "first_known")
    ):
        return any(worked_out(part) for part in nodes.children(node))
    return isinstance(node, nodes.Arithmetic | nodes.Call)


def truth(value: Value) -> bool | None:
    """A value that is known to be a truth."""
    assert value is None or isinstance(value, bool), f"{value!r} is no truth"
    return value


def as_number(value: Value) -> float:
    """A value that is known to be a number."""
    assert isinstance(value, int | float), f"{value!r} is no number"
    assert not isinstance(value, bool), f"{value!r} is no number"
    return float(value)


def compared(operator: str, left: Value, right: Value) -> bool | None:
    """A comparison; unknown where a side is."""
    if left is None or right is None:
        return None
    assert isinstance(left, str) == isinstance(right, str)
    if operator in ("==", "!="):
        return (left == right) == (operator == "==")
    less, same = as_number(left) < as_number(right), left == right
    return {"<": less, "<=": less or same, ">": not less and not same, ">=": not less}[operator]


def calculated(operator: str, left: Value, right: Value) -> float | None:
    """A sum, difference, product or quotient; unknown where a side is or there is no such number."""
    if left is None or right is None:
        return None
    one, other = as_number(left), as_number(right)
    if operator == "/":
        outcome = math.nan if other == 0 else one / other
    else:
        outcome = {"+": one + other, "-": one - other, "*": one * other}[operator]
        if operator != "*" and abs(outcome) * 10**12 < abs(one):
            # Two terms that differ by less than a trillionth of themselves cancel.
            return 0.0
    return None if math.isnan(outcome) else outcome


def twelve_digits(value: Value) -> Value:
    """A number as a figure is remembered and a sum is compared: rounded to 12 significant digits."""
    if isinstance(value, float) and math.isfinite(value):
        return float(Context(prec=12, rounding=ROUND_HALF_EVEN).create_decimal(Decimal(value)))
    return value
