"""Proofs from the facts up of what is the same in two knowledge bases although it is declared otherwise.

Each name is put to z3 after those it depends on, over symbols that both bases share wherever something was
proved the same before, so that nothing behind it has to be understood again. Where there is no proof there may
be a case; z3 proposes it, and whoever asks confirms it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from engine.case import Case
from engine.comparing.alike import Alike, Target, names_behind
from engine.comparing.contrast import Contrast

if TYPE_CHECKING:
    from engine.comparing.paired import Cut, Paired

#: Cases that z3 proposes in vain before it is given up.
_MOST_PROPOSALS = 6
#: How often z3 may start anew on what it gave up.
_TRIES = 2
#: Questions that z3 gives up in search of one case before it is asked no more.
_MOST_GIVEN_UP = 2
#: How often a case of fewer facts is asked for.
_MOST_SMALLER = 4
_ASIDE = ", conclusions that stand whatever is unknown left aside"
#: How closely is looked: at what is not yet known to be the same; also at all decisions on the way; at everything.
Depth = Literal["changed", "decisions", "everything"]
_QUICK: tuple[Depth, ...] = ("changed", "decisions")
#: Whether a proposed case is what it is proposed as.
IsOne = Callable[[Case], bool]


class Sameness:
    """What is proved to be the same in both bases, and cases proposed where it is not.

    Args:
        alike: the bases.
        asked: the conclusions that may differ.
        contrast: what trials have shown to differ already.
        milliseconds_left: of the time for all questions.
    """

    def __init__(
        self, alike: Alike, asked: Sequence[Target], contrast: Contrast, milliseconds_left: Callable[[], int]
    ) -> None:
        self.alike = alike
        self._asked = asked
        self._contrast = contrast
        self._left = milliseconds_left
        #: The names that mean the same, and those that do so whatever is only assumed or given as a range.
        self.same = set(alike.identical)
        self._steady = set(alike.steady)
        #: What was proved with conclusions that stand left aside, and so is what follows from it.
        self._aside: set[str] = set()
        #: For each conclusion proved to be the same what that follows from.
        self.proofs: dict[Target, str] = {}
        #: Questions that z3 has given up so far.
        self._given_up = 0
        self._made: dict[tuple[Target, Cut, str | None, bool], Paired] = {}

    # -- proofs ------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Prove what can be, each name after those it depends on."""
        wanted = frozenset().union(*(self._behind(target.outputs[0]) for target in self._asked))
        for name in self.alike.new.order:
            if name in self.alike.new.decisions:
                self._sweep_decision(name)
            elif name in wanted and name in self.alike.old.quantities and name not in self.same:
                self._sweep_quantity(name)

    def _sweep_decision(self, name: str) -> None:
        for target in self._asked:
            if target.table(self.alike.new).name != name or self._contrast.seen[target].showing:
                continue
            depth = next((depth for depth in _QUICK if self.prove(target, depth=depth)), None)
            if depth is not None:
                self._take(target.outputs, depth)
        signal = self.alike.signal_if_same(self._steady)
        if signal is not None and signal not in self.same:
            self._take((signal,), "changed")
            if self.alike.new.manifest.recommends in self._aside:
                self._aside.add(signal)

    def _sweep_quantity(self, name: str) -> None:
        target = self._target_on(name)
        has_one_role = (name in self.alike.old.facts) == (name in self.alike.new.facts)
        if name in self._contrast.apart or target is None or not has_one_role:
            return
        for depth in (*_QUICK, "everything"):
            paired = self._paired(target, self._cut(name, depth=depth), quantity=name, standing=True)
            if paired is not None and paired.ask(paired.quantity_differs(name), milliseconds=self._left()) is False:
                self._take((name,), depth)
                return

    def _take(self, names: Sequence[str], depth: Depth) -> None:
        """Take what was proved to be the same as such; whatever is assumed, if the proof holds for that."""
        self.same.update(names)
        if self._is_steady(names[0], depth=depth):
            self._steady.update(names)

    def prove(self, target: Target, *, depth: Depth) -> bool:
        """Whether it is proved that the rows conclude the same in every case; the proof is kept."""
        if not self.alike.is_comparable(target) or self.is_blurred(target):
            return False
        cut = self._cut(target.outputs[0], depth=depth)
        for standing in (True, False):
            if self._excluded(target, cut, standing=standing):
                is_aside = not standing or bool(self._aside & self._behind(target.outputs[0]))
                self._aside.update(target.outputs if is_aside else ())
                self.proofs[target] = self._told(cut, depth=depth) + (_ASIDE if is_aside else "")
                return True
        return False

    def _excluded(self, target: Target, cut: Cut, *, standing: bool) -> bool:
        number = self._number_made(target)
        if number is not None:
            return number in self.same
        paired = self._paired(target, cut, standing=standing)
        return paired is not None and paired.ask(paired.conclusion_differs(target), milliseconds=self._left()) is False

    def _number_made(self, target: Target) -> str | None:
        """What conditions read of a decision that makes one number of its rows; None of any other."""
        table = target.table(self.alike.new)
        return self.alike.new.scope.readings[table.name] if table.declaration.aggregate else None

    def _told(self, cut: Cut, *, depth: Depth) -> str:
        if depth == "everything":
            return "it follows from everything it depends on"
        if depth == "decisions":
            return "it follows from its rows and those of all decisions behind it, whatever the figures are"
        if len(cut.defined) == 1:
            return "it follows from its rows, whatever they read"
        return "it follows from its rows and from what changed before them, whatever all that reads"

    # -- cases -------------------------------------------------------------------------------------

    def case(self, target: Target, is_one: IsOne) -> Case | None:
        """A case that z3 proposes for a difference, and that is one."""
        most = self._given_up + _MOST_GIVEN_UP
        for paired in self._everything(target):
            differs = paired.conclusion_differs(target)
            for wanted in ([differs, paired.both_known(target)], [differs]):
                case = self._proposed(paired, wanted, is_one) if self._given_up < most else None
                if case is not None:
                    return case
        return None

    def case_without_doubt(self, target: Target, is_one: IsOne, open_facts: Collection[str]) -> Case | None:
        """The same, of a conclusion that hangs on whether something could turn the recommendation.

        Args:
            target: the conclusion.
            is_one: whether a case is one.
            open_facts: the facts that are left open; of the others none is doubtful.
        """
        for paired in itertools.islice(self._everything(target), 1):
            signals = self._signals(paired)
            wanted = [paired.conclusion_differs(target), paired.both_known(target)]
            wanted += [paired.nothing_doubtful(open_facts), signals]
            case = self._proposed(paired, wanted, is_one) if signals is not None else None
            if case is not None:
                return self._with_fewer_facts(paired, wanted, case, is_one)
        return None

    def smaller(self, target: Target, case: Case, is_one: IsOne, *, settled: bool) -> Case:
        """The case of the fewest facts that z3 proposes and that is one; the case itself where there is none.

        Args:
            target: the conclusion that differs.
            case: a case that shows it.
            is_one: whether another does.
            settled: ask for a case in which both bases conclude something.
        """
        for paired in itertools.islice(self._everything(target), 1):
            wanted = [paired.conclusion_differs(target), *([paired.both_known(target)] if settled else [])]
            return self._with_fewer_facts(paired, wanted, case, is_one)
        return case

    def _with_fewer_facts(self, paired: Paired, wanted: Sequence[Any], case: Case, is_one: IsOne) -> Case:
        for count in range(_MOST_SMALLER):
            # Half of the facts may do; after that, one fewer at a time.
            most = len(case.given) - 1 if count else len(case.given) // 2
            fewer = (
                self._proposed(paired, [*wanted, paired.gives_at_most(most)], is_one, tries=1) if case.given else None
            )
            if fewer is not None:
                case = fewer
            elif count:
                break
        return case

    def _proposed(self, paired: Paired, wanted: Sequence[Any], is_one: IsOne, *, tries: int = _TRIES) -> Case | None:
        """The first of a few proposals that is one; each gives other facts than those before it."""
        import z3

        others: list[Any] = []
        for _ in range(_MOST_PROPOSALS):
            model = paired.ask(*wanted, *others, milliseconds=self._left(), tries=tries)
            if not model:
                self._given_up += model is None
                return None
            case = paired.case(model)
            if is_one(case):
                return case
            others.append(z3.Not(paired.gives_the_same(case)))
        return None

    def _signals(self, paired: Paired) -> Any | None:
        """That bases are told that something could turn where it can; None where it is too much to say."""
        goal = next((one for one in self.alike.targets if one.name == self.alike.new.manifest.recommends), None)
        if goal is None:
            return paired.signals(None, (), paired)
        sameness = [Sameness(at_end, [], self._contrast, self._left) for at_end in self.alike.at_ends]
        likely, *ends = (next(one._everything(goal), None) for one in (self, *sameness))  # noqa: SLF001 - of its own
        known = [one for one in ends if one is not None]
        if likely is None or len(known) < len(ends):
            return None
        return paired.signals(goal.outputs[0], known, likely)

    # -- how much is looked at ---------------------------------------------------------------------

    def _everything(self, target: Target) -> Iterator[Paired]:
        """Both bases with all that the conclusion depends on, at first without what merely stands."""
        if not self.alike.is_comparable(target) or self._number_made(target) is not None:
            return
        cut = self._cut(target.outputs[0], depth="everything")
        for standing in (False, True):
            paired = self._paired(target, cut, standing=standing)
            if paired is not None:
                yield paired

    def _cut(self, name: str, *, depth: Depth) -> Cut:
        """What has to be defined to look at a quantity or output so closely."""
        from engine.comparing.paired import Cut

        defined, waiting = set[tuple[bool, str]](), list[tuple[bool, str]]()
        for is_new, base in enumerate((self.alike.old, self.alike.new)):
            waiting = [(bool(is_new), base.decision_of.get(name, name))]
            while waiting:
                current = waiting.pop()
                defined.add(current)
                for read in base.reads.get(current[1], frozenset()):
                    owner = (bool(is_new), base.decision_of.get(read, read))
                    is_computed = owner[1] in base.decisions or owner[1] in base.quantities
                    is_wanted = depth == "everything" or (depth == "decisions" and owner[1] in base.decisions)
                    if owner not in defined and is_computed and (is_wanted or read not in self.same):
                        waiting.append(owner)
        return Cut(frozenset(self.same), frozenset(owner for _, owner in defined))

    def _paired(self, target: Target, cut: Cut, *, standing: bool, quantity: str | None = None) -> Paired | None:
        """Both bases as terms; None where there are too many rows, or no time is left."""
        from engine.comparing.paired import MOST_ROWS, Paired

        bases = (self.alike.old, self.alike.new)
        rows = sum(len(base.decisions[name].rows) for base in bases for name in cut.defined if name in base.decisions)
        if rows > MOST_ROWS or self._left() <= 0:
            return None
        key = (target, cut, quantity, standing)
        if key not in self._made:
            self._made[key] = Paired(self.alike, target, cut, quantity=quantity, standing=standing)
        return self._made[key]

    def _target_on(self, name: str) -> Target | None:
        """A conclusion that depends on a quantity, and on which it does not depend in either base."""
        before = self._behind(name)
        for target in self._asked:
            tables = {target.table(base).name for base in (self.alike.old, self.alike.new)}
            if name in self._behind(target.outputs[0]) and not tables & before:
                return target
        return None

    def _behind(self, name: str) -> frozenset[str]:
        return names_behind(self.alike.old, name) | names_behind(self.alike.new, name)

    def is_blurred(self, target: Target) -> bool:
        """Whether a fact that may be any text is told apart from others by different words in both bases."""
        old, new = self.alike.old.facts, self.alike.new.facts
        return any(
            (old[name].open or new[name].open) and old[name].words != new[name].words
            for name in self.alike.upstream(target)
            if name in self.alike.facts
        )

    # -- whatever is assumed -----------------------------------------------------------------------

    def _is_steady(self, name: str, *, depth: Depth) -> bool:
        """Whether what was proved of a name holds whatever is only assumed or given as a range."""
        defined = self._cut(name, depth=depth).defined
        for base in (self.alike.old, self.alike.new):
            for owner in defined:
                if owner in base.default_ranges or (owner in base.facts and not self._is_same_fact(owner)):
                    return False
                for read in base.reads.get(owner, frozenset()):
                    is_defined = base.decision_of.get(read, read) in defined
                    if read in base.constant_ranges or not (is_defined or read in self._steady):
                        return False
        return True

    def _is_same_fact(self, name: str) -> bool:
        return name in self.alike.facts and self.alike.has_same_domain(name)
