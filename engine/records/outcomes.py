"""What really came of decisions, and how well it was predicted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from engine.case import parse_answer, parse_number
from engine.errors import BadInput, did_you_mean, refuse_one
from engine.knowledge import Knowledge
from engine.quantities import show
from engine.records.bases import Bases
from engine.records.content import WITHHELD, writable_mapping
from engine.records.reading import Record, outcomes_of
from engine.records.sensitive import fingerprint, hash_key, keyed_hash, treatments
from engine.records.settings import Settings
from engine.records.store import Damaged, Draft, Entry, Store
from engine.source import quote, shorten
from engine.wording import show_name

_Value = TypeVar("_Value")
_HINT = "Name a fact with its real value, such as --fact NAME=0.91, or say what was saved with --saving"


@dataclass(frozen=True, slots=True)
class Happened:
    """What a person says came of a decision, as written.

    Args:
        facts: ``NAME=VALUE`` of facts.
        figures: ``NAME=NUMBER`` of figures.
        saving: the saving, in the unit of the figure that the base calls its saving.
        note: free text.
    """

    facts: Sequence[str] = ()
    figures: Sequence[str] = ()
    saving: str | None = None
    note: str | None = None


def outcome_draft(record: Record, knowledge: Knowledge, happened: Happened, settings: Settings) -> Draft:
    """What came of a decision, to be appended: typed and bounded as the base that decided declares it.

    Raises:
        BadInput: the record was erased, its key is lost, nothing is said, or a name or value does not fit the base.
    """
    if not record.sealed:
        why = "was erased" if record.is_erased else f"cannot be read: {record.missing}"
        refuse_one("ID", f"record {record.id} {why}", "Nothing more can be kept with it")
    facts = _once("--fact", [_fact(text, knowledge) for text in happened.facts])
    figures = _once("--figure", [_figure(text, record, knowledge) for text in happened.figures])
    if happened.saving is not None:
        saved = _figure(f"{saving_figure(knowledge)}={happened.saving}", record, knowledge, "--saving")
        figures = _once("--saving", [*figures.items(), saved])
    if happened.note is not None and not happened.note.strip():
        refuse_one("--note", "nothing is written in it", "Write what happened, or leave it out")
    if not facts and not figures and happened.note is None:
        refuse_one("outcome", "nothing is said of what happened", _HINT)
    told = [_told(name, value, knowledge, settings) for name, value in facts.items()]
    sealed = {
        "who": settings.who,
        "facts": told,
        "figures": [{"name": name, "value": value} for name, value in figures.items()],
        "note": happened.note,
    }
    withheld = [one["name"] for one in told if WITHHELD in one]
    return Draft("outcome", {"decision": record.id, WITHHELD: withheld}, writable_mapping(sealed))


def saving_figure(knowledge: Knowledge) -> str:
    """The figure that the base calls its saving.

    Raises:
        BadInput: it names none.
    """
    named = knowledge.manifest.saving
    if named is None:
        message = f"the base {knowledge.manifest.name} {knowledge.manifest.version} does not say which figure that is"
        refuse_one("--saving", message, "Write --figure NAME=NUMBER with the name of the figure")
    return named


def _once(option: str, said: Sequence[tuple[str, _Value]]) -> dict[str, _Value]:
    """What is said, by name.

    Raises:
        BadInput: something is said twice, so that nobody can tell which of the two happened.
    """
    found: dict[str, _Value] = {}
    for name, value in said:
        if name in found:
            refuse_one(
                option, f"{name} is said twice", "Say it once; what is learnt later goes into an outcome of its own"
            )
        found[name] = value
    return found


def _split(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        refuse_one(option, f"expected NAME=VALUE, got {quote(text)}", None)
    return name.strip(), value.strip()


def _fact(text: str, knowledge: Knowledge) -> tuple[str, float | bool | str]:
    name, written = _split(text, "--fact")
    if name not in knowledge.facts:
        hint = "Write it as --figure" if name in knowledge.figures else did_you_mean(name, knowledge.facts)
        refuse_one("--fact", f"the base that decided has no fact {quote(name)}", hint)
    try:
        value = parse_answer(written, knowledge.facts[name], name)
    except BadInput as error:
        refuse_one("--fact", f"{name}: {error.problems[0].message}", error.problems[0].hint)
    if value is None:
        refuse_one("--fact", f"{name}: unknown says nothing of what happened", "Leave it out")
    return name, value


def _figure(text: str, record: Record, knowledge: Knowledge, option: str = "--figure") -> tuple[str, float]:
    name, written = _split(text, option)
    if name not in knowledge.figures:
        hint = "Write it as --fact" if name in knowledge.facts else did_you_mean(name, knowledge.figures)
        refuse_one(option, f"the base that decided has no figure {quote(name)}", hint)
    value = parse_number(written, knowledge.unit(name))
    if value is None or abs(value) == float("inf"):
        unit = knowledge.unit(name)
        refuse_one(option, f"{name}: expected a number of {unit}, got {quote(written)}", "Write e.g. 1_200")
    withheld = sorted(knowledge.upstream(name) & set(record.withheld))
    if withheld:
        refuse_one(option, f"{name} would tell of {', '.join(withheld)}, which the record withholds", "Leave it out")
    return name, value


def _told(name: str, value: float | bool | str, knowledge: Knowledge, settings: Settings) -> dict[str, Any]:
    """A fact as it is kept; of a sensitive one as little as of the case."""
    treatment = treatments(knowledge, settings).get(name)
    if treatment is None:
        return {"name": name, "value": value}
    told: dict[str, Any] = {"name": name, WITHHELD: treatment}
    if treatment == "hash":
        key = hash_key(settings.hash_key, create=True)
        told |= {"value_hash": keyed_hash(key, name, value), "hash_key": fingerprint(key)}
    return told


# -- calibration --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Prediction:
    """One value that a decision used or computed, and what it really was."""

    record: Record
    predicted: float | bool | str
    low: float | None
    high: float | None
    actual: float | bool | str

    @property
    def error(self) -> float:
        """Actual minus predicted; of words and truths 0 where they agree, else 1."""
        if isinstance(self.predicted, bool | str) or isinstance(self.actual, bool | str):
            return float(self.predicted != self.actual)
        return self.actual - self.predicted

    @property
    def is_within(self) -> bool | None:
        """Whether it lies in the range that was predicted; None where no range was."""
        if self.low is None or self.high is None or isinstance(self.actual, bool | str):
            return None
        return self.low <= self.actual <= self.high


@dataclass(frozen=True, slots=True)
class Calibrated:
    """How well one fact or figure was predicted.

    Args:
        kind: a fact, a figure, or the figure that the base calls its saving.
        is_number: False for yes/no and choices, of which only agreement is counted.
        unit: of a number.
        predictions: each with its record.
        not_comparable: how many outcomes have no number to be compared with: unknown, never, or withheld.
        shown_error: the mean error in words; None where it is no number.
        shown_absolute: the mean absolute error in words.
    """

    name: str
    title: str
    kind: str
    is_number: bool
    unit: str | None
    predictions: tuple[Prediction, ...]
    not_comparable: int
    shown_error: str | None
    shown_absolute: str | None

    @property
    def count(self) -> int:
        """How many predictions were compared."""
        return len(self.predictions)

    @property
    def mean_error(self) -> float | None:
        """Actual minus predicted, on average; positive where too little was predicted."""
        return _mean([one.error for one in self.predictions]) if self.is_number else None

    @property
    def mean_absolute_error(self) -> float | None:
        """The size of the error, on average."""
        return _mean([abs(one.error) for one in self.predictions]) if self.is_number else None

    @property
    def agreeing(self) -> float | None:
        """Of yes/no and choices the share that came as predicted."""
        return None if self.is_number else _mean([1 - one.error for one in self.predictions])

    @property
    def ranged(self) -> int:
        """How many were predicted as a range."""
        return sum(one.is_within is not None for one in self.predictions)

    @property
    def within(self) -> float | None:
        """Of those the share that came to lie in it."""
        return _mean([float(one.is_within) for one in self.predictions if one.is_within is not None])


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def calibrate(
    store: Store, records: Iterable[Record], bases: Bases, damaged: list[Damaged] | None = None
) -> tuple[Calibrated, ...]:
    """What was predicted beside what is known to have happened, for each fact and figure of which anything is known.

    Of several outcomes of a decision that name the same, the latest counts.

    Args:
        store: the records, for what is known to have happened.
        records: the decisions.
        bases: the recorded knowledge bases.
        damaged: outcomes that cannot be trusted are left out and added here; with None the first is refused.

    Raises:
        BadInput: a record's knowledge base cannot be read.
    """
    outcomes = outcomes_of(store, damaged)
    found: dict[str, list[Prediction]] = {}
    unmatched: dict[str, int] = {}
    bearers: dict[str, Record] = {}
    for record in records:
        for name, actual in _latest(outcomes.get(record.id, ())).items():
            bearers[name] = record
            prediction = _prediction(record, name, actual)
            if prediction is None:
                unmatched[name] = unmatched.get(name, 0) + 1
            else:
                found.setdefault(name, []).append(prediction)
    return tuple(_calibrated(name, bases.of(bearers[name]), found.get(name, []), unmatched) for name in sorted(bearers))


def _latest(entries: Iterable[Entry]) -> dict[str, float | bool | str | None]:
    """The latest that was said of each name; None where it is withheld."""
    said: dict[str, float | bool | str | None] = {}
    for entry in entries:
        for one in (*(entry.sealed or {}).get("facts", ()), *(entry.sealed or {}).get("figures", ())):
            said[one["name"]] = one.get("value")
    return said


def _prediction(record: Record, name: str, actual: float | bool | str | None) -> Prediction | None:
    told: Mapping[str, Any] = record.facts.get(name) or record.figures.get(name) or {}
    predicted = told.get("value")
    if actual is None or predicted is None or WITHHELD in told:
        return None
    is_number = isinstance(actual, int | float) and not isinstance(actual, bool)
    if is_number is not (isinstance(predicted, int | float) and not isinstance(predicted, bool)):
        # A moment that never comes is no number.
        return None
    ends = [told.get(end) for end in ("low", "high")]
    low, high = ends if all(isinstance(end, int | float) for end in ends) else (None, None)
    return Prediction(record, predicted, low, high, actual)


def _calibrated(
    name: str, knowledge: Knowledge, predictions: Sequence[Prediction], unmatched: Mapping[str, int]
) -> Calibrated:
    unit = knowledge.unit(name)
    is_saving = name == knowledge.manifest.saving
    found = Calibrated(
        name,
        knowledge.title(name),
        "saving" if is_saving else "fact" if name in knowledge.facts else "figure",
        unit is not None,
        unit,
        tuple(predictions),
        unmatched.get(name, 0),
        None,
        None,
    )
    units = knowledge.manifest.shown_units
    error, absolute = (
        None if value is None else show(value, unit, units) for value in (found.mean_error, found.mean_absolute_error)
    )
    return replace(found, shown_error=error, shown_absolute=absolute)


def told_in_words(entry: Entry, knowledge: Knowledge | None) -> Iterator[tuple[str, str]]:
    """What an outcome says, each name's title with its value in words."""
    sealed = entry.sealed or {}
    for one in (*sealed.get("facts", ()), *sealed.get("figures", ())):
        name = str(one["name"])
        if WITHHELD in one:
            yield name, "withheld"
        elif knowledge is None or name not in {*knowledge.facts, *knowledge.figures}:
            yield name, shorten(str(one["value"]))
        else:
            value = one["value"]
            number = float(value) if isinstance(value, int) and not isinstance(value, bool) else value
            yield knowledge.title(name), show_name(knowledge, name, number)
