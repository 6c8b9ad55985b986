from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from cli import main
from engine import __version__
from tests.cases import EXAMPLES, ROOT

EXAMPLE = ROOT / "examples" / "case-2-insurance-claims.yaml"
#: What the installed command does, without being installed.
INSTALLED = ("-c", "import sys; sys.argv[0] = 'breakeven'; from cli import main; sys.exit(main())")
CHECKOUT = (str(ROOT / "cli.py"),)


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A base that passed its checks is remembered for these tests alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BREAKEVEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("BREAKEVEN_RULES", raising=False)
        patch.chdir(ROOT)
        yield


def run(*arguments: str | Path, **options: str | Mapping[str, str]) -> Result:
    """What a command does in this process."""
    return CliRunner().invoke(main, list(map(str, arguments)), prog_name="breakeven", **options)  # type: ignore[arg-type]


def run_alone(
    *arguments: str | Path,
    program: tuple[str, ...] = CHECKOUT,
    stdout: int = subprocess.PIPE,
    stdin: str = "",
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """What a command does in a process of its own."""
    return subprocess.run(
        [sys.executable, *program, *map(str, arguments)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        input=stdin,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def commands(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every command and group."""
    yield path
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


def command_at(path: tuple[str, ...]) -> click.Command:
    """The command at a path."""
    command: click.Command = main
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    return command


COMMANDS = list(commands())


def called(path: tuple[str, ...]) -> str:
    """What a test of one command is called."""
    return " ".join(("breakeven", *path))


@pytest.fixture
def own_rules(tmp_path: Path) -> Path:
    """A copy of the built-in rules to change."""
    done = run("rules", "init", tmp_path / "rules")
    assert done.exit_code == 0, done.stderr
    return tmp_path / "rules"


def replace_in(path: Path, old: str, new: str) -> None:
    """Change one place of a file."""
    text = path.read_text("utf-8")
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1), "utf-8")


# Help


@pytest.mark.parametrize("path", COMMANDS, ids=called)
def test_command_when_asked_for_help_says_what_it_does_and_each_option(path: tuple[str, ...]) -> None:
    long, short = run_alone(*path, "--help"), run_alone(*path, "-h")
    assert (long.returncode, long.stdout, long.stderr) == (0, short.stdout, "")
    assert long.stdout.startswith(f"Usage: {called(path)} ")
    for parameter in command_at(path).params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


def test_documented_example_when_parsed_is_what_the_command_takes() -> None:
    examples = [line.strip() for path in COMMANDS for line in (command_at(path).help or "").splitlines()]
    examples = [re.split(r" \| |  ", line)[0] for line in examples if line.startswith("breakeven ")]
    assert len(examples) > len(COMMANDS)
    for line in examples:
        assert not problem_with(line), line


def problem_with(line: str) -> str | None:
    """What is wrong with a command line, by its options and arguments alone."""
    arguments = shlex.split(line)[1:]
    command: click.Command = main
    try:
        with main.make_context("breakeven", arguments[:], resilient_parsing=False) as context:
            rest = [*context._protected_args, *context.args]
        while isinstance(command, click.Group):
            name, found, rest = command.resolve_command(context, rest)
            assert name is not None
            assert found is not None
            command = found
            if isinstance(command, click.Group):
                continue
            command.make_context(name, rest, parent=context)
    except click.ClickException as error:
        return error.format_message()
    return None


def test_version_when_asked_for_is_the_packages() -> None:
    assert run("--version").stdout == f"breakeven, version {__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_when_a_shell_asks_for_it_is_printed(shell: str) -> None:
    script = run(env={"_BREAKEVEN_COMPLETE": f"{shell}_source"})
    assert script.exit_code == 0
    assert f"_BREAKEVEN_COMPLETE={shell}_complete" in script.stdout


def test_completion_when_an_id_is_begun_offers_those_that_go_on() -> None:
    asked = {"_BREAKEVEN_COMPLETE": "bash_complete", "COMP_WORDS": "breakeven rules show q1", "COMP_CWORD": "3"}
    assert run(env=asked).stdout.strip() == "plain,q1-low-volume"


# Reports

SIGNS = {
    "terminal": "Breakeven decision report",
    "markdown": "# ",
    "html": "<!DOCTYPE html>",
    "json": "{",
}


@pytest.mark.parametrize("report_format", SIGNS)
def test_report_when_a_format_is_chosen_is_printed_in_it(report_format: str) -> None:
    done = run("recommend", EXAMPLE, "--format", report_format)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(SIGNS[report_format])
    assert done.stdout.endswith("\n")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_when_recommended_on_prints_its_sentence(path: Path) -> None:
    printed = json.loads(run("recommend", path, "--format", "json").stdout)
    assert printed["recommendation"]["sentence"] in run("recommend", path).stdout


def test_case_when_given_on_standard_input_is_decided() -> None:
    done = run("recommend", "-", "--format", "json", input="is_prototype: yes\n")
    assert json.loads(done.stdout)["recommendation"]["approach"] == "few_shot"


SUFFIXES = [
    ("report.html", "html"),
    ("report.HTM", "html"),
    ("report.md", "markdown"),
    ("report.markdown", "markdown"),
    ("report.json", "json"),
    ("report.txt", "terminal"),
    ("report", "terminal"),
]


@pytest.mark.parametrize(("name", "report_format"), SUFFIXES)
def test_report_when_written_to_a_file_has_the_format_of_its_name(
    tmp_path: Path, name: str, report_format: str
) -> None:
    done = run("recommend", EXAMPLE, "-o", tmp_path / name)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / name).read_text("utf-8") == run("recommend", EXAMPLE, "--format", report_format).stdout


def test_report_when_a_format_is_chosen_goes_before_the_files_name(tmp_path: Path) -> None:
    run("recommend", EXAMPLE, "--format", "json", "-o", tmp_path / "report.html")
    assert json.loads((tmp_path / "report.html").read_text("utf-8"))["recommendation"]


def test_report_when_the_file_was_there_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    target.write_text("x" * 1_000_000, "utf-8")
    assert run("recommend", EXAMPLE, "-o", target).exit_code == 0
    assert json.loads(target.read_text("utf-8"))["case_name"] == EXAMPLE.stem
    assert list(tmp_path.iterdir()) == [target]


def test_report_when_the_case_is_bad_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("as it was", "utf-8")
    (tmp_path / "case.yaml").write_text("budget: lots\n", "utf-8")
    assert run("recommend", tmp_path / "case.yaml", "-o", target).exit_code == 2
    assert target.read_text("utf-8") == "as it was"
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "case.yaml"}


@pytest.mark.parametrize("target", ["missing/report.html", ".", "file/report.html", "x" * 300])
def test_report_when_it_cannot_be_written_says_so_and_prints_nothing(tmp_path: Path, target: str) -> None:
    (tmp_path / "file").touch()
    done = run("recommend", EXAMPLE, "-o", tmp_path / target)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# Where it is run


@pytest.mark.parametrize("arguments", [("recommend", EXAMPLE), ("rules", "show"), ("--help",)], ids=str)
def test_command_when_run_from_the_checkout_does_what_the_installed_one_does(arguments: tuple[str | Path, ...]) -> None:
    checkout, installed = run_alone(*arguments), run_alone(*arguments, program=INSTALLED)
    assert checkout.returncode == 0
    assert (checkout.stdout, checkout.stderr) == (installed.stdout, installed.stderr)


def test_command_when_the_reader_stops_reading_ends_quietly() -> None:
    reads, writes = os.pipe()
    os.close(reads)
    done = run_alone("recommend", EXAMPLE, "--format", "html", stdout=writes)
    os.close(writes)
    assert done.stderr == ""


def test_command_when_only_its_first_line_is_wanted_gives_it() -> None:
    quoted = " ".join(map(shlex.quote, [sys.executable, *CHECKOUT, "recommend", str(EXAMPLE), "--format", "html"]))
    done = subprocess.run(["/bin/sh", "-c", f"{quoted} | head -1"], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("<!DOCTYPE html>\n", "")


def test_command_when_there_is_no_room_for_its_output_says_so() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = run_alone("recommend", EXAMPLE, stdout=full.fileno())
    assert done.returncode == 2
    assert done.stderr == "standard output: cannot be written: no space left on device\n"


def test_command_when_it_has_no_standard_output_fails_on_nothing() -> None:
    quoted = " ".join(map(shlex.quote, [sys.executable, *CHECKOUT, "recommend", str(EXAMPLE)]))
    done = subprocess.run(["/bin/sh", "-c", f"{quoted} >&-"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_command_when_the_terminal_lacks_characters_prints_the_rest() -> None:
    done = run_alone("recommend", EXAMPLE, environment={"PYTHONIOENCODING": "latin-1"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "full fine-tuning" in done.stdout


# Bad input


def _sparse(path: Path) -> None:
    with path.open("wb") as opened:
        opened.truncate(100_000_000)


#: What a case file may hold, and a part of the message.
BAD_CASES = {
    "not YAML": ("a: [1\n", ":1: not valid YAML"),
    "a list": ("- requests_per_month: 1\n", ":1: expected a mapping of facts to values, got a list"),
    "a word": ("lora\n", ":1: expected a mapping"),
    "nothing": ("", "the file is empty"),
    "a fact twice": ("budget: 1\nbudget: 2\n", ":2: budget: given on line 1 and again on line 2"),
    "an unknown fact": ("\nrequest_per_month: 1\n", ":2: request_per_month: there is no fact of this name"),
    "a word for a number": ("requests_per_month: lots\n", "Write e.g. requests_per_month: 200_000"),
    "a word for money": ("budget: lots\n", ':1: budget: expected a number of USD ≥ 0, got "lots".'),
    "no number": ("budget: .nan\n", ":1: budget: expected a finite number"),
    "a number too large": ("budget: 1e400\n", ":1: budget: expected a finite number"),
    "a number below its bound": ("budget: -5\n", ":1: budget: expected a number of USD ≥ 0, got -5"),
    "a share in percent": ("prompt_accuracy: 82\n", "Write 0.82 for 82 %"),
    "a choice misspelt": ("task: tag\n", "Did you mean 'tagging'?"),
    "deep nesting": ("a: " + "[" * 10_000 + "\n", "nested deeper than"),
    "an alias": ("a: &x 1\nb: *x\n", "refers to another value"),
    "a tag": ("a: !!python/object/apply:os.system [ls]\n", "is not allowed"),
    "a control character": ("task: \x07\n", "control character"),
}


@pytest.mark.parametrize(("text", "said"), BAD_CASES.values(), ids=BAD_CASES)
def test_case_when_it_is_bad_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "case.yaml"
    path.write_text(text, "utf-8")
    refused(run("recommend", path), str(path), said)


def refused(done: Result, begins: str, said: str) -> None:
    """Bad input is refused: nothing printed, one line or more said, exit status 2."""
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(begins)
    assert said in done.stderr
    assert isinstance(done.exception, SystemExit)


def test_case_when_several_things_are_wrong_names_them_all_in_order(tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_text("budget: lots\ntask: tagging\nrequest: 1\nprompt_accuracy: 2\n", "utf-8")
    done = run("recommend", path)
    places = [line.split(" ")[0] for line in done.stderr.splitlines()]
    assert places == [f"{path}:1:", f"{path}:3:", f"{path}:4:"]


BAD_FILES = {
    "a large file": (_sparse, "too large: 100,000,000 bytes"),
    "bytes": (lambda path: path.write_bytes(bytes(range(256)) * 40), "zero byte"),
    "bytes without zero": (lambda path: path.write_bytes(b"\xfd\xff" * 99), "not UTF-8 text"),
    "UTF-16": (lambda path: path.write_text("budget: 1\n", "utf-16"), "UTF-16"),
    "a folder": (lambda path: path.mkdir(), "a folder"),
    "nothing at all": (lambda _: None, "no such file"),
    "a pipe": (os.mkfifo, "not a regular file"),
}


@pytest.mark.parametrize(("make", "said"), BAD_FILES.values(), ids=BAD_FILES)
def test_file_when_it_is_no_case_is_refused_at_once(tmp_path: Path, make: object, said: str) -> None:
    path = tmp_path / "case.yaml"
    assert callable(make)
    make(path)
    done = run_alone("recommend", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(str(path))
    assert said in done.stderr
    assert "Traceback" not in done.stderr


#: A change of one of the built-in rule files, and what is said of it.
BAD_RULES = {
    "an unknown name": ("scale.yaml", "_in_12_months < 50_000", "_in_12_month < 50_000", "scale.yaml:13"),
    "a deep expression": ("scale.yaml", "when: requests", f"when: {'(' * 1_500}requests", "nested deeper than"),
    "an endless expression": ("scale.yaml", "when: requests", f"when: {'(' * 10_000}requests", "scale.yaml:13"),
    "a call": ("scale.yaml", "when: requests", "when: __import__('os').getpid() > requests", "scale.yaml:13"),
    "no such value": ("scale.yaml", "then: viable", "then: viabel", "Did you mean 'viable'?"),
    "wrong units": ("economics.yaml", "<= horizon", "<= budget", "cannot compare month"),
    "a bad sentence": ("scale.yaml", "because: Below", "because: '{{ Below }}'  #", "scale.yaml:15"),
    "not YAML": ("facts.yaml", "facts:", "facts: [", "facts.yaml"),
}


@pytest.mark.parametrize(("file", "old", "new", "said"), BAD_RULES.values(), ids=BAD_RULES)
def test_rules_when_one_file_is_bad_are_refused_with_its_place(
    own_rules: Path, file: str, old: str, new: str, said: str
) -> None:
    replace_in(own_rules / file, old, new)
    refused(run("recommend", EXAMPLE, "--rules", own_rules), str(own_rules / file), said)


def test_expression_when_ten_thousand_parentheses_deep_is_refused_without_a_trace(own_rules: Path) -> None:
    deep = f"when: '{'(' * 10_000}true{')' * 10_000}'  #"
    replace_in(own_rules / "scale.yaml", "when:", deep)
    done = run_alone("recommend", EXAMPLE, "--rules", own_rules)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{own_rules / 'scale.yaml'}:13: ")
    assert "Traceback" not in done.stderr


NO_RULES = {
    "nothing": ("nothing", "no such directory of rules"),
    "a file": ("case.yaml", "no such directory of rules"),
    "an empty folder": ("empty", "the file is missing"),
}


@pytest.mark.parametrize(("name", "said"), NO_RULES.values(), ids=NO_RULES)
def test_rules_when_there_are_none_are_refused(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "case.yaml").touch()
    (tmp_path / "empty").mkdir()
    refused(run("recommend", EXAMPLE, "--rules", tmp_path / name), str(tmp_path / name), said)


WRONG_USE = {
    "no command": ("recomend",),
    "no case": ("recommend",),
    "no such format": ("recommend", "case.yaml", "--format", "pdf"),
    "no such option": ("recommend", "case.yaml", "--formt", "json"),
    "no such day": ("recommend", "case.yaml", "--on", "2026-02-30"),
    "no such verdict": ("claims", "--verdict", "offf"),
    "no such rule": ("rules", "show", "q1-low-volum"),
    "no such schema": ("rules", "schema", "cases"),
    "nothing to scaffold": ("rules", "new", "fakt", "x", "--rules", "x"),
}


@pytest.mark.parametrize("arguments", WRONG_USE.values(), ids=WRONG_USE)
def test_command_when_used_wrongly_says_how_and_prints_nothing(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr
    assert isinstance(done.exception, SystemExit)


# Rules of one's own


def test_rules_when_named_in_the_environment_decide(own_rules: Path) -> None:
    replace_in(own_rules / "scale.yaml", "when: 100_000 <= requests_per_month_in_12_months < 500_000", "when: false")
    environment = {"BREAKEVEN_RULES": str(own_rules)}
    there = json.loads(run("recommend", EXAMPLE, "--format", "json", env=environment).stdout)
    here = json.loads(run("recommend", EXAMPLE, "--format", "json").stdout)
    assert (here["conclusions"]["scale"], there["conclusions"]["scale"]) == ("recommended", None)
    assert here["knowledge_base"]["sha256"] != there["knowledge_base"]["sha256"]


def test_rules_when_named_twice_are_those_of_the_option(own_rules: Path) -> None:
    done = run("recommend", EXAMPLE, "--rules", own_rules, env={"BREAKEVEN_RULES": "/nowhere"})
    assert (done.exit_code, done.stderr) == (0, "")


def test_rules_when_copied_decide_as_the_built_in_ones_do(own_rules: Path) -> None:
    theirs, ours = (
        json.loads(run("recommend", EXAMPLE, "--format", "json", *more).stdout) for more in (("--rules", own_rules), ())
    )
    assert {name for name in ours if ours[name] != theirs[name]} <= {
        "firings",
        "matched_not_decisive",
        "knowledge_base",
    }


# Looking into the base


@pytest.mark.parametrize(
    "name", ["q1-low-volume", "scale", "budget", "break_even_months", "prompt_bill_at", "lora_row"]
)
def test_entry_when_shown_is_the_same_in_text_and_json(name: str) -> None:
    text, data = run("rules", "show", name).stdout, json.loads(run("rules", "show", name, "--format", "json").stdout)
    assert data["name"] == name
    assert data["title"] in text
    assert data["place"] in text


def test_entries_when_listed_are_all_there() -> None:
    text, data = run("rules", "show").stdout, json.loads(run("rules", "show", "--format", "json").stdout)
    assert {"fact", "figure", "amount", "table", "decision", "rule"} == data.keys()
    assert [one["name"] for kind in data.values() for one in kind if one["name"] not in text] == []


def test_entry_when_its_name_is_nearly_right_is_suggested() -> None:
    assert "Did you mean 'q1-low-volume'?" in run("rules", "show", "q1-low").stderr


@pytest.mark.parametrize("report_format", ["terminal", "markdown", "json"])
def test_claims_when_recomputed_are_all_there(report_format: str) -> None:
    done = run("claims", "--format", report_format)
    assert done.exit_code == 0
    assert len(set(re.findall(r"\bC\d{2,3}\b", done.stdout))) >= 124


def test_claims_when_a_verdict_is_asked_for_are_those_with_it() -> None:
    chosen = json.loads(run("claims", "--verdict", "off", "--format", "json").stdout)
    assert {claim["verdict"] for claim in chosen["claims"]} == {"off"}
    assert len(chosen["claims"]) == chosen["verdicts"]["off"]


def test_schemas_when_written_are_those_printed(tmp_path: Path) -> None:
    assert run("rules", "schema", "-o", tmp_path).exit_code == 0
    written = {path.name.removesuffix(".schema.json"): path.read_text("utf-8") for path in tmp_path.iterdir()}
    assert written == {name: run("rules", "schema", name).stdout for name in written}
    assert {"facts", "costs", "decision", "knowledge", "claims", "case", "report"} <= written.keys()
