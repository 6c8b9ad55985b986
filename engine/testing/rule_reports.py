"""What tests and coverage of a knowledge base came to, for people and for machines.

The words are in ``templates/rules_*.j2``. What is here sorts results for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from engine import __version__, escape
from engine.json_text import json_document
from engine.knowledge import DecisionTable
from engine.pipeline import Outcome
from engine.report import console
from engine.templating import environment
from engine.testing.coverage import (
    DEMANDED,
    MEASURES,
    Coverage,
    Item,
    Measure,
    MeasureName,
    RowCoverage,
    ValueCoverage,
    rows_of,
    values_of,
)
from engine.testing.reasons import ReadRow, mark, row_behind, rows_behind, sums_behind
from engine.testing.rule_tests import (
    Difference,
    Expected,
    ExpectedFigure,
    TestResult,
    aggregate_of,
    concluded,
    figure_in_words,
    fired_rules,
    in_order,
)

if TYPE_CHECKING:
    from jinja2 import Environment

TestFormat = Literal["text", "json", "junit"]
CoverageFormat = Literal["text", "json", "html"]

_TITLES: Mapping[MeasureName, str] = {
    "rows": "rows fired",
    "conditions": "condition sides seen",
    "mcdc": "conditions that decide alone (MC/DC)",
    "values": "values reached",
    "boundaries": "cases at and beside thresholds",
}
_MARKS = {"passed": "✓", "failed": "✗", "to be confirmed": "?"}
#: A missing or impossible thing is told of at most so many times in the text; JSON and HTML hold all of them.
MOST_TOLD = 200


# -- tests ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToldDifference:
    """One expectation that was not met, with what explains it."""

    difference: Difference
    rows: tuple[ReadRow, ...]
    sums: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToldResult:
    """One test as the templates show it."""

    result: TestResult
    differences: tuple[ToldDifference, ...]

    @property
    def word(self) -> str:
        """The result in a word."""
        return self.result.word


@dataclass(frozen=True, slots=True)
class ToldFile:
    """The tests of one file."""

    name: str
    results: tuple[ToldResult, ...]

    @property
    def marks(self) -> str:
        """A sign for each test."""
        return "".join(_MARKS[told.result.word] for told in self.results)

    @property
    def failures(self) -> int:
        """How many failed."""
        return sum(told.result.word == "failed" for told in self.results)

    @property
    def unconfirmed(self) -> int:
        """How many nobody has confirmed."""
        return sum(told.result.word == "to be confirmed" for told in self.results)

    @property
    def seconds(self) -> float:
        """How long they took."""
        return sum(told.result.seconds for told in self.results)


@dataclass(frozen=True, slots=True)
class TestReport:
    """The outcome of a run of tests; ``left_out`` counts those that were not chosen."""

    __test__ = False  # not one of pytest's

    files: tuple[ToldFile, ...]
    left_out: int = 0

    @property
    def told(self) -> tuple[ToldResult, ...]:
        """Every result, file by file."""
        return tuple(told for file in self.files for told in file.results)

    def of(self, word: str) -> tuple[ToldResult, ...]:
        """The results that came out so."""
        return tuple(told for told in self.told if told.result.word == word)

    @property
    def seconds(self) -> float:
        """How long all of them took."""
        return sum(file.seconds for file in self.files)

    @property
    def exit_status(self) -> int:
        """0 where every test passed, 1 where one failed, is to be confirmed, or there is none."""
        return 0 if self.told and len(self.of("passed")) == len(self.told) else 1


def report_on(results: Iterable[TestResult], *, left_out: int = 0) -> TestReport:
    """The report of a run, file by file, every failure with what explains it."""
    files = [
        ToldFile(file, tuple(_told(result) for result in found))
        for file, found in groupby(results, key=lambda result: result.test.place.file)
    ]
    return TestReport(tuple(files), left_out)


def render_tests(
    report: TestReport, output_format: TestFormat, *, width: int | None = None, colour: bool = False
) -> str:
    """The report as text, JSON or JUnit's XML, ending with a newline."""
    if output_format == "json":
        return json_document(_tests_as_json(report))
    if output_format == "junit":
        return _environment("xml").get_template("rules_test.junit.j2").render(report=report, version=__version__)
    text = _environment("terminal").get_template("rules_test.txt.j2").render(report=report, mark=mark)
    return _laid_out(text, width, colour=colour)


def _told(result: TestResult) -> ToldResult:
    return ToldResult(result, tuple(_told_difference(result, one) for one in result.differences))


def _told_difference(result: TestResult, difference: Difference) -> ToldDifference:
    outcome = result.outcome
    if outcome is None:
        return ToldDifference(difference, (), ())
    match difference.about:
        case "conclusion":
            wanted = result.test.expects.conclusions[difference.subject]
            if isinstance(wanted, ExpectedFigure):
                # Every row has a part in the number.
                values = list(outcome.knowledge.decisions[difference.subject].outputs[difference.subject])
            else:
                values = [wanted] if isinstance(wanted, str) else sorted(wanted or ())
            return ToldDifference(difference, rows_behind(outcome, difference.subject, values), ())
        case "figure":
            return ToldDifference(difference, (), sums_behind(outcome, difference.subject))
        case _:
            return ToldDifference(difference, row_behind(outcome, difference.subject), ())


def _tests_as_json(report: TestReport) -> dict[str, Any]:
    return {
        "passed": len(report.of("passed")),
        "failed": len(report.of("failed")),
        "to_be_confirmed": len(report.of("to be confirmed")),
        "left_out": report.left_out,
        "tests": [_test_as_json(told) for told in report.told],
    }


def _test_as_json(told: ToldResult) -> dict[str, Any]:
    test, expects = told.result.test, told.result.test.expects
    return {
        "name": test.name,
        "file": test.place.file,
        "line": test.place.line,
        "outcome": told.result.word.replace(" ", "_"),
        "expected": {
            "conclusions": {name: _plain(value) for name, value in expects.conclusions.items()},
            "figures": {name: _figure(figure) for name, figure in expects.figures.items()},
            "fired": list(expects.fired),
            "not_fired": list(expects.not_fired),
        },
        "got": _got(told.result),
        "differences": [_difference(one) for one in told.differences],
    }


def _got(result: TestResult) -> dict[str, Any] | None:
    outcome, expects = result.outcome, result.test.expects
    if outcome is None:
        return None
    return {
        "conclusions": {name: _concluded(outcome, name, wanted) for name, wanted in expects.conclusions.items()},
        "figures": {name: _number(outcome.memory.values[name]) for name in expects.figures},
        "fired": list(fired_rules(outcome)),
    }


def _concluded(outcome: Outcome, output: str, wanted: Expected) -> Any:
    is_number = isinstance(wanted, ExpectedFigure)
    return _number(aggregate_of(outcome, output)) if is_number else _plain(concluded(outcome, output))


def _plain(value: Expected) -> Any:
    if isinstance(value, ExpectedFigure):
        return _figure(value)
    return value if value is None or isinstance(value, str) else in_order(value)


def _figure(figure: ExpectedFigure) -> Any:
    value = _number(figure.value)
    return value if figure.within is None else {"value": value, "within": figure.within}


def _number(value: object) -> float | str | None:
    """A figure as JSON has it: ``never`` as a word."""
    if isinstance(value, float) and not isinstance(value, bool):
        return figure_in_words(value) if value in (float("inf"), float("-inf")) else value
    return None if value is None else str(value)


def _difference(told: ToldDifference) -> dict[str, Any]:
    one = told.difference
    return {
        "about": one.about,
        "subject": one.subject,
        "expected": one.expected,
        "got": one.got,
        "why": [*(line for row in told.rows for line in _lines(row)), *told.sums],
    }


def _lines(row: ReadRow) -> Iterable[str]:
    yield f"{row.rule} ({row.place}): {row.stands}"
    for condition in row.conditions:
        yield f"{mark(condition.truth)} {condition.text}: {', '.join(condition.reads)}"


# -- coverage ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One line of a decision's file; ``row`` is the rule it belongs to, ``last`` where that rule ends."""

    number: int
    text: str
    row: RowCoverage | None
    last: bool


@dataclass(frozen=True, slots=True)
class TableCoverage:
    """One decision as the HTML page shows it."""

    table: DecisionTable
    title: str
    measures: tuple[tuple[str, Measure], ...]
    lines: tuple[SourceLine, ...]
    values: tuple[ValueCoverage, ...]


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """Coverage as the templates show it.

    Args:
        fail_under: the percentage that each demanded measure must reach; None: any will do.
        failing: how many of the tests failed.
    """

    coverage: Coverage
    fail_under: float | None = None
    failing: int = 0

    @property
    def measures(self) -> tuple[tuple[str, Measure], ...]:
        """Each measure with its title."""
        return tuple((_TITLES[name], self.coverage.measures[name]) for name in MEASURES)

    @property
    def short(self) -> tuple[tuple[str, Measure], ...]:
        """The demanded measures that fall short of what is asked."""
        asked = self.fail_under
        demanded = ((_TITLES[name], self.coverage.measures[name]) for name in DEMANDED)
        return () if asked is None else tuple(one for one in demanded if one[1].percent < asked)

    @property
    def exit_status(self) -> int:
        """1 where a demanded measure falls short, else 0."""
        return 1 if self.short else 0

    @property
    def missing(self) -> tuple[tuple[str, str, tuple[Item, ...]], ...]:
        """What no test brings about: rule (or output), place and items; the demanded measures first."""
        grouped: dict[tuple[str, bool], list[Item]] = {}
        for item in (item for name in MEASURES for item in self.coverage.measures[name].missing):
            grouped.setdefault((item.subject, item.measure == "values"), []).append(item)
        # A rule stands where it begins, whatever of it is missing.
        starts = {(item.subject, item.measure == "values"): str(item.place) for item in reversed(self.coverage.items)}
        return tuple((key[0], starts[key], tuple(found)) for key, found in grouped.items())

    @property
    def impossible(self) -> tuple[tuple[Item, str], ...]:
        """What is proved impossible, with what proves it."""
        return tuple(found for name in MEASURES for found in self.coverage.measures[name].impossible)

    @property
    def tables(self) -> tuple[TableCoverage, ...]:
        """Each decision with its source, row by row."""
        return tuple(_table(self.coverage, table) for table in self.coverage.knowledge.decisions.values())

    @property
    def unexpected(self) -> tuple[str, ...]:
        """Rules that fire only in tests which expect nothing of their decision."""
        return tuple(row.id for row in self.coverage.fired_unexpectedly)


def render_coverage(
    report: CoverageReport, output_format: CoverageFormat, *, width: int | None = None, colour: bool = False
) -> str:
    """The coverage as text, JSON or one self-contained HTML page, ending with a newline."""
    if output_format == "json":
        return json_document(_coverage_as_json(report))
    if output_format == "html":
        return _environment("html").get_template("rules_coverage.html.j2").render(report=report, version=__version__)
    text = (
        _environment("terminal")
        .get_template("rules_coverage.txt.j2")
        .render(report=report, most=MOST_TOLD, untold=max(0, len(report.missing) - MOST_TOLD))
    )
    return _laid_out(text, width, colour=colour)


def _table(coverage: Coverage, table: DecisionTable) -> TableCoverage:
    of_table = {row.id for row in table.rows} | set(table.outputs)
    measures = []
    for name in MEASURES:
        whole = coverage.measures[name]
        part = Measure(
            name,
            tuple(item for item in whole.seen if item.subject in of_table and item.place.file == table.file),
            tuple(item for item in whole.missing if item.subject in of_table and item.place.file == table.file),
            tuple(one for one in whole.impossible if one[0].subject in of_table and one[0].place.file == table.file),
        )
        measures.append((_TITLES[name], part))
    rows = rows_of(coverage, table.name)
    title = table.declaration.title
    return TableCoverage(table, title, tuple(measures), _source(coverage, table, rows), values_of(coverage, table.name))


def _source(coverage: Coverage, table: DecisionTable, rows: Sequence[RowCoverage]) -> tuple[SourceLine, ...]:
    document = next(one for one in coverage.knowledge.documents.values() if one.file == table.file)
    by_line = {row.row.place.line: row for row in rows}
    written = document.value.get("rules", []) if isinstance(document.value, dict) else []
    starts = {document.place(("rules", index)).line for index in range(len(written))} | set(by_line)
    lines: list[SourceLine] = []
    current: RowCoverage | None = None
    last = len(document.lines) - (1 if document.lines and not document.lines[-1] else 0)
    for number, text in enumerate(document.lines[:last], start=1):
        if number in starts:
            current = by_line.get(number)
        ends = number == last or number + 1 in starts
        lines.append(SourceLine(number, text, current, current is not None and ends))
    return tuple(lines)


def _coverage_as_json(report: CoverageReport) -> dict[str, Any]:
    coverage = report.coverage
    return {
        "tests": coverage.tests,
        "failing_tests": report.failing,
        "percent": coverage.lowest.percent,
        **{name: _measure_as_json(coverage.measures[name]) for name in MEASURES},
        "fired_but_not_expected": list(report.unexpected),
    }


def _measure_as_json(measure: Measure) -> dict[str, Any]:
    return {
        "covered": measure.covered,
        "total": measure.total,
        "percent": measure.percent,
        "missing": [_item_as_json(item) for item in measure.missing],
        "impossible": [{**_item_as_json(item), "proof": proof} for item, proof in measure.impossible],
    }


def _item_as_json(item: Item) -> dict[str, Any]:
    subject = "output" if item.measure == "values" else "rule"
    found: dict[str, Any] = {subject: item.subject, "file": item.place.file, "line": item.place.line}
    if item.condition is not None:
        found["value" if item.measure == "values" else "condition"] = item.condition
    if item.side is not None:
        found["side"] = item.side
    return {**found, "what": item.what}


# -- templates -----------------------------------------------------------------------------------------


def _environment(kind: Literal["terminal", "html", "xml"]) -> Environment:
    from markupsafe import Markup

    found = environment(escape.for_terminal if kind == "terminal" else escape.printable, markup=kind != "terminal")
    found.filters["percent"] = lambda value: f"{value:.1f}".removesuffix(".0") + " %"
    found.filters["seconds"] = lambda value: f"{value:.{3 if kind == 'xml' else 1}f}"
    found.filters["code"] = _code
    found.filters["right"] = lambda value, width: Markup(f"{value:>{width}}")  # noqa: S704 (numbers only)
    return found


def _code(line: SourceLine) -> str:
    """A line of source for HTML, its indentation kept."""
    from markupsafe import Markup
    from markupsafe import escape as for_html

    indent = len(line.text) - len(line.text.lstrip(" "))
    spaces = Markup("&nbsp;" * max(indent, not line.text))  # noqa: S704 (nothing but spaces)
    return spaces + for_html(escape.printable(line.text))


def _laid_out(marked: str, width: int | None, *, colour: bool) -> str:
    """Lines in rich's markup as a terminal shows them; each keeps its indentation where it wraps."""
    from rich.padding import Padding
    from rich.text import Text

    screen = console(width, colour=colour)
    with screen.capture() as captured:
        for line in marked.splitlines():
            indent = len(line) - len(line.lstrip(" "))
            text = Text.from_markup(line.strip(" "), emoji=False, overflow="fold")
            text.plain = escape.from_terminal(text.plain)
            screen.print(Padding(text, (0, 0, 0, indent)))
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())
