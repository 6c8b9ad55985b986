"""Every figure of a case in exact fractions, written from the text of the design alone.

Nothing here is shared with the engine or with ``rules/``: the article's tables stand here once more, and
each formula is a few lines of Python. Beside its exact value a number knows how far floating point, and
rounding to 12 digits, may carry a computation of it, so that the engine's figures can be held to it closely.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import total_ordering
from itertools import pairwise

Answer = float | bool | str | None

NEVER = math.inf
#: How far one step in floating point strays, relative to its terms, and how far 12 digits do.
_STEP = Fraction(1, 10**15)
_TWELVE_DIGITS = Fraction(5, 10**12)
#: Whole numbers below this are exact in floating point.
_WHOLE = 2**53


class Unknown(Exception):
    """A figure that needs an unknown fact."""


class CloseCall(Exception):
    """A comparison that the rounding of floating point may decide either way."""


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Exact:
    """A number: its exact value, and the most by which a computation of it may be off."""

    value: Fraction
    slack: Fraction = Fraction(0)

    def __add__(self, other: Exact | int) -> Exact:
        right = exact(other)
        return self._after(right, self.value + right.value, self.slack + right.slack, self.size + right.size)

    def __sub__(self, other: Exact | int) -> Exact:
        right = exact(other)
        return self._after(right, self.value - right.value, self.slack + right.slack, self.size + right.size)

    def __rsub__(self, other: int) -> Exact:
        return exact(other) - self

    def __mul__(self, other: Exact | int) -> Exact:
        right = exact(other)
        slack = self.size * right.slack + right.size * self.slack + self.slack * right.slack
        return self._after(right, self.value * right.value, slack, self.size * right.size)

    def __truediv__(self, other: Exact | int) -> Exact:
        right = exact(other)
        if right.value == right.slack == 0:
            raise Unknown
        if right.size <= 2 * right.slack:
            raise CloseCall
        value = self.value / right.value
        return self._after(right, value, 2 * (self.slack + abs(value) * right.slack) / right.size, abs(value))

    def __eq__(self, other: object) -> bool:
        return self._from(other) == 0

    def __lt__(self, other: Exact | int) -> bool:
        return self._from(other) < 0

    __hash__ = None  # type: ignore[assignment]  # what is equal within rounding cannot be hashed

    @property
    def size(self) -> Fraction:
        """The value without its sign."""
        return abs(self.value)

    @property
    def remembered(self) -> Exact:
        """The number as a figure is remembered; a value of at most 12 digits is then met exactly."""
        if self.slack < self.size * _TWELVE_DIGITS / 20 and Fraction(f"{float(self.value):.12g}") == self.value:
            return Exact(self.value)
        return Exact(self.value, self.slack + self.size * _TWELVE_DIGITS)

    def _after(self, other: Exact, value: Fraction, slack: Fraction, terms: Fraction) -> Exact:
        numbers = (self.value, other.value, value)
        if slack == 0 and all(number.denominator == 1 and abs(number) < _WHOLE for number in numbers):
            return Exact(value)
        return Exact(value, slack + terms * _STEP)

    def _from(self, other: object) -> Fraction:
        assert isinstance(other, Exact | int)
        right = exact(other)
        difference, slack = self.value - right.value, self.slack + right.slack
        if slack and abs(difference) <= slack:
            raise CloseCall
        return difference


def exact(number: Exact | float) -> Exact:
    """The number that is written so, in decimals."""
    return number if isinstance(number, Exact) else Exact(Fraction(repr(number)))


def midpoint(low: int, high: int) -> Exact:
    """The likely value of a range of the article."""
    return Exact(Fraction(low + high, 2))


def months_until(gap: Exact, saving: Exact) -> Exact | float:
    """Months after which a monthly saving has earned back what the start costs more."""
    if gap <= 0 and saving >= 0:
        return exact(0)
    return NEVER if saving <= 0 else gap / saving


def least(*numbers: Exact) -> Exact:
    """The least of them."""
    return min(numbers)


#: The facts that say what requests cost.
PRICES = frozenset(
    {f"{side}_{kind}" for side in ("prompt", "fine_tuned") for kind in ("cost_per_request", "bill_per_month")}
)

# What the article's tables say.

PROMPT_COMPONENTS = {
    "prompt_discovery_cost": midpoint(5_000, 10_000),
    "prompt_engineering_cost": midpoint(8_000, 20_000),
    "prompt_testing_cost": midpoint(5_000, 15_000),
    "prompt_deployment_cost": midpoint(2_000, 5_000),
}
FINE_TUNING_COMPONENTS = {
    "fine_tuning_discovery_cost": midpoint(5_000, 10_000),
    "fine_tuning_data_cost": midpoint(15_000, 30_000),
    "fine_tuning_oversight_cost": midpoint(2_000, 5_000),
    "fine_tuning_compute_cost": midpoint(8_000, 15_000),
    "fine_tuning_testing_cost": midpoint(10_000, 20_000),
    "fine_tuning_deployment_cost": midpoint(5_000, 10_000),
}
FEW_SHOT, LORA, FULL = midpoint(5_000, 20_000), midpoint(15_000, 50_000), midpoint(50_000, 150_000)
VERSIONS_OF_PROMPTS, VERSIONS_OF_MODELS = midpoint(2_000, 5_000), midpoint(5_000, 15_000)
LATENCY = midpoint(5_000, 20_000)
HOSTING = midpoint(500, 2_000)
PROMPT_MONITORING, FINE_TUNED_MONITORING = exact(1_000), midpoint(2_000, 3_000)
RETRAINING, RETRAININGS_A_YEAR = midpoint(10_000, 30_000), exact(4)
PROMPTED_REQUEST, FINE_TUNED_REQUEST_ABOVE_THE_TABLE = exact(0.006), exact(0.0026)
FINE_TUNED_BILLS = ((10_000, 45), (50_000, 180), (100_000, 320), (500_000, 1_400), (1_000_000, 2_600))


def fine_tuned_bill_at(volume: Exact) -> Exact:
    """The monthly bill of the fine-tuned model: a base, then linear between the rows, then by the request."""
    first, last = FINE_TUNED_BILLS[0], FINE_TUNED_BILLS[-1]
    if volume <= first[0]:
        return exact(first[1])
    if volume >= last[0]:
        return volume * FINE_TUNED_REQUEST_ABOVE_THE_TABLE
    (left, low), (right, high) = next(pair for pair in pairwise(FINE_TUNED_BILLS) if volume < pair[1][0])
    return (volume - left) * (high - low) / (right - left) + low


@dataclass(slots=True)
class Costs:
    """The figures of one case, each worked out when it is asked for.

    Args:
        answers: what is known, by fact; what is missing or None was not answered.
        evidenced: the facts that were answered or measured, not assumed.
        method: the fine-tuning that fits, for the figures that are of the method.
    """

    answers: Mapping[str, Answer]
    evidenced: Collection[str] = ()
    method: str | None = None
    _found: dict[str, Exact | float] = field(default_factory=dict)

    def figure(self, name: str) -> Exact | float | None:
        """A figure by its public name; NEVER for a moment that does not come, None where it is unknown.

        Raises:
            CloseCall: rounding may decide either way what it is.
        """
        try:
            return self._get(name)
        except Unknown:
            return None

    def amount(self, name: str) -> Exact:
        """A figure that is a number.

        Raises:
            Unknown: it needs an unknown fact.
        """
        found = self._get(name)
        assert isinstance(found, Exact)
        return found

    def _get(self, name: str) -> Exact | float:
        if name not in self._found:
            found = getattr(self, name)()
            self._found[name] = found.remembered if isinstance(found, Exact) else found
        return self._found[name]

    def known(self, fact: str) -> bool:
        """Whether the fact was given a value."""
        return self.answers.get(fact) is not None

    def given(self, fact: str, otherwise: Exact | None = None) -> Exact:
        """A fact's number, or what is taken in its place."""
        value = self.answers.get(fact)
        if value is None:
            if otherwise is None:
                raise Unknown
            return otherwise
        assert isinstance(value, float | int)
        return exact(value)

    # Time and volume

    def horizon(self) -> Exact:
        months = self.given("horizon_months", exact(12))
        return least(months, self.given("model_available_months")) if self.known("model_available_months") else months

    def planning_volume(self) -> Exact:
        today = self.given("requests_per_month")
        later, horizon = self.given("requests_per_month_in_12_months", today), self.amount("horizon")
        if horizon <= 12:
            reached = today + (later - today) * horizon / 12
            return (today + reached) / 2
        return ((today + later) / 2 * 12 + later * (horizon - 12)) / horizon

    # Bills

    def _bill(self, side: str) -> Exact:
        """The monthly bill of a side whose price or bill was answered."""
        if self.known(f"{side}_cost_per_request"):
            return self.amount("planning_volume") * self.given(f"{side}_cost_per_request")
        bill = self.given(f"{side}_bill_per_month")
        if not self.known("requests_per_month") or self.given("requests_per_month") == 0:
            return bill
        return self.amount("planning_volume") * (bill / self.given("requests_per_month"))

    def _priced(self, side: str) -> bool:
        return self.known(f"{side}_cost_per_request") or self.known(f"{side}_bill_per_month")

    def prompt_monthly(self) -> Exact:
        if self._priced("prompt"):
            return self._bill("prompt")
        return self.amount("planning_volume") * PROMPTED_REQUEST

    def fine_tuned_monthly(self) -> Exact:
        if self._priced("fine_tuned"):
            return self._bill("fine_tuned")
        return fine_tuned_bill_at(self.amount("planning_volume"))

    def prompt_price_per_request(self) -> Exact:
        return self.amount("prompt_monthly") / self.amount("planning_volume")

    def fine_tuned_price_per_request(self) -> Exact:
        return self.amount("fine_tuned_monthly") / self.amount("planning_volume")

    def request_saving_per_month(self) -> Exact:
        return self.amount("prompt_monthly") - self.amount("fine_tuned_monthly")

    # Errors

    def _cost_per_error(self) -> Exact:
        return self.given("cost_per_error", exact(0))

    def errors_avoided_per_month(self) -> Exact:
        points = self.given("fine_tuned_accuracy") - self.given("prompt_accuracy")
        return self.amount("planning_volume") * points

    def error_saving_per_month(self) -> Exact:
        cost = self._cost_per_error()
        return exact(0) if cost == 0 else self.amount("errors_avoided_per_month") * cost

    def _error_cost(self, accuracy: Exact) -> Exact:
        return self.amount("planning_volume") * (1 - accuracy) * self._cost_per_error()

    def prompt_error_cost_per_month(self) -> Exact:
        return exact(0) if self._cost_per_error() == 0 else self._error_cost(self.given("prompt_accuracy"))

    def fine_tuned_error_cost_per_month(self) -> Exact:
        return exact(0) if self._cost_per_error() == 0 else self._error_cost(self.given("fine_tuned_accuracy"))

    # Hidden monthly costs

    def hosting_per_month(self) -> Exact:
        return self.given("hosting_per_month", HOSTING if self.answers.get("self_hosted") else exact(0))

    def prompt_monitoring_per_month(self) -> Exact:
        return self.given("prompt_monitoring_per_month", PROMPT_MONITORING)

    def fine_tuned_monitoring_per_month(self) -> Exact:
        return self.given("fine_tuned_monitoring_per_month", FINE_TUNED_MONITORING)

    def retraining_per_cycle(self) -> Exact:
        return self.given("retraining_per_cycle", RETRAINING)

    def retraining_cycles_per_year(self) -> Exact:
        stable = self.answers.get("domain_changes_often") is False
        return self.given("retraining_cycles_per_year", exact(0) if stable else RETRAININGS_A_YEAR)

    def retraining_per_month(self) -> Exact:
        return self.amount("retraining_per_cycle") * self.amount("retraining_cycles_per_year") / 12

    def _fine_tuned_upkeep(self) -> Exact:
        hosting, monitoring = self.amount("hosting_per_month"), self.amount("fine_tuned_monitoring_per_month")
        return (hosting + monitoring + self.amount("retraining_per_month")).remembered

    def hidden_cost_per_month(self) -> Exact:
        return self._fine_tuned_upkeep() - self.amount("prompt_monitoring_per_month")

    def total_saving_per_month(self) -> Exact:
        savings = self.amount("request_saving_per_month") + self.amount("error_saving_per_month")
        return savings - self.amount("hidden_cost_per_month")

    # Upfront

    def _components(self, components: Mapping[str, Exact]) -> Exact:
        total = exact(0)
        for name, likely in components.items():
            total += self.given(name, likely)
        return total

    def _versions_of_prompts(self) -> Exact:
        return self.given("prompt_version_management_cost", VERSIONS_OF_PROMPTS)

    def _one_offs_of_models(self) -> Exact:
        versions = self.given("fine_tuning_version_management_cost", VERSIONS_OF_MODELS)
        if not self.answers.get("latency_is_critical"):
            return versions
        return versions + self.given("latency_optimization_cost", LATENCY)

    def prompt_upfront(self) -> Exact:
        if self.known("prompt_upfront"):
            return self.given("prompt_upfront")
        return self._components(PROMPT_COMPONENTS) + self._versions_of_prompts()

    def fine_tuning_upfront(self) -> Exact:
        if self.known("fine_tuning_upfront"):
            return self.given("fine_tuning_upfront")
        return self._components(FINE_TUNING_COMPONENTS) + self._one_offs_of_models()

    def few_shot_upfront(self) -> Exact:
        return FEW_SHOT + self._versions_of_prompts()

    def lora_upfront(self) -> Exact:
        return self.given("fine_tuning_upfront", LORA + self._one_offs_of_models())

    def full_fine_tuning_upfront(self) -> Exact:
        return self.given("fine_tuning_upfront", FULL + self._one_offs_of_models())

    def hybrid_upfront(self) -> Exact:
        return self.given("hybrid_upfront", LORA + self._one_offs_of_models())

    def prompt_investment(self) -> Exact:
        running = self.given("months_in_production", exact(0)) > 0
        return exact(0) if running else self.amount("prompt_upfront")

    # The article's two sides

    def upfront_gap(self) -> Exact:
        return self.amount("fine_tuning_upfront") - self.amount("prompt_upfront")

    def break_even_months(self) -> Exact | float:
        return months_until(self.amount("upfront_gap"), self.amount("request_saving_per_month"))

    def overtaken_after_months(self) -> Exact | float:
        gap = self.amount("upfront_gap")
        if gap >= 0:
            return NEVER
        saving = self.amount("request_saving_per_month")
        return NEVER if saving >= 0 else gap / saving

    def investment(self) -> Exact:
        return self._investment("fine_tuning")

    def payback_months(self) -> Exact | float:
        return self._payback("fine_tuning")

    def prompt_tco(self) -> Exact:
        return self.amount("prompt_investment") + self._prompting_a_month() * self.amount("horizon")

    def fine_tuning_tco(self) -> Exact:
        return self._tco("fine_tuning")

    def net_benefit(self) -> Exact:
        return self._net_benefit("fine_tuning")

    def _prompting_a_month(self) -> Exact:
        bill, monitoring = self.amount("prompt_monthly"), self.amount("prompt_monitoring_per_month")
        return bill + monitoring + self.amount("prompt_error_cost_per_month")

    def _investment(self, approach: str) -> Exact:
        return self.amount(f"{approach}_upfront") - self.amount("prompt_investment")

    def _payback(self, approach: str) -> Exact | float:
        return months_until(self._investment(approach).remembered, self.amount("total_saving_per_month"))

    def _tco(self, approach: str) -> Exact:
        errors = self.amount("fine_tuned_error_cost_per_month")
        a_month = self.amount("fine_tuned_monthly") + self._fine_tuned_upkeep() + errors
        return self.amount(f"{approach}_upfront") + a_month * self.amount("horizon")

    def _net_benefit(self, approach: str) -> Exact:
        return self.amount("total_saving_per_month") * self.amount("horizon") - self._investment(approach).remembered

    # Each approach

    def few_shot_tco(self) -> Exact:
        return self.amount("few_shot_upfront") + self._prompting_a_month() * self.amount("horizon")

    def few_shot_net_benefit(self) -> Exact:
        return self.amount("prompt_investment") - self.amount("few_shot_upfront")

    def few_shot_payback_months(self) -> Exact | float:
        return exact(0) if self.amount("few_shot_net_benefit") >= 0 else NEVER

    def lora_investment(self) -> Exact:
        return self._investment("lora")

    def lora_tco(self) -> Exact:
        return self._tco("lora")

    def lora_net_benefit(self) -> Exact:
        return self._net_benefit("lora")

    def lora_payback_months(self) -> Exact | float:
        return self._payback("lora")

    def full_fine_tuning_investment(self) -> Exact:
        return self._investment("full_fine_tuning")

    def full_fine_tuning_tco(self) -> Exact:
        return self._tco("full_fine_tuning")

    def full_fine_tuning_net_benefit(self) -> Exact:
        return self._net_benefit("full_fine_tuning")

    def full_fine_tuning_payback_months(self) -> Exact | float:
        return self._payback("full_fine_tuning")

    # Hybrid

    def _share(self) -> Exact:
        return self.given("repetitive_share", exact(0))

    def routed_volume(self) -> Exact:
        return self.amount("planning_volume") * self._share()

    def hybrid_fine_tuned_monthly(self) -> Exact:
        if self._share() == 0:
            return exact(0)
        if self.known("fine_tuned_cost_per_request"):
            return self.amount("routed_volume") * self.given("fine_tuned_cost_per_request")
        if self.known("fine_tuned_bill_per_month"):
            return self.amount("fine_tuned_monthly") * self._share()
        return fine_tuned_bill_at(self.amount("routed_volume"))

    def hybrid_prompt_monthly(self) -> Exact:
        if self._priced("prompt"):
            return self.amount("prompt_monthly") * (1 - self._share())
        return (self.amount("planning_volume") - self.amount("routed_volume")) * PROMPTED_REQUEST

    def hybrid_monthly(self) -> Exact:
        if self.known("hybrid_saving_share"):
            return self.amount("prompt_monthly") * (1 - self.given("hybrid_saving_share"))
        return self.amount("hybrid_prompt_monthly") + self.amount("hybrid_fine_tuned_monthly")

    def hybrid_hidden_cost_per_month(self) -> Exact:
        return exact(0) if self.known("hybrid_saving_share") else self.amount("hidden_cost_per_month")

    def hybrid_saving_per_month(self) -> Exact:
        bill = self.amount("prompt_monthly") - self.amount("hybrid_monthly")
        errors = self.amount("error_saving_per_month") * self._share()
        return bill + errors - self.amount("hybrid_hidden_cost_per_month")

    def hybrid_start(self) -> Exact:
        return self.amount("prompt_investment") + self.amount("hybrid_upfront")

    def hybrid_tco(self) -> Exact:
        upkeep = self.amount("prompt_monitoring_per_month") + self.amount("hybrid_hidden_cost_per_month")
        a_month = self.amount("hybrid_monthly") + upkeep + self._hybrid_error_cost()
        return self.amount("hybrid_start") + a_month * self.amount("horizon")

    def _hybrid_error_cost(self) -> Exact:
        """What errors cost where the routed share is as accurate as the fine-tuned model, the rest as prompting."""
        return self.amount("prompt_error_cost_per_month") - self.amount("error_saving_per_month") * self._share()

    def hybrid_net_benefit(self) -> Exact:
        return self.amount("hybrid_saving_per_month") * self.amount("horizon") - self.amount("hybrid_upfront")

    def hybrid_payback_months(self) -> Exact | float:
        return months_until(self.amount("hybrid_upfront"), self.amount("hybrid_saving_per_month"))

    # The method that fits

    def method_net_benefit(self) -> Exact:
        return self.amount(f"{self.method}_net_benefit")

    def method_investment(self) -> Exact:
        return self._investment(str(self.method))

    def method_payback_months(self) -> Exact | float:
        # Few-shot prompting saves nothing by the month; what is asked is whether fine-tuning would pay.
        return self._get("payback_months" if self.method == "few_shot" else f"{self.method}_payback_months")

    def evidenced_request_saving(self) -> Exact:
        saving = self.amount("request_saving_per_month")
        return saving if PRICES & set(self.evidenced) else least(saving, exact(0))

    def evidenced_error_saving(self) -> Exact:
        saving = self.amount("error_saving_per_month")
        return saving if "cost_per_error" in self.evidenced else least(saving, exact(0))

    def method_evidenced_net_benefit(self) -> Exact:
        savings = self.amount("evidenced_request_saving") + self.amount("evidenced_error_saving")
        months = self.amount("horizon")
        return (savings - self.amount("hidden_cost_per_month")) * months - self.amount("method_investment")
