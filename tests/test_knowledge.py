from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from engine.catalogue import entry
from engine.errors import BadInput
from engine.knowledge import MOST_FILES, Knowledge, load_knowledge, read_knowledge
from engine.language.nodes import names_in
from tests.cases import ROOT, SMALL_BASE, knowledge, small_base


def refused(folder: Path) -> list[str]:
    """The problems of a base, without its folder."""
    with pytest.raises(BadInput) as caught:
        load_knowledge(folder)
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def loaded(folder: Path, *changes: tuple[str, str, str], on: date | None = None) -> Knowledge:
    """The small base as changed, read as any other."""
    return load_knowledge(small_base(folder, *changes), on)


# Loading


def test_base_when_nothing_is_wrong_is_loaded_whole(tmp_path: Path) -> None:
    base = loaded(tmp_path)
    assert (base.manifest.name, list(base.facts)) == ("machines", ["months", "price", "is_urgent", "colour"])
    assert {name: list(table.outputs) for name, table in base.decisions.items()} == {
        "advice": ["advice"],
        "firmness": ["firmness", "reason"],
        "warnings": ["warnings"],
    }
    assert base.decision_of["reason"] == "firmness"
    assert base.constants == {"rent_row": 10}
    assert (base.default_ranges["price"].low, base.default_ranges["price"].likely) == (100, 200)


@pytest.mark.parametrize("base", [knowledge()], ids=["built-in"])
def test_order_when_followed_has_everything_after_what_it_reads(base: Knowledge) -> None:
    places = {name: place for place, name in enumerate(base.order)}
    assert places.keys() == base.quantities.keys() | base.decisions.keys()
    for name in base.order:
        read = {base.decision_of.get(each, each) for each in base.reads[name]}
        assert [each for each in read if places.get(each, -1) >= places[name]] == []


def test_order_when_loaded_again_is_the_same() -> None:
    assert load_knowledge(ROOT / "rules").order == knowledge().order


NAMED = [("months", "months of use", "month"), ("saving", "saving", "USD"), ("rent_row", "rent", "USD/month")]


@pytest.mark.parametrize(("name", "title", "unit"), [*NAMED, ("advice", "Advice", None), ("is_urgent", "urgent", None)])
def test_name_when_looked_up_has_its_title_and_unit(tmp_path: Path, name: str, title: str, unit: str | None) -> None:
    base = loaded(tmp_path)
    assert (base.title(name), base.unit(name)) == (title, unit)


def test_upstream_of_a_conclusion_when_followed_is_every_fact_and_amount_it_rests_on(tmp_path: Path) -> None:
    base = loaded(tmp_path)
    assert base.upstream("saving") == {"months", "price", "rent_row"}
    assert base.upstream("reason") == {"months", "price", "rent_row", "is_urgent", "colour"}


def test_rule_when_loaded_knows_its_place_and_condition(tmp_path: Path) -> None:
    row = loaded(tmp_path).decisions["advice"].rows[1]
    assert (row.id, str(row.place)) == ("pays", f"{tmp_path}/advice.yaml:12")
    assert names_in(row.when) == {"saving"}


def test_figure_when_it_rests_on_a_conclusion_is_known_to(tmp_path: Path) -> None:
    late = "rent_row * months if advice == rent else 0"
    base = loaded(
        tmp_path, ("costs.yaml", "figures:", f"figures:\n  late: {{title: l, unit: USD, formula: {late}, source: t}}")
    )
    assert base.concluded & base.figures.keys() == {"late"}


# Identity


def test_hash_when_only_line_ends_differ_is_the_same(tmp_path: Path) -> None:
    before = loaded(tmp_path).sha256
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_knowledge(tmp_path).sha256 == before


CHANGES = {
    "a number": ("costs.yaml", "value: 10", "value: 11"),
    "a reason": ("advice.yaml", "It is urgent.", "It is very urgent."),
    "a comment": ("advice.yaml", "title: Advice", "title: Advice # or so"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_hash_when_a_file_changes_is_another(tmp_path: Path, change: tuple[str, str, str]) -> None:
    before = loaded(tmp_path).sha256
    assert loaded(tmp_path, change).sha256 != before


def test_hash_when_a_file_is_renamed_or_added_is_another(tmp_path: Path) -> None:
    before = loaded(tmp_path).sha256
    (tmp_path / "warnings.yaml").rename(tmp_path / "cautions.yaml")
    renamed = load_knowledge(tmp_path).sha256
    (tmp_path / "claims.yaml").write_text("claims: []\n", "utf-8")
    assert len({before, renamed, load_knowledge(tmp_path).sha256}) == 3


# What changes with time

DATED = ("costs.yaml", "value: 10", "value: [{from: 2026-01-01, value: 10}, {from: 2026-07-01, value: 12}]")


@pytest.mark.parametrize(
    ("day", "value"), [("2026-01-01", 10), ("2026-06-30", 10), ("2026-07-01", 12), ("2030-01-01", 12)]
)
def test_amount_when_dated_has_the_value_in_force_on_the_day(tmp_path: Path, day: str, value: float) -> None:
    base = loaded(tmp_path, DATED, on=date.fromisoformat(day))
    assert base.constants == {"rent_row": value}
    assert base.dated


def test_amount_when_dated_has_no_value_before_its_first_day(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match=r"costs.yaml:2: rent_row: has no value on 2025-12-31; the first is from 2026-01-01"
    ):
        loaded(tmp_path, DATED, on=date(2025, 12, 31))


def test_days_of_change_when_parts_are_dated_are_all_known(tmp_path: Path) -> None:
    rule = ("advice.yaml", "id: urgent", "id: urgent\n    from: 2026-05-01\n    until: 2026-06-01")
    amount = ("costs.yaml", "value: 10", "value: [{from: 2026-01-01, value: 10}, {from: 2027-01-01, value: 11}]")
    days = loaded(tmp_path, rule, amount, on=date(2026, 5, 2)).changes
    assert [str(day) for day in days] == ["2026-01-01", "2026-05-01", "2026-06-01", "2027-01-01"]


@pytest.mark.parametrize(
    ("day", "said"),
    [("2026-04-30", "not in force on 2026-04-30"), ("2026-06-01", "it is from 2026-05-01 until 2026-06-01")],
)
def test_rule_when_shown_on_a_day_it_is_not_in_force_says_so(tmp_path: Path, day: str, said: str) -> None:
    days = ("advice.yaml", "id: urgent", "id: urgent\n    from: 2026-05-01\n    until: 2026-06-01")
    with pytest.raises(BadInput, match=said) as caught:
        entry(loaded(tmp_path, days, on=date.fromisoformat(day)), "urgent")
    assert "nothing is called" not in str(caught.value)
    assert caught.value.problems[0].hint


@pytest.mark.parametrize(("day", "rows"), [("2026-04-30", 2), ("2026-05-01", 3), ("2026-05-31", 3), ("2026-06-01", 2)])
def test_rule_when_dated_takes_part_from_its_first_day_until_its_last(tmp_path: Path, day: str, rows: int) -> None:
    dated = "id: urgent\n    from: 2026-05-01\n    until: 2026-06-01"
    base = loaded(tmp_path, ("advice.yaml", "id: urgent", dated), on=date.fromisoformat(day))
    assert len(base.decisions["advice"].rows) == rows


# What can be wrong: each change with the line it is found on, by a part of that line, and what is said

Wrong = tuple[str, str, str, str, str]
FORM: Mapping[str, Wrong] = {
    "not YAML": ("facts.yaml", "facts:", "facts: ]", "facts: ]", "not valid YAML"),
    "nothing": ("warnings.yaml", SMALL_BASE["warnings.yaml"], "", "", "the file is empty"),
    "a name twice": (
        "advice.yaml",
        "title: Advice",
        "title: A\ntitle: Advice",
        "title: Advice",
        "given on line 2 and again",
    ),
    "an unknown field": (
        "facts.yaml",
        "    min: 0",
        "    minn: 0",
        "minn",
        "facts.months.minn: an unknown field. Did you mean 'min'?",
    ),
    "a missing field": (
        "facts.yaml",
        "    title: months of use\n",
        "",
        "  months:",
        "facts.months.title: is missing",
    ),
    "a field of another type": ("facts.yaml", "    min: 0", "    min: none", "min: none", "facts.months.min: "),
    "an unknown type": ("facts.yaml", "type: number", "type: nmuber", "nmuber", "Did you mean 'number'?"),
    "a name in capitals": (
        "facts.yaml",
        "  months:",
        "  Months:",
        "Months:",
        "names are lower-case letters, digits and _",
    ),
    "a word of the language": (
        "facts.yaml",
        "  months:",
        "  never:",
        "never:",
        "'never' is a word of the rule language",
    ),
    "choices that are not one": (
        "facts.yaml",
        "type: yes/no",
        "type: yes/no, choices: {a: A}",
        "is_urgent",
        "choices belong to facts of type choice",
    ),
    "a choice without choices": (
        "facts.yaml",
        "choices: {red: Red, blue: Blue}, ",
        "",
        "colour",
        "choices belong to facts of type choice",
    ),
    "a unit of yes or no": (
        "facts.yaml",
        "type: yes/no",
        "type: yes/no, unit: USD",
        "is_urgent",
        "has no unit and no bounds",
    ),
    "a number without unit": ("facts.yaml", "    unit: month\n", "", "months:", "a number needs a unit"),
    "a default without source": (
        "facts.yaml",
        "    default_source: test\n",
        "",
        "price:",
        "a default needs its default_source",
    ),
    "a range that falls": (
        "facts.yaml",
        "{low: 100, high: 300}",
        "{low: 300, high: 100}",
        "low: 300",
        "low ≤ likely ≤ high",
    ),
    "a likely value outside": (
        "facts.yaml",
        "{low: 100, high: 300}",
        "{low: 1, likely: 5, high: 3}",
        "low: 1",
        "low ≤ likely ≤ high",
    ),
    "rows that fall": ("costs.yaml", "[[1, 0], [12, 50]]", "[[12, 0], [1, 50]]", "rebate_at", "rows must rise"),
    "a ratio to nothing": (
        "costs.yaml",
        "[[1, 0], [12, 50]]",
        "[[0, 0], [12, 50]]",
        "rebate_at",
        "a first column above 0",
    ),
    "a table without rows": ("costs.yaml", "[[1, 0], [12, 50]]", "[]", "rows: []", "tables.rebate_at.rows: is empty"),
    "a row of three": ("costs.yaml", "[12, 50]", "[12, 50, 5]", "[12, 50, 5]", "costs"),
    "no such end": (
        "costs.yaml",
        "above: proportional",
        "above: flat",
        "above: flat",
        "expected last row or proportional, got",
    ),
    "an amount of words": ("costs.yaml", "value: 10", "value: ten", "value: ten", "number"),
    "an unknown policy": ("advice.yaml", "hit_policy: first", "hit_policy: frist", "frist", "Did you mean 'first'?"),
    "no rules": (
        "warnings.yaml",
        SMALL_BASE["warnings.yaml"][SMALL_BASE["warnings.yaml"].index("rules:") :],
        "rules: []\n",
        "rules: []",
        "rules: is empty",
    ),
    "no values": ("advice.yaml", "values: [buy, rent]\n", "", "decides: advice", "decides: NAME with values:"),
    "values twice": (
        "firmness.yaml",
        "title: Firmness",
        "title: Firmness\nvalues: [a]",
        "decides:",
        "decides: NAME with values:",
    ),
    "values of two kinds": (
        "advice.yaml",
        "values: [buy, rent]",
        "values: [buy, 5]",
        "decides:",
        "all words, all numbers or all yes/no",
    ),
    "a sum of words": (
        "warnings.yaml",
        "hit_policy: collect",
        "hit_policy: collect\naggregate: sum",
        "decides:",
        "needs values that are numbers",
    ),
    "a sum of one": (
        "advice.yaml",
        "hit_policy: first",
        "hit_policy: first\naggregate: count",
        "decides:",
        "aggregate is for hit_policy: collect",
    ),
    "an id with blanks": ("advice.yaml", "id: pays", "id: pays well", "id: pays well", "lower-case"),
    "no reason": ("advice.yaml", "    because: It is urgent.\n", "", "id: urgent", "because: is missing"),
    "no source": (
        "advice.yaml",
        "    because: It is urgent.\n    source: test\n",
        "    because: It is urgent.\n",
        "id: urgent",
        "source: is missing",
    ),
    "an empty condition": ("advice.yaml", "when: is_urgent", 'when: ""', 'when: ""', "when: "),
    "a salience too high": ("advice.yaml", "id: pays", "id: pays\n    salience: 1001", "salience: 1001", "1000"),
    "no day": ("advice.yaml", "id: pays", "id: pays\n    from: soon", "from: soon", "pays.from: "),
    "an end before the beginning": (
        *("advice.yaml", "id: pays", "id: pays\n    from: 2026-02-01\n    until: 2026-01-01", "id: pays"),
        "until must be after from, and 2026-01-01 is not after 2026-02-01",
    ),
    "an end at the beginning": (
        *("advice.yaml", "id: pays", "id: pays\n    from: 2026-02-01\n    until: 2026-02-01", "id: pays"),
        "until must be after from",
    ),
    "no version": ("knowledge.yaml", 'version: "1"\n', "", "name: machines", "version: is missing"),
}
NAMES: Mapping[str, Wrong] = {
    "in a formula": (
        "costs.yaml",
        "rent_row * months",
        "rent_row * month",
        "rent_row * month",
        "'month' is not a known name, in `rent_row * month`. Did you mean 'months'?",
    ),
    "in a condition": (
        "advice.yaml",
        "saving > 0",
        "savings > 0",
        "savings > 0",
        "pays: 'savings' is not a known name",
    ),
    "in a default": (
        "facts.yaml",
        "{low: 100, high: 300}",
        "rent_row * mnths",
        "mnths",
        "price: 'mnths' is not a known name",
    ),
    "of a choice": (
        "firmness.yaml",
        "colour == red",
        "colour == rde",
        "colour == rde",
        "'rde' is neither a known name nor one of red, blue",
    ),
    "of a quoted choice": (
        "firmness.yaml",
        "colour == red",
        "colour == 'rde'",
        "colour == 'rde'",
        "'rde' is not one of red, blue",
    ),
    "of a table": ("costs.yaml", "rebate_at(months)", "rebat_at(months)", "rebat_at", "Did you mean 'rebate_at'?"),
    "of a table with two numbers": (
        "costs.yaml",
        "rebate_at(months)",
        "rebate_at(months, 1)",
        "months, 1",
        "takes one quantity",
    ),
    "of a figure twice": ("costs.yaml", "  rent:", "  months:", "  months:", "'months' is already declared at"),
    "of an output twice": (
        "warnings.yaml",
        "decides: warnings",
        "decides: advice",
        "decides: advice",
        "'advice' is already declared at",
    ),
    "of a rule twice": (
        "advice.yaml",
        "id: does-not-pay",
        "id: pays",
        "id: pays",
        "the rule 'pays' is already declared at",
    ),
    "of a value": (
        "advice.yaml",
        "then: buy",
        "then: bye",
        "then: bye",
        "'bye' is not one of buy, rent. Did you mean 'buy'?",
    ),
    "of one output of two": (
        "firmness.yaml",
        "{firmness: strong, reason: colour}",
        "strong",
        "then: strong",
        "must conclude every output. Write {firmness: …, reason: …}",
    ),
    "of an output too many": (
        "firmness.yaml",
        "reason: colour}",
        "raeson: colour}",
        "raeson",
        "must conclude every output",
    ),
    "of a view": (
        "advice.yaml",
        "decided_by: advice",
        "decided_by: advise",
        "decided_by: advise",
        "'advise' is not a decision. Did you mean 'advice'?",
    ),
}
TYPES: Mapping[str, Wrong] = {
    "a number for a condition": (
        "advice.yaml",
        "when: is_urgent",
        "when: months",
        "when: months",
        "expected a condition (yes or no), got a number of month",
    ),
    "a condition for a number": (
        "costs.yaml",
        "rent_row * months",
        "rent_row * is_urgent",
        "is_urgent",
        "expected a number, got a condition (yes or no)",
    ),
    "a choice for a number": ("advice.yaml", "saving > 0", "colour > 0", "colour > 0", "cannot compare"),
    "an order of choices": (
        "advice.yaml",
        "saving > 0",
        "colour > red",
        "colour > red",
        "compares numbers, not one of red, blue",
    ),
    "a truth for a figure": (
        "costs.yaml",
        "formula: rent_row * months",
        "formula: is_urgent",
        "is_urgent",
        "expected a number of USD",
    ),
    "equal to unknown": (
        "advice.yaml",
        "saving > 0",
        "months == unknown",
        "== unknown",
        "nothing equals `unknown`, in `months == unknown`. Write `is unknown`",
    ),
    "a collection": (
        "advice.yaml",
        "saving > 0",
        "warnings == short",
        "warnings == short",
        "collects several values and cannot be compared",
    ),
    "the state of a conclusion": (
        "firmness.yaml",
        "advice == buy",
        "advice is known",
        "advice is known",
        "only known once rules have fired",
    ),
    "two sides that differ": (
        "costs.yaml",
        "rent_row * months",
        "months if is_urgent else colour",
        "else colour",
        "both sides of `if` must agree",
    ),
    "an attribute": (
        "advice.yaml",
        "saving > 0",
        "saving.real > 0",
        "saving.real",
        "a dot after a name is not part of the language",
    ),
    "a call": ("advice.yaml", "saving > 0", "open('x') > 0", "open", "'open' is not a known function or table"),
    "a power": (
        "advice.yaml",
        "saving > 0",
        "saving ** 2 > 0",
        "** 2",
        "an operator other than + - * / is not part of the language",
    ),
    "half a condition": ("advice.yaml", "saving > 0", "saving >", "saving >", "not readable as an expression"),
    "another language": ("advice.yaml", "saving > 0", "saving > 0 && is_urgent", "&&", "Write `and` and `or`"),
    "otherwise too early": (
        "advice.yaml",
        "when: is_urgent",
        "when: otherwise",
        "when: otherwise",
        "`otherwise` is where no other row holds. Write it once, as the condition of the last row",
    ),
}
MANIFEST: Mapping[str, Wrong] = {
    "the recommendation": (
        "knowledge.yaml",
        "recommends: advice",
        "recommends: advise",
        "advise",
        "recommends: 'advise' is not declared. Did you mean 'advice'?",
    ),
    "the strength": (
        "knowledge.yaml",
        "strength: firmness",
        "strength: firm",
        "strength: firm",
        "strength: 'firm' is not declared",
    ),
    "the cautions": (
        "knowledge.yaml",
        "cautions: warnings",
        "cautions: warning",
        "cautions: warning",
        "Did you mean 'warnings'?",
    ),
    "a side": ("knowledge.yaml", "rent: renting", "lease: renting", "lease", "sides: 'lease' is not declared"),
    "a voice": ("knowledge.yaml", "  advice: {title", "  advise: {title", "advise", "voices: 'advise' is not declared"),
    "what a voice favours": (
        "knowledge.yaml",
        "favours: {buy",
        "favours: {by",
        "{by",
        "voices.advice.favours: 'by' is not declared",
    ),
    "a figure to show": (
        "knowledge.yaml",
        "[saving]\n",
        "[svaing]\n",
        "svaing",
        "arithmetic: 'svaing' is not declared. Did you mean 'saving'?",
    ),
    "a cell": ("knowledge.yaml", "Cost: price", "Cost: prise", "prise", "options: 'prise' is not declared"),
    "a fact to vary": (
        "knowledge.yaml",
        "turning: {months",
        "turning: {month",
        "turning",
        "turning: 'month' is not declared",
    ),
    "months of the chart": (
        "knowledge.yaml",
        "chart: {months: months",
        "chart: {months: month",
        "chart",
        "chart: 'month' is not declared",
    ),
    "a line of the chart": (
        "knowledge.yaml",
        "[price, saving]",
        "[price, savings]",
        "savings",
        "chart: 'savings' is not declared",
    ),
    "the fallback": (
        "knowledge.yaml",
        "conclusion: rent",
        "conclusion: lease",
        "lease",
        "fallback.conclusion: 'lease' is not declared",
    ),
    "its strength": (
        "knowledge.yaml",
        "strength: weak",
        "strength: meek",
        "meek",
        "fallback.strength: 'meek' is not declared",
    ),
}
CIRCLES: Mapping[str, Wrong] = {
    "a figure of itself": ("costs.yaml", "rent_row * months", "rent + 0 * months", "rent + 0", "a cycle: rent → rent"),
    "two figures": ("costs.yaml", "rent_row * months", "saving", "rent - price", "a cycle: saving → rent → saving"),
    "a default of itself": ("facts.yaml", "{low: 100, high: 300}", "price", "default: price", "a cycle: price → price"),
    "a decision of itself": ("advice.yaml", "saving > 0", "advice == buy", "advice == buy", "a cycle: advice → advice"),
    "two decisions": (
        "advice.yaml",
        "saving > 0",
        "firmness == weak",
        "firmness == weak",
        "a cycle: advice → firmness → advice",
    ),
    "a figure and a decision": (
        "costs.yaml",
        "rent_row * months",
        "months if advice == buy else 0",
        "rent - price",
        "a cycle: saving → rent → advice → saving",
    ),
}


def check(folder: Path, wrong: Wrong) -> None:
    """One change is refused with its file and line, and with what is said of it."""
    file, old, new, found_on, said = wrong
    problems = refused(small_base(folder, (file, old, new)))
    text = (folder / file).read_text("utf-8")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if found_on and found_on in line]
    places = tuple(f"{file}:{line}: " for line in lines) or (f"{file}: ",)
    assert [problem for problem in problems if problem.startswith(places) and said in problem] != [], (places, problems)


@pytest.mark.parametrize("wrong", FORM.values(), ids=FORM)
def test_file_when_its_form_is_wrong_is_refused_with_its_place(tmp_path: Path, wrong: Wrong) -> None:
    check(tmp_path, wrong)


@pytest.mark.parametrize("wrong", NAMES.values(), ids=NAMES)
def test_name_when_it_is_not_declared_or_twice_is_refused_with_its_place(tmp_path: Path, wrong: Wrong) -> None:
    check(tmp_path, wrong)


@pytest.mark.parametrize("wrong", TYPES.values(), ids=TYPES)
def test_expression_when_it_does_not_fit_is_refused_with_its_place(tmp_path: Path, wrong: Wrong) -> None:
    check(tmp_path, wrong)


@pytest.mark.parametrize("wrong", MANIFEST.values(), ids=MANIFEST)
def test_manifest_when_it_shows_what_there_is_not_is_refused_with_its_place(tmp_path: Path, wrong: Wrong) -> None:
    check(tmp_path, wrong)


@pytest.mark.parametrize("wrong", CIRCLES.values(), ids=CIRCLES)
def test_circle_when_a_base_goes_in_one_is_refused_with_its_path(tmp_path: Path, wrong: Wrong) -> None:
    check(tmp_path, wrong)


# Several at once, and none that only follows from another


def test_problems_when_there_are_several_are_all_named_in_order(tmp_path: Path) -> None:
    changes = [
        ("facts.yaml", "    min: 0", "    minn: 0"),
        ("facts.yaml", "choices: {red", "choices: {Red"),
        ("costs.yaml", "rent_row * months", "rent_row *"),
        ("advice.yaml", "then: buy", "then: bye"),
        ("firmness.yaml", "then: {firmness: weak, reason: nothing}", "then: weak"),
        ("knowledge.yaml", "arithmetic: [saving]", "arithmetic: [saving, gain]"),
    ]
    places = [problem.split(": ")[0] for problem in refused(small_base(tmp_path, *changes))]
    assert places == [
        "advice.yaml:14",
        "costs.yaml:16",
        "facts.yaml:6",
        "firmness.yaml:7",
        "firmness.yaml:13",
        "knowledge.yaml:12",
    ]


def test_fact_when_it_is_broken_is_the_only_problem(tmp_path: Path) -> None:
    assert len(refused(small_base(tmp_path, ("facts.yaml", "    unit: month\n", "")))) == 1


@pytest.mark.parametrize("file", ["knowledge.yaml", "facts.yaml", "costs.yaml"])
def test_file_when_it_is_missing_is_named(tmp_path: Path, file: str) -> None:
    (small_base(tmp_path) / file).unlink()
    (problem,) = refused(tmp_path)
    assert problem.startswith(f"{file}: the file is missing. Name a directory that holds knowledge.yaml")


def test_file_when_it_cannot_be_read_is_named(tmp_path: Path) -> None:
    (small_base(tmp_path) / "facts.yaml").write_bytes(b"\xff\xfe")
    (problem,) = refused(tmp_path)
    assert problem.startswith("facts.yaml: ")


def test_pipe_when_it_is_named_as_a_rule_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(small_base(tmp_path) / "pipe.yaml")
    (problem,) = refused(tmp_path)
    assert problem.startswith("pipe.yaml: not a regular file")


def test_directory_when_it_holds_too_many_files_is_refused(tmp_path: Path) -> None:
    for number in range(MOST_FILES + 1):
        (tmp_path / f"{number}.yaml").touch()
    assert "files, and at most" in refused(tmp_path)[0]


def test_directory_when_there_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such directory of rules"):
        load_knowledge(tmp_path / "rules")


def test_reading_when_one_figure_is_broken_keeps_the_rest(tmp_path: Path) -> None:
    reading = read_knowledge(small_base(tmp_path, ("costs.yaml", "rent - price", "rent - prise")))
    assert len(reading.problems) == 1
    assert reading.incomplete >= {"saving", "advice", "firmness"}
    assert not reading.incomplete & {"rent", "price", "warnings"}
    assert reading.knowledge.quantities.keys() >= {"rent", "price"}
