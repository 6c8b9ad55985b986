"""What names mean: the types and units that a checked expression may refer to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["fact", "figure", "amount", "conclusion"]


@dataclass(frozen=True, slots=True)
class NumberType:
    """A quantity; ``unit`` is as declared, such as ``USD/month``; None fits any unit (a bare literal)."""

    unit: str | None


@dataclass(frozen=True, slots=True)
class TruthType:
    """Yes or no."""


@dataclass(frozen=True, slots=True)
class ChoiceType:
    """One of a closed set of words."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetType:
    """Several of a closed set of words, as a ``collect`` decision concludes; conditions cannot read it."""

    values: tuple[str, ...]


Type = NumberType | TruthType | ChoiceType | SetType


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name with its type and the kind of thing it is."""

    name: str
    type: Type
    kind: Kind
    #: True for a figure that depends on a conclusion, and so is known only once rules have fired.
    concluded: bool = False


@dataclass(frozen=True, slots=True)
class TableSignature:
    """A volume table as a function: the unit it takes and the unit it gives."""

    name: str
    takes: str
    gives: str


@dataclass(frozen=True, slots=True)
class Scope:
    """Everything an expression may name."""

    symbols: Mapping[str, Symbol]
    tables: Mapping[str, TableSignature] = field(default_factory=dict)
    #: Outputs whose words stand for numbers or truths, each with the symbol that expressions read in its place.
    readings: Mapping[str, str] = field(default_factory=dict)
