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
    """Seconds for one unit of work, one number for each round."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle round."""
        return statistics.median(self.rounds)

    def ratio(self, other: Times) -> float:
        """How many times as long as the other, by the median over the rounds, each against its own neighbour."""
        return statistics.median(own / its for own, its in zip(self.rounds, other.rounds, strict=True))


def interleaved(contestants: Mapping[str, tuple[Callable[[], object], int]], rounds: int) -> dict[str, Times]:
    """The times of each contestant, all of them in every round, and each round in another order.

    Args:
        contestants: for each name what to run and how many units of work that is.
        rounds: how often each is run, after one run that does not count.
    """
    names = list(contestants)
    for run, _ in contestants.values():
        run()
    found: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            run, units = contestants[name]
            start = time.perf_counter()
            run()
            found[name].append((time.perf_counter() - start) / units)
    return {name: Times(tuple(seconds)) for name, seconds in found.items()}


@dataclass(slots=True)
class Stages:
    """The seconds spent in each of several functions, without what they spend in each other."""

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
