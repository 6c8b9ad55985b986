"""The questionnaire at a terminal and in a pipe: what is shown, what each line does, and that no answer is lost."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.case import Case, Given, read_case
from engine.conversation import DEFAULT_FILE, Interrupted, converse
from engine.questionnaire import recommended
from engine.source import read_document
from tests.cases import ROOT, case, knowledge, pool

#: Answers of a case that nobody in-house could train a model for, question by question.
WITHOUT_TEAM = ("no", "no", "50")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own, because answers may be kept in the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation: the case it came to, and what was shown."""

    case: Case
    shown: str

    @property
    def given(self) -> dict[str, object]:
        return {name: given.value for name, given in self.case.given.items()}

    def after(self, words: str) -> str:
        """What was shown from some words on."""
        assert words in self.shown
        return self.shown.partition(words)[2]


class Lines(io.StringIO):
    """Typed lines, of which one is Ctrl-C."""

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]  # StringIO has two parents
        line = super().readline(-1 if size is None else size)
        if line == "^C\n":
            raise KeyboardInterrupt
        return line


def talk(*lines: str, answers: Case | None = None, save: Path | None = None, terminal: bool = True) -> Talk:
    """The conversation in which these lines are typed."""
    screen = io.StringIO()
    source = Lines("".join(f"{line}\n" for line in lines))
    made = converse(knowledge(), pool(), answers=answers, save=save, source=source, screen=screen, terminal=terminal)
    return Talk(made, screen.getvalue())


def broken_off(*lines: str, answers: Case | None = None, save: Path | None = None) -> str:
    """What is said when the conversation with these lines is broken off."""
    with pytest.raises(Interrupted) as interrupted:
        talk(*lines, answers=answers, save=save)
    return str(interrupted.value)


def kept(file: Path | str) -> Case:
    return read_case(read_document(Path(file)), knowledge().facts)


# What is shown


def test_question_when_asked_says_why_and_what_it_takes() -> None:
    shown = talk(*WITHOUT_TEAM, "").shown
    assert "1. Is this a prototype or proof of concept?\n" in shown
    assert "   A prototype is there to learn from; few-shot prompting is the quickest way.\n" in shown
    assert "   yes or no [no] > " in shown
    assert "   a whole number, e.g. 2,000 > " in shown


def test_question_with_choices_when_asked_lists_them_and_takes_their_numbers() -> None:
    unknown = {name: None for name, fact in knowledge().facts.items() if fact.question and name != "regulated_domain"}
    answers: dict[str, object] = {
        "is_prototype": False,
        "has_ml_engineering": True,
        "accuracy_is_critical": False,
        "has_labeled_data": True,
        "domain_changes_often": False,
        "labeled_examples": 2_000,
        "requests_per_month": 200_000,
        "prompt_accuracy": 0.82,
        "fine_tuned_accuracy": 0.94,
        "cost_per_error": 150,
    }
    found = talk("?", "2", "", answers=case(**{**unknown, **answers}))
    assert "    1 none: none of these\n    2 legal\n" in found.shown
    assert "   one of these, or its number [none of these] > " in found.shown
    assert found.given["regulated_domain"] == "legal"


def test_recommendations_when_answers_rule_some_out_are_listed_anew() -> None:
    shown = talk(*WITHOUT_TEAM, "").shown
    (first, second) = re.findall(r"Still possible \((\d)\): ([^.]*)\.", " ".join(shown.split()))
    assert first[0] == "5"
    assert second == ("2", "prompt engineering, few-shot prompting")
    assert "As it stands: prompt engineering." in " ".join(shown.split())


def test_number_when_answered_is_repeated_as_it_was_understood() -> None:
    assert "   = 50 examples\n" in talk(*WITHOUT_TEAM, "").shown


def test_screen_when_narrow_is_not_exceeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    shown = talk("?", *WITHOUT_TEAM, "").shown
    assert max(len(line.partition(" > ")[0]) for line in shown.splitlines()) < 60


def test_screen_when_it_is_no_terminal_gets_no_colours() -> None:
    assert "\x1b" not in talk(*WITHOUT_TEAM, "").shown


# What a line does


def test_question_mark_when_typed_explains_and_asks_again() -> None:
    found = talk("?", *WITHOUT_TEAM, "")
    explained = " ".join(found.after("yes or no [no] > ").partition("2. Do you")[0].split())
    assert "Yes if you would throw the result away after learning from it." in explained
    assert "Enter leaves it open, and no is assumed (ours: a case worth deciding" in explained
    assert "Source: C65. In a case file: is_prototype" in explained
    assert found.shown.count("yes or no [no] > ") == 2
    assert found.given["is_prototype"] is False


def test_question_mark_when_nothing_is_assumed_says_that_it_stays_unknown() -> None:
    explained = " ".join(talk("no", "?", "no", "50", "").shown.split())
    assert "Where you do not know it, it stays unknown." in explained
    assert "One engineer who has done it before is a yes" in explained


@pytest.mark.parametrize("typed", ["-", "–", "unknown", "Don't know"])
def test_answer_when_not_known_is_kept_as_unknown(typed: str) -> None:
    assert talk("no", typed, ".", "").given == {"is_prototype": False, "has_ml_engineering": None}


def test_enter_when_something_is_assumed_leaves_the_question_open() -> None:
    found = talk("", "no", "50", "")
    assert found.given == {"is_prototype": None, "has_ml_engineering": False, "labeled_examples": 50}
    assert "   Left open; assumed: no.\n" in found.shown


def test_enter_when_nothing_is_assumed_asks_again() -> None:
    found = talk("no", "", "no", "50", "")
    assert "Type an answer, - if you do not know it, or ? to have it explained." in found.shown
    assert found.given["has_ml_engineering"] is False


def test_back_when_typed_takes_the_last_answer_back_and_asks_again() -> None:
    found = talk("no", "yes", "<", "no", "50", "")
    assert found.given == {"is_prototype": False, "has_ml_engineering": False, "labeled_examples": 50}
    assert found.shown.count("2. Do you have people in-house") == 2


def test_back_when_typed_repeatedly_goes_to_the_first_question_and_no_further() -> None:
    found = talk("no", "no", "<", "<", "<", "yes", "")
    assert "There is no question before this one." in found.shown
    assert found.given == {"is_prototype": True}


def test_dot_when_typed_decides_with_what_is_known() -> None:
    found = talk("no", "yes", ".", "")
    assert found.given == {"is_prototype": False, "has_ml_engineering": True}
    assert "32 questions left open; the report says what is assumed for them." in found.shown


def test_answers_when_settled_say_that_no_other_question_matters() -> None:
    shown = talk(*WITHOUT_TEAM, "").shown
    assert "31 questions not asked: no answer to them can change the recommendation." in " ".join(shown.split())


def test_answer_when_it_makes_no_sense_gets_one_message_and_is_asked_again() -> None:
    found = talk("no", "perhaps", "no", "-5", "50", "")
    shown = " ".join(found.shown.split())
    assert 'Expected yes or no, got "perhaps". Write yes or no, or unknown if you do not know it.' in shown
    assert 'Expected a whole number of examples ≥ 0, got "-5". Write e.g. 2_000.' in shown
    assert found.given["labeled_examples"] == 50


def test_word_for_leaving_when_typed_says_how_to_leave() -> None:
    assert "To stop, press Ctrl-C: your answers are kept." in talk("quit", *WITHOUT_TEAM, "").shown


def test_line_when_it_holds_cursor_keys_and_controls_is_read_without_them() -> None:
    found = talk("\x1b[D\x1b[Ano\x07", "n\x1bOCo\u200b", "\t50\xa0 ", "")
    assert found.given == {"is_prototype": False, "has_ml_engineering": False, "labeled_examples": 50}


def test_message_when_it_quotes_a_line_holds_nothing_that_acts_on_the_screen() -> None:
    shown = talk("a\x1b]0;title\x07b\x9b31m\u202e", *WITHOUT_TEAM, "").shown
    assert all(character.isprintable() or character == "\n" for character in shown)


def test_line_when_far_too_long_is_refused_and_the_next_one_counts() -> None:
    found = talk("x" * 100_000, *WITHOUT_TEAM, "")
    assert "That is too long; an answer has at most 300 characters." in found.shown
    assert found.shown.count("xxx") == 0
    assert found.given["is_prototype"] is False


# At the end


def test_review_when_all_is_settled_shows_each_answer_and_what_is_assumed() -> None:
    review = talk("", "no", "50", "").after("Your answers\n")
    assert re.search(r"1 a prototype +not known; assumed: no\n", review)
    assert re.search(r"2 in-house ML or data engineering +no\n", review)
    assert re.search(r"3 labelled examples +50 examples\n", review)


def test_review_when_an_answer_was_measured_or_is_a_range_says_so() -> None:
    start = case(
        is_prototype=True, budget={"low": 40_000, "high": 60_000}, prompt_accuracy={"value": 0.8, "origin": "measured"}
    )
    review = talk("", answers=start).after("Your answers\n")
    assert re.search(r"upfront budget +\$40,000 to \$60,000\n", review)
    assert re.search(r"accuracy with prompts +80 % \(measured\)\n", review)


def test_answer_when_changed_in_the_review_is_asked_again_and_counts() -> None:
    found = talk(*WITHOUT_TEAM, "3", "2000", "")
    assert found.given["labeled_examples"] == 2_000
    assert found.shown.count("Your answers\n") == 2
    assert recommended(pool(), found.case) == "few_shot"


def test_answer_when_changed_in_the_review_can_bring_new_questions() -> None:
    found = talk("yes", "1", "no", "no", "50", "")
    assert found.given == {"is_prototype": False, "has_ml_engineering": False, "labeled_examples": 50}


def test_review_when_it_gets_no_number_of_an_answer_asks_again() -> None:
    found = talk(*WITHOUT_TEAM, "7", "nothing", "")
    assert found.shown.count("Type a number from 1 to 3, or nothing.") == 2


def test_review_when_going_back_asks_the_last_question_again() -> None:
    assert talk(*WITHOUT_TEAM, "<", "2000", "").given["labeled_examples"] == 2_000


# Broken off and gone on with


@pytest.mark.parametrize("ending", [("^C",), ()], ids=["Ctrl-C", "end of input"])
def test_conversation_when_broken_off_keeps_the_answers_and_says_how_to_go_on(ending: tuple[str, ...]) -> None:
    said = broken_off("no", "-", *ending)
    assert said == (
        f"\n2 answers kept in {DEFAULT_FILE}. Go on with:\n"
        f"  breakeven ask --answers {DEFAULT_FILE} --save {DEFAULT_FILE}"
    )
    assert kept(DEFAULT_FILE).given == case(is_prototype=False, has_ml_engineering=None).given


def test_conversation_when_broken_off_and_gone_on_with_comes_to_the_same_case() -> None:
    for answered in range(1, 3):
        Path(DEFAULT_FILE).unlink(missing_ok=True)
        broken_off(*WITHOUT_TEAM[:answered], "^C")
        resumed = talk(*WITHOUT_TEAM[answered:], "", answers=kept(DEFAULT_FILE))
        whole = talk(*WITHOUT_TEAM, "")
        assert resumed.case.given == whole.case.given
        assert f"Going on from the {answered} answer" in resumed.shown


def test_conversation_when_broken_off_in_the_review_keeps_every_answer() -> None:
    assert "3 answers kept" in broken_off(*WITHOUT_TEAM, "^C")
    assert kept(DEFAULT_FILE).given.keys() == {"is_prototype", "has_ml_engineering", "labeled_examples"}


def test_conversation_when_broken_off_before_any_answer_keeps_nothing() -> None:
    assert broken_off("?", "^C") == "\nNothing was answered, so nothing is kept."
    assert not Path(DEFAULT_FILE).exists()


def test_conversation_when_broken_off_without_a_new_answer_names_the_file_it_came_from() -> None:
    Path("mine.yaml").write_text("is_prototype: no\n", encoding="utf-8")
    said = broken_off("^C", answers=kept("mine.yaml"))
    assert said.endswith("breakeven ask --answers mine.yaml --save mine.yaml")
    assert not Path(DEFAULT_FILE).exists()


def test_answers_when_kept_do_not_replace_those_of_another_conversation() -> None:
    Path(DEFAULT_FILE).write_text("is_prototype: yes\n", encoding="utf-8")
    assert "kept in breakeven-answers-2.yaml" in broken_off("no", "^C")
    assert kept(DEFAULT_FILE).given["is_prototype"].value is True


def test_answers_when_gone_on_from_the_default_file_are_kept_in_it() -> None:
    Path(DEFAULT_FILE).write_text("is_prototype: no\n", encoding="utf-8")
    assert f"2 answers kept in {DEFAULT_FILE}." in broken_off("no", "^C", answers=kept(DEFAULT_FILE))


def test_answers_when_a_file_is_named_are_kept_in_it_as_they_are_given() -> None:
    file = Path("my answers.yaml")
    said = broken_off("no", "no", "<", "^C", save=file)
    assert kept(file).given == case(is_prototype=False).given
    assert said.endswith("breakeven ask --answers 'my answers.yaml' --save 'my answers.yaml'")


def test_answers_when_all_is_settled_are_kept_in_the_named_file_and_name_the_case() -> None:
    found = talk(*WITHOUT_TEAM, "", save=Path("support.yaml"))
    assert kept("support.yaml") == found.case
    assert found.case.name == "support"


def test_answers_when_the_file_cannot_be_written_are_shown_instead() -> None:
    Path(DEFAULT_FILE).mkdir()
    for number in range(2, 1_000):
        Path(f"breakeven-answers-{number}.yaml").mkdir()
    said = broken_off("no", "^C")
    assert "Your answers, to be put into a file:\n\n# Is this a prototype" in said
    assert said.endswith("is_prototype: no\n")


# In a pipe


def test_lines_when_piped_in_answer_one_question_each() -> None:
    found = talk("?", "no", "maybe", "no", "50", terminal=False)
    assert found.given == {"is_prototype": False, "has_ml_engineering": False, "labeled_examples": 50}
    assert "Change one?" not in found.shown
    assert "yes or no [no] > no\n" in found.shown


def test_lines_when_they_end_leave_the_other_questions_open() -> None:
    found = talk("no", "yes", terminal=False)
    assert found.given == {"is_prototype": False, "has_ml_engineering": True}
    assert "left open" in found.shown


def test_answers_of_a_file_when_nothing_is_piped_in_decide() -> None:
    found = talk(answers=case(is_prototype=False, has_ml_engineering=True), terminal=False)
    assert found.given == {"is_prototype": False, "has_ml_engineering": True}


def test_conversation_when_interrupted_in_a_pipe_keeps_the_answers() -> None:
    with pytest.raises(Interrupted):
        talk("no", "^C", terminal=False)
    assert kept(DEFAULT_FILE).given.keys() == {"is_prototype"}


# The command


def run(*arguments: str, typed: str | None = "", folder: Path) -> subprocess.CompletedProcess[str]:
    """The command without a terminal."""
    command = [sys.executable, str(ROOT / "cli.py"), *arguments]
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        out, err = process.communicate(typed)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def test_command_when_lines_are_piped_in_prints_the_report_of_the_same_case_file(tmp_path: Path) -> None:
    asked = run("ask", "--save", "mine.yaml", typed="no\nno\n50\n", folder=tmp_path)
    recommended_from_file = run("recommend", "mine.yaml", folder=tmp_path)
    assert (asked.returncode, recommended_from_file.returncode) == (0, 0)
    assert asked.stdout == recommended_from_file.stdout
    assert "Is this a prototype" in asked.stderr


def test_command_when_given_answers_and_no_input_decides_with_them(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("is_prototype: yes\n", encoding="utf-8")
    asked = run("ask", "--answers", "mine.yaml", "--format", "json", folder=tmp_path)
    assert asked.returncode == 0
    assert '"approach": "few_shot"' in asked.stdout


def test_command_when_the_answers_hold_a_mistake_refuses_them_by_line(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("is_prototype: perhaps\n", encoding="utf-8")
    asked = run("ask", "--answers", "mine.yaml", folder=tmp_path)
    assert asked.returncode == 2
    assert asked.stderr.startswith("mine.yaml:1: is_prototype: expected yes or no")


@dataclass(slots=True)
class Terminal:
    """A process at a pseudo-terminal, and all that it has shown so far."""

    process: subprocess.Popen[bytes]
    end: int
    shown: str = ""

    def wait_for(self, words: str, *, seconds: float = 60) -> None:
        """Read until some words have come up after what was waited for last."""
        until = time.monotonic() + seconds
        while words not in " ".join(self.shown.split()):
            assert time.monotonic() < until, f"{words!r} never came up in {self.shown!r}"
            self._read(0.2)
        self.shown = ""

    def type(self, text: str) -> None:
        os.write(self.end, text.encode())

    def finish(self, *, seconds: float = 60) -> tuple[int, str]:
        """The exit status and what was shown since."""
        until = time.monotonic() + seconds
        while self._read(0.2) and time.monotonic() < until:
            pass
        return self.process.wait(timeout=seconds), self.shown

    def _read(self, seconds: float) -> bool:
        """Take in what has come; False where nothing can come any more."""
        ready, _, _ = select.select([self.end], [], [], seconds)
        if not ready:
            return self.process.poll() is None
        try:
            chunk = os.read(self.end, 65_536)
        except OSError:
            return False
        self.shown += re.sub(r"\x1b\[[0-9;]*m", "", chunk.decode("utf-8", "replace"))
        return bool(chunk)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """The command `ask` at a terminal of its own."""
    ours, theirs = pty.openpty()
    command = [sys.executable, str(ROOT / "cli.py"), "ask"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, close_fds=True
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(ours)


def test_command_at_a_terminal_when_questions_are_answered_shows_the_report(terminal: Terminal) -> None:
    terminal.wait_for("Is this a prototype or proof of concept?")
    terminal.type("?\n")
    terminal.wait_for("Source: C65")
    terminal.type("no\n")
    terminal.wait_for("keep it running?")
    terminal.type("no\n")
    terminal.wait_for("How many labelled examples do you have?")
    terminal.type("2k\n")
    terminal.wait_for("Change one?")
    terminal.type("\n")
    status, shown = terminal.finish()
    assert status == 0
    assert "few-shot prompting" in shown.lower()


def test_command_at_a_terminal_when_interrupted_keeps_the_answers(terminal: Terminal, tmp_path: Path) -> None:
    terminal.wait_for("Is this a prototype or proof of concept?")
    terminal.type("no\n")
    terminal.wait_for("keep it running?")
    os.killpg(terminal.process.pid, signal.SIGINT)
    status, shown = terminal.finish()
    assert status == 130
    assert f"breakeven ask --answers {DEFAULT_FILE} --save {DEFAULT_FILE}" in " ".join(shown.split())
    assert kept(tmp_path / DEFAULT_FILE).given == {"is_prototype": Given("is_prototype", value=False)}
