"""Forward chaining on durable_rules: the only file that knows the inference engine.

The raw C module is used (no threads, no callbacks), and it is handed nothing but small facts with
generated names: ``{"n": "f12", "v": 3.5, "id": "i7"}``. Comparisons of one name with a constant are
the engine's own; every other test is evaluated in Python and told to the engine as a named truth.
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
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Literal

from engine.costs import WorkingMemory
from engine.errors import InferenceError
from engine.knowledge import DecisionTable, Knowledge, Row
from engine.language.evaluate import Evaluate, Value, compile_plain
from engine.language.nodes import Node, names_in
from engine.language.normal import All, Any, Formula, NamedTruth, Native, alternatives, normal_form

#: Limits of the C engine, each below the measured edge (16 slots, 64 tests true at once, 255 uses, 511 names).
MOST_SLOTS = 14
MOST_TESTS_A_NAME = 40
MOST_USES_A_NAME = 200
MOST_NAMES = 480
MOST_RULES = 4_000
MOST_ALTERNATIVES = 8
#: ``never`` as the engine sees it: a finite number that no quantity reaches.
_NEVER_NUMBER = sys.float_info.max
_OPERATORS = {"<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte", "!=": "$neq"}
#: The space keeps it apart from every name a base can declare.
_GO = Native("go ahead", "==", True)
#: A number without a point before its exponent, which the engine cannot read.
_POINTLESS = re.compile(r"(?<![\w.])(\d+)e(?=[-+]?\d)")


class CompileError(InferenceError):
    """A rule that exceeds what the inference engine can hold; the message names it."""


@dataclass(frozen=True, slots=True)
class _Effect:
    """What the firing of one engine rule means."""

    kind: Literal["row", "token"]
    decision: str = ""
    row: int = 0
    token: Native | None = None


@dataclass(slots=True)
class _Shard:
    """One engine name for a name of ours, with the tests the engine makes on it."""

    code: str
    tests: set[str] = field(default_factory=set)
    uses: int = 0


@dataclass(frozen=True, slots=True)
class FiredRow:
    """One row that fired, in firing order."""

    decision: str
    row: int


class Program:
    """The rules of one knowledge base compiled for the engine; immutable, shared between threads.

    Raises:
        CompileError: a rule has too many conditions, or there are too many rules or names.
    """

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.effects: list[_Effect] = []
        self.truths: list[tuple[Node, Evaluate, frozenset[str]]] = []
        self._truth_index: dict[Node, int] = {}
        self._shards: dict[str, list[_Shard]] = {}
        self._codes: dict[tuple[str, str], str] = {}
        self._rules: dict[str, object] = {"p": {"all": [{"m": {"p": 1}}], "pri": 0}}
        self._tokens = 0
        self._shard_count = 0
        for table in _in_firing_order(knowledge):
            self._compile(table)
        if len(self._rules) > MOST_RULES:
            raise CompileError(f"{len(self._rules):,} engine rules; at most {MOST_RULES:,} fit one engine")
        self.text = _with_points(json.dumps(self._rules))
        self.codes = {name: tuple(shard.code for shard in shards) for name, shards in self._shards.items()}
        _refuse_hash_collisions([*(code for codes in self.codes.values() for code in codes)])

    # -- compiling -----------------------------------------------------------------------------

    def _compile(self, table: DecisionTable) -> None:
        reached: Native | None = None
        for index, row in _rows_in_firing_order(table):
            entry = (reached,) if reached else ()
            self._add(row.id, normal_form(row.when), entry, _Effect("row", table.name, index))
            if table.policy == "first" and index + 1 < len(table.rows):
                following = Native(f"reached {table.name}", "==", str(index + 1))
                fails = normal_form(row.when, holds=False)
                self._add(row.id, fails, entry, _Effect("token", token=following))
                reached = following

    def _add(self, rule: str, formula: Formula, entry: tuple[Native, ...], effect: _Effect) -> None:
        for conjunction in self._conjunctions(rule, formula):
            self._emit(rule, (*entry, *conjunction), effect)

    def _conjunctions(self, rule: str, formula: Formula) -> list[tuple[Native | NamedTruth, ...]]:
        """The alternatives of a formula; where they would multiply, an inner `or` becomes a token of its own."""
        direct = alternatives(formula, MOST_ALTERNATIVES)
        if direct is not None:
            return direct
        if isinstance(formula, Any):
            return [found for part in formula.parts for found in self._conjunctions(rule, part)]
        assert isinstance(formula, All)  # noqa: S101 - a literal has one alternative
        parts = tuple(self._token_for(rule, part) if isinstance(part, Any) else part for part in formula.parts)
        return self._conjunctions(rule, All(parts))

    def _token_for(self, rule: str, formula: Any) -> Native:
        self._tokens += 1
        token = Native(f"part {self._tokens}", "==", True)
        for conjunction in self._conjunctions(rule, formula):
            self._emit(rule, conjunction, _Effect("token", token=token))
        return token

    def _emit(self, rule: str, conjunction: tuple[Native | NamedTruth, ...], effect: _Effect) -> None:
        by_name: dict[str, list[dict[str, object]]] = {}
        for literal in dict.fromkeys(map(self._native, conjunction or (_GO,))):
            by_name.setdefault(literal.name, []).append(self._test(literal))
        if len(by_name) > MOST_SLOTS:
            raise CompileError(
                f"{rule}: {len(by_name)} conditions at once; the inference engine holds {MOST_SLOTS}. "
                "Split the rule, or give part of its condition to a decision of its own"
            )
        slots = [
            {f"s{index}": {"$and": [{"n": self._shard(rule, name, tests)}, *tests]}}
            for index, (name, tests) in enumerate(by_name.items())
        ]
        self._rules[f"r{len(self.effects)}"] = {"all": slots, "pri": len(self.effects) + 1, "dist": 0}
        self.effects.append(effect)

    def _native(self, literal: Native | NamedTruth) -> Native:
        if isinstance(literal, Native):
            return literal
        index = self._truth_index.get(literal.node)
        if index is None:
            index = self._truth_index[literal.node] = len(self.truths)
            evaluate = compile_plain(literal.node, self.knowledge.tables)
            self.truths.append((literal.node, evaluate, names_in(literal.node)))
        return Native(f"truth {index}", "==", literal.holds)

    def _test(self, literal: Native) -> dict[str, object]:
        value = self.encode(literal.name, literal.constant)
        return {"v": value} if literal.operator == "==" else {_OPERATORS[literal.operator]: {"v": value}}

    def _shard(self, rule: str, name: str, tests: list[dict[str, object]]) -> str:
        test = json.dumps(tests)
        shards = self._shards.setdefault(name, [])
        for shard in shards:
            room = test in shard.tests or len(shard.tests) < MOST_TESTS_A_NAME
            if room and shard.uses < MOST_USES_A_NAME:
                break
        else:
            self._shard_count += 1
            if self._shard_count > MOST_NAMES:
                raise CompileError(f"{rule}: more than {MOST_NAMES} names in one engine; use fewer facts or rules")
            shard = _Shard(f"f{self._shard_count}")
            shards.append(shard)
        shard.tests.add(test)
        shard.uses += 1
        return shard.code

    # -- what crosses into C ---------------------------------------------------------------------

    def encode(self, name: str, value: float | str | bool) -> float | str:
        """A value as the engine sees it: a finite float, or a generated word compared for equality only."""
        if isinstance(value, bool):
            return "y" if value else "n"
        if isinstance(value, str):
            return self._codes.setdefault((name, value), f"c{len(self._codes)}")
        return math.copysign(_NEVER_NUMBER, value) if math.isinf(value) else float(value)


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
        if handle is not None:
            self._module.delete_ruleset(handle)

    @contextmanager
    def session(self, memory: WorkingMemory) -> Iterator[Session]:
        """A case being decided; its state is freed at the end, and the handle closed if anything raised."""
        _refuse_decimal_comma()
        try:
            session = Session(self.program, self._module, self._handle, memory)
            yield session
            session.free()
        except BaseException:
            self.close()
            raise


class Session:
    """The working memory of one case inside the engine."""

    def __init__(self, program: Program, module: ModuleType, handle: object, memory: WorkingMemory) -> None:
        self._program = program
        self._module = module
        self._handle = handle
        self._memory = memory
        self._ids = 0
        self._offset: int | None = None
        self._told: set[int] = set()
        self._tokens: set[Native] = set()
        self._fired: set[tuple[str, int]] = set()
        self._tell(_GO.name, True)
        for name, value in memory.values.items():
            if value is not None:
                self._tell(name, value)
        self._tell_truths(None)

    def learn(self, names: Iterable[str]) -> None:
        """Tell the engine of names that became known in the working memory."""
        learned = frozenset(names)
        for name in learned:
            value = self._memory.values[name]
            if value is not None:
                self._tell(name, value)
        self._tell_truths(learned)

    def run(self) -> list[FiredRow]:
        """Fire until the agenda is empty; the rows that fired, in order, each once a case."""
        if self._offset is None:
            return []
        firings: list[FiredRow] = []
        started = self._module.start_action_for_state(self._handle, self._offset)
        message = started[1] if started else None
        while message:
            effect = self._program.effects[int(message[3 : message.index('"', 2)])]
            if effect.kind == "token":
                self._take(effect.token)
            elif (effect.decision, effect.row) not in self._fired:
                self._fired.add((effect.decision, effect.row))
                firings.append(FiredRow(effect.decision, effect.row))
                self._conclude(effect)
            message = self._module.complete_and_start_action(self._handle, self._offset)
        return firings

    def free(self) -> None:
        """Delete the case's state."""
        if self._offset is not None:
            self._module.delete_state(self._handle, "0")
            self._offset = None

    def _take(self, token: Native | None) -> None:
        if token is not None and token not in self._tokens:
            self._tokens.add(token)
            self._tell(token.name, token.constant)

    def _conclude(self, effect: _Effect) -> None:
        table = self._program.knowledge.decisions[effect.decision]
        if table.policy == "collect":
            return
        row = table.rows[effect.row]
        for output, value in row.then.items():
            known = self._memory.values[output]
            if known is None:
                self.learn(self._memory.conclude(output, value))
            elif known != value or table.policy == "unique":
                raise InferenceError(f"{row.id} concludes {output} = {value}, but it is already {known}")

    def _tell(self, name: str, value: float | str | bool) -> None:
        for code in self._program.codes.get(name, ()):
            encoded = self._program.encode(name, value)
            text = f'"{encoded}"' if isinstance(encoded, str) else _with_points(repr(encoded))
            self._ids += 1
            outcome, self._offset = self._module.assert_fact(
                self._handle, f'{{"n":"{code}","v":{text},"id":"i{self._ids}"}}'
            )
            if outcome not in (0, 1):
                raise InferenceError(f"the inference engine refused {name} = {value} (code {outcome})")

    def _tell_truths(self, learned: frozenset[str] | None) -> None:
        for index, (_, evaluate, names) in enumerate(self._program.truths):
            if index in self._told or (learned is not None and not names & learned):
                continue
            truth: Value = evaluate(self._memory.values, self._memory.origins)
            if isinstance(truth, bool):
                self._told.add(index)
                self._tell(f"truth {index}", truth)


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
