"""What is recommended along one fact where something unknown leaves the rows undecided.

Either one conclusion stands whatever the unknown facts are, or the base's fallback is recommended. That no
other stands is shown by witnesses: answers to what is unknown that lead to the fallback, or elsewhere each.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.case import Case, Given
from engine.knowledge import Knowledge
from engine.language.evaluate import Value
from engine.language.possible import Span, Words, exactly, straight
from engine.outlook import Domain, Outlook
from engine.pipeline import Settled, by_definition
from engine.prospect import Prospect, Region, told_apart

#: Points of what is unknown.
Witnesses = tuple[Mapping[str, Value], ...]
#: Regions looked at to see whether one conclusion stands all along a part.
_MOST_LOOKS = 24
#: Witnesses that are kept; those that were of use last are tried first.
_MOST_WITNESSES = 4


class LeftOpen:
    """What is recommended along one fact, the others held.

    Args:
        knowledge: a base whose recommendation can be foreseen.
        case: what was said.
        fact: the numeric fact that is varied, whatever the case says of it.
        fallback: what is recommended where nothing stands.
    """

    def __init__(self, knowledge: Knowledge, case: Case, fact: str, fallback: str) -> None:
        self._knowledge = knowledge
        self._case = case
        self._fact = fact
        self._fallback = fallback
        self._prospect = Prospect(knowledge, case, (fact,))
        self._target = self._prospect.target
        self._integer = self._prospect.domains[fact].integer
        self._blank = {name: domain for name, domain in self._prospect.domains.items() if name != fact}
        self._outlooks: dict[frozenset[str], Outlook] = {}
        self._witnesses: list[Witnesses] = []

    def at(self, value: float) -> str:
        """What is recommended at a value that the rows leave open."""
        point = Span(value, value)
        if self._fallback_alone(point, *self._waited_for(point)):
            return self._fallback
        settled = by_definition(self._case.replace(self._fact, Given(self._fact, value)), self._knowledge, self._target)
        found = settled.memory.values[self._target]
        recommended = found if isinstance(found, str) else self._fallback
        if recommended == self._fallback:
            self._remember(settled)
        return recommended

    def within(self, part: Span, middle: float) -> str | None:
        """What is recommended all along a part; None where it is not proved to be one recommendation.

        Args:
            part: the values of the fact.
            middle: one of them, at which the rows leave the recommendation open.
        """
        surely, perhaps = self._waited_for(part)
        if self._fallback_alone(part, surely, perhaps):
            return self._fallback
        region = {**self._varied(part), **self._anything(surely, perhaps)}
        words = self._outlook(region).region(region)[0][self._target]
        if isinstance(words, Words) and len(words.options) == 1 and not words.unknown:
            return next(iter(words.options))
        stands = self.at(middle)
        if stands == self._fallback:
            return stands if self._fallback_alone(part, surely, perhaps) else None
        outlook = Outlook(self._prospect.memory, self._target, region)
        return stands if outlook.explore(enough=2, most=_MOST_LOOKS).only == stands else None

    def _varied(self, part: Span) -> Region:
        return {self._fact: Domain(straight(part.low, part.high), self._integer)}

    def _waited_for(self, part: Span) -> tuple[frozenset[str], frozenset[str]]:
        surely, perhaps = self._prospect.waited_for({**self._blank, **self._varied(part)})
        return surely & self._blank.keys(), perhaps & self._blank.keys()

    def _anything(self, surely: frozenset[str], perhaps: frozenset[str]) -> Region:
        """Everything that the facts which may be waited for can be; nothing is tried in place of the others."""
        return self._prospect.anything([name for name in self._blank if name in perhaps], surely)

    def _outlook(self, region: Region) -> Outlook:
        names = frozenset(region)
        if names not in self._outlooks:
            self._outlooks[names] = Outlook(self._prospect.memory, self._target, region)
        return self._outlooks[names]

    def _fallback_alone(self, part: Span, surely: frozenset[str], perhaps: frozenset[str]) -> bool:
        """Whether known witnesses show that nothing but the fallback stands anywhere in the part."""
        for index, witnesses in enumerate(self._witnesses):
            if self._shown_by(witnesses, part, surely, perhaps):
                self._witnesses.insert(0, self._witnesses.pop(index))
                return True
        return False

    def _shown_by(self, witnesses: Witnesses, part: Span, surely: frozenset[str], perhaps: frozenset[str]) -> bool:
        answered = frozenset(witnesses[0])
        if not answered & told_apart(self._knowledge) <= surely:
            # Where nothing waits for such a fact rules may tell an answer from none.
            return False
        others: frozenset[str] | None = None
        for point in witnesses:
            region = {
                **self._varied(part),
                **{name: Domain(exactly(value, self._blank[name].values)) for name, value in point.items()},
            }
            words = self._outlook(region).region(region)[0][self._target]
            if not isinstance(words, Words) or (words.unknown and not perhaps <= answered):
                # What else is unknown may decide here.
                return False
            found = words.options - {self._fallback}
            others = found if others is None else others & found
            if not others:
                return True
        return False

    def _remember(self, settled: Settled) -> None:
        """Keep answers to what the case waits for that lead to the fallback or to none, or else to different ones."""
        waited_for = [name for name in settled.waits_for if name in self._blank]
        if not waited_for:
            return
        domains = self._prospect.anything(waited_for, waited_for)
        found = Outlook(settled.memory, self._target, domains).explore(enough=2).values
        alone = [point for outcome, point in found.items() if outcome in (None, self._fallback)]
        witnesses = tuple(alone[:1] or found.values())
        self._witnesses = [witnesses, *self._witnesses][:_MOST_WITNESSES]
