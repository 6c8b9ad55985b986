"""The knowledge base: the files of ``rules/`` read, checked, and made ready to compute with."""

from __future__ import annotations

import graphlib
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

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
)
from engine.errors import BadInput, Place, Problem, did_you_mean
from engine.language.evaluate import Evaluate, Table, compile_plain
from engine.language.nodes import Node, Number, State, names_in, walk
from engine.language.parse import ExpressionError, parse
from engine.language.resolve import resolve
from engine.language.scope import ChoiceType, NumberType, Scope, SetType, Symbol, TableSignature, TruthType, Type
from engine.resources import rules_directory
from engine.source import Document, read_text, read_text_document, shorten

_NOT_DECISIONS = ("facts.yaml", "costs.yaml", "claims.yaml", "knowledge.yaml")
#: Part of the base and of its hash, but no decision depends on it.
_READ_ELSEWHERE = ("claims.yaml",)
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
    """A fact with a default, or a figure: something computed by a formula."""

    name: str
    kind: Literal["fact", "figure"]
    formula: Node
    text: str
    evaluate: Evaluate
    place: Place


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

    def title(self, name: str) -> str:
        """What people call the name."""
        for declared in (self.facts, self.figures, self.amounts, self.table_declarations):
            if name in declared:
                return declared[name].title
        decision = self.decision_of.get(name)
        if decision == name:
            return self.decisions[decision].declaration.title
        return name.replace("_", " ")

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
    path = rules_directory() if directory is None else Path(directory)
    shown = "rules" if directory is None else str(directory).rstrip("/")
    if not path.is_dir():
        raise BadInput([Problem(Place(shown), "no such directory of rules", hint=_RULES_HINT)])
    loader = _Loader(path, shown, on or date.today())  # noqa: DTZ011 - the day where the person is
    knowledge = loader.load()
    if loader.problems or knowledge is None:
        raise BadInput(loader.problems)
    return knowledge


_RULES_HINT = "Name a directory that holds knowledge.yaml, facts.yaml, costs.yaml and decisions"


def _likely(value: float | RangeOf) -> float:
    return value.middle if isinstance(value, RangeOf) else value


def _digest(texts: Mapping[str, str]) -> str:
    """SHA-256 over every file's name and text, line ends aside."""
    digest = hashlib.sha256()
    for name in sorted(texts):
        text = "\n".join(texts[name].splitlines())
        digest.update(f"{name}\0{len(text)}\0{text}\0".encode())
    return digest.hexdigest()


class _Loader:
    """Reads one directory, collecting problems instead of stopping at the first."""

    def __init__(self, directory: Path, shown: str, on: date) -> None:
        self.directory = directory
        self.on = on
        self.dated = False
        self.shown = shown
        self.problems: list[Problem] = []
        self.texts: dict[str, str] = {}
        self.documents: dict[str, Document] = {}

    def load(self) -> Knowledge | None:
        self.read_files()
        manifest = self.declared("knowledge.yaml", KnowledgeFile)
        facts = self.declared("facts.yaml", FactsFile)
        costs = self.as_of(self.declared("costs.yaml", CostsFile))
        decisions = self.declared_decisions()
        if manifest is None or facts is None or costs is None or self.problems:
            return None
        scope = self.scope(manifest, facts, costs, decisions)
        tables = {
            name: Table(
                tuple(first for first, _ in table.pairs),
                tuple(second for _, second in table.pairs),
                table.below == "proportional",
                table.above == "proportional",
            )
            for name, table in costs.tables.items()
        }
        quantities = self.quantities(facts, costs, scope, tables)
        built = self.decisions(decisions, scope)
        order = self.order(quantities, built)
        if self.problems:
            return None
        knowledge = Knowledge(
            manifest, facts.facts, costs.amounts, costs.figures, tables, costs.tables, built, quantities, scope, order,
            _digest(self.texts), self.directory, self.on, self.dated, self.documents,
        )  # fmt: skip
        self.check_states(knowledge)
        self.check_manifest(knowledge)
        return None if self.problems else knowledge

    # -- files -------------------------------------------------------------------------------

    def read_files(self) -> None:
        for path in sorted(self.directory.glob("*.yaml")):
            try:
                shown = f"{self.shown}/{path.name}"
                self.texts[path.name] = read_text(path, shown=shown)
                if path.name not in _READ_ELSEWHERE:
                    self.documents[path.name] = read_text_document(self.texts[path.name], shown)
            except BadInput as error:
                self.problems.extend(error.problems)

    def declared(self, file: str, model: type[_M]) -> _M | None:
        document = self.documents.get(file)
        if document is None:
            if not any(problem.place.file.endswith(file) for problem in self.problems):
                place = Place(f"{self.shown}/{file}")
                self.problems.append(Problem(place, "the file is missing", hint=_RULES_HINT, code="missing-file"))
            return None
        return self.validated(document, model)

    def validated(self, document: Document, model: type[_M]) -> _M | None:
        try:
            return model.model_validate(document.value)
        except ValidationError as error:
            self.problems.extend(_validation_problems(document, error, model))
            return None

    def as_of(self, costs: CostsFile | None) -> CostsFile | None:
        """The cost tables with, of dated values and rows, those in force on the day."""
        if costs is None:
            return None
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
        started = [version for version in declared if version.since <= self.on]
        if not started:
            first = min(version.since for version in declared)
            place = self.documents["costs.yaml"].place((section, name))
            message = f"has no value on {self.on}; the first is from {first}"
            self.problems.append(Problem(place, message, name, "Decide as of a later day, or add an earlier value"))
            started = [min(declared, key=lambda version: version.since)]
        chosen = max(started, key=lambda version: version.since)
        return chosen.value if isinstance(chosen, DatedValue) else chosen.rows

    def declared_decisions(self) -> dict[str, DecisionFile]:
        found: dict[str, DecisionFile] = {}
        for file, document in self.documents.items():
            if file not in _NOT_DECISIONS and (declared := self.validated(document, DecisionFile)) is not None:
                found[file] = declared
        return found

    # -- names ---------------------------------------------------------------------------------

    def scope(
        self,
        manifest: KnowledgeFile,
        facts: FactsFile,
        costs: CostsFile,
        decisions: Mapping[str, DecisionFile],
    ) -> Scope:
        symbols: dict[str, Symbol] = {}
        places: dict[str, Place] = {}

        def declare(symbol: Symbol, place: Place) -> None:
            if symbol.name in symbols:
                message = f"'{symbol.name}' is already declared at {places[symbol.name]}"
                self.problems.append(Problem(place, message, symbol.name, "Use another name", "duplicate-name"))
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
        for file, declaration in decisions.items():
            for output, values in declaration.outputs.items():
                kind: Type = ChoiceType(tuple(values))
                if declaration.hit_policy == "collect":
                    kind = SetType(tuple(values))
                declare(Symbol(output, kind, "conclusion"), place_in(file, "decides"))
        if manifest.could_turn:
            place = place_in("knowledge.yaml", "could_turn")
            declare(Symbol(manifest.could_turn, TruthType(), "conclusion"), place)
        signatures = {name: TableSignature(name, table.takes, table.gives) for name, table in costs.tables.items()}
        return Scope(symbols, signatures)

    def resolved(self, text: str, scope: Scope, expects: Type, place: Place, field_name: str) -> Node | None:
        try:
            return resolve(parse(text), scope, expects=expects)
        except ExpressionError as error:
            self.problems.append(_expression_problem(error, place, field_name, text))
            return None

    # -- parts ---------------------------------------------------------------------------------

    def quantities(
        self, facts: FactsFile, costs: CostsFile, scope: Scope, tables: Mapping[str, Table]
    ) -> dict[str, Quantity]:
        found: dict[str, Quantity] = {}

        def add(name: str, kind: Literal["fact", "figure"], text: str, expects: Type, place: Place) -> None:
            node = self.resolved(text, scope, expects, place, name)
            if node is not None:
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

    def decisions(self, declared: Mapping[str, DecisionFile], scope: Scope) -> dict[str, DecisionTable]:
        found: dict[str, DecisionTable] = {}
        ids: dict[str, Place] = {}
        for file, declaration in declared.items():
            document = self.documents[file]
            name = next(iter(declaration.outputs))
            rows: list[Row] = []
            for index, rule in enumerate(declaration.rules):
                self.dated = self.dated or rule.since is not None or rule.until is not None
                if not rule.in_force(self.on):
                    continue
                place = document.place(("rules", index, "id"))
                if rule.id in ids:
                    message = f"the rule '{rule.id}' is already declared at {ids[rule.id]}"
                    self.problems.append(Problem(place, message, rule.id, "Give it another id", "duplicate-id"))
                ids.setdefault(rule.id, place)
                then = self.then(rule, declaration, document, index)
                when_place = document.place(("rules", index, "when"))
                when = self.resolved(rule.when, scope, TruthType(), when_place, rule.id)
                if when is not None and then is not None:
                    because_place = document.place(("rules", index, "because"))
                    rows.append(Row(rule.id, when, then, rule, place, when_place, because_place))
            found[name] = DecisionTable(
                name, declaration.outputs, declaration.hit_policy, tuple(rows), declaration, document.file
            )
        return found

    def then(
        self, rule: RuleDeclaration, declaration: DecisionFile, document: Document, index: int
    ) -> dict[str, str] | None:
        outputs = declaration.outputs
        place = document.place(("rules", index, "then"))
        concluded = rule.then if isinstance(rule.then, dict) else dict.fromkeys(outputs, rule.then)
        if (isinstance(rule.then, str) and len(outputs) > 1) or set(concluded) != set(outputs):
            wanted = ", ".join(f"{name}: …" for name in outputs)
            self.problems.append(Problem(place, "must conclude every output", rule.id, f"Write {{{wanted}}}"))
            return None
        fine = True
        for name, value in concluded.items():
            if value not in outputs[name]:
                hint = did_you_mean(value, outputs[name])
                message = f"'{value}' is not one of {', '.join(outputs[name])}"
                self.problems.append(Problem(place, message, rule.id, hint, "unknown-value"))
                fine = False
        return concluded if fine else None

    def order(self, quantities: Mapping[str, Quantity], decisions: Mapping[str, DecisionTable]) -> tuple[str, ...]:
        owner = {output: name for name, table in decisions.items() for output in table.outputs}
        reads = {name: names_in(quantity.formula) for name, quantity in quantities.items()}
        for name, table in decisions.items():
            reads[name] = frozenset().union(*(names_in(row.when) for row in table.rows))
        # Sorted, so that the order (and with it the order of firings) is the same in every run.
        graph = {name: sorted({owner.get(read, read) for read in names}) for name, names in reads.items()}
        try:
            ordered = graphlib.TopologicalSorter(graph).static_order()
            return tuple(name for name in ordered if name in graph)
        except graphlib.CycleError as error:
            path = list(reversed(error.args[1]))
            place = quantities[path[0]].place if path[0] in quantities else Place(decisions[path[0]].file, 1)
            hint = "Break it: one of these must not depend on the next"
            self.problems.append(Problem(place, f"a cycle: {' → '.join(path)}", path[0], hint, "cycle"))
            return ()

    # -- what needs the whole ---------------------------------------------------------------------

    def check_states(self, knowledge: Knowledge) -> None:
        """Refuse ``is unknown`` of anything that is only known once rules have fired."""
        for owner, node, place in expressions(knowledge):
            for part in walk(node):
                if isinstance(part, State) and part.name in knowledge.concluded:
                    message = f"`{part.name} is {part.state}`: '{part.name}' depends on a conclusion"
                    hint = "Ask about the facts it depends on"
                    self.problems.append(Problem(place, message, owner, hint))

    def check_manifest(self, knowledge: Knowledge) -> None:
        """Every name the manifest shows exists, and is of the right kind."""
        manifest, document = knowledge.manifest, self.documents["knowledge.yaml"]
        outputs = knowledge.decision_of

        def need(names: Iterable[str | None], among: Iterable[str], *path: str) -> None:
            known = list(among)
            for name in names:
                if name is not None and name not in known:
                    message = f"'{name}' is not declared"
                    place = document.place(path)
                    hint = did_you_mean(name, known)
                    self.problems.append(Problem(place, message, ".".join(path), hint, "unknown-name"))

        figures = {*knowledge.figures, *knowledge.facts}
        need([manifest.recommends], outputs, "recommends")
        need([manifest.strength], outputs, "strength")
        need([manifest.cautions], outputs, "cautions")
        need(manifest.voices, outputs, "voices")
        need(manifest.arithmetic, figures, "arithmetic")
        need(manifest.turning, knowledge.facts, "turning")
        need(manifest.turning.values(), knowledge.figures, "turning")
        if manifest.options:
            cells = [name for row in manifest.options.rows.values() for name in row.values()]
            need(cells, figures, "options")
        if manifest.chart:
            need([manifest.chart.months], figures, "chart")
            need([name for line in manifest.chart.lines.values() for name in line], figures, "chart")
        if manifest.recommends in outputs:
            values = knowledge.decisions[outputs[manifest.recommends]].outputs[manifest.recommends]
            need(manifest.sides, values, "sides")
            need([manifest.fallback.conclusion] if manifest.fallback else [], values, "fallback", "conclusion")


def expressions(knowledge: Knowledge) -> Iterable[tuple[str, Node, Place]]:
    """Every expression of the base with its owner's name and place."""
    for name, quantity in knowledge.quantities.items():
        yield name, quantity.formula, quantity.place
    for table in knowledge.decisions.values():
        for row in table.rows:
            yield row.id, row.when, row.when_place


def _fact_type(fact: FactDeclaration) -> Type:
    if fact.type == "yes/no":
        return TruthType()
    if fact.choices is not None:
        return ChoiceType(tuple(fact.choices))
    return NumberType(fact.unit)


def _expression_problem(error: ExpressionError, place: Place, field_name: str, text: str) -> Problem:
    shown = shorten(text)
    return Problem(place, f"{error.message}, in `{shown}`", field_name, error.hint, "expression")


def _validation_problems(document: Document, error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    found: dict[tuple[Place, str], Problem] = {}
    for detail in error.errors(include_url=False):
        path = tuple(part for part in detail["loc"] if part != "[key]")
        kind = detail["type"]
        place = document.place(path, key=kind == "extra_forbidden")
        message, hint = _plain(detail["msg"], kind, path, model)
        named = ".".join(str(part) for part in path if not str(part)[:1].isupper() and part != "str")
        found.setdefault((place, named), Problem(place, message, named or None, hint, "format"))
    return list(found.values())


def _plain(message: str, kind: str, path: tuple[int | str, ...], model: type[BaseModel]) -> tuple[str, str | None]:
    if kind == "extra_forbidden":
        return "an unknown field", did_you_mean(str(path[-1]), _field_names(model))
    if kind == "missing":
        return "is missing", f"Add {path[-1]}: …"
    if kind == "string_pattern_mismatch":
        return "names are lower-case letters, digits and _ (ids: and -)", None
    return message.removeprefix("Value error, ")[:1].lower() + message.removeprefix("Value error, ")[1:], None


def _field_names(model: type[BaseModel]) -> list[str]:
    from engine import declarations

    names = set(model.model_fields)
    for candidate in vars(declarations).values():
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            names.update(candidate.model_fields)
    return sorted(names)
