"""What an auditor asks with only the database and the command: which rule, which facts, untouched, the same again?"""

from __future__ import annotations

import csv
import json
import math
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
from click.testing import CliRunner

from engine.case import Case, Given, case_from_mapping, read_case
from engine.commands.audit import audit
from engine.commands.options import refuses_bad_input
from engine.decision import Decision
from engine.describe import describe
from engine.inference import EnginePool
from engine.knowledge import load_knowledge
from engine.pipeline import infer
from engine.records.canonical import sha256
from engine.records.content import draft_of, knowledge_content
from engine.records.export import export_schema, harmless
from engine.records.settings import Settings
from engine.records.store import KnowledgeContent, Store, content_of, open_store
from engine.source import read_document
from tests.cases import EXAMPLES, ROOT, example, knowledge, pool, small_base
from tests.postgresql import NotAvailable, running_server
from tests.records import alone, base_in, found, opened, put, run, url_of
from tests.tampering import unprotected

#: Who decided each of the examples, in the order of their names.
DECIDERS = ("Ann", "Bo", "Ann", "Cy", "Bo", "Ann", "Cy", "Ann")
HOSTILE = "\x1b[31mred\x1b[0m [bold]x[/] \u202eevil \a"


@pytest.fixture(scope="module")
def ids() -> dict[str, str]:
    """The id of the record of each example, once they are recorded."""
    return {}


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory, ids: dict[str, str]) -> Path:
    """A folder with a store that holds every example, a day apart."""
    folder = tmp_path_factory.mktemp("seeded")
    with opened(folder) as store:
        for path, who in zip(EXAMPLES, DECIDERS, strict=True):
            case = read_case(read_document(path), knowledge().facts)
            ids[path.stem] = put(store, case, pool(), Settings(who=who)).id
    return folder


@pytest.fixture
def copied(seeded: Path, tmp_path: Path) -> Path:
    """A copy of that folder to change."""
    return Path(shutil.copytree(seeded, tmp_path / "copied"))


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    alone(monkeypatch, tmp_path)
    monkeypatch.chdir(ROOT)


def names(told: Mapping[str, Any]) -> list[str]:
    """The cases of listed records."""
    return [one["case"] for one in told["records"]]


@lru_cache(maxsize=1)
def decided_here() -> dict[str, Decision]:
    """Every example by its name, decided here and now."""
    cases = {path.stem: read_case(read_document(path), knowledge().facts) for path in EXAMPLES}
    return {stem: describe(infer(case, pool())) for stem, case in cases.items()}


def stems(meant: Callable[[Decision], bool]) -> set[str]:
    """The examples whose decision is such."""
    return {stem for stem, decided in decided_here().items() if meant(decided)}


def approach_of(decided: Decision) -> str | None:
    """What is recommended."""
    return decided.recommendation.approach if decided.recommendation else None


def fact_of(decided: Decision, name: str) -> Any:
    """The value of a fact, None where it is unknown."""
    return decided.case[name].value if name in decided.case else None


# Recording


def test_recommendation_when_recorded_says_its_id_aside_and_in_its_json(tmp_path: Path) -> None:
    done = run("recommend", EXAMPLES[1], "--record", "--who", "Jo", "--format", "json", store=tmp_path)
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert done.stderr == f"recorded as {told['record']}\n"
    shown = found("audit", "show", told["record"], store=tmp_path)
    assert (shown["who"], shown["approach"]) == ("Jo", told["recommendation"]["approach"])


def test_recommendation_when_not_recorded_says_so_in_its_json_and_leaves_no_file(tmp_path: Path) -> None:
    done = run("recommend", EXAMPLES[1], "--format", "json", store=tmp_path)
    said = "not recorded: add --record\n"
    assert (done.exit_code, json.loads(done.stdout)["record"], done.stderr) == (0, None, said)
    assert not list(tmp_path.glob("records.db*"))


UNRECORDED = {
    "where": (("--store", "sqlite:///records.db"), True),
    "by whom": (("--who", "Jo"), True),
    "neither": ((), False),
    "not to": (("--who", "Jo", "--no-record"), False),
}


@pytest.mark.parametrize(("options", "is_said"), UNRECORDED.values(), ids=UNRECORDED)
def test_decision_when_it_is_said_who_decides_but_not_to_record_says_that_nothing_is(
    options: tuple[str, ...], is_said: bool
) -> None:
    said = "not recorded: add --record\n"
    assert run("recommend", EXAMPLES[1], *options).stderr == (said if is_said else "")
    asked = run("ask", "--answers", EXAMPLES[1], *options, input=".\n")
    assert (asked.exit_code, said in asked.stderr) == (0, is_said)


def test_settings_when_they_protect_what_no_base_has_are_named_where_something_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("sensitive: {blood_pressure: hash, shoe_size: keep, budget: omit}\n", "utf-8")
    monkeypatch.setenv("BREAKEVEN_CONFIG", str(config))
    assert run("recommend", EXAMPLES[1]).stderr == ""
    done = run("recommend", EXAMPLES[1], "--record", "--format", "json", store=tmp_path)
    named = json.loads(done.stdout)["record"]
    base = "the base breakeven 1.0.0 has no fact of this name"
    note = f"note: {config}: sensitive.blood_pressure protects nothing here: {base}\n"
    assert (done.exit_code, done.stderr) == (0, f"recorded as {named}\n{note}")
    noted = run("audit", "outcome", named, "--fact", "prompt_accuracy=0.9", store=tmp_path)
    assert noted.stderr.endswith(note)


def test_recommendation_when_always_to_be_recorded_is_unless_the_option_says_no(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BREAKEVEN_RECORD", "1")
    monkeypatch.setenv("BREAKEVEN_STORE", url_of(tmp_path))
    assert run("recommend", EXAMPLES[1]).stderr.startswith("recorded as ")
    assert run("recommend", EXAMPLES[1], "--no-record").stderr == ""
    assert found("audit", "list", store=tmp_path)["count"] == 1


def test_settings_when_they_cannot_be_looked_at_keep_from_recording_and_not_from_deciding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ("x" * 300)))
    case = "examples/case-2-insurance-claims.yaml"
    decided = run("recommend", case)
    assert decided.exit_code == 0
    assert "full fine-tuning" in decided.stdout
    for words in (("recommend", case, "--record"), ("audit", "list"), ("audit", "outcome", "3f2a", "--note", "late")):
        done = run(*words, store=tmp_path)
        assert (done.exit_code, done.stdout) == (2, "")
        assert f"{'x' * 300}/breakeven/config.yaml: it cannot be looked at: file name too long, so" in done.stderr
    assert not (tmp_path / "records.db").exists()


@pytest.mark.parametrize("words", [("list",), ("verify",), ("checkpoint",), ("stats",)], ids="-".join)
def test_store_when_its_name_is_too_long_is_named(words: tuple[str, ...]) -> None:
    done = run("audit", *words, "--store", f"sqlite:///{'x' * 300}.db")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"{'x' * 300}.db: it cannot be looked at: file name too long. Name another file.\n"


def test_file_when_a_command_cannot_use_it_is_named_and_not_taken_for_standard_output() -> None:
    @click.command()
    @refuses_bad_input
    def look() -> None:
        Path("x" * 300).stat()

    done = CliRunner().invoke(look)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"{'x' * 300}: cannot be used: file name too long\n"


def test_answers_when_recorded_say_their_id_aside(tmp_path: Path) -> None:
    done = run("ask", "--answers", EXAMPLES[1], "--record", store=tmp_path, input=".\n")
    assert done.exit_code == 0, done.stderr
    assert re.search(r"^recorded as [0-9a-f-]{36}$", done.stderr, re.MULTILINE)


@pytest.mark.parametrize("command", [("recommend", EXAMPLES[1]), ("ask", "--answers", EXAMPLES[1])])
def test_decision_when_it_cannot_be_recorded_is_not_shown(tmp_path: Path, command: tuple[str | Path, ...]) -> None:
    report = tmp_path / "report.html"
    done = run(*command, "--record", "-o", report, store=tmp_path / "none" / "such", input=".\n")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "there is no folder" in done.stderr
    assert "Traceback" not in done.stderr
    assert not report.exists()


def test_records_when_written_by_a_process_of_its_own_are_read_by_the_next(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*sys.path, str(ROOT)]),
        "BREAKEVEN_STORE": url_of(tmp_path),
    }
    program = [sys.executable, "-c", "import sys; from cli import main; sys.exit(main())"]
    outputs = []
    for words in (["recommend", str(EXAMPLES[1]), "--record"], ["audit", "replay"], ["audit", "verify"]):
        done = subprocess.run([*program, *words], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        outputs.append(done.stdout)
    assert "1 of 1 decision comes out the same" in outputs[1]
    assert "Whole: 1 record is as written" in outputs[2]


# list and search


def test_list_when_read_names_every_decision_the_newest_first(seeded: Path, ids: dict[str, str]) -> None:
    told = found("audit", "list", store=seeded)
    assert names(told) == [path.stem for path in reversed(EXAMPLES)]
    assert told["count"] == len(EXAMPLES)
    first = told["records"][-1]
    assert first["id"] == ids[EXAMPLES[0].stem]
    assert (first["sequence"], first["who"], first["erased"], first["withheld"]) == (1, "Ann", False, [])
    assert first["time"] == "2026-03-01T09:30:00.000000Z"
    assert first["knowledge_base"]["sha256"] == knowledge().sha256


FILTERS: dict[str, tuple[tuple[str, ...], Callable[[int, str], bool]]] = {
    "from a day on": (("--since", "2026-03-03"), lambda day, _: day >= 3),
    "up to a day, which counts": (("--until", "2026-03-03"), lambda day, _: day <= 3),
    "within days": (("--since", "2026-03-02", "--until", "2026-03-04"), lambda day, _: 2 <= day <= 4),
    "before a time": (("--until", "2026-03-03T09:30:00"), lambda day, _: day < 3),
    "from a time on": (("--since", "2026-03-03T10:30:00+01:00"), lambda day, _: day >= 3),
    "who, in part": (("--who", "an"), lambda day, _: DECIDERS[day - 1] == "Ann"),
    "nobody": (("--who", "Zoe"), lambda *_: False),
    "this base by its version": (("--knowledge-base", "1.0.0"), lambda *_: True),
    "another version": (("--knowledge-base", "9.9"), lambda *_: False),
    "this base by its hash": (("--knowledge-base", knowledge().sha256), lambda *_: True),
    "by the beginning of it": (("--knowledge-base", knowledge().sha256[:8].upper()), lambda *_: True),
    "another hash": (("--knowledge-base", "0" * 64), lambda *_: False),
    "by approach": (
        ("--approach", "lora"),
        lambda _, stem: stem in stems(lambda decided: approach_of(decided) == "lora"),
    ),
    "by rule": (
        ("--rule", "q5-stable-domain"),
        lambda _, stem: stem in stems(lambda decided: "q5-stable-domain" in {one.rule for one in decided.firings}),
    ),
    "an approach like SQL": (("--approach", "' OR 1=1 --"), lambda *_: False),
    "a wildcard": (("--approach", "%"), lambda *_: False),
}


@pytest.mark.parametrize(("options", "meant"), FILTERS.values(), ids=FILTERS)
def test_list_when_filtered_names_what_fits_and_nothing_else(
    seeded: Path, options: tuple[str, ...], meant: Callable[[int, str], bool]
) -> None:
    expected = [path.stem for day, path in enumerate(EXAMPLES, start=1) if meant(day, path.stem)]
    assert names(found("audit", "list", *options, store=seeded)) == expected[::-1]


def test_list_when_limited_names_the_newest(seeded: Path) -> None:
    assert names(found("audit", "list", "--limit", "2", store=seeded)) == [EXAMPLES[-1].stem, EXAMPLES[-2].stem]


LIMITED = (
    ("list",),
    ("search", "prompt_accuracy=0..1"),
    ("replay",),
    ("stats",),
    ("export", "-o", "out.jsonl"),
    ("calibration",),
    ("impact", "--rules", "built-in"),
)


@pytest.mark.parametrize("words", LIMITED, ids=[words[0] for words in LIMITED])
def test_limit_when_it_is_beyond_all_counting_is_refused_and_the_last_below_is_not(
    seeded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in (2**63, 10**30):
        done = run("audit", *words, "--limit", str(number), store=seeded)
        assert (done.exit_code, done.stdout) == (2, "")
        assert f"Invalid value for '--limit': {number} is not in the range 1<=x<={2**63 - 1}." in done.stderr
    assert run("audit", *words, "--limit", str(2**63 - 1), store=seeded).exit_code == 0


def test_list_when_printed_says_what_was_decided_and_why(seeded: Path, ids: dict[str, str]) -> None:
    done = run("audit", "list", "--limit", "1", store=seeded)
    assert (done.exit_code, done.stderr) == (0, "")
    assert ids[EXAMPLES[-1].stem][:8] in done.stdout
    assert "2026-03-08 09:30  LoRA, weak" in done.stdout
    assert "pays-lora" in done.stdout
    assert done.stdout.endswith("1 decision, times in UTC.\n")
    assert run("audit", "list", "--who", "Zoe", store=seeded).stdout == "No recorded decision fits.\n"


STRANGERS = {
    "a misspelt rule": (
        ("list", "--rule", "q5-stable-domian"),
        "--rule: no recorded base has the rule \"q5-stable-domian\". Did you mean 'q5-stable-domain'?\n",
    ),
    "a misspelt approach": (
        ("list", "--approach", "lorra"),
        "--approach: no recorded base has the approach \"lorra\". Did you mean 'lora'?\n",
    ),
    "a rule unlike any": (("list", "--rule", "nope"), '--rule: no recorded base has the rule "nope".\n'),
    "in a search": (
        ("search", "prompt_accuracy=0..1", "--approach", "lorra"),
        "--approach: no recorded base has the approach \"lorra\". Did you mean 'lora'?\n",
    ),
    "in a replay": (("replay", "--rule", "nope"), '--rule: no recorded base has the rule "nope".\n'),
    "in statistics": (("stats", "--rule", "nope"), '--rule: no recorded base has the rule "nope".\n'),
    "a base unlike any": (
        ("list", "--knowledge-base", "nonsense"),
        '--knowledge-base: no recorded base has the version "nonsense", or a hash that begins so.\n',
    ),
    "a base nearly of that version": (
        ("list", "--knowledge-base", "1.0.1"),
        (
            '--knowledge-base: no recorded base has the version "1.0.1", or a hash that begins so.'
            " Did you mean '1.0.0'?\n"
        ),
    ),
    "too little of a hash": (
        ("list", "--knowledge-base", knowledge().sha256[:5].upper()),
        f'--knowledge-base: no recorded base has the version "{knowledge().sha256[:5].upper()}", or a hash that begins'
        " so. Write at least 6 digits of a hash, such as 'HASH'.\n".replace("HASH", knowledge().sha256[:6]),
    ),
    "a base in statistics": (
        ("stats", "--knowledge-base", "nonsense"),
        '--knowledge-base: no recorded base has the version "nonsense", or a hash that begins so.\n',
    ),
    "a base that recommended otherwise": (
        ("list", "--knowledge-base", "1.0.0", "--approach", "lora", "--rule", "critical-full"),
        "",
    ),
    "nobody": (("list", "--who", "Zoe", "--approach", "lora"), ""),
    "a rule that never fired": (("list", "--approach", "lora", "--rule", "critical-full"), ""),
}


@pytest.mark.parametrize(("words", "message"), STRANGERS.values(), ids=STRANGERS)
def test_filter_when_it_names_what_no_base_has_says_so_aside(
    seeded: Path, words: tuple[str, ...], message: str
) -> None:
    done = run("audit", *words, store=seeded)
    assert (done.exit_code, done.stderr) == (0, message)
    assert json.loads(run("audit", *words, "--format", "json", store=seeded).stdout).get("count", 0) == 0


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "9999-12-31", "", "2026-03-01; DROP TABLE entries"])
def test_day_when_none_is_refused(seeded: Path, day: str) -> None:
    done = run("audit", "list", "--until", day, store=seeded)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("--until: expected a day, got ")


def _fact(name: str, test: Callable[[Any], bool]) -> Callable[[Decision], bool]:
    return lambda decided: fact_of(decided, name) is not None and test(fact_of(decided, name))


SEARCHES: dict[str, tuple[tuple[str, ...], Callable[[Decision], bool]]] = {
    "at least": (("requests_per_month>=100000",), _fact("requests_per_month", lambda value: value >= 100_000)),
    "less than": (("requests_per_month < 100_000",), _fact("requests_per_month", lambda value: value < 100_000)),
    "as people write it": (("requests_per_month>=100k",), _fact("requests_per_month", lambda value: value >= 100_000)),
    "exactly": (("requests_per_month=4000",), _fact("requests_per_month", lambda value: value == 4_000)),
    "not exactly": (("requests_per_month!=4000",), _fact("requests_per_month", lambda value: value != 4_000)),
    "within": (("prompt_accuracy=0.8..0.86",), _fact("prompt_accuracy", lambda value: 0.8 <= value <= 0.86)),
    "within per cent": (("prompt_accuracy=80%..86%",), _fact("prompt_accuracy", lambda value: 0.8 <= value <= 0.86)),
    "outside": (("prompt_accuracy!=0.8..0.86",), _fact("prompt_accuracy", lambda value: not 0.8 <= value <= 0.86)),
    "yes": (("accuracy_is_critical=yes",), _fact("accuracy_is_critical", bool)),
    "no": (("accuracy_is_critical==no",), _fact("accuracy_is_critical", lambda value: not value)),
    "a choice": (("task=classification",), _fact("task", lambda value: value == "classification")),
    "not a choice": (("task!=classification",), _fact("task", lambda value: value != "classification")),
    "unknown": (("budget=unknown",), lambda decided: fact_of(decided, "budget") is None),
    "known": (("budget!=unknown",), lambda decided: fact_of(decided, "budget") is not None),
    "both": (
        ("requests_per_month>=100000", "accuracy_is_critical=no"),
        lambda decided: (
            (fact_of(decided, "requests_per_month") or 0) >= 100_000
            and fact_of(decided, "accuracy_is_critical") is False
        ),
    ),
}


@pytest.mark.parametrize(("conditions", "meant"), SEARCHES.values(), ids=SEARCHES)
def test_search_when_conditions_are_given_finds_what_fits_and_nothing_else(
    seeded: Path, conditions: tuple[str, ...], meant: Callable[[Decision], bool]
) -> None:
    told = found("audit", "search", *conditions, store=seeded)
    assert set(names(told)) == stems(meant)
    assert told["withheld"] == 0


def test_search_when_a_figure_is_asked_for_compares_it(seeded: Path) -> None:
    never = found("audit", "search", "break_even_months=never", store=seeded)
    soon = found("audit", "search", "break_even_months<6", store=seeded)
    assert set(names(never)).isdisjoint(names(soon))
    expected = stems(lambda decided: decided.figures["break_even_months"].value == "never")
    assert set(names(never)) == expected != set()


def test_search_when_also_filtered_and_limited_obeys_all(seeded: Path) -> None:
    told = found("audit", "search", "budget=unknown", "--who", "Ann", "--limit", "1", store=seeded)
    assert told["count"] <= 1
    assert all(one["who"] == "Ann" for one in told["records"])


WRONG_CONDITIONS = {
    "a misspelt name": ("requests_per_mont>=1", "Did you mean 'requests_per_month'?"),
    "no comparison": ("requests_per_month", "expected a name, a comparison and a value"),
    "no value": ("requests_per_month>=", "expected a name, a comparison and a value"),
    "no number": ("requests_per_month>=many", 'expected a number, got "many"'),
    "an order of words": ("task<classification", "< compares single numbers"),
    "an order of a range": ("prompt_accuracy<0.8..0.9", "< compares single numbers"),
    "no choice of it": ("task=clasification", "expected one of classification"),
    "no yes or no": ("has_ml_engineering=perhaps", "expected yes or no"),
    "a range that ends before it begins": ("prompt_accuracy=0.9..0.8", "Exchange the two"),
    "an injection": ("1=1; DROP TABLE entries", "expected a name, a comparison and a value"),
}


@pytest.mark.parametrize(("condition", "message"), WRONG_CONDITIONS.values(), ids=WRONG_CONDITIONS)
def test_condition_when_wrong_is_refused_with_what_would_be_right(seeded: Path, condition: str, message: str) -> None:
    done = run("audit", "search", condition, store=seeded)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


# show


def test_record_when_shown_answers_which_rule_which_facts_and_from_where(seeded: Path, ids: dict[str, str]) -> None:
    named = ids["dear-errors-at-low-volume"]
    done = run("audit", "show", named[:8], store=seeded)
    assert (done.exit_code, done.stderr) == (0, "")
    flat = " ".join(done.stdout.split())
    for text in (
        named,
        "arithmetic-overrules-volume-lora",
        "net benefit of the method that fits is above $0",
        "As written: framework_reason == volume",
        "requests a month today 4,000 requests/month answered",
        "accuracy with prompts 86 % measured · sample of 500 clauses",
        "WHAT WAS ASSUMED",
        "5,000 / 10,000 × $60 = $30/month",
        knowledge().sha256,
        "durable-rules",
        f"number {1 + [path.stem for path in EXAMPLES].index('dear-errors-at-low-volume')} of {len(EXAMPLES)}",
    ):
        assert text in flat, text


def test_record_when_shown_as_json_holds_all_of_it(seeded: Path, ids: dict[str, str]) -> None:
    told = found("audit", "show", ids["case-2-insurance-claims"], store=seeded)
    decided = decided_here()["case-2-insurance-claims"]
    assert [one["rule"] for one in told["rules"]] == [firing.rule for firing in decided.firings]
    assert [one["when"] for one in told["rules"]] == [firing.when for firing in decided.firings]
    assert all(re.fullmatch(r"[a-z_]+\.yaml:\d+", one["place"]) for one in told["rules"])
    assert len(told["sealed"]["figures"]) == len(decided.figures)
    assert (told["newest"], told["outcomes"], told["erasure"], told["knowledge_problem"]) == (8, [], None, None)
    assert re.fullmatch("[0-9a-f]{64}", told["hash"])


def test_rule_when_shown_is_that_of_then_whatever_it_is_now(tmp_path: Path) -> None:
    change = ("framework.yaml", "requests_per_month_in_12_months < 50_000", "requests_per_month_in_12_months < 77_000")
    base = load_knowledge(base_in(tmp_path / "rules", knowledge(), change))
    with opened(tmp_path) as store:
        record = put(store, example("dear-errors-at-low-volume"), EnginePool(base))
    shutil.rmtree(tmp_path / "rules")
    shown = " ".join(run("audit", "show", record.id, store=tmp_path).stdout.split())
    assert "below 77,000 requests/month" in shown
    assert f"breakeven-{tmp_path}" not in shown
    assert str(tmp_path) not in shown.replace(url_of(tmp_path), "")


HOSTILE_IDS = ("", "-", "%", "_", "' OR '1'='1", "../../etc/passwd", "\x1b[31m", "x" * 5_000, "zzzz", "\u202e")


@pytest.mark.parametrize("id", HOSTILE_IDS, ids=lambda text: repr(text[:12]))
@pytest.mark.parametrize("command", [("show",), ("replay",), ("erase", "--reason", "x"), ("outcome", "--note", "x")])
def test_id_when_there_is_no_such_record_is_refused(copied: Path, command: tuple[str, ...], id: str) -> None:
    done = run("audit", command[0], *command[1:], "--", id, store=None, env={"BREAKEVEN_STORE": url_of(copied)})
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [("list",), ("show", "x"), ("verify",), ("replay",), ("stats",), ("calibration",), ("checkpoint",)],
    ids=lambda words: words[0],
)
def test_records_when_there_are_none_are_not_begun_by_looking(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = run("audit", *words, store=tmp_path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.glob("records.db*"))


def test_texts_when_hostile_are_shown_harmlessly(tmp_path: Path) -> None:
    case = replace(example("case-2-insurance-claims"), name=HOSTILE).replace(
        "budget", Given("budget", 9.0, source=HOSTILE)
    )
    with opened(tmp_path) as store:
        record = put(store, case, pool(), Settings(who=HOSTILE))
    assert run("audit", "outcome", record.id, "--note", HOSTILE, "--who", HOSTILE, store=tmp_path).exit_code == 0
    for words in (("list",), ("show", record.id), ("replay",), ("stats",)):
        for extra in ((), ("--format", "json")):
            done = run("audit", *words, *extra, store=tmp_path)
            assert done.exit_code == 0, done.stderr
            assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", done.stdout)
    shown = run("audit", "show", record.id, store=tmp_path).stdout
    assert "[bold]x[/]" in shown
    assert found("audit", "show", record.id, store=tmp_path)["who"] == HOSTILE


# verify, checkpoints, keys


def test_chain_when_whole_verifies(seeded: Path) -> None:
    told = found("audit", "verify", store=seeded)
    assert (told["whole"], told["entries"], told["findings"]) == (True, len(EXAMPLES), [])
    assert "Whole: 8 records are as written" in run("audit", "verify", store=seeded).stdout


def _tampered(folder: Path, *statements: str) -> None:
    with sqlite3.connect(folder / "records.db") as connection:
        triggers = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        kept = [sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")]
        for name in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        for sql in kept:
            connection.execute(sql)
    connection.close()


def test_record_when_edited_is_named_and_ends_with_status_1(copied: Path, ids: dict[str, str]) -> None:
    _tampered(copied, "UPDATE entries SET body = replace(body, '\"lora\"', '\"hybrid\"') WHERE sequence = 8")
    told = found("audit", "verify", store=copied, status=1)
    assert not told["whole"]
    assert (told["findings"][0]["sequence"], told["findings"][0]["id"]) == (8, ids[EXAMPLES[-1].stem])
    done = run("audit", "verify", store=copied)
    assert done.exit_code == 1
    assert f"record 8 ({ids[EXAMPLES[-1].stem]})" in " ".join(done.stdout.split())


def test_tail_when_cut_off_with_its_head_shows_beside_a_checkpoint(copied: Path, tmp_path: Path) -> None:
    written = tmp_path / "checkpoint.json"
    assert run("audit", "checkpoint", "-o", written, store=copied).exit_code == 0
    assert found("audit", "verify", "--checkpoint", written, store=copied)["checkpoints"] == 1
    _tampered(
        copied,
        "DELETE FROM entry_keys WHERE sequence = 8",
        "DELETE FROM entries WHERE sequence = 8",
        "UPDATE head SET sequence = 7, hash = (SELECT hash FROM entries WHERE sequence = 7)",
    )
    assert found("audit", "verify", store=copied)["whole"]
    told = found("audit", "verify", "--checkpoint", written, store=copied, status=1)
    assert [one["fault"] for one in told["findings"]] == ["checkpoint"]


def test_checkpoint_when_signed_is_accepted_with_its_key_and_with_no_other(copied: Path, tmp_path: Path) -> None:
    for name in ("ours.pem", "theirs.pem"):
        done = run("audit", "keys", tmp_path / name)
        assert (done.exit_code, done.stderr) == (0, "")
    written = tmp_path / "checkpoint.json"
    made = run("audit", "checkpoint", "--record", "--sign-with", tmp_path / "ours.pem", "-o", written, store=copied)
    assert made.exit_code == 0, made.stderr
    told = found("audit", "verify", "--checkpoint", written, "--public-key", tmp_path / "ours.pub", store=copied)
    assert (told["whole"], told["counted"]["checkpoint"]) == (True, 1)
    other = ("--checkpoint", written, "--public-key", tmp_path / "theirs.pub")
    assert not found("audit", "verify", *other, store=copied, status=1)["whole"]
    assert "with .pub in place of .pem" in run("audit", "keys", "--help").stdout
    again = run("audit", "keys", tmp_path / "ours.pem")
    assert again.exit_code == 2
    assert "never replaced" in again.stderr


@pytest.mark.parametrize("option", ["--checkpoint", "--public-key"])
def test_file_of_a_check_when_it_is_something_else_is_refused(seeded: Path, tmp_path: Path, option: str) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("{}", "utf-8")
    checkpoint = tmp_path / "checkpoint.json"
    run("audit", "checkpoint", "-o", checkpoint, store=seeded)
    more = ("--checkpoint", checkpoint) if option == "--public-key" else ()
    done = run("audit", "verify", option, wrong, *more, store=seeded)
    assert (done.exit_code, done.stdout) == (2, "")
    assert str(wrong) in done.stderr


NO_FILE = {
    "--public-key": ("verify", "--public-key", ""),
    "--checkpoint": ("verify", "--checkpoint", ""),
    "--sign-with": ("checkpoint", "--sign-with", ""),
    "FILE": ("keys", ""),
}


@pytest.mark.parametrize("option", NO_FILE)
def test_file_of_a_check_when_none_is_named_is_refused_and_not_left_out(
    seeded: Path, tmp_path: Path, option: str
) -> None:
    unsigned = tmp_path / "unsigned.json"
    run("audit", "checkpoint", "-o", unsigned, store=seeded)
    words = NO_FILE[option]
    more = ("--checkpoint", unsigned) if option == "--public-key" else ()
    done = run("audit", *words, *more, store=None if option == "FILE" else seeded)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"{option}: no file is named. Write the name of a file.\n"


# replay


@pytest.mark.parametrize(
    "options",
    [("--since", "2026-03-01"), ("--limit", "1"), ("--rule", "q1-low-volume"), ("--who", ""), ("--approach", "lora")],
    ids=" ".join,
)
def test_replay_when_it_is_given_an_id_and_a_filter_is_refused(
    seeded: Path, ids: dict[str, str], options: tuple[str, str]
) -> None:
    done = run("audit", "replay", ids["case-2-insurance-claims"], *options, store=seeded)
    assert (done.exit_code, done.stdout) == (2, "")
    assert (
        done.stderr == f"{options[0]}: is of no use beside an ID, which means one decision. Leave one of the two out.\n"
    )


def test_decisions_when_decided_once_more_come_out_the_same(seeded: Path, ids: dict[str, str]) -> None:
    told = found("audit", "replay", store=seeded)
    assert told == {"total": 8, "same": 8, "different": [], "not_replayed": [], "versions": []}
    one = run("audit", "replay", ids["ranges"], store=seeded)
    assert (one.exit_code, one.stdout) == (0, "1 of 1 decision comes out the same.\n")
    assert found("audit", "replay", "--who", "Ann", "--limit", "2", store=seeded)["total"] == 2


def test_decision_when_its_base_is_no_longer_the_built_in_one_is_decided_by_its_own(tmp_path: Path) -> None:
    change = ("framework.yaml", "requests_per_month_in_12_months < 50_000", "requests_per_month_in_12_months < 1")
    base = load_knowledge(base_in(tmp_path / "rules", knowledge(), change))
    case = example("dear-errors-at-low-volume")
    with opened(tmp_path) as store:
        theirs = put(store, case, EnginePool(base))
        ours = put(store, case, pool())
    shutil.rmtree(tmp_path / "rules")
    assert theirs.public["rule"] != ours.public["rule"]
    assert found("audit", "replay", store=tmp_path)["same"] == 2


def test_decision_when_its_base_is_dated_is_decided_as_of_its_own_day(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    dated = "value: [{from: 2025-01-01, value: 10}, {from: 2026-01-01, value: 90}],"
    folder = small_base(tmp_path / "rules", ("costs.yaml", "value: 10,", dated))
    case = Case("machine", {"months": Given("months", 7.0)})
    with opened(tmp_path) as store:
        for day in (date(2025, 6, 1), date(2026, 6, 1), date(2025, 7, 1)):
            put(store, case, EnginePool(load_knowledge(folder, day)))
    approaches = [one["approach"] for one in found("audit", "list", store=tmp_path)["records"]]
    assert approaches == ["rent", "buy", "rent"]
    assert found("audit", "replay", store=tmp_path)["same"] == 3


def _altered(store: Store, change: Callable[[dict[str, Any], dict[str, Any]], object]) -> str:
    """A record of something that did not happen, written by the book."""
    outcome = infer(example("case-2-insurance-claims"), pool())
    draft = draft_of(outcome, decided_here()["case-2-insurance-claims"], Settings())
    public, sealed = json.loads(json.dumps([draft.public, draft.sealed]))
    change(public, sealed)
    return store.append(replace(draft, public=public, sealed=sealed)).id


def _figure(sealed: dict[str, Any], name: str) -> dict[str, Any]:
    told: dict[str, Any] = next(one for one in sealed["figures"] if one["name"] == name)
    return told


def _last_digit(_: dict[str, Any], sealed: dict[str, Any]) -> None:
    figure = _figure(sealed, "total_saving_per_month")
    figure["value"] = math.nextafter(figure["value"], math.inf)


LIES: dict[str, tuple[Callable[[dict[str, Any], dict[str, Any]], None], str]] = {
    "another approach": (lambda public, _: public.update(approach="lora"), "the recommendation's approach"),
    "another strength": (lambda public, _: public.update(strength="weak"), "the recommendation's strength"),
    "settled or not": (lambda public, _: public.update(settled=False), "the recommendation's settled"),
    "another reason": (lambda public, _: public.update(rule="critical-lora"), "the recommendation's rule"),
    "the last digit of a figure": (_last_digit, "the figure total_saving_per_month"),
    "a bound of a figure": (
        lambda _, sealed: _figure(sealed, "total_saving_per_month").update(low=0),
        "the figure total_saving_per_month",
    ),
    "a figure left out": (lambda _, sealed: sealed["figures"].pop(0), "the figure "),
    "another conclusion": (
        lambda _, sealed: sealed["conclusions"].update(economics="never_pays_back"),
        "the conclusion economics",
    ),
    "a caution left out": (lambda _, sealed: sealed["conclusions"]["cautions"].pop(), "the conclusion cautions"),
    "a rule left out": (lambda public, _: public["fired"].pop(), "the rules that fired"),
    "another order of rules": (lambda public, _: public["fired"].reverse(), "the order in which rules fired"),
    "another value of a fact": (lambda _, sealed: sealed["facts"][0].update(value=7), "the fact "),
    "another case": (
        lambda _, sealed: sealed["case"]["given"].pop(0),
        "the fact ",
    ),
}


@pytest.mark.parametrize(("change", "what"), LIES.values(), ids=LIES)
def test_record_when_it_says_what_did_not_happen_comes_out_otherwise(
    tmp_path: Path, change: Callable[[dict[str, Any], dict[str, Any]], None], what: str
) -> None:
    with opened(tmp_path) as store:
        named = _altered(store, change)
    told = found("audit", "replay", store=tmp_path, status=1)
    assert (told["same"], [one["id"] for one in told["different"]]) == (0, [named])
    assert any(one["what"].startswith(what) for one in told["different"][0]["differences"])
    done = run("audit", "replay", named, store=tmp_path)
    assert done.exit_code == 1
    assert what in " ".join(done.stdout.split())


def test_engine_when_it_was_another_then_is_named(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        _altered(store, lambda public, _: public["versions"].update({"durable-rules": "2.0.1"}))
    told = found("audit", "replay", store=tmp_path)
    assert told["same"] == 1
    assert [(one["part"], one["then"], one["records"]) for one in told["versions"]] == [("durable-rules", "2.0.1", 1)]
    assert "and was 2.0.1 in 1 record" in run("audit", "replay", store=tmp_path).stdout


DAMAGED_BASES: dict[str, tuple[dict[str, str], str]] = {
    "of other files": ({"knowledge.yaml": "name: x"}, "cannot be read"),
    "that would write elsewhere": ({"../../escape.yaml": "name: x"}, "holds files that no base has"),
    "without files": ({}, "cannot be read"),
}


@pytest.mark.parametrize(("files", "message"), DAMAGED_BASES.values(), ids=DAMAGED_BASES)
def test_base_when_it_is_not_what_its_hash_says_decides_nothing_and_is_named(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    with opened(tmp_path) as store:
        named = put(store, example("case-2-insurance-claims"), pool()).id
    content = content_of(KnowledgeContent(knowledge().sha256, "breakeven", "1.0.0", files))
    with unprotected(tmp_path / "records.db") as plain:
        plain.execute("UPDATE knowledge_bases SET content = ?, content_hash = ?", (content, sha256(content)))
    told = found("audit", "replay", store=tmp_path, status=1)
    assert [(one["id"], one["lawful"]) for one in told["not_replayed"]] == [(named, False)]
    assert message in told["not_replayed"][0]["reason"]
    shown = run("audit", "show", named, store=tmp_path)
    assert shown.exit_code == 0
    assert "The knowledge base of then cannot be read" in shown.stdout
    assert found("audit", "stats", store=tmp_path)["knowledge_bases"][0]["problem"] is not None


@pytest.mark.parametrize("command", [("recommend", "--record"), ("recommend",)], ids=["by option", "always"])
def test_base_when_planted_before_its_first_decision_is_not_taken_for_the_one_that_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    if "--record" not in command:
        monkeypatch.setenv("BREAKEVEN_RECORD", "always")
    opened(tmp_path).__enter__().close()
    real = knowledge_content(knowledge())
    files = {name: text.replace("labeled_examples < 500", "labeled_examples < 5") for name, text in real.files.items()}
    assert files != real.files
    content = content_of(replace(real, files=files))
    with sqlite3.connect(tmp_path / "records.db") as plain:
        row = (real.sha256, real.name, real.version, content, sha256(content))
        plain.execute("INSERT INTO knowledge_bases VALUES (?, ?, ?, ?, ?)", row)
    done = run(*command, "examples/case-2-insurance-claims.yaml", store=tmp_path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert (
        f"the knowledge base {real.sha256[:12]} is not kept here as its hash says; nothing was recorded" in done.stderr
    )
    told = found("audit", "verify", store=tmp_path, status=1)
    assert "its files are not those that its hash was made of" in told["findings"][-1]["message"]


def test_base_when_edited_leaves_decisions_unproved_with_status_1(copied: Path) -> None:
    _tampered(copied, "UPDATE knowledge_bases SET content = replace(content, '50_000', '60_000')")
    told = found("audit", "replay", store=copied, status=1)
    assert (told["same"], len(told["not_replayed"])) == (0, len(EXAMPLES))
    assert all(one["reason"].startswith("its knowledge base cannot be read: ") for one in told["not_replayed"])
    done = run("audit", "replay", store=copied)
    assert done.exit_code == 1
    assert "8 of them although nothing was erased or withheld." in " ".join(done.stdout.split())


def test_key_when_lost_is_a_finding_and_no_erasure(copied: Path, ids: dict[str, str]) -> None:
    lost = "its key is lost, and no record says that it was erased"
    _tampered(copied, "DELETE FROM entry_keys WHERE sequence = 8")
    named = ids[EXAMPLES[-1].stem]
    for words in ((), (named,)):
        told = found("audit", "replay", *words, store=copied, status=1)
        assert told["not_replayed"] == [{"id": named, "reason": lost, "lawful": False}]
    told = found("audit", "impact", "--rules", "built-in", store=copied, status=1)
    assert told["not_decided"] == [{"id": named, "refused": False, "lawful": False, "reason": lost}]
    shown = run("audit", "show", named, store=copied)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert lost in " ".join(shown.stdout.split())
    assert "rased on" not in shown.stdout
    assert re.search(r"^  by +lost$", shown.stdout, re.MULTILINE)
    told = found("audit", "show", named, store=copied)
    assert (told["erased"], told["key_lost"], told["erasure"]) == (False, True, None)
    listed = {one["id"]: (one["erased"], one["key_lost"]) for one in found("audit", "list", store=copied)["records"]}
    assert listed == {one: (False, one == named) for one in ids.values()}
    assert "key lost" in run("audit", "list", store=copied).stdout
    assert found("audit", "stats", store=copied)["erased"] == 0
    noted = run("audit", "outcome", named, "--note", "late", store=copied)
    assert (noted.exit_code, noted.stdout) == (2, "")
    assert lost in noted.stderr


def test_decision_when_erased_by_the_book_is_an_obstacle_only_where_it_was_asked_for(
    copied: Path, ids: dict[str, str]
) -> None:
    assert run("audit", "erase", ids["ranges"], "--reason", "asked for", store=copied).exit_code == 0
    obstacle = {"id": ids["ranges"], "reason": "its case was erased", "lawful": True}
    assert found("audit", "replay", store=copied)["not_replayed"] == [obstacle]
    assert found("audit", "replay", ids["ranges"], store=copied, status=1)["not_replayed"] == [obstacle]
    listed = {one["id"]: one["erased"] for one in found("audit", "list", store=copied)["records"]}
    assert listed == {one: one == ids["ranges"] for one in ids.values()}


def test_erasure_when_itself_damaged_proves_no_erasure(copied: Path, ids: dict[str, str]) -> None:
    assert run("audit", "erase", ids["ranges"], "--reason", "asked for", store=copied).exit_code == 0
    _tampered(copied, "UPDATE entries SET body = replace(body, 'asked for', 'forgotten') WHERE kind = 'erasure'")
    told = found("audit", "replay", store=copied, status=1)
    assert [(one["id"], one["lawful"]) for one in told["not_replayed"]] == [(ids["ranges"], False)]


MALFORMED: dict[str, Callable[[dict[str, Any], dict[str, Any]], object]] = {
    "without rules": lambda public, _: public.pop("fired"),
    "with rules of another form": lambda public, _: public.update(fired=[["a"], 3]),
    "without voices' titles": lambda public, _: public.update(voices=[{}]),
    "without a base's name": lambda public, _: public["knowledge_base"].pop("name"),
    "without a case": lambda _, sealed: sealed.pop("case"),
    "with a fact without a name": lambda _, sealed: sealed["facts"].append({}),
    "with figures of another form": lambda _, sealed: sealed.update(figures={"a": 1}),
}


@pytest.mark.parametrize("change", MALFORMED.values(), ids=MALFORMED)
def test_record_when_something_else_wrote_it_is_named_and_not_stumbled_over(
    tmp_path: Path, change: Callable[[dict[str, Any], dict[str, Any]], object]
) -> None:
    with opened(tmp_path) as store:
        named = _altered(store, change)
    for words in (("list",), ("show", named), ("replay",), ("stats",), ("search", "budget=unknown"), ("calibration",)):
        done = run("audit", *words, store=tmp_path)
        assert done.exit_code == (2 if words[0] == "show" else 1), words
        assert named not in done.stdout
        said = f"record {named} (number 1) cannot be trusted: it is not what Breakeven writes of a decision"
        assert done.stderr.count(said) == 1


READING: dict[str, tuple[str, ...]] = {
    "list": ("list",),
    "the newest": ("list", "--limit", "7"),
    "search": ("search", "requests_per_month>=0"),
    "replay": ("replay",),
    "impact": ("impact", "--rules", "built-in"),
    "stats": ("stats",),
}


@pytest.mark.parametrize("words", READING.values(), ids=READING)
def test_records_when_one_is_damaged_are_read_without_it_and_it_is_named(
    copied: Path, ids: dict[str, str], words: tuple[str, ...]
) -> None:
    before = json.loads(run("audit", *words, "--format", "json", store=copied).stdout)
    _tampered(copied, "UPDATE entries SET body = replace(body, 'public', 'pUblic') WHERE sequence = 3")
    done = run("audit", *words, "--format", "json", store=copied)
    named = next(one for one in ids.values() if f"record {one} (number 3)" in done.stderr)
    assert done.stderr.splitlines()[-2:] == [
        f"left out: record {named} (number 3) cannot be trusted: it was changed after it was written.",
        "`breakeven audit verify` finds everything that is wrong with the records.",
    ]
    assert done.exit_code == 1
    assert named not in done.stdout
    told = json.loads(done.stdout)
    if "records" in told:
        assert {one["id"] for one in told["records"]} >= {one["id"] for one in before["records"]} - {named}
        assert len(told["records"]) == 7
    else:
        key = "decisions" if words == ("stats",) else "total"
        assert (before[key], told[key]) == (8, 7)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_export_when_a_decision_and_an_outcome_are_damaged_has_all_others(
    copied: Path, ids: dict[str, str], tmp_path: Path, suffix: str
) -> None:
    for stem in ("ranges", EXAMPLES[0].stem):
        assert run("audit", "outcome", ids[stem], "--fact", "prompt_accuracy=0.91", store=copied).exit_code == 0
    _tampered(copied, "UPDATE entries SET body = replace(body, 'public', 'pUblic') WHERE sequence IN (3, 10)")
    written = tmp_path / f"all.{suffix}"
    done = run("audit", "export", "-o", written, store=copied)
    assert done.exit_code == 1
    assert [line.split(": it was")[0] for line in done.stderr.splitlines() if line.startswith("left out")] == [
        f"left out: record {named} (number {number}) cannot be trusted"
        for number, named in ((3, sorted(ids.items())[2][1]), (10, _id_at(copied, 10)))
    ]
    assert f"7 decisions in {written}" in done.stderr
    assert written.stat().st_size > 0
    told = found("audit", "calibration", store=copied, status=1)
    (accuracy,) = told["calibration"]
    assert (accuracy["name"], accuracy["count"] + accuracy["not_comparable"]) == ("prompt_accuracy", 1)


def test_records_when_many_are_damaged_are_counted_after_the_first(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        for _ in range(23):
            put(store, example("ranges"), pool())
    _tampered(tmp_path, "UPDATE entries SET body = replace(body, 'public', 'pUblic')")
    done = run("audit", "list", store=tmp_path)
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 22)
    assert "left out: 3 more that cannot be trusted." in done.stderr


def _id_at(folder: Path, sequence: int) -> str:
    with sqlite3.connect(folder / "records.db") as connection:
        ((named,),) = connection.execute("SELECT id FROM entries WHERE sequence = ?", (sequence,))
    connection.close()
    return str(named)


# impact


def test_base_when_it_is_the_same_changes_nothing(seeded: Path) -> None:
    told = found("audit", "impact", "--rules", knowledge().directory, store=seeded)
    assert (told["total"], told["same"], told["changed"], told["not_decided"]) == (8, 8, [], [])


def test_threshold_when_moved_shows_which_decisions_change_and_which_rows_are_responsible(
    seeded: Path, tmp_path: Path, ids: dict[str, str]
) -> None:
    old, new = "requests_per_month_in_12_months < 50_000", "requests_per_month_in_12_months < 5_000_000"
    folder = base_in(tmp_path / "rules", knowledge(), ("framework.yaml", old, new))
    told = found("audit", "impact", "--rules", folder, store=seeded, status=1)
    changed = {one["id"]: one for one in told["changed"]}
    one = changed[ids["case-2-insurance-claims"]]
    assert (one["old"]["approach"], one["new"]["approach"]) == ("full_fine_tuning", "few_shot")
    assert one["repeatable"]
    decisions = {decision["decision"]: decision for decision in one["responsible"]}
    assert [rule["rule"] for rule in decisions["recommendation"]["rules"]] == [
        "critical-full",
        "framework-prompting-few-shot",
    ]
    framework = {rule["rule"]: rule for rule in decisions["framework_verdict"]["rules"]}
    assert (framework["q3-critical-accuracy"]["old"], framework["q3-critical-accuracy"]["new"]) == (
        "fired",
        "did not fire",
    )
    conditions = framework["q1-low-volume"]["conditions"]
    assert {each["condition"]: (each["old"], each["new"]) for each in conditions} == {
        old: ("does not hold", "is not part of it"),
        new: ("is not part of it", "holds"),
    }
    assert told["same"] + len(changed) == told["total"] == 8
    done = run("audit", "impact", "--rules", folder, store=seeded)
    assert done.exit_code == 1
    assert "full fine-tuning, strong → few-shot prompting, weak" in " ".join(done.stdout.split())


#: A case of which nothing decides the recommendation: the rows that are left open by what is unknown do not agree.
OPEN_CASE: dict[str, object] = {
    "accuracy_is_critical": "unknown",
    "deadline_weeks": 4,
    "domain_changes_often": True,
    "fine_tuned_accuracy": 0.9,
    "fine_tuning_upfront": 30_000,
    "has_labeled_data": True,
    "has_ml_engineering": True,
    "labeled_examples": 1_500,
    "latency_is_critical": True,
    "prompt_accuracy": 0.9,
    "requests_per_month": 150_000,
    "self_hosted": False,
}


def test_recommendation_when_it_is_settled_without_a_row_that_decides_names_the_rows_behind_it(tmp_path: Path) -> None:
    folder = base_in(
        tmp_path / "rules", knowledge(), ("method.yaml", "labeled_examples < 500", "labeled_examples < 2_000")
    )
    with opened(tmp_path) as store:
        record = put(store, case_from_mapping(OPEN_CASE, knowledge().facts, "open"), pool())
        assert (record.public["settled"], record.public["rule"]) == (False, None)
    told = found("audit", "impact", "--rules", folder, store=tmp_path, status=1)
    (one,) = told["changed"]
    assert (one["old"]["approach"], one["new"]["approach"]) == ("prompt_engineering", "few_shot")
    decisions = {each["decision"]: each for each in one["responsible"]}
    fates = {rule["rule"]: (rule["old"], rule["new"]) for each in decisions.values() for rule in each["rules"]}
    assert fates["method-few-examples"] == ("did not fire", "fired")
    assert fates["method-lora"] == ("fired", "did not fire")
    assert decisions["method"]["new"] == "few-shot prompting"
    recommendation = {rule["rule"]: (rule["old"], rule["new"]) for rule in decisions["recommendation"]["rules"]}
    assert recommendation["critical-lora"] == ("open", "did not fire")
    assert recommendation["critical-prompting-few-shot"] == ("did not fire", "open")
    assert "no-team" not in recommendation
    shown = " ".join(run("audit", "impact", "--rules", folder, store=tmp_path).stdout.split())
    assert "method-few-examples: did not fire then, fired now (few-shot prompting)" in shown
    assert "critical-lora: open then, did not fire now (LoRA)" in shown


def test_decisions_when_impact_is_told_are_those_that_decide_otherwise(seeded: Path, tmp_path: Path) -> None:
    change = ("framework.yaml", "requests_per_month_in_12_months < 50_000", "requests_per_month_in_12_months < 450_000")
    folder = base_in(tmp_path / "rules", knowledge(), change)
    told = found("audit", "impact", "--rules", folder, store=seeded, status=1)
    engines = EnginePool(load_knowledge(folder))
    moved = set()
    for path in EXAMPLES:
        case = read_case(read_document(path), knowledge().facts)
        then, now = (describe(infer(case, each)).recommendation for each in (pool(), engines))
        assert then is not None
        assert now is not None
        if any(getattr(then, name) != getattr(now, name) for name in ("approach", "strength", "settled")):
            moved.add(path.stem)
    assert {one["case"] for one in told["changed"]} == moved != set()


def test_amount_when_changed_is_named_as_the_cause(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    base = load_knowledge(small_base(tmp_path / "old"))
    small_base(tmp_path / "new", ("costs.yaml", "value: 10,", "value: 90,"))
    with opened(tmp_path) as store:
        put(store, Case("machine", {"months": Given("months", 7.0)}), EnginePool(base))
    told = found("audit", "impact", "--rules", tmp_path / "new", store=tmp_path, status=1)
    (one,) = told["changed"]
    assert (one["old"]["approach"], one["new"]["approach"]) == ("rent", "buy")
    assert [(cause["name"], cause["old"], cause["new"]) for cause in one["causes"]] == [
        ("rent_row", "10 USD/month", "90 USD/month")
    ]
    (decision,) = [each for each in one["responsible"] if each["decision"] == "advice"]
    assert {rule["rule"]: (rule["old"], rule["new"]) for rule in decision["rules"]} == {
        "does-not-pay": ("fired", "did not fire"),
        "pays": ("did not fire", "fired"),
    }


def test_facts_when_the_other_base_does_not_know_or_refuses_them_are_said(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    base = load_knowledge(small_base(tmp_path / "old"))
    small_base(
        tmp_path / "new",
        ("facts.yaml", "    min: 0\n", "    min: 0\n    max: 20\n"),
        ("facts.yaml", "  colour: {title: colour", "  shade: {title: colour"),
        ("firmness.yaml", "colour == red", "shade == red"),
    )
    with opened(tmp_path) as store:
        for months in (7.0, 700.0):
            given = {"months": Given("months", months), "colour": Given("colour", "red")}
            put(store, Case(f"{months:.0f} months", given), EnginePool(base))
    told = found("audit", "impact", "--rules", tmp_path / "new", store=tmp_path, status=1)
    assert told["left_out_facts"] == {"colour": 2}
    (refused,) = told["not_decided"]
    assert refused["refused"]
    assert "months: expected a number of months from 0 to 20, got 700.0" in refused["reason"]
    assert "The base does not know colour" in run("audit", "impact", "--rules", tmp_path / "new", store=tmp_path).stdout


def test_base_when_it_recommends_nothing_is_held_to_its_conclusions(tmp_path: Path) -> None:
    silent = (
        ("knowledge.yaml", "recommends: advice\nstrength: firmness\n", ""),
        ("knowledge.yaml", "fallback: {conclusion: rent, strength: weak, because: It is open., source: test}\n", ""),
        ("knowledge.yaml", "sides: {buy: owning, rent: renting}\n", ""),
        ("knowledge.yaml", "options: {columns: [Cost], rows: {buy: {Cost: price}}}\n", ""),
    )
    folders = {name: tmp_path / name for name in ("old", "new", "speaking")}
    for folder in folders.values():
        folder.mkdir()
    base = load_knowledge(small_base(folders["old"], *silent))
    small_base(folders["new"], *silent, ("costs.yaml", "value: 10,", "value: 90,"))
    small_base(folders["speaking"])
    with opened(tmp_path) as store:
        put(store, Case("machine", {"months": Given("months", 7.0)}), EnginePool(base))
    assert found("audit", "impact", "--rules", folders["old"], store=tmp_path)["same"] == 1
    (one,) = found("audit", "impact", "--rules", folders["new"], store=tmp_path, status=1)["changed"]
    assert (one["old"]["advice"], one["new"]["advice"], one["repeatable"]) == ("rent", "buy", True)
    assert "→ advice: buy" in " ".join(run("audit", "impact", "--rules", folders["new"], store=tmp_path).stdout.split())
    (one,) = found("audit", "impact", "--rules", folders["speaking"], store=tmp_path, status=1)["changed"]
    assert (one["old"]["approach"], one["new"]["approach"], one["repeatable"]) == (None, "rent", True)


def test_rules_when_they_cannot_be_read_are_refused(seeded: Path, tmp_path: Path) -> None:
    folder = base_in(tmp_path / "rules", knowledge(), ("framework.yaml", "has_ml_engineering", "has_ml_enginering"))
    done = run("audit", "impact", "--rules", folder, store=seeded)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "has_ml_enginering" in done.stderr


# export


def _exported(folder: Path, path: Path, *more: str) -> None:
    done = run("audit", "export", "-o", path, *more, store=folder)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.endswith(f" in {path}\n")


def test_export_when_read_back_says_the_same_in_every_format(copied: Path, tmp_path: Path, ids: dict[str, str]) -> None:
    import pyarrow.parquet

    run("audit", "outcome", ids["ranges"], "--fact", "prompt_accuracy=0.5", store=copied)
    run("audit", "erase", ids["much-unknown"], "--reason", "asked for", store=copied)
    paths = {name: tmp_path / f"decisions.{name}" for name in ("jsonl", "csv", "parquet")}
    for path in paths.values():
        _exported(copied, path)
    told = [json.loads(line) for line in paths["jsonl"].read_text("utf-8").splitlines()]
    with paths["csv"].open(encoding="utf-8", newline="") as opened_file:
        written = list(csv.DictReader(opened_file))
    table = pyarrow.parquet.read_table(paths["parquet"]).to_pylist()
    assert len(told) == len(written) == len(table) == len(EXAMPLES)
    for row, cells, values in zip(told, written, table, strict=True):
        assert list(row) == list(cells) == list(values)
        for name, value in row.items():
            if value is None:
                assert (cells[name], values[name]) == ("", None), name
            elif isinstance(value, bool):
                assert (cells[name], values[name]) == ("yes" if value else "no", value), name
            elif isinstance(value, float):
                assert (float(cells[name]), values[name]) == (value, value), name
            elif value == "never":
                assert (cells[name], values[name]) == ("never", math.inf), name
            elif name == "time":
                assert cells[name] == value
                assert values[name].isoformat() in value.replace("Z", "+00:00").replace(".000000", "")
            else:
                assert cells[name].lstrip("'") == str(value).replace("\n", " "), name
                assert str(values[name]) == str(value), name
    by_case = {row["case"]: row for row in told}
    assert by_case["ranges"]["actual.prompt_accuracy"] == 0.5
    assert [row["who"] for row in told if row["erased"]] == [None]
    assert by_case["case-2-insurance-claims"]["approach"] == "full_fine_tuning"


def test_rows_when_exported_fit_the_published_schema(seeded: Path, tmp_path: Path) -> None:
    _exported(seeded, tmp_path / "decisions.jsonl")
    schema = export_schema()
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    rows = [json.loads(line) for line in (tmp_path / "decisions.jsonl").read_text("utf-8").splitlines()]
    for row in rows:
        assert list(validator.iter_errors(row)) == []
    assert list(validator.iter_errors({**rows[0], "surprise": 1}))
    assert list(validator.iter_errors({name: value for name, value in rows[0].items() if name != "hash"}))


def test_values_when_exported_are_those_of_the_decision(seeded: Path, tmp_path: Path) -> None:
    _exported(seeded, tmp_path / "decisions.jsonl", "--who", "Ann")
    rows = [json.loads(line) for line in (tmp_path / "decisions.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) == DECIDERS.count("Ann")
    for row in rows:
        decided = decided_here()[row["case"]]
        for name, reading in decided.case.items():
            assert (row[f"fact.{name}"], row[f"fact.{name}.origin"]) == (reading.value, reading.origin)
        for name, figure in decided.figures.items():
            assert row.get(f"figure.{name}") == figure.value
        assert row["fired"].split() == [firing.rule for firing in decided.firings]


FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "\n=1", "＝1", "=cmd|' /C calc'!A0")


@pytest.mark.parametrize("text", FORMULAS, ids=repr)
def test_text_when_a_spreadsheet_would_run_it_gets_an_apostrophe(tmp_path: Path, text: str) -> None:
    assert harmless(text).startswith("'")
    with opened(tmp_path) as store:
        put(store, replace(example("case-2-insurance-claims"), name=text), pool(), Settings(who=text))
    _exported(tmp_path, tmp_path / "decisions.csv")
    with (tmp_path / "decisions.csv").open(encoding="utf-8", newline="") as opened_file:
        (row,) = csv.DictReader(opened_file)
    assert row["who"][0] == row["case"][0] == "'"
    assert float(row["figure.net_benefit"]) == decided_here()["case-2-insurance-claims"].figures["net_benefit"].value


@pytest.mark.parametrize("text", ["Jo", "1-2", "a=b", "'quoted'", ""])
def test_text_when_harmless_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text


@pytest.mark.parametrize("format", ["jsonl", "csv", "parquet"])
def test_export_when_it_is_for_standard_output_is_what_a_file_would_hold(
    seeded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    monkeypatch.chdir(tmp_path)
    into_file = run("audit", "export", "-o", "out", "--format", format, store=seeded)
    assert into_file.stderr == f"{len(EXAMPLES)} decisions in out\n"
    words = ("audit", "export", "-o", "-", "--format", format, "--store", url_of(seeded))
    done = subprocess.run([sys.executable, ROOT / "cli.py", *words], capture_output=True, check=True)
    assert done.stdout == (tmp_path / "out").read_bytes()
    assert done.stderr.decode() == f"{len(EXAMPLES)} decisions in standard output\n"
    assert [found.name for found in tmp_path.iterdir() if found.name == "-"] == []


def test_report_of_the_records_when_it_is_for_standard_output_is_printed(
    seeded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert json.loads(run("audit", "checkpoint", "-o", "-", store=seeded).stdout)["sequence"] == len(EXAMPLES)
    assert "settled by the rules" in run("audit", "stats", "-o", "-", store=seeded).stdout
    assert not (tmp_path / "-").exists()


def test_export_when_it_cannot_be_written_leaves_what_was_there(seeded: Path, tmp_path: Path) -> None:
    for target in (tmp_path, tmp_path / "none" / "decisions.csv"):
        done = run("audit", "export", "-o", target, store=seeded)
        assert (done.exit_code, done.stdout) == (2, "")
        assert str(target) in done.stderr
    there = tmp_path / "decisions.csv"
    there.write_text("before", "utf-8")
    done = run("audit", "export", "-o", there, "--since", "never", store=seeded)
    assert done.exit_code == 2
    assert there.read_text("utf-8") == "before"
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []


def test_export_when_nothing_fits_has_its_columns_and_no_row(seeded: Path, tmp_path: Path) -> None:
    _exported(seeded, tmp_path / "decisions.csv", "--who", "Zoe")
    assert (tmp_path / "decisions.csv").read_text("utf-8").splitlines()[0].startswith("sequence,id,time,hash")
    assert len((tmp_path / "decisions.csv").read_text("utf-8").splitlines()) == 1


def test_parquet_when_pyarrow_is_missing_says_how_to_get_it(
    seeded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    there = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "pyarrow" else there(name))
    done = run("audit", "export", "-o", tmp_path / "decisions.parquet", store=seeded)
    assert done.exit_code == 2
    assert "pip install 'breakeven[parquet]'" in done.stderr


# stats


def test_statistics_when_read_count_what_the_decisions_say(seeded: Path) -> None:
    told = found("audit", "stats", store=seeded)
    decided = list(decided_here().values())
    fired = Counter(firing.rule for one in decided for firing in one.firings)
    (base,) = told["knowledge_bases"]
    assert {one["rule"]: one["fired"] for one in base["rules"] if one["fired"]} == dict(fired)
    declared = {row.id for table in knowledge().decisions.values() for row in table.rows}
    assert set(base["never_fired"]) == declared - fired.keys()
    approaches = Counter(one.recommendation.approach for one in decided if one.recommendation)
    assert told["approaches"] == dict(approaches)
    overruled = sum(
        any(voice.favours and voice.favours != speaker.favours for voice in one.voices)
        for one in decided
        for speaker in one.voices
        if speaker.decided and speaker.favours
    )
    assert told["overruled"] == overruled > 0
    pair = next(one for one in told["overrulings"] if one["overruled"] == "the five-question framework")
    assert pair["deciding"] == "the arithmetic"
    assert (pair["count"], pair["of"]) == (
        sum(
            framework.favours != arithmetic.favours
            for framework, _, arithmetic in (one.voices for one in decided)
            if framework.favours and arithmetic.favours and arithmetic.decided
        ),
        sum(
            bool(framework.favours and arithmetic.favours)
            for framework, _, arithmetic in (one.voices for one in decided)
        ),
    )
    assert [one["label"] for one in told["periods"]] == [f"2026-03-0{day}" for day in range(1, 9)]
    assert sum(sum(one["approaches"].values()) for one in told["periods"]) == told["decisions"] == len(EXAMPLES)


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rects: list[dict[str, str | None]] = []
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "rect":
            self.rects.append(found)
        if tag in ("script", "img") or (tag == "a" and not str(found["href"]).startswith("#")):
            self.links.append(tag)


def test_statistics_when_a_page_draw_each_decision_and_load_nothing(seeded: Path, tmp_path: Path) -> None:
    page = tmp_path / "stats.html"
    done = run("audit", "stats", "-o", page, store=seeded)
    assert (done.exit_code, done.stdout) == (0, "")
    text = page.read_text("utf-8")
    elements = _Elements()
    elements.feed(text)
    assert len(elements.rects) == len(EXAMPLES)
    heights = {float(rect["height"] or 0) for rect in elements.rects}
    assert len(heights) == 1
    assert heights.pop() > 0
    assert elements.links == []
    assert "q1-low-volume" in text
    assert "Never fired" in text


def test_statistics_when_printed_show_bars_and_what_never_fires(seeded: Path) -> None:
    done = run("audit", "stats", store=seeded)
    assert (done.exit_code, done.stderr) == (0, "")
    for text in ("█", "Never fired: ", "the arithmetic overruled the five-question framework", "BY DAY", "8 decisions"):
        assert text in done.stdout


def test_statistics_when_records_span_years_count_by_month_or_year(tmp_path: Path) -> None:
    for times, labels in (
        (("2025-11-30", "2026-02-01"), ["2025-11", "2025-12", "2026-01", "2026-02"]),
        (("2019-01-01", "2026-02-01"), [str(year) for year in range(2019, 2027)]),
    ):
        folder = tmp_path / times[0]
        folder.mkdir()
        moments = iter([datetime.fromisoformat(time).replace(tzinfo=UTC) for time in times])
        with open_store(url_of(folder), clock=lambda moments=moments: next(moments)) as store:  # type: ignore[misc]
            for _ in times:
                put(store, example("case-2-insurance-claims"), pool())
        told = found("audit", "stats", store=folder)
        assert [one["label"] for one in told["periods"]] == labels
        assert sum(sum(one["approaches"].values()) for one in told["periods"]) == 2


# outcomes and calibration


def test_calibration_when_outcomes_are_known_compares_them_with_what_was_predicted(
    copied: Path, ids: dict[str, str]
) -> None:
    predicted = {
        stem: found("audit", "show", ids[stem], store=copied)["sealed"]
        for stem in ("ranges", "case-2-insurance-claims", "dear-errors-at-low-volume")
    }
    accuracies = {
        stem: next(one for one in sealed["facts"] if one["name"] == "prompt_accuracy")
        for stem, sealed in predicted.items()
    }
    actual = dict(zip(accuracies, (0.9, 0.5, 0.75), strict=True))
    for stem, value in actual.items():
        wrong_first = run("audit", "outcome", ids[stem], "--fact", "prompt_accuracy=0.123", store=copied)
        assert re.fullmatch(r"recorded as [0-9a-f-]{36}\n", wrong_first.stderr)
        words = ("--fact", f"prompt_accuracy={value}", "--fact", "accuracy_is_critical=no", "--who", "Jo")
        assert run("audit", "outcome", ids[stem], *words, store=copied).exit_code == 0
    told = {one["name"]: one for one in found("audit", "calibration", store=copied)["calibration"]}
    errors = [actual[stem] - one["value"] for stem, one in accuracies.items()]
    row = told["prompt_accuracy"]
    assert (row["count"], row["kind"], row["unit"]) == (3, "fact", "fraction")
    assert row["mean_error"] == pytest.approx(sum(errors) / 3)
    assert row["mean_absolute_error"] == pytest.approx(sum(map(abs, errors)) / 3)
    ranged = [(one, actual[stem]) for stem, one in accuracies.items() if "low" in one]
    assert row["ranged"] == len(ranged) > 0
    assert row["within_range"] == sum(one["low"] <= value <= one["high"] for one, value in ranged) / len(ranged)
    critical = [
        one["value"]
        for sealed in predicted.values()
        for one in sealed["facts"]
        if one["name"] == "accuracy_is_critical"
    ]
    assert told["accuracy_is_critical"]["agreeing"] == pytest.approx(critical.count(False) / len(critical))
    shown = run("audit", "calibration", store=copied).stdout
    assert "accuracy with prompts" in shown


def test_figure_when_its_outcome_is_known_is_calibrated(copied: Path, ids: dict[str, str]) -> None:
    named = ids["dear-errors-at-low-volume"]
    done = run(
        "audit", "outcome", named, "--figure", "total_saving_per_month=$1,200", "--note", "first month", store=copied
    )
    assert done.exit_code == 0, done.stderr
    (row,) = found("audit", "calibration", store=copied)["calibration"]
    figures = {one["name"]: one for one in found("audit", "show", named, store=copied)["sealed"]["figures"]}
    assert row["mean_error"] == 1_200 - figures["total_saving_per_month"]["value"]
    assert "first month" in run("audit", "show", named, store=copied).stdout


def test_figure_that_never_comes_when_it_came_after_all_is_counted_apart(copied: Path) -> None:
    named = found("audit", "search", "break_even_months=never", "--limit", "1", store=copied)["records"][0]["id"]
    assert run("audit", "outcome", named, "--figure", "break_even_months=7.5", store=copied).exit_code == 0
    (row,) = found("audit", "calibration", store=copied)["calibration"]
    assert (row["count"], row["not_comparable"], row["mean_error"]) == (0, 1, None)


def test_saving_when_its_outcome_is_known_is_that_of_the_figure_the_base_names(
    copied: Path, ids: dict[str, str]
) -> None:
    named = ids["dear-errors-at-low-volume"]
    done = run("audit", "outcome", named, "--saving", "1_200", store=copied)
    assert done.exit_code == 0, done.stderr
    (row,) = found("audit", "calibration", store=copied)["calibration"]
    assert (row["name"], row["kind"]) == (knowledge().manifest.saving, "saving")


def test_saving_when_the_base_names_none_is_refused_with_another_way(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    base = load_knowledge(small_base(tmp_path / "rules"))
    with opened(tmp_path) as store:
        record = put(store, Case("machine", {"months": Given("months", 7.0)}), EnginePool(base))
    done = run("audit", "outcome", record.id, "--saving", "100", store=tmp_path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "does not say which figure that is. Write --figure NAME=NUMBER" in done.stderr
    assert run("audit", "outcome", record.id, "--figure", "saving=100", store=tmp_path).exit_code == 0


WRONG_OUTCOMES = {
    "an empty note": (("--note", ""), "--note: nothing is written in it. Write what happened, or leave it out"),
    "a blank note": (("--note", " \t\n"), "--note: nothing is written in it. Write what happened, or leave it out"),
    "a blank note beside a fact": (
        ("--note", " ", "--fact", "prompt_accuracy=0.9"),
        "--note: nothing is written in it. Write what happened, or leave it out",
    ),
    "out of bounds": (("--fact", "prompt_accuracy=1.91"), "expected a fraction from 0 to 1, got"),
    "of another type": (("--fact", "has_ml_engineering=12"), "expected yes or no"),
    "a misspelt fact": (("--fact", "prompt_acuracy=0.9"), "Did you mean 'prompt_accuracy'?"),
    "a figure as a fact": (("--fact", "net_benefit=1"), "Write it as --figure"),
    "a fact as a figure": (("--figure", "prompt_accuracy=1"), "Write it as --fact"),
    "no number": (("--figure", "net_benefit=much"), "expected a number of USD"),
    "no finite number": (("--figure", "net_benefit=1e999"), "expected a number of USD"),
    "no value": (("--fact", "prompt_accuracy"), "expected NAME=VALUE"),
    "unknown": (("--fact", "prompt_accuracy=unknown"), "says nothing of what happened"),
    "a fact twice": (
        ("--fact", "prompt_accuracy=0.9", "--fact", "prompt_accuracy=0.8"),
        "prompt_accuracy is said twice",
    ),
    "a figure twice": (("--figure", "net_benefit=1", "--figure", "net_benefit = 1"), "net_benefit is said twice"),
    "the saving twice": (
        ("--saving", "1", "--figure", "total_saving_per_month=2"),
        "total_saving_per_month is said twice",
    ),
    "nothing": ((), "nothing is said of what happened"),
}


@pytest.mark.parametrize(("options", "message"), WRONG_OUTCOMES.values(), ids=WRONG_OUTCOMES)
def test_outcome_when_it_does_not_fit_the_base_that_decided_is_refused(
    copied: Path, ids: dict[str, str], options: tuple[str, ...], message: str
) -> None:
    before = found("audit", "verify", store=copied)["entries"]
    done = run("audit", "outcome", ids["ranges"], *options, store=copied)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr
    assert found("audit", "verify", store=copied)["entries"] == before


def test_entry_when_it_is_no_decision_is_refused_with_the_decision_it_belongs_to(
    copied: Path, ids: dict[str, str]
) -> None:
    noted = run("audit", "outcome", ids["ranges"], "--note", "well", store=copied).stderr
    outcome = noted.removeprefix("recorded as ").strip()
    done = run("audit", "show", outcome, store=copied)
    assert done.exit_code == 2
    assert f"The decision it belongs to is {ids['ranges']}" in done.stderr


# PostgreSQL


def test_commands_when_the_records_are_in_postgresql_answer_as_with_a_file(tmp_path: Path) -> None:
    try:
        with running_server() as server:
            environment = {"BREAKEVEN_STORE": server.new_database()}

            def done(*words: str | Path) -> str:
                result = run(*words, env=environment)
                assert result.exit_code == 0, (words, result.stderr)
                return result.stdout

            recorded = json.loads(done("recommend", EXAMPLES[1], "--record", "--who", "Jo", "--format", "json"))
            named = recorded["record"]
            assert json.loads(done("audit", "list", "--format", "json"))["records"][0]["who"] == "Jo"
            assert "critical-full" in done("audit", "show", named[:8])
            done("audit", "outcome", named, "--saving", "1_200", "--fact", "prompt_accuracy=0.9")
            assert "accuracy with prompts" in done("audit", "calibration")
            assert json.loads(done("audit", "search", "prompt_accuracy<=1", "--format", "json"))["count"] == 1
            done("audit", "export", "-o", tmp_path / "decisions.csv")
            done("audit", "impact", "--rules", knowledge().directory)
            assert "1 of 1 decision comes out the same" in done("audit", "replay")
            done("audit", "erase", named, "--reason", "asked for")
            assert "Erased on" in done("audit", "show", named)
            assert "Whole: 4 records are as written" in done("audit", "verify")
    except NotAvailable as reason:
        pytest.skip(str(reason))


# help


@pytest.mark.parametrize("name", sorted(audit.commands))
def test_command_when_asked_for_help_shows_examples(name: str) -> None:
    done = run("audit", name, "--help")
    assert done.exit_code == 0
    assert f"breakeven audit {name}" in done.stdout
