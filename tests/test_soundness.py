from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from engine import __version__, soundness
from engine.errors import BadInput
from engine.knowledge import load_knowledge
from engine.sentences import LONGEST_SENTENCE, SentenceError, fill_in, names_in_sentence
from engine.soundness import require_sound, unsound
from engine.source import read_text_document
from tests.cases import knowledge, small_base
from tests.strategies import base, choice, decision


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where what passed is remembered, for one test alone."""
    monkeypatch.setenv("BREAKEVEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for a base."""
    path = tmp_path / "rules"
    path.mkdir()
    return path


def unsound_in(folder: Path, *changes: tuple[str, str, str]) -> list[str]:
    """What is unsound in the small base as changed, without its folder."""
    base = load_knowledge(small_base(folder, *changes))
    return [str(problem).removeprefix(f"{folder}/") for problem in unsound(base)]


#: A change of the small base, a part of the line it is found on, and what is said of it.
Wrong = tuple[str, str, str, str, str]


def check(folder: Path, wrong: Wrong) -> None:
    """One change is unsound, with its file and line and what is said of it, and nothing else is."""
    file, old, new, found_on, said = wrong
    (problem,) = unsound_in(folder, (file, old, new))
    lines = (folder / file).read_text("utf-8").splitlines()
    (line,) = (number for number, text in enumerate(lines, 1) if found_on in text)
    assert problem.startswith(f"{file}:{line}: ")
    assert said in problem


@pytest.mark.parametrize("base", ["built-in", "small"])
def test_base_when_it_is_sound_has_no_problems(folder: Path, base: str) -> None:
    assert list(unsound(knowledge() if base == "built-in" else load_knowledge(small_base(folder)))) == []


# Units

UNITS: Mapping[str, Wrong] = {
    "months against dollars": (
        *("advice.yaml", "saving > 0", "months > saving", "months > saving"),
        "pays: cannot compare month and USD, in `months > saving`",
    ),
    "dollars against dollars a month": (
        *("advice.yaml", "saving > 0", "saving > rent_row", "saving > rent_row"),
        "cannot compare USD and USD/month",
    ),
    "a sum of two kinds": (
        *("costs.yaml", "rent - price", "rent - months", "rent - months"),
        "saving: cannot subtract USD and month",
    ),
    "a formula of another unit": (
        *("costs.yaml", "rent_row * months", "rent_row * months * months", "rent_row * months * months"),
        "rent: expected USD, the expression gives",
    ),
    "a figure of a plain number": (
        *("costs.yaml", "rent_row * months", "months / months", "months / months"),
        "rent: expected USD, the expression gives a plain number",
    ),
    "a table of something else": (
        *("costs.yaml", "rebate_at(months)", "rebate_at(price)", "rebate_at(price)"),
        "the table rebate_at takes month, got USD",
    ),
    "a choice between two kinds": (
        *("costs.yaml", "rent_row * months", "price if is_urgent else months", "price if"),
        "cannot choose between USD and month",
    ),
    "the least of two kinds": (
        *("costs.yaml", "rent_row * months", "min(price, months)", "min(price, months)"),
        "cannot choose between USD and month",
    ),
    "a default of another unit": (
        *("facts.yaml", "{low: 100, high: 300}", "months", "default: months"),
        "price: expected USD, the expression gives month",
    ),
    "an undefined unit": (
        *("facts.yaml", "unit: month", "unit: mnth", "mnth"),
        "months: the unit 'mnth' is not defined in knowledge.yaml. Did you mean 'month'?",
    ),
    "an undefined unit of a table": (
        *("costs.yaml", "gives: USD", "gives: EUR", "gives: EUR"),
        "rebate_at: the unit 'EUR' is not defined in knowledge.yaml",
    ),
    "a unit that is a sum": (
        *("facts.yaml", "unit: month", "unit: month + 1", "month + 1"),
        "the unit 'month + 1' is not defined",
    ),
    "a unit to a tower of powers": (
        *("facts.yaml", "unit: month", "unit: month**9**9**9", "month**9"),
        "is not defined in knowledge.yaml",
    ),
    "a derived unit of nothing": (
        *("knowledge.yaml", "3 * month", "3 * mnth", "derived_units"),
        "'3 * mnth' does not define a unit",
    ),
    "a base unit of two words": (
        *("knowledge.yaml", "[USD, month]", "[USD, month, man month]", "base_units"),
        "a unit is one word, got 'man month'",
    ),
}


@pytest.mark.parametrize("wrong", UNITS.values(), ids=UNITS)
def test_units_when_they_do_not_fit_are_refused_with_their_place(folder: Path, wrong: Wrong) -> None:
    check(folder, wrong)


FITTING = {
    "a number for any unit": ("advice.yaml", "saving > 0", "saving > 100"),
    "never for any unit": ("advice.yaml", "saving > 0", "months < never and saving > 0"),
    "a plain number in between": ("costs.yaml", "rent_row * months", "rent_row * months * (months / months)"),
    "a unit written in another order": ("costs.yaml", "unit: USD/month", "unit: 1/month * USD"),
    "the plural of a unit": ("facts.yaml", "unit: month", "unit: months"),
}


@pytest.mark.parametrize("change", FITTING.values(), ids=FITTING)
def test_units_when_they_fit_are_no_problem(folder: Path, change: tuple[str, str, str]) -> None:
    assert unsound_in(folder, change) == []


def test_units_when_of_one_dimension_and_another_size_are_not_one(folder: Path) -> None:
    quarters = ("facts.yaml", "facts:", "facts:\n  term: {title: term, type: number, unit: quarter, source: test}")
    (problem,) = unsound_in(folder, quarters, ("advice.yaml", "saving > 0", "term > months"))
    assert "cannot compare quarter and month" in problem


# Sentences

SENTENCES: Mapping[str, Wrong] = {
    "it is not closed": (
        *("advice.yaml", "{{ saving }}", "{{ saving", "{{ saving"),
        "pays: not readable as a sentence",
    ),
    "its block is not closed": (
        *("advice.yaml", "{{ saving }}", "{% if saving %}", "{% if"),
        "pays: not readable as a sentence",
    ),
    "it names what there is not": (
        *("advice.yaml", "{{ saving }}", "{{ savings }}", "{{ savings }}"),
        "pays: `because` names 'savings', which is not declared. Did you mean 'saving'?",
    ),
    "it names what Jinja2 would know": (*("advice.yaml", "{{ saving }}", "{{ self }}", "{{ self"), "names 'self'"),
    "it reaches into a value": (
        *("advice.yaml", "{{ saving }}", "{{ saving.real }}", "saving.real"),
        "getattr is not part of a sentence",
    ),
    "it calculates": (
        *("advice.yaml", "{{ saving }}", "{{ saving * 2 }}", "saving * 2"),
        "mul is not part of a sentence",
    ),
    "it filters": (*("advice.yaml", "{{ saving }}", "{{ saving|round }}", "saving|round"), "not part of a sentence"),
    "the fallback's names what there is not": (
        *("knowledge.yaml", "It is open.", "'{{ opne }}'", "opne"),
        "fallback: `because` names 'opne', which is not declared",
    ),
    "the headline names a fact": (
        *("knowledge.yaml", "sides:", "sentence: '{{ saving }}'\nsides:", "sentence:"),
        "sentence: `sentence` names 'saving', which is not declared",
    ),
    "the agreement names a fact": (
        *("knowledge.yaml", "sides:", "agreement: {all_agree: '{{ saving }}', disagree: No.}\nsides:", "agreement:"),
        "agreement: `all_agree` names 'saving', which is not declared",
    ),
    "it tests a yes/no name alone": (
        *("advice.yaml", "{{ saving }}", "{% if is_urgent %}Soon{% endif %}", "{% if"),
        """alone, which is always true: it is the text that people read. Write {% if is_urgent == "yes" %}""",
    ),
    "it tests the opposite of a yes/no name alone": (
        *("advice.yaml", "{{ saving }}", "{% if not is_urgent %}Late{% endif %}", "{% if"),
        'Write {% if is_urgent == "no" %}',
    ),
    "it tests a choice beside another test": (
        *("advice.yaml", "{{ saving }}", "{% if is_urgent == 'yes' and colour %}Soon{% endif %}", "{% if"),
        "tests 'colour' alone, which is always true",
    ),
    "it tests a number alone": (
        *("advice.yaml", "{{ saving }}", "{% if saving %}{{ saving }}{% endif %}", "{% if"),
        'Write e.g. {% if saving != "unknown" %}',
    ),
    "it compares a yes/no name with a truth": (
        *("advice.yaml", "{{ saving }}", "{% if is_urgent == true %}Soon{% endif %}", "{% if"),
        "compares 'is_urgent' with true, which is never what people read. Did you mean \"yes\"?",
    ),
    "it compares with a text that is never shown": (
        *("advice.yaml", "{{ saving }}", "{% if is_urgent == 'Yess' %}Soon{% endif %}", "{% if"),
        'compares \'is_urgent\' with "Yess", which is never what people read. Did you mean "yes"?',
    ),
    "it compares a conclusion with a text that is far from all": (
        *("advice.yaml", "{{ saving }}", "{% if firmness == 'qqq' %}Soon{% endif %}", "{% if"),
        "compares 'firmness' with \"qqq\", which is never what people read. Write one of",
    ),
    "it compares with a word without quotes": (
        *("advice.yaml", "{{ saving }}", "{% if is_urgent == yes %}Soon{% endif %}", "{% if"),
        """'yes', which is not declared. Text to compare with stands in quotes: write {% if is_urgent == "yes" %}""",
    ),
    "it asks for more of a number": (
        *("advice.yaml", "{{ saving }}", "{% if saving > 0 %}Good{% endif %}", "{% if"),
        "asks whether 'saving' is more or less, and it is the text that people read",
    ),
    "the fallback's tests a name alone": (
        *("knowledge.yaml", "It is open.", "'{% if is_urgent %}x{% endif %}'", "{% if"),
        "fallback: `because` tests 'is_urgent' alone",
    ),
    "the headline tests what is always there": (
        *("knowledge.yaml", "sides:", "sentence: '{% if strength %}x{% endif %}'\nsides:", "sentence:"),
        "sentence: `sentence` tests 'strength' alone",
    ),
}


@pytest.mark.parametrize("wrong", SENTENCES.values(), ids=SENTENCES)
def test_sentence_when_it_cannot_be_filled_in_is_refused_with_its_place(folder: Path, wrong: Wrong) -> None:
    check(folder, wrong)


ANSWERED_BOTH_WAYS = {
    "a yes/no name": ("advice.yaml", "{{ saving }}", "{% if is_urgent == 'no' %}Late{% endif %}"),
    "an unknown name": ("advice.yaml", "{{ saving }}", "{% if 'unknown' != is_urgent %}Late{% endif %}"),
    "the text of a number": ("advice.yaml", "{{ saving }}", "{% if saving == '$0' %}Nothing{% endif %}"),
    "a part of a text": ("advice.yaml", "{{ saving }}", "{% if '$' in saving %}Money{% endif %}"),
    "two names": ("advice.yaml", "{{ saving }}", "{% if saving == price %}Even{% endif %}"),
    "a settled headline": ("knowledge.yaml", "sides:", "sentence: '{% if not settled %}x{% endif %}'\nsides:"),
    "an agreement that a voice decided": (
        *("knowledge.yaml", "sides:"),
        "agreement: {all_agree: '{% if decided_by %}x{% endif %}', disagree: No.}\nsides:",
    ),
}


@pytest.mark.parametrize("change", ANSWERED_BOTH_WAYS.values(), ids=ANSWERED_BOTH_WAYS)
def test_sentence_when_its_test_can_come_out_either_way_is_no_problem(
    folder: Path, change: tuple[str, str, str]
) -> None:
    assert unsound_in(folder, change) == []


def test_sentence_when_it_compares_with_a_choice_by_its_word_is_told_the_label() -> None:
    base = knowledge()
    word, title = next((word, title) for word, title in (base.facts["task"].choices or {}).items() if word != title)
    (row, *_) = base.decisions["method"].rows
    sentence = f"{{% if task == '{word}' %}}x{{% endif %}}"
    document = read_text_document(f'rules: [{{id: {row.id}, because: "{sentence}"}}]', "x.yaml")
    (problem,) = unsound(replace(base, documents={**base.documents, "x.yaml": document}))
    assert problem.hint == f'Did you mean "{title}"?'


ESCAPES = {
    "the class of a value": "{{ a.__class__.__mro__ }}",
    "the class of a text": "{{ ''.__class__ }}",
    "an item by name": "{{ a['__class__'] }}",
    "a call": "{{ a() }}",
    "a global": "{{ range(10) }}",
    "an attribute by filter": "{{ a|attr('__class__') }}",
    "a test": "{{ a is defined }}",
    "a loop": "{% for x in a %}{{ x }}{% endfor %}",
    "an assignment": "{% set a = 1 %}",
    "another file": "{% include '/etc/passwd' %}",
    "another template": "{% extends 'report.html.j2' %}",
    "an import": "{% import 'os' as os %}",
    "a macro": "{% macro m() %}{% endmacro %}",
    "a block": "{% block b %}{% endblock %}",
    "a long text": "{{ 'x' * 1000000000 }}",
    "a joined text": "{{ a ~ a }}",
    "a list": "{{ [a] }}",
    "a statement of its own": "{% do a %}",
    "deep parentheses": f"{{{{ {'(' * 1_900}a{')' * 1_900} }}}}",
    "deep negations": f"{{{{ {'not ' * 900}a }}}}",
    "deep blocks": f"{'{% if a %}' * 120}x{'{% endif %}' * 120}",
    "a long sentence": "{{ a }}" + "x" * LONGEST_SENTENCE,
}


@pytest.mark.parametrize("text", ESCAPES.values(), ids=ESCAPES)
def test_sentence_when_it_is_more_than_names_and_choices_is_refused(text: str) -> None:
    with pytest.raises(SentenceError):
        names_in_sentence(text)
    with pytest.raises(SentenceError):
        fill_in(text, {"a": "A"})


FILLED = {
    "nothing to fill in": ("It  is\n so.", set(), "It is so."),
    "a name": ("It saves {{ a }}.", {"a"}, "It saves A."),
    "a choice": ("{% if a == 'A' %}yes{% elif b %}maybe{% else %}no{% endif %}", {"a", "b"}, "yes"),
    "a brace": ("{a}", set(), "{a}"),
    "markup": ("{{ b }} & <b>", {"b"}, "<i>B</i> & <b>"),
    "blanks": ("{%- if a %}  x \n y{% endif %}", {"a"}, "x y"),
}


@pytest.mark.parametrize(("text", "names", "filled"), FILLED.values(), ids=FILLED)
def test_sentence_when_filled_in_is_one_line_with_its_values(text: str, names: set[str], filled: str) -> None:
    assert names_in_sentence(text) == names
    assert fill_in(text, {"a": "A", "b": "<i>B</i>"}) == filled


def test_sentence_when_a_name_has_no_value_is_refused() -> None:
    with pytest.raises(SentenceError, match="'b' is undefined"):
        fill_in("{{ b }}", {"a": "A"})


# Facts

HALF = "integer\n    unit: USD\n    default: 1.5"
FACTS: Mapping[str, Wrong] = {
    "a default below its bound": (
        *("facts.yaml", "{low: 100, high: 300}", "-1\n    min: 0", "default: -1"),
        "price: the default -1 is outside the fact's bounds",
    ),
    "a default above its bound": (
        *("facts.yaml", "{low: 100, high: 300}", "9\n    max: 8", "default: 9"),
        "price: the default 9 is outside the fact's bounds",
    ),
    "a default at a bound it must exceed": (
        *("facts.yaml", "{low: 100, high: 300}", "0\n    above: 0", "default: 0"),
        "price: the default 0 is outside the fact's bounds",
    ),
    "a range that ends above its bound": (
        *("facts.yaml", "{low: 100, high: 300}", "{low: 100, high: 300}\n    max: 200", "{low: 100"),
        "price: the default 300 is outside the fact's bounds",
    ),
    "half a machine": (
        *("facts.yaml", "number\n    unit: USD\n    default: {low: 100, high: 300}", HALF, "default: 1.5"),
        "price: the default 1.5 is not a whole number",
    ),
    "bounds that leave nothing": (
        *("facts.yaml", "    min: 0", "    min: 2\n    max: 1", "  months:"),
        "months: no value lies within its bounds",
    ),
    "an example that is no answer": (
        *("facts.yaml", "    min: 0", "    min: 0\n    example: -3", "example: -3"),
        "months: the example is no answer: expected a number of months ≥ 0, got",
    ),
}


@pytest.mark.parametrize("wrong", FACTS.values(), ids=FACTS)
def test_fact_when_default_bounds_or_example_do_not_fit_is_refused_with_its_place(folder: Path, wrong: Wrong) -> None:
    check(folder, wrong)


def test_problems_when_there_are_several_kinds_are_all_named(folder: Path) -> None:
    changes = [
        ("advice.yaml", "saving > 0", "saving > months"),
        ("advice.yaml", "{{ saving }}", "{{ svaing }}"),
        ("facts.yaml", "{low: 100, high: 300}", "-1\n    min: 0"),
        ("costs.yaml", "rent - price", "rent - months"),
    ]
    places = {problem.split(": ")[0] for problem in unsound_in(folder, *changes)}
    assert places == {"advice.yaml:13", "advice.yaml:15", "facts.yaml:12", "costs.yaml:21"}


# What passed is remembered


def stamps(cache: Path) -> list[str]:
    """What is remembered, by file name."""
    return sorted(path.name for path in cache.iterdir()) if cache.exists() else []


def test_base_when_it_passed_is_remembered_by_its_content(folder: Path, cache: Path) -> None:
    base = load_knowledge(small_base(folder))
    require_sound(base)
    assert stamps(cache) == [f"sound-{__version__}-{base.sha256}"]


def test_base_when_it_is_remembered_is_not_checked_again(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load_knowledge(small_base(folder))
    require_sound(base)
    assert stamps(cache) != []
    monkeypatch.setattr(soundness, "unsound", lambda _: pytest.fail("checked again"))
    require_sound(base)


def test_base_when_it_changed_is_checked_again(folder: Path, cache: Path) -> None:
    require_sound(load_knowledge(small_base(folder)))
    changed = load_knowledge(small_base(folder, ("advice.yaml", "saving > 0", "saving > months")))
    with pytest.raises(BadInput):
        require_sound(changed)
    assert len(stamps(cache)) == 1


def test_base_when_it_failed_is_not_remembered(folder: Path, cache: Path) -> None:
    base = load_knowledge(small_base(folder, ("advice.yaml", "saving > 0", "saving > months")))
    for _ in range(2):
        with pytest.raises(BadInput) as caught:
            require_sound(base)
        assert len(caught.value.problems) == 1
    assert stamps(cache) == []


def test_base_when_it_is_dated_is_remembered_for_its_day_alone(folder: Path, cache: Path) -> None:
    dated = ("costs.yaml", "value: 10", "value: [{from: 2026-01-01, value: 10}]")
    small_base(folder, dated)
    for day in (date(2026, 1, 1), date(2026, 1, 2)):
        require_sound(load_knowledge(folder, day))
    assert len(stamps(cache)) == 2


def test_base_when_nothing_can_be_remembered_is_checked_each_time(folder: Path, cache: Path) -> None:
    cache.write_text("a file, where a folder is wanted", "utf-8")
    base = load_knowledge(small_base(folder))
    require_sound(base)
    require_sound(base)
    assert cache.read_text("utf-8") == "a file, where a folder is wanted"


def test_cache_when_not_named_is_the_users_own(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BREAKEVEN_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    base = load_knowledge(small_base(folder))
    require_sound(base)
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["breakeven"]


# Facts that may be any text

OTHER_WORDS = {
    "a fact that may be any text, too": (choice("b", open=True), "that may be any text, too"),
    "a choice with a word of its own": (choice("a", "c"), "its word 'c' is none of the words that 'x' declares"),
    "a choice of its words": (choice("a", "b"), None),
}


@pytest.mark.parametrize(("other", "said"), OTHER_WORDS.values(), ids=OTHER_WORDS)
@pytest.mark.parametrize("condition", ["x == y", "not (y != x)"])
def test_fact_that_may_be_any_text_when_compared_is_refused_where_words_are_not_told_apart(
    condition: str, other: dict[str, object], said: str | None
) -> None:
    facts = {"x": choice("a", "b", open=True), "y": other}
    found = [str(one) for one in unsound(base(facts, [decision("d", "first", [(condition, "p"), ("true", "q")])]))]
    if said is None:
        assert found == []
        return
    (problem,) = found
    assert "may be any text, so it cannot be compared with" in problem
    assert said in problem


def test_fact_that_may_be_any_text_when_compared_with_its_words_is_sound() -> None:
    rows = [("x == a", "p"), ("x in [a, b]", "q"), ("x == x", "p")]
    assert list(unsound(base({"x": choice("a", "b", open=True)}, [decision("d", "first", rows)]))) == []
