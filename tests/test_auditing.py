"""Follows docs/auditing.md (see tests/walk.py): an auditor with the database and the command, from top to bottom."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cases import ROOT
from tests.walk import Edit, compare, run, sections_of, steps

DOCUMENT = ROOT / "docs" / "auditing.md"
SECTIONS = sections_of(DOCUMENT)
#: Which command answers which of an auditor's questions.
QUESTIONS = {
    "which rule, which facts, from where, under which rules": "audit show",
    "is it untouched": "audit verify",
    "does it come out again": "audit replay",
    "why": "why",
    "why nothing else": "why-not",
    "what would change it": "flips",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as the reader has it at the beginning, with nothing of the user's own settings."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    for variable in ("BREAKEVEN_RULES", "BREAKEVEN_RECORD", "BREAKEVEN_WHO", "BREAKEVEN_CONFIG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    setting = re.search(r"^export (BREAKEVEN_STORE)=(\S+)$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert setting is not None
    monkeypatch.setenv(setting[1], setting[2])
    return tmp_path


def test_walk_when_followed_from_top_to_bottom_prints_what_the_page_shows(folder: Path) -> None:
    variables: dict[str, str] = {}
    done = 0
    for step in (step for section in SECTIONS.values() for step in steps(section)):
        if isinstance(step, Edit):
            step.apply(folder)
        elif step.info == "python":
            subprocess.run([sys.executable, "-c", step.text], cwd=folder, check=True)
        else:
            if "$ID" in step.text and not variables:
                variables["$ID"] = _found()
            compare(step, variables)
            done += 1
    assert done == sum(fence.info == "console" for section in SECTIONS.values() for fence in section.fences)


def _found() -> str:
    """The id of the decision that the page's search has just found."""
    listed = json.loads(run("breakeven audit list --approach full_fine_tuning --format json").stdout)["records"]
    (one,) = listed
    found: str = one["id"]
    return found


@pytest.mark.parametrize("command", QUESTIONS.values(), ids=QUESTIONS)
def test_question_of_an_auditor_when_looked_for_has_its_command_on_the_page(command: str) -> None:
    consoles = [fence.text for section in SECTIONS.values() for fence in section.fences if fence.info == "console"]
    assert any(re.search(rf"^\$ breakeven {command} ", text, re.MULTILINE) for text in consoles)
