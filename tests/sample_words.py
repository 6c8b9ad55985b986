"""A small vocabulary, with the words to say it in, for the tests of what is put into words."""

from __future__ import annotations

from dataclasses import dataclass

from engine.declarations import UnitDeclaration
from engine.language.evaluate import Table, Value
from engine.language.nodes import Node
from engine.language.parse import parse
from engine.language.resolve import resolve
from engine.language.scope import ChoiceType, NumberType, Scope, Symbol, TableSignature, TruthType, Type
from engine.quantities import after_group, show, show_bare

UNITS = {
    "USD": UnitDeclaration(prefix="$", decimals=2, least_decimals=2),
    "USD/month": UnitDeclaration(prefix="$", suffix="/month", decimals=2, least_decimals=2),
    "USD/request": UnitDeclaration(prefix="$", suffix="/request", decimals=6, least_decimals=2),
    "request/month": UnitDeclaration(suffix=" requests/month", singular=" request/month"),
    "month": UnitDeclaration(suffix=" months", singular=" month", decimals=1),
    "fraction": UnitDeclaration(suffix=" %", scale=100, decimals=2),
}
TITLES = {
    "volume": "requests a month",
    "price": "price of a request",
    "budget": "budget",
    "upfront": "upfront cost",
    "saved": "saved on requests",
    "bill": "monthly bill",
    "upkeep": "upkeep, monitoring and hosting",
    "payback": "payback",
    "horizon": "months counted",
    "accuracy": "accuracy",
    "critical": "accuracy is critical",
    "team": "in-house ML or data engineering",
    "task": "task",
    "method": "Which fine-tuning fits",
    "other_method": "Which fine-tuning came second",
    "bill_at": "the bill of the table",
    "toll_at": "the toll of the table",
    "fall_at": "the falling toll",
}
LABELS = {
    "task": {"tagging": "attaching labels", "writing": "writing text", "other": "something else, or nothing"},
    "method": {"few_shot": "few-shot prompting", "lora": "LoRA", "mixed": "prompts and LoRA"},
}
LABELS["other_method"] = LABELS["method"]

_QUANTITIES = {
    "volume": "request/month",
    "price": "USD/request",
    "budget": "USD",
    "upfront": "USD",
    "saved": "USD/month",
    "bill": "USD/month",
    "upkeep": "USD/month",
    "payback": "month",
    "horizon": "month",
    "accuracy": "fraction",
}
_TYPES: dict[str, Type] = {
    **{name: NumberType(unit) for name, unit in _QUANTITIES.items()},
    "critical": TruthType(),
    "team": TruthType(),
    **{name: ChoiceType(tuple(labels)) for name, labels in LABELS.items()},
}
SCOPE = Scope(
    {name: Symbol(name, kind, "fact") for name, kind in _TYPES.items()},
    {
        "bill_at": TableSignature("bill_at", "request/month", "USD/month"),
        "toll_at": TableSignature("toll_at", "request/month", "USD"),
        "fall_at": TableSignature("fall_at", "month", "USD"),
    },
)
TABLES = {
    "bill_at": Table((1_000.0, 2_000.0, 10_000.0), (100.0, 180.0, 500.0), True, True),
    "toll_at": Table((1_000.0, 2_000.0), (45.0, 90.0), False, False),
    "fall_at": Table((6.0, 12.0), (50.0, -10.0), False, False),
}


@dataclass(frozen=True, slots=True)
class SampleWords:
    """The words of the small vocabulary."""

    scope: Scope = SCOPE

    def title(self, name: str) -> str:
        return TITLES[name]

    def label(self, name: str, choice: str) -> str:
        return LABELS[name][choice]

    def show(self, value: Value, unit: str | None) -> str:
        return show(value, unit, UNITS)

    def bare(self, value: float, unit: str | None) -> str:
        return show_bare(value, unit, UNITS)

    def after_group(self, unit: str | None) -> str:
        return after_group(unit, UNITS)


def condition(text: str) -> Node:
    """The resolved condition over the small vocabulary."""
    return resolve(parse(text), SCOPE, expects=TruthType())


def formula(text: str, name: str) -> Node:
    """The resolved formula of one of the small vocabulary's names."""
    return resolve(parse(text), SCOPE, expects=_TYPES[name])
