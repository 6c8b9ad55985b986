"""Decisions written by hand from the source's second case, for the tests of the reports.

The figures are those of an insurer with 200,000 claims a month: $45,000 of prompting against $80,000
of fine-tuning, 82 % against 94 % accuracy, and $150 for every wrong claim.
"""

from __future__ import annotations

from typing import Any

from engine.decision import (
    Assumption,
    Caution,
    ChartLine,
    Decision,
    Figure,
    Firing,
    KnowledgeIdentity,
    OptionRow,
    Reading,
    Recommendation,
    Standing,
    TurningPoint,
    UnknownFact,
    Voice,
)

ARTICLE = "article, case 2"
OURS = "ours: the article counts request prices only"


def _reading(**values: Any) -> Reading:
    return Reading(**values)


def _figure(**values: Any) -> Figure:
    return Figure(**values)


def _readings() -> dict[str, Reading]:
    rows: list[dict[str, Any]] = [
        _number("requests_per_month", "Requests per month", 200_000, "requests/month", "200,000 requests/month"),
        _number(
            "requests_per_month_in_12_months",
            "Requests per month in 12 months",
            200_000,
            "requests/month",
            "200,000 requests/month",
            origin="assumed",
            source="article, Q1: today's volume where no forecast is given",
        ),
        _word("has_ml_engineering", "ML engineers at hand", True, "yes"),
        _word("accuracy_is_critical", "Accuracy is critical", True, "yes"),
        _word("regulated_domain", "Regulated domain", "financial", "financial"),
        _word("domain_changes_often", "The domain changes often", False, "no"),
        _word("is_prototype", "Prototype", False, "no", origin="assumed", source="ours: a case is not a prototype"),
        _number(
            "prompt_accuracy",
            "Accuracy with prompting",
            0.82,
            "fraction",
            "82%",
            origin="measured",
            source="evaluation of 2026-05-04, 1,200 claims",
            low=0.798,
            high=0.841,
        ),
        _number("fine_tuned_accuracy", "Accuracy when fine-tuned", 0.94, "fraction", "94%"),
        _number("cost_per_error", "Cost of one error", 150, "USD/error", "$150 per error"),
        _number("prompt_upfront", "Upfront cost of prompting", 45_000, "USD", "$45,000"),
        _number("fine_tuning_upfront", "Upfront cost of fine-tuning", 80_000, "USD", "$80,000"),
        _number("horizon_months", "Months to pay back", 12, "months", "12 months", origin="assumed", source="ours"),
        _number(
            "fine_tuned_monitoring_per_month",
            "Monitoring of a fine-tuned model",
            2_500,
            "USD/month",
            "$2,500 per month",
            origin="assumed",
            source="article, hidden costs",
            low=2_000,
            high=3_000,
        ),
        _number("labeled_examples", "Labelled examples", None, "examples", "unknown", origin="unknown"),
        _number("budget", "Upfront budget", None, "USD", "unknown", origin="unknown"),
    ]
    return {row["name"]: _reading(**row) for row in rows}


def _number(
    name: str, title: str, value: float | None, unit: str, shown: str, origin: str = "answered", **more: Any
) -> dict[str, Any]:
    return {"name": name, "title": title, "value": value, "unit": unit, "shown": shown, "origin": origin, **more}


def _word(
    name: str, title: str, value: bool | str, shown: str, origin: str = "answered", source: str | None = None
) -> dict[str, Any]:
    return {"name": name, "title": title, "value": value, "shown": shown, "origin": origin, "source": source}


def _figures() -> dict[str, Figure]:
    return {
        "prompt_monthly": _figure(
            title="Monthly bill of prompting",
            value=1_200,
            unit="USD/month",
            formula="prompt_bill(requests_per_month)",
            substitution="prompt_bill(200,000 requests/month) = $1,200 per month",
            source="article, cost per request by volume",
            shown="$1,200 per month",
        ),
        "fine_tuned_monthly": _figure(
            title="Monthly bill when fine-tuned",
            value=590,
            unit="USD/month",
            formula="fine_tuned_bill(requests_per_month)",
            substitution="fine_tuned_bill(200,000 requests/month) = $590 per month",
            source="article, cost per request by volume",
            shown="$590 per month",
        ),
        "break_even_months": _figure(
            title="Break-even on request prices alone",
            value=57.377,
            unit="months",
            formula="(fine_tuning_upfront - prompt_upfront) / (prompt_monthly - fine_tuned_monthly)",
            substitution="($80,000 − $45,000) / ($1,200 − $590) per month = 57.4 months",
            source="article, ROI formula",
            shown="57.4 months",
        ),
        "errors_avoided_per_month": _figure(
            title="Errors avoided",
            value=24_000,
            unit="errors/month",
            formula="requests_per_month * (fine_tuned_accuracy - prompt_accuracy)",
            substitution="200,000 requests/month × (94% − 82%) = 24,000 errors/month",
            source=ARTICLE,
            low=19_800,
            high=28_400,
            shown="24,000 errors/month",
        ),
        "error_saving_per_month": _figure(
            title="Saving on errors",
            value=3_600_000,
            unit="USD/month",
            formula="errors_avoided_per_month * cost_per_error",
            substitution="24,000 errors/month × $150 per error = $3,600,000 per month",
            source="article, case 2, corrected: it applies the twelve points twice",
            low=2_970_000,
            high=4_260_000,
            shown="$3,600,000 per month",
        ),
        "hidden_cost_per_month": _figure(
            title="Extra hidden costs of fine-tuning",
            value=1_750,
            unit="USD/month",
            formula="fine_tuned_monitoring_per_month - prompt_monitoring_per_month",
            substitution="$2,500 per month − $750 per month = $1,750 per month",
            source="article, hidden costs",
            low=1_000,
            high=2_500,
            shown="$1,750 per month",
        ),
        "total_saving_per_month": _figure(
            title="Total saving",
            value=3_598_860,
            unit="USD/month",
            formula="request_saving_per_month + error_saving_per_month - hidden_cost_per_month",
            substitution="$610 per month + $3,600,000 per month − $1,750 per month = $3,598,860 per month",
            source=OURS,
            low=2_968_110,
            high=4_259_610,
            shown="$3,598,860 per month",
        ),
        "payback_months": _figure(
            title="Payback, everything counted",
            value=0.009725,
            unit="months",
            formula="upfront_gap / total_saving_per_month",
            substitution="$35,000 / $3,598,860 per month = 0.01 months",
            source=OURS,
            low=0.008217,
            high=0.01179,
            shown="0.01 months",
        ),
        "net_benefit": _figure(
            title="Net benefit over the horizon",
            value=43_151_320,
            unit="USD",
            formula="total_saving_per_month * horizon_months - upfront_gap",
            substitution="$3,598,860 per month × 12 months − $35,000 = $43,151,320",
            source=OURS,
            low=35_582_320,
            high=51_080_320,
            shown="$43,151,320",
        ),
    }


def _concluded(name: str, title: str, value: str, shown: str) -> Reading:
    return _reading(name=name, title=title, value=value, origin="concluded", shown=shown)


def _computed(name: str, figure: Figure) -> Reading:
    return _reading(
        name=name,
        title=figure.title,
        value=figure.value,
        unit=figure.unit,
        origin="computed",
        source=figure.source,
        low=None if figure.low == "never" else figure.low,
        high=None if figure.high == "never" else figure.high,
        shown=figure.shown,
    )


def _firings(case: dict[str, Reading], figures: dict[str, Figure]) -> tuple[Firing, ...]:
    return (
        Firing(
            rule="scale-100k",
            decision="scale",
            conclusion="recommended",
            because="200,000 requests a month lie between 100,000 and 500,000.",
            source="article, conclusion",
            when="100_000 <= requests_per_month_in_12_months < 500_000",
            reads="requests per month in 12 months is at least 100,000 and below 500,000",
            facts=(case["requests_per_month_in_12_months"],),
            place="rules/scale.yaml:21",
        ),
        Firing(
            rule="q3-accuracy-critical",
            decision="framework_verdict",
            conclusion={"framework_verdict": "fine_tuning", "framework_reason": "accuracy"},
            because="Accuracy is critical, the volume and the team are there: the framework says fine-tuning.",
            source="article, Q3",
            when="accuracy_is_critical",
            reads="accuracy is critical",
            facts=(case["accuracy_is_critical"],),
            place="rules/framework.yaml:34",
        ),
        Firing(
            rule="full-where-accuracy-pays",
            decision="method",
            conclusion="full_fine_tuning",
            because="Accuracy is critical and more than 100,000 requests a month carry a full fine-tuning.",
            source="article, approach 1: full fine-tuning",
            when='(accuracy_is_critical or regulated_domain != "none") and requests_per_month > 100_000',
            reads="accuracy is critical or the domain is regulated, and requests per month is above 100,000",
            facts=(case["accuracy_is_critical"], case["regulated_domain"], case["requests_per_month"]),
            place="rules/method.yaml:17",
        ),
        Firing(
            rule="pays-back-at-once",
            decision="economics",
            conclusion="pays_back_at_once",
            because="The investment of $35,000 is back within the first month.",
            source=OURS,
            when="payback_months <= 1",
            reads="payback, everything counted is at most 1 month",
            facts=(_computed("payback_months", figures["payback_months"]),),
            place="rules/economics.yaml:12",
        ),
        Firing(
            rule="critical-accuracy-takes-the-method",
            decision="recommendation",
            conclusion="full_fine_tuning",
            because="The framework says fine-tuning and accuracy is critical, so the method that fits is taken.",
            source="article, Q3 and approach 1",
            when='framework_verdict == "fine_tuning" and accuracy_is_critical and method == "full_fine_tuning"',
            reads="the framework says fine-tuning, accuracy is critical and the method is full fine-tuning",
            facts=(
                _concluded("framework_verdict", "The five-question framework", "fine_tuning", "fine-tuning"),
                case["accuracy_is_critical"],
                _concluded("method", "The method that fits", "full_fine_tuning", "full fine-tuning"),
            ),
            place="rules/recommendation.yaml:31",
        ),
        Firing(
            rule="strong-where-all-agree",
            decision="strength",
            conclusion="strong",
            because="Framework, scale and arithmetic speak for fine-tuning, and nothing open could turn it.",
            source=OURS,
            when="voices agree and not could_turn",
            reads="all voices agree and nothing unknown or assumed could turn the answer",
            facts=(),
            place="rules/recommendation.yaml:96",
        ),
    )


def insurance_claims() -> Decision:
    """The settled case: fine-tune fully, strongly, because errors are dear."""
    case, figures = _readings(), _figures()
    return Decision(
        recommendation=Recommendation(
            approach="full_fine_tuning",
            title="Full fine-tuning",
            strength="strong",
            sentence="Fine-tune the full model: a strong recommendation, decided by the five-question framework.",
            settled=True,
            decided_by="The five-question framework",
        ),
        conclusions={
            "scale": "recommended",
            "framework_verdict": "fine_tuning",
            "framework_reason": "accuracy",
            "method": "full_fine_tuning",
            "economics": "pays_back_at_once",
            "migration_action": None,
            "recommendation": "full_fine_tuning",
            "strength": "strong",
            "cautions": ("hidden-costs-assumed", "accuracy-gain-expected"),
        },
        firings=_firings(case, figures),
        matched_not_decisive=(
            Firing(
                rule="pays-within-the-horizon",
                decision="recommendation",
                conclusion="full_fine_tuning",
                because="The net benefit over 12 months is $43,151,320, so fine-tuning pays.",
                source=OURS,
                when='framework_verdict == "fine_tuning" and net_benefit > 0',
                reads="the framework says fine-tuning and net benefit over the horizon is above $0",
                facts=(_computed("net_benefit", figures["net_benefit"]),),
                place="rules/recommendation.yaml:52",
            ),
        ),
        standing=(
            Standing(
                conclusion="method",
                value="full_fine_tuning",
                whatever=("labeled_examples", "budget"),
            ),
        ),
        figures=figures,
        arithmetic=tuple(figures),
        options=(
            _option("prompt_engineering", "Prompt engineering", "$45,000", "$1,200", "$59,400", "–", "–"),
            _option("few_shot", "Few-shot prompting", "$12,500", "$1,200", "$26,900", "–", "–"),
            _option("lora", "LoRA", "$32,500", "$590", "$39,580", "0 months", "$28,794,580"),
            _option(
                "full_fine_tuning",
                "Full fine-tuning",
                "$80,000",
                "$590",
                "$87,080",
                "0.01 months",
                "$43,151,320",
                chosen=True,
            ),
            _option("hybrid", "Hybrid", "$77,500", "$1,200", "$91,900", "never", "−$32,500"),
        ),
        option_columns=("Upfront", "A month", "12 months", "Payback", "Net benefit"),
        voices=(
            Voice(
                title="The five-question framework",
                decision="framework_verdict",
                says="fine_tuning",
                shown="fine-tuning, settled by accuracy (Q3)",
                favours="fine_tuning",
                decided=True,
            ),
            Voice(
                title="Scale bands",
                decision="scale",
                says="recommended",
                shown="fine-tuning is recommended at 100,000 to 500,000 requests a month",
                favours="fine_tuning",
                decided=False,
            ),
            Voice(
                title="The arithmetic",
                decision="economics",
                says="pays_back_at_once",
                shown="pays back at once",
                favours="fine_tuning",
                decided=False,
            ),
        ),
        agreement="All three agree on fine-tuning; the five-question framework decided.",
        turning_points=(
            TurningPoint(
                fact="cost_per_error",
                title="Cost of one error",
                unit="USD/error",
                current=150,
                at=0.1691,
                side="below",
                inclusive=True,
                becomes="prompt_engineering",
                shown="At $0.17 per error or less it becomes prompt engineering; today it is $150 per error.",
            ),
            TurningPoint(
                fact="fine_tuned_accuracy",
                title="Accuracy when fine-tuned",
                unit="fraction",
                current=0.94,
                at=0.8201,
                side="below",
                inclusive=False,
                becomes="prompt_engineering",
                shown="Below 82.01% it becomes prompt engineering; today it is 94%.",
            ),
            TurningPoint(
                fact="requests_per_month",
                title="Requests per month",
                unit="requests/month",
                current=200_000,
                at=100_000,
                side="below",
                inclusive=True,
                becomes="lora",
                shown="At 100,000 requests/month or less it becomes LoRA; today it is 200,000 requests/month.",
            ),
        ),
        steady=("Cost of a prompted request", "Cost of a fine-tuned request"),
        cautions=(
            Caution(
                rule="hidden-costs-assumed",
                caution="Monitoring and upkeep are the article's figures, not yours.",
                because="Nobody answered what monitoring a fine-tuned model costs a month.",
                source="article, hidden costs",
            ),
            Caution(
                rule="accuracy-gain-expected",
                caution="The fine-tuned accuracy of 94% is expected, not measured.",
                because="Two thirds of all errors would have to go; train a small pilot before the budget is spent.",
                source="ours: reported gains over prompting lie between 4% and 43%",
            ),
        ),
        assumptions=(
            Assumption(reading=case["requests_per_month_in_12_months"], could_turn=True),
            Assumption(reading=case["fine_tuned_monitoring_per_month"], could_turn=False),
            Assumption(reading=case["horizon_months"], could_turn=False),
            Assumption(reading=case["is_prototype"], could_turn=False),
        ),
        unknown=(
            UnknownFact(
                name="deadline_weeks",
                title="Weeks until it must run",
                question="In how many weeks must it be in production?",
                could_become=("lora", "few_shot"),
            ),
        ),
        chart=(
            ChartLine(title="Prompt engineering", upfront=45_000, monthly=1_200, chosen=False),
            ChartLine(title="Few-shot prompting", upfront=12_500, monthly=1_200, chosen=False),
            ChartLine(title="LoRA", upfront=32_500, monthly=590, chosen=False),
            ChartLine(title="Full fine-tuning", upfront=80_000, monthly=590, chosen=True),
        ),
        chart_months=72,
        knowledge_base=KnowledgeIdentity(
            name="breakeven",
            version="1.0.0",
            sha256="9f2c4e1ab07d58f36c19e2ab4d70a1f5c3b2986e77f0d4ac51be8803d29f6a4e",
        ),
        case=case,
        case_name="Document classification for insurance",
    )


def _option(
    option: str,
    title: str,
    upfront: str,
    monthly: str,
    total: str,
    payback: str,
    benefit: str,
    *,
    chosen: bool = False,
) -> OptionRow:
    cells = {
        "Upfront": upfront,
        "A month": monthly,
        "12 months": total,
        "Payback": payback,
        "Net benefit": benefit,
    }
    return OptionRow(option=option, title=title, chosen=chosen, cells=cells)


def _choosing(option: str, rows: tuple[OptionRow, ...]) -> tuple[OptionRow, ...]:
    return tuple(row.model_copy(update={"chosen": row.option == option}) for row in rows)


def with_unknowns() -> Decision:
    """The same insurer before anyone knows what an error costs: only the fallback is left."""
    settled = insurance_claims()
    waiting = _figure(
        title="Saving on errors",
        value=None,
        unit="USD/month",
        formula="errors_avoided_per_month * cost_per_error",
        substitution="24,000 errors/month × unknown = unknown",
        source=ARTICLE,
        shown="unknown",
        waits_for=("cost_per_error",),
    )
    figures = {**settled.figures, "error_saving_per_month": waiting}
    unknown_cost = settled.case["cost_per_error"].model_copy(
        update={"value": None, "origin": "unknown", "shown": "unknown"}
    )
    return settled.model_copy(
        update={
            "recommendation": Recommendation(
                approach="prompt_engineering",
                title="Prompt engineering",
                strength="weak",
                sentence="Start with prompt engineering and measure: a weak recommendation, for something is unknown.",
                settled=False,
                decided_by=None,
            ),
            "firings": settled.firings[:3],
            "matched_not_decisive": (),
            "figures": figures,
            "arithmetic": ("break_even_months", "error_saving_per_month"),
            "options": _choosing("prompt_engineering", settled.options),
            "voices": (
                settled.voices[0].model_copy(update={"decided": False}),
                Voice(
                    title="The arithmetic",
                    decision="economics",
                    says=None,
                    shown="unknown",
                    favours=None,
                    decided=False,
                ),
            ),
            "agreement": "The framework speaks for fine-tuning; the arithmetic cannot be done yet.",
            "turning_points": (),
            "chart": tuple(
                line.model_copy(update={"chosen": line.title == "Prompt engineering"}) for line in settled.chart
            ),
            "unknown": (
                UnknownFact(
                    name="cost_per_error",
                    title="Cost of one error",
                    question="What does one wrong output cost you?",
                    could_become=("lora", "full_fine_tuning", "prompt_engineering"),
                ),
                UnknownFact(name="budget", title="Upfront budget", question=None, could_become=("lora",)),
            ),
            "case": {**settled.case, "cost_per_error": unknown_cost},
        }
    )


def never_pays_back() -> Decision:
    """A case in which fine-tuning costs more each month: break-even is never reached."""
    settled = insurance_claims()
    never = settled.figures["break_even_months"].model_copy(
        update={
            "value": "never",
            "substitution": "($80,000 − $45,000) / ($48 − $60) per month = never",
            "shown": "never",
            "low": 2_500.0,
            "high": "never",
        }
    )
    overruled = Firing(
        rule="arithmetic-overrules",
        decision="recommendation",
        conclusion="prompt_engineering",
        because="The framework says fine-tuning, but it never pays back: the arithmetic overrules the rule of thumb.",
        source=OURS,
        when='framework_verdict == "fine_tuning" and economics == "never_pays_back"',
        reads="the framework says fine-tuning and fine-tuning never pays back",
        facts=(
            _concluded("framework_verdict", "The five-question framework", "fine_tuning", "fine-tuning"),
            _computed("break_even_months", never),
        ),
        place="rules/recommendation.yaml:64",
    )
    return settled.model_copy(
        update={
            "firings": (*settled.firings[:2], overruled),
            "recommendation": Recommendation(
                approach="prompt_engineering",
                title="Prompt engineering",
                strength="moderate",
                sentence="Stay with prompt engineering: a moderate recommendation, decided by the arithmetic.",
                settled=True,
                decided_by="The arithmetic",
            ),
            "figures": {**settled.figures, "break_even_months": never},
            "arithmetic": ("break_even_months",),
            "voices": (
                settled.voices[0].model_copy(update={"decided": False}),
                Voice(
                    title="The arithmetic",
                    decision="economics",
                    says="never_pays_back",
                    shown="never pays back",
                    favours="prompting",
                    decided=True,
                ),
            ),
            "agreement": "The framework speaks for fine-tuning, the arithmetic for prompting; the arithmetic decided.",
            "options": _choosing("prompt_engineering", settled.options),
            "chart": (
                ChartLine(title="Prompt engineering", upfront=45_000, monthly=48, chosen=True),
                ChartLine(title="Full fine-tuning", upfront=80_000, monthly=60, chosen=False),
            ),
            "chart_months": 24,
        }
    )


def bare() -> Decision:
    """The least a decision can hold: every list empty, nothing recommended."""
    return Decision(
        recommendation=Recommendation(
            approach=None,
            title="No recommendation",
            strength=None,
            sentence="Nothing can be recommended yet.",
            settled=False,
            decided_by=None,
        ),
        conclusions={},
        firings=(),
        matched_not_decisive=(),
        standing=(),
        figures={},
        arithmetic=(),
        options=(),
        option_columns=(),
        voices=(),
        agreement="",
        turning_points=(),
        steady=(),
        cautions=(),
        assumptions=(),
        unknown=(),
        chart=(),
        chart_months=None,
        knowledge_base=KnowledgeIdentity(name="empty", version="0", sha256="0" * 64),
        case={},
        case_name="",
    )


def spoiled(text: str) -> Decision:
    """The insurer's case with ``text`` in every place that a case file or rule file can fill."""
    settled = insurance_claims()
    case = {
        name: reading.model_copy(update={"title": text, "shown": text, "source": text})
        for name, reading in settled.case.items()
    }
    firings = tuple(
        firing.model_copy(
            update={
                "because": text,
                "source": text,
                "when": text,
                "reads": text,
                "place": text,
                "facts": tuple(case.values())[:2],
            }
        )
        for firing in settled.firings
    )
    figures = {
        name: figure.model_copy(update={"title": text, "substitution": text, "source": text, "shown": text})
        for name, figure in settled.figures.items()
    }
    assert settled.recommendation is not None
    return settled.model_copy(
        update={
            "case_name": text,
            "recommendation": settled.recommendation.model_copy(
                update={"title": text, "sentence": text, "decided_by": text}
            ),
            "case": case,
            "firings": firings,
            "matched_not_decisive": firings[:1],
            "figures": figures,
            "options": tuple(row.model_copy(update={"title": text, "cells": {text: text}}) for row in settled.options),
            "option_columns": (text,),
            "voices": tuple(voice.model_copy(update={"title": text, "shown": text}) for voice in settled.voices),
            "agreement": text,
            "turning_points": tuple(
                point.model_copy(update={"title": text, "shown": text}) for point in settled.turning_points
            ),
            "steady": (text,),
            "cautions": tuple(
                caution.model_copy(update={"caution": text, "because": text, "source": text})
                for caution in settled.cautions
            ),
            "assumptions": tuple(
                assumption.model_copy(update={"reading": case["horizon_months"]}) for assumption in settled.assumptions
            ),
            "unknown": tuple(fact.model_copy(update={"title": text, "question": text}) for fact in settled.unknown),
            "chart": tuple(line.model_copy(update={"title": text}) for line in settled.chart),
            "knowledge_base": settled.knowledge_base.model_copy(update={"version": text}),
        }
    )
