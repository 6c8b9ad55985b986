"""How long whole commands take, beside Python that only imports click."""

from __future__ import annotations

import compileall
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from benchmarks.measure import Times, interleaved, table
from benchmarks.stream import ONE_CASE

ROOT = Path(__file__).resolve().parent.parent
CLICK = 'python -c "import click"'
HEAVY = ("durable_rules_engine", "jinja2", "pydantic", "rich", "yaml")
_COMMAND = (sys.executable, "cli.py")
_LOADED = """
import runpy, sys
sys.argv = ["cli.py", "--help"]
try:
    runpy.run_path("cli.py", run_name="__main__")
except SystemExit:
    print(*sys.modules, file=sys.stderr)
"""


def show(rounds: int) -> None:
    """Measure and print."""
    _check()
    # As an installed command is: pip compiles what it installs, but not what it installs for editing.
    for path in ("engine", "benchmarks"):
        compileall.compile_dir(ROOT / path, quiet=2)
    compileall.compile_file(ROOT / "cli.py", quiet=2)
    with tempfile.TemporaryDirectory() as empty:
        recommend = (*_COMMAND, "recommend", str(ONE_CASE))
        bare = {"PYTHONPYCACHEPREFIX": empty, "PYTHONDONTWRITEBYTECODE": "1"}
        found = interleaved(
            {
                CLICK: [partial(_run, (sys.executable, "-c", "import click"))],
                "breakeven --help": [partial(_run, (*_COMMAND, "--help"))],
                "breakeven recommend CASE": [partial(_run, recommend)],
                "breakeven recommend CASE, nothing compiled": [partial(_run, recommend, bare)],
            },
            rounds,
        )
    print(
        table(
            ("a process, in ms", "median", "min", "max", "of click", "by the min"),
            [_row(*item, found) for item in found.items()],
        )
    )


def _row(name: str, times: Times, found: Mapping[str, Times]) -> tuple[str, ...]:
    numbers = (times.average(of) for of in (statistics.median, min, max))
    return (
        name,
        *(f"{seconds * 1e3:.1f}" for seconds in numbers),
        *(f"{times.ratio(found[CLICK], of):.2f}" for of in (statistics.median, min)),
    )


def _check() -> None:
    """The help loads nothing heavy, and the case is decided."""
    loaded = _run((sys.executable, "-c", _LOADED)).stderr.split()
    assert not set(HEAVY) & set(loaded), set(HEAVY) & set(loaded)
    report = _run((*_COMMAND, "recommend", str(ONE_CASE))).stdout
    assert "Full fine-tuning is recommended" in report, report


def _run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=True,
    )
