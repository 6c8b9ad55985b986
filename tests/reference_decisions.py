"""Every decision of a case whose questions are all answered, written from the text of the design alone.

Nothing here is shared with the engine or with ``rules/``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tests.reference_costs import Answer, Costs, Exact

PROMPTING = ("prompt_engineering", "few_shot")


@dataclass(slots=True)
class Decisions:
    """The decisions of one case, each worked out when it is asked for.

    Args:
        answers: what is known, by fact; the questions are all answered.
        evidenced: the facts that were answered or measured, not assumed.
        could_turn: whether something unknown or assumed could lead to another recommendation.
    """

    answers: Mapping[str, Answer]
    evidenced: Collection[str]
    could_turn: bool

    def all(self) -> dict[str, str]:
        """Each decision's public name with its value."""
        verdict, reason = self.framework()
        return {
            "scale": self.scale(),
            "framework_verdict": verdict,
            "framework_reason": reason,
            "method": self.method(),
            "economics": self.economics(),
            "migration_action": self.migration_action(),
            "recommendation": self.recommendation(),
            "strength": self.strength(),
        }

    # What is known

    def _number(self, fact: str, otherwise: float = 0) -> float:
        value = self.answers.get(fact)
        assert value is None or isinstance(value, float | int)
        return otherwise if value is None else value

    def _yes(self, fact: str) -> bool:
        return self.answers.get(fact) is True

    def _allows(self, fact: str, least: float) -> bool:
        """Whether a means that is unknown, or is at least so much, is there."""
        return self.answers.get(fact) is None or self._number(fact) >= least

    @property
    def _volume(self) -> float:
        return self._number("requests_per_month_in_12_months", self._number("requests_per_month"))

    @property
    def _critical(self) -> bool:
        return self._yes("accuracy_is_critical")

    @property
    def _costs(self) -> Costs:
        return Costs(self.answers, self.evidenced, self.method())

    # The article's decisions

    def scale(self) -> str:
        if self._volume < 50_000:
            return "prompting_is_cheaper"
        if self._volume < 100_000:
            return "viable"
        return "recommended" if self._volume < 500_000 else "mandatory"

    def framework(self) -> tuple[str, str]:
        """The verdict, and the question that settled it."""
        if self._volume < 50_000:
            return "prompt_engineering", "volume"
        return self._framework_but_for_volume()

    def _framework_but_for_volume(self) -> tuple[str, str]:
        if not self._yes("has_ml_engineering"):
            return "prompt_engineering", "team"
        if self._critical:
            return "fine_tuning", "accuracy"
        if not self._yes("has_labeled_data"):
            return "prompt_engineering", "data"
        if self._yes("domain_changes_often"):
            return "prompt_engineering", "change"
        return "fine_tuning", "stable"

    def method(self) -> str:
        if self._yes("is_prototype") or not self._allows("labeled_examples", 500):
            return "few_shot"
        matters = self._critical or self.answers.get("regulated_domain", "none") not in ("none", None)
        has_means = self._allows("budget", 50_000) and self._allows("deadline_weeks", 13)
        if matters and self._allows("labeled_examples", 1_000) and self._volume > 100_000 and has_means:
            return "full_fine_tuning"
        return "lora" if self._allows("budget", 15_000) and self._allows("deadline_weeks", 4) else "few_shot"

    def migration_action(self) -> str:
        months, accuracy = self._number("months_in_production"), self._number("prompt_accuracy")
        volume = self._number("requests_per_month")
        if months < 3:
            return "start_with_prompts"
        if months < 6:
            return "stay_with_prompts" if accuracy >= 0.85 else "improve_prompts"
        if months >= 8 and (self._number("cost_per_error") >= 100 or volume >= 100_000):
            return "fine_tune"
        if volume >= 50_000 and 0.80 <= accuracy <= 0.90:
            return "evaluate_fine_tuning"
        return "improve_prompts" if accuracy < 0.80 else "stay_with_prompts"

    # The arithmetic and the answer

    def economics(self) -> str:
        payback, horizon = self._costs.figure("method_payback_months"), self._costs.amount("horizon")
        if not isinstance(payback, Exact):
            return "never_pays_back"
        if payback <= 0:
            return "pays_back_at_once"
        return "pays_back_within_horizon" if payback <= horizon else "pays_back_later"

    def _prompting(self) -> str:
        return "few_shot" if self._number("labeled_examples") >= 100 else "prompt_engineering"

    def _the_method(self) -> str:
        return self._prompting() if self.method() == "few_shot" else self.method()

    def recommendation(self) -> str:
        verdict, reason = self.framework()
        fine_tuning = verdict == "fine_tuning"
        volume_only = reason == "volume" and self._framework_but_for_volume()[0] == "fine_tuning"
        if self._yes("is_prototype"):
            return "few_shot"
        if not self._yes("has_ml_engineering"):
            return self._prompting()
        if fine_tuning and self._critical:
            return self._the_method()
        if 0.2 <= self._number("repetitive_share") < 1 and (fine_tuning or volume_only) and self._hybrid_is_best():
            return "hybrid"
        if fine_tuning or volume_only:
            pays = self._costs.amount("method_net_benefit") > 0
            if pays and (fine_tuning or self._costs.amount("method_evidenced_net_benefit") > 0):
                return self._the_method()
        return self._prompting()

    def _hybrid_is_best(self) -> bool:
        hybrid = self._costs.amount("hybrid_net_benefit")
        return hybrid > 0 and hybrid > self._costs.amount("method_net_benefit")

    def strength(self) -> str:
        if self.could_turn:
            return "weak"
        sides = {
            "framework": {"prompt_engineering": "prompting", "fine_tuning": "fine-tuning"}[self.framework()[0]],
            "scale": {"prompting_is_cheaper": "prompting", "viable": "either"}.get(self.scale(), "fine-tuning"),
            "economics": "fine-tuning" if self.economics() in PAYS_BACK else "prompting",
        }
        side = "prompting" if self.recommendation() in PROMPTING else "fine-tuning"
        against = sum(found not in (side, "either") for found in sides.values())
        return ("strong", "moderate")[against] if against < 2 else "weak"


PAYS_BACK = ("pays_back_at_once", "pays_back_within_horizon")
