"""A page of the documentation that is followed to the letter: its edits made, its commands run, their output compared.

A paragraph that ends in "In FILE, change" and the next that ends in "to" stand before the text that is replaced and
the one that replaces it. Text after "at the end of FILE:" is appended, text after any other "FILE:" is a file of its
own. A ``console`` block holds commands with what they print, where a line that is only ``…`` stands for any lines and
``…`` within a line for the rest of a word or sentence; "exit status" N in the paragraph before is what they end with.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from click.testing import CliRunner, Result
from markdown_it import MarkdownIt

from cli import main


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block, and the paragraph before it on one line."""

    info: str
    text: str
    before: str
    line: int


@dataclass(slots=True)
class Section:
    """What stands under one heading, sections below it left out."""

    heading: str
    fences: list[Fence] = field(default_factory=list)
    tables: list[list[dict[str, str]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Edit:
    """New text for a file: in place of what was there, after it, or as all of it."""

    file: str
    new: str
    old: str | None = None
    append: bool = False

    def apply(self, folder: Path) -> None:
        path = folder / self.file
        if self.append:
            path.write_text(path.read_text(encoding="utf-8") + self.new, encoding="utf-8")
        elif self.old is None:
            assert not path.exists(), f"{self.file} is there already"
            path.write_text(self.new, encoding="utf-8")
        else:
            text = path.read_text(encoding="utf-8")
            assert text.count(self.old) == 1, f"{self.old!r} is not once in {self.file}"
            path.write_text(text.replace(self.old, self.new), encoding="utf-8")


_CHANGE = re.compile(r"[Ii]n `(?P<file>[^`]+)`, change$")
_APPEND = re.compile(r"at the end of `(?P<file>[^`]+)`:$")
_SAVE = re.compile(r"`(?P<file>[^`]+\.yaml)`:$")
_STATUS = re.compile(r"exit status (?:is )?(?:again )?(?P<status>\d)")


def sections_of(document: Path) -> dict[str, Section]:
    """The sections of a page by their headings."""
    return {section.heading: section for section in _sections(document)}


def _sections(document: Path) -> Iterator[Section]:
    tokens = MarkdownIt("commonmark").enable("table").parse(document.read_text(encoding="utf-8"))
    section, before = Section(""), ""
    rows: list[list[str]] = []
    for token, following in pairwise(tokens):
        if token.type == "heading_open":
            yield section
            section = Section(following.content)
        elif token.type == "paragraph_open":
            before = following.content.replace("\n", " ")
        elif token.type == "fence":
            section.fences.append(Fence(token.info, token.content, before, (token.map or [0])[0] + 1))
            before = ""
        elif token.type == "table_open":
            rows = []
        elif token.type == "tr_open":
            rows.append([])
        elif token.type in {"th_open", "td_open"}:
            rows[-1].append(following.content)
        elif token.type == "table_close":
            head, *body = rows
            section.tables.append([dict(zip(head, row, strict=True)) for row in body])
    yield section


def edits(section: Section) -> list[Edit]:
    """The edits of one section, in order."""
    return [step for step in steps(section) if isinstance(step, Edit)]


def steps(section: Section) -> Iterator[Edit | Fence]:
    """Edits, and blocks of commands and programs, in the order of the page."""
    changed: tuple[str, str] | None = None
    for fence in section.fences:
        if fence.info in {"console", "python"}:
            yield fence
        elif fence.info == "yaml" and (found := _CHANGE.search(fence.before)):
            changed = found["file"], fence.text
        elif fence.info == "yaml" and changed and fence.before == "to":
            yield Edit(changed[0], fence.text, old=changed[1])
            changed = None
        elif fence.info == "yaml" and (found := _APPEND.search(fence.before)):
            yield Edit(found["file"], fence.text, append=True)
        elif fence.info == "yaml" and (found := _SAVE.search(fence.before)):
            yield Edit(found["file"], fence.text)
    assert changed is None, f"{section.heading}: what is changed is not said to become anything"


def run(command: str) -> Result:
    """What a command of ``breakeven`` does."""
    return CliRunner().invoke(main, shlex.split(command.removeprefix("breakeven ")), prog_name="breakeven")


def compare(fence: Fence, variables: Mapping[str, str] | None = None) -> None:
    """Run the commands of a console block, and hold what they print to what the page shows.

    Args:
        fence: the block.
        variables: what stands for a word such as ``$ID`` in a command.
    """
    status = _STATUS.search(fence.before)
    for command_and_output in re.split(r"^\$ ", fence.text, flags=re.MULTILINE)[1:]:
        prompt, _, expected = command_and_output.partition("\n")
        command, _, most = prompt.partition(" | head -n ")
        for word, value in (variables or {}).items():
            command = command.replace(word, value)
        result = run(command)
        lines = result.output.splitlines()
        output = "".join(f"{line}\n" for line in (lines[: int(most)] if most else lines))
        where = f"line {fence.line}: {command} printed\n{output}"
        assert result.exit_code == int(status["status"] if status else 0), where
        assert re.fullmatch("".join(map(_pattern, expected.splitlines())), output), where


def _pattern(line: str) -> str:
    return r"(?:.*\n)*?" if line == "…" else ".*?".join(map(re.escape, line.split("…"))) + r"\n"
