"""Random small bases whose rules ask how a fact is known, over domains small enough to try out everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from engine.case import Case, Given, Origin
from engine.language.evaluate import Value
from tests.strategies import choice, decision, documents, integer, truth

WAYS: tuple[Origin, ...] = ("answered", "measured", "assumed")
FACTS: Mapping[str, dict[str, object]] = {
    "c": choice("red", "green"),
    "t": truth(default="no", default_source="test"),
    "i": integer(min=0, max=2, default=1, default_source="test"),
    "k": integer(min=0, max=2),
}
#: Everything that each fact may be.
DOMAINS: Mapping[str, tuple[Value, ...]] = {
    "c": ("red", "green"),
    "t": (True, False),
    "i": (0.0, 1.0, 2.0),
    "k": (0.0, 1.0, 2.0),
}
_STATES = tuple(
    f"{name} is {state}"
    for name in FACTS
    for state in ("known", "unknown", "given", "answered", "not answered", "assumed", "not assumed", "measured")
)
_FIGURES = {"f": "first_known(k, 1) * i", "h": "i if k is unknown else k - 1", "g": "k + i"}
_OF_NUMBERS = (
    "i >= 1",
    "i == 2",
    "k > 0",
    "k == 1",
    "f >= 2",
    "f < 1",
    "f == 1",
    "h > 0",
    "h >= 2",
    "g <= 2",
    "g == 3",
)
_PLAIN = ("t", "not t", "c == red", *_OF_NUMBERS)


@st.composite
def bases_that_tell_apart(draw: st.DrawFn, *, fallback: bool = False) -> dict[str, object]:
    """Files of bases that recommend p, q or s, with a decision in between; either may stay open.

    Args:
        draw: what Hypothesis draws with.
        fallback: whether some have a fallback.
    """
    early = st.one_of(st.sampled_from(_OF_NUMBERS), st.sampled_from(_PLAIN), st.sampled_from(_STATES))
    late = st.one_of(early, st.sampled_from(("e == high", "e != low")))
    between = [(draw(_joined(early)), draw(st.sampled_from(("high", "low")))) for _ in range(draw(st.integers(1, 2)))]
    # Rows of few conditions are undecided in more cases.
    conditions = st.sampled_from(_OF_NUMBERS) if draw(st.booleans()) else _joined(late)
    last = [(draw(conditions), draw(st.sampled_from(("p", "q", "s")))) for _ in range(draw(st.integers(2, 4)))]
    decisions = [
        decision("e", "first", [*between, *_end(draw, "low")], values=("high", "low")),
        decision("d", "first", [*last, *_end(draw, "q")], values=("p", "q", "s")),
    ]
    manifest: dict[str, Any] = {"recommends": "d"}
    if fallback and draw(st.booleans()):
        manifest["fallback"] = {"conclusion": "q", "strength": "weak", "because": "It is open.", "source": "test"}
    return documents(FACTS, decisions, figures=_FIGURES, **manifest)


def _end(draw: st.DrawFn, word: str) -> list[tuple[str, str]]:
    return [("true", word)] if draw(st.booleans()) else []


def _joined(atoms: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    parts = st.lists(atoms, min_size=1, max_size=3, unique=True)
    joined = st.builds(lambda word, some: f" {word} ".join(some), st.sampled_from(("and", "or")), parts)
    return st.one_of(atoms, joined, joined.map(lambda text: f"not ({text})"))


@st.composite
def cases_known_in_every_way(draw: st.DrawFn) -> Case:
    """Cases of these bases in which facts are unknown, answered, measured and assumed."""
    drawn = Case("test", {})
    for name, values in DOMAINS.items():
        value = draw(st.sampled_from((None, *values)))
        if value is not None:
            drawn = drawn.replace(name, Given(name, value, origin=draw(st.sampled_from(WAYS))))
    return drawn
