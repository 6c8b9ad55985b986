"""What can be wrong with input, said the same way everywhere: file, line, field, problem, way out."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn


@dataclass(frozen=True, slots=True)
class Place:
    """Where in which file; line and column count from 1, None where the file as a whole is meant."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, in words a person can act on.

    ``message`` says what was expected and found, ``hint`` what would be right; both are whole
    sentences without their final period.
    """

    place: Place
    message: str
    field: str | None = None
    hint: str | None = None
    code: str = dataclasses.field(default="invalid", compare=False)

    def __str__(self) -> str:
        named = f"{self.field}: " if self.field else ""
        return f"{self.place}: {named}{self.sentences}"

    @property
    def sentences(self) -> str:
        """The message and its hint as whole sentences."""
        parts = [part for part in (self.message, self.hint) if part]
        return " ".join(part if part.endswith((".", "?", "!")) else f"{part}." for part in parts)


class BreakevenError(Exception):
    """Base of every error that an edge shows to a person; never raised itself."""


class BadInput(BreakevenError):
    """Input that cannot be used; holds every problem found, not the first alone."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def refuse_one(place: Place | str, message: str, hint: str | None = None, field: str | None = None) -> NoReturn:
    """Refuse input for a single problem.

    Args:
        place: where it is; as text the file, option or whatever else the input was named by.
        message: what was expected and found, without a final period.
        hint: what would be right.
        field: the field it is about.

    Raises:
        BadInput: always.
    """
    raise BadInput([Problem(Place(place) if isinstance(place, str) else place, message, field, hint)])


class InferenceError(BreakevenError):
    """The inference engine and the plain evaluator disagree, or the engine refused its input."""


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The hint ``Did you mean 'x'?`` for the nearest known word, or None where none is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"Did you mean '{near[0]}'?" if near else None
