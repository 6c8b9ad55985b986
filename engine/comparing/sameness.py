"""Proofs from the facts up of what is the same in two knowledge bases although it is declared otherwise.

Each name is put to z3 after those it depends on, over symbols that both bases share wherever something was
proved the same before, so that nothing behind it has to be understood again. Where there is no proof there may
be a case; z3 proposes it, and whoever asks confirms it.

Rows that conclude the same do not suffice: a conclusion may also stand, whatever the unknown facts are that it
waits for. Where no condition asks whether a fact is known, what stands is what every answer to all that is unknown
leads to, and so follows from the rows. Where one does, it also matters which facts are waited for, as they alone are
answered in turn while the others stay unknown.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from engine.case import Case
from engine.comparing.alike import Alike, Target, names_behind, nodes_of
from engine.comparing.contrast import Contrast
from engine.knowledge import Knowledge
from engine.language.nodes import Call, Node, State, names_in, walk

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
        #: Of these the names that, while they are unknown, wait for the same facts in both.
        self._waiting_alike = set(alike.identical)
        #: For each conclusion proved to be the same what that follows from.
        self.proofs: dict[Target, str] = {}
        #: The conclusions whose rows are proved to conclude the same, while something else may stand.
        self.doubted: set[Target] = set()
        #: How many names were known to be the same when a conclusion was last put to z3.
        self._known_when_tried: dict[Target, int] = {}
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
            self._prove_quickly(target)
        self._take_signal()

    def _prove_quickly(self, target: Target) -> None:
        self._known_when_tried[target] = len(self.same)
        any(self.prove(target, depth=depth) for depth in _QUICK)

    def prove_again(self, target: Target) -> None:
        """Try once more to prove a conclusion the same, if something else was proved since."""
        if target not in self.proofs and self._known_when_tried.get(target, len(self.same)) < len(self.same):
            self._take_signal()
            self._prove_quickly(target)

    def _take_signal(self) -> None:
        signal = self.alike.signal_if_same(self._steady)
        if signal is not None and signal not in self.same:
            self._take((signal,), "changed")
            self._waiting_alike.add(signal)

    def _sweep_quantity(self, name: str) -> None:
        target = self._target_on(name)
        has_one_role = (name in self.alike.old.facts) == (name in self.alike.new.facts)
        if name in self._contrast.apart or target is None or not has_one_role:
            return
        for depth in (*_QUICK, "everything"):
            paired = self._paired(target, self._cut(name, depth=depth), quantity=name, standing=True)
            if paired is not None and self._never(paired, paired.quantity_differs(name)):
                self._take((name,), depth)
                if self._waits_matter and self._never(paired, self._waits_otherwise(paired, name)):
                    self._waiting_alike.add(name)
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
        number = self._number_made(target)
        cut = self._cut(target.outputs[0], depth=depth)
        is_proved = number in self.same if number is not None else self._conclude_alike(target, cut)
        if is_proved:
            self.proofs[target] = self._told(cut, depth=depth)
            self.doubted.discard(target)
            self._take(target.outputs, depth)
        return is_proved

    def _conclude_alike(self, target: Target, cut: Cut) -> bool:
        """Whether both bases conclude the same in every case, what stands included."""
        paired = self._paired(target, cut, standing=True)
        if paired is None:
            return False
        differs = paired.conclusion_differs(target)
        rows_alike = self._never(paired, differs)
        if rows_alike and self._may_stand(target) and not self._never(paired, paired.contradicts()):
            # What answers lead to contradictions does not follow from which rows hold.
            self.doubted.add(target)
            return False
        if rows_alike and not self._waits_matter:
            return True
        if rows_alike and self._never(paired, self._waits_otherwise(paired, target.outputs[0])):
            self._waiting_alike.update(target.outputs)
            return True
        if not self._may_stand(target):
            # What stands before it bears on its rows, and no more.
            return rows_alike or self._alike_whatever_stands(paired, target) or self._doubt(target, cut)
        doubtful = self._may_stand_otherwise(paired, target)
        if rows_alike and doubtful is None:
            return True
        if not rows_alike and not self._rows_alike_if_nothing_stands(target, cut):
            return False
        if doubtful is not None and not self._never(paired, doubtful):
            self.doubted.add(target)
            return False
        return True

    def _alike_whatever_stands(self, paired: Paired, target: Target) -> bool:
        """Whether the rows conclude the same, given that what stands behind them follows from the rows there."""
        import z3

        conditions = list(self._as_completed(paired, target))
        return bool(conditions) and self._never(paired, z3.And(paired.conclusion_differs(target), *conditions))

    def _as_completed(self, paired: Paired, target: Target) -> Iterator[Any]:
        """Of each decision behind that stands on its rows alone: it differs only where answers let it differ."""
        for behind in self.alike.targets:
            if behind == target or not paired.takes_apart(behind) or not self._follows_from_rows(behind):
                continue
            completed = self._paired(behind, self._cut(behind.outputs[0], depth="decisions"), standing=False)
            if completed is not None:
                for output in behind.outputs:
                    yield paired.concluded_as_completed(output, completed)

    def _follows_from_rows(self, target: Target) -> bool:
        """Whether what is concluded, or stands, is what every answer to the unknown facts leads to by the rows."""
        name = target.outputs[0]
        if self._states_told(name) or self._is_completed_otherwise(name) or self.alike.changed_domains(target):
            return False
        if not self.alike.is_comparable(target) or self.is_blurred(target):
            return False
        # Rows that contradict each other lead to nothing.
        behind = self._behind(name)
        tables = (table for base in (self.alike.old, self.alike.new) for table in base.decisions.values())
        return all(table.policy in ("first", "collect") for table in tables if table.name in behind)

    def _doubt(self, target: Target, cut: Cut) -> bool:
        """Note that only what stands may make a difference, if that is so; it is no proof."""
        if self._rows_alike_if_nothing_stands(target, cut):
            self.doubted.add(target)
        return False

    def _rows_alike_if_nothing_stands(self, target: Target, cut: Cut) -> bool:
        """Whether the rows conclude the same, and do not contradict each other, while nothing merely stands."""
        paired = self._paired(target, cut, standing=False)
        if paired is None:
            return False
        return self._never(paired, paired.conclusion_differs(target)) and self._never(paired, paired.contradicts())

    def _never(self, paired: Paired, condition: Any) -> bool:
        """Whether it is proved that no case meets a condition."""
        return paired.ask(condition, milliseconds=self._left()) is False

    # -- what stands -------------------------------------------------------------------------------

    def _may_stand(self, target: Target) -> bool:
        """Whether the conclusion may stand where no row is known to hold."""
        name = target.outputs[0]
        return any(_stands_where_it_can(base, name) for base in (self.alike.old, self.alike.new))

    def _may_stand_alike(self, name: str) -> bool:
        return _stands_where_it_can(self.alike.old, name) == _stands_where_it_can(self.alike.new, name)

    def _may_stand_otherwise(self, paired: Paired, target: Target) -> Any | None:
        """The condition under which something else may stand in both; None where it follows from the rows alone."""
        import z3

        name = target.outputs[0]
        telling = self._states_told(name)
        if not telling and not self._is_completed_otherwise(name):
            return None
        otherwise = z3.Or(paired.conclusion_differs(target), self._waits_otherwise(paired, name))
        if self._is_completed_otherwise(name) or not telling <= self.alike.facts:
            return otherwise
        return z3.And(paired.one_not_given(sorted(telling)), otherwise)

    def _waits_otherwise(self, paired: Paired, name: str) -> Any:
        """The condition under which a name waits for other facts in one base than in the other."""
        import z3

        otherwise = paired.waits_otherwise(self.same & self._waiting_alike)
        if otherwise is None or not self._stood_before_alike(name) or not self._may_stand_alike(name):
            otherwise = z3.BoolVal(val=True)
        return z3.And(paired.left_open(), otherwise)

    @cached_property
    def _waits_matter(self) -> bool:
        """Whether what some conclusion stands on may hang on which facts it waits for."""
        names = [target.outputs[0] for target in self._asked if self._may_stand(target)]
        return any(self._states_told(name) or self._is_completed_otherwise(name) for name in names)

    def _stood_before_alike(self, name: str) -> bool:
        """Whether all that may stand behind a name stands in both alike; what waits for it waits for what it does."""
        old, new = (self._outputs_behind(base, name) for base in (self.alike.old, self.alike.new))
        return old == new and old <= self.same & self._waiting_alike

    def _outputs_behind(self, base: Knowledge, name: str) -> frozenset[str]:
        own = base.decision_of.get(name, name)
        behind = names_behind(base, name) & base.decision_of.keys()
        return frozenset(
            one
            for one in behind
            if base.decision_of[one] != own and base.decisions[base.decision_of[one]].policy != "collect"
        )

    def _states_told(self, name: str) -> frozenset[str]:
        """The names behind one whose state is asked for, where that may be another once more is answered."""
        return frozenset().union(
            *(_states_behind(base, name) & _perhaps_unknown(base) for base in (self.alike.old, self.alike.new))
        )

    def _is_completed_otherwise(self, name: str) -> bool:
        """Whether other answers may come to what is unknown in one base than in the other.

        So it is where a fact is unknown in one base alone, and where it is settled only after all that stands whether
        something could turn the recommendation.
        """
        old, new = self.alike.old, self.alike.new
        behind = self._behind(name)
        facts = (old.facts.keys() | new.facts.keys()) & behind
        if any(one not in self.alike.facts or (one in old.quantities) != (one in new.quantities) for one in facts):
            return True
        return any(base.manifest.could_turn in behind for base in (old, new))

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

    def case_that_stands(self, target: Target, is_one: IsOne) -> Case | None:
        """A case in which something else may stand in one base than in the other, and that is one."""
        depths: tuple[Depth, ...] = ("everything", "decisions")
        for depth in depths:
            paired = self._paired(target, self._cut(target.outputs[0], depth=depth), standing=True)
            if paired is None:
                continue
            doubtful = self._may_stand_otherwise(paired, target) if self._may_stand(target) else None
            wanted = paired.conclusion_differs(target) if doubtful is None else doubtful
            case = self._proposed(paired, [wanted], is_one)
            if case is not None:
                return case
        return None

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


def _states_behind(base: Knowledge, name: str) -> frozenset[str]:
    """Every name whose state something that a name depends on asks for; ``first_known`` asks for that of its names."""
    nodes = (node for owner in names_behind(base, name) for node in nodes_of(base, owner))
    return frozenset(told for node in nodes for part in walk(node) for told in _told_by(part))


def _told_by(part: Node) -> frozenset[str]:
    if isinstance(part, State):
        return frozenset({part.name})
    return names_in(part) if isinstance(part, Call) and part.function == "first_known" else frozenset()


def _perhaps_unknown(base: Knowledge) -> frozenset[str]:
    """The facts that may be unknown, and whatever is computed or concluded from them."""
    found = set(base.decision_of) | {name for name in base.facts if name not in base.quantities}
    for name in base.order:
        if name in base.quantities and names_in(base.quantities[name].formula) & found:
            found.add(name)
    return frozenset(found)


def _stands_where_it_can(base: Knowledge, name: str) -> bool:
    """Whether a name is concluded where it can be nothing else, though no row is known to hold."""
    table = base.decisions.get(base.decision_of.get(name, name))
    return bool(table and table.policy != "collect" and base.manifest.could_turn not in base.reads[table.name])
