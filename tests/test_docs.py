"""The documentation shows the real thing: outputs, schemas and every command's help."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli import main

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))


COMMANDS = dict(_commands(main))


def test_generated_documents_when_compared_with_the_real_thing_are_current() -> None:
    checked = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout) == (0, "")


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_when_asked_says_what_it_does_with_an_example(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    assert command.help
    if not isinstance(command, click.Group):
        assert f"breakeven {' '.join(path)}" in command.help


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_option_when_listed_is_explained(path: tuple[str, ...]) -> None:
    unexplained = [
        option.name for option in COMMANDS[path].params if isinstance(option, click.Option) and not option.help
    ]
    assert set(unexplained) <= {"report_format", "graph_format"}


def test_readme_when_opened_shows_a_command_and_its_output_on_the_first_screen() -> None:
    lines = README.splitlines()
    assert any(line.startswith("make demo") for line in lines[:20])
    assert len(lines) <= 200


def test_links_of_the_readme_when_followed_lead_to_files() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_python_of_the_readme_when_run_prints_what_it_says() -> None:
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert code is not None
    expected = re.findall(r"#\s*(\w+)\s*$", code[1], re.MULTILINE)
    run = subprocess.run([sys.executable, "-c", code[1]], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == expected


@pytest.mark.parametrize("document", [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"], ids=lambda p: p.name)
def test_documents_when_read_name_only_commands_that_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    known = {" ".join(path) for path in COMMANDS}
    named = re.findall(r"^(?:\$ )?breakeven ((?:rules )?[a-z-]+)", text, re.MULTILINE)
    assert [name for name in named if name not in known] == []
