"""What is asked, in which order and how long; and that stopping is never too early."""

from __future__ import annotations

import copy
import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.case import Case, Given, Origin, parse_number, read_case
from engine.case_file import case_to_yaml
from engine.costs import working_memory
from engine.errors import BadInput, InferenceError
from engine.evaluator import evaluate_decision
from engine.inference import CompileError, EnginePool
from engine.knowledge import Knowledge
from engine.language.evaluate import Value
from engine.outlook import thresholds
from engine.prospect import Prospect, can_be_foreseen, questions
from engine.questionnaire import Questionnaire, read_answer, recommended
from engine.source import read_text_document
from tests.cases import EXAMPLES, case, decided, knowledge, pool
from tests.strategies import RandomBase, _random_value, base, decision, loaded, number, random_bases, truth

# What is printed for a case, and cases to print it for


def seeded(number: int) -> random.Random:
    """Chance that falls the same way in every run."""
    return random.Random(number)


@lru_cache(maxsize=1)
def needed() -> tuple[str, ...]:
    """The decisions that the recommendation depends on, each after those it reads."""
    known = knowledge()
    found = {known.decision_of[str(known.manifest.recommends)]}
    for name in reversed(known.order):
        if name in found:
            found.update(known.decision_of.get(read, read) for read in known.reads[name])
    return tuple(name for name in known.order if name in found and name in known.decisions)


def printed(given_case: Case) -> str | None:
    """What `recommend` prints: by the plain evaluator, or where that leaves it open by the whole pipeline."""
    known = knowledge()
    memory = working_memory(known, given_case)
    for name in needed():
        verdict = evaluate_decision(known, name, memory.values, memory.origins)
        for output, value in (verdict.outputs or {}).items():
            memory.conclude(output, value)
    concluded = memory.values[str(known.manifest.recommends)]
    return concluded if isinstance(concluded, str) else recommended(pool(), given_case)


def values_of(name: str) -> list[Value]:
    """Answers on both sides of every threshold of a fact, at its ends and as in its example."""
    fact = knowledge().facts[name]
    if fact.type == "yes/no":
        return [True, False]
    if fact.choices is not None:
        return list(fact.choices)
    low, high = fact.bounds
    step = 1.0 if fact.type == "integer" else None
    values = [low, high]
    for cut in thresholds(knowledge()).get(name, ()):
        values += (
            [cut - step, cut, cut + step]
            if step
            else [math.nextafter(cut, -math.inf), cut, math.nextafter(cut, math.inf)]
        )
    example = parse_number(fact.example or "", fact.unit)
    if example is not None:
        values += [example] * 3 + [example / 4, example * 4]
    return [value for value in values if low <= value <= high and (step is None or value.is_integer())]


def left_open(given_case: Case) -> tuple[str, ...]:
    return questions(knowledge(), given_case)


def completed(given_case: Case, chance: random.Random, *, unknown: float = 0.0) -> Case:
    """The case with all open questions answered, each left open with the given probability."""
    for name in left_open(given_case):
        if chance.random() >= unknown:
            given_case = given_case.replace(name, Given(name, chance.choice(values_of(name))))
    return given_case


def every_yes_and_no(given_case: Case, most: int) -> Iterator[Case]:
    """The case with each combination of answers to the open questions of few answers, up to so many."""
    few = [name for name in left_open(given_case) if knowledge().facts[name].type in ("yes/no", "choice")]
    for answers in itertools.islice(itertools.product(*map(values_of, few)), most):
        yield Case("completed", {**given_case.given, **{n: Given(n, v) for n, v in zip(few, answers, strict=True)}})


#: Answered in half of the cases, because without them few come to fine-tuning before everything is answered.
CRITICAL: Mapping[str, Sequence[Value]] = {
    "is_prototype": (False,),
    "has_ml_engineering": (True,),
    "has_labeled_data": (True,),
    "labeled_examples": (499.0, 500.0, 999.0, 1_000.0, 50_000.0),
    "requests_per_month_in_12_months": (50_000.0, 100_000.0, 100_001.0, 300_000.0),
    "accuracy_is_critical": (True,),
    "budget": (14_999.0, 15_000.0, 49_999.0, 50_000.0, 80_000.0, None),
    "deadline_weeks": (3.0, 4.0, 12.0, 13.0, 30.0, None),
}


def partial_case(chance: random.Random) -> Case:
    """Some questions answered, some said to be unknown, the others open."""
    share, given_case = chance.choice((0.3, 0.6, 0.9)), Case("partial", {})
    usual = CRITICAL if chance.random() < 0.5 else {"is_prototype": (False,)}
    for name in left_open(given_case):
        if chance.random() < (0.95 if name in usual else share):
            value = None if chance.random() < 0.1 else chance.choice(usual.get(name) or values_of(name))
            given_case = given_case.replace(name, Given(name, value))
    return given_case


@dataclass(frozen=True, slots=True)
class Finished:
    """A case at which the questionnaire asks nothing more, and what is printed for it."""

    case: Case
    recommendation: str | None


@lru_cache(maxsize=1)
def finished_cases() -> tuple[Finished, ...]:
    """Random cases at which questions are open but none is asked; as many as the proof is to cover."""
    chance = seeded(20)
    found: list[Finished] = []
    while len(found) < 150:
        candidate = partial_case(chance)
        if left_open(candidate) and Questionnaire(pool(), candidate).step().question is None:
            found.append(Finished(candidate, recommended(pool(), candidate)))
    return tuple(found)


# Stopping


def test_questionnaire_when_it_stops_has_a_recommendation_that_no_open_answer_changes() -> None:
    chance = seeded(1)
    for finished in finished_cases():
        completions = [completed(finished.case, chance) for _ in range(16)]
        completions += every_yes_and_no(finished.case, 12)
        found = {printed(completion) for completion in completions}
        assert found == {finished.recommendation}, finished.case.given


def test_questionnaire_when_it_stops_leaves_nothing_to_the_choice_of_answering_at_all() -> None:
    chance = seeded(2)
    for finished in finished_cases():
        completion = completed(finished.case, chance, unknown=0.4)
        assert recommended(pool(), completion) == finished.recommendation, completion.given


def test_questionnaire_when_it_stops_is_right_for_every_combination_of_yes_no_and_choices() -> None:
    def combinations(finished: Finished) -> int:
        few = (name for name in left_open(finished.case) if knowledge().facts[name].type in ("yes/no", "choice"))
        return math.prod(len(values_of(name)) for name in few)

    most = sorted(finished_cases(), key=combinations)[-4:]
    assert min(map(combinations, most)) >= 32
    for finished in most:
        found = {printed(completion) for completion in every_yes_and_no(finished.case, 1_000)}
        assert found == {finished.recommendation}, finished.case.given


def test_questionnaire_when_stopped_one_answer_earlier_would_often_have_been_wrong() -> None:
    chance, wrong = seeded(3), 0
    for finished in finished_cases():
        for name in chance.sample(list(finished.case.given), min(2, len(finished.case.given))):
            earlier = finished.case.without(name)
            if len({printed(completed(earlier, chance)) for _ in range(8)}) > 1:
                wrong += 1
                assert Questionnaire(pool(), earlier).step().question is not None, earlier.given
    assert wrong >= 20


def test_recommendation_when_it_rests_on_what_stands_itself_stands_whatever_several_facts_are() -> None:
    # The framework's verdict stands without the volume and the team, and the recommendation reads it.
    open_ended = case(domain_changes_often=True, accuracy_is_critical=False, labeled_examples=2_000)
    assert decided(open_ended).recommended == "few_shot"
    assert Questionnaire(pool(), open_ended).step().now == "few_shot"


def test_questionnaire_when_everything_is_answered_asks_nothing() -> None:
    answered = completed(Case("all", {}), seeded(4))
    step = Questionnaire(pool(), answered).step()
    assert step.question is None
    assert step.outcomes == {printed(answered)}


def test_questionnaire_when_nothing_is_known_for_sure_comes_to_an_end() -> None:
    questionnaire = Questionnaire(pool(), Case("unknown", {}))
    asked = []
    while (name := questionnaire.step().question) is not None:
        asked.append(name)
        questionnaire.answer(Given(name, None))
    assert len(asked) < 12
    assert recommended(pool(), questionnaire.case) == knowledge().manifest.fallback.conclusion  # type: ignore[union-attr]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_answers_of_an_example_when_asked_one_by_one_lead_to_its_own_recommendation(example: object) -> None:
    from engine.source import read_document

    whole = read_case(read_document(str(example)), knowledge().facts)
    # What is not asked for is known from the start.
    start = {name: one for name, one in whole.given.items() if not knowledge().facts[name].question}
    questionnaire = Questionnaire(pool(), Case("example", start))
    while (name := questionnaire.step().question) is not None:
        questionnaire.answer(whole.given.get(name, Given(name, None)))
    assert recommended(pool(), questionnaire.case) == recommended(pool(), whole)


# Which questions


PERSONAS: dict[str, tuple[Mapping[str, object], list[str]]] = {
    "a prototype": ({"is_prototype": True}, ["is_prototype"]),
    "nobody to train a model": (
        {"is_prototype": False, "has_ml_engineering": False, "labeled_examples": 50.0},
        ["is_prototype", "has_ml_engineering", "labeled_examples"],
    ),
    "critical accuracy at high volume": (
        {
            "is_prototype": False,
            "has_ml_engineering": True,
            "has_labeled_data": True,
            "labeled_examples": 50_000.0,
            "requests_per_month": 300_000.0,
            "requests_per_month_in_12_months": 300_000.0,
            "accuracy_is_critical": True,
        },
        [
            "is_prototype",
            "has_ml_engineering",
            "has_labeled_data",
            "labeled_examples",
            "requests_per_month",
            "requests_per_month_in_12_months",
            "accuracy_is_critical",
            "budget",
            "deadline_weeks",
        ],
    ),
    "a changing domain": (
        {
            "is_prototype": False,
            "has_ml_engineering": True,
            "has_labeled_data": True,
            "labeled_examples": 2_000.0,
            "requests_per_month": 200_000.0,
            "accuracy_is_critical": False,
            "domain_changes_often": True,
        },
        [
            "is_prototype",
            "has_ml_engineering",
            "has_labeled_data",
            "labeled_examples",
            "requests_per_month",
            "requests_per_month_in_12_months",
            "accuracy_is_critical",
            "domain_changes_often",
        ],
    ),
}


def asked_of(answers: Mapping[str, object], most: int = 40) -> list[str]:
    """The questions put to somebody who knows these answers and no others."""
    questionnaire = Questionnaire(pool(), Case("persona", {}))
    asked: list[str] = []
    while (name := questionnaire.step().question) is not None and len(asked) < most:
        asked.append(name)
        value = answers.get(name)
        assert value is None or isinstance(value, bool | float | str)
        questionnaire.answer(Given(name, value))
    return asked


@pytest.mark.parametrize(("answers", "expected"), PERSONAS.values(), ids=PERSONAS)
def test_questions_when_put_to_a_person_come_gates_first_and_end_soon(
    answers: Mapping[str, object], expected: list[str]
) -> None:
    assert asked_of(answers) == expected


UNDECIDED: Mapping[str, object] = {
    "is_prototype": False,
    "has_ml_engineering": True,
    "has_labeled_data": True,
    "labeled_examples": 3_000.0,
    "requests_per_month": 80_000.0,
    "requests_per_month_in_12_months": 90_000.0,
    "accuracy_is_critical": False,
    "domain_changes_often": False,
    "cost_per_error": 0.0,
    "repetitive_share": 0.3,
}


def test_questions_when_only_prices_are_left_come_last() -> None:
    asked = asked_of(UNDECIDED)
    prices = [name for name in asked if "_per_" in name and not name.startswith(("requests", "cost_per_error"))]
    assert prices
    assert set(asked[:10]) == UNDECIDED.keys()
    assert min(map(asked.index, prices)) >= 15


def test_accuracy_when_an_error_costs_nothing_is_not_asked_for() -> None:
    assert not {"prompt_accuracy", "fine_tuned_accuracy"} & set(asked_of(UNDECIDED))


def test_accuracy_when_an_error_has_a_cost_is_asked_for_after_it() -> None:
    asked = asked_of({**UNDECIDED, "cost_per_error": 150.0}, most=14)
    assert asked.index("cost_per_error") < asked.index("prompt_accuracy")


def test_question_when_asked_is_not_one_that_a_longer_search_proves_pointless() -> None:
    chance, looked_at = seeded(5), 0
    for _ in range(60):
        candidate = partial_case(chance)
        step = Questionnaire(pool(), candidate).step()
        if step.question is None:
            continue
        looked_at += 1
        assert step.question not in step.moot
        prospect = Prospect(knowledge(), candidate)
        assert prospect.seen_to_matter(step.question) or not prospect.proved_moot(step.question, most=40)
    assert looked_at >= 10


def test_question_when_called_pointless_makes_no_difference_to_any_completion() -> None:
    chance, checked = seeded(6), 0
    while checked < 300:
        candidate = partial_case(chance)
        for name in sorted(Questionnaire(pool(), candidate).step().moot):
            whole = completed(candidate, chance)
            answers = [whole.replace(name, Given(name, value)) for value in values_of(name)]
            assert len({printed(answer) for answer in answers}) == 1, (name, whole.given)
            checked += len(answers)


# Going back and changing


def test_back_when_answers_were_given_takes_them_back_one_by_one() -> None:
    questionnaire = Questionnaire(pool(), Case("back", {}))
    asked: list[tuple[str, Case]] = []
    for value in (False, True, True):
        name = questionnaire.step().question
        assert name is not None
        asked.append((name, questionnaire.case))
        questionnaire.answer(Given(name, value))
    for name, before in reversed(asked):
        assert questionnaire.back()
        assert (questionnaire.step().question, questionnaire.case) == (name, before)
    assert not questionnaire.back()


def test_back_when_the_answers_come_from_a_file_leaves_them() -> None:
    questionnaire = Questionnaire(pool(), case(is_prototype=False))
    assert not questionnaire.back()
    assert questionnaire.case == case(is_prototype=False)


def test_answer_when_reopened_is_asked_next_and_can_open_what_was_settled() -> None:
    questionnaire = Questionnaire(pool(), case(is_prototype=True))
    assert questionnaire.step().question is None
    questionnaire.reopen("is_prototype")
    assert questionnaire.step().question == "is_prototype"
    questionnaire.answer(Given("is_prototype", value=False))
    assert questionnaire.step().question == "has_ml_engineering"


def test_step_when_the_case_can_be_decided_now_says_what_would_come_out() -> None:
    settled = Questionnaire(pool(), case(is_prototype=True)).step()
    assert (settled.question, settled.now, sorted(map(str, settled.outcomes))) == (None, "few_shot", ["few_shot"])
    without_team = Questionnaire(pool(), case(has_ml_engineering=False)).step()
    assert without_team.now == "prompt_engineering"
    assert without_team.outcomes == {"prompt_engineering", "few_shot"}


# Other knowledge bases


def test_questionnaire_of_a_base_without_a_recommendation_asks_everything_in_order() -> None:
    asked = {"question": "?"}
    empty = base({"first": truth(**asked), "second": number(), "third": number(**asked)})
    questionnaire = Questionnaire(EnginePool(empty), Case("test", {}))
    found = []
    while (name := questionnaire.step().question) is not None:
        found.append(name)
        questionnaire.answer(Given(name, None))
    assert found == ["first", "third"]


def test_questionnaire_of_a_base_without_fallback_says_when_nothing_can_be_recommended() -> None:
    rules = decision("advice", "first", [("a", "yes"), ("b", "no")])
    open_ended = base({"a": truth(question="?"), "b": truth(question="?")}, [rules], recommends="advice")
    step = Questionnaire(EnginePool(open_ended), Case("test", {"a": Given("a", value=False)})).step()
    assert step.question == "b"
    assert step.outcomes == {"no", None}
    without_either = Questionnaire(EnginePool(open_ended), Case("test", {"a": Given("a", None)})).step()
    assert without_either.question is None
    assert without_either.outcomes == {None}


@dataclass(frozen=True, slots=True)
class RandomQuestions:
    """A random base that recommends something, a partial case, ways to complete it, other answers to each question."""

    knowledge: Knowledge
    case: Case
    completions: tuple[Case, ...]
    others: Mapping[str, tuple[Value, ...]]


@st.composite
def random_questions(draw: st.DrawFn) -> RandomQuestions | None:
    drawn: RandomBase = draw(random_bases())
    files = copy.deepcopy(drawn.files)
    choices = [(file, output, words) for file in map(_dictionary, files.values()) for output, words in _choices(file)]
    if not choices:
        return None
    chosen, output, words = choices[draw(st.integers(0, len(choices) - 1))]
    # So that rows never contradict each other.
    chosen["hit_policy"] = "first"
    manifest = _dictionary(files["knowledge.yaml"])
    manifest["recommends"] = output
    if draw(st.booleans()):
        manifest["fallback"] = {
            "conclusion": words[0],
            "strength": "weak",
            "because": "So.",
            "source": "test",
        }
    for fact in _dictionary(_dictionary(files["facts.yaml"])["facts"]).values():
        fact["question"] = "?"
    order = draw(st.permutations(list(drawn.facts)))
    answered = draw(st.integers(0, len(order)))

    def some(names: list[str], unmentioned: int) -> dict[str, Given]:
        found = {}
        for name in names:
            how = draw(st.integers(0, 4))
            if how >= unmentioned:
                value = None if how == 1 else draw(_random_value(drawn.facts[name], drawn.constants))
                found[name] = Given(name, value)
        return found

    start = some(order[:answered], 0)
    completions = tuple(Case("whole", {**start, **some(order[answered:], 1)}) for _ in range(6))
    others = {
        name: (None, *(draw(_random_value(drawn.facts[name], drawn.constants)) for _ in range(2)))
        for name in order[answered:]
    }
    return RandomQuestions(loaded(files), Case("partial", start), completions, others)


def _choices(file: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """The outputs of a file that are one of several words each."""
    if file.get("hit_policy") not in ("first", "unique", "any"):
        return
    outputs = file["decides"] if isinstance(file["decides"], dict) else {file["decides"]: file["values"]}
    for output, values in outputs.items():
        if all(isinstance(word, str) for word in values):
            yield f"{file['name']}_{output}" if file.get("name") else output, list(values)


def _dictionary(value: object) -> dict[str, Any]:
    assert isinstance(value, dict)
    return value


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(random_questions())
def test_questionnaire_of_a_random_base_rules_out_only_what_cannot_be(drawn: RandomQuestions | None) -> None:
    if drawn is None or not can_be_foreseen(drawn.knowledge):
        return
    try:
        engines = EnginePool(drawn.knowledge)
        step = Questionnaire(engines, drawn.case).step()
        now = recommended(engines, drawn.case)
    except (CompileError, InferenceError):
        # It does not fit the engine, or its rules contradict each other.
        return
    assert now in step.outcomes
    for completion in drawn.completions:
        _check_completion(engines, drawn, step.outcomes if step.question else frozenset({now}), step.moot, completion)
    engines.close()


def _check_completion(
    engines: EnginePool,
    drawn: RandomQuestions,
    outcomes: frozenset[str | None],
    moot: frozenset[str],
    completion: Case,
) -> None:
    try:
        found = recommended(engines, completion)
        assert found in outcomes
        for name in moot:
            for value in drawn.others[name]:
                assert recommended(engines, completion.replace(name, Given(name, value))) == found
    except InferenceError:
        return


# Typed answers

TYPED: dict[str, tuple[str, str, Given]] = {
    "thousands": ("requests_per_month", "200k", Given("requests_per_month", 200_000.0)),
    "millions": ("requests_per_month", "1.5M", Given("requests_per_month", 1_500_000.0)),
    "separators": ("requests_per_month", " 200,000 ", Given("requests_per_month", 200_000.0)),
    "percent": ("prompt_accuracy", "82%", Given("prompt_accuracy", 0.82)),
    "dollars": ("budget", "$45,000", Given("budget", 45_000.0)),
    "yes": ("is_prototype", "Y", Given("is_prototype", value=True)),
    "no": ("is_prototype", "no", Given("is_prototype", value=False)),
    "unknown": ("budget", "unknown", Given("budget", None)),
    "a choice": ("regulated_domain", "Legal", Given("regulated_domain", "legal")),
    "the number of a choice": ("regulated_domain", "2", Given("regulated_domain", "legal")),
    "a range with a hyphen": ("budget", "40k-60k", Given("budget", 50_000.0, 40_000.0, 60_000.0)),
    "a range with dots": ("budget", "40_000..60_000", Given("budget", 50_000.0, 40_000.0, 60_000.0)),
    "a range in words": ("budget", "$40,000 to $60,000", Given("budget", 50_000.0, 40_000.0, 60_000.0)),
    "a range of percent": ("prompt_accuracy", "80%–90%", Given("prompt_accuracy", 0.8500000000000001, 0.8, 0.9)),
    "a range of whole numbers": ("labeled_examples", "100-201", Given("labeled_examples", 150.0, 100.0, 201.0)),
}


@pytest.mark.parametrize(("name", "text", "expected"), TYPED.values(), ids=TYPED)
def test_answer_when_typed_as_people_do_is_understood(name: str, text: str, expected: Given) -> None:
    assert read_answer(text, name, knowledge().facts) == expected


MISTYPED: dict[str, tuple[str, str, str]] = {
    "neither yes nor no": ("is_prototype", "maybe", 'expected yes or no, got "maybe"'),
    "no number": ("requests_per_month", "lots", 'got "lots"'),
    "out of bounds": ("requests_per_month", "-5", 'got "-5"'),
    "not whole": ("labeled_examples", "1.5", 'got "1.5"'),
    "no such choice": ("regulated_domain", "9", "expected one of none, legal, medical, financial"),
    "a range the wrong way round": ("budget", "60k-40k", "low 60_000 is above high 40_000"),
    "a range out of bounds": ("prompt_accuracy", "0.5-1.5", 'got "0.5-1.5"'),
    "a range of no numbers": ("budget", "some-more", 'got "some-more"'),
    "a range of yes and no": ("is_prototype", "yes-no", 'got "yes-no"'),
}


@pytest.mark.parametrize(("name", "text", "message"), MISTYPED.values(), ids=MISTYPED)
def test_answer_when_mistyped_is_refused_with_one_clear_problem(name: str, text: str, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_answer(text, name, knowledge().facts)
    (problem,) = refused.value.problems
    assert message in problem.message
    assert problem.place.line is None


# Kept answers


def text_source() -> st.SearchStrategy[str]:
    """Text as a case file may hold it, stripped as it is read."""
    characters = st.characters(exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="\ufeff\ufffe\uffff")
    return st.text(characters | st.sampled_from("\n\t\"'\\#:{},\u2028\x85")).map(str.strip).filter(bool)


ORIGINS: tuple[Origin, ...] = ("answered", "assumed", "measured")


@st.composite
def kept_cases(draw: st.DrawFn) -> Case:
    found = {}
    for name in draw(st.lists(st.sampled_from(list(knowledge().facts)), unique=True, max_size=8)):
        fact = knowledge().facts[name]
        origin = draw(st.sampled_from(ORIGINS))
        source = draw(st.none() | text_source())
        if fact.type == "yes/no":
            value: Value = draw(st.none() | st.booleans())
        elif fact.choices is not None:
            value = draw(st.none() | st.sampled_from(list(fact.choices)))
        else:
            low, high = fact.bounds
            numbers = st.floats(low, high) if fact.type == "number" else st.integers(int(low), int(high)).map(float)
            if draw(st.booleans()):
                least, likely, most = sorted(draw(st.tuples(numbers, numbers, numbers)))
                found[name] = Given(name, likely, least, most, origin, source)
                continue
            value = draw(st.none() | numbers)
        found[name] = Given(name, value, origin=origin, source=source)
    return Case("kept", found)


@settings(max_examples=150, deadline=None)
@given(kept_cases())
def test_case_when_written_as_a_file_reads_back_as_it_was(kept: Case) -> None:
    text = case_to_yaml(kept, knowledge().facts)
    assert read_case(read_text_document(text, "kept.yaml"), knowledge().facts) == kept


def test_case_when_written_as_a_file_has_each_question_above_its_answer() -> None:
    answers = case(
        is_prototype=False, budget={"low": 40_000, "high": 60_000, "source": "the board"}, labeled_examples=None
    )
    assert case_to_yaml(answers, knowledge().facts) == (
        "# Is this a prototype or proof of concept?\n"
        "is_prototype: no\n"
        "\n"
        "# What is the most you can spend upfront, in US dollars?\n"
        'budget: {low: 40_000, likely: 50_000, high: 60_000, source: "the board"}\n'
        "\n"
        "# How many labelled examples do you have?\n"
        "labeled_examples: unknown\n"
    )


def test_case_when_it_says_nothing_is_written_as_a_file_that_can_be_read() -> None:
    empty = Case("empty", {})
    assert (
        read_case(read_text_document(case_to_yaml(empty, knowledge().facts), "empty.yaml"), knowledge().facts) == empty
    )


WORDS = ("no", "yes", "null", "on", "12", "1e5", "with space", "ünïcode", 'a "quote"', "a: b", "-", "{x}", "#x")


@pytest.mark.parametrize("word", WORDS)
def test_choice_when_written_as_a_file_is_not_taken_for_something_else(word: str) -> None:
    from tests.strategies import choice

    vocabulary = base({"which": choice(word, "other")}).facts
    kept = Case("kept", {"which": Given("which", word)})
    assert read_case(read_text_document(case_to_yaml(kept, vocabulary), "kept.yaml"), vocabulary) == kept
