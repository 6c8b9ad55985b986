"""Records by what was known: ``requests_per_month>=100000``, ``prompt_accuracy=0.8..0.9``, ``has_labeled_data=no``.

A condition is held against the value that the decision used, whether it was given or assumed; of a range that is the
likely value. What is unknown or erased fits no condition but ``NAME=unknown``.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NoReturn

from engine.case import parse_answer, parse_number
from engine.errors import BadInput, Place, Problem, did_you_mean, refuse_one
from engine.knowledge import Knowledge
from engine.records.bases import Bases
from engine.records.content import WITHHELD
from engine.records.reading import SHORTEST_HASH, Filters, Record, decisions, is_base
from engine.records.sensitive import fingerprint, hash_key, keyed_hash
from engine.records.settings import Settings
from engine.records.store import Store
from engine.records.where import why_unseen
from engine.source import quote, shorten

Operator = Literal["<=", ">=", "!=", "=", "<", ">"]
_CONDITION = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*(<=|>=|!=|==|=|<|>)\s*(.*?)\s*", re.DOTALL)
_RANGE = re.compile(r"(\S+?)\s*\.\.+\s*(\S+)")
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}
_UNKNOWN = "unknown"
_NEVER = "never"
_EXAMPLES = "Write e.g. 'requests>=100000', 'accuracy=0.8..0.9' or 'has_team=no', in quotes"

Asked = float | bool | str | None
#: Whether a record fits; None where the value is withheld.
Fits = Callable[[Record], bool | None]


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition as it was written."""

    text: str
    name: str
    operator: Operator
    value: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to.

    Args:
        records: those that fit, in the order they were looked at.
        withheld: how many do not say whether they fit, for they withhold a value.
    """

    records: tuple[Record, ...]
    withheld: int


def parse_condition(text: str) -> Condition:
    """A condition of the command line.

    Raises:
        BadInput: it is none.
    """
    found = _CONDITION.fullmatch(text)
    if found is None or not found[3]:
        message = f"expected a name, a comparison and a value, got {quote(text)}"
        raise BadInput([Problem(Place("condition"), message, hint=_EXAMPLES)])
    word = "=" if found[2] == "==" else found[2]
    return Condition(text.strip(), found[1], word, found[3])  # type: ignore[arg-type]  # as the pattern has it


def search(
    records: Iterable[Record], conditions: Sequence[Condition], bases: Bases, settings: Settings, limit: int | None
) -> Found:
    """The records that fit every condition, each read with the knowledge base that decided it.

    Raises:
        BadInput: a condition names what no base of these records has, or a value that it cannot have.
    """
    searching = _Searching(conditions, bases, settings)
    found: list[Record] = []
    for record in records:
        if limit is not None and len(found) >= limit:
            break
        if searching.fits(record):
            found.append(record)
    searching.refuse_unknown_names()
    return Found(tuple(found), searching.withheld)


def strangers(store: Store, bases: Bases, filters: Filters) -> list[str]:
    """Why nothing fits, as far as the filters name a rule, approach or base that is not recorded: a sentence each."""
    if filters.rule is None and filters.approach is None and filters.knowledge_base is None:
        return []
    known = _known(store, bases)
    asked = (
        ("--rule", "rule", filters.rule, known.rules),
        ("--approach", "approach", filters.approach, known.approaches),
    )
    found = [
        " ".join(
            filter(None, (f"{option}: no recorded base has the {what} {quote(named)}.", did_you_mean(named, names)))
        )
        for option, what, named, names in asked
        if names and named is not None and named not in names
    ]
    return found if filters.knowledge_base is None else [*found, *_strange_base(filters.knowledge_base, known.versions)]


def _strange_base(named: str, versions: Mapping[str, str]) -> Iterator[str]:
    """Why no recorded base is meant by a version, or the beginning of a hash."""
    if not versions or any(is_base(named, {"version": version, "sha256": sha}) for sha, version in versions.items()):
        return
    begins = next((sha for sha in versions if sha.startswith(named.lower())), None)
    hint = did_you_mean(named, set(versions.values())) if begins is None else None
    if begins is not None:
        hint = f"Write at least {SHORTEST_HASH} digits of a hash, such as '{begins[:SHORTEST_HASH]}'."
    said = f"--knowledge-base: no recorded base has the version {quote(named)}, or a hash that begins so."
    yield " ".join(filter(None, (said, hint)))


@dataclass(frozen=True, slots=True)
class _Known:
    """What can be asked for: rules and approaches, of the bases and of the decisions themselves, and the bases.

    Args:
        versions: the version of each base by its hash.
    """

    rules: set[str] = field(default_factory=set)
    approaches: set[str] = field(default_factory=set)
    versions: dict[str, str] = field(default_factory=dict)


def _known(store: Store, bases: Bases) -> _Known:
    """What the recorded decisions and their bases know; damaged ones are left out."""
    known = _Known()
    for record in decisions(store, damaged=[]):
        known.rules.update(rule for _, rule in record.fired)
        known.approaches.update([] if record.approach is None else [record.approach])
        if record.base["sha256"] not in known.versions:
            known.versions[record.base["sha256"]] = record.base["version"]
            with suppress(BadInput):
                knowledge = bases.of(record)
                known.rules.update(row.id for table in knowledge.decisions.values() for row in table.rows)
                known.approaches.update(_approaches(knowledge))
    return known


def _approaches(knowledge: Knowledge) -> Sequence[str]:
    output = knowledge.manifest.recommends
    return tuple(knowledge.decisions[knowledge.decision_of[output]].outputs[output]) if output else ()


class _Searching:
    """Conditions being held against records; what they mean is worked out once for each base."""

    def __init__(self, conditions: Sequence[Condition], bases: Bases, settings: Settings) -> None:
        self.conditions = conditions
        self.bases = bases
        self.settings = settings
        self.withheld = 0
        self._meant: dict[str, tuple[Fits, ...]] = {}
        self._names: set[str] = set()
        self._known: set[str] = set()

    def fits(self, record: Record) -> bool:
        tests = self._of_base(record)
        if not record.sealed:
            return False
        found = [test(record) for test in tests]
        if False in found:
            return False
        self.withheld += None in found
        return None not in found

    def _of_base(self, record: Record) -> tuple[Fits, ...]:
        key = record.base["sha256"]
        if key not in self._meant:
            knowledge = self.bases.of(record)
            self._names |= {*knowledge.facts, *knowledge.figures}
            self._meant[key] = tuple(self._meaning(one, knowledge) for one in self.conditions)
        return self._meant[key]

    def _meaning(self, condition: Condition, knowledge: Knowledge) -> Fits:
        if condition.name not in knowledge.facts and condition.name not in knowledge.figures:
            return lambda _: False
        self._known.add(condition.name)
        return _meaning(condition, knowledge, self.settings)

    def refuse_unknown_names(self) -> None:
        """Refuse a name that no base has, once all of them have been seen."""
        problems = [
            Problem(
                Place("condition"),
                f"no recorded base has a fact or figure {quote(one.name)}",
                shorten(one.text),
                did_you_mean(one.name, self._names) or "breakeven rules show lists all names",
            )
            for one in self.conditions
            if self._names and one.name not in self._known
        ]
        if problems:
            raise BadInput(problems)


def _meaning(condition: Condition, knowledge: Knowledge, settings: Settings) -> Fits:
    """What a condition asks of records that one base decided."""
    name, word = condition.name, condition.operator
    if condition.value.lower() == _UNKNOWN:
        return _is_unknown(_only_equality(condition), name)
    if knowledge.unit(name) is not None:
        ends = _RANGE.fullmatch(condition.value)
        if ends:
            _only_equality(condition)
            low, high = (_number(end, condition, knowledge) for end in ends.groups())
            if low > high:
                _refuse(condition, f"the range ends below where it begins, at {ends[1]}", "Exchange the two")
            return _numeric(name, lambda value: (low <= value <= high) is (word == "="))
        asked = _number(condition.value, condition, knowledge)
        compare = _COMPARE[word]
        by_number = _numeric(name, lambda value: compare(value, asked))
        return _hashed(by_number, condition, asked, settings)
    _only_equality(condition)
    value = _answer(condition, knowledge)
    return _hashed(_equal(name, value, wanted=word == "="), condition, value, settings)


def _only_equality(condition: Condition) -> bool:
    """True for ``=``, False for ``!=``.

    Raises:
        BadInput: it compares otherwise.
    """
    if condition.operator not in ("=", "!="):
        _refuse(condition, f"{condition.operator} compares single numbers", f"Write {condition.name}={condition.value}")
    return condition.operator == "="


def _number(text: str, condition: Condition, knowledge: Knowledge) -> float:
    if text.lower() == _NEVER:
        return math.inf
    found = parse_number(text, knowledge.unit(condition.name))
    if found is None or not math.isfinite(found):
        _refuse(condition, f"expected a number, got {quote(text)}", _EXAMPLES)
    return found


def _answer(condition: Condition, knowledge: Knowledge) -> Asked:
    try:
        return parse_answer(condition.value, knowledge.facts[condition.name], condition.name)
    except BadInput as error:
        problem = error.problems[0]
        _refuse(condition, problem.message, problem.hint)


def _refuse(condition: Condition, message: str, hint: str | None) -> NoReturn:
    refuse_one("condition", message, hint, shorten(condition.text))


def _told(record: Record, name: str) -> Mapping[str, object]:
    return record.facts.get(name) or record.figures.get(name) or {}


def _is_unknown(wanted: bool, name: str) -> Fits:
    return lambda record: ("value" not in _told(record, name) and WITHHELD not in _told(record, name)) is wanted


def _numeric(name: str, test: Callable[[float], bool]) -> Fits:
    def fits(record: Record) -> bool | None:
        told = _told(record, name)
        if WITHHELD in told:
            return None
        value = told.get("value")
        if value == _NEVER:
            return test(math.inf)
        return test(float(value)) if isinstance(value, int | float) else False

    return fits


def _equal(name: str, asked: Asked, *, wanted: bool) -> Fits:
    def fits(record: Record) -> bool | None:
        told = _told(record, name)
        if WITHHELD in told:
            return None
        return "value" in told and (told["value"] == asked) is wanted

    return fits


def _hashed(plain: Fits, condition: Condition, asked: Asked, settings: Settings) -> Fits:
    """The same test, that also compares hashes where the value is kept as one and the key is at hand."""
    if condition.operator not in ("=", "!=") or asked is None:
        return plain

    def fits(record: Record) -> bool | None:
        found = plain(record)
        kept = next((one for one in _hashes(record) if one["name"] == condition.name), None)
        if found is not None or kept is None or not _is_there(settings.hash_key):
            return found
        key = hash_key(settings.hash_key, create=False)
        if fingerprint(key) != record.sealed.get("hash_key"):
            return None
        return (keyed_hash(key, condition.name, asked) == kept["value_hash"]) is (condition.operator == "=")

    return fits


def _is_there(path: Path) -> bool:
    return why_unseen(path) is None and path.exists()


def _hashes(record: Record) -> Iterator[Mapping[str, str]]:
    return (one for one in record.sealed["case"]["given"] if "value_hash" in one)
