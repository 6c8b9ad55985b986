"""What ``rules test`` and ``rules coverage`` do: tests are read and run, and what came of it is put into text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.errors import BadInput, BreakevenError, Place, Problem
from engine.inference import EnginePool
from engine.knowledge import Knowledge
from engine.testing.choosing import chosen
from engine.testing.coverage import measure_coverage
from engine.testing.rule_reports import (
    CoverageFormat,
    CoverageReport,
    TestFormat,
    render_coverage,
    render_tests,
    report_on,
)
from engine.testing.rule_tests import files_of_tests, read_tests, run_tests
from engine.testing.suggest import suggest, suggestions_as_yaml, with_proofs
from engine.testing.watching import watch


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command prints, and its exit status: 0 done, 1 where the check found something."""

    text: str
    exit_status: int


def run_decision_tests(
    knowledge: Knowledge,
    output_format: TestFormat = "text",
    *,
    choice: str | None = None,
    width: int | None = None,
    colour: bool = False,
) -> Finished:
    """Run the decision tests beside the rules.

    Args:
        knowledge: the base and, in its folder ``tests``, its tests.
        output_format: "text", "json" or "junit".
        choice: which tests, such as ``volume and not team``; None: all of them.
        width: columns of the text; by default the terminal's own.
        colour: whether the text may use colours and bold type.

    Raises:
        BadInput: the tests or the choice cannot be read.
    """
    tests = read_tests(knowledge)
    meant = tests if choice is None else chosen(tests, choice)
    report = report_on(run_tests(meant, EnginePool(knowledge)), left_out=len(tests) - len(meant))
    return Finished(render_tests(report, output_format, width=width, colour=colour), report.exit_status)


def run_coverage(
    knowledge: Knowledge,
    output_format: CoverageFormat = "text",
    *,
    fail_under: float | None = None,
    width: int | None = None,
    colour: bool = False,
) -> Finished:
    """Measure what the decision tests beside the rules exercise of them.

    Args:
        knowledge: the base and, in its folder ``tests``, its tests.
        output_format: "text", "json" or "html".
        fail_under: percentage that rows, condition sides, MC/DC and values must each reach.
        width: columns of the text; by default the terminal's own.
        colour: whether the text may use colours and bold type.

    Raises:
        BadInput: the tests cannot be read.
    """
    pool = EnginePool(knowledge)
    results = list(run_tests(read_tests(knowledge), pool))
    coverage = with_proofs(measure_coverage(knowledge, results), pool)
    failing = sum(result.word == "failed" for result in results)
    report = CoverageReport(coverage, fail_under, failing)
    return Finished(render_coverage(report, output_format, width=width, colour=colour), report.exit_status)


def suggest_tests(knowledge: Knowledge, output: Path | None = None) -> Finished:
    """Tests for what no test shows yet, as YAML to be confirmed.

    Args:
        knowledge: the base and, in its folder ``tests``, its tests.
        output: the file they are to be written to; what it holds of the tests is taken as not there.

    Raises:
        BadInput: the tests cannot be read, or the file holds some that somebody has confirmed.
    """
    tests = read_tests(knowledge)
    if output is not None:
        replaced = {shown for path, shown in files_of_tests(knowledge) if path.resolve() == output.resolve()}
        if any(test.confirmed and test.place.file in replaced for test in tests):
            hint = "Name another file, such as suggested.yaml, and keep confirmed tests out of it"
            raise BadInput([Problem(Place(str(output)), "holds tests that somebody has confirmed", hint=hint)])
        tests = tuple(test for test in tests if test.place.file not in replaced)
    suggestions = suggest(tests, EnginePool(knowledge))
    return Finished(suggestions_as_yaml(suggestions, knowledge, taken=[test.name for test in tests]), 0)


def watch_tests(
    directory: Path,
    load: Callable[[], Knowledge],
    show: Callable[[str], None],
    *,
    choice: str | None = None,
    width: int | None = None,
    colour: bool = False,
    wait: Callable[[float], None] | None = None,
) -> None:
    """Run the decision tests now and after each change of a file of the base, until Ctrl-C.

    Args:
        directory: the folder of the base.
        load: reads the base anew.
        show: takes the text of each run; problems of the files are shown and do not end the watch.
        choice: as for ``run_decision_tests``.
        width: as for ``run_decision_tests``.
        colour: as for ``run_decision_tests``.
        wait: waits so many seconds between two looks at the files.
    """

    def act() -> None:
        try:
            show(run_decision_tests(load(), choice=choice, width=width, colour=colour).text)
        except BadInput as error:
            show("".join(f"{problem}\n" for problem in error.problems))
        except BreakevenError as error:
            show(f"Error: {error}\n")
        show(f"Watching {directory}; Ctrl-C ends it.\n")

    if wait is None:
        watch(directory, act)
    else:
        watch(directory, act, wait=wait)
