"""Expressions as Python functions made from source, several in one: the same answers as ``compile_plain``, sooner.

Compiling takes longer than deciding a few cases, so it is for those who decide many. The source is put together
from resolved nodes alone: names become generated variables, and words, tables and sets are constants that the
source only refers to. Nothing that a person wrote is ever part of it but names of plain letters and finite numbers.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.language.evaluate import (
    Evaluate,
    Tables,
    Value,
    Values,
    chosen,
    compile_plain,
    is_rounded,
    minus,
    origin_states,
    plus,
    sides,
    tidy,
)
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
    valued_names_in,
)

#: Generating a function takes about as long as it then saves over a few times as many cases.
OFTEN = 200
#: The truth of each of several conditions.
Judge = Callable[[Values, Mapping[str, str]], tuple[bool | None, ...]]
#: Computes what is not known yet, puts it into the values and origins, and lists what became known.
Fill = Callable[[dict[str, Value], dict[str, str]], list[str]]


@dataclass(frozen=True, slots=True)
class Computed:
    """One name with its formula.

    Args:
        plain: the formula as a plain function.
        origin: what is remembered of how it came to be known.
        tidied: whether its value is rounded as ``tidy`` does.
    """

    name: str
    formula: Node
    plain: Evaluate
    origin: str
    tidied: bool


class Conditions:
    """Several conditions judged together: whether each holds, None where that is unknown.

    Args:
        nodes: the conditions.
        plain: each as a plain function.
    """

    def __init__(self, nodes: Sequence[Node], plain: Sequence[Evaluate], tables: Tables) -> None:
        self._nodes, self._plain, self._tables = nodes, plain, tables
        self._generated: Judge | None = None
        self._times = 0

    def __call__(self, values: Values, origins: Mapping[str, str]) -> tuple[bool | None, ...]:
        """The truth of each, in their order."""
        if self._generated is not None:
            return self._generated(values, origins)
        self._times += 1
        if self._times > OFTEN:
            self._generated = generate_judge(self._nodes, self._tables)
        found = [evaluate(values, origins) for evaluate in self._plain]
        return tuple(truth if isinstance(truth, bool) else None for truth in found)


class Formulas:
    """Several formulas computed in their order, each after those it reads, where the name is not known yet."""

    def __init__(self, entries: Sequence[Computed], tables: Tables) -> None:
        self._entries, self._tables = entries, tables
        self._generated: Fill | None = None
        self._times = 0

    def __call__(self, values: dict[str, Value], origins: dict[str, str]) -> list[str]:
        """Put what can be computed into the values and origins.

        Returns:
            The names that became known.
        """
        if self._generated is not None:
            return self._generated(values, origins)
        self._times += 1
        if self._times > OFTEN:
            self._generated = generate_fill(self._entries, self._tables)
        found: list[str] = []
        for entry in self._entries:
            if values[entry.name] is None:
                value = entry.plain(values, origins)
                if value is not None:
                    values[entry.name] = tidy(value) if entry.tidied else value
                    origins[entry.name] = entry.origin
                    found.append(entry.name)
        return found


def generate_judge(conditions: Sequence[Node], tables: Tables) -> Judge:
    """The conditions as one function."""
    writer = _Writer(tables)
    lines = [f"{variable} = v[{name!r}]" for name, variable in writer.variables(conditions)]
    truths = [writer.expression(condition) for condition in conditions]
    judge: Judge = writer.function([*lines, f"return ({''.join(f'{truth}, ' for truth in truths)})"])
    return judge


def generate_fill(entries: Sequence[Computed], tables: Tables) -> Fill:
    """The formulas as one function that computes them in their order, each after those it reads."""
    writer = _Writer(tables)
    own = {entry.name for entry in entries}
    lines = ["found = []"]
    for name, variable in writer.variables([Name(entry.name) for entry in entries] + [e.formula for e in entries]):
        if name not in own:
            lines.append(f"{variable} = v[{name!r}]")
    for entry in entries:
        variable, name = writer.variable(entry.name), repr(entry.name)
        lines += [
            f"{variable} = v[{name}]",
            f"if {variable} is None:",
            f"    {variable} = {writer.expression(entry.formula)}",
            f"    if {variable} is not None:",
        ]
        if entry.tidied:
            # A whole number of up to 12 digits is what it would be rounded to.
            whole = f"-1e12 < {variable} < 1e12 and {variable} == int({variable})"
            lines += [
                f"        if not ({whole}) and isfinite({variable}):",
                f"            {variable} = float(f'{{{variable}:.12g}}')",
            ]
        lines += [
            f"        v[{name}] = {variable}",
            f"        o[{name}] = {entry.origin!r}",
            f"        found.append({name})",
        ]
    fill: Fill = writer.function([*lines, "return found"])
    return fill


def _rounding(rounded: bool) -> str:
    """Python for a compared value, to be filled in."""
    return "tidy({})" if rounded else "{}"


class _Writer:
    """Writes expressions over two mappings: ``v``, each name's value, and ``o``, the origins."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._constants: dict[str, Any] = {
            "isfinite": math.isfinite,
            "infinity": math.inf,
            "plus": plus,
            "minus": minus,
            "tidy": tidy,
        }
        self._variables: dict[str, str] = {}
        self._temporaries = 0

    def function(self, lines: Iterable[str]) -> Any:
        """The function of ``v`` and ``o`` that these lines are."""
        source = "".join(["def generated(v, o):\n", *(f"    {line}\n" for line in lines)])
        namespace: dict[str, Any] = dict(self._constants)
        with warnings.catch_warnings():
            # That a literal is never None is known; asking it anyway keeps the writer simple.
            warnings.simplefilter("ignore", SyntaxWarning)
            exec(compile(source, "<generated>", "exec"), namespace)  # noqa: S102 - see the module's first lines
        return namespace["generated"]

    def variables(self, nodes: Iterable[Node]) -> list[tuple[str, str]]:
        """Every name whose value the expressions read, with its variable, in an order that stays the same."""
        names = dict.fromkeys(name for node in nodes for name in sorted(valued_names_in(node)))
        return [(name, self.variable(name)) for name in names]

    def variable(self, name: str) -> str:
        """The variable that holds a name's value."""
        return self._variables.setdefault(name, f"n{len(self._variables)}")

    def expression(self, node: Node) -> str:
        """Python for the value of the expression, None where it is unknown."""
        match node:
            case Number(value=value):
                return self._number(value)
            case Truth(value=value):
                return repr(value)
            case Text(value=value):
                return self._constant(value)
            case Never():
                return "infinity"
            case Unknown():
                return "None"
            case Name(name=name):
                return self.variable(name)
            case State(name=name, state=state, negated=negated):
                states = self._constant(origin_states(state))
                return f"(o.get({name!r}) {'not in' if negated else 'in'} {states})"
            case And(parts=parts):
                return self._every(parts, decides="False", otherwise="True")
            case Or(parts=parts):
                return self._every(parts, decides="True", otherwise="False")
            case Conditional(test=test, then=then, otherwise=otherwise):
                return self._conditional(node, test, then, otherwise)
            case Call(function="first_known", arguments=arguments):
                found = [self._held(argument) for argument in arguments]
                return f"({' else '.join(f'{held} if {got} is not None' for got, held in found)} else None)"
            case _:
                return self._known(node)

    def _known(self, node: Node) -> str:
        """An expression that is unknown where any part of it is."""
        match node:
            case Negative(operand=operand):
                return self._strict([operand], lambda one: f"-{one}")
            case Not(operand=operand):
                return self._strict([operand], lambda one: f"not {one}")
            case Comparison(operator=operator):
                (left, rounds_left), (right, rounds_right) = sides(node)
                one_side, other_side = _rounding(rounds_left), _rounding(rounds_right)
                return self._strict(
                    [left, right], lambda one, other: f"{one_side.format(one)} {operator} {other_side.format(other)}"
                )
            case Membership(item=item, negated=negated):
                options, side = self._constant(chosen(node)), _rounding(is_rounded(node))
                return self._strict([item], lambda one: f"{side.format(one)} {'not in' if negated else 'in'} {options}")
            case Arithmetic(operator=operator, left=left, right=right):
                return self._strict([left, right], lambda one, other: self._calculated(operator, one, other))
            case Call(function=function, arguments=[argument]) if function in self._tables:
                table = self._constant(self._tables[function])
                return self._strict([argument], lambda at: self._defined(f"{table}({at})"))
            case Call(arguments=[argument]):
                return self.expression(argument)
            case Call(function=function, arguments=arguments):
                return self._strict(arguments, lambda *values: f"{function}({', '.join(values)})")
        raise TypeError(f"{type(node).__name__} is no expression")

    def _strict(self, operands: Sequence[Node], combined: Callable[..., str]) -> str:
        """What the operands combine to, None where one of them is unknown."""
        checks, values = [], []
        for operand in operands:
            got, held = self._held(operand)
            values.append(held)
            if not isinstance(operand, Number | Text | Truth | Never | State):
                checks.append(f"{got} is None")
        return f"(None if {' or '.join(checks)} else {combined(*values)})" if checks else f"({combined(*values)})"

    def _calculated(self, operator: str, one: str, other: str) -> str:
        match operator:
            case "+" | "-":
                return self._defined(f"{'plus' if operator == '+' else 'minus'}({one}, {other})")
            case "/":
                return f"None if {other} == 0 else {self._defined(f'{one} / {other}')}"
        return self._defined(f"{one} {operator} {other}")

    def _defined(self, calculated: str) -> str:
        """The number, None where it is none, as zero times never: only that differs from itself."""
        number = self._temporary()
        return f"{number} if ({number} := {calculated}) == {number} else None"

    def _every(self, parts: Sequence[Node], *, decides: str, otherwise: str) -> str:
        """Kleene's ``and`` and ``or``: one part decides alone, and else one that is unknown leaves all unknown."""
        found = [self._held(part) for part in parts]
        decided = " or ".join(f"{got} is {decides}" for got, _ in found)
        unknown = " or ".join(f"{held} is None" for _, held in found)
        return f"({decides} if {decided} else None if {unknown} else {otherwise})"

    def _conditional(self, node: Node, test: Node, then: Node, otherwise: Node) -> str:
        got, held = self._held(test)
        first, second = self.expression(then), self.expression(otherwise)
        # An open test is rare; asking the plain function then keeps the source from doubling at each level.
        plain = self._constant(compile_plain(node, self._tables))
        return f"({first} if {got} is True else {second} if {held} is False else {plain}(v, o))"

    def _held(self, node: Node) -> tuple[str, str]:
        """Python that computes the value and keeps it, and a word for the value once it is kept."""
        expression = self.expression(node)
        if isinstance(node, Name | Number | Text | Truth | Never | Unknown | State):
            return expression, expression
        kept = self._temporary()
        return f"({kept} := {expression})", kept

    def _number(self, value: float) -> str:
        return f"({value!r})" if math.isfinite(value) else self._constant(value)

    def _constant(self, value: object) -> str:
        name = f"c{len(self._constants)}"
        self._constants[name] = value
        return name

    def _temporary(self) -> str:
        self._temporaries += 1
        return f"t{self._temporaries}"
