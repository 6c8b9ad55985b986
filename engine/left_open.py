"""What is recommended while facts are varied, where something unknown leaves the rows undecided.

Either one conclusion stands whatever the unknown facts are, or the base's fallback is recommended. That no
other stands is shown by witnesses: answers to what is unknown that lead to the fallback, or elsewhere each.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from engine.case import Case, Given
from engine.knowledge import Knowledge
from engine.language.evaluate import Value
from engine.language.possible import Span, Words, exactly
from engine.outlook import Domain, Outlook
from engine.pipeline import Settled, by_definition
from engine.prospect import Prospect, Region, told_apart

#: Points of what is unknown.
Witnesses = tuple[Mapping[str, Value], ...]
#: Regions looked at to see whether one conclusion stands all over a region.
_MOST_LOOKS = 80
#: Witnesses that are kept; those that were of use last are tried first.
_MOST_WITNESSES = 4


class LeftOpen:
    """What is recommended where a few numeric facts are varied, the others held.

    Args:
        knowledge: a base whose recommendation can be foreseen.
        case: what was said.
        facts: the facts that are varied, whatever the case says of them.
        fallback: what is recommended where nothing stands.
    """

    def __init__(self, knowledge: Knowledge, case: Case, facts: Collection[str], fallback: str) -> None:
        self._knowledge = knowledge
        self._case = case
        self._fallback = fallback
        self._prospect = Prospect(knowledge, case, facts)
        self._target = self._prospect.target
        self._blank = {name: domain for name, domain in self._prospect.domains.items() if name not in facts}
        self._outlooks: dict[frozenset[str], Outlook] = {}
        self._witnesses: list[Witnesses] = []

    def at(self, point: Mapping[str, float]) -> str:
        """What is recommended at a point that the rows leave open."""
        varied = {name: Domain(Span(value, value)) for name, value in point.items()}
        surely, perhaps = self._waited_for(varied)
        if self._fallback_alone(varied, surely, perhaps):
            return self._fallback
        case = self._case
        for name, value in point.items():
            case = case.replace(name, Given(name, value))
        settled = by_definition(case, self._knowledge, self._target)
        found = settled.memory.values[self._target]
        recommended = found if isinstance(found, str) else self._fallback
        if recommended == self._fallback:
            self._remember(settled, settled.waits_for or perhaps)
        return recommended

    def within(self, varied: Region, middle: Mapping[str, float]) -> str | None:
        """What is recommended all over a region; None where it is not proved to be one recommendation.

        Args:
            varied: the values of each varied fact.
            middle: a point of it, at which the rows leave the recommendation open.
        """
        surely, perhaps = self._waited_for(varied)
        if self._fallback_alone(varied, surely, perhaps):
            return self._fallback
        region = {**varied, **self._anything(surely, perhaps)}
        words = self._outlook(region).region(region)[0][self._target]
        if isinstance(words, Words) and len(words.options) == 1 and not words.unknown:
            return next(iter(words.options))
        stands = self.at(middle)
        if stands == self._fallback:
            return stands if self._fallback_alone(varied, surely, perhaps) else None
        outlook = Outlook(self._prospect.memory, self._target, region)
        return stands if outlook.explore(enough=2, most=_MOST_LOOKS, prove=False).only == stands else None

    def _waited_for(self, varied: Region) -> tuple[frozenset[str], frozenset[str]]:
        surely, perhaps = self._prospect.waited_for({**self._blank, **varied})
        return surely & self._blank.keys(), perhaps & self._blank.keys()

    def _anything(self, surely: frozenset[str], perhaps: frozenset[str]) -> Region:
        """Everything that the facts which may be waited for can be; nothing is tried in place of the others."""
        return self._prospect.anything([name for name in self._blank if name in perhaps], surely)

    def _outlook(self, region: Region) -> Outlook:
        names = frozenset(region)
        if names not in self._outlooks:
            self._outlooks[names] = Outlook(self._prospect.memory, self._target, region)
        return self._outlooks[names]

    def _fallback_alone(self, varied: Region, surely: frozenset[str], perhaps: frozenset[str]) -> bool:
        """Whether known witnesses show that nothing but the fallback stands anywhere in a region."""
        for index, witnesses in enumerate(self._witnesses):
            if self._shown_by(witnesses, varied, surely, perhaps):
                self._witnesses.insert(0, self._witnesses.pop(index))
                return True
        return False

    def _shown_by(self, witnesses: Witnesses, varied: Region, surely: frozenset[str], perhaps: frozenset[str]) -> bool:
        asked = told_apart(self._knowledge) - surely
        others: frozenset[str] | None = None
        for point in witnesses:
            region = dict(varied)
            for name, value in point.items():
                # Where nothing waits for such a fact it stays unknown, which rules may tell from an answer.
                region[name] = Domain(exactly(value, self._blank[name].values), may_stay_open=name in asked)
            words = self._outlook(region).region(region)[0][self._target]
            if not isinstance(words, Words) or (words.unknown and not perhaps <= point.keys()):
                # What else is unknown may decide here.
                return False
            found = words.options - {self._fallback}
            others = found if others is None else others & found
            if not others:
                return True
        return False

    def _remember(self, settled: Settled, open_facts: Collection[str]) -> None:
        """Keep answers to what is waited for that lead to the fallback or to none, or else to different ones."""
        waited_for = [name for name in self._blank if name in open_facts]
        if not waited_for:
            return
        domains = self._prospect.anything(waited_for, waited_for)
        found = Outlook(settled.memory, self._target, domains).explore(enough=2, prove=False).values
        alone = [point for outcome, point in found.items() if outcome in (None, self._fallback)]
        witnesses = tuple(alone[:1] or found.values())
        self._witnesses = [witnesses, *self._witnesses][:_MOST_WITNESSES]
