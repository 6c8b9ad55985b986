"""Concrete cases tried on a knowledge base by the plain evaluator, to find what can happen before z3 is asked.

What a case shows needs no proof: that a row can decide, that a value is reached, that an answer matters,
that two rows hold at once. Cases are made at the thresholds of the base, the most promising ones are
varied, and the choice is the same in every run.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from engine.case import Case, Given, Origin, parse_number
from engine.costs import working_memory
from engine.evaluator import rows_hold
from engine.knowledge import DecisionTable, Knowledge
from engine.language.english import affirmed
from engine.language.evaluate import COMPARE, Value, compile_plain
from engine.language.nodes import And, Comparison, Membership, Name, Node, Not, Number, Or, State, Text, Truth
from engine.outlook import thresholds

#: Policies under which one row (or several that agree) decides.
DECIDING = ("first", "unique", "any")
_ORIGINS: tuple[Origin, ...] = ("answered", "answered", "measured", "assumed")
#: Where nothing of the base tells which numbers matter.
_PLAIN_NUMBERS = (0.0, 1.0, 10.0, 1_000.0, 100_000.0, 10_000_000.0)
_LEAST = 1e-6
_PLAIN_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
#: Facts with a question are what cases are mostly made of.
_SELDOM = 0.2
#: Cases made by chance alone, before any is aimed at a row, and the share of aimed ones after that.
_FIRST_CASES = 40
_AIMED = 0.6
#: Of the rows before the one aimed at, the last ones are kept from holding.
_MOST_EARLIER = 40
_SIDES = ("left", "right")
#: Cases of which the borders between conclusions are looked for, by halving the way between two numbers so often.
_MOST_MOVED = 6
_HALVINGS = 30
#: Cases made by chance alone where those at hand did not show what was looked for.
_CHANCES = 200
#: The share of a row's conditions from which on it is nearly seen to decide.
_NEARLY = 0.5
_DIGITS = (1, 2, 3, 4, 5, 6)


@dataclass(frozen=True, slots=True)
class Trial:
    """What the plain evaluator makes of one case.

    Args:
        case: what was given.
        signal: what was told where the base asks whether something could turn its recommendation.
        values: every name's value at the end.
        rows: for each decision whether each row holds; None: unknown.
    """

    case: Case
    signal: bool
    values: Mapping[str, Value]
    origins: Mapping[str, str]
    rows: Mapping[str, tuple[bool | None, ...]]

    def decisive(self, table: DecisionTable) -> tuple[int, ...]:
        """The rows that decide or, under ``collect``, that add a value; several where rows overlap."""
        holds = self.rows[table.name]
        if table.policy == "first":
            index = next((index for index, truth in enumerate(holds) if truth is not False), None)
            return (index,) if index is not None and holds[index] else ()
        return tuple(index for index, truth in enumerate(holds) if truth)

    def outcome(self, table: DecisionTable) -> frozenset[tuple[tuple[str, str], ...]]:
        """What the decision concludes, as pairs of output and value; several under ``collect`` or in contradiction."""
        return frozenset(tuple(sorted(table.rows[index].then.items())) for index in self.decisive(table))


class Trials:
    """Tries cases of one knowledge base."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge

    def of(self, case: Case, *, signal: bool = False) -> Trial:
        """What comes of a case, decision by decision; where rows contradict each other nothing is concluded."""
        knowledge = self.knowledge
        memory = working_memory(knowledge, case)
        if knowledge.manifest.could_turn:
            memory.conclude(knowledge.manifest.could_turn, signal)
        rows: dict[str, tuple[bool | None, ...]] = {}
        trial = Trial(case, signal, memory.values, memory.origins, rows)
        for name in knowledge.order:
            table = knowledge.decisions.get(name)
            if table is None:
                continue
            rows[name] = rows_hold(knowledge, name, memory.values, memory.origins)
            decisive = trial.decisive(table) if table.policy in DECIDING else ()
            concluded = [table.rows[index].then for index in decisive]
            if concluded and all(then == concluded[0] for then in concluded):
                for output, value in concluded[0].items():
                    memory.conclude(output, value)
        return trial

    def without(self, fact: str, trials: Iterable[Trial]) -> Iterator[Trial]:
        """The cases of some trials, and cases made by chance, with one fact left to its default."""
        rng = random.Random(0)  # noqa: S311 - the same cases in every run
        for trial in trials:
            yield self.of(trial.case.without(fact), signal=trial.signal)
        for _ in range(_CHANCES):
            yield self.of(self.at_random(rng).without(fact))

    # -- cases worth trying ------------------------------------------------------------------------

    @cached_property
    def _names(self) -> Sequence[str]:
        """The facts that can be given something, which a choice without choices cannot."""
        return tuple(name for name, values in self.notable.items() if values)

    @cached_property
    def _weights(self) -> Sequence[float]:
        return [1.0 if self.knowledge.facts[name].question else _SELDOM for name in self._names]

    @cached_property
    def notable(self) -> Mapping[str, tuple[Value, ...]]:
        """For each fact the values at which something may change, and both neighbours of each."""
        cuts = thresholds(self.knowledge)
        return {name: tuple(self._notable(name, cuts.get(name, ()))) for name in self.knowledge.facts}

    def _notable(self, name: str, cuts: Iterable[float]) -> Iterator[Value]:
        fact = self.knowledge.facts[name]
        if fact.type == "yes/no":
            yield from (True, False)
            return
        if fact.choices is not None:
            yield from fact.words
            return
        low, high = fact.bounds
        plain = _PLAIN_SHARES if high <= 1 else _PLAIN_NUMBERS
        found = {*plain, *(example for example in (self.example(name),) if isinstance(example, float))}
        for cut in cuts:
            step = 1.0 if fact.type == "integer" else max(abs(cut), 1.0) / 100
            found.update((cut, cut - step, cut + step, cut * 2, cut / 2))
        # The least number above 0 is nobody's, and makes all that is multiplied with it nothing.
        found.update(end for end in (low, high) if end == 0 or _LEAST <= abs(end) <= _PLAIN_NUMBERS[-1])
        if fact.type == "integer":
            found = {float(math.floor(number)) for number in found}
        yield from sorted(number for number in found if low <= number <= high) or [low]

    def example(self, name: str) -> Value:
        """The value that the fact's declaration gives as an example; None where it gives none."""
        fact = self.knowledge.facts[name]
        if fact.example is None or fact.type not in ("number", "integer"):
            return None
        number = parse_number(fact.example, fact.unit)
        return number if number is not None and fact.bounds[0] <= number <= fact.bounds[1] else None

    def at_random(self, rng: random.Random) -> Case:
        """A case with some of the facts given, each at a notable value."""
        share = rng.choice((0.2, 0.5, 0.8, 1.0))
        weighted = zip(self._names, self._weights, strict=True)
        chosen = [name for name, weight in weighted if rng.random() < share * weight]
        return Case("tried", {name: self._given(rng, name) for name in chosen})

    def varied(self, rng: random.Random, case: Case) -> Case:
        """The case with a few facts given anew, some of them between notable values, or no longer given."""
        given = dict(case.given)
        if not self._names:
            return case
        for name in rng.choices(self._names, self._weights, k=rng.choice((1, 1, 2, 3, 5))):
            if given.pop(name, None) is None or rng.random() < 0.7:  # noqa: PLR2004 - about a third go
                given[name] = replace(self._given(rng, name), value=self._near_notable(rng, name))
        return Case("tried", given)

    def _near_notable(self, rng: random.Random, name: str) -> Value:
        value, other = rng.choice(self.notable[name]), rng.choice(self.notable[name])
        if not (isinstance(value, float) and isinstance(other, float)) or rng.random() < 0.5:  # noqa: PLR2004 - half
            return value
        between = value + (other - value) * rng.random() ** 2
        return float(round(between)) if self.knowledge.facts[name].type == "integer" else float(f"{between:.3g}")

    def aimed(self, rng: random.Random, decision: str, row: int) -> Case:
        """A case made to let a row decide: what its conditions ask of facts, and of the rows behind conclusions."""
        aim = _Aim(self, rng)
        aim.decide(decision, row)
        given = dict(self.at_random(rng).given)
        for name, fits in aim.wanted.items():
            if aim.is_unknown(name):
                given.pop(name, None)
                continue
            fitting = [value for value in self.notable[name] if all(fit(value) for fit in fits)]
            if fitting:
                given[name] = Given(name, rng.choice(fitting), origin=aim.origin(name))
        return Case("tried", given)

    def _given(self, rng: random.Random, name: str) -> Given:
        return Given(name, rng.choice(self.notable[name]), origin=rng.choice(_ORIGINS))


class _Aim:
    """What facts have to be for a row to decide, one of the ways to bring it about chosen at random.

    Conditions on figures are left to chance, and so is whether what is asked of one fact fits together.
    """

    def __init__(self, trials: Trials, rng: random.Random) -> None:
        self.knowledge = trials.knowledge
        self.rng = rng
        #: For each fact the tests that its value has to pass.
        self.wanted: dict[str, list[Callable[[Value], bool]]] = {}
        self._states: dict[str, set[tuple[str, bool]]] = {}
        self._decided: set[str] = set()

    def decide(self, decision: str, row: int) -> None:
        """Want a row to decide."""
        self._decided.add(decision)
        table = self.knowledge.decisions[decision]
        self.want(table.rows[row].when, holds=True)
        if table.policy == "first":
            for earlier in table.rows[max(0, row - _MOST_EARLIER) : row]:
                self.want(earlier.when, holds=False)

    def want(self, node: Node, *, holds: bool) -> None:
        """Want a condition to hold, or not to."""
        self._want(affirmed(node, holds=holds))

    def is_unknown(self, name: str) -> bool:
        """Whether the fact is to be left open."""
        return bool({("unknown", True), ("known", False), ("given", False)} & self._states.get(name, set()))

    def origin(self, name: str) -> Origin:
        """Where the fact is to come from."""
        asked = self._states.get(name, set())
        fitting = [origin for origin in _ORIGINS if (origin, False) not in asked]
        return next((origin for origin in fitting if (origin, True) in asked), self.rng.choice(fitting or _ORIGINS))

    def _want(self, node: Node) -> None:
        match node:
            case And(parts=parts):
                for part in parts:
                    self._want(part)
            case Or(parts=parts):
                self._want(self.rng.choice(parts))
            case Name(name=name):
                self._value(name, lambda value: value is True, holds=True)
            case Not(operand=Name(name=name)):
                self._value(name, lambda value: value is False, holds=False)
            case State(name=name, state=state, negated=negated) if name in self.knowledge.facts:
                self.wanted.setdefault(name, [])
                self._states.setdefault(name, set()).add((state, not negated))
            case Comparison(operator=operator, left=Name(name=name), right=Number() | Text() | Truth() as constant):
                compare, with_what = COMPARE[operator], constant.value
                self._value(name, lambda value: compare(value, with_what))  # type: ignore[arg-type]  # one type
            case Membership(item=Name(name=name), options=options, negated=negated):
                listed = {option.value for option in options if isinstance(option, Number | Text | Truth)}
                self._value(name, lambda value: (value in listed) != negated)

    def _value(self, name: str, fits: Callable[[Value], bool], *, holds: bool | None = None) -> None:
        """Want a fact to have a fitting value, or a decision to conclude one; a truth that is computed, to hold."""
        knowledge = self.knowledge
        if name in knowledge.facts:
            self.wanted.setdefault(name, []).append(fits)
        elif name in knowledge.decision_of:
            decision = knowledge.decision_of[name]
            rows = [index for index, row in enumerate(knowledge.decisions[decision].rows) if fits(row.then[name])]
            if decision not in self._decided and rows:
                self.decide(decision, self.rng.choice(rows))
        elif name in knowledge.quantities and holds is not None:
            self.want(knowledge.quantities[name].formula, holds=holds)


class Explored:
    """What a number of tried cases have shown.

    Args:
        trials: tries them.
        most: how many cases.
        decisions: those that are looked at.
    """

    def __init__(self, trials: Trials, most: int, decisions: Sequence[str]) -> None:
        self.trials = trials
        self.knowledge = trials.knowledge
        #: For each decision and row a case in which it holds, and one in which it decides.
        self.holds: dict[tuple[str, int], Trial] = {}
        self.decides: dict[tuple[str, int], Trial] = {}
        #: For each decision with one policy of one answer, the pairs of rows found to hold at once.
        self.together: dict[tuple[str, int, int], Trial] = {}
        self._nearest: dict[tuple[str, int], tuple[float, Case]] = {}
        self._parts = {
            (name, index): _parts(row.when, self.knowledge)
            for name in decisions
            for index, row in enumerate(self.knowledge.decisions[name].rows)
        }
        self._search(most)
        self._search_borders()

    def _search(self, most: int) -> None:
        rng = random.Random(0)  # noqa: S311 - the same cases in every run
        signals = (False, True) if self.knowledge.manifest.could_turn else (False,)
        for count in range(most):
            if count >= _FIRST_CASES and not self._nearest:
                return
            self.look_at(self.trials.of(self._next_case(rng, count), signal=rng.choice(signals)))

    def _next_case(self, rng: random.Random, count: int) -> Case:
        if count < _FIRST_CASES or not self._nearest:
            return self.trials.at_random(rng)
        goal = rng.choice(list(self._nearest))
        if rng.random() < _AIMED:
            return self.trials.aimed(rng, *goal)
        return self.trials.varied(rng, self._nearest[goal][1])

    def _search_borders(self) -> None:
        """Look where the conditions of a row that was nearly seen to decide turn, for what holds only just there."""
        for key in list(self._nearest)[:_MOST_MOVED]:
            score, case = self._nearest[key]
            start = self.trials.of(case)
            parts = self._parts[key]

            def turned(trial: Trial, parts: Sequence[Callable[[Trial], float]] = parts) -> object:
                return [part(trial) == 1.0 for part in parts]

            for border in self._at_borders(start, turned) if score > _NEARLY else ():
                self.look_at(border)
                if key in self.decides:
                    break

    def look_at(self, trial: Trial) -> None:
        """Remember what a trial shows."""
        for name, holds in trial.rows.items():
            if (name, 0) not in self._parts:
                continue
            table = self.knowledge.decisions[name]
            decisive = trial.decisive(table)
            if table.policy in ("unique", "any") and len(decisive) > 1:
                for place, one in enumerate(decisive):
                    for other in decisive[place + 1 :]:
                        self.together.setdefault((name, one, other), trial)
            for index in decisive:
                self.decides.setdefault((name, index), trial)
                self._nearest.pop((name, index), None)
            self._come_nearer(name, holds, trial)

    def matters(self, fact: str, decisions: Sequence[DecisionTable]) -> bool:
        """Whether a case was found in which another answer, or none, to the one fact changes a conclusion."""
        near = {table.name for table in decisions}
        trials = list({id(trial): trial for (name, _), trial in self.decides.items() if name in near}.values())
        moved = []
        for trial in (*trials, *self._by_chance):
            others = self._otherwise(fact, trial)
            if self._differ([trial, *others], decisions):
                return True
            if any(self._read(other, decisions) != self._read(trial, decisions) for other in others):
                moved.append(trial)
        borders = (
            border
            for trial in moved[:_MOST_MOVED]
            for border in self._at_borders(trial, lambda one: self._outcomes(one, decisions))
        )
        return any(self._differ([border, *self._otherwise(fact, border)], decisions) for border in borders)

    @cached_property
    def _by_chance(self) -> Sequence[Trial]:
        """Further cases, for what the others do not show."""
        rng = random.Random(1)  # noqa: S311 - the same cases in every run
        return [self.trials.of(self.trials.at_random(rng)) for _ in range(_FIRST_CASES)]

    def _otherwise(self, fact: str, trial: Trial) -> list[Trial]:
        """The same case with every other notable answer to one fact, and with none."""
        cases = [trial.case.without(fact)]
        cases += [trial.case.replace(fact, Given(fact, value)) for value in self.trials.notable[fact]]
        return [self.trials.of(case, signal=trial.signal) for case in cases]

    def _differ(self, trials: Sequence[Trial], decisions: Sequence[DecisionTable]) -> bool:
        first = self._outcomes(trials[0], decisions)
        return any(self._outcomes(trial, decisions) != first for trial in trials[1:])

    def _outcomes(self, trial: Trial, decisions: Sequence[DecisionTable]) -> list[object]:
        return [trial.outcome(table) for table in decisions]

    def _read(self, trial: Trial, decisions: Sequence[DecisionTable]) -> list[Value]:
        """The figures that decisions read."""
        reads = (self.knowledge.reads[table.name] for table in decisions)
        return [trial.values[name] for name in sorted(frozenset().union(*reads)) if name in self.knowledge.figures]

    def _at_borders(self, trial: Trial, outcome: Callable[[Trial], object]) -> Iterator[Trial]:
        """Cases just beside where a number turns an outcome: anything else that bears on it turns it there too."""
        for name in self.knowledge.facts:
            values = [value for value in self.trials.notable[name] if isinstance(value, float)]
            if values:
                yield from self._border(trial, name, (min(values), max(values)), outcome)

    def _border(
        self, trial: Trial, name: str, ends: tuple[float, float], outcome: Callable[[Trial], object]
    ) -> Iterator[Trial]:
        def at(value: float) -> Trial:
            return self.trials.of(trial.case.replace(name, Given(name, value)), signal=trial.signal)

        low, high = ends
        below, above = at(low), at(high)
        start = outcome(below)
        if outcome(above) == start:
            return
        whole = self.knowledge.facts[name].type == "integer"
        for _ in range(_HALVINGS):
            middle = float(math.floor((low + high) / 2)) if whole else (low + high) / 2
            between = at(middle)
            if outcome(between) == start:
                low, below = middle, between
            else:
                high, above = middle, between
        yield from (below, above)

    def _come_nearer(self, name: str, holds: Sequence[bool | None], trial: Trial) -> None:
        """Keep the case that satisfies the most of each row that was not yet seen to decide."""
        first = self.knowledge.decisions[name].policy == "first"
        in_the_way = 0
        for index, truth in enumerate(holds):
            key = (name, index)
            if truth:
                self.holds.setdefault(key, trial)
            if key not in self.decides:
                parts = self._parts[key]
                satisfied = sum(part(trial) for part in parts) / len(parts)
                score = satisfied - 0.3 * in_the_way
                if score >= self._nearest.get(key, (-math.inf,))[0]:
                    self._nearest[key] = (score, trial.case)
            if first and truth is not False:
                in_the_way += 1


def _parts(when: Node, knowledge: Knowledge) -> list[Callable[[Trial], float]]:
    """For each part of a condition how nearly it holds: 1 where it does, below a half where it does not."""
    return [_nearness(part, knowledge) for part in (when.parts if isinstance(when, And) else (when,))]


def _nearness(part: Node, knowledge: Knowledge) -> Callable[[Trial], float]:
    holds = compile_plain(part, knowledge.tables)
    sides = (part.left, part.right) if isinstance(part, Comparison) else ()
    values = [compile_plain(side, knowledge.tables) for side in sides]

    def nearness(trial: Trial) -> float:
        if holds(trial.values, trial.origins) is True:
            return 1.0
        numbers = [value(trial.values, trial.origins) for value in values]
        if len(numbers) != len(_SIDES) or not all(isinstance(one, float) and math.isfinite(one) for one in numbers):
            return 0.0
        left, right = (float(one or 0.0) for one in numbers)
        return 0.5 / (1.0 + 10.0 * abs(left - right) / (abs(left) + abs(right) + 1.0))

    return nearness


# -- plainer cases ---------------------------------------------------------------------------------


def plainer(trials: Trials, trial: Trial, names: frozenset[str], test: Callable[[Trial], bool]) -> Trial:
    """The trial with only some facts, and plain values for them, as far as the test goes on to hold."""
    plain = trial

    def tried(case: Case) -> bool:
        nonlocal plain
        candidate = trials.of(case, signal=trial.signal)
        if test(candidate):
            plain = candidate
            return True
        return False

    tried(Case(trial.case.name, {name: given for name, given in trial.case.given.items() if name in names}))
    for name in plain.case.given:
        if tried(plain.case.without(name)):
            continue
        given = plain.case.given[name]
        if given.origin != "answered":
            tried(plain.case.replace(name, replace(given, origin="answered")))
        for value in _plain_values(trials, plain.case.given[name]):
            if tried(plain.case.replace(name, replace(plain.case.given[name], value=value))):
                break
    return plain


def _plain_values(trials: Trials, given: Given) -> Iterator[Value]:
    """Values that are plainer than the one given, the plainest first; the given one ends them."""
    value = given.value
    if isinstance(value, bool) or not isinstance(value, float):
        return
    low, high = trials.knowledge.facts[given.name].bounds
    example = trials.example(given.name)
    notable = sorted(
        (one for one in trials.notable[given.name] if isinstance(one, float)), key=lambda one: abs(one - value)
    )
    candidates = [*([example] if isinstance(example, float) else []), *notable]
    candidates += [float(f"{value:.{digits}g}") for digits in _DIGITS]
    for candidate in dict.fromkeys(candidates):
        if candidate == value:
            return
        if low <= candidate <= high and (candidate.is_integer() or not value.is_integer()):
            yield candidate


def as_example(case: Case) -> dict[str, object]:
    """The case as a case file has it: plain values, with their origin where that is not an answer."""
    found: dict[str, object] = {}
    for name, given in case.given.items():
        value = given.value
        if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:  # noqa: PLR2004 - exact up to here
            value = int(value)
        found[name] = value if given.origin == "answered" else {"value": value, "origin": given.origin}
    return found
