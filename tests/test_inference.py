from __future__ import annotations

import itertools
import json
import locale
import math
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.case import Case, case_from_mapping
from engine.costs import working_memory
from engine.errors import InferenceError
from engine.inference import (
    MOST_NAMES,
    MOST_NAMES_A_SLOT,
    MOST_RULES,
    MOST_SLOTS,
    CompileError,
    Engine,
    EnginePool,
    Program,
    Session,
    _load_module,
    _refuse_hash_collisions,
)
from engine.knowledge import Knowledge, load_knowledge
from engine.language import generate
from engine.language.evaluate import COMPARE, Value
from tests.strategies import (
    OVERLAPPING_FACTS,
    OVERLAPPING_VALUES,
    Decided,
    RandomBase,
    base,
    case_of,
    choice,
    decided_by_definition,
    decided_by_engine,
    decision,
    loaded,
    number,
    overlapping_conditions,
    random_bases_with_cases,
    table,
    truth,
    written,
)

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def pool_of(knowledge: Knowledge) -> Iterator[EnginePool]:
    pool = EnginePool(knowledge)
    try:
        yield pool
    finally:
        pool.close()


def decided(knowledge: Knowledge, case: Case, told: Mapping[str, Value] | None = None) -> Decided:
    """The case decided by the engine, and confirmed by the plain evaluator."""
    with pool_of(knowledge) as pool:
        return confirmed(pool, knowledge, case, told)


def confirmed(pool: EnginePool, knowledge: Knowledge, case: Case, told: Mapping[str, Value] | None = None) -> Decided:
    found = decided_by_engine(pool, case, told)
    expected = decided_by_definition(knowledge, case, told)
    assert sorted(found.fired) == sorted(expected.fired)
    assert found.values == expected.values
    return found


def in_child(expression: str, **environment: str) -> object:
    """What a function of this module returns in a process of its own, as JSON."""
    code = f"import json\nfrom tests import test_inference as t\nprint(json.dumps(t.{expression}))"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


# Double entry


@dataclass
class Tally:
    """What the random cases came to, to see that they are worth something."""

    pairs: int = 0
    contradictions: int = 0
    fired: Counter[str] = field(default_factory=Counter)


def compare_entries(random: RandomBase, cases: list[Case], told: Mapping[str, Value], tally: Tally) -> None:
    knowledge = loaded(random.files)
    with pool_of(knowledge) as pool:
        for case in cases:
            tally.pairs += 1
            try:
                expected = decided_by_definition(knowledge, case, told)
            except InferenceError:
                tally.contradictions += 1
                with pytest.raises(InferenceError):
                    decided_by_engine(pool, case, told)
                continue
            found = decided_by_engine(pool, case, told)
            assert len(set(found.fired)) == len(found.fired)
            assert sorted(found.fired) == sorted(expected.fired)
            assert found.values == expected.values
            tally.fired.update(knowledge.decisions[name].policy for name, _ in found.fired)


def test_engine_on_random_bases_and_cases_agrees_with_the_plain_evaluator(monkeypatch: pytest.MonkeyPatch) -> None:
    # Most cases of each base are decided by generated functions, which otherwise take over after hundreds.
    monkeypatch.setattr(generate, "OFTEN", 2)
    tally = Tally()

    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), report_multiple_bugs=False)
    @given(random_bases_with_cases(cases=8), st.booleans())
    def check(drawn: tuple[RandomBase, list[Case]], signal: bool) -> None:
        random, cases = drawn
        compare_entries(random, cases, {random.signal: signal} if random.signal else {}, tally)

    check()
    print(  # noqa: T201 - how much was checked, for whoever runs pytest -s
        f"{tally.pairs:,} random cases, {tally.contradictions} of them contradictions; fired: {dict(tally.fired)}"
    )
    assert tally.pairs >= 2_000
    assert tally.contradictions < tally.pairs / 4
    assert min(tally.fired[policy] for policy in ("first", "unique", "any", "collect")) >= 50


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), report_multiple_bugs=False)
@given(st.lists(overlapping_conditions(), min_size=4, max_size=8), st.integers(0, 4))
def test_conditions_whose_comparisons_overlap_when_folded_agree_with_the_evaluator(
    conditions: list[str], split: int
) -> None:
    rows = [(condition, "a") for condition in conditions]
    decisions = [decision("d", "first", [*rows[:split], ("true", "b")]), decision("e", "collect", rows)]
    knowledge = base(OVERLAPPING_FACTS, decisions)
    with pool_of(knowledge) as pool:
        for values in itertools.product(*OVERLAPPING_VALUES.values()):
            confirmed(pool, knowledge, case_of(**dict(zip(OVERLAPPING_VALUES, values, strict=True))))


CONTRADICTIONS = {
    "unique, two conclusions": ("unique", "low", "high"),
    "unique, one conclusion twice": ("unique", "low", "low"),
    "any, two conclusions": ("any", "low", "high"),
}


@pytest.mark.parametrize(("policy", "one", "other"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_rules_that_contradict_each_other_when_both_hold_are_refused_by_both_entries(
    policy: str, one: str, other: str
) -> None:
    knowledge = base({"x": number()}, [decision("level", policy, [("x < 5", one), ("x < 4", other)])])
    with pool_of(knowledge) as pool:
        assert confirmed(pool, knowledge, case_of(x=4.0)).ids == ["level-0"]
        with pytest.raises(InferenceError, match="level-1"):
            decided_by_engine(pool, case_of(x=3.0))
        with pytest.raises(InferenceError, match="level-0 and level-1"):
            decided_by_definition(knowledge, case_of(x=3.0))
        assert confirmed(pool, knowledge, case_of(x=4.0)).ids == ["level-0"]


def test_rules_of_an_any_decision_when_they_agree_all_fire() -> None:
    knowledge = base({"x": number()}, [decision("level", "any", [("x < 5", "low"), ("x < 4", "low")])])
    assert decided(knowledge, case_of(x=3.0)).ids == ["level-0", "level-1"]


def test_rule_of_several_outputs_when_it_fires_concludes_each() -> None:
    outputs = {"verdict": ["go", "stop"], "reason": ["price", "time"]}
    rows = [("x < 5", {"verdict": "stop", "reason": "time"}), ("true", {"verdict": "go", "reason": "price"})]
    knowledge = base({"x": number()}, [decision("verdict", "first", rows, outputs=outputs)])
    values = decided(knowledge, case_of(x=5.0)).values
    assert (values["verdict"], values["reason"]) == ("go", "price")


def test_alternatives_of_a_rule_when_all_hold_fire_it_once() -> None:
    knowledge = base({"x": number()}, [decision("d", "collect", [("x < 5 or x < 6 or x in [1, 2]", "a")])])
    assert decided(knowledge, case_of(x=1.0)).ids == ["d-0"]


FIRST = {
    "an earlier row holds": ({"x": 1.0, "y": 1.0}, ["d-0"]),
    "an earlier row fails": ({"x": 9.0, "y": 1.0}, ["d-1"]),
    "all rows but the last fail": ({"x": 9.0, "y": 9.0}, ["d-2"]),
    "an earlier row is unknown": ({"y": 1.0}, []),
    "a row between is unknown": ({"x": 9.0}, []),
    "a later row is unknown": ({"x": 1.0}, ["d-0"]),
}


@pytest.mark.parametrize(("values", "expected"), FIRST.values(), ids=FIRST)
def test_first_row_when_earlier_rows_are_known_to_fail_decides(values: dict[str, Value], expected: list[str]) -> None:
    rows = [("x < 5", "a"), ("y < 5", "b"), ("true", "c")]
    assert (
        decided(base({"x": number(), "y": number()}, [decision("d", "first", rows)]), case_of(**values)).ids == expected
    )


def test_figure_that_needs_a_conclusion_when_concluded_lets_rules_fire_on_it() -> None:
    knowledge = base(
        {"x": number()},
        [
            decision("size", "first", [("cost > 15", "large"), ("true", "small")]),
            decision("kind", "first", [("x < 5", "cheap"), ("true", "dear")]),
        ],
        figures={"cost": "10 if kind == cheap else 20"},
    )
    assert decided(knowledge, case_of(x=1.0)).ids == ["kind-0", "size-1"]
    assert decided(knowledge, case_of(x=9.0)).ids == ["kind-1", "size-0"]


def test_name_told_after_the_rules_fired_when_learned_lets_the_rest_fire() -> None:
    knowledge = base(
        {"x": number()},
        [
            decision("answer", "first", [("x < 5", "prompt"), ("true", "tune")]),
            decision("strength", "first", [("shaky", "weak"), ("answer == tune", "strong"), ("true", "fair")]),
        ],
        could_turn="shaky",
    )
    assert decided(knowledge, case_of(x=9.0)).ids == ["answer-1"]
    assert decided(knowledge, case_of(x=9.0), {"shaky": True}).ids == ["answer-1", "strength-0"]
    assert decided(knowledge, case_of(x=9.0), {"shaky": False}).ids == ["answer-1", "strength-1"]


# Order


def test_decisions_when_salience_differs_fire_the_higher_first() -> None:
    low = decision("low", "first", [("x < 5", "a")])
    high = decision("high", "first", [("x < 5", "a")], salience=[1])
    knowledge = base({"x": number()}, [low, high])
    assert decided(knowledge, case_of(x=1.0)).ids == ["high-0", "low-0"]


def test_rows_of_a_collect_decision_when_salience_differs_fire_the_higher_first() -> None:
    rows = [("x < 5", "a"), ("x < 6", "b"), ("x < 7", "c")]
    knowledge = base({"x": number()}, [decision("d", "collect", rows, salience=[0, -1, 5])])
    assert decided(knowledge, case_of(x=1.0)).ids == ["d-2", "d-0", "d-1"]


def test_rows_when_salience_is_equal_fire_in_file_order() -> None:
    rows = [(f"x < {limit}", "a") for limit in (9, 3, 7, 5)]
    knowledge = base({"x": number()}, [decision("d", "collect", rows)])
    assert decided(knowledge, case_of(x=1.0)).ids == ["d-0", "d-1", "d-2", "d-3"]


def shipped_order() -> list[object]:
    """In what order the built-in base is worked out, and the firings of a case much like the source's second one."""
    knowledge = load_knowledge()
    answers: dict[str, object] = {
        "requests_per_month": 200_000,
        "has_ml_engineering": True,
        "accuracy_is_critical": True,
        "labeled_examples": 5_000,
        "domain_changes_often": False,
        "prompt_accuracy": 0.82,
        "fine_tuned_accuracy": 0.94,
        "cost_per_error": 150,
        "regulated_domain": "financial",
        "months_in_production": 7,
    }
    with pool_of(knowledge) as pool:
        return [knowledge.order, decided_by_engine(pool, case_from_mapping(answers, knowledge.facts, "case")).ids]


def branching_order() -> list[object]:
    """The same of a base whose decisions need nothing of each other."""
    facts = {f"x{index}": number() for index in range(10)}
    every = decision("every", "first", [(" and ".join(f"{name} < 5" for name in facts), "a")])
    each = [decision(f"about_{name}", "first", [(f"{name} < 5", "a")]) for name in facts]
    knowledge = base(facts, [every, *each])
    with pool_of(knowledge) as pool:
        return [knowledge.order, decided_by_engine(pool, case_of(**dict.fromkeys(facts, 1.0))).ids]


@pytest.mark.parametrize("order", ["shipped_order()", "branching_order()"])
def test_firing_order_when_names_hash_differently_stays_the_same(order: str) -> None:
    first, *others = (in_child(order, PYTHONHASHSEED=seed) for seed in ("0", "1", "4242"))
    assert isinstance(first, list)
    assert len(first[1]) > 8
    assert others == [first, first]


# Memory


def everyday_base() -> Knowledge:
    """A small base with each hit policy, a chain, a figure that waits for a conclusion, and truths in Python."""
    facts = {
        "x": number(),
        "y": number(default="x / 2", default_source="test"),
        "ready": truth(),
        "kind": choice("red", "green", "blue"),
        "rare": number(),
    }
    decisions = [
        decision("size", "first", [("x < 10", "small"), ("x < 100 and not ready", "middle"), ("true", "large")]),
        decision("band", "unique", [("cost < 20", "low"), ("20 <= cost < 60", "mid"), ("cost >= 60", "high")]),
        decision("mood", "any", [("size == small", "calm"), ("ready and kind == red", "calm"), ("rare > 3", "calm")]),
        decision(
            "notes",
            "collect",
            [
                ("x > y", "more"),
                ("kind in [red, blue]", "coloured"),
                ("rare is unknown", "unsaid"),
                ("band == high", "dear"),
            ],
        ),
    ]
    return base(facts, decisions, figures={"cost": "x + (50 if size == large else 10)"})


def everyday_cases(count: int) -> Iterator[Case]:
    for index in range(count):
        values: dict[str, Value] = {
            "x": index % 150 + 0.5,
            "ready": index % 3 == 0,
            "kind": ("red", "green")[index % 2],
        }
        if index % 5 == 0:
            values["rare"] = index % 7 + 1e-7
        if index % 11 == 0:
            del values["x"]
        yield case_of(**values)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def growth_of_one_pool(warming: int, cases: int) -> int:
    """How many bytes a process grows over this many cases."""
    with pool_of(everyday_base()) as pool:
        for case in everyday_cases(warming):
            decided_by_engine(pool, case)
        before = resident_bytes()
        for case in everyday_cases(cases):
            decided_by_engine(pool, case)
        return resident_bytes() - before


def growth_of_many_engines(cases: int, *, freeing: bool) -> int:
    """How many bytes a process grows where each case has an engine of its own, which is closed after it."""
    program = Program(everyday_base())
    if not freeing:
        setattr(Session, "free", lambda _session: None)  # noqa: B010 - to see what it is there for
    before = 0
    for index, case in enumerate(everyday_cases(cases + 20)):
        before = resident_bytes() if index == 20 else before
        engine = Engine(program)
        with engine.session(working_memory(program.knowledge, case)) as session:
            session.run()
        engine.close()
    return resident_bytes() - before


def growth_of_contradictions(cases: int) -> int:
    """How many bytes a process grows over cases whose rules contradict each other."""
    rows = [(f"x < {limit}", word) for limit, word in ((5, "low"), (4, "high"))]
    more = [(f"x < {limit} and y < {limit}", "a") for limit in range(10, 110)]
    knowledge = base({"x": number(), "y": number()}, [decision("d", "unique", rows), decision("e", "collect", more)])
    before = 0
    with pool_of(knowledge) as pool:
        for index in range(cases + 20):
            before = resident_bytes() if index == 20 else before
            with pytest.raises(InferenceError):
                decided_by_engine(pool, case_of(x=1.0, y=1.0))
    return resident_bytes() - before


MEASURABLE = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="the size of a process is read from /proc"
)
ROOM_BYTES = 3_000_000


@MEASURABLE
def test_process_when_it_decides_20_000_cases_does_not_grow() -> None:
    growth = in_child("growth_of_one_pool(2_000, 20_000)")
    assert isinstance(growth, int)
    assert growth < ROOM_BYTES


@MEASURABLE
def test_process_when_state_is_freed_does_not_grow_and_otherwise_does() -> None:
    freed, kept = (in_child(f"growth_of_many_engines(200, freeing={freeing})") for freeing in (True, False))
    assert isinstance(freed, int)
    assert isinstance(kept, int)
    assert freed < ROOM_BYTES < kept


@MEASURABLE
def test_process_when_rules_contradict_each_other_does_not_grow() -> None:
    growth = in_child("growth_of_contradictions(200)")
    assert isinstance(growth, int)
    assert growth < ROOM_BYTES


# The pool


def shifted_base(limit: float) -> Knowledge:
    """A base whose outcome shows which one decided."""
    rows = [(f"x < {written(limit)}", "low"), ("true", "high")]
    chained = [("level == low", "a"), ("level == high and x < 70", "b"), ("true", "c")]
    return base({"x": number()}, [decision("level", "first", rows), decision("letter", "first", chained)])


def test_pool_when_threads_decide_and_others_reload_gives_each_case_one_base_and_its_answer() -> None:
    bases = [shifted_base(20.5), shifted_base(50.5)]
    cases = [case_of(x=float(value)) for value in range(100)]
    expected = {
        (id(knowledge), index): decided_by_definition(knowledge, case).ids
        for knowledge in bases
        for index, case in enumerate(cases)
    }
    pool = EnginePool(bases[0])
    finished = threading.Event()
    reloads = 0
    seen: Counter[int] = Counter()

    def decide(start: int) -> int:
        for step in range(300):
            index = (start * 37 + step) % len(cases)
            found = decided_by_engine(pool, cases[index])
            assert found.ids == expected[id(found.knowledge), index]
            seen[id(found.knowledge)] += 1
        return start

    def reload() -> None:
        nonlocal reloads
        while not finished.wait(0.002):
            reloads += 1
            pool.reload(bases[reloads % 2])

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(9) as threads:
            reloading = threads.submit(reload)
            try:
                assert list(threads.map(decide, range(8))) == list(range(8))
            finally:
                finished.set()
            reloading.result()
    finally:
        sys.setswitchinterval(interval)
        pool.close()
    assert reloads > 3
    assert set(seen) == {id(knowledge) for knowledge in bases}


def test_pool_when_a_case_is_done_lends_the_same_engine_again() -> None:
    with pool_of(shifted_base(20.5)) as pool:
        with pool.borrowed() as first, pool.borrowed() as second:
            assert first is not second
        with pool.borrowed() as third:
            assert third in (first, second)
            assert third.usable


def test_engine_when_its_session_raised_is_closed_and_not_lent_again() -> None:
    knowledge = shifted_base(20.5)
    lent = []

    def fail(pool: EnginePool) -> None:
        with pool.borrowed() as engine, engine.session(working_memory(knowledge, case_of(x=1.0))) as session:
            lent.append(engine)
            session.run()
            raise ZeroDivisionError

    with pool_of(knowledge) as pool:
        with pytest.raises(ZeroDivisionError):
            fail(pool)
        assert not lent[0].usable
        with pool.borrowed() as other:
            assert other is not lent[0]
        assert confirmed(pool, knowledge, case_of(x=1.0)).ids == ["level-0", "letter-0"]


def test_engine_when_the_rules_were_reloaded_meanwhile_is_closed_as_it_comes_back() -> None:
    with pool_of(shifted_base(20.5)) as pool:
        with pool.borrowed() as engine:
            pool.reload(shifted_base(50.5))
            assert decided_with(engine, case_of(x=30.0)) == ["level-1", "letter-1"]
        assert not engine.usable
        assert decided_by_engine(pool, case_of(x=30.0)).ids == ["level-0", "letter-0"]


def decided_with(engine: Engine, case: Case) -> list[str]:
    knowledge = engine.program.knowledge
    with engine.session(working_memory(knowledge, case)) as session:
        return [knowledge.decisions[row.decision].rows[row.row].id for row in session.run()]


def test_pool_when_more_engines_come_back_than_it_keeps_closes_the_rest() -> None:
    pool = EnginePool(shifted_base(20.5), most_idle=1)
    with pool.borrowed() as first, pool.borrowed() as second:
        pass
    assert second.usable
    assert not first.usable
    pool.close()


def too_large_base() -> Knowledge:
    facts = {f"x{index}": truth() for index in range(MOST_NAMES + 1)}
    return base(facts, [decision("large", "collect", [(name, "a") for name in facts])])


def test_pool_when_reloaded_with_a_base_too_large_names_a_rule_and_keeps_deciding() -> None:
    knowledge = shifted_base(20.5)
    with pool_of(knowledge) as pool:
        with pytest.raises(CompileError, match=rf"^large-{MOST_NAMES}: more than {MOST_NAMES} names"):
            pool.reload(too_large_base())
        assert pool.knowledge is knowledge
        assert confirmed(pool, knowledge, case_of(x=1.0)).ids == ["level-0", "letter-0"]


def test_pool_when_closed_twice_stays_closed() -> None:
    pool = EnginePool(shifted_base(20.5))
    with pool.borrowed() as engine:
        pass
    pool.close()
    pool.close()
    engine.close()
    assert not engine.usable


# Limits


@pytest.mark.parametrize("count", [MOST_SLOTS, MOST_SLOTS + 1, MOST_NAMES_A_SLOT, MOST_NAMES_A_SLOT + 1, 120, 200])
def test_rule_with_many_conditions_when_all_hold_fires_and_not_when_one_fails(count: int) -> None:
    facts = {f"x{index}": truth() for index in range(count)}
    knowledge = base(facts, [decision("wide", "first", [(" and ".join(facts), "a"), ("true", "b")])])
    everything = dict.fromkeys(facts, True)
    with pool_of(knowledge) as pool:
        assert confirmed(pool, knowledge, case_of(**everything)).ids == ["wide-0"]
        for name in [*list(facts)[:: max(1, count // 20)], f"x{count - 1}"]:
            assert confirmed(pool, knowledge, case_of(**{**everything, name: False})).ids == ["wide-1"]
            assert confirmed(pool, knowledge, case_of(**{**everything, name: None})).ids == []


@pytest.mark.parametrize("count", [MOST_SLOTS, MOST_SLOTS + 1, 2 * MOST_SLOTS, 3 * MOST_SLOTS + 2])
def test_rule_that_waits_for_many_decisions_when_all_are_made_fires(count: int) -> None:
    facts = {f"x{index}": truth() for index in range(count)}
    made = [decision(f"d{index}", "first", [(name, "a"), ("true", "b")]) for index, name in enumerate(facts)]
    asked = " and ".join([*(f"d{index} == a" for index in range(count)), "x0"])
    knowledge = base(facts, [*made, decision("wide", "first", [(asked, "a"), ("true", "b")])])
    everything = dict.fromkeys(facts, True)
    with pool_of(knowledge) as pool:
        assert confirmed(pool, knowledge, case_of(**everything)).ids[-1] == "wide-0"
        for name in facts:
            assert confirmed(pool, knowledge, case_of(**{**everything, name: False})).ids[-1] == "wide-1"


@pytest.mark.parametrize("count", [MOST_SLOTS, MOST_SLOTS + 1, 40])
def test_row_of_first_whose_alternatives_fail_in_many_ways_agrees_with_the_evaluator(count: int) -> None:
    pairs = " or ".join(f"(x == {index} and y == {index})" for index in range(count))
    knowledge = base({"x": number(), "y": number()}, [decision("wide", "first", [(pairs, "a"), ("true", "b")])])
    with pool_of(knowledge) as pool:
        for x, y in itertools.product((0.0, 5.0, count - 1.0, count, None), repeat=2):
            confirmed(pool, knowledge, case_of(x=x, y=y))


def test_rule_with_many_conditions_on_one_fact_when_compiled_is_one_condition_to_the_engine() -> None:
    excluded = ", ".join(str(value) for value in range(100))
    knowledge = base({"x": number()}, [decision("d", "first", [(f"x not in [{excluded}]", "a"), ("true", "b")])])
    with pool_of(knowledge) as pool:
        for value in (-1.0, 0.0, 50.0, 50.5, 99.0, 100.0):
            confirmed(pool, knowledge, case_of(x=value))


def test_base_with_more_names_than_the_engine_holds_when_compiled_names_a_rule() -> None:
    facts = {f"x{index}": truth() for index in range(MOST_NAMES + 1)}
    rows = [(name, "a") for name in facts]
    with pytest.raises(CompileError, match=f"d-{MOST_NAMES}: more than {MOST_NAMES} names"):
        Program(base(facts, [decision("d", "collect", rows)]))


def test_base_with_hundreds_of_facts_when_all_are_read_agrees_with_the_evaluator() -> None:
    facts = {f"x{index}": number() for index in range(300)}
    rows = [(f"{name} < 5", "a") for name in facts] + [(f"{name} < x0 + 1", "b") for name in list(facts)[:80]]
    knowledge = base(facts, [decision("d", "collect", rows)])
    with pool_of(knowledge) as pool:
        for step in (1, 2, 7):
            some: dict[str, Value] = {name: float(index % 9) for index, name in enumerate(facts) if index % step == 0}
            assert len(confirmed(pool, knowledge, case_of(**some)).fired) > 300 / step / 2
        assert confirmed(pool, knowledge, case_of()).fired == ()


def test_base_with_more_rules_than_the_engine_holds_when_compiled_is_refused() -> None:
    several = " or ".join(f"x == {index}" for index in range(50))
    rows = [(several, "a")] * (MOST_RULES // 50 + 1)
    with pytest.raises(CompileError, match="engine rules; at most 4,000"):
        Program(base({"x": number()}, [decision("d", "collect", rows)]))


SHARED = {
    "thresholds of one fact, each its own": lambda limit: f"x < {limit}",
    "both ends of a span, each its own": lambda limit: f"{limit} <= x < {limit + 1}",
    "three tests of one fact at once": lambda limit: f"x >= {limit} and x < {limit + 1_000} and x != {limit + 5}",
    "the same test in every row": lambda _limit: "x >= 10",
    "values of one fact": lambda limit: f"x == {limit}",
}


@pytest.mark.parametrize("policy", ["first", "collect"])
@pytest.mark.parametrize("rows", [39, 40, 41, 64, 65, 300])
@pytest.mark.parametrize("condition", SHARED.values(), ids=SHARED)
def test_rows_that_read_one_fact_when_there_are_many_agree_with_the_evaluator(
    condition: Callable[[int], str], rows: int, policy: str
) -> None:
    written_rows = [(condition(limit), "a") for limit in range(rows)]
    knowledge = base({"x": number()}, [decision("d", policy, written_rows)])
    with pool_of(knowledge) as pool:
        for value in (None, -1.0, 0.0, 0.5, 5.0, 38.0, 39.0, 40.0, 63.999, 64.0, 299.0, 299.5, 300.0, 1_200.0):
            confirmed(pool, knowledge, case_of(x=value))


def test_rows_of_a_unique_decision_when_there_are_300_agree_with_the_evaluator() -> None:
    rows = [(f"{limit} <= x < {limit + 1}", ("odd", "even")[limit % 2]) for limit in range(300)]
    knowledge = base({"x": number()}, [decision("d", "unique", rows)])
    assert len(Program(knowledge).codes["x"]) > 300 / 64
    with pool_of(knowledge) as pool:
        for value in (0.0, 39.0, 39.999, 40.0, 64.0, 150.5, 299.0):
            assert confirmed(pool, knowledge, case_of(x=value)).ids == [f"d-{math.floor(value)}"]
        assert confirmed(pool, knowledge, case_of(x=300.0)).ids == []


LARGE = {
    "an or of 30 alternatives": " or ".join(f"x{index % 10} == {index}" for index in range(30)),
    "an or of 14 pairs": " or ".join(f"(x{index % 10} > {index} and x{index % 7} < {index})" for index in range(14)),
    "an and of ors": " and ".join(f"(x{index} > 5 or x{index + 1} < 9 or t{index % 3})" for index in range(9)),
    "ors in ands in ors": " or ".join(
        f"((x{index} > 5 or t0) and (x{index} < 20 or t1) and (x{index} != 7 or t2) and (x{index} > 1 or not t0))"
        for index in range(6)
    ),
    "a negated and of ors": "not (" + " and ".join(f"(x{index} > 5 or t{index % 3})" for index in range(10)) + ")",
    "nested twelve deep": "".join(f"(x{index % 10} > 5 {('and', 'or')[index % 2]} " for index in range(12))
    + "t0"
    + ")" * 12,
}


@pytest.mark.parametrize("policy", ["first", "collect"])
@pytest.mark.parametrize("condition", LARGE.values(), ids=LARGE)
def test_large_condition_when_its_alternatives_would_multiply_agrees_with_the_evaluator(
    condition: str, policy: str
) -> None:
    facts = {f"x{index}": number() for index in range(10)} | {f"t{index}": truth() for index in range(3)}
    knowledge = base(facts, [decision("d", policy, [(condition, "a"), ("true", "b")])])
    outcomes = Counter[tuple[str, ...]]()
    with pool_of(knowledge) as pool:
        for step in range(120):
            numbers: dict[str, Value] = {f"x{index}": float((step * (index + 3)) % 31) for index in range(10)}
            truths: dict[str, Value] = {
                f"t{index}": (None, True, False)[(step // (index + 1)) % 3] for index in range(3)
            }
            numbers[f"x{step % 10}"] = None if step % 4 == 0 else 7.0
            outcomes[tuple(confirmed(pool, knowledge, case_of(**numbers, **truths)).ids)] += 1
    assert len(outcomes) > 1


# What crosses into the engine

LARGEST = sys.float_info.max


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=8, max_size=8, unique=True),
    st.lists(st.floats(allow_nan=False, allow_infinity=False, max_value=1e308), min_size=8, max_size=8),
)
def test_numbers_when_the_engine_compares_them_compare_as_in_python(limits: list[float], values: list[float]) -> None:
    limits = [*limits, 1e-07, 1e16, 5e-324, 0.1]
    values += [near for limit in limits for near in (limit, math.nextafter(limit, 0), -limit)]
    tests = [(limit, operator) for limit in limits for operator in COMPARE]
    rows = [(f"x {operator} {written(limit)}", "a") for limit, operator in tests]
    knowledge = base({"x": number(min=-LARGEST, max=LARGEST)}, [decision("d", "collect", rows)])
    with pool_of(knowledge) as pool:
        for value in values:
            expected = [index for index, (limit, operator) in enumerate(tests) if COMPARE[operator](value, limit)]
            assert [row for _, row in decided_by_engine(pool, case_of(x=value)).fired] == expected


NEVER = {
    "never is more than any number": ("x > 1e300", "never", True),
    "never equals never": ("x == never", "never", True),
    "never is not less than never": ("x < never", "never", False),
    "a number is less than never": ("x < never", "1e308", True),
    "a number is not never": ("x != never", "1e308", True),
    "less than never is less than any number": ("x < -1e300", "0 - never", True),
    "less than never is not never": ("x == never", "0 - never", False),
    "less than never is negative": ("x < 0", "0 - never", True),
    "no number is no number": ("x == x", "never - never", False),
    "a table far out is no number": ("x == x", "at(never)", False),
}


@pytest.mark.parametrize(("condition", "formula", "fires"), NEVER.values(), ids=NEVER)
def test_moment_that_never_comes_when_compared_is_beyond_every_number(
    condition: str, formula: str, fires: bool
) -> None:
    tables = {"at": table((1, 0), above="proportional")}
    knowledge = base({}, [decision("d", "first", [(condition, "a")])], figures={"x": formula}, tables=tables)
    assert decided(knowledge, case_of()).ids == (["d-0"] if fires else [])


#: Names that the engine's own facts, rules and tokens might have.
ENGINE_NAMES = ("go", "p", "n", "v", "id", "sid", "f1", "r0", "s0", "c0", "m", "truth_0", "part_1", "reached_d", "all")


def test_facts_when_named_like_the_engines_own_things_are_told_apart() -> None:
    facts = {name: truth() for name in ENGINE_NAMES}
    rows = [(name, "a") for name in facts] + [(f"not {name}", "b") for name in facts] + [("true", "c")]
    knowledge = base(facts, [decision("d", "collect", rows)])
    with pool_of(knowledge) as pool:
        for index in range(len(facts)):
            values: dict[str, Value] = {name: place == index for place, name in enumerate(facts)}
            assert len(confirmed(pool, knowledge, case_of(**values)).fired) == len(facts) + 1
        assert confirmed(pool, knowledge, case_of()).ids == [f"d-{len(rows) - 1}"]


#: Words that would be something else to a reader of JSON or to the engine.
ODD_WORDS = ('"', "\\", "y", "n", "c0", "1", "1.0", "true", "null", "ä", "a b", " ", "$or", "x" * 1_000)


def test_words_when_they_hold_anything_are_told_apart() -> None:
    rows = [(f"kind == {json.dumps(word, ensure_ascii=False)}", "a") for word in ODD_WORDS if len(word) < 100]
    knowledge = base({"kind": choice(*ODD_WORDS)}, [decision("d", "collect", rows)])
    with pool_of(knowledge) as pool:
        for index, word in enumerate(ODD_WORDS):
            expected = [f"d-{index}"] if len(word) < 100 else []
            assert confirmed(pool, knowledge, case_of(kind=word)).ids == expected


def test_one_word_of_two_facts_when_compared_is_the_same_word() -> None:
    facts = {"one": choice("red", "green"), "other": choice("green", "red", "blue")}
    rows = [("one == other", "same"), ("one != other", "differs"), ("one == red and other == red", "red")]
    knowledge = base(facts, [decision("d", "collect", rows)])
    assert decided(knowledge, case_of(one="red", other="red")).ids == ["d-0", "d-2"]
    assert decided(knowledge, case_of(one="red", other="blue")).ids == ["d-1"]
    assert decided(knowledge, case_of(one="red")).ids == []


def test_names_when_the_engine_could_not_tell_them_apart_are_refused() -> None:
    with pytest.raises(CompileError, match="cannot tell"):
        _refuse_hash_collisions(["f1", "kjimin", "f2", "an_qnytxkdux"])
    _refuse_hash_collisions([f"f{index}" for index in range(MOST_NAMES + 1)])


@pytest.fixture
def comma(monkeypatch: pytest.MonkeyPatch) -> None:
    """A locale that writes 3.7 as 3,7, in which the engine would read 3.7 as 3."""
    monkeypatch.setattr(locale, "localeconv", lambda: {"decimal_point": ","})


@pytest.mark.usefixtures("comma")
def test_engine_when_the_locale_writes_a_decimal_comma_is_not_made() -> None:
    program = Program(shifted_base(20.5))
    with pytest.raises(InferenceError, match="LC_NUMERIC"):
        Engine(program)


def test_session_when_the_locale_writes_a_decimal_comma_is_refused(request: pytest.FixtureRequest) -> None:
    knowledge = shifted_base(20.5)
    engine = Engine(Program(knowledge))
    request.getfixturevalue("comma")
    with pytest.raises(InferenceError, match="LC_NUMERIC"), engine.session(working_memory(knowledge, case_of(x=1.0))):
        pytest.fail("a case was begun")
    engine.close()


def test_library_when_loaded_leaves_the_flags_of_the_loader_alone() -> None:
    before = sys.getdlopenflags()
    assert _load_module().__name__ == "durable_rules_engine"
    assert sys.getdlopenflags() == before
