"""What if: arguments in the case file's own syntax, both decisions whole, and what changed with the reason why."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.case import Case, Given
from engine.case_file import case_to_yaml
from engine.commands.explain import what_if as command
from engine.decision import Decision
from engine.describe import decide
from engine.errors import BadInput, InferenceError
from engine.explain.report import render_what_if
from engine.explain.whatif import Changed, WhatIf, given_anew, what_if
from engine.inference import EnginePool
from engine.report import Format, render
from tests.cases import EXAMPLES, ROOT, answers, example, knowledge, pool
from tests.strategies import RandomBase, base, case_of, decision, loaded, number, random_bases_with_cases, truth

FORMATS: tuple[Format, ...] = ("terminal", "markdown", "html", "json")
GPU = ROOT / "examples" / "gpu-rent-or-buy"
NONE = Changed(
    facts=(),
    recommendation=None,
    settled=None,
    strength=None,
    conclusions=(),
    rules_only_before=(),
    rules_only_after=(),
    figures=(),
    cautions_gained=(),
    cautions_lost=(),
)


# Arguments

VALUES = {
    "a number": ("budget=20000", (20_000.0, None, None)),
    "a number with underscores": ("budget=20_000", (20_000.0, None, None)),
    "a number as people write it": ("budget=$20k", (20_000.0, None, None)),
    "a percentage": ("prompt_accuracy=82%", (0.82, None, None)),
    "a truth": ("is_prototype=yes", (True, None, None)),
    "another truth": ("is_prototype=No", (False, None, None)),
    "a choice": ("task=tagging", ("tagging", None, None)),
    "unknown": ("budget=unknown", (None, None, None)),
    "a range": ("prompt_accuracy={low: 0.8, high: 0.9}", (0.85, 0.8, 0.9)),
    "a range with its likely value": ("prompt_accuracy={low: 0.8, likely: 0.82, high: 0.9}", (0.82, 0.8, 0.9)),
    "a range with dots": ("prompt_accuracy=0.8..0.9", (0.85, 0.8, 0.9)),
    "a range with dots and spaces": (" budget = 20_000 .. 40_000 ", (30_000.0, 20_000.0, 40_000.0)),
    "an origin": ("budget={value: 5, origin: measured, source: invoice}", (5.0, None, None)),
}


@pytest.mark.parametrize(("text", "expected"), VALUES.values(), ids=VALUES)
def test_argument_when_written_as_in_a_case_file_gives_the_value(text: str, expected: tuple[object, ...]) -> None:
    (found,) = given_anew([text], knowledge())
    assert (found.value, found.low, found.high) == pytest.approx(expected)


REFUSED = {
    "no equals sign": ("budget", "budget: expected FACT=VALUE. Write e.g. requests_per_month=200_000."),
    "no such fact": ("bugdet=5", "Did you mean 'budget'?"),
    "a figure": ("net_benefit=5", "is a figure, and no fact"),
    "a conclusion": ("method=lora", "is concluded by rules, and no fact"),
    "no value": ("budget=", "Write budget=unknown to take an answer back"),
    "a word for a number": (
        "budget=plenty",
        'budget=plenty: budget: expected a number of USD ≥ 0, got "plenty". Write e.g. budget=',
    ),
    "beyond its bounds": ("prompt_accuracy=82", "Write 0.82 for 82 %"),
    "a reversed range": ("prompt_accuracy=0.9..0.8", "Exchange the two"),
    "a range of a truth": ("is_prototype=0.1..0.2", "got a range"),
    "half a range": ("prompt_accuracy={low: 0.9}", "a range needs high too"),
    "two lines": ("budget=5\nis_prototype: yes", "expected a value on one line"),
    "broken brackets": ("budget={low: 5", "budget={low: 5"),
    "a very long value": (f"budget={'9' * 5_000}", "expected a value on one line"),
    "terminal control": ("budget=\x1b[31m5", "budget=␛[31m5"),
    "a name with a colon": ("budget: 5=6", "there is no fact of this name"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_argument_when_wrong_is_refused_by_its_name_with_a_way_out(text: str, message: str) -> None:
    with pytest.raises(BadInput) as raised:
        given_anew([text], knowledge())
    told = "\n".join(map(str, raised.value.problems))
    assert message in told
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", told)


def test_arguments_when_several_are_wrong_are_all_named() -> None:
    with pytest.raises(BadInput) as raised:
        given_anew(["bugdet=5", "budget=5", "budget=6", "task=x"], knowledge())
    assert len(raised.value.problems) == 3
    assert "'budget' is given twice" in str(raised.value)


def test_arguments_when_there_are_none_are_asked_for() -> None:
    with pytest.raises(BadInput, match="nothing is given anew"):
        what_if(example("ranges"), pool(), [])


# Both decisions


def check(answer: WhatIf) -> None:
    """What is said to have changed has, and nothing else."""
    before, after, changed = answer.before, answer.after, answer.changed
    assert {one.name for one in changed.conclusions} == {
        name for name in before.conclusions if before.conclusions[name] != after.conclusions[name]
    }
    for one in changed.conclusions:
        assert (one.from_, one.to) == (before.conclusions[one.name], after.conclusions[one.name])
    assert {one.name for one in changed.figures} == {
        name
        for name in before.figures.keys() | after.figures.keys()
        if _told(before, name) != _told(after, name) and (name in before.figures) == (name in after.figures)
    } | {one.name for one in changed.figures if (one.name in before.figures) != (one.name in after.figures)}
    fired = {one.rule for one in before.firings}, {one.rule for one in after.firings}
    assert {one.name for one in changed.rules_only_before} == fired[0] - fired[1]
    assert {one.name for one in changed.rules_only_after} == fired[1] - fired[0]
    cautions = {one.caution for one in before.cautions}, {one.caution for one in after.cautions}
    assert {one.name for one in changed.cautions_lost} == cautions[0] - cautions[1]
    assert {one.name for one in changed.cautions_gained} == cautions[1] - cautions[0]
    for conclusion in changed.conclusions:
        for tipped in conclusion.tipped:
            assert tipped.before.truth is not tipped.after.truth


def _told(decision: Decision, name: str) -> tuple[object, str] | None:
    """What a decision says of a figure; less than any number is null, as what is unknown, and only shown apart."""
    figure = decision.figures.get(name)
    return None if figure is None else (figure.value, figure.shown)


CHANGES = {
    "case-1-support-tickets": ["requests_per_month=2_000_000", "budget=unknown"],
    "case-2-insurance-claims": ["budget=20_000", "prompt_accuracy=0.8..0.9"],
    "case-3-code-generation-as-printed": ["prompt_monitoring_per_month=5_000"],
    "case-3-code-generation-priced": ["repetitive_share=unknown"],
    "cheap-requests-at-high-volume": ["accuracy_is_critical=yes"],
    "dear-errors-at-low-volume": ["fine_tuned_accuracy=0.87", "domain_changes_often=yes"],
    "much-unknown": ["has_labeled_data=yes", "domain_changes_often=no", "fine_tuned_accuracy=0.95"],
    "ranges": ["labeled_examples=unknown", "has_labeled_data=unknown"],
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_decisions_of_an_example_when_facts_are_given_anew_are_those_of_the_two_cases(path: Path) -> None:
    case = example(path.stem)
    answer = what_if(case, pool(), CHANGES[path.stem])
    changed = case
    for one in given_anew(CHANGES[path.stem], knowledge()):
        changed = changed.replace(one.name, one)
    assert answer.before == decide(case, pool())
    assert answer.after == decide(changed, pool())
    assert [one.name for one in answer.changed.facts] == [text.partition("=")[0] for text in CHANGES[path.stem]]
    check(answer)
    assert answer.changed.conclusions


def test_nothing_when_the_same_is_given_anew_has_changed() -> None:
    answer = what_if(example("case-2-insurance-claims"), pool(), ["budget=80_000"])
    assert answer.changed.model_copy(update={"facts": ()}) == NONE
    assert answer.changed.nothing
    assert "No conclusion changes." in render_what_if(answer, "terminal", width=80)


def test_conclusion_when_it_changed_names_the_rule_then_and_now_and_the_condition_that_tipped() -> None:
    answer = what_if(example("case-2-insurance-claims"), pool(), ["budget=20_000"])
    told = {one.name: one for one in answer.changed.conclusions}
    method = told["method"]
    assert (method.rules_before, method.rules_after) == (("method-full",), ("method-lora",))
    (tipped,) = method.tipped
    assert (tipped.rule, tipped.condition) == ("method-full", "budget >= 50_000")
    assert (tipped.before.truth, tipped.after.truth) == (True, False)
    assert [value.shown for value in (*tipped.before.values, *tipped.after.values)] == ["$80,000", "$20,000"]
    assert [one.name for one in answer.changed.conclusions].index("method") < list(told).index("recommendation")
    assert answer.changed.recommendation is not None
    assert (answer.changed.recommendation.from_, answer.changed.recommendation.to) == ("full_fine_tuning", "lora")


def test_what_a_decision_gathers_when_it_changed_tells_only_what_differs() -> None:
    answer = what_if(example("case-2-insurance-claims"), pool(), ["budget=20_000"])
    cautions = next(one for one in answer.changed.conclusions if one.name == "cautions")
    assert (cautions.from_shown, cautions.to_shown) == ("none", "the upfront cost exceeds the budget")
    assert (cautions.rules_before, cautions.rules_after) == ((), ("caution-budget",))


def test_answer_when_taken_back_leaves_the_decision_open_and_says_so() -> None:
    answer = what_if(example("case-2-insurance-claims"), pool(), ["accuracy_is_critical=unknown"])
    assert answer.changed.facts[0].to is None
    assert answer.changed.facts[0].to_origin == "unknown"
    assert answer.after.recommendation is not None
    if not answer.after.recommendation.settled:
        assert answer.changed.settled is not None
        assert (answer.changed.settled.from_, answer.changed.settled.to) == (True, False)


# At random


@given(st.data())
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), report_multiple_bugs=False)
def test_changes_between_random_cases_of_the_built_in_base_are_those_of_their_decisions(data: st.DataObject) -> None:
    one, other = (data.draw(answers(complete=True)).case for _ in range(2))
    text = case_to_yaml(Case("x", {name: other.given[name] for name in list(other.given)[:4]}), knowledge().facts)
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    answer = what_if(one, pool(), [line.replace(": ", "=", 1) for line in lines])
    check(answer)


@given(random_bases_with_cases(cases=2))
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), report_multiple_bugs=False)
def test_changes_between_cases_of_random_bases_are_those_of_their_decisions(
    drawn: tuple[RandomBase, list[Case]],
) -> None:
    random, (one, other) = drawn
    facts = loaded(random.files)
    engines = EnginePool(facts)
    arguments = [f"{name}={value_of(found)}" for name, found in other.given.items()][:3]
    if not arguments:
        return
    try:
        answer = what_if(one, engines, arguments)
    except InferenceError:
        return
    check(answer)
    assert all(render_what_if(answer, one_format, width=80).endswith("\n") for one_format in FORMATS)
    engines.close()


def value_of(found: Given) -> str:
    """A value as an argument has it."""
    if found.value is None:
        return "unknown"
    if isinstance(found.value, bool):
        return "yes" if found.value else "no"
    return found.value if isinstance(found.value, str) else repr(found.value)


# Shown


@pytest.mark.parametrize("format", FORMATS)
def test_answer_when_the_case_is_hostile_is_harmless_in_every_format(format: Format) -> None:
    hostile = "<script>alert(1)</script>\x1b[31m\u202e*x*_|[bold]\\¦`"
    case = Case(hostile, example("case-2-insurance-claims").given)
    source = "budget={value: 5, source: '<script>*x*[bold]¦'}"
    text = render_what_if(what_if(case, pool(), [source]), format, width=80)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert format != "html" or "<script" not in text


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, list(map(str, arguments)))


def test_command_when_asked_for_json_gives_both_decisions_as_recommend_does() -> None:
    path = ROOT / "examples" / "case-2-insurance-claims.yaml"
    answer = json.loads(run(path, "budget=20_000", "--format", "json").stdout)
    assert answer.keys() == {"before", "after", "changed"}
    assert answer["before"] == json.loads(render(decide(example(path.stem), pool()), "json"))
    assert answer["after"]["recommendation"]["approach"] == "lora"
    assert answer["changed"]["facts"][0].items() >= {"name": "budget", "from": 80_000, "to": 20_000}.items()


def test_command_when_run_prints_both_sides_and_writes_what_the_file_name_asks_for(tmp_path: Path) -> None:
    path = ROOT / "examples" / "case-2-insurance-claims.yaml"
    printed = run(path, "budget=20_000").stdout
    assert "full fine-tuning → LoRA" in printed
    assert re.search(r"Rule +critical-full +critical-lora", printed)
    written = tmp_path / "report.html"
    assert run(path, "budget=20_000", "-o", written).exit_code == 0
    assert written.read_text("utf-8").startswith("<!DOCTYPE html>")


def test_command_when_an_argument_is_wrong_ends_with_status_2_and_its_name() -> None:
    refused = run(ROOT / "examples" / "ranges.yaml", "budget=plenty", "bugdet=5")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("budget=plenty: budget: expected a number")
    assert "bugdet=5: there is no fact of this name. Did you mean 'budget'?" in refused.stderr


def test_command_when_given_another_base_compares_with_it() -> None:
    printed = run(GPU / "case.yaml", "months_needed=3", "--rules", GPU / "rules", "--format", "json")
    answer = json.loads(printed.stdout)
    assert answer["before"]["recommendation"]["approach"] != answer["after"]["recommendation"]["approach"]


def test_base_that_recommends_nothing_when_compared_tells_its_conclusions() -> None:
    facts = base({"n": number(), "t": truth()}, [decision("d", "first", [("n > 3 and not t", 5.0), ("true", 7.0)])])
    answer = what_if(case_of("answered", n=1.0, t=False), EnginePool(facts), ["n=4"])
    (told,) = answer.changed.conclusions
    assert (told.name, told.from_, told.to, told.from_shown) == ("d", 7.0, 5.0, "7")
    assert [(one.condition, one.after.truth) for one in told.tipped] == [("n > 3", True)]
    assert "Recommendation" not in render_what_if(answer, "terminal", width=80)


def test_condition_when_it_tips_a_rule_is_one_that_helps_it_to_where_it_went() -> None:
    facts = base(
        {"n": number(), "m": number()},
        [decision("d", "first", [("n > 3 or m > 3", "red"), ("true", "green")])],
    )
    answer = what_if(case_of("answered", n=1.0, m=5.0), EnginePool(facts), ["n=2", "m=1"])
    (told,) = answer.changed.conclusions
    assert [(one.condition, one.before.truth) for one in told.tipped] == [("m > 3", True)]
