"""The guided questionnaire without its conversation: what to ask next, what an answer means, when to stop.

It asks first what can settle the most, never what is proved to make no difference, and it is
finished as soon as no open answer can change the recommendation that is printed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from engine.case import Case, Given, case_from_mapping, parse_answer
from engine.costs import working_memory
from engine.declarations import FactDeclaration
from engine.errors import BadInput, Place, Problem
from engine.inference import EnginePool
from engine.language.evaluate import Value
from engine.language.possible import exactly
from engine.outlook import Domain
from engine.pipeline import infer
from engine.prospect import Printed, Prospect, can_be_foreseen, questions

#: Below this share of settled answers a question is no gate, and the vocabulary's order counts.
_LEAST_GATE = 1 / 3
#: Gates that differ by less than one part in so many are asked in the vocabulary's order.
_GATE_STEPS = 6
_RANGE = re.compile(r"(\S+?)\s*(?:-|–|—|\.\.+|\bto\b)\s*(\S+)")


@dataclass(frozen=True, slots=True)
class Step:
    """Where the questionnaire stands.

    Args:
        question: the fact to ask for next; None where no answer can change the recommendation.
        outcomes: the recommendations that can still come out; None for a decision that stays open.
        now: what would be recommended if nothing more were answered; None where that takes a closer look.
        moot: the open questions that are proved to make no difference.
    """

    question: str | None
    outcomes: frozenset[Printed]
    now: Printed
    moot: frozenset[str]


@dataclass(slots=True)
class _Stage:
    """The answers at one time, and what was found out about them."""

    case: Case
    outcomes: frozenset[Printed] | None = None
    moot: frozenset[str] = frozenset()
    asks: str | None = None
    step: Step | None = None


class Questionnaire:
    """One conversation's state: the answers so far, and what to ask next.

    Args:
        pool: engines of the knowledge base that is to decide.
        case: the answers to start from.
    """

    def __init__(self, pool: EnginePool, case: Case) -> None:
        self.knowledge = pool.knowledge
        self._pool = pool
        self._stages = [_Stage(case)]

    @property
    def case(self) -> Case:
        """The answers so far."""
        return self._stages[-1].case

    @property
    def answered(self) -> int:
        """How many answers `back` can take back."""
        return len(self._stages) - 1

    def step(self) -> Step:
        """What to ask next, and what can still come out.

        Raises:
            InferenceError: rules contradict each other.
        """
        stage = self._stages[-1]
        if stage.step is None:
            found = _next_step(self._pool, stage)
            stage.step = found if stage.asks is None else replace(found, question=stage.asks)
        return stage.step

    def answer(self, given: Given) -> None:
        """Take in an answer to any question; a value of None says that it is not known."""
        stage = _Stage(self.case.replace(given.name, given))
        if given.name not in self.case.given:
            # What is ruled out whatever is answered is ruled out after one of the answers.
            step = self.step()
            stage.outcomes, stage.moot = step.outcomes, step.moot
        self._stages.append(stage)

    def reopen(self, name: str) -> None:
        """Ask once more for a fact that was answered; its answer is dropped."""
        self._stages.append(_Stage(self.case.without(name), asks=name))

    def back(self) -> bool:
        """Take back the last answer, so that its question is the next again; False where there is none."""
        if len(self._stages) == 1:
            return False
        self._stages.pop()
        return True

    def default(self, name: str) -> Value:
        """What is assumed while the question is not answered; None where that is nothing."""
        if name not in self.knowledge.quantities:
            return None
        return working_memory(self.knowledge, self.case.without(name)).values[name]


def recommended(pool: EnginePool, case: Case) -> Printed:
    """The approach that `recommend` prints for a case; None where nothing is concluded and there is no fallback."""
    concluded = infer(case, pool).recommended
    fallback = pool.knowledge.manifest.fallback
    return concluded if concluded is not None or fallback is None else fallback.conclusion


# What to ask next


def _next_step(pool: EnginePool, stage: _Stage) -> Step:
    knowledge, case = pool.knowledge, stage.case
    if not can_be_foreseen(knowledge):
        # Nothing can be proved to be settled, and everything is asked.
        return Step(next(iter(questions(knowledge, case)), None), frozenset(), None, frozenset())
    prospect = Prospect(knowledge, case)
    outcomes = prospect.recommendations(stage.outcomes or prospect.all_recommendations)
    printed = prospect.printed(dict.fromkeys(prospect.domains))
    now = next(iter(printed)) if len(printed) == 1 else None
    if _is_settled(pool, case, outcomes):
        return Step(None, outcomes, now, stage.moot)
    choice = _Choice(prospect, outcomes, stage.moot)
    question = choice.question()
    if choice.possible < outcomes and _is_settled(pool, case, choice.possible):
        return Step(None, choice.possible, now, stage.moot)
    left_open = (prospect.fallback_without(name) for name in prospect.open if name not in choice.moot)
    return Step(question, choice.possible.union(*left_open), now, frozenset(choice.moot))


def _is_settled(pool: EnginePool, case: Case, possible: frozenset[Printed]) -> bool:
    """Whether only one recommendation is possible, and is what the whole pipeline comes to as well."""
    return len(possible) == 1 and recommended(pool, case) in possible


class _Choice:
    """The choice of the next question.

    Args:
        prospect: where the open questions can lead.
        possible: the recommendations that can still come out; fewer once it is looked into.
        moot: open questions known to make no difference.
    """

    def __init__(self, prospect: Prospect, possible: frozenset[Printed], moot: frozenset[str]) -> None:
        self.prospect = prospect
        self.possible = possible
        self.moot = set(moot)
        self._is_looked_into = False

    def question(self) -> str | None:
        """The question to ask; None where none makes a difference."""
        order = [name for name in self.prospect.open if name not in self.moot]
        gates = {name: self.gate(name) for name in order}
        for name in sorted(order, key=lambda name: (-gates[name], order.index(name))):
            if self.matters(name):
                return self.first_of(name, gate=gates[name] > 0)
        return None

    def gate(self, name: str) -> int:
        """How much of the question's answers settle the recommendation, in steps; 0 where it is little."""
        prospect, domain = self.prospect, self.prospect.domains[name]
        cells = prospect.cells(name)
        others = len(self.possible) - 1
        if len(cells) == 1 or not others:
            return 0
        if domain.may_stay_open:
            cells.append(Domain(exactly(None, domain.values)))
        left = [len(prospect.outcomes({**prospect.domains, name: cell}, roughly=True)) - 1 for cell in cells]
        settled = 1 - sum(left) / (len(cells) * others)
        return math.floor(settled * _GATE_STEPS + 1e-9) if settled >= _LEAST_GATE else 0

    def matters(self, name: str) -> bool:
        """Whether the question may make a difference; False only where it is proved to make none."""
        if name in self.moot:
            return False
        if self.prospect.seen_to_matter(name):
            return True
        if not self._is_looked_into:
            self._is_looked_into = True
            may_matter, possible = self.prospect.not_ruled_out()
            self.moot.update(other for other in self.prospect.open if other not in may_matter)
            self.possible &= possible
        if name not in self.moot and self.prospect.proved_moot(name):
            self.moot.add(name)
        return name not in self.moot

    def first_of(self, name: str, *, gate: bool) -> str:
        """The question itself, or one that belongs before it."""
        seen = {name}
        while True:
            others = [other for other in self.prospect.open if other not in seen and other not in self.moot]
            earlier = next((other for other in others if self.is_source(other, name) and self.matters(other)), None)
            if earlier is None and not gate:
                earlier = next((other for other in others if self.may_spare(other, name) and self.matters(other)), None)
            if earlier is None:
                return name
            seen.add(earlier)
            name = earlier

    def is_source(self, other: str, name: str) -> bool:
        """Whether the default of one is made of the other, and the vocabulary has this other one first."""
        order, reads = list(self.prospect.domains), self.prospect.knowledge.reads
        related = name in reads.get(other, ()) or other in reads.get(name, ())
        return related and order.index(other) < order.index(name)

    def may_spare(self, other: str, name: str) -> bool:
        """Whether the one question is pointless if the other one is left to its default."""
        prospect = self.prospect
        if other not in prospect.knowledge.quantities:
            return False
        left_open = Domain(exactly(None, prospect.domains[other].values))
        return name not in prospect.live({**prospect.domains, other: left_open})


# What an answer means


def read_answer(text: str, name: str, vocabulary: Mapping[str, FactDeclaration]) -> Given:
    """An answer as it was typed: a value as in a case file, a range, or the number of a choice.

    Raises:
        BadInput: one problem; its message says what the fact takes, its hint gives an example.
    """
    declaration = vocabulary[name]
    text = text.strip()
    choices = list(declaration.choices or ())
    numbered = {str(number): choice for number, choice in enumerate(choices, 1)}
    if text in numbered and text not in choices:
        return Given(name, numbered[text])
    try:
        return Given(name, parse_answer(text, declaration, name))
    except BadInput as error:
        ends = _RANGE.fullmatch(text)
        if ends and declaration.type in ("number", "integer"):
            return _range(ends[1], ends[2], name, vocabulary, error)
        raise


def _range(low: str, high: str, name: str, vocabulary: Mapping[str, FactDeclaration], error: BadInput) -> Given:
    """The range between two numbers.

    Raises:
        BadInput: as for the whole text where the two are no numbers, else what is wrong with them.
    """
    declaration = vocabulary[name]
    for end in (low, high):
        try:
            parse_answer(end, declaration, name)
        except BadInput:
            raise error from None
    try:
        return case_from_mapping({name: {"low": low, "high": high}}, vocabulary, "answer").given[name]
    except BadInput as wrong:
        raise BadInput(_about(wrong.problems, name)) from None


def _about(problems: Sequence[Problem], name: str) -> tuple[Problem, ...]:
    """Problems of a single answer, all about the one fact."""
    return tuple(replace(problem, place=Place("answer"), field=name) for problem in problems)
