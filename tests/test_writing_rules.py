"""Follows docs/writing-rules.md (see tests/walk.py): makes every edit, and holds the outcome to what it says."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel

from engine import declarations
from engine.case import read_case
from engine.costs import WorkingMemory, working_memory
from engine.knowledge import Knowledge, load_knowledge
from engine.language.evaluate import Value, compile_plain
from engine.language.parse import ExpressionError, parse
from engine.language.resolve import resolve
from engine.language.scope import NumberType, TruthType
from engine.schema import schemas
from engine.sentences import fill_in, names_in_sentence
from engine.source import plain_value, read_document, read_text_document
from engine.testing import rule_tests
from engine.wording import show_name
from tests.walk import Edit, Fence, compare, edits, run, sections_of, steps

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "writing-rules.md"
RULES = "my-rules"


SECTIONS = sections_of(DOCUMENT)


def _rows(first_column: str) -> list[dict[str, str]]:
    """The rows of every table whose first column has that head."""
    tables = [table for section in SECTIONS.values() for table in section.tables]
    return [row for table in tables if first_column in table[0] for row in table]


def _code(cell: str) -> str:
    return cell.strip("`")


_SCHEMA = re.compile(r"# yaml-language-server: \$schema=(?P<path>(?:\.\./)?schemas/(?P<kind>\w+)\.schema\.json)")
_SLIP = re.compile(r"^(?P<what>.+?): in `(?P<file>[^`]+)`, `(?P<old>[^`]+)` written as `(?P<new>[^`]+)`\.$")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where it is remembered which bases passed, apart from the user's own."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def folder(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as the reader has it after the first command."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BREAKEVEN_CACHE", str(cache))
    monkeypatch.delenv("BREAKEVEN_RULES", raising=False)
    start = SECTIONS["Start from the built-in rules"].fences[0]
    compare(start)
    return tmp_path


def recommend(case: str) -> dict[str, Any]:
    """The decision of a case by the edited rules."""
    result = run(f"breakeven recommend {case} --format json --rules {RULES}")
    assert result.exit_code == 0, result.output
    decision: dict[str, Any] = json.loads(result.stdout)
    return decision


def follow(folder: Path, *headings: str) -> None:
    for heading in headings:
        found = edits(SECTIONS[heading])
        assert found, f"nothing to do under {heading}"
        for edit in found:
            edit.apply(folder)


# The walk.


def test_walk_when_followed_from_top_to_bottom_prints_what_the_page_shows(folder: Path) -> None:
    shown = 0
    for step in (step for section in SECTIONS.values() for step in steps(section)):
        if isinstance(step, Edit):
            step.apply(folder)
        elif "rules init" not in step.text:
            compare(step)
            shown += 1
    assert shown == CONSOLES - 1


def test_walk_when_read_uses_what_shows_the_effect_of_each_change() -> None:
    commands = [line for fence in _consoles() for line in fence.text.splitlines() if line.startswith("$ ")]
    for needed in ("rules init", "rules check", "rules test", "rules diff", "recommend"):
        assert any(f"breakeven {needed}" in command for command in commands)


def _consoles() -> Iterator[Fence]:
    for section in SECTIONS.values():
        yield from (fence for fence in section.fences if fence.info == "console")


CONSOLES = len(list(_consoles()))


def test_walk_when_followed_leaves_files_that_fit_the_schemas_they_name(folder: Path) -> None:
    for section in SECTIONS.values():
        for edit in edits(section):
            edit.apply(folder)
    generated, checked = schemas(load_knowledge(folder / RULES)), set()
    for path in sorted((folder / RULES).rglob("*.yaml")):
        document = read_document(path)
        named = _SCHEMA.fullmatch(document.lines[0])
        assert named, f"{path.name} names no schema"
        assert (path.parent / named["path"]).is_file()
        jsonschema.validate(document.value, generated[named["kind"]])
        checked.add(named["kind"])
    assert checked == {"facts", "costs", "knowledge", "claims", "decision", "tests"}


@pytest.mark.usefixtures("folder")
def test_copied_rules_when_nothing_is_changed_decide_as_the_built_in_ones() -> None:
    built_in = json.loads(run("breakeven recommend examples/ranges.yaml --format json").stdout)
    copied = recommend("examples/ranges.yaml")
    # The first line of each file names its schema in another folder; everything else is the same.
    assert copied["knowledge_base"].pop("sha256") != built_in["knowledge_base"].pop("sha256")
    for decision in (copied, built_in):
        for firing in (*decision["firings"], *decision["matched_not_decisive"]):
            firing["place"] = Path(firing["place"]).name
    assert copied == built_in


def test_rules_when_named_by_the_environment_are_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    follow(folder, "Change a question")
    monkeypatch.setenv("BREAKEVEN_RULES", RULES)
    assert "steering committee" in run("breakeven rules show budget").output


def test_threshold_when_changed_changes_the_recommendation(folder: Path) -> None:
    case = edits(SECTIONS["Change a threshold"])[0]
    before = _recommend_as_new(case.new, folder)
    follow(folder, "Change a threshold")
    after = recommend(case.file)
    assert (before["conclusions"]["method"], after["conclusions"]["method"]) == ("lora", "few_shot")
    assert (before["recommendation"]["approach"], after["recommendation"]["approach"]) == ("lora", "few_shot")
    assert before["knowledge_base"]["sha256"] != after["knowledge_base"]["sha256"]


def _recommend_as_new(case: str, folder: Path) -> dict[str, Any]:
    (folder / "before.yaml").write_text(case, encoding="utf-8")
    return recommend("before.yaml")


def test_question_when_changed_is_shown(folder: Path) -> None:
    question = edits(SECTIONS["Change a question"])[0].new.partition(": ")[2].strip()
    assert question not in run(f"breakeven rules show budget --rules {RULES}").output
    follow(folder, "Change a question")
    assert question in run(f"breakeven rules show budget --rules {RULES}").output


def test_price_when_changed_changes_the_figures_that_hang_on_it(folder: Path) -> None:
    names = ("prompt_monthly", "request_saving_per_month", "lora_net_benefit")
    before = recommend("examples/ranges.yaml")["figures"]
    follow(folder, "Change a price")
    after = recommend("examples/ranges.yaml")["figures"]
    # An eighth of the way from the changed row to the next, over 18 months.
    assert [before[name]["value"] for name in names] == [900, 445, 133_410]
    assert [after[name]["value"] - before[name]["value"] for name in names] == [262.5, 262.5, 262.5 * 18]
    assert before["fine_tuned_monthly"] == after["fine_tuned_monthly"]


def test_range_when_changed_changes_the_likely_value_and_the_ends(folder: Path) -> None:
    follow(folder, "Change the range of an amount")
    figure = recommend("examples/much-unknown.yaml")["figures"]["lora_upfront"]
    # Version management adds 5,000 to 15,000, likely 10,000.
    assert [figure[end] for end in ("low", "value", "high")] == [25_000, 35_000, 55_000]


@pytest.mark.parametrize(
    ("day", "likely"),
    [("2024-01-01", 1_000), ("2025-06-30", 1_000), ("2025-07-01", 1_400)],
    ids=["first day of the first value", "last day of the first value", "first day of the second value"],
)
def test_dated_value_when_decided_with_is_the_latest_that_has_begun(folder: Path, day: str, likely: float) -> None:
    follow(folder, "Change a price from a day on")
    knowledge = load_knowledge(folder / RULES, on=date.fromisoformat(day))
    assert knowledge.constants["prompt_monitoring_row"] == likely


def test_fact_when_added_is_taken_from_a_case(folder: Path) -> None:
    Path("case.yaml").write_text("data_may_leave: no\n", encoding="utf-8")
    refused = run(f"breakeven recommend case.yaml --rules {RULES}")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.output.startswith("case.yaml:1: data_may_leave: there is no fact of this name.")
    follow(folder, "Add a fact")
    reading = recommend("case.yaml")["case"]["data_may_leave"]
    assert (reading["value"], reading["origin"]) == (False, "answered")


@pytest.mark.parametrize(
    ("line", "fires"),
    [
        pytest.param("data_may_leave: no", True, id="its condition holds"),
        pytest.param("data_may_leave: yes", False, id="its condition does not hold"),
        pytest.param("data_may_leave: unknown", False, id="its condition is unknown"),
    ],
)
def test_rule_when_added_fires_only_where_its_condition_holds(folder: Path, line: str, fires: bool) -> None:
    follow(folder, "Add a fact", "Add a rule")
    case = folder / "case.yaml"
    case.write_text(case.read_text(encoding="utf-8").replace("data_may_leave: no", line), encoding="utf-8")
    decision = recommend("case.yaml")
    assert ("caution-data-stays" in [firing["rule"] for firing in decision["firings"]]) is fires
    assert ("data_stays" in decision["conclusions"]["cautions"]) is fires


@pytest.mark.parametrize(
    ("case", "concluded"),
    [
        ("examples/case-1-support-tickets.yaml", "team_lead"),
        ("examples/dear-errors-at-low-volume.yaml", "finance"),
        ("examples/case-3-code-generation-priced.yaml", "board"),
        ("examples/much-unknown.yaml", None),
    ],
)
def test_decision_when_added_is_concluded_from_figures_and_other_conclusions(
    folder: Path, case: str, concluded: str | None
) -> None:
    follow(folder, "Add a decision")
    assert recommend(case)["conclusions"]["sign_off"] == concluded


def test_first_decision_when_a_row_above_is_unknown_stays_open_but_what_no_answer_changes_stands(folder: Path) -> None:
    follow(folder, "Unknown")
    decision = recommend("no-team.yaml")
    assert decision["conclusions"]["framework_verdict"] == "prompt_engineering"
    assert decision["conclusions"]["framework_reason"] is None
    assert [standing["conclusion"] for standing in decision["standing"]] == ["framework_verdict"]
    assert not [firing for firing in decision["firings"] if firing["decision"] == "framework_verdict"]


# What can go wrong.


@dataclass(frozen=True, slots=True)
class Slip:
    """A broken edit and the message the page shows for it."""

    edit: Edit
    message: str


def _slips() -> dict[str, Slip]:
    found = {}
    for fence in SECTIONS["What error messages look like"].fences:
        slip = _SLIP.search(fence.before)
        assert slip, f"{DOCUMENT.name}:{fence.line}: {fence.before!r} does not say what is written how"
        found[slip["what"]] = Slip(Edit(slip["file"], slip["new"], old=slip["old"]), fence.text)
    return found


SLIPS = _slips()


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS)
def test_broken_edit_when_read_is_refused_with_the_message_the_page_shows(folder: Path, slip: Slip) -> None:
    slip.edit.apply(folder)
    result = run(f"breakeven rules show --rules {RULES}")
    assert result.output == slip.message
    assert (result.exit_code, result.stdout) == (2, "")
    assert all(re.match(rf"{RULES}/\w+\.yaml:\d+: ", line) for line in result.output.splitlines())


def test_broken_edits_when_several_are_refused_together_and_nothing_is_decided(folder: Path) -> None:
    slips = [SLIPS["A misspelt name"], SLIPS["A value that the decision does not have"]]
    for slip in slips:
        slip.edit.apply(folder)
    result = run(f"breakeven recommend examples/ranges.yaml --rules {RULES}")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.output == "".join(slip.message for slip in slips)


def test_unique_rows_when_two_hold_are_refused_with_status_1(folder: Path) -> None:
    Edit(f"{RULES}/scale.yaml", " >= 150_000", old=" >= 500_000").apply(folder)
    result = run(f"breakeven recommend examples/ranges.yaml --rules {RULES}")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "scale-from-500k" in result.output


def test_condition_when_it_joins_tests_of_every_fact_decides(folder: Path) -> None:
    condition = " and ".join(f"{name} is not known" for name in load_knowledge().facts)
    row = "prompt_cost_per_request is unknown and prompt_bill_per_month is unknown"
    Edit(f"{RULES}/cautions.yaml", condition, old=row).apply(folder)
    result = run(f"breakeven recommend examples/ranges.yaml --rules {RULES}")
    assert result.exit_code == 0
    assert "caution-table-price" not in result.output


# What the tables say.

MODELS: dict[str, type[BaseModel]] = {
    "A fact": declarations.FactDeclaration,
    "A range": declarations.RangeOf,
    "An amount": declarations.AmountDeclaration,
    "A dated value": declarations.DatedValue,
    "A table": declarations.TableDeclaration,
    "Dated rows": declarations.DatedRows,
    "A figure": declarations.FigureDeclaration,
    "A decision file": declarations.DecisionFile,
    "A rule": declarations.RuleDeclaration,
    "`knowledge.yaml`": declarations.KnowledgeFile,
    "`fallback`": declarations.Fallback,
    "An entry of `voices`": declarations.VoiceDeclaration,
    "`options`": declarations.OptionsTable,
    "`chart`": declarations.ChartDeclaration,
    "An entry of `shown_units`": declarations.UnitDeclaration,
    "A file of tests": rule_tests.DecisionTestsFile,
    "A test": rule_tests.DecisionTestDeclaration,
    "A figure within limits": rule_tests.FigureWithin,
}


@pytest.mark.parametrize(("heading", "model"), MODELS.items(), ids=MODELS)
def test_field_table_when_compared_with_what_is_read_has_every_field(heading: str, model: type[BaseModel]) -> None:
    (table,) = SECTIONS[heading].tables
    documented = {_code(row["Field"]): row["Needed"] == "yes" for row in table}
    assert documented == {read.alias or name: read.is_required() for name, read in model.model_fields.items()}


def test_field_tables_when_counted_cover_everything_a_file_may_declare() -> None:
    declared = {
        model
        for module in (declarations, rule_tests)
        for model in vars(module).values()
        if isinstance(model, type)
        and issubclass(model, BaseModel)
        and model.__module__ == module.__name__
        and not model.__name__.startswith("_")
    }
    assert declared - set(MODELS.values()) == {declarations.FactsFile, declarations.CostsFile}


@pytest.fixture(scope="module")
def built_in() -> Knowledge:
    return load_knowledge()


def _memory(knowledge: Knowledge, where: str) -> WorkingMemory:
    """The facts of a table's second column: ```fact: value`, `fact: value```."""
    text = "\n".join(re.findall(r"`([^`]+)`", where)) or "{}"
    return working_memory(knowledge, read_case(read_text_document(text, "case"), knowledge.facts))


EXPRESSIONS = {f"{row['Expression']} where {row['Where']}": row for row in _rows("Expression")}


@pytest.mark.parametrize("row", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_expression_when_evaluated_gives_what_the_page_says(built_in: Knowledge, row: dict[str, str]) -> None:
    memory = _memory(built_in, row["Where"])
    expected = None if row["Gives"] == "unknown" else plain_value(row["Gives"])
    assert _evaluated(built_in, _code(row["Expression"]), memory) == expected
    assert row["Where"] == "nothing given" or "`" in row["Where"]


def _evaluated(knowledge: Knowledge, text: str, memory: WorkingMemory) -> Value:
    try:
        node = resolve(parse(text), knowledge.scope, expects=TruthType())
    except ExpressionError:
        node = resolve(parse(text), knowledge.scope, expects=NumberType(None))
    return compile_plain(node, knowledge.tables)(memory.values, memory.origins)


SENTENCES = {f"{row['Sentence']} where {row['Where']}": row for row in _rows("Sentence")}


@pytest.mark.parametrize("row", SENTENCES.values(), ids=SENTENCES)
def test_sentence_when_filled_in_reads_as_the_page_says(built_in: Knowledge, row: dict[str, str]) -> None:
    memory, text = _memory(built_in, row["Where"]), _code(row["Sentence"])
    names = {name: show_name(built_in, name, memory.values[name]) for name in names_in_sentence(text)}
    assert fill_in(text, names) == row["Reads"]


LINKS: Sequence[str] = re.findall(r"\]\(#([^)]+)\)", DOCUMENT.read_text(encoding="utf-8"))


def test_links_when_followed_within_the_page_lead_to_a_heading() -> None:
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in SECTIONS}
    assert LINKS
    assert set(LINKS) <= anchors
