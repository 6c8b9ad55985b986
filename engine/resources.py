"""Where the built-in rules and the templates are: inside an installed package, beside a checkout's."""

from __future__ import annotations

from pathlib import Path

_ENGINE = Path(__file__).resolve().parent


def rules_directory() -> Path:
    """The folder of the built-in knowledge base.

    Raises:
        FileNotFoundError: the installation lacks it.
    """
    return _directory("rules")


def templates_directory() -> Path:
    """The folder of the report and page templates.

    Raises:
        FileNotFoundError: the installation lacks it.
    """
    return _directory("templates")


def _directory(name: str) -> Path:
    for folder in (_ENGINE / "_bundled" / name, _ENGINE.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"{name}/ is neither in {_ENGINE / '_bundled'} nor in {_ENGINE.parent}; install again")
