"""What conditions read of a decision that concludes numbers or truths: formulas over the words it concludes.

Rules conclude words; ``risk_points > 50`` needs the number that a word stands for, or the one number that all
rows which hold make together. These formulas say which, and follow what is unknown as every other formula does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from engine.language.nodes import (
    Arithmetic,
    Comparison,
    Conditional,
    Membership,
    Name,
    Node,
    Number,
    Or,
    Text,
    Unknown,
)

Aggregate = Literal["sum", "min", "max", "count"]


def truth_read(output: str) -> Node:
    """Yes where the output is ``true``."""
    return Comparison("==", Name(output), Text("true"))


def number_read(output: str, words: Sequence[str]) -> Node:
    """The number that the output's word stands for."""
    if len(words) == 1:
        # Unknown for as long as the word is.
        return Conditional(Comparison("==", Name(output), Text(words[0])), Number(float(words[0])), Unknown())
    half = len(words) // 2
    first, rest = words[:half], words[half:]
    is_first = Membership(Name(output), tuple(Text(word) for word in first), negated=False)
    return Conditional(is_first, _number_among(output, first), _number_among(output, rest))


def _number_among(output: str, words: Sequence[str]) -> Node:
    return Number(float(words[0])) if len(words) == 1 else number_read(output, words)


def aggregated(aggregate: Aggregate, rows: Sequence[tuple[Node, str]]) -> Node:
    """The number that the rows which hold make together.

    Args:
        aggregate: a count is 0 where no row holds; anything else is unknown then.
        rows: each row's condition with the number it gives; for a count with any word. There are none where none
            of a decision's conditions can be read.
    """
    if aggregate == "count":
        return _total([Conditional(when, Number(1.0), Number(0.0)) for when, _ in rows])
    if not rows:
        return Unknown()
    if aggregate == "sum":
        found = _total([Conditional(when, Number(float(word)), Number(0.0)) for when, word in rows])
    else:
        by_number: dict[float, list[Node]] = {}
        for when, word in rows:
            by_number.setdefault(float(word), []).append(when)
        ordered = sorted(by_number, reverse=aggregate == "max")
        found = _first_that_holds([(Or(tuple(by_number[number])), number) for number in ordered])
    return Conditional(Or(tuple(when for when, _ in rows)), found, Unknown())


def _total(parts: Sequence[Node]) -> Node:
    """The sum of the parts, halved again and again, so that hundreds of them do not nest hundreds deep."""
    if not parts:
        return Number(0.0)
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return Arithmetic("+", _total(parts[:half]), _total(parts[half:]))


def _first_that_holds(candidates: Sequence[tuple[Node, float]]) -> Node:
    """The number of the first condition that holds, of the last one where none before it does."""
    if len(candidates) == 1:
        return Number(candidates[0][1])
    half = len(candidates) // 2
    is_before = Or(tuple(condition for condition, _ in candidates[:half]))
    return Conditional(is_before, _first_that_holds(candidates[:half]), _first_that_holds(candidates[half:]))
