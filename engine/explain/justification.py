"""Why: a conclusion, figure or fact as a tree of what it follows from, down to facts, tables and sources.

A conclusion follows from the rule that fired, a figure from its formula, a table's value from its rows, an
amount and a fact from where they were taken. What several steps rest on is told once, where it comes first.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import Literal

from pydantic import Field

from engine.case import Given
from engine.conclusions import conclusions
from engine.decision import Conclusion, KnowledgeIdentity
from engine.declarations import Fallback
from engine.errors import BadInput, InferenceError, Place, Problem
from engine.evaluator import Verdict
from engine.explain.common import (
    Record,
    ShownRule,
    identity,
    known_value,
    meaning,
    names_in_order,
    parts_said_plainly,
    parts_that_fail,
    plain,
    sentence,
    shown_condition,
    shown_rule,
    shown_value,
    truth_in,
    unknown_name,
    value_in,
    word_in,
)
from engine.inference import EnginePool
from engine.knowledge import OTHERWISE, DecisionTable, Knowledge, Row
from engine.language.nodes import (
    Call,
    Conditional,
    Name,
    Never,
    Node,
    Number,
    State,
    Text,
    Truth,
    children,
    functions_in,
)
from engine.language.possible import Span
from engine.outlook import full_domain, halves, ranged_domain, spans, thresholds
from engine.pipeline import Outcome, doubtful, infer
from engine.quantities import show
from engine.wording import label, show_figure, show_name, waits_for

Kind = Literal["conclusion", "figure", "fact", "amount", "table", "signal"]
#: How a step came to its value.
How = Literal[
    "decided",
    "collected",
    "stands",
    "fallback",
    "open",
    "computed",
    "looked up",
    "given",
    "assumed",
    "constant",
    "proved",
]
#: Steps below each other; whoever wants to see further asks about the last of them.
DEEPEST = 100
#: Values of open facts that are tried to show what a standing conclusion comes out of, and those shown.
_MOST_TRIED = 64
_MOST_SHOWN = 4


class TableRow(Record):
    """A row of a table, both numbers with their units."""

    at: float
    gives: float
    shown: str


class WhateverItIs(Record):
    """One way the unknown facts may be, and the rule that decides then."""

    facts: dict[str, float | bool | str | None]
    shown: str
    rule: str


class Step(Record):
    """One name with its value and what that follows from."""

    name: str
    kind: Kind
    how: How
    title: str
    value: Conclusion
    shown: str = Field(description="The value with its unit, formatted for people.")
    unit: str | None = None
    origin: str | None = Field(default=None, description="Of a fact: answered, measured, assumed or unknown.")
    source: str | None = None
    place: str | None = Field(default=None, description="File and line.")
    since: str | None = Field(default=None, description="The day from which the value has been in force.")
    shown_range: str | None = None
    because: str | None = Field(default=None, description="The reason of a fallback, or of what stands in for a fact.")
    formula: str | None = None
    substitution: str | None = Field(default=None, description="The formula with the numbers of the case.")
    rules: tuple[ShownRule, ...] = Field(default=(), description="The rules that decided, or that keep it open.")
    not_held: tuple[ShownRule, ...] = Field(default=(), description="Rules tried before, each with what failed.")
    rows: tuple[TableRow, ...] = Field(default=(), description="The rows of the table that the value lies between.")
    waits_for: tuple[str, ...] = Field(default=(), description="The unknown facts that keep it unknown.")
    whatever: tuple[str, ...] = Field(default=(), description="The facts that make no difference to what stands.")
    examples: tuple[WhateverItIs, ...] = ()
    as_above: str | None = Field(default=None, description="The name of the step above that tells what this rests on.")
    cut: bool = Field(default=False, description="True where the depth asked for leaves out what it rests on.")
    inputs: tuple[Step, ...] = ()


class Justification(Record):
    """The tree for one name of one case."""

    case_name: str
    asked: str
    sentence: str = Field(description="What the tree justifies, in one sentence.")
    why: Step
    titles: dict[str, str] = Field(description="What people call the facts that a step waits for or that matter not.")
    knowledge_base: KnowledgeIdentity


def justify(outcome: Outcome, pool: EnginePool, name: str | None = None, *, depth: int | None = None) -> Justification:
    """The justification of a name, by default of the recommendation.

    Args:
        outcome: the case as decided.
        pool: engines of the same base; they show what a standing conclusion comes out of.
        name: a conclusion, decision, figure, fact or amount.
        depth: steps below the first that are shown; None: all of them.

    Raises:
        BadInput: the base has no such name, or no recommendation and none was named.
    """
    knowledge = outcome.knowledge
    asked = _asked(knowledge, name)
    root = _Builder(outcome, pool, DEEPEST if depth is None else min(depth, DEEPEST)).step(asked)
    return Justification(
        case_name=outcome.case.name,
        asked=asked,
        sentence=f"{root.title}: {root.shown}",
        why=root,
        titles={
            name: knowledge.title(name) for _, step in steps_of(root) for name in (*step.waits_for, *step.whatever)
        },
        knowledge_base=identity(knowledge),
    )


def steps_of(step: Step) -> Iterator[tuple[int, Step]]:
    """Every step of a tree with its depth, in the order in which they are shown."""
    waiting = [(0, step)]
    while waiting:
        depth, found = waiting.pop()
        yield depth, found
        waiting += [(depth + 1, each) for each in reversed(found.inputs)]


def explicable_names(knowledge: Knowledge) -> tuple[str, ...]:
    """Every name of a base that a justification can be asked for."""
    groups = (name for name, table in knowledge.decisions.items() if name == table.declaration.name)
    return (*knowledge.decision_of, *groups, *knowledge.figures, *knowledge.facts, *knowledge.amounts)


def _asked(knowledge: Knowledge, name: str | None) -> str:
    known = explicable_names(knowledge)
    if name is None:
        if knowledge.manifest.recommends is not None:
            return knowledge.manifest.recommends
        message = "the base recommends nothing, so say what is to be explained"
        hint = f"Name one of {', '.join(list(knowledge.decision_of)[:_MOST_NAMED])}"
        raise BadInput([Problem(Place("CONCLUSION"), message, hint=hint)])
    if name in known:
        return name
    for table in knowledge.decisions.values():
        if any(row.id == name for row in table.rows):
            message = f"'{name}' is a rule, and what is explained is a conclusion, figure or fact"
            hint = f"Ask for what it concludes: {next(iter(table.outputs))}"
            raise BadInput([Problem(Place("CONCLUSION"), message, hint=hint)])
    if name in knowledge.tables:
        readers = [other for other in known if other in knowledge.quantities and _looks_up(knowledge, other, name)]
        message = f"'{name}' is a table, which has a value only where something is looked up in it"
        hint = f"Ask for what looks it up: {readers[0]}" if readers else "Ask for a figure"
        raise BadInput([Problem(Place("CONCLUSION"), message, hint=hint)])
    raise unknown_name("CONCLUSION", name, known, "`breakeven rules show` lists all names")


def _looks_up(knowledge: Knowledge, name: str, table: str) -> bool:
    return table in functions_in(knowledge.quantities[name].formula)


#: Names told in a hint.
_MOST_NAMED = 8


class _Builder:
    """Builds the tree, depth first; a name is told in full where it comes first and the depth allows it."""

    def __init__(self, outcome: Outcome, pool: EnginePool, depth: int) -> None:
        self.outcome = outcome
        self.memory = outcome.memory
        self.knowledge = outcome.knowledge
        self.concluded = conclusions(outcome)
        self._pool = pool
        self._depth = depth
        ranges = {**self.knowledge.constant_ranges, **self.memory.ranges()}
        self._spans = spans(self.memory, {name: ranged_domain(found) for name, found in ranges.items()})
        #: What was told in full, and what was told but for what it rests on, each with the name it was told under.
        self._told: dict[object, str] = {}
        self._cut: dict[object, str] = {}

    def step(self, name: str, level: int = 0) -> Step:
        """A name with all it rests on."""
        key = self.knowledge.decision_of.get(name, name)
        if key in self._told or (key in self._cut and level >= self._depth):
            return self._again(self._bare(name), self._told.get(key) or self._cut[key])
        step, reads = self._in_full(name)
        return self._with_inputs(step, reads, key, level)

    def _again(self, bare: Step, told: str) -> Step:
        return bare.model_copy(update={"as_above": told})

    def _with_inputs(self, step: Step, reads: list[Name | Call], key: object, level: int) -> Step:
        if not reads:
            self._told[key] = step.name
            return step
        if level >= self._depth:
            self._cut[key] = step.name
            return step.model_copy(update={"cut": True})
        self._told[key] = step.name
        inputs = tuple(self._input(read, level + 1) for read in reads)
        return step.model_copy(update={"inputs": inputs})

    def _input(self, read: Name | Call, level: int) -> Step:
        return self.step(read.name, level) if isinstance(read, Name) else self._table(read, level)

    # -- one step ----------------------------------------------------------------------------------

    def _bare(self, name: str) -> Step:
        """A name with its value alone."""
        knowledge = self.knowledge
        if name == knowledge.manifest.could_turn:
            kind: Kind = "signal"
            how: How = "proved"
        elif name in knowledge.facts:
            kind, how = "fact", self._how_known(name)
        elif name in knowledge.figures:
            kind, how = "figure", "computed" if self.memory.values[name] is not None else "open"
        elif name in knowledge.amounts:
            kind, how = "amount", "constant"
        else:
            return self._bare_conclusion(name)
        return Step(
            name=name,
            kind=kind,
            how=how,
            title=knowledge.title(name),
            value=plain(known_value(self.memory, name)),
            shown=shown_value(self.memory, name),
            unit=knowledge.unit(name),
            shown_range=self._range(name),
        )

    def _how_known(self, name: str) -> How:
        origin = self.memory.origins.get(name)
        return "open" if origin is None else "assumed" if origin == "assumed" else "given"

    def _range(self, name: str) -> str | None:
        given, span = self.memory.case.given.get(name), self._spans.get(name)
        low, high = (given.low, given.high) if given else (None, None)
        if given is None and span is not None and math.isfinite(span.low) and math.isfinite(span.high):
            low, high = span.low, span.high
        if low is None or high is None:
            return None
        ends = [show_name(self.knowledge, name, end) for end in (low, high)]
        return " to ".join(ends) if ends[0] != ends[1] else None

    def _in_full(self, name: str) -> tuple[Step, list[Name | Call]]:
        """A step without its inputs, and what these are."""
        knowledge = self.knowledge
        bare = self._bare(name)
        match bare.kind:
            case "fact":
                return self._fact(bare)
            case "figure":
                figure = knowledge.figures[name]
                place = str(knowledge.documents["costs.yaml"].place(("figures", name), key=True))
                return self._computed(bare, figure.source, place)
            case "amount":
                return self._amount(bare), []
            case "signal":
                return self._signal(bare), []
            case _:
                return self._conclusion(bare)

    # -- facts, figures, amounts, tables -----------------------------------------------------------

    def _fact(self, bare: Step) -> tuple[Step, list[Name | Call]]:
        name, knowledge = bare.name, self.knowledge
        fact, given = knowledge.facts[name], self.memory.case.given.get(name)
        origin = self.memory.origins.get(name)
        declared_at = str(knowledge.documents["facts.yaml"].place(("facts", name), key=True))
        if origin == "assumed":
            return self._computed(bare.model_copy(update={"origin": "assumed"}), fact.default_source, declared_at)
        update: dict[str, object] = {"place": str(given.place) if given and given.place else None}
        if origin is None:
            step = bare.model_copy(update={**update, "origin": "unknown", "because": fact.stands_in})
            return self._computed(step, None, None) if name in knowledge.quantities else (step, [])
        word = "assumed" if origin == "supposed" else origin
        return bare.model_copy(update={**update, "origin": word, "source": given.source if given else None}), []

    def _computed(self, bare: Step, source: str | None, place: str | None) -> tuple[Step, list[Name | Call]]:
        formula, substitution = show_figure(self.knowledge, self.memory, bare.name)
        node = self.knowledge.quantities[bare.name].formula
        is_constant = isinstance(node, Number | Text | Truth | Never)
        missing = waits_for(self.memory, bare.name) if bare.value is None else ()
        update = {
            "source": source,
            "place": place,
            "formula": None if is_constant else " ".join(formula.split()),
            "substitution": None if is_constant else substitution,
            "waits_for": missing,
        }
        return bare.model_copy(update=update), self._reads_of([node])

    def _amount(self, bare: Step) -> Step:
        amount = self.knowledge.amounts[bare.name]
        version = _version(self.knowledge, "amounts", bare.name, "value")
        source = version.source or amount.source
        return bare.model_copy(update={"source": source, "since": version.since, "place": version.place})

    def _table(self, call: Call, level: int) -> Step:
        """What a table gives at the point it was asked for."""
        knowledge, name = self.knowledge, call.function
        declared, table = knowledge.table_declarations[name], knowledge.tables[name]
        at, value = value_in(self.memory, call.arguments[0]), value_in(self.memory, call)
        units = knowledge.manifest.shown_units
        version = _version(knowledge, "tables", name, "rows")
        asked = show(at, declared.takes, units)
        step = Step(
            name=name,
            kind="table",
            how="open" if value is None else "looked up",
            title=f"{declared.title} at {asked}",
            value=plain(value),
            shown=show(value, declared.gives, units),
            unit=declared.gives,
            source=version.source or declared.source,
            since=version.since,
            place=version.place,
        )
        key = (name, at)
        if key in self._told:
            return self._again(step, name)
        if isinstance(at, float):
            pairs = [(table.firsts[row], table.seconds[row]) for row in _rows_around(table.firsts, at)]
            rows = tuple(
                TableRow(
                    at=one, gives=two, shown=f"{show(one, declared.takes, units)}: {show(two, declared.gives, units)}"
                )
                for one, two in pairs
            )
            step = step.model_copy(update={"rows": rows})
        return self._with_inputs(step, self._reads_of([call.arguments[0]]), key, level)

    def _signal(self, bare: Step) -> Step:
        """Whether something could turn the recommendation, and what would have to be otherwise for it."""
        knowledge = self.knowledge
        target = knowledge.manifest.recommends or ""
        upstream = knowledge.upstream(target) if target in knowledge.decision_of else frozenset()
        names = tuple(name for name in doubtful(self.memory) if name in upstream)
        if bare.value:
            because = "What is unknown, assumed or a range leaves more than one recommendation possible."
        else:
            because = "Whatever is unknown, assumed or a range, the same is recommended: proved, not sampled."
        return bare.model_copy(update={"whatever": names, "because": because})

    # -- conclusions -------------------------------------------------------------------------------

    def _bare_conclusion(self, name: str) -> Step:
        knowledge = self.knowledge
        table = knowledge.decisions[knowledge.decision_of.get(name, name)]
        how = self._how_concluded(name, table)
        word = word_in(self.outcome, name) if name in knowledge.decision_of else None
        value: Conclusion
        if table.policy == "collect" or name not in knowledge.decision_of:
            value = self.concluded.get(table.name)
            shown = self._collected_in_words(name, table, value)
        else:
            fallback = self._fallback(name) if how == "fallback" else None
            word = fallback or word
            value = meaning(knowledge, name, word)
            shown = self._word(name, word)
        return Step(
            name=name,
            kind="conclusion",
            how=how,
            title=knowledge.title(name),
            value=value,
            shown=shown,
            unit=knowledge.unit(knowledge.scope.readings.get(name, name)),
        )

    def _word(self, output: str, word: str | None) -> str:
        knowledge = self.knowledge
        reading = knowledge.scope.readings.get(output)
        if word is not None and reading is not None and word == word_in(self.outcome, output):
            return show_name(knowledge, reading, self.memory.values[reading])
        return "unknown" if word is None else label(knowledge, output, word)

    def _collected_in_words(self, name: str, table: DecisionTable, value: Conclusion) -> str:
        reading = self.knowledge.scope.readings.get(name)
        if table.declaration.aggregate and reading is not None:
            return show_name(self.knowledge, reading, self.memory.values[reading])
        verdict = self.outcome.verdicts[table.name]
        if table.policy == "collect":
            rows = dict.fromkeys(tuple(table.rows[index].then.items()) for index in verdict.decisive)
            said = [", ".join(label(self.knowledge, output, word) for output, word in row) for row in rows]
            return "; ".join(said) or ("none" if verdict.outputs is not None else "unknown")
        if value is None:
            return "unknown"
        prefix = f"{table.declaration.title}: "
        said = [
            f"{self.knowledge.title(output).removeprefix(prefix)}: {self._word(output, word_in(self.outcome, output))}"
            for output in table.outputs
        ]
        return "; ".join(said)

    def _how_concluded(self, name: str, table: DecisionTable) -> How:
        outputs = [name] if name in table.outputs else list(table.outputs)
        if table.policy == "collect":
            return "collected"
        if any(stand.output in outputs for stand in self.outcome.standing):
            return "stands"
        if self.outcome.verdicts[table.name].decisive:
            return "decided"
        return "fallback" if self._fallback(name) is not None else "open"

    def _fallback(self, output: str) -> str | None:
        """The word that the base puts in the place of an open conclusion."""
        manifest = self.knowledge.manifest
        if output in self.knowledge.decision_of and word_in(self.outcome, output) is not None:
            return None
        settled = self.outcome.recommended is not None
        if output == manifest.recommends and manifest.fallback:
            return manifest.fallback.conclusion
        if output == manifest.strength:
            instead = manifest.strength_if_open if settled else None
            return instead or (manifest.fallback.strength if manifest.fallback else None)
        return None

    def _conclusion(self, bare: Step) -> tuple[Step, list[Name | Call]]:
        name, knowledge = bare.name, self.knowledge
        table = knowledge.decisions[knowledge.decision_of.get(name, name)]
        verdict = self.outcome.verdicts[table.name]
        deciding, before = _rows_told(verdict)
        shown = frozenset(read for index in deciding for read in names_in_order(table.rows[index].when))
        rules = tuple(self._rule(verdict, index, shown) for index in deciding)
        not_held = tuple(self._rule(verdict, index, shown) for index in before)
        update: dict[str, object] = {
            "rules": rules,
            "not_held": not_held,
            "source": table.declaration.source,
            "place": f"{table.file}:1",
        }
        if bare.how in ("open", "fallback"):
            output = name if name in table.outputs else next(iter(table.outputs))
            update["waits_for"] = waits_for(self.memory, output)
        elif bare.how == "collected" and verdict.outputs is None:
            missing = (waits_for_row(self.outcome, table.rows[index]) for index in verdict.open_rows)
            update["waits_for"] = tuple(dict.fromkeys(fact for facts in missing for fact in facts))
        if bare.how == "fallback":
            update |= self._fallback_reason(name)
        if bare.how == "stands":
            update |= self._standing(name, table)
        nodes = [table.rows[index].when for index in deciding]
        nodes += [part for index in before for part in parts_that_fail(self.memory, table.rows[index].when, shown)]
        return bare.model_copy(update=update), self._reads_of(nodes, all_of_them=True)

    def _rule(self, verdict: Verdict, index: int, shown: frozenset[str]) -> ShownRule:
        table, truth = verdict.table, verdict.holds[index]
        row = table.rows[index]
        decided = index in verdict.decisive
        if truth:
            parts: Iterable[Node] = dict.fromkeys(parts_said_plainly(row.when))
        else:
            parts = parts_that_fail(self.memory, row.when, shown)
        conditions = tuple(shown_condition(self.memory, part) for part in parts if not self._is_no_other_row(part))
        stands = "decided" if decided else "open" if truth is None else "holds" if truth else "failed"
        return shown_rule(self.memory, table, row, stands, conditions)

    def _is_no_other_row(self, part: Node) -> bool:
        return isinstance(part, Name) and not self._is_told(part.name)

    def _fallback_reason(self, output: str) -> dict[str, object]:
        fallback: Fallback | None = self.knowledge.manifest.fallback
        if fallback is None or (output == self.knowledge.manifest.strength and self.outcome.recommended is not None):
            return {}
        return {"because": sentence(self.memory, fallback.because), "source": fallback.source}

    def _standing(self, name: str, table: DecisionTable) -> dict[str, object]:
        outputs = [name] if name in table.outputs else list(table.outputs)
        stand = next(stand for stand in self.outcome.standing if stand.output in outputs)
        return {"whatever": stand.whatever, "examples": tuple(self._examples(table, stand.whatever))}

    def _examples(self, table: DecisionTable, facts: tuple[str, ...]) -> list[WhateverItIs]:
        """Values of the open facts, each with the rule that decides then; every rule once."""
        found: dict[str, WhateverItIs] = {}
        ways = product(*(_values_to_try(self.knowledge, fact) for fact in facts))
        for _, values in zip(range(_MOST_TRIED), ways, strict=False):
            case = self.outcome.case
            for fact, value in zip(facts, values, strict=True):
                case = case.replace(fact, Given(fact, value))
            try:
                verdict = infer(case, self._pool).verdicts[table.name]
            except InferenceError:
                continue
            if verdict.decisive and (rule := table.rows[verdict.decisive[0]].id) not in found:
                shown = ", ".join(
                    f"{self.knowledge.title(fact)}: {show_name(self.knowledge, fact, value)}"
                    for fact, value in zip(facts, values, strict=True)
                )
                found[rule] = WhateverItIs(facts=dict(zip(facts, values, strict=True)), shown=shown, rule=rule)
            if len(found) == _MOST_SHOWN:
                break
        return list(found.values())

    # -- what an expression reads ------------------------------------------------------------------

    def _reads_of(self, nodes: Iterable[Node], *, all_of_them: bool = False) -> list[Name | Call]:
        """The names and tables that expressions read, each once; of alternatives those that were taken."""
        found: dict[object, Name | Call] = {}
        for node in nodes:
            for read in self._read(node, all_of_them=all_of_them):
                if isinstance(read, Call):
                    found.setdefault((read.function, value_in(self.memory, read.arguments[0])), read)
                elif self._is_told(read.name):
                    declared = self.knowledge.declared_name(read.name)
                    found.setdefault(declared, Name(declared))
        return list(found.values())

    def _is_told(self, name: str) -> bool:
        """False of what no file names: whether no other row of a decision holds."""
        return self.knowledge.declared_name(name) not in self.knowledge.readings

    def _read(self, node: Node, *, all_of_them: bool) -> Iterator[Name | Call]:
        match node:
            case Name():
                yield node
            case State(name=name):
                yield Name(name)
            case Call(function=function) if function in self.knowledge.tables:
                # What the table is asked at belongs to the table's own step.
                yield node
                if all_of_them:
                    yield from self._read(node.arguments[0], all_of_them=True)
            case _:
                for part in children(node) if all_of_them else self._taken(node):
                    yield from self._read(part, all_of_them=all_of_them)

    def _taken(self, node: Node) -> Iterable[Node]:
        """The parts of an expression that its value hangs on in this case."""
        if isinstance(node, Conditional):
            truth = truth_in(self.memory, node.test)
            ways = (node.then, node.otherwise) if truth is None else (node.then,) if truth else (node.otherwise,)
            return (node.test, *ways)
        if isinstance(node, Call) and node.function == "first_known":
            known = [value_in(self.memory, argument) is not None for argument in node.arguments]
            return node.arguments[: known.index(True) + 1] if True in known else node.arguments
        return children(node)


def waits_for_row(outcome: Outcome, row: Row) -> tuple[str, ...]:
    """The unknown facts that leave open whether a rule holds."""
    reads = (name for part in parts_that_fail(outcome.memory, row.when) for name in names_in_order(part))
    return tuple(dict.fromkeys(fact for name in reads for fact in waits_for(outcome.memory, name)))


def _rows_told(verdict: Verdict) -> tuple[list[int], list[int]]:
    """The rows that decided (or keep it open), and those that were tried in vain, by their index."""
    table = verdict.table
    failed = [index for index, truth in enumerate(verdict.holds) if truth is False]
    if table.policy == "first":
        reached = next((index for index, truth in enumerate(verdict.holds) if truth is not False), len(table.rows))
        if verdict.decisive or reached == len(table.rows):
            return list(verdict.decisive), [index for index in failed if index < reached]
        return _open_rows(verdict), [index for index in failed if index < reached]
    if table.policy == "collect" and verdict.decisive:
        return [*verdict.decisive, *verdict.open_rows], []
    if verdict.decisive:
        is_otherwise = any(table.rows[index].declaration.when == OTHERWISE for index in verdict.decisive)
        return [*verdict.decisive], failed if is_otherwise else []
    undecided = list(verdict.open_rows)
    return undecided, [] if undecided else failed


def _open_rows(verdict: Verdict) -> list[int]:
    """Under ``first`` the rows that may yet decide: from the first that is unknown to the first that holds."""
    found: list[int] = []
    for index, truth in enumerate(verdict.holds):
        if truth is not False:
            found.append(index)
        if truth:
            break
    return found


def _rows_around(firsts: tuple[float, ...], at: float) -> list[int]:
    """The rows that a table's value at a point lies between; one where it is a row, or beyond an end."""
    if at in firsts:
        return [firsts.index(at)]
    row = bisect_right(firsts, at)
    if row in (0, len(firsts)):
        return [0 if row == 0 else len(firsts) - 1]
    return [row - 1, row]


@dataclass(frozen=True, slots=True)
class _Version:
    """Where a value or table stands in the files; of dated ones the one in force, with its day and own source."""

    place: str
    since: str | None = None
    source: str | None = None


def _version(knowledge: Knowledge, section: str, name: str, field: str) -> _Version:
    document = knowledge.documents["costs.yaml"]
    found = _Version(str(document.place((section, name), key=True)))
    versions = document.part((section, name, field)).value
    latest = date.min
    for index, version in enumerate(versions if isinstance(versions, list) else []):
        if not isinstance(version, Mapping) or "from" not in version:
            continue
        since = date.fromisoformat(str(version["from"]))
        if latest <= since <= knowledge.on:
            latest, source = since, version.get("source")
            place = str(document.place((section, name, field, index)))
            found = _Version(place, since.isoformat(), None if source is None else str(source))
    return found


def _values_to_try(knowledge: Knowledge, fact: str) -> list[float | bool | str]:
    """Values of a fact on every side of its thresholds."""
    declared = knowledge.facts[fact]
    if declared.type == "yes/no":
        return [True, False]
    if declared.choices is not None:
        return list(declared.words)
    domain = full_domain(declared)
    if not isinstance(domain.values, Span):
        return []
    waiting, found = [domain.values], []
    for cut in thresholds(knowledge).get(fact, ()):
        parts = halves(waiting.pop(), (cut,), integer=domain.integer)
        found += parts[:-1]
        waiting.append(parts[-1] if parts else domain.values)
    return [span.low if index else span.high for index, span in enumerate([*found, *waiting])]
