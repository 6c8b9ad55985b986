"""Files of a knowledge base held to their models: what is broken is left out, and the rest is kept.

So one misspelt word in one entry does not hide what is wrong elsewhere, and nothing is said twice.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from engine.declarations import DecisionFile
from engine.errors import Problem, did_you_mean
from engine.source import MOST_PROBLEMS, Document, quote

#: A step into a document: a name of a mapping or a position in a list.
Step = str | int
Path = tuple[Step, ...]
_M = TypeVar("_M", bound=BaseModel)

#: Fields that only people read: an entry without them can still be checked.
_READ_BY_PEOPLE = frozenset(
    {"title", "source", "default_source", "because", "question", "why", "help", "stands_in", "description"}
)
_SOURCES = frozenset({"source", "default_source"})
#: What stands for a text that is missing, so that the rest of its entry can be checked.
_PLACEHOLDER = "missing"
#: Each round of leaving out may bring to light what the models check last.
_MOST_ROUNDS = 8
#: The sections of files whose entries stand for themselves.
_SECTIONS = frozenset({"facts", "amounts", "tables", "figures", "rules"})
#: What a model needs at its top, where it is missing or broken.
_NEEDED: Mapping[str, Any] = {
    "name": "unnamed",
    "version": "0",
    "title": _PLACEHOLDER,
    "source": _PLACEHOLDER,
    "base_units": [],
    "hit_policy": "first",
    "facts": {},
}
_NO_RULE = {"id": "none", "when": "false", "then": "none", "because": _PLACEHOLDER, "source": _PLACEHOLDER}


@dataclass(frozen=True, slots=True)
class Draft(Generic[_M]):
    """A file as far as it fits its model.

    Args:
        declared: what it declares without what is broken; None where nothing of it fits.
        problems: everything that does not fit.
        left_out: the paths of the entries, or of fields at the top, that are not in ``declared``.
        rules: for each rule of a decision its position in the file.
    """

    declared: _M | None
    problems: tuple[Problem, ...]
    left_out: frozenset[Path]
    rules: tuple[int, ...] = ()


def draft(document: Document, model: type[_M]) -> Draft[_M]:
    """The document as the model reads it, its broken entries left out."""
    drafting = _Drafting(document, model)
    declared = drafting.declared()
    return Draft(declared, tuple(drafting.problems), frozenset(drafting.left_out), tuple(drafting.rules))


class _Drafting(Generic[_M]):
    def __init__(self, document: Document, model: type[_M]) -> None:
        self.document = document
        self.model = model
        self.problems: list[Problem] = []
        self.left_out: set[Path] = set()
        self.value: Any = document.value
        rules = document.value.get("rules") if isinstance(document.value, dict) else None
        self.rules = list(range(len(rules))) if isinstance(rules, list) else []

    def declared(self) -> _M | None:
        for _ in range(_MOST_ROUNDS):
            try:
                return self.model.model_validate(self.value)
            except ValidationError as error:
                details = _details(error, self.value)
            if not isinstance(self.value, dict):
                message = f"expected a mapping of fields to values, got {_shown(self.value)}"
                hint = "Write name: value, one a line"
                self.problems.append(Problem(self.document.place(()), message, hint=hint, code="format"))
                return None
            self.problems.extend(self._problem(detail) for detail in details[: MOST_PROBLEMS - len(self.problems)])
            if self.value is self.document.value:
                self.value = copy.deepcopy(self.value)
            self._mend(details)
        return None

    # -- what to say -----------------------------------------------------------------------------

    def _problem(self, detail: _Detail) -> Problem:
        path = self._in_file(detail.path)
        at_key = detail.kind in ("extra_forbidden", "missing", "[key]") or detail.kind == "value_error"
        place = self.document.place(path, key=at_key)
        message, hint = _in_words(detail, self.model)
        named = ".".join(map(str, path)) or None
        return Problem(place, message, named, hint, _code(detail))

    def _in_file(self, path: Path) -> Path:
        """The path with the position that a rule has in the file."""
        match path:
            case ("rules", int(index), *_):
                return ("rules", self.rules[index], *path[2:])
            case _:
                return path

    # -- what to leave out -----------------------------------------------------------------------

    def _mend(self, details: Sequence[_Detail]) -> None:
        removed = {entry for detail in details if (entry := self._mended(detail)) is not None}
        for entry in removed:
            self.left_out.add(self._in_file(entry))
        rules = {index for section, index in (entry for entry in removed if len(entry) > 1) if section == "rules"}
        if rules:
            kept = [index for index in range(len(self.value["rules"])) if index not in rules]
            self.value["rules"] = [self.value["rules"][index] for index in kept]
            self.rules = [self.rules[index] for index in kept]
        for entry in removed:
            self._remove(entry)
        if self.model is DecisionFile and not (isinstance(self.value.get("rules"), list) and self.value["rules"]):
            self.value["rules"], self.rules = [_NO_RULE], []
            self.left_out.add(("rules",))

    def _mended(self, detail: _Detail) -> Path | None:
        """The entry to leave out; None where mending a field was enough."""
        path = detail.path
        parent = _follow(self.value, path[:-1]) if path else None
        if isinstance(parent, dict):
            if detail.kind == "extra_forbidden":
                parent.pop(path[-1], None)
                return None
            if path[-1] in _READ_BY_PEOPLE:
                parent[path[-1]] = _PLACEHOLDER
                return None
        entry = _follow(self.value, path)
        if detail.kind == "value_error" and isinstance(entry, dict) and _lacks_default_source(entry):
            entry["default_source"] = _PLACEHOLDER
            return None
        return path[:2] if len(path) > 1 and path[0] in _SECTIONS else path[:1]

    def _remove(self, entry: Path) -> None:
        if not entry:
            self._forget_outputs()
        elif len(entry) > 1:
            section = self.value.get(entry[0])
            if isinstance(section, dict):
                section.pop(entry[1], None)
        elif entry[0] in ("decides", "values"):
            self._forget_outputs()
        elif entry[0] in _NEEDED and entry[0] in self.model.model_fields:
            self.value[entry[0]] = copy.deepcopy(_NEEDED[entry[0]])
        else:
            self.value.pop(entry[0], None)

    def _forget_outputs(self) -> None:
        """Let a decision whose outputs cannot be read decide the names it seems to, with no value known."""
        if self.model is not DecisionFile:
            self.value.clear()
            return
        self.left_out.add(("decides",))
        self.value.pop("values", None)
        self.value["decides"] = {name: [_PLACEHOLDER] for name in outputs_named(self.document) or ["unnamed"]}


def outputs_named(document: Document) -> list[str]:
    """The names a decision file seems to decide, whatever else is wrong with it."""
    decides = document.value.get("decides") if isinstance(document.value, dict) else None
    named = [decides] if isinstance(decides, str) else list(decides) if isinstance(decides, dict) else []
    return [name for name in named if isinstance(name, str) and name.isidentifier() and name == name.lower()]


def _lacks_default_source(entry: Mapping[str, Any]) -> bool:
    return "default" in entry and "default_source" not in entry


def _follow(value: Any, path: Path) -> Any:
    for step in path:
        if not _has(value, step):
            return None
        value = value[step]
    return value


# -- what pydantic found ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Detail:
    """One thing that does not fit.

    Args:
        path: where in the document.
        kind: pydantic's word for it; ``[key]`` for a name that is not one.
        message: pydantic's sentence.
        found: the value there.
        expected: the words that a closed set allows, as pydantic lists them.
        alternatives: what else the place could hold, where it is of several kinds.
    """

    path: Path
    kind: str
    message: str
    found: Any
    expected: str = ""
    alternatives: tuple[str, ...] = ()


def _details(error: ValidationError, value: Any) -> list[_Detail]:
    """What does not fit, each place once: of several readings of a value the one that got furthest."""
    readings: dict[Path, dict[str, list[_Detail]]] = defaultdict(lambda: defaultdict(list))
    for found in error.errors(include_url=False, include_context=True):
        path, reading, at = _readable(found["loc"], value, missing=found["type"] == "missing")
        kind = "[key]" if found["loc"] and found["loc"][-1] == "[key]" else found["type"]
        expected = str(found.get("ctx", {}).get("expected", ""))
        readings[at][reading].append(_Detail(path, kind, found["msg"], _follow(value, path), expected))
    return [detail for alternatives in readings.values() for detail in _best(alternatives)]


def _readable(location: tuple[Step, ...], value: Any, *, missing: bool) -> tuple[Path, str, Path]:
    """The path in the document; the reading of a value of several kinds that it belongs to, and where that begins."""
    path: list[Step] = []
    reading, at = "", None
    for position, step in enumerate(location):
        inner = _follow(value, (*path, step)) if path or step != "" else None
        is_there = inner is not None or _has(_follow(value, tuple(path)), step)
        if is_there or (missing and position == len(location) - 1):
            path.append(step)
        elif step != "[key]" and at is None:
            reading, at = str(step), tuple(path)
    return tuple(path), reading, at if at is not None else tuple(path)


def _has(container: Any, step: Step) -> bool:
    if isinstance(container, list):
        return isinstance(step, int) and step < len(container)
    return isinstance(container, dict) and step in container


def _best(alternatives: Mapping[str, Sequence[_Detail]]) -> Iterable[_Detail]:
    if len(alternatives) == 1:
        return next(iter(alternatives.values()))
    furthest = max(
        alternatives.values(),
        key=lambda details: (
            max(len(detail.path) for detail in details),
            any(detail.kind == "value_error" for detail in details),
            -len(details),
        ),
    )
    first = furthest[0]
    if first.kind.endswith("_type"):
        same_place = (one for details in alternatives.values() for one in details if one.path == first.path)
        kinds = tuple(dict.fromkeys(detail.kind for detail in same_place))
        return [_Detail(first.path, first.kind, first.message, first.found, first.expected, kinds)]
    return furthest


def _code(detail: _Detail) -> str:
    last = detail.path[-1] if detail.path else None
    if last in _SOURCES or (detail.kind == "value_error" and "default_source" in detail.message):
        return "missing-source"
    return {"extra_forbidden": "unknown-field", "missing": "missing-field", "[key]": "name"}.get(detail.kind, "format")


_EXPECTED = {
    "string_type": "text",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "bool_type": "yes or no",
    "dict_type": "a mapping of names to values",
    "model_type": "a mapping of fields to values",
    "list_type": "a list",
    "tuple_type": "a list",
    "finite_number": "a finite number",
    "date_type": "a day such as 2026-01-31",
    "date_from_datetime_parsing": "a day such as 2026-01-31",
}


#: What pydantic puts before the words of a check of our own.
_OWN_WORDS = "Value error, "


def _in_words(detail: _Detail, model: type[BaseModel]) -> tuple[str, str | None]:
    """What is wrong and what would be right."""
    last = detail.path[-1] if detail.path else ""
    if detail.kind == "extra_forbidden":
        return "an unknown field", did_you_mean(str(last), _field_names(model)) or "Leave it out"
    if detail.kind == "missing":
        return "is missing", f"Add {last}: …" if isinstance(last, str) else "Each row has two numbers"
    if detail.kind == "[key]" and detail.message.startswith(_OWN_WORDS):
        return detail.message.removeprefix(_OWN_WORDS), "Use another name"
    if detail.kind in ("[key]", "string_pattern_mismatch"):
        return "names are lower-case letters, digits and _ (ids: and -)", None
    if detail.kind in ("string_too_short", "too_short"):
        return "is empty", "Write it, or leave the field out where it is not needed"
    if detail.kind == "literal_error":
        expected = detail.expected.replace("'", "")
        hint = did_you_mean(str(detail.found), expected.replace(" or ", ", ").split(", "))
        return f"expected {expected}, got {_shown(detail.found)}", hint
    if detail.kind in _EXPECTED:
        kinds = [_EXPECTED[kind] for kind in detail.alternatives or (detail.kind,) if kind in _EXPECTED]
        return f"expected {' or '.join(dict.fromkeys(kinds))}, got {_shown(detail.found)}", _type_hint(detail, kinds)
    if detail.kind == "value_error":
        message = detail.message.removeprefix(_OWN_WORDS)
        return message, "Add default_source: …" if "default_source" in message else None
    return f"{detail.message.removeprefix('Input ')}, got {_shown(detail.found)}", None


def _type_hint(detail: _Detail, kinds: Sequence[str]) -> str | None:
    if kinds != ["text"] or isinstance(detail.found, dict | list):
        return None
    return f"Write it behind {detail.path[-1]}:" if detail.found is None and detail.path else "Put quotes around it"


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else quote(str(value))


def _field_names(model: type[BaseModel]) -> list[str]:
    from engine import declarations

    names = set(model.model_fields)
    for candidate in vars(declarations).values():
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            names.update(field.alias or name for name, field in candidate.model_fields.items())
    return sorted(names)
