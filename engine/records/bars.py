"""Decisions over time as bars, ready to be drawn: places and sizes are worked out here, the template only draws."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from engine.records.statistics import Period, Statistics

_WIDTH, _HEIGHT = 760.0, 324.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 8.0, 16.0, 44.0
#: The share of its place that a bar takes.
_FILLED = 0.72
_WIDEST_BAR = 64.0
#: Labels below the bars, at most; each needs its room.
_MOST_LABELS = 9
_TICKS = 4
#: The page has so many colours for lines; further approaches begin again.
_COLOURS = 6


@dataclass(frozen=True, slots=True)
class Part:
    """One approach's part of a bar."""

    colour: int
    y: str
    height: str
    title: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One period: its parts from the bottom up, and where something overruled something, a mark above it."""

    x: str
    middle: str
    width: str
    parts: tuple[Part, ...]
    label: str | None
    mark: str | None
    overruled: int


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across, with its number."""

    y: str
    label: str


@dataclass(frozen=True, slots=True)
class Bars:
    """The picture, in the units of its own view box."""

    width: str
    height: str
    left: str
    right: str
    base: str
    label_y: str
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    legend: tuple[tuple[int, str], ...]
    description: str


def bars(found: Statistics) -> Bars | None:
    """The decisions of each period by approach; None where there is none."""
    if not found.periods:
        return None
    colours = {approach: index % _COLOURS + 1 for index, approach in enumerate(found.approaches)}
    top = _round_top(max(period.decisions for period in found.periods))
    room = (_WIDTH - _LEFT - _RIGHT) / len(found.periods)
    every = math.ceil(len(found.periods) / _MOST_LABELS)
    return Bars(
        width=_n(_WIDTH),
        height=_n(_HEIGHT),
        left=_n(_LEFT),
        right=_n(_WIDTH - _RIGHT),
        base=_n(_HEIGHT - _BOTTOM),
        label_y=_n(_HEIGHT - _BOTTOM + 20),
        bars=tuple(
            _bar(period, index, room, top, colours, found, labelled=index % every == 0)
            for index, period in enumerate(found.periods)
        ),
        ticks=tuple(_tick(top * step // _TICKS, top) for step in range(_TICKS + 1)),
        legend=tuple((colour, found.titles[approach]) for approach, colour in colours.items()),
        description="; ".join(_in_words(period, found) for period in found.periods if period.decisions),
    )


def _round_top(most: int) -> int:
    """A number of decisions that the ticks part evenly, not below the most."""
    steps = (int(digit + "0" * zeros) for zeros in itertools.count() for digit in "125")
    return _TICKS * next(step for step in steps if step * _TICKS >= most)


def _bar(
    period: Period,
    index: int,
    room: float,
    top: int,
    colours: dict[str, int],
    found: Statistics,
    *,
    labelled: bool,
) -> Bar:
    width = min(room * _FILLED, _WIDEST_BAR)
    middle = _LEFT + room * (index + 0.5)
    parts: list[Part] = []
    below = 0
    for approach, colour in colours.items():
        count = period.approaches.get(approach, 0)
        if count:
            upper, lower = _y(below + count, top), _y(below, top)
            title = f"{period.label}: {found.titles[approach]}, {count}"
            parts.append(Part(colour, _n(upper), _n(lower - upper), title))
            below += count
    mark = _n(_y(below, top) - 6) if period.overruled else None
    label = period.label if labelled else None
    return Bar(_n(middle - width / 2), _n(middle), _n(width), tuple(parts), label, mark, period.overruled)


def _tick(count: int, top: int) -> Tick:
    return Tick(_n(_y(count, top)), f"{count:,}")


def _y(count: float, top: int) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * count / top


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def _in_words(period: Period, found: Statistics) -> str:
    said = ", ".join(f"{found.titles[approach]} {count}" for approach, count in period.approaches.items())
    return f"{period.label}: {said}" + (f" ({period.overruled} overruled)" if period.overruled else "")
