"""The check of a knowledge base: everything broken at once, and what the rules leave out, proved and shown by cases."""

from __future__ import annotations

import itertools
import json
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cli
from engine.case import Case, Given, case_from_mapping
from engine.checking.check import MOST_PERIODS, _Examination, check
from engine.checking.findings import CODES, FORMATS, SEVERITIES, Finding, Report, render_findings
from engine.checking.trials import DECIDING, Trial, Trials
from engine.errors import InferenceError, Place
from engine.inference import MOST_NAMES, EnginePool
from engine.knowledge import DecisionTable, Knowledge, load_knowledge, read_knowledge
from engine.language.evaluate import compile_plain
from engine.language.parse import parse
from engine.language.resolve import resolve
from engine.language.scope import TruthType
from engine.pipeline import infer
from tests.small_base import write_base

ROOT = Path(__file__).resolve().parent.parent
RULES = ROOT / "rules"
AS_PRINTED = ROOT / "tests" / "data" / "rules_as_printed"

# Bases to check


@dataclass(frozen=True)
class Edit:
    """A text of one file of the built-in base replaced by another."""

    file: str
    old: str
    new: str


def edited(folder: Path, *edits: Edit, files: Mapping[str, str | bytes] | None = None) -> Path:
    """A copy of the built-in base with some texts replaced and some files added."""
    base = folder / "rules"
    shutil.copytree(RULES, base, ignore=shutil.ignore_patterns("tests", "claims.yaml"))
    for edit in edits:
        path = base / edit.file
        text = path.read_text(encoding="utf-8")
        assert edit.old in text, f"{edit.file} no longer holds {edit.old!r}"
        path.write_text(text.replace(edit.old, edit.new, 1), encoding="utf-8")
    for name, content in (files or {}).items():
        (base / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return base


def number(**more: object) -> dict[str, object]:
    return {"title": "a number", "type": "number", "unit": "fraction", "source": "test", **more}


def truth(**more: object) -> dict[str, object]:
    return {"title": "a truth", "type": "yes/no", "source": "test", **more}


def choice(*words: str, **more: object) -> dict[str, object]:
    return {"title": "a choice", "type": "choice", "choices": {one: one for one in words}, "source": "test", **more}


def decision(name: str, policy: str, *rows: tuple[str, str], values: Sequence[str] = ()) -> dict[str, object]:
    rules = [
        {"id": f"{name.replace('_', '-')}-{index}", "when": when, "then": then, "because": "So.", "source": "test"}
        for index, (when, then) in enumerate(rows)
    ]
    words = list(values) or sorted({then for _, then in rows})
    return {"decides": name, "values": words, "hit_policy": policy, "title": name, "source": "test", "rules": rules}


def written(
    folder: Path,
    facts: Mapping[str, object],
    *decisions: Mapping[str, object],
    figures: Mapping[str, str] | None = None,
) -> Path:
    """A small base in a folder; decision files are named in the order of the decisions."""
    costs = {
        name: {"title": name, "unit": "fraction", "formula": formula, "source": "test"}
        for name, formula in (figures or {}).items()
    }
    files: dict[str, object] = {
        "knowledge.yaml": {"name": "test", "version": "1", "title": "Test", "base_units": ["thing"]},
        "facts.yaml": {"facts": dict(facts)},
        "costs.yaml": {"figures": costs},
        **{f"decision_{index}.yaml": one for index, one in enumerate(decisions)},
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, indent=1), encoding="utf-8")
    return folder


def found(report: Report, *codes: str) -> list[Finding]:
    return [one for one in report.findings if one.code in codes]


def told(report: Report) -> list[tuple[str, str]]:
    """Every finding as its code and what it is about."""
    return [(one.code, one.message.partition(":")[0]) for one in report.findings]


def tried(base: Path, example: Mapping[str, object] | None) -> Trial:
    """What the plain evaluator makes of the case that a finding shows."""
    assert example is not None
    knowledge = load_knowledge(base)
    return Trials(knowledge).of(case_from_mapping(dict(example), knowledge.facts, "example"))


# The built-in base and the article's own rules


def test_built_in_base_when_checked_has_no_findings() -> None:
    report = check()
    assert report.findings == ()
    assert report.exit_status == 0
    assert "Proved of" in report.proved[0]


@pytest.fixture(scope="module")
def as_printed() -> Report:
    return check(AS_PRINTED)


def test_framework_as_printed_when_checked_is_proved_never_to_come_to_question_5(as_printed: Report) -> None:
    masked = found(as_printed, "masked")
    assert [one.message.partition(":")[0] for one in masked] == ["q5-changing", "q5-stable"]
    for one in masked:
        assert "q4-have-data or q4-need-to-create" in one.message
    unreached = found(as_printed, "unreached-value")
    assert [one.message for one in unreached] == ["q5: only q5-changing and q5-stable would, and they never decide"]
    idle = found(as_printed, "idle-question")
    assert [one.message.partition(":")[0] for one in idle] == ["domain_changes_often"]


NO_RULE = {
    "C113, below 85 % in months 3 to 6": {"month": 4, "prompt_accuracy": 0.7},
    "C114, below 50,000 requests": {"month": 7, "prompt_accuracy": 0.85, "requests_per_month": 40_000},
    "C114, below 80 %": {"month": 7, "prompt_accuracy": 0.75, "requests_per_month": 60_000},
    "C114, above 90 %": {"month": 7, "prompt_accuracy": 0.95, "requests_per_month": 60_000},
    "C115, neither dear errors nor many requests": {
        "month": 12,
        "prompt_accuracy": 0.95,
        "requests_per_month": 60_000,
        "cost_per_error": 99,
    },
}


def regions(report: Report, decides: str) -> list[str]:
    """The conditions of the gaps of one decision, as the way out writes them."""
    gaps = [one for one in found(report, "gap") if one.message.startswith(f"{decides}:")]
    return [str(one.hint).partition("when: ")[2] for one in gaps]


def holds(knowledge: Knowledge, condition: str, trial: Trial) -> bool:
    node = resolve(parse(condition), knowledge.scope, expects=TruthType())
    return compile_plain(node, knowledge.tables)(trial.values, trial.origins) is True


@pytest.mark.parametrize("case", NO_RULE.values(), ids=NO_RULE)
def test_gap_that_the_article_leaves_when_its_path_is_checked_is_named(
    as_printed: Report, case: dict[str, object]
) -> None:
    knowledge = load_knowledge(AS_PRINTED)
    everything = {"requests_per_month": 0, "cost_per_error": 0, "prompt_accuracy": 0.5, **case}
    trial = Trials(knowledge).of(case_from_mapping(everything, knowledge.facts, "case"))
    assert trial.decisive(knowledge.decisions["migration_action"]) == ()
    assert any(holds(knowledge, region, trial) for region in regions(as_printed, "migration_action"))


def test_gaps_of_the_path_as_printed_when_their_cases_are_decided_have_no_row(as_printed: Report) -> None:
    gaps = found(as_printed, "gap")
    assert len(gaps) >= len(NO_RULE)
    for gap in gaps:
        trial = tried(AS_PRINTED, gap.example)
        assert None not in trial.rows["migration_action"]
        assert True not in trial.rows["migration_action"]


def test_gaps_of_the_path_as_printed_when_each_gets_a_row_are_all_there_were(
    as_printed: Report, tmp_path: Path
) -> None:
    base = shutil.copytree(AS_PRINTED, tmp_path / "rules")
    rows = "".join(
        f"  - id: gap-{index}\n    when: {region}\n    then: stay_with_prompts\n    because: x\n    source: test\n"
        for index, region in enumerate(regions(as_printed, "migration_action"))
    )
    with (base / "migration.yaml").open("a", encoding="utf-8") as file:
        file.write(rows)
    assert found(check(base), "gap") == []


def test_overlaps_of_the_path_as_printed_when_checked_are_named_with_cases(as_printed: Report) -> None:
    overlaps = found(as_printed, "overlap")
    assert {tuple(re.findall(r"month-\S+", one.message)) for one in overlaps} == {
        ("month-1-to-3", "month-3-to-6"),
        ("month-3-to-6", "month-6-plus"),
        ("month-6-plus", "month-8-plus"),
    }
    for one in overlaps:
        assert tried(AS_PRINTED, one.example).rows["migration_action"].count(True) > 1


# What is broken


@dataclass(frozen=True)
class Slip:
    """An edit with the one finding it leads to: code, file and line, and words of its message and way out."""

    edit: Edit
    code: str
    at: str
    says: str
    hint: str = ""


_Q1 = "when: requests_per_month_in_12_months < 50_000"
SLIPS = {
    "a misspelt fact": Slip(
        Edit("framework.yaml", _Q1, "when: request_per_month_in_12_months < 50_000"),
        "unknown-name",
        "framework.yaml:18:11",
        "'request_per_month_in_12_months' is not a known name",
        "Did you mean 'requests_per_month_in_12_months'?",
    ),
    "a misspelt choice": Slip(
        Edit("method.yaml", "regulated_domain != none", "regulated_domain != nonee"),
        "unknown-value",
        "method.yaml:23:52",
        "neither a known name nor one of none, legal",
        "Did you mean 'none'?",
    ),
    "a misspelt conclusion": Slip(
        Edit("scale.yaml", "    then: viable", "    then: viabel"),
        "unknown-value",
        "scale.yaml:19:11",
        "'viabel' is not one of",
        "Did you mean 'viable'?",
    ),
    "a misspelt table": Slip(
        Edit("costs.yaml", "      prompt_bill_at(planning_volume)\n", "      prompt_bil_at(planning_volume)\n"),
        "unknown-name",
        "costs.yaml:92:7",
        "'prompt_bil_at' is not a known function or table",
        "'prompt_bill_at'",
    ),
    "a comparison of a number with a word": Slip(
        Edit("scale.yaml", "requests_per_month_in_12_months >= 500_000", "has_ml_engineering >= 500_000"),
        "types",
        "scale.yaml:28:33",
        "cannot compare",
    ),
    "months against weeks": Slip(
        Edit("migration.yaml", "when: months_in_production < 3\n", "when: months_in_production < deadline_weeks\n"),
        "units",
        "migration.yaml:14:11",
        "cannot compare month and week",
        "Convert one of them",
    ),
    "money against money a month": Slip(
        Edit("costs.yaml", "formula: total_saving_per_month * horizon - investment", "formula: total_saving_per_month"),
        "units",
        "costs.yaml:210:14",
        "expected USD, the expression gives USD/month",
    ),
    "a unit that is not declared": Slip(
        Edit("facts.yaml", "    unit: weeks\n", "    unit: weeeks\n"),
        "units",
        "facts.yaml:237:11",
        "the unit 'weeeks' is not defined",
        "Did you mean 'week'?",
    ),
    "two && for and": Slip(
        Edit("framework.yaml", _Q1, f"{_Q1.replace('when: ', 'when: has_ml_engineering && ')}"),
        "syntax",
        "framework.yaml:18:31",
        "not readable as an expression",
        "Write `and` and `or`",
    ),
    "a name given twice": Slip(
        Edit("facts.yaml", "  task:\n", "  task:\n    title: the task\n"),
        "duplicate-key",
        "facts.yaml:125:5",
        "given on line 124 and again on line 125",
        "Keep one of the two",
    ),
    "an id given twice": Slip(
        Edit("scale.yaml", "id: scale-from-50k", "id: scale-below-50k"),
        "duplicate-id",
        "scale.yaml:17:9",
        "already declared at",
        "another id",
    ),
    "a circle of figures": Slip(
        Edit(
            "costs.yaml",
            "formula: fine_tuning_upfront - prompt_investment\n",
            "formula: net_benefit - prompt_upfront\n",
        ),
        "cycle",
        "costs.yaml:210:14",
        "net_benefit → investment → net_benefit",
    ),
    "a circle of decisions": Slip(
        Edit("prompting_kind.yaml", "labeled_examples >= 100", "labeled_examples >= 100 and recommendation != hybrid"),
        "cycle",
        "recommendation.yaml:22:11",
        "recommendation → prompting_kind → recommendation",
        "Break it",
    ),
    "a default below the least": Slip(
        Edit("facts.yaml", "    default: 12\n", "    default: -12\n"),
        "default",
        "facts.yaml:207:14",
        "the default -12 is outside the fact's bounds",
        "Change the default",
    ),
    "a computed default below the least": Slip(
        Edit("facts.yaml", "    default: requests_per_month\n", "    default: requests_per_month - 50_000\n"),
        "default",
        "facts.yaml:24:14",
        "its default is outside the fact's bounds",
        "Change the default",
    ),
    "bounds that leave nothing": Slip(
        Edit(
            "facts.yaml",
            "    min: 0\n    max: 1\n    question: What share of outputs is right",
            "    min: 2\n    max: 1\n    question: What share of outputs is right",
        ),
        "bounds",
        "facts.yaml:77:3",
        "no value lies within its bounds",
        "Check min, max",
    ),
    "an example that is no answer": Slip(
        Edit("facts.yaml", "    example: 12\n", "    example: twelve\n"),
        "example",
        "facts.yaml:212:14",
        "the example is no answer",
    ),
    "a rule without its source": Slip(
        Edit("framework.yaml", '    source: "Q1, C76"\n', ""),
        "missing-source",
        "framework.yaml:17:5",
        "q1-low-volume.source: is missing",
        "Add source",
    ),
    "a default without its source": Slip(
        Edit("facts.yaml", '    default_source: "C112: the path starts with prompts"\n', ""),
        "missing-source",
        "facts.yaml:190:3",
        "a default needs its default_source",
        "Add default_source",
    ),
    "a source that says nothing": Slip(
        Edit("costs.yaml", "    source: C71\n", '    source: ""\n'),
        "missing-source",
        "costs.yaml:146:13",
        "source: is empty",
        "Write it",
    ),
    "a sentence that names nothing": Slip(
        Edit("framework.yaml", "Fewer than 50,000 requests", "Fewer than {{ some_limit }} requests"),
        "unknown-name",
        "framework.yaml:20:28",
        "`because` names 'some_limit', which is not declared",
    ),
    "a sentence that ends too soon": Slip(
        Edit("framework.yaml", "because: Fewer than 50,000 requests", 'because: "{{ horizon" #'),
        "sentence",
        "framework.yaml:20:14",
        "not readable as a sentence",
        "{{ name }}",
    ),
    "a misspelt field": Slip(
        Edit("framework.yaml", "    because: Fewer", "    becuase: Fewer"),
        "unknown-field",
        "framework.yaml:20:5",
        "becuase: an unknown field",
        "Did you mean 'because'?",
    ),
    "a misspelt type": Slip(
        Edit("facts.yaml", "    title: a prototype\n    type: yes/no", "    title: a prototype\n    type: yesno"),
        "format",
        "facts.yaml:115:11",
        'got "yesno"',
        "Did you mean 'yes/no'?",
    ),
    "a misspelt hit policy": Slip(
        Edit("economics.yaml", "hit_policy: unique", "hit_policy: uniqe"),
        "format",
        "economics.yaml:5:13",
        'got "uniqe"',
        "Did you mean 'unique'?",
    ),
    "a decision that is not a name": Slip(
        Edit("economics.yaml", "decides: economics", "decides: [economics]"),
        "format",
        "economics.yaml:2:10",
        "decides: expected",
        "",
    ),
    "a base that recommends nothing there is": Slip(
        Edit("knowledge.yaml", "recommends: recommendation", "recommends: recomendation"),
        "unknown-name",
        "knowledge.yaml:26:13",
        "'recomendation' is not declared",
        "Did you mean 'recommendation'?",
    ),
    "a view that nobody has": Slip(
        Edit("recommendation.yaml", "    decided_by: method", "    decided_by: methods"),
        "unknown-name",
        "recommendation.yaml:20:17",
        "'methods' is not a decision",
        "Did you mean 'method'?",
    ),
    "a file that is not YAML": Slip(
        Edit("facts.yaml", "  labeled_examples:\n", "  labeled_examples\n"),
        "yaml",
        "facts.yaml:57:3",
        "there is no ':' after the name",
        "a space after the colon",
    ),
    "a decision that is not YAML": Slip(
        Edit("method.yaml", "hit_policy: first", "hit_policy: [first"),
        "yaml",
        "method.yaml:5:13",
        "the bracket that opens here is not closed",
        "Close it",
    ),
}


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS)
def test_slip_when_checked_is_the_one_thing_found_with_its_place_and_way_out(slip: Slip, tmp_path: Path) -> None:
    base = edited(tmp_path, slip.edit)
    report = check(base)
    wrong = [one for one in report.findings if one.severity != "info"]
    told_fields = [(one.code, f"{Path(one.place.file).name}:{one.place.line}:{one.place.column}") for one in wrong]
    # A field that is misspelt is also one that is missing.
    assert (slip.code, slip.at) in told_fields
    assert {line for _, line in told_fields if line.partition(":")[0] != slip.at.partition(":")[0]} == set()
    one = next(one for one in wrong if one.code == slip.code)
    assert slip.says in one.message
    assert slip.hint in (one.hint or "")
    assert report.line(one.place) is not None
    assert report.exit_status == 1


def test_slips_of_many_files_when_checked_are_found_all_at_once(tmp_path: Path) -> None:
    names = (
        "a misspelt fact",
        "a misspelt choice",
        "a misspelt conclusion",
        "months against weeks",
        "a name given twice",
        "a default without its source",
        "a misspelt table",
    )
    chosen = [SLIPS[name] for name in names]
    report = check(edited(tmp_path, *(slip.edit for slip in chosen)))
    assert {slip.code for slip in chosen} == {one.code for one in report.findings if one.severity == "error"}
    for slip in chosen:
        assert any(slip.says in one.message for one in report.findings), slip


def test_expression_with_two_unknown_names_when_checked_has_a_finding_for_each(tmp_path: Path) -> None:
    edit = Edit("framework.yaml", _Q1, "when: request_per_month < 50_000 and has_ml_enginering")
    unknown = found(check(edited(tmp_path, edit)), "unknown-name")
    assert [(one.place.line, one.place.column) for one in unknown] == [(18, 11), (18, 42)]


BROKEN_DECLARATIONS = {
    "a choice": Edit("facts.yaml", "    title: task\n    type: choice", "    title: task\n    type: choise"),
    "a yes/no fact": Edit(
        "facts.yaml", "    title: a prototype\n    type: yes/no", "    title: a prototype\n    type: yes"
    ),
    "a number": Edit(
        "facts.yaml", "    title: upfront budget\n    type: number", "    title: upfront budget\n    type: 5"
    ),
    "a figure": Edit(
        "costs.yaml", "  horizon:\n    title: months counted\n    unit: months", "  horizon:\n    unit: [m]"
    ),
    "an amount": Edit(
        "costs.yaml", "months_per_year: {title: months in a year, value: 12", "months_per_year: {value: x"
    ),
    "a table": Edit("costs.yaml", "      - [10_000, 45]", "      - [10_000]"),
    "a decision's values": Edit("method.yaml", "  lora: LoRA\n  full", "  lora: [LoRA]\n  full"),
    "a decision's outputs": Edit(
        "framework.yaml", "decides:\n  framework_verdict:", "decides:\n  framework_verdict: 3\n  more:"
    ),
    "every fact": Edit("facts.yaml", "facts:\n", "facts: &all\n"),
    "every cost": Edit("costs.yaml", "amounts:\n", "amounts: [\n"),
}


@pytest.mark.parametrize("edit", BROKEN_DECLARATIONS.values(), ids=BROKEN_DECLARATIONS)
def test_broken_declaration_when_its_name_is_used_elsewhere_is_not_reported_there(edit: Edit, tmp_path: Path) -> None:
    report = check(edited(tmp_path, edit))
    wrong = [one for one in report.findings if one.severity != "info"]
    assert wrong != []
    assert {Path(one.place.file).name for one in wrong} == {edit.file}
    assert {one.code for one in wrong} <= {"format", "missing-field", "unknown-field", "yaml"}


def test_what_depends_on_something_broken_when_checked_is_said_not_to_be_proved(tmp_path: Path) -> None:
    report = check(edited(tmp_path, SLIPS["a misspelt choice"].edit))
    (note,) = found(report, "not-proved")
    assert note.severity == "info"
    assert "method" in note.message
    assert "broken" in note.message


def test_decision_that_nothing_broken_concerns_when_another_is_broken_is_still_proved(tmp_path: Path) -> None:
    gap = Edit("scale.yaml", "50_000 <= requests_per_month_in_12_months < 100_000", "50_000 < requests_per_month")
    report = check(edited(tmp_path, SLIPS["a misspelt choice"].edit, gap))
    assert any(one.message.startswith("scale:") for one in found(report, "gap"))


def test_file_with_another_ending_when_checked_is_said_not_to_be_read(tmp_path: Path) -> None:
    (ignored,) = check(edited(tmp_path, files={"more.yml": "decides: x\n"})).findings
    assert (ignored.code, Path(ignored.place.file).name, ignored.hint) == (
        "ignored-file",
        "more.yml",
        "Name it more.yaml",
    )


def test_rule_with_which_a_base_is_too_large_for_the_engine_when_checked_is_named_with_a_way_out(
    tmp_path: Path,
) -> None:
    names = [f"flag_{index}" for index in range(MOST_NAMES + 1)]
    rows = [(name, "a") for name in names]
    base = written(tmp_path, {name: truth() for name in names}, decision("answer", "collect", *rows))
    (limit,) = found(check(base, seconds=1), "engine-limit")
    assert f"answer-{MOST_NAMES}" in limit.message
    assert Path(limit.place.file).name == "decision_0.yaml"
    assert "Ask for fewer" in (limit.hint or "")


def add_files(base: Path) -> None:
    for index in range(600):
        (base / f"more_{index}.yaml").touch()


UNREADABLE: dict[str, Callable[[Path], object]] = {
    "no such directory": shutil.rmtree,
    "no facts": lambda base: (base / "facts.yaml").unlink(),
    "no manifest": lambda base: (base / "knowledge.yaml").unlink(),
    "a file of other bytes": lambda base: (base / "scale.yaml").write_bytes(b"\xff\xfe\x00"),
    "a folder with a file's name": lambda base: (base / "more.yaml").mkdir(),
    "too many files": add_files,
}


@pytest.mark.parametrize("spoil", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_when_checked_has_exit_status_2(spoil: Callable[[Path], object], tmp_path: Path) -> None:
    base = edited(tmp_path)
    spoil(base)
    report = check(base)
    assert report.exit_status == 2
    assert len([one for one in report.findings if one.severity == "error"]) == 1


# A way out of everything

_Q1_ROW = "when: requests_per_month_in_12_months < 50_000"
_Q1_THEN = "then: {framework_verdict: prompt_engineering, framework_reason: volume}"
_Q1_ID = "id: q1-low-volume"


def _condition(condition: str) -> Edit:
    return Edit("framework.yaml", _Q1_ROW, f"when: {json.dumps(condition)}")


WAYS_OUT: Mapping[str, tuple[Edit, str, str]] = {
    "a percentage": (_condition("labeled_examples < 50%"), "syntax", "Write 0.5 for 50 %"),
    "and in capitals": (_condition("is_prototype AND has_ml_engineering"), "syntax", "Write `and` in lower case"),
    "half a condition": (_condition("1 < labeled_examples >"), "syntax", "Write it as in `"),
    "a number too large": (_condition(f"labeled_examples < {'9' * 400}"), "syntax", "Write a number below 1e308"),
    "too many parentheses": (_condition(f"{'(' * 45}1{')' * 45} > 2"), "syntax", "several rules"),
    "too many negations": (_condition(f"{'not ' * 45}is_prototype"), "syntax", "several rules"),
    "too long": (_condition("is_prototype or " * 140 + "true"), "syntax", "several rules"),
    "a number beside a truth": (_condition("labeled_examples == is_prototype"), "types", "numbers with numbers"),
    "a number for a truth": (_condition("labeled_examples"), "types", "Compare it with a number"),
    "a truth for a number": (_condition("labeled_examples + is_prototype > 3"), "types", "Write `1 if … else 0`"),
    "a name like no other": (_condition("zzqqy > 3"), "unknown-name", "Declare it as a fact in facts.yaml"),
    "a function like no other": (_condition("zzqqy(3) > 3"), "unknown-name", "declare a table in costs.yaml"),
    "a word like no other": (_condition("task == zzqqy"), "unknown-value", "Write one of classification, tagging"),
    "a list of conclusions": (Edit("framework.yaml", _Q1_THEN, "then: [a, b]"), "format", "{name: value, …}"),
    "an id in capitals": (Edit("framework.yaml", _Q1_ID, "id: Method_Prototype"), "format", "as in large-order"),
    "another hit policy": (
        Edit("framework.yaml", "hit_policy: first", "hit_policy: priority"),
        "format",
        "Write one of first, unique, any, collect, rule order",
    ),
    "no day": (Edit("framework.yaml", _Q1_ID, f"{_Q1_ID}\n    from: 2025-13-45"), "format", "a day such as 2026-01-31"),
    "half a salience": (
        Edit("framework.yaml", _Q1_ID, f"{_Q1_ID}\n    salience: 1.5"),
        "format",
        "Write a whole number from -1000 to 1000",
    ),
    "an end at the beginning": (
        Edit("framework.yaml", _Q1_ID, f"{_Q1_ID}\n    from: 2025-01-01\n    until: 2025-01-01"),
        "format",
        "a later day",
    ),
    "a default that is a word": (
        Edit("facts.yaml", "    default: 12\n", "    default: abc\n"),
        "unknown-name",
        "Declare it",
    ),
    "a bound that is a word": (
        Edit("facts.yaml", "    title: upfront budget\n", "    title: upfront budget\n    above: low\n"),
        "format",
        "Write a number such as 0.5",
    ),
    "an example that is a word": (
        Edit("facts.yaml", "    example: 12\n", "    example: purple\n"),
        "example",
        "Write e.g. 100",
    ),
}


@pytest.mark.parametrize(("edit", "code", "hint"), WAYS_OUT.values(), ids=WAYS_OUT)
def test_slip_when_checked_has_a_way_out(edit: Edit, code: str, hint: str, tmp_path: Path) -> None:
    report = check(edited(tmp_path, edit))
    assert any(one.code == code and hint in (one.hint or "") for one in report.findings), report.findings
    assert [one for one in report.findings if not one.hint] == []


def test_file_that_is_empty_when_checked_has_a_way_out_and_no_other_error(tmp_path: Path) -> None:
    report = check(edited(tmp_path, files={"scale.yaml": ""}))
    assert [(one.code, one.hint) for one in report.findings if one.severity == "error"] == [
        ("yaml", "Write what it holds, or delete the file")
    ]


def test_problem_of_a_rules_field_when_the_rule_has_an_id_is_named_by_it(tmp_path: Path) -> None:
    report = check(edited(tmp_path, Edit("framework.yaml", _Q1_ID, f"{_Q1_ID}\n    salience: 1.5")))
    assert [one.message.partition(":")[0] for one in found(report, "format")] == ["q1-low-volume.salience"]


LOST_DECLARATIONS = {
    "a list for a decision": {"scale.yaml": "- a\n- b\n"},
    "text for a decision": {"scale.yaml": "nothing here\n"},
    "a list for the facts": {"facts.yaml": "- a\n"},
}


@pytest.mark.parametrize("files", LOST_DECLARATIONS.values(), ids=LOST_DECLARATIONS)
def test_file_that_declares_nothing_when_its_names_are_used_is_the_one_thing_reported(
    files: Mapping[str, str], tmp_path: Path
) -> None:
    errors = [one for one in check(edited(tmp_path, files=files)).findings if one.severity == "error"]
    assert [Path(one.place.file).name for one in errors] == list(files)


LOST_NAMES = {
    "a fact under a name given again": (Edit("facts.yaml", "  budget:\n", "  task:\n"), "budget > 3"),
    "facts in a second mapping": (Edit("facts.yaml", "  budget:\n", "facts:\n  budget:\n"), "budget > 3"),
    "an output concluded under a name of all": (
        Edit("prompting_kind.yaml", "decides: prompting_kind\n", "name: kind\ndecides: {of_prompt: 3}\n"),
        "kind_of_prompt == x",
    ),
}


@pytest.mark.parametrize(("edit", "condition"), LOST_NAMES.values(), ids=LOST_NAMES)
def test_name_that_a_broken_part_would_declare_when_used_is_not_reported(
    edit: Edit, condition: str, tmp_path: Path
) -> None:
    files = {"more.yaml": json.dumps(decision("more", "first", (condition, "a"), ("true", "b")))}
    report = check(edited(tmp_path, edit, files=files))
    assert found(report, "duplicate-key", "format") != []
    assert [one for one in report.findings if Path(one.place.file).name == "more.yaml"] == []


def test_notes_when_found_come_last_without_a_line_and_name_everything(tmp_path: Path) -> None:
    slips = (SLIPS["a misspelt fact"].edit, SLIPS["a misspelt choice"].edit, Edit("strength.yaml", "source:", "sorce:"))
    report = check(edited(tmp_path, *slips))
    assert [one.severity for one in report.findings][-1:] == ["info"]
    assert {one.severity for one in report.findings[:-1]} == {"error"}
    note = report.findings[-1]
    assert (note.place.line, note.place.file) == (None, str(tmp_path / "rules"))
    assert "more" not in note.message
    assert f"::notice file={tmp_path}/rules,title=not-proved::" in render_findings(report, "github")


def test_gap_at_one_value_when_found_is_told_as_that_value(tmp_path: Path) -> None:
    gap = Edit("scale.yaml", "requests_per_month_in_12_months >= 500_000", "requests_per_month_in_12_months > 500_000")
    (one,) = found(check(edited(tmp_path, gap)), "gap")
    assert one.message.endswith("is 500,000 requests/month")
    assert (one.hint or "").endswith("when: requests_per_month_in_12_months == 500_000")


# Tests beside the rules

BAD_TESTS: Mapping[str, tuple[str, str, int | None, str]] = {
    "a fact there is not": ("- {name: x, facts: {horizn: 3}, fired: [a-0]}", "unknown-name", 2, "no fact"),
    "a rule there is not": ("- {name: x, facts: {x: 3}, fired: [a-9]}", "unknown-name", 2, "there is no rule 'a-9'"),
    "a value there is not": ("- {name: x, facts: {x: 3}, conclusions: {a: z}}", "unknown-value", 2, "expected one of"),
    "a field there is not": ("- {nme: x}", "format", 2, "an unknown field"),
    "no expectation": ("- {name: x, facts: {x: 3}}", "format", 2, "expects nothing"),
    "no YAML": ("- [", "yaml", 2, "not valid YAML"),
}


@pytest.mark.parametrize(("test", "code", "line", "says"), BAD_TESTS.values(), ids=BAD_TESTS)
def test_test_that_cannot_be_run_when_checked_is_found(
    test: str, code: str, line: int, says: str, tmp_path: Path
) -> None:
    base = written(tmp_path, {"x": number(min=0, question="?")}, decision("a", "first", ("x > 3", "y"), ("true", "n")))
    (base / "tests").mkdir()
    (base / "tests" / "a.yaml").write_text(f"tests:\n  {test}\n", encoding="utf-8")
    report = check(base)
    matching = [one for one in report.findings if one.code == code and says in one.message]
    assert [(one.place.file, one.place.line) for one in matching] == [(f"{base}/tests/a.yaml", line)]
    assert matching[0].hint
    assert report.line(matching[0].place) is not None
    assert report.exit_status == 1
    assert report.proved != ()


# Bases that depend on the day


def test_test_of_a_rule_that_ends_when_checked_before_is_no_fault(tmp_path: Path) -> None:
    base = dated(tmp_path, {"when": "x < 5", "then": "y"}, {"when": "x >= 5", "then": "n", "until": str(_LATER)})
    (base / "tests").mkdir()
    test = "tests:\n  - {name: x, facts: {x: 7}, fired: [a-1]}\n"
    (base / "tests" / "a.yaml").write_text(test, encoding="utf-8")
    assert found(check(base, on=_TODAY), "unknown-name") == []
    assert found(check(base, on=_LATER), "unknown-name") != []


_TODAY, _LATER = date(2026, 5, 1), date(2027, 1, 1)


def dated(folder: Path, *rules: Mapping[str, object]) -> Path:
    """A base of one decision over x, with days on some of its rules."""
    base = written(folder, {"x": number(min=0, max=10, question="?")}, decision("a", "unique", ("true", "y")))
    declared = decision("a", "unique", *((str(rule["when"]), str(rule["then"])) for rule in rules), values=["y", "n"])
    for row, rule in zip(declared["rules"], rules, strict=True):  # type: ignore[call-overload]  # a list of mappings
        row.update({key: rule[key] for key in ("from", "until") if key in rule})
    text = json.dumps(declared, indent=1).replace(f'"{_LATER}"', str(_LATER)).replace(f'"{_TODAY}"', str(_TODAY))
    (base / "decision_0.yaml").write_text(text, encoding="utf-8")
    return base


def test_base_that_depends_on_the_day_when_checked_says_which_days_were_looked_at(tmp_path: Path) -> None:
    base = dated(tmp_path, {"when": "x < 5", "then": "y"}, {"when": "x >= 5", "then": "n", "from": "2020-01-01"})
    report = check(base, on=_TODAY)
    assert report.findings == ()
    assert render_findings(report, "text").splitlines()[0] == "nothing found as of 2026-05-01"
    assert json.loads(render_findings(report, "json"))["days"] == ["2026-05-01"]


def test_gap_that_opens_later_when_checked_is_found_with_its_day(tmp_path: Path) -> None:
    base = dated(tmp_path, {"when": "x < 5", "then": "y"}, {"when": "x >= 5", "then": "n", "until": str(_LATER)})
    report = check(base, on=_TODAY)
    (gap,) = found(report, "gap")
    assert gap.message.endswith(", from 2027-01-01 on")
    assert report.days == (_TODAY, _LATER)
    assert " as of 2026-05-01, and from 2027-01-01" in render_findings(report, "text")
    assert [one for one in found(check(base, on=_LATER), "gap") if "from" in one.message] == []


def test_gap_of_every_period_when_checked_is_told_once(tmp_path: Path) -> None:
    base = dated(tmp_path, {"when": "x < 5", "then": "y"}, {"when": "x > 5", "then": "n", "until": str(_LATER)})
    gaps = [one.message for one in found(check(base, on=_TODAY), "gap")]
    assert [("from" in one, "is 5" in one or "at least 5" in one) for one in gaps] == [(False, True), (True, True)]


def test_periods_beyond_the_most_when_checked_are_named_as_not_looked_at(tmp_path: Path) -> None:
    starts = [f"{year}-01-01" for year in range(2027, 2027 + MOST_PERIODS + 2)]
    rows = [{"when": f"x == {index}", "then": "y", "from": start} for index, start in enumerate(starts)]
    base = dated(tmp_path, *rows, {"when": "x < 0", "then": "n"})
    (note,) = [one for one in found(check(base, on=_TODAY), "not-proved") if "not looked at" in one.message]
    assert all(start in note.message for start in starts[-2:])
    assert starts[-3] not in note.message


@pytest.mark.parametrize(("day", "severity"), [({"from": str(_LATER)}, "info"), ({"until": "2026-01-01"}, "warning")])
def test_value_that_a_rule_of_other_days_concludes_when_checked_says_so(
    day: Mapping[str, str], severity: str, tmp_path: Path
) -> None:
    base = dated(tmp_path, {"when": "x <= 10", "then": "y"}, {"when": "x > 10", "then": "n", **day})
    one = found(check(base, on=_TODAY), "unreached-value")[-1]
    assert "only a-1 would conclude it, which is not in force on 2026-05-01" in one.message
    assert one.severity == severity


# Bad input

_LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in itertools.pairwise("abcdefghi")
)
_WHEN = "when: requests_per_month_in_12_months < 50_000\n    then: prompting_is_cheaper"


def hostile_rule(condition: str) -> Edit:
    return Edit("scale.yaml", _WHEN, f"when: {json.dumps(condition)}\n    then: prompting_is_cheaper")


_EVIL = "decides: evil\nvalues: [a]\nhit_policy: first\ntitle: t\nsource: s\nrules:\n"
HOSTILE: dict[str, Edit | str | bytes] = {
    "billion laughs": _LAUGHS,
    "a tag that runs a command": '!!python/object/apply:os.system ["id"]\n',
    "a tag that makes an object": "a: !!python/name:os.system\n",
    "a merge of itself": "a: &a\n  <<: *a\n",
    "a hundred megabytes": b"a" * 100_000_000,
    "brackets without end": "[" * 100_000,
    "mappings without end": "\n".join(f"{' ' * depth}a:" for depth in range(1_000)),
    "zero bytes": bytes(1_000),
    "a tower of powers": hostile_rule("9**9**9**9 > 1"),
    "a very long number": hostile_rule(f"{'9' * 1_500} > 1"),
    "a very long expression": hostile_rule("has_ml_engineering or " * 150 + "true"),
    "parentheses without end": hostile_rule("(" * 1_900),
    "signs without end": hostile_rule(f"{'-' * 1_900}1 > 2"),
    "negations without end": hostile_rule("not " * 400 + "true"),
    "a call of Python": hostile_rule("__import__('os').system('id') == 0"),
    "a comprehension": hostile_rule("[x for x in range(10**9)] == 1"),
    "a very long text": hostile_rule("'a' * 10**9 == 'b'"),
    "an attribute": hostile_rule("task.__class__.__mro__ == 1"),
    "a unit that is a tower": Edit(
        "costs.yaml", "unit: months/year, source: calendar", 'unit: "9**9**9**9", source: c'
    ),
    "a unit defined by a tower": Edit(
        "knowledge.yaml", "shown_units:", 'derived_units: {q: "9**9**9**9"}\nshown_units:'
    ),
    "units defined by each other": Edit(
        "knowledge.yaml", "shown_units:", "derived_units: {q: 2 * r, r: 2 * q}\nshown_units:"
    ),
    "five thousand unknown names": _EVIL
    + "".join(
        f"  - {{id: r{row}, when: unknown_{row} < {row}, then: a, because: x, source: y}}\n" for row in range(5_000)
    ),
    "five thousand broken rules": _EVIL + "".join(f"  - {{id: r{row}, wehn: 3}}\n" for row in range(5_000)),
    "a factor again and again": Edit(
        "costs.yaml",
        "formula: fine_tuning_upfront - prompt_upfront\n",
        f"formula: {'*'.join(['prompt_upfront'] * 60)}\n",
    ),
}


@pytest.mark.parametrize("attack", HOSTILE.values(), ids=HOSTILE)
def test_hostile_input_when_checked_is_refused_with_a_message_soon(attack: Edit | str | bytes, tmp_path: Path) -> None:
    base = edited(tmp_path, attack) if isinstance(attack, Edit) else edited(tmp_path, files={"evil.yaml": attack})
    start = time.process_time()
    report = check(base)
    assert time.process_time() - start < 10
    assert report.exit_status in (1, 2)
    assert all(one.message for one in report.findings)


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1_000_000_000, 1_000_000_000))
from engine.checking.check import check
print(check(sys.argv[1]).exit_status)
"""


@pytest.mark.parametrize("name", ["billion laughs", "a hundred megabytes", "brackets without end", "a very long text"])
def test_hostile_input_when_memory_is_short_is_refused_all_the_same(name: str, tmp_path: Path) -> None:
    attack = HOSTILE[name]
    base = edited(tmp_path, attack) if isinstance(attack, Edit) else edited(tmp_path, files={"evil.yaml": attack})
    run = subprocess.run(
        [sys.executable, "-c", LIMITED, str(base)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.stdout.strip() in ("1", "2"), run.stderr


ESCAPES = {
    "the class of a text": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "the class of a name": "{{ horizon.__class__ }}",
    "an attribute by filter": "{{ ''|attr('__class__') }}",
    "an item": "{{ horizon['__class__'] }}",
    "the template itself": "{{ self.__init__.__globals__ }}",
    "a built-in of Jinja2": "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "a call": "{{ lipsum() }}",
    "the configuration": "{{ config.items() }}",
    "a format string": "{{ '{0.__class__}'.format(1) }}",
    "a format operator": "{{ '%s' % horizon }}",
    "a loop": "{% for x in range(10**9) %}x{% endfor %}",
    "an import": "{% import 'os' as os %}",
    "an include": "{% include '/etc/passwd' %}",
    "an extension": "{% extends '/etc/passwd' %}",
    "a macro": "{% macro m() %}{% endmacro %}",
    "a variable": "{% set x = horizon %}",
    "a large power": "{{ 9**9**9 }}",
    "a large product": "{{ 'a' * 10**9 }}",
    "a concatenation": "{{ horizon ~ horizon }}",
    "a list": "{{ [1, 2, 3] }}",
    "a filter block": "{% filter upper %}x{% endfilter %}",
    "a call block": "{% call horizon() %}{% endcall %}",
    "raw names in brackets": "{{ ()['__class__'] }}",
    "brackets without end": "{{ " + "(" * 300,
}


@pytest.mark.parametrize("sentence", ESCAPES.values(), ids=ESCAPES)
def test_sentence_that_reaches_for_python_when_checked_is_refused(sentence: str, tmp_path: Path) -> None:
    base = written(
        tmp_path,
        {"horizon": number(min=0, question="?")},
        decision("answer", "first", ("horizon > 1", "a"), ("true", "b")),
    )
    path = base / "decision_0.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace('"So."', json.dumps(sentence), 1), encoding="utf-8")
    (refused,) = check(base).findings
    assert refused.code == "sentence"
    assert "not readable as a sentence" in refused.message


# What the rules leave out

_NUMBERS: dict[str, object] = {"x": number(min=0, max=10), "y": number(min=0, max=10), "flag": truth()}


@dataclass(frozen=True)
class Left:
    """Decisions over three facts, and what is found in them: codes with what they are about."""

    decisions: tuple[dict[str, object], ...]
    finds: tuple[tuple[str, str], ...]
    figures: Mapping[str, str] | None = None
    uses: str = "x"


LEFT = {
    "rows that meet": Left((decision("a", "unique", ("x < 5", "low"), ("x >= 5", "high")),), ()),
    "a point between two rows": Left((decision("a", "unique", ("x < 5", "low"), ("x > 5", "high")),), (("gap", "a"),)),
    "a point in two rows": Left(
        (decision("a", "unique", ("x <= 5", "low"), ("x >= 5", "high")),),
        (("overlap", "a-0 and a-1 both hold, and the hit policy is unique"),),
    ),
    "a point beyond the bounds": Left(
        (decision("a", "unique", ("x <= 10", "low"), ("x > 10", "high")),),
        (("never-holds", "a-1"), ("unreached-value", "high")),
    ),
    "a gap only where a fact is unknown": Left(
        (decision("a", "first", ("flag", "yes"), ("not flag", "no")),), (), uses="flag"
    ),
    "a gap where all facts are known": Left(
        (decision("a", "first", ("flag is unknown", "open"), ("flag", "yes"), values=["open", "yes"]),),
        (("gap", "a"),),
        uses="flag",
    ),
    "rows that disagree": Left(
        (decision("a", "any", ("x < 6", "low"), ("x > 4", "high"), ("x == 5", "low")),),
        (
            ("contradiction", "a-0 and a-1 both hold and conclude different things, and the hit policy is any"),
            ("contradiction", "a-1 and a-2 both hold and conclude different things, and the hit policy is any"),
        ),
    ),
    "rows that agree": Left((decision("a", "any", ("x < 6", "low"), ("x > 4", "low")),), ()),
    "a row behind another": Left(
        (decision("a", "first", ("x < 5", "low"), ("x < 3", "lowest"), ("true", "high")),),
        (("masked", "a-1"), ("unreached-value", "lowest")),
    ),
    "a row behind two others": Left(
        (decision("a", "first", ("x < 5", "low"), ("x > 3", "high"), ("x == 4", "high"), ("true", "low")),),
        (("masked", "a-2"),),
    ),
    "a row behind one for everything": Left(
        (decision("a", "first", ("true", "low"), ("x > 3", "low")),), (("masked", "a-1"),)
    ),
    "a last row for everything that is left": Left(
        (decision("a", "first", ("x < 5", "low"), ("x >= 5", "high"), ("true", "low")),), ()
    ),
    "a last row for nothing that is left": Left(
        (decision("a", "first", ("x is known", "low"), ("x is unknown", "high"), ("true", "low")),), ()
    ),
    "a last row that alone would conclude a value": Left(
        (decision("a", "first", ("x < 5", "low"), ("x >= 5", "high"), ("true", "odd")),), (("unreached-value", "odd"),)
    ),
    "a last row that with a masked one alone would conclude a value": Left(
        (decision("a", "first", ("x < 5", "low"), ("x >= 5", "high"), ("x < 3", "odd"), ("true", "odd")),),
        (("masked", "a-2"), ("unreached-value", "odd")),
    ),
    "a row that contradicts itself": Left(
        (decision("a", "collect", ("x < 3 and x > 4", "never"), ("x > 1", "low")),),
        (("never-holds", "a-0"), ("unreached-value", "never")),
    ),
    "a value without a row": Left(
        (decision("a", "first", ("x < 5", "low"), ("true", "high"), values=["low", "high", "middle"]),),
        (("unreached-value", "middle"),),
    ),
    "conclusions that exclude each other": Left(
        (
            decision("a", "unique", ("x < 5", "low"), ("x >= 5", "high")),
            decision("b", "unique", ("x < 3", "low"), ("x >= 3", "high")),
            decision(
                "c",
                "unique",
                ("a == low and b == low", "p"),
                ("a == low and b == high", "q"),
                ("a == high and b == high", "r"),
            ),
        ),
        (),
    ),
    "a row over conclusions that exclude each other": Left(
        (
            decision("a", "unique", ("x < 5", "low"), ("x >= 5", "high")),
            decision("b", "unique", ("x < 3", "low"), ("x >= 3", "high")),
            decision("c", "collect", ("a == high and b == low", "p"), ("a == high and b == high", "q")),
        ),
        (("never-holds", "c-0"), ("unreached-value", "p")),
    ),
    "a gap behind a decision that is itself open": Left(
        (
            decision("a", "unique", ("x < 5", "low"), ("x > 5", "high")),
            decision("b", "unique", ("a == low", "low"), ("a == high", "high")),
        ),
        (("gap", "a"),),
    ),
    "a figure that cannot be below nothing": Left(
        (decision("a", "unique", ("twice >= 0", "low"), ("twice < 0", "high")),),
        (("never-holds", "a-1"), ("unreached-value", "high")),
        {"twice": "x + x"},
    ),
    "figures of one fact": Left(
        (decision("a", "first", ("once > 5 and twice < 10", "low"), ("true", "high")),),
        (("never-holds", "a-0"), ("unreached-value", "low")),
        {"once": "x", "twice": "x + x"},
    ),
    "a product of facts": Left(
        (decision("a", "unique", ("area > 50", "large"), ("area <= 50", "small")),), (), {"area": "x * x"}
    ),
    "a product that is never so large": Left(
        (decision("a", "first", ("area > 100", "large"), ("true", "small")),),
        (("never-holds", "a-0"), ("unreached-value", "large")),
        {"area": "x * x"},
    ),
    "a division by nothing": Left(
        (decision("a", "unique", ("ratio >= 1", "large"), ("ratio < 1", "small")),),
        (("gap", "a"), ("not-proved", "a")),
        {"ratio": "1 / x"},
    ),
    "a division that is guarded": Left(
        (decision("a", "unique", ("ratio >= 1", "large"), ("ratio < 1", "small")),),
        (),
        {"ratio": "1 / x if x > 0 else 1"},
    ),
    "never against never": Left(
        (decision("a", "unique", ("late == never", "never"), ("late != never", "once")),),
        (),
        {"late": "x if x < 5 else never"},
    ),
    "a fact that was answered": Left(
        (
            decision(
                "a",
                "first",
                ("x is answered", "said"),
                ("x is assumed", "guessed"),
                ("x is measured", "seen"),
                ("true", "open"),
            ),
        ),
        (),
    ),
}


@pytest.mark.parametrize("left", LEFT.values(), ids=LEFT)
def test_rules_when_checked_have_exactly_what_they_leave_out_found(left: Left, tmp_path: Path) -> None:
    base = written(tmp_path, {left.uses: _NUMBERS[left.uses]}, *left.decisions, figures=left.figures)
    report = check(base)
    assert sorted(told(report)) == sorted(left.finds)


def test_value_that_only_a_last_row_for_nothing_would_conclude_when_found_names_that_row(tmp_path: Path) -> None:
    rules = decision("a", "first", ("x < 5", "low"), ("x >= 5", "high"), ("true", "odd"))
    (unreached,) = check(written(tmp_path, {"x": _NUMBERS["x"]}, rules)).findings
    assert unreached.message == "odd: only a-2 would, and that never decides"
    assert unreached.severity == "warning"


def test_last_row_of_several_outputs_when_it_never_decides_leaves_the_value_that_it_alone_has(tmp_path: Path) -> None:
    rows = {"x < 5": ("low", "red"), "x >= 5": ("high", "red"), "true": ("low", "green")}
    rules = [
        {"id": f"a-{index}", "when": when, "then": dict(zip("ab", then, strict=True)), "because": "So.", "source": "s"}
        for index, (when, then) in enumerate(rows.items())
    ]
    head = {"decides": {"a": ["low", "high"], "b": ["red", "green"]}, "title": "a", "source": "s"}
    base = written(tmp_path, {"x": _NUMBERS["x"]}, {**head, "hit_policy": "first", "rules": rules})
    assert told(check(base)) == [("unreached-value", "green")]


_LOW_OR_HIGH = (("x < 5", "low"), ("x >= 5", "high"))
_LAST = (*_LOW_OR_HIGH, ("true", "low"))
_PROVED = "every case has a row, no two rows contradict each other, and each can decide"
EXCEPT_LAST: dict[str, tuple[tuple[dict[str, object], ...], str]] = {
    "every row": (
        (decision("a", "first", *_LOW_OR_HIGH), decision("b", "first", ("x < 5", "low"), ("true", "high"))),
        f"Proved of 2 decisions: {_PROVED}.",
    ),
    "the only decision": (
        (decision("a", "first", *_LAST),),
        f"Proved of a: {_PROVED} but the last, which catches what is left.",
    ),
    "one of two": (
        (decision("a", "first", *_LAST), decision("b", "first", *_LOW_OR_HIGH)),
        f"Proved of 2 decisions: {_PROVED} but the last of a, which catches what is left.",
    ),
    "two of two": (
        (decision("a", "first", *_LAST), decision("b", "first", *_LAST)),
        f"Proved of 2 decisions: {_PROVED} but the last of a and b, which catch what is left.",
    ),
}


@pytest.mark.parametrize(("decisions", "sentence"), EXCEPT_LAST.values(), ids=EXCEPT_LAST)
def test_last_row_that_never_decides_when_the_rest_is_proved_is_said_to_be_left_out(
    decisions: tuple[dict[str, object], ...], sentence: str, tmp_path: Path
) -> None:
    report = check(written(tmp_path, {"x": _NUMBERS["x"]}, *decisions))
    assert (told(report), report.proved) == ([], (sentence,))


@pytest.mark.parametrize("left", LEFT.values(), ids=LEFT)
def test_cases_that_findings_show_when_decided_show_what_is_said(left: Left, tmp_path: Path) -> None:
    base = written(tmp_path, {left.uses: _NUMBERS[left.uses]}, *left.decisions, figures=left.figures)
    for one in check(base).findings:
        if one.code == "gap":
            assert not any(tried(base, one.example).rows[one.message.partition(":")[0]])
        if one.code in ("overlap", "contradiction"):
            assert tried(base, one.example).rows["a"].count(True) > 1
        if one.code == "masked":
            row = int(one.message.partition(":")[0].rpartition("-")[2])
            trial = tried(base, one.example)
            assert trial.rows["a"][row] is True
            assert any(trial.rows["a"][:row])


IDLE: dict[str, tuple[Mapping[str, object], tuple[dict[str, object], ...], list[tuple[str, str]]]] = {
    "a fact nothing reads": (
        {"x": number(min=0), "y": number()},
        (decision("a", "first", ("x > 1", "p"), ("true", "q")),),
        [("unused-fact", "y")],
    ),
    "a question nothing depends on": (
        {"x": number(min=0), "y": number(question="?"), "z": number(default="y", default_source="test")},
        (decision("a", "first", ("x > 1", "p"), ("true", "q")),),
        [("idle-question", "y"), ("unused-fact", "z")],
    ),
    "a question whose answers all lead to one conclusion": (
        {"x": number(min=0), "flag": truth(question="?")},
        (decision("a", "collect", ("x > 1 and flag is known", "p"), ("x > 1 and flag is unknown", "p")),),
        [("idle-question", "flag")],
    ),
    "a question without whose answer the one conclusion stands": (
        {"flag": truth(question="?")},
        (decision("a", "first", ("flag", "p"), ("not flag", "p")),),
        [("idle-question", "flag")],
    ),
    "a question of a row that the next one makes needless": (
        {"x": number(min=0), "flag": truth(question="?")},
        (decision("a", "first", ("flag and x < 5", "p"), ("x < 5", "p"), ("true", "q")),),
        [("idle-question", "flag")],
    ),
    "a question of a needless row, behind which another decision lies": (
        {"x": number(min=0), "flag": truth(question="?")},
        (
            decision("a", "first", ("flag and x < 5", "p"), ("x < 5", "p"), ("true", "q")),
            decision("b", "collect", ("a == p", "r"), ("x > 7", "s")),
        ),
        [("idle-question", "flag")],
    ),
    "a question without whose answer a list is shorter": (
        {"x": number(min=0), "flag": truth(question="?")},
        (decision("a", "collect", ("flag and x < 5", "p"), ("not flag and x < 5", "p")),),
        [],
    ),
    "a question that a row asks for being open": (
        {"x": number(min=0), "flag": truth(question="?")},
        (decision("a", "first", ("flag is unknown", "q"), ("flag and x < 5", "p"), ("x < 5", "p"), ("true", "q")),),
        [],
    ),
    "a question that matters at one point": (
        {"x": number(min=0), "flag": truth(question="?")},
        (decision("a", "first", ("flag and x < 5", "p"), ("x < 4.999", "p"), ("true", "q")),),
        [],
    ),
    "a question behind a row for everything": (
        {"x": number(min=0), "flag": truth(question="?")},
        (decision("a", "first", ("true", "p"), ("flag and x > 1", "p")),),
        [("idle-question", "flag"), ("masked", "a-1")],
    ),
}


@pytest.mark.parametrize(("facts", "decisions", "finds"), IDLE.values(), ids=IDLE)
def test_facts_when_checked_that_change_nothing_are_found(
    facts: Mapping[str, object],
    decisions: tuple[dict[str, object], ...],
    finds: list[tuple[str, str]],
    tmp_path: Path,
) -> None:
    assert sorted(told(check(written(tmp_path, facts, *decisions)))) == finds


def test_fact_that_only_sentences_mention_when_checked_is_said_to_be(tmp_path: Path) -> None:
    base = written(tmp_path, {"x": number(min=0), "y": number()}, decision("a", "first", ("x > 1", "p"), ("true", "q")))
    path = base / "decision_0.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("So.", "Because of {{ y }}.", 1), encoding="utf-8")
    (unused,) = check(base).findings
    assert unused.message == "y: only sentences mention it"


SHOWN: dict[str, object] = {
    "arithmetic": ["y"],
    "options": {"columns": ["Total"], "rows": {"p": {"Total": "y"}}},
    "turning": {"y": None},
    "months of the chart": {"months": "y", "lines": {}},
    "lines of the chart": {"months": "x", "lines": {"p": ["x", "y"]}},
}


@pytest.mark.parametrize(("section", "shows"), SHOWN.items(), ids=SHOWN)
def test_fact_that_only_the_report_shows_when_checked_is_used(section: str, shows: object, tmp_path: Path) -> None:
    base = written(tmp_path, {"x": number(min=0), "y": number()}, decision("a", "first", ("x > 1", "p"), ("true", "q")))
    path = base / "knowledge.yaml"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**manifest, section.rsplit(maxsplit=1)[-1]: shows}), encoding="utf-8")
    assert told(check(base)) == []


def test_fact_that_only_the_fallback_mentions_when_checked_is_said_to_be(tmp_path: Path) -> None:
    base = written(tmp_path, {"x": number(min=0), "y": number()}, decision("a", "first", ("x > 1", "p"), ("true", "q")))
    path = base / "knowledge.yaml"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    fallback = {"conclusion": "q", "strength": "weak", "because": "There is {{ y }}.", "source": "test"}
    path.write_text(json.dumps({**manifest, "fallback": fallback}), encoding="utf-8")
    (unused,) = check(base).findings
    assert unused.message == "y: only sentences mention it"


def test_proofs_when_there_is_no_time_are_said_to_be_missing(tmp_path: Path) -> None:
    base = written(tmp_path, _NUMBERS, decision("a", "unique", ("x < 5 and y < 5 or flag", "p"), ("x >= 5", "q")))
    report = check(base, seconds=0)
    assert {one.code for one in report.findings} <= {"not-proved", "overlap"}
    assert any("was not proved in 0 seconds" in one.message for one in found(report, "not-proved"))
    assert report.proved == ()


def test_rule_that_is_no_longer_in_force_when_checked_on_a_later_day_leaves_a_gap(tmp_path: Path) -> None:
    base = written(tmp_path, {"x": number(min=0)}, decision("a", "unique", ("x < 5", "low"), ("x >= 5", "high")))
    path = base / "decision_0.yaml"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["rules"][1]["until"] = "2030-01-01"
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    before = check(base, on=date(2029, 12, 31)).findings
    assert {one.code for one in before} == {"gap", "unreached-value"}
    assert all("2030-01-01" in one.message for one in before)
    assert ("gap", "a") in told(check(base, on=date(2030, 1, 1)))


# Against the search of everything

VALUES: Mapping[str, tuple[float | bool | str, ...]] = {
    "t0": (True, False),
    "t1": (True, False),
    "c0": ("a", "b", "c"),
    "i0": (0.0, 1.0, 2.0, 3.0),
    "i1": (0.0, 1.0, 2.0),
}
_ASKED = {"question": "?", "source": "test"}
FINITE: Mapping[str, object] = {
    "t0": {**truth(), **_ASKED, "title": "t0"},
    "t1": {**truth(), **_ASKED, "title": "t1"},
    "c0": {**choice("a", "b", "c"), **_ASKED},
    "i0": {**number(min=0, max=3), **_ASKED, "title": "i0", "type": "integer"},
    "i1": {**number(min=0, max=2, default="1 if t0 else i0", default_source="test"), "title": "i1", "type": "integer"},
}
_FIGURES = ("i0 + i1", "i0 * i1", "i0 / i1 if i1 > 0 else 4", "i0 / i1", "i0 - i1 if t1 else i1")


def random_condition(rng: random.Random, depth: int, concluded: Sequence[tuple[str, Sequence[str]]]) -> str:
    shape = rng.random()
    if depth and shape < 0.5:
        parts = [random_condition(rng, depth - 1, concluded) for _ in range(2)]
        joint = rng.choice((" and ", " or "))
        return f"({joint.join(parts)})"
    if depth and shape < 0.6:
        return f"(not {random_condition(rng, depth - 1, concluded)})"
    if concluded and rng.random() < 0.3:
        name, words = rng.choice(concluded)
        return f"{name} {rng.choice(('==', '!='))} {rng.choice(words)}"
    return rng.choice(
        (
            rng.choice(("t0", "t1", "not t0", "not t1")),
            f"c0 {rng.choice(('==', '!='))} {rng.choice('abc')}",
            f"{rng.choice(('t0', 'c0', 'i0', 'i1'))} is {rng.choice(('unknown', 'known', 'not known'))}",
            f"f0 {rng.choice(('<', '>=', '=='))} {rng.randrange(5)}",
            f"{rng.choice(('i0', 'i1'))} {rng.choice(('<', '>=', '==', '!=', '>', '<='))} {rng.randrange(4)}",
        )
    )


def random_decisions(rng: random.Random) -> list[dict[str, object]]:
    made: list[dict[str, object]] = []
    concluded: list[tuple[str, Sequence[str]]] = []
    for index in range(rng.randint(1, 3)):
        policy = rng.choice(("first", "first", "unique", "any", "collect"))
        rows = [
            (random_condition(rng, rng.randint(0, 2), concluded), rng.choice("xyz"[: rng.randint(2, 3)]))
            for _ in range(rng.randint(2, 5))
        ]
        if policy == "first" and rng.random() < 0.5:
            rows.append(("true", "x"))
        made.append(decision(f"d{index}", policy, *rows))
        if policy != "collect":
            concluded.append((f"d{index}", sorted({then for _, then in rows})))
    return made


def every_trial(knowledge: Knowledge, names: Iterable[str] = VALUES) -> list[Trial]:
    """Every case of some finite facts, each given with every value or not at all."""
    trials, names = Trials(knowledge), list(names)
    choices = itertools.product(*((None, *VALUES[name]) for name in names))
    return [
        trials.of(
            Case("", {name: Given(name, value) for name, value in zip(names, one, strict=True) if value is not None})
        )
        for one in choices
    ]


def needed_by(knowledge: Knowledge, decides: str) -> set[str]:
    """The facts and conclusions that a decision reads, itself or through figures."""
    names, waiting = set[str](), [decides]
    while waiting:
        for read in knowledge.reads.get(waiting.pop(), frozenset()):
            if read in knowledge.figures:
                waiting.append(read)
            else:
                names.add(read)
    return names


def gaps_of(knowledge: Knowledge, table: DecisionTable, trials: Iterable[Trial]) -> list[Trial]:
    needed = needed_by(knowledge, table.name)
    known = (trial for trial in trials if all(trial.values[name] is not None for name in needed))
    return [trial for trial in known if not trial.decisive(table)]


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 100_000))
def test_findings_on_random_rules_when_every_case_is_tried_agree(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = random.Random(seed)
    decisions, figure = random_decisions(rng), rng.choice(_FIGURES)
    base = written(tmp_path_factory.mktemp("rules"), FINITE, *decisions, figures={"f0": figure})
    report = check(base)
    knowledge = load_knowledge(base)
    trials = every_trial(knowledge)
    unproved = [one.message for one in found(report, "not-proved")]
    for table in knowledge.decisions.values():
        _dead_rows_agree(report, table, trials, unproved)
        _unreached_values_agree(report, table, trials, unproved)
        _pairs_agree(report, table, trials, unproved)
        if table.policy in DECIDING:
            gaps = gaps_of(knowledge, table, trials)
            assert bool(gaps) == any(one.message.startswith(f"{table.name}:") for one in found(report, "gap"))
            if not any(table.name in message for message in unproved):
                named = [region for region in regions(report, table.name) if region]
                everything = len(named) < len(
                    [one for one in found(report, "gap") if one.message.startswith(table.name)]
                )
                for trial in gaps:
                    assert everything or any(holds(knowledge, region, trial) for region in named)
    _idle_questions_agree(report, knowledge, trials, unproved)


def _dead_rows_agree(report: Report, table: DecisionTable, trials: list[Trial], unproved: list[str]) -> None:
    ids = [row.id for row in table.rows]
    deciding = {ids[index] for trial in trials for index in trial.decisive(table)}
    holding = {row for trial in trials for row, truth in zip(ids, trial.rows[table.name], strict=True) if truth}
    never = {about for code, about in told(report) if code == "never-holds"} & set(ids)
    masked = {about for code, about in told(report) if code == "masked"} & set(ids)
    dead = set(ids) - deciding
    if table.rows[-1].declaration.when == "true":
        dead.discard(ids[-1])
    assert never <= dead - holding
    assert masked <= dead & holding
    assert all(any(row in message for message in unproved) for row in dead - never - masked)


def _unreached_values_agree(report: Report, table: DecisionTable, trials: list[Trial], unproved: list[str]) -> None:
    reached = {table.rows[index].then[table.name] for trial in trials for index in trial.decisive(table)}
    expected = set(table.outputs[table.name]) - reached
    named = {one.message.partition(":")[0] for one in found(report, "unreached-value") if one.place.file == table.file}
    assert named <= expected
    for value in expected - named:
        rows = [row.id for row in table.rows if row.then[table.name] == value]
        assert any(row in message for row in rows for message in unproved)


def _pairs_agree(report: Report, table: DecisionTable, trials: list[Trial], unproved: list[str]) -> None:
    if table.policy not in ("unique", "any"):
        return
    expected = {
        (table.rows[one].id, table.rows[other].id)
        for trial in trials
        for one, other in itertools.combinations(trial.decisive(table), 2)
        if table.policy == "unique" or table.rows[one].then != table.rows[other].then
    }
    messages = [one.message.split() for one in found(report, "overlap", "contradiction")]
    named = {(words[0], words[2]) for words in messages if words[0].startswith(f"{table.name}-")}
    assert named <= expected
    assert all(any(f"{one} and {other}" in message for message in unproved) for one, other in expected - named)


def _idle_questions_agree(report: Report, knowledge: Knowledge, trials: list[Trial], unproved: list[str]) -> None:
    for name, fact in knowledge.facts.items():
        if not fact.question or not any(name in knowledge.upstream(one) for one in knowledge.decisions):
            continue
        outcomes: dict[object, set[object]] = {}
        for trial in trials:
            others = tuple((other, one.value) for other, one in trial.case.given.items() if other != name)
            outcome = tuple(trial.outcome(table) for table in knowledge.decisions.values())
            outcomes.setdefault(others, set()).add(outcome)
        changes = any(len(several) > 1 for several in outcomes.values())
        idle = [one.message for one in found(report, "idle-question") if one.message.startswith(f"{name}:")]
        if not idle:
            assert changes or any(message.startswith(f"{name}:") for message in unproved)
        elif changes:
            # What the rows leave open stands all the same.
            assert "stands without its answer" in idle[0]
            assert not _changes_what_stands(knowledge, name, random.Random(0).sample(trials, 60))


def _concluded(pool: EnginePool, case: Case) -> object:
    """Everything that is concluded in a case, what stands whatever is unknown included; None of a contradiction."""
    try:
        outcome = infer(case, pool)
    except InferenceError:
        return None
    concluded = {output: outcome.conclusion(output) for output in pool.knowledge.decision_of}
    # In which order a list comes is no matter.
    return {output: frozenset(found) if isinstance(found, tuple) else found for output, found in concluded.items()}


def _changes_what_stands(knowledge: Knowledge, fact: str, trials: Iterable[Trial]) -> bool:
    """Whether another answer to a fact, or none, changes what is concluded in one of the cases."""
    pool = EnginePool(knowledge)
    for trial in trials:
        cases = [trial.case.replace(fact, Given(fact, value)) for value in VALUES[fact]]
        first = _concluded(pool, trial.case.without(fact))
        if any(_concluded(pool, case) != first for case in cases):
            return True
    return False


def plain_condition(rng: random.Random, depth: int, concluded: Sequence[str]) -> str:
    """A condition that never asks what is known."""
    if depth and rng.random() < 0.6:
        joint = rng.choice((" and ", " or "))
        return f"({joint.join(plain_condition(rng, depth - 1, concluded) for _ in range(2))})"
    if concluded and rng.random() < 0.3:
        return f"{rng.choice(concluded)} == {rng.choice('xy')}"
    return rng.choice(
        ("t0", "t1", "not t0", "not t1", "once > 0", f"i1 {rng.choice(('<', '>='))} {rng.randrange(1, 3)}")
    )


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 100_000))
def test_questions_on_random_rules_that_go_by_values_when_every_case_is_decided_are_idle_where_nothing_changes(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = random.Random(seed)
    facts = {
        "t0": {**truth(), **_ASKED},
        "t1": {**truth(), **_ASKED, **rng.choice(({}, {"default": "yes", "default_source": "test"}))},
        "i1": {**number(min=0, max=2), **_ASKED, "type": "integer"},
    }
    decisions: list[dict[str, object]] = []
    for index in range(rng.randint(1, 3)):
        names = [f"d{before}" for before, one in enumerate(decisions) if one["hit_policy"] == "first"]
        rows = [(plain_condition(rng, rng.randint(0, 2), names), rng.choice("xxy")) for _ in range(rng.randint(1, 4))]
        rows += [("true", rng.choice("xy"))] if rng.random() < 0.5 else []
        policy = rng.choice(("first", "first", "first", "collect"))
        decisions.append(decision(f"d{index}", policy, *rows, values="xy"))
    base = written(tmp_path_factory.mktemp("rules"), facts, *decisions, figures={"once": "1 if t0 else 0"})
    idle = {one.message.partition(":")[0] for one in found(check(base), "idle-question")}
    knowledge = load_knowledge(base)
    trials = every_trial(knowledge, facts)
    for name in facts:
        if any(name in knowledge.upstream(one) for one in knowledge.decisions):
            changes = _changes_what_stands(knowledge, name, trials)
            assert not (changes and name in idle)
            assert changes or name in idle or any(one["hit_policy"] == "collect" for one in decisions)


# How it is shown


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A report with findings of all severities, some with examples, in a file whose name needs escaping."""
    base = tmp_path_factory.mktemp("shown") / "rules, 100 % mine: new"
    slips = (SLIPS["a misspelt choice"].edit, SLIPS["a name given twice"].edit)
    gap = Edit("scale.yaml", "requests_per_month_in_12_months >= 500_000", "requests_per_month_in_12_months > 500_000")
    dead = Edit("migration.yaml", "when: months_in_production < 3\n", "when: months_in_production < 0\n")
    return check(edited(base, *slips, gap, dead))


def test_text_when_rendered_shows_the_line_with_a_caret_the_way_out_and_the_case(shown: Report) -> None:
    text = render_findings(shown, "text")
    lines = text.splitlines()
    at = next(index for index, line in enumerate(lines) if "unknown-value" in line)
    assert re.search(r"method\.yaml:23:52: error: unknown-value: method-full: 'nonee'", lines[at])
    assert lines[at + 1].startswith("    23 | ")
    assert lines[at + 2].index("^") == lines[at + 1].index("nonee")
    assert lines[at + 3].strip() == "Did you mean 'none'?"
    assert "         requests_per_month_in_12_months: 500_000" in lines
    assert re.search(r"\d+ errors, \d+ warnings, 1 note in \d+ files", text)


def test_text_of_nothing_found_when_rendered_says_so() -> None:
    assert render_findings(Report(()), "text") == "nothing found\n"


def test_line_of_many_characters_when_shown_is_cut_around_the_column() -> None:
    line = "x" * 300 + "!" + "y" * 300
    place = Place("a.yaml", 1, 301)
    text = render_findings(Report((Finding("syntax", place, "m"),), (), {"a.yaml": (line,)}), "text")
    excerpt, caret = text.splitlines()[1:3]
    assert len(excerpt) < 120
    assert excerpt[caret.index("^")] == "!"


def test_line_that_would_steer_the_terminal_when_shown_is_made_harmless() -> None:
    place = Place("a.yaml", 1, 1)
    text = render_findings(Report((Finding("syntax", place, "m"),), (), {"a.yaml": ("a\x1b[31mb\x07",)}), "text")
    assert "\x1b" not in text
    assert "\x07" not in text


def test_json_when_rendered_has_the_fields_of_every_finding(shown: Report) -> None:
    document = json.loads(render_findings(shown, "json"))
    assert len(document["findings"]) == len(shown.findings)
    for one in document["findings"]:
        assert list(one) == ["code", "severity", "file", "line", "column", "message", "hint", "example"]
        assert one["code"] in CODES
        assert one["severity"] in SEVERITIES
    assert sum(document["counts"].values()) == len(shown.findings)
    gap = next(one for one in document["findings"] if one["code"] == "gap" and one["message"].startswith("scale:"))
    assert gap["example"] == {"requests_per_month_in_12_months": 500_000}


def test_sarif_when_rendered_fits_its_schema(shown: Report) -> None:
    schema = json.loads((ROOT / "tests" / "data" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    for report in (shown, Report(()), check("/no/such/directory")):
        document = json.loads(render_findings(report, "sarif"))
        jsonschema.validate(document, schema)
        assert len(document["runs"][0]["results"]) == len(report.findings)


def test_sarif_when_rendered_names_rule_level_and_region(shown: Report) -> None:
    run = json.loads(render_findings(shown, "sarif"))["runs"][0]
    result = next(one for one in run["results"] if one["ruleId"] == "unknown-value")
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "unknown-value"
    assert result["level"] == "error"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"].endswith("/rules%2C%20100%20%25%20mine%3A%20new/rules/method.yaml")
    assert (place["region"]["startLine"], place["region"]["startColumn"]) == (23, 52)


def test_workflow_commands_when_rendered_stand_one_a_line_with_everything_escaped(shown: Report) -> None:
    commands = render_findings(shown, "github").splitlines()
    assert len(commands) == len(shown.findings)
    pattern = re.compile(r"::(error|warning|notice) (file=[^,:]*(?:,(?:line|col|title)=[^,:]*)*)::(.*)")
    for command, finding in zip(commands, shown.findings, strict=True):
        match = pattern.fullmatch(command)
        assert match, command
        assert match[1] == {"error": "error", "warning": "warning", "info": "notice"}[finding.severity]
        assert "%2C 100 %25 mine%3A new" in match[2]


def test_finding_of_several_lines_when_rendered_as_a_command_stays_on_one() -> None:
    report = Report((Finding("sentence", Place("a.yaml", 1), "one\ntwo\r100 %"),))
    assert render_findings(report, "github") == "::error file=a.yaml,line=1,title=sentence::one%0Atwo%0D100 %25.\n"


def test_format_there_is_not_when_asked_for_is_refused() -> None:
    with pytest.raises(ValueError, match="no format 'xml'"):
        render_findings(Report(()), "xml")


# The command


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli.main, ["rules", "check", *arguments])


def test_command_on_the_built_in_base_when_run_finds_nothing() -> None:
    outcome = run()
    assert outcome.exit_code == 0
    assert outcome.output.startswith("nothing found\n")


@pytest.mark.parametrize("output_format", FORMATS)
def test_command_on_a_base_with_gaps_when_run_prints_them_and_fails(output_format: str) -> None:
    outcome = run("--rules", str(AS_PRINTED), "--format", output_format)
    assert outcome.exit_code == 1
    assert "migration_action" in outcome.output
    assert "month-3-to-6" in outcome.output


def test_command_on_a_directory_that_is_not_there_when_run_has_status_2() -> None:
    outcome = run("--rules", "/no/such/directory", "--format", "json")
    assert outcome.exit_code == 2
    (one,) = json.loads(outcome.stdout)["findings"]
    assert one["code"] == "unreadable"


def test_findings_about_a_decision_that_aggregates_when_told_name_it_as_the_files_do(tmp_path: Path) -> None:
    rate = """\
        decides: rate
        values: [10, 20]
        hit_policy: collect
        aggregate: sum
        title: Rate
        source: test
        rules:
          - {id: far, when: distance * passengers > 7, then: 10, because: b, source: s}
          - {id: units-differ, when: distance > trip_time, then: 20, because: b, source: s}
        """
    findings = check(write_base(tmp_path, rate=rate)).findings
    assert [one.message.split(":")[0] for one in findings if one.code == "units"] == ["units-differ"]
    assert [one.message for one in findings if "as a value" in one.message] == []


def test_products_that_hinder_a_proof_when_named_are_figures_and_decisions_of_the_files(tmp_path: Path) -> None:
    rate = """\
        decides: rate
        values: [10, 20]
        hit_policy: collect
        aggregate: sum
        title: Rate
        source: test
        rules: [{id: far, when: distance * passengers > 7, then: 10, because: b, source: s}]
        """
    fare = """\
        decides: fare
        values: [dear, cheap]
        hit_policy: first
        title: Fare
        source: test
        rules:
          - {id: dear, when: rate > 5, then: dear, because: b, source: s}
          - {id: cheap, when: "true", then: cheap, because: b, source: s}
        """
    reading = read_knowledge(write_base(tmp_path, rate=rate, fare=fare))
    examination = _Examination(reading, frozenset(), 1.0)
    list(examination.findings())
    assert examination._products(reading.knowledge.decisions["fare"]) == ["rate"]


def test_open_choice_when_no_condition_names_a_word_is_tried_with_any_other(tmp_path: Path) -> None:
    base = written(
        tmp_path / "base",
        {"flag": truth(), "note": choice(open=True), "other": choice(open=True)},
        decision("d", "first", ("note == other", "a"), ("true", "b")),
        decision("e", "first", ("flag", "a"), ("true", "b")),
    )
    assert Trials(load_knowledge(base)).notable["note"] == ("anything else",)
    assert found(check(base), "unreadable") == []


def test_open_choice_when_tried_is_given_the_words_of_the_rules_and_one_they_do_not_name(tmp_path: Path) -> None:
    base = written(
        tmp_path, {"note": choice("x", open=True)}, decision("d", "first", ("note == x", "a"), ("true", "b"))
    )
    assert Trials(load_knowledge(base)).notable["note"] == ("x", "anything else")
    assert found(check(base), "gap", "unreadable") == []


def test_choice_when_it_has_no_words_is_refused(tmp_path: Path) -> None:
    base = written(tmp_path, {"flag": truth(), "note": choice()}, decision("d", "first", ("flag", "a"), ("true", "b")))
    assert any("a choice needs at least one word" in one.message for one in check(base).findings)


@pytest.mark.parametrize("facts", [{}, {"note": choice()}], ids=["none", "none that can be answered"])
def test_base_without_answers_when_checked_is_told_which_rule_never_decides(
    facts: dict[str, object], tmp_path: Path
) -> None:
    base = written(tmp_path, facts, decision("d", "first", ("true", "a"), ("true", "b")))
    assert [one.message for one in found(check(base), "unreached-value")] == [
        "b: only d-1 would, and that never decides"
    ]
