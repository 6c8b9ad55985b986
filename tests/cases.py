"""The built-in base, its examples, and cases of it: put together by hand, and random ones drawn by Hypothesis."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from hypothesis import strategies as st

from engine.case import Case, Given, Origin, case_from_mapping, read_case
from engine.declarations import FactDeclaration
from engine.inference import EnginePool
from engine.knowledge import Knowledge, load_knowledge
from engine.language.evaluate import Value
from engine.pipeline import Outcome, infer
from engine.source import read_document

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = tuple(sorted((ROOT / "examples").glob("*.yaml")))


@lru_cache(maxsize=1)
def knowledge() -> Knowledge:
    """The built-in base, read once."""
    return load_knowledge()


@lru_cache(maxsize=1)
def pool() -> EnginePool:
    """Engines of the built-in base."""
    return EnginePool(knowledge())


def case(**values: object) -> Case:
    """A case of the built-in base, each value as a case file may have it."""
    return case_from_mapping(values, knowledge().facts, "test")


def example(name: str) -> Case:
    """One of the case files in ``examples/``."""
    return read_case(read_document(ROOT / "examples" / f"{name}.yaml"), knowledge().facts)


def decided(given: Case) -> Outcome:
    """The case decided by the built-in base."""
    return infer(given, pool())


def recommended(outcome: Outcome) -> str | None:
    """What is recommended in the end: the settled recommendation, else the fallback."""
    fallback = outcome.knowledge.manifest.fallback
    return outcome.recommended or (fallback.conclusion if fallback else None)


def moved(given: Case, fact: str, value: Value) -> Case:
    """The case with one fact answered anew."""
    return given.replace(fact, Given(fact, value))


# A base small enough to see through

#: A small base, file by file.
SMALL_BASE = {
    "knowledge.yaml": """\
name: machines
version: "1"
title: Buy or rent?
base_units: [USD, month]
derived_units: {quarter: 3 * month}
recommends: advice
strength: firmness
fallback: {conclusion: rent, strength: weak, because: It is open., source: test}
sides: {buy: owning, rent: renting}
voices:
  advice: {title: the advice, favours: {buy: owning}}
arithmetic: [saving]
options: {columns: [Cost], rows: {buy: {Cost: price}}}
turning: {months: null}
chart: {months: months, lines: {buy: [price, saving]}}
cautions: warnings
""",
    "facts.yaml": """\
facts:
  months:
    title: months of use
    type: number
    unit: month
    min: 0
    source: test
  price:
    title: price
    type: number
    unit: USD
    default: {low: 100, high: 300}
    default_source: test
    source: test
  is_urgent: {title: urgent, type: yes/no, default: "no", default_source: test, source: test}
  colour: {title: colour, type: choice, choices: {red: Red, blue: Blue}, source: test}
""",
    "costs.yaml": """\
amounts:
  rent_row: {title: rent, value: 10, unit: USD/month, source: test}
tables:
  rebate_at:
    title: rebate
    takes: month
    gives: USD
    rows: [[1, 0], [12, 50]]
    below: first row
    above: proportional
    source: test
figures:
  rent:
    title: rent in all
    unit: USD
    formula: rent_row * months
    source: test
  saving:
    title: saving
    unit: USD
    formula: rent - price + rebate_at(months)
    source: test
""",
    "advice.yaml": """\
decides: advice
title: Advice
source: test
hit_policy: first
values: [buy, rent]
rules:
  - id: urgent
    when: is_urgent
    then: rent
    because: It is urgent.
    source: test
  - id: pays
    when: saving > 0
    then: buy
    because: It saves {{ saving }}.
    source: test
    decided_by: advice
  - id: does-not-pay
    when: saving <= 0
    then: rent
    because: It saves nothing.
    source: test
""",
    "firmness.yaml": """\
decides: {firmness: [strong, weak], reason: [colour, nothing]}
title: Firmness
source: test
hit_policy: first
rules:
  - id: red
    when: colour == red and advice == buy
    then: {firmness: strong, reason: colour}
    because: It is red.
    source: test
  - id: not-red
    when: otherwise
    then: {firmness: weak, reason: nothing}
    because: It is not.
    source: test
""",
    "warnings.yaml": """\
decides: warnings
title: Warnings
source: test
hit_policy: collect
values: [short]
rules:
  - id: short-use
    when: months < 2
    then: short
    because: It is short.
    source: test
""",
}


def small_base(folder: Path, *changes: tuple[str, str, str]) -> Path:
    """The small base in a folder, with places of its files changed."""
    files = dict(SMALL_BASE)
    for file, old, new in changes:
        assert old in files[file], (file, old)
        files[file] = files[file].replace(old, new, 1)
    for file, text in files.items():
        (folder / file).write_text(text, "utf-8")
    return folder


# At random


def source_of_chance(seed: int) -> random.Random:
    """Values that are the same in every run with the seed."""
    return random.Random(seed)


#: Where decisions of the built-in base change, and both neighbours of each.
_REQUESTS = (0, 1, 4_000, 9_999, 10_000, 10_001, 49_999, 50_000, 50_001, 75_000, 99_999, 100_000, 100_001, 250_000)
_MORE_REQUESTS = (499_999, 500_000, 500_001, 1_000_000, 1_000_001, 3_000_000)
_NOTABLE: Mapping[str, tuple[float, ...]] = {
    "requests_per_month": (*_REQUESTS, *_MORE_REQUESTS),
    "requests_per_month_in_12_months": (*_REQUESTS, *_MORE_REQUESTS),
    "labeled_examples": (0, 99, 100, 499, 500, 999, 1_000, 5_000),
    "prompt_accuracy": (0, 0.7, 0.7999, 0.8, 0.8001, 0.8499, 0.85, 0.9, 0.9001, 0.95, 1),
    "fine_tuned_accuracy": (0, 0.7, 0.8, 0.85, 0.9, 0.95, 1),
    "cost_per_error": (0, 0.25, 1, 12.5, 99.99, 100, 150),
    "repetitive_share": (0, 0.1999, 0.2, 0.2001, 0.3, 0.75, 1),
    "months_in_production": (0, 0.5, 2.99, 3, 5.99, 6, 7.99, 8, 24),
    "horizon_months": (0.5, 1, 6, 12, 18, 24, 36),
    "model_available_months": (0, 3, 12, 30),
    "budget": (0, 14_999, 15_000, 49_999, 50_000, 80_000),
    "deadline_weeks": (0, 3.9, 4, 12.9, 13, 26),
    "prompt_cost_per_request": (0, 0.004, 0.006, 0.05, 0.25, 2),
    "fine_tuned_cost_per_request": (0, 0.002, 0.006, 0.05, 0.25, 3),
    "prompt_bill_per_month": (0, 60, 1_200, 45_000),
    "fine_tuned_bill_per_month": (0, 45, 590, 45_000),
    "hybrid_saving_share": (0, 0.25, 0.9, 1),
    "prompt_upfront": (0, 20_000, 40_000, 65_000),
    "fine_tuning_upfront": (0, 20_000, 40_000, 75_000, 120_000),
    "hybrid_upfront": (0, 10_000, 25_000),
    "hosting_per_month": (0, 400, 1_250),
    "prompt_monitoring_per_month": (0, 300, 1_000),
    "fine_tuned_monitoring_per_month": (0, 300, 1_000, 2_500),
    "retraining_per_cycle": (0, 1_500, 20_000),
    "retraining_cycles_per_year": (0, 1, 2.5, 12),
}
#: A component of an upfront cost.
_COMPONENT = (0, 1_000, 12_500)
#: The facts that a decision needs, whatever else is known.
NEEDED = (
    *("requests_per_month", "has_ml_engineering", "accuracy_is_critical", "has_labeled_data"),
    *("domain_changes_often", "prompt_accuracy", "fine_tuned_accuracy"),
)
#: The answers that leave the most to decide; the others are drawn more rarely.
_MOSTLY = {
    "has_ml_engineering": True,
    "has_labeled_data": True,
    "accuracy_is_critical": False,
    "domain_changes_often": False,
    "is_prototype": False,
}
#: Facts with a default that decisions often hang on.
_OFTEN = ("months_in_production", "repetitive_share", "cost_per_error")
_ORIGINS: tuple[Origin, ...] = ("answered", "answered", "measured", "assumed")


@dataclass(frozen=True, slots=True)
class Answers:
    """What is said of a random case: values by fact, and the facts whose value is only assumed."""

    values: Mapping[str, Value]
    origins: Mapping[str, Origin] = field(default_factory=dict)

    @property
    def case(self) -> Case:
        """The case."""
        given = {name: Given(name, value, origin=self.origin(name)) for name, value in self.values.items()}
        return Case("random", given)

    @property
    def evidenced(self) -> frozenset[str]:
        """The facts that were answered or measured."""
        return frozenset(name for name in self.values if self.origin(name) != "assumed")

    def origin(self, name: str) -> Origin:
        """Where the fact's value comes from."""
        return self.origins.get(name, "answered")


@st.composite
def answers(draw: st.DrawFn, *, complete: bool, often: int = 4) -> Answers:
    """What may be said of a case: mostly values where something changes, some of them assumed or measured.

    Args:
        complete: every fact of ``NEEDED`` is known, so that every decision is settled; else any may be missing.
        often: in how many of ten cases a fact that need not be known is given.
    """
    facts = knowledge().facts
    values: dict[str, Value] = {}
    for name, declaration in facts.items():
        needed = complete and name in NEEDED
        if needed or draw(st.integers(0, 9)) >= 10 - _how_often(name, often):
            values[name] = draw(value_of(name, declaration))
    origins = {name: draw(st.sampled_from(_ORIGINS)) for name in values}
    return Answers(values, origins)


def _how_often(name: str, often: int) -> int:
    if name in NEEDED:
        return 9
    if name in _OFTEN:
        return 7
    # The many components of upfront costs would crowd out the tables.
    return often if name in _NOTABLE or not name.endswith("_cost") else 1


def value_of(name: str, declaration: FactDeclaration) -> st.SearchStrategy[Value]:
    """Values of a fact: where something changes, and between."""
    if declaration.type == "yes/no":
        usual = _MOSTLY.get(name, False)
        return st.sampled_from((usual, usual, usual, not usual) if name in _MOSTLY else (True, False))
    if declaration.choices is not None:
        return st.sampled_from(sorted(declaration.choices))
    notable = _NOTABLE.get(name, _COMPONENT)
    between = st.integers(0, 1_000).map(lambda share: _between(notable, share / 1_000, declaration))
    return st.one_of(st.sampled_from(notable).map(float), between)


def _between(notable: Iterable[float], share: float, declaration: FactDeclaration) -> float:
    """A value between the least and the greatest, with few digits, nearer to the least for wide ranges."""
    low, high = min(notable), max(notable)
    value = float(f"{low + (high - low) * share**2:.4g}")
    return float(round(value)) if declaration.type == "integer" else max(value, low)
