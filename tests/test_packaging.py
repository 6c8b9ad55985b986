"""Builds the package, installs it where nothing else is, and uses it away from the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import __version__, resources

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "case-2-insurance-claims.yaml"
APPROACHES = {"prompt_engineering", "few_shot", "lora", "full_fine_tuning", "hybrid"}

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> str:
    """What the command prints on standard output; it must succeed.

    It sees nothing of the environment that leads back to the checkout.
    """
    hidden = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "BREAKEVEN_RULES")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution as an installer would that has only that."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of a virtual environment that holds the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", folder, cwd=folder)
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", wheel, cwd=folder)
    return folder / "bin"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder that holds one case and nothing else."""
    shutil.copy(EXAMPLE, tmp_path / "case.yaml")
    return tmp_path


def _files_below(*folders: Path) -> set[str]:
    return {
        f"engine/_bundled/{path.relative_to(ROOT).as_posix()}"
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_wheel_when_built_holds_the_vocabulary_and_templates(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "engine/_bundled/rules/facts.yaml" in names
    assert any(name.startswith("engine/_bundled/templates/") for name in names)


def test_wheel_when_built_holds_every_rule_and_template_of_the_checkout(wheel: Path) -> None:
    bundled = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("engine/_bundled/")}
    assert bundled == _files_below(ROOT / "rules", ROOT / "templates")


def test_wheel_when_built_puts_only_its_own_names_at_the_top(wheel: Path) -> None:
    top = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert top == {"cli.py", "engine", f"breakeven-{__version__}.dist-info"}


@pytest.mark.parametrize(
    ("found", "folder"), [(resources.rules_directory, "rules"), (resources.templates_directory, "templates")]
)
def test_resources_when_run_from_a_checkout_are_its_own_folders(found: Callable[[], Path], folder: str) -> None:
    assert found() == ROOT / folder


@pytest.mark.parametrize("folder", ["rules", "templates"])
def test_resources_when_installed_come_with_the_package(installed: Path, elsewhere: Path, folder: str) -> None:
    code = f"from engine import resources; print(resources.{folder}_directory())"
    printed = Path(run(installed / "python", "-c", code, cwd=elsewhere).strip())
    assert printed.parts[-3:] == ("engine", "_bundled", folder)
    assert printed.is_relative_to(installed.parent)


def test_version_when_installed_is_that_of_the_checkout(installed: Path, elsewhere: Path) -> None:
    assert __version__ in run(installed / "breakeven", "--version", cwd=elsewhere).split()
    assert __version__ in run(sys.executable, ROOT / "cli.py", "--version", cwd=elsewhere).split()


def test_case_when_decided_by_the_installed_command_gets_the_checkouts_answer(installed: Path, elsewhere: Path) -> None:
    arguments = ("recommend", "case.yaml", "--format", "json")
    away = json.loads(run(installed / "breakeven", *arguments, cwd=elsewhere))
    here = json.loads(run(sys.executable, ROOT / "cli.py", *arguments, cwd=elsewhere))
    assert away["recommendation"]["approach"] in APPROACHES
    assert away["recommendation"] == here["recommendation"]
    assert away["knowledge_base"] == here["knowledge_base"]


def test_html_report_when_charts_are_not_installed_says_how_to_get_them(installed: Path, elsewhere: Path) -> None:
    assert "breakeven[charts]" in run(
        installed / "breakeven", "recommend", "case.yaml", "--format", "html", cwd=elsewhere
    )
