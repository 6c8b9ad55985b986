"""Justifications: complete and acyclic trees whose values are the decision's and whose sums come out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.case import Case, Given, read_case
from engine.commands.explain import why
from engine.conclusions import conclusions
from engine.decision import Decision
from engine.describe import describe
from engine.errors import BadInput, InferenceError
from engine.explain.common import plain
from engine.explain.justification import Justification, Step, explicable_names, justify, steps_of
from engine.explain.report import render_why
from engine.inference import EnginePool
from engine.knowledge import Knowledge, load_knowledge
from engine.language.evaluate import Value, tidy
from engine.language.nodes import Call, names_in, walk
from engine.pipeline import Outcome, infer
from engine.report import Format
from engine.source import read_document
from tests.cases import EXAMPLES, ROOT, answers, decided, example, knowledge, pool, small_base
from tests.strategies import RandomBase, base, case_of, choice, decision, loaded, number, random_bases_with_cases, truth

FORMATS: tuple[Format, ...] = ("terminal", "markdown", "html", "json")
GPU = ROOT / "examples" / "gpu-rent-or-buy"
quickly = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), report_multiple_bugs=False)


def named(step: Step) -> dict[str, Step]:
    """The steps of a tree that are told in full, by name."""
    return {found.name: found for _, found in steps_of(step) if not found.as_above}


def problems_of(outcome: Outcome, justification: Justification) -> Iterator[str]:
    """What is wrong with a tree: names of shown rules that are missing, circles, references to what is not above."""
    facts = outcome.knowledge
    rows = {row.id: row for table in facts.decisions.values() for row in table.rows}
    steps = list(steps_of(justification.why))
    names = {step.name for _, step in steps}
    path: list[str] = []
    told: set[str] = set()
    for depth, step in steps:
        del path[depth:]
        # One table may be looked up at what another look-up gave.
        if step.kind != "table" and step.name in path:
            yield f"{step.name} rests on itself"
        path.append(step.name)
        if step.as_above and step.as_above not in told:
            yield f"{step.name} is said to be above"
        if not step.as_above:
            told.add(step.name)
        for rule in step.rules:
            missing = facts.declared_names(rows[rule.rule].when) - names
            yield from (f"{rule.rule} reads {name}" for name in sorted(missing))
            tables = {part.function for part in walk(rows[rule.rule].when) if isinstance(part, Call)}
            yield from (f"{rule.rule} looks up {name}" for name in sorted(tables & facts.tables.keys() - names))
        for rule in step.not_held:
            yield from (
                f"{rule.rule} reads {name}" for part in rule.conditions for name in part.reads if name not in names
            )


# On the examples


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_tree_of_an_example_when_its_rules_are_read_is_complete_and_without_circles(path: Path) -> None:
    outcome = decided(example(path.stem))
    assert list(problems_of(outcome, justify(outcome, pool()))) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_trees_of_all_names_of_an_example_when_built_have_the_values_of_the_decision(path: Path) -> None:
    outcome = decided(example(path.stem))
    told = describe(outcome)
    for name in explicable_names(outcome.knowledge):
        for _, step in steps_of(justify(outcome, pool(), name).why):
            assert step.value == value_in(told, outcome, step), step.name


def value_in(told: Decision, outcome: Outcome, step: Step) -> object:
    """What the decision says of the name of a step."""
    if step.how == "fallback":
        assert told.recommendation is not None
        is_answer = step.name == outcome.knowledge.manifest.recommends
        return told.recommendation.approach if is_answer else told.recommendation.strength
    match step.kind:
        case "conclusion":
            return told.conclusions[step.name]
        case "figure":
            return told.figures[step.name].value
        case "fact":
            return told.case[step.name].value if step.name in told.case else None
        case "amount":
            return outcome.knowledge.constants[step.name]
        case "signal":
            return outcome.could_turn
        case _:
            rows = {row.at: row.gives for row in step.rows}
            assert isinstance(step.value, float) == (step.how == "looked up")
            if step.as_above or step.value is None:
                return step.value
            assert len(rows) > 1 or [step.value] == list(rows.values()) or "proportional" in declared_ends(step.name)
            return step.value


def declared_ends(table: str) -> tuple[str, str]:
    declared = knowledge().table_declarations[table]
    return declared.below, declared.above


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_figures_of_an_example_when_computed_from_the_steps_below_them_have_their_value(path: Path) -> None:
    outcome = decided(example(path.stem))
    checked = 0
    for name in (*outcome.knowledge.figures, *outcome.knowledge.decision_of):
        for step in named(justify(outcome, pool(), name).why).values():
            if step.formula is not None:
                assert computed(outcome, step) == step.value, step.name
                checked += 1
    assert checked > len(outcome.knowledge.figures)


def computed(outcome: Outcome, step: Step) -> object:
    """The formula of a step with nothing but the values of the steps right below it."""
    facts = outcome.knowledge
    values: dict[str, Value] = dict.fromkeys(facts.scope.symbols)
    for below in step.inputs:
        value = float("inf") if below.value == "never" else below.value
        assert value is None or isinstance(value, float | bool | str)
        values[below.name] = value
    # What a table is asked at stands below the table.
    for below in step.inputs:
        if below.kind == "table":
            values |= {name: outcome.memory.values[name] for name in names_below(facts, step.name)}
    found = facts.quantities[step.name].evaluate(values, outcome.memory.origins)
    found = tidy(found) if step.kind == "figure" else found
    return "never" if found == float("inf") else found


def names_below(facts: Knowledge, name: str) -> frozenset[str]:
    formula = facts.quantities[name].formula
    return frozenset().union(*(names_in(part) for part in walk(formula) if isinstance(part, Call)))


#: Units after a number, and words; what is left of a shown sum is arithmetic.
_UNITS = re.compile(r"/[A-Za-z]+|\bper [a-z]+|[$,]|(?<![a-z])(?!min\b|max\b)[A-Za-z]+")


def shown_number(text: str) -> float | None:
    """A shown sum as a number; None where it holds none, or a value that is shown only roughly."""
    if "almost" in text or "never" in text or "unknown" in text or not re.search(r"\d", text):
        return None
    plain = re.sub(r"(\d+(?:\.\d+)?) ?%", r"(\1/100)", _UNITS.sub("", text))
    plain = plain.replace("×", "*").replace("−", "-").strip()
    assert re.fullmatch(r"[\d\s().*/+\-]*(?:(?:min|max)[\d\s().*/+\-]*)*", plain), (text, plain)
    return float(eval(plain, {"min": min, "max": max}))  # noqa: S307 - nothing but numbers and signs


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_shown_sums_of_an_example_when_worked_out_come_to_the_shown_value(path: Path) -> None:
    outcome = decided(example(path.stem))
    checked = 0
    for step in named(justify(outcome, pool(), "method_net_benefit").why).values():
        parts = (step.substitution or "").split(" = ")
        if len(parts) < 2 or " at " in parts[-2] or "min(" in parts[-2]:
            continue
        expression, result = shown_number(parts[-2]), shown_number(re.sub(r" \([^)]*\)?$", "", parts[-1]))
        if expression is not None and result is not None:
            assert expression == pytest.approx(result, rel=0.02, abs=0.02), step.substitution
            assert parts[-1].startswith(step.shown), step.substitution
            checked += 1
    assert checked > 0 or path.stem == "much-unknown"


# At random


@given(st.data())
@quickly
def test_tree_of_a_random_case_of_the_built_in_base_is_complete_and_has_the_values_of_the_case(
    data: st.DataObject,
) -> None:
    outcome = decided(data.draw(answers(complete=data.draw(st.booleans()))).case)
    justification = justify(outcome, pool())
    assert list(problems_of(outcome, justification)) == []
    concluded = conclusions(outcome)
    for _, step in steps_of(justification.why):
        if step.kind in ("figure", "fact", "amount"):
            assert step.value == plain(outcome.memory.values[step.name]), step.name
        elif step.kind == "conclusion" and step.how != "fallback":
            assert step.value == concluded[step.name], step.name


@given(random_bases_with_cases(cases=2))
@quickly
def test_trees_of_random_bases_and_cases_are_complete_and_without_circles(
    drawn: tuple[RandomBase, list[Case]],
) -> None:
    random, cases = drawn
    found = loaded(random.files)
    engines = EnginePool(found)
    for case in cases:
        try:
            outcome = infer(case, engines)
        except InferenceError:
            continue
        for name in explicable_names(found):
            justification = justify(outcome, engines, name)
            assert list(problems_of(outcome, justification)) == [], name
            shown = [render_why(justification, one, width=80) for one in FORMATS]
            assert all(text.endswith("\n") for text in shown)
    engines.close()


# Depth


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_depth_when_asked_for_cuts_the_tree_there_and_says_so(depth: int) -> None:
    outcome = decided(example("ranges"))
    shallow = list(steps_of(justify(outcome, pool(), depth=depth).why))
    assert max(level for level, _ in shallow) == depth
    assert {level for level, step in shallow if step.cut} == {depth}
    assert all(step.rules or step.formula for _, step in shallow if step.cut)


def test_depth_when_a_step_comes_again_further_up_tells_there_what_it_rests_on() -> None:
    outcome = decided(example("ranges"))
    steps = [step for _, step in steps_of(justify(outcome, pool(), depth=1).why)]
    assert [step.name for step in steps].count("method") == 1


# What is open


def test_recommendation_when_something_unknown_keeps_it_open_is_told_as_the_fallback_and_what_it_waits_for() -> None:
    root = justify(decided(example("much-unknown")), pool()).why
    assert (root.how, root.value) == ("fallback", "prompt_engineering")
    assert root.because is not None
    assert "start with prompt engineering" in root.because
    assert set(root.waits_for) == {"labeled_examples", "domain_changes_often", "fine_tuned_accuracy"}
    assert {rule.stands for rule in root.rules} == {"open"}


def test_figure_when_something_unknown_keeps_it_open_names_what_it_waits_for() -> None:
    root = justify(decided(example("much-unknown")), pool(), "net_benefit").why
    assert (root.value, root.waits_for) == (None, ("fine_tuned_accuracy",))
    assert root.substitution == "waits for accuracy after fine-tuning"


STANDING = base(
    {"t": truth(), "n": number(min=0, max=10)},
    [
        decision("d", "first", [("t and n > 3", "red"), ("not t", "red"), ("n > 5", "red"), ("true", "red")]),
        decision("e", "first", [("d == red", "green"), ("true", "red")]),
    ],
    recommends="e",
)


def test_conclusion_when_it_stands_whatever_is_unknown_says_whatever_and_shows_the_ways() -> None:
    engines = EnginePool(STANDING)
    outcome = infer(Case("test", {}), engines)
    step = justify(outcome, engines, "d").why
    assert (step.how, step.value) == ("stands", "red")
    assert set(step.whatever) == {"t", "n"}
    assert {"d-0", "d-1"} <= {way.rule for way in step.examples}
    for way in step.examples:
        again = infer(case_of("answered", **way.facts), engines).verdicts["d"]
        assert again.table.rows[again.decisive[0]].id == way.rule
    text = render_why(justify(outcome, engines, "d"), "terminal", width=100)
    assert "It stands whatever the value of" in text


def test_strength_when_explained_tells_what_could_turn_the_recommendation() -> None:
    root = justify(decided(example("ranges")), pool(), "strength").why
    signal = named(root)["something_could_turn_it"]
    assert (signal.kind, signal.value) == ("signal", True)
    assert "prompt_accuracy" in signal.whatever


# What is known


def test_fact_when_given_has_its_line_origin_and_source() -> None:
    outcome = decided(example("dear-errors-at-low-volume"))
    root = justify(outcome, pool(), "prompt_accuracy").why
    assert (root.origin, root.source, root.how) == ("measured", "sample of 500 clauses", "given")
    assert root.place is not None
    assert root.place.endswith("dear-errors-at-low-volume.yaml:15")


def test_table_when_looked_up_between_rows_shows_the_two_rows() -> None:
    outcome = decided(example("much-unknown"))
    table = named(justify(outcome, pool(), "prompt_monthly").why)["prompt_bill_at"]
    assert [(row.at, row.gives) for row in table.rows] == [(100_000, 600), (500_000, 3_000)]
    assert table.value == 720


def test_earlier_rules_of_a_first_decision_when_a_later_one_decides_have_the_condition_that_failed() -> None:
    root = justify(decided(example("case-2-insurance-claims")), pool(), "framework_verdict").why
    assert [rule.rule for rule in root.rules] == ["q3-critical-accuracy"]
    failed = {rule.rule: [part.text for part in rule.conditions] for rule in root.not_held}
    assert failed == {
        "q1-low-volume": ["requests_per_month_in_12_months < 50_000"],
        "q2-no-team": ["not has_ml_engineering"],
    }


def test_amount_when_its_value_is_dated_says_since_when() -> None:
    facts = load_knowledge(GPU / "rules", date(2026, 5, 1))
    engines = EnginePool(facts)
    outcome = infer(read_case(read_document(GPU / "case.yaml"), facts.facts), engines)
    root = justify(outcome, engines, "reserve_discount").why
    assert root.since == "2026-01-01"
    assert root.place is not None
    assert "costs.yaml" in root.place
    assert list(problems_of(outcome, justify(outcome, engines))) == []


def test_outputs_that_are_concluded_together_when_both_are_read_are_told_once() -> None:
    steps = [step for _, step in steps_of(justify(decided(example("much-unknown")), pool()).why)]
    second = next(step for step in steps if step.name == "framework_reason")
    assert second.as_above == "framework_verdict"


# Asking wrongly

NOTHING_RECOMMENDED = base({"t": truth()}, [decision("d", "first", [("t", "red"), ("true", "green")])])
REFUSED = {
    "a misspelt name": (knowledge, "mehtod", "Did you mean 'method'?"),
    "a rule": (knowledge, "pays-lora", "Ask for what it concludes: recommendation"),
    "a table": (knowledge, "prompt_bill_at", "Ask for what looks it up: prompt_monthly"),
    "nothing like it": (knowledge, "x" * 500, "lists all names"),
    "none, and nothing is recommended": (lambda: NOTHING_RECOMMENDED, None, "Name one of d"),
}


@pytest.mark.parametrize(("facts", "name", "hint"), REFUSED.values(), ids=REFUSED)
def test_name_when_it_cannot_be_explained_is_refused_with_a_way_out(facts: object, name: str, hint: str) -> None:
    found: Knowledge = facts()  # type: ignore[operator]
    engines = EnginePool(found)
    with pytest.raises(BadInput) as raised:
        justify(infer(Case("test", {}), engines), engines, name)
    assert hint in str(raised.value)
    assert len(raised.value.problems) == 1


# Shown


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not [name for name, value in attributes if name in ("src", "onclick") or "http" in (value or "")]
        if tag not in ("meta", "link", "path", "circle", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - by name
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e*x*_|[bold]\\¦`"


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("path", EXAMPLES[:3], ids=lambda path: path.stem)
def test_justification_when_the_case_is_hostile_is_harmless_in_every_format(path: Path, format: Format) -> None:
    case = example(path.stem)
    name = next(iter(case.given))
    spoiled = Given(name, case.given[name].value, source=HOSTILE)
    outcome = decided(Case(HOSTILE, {**case.given, name: spoiled}))
    text = render_why(justify(outcome, pool()), format, width=80)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    if format == "html":
        tags = _Tags()
        tags.feed(text)
        assert "script" not in tags.tags
        assert tags.open == []
    if format == "json":
        assert json.loads(text)["case_name"] == HOSTILE


def test_terminal_when_narrow_keeps_every_line_within_it() -> None:
    text = render_why(justify(decided(example("ranges")), pool()), "terminal", width=60)
    assert max(map(len, text.splitlines())) <= 60
    assert "LoRA brings most of full fine-tuning's gain" in " ".join(text.split())


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(why, list(map(str, arguments)))


def test_command_when_run_prints_the_tree_and_writes_what_the_file_name_asks_for(tmp_path: Path) -> None:
    case = ROOT / "examples" / "case-2-insurance-claims.yaml"
    printed = run(case)
    assert (printed.exit_code, printed.output.count("critical-full")) == (0, 1)
    written = tmp_path / "why.json"
    assert run(case, "method", "--depth", "1", "-o", written).exit_code == 0
    assert json.loads(written.read_text("utf-8"))["why"]["value"] == "full_fine_tuning"


def test_command_when_the_name_is_unknown_ends_with_status_2_and_a_suggestion() -> None:
    refused = run(ROOT / "examples" / "ranges.yaml", "net_benefits")
    assert refused.exit_code == 2
    assert "Did you mean 'net_benefit'?" in refused.stderr


def test_command_when_given_another_base_explains_it() -> None:
    printed = run(GPU / "case.yaml", "--rules", GPU / "rules", "--format", "json")
    assert printed.exit_code == 0
    assert json.loads(printed.stdout)["asked"] == "advice"


def test_choice_that_may_be_any_text_when_explained_shows_the_text_that_was_given() -> None:
    facts = base(
        {"c": choice("red", open=True)},
        [decision("d", "first", [("c == red", "yes_red"), ("true", "other")])],
    )
    engines = EnginePool(facts)
    root = justify(infer(case_of("answered", c="violet"), engines), engines, "d").why
    assert named(root)["c"].value == "violet"
    assert root.value == "other"


def test_base_whose_steps_are_many_when_explained_stops_at_the_deepest_that_is_shown() -> None:
    figures = {"f0": "n + 1", **{f"f{index}": f"f{index - 1} + 1" for index in range(1, 300)}}
    facts = base({"n": number()}, [decision("d", "first", [("f299 > 3", "red"), ("true", "green")])], figures=figures)
    engines = EnginePool(facts)
    justification = justify(infer(case_of("answered", n=1.0), engines), engines, "d")
    steps = list(steps_of(justification.why))
    assert steps[-1][1].cut
    assert json.loads(render_why(justification, "json"))["why"]["value"] == "red"
    assert render_why(justification, "html").count("<details") == len(steps)


def test_small_base_when_its_recommendation_is_explained_names_row_figure_table_and_amount(tmp_path: Path) -> None:
    facts = load_knowledge(small_base(tmp_path))
    engines = EnginePool(facts)
    outcome = infer(case_of("answered", months=24.0), engines)
    steps = named(justify(outcome, engines).why)
    assert {"advice", "saving", "rent", "rent_row", "rebate_at", "price", "months", "is_urgent"} == steps.keys()


GROUPED: dict[str, object] = {
    "name": "verdict",
    "decides": {"colour": ["red", "green"], "size": [1, 2]},
    "titles": {"colour": "the hue"},
    "hit_policy": "first",
    "title": "The verdict",
    "source": "test",
    "rules": [
        {"id": "large", "when": "n > 3", "then": {"colour": "red", "size": 2}, "because": "So.", "source": "test"},
        {"id": "small", "when": "true", "then": {"colour": "green", "size": 1}, "because": "So.", "source": "test"},
    ],
}
GATHERING = base(
    {"n": number()},
    [
        GROUPED,
        decision("s", "collect", [("n > 1", 2.0), ("n > 2", 3.0)], aggregate="sum"),
        decision("w", "unique", [("s > 4 and verdict_size < 2", "high"), ("otherwise", "low")]),
    ],
)
SHAPES = {
    "a group": ("verdict", {"colour": "green", "size": 1.0}, "the hue: green; size: 1", ["small"]),
    "one of a group": ("verdict_size", 1.0, "1", ["small"]),
    "a sum": ("s", 5.0, "5", ["s-0", "s-1"]),
    "a unique row": ("w", "high", "high", ["w-0"]),
}


@pytest.mark.parametrize(("name", "value", "shown", "rules"), SHAPES.values(), ids=SHAPES)
def test_conclusion_of_every_shape_when_explained_has_its_value_and_rules(
    name: str, value: object, shown: str, rules: list[str]
) -> None:
    engines = EnginePool(GATHERING)
    outcome = infer(case_of("answered", n=2.5), engines)
    justification = justify(outcome, engines, name)
    root = justification.why
    assert (root.value, root.shown, [rule.rule for rule in root.rules]) == (value, shown, rules)
    assert list(problems_of(outcome, justification)) == []


def test_row_that_holds_where_no_other_does_when_it_decides_shows_what_failed_in_all_others() -> None:
    engines = EnginePool(GATHERING)
    root = justify(infer(case_of("answered", n=5.0), engines), engines, "w").why
    assert [rule.rule for rule in root.rules] == ["w-1"]
    assert [(rule.rule, [part.text for part in rule.conditions]) for rule in root.not_held] == [
        ("w-0", ["verdict_size < 2"])
    ]
