"""Decision tests: YAML files beside the rules that say what a case must lead to, read and run.

A test gives facts and says what is expected of them: conclusions, figures, rules that fire and rules
that do not. It runs through the same pipeline as every decision.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema

from engine.case import Case, Given, parse_number, read_case
from engine.costs import working_memory
from engine.declarations import Name, RuleId, Text, word_of
from engine.errors import BadInput, InferenceError, Place, Problem, did_you_mean
from engine.evaluator import Verdict, evaluate_decision
from engine.inference import EnginePool
from engine.knowledge import Knowledge
from engine.language.evaluate import Value
from engine.language.nodes import NEVER
from engine.language.scope import NumberType
from engine.pipeline import Outcome, infer
from engine.source import Document, quote, read_document
from engine.testing.goals import Sight, gathered, keeps_repeats

#: The folder of a knowledge base that holds its tests.
FOLDER = "tests"
#: Figures agree where their first nine digits do.
_NINE_DIGITS = 1e-9
_UNKNOWN, _NEVER = "unknown", "never"

_Number = {"type": "number"}
_Expected = Annotated[Any, WithJsonSchema({"anyOf": [_Number, {"enum": [_NEVER, _UNKNOWN]}, {"type": "string"}]})]
_Facts = Annotated[dict[str, Any], Field(description="Facts as in a case file.")]


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FigureWithin(_Declared):
    """A figure that may differ by a little."""

    value: _Expected
    within: Any = Field(
        json_schema_extra={"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]},
        description="By how much it may differ, in the figure's own unit.",
    )


class DecisionTestDeclaration(_Declared):
    """One test: facts in, expectations out."""

    name: Text = Field(description="A sentence that says what must be so.")
    expect: Literal["confirm"] | None = Field(
        None, description="`confirm` marks a suggested test: it passes only once this line is replaced by expectations."
    )
    facts: _Facts = Field({}, description="Facts as in a case file; they come on top of the file's `given`.")
    conclusions: dict[Name, Any] = Field(
        {}, description="For each output its value, `unknown`, or a list of values; a number where it aggregates."
    )
    figures: dict[Name, Any] = Field({}, description="For each figure a number, `never`, `unknown` or {value, within}.")
    fired: list[RuleId] = Field([], description="Rules that must fire.")
    not_fired: list[RuleId] = Field([], description="Rules that must not fire.")


class DecisionTestsFile(_Declared):
    """A file in rules/tests/: tests that may share facts."""

    given: _Facts = Field({}, description="Facts of every test in the file, unless the test says otherwise.")
    tests: list[DecisionTestDeclaration]


@dataclass(frozen=True, slots=True)
class ExpectedFigure:
    """What a figure must be; ``value`` None: unknown; ``within`` None: the same to nine digits."""

    value: float | None
    within: float | None = None

    def allows(self, found: Value) -> bool:
        """Whether the figure is what it must be."""
        if self.value is None or found is None:
            return self.value is found
        if not isinstance(found, float) or isinstance(found, bool):
            return False
        if self.value == found or not (math.isfinite(self.value) and math.isfinite(found)):
            return self.value == found
        # 3.4 and 3.5 are 0.1 apart, though as floats they are a little more.
        noise = _NINE_DIGITS * max(1.0, abs(self.value))
        return abs(self.value - found) <= (self.within or 0.0) + noise


#: What an output is: a word, nothing as it stays open, several words in any order, or as a list.
Concluded = str | frozenset[str] | tuple[str, ...] | None
#: What an output must be: the same, or one number of several words.
Expected = Concluded | ExpectedFigure


@dataclass(frozen=True, slots=True)
class Expectations:
    """What a case must lead to.

    Args:
        conclusions: for each output its value, None where it must stay open, or (of a decision that
            collects) all of its values, in any order unless its hit policy is ``rule order``, or the one
            number it makes of them.
        figures: for each figure, amount or numeric fact what it must be.
        fired: rules that must fire.
        not_fired: rules that must not.
    """

    conclusions: Mapping[str, Expected]
    figures: Mapping[str, ExpectedFigure]
    fired: tuple[str, ...]
    not_fired: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DecisionTest:
    """One test as read; ``confirmed`` is False for a suggested one that nobody has looked at."""

    name: str
    place: Place
    case: Case
    expects: Expectations
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """One expectation that was not met.

    Args:
        about: what the expectation is about.
        subject: the output, figure or rule; the test's own name where it could not be decided at all.
        expected: what was expected, in words of the file.
        got: what came out instead.
    """

    about: Literal["conclusion", "figure", "fired", "not fired", "error"]
    subject: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class TestResult:
    """How one test came out.

    Args:
        outcome: what the case led to; None where rules contradicted each other.
        differences: every expectation that was not met.
        seconds: how long it took.
    """

    __test__ = False  # not one of pytest's

    test: DecisionTest
    outcome: Outcome | None
    differences: tuple[Difference, ...]
    seconds: float

    @property
    def word(self) -> Literal["passed", "failed", "to be confirmed"]:
        """The result in a word; a test nobody has confirmed does not pass."""
        if not self.test.confirmed:
            return "to be confirmed"
        return "failed" if self.differences else "passed"

    @property
    def sight(self) -> Sight | None:
        """What the case led to, as coverage looks at it."""
        return None if self.outcome is None else sight_of(self.outcome)


def sight_of(outcome: Outcome) -> Sight:
    """Everything that was computed and concluded, as goals look at it."""
    return Sight(outcome.knowledge, outcome.memory.values, outcome.memory.origins, outcome.verdicts)


def sight_by_evaluator(knowledge: Knowledge, case: Case, decisions: Iterable[str] | None = None) -> Sight | None:
    """What the plain evaluator alone makes of a case, quickly: nothing stands, and nothing is known to turn it.

    Args:
        knowledge: the base.
        case: the case.
        decisions: the decisions to look at, each after those it reads; by default all of them.

    Returns:
        The sight; None where rules contradict each other.
    """
    memory = working_memory(knowledge, case)
    verdicts: dict[str, Verdict] = {}
    for name in (
        decisions if decisions is not None else (name for name in knowledge.order if name in knowledge.decisions)
    ):
        try:
            verdict = verdicts[name] = evaluate_decision(knowledge, name, memory.values, memory.origins)
        except InferenceError:
            return None
        if verdict.table.policy != "collect":
            for output, value in (verdict.outputs or {}).items():
                memory.conclude(output, value)
    return Sight(knowledge, memory.values, memory.origins, verdicts)


@lru_cache(maxsize=16)
def decisions_after_signal(knowledge: Knowledge) -> frozenset[str]:
    """The decisions (and figures) that hang on whether something could turn the recommendation."""
    found: set[str] = {knowledge.manifest.could_turn or ""}
    for name in knowledge.order:
        if any(knowledge.decision_of.get(read, read) in found for read in knowledge.reads[name]):
            found.add(name)
    return frozenset(found - {knowledge.manifest.could_turn or ""})


# -- the tests of one rule -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RuleTest:
    """A test that has to do with a rule (or decision, fact, figure or amount), and how."""

    name: str
    place: Place
    how: Literal["expects it to fire", "expects it not to fire", "fires it", "expects its value", "gives it"]


def tests_about(knowledge: Knowledge, name: str) -> tuple[RuleTest, ...]:
    """The tests of a rule as :func:`tests_of` says; of anything else those that expect its value or give it.

    Raises:
        BadInput: the tests cannot be read.
    """
    if any(row.id == name for table in knowledge.decisions.values() for row in table.rows):
        return tests_of(knowledge, name)
    outputs = knowledge.decisions[name].outputs if name in knowledge.decisions else (name,)
    found: list[RuleTest] = []
    for test in read_tests(knowledge):
        if name in test.expects.figures or any(output in test.expects.conclusions for output in outputs):
            found.append(RuleTest(test.name, test.place, "expects its value"))
        elif name in test.case.given:
            found.append(RuleTest(test.name, test.place, "gives it"))
    return tuple(found)


def tests_of(knowledge: Knowledge, rule: str) -> tuple[RuleTest, ...]:
    """The tests that expect something of a rule, then those whose case it merely fires in.

    Of a rule that hangs on whether something could turn the recommendation only the former are found, as to
    find out takes a full decision of every test.

    Raises:
        BadInput: the tests cannot be read.
    """
    found: dict[str, RuleTest] = {}
    tests = read_tests(knowledge)
    for test in tests:
        if rule in test.expects.fired:
            found[test.name] = RuleTest(test.name, test.place, "expects it to fire")
        elif rule in test.expects.not_fired:
            found[test.name] = RuleTest(test.name, test.place, "expects it not to fire")
    for test in tests:
        if test.name not in found and _fires(knowledge, rule, test.case):
            found[test.name] = RuleTest(test.name, test.place, "fires it")
    return tuple(found.values())


def _fires(knowledge: Knowledge, rule: str, case: Case) -> bool:
    for name, table in knowledge.decisions.items():
        for index, row in enumerate(table.rows):
            if row.id == rule and name not in decisions_after_signal(knowledge):
                sight = sight_by_evaluator(knowledge, case)
                return sight is not None and index in sight.verdicts[name].decisive
    return False


# -- running -------------------------------------------------------------------------------------------


def run_tests(tests: Iterable[DecisionTest], pool: EnginePool) -> Iterator[TestResult]:
    """The result of each test, as soon as it is there."""
    return (run_test(test, pool) for test in tests)


def run_test(test: DecisionTest, pool: EnginePool) -> TestResult:
    """The result of one test."""
    started = time.perf_counter()
    try:
        outcome = infer(test.case, pool)
    except InferenceError as error:
        contradiction = Difference("error", test.name, "a decision", str(error))
        return TestResult(test, None, (contradiction,), time.perf_counter() - started)
    return TestResult(test, outcome, tuple(_differences(test.expects, outcome)), time.perf_counter() - started)


def _differences(expects: Expectations, outcome: Outcome) -> Iterator[Difference]:
    for output, wanted in expects.conclusions.items():
        if isinstance(wanted, ExpectedFigure):
            yield from _figure_differences("conclusion", output, wanted, aggregate_of(outcome, output))
            continue
        found = concluded(outcome, output)
        if found != wanted:
            yield Difference("conclusion", output, in_words(wanted), in_words(found))
    for name, figure in expects.figures.items():
        yield from _figure_differences("figure", name, figure, outcome.memory.values[name])
    fired = fired_rules(outcome)
    for rule in expects.fired:
        if rule not in fired:
            yield Difference("fired", rule, "fired", "did not fire")
    for rule in expects.not_fired:
        if rule in fired:
            yield Difference("not fired", rule, "not fired", "fired")


def _figure_differences(
    about: Literal["conclusion", "figure"], name: str, wanted: ExpectedFigure, found: Value
) -> Iterator[Difference]:
    if not wanted.allows(found):
        within = "" if wanted.within is None else f" within {figure_in_words(wanted.within)}"
        yield Difference(about, name, f"{figure_in_words(wanted.value)}{within}", figure_in_words(found))


def concluded(outcome: Outcome, output: str) -> Concluded:
    """What an output is: its word, None while it is open, or of a decision that collects all of its words."""
    verdict = outcome.verdicts[outcome.knowledge.decision_of[output]]
    if verdict.table.policy == "collect":
        words = gathered(verdict, output)
        return words if keeps_repeats(verdict.table) else frozenset(words)
    value = outcome.memory.values[output]
    return value if isinstance(value, str) else None


def aggregate_of(outcome: Outcome, output: str) -> Value:
    """The one number that a decision with ``aggregate`` makes of all rows that hold; None where it is open."""
    return outcome.memory.values[outcome.knowledge.scope.readings[output]]


def fired_rules(outcome: Outcome) -> tuple[str, ...]:
    """The ids of the rules that fired, in order."""
    decisions = outcome.knowledge.decisions
    return tuple(decisions[firing.decision].rows[firing.row].id for firing in outcome.fired)


def in_words(conclusion: Concluded) -> str:
    """A conclusion as a test writes it; words whose order is no matter stand in that of the alphabet."""
    if conclusion is None:
        return _UNKNOWN
    return conclusion if isinstance(conclusion, str) else f"[{', '.join(in_order(conclusion))}]"


def in_order(words: frozenset[str] | tuple[str, ...]) -> list[str]:
    """Several words as a list: a list as it is, others in the order of the alphabet."""
    return sorted(words) if isinstance(words, frozenset) else list(words)


def figure_in_words(value: Value) -> str:
    """A figure as a test writes it, at most nine digits."""
    if value is None:
        return _UNKNOWN
    if value == NEVER:
        return _NEVER
    if isinstance(value, bool | str):
        return str(value)
    return f"{value:_.0f}" if value.is_integer() and abs(value) < 1 / _NINE_DIGITS else f"{value:.9g}"


# -- reading -------------------------------------------------------------------------------------------


def read_tests(knowledge: Knowledge) -> tuple[DecisionTest, ...]:
    """Every test beside the rules of a knowledge base, file by file; none where there is no folder of tests.

    Raises:
        BadInput: every problem of every file: names that do not exist, values that do not fit, two tests of one name.
    """
    reader = _Reader(knowledge)
    for path, shown in files_of_tests(knowledge):
        reader.read(path, shown)
    if reader.problems:
        raise BadInput(reader.problems)
    return tuple(reader.tests)


def files_of_tests(knowledge: Knowledge) -> list[tuple[Path, str]]:
    """The files of tests beside the rules, each with the name it has in messages."""
    folder = knowledge.directory / FOLDER
    prefix = Path(knowledge.documents["knowledge.yaml"].file).parent
    found = sorted(path for pattern in ("*.yaml", "*.yml") for path in folder.rglob(pattern))
    return [(path, (prefix / path.relative_to(knowledge.directory)).as_posix()) for path in found]


class _Reader:
    """Reads files of tests and collects every problem."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.tests: list[DecisionTest] = []
        self.problems: list[Problem] = []
        self._rules = frozenset(row.id for table in knowledge.decisions.values() for row in table.rows)
        self._named: dict[str, Place] = {}

    def read(self, path: Path, shown: str) -> None:
        try:
            document = read_document(path, shown=shown)
        except BadInput as error:
            self.problems.extend(error.problems)
            return
        try:
            declared = DecisionTestsFile.model_validate(document.value)
        except ValidationError as error:
            self.problems.extend(_shape_problems(document, error))
            return
        given = self._facts(document, ("given",)) if declared.given else {}
        for index, test in enumerate(declared.tests):
            self._test(document, index, test, given)

    def _test(
        self, document: Document, index: int, declared: DecisionTestDeclaration, given: Mapping[str, Given]
    ) -> None:
        path = ("tests", index)
        place = document.place((*path, "name"))
        if declared.name in self._named:
            hint = "Say what this one shows that the other does not"
            message = f"the test '{declared.name}' is already at {self._named[declared.name]}"
            self.problems.append(Problem(place, message, "name", hint, "duplicate-name"))
        self._named.setdefault(declared.name, place)
        facts = {**given, **(self._facts(document, (*path, "facts")) if declared.facts else {})}
        expects = Expectations(
            self._conclusions(document, path, declared.conclusions),
            self._figures(document, path, declared.figures),
            self._known_rules(document, (*path, "fired"), declared.fired),
            self._known_rules(document, (*path, "not_fired"), declared.not_fired),
        )
        confirmed = declared.expect is None
        if confirmed and not (declared.conclusions or declared.figures or declared.fired or declared.not_fired):
            hint = "Add conclusions, figures, fired or not_fired"
            message = f"the test '{declared.name}' expects nothing"
            self.problems.append(Problem(place, message, "name", hint, "no-expectation"))
        self.tests.append(DecisionTest(declared.name, place, Case(declared.name, facts), expects, confirmed))

    def _facts(self, document: Document, path: tuple[str | int, ...]) -> Mapping[str, Given]:
        try:
            return read_case(document.part(path), self.knowledge.facts).given
        except BadInput as error:
            self.problems.extend(error.problems)
            return {}

    # -- conclusions -------------------------------------------------------------------------------

    def _conclusions(
        self, document: Document, test: tuple[str | int, ...], declared: Mapping[str, Any]
    ) -> dict[str, Expected]:
        found: dict[str, Expected] = {}
        for output, raw in declared.items():
            path = (*test, "conclusions", output)
            if output not in self.knowledge.decision_of:
                self._unknown_name(document, path, output, "conclusion", self.knowledge.decision_of)
                continue
            table = self.knowledge.decisions[self.knowledge.decision_of[output]]
            if table.declaration.aggregate:
                found.update(self._expected_figure(document, path, output, raw))
            elif table.policy == "collect":
                words = tuple(self._values(document, path, output, raw))
                found[output] = words if keeps_repeats(table) else frozenset(words)
            elif isinstance(raw, str) and raw.strip().lower() == _UNKNOWN:
                found[output] = None
            else:
                found.update((output, word) for word in self._value(document, path, output, raw))
        return found

    def _values(self, document: Document, path: tuple[str | int, ...], output: str, raw: object) -> Iterator[str]:
        if not isinstance(raw, list):
            message = f"expected a list of values, got {_found(document, path, raw)}"
            hint = f"{output} collects: write e.g. {output}: [{next(iter(self._titles(output)))}]"
            self.problems.append(Problem(document.place(path), message, output, hint, "unknown-value"))
            return
        for index, value in enumerate(raw):
            yield from self._value(document, (*path, index), output, value)

    def _value(self, document: Document, path: tuple[str | int, ...], output: str, raw: object) -> Iterator[str]:
        """The word that a conclusion is known by; none where there is no such conclusion."""
        values = self._titles(output)
        word = _word_of(raw)
        if word in values:
            yield word
            return
        hint = did_you_mean(word, values)
        message = f"expected one of {', '.join(values)}, got {_found(document, path, raw)}"
        self.problems.append(Problem(document.place(path), message, output, hint, "unknown-value"))

    def _titles(self, output: str) -> Mapping[str, str]:
        return self.knowledge.decisions[self.knowledge.decision_of[output]].outputs[output]

    # -- figures -----------------------------------------------------------------------------------

    def _figures(
        self, document: Document, test: tuple[str | int, ...], declared: Mapping[str, Any]
    ) -> dict[str, ExpectedFigure]:
        found: dict[str, ExpectedFigure] = {}
        symbols = self.knowledge.scope.symbols
        numbers = [name for name, symbol in symbols.items() if isinstance(symbol.type, NumberType)]
        for name, raw in declared.items():
            path = (*test, "figures", name)
            if name not in numbers:
                self._unknown_name(document, path, name, "figure", numbers)
            else:
                found.update(self._expected_figure(document, path, name, raw))
        return found

    def _expected_figure(
        self, document: Document, path: tuple[str | int, ...], name: str, raw: object
    ) -> dict[str, ExpectedFigure]:
        """What a figure must be, by its name; nothing where that cannot be read."""
        figure = (
            self._figure_within(document, path, name, raw)
            if isinstance(raw, dict)
            else self._number(document, path, name, raw)
        )
        return {} if figure is None else {name: figure}

    def _figure_within(
        self, document: Document, path: tuple[str | int, ...], name: str, raw: dict[str, Any]
    ) -> ExpectedFigure | None:
        try:
            declared = FigureWithin.model_validate(raw)
        except ValidationError as error:
            self.problems.extend(_shape_problems(document, error, path))
            return None
        figure = self._number(document, (*path, "value"), name, declared.value)
        within = self._number(document, (*path, "within"), name, declared.within)
        if within is not None and (within.value is None or within.value == NEVER or within.value < 0):
            message = f"expected a number ≥ 0, got {_found(document, (*path, 'within'), declared.within)}"
            self.problems.append(Problem(document.place((*path, "within")), message, name, None, "figure"))
            return None
        return ExpectedFigure(figure.value, within.value) if figure is not None and within is not None else None

    def _number(self, document: Document, path: tuple[str | int, ...], name: str, raw: object) -> ExpectedFigure | None:
        word = raw.strip().lower() if isinstance(raw, str) else None
        if word in (_UNKNOWN, _NEVER):
            return ExpectedFigure(None if word == _UNKNOWN else NEVER)
        number = parse_number(raw, self._unit(name)) if isinstance(raw, str) else None
        if isinstance(raw, int | float) and not isinstance(raw, bool):
            number = float(raw)
        if number is not None and math.isfinite(number):
            return ExpectedFigure(number)
        message = f"expected a number, never or unknown, got {_found(document, path, raw)}"
        hint = f"Write e.g. {name}: 57.4, or {name}: {{value: 57.4, within: 0.05}}"
        self.problems.append(Problem(document.place(path), message, name, hint, "figure"))
        return None

    def _unit(self, name: str) -> str | None:
        return self.knowledge.unit(self.knowledge.scope.readings.get(name, name))

    # -- names -------------------------------------------------------------------------------------

    def _known_rules(self, document: Document, path: tuple[str | int, ...], rules: list[str]) -> tuple[str, ...]:
        for index, rule in enumerate(rules):
            if rule not in self._rules:
                place = document.place((*path, index))
                hint = did_you_mean(rule, self._rules) or "`breakeven rules show` lists all rules"
                self.problems.append(Problem(place, f"there is no rule '{rule}'", str(path[-1]), hint, "unknown-name"))
        return tuple(rules)

    def _unknown_name(
        self, document: Document, path: tuple[str | int, ...], name: str, kind: str, known: Iterable[str]
    ) -> None:
        place = document.place(path, key=True)
        hint = did_you_mean(name, known) or f"`breakeven rules show` lists every {kind}"
        self.problems.append(Problem(place, f"there is no {kind} '{name}'", str(path[-2]), hint, "unknown-name"))


def _word_of(raw: object) -> str:
    """The word that rules conclude for a value of the file, empty where it is none."""
    if isinstance(raw, bool | str):
        return word_of(raw)
    return word_of(float(raw)) if isinstance(raw, int | float) else ""


def _found(document: Document, path: tuple[str | int, ...], raw: object) -> str:
    if raw is None:
        return "nothing"
    if isinstance(raw, dict | list):
        return "a mapping" if isinstance(raw, dict) else "a list"
    return quote(document.text(path) or str(raw))


def _shape_problems(document: Document, error: ValidationError, within: tuple[str | int, ...] = ()) -> list[Problem]:
    """What does not have the shape of a file of tests, by line."""
    problems = []
    for detail in error.errors(include_url=False):
        path = (*within, *(part for part in detail["loc"] if part != "[key]"))
        extra = detail["type"] == "extra_forbidden"
        message, hint = detail["msg"][:1].lower() + detail["msg"][1:], None
        if extra:
            message, hint = "an unknown field", did_you_mean(str(path[-1]), _FIELDS)
        elif detail["type"] == "model_type":
            message, hint = "expected a mapping", "Write tests: and below it - name: …"
        elif detail["type"] == "missing":
            message, hint = "is missing", f"Add {path[-1]}: …"
        elif path and path[-1] == "expect":
            message = f"expected confirm, got {_found(document, path, detail['input'])}"
            hint = "It marks a test nobody has confirmed; leave it out"
        named = ".".join(str(part) for part in path if isinstance(part, str))
        problems.append(Problem(document.place(path, key=extra), message, named or None, hint, "format"))
    return problems


_FIELDS = sorted({*DecisionTestsFile.model_fields, *DecisionTestDeclaration.model_fields, *FigureWithin.model_fields})
