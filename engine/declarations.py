"""What the YAML files of a knowledge base may say: one pydantic model for each kind of file.

The JSON Schemas that editors use are generated from these models; docs/writing-rules.md
explains them by example.
"""

from __future__ import annotations

import math
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    model_validator,
)

from engine.language.parse import WORDS

#: No quantity of any case is larger; beyond it sums would lose their cents.
LARGEST_NUMBER = 1e15


def _no_word_of_the_language(name: str) -> str:
    if name in WORDS:
        raise ValueError(f"'{name}' is a word of the rule language and cannot name anything")
    return name


#: A name that expressions can use.
Name = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=80), AfterValidator(_no_word_of_the_language)
]
#: A rule's id, unique in the whole base.
RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=80)]
_LONGEST_TEXT = 4_000
#: A sentence or expression; never empty.
Text = Annotated[str, StringConstraints(min_length=1, max_length=_LONGEST_TEXT)]


def _as_expression(value: Any) -> Any:
    """Let a condition or default be a bare YAML number or truth, which is then its own expression."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return value


#: An expression in the rule language (docs/writing-rules.md).
Expression = Annotated[Text, BeforeValidator(_as_expression, json_schema_input_type=str | float | bool)]
Number = Annotated[float, Field(allow_inf_nan=False, strict=True)]


def _as_conclusion(value: Any) -> str | float | bool:
    if isinstance(value, bool) or (isinstance(value, str) and 0 < len(value) <= _LONGEST_TEXT):
        return value
    if isinstance(value, int | float) and abs(value) <= LARGEST_NUMBER:
        return float(value)
    raise ValueError("expected a word, a number or yes/no")


#: What a rule may conclude; whether YAML reads a word, a number or yes/no says which it is.
Concluded = Annotated[str | float | bool, PlainValidator(_as_conclusion, json_schema_input_type=str | float | bool)]
#: What the values of an output are.
OutputKind = Literal["choice", "number", "yes/no"]


def word_of(value: str | float | bool) -> str:
    """A conclusion as the word that rules conclude, such as ``98.83`` or ``true``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < LARGEST_NUMBER else repr(value)
    return value


def value_of(word: str, kind: OutputKind) -> str | float | bool:
    """The conclusion that a word stands for."""
    if kind == "number":
        return float(word)
    return word == "true" if kind == "yes/no" else word


class _Declaration(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RangeOf(_Declaration):
    """A range; the deterministic decision uses ``likely``, the midpoint where it is not given."""

    low: Number
    high: Number
    likely: Number | None = None

    @model_validator(mode="after")
    def _ordered(self) -> RangeOf:
        if not self.low <= self.middle <= self.high:
            raise ValueError("a range needs low ≤ likely ≤ high")
        return self

    @property
    def middle(self) -> float:
        """The likely value."""
        return (self.low + self.high) / 2 if self.likely is None else self.likely


class FactDeclaration(_Declaration):
    """One fact of the vocabulary."""

    title: Text
    type: Literal["number", "integer", "yes/no", "choice"]
    unit: Text | None = None
    min: Number | None = None
    max: Number | None = None
    above: Number | None = Field(None, description="A bound the value must exceed.")
    choices: dict[Text, Text] | None = Field(None, description="Each choice with its label.")
    open: bool = Field(False, description="A choice that may also be any other text, which no rule names.")
    default: RangeOf | Expression | None = Field(
        None, description="A value, a range or a formula over other facts and amounts; none: unknown."
    )
    default_source: Text | None = None
    stands_in: Text | None = Field(None, description="What formulas use while the fact is unknown, in words.")
    question: Text | None = Field(None, description="As put to the person deciding; none: not asked.")
    why: Text | None = Field(None, description="Why it is asked.")
    help: Text | None = None
    example: Expression | None = Field(None, description="A value as one would write it in a case file.")
    sensitive: bool = Field(False, description="Records of decisions keep a keyed hash of its value, or nothing of it.")
    source: Text

    @model_validator(mode="after")
    def _consistent(self) -> FactDeclaration:
        if (self.choices is not None) != (self.type == "choice"):
            raise ValueError("choices belong to facts of type choice, and only to them")
        if self.type in ("yes/no", "choice") and (self.unit or self.min is not None or self.max is not None):
            raise ValueError(f"a fact of type {self.type} has no unit and no bounds")
        if self.type in ("number", "integer") and self.unit is None:
            raise ValueError("a number needs a unit; write unit: fraction for a share")
        if self.default is not None and self.default_source is None:
            raise ValueError("a default needs its default_source")
        if self.open and self.choices is None:
            raise ValueError("open belongs to facts of type choice")
        if self.choices is not None and not self.choices and not self.open:
            raise ValueError("a choice needs at least one word under choices")
        return self

    @property
    def words(self) -> tuple[str, ...]:
        """Every word a choice may be, one of them standing for all that no rule names where it is open."""
        choices, other = tuple(self.choices or ()), "anything else"
        while other in choices:
            other += "…"
        return (*choices, other) if self.open else choices

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest value a number may have."""
        low = -LARGEST_NUMBER if self.min is None else self.min
        if self.above is not None:
            low = max(low, math.nextafter(self.above, math.inf))
        return low, LARGEST_NUMBER if self.max is None else self.max


class FactsFile(_Declaration):
    """facts.yaml: the vocabulary, in the order facts are listed to people."""

    facts: dict[Name, FactDeclaration]


class DatedValue(_Declaration):
    """A value in force from a day on, until the next one's day."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    since: date = Field(alias="from")
    value: RangeOf | Number
    source: Text | None = None


class DatedRows(_Declaration):
    """A table's rows in force from a day on, until the next ones' day."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    since: date = Field(alias="from")
    rows: Annotated[list[tuple[Number, Number]], Field(min_length=1)]
    source: Text | None = None


class AmountDeclaration(_Declaration):
    """A constant of the cost tables, or its values over time."""

    title: Text
    value: RangeOf | Number | Annotated[list[DatedValue], Field(min_length=1)]
    unit: Text
    source: Text

    @property
    def quantity(self) -> RangeOf | float:
        """The value; of dated values the last one (a loaded base holds only the one in force)."""
        if isinstance(self.value, list):
            return max(self.value, key=lambda version: version.since).value
        return self.value


class TableDeclaration(_Declaration):
    """A function of one quantity given by rows, linear between them."""

    title: Text
    takes: Text = Field(description="Unit of the first column.")
    gives: Text = Field(description="Unit of the second column.")
    rows: Annotated[list[tuple[Number, Number]] | list[DatedRows], Field(min_length=1)]
    below: Literal["first row", "proportional"] = Field(
        description="Below the first row: hold its value, or keep its ratio to the first column."
    )
    above: Literal["last row", "proportional"]
    source: Text

    @model_validator(mode="after")
    def _rising(self) -> TableDeclaration:
        for rows in self._versions():
            firsts = [first for first, _ in rows]
            if any(later <= earlier for earlier, later in pairwise(firsts)):
                raise ValueError("rows must rise in their first column")
            if (self.below == "proportional" or self.above == "proportional") and firsts[0] <= 0:
                raise ValueError("a proportional end needs a first column above 0")
        return self

    @property
    def pairs(self) -> list[tuple[float, float]]:
        """The rows; of dated ones the last (a loaded base holds only those in force)."""
        return self._versions()[-1]

    def _versions(self) -> list[list[tuple[float, float]]]:
        dated = sorted((one for one in self.rows if isinstance(one, DatedRows)), key=lambda one: one.since)
        return [version.rows for version in dated] or [[row for row in self.rows if not isinstance(row, DatedRows)]]


class FigureDeclaration(_Declaration):
    """A computed figure."""

    title: Text
    unit: Text
    formula: Expression
    source: Text


class CostsFile(_Declaration):
    """costs.yaml: amounts, tables and formulas."""

    amounts: dict[Name, AmountDeclaration] = {}
    tables: dict[Name, TableDeclaration] = {}
    figures: dict[Name, FigureDeclaration] = {}


class RuleDeclaration(_Declaration):
    """One row of a decision."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    id: RuleId
    when: Expression
    then: Concluded | dict[Name, Concluded]
    because: Text = Field(description="A Jinja2 sentence over facts, figures and conclusions.")
    source: Text
    salience: int = Field(0, ge=-1000, le=1000, description="Higher fires first where the policy leaves it open.")
    since: date | None = Field(default=None, alias="from", description="The first day the row is in force.")
    until: date | None = Field(default=None, description="The first day the row is no longer in force.")
    decided_by: Name | None = Field(None, description="The decision whose view this row follows.")

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> RuleDeclaration:
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise ValueError(f"until must be after from, and {self.until} is not after {self.since}")
        return self

    def in_force(self, on: date) -> bool:
        """Whether the row takes part in decisions made as of a day."""
        return (self.since is None or self.since <= on) and (self.until is None or on < self.until)


class DecisionFile(_Declaration):
    """A decision: inputs come from its conditions, outputs from ``decides``."""

    name: Name | None = Field(
        None, description="What several outputs are concluded under together; conditions read each as NAME_OUTPUT."
    )
    decides: Name | dict[Name, list[Concluded] | dict[Text, Text]]
    values: list[Concluded] | dict[Text, Text] | None = Field(
        None, description="Allowed values (words, or all numbers, or all yes/no), or each word with its title."
    )
    titles: dict[Name, Text] = Field({}, description="For each of several outputs what people call it.")
    unit: Text | None = Field(None, description="Unit of the numbers it concludes; none: plain numbers.")
    hit_policy: Literal["first", "unique", "any", "collect", "rule order"]
    aggregate: Literal["sum", "min", "max", "count"] | None = Field(
        None, description="The one number that a collect decision makes of the values of all rows that hold."
    )
    title: Text
    source: Text
    rules: Annotated[list[RuleDeclaration], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_way_to_declare_values(self) -> DecisionFile:
        if isinstance(self.decides, str) != (self.values is not None):
            raise ValueError("write decides: NAME with values:, or decides: {NAME: [values]} for several outputs")
        if isinstance(self.decides, str) and (self.name or self.titles):
            raise ValueError("name and titles are for several outputs")
        if any(len({type(value) for value in values}) > 1 for values in self._declared.values()):
            raise ValueError("the values of an output are all words, all numbers or all yes/no")
        return self

    @model_validator(mode="after")
    def _numbers_where_numbers_belong(self) -> DecisionFile:
        kinds = set(self.kinds.values())
        if self.aggregate and (self.hit_policy != "collect" or not isinstance(self.decides, str)):
            raise ValueError("aggregate is for hit_policy: collect and one output")
        if self.aggregate not in (None, "count") and kinds != {"number"}:
            raise ValueError(f"aggregate: {self.aggregate} needs values that are numbers")
        if self.unit and "number" not in kinds:
            raise ValueError("a unit belongs to values that are numbers")
        return self

    @property
    def _declared(self) -> dict[str, list[Concluded] | dict[Text, Text]]:
        """Each output by its own name with its values as written."""
        return {self.decides: self.values or []} if isinstance(self.decides, str) else self.decides

    @property
    def keys(self) -> dict[str, str]:
        """Each output, by the name that conditions read, with the name it is declared under."""
        return {f"{self.name}_{key}" if self.name else key: key for key in self._declared}

    @property
    def outputs(self) -> dict[str, dict[str, str]]:
        """Each output, by the name that conditions read, with the words it may be and their titles."""
        return {
            name: dict(values) if isinstance(values, dict) else {word_of(value): _title_of(value) for value in values}
            for name, values in zip(self.keys, self._declared.values(), strict=True)
        }

    @property
    def kinds(self) -> dict[str, OutputKind]:
        """Each output, by the name that conditions read, with what its values are."""
        return {
            name: _kind_of(next(iter(values), ""))
            for name, values in zip(self.keys, self._declared.values(), strict=True)
        }


def _kind_of(value: str | float | bool) -> OutputKind:
    if isinstance(value, bool):
        return "yes/no"
    return "number" if isinstance(value, float) else "choice"


def _title_of(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.replace("_", " ") if isinstance(value, str) else word_of(value)


class Fallback(_Declaration):
    """What to answer while something unknown keeps the decision open."""

    conclusion: Text
    strength: Text
    because: Text
    source: Text


class VoiceDeclaration(_Declaration):
    """A decision whose view is set beside the others, and the side each of its values speaks for."""

    title: Text
    favours: dict[Text, Text] = Field(description="For each value of the decision the side it speaks for.")


class OptionsTable(_Declaration):
    """The comparison of options: for each option the figure of each column."""

    columns: list[Text]
    rows: dict[Text, dict[Text, Name]]


class ChartDeclaration(_Declaration):
    """The cumulative cost chart: for each line the cost at month 0 and the total at the last month."""

    months: Name
    lines: dict[Text, tuple[Name, Name]]


class UnitDeclaration(_Declaration):
    """How a unit is written after a number: ``$1,200`` or ``12 months``."""

    prefix: str = ""
    suffix: str = ""
    singular: str | None = Field(default=None, description="The suffix after exactly 1, such as ` month`.")
    decimals: int = Field(default=0, ge=0, le=8, description="Digits after the point, at most; small numbers get more.")
    least_decimals: int = Field(default=0, ge=0, le=8, description="Digits a fraction has at least: with 2, $0.50.")
    scale: Number = Field(default=1.0, description="What the number is multiplied by: 100 writes 0.82 as 82.")


class KnowledgeFile(_Declaration):
    """knowledge.yaml: the base's name and what its report shows."""

    name: Name
    version: Text
    title: Text
    recommends: Name | None = Field(None, description="The output that is the recommendation.")
    strength: Name | None = Field(None, description="The output that says how firm it is.")
    strength_if_open: Text | None = Field(
        default=None,
        description="The strength of a settled recommendation whose own strength something unknown leaves open.",
    )
    could_turn: Name | None = Field(
        None, description="A yes/no name the strength rules may read: something unknown or assumed could turn it."
    )
    sentence: Text | None = Field(None, description="A Jinja2 sentence: the recommendation in one sentence.")
    fallback: Fallback | None = None
    sides: dict[Text, Text] = Field({}, description="For each recommendation the side it takes.")
    voices: dict[Name, VoiceDeclaration] = {}
    agreement: dict[Literal["all_agree", "disagree"], Text] = {}
    arithmetic: list[Name] = []
    options: OptionsTable | None = None
    turning: dict[Name, Name | None] = Field(
        {}, description="Facts varied for the turning points; the figure that is today's value where no fact is given."
    )
    chart: ChartDeclaration | None = None
    cautions: Name | None = Field(None, description="The collect decision whose values are the cautions.")
    saving: Name | None = Field(None, description="The figure that outcomes of decisions are compared with.")
    base_units: list[Text] = Field(description="The units that are not made of others, such as USD or month.")
    derived_units: dict[Text, Text] = {}
    shown_units: dict[Text, UnitDeclaration] = {}
