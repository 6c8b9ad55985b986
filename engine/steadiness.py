"""Whether a conclusion stays what it is, whatever the open facts are: a quick answer, where there is one.

It is what ``engine.outlook`` would answer, from its first region and a few points, and computes no name
that the conclusion does not turn on. Most cases are settled by that; for the others there is the outlook.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

from engine.costs import WorkingMemory, computed
from engine.evaluator import row_evaluators
from engine.language.evaluate import Value
from engine.language.possible import Possible, Span, Truths, Words, exactly, tidy_span
from engine.outlook import Domain, explorers, kind_of, row_explorers, words_of

_NOT_KNOWN: frozenset[str | None] = frozenset({None})
_ANSWERED: frozenset[str | None] = frozenset({"answered"})


def is_steady(memory: WorkingMemory, target: str, domains: Mapping[str, Domain]) -> bool | None:
    """Whether the conclusion is one and the same all over these domains.

    Args:
        memory: the case as known.
        target: the output asked about.
        domains: what each open fact or amount may be; none of them may stay unknown.

    Returns:
        True where it is proved to be, False where two points lead to different conclusions, None where
        neither was found.
    """
    moved = _Moved(memory, domains)
    possible = _Region(memory, moved)[target]
    if isinstance(possible, Words) and len(possible.options) == 1 and not possible.unknown:
        return True
    ends = {_Point(memory, moved, end)[target] for end in (_low, _high, _middle)}
    return False if len(ends) > 1 else None


class _Moved(dict[str, bool]):
    """Whether a name depends on an open one, found out when it is asked for."""

    def __init__(self, memory: WorkingMemory, domains: Mapping[str, Domain]) -> None:
        super().__init__(dict.fromkeys(domains, True))
        self.domains = domains
        self._knowledge = memory.knowledge
        self.update((name, False) for name, given in memory.case.given.items() if given.value is not None and name not in domains)

    def __missing__(self, name: str) -> bool:
        reads = self._knowledge.reads.get(self._knowledge.decision_of.get(name, name), frozenset())
        self[name] = moved = any(self[read] for read in reads)
        return moved


class _Region(dict[str, Possible]):
    """Everything a name may be, computed when it is asked for."""

    def __init__(self, memory: WorkingMemory, moved: _Moved) -> None:
        super().__init__((name, domain.values) for name, domain in moved.domains.items())
        self._memory, self._knowledge, self._moved = memory, memory.knowledge, moved
        self._origins = _Origins(self, memory, moved)
        signal = self._knowledge.manifest.could_turn
        if signal:
            self[signal] = Truths(true=True, false=True)

    def __missing__(self, name: str) -> Possible:
        knowledge = self._knowledge
        if not self._moved[name]:
            self[name] = found = exactly(self._memory.values[name], kind_of(knowledge, name))
        elif name in knowledge.decision_of:
            self.update(self._concluded(knowledge.decision_of[name]))
            found = self[name]
        else:
            found = explorers(knowledge)[name](self, self._origins)
            self[name] = found = tidy_span(found) if name in knowledge.figures else found
        return found

    def _concluded(self, decision: str) -> Mapping[str, Possible]:
        rows = (explore(self, self._origins) for explore in row_explorers(self._knowledge)[decision])
        return words_of(self._knowledge.decisions[decision], rows)
