"""Forward chaining on durable_rules: the only file that knows the inference engine.

The raw C module is used (no threads, no callbacks), and it is handed nothing but flat facts with
generated names: ``{"k3": 1, "f12": 3.5, "f13": "y", "id": "i7"}``. Comparisons of one name with a constant
are the engine's own; every other test is evaluated in Python and told to the engine as a named truth.
Names that become known together are told in one fact, and what a rule asks of them is one slot of it:
the engine's time and memory grow with the slots of its rules and with the facts it is told.
docs/architecture.md says why, and what the engine gets wrong outside this subset.
"""

from __future__ import annotations

import json
import locale
import math
import os
import re
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import TypeVar

from engine.costs import WorkingMemory
from engine.errors import InferenceError
from engine.knowledge import DecisionTable, Knowledge, Row
from engine.language.conjunction import Among, Conjunction, Word, asked, literals, product, simplified
from engine.language.evaluate import Evaluate, Value, compile_plain
from engine.language.generate import Conditions
from engine.language.nodes import Node, names_in
from engine.language.normal import All, Any, Formula, NamedTruth, Native, normal_form
from engine.language.scope import ChoiceType, TruthType

#: Limits of the C engine, each below the measured edge (16 slots, 64 tests true at once, 255 uses, 511 names,
#: 252 properties of a fact).
MOST_SLOTS = 14
MOST_TRUE_AT_ONCE = 56
MOST_USES_OF_A_TEST = 200
MOST_NAMES = 480
MOST_NAMES_A_FACT = 100
#: Names that a rule asks for in one slot; twice as many were asked without fault.
MOST_NAMES_A_SLOT = 50
MOST_RULES = 4_000
#: Alternatives that one condition may have before a part of it becomes a token, and before they are compared at all.
MOST_ALTERNATIVES = 8
MOST_PRODUCTS = 32
#: Ways in which a row may be reached, and tests in one of them, before they become a token.
MOST_WAYS = 4
MOST_TESTS_A_WAY = 12
#: ``never`` as the engine sees it: a finite number that no quantity reaches.
_NEVER_NUMBER = sys.float_info.max
_OPERATORS = {"<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte", "!=": "$neq"}
#: The spaces keep these apart from every name a base can declare.
_GO, _TOKEN = "go ahead", "token "
_YES = frozenset({True})
_TRUTHS = frozenset({True, False})
#: A number without a point before its exponent, which the engine cannot read.
_POINTLESS = re.compile(r"(?<![\w.])(\d+)e(?=[-+]?\d)")


_T = TypeVar("_T")


class CompileError(InferenceError):
    """Rules that exceed what the inference engine can hold; the message names the first that does."""


@dataclass(frozen=True, slots=True)
class FiredRow:
    """One row that fired, in firing order."""

    decision: str
    row: int


@dataclass(frozen=True, slots=True, eq=False)
class _Effect:
    """What the firing of one engine rule means: a row that fired, or else a token to be told.

    The engine rules that are alternatives of each other share one effect.
    """

    row: FiredRow | None = None
    token: str = ""


@dataclass(slots=True)
class _Branch:
    """One test of a fact and the tests that are made of it where this one holds.

    Args:
        at_once: how many branches the engine may have to remember at once below this one.
    """

    next: dict[str, _Branch] = field(default_factory=dict)
    uses: int = 0
    at_once: int = 1


class Shard:
    """One kind of fact told to the engine: names that become known together, as far as its limits allow.

    Args:
        marker: the property that tells its facts from all others.
    """

    def __init__(self, marker: str) -> None:
        self.marker = marker
        self.codes: dict[str, str] = {}
        self._tests = _Branch()

    def has_room(self, names: Sequence[str], path: Sequence[str]) -> bool:
        """Whether the names fit, and one more slot that makes these tests one after the other."""
        if len(self.codes.keys() | names) > MOST_NAMES_A_FACT:
            return False
        branch, remembered = self._tests, 0
        for test in path:
            following = branch.next.get(test)
            if following is None:
                widest = max([1, *(inner.at_once for inner in branch.next.values())])
                return remembered + len(branch.next) + widest <= MOST_TRUE_AT_ONCE
            remembered += len(branch.next) - 1
            branch = following
        return branch.uses < MOST_USES_OF_A_TEST

    def add(self, path: Sequence[str]) -> None:
        """Take in one more slot."""
        passed = [self._tests]
        for test in path:
            passed.append(passed[-1].next.setdefault(test, _Branch()))
        passed.pop().uses += 1
        for branch in reversed(passed):
            branch.at_once = len(branch.next) - 1 + max(inner.at_once for inner in branch.next.values())


class Program:
    """The rules of one knowledge base compiled for the engine; immutable, shared between threads.

    Raises:
        CompileError: there are too many rules or names.
    """

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.effects: list[_Effect] = []
        self.truths: list[tuple[Node, Evaluate, frozenset[str]]] = []
        self._truth_index: dict[Node, int] = {}
        self._codes: dict[tuple[str, str], str] = {}
        self._pending: list[tuple[str, Conjunction, _Effect]] = []
        self._token_count = 0
        self._domains = _domains(knowledge)
        self._moments = _moments(knowledge)
        for table in _in_firing_order(knowledge):
            self._compile(table)
        if len(self._pending) >= MOST_RULES:
            raise CompileError(f"{len(self._pending):,} engine rules; at most {MOST_RULES:,} fit one engine")
        self.shards: list[Shard] = []
        #: For each token the facts that tell it, but for their id.
        self.tokens: dict[str, tuple[str, ...]] = {}
        self._by_moment: dict[object, list[Shard]] = {}
        self._names = 0
        self.text = _with_points(json.dumps(self._laid_out()))
        self.codes: dict[str, tuple[str, ...]] = {}
        for shard in self.shards:
            for name, code in shard.codes.items():
                self.codes[name] = (*self.codes.get(name, ()), code)
        _refuse_hash_collisions([code for shard in self.shards for code in (shard.marker, *shard.codes.values())])
        self.kinds = tuple(self._kind(shard) for shard in self.shards if _TOKEN not in shard.codes)
        self.kinds_of = _by_name((name, kind) for kind in self.kinds for name in kind.names)
        self._following: dict[tuple[str, ...], tuple[Mapping[FactKind, None], tuple[int, ...]]] = {}
        self.judge = Conditions(
            [node for node, _, _ in self.truths], [evaluate for _, evaluate, _ in self.truths], knowledge.tables
        )
        #: For each name the truths that read it, by index.
        self.truths_on = _by_name((name, index) for index, (_, _, names) in enumerate(self.truths) for name in names)

    # -- compiling -----------------------------------------------------------------------------

    def _compile(self, table: DecisionTable) -> None:
        """The rules of one decision; under ``first`` a row is asked together with the ways in which it is reached."""
        ways: list[Conjunction] = [{}]
        for index, row in _rows_in_firing_order(table):
            holds = self._alternatives(row.id, normal_form(row.when))
            found = product(ways, holds)
            if _is_much(found, max(MOST_WAYS, len(holds))):
                ways = self._as_token(row.id, ways)
                found = product(ways, holds)
            self._add(row.id, found, _Effect(FiredRow(table.name, index)))
            if table.policy == "first" and index + 1 < len(table.rows):
                fails = self._alternatives(row.id, normal_form(row.when, holds=False))
                if len(ways) * len(fails) > MOST_PRODUCTS:
                    ways = self._as_token(row.id, ways)
                ways = product(ways, fails)
                if _is_much(ways, MOST_WAYS):
                    ways = self._as_token(row.id, ways)

    def _add(self, rule: str, alternatives: Iterable[Conjunction], effect: _Effect) -> None:
        self._pending += [(rule, self._narrowed(rule, conjunction), effect) for conjunction in alternatives]

    def _narrowed(self, rule: str, conjunction: Conjunction) -> Conjunction:
        """A conjunction in no more slots than the engine holds: the first of too many become a token."""
        slots = self._slots(conjunction)
        if len(slots) <= MOST_SLOTS:
            return conjunction
        first = {name: conjunction[name] for names in slots[:MOST_SLOTS] for name in names}
        (token,) = self._as_token(rule, [first])
        rest = {name: allowed for name, allowed in conjunction.items() if name not in first}
        return self._narrowed(rule, {**token, **rest})

    def _slots(self, names: Iterable[str]) -> list[list[str]]:
        """Names by the slots in which they are asked for: those that become known together, as far as one holds."""
        together: dict[object, list[str]] = {}
        for name in names:
            together.setdefault(self._moment_of(name), []).append(name)
        return [
            known[start : start + MOST_NAMES_A_SLOT]
            for known in together.values()
            for start in range(0, len(known), MOST_NAMES_A_SLOT)
        ]

    def _as_token(self, rule: str, alternatives: Sequence[Conjunction]) -> list[Conjunction]:
        """The alternatives as one word that the engine is told where one of them holds."""
        if not alternatives or alternatives == [{}]:
            return list(alternatives)
        self._token_count += 1
        token = f"{_TOKEN}{self._token_count}"
        self._add(rule, alternatives, _Effect(token=token))
        return [{token: Among(_YES, _YES)}]

    def _alternatives(self, rule: str, formula: Formula) -> list[Conjunction]:
        """A formula as alternatives; where they would multiply, an inner `or` becomes a token."""
        found = self._multiplied(formula)
        if found is None and isinstance(formula, Any):
            found = [conjunction for part in formula.parts for conjunction in self._alternatives(rule, part)]
        elif found is None and isinstance(formula, All):
            found = [{}]
            for part in formula.parts:
                inner = self._alternatives(rule, part)
                found = product(found, self._as_token(rule, inner) if isinstance(part, Any) else inner)
        assert found is not None  # noqa: S101 - a literal has one alternative
        return found

    def _multiplied(self, formula: Formula) -> list[Conjunction] | None:
        """The alternatives of a formula, None where they are too many."""
        found: list[Conjunction] = []
        match formula:
            case All(parts=parts):
                found = [{}]
                for part in parts:
                    inner = self._multiplied(part)
                    if inner is None or len(found) * len(inner) > MOST_PRODUCTS:
                        return None
                    found = product(found, inner)
            case Any(parts=parts):
                for part in parts:
                    inner = self._multiplied(part)
                    if inner is None or len(found) + len(inner) > MOST_PRODUCTS:
                        return None
                    found += inner
                found = simplified(found)
            case Native() | NamedTruth():
                literal = self._native(formula)
                allowed = asked(literal, self._domains.get(literal.name))
                return [] if allowed is None else [{literal.name: allowed}]
        return found if len(found) <= MOST_ALTERNATIVES else None

    def _native(self, literal: Native | NamedTruth) -> Native:
        if isinstance(literal, Native):
            return literal
        index = self._truth_index.get(literal.node)
        if index is None:
            index = self._truth_index[literal.node] = len(self.truths)
            evaluate = compile_plain(literal.node, self.knowledge.tables)
            names = names_in(literal.node)
            self.truths.append((literal.node, evaluate, names))
            self._domains[_truth_name(index)] = _TRUTHS
            self._moments[_truth_name(index)] = frozenset().union(*(self._moments[read] for read in names))
        return Native(_truth_name(index), "==", literal.holds)

    # -- laying out ------------------------------------------------------------------------------

    def _laid_out(self) -> dict[str, object]:
        """The engine's rules, each asking each kind of fact in one slot."""
        rules: dict[str, object] = {"p": {"all": [{"m": {"p": 1}}], "pri": 0}}
        uses = Counter(name for _, conjunction, _ in self._pending for name in conjunction)
        for rule, conjunction, effect in self._pending:
            asks = conjunction or {_GO: Among(_YES, _YES)}
            slots = self._slots(sorted(asks, key=lambda name: -uses[name]))
            patterns = [self._pattern(rule, names, asks) for names in slots]
            every = [{f"s{index}": {"$and": pattern}} for index, pattern in enumerate(patterns)]
            rules[f"r{len(self.effects)}"] = {"all": every, "pri": len(self.effects) + 1, "dist": 0}
            self.effects.append(effect)
        return rules

    def _moment_of(self, name: str) -> object:
        """When a name becomes known: the decisions it waits for; each token comes by itself."""
        return name if name.startswith(_TOKEN) else self._moments.get(name, frozenset())

    def _pattern(self, rule: str, names: Sequence[str], asks: Conjunction) -> list[dict[str, object]]:
        moment = self._moment_of(names[0])
        tests = [literal for name in names for literal in literals(name, asks[name])]
        path = [f"{literal.name} {literal.operator} {literal.constant!r}" for literal in tests]
        kind = _TOKEN if isinstance(moment, str) else moment
        members = [_TOKEN] if isinstance(moment, str) else names
        shard = self._shard(rule, kind, members, path)
        shard.add(path)
        return [{shard.marker: 1}, *(self._test(shard, literal) for literal in tests)]

    def _shard(self, rule: str, kind: object, names: Sequence[str], path: Sequence[str]) -> Shard:
        shards = self._by_moment.setdefault(kind, [])
        shard = next((shard for shard in shards if shard.has_room(names, path)), None)
        if shard is None:
            shard = Shard(f"k{len(self.shards)}")
            shards.append(shard)
            self.shards.append(shard)
        for name in names:
            if name not in shard.codes:
                self._names += 1
                if self._names > MOST_NAMES:
                    raise CompileError(f"{rule}: more than {MOST_NAMES} names in one engine; use fewer facts or rules")
                shard.codes[name] = f"f{self._names}"
        return shard

    def _test(self, shard: Shard, literal: Native) -> dict[str, object]:
        if literal.name.startswith(_TOKEN):
            word = f"t{literal.name.removeprefix(_TOKEN)}"
            told = f'{{"{shard.marker}":1,"{shard.codes[_TOKEN]}":"{word}"'
            self.tokens[literal.name] = tuple(dict.fromkeys((*self.tokens.get(literal.name, ()), told)))
            return {shard.codes[_TOKEN]: word}
        compared: dict[str, object] = {shard.codes[literal.name]: self.encode(literal.name, literal.constant)}
        return compared if literal.operator == "==" else {_OPERATORS[literal.operator]: compared}

    def _kind(self, shard: Shard) -> FactKind:
        """How facts of one kind are written."""
        numbers: list[tuple[str, str]] = []
        words: list[tuple[str, Mapping[Value, str]]] = []
        truths: list[tuple[str, Mapping[Value, str]]] = []
        for name, code in shard.codes.items():
            domain = self._domains.get(name, _YES if name == _GO else None)
            before = f',"{code}":'
            if domain is None:
                numbers.append((name, before))
            else:
                text: dict[Value, str] = {word: f'{before}"{self.encode(name, word)}"' for word in domain}
                (words if name in self.knowledge.scope.symbols else truths).append((name, text))
        return FactKind(f'{{"{shard.marker}":1', tuple(shard.codes), tuple(numbers), tuple(words), tuple(truths))

    def following(self, names: Sequence[str]) -> tuple[Mapping[FactKind, None], tuple[int, ...]]:
        """The kinds of fact to tell anew once the names are known, and the truths to evaluate."""
        key = tuple(names)
        found = self._following.get(key)
        if found is None:
            kinds = {kind: None for name in names for kind in self.kinds_of.get(name, ())}
            truths = {index: None for name in names for index in self.truths_on.get(name, ())}
            found = self._following[key] = kinds, tuple(truths)
        return found

    # -- what crosses into C ---------------------------------------------------------------------

    def encode(self, name: str, value: float | str | bool) -> float | str:
        """A value as the engine sees it: a finite float, or a generated word compared for equality only."""
        if isinstance(value, bool):
            return "y" if value else "n"
        if isinstance(value, str):
            return self._codes.setdefault((name, value), f"c{len(self._codes)}")
        return math.copysign(_NEVER_NUMBER, value) if math.isinf(value) else float(value)


@dataclass(frozen=True, slots=True, eq=False)
class FactKind:
    """How one kind of fact is written for the engine: what is known of its names, all in one.

    Args:
        start: the text of a fact that tells nothing yet.
        names: everything a fact of the kind may tell.
        numbers: the numbers of the working memory among them, each with the text before its value.
        words: its words and truths, each with the text of every value.
        truths: the truths that were evaluated in Python, likewise.
    """

    start: str
    names: tuple[str, ...]
    numbers: tuple[tuple[str, str], ...]
    words: tuple[tuple[str, Mapping[Value, str]], ...]
    truths: tuple[tuple[str, Mapping[Value, str]], ...]

    def written(self, values: Mapping[str, Value], truths: Mapping[str, bool]) -> str | None:
        """A fact that tells all that is known, but for its id; None where nothing is."""
        text = ""
        if self.numbers:
            text = "".join([f"{before}{values[name]!r}" for name, before in self.numbers if values[name] is not None])
        if "e" in text or "i" in text:
            # Exponents and infinities are written differently, and no code has these letters.
            known = [(before, values[name]) for name, before in self.numbers if values[name] is not None]
            text = "".join([before + _number(value) for before, value in known])
        if self.words:
            text += "".join([texts.get(values[name], "") for name, texts in self.words])
        if self.truths:
            text += "".join([texts.get(truths.get(name), "") for name, texts in self.truths])
        return self.start + text if text else None


def _number(value: Value) -> str:
    """A number in the only notation that the engine reads right: with a point before any exponent."""
    number = float(value or 0.0)
    text = repr(math.copysign(_NEVER_NUMBER, number) if math.isinf(number) else number)
    return text if "." in text else text.replace("e", ".0e")


def _truth_name(index: int) -> str:
    return f"truth {index}"


def _by_name(pairs: Iterable[tuple[str, _T]]) -> dict[str, tuple[_T, ...]]:
    """For each name everything it is paired with, in order."""
    found: dict[str, list[_T]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in found.items()}


def _is_much(alternatives: Sequence[Conjunction], most: int) -> bool:
    """Whether there are more alternatives, or more tests in one of them, than are worth asking as they are."""
    return len(alternatives) > most or any(
        sum(len(literals(name, allowed)) for name, allowed in conjunction.items()) > MOST_TESTS_A_WAY
        for conjunction in alternatives
    )


def _domains(knowledge: Knowledge) -> dict[str, frozenset[Word]]:
    """For each name that is no number every word or truth that it may be."""
    found: dict[str, frozenset[Word]] = {}
    for name, symbol in knowledge.scope.symbols.items():
        if isinstance(symbol.type, TruthType):
            found[name] = _TRUTHS
        elif isinstance(symbol.type, ChoiceType):
            found[name] = frozenset(symbol.type.values)
    return found


def _moments(knowledge: Knowledge) -> dict[str, frozenset[str]]:
    """For each name the conclusions it waits for: names with the same ones become known together."""
    found: dict[str, frozenset[str]] = {name: frozenset() for name in knowledge.scope.symbols}
    signal = knowledge.manifest.could_turn
    if signal:
        found[signal] = frozenset({signal})
    found.update((output, frozenset({decision})) for output, decision in knowledge.decision_of.items())
    for name in knowledge.order:
        if name in knowledge.quantities:
            found[name] = frozenset().union(*(found[read] for read in knowledge.reads[name]))
    return found


def _in_firing_order(knowledge: Knowledge) -> Iterator[DecisionTable]:
    tables = [knowledge.decisions[name] for name in knowledge.order if name in knowledge.decisions]
    salience = {table.name: max(row.declaration.salience for row in table.rows) for table in tables}
    yield from sorted(tables, key=lambda table: -salience[table.name])


def _rows_in_firing_order(table: DecisionTable) -> list[tuple[int, Row]]:
    rows = list(enumerate(table.rows))
    return rows if table.policy == "first" else sorted(rows, key=lambda row: -row[1].declaration.salience)


def _refuse_hash_collisions(codes: list[str]) -> None:
    """The engine knows names by their 32-bit FNV-1a hash alone."""
    seen: dict[int, str] = {}
    for code in codes:
        digest = 0x811C9DC5
        for byte in code.encode():
            digest = ((digest ^ byte) * 0x01000193) & 0xFFFFFFFF
        if seen.setdefault(digest, code) != code:
            raise CompileError(f"the engine cannot tell {code} from {seen[digest]}")


def _with_points(text: str) -> str:
    """JSON in the only notation of numbers that the engine reads right: with a point before any exponent."""
    return _POINTLESS.sub(r"\1.0e", text)


def _load_module() -> ModuleType:
    """The C module; lazy symbol binding lets it load on Python 3.13, where a function it never calls is gone."""
    if not hasattr(sys, "setdlopenflags"):
        import durable_rules_engine

        return durable_rules_engine  # type: ignore[no-any-return]
    flags = sys.getdlopenflags()
    sys.setdlopenflags(flags & ~os.RTLD_NOW | os.RTLD_LAZY)
    try:
        import durable_rules_engine
    finally:
        sys.setdlopenflags(flags)
    return durable_rules_engine  # type: ignore[no-any-return]


def _refuse_decimal_comma() -> None:
    """The engine reads numbers as the process's locale writes them, those of the rules too."""
    if locale.localeconv()["decimal_point"] != ".":
        raise InferenceError("the process's LC_NUMERIC locale must write numbers with a point")


class Engine:
    """One handle of the C engine: one case at a time, thrown away after any error."""

    def __init__(self, program: Program) -> None:
        _refuse_decimal_comma()
        self.program = program
        self._module = _load_module()
        self._holds_state = False
        self._handle: object | None = self._module.create_ruleset("r", program.text)
        # The first firing initialises memory that delete_state would otherwise free uninitialised.
        _, offset = self._module.assert_fact(self._handle, '{"p":1,"id":"p"}')
        self._module.start_action_for_state(self._handle, offset)
        self._module.complete_and_start_action(self._handle, offset)
        self._module.delete_state(self._handle, "0")

    @property
    def usable(self) -> bool:
        """False once the handle has been given back to the engine."""
        return self._handle is not None

    def close(self) -> None:
        """Give the handle's memory back."""
        handle, self._handle = self._handle, None
        if handle is None:
            return
        if self._holds_state:
            # The engine does not free the states of a rule set that it deletes.
            self._module.delete_state(handle, "0")
        self._module.delete_ruleset(handle)

    @contextmanager
    def session(self, memory: WorkingMemory) -> Iterator[Session]:
        """A case being decided; its facts are taken back at the end, and the handle is closed if anything raised."""
        _refuse_decimal_comma()
        session = Session(self.program, self._module, self._handle, memory)
        try:
            session.begin()
            yield session
            session.free()
            self._holds_state = session.left_state or (self._holds_state and not session.told)
        except BaseException as error:
            self._holds_state = session.abandon(error) and self._holds_state
            self.close()
            raise


class Session:
    """The working memory of one case inside the engine.

    A state is expensive to make and to delete, for it has room for every slot of every rule. So one state
    serves case after case: the facts of a case are taken back one by one, which leaves it empty.
    """

    def __init__(self, program: Program, module: ModuleType, handle: object, memory: WorkingMemory) -> None:
        self._program = program
        self._module = module
        self._handle = handle
        self._memory = memory
        self._offset: int | None = None
        self._acting = False
        self._truths: dict[str, bool] = {_GO: True}
        #: What fired already: each effect is taken once a case.
        self._taken: set[_Effect] = set()
        #: How many facts the engine was told.
        self.told = 0
        #: Whether an empty state is left to the next case.
        self.left_state = False

    def begin(self) -> None:
        """Tell the engine all that is known."""
        for index, truth in enumerate(self._program.judge(self._memory.values, self._memory.origins)):
            if truth is not None:
                self._truths[_truth_name(index)] = truth
        for kind in self._program.kinds:
            self._tell(kind)

    def learn(self, names: Iterable[str]) -> None:
        """Tell the engine of names that became known in the working memory."""
        values = self._memory.values
        kinds, truths = self._program.following([name for name in names if values[name] is not None])
        found = [index for index in truths if self._evaluate(index)]
        if found:
            kinds = {**kinds, **self._program.following([_truth_name(index) for index in found])[0]}
        for kind in kinds:
            self._tell(kind)

    def run(self) -> list[FiredRow]:
        """Fire until the agenda is empty; the rows that fired, in order, each once a case."""
        firings: list[FiredRow] = []
        if self._offset is None:
            return firings
        effects, taken, handle, offset = self._program.effects, self._taken, self._handle, self._offset
        complete = self._module.complete_and_start_action
        started = self._module.start_action_for_state(handle, offset)
        message = started[1] if started else None
        self._acting = message is not None
        while message:
            effect = effects[int(message[3 : message.index('"', 3)])]
            if effect not in taken:
                taken.add(effect)
                if effect.row is None:
                    self._take(effect.token)
                else:
                    firings.append(effect.row)
                    self._conclude(effect.row)
            message = complete(handle, offset)
        self._acting = False
        return firings

    def free(self) -> None:
        """Take back all that the engine was told, so that the next case finds nothing of this one."""
        if self._offset is None:
            return
        retract = self._module.retract_fact
        for number in range(self.told, 0, -1):
            retract(self._handle, f'{{"id":"i{number}"}}')
        self.left_state = self._module.get_facts(self._handle, "0") == "[]"
        if not self.left_state:
            self._module.delete_state(self._handle, "0")

    def abandon(self, error: BaseException) -> bool:
        """Free the state of a case that came to nothing, unless the engine itself failed and it cannot be touched.

        Returns:
            True where there was no state of this case.
        """
        if self._offset is None:
            return True
        if not isinstance(error, self._module.error | MemoryError):
            # A state must not be deleted while an action is open.
            while self._acting and self._module.complete_and_start_action(self._handle, self._offset):
                pass
            self._module.delete_state(self._handle, "0")
        return False

    def _take(self, token: str) -> None:
        for fact in self._program.tokens.get(token, ()):
            self._assert(fact)

    def _conclude(self, fired: FiredRow) -> None:
        table = self._program.knowledge.decisions[fired.decision]
        if table.policy == "collect":
            return
        row = table.rows[fired.row]
        learned: list[str] = []
        for output, value in row.then.items():
            known = self._memory.values[output]
            if known is None:
                learned += self._memory.conclude(output, value)
            elif known != value or table.policy == "unique":
                raise InferenceError(f"{row.id} concludes {output} = {value}, but it is already {known}")
        if learned:
            self.learn(learned)

    def _tell(self, kind: FactKind) -> None:
        fact = kind.written(self._memory.values, self._truths)
        if fact is not None:
            self._assert(fact)

    def _assert(self, fact: str) -> None:
        self.told += 1
        outcome, self._offset = self._module.assert_fact(self._handle, f'{fact},"id":"i{self.told}"}}')
        if outcome not in (0, 1):
            raise InferenceError(f"the inference engine refused {fact}}} (code {outcome})")

    def _evaluate(self, index: int) -> bool:
        """Whether a truth that was open is known now."""
        name = _truth_name(index)
        if name in self._truths:
            return False
        truth = self._program.truths[index][1](self._memory.values, self._memory.origins)
        if not isinstance(truth, bool):
            return False
        self._truths[name] = truth
        return True


class EnginePool:
    """Engines of one generation of rules; thread-safe, and swapped whole on reload."""

    def __init__(self, knowledge: Knowledge, most_idle: int = 8) -> None:
        self._lock = threading.Lock()
        self._most_idle = most_idle
        self._program = Program(knowledge)
        self._idle = [Engine(self._program)]

    @property
    def knowledge(self) -> Knowledge:
        """The base that decides now."""
        return self._program.knowledge

    def reload(self, knowledge: Knowledge) -> None:
        """Swap to another base, once it has compiled and an engine of it has started; else keep the old one.

        Raises:
            CompileError: the new base does not fit the engine.
        """
        program = Program(knowledge)
        engine = Engine(program)
        with self._lock:
            retired, self._idle = self._idle, [engine]
            self._program = program
        for old in retired:
            old.close()

    def close(self) -> None:
        """Close every idle engine."""
        with self._lock:
            retired, self._idle = self._idle, []
        for engine in retired:
            engine.close()

    @contextmanager
    def borrowed(self) -> Iterator[Engine]:
        """An engine for one case; it comes back unless it raised or its generation is gone."""
        with self._lock:
            program = self._program
            engine = self._idle.pop() if self._idle else None
        engine = engine or Engine(program)
        try:
            yield engine
        finally:
            with self._lock:
                keep = engine.usable and program is self._program and len(self._idle) < self._most_idle
                if keep:
                    self._idle.append(engine)
            if not keep:
                engine.close()
