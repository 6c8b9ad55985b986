"""Where two knowledge bases decide differently: for each conclusion a case that shows it, or the proof that none can.

Cases are tried first (``contrast.py``); what never came out differently is put to z3 (``sameness.py``).
A case is shown only once the whole pipeline of both bases has confirmed it, and is made as plain as it can be: as
few facts as let both bases conclude something, with few digits. A proof takes real numbers for floats. Neither
case nor proof is found of everything, and what is left is said.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from engine.case import Case, Given
from engine.checking.trials import Trial, plainer
from engine.comparing.alike import Alike, Target, names_behind
from engine.comparing.contrast import Contrast, Pair
from engine.comparing.sameness import Sameness
from engine.conclusions import conclusions
from engine.decision import Conclusion
from engine.errors import InferenceError
from engine.inference import EnginePool
from engine.language.nodes import State, names_in, walk
from engine.pipeline import infer

#: How long the search and all proofs together may take, in seconds; what is left is said not to be proved.
SECONDS = 15.0
#: Cases put through the pipeline where the plain evaluator cannot tell.
_MOST_DECIDED = 25
#: Cases in which facts are left out, put through the pipeline where rows conclude the same but may stand otherwise.
_MOST_PARTIAL = 30
#: Cases made of one that shows a difference by answering what is no number anew.
_MOST_ANSWERED_ANEW = 400
#: Cases decided by both pipelines to make one smaller, and in all to make it plainer; facts left out at once at first.
_MOST_FEWER = 40
_MOST_ROUNDED = 60
_BLOCK = 4
#: Digits that a number of a case is tried with before it stays as it is.
_MOST_DIGITS = 12
UNCHANGED = "nothing it concludes from has changed"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one base makes of one case.

    Args:
        conclusions: by name, as in a decision; empty where the base decides nothing.
        recommended: what is recommended in the end, a fallback included; None where nothing is.
        refused: why it decides nothing: its rules contradict each other; None where it decides.
    """

    conclusions: Mapping[str, Conclusion]
    recommended: str | None
    refused: str | None = None

    def of(self, target: Target) -> Conclusion:
        """The conclusion; where the base decides nothing, why."""
        return self.conclusions.get(target.name) if self.refused is None else f"refused: {self.refused}"


@dataclass(frozen=True, slots=True)
class Differing:
    """A case for which the bases conclude differently; None where one leaves the conclusion open."""

    target: Target
    case: Case
    old: Conclusion
    new: Conclusion

    @property
    def is_settled(self) -> bool:
        """Whether both bases conclude something."""
        return _is_something(self.old) and _is_something(self.new)


@dataclass(frozen=True, slots=True)
class Same:
    """A conclusion that is the same in every case, and what that follows from."""

    target: Target
    proof: str


@dataclass(frozen=True, slots=True)
class Unproved:
    """A conclusion of which neither a difference nor a proof was found, and why."""

    target: Target
    reason: str


Verdict = Differing | Same | Unproved
_Search = Callable[[Target], Differing | None]


def _is_something(conclusion: Conclusion) -> bool:
    if isinstance(conclusion, Mapping):
        return any(value is not None for value in conclusion.values())
    return conclusion is not None and not (isinstance(conclusion, str) and conclusion.startswith("refused: "))


class Bases:
    """Two bases that decide; what they decided is remembered."""

    def __init__(self, old: EnginePool, new: EnginePool) -> None:
        self.old = old
        self.new = new
        self.alike = Alike(old.knowledge, new.knowledge)
        self._decided: dict[Hashable, tuple[Case, Answer, Answer]] = {}

    def decide(self, case: Case) -> tuple[Answer, Answer]:
        """What both make of a case that both can read."""
        key = frozenset((one.name, one.value, one.origin, one.low, one.high) for one in case.given.values())
        if key not in self._decided:
            self._decided[key] = (case, answer(case, self.old), answer(case, self.new))
        return self._decided[key][1:]

    def differing(self, target: Target) -> list[Differing]:
        """The cases that both have decided so far for which the conclusion differs."""
        decided = (
            Differing(target, case, old.of(target), new.of(target))
            for case, old, new in self._decided.values()
            if old.refused is None and new.refused is None
        )
        return [one for one in decided if one.old != one.new]


def answer(case: Case, pool: EnginePool) -> Answer:
    """What a base makes of a case."""
    try:
        outcome = infer(case, pool)
    except InferenceError as error:
        return Answer({}, None, str(error))
    fallback = outcome.knowledge.manifest.fallback
    fallen_back = fallback.conclusion if fallback else None
    return Answer(conclusions(outcome), outcome.recommended or fallen_back)


def diverge(bases: Bases, *, seconds: float = SECONDS, cases: Iterable[Case] = ()) -> Iterator[Verdict]:
    """The verdict on each conclusion that may differ, in dependency order.

    Args:
        bases: what is compared.
        seconds: how long search and proofs may take in all.
        cases: cases at hand, which are tried first.
    """
    asked = [target for target in bases.alike.targets if not bases.alike.is_identical(target)]
    if asked:
        yield from _Divergence(bases, asked, time.monotonic() + seconds, cases).verdicts()


class _Divergence:
    """Puts search and proofs together."""

    def __init__(self, bases: Bases, asked: Sequence[Target], deadline: float, cases: Iterable[Case]) -> None:
        self.bases = bases
        self.alike = bases.alike
        self._asked = asked
        self._deadline = deadline
        self._cases = cases
        self._walked = set[Target]()
        self.contrast = Contrast(self.alike, asked)
        self.sameness = Sameness(self.alike, asked, self.contrast, self._milliseconds_left)

    def _milliseconds_left(self) -> int:
        return max(0, int(1_000 * (self._deadline - time.monotonic())))

    def verdicts(self) -> Iterator[Verdict]:
        """The verdict on each conclusion."""
        self.contrast.simulate(self._cases)
        for target in self._asked:
            # What came apart before a conclusion leads to a difference sooner than z3 to the answer that there is one.
            seen = self.contrast.seen[target]
            if seen.moved and not seen.showing and not self._hangs_on_signal(target):
                self.contrast.walk(target, further=False)
                self._walked.add(target)
        self.sameness.sweep()
        for target in self._asked:
            yield self._verdict(target)

    def _verdict(self, target: Target) -> Verdict:
        hangs_on_signal = self._hangs_on_signal(target)
        found = (None if hangs_on_signal else self._shown(target)) or self._decided_before(target)
        if found is None:
            self.sameness.prove_again(target)
        unchanged = UNCHANGED if self.alike.identical.issuperset(target.outputs) else None
        proof = self.sameness.proofs.get(target, unchanged)
        if proof is not None:
            # Where the rows conclude the same, only what stands whatever is unknown may differ.
            return found or self._unless_it_stands(target, proof)
        if target in self.sameness.doubted:
            return found or self._standing_otherwise(target)
        found = self._settled_by(self._pinned_down, target, found)
        if hangs_on_signal:
            searches: tuple[_Search, ...] = (self._walked_with_signals, self._proposed_without_doubt)
        else:
            searches = (self._walked_by_trial, self._proposed, self._walked_further)
        for search in searches:
            found = self._settled_by(search, target, found)
        if found is None and self.sameness.prove(target, depth="everything"):
            return self._unless_it_stands(target, self.sameness.proofs[target])
        return found or self._shown(target) or self._walked_to(target) or Unproved(target, self._reason(target))

    def _settled_by(self, search: _Search, target: Target, found: Differing | None) -> Differing | None:
        """What was found; where a base leaves it open, what a further search finds in which both conclude something."""
        if found is not None and found.is_settled:
            return found
        further = search(target)
        return further if further is not None and (found is None or further.is_settled) else found

    def _hangs_on_signal(self, target: Target) -> bool:
        """Whether the conclusion depends on whether something could turn the recommendation."""
        bases = (self.alike.old, self.alike.new)
        return any(base.manifest.could_turn in names_behind(base, target.outputs[0]) for base in bases)

    def _differs(self, case: Case, target: Target) -> bool:
        if not self._milliseconds_left():
            return False
        old, new = self.bases.decide(case)
        if old.refused and new.refused:
            return False
        if old.refused or new.refused:
            # Rules that contradict each other elsewhere are no difference of this conclusion.
            return self.contrast.differs(self.contrast.at(case, signal=False), target)
        return old.of(target) != new.of(target)

    def _differing(self, case: Case, target: Target) -> Differing:
        old, new = self.bases.decide(case)
        return Differing(target, case, old.of(target), new.of(target))

    # -- cases found by trial ----------------------------------------------------------------------

    def _shown(self, target: Target) -> Differing | None:
        """The plainest case found by trial that the pipeline confirms."""
        showing = self.contrast.seen[target].showing
        plain = sorted((self._plain(pair, target) for pair in showing), key=lambda pair: self._plainness(pair, target))
        for pair in plain[:1]:
            case = self._smaller(pair, target).case
            if self._differs(case, target):
                return self._differing(case, target)
        for case in (*(pair.case for pair in (*plain, *showing)), *map(self._answered, showing)):
            if self._differs(case, target):
                return self._plainer_by_deciding(case, target)
        return None

    def _plainness(self, pair: Pair, target: Target) -> tuple[bool, int]:
        return not self.contrast.settled(pair, target), len(pair.case.given)

    def _plain(self, pair: Pair, target: Target) -> Pair:
        """The pair with as few facts and as plain values as the rows of both need to differ."""
        contrast, settled = self.contrast, self.contrast.settled(pair, target)

        def shows(trial: Trial) -> bool:
            other = Pair(trial, contrast.new.of(trial.case, signal=trial.signal))
            return contrast.differs(other, target) and (not settled or contrast.settled(other, target))

        trial = plainer(contrast.old, pair.old, self.alike.upstream(target), shows)
        for name in trial.case.given:
            tried = (contrast.old.of(case, signal=trial.signal) for case in self._rounder(trial.case, name))
            trial = next((one for one in tried if shows(one)), trial)
        return contrast.at(trial.case, signal=trial.signal)

    def _smaller(self, pair: Pair, target: Target) -> Pair:
        """The pair, or one that z3 finds with fewer facts."""
        contrast, settled = self.contrast, self.contrast.settled(pair, target)

        def shows(case: Case) -> bool:
            other = contrast.at(case, signal=pair.old.signal)
            return contrast.differs(other, target) and (not settled or contrast.settled(other, target))

        smaller = self.sameness.smaller(target, pair.case, shows, settled=settled)
        if len(smaller.given) == len(pair.case.given):
            return pair
        return self._plain(contrast.at(smaller, signal=pair.old.signal), target)

    def _rounder(self, case: Case, name: str) -> Iterator[Case]:
        """The case with fewer digits in one of its numbers, the fewest first."""
        given = case.given[name]
        value = given.value
        if not isinstance(value, float) or isinstance(value, bool) or given.low is not None:
            return
        for digits in range(1, _MOST_DIGITS):
            number = float(f"{value:.{digits}g}")
            if number == value:
                return
            rounder = self.alike.common(case.replace(name, replace(given, value=number)))
            if name in rounder.given:
                yield rounder

    # -- cases found otherwise ---------------------------------------------------------------------

    def _decided_before(self, target: Target) -> Differing | None:
        """A case that was decided for another conclusion, and for which this one differs too."""
        found = self.bases.differing(target)
        chosen = next((one for one in found if one.is_settled), next(iter(found), None))
        return self._plainer_by_deciding(chosen.case, target) if chosen else None

    def _proposed(self, target: Target) -> Differing | None:
        """A case that z3 proposes and the pipeline confirms."""
        case = self.sameness.case(target, lambda case: self._differs(case, target))
        if case is None:
            return None
        self.contrast.look_at(case)
        return self._shown(target) or self._plainer_by_deciding(case, target)

    def _walked_by_trial(self, target: Target) -> Differing | None:
        """A case on the way along single facts."""
        if target not in self._walked:
            self.contrast.walk(target, further=False)
        return self._shown(target)

    def _walked_further(self, target: Target) -> Differing | None:
        """The same, from more cases."""
        self.contrast.walk(target, further=True)
        return self._shown(target)

    def _walked_with_signals(self, target: Target) -> Differing | None:
        """A case on the way along single facts, in which little is doubtful."""
        doubtless = (_without(case, self._left_open) for case in self._with_little_doubt(target))
        cases = (case for case in doubtless if self.contrast.is_told_apart(case, target))
        starts = list(itertools.islice(cases, _MOST_DECIDED))
        for case in itertools.islice(self.contrast.walk_with_signals(target, starts), _MOST_DECIDED):
            if self._differs(case, target):
                return self._plainer_by_deciding(case, target)
        return None

    def _with_little_doubt(self, target: Target) -> Iterator[Case]:
        """Cases in which everything is answered: some that show a difference, some for each way to a recommendation."""
        contrast, rng = self.contrast, random.Random(0)  # noqa: S311 - the same cases in every run
        for seen in contrast.seen.values():
            yield from (self._answered(pair) for pair in seen.showing)
        for one in self.alike.targets:
            if one.name == self.alike.new.manifest.recommends:
                for _ in range(_MOST_DECIDED):
                    words = [
                        given for given in contrast.aimed(rng, one).given.values() if not isinstance(given.value, float)
                    ]
                    yield self._answered(contrast.at(_with_answers(Case("found", {}), words), signal=False))
        yield from (self._answered(pair) for pair in contrast.seen[target].starts)

    def _proposed_without_doubt(self, target: Target) -> Differing | None:
        """The same, of a conclusion that hangs on whether something could turn the recommendation."""
        for open_facts in dict.fromkeys((self._left_open, ())):
            case = self.sameness.case_without_doubt(target, lambda case: self._differs(case, target), open_facts)
            if case is not None:
                return self._plainer_by_deciding(case, target)
        return None

    def _pinned_down(self, target: Target) -> Differing | None:
        """A case that shows a difference in another conclusion, with other answers that settle the rest."""
        contrast, tries = self.contrast, _MOST_DECIDED
        open_in_one: list[Case] = []
        hangs_on_signal = self._hangs_on_signal(target)
        for case in self._with_other_answers(target):
            pair = contrast.at(case, signal=False)
            if hangs_on_signal and contrast.differs(pair, target):
                pair = contrast.as_it_seems(case)
            if not contrast.differs(pair, target):
                continue
            if not contrast.settled(pair, target):
                open_in_one.append(case)
            elif not hangs_on_signal:
                contrast.look_at(case)
                return self._shown(target)
            elif self._differs(case, target):
                return self._plainer_by_deciding(case, target)
            else:
                tries -= 1
            if not tries:
                return None
        found = next((case for case in open_in_one[:tries] if self._differs(case, target)), None)
        return self._plainer_by_deciding(found, target) if found else None

    def _with_other_answers(self, target: Target) -> Iterator[Case]:
        """Cases that show a difference in another conclusion, with some questions answered anew.

        First up to two yes/no questions, then all that are no numbers, as some row would have them.
        """
        alike = self.alike
        shown = [one.case for other in self._asked if other != target for one in self.bases.differing(other)[:1]]
        shown += [pair.case for pair in self.contrast.seen[target].showing]
        facts = [name for name in alike.new.facts if name in alike.facts and alike.new.facts[name].type == "yes/no"]
        answers = [Given(name, truth) for name in facts for truth in (False, True)]
        some = [(), *((one,) for one in answers), *itertools.combinations(answers, 2)]
        starts: list[Case] = []
        for case in shown:
            pair = self.contrast.at(case, signal=False)
            # Where everything is answered, nothing can turn.
            answered = self._answered(pair)
            starts += [answered, case, self._answered(pair, also_assumed=False), _without(answered, self._left_open)]
        for start, anew in itertools.product(starts, some):
            yield _with_answers(start, anew)
        rng = random.Random(0)  # noqa: S311 - the same cases in every run
        for _ in range(_MOST_ANSWERED_ANEW if starts else 0):
            aimed = self.contrast.aimed(rng, target)
            words = [one for one in aimed.given.values() if not isinstance(one.value, float)]
            yield alike.common(_with_answers(rng.choice(starts), words))

    def _walked_to(self, target: Target) -> Differing | None:
        """A difference that shows only in the whole pipeline: in what stands, or in what could turn."""
        rng = random.Random(0)  # noqa: S311 - the same cases in every run

        def concluded(case: Case) -> tuple[Conclusion, Conclusion]:
            if not self._milliseconds_left():
                return None, None
            old, new = self.bases.decide(self.alike.common(case))
            return old.of(target), new.of(target)

        for case in self._starts(target, rng):
            if self._differs(case, target):
                return self._plainer_by_deciding(case, target)
            found = self.contrast.along_some_fact(case, target, rng, concluded)
            if found is not None and self._differs(found, target):
                return self._plainer_by_deciding(found, target)
        return None

    def _starts(self, target: Target, rng: random.Random) -> Iterator[Case]:
        """Cases in which little is open, those first that show a difference in another conclusion."""
        differing = [pair for seen in self.contrast.seen.values() for pair in seen.showing]
        starts = self.contrast.seen[target].starts
        chosen = [rng.choice(starts) for _ in range(_MOST_DECIDED if starts else 0)]
        for pair in (*differing, *chosen):
            case = self._answered(pair)
            yield case
            some = rng.sample(list(case.given), k=min(len(case.given), rng.choice((0, 1, 2))))
            yield _without(case, (*self._left_open, *some))

    def _answered(self, pair: Pair, *, also_assumed: bool = True) -> Case:
        """The case with an answer to every question, so that little is open or (if asked for) only assumed."""
        case, trials = pair.case, self.contrast.new
        for name, fact in self.alike.new.facts.items():
            if name in case.given or name not in self.alike.facts or fact.stands_in is not None:
                continue
            value = pair.old.values[name]
            if value is None:
                value = trials.notable[name][0] if fact.type in ("yes/no", "choice") else trials.example(name)
            elif not also_assumed:
                continue
            if value is not None:
                case = case.replace(name, Given(name, value))
        return self.alike.common(case)

    @cached_property
    def _left_open(self) -> tuple[str, ...]:
        """The facts in whose place something else is assumed in both bases, or within another range.

        A changed range shows only where neither the fact itself is given nor one that replaces it, and a changed
        formula may show only where a fact is not given whose origin it asks for.
        """
        alike = self.alike
        changed = {name for name in (*alike.facts, *alike.new.amounts) if name not in alike.steady}
        formulas = [
            {base.quantities[name].formula for base in (alike.old, alike.new) if name in base.quantities}
            for name in {*alike.old.quantities, *alike.new.quantities}
        ]
        affected = [node for nodes in formulas for node in nodes if len(nodes) > 1 or names_in(node) & changed]
        beside = {part.name for node in affected for part in walk(node) if isinstance(part, State)}
        return tuple(name for name in alike.new.facts if name in alike.facts and name in changed | beside)

    def _plainer_by_deciding(self, case: Case, target: Target) -> Differing:
        """The difference with as few facts and digits as the pipeline needs to show it."""
        settled = self._differing(case, target).is_settled

        def shows(candidate: Case) -> bool:
            return self._differs(candidate, target) and (not settled or self._differing(candidate, target).is_settled)

        behind = self.alike.upstream(target)
        plain = _without(case, [name for name in case.given if name not in behind])
        case = plain if shows(plain) else case
        tries = itertools.count()
        for names in _in_blocks(list(case.given)[::-1]):
            fewer = _without(case, names)
            if len(fewer.given) < len(case.given) and next(tries) < _MOST_FEWER and shows(fewer):
                case = fewer
        for name, given in case.given.items():
            answered = case.replace(name, replace(given, origin="answered"))
            case = answered if given.origin != "answered" and shows(answered) else case
        for name in case.given:
            case = next((one for one in self._rounder(case, name) if next(tries) < _MOST_ROUNDED and shows(one)), case)
        return self._differing(case, target)

    # -- where there is no case --------------------------------------------------------------------

    def _unless_it_stands(self, target: Target, proof: str) -> Verdict:
        """The proof, unless another conclusion stands in some case because a fact may be something else."""
        domains = self.alike.changed_domains(target)
        if not domains:
            return Same(target, proof)
        for pair in self.contrast.seen[target].starts[:_MOST_DECIDED]:
            case = _without(pair.case, domains)
            if self._differs(case, target):
                return self._plainer_by_deciding(case, target)
        names = " and ".join(domains) if len(domains) < 3 else f"one of {len(domains)} facts"  # noqa: PLR2004 - a pair
        return Unproved(target, f"its rows conclude the same, but what stands while {names} is unknown may differ")

    def _standing_otherwise(self, target: Target) -> Verdict:
        """A case in which something else stands in one base, of a conclusion whose rows conclude the same."""
        case = self.sameness.case_that_stands(target, lambda case: self._differs(case, target))
        if case is None:
            tried = itertools.islice(self._partial(target), _MOST_PARTIAL)
            case = next((case for case in tried if self._differs(case, target)), None)
        if case is not None:
            return self._plainer_by_deciding(case, target)
        if self.sameness.prove(target, depth="everything"):
            return self._unless_it_stands(target, self.sameness.proofs[target])
        return Unproved(target, "its rows conclude the same, but what stands while facts are unknown may differ")

    def _partial(self, target: Target) -> Iterator[Case]:
        """Cases in which something is left open that the conclusion depends on: most of it, or little."""
        yield Case("found", {})
        starts = self.contrast.seen[target].starts
        behind = self.alike.upstream(target)
        for pair in starts:
            names = [name for name in pair.case.given if name in behind]
            yield pair.case
            for one in names:
                yield pair.case.without(one)
                yield _without(pair.case, [name for name in pair.case.given if name != one])

    def _reason(self, target: Target) -> str:
        if not self._milliseconds_left():
            return "the time was used up"
        if self.sameness.is_blurred(target):
            return "a fact it depends on may be any text, and the bases know different words"
        return "no case was found in which it differs, and that there is none was too much for z3"


def _with_answers(case: Case, answers: Iterable[Given]) -> Case:
    return Case(case.name, {**case.given, **{one.name: one for one in answers}})


def _in_blocks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """The names in blocks of four, and then each by itself."""
    yield from (names[start : start + _BLOCK] for start in range(0, len(names), _BLOCK))
    yield from ((name,) for name in names)


def _without(case: Case, names: Iterable[str]) -> Case:
    for name in names:
        case = case.without(name)
    return case
