from __future__ import annotations

import base64
import fcntl
import functools
import html.parser
import itertools
import json
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args

import jinja2
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import nodes
from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.cells import cell_len

from engine import escape, report
from engine.chart import break_even_point, cost_table, cumulative_cost_svg
from engine.decision import ChartLine, Decision
from engine.report import Format, deciding_chain, decision_schema, render
from engine.resources import templates_directory
from tests.sample_decisions import bare, insurance_claims, never_pays_back, spoiled, with_unknowns

GOLDEN = Path(__file__).parent / "golden"
SAMPLES = {
    "insurance_claims": insurance_claims(),
    "with_unknowns": with_unknowns(),
    "never_pays_back": never_pays_back(),
    "bare": bare(),
}
FORMATS: tuple[Format, ...] = get_args(Format)
TEXT_FORMATS: tuple[Format, ...] = ("terminal", "markdown", "html")
SUFFIXES = {"terminal": "txt", "markdown": "md", "html": "html", "json": "json"}

HOSTILE = {
    "terminal codes": "\x1b[31mred\x1b[0m \x07bell \x9b2J \x08back \r over",
    "rich markup": "[bold red]loud[/] [/] [link=https://example.org]x[/link] \\[bold] \\\\[/bold] :warning:",
    "half a rich tag": "[bold",
    "a trailing backslash": "C:\\",
    "cells of our own": "one ¦ two ¦  three",
    "our own stand-ins": "\ue000bold\ue001",
    "HTML": "<script>alert(1)</script><img src=https://example.org/x onerror=alert(1)><!-- & &amp; &lt;",
    "an attribute's end": "\"'><svg onload=alert(1)>",
    "a style's end": "</style></title></svg>",
    "a Jinja expression": "{{ 7 * 7 }} {% include 'report.md.j2' %}",
    "a Markdown heading": "# One",
    "a Markdown underline": "===",
    "a Markdown list": "- one",
    "a Markdown numbered list": "7) one",
    "a Markdown quotation": "> one",
    "a Markdown rule": "***",
    "a Markdown table": "one | two |\n|---|---|\n| 1 | 2 |",
    "a Markdown fence": "```\ncode\n```",
    "Markdown in a line": "*a* _b_ **c** __d__ ~~e~~ `f` [g](https://example.org) ![h](https://example.org) <i@j.org>",
    "unbalanced backticks": "a ` b `` c",
    "indentation": "    code",
    "mathematics": "$\\frac{1}{2}$ costs $5",
    "turned text": "\u202etxet\u202c \u2066isolated\u2069 \u200f \ufeff",
    "nothing but white space": " \n\t ",
    "another script": "請求書の分類 🧾 Ünïcødé",
    "a lone surrogate": "\ud800",
    "a null character": "a\x00b",
    "a long word": "x" * 300,
}


# Golden files


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", SAMPLES)
def test_report_when_rendered_is_the_golden_file(name: str, format: Format) -> None:
    """Write the files anew with ``UPDATE_GOLDEN=1 pytest tests/test_report.py`` and read the difference."""
    if format == "html":
        pytest.importorskip("matplotlib", reason="the golden pages hold the chart")
    path = GOLDEN / f"{name}.{SUFFIXES[format]}"
    rendered = _without_drawing(render(SAMPLES[name], format, width=80))
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(rendered, encoding="utf-8")
    assert rendered == path.read_text(encoding="utf-8")


def _without_drawing(page: str) -> str:
    """The page without the lines that differ from one version of matplotlib to the next."""
    return re.sub(r'(<svg [^>]*class="chart">).*?(</svg>)', r"\1…\2", page, flags=re.DOTALL)


@pytest.mark.parametrize("format", FORMATS)
def test_report_when_rendered_twice_is_the_same(format: Format) -> None:
    assert render(insurance_claims(), format, width=80) == render(insurance_claims(), format, width=80)


# What a report holds


@pytest.mark.parametrize("format", TEXT_FORMATS)
def test_sections_when_rendered_follow_the_order_of_a_reader(format: Format) -> None:
    words = _words(insurance_claims(), format)
    contents = [
        "Fine-tune the full model: a strong recommendation",
        "The framework says fine-tuning and accuracy is critical",
        "rules/recommendation.yaml:31",
        "Accuracy is critical, the volume and the team are there",
        "Labelled examples, Upfront budget",
        "($80,000 − $45,000) / ($1,200 − $590) per month = 57.4 months",
        "19,800 to 28,400 errors/month",
        "Hybrid",
        "All three agree on fine-tuning",
        "At $0.17 per error or less it becomes prompt engineering",
        "Cost of a prompted request, Cost of a fine-tuned request",
        "The net benefit over 12 months is $43,151,320",
        "The fine-tuned accuracy of 94% is expected, not measured.",
        "could turn it" if format != "markdown" else "Could turn it",
        "In how many weeks must it be in production?",
        "evaluation of 2026-05-04, 1,200 claims",
        "9f2c4e1ab07d",
    ]
    start = 0
    for content in contents:
        assert content in words[start:]
        start = words.index(content, start)


@pytest.mark.parametrize("format", TEXT_FORMATS)
def test_figure_when_it_waits_for_a_fact_names_that_fact(format: Format) -> None:
    assert "Waits for: Cost of one error" in _words(with_unknowns(), format)


@pytest.mark.parametrize("format", TEXT_FORMATS)
def test_figure_when_it_is_never_reached_says_never_and_its_range(format: Format) -> None:
    words = _words(never_pays_back(), format)
    assert "($80,000 − $45,000) / ($48 − $60) per month = never" in words
    assert "2,500 to never months" in words


@pytest.mark.parametrize("format", TEXT_FORMATS)
def test_recommendation_when_unsettled_says_so(format: Format) -> None:
    assert "Not settled" in _words(with_unknowns(), format)
    assert "Not settled" not in _words(insurance_claims(), format)


@pytest.mark.parametrize("format", TEXT_FORMATS)
def test_unknown_fact_when_it_matters_names_the_titles_of_what_it_could_become(format: Format) -> None:
    assert "LoRA, Full fine-tuning, Prompt engineering" in _words(with_unknowns(), format)


def _words(decision: Decision, format: Format) -> str:
    """The report's text as a reader sees it, on one line."""
    rendered = render(decision, format, width=4_000)
    if format == "markdown":
        rendered = MarkdownIt("commonmark").enable("table").render(rendered)
    if format != "terminal":
        rendered = " ".join(_Page(rendered).texts)
    return " ".join(rendered.split())


RANGES = {
    "money": ("USD/month", 2_970_000.0, 4_260_000.0, "2,970,000 to 4,260,000 USD/month"),
    "a loss": ("USD", -32_500.0, 12.5, "−32,500 to 12.5 USD"),
    "a share": ("fraction", 0.798, 0.841, "79.8 to 84.1 %"),
    "without an end": ("months", 3.0, "never", "3 to never months"),
    "a bare number": ("", 0.008217, 0.01179, "0.008217 to 0.01179"),
}


@pytest.mark.parametrize(("unit", "low", "high", "expected"), RANGES.values(), ids=RANGES)
def test_range_when_shown_has_both_ends_and_the_unit(
    unit: str, low: float, high: float | Literal["never"], expected: str
) -> None:
    figure = insurance_claims().figures["net_benefit"]
    assert report._range(figure.model_copy(update={"unit": unit, "low": low, "high": high})) == expected


def test_range_when_the_value_is_exact_is_left_out() -> None:
    assert report._range(insurance_claims().figures["break_even_months"]) is None


# The deciding chain


def test_chain_when_a_rule_decided_begins_with_it_and_goes_back_to_what_it_read() -> None:
    chain = deciding_chain(insurance_claims())
    assert [firing.decision for firing in chain] == ["recommendation", "framework_verdict", "method"]


def test_chain_when_a_conclusion_rests_on_another_one_follows_it_too() -> None:
    settled = insurance_claims()
    scale, framework, *others = settled.firings
    verdict_from_scale = framework.model_copy(
        update={
            "facts": (settled.case["requests_per_month"].model_copy(update={"name": "scale", "origin": "concluded"}),)
        }
    )
    chain = deciding_chain(settled.model_copy(update={"firings": (scale, verdict_from_scale, *others)}))
    assert [firing.decision for firing in chain] == ["recommendation", "framework_verdict", "method", "scale"]


def test_chain_when_only_the_fallback_is_left_is_empty() -> None:
    assert deciding_chain(with_unknowns()) == ()


@pytest.mark.parametrize("format", TEXT_FORMATS)
def test_firings_when_some_did_not_lead_to_the_recommendation_are_listed_after_the_chain(format: Format) -> None:
    words = _words(insurance_claims(), format)
    assert all(words.count(f"{firing.because}") == 1 for firing in insurance_claims().firings)
    assert words.index("rules/method.yaml:17") < words.index("rules/scale.yaml:21")


# JSON


@pytest.mark.parametrize("decision", SAMPLES.values(), ids=SAMPLES)
def test_json_when_read_back_is_the_same_decision(decision: Decision) -> None:
    assert Decision.model_validate_json(render(decision, "json")) == decision


@pytest.mark.parametrize("decision", SAMPLES.values(), ids=SAMPLES)
def test_json_when_checked_against_the_published_schema_is_valid(decision: Decision) -> None:
    schema = decision_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(render(decision, "json")), schema)


def test_schema_when_a_decision_lacks_its_recommendation_refuses_it() -> None:
    document = json.loads(render(bare(), "json"))
    del document["recommendation"]
    with pytest.raises(jsonschema.ValidationError, match="'recommendation' is a required property"):
        jsonschema.validate(document, decision_schema())


def test_schema_when_published_names_itself() -> None:
    schema = decision_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "Breakeven decision"


def test_json_when_written_is_indented_unescaped_and_ordered_as_declared() -> None:
    written = render(insurance_claims(), "json")
    assert written.startswith('{\n  "recommendation": {\n    "approach": "full_fine_tuning",')
    assert "($80,000 − $45,000)" in written
    assert written.endswith("}\n")
    assert list(json.loads(written)) == list(Decision.model_fields)


def test_json_when_a_name_holds_terminal_codes_writes_them_escaped() -> None:
    decision = spoiled("\x1b[2J \x9b2J \u202e")
    written = render(decision, "json")
    assert "\\u001b[2J \\u009b2J \\u202e" in written
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", written)
    assert json.loads(written)["case_name"] == decision.case_name


# Escaping


@functools.cache
def _harmless_tags() -> list[str]:
    return _Page(render(spoiled("harmless"), "html")).tags


def _markdown_structure(text: str) -> list[str]:
    parsed = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    flat = itertools.chain.from_iterable([token, *(token.children or ())] for token in parsed)
    return [f"{token.type} {token.tag}" for token in flat if token.type not in ("text", "text_special", "inline")]


#: Any text, with the characters that mean something to one of the formats far more often than by chance.
TEXTS = st.text(st.sampled_from("*_`[]()<>#|¦~\\-+=.:!$&;{}12 \n\tax") | st.characters(), max_size=40)
#: Nothing at all is nowhere to be seen: not bold in Markdown and not in the chart's legend.
VISIBLE = {name: text for name, text in HOSTILE.items() if escape.printable(text)}


@pytest.mark.parametrize("text", VISIBLE.values(), ids=VISIBLE)
def test_html_when_text_is_hostile_has_the_elements_of_harmless_text(text: str) -> None:
    assert _Page(render(spoiled(text), "html")).tags == _harmless_tags()


@pytest.mark.parametrize("text", VISIBLE.values(), ids=VISIBLE)
def test_markdown_when_text_is_hostile_has_the_blocks_of_harmless_text(text: str) -> None:
    assert _markdown_without_code(spoiled(text)) == _markdown_without_code(spoiled("harmless"))


def _markdown_without_code(decision: Decision) -> list[str]:
    # A code span in a table cannot hold a bar, so such a text stands there as text.
    return [part for part in _markdown_structure(render(decision, "markdown")) if part != "code_inline code"]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_terminal_when_text_is_hostile_shows_it_as_it_is(text: str) -> None:
    rendered = render(spoiled(text), "terminal", width=4_000)
    assert escape.printable(text).replace("¦", "|") in rendered
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ue000\ue001]", rendered)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_terminal_when_text_is_hostile_sends_no_codes_but_those_of_its_own_styles(text: str) -> None:
    known = set(re.findall("\x1b[^m]*m", render(spoiled("harmless"), "terminal", width=80, colour=True)))
    rendered = render(spoiled(text), "terminal", width=80, colour=True)
    assert set(re.findall("\x1b[^m]*m?", rendered)) == known


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_html_when_text_is_hostile_shows_it_as_it_is(text: str) -> None:
    expected = escape.printable(text)
    assert expected in " ".join(_Page(render(spoiled(text), "html")).texts)


@given(TEXTS)
def test_markdown_escape_when_parsed_gives_back_the_text(text: str) -> None:
    shown = escape.printable(text)
    line = f"{escape.for_markdown(text)}\n"
    parsed = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(line)
    assert _text_of(parsed) == shown
    assert [token.type for token in parsed] == (["paragraph_open", "inline", "paragraph_close"] if shown else [])


@given(TEXTS)
def test_markdown_escape_when_in_a_table_keeps_to_its_cell(text: str) -> None:
    table = f"| a | b |\n|---|---|\n| {escape.for_markdown(text)} | {escape.markdown_code(text)} |\n"
    parsed = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(table)
    cells = [_text_of([following]) for token, following in itertools.pairwise(parsed) if token.type == "td_open"]
    assert cells == [escape.printable(text)] * 2


@given(st.text(alphabet="`a |\\", max_size=12))
def test_code_span_when_parsed_holds_the_text(text: str) -> None:
    parsed = MarkdownIt("commonmark").parse(f"x {escape.markdown_code(text)} y")
    assert _text_of(parsed) == f"x {escape.printable(text)} y"


def _text_of(tokens: list[Token]) -> str:
    inline = [child for token in tokens for child in token.children or ()]
    return "".join(token.content for token in inline)


@given(TEXTS)
def test_terminal_escape_when_printed_gives_back_the_text(text: str) -> None:
    shown = escape.printable(text).replace("¦", "|")
    printed = report.laid_out(f"[bold]{escape.for_terminal(text)}[/]<", 400, colour=False)
    assert printed == f"{shown}<\n"


# The terminal


@pytest.mark.parametrize("width", [40, 60, 80, 100, 132])
@pytest.mark.parametrize("decision", [*SAMPLES.values(), spoiled("請求書" * 40)], ids=[*SAMPLES, "wide letters"])
def test_terminal_when_narrow_or_wide_keeps_to_its_columns(decision: Decision, width: int) -> None:
    lines = render(decision, "terminal", width=width).splitlines()
    assert max(map(cell_len, lines)) <= width


def test_terminal_when_not_coloured_is_plain_text() -> None:
    rendered = render(insurance_claims(), "terminal", width=80)
    assert "\x1b" not in rendered
    assert not re.search("[\u2500-\u257f]", rendered)
    assert all(line == line.rstrip() for line in rendered.splitlines())


def test_terminal_when_coloured_says_the_same_as_without_colour() -> None:
    coloured = render(insurance_claims(), "terminal", width=80, colour=True)
    assert "\x1b[1;32mstrong" in coloured
    plain = re.sub("\x1b[^m]*m", "", coloured)
    assert [line.rstrip() for line in plain.splitlines()] == render(
        insurance_claims(), "terminal", width=80
    ).splitlines()


@pytest.mark.parametrize(
    ("variable", "value"),
    [("NO_COLOR", "1"), ("FORCE_COLOR", "1"), ("TERM", "dumb"), ("TERM", "xterm-256color"), ("COLUMNS", "200")],
)
@pytest.mark.parametrize("colour", [False, True])
def test_terminal_when_the_environment_differs_follows_its_arguments_alone(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, colour: bool
) -> None:
    expected = render(insurance_claims(), "terminal", width=80, colour=colour)
    monkeypatch.setenv(variable, value)
    assert render(insurance_claims(), "terminal", width=80, colour=colour) == expected


@pytest.mark.parametrize(("columns", "expected"), [("60", 60), ("100", 100), ("200", 100)])
def test_terminal_when_no_width_is_given_takes_the_terminals_up_to_a_readable_one(
    monkeypatch: pytest.MonkeyPatch, columns: str, expected: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert render(insurance_claims(), "terminal") == render(insurance_claims(), "terminal", width=expected)


# Markdown


def test_markdown_when_parsed_has_one_title_and_tables_of_even_rows() -> None:
    parsed = MarkdownIt("commonmark").enable("table").parse(render(insurance_claims(), "markdown"))
    assert [token.tag for token in parsed if token.type == "heading_open"].count("h1") == 1
    tables = [_rows(parsed[start:]) for start, token in enumerate(parsed) if token.type == "table_open"]
    assert len(tables) == 10
    assert all(len({len(row) for row in rows}) == 1 and len(rows) > 1 for rows in tables)
    assert ["Full fine-tuning ✓ chosen", "$80,000", "$590", "$87,080", "0.01 months", "$43,151,320"] in tables[5]


def _rows(tokens: list[Token]) -> list[list[str]]:
    rows: list[list[str]] = []
    for token, following in itertools.pairwise(tokens):
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            rows.append([])
        if token.type in ("th_open", "td_open"):
            rows[-1].append(_text_of([following]))
    return rows


# HTML


class _Page(html.parser.HTMLParser):
    """The start tags of a page with their attributes, and its text."""

    VOID = frozenset(("meta", "link", "img", "br"))

    def __init__(self, page: str) -> None:
        super().__init__()
        self.starts: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    @property
    def tags(self) -> list[str]:
        return [tag for tag, _ in self.starts]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.starts.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.starts.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)


@pytest.mark.parametrize("decision", [*SAMPLES.values(), spoiled('"<&>')], ids=[*SAMPLES, "spoiled"])
def test_page_when_parsed_closes_every_element_and_is_accessible(decision: Decision) -> None:
    page = _Page(render(decision, "html"))
    assert page.open == []
    assert page.starts[0] == ("html", {"lang": "en"})
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all("scope" in attributes for tag, attributes in page.starts if tag == "th")
    ids = [attributes["id"] for _, attributes in page.starts if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [attributes["href"] for tag, attributes in page.starts if tag == "a"]
    assert targets
    assert all(target is not None and target[0] == "#" and target[1:] in ids for target in targets)


def test_page_when_read_refers_to_nothing_outside_itself() -> None:
    page = render(insurance_claims(), "html")
    assert set(re.findall(r"https?://[^\s\"'<]+", page)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"@import|url\((?!#)|<script|<iframe|<object|<embed", page)
    assert "default-src 'none'" in page


def test_page_when_printed_has_rules_of_its_own() -> None:
    page = render(insurance_claims(), "html")
    assert "@media print" in page
    assert "size: A4" in page
    assert "break-inside: avoid" in page


# The chart


def _line(title: str, upfront: float, monthly: float, *, chosen: bool = False) -> ChartLine:
    return ChartLine(title=title, upfront=upfront, monthly=monthly, chosen=chosen)


PROMPTING = _line("Prompting", 45_000, 1_200)
CROSSINGS: dict[str, tuple[tuple[ChartLine, ...], float, tuple[str, float, float] | None]] = {
    "the chosen line overtakes": (
        (PROMPTING, _line("Full", 80_000, 590, chosen=True)),
        72,
        ("Prompting", 57.377, 113_852.46),
    ),
    "at the last month shown": (
        (_line("Prompting", 0, 10), _line("LoRA", 100, 0, chosen=True)),
        10,
        ("Prompting", 10, 100),
    ),
    "after the months shown": ((PROMPTING, _line("Full", 80_000, 590, chosen=True)), 57, None),
    "parallel lines": ((PROMPTING, _line("Full", 80_000, 1_200, chosen=True)), 72, None),
    "lines that part": ((PROMPTING, _line("Full", 80_000, 1_300, chosen=True)), 72, None),
    "the chosen line is overtaken": (
        (_line("Prompting", 100, 10), _line("Full", 0, 20, chosen=True)),
        72,
        ("Prompting", 10, 200),
    ),
    "the earliest line to meet chosen prompting": (
        (_line("Prompting", 0, 10, chosen=True), _line("Full", 300, 0), _line("LoRA", 100, 5)),
        72,
        ("LoRA", 20, 200),
    ),
    "other lines do not count": (
        (PROMPTING, _line("LoRA", 0, 2_000), _line("Full", 80_000, 1_200, chosen=True)),
        72,
        None,
    ),
    "nothing chosen": ((PROMPTING, _line("Full", 80_000, 590)), 72, None),
    "prompting alone": ((_line("Prompting", 45_000, 1_200, chosen=True),), 72, None),
    "no line": ((), 72, None),
}


@pytest.mark.parametrize(("lines", "months", "expected"), CROSSINGS.values(), ids=CROSSINGS)
def test_break_even_point_when_lines_meet_or_do_not_is_where_prompting_is_met(
    lines: tuple[ChartLine, ...], months: float, expected: tuple[str, float, float] | None
) -> None:
    found = break_even_point(lines, months)
    if expected is None:
        assert found is None
    else:
        title, month, cost = expected
        assert found is not None
        assert found.others_title == title
        assert found.month == pytest.approx(month, rel=1e-4)
        assert found.cost == pytest.approx(cost, rel=1e-4)


def test_cost_table_when_the_case_has_a_chart_holds_its_numbers() -> None:
    table = cost_table(insurance_claims())
    assert table is not None
    assert table.months == ("0", "18", "36", "54", "72")
    assert table.rows[0].costs == ("$45,000", "$66,600", "$88,200", "$109,800", "$131,400")
    assert [row.chosen for row in table.rows] == [False, False, False, True]
    assert table.crossing == "Full fine-tuning and Prompt engineering have cost the same, $113,852, after 57.4 months."


def test_chart_when_the_case_has_none_is_left_out() -> None:
    assert cost_table(bare()) is None
    assert cumulative_cost_svg(bare()) is None
    assert "<figure>" not in render(bare(), "html")


def test_page_when_matplotlib_is_missing_says_how_to_get_the_chart_and_gives_its_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    page = render(insurance_claims(), "html")
    words = " ".join(" ".join(_Page(page).texts).split())
    assert 'class="chart"' not in page
    assert "pip install 'breakeven[charts]'" in words
    assert "$109,800" in words
    assert "after 57.4 months" in words


@pytest.fixture(scope="module")
def drawing() -> str:
    pytest.importorskip("matplotlib")
    drawn = cumulative_cost_svg(insurance_claims())
    assert drawn is not None
    return drawn


def test_chart_when_drawn_again_is_the_same(drawing: str) -> None:
    assert cumulative_cost_svg(insurance_claims()) == drawing
    assert "date" not in drawing.lower()


def test_chart_when_read_aloud_has_a_title_and_a_description(drawing: str) -> None:
    svg = ET.fromstring(drawing)  # noqa: S314 (our own drawing)
    namespace = "{http://www.w3.org/2000/svg}"
    title, description = svg.find(f"{namespace}title"), svg.find(f"{namespace}desc")
    assert svg.get("role") == "img"
    assert title is not None
    assert description is not None
    assert svg.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert "Full fine-tuning: $80,000 upfront and $590 a month" in (description.text or "")
    assert "after 57.4 months" in (description.text or "")


def test_chart_when_drawn_labels_axes_lines_and_break_even_as_text(drawing: str) -> None:
    texts = [element.text for element in ET.fromstring(drawing).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314
    assert {"Months", "USD", "$0", "break-even after 57.4 months", "LoRA", "Full fine-tuning (chosen)"} <= set(texts)


def test_chart_when_shown_light_or_dark_takes_the_pages_colours(drawing: str) -> None:
    styles = " ".join(re.findall(r'style="([^"]*)"', drawing))
    assert "currentColor" in styles
    assert set(re.findall(r"--line-\d", styles)) == {"--line-1", "--line-2", "--line-3", "--line-4"}
    assert not re.search("#(?!0072b2|b35900|00805f|a8487f)[0-9a-f]{6}", styles)


def test_chart_when_colours_cannot_be_told_apart_has_dashes_of_its_own_for_each_line(drawing: str) -> None:
    lines = re.findall(r"<path[^>]*clip-path[^>]*stroke: var\(--line-\d[^>]*>", drawing)
    dashes = [(re.findall(r"stroke-dasharray: ([\d.,]+)", line) or [""])[0] for line in lines]
    assert len(lines) == 4
    assert len(set(dashes)) == 4


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_chart_when_a_title_is_hostile_is_still_one_drawing(text: str) -> None:
    pytest.importorskip("matplotlib")
    drawn = cumulative_cost_svg(spoiled(text))
    assert drawn is not None
    svg = ET.fromstring(drawn)  # noqa: S314 (our own drawing)
    assert {element.tag.rpartition("}")[2] for element in svg.iter()} <= {
        "svg", "title", "desc", "defs", "g", "path", "use", "clipPath", "rect", "text",
    }  # fmt: skip


# Templates only display


TEMPLATES = [path.name for path in sorted(templates_directory().glob("*.j2"))]
ARITHMETIC = (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow, nodes.Neg, nodes.Pos)
#: What computes, and what would let a value pass without being escaped.
FORBIDDEN_FILTERS = {"sum", "round", "abs", "max", "min", "int", "float", "random", "filesizeformat", "safe"}


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_when_parsed_computes_and_compares_no_number(name: str) -> None:
    tree = jinja2.Environment(autoescape=True).parse((templates_directory() / name).read_text(encoding="utf-8"))
    assert not list(tree.find_all(ARITHMETIC))
    assert not {found.name for found in tree.find_all(nodes.Filter)} & FORBIDDEN_FILTERS
    comparisons = {operand.op for operand in tree.find_all(nodes.Operand)}
    assert comparisons <= {"eq", "in", "notin"}
    assert not [operand for operand in tree.find_all(nodes.Operand) if isinstance(operand.expr, nodes.Const)
                and isinstance(operand.expr.value, int | float)]  # fmt: skip


def test_templates_when_listed_are_those_of_the_reports() -> None:
    assert {"report.html.j2", "report.md.j2", "report.terminal.j2", "_report.css.j2"} <= set(TEMPLATES)


# A real browser


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class _Browser:
    """Chromium, driven over the pipe that it listens on."""

    FLAGS = (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-extensions",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-pipe",
    )  # fmt: skip

    def __init__(self, program: str, profile: str) -> None:
        (for_browser, self._to), (self._from, from_browser) = os.pipe(), os.pipe()
        # The browser reads on 3 and writes on 4, so both ends must first be out of the way of these.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (for_browser, from_browser)]
        script = f'exec "$0" "$@" 3<&{ends[0]} 4>&{ends[1]}'
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", script, program, *self.FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=ends,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (for_browser, from_browser, *ends):
            os.close(end)
        self._ids, self._unread, self._session = itertools.count(1), b"", ""
        self.events: list[dict[str, Any]] = []
        page = self("Target.createTarget", url="about:blank")["targetId"]
        self._session = self("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]

    def __call__(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._ids)
        session = {"sessionId": self._session} if self._session else {}
        message = {"id": number, "method": method, "params": parameters, **session}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != number:
            self.events.append(answer)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._from], [], [], 30)
            received = os.read(self._from, 1 << 16) if ready else b""
            assert received, "the browser said nothing for half a minute or went away"
            self._unread += received
        message, self._unread = self._unread.split(b"\0", 1)
        event: dict[str, Any] = json.loads(message)
        return event

    def show(self, page: Path, *, width: int, scheme: str) -> None:
        """Load a page and wait until it is there; what happened meanwhile is in ``events``."""
        self("Emulation.setEmulatedMedia", media="", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.events.clear()
        self("Page.navigate", url=page.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def run(self, script: str) -> Any:
        answer = self("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"]["value"]

    def named(self, *methods: str) -> list[dict[str, Any]]:
        return [event["params"] for event in self.events if event.get("method") in methods]

    def close(self) -> None:
        self._session = ""
        self("Browser.close")
        self._process.wait(timeout=30)
        os.close(self._to)
        os.close(self._from)


@pytest.fixture(scope="module")
def browser() -> Iterator[_Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        running = _Browser(CHROMIUM, profile)
        for domain in ("Page", "Network", "Runtime", "Log"):
            running(f"{domain}.enable")
        yield running
        running.close()


CONTRAST = """
(() => {
  const channels = colour => colour.match(/[\\d.]+/g).map(Number);
  const linear = c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => [r, g, b].map(c => linear(c / 255))
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const ground = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = channels(getComputedStyle(e).backgroundColor);
      if (colour[3] !== 0) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll('body *')) {
    if (![...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
    const style = getComputedStyle(element), svg = element.closest('svg');
    const ink = light(channels(svg ? style.fill : style.color)), paper = light(ground(element));
    const contrast = (Math.max(ink, paper) + .05) / (Math.min(ink, paper) + .05);
    if ((!svg || element.tagName === 'text') && contrast < 4.5) poor.push([element.textContent, contrast]);
  }
  return poor;
})()
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_page_when_shown_in_a_browser_is_quiet_complete_and_readable(
    browser: _Browser, tmp_path: Path, width: int, scheme: str
) -> None:
    page = tmp_path / "report.html"
    page.write_text(render(insurance_claims(), "html"), encoding="utf-8")
    browser.show(page, width=width, scheme=scheme)
    assert browser.named("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown") == []
    requested = [request["request"]["url"] for request in browser.named("Network.requestWillBeSent")]
    assert [url for url in requested if not url.startswith("data:")] == [page.as_uri()]
    assert browser.run("document.querySelector('h1').innerText").split("\n")[-1] == "Full fine-tuning"
    headings = browser.run("[...document.querySelectorAll('h2')].map(heading => heading.innerText)")
    assert headings[:3] == ["Why", "What stands, whatever is unknown", "The arithmetic, step by step"]
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    assert browser.run(CONTRAST) == []


def test_page_when_text_is_hostile_runs_and_fetches_nothing(browser: _Browser, tmp_path: Path) -> None:
    page = tmp_path / "hostile.html"
    page.write_text(render(spoiled(" ".join((HOSTILE["HTML"], HOSTILE["a style's end"]))), "html"), encoding="utf-8")
    browser.show(page, width=1280, scheme="light")
    assert browser.named("Log.entryAdded", "Runtime.exceptionThrown", "Page.javascriptDialogOpening") == []
    assert [request["request"]["url"] for request in browser.named("Network.requestWillBeSent")] == [page.as_uri()]


def test_page_when_printed_is_a_pdf_of_a_few_pages(browser: _Browser, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(render(insurance_claims(), "html"), encoding="utf-8")
    browser.show(page, width=1280, scheme="dark")
    browser("Emulation.setEmulatedMedia", media="", features=[])
    printed = base64.b64decode(browser("Page.printToPDF", preferCSSPageSize=True)["data"])
    pages = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert printed.startswith(b"%PDF")
    assert 4 <= pages <= 8


# Speed


def test_reports_when_the_first_is_out_follow_quickly() -> None:
    render(insurance_claims(), "markdown")
    started = time.perf_counter()
    for _ in range(10):
        render(insurance_claims(), "markdown")
        render(insurance_claims(), "json")
    assert time.perf_counter() - started < 5
