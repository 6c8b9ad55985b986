"""What is recommended while facts are varied, where something unknown leaves the rows undecided.

Either one conclusion stands whatever the unknown facts are, or the base's fallback is recommended. That no
other stands is shown by witnesses: answers to what is unknown that lead to the fallback, or elsewhere each.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from engine.case import Case, Given
from engine.knowledge import Knowledge
from engine.language.evaluate import Value
from engine.language.possible import Possible, Span, Words, exactly
from engine.outlook import Domain, Outlook
from engine.pipeline import Settled, by_definition, rests_on
from engine.prospect import Prospect, Region, told_apart

#: Points of what is unknown.
Witnesses = tuple[Mapping[str, Value], ...]
#: Regions looked at to see whether one conclusion stands all over a region.
_MOST_LOOKS = 80
#: How often answers are sought that lead one conclusion in between to different words, and the prover is asked in vain.
_MOST_TRIES = 6
_MOST_PROOFS_IN_VAIN = 2
#: Witnesses that are kept; those that were of use last are tried first.
_MOST_WITNESSES = 4


@dataclass(slots=True)
class Hints:
    """Answers that showed something before, tried first elsewhere; whatever they show is checked anew each time.

    Args:
        witnesses: those that show that nothing but the fallback stands.
        differing: for each conclusion in between those that lead to different words of it.
        tried_to_differ: how often the latter were sought.
    """

    witnesses: list[Witnesses] = field(default_factory=list)
    differing: dict[str, list[Witnesses]] = field(default_factory=dict)
    tried_to_differ: dict[str, int] = field(default_factory=dict)


class LeftOpen:
    """What is recommended where a few numeric facts are varied, the others held.

    Args:
        knowledge: a base whose recommendation can be foreseen.
        case: what was said.
        facts: the facts that are varied, whatever the case says of them.
        fallback: what is recommended where nothing stands.
        hints: what was of use for other facts of the same case.
    """

    def __init__(
        self, knowledge: Knowledge, case: Case, facts: Collection[str], fallback: str, hints: Hints | None = None
    ) -> None:
        self._knowledge = knowledge
        self._case = case
        self._fallback = fallback
        self._prospect = Prospect(knowledge, case, facts)
        self._target = self._prospect.target
        self._blank = {name: domain for name, domain in self._prospect.domains.items() if name not in facts}
        #: The conclusions that the recommendation rests on and that may stand.
        self._in_between = tuple(
            output
            for output, name in knowledge.decision_of.items()
            if output in rests_on(knowledge, self._target) and knowledge.decisions[name].policy != "collect"
        )
        self._outlooks: dict[frozenset[str], Outlook] = {}
        self._hints = hints if hints is not None else Hints()
        self._proofs_in_vain = 0

    def at(self, point: Mapping[str, float]) -> str:
        """What is recommended at a point that the rows leave open."""
        varied = {name: Domain(Span(value, value)) for name, value in point.items()}
        open_here = self._look(varied)
        if self._fallback_alone(open_here):
            return self._fallback
        case = self._case
        for name, value in point.items():
            case = case.replace(name, Given(name, value))
        settled = by_definition(case, self._knowledge, self._target)
        found = settled.memory.values[self._target]
        recommended = found if isinstance(found, str) else self._fallback
        self._learn_what_does_not_stand(varied, settled, open_here.perhaps)
        if recommended == self._fallback:
            self._remember(settled, settled.waits_for or open_here.perhaps)
        return recommended

    def within(self, varied: Region, middle: Mapping[str, float]) -> str | None:
        """What is recommended all over a region; None where it is not proved to be one recommendation.

        Args:
            varied: the values of each varied fact.
            middle: a point of it, at which the rows leave the recommendation open.
        """
        looked_at = self._look(varied)
        if len(looked_at.decided) > 1:
            return None
        found = self._one_recommendation(looked_at, middle)
        # Where the rows decide, they may do so because something is unknown, which nothing tried in its place shows.
        return found if found is not None and looked_at.decided <= {found} else None

    def _one_recommendation(self, looked_at: _Look, middle: Mapping[str, float]) -> str | None:
        """What is recommended wherever in a region the rows leave it open, where that is proved to be the same."""
        if self._fallback_alone(looked_at):
            return self._fallback
        region = {**looked_at.varied, **self._anything(looked_at)}
        words = self._outlook(region).region(region)[0][self._target]
        if isinstance(words, Words) and len(words.options) == 1 and not words.unknown:
            return next(iter(words.options))
        stands = self.at(middle)
        looked_at = self._look(looked_at.varied)
        region = {**looked_at.varied, **self._anything(looked_at)}
        if stands == self._fallback:
            return stands if self._fallback_alone(looked_at) else None
        outlook = Outlook(self._prospect.memory, self._target, region)
        prove = self._proofs_in_vain < _MOST_PROOFS_IN_VAIN
        found = outlook.explore(enough=2, most=_MOST_LOOKS, prove=prove)
        if found.only != stands:
            self._proofs_in_vain += prove and bool(found.undecided)
            return None
        return stands

    def _look(self, varied: Region) -> _Look:
        region = {**self._blank, **varied}
        box, _ = self._prospect.region(region)
        words = box[self._target]
        decided = words.options if isinstance(words, Words) else frozenset()
        surely, perhaps = self._prospect.waited_for(region)
        # Where a conclusion in between comes to stand, what is recommended may no longer wait for what it hung on.
        in_between = [output for output in self._in_between if box[output].unknown]
        if not all(self._known_not_to_stand(output, varied, perhaps) for output in in_between):
            surely = frozenset()
        return _Look(varied, decided, surely & self._blank.keys(), perhaps & self._blank.keys())

    def _anything(self, looked_at: _Look) -> Region:
        """Everything that the facts which may be waited for can be; nothing is tried in place of the others."""
        return self._prospect.anything([name for name in self._blank if name in looked_at.perhaps], looked_at.surely)

    def _outlook(self, region: Region) -> Outlook:
        names = frozenset(region)
        if names not in self._outlooks:
            self._outlooks[names] = Outlook(self._prospect.memory, self._target, region)
        return self._outlooks[names]

    def _fallback_alone(self, looked_at: _Look) -> bool:
        """Whether known witnesses show that nothing but the fallback stands anywhere in a region."""
        known = self._hints.witnesses
        for index, witnesses in enumerate(known):
            if self._shown_by(witnesses, looked_at):
                known.insert(0, known.pop(index))
                return True
        return False

    def _shown_by(self, witnesses: Witnesses, looked_at: _Look) -> bool:
        others: frozenset[str] | None = None
        for point in witnesses:
            words = self._words_at(point, self._target, looked_at)
            if not isinstance(words, Words) or (words.unknown and looked_at.perhaps - point.keys()):
                # What else is unknown may decide here.
                return False
            found = words.options - {self._fallback}
            others = found if others is None else others & found
            if not others:
                return True
        return False

    def _words_at(self, point: Mapping[str, Value], output: str, looked_at: _Look) -> Possible:
        """What an output can come to in a region where the unknown facts are answered as a point has it."""
        asked = told_apart(self._knowledge)
        region = dict(looked_at.varied)
        for name, value in point.items():
            if name not in self._blank:
                continue
            # Where nothing waits for such a fact it stays unknown, which rules may tell from an answer.
            may_stay_open = name in asked and name not in looked_at.surely
            region[name] = Domain(exactly(value, self._blank[name].values), may_stay_open=may_stay_open)
        # So may what the point has no answer to, or it may be answered with anything.
        unanswered = (looked_at.perhaps - point.keys()) & asked
        region |= self._prospect.anything([name for name in self._blank if name in unanswered])
        return self._outlook(region).region(region)[0][output]

    def _known_not_to_stand(self, output: str, varied: Region, perhaps: frozenset[str]) -> bool:
        """Whether a conclusion in between is known to depend, all over a region, on how facts are answered."""
        looked_at = _Look(varied, frozenset(), frozenset(), perhaps)
        for points in self._hints.differing.get(output, ()):
            common: frozenset[str] | None = None
            for point in points:
                words = self._words_at(point, output, looked_at)
                options = words.options if isinstance(words, Words) else frozenset()
                common = options if common is None else common & options
            if not common:
                return True
        return False

    def _learn_what_does_not_stand(self, varied: Region, settled: Settled, perhaps: frozenset[str]) -> None:
        """Keep for each conclusion in between that is open at a point answers that lead it to different words."""
        for output in self._in_between:
            known, tried = self._hints.differing.setdefault(output, []), self._hints.tried_to_differ.get(output, 0)
            if tried >= _MOST_TRIES or settled.memory.values[output] is not None:
                continue
            if self._known_not_to_stand(output, varied, perhaps):
                continue
            self._hints.tried_to_differ[output] = tried + 1
            upstream = self._knowledge.upstream(output)
            waited_for = [name for name in self._blank if name in perhaps and name in upstream]
            if waited_for:
                domains = self._prospect.anything(waited_for, waited_for)
                found = Outlook(settled.memory, output, domains).explore(enough=3, most=_MOST_LOOKS, prove=False).values
                points = tuple(point for word, point in found.items() if word is not None)
                if len(points) > 1:
                    known.insert(0, points)
                    del known[_MOST_WITNESSES:]

    def _remember(self, settled: Settled, open_facts: Collection[str]) -> None:
        """Keep answers to what is waited for that lead to the fallback or to none, or else to different ones."""
        waited_for = [name for name in self._blank if name in open_facts]
        if not waited_for:
            return
        domains = self._prospect.anything(waited_for, waited_for)
        found = Outlook(settled.memory, self._target, domains).explore(enough=2, prove=False).values
        alone = [point for outcome, point in found.items() if outcome in (None, self._fallback)]
        witnesses = tuple(alone[:1] or found.values())
        self._hints.witnesses.insert(0, witnesses)
        del self._hints.witnesses[_MOST_WITNESSES:]


@dataclass(frozen=True, slots=True)
class _Look:
    """What is seen of a region at once.

    Args:
        varied: the values of each varied fact.
        decided: what the rows may come to in it although something is unknown.
        surely: the unknown facts that the recommendation waits for wherever the rows leave it open.
        perhaps: those that it may wait for somewhere in it.
    """

    varied: Region
    decided: frozenset[str]
    surely: frozenset[str]
    perhaps: frozenset[str]
