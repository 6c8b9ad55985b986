from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from fractions import Fraction

import pytest
from hypothesis import given, settings

from engine.costs import WorkingMemory, working_memory
from engine.language.evaluate import Value
from tests.cases import Answers, answers, case, decided, example, knowledge
from tests.reference_costs import NEVER, CloseCall, Costs, Exact

#: Facts whose default is a sum, or depends on another fact.
COMPUTED_FACTS = (
    *("prompt_upfront", "fine_tuning_upfront", "hybrid_upfront", "hosting_per_month", "prompt_monitoring_per_month"),
    *("fine_tuned_monitoring_per_month", "retraining_per_cycle", "retraining_cycles_per_year"),
)
OF_THE_METHOD = ("method_net_benefit", "method_investment", "method_payback_months", "method_evidenced_net_benefit")
thoroughly = settings(max_examples=250, deadline=None)


def computed(**values: object) -> Mapping[str, Value]:
    """Every fact and figure of a case of the built-in base, before any rule has fired."""
    return working_memory(knowledge(), case(**values)).values


def number(value: Value) -> float:
    """A value that is known to be a number."""
    assert isinstance(value, float)
    return value


# Against the reference


def agrees(found: Value, expected: Exact | float | None) -> bool:
    """Whether a figure of the engine is that of the reference, as nearly as rounding lets it be."""
    if expected is None or found is None:
        return found is expected
    if not isinstance(expected, Exact):
        return found == expected
    value = number(found)
    return math.isfinite(value) and abs(Fraction(value) - expected.value) <= expected.slack + expected.size / 10**15


def differing(costs: Costs, memory: WorkingMemory, names: tuple[str, ...]) -> list[str]:
    """The figures that differ from the reference; those on the edge of two outcomes are left out."""
    found: list[str] = []
    for name in names:
        try:
            expected = costs.figure(name)
        except CloseCall:
            continue
        if not agrees(memory.values[name], expected):
            shown = float(expected.value) if isinstance(expected, Exact) else expected
            found.append(f"{name}: the engine has {memory.values[name]}, the reference {shown}")
    return found


def before_any_rule() -> tuple[str, ...]:
    """The figures that need no conclusion."""
    return tuple(name for name in (*COMPUTED_FACTS, *knowledge().figures) if name not in OF_THE_METHOD)


def test_reference_when_compared_with_the_base_has_every_figure() -> None:
    worked_out = {name for name, _ in inspect.getmembers(Costs, inspect.isfunction)}
    assert set(knowledge().figures) <= worked_out


@thoroughly
@given(answers(complete=False))
def test_figures_when_facts_are_known_at_random_are_those_of_the_reference(drawn: Answers) -> None:
    memory = working_memory(knowledge(), drawn.case)
    assert differing(Costs(drawn.values, drawn.evidenced), memory, before_any_rule()) == []


@thoroughly
@given(answers(complete=True))
def test_figures_when_every_question_is_answered_are_those_of_the_reference(drawn: Answers) -> None:
    memory = working_memory(knowledge(), drawn.case)
    assert differing(Costs(drawn.values, drawn.evidenced), memory, before_any_rule()) == []


@thoroughly
@given(answers(complete=True))
def test_figures_of_the_method_when_it_is_concluded_are_those_of_the_reference(drawn: Answers) -> None:
    memory = decided(drawn.case).memory
    method = memory.values["method"]
    assert isinstance(method, str)
    assert differing(Costs(drawn.values, drawn.evidenced, method), memory, OF_THE_METHOD) == []


# Volume tables and bills

BILLS = [
    (0, 0, 45),
    (5_000, 30, 45),
    (7_500, 45, 45),
    (10_000, 60, 45),
    (30_000, 180, 112.5),
    (50_000, 300, 180),
    (75_000, 450, 250),
    (100_000, 600, 320),
    (200_000, 1_200, 590),
    (500_000, 3_000, 1_400),
    (750_000, 4_500, 2_000),
    (1_000_000, 6_000, 2_600),
    (2_000_000, 12_000, 5_200),
]


@pytest.mark.parametrize(("volume", "prompting", "fine_tuned"), BILLS)
def test_bills_when_no_price_is_known_are_linear_between_the_rows(
    volume: float, prompting: float, fine_tuned: float
) -> None:
    found = computed(requests_per_month=volume)
    assert (found["prompt_monthly"], found["fine_tuned_monthly"]) == (prompting, fine_tuned)
    assert found["request_saving_per_month"] == prompting - fine_tuned


RAMPS = {
    "no growth": (100_000, 100_000, 12, 100_000),
    "a year of growth": (0, 120_000, 12, 60_000),
    "half a year of growth": (0, 120_000, 6, 30_000),
    "a year of growth, then flat": (0, 120_000, 24, 90_000),
    "three years": (60_000, 180_000, 36, 160_000),
    "decline": (120_000, 0, 12, 60_000),
}


@pytest.mark.parametrize(("today", "later", "months", "expected"), RAMPS.values(), ids=RAMPS)
def test_planning_volume_when_volume_changes_is_the_mean_over_the_months_counted(
    today: float, later: float, months: float, expected: float
) -> None:
    found = computed(requests_per_month=today, requests_per_month_in_12_months=later, horizon_months=months)
    assert found["planning_volume"] == expected


PRICES = {
    "a price replaces the table": ({"prompt_cost_per_request": 0.01}, 2_000),
    "a bill is spread over today's requests": ({"prompt_bill_per_month": 500}, 1_000),
    "a price goes before a bill": ({"prompt_cost_per_request": 0.01, "prompt_bill_per_month": 500}, 2_000),
    "a price of nothing is a price": ({"prompt_cost_per_request": 0}, 0),
    "neither": ({}, 1_200),
}


@pytest.mark.parametrize(("known", "bill"), PRICES.values(), ids=PRICES)
@pytest.mark.parametrize("side", ["prompt", "fine_tuned"])
def test_bill_when_a_price_is_known_follows_it(side: str, known: dict[str, float], bill: float) -> None:
    growing = {"requests_per_month": 100_000, "requests_per_month_in_12_months": 300_000}
    prices = {name.replace("prompt", side): value for name, value in known.items()}
    found = computed(**growing, **prices)
    assert found["planning_volume"] == 200_000
    assert found[f"{side}_monthly"] == (bill if known or side == "prompt" else 590)


@pytest.mark.parametrize("requests", ["unknown", 0])
def test_bill_when_there_are_no_requests_to_spread_it_over_is_the_monthly_figure(requests: object) -> None:
    found = computed(requests_per_month=requests, prompt_bill_per_month=700, fine_tuned_bill_per_month=300)
    assert (found["prompt_monthly"], found["fine_tuned_monthly"]) == (700, 300)
    assert found["request_saving_per_month"] == 400


# Upfront

UPFRONT = {
    "nothing said": ({}, 38_500, 77_500),
    "latency is critical": ({"latency_is_critical": True}, 38_500, 90_000),
    "one component answered": ({"prompt_testing_cost": 0, "fine_tuning_data_cost": 2_500}, 28_500, 57_500),
    "version management answered": (
        {"prompt_version_management_cost": 0, "fine_tuning_version_management_cost": 0},
        35_000,
        67_500,
    ),
    "the whole answered": (
        {"prompt_upfront": 45_000, "fine_tuning_upfront": 80_000, "latency_is_critical": True},
        45_000,
        80_000,
    ),
    "the whole goes before components": (
        {"prompt_upfront": 1, "prompt_testing_cost": 9_000, "fine_tuning_upfront": 2, "fine_tuning_data_cost": 9_000},
        1,
        2,
    ),
}


@pytest.mark.parametrize(("known", "prompting", "fine_tuning"), UPFRONT.values(), ids=UPFRONT)
def test_upfront_when_answered_in_part_takes_the_rest_from_the_table(
    known: dict[str, object], prompting: float, fine_tuning: float
) -> None:
    found = computed(**known)
    assert (found["prompt_upfront"], found["fine_tuning_upfront"]) == (prompting, fine_tuning)
    assert found["upfront_gap"] == fine_tuning - prompting


OWN_RANGES = {
    "nothing said": ({}, {"few_shot": 16_000, "lora": 42_500, "full_fine_tuning": 110_000, "hybrid": 42_500}),
    "latency is critical": (
        {"latency_is_critical": True},
        {"few_shot": 16_000, "lora": 55_000, "full_fine_tuning": 122_500, "hybrid": 55_000},
    ),
    "fine-tuning answered": (
        {"fine_tuning_upfront": 60_000, "latency_is_critical": True},
        {"few_shot": 16_000, "lora": 60_000, "full_fine_tuning": 60_000, "hybrid": 55_000},
    ),
    "hybrid answered": (
        {"hybrid_upfront": 25_000},
        {"few_shot": 16_000, "lora": 42_500, "full_fine_tuning": 110_000, "hybrid": 25_000},
    ),
}


@pytest.mark.parametrize(("known", "expected"), OWN_RANGES.values(), ids=OWN_RANGES)
def test_upfront_of_each_approach_when_not_answered_is_its_own_range(
    known: dict[str, object], expected: dict[str, float]
) -> None:
    found = computed(**known)
    assert {approach: found[f"{approach}_upfront"] for approach in expected} == expected


# Hidden costs

HIDDEN = {
    "a stable domain": ({"domain_changes_often": False}, 1_500),
    "a changing domain": ({"domain_changes_often": True}, 1_500 + 20_000 * 4 / 12),
    "a domain of which nothing is known": ({"domain_changes_often": "unknown"}, 1_500 + 20_000 * 4 / 12),
    "a model of one's own": ({"domain_changes_often": False, "self_hosted": True}, 2_750),
    "hosting answered": ({"domain_changes_often": False, "self_hosted": True, "hosting_per_month": 90}, 1_590),
    "retraining answered": ({"domain_changes_often": False, "retraining_cycles_per_year": 3}, 6_500),
    "cheaper retraining": ({"domain_changes_often": True, "retraining_per_cycle": 300}, 1_600),
    "monitoring answered": (
        {"domain_changes_often": False, "prompt_monitoring_per_month": 3_000, "fine_tuned_monitoring_per_month": 500},
        -2_500,
    ),
}


@pytest.mark.parametrize(("known", "expected"), HIDDEN.values(), ids=HIDDEN)
def test_hidden_cost_when_answered_in_part_takes_the_rest_from_the_table(
    known: dict[str, object], expected: float
) -> None:
    assert computed(**known)["hidden_cost_per_month"] == pytest.approx(expected, rel=1e-11)


# Break-even and payback

#: Upfront of the two sides, price of the two sides at 100,000 requests, months until both are even, months
#: until prompting overtakes.
BREAK_EVEN = {
    "dearer, and saves": (40_000, 75_000, 0.006, 0.0032, 125, NEVER),
    "dearer, and saves nothing": (40_000, 75_000, 0.006, 0.006, NEVER, NEVER),
    "dearer, and costs more": (40_000, 75_000, 0.003, 0.006, NEVER, NEVER),
    "as dear, and saves": (40_000, 40_000, 0.006, 0.003, 0, NEVER),
    "as dear, and saves nothing": (40_000, 40_000, 0.006, 0.006, 0, NEVER),
    "as dear, and costs more": (40_000, 40_000, 0.003, 0.006, NEVER, NEVER),
    "cheaper, and saves": (40_000, 10_000, 0.006, 0.003, 0, NEVER),
    "cheaper, and saves nothing": (40_000, 10_000, 0.006, 0.006, 0, NEVER),
    "cheaper, and costs more": (40_000, 10_000, 0.003, 0.006, NEVER, 100),
}


@pytest.mark.parametrize(
    ("prompting", "fine_tuning", "price", "tuned_price", "even", "overtaken"), BREAK_EVEN.values(), ids=BREAK_EVEN
)
def test_break_even_when_gap_and_saving_have_any_sign_is_a_time_or_never(
    prompting: float, fine_tuning: float, price: float, tuned_price: float, even: float, overtaken: float
) -> None:
    found = computed(
        requests_per_month=100_000,
        prompt_upfront=prompting,
        fine_tuning_upfront=fine_tuning,
        prompt_cost_per_request=price,
        fine_tuned_cost_per_request=tuned_price,
    )
    assert (found["break_even_months"], found["overtaken_after_months"]) == (even, overtaken)


ARTICLES_LINES = {"10K": (10_000, 35_000 / 15), "50K": (50_000, 35_000 / 120), "500K": (500_000, 21.875)}


@pytest.mark.parametrize(("volume", "months"), ARTICLES_LINES.values(), ids=ARTICLES_LINES)
def test_break_even_when_the_articles_lines_are_computed_is_in_months(volume: float, months: float) -> None:
    found = computed(requests_per_month=volume, prompt_upfront=40_000, fine_tuning_upfront=75_000)
    assert found["break_even_months"] == pytest.approx(months, rel=1e-11)


#: Monthly hidden costs in place of any saving but that of a request, and the payback in months.
PAYBACK = {
    "all of the saving is left": (0, 40_000, 75_000, 0, 35.0),
    "half of the saving is left": (500, 40_000, 75_000, 0, 70.0),
    "none of the saving is left": (1_000, 40_000, 75_000, 0, NEVER),
    "hidden costs exceed the saving": (1_500, 40_000, 75_000, 0, NEVER),
    "no investment, no saving": (1_000, 40_000, 40_000, 0, 0.0),
    "less investment, but losses": (1_500, 40_000, 10_000, 0, NEVER),
    "less investment, and a saving": (500, 40_000, 10_000, 0, 0.0),
    "prompts run already": (500, 40_000, 75_000, 1, 150.0),
    "prompts run already, cheaper to train": (500, 40_000, 10_000, 1, 20.0),
}


@pytest.mark.parametrize(("hosting", "prompting", "fine_tuning", "running", "months"), PAYBACK.values(), ids=PAYBACK)
def test_payback_when_every_monthly_cost_counts_is_a_time_or_never(
    hosting: float, prompting: float, fine_tuning: float, running: float, months: float
) -> None:
    found = computed(
        requests_per_month=100_000,
        prompt_cost_per_request=0.03,
        fine_tuned_cost_per_request=0.02,
        hosting_per_month=hosting,
        prompt_monitoring_per_month=0,
        fine_tuned_monitoring_per_month=0,
        retraining_cycles_per_year=0,
        prompt_upfront=prompting,
        fine_tuning_upfront=fine_tuning,
        months_in_production=running,
    )
    assert found["payback_months"] == months


def test_errors_when_the_fine_tuned_model_makes_fewer_save_their_cost_once() -> None:
    found = working_memory(knowledge(), example("case-2-insurance-claims")).values
    assert found["errors_avoided_per_month"] == pytest.approx(24_000)
    assert found["error_saving_per_month"] == pytest.approx(3_600_000)
    assert number(found["payback_months"]) == pytest.approx(35_000 / (3_600_000 + 610 - 1_500))


def test_errors_when_the_fine_tuned_model_makes_more_cost_money() -> None:
    found = computed(
        requests_per_month=1_000, prompt_accuracy=0.9, fine_tuned_accuracy=0.8, cost_per_error=5, horizon_months=12
    )
    assert found["errors_avoided_per_month"] == pytest.approx(-100)
    assert found["error_saving_per_month"] == pytest.approx(-500)


# The months counted

HORIZONS = {
    "not answered": ({}, 12),
    "answered": ({"horizon_months": 24}, 24),
    "the model is withdrawn before": ({"horizon_months": 24, "model_available_months": 6}, 6),
    "the model is withdrawn after": ({"model_available_months": 30}, 12),
    "the model is withdrawn today": ({"model_available_months": 0}, 0),
}


@pytest.mark.parametrize(("known", "months"), HORIZONS.values(), ids=HORIZONS)
def test_horizon_when_the_model_is_withdrawn_ends_with_it(known: dict[str, object], months: float) -> None:
    found = computed(requests_per_month=100_000, **known)
    assert found["horizon"] == months
    assert found["prompt_tco"] == pytest.approx(38_500 + 1_600 * months)


# Hybrid


def test_hybrid_when_nothing_is_answered_routes_its_share_at_the_tables_prices() -> None:
    found = working_memory(knowledge(), example("case-3-code-generation-as-printed")).values
    assert found["routed_volume"] == 45_000
    assert (found["hybrid_prompt_monthly"], found["hybrid_fine_tuned_monthly"]) == (630, 163.125)
    saved = number(found["prompt_monthly"]) - number(found["hybrid_monthly"])
    assert saved / number(found["prompt_monthly"]) == pytest.approx(0.11875)
    assert found["hybrid_net_benefit"] == pytest.approx((106.875 - 1_500) * 12 - 25_000)


def test_hybrid_when_its_saving_is_answered_saves_that_and_nothing_is_added() -> None:
    found = working_memory(knowledge(), example("case-3-code-generation-priced")).values
    assert found["hybrid_monthly"] == pytest.approx(0.75 * 150_000 * 0.0556)
    assert found["hybrid_hidden_cost_per_month"] == 0
    assert found["hybrid_net_benefit"] == pytest.approx(0.25 * 150_000 * 0.0556 * 12 - 25_000)


def test_hybrid_when_nothing_is_routed_bills_no_fine_tuned_base() -> None:
    found = computed(requests_per_month=100_000, repetitive_share=0)
    assert (found["hybrid_fine_tuned_monthly"], found["hybrid_monthly"]) == (0, 600)


def test_hybrid_when_bills_are_answered_shares_them_out() -> None:
    found = computed(
        requests_per_month=100_000, repetitive_share=0.25, prompt_bill_per_month=800, fine_tuned_bill_per_month=200
    )
    assert (found["hybrid_prompt_monthly"], found["hybrid_fine_tuned_monthly"]) == (600, 50)


# What is unknown

UNKNOWN = {
    "nothing is known": ({}, ["planning_volume", "prompt_monthly", "net_benefit", "break_even_months", "hybrid_tco"]),
    "only the forecast is known": ({"requests_per_month_in_12_months": 9_000}, ["planning_volume", "prompt_monthly"]),
    "accuracy matters and is unknown": (
        {"requests_per_month": 9_000, "cost_per_error": 1},
        ["errors_avoided_per_month", "error_saving_per_month", "total_saving_per_month", "payback_months"],
    ),
    "there are no requests to price": ({"requests_per_month": 0}, ["prompt_price_per_request"]),
}


@pytest.mark.parametrize(("known", "unknown"), UNKNOWN.values(), ids=UNKNOWN)
def test_figures_when_a_fact_they_need_is_unknown_are_unknown(known: dict[str, object], unknown: list[str]) -> None:
    found = computed(**known)
    assert [name for name in unknown if found[name] is not None] == []


def test_errors_when_they_cost_nothing_need_no_accuracy() -> None:
    found = computed(requests_per_month=9_000, cost_per_error=0, domain_changes_often=False)
    assert found["errors_avoided_per_month"] is None
    assert found["error_saving_per_month"] == 0
    assert found["net_benefit"] == pytest.approx((54 - 45 - 1_500) * 12 - 39_000)


def test_overtaking_when_fine_tuning_costs_more_upfront_is_never_whatever_it_saves() -> None:
    assert computed(prompt_upfront=10, fine_tuning_upfront=20)["overtaken_after_months"] == NEVER


# What holds between figures

APPROACHES = ("fine_tuning", "few_shot", "lora", "full_fine_tuning", "hybrid")


@thoroughly
@given(answers(complete=True))
def test_total_costs_when_compared_differ_by_the_net_benefit(drawn: Answers) -> None:
    found = working_memory(knowledge(), drawn.case).values
    for approach in APPROACHES:
        prompting, other = number(found["prompt_tco"]), number(found[f"{approach}_tco"])
        benefit = number(found["net_benefit" if approach == "fine_tuning" else f"{approach}_net_benefit"])
        # Each total is rounded to 12 digits of its own, and so are the costs of errors in it.
        errors = number(found["prompt_error_cost_per_month"]) + number(found["fine_tuned_error_cost_per_month"])
        size = abs(prompting) + abs(other) + errors * number(found["horizon"])
        assert prompting - other == pytest.approx(benefit, abs=1e-10 * size + 1e-9), approach


@thoroughly
@given(answers(complete=True))
def test_payback_when_within_the_months_counted_means_a_net_benefit(drawn: Answers) -> None:
    found = working_memory(knowledge(), drawn.case).values
    payback, horizon = number(found["payback_months"]), number(found["horizon"])
    investment, benefit = number(found["investment"]), number(found["net_benefit"])
    certain = 1e-9 * (abs(investment) + abs(number(found["total_saving_per_month"])) * horizon)
    if investment > 0 and benefit > certain:
        assert payback < horizon
    if investment > 0 and benefit < -certain:
        assert payback > horizon


def test_saving_when_its_terms_cancel_is_nothing_at_all() -> None:
    found = computed(
        requests_per_month=1,
        prompt_cost_per_request=10.1,
        fine_tuned_cost_per_request=0,
        prompt_accuracy=0,
        fine_tuned_accuracy=1,
        cost_per_error=20.2,
        hosting_per_month=30.3,
        prompt_monitoring_per_month=0,
        fine_tuned_monitoring_per_month=0,
        retraining_cycles_per_year=0,
    )
    assert found["total_saving_per_month"] == 0
    assert found["payback_months"] == NEVER
