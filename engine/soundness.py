"""Checks of a base that take longer than deciding a case: units, sentences, bounds, defaults.

A base that passed is remembered by its content hash in the user's cache directory, so that a
command on an unchanged base does not pay for the check again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import __version__
from engine.cache import cache_directory
from engine.case import parse_answer
from engine.declarations import FactDeclaration, RangeOf
from engine.errors import BadInput, Place, Problem, did_you_mean
from engine.expressions import is_stand_in
from engine.knowledge import Knowledge
from engine.language.nodes import Comparison, Name, Node, Number, functions_in, names_in, walk
from engine.language.parse import ExpressionError
from engine.language.scope import ChoiceType, NumberType, Scope, TruthType
from engine.pinpoint import pinpoint
from engine.source import Document, shorten
from engine.wording import label

if TYPE_CHECKING:
    from engine.language.units import Units
    from engine.sentences import BareName, NameComparison


def require_sound(knowledge: Knowledge) -> None:
    """Refuse a base whose units, sentences, bounds or defaults do not fit.

    Raises:
        BadInput: with every problem found.
    """
    if _remembered(knowledge):
        return
    problems = list(unsound(knowledge))
    if problems:
        raise BadInput(problems)
    _remember(knowledge)


def unsound(
    knowledge: Knowledge, *, has_units: bool = True, suspected: frozenset[str] | None = frozenset()
) -> Iterator[Problem]:
    """Every problem of units, sentences, bounds and defaults.

    Args:
        knowledge: a base, perhaps without what is broken in it.
        has_units: False where its units could not be read, so that nothing can be said of them.
        suspected: words of what was left out: a name among them may be declared there. None: any name may be.
    """
    if has_units:
        yield from _UnitCheck(knowledge).problems()
    yield from _sentences(knowledge, suspected)
    yield from _facts(knowledge)
    yield from _compared_texts(knowledge)


# -- expressions -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Written:
    """A formula or a condition where it is written.

    Args:
        owner: the quantity or row that it belongs to.
        gives: the quantity that a formula gives; None of a condition.
        lines: those of the file.
    """

    owner: str
    gives: str | None
    node: Node
    place: Place
    text: str
    lines: Sequence[str]

    def at(self, column: int) -> Place:
        """The place of a column of the expression."""
        return pinpoint(self.lines, self.place, self.text, column)


def _written(knowledge: Knowledge) -> Iterator[_Written]:
    """Every formula and condition that somebody wrote."""
    lines = {document.file: document.lines for document in knowledge.documents.values()}
    for name, one in knowledge.quantities.items():
        # What decisions make of their rows is made of plain numbers and of the conditions, which follow.
        if name not in knowledge.readings:
            yield _Written(name, name, one.formula, one.place, one.text, lines.get(one.place.file, ()))
    for table in knowledge.decisions.values():
        for row in table.rows:
            found = lines.get(row.when_place.file, ())
            yield _Written(row.id, None, row.when, row.when_place, row.declaration.when, found)


# -- units -----------------------------------------------------------------------------------------

#: Units as they are written: names and small powers, multiplied or divided. Pint would also work out
#: towers of powers for as long as they take.
_FACTOR = r"[A-Za-z][A-Za-z_0-9]{0,59}(?:\s*(?:\*\*|\^)\s*[1-9])?"
_UNIT = re.compile(rf"(?:1\s*/\s*)?{_FACTOR}(?:\s*[*/·]\s*{_FACTOR}){{0,9}}|1")
_DEFINITION = re.compile(rf"(?:\d{{1,15}}(?:\.\d{{1,15}})?(?:\s*\*\s*)?)?(?:{_FACTOR}(?:\s*[*/·]\s*{_FACTOR}){{0,9}})?")
_WORD = re.compile(r"[A-Za-z][A-Za-z_0-9]*")


class _UnitCheck:
    """Proves that the units of a base fit; what has no unit that can be read fits any."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.readable: dict[str, bool] = {}
        #: Numbers and tables whose unit cannot be read, and names of which nothing is known.
        self.unitless: set[str] = set()

    def problems(self) -> Iterator[Problem]:
        """Everything wrong with declared units first, then with every expression."""
        from engine.language.units import Units

        base, derived, wrong = self._declared()
        yield from wrong
        try:
            units = Units(base, derived)
        except Exception as error:  # pint raises many kinds; to the rule editor they are one
            place = self.knowledge.documents["knowledge.yaml"].place(("base_units",), key=True)
            message = f"the units cannot be read together: {shorten(str(error))}"
            raise BadInput([Problem(place, message, "base_units", code="units")]) from error
        yield from self._unreadable(units)
        symbols = self.knowledge.scope.symbols
        for name, symbol in symbols.items():
            unit = symbol.type.unit if isinstance(symbol.type, NumberType) else None
            if is_stand_in(symbol) or (unit is not None and not self._reads(units, unit)):
                self.unitless.add(name)
        tables = {
            name: table
            for name, table in self.knowledge.scope.tables.items()
            if self._reads(units, table.takes) and self._reads(units, table.gives)
        }
        self.unitless |= self.knowledge.scope.tables.keys() - tables.keys()
        scope = Scope(symbols, tables, self.knowledge.scope.readings)
        for written in _written(self.knowledge):
            kind = symbols[written.gives].type if written.gives and written.gives not in self.unitless else None
            yield from self._expression(units, scope, written, kind.unit if isinstance(kind, NumberType) else None)

    def _declared(self) -> tuple[list[str], dict[str, str], list[Problem]]:
        """The base units and derived units that can be read, and what is wrong with the others."""
        manifest, document = self.knowledge.manifest, self.knowledge.documents.get("knowledge.yaml")
        base = [unit for unit in manifest.base_units if _WORD.fullmatch(unit)]
        derived: dict[str, str] = {}
        wrong = []
        for position, unit in enumerate(manifest.base_units):
            if unit not in base and document:
                place = document.place(("base_units", position))
                wrong.append(Problem(place, f"a unit is one word, got '{shorten(unit)}'", "base_units", None, "units"))
        for unit, definition in manifest.derived_units.items():
            unknown = [word for word in _WORD.findall(definition) if not _known(word, [*base, *derived])]
            if _WORD.fullmatch(unit) and _DEFINITION.fullmatch(definition.strip()) and not unknown:
                derived[unit] = definition
            elif document:
                place = document.place(("derived_units", unit))
                message = f"'{shorten(definition)}' does not define a unit"
                hint = "Write e.g. 3 * month, of units that are declared before it"
                wrong.append(Problem(place, message, f"derived_units.{shorten(unit)}", hint, "units"))
        return base, derived, wrong

    def _unreadable(self, units: Units) -> Iterator[Problem]:
        """Every declared unit that cannot be read."""
        knowledge, known = self.knowledge, [*self.knowledge.manifest.base_units, *self.knowledge.manifest.derived_units]
        for document, path, owner, unit in _declared_units(knowledge):
            if unit is not None and not self._reads(units, unit):
                message = f"the unit '{shorten(unit)}' is not defined in knowledge.yaml"
                hint = did_you_mean(unit, known) or f"The base units are {', '.join(knowledge.manifest.base_units)}"
                yield Problem(document.place(path), message, owner, hint, "units")

    def _reads(self, units: Units, unit: str) -> bool:
        if unit not in self.readable:
            self.readable[unit] = False
            if _UNIT.fullmatch(unit.strip()):
                with suppress(ValueError):
                    units.parse(unit)
                    self.readable[unit] = True
        return self.readable[unit]

    def _expression(self, units: Units, scope: Scope, written: _Written, expects: str | None) -> Iterator[Problem]:
        if self.unitless & (names_in(written.node) | functions_in(written.node)):
            return
        try:
            units.check(written.node, scope, expects=expects)
        except ExpressionError as error:
            message = f"{error.message}, in `{shorten(written.text)}`"
            yield Problem(written.at(error.column), message, written.owner, error.hint, "units")


def _known(word: str, units: Iterable[str]) -> bool:
    """Whether a word is one of the units, or several of one."""
    return any(word in (unit, f"{unit}s") for unit in units)


def _declared_units(knowledge: Knowledge) -> Iterator[tuple[Document, tuple[str, ...], str, str | None]]:
    """Every place where a unit is declared: document, path, what it is the unit of, and the unit."""
    documents = knowledge.documents
    for name, fact in knowledge.facts.items():
        yield documents["facts.yaml"], ("facts", name, "unit"), name, fact.unit
    for name, amount in knowledge.amounts.items():
        yield documents["costs.yaml"], ("amounts", name, "unit"), name, amount.unit
    for name, figure in knowledge.figures.items():
        yield documents["costs.yaml"], ("figures", name, "unit"), name, figure.unit
    for name, table in knowledge.table_declarations.items():
        yield documents["costs.yaml"], ("tables", name, "takes"), name, table.takes
        yield documents["costs.yaml"], ("tables", name, "gives"), name, table.gives
    for decision in knowledge.decisions.values():
        document = documents[Path(decision.file).name]
        yield document, ("unit",), decision.name, decision.declaration.unit
    for unit in knowledge.manifest.shown_units:
        yield documents["knowledge.yaml"], ("shown_units", unit), "shown_units", unit


# -- sentences -------------------------------------------------------------------------------------

_SENTENCE_HINT = "Write {{ name }} where a value belongs"
#: What the sentences of knowledge.yaml may fill in, and what of it is empty or false at times.
_HEADLINE = ("recommendation", "strength", "settled")
_AGREEMENT = ("decided_by",)
_REAL_TRUTHS = frozenset({"settled", "decided_by"})
#: Names that a message lists.
_MOST_SHOWN = 8


@dataclass(frozen=True, slots=True)
class _Sentence:
    """One sentence of the base.

    Args:
        names: what it may fill in.
        base: the base whose facts, figures and conclusions these are; None where they are the report's own.
    """

    document: Document
    path: tuple[str | int, ...]
    text: str
    owner: str
    names: Iterable[str]
    base: Knowledge | None = None

    def place(self, name: str, *, tested: bool = False) -> Place:
        """Where the sentence has a name, the first time or the first time in a test."""
        place, word = self.document.place(self.path), rf"\b{re.escape(name)}\b"
        found = re.search(rf"\{{%-?\s*(?:el)?if\b[^%]*?({word})", self.text) if tested else None
        at = found.start(1) if found else next((one.start() for one in re.finditer(word, self.text)), None)
        return place if at is None else pinpoint(self.document.lines, place, self.text, at)


def _sentences(knowledge: Knowledge, suspected: frozenset[str] | None) -> Iterator[Problem]:
    """Sentences that cannot be read, name what there is not, or ask what has only one answer."""
    for one in _all_sentences(knowledge):
        yield from _sentence(one, suspected if one.base else frozenset())


def _all_sentences(knowledge: Knowledge) -> Iterator[_Sentence]:
    symbols = knowledge.scope.symbols.keys()
    for document in knowledge.documents.values():
        for position, rule in enumerate(_rules(document)):
            because = rule.get("because") if isinstance(rule, Mapping) else None
            if isinstance(because, str):
                path = ("rules", position, "because")
                yield _Sentence(document, path, because, str(rule.get("id", "rules")), symbols, knowledge)
    manifest, shown = knowledge.manifest, knowledge.documents.get("knowledge.yaml")
    if shown is None:
        return
    if manifest.sentence:
        yield _Sentence(shown, ("sentence",), manifest.sentence, "sentence", _HEADLINE)
    for key, text in manifest.agreement.items():
        yield _Sentence(shown, ("agreement", key), text, "agreement", _AGREEMENT)
    if manifest.fallback:
        because = manifest.fallback.because
        yield _Sentence(shown, ("fallback", "because"), because, "fallback", symbols, knowledge)


def _rules(document: Document) -> Sequence[Any]:
    rules = document.value.get("rules") if isinstance(document.value, dict) else None
    return rules if isinstance(rules, list) else ()


def _sentence(sentence: _Sentence, suspected: frozenset[str] | None) -> Iterator[Problem]:
    from engine.sentences import NameComparison, SentenceError, names_in_sentence, tests_in_sentence

    try:
        found, tests = names_in_sentence(sentence.text), tests_in_sentence(sentence.text)
    except SentenceError as error:
        place = sentence.document.place(sentence.path)
        yield Problem(place, f"not readable as a sentence ({error})", sentence.owner, _SENTENCE_HINT, "sentence")
        return
    known = set(sentence.names)
    compared = [one for one in tests if isinstance(one, NameComparison)]
    for name in sorted(found - known):
        if suspected is None or name in suspected:
            continue
        message = f"`{sentence.path[-1]}` names '{name}', which is not declared"
        hint = _in_quotes(name, compared, known) or did_you_mean(name, known) or _declare(sentence)
        yield Problem(sentence.place(name), message, sentence.owner, hint, "unknown-name")
    for test in tests:
        if test.name in known and (said := _answered_alike(sentence, test)):
            message, hint = said
            yield Problem(sentence.place(test.name, tested=True), message, sentence.owner, hint, "sentence")


def _declare(sentence: _Sentence) -> str:
    if sentence.base is None:
        return f"Only {', '.join(sentence.names)} can be filled in here"
    return "Declare it in facts.yaml or costs.yaml, or fill in a name that is declared"


def _in_quotes(word: str, compared: Iterable[NameComparison], known: Collection[str]) -> str | None:
    """The hint for a text without its quotes, as in ``is_prototype == yes``."""
    for one in compared:
        other = one.name if one.other == word else one.other
        if word in (one.name, one.other) and other in known:
            return f'Text to compare with stands in quotes: write {{% if {other} == "{word}" %}}'
    return None


def _answered_alike(sentence: _Sentence, test: BareName | NameComparison) -> tuple[str, str] | None:
    """Why a test comes out the same in every case, and what to write instead; None where it does not."""
    from engine.sentences import BareName

    called = f"`{sentence.path[-1]}`"
    if isinstance(test, BareName):
        if sentence.base is None and test.name in _REAL_TRUTHS:
            return None
        message = f"{called} tests '{test.name}' alone, which is always true: it is the text that people read"
        return message, f"Write {_test_of(sentence, test)}"
    if test.operator not in ("eq", "ne"):
        if test.operator in ("in", "notin") and isinstance(test.literal, str | None):
            return None
        message = f"{called} asks whether '{test.name}' is more or less, and it is the text that people read"
        return message, "Write two rules with a condition each, and a sentence for each"
    if test.other is not None:
        return None
    texts = _texts(sentence, test.name)
    if isinstance(test.literal, str) and (texts is None or test.literal in texts.values()):
        return None
    literal = test.literal if isinstance(test.literal, str) else _as_text(test.literal)
    message = f"{called} compares '{test.name}' with {_as_written(test.literal)}, which is never what people read"
    if texts is None:
        return message, f'Put quotes around it: "{literal}"'
    shown = list(dict.fromkeys(texts.values()))
    near = texts.get(literal) or _nearest(literal, shown)
    every = ", ".join(f'"{text}"' for text in shown[:_MOST_SHOWN])
    return message, f'Did you mean "{near}"?' if near else f"Write one of {every}"


def _nearest(literal: str, shown: Iterable[str]) -> str | None:
    """The text that is meant, in whatever case it is written."""
    by_lower = {text.lower(): text for text in shown}
    near = get_close_matches(literal.lower(), by_lower, n=1)
    return by_lower[near[0]] if near else None


def _as_text(literal: object) -> str:
    """What people read of a literal that is no text."""
    return ("yes" if literal else "no") if isinstance(literal, bool) else str(literal)


def _as_written(literal: object) -> str:
    return f'"{shorten(literal)}"' if isinstance(literal, str) else str(literal).lower()


def _test_of(sentence: _Sentence, test: BareName) -> str:
    """A test of a name that has more than one answer, in place of the name alone."""
    texts = list((_texts(sentence, test.name) or {}).values())
    if {"yes", "no"} <= set(texts):
        return f'{{% if {test.name} == "{"no" if test.negated else "yes"}" %}}'
    if texts and texts[0] != "unknown":
        return f'e.g. {{% if {test.name} {"!=" if test.negated else "=="} "{texts[0]}" %}}'
    return f'e.g. {{% if {test.name} {"==" if test.negated else "!="} "unknown" %}}'


def _texts(sentence: _Sentence, name: str) -> Mapping[str, str] | None:
    """Each word a name may have with what people read of it; None where that may be any text."""
    knowledge = sentence.base
    if knowledge is None:
        return None
    symbol = knowledge.scope.symbols[knowledge.scope.readings.get(name, name)]
    if is_stand_in(symbol) or name in knowledge.open_words:
        return None
    if isinstance(symbol.type, TruthType):
        return {"true": "yes", "false": "no", "unknown": "unknown"}
    if isinstance(symbol.type, ChoiceType):
        words = {word: " ".join(label(knowledge, name, word).split()) for word in symbol.type.values}
        return {**words, "unknown": "unknown"}
    return None


# -- facts -----------------------------------------------------------------------------------------


def _compared_texts(knowledge: Knowledge) -> Iterator[Problem]:
    """Comparisons of a fact that may be any text with what it cannot be told apart from: all that no rule names is one.

    Two such facts are never to be compared, nor one of them with a choice that has a word the fact does not declare.
    """
    if not knowledge.open_words:
        return
    for written in _written(knowledge):
        for part in walk(written.node):
            if not isinstance(part, Comparison) or not isinstance(part.left, Name) or not isinstance(part.right, Name):
                continue
            for one, other in permutations((part.left.name, part.right.name)):
                if one in knowledge.open_words and (missing := _not_told_apart(knowledge, one, other)):
                    message = f"'{one}' may be any text, so it cannot be compared with '{other}': {missing}"
                    hint = f"Declare under choices of '{one}' every word that matters, or take open: yes away"
                    yield Problem(written.at(part.column), message, written.owner, hint, "types")
                    break


def _not_told_apart(knowledge: Knowledge, open_fact: str, other: str) -> str | None:
    """Why equality with another choice would be wrong for some words; None where it never is."""
    if open_fact == other:
        return None
    if other in knowledge.open_words:
        return "that may be any text, too, and words that no rule names are not told apart"
    kind = knowledge.scope.symbols[other].type
    missing = (
        [word for word in kind.values if word not in knowledge.open_words[open_fact]]
        if isinstance(kind, ChoiceType)
        else []
    )
    return f"its word '{shorten(missing[0])}' is none of the words that '{open_fact}' declares" if missing else None


def _facts(knowledge: Knowledge) -> Iterator[Problem]:
    """Bounds that leave no value, constant defaults outside of them, and examples that are no answers."""
    for name, fact in knowledge.facts.items():
        document = knowledge.documents["facts.yaml"]
        if not _has_values(fact):
            hint = "Check min, max, above and choices"
            place = document.place(("facts", name), key=True)
            yield Problem(place, "no value lies within its bounds", name, hint, "bounds")
            continue
        for value in _constant_defaults(knowledge, name):
            low, high = fact.bounds
            if not low <= value <= high:
                yield _default(document, name, f"the default {value:g} is outside the fact's bounds")
            elif fact.type == "integer" and not value.is_integer():
                yield _default(document, name, f"the default {value:g} is not a whole number")
        if fact.example is not None:
            try:
                # An example that is none is no way out of itself.
                parse_answer(fact.example, fact.model_copy(update={"example": None}), name)
            except BadInput as error:
                place = document.place(("facts", name, "example"))
                found = error.problems[0]
                yield Problem(place, f"the example is no answer: {found.message}", name, found.hint, "example")


def _has_values(fact: FactDeclaration) -> bool:
    if fact.choices is not None:
        return bool(fact.words)
    low, high = fact.bounds
    return low <= high and (fact.type != "integer" or -(-low // 1) <= high)


def _default(document: Document, name: str, message: str) -> Problem:
    hint = "Change the default or the bounds"
    return Problem(document.place(("facts", name, "default")), message, name, hint, "default")


def _constant_defaults(knowledge: Knowledge, name: str) -> list[float]:
    default = knowledge.facts[name].default
    if isinstance(default, RangeOf):
        return [default.low, default.high]
    quantity = knowledge.quantities.get(name)
    return [quantity.formula.value] if quantity and isinstance(quantity.formula, Number) else []


# -- memory of what passed -----------------------------------------------------------------------


def _stamp(knowledge: Knowledge) -> Path | None:
    as_of = f"-{knowledge.on}" if knowledge.dated else ""
    return cache_directory() / f"sound-{__version__}-{knowledge.sha256}{as_of}"


def _remembered(knowledge: Knowledge) -> bool:
    try:
        stamp = _stamp(knowledge)
        return stamp is not None and stamp.exists()
    except OSError:
        return False


def _remember(knowledge: Knowledge) -> None:
    try:
        stamp = _stamp(knowledge)
        if stamp is not None:
            stamp.parent.mkdir(parents=True, exist_ok=True)
            stamp.touch()
    except OSError:
        # Without a cache directory the base is simply checked again next time.
        return
