from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, reject, settings

from engine.case import Given
from tests.cases import Answers, answers, case, decided, example, moved, recommended
from tests.reference_costs import CloseCall
from tests.reference_decisions import Decisions

#: A case that every fact below is varied on: fine-tuning by the framework, LoRA by its means.
ANSWERED: dict[str, object] = {
    "requests_per_month": 80_000,
    "has_ml_engineering": True,
    "accuracy_is_critical": False,
    "has_labeled_data": True,
    "domain_changes_often": False,
    "labeled_examples": 2_000,
    "prompt_accuracy": 0.86,
    "fine_tuned_accuracy": 0.86,
    "cost_per_error": 0,
}


def concluded(output: str, **values: object) -> object:
    """What one decision concludes for the case with these values."""
    return decided(case(**{**ANSWERED, **values})).conclusion(output)


# Against the reference


@settings(max_examples=250, deadline=None)
@given(answers(complete=True))
def test_decisions_when_every_question_is_answered_are_those_of_the_reference(drawn: Answers) -> None:
    outcome = decided(drawn.case)
    try:
        expected = Decisions(drawn.values, drawn.evidenced, outcome.could_turn).all()
    except CloseCall:
        reject()
    assert {output: outcome.conclusion(output) for output in expected} == expected


@pytest.mark.parametrize("answered", list(product((49_999, 50_000), *[(True, False)] * 4)), ids=str)
def test_framework_when_its_five_questions_have_any_answers_is_that_of_the_reference(
    answered: tuple[float, bool, bool, bool, bool],
) -> None:
    questions = ("requests_per_month", "has_ml_engineering", "accuracy_is_critical", "has_labeled_data")
    values = dict(zip((*questions, "domain_changes_often"), answered, strict=True))
    outcome = decided(case(**{**ANSWERED, **values}))
    expected = Decisions(values, (), could_turn=False).framework()
    assert (outcome.conclusion("framework_verdict"), outcome.conclusion("framework_reason")) == expected


# The article's cases


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("case-1-support-tickets", "prompt_engineering"),
        ("case-2-insurance-claims", "fine_tuning"),
        ("case-3-code-generation-as-printed", "fine_tuning"),
        ("case-3-code-generation-priced", "fine_tuning"),
    ],
)
def test_framework_when_asked_about_the_articles_cases_favours_their_winners(name: str, verdict: str) -> None:
    assert decided(example(name)).conclusion("framework_verdict") == verdict


@pytest.mark.parametrize(
    ("name", "approach"),
    [
        ("case-1-support-tickets", "prompt_engineering"),
        ("case-2-insurance-claims", "full_fine_tuning"),
        ("case-3-code-generation-as-printed", "few_shot"),
        ("case-3-code-generation-priced", "hybrid"),
    ],
)
def test_recommendation_when_asked_about_the_articles_cases_is_what_their_arithmetic_bears_out(
    name: str, approach: str
) -> None:
    assert decided(example(name)).recommended == approach


@pytest.mark.parametrize(("price", "approach"), [(0.0555, "few_shot"), (0.0556, "hybrid")])
def test_hybrid_when_case_3_is_priced_pays_from_a_price_on(price: float, approach: str) -> None:
    priced = example("case-3-code-generation-priced")
    assert decided(moved(priced, "prompt_cost_per_request", price)).recommended == approach


# Both sides of every threshold

SCALE = [
    (0, "prompting_is_cheaper"),
    (49_999, "prompting_is_cheaper"),
    (50_000, "viable"),
    (99_999, "viable"),
    (100_000, "recommended"),
    (100_001, "recommended"),
    (499_999, "recommended"),
    (500_000, "mandatory"),
]


@pytest.mark.parametrize(("volume", "band"), SCALE)
def test_scale_when_volume_crosses_a_band_is_the_band_it_has_reached(volume: float, band: str) -> None:
    assert concluded("scale", requests_per_month=1, requests_per_month_in_12_months=volume) == band


def test_scale_when_no_growth_is_expected_is_that_of_today() -> None:
    assert concluded("scale", requests_per_month=500_000) == "mandatory"


@pytest.mark.parametrize(("volume", "reason"), [(49_999, "volume"), (50_000, "stable")])
def test_framework_when_the_forecast_crosses_50_000_leaves_the_volume_behind(volume: float, reason: str) -> None:
    assert concluded("framework_reason", requests_per_month_in_12_months=volume) == reason


@pytest.mark.parametrize(("examples", "reason"), [(99, "data"), (100, "stable")])
def test_framework_when_data_is_only_counted_takes_100_examples_for_data(examples: int, reason: str) -> None:
    assert concluded("framework_reason", has_labeled_data="unknown", labeled_examples=examples) == reason


CRITICAL = {"accuracy_is_critical": True, "requests_per_month": 200_000}
METHODS = {
    "a prototype": ({**CRITICAL, "is_prototype": True}, "few_shot"),
    "499 examples": ({"labeled_examples": 499}, "few_shot"),
    "500 examples": ({"labeled_examples": 500}, "lora"),
    "critical, 499 examples": ({**CRITICAL, "labeled_examples": 499}, "few_shot"),
    "critical, 999 examples": ({**CRITICAL, "labeled_examples": 999}, "lora"),
    "critical, 1,000 examples": ({**CRITICAL, "labeled_examples": 1_000}, "full_fine_tuning"),
    "critical, examples unknown": ({**CRITICAL, "labeled_examples": "unknown"}, "full_fine_tuning"),
    "examples unknown": ({"labeled_examples": "unknown"}, "lora"),
    "regulated": ({"regulated_domain": "legal", "requests_per_month": 200_000}, "full_fine_tuning"),
    "critical, 100,000 requests": ({**CRITICAL, "requests_per_month": 100_000}, "lora"),
    "critical, 100,001 requests": ({**CRITICAL, "requests_per_month": 100_001}, "full_fine_tuning"),
    "critical, 100,001 requests in a year": (
        {**CRITICAL, "requests_per_month": 1_000, "requests_per_month_in_12_months": 100_001},
        "full_fine_tuning",
    ),
    "critical, a budget of 49,999": ({**CRITICAL, "budget": 49_999}, "lora"),
    "critical, a budget of 50,000": ({**CRITICAL, "budget": 50_000}, "full_fine_tuning"),
    "critical, 12.9 weeks": ({**CRITICAL, "deadline_weeks": 12.9}, "lora"),
    "critical, 13 weeks": ({**CRITICAL, "deadline_weeks": 13}, "full_fine_tuning"),
    "a budget of 14,999": ({"budget": 14_999}, "few_shot"),
    "a budget of 15,000": ({"budget": 15_000}, "lora"),
    "3.9 weeks": ({"deadline_weeks": 3.9}, "few_shot"),
    "4 weeks": ({"deadline_weeks": 4}, "lora"),
    "critical, 3.9 weeks": ({**CRITICAL, "deadline_weeks": 3.9}, "few_shot"),
}


@pytest.mark.parametrize(("known", "method"), METHODS.values(), ids=METHODS)
def test_method_when_examples_volume_or_means_cross_a_threshold_is_what_they_carry(
    known: dict[str, object], method: str
) -> None:
    assert concluded("method", **known) == method


#: A month saves 1,000; hidden costs take some of it; the investment is the rest of the upfront.
A_THOUSAND_A_MONTH: dict[str, object] = {
    "requests_per_month": 100_000,
    "prompt_cost_per_request": 0.03,
    "fine_tuned_cost_per_request": 0.02,
    "prompt_monitoring_per_month": 0,
    "fine_tuned_monitoring_per_month": 0,
    "retraining_cycles_per_year": 0,
    "prompt_upfront": 40_000,
}
ECONOMICS = {
    "no dearer, and saves": ({"fine_tuning_upfront": 40_000}, "pays_back_at_once", "lora"),
    "a dollar dearer": ({"fine_tuning_upfront": 40_001}, "pays_back_within_horizon", "lora"),
    "a dollar short of the horizon": ({"fine_tuning_upfront": 51_999}, "pays_back_within_horizon", "lora"),
    "in the last month": ({"fine_tuning_upfront": 52_000}, "pays_back_within_horizon", "few_shot"),
    "a dollar after the horizon": ({"fine_tuning_upfront": 52_001}, "pays_back_later", "few_shot"),
    "a longer horizon": ({"fine_tuning_upfront": 52_001, "horizon_months": 13}, "pays_back_within_horizon", "lora"),
    "a model that goes before": (
        {"fine_tuning_upfront": 51_999, "model_available_months": 11},
        "pays_back_later",
        "few_shot",
    ),
    "nothing saved": ({"fine_tuning_upfront": 40_001, "hosting_per_month": 1_000}, "never_pays_back", "few_shot"),
    "nothing saved, nothing invested": (
        {"fine_tuning_upfront": 40_000, "hosting_per_month": 1_000},
        "pays_back_at_once",
        "few_shot",
    ),
    "losses": ({"fine_tuning_upfront": 10_000, "hosting_per_month": 1_001}, "never_pays_back", "lora"),
}


@pytest.mark.parametrize(("known", "expected", "approach"), ECONOMICS.values(), ids=ECONOMICS)
def test_economics_when_payback_crosses_the_horizon_turn_the_recommendation(
    known: dict[str, object], expected: str, approach: str
) -> None:
    outcome = decided(case(**{**ANSWERED, **A_THOUSAND_A_MONTH, **known}))
    assert outcome.conclusion("economics") == expected
    assert outcome.recommended == approach


PATH = {
    "not in production": ({"months_in_production": 0}, "start_with_prompts"),
    "just short of 3 months": ({"months_in_production": 2.99}, "start_with_prompts"),
    "3 months, 85 %": ({"months_in_production": 3, "prompt_accuracy": 0.85}, "stay_with_prompts"),
    "3 months, below 85 %": ({"months_in_production": 3, "prompt_accuracy": 0.8499}, "improve_prompts"),
    "just short of 6 months": ({"months_in_production": 5.99, "prompt_accuracy": 0.84}, "improve_prompts"),
    "6 months, 84 %": ({"months_in_production": 6, "prompt_accuracy": 0.84}, "evaluate_fine_tuning"),
    "6 months, below 80 %": ({"months_in_production": 6, "prompt_accuracy": 0.7999}, "improve_prompts"),
    "6 months, 80 %": ({"months_in_production": 6, "prompt_accuracy": 0.80}, "evaluate_fine_tuning"),
    "6 months, 90 %": ({"months_in_production": 6, "prompt_accuracy": 0.90}, "evaluate_fine_tuning"),
    "6 months, above 90 %": ({"months_in_production": 6, "prompt_accuracy": 0.9001}, "stay_with_prompts"),
    "6 months, 49,999 requests": ({"months_in_production": 6, "requests_per_month": 49_999}, "stay_with_prompts"),
    "6 months, 50,000 requests": ({"months_in_production": 6, "requests_per_month": 50_000}, "evaluate_fine_tuning"),
    "6 months, growth to come": (
        {"months_in_production": 6, "requests_per_month": 49_999, "requests_per_month_in_12_months": 900_000},
        "stay_with_prompts",
    ),
    "6 months, 100,000 requests": ({"months_in_production": 6, "requests_per_month": 100_000}, "evaluate_fine_tuning"),
    "just short of 8 months": ({"months_in_production": 7.99, "requests_per_month": 100_000}, "evaluate_fine_tuning"),
    "8 months, 99,999 requests": ({"months_in_production": 8, "requests_per_month": 99_999}, "evaluate_fine_tuning"),
    "8 months, 100,000 requests": ({"months_in_production": 8, "requests_per_month": 100_000}, "fine_tune"),
    "8 months, $99.99 an error": ({"months_in_production": 8, "cost_per_error": 99.99}, "evaluate_fine_tuning"),
    "8 months, $100 an error": ({"months_in_production": 8, "cost_per_error": 100}, "fine_tune"),
    "7 months, $100 an error": ({"months_in_production": 7, "cost_per_error": 100}, "evaluate_fine_tuning"),
    "8 months, too inaccurate": ({"months_in_production": 8, "prompt_accuracy": 0.5}, "improve_prompts"),
    "8 months, too inaccurate, but dear": (
        {"months_in_production": 8, "prompt_accuracy": 0.5, "cost_per_error": 100},
        "fine_tune",
    ),
}


@pytest.mark.parametrize(("known", "action"), PATH.values(), ids=PATH)
def test_migration_action_when_months_accuracy_or_volume_cross_a_threshold_is_the_next_step(
    known: dict[str, object], action: str
) -> None:
    assert concluded("migration_action", **known) == action


# The recommendation, row by row

#: Errors that make fine-tuning pay at any volume.
DEAR_ERRORS: dict[str, object] = {"prompt_accuracy": 0.8, "fine_tuned_accuracy": 0.9, "cost_per_error": 50}
#: A hybrid that pays, where fine-tuning all of the traffic does not.
HYBRID: dict[str, object] = {
    "requests_per_month": 150_000,
    "prompt_cost_per_request": 0.1,
    "fine_tuned_cost_per_request": 0.2,
    "hybrid_saving_share": 0.25,
    "hybrid_upfront": 25_000,
    "repetitive_share": 0.3,
}
RECOMMENDATIONS = {
    "1 a prototype": ({"is_prototype": True, **CRITICAL}, "few_shot"),
    "1 a prototype without examples": ({"is_prototype": True, "labeled_examples": 0}, "few_shot"),
    "2 no team, 99 examples": ({"has_ml_engineering": False, "labeled_examples": 99}, "prompt_engineering"),
    "2 no team, 100 examples": ({"has_ml_engineering": False, "labeled_examples": 100}, "few_shot"),
    "2 no team, examples unknown": (
        {"has_ml_engineering": False, "labeled_examples": "unknown"},
        "prompt_engineering",
    ),
    "3 critical, though it does not pay": (CRITICAL, "full_fine_tuning"),
    "3 critical at a smaller volume": ({"accuracy_is_critical": True}, "lora"),
    "3 critical, 499 examples": ({**CRITICAL, "labeled_examples": 499}, "few_shot"),
    "3 critical, 99 examples": ({**CRITICAL, "labeled_examples": 99}, "prompt_engineering"),
    "4 hybrid": (HYBRID, "hybrid"),
    "4 a share of 0.1999": ({**HYBRID, "repetitive_share": 0.1999}, "few_shot"),
    "4 a share of 0.2": ({**HYBRID, "repetitive_share": 0.2}, "hybrid"),
    "4 a hybrid that does not pay": ({**HYBRID, "hybrid_upfront": 45_000}, "few_shot"),
    "4 a method that pays more": ({**HYBRID, "fine_tuned_cost_per_request": 0.01}, "lora"),
    "4 critical accuracy goes before": ({**HYBRID, "accuracy_is_critical": True}, "full_fine_tuning"),
    "4 at a small volume": (
        {**HYBRID, "requests_per_month": 49_999, "prompt_cost_per_request": 0.3, "fine_tuned_cost_per_request": 0.6},
        "hybrid",
    ),
    "4 in a changing domain": ({**HYBRID, "domain_changes_often": True}, "few_shot"),
    "5 it pays": (DEAR_ERRORS, "lora"),
    "5 it pays in a regulated domain": (
        {**DEAR_ERRORS, "regulated_domain": "medical", "requests_per_month": 100_001},
        "full_fine_tuning",
    ),
    "5 it would pay, but 499 examples": ({**DEAR_ERRORS, "labeled_examples": 499}, "few_shot"),
    "5 it would pay, but the budget": (
        {**DEAR_ERRORS, "labeled_examples": "unknown", "budget": 14_999},
        "prompt_engineering",
    ),
    "6 only the volume objects, and it pays": ({**DEAR_ERRORS, "requests_per_month": 20_000}, "lora"),
    "6 volume and data object": (
        {**DEAR_ERRORS, "requests_per_month": 20_000, "has_labeled_data": False},
        "few_shot",
    ),
    "6 volume and change object": (
        {**DEAR_ERRORS, "requests_per_month": 20_000, "domain_changes_often": True},
        "few_shot",
    ),
    "7 it does not pay": ({}, "few_shot"),
    "7 it does not pay, 99 examples": ({"labeled_examples": 99}, "prompt_engineering"),
    "7 accuracy would fall": ({**DEAR_ERRORS, "fine_tuned_accuracy": 0.7}, "few_shot"),
    "8 the framework objects": ({**DEAR_ERRORS, "domain_changes_often": True}, "few_shot"),
    "8 the framework objects, 99 examples": (
        {**DEAR_ERRORS, "domain_changes_often": True, "labeled_examples": 99},
        "prompt_engineering",
    ),
}


@pytest.mark.parametrize(("known", "approach"), RECOMMENDATIONS.values(), ids=RECOMMENDATIONS)
def test_recommendation_when_rows_are_tried_in_order_is_that_of_the_first_that_holds(
    known: dict[str, object], approach: str
) -> None:
    assert concluded("recommendation", **known) == approach


@pytest.mark.parametrize(("origin", "approach"), [("answered", "lora"), ("measured", "lora"), ("assumed", "few_shot")])
def test_volume_rule_when_the_cost_of_errors_overrules_it_needs_more_than_an_assumption(
    origin: str, approach: str
) -> None:
    price = {"value": 50, "origin": origin, "source": "test"}
    values = {**ANSWERED, **DEAR_ERRORS, "requests_per_month": 20_000, "cost_per_error": price}
    assert decided(case(**values)).recommended == approach


@pytest.mark.parametrize(("origin", "approach"), [("answered", "lora"), ("measured", "lora"), ("assumed", "few_shot")])
def test_volume_rule_when_a_price_overrules_it_needs_more_than_an_assumption(origin: str, approach: str) -> None:
    price = {"value": 1, "origin": origin, "source": "test"}
    values = {**ANSWERED, "requests_per_month": 20_000, "prompt_cost_per_request": price}
    assert decided(case(**values)).recommended == approach


# How firm it is

#: What leaves nothing open: no unknown means, and no range of the article's tables that matters.
SETTLED: dict[str, object] = {
    "fine_tuning_upfront": 60_000,
    "prompt_upfront": 40_000,
    "repetitive_share": 0,
    "budget": 80_000,
    "deadline_weeks": 26,
    "model_available_months": 36,
}
STRENGTHS = {
    "all for fine-tuning": ({**DEAR_ERRORS, "requests_per_month": 200_000}, "lora", "strong"),
    "viable takes no side": (DEAR_ERRORS, "lora", "strong"),
    "all for prompting": ({"requests_per_month": 20_000}, "few_shot", "strong"),
    "the arithmetic dissents": (CRITICAL, "full_fine_tuning", "moderate"),
    "the bands dissent": (
        {"requests_per_month": 200_000, "domain_changes_often": True},
        "few_shot",
        "moderate",
    ),
    "framework and bands against": ({**DEAR_ERRORS, "requests_per_month": 20_000}, "lora", "weak"),
    "framework and bands against prompting": ({"requests_per_month": 200_000}, "few_shot", "weak"),
}


@pytest.mark.parametrize(("known", "approach", "strength"), STRENGTHS.values(), ids=STRENGTHS)
def test_strength_when_voices_dissent_falls_with_each(known: dict[str, object], approach: str, strength: str) -> None:
    outcome = decided(case(**{**ANSWERED, **SETTLED, **known}))
    assert not outcome.could_turn
    assert (outcome.recommended, outcome.conclusion("strength")) == (approach, strength)


def test_strength_when_an_assumption_could_turn_the_recommendation_is_weak() -> None:
    values = {**ANSWERED, **SETTLED, **DEAR_ERRORS}
    doubtful = case(**values).replace("cost_per_error", Given("cost_per_error", 50.0, origin="assumed"))
    outcome = decided(doubtful)
    assert outcome.could_turn
    assert (outcome.recommended, outcome.conclusion("strength")) == ("lora", "weak")


def test_recommendation_when_an_unknown_fact_keeps_it_open_is_to_start_with_prompts() -> None:
    outcome = decided(example("much-unknown"))
    assert outcome.recommended is None
    assert recommended(outcome) == "prompt_engineering"
    assert outcome.conclusion("strength") == "weak"
