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
from engine.evaluator import row_evaluators
from engine.knowledge import DecisionTable, Knowledge
from engine.language.evaluate import Evaluate, Value, compile_plain
from engine.language.nodes import And, Node
from engine.outlook import thresholds

#: Policies under which one row (or several that agree) decides.
DECIDING = ("first", "unique", "any")
_ORIGINS: tuple[Origin, ...] = ("answered", "answered", "measured", "assumed")
#: Where nothing of the base tells which numbers matter.
_PLAIN_NUMBERS = (0.0, 1.0, 10.0, 1_000.0, 100_000.0, 10_000_000.0)
_PLAIN_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
#: Facts with a question are what cases are mostly made of.
_SELDOM = 0.2
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
        self._evaluators = row_evaluators(knowledge)

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
            evaluated = (evaluate(memory.values, memory.origins) for evaluate in self._evaluators[name])
            rows[name] = tuple(truth if isinstance(truth, bool) else None for truth in evaluated)
            decisive = trial.decisive(table) if table.policy in DECIDING else ()
            concluded = [table.rows[index].then for index in decisive]
            if concluded and all(then == concluded[0] for then in concluded):
                for output, value in concluded[0].items():
                    memory.conclude(output, value)
        return trial

    # -- cases worth trying ------------------------------------------------------------------------

    @cached_property
    def _names(self) -> Sequence[str]:
        return tuple(self.knowledge.facts)

    @cached_property
    def _weights(self) -> Sequence[float]:
        return [1.0 if self.knowledge.facts[name].question else _SELDOM for name in self._names]

    @cached_property
    def notable(self) -> Mapping[str, tuple[Value, ...]]:
        """For each fact the values at which something may change, and both neighbours of each."""
        cuts = thresholds(self.knowledge)
        return {name: tuple(self._notable(name, cuts.get(name, ()))) for name in self._names}

    def _notable(self, name: str, cuts: Iterable[float]) -> Iterator[Value]:
        fact = self.knowledge.facts[name]
        if fact.type == "yes/no":
            yield from (True, False)
            return
        if fact.choices is not None:
            yield from fact.choices
            return
        low, high = fact.bounds
        plain = _PLAIN_SHARES if high <= 1 else _PLAIN_NUMBERS
        found = {*plain, *(example for example in (self.example(name),) if isinstance(example, float))}
        for cut in cuts:
            step = 1.0 if fact.type == "integer" else max(abs(cut), 1.0) / 100
            found.update((cut, cut - step, cut + step, cut * 2, cut / 2))
        found.update(end for end in (low, high) if abs(end) <= _PLAIN_NUMBERS[-1])
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
        """The case with a few facts given anew or no longer given."""
        for name in rng.choices(self._names, self._weights, k=rng.choice((1, 1, 2, 3, 5))):
            drop = name in case.given and rng.random() < 0.3  # noqa: PLR2004 - about a third
            case = case.without(name) if drop else case.replace(name, self._given(rng, name))
        return case

    def _given(self, rng: random.Random, name: str) -> Given:
        return Given(name, rng.choice(self.notable[name]), origin=rng.choice(_ORIGINS))


class Explored:
    """What a number of tried cases have shown.

    Args:
        trials: tries them.
        most: how many cases.
    """

    def __init__(self, trials: Trials, most: int) -> None:
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
            for name, table in self.knowledge.decisions.items()
            for index, row in enumerate(table.rows)
        }
        self._search(most)

    def _search(self, most: int) -> None:
        rng = random.Random(0)  # noqa: S311 - the same cases in every run
        signals = (False, True) if self.knowledge.manifest.could_turn else (False,)
        for count in range(most):
            if len(self.decides) == len(self._parts):
                return
            if self._nearest and count > most // 10 and rng.random() < 0.9:  # noqa: PLR2004 - mostly
                _, case = self._nearest[rng.choice(list(self._nearest))]
                case = self.trials.varied(rng, case)
            else:
                case = self.trials.at_random(rng)
            self.look_at(self.trials.of(case, signal=rng.choice(signals)))

    def look_at(self, trial: Trial) -> None:
        """Remember what a trial shows."""
        for name, holds in trial.rows.items():
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
                satisfied = sum(part(trial.values, trial.origins) is True for part in parts) / len(parts)
                score = satisfied - 0.3 * in_the_way
                if score >= self._nearest.get(key, (-math.inf,))[0]:
                    self._nearest[key] = (score, trial.case)
            if first and truth is not False:
                in_the_way += 1


def _parts(when: Node, knowledge: Knowledge) -> list[Evaluate]:
    return [compile_plain(part, knowledge.tables) for part in (when.parts if isinstance(when, And) else (when,))]


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
