"""A stream of different cases: the examples, each varied many times.

In a few of them what could turn the recommendation takes a search by regions, and even the prover, for tens to
thousands of milliseconds. They are told apart, or they would drown everything else that is measured.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine import pipeline
from engine.case import Case, Given, read_case
from engine.inference import EnginePool
from engine.knowledge import Knowledge
from engine.outlook import Outlook
from engine.pipeline import infer
from engine.source import read_document

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
#: The example that is measured alone, and by the command line.
ONE_CASE = EXAMPLES / "case-2-insurance-claims.yaml"
#: How often a yes/no is turned and a number is changed, and how far at most.
_TURNED, _CHANGED, _FACTOR = 0.15, 0.6, 4.0


def one_case(knowledge: Knowledge) -> Case:
    """The example that is measured alone."""
    return read_case(read_document(str(ONE_CASE)), knowledge.facts)


def stream(knowledge: Knowledge, of_each: int, seed: int = 1) -> list[Case]:
    """As many different cases of each example, mixed; the same in every run.

    Args:
        knowledge: whose facts the cases are made of.
        of_each: cases of each example, the first of them the example itself.
        seed: another number gives other cases.
    """
    source = random.Random(seed)
    examples = [read_case(read_document(str(path)), knowledge.facts) for path in sorted(EXAMPLES.glob("*.yaml"))]
    cases: dict[tuple[tuple[str, object], ...], Case] = {}
    for example in examples:
        wanted, case = len(cases) + of_each, example
        while len(cases) < wanted:
            cases.setdefault(tuple((name, given.value) for name, given in case.given.items()), case)
            case = _varied(example, knowledge, source)
    mixed = list(cases.values())
    source.shuffle(mixed)
    return mixed


def without_search(cases: Iterable[Case], pool: EnginePool) -> list[Case]:
    """The cases in which nothing has to be searched for."""
    searched: list[object] = []

    class Counted(Outlook):
        def __init__(self, *arguments: Any) -> None:
            searched.append(arguments)
            super().__init__(*arguments)

    found: list[Case] = []
    setattr(pipeline, "Outlook", Counted)  # noqa: B010 - to see which cases come to it
    try:
        for case in cases:
            before = len(searched)
            infer(case, pool)
            found += [case] if len(searched) == before else []
    finally:
        setattr(pipeline, "Outlook", Outlook)  # noqa: B010
    return found


def _varied(case: Case, knowledge: Knowledge, source: random.Random) -> Case:
    given = {name: _another(fact, knowledge, source) for name, fact in case.given.items()}
    return Case(f"{case.name}-{source.getrandbits(32):08x}", given)


def _another(given: Given, knowledge: Knowledge, source: random.Random) -> Given:
    """The same fact with another value: a truth turned, a number within a factor and its bounds."""
    value = given.value
    if isinstance(value, bool):
        turned = value != (source.random() < _TURNED)
        return Given(given.name, turned, origin=given.origin, source=given.source)
    if value is None or isinstance(value, str) or source.random() > _CHANGED:
        return given
    declared = knowledge.facts[given.name]
    low, high = declared.bounds
    number = min(max(value * _FACTOR ** source.uniform(-1, 1), low), high)
    number = float(round(number)) if declared.type == "integer" else float(f"{number:.6g}")
    ends = (given.low, given.high)
    if number == value or None in ends:
        return Given(given.name, number, origin=given.origin, source=given.source)
    low, high = (min(max(end * number / value, low), high) for end in ends if end is not None)
    return Given(given.name, number, min(low, number), max(high, number), given.origin, given.source)
