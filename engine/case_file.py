"""A case as the text of a case file, to be read back by ``engine.case.read_case`` as it was."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping

from engine.case import Case, Given
from engine.declarations import FactDeclaration
from engine.source import plain_value, printable

#: Numbers up to here are written as integers where they are whole; beyond it their exponent is shorter.
_LONGEST_INTEGER = 1e15
_WIDTH = 100
#: Words that need no quotes, unless they mean something else in YAML.
_BARE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
#: What no YAML file may hold, in quotes or outside.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
_ESCAPED = {
    "\\": "\\\\",
    '"': '\\"',
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\x85": "\\N",
    "\u2028": "\\L",
    "\u2029": "\\P",
}


def case_to_yaml(case: Case, vocabulary: Mapping[str, FactDeclaration]) -> str:
    """The case file that says what the case says, each fact below its question.

    Origins, sources and ranges are kept; of characters that no YAML file may hold a replacement is written.
    """
    if not case.given:
        return "# Nothing was answered yet.\n{}\n"
    return "\n".join(_fact(given, vocabulary[name]) for name, given in case.given.items())


def _fact(given: Given, declaration: FactDeclaration) -> str:
    said = printable(" ".join((declaration.question or declaration.title).split()))
    comment = textwrap.wrap(said, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
    return "\n".join([*comment, f"{given.name}: {_value(given)}", ""])


def _value(given: Given) -> str:
    """The value alone where there is nothing else to say of it, else a mapping with its details."""
    details: dict[str, str] = {}
    if given.low is not None and given.high is not None and isinstance(given.value, float):
        details |= {"low": _number(given.low), "likely": _number(given.value), "high": _number(given.high)}
    else:
        details["value"] = _scalar(given.value)
    if given.origin != "answered":
        details["origin"] = given.origin
    if given.source is not None:
        details["source"] = _quoted(given.source)
    if details.keys() == {"value"}:
        return details["value"]
    return "{" + ", ".join(f"{key}: {text}" for key, text in details.items()) + "}"


def _scalar(value: float | bool | str | None) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _word(value) if isinstance(value, str) else _number(value)


def _number(value: float) -> str:
    value = float(value)
    return f"{int(value):_}" if value.is_integer() and abs(value) < _LONGEST_INTEGER else repr(value)


def _word(text: str) -> str:
    return text if _BARE.fullmatch(text) and plain_value(text) == text else _quoted(text)


def _quoted(text: str) -> str:
    written = _FORBIDDEN.sub("\ufffd", text)
    return '"' + "".join(_ESCAPED.get(character, character) for character in written) + '"'
