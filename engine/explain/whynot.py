"""Why not: the rows that would have led to another conclusion, what kept them from it, and the least that it takes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import count, product
from string import ascii_lowercase
from typing import Literal

from pydantic import Field

from engine.case import Given
from engine.decision import KnowledgeIdentity
from engine.declarations import value_of
from engine.errors import BadInput, InferenceError, Place, Problem, did_you_mean
from engine.evaluator import Verdict
from engine.explain.changes import Changes, Found, smallest_changes
from engine.explain.common import (
    Plain,
    Record,
    ShownRule,
    evaluator,
    identity,
    known_value,
    meaning,
    names_in_order,
    parts_said_plainly,
    plain,
    sentence,
    shown_condition,
    shown_rule,
    shown_value,
    text_of,
    truth_in,
    value_in,
    word_in,
)
from engine.explain.wanted import Wanted
from engine.inference import EnginePool
from engine.knowledge import DecisionTable, Knowledge
from engine.language.english import affirmed, unit_of
from engine.language.evaluate import Value
from engine.language.nodes import (
    And,
    Comparison,
    Membership,
    Name,
    Node,
    Not,
    Number,
    Or,
    State,
    Text,
    Truth,
)
from engine.pipeline import Outcome, infer
from engine.quantities import show
from engine.turning import as_shown
from engine.wording import condition_in_english, label, show_figure, show_name

Status = Literal["already", "fallback", "found", "impossible", "no answers", "not found"]
#: Decisions below each other that are followed back.
_DEEPEST = 30
#: Facts told of one figure in the text.
_MOST_FACTS = 6
_RELATIONS = {"==": "", "!=": "not ", "<": "below ", "<=": "at most ", ">": "above ", ">=": "at least "}


class Failed(Record):
    """One condition that keeps a row from holding."""

    condition: str = Field(description="As the rule language writes it.")
    words: str
    value: Plain = Field(description="What the case has; null where it is unknown.")
    value_shown: str
    needed: str = Field(description="What it would have to be, with its unit.")
    by: float | None = Field(default=None, description="How far the value is from what is needed; null of no number.")
    by_shown: str | None = None
    unknown: bool = Field(description="True where it is not known to fail.")
    alternative: str | None = Field(
        default=None,
        description="Such as 1a, where a row has alternatives: of those of one number all of one letter are enough.",
    )
    arithmetic: tuple[str, ...] = Field(default=(), description="The sums behind the figures it reads.")
    rests_on: tuple[str, ...] = Field(default=(), description="The facts that what it reads depends on.")
    rests_on_shown: str = Field(default="", description="The first of these for people, if it reads more than facts.")
    rows: tuple[Row, ...] = Field(default=(), description="The rows that would conclude what is needed.")
    as_above: bool = Field(default=False, description="True where these rows are told above.")


class Row(Record):
    """One row that would conclude what is wanted, and what keeps it from deciding."""

    rule: str
    decision: str
    place: str
    concludes: str
    because: str
    source: str
    words: str
    failed: tuple[Failed, ...]
    blocked_by: tuple[ShownRule, ...] = Field(description="Earlier rows that decide (or may decide) before it.")


class Change(Record):
    """One fact given anew."""

    fact: str
    title: str
    from_: Plain = Field(serialization_alias="from")
    to: Plain = Field(description="Null where the answer is to be taken back.")
    from_shown: str
    to_shown: str
    origin: str = Field(description="How the present value came to be known: answered, measured, assumed or unknown.")
    confirms: bool = Field(description="True where the assumed value itself is what it takes, once it is an answer.")


class WhyNot(Record):
    """Why a case does not come to a conclusion."""

    case_name: str
    asked: str = Field(description="The conclusion asked about, as NAME=VALUE.")
    approach: str
    title: str
    decision_title: str
    status: Status
    recommended: Plain = Field(description="What the case comes to.")
    recommended_shown: str
    sentence: str
    rows: tuple[Row, ...]
    smallest_changes: tuple[tuple[Change, ...], ...]
    fewest: bool = Field(description="True where it is proved that fewer changes will not do.")
    complete: bool = Field(description="True where it is proved that no other set of as few facts will do.")
    proof: str | None
    knowledge_base: KnowledgeIdentity


def why_not(outcome: Outcome, pool: EnginePool, approach: str) -> WhyNot:
    """Why a case does not come to a conclusion.

    Args:
        outcome: the case as decided.
        pool: engines of the same base.
        approach: one of the values of the recommendation, or ``NAME=VALUE`` of any decision.

    Raises:
        BadInput: there is no such decision or value.
    """
    return _WhyNot(outcome, pool, wanted_in(outcome.knowledge, approach)).answer()


def rows_towards(outcome: Outcome, wanted: Wanted) -> tuple[Row, ...]:
    """The rows that would conclude what is wanted, in order, each with what keeps it from deciding."""
    return _Rows(outcome).towards(wanted.output, frozenset({wanted.word}))


def wanted_in(knowledge: Knowledge, approach: str) -> Wanted:
    """The conclusion that a value of the recommendation, or ``NAME=VALUE``, stands for.

    Raises:
        BadInput: there is none, with the nearest one that there is.
    """
    name, equals, value = (part.strip() for part in approach.partition("="))
    if not equals:
        name, value = knowledge.manifest.recommends or "", approach.strip()
        if not name:
            message = "the base recommends nothing, so say which decision is meant"
            raise _refused(message, f"Write NAME=VALUE, such as {_example(knowledge)}")
    if name not in knowledge.decision_of:
        near = did_you_mean(name, knowledge.decision_of) if len(name) <= _LONGEST else None
        kinds = "figure" if name in knowledge.figures else "fact" if name in knowledge.facts else None
        message = (
            f"'{name[:_LONGEST]}' is no decision"
            if kinds is None
            else f"'{name}' is a {kinds}, and no rule concludes it"
        )
        raise _refused(message, near or f"Write NAME=VALUE, such as {_example(knowledge)}")
    table = knowledge.decisions[knowledge.decision_of[name]]
    if table.declaration.aggregate:
        message = f"'{name}' is made of the values of all rows that hold"
        raise _refused(message, "Ask about a decision whose rows conclude words, numbers or yes/no")
    word = _word(knowledge, name, value)
    if word is None:
        words = {*table.outputs[name], *table.outputs[name].values()}
        near = did_you_mean(value, words) if len(value) <= _LONGEST else None
        if not equals and _can_be_asked_about(knowledge, value):
            near = f"'{value}' is a decision: write {value}=VALUE, such as {value}={_first_word(knowledge, value)}"
        listed = ", ".join(table.outputs[name])
        raise _refused(f"'{value[:_LONGEST]}' is not one of {listed}", near)
    return Wanted(name, word)


#: Longer words are not compared with known ones, which would take long.
_LONGEST = 80


def _refused(message: str, hint: str | None) -> BadInput:
    return BadInput([Problem(Place("APPROACH"), message, hint=hint)])


def _can_be_asked_about(knowledge: Knowledge, output: str) -> bool:
    """Whether a name is a decision with words of its own."""
    table = knowledge.decisions.get(knowledge.decision_of.get(output, ""))
    return table is not None and not table.declaration.aggregate and bool(table.outputs[output])


def _first_word(knowledge: Knowledge, output: str) -> str:
    return next(iter(knowledge.decisions[knowledge.decision_of[output]].outputs[output]))


def _example(knowledge: Knowledge) -> str:
    for table in knowledge.decisions.values():
        for output, words in table.outputs.items():
            if words and not table.declaration.aggregate:
                return f"{output}={next(iter(words))}"
    return "NAME=VALUE"


def _word(knowledge: Knowledge, output: str, value: str) -> str | None:
    """The word of an output that a text stands for: the word, its title, or the number or truth it says."""
    table = knowledge.decisions[knowledge.decision_of[output]]
    words = table.outputs[output]
    if value in words:
        return value
    spelled = value.casefold().replace("-", "_").replace(" ", "_")
    for word, title in words.items():
        if spelled in (word.casefold(), title.casefold().replace("-", "_").replace(" ", "_")):
            return word
    kind = table.declaration.kinds[output]
    if kind == "yes/no":
        truth = {"yes": "true", "true": "true", "no": "false", "false": "false"}.get(value.casefold())
        return truth if truth in words else None
    if kind == "number":
        try:
            number = float(value.replace("_", ""))
        except ValueError:
            return None
        return next((word for word in words if value_of(word, kind) == number), None)
    return None


class _WhyNot:
    def __init__(self, outcome: Outcome, pool: EnginePool, wanted: Wanted) -> None:
        self.outcome = outcome
        self.memory = outcome.memory
        self.knowledge = outcome.knowledge
        self.wanted = wanted
        self._pool = pool

    def answer(self) -> WhyNot:
        output, word = self.wanted.output, self.wanted.word
        knowledge = self.knowledge
        already = self.wanted.holds(self.outcome)
        rows: tuple[Row, ...] = ()
        found = Found("not found")
        if not already:
            rows = rows_towards(self.outcome, self.wanted)
            found = smallest_changes(self.outcome, self._pool, self.wanted)
        status: Status = "already" if already else "fallback" if self._is_fallback() else found.status
        now, now_shown = self._now()
        return WhyNot(
            case_name=self.outcome.case.name,
            asked=f"{output}={word}",
            approach=word,
            title=label(knowledge, output, word),
            decision_title=knowledge.title(output),
            status=status,
            recommended=now,
            recommended_shown=now_shown,
            sentence=self._sentence(status, found, now_shown),
            rows=rows,
            smallest_changes=tuple(self._set(changes) for changes in found.sets),
            fewest=found.fewest,
            complete=found.complete,
            proof=found.proof,
            knowledge_base=identity(knowledge),
        )

    def _is_fallback(self) -> bool:
        manifest = self.knowledge.manifest
        return (
            manifest.fallback is not None
            and self.wanted == Wanted(manifest.recommends or "", manifest.fallback.conclusion)
            and self.outcome.recommended is None
        )

    def _now(self) -> tuple[Plain, str]:
        """What the case comes to instead, the fallback where it stays open."""
        knowledge, output = self.knowledge, self.wanted.output
        concluded = self.outcome.conclusion(output)
        if isinstance(concluded, tuple):
            shown = ", ".join(label(knowledge, output, word) for word in concluded) or "none"
            return ", ".join(concluded), shown
        manifest = knowledge.manifest
        if concluded is None and output == manifest.recommends and manifest.fallback:
            concluded = manifest.fallback.conclusion
        return meaning(knowledge, output, concluded), label(knowledge, output, concluded) if concluded else "unknown"

    def _sentence(self, status: Status, found: Found, now: str) -> str:
        title = label(self.knowledge, self.wanted.output, self.wanted.word)
        decision = self.knowledge.title(self.wanted.output)
        match status:
            case "already":
                return f"{decision}: {title} is what this case comes to already."
            case "fallback":
                return f"{decision}: {title} is what is left for now, because something unknown keeps it open."
            case "impossible":
                return f"{decision}: no case comes to {title}; {found.proof}."
            case "no answers":
                return f"{decision}: {now}. No answers lead from this case to {title}; {found.proof}."
            case "not found":
                return f"{decision}: {now}. No changes that lead to {title} were found within the limits of the search."
            case _:
                return f"{decision}: {now}, and not {title}."

    # -- changes -----------------------------------------------------------------------------------

    def _set(self, changes: Changes) -> tuple[Change, ...]:
        return tuple(self._change(name, changes) for name in changes.point)

    def _change(self, name: str, changes: Changes) -> Change:
        knowledge = self.knowledge
        now, to = self.memory.values[name], changes.point[name]
        origin = self.memory.origins.get(name)
        before = known_value(self.memory, name)
        word = {"supposed": "assumed", None: "unknown"}.get(origin, origin or "unknown")
        return Change(
            fact=name,
            title=knowledge.title(name),
            from_=plain(before),
            to=plain(to),
            from_shown=f"{show_name(knowledge, name, before)}{' (assumed)' if word == 'assumed' else ''}",
            to_shown=self._to_shown(name, changes),
            origin=word,
            confirms=now == to,
        )

    def _to_shown(self, name: str, changes: Changes) -> str:
        """The new value for people; where rounding it would lose what it takes, on which side of the rounded one."""
        to = changes.point[name]
        shown = show_name(self.knowledge, name, to)
        if not isinstance(to, float) or isinstance(to, bool):
            return shown
        rounded = as_shown(self.knowledge, name, to)
        if rounded == to or self._still_leads(name, rounded, changes):
            return shown
        # What is nearer to 0 than digits can say is compared with 0 itself.
        shown = shown if rounded else show_name(self.knowledge, name, 0.0)
        return f"just {'above' if to > rounded else 'below'} {shown}"

    def _still_leads(self, name: str, value: float, changes: Changes) -> bool:
        case = self.outcome.case
        for other, to in changes.point.items():
            case = case.replace(other, Given(other, value if other == name else to))
        try:
            return self.wanted.holds(infer(case, self._pool))
        except InferenceError:
            return False


class _Rows:
    """Follows a conclusion back through the decisions it rests on."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.memory = outcome.memory
        self.knowledge = outcome.knowledge
        #: The conclusions whose rows were told, by output and words.
        self._told: set[tuple[str, frozenset[str]]] = set()

    def towards(self, output: str, words: frozenset[str]) -> tuple[Row, ...]:
        """The rows that would conclude one of the words, each with what keeps it from that."""
        return tuple(self._rows(output, words, 0))

    def _rows(self, output: str, words: frozenset[str], depth: int) -> Iterator[Row]:
        self._told.add((output, words))
        verdict = self.outcome.verdicts[self.knowledge.decision_of[output]]
        for index, row in enumerate(verdict.table.rows):
            if row.then[output] not in words:
                continue
            failed = () if verdict.holds[index] else tuple(self._failed(row.when, depth))
            yield Row(
                rule=row.id,
                decision=verdict.table.name,
                place=str(row.place),
                concludes=f"{self.knowledge.title(output)}: {label(self.knowledge, output, row.then[output])}",
                because=sentence(self.memory, row.declaration.because),
                source=row.declaration.source,
                words=condition_in_english(self.knowledge, row.when),
                failed=failed,
                blocked_by=tuple(self._blockers(verdict, index)),
            )

    def _blockers(self, verdict: Verdict, index: int) -> Iterator[ShownRule]:
        """Under ``first`` the earlier rows that are not known to fail."""
        if verdict.table.policy != "first":
            return
        for earlier in range(index):
            truth = verdict.holds[earlier]
            if truth is False:
                continue
            row = verdict.table.rows[earlier]
            parts = [part for part in parts_said_plainly(row.when) if truth_in(self.memory, part) is truth]
            shown = tuple(shown_condition(self.memory, part) for part in dict.fromkeys(parts))
            stands = "decided" if earlier in verdict.decisive else "holds" if truth else "open"
            yield shown_rule(self.memory, verdict.table, row, stands, shown)

    def _failed(self, when: Node, depth: int) -> Iterator[Failed]:
        numbers = count(1)
        for node, alternative in self._failing(affirmed(when), None, numbers):
            yield self._one_failed(node, alternative, depth)

    def _failing(
        self, node: Node, alternative: str | None, numbers: Iterator[int]
    ) -> Iterator[tuple[Node, str | None]]:
        """Every atomic condition that is not known to hold, with the alternative that it belongs to."""
        if truth_in(self.memory, node) is True:
            return
        match node:
            case And(parts=parts):
                for part in parts:
                    yield from self._failing(part, alternative, numbers)
            case Or(parts=parts):
                number = next(numbers) if alternative is None else 0
                for letter, part in zip(_letters(), parts, strict=False):
                    yield from self._failing(part, alternative or f"{number}{letter}", numbers)
            case _:
                yield node, alternative

    def _one_failed(self, node: Node, alternative: str | None, depth: int) -> Failed:
        knowledge, memory = self.knowledge, self.memory
        subject = _subject(node)
        value = value_in(memory, subject) if subject is not None else None
        gap = self._gap(node)
        names = [knowledge.declared_name(name) for name in names_in_order(node)]
        facts = self._facts_behind(names)
        rows, told = self._leading(node, depth)
        return Failed(
            condition=text_of(knowledge, node),
            words=condition_in_english(knowledge, node),
            value=plain(value),
            value_shown=self._shown(subject, value) if subject is not None else self._state(node),
            needed=self._needed(node),
            by=gap,
            by_shown=None if gap is None or subject is None else self._gap_shown(subject, gap),
            unknown=truth_in(memory, node) is None,
            alternative=alternative,
            arithmetic=tuple(self._sums(names)),
            rests_on=facts,
            rests_on_shown="" if set(facts) <= set(names) else self._listed(facts),
            rows=rows,
            as_above=told,
        )

    def _shown(self, subject: Node, value: Value) -> str:
        if isinstance(subject, Name) and subject.name in self.knowledge.open_words:
            return shown_value(self.memory, subject.name)
        if isinstance(subject, Name):
            return show_name(self.knowledge, subject.name, value)
        return show(value, unit_of(subject, self.knowledge.scope), self.knowledge.manifest.shown_units)

    def _state(self, node: Node) -> str:
        """How a fact came to be known, where the condition asks for that."""
        if isinstance(node, State):
            origin = self.memory.origins.get(node.name)
            return "assumed" if origin == "supposed" else origin or "unknown"
        return show(value_in(self.memory, node), None, {})

    def _needed(self, node: Node) -> str:
        match node:
            case Comparison(operator=operator, left=left, right=right):
                value = value_in(self.memory, right)
                unit = unit_of(left, self.knowledge.scope) or unit_of(right, self.knowledge.scope)
                shown = self._side(left, right, value, unit)
                named = (
                    "" if isinstance(right, Number | Text | Truth) or not names_in_order(right) else self._named(right)
                )
                return f"{_RELATIONS[operator]}{shown}{named}"
            case Membership(item=item, options=options, negated=negated):
                listed = ", ".join(self._side(item, option, value_in(self.memory, option), None) for option in options)
                return f"{'none' if negated else 'one'} of {listed}"
            case State(state=state, negated=negated):
                return f"{'not ' if negated else ''}{state}"
            case Not():
                return show(False, None, {})
            case _:
                return show(True, None, {})

    def _side(self, beside: Node, node: Node, value: Value, unit: str | None) -> str:
        """A side of a comparison, a choice by the title that the other side's name gives it."""
        if isinstance(value, str):
            named = node if isinstance(node, Name) else beside
            return label(self.knowledge, named.name, value) if isinstance(named, Name) else show(value, None, {})
        return show(value, unit, self.knowledge.manifest.shown_units)

    def _named(self, node: Node) -> str:
        titles = dict.fromkeys(self.knowledge.title(name) for name in names_in_order(node))
        return f" ({', '.join(titles)})"

    def _gap(self, node: Node) -> float | None:
        """How far both sides of a comparison of numbers are from each other."""
        if not isinstance(node, Comparison) or node.operator == "!=":
            return None
        left, right = value_in(self.memory, node.left), value_in(self.memory, node.right)
        numbers = [side for side in (left, right) if isinstance(side, float) and not isinstance(side, bool)]
        if len(numbers) != 2 or not all(math.isfinite(side) for side in numbers):  # noqa: PLR2004 - both sides
            return None
        gap = abs(numbers[0] - numbers[1])
        return gap if math.isfinite(gap) else None

    def _gap_shown(self, subject: Node, gap: float) -> str:
        return show(gap, unit_of(subject, self.knowledge.scope), self.knowledge.manifest.shown_units)

    def _sums(self, names: Iterable[str]) -> Iterator[str]:
        for name in names:
            if name in self.knowledge.figures:
                yield f"{self.knowledge.title(name)} = {show_figure(self.knowledge, self.memory, name)[1]}"

    def _facts_behind(self, names: Iterable[str]) -> tuple[str, ...]:
        """The facts that names depend on, in the vocabulary's order; those behind a given fact's default left out."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            given = self.outcome.case.given.get(name)
            if name in found:
                continue
            found.add(name)
            if given is None or given.value is None:
                waiting.extend(self.knowledge.reads.get(self.knowledge.decision_of.get(name, name), ()))
        return tuple(name for name in self.knowledge.facts if name in found)

    def _listed(self, facts: tuple[str, ...]) -> str:
        titles = [self.knowledge.title(name) for name in facts]
        more = len(titles) - _MOST_FACTS
        return ", ".join(titles[:_MOST_FACTS]) + (f" and {more} more" if more > 0 else "")

    def _leading(self, node: Node, depth: int) -> tuple[tuple[Row, ...], bool]:
        """The rows of the decisions a condition reads that would make it hold."""
        found: list[Row] = []
        told = False
        for name in names_in_order(node):
            output = self.knowledge.declared_name(name)
            table = self.knowledge.decisions.get(self.knowledge.decision_of.get(output, ""))
            if table is None or table.declaration.aggregate or table.policy == "collect" or depth >= _DEEPEST:
                continue
            words = self._words_that_help(node, name, output, table)
            if not words:
                continue
            if (output, words) in self._told:
                told = True
            else:
                found += self._rows(output, words, depth + 1)
        return tuple(found), told

    def _words_that_help(self, node: Node, name: str, output: str, table: DecisionTable) -> frozenset[str]:
        """The words of an output with which a condition would hold, all else as it is."""
        kind = table.declaration.kinds[output]
        helping: set[str] = set()
        for word in table.outputs[output]:
            values = {**self.memory.values, output: word, name: word if name == output else value_of(word, kind)}
            if evaluator(self.knowledge, node)(values, self.memory.origins) is True:
                helping.add(word)
        return frozenset(helping - {word_in(self.outcome, output) or ""})


def _letters() -> Iterator[str]:
    """The letters from a to z, then aa and on."""
    for length in count(1):
        yield from map("".join, product(ascii_lowercase, repeat=length))


def _subject(node: Node) -> Node | None:
    """What an atomic condition is about; None of a state, which has no value."""
    match node:
        case Comparison(left=left):
            return left
        case Membership(item=item):
            return item
        case Not(operand=operand):
            return operand
        case Name():
            return node
        case _:
            return None
