"""A case that meets a goal, or the proof that no case can.

z3 proposes cases over the whole base (``engine.checking.symbols``); the pipeline confirms them. A confirmed
case is then made as plain as the goal allows: as few facts as possible, numbers at or beside
thresholds, else round.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.case import Case, Given, parse_number
from engine.costs import working_memory
from engine.errors import InferenceError
from engine.evaluator import decisions_to
from engine.inference import EnginePool
from engine.language.nodes import Comparison, Node, names_in
from engine.outlook import thresholds
from engine.pipeline import infer
from engine.testing.goals import AtThreshold, Decides, Fires, Goal, NearThreshold, Reaches, Side, Sight, meets
from engine.testing.rule_tests import decisions_after_signal, sight_by_evaluator, sight_of

if TYPE_CHECKING:
    from engine.checking.symbols import Depth, SymbolicBase

#: How much of a base a proof may look at, the quickest first.
DEPTHS: tuple[Depth, ...] = ("conditions", "decisions", "figures", "everything")
#: How long one question to z3 may take.
MILLISECONDS = 3_000
#: Cases that z3 proposes for one goal before it is given up.
MOST_PROPOSALS = 3
#: Cases kept for each goal to start from, and seconds spent on proposing few facts.
_MOST_STARTS = 3
_FEWER_SECONDS = 0.5
#: How far a share is moved to see which way a comparison goes.
_SHARE_STEP = 0.01
_DIGITS = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class Impossible:
    """No case meets the goal; ``proof`` says what that follows from."""

    proof: str


class Witness:
    """Finds cases for goals of one knowledge base.

    Args:
        pool: engines of the base.
        seconds: time in all; once it is used up, what is left is answered with None.
    """

    def __init__(self, pool: EnginePool, *, seconds: float = math.inf) -> None:
        self.knowledge = pool.knowledge
        self._pool = pool
        self._deadline = time.monotonic() + seconds
        self._bases: dict[tuple[str, Depth, bool], _Asked] = {}
        self._known: dict[Goal, list[Case]] = {}

    def learn(self, case: Case, goals: Iterable[Goal]) -> None:
        """Take a case that meets these goals as a place to start from; the next one may be near it."""
        for goal in goals:
            cases = self._known.setdefault(goal, [])
            if len(cases) < _MOST_STARTS:
                cases.append(case)

    def find(self, goal: Goal) -> Case | Impossible | None:
        """A case that meets the goal, the proof that there is none, or None where neither was found in time."""
        if self._ask(goal, "conditions").unmet(goal):
            return Impossible(self._proof(goal, "conditions", standing=True))
        for case in self._candidates(goal):
            if time.monotonic() > self._deadline:
                return None
            if self._confirms(case, goal):
                return self._plainer(case, goal)
        return self.impossible(goal)

    def impossible(self, goal: Goal, depths: Iterable[Depth] | None = None) -> Impossible | None:
        """The proof that no case meets the goal; None where there is none, or none was found in time.

        Args:
            goal: what is asked for.
            depths: how much of the base to look at, by default from the decision's own conditions to everything.
        """
        for depth in depths or DEPTHS:
            if time.monotonic() > self._deadline:
                break
            # What no case meets without conclusions that stand may be met with them.
            if self._ask(goal, depth, standing=False).unmet(goal):
                standing = self._ask(goal, depth).unmet(goal)
                return Impossible(self._proof(goal, depth, standing=standing))
        return None

    def _proof(self, goal: Goal, depth: Depth, *, standing: bool) -> str:
        decision = self._decision(goal)
        aside = "" if standing else ", conclusions that stand whatever is unknown left aside"
        return {
            "conditions": f"it follows from the conditions of {decision} themselves",
            "decisions": f"it follows from the conditions of {decision} and of the decisions it reads{aside}",
            "figures": f"it follows from the conditions of {decision}, the decisions and the nearest figures{aside}",
            "everything": f"it follows from everything that {decision} depends on{aside}",
        }[depth]

    def _candidates(self, goal: Goal) -> Iterator[Case]:
        """Cases that may meet the goal: neighbours of cases at hand, then what z3 proposes."""
        yield from self._neighbours(goal)
        for proposed in self._proposals(goal):
            yield proposed
            yield from self._variations(goal, proposed)

    # -- neighbours --------------------------------------------------------------------------------

    def _neighbours(self, goal: Goal) -> Iterator[Case]:
        """Cases that differ in one fact from one that shows the goal's other side."""
        for start in self._starts(goal):
            if isinstance(goal, AtThreshold | NearThreshold):
                yield from self._levelled(goal.atom, goal.decision, start, beyond=isinstance(goal, NearThreshold))
                continue
            if isinstance(goal, Side | Decides):
                for name in self._facts_behind(goal.atom):
                    yield from (start.replace(name, given) for given in self._other_values(name))
                    yield start.without(name)
                if isinstance(goal.atom, Comparison):
                    yield from self._levelled(goal.atom, goal.decision, start, beyond=True)

    def _starts(self, goal: Goal) -> list[Case]:
        match goal:
            case AtThreshold() | NearThreshold():
                others: list[Goal] = [Side(goal.decision, goal.row, goal.atom, truth) for truth in (True, False)]
            case Side():
                others = [Side(goal.decision, goal.row, goal.atom, not goal.truth)]
            case Decides():
                others = [
                    Decides(goal.decision, goal.row, goal.atom, not goal.truth, not goal.outcome),
                    Side(goal.decision, goal.row, goal.atom, goal.truth),
                ]
            case _:
                others = []
        return [case for other in others for case in self._known.get(other, ())]

    def _facts_behind(self, atom: Node) -> list[str]:
        """The facts that an atomic condition depends on, in the vocabulary's order."""
        behind = frozenset().union(*(self.knowledge.upstream(name) for name in names_in(atom) if self._depends(name)))
        return [name for name in self.knowledge.facts if name in behind]

    def _depends(self, name: str) -> bool:
        return name != self.knowledge.manifest.could_turn

    def _other_values(self, name: str) -> Iterator[Given]:
        """Values of a fact on every side of every threshold; numbers of other sizes, too."""
        fact = self.knowledge.facts[name]
        if fact.type == "yes/no":
            yield from (Given(name, truth) for truth in (True, False))
        elif fact.choices is not None:
            yield from (Given(name, word) for word in fact.words)
        else:
            cuts = thresholds(self.knowledge).get(name, ())
            example = self._example(name)
            near = [number for cut in cuts for number in (cut, *self._beside(name, cut))]
            sizes = [example * factor for factor in (1, 0.1, 10, 100)] if example is not None else []
            for number in dict.fromkeys((*near, 0.0, *sizes)):
                if self._may_be(name, number):
                    yield Given(name, number)
                    yield Given(name, number, origin="measured")
                    yield Given(name, number, origin="assumed")

    def _example(self, name: str) -> float | None:
        fact = self.knowledge.facts[name]
        return parse_number(fact.example, fact.unit) if fact.example is not None else None

    # -- asking z3 ---------------------------------------------------------------------------------

    def _decision(self, goal: Goal) -> str:
        return self.knowledge.decision_of[goal.output] if isinstance(goal, Reaches) else goal.decision

    def _ask(self, goal: Goal, depth: Depth, *, standing: bool = True) -> _Asked:
        # A decision's own conditions are left free of all others, so nothing stands in them.
        key = (self._decision(goal), depth, standing or depth == "conditions")
        if key not in self._bases:
            from engine.checking.symbols import SymbolicBase

            base = SymbolicBase(self.knowledge, key[0], depth=depth, standing=key[2])
            self._bases[key] = _Asked(base, self._deadline)
        return self._bases[key]

    def _proposals(self, goal: Goal) -> Iterator[Case]:
        # Only beside a threshold can more be asked for than the goal does.
        if isinstance(goal, NearThreshold):
            yield from self._ask(goal, "everything", standing=False).cases(goal, plainly=True)
        # Without conclusions that stand whatever is unknown there are fewer cases, and plainer ones.
        for standing in (False, True):
            yield from self._ask(goal, "everything", standing=standing).cases(goal, plainly=False)

    # -- confirming --------------------------------------------------------------------------------

    def _confirms(self, case: Case, goal: Goal) -> bool:
        """Whether the pipeline agrees that the case meets the goal."""
        if not self._needs_pipeline(goal):
            sight = self._quick(case, self._decision(goal))
            if sight is None or not meets(sight, goal):
                return False
        try:
            return meets(sight_of(infer(case, self._pool)), goal)
        except InferenceError:
            return False

    def _seems_to_meet(self, case: Case, goal: Goal) -> bool:
        """The same, by the plain evaluator alone where that is enough to go by."""
        if self._needs_pipeline(goal):
            return self._confirms(case, goal)
        sight = self._quick(case, self._decision(goal))
        return sight is not None and meets(sight, goal)

    def _needs_pipeline(self, goal: Goal) -> bool:
        return self._decision(goal) in decisions_after_signal(self.knowledge)

    def _quick(self, case: Case, decision: str) -> Sight | None:
        """What the plain evaluator makes of a case, up to one decision."""
        return sight_by_evaluator(self.knowledge, case, decisions_to(self.knowledge, decision))

    # -- from a proposal to a case -----------------------------------------------------------------

    def _variations(self, goal: Goal, case: Case) -> Iterator[Case]:
        """Cases near a proposal that was not confirmed."""
        if self._needs_pipeline(goal):
            # With everything answered nothing that is only assumed can turn the recommendation.
            yield self._answered(case)
        if isinstance(goal, AtThreshold | NearThreshold):
            yield from self._levelled(goal.atom, goal.decision, case, beyond=isinstance(goal, NearThreshold))

    def _answered(self, case: Case) -> Case:
        """The case with every default, and an example of every unknown fact that is asked for, as answers."""
        memory = working_memory(self.knowledge, case)
        given = dict(case.given)
        for name, fact in self.knowledge.facts.items():
            if name in given or fact.stands_in is not None:
                continue
            value = memory.values[name]
            if value is None and fact.type in ("number", "integer"):
                value = self._example(name)
            if value is not None:
                given[name] = Given(name, value)
        return Case(case.name, given)

    def _levelled(self, comparison: Comparison, decision: str, case: Case, *, beyond: bool) -> Iterator[Case]:
        """The case with one number moved so that both sides of a comparison are equal, or (beyond) just not.

        Both sides are taken to be straight lines along each fact, as most are near the threshold.
        """
        for name in self._facts_behind(comparison):
            if self.knowledge.facts[name].type not in ("number", "integer"):
                continue
            root = self._root(comparison, decision, case, name)
            if root is None:
                continue
            for value in self._beside(name, root) if beyond else (root,):
                moved = self._moved(case, name, value)
                if moved is not None:
                    yield moved

    def _root(self, comparison: Comparison, decision: str, case: Case, name: str) -> float | None:
        """Where the gap between both sides of the comparison closes along one fact."""
        at = working_memory(self.knowledge, case).values[name]
        if not isinstance(at, float):
            return None
        # Twice the secant: the first step may cross a bend.
        for _ in range(2):
            step = self._step(name, at)
            here = self._gap(comparison, decision, case, name, at)
            there = self._gap(comparison, decision, case, name, at + step)
            if here is None or there is None or here == there:
                return None
            at -= here * step / (there - here)
            if self.knowledge.facts[name].type == "integer" and math.isfinite(at):
                at = float(round(at))
        return float(f"{at:.9g}") if math.isfinite(at) else None

    def _step(self, name: str, at: float) -> float:
        """How far a fact is moved to see which way a comparison goes."""
        if self.knowledge.unit(name) == "fraction":
            return _SHARE_STEP
        return max(float(round(abs(at) / 8)), 1.0)

    def _gap(self, comparison: Comparison, decision: str, case: Case, name: str, value: float) -> float | None:
        moved = self._moved(case, name, value)
        sight = self._quick(moved, decision) if moved is not None else None
        return sight.distance(comparison) if sight is not None else None

    def _moved(self, case: Case, name: str, value: float) -> Case | None:
        return case.replace(name, Given(name, value)) if self._may_be(name, value) else None

    def _may_be(self, name: str, value: float) -> bool:
        """Whether a numeric fact may have the value."""
        fact = self.knowledge.facts[name]
        low, high = fact.bounds
        return low <= value <= high and (fact.type != "integer" or value.is_integer())

    def _beside(self, name: str, value: float) -> tuple[float, float]:
        """The plain numbers just below and just above a value of a numeric fact."""
        if self.knowledge.facts[name].type == "integer":
            return math.ceil(value) - 1.0, math.floor(value) + 1.0
        return _beside(value)

    # -- plainer -----------------------------------------------------------------------------------

    def _plainer(self, case: Case, goal: Goal) -> Case:
        """The case with as few facts and as plain values as the goal allows; the case itself where that goes wrong."""
        plain = case
        for _ in range(2):
            plain = self._without_needless_facts(plain, goal)
            plain = self._with_plain_values(plain, goal)
        return plain if self._confirms(plain, goal) else case

    def _without_needless_facts(self, case: Case, goal: Goal) -> Case:
        for name in reversed(list(case.given)):
            fewer = case.without(name)
            if self._seems_to_meet(fewer, goal):
                case = fewer
        return case

    def _with_plain_values(self, case: Case, goal: Goal) -> Case:
        asked = self._names_asked(goal)
        # What the goal is about comes last, so that it is set against the values of the others.
        for name in sorted(case.given, key=lambda name: name in asked):
            given = case.given[name]
            for candidate in self._plain_values(given, asked=name in asked):
                plainer = case.replace(name, candidate)
                if candidate == given or self._seems_to_meet(plainer, goal):
                    case = plainer
                    break
        return case

    def _names_asked(self, goal: Goal) -> frozenset[str]:
        """The names that the conditions read which the goal is about."""
        if isinstance(goal, Side | Decides | AtThreshold | NearThreshold):
            return names_in(goal.atom)
        rows = self.knowledge.decisions[self._decision(goal)].rows
        if isinstance(goal, Fires):
            return names_in(rows[goal.row].when)
        return frozenset().union(*(names_in(row.when) for row in rows if row.then[goal.output] == goal.value))

    def _plain_values(self, given: Given, *, asked: bool) -> Iterator[Given]:
        """Values that are plainer than the one found, the plainest first."""
        value = given.value
        if given.origin != "answered":
            yield replace(given, origin="answered")
        if not isinstance(value, float) or isinstance(value, bool):
            yield given
            return
        example = self._example(given.name)
        cuts = sorted(thresholds(self.knowledge).get(given.name, ()), key=lambda cut: abs(cut - value))
        beside = [number for cut in cuts for number in (cut, *self._beside(given.name, cut))]
        rounded = [float(f"{value:.{digits}g}") for digits in _DIGITS]
        plain = [] if example is None else [example]
        wanted = [*beside, *plain, *rounded] if asked else [*plain, *rounded, *beside]
        for number in dict.fromkeys(wanted):
            if self._may_be(given.name, number):
                yield Given(given.name, number, origin=given.origin)


class _Asked:
    """What z3 was asked about one decision, so that its terms are built once."""

    def __init__(self, base: SymbolicBase, deadline: float) -> None:
        import z3

        self._base = base
        self._deadline = deadline
        self._solver = z3.Solver()
        self._solver.add(*base.bounds)
        self._last_model: Any = None

    def unmet(self, goal: Goal) -> bool:
        """Whether it is proved that no case meets the goal."""
        import z3

        # To build the terms of a goal takes time as well.
        return time.monotonic() < self._deadline and bool(self._check([self._base.meets(goal)]) == z3.unsat)

    def cases(self, goal: Goal, *, plainly: bool) -> Iterator[Case]:
        """Proposals: first with as few facts as come easily, each next one differing in some given fact."""
        import z3

        wanted = [self._base.meets(goal, plainly=plainly)]
        few = self._base.prefers_few()
        for _ in range(MOST_PROPOSALS):
            self._solver.push()
            try:
                if self._check(wanted) != z3.sat:
                    return
                self._solver.add(*wanted)
                model = self._fewer(few)
                yield self._base.case(model)
                wanted.append(z3.Or(*(term != model.eval(term, model_completion=True) for term in few)))
            finally:
                self._solver.pop()

    def _fewer(self, few: list[Any]) -> Any:
        """A model of what is asked for in which as many preferences hold as one pass over them brings."""
        import z3

        model = self._last_model
        enough = time.monotonic() + _FEWER_SECONDS
        for preference in few:
            if time.monotonic() > enough:
                break
            if z3.is_true(model.eval(preference, model_completion=True)):
                self._solver.add(preference)
                continue
            if self._check([preference]) == z3.sat:
                model = self._last_model
                self._solver.add(preference)
        return model

    def _check(self, conditions: Iterable[Any]) -> Any:
        import z3

        if time.monotonic() > self._deadline:
            return z3.unknown
        self._set_time()
        self._solver.push()
        try:
            self._solver.add(*conditions)
            answer = self._solver.check()
            if answer == z3.sat:
                self._last_model = self._solver.model()
            return answer
        finally:
            self._solver.pop()

    def _set_time(self) -> None:
        left = max(1, int(1_000 * min(self._deadline - time.monotonic(), 3_600)))
        self._solver.set("timeout", min(MILLISECONDS, left))


def _beside(value: float) -> tuple[float, float]:
    """The plain numbers just below and just above, within a hundredth of the value."""
    size = abs(value)
    step = min(1.0, 10.0 ** math.floor(math.log10(size / 100))) if size else 1.0
    return float(f"{value - step:.9g}"), float(f"{value + step:.9g}")
