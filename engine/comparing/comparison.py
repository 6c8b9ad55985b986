"""Two knowledge bases compared: what is declared differently, what that changes in decisions, and in cases at hand.

Changes say what an editor did, cases show where it bears on a conclusion, and proofs say where it does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from engine.case import Case
from engine.checking.trials import Trials
from engine.comparing.alike import Alike, Target, conclusions_of, names_behind
from engine.comparing.case_lists import WrittenCase, read_case_list
from engine.comparing.contrast import contradicts_itself
from engine.comparing.differences import Change, Refusal, changes, refusals
from engine.comparing.divergence import (
    SECONDS,
    UNCHANGED,
    Answer,
    Bases,
    Differing,
    Same,
    Unproved,
    Verdict,
    answer,
    diverge,
)
from engine.comparing.rule_sources import RuleSource, opened
from engine.decision import Conclusion
from engine.errors import BadInput, Place, Problem
from engine.inference import CompileError, EnginePool
from engine.knowledge import Knowledge

#: Of the cases at hand so many are tried for what differs in other conclusions.
_MOST_TRIED = 500
#: Which of several verdicts on one conclusion counts.
_STRONGEST_FIRST = (Differing, Unproved, Same)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two bases.

    Args:
        shown: what people call it.
        knowledge: what it holds.
    """

    shown: str
    knowledge: Knowledge


@dataclass(frozen=True, slots=True)
class CaseChange:
    """A case at hand that is decided otherwise.

    Args:
        name: of the case.
        place: where it stands.
        old: what the old base recommends in the end; where neither base recommends anything, the conclusions that
            differ; where it cannot read or decide the case, why.
        new: what the new one does.
    """

    name: str
    place: Place
    old: Conclusion
    new: Conclusion


@dataclass(frozen=True, slots=True)
class CasesAtHand:
    """The cases at hand decided by both bases."""

    total: int
    changed: tuple[CaseChange, ...]


@dataclass(frozen=True)
class Comparison:
    """Everything that was found about two bases.

    Args:
        changes: what is declared differently.
        differing: for each conclusion that differs a case that shows it.
        same: the conclusions proved to be the same although something they depend on has changed.
        unproved: those of which neither was found.
        refusals: what cases could say before and cannot say any more.
        only_in_one: the conclusions that only one base draws.
        cases: the cases at hand, if there are any.
    """

    old: Side
    new: Side
    changes: tuple[Change, ...]
    differing: tuple[Differing, ...]
    same: tuple[Same, ...]
    unproved: tuple[Unproved, ...]
    refusals: tuple[Refusal, ...]
    only_in_one: tuple[str, ...]
    cases: CasesAtHand | None

    @property
    def exit_status(self) -> int:
        """0 where nothing that decides differs, 1 where something does, or where that was not proved."""
        found = self.differing or self.unproved or self.refusals or self.only_in_one
        return int(bool(found or (self.cases and self.cases.changed)))


# -- comparing -----------------------------------------------------------------------------------------


def compare(
    old: str, new: str, cases: str | None = None, *, on: date | None = None, seconds: float = SECONDS
) -> Comparison:
    """The comparison of two bases by what a person names them by; see ``engine.comparing.rule_sources.opened``.

    Args:
        old: the base that was.
        new: the base that is to be.
        cases: a file or directory of cases at hand; see ``engine.comparing.case_lists.read_case_list``.
        on: the day as of which both decide, by default today.
        seconds: how long the search for differing cases and proofs may take.

    Raises:
        BadInput: a base or the cases cannot be read, with every problem.
    """
    with opened(old, beside=new) as before, opened(new, beside=old) as after:
        bases = Bases(_pool(before, on), _pool(after, on))
        written = read_case_list(cases, frozenset().union(*_facts(bases))) if cases is not None else None
        return _compared(before, after, bases, written, seconds)


def _facts(bases: Bases) -> tuple[frozenset[str], frozenset[str]]:
    return frozenset(bases.alike.old.facts), frozenset(bases.alike.new.facts)


def _pool(source: RuleSource, on: date | None) -> EnginePool:
    try:
        return EnginePool(source.load(on))
    except CompileError as error:
        hint = "Split it; the limits are in docs/writing-rules.md"
        raise BadInput([Problem(Place(source.shown), source.told(str(error)), hint=hint)]) from None


def _compared(
    before: RuleSource, after: RuleSource, bases: Bases, written: Sequence[WrittenCase] | None, seconds: float
) -> Comparison:
    old, new = bases.alike.old, bases.alike.new
    declared = changes(old, new)
    at_hand = _CasesAtHand(bases)
    cases = at_hand.compared(written) if written is not None else None
    verdicts = _one_each(
        [
            *diverge(bases, seconds=seconds, cases=at_hand.read[:_MOST_TRIED]),
            *_untouched(bases.alike, declared),
            *_fallbacks(bases),
        ]
    )
    names = [conclusions_of(base).keys() for base in (old, new)]
    comparison = Comparison(
        Side(before.shown, old),
        Side(after.shown, new),
        declared,
        tuple(one for one in verdicts if isinstance(one, Differing)),
        tuple(one for one in verdicts if isinstance(one, Same)),
        tuple(one for one in verdicts if isinstance(one, Unproved)),
        refusals(old, new),
        tuple(sorted(names[0] ^ names[1])),
        cases,
    )
    return _told(comparison, (before, after))


def _one_each(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """One verdict on each conclusion: a case that shows a difference first, a proof only where nothing is in doubt."""
    found: dict[Target, Verdict] = {}
    for verdict in sorted(verdicts, key=lambda one: _STRONGEST_FIRST.index(type(one))):
        found.setdefault(verdict.target, verdict)
    return list(found.values())


def _untouched(alike: Alike, declared: Iterable[Change]) -> Iterator[Same]:
    """The conclusions whose rules were edited in what only people read."""
    edited = {change.decision for change in declared}
    for target in alike.targets:
        if target.table(alike.new).name in edited and alike.is_identical(target):
            yield Same(target, UNCHANGED)


def _fallbacks(bases: Bases) -> Iterator[Differing | Unproved]:
    """What is recommended, and how firmly, where nothing settles it."""
    manifests = [base.manifest for base in (bases.alike.old, bases.alike.new)]
    for name, field in ((manifests[1].recommends, "conclusion"), (manifests[1].strength, "strength")):
        words = [getattr(manifest.fallback, field, None) for manifest in manifests]
        target = next((one for one in bases.alike.targets if one.name == name), None)
        if target is None or words[0] == words[1] or manifests[0].recommends != manifests[1].recommends:
            continue
        open_case = Case("found", {})
        if all(_is_open(one, manifests[1].recommends) for one in bases.decide(open_case)):
            yield Differing(target, open_case, words[0], words[1])
        else:
            yield Unproved(target, "the fallback differs, and no case was found that is left to it")


def _is_open(found: Answer, recommends: str | None) -> bool:
    return found.refused is None and found.conclusions.get(recommends or "") is None


def _told(comparison: Comparison, sources: Sequence[RuleSource]) -> Comparison:
    """The comparison with files named by where they come from."""

    def told(text: str) -> str:
        for source in sources:
            text = source.told(text)
        return text

    def conclusion(found: Conclusion) -> Conclusion:
        return told(found) if isinstance(found, str) else found

    def place(found: Place) -> Place:
        return replace(found, file=told(found.file))

    cases = comparison.cases
    return replace(
        comparison,
        changes=tuple(replace(one, place=place(one.place)) for one in comparison.changes),
        differing=tuple(replace(one, old=conclusion(one.old), new=conclusion(one.new)) for one in comparison.differing),
        cases=cases
        and replace(
            cases,
            changed=tuple(replace(one, old=conclusion(one.old), new=conclusion(one.new)) for one in cases.changed),
        ),
    )


# -- cases at hand -------------------------------------------------------------------------------------


class _CasesAtHand:
    """Decides cases by both bases, and remembers those that both can read."""

    def __init__(self, bases: Bases) -> None:
        self._bases = bases
        self._trials = (Trials(bases.alike.old), Trials(bases.alike.new))
        self.read: list[Case] = []

    def compared(self, written: Iterable[WrittenCase]) -> CasesAtHand:
        """How many of the cases change their recommendation, and which.

        Raises:
            BadInput: cases that neither base can read, with every problem.
        """
        changed: list[CaseChange] = []
        problems: list[Problem] = []
        total = 0
        for case in written:
            total += 1
            try:
                found = self._compared(case)
            except BadInput as error:
                problems.extend(error.problems)
                continue
            changed += [found] if found else []
        if problems:
            raise BadInput(problems)
        return CasesAtHand(total, tuple(changed))

    def _compared(self, written: WrittenCase) -> CaseChange | None:
        facts = _facts(self._bases)
        old = _read(written, self._bases.alike.old, facts[1] - facts[0])
        new = _read(written, self._bases.alike.new, facts[0] - facts[1])
        if isinstance(old, BadInput) and isinstance(new, BadInput):
            raise new
        if isinstance(old, Case) and isinstance(new, Case):
            self.read.append(new)
            if self._is_quickly_the_same(old, new):
                return None
        said = self._said(_answer(old, self._bases.old), _answer(new, self._bases.new))
        return CaseChange(written.name, written.place, *said) if said[0] != said[1] else None

    def _said(self, old: Answer, new: Answer) -> tuple[Conclusion, Conclusion]:
        """What each base recommends; where neither recommends anything, of what both conclude that which differs."""
        if any(base.manifest.recommends is not None for base in (self._bases.alike.old, self._bases.alike.new)):
            return _refusal(old) or old.recommended, _refusal(new) or new.recommended
        names = [target.name for target in self._bases.alike.targets]
        differing = [name for name in names if old.conclusions.get(name) != new.conclusions.get(name)]
        said = [
            _refusal(one) or "; ".join(f"{name}: {_in_json(one.conclusions.get(name))}" for name in differing)
            for one in (old, new)
        ]
        return said[0], said[1]

    def _is_quickly_the_same(self, old: Case, new: Case) -> bool:
        """Whether the rows alone settle the same recommendation in both bases; the pipeline can add nothing to that."""
        settled = []
        for case, trials in zip((old, new), self._trials, strict=True):
            knowledge, recommends = trials.knowledge, trials.knowledge.manifest.recommends
            if recommends is None or knowledge.manifest.could_turn in names_behind(knowledge, recommends):
                return False
            trial = trials.of(case)
            settled.append(None if contradicts_itself(trial, knowledge) else trial.values[recommends])
        return settled[0] is not None and settled[0] == settled[1]


def _read(written: WrittenCase, base: Knowledge, others: frozenset[str]) -> Case | BadInput:
    try:
        return written.read(base.facts, others)
    except BadInput as error:
        return error


def _answer(case: Case | BadInput, pool: EnginePool) -> Answer:
    """What a base makes of a case; of one that it cannot read, why."""
    if isinstance(case, Case):
        return answer(case, pool)
    problem = case.problems[0]
    named = f"{problem.field}: " if problem.field else ""
    return Answer({}, None, f"{named}{problem.message}")


def _refusal(found: Answer) -> str | None:
    return None if found.refused is None else f"refused: {found.refused}"


def _in_json(conclusion: Conclusion) -> str:
    return json.dumps(conclusion, ensure_ascii=False)
