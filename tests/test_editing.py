"""A base of one's own: the copy, the scaffolds and the canonical layout."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cli import main
from engine.checking.check import check
from engine.describe import decide
from engine.editing import add_part, formatted, new_part, start_base, unformatted, write_files
from engine.errors import BadInput
from engine.inference import EnginePool
from engine.knowledge import Knowledge, load_knowledge
from engine.report import render
from engine.schema import schemas
from engine.soundness import require_sound
from engine.source import read_document, read_text_document
from engine.testing.rule_tests import read_tests, run_tests
from tests.cases import EXAMPLES, ROOT, example, knowledge, pool
from tests.small_base import small_base, write_base

SHIPPED = sorted(path for folder in ("rules", "examples") for path in (ROOT / folder).rglob("*.yaml"))


def run(*arguments: str | Path) -> Result:
    """What a command does in this process."""
    return CliRunner().invoke(main, list(map(str, arguments)), prog_name="breakeven")


def texts(folder: Path) -> dict[str, str]:
    """Every file of a folder with its text."""
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()
    }


# -- layout --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_shipped_file_when_laid_out_stays_as_it_is(path: Path) -> None:
    assert unformatted([path]) == {}


#: Values that a reader of YAML would write otherwise than they were written.
VALUES = (
    "41_717.5", "-41_717.5", "6_666.67", "1_000_000", "007", "0x1F", "+3", ".5", "1.50", "1e5", "12:30", "2026-01-01",
    "yes", "no", "on", "off", "true", "null", "~", "", "82%", "$45_000", "1 000", "never", "it's", "a#b", "naïve ∞",
    "'yes'", '"no"', "'it''s'", '"a: b # c"', '"0"', "'007'", '"{{ x }} and {% y %}"', '""',
)  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
def test_value_when_laid_out_keeps_its_text(value: str) -> None:
    text = f"a: {value}".rstrip() + f"\nb:\n  - c: {value} # why\n"
    assert formatted(text) == text
    if value:
        in_braces = f"a: {{b: {value}, c: [{value}, {value}]}}\n"
        assert formatted(in_braces) == in_braces


LAYOUTS = {
    "indented by four": ("a:\n    b: 1\n    c:\n        - 2\n", "a:\n  b: 1\n  c:\n    - 2\n"),
    "a list at the margin": ("a:\n- b: 1\n  c: 2\n- 3\n", "a:\n  - b: 1\n    c: 2\n  - 3\n"),
    "spaces in braces": ("a: {b:  1,   c: [ 1,2 ]}\n", "a: {b: 1, c: [1, 2]}\n"),
    "a mapping over lines": ("a:\n  {b: 1,\n   c: 2}\n", "a: {b: 1, c: 2}\n"),
    "spaces after values": ("a: 1   \nb: 2 \n", "a: 1\nb: 2\n"),
    "spaces before a colon": ("a : 1\n", "a: 1\n"),
    "no end of the last line": ("a: 1", "a: 1\n"),
    "ends of Windows": ("a: 1\r\nb:\r\n  - 2\r\n", "a: 1\nb:\n  - 2\n"),
    "ends of Windows behind comments": (
        "# head\r\na: 1 # why\r\nb: |\r\n  x\r\n  y\r\n",
        "# head\na: 1 # why\nb: |\n  x\n  y\n",
    ),
    "ends of old": ("# head\ra: 1\r", "# head\na: 1\n"),
    "empty lines at the end": ("a: 1\n\n\n", "a: 1\n"),
    "an explicit nothing": ("a: null\nb: ~\nc:\n", "a: null\nb: ~\nc:\n"),
    "comments": (
        "# head\n\n# about a\na:   1   # why\n# about b\nb:\n    # first\n    - 2 # two\n# end\n",
        "# head\n\n# about a\na: 1     # why\n# about b\nb:\n    # first\n  - 2   # two\n# end\n",
    ),
    "a long line": (f"a: {'word ' * 60}end\n", f"a: {'word ' * 60}end\n"),
    "a block of text": ("a: |\n    one  \n      two\nb: >-\n    three\n    four\n", None),
}


@pytest.mark.parametrize(("text", "wanted"), LAYOUTS.values(), ids=LAYOUTS)
def test_layout_when_canonical_is_the_one_expected(text: str, wanted: str | None) -> None:
    laid_out = formatted(text)
    if wanted is not None:
        assert laid_out == wanted
    assert formatted(laid_out) == laid_out
    assert values_of(laid_out) == values_of(text)


REFUSED = {
    "a comment within brackets": ("a: [1, # one\n  2]\n", 1, 'the comment "# one" would be lost'),
    "a name given twice": ("a: 1\na: 2\n", 2, "a"),
    "an empty file": ("", None, "the file is empty"),
    "comments alone": ("# nothing\n", None, "the file is empty"),
    "a tab after a value": ("a: 1\nb: 2\t\n", 2, "cannot be laid out"),
    "what is no YAML": ("a: [1\n", None, ""),
}


@pytest.mark.parametrize(("text", "line", "message"), REFUSED.values(), ids=REFUSED)
def test_file_when_it_cannot_be_laid_out_is_refused_with_its_line(text: str, line: int | None, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        formatted(text, "my.yaml")
    problem = refused.value.problems[0]
    assert problem.place.file == "my.yaml"
    assert line is None or problem.place.line == line
    assert message in str(problem)


_FLAT = st.sampled_from([value for value in VALUES if value])
_BLOCKS = st.sampled_from(["|\n§one\n§ two # none\n", "|-\n§x  \n§y\n", ">-\n§folded text\n§goes on\n\n§here\n"])
_COMMENTS = st.sampled_from(["", "", "", " # why", "   # see: x, 'y'"])
_LINES = st.sampled_from(["", "", "", "\n", "# own line\n", "\n# odd # line\n"])
_NAMES = st.lists(st.sampled_from(["a", "b_c", "'q'", '"k k"', "yes", "1", "d e", "e-f"]), min_size=1, unique=True)


@st.composite
def flows(draw: st.DrawFn, depth: int = 0) -> str:
    """A value in one line."""
    kind = draw(st.integers(0, 3 if depth < 2 else 1))
    if kind < 2:
        return draw(_FLAT)
    parts = draw(st.lists(flows(depth + 1), max_size=3))
    separator = draw(st.sampled_from([", ", ",  "]))
    if kind == 2:
        return f"[{separator.join(parts)}]"
    return "{" + separator.join(f"k{index}: {part}" for index, part in enumerate(parts)) + "}"


@st.composite
def nodes(draw: st.DrawFn, indent: int = 0, depth: int = 0) -> str:
    """What follows a name or a dash, to the end of its last line."""
    kind = draw(st.integers(0, 5 if depth < 3 else 2))
    if kind == 0:
        return " " + draw(_BLOCKS).replace("§", " " * (indent + 2))
    if kind <= 2:
        return f" {draw(flows())}{draw(_COMMENTS)}\n"
    step = draw(st.integers(1, 4))
    inner = indent + step
    lines = [f"{draw(_COMMENTS)}\n"]
    for name in draw(_NAMES):
        lines.append(draw(_LINES).replace("#", " " * inner + "#", 1))
        head = f"{name}:" if kind <= 4 else "-"
        lines.append(" " * inner + head + draw(nodes(inner, depth + 1)))
    return "".join(lines)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A file as people write them: any indentation, comments anywhere, values of every form."""
    parts = [draw(_LINES)]
    for name in draw(_NAMES):
        parts += [draw(_LINES), f"{name}:", draw(nodes())]
    return "".join(parts)


def values_of(text: str) -> list[tuple[str, str | None, str | None]]:
    """The structure of a text with each value as written and how it is quoted."""
    found = []
    for event in yaml.parse(text, Loader=yaml.BaseLoader):
        value, style = getattr(event, "value", None), getattr(event, "style", None)
        found.append((type(event).__name__, value, style))
    return found


def comments_of(text: str) -> list[str]:
    """The comments of a text that has no number sign anywhere else, apart from blocks and quotes known above."""
    known = re.compile("# (?:why|see: x, 'y'|own line|odd # line)$", re.MULTILINE)
    return known.findall(text)


def laid_out_or_refused(text: str) -> tuple[str | None, str]:
    """The text laid out, or why it cannot be."""
    try:
        return formatted(text), ""
    except BadInput as refused:
        return None, str(refused)


@given(documents())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_file_when_laid_out_says_the_same_keeps_its_comments_and_is_laid_out_once(text: str) -> None:
    try:
        read_text_document(text, "drawn")
    except BadInput:
        assume(False)
    laid_out, refused = laid_out_or_refused(text)
    if laid_out is None:
        # Where a comment cannot be kept nothing is changed, and the message says so.
        assert "would be lost" in refused or "would change what the file says" in refused
        return
    assert values_of(laid_out) == values_of(text)
    assert read_text_document(laid_out, "x").value == read_text_document(text, "x").value
    assert comments_of(laid_out) == comments_of(text)
    assert formatted(laid_out) == laid_out
    assert not [line for line in laid_out.split("\n") if line.endswith("\t")]


def test_fmt_when_only_asked_to_check_names_the_files_changes_none_and_fails(tmp_path: Path) -> None:
    write_base(tmp_path)
    (tmp_path / "tests" / "more.yml").write_text("tests:\n- {name:  More, fired: [near]}\n", "utf-8")
    before = texts(tmp_path)
    checked = run("rules", "fmt", "--check", "--rules", tmp_path)
    assert checked.exit_code == 1
    assert f"would change: {tmp_path}/tests/more.yml" in checked.stdout
    assert texts(tmp_path) == before
    written = run("rules", "fmt", "--rules", tmp_path)
    assert written.exit_code == 0
    assert (tmp_path / "tests" / "more.yml").read_text("utf-8") == "tests:\n  - {name: More, fired: [near]}\n"
    again = run("rules", "fmt", "--check", "--rules", tmp_path)
    assert (again.exit_code, again.stdout) == (0, "")


def test_fmt_when_one_file_cannot_be_laid_out_changes_none_and_names_it(tmp_path: Path) -> None:
    write_base(tmp_path)
    more = tmp_path / "tests" / "more.yaml"
    more.write_text("tests:\n  - {name: More, fired: [near, # one\n  by-bike]}\n", "utf-8")
    before = texts(tmp_path)
    refused = run("rules", "fmt", "--rules", tmp_path)
    assert refused.exit_code == 2
    assert f'{tmp_path}/tests/more.yaml:2: the comment "# one" would be lost' in refused.stderr
    assert texts(tmp_path) == before


def test_fmt_when_other_files_lie_below_the_base_leaves_them_alone(tmp_path: Path) -> None:
    write_base(tmp_path)
    (tmp_path / ".github").mkdir()
    other = tmp_path / ".github" / "workflow.yaml"
    other.write_text("on:\n    push:   {}\n", "utf-8")
    assert run("rules", "fmt", "--rules", tmp_path).exit_code == 0
    assert other.read_text("utf-8") == "on:\n    push:   {}\n"


# -- a copy to own -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the built-in base, not to be changed."""
    directory = tmp_path_factory.mktemp("own") / "my rules"
    start_base(directory, knowledge())
    return directory


def test_copy_when_compared_has_every_rule_and_test_of_the_built_in_base(own: Path) -> None:
    copied = {name: text for name, text in texts(own).items() if name.endswith(".yaml")}
    source = {name: text for name, text in texts(ROOT / "rules").items() if name.endswith(".yaml")}
    assert copied.keys() == source.keys()
    for name, text in copied.items():
        assert text.split("\n", 1)[1] == source[name].split("\n", 1)[1]


def test_copy_when_edited_finds_the_schema_of_each_of_its_files(own: Path) -> None:
    for path in own.rglob("*.yaml"):
        line = path.read_text("utf-8").split("\n", 1)[0]
        named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", line)
        assert named, path
        schema = json.loads((path.parent / named[1]).read_text("utf-8"))
        jsonschema.validate(read_document(path).value, schema, jsonschema.Draft202012Validator)


def test_copy_when_checked_and_tested_is_as_sound_as_the_built_in_base(own: Path) -> None:
    base = load_knowledge(own)
    require_sound(base)
    assert check(own, seconds=0).exit_status == 0
    results = list(run_tests(read_tests(base)[:40], EnginePool(base)))
    assert {result.word for result in results} == {"passed"}


@pytest.mark.parametrize("name", [path.stem for path in EXAMPLES])
def test_copy_when_it_decides_an_example_says_what_the_built_in_base_says(own: Path, name: str) -> None:
    base = load_knowledge(own)
    found = json.loads(render(decide(example(name), EnginePool(base)), "json"))
    wanted = json.loads(render(decide(example(name), pool()), "json"))
    for part in ("recommendation", "conclusions", "unknown"):
        assert found[part] == wanted[part]
    values = {figure: told["value"] for figure, told in wanted["figures"].items()}
    assert {figure: told["value"] for figure, told in found["figures"].items()} == values


@pytest.mark.parametrize("there", ["a file in it", "a file", "a dangling link"])
def test_copy_when_its_directory_is_taken_is_refused_and_nothing_is_written(tmp_path: Path, there: str) -> None:
    directory = tmp_path / "taken"
    if there == "a file":
        directory.write_text("mine", "utf-8")
    elif there == "a dangling link":
        directory.symlink_to(tmp_path / "nowhere")
    else:
        directory.mkdir()
        (directory / "mine.txt").write_text("mine", "utf-8")
    refused = run("rules", "init", directory)
    assert refused.exit_code == 2
    assert refused.stderr.startswith(f"{directory}: is already there and not empty")
    assert texts(tmp_path) in ({"taken/mine.txt": "mine"}, {"taken": "mine"}, {})


@pytest.mark.parametrize("directory", ["\0", "file/rules", "x" * 300])
def test_copy_when_its_directory_cannot_be_made_is_refused_in_one_message(tmp_path: Path, directory: str) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(BadInput) as refused:
        start_base(tmp_path / directory, knowledge())
    assert len(refused.value.problems) == 1
    assert "cannot be" in refused.value.problems[0].message


def test_copy_when_its_directory_is_there_and_empty_fills_it(tmp_path: Path) -> None:
    assert run("rules", "init", tmp_path).exit_code == 0
    assert (tmp_path / "knowledge.yaml").is_file()


# -- new parts -----------------------------------------------------------------------------------------


def added(base: Knowledge, part: str, name: str, decision: str | None = None) -> Knowledge:
    """The base with a new part scaffolded in it; every file it touches must be in the canonical layout."""
    files = new_part(base, part, name, decision)  # type: ignore[arg-type]
    laid_out = [path for path in files if not path.exists() or not unformatted([path])]
    write_files(Path(), {str(path): text for path, text in files.items()})
    assert unformatted(laid_out) == {}
    found = load_knowledge(base.directory)
    require_sound(found)
    return found


def words(base: Knowledge) -> dict[str, str]:
    """How each test of a base comes out."""
    return {result.test.name: result.word for result in run_tests(read_tests(base), EnginePool(base))}


@pytest.fixture
def copy(own: Path, tmp_path: Path) -> Knowledge:
    """A copy of the built-in base to change, in a folder whose first file of tests is its only one."""
    shutil.copytree(own, tmp_path / "own")
    for path in sorted((tmp_path / "own" / "tests").glob("*.yaml"))[1:]:
        path.unlink()
    return load_knowledge(tmp_path / "own")


def test_fact_when_scaffolded_is_one_that_nothing_reads_yet_with_a_test_to_be_confirmed(copy: Knowledge) -> None:
    base = added(copy, "fact", "vendor_is_approved")
    assert list(base.facts) == [*copy.facts, "vendor_is_approved"]
    findings = check(base.directory, seconds=0).findings
    assert [one.message for one in findings if one.severity != "info"] == [
        "vendor_is_approved: no formula, rule or sentence reads it"
    ]
    assert words(base)["Vendor is approved makes a difference"] == "to be confirmed"


def test_decision_when_scaffolded_passes_check_and_test_as_it_is(copy: Knowledge) -> None:
    base = added(copy, "decision", "procurement")
    assert [row.id for row in base.decisions["procurement"].rows] == ["procurement-applies", "procurement-otherwise"]
    assert check(base.directory, seconds=0).exit_status == 0
    assert words(base)["Procurement applies where it should"] == "passed"
    line = (base.directory / "procurement.yaml").read_text("utf-8").split("\n", 1)[0]
    assert line == "# yaml-language-server: $schema=schemas/decision.schema.json"
    line = (base.directory / "tests" / "procurement.yaml").read_text("utf-8").split("\n", 1)[0]
    assert line == "# yaml-language-server: $schema=../schemas/tests.schema.json"


#: A decision of the built-in base, and the row that a new one must come before: None where it comes last.
ROWS = {"method": None, "framework_reason": None, "cautions": None, "strength": None, "scale": None}


@pytest.mark.parametrize("decision", ROWS)
def test_rule_when_scaffolded_never_fires_until_its_condition_is_filled_in(copy: Knowledge, decision: str) -> None:
    base = added(copy, "rule", "brand-new", decision)
    table = base.decisions[base.decision_of[decision]]
    old = copy.decisions[copy.decision_of[decision]]
    position = [row.id for row in table.rows].index("brand-new")
    assert [row.id for row in table.rows if row.id != "brand-new"] == [row.id for row in old.rows]
    last = old.rows[-1].declaration.when
    assert position == len(old.rows) - (1 if last in ("true", "otherwise") and old.policy != "collect" else 0)
    assert words(base)["Brand new fires where it should"] == "failed"
    found = [one for one in check(base.directory, seconds=5).findings if one.code == "never-holds"]
    assert [one.message for one in found] == ["brand-new: its condition is never true"]


def test_rule_when_its_decision_has_numbers_groups_or_words_that_need_quotes_concludes_one_of_each(
    tmp_path: Path,
) -> None:
    decisions = {
        "points": ("decides: points\nvalues: [1.5, 2]", "1.5"),
        "allowed": ("decides: allowed\nvalues: [yes, no]", "yes"),
        "word": ("decides: word\nvalues: ['a: b', c]", '"a: b"'),
        "trip": ("name: trip\ndecides: {mode: [slow, fast], cost: [1, 2]}", "{mode: slow, cost: 1}"),
    }
    row = "{{id: {id}, when: 'true', then: {then}, because: b, source: s}}"
    text = "{head}\ntitle: t\nsource: s\nhit_policy: first\nrules:\n  - " + row + "\n"
    base = small_base(
        tmp_path,
        **{name: text.format(head=head, id=f"{name}-row", then=then) for name, (head, then) in decisions.items()},
    )
    for name in decisions:
        base = added(base, "rule", f"new-{name}", name)
        new, old = base.decisions[name].rows
        assert (new.id, new.then) == (f"new-{name}", old.then)


LAID_OUT: Mapping[str, str] = {
    "another section follows": """\
        decides: size
        rules:
          - {id: size-a, when: distance > 5, then: big, because: b, source: s}

          - {id: size-b, when: distance <= 5, then: small, because: b, source: s}

        # The values.
        values: [big, small]
        title: t
        source: s
        hit_policy: unique
        """,
    "the list is at the margin": """\
        decides: size
        values: [big, small]
        title: t
        source: s
        hit_policy: first
        rules:
        - id: size-a
          when: distance > 5
          then: big
          because: b
          source: s
        # All others.
        - id: size-b
          when: otherwise
          then: small
          because: b
          source: s
        """,
}


@pytest.mark.parametrize("name", LAID_OUT)
def test_rule_when_the_file_is_laid_out_otherwise_is_added_among_the_rows(tmp_path: Path, name: str) -> None:
    base = small_base(tmp_path, size=LAID_OUT[name])
    files = new_part(base, "rule", "size-c", "size")
    write_files(Path(), {str(path): text for path, text in files.items()})
    found = load_knowledge(tmp_path)
    wanted = ["size-a", "size-b", "size-c"] if "follows" in name else ["size-a", "size-c", "size-b"]
    assert [row.id for row in found.decisions["size"].rows] == wanted
    old = [line.strip() for line in LAID_OUT[name].splitlines() if line.strip()]
    new = [line.strip() for line in (tmp_path / "size.yaml").read_text("utf-8").splitlines() if line.strip()]
    assert [line for line in old if line not in new] == []
    comment = next(line for line in old if line.startswith("#"))
    assert new[new.index(comment) + 1] == old[old.index(comment) + 1]


def test_rule_when_the_rows_are_written_in_brackets_is_refused_with_the_way_out(tmp_path: Path) -> None:
    size = """\
        decides: size
        values: [big]
        title: t
        source: s
        hit_policy: first
        rules: [{id: size-a, when: distance > 5, then: big, because: b, source: s}]
        """
    base = small_base(tmp_path, size=size)
    with pytest.raises(BadInput, match="does not fit its layout"):
        new_part(base, "rule", "size-c", "size")


def test_fact_when_the_facts_are_indented_by_four_is_added_among_them(tmp_path: Path) -> None:
    facts = (write_base(tmp_path) / "facts.yaml").read_text("utf-8")
    base = small_base(tmp_path, facts=re.sub("^  ", "    ", facts, flags=re.MULTILINE))
    write_files(Path(), {str(path): text for path, text in new_part(base, "fact", "urgent").items()})
    assert list(load_knowledge(tmp_path).facts) == [*base.facts, "urgent"]


@pytest.mark.parametrize("facts", [
    "{n: {title: n, type: number, unit: km, source: s}}",
    "{c: {title: c, type: choice, choices: {a: a, b: b}, source: s}}",
    "{d: {title: d, type: number, unit: km, default: 1, default_source: s, source: s}}",
])  # fmt: skip
def test_decision_when_the_base_has_no_yes_or_no_reads_what_there_is(tmp_path: Path, facts: str) -> None:
    (tmp_path / "knowledge.yaml").write_text("name: n\nversion: '1'\ntitle: t\nbase_units: [km]\n", "utf-8")
    (tmp_path / "facts.yaml").write_text(f"facts: {facts}\n", "utf-8")
    (tmp_path / "costs.yaml").write_text("figures: {}\n", "utf-8")
    base = added(load_knowledge(tmp_path), "decision", "route")
    assert words(base) == {"Route applies where it should": "passed"}
    assert check(tmp_path, seconds=5).exit_status == 0


def test_decision_when_the_base_has_no_facts_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "knowledge.yaml").write_text("name: n\nversion: '1'\ntitle: t\nbase_units: [km]\n", "utf-8")
    (tmp_path / "facts.yaml").write_text("facts: {}\n", "utf-8")
    (tmp_path / "costs.yaml").write_text("figures: {}\n", "utf-8")
    base = load_knowledge(tmp_path)
    with pytest.raises(BadInput, match="breakeven rules new fact"):
        new_part(base, "decision", "route")


NAMES = {
    ("fact", "budget", None): "'budget' is already there",
    ("decision", "recommendation", None): "'recommendation' is already there",
    ("rule", "q1-low-volume", "method"): "'q1-low-volume' is already there",
    ("fact", "Budget", None): "cannot be a name",
    ("fact", "a-b", None): "cannot be a name",
    ("fact", "x" * 81, None): "cannot be a name",
    ("fact", "a\n", None): "cannot be a name",
    ("decision", "../up", None): "cannot be a name",
    ("rule", "../up", "method"): "cannot be a name",
    ("rule", "a: b", "method"): "cannot be a name",
    ("rule", "", "method"): "cannot be a name",
    ("fact", "unknown", None): "a word of the rule language",
    ("decision", "claims", None): "which is there for something else",
    ("decision", "costs", None): "which is there for something else",
    ("rule", "new-one", None): "--decision: a rule needs its decision. Name one of",
    ("rule", "new-one", "metod"): "there is no decision 'metod'. Did you mean 'method'?",
}


@pytest.mark.parametrize("name", NAMES)
def test_name_when_taken_or_none_is_refused_and_nothing_is_written(
    own: Path, name: tuple[str, str, str | None]
) -> None:
    before = texts(own)
    part, new, decision = name
    decided = ("--decision", decision) if decision else ()
    refused = run("rules", "new", part, new, *decided, "--rules", own)
    assert refused.exit_code == 2
    assert NAMES[name] in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert texts(own) == before


def test_rule_when_a_file_of_tests_has_its_name_is_refused_rather_than_written_over(tmp_path: Path) -> None:
    base = small_base(tmp_path)
    (tmp_path / "tests" / "by-boat.yaml").write_text("tests: []\n", "utf-8")
    with pytest.raises(BadInput, match=r"by-boat\.yaml, which is there for something else"):
        new_part(base, "rule", "by-boat", "transport")


@pytest.mark.parametrize("word", ["on", "off", "null"])
def test_name_when_yaml_has_a_meaning_for_it_is_written_so_that_it_stays_a_name(tmp_path: Path, word: str) -> None:
    base = added(small_base(tmp_path), "fact", word)
    assert word in base.facts
    base = added(small_base(tmp_path / "other"), "decision", word)
    assert word in base.decisions


def test_rule_not_in_force_today_when_its_id_is_taken_again_is_refused(tmp_path: Path) -> None:
    transport = (write_base(tmp_path) / "transport.yaml").read_text("utf-8")
    base = small_base(tmp_path, transport=transport.replace("id: near\n", "id: near\n    until: 2020-01-01\n", 1))
    assert "near" not in [row.id for row in base.decisions["transport"].rows]
    with pytest.raises(BadInput, match="'near' is already there"):
        new_part(base, "rule", "near", "transport")


@pytest.mark.parametrize(("arguments", "told"), [
    (("fact", "vendor_ok"), "let a rule read it"),
    (("decision", "procurement"), "its test passes as it stands"),
    (("rule", "method-tiny", "--decision", "method"), "until then it never fires, and its test fails"),
])  # fmt: skip
def test_new_when_done_names_its_files_and_what_is_left_to_do(
    copy: Knowledge, arguments: tuple[str, ...], told: str
) -> None:
    before = texts(copy.directory)
    done = run("rules", "new", *arguments, "--rules", copy.directory)
    assert (done.exit_code, done.stderr) == (0, "")
    *files, last = done.stdout.splitlines()
    after = texts(copy.directory)
    changed = {name for name in after if after[name] != before.get(name)}
    assert set(files) == {str(copy.directory / name) for name in changed}
    assert told in last


def test_scaffolds_when_written_fit_the_schemas_of_their_base(copy: Knowledge) -> None:
    base = added(added(added(copy, "fact", "vendor_ok"), "decision", "procurement"), "rule", "tiny", "method")
    current = schemas(base)
    for name, kind in {
        "facts.yaml": "facts", "procurement.yaml": "decision", "method.yaml": "decision",
        "tests/vendor_ok.yaml": "tests", "tests/procurement.yaml": "tests", "tests/tiny.yaml": "tests",
    }.items():  # fmt: skip
        value = read_document(base.directory / name).value
        jsonschema.validate(value, current[kind], jsonschema.Draft202012Validator)


# -- what several people do at once --------------------------------------------------------------------


def test_parts_when_added_by_several_processes_at_once_are_all_kept(tmp_path: Path) -> None:
    write_base(tmp_path)
    names = [f"fact_{number}" for number in range(4)]
    command = [sys.executable, "cli.py", "rules", "new", "fact"]
    started = [
        subprocess.Popen([*command, name, "--rules", str(tmp_path)], cwd=ROOT, stdout=subprocess.DEVNULL)
        for name in names
    ]
    assert [one.wait(60) for one in started] == [0] * len(names)
    base = load_knowledge(tmp_path)
    assert set(names) <= set(base.facts)
    assert all((tmp_path / "tests" / f"{name}.yaml").is_file() for name in names)


def test_part_when_one_of_its_files_cannot_be_written_leaves_the_others_as_they_were(tmp_path: Path) -> None:
    base = small_base(tmp_path)
    shutil.rmtree(tmp_path / "tests")
    (tmp_path / "tests").write_text("in the way", "utf-8")
    before = texts(tmp_path)
    with pytest.raises(BadInput):
        add_part(tmp_path, lambda: base, "fact", "is_late")
    assert texts(tmp_path) == before


def test_part_when_the_base_is_missing_is_refused_as_any_other_command_does(tmp_path: Path) -> None:
    refused = run("rules", "new", "fact", "is_late", "--rules", tmp_path / "none")
    assert (refused.exit_code, "no such directory of rules" in refused.stderr) == (2, True)


# -- options that would go unheard ---------------------------------------------------------------------

UNHEARD = {
    "watching in a format": (("test", "--watch", "--format", "json"), "--watch prints text"),
    "watching into a file": (("test", "--watch", "-o", "x.txt"), "--watch prints text"),
    "watching suggestions": (("test", "--watch", "--suggest"), "--watch prints text"),
    "suggesting in a format": (("test", "--suggest", "--format", "junit"), "--suggest writes a file of tests"),
    "suggesting for some": (("test", "--suggest", "-k", "volume"), "--suggest writes a file of tests"),
    "a fact of a decision": (("new", "fact", "f", "--decision", "method", "--rules", "r"), "belongs to no decision"),
    "a graph as a picture": (("graph", "-o", "x.png"), "no format for .png: name FILE with .svg, .mmd"),
    "a handbook as pages": (("docs", "-o", "x.pdf"), "no format for .pdf: name FILE with .html"),
    "a handbook as JSON": (("docs", "-o", "x.json"), "no format for .json"),
    "a copy to nowhere": (("init", ""), "not the name of a directory"),
    "tables to nowhere": (("export", "--format", "dmn-tables", "-o", ""), "not the name of a directory"),
}


@pytest.mark.parametrize(("arguments", "message"), UNHEARD.values(), ids=UNHEARD)
def test_option_when_it_would_go_unheard_is_refused_and_nothing_is_written(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = run("rules", *arguments)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert message in refused.stderr
    assert texts(tmp_path) == {}


@pytest.mark.parametrize(
    ("name", "begins"),
    [("g.svg", "<svg"), ("g.mmd", "flowchart"), ("g.dot", "digraph"), ("g.gv", "digraph"), ("g", "flowchart")],
)
def test_graph_when_written_to_a_file_is_of_the_format_of_its_name(tmp_path: Path, name: str, begins: str) -> None:
    assert run("rules", "graph", "-o", tmp_path / name, "--rules", write_base(tmp_path / "base")).exit_code == 0
    assert begins in (tmp_path / name).read_text("utf-8")[:200]
