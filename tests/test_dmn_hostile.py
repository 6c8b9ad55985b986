"""DMN files made to be slow, large or misread: refused with one short message, or decided, in little time."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

from engine.dmn import export_dmn, import_dmn
from engine.dmn.feel import (
    LONGEST_NAME,
    LONGEST_TEXT,
    NotTakenError,
    Reference,
    _Declared,
    normalized,
    read_term,
    read_tests,
)
from engine.dmn.markup import (
    LONGEST_SHOWN,
    MOST_CHARACTERS,
    MOST_ELEMENTS,
    describe,
    read_model,
)
from engine.errors import BadInput, Problem
from engine.knowledge import load_knowledge
from tests.test_dmn import VERSIONS, conclusions, given, imported, model, problems_of, table

ROOT = Path(__file__).resolve().parent.parent
#: Seconds of computing that a hostile file may take, on a slow machine; most take a tenth of that.
MOST_SECONDS = 3.0
#: Characters that a problem may take, apart from the file's name: a sentence or two, and two excerpts.
LONGEST_PROBLEM = 400

D, RULE, CELL = "decision 'd'", "decision 'd', rule 1", "decision 'd', rule 1, input 'x'"
TWO_RULES = model(given("x", "number"), table("d", ["x"], [["> 1", '"a"'], ["<= 1", '"b"']]))


def refused_soon(text: str, directory: Path) -> list[Problem]:
    """The problems of a model that is refused: soon, and in few words."""
    start = time.process_time()
    found = problems_of(text, directory)
    assert time.process_time() - start < MOST_SECONDS
    assert max(len(str(problem)) - len(problem.place.file) for problem in found) < LONGEST_PROBLEM
    return found


# Large files

#: The names of 399 inputs, each of which begins as the longer ones do.
OVERLAPPING = [f"{'a ' * count}b" for count in range(1, 400)]
DEEP_NAMES = [" , ".join(["a"] * count) for count in range(1, 120)]
INSIDE_WORDS = ["xx", *(f"{'xx,' * count}x" for count in range(1, 150))]
#: For each text of an input entry names of inputs that make it hard to tell where one ends.
CROWDED: dict[str, tuple[list[str], str, str]] = {
    "words that begin many names": ([one for one in OVERLAPPING if len(one) < 500], "a " * 9_000, "“a”"),
    "names with commas in them": (["q", *DEEP_NAMES], "a , " * 4_000 + "§", "“§”"),
    "names that end within words": (["q", *INSIDE_WORDS], "xx," * 6_000 + "§", "“§”"),
}


@pytest.mark.parametrize(("names", "cell", "message"), CROWDED.values(), ids=CROWDED)
def test_cell_when_it_begins_many_names_again_and_again_is_read_in_little_time(
    names: Sequence[str], cell: str, message: str, tmp_path: Path
) -> None:
    inputs = [given(name, "number") for name in names]
    found = refused_soon(model(*inputs, table("d", [names[0]], [[cell, '"a"']])), tmp_path)
    assert len(found) == 1
    assert message in found[0].message


@pytest.mark.parametrize("attribute", ["name", "id"])
@pytest.mark.parametrize("size", [LONGEST_NAME + 1, 9_000_000])
def test_name_when_it_is_too_long_is_refused_with_its_size_and_shortened(
    attribute: str, size: int, tmp_path: Path
) -> None:
    written = {"name": ' name="d"', "id": ' id="_d"'}[attribute]
    text = TWO_RULES.replace(written, f' {attribute}="{"d" * size}"')
    (found,) = refused_soon(text, tmp_path)
    assert found.place.line == 3
    assert found.message == f"its {attribute} has {size:,} characters, and at most {LONGEST_NAME} are read"


def test_name_when_it_is_as_long_as_is_read_decides(tmp_path: Path) -> None:
    name = "d" * LONGEST_NAME
    assert list(conclusions(imported(TWO_RULES.replace('name="d"', f'name="{name}"'), tmp_path), x=2).values()) == ["a"]


def test_attribute_of_somebody_else_when_it_is_long_is_let_be(tmp_path: Path) -> None:
    text = TWO_RULES.replace("<rule>", f'<rule xmlns:t="urn:tool" t:name="{"n" * 5_000}">', 1)
    assert conclusions(imported(text, tmp_path), x=2) == {"d": "a"}


def test_attributes_when_there_are_very_many_are_passed_over_in_little_time(tmp_path: Path) -> None:
    many = " ".join(f'a{number}="1"' for number in range(200_000))
    start = time.process_time()
    knowledge = imported(TWO_RULES.replace("<rule>", f"<rule {many}>", 1), tmp_path)
    assert time.process_time() - start < MOST_SECONDS
    assert conclusions(knowledge, x=2) == {"d": "a"}


@pytest.mark.parametrize("attribute", ["hitPolicy", "aggregation", "typeRef", "expressionLanguage"])
def test_word_of_the_model_when_it_is_megabytes_long_is_refused_in_few_words(attribute: str, tmp_path: Path) -> None:
    text = TWO_RULES.replace('hitPolicy="UNIQUE"', "").replace(
        "<decisionTable", f'<decisionTable {attribute}="{"w" * 9_000_000}"'
    )
    (found,) = refused_soon(text, tmp_path)
    assert found.message.startswith(f"its {attribute} has 9,000,000 characters")


def test_element_when_there_are_too_many_is_refused_with_their_number(tmp_path: Path) -> None:
    text = TWO_RULES.replace("<rule>", f"<rule>{'<x/>' * 1_000_000}", 1)
    (found,) = refused_soon(text, tmp_path)
    assert found.message == f"holds 1,000,019 elements, and at most {MOST_ELEMENTS:,} are read"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-7"])
def test_element_when_there_are_too_many_in_another_encoding_is_refused_too(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "model.dmn"
    text = f'<?xml version="1.0" encoding="{encoding}"?>' + TWO_RULES.replace(
        "<rule>", f"<rule>{'<x/>' * (MOST_ELEMENTS + 10)}", 1
    )
    path.write_bytes(text.encode(encoding))
    with pytest.raises(BadInput) as caught:
        read_model(path)
    (found,) = caught.value.problems
    assert f"{MOST_ELEMENTS:,} are read" in found.message or "not readable as XML" in found.message


def test_elements_without_a_say_when_they_are_nearly_too_many_are_passed_over(tmp_path: Path) -> None:
    text = TWO_RULES.replace("<rule>", f"<rule>{'<x/>' * (MOST_ELEMENTS - 100)}", 1)
    start = time.process_time()
    knowledge = imported(text, tmp_path)
    assert time.process_time() - start < MOST_SECONDS
    assert conclusions(knowledge, x=2) == {"d": "a"}


def test_expressions_when_they_are_too_long_together_are_refused_with_their_size(tmp_path: Path) -> None:
    cell = ", ".join(["1"] * (LONGEST_TEXT // 3))
    rows = [[cell, str(number)] for number in range(MOST_CHARACTERS // len(cell) + 1)]
    (found,) = refused_soon(model(given("x", "number"), table("d", ["x"], rows)), tmp_path)
    assert re.fullmatch(
        rf"holds [\d,]+ characters of input entries, and at most {MOST_CHARACTERS:,} are read", found.message
    )


def test_table_of_1500_rows_and_20_columns_when_read_is_far_from_every_limit(tmp_path: Path) -> None:
    names = [f"input number {number}" for number in range(20)]
    rows = [[*([f"[{row}..{row}.5], > 1000"] * 20), f'"outcome {row}"'] for row in range(1_500)]
    path = tmp_path / "model.dmn"
    path.write_text(model(*(given(name, "number") for name in names), table("d", names, rows)), encoding="utf-8")
    start = time.process_time()
    assert len(read_model(path).decisions[0].table.rows) == 1_500
    assert time.process_time() - start < MOST_SECONDS


def test_export_of_every_base_here_when_read_again_is_far_from_every_limit(tmp_path: Path) -> None:
    for base in (ROOT / "rules", *ROOT.glob("examples/*/rules")):
        path = tmp_path / "model.dmn"
        path.write_text(export_dmn(load_knowledge(base)), encoding="utf-8")
        assert read_model(path).decisions


def test_output_entries_when_they_are_long_and_no_constants_are_refused_in_little_time(tmp_path: Path) -> None:
    rows = [["1", "1 " * (LONGEST_TEXT // 2)] for _ in range(400)]
    found = refused_soon(model(given("x", "number"), table("d", ["x"], rows)), tmp_path)
    assert "“1” where it should end" in found[0].message


# Long messages


@pytest.mark.parametrize("text", ["y" * 9_000_000, "y " * 4_000_000, f'"{"y" * 15_000}" "z"', "9" * 15_000 + " x"])
def test_input_expression_when_it_is_long_is_refused_in_few_words(text: str, tmp_path: Path) -> None:
    for found in refused_soon(TWO_RULES.replace("<text>x</text>", f"<text>{text}</text>"), tmp_path):
        assert "y" * 100 not in str(found)
        assert "9" * 100 not in str(found)


@pytest.mark.parametrize(
    "cell",
    ["> 1 " + "z" * 9_000, f'> 1 "{"z" * 9_000}"', f"({'z' * 9_000}", f"z{'z' * 9_000}(1)", "1..".ljust(9_000, "9")],
)
def test_cell_when_it_is_long_is_refused_in_few_words(cell: str, tmp_path: Path) -> None:
    (found,) = refused_soon(model(given("x", "number"), table("d", ["x"], [[cell, "1"]])), tmp_path)
    assert found.field == CELL


def test_element_when_its_own_name_is_long_is_shown_shortened(tmp_path: Path) -> None:
    tag = "t" * 40_000
    for text in (
        f"<{tag}/>",
        TWO_RULES.replace("<rule>", f"<{tag}>", 1),
        TWO_RULES.replace("<inputData", f"<{tag}/><inputData", 1),
        TWO_RULES.replace("&gt; 1", f"&gt; 1<{tag}/>"),
    ):
        assert "ttt" in str(refused_soon(text, tmp_path)[0])


@drawn(st.text(max_size=300))
def test_name_of_any_length_when_shown_is_one_short_line(name: str) -> None:
    shown = describe("input", name)
    assert len(shown) <= len("input ''") + LONGEST_SHOWN
    assert shown.isprintable()


# What stands within a text


WITHIN: dict[str, tuple[str, str]] = {
    "an inclusion": (
        '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/passwd" parse="text"/>', "include",
    ),
    "bold letters": ("&gt; 1<b>5</b>", "b"),
    "another text": ("&gt; 1<text>5</text>", "text"),
}  # fmt: skip


@pytest.mark.parametrize(("inside", "tag"), WITHIN.values(), ids=WITHIN)
def test_element_within_a_text_when_found_is_refused_by_name_and_line(inside: str, tag: str, tmp_path: Path) -> None:
    (found,) = problems_of(TWO_RULES.replace("&gt; 1", inside), tmp_path)
    assert (found.place.line, found.field) == (8, RULE)
    assert found.message == f"holds the element <{tag}> within a text, which is not taken"


ELSEWHERE: dict[str, tuple[str, str]] = {
    "an input expression": ("<text>x</text>", "<text>x<b/></text>"),
    "an output entry": ('<text>"a"</text>', '<text>"a"<b/></text>'),
    "output values": ("<output>", '<output><outputValues><text>"a", "b"<b/></text></outputValues>'),
    "a default output": ("<output>", '<output><defaultOutputEntry><text>"c"<b/></text></defaultOutputEntry>'),
    "input values": ("<input>", "<input><inputValues><text>[0..9]<b/></text></inputValues>"),
    "allowed values": (
        "<inputData",
        '<itemDefinition name="t"><allowedValues><text>1<b/></text></allowedValues></itemDefinition><inputData',
    ),
    "a type": ("<inputData", '<itemDefinition name="t"><typeRef>num<b/>ber</typeRef></itemDefinition><inputData'),
}


@pytest.mark.parametrize(("old", "new"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_element_within_a_text_when_it_has_a_say_is_refused_wherever_it_stands(
    old: str, new: str, tmp_path: Path
) -> None:
    found = problems_of(TWO_RULES.replace(old, new, 1), tmp_path)
    assert "holds the element <b> within a text, which is not taken" in [problem.message for problem in found]


def test_comments_and_sections_within_a_text_when_read_change_nothing(tmp_path: Path) -> None:
    text = TWO_RULES.replace("&gt; 1", "<!-- > 5 --><![CDATA[>]]> <?tool x?>1")
    assert conclusions(imported(text, tmp_path), x=2) == {"d": "a"}


SECONDS: dict[str, tuple[str, str, str]] = {
    "a second text": ("<text>&gt; 1</text>", "<text>&gt; 1</text><text>&gt; 5</text>", "text"),
    "a second expression": (
        "<inputExpression>", "<inputExpression><text>x</text></inputExpression><inputExpression>", "inputExpression",
    ),
    "a second table": ("<decisionTable", "<decisionTable><output/></decisionTable><decisionTable", "decisionTable"),
    "a second variable": ("<variable", '<variable name="y" typeRef="string"/><variable', "variable"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "tag"), SECONDS.values(), ids=SECONDS)
def test_element_that_stands_once_when_there_are_two_is_refused(old: str, new: str, tag: str, tmp_path: Path) -> None:
    found = problems_of(TWO_RULES.replace(old, new, 1), tmp_path)
    assert f"holds 2 elements <{tag}>, and only one is taken" in [problem.message for problem in found]


# Types that are not taken

UNTAKEN = [
    "date", "time", "dateTime", "date and time", "dayTimeDuration", "days and time duration",
    "yearMonthDuration", "years and months duration", "feel:date",
]  # fmt: skip
TYPES = '<itemDefinition name="day"><typeRef>date</typeRef></itemDefinition>'
LOOP = (
    '<itemDefinition name="day"><typeRef>night</typeRef></itemDefinition>'
    '<itemDefinition name="night"><typeRef>day</typeRef></itemDefinition>'
)


def gives_text(*, on_variable: str = "", on_output: str = "", types: str = "") -> str:
    variable = f'<variable name="d" typeRef="{on_variable}"/>' if on_variable else ""
    decision = table("d", ["x"], [["1", '"2020-01-01"']], outputs=[("", on_output)], more=variable)
    return model(types, given("x", "number"), decision)


@pytest.mark.parametrize("kind", [*UNTAKEN, "day"])
def test_type_that_is_not_taken_when_a_decision_has_it_is_refused_wherever_it_stands(kind: str, tmp_path: Path) -> None:
    bare = "date" if kind == "day" else kind.removeprefix("feel:")
    for text in (
        gives_text(on_variable=kind, types=TYPES),
        gives_text(on_variable=kind, on_output="string", types=TYPES),
        gives_text(on_output=kind, types=TYPES),
    ):
        found = problems_of(text, tmp_path)
        assert [(one.field, one.message) for one in found] == [(D, f'the type "{bare}" is not taken')]


def test_type_of_several_outputs_when_it_is_not_taken_is_refused(tmp_path: Path) -> None:
    text = model(
        table("d", [], [['"a"', '"b"']], outputs=[("p", ""), ("q", "")], more='<variable name="d" typeRef="date"/>')
    )
    assert [one.message for one in problems_of(text, tmp_path)] == ['the type "date" is not taken']


@pytest.mark.parametrize("kind", ["string", "Any", "", "undefined", "day"])
def test_type_of_a_decision_when_it_is_taken_or_says_nothing_decides(kind: str, tmp_path: Path) -> None:
    types = LOOP if kind == "day" else ""
    text = gives_text(on_variable=kind, on_output="string", types=types)
    assert conclusions(imported(text, tmp_path), x=1) == {"d": "2020-01-01"}


def constrained(*elements: str) -> str:
    kind = f'<itemDefinition name="t"><typeRef>string</typeRef>{"".join(elements)}</itemDefinition>'
    rows = [['"x"', "1"], ["-", "2"]]
    return model(kind, given("x", "t"), table("d", ["x"], rows, policy="FIRST"), namespace=VERSIONS["1.5"])


def test_constraint_of_a_type_when_it_differs_from_the_allowed_values_is_refused(tmp_path: Path) -> None:
    allowed, constraint = (
        '<allowedValues><text>"x","y"</text></allowedValues>',
        "<typeConstraint><text>{}</text></typeConstraint>",
    )
    (found,) = problems_of(constrained(allowed, constraint.format('"x"')), tmp_path)
    assert (found.place.line, found.field) == (2, "type 't'")
    assert found.message == "has a type constraint beside allowed values that differ from it"
    knowledge = imported(constrained(allowed, constraint.format('\n"x","y" ')), tmp_path)
    assert conclusions(knowledge, x="y") == {"d": 2}


# Numbers and texts that no program can hold


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (r'"\UFFFFFF"', r"the escape \UFFFFFF"),
        ("1e99999999999999999999999", "too large or too small"),
        ("1e-99999999999999999999999", "too large or too small"),
        (f"1e{'9' * 15_000}", "too large or too small"),
    ],
)
def test_constant_when_nothing_can_hold_it_is_refused(cell: str, message: str, tmp_path: Path) -> None:
    for text in (
        model(given("x"), table("d", ["x"], [[cell, "1"]])),
        model(given("x"), table("d", ["x"], [["-", cell]])),
    ):
        (found,) = refused_soon(text, tmp_path)
        assert message in found.message


def test_text_when_it_never_ends_is_refused_in_little_time(tmp_path: Path) -> None:
    cell = '"' + r"\"" * 9_900
    (found,) = refused_soon(model(given("x"), table("d", ["x"], [[cell, "1"]])), tmp_path)
    assert "without a closing quote" in found.message


# Where a name ends


def longest(names: Sequence[str], text: str) -> str | None:
    """The longest name that a text begins with, found by trying each."""
    for name in sorted(map(normalized, names), key=len, reverse=True):
        spaced = r"\s+".join(map(re.escape, name.split(" ")))
        if name and re.match(rf"{spaced}(?![\w'’])", text):
            return name
    return None


NAMES = st.lists(st.text(alphabet="ab -,'", min_size=1, max_size=6), max_size=12)


@settings(max_examples=500)
@drawn(names=NAMES, before=st.sampled_from(["", "a ", "§"]), text=st.text(alphabet="ab -,'", min_size=1, max_size=12))
@example(names=["a", "a a a b", "a a"], before="", text="a a a,")
@example(names=["a", "ab", "a b"], before="", text="a b'")
def test_name_when_several_begin_alike_is_the_longest_that_ends_where_a_word_does(
    names: list[str], before: str, text: str
) -> None:
    spaced = normalized(text) or "a"
    found = _Declared(names).at(f"{before}{spaced}", len(before))
    assert (normalized(found[0]) if found else None) == longest(names, spaced)
    assert found is None or spaced[: found[1] - len(before)] == normalized(found[0])


def test_name_when_it_is_written_with_many_spaces_is_the_same_name() -> None:
    names = ["risk category", "risk"]
    assert read_term("risk \t\n  category", names) == Reference("risk category")
    assert read_term("risk", names) == Reference("risk")
    assert read_tests('"risk  category"', names).tests[0].term.value == "risk  category"  # type: ignore[union-attr]
    with pytest.raises(NotTakenError, match="riskcategory"):
        read_term("riskcategory", names)


def test_import_when_a_name_holds_two_spaces_in_a_row_is_refused_or_decides(tmp_path: Path) -> None:
    requires = '<informationRequirement><requiredInput href="#a  b"/></informationRequirement>'
    text = model('<inputData id="a  b" name="q"/>', table("d", ["a  b"], [["1", '"a"']], more=requires))
    (tmp_path / "model.dmn").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match="a b"):
        import_dmn(tmp_path / "model.dmn")
