"""A knowledge base that a long-running process follows: a change that checks clean is taken, any other refused.

The engines of the old base go on deciding until the new one has loaded, passed its checks and started an engine.
Dated values and rules change with the calendar, so a new day is a change as a new text is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from engine.errors import BadInput, BreakevenError, Place, Problem
from engine.inference import EnginePool
from engine.knowledge import Knowledge, load_knowledge
from engine.resources import rules_directory
from engine.soundness import require_sound


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What a base hangs on: size and time of change of each of its files, and the day it decides as of."""

    files: Mapping[str, tuple[int, int]]
    on: date


class LiveKnowledge:
    """A pool of engines that follows the files of one directory, and the calendar.

    Args:
        directory: the base; by default the built-in one.
        tell: called with one line whenever a change is taken or refused.
        on: the day that dated values and rules are taken of, whatever the calendar says; by default today's.
        today: what the calendar says.
        proved: a changed base is taken only where ``breakeven rules check`` finds nothing, its proofs of gaps,
            overlaps and rows that never decide included; that takes about a second. By default it has to load, be
            sound and fit the engine, which takes some hundredths.

    Raises:
        BadInput: the base is not sound at the start.
    """

    def __init__(
        self,
        directory: Path | None = None,
        tell: Callable[[str], None] | None = None,
        *,
        on: date | None = None,
        today: Callable[[], date] = date.today,
        proved: bool = False,
    ) -> None:
        self._directory = directory
        self._proved = proved
        self._on = on
        self._today = today
        self._watched = directory or rules_directory()
        self._tell = tell or (lambda _line: None)
        self._lock = threading.Lock()
        self._stamp = self._look()
        self.pool = EnginePool(_sound(directory, self._stamp.on))
        #: Why the newest version of the files, as of the newest day, is not what decides; empty where it is.
        self.refused: tuple[Problem, ...] = ()

    @property
    def knowledge(self) -> Knowledge:
        """The base that decides now."""
        return self.pool.knowledge

    def refresh(self) -> bool:
        """Take in a change of the files or of the day, if there is one and it checks clean.

        Returns:
            True where another base decides from now on.
        """
        with self._lock:
            stamp = self._look()
            if stamp == self._stamp:
                return False
            self._stamp = stamp
            return self._take()

    def _take(self) -> bool:
        try:
            knowledge = _sound(self._directory, self._stamp.on)
            if (knowledge.sha256, knowledge.on) == (self.knowledge.sha256, self.knowledge.on):
                self.refused = ()
                return False
            if self._proved:
                _require_nothing_found(self._directory, self._stamp.on)
            self.pool.reload(knowledge)
        except BadInput as error:
            self.refused = error.problems
            self._tell(f"kept {self._named(self.knowledge)}; its files do not check clean: {error.problems[0]}")
            return False
        except BreakevenError as error:
            self.refused = (Problem(Place(str(self._watched)), str(error)),)
            self._tell(f"kept {self._named(self.knowledge)}: {error}")
            return False
        self.refused = ()
        self._tell(f"now deciding with {self._named(knowledge)}")
        return True

    def _named(self, knowledge: Knowledge) -> str:
        return f"{knowledge.manifest.name} {knowledge.manifest.version} ({knowledge.sha256[:12]}) as of {knowledge.on}"

    def _look(self) -> _Stamp:
        found: dict[str, tuple[int, int]] = {}
        for path in sorted(self._watched.glob("*.yaml")):
            try:
                status = path.stat()
            except OSError:
                continue
            found[path.name] = (status.st_size, status.st_mtime_ns)
        return _Stamp(found, self._on or self._today())


def _require_nothing_found(directory: Path | None, on: date) -> None:
    """Refuse a base in which a check finds anything.

    Raises:
        BadInput: with everything found.
    """
    from engine.checking.check import check

    report = check(directory, on=on)
    if report.exit_status:
        found = [one for one in report.findings if one.severity != "info"]
        raise BadInput(Problem(one.place, one.message, hint=one.hint, code=one.code) for one in found)


def _sound(directory: Path | None, on: date) -> Knowledge:
    knowledge = load_knowledge(directory, on)
    require_sound(knowledge)
    return knowledge
