"""Timing several contestants in one run, so that their ratios hold although the machine's speed does not."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds for one unit of work.

    Each unit is timed by itself in every round, so that a round in which another process had the processor
    spoils a few units and not all: what is said of a unit is the median of its rounds, and so on.

    Args:
        units: for each unit its seconds in each round.
    """

    units: Sequence[Sequence[float]]

    def average(self, of: Callable[[Sequence[float]], float] = statistics.median) -> float:
        """The mean over the units of what is taken of the rounds of each: their median, min or max."""
        return statistics.fmean(map(of, self.units))

    def ratio(self, other: Times, of: Callable[[Sequence[float]], float] = statistics.median) -> float:
        """How many times as long as the other."""
        return self.average(of) / other.average(of)


def interleaved(contestants: Mapping[str, Sequence[Callable[[], object]]], rounds: int) -> dict[str, Times]:
    """The times of each contestant, all of them in every round, and each round in another order.

    Args:
        contestants: for each name the units of work it is to do.
        rounds: how often each is run, after one run that does not count.
    """
    names = list(contestants)
    found: dict[str, list[list[float]]] = {name: [[] for _ in units] for name, units in contestants.items()}
    clock = time.perf_counter
    for turn in range(-1, rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            for seconds, unit in zip(found[name], contestants[name], strict=True):
                start = clock()
                unit()
                spent = clock() - start
                if turn >= 0:
                    seconds.append(spent)
    return {name: Times(units) for name, units in found.items()}


@dataclass(slots=True)
class Stages:
    """The seconds spent in each of several functions, without what they spend in each other.

    Args:
        seconds: by stage, since they were last taken.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    _open: list[float] = field(default_factory=list)

    @contextmanager
    def timed(self, functions: Mapping[str, Sequence[tuple[Any, str]]]) -> Iterator[None]:
        """Let the time of these functions be counted while this lasts.

        Args:
            functions: for each stage its functions, as what holds them and their name.
        """
        originals = [(owner, name, getattr(owner, name)) for held in functions.values() for owner, name in held]
        for stage, held in functions.items():
            for owner, name in held:
                setattr(owner, name, self._counted(stage, getattr(owner, name)))
        try:
            yield
        finally:
            for owner, name, original in originals:
                setattr(owner, name, original)

    def taken(self) -> dict[str, float]:
        """The seconds of each stage, which are counted from zero again."""
        seconds, self.seconds = self.seconds, {}
        return seconds

    def _counted(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            start = time.perf_counter()
            self._open.append(0.0)
            try:
                return function(*arguments, **options)
            finally:
                spent = time.perf_counter() - start
                self.seconds[stage] = self.seconds.get(stage, 0.0) + spent - self._open.pop()
                if self._open:
                    self._open[-1] += spent

        return counted


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows under their columns: the first set to the left, the others to the right."""
    widths = [max(len(row[column]) for row in (columns, *rows)) for column in range(len(columns))]
    lines = [
        "  ".join(cell.rjust(width) if place else cell.ljust(width) for place, (cell, width) in enumerate(cells))
        for cells in (list(zip(row, widths, strict=True)) for row in (columns, *rows))
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])
