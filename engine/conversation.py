"""The guided questionnaire as a conversation: reads one line an answer, prints questions, keeps the answers.

At a terminal a person answers; without one every line that is piped in answers the next question, and
where the lines end the questions that are left stay open. Nothing but the report belongs on standard
output then, so that the questions go to standard error.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from engine.case import Case, Given, parse_number
from engine.case_file import case_to_yaml
from engine.declarations import FactDeclaration
from engine.errors import BadInput
from engine.escape import printable
from engine.inference import EnginePool
from engine.knowledge import Knowledge
from engine.questionnaire import Questionnaire, Step, read_answer
from engine.resources import rules_directory
from engine.source import write_text_atomically
from engine.wording import label, show_name

#: Where answers are kept when a conversation is broken off and no file was named.
DEFAULT_FILE = "breakeven-answers.yaml"
#: No answer that people type is longer.
_LONGEST_ANSWER = 300
_WIDEST = 88
_INDENT = "   "
_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"
#: What keys such as the arrows send.
_KEYS = re.compile(r"\x1b(?:[\[O][0-9;?]*[ -/]*[@-~]|.)?")
_DO_NOT_KNOW = ("-", "–", "—", "unknown", "don't know", "dont know", "do not know")
_LEAVE = ("q", "quit", "exit", "stop", "abort")

#: What a person wants at a question; "enter" is a line without text.
Wish = Literal["help", "unknown", "back", "decide", "enter", "answer"]
_WISHES: dict[str, Wish] = {"?": "help", "help": "help", "<": "back", "back": "back", ".": "decide", "": "enter"}


class Interrupted(Exception):
    """The conversation was broken off; the message says where the answers are and how to go on."""


class _LinesEnded(Exception):
    """There is nothing more to read."""


def converse(
    knowledge: Knowledge,
    pool: EnginePool,
    *,
    answers: Case | None = None,
    save: Path | None = None,
    source: TextIO | None = None,
    screen: TextIO | None = None,
    terminal: bool | None = None,
) -> Case:
    """The case that the answers to the questions make.

    Args:
        knowledge: the base that is to decide.
        pool: engines of the same base.
        answers: where to start from.
        save: the case file that keeps every answer as soon as it is given.
        source: where answers are read; standard input by default.
        screen: where questions are written; by default standard output at a terminal, else standard error.
        terminal: whether a person answers; by default whether the source is a terminal.

    Raises:
        Interrupted: it was broken off at a terminal, or by Ctrl-C; the answers are kept.
        BadInput: the file to save cannot be written.
        InferenceError: rules of the base contradict each other.
    """
    lines = source if source is not None else _standard_input()
    at_terminal = lines.isatty() if terminal is None else terminal
    screen = screen if screen is not None else _standard_screen(at_terminal=at_terminal)
    name = save.stem if save else answers.name if answers else "answers"
    start = Case(name, dict(answers.given) if answers else {}, answers.file if answers else None)
    conversation = _Conversation(knowledge, Questionnaire(pool, start), _Screen(screen), lines, save, at_terminal)
    try:
        return conversation.run()
    except KeyboardInterrupt:
        raise conversation.interrupted() from None


def _standard_input() -> TextIO:
    """Standard input, empty where the process has none; what is no text is shown as such."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    return sys.stdin if sys.stdin is not None else io.StringIO()


def _standard_screen(*, at_terminal: bool) -> TextIO:
    return sys.stdout if at_terminal and sys.stdout.isatty() else sys.stderr


# What is written


@dataclass(frozen=True, slots=True)
class _Screen:
    """Writes paragraphs that fit the terminal and hold nothing that would act on it."""

    stream: TextIO

    @property
    def width(self) -> int:
        return max(40, min(shutil.get_terminal_size().columns - 1, _WIDEST))

    @property
    def has_colour(self) -> bool:
        return self.stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"

    def say(self, text: str, *, first: str = "", then: str | None = None, style: str = "") -> None:
        """One paragraph; the lines after the first begin with ``then``."""
        wrapped = textwrap.wrap(
            printable(text),
            self.width,
            initial_indent=first,
            subsequent_indent=" " * len(first) if then is None else then,
            break_on_hyphens=False,
        )
        for line in wrapped:
            self.write(f"{style}{line}{_PLAIN}\n" if style and self.has_colour else f"{line}\n")

    def gap(self) -> None:
        self.write("\n")

    def prompt(self, text: str, *, first: str = "") -> None:
        self.write(f"{first}{printable(text)} ")
        self.stream.flush()

    def write(self, text: str) -> None:
        encoding = getattr(self.stream, "encoding", None) or "utf-8"
        self.stream.write(text.encode(encoding, "replace").decode(encoding))


# What is said


class _Conversation:
    def __init__(
        self,
        knowledge: Knowledge,
        questionnaire: Questionnaire,
        screen: _Screen,
        lines: TextIO,
        save: Path | None,
        terminal: bool,
    ) -> None:
        self.knowledge = knowledge
        self.questionnaire = questionnaire
        self.screen = screen
        self.lines = lines
        self.save = save
        self.terminal = terminal
        self.started_with = questionnaire.case
        self.shown_possible: Sequence[str] | None = None

    def run(self) -> Case:
        """Ask until nothing more can change the recommendation or enough is said."""
        self.greet()
        while True:
            decided_early = self.ask_all()
            if not self.review(decided_early=decided_early):
                return self.questionnaire.case

    def greet(self) -> None:
        if not self.terminal:
            return
        given = len(self.started_with.given)
        if given:
            file = f" in {self.started_with.file}" if self.started_with.file else ""
            self.screen.say(f"Going on from the {_counted(given, 'answer')}{file}.")
        self.screen.say(
            "Answer as far as you can. ? explains a question, - means you do not know, < goes back, . decides now "
            "with what is assumed for the rest, and Ctrl-C stops and keeps your answers."
        )

    def ask_all(self) -> bool:
        """Ask question by question; True where it was decided before all were settled."""
        while (step := self.questionnaire.step()).question is not None:
            if not self.ask(step, step.question):
                return True
        return False

    def ask(self, step: Step, name: str) -> bool:
        """Ask one question until it is answered or taken back; False where it is to be decided now."""
        fact = self.knowledge.facts[name]
        default = self.default(name)
        self.show_question(step, fact)
        while True:
            try:
                line = self.read_line(_prompt(fact, default))
            except _LinesEnded:
                return self.lines_ended()
            match _wish(line, fact):
                case "help":
                    self.explain(name, fact, default)
                case "back":
                    if self.questionnaire.back():
                        self.keep()
                        return True
                    self.screen.say("There is no question before this one.", first=_INDENT)
                case "decide":
                    return False
                case "enter" if default is None:
                    self.screen.say(
                        "Type an answer, - if you do not know it, or ? to have it explained.", first=_INDENT
                    )
                case "unknown" | "enter":
                    self.take(Given(name, None), default)
                    return True
                case _:
                    given = self.understood(line, name)
                    if given is not None:
                        self.take(given, default)
                        return True

    def lines_ended(self) -> bool:
        """At a terminal the person left; otherwise nothing more is known.

        Raises:
            Interrupted: at a terminal.
        """
        if self.terminal:
            raise self.interrupted()
        return False

    def understood(self, line: str, name: str) -> Given | None:
        """The answer that a line gives; None after saying what is wrong with it."""
        try:
            return read_answer(line, name, self.knowledge.facts)
        except BadInput as error:
            for problem in error.problems:
                self.screen.say(_capitalised(problem.sentences), first=_INDENT)
            if line.lower() in _LEAVE:
                self.screen.say(
                    "To stop, press Ctrl-C: your answers are kept. To decide now, type a dot.", first=_INDENT
                )
            return None

    def take(self, given: Given, default: str | None) -> None:
        self.questionnaire.answer(given)
        self.keep()
        fact = self.knowledge.facts[given.name]
        if given.value is None:
            assumed = default or fact.stands_in
            self.screen.say(f"Left open; assumed: {assumed}." if assumed else "Left open.", first=_INDENT, style=_DIM)
        elif fact.type in ("number", "integer"):
            self.screen.say(self.shown(given), first=f"{_INDENT}= ", style=_DIM)

    # -- one question --------------------------------------------------------------------------------

    def show_question(self, step: Step, fact: FactDeclaration) -> None:
        self.screen.gap()
        self.show_possible(step)
        number = sum(bool(self.knowledge.facts[given].question) for given in self.questionnaire.case.given) + 1
        self.screen.say(fact.question or f"{_capitalised(fact.title)}?", first=f"{number}. ", style=_BOLD)
        if fact.why:
            self.screen.say(fact.why, first=_INDENT)
        for index, (choice, title) in enumerate((fact.choices or {}).items(), 1):
            self.screen.say(f"{choice}: {title}" if title != choice else choice, first=f"{_INDENT}{index:2} ")

    def show_possible(self, step: Step) -> None:
        """The recommendations that can still come out, where that is news."""
        titles = self.titles(step)
        if titles and titles != self.shown_possible:
            now = f" As it stands: {self.title(step.now)}." if step.now else ""
            self.screen.say(f"Still possible ({len(titles)}): {', '.join(titles)}.{now}", style=_DIM)
            self.screen.gap()
            self.shown_possible = titles

    def titles(self, step: Step) -> list[str]:
        """The recommendations that can still come out, in the base's order."""
        output = self.knowledge.manifest.recommends
        if output is None:
            return []
        values = self.knowledge.decisions[self.knowledge.decision_of[output]].outputs[output]
        return [self.title(value) for value in values if value in step.outcomes]

    def title(self, approach: str) -> str:
        return label(self.knowledge, self.knowledge.manifest.recommends or "", approach)

    def explain(self, name: str, fact: FactDeclaration, default: str | None) -> None:
        """Help, how to answer, what is assumed otherwise, and where the question comes from."""
        if fact.help:
            self.screen.say(fact.help, first=_INDENT)
        if fact.type in ("number", "integer"):
            self.screen.say("A range is fine too, such as 40k-60k.", first=_INDENT)
        if default is not None:
            source = f" ({fact.default_source})" if fact.default_source else ""
            self.screen.say(f"Enter leaves it open, and {default} is assumed{source}.", first=_INDENT)
        elif fact.stands_in:
            self.screen.say(f"Where you do not know it, this is used: {fact.stands_in}.", first=_INDENT)
        else:
            self.screen.say("Where you do not know it, it stays unknown.", first=_INDENT)
        self.screen.say(f"Source: {fact.source}. In a case file: {name}", first=_INDENT)

    def default(self, name: str) -> str | None:
        """What is assumed for a question that is left open, as people read it."""
        value = self.questionnaire.default(name)
        return None if value is None else show_name(self.knowledge, name, value)

    def shown(self, given: Given) -> str:
        """An answer as people read it."""
        if given.value is None:
            return "not known"
        if given.low is not None and given.high is not None:
            low, high = (show_name(self.knowledge, given.name, end) for end in (given.low, given.high))
            return f"{low} to {high}"
        return show_name(self.knowledge, given.name, given.value)

    # -- at the end ----------------------------------------------------------------------------------

    def review(self, *, decided_early: bool) -> bool:
        """Show all answers; True where one is to be changed."""
        given = list(self.questionnaire.case.given.values())
        self.screen.gap()
        if given:
            self.screen.say("Your answers", style=_BOLD)
            self.show_answers(given)
        self.say_why_it_ends(decided_early=decided_early)
        if not self.terminal or not given:
            self.screen.gap()
            return False
        changed = self.change_one(given)
        if not changed:
            self.screen.gap()
        return changed

    def show_answers(self, answers: Iterable[Given]) -> None:
        rows = [(self.knowledge.facts[given.name].title, self.review_of(given)) for given in answers]
        longest = min(max(len(printable(title)) for title, _ in rows), self.screen.width // 2)
        for index, (title, answer) in enumerate(rows, 1):
            self.screen.say(answer, first=f"{index:4} {printable(title):{longest}} ")

    def review_of(self, given: Given) -> str:
        assumed = self.default(given.name) or self.knowledge.facts[given.name].stands_in
        if given.value is None:
            return f"not known; assumed: {assumed}" if assumed else "not known"
        return f"{self.shown(given)} ({given.origin})" if given.origin != "answered" else self.shown(given)

    def say_why_it_ends(self, *, decided_early: bool) -> None:
        facts = self.knowledge.facts.items()
        left = sum(bool(fact.question) and name not in self.questionnaire.case.given for name, fact in facts)
        if not left:
            return
        questions = _counted(left, "question")
        if decided_early:
            self.screen.say(f"{questions} left open; the report says what is assumed for them.")
        else:
            self.screen.say(f"{questions} not asked: no answer to them can change the recommendation.")

    def change_one(self, answers: Sequence[Given]) -> bool:
        """Ask which answer to change; False where none is."""
        while True:
            try:
                line = self.read_line("Change one? Its number, or Enter for the recommendation >")
            except _LinesEnded:
                return False
            if line in ("", "."):
                return False
            if line == "<" and self.questionnaire.back():
                self.keep()
                return True
            if line.isascii() and line.isdigit() and 0 < int(line) <= len(answers):
                self.questionnaire.reopen(answers[int(line) - 1].name)
                return True
            self.screen.say(f"Type a number from 1 to {len(answers)}, or nothing.", first=_INDENT)

    # -- reading and keeping -------------------------------------------------------------------------

    def read_line(self, prompt: str) -> str:
        """The next line without anything that only acts on a screen.

        Raises:
            _LinesEnded: there is none.
        """
        while True:
            self.screen.prompt(prompt, first=_INDENT)
            line = self.lines.readline(_LONGEST_ANSWER + 1)
            if not line:
                self.screen.gap()
                raise _LinesEnded
            if not line.endswith("\n") and len(line) > _LONGEST_ANSWER:
                self.skip_rest_of_line()
                self.screen.say(f"That is too long; an answer has at most {_LONGEST_ANSWER} characters.", first=_INDENT)
                continue
            text = _cleaned(line)
            if not self.terminal:
                # Nobody sees what is piped in.
                self.screen.write(f"{text}\n")
            return text

    def skip_rest_of_line(self) -> None:
        while (rest := self.lines.readline(4096)) and not rest.endswith("\n"):
            pass

    def keep(self) -> None:
        if self.save is not None:
            write_text_atomically(self.save, case_to_yaml(self.questionnaire.case, self.knowledge.facts))

    def interrupted(self) -> Interrupted:
        """Keep the answers, and say how to go on."""
        case = self.questionnaire.case
        if not case.given:
            return Interrupted("\nNothing was answered, so nothing is kept.")
        if self.save is None and case.given == self.started_with.given and case.file:
            return Interrupted(f"\nNothing new was answered. Go on with:\n  {self.command(Path(case.file))}")
        file = self.save or self.unused_file()
        text = case_to_yaml(case, self.knowledge.facts)
        try:
            write_text_atomically(file, text)
        except BadInput as error:
            return Interrupted(f"\n{error}\nYour answers, to be put into a file:\n\n{text}")
        kept = f"{_capitalised(_counted(len(case.given), 'answer'))} kept in {file}."
        return Interrupted(f"\n{kept} Go on with:\n  {self.command(file)}")

    def unused_file(self) -> Path:
        """The default file, the one that was gone on from, or else the first that is not taken."""
        names = [DEFAULT_FILE, *(f"breakeven-answers-{number}.yaml" for number in range(2, 1_000))]
        return next(
            (Path(name) for name in names if name == self.started_with.file or not Path(name).exists()),
            Path(DEFAULT_FILE),
        )

    def command(self, file: Path) -> str:
        words = ["breakeven", "ask", "--answers", str(file), "--save", str(file)]
        if self.knowledge.directory.resolve() != rules_directory().resolve():
            words += ["--rules", str(self.knowledge.directory)]
        return shlex.join(words)


def _wish(line: str, fact: FactDeclaration) -> Wish:
    word = line.lower()
    if line in (fact.choices or ()):
        # A base may have a choice of that very word.
        return "answer"
    return "unknown" if word in _DO_NOT_KNOW else _WISHES.get(word, "answer")


def _cleaned(line: str) -> str:
    """The text of a line: keys that move the cursor and other invisible characters are dropped."""
    text = _KEYS.sub("", line).replace("\xa0", " ").replace("\t", " ")
    return "".join(character for character in text if character.isprintable()).strip()


def _prompt(fact: FactDeclaration, default: str | None) -> str:
    assumed = f" [{default}]" if default is not None else ""
    return f"{_takes(fact)}{assumed} >"


def _takes(fact: FactDeclaration) -> str:
    """How a question is answered, with an example."""
    if fact.type == "yes/no":
        return "yes or no"
    if fact.choices is not None:
        return "one of these, its number, or other words" if fact.open else "one of these, or its number"
    noun = "a whole number" if fact.type == "integer" else "a share" if fact.unit == "fraction" else "a number"
    example = parse_number(fact.example, fact.unit) if fact.example else None
    if example is None:
        return noun
    return f"{noun}, e.g. {example:,.10g}" + (f" or {100 * example:.4g}%" if fact.unit == "fraction" else "")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
