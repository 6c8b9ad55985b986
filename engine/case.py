"""Answers as the typed facts of one case.

A case file is a flat mapping of facts to values::

    requests_per_month: 200_000
    has_ml_engineering: yes
    prompt_accuracy: {low: 0.8, likely: 0.85, high: 0.9}
    prompt_cost_per_request: {value: 0.0556, origin: measured, source: invoice of March}
    budget: unknown

Numbers may be written as people write them: ``45_000``, ``45,000``, ``45k`` and ``1.5M``, with ``$`` for
money and ``82%`` for fractions. Only what was given is in a case; defaults come later.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from pathlib import PurePath
from typing import Literal

from engine.declarations import LARGEST_NUMBER, FactDeclaration
from engine.errors import BadInput, Place, Problem, did_you_mean
from engine.source import COMMA_IN_BRACES, MOST_PROBLEMS, Document, quote, refuse, shorten

#: Where a given value comes from.
Origin = Literal["answered", "assumed", "measured"]

_ORIGINS: tuple[Origin, ...] = ("answered", "assumed", "measured")
_DETAILS = ("value", "low", "likely", "high", "origin", "source")
_UNKNOWN = "unknown"
_YES = frozenset({"yes", "y", "true", "on"})
_NO = frozenset({"no", "n", "false", "off"})
#: Quantities where "12M" is more likely to be twelve months than twelve million.
_TIMES = frozenset({"second", "minute", "hour", "day", "week", "month", "quarter", "year"})
_FRACTION = "fraction"
_POWERS = {"": "", "k": "e3", "K": "e3", "M": "e6", "%": "e-2"}
_DIGITS = "[0-9]+(?:_[0-9]+)*"
_NUMBER = re.compile(
    rf"(?P<sign>[-+]?)(?P<dollar>\$?)"
    rf"(?P<digits>[0-9]{{1,3}}(?:,[0-9]{{3}})+(?:\.[0-9]+)?|{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})"
    rf"(?P<exponent>(?:[eE][-+]?[0-9]+)?) ?(?P<suffix>[kKM%]?)"
)
_RANGE = re.compile(r"(\S+?)\s*(?:-|–|—|\.\.+|\bto\b)\s*(\S+)")
_DECIMAL_COMMA = re.compile(r"[-+]?[0-9]+,[0-9]+")
#: No number that people write is longer.
_LONGEST_NUMBER = 100
#: Longer words are not compared with known names, which would take long.
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Given:
    """One fact as it was given.

    ``value`` is None where the fact is said to be unknown; of a range it is the likely value. ``low`` and
    ``high`` are None where a single value was given. Numbers are in the unit that the fact is declared with.
    """

    name: str
    value: float | bool | str | None
    low: float | None = None
    high: float | None = None
    origin: Origin = "answered"
    source: str | None = None
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Case:
    """What was said of one use case, in the order it was said; facts that are not there were not mentioned."""

    name: str
    given: Mapping[str, Given]
    file: str | None = field(default=None, compare=False)

    def replace(self, name: str, given: Given) -> Case:
        """The same case with one fact given anew."""
        return Case(self.name, {**self.given, name: given}, self.file)

    def without(self, name: str) -> Case:
        """The same case with one fact not mentioned."""
        return Case(self.name, {key: given for key, given in self.given.items() if key != name}, self.file)


def read_case(document: Document, vocabulary: Mapping[str, FactDeclaration]) -> Case:
    """The case that a case file describes, named after the file.

    Raises:
        BadInput: every unknown fact, wrong type and value out of bounds of the file, by line.
    """
    name = PurePath(document.file).stem
    if not isinstance(document.value, Mapping):
        message = f"expected a mapping of facts to values, got {_kind(document.value, document.text(()))}"
        refuse([Problem(document.place(()), message, hint=_mapping_hint(document.value, vocabulary))])
    return Case(name, _Reader(vocabulary, document.file, document).read(document.value), document.file)


def case_from_mapping(mapping: Mapping[str, object], vocabulary: Mapping[str, FactDeclaration], name: str) -> Case:
    """The case that plain values describe, shaped as in a case file; None means unknown.

    Raises:
        BadInput: every unknown fact, wrong type and value out of bounds.
    """
    return Case(name, _Reader(vocabulary, name, None).read(mapping))


def parse_answer(text: str, declaration: FactDeclaration, name: str) -> float | bool | str | None:
    """One typed answer as the fact's value; None for ``unknown``.

    Raises:
        BadInput: one problem, whose message and hint say what the fact takes.
    """
    try:
        return _value(text if text.strip() else None, None, declaration)
    except _Wrong as wrong:
        raise BadInput(
            [Problem(Place("answer"), wrong.message, name, wrong.hint or _example_hint(declaration))]
        ) from None


def parse_number(text: str, unit: str | None = None) -> float | None:
    """The number in a text, in the given unit, or None where the text is not exactly one number.

    Takes ``45_000``, ``45,000``, ``4.5e4``, for money (a unit that begins with USD) also ``$45,000``, for
    fractions also ``82%``, and for all but fractions and times ``45k`` and ``1.5M``. The result is infinite
    where the number is too large for a float.
    """
    found = _NUMBER.fullmatch(text.strip()) if len(text) <= _LONGEST_NUMBER else None
    if found is None:
        return None
    suffix, counted = found["suffix"], (unit or "").split("/")[0]
    if found["dollar"] and counted != "USD":
        return None
    if suffix == "%" and unit != _FRACTION:
        return None
    if suffix in ("k", "K", "M") and (unit == _FRACTION or counted.removesuffix("s") in _TIMES):
        return None
    if suffix and found["exponent"]:
        return None
    digits = found["digits"].replace(",", "").replace("_", "")
    return float(f"{found['sign']}{digits}{found['exponent']}{_POWERS[suffix]}")


# One value


class _Wrong(Exception):
    """A value that does not fit its fact; ``hint`` is None where an example says it best."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def _value(raw: object, written: str | None, declaration: FactDeclaration) -> float | bool | str | None:
    """The value as its fact's type; ``written`` is its text in the file, where there is one."""
    if isinstance(raw, str) and raw in (declaration.choices or ()):
        # A base may have a choice of that very word.
        return raw
    if _is_unknown(raw):
        return None
    found = f"expected {_expected(declaration)}, got {_kind(raw, written)}"
    if raw is None:
        raise _Wrong(found, "Write unknown if you do not know it")
    match declaration.type:
        case "number" | "integer":
            return _number(raw, declaration, found)
        case "yes/no":
            return _truth(raw, found)
        case "choice":
            return _choice(raw, written, declaration, found)


def _is_unknown(raw: object) -> bool:
    return isinstance(raw, str) and raw.strip().lower() == _UNKNOWN


def _number(raw: object, declaration: FactDeclaration, found: str) -> float:
    number = _as_number(raw, declaration.unit)
    if number is None:
        raise _Wrong(found, _number_hint(raw, declaration.unit))
    if not math.isfinite(number):
        raise _Wrong(found.replace("expected a ", "expected a finite ", 1))
    if abs(number) > LARGEST_NUMBER:
        raise _Wrong(found, f"No number may be beyond ±{LARGEST_NUMBER:,.0f}")
    if not _within_bounds(number, declaration):
        raise _Wrong(found, None if isinstance(raw, str) and "%" in raw else _percent_hint(number, declaration))
    if declaration.type == "integer" and not number.is_integer():
        raise _Wrong(found)
    return number


def _as_number(raw: object, unit: str | None) -> float | None:
    if isinstance(raw, str):
        return parse_number(raw, unit)
    if isinstance(raw, bool) or not isinstance(raw, Real):
        return None
    try:
        return float(raw)
    except OverflowError:
        return math.inf


def _within_bounds(number: float, declaration: FactDeclaration) -> bool:
    low, high = declaration.bounds
    return low <= number <= high


def _number_hint(raw: object, unit: str | None) -> str | None:
    """What was probably meant by something that is no number."""
    if isinstance(raw, list | tuple):
        return "Write {low: 100, high: 200} for a range" if len(raw) == 2 else None  # noqa: PLR2004 - low and high
    if not isinstance(raw, str) or len(raw) > _LONGEST_NUMBER:
        return None
    text = raw.strip()
    if _DECIMAL_COMMA.fullmatch(text):
        return f"Write {text.replace(',', '.')}, with a decimal point"
    ends = _RANGE.fullmatch(text)
    if ends and parse_number(ends[1], unit) is not None and parse_number(ends[2], unit) is not None:
        return f"Write {{low: {ends[1]}, high: {ends[2]}}} for a range"
    return None


def _percent_hint(number: float, declaration: FactDeclaration) -> str | None:
    if declaration.unit == _FRACTION and 1 < number <= 100 and _within_bounds(number / 100, declaration):  # noqa: PLR2004
        return f"Write {number / 100:.6g} for {number:.6g} %"
    return None


def _truth(raw: object, found: str) -> bool:
    if isinstance(raw, bool):
        return raw
    word = raw.strip().lower() if isinstance(raw, str) else None
    if word in _YES or word in _NO:
        return word in _YES
    raise _Wrong(found, "Write yes or no, or unknown if you do not know it")


def _choice(raw: object, written: str | None, declaration: FactDeclaration, found: str) -> str:
    options = list(declaration.choices or ())
    text = raw if isinstance(raw, str) else written if written is not None else _plain(raw)
    if text in options or (declaration.open and text):
        return text
    spelled = {_spelling(option): option for option in reversed(options)}
    # YAML reads a bare no as a truth; where there is an option none, that is what it says.
    word = "none" if raw is False and "none" in spelled else _spelling(text)
    if word in spelled:
        return spelled[word]
    raise _Wrong(found, _nearest(text, options))


def _spelling(text: str) -> str:
    """The text without regard to case, and to spaces or hyphens in place of ``_``."""
    return re.sub(r"[\s_-]+", "_", text[: 2 * _LONGEST_NAME].strip().lower())


def _nearest(word: str, known: Iterable[str]) -> str | None:
    """The question whether the nearest known word was meant."""
    return did_you_mean(_spelling(word), known) if len(word) <= _LONGEST_NAME else None


# What is said of values


def _expected(declaration: FactDeclaration) -> str:
    """What the fact takes: ``a number of requests/month ≥ 0``."""
    if declaration.type == "yes/no":
        return "yes or no"
    if declaration.choices is not None:
        known = ", ".join(declaration.choices)
        return f"text, such as {known or 'a word'}" if declaration.open else f"one of {known}"
    bounds = _bounds(declaration)
    noun = "a whole number" if declaration.type == "integer" else "a number"
    unit = declaration.unit or ""
    if unit == _FRACTION:
        noun = "a fraction"
    elif unit.startswith("1/"):
        noun = f"{noun} per {unit.removeprefix('1/')}"
    elif unit != "1":
        noun = f"{noun} of {_plural(unit)}"
    return f"{noun} {bounds}".strip()


def _plural(unit: str) -> str:
    counted, slash, rest = unit.partition("/")
    return f"{counted}{'s' if counted.islower() and not counted.endswith('s') else ''}{slash}{rest}"


def _bounds(declaration: FactDeclaration) -> str:
    if declaration.min is not None and declaration.max is not None and declaration.above is None:
        return f"from {_readable(declaration.min)} to {_readable(declaration.max)}"
    limits = (("≥", declaration.min), (">", declaration.above), ("≤", declaration.max))
    return " and ".join(f"{sign} {_readable(limit)}" for sign, limit in limits if limit is not None)


def _readable(number: float) -> str:
    return f"{number:,.10g}"


def _kind(raw: object, written: str | None) -> str:
    """What was found, as a message shows it."""
    if raw is None:
        return "nothing"
    if isinstance(raw, str):
        return quote(raw)
    if isinstance(raw, Mapping):
        return "a mapping"
    if isinstance(raw, list | tuple | set | frozenset):
        return "a list"
    return shorten(_plain(raw) if written is None else written)


def _plain(raw: object) -> str:
    """A value that is not text as a case file would have it."""
    if isinstance(raw, bool):
        return "yes" if raw else "no"
    if isinstance(raw, float):
        return f"{float(raw)!r}"
    if isinstance(raw, int):
        return f"{raw:_}" if abs(raw) < 10**_LONGEST_NAME else "a number too large to show"
    return f"a value of type {type(raw).__name__}"


def _example_hint(declaration: FactDeclaration, label: str | None = None) -> str:
    before = f"{label}: " if label else ""
    return f"Write e.g. {before}{_example(declaration)}"


def _example(declaration: FactDeclaration) -> str:
    """A value that the fact takes, as one would write it."""
    if declaration.type == "yes/no":
        return "yes"
    if declaration.choices is not None:
        return declaration.example or next(iter(declaration.choices), "a word")
    if declaration.example is not None:
        number = parse_number(declaration.example, declaration.unit)
        return declaration.example if number is None else _in_figures(number)
    return _in_figures(_example_number(declaration))


def _example_number(declaration: FactDeclaration) -> float:
    least = declaration.min if declaration.min is not None else declaration.above
    if least is None:
        return 100.0 if declaration.max is None else min(100.0, declaration.max)
    number = least + 100 if declaration.max is None else (least + declaration.max) / 2
    return float(math.ceil(number)) if declaration.type == "integer" else number


def _in_figures(number: float) -> str:
    return f"{int(number):_}" if number.is_integer() and abs(number) < 1e15 else repr(number)  # noqa: PLR2004


def _mapping_hint(value: object, vocabulary: Mapping[str, FactDeclaration]) -> str | None:
    if isinstance(value, str) and ":" in value:
        return "Put a space after each ':'"
    for name, declaration in vocabulary.items():
        return f"Write one fact a line, such as {name}: {_example(declaration)}"
    return None


# A whole case


class _Reader:
    """Reads all facts of one case and collects every problem."""

    def __init__(self, vocabulary: Mapping[str, FactDeclaration], file: str, document: Document | None) -> None:
        self._vocabulary = vocabulary
        self._file = file
        self._document = document
        self._problems: list[Problem] = []

    def read(self, answers: Mapping[str, object]) -> dict[str, Given]:
        """Each fact as it was given, in order.

        Raises:
            BadInput: every problem.
        """
        given = {}
        for name, raw in answers.items():
            declaration = self._vocabulary.get(name)
            if declaration is None:
                self._unknown_name(name)
            elif isinstance(raw, Mapping):
                given[name] = self._detailed(name, raw, declaration)
            else:
                value = self._checked((name,), raw, declaration)
                given[name] = Given(name, value, place=self._place((name,)) if self._document else None)
        if self._problems:
            refuse(self._problems)
        return given

    def _detailed(self, name: str, raw: Mapping[object, object], declaration: FactDeclaration) -> Given:
        """A fact given as a mapping: with its range, its origin, its source."""
        for key in raw:
            if key not in _DETAILS:
                self._unknown_detail(name, key)
        # Programs leave a field null where people leave it out.
        details = {
            str(key): value for key, value in raw.items() if value is not None or self._document or key == "value"
        }
        value, low, high = self._value_and_range(name, details, declaration)
        return Given(
            name,
            value,
            low,
            high,
            self._origin(name, details.get("origin", "answered")),
            self._source(name, details["source"]) if "source" in details else None,
            self._place((name,)) if self._document else None,
        )

    def _value_and_range(
        self, name: str, details: Mapping[str, object], declaration: FactDeclaration
    ) -> tuple[float | bool | str | None, float | None, float | None]:
        ends = [key for key in ("low", "likely", "high") if key in details]
        if not ends:
            if "value" not in details:
                self._add((name,), "expected value, or low and high, in the mapping", _example_of_mapping(declaration))
                return None, None, None
            return self._checked((name, "value"), details["value"], declaration), None, None
        if declaration.type not in ("number", "integer"):
            message = f"expected {_expected(declaration)}, got a range"
            self._add((name, ends[0]), message, _example_hint(declaration, name))
            return None, None, None
        if "value" in details:
            hint = "Write low, likely and high, or value alone"
            self._add((name, "value"), f"given beside {' and '.join(ends)}", hint)
            return None, None, None
        return self._range(name, details, declaration)

    def _range(
        self, name: str, details: Mapping[str, object], declaration: FactDeclaration
    ) -> tuple[float | None, float | None, float | None]:
        for key in ("low", "high"):
            if key not in details:
                self._add((name,), f"a range needs {key} too", "Write {low: 100, likely: 150, high: 200}", label=key)
        low, likely, high = (
            self._end(name, key, details[key], declaration) if key in details else None
            for key in ("low", "likely", "high")
        )
        if low is None or high is None:
            return None, None, None
        if low > high:
            self._add((name, "low"), f"low {_in_figures(low)} is above high {_in_figures(high)}", "Exchange the two")
        elif likely is not None and not low <= likely <= high:
            message = f"likely {_in_figures(likely)} is outside of {_in_figures(low)} to {_in_figures(high)}"
            self._add((name, "likely"), message, "Write a value between low and high, or leave likely out")
        return _middle(low, high, declaration) if likely is None else likely, low, high

    def _end(self, name: str, key: str, raw: object, declaration: FactDeclaration) -> float | None:
        if raw is None or _is_unknown(raw):
            hint = f"Write {name}: unknown where one end is not known"
            found = "nothing" if raw is None else _UNKNOWN
            self._add((name, key), f"expected {_expected(declaration)}, got {found}", hint)
            return None
        value = self._checked((name, key), raw, declaration)
        return value if isinstance(value, float) else None

    def _origin(self, name: str, raw: object) -> Origin:
        word = raw.strip().lower() if isinstance(raw, str) else None
        for origin in _ORIGINS:
            if origin == word:
                return origin
        path = (name, "origin")
        found = _kind(raw, self._written(path))
        self._add(path, f"expected one of {', '.join(_ORIGINS)}, got {found}", "Write origin: measured")
        return "answered"

    def _source(self, name: str, raw: object) -> str | None:
        path = (name, "source")
        text = raw if isinstance(raw, str) else self._written(path)
        if isinstance(text, str) and text.strip():
            return text.strip()
        self._add(path, f"expected text, got {_kind(raw, text)}", "Write where the value comes from, or leave it out")
        return None

    def _checked(self, path: tuple[str, ...], raw: object, declaration: FactDeclaration) -> float | bool | str | None:
        """The value, or None where it is unknown or a problem was noted."""
        if raw is None and self._document is None:
            return None
        try:
            return _value(raw, self._written(path), declaration)
        except _Wrong as wrong:
            self._add(path, wrong.message, wrong.hint or _example_hint(declaration, path[-1]))
            return None

    def _unknown_name(self, name: object) -> None:
        text = name if isinstance(name, str) else _plain(name)
        hint = "`breakeven rules show` lists all facts"
        # A comparison with every name takes a while, and past MOST_PROBLEMS nothing is shown.
        if len(self._problems) < MOST_PROBLEMS and (near := _nearest(text, self._vocabulary)):
            hint = f"{near} {hint}"
        self._add((text,), "there is no fact of this name", hint, at_key=True)

    def _unknown_detail(self, name: str, key: object) -> None:
        text = key if isinstance(key, str) else _plain(key)
        if text.replace("_", "").isdigit():
            hint = COMMA_IN_BRACES
        elif ":" in text:
            hint = "Put a space after each ':'"
        else:
            hint = f"Write one of {', '.join(_DETAILS)}"
        self._add((name, text), "not part of a value", hint, at_key=True)

    def _place(self, path: tuple[str, ...], *, at_key: bool = False) -> Place:
        return self._document.place(path, key=at_key) if self._document else Place(self._file)

    def _written(self, path: tuple[str, ...]) -> str | None:
        return self._document.text(path) if self._document else None

    def _add(
        self, path: tuple[str, ...], message: str, hint: str | None, *, at_key: bool = False, label: str | None = None
    ) -> None:
        named = ".".join(shorten(step) for step in (*path, *((label,) if label else ())))
        self._problems.append(Problem(self._place(path, at_key=at_key), message, named, hint))


def _example_of_mapping(declaration: FactDeclaration) -> str:
    return f"Write e.g. {{value: {_example(declaration)}, origin: measured}}"


def _middle(low: float, high: float, declaration: FactDeclaration) -> float:
    """The midpoint of a range, whole for a fact that is."""
    middle = (low + high) / 2
    if math.isinf(middle):
        middle = low / 2 + high / 2
    return float(math.floor(middle)) if declaration.type == "integer" else middle
