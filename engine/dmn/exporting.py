"""A knowledge base as DMN 1.3: each decision as a decision table that any DMN engine can run.

Cells are kept to what every engine reads: one comparison, one value, ``true``, ``false`` or ``-``. So a condition
with ``or`` becomes several rows, a range becomes two columns, and a list of words becomes a row for each. Figures
become inputs: a table says what to conclude from them, and their formulas stay here. Everything is an input that
a case must give; a DMN engine lets a rule pass where a value is missing, while the rules here wait for it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine import __version__
from engine.declarations import OutputKind
from engine.dmn.boxes import Box, Boxes, Cell, Holds, Interval, Words
from engine.dmn.feel_text import NotInFeelError, feel, feel_number, feel_string
from engine.errors import BadInput, Problem
from engine.escape import printable
from engine.knowledge import OTHERWISE, DecisionTable, Knowledge, Row
from engine.language.nodes import Comparison, Name, Node, Number, State, Truth
from engine.language.scope import ChoiceType, NumberType

if TYPE_CHECKING:
    from lxml.etree import _Element

NAMESPACE = "https://www.omg.org/spec/DMN/20191111/MODEL/"
_POLICIES = {
    "first": "FIRST",
    "unique": "UNIQUE",
    "any": "ANY",
    "collect": "COLLECT",
    "rule order": "RULE ORDER",
}
_TYPES: Mapping[OutputKind, str] = {"choice": "string", "number": "number", "yes/no": "boolean"}
_OPPOSITE = {"<": ">=", "<=": ">", "==": "!="}
#: Rows that one alternative of a condition may become; with more, lists of words stay lists.
_MOST_ROWS = 24
_ANYTHING = "-"


def export_dmn(knowledge: Knowledge) -> str:
    """The whole base as one DMN 1.3 model: every decision with its table, chained by what they require.

    Raises:
        BadInput: a condition reads a volume table, which DMN has no notation for.
    """
    return _Exporting(knowledge, knowledge.decisions.values()).text()


def export_dmn_tables(knowledge: Knowledge) -> dict[str, str]:
    """Each decision as a DMN 1.3 model of its own, by file name; what it takes from others is an input of it.

    Raises:
        BadInput: a condition reads a volume table, which DMN has no notation for.
    """
    return {
        f"{decision.name}.dmn": _Exporting(knowledge, [decision.table], [decision]).text()
        for table in _in_order(knowledge)
        for decision in _decisions_of(table)
    }


def _in_order(knowledge: Knowledge) -> list[DecisionTable]:
    return [knowledge.decisions[name] for name in knowledge.order if name in knowledge.decisions]


@dataclass(frozen=True, slots=True)
class _Decision:
    """A decision as the model has it.

    Outputs that conditions read one by one become a decision each, so that each can be read under its own name.

    Args:
        name: what the model calls it.
        outputs: each output, by the name that conditions read, with its name in the model.
    """

    name: str
    table: DecisionTable
    outputs: Mapping[str, str]


def _decisions_of(table: DecisionTable) -> list[_Decision]:
    declared = table.declaration
    if declared.name or table.policy == "collect":
        return [_Decision(table.name, table, declared.keys)]
    return [_Decision(output, table, {output: output}) for output in table.outputs]


@dataclass(frozen=True, slots=True)
class _Column:
    """One input column: what it tests, and how a cell of it is written for each box."""

    label: str
    expression: str
    type: str
    key: Node
    part: str = "whole"
    values: tuple[str, ...] = ()


@dataclass(slots=True)
class _Table:
    """The columns and rows of one decision table."""

    columns: list[_Column] = field(default_factory=list)
    rows: list[tuple[list[str], Row]] = field(default_factory=list)
    default: Row | None = None
    policy: str = "UNIQUE"


class _Exporting:
    """Writes some decisions of a base as one model."""

    def __init__(
        self, knowledge: Knowledge, tables: Iterable[DecisionTable], only: Sequence[_Decision] | None = None
    ) -> None:
        self.knowledge = knowledge
        tables = list(tables)
        ordered = [table for table in _in_order(knowledge) if table in tables]
        self.decisions = only or [decision for table in ordered for decision in _decisions_of(table)]
        self.boxes = Boxes(knowledge)
        #: The decisions that this model holds, by each name that conditions read.
        self.held = {output: decision for decision in self.decisions for output in decision.outputs}
        self.inputs: dict[str, tuple[str, str, str]] = {}
        self.structures: dict[str, DecisionTable] = {}

    def text(self) -> str:
        """The model as XML."""
        from lxml import etree

        manifest = self.knowledge.manifest
        root = etree.Element(f"{{{NAMESPACE}}}definitions", nsmap={None: NAMESPACE})
        root.set("id", f"definitions_{manifest.name}")
        root.set("name", printable(manifest.title))
        root.set("namespace", f"urn:breakeven:{manifest.name}")
        root.set("exporter", "Breakeven")
        root.set("exporterVersion", __version__)
        _add(root, "description", f"Knowledge base {manifest.name} {manifest.version}, as of {self.knowledge.on}.")
        elements = [self._decision(root, decision) for decision in self.decisions]
        types = [self._structure(root, table) for table in self.structures.values()]
        inputs = [self._input(root, name, *about) for name, about in self.inputs.items()]
        root.extend([*types, *inputs, *elements])
        text: bytes = etree.tostring(root, pretty_print=True, xml_declaration=True, encoding="UTF-8")
        return text.decode("utf-8")

    # -- names -------------------------------------------------------------------------------------

    def _called(self, node: Name | State) -> str:
        """What the model calls a name, or the state of one; it is noted as an input where no decision gives it."""
        knowledge = self.knowledge
        if isinstance(node, State):
            called = f"{node.name}_is_{node.state}"
            about = f"{knowledge.title(node.name)}: whether it is {node.state}"
            self.inputs.setdefault(called, (about, "boolean", ""))
            return called
        declared = knowledge.declared_name(node.name)
        owner = knowledge.decisions.get(knowledge.decision_of.get(declared, ""))
        if owner is not None and owner.declaration.name:
            self.structures.setdefault(owner.name, owner)
            if declared not in self.held:
                self.inputs.setdefault(owner.name, (owner.declaration.title, f"t_{owner.name}", ""))
            return f"{owner.name}.{owner.declaration.keys[declared]}"
        if declared not in self.held:
            unit = knowledge.unit(node.name)
            about = f"In {unit}." if unit not in (None, "1") else ""
            self.inputs.setdefault(declared, (knowledge.title(declared), self._type(node), about))
        return declared

    def _type(self, node: Name) -> str:
        kind = self.knowledge.scope.symbols[node.name].type
        if isinstance(kind, NumberType):
            return "number"
        return "string" if isinstance(kind, ChoiceType) else "boolean"

    def _feel(self, node: Node, row: Row) -> str:
        try:
            return feel(node, self._called)
        except NotInFeelError as error:
            message = f"cannot be written as DMN: {error}"
            hint = "Give what it computes to a figure; figures are inputs of the model"
            raise BadInput([Problem(row.when_place, message, row.id, hint, "not-in-dmn")]) from error

    # -- tables ------------------------------------------------------------------------------------

    def _table(self, decision: _Decision) -> _Table:
        table, declared = decision.table, decision.table.declaration
        found = _Table(policy=_POLICIES[declared.hit_policy])
        others = [row for row in table.rows if row.declaration.when != OTHERWISE]
        otherwise = next((row for row in table.rows if row.declaration.when == OTHERWISE), None)
        if otherwise is not None and table.policy in ("unique", "any"):
            # Where a row holds, the last one does not count: so the first that holds is the one that does.
            found.policy = "FIRST"
        elif otherwise is not None and table.policy == "collect":
            found.default, otherwise = otherwise, None
        names_once = declared.hit_policy == "collect" and not declared.aggregate
        boxed = [
            (box, row) for row in others for box in self._boxes_of(row, others if names_once else [], found.policy)
        ]
        found.columns = self._columns(boxed)
        for box, row in boxed:
            found.rows.extend((cells, row) for cells in self._written(found.columns, box))
        if otherwise is not None:
            found.rows.append(([_ANYTHING] * len(found.columns), otherwise))
        return found

    def _boxes_of(self, row: Row, rows: Sequence[Row], policy: str) -> list[Box]:
        if policy in ("FIRST", "ANY"):
            return self.boxes.of(row.when, apart=False)
        # What a decision collects it names once, where a DMN engine would name it for every row that holds.
        before = itertools.takewhile(lambda other: other is not row, rows)
        return self.boxes.beside(row.when, [other.when for other in before if other.then == row.then])

    def _columns(self, boxed: Sequence[tuple[Box, Row]]) -> list[_Column]:
        rows: dict[Node, Row] = {}
        cells: dict[Node, list[Cell]] = {}
        for box, row in boxed:
            for key, cell in box.items():
                rows.setdefault(key, row)
                cells.setdefault(key, []).append(cell)
        # Whether something is known is asked before what it is.
        ordered = sorted(cells, key=lambda key: not isinstance(key, State))
        return [column for key in ordered for column in self._columns_for(key, cells[key], rows[key])]

    def _columns_for(self, key: Node, cells: Sequence[Cell], row: Row) -> Iterator[_Column]:
        match key:
            case Name():
                called, title = self._called(key), self.knowledge.title(key.name)
                yield from self._columns_of_name(key, called, title, cells)
            case State():
                called = self._called(key)
                yield _Column(self.inputs[called][0], called, "boolean", key)
            case Comparison(left=left, right=right) if self._beside(key, cells):
                self._feel(right, row)
                yield _Column(self._feel(key, row), self._feel(left, row), "number", key, "beside")
            case _:
                text = self._feel(key, row)
                yield _Column(text, text, "boolean", key)

    def _columns_of_name(self, key: Name, called: str, title: str, cells: Sequence[Cell]) -> Iterator[_Column]:
        kind = self.knowledge.scope.symbols[key.name].type
        if isinstance(kind, NumberType):
            if any(_is_between(cell) for cell in cells):
                yield _Column(f"{title} (at least)", called, "number", key, "low")
                yield _Column(f"{title} (at most)", called, "number", key, "high")
            else:
                yield _Column(title, called, "number", key)
        elif isinstance(kind, ChoiceType):
            fact = self.knowledge.facts.get(key.name)
            yield _Column(title, called, "string", key, values=() if fact and fact.open else kind.values)
        else:
            yield _Column(title, called, "boolean", key)

    def _beside(self, key: Comparison, cells: Iterable[Cell]) -> bool:
        """Whether a comparison of two numbers can stand in a cell: ``> horizon`` below the column of the other."""
        is_end = isinstance(key.right, Name | Number)
        positive = key.operator != "==" or all(isinstance(cell, Holds) and cell.truth for cell in cells)
        return is_end and positive and self._is_number(key.left) and self._is_number(key.right)

    def _is_number(self, node: Node) -> bool:
        if isinstance(node, Name):
            return isinstance(self.knowledge.scope.symbols[node.name].type, NumberType)
        return not isinstance(node, Truth)

    def _written(self, columns: Sequence[_Column], box: Box) -> list[list[str]]:
        """The rows that a box becomes, each with a cell for every column."""
        alternatives = [self._cell(column, box.get(column.key)) for column in columns]
        count = 1
        for cell in alternatives:
            count *= len(cell)
        if count > _MOST_ROWS:
            alternatives = [[", ".join(cell)] for cell in alternatives]
        return [list(cells) for cells in itertools.product(*alternatives)]

    def _cell(self, column: _Column, cell: Cell | None) -> list[str]:
        """What stands in a column, one of them in each of the rows."""
        match cell:
            case None:
                return [_ANYTHING]
            case Holds(truth=truth):
                return [self._truth(column, truth=truth)]
            case Words(words=words, all=known, but=but):
                listed = [feel_string(word) for word in sorted(words, key=_position(known))]
                return [f"not({', '.join(listed)})"] if but else listed
            case Interval():
                return [_interval(cell, column.part)]

    def _truth(self, column: _Column, *, truth: bool) -> str:
        if column.part != "beside":
            return "true" if truth else "false"
        assert isinstance(column.key, Comparison)  # noqa: S101 - the column was made for one
        end = feel(column.key.right, self._called)
        operator = column.key.operator if truth else _OPPOSITE[column.key.operator]
        return end if operator == "==" else f"{operator} {end}"

    # -- XML ---------------------------------------------------------------------------------------

    def _decision(self, root: _Element, decision: _Decision) -> _Element:
        declared = decision.table.declaration
        table = self._table(decision)
        element = _new(root, "decision", id=f"decision_{decision.name}", name=decision.name)
        element.set("label", printable(declared.title))
        _add(element, "description", f"{declared.title}. Source: {declared.source}")
        variable = _add(element, "variable", id=f"variable_{decision.name}", name=decision.name)
        variable.set("typeRef", self._result_type(decision))
        for name in self._requires(table):
            requirement = _add(element, "informationRequirement")
            is_held = any(name == held.name for held in self.decisions)
            kind, id_of = ("requiredDecision", "decision") if is_held else ("requiredInput", "input")
            _add(requirement, kind, href=f"#{id_of}_{name}")
        element.append(self._decision_table(element, decision, table))
        return element

    def _requires(self, table: _Table) -> list[str]:
        """The inputs and decisions that the table reads, each once."""
        parts = (part for column in table.columns for part in _names_in(column.key))
        return list(dict.fromkeys(self._called(part).partition(".")[0] for part in parts))

    def _result_type(self, decision: _Decision) -> str:
        declared = decision.table.declaration
        if declared.aggregate:
            return "number"
        if declared.name or decision.table.policy == "collect":
            self.structures.setdefault(decision.table.name, decision.table)
            return f"t_{decision.name}"
        return _TYPES[declared.kinds[next(iter(decision.outputs))]]

    def _structure(self, root: _Element, table: DecisionTable) -> _Element:
        """The type of a decision that concludes several outputs, or a list."""
        element = _new(root, "itemDefinition", id=f"type_{table.name}", name=f"t_{table.name}")
        element.set("isCollection", "true" if table.policy == "collect" else "false")
        if len(table.outputs) == 1 and not table.declaration.name:
            _add(element, "typeRef", _TYPES[next(iter(table.declaration.kinds.values()))])
            return element
        for output, key in table.declaration.keys.items():
            component = _add(element, "itemComponent", id=f"type_{table.name}_{key}", name=key)
            _add(component, "typeRef", _TYPES[table.declaration.kinds[output]])
        return element

    def _input(self, root: _Element, name: str, title: str, kind: str, about: str) -> _Element:
        element = _new(root, "inputData", id=f"input_{name}", name=name)
        element.set("label", printable(title))
        if about:
            _add(element, "description", about)
        _add(element, "variable", id=f"input_variable_{name}", name=name, typeRef=kind)
        return element

    def _decision_table(self, root: _Element, decision: _Decision, table: _Table) -> _Element:
        declared = decision.table.declaration
        element = _new(root, "decisionTable", id=f"table_{decision.name}", hitPolicy=table.policy)
        if declared.aggregate:
            element.set("aggregation", declared.aggregate.upper())
        for index, column in enumerate(table.columns, 1):
            own = f"{decision.name}_{index}"
            clause = _add(element, "input", id=f"column_{own}", label=printable(column.label))
            expression = _add(clause, "inputExpression", id=f"expression_{own}", typeRef=column.type)
            _add(expression, "text", column.expression)
            if column.values:
                values = _add(clause, "inputValues", id=f"values_{own}")
                _add(values, "text", ", ".join(map(feel_string, column.values)))
        for output, name in decision.outputs.items():
            self._output(element, decision, output, name, table.default)
        for number, (cells, row) in enumerate(table.rows, 1):
            self._rule(element, decision, f"{decision.name}_{number}", cells, row)
        return element

    def _output(self, table: _Element, decision: _Decision, output: str, name: str, default: Row | None) -> None:
        declared = decision.table.declaration
        kind = declared.kinds[output]
        clause = _add(table, "output", id=f"output_{output}", name=name, typeRef=_TYPES[kind])
        clause.set("label", printable(declared.titles.get(declared.keys[output], declared.title)))
        if not declared.aggregate:
            values = _add(clause, "outputValues", id=f"output_values_{output}")
            _add(values, "text", ", ".join(_constant(word, kind) for word in decision.table.outputs[output]))
        if default is not None:
            entry = _add(clause, "defaultOutputEntry", id=f"default_{output}")
            _add(entry, "text", _constant(default.then[output], kind))

    def _rule(self, table: _Element, decision: _Decision, own: str, cells: Sequence[str], row: Row) -> None:
        rule = _add(table, "rule", id=f"rule_{own}")
        _add(rule, "description", f"{row.id}: {row.declaration.because} Source: {row.declaration.source}")
        for index, cell in enumerate(cells, 1):
            _add(_add(rule, "inputEntry", id=f"cell_{own}_{index}"), "text", cell)
        for output in decision.outputs:
            entry = _add(rule, "outputEntry", id=f"then_{own}_{output}")
            _add(entry, "text", _constant(row.then[output], decision.table.declaration.kinds[output]))


def _constant(word: str, kind: OutputKind) -> str:
    if kind == "number":
        return feel_number(float(word))
    return word if kind == "yes/no" else feel_string(word)


def _is_between(cell: Cell) -> bool:
    """Whether a cell needs two comparisons."""
    return isinstance(cell, Interval) and cell.low != cell.high and _has_low(cell) and _has_high(cell)


def _has_low(cell: Interval) -> bool:
    return cell.low != float("-inf")


def _has_high(cell: Interval) -> bool:
    return cell.high != float("inf") or not cell.high_closed


def _interval(cell: Interval, part: str) -> str:
    """One comparison; of a range its lower or its upper end, as the column asks."""
    if cell.low == cell.high and cell.low != float("inf"):
        return feel_number(cell.low) if part != "high" else _ANYTHING
    if part != "high" and _has_low(cell):
        return f"{'>=' if cell.low_closed else '>'} {feel_number(cell.low)}"
    if part != "low" and _has_high(cell):
        return f"{'<=' if cell.high_closed else '<'} {feel_number(cell.high)}"
    return _ANYTHING


def _position(known: tuple[str, ...] | None) -> Any:
    order = {word: index for index, word in enumerate(known or ())}
    return lambda word: (order.get(word, len(order)), word)


def _names_in(node: Node) -> list[Name | State]:
    from engine.language.nodes import walk

    return [part for part in walk(node) if isinstance(part, Name | State)]


def _new(beside: _Element, tag: str, **attributes: str) -> _Element:
    element: _Element = beside.makeelement(f"{{{NAMESPACE}}}{tag}", attributes)
    return element


def _add(parent: _Element, tag: str, text: str | None = None, **attributes: str) -> _Element:
    element = _new(parent, tag, **attributes)
    parent.append(element)
    if text is not None:
        element.text = text if tag == "text" else printable(text)
    return element
