"""What is declared differently in two knowledge bases, in plain English: by meaning, and not by text.

How a number or condition is written, the order of fields and comments are no differences. Names say what belongs
together, and of rules also what they say: a rule that only got another id was not removed and added.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal, TypeVar

from engine.case import case_from_mapping
from engine.catalogue import entry
from engine.comparing.alike import accepts
from engine.declarations import (
    AmountDeclaration,
    CostsFile,
    DatedRows,
    DatedValue,
    FactDeclaration,
    FigureDeclaration,
    RangeOf,
    RuleDeclaration,
    TableDeclaration,
    word_of,
)
from engine.errors import BadInput, Place
from engine.knowledge import OTHERWISE, DecisionTable, Knowledge
from engine.language.nodes import And, Comparison, Membership, Node, Not, Number, Or, children
from engine.quantities import show
from engine.source import Document, read_document
from engine.wording import condition_in_english, formula_in_english, show_name

Kind = Literal["added", "removed", "changed"]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is declared differently.

    Args:
        kind: whether the new base has it in addition, no longer, or otherwise.
        what: the part that changed, such as ``threshold``, ``sentence`` or ``amount``.
        name: of the rule, fact, figure, amount, table, decision or field it belongs to.
        old: what the old base says, in plain English; None where it says nothing.
        new: what the new base says.
        place: where, in the new base; of what was removed, in the old one.
        decision: the decision that a rule belongs to.
        decides: whether a conclusion can depend on it.
    """

    kind: Kind
    what: str
    name: str
    old: str | None
    new: str | None
    place: Place
    decision: str | None = None
    decides: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A fact that a case could give to the old base, and can no longer give to the new one."""

    fact: str
    value: object
    message: str


def changes(old: Knowledge, new: Knowledge) -> tuple[Change, ...]:
    """Everything that is declared differently, file by file and line by line."""
    comparison = _Declarations(old, new)
    found = [
        *comparison.manifest(),
        *comparison.facts(),
        *comparison.amounts(),
        *comparison.tables(),
        *comparison.figures(),
        *comparison.decisions(),
        *comparison.claims(),
    ]
    return tuple(sorted(found, key=_position))


def _position(change: Change) -> tuple[str, int, int]:
    return Path(change.place.file).name, change.place.line or 0, change.place.column or 0


class _Declarations:
    """Compares two bases, kind by kind."""

    def __init__(self, old: Knowledge, new: Knowledge) -> None:
        self.old = old
        self.new = new

    # -- what is named -----------------------------------------------------------------------------

    def facts(self) -> Iterator[Change]:
        """Facts added and removed, and each field of the others."""
        yield from self._entries("facts.yaml", "facts", "fact", self.old.facts, self.new.facts, self._fact)

    def amounts(self) -> Iterator[Change]:
        """Amounts, with all their values over time."""
        old, new = _costs(self.old).amounts, _costs(self.new).amounts
        yield from self._entries("costs.yaml", "amounts", "amount", old, new, self._amount)

    def tables(self) -> Iterator[Change]:
        """Volume tables, row by row, with all their versions over time."""
        old, new = _costs(self.old).tables, _costs(self.new).tables
        yield from self._entries("costs.yaml", "tables", "table", old, new, self._table)

    def figures(self) -> Iterator[Change]:
        """Figures and their formulas."""
        yield from self._entries("costs.yaml", "figures", "figure", self.old.figures, self.new.figures, self._figure)

    def _entries(
        self,
        file: str,
        section: str,
        what: str,
        old: Mapping[str, _T],
        new: Mapping[str, _T],
        changed: Callable[[str, _T, _T], Iterable[Change]],
    ) -> Iterator[Change]:
        for name in (name for name in old if name not in new):
            place = self.old.documents[file].place((section, name), key=True)
            yield Change("removed", what, name, _summary(self.old, name), None, place, decides=True)
        for name, declared in new.items():
            if name in old:
                yield from changed(name, old[name], declared)
            else:
                place = self.new.documents[file].place((section, name), key=True)
                yield Change("added", what, name, None, _summary(self.new, name), place, decides=True)

    def _fact(self, name: str, old: FactDeclaration, new: FactDeclaration) -> Iterator[Change]:
        at = _At(self, "facts.yaml", ("facts", name), name)
        yield from at.changed("type", old.type, new.type, "type", decides=True)
        yield from at.changed("unit", old.unit, new.unit, "unit", decides=True)
        moved = [field for field in ("min", "max", "above") if getattr(old, field) != getattr(new, field)]
        if moved:
            bounds = [_bounds(base, name, fact) for base, fact in ((self.old, old), (self.new, new))]
            yield from at.changed("bounds", bounds[0], bounds[1], moved[0], decides=True, always=True)
        yield from self._choices(at, old.choices or {}, new.choices or {}, ("choices",), "choice")
        yield from at.changed("other choices", _yes(old.open), _yes(new.open), "open", decides=True)
        yield from self._default(at, name, old, new)
        yield from at.changed("stand-in", old.stands_in, new.stands_in, "stands_in", decides=True)
        for what, one, other, key in (
            ("title", old.title, new.title, "title"),
            ("source", old.default_source, new.default_source, "default_source"),
            ("question", old.question, new.question, "question"),
            ("reason for asking", old.why, new.why, "why"),
            ("help", old.help, new.help, "help"),
            ("example", old.example, new.example, "example"),
            ("source", old.source, new.source, "source"),
        ):
            yield from at.changed(what, one, other, key)

    def _default(self, at: _At, name: str, old: FactDeclaration, new: FactDeclaration) -> Iterator[Change]:
        ranges = isinstance(old.default, RangeOf) or isinstance(new.default, RangeOf)
        formulas = [base.quantities[name].formula if name in base.quantities else None for base in (self.old, self.new)]
        if _default(old) != _default(new) if ranges else formulas[0] != formulas[1]:
            words = [_default_in_words(base, name) for base in (self.old, self.new)]
            yield from at.changed("default", words[0], words[1], "default", decides=True, always=True)

    def _choices(
        self, at: _At, old: Mapping[str, str], new: Mapping[str, str], path: tuple[str, ...], what: str
    ) -> Iterator[Change]:
        for word in (word for word in old if word not in new):
            yield at.one("removed", what, f"{word} ({old[word]})", None, *path, word, decides=True)
        for word, title in new.items():
            if word not in old:
                yield at.one("added", what, None, f"{word} ({title})", *path, word, decides=True)
            elif old[word] != title:
                yield at.one("changed", "title", f"{word} ({old[word]})", f"{word} ({title})", *path, word)

    def _amount(self, name: str, old: AmountDeclaration, new: AmountDeclaration) -> Iterator[Change]:
        at = _At(self, "costs.yaml", ("amounts", name), name)
        yield from at.changed("unit", old.unit, new.unit, "unit", decides=True)
        before, after = _values(old), _values(new)
        for since in dict.fromkeys((*before, *after)):
            if _ends(before.get(since)) != _ends(after.get(since)):
                words = [
                    None if since not in values else _since(_value_in_words(base, name, values[since]), since)
                    for base, values in ((self.old, before), (self.new, after))
                ]
                path = _where_since(new if since in after else old, since)
                yield from at.changed("amount", words[0], words[1], *path, decides=True, always=True)
        yield from at.changed("title", old.title, new.title, "title")
        yield from at.changed("source", _sources(old.source, old.value), _sources(new.source, new.value), "source")

    def _table(self, name: str, old: TableDeclaration, new: TableDeclaration) -> Iterator[Change]:
        at = _At(self, "costs.yaml", ("tables", name), name)
        yield from at.changed("unit", f"{old.takes} → {old.gives}", f"{new.takes} → {new.gives}", "takes", decides=True)
        yield from at.changed("below the first row", old.below, new.below, "below", decides=True)
        yield from at.changed("above the last row", old.above, new.above, "above", decides=True)
        before, after = _rows(self.old, old), _rows(self.new, new)
        for key in dict.fromkeys((*before, *after)):
            rows = (before.get(key), after.get(key))
            if rows[0] is None or rows[1] is None or rows[0].gives != rows[1].gives:
                words = [row.words if row else None for row in rows]
                path = (after.get(key) or before[key]).path
                yield from at.changed("table row", words[0], words[1], *path, decides=True, always=True)
        yield from at.changed("title", old.title, new.title, "title")
        yield from at.changed("source", _sources(old.source, old.rows), _sources(new.source, new.rows), "source")

    def _figure(self, name: str, old: FigureDeclaration, new: FigureDeclaration) -> Iterator[Change]:
        at = _At(self, "costs.yaml", ("figures", name), name)
        if self.old.quantities[name].formula != self.new.quantities[name].formula:
            words = [formula_in_english(base, name) for base in (self.old, self.new)]
            yield from at.changed("figure formula", words[0], words[1], "formula", decides=True, always=True)
        yield from at.changed("unit", old.unit, new.unit, "unit", decides=True)
        yield from at.changed("title", old.title, new.title, "title")
        yield from at.changed("source", old.source, new.source, "source")

    # -- decisions ---------------------------------------------------------------------------------

    def decisions(self) -> Iterator[Change]:
        """Decisions added and removed, and each row and field of the others."""
        for name, table in self.old.decisions.items():
            if name not in self.new.decisions:
                place = Place(table.file, 1)
                yield Change("removed", "decision", name, _decision_in_words(table), None, place, name, decides=True)
        for name, table in self.new.decisions.items():
            if name in self.old.decisions:
                yield from self._decision(self.old.decisions[name], table)
            else:
                place = Place(table.file, 1)
                yield Change("added", "decision", name, None, _decision_in_words(table), place, name, decides=True)

    def _decision(self, old: DecisionTable, new: DecisionTable) -> Iterator[Change]:
        at = _At(self, Path(new.file).name, (), new.name, decision=new.name, old_file=Path(old.file).name)
        one, other = old.declaration, new.declaration
        yield from at.changed("hit policy", one.hit_policy, other.hit_policy, "hit_policy", decides=True)
        yield from at.changed("aggregate", one.aggregate, other.aggregate, "aggregate", decides=True)
        yield from at.changed("unit", one.unit, other.unit, "unit", decides=True)
        yield from at.changed("title", one.title, other.title, "title")
        yield from at.changed("source", one.source, other.source, "source")
        for output in dict.fromkeys((*old.outputs, *new.outputs)):
            key = other.keys.get(output, output)
            path = ("values",) if isinstance(other.decides, str) else ("decides", key)
            words = [table.outputs.get(output, {}) for table in (old, new)]
            yield from self._choices(replace(at, name=output), words[0], words[1], path, "value")
            titles = [table.declaration.titles.get(key) for table in (old, new)]
            yield from replace(at, name=output).changed("title", titles[0], titles[1], "titles")
        yield from _Rows(self, old, new).changes()

    # -- the rest ----------------------------------------------------------------------------------

    def manifest(self) -> Iterator[Change]:
        """Every field of knowledge.yaml."""
        old, new = (
            _flat(base.manifest.model_dump(by_alias=True, exclude_defaults=True)) for base in (self.old, self.new)
        )
        for path in dict.fromkeys((*old, *new)):
            at = _At(self, "knowledge.yaml", (), ".".join(path))
            decides = path[0] in ("recommends", "could_turn") or path in _DECIDING_FALLBACK
            yield from at.changed("manifest", old.get(path), new.get(path), *path, decides=decides)

    def claims(self) -> Iterator[Change]:
        """The source's claims, field by field, and what they are computed from; no decision depends on them."""
        old, new = (_Claims.of(base) for base in (self.old, self.new))
        for name in dict.fromkeys((*old.entries, *new.entries)):
            one, other = old.entries.get(name), new.entries.get(name)
            what = "claim" if name in old.ids or name in new.ids else "input to the claims"
            if one is None or other is None:
                kind: Kind = "added" if one is None else "removed"
                place = (old if other is None else new).place(name)
                yield Change(kind, what, name, _quote(one), _quote(other), place)
            elif isinstance(one, dict) and isinstance(other, dict):
                for field in (field for field in dict.fromkeys((*one, *other)) if one.get(field) != other.get(field)):
                    said = [_line(_text(each.get(field))) for each in (one, other)]
                    yield Change("changed", what, f"{name}.{field}", said[0], said[1], new.place(name, field))
            elif one != other:
                yield Change("changed", what, name, _line(_text(one)), _line(_text(other)), new.place(name))


#: The file of the source's claims.
_CLAIMS = "claims.yaml"
#: How deep the fields of the manifest are told apart.
_DEEPEST = 3
#: What of the fallback bears on a recommendation that nothing settles.
_DECIDING_FALLBACK = (("fallback", "conclusion"), ("fallback", "strength"))


@dataclass(frozen=True, slots=True)
class _At:
    """Where an entry is, and what changes of it are called after."""

    declarations: _Declarations
    file: str
    path: tuple[str | int, ...]
    name: str
    decision: str | None = None
    old_file: str | None = None

    def changed(
        self, what: str, old: str | None, new: str | None, *path: str | int, decides: bool = False, always: bool = False
    ) -> Iterator[Change]:
        """The change of a field, if it is one.

        Args:
            what: the field in words.
            old: what it says in the old base; None: nothing.
            new: what it says in the new one.
            path: where the field is in its entry.
            decides: whether a conclusion can depend on it.
            always: it is one, even where it reads the same in words.
        """
        if old != new or always:
            kind: Kind = "added" if old is None else "removed" if new is None else "changed"
            yield self.one(kind, what, old, new, *path, decides=decides)

    def one(
        self, kind: Kind, what: str, old: str | None, new: str | None, *path: str | int, decides: bool = False
    ) -> Change:
        """One change."""
        base = self.declarations.old if kind == "removed" else self.declarations.new
        file = (self.old_file or self.file) if kind == "removed" else self.file
        place = base.documents[file].place((*self.path, *path), key=bool(path))
        return Change(kind, what, self.name, _line(old), _line(new), place, self.decision, decides)


# -- rows --------------------------------------------------------------------------------------------


class _Rows:
    """Compares the rows of one decision."""

    def __init__(self, declarations: _Declarations, old: DecisionTable, new: DecisionTable) -> None:
        self._declarations = declarations
        self.tables = (old, new)
        self.bases = (declarations.old, declarations.new)
        self.rules = tuple({rule.id: rule for rule in table.declaration.rules} for table in self.tables)
        self._when = tuple({row.id: row.when for row in table.rows} for table in self.tables)
        self._positions = tuple(
            {rule.id: index for index, rule in enumerate(table.declaration.rules)} for table in self.tables
        )

    def changes(self) -> Iterator[Change]:
        """Rows added, removed, renamed and moved, and each field of the others."""
        old, new = self.rules
        renamed = self._renamed()
        for name in old:
            if name not in new and name not in renamed.values():
                yield self._at(0, name).one("removed", "rule", self._in_words(0, name), None, "id", decides=True)
        for name in new:
            before = renamed.get(name, name)
            if before not in old:
                yield self._at(1, name).one("added", "rule", None, self._in_words(1, name), "id", decides=True)
                continue
            if before != name:
                yield self._at(1, name).one("changed", "id", before, name, "id")
            yield from self._row(before, name)
        yield from self._moved(renamed)

    def _at(self, side: int, name: str) -> _At:
        table = self.tables[side]
        # Positions in the file are those of the declaration: a base that loads has no broken rules.
        path = ("rules", self._positions[side][name])
        files = [Path(one.file).name for one in self.tables]
        return _At(self._declarations, files[1], path, name, table.name, files[0])

    def _renamed(self) -> dict[str, str]:
        """For each rule whose id the old base does not have the one there that says the same, if there is just one."""
        old, new = self.rules
        gone, come = ([name for name in one if name not in other] for one, other in ((old, new), (new, old)))
        found: dict[str, str] = {}
        for name in come:
            same = [other for other in gone if self._says_the_same(other, name)]
            if len(same) == 1 and same[0] not in found.values():
                found[name] = same[0]
        return found

    def _says_the_same(self, old: str, new: str) -> bool:
        one, other = self.rules[0][old], self.rules[1][new]
        return self._condition(0, old) == self._condition(1, new) and _words_of(one) == _words_of(other)

    def _condition(self, side: int, name: str) -> Node | str:
        """The condition by its meaning; of a row that is not in force by its text."""
        rule = self.rules[side][name]
        return rule.when if rule.when == OTHERWISE else self._when[side].get(name, rule.when)

    def _row(self, before: str, name: str) -> Iterator[Change]:
        at, old, new = self._at(1, name), self.rules[0][before], self.rules[1][name]
        yield from self._conditions(at, before, name)
        if _words_of(old) != _words_of(new):
            words = [self._concludes(0, before), self._concludes(1, name)]
            yield from at.changed("conclusion", words[0], words[1], "then", decides=True, always=True)
        yield from at.changed("in force", _in_force(old), _in_force(new), "from", decides=True)
        yield from at.changed("sentence", old.because, new.because, "because")
        yield from at.changed("source", old.source, new.source, "source")
        yield from at.changed("salience", str(old.salience), str(new.salience), "salience")
        yield from at.changed("view it follows", old.decided_by, new.decided_by, "decided_by")

    def _conditions(self, at: _At, before: str, name: str) -> Iterator[Change]:
        old, new = self._condition(0, before), self._condition(1, name)
        if old == new:
            return
        thresholds = None if isinstance(old, str) or isinstance(new, str) else changed_thresholds(old, new)
        if thresholds:
            for one, other in thresholds:
                words = [condition_in_english(base, node) for base, node in zip(self.bases, (one, other), strict=True)]
                yield from at.changed("threshold", words[0], words[1], "when", decides=True, always=True)
        else:
            words = [self._condition_in_words(0, before), self._condition_in_words(1, name)]
            if words[0] == words[1]:
                words = [self.rules[0][before].when, self.rules[1][name].when]
            yield from at.changed("condition", words[0], words[1], "when", decides=True, always=True)

    def _condition_in_words(self, side: int, name: str) -> str:
        condition = self._condition(side, name)
        if isinstance(condition, str):
            return "no other row holds" if condition == OTHERWISE else condition
        return condition_in_english(self.bases[side], condition)

    def _concludes(self, side: int, name: str) -> str:
        table, rule = self.tables[side], self.rules[side][name]
        then = rule.then if isinstance(rule.then, dict) else dict.fromkeys(table.declaration.keys.values(), rule.then)
        names = {key: output for output, key in table.declaration.keys.items()}
        said = [(key, show_name(self.bases[side], names[key], word_of(value))) for key, value in then.items()]
        return said[0][1] if len(said) == 1 else ", ".join(f"{key}: {value}" for key, value in said)

    def _in_words(self, side: int, name: str) -> str:
        return f"if {self._condition_in_words(side, name)}, then {self._concludes(side, name)}"

    def _moved(self, renamed: Mapping[str, str]) -> Iterator[Change]:
        """The rows that stand elsewhere among those both bases have: as few as tell the two orders apart."""
        new = [name for name in self.rules[1] if renamed.get(name, name) in self.rules[0]]
        present = {renamed.get(name, name): name for name in new}
        old = [present[name] for name in self.rules[0] if name in present]
        matching = difflib.SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
        stayed = {name for block in matching for name in old[block.a : block.a + block.size]}
        counts = self.tables[1].declaration.hit_policy == "first"
        for name in (name for name in new if name not in stayed):
            places = [_stands(order, name) for order in (old, new)]
            yield self._at(1, name).one("changed", "order", places[0], places[1], "id", decides=counts)


def changed_thresholds(old: Node, new: Node) -> list[tuple[Node, Node]] | None:
    """The conditions in which only numbers changed, each before and after; None where anything else did."""
    if old == new:
        return []
    if isinstance(old, And | Or | Not) and type(old) is type(new) and len(children(old)) == len(children(new)):
        found: list[tuple[Node, Node]] = []
        for one, other in zip(children(old), children(new), strict=True):
            inner = changed_thresholds(one, other)
            if inner is None:
                return None
            found += inner
        return found
    is_one = isinstance(old, Comparison | Membership) and _same_but_for_numbers(old, new)
    return [(old, new)] if is_one else None


def _same_but_for_numbers(old: Node, new: Node) -> bool:
    if isinstance(old, Number) and isinstance(new, Number):
        return True
    inner = (children(old), children(new))
    if type(old) is not type(new) or len(inner[0]) != len(inner[1]):
        return False
    if not inner[0]:
        return old == new
    if getattr(old, "operator", None) != getattr(new, "operator", None):
        return False
    if (getattr(old, "negated", None), getattr(old, "function", None)) != (
        getattr(new, "negated", None),
        getattr(new, "function", None),
    ):
        return False
    return all(_same_but_for_numbers(one, other) for one, other in zip(*inner, strict=True))


def _stands(order: Sequence[str], name: str) -> str:
    position = order.index(name)
    return "first" if position == 0 else f"after {order[position - 1]}"


def _words_of(rule: RuleDeclaration) -> object:
    if isinstance(rule.then, dict):
        return sorted((key, word_of(value)) for key, value in rule.then.items())
    return word_of(rule.then)


def _in_force(rule: RuleDeclaration) -> str:
    parts = [f"from {rule.since}" if rule.since else "", f"until {rule.until}" if rule.until else ""]
    return " ".join(filter(None, parts)) or "always"


# -- in words ------------------------------------------------------------------------------------------


def _summary(knowledge: Knowledge, name: str) -> str:
    """A fact, amount, table or figure in a few words."""
    if name in knowledge.facts:
        fact = knowledge.facts[name]
        default = _default_in_words(knowledge, name)
        return f"{fact.title} ({fact.unit or fact.type})" + (f"; if not given: {default}" if default else "")
    found = entry(knowledge, name)
    return found.lines[0] if found.kind == "figure" else f"{found.title}: {'; '.join(found.lines)}"


def _default(fact: FactDeclaration) -> object:
    return _ends(fact.default) if isinstance(fact.default, RangeOf) else fact.default


def _default_in_words(knowledge: Knowledge, name: str) -> str | None:
    default = knowledge.facts[name].default
    if isinstance(default, RangeOf):
        return _range_in_words(knowledge, name, default)
    return formula_in_english(knowledge, name) if default is not None else None


def _value_in_words(knowledge: Knowledge, name: str, value: RangeOf | float) -> str:
    return _range_in_words(knowledge, name, value) if isinstance(value, RangeOf) else show_name(knowledge, name, value)


def _range_in_words(knowledge: Knowledge, name: str, found: RangeOf) -> str:
    low, likely, high = (show_name(knowledge, name, value) for value in (found.low, found.middle, found.high))
    return f"{low} to {high}, likely {likely}"


def _bounds(knowledge: Knowledge, name: str, fact: FactDeclaration) -> str | None:
    limits = (("at least", fact.min), ("above", fact.above), ("at most", fact.max))
    said = [f"{word} {show_name(knowledge, name, limit)}" for word, limit in limits if limit is not None]
    return " and ".join(said) or None


def _decision_in_words(table: DecisionTable) -> str:
    rules = ", ".join(rule.id for rule in table.declaration.rules)
    return f"{table.declaration.title}; hit policy {table.declaration.hit_policy}; rules: {rules}"


def _yes(truth: bool) -> str | None:
    return "any other text, too" if truth else None


def _line(text: str | None) -> str | None:
    return None if text is None else " ".join(text.split())


# -- values over time ----------------------------------------------------------------------------------


def _costs(knowledge: Knowledge) -> CostsFile:
    """The cost tables as declared, with all that was and will be in force."""
    return CostsFile.model_validate(knowledge.documents["costs.yaml"].value)


def _values(amount: AmountDeclaration) -> Mapping[date | None, RangeOf | float]:
    if isinstance(amount.value, list):
        return {version.since: version.value for version in amount.value}
    return {None: amount.value}


def _where_since(amount: AmountDeclaration, since: date | None) -> tuple[str | int, ...]:
    """Where in an amount the value stands that is in force from a day."""
    if not isinstance(amount.value, list):
        return ("value",)
    return ("value", next(index for index, version in enumerate(amount.value) if version.since == since))


@dataclass(frozen=True, slots=True)
class _TableRow:
    """One row of a volume table: what it gives, the row in words, and where it is in its table."""

    gives: float
    words: str
    path: tuple[str | int, ...]


def _rows(knowledge: Knowledge, table: TableDeclaration) -> Mapping[tuple[date | None, float], _TableRow]:
    """The rows of a table by the day they are in force from, and by their first column."""
    units = knowledge.manifest.shown_units
    dated = [one for one in table.rows if isinstance(one, DatedRows)]
    plain = [one for one in table.rows if not isinstance(one, DatedRows)]
    rows: list[tuple[date | None, tuple[str | int, ...], tuple[float, float]]] = [
        *((None, ("rows", index), row) for index, row in enumerate(plain)),
        *(
            (version.since, ("rows", index, "rows", position), row)
            for index, version in enumerate(dated)
            for position, row in enumerate(version.rows)
        ),
    ]
    return {
        (since, first): _TableRow(
            second, _since(f"{show(first, table.takes, units)}: {show(second, table.gives, units)}", since), path
        )
        for since, path, (first, second) in rows
    }


def _ends(value: RangeOf | float | None) -> tuple[float, ...]:
    """A value by its numbers: how a range is written does not matter."""
    if value is None:
        return ()
    return (value.low, value.middle, value.high) if isinstance(value, RangeOf) else (value,)


def _since(text: str, since: date | None) -> str:
    return text if since is None else f"{text} from {since}"


def _sources(source: str, versions: object) -> str:
    """The source, with those of single versions."""
    listed = versions if isinstance(versions, list) else []
    dated = [one for one in listed if isinstance(one, DatedValue | DatedRows) and one.source]
    return "; ".join([source, *(f"from {one.since}: {one.source}" for one in dated)])


# -- the manifest and the claims -----------------------------------------------------------------------


def _flat(value: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    """What a mapping of mappings says as text, by its path; what belongs together stays together."""
    is_one = len(path) == _DEEPEST or (path[:1] == ("shown_units",) and len(path) > 1)
    if isinstance(value, dict) and not is_one:
        return {leaf: text for key, inner in value.items() for leaf, text in _flat(inner, (*path, str(key))).items()}
    text = _text(value)
    return {} if text is None else {path: text}


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(_text(one)) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_text(inner)}" for key, inner in value.items())
    return word_of(float(value)) if isinstance(value, int | float) else str(value)


@dataclass(frozen=True, slots=True)
class _Claims:
    """What the file of claims says.

    Args:
        document: the file; None where there is none to be read.
        entries: each claim by its id, and each part of the rest by where it stands.
        paths: where in the file each of them is.
        ids: those of the claims.
    """

    document: Document | None
    entries: Mapping[str, Any]
    paths: Mapping[str, tuple[str | int, ...]]
    ids: frozenset[str]

    @classmethod
    def of(cls, knowledge: Knowledge) -> _Claims:
        """The claims of a base; no claims where there is no file, or none that can be read."""
        path = knowledge.directory / _CLAIMS
        try:
            document = read_document(path) if path.exists() else None
        except BadInput:
            document = None
        said = document.value if document and isinstance(document.value, dict) else {}
        listed = said.get("claims")
        claims = {
            str(claim["id"]): (("claims", index), claim)
            for index, claim in enumerate(listed if isinstance(listed, list) else [])
            if isinstance(claim, dict) and "id" in claim
        }
        found: dict[str, tuple[tuple[str | int, ...], Any]] = {}
        for section, value in said.items():
            if isinstance(value, dict):
                found.update({f"{section}.{key}": ((section, key), inner) for key, inner in value.items()})
            elif section != "claims":
                found[section] = ((section,), value)
        found.update(claims)
        entries = {name: value for name, (_, value) in found.items()}
        return cls(document, entries, {name: where for name, (where, _) in found.items()}, frozenset(claims))

    def place(self, name: str, *field: str) -> Place:
        """Where an entry, or a field of it, stands."""
        if self.document is None:
            return Place(_CLAIMS)
        path = self.paths[name]
        return self.document.place((*path, *field), key=bool(field) or name not in self.ids)


def _quote(entry: Any) -> str | None:
    """An entry of the claims in a line: of a claim its quote."""
    return _line(_text(entry.get("quote", entry) if isinstance(entry, dict) else entry))


# -- what cases may no longer say ----------------------------------------------------------------------


def refusals(old: Knowledge, new: Knowledge) -> tuple[Refusal, ...]:
    """For each fact that the new base takes less of a value that only the old one takes, and what the new one says."""
    found = []
    for name, fact in old.facts.items():
        for value in _candidates(fact, new.facts.get(name)):
            message = _refused(new, name, value)
            if _refused(old, name, value) is None and message is not None:
                found.append(Refusal(name, value, message))
                break
    return tuple(found)


def _refused(knowledge: Knowledge, name: str, value: object) -> str | None:
    try:
        case_from_mapping({name: value}, knowledge.facts, "a case")
    except BadInput as error:
        return error.problems[0].message
    return None


def _candidates(old: FactDeclaration, new: FactDeclaration | None) -> Iterator[object]:
    """Values of the old fact, those first that the new one may not take."""
    if old.type == "yes/no":
        yield True
    elif old.choices is not None:
        known = (new.choices or {}) if new else {}
        yield from (word for word in old.choices if word not in known)
        yield from old.choices
        yield "something else"
    else:
        low, high = old.bounds
        bounds = new.bounds if new else (0.0, 0.0)
        near = [number for bound in bounds for number in (bound - 1, bound + 1, bound - 0.01, bound + 0.01)]
        numbers = [1.0, 0.5, *near, low, high]
        rounded = (float(f"{one:.9g}") for one in numbers)
        yield from (int(one) if one.is_integer() else one for one in rounded if accepts(old, one))
