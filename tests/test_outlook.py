from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.case import Case, Given
from engine.costs import working_memory
from engine.errors import InferenceError
from engine.knowledge import Knowledge
from engine.language.evaluate import Value, compile_plain
from engine.language.possible import Possible, Span, Truths, Words, compile_possible, exactly
from engine.language.scope import ChoiceType, NumberType, SetType
from engine.outlook import Domain, Outlook, asked_states, full_domain, thresholds
from engine.pipeline import doubtful
from tests.cases import NEEDED, Answers, answers, case, decided, example, knowledge
from tests.strategies import (
    RandomBase,
    decided_by_definition,
    loaded,
    random_bases,
    random_bases_with_cases,
)

quickly = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
_ORIGINS = ("answered", "measured", "supposed", "assumed", "computed")


def allows(possible: Possible, value: Value) -> bool:
    """Whether a value is among those that are possible."""
    if value is None:
        return possible.unknown
    if isinstance(possible, Span):
        return isinstance(value, float) and possible.low <= value <= possible.high
    if isinstance(possible, Words):
        return value in possible.options
    return possible.true if value is True else possible.false


# Expressions


@st.composite
def spans(draw: st.DrawFn, constants: tuple[float, ...]) -> Span:
    """Spans that end at the constants of the base, near them, at nothing and at never."""
    ends = st.one_of(st.sampled_from((*constants, 0.0, 1.0, -1.0, math.inf)), st.floats(-1e6, 1e6))
    low, high = sorted((draw(ends), draw(ends)))
    return Span(low, draw(st.sampled_from((low, high))), draw(st.booleans()))


@st.composite
def boxes(draw: st.DrawFn, base: Knowledge, constants: tuple[float, ...]) -> dict[str, Possible]:
    """What each name of a base may be."""
    box: dict[str, Possible] = {}
    for name, symbol in base.scope.symbols.items():
        match symbol.type:
            case NumberType():
                box[name] = draw(spans(constants))
            case ChoiceType(values=values) | SetType(values=values):
                chosen = draw(st.frozensets(st.sampled_from(values), min_size=1))
                box[name] = Words(chosen, draw(st.booleans()))
            case _:
                true = draw(st.booleans())
                box[name] = Truths(true, not true or draw(st.booleans()), draw(st.booleans()))
    return box


def a_value_of(possible: Possible, chance: random.Random) -> Value:
    """One of the values that are possible."""
    if possible.unknown and chance.random() < 0.3:
        return None
    if isinstance(possible, Words):
        return chance.choice(sorted(possible.options)) if possible.options else None
    if isinstance(possible, Truths):
        known = [truth for truth, may in ((True, possible.true), (False, possible.false)) if may]
        return chance.choice(known) if known else None
    return a_number_of(possible, chance)


def a_number_of(span: Span, chance: random.Random) -> float | None:
    """A number of a span: often one of its ends or a neighbour, or a round one within."""
    if span.low > span.high:
        return None
    tried = [span.low, span.high, math.nextafter(span.low, math.inf), math.nextafter(span.high, -math.inf)]
    tried += [0.0, 1.0, span.low / 2 + span.high / 2]
    if math.isfinite(span.low) and math.isfinite(span.high):
        tried += [min(max(chance.uniform(span.low, span.high), span.low), span.high)] * 4
    return chance.choice([number for number in tried if span.low <= number <= span.high])


@quickly
@given(st.data())
def test_expression_when_evaluated_at_a_point_of_a_box_is_among_what_the_box_allows(data: st.DataObject) -> None:
    drawn: RandomBase = data.draw(random_bases())
    base = loaded(drawn.files)
    box = data.draw(boxes(base, drawn.constants))
    origins = {name: frozenset({*data.draw(st.frozensets(st.sampled_from(_ORIGINS), min_size=1))}) for name in box}
    possible_origins = {
        name: frozenset[str | None](origins[name]) | (frozenset({None}) if possible.unknown else frozenset())
        for name, possible in box.items()
    }
    chance = random.Random(data.draw(st.integers(0, 2**32)))
    nodes = [quantity.formula for quantity in base.quantities.values()]
    nodes += [row.when for table in base.decisions.values() for row in table.rows]
    explored = [(node, compile_plain(node, base.tables), compile_possible(node, base.tables)) for node in nodes]
    for _ in range(40):
        values = {name: a_value_of(possible, chance) for name, possible in box.items()}
        known = {name: chance.choice(sorted(origins[name])) for name, value in values.items() if value is not None}
        for node, evaluate, explore in explored:
            assert allows(explore(box, possible_origins), evaluate(values, known)), (node, values)
