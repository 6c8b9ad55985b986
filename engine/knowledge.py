"""The knowledge base: the files of ``rules/`` read, checked, and made ready to compute with."""

from __future__ import annotations

import graphlib
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

from engine.declarations import (
    AmountDeclaration,
    CostsFile,
    DatedRows,
    DatedValue,
    DecisionFile,
    FactDeclaration,
    FactsFile,
    FigureDeclaration,
    KnowledgeFile,
    RangeOf,
    RuleDeclaration,
    TableDeclaration,
    word_of,
)
from engine.drafts import Draft, draft, outputs_named
from engine.errors import BadInput, Place, Problem, did_you_mean
from engine.expressions import Expressions, stand_in, stands_in, words_in
from engine.language.evaluate import Evaluate, Table, compile_plain
from engine.language.nodes import Call, Node, Not, Number, Or, State, Truth, names_in, walk
from engine.language.nodes import Name as NameNode
from engine.language.scope import ChoiceType, NumberType, Scope, SetType, Symbol, TableSignature, TruthType, Type
from engine.readings import aggregated, number_read, truth_read
from engine.resources import rules_directory
from engine.source import Document, read_despite_duplicates, read_text, shorten

_NOT_DECISIONS = ("facts.yaml", "costs.yaml", "claims.yaml", "knowledge.yaml")
#: Part of the base and of its hash, but no decision depends on it.
_READ_ELSEWHERE = ("claims.yaml",)
#: The most files of rules that a directory may hold.
MOST_FILES = 500
#: The condition of a row that holds where no other row of its decision does.
OTHERWISE = "otherwise"
_COLLECTING = ("collect", "rule order")
_M = TypeVar("_M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Row:
    """One rule of a decision, its condition resolved."""

    id: str
    when: Node
    then: Mapping[str, str]
    declaration: RuleDeclaration
    place: Place
    when_place: Place
    because_place: Place


@dataclass(frozen=True, slots=True)
class DecisionTable:
    """One decision: outputs, policy and rows in order."""

    name: str
    outputs: Mapping[str, Mapping[str, str]]
    policy: Literal["first", "unique", "any", "collect"]
    rows: tuple[Row, ...]
    declaration: DecisionFile
    file: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """A fact with a default, or a figure: something computed by a formula.

    What conditions read of a decision in place of the words it concludes is computed too: ``title`` is what
    people call it, ``decision`` whose it is, and ``stands_for`` the output it is read in place of.
    """

    name: str
    kind: Literal["fact", "figure", "reading"]
    formula: Node
    text: str
    evaluate: Evaluate
    place: Place
    title: str | None = None
    decision: str | None = None
    stands_for: str | None = None


@dataclass(frozen=True, slots=True)
class Range:
    """Low, likely and high of a constant or default."""

    low: float
    likely: float
    high: float


@dataclass(frozen=True, eq=False)
class Knowledge:
    """A knowledge base whose names, types and units are known to fit."""

    manifest: KnowledgeFile
    facts: Mapping[str, FactDeclaration]
    amounts: Mapping[str, AmountDeclaration]
    figures: Mapping[str, FigureDeclaration]
    tables: Mapping[str, Table]
    table_declarations: Mapping[str, TableDeclaration]
    decisions: Mapping[str, DecisionTable]
    quantities: Mapping[str, Quantity]
    scope: Scope
    #: Facts with defaults, figures and decisions, each after all it depends on.
    order: tuple[str, ...]
    sha256: str
    directory: Path
    #: The day as of which dated values and rows were chosen.
    on: date
    #: True where what is in force depends on the day.
    dated: bool
    documents: Mapping[str, Document] = field(repr=False)
    #: The days on which what is in force changes, the first day of each change, in order.
    changes: tuple[date, ...] = ()

    @cached_property
    def constants(self) -> dict[str, float]:
        """Every amount at its likely value."""
        return {name: _likely(amount.quantity) for name, amount in self.amounts.items()}

    @cached_property
    def constant_ranges(self) -> dict[str, Range]:
        """The amounts that are ranges."""
        return {
            name: Range(found.low, found.middle, found.high)
            for name, amount in self.amounts.items()
            if isinstance(found := amount.quantity, RangeOf)
        }

    @cached_property
    def default_ranges(self) -> dict[str, Range]:
        """The facts whose default is itself a range."""
        return {
            name: Range(fact.default.low, fact.default.middle, fact.default.high)
            for name, fact in self.facts.items()
            if isinstance(fact.default, RangeOf)
        }

    @cached_property
    def expressions(self) -> tuple[Node, ...]:
        """Every formula, and the condition of every row."""
        conditions = (row.when for table in self.decisions.values() for row in table.rows)
        return (*(quantity.formula for quantity in self.quantities.values()), *conditions)

    @cached_property
    def open_words(self) -> dict[str, tuple[str, ...]]:
        """The facts that may be any text, each with the words that rules name and one for all others, the last."""
        return {name: fact.words for name, fact in self.facts.items() if fact.open}

    @cached_property
    def decision_of(self) -> dict[str, str]:
        """For each output the decision that concludes it."""
        return {output: name for name, table in self.decisions.items() for output in table.outputs}

    @cached_property
    def reads(self) -> dict[str, frozenset[str]]:
        """For each quantity and decision the names its formula or conditions read directly."""
        reads = {name: names_in(quantity.formula) for name, quantity in self.quantities.items()}
        for name, table in self.decisions.items():
            reads[name] = frozenset().union(*(names_in(row.when) for row in table.rows))
        return reads

    @cached_property
    def concluded(self) -> frozenset[str]:
        """The figures that depend on a conclusion, and so are known only once rules have fired."""
        found: set[str] = set()
        for name in self.order:
            if name in self.quantities and any(
                read in found or self.scope.symbols[read].kind == "conclusion" for read in self.reads[name]
            ):
                found.add(name)
        return frozenset(found)

    def upstream(self, name: str) -> frozenset[str]:
        """Every fact and amount that the quantity, output or decision depends on, through any number of steps."""
        return self._upstream[self.decision_of.get(name, name)]

    @cached_property
    def _upstream(self) -> dict[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {name: frozenset({name}) for name in (*self.facts, *self.amounts)}
        for name in self.order:
            inputs = (found.get(self.decision_of.get(read, read), frozenset()) for read in self.reads[name])
            own = frozenset({name}) if name in self.facts else frozenset()
            found[name] = own.union(*inputs)
        return found

    def depending_on(self, names: Iterable[str]) -> frozenset[str]:
        """The facts, figures and decisions among the names, and all that depend on them through any number of steps."""
        found = set(names)
        for name in self.order:
            if any(self.decision_of.get(read, read) in found for read in self.reads[name]):
                found.add(name)
        return frozenset(found)

    def title(self, name: str) -> str:
        """What people call the name."""
        for declared in (self.facts, self.figures, self.amounts, self.table_declarations):
            if name in declared:
                return declared[name].title
        quantity = self.quantities.get(name)
        if quantity and quantity.title:
            return quantity.title
        if name in self.decisions:
            return self.decisions[name].declaration.title
        table = self.decisions.get(self.decision_of.get(name, ""))
        return _output_title(table, name) if table else name.replace("_", " ")

    @cached_property
    def readings(self) -> dict[str, str]:
        """What conditions read of decisions in place of words, each with the decision it is read of."""
        return {name: quantity.decision for name, quantity in self.quantities.items() if quantity.decision}

    def declared_names(self, node: Node) -> frozenset[str]:
        """The names an expression reads, as the files have them."""
        declared = (self.declared_name(name) for name in names_in(node))
        return frozenset(name for name in declared if name not in self.readings)

    def declared_name(self, name: str) -> str:
        """The name as the files have it: of a reading the output it stands for, of anything else its own."""
        quantity = self.quantities.get(name)
        return quantity.stands_for if quantity and quantity.stands_for else name

    def unit(self, name: str) -> str | None:
        """The declared unit of a number, None for anything else."""
        symbol = self.scope.symbols.get(name)
        return symbol.type.unit if symbol and isinstance(symbol.type, NumberType) else None


def load_knowledge(directory: Path | str | None = None, on: date | None = None) -> Knowledge:
    """The knowledge base in a directory, by default the built-in one; its names and types are checked here.

    Units and sentences are checked by ``engine.soundness.require_sound``. Of dated values and rows those in
    force on the day ``on`` are taken, by default today's.

    Raises:
        BadInput: with every problem of every file.
    """
    reading = read_knowledge(directory, on)
    if reading.problems:
        raise BadInput(reading.problems)
    return reading.knowledge


@dataclass(frozen=True, slots=True)
class Reading:
    """A directory of rules as far as it can be read.

    Args:
        knowledge: the base without what is broken; whole only where there are no problems.
        problems: everything that is wrong with the files' form, names and types, by file and line.
        incomplete: the facts, figures and decisions that lack a part, or depend on one that does.
        unread: every word of what was left out; a fact among them may be used there. None: any fact may be.
        has_units: False where the declaration of the units is broken.
        lines: the lines of each file that is text, by its name in messages.
    """

    knowledge: Knowledge
    problems: tuple[Problem, ...]
    incomplete: frozenset[str]
    unread: frozenset[str] | None
    has_units: bool
    lines: Mapping[str, Sequence[str]] = field(repr=False)


def read_knowledge(directory: Path | str | None = None, on: date | None = None) -> Reading:
    """What a directory of rules holds, by default the built-in one, however much is wrong with it.

    Raises:
        BadInput: there is no such directory.
    """
    path = rules_directory() if directory is None else Path(directory)
    shown = "rules" if directory is None else str(directory).rstrip("/")
    if not path.is_dir():
        raise BadInput([Problem(Place(shown), "no such directory of rules", hint=_RULES_HINT, code=UNREADABLE)])
    return _Loader(path, shown, on or date.today()).reading()  # noqa: DTZ011 - the day where the person is


#: The code of a problem with a file that could not be read at all.
UNREADABLE = "unreadable"
_RULES_HINT = "Name a directory that holds knowledge.yaml, facts.yaml, costs.yaml and decisions"


def _likely(value: float | RangeOf) -> float:
    return value.middle if isinstance(value, RangeOf) else value


def digest(texts: Mapping[str, str]) -> str:
    """SHA-256 over every file's name and text, line ends aside."""
    digest = hashlib.sha256()
    for name in sorted(texts):
        text = "\n".join(texts[name].splitlines())
        digest.update(f"{name}\0{len(text)}\0{text}\0".encode())
    return digest.hexdigest()


class _Loader:
    """Reads one directory, leaving out what is broken and collecting why."""

    def __init__(self, directory: Path, shown: str, on: date) -> None:
        self.directory = directory
        self.on = on
        self.dated = False
        self.changes: set[date] = set()
        self.shown = shown
        self.problems: list[Problem] = []
        self.texts: dict[str, str] = {}
        self.documents: dict[str, Document] = {}
        #: Names whose declaration is broken, and words of what could not be read; see ``Reading.unread``.
        self.broken: set[str] = set()
        self.suspected: set[str] = set()
        self.anything_unread = False
        self.incomplete: set[str] = set()

    def reading(self) -> Reading:
        self.read_files()
        manifest, has_units = self.manifest()
        facts = self.declared("facts.yaml", FactsFile, FactsFile(facts={}))
        costs = self.as_of(self.declared("costs.yaml", CostsFile, CostsFile()))
        drafts = self.declared_decisions()
        scope = self.scope(manifest, facts, costs, drafts)
        tables = {
            name: Table(
                tuple(first for first, _ in table.pairs),
                tuple(second for _, second in table.pairs),
                table.below == "proportional",
                table.above == "proportional",
            )
            for name, table in costs.tables.items()
        }
        quantities = self.quantities(facts, costs, tables)
        built = self.decisions(drafts)
        quantities.update(self.readings(built, scope, tables))
        self.problems.extend(self.expressions.problems)
        self.problems.extend(self.expressions.passed_over())
        order = self.order(quantities, built)
        knowledge = Knowledge(
            manifest, facts.facts, costs.amounts, costs.figures, tables, costs.tables, built, quantities, scope, order,
            digest(self.texts), self.directory, self.on, self.dated, self.documents,
            tuple(sorted(self.changes)),
        )  # fmt: skip
        self.check_states(knowledge)
        self.check_views(knowledge)
        if "knowledge.yaml" in self.documents:
            self.check_manifest(knowledge)
        unread = self.suspected | self.expressions.unread
        return Reading(
            knowledge,
            tuple(sorted(self.problems, key=_by_place)),
            self.spread(knowledge),
            None if self.anything_unread else frozenset(unread),
            has_units,
            {f"{self.shown}/{name}": text.replace("\r\n", "\n").split("\n") for name, text in self.texts.items()},
        )

    # -- files -------------------------------------------------------------------------------

    def read_files(self) -> None:
        paths = sorted(self.directory.glob("*.yaml"))
        if len(paths) > MOST_FILES:
            message = f"{len(paths):,} files, and at most {MOST_FILES:,} are read"
            hint = "Check that this is the directory you mean"
            self.problems.append(Problem(Place(self.shown), message, hint=hint, code=UNREADABLE))
            self.anything_unread = True
            return
        for path in paths:
            shown = f"{self.shown}/{path.name}"
            try:
                self.texts[path.name] = read_text(path, shown=shown)
            except BadInput as error:
                self.problems.extend(replace(problem, code=UNREADABLE) for problem in error.problems)
                self.anything_unread = True
                continue
            if path.name not in _READ_ELSEWHERE:
                self.read_file(path.name, shown)

    def read_file(self, name: str, shown: str) -> None:
        try:
            document, problems = read_despite_duplicates(self.texts[name], shown)
            self.documents[name] = document
            for one in problems:
                # What stands under a name given again is not read.
                self.suspected |= words_in("\n".join(_block(document.lines, one.place)))
        except BadInput as error:
            problems = error.problems
            self.suspect(self.texts[name])
        self.problems.extend(replace(one, code="yaml") if one.code == "invalid" else one for one in problems)

    def suspect(self, text: str) -> None:
        """Remember that whatever a file declared may be used elsewhere; of an empty one that may be anything."""
        words = words_in(text)
        self.suspected |= words
        self.anything_unread = self.anything_unread or not words

    def manifest(self) -> tuple[KnowledgeFile, bool]:
        """What knowledge.yaml says, and whether its units could be read."""
        unnamed = {"name": "unnamed", "version": "0", "title": "unnamed", "base_units": []}
        drafted = self.drafted("knowledge.yaml", KnowledgeFile)
        if drafted is None or drafted.declared is None:
            return KnowledgeFile.model_validate(unnamed), False
        self.broken |= {str(path[0]) for path in drafted.left_out if path}
        has_units = not {("base_units",), ("derived_units",), ()} & drafted.left_out
        return drafted.declared, has_units

    def declared(self, file: str, model: type[_M], nothing: _M) -> _M:
        """What a file of named entries declares; the names of broken ones are remembered."""
        drafted = self.drafted(file, model)
        if drafted is None:
            return nothing
        for path in drafted.left_out:
            if len(path) > 1:
                self.broken.add(str(path[1]))
                self.suspected |= words_in(str(self.documents[file].part(path).value))
            else:
                self.suspected |= words_in(self.texts[file])
        return drafted.declared or nothing

    def drafted(self, file: str, model: type[_M]) -> Draft[_M] | None:
        document = self.documents.get(file)
        if document is None:
            if file not in self.texts and not self.anything_unread:
                place = Place(f"{self.shown}/{file}")
                self.problems.append(Problem(place, "the file is missing", hint=_RULES_HINT, code="missing-file"))
                self.anything_unread = True
            return None
        found = draft(document, model)
        self.problems.extend(found.problems)
        if found.declared is None:
            self.anything_unread = True
        return found

    def as_of(self, costs: CostsFile) -> CostsFile:
        """The cost tables with, of dated values and rows, those in force on the day."""
        amounts = {
            name: amount.model_copy(update={"value": self.in_force("amounts", name, amount.value)})
            for name, amount in costs.amounts.items()
        }
        tables = {
            name: table.model_copy(update={"rows": self.in_force("tables", name, table.rows)})
            for name, table in costs.tables.items()
        }
        return costs.model_copy(update={"amounts": amounts, "tables": tables})

    def in_force(self, section: str, name: str, declared: Any) -> Any:
        """Of a list of dated versions the one in force, anything else as it is."""
        if not isinstance(declared, list) or not isinstance(declared[0], DatedValue | DatedRows):
            return declared
        self.dated = True
        self.changes.update(version.since for version in declared)
        started = [version for version in declared if version.since <= self.on]
        if not started:
            first = min(version.since for version in declared)
            place = self.documents["costs.yaml"].place((section, name))
            message = f"has no value on {self.on}; the first is from {first}"
            self.problems.append(Problem(place, message, name, "Decide as of a later day, or add an earlier value"))
            started = [min(declared, key=lambda version: version.since)]
        chosen = max(started, key=lambda version: version.since)
        return chosen.value if isinstance(chosen, DatedValue) else chosen.rows

    def declared_decisions(self) -> dict[str, Draft[DecisionFile]]:
        """Every decision file that can be read; the outputs of the others are remembered as broken."""
        found: dict[str, Draft[DecisionFile]] = {}
        for file, document in self.documents.items():
            if file in _NOT_DECISIONS:
                continue
            drafted = draft(document, DecisionFile)
            self.problems.extend(_named_by_id(problem, document) for problem in drafted.problems)
            for path in drafted.left_out:
                self.suspected |= words_in(str(document.part(path).value))
            if drafted.declared is None:
                self.anything_unread = True
            if drafted.declared is None or ("decides",) in drafted.left_out:
                self.broken.update(_names_decided(document))
            if drafted.declared is not None:
                found[file] = drafted
        return found

    # -- names ---------------------------------------------------------------------------------

    def scope(
        self,
        manifest: KnowledgeFile,
        facts: FactsFile,
        costs: CostsFile,
        drafts: Mapping[str, Draft[DecisionFile]],
    ) -> Scope:
        symbols: dict[str, Symbol] = {}
        places: dict[str, Place] = {}
        readings: dict[str, str] = {}

        def declare(symbol: Symbol, place: Place) -> None:
            if symbol.name in symbols:
                message = f"'{symbol.name}' is already declared at {places[symbol.name]}"
                self.problems.append(Problem(place, message, symbol.name, "Use another name", "duplicate-name"))
                self.broken.add(symbol.name)
                return
            symbols[symbol.name], places[symbol.name] = symbol, place

        def place_in(file: str, *path: str) -> Place:
            return self.documents[file].place(path, key=True)

        for name, fact in facts.facts.items():
            declare(Symbol(name, _fact_type(fact), "fact"), place_in("facts.yaml", "facts", name))
        for name, amount in costs.amounts.items():
            declare(Symbol(name, NumberType(amount.unit), "amount"), place_in("costs.yaml", "amounts", name))
        for name, figure in costs.figures.items():
            declare(Symbol(name, NumberType(figure.unit), "figure"), place_in("costs.yaml", "figures", name))
        for file, drafted in drafts.items():
            if drafted.declared is None or ("decides",) in drafted.left_out:
                continue
            place = place_in(file, "decides")
            for output, values in drafted.declared.outputs.items():
                kind: Type = ChoiceType(tuple(values))
                if drafted.declared.hit_policy in _COLLECTING:
                    kind = SetType(tuple(values))
                declare(Symbol(output, kind, "conclusion"), place)
                read = _reading_type(drafted.declared, output)
                if read is not None:
                    readings[output] = _reading_name(output)
                    declare(Symbol(readings[output], read, "figure"), place)
            if any(rule.when == OTHERWISE for rule in drafted.declared.rules):
                declare(Symbol(_otherwise_name(drafted.declared), TruthType(), "figure"), place)
        if manifest.could_turn:
            place = place_in("knowledge.yaml", "could_turn")
            declare(Symbol(manifest.could_turn, TruthType(), "conclusion"), place)
        for file, drafted in drafts.items():
            grouped = drafted.declared.name if drafted.declared else None
            if grouped in symbols:
                message = f"'{grouped}' is already declared at {places[grouped]}"
                place = place_in(file, "name")
                self.problems.append(Problem(place, message, grouped, "Use another name", "duplicate-name"))
        for name in self.broken:
            symbols[name] = stand_in(name)
            readings.pop(name, None)
        signatures = {name: TableSignature(name, table.takes, table.gives) for name, table in costs.tables.items()}
        suspected = None if self.anything_unread else frozenset(self.suspected | self.broken)
        lines = {document.file: document.lines for document in self.documents.values()}
        self.expressions = Expressions(symbols, signatures, suspected, lines, readings)
        return Scope(symbols, signatures, readings)

    # -- parts ---------------------------------------------------------------------------------

    def quantities(self, facts: FactsFile, costs: CostsFile, tables: Mapping[str, Table]) -> dict[str, Quantity]:
        found: dict[str, Quantity] = {}

        def add(name: str, kind: Literal["fact", "figure"], text: str, expects: Type, place: Place) -> None:
            node = self.expressions.resolved(text, expects, place, name)
            if node is None:
                self.incomplete.add(name)
            else:
                found[name] = Quantity(name, kind, node, text, compile_plain(node, tables), place)

        for name, fact in facts.facts.items():
            if fact.default is None:
                continue
            place = self.documents["facts.yaml"].place(("facts", name, "default"))
            if isinstance(fact.default, RangeOf):
                node = Number(fact.default.middle)
                text = repr(fact.default.middle)
                found[name] = Quantity(name, "fact", node, text, compile_plain(node, tables), place)
            else:
                add(name, "fact", fact.default, _fact_type(fact), place)
        for name, figure in costs.figures.items():
            place = self.documents["costs.yaml"].place(("figures", name, "formula"))
            add(name, "figure", figure.formula, NumberType(figure.unit), place)
        return found

    def decisions(self, drafts: Mapping[str, Draft[DecisionFile]]) -> dict[str, DecisionTable]:
        found: dict[str, DecisionTable] = {}
        ids: dict[str, Place] = {}
        for file, drafted in drafts.items():
            declaration = drafted.declared
            if declaration is None:
                continue
            document = self.documents[file]
            name = _table_name(declaration)
            if drafted.left_out:
                self.incomplete.add(name)
            rows: list[Row] = []
            # The stand-in for rules that could not be read has no position of its own.
            for rule, index in zip(declaration.rules, drafted.rules, strict=False):
                self.dated = self.dated or rule.since is not None or rule.until is not None
                self.changes.update(day for day in (rule.since, rule.until) if day is not None)
                if not rule.in_force(self.on):
                    continue
                place = document.place(("rules", index, "id"))
                if rule.id in ids:
                    message = f"the rule '{rule.id}' is already declared at {ids[rule.id]}"
                    self.problems.append(Problem(place, message, rule.id, "Give it another id", "duplicate-id"))
                ids.setdefault(rule.id, place)
                knows_outputs = ("decides",) not in drafted.left_out
                then = self.then(rule, declaration, document, index) if knows_outputs else None
                when_place = document.place(("rules", index, "when"))
                when = self.condition(rule, declaration, when_place)
                if when is None or then is None:
                    self.incomplete.add(name)
                    # What the row reads is used, though the row is left out.
                    self.suspected |= words_in(rule.when)
                else:
                    because_place = document.place(("rules", index, "because"))
                    rows.append(Row(rule.id, when, then, rule, place, when_place, because_place))
            if name in found:
                message = f"'{name}' is already decided in {found[name].file}"
                place = document.place(("name",), key=True)
                self.problems.append(Problem(place, message, name, "Use another name", "duplicate-name"))
            policy = "collect" if declaration.hit_policy == "rule order" else declaration.hit_policy
            found[name] = DecisionTable(name, declaration.outputs, policy, tuple(rows), declaration, document.file)
        return found

    def condition(self, rule: RuleDeclaration, declaration: DecisionFile, place: Place) -> Node | None:
        """The resolved condition of a row; that of an ``otherwise`` row is a truth of its own, read by name."""
        if rule.when != OTHERWISE:
            return self.expressions.resolved(rule.when, TruthType(), place, rule.id)
        last = rule is declaration.rules[-1]
        others = [other for other in declaration.rules if other.when == OTHERWISE and other is not rule]
        if others or not last:
            hint = "Write it once, as the condition of the last row"
            self.problems.append(Problem(place, "`otherwise` is where no other row holds", rule.id, hint, "format"))
            return None
        return Truth(value=True) if declaration.hit_policy == "first" else NameNode(_otherwise_name(declaration))

    def readings(
        self, decisions: Mapping[str, DecisionTable], scope: Scope, tables: Mapping[str, Table]
    ) -> dict[str, Quantity]:
        """What conditions read of decisions that conclude numbers or truths, and whether no row of one holds."""
        found: dict[str, Quantity] = {}

        def add(name: str, formula: Node, table: DecisionTable, title: str, output: str | None = None) -> None:
            # A sum is rounded as figures are; a value that a row concludes stays what the row says.
            kind: Literal["figure", "reading"] = "figure" if table.declaration.aggregate == "sum" else "reading"
            place = Place(table.file, 1)
            evaluate = compile_plain(formula, tables)
            found[name] = Quantity(name, kind, formula, "", evaluate, place, title, table.name, output)

        for table in decisions.values():
            declared = table.declaration
            for output in table.outputs.keys() & scope.readings.keys():
                title = declared.title if table.name == output else _output_title(table, output)
                add(scope.readings[output], _reading(table, output), table, title, output)
            if _otherwise_name(declared) in scope.symbols:
                others = tuple(row.when for row in table.rows if row.declaration.when != OTHERWISE)
                formula = Not(Or(others)) if others else Truth(value=True)
                add(_otherwise_name(declared), formula, table, f"no other row of {declared.title} holds")
        return found

    def then(
        self, rule: RuleDeclaration, declaration: DecisionFile, document: Document, index: int
    ) -> dict[str, str] | None:
        keys, outputs, kinds = declaration.keys, declaration.outputs, declaration.kinds
        place = document.place(("rules", index, "then"))
        given = rule.then if isinstance(rule.then, dict) else dict.fromkeys(keys.values(), rule.then)
        if (not isinstance(rule.then, dict) and len(outputs) > 1) or set(given) != set(keys.values()):
            wanted = ", ".join(f"{key}: …" for key in keys.values())
            self.problems.append(Problem(place, "must conclude every output", rule.id, f"Write {{{wanted}}}"))
            return None
        concluded = {name: given[key] for name, key in keys.items()}
        fine = True
        for name, value in concluded.items():
            word = word_of(value)
            if word not in outputs[name] or isinstance(value, str) != (kinds[name] == "choice"):
                hint = did_you_mean(word, outputs[name])
                message = f"'{word}' is not one of {', '.join(outputs[name])}"
                self.problems.append(Problem(place, message, rule.id, hint, "unknown-value"))
                fine = False
        return {name: word_of(value) for name, value in concluded.items()} if fine else None

    def order(self, quantities: Mapping[str, Quantity], decisions: Mapping[str, DecisionTable]) -> tuple[str, ...]:
        """Everything that is computed or concluded, each after all it reads; what goes in circles is left out."""
        owner = {output: name for name, table in decisions.items() for output in table.outputs}
        reads = {name: names_in(quantity.formula) for name, quantity in quantities.items()}
        for name, table in decisions.items():
            reads[name] = frozenset().union(*(names_in(row.when) for row in table.rows))
        # Sorted, so that the order (and with it the order of firings) is the same in every run.
        graph = {name: sorted({owner.get(read, read) for read in names}) for name, names in reads.items()}
        while True:
            try:
                ordered = graphlib.TopologicalSorter(graph).static_order()
                return tuple(name for name in ordered if name in graph)
            except graphlib.CycleError as error:
                path = list(reversed(error.args[1]))
                self.note_cycle(path, quantities, decisions)
                self.incomplete.update(path)
                graph = {name: names for name, names in graph.items() if name not in path}

    def note_cycle(
        self, path: list[str], quantities: Mapping[str, Quantity], decisions: Mapping[str, DecisionTable]
    ) -> None:
        first, second = path[0], path[1]
        if first in quantities:
            place = quantities[first].place
        else:
            outputs = decisions[second].outputs if second in decisions else (second,)
            reading = (row for row in decisions[first].rows if names_in(row.when).intersection(outputs))
            place = next((row.when_place for row in reading), Place(decisions[first].file, 1))
        hint = "Break it: one of these must not depend on the next"
        self.problems.append(Problem(place, f"a cycle: {' → '.join(path)}", first, hint, "cycle"))

    def spread(self, knowledge: Knowledge) -> frozenset[str]:
        """What is incomplete, with everything that depends on it."""
        found = self.incomplete | self.broken
        for name, quantity in knowledge.quantities.items():
            if stands_in(quantity.formula, knowledge.scope.symbols):
                found.add(name)
        for name, table in knowledge.decisions.items():
            if any(stands_in(row.when, knowledge.scope.symbols) for row in table.rows):
                found.add(name)
        return knowledge.depending_on(found)

    # -- what needs the whole ---------------------------------------------------------------------

    def check_states(self, knowledge: Knowledge) -> None:
        """Refuse ``is unknown`` of anything that is only known once rules have fired."""
        for owner, node, place in expressions(knowledge):
            for part in walk(node):
                if isinstance(part, State) and part.name in knowledge.concluded:
                    message = f"`{part.name} is {part.state}`: '{part.name}' depends on a conclusion"
                    hint = "Ask about the facts it depends on"
                    self.problems.append(Problem(place, message, owner, hint, "state"))
                if isinstance(part, Call) and part.function == "first_known":
                    self.check_stand_in(knowledge, part, owner, place)

    def check_stand_in(self, knowledge: Knowledge, call: Call, owner: str, place: Place) -> None:
        """Refuse to put something in the place of a conclusion that has merely not been reached yet."""
        late = {*knowledge.concluded, *knowledge.decision_of}
        for argument in call.arguments[:-1]:
            for name in sorted(names_in(argument) & late):
                message = f"`first_known` has a stand-in for '{name}', which is only known once rules have fired"
                hint = "Put it last, or choose with `if` over the facts it depends on"
                self.problems.append(Problem(place, message, owner, hint, "state"))

    def check_views(self, knowledge: Knowledge) -> None:
        """Every decision whose view a row is said to follow exists."""
        for table in knowledge.decisions.values():
            for index, rule in enumerate(table.declaration.rules):
                name = rule.decided_by
                if name is not None and name not in knowledge.decision_of and not self.may_be_broken(name):
                    file = Path(table.file).name
                    place = self.documents[file].place(("rules", index, "decided_by"))
                    hint = did_you_mean(name, knowledge.decision_of)
                    self.problems.append(Problem(place, f"'{name}' is not a decision", rule.id, hint, "unknown-name"))

    def check_manifest(self, knowledge: Knowledge) -> None:
        """Every name the manifest shows exists, and is of the right kind."""
        manifest, document = knowledge.manifest, self.documents["knowledge.yaml"]
        outputs = knowledge.decision_of

        def need(names: Iterable[str | None], among: Iterable[str], *path: str) -> None:
            known = list(among)
            for name in names:
                if name is not None and name not in known and not self.may_be_broken(name):
                    message = f"'{name}' is not declared"
                    place = _place_of(document, path, name)
                    hint = did_you_mean(name, known)
                    self.problems.append(Problem(place, message, ".".join(path), hint, "unknown-name"))

        def values_of(output: str | None) -> Iterable[str]:
            decision = outputs.get(output or "")
            return knowledge.decisions[decision].outputs[output or ""] if decision else ()

        figures = {*knowledge.figures, *knowledge.facts}
        need([manifest.recommends], outputs, "recommends")
        need([manifest.strength], outputs, "strength")
        need([manifest.cautions], outputs, "cautions")
        need(manifest.voices, outputs, "voices")
        need(manifest.arithmetic, figures, "arithmetic")
        need([manifest.saving], knowledge.figures, "saving")
        need(manifest.turning, knowledge.facts, "turning")
        need(manifest.turning.values(), knowledge.figures, "turning")
        if manifest.options:
            cells = [name for row in manifest.options.rows.values() for name in row.values()]
            need(cells, figures, "options")
        if manifest.chart:
            need([manifest.chart.months], figures, "chart")
            need([name for line in manifest.chart.lines.values() for name in line], figures, "chart")
        for output, voice in manifest.voices.items():
            if output in outputs:
                need(voice.favours, values_of(output), "voices", output, "favours")
        if manifest.recommends in outputs:
            need(manifest.sides, values_of(manifest.recommends), "sides")
            fallen_back = [manifest.fallback.conclusion] if manifest.fallback else []
            need(fallen_back, values_of(manifest.recommends), "fallback", "conclusion")
        if manifest.strength in outputs and manifest.fallback:
            need([manifest.fallback.strength], values_of(manifest.strength), "fallback", "strength")

    def may_be_broken(self, name: str) -> bool:
        """Whether a name that is not declared may be so in what could not be read."""
        return self.anything_unread or name in self.broken or name in self.suspected


def _block(lines: Sequence[str], place: Place) -> Iterator[str]:
    """The line of a name and those below it that are indented further."""
    if place.line is None:
        return
    start, column = place.line - 1, (place.column or 1) - 1
    yield lines[start][column:]
    for line in lines[start + 1 :]:
        indent = len(line) - len(line.lstrip(" "))
        if line.strip() and indent <= column and not (indent == column and line[indent:].startswith("- ")):
            return
        yield line


def _names_decided(document: Document) -> Iterator[str]:
    """The names that a decision file whose outputs cannot be read seems to decide."""
    name = document.part(("name",)).value
    for output in outputs_named(document):
        yield output
        if isinstance(name, str):
            yield f"{name}_{output}"


def _named_by_id(problem: Problem, document: Document) -> Problem:
    """A problem of a rule's field, with the rule's id in place of its position where it has one."""
    section, _, inner = (problem.field or "").partition(".")
    position, _, inner = inner.partition(".")
    if section != "rules" or not position.isdigit():
        return problem
    rule_id = document.part(("rules", int(position), "id")).value
    if not isinstance(rule_id, str) or not rule_id or inner == "id":
        return problem
    return replace(problem, field=f"{shorten(rule_id)}.{inner}" if inner else shorten(rule_id))


def _place_of(document: Document, path: tuple[str, ...], name: str) -> Place:
    """Where a section of a file names something, in a list, as a key or as a value; else the section."""
    section = document.part(path).value
    if isinstance(section, list) and name in section:
        return document.place((*path, section.index(name)))
    if isinstance(section, dict):
        if name in section:
            return document.place((*path, name), key=True)
        for key, value in section.items():
            if value == name or (isinstance(value, list | dict) and name in _flat(value)):
                return _place_of(document, (*path, str(key)), name) if value != name else document.place((*path, key))
    return document.place(path)


def _flat(value: object) -> Iterable[object]:
    """Everything in a value of lists and mappings, names included."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _flat(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _flat(inner)
    else:
        yield value


def _by_place(problem: Problem) -> tuple[str, int, int]:
    return problem.place.file, problem.place.line or 0, problem.place.column or 0


def expressions(knowledge: Knowledge) -> Iterable[tuple[str, Node, Place]]:
    """Every expression of the base with its owner's name and place."""
    for name, quantity in knowledge.quantities.items():
        yield name, quantity.formula, quantity.place
    for table in knowledge.decisions.values():
        for row in table.rows:
            yield row.id, row.when, row.when_place


def _table_name(declaration: DecisionFile) -> str:
    return declaration.name or next(iter(declaration.outputs))


def _reading_name(output: str) -> str:
    """What expressions read in place of an output; the spaces keep it apart from every declared name."""
    return f"{output} as a value"


def _otherwise_name(declaration: DecisionFile) -> str:
    return f"no other row of {_table_name(declaration)}"


def _reading_type(declaration: DecisionFile, output: str) -> Type | None:
    """The type that conditions read an output as, where that is not one of its words."""
    if declaration.aggregate == "count":
        return NumberType("1")
    kind = declaration.kinds[output]
    if kind == "choice" or (declaration.hit_policy in _COLLECTING and not declaration.aggregate):
        return None
    return NumberType(declaration.unit or "1") if kind == "number" else TruthType()


def _output_title(table: DecisionTable, output: str) -> str:
    """What people call one of several outputs; of those that are concluded together with what they belong to."""
    declared = table.declaration
    own = declared.titles.get(declared.keys[output]) or declared.keys[output].replace("_", " ")
    return f"{declared.title}: {own}" if declared.name else own


def _reading(table: DecisionTable, output: str) -> Node:
    """What conditions read of an output whose words stand for numbers or truths."""
    aggregate = table.declaration.aggregate
    if aggregate is not None:
        return aggregated(aggregate, [(row.when, row.then[output]) for row in table.rows])
    is_number = table.declaration.kinds[output] == "number"
    return number_read(output, tuple(table.outputs[output])) if is_number else truth_read(output)


def _fact_type(fact: FactDeclaration) -> Type:
    if fact.type == "yes/no":
        return TruthType()
    if fact.choices is not None:
        return ChoiceType(fact.words)
    return NumberType(fact.unit)
