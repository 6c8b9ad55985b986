"""claims.yaml as it is written: the models of the source's claims, and the file read into them.

A claim holds the article's words, a verdict on them and the numbers that carry the verdict, each a
formula over costs.yaml and over what the article states only there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from engine.declarations import Expression, Name, Number, RangeOf, Text
from engine.errors import BadInput, Problem, did_you_mean
from engine.source import Document, read_document

Verdict = Literal["holds", "partly", "off", "contradicts", "not checkable"]
ClaimId = Annotated[str, StringConstraints(pattern=r"^C\d{2,3}$")]
#: How near counts as holding, then in parentheses a word for the reader.
Tolerance = Annotated[
    str,
    StringConstraints(pattern=r"^(exact|band|\d+(\.\d+)?%|\d+(\.\d+)? percentage points?|± \d+(\.\d+)?)( \(.+\))?$"),
]
#: Answers whose combinations are enumerated; 2 ** 12 of them is still quick.
MOST_ANSWERS = 12


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InputDeclaration(_Declared):
    """A number the article states; of the claim's own source unless it names another."""

    value: RangeOf | Number
    unit: Text
    source: Text | None = None


class SharedInput(InputDeclaration):
    """A number that several claims use."""

    source: Text


class DefinitionDeclaration(_Declared):
    """A quantity, condition or choice that several claims share."""

    formula: Expression
    unit: Text | None = None
    values: list[Text] | None = Field(None, description="The words a choice may be, instead of a unit.")

    @model_validator(mode="after")
    def _one_type(self) -> DefinitionDeclaration:
        if (self.unit is None) == (self.values is None):
            raise ValueError("needs either a unit or, for a choice, its values")
        return self


class Equation(_Declared):
    """The value of one name at which an equation holds."""

    name: Name = Field(alias="for")
    between: tuple[Expression, Expression]
    such_that: Expression


class Band(_Declared):
    """A printed band, both ends included."""

    low: Number
    high: Number


class ComputedDeclaration(_Declared):
    """One recomputed number: a formula, an equation to solve or combinations to count."""

    title: Text | None = None
    formula: Expression | None = None
    solve: Equation | None = None
    count: Expression | None = Field(None, description="A condition: in how many combinations of answers it holds.")
    distinct: Name | None = Field(None, description="A definition: how many values it takes over the combinations.")
    given: dict[Name, Expression] = Field({}, description="Answers that are settled; the others are unknown.")
    unit: Text | None = None
    values: list[Text] | None = None
    shown_as: Text | None = Field(None, description="The unit in words, where it says more than the unit.")
    printed: Expression | Band | None = Field(None, description="What the article prints for it.")
    aside: bool = Field(False, description="Only the note speaks of it; left out of the table.")

    @model_validator(mode="after")
    def _one_way(self) -> ComputedDeclaration:
        ways = [way for way in (self.formula, self.solve, self.count, self.distinct) if way is not None]
        if len(ways) != 1:
            raise ValueError("needs exactly one of formula, solve, count and distinct")
        if (self.unit is None) == (self.values is None):
            raise ValueError("needs either a unit or, for a choice, its values")
        if self.aside and self.printed is not None:
            raise ValueError("an aside has nothing printed")
        return self

    @property
    def as_written(self) -> str:
        """The formula, equation or condition as written."""
        if self.solve is not None:
            return f"{self.solve.name} such that {self.solve.such_that}"
        if self.count is not None:
            return f"combinations with {self.count}"
        return self.formula or f"different values of {self.distinct}"


class ClaimDeclaration(_Declared):
    """One claim of the source."""

    id: ClaimId
    section: Text
    quote: Text
    verdict: Verdict
    inputs: dict[Name, InputDeclaration] = {}
    computed: dict[Name, ComputedDeclaration] = {}
    printed: list[Expression] | None = Field(
        None, description="What the article prints, where it is not one of the computed numbers."
    )
    tolerance: Tolerance = "exact"
    factor_of: list[Name] | None = Field(None, description="The printed numbers whose factor is shown.")
    factor: list[Expression] | None = None
    holds_if: Expression | None = Field(None, description="True where the claim holds, false where it does not.")
    note: Text | None = None
    reading: Text | None = None

    @model_validator(mode="after")
    def _consistent(self) -> ClaimDeclaration:
        if self.factor is not None and self.factor_of is not None:
            raise ValueError("factor and factor_of exclude each other")
        for name in self.factor_of or ():
            if name not in self.computed or not isinstance(self.computed[name].printed, str):
                raise ValueError(f"factor_of names '{name}', which is not a computed number with a printed one")
        if self.printed is not None and any(entry.printed is not None for entry in self.computed.values()):
            raise ValueError("printed stands either beside computed or with its numbers")
        return self


class ClaimsFile(_Declared):
    """claims.yaml: the source's claims and the formulas that recompute them."""

    source: Text
    units: list[Name] = Field([], description="Further base units, beside those of knowledge.yaml.")
    derived_units: dict[Name, Text] = {}
    plurals: dict[Name, Text] = Field({}, description="How more than one of a unit is written.")
    inputs: dict[Name, SharedInput] = {}
    answers: Annotated[list[Name], Field(max_length=MOST_ANSWERS)] = []
    definitions: dict[Name, DefinitionDeclaration] = {}
    claims: Annotated[list[ClaimDeclaration], Field(min_length=1)]

    @model_validator(mode="after")
    def _ids_are_unique(self) -> ClaimsFile:
        ids = [claim.id for claim in self.claims]
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise ValueError(f"claims that stand twice: {', '.join(twice)}")
        return self


@dataclass(frozen=True, slots=True)
class Claims:
    """claims.yaml as read: its content, and the document that knows where everything stands."""

    file: ClaimsFile
    document: Document


def load_claims(path: Path | str, *, shown: str | None = None) -> Claims:
    """The claims of a file, known to have the right shape; their formulas are read by ``recompute``.

    Args:
        path: the file.
        shown: its name in messages; the path as given where absent.

    Raises:
        BadInput: the file cannot be read or has the wrong shape; every problem found.
    """
    return claims_in(read_document(path, shown=shown))


def claims_in(document: Document) -> Claims:
    """The claims of a document that is already read.

    Raises:
        BadInput: it has the wrong shape; every problem found.
    """
    try:
        return Claims(ClaimsFile.model_validate(document.value), document)
    except ValidationError as error:
        raise BadInput(_shape_problems(error, document)) from None


def _shape_problems(error: ValidationError, document: Document) -> list[Problem]:
    problems = []
    for found in error.errors():
        path = found["loc"]
        unknown_key = found["type"] == "extra_forbidden"
        message = found["msg"].removeprefix("Value error, ")
        hint = None
        if unknown_key:
            message, hint = f"'{path[-1]}' is not a field here", did_you_mean(str(path[-1]), _fields())
        elif isinstance(found["input"], bool):
            hint = "Put a word such as off in quotes: without them YAML reads it as yes or no"
        place = document.place(path, key=unknown_key)
        problems.append(Problem(place, message[:1].lower() + message[1:], field_name(path, document), hint))
    return problems


def _fields() -> set[str]:
    models = (ClaimsFile, ClaimDeclaration, ComputedDeclaration, Equation, DefinitionDeclaration, SharedInput)
    return {info.alias or name for model in models for name, info in model.model_fields.items()}


def field_name(path: Sequence[str | int], document: Document) -> str:
    """``C37.computed.value.formula`` for a path, claims by their id rather than their position."""
    match path:
        case ["claims", int() as position, *rest]:
            claims = document.value.get("claims", []) if isinstance(document.value, dict) else []
            claim = claims[position] if position < len(claims) else None
            name = claim.get("id") if isinstance(claim, dict) else None
            return ".".join(map(str, (name or f"claims[{position}]", *rest)))
    return ".".join(map(str, path))
