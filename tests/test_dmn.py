"""DMN in both directions: the standard's own compliance tests, an existing engine beside ours, and what is refused."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from lxml import etree

from engine.case import case_from_mapping
from engine.describe import decide
from engine.dmn import export_dmn, export_dmn_tables, import_dmn, import_model, write_base
from engine.dmn.naming import snake_case
from engine.errors import BadInput, InferenceError, Problem
from engine.evaluator import evaluate_decision
from engine.inference import MOST_NAMES, EnginePool
from engine.knowledge import Knowledge, load_knowledge
from engine.language.evaluate import Value, compile_plain, has_state
from engine.language.nodes import State, walk
from engine.language.scope import NumberType, TruthType
from engine.outlook import thresholds
from engine.report import render
from engine.soundness import require_sound

ROOT = Path(__file__).resolve().parent.parent
TCK = Path(__file__).parent / "data" / "dmn" / "tck"
DMN13 = "https://www.omg.org/spec/DMN/20191111/MODEL/"
VERSIONS = {
    "1.1": "http://www.omg.org/spec/DMN/20151101/dmn.xsd",
    "1.2": "http://www.omg.org/spec/DMN/20180521/MODEL/",
    "1.3": DMN13,
    "1.4": "https://www.omg.org/spec/DMN/20211108/MODEL/",
    "1.5": "https://www.omg.org/spec/DMN/20230324/MODEL/",
}


# What the tests are made of


def table(
    name: str,
    inputs: Sequence[str | tuple[str, str]],
    rules: Iterable[Sequence[str]],
    *,
    policy: str = "UNIQUE",
    outputs: Sequence[tuple[str, str]] = (("", ""),),
    defaults: Sequence[str] = (),
    aggregation: str = "",
    requires: Sequence[str] = (),
    more: str = "",
) -> str:
    """A decision with its table; an input is an expression or an expression with its type."""
    columns = [one if isinstance(one, tuple) else (one, "") for one in inputs]
    lines = [f"<decision id={quoteattr(identifier(name))} name={quoteattr(name)}>"]
    lines += [
        f'<informationRequirement><requiredDecision href="#{identifier(one)}"/></informationRequirement>'
        for one in requires
    ]
    aggregate = f' aggregation="{aggregation}"' if aggregation else ""
    lines.append(f'{more}<decisionTable hitPolicy="{policy}"{aggregate}>')
    for expression, kind in columns:
        text = f"<text>{escape(expression)}</text>"
        lines.append(f"<input><inputExpression{typed(kind)}>{text}</inputExpression></input>")
    for index, (output, kind) in enumerate(outputs):
        attributes = (f" name={quoteattr(output)}" if output else "") + typed(kind)
        default = f"<defaultOutputEntry><text>{escape(defaults[index])}</text></defaultOutputEntry>" if defaults else ""
        lines.append(f"<output{attributes}>{default}</output>")
    for rule in rules:
        cells = [
            f"<{tag}><text>{escape(cell)}</text></{tag}>"
            for cell, tag in zip(rule, ["inputEntry"] * len(columns) + ["outputEntry"] * len(outputs), strict=True)
        ]
        lines += ["<rule>", *cells, "</rule>"]
    return "\n".join([*lines, "</decisionTable>", "</decision>"])


def identifier(name: str) -> str:
    return "_" + re.sub(r"\W", "_", name)


def given(name: str, kind: str = "") -> str:
    """Input data."""
    variable = f"<variable name={quoteattr(name)}{typed(kind)}/>"
    return f"<inputData id={quoteattr(identifier(name))} name={quoteattr(name)}>{variable}</inputData>"


def typed(kind: str) -> str:
    return f' typeRef="{kind}"' if kind else ""


def model(*elements: str, namespace: str = DMN13, name: str = "A model") -> str:
    return "\n".join(
        [f'<definitions xmlns="{namespace}" name="{name}" namespace="urn:test">', *elements, "</definitions>"]
    )


def imported(text: str, directory: Path) -> Knowledge:
    """The base that a model makes, loaded from its files."""
    path = directory / "model.dmn"
    path.write_text(text, encoding="utf-8")
    return based_on(path, directory / "base")


def based_on(path: Path, directory: Path) -> Knowledge:
    write_base(directory, import_dmn(path))
    knowledge = load_knowledge(directory)
    require_sound(knowledge)
    return knowledge


def conclusions(knowledge: Knowledge, **facts: object) -> dict[str, Any]:
    """What the JSON report says of a case."""
    return report(knowledge, facts)["conclusions"]  # type: ignore[no-any-return]  # JSON


def report(knowledge: Knowledge, facts: Mapping[str, object]) -> dict[str, Any]:
    decision = decide(case_from_mapping(facts, knowledge.facts, "case"), EnginePool(knowledge))
    return json.loads(render(decision, "json"))  # type: ignore[no-any-return]  # JSON


def problems_of(text: str, directory: Path) -> list[Problem]:
    path = directory / "model.dmn"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        import_dmn(path)
    return list(caught.value.problems)


# The compliance tests of level 2


def compliance_cases() -> Iterator[tuple[str, str, dict[str, str], str, Any]]:
    for path in sorted(TCK.glob("*-test-01.xml")):
        for case in etree.parse(str(path)).getroot().findall("{*}testCase"):
            facts = {str(node.get("name")): value_of(node) for node in case.findall("{*}inputNode")}
            for result in case.findall("{*}resultNode"):
                expected = result.find("{*}expected")
                yield (
                    path.name.removesuffix("-test-01.xml"),
                    str(case.get("id")),
                    facts,
                    str(result.get("name")),
                    value_of(expected),
                )


def value_of(node: Any) -> Any:
    """A value, a structure of components or a list, as the cases write them."""
    listed = node.find("{*}list")
    if listed is not None:
        return [value_of(item) for item in listed.findall("{*}item")]
    components = node.findall("{*}component")
    if components:
        return {snake_case(component.get("name"), ""): value_of(component) for component in components}
    text = node.find("{*}value").text
    return float(text) if re.fullmatch(r"[\d.]+", text) else {"true": True, "false": False}.get(text, text)


@pytest.mark.parametrize(
    ("name", "facts", "decision", "expected"),
    [(name, facts, decision, expected) for name, _, facts, decision, expected in compliance_cases()],
    ids=[f"{name} {number}" for name, number, *_ in compliance_cases()],
)
def test_compliance_case_of_level_2_when_decided_has_the_expected_result(
    name: str, facts: dict[str, str], decision: str, expected: Any, tmp_path: Path
) -> None:
    knowledge = based_on(TCK / f"{name}.dmn", tmp_path / "base")
    by_title = {fact.title: key for key, fact in knowledge.facts.items()}
    found = conclusions(knowledge, **{by_title[title]: value for title, value in facts.items()})
    assert found[snake_case(decision, "")] == expected


def test_compliance_tables_when_counted_are_all_that_level_2_has_of_what_is_taken() -> None:
    assert {name[:4] for name, *_ in compliance_cases()} == {
        "0004", "0005", "0010", "0108", "0109", "0111", "0112", "0114", "0115", "0116", "0117", "0119",
    }  # fmt: skip


@pytest.mark.parametrize("namespace", VERSIONS.values(), ids=VERSIONS)
def test_model_when_it_is_of_any_version_that_is_taken_makes_the_same_base(namespace: str, tmp_path: Path) -> None:
    text = model(
        given("Age", "number"),
        table("Group", ["Age"], [["< 18", '"child"'], [">= 18", '"adult"']]),
        namespace=namespace,
    )
    knowledge = imported(text, tmp_path)
    assert conclusions(knowledge, age=18) == {"group": "adult"}
    assert knowledge.facts["age"].title == "Age"
    assert knowledge.title("group") == "Group"


# Unary tests

NUMBERS: dict[str, tuple[list[Any], list[Any]]] = {
    "-": ([-1, 0, 5], []),
    "": ([-1, 0, 5], []),
    "< 5": ([4.9, -1], [5, 6]),
    "<= 5": ([5, 4], [5.1]),
    "> 5": ([5.1], [5, 4]),
    ">= 5": ([5], [4.9]),
    "5": ([5, 5.0], [4, 6]),
    "= 5": ([5], [6]),
    "!= 5": ([4], [5]),
    "-5": ([-5], [5]),
    "< -5": ([-6], [-5]),
    ".5": ([0.5], [5]),
    "1,2, 3": ([1, 2, 3], [4]),
    "[1..3]": ([1, 2, 3], [0.9, 3.1]),
    "(1..3)": ([2], [1, 3]),
    "]1..3[": ([2], [1, 3]),
    "[1..3)": ([1], [3]),
    "(1 .. 3]": ([3], [1]),
    "< 1, > 3": ([0, 4], [1, 2, 3]),
    "1, [5..7], > 10": ([1, 6, 11], [2, 10]),
    "not(5)": ([4], [5]),
    "not(1, 2)": ([3], [1, 2]),
    "not(< 5)": ([5, 6], [4]),
    "not([1..3], 7)": ([0, 4], [2, 7]),
    "> 2 * 3": ([7], [6]),
    "(2 + 1) * 2": ([6], [7]),
}
TEXTS: dict[str, tuple[list[Any], list[Any]]] = {
    '"Über 18"': (["Über 18"], ["über 18", "Über"]),
    '"a", "b"': (["a", "b"], ["c"]),
    'not("a")': (["b", "A"], ["a"]),
    'not("a", "b")': (["c"], ["a", "b"]),
    '!= "a"': (["b"], ["a"]),
    r'"say \"hi\""': (['say "hi"'], ["say hi"]),
    r'"it\u0027s \\ here"': (["it's \\ here"], ["its here"]),
    '"x"': (["x"], ["y"]),
    '"no"': (["no"], ["yes"]),
    '"12"': (["12"], ["13"]),
    "-": (["anything at all"], []),
}
TRUTHS: dict[str, tuple[list[Any], list[Any]]] = {
    "true": ([True], [False]),
    "false": ([False], [True]),
    "not(true)": ([False], [True]),
    "true, false": ([True, False], []),
    "!= false": ([True], [False]),
    "-": ([True, False], []),
}


def unary_tests() -> Iterator[tuple[str, str, list[Any], list[Any]]]:
    for kind, tests in (("number", NUMBERS), ("string", TEXTS), ("boolean", TRUTHS)):
        for text, (passing, failing) in tests.items():
            yield kind, text, passing, failing


@pytest.mark.parametrize(("kind", "text", "passing", "failing"), list(unary_tests()))
def test_input_entry_when_tested_passes_what_the_standard_says(
    kind: str, text: str, passing: list[Any], failing: list[Any], tmp_path: Path
) -> None:
    rules = [[text, '"passes"'], ["-", '"fails"']]
    knowledge = imported(model(given("x", kind), table("d", ["x"], rules, policy="FIRST")), tmp_path)
    assert [conclusions(knowledge, x=value)["d"] for value in passing] == ["passes"] * len(passing)
    assert [conclusions(knowledge, x=value)["d"] for value in failing] == ["fails"] * len(failing)


# Hit policies, outputs, defaults

OVERLAPPING = [["> 1", "10"], ["> 2", "20.5"], ["> 3", "10"]]
POLICIES: dict[str, tuple[str, str, dict[float, Any]]] = {
    "first": ("FIRST", "", {4: 10, 2.5: 10, 0: None}),
    "rule order": ("RULE ORDER", "", {4: [10, 20.5, 10], 2.5: [10, 20.5], 0: []}),
    "collect": ("COLLECT", "", {4: [10, 20.5, 10], 2: [10], 0: []}),
    "collect, sum": ("COLLECT", "SUM", {4: 40.5, 2.5: 30.5, 0: None}),
    "collect, min": ("COLLECT", "MIN", {4: 10, 2.5: 10, 0: None}),
    "collect, max": ("COLLECT", "MAX", {4: 20.5, 2: 10, 0: None}),
    "collect, count": ("COLLECT", "COUNT", {4: 3, 2.5: 2, 0: 0}),
}


@pytest.mark.parametrize(("policy", "aggregation", "expected"), POLICIES.values(), ids=POLICIES)
def test_hit_policy_when_rules_overlap_decides_as_the_standard_says(
    policy: str, aggregation: str, expected: dict[float, Any], tmp_path: Path
) -> None:
    text = model(given("x", "number"), table("d", ["x"], OVERLAPPING, policy=policy, aggregation=aggregation))
    knowledge = imported(text, tmp_path)
    assert {x: conclusions(knowledge, x=x)["d"] for x in expected} == expected


DEFAULTS: dict[str, tuple[str, str, Any]] = {
    "unique": ("UNIQUE", "", -1),
    "any": ("ANY", "", -1),
    "first": ("FIRST", "", -1),
    "rule order": ("RULE ORDER", "", [-1]),
    "collect": ("COLLECT", "", [-1]),
    "collect, sum": ("COLLECT", "SUM", -1),
    "collect, min": ("COLLECT", "MIN", -1),
    "collect, max": ("COLLECT", "MAX", -1),
}


@pytest.mark.parametrize(("policy", "aggregation", "expected"), DEFAULTS.values(), ids=DEFAULTS)
def test_default_output_when_no_rule_holds_is_concluded(
    policy: str, aggregation: str, expected: Any, tmp_path: Path
) -> None:
    rules = [["> 5", "7"]]
    text = model(given("x"), table("d", ["x"], rules, policy=policy, aggregation=aggregation, defaults=["-1"]))
    knowledge = imported(text, tmp_path)
    assert conclusions(knowledge, x=5)["d"] == expected
    assert conclusions(knowledge, x=6)["d"] == ([7] if isinstance(expected, list) else 7)


def test_several_outputs_when_concluded_are_one_mapping_of_their_own_types(tmp_path: Path) -> None:
    outputs = [("Is Fine", "boolean"), ("riskScore", "number"), ("Message", "string")]
    rules = [[">= 18", "true", "0.5", '"Approved!"'], ["< 18", "false", "12", '"Über 18, bitte"']]
    knowledge = imported(model(given("Age"), table("My Result", ["Age"], rules, outputs=outputs)), tmp_path)
    assert conclusions(knowledge, age=20) == {"my_result": {"is_fine": True, "risk_score": 0.5, "message": "Approved!"}}
    assert conclusions(knowledge, age=2)["my_result"]["message"] == "Über 18, bitte"
    assert conclusions(knowledge) == {"my_result": None}


def test_rules_of_a_unique_table_when_two_hold_are_an_error_that_names_them(tmp_path: Path) -> None:
    knowledge = imported(model(given("x"), table("d", ["x"], [["> 1", "1"], ["> 2", "2"]])), tmp_path)
    with pytest.raises(InferenceError, match="d-2"):
        conclusions(knowledge, x=3)


def test_list_in_a_text_output_when_values_repeat_keeps_each_time(tmp_path: Path) -> None:
    rules = [["> 1", '"a"'], ["> 2", '"a"'], ["> 3", '"b"']]
    knowledge = imported(model(given("x"), table("d", ["x"], rules, policy="COLLECT")), tmp_path)
    assert conclusions(knowledge, x=4)["d"] == ["a", "a", "b"]


# Chained decisions

CHAIN = [
    given("Applicant Age", "number"),
    given("Risk Category", "string"),
    table(
        "Points",
        ["Applicant Age", "Risk Category"],
        [[">= 18", "-", "10"], ["-", '"High"', "20"], ["< 18", "-", "5"]],
        policy="COLLECT",
        aggregation="SUM",
    ),
    table(
        "Score",
        ["Points"],
        [["> 25", '"poor"', "1.5"], ["<= 25", '"good"', "0.5"]],
        outputs=[("Band", "string"), ("Factor", "number")],
    ),
    table(
        "Is Refused", ["Score.Band", "Score.Factor"], [['"poor"', "> 1", "true"], ["-", "-", "false"]], policy="FIRST"
    ),
    table("Answer", ["Is Refused", "Points"], [["true", "-", '"no"'], ["false", "[0..100]", '"yes"']]),
]


def test_chained_decisions_when_decided_read_numbers_truths_and_outputs_of_each_other(tmp_path: Path) -> None:
    knowledge = imported(model(*CHAIN), tmp_path)
    assert conclusions(knowledge, applicant_age=30, risk_category="High") == {
        "points": 30,
        "score": {"band": "poor", "factor": 1.5},
        "is_refused": True,
        "answer": "no",
    }
    assert conclusions(knowledge, applicant_age=30, risk_category="anything")["answer"] == "yes"


def test_chained_decisions_when_an_input_is_missing_stay_open_and_say_what_they_wait_for(tmp_path: Path) -> None:
    found = report(imported(model(*CHAIN), tmp_path), {"applicant_age": 30})
    assert found["conclusions"] == {"points": None, "score": None, "is_refused": None, "answer": None}
    assert [fact["name"] for fact in found["unknown"]] == ["risk_category"]


# Decisions that give nothing

#: Input entries with what the standard says of a number, or of null.
ENTRIES: dict[str, Callable[[float | None], bool]] = {
    "-": lambda _value: True,
    "> 5": lambda value: value is not None and value > 5,
    "<= 5": lambda value: value is not None and value <= 5,
    "[2..6)": lambda value: value is not None and 2 <= value < 6,
    "5": lambda value: value == 5,
    "1, > 5": lambda value: value is not None and (value == 1 or value > 5),
    "not(5)": lambda value: value != 5,
    "not(1, 5)": lambda value: value not in (1, 5),
    "!= 5": lambda value: value != 5,
    "not(> 5)": lambda value: value is not None and value <= 5,
    "not(5, > 6)": lambda value: value is not None and value != 5 and value <= 6,
}
WAYS: dict[tuple[str, str], Callable[[list[float]], float | None]] = {
    ("FIRST", ""): lambda found: found[0] if found else None,
    ("COLLECT", "SUM"): lambda found: sum(found) if found else None,
    ("COLLECT", "MIN"): lambda found: min(found, default=None),
    ("COLLECT", "MAX"): lambda found: max(found, default=None),
    ("COLLECT", "COUNT"): lambda found: float(len(found)),
}
ROWS = st.lists(
    st.tuples(st.sampled_from(sorted(ENTRIES)), st.sampled_from(sorted(ENTRIES)), st.sampled_from([1.0, 5.0, 7.0])),
    min_size=1,
    max_size=3,
)
CHAINS = st.lists(st.tuples(st.sampled_from(sorted(WAYS)), ROWS), min_size=2, max_size=3)


@drawn(CHAINS)
@settings(max_examples=40, deadline=None)
def test_chain_when_decisions_give_nothing_decides_as_the_standard_says_of_null(
    tmp_path_factory: pytest.TempPathFactory, chain: list[tuple[tuple[str, str], list[tuple[str, str, float]]]]
) -> None:
    columns = ["x", *(f"d{number}" for number in range(len(chain)))]
    elements = [
        # The first table reads its one input twice.
        table(f"d{at}", ["x", columns[at]], [[*cells, f"{then:g}"] for *cells, then in rows],
              policy=policy, aggregation=aggregation)
        for at, ((policy, aggregation), rows) in enumerate(chain)
    ]  # fmt: skip
    knowledge = imported(model(given("x", "number"), *elements), tmp_path_factory.mktemp("chain"))
    expected: dict[str, float | None] = {}
    for x in (0.0, 1.0, 2.0, 5.0, 6.0, 9.0):
        before: float | None = x
        for at, (way, rows) in enumerate(chain):
            before = WAYS[way]([then for own, other, then in rows if ENTRIES[own](x) and ENTRIES[other](before)])
            expected[f"d{at}"] = before
        assert conclusions(knowledge, x=x) == expected
    assert set(conclusions(knowledge)) == set(expected)


def test_chain_when_the_first_decision_gives_nothing_goes_on_and_waits_for_inputs_only(tmp_path: Path) -> None:
    points = table("p", ["x"], [["> 1", "10"]], policy="COLLECT", aggregation="SUM")
    answer = table("d", ["p"], [["> 5", '"many"'], ["-", '"few"']], policy="FIRST")
    knowledge = imported(model(given("x", "number"), points, answer), tmp_path)
    assert conclusions(knowledge, x=2) == {"p": 10, "d": "many"}
    assert conclusions(knowledge, x=0) == {"p": None, "d": "few"}
    assert conclusions(knowledge) == {"p": None, "d": None}


@pytest.mark.parametrize(("own", "rows", "read"), [(10, 1, 10), (50, 1, 150), (2, 400, 3), (40, 30, 100)])
def test_chain_when_what_says_that_a_decision_gives_something_is_long_takes_null_for_null(
    tmp_path: Path, own: int, rows: int, read: int
) -> None:
    names = [f"x{number}" for number in range(own + read)]
    cells = [[f"[{row}..{row + 0.5}]", *(["> 1"] * (own - 1))] for row in range(2, rows + 2)]
    first = table("p", names[:own], [[*row, "10"] for row in cells])
    second = table("d", ["p", *names[own:]], [["> 5", *(["> 1"] * read), '"many"'], [*(["-"] * (read + 1)), '"few"']])
    second = second.replace("UNIQUE", "FIRST")
    knowledge = imported(model(*(given(name, "number") for name in names), first, second), tmp_path)
    all_two = dict.fromkeys(names, 2)
    assert conclusions(knowledge, **all_two) == {"p": 10, "d": "many"}
    assert conclusions(knowledge, **{**all_two, "x0": 1.75}) == {"p": None, "d": "few"}
    assert conclusions(knowledge, **{**all_two, "x1": 0}) == {"p": None, "d": "few"}
    without = {name: 2 for name in names if name != "x1"}
    assert conclusions(knowledge, **without) == {"p": None, "d": None}


def test_rule_so_long_that_what_null_would_take_has_no_room_is_refused(tmp_path: Path) -> None:
    names = [f"x{number}" for number in range(162)]
    first = table("p", ["x0"], [["> 1", "10"]])
    second = table("d", ["p", *names], [["> 5", *(["> 1"] * 162), '"many"']])
    (found,) = problems_of(model(*(given(name, "number") for name in names), first, second), tmp_path)
    assert "its condition takes 2,0" in found.message
    assert found.field == "decision 'd', rule 1"


#: With p null: whether the rule holds whose entry for x, or whose input expression, is this.
WITH_NULL = {
    "a list of a number and a null": (["x"], ["2, > p"], True),
    "a list that no number passes": (["x"], ["1, > p"], False),
    "not of a comparison with it": (["x"], ["not(> p)"], False),
    "not of it": (["x"], ["not(p)"], True),
    "unequal to it": (["x"], ["!= p"], True),
    "equal to it": (["x"], ["p"], False),
    "a range that ends with it": (["x"], ["[1..p]"], False),
    "itself equal to itself": (["p = p"], ["true"], True),
    "itself unequal to itself": (["p != p"], ["true"], False),
    "two of them equal": (["p = q"], ["true"], True),
    "another one, by an entry": (["p"], ["q"], True),
    "less than another one": (["p < q"], ["true"], False),
    "not less than another one": (["p < q"], ["not(true)"], True),
    "a sum with it": (["p + x"], ["> 0"], False),
    "a sum with it that is not": (["p + x"], ["not(> 0)"], False),
    "a division by zero": (["x / zero"], ["> 0"], False),
    "a division by zero that is not": (["x / zero"], ["not(1)"], True),
    "a division by zero compared": (["x / zero > 1"], ["true"], False),
    "a division by zero compared otherwise": (["x / zero > 1"], ["false"], False),
    "a division by zero in an entry": (["x"], ["< 1 / zero"], False),
    "a division by what is there": (["x / 4"], ["< 1"], True),
}


@pytest.mark.parametrize(("expressions", "entries", "holds"), WITH_NULL.values(), ids=WITH_NULL)
def test_entry_when_it_reads_null_holds_as_the_standard_says(
    expressions: list[str], entries: list[str], holds: bool, tmp_path: Path
) -> None:
    nothing = [table(name, ["x"], [["> 5", "10"]]) for name in ("p", "q")]
    asked = table("d", expressions, [[*entries, '"a"'], ["-", '"b"']]).replace("UNIQUE", "FIRST")
    knowledge = imported(model(given("x", "number"), given("zero", "number"), *nothing, asked), tmp_path)
    assert conclusions(knowledge, x=2, zero=0) == {"p": None, "q": None, "d": "a" if holds else "b"}


@pytest.mark.parametrize("count", [10, 150, 400])
def test_chain_when_it_is_long_and_written_from_its_end_decides(count: int, tmp_path: Path) -> None:
    links = [table(f"d{at}", [f"d{at - 1}" if at else "x"], [["> 5", f"{at + 10}"]]) for at in range(count)]
    knowledge = imported(model(given("x", "number"), *reversed(links)), tmp_path)
    assert set(conclusions(knowledge, x=6).values()) == {float(at + 10) for at in range(count)}
    assert set(conclusions(knowledge, x=5).values()) == {None}


def test_texts_and_truths_when_a_decision_gives_none_are_equal_to_nothing(tmp_path: Path) -> None:
    word = table("w", ["x"], [["> 5", '"a"'], ["1", '"b"']], policy="FIRST")
    truth = table("t", ["x"], [["> 5", "true"], ["1", "false"]], policy="FIRST")
    answer = table(
        "d",
        ["w", "t", 'w = "a"'],
        [['"a"', "-", "-", "1"], ["-", "false", "-", "2"], ['not("b")', "not(true)", "false", "3"]],
        policy="FIRST",
    )
    knowledge = imported(model(given("x", "number"), word, truth, answer), tmp_path)
    assert [conclusions(knowledge, x=x)["d"] for x in (6, 1, 3)] == [1, 2, 3]


def test_required_decision_when_called_by_its_output_or_id_is_the_one_that_is_meant(tmp_path: Path) -> None:
    """As models of other tools call them, which have no input data and no variables either."""
    season = table(
        "The Season", [("temperature", "integer")], [["> 20", '"Summer"'], ["<= 20", '"Winter"']],
        outputs=[("season", "string")],
    )  # fmt: skip
    guests = table(
        "Guest Count", [("day", "string")], [['"Sunday"', "20"], ['not("Sunday")', "8"]],
        outputs=[("guests", "integer")],
    )  # fmt: skip
    dish = table(
        "Dish", ["season", "_Guest_Count"], [['"Summer"', "> 10", '"Salad"'], ["-", "-", '"Stew"']],
        policy="FIRST", outputs=[("desired", "string")], requires=["The Season", "Guest Count"],
    )  # fmt: skip
    text = model(season, guests, dish)
    knowledge = imported(text, tmp_path)
    assert list(knowledge.facts) == ["temperature", "day"]
    assert conclusions(knowledge, temperature=25, day="Sunday") == {
        "the_season": "Summer",
        "guest_count": 20,
        "dish": "Salad",
    }
    assert conclusions(knowledge, temperature=25, day="Monday")["dish"] == "Stew"


def test_inputs_when_they_are_arithmetic_or_comparisons_are_computed(tmp_path: Path) -> None:
    rules = [["> 100", "-", '"long"'], ["<= 100", "true", '"cheap"'], ["<= 100", "false", '"dear"']]
    text = model(
        given("Rate A", "number"),
        given("months", "number"),
        table("d", ["Rate A * 12 - (months + 1)", "Rate A < months"], rules),
    )
    knowledge = imported(text, tmp_path)
    assert conclusions(knowledge, rate_a=10, months=5)["d"] == "long"
    assert conclusions(knowledge, rate_a=1, months=5)["d"] == "cheap"
    assert conclusions(knowledge, rate_a=5, months=5)["d"] == "dear"


def test_entries_when_they_name_another_input_compare_the_two(tmp_path: Path) -> None:
    text = model(
        given("price", "number"),
        given("my limit", "number"),
        table("d", ["price"], [["> my limit", '"over"'], ["<= my limit", '"within"']]),
    )
    knowledge = imported(text, tmp_path)
    assert conclusions(knowledge, price=5, my_limit=4)["d"] == "over"
    assert conclusions(knowledge, price=4, my_limit=4)["d"] == "within"


def test_structures_when_their_parts_are_tested_become_a_fact_for_each(tmp_path: Path) -> None:
    types = """<itemDefinition name="tPerson">
      <itemComponent name="Age"><typeRef>number</typeRef></itemComponent>
      <itemComponent name="Home"><itemComponent name="City"><typeRef>string</typeRef></itemComponent></itemComponent>
    </itemDefinition>"""
    rules = [["> 17", '"Rome"', '"yes"'], ["-", "-", '"no"']]
    text = model(
        types, given("Person", "tPerson"), table("d", ["Person.Age", "Person.Home.City"], rules, policy="FIRST")
    )
    knowledge = imported(text, tmp_path)
    assert {name: fact.title for name, fact in knowledge.facts.items()} == {
        "person_age": "Person.Age",
        "person_home_city": "Person.Home.City",
    }
    assert conclusions(knowledge, person_age=18, person_home_city="Rome")["d"] == "yes"


def test_allowed_values_when_a_type_names_them_bound_the_facts(tmp_path: Path) -> None:
    types = "".join(
        f'<itemDefinition name="{name}"><typeRef>{kind}</typeRef>'
        f"<allowedValues><text>{allowed}</text></allowedValues></itemDefinition>"
        for name, kind, allowed in (("tAge", "number", "[0..120)"), ("tColour", "string", '"red", "green"'))
    )
    text = model(
        types, given("Age", "tAge"), given("Colour", "tColour"), table("d", ["Age", "Colour"], [["> 1", '"red"', "1"]])
    )
    knowledge = imported(text, tmp_path)
    assert list(knowledge.facts["colour"].choices or ()) == ["red", "green"]
    for facts in ({"age": 120}, {"age": -1}, {"colour": "blue"}):
        with pytest.raises(BadInput):
            conclusions(knowledge, **facts)
    assert conclusions(knowledge, age=119.5, colour="red")["d"] == 1


RANGES: dict[str, tuple[list[float], list[float]]] = {
    "[0..100]": ([0, 100], [-1, 101]),
    "(0..100)": ([0.1, 99.9], [0, 100]),
    "> 0": ([0.1, 1e9], [0]),
    "<= 5": ([5, -1e9], [5.1]),
    "< 18, [18..65], > 65": ([-1, 18, 66], []),
    "[0..10], (5..20)": ([0, 19.9], [-0.1, 20]),
}


@pytest.mark.parametrize(("allowed", "inside", "outside"), [(k, *v) for k, v in RANGES.items()], ids=RANGES)
def test_allowed_numbers_when_they_are_one_range_bound_the_fact(
    allowed: str, inside: list[float], outside: list[float], tmp_path: Path
) -> None:
    text = model(given("x", "number"), table("d", ["x"], [["-", "1"]])).replace(
        "</inputExpression>", f"</inputExpression><inputValues><text>{escape(allowed)}</text></inputValues>"
    )
    knowledge = imported(text, tmp_path)
    assert [conclusions(knowledge, x=value)["d"] for value in inside] == [1] * len(inside)
    for value in outside:
        with pytest.raises(BadInput):
            conclusions(knowledge, x=value)


# Names

NAMES = {
    "Risk Category": "risk_category",
    "isAffordable": "is_affordable",
    "NumOfYears": "num_of_years",
    "HTTPServer2 Name": "http_server2_name",
    "Approved/Declined": "approved_declined",
    "Größe (cm)": "grosse_cm",
    "Crème brûlée": "creme_brulee",
    "2nd choice": "n2nd_choice",
    "class": "class_",
    "Never": "never_",
    "請求書": "input",
    "x" * 90: "x" * 50,
}


@pytest.mark.parametrize(("name", "expected"), NAMES.items())
def test_name_when_made_snake_case_is_one_that_rules_can_use(name: str, expected: str) -> None:
    assert snake_case(name, "input") == expected


def test_names_when_they_become_the_same_are_told_apart(tmp_path: Path) -> None:
    text = model(
        given("Risk Category", "number"), given("請求書", "number"), given("見積書", "number"),
        table("riskCategory", ["Risk Category", "請求書", "見積書"], [["> 1", "> 1", "> 1", '"high"']]),
        table("Facts", ["riskCategory"], [['"high"', '"yes"']], outputs=[("", "")]),
    )  # fmt: skip
    knowledge = imported(text, tmp_path)
    assert list(knowledge.facts) == ["risk_category", "input", "input_2"]
    assert conclusions(knowledge, risk_category=2, input=2, input_2=2) == {"risk_category_2": "high", "facts": "yes"}
    assert knowledge.title("risk_category_2") == "riskCategory"


KLM = (
    '<itemDefinition name="klm"><typeRef>string</typeRef>'
    '<allowedValues><text>"k","l","m"</text></allowedValues></itemDefinition>'
)


@pytest.mark.parametrize("expression", ["x", "x = y", "y"])
def test_texts_when_one_of_two_that_are_compared_has_its_words_are_told_apart(expression: str, tmp_path: Path) -> None:
    cells = {"x": "y", "y": "x", "x = y": "true"}
    rows = [[cells[expression], '"same"'], ["-", '"different"']]
    asked = table("d", [expression], rows).replace("UNIQUE", "FIRST")
    knowledge = imported(model(KLM, given("x", "string"), given("y", "klm"), asked), tmp_path)
    assert conclusions(knowledge, x="k", y="k") == {"d": "same"}
    assert conclusions(knowledge, x="k", y="l") == {"d": "different"}
    assert conclusions(knowledge, x="any", y="l") == {"d": "different"}


@pytest.mark.parametrize(("expression", "cell"), [("x", "y"), ("x = y", "true"), ("x", '"k", y')])
def test_texts_that_may_both_be_anything_when_compared_are_refused(expression: str, cell: str, tmp_path: Path) -> None:
    asked = table("d", [expression], [[cell, '"same"'], ["-", '"different"']]).replace("UNIQUE", "FIRST")
    found = problems_of(model(given("x", "string"), given("y", "string"), asked), tmp_path)[0]
    assert "compares 'x' with 'y', and either may be any text" in found.message
    assert found.field == f"decision 'd', input '{expression}'"


def test_text_that_an_input_expression_alone_names_is_one_of_its_words(tmp_path: Path) -> None:
    level = table("Level", ["x"], [["> 5", '"basic"'], ["<= 5", '"none"']])
    asked = table("d", ['Status = "gold"', 'Level = "super"'], [["true", "false", "1"], ["false", "-", "2"]])
    knowledge = imported(model(given("x", "number"), given("Status", "string"), level, asked), tmp_path)
    assert conclusions(knowledge, x=6, status="gold")["d"] == 1
    assert conclusions(knowledge, x=6, status="silver")["d"] == 2


@pytest.mark.parametrize(
    ("expression", "cell", "x", "y"),
    [("x + y", "<= 0.3", 0.1, 0.2), ("x * y", "[0..3.3]", 1.1, 3), ("x * y", "3.3", 1.1, 3)],
)
def test_sum_in_an_input_expression_is_the_decimal_one(
    expression: str, cell: str, x: float, y: float, tmp_path: Path
) -> None:
    asked = table("d", [expression], [[cell, "1"], ["-", "2"]]).replace("UNIQUE", "FIRST")
    knowledge = imported(model(given("x", "number"), given("y", "number"), asked), tmp_path)
    assert conclusions(knowledge, x=x, y=y) == {"d": 1}
    assert conclusions(knowledge, x=x + 1e-9, y=y) == {"d": 2}


def test_spaces_of_a_text_in_an_input_expression_belong_to_it(tmp_path: Path) -> None:
    asked = table("d", ['Status  =\n"a \u00a0 b"'], [["true", "1"], ["false", "2"]])
    knowledge = imported(model(given("Status", "string"), asked), tmp_path)
    assert conclusions(knowledge, status="a \u00a0 b") == {"d": 1}
    assert conclusions(knowledge, status="a b") == {"d": 2}


def test_name_that_two_things_have_when_one_is_required_means_that_one(tmp_path: Path) -> None:
    score = table("Score", ["x"], [["> 5", "100"], ["<= 5", "0"]])
    asked = table("d", ["Score"], [["> 50", '"high"'], ["<= 50", '"low"']], requires=["Score"])
    inputs = [given("x", "number"), given("Score", "number").replace("_Score", "_input_Score")]
    knowledge = imported(model(*inputs, score, asked), tmp_path)
    assert conclusions(knowledge, x=6, score=1)["d"] == "high"


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_output_of_a_required_decision_when_others_have_its_name_is_meant(
    order: tuple[int, ...], declared: bool, tmp_path: Path
) -> None:
    a = table("A", ["x"], [["> 5", "1"], ["<= 5", "2"]], outputs=[("season", "number")])
    b = table("B", ["season"], [["1", "10"], ["2", "20"]], requires=["A"])
    c = table("C", ["season"], [["> 5", "7"], ["<= 5", "8"]])
    inputs = [given("x", "number"), given("season", "number")] if declared else []
    knowledge = imported(model(*inputs, *([a, b, c][at] for at in order)), tmp_path)
    found = conclusions(knowledge, x=6, season=9)
    assert (found["b"], found["c"]) == (10, 7)


def test_name_when_two_required_decisions_have_an_output_of_it_is_refused_as_doubtful(tmp_path: Path) -> None:
    a, b = (table(name, ["x"], [["> 5", "1"]], outputs=[("result", "number")]) for name in "AB")
    asked = table("C", ["result"], [["1", "10"]], requires=["A", "B"])
    (found,) = problems_of(model(given("x", "number"), a, b, asked), tmp_path)
    assert found.message == "“result” may be 'A' or 'B': the decision requires both"
    assert found.field == "decision 'C', input 'result'"


@pytest.mark.parametrize("element", [given("x", "number"), table("d", ["x"], [["1", "1"]])])
def test_element_when_another_of_its_kind_has_its_name_is_refused(element: str, tmp_path: Path) -> None:
    text = model(given("x", "number"), table("d", ["x"], [["1", "1"]]), element.replace('id="_', 'id="_2'))
    assert "is there twice" in problems_of(text, tmp_path)[0].message


def test_text_when_a_value_has_the_name_of_its_own_input_is_still_the_value(tmp_path: Path) -> None:
    text = model(given("status", "string"), table("d", ["status"], [['"status"', "1"], ['not("status")', "2"]]))
    knowledge = imported(text, tmp_path)
    assert conclusions(knowledge, status="status")["d"] == 1
    assert conclusions(knowledge, status="other")["d"] == 2


TRICKY = [
    "yes",
    "unknown",
    "Unknown",
    "12",
    "1e5",
    "nan",
    "~",
    "a: b",
    "a # b",
    "- x",
    "{x}",
    "[x]",
    "'q'",
    'say "x"',
    "tab\tbed",
    "two\nlines",
    "ünïcode 請",
    " padded ",
]


def test_texts_when_yaml_would_read_them_as_something_else_survive(tmp_path: Path) -> None:
    rules = [[feel_text(text), feel_text(f"{text}!")] for text in TRICKY]
    knowledge = imported(model(given("x", "string"), table("d", ["x"], rules)), tmp_path)
    assert [conclusions(knowledge, x=text)["d"] for text in TRICKY] == [f"{text}!" for text in TRICKY]


def feel_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def test_remarks_when_they_hold_braces_are_shown_as_they_are(tmp_path: Path) -> None:
    text = model(given("x", "number"), table("d", ["x"], [["> 1", "1"]])).replace(
        "<rule>", "<rule><description>Because {{ 7 * 7 }} and {% x %} {# y #} {z}.</description>"
    )
    knowledge = imported(text, tmp_path)
    assert report(knowledge, {"x": 2})["firings"][0]["because"] == "Because {{ 7 * 7 }} and {% x %} {# y #} {z}."


# Reports without a recommendation


@pytest.mark.parametrize("shape", ["terminal", "markdown", "html"])
@pytest.mark.parametrize("facts", [{}, {"applicant_age": 30, "risk_category": "High"}], ids=["open", "decided"])
def test_report_when_the_base_recommends_nothing_shows_the_conclusions(
    shape: str, facts: dict[str, Any], tmp_path: Path
) -> None:
    knowledge = imported(model(*CHAIN), tmp_path)
    decision = decide(case_from_mapping(facts, knowledge.facts, "case"), EnginePool(knowledge))
    text = render(decision, shape, width=100)  # type: ignore[arg-type]  # the parameters above
    assert decision.recommendation is None
    assert "Points" in text
    assert ("Band: poor; Factor: 1.5" in text) == bool(facts)
    assert "recommend" not in text.lower()


# What is refused


def with_logic(logic: str) -> str:
    """A decision that is decided by something else than a table."""
    return model(given("x", "number"), f'<decision id="_d" name="d">\n<variable name="d"/>\n{logic}\n</decision>')


def one_rule(test: str = "> 1", output: str = "1", **options: Any) -> str:
    return model(given("x", "number"), table("d", ["x"], [[test, output]], **options))


def of_type(kind: str, *types: str, test: str = "-") -> str:
    return model(*types, given("x", kind), table("d", ["x"], [[test, "1"]]))


def two_outputs(**options: Any) -> str:
    return model(table("d", ["x"], [["1", "1", "2"]], outputs=[("a", ""), ("b", "")], **options))


LIST = '<itemDefinition name="t" isCollection="true"><typeRef>number</typeRef></itemDefinition>'
TWO_NUMBERS = (
    '<itemDefinition name="two"><typeRef>number</typeRef>'
    "<allowedValues><text>1, 2</text></allowedValues></itemDefinition>"
)
ENDLESS = (
    '<itemDefinition name="endless">'
    + "".join(f'<itemComponent name="c{n}"><typeRef>endless</typeRef></itemComponent>' for n in range(9))
    + "</itemDefinition>"
)
ANY_TABLE = table("d", ["x"], [["1", "1"]])
ALLOWED = "<output><outputValues><text>1, 2</text></outputValues></output>"
LISTED = table("a", ["x"], [["> 1", "1"]], policy="COLLECT")
D, RULE, CELL = "decision 'd'", "decision 'd', rule 1", "decision 'd', rule 1, input 'x'"
#: For each model the line of what is not taken, what messages call it, and what they say.
REFUSED: dict[str, tuple[str, int, str, str]] = {
    "priority": (one_rule(policy="PRIORITY"), 4, D, "the hit policy PRIORITY is not taken"),
    "output order": (one_rule(policy="OUTPUT ORDER"), 4, D, "the hit policy OUTPUT ORDER is not taken"),
    "a literal expression": (with_logic("<literalExpression/>"), 5, D, "a literal expression, which is not taken"),
    "an invocation": (with_logic("<invocation/>"), 5, D, "an invocation, which is not taken"),
    "a context": (with_logic("<context/>"), 5, D, "a boxed context, which is not taken"),
    "no logic": (with_logic(""), 3, D, "has no decision table"),
    "a knowledge model": (
        model('<businessKnowledgeModel name="b"/>', ANY_TABLE), 2, "business knowledge model 'b'", "is not taken",
    ),
    "an import": (model('<import name="i"/>', ANY_TABLE), 2, "import 'i'", "an import of another model is not taken"),
    "a required knowledge model": (
        one_rule(more="<knowledgeRequirement/>"), 4, D, "requires a business knowledge model",
    ),
    "no decision": (model(given("x", "number")), 1, "definitions", "holds no decision"),
    "a date": (one_rule('> date("2020-01-01")'), 8, CELL, "“date”"),
    "a question mark": (one_rule("? > 5"), 8, CELL, "“?”"),
    "null": (one_rule("null"), 8, CELL, "null"),
    "a list in brackets": (one_rule("[1, 2]"), 8, CELL, "a list in brackets"),
    "an input that nobody declares": (
        model(given("x", "number"), table("d", ["xs"], [["> 1", "1"]])), 5, f"{D}, input 'xs'",
        "the name “xs”, which the model does not declare",
    ),
    "a decision that makes too large a file": (
        model(given("x", "number"), table("d", ["x"], [[f"> {n}", f'"{"y" * 3_000}{n}"'] for n in range(600)])),
        4, D, "would make a file of ",
    ),
    "a name nobody declares": (one_rule("> limit"), 8, CELL, "“limit”, which the model does not declare"),
    "two tests without a comma": (one_rule("> 1 < 2"), 8, CELL, "“<” where it should end"),
    "an endless range": (one_rule("[1..2"), 8, CELL, "a range without its closing bracket"),
    "a strange character": (one_rule("§"), 8, CELL, "the character “§”"),
    "a function in an input": (model(table("d", ["sum(x)"], [["1", "1"]])), 4, f"{D}, input 'sum(x)'", "“sum”"),
    "a power in an input": (
        model(given("x", "number"), table("d", ["x ** 2"], [["1", "1"]])), 5, f"{D}, input 'x ** 2'", "“**”",
    ),
    "an unclosed text": (one_rule('"a'), 8, CELL, "without a closing quote"),
    "a text for a number": (one_rule('"a"'), 5, f"{D}, input 'x'", "holds numbers and texts"),
    "an output to calculate": (one_rule(output="1 + 1"), 9, RULE, "has to be calculated"),
    "an output that is an input": (one_rule(output="x"), 9, RULE, "“x”"),
    "an empty output": (one_rule(output=""), 9, RULE, "is empty"),
    "an output of null": (one_rule(output="null"), 9, RULE, "null"),
    "a number too large": (one_rule(output="1" + "0" * 20), 9, RULE, "too large"),
    "an exponent too large": (one_rule(output="1e999999999"), 9, RULE, "too large"),
    "an empty text": (one_rule(output='""'), 9, RULE, "0 characters"),
    "outputs of two types": (
        model(given("x"), table("d", ["x"], [["> 1", "1"], ["< 1", '"a"']])), 6, D, "mixes numbers and texts",
    ),
    "a sum of texts": (one_rule(output='"a"', policy="COLLECT", aggregation="SUM"), 6, D, "aggregates texts by SUM"),
    "a sum of the first": (one_rule(policy="FIRST", aggregation="SUM"), 4, D, "SUM is not taken with FIRST"),
    "a sum of several outputs": (two_outputs(policy="COLLECT", aggregation="SUM"), 3, D, "of several outputs"),
    "a default beside a count": (
        one_rule(policy="COLLECT", aggregation="COUNT", defaults=["0"]), 6, D, "beside COUNT is not taken",
    ),
    "a default for some outputs": (
        two_outputs(defaults=["1", "2"]).replace("<defaultOutputEntry><text>2</text></defaultOutputEntry>", ""),
        5, D, "a default output for some of its outputs only",
    ),
    "a date input": (of_type("date"), 5, f"{D}, input 'x'", 'of the type "date", which is not taken'),
    "a list input": (of_type("t", LIST), 6, f"{D}, input 'x'", "several values at once"),
    "a list of another decision": (
        model(LISTED, table("b", ["a"], [["1", "1"]])), 14, "decision 'b', input 'a'", "several values at once",
    ),
    "another language": (
        one_rule().replace('hitPolicy="UNIQUE"', 'expressionLanguage="juel"'), 4, D, 'is written in "juel"',
    ),
    "too few entries": (
        one_rule().replace("<inputEntry><text>&gt; 1</text></inputEntry>", ""), 7, RULE, "0 entries for 1 inputs",
    ),
    "no input expression": (
        one_rule().replace("<text>x</text>", ""), 5, f"{D}, input ''", "has no input expression",
    ),
    "a value that is not allowed": (
        one_rule(output="3").replace("<output></output>", ALLOWED), 6, D, "gives 3, which is not among the output",
    ),
    "texts in order": (of_type("string", test='< "b"'), 8, CELL, "x, a text, is < "),
    "a text beside a number": (
        model(given("x", "number"), given("y", "string"), table("d", ["x"], [["> y", "1"]])), 9, CELL, "with y",
    ),
    "a number that is not allowed": (
        model(TWO_NUMBERS, given("x", "two"), table("d", ["x"], [["1", "1"]])), 3, "input 'x'", "not one range",
    ),
    "a row of minuses": (one_rule("-" * 9_000 + "1"), 8, CELL, "more than 200 operations"),
    "a row of sums": (
        model(table("d", ["1" + " + 1" * 900], [["1", "1"]])), 4, f"{D}, input '1{' + 1' * 19} +…'", "200",
    ),
    "a wall of parentheses": (one_rule("(" * 5_000 + "1" + ")" * 5_000), 8, CELL, "nested deeper than 40"),
    "a text too long to read": (one_rule("1, " * 9_000 + "1"), 8, CELL, "27,001 characters"),
    "a structure that holds itself": (
        model(ENDLESS, given("x", "endless"), table("d", ["x"], [["1", "1"]])), 3, "input 'x'", "more than 300 parts",
    ),
    "too many decisions": (model(*([ANY_TABLE] * 401)), 1, "definitions", "401 elements <decision>"),
    "no rules": (model(given("x", "number"), table("d", ["x"], [])), 4, D, "has no rules"),
    "a condition too long": (one_rule(", ".join(map(str, range(2000)))), 7, RULE, "characters"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "owner", "message"), REFUSED.values(), ids=REFUSED)
def test_element_when_it_is_not_taken_is_refused_by_name_and_line(
    text: str, line: int, owner: str, message: str, tmp_path: Path
) -> None:
    found = problems_of(text, tmp_path)[0]
    assert (found.place.line, found.field) == (line, owner)
    assert message in found.message
    assert found.place.file == str(tmp_path / "model.dmn")


def test_problems_when_there_are_several_are_all_listed_in_the_order_of_lines(tmp_path: Path) -> None:
    text = model(given("x", "number"), table("d", ["x"], [["null", "1"], ["? > 1", "x"]], policy="PRIORITY"))
    found = problems_of(text, tmp_path)
    assert [problem.place.line for problem in found] == [4, 8, 12, 13]


def test_decisions_when_they_go_in_a_circle_are_refused(tmp_path: Path) -> None:
    text = model(table("a", ["b"], [['"x"', '"y"']]), table("b", ["a"], [['"y"', '"x"']]))
    found = problems_of(text, tmp_path)[0]
    assert "a cycle" in found.message
    assert (found.place.file, found.place.line) == (str(tmp_path / "model.dmn"), 2)


def test_table_when_it_has_more_inputs_than_the_engine_holds_is_refused(tmp_path: Path) -> None:
    names = [f"x{number}" for number in range(MOST_NAMES + 1)]
    rows = [[*(["-"] * number), "> 1", *(["-"] * (MOST_NAMES - number)), "1"] for number in range(MOST_NAMES + 1)]
    text = model(*(given(name, "number") for name in names), table("d", names, rows, policy="COLLECT"))
    (found,) = problems_of(text, tmp_path)
    assert f"more than {MOST_NAMES} names" in found.message
    assert found.field == f"d-{MOST_NAMES + 1}"


def test_table_when_it_has_forty_inputs_decides(tmp_path: Path) -> None:
    names = [f"x{number}" for number in range(40)]
    text = model(*(given(name, "number") for name in names), table("d", names, [[*(["> 1"] * 40), "1"]]))
    knowledge = imported(text, tmp_path)
    assert conclusions(knowledge, **dict.fromkeys(names, 2)) == {"d": 1}
    assert conclusions(knowledge, **{**dict.fromkeys(names, 2), "x39": 1}) == {"d": None}


# Hostile and broken XML

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
MANY = f'<!DOCTYPE d [<!ENTITY l0 "ha">{LAUGHS}]>'
OF_THE_SYSTEM = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
HOSTILE = {
    "a billion laughs": f'{MANY}<definitions xmlns="{DMN13}" name="&l9;"/>',
    "laughs in a text": f'{MANY}<definitions xmlns="{DMN13}"><description>&l9;</description></definitions>',
    "a file of the system": f'{OF_THE_SYSTEM}<definitions xmlns="{DMN13}"><description>&x;</description></definitions>',
    "an address": f'<!DOCTYPE d SYSTEM "http://localhost:9/x.dtd"><definitions xmlns="{DMN13}"/>',
    "a harmless document type": f'<!DOCTYPE definitions><definitions xmlns="{DMN13}"/>',
    "an open element": f'<definitions xmlns="{DMN13}"><decision>',
    "no XML": "decides: x",
    "nothing": "",
    "another format": '<html xmlns="http://www.w3.org/1999/xhtml"/>',
    "a version to come": '<definitions xmlns="https://www.omg.org/spec/DMN/20240513/MODEL/" name="x"/>',
    "deep nesting": f'<definitions xmlns="{DMN13}">{"<x>" * 5_000}{"</x>" * 5_000}</definitions>',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_file_when_it_is_hostile_or_broken_is_refused_with_one_clear_problem(text: str, tmp_path: Path) -> None:
    found = problems_of(text, tmp_path)
    assert len(found) == 1
    assert found[0].code in ("xml", "version")
    assert "root:" not in str(found[0])


def test_file_when_it_is_missing_or_a_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.dmn", tmp_path):
        with pytest.raises(BadInput):
            import_dmn(path)


# Writing the base


def test_base_when_the_directory_is_not_empty_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("mine", encoding="utf-8")
    with pytest.raises(BadInput, match="not empty"):
        write_base(tmp_path, {"facts.yaml": "facts: {}\n"})
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_base_when_the_directory_is_new_or_empty_is_written_whole(tmp_path: Path) -> None:
    files = import_dmn(TCK / "0004-simpletable-U.dmn")
    (tmp_path / "empty").mkdir()
    for directory in (tmp_path / "empty", tmp_path / "new" / "deep"):
        write_base(directory, files)
        assert {path.name: path.read_text(encoding="utf-8") for path in directory.iterdir()} == files
        assert (
            directory.stat().st_mode & 0o777 == directory.parent.stat().st_mode & 0o777 or directory.parent == tmp_path
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "new"]


# Export: valid, and run by an existing engine with the same outcomes


@pytest.fixture(scope="session")
def schema() -> etree.XMLSchema:
    spiff = pytest.importorskip("SpiffWorkflow.dmn.parser")
    path = Path(spiff.__file__).parent / "schema" / "DMN13.xsd"
    return etree.XMLSchema(etree.parse(str(path)))


@pytest.fixture(scope="session")
def shipped() -> Knowledge:
    return load_knowledge()


EVERYTHING = {
    "knowledge.yaml": "name: everything\nversion: 1.0.0\ntitle: Everything & more\nbase_units: [month]\n",
    "costs.yaml": "amounts:\n  limit: {title: Limit, value: 12.5, unit: month, source: s}\n",
    "facts.yaml": """facts:
  months: {title: Months, type: number, unit: month, source: s}
  others: {title: "Other <months>", type: number, unit: month, source: s}
  kind: {title: Kind, type: choice, choices: {red: r, green: g, "deep \\"blue\\"": b}, source: s}
  place: {title: Place, type: choice, choices: {here: h, there: t}, open: true, source: s}
  ready: {title: Is ready, type: yes/no, source: s}
""",
    "bands.yaml": """decides: band
values: [1, 2.5, -3]
hit_policy: unique
title: Band
source: s
rules:
  - {id: b-1, when: months < limit or months > 100 and ready, then: 1, because: b, source: s}
  - {id: b-2, when: limit <= months < 20, then: 2.5, because: b, source: s}
  - {id: b-3, when: otherwise, then: -3, because: b, source: s}
""",
    "answers.yaml": """name: answer
decides: {word: [Über 18, "no"], fine: [true, false]}
hit_policy: any
title: Answer
source: s
rules:
  - id: a-1
    when: 'kind in [red, "deep \\"blue\\""] and not ready'
    then: {word: Über 18, fine: true}
    because: b
    source: s
  - {id: a-2, when: kind == red and not ready, then: {word: Über 18, fine: true}, because: b, source: s}
  - {id: a-3, when: kind == green or ready, then: {word: "no", fine: false}, because: b, source: s}
""",
    "notes.yaml": """decides: note
values: [x, y, z]
hit_policy: collect
title: Notes
source: s
rules:
  - {id: n-1, when: months > others, then: x, because: b, source: s}
  - {id: n-2, when: months > 2 * others or kind != red, then: x, because: b, source: s}
  - {id: n-3, when: place == here or place != there and months != 3, then: y, because: b, source: s}
  - {id: n-4, when: answer_fine and band > 0 or others == 5, then: z, because: b, source: s}
""",
    "points.yaml": """decides: points
values: [10, 20]
hit_policy: collect
aggregate: sum
title: Points
source: s
rules:
  - {id: p-1, when: months >= 3 or ready, then: 10, because: b, source: s}
  - {id: p-2, when: 'kind in [red, green]', then: 10, because: b, source: s}
  - {id: p-3, when: answer_word == "no" if ready else months == others, then: 20, because: b, source: s}
""",
}


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    """A base with whatever a base may have: every policy, type and shape of condition."""
    directory = tmp_path_factory.mktemp("everything")
    for name, text in EVERYTHING.items():
        (directory / name).write_text(text, encoding="utf-8")
    knowledge = load_knowledge(directory)
    require_sound(knowledge)
    return knowledge


@pytest.mark.parametrize("base", ["shipped", "everything"])
def test_export_when_validated_fits_the_schema_of_dmn_1_3(
    base: str, schema: etree.XMLSchema, request: pytest.FixtureRequest
) -> None:
    knowledge: Knowledge = request.getfixturevalue(base)
    for text in (export_dmn(knowledge), *export_dmn_tables(knowledge).values()):
        schema.assertValid(etree.fromstring(text.encode()))


def spiff_engine(text: str) -> Any:
    """SpiffWorkflow's engine for the one decision table of a model."""
    from SpiffWorkflow.dmn.engine.DMNEngine import DMNEngine
    from SpiffWorkflow.dmn.parser.DMNParser import DMNParser

    parser = DMNParser(None, etree.fromstring(text.encode()), {"dmn": DMN13})
    parser.parse()
    (found,) = parser.decision.decisionTables
    return DMNEngine(found)


def spiff_result(engine: Any, data: dict[str, Any]) -> dict[str, Any]:
    from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine, TaskDataEnvironment

    evaluator = PythonScriptEngine(TaskDataEnvironment({"true": True, "false": False}))
    return dict(engine.result(SimpleNamespace(data=data, workflow=SimpleNamespace(script_engine=evaluator))))


TABLES = ["prompting_kind", "migration_action", "method", "scale", "framework_verdict", "framework_reason",
          "framework_without_volume", "economics", "recommendation", "cautions", "strength"]  # fmt: skip


def test_exported_tables_when_listed_are_every_output_of_the_shipped_base(shipped: Knowledge) -> None:
    assert set(export_dmn_tables(shipped)) == {f"{output}.dmn" for output in shipped.decision_of}
    assert set(TABLES) == set(shipped.decision_of)


@pytest.mark.parametrize("output", TABLES)
def test_exported_table_when_an_existing_engine_runs_it_concludes_the_same_on_500_random_cases(
    output: str, shipped: Knowledge
) -> None:
    pytest.importorskip("SpiffWorkflow")
    engine = spiff_engine(export_dmn_tables(shipped)[f"{output}.dmn"])
    decision, seen = shipped.decision_of[output], set()
    for case in random_cases(shipped, decision, 500):
        verdict = evaluate_decision(shipped, decision, case.values, case.origins)
        found = spiff_result(engine, case.data).get(output)
        if verdict.table.policy == "collect":
            assert sorted(found or []) == sorted(verdict.collected), case.data
        else:
            assert found == (verdict.outputs or {}).get(output), case.data
        seen.add(str(found))
    assert len(seen) > 1


def random_cases(
    knowledge: Knowledge, decision: str, count: int, *, read: Sequence[str] | None = None
) -> Iterator[Any]:
    """Cases that give everything the decision, or all decisions, reads, around the thresholds of conditions."""
    chance = random.Random(decision)
    cuts = thresholds(knowledge)
    tables = list(knowledge.decisions.values()) if read else [knowledge.decisions[decision]]
    read = read or sorted(knowledge.reads[decision] - knowledge.constants.keys())
    states = {part for table in tables for row in table.rows for part in walk(row.when) if isinstance(part, State)}
    for _ in range(count):
        values: dict[str, Value] = {**dict.fromkeys(knowledge.scope.symbols), **knowledge.constants}
        values.update({name: random_value(knowledge, name, cuts.get(name, (0.0, 100.0)), chance) for name in read})
        origins = {name: chance.choice(["answered", "measured", "supposed", "computed"]) for name in read}
        data = {knowledge.declared_name(name): values[name] for name in read}
        for state in states:
            asked = "known" if state.state == "unknown" else state.state
            data[f"{state.name}_is_{asked}"] = has_state(state.name, asked, origins)
        yield SimpleNamespace(values=values, origins=origins, data=data)


def random_value(knowledge: Knowledge, name: str, cuts: Sequence[float], chance: random.Random) -> Value:
    kind = knowledge.scope.symbols[name].type
    if isinstance(kind, NumberType):
        number = chance.choice(cuts) + chance.choice([0.0, 0.0, 1.0, -1.0, 0.5, -0.01, 1000.0])
        fact = knowledge.facts.get(name)
        if fact is None and "payback_months" in name and chance.random() < 0.2:
            return float("inf")
        # A horizon below nothing would let rules of one table contradict each other.
        return max(number, fact.bounds[0] if fact else 0.0)
    return chance.random() < 0.5 if isinstance(kind, TruthType) else chance.choice(kind.values)


@pytest.mark.parametrize("output", ["band", "note"])
def test_exported_table_of_every_shape_when_an_existing_engine_runs_it_concludes_the_same(
    output: str, everything: Knowledge
) -> None:
    pytest.importorskip("SpiffWorkflow")
    engine = spiff_engine(export_dmn_tables(everything)[f"{output}.dmn"])
    for case in full_cases(everything, 300):
        expected = conclusions(everything, **case)
        data = {**case, **expected, "answer": SimpleNamespace(**expected["answer"]) if expected["answer"] else None}
        if "not(" in export_dmn_tables(everything)[f"{output}.dmn"] and case["place"] not in ("here", "there"):
            continue  # a test that only DMN engines proper can read
        found = spiff_result(engine, data).get(output)
        assert (sorted(found or []) if output == "note" else found) == (
            sorted(expected[output]) if output == "note" else expected[output]
        ), case


def full_cases(knowledge: Knowledge, count: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(3)
    for _ in range(count):
        yield {
            "months": chance.choice([2.0, 3.0, 5.0, 12.5, 13.0, 20.0, 101.0]),
            "others": chance.choice([2.0, 3.0, 5.0, 60.0]),
            "kind": chance.choice(list(knowledge.facts["kind"].choices or ())),
            "place": chance.choice(["here", "there"]),
            "ready": chance.random() < 0.5,
        }


def test_export_when_imported_again_concludes_the_same(everything: Knowledge, tmp_path: Path) -> None:
    path = tmp_path / "again.dmn"
    path.write_text(export_dmn(everything), encoding="utf-8")
    again = based_on(path, tmp_path / "again")
    for case in full_cases(everything, 60):
        before, after = conclusions(everything, **case), conclusions(again, **case)
        assert {**before, "note": sorted(before["note"])} == {**after, "note": sorted(after["note"])}, case


@pytest.fixture(scope="session")
def shipped_again(shipped: Knowledge, tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    """The shipped base, exported and imported."""
    directory = tmp_path_factory.mktemp("shipped")
    path = directory / "shipped.dmn"
    path.write_text(export_dmn(shipped), encoding="utf-8")
    return based_on(path, directory / "again")


def test_export_of_the_shipped_base_when_imported_again_decides_as_it_did(
    shipped: Knowledge, shipped_again: Knowledge
) -> None:
    decisions = [name for name in shipped.order if name in shipped.decisions]
    figures = [name for name in shipped_again.order if name in shipped_again.figures]
    computed = {name: compile_plain(shipped_again.quantities[name].formula, shipped_again.tables) for name in figures}
    seen: set[str] = set()
    for case in random_cases(shipped, "all of them", 200, read=leaves(shipped)):
        # Figures are facts here, and of those the largest number stands for never.
        given = {name: min(value, 1e15) if isinstance(value, float) else value for name, value in case.data.items()}
        values = {**dict.fromkeys(shipped_again.scope.symbols), **given}
        for decision in decisions:
            before = evaluate_decision(shipped, decision, case.values, case.origins)
            case.values.update(before.outputs or {})
            # What says whether a decision gives something follows the decisions so far.
            for name in figures:
                values[name] = computed[name](values, {})
            for output in shipped.decisions[decision].outputs:
                after = evaluate_decision(
                    shipped_again, shipped_again.decision_of[output], values, dict.fromkeys(given, "answered")
                )
                if before.table.policy == "collect":
                    assert sorted(after.collected) == sorted(before.collected), case.data
                else:
                    found = (after.outputs or {}).get(output)
                    assert found == (before.outputs or {}).get(output), (output, case.data)
                    values[output] = found
                    seen.add(f"{output} {found}")
    assert {one.partition(" ")[0] for one in seen} == set(TABLES) - {"cautions"}


def leaves(knowledge: Knowledge) -> list[str]:
    """What decisions read that no decision concludes."""
    read = set[str]().union(*(knowledge.reads[name] for name in knowledge.decisions))
    return sorted(name for name in read - knowledge.constants.keys() if name not in knowledge.decision_of)


def test_never_when_exported_is_a_number_that_a_case_can_give(shipped: Knowledge, shipped_again: Knowledge) -> None:
    assert "1000000000000000<" in export_dmn(shipped)
    number = next(name for name, fact in shipped_again.facts.items() if fact.type == "number")
    assert case_from_mapping({number: 1e15}, shipped_again.facts, "case").given[number].value == 1e15


def test_export_when_a_condition_reads_a_volume_table_is_refused_by_rule(tmp_path: Path) -> None:
    files = {
        **EVERYTHING,
        "costs.yaml": "tables:\n  price: {title: P, takes: month, gives: month, rows: [[1, 1]], below: first row, "
        "above: last row, source: s}\namounts:\n  limit: {title: Limit, value: 12.5, unit: month, source: s}\n",
        "bands.yaml": EVERYTHING["bands.yaml"].replace("limit <= months < 20", "price(months) < others"),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        export_dmn(load_knowledge(tmp_path))
    assert caught.value.problems[0].field == "b-2"
    assert "the table price" in caught.value.problems[0].message


# The command line


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "cli.py", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_command_when_it_imports_makes_a_base_that_recommend_decides_with(tmp_path: Path) -> None:
    base, case = str(tmp_path / "base"), tmp_path / "case.yaml"
    made = run("rules", "import", str(TCK / "0010-multi-output-U.dmn"), "-o", base)
    assert made.returncode == 0, made.stderr
    case.write_text("age: 18\nrisk_category: Medium\nis_affordable: yes\n", encoding="utf-8")
    decided = run("recommend", "--rules", base, str(case), "--format", "json")
    assert decided.returncode == 0, decided.stderr
    found = json.loads(decided.stdout)
    assert found["recommendation"] is None
    assert found["conclusions"] == {"approval": {"status": "Approved", "rate": "Standard"}}
    again = run("rules", "import", str(TCK / "0010-multi-output-U.dmn"), "-o", base)
    assert again.returncode == 2
    assert "not empty" in again.stderr


def test_command_when_it_imports_tells_every_name_that_changed(tmp_path: Path) -> None:
    path = tmp_path / "model.dmn"
    outputs = [("Is Fine", "boolean"), ("score", "number")]
    path.write_text(
        model(given("Applicant Age", "number"), given("years", "number"),
              table("My Result", ["Applicant Age", "years"], [["> 1", "> 2", "true", "3"]], outputs=outputs)),
        encoding="utf-8",
    )  # fmt: skip
    made = run("rules", "import", str(path), "-o", str(tmp_path / "base"))
    first, *rest = made.stdout.splitlines()
    assert first.startswith("4 files in ")
    assert rest == [
        "input 'Applicant Age' is now applicant_age.",
        "decision 'My Result' is now my_result.",
        "decision 'My Result', output 'Is Fine' is now my_result.is_fine.",
    ]
    assert [line.rstrip(".") for line in rest] == list(import_model(path).notes)


def test_command_when_its_directory_has_no_name_is_refused() -> None:
    refused = run("rules", "import", str(TCK / "0010-multi-output-U.dmn"), "-o", "")
    assert (refused.returncode, "not the name of a directory" in refused.stderr) == (2, True)


def test_command_when_it_exports_prints_what_the_schema_takes(schema: etree.XMLSchema) -> None:
    printed = run("rules", "export", "--format", "dmn")
    assert printed.returncode == 0, printed.stderr
    schema.assertValid(etree.fromstring(printed.stdout.encode()))


def test_command_when_the_file_is_refused_writes_nothing_and_exits_with_2(tmp_path: Path) -> None:
    path = tmp_path / "model.dmn"
    path.write_text(one_rule(policy="PRIORITY"), encoding="utf-8")
    made = run("rules", "import", str(path), "-o", str(tmp_path / "base"))
    assert made.returncode == 2
    assert f"{path}:4: decision 'd': the hit policy PRIORITY is not taken" in made.stderr
    assert not (tmp_path / "base").exists()
