"""Conjunctions of literals folded name by name, so that an engine is asked as little as the logic needs.

A conjunction holds, for each name, the values that satisfy everything asked of it. Names have one value,
so what asks for two values at once never holds, and what another part already implies need not be asked.
A conjunction is known to hold where each of its names is known to have one of its values: the folding is
exact under three-valued logic too, where a name that is unknown satisfies nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from engine.language.normal import Native

Word = str | bool


@dataclass(frozen=True, slots=True)
class Among:
    """One of these words or truths, out of everything that the name may be."""

    options: frozenset[Word]
    domain: frozenset[Word]


@dataclass(frozen=True, slots=True)
class Between:
    """A number from low to high (an end itself not where it is open), and none of ``but``."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False
    but: frozenset[float] = frozenset()


Allowed = Among | Between
Conjunction = Mapping[str, Allowed]


def asked(literal: Native, domain: frozenset[Word] | None) -> Allowed | None:
    """What the literal allows its name to be, None where nothing satisfies it.

    Args:
        literal: a comparison of one name with a constant.
        domain: every word or truth the name may be; None for numbers.
    """
    constant = literal.constant
    if domain is not None and isinstance(constant, str | bool):
        chosen = frozenset({constant}) & domain if literal.operator == "==" else domain - {constant}
        return Among(chosen, domain) if chosen else None
    number = float(constant)
    match literal.operator:
        case "==":
            return Between(number, number)
        case "!=":
            return _normal(Between(but=frozenset({number})))
        case "<" | "<=":
            return _normal(Between(high=number, high_open=literal.operator == "<"))
        case _:
            return _normal(Between(low=number, low_open=literal.operator == ">"))


def _normal(span: Between) -> Between | None:
    """The span with open ends instead of excluded ones; None where it is empty."""
    but = frozenset(number for number in span.but if span.low <= number <= span.high)
    low_open, high_open = span.low_open or span.low in but, span.high_open or span.high in but
    if span.low > span.high or (span.low == span.high and (low_open or high_open)):
        return None
    return Between(span.low, span.high, low_open, high_open, but - {span.low, span.high})


def both(one: Allowed, other: Allowed) -> Allowed | None:
    """What satisfies both, None where nothing does."""
    if isinstance(one, Among) and isinstance(other, Among):
        options = one.options & other.options
        return Among(options, one.domain) if options else None
    if isinstance(one, Between) and isinstance(other, Between):
        low, low_open = max((one.low, one.low_open), (other.low, other.low_open))
        high, high_closed = min((one.high, not one.high_open), (other.high, not other.high_open))
        return _normal(Between(low, high, low_open, not high_closed, one.but | other.but))
    raise TypeError("a name is either a number or a word")


def conjoined(one: Conjunction, other: Conjunction) -> Conjunction | None:
    """Both conjunctions at once, None where they exclude each other."""
    merged = dict(one)
    for name, allowed in other.items():
        known = merged.get(name)
        folded = allowed if known is None else both(known, allowed)
        if folded is None:
            return None
        merged[name] = folded
    return merged


def product(one: Iterable[Conjunction], other: Sequence[Conjunction]) -> list[Conjunction]:
    """Every alternative of one together with every alternative of the other, without what never holds."""
    found = (conjoined(left, right) for left in one for right in other)
    return simplified([conjunction for conjunction in found if conjunction is not None])


def simplified(alternatives: Sequence[Conjunction]) -> list[Conjunction]:
    """The same alternatives without those that another one covers, and those merged that differ in one name's words."""
    left = list(alternatives)
    while True:
        if len(left) < 2:  # noqa: PLR2004 - one alternative is as simple as can be
            return left
        left = _uncovered(left)
        for first, second in combinations(range(len(left)), 2):
            merged = _merged(left[first], left[second])
            if merged is not None:
                left[first] = merged
                del left[second]
                break
        else:
            return left


def _uncovered(alternatives: Sequence[Conjunction]) -> list[Conjunction]:
    kept: list[Conjunction] = []
    for conjunction in alternatives:
        if not any(_covers(other, conjunction) for other in kept):
            kept = [other for other in kept if not _covers(conjunction, other)]
            kept.append(conjunction)
    return kept


def _covers(wide: Conjunction, narrow: Conjunction) -> bool:
    if not wide.keys() <= narrow.keys():
        return False
    return all(allowed == narrow[name] or both(allowed, narrow[name]) == narrow[name] for name, allowed in wide.items())


def _merged(one: Conjunction, other: Conjunction) -> Conjunction | None:
    """The one conjunction that stands for either, where they differ in the words of a single name."""
    if one.keys() != other.keys():
        return None
    differing = [name for name, allowed in one.items() if allowed != other[name]]
    if len(differing) != 1:
        return None
    left, right = one[differing[0]], other[differing[0]]
    if not isinstance(left, Among) or not isinstance(right, Among):
        return None
    return {**one, differing[0]: replace(left, options=left.options | right.options)}


def literals(name: str, allowed: Allowed) -> list[Native]:
    """The comparisons that together allow the name exactly this; at least one, which holds where it is known."""
    if isinstance(allowed, Among):
        if len(allowed.options) == 1:
            return [Native(name, "==", option) for option in allowed.options]
        # No word is empty, so where every word will do the name need only be known.
        refused = sorted(allowed.domain - allowed.options, key=str) or [""]
        return [Native(name, "!=", option) for option in refused]
    if allowed.low == allowed.high:
        return [Native(name, "==", allowed.low)]
    found = []
    if allowed.low > -math.inf or allowed.low_open:
        found.append(Native(name, ">" if allowed.low_open else ">=", allowed.low))
    if allowed.high < math.inf or allowed.high_open:
        found.append(Native(name, "<" if allowed.high_open else "<=", allowed.high))
    found += [Native(name, "!=", number) for number in sorted(allowed.but)]
    return found or [Native(name, "<=", math.inf)]
