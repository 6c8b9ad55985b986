"""Tests that are missing, as YAML whose expectations an editor has yet to confirm.

For everything that no test brings about a case is found (``engine.testing.witness``), decided, and written with
what it concludes as comments. What is proved impossible, or was not found, is said at the end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from engine.case import Case, Given
from engine.declarations import FactDeclaration
from engine.errors import Place
from engine.inference import EnginePool
from engine.knowledge import Knowledge
from engine.pipeline import Outcome
from engine.testing.conditions import write_number
from engine.testing.coverage import Coverage, measure_coverage, told
from engine.testing.goals import Decides, Fires, Goal, NearThreshold, Reaches, Side, Sight, gathered, met
from engine.testing.rule_tests import (
    DecisionTest,
    Expectations,
    aggregate_of,
    concluded,
    figure_in_words,
    fired_rules,
    in_words,
    run_test,
    run_tests,
    sight_of,
)
from engine.testing.witness import DEPTHS, Impossible, Witness

#: Seconds that the proofs of one coverage report may take, and the search for all suggestions.
PROOF_SECONDS, SEARCH_SECONDS = 20.0, 300.0


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A case that shows something no test shows yet.

    Args:
        name: a sentence for the test.
        case: as few facts as will do.
        outcome: what the rules make of it.
        decision: the decision it is about.
    """

    name: str
    case: Case
    outcome: Outcome
    decision: str


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What could be found for everything that is missing.

    Args:
        found: cases, in the order of the rules.
        impossible: what no case can show, each with what proves it.
        open: what was neither found nor proved impossible in time.
    """

    found: tuple[Suggestion, ...]
    impossible: tuple[tuple[str, str], ...]
    open: tuple[str, ...]


def with_proofs(coverage: Coverage, pool: EnginePool, *, seconds: float = PROOF_SECONDS) -> Coverage:
    """The coverage, knowing what is proved impossible of all that is missing."""
    witness = Witness(pool, seconds=seconds)
    # Everything is looked at for what the conditions leave open, as far as there is time.
    for depth in DEPTHS:
        found = ((goal, witness.impossible(goal, (depth,))) for goal in coverage.missing_goals)
        coverage = coverage.knowing({goal: proof.proof for goal, proof in found if proof is not None})
    return coverage


def suggest(tests: Iterable[DecisionTest], pool: EnginePool, *, seconds: float = SEARCH_SECONDS) -> Suggestions:
    """Cases for everything that no test brings about; a test that waits to be confirmed counts as a test here."""
    results = list(run_tests(tests, pool))
    coverage = measure_coverage(pool.knowledge, results, unconfirmed=True)
    search = _Search(pool, coverage, seconds)
    for result in results:
        search.learn(result.test.case, result.sight)
    return search.run()


class _Search:
    """Goes through what is missing, and counts each case that is found for all that it shows."""

    def __init__(self, pool: EnginePool, coverage: Coverage, seconds: float) -> None:
        self._pool = pool
        self._knowledge = pool.knowledge
        self._witness = Witness(pool, seconds=seconds)
        self._missing = coverage.missing_goals
        self._met: set[Goal] = set()
        self._impossible: dict[Goal, str] = {}
        self._open: list[Goal] = []
        self._coverage = coverage

    def learn(self, case: Case, sight: Sight | None) -> None:
        """Count a case for all that it shows."""
        if sight is not None:
            goals = tuple(met(sight))
            self._met.update(goals)
            self._witness.learn(case, goals)

    def run(self) -> Suggestions:
        found = sorted(self._cases(), key=lambda one: self._missing.index(one[0]))
        coverage = self._coverage.knowing(self._impossible)
        impossible = [(item.what, proof) for one in coverage.measures.values() for item, proof in one.impossible]
        still_open = [told(self._knowledge, goal) for goal in self._open if goal in coverage.missing_goals]
        return Suggestions(tuple(self._named(found)), tuple(impossible), tuple(still_open))

    def _cases(self) -> Iterator[tuple[Goal, Case, Outcome]]:
        # Cases beside a threshold show a side of its condition too, so they come first.
        for goal in sorted(self._missing, key=_precedence):
            if goal in self._met:
                continue
            answer = self._witness.find(goal)
            if isinstance(answer, Case):
                outcome = run_test(_unnamed(answer), self._pool).outcome
                if outcome is not None:
                    self.learn(answer, sight_of(outcome))
                    yield goal, answer, outcome
            elif isinstance(answer, Impossible):
                self._impossible[goal] = answer.proof
            else:
                self._open.append(goal)

    def _named(self, found: Sequence[tuple[Goal, Case, Outcome]]) -> Iterator[Suggestion]:
        for goal, case, outcome in found:
            decision = self._knowledge.decision_of[goal.output] if isinstance(goal, Reaches) else goal.decision
            yield Suggestion(told(self._knowledge, goal), case, outcome, decision)


def _precedence(goal: Goal) -> int:
    if isinstance(goal, Fires):
        return 2
    if isinstance(goal, Side):
        return 3
    if isinstance(goal, Decides):
        return 4
    if isinstance(goal, Reaches):
        return 5
    return 1 if isinstance(goal, NearThreshold) else 0


def _unnamed(case: Case) -> DecisionTest:
    return DecisionTest(case.name, Place("suggested"), case, Expectations({}, {}, (), ()), confirmed=False)


# -- as YAML -------------------------------------------------------------------------------------------

_HEAD = """\
# Cases that no test shows yet, found by `breakeven rules test --suggest`.
# Read what each of them leads to. Where that is right, take the comment signs away and put it in place of
# `expect: confirm`; where it is wrong, a rule is. Give the test a name that says why it must be so.
"""
_NOTHING = "# No case was found that no test shows yet.\n"


def suggestions_as_yaml(suggestions: Suggestions, knowledge: Knowledge, *, taken: Iterable[str] = ()) -> str:
    """A file of tests to be confirmed; without a test where there is nothing to suggest.

    Args:
        suggestions: what was found.
        knowledge: the base it is for.
        taken: names that tests already have.
    """
    lines = [f"{_HEAD}tests:\n" if suggestions.found else f"{_NOTHING}tests: []\n"]
    names = set(taken)
    for suggestion in suggestions.found:
        lines.extend(f"{line}\n" for line in _test(suggestion, knowledge, _unused(suggestion.name, names)))
    for title, told_ones in (
        ("Proved impossible, and so not to be tested:", [f"{what}: {proof}" for what, proof in suggestions.impossible]),
        ("Neither found nor proved impossible:", suggestions.open),
    ):
        if told_ones:
            lines.append(f"\n# {title}\n")
            lines.extend(f"#   {_one_line(one)}\n" for one in told_ones)
    return "".join(lines)


def _test(suggestion: Suggestion, knowledge: Knowledge, name: str) -> Iterator[str]:
    outcome, table = suggestion.outcome, knowledge.decisions[suggestion.decision]
    yield f"  - name: {scalar(name)}"
    yield "    expect: confirm"
    facts = ", ".join(f"{name}: {_fact(given, knowledge.facts[name])}" for name, given in suggestion.case.given.items())
    yield f"    facts: {{{facts}}}"
    concluded = ", ".join(f"{output}: {_conclusion(outcome, output)}" for output in table.outputs)
    yield f"    # conclusions: {{{concluded}}}"
    ids = [row.id for row in table.rows]
    fired = [rule for rule in fired_rules(outcome) if rule in ids]
    yield f"    # fired: [{', '.join(fired)}]"


def _unused(name: str, names: set[str]) -> str:
    """The name, told from those already there by a number."""
    found, number = name, 2
    while found in names:
        found, number = f"{name} ({number})", number + 1
    names.add(found)
    return found


def _fact(given: Given, declaration: FactDeclaration) -> str:
    value = given.value
    if isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, str):
        text = scalar(value)
    else:
        text = "unknown" if value is None else write_number(value)
    if declaration.open and text not in (declaration.choices or {}):
        text = scalar(_SOMETHING_ELSE)
    return text if given.origin == "answered" else f"{{value: {text}, origin: {given.origin}}}"


#: What stands for any text that no rule names.
_SOMETHING_ELSE = "something else"


def _conclusion(outcome: Outcome, output: str) -> str:
    verdict = outcome.verdicts[outcome.knowledge.decision_of[output]]
    if verdict.table.declaration.aggregate:
        return figure_in_words(aggregate_of(outcome, output))
    if verdict.table.policy == "collect":
        return f"[{', '.join(map(scalar, gathered(verdict, output)))}]"
    found = concluded(outcome, output)
    return scalar(found) if isinstance(found, str) else in_words(found)


_PLAIN = re.compile(r"[A-Za-z“](?:[^:#{}\[\],&*!|>'\"%@`\\]|:(?! |$)|,)*[^\s:,]|[A-Za-z]")
_PLAIN_IN_BRACES = re.compile(r"[A-Za-z_][\w-]*")
_NOT_TEXT = frozenset({"yes", "no", "true", "false", "on", "off", "null", "y", "n"})


def scalar(text: str) -> str:
    """The text as a YAML scalar that is read as this text."""
    line = _one_line(text)
    plain = _PLAIN_IN_BRACES if " " not in line else _PLAIN
    if plain.fullmatch(line) and line.lower() not in _NOT_TEXT and " #" not in line:
        return line
    return json.dumps(line, ensure_ascii=False)


def _one_line(text: str) -> str:
    return " ".join(text.split())
