"""The whole outcome for one case, as every report shows it and as ``--format json`` prints it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

#: A number, ``"never"`` for a moment that does not come, a word, yes/no, or null where unknown.
Value = float | bool | str | None
#: What a decision concludes: one value, several outputs together, or a list of either.
Outputs = Annotated[dict[str, Value], Field(min_length=1)]
Conclusion = Value | Outputs | tuple[Value | Outputs, ...]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reading(_Record):
    """A fact, figure or conclusion as a rule read it."""

    name: str
    title: str
    value: Value
    unit: str | None = None
    origin: Literal["answered", "assumed", "measured", "computed", "concluded", "unknown"]
    source: str | None = Field(default=None, description="Where the value comes from; null where it was answered.")
    low: float | None = Field(default=None, description="Lower end of a range; `value` is its likely value.")
    high: float | None = None
    shown: str = Field(description="The value with its unit, formatted for people.")
    shown_range: str | None = Field(default=None, description="Both ends, formatted for people.")


class Firing(_Record):
    """One rule that fired, in firing order."""

    rule: str
    decision: str
    conclusion: Value | dict[str, Value]
    because: str
    source: str
    when: str = Field(description="The condition as written in the rules.")
    reads: str = Field(description="The condition in plain English.")
    facts: tuple[Reading, ...]
    place: str = Field(description="File and line of the rule.")
    decision_title: str = Field(default="", description="What the decision is called.")
    conclusion_shown: str = Field(default="", description="The conclusion in words.")


class Figure(_Record):
    """A computed figure with its arithmetic."""

    title: str
    value: float | Literal["never"] | None
    unit: str
    formula: str
    substitution: str = Field(description="The formula with the numbers that were used, and its result.")
    source: str
    low: float | Literal["never"] | None = Field(default=None, description="No value the ranges allow lies below.")
    high: float | Literal["never"] | None = None
    shown: str = Field(description="The value with its unit, formatted for people.")
    shown_range: str | None = Field(default=None, description="Both ends, formatted for people.")
    waits_for: tuple[str, ...] = Field(default=(), description="The unknown facts that keep it from being computed.")


class Standing(_Record):
    """A conclusion that no value of the unknown facts can change, though no single rule is known to hold."""

    conclusion: str
    value: Value
    whatever: tuple[str, ...] = Field(description="The unknown facts that make no difference to it.")
    title: str = Field(default="", description="What the conclusion is called.")
    shown: str = Field(default="", description="The value in words.")


class Caution(_Record):
    """Something to know before acting on the recommendation."""

    rule: str
    caution: str
    because: str
    source: str
    title: str = Field(default="", description="The caution in a few words.")


class Recommendation(_Record):
    """The answer."""

    approach: str | None
    title: str
    strength: str | None
    sentence: str = Field(description="The recommendation and its strength in one sentence.")
    settled: bool = Field(description="False where something unknown left only the fallback.")
    decided_by: str | None = Field(default=None, description="What decided, such as the framework.")
    rule: str | None = Field(default=None, description="The rule that decided; null where nothing settled it.")
    because: str | None = Field(default=None, description="Why: the deciding rule's reason, or the fallback's.")
    source: str | None = Field(default=None, description="Where that reason comes from.")


class Voice(_Record):
    """What one of the decisions that may disagree says."""

    title: str
    decision: str
    says: str | None
    shown: str
    favours: str | None = Field(description="The side it speaks for; null where it takes none.")
    decided: bool


class OptionRow(_Record):
    """One row of the comparison of approaches; cells are figures by column title."""

    option: str
    title: str
    chosen: bool
    cells: dict[str, str]


class UnknownFact(_Record):
    """A fact nobody gave that could still change the recommendation."""

    name: str
    title: str
    question: str | None
    could_become: tuple[str, ...] = Field(description="Recommendations it can lead to.")


class Assumption(_Record):
    """A default that was used in place of an answer."""

    reading: Reading
    could_turn: bool = Field(description="True where another value within its range gives another recommendation.")


class TurningPoint(_Record):
    """Where one fact, the others held, changes the recommendation."""

    fact: str
    title: str
    unit: str | None
    current: float | None
    at: float
    side: Literal["above", "below"]
    inclusive: bool = Field(description="True where the recommendation has changed at `at` itself.")
    becomes: str
    shown: str = Field(description="From where on it turns, and into what, in words.")


class ChartLine(_Record):
    """Cumulative cost of one approach: upfront at month 0, then a constant monthly cost."""

    title: str
    upfront: float
    monthly: float
    chosen: bool


class Concluded(_Record):
    """What one decision concludes, for people."""

    name: str
    title: str
    shown: str


class KnowledgeIdentity(_Record):
    """Which knowledge base decided."""

    name: str
    version: str
    sha256: str
    title: str = ""
    as_of: str = Field(default="", description="The day as of which dated values and rules were chosen.")


class Decision(_Record):
    """Everything there is to say about one case; reports display it and compute nothing."""

    recommendation: Recommendation | None = Field(description="Null where the base names no recommendation.")
    conclusions: dict[str, Conclusion] = Field(
        description="By decision: a value, a mapping of several outputs, a list where it collects; null where open."
    )
    firings: tuple[Firing, ...]
    matched_not_decisive: tuple[Firing, ...]
    standing: tuple[Standing, ...]
    figures: dict[str, Figure]
    arithmetic: tuple[str, ...] = Field(description="Names of the figures to show step by step, in order.")
    options: tuple[OptionRow, ...]
    option_columns: tuple[str, ...]
    voices: tuple[Voice, ...]
    agreement: str = Field(description="Whether the voices agree and which one decided, in one sentence.")
    turning_points: tuple[TurningPoint, ...]
    steady: tuple[str, ...] = Field(description="Titles of the facts that were varied and turn nothing.")
    cautions: tuple[Caution, ...]
    assumptions: tuple[Assumption, ...]
    unknown: tuple[UnknownFact, ...]
    chart: tuple[ChartLine, ...]
    chart_months: float | None
    knowledge_base: KnowledgeIdentity
    case: dict[str, Reading]
    case_name: str
    concluded: tuple[Concluded, ...] = Field(
        default=(), description="The conclusions for people, in dependency order, where there is no recommendation."
    )
    record: str | None = Field(
        default=None, description="The id of the record of this decision; null where it was not recorded."
    )
