"""Rule files as text: every value read back as it was, and as few quotes as that takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.declarations import word_of
from engine.source import printable

_WIDEST = 118
#: Text that YAML reads as itself, whatever reads it: no mark that opens or ends anything, no number, no truth.
_PLAIN = re.compile(r"[A-Za-z_(][A-Za-z0-9_ .,;/()+*<>=€$%?!'’“”–-]*")
_NOT_TEXT = frozenset({"", "~", "null", "yes", "no", "on", "off", "y", "n", "true", "false", "nan", "inf", "infinity"})


def yaml_text(value: Mapping[str, Any], comment: str) -> str:
    """A file that begins with a comment and holds the mapping, its order kept."""
    lines = [f"# {printable(' '.join(comment.split()))}"[:_WIDEST], *_mapping(value, "")]
    return "\n".join(lines) + "\n"


def _mapping(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, inner in value.items():
        yield from _entry(f"{indent}{_scalar(key)}:", inner, indent)


def _entry(before: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        yield before
        yield from _mapping(value, f"{indent}  ")
    elif isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
        yield before
        for item in value:
            first, *rest = _mapping(item, f"{indent}    ")
            yield f"{indent}  - {first.strip()}"
            yield from rest
    elif isinstance(value, list | tuple):
        yield from _list(before, value, indent)
    else:
        yield f"{before} {_scalar(value)}"


def _list(before: str, values: Sequence[Any], indent: str) -> Iterator[str]:
    short = f"{before} [{', '.join(_in_brackets(value) for value in values)}]"
    if len(short) <= _WIDEST:
        yield short
        return
    yield before
    yield from (f"{indent}  - {_scalar(value)}" for value in values)


def _in_brackets(value: Any) -> str:
    text = _scalar(value)
    return text if text[0] in "\"'" or not re.search(r"[,\[\]{}]", text) else _quoted(str(value))


def _scalar(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{}"
    if value is None:
        return "null"
    if isinstance(value, str):
        return _text(value)
    return word_of(float(value) if isinstance(value, int) and not isinstance(value, bool) else value)


def _text(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT and text == text.strip()
    return text if plain else _quoted(text)


def _quoted(text: str) -> str:
    """The text in quotes, in double ones where it takes an escape; what does not print is written as its number."""
    if text.isprintable() and "'" not in text and "\\" not in text and '"' in text:
        return f"'{text}'"
    shown = json.dumps(text, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else f"\\U{ord(letter):08X}" for letter in shown)
