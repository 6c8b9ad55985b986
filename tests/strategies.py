"""Knowledge bases and cases for tests: small ones put together by hand, and random ones drawn by Hypothesis.

A base is built as the documents a person would write, and read from files as any other base is.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from engine.case import Case, Given, Origin
from engine.costs import working_memory
from engine.declarations import LARGEST_NUMBER
from engine.evaluator import evaluate_decision
from engine.inference import EnginePool
from engine.knowledge import Knowledge, load_knowledge
from engine.language.evaluate import Value

Documents = Mapping[str, object]
Rows = Sequence[tuple[str, object]]

# By hand


def number(**more: object) -> dict[str, object]:
    """The declaration of a plain number."""
    return {"title": "a number", "type": "number", "unit": "fraction", "source": "test", **more}


def integer(**more: object) -> dict[str, object]:
    """The declaration of a whole number."""
    return {**number(), "title": "a whole number", "type": "integer", **more}


def truth(**more: object) -> dict[str, object]:
    """The declaration of a yes/no fact."""
    return {"title": "a truth", "type": "yes/no", "source": "test", **more}


def choice(*words: str, **more: object) -> dict[str, object]:
    """The declaration of a choice among words."""
    choices = {word: word for word in words}
    return {"title": "a choice", "type": "choice", "choices": choices, "source": "test", **more}


def figure(formula: str) -> dict[str, object]:
    """The declaration of a figure."""
    return {"title": "a figure", "unit": "fraction", "formula": formula, "source": "test"}


def table(*points: tuple[float, float], below: str = "first row", above: str = "last row") -> dict[str, object]:
    """The declaration of a table."""
    rows = [list(point) for point in points]
    ends = {"below": below, "above": above}
    return {"title": "a table", "takes": "fraction", "gives": "fraction", "rows": rows, "source": "test", **ends}


def decision(
    name: str,
    hit_policy: str,
    rows: Rows,
    *,
    outputs: Mapping[str, Sequence[object]] | None = None,
    values: Sequence[object] = (),
    salience: Sequence[int] = (),
    aggregate: str | None = None,
) -> dict[str, object]:
    """A decision file whose rows are pairs of a condition and a conclusion, named after the decision.

    Args:
        name: its output, unless ``outputs`` are given.
        hit_policy: one of the four.
        rows: each condition with what it concludes.
        outputs: for a decision of several outputs each with its values.
        values: of a single output; read off the rows where absent.
        salience: of each row; 0 where absent.
        aggregate: the number that a collect decision makes of its rows' values.
    """
    rules = [
        {"id": f"{name.replace('_', '-')}-{index}", "when": when, "then": then, "because": "So.", "source": "test"}
        for index, (when, then) in enumerate(rows)
    ]
    for rule, value in zip(rules, salience, strict=False):
        rule["salience"] = value
    decides: dict[str, object] = {}
    if outputs is None:
        decides |= {"decides": name, "values": list(values or dict.fromkeys(then for _, then in rows))}
    else:
        decides |= {"decides": {output: list(options) for output, options in outputs.items()}}
    if aggregate is not None:
        decides["aggregate"] = aggregate
    return {**decides, "hit_policy": hit_policy, "title": name, "source": "test", "rules": rules}


def documents(
    facts: Mapping[str, object],
    decisions: Sequence[Mapping[str, object]] = (),
    *,
    figures: Mapping[str, str] | None = None,
    amounts: Mapping[str, object] | None = None,
    tables: Mapping[str, object] | None = None,
    **manifest: object,
) -> dict[str, object]:
    """The files of a base by name; each decision file has a name that sorts as the decisions are listed."""
    costs = {
        "amounts": {
            name: {"title": name, "value": value, "unit": "fraction", "source": "test"}
            for name, value in (amounts or {}).items()
        },
        "tables": dict(tables or {}),
        "figures": {name: figure(formula) for name, formula in (figures or {}).items()},
    }
    return {
        "knowledge.yaml": {"name": "test", "version": "1", "title": "Test", "base_units": ["thing"], **manifest},
        "facts.yaml": {"facts": dict(facts)},
        "costs.yaml": costs,
        **{f"decision_{index:03}.yaml": written for index, written in enumerate(decisions)},
    }


def loaded(files: Documents) -> Knowledge:
    """The base that these files make, written to a folder (JSON is YAML too) and read as any other base.

    Raises:
        BadInput: the files hold a mistake.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_text(json.dumps(content, indent=1), encoding="utf-8")
        return load_knowledge(folder)


def base(
    facts: Mapping[str, object],
    decisions: Sequence[Mapping[str, object]] = (),
    **more: Any,
) -> Knowledge:
    """A loaded base; see ``documents`` for the arguments."""
    return loaded(documents(facts, decisions, **more))


def case_of(_origin: Origin = "answered", /, **values: Value) -> Case:
    """A case with these values, all of one origin."""
    return Case("test", {name: Given(name, value, origin=_origin) for name, value in values.items()})


# Deciding


@dataclass(frozen=True, slots=True)
class Decided:
    """What one case came to.

    Args:
        fired: each row that decided, as its decision and index; from the engine in firing order.
        values: every name's value at the end.
        knowledge: the base that decided.
    """

    fired: tuple[tuple[str, int], ...]
    values: Mapping[str, Value]
    knowledge: Knowledge

    @property
    def ids(self) -> list[str]:
        """The id of each row that decided."""
        return [self.knowledge.decisions[name].rows[row].id for name, row in self.fired]


def decided_by_engine(pool: EnginePool, case: Case, told: Mapping[str, Value] | None = None) -> Decided:
    """The case decided by firing rules; what is ``told`` is learned when nothing more fires.

    Raises:
        InferenceError: rules contradict each other.
    """
    with pool.borrowed() as engine:
        memory = working_memory(engine.program.knowledge, case)
        with engine.session(memory) as session:
            fired = session.run()
            for name, value in (told or {}).items():
                session.learn(memory.conclude(name, value))
                fired += session.run()
    return Decided(tuple((row.decision, row.row) for row in fired), memory.values, memory.knowledge)


def decided_by_definition(knowledge: Knowledge, case: Case, told: Mapping[str, Value] | None = None) -> Decided:
    """The case decided by the plain evaluator, decision by decision, each after those it reads.

    Raises:
        InferenceError: rules contradict each other.
    """
    memory = working_memory(knowledge, case)
    for name, value in (told or {}).items():
        memory.conclude(name, value)
    decisive: list[tuple[str, int]] = []
    for name in knowledge.order:
        if name in knowledge.decisions:
            verdict = evaluate_decision(knowledge, name, memory.values, memory.origins)
            decisive += [(name, row) for row in verdict.decisive]
            for output, value in (verdict.outputs or {}).items():
                memory.conclude(output, value)
    return Decided(tuple(decisive), memory.values, knowledge)


# At random

#: Numbers where comparisons go wrong: ends, neighbours of round numbers, and all kinds of notation.
_NOTABLE = (
    *(0.0, 1.0, 2.0, 10.0, 0.1, 0.2, 0.3, 0.5, -1.0, -0.1, -1e-7, 1e-5, 1e-7, 1.5e-7, 5e-324, 1e-300),
    *(100_000.0, 49_999.999, 123_456_789.125, 1e15, -1e15, 2.0**53, 1e16, 1e22, 1.5e300, -1e22),
)
_WORDS = ("red", "green", "blue", "n0", "no colour")
_ORIGINS: tuple[Origin, ...] = ("answered", "assumed", "measured")
_STATES = ("unknown", "known", "given", "answered", "assumed", "measured", "computed")
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_POLICIES = ("first", "unique", "any", "collect", "rule order")
#: What decisions conclude: words, numbers (whose sums are exact) or truths.
_CONCLUDED: dict[str, tuple[object, ...]] = {
    "words": _WORDS,
    "numbers": (1.0, 2.5, 0.0, -3.0, 100_000.0),
    "truths": (True, False),
}


@dataclass(frozen=True, slots=True)
class RandomBase:
    """The files of a random base, and what a case of it may say.

    Args:
        files: documents by file name.
        facts: the declaration of each fact.
        constants: the numbers that its conditions compare with.
        signal: a name that is told once the rules have fired; None where there is none.
    """

    files: dict[str, object]
    facts: dict[str, dict[str, object]]
    constants: tuple[float, ...]
    signal: str | None


@dataclass(slots=True)
class _Vocabulary:
    """The names that the next expression may read."""

    constants: tuple[float, ...]
    numbers: list[str] = field(default_factory=list)
    truths: list[str] = field(default_factory=list)
    choices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)
    #: Numbers that need no conclusion, and all names whose state may be asked.
    early_numbers: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)


class _Writer:
    """Writes random expressions over a vocabulary; each ``depth`` bounds how far they nest."""

    def __init__(self, draw: st.DrawFn, words: _Vocabulary) -> None:
        self.draw = draw
        self.words = words

    def one_of(self, options: Sequence[Any]) -> Any:
        return options[self.draw(st.integers(0, len(options) - 1))]

    def chance(self, percent: int) -> bool:
        # The simplest draw is 0, so what is likely to matter less is written as "not chance".
        return self.draw(st.integers(0, 99)) >= 100 - percent

    def constant(self) -> str:
        return written(self.one_of(self.words.constants))

    def early_number(self) -> str:
        return str(self.one_of(self.words.early_numbers)) if self.words.early_numbers else self.constant()

    def number(self, depth: int) -> str:
        shapes = ["constant"] + ["name"] * 3 * bool(self.words.numbers)
        if depth:
            shapes += ["arithmetic"] * 4 + ["negative", "extreme", "conditional", "conditional", "first_known", "odd"]
            shapes += ["table"] * bool(self.words.tables)
        match self.one_of(shapes):
            case "name":
                return str(self.one_of(self.words.numbers))
            case "arithmetic":
                operator = self.one_of(("+", "-", "*", "/"))
                return f"({self.number(depth - 1)} {operator} {self.number(depth - 1)})"
            case "negative":
                return f"(-{self.number(depth - 1)})"
            case "extreme":
                return f"{self.one_of(('min', 'max'))}({self.number(depth - 1)}, {self.number(depth - 1)})"
            case "conditional":
                test = self.condition(depth - 1)
                return f"({self.number(depth - 1)} if {test} else {self.number(depth - 1)})"
            case "first_known":
                return f"first_known({self.early_number()}, {self.number(depth - 1)})"
            case "table":
                return f"{self.one_of(self.words.tables)}({self.number(depth - 1)})"
            case "odd":
                return str(self.one_of(("never", "unknown")))
            case _:
                return self.constant()

    def comparable(self, depth: int) -> str:
        """A number other than ``unknown`` itself, which the language refuses to compare with."""
        number = self.number(depth)
        return self.constant() if number == "unknown" else number

    def condition(self, depth: int) -> str:
        shapes = ["compare constant"] * 4 * bool(self.words.numbers)
        shapes += ["chain", "compare names"] * bool(self.words.numbers)
        shapes += ["truth"] * 2 * bool(self.words.truths)
        shapes += ["choice", "choice", "words", "choices"] * bool(self.words.choices)
        shapes += ["state"] * bool(self.words.early)
        if depth:
            shapes += ["not", "not", "and", "and", "and", "or", "or", "or", "arithmetic", "conditional"]
        match self.one_of(shapes or ["constant"]):
            case "compare constant":
                return self.compared_constant()
            case "chain":
                low, high = self.constant(), self.constant()
                first, second = self.one_of(("<", "<=")), self.one_of(("<", "<="))
                return f"({low} {first} {self.one_of(self.words.numbers)} {second} {high})"
            case "compare names":
                other = self.one_of([*self.words.numbers, "never"])
                return f"({self.one_of(self.words.numbers)} {self.one_of(_COMPARISONS)} {other})"
            case "truth":
                return self.compared_truth()
            case "choice" | "words" | "choices" as shape:
                return self.compared_choice(shape)
            case "state":
                state = f"{self.one_of(('', 'not '))}{self.one_of(_STATES)}"
                return f"({self.one_of(self.words.early)} is {state})"
            case "not":
                return f"(not {self.condition(depth - 1)})"
            case "and" | "or" as operator:
                parts = [self.condition(depth - 1) for _ in range(self.draw(st.integers(2, 3)))]
                return f"({f' {operator} '.join(parts)})"
            case "arithmetic":
                return f"({self.comparable(depth - 1)} {self.one_of(_COMPARISONS)} {self.comparable(depth - 1)})"
            case "conditional":
                parts = [self.condition(depth - 1) for _ in range(3)]
                return f"({parts[0]} if {parts[1]} else {parts[2]})"
            case _:
                return str(self.one_of(("true", "false")))

    def compared_constant(self) -> str:
        name, operator = self.one_of(self.words.numbers), self.one_of(_COMPARISONS)
        if self.chance(15):
            options = ", ".join(self.constant() for _ in range(self.draw(st.integers(1, 3))))
            return f"({name} {self.one_of(('in', 'not in'))} [{options}])"
        if self.chance(20):
            return f"({self.constant()} {operator} {name})"
        return f"({name} {operator} {self.constant()})"

    def compared_truth(self) -> str:
        name = self.one_of(self.words.truths)
        if self.chance(30):
            other = self.one_of([*self.words.truths, "true", "false"])
            return f"({name} {self.one_of(('==', '!='))} {other})"
        return str(name)

    def compared_choice(self, shape: str) -> str:
        name = self.one_of([*self.words.choices])
        words = self.words.choices[name]
        if shape == "words":
            options = ", ".join(json.dumps(self.one_of(words)) for _ in range(self.draw(st.integers(1, 3))))
            return f"({name} {self.one_of(('in', 'not in'))} [{options}])"
        other = self.one_of([*self.words.choices]) if shape == "choices" else json.dumps(self.one_of(words))
        return f"({name} {self.one_of(('==', '!='))} {other})"

    def partition(self, count: int) -> list[str]:
        """Conditions of which exactly one holds for a known number, some left out."""
        name, edges = self.one_of(self.words.numbers), sorted(set(self.words.constants))[: count + 1]
        parts = [f"{name} < {written(edges[0])}"]
        parts += [f"{written(low)} <= {name} < {written(high)}" for low, high in pairwise(edges)]
        return [*parts, f"{name} >= {written(edges[-1])}"][:count]


def written(value: float) -> str:
    """The number as an expression."""
    return repr(value)


@st.composite
def random_bases(draw: st.DrawFn) -> RandomBase:
    """Bases of 2 to 8 facts, up to 4 figures and 1 to 6 decisions that build on each other."""
    constants = tuple(draw(st.lists(st.sampled_from(_NOTABLE), min_size=3, max_size=6, unique=True)))
    words = _Vocabulary(constants)
    writer = _Writer(draw, words)
    amounts = {"amount": writer.one_of(constants)} if writer.chance(50) else {}
    tables = {"at": _random_table(writer)} if writer.chance(40) else {}
    words.numbers += amounts
    words.early_numbers += amounts
    words.tables += tables
    facts = dict(_random_fact(writer, index) for index in range(draw(st.integers(2, 7))))
    figures: dict[str, str] = {}
    for index in range(draw(st.integers(0, 2))):
        figures[f"early_{index}"] = writer.number(2)
        words.numbers.append(f"early_{index}")
        words.early_numbers.append(f"early_{index}")
        words.early.append(f"early_{index}")
    signal = "signal" if writer.chance(30) else None
    decisions: list[dict[str, object]] = []
    late = draw(st.integers(0, 2))
    for index in range(draw(st.integers(1, 6))):
        if signal and index and signal not in words.truths:
            words.truths.append(signal)
        decisions.append(_random_decision(writer, index))
        if len(figures) < 4 and late and writer.chance(50):
            late -= 1
            figures[f"late_{index}"] = writer.number(2)
            words.numbers.append(f"late_{index}")
    if writer.chance(30):
        facts["last"] = number(default=writer.number(1), default_source="test")
        words.numbers.append("last")
        decisions.append(_random_decision(writer, 6))
    manifest = {"could_turn": signal} if signal else {}
    shuffled = draw(st.permutations(decisions))
    files = documents(facts, shuffled, figures=figures, amounts=amounts, tables=tables, **manifest)
    return RandomBase(files, facts, constants, signal)


def _random_fact(writer: _Writer, index: int) -> tuple[str, dict[str, object]]:
    """A fact, declared and put into the vocabulary."""
    words, kind = writer.words, writer.one_of(("number", "number", "integer", "truth", "choice"))
    name = {"number": "n", "integer": "i", "truth": "t", "choice": "c"}[kind] + str(index)
    if kind == "choice":
        options = _WORDS[: writer.draw(st.integers(2, len(_WORDS)))]
        declared = choice(*options, **_random_default(writer, json.dumps(writer.one_of(options))))
        words.choices[name] = options
    elif kind == "truth":
        declared = truth(**_random_default(writer, writer.condition(1)))
        words.truths.append(name)
    else:
        whole = kind == "integer"
        bounds = _random_bounds(writer, whole=whole)
        declare = integer if whole else number
        declared = declare(**bounds, **_random_default(writer, _random_likely(writer, bounds, whole=whole)))
        words.numbers.append(name)
        words.early_numbers.append(name)
    words.early.append(name)
    return name, declared


def _random_default(writer: _Writer, default: object) -> dict[str, object]:
    return {"default": default, "default_source": "test"} if writer.chance(30) else {}


def _random_likely(writer: _Writer, bounds: Mapping[str, float], *, whole: bool) -> object:
    """A default for a number: a value, a range around it, or a formula."""
    low, high = _ends(bounds)
    fitting = [value for value in writer.words.constants if low <= value <= high and not (whole and value % 1)]
    likely = writer.one_of(fitting or [1.0])
    span = {"low": max(low, likely - 1), "likely": likely, "high": min(high, likely + 1)}
    return {"constant": likely, "range": span, "formula": writer.number(1)}[
        writer.one_of(("constant", "range", "formula"))
    ]


def _ends(bounds: Mapping[str, Any]) -> tuple[float, float]:
    """The least and the greatest value that a number with these bounds may have."""
    low = float(bounds.get("min", -LARGEST_NUMBER))
    if "above" in bounds:
        low = math.nextafter(bounds["above"], math.inf)
    return low, float(bounds.get("max", LARGEST_NUMBER))


def _random_bounds(writer: _Writer, *, whole: bool) -> dict[str, float]:
    shape = writer.one_of(("none", "from 0", "above 0", "fraction", "wide"))
    if whole and shape in ("fraction", "above 0"):
        shape = "from 0"
    bounds: dict[str, dict[str, float]] = {
        "none": {},
        "from 0": {"min": 0},
        "above 0": {"above": 0},
        "fraction": {"min": 0, "max": 1},
        "wide": {"min": -1_000_000, "max": 1_000_000},
    }
    return bounds[shape]


def _random_table(writer: _Writer) -> dict[str, object]:
    firsts = writer.draw(st.sets(st.sampled_from((0.5, 1, 10, 1_000, 1e5)), min_size=1, max_size=4))
    points = [(first, writer.one_of((0, 0.25, 3, 1e4, -2))) for first in sorted(firsts)]
    below = writer.one_of(("first row", "proportional"))
    return table(*points, below=below, above=writer.one_of(("last row", "proportional")))


def _random_decision(writer: _Writer, index: int) -> dict[str, object]:
    draw = writer.draw
    policy = writer.one_of(_POLICIES)
    count = draw(st.integers(1, 5))
    conditions = _random_rows(writer, policy, count)
    gathers = policy in ("collect", "rule order")
    names = [f"d{index}"] if gathers or writer.chance(75) else [f"d{index}", f"e{index}"]
    kinds = {name: writer.one_of(("words", "words", "numbers", "truths")) for name in names}
    outputs = {name: _CONCLUDED[kind][: draw(st.integers(1, 4))] for name, kind in kinds.items()}
    # Rows of `any` that agree are what it is for; a single value makes them agree.
    narrow = policy == "any" and writer.chance(60)
    concluded = [
        {name: options[0] if narrow else writer.one_of(options) for name, options in outputs.items()}
        for _ in conditions
    ]
    salience = [writer.one_of((0, 0, 5, -5)) for _ in conditions]
    aggregate = _random_aggregate(writer, kinds[names[0]]) if policy == "collect" else None
    if aggregate is not None:
        writer.words.numbers.append(names[0])
    elif not gathers:
        _remember(writer.words, outputs, kinds)
    if aggregate is not None or (len(names) == 1 and writer.chance(50)):
        # One output is declared by its name with its values beside it.
        rows = [(when, then[names[0]]) for when, then in zip(conditions, concluded, strict=True)]
        return decision(names[0], policy, rows, values=outputs[names[0]], salience=salience, aggregate=aggregate)
    several = list(zip(conditions, concluded, strict=True))
    return decision(f"d{index}", policy, several, outputs=outputs, salience=salience)


def _random_rows(writer: _Writer, policy: str, count: int) -> list[str]:
    if policy in ("unique", "any") and writer.words.numbers and not writer.chance(25):
        conditions = writer.partition(count)
    else:
        conditions = [writer.condition(2) for _ in range(count)]
        if writer.chance(10):
            conditions[0] = writer.condition(3)
    if writer.chance(30):
        conditions[-1] = "otherwise"
    elif policy == "first" and writer.chance(30):
        conditions[-1] = "true"
    return conditions


def _random_aggregate(writer: _Writer, kind: str) -> str | None:
    options = ("sum", "min", "max", "count") if kind == "numbers" else ("count",)
    return str(writer.one_of(options)) if writer.chance(50) else None


def _remember(words: _Vocabulary, outputs: Mapping[str, tuple[object, ...]], kinds: Mapping[str, str]) -> None:
    """Let later conditions read what a decision concludes."""
    for name, options in outputs.items():
        match kinds[name]:
            case "numbers":
                words.numbers.append(name)
            case "truths":
                words.truths.append(name)
            case _:
                words.choices[name] = tuple(map(str, options))


#: Facts of each type for random conditions.
CONDITION_FACTS: dict[str, dict[str, object]] = {
    "n0": number(),
    "n1": number(),
    "i0": integer(),
    "t0": truth(),
    "t1": truth(),
    "c0": choice("red", "green"),
    "c1": choice("green", "red", "no colour"),
}
CONDITION_CONSTANTS = (0.0, 0.3, 2.0, 1e-7, -1.0, 100_000.0)


@st.composite
def random_conditions(draw: st.DrawFn, depth: int = 3, *, states: bool = True) -> str:
    """Conditions over ``CONDITION_FACTS``, with or without ``x is known`` and its kind."""
    numbers, truths = ["n0", "n1", "i0"], ["t0", "t1"]
    choices = {"c0": ("red", "green"), "c1": ("green", "red", "no colour")}
    early = list(CONDITION_FACTS) if states else []
    words = _Vocabulary(CONDITION_CONSTANTS, list(numbers), truths, choices, ["at"], list(numbers), early)
    return _Writer(draw, words).condition(depth)


def random_condition_cases(*, unknown: bool = True) -> st.SearchStrategy[Case]:
    """Cases of ``CONDITION_FACTS``, in which any fact may be unknown or none is."""
    random = RandomBase({}, CONDITION_FACTS, CONDITION_CONSTANTS, None)
    complete = random_cases(random).filter(lambda case: all(fact.value is not None for fact in case.given.values()))
    return random_cases(random) if unknown else complete.filter(lambda case: len(case.given) == len(CONDITION_FACTS))


#: Few facts and values, so that the comparisons of a condition often overlap, imply and exclude each other.
OVERLAPPING_FACTS: dict[str, dict[str, object]] = {"x": number(), "c": choice("red", "green", "blue"), "t": truth()}
OVERLAPPING_VALUES: dict[str, tuple[Value, ...]] = {
    "x": (None, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5),
    "c": (None, "red", "green", "blue"),
    "t": (None, True, False),
}


def overlapping_conditions() -> st.SearchStrategy[str]:
    """Conditions over ``OVERLAPPING_FACTS``, of nothing but comparisons with constants."""
    constants, words = st.sampled_from(("1", "2", "3")), st.sampled_from(("red", "green", "blue"))
    literal = st.one_of(
        st.builds("x {} {}".format, st.sampled_from(_COMPARISONS), constants),
        st.builds("x {} [{}, {}]".format, st.sampled_from(("in", "not in")), constants, constants),
        st.builds("c {} {}".format, st.sampled_from(("==", "!=")), words),
        st.builds("c {} [{}, {}]".format, st.sampled_from(("in", "not in")), words, words),
        st.sampled_from(("t", "not t", "t == false", "true", "false")),
    )

    def joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        several = st.lists(parts, min_size=2, max_size=4)
        return st.one_of(
            several.map(lambda found: f"({' and '.join(found)})"),
            several.map(lambda found: f"({' or '.join(found)})"),
            parts.map(lambda found: f"not ({found})"),
        )

    return st.recursive(literal, joined, max_leaves=10)


@st.composite
def random_cases(draw: st.DrawFn, random: RandomBase) -> Case:
    """Cases whose numbers are mostly the thresholds themselves, their neighbours and the ends of the bounds."""
    given = {}
    for name, declared in random.facts.items():
        how = draw(st.integers(0, 9))
        if how == 0:
            continue
        value = None if how == 1 else draw(_random_value(declared, random.constants))
        given[name] = Given(name, value, origin=draw(st.sampled_from(_ORIGINS)))
    return Case("random", given)


def _random_value(declared: Mapping[str, Any], constants: Sequence[float]) -> st.SearchStrategy[Value]:
    if declared["type"] == "yes/no":
        return st.booleans()
    if declared["type"] == "choice":
        return st.sampled_from(list(declared["choices"]))
    low, high = _ends(declared)
    if declared["type"] == "integer":
        near = {float(round(constant) + step) for constant in constants for step in (-1, 0, 1)}
        near |= {low, high}
        free: st.SearchStrategy[float] = st.integers(math.ceil(low), math.floor(high)).map(float)
    else:
        near = {math.nextafter(constant, way) for constant in constants for way in (-math.inf, constant, math.inf)}
        near |= {low, high, 1e-7, 5e-324, 0.1 + 0.2}
        free = st.floats(low, high)
    within = sorted(value for value in near if low <= value <= high)
    return st.one_of(st.sampled_from(within), st.sampled_from(within), free)


@st.composite
def random_bases_with_cases(draw: st.DrawFn, cases: int = 8) -> tuple[RandomBase, list[Case]]:
    """A random base with as many cases of it."""
    random = draw(random_bases())
    return random, [draw(random_cases(random)) for _ in range(cases)]
