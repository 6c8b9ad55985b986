"""What the elements of a DMN model become: facts, and decisions with their outputs and what each column tests.

Nothing is written here; what cannot be taken is found here, all of it, by element and line.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from engine.declarations import LARGEST_NUMBER
from engine.dmn.feel import (
    Compared,
    Constant,
    Kind,
    NotTakenError,
    Reference,
    Term,
    Test,
    Tests,
    is_name,
    normalized,
    read_constant,
    read_term,
    read_tests,
    references,
    terms_of,
)
from engine.dmn.markup import (
    LONGEST_SHOWN,
    DecisionElement,
    InputColumn,
    InputElement,
    Model,
    OutputColumn,
    Written,
    describe,
)
from engine.dmn.naming import Names
from engine.dmn.types import Named, Types
from engine.errors import Place, Problem, did_you_mean
from engine.source import MOST_PROBLEMS, printable, quote, shorten

_POLICIES = {"UNIQUE": "unique", "ANY": "any", "FIRST": "first", "COLLECT": "collect", "RULE ORDER": "rule order"}
_AGGREGATES = {"SUM": "sum", "MIN": "min", "MAX": "max", "COUNT": "count"}
_POLICY_HINT = "Taken are UNIQUE, ANY, FIRST, RULE ORDER and COLLECT"
_TYPE_HINT = "Taken are strings, numbers and booleans"
_ENTRY_HINT = "Taken are comparisons, ranges, lists of values, not(…) and -"
_LONGEST_WORD = 4_000
#: Parts of one structure; each becomes a fact.
_MOST_PARTS = 300
#: What a type or entry holds, as messages say it.
KIND_NAMES: Mapping[Kind, str] = {"number": "numbers", "text": "texts", "boolean": "true and false"}


@dataclass(slots=True)
class Source:
    """Where the values that columns test come from: a fact, or an output of a decision.

    Args:
        name: what conditions call it.
        title: what the model calls it.
        line: where it is declared, or first named.
        kind: what its values are; None while nothing has told.
        allowed: the tests that every value passes.
        words: the texts that it is tested for, or may be.
        is_list: whether it is several values at once.
        untaken: the name of its type, where that is not taken.
        concluded: the constants that a decision gives it; None for a fact.
    """

    name: str
    title: str
    line: int
    description: str | None = None
    kind: Kind | None = None
    allowed: Tests | None = None
    words: dict[str, None] = field(default_factory=dict)
    is_list: bool = False
    untaken: str | None = None
    concluded: tuple[Constant, ...] | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a decision: what each rule gives, and what holds where no rule does."""

    key: str
    source: Source
    column: OutputColumn
    constants: tuple[Constant | None, ...]
    default: Constant | None


@dataclass(frozen=True, slots=True)
class Column:
    """One input of a decision: what it tests, and how each rule does.

    Args:
        position: which input of the table it is, from 0.
        owner: the input as messages name it, behind its decision or rule.
    """

    position: int
    subject: Term
    tests: tuple[Tests, ...]
    owner: str
    column: InputColumn


@dataclass(slots=True)
class Decision:
    """One decision.

    Args:
        policy: as the rule files call it.
        sources: everything its expressions name.
    """

    element: DecisionElement
    name: str
    policy: str
    aggregate: str | None
    outputs: tuple[Output, ...] = ()
    columns: tuple[Column, ...] = ()
    sources: dict[str, Source] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """The decision as messages name it."""
        return describe("decision", self.element.name)

    @property
    def may_give_nothing(self) -> bool:
        """Whether it may be null though every input is there: where no rule may hold, and nothing stands in."""
        if self.aggregate == "count" or any(output.default is not None for output in self.outputs):
            return False
        rows = range(len(self.element.table.rows))
        return not any(all(not column.tests[row].tests for column in self.columns) for row in rows)

    @property
    def reads(self) -> dict[str, Source]:
        """What its columns read, by the name of each in the base."""
        read = (part for column in self.columns for part in (column.subject, *_tests_of(column)))
        found = (self.sources[name] for part in read for name in references(part))
        return {source.name: source for source in found}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a model becomes, with every problem that keeps it from it.

    Args:
        names: those that are taken.
    """

    model: Model
    facts: tuple[Source, ...]
    decisions: tuple[Decision, ...]
    problems: list[Problem]
    names: Names = field(default_factory=Names)

    def gaps_of(self, decision: Decision) -> dict[str, Decision]:
        """The decisions that one reads and that may give nothing, by the model's name of each value."""
        owners = {output.source.name: one for one in self.decisions for output in one.outputs}
        reads = decision.reads
        found: dict[str, Decision] = {}
        for name, source in decision.sources.items():
            owner = owners.get(source.name)
            if owner is not None and source.name in reads and owner.may_give_nothing:
                found[name] = owner
        return found

    def note(self, line: int, owner: str, message: str, hint: str | None = None) -> None:
        """Add a problem."""
        if len(self.problems) <= MOST_PROBLEMS:
            place = Place(self.model.file, line)
            self.problems.append(Problem(place, printable(message), printable(owner), hint, "not-taken"))


def _tests_of(column: Column) -> Iterator[Test]:
    return (test for tests in column.tests for test in tests.tests)


def plan(model: Model) -> Plan:
    """What the elements of the model become."""
    planner = _Planner(model)
    planner.declare()
    planner.read()
    planner.settle()
    return Plan(model, tuple(planner.facts), tuple(planner.decisions), planner.problems, planner.names)


class _Planner:
    def __init__(self, model: Model) -> None:
        self.model = model
        self.problems: list[Problem] = []
        self.facts: list[Source] = []
        self.decisions: list[Decision] = []
        self.names = Names()
        self._types = Types(model.types)
        #: Every source by each of the names that any expression may call it.
        self._known: dict[str, Source] = {}
        #: The facts of each input, by the input's id, each with its path in the structure.
        self._parts_of: dict[str, list[tuple[str, Source]]] = {}

    def declare(self) -> None:
        """Facts and decisions get their names before any expression is read."""
        for kind, elements in (("input", self.model.inputs), ("decision", self.model.decisions)):
            seen: set[str] = set()
            for one in elements:
                name = normalized(one.name)
                if name in seen:
                    self._note(one.line, describe(kind, one.name), f"is there twice: another {kind} has this name")
                seen.add(name)
        for element in self.model.inputs:
            self._declare_input(element)
        for decision in self.model.decisions:
            self._declare_decision(decision)

    def read(self) -> None:
        """Read every input column."""
        for decision in self.decisions:
            decision.sources, doubtful = self._callable_from(decision)
            decision.columns = tuple(self._columns(decision, doubtful))

    def settle(self) -> None:
        """What is left open once every column is read: what is calculated with is a number, anything else a text."""
        for decision in self.decisions:
            for column in decision.columns:
                self._settle(decision.sources, column)
        for source in self.facts:
            source.kind = source.kind or "text"
        for decision in self.decisions:
            for column in decision.columns:
                self._compare_texts(decision, column)
        for source in self.facts:
            self._check_words(source)

    def _note(self, line: int, owner: str, message: str, hint: str | None = None) -> None:
        Plan(self.model, (), (), self.problems).note(line, owner, message, hint)

    # -- facts -------------------------------------------------------------------------------------

    def _declare_input(self, element: InputElement) -> None:
        owner = describe("input", element.name)
        parts = list(self._parts(self._types.named(element.type)))
        if len(parts) > _MOST_PARTS:
            self._note(element.line, owner, f"is a structure of more than {_MOST_PARTS} parts, which is not taken")
            return
        for path, named in parts:
            source = self._fact(f"{element.name}{path}", element.line, element.description)
            source.kind, source.is_list, source.untaken = named.kind, named.collection, named.untaken
            if named.allowed is not None:
                self._hold(source, named.allowed, owner)
            for called in (element.name, element.variable):
                self._known.setdefault(normalized(f"{called}{path}"), source)
            self._parts_of.setdefault(element.id, []).append((path, source))

    def _parts(self, whole: Named) -> Iterator[tuple[str, Named]]:
        """The value itself, or each component of a structure by its path, such as ``.Age``.

        Of a structure without end there are more than are taken.
        """
        waiting = [("", whole)]
        for _ in range(2 * _MOST_PARTS):
            if not waiting:
                return
            path, named = waiting.pop(0)
            if named.components:
                waiting += [(f"{path}.{one.name}", self._types.of(one)) for one in named.components]
            else:
                yield path, named
        # A type that holds itself has no end.
        yield from itertools.repeat(("", whole), _MOST_PARTS + 1)

    def _fact(self, title: str, line: int, description: str | None = None) -> Source:
        source = Source(self.names.give(title, "input"), title, line, description)
        self.facts.append(source)
        return source

    def _hold(self, source: Source, written: Written, owner: str) -> None:
        """Hold a fact to the values that a type or column allows."""
        tests = self._tests(written, (), owner)
        if tests is None or not tests.tests:
            return
        if source.allowed is not None and set(source.allowed.tests) != set(tests.tests):
            self._note(written.line, owner, f"allows other values of '{source.title}' than are allowed elsewhere")
        source.allowed = tests
        source.words.update(dict.fromkeys(texts_in(tests)))

    def _check_words(self, source: Source) -> None:
        owner = describe("input", source.title)
        if source.allowed is not None and source.kind == "boolean":
            both = [source.allowed.admits(Constant(truth)) for truth in (True, False)]
            if both != [True, True]:
                self._note(source.line, owner, "does not allow both true and false")
        if source.allowed is None or source.kind != "text":
            return
        if source.allowed.negated or len(texts_in(source.allowed)) != len(source.allowed.tests):
            self._note(source.line, owner, "allows values that are not a list of texts")
        for word in source.words:
            if source.allowed.admits(Constant(word)) is False:
                self._note(source.line, owner, f"is tested for {quote(word)}, which is not among its allowed values")

    # -- decisions and outputs -----------------------------------------------------------------------

    def _declare_decision(self, element: DecisionElement) -> None:
        table, owner = element.table, describe("decision", element.name)
        policy = _POLICIES.get(table.policy.upper())
        if policy is None:
            self._note(table.line, owner, f"the hit policy {table.policy} is not taken", _POLICY_HINT)
        aggregate = _AGGREGATES.get((table.aggregation or "").upper())
        if table.aggregation and (aggregate is None or policy != "collect"):
            self._note(table.line, owner, f"the aggregation {table.aggregation} is not taken with {table.policy}")
        if aggregate and len(table.outputs) > 1:
            self._note(table.line, owner, "an aggregation of several outputs is not taken", "Make it several tables")
        decision = Decision(element, self.names.give(element.name, "decision"), policy or "unique", aggregate)
        keys = Names()
        decision.outputs = tuple(
            self._output(decision, column, index, keys) for index, column in enumerate(table.outputs)
        )
        self.decisions.append(decision)
        self._check_defaults(decision)
        for called in (element.name, element.variable):
            if len(decision.outputs) == 1:
                self._known.setdefault(normalized(called), decision.outputs[0].source)
            for output in decision.outputs:
                if len(decision.outputs) > 1 and output.column.name:
                    self._known.setdefault(normalized(f"{called}.{output.column.name}"), output.source)

    def _output(self, decision: Decision, column: OutputColumn, index: int, keys: Names) -> Output:
        table, several = decision.element.table, len(decision.element.table.outputs) > 1
        instead = f"output_{index + 1}"
        key = keys.give(column.name or instead, instead)
        while several and not self.names.reserve(f"{decision.name}_{key}"):
            key = keys.give(key, instead)
        title = (column.name or key) if several else decision.element.name
        source = Source(f"{decision.name}_{key}" if several else decision.name, title, column.line)
        owner = f"{decision.owner}, output '{title}'" if several else decision.owner
        constants = tuple(
            self._constant(row.outputs[index], f"{decision.owner}, rule {number}")
            for number, row in enumerate(table.rows, 1)
        )
        default = self._constant(column.default, f"{owner}, default output") if column.default else None
        source.concluded = tuple(one for one in (*constants, default) if one is not None)
        source.is_list = decision.policy in ("collect", "rule order") and decision.aggregate is None
        named = self._types.of_output(column.type, decision.element.type, column.name, several=several)
        self._type_output(decision, source, column, named, owner)
        return Output(key, source, column, constants, default)

    def _type_output(self, decision: Decision, source: Source, column: OutputColumn, named: Named, owner: str) -> None:
        """What the output's values are, by its type and by what the rules give."""
        given = source.concluded or ()
        kinds = {constant.kind for constant in given}
        if named.kind and decision.aggregate != "count":
            kinds.add(named.kind)
        if named.untaken:
            self._note(column.line, owner, f"the type {quote(named.untaken)} is not taken", _TYPE_HINT)
        elif len(kinds) > 1:
            mixed = " and ".join(sorted(KIND_NAMES[kind] for kind in kinds))
            self._note(column.line, owner, f"mixes {mixed}", "Let every entry of an output be of its one type")
        elif decision.aggregate not in (None, "count") and kinds - {"number"}:
            message = f"aggregates {KIND_NAMES[next(iter(kinds))]} by {decision.element.table.aggregation}"
            self._note(column.line, owner, message, "Only numbers have a sum, a smallest and a largest")
        source.kind = "number" if decision.aggregate else next(iter(kinds), None)
        for written in (named.allowed, column.allowed):
            tests = self._tests(written, (), owner) if written else None
            source.words.update(dict.fromkeys(texts_in(tests or Tests())))
            for constant in given if tests else ():
                if tests is not None and written is not None and tests.admits(constant) is False:
                    message = f"gives {shown(constant)}, which is not among the output values"
                    self._note(written.line, owner, message)
        source.words.update(dict.fromkeys(one.value for one in given if isinstance(one.value, str)))

    def _check_defaults(self, decision: Decision) -> None:
        given = [output for output in decision.outputs if output.column.default is not None]
        if not given:
            return
        if len(given) < len(decision.outputs):
            self._note(given[0].column.line, decision.owner, "has a default output for some of its outputs only")
        if decision.aggregate == "count":
            self._note(given[0].column.line, decision.owner, "a default output beside COUNT is not taken")

    def _constant(self, written: Written, owner: str) -> Constant | None:
        try:
            constant = read_constant(written.text)
        except NotTakenError as error:
            found = f"{quote(written.text)} is not taken: {error}" if written.text else "is empty"
            hint = "Taken are one number, one text in quotes, true and false"
            self._note(written.line, owner, f"the output entry {found}", hint)
            return None
        return constant if self._fits(constant, written, owner) else None

    def _fits(self, constant: Constant, written: Written, owner: str) -> bool:
        """Whether a value can be one of a knowledge base."""
        value = constant.value
        if isinstance(value, str) and not 0 < len(value) <= _LONGEST_WORD:
            self._note(written.line, owner, f"a text of {len(value):,} characters is not taken")
        elif isinstance(value, str) and not _has_a_place_in_a_file(value):
            self._note(written.line, owner, f"the text {quote(value)} holds characters that no file may hold")
        elif isinstance(value, float) and abs(value) > LARGEST_NUMBER:
            self._note(written.line, owner, f"the number {constant.written} is too large to compute with")
        else:
            return True
        return False

    # -- columns -----------------------------------------------------------------------------------

    def _callable_from(self, decision: Decision) -> tuple[dict[str, Source], dict[str, str]]:
        """What a decision's expressions may name, and which of these names are doubtful, with what they may mean.

        What it requires goes before whatever else has the name, and a thing's own name before that of an output
        and an id, by which some tools call it.
        """
        called: list[list[tuple[str, Source]]] = [[], [], []]
        decisions = {one.element.id: one for one in self.decisions}
        inputs = {element.id: element for element in self.model.inputs}
        for required in decision.element.requires:
            if required in decisions:
                self._call_decision(required, decisions[required], called)
            elif required in inputs:
                self._call_input(inputs[required], called)
        found: dict[str, Source] = {}
        doubtful: dict[str, str] = {}
        for names in called:
            before = frozenset(found)
            for name, source in names:
                if name in before or found.setdefault(name, source) is source:
                    continue
                doubtful[name] = f"'{found[name].title}' or '{source.title}'"
        return {**self._known, **found}, doubtful

    def _call_decision(self, id: str, decision: Decision, called: list[list[tuple[str, Source]]]) -> None:
        own, by_output, by_id = called
        for output in decision.outputs:
            if output.column.name:
                by_output.append((normalized(output.column.name), output.source))
            for name in (decision.element.name, decision.element.variable):
                if len(decision.outputs) == 1:
                    own.append((normalized(name), output.source))
                elif output.column.name:
                    own.append((normalized(f"{name}.{output.column.name}"), output.source))
        if len(decision.outputs) == 1:
            by_id.append((id, decision.outputs[0].source))

    def _call_input(self, element: InputElement, called: list[list[tuple[str, Source]]]) -> None:
        own, _, by_id = called
        for path, source in self._parts_of.get(element.id, ()):
            own += [(normalized(f"{name}{path}"), source) for name in (element.name, element.variable)]
            if not path:
                by_id.append((element.id, source))

    def _columns(self, decision: Decision, doubtful: Mapping[str, str]) -> Iterator[Column]:
        for position, column in enumerate(decision.element.table.inputs):
            label = describe("input", normalized(column.expression.text) or column.label)
            owner = f"{decision.owner}, {label}"
            subject = self._subject(column, decision.sources, owner)
            rows = enumerate(decision.element.table.rows, 1)
            tests = [
                self._tests(row.inputs[position], decision.sources, f"{decision.owner}, rule {number}, {label}")
                for number, row in rows
            ]
            if subject is not None:
                found = Column(position, subject, tuple(one or Tests() for one in tests), label, column)
                self._refuse_doubtful(found, doubtful, owner)
                self._learn(found, decision.sources, owner)
                yield found

    def _refuse_doubtful(self, column: Column, doubtful: Mapping[str, str], owner: str) -> None:
        """Refuse a name that means several things which the decision requires."""
        read = (name for part in (column.subject, *_tests_of(column)) for name in references(part))
        for name in dict.fromkeys(read):
            if name in doubtful:
                message = f"“{name}” may be {doubtful[name]}: the decision requires both"
                self._note(column.column.line, owner, message, "Name each of them by the name of its decision")

    def _subject(self, column: InputColumn, sources: dict[str, Source], owner: str) -> Term | None:
        text = normalized(column.expression.text)
        if text not in sources and is_name(text):
            if self.model.inputs:
                near = did_you_mean(text, sources) if len(text) <= LONGEST_SHOWN else None
                hint = near or "Name an input or a decision of the model"
                message = (
                    f"the input expression is not taken: the name “{shorten(text)}”, which the model does not declare"
                )
                self._note(column.expression.line, owner, message, hint)
                return None
            # Where a model has no input data, its tables alone name what they read.
            sources[text] = self._known[text] = self._fact(text, column.line)
        try:
            # Spaces within a text belong to it.
            return read_term(text if text in sources else column.expression.text, sources)
        except NotTakenError as error:
            hint = "Taken are names, + - * / and one comparison"
            self._note(column.expression.line, owner, f"the input expression is not taken: {error}", hint)
            return None

    def _tests(self, written: Written, names: Iterable[str], owner: str) -> Tests | None:
        try:
            tests = read_tests(written.text, tuple(names))
        except NotTakenError as error:
            self._note(written.line, owner, f"{quote(written.text)} is not taken: {error}", _ENTRY_HINT)
            return None
        for constant in constants_in(tests):
            if not self._fits(constant, written, owner):
                return None
        return tests

    def _learn(self, column: Column, sources: Mapping[str, Source], owner: str) -> None:
        """What a column tells of the values it reads."""
        tested = [test for tests in column.tests for test in tests.tests]
        for name in dict.fromkeys(name for part in (column.subject, *tested) for name in references(part)):
            source = sources[name]
            if source.is_list:
                self._note(column.column.line, owner, f"'{source.title}' is several values at once")
            if source.untaken:
                message = f"'{source.title}' is of the type {quote(source.untaken)}, which is not taken"
                self._note(column.column.line, owner, message, _TYPE_HINT)
        if isinstance(column.subject, Reference):
            self._learn_values(sources[column.subject.name], column, owner)
        for reference, constant in _compared_constants(column):
            source = sources[reference.name]
            if isinstance(constant.value, str):
                source.kind = source.kind or "text"
                source.words.setdefault(constant.value)

    def _compare_texts(self, decision: Decision, column: Column) -> None:
        """Let texts that are compared with each other be told apart, which those that no rule names cannot be."""
        for one, other in _compared_references(column):
            sources = decision.sources[one.name], decision.sources[other.name]
            if sources[0] is sources[1] or any(source.kind != "text" for source in sources):
                continue
            free = [source for source in sources if source.concluded is None and source.allowed is None]
            if len(free) == len(sources):
                message = f"compares '{sources[0].title}' with '{sources[1].title}', and either may be any text"
                hint = "Let the type of one of them name its allowed values"
                self._note(column.column.line, f"{decision.owner}, {column.owner}", message, hint)
            for source in free:
                for other_source in sources:
                    source.words.update(other_source.words)

    def _learn_values(self, source: Source, column: Column, owner: str) -> None:
        named = self._types.named(column.column.type)
        constants = [constant for tests in column.tests for constant in constants_in(tests)]
        kinds = {constant.kind for constant in constants} | {kind for kind in (named.kind, source.kind) if kind}
        if named.untaken and not source.untaken:
            self._note(column.column.line, owner, f"the type {quote(named.untaken)} is not taken", _TYPE_HINT)
        if len(kinds) > 1:
            mixed = " and ".join(sorted(KIND_NAMES[kind] for kind in kinds))
            self._note(column.column.line, owner, f"'{source.title}' holds {mixed}", "Let it hold one of them")
        source.kind = source.kind or next(iter(kinds), None)
        source.words.update(dict.fromkeys(one.value for one in constants if isinstance(one.value, str)))
        for allowed in (column.column.allowed, named.allowed):
            if allowed is not None and source.concluded is None:
                self._hold(source, allowed, owner)
            elif allowed is not None:
                self._check_concluded(source, allowed, owner)

    def _check_concluded(self, source: Source, written: Written, owner: str) -> None:
        """Refuse a column that does not allow what the decision before it concludes."""
        tests = self._tests(written, (), owner)
        for constant in source.concluded or ():
            if tests is not None and tests.admits(constant) is False:
                message = f"does not allow {shown(constant)}, which the decision '{source.title}' gives"
                self._note(written.line, owner, message)

    def _settle(self, sources: Mapping[str, Source], column: Column) -> None:
        """Let what nothing has told of be what it is compared with, or a number where it is calculated with."""
        terms = [column.subject, *(term for tests in column.tests for test in tests.tests for term in terms_of(test))]
        compared = [sources[term.name] for term in terms if isinstance(term, Reference)]
        if isinstance(column.subject, Reference):
            known = next((source.kind for source in compared if source.kind is not None), None)
            for source in compared:
                source.kind = source.kind or known
        for term in terms:
            if not isinstance(term, Reference) or not isinstance(column.subject, Reference):
                for name in references(term):
                    sources[name].kind = sources[name].kind or "number"


def _compared_constants(column: Column) -> Iterator[tuple[Reference, Constant]]:
    """What the input expression itself compares with constants."""
    if isinstance(column.subject, Compared):
        for one, other in itertools.permutations((column.subject.left, column.subject.right)):
            if isinstance(one, Reference) and isinstance(other, Constant):
                yield one, other


def _compared_references(column: Column) -> Iterator[tuple[Reference, Reference]]:
    """What is compared with each other by name, in the input expression or by an entry."""
    subject = column.subject
    if isinstance(subject, Compared) and isinstance(subject.left, Reference) and isinstance(subject.right, Reference):
        yield subject.left, subject.right
    if isinstance(subject, Reference):
        terms = (term for tests in column.tests for test in tests.tests for term in terms_of(test))
        yield from ((subject, term) for term in dict.fromkeys(terms) if isinstance(term, Reference))


def constants_in(tests: Tests) -> Iterator[Constant]:
    """Every constant that the input is compared with."""
    for test in tests.tests:
        yield from (term for term in terms_of(test) if isinstance(term, Constant))


def texts_in(tests: Tests) -> list[str]:
    """Every text that the input is compared with."""
    return [constant.value for constant in constants_in(tests) if isinstance(constant.value, str)]


def shown(constant: Constant) -> str:
    """A constant as the model writes it."""
    if isinstance(constant.value, bool):
        return "true" if constant.value else "false"
    return quote(constant.value) if isinstance(constant.value, str) else constant.written


def _has_a_place_in_a_file(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" or (letter < " " and letter not in "\t\n\r") for letter in text)
