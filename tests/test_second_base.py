"""Nothing knows the first subject: every command that reads a base works on another one, written in YAML alone."""

from __future__ import annotations

import json
import re
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from cli import main
from engine.commands.options import FORMATS
from tests.cases import ROOT

HOME = ROOT / "examples" / "gpu-rent-or-buy"
RULES = HOME / "rules"
CASE = HOME / "case.yaml"
#: From 2026 on a reservation is cheaper than paying by the hour for what is busy this much; before it was not.
TURNED = "gpus_needed: 8\nutilization: 0.65\nmonths_needed: 24\nhas_hosting: no\nweeks_until_needed: 16\n"
BEFORE, AFTER = "2025-06-01", "2026-06-01"


def run(*arguments: str | Path, typed: str | None = None, status: int = 0) -> Result:
    """What a command does on the second base, in this process."""
    words = [*map(str, arguments), "--rules", str(RULES)]
    done = CliRunner().invoke(main, words, prog_name="breakeven", input=typed)
    assert done.exit_code == status, (words, done.output, done.exception)
    return done


def printed(*arguments: str | Path, typed: str | None = None, status: int = 0) -> dict[str, object]:
    """The JSON that a command prints."""
    found: dict[str, object] = json.loads(run(*arguments, "--format", "json", typed=typed, status=status).stdout)
    return found


def approach(answer: dict[str, object]) -> object:
    """What a report in JSON recommends."""
    recommendation = answer["recommendation"]
    assert isinstance(recommendation, dict)
    return recommendation["approach"]


def recommend(folder: Path) -> None:
    turned = folder / "turned.yaml"
    turned.write_text(TURNED, "utf-8")
    assert approach(printed("recommend", turned, "--on", BEFORE)) == "rent"
    assert approach(printed("recommend", turned, "--on", AFTER)) == "reserve"
    for report_format in FORMATS:
        report = run("recommend", CASE, "--on", AFTER, "--format", report_format).stdout
        assert "reserv" in report
        assert "$210,384" in report or report_format == "json"
        assert "LoRA" not in report
        assert "fine-tun" not in report


def ask(_folder: Path) -> None:
    answer = run("ask", "--on", AFTER, "--format", "json", typed="5\n")
    assert approach(json.loads(answer.stdout)) == "rent"
    assert "For how many months will you need them?" in answer.stderr
    assert "6 questions not asked: no answer to them can change the recommendation." in answer.stderr
    answers = "24\n8\n0.9\nyes\n30\n4\n-\n"
    long = run("ask", "--on", AFTER, "--format", "json", typed=answers)
    assert approach(json.loads(long.stdout)) == "buy"
    assert "[$32,500/GPU]" in long.stderr


def claims(_folder: Path) -> None:
    assert printed("claims")["verdicts"] == {"holds": 1, "off": 1}
    assert "20.62" in run("claims").stdout


def show(_folder: Path) -> None:
    shown = printed("rules", "show", "too-short-to-commit")
    assert shown["inputs"] == ["months_needed"]
    how = [test["how"] for test in shown["tests"]]  # type: ignore[attr-defined]
    assert how == ["expects it to fire", "expects it to fire", "expects it not to fire"]
    assert "If months needed is below 6 months," in run("rules", "show", "too-short-to-commit").stdout
    assert "weeks of delivery" in run("rules", "show").stdout
    value = {on: run("rules", "show", "reserve_discount", "--on", on).stdout for on in (BEFORE, AFTER)}
    assert ("30 %" in value[BEFORE], "40 %" in value[AFTER]) == (True, True)


def graph(_folder: Path) -> None:
    assert "  cheapest --> advice\n" in run("rules", "graph", "--format", "mermaid").stdout
    assert '"delivery" -> "advice"' in run("rules", "graph", "advice", "--format", "dot").stdout
    picture = ET.fromstring(run("rules", "graph", "--decisions-only", "--format", "svg").stdout)  # noqa: S314 - our own
    assert any("The cheapest way" in (title.text or "") for title in picture.iter("{http://www.w3.org/2000/svg}title"))


def handbook(folder: Path) -> None:
    run("rules", "docs", "-o", folder / "rules.html")
    page = (folder / "rules.html").read_text("utf-8")
    assert "Rent, reserve or buy graphics processors?" in page
    assert "break_even_utilization" in run("rules", "docs").stdout


def new(folder: Path) -> None:
    copy = folder / "copy"
    shutil.copytree(HOME, copy)
    own = copy / "rules"
    for words in (("fact", "is_urgent"), ("decision", "supplier"), ("rule", "advice-new", "--decision", "advice")):
        done = CliRunner().invoke(main, ["rules", "new", *words, "--rules", str(own)])
        assert done.exit_code == 0, done.output
    first = (own / "supplier.yaml").read_text("utf-8").split("\n", 1)[0]
    assert first.endswith("../../../docs/schemas/decision.schema.json")
    tested = CliRunner().invoke(main, ["rules", "test", "--rules", str(own), "--format", "json"])
    counts = json.loads(tested.stdout)
    assert (counts["passed"], counts["failed"], counts["to_be_confirmed"]) == (18, 1, 1)


def fmt(_folder: Path) -> None:
    assert run("rules", "fmt", "--check").output == ""


def check(folder: Path) -> None:
    assert printed("rules", "check")["findings"] == []
    assert "Proved of 3 decisions" in run("rules", "check").stdout
    run("rules", "check", "--format", "sarif", "-o", folder / "findings.sarif")
    assert json.loads((folder / "findings.sarif").read_text("utf-8"))["runs"][0]["results"] == []


def decision_tests(folder: Path) -> None:
    assert printed("rules", "test")["passed"] == 17
    suites = ET.fromstring(run("rules", "test", "--format", "junit").stdout)  # noqa: S314 - our own
    assert len(list(suites.iter("testcase"))) == 17
    run("rules", "test", "--suggest", "-o", folder / "suggested.yaml")
    assert "tests: []" in (folder / "suggested.yaml").read_text("utf-8")
    chosen = printed("rules", "test", "-k", "assumed")
    assert (chosen["passed"], chosen["left_out"]) == (1, 16)


def coverage(_folder: Path) -> None:
    assert re.search(r"100 %\s+9 of\s+9\s+rows fired", run("rules", "coverage").stdout)
    run("rules", "coverage", "--fail-under", "100")


def diff(folder: Path) -> None:
    assert "Nothing that decides differs." in run("rules", "diff", RULES).stdout
    old = folder / "old"
    shutil.copytree(RULES, old)
    path = old / "advice.yaml"
    path.write_text(path.read_text("utf-8").replace("months_needed < 6", "months_needed < 12"), "utf-8")
    differs = run("rules", "diff", old, status=1).stdout
    assert "too-short-to-commit" in differs
    assert "months_needed" in differs


def export(folder: Path) -> None:
    model = ET.fromstring(run("rules", "export").stdout)  # noqa: S314 - our own
    names = {element.get("name") for element in model.iter() if element.tag.endswith("}decision")}
    assert {"advice", "cheapest", "firmness"} <= names
    run("rules", "export", "--format", "dmn-tables", "-o", folder / "tables")
    assert {path.name for path in (folder / "tables").iterdir()} == {"advice.dmn", "cheapest.dmn", "firmness.dmn"}


def schema(folder: Path) -> None:
    case = json.loads(run("rules", "schema", "case").stdout)
    assert case == json.loads((HOME / "schemas" / "case.schema.json").read_text("utf-8"))
    assert "utilization" in case["properties"]
    run("rules", "schema", "-o", folder / "schemas")
    written = {path.name.removesuffix(".schema.json") for path in (folder / "schemas").iterdir()}
    assert written >= {"case", "tests", "decision", "facts", "costs", "knowledge", "report", "records"}


def why(_folder: Path) -> None:
    assert "reserve-instead" in run("why", CASE, "--on", AFTER).stdout
    tree = json.dumps(printed("why", CASE, "cheapest", "--on", AFTER))
    assert "reserv" in tree
    assert "utilization" in tree


def why_not(_folder: Path) -> None:
    answer = printed("why-not", CASE, "buy", "--on", AFTER)
    changes = answer["smallest_changes"]
    assert isinstance(changes, list)
    assert {change["fact"] for one in changes for change in one} >= {"months_needed"}


def what_if(_folder: Path) -> None:
    answer = printed("what-if", CASE, "months_needed=40", "--on", AFTER)
    sides = [answer["before"], answer["after"]]
    assert [approach(side) for side in sides if isinstance(side, dict)] == ["reserve", "buy"]


def flips(_folder: Path) -> None:
    answer = printed("flips", CASE, "--on", AFTER)
    found = answer["flips"]
    assert answer["recommendation"] == "reserve"
    assert isinstance(found, list)
    assert {"fact": "months_needed", "at": 6.0, "side": "below", "becomes": "rent"}.items() <= next(
        flip for flip in found if flip["fact"] == "months_needed" and flip["side"] == "below"
    ).items()


def impact(folder: Path) -> None:
    store = f"sqlite:///{folder}/records.db"
    turned = folder / "turned.yaml"
    turned.write_text(TURNED, "utf-8")
    run("recommend", turned, "--on", AFTER, "--record", "--store", store)
    assert "0 of 1 decision" in run("audit", "impact", "--store", store, "--on", AFTER).stdout
    told = run("audit", "impact", "--store", store, "--on", BEFORE, status=1).stdout
    assert "1 of 1 decision" in told
    assert "rent" in told


#: What to try of each command that reads a base; a command that is new must be added.
COMMANDS: dict[tuple[str, ...], Callable[[Path], None]] = {
    ("recommend",): recommend,
    ("ask",): ask,
    ("claims",): claims,
    ("rules", "show"): show,
    ("rules", "graph"): graph,
    ("rules", "docs"): handbook,
    ("rules", "new"): new,
    ("rules", "fmt"): fmt,
    ("rules", "check"): check,
    ("rules", "test"): decision_tests,
    ("rules", "coverage"): coverage,
    ("rules", "diff"): diff,
    ("rules", "export"): export,
    ("rules", "schema"): schema,
    ("audit", "impact"): impact,
    ("why",): why,
    ("why-not",): why_not,
    ("what-if",): what_if,
    ("flips",): flips,
}


def reading_a_base(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every command that takes --rules."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from reading_a_base(command, (*path, name))
        elif any("--rules" in parameter.opts for parameter in command.params):
            yield (*path, name)


def test_commands_that_read_a_base_when_listed_are_all_tried_on_the_second_one() -> None:
    assert set(reading_a_base(main)) == COMMANDS.keys()


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_command_when_given_the_second_base_does_what_it_does_for_the_first(
    path: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BREAKEVEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("BREAKEVEN_RULES", raising=False)
    COMMANDS[path](tmp_path)


def test_second_base_when_searched_for_shares_no_name_with_the_program() -> None:
    code = "\n".join(
        path.read_text("utf-8") for path in [ROOT / "cli.py", *sorted((ROOT / "engine").rglob("*.py"))]
    ) + "\n".join(path.read_text("utf-8") for path in sorted((ROOT / "templates").iterdir()))
    for word in ("gpu", "utilization", "gpu_rent_or_buy", "reserve_discount", "framework_verdict", "fine_tuning"):
        assert not re.search(rf"\b{word}\b", code), word
